// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/conf/print.h"
#include "core/conf/schema.h"
#include "tests/unit/core/conf/fixture.h"

struct text {
    char bytes[256 * 1024];
    size_t len;
};

static struct text text;

static void append(void *ctx, struct tc_str part)
{
    struct text *t = ctx;
    cr_assert_lt(t->len + part.len, sizeof(t->bytes));
    memcpy(t->bytes + t->len, part.ptr, part.len);
    t->len += part.len;
    t->bytes[t->len] = '\0';
}

Test(print, parses_back)
{
    /* Goal: the default text is itself a configuration: the defaults, and one Kafka source. */
    tc_conf_default_text(append, &text);
    cr_assert_eq(parse(text.bytes), 0, "%d:%d %s", err.line, err.col, err.text);
    struct tc_conf shown = conf;
    memset(&conf, 0, sizeof(conf));
    cr_assert_eq(parse("sources: [ { name: main, kafka: { brokers: b, topics: [ { topic: ticks, "
                       "room: x, event: e } ] } } ]"),
                 0);
    cr_expect_str_eq(shown.listen, conf.listen);
    cr_expect_str_eq(shown.admin_listen, conf.admin_listen);
    cr_expect_eq(memcmp(&shown.limits, &conf.limits, sizeof(conf.limits)), 0);
    cr_expect_eq(memcmp(&shown.timeouts, &conf.timeouts, sizeof(conf.timeouts)), 0);
    cr_expect_eq(shown.sources[0].history_bytes, conf.sources[0].history_bytes);
    cr_expect_eq(shown.sources[0].last_value_bytes, conf.sources[0].last_value_bytes);
    cr_expect_eq(shown.sources[0].rule_cnt, 1);
    cr_expect_eq(shown.sources[0].rules[0].start.kind, conf.sources[0].rules[0].start.kind);
    tc_conf_fini(&conf);
    tc_conf_fini(&shown);
}

/* Makes "# key: value" lines below head into keys, and drops the Kafka source above. */
static void uncomment(const char *head, char *out, size_t out_bytes)
{
    const char *at = strstr(text.bytes, head);
    size_t len = (size_t)snprintf(out, out_bytes, "sources:\n  - name: main\n");
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    cr_assert_not_null(at);
    for (bool is_first = true; at && *at; is_first = false) {
        size_t line = strcspn(at, "\n");
        size_t indent = strspn(at, " ");
        const char *mark = at + indent;
        if (!is_first && indent <= 4 && strncmp(mark, "# ", 2) == 0)
            break; /* the next kind */
        bool is_key = strncmp(mark, "# ", 2) == 0 && mark[2 + strspn(mark + 2, letters)] == ':' &&
                      mark[2] != ':';
        if (is_key)
            len += (size_t)snprintf(out + len, out_bytes - len, "%*s%.*s\n", (int)indent, "",
                                    (int)(line - indent - 2), mark + 2);
        at += line + (at[line] == '\n');
    }
}

Test(print, other_kinds)
{
    /* Goal: the commented sources are good once the marks are taken away. */
    static char yaml[16 * 1024];
    tc_conf_default_text(append, &text);
    uncomment("    # synth:", yaml, sizeof(yaml));
    cr_assert_eq(parse(yaml), 0, "%d:%d %s in\n%s", err.line, err.col, err.text, yaml);
    cr_assert_eq(conf.sources[0].kind, TC_SOURCE_SYNTH);
    cr_assert_eq(conf.sources[0].synth.payload_bytes, 150);
    uncomment("    # replay:", yaml, sizeof(yaml));
    cr_assert_eq(parse(yaml), 0, "%d:%d %s in\n%s", err.line, err.col, err.text, yaml);
    cr_assert_eq(conf.sources[0].kind, TC_SOURCE_REPLAY);
    tc_conf_fini(&conf);
}

Test(print, whole)
{
    /* Goal: every key is in the default text, every key and variable in the page. */
    static struct text page;
    tc_conf_default_text(append, &text);
    tc_conf_markdown(append, &page);
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        char name[256];
        cr_expect(strstr(text.bytes, tc_schema_leaf(tc_schema[i].path)), "%s", tc_schema[i].path);
        snprintf(name, sizeof(name), "| `%s` |", tc_schema_leaf(tc_schema[i].path));
        cr_expect(strstr(page.bytes, name), "%s", name);
        cr_expect(strstr(page.bytes, tc_schema_env(&tc_schema[i], name, sizeof(name))), "%s", name);
    }
    for (const char *line = text.bytes; *line;) {
        size_t len = strcspn(line, "\n");
        cr_expect_leq(len, 100, "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}
