// SPDX-License-Identifier: Apache-2.0
#include "io/engine/types.h"

#include <errno.h>
#include <stdio.h>

#include "proto/schema/schema.h"
#include "proto/transcode/confluent.h"
#include "proto/transcode/transcode.h"

static int read_file(const char *name, char **out, struct tc_str *set, struct tc_err *err)
{
    FILE *in = fopen(name, "rb");
    if (!in)
        return tc_err_set(err, -TC_EINVAL, "schemas: %s cannot be opened: %s", name,
                          strerror(errno));
    char *bytes = tc_alloc(TC_TYPES_FILE_MAX + 1);
    size_t len = fread(bytes, 1, TC_TYPES_FILE_MAX + 1, in);
    bool is_wrong = ferror(in) || len > TC_TYPES_FILE_MAX;
    fclose(in);
    *out = bytes;
    *set = (struct tc_str){ bytes, len };
    if (!is_wrong)
        return TC_OK;
    return tc_err_set(err, -TC_EINVAL, "schemas: %s cannot be read, or has more than 16 MiB", name);
}

static int load_sets(struct tc_types *types, const struct tc_conf *conf, struct tc_err *err)
{
    struct tc_str sets[1 + TC_CONF_SCHEMAS_MAX] = { tc_schema_set };
    int rc = TC_OK;
    for (uint32_t i = 0; rc == TC_OK && i < conf->schema_cnt; i++)
        rc = read_file(conf->schemas[i], &types->files[i], &sets[1 + i], err);
    if (rc < 0)
        return rc;
    rc = tc_pb_schema_load(&types->schema, sets, 1 + conf->schema_cnt, types->mem, "schemas", err);
    return rc < 0 ? -TC_EINVAL : TC_OK;
}

static int find_messages(struct tc_types *types, const struct tc_conf *conf, struct tc_rules *rules,
                         struct tc_err *err)
{
    for (uint32_t i = 0; i < rules->cnt; i++) {
        struct tc_rule *rule = &rules->rules[i];
        if (rule->type.len == 0)
            continue;
        rule->message = tc_pb_message(&types->schema, rule->type);
        if (rule->message)
            continue;
        const struct tc_conf_rule *at = &conf->sources[rule->source].rules[rule->idx];
        tc_err_set(err, -TC_EINVAL,
                   "sources[%d].kafka.topics[%d].message: there is no message %s: name it in full, "
                   "and put the descriptor set that has it into schemas",
                   rule->source, rule->idx, at->message);
        err->line = at->line;
        err->col = at->col;
        return -TC_EINVAL;
    }
    return TC_OK;
}

int tc_types_load(struct tc_types *types, const struct tc_conf *conf, struct tc_rules *rules,
                  struct tc_err *err)
{
    memset(types, 0, sizeof(*types));
    types->mem = tc_alloc(sizeof(*types->mem));
    tc_mem_init(types->mem, 0);
    int rc = load_sets(types, conf, err);
    if (rc == TC_OK)
        rc = find_messages(types, conf, rules, err);
    if (rc < 0)
        tc_types_free(types);
    return rc;
}

void tc_types_free(struct tc_types *types)
{
    if (!types->mem)
        return;
    tc_mem_fini(types->mem);
    tc_free(types->mem);
    for (uint32_t i = 0; i < TC_CONF_SCHEMAS_MAX; i++)
        tc_free(types->files[i]);
    memset(types, 0, sizeof(*types));
}

int64_t tc_types_convert(void *ctx, const struct tc_rule *rule, enum tc_form to,
                         struct tc_str payload, uint8_t *out, uint32_t cap)
{
    const struct tc_types *types = ctx;
    struct tc_transcode t = { .schema = &types->schema,
                              /* a producer whose protobuf type has grown is as right as ever */
                              .is_unknown_ignored =
                                  rule->is_unknown_ignored || rule->form == TC_FORM_PROTOBUF };
    struct tc_pb_out to_out = tc_pb_out(out, cap);
    int rc = to == TC_FORM_JSON ? tc_transcode_to_json(&t, rule->message, payload, &to_out)
                                : tc_transcode_to_pb(&t, rule->message, payload, &to_out);
    return rc < 0 ? rc : to_out.at - out;
}

enum tc_types_verdict tc_types_judge(const struct tc_types *types, const struct tc_rule *rule,
                                     struct tc_str value, uint8_t *scratch, uint32_t cap,
                                     struct tc_str *payload, struct tc_str *json)
{
    bool is_json = rule->form == TC_FORM_JSON;
    *payload = value;
    if (rule->is_framed) {
        struct tc_confluent frame;
        if (tc_confluent_read(value, !is_json, &frame) < 0)
            return TC_TYPES_BAD_FRAME;
        *payload = (struct tc_str){ value.ptr + frame.payload_off, value.len - frame.payload_off };
    }
    *json = *payload;
    if (!rule->message)
        return TC_TYPES_FINE;
    int64_t len = tc_types_convert((void *)types, rule, is_json ? TC_FORM_PROTOBUF : TC_FORM_JSON,
                                   *payload, scratch, cap);
    if (len < 0)
        return len == -TC_ELIMIT ? TC_TYPES_TOO_LARGE : TC_TYPES_BAD_MESSAGE;
    if (!is_json)
        *json = (struct tc_str){ (const char *)scratch, (size_t)len };
    return TC_TYPES_FINE;
}
