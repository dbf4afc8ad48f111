// SPDX-License-Identifier: Apache-2.0
/* One configuration at a time, and rows of wrong ones. */
#ifndef TC_TESTS_UNIT_CORE_CONF_FIXTURE_H
#define TC_TESTS_UNIT_CORE_CONF_FIXTURE_H

#include <stdio.h>

#include "core/conf/parse.h"

static struct tc_conf conf;
static struct tc_err err;

static int parse_env(const char *yaml, const char *const *env)
{
    memset(&err, 0, sizeof(err));
    tc_conf_fini(&conf);
    return tc_conf_parse(&conf, tc_str_from(yaml), (char *const *)(uintptr_t)env, &err);
}

static inline int parse(const char *yaml)
{
    return parse_env(yaml, NULL);
}

/* What is wrong, where it must be said to be, and a part of the text. */
struct row {
    const char *yaml;
    int line;
    int col;
    const char *part;
};

static inline void expect_faults(const struct row *rows, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++) {
        cr_expect_lt(parse(rows[i].yaml), 0, "row %zu is taken", i);
        cr_expect(err.line == rows[i].line && err.col == rows[i].col, "row %zu: %d:%d %s", i,
                  err.line, err.col, err.text);
        cr_expect(strstr(err.text, rows[i].part), "row %zu: %s", i, err.text);
        cr_expect_null(conf.arena, "row %zu leaves memory", i);
    }
}

/* Line 1 in every row. */
#define SYNTH "sources: [ { name: s, synth: {} } ]\n"

/* Lines 1 to 6; a topic's keys follow in line 7. */
#define KAFKA                                                                                      \
    "sources:\n"                                                                                   \
    "  - name: main\n"                                                                             \
    "    kafka:\n"                                                                                 \
    "      brokers: b:1\n"                                                                         \
    "      topics:\n"                                                                              \
    "        - topic: t\n"
#define TOPIC KAFKA "          room: \"r-{key}\"\n          event: e\n"

#endif
