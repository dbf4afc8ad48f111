// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/conf/arena.h"
#include "core/topo/check_rules.h"

static struct tc_conf conf;
static struct tc_rules rules;
static struct tc_err err;
static struct tc_conf_rule rows[TC_SOURCES_MAX][4];

static void begin(uint32_t source_cnt)
{
    tc_arena_drop(&conf.arena);
    memset(&conf, 0, sizeof(conf));
    memset(&err, 0, sizeof(err));
    conf.source_cnt = source_cnt;
    for (uint32_t i = 0; i < source_cnt; i++)
        conf.sources[i] = (struct tc_conf_source){ .name = "s", .rules = rows[i] };
}

static void add(uint32_t source, const char *topic, const char *room)
{
    struct tc_conf_source *s = &conf.sources[source];
    int line = 10 * (int)source + (int)s->rule_cnt + 1;
    rows[source][s->rule_cnt++] =
        (struct tc_conf_rule){ .topic = topic, .room = room, .event = "e", .line = line, .col = 7 };
}

Test(check_rules, good)
{
    /* Goal: rules that keep apart are compiled, in order, by source. */
    begin(2);
    add(0, "ticks", "ticker-{key}");
    add(0, "trades", "trades-{header:symbol}");
    add(1, "md.all", "quote-{field:data.s}");
    cr_assert_eq(tc_check_rules(&conf, &rules, &err), 0, "%s", err.text);
    cr_assert_eq(rules.cnt, 3);
    cr_assert_eq(rules.first[1], 2);
    cr_assert(tc_str_eq(tc_rule_of(&rules, 1, 0)->topic, TC_STR("md.all")));
    cr_assert_eq(tc_rule_of(&rules, 0, 1)->idx, 1);
    cr_assert(tc_str_eq(rules.rules[2].event, TC_STR("e")));
}

Test(check_rules, same_room)
{
    /* Goal: two topics that can make one room are refused, in one source and over two; both lines
     * are named. */
    begin(2);
    add(0, "a", "ticker-{key}");
    add(0, "b", "ticker-{header:s}");
    cr_assert_lt(tc_check_rules(&conf, &rules, &err), 0);
    cr_assert_eq(err.line, 2);
    cr_assert_eq(err.col, 7);
    cr_assert(strstr(err.text, "sources[0].kafka.topics[1].room") && strstr(err.text, "(line 1)") &&
                  strstr(err.text, "(line 2)"),
              "%s", err.text);
    begin(2);
    add(0, "a", "x-{key}");
    add(1, "b", "x-1");
    cr_assert_lt(tc_check_rules(&conf, &rules, &err), 0);
    cr_assert_eq(err.line, 11);
    begin(2);
    add(0, "a", "{key}");
    add(1, "b", "anything");
    cr_assert_lt(tc_check_rules(&conf, &rules, &err), 0);
}

Test(check_rules, topics)
{
    /* Goal: {topic} is the name of its topic, so that it keeps rules apart. */
    begin(1);
    add(0, "a", "{topic}-{key}");
    add(0, "b", "{topic}-{key}");
    add(0, "by-partition", "{topic}-{partition}");
    add(0, "d", "ticker-{key}");
    cr_assert_eq(tc_check_rules(&conf, &rules, &err), 0, "%s", err.text);
    begin(1);
    add(0, "a", "{topic}-{key}");
    add(0, "b", "a-{key}");
    cr_assert_lt(tc_check_rules(&conf, &rules, &err), 0);
    tc_arena_drop(&conf.arena);
}

Test(check_rules, bad_templates)
{
    /* Goal: a wrong template is told with its place and its text. */
    static const char *const bad[] = { "ticker-{keys}", "ticker-{key", "ticker {key}", "r-{n}" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        begin(1);
        add(0, "a", "ok-{key}");
        add(0, "b", bad[i]);
        cr_expect_lt(tc_check_rules(&conf, &rules, &err), 0, "%s", bad[i]);
        cr_expect_eq(err.line, 2);
        cr_expect(strstr(err.text, bad[i]), "%s", err.text);
    }
}
