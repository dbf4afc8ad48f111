// SPDX-License-Identifier: Apache-2.0
/* Goal: the types of an engine are those of the program and of the user's files; a wrong file or
 * name is told before the start; values of a type are judged and converted both ways. */
#include "io/engine/types.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "proto/schema/schema.h"

extern const struct tc_str tc_test_schema_set;

static struct tc_conf conf;
static struct tc_rules rules;
static struct tc_types types;
static struct tc_err err;
static char file[64];

static void write_file(struct tc_str bytes)
{
    snprintf(file, sizeof(file), "/tmp/tc-types-XXXXXX");
    int fd = mkstemp(file);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
    close(fd);
}

/* head: further settings; rows: of the topic. */
static int load(const char *head, const char *row)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml),
             "%ssources:\n"
             "  - name: main\n"
             "    kafka:\n"
             "      brokers: \"b:1\"\n"
             "      topics:\n"
             "        - { topic: t, room: \"r-{key}\", event: e }\n"
             "        - { topic: u, room: \"s-{key}\", event: e, %s }\n",
             head, row);
    err = (struct tc_err){ 0 };
    cr_assert_eq(tc_conf_parse(&conf, tc_str_from(yaml), NULL, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_check_rules(&conf, &rules, &err), TC_OK, "%s", err.text);
    return tc_types_load(&types, &conf, &rules, &err);
}

/* With the test's own file. */
static int load_with_file(const char *row)
{
    char head[128];
    snprintf(head, sizeof(head), "schemas: [\"%s\"]\n", file);
    return load(head, row);
}

static void unload(void)
{
    tc_types_free(&types);
    tc_conf_fini(&conf);
}

static void teardown(void)
{
    if (file[0])
        unlink(file);
}

TestSuite(types, .fini = teardown);

/* ---- load ---- */

Test(types, the_programs_own)
{
    /* Goal: without files there are the program's messages; a topic without a message has none. */
    cr_assert_eq(load("", "message: jts.marketdata.v1.Tick"), TC_OK, "%s", err.text);
    cr_expect_null(rules.rules[0].message);
    cr_expect_eq(rules.rules[0].type.len, 0);
    cr_expect_eq(rules.rules[0].form, TC_FORM_JSON);
    const struct tc_rule *r = &rules.rules[1];
    cr_assert_not_null(r->message);
    cr_expect(tc_str_eq(r->message->full_name, TC_STR("jts.marketdata.v1.Tick")));
    cr_expect(tc_str_eq(r->type, r->message->full_name));
    cr_expect(!r->is_framed && !r->is_unknown_ignored);
    unload();
    cr_assert_eq(load("", "message: jts.marketdata.v1.Book, format: protobuf, framing: confluent, "
                          "unknown_fields: ignore"),
                 TC_OK);
    cr_expect(r->is_framed && r->is_unknown_ignored && r->form == TC_FORM_PROTOBUF);
    unload();
    cr_expect_null(types.mem, "freed");
    tc_types_free(&types);
}

Test(types, of_a_file)
{
    /* Goal: messages of the user's descriptor set, beside the program's own. */
    write_file(tc_test_schema_set);
    cr_assert_eq(load_with_file("message: test.kinds.Scalars"), TC_OK, "%s", err.text);
    cr_expect_not_null(tc_pb_message(&types.schema, TC_STR("jts.marketdata.v1.Tick")));
    cr_expect(tc_str_eq(rules.rules[1].message->full_name, TC_STR("test.kinds.Scalars")));
    unload();
}

Test(types, files_that_are_none)
{
    /* Goal: a missing file, a folder, what is no descriptor set, a cut one: refused by its name,
     * and nothing is held. */
    cr_expect_eq(load("schemas: [\"/nowhere/x.binpb\"]\n", "message: a.B"), -TC_EINVAL);
    cr_expect_str_eq(err.text,
                     "schemas: /nowhere/x.binpb cannot be opened: No such file or directory");
    cr_expect_null(types.mem);
    tc_conf_fini(&conf);
    cr_expect_eq(load("schemas: [\"/tmp\"]\n", "message: a.B"), -TC_EINVAL);
    cr_expect_not_null(strstr(err.text, "schemas: /tmp cannot be read"), "%s", err.text);
    tc_conf_fini(&conf);
    write_file(TC_STR("syntax = \"proto3\";\n"));
    cr_expect_eq(load_with_file("message: a.B"), -TC_EINVAL);
    cr_expect(err.text[0]);
    cr_expect_null(types.mem);
    tc_conf_fini(&conf);
    unlink(file);
    write_file((struct tc_str){ tc_test_schema_set.ptr, tc_test_schema_set.len - 7 });
    cr_expect_eq(load_with_file("message: test.kinds.Scalars"), -TC_EINVAL);
    cr_expect_null(types.mem);
    tc_conf_fini(&conf);
}

Test(types, file_that_is_too_large)
{
    /* Goal: more than TC_TYPES_FILE_MAX is refused before it is understood. */
    write_file(TC_STR("x"));
    cr_assert_eq(truncate(file, TC_TYPES_FILE_MAX + 1), 0);
    cr_expect_eq(load_with_file("message: a.B"), -TC_EINVAL);
    cr_expect_not_null(strstr(err.text, "more than 16 MiB"), "%s", err.text);
    tc_conf_fini(&conf);
}

Test(types, message_that_there_is_not)
{
    /* Goal: an unknown name is told with its topic, line and column. */
    cr_expect_eq(load("", "message: jts.marketdata.v1.Tack"), -TC_EINVAL);
    cr_expect_str_eq(err.text,
                     "sources[0].kafka.topics[1].message: there is no message "
                     "jts.marketdata.v1.Tack: name it in full, and put the descriptor set that has "
                     "it into schemas");
    cr_expect_eq(err.line, 7);
    cr_expect_gt(err.col, 0);
    cr_expect_null(types.mem);
    tc_conf_fini(&conf);
}

/* ---- values ---- */

enum { CAP = 64 };

static const struct tc_rule *rule(void)
{
    return &rules.rules[1];
}

static int64_t convert(enum tc_form to, struct tc_str payload, uint8_t *out, uint32_t cap)
{
    return tc_types_convert(&types, rule(), to, payload, out, cap);
}

#define TICK_JSON TC_STR("{\"symbol\":\"A\",\"price\":\"1.5\"}")
#define TICK_PB TC_STR("\x0a\x01\x41\x1a\x03\x31.5")

Test(types, both_ways)
{
    /* Goal: one value in both forms; what is not of the type, or does not fit, is refused. */
    uint8_t out[CAP];
    cr_assert_eq(load("", "message: jts.marketdata.v1.Tick"), TC_OK);
    int64_t len = convert(TC_FORM_PROTOBUF, TICK_JSON, out, CAP);
    cr_assert(tc_str_eq((struct tc_str){ (char *)out, (size_t)len }, TICK_PB));
    cr_expect_eq(convert(TC_FORM_PROTOBUF, TICK_JSON, out, (uint32_t)len), len);
    cr_expect_eq(convert(TC_FORM_PROTOBUF, TICK_JSON, out, (uint32_t)len - 1), -TC_ELIMIT);
    len = convert(TC_FORM_JSON, TICK_PB, out, CAP);
    cr_assert(tc_str_eq((struct tc_str){ (char *)out, (size_t)len }, TICK_JSON));
    cr_expect_eq(convert(TC_FORM_JSON, TICK_PB, out, (uint32_t)len - 1), -TC_ELIMIT);
    cr_expect_lt(convert(TC_FORM_JSON, TC_STR("\x0a\x05x"), out, CAP), 0);
    cr_expect_lt(convert(TC_FORM_PROTOBUF, TC_STR("{\"symbol\":7}"), out, CAP), 0);
    cr_expect_lt(convert(TC_FORM_PROTOBUF, TC_STR("{\"none\":7}"), out, CAP), 0);
    rules.rules[1].is_unknown_ignored = true;
    cr_expect_eq(convert(TC_FORM_PROTOBUF, TC_STR("{\"none\":7}"), out, CAP), 0);
    unload();
}

struct judged {
    enum tc_types_verdict verdict;
    struct tc_str payload, json;
};

static struct judged judge(struct tc_str value, uint32_t cap)
{
    static uint8_t scratch[CAP];
    struct judged j;
    j.verdict = tc_types_judge(&types, rule(), value, scratch, cap, &j.payload, &j.json);
    return j;
}

Test(types, judge_json)
{
    /* Goal: a JSON value goes on as it is, and is its own JSON; without its frame if it has one. */
    struct judged j;
    cr_assert_eq(load("", "message: jts.marketdata.v1.Tick"), TC_OK);
    j = judge(TICK_JSON, CAP);
    cr_expect_eq(j.verdict, TC_TYPES_FINE);
    cr_expect(tc_str_eq(j.payload, TICK_JSON) && tc_str_eq(j.json, TICK_JSON));
    cr_expect_eq(judge(TC_STR("{\"symbol\":"), CAP).verdict, TC_TYPES_BAD_MESSAGE);
    cr_expect_eq(judge(TC_STR("{\"none\":1}"), CAP).verdict, TC_TYPES_BAD_MESSAGE);
    cr_expect_eq(judge(TC_STR(""), CAP).verdict, TC_TYPES_BAD_MESSAGE);
    cr_expect_eq(judge(TICK_JSON, 7).verdict, TC_TYPES_TOO_LARGE);
    unload();
    cr_assert_eq(load("", "message: jts.marketdata.v1.Tick, framing: confluent"), TC_OK);
    j = judge(TC_STR("\0\0\0\0\x09{\"symbol\":\"A\",\"price\":\"1.5\"}"), CAP);
    cr_expect_eq(j.verdict, TC_TYPES_FINE);
    cr_expect(tc_str_eq(j.payload, TICK_JSON) && tc_str_eq(j.json, TICK_JSON));
    cr_expect_eq(judge(TICK_JSON, CAP).verdict, TC_TYPES_BAD_FRAME);
    cr_expect_eq(judge(TC_STR("\0\0\0"), CAP).verdict, TC_TYPES_BAD_FRAME);
    cr_expect_eq(judge(TC_STR("\0\0\0\0\x09nix"), CAP).verdict, TC_TYPES_BAD_MESSAGE);
    unload();
    cr_assert_eq(load("", "framing: confluent"), TC_OK);
    j = judge(TC_STR("\0\0\0\0\x09 any"), CAP);
    cr_expect_eq(j.verdict, TC_TYPES_FINE);
    cr_expect(tc_str_eq(j.payload, TC_STR(" any")) && tc_str_eq(j.json, TC_STR(" any")));
    unload();
}

Test(types, judge_protobuf)
{
    /* Goal: a protobuf value goes on as it is, and its JSON is made; the frame has the way to the
     * message in it. */
    struct judged j;
    cr_assert_eq(load("", "message: jts.marketdata.v1.Tick, format: protobuf"), TC_OK);
    j = judge(TICK_PB, CAP);
    cr_expect_eq(j.verdict, TC_TYPES_FINE);
    cr_expect(tc_str_eq(j.payload, TICK_PB) && tc_str_eq(j.json, TICK_JSON));
    j = judge(TC_STR(""), CAP);
    cr_expect(j.verdict == TC_TYPES_FINE && tc_str_eq(j.json, TC_STR("{}")));
    cr_expect_eq(judge(TC_STR("\x0a\x05x"), CAP).verdict, TC_TYPES_BAD_MESSAGE);
    cr_expect_eq(judge(TC_STR("\x0a\x01\xff"), CAP).verdict, TC_TYPES_BAD_MESSAGE);
    cr_expect_eq(judge(TICK_PB, 20).verdict, TC_TYPES_TOO_LARGE);
    unload();
    cr_assert_eq(load("", "message: jts.marketdata.v1.Tick, format: protobuf, framing: confluent"),
                 TC_OK);
    j = judge(TC_STR("\0\0\0\0\x09\0\x0a\x01\x41\x1a\x03\x31.5"), CAP);
    cr_expect_eq(j.verdict, TC_TYPES_FINE);
    cr_expect(tc_str_eq(j.payload, TICK_PB) && tc_str_eq(j.json, TICK_JSON));
    j = judge(TC_STR("\0\0\0\0\x09\x04\x02\x06\x0a\x01\x41\x1a\x03\x31.5"), CAP);
    cr_expect(j.verdict == TC_TYPES_FINE && tc_str_eq(j.payload, TICK_PB));
    cr_expect_eq(judge(TICK_PB, CAP).verdict, TC_TYPES_BAD_FRAME);
    cr_expect_eq(judge(TC_STR("\0\0\0\0\x09"), CAP).verdict, TC_TYPES_BAD_FRAME);
    unload();
}
