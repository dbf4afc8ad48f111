// SPDX-License-Identifier: Apache-2.0
#include "core/topo/check_rules.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/conf/arena.h"

enum { PATH_BYTES = 128, SHOWN_MAX = 96 }; /* SHOWN_MAX: bytes of a template in a message */

/* Where the operator finds the template of a rule. */
static const char *path_of(const struct tc_conf *conf, uint32_t source, uint32_t rule,
                           char out[PATH_BYTES])
{
    const struct tc_conf_source *s = &conf->sources[source];
    if (s->kind == TC_SOURCE_KAFKA)
        snprintf(out, PATH_BYTES, "sources[%" PRIu32 "].kafka.topics[%" PRIu32 "].room", source,
                 rule);
    else
        snprintf(out, PATH_BYTES, "sources[%" PRIu32 "].%s.room", source,
                 s->kind == TC_SOURCE_SYNTH ? "synth" : "replay");
    return out;
}

static int at(const struct tc_conf_rule *rule, struct tc_err *err)
{
    if (err) {
        err->line = rule->line;
        err->col = rule->col;
    }
    return -TC_EINVAL;
}

/* The template with its topic's name in place of {topic}: two topics are then known to differ. */
static struct tc_str with_topic(struct tc_conf *conf, const struct tc_conf_rule *rule)
{
    const struct tc_str mark = TC_STR("{topic}");
    const char *topic = rule->topic;
    size_t topic_len = strlen(topic);
    size_t cnt = 0;
    for (const char *p = rule->room; (p = strstr(p, mark.ptr)) != NULL; p += mark.len)
        cnt++;
    if (cnt == 0)
        return tc_str_from(rule->room);
    char *text = tc_arena_take(&conf->arena, strlen(rule->room) + cnt * topic_len + 1);
    size_t len = 0;
    for (const char *p = rule->room; *p;) {
        if (strncmp(p, mark.ptr, mark.len) == 0) {
            for (size_t i = 0; i < topic_len; i++)
                text[len++] = topic[i];
            p += mark.len;
        } else {
            text[len++] = *p++;
        }
    }
    return (struct tc_str){ text, len };
}

/* {n} is what the generator calls its symbol; elsewhere nothing would be behind it. */
static int compile(struct tc_conf *conf, uint32_t source, uint32_t idx, struct tc_rule *out,
                   struct tc_err *err)
{
    const struct tc_conf_source *s = &conf->sources[source];
    const struct tc_conf_rule *rule = &s->rules[idx];
    char path[PATH_BYTES];
    struct tc_err fault = { .code = 0 };
    path_of(conf, source, idx, path);
    out->topic = tc_str_from(rule->topic);
    out->event = tc_str_from(rule->event);
    out->form = rule->format == TC_FORMAT_PROTOBUF ? TC_FORM_PROTOBUF : TC_FORM_JSON;
    out->type = rule->message ? tc_str_from(rule->message) : (struct tc_str){ "", 0 };
    out->message = NULL;
    out->is_framed = rule->framing == TC_FRAMING_CONFLUENT;
    out->is_unknown_ignored = rule->unknown == TC_UNKNOWN_IGNORE;
    out->source = (uint16_t)source;
    out->idx = (uint16_t)idx;
    if (tc_template_compile(&out->room, with_topic(conf, rule), &fault)) {
        tc_err_set(err, -TC_EINVAL, "%s: \"%.*s\": %.*s", path, SHOWN_MAX, rule->room,
                   TC_ERR_TEXT_BYTES / 2, fault.text);
        return at(rule, err);
    }
    if (s->kind == TC_SOURCE_KAFKA && strstr(rule->room, "{n}")) {
        tc_err_set(err, -TC_EINVAL, "%s: \"%.*s\": {n} is of synth sources only; use {key}", path,
                   SHOWN_MAX, rule->room);
        return at(rule, err);
    }
    return TC_OK;
}

/* " (line 8)", or nothing for one of the environment. */
static const char *line_of(const struct tc_conf_rule *rule, char out[32])
{
    out[0] = '\0';
    if (rule->line > 0)
        snprintf(out, 32, " (line %d)", rule->line);
    return out;
}

static int fail_pair(const struct tc_conf *conf, const struct tc_rule *first,
                     const struct tc_rule *second, struct tc_err *err)
{
    const struct tc_conf_rule *a = &conf->sources[first->source].rules[first->idx];
    const struct tc_conf_rule *b = &conf->sources[second->source].rules[second->idx];
    char paths[2][PATH_BYTES];
    char lines[2][32];
    tc_err_set(err, -TC_EINVAL,
               "%s: \"%.*s\"%s can make the same room as \"%.*s\" of %s%s: a room comes from one "
               "topic, so give one of them a beginning of its own",
               path_of(conf, second->source, second->idx, paths[1]), SHOWN_MAX, b->room,
               line_of(b, lines[1]), SHOWN_MAX, a->room,
               path_of(conf, first->source, first->idx, paths[0]), line_of(a, lines[0]));
    return at(b, err);
}

int tc_check_rules(struct tc_conf *conf, struct tc_rules *rules, struct tc_err *err)
{
    rules->cnt = 0;
    for (uint32_t i = 0; i < conf->source_cnt; i++) {
        rules->first[i] = rules->cnt;
        for (uint32_t j = 0; j < conf->sources[i].rule_cnt; j++) {
            TC_ASSERT(rules->cnt < TC_RULES_MAX);
            struct tc_rule *rule = &rules->rules[rules->cnt];
            int rc = compile(conf, i, j, rule, err);
            if (rc)
                return rc;
            for (uint32_t k = 0; k < rules->cnt; k++) {
                if (tc_template_intersects(&rules->rules[k].room, &rule->room))
                    return fail_pair(conf, &rules->rules[k], rule, err);
            }
            rules->cnt++;
        }
    }
    return TC_OK;
}
