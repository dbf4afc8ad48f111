// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/room/template.h"

static struct tc_template compiled(const char *text)
{
    struct tc_template tpl;
    struct tc_err err;
    cr_assert_eq(tc_template_compile(&tpl, tc_str_from(text), &err), TC_OK, "%s", text);
    return tpl;
}

static bool matches(const char *text, const char *name)
{
    struct tc_template tpl = compiled(text);
    return tc_template_matches(&tpl, TC_STR("md.all"), tc_str_from(name));
}

static bool intersects(const char *a, const char *b)
{
    struct tc_template ta = compiled(a), tb = compiled(b);
    bool is = tc_template_intersects(&ta, &tb);
    cr_expect_eq(is, tc_template_intersects(&tb, &ta), "%s %s", a, b);
    return is;
}

Test(template, refuses_with_a_text)
{
    /* goal: each mistake is refused and said */
    static const char *const bad[][2] = {
        { "", "empty" },
        { "ticker {key}", "0x20" },
        { "a,b", "0x2c" },
        { "a*", "0x2a" },
        { "ü", "0xc3" },
        { "a{key", "without its }" },
        { "a}b", "without its {" },
        { "{keys}", "unknown" },
        { "{}", "unknown" },
        { "{key:x}", "takes no name" },
        { "{header}", "needs a name" },
        { "{field:}", "needs a name" },
        { "{field:a..b}", "dot" },
        { "{field:.a}", "dot" },
        { "{field:a.}", "dot" },
        { "{key}{key}{key}{key}{key}{key}{key}{key}{key}", "parts" },
        { "orders-{key}", "authorization" },
        { "portfolio-x", "authorization" },
        { "notifications-", "authorization" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        struct tc_template tpl;
        struct tc_err err = { .code = 0 };
        cr_expect_lt(tc_template_compile(&tpl, tc_str_from(bad[i][0]), &err), 0, "%s", bad[i][0]);
        cr_expect(err.code < 0 && strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
}

Test(template, length_is_bounded)
{
    /* goal: names longer than a room's cannot be asked for; a template without *err is fine */
    char text[TC_TEMPLATE_TEXT_MAX + 2];
    struct tc_template tpl;
    memset(text, 'a', sizeof(text));
    cr_assert_eq(tc_template_compile(&tpl, (struct tc_str){ text, TC_ROOM_NAME_MAX }, NULL), 0);
    cr_assert_eq(tc_template_compile(&tpl, (struct tc_str){ text, TC_ROOM_NAME_MAX + 1 }, NULL),
                 -TC_ELIMIT);
    cr_assert_eq(tc_template_compile(&tpl, (struct tc_str){ text, sizeof(text) }, NULL),
                 -TC_ELIMIT);
}

Test(template, prefix_and_parts)
{
    /* goal: the literal beginning; whether a value must be parsed */
    struct tc_template tpl = compiled("quote-{field:data.s}");
    cr_assert(tc_str_eq(tc_template_prefix(&tpl), TC_STR("quote-")));
    cr_assert(tpl.has_field && tpl.part_cnt == 2);
    cr_assert(tc_str_eq(tc_template_text(&tpl, &tpl.parts[1]), TC_STR("data.s")));
    tpl = compiled("{key}");
    cr_assert_eq(tc_template_prefix(&tpl).len, 0);
    cr_assert(!tpl.has_field);
}

Test(template, matches)
{
    /* goal: what a name may be, and what the first placeholder stood for */
    cr_expect(matches("ticker-{key}", "ticker-BTCUSDT"));
    cr_expect(matches("ticker-{key}", "ticker-a-b"));
    cr_expect(!matches("ticker-{key}", "ticker-"));
    cr_expect(!matches("ticker-{key}", "tickerX"));
    cr_expect(!matches("ticker-{key}", "ticker-a b"));
    cr_expect(!matches("ticker-{key}", "ticker-a*"));
    cr_expect(matches("all", "all"));
    cr_expect(!matches("all", "all2"));
    cr_expect(matches("{topic}-{partition}", "md.all-17"));
    cr_expect(!matches("{topic}-{partition}", "md.all-x"));
    cr_expect(!matches("{topic}-{partition}", "md.al-17"));
    cr_expect(matches("{partition}-{key}", "3-x"));
    cr_expect(matches("s{n}", "s12"));
    cr_expect(!matches("s{n}", "s1a"));
    cr_expect(matches("{header:a}-{field:b}", "x-y-z"));
    cr_expect(matches("{key}-{partition}", "x-1-2"));
    cr_expect(matches("{key}{partition}", "ab12"));
    cr_expect(matches("{key}aa{key}", "aaaa"));
    cr_expect(!matches("{key}", ""));
}

Test(template, matching_a_hostile_name_is_linear)
{
    /* goal: a name made to be tried in many ways ends at once */
    char name[TC_ROOM_NAME_MAX];
    struct tc_template tpl = compiled("{key}a{key}a{key}a{key}b");
    memset(name, 'a', sizeof(name));
    for (int i = 0; i < 10000; i++)
        cr_assert(!tc_template_matches(&tpl, TC_STR("t"), (struct tc_str){ name, sizeof(name) }));
}

Test(template, intersects)
{
    /* goal: two templates that can make one name are found, others are not */
    cr_expect(intersects("ticker-{key}", "ticker-{field:s}"));
    cr_expect(intersects("ticker-{key}", "{key}"));
    cr_expect(!intersects("ticker-{key}", "trades-{key}"));
    cr_expect(intersects("a-{key}", "a-b-{key}"));
    cr_expect(!intersects("a-{partition}", "a-b{key}"));
    cr_expect(intersects("a-{partition}", "a-1{key}"));
    cr_expect(intersects("{key}-x", "y-{key}"));
    cr_expect(!intersects("{key}-x", "{key}-y"));
    cr_expect(intersects("all", "all"));
    cr_expect(!intersects("all", "al"));
    cr_expect(intersects("{key}{key}", "ab"));
    cr_expect(!intersects("{key}{key}{key}", "ab"));
    cr_expect(!intersects("{n}", "{partition}x"));
    cr_expect(intersects("{n}{key}", "{partition}x"));
    cr_expect(intersects("{topic}", "x"));
}

/* All names over a small alphabet up to a length: do both match one? */
static bool share_name(const struct tc_template *a, const struct tc_template *b, char *name,
                       size_t len)
{
    struct tc_str s = { name, len };
    if (len > 0 && tc_template_matches(a, TC_STR("ab"), s) &&
        tc_template_matches(b, TC_STR("ab"), s))
        return true;
    for (const char *c = "a-1"; len < 6 && *c; c++) {
        name[len] = *c;
        if (share_name(a, b, name, len + 1))
            return true;
    }
    return false;
}

Test(template, intersects_agrees_with_trying_all_names)
{
    /* goal: the pass over two templates and a search of names say the same */
    static const char *const texts[] = { "a",          "{key}",      "a-{key}",  "{key}-1", "{n}",
                                         "1{n}",       "{n}-{n}",    "{key}a1",  "-{key}-", "a{n}a",
                                         "{key}{key}", "{n}{key}-1", "a-1-{key}" };
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++) {
        for (size_t j = 0; j <= i; j++) {
            char name[8];
            struct tc_template a = compiled(texts[i]), b = compiled(texts[j]);
            cr_expect_eq(tc_template_intersects(&a, &b), share_name(&a, &b, name, 0), "%s %s",
                         texts[i], texts[j]);
        }
    }
}

Test(template, names)
{
    /* goal: legal and private names */
    char longest[TC_ROOM_NAME_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    cr_assert_eq(tc_room_name_check((struct tc_str){ longest, TC_ROOM_NAME_MAX }), TC_OK);
    cr_assert_eq(tc_room_name_check((struct tc_str){ longest, TC_ROOM_NAME_MAX + 1 }), -TC_EINVAL);
    cr_assert_eq(tc_room_name_check(TC_STR("")), -TC_EINVAL);
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        bool is_legal = c > 32 && c < 127 && !strchr("\"\\*,", (int)c);
        cr_expect_eq(tc_room_name_check((struct tc_str){ &byte, 1 }) == TC_OK, is_legal, "%u", c);
    }
    cr_assert(tc_room_name_is_private(TC_STR("orders-7")));
    cr_assert(tc_room_name_is_private(TC_STR("portfolio-")));
    cr_assert(tc_room_name_is_private(TC_STR("notifications-x")));
    cr_assert(!tc_room_name_is_private(TC_STR("orders")));
    cr_assert(!tc_room_name_is_private(TC_STR("ticker-orders-1")));
}
