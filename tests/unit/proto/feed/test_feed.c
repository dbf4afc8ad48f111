// SPDX-License-Identifier: Apache-2.0
#include "proto/feed/feed.h"

#include "tests/unit/proto/json/pool.h"

static struct tc_feed_out out;

static void open_pool(void)
{
    pool_open(4096);
}

TestSuite(feed, .init = open_pool, .fini = pool_close);

/* The only header that records here have. */
static bool header(void *ctx, struct tc_str name, struct tc_str *value)
{
    if (!tc_str_eq(name, TC_STR("symbol")))
        return false;
    *value = tc_str_from(ctx);
    return true;
}

static struct tc_record record(const char *key, const char *value)
{
    static char symbol[] = "ETH";
    return (struct tc_record){
        .partition = 17,
        .topic = TC_STR("md.all"),
        .key = tc_str_from(key),
        .value = tc_str_from(value),
        .header = header,
        .header_ctx = symbol,
    };
}

static enum tc_feed_kind map(const char *text, const struct tc_record *rec)
{
    struct tc_template tpl;
    cr_assert_eq(tc_template_compile(&tpl, tc_str_from(text), NULL), TC_OK, "%s", text);
    struct tc_feed_rule rule = { .room = &tpl, .format = TC_FEED_JSON, .event_bytes_max = 1024 };
    enum tc_feed_kind kind = tc_feed_map(&rule, rec, &pool, &out);
    cr_assert_eq(kind, out.kind);
    if (kind == TC_FEED_UPDATE || kind == TC_FEED_TOMBSTONE)
        cr_assert(out.reason == TC_FEED_NONE && out.name_len > 0);
    else
        cr_assert_neq(out.reason, TC_FEED_NONE);
    return kind;
}

static bool is_room(const char *name)
{
    return tc_str_eq(tc_feed_name(&out), tc_str_from(name));
}

Test(feed, names_from_all_places)
{
    /* goal: every placeholder */
    struct tc_record r = record("BTC", "{\"s\":\"x\",\"data\":{\"s\":\"ADA\",\"n\":7}}");
    static const char *const cases[][2] = {
        { "ticker-{key}", "ticker-BTC" },
        { "{topic}-{partition}", "md.all-17" },
        { "trades-{header:symbol}", "trades-ETH" },
        { "quote-{field:data.s}", "quote-ADA" },
        { "{field:s}/{field:data.n}/{key}", "x/7/BTC" },
        { "all", "all" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        cr_expect_eq(map(cases[i][0], &r), TC_FEED_UPDATE, "%s", cases[i][0]);
        cr_expect(is_room(cases[i][1]), "%s", cases[i][0]);
    }
    r.key = TC_STR("42");
    cr_expect(map("S{n}", &r) == TC_FEED_UPDATE && is_room("S42"));
}

Test(feed, tombstones)
{
    /* goal: no value: a tombstone where the room is known without it */
    struct tc_record r = record("BTC", NULL);
    cr_assert(map("ticker-{key}", &r) == TC_FEED_TOMBSTONE && is_room("ticker-BTC"));
    cr_assert(map("quote-{field:s}", &r) == TC_FEED_POISON && out.name_len == 0);
    cr_assert_eq(out.reason, TC_FEED_NO_VALUE);
    r.value = TC_STR(""); /* empty is not absent */
    cr_assert(map("ticker-{key}", &r) == TC_FEED_POISON && is_room("ticker-BTC"));
}

Test(feed, poison_values)
{
    /* goal: a bad value names its reason, and its room where the value is not needed for it */
    static const struct {
        const char *value;
        enum tc_feed_reason reason;
    } cases[] = {
        { "hello", TC_FEED_BAD_JSON },
        { "{\"s\":\"A\"", TC_FEED_BAD_JSON },
        { "{\"s\":\"\xff\"}", TC_FEED_BAD_UTF8 },
        { "{\"s\":\"A\",\"d\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}", TC_FEED_TOO_DEEP },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        struct tc_record r = record("BTC", cases[i].value);
        cr_expect(map("ticker-{key}", &r) == TC_FEED_POISON && is_room("ticker-BTC"));
        cr_expect_eq(out.reason, cases[i].reason, "%s", cases[i].value);
        cr_expect_eq(map("quote-{field:s}", &r), TC_FEED_POISON);
        cr_expect_eq(out.reason, cases[i].reason);
        /* what is only too deep was read */
        cr_expect(is_room(cases[i].reason == TC_FEED_TOO_DEEP ? "quote-A" : ""));
    }
}

Test(feed, unroutable)
{
    /* goal: what a name needs and does not find, or what may not be in a name */
    static const struct {
        const char *tpl;
        const char *key;
        const char *value;
        enum tc_feed_reason reason;
    } cases[] = {
        { "t-{key}", NULL, "1", TC_FEED_NO_KEY },
        { "t-{key}", "", "1", TC_FEED_NO_KEY },
        { "t-{header:none}", "k", "1", TC_FEED_NO_HEADER },
        { "t-{field:s}", "k", "{\"x\":1}", TC_FEED_NO_FIELD },
        { "t-{field:s}", "k", "{\"s\":null}", TC_FEED_NO_FIELD },
        { "t-{field:s}", "k", "{\"s\":\"\"}", TC_FEED_NO_FIELD },
        { "t-{field:s}", "k", "[1]", TC_FEED_NO_FIELD },
        { "t-{n}", "k", "1", TC_FEED_BAD_NUMBER },
        { "t-{key}", "a b", "1", TC_FEED_BAD_NAME },
        { "t-{key}", "a\"b", "1", TC_FEED_BAD_NAME },
        { "t-{field:s}", "k", "{\"s\":\"a\\u0000b\"}", TC_FEED_BAD_NAME },
        { "{key}", "orders-7", "1", TC_FEED_PRIVATE_NAME },
        { "ord{key}", "ers-7", "1", TC_FEED_PRIVATE_NAME },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        struct tc_record r = record(cases[i].key, cases[i].value);
        cr_expect(map(cases[i].tpl, &r) == TC_FEED_POISON && out.name_len == 0, "%zu", i);
        cr_expect_eq(out.reason, cases[i].reason, "%zu: %s", i, tc_feed_reason_text(out.reason));
    }
    char key[TC_ROOM_NAME_MAX];
    memset(key, 'k', sizeof(key));
    struct tc_record r = record("", "1");
    r.key = (struct tc_str){ key, sizeof(key) };
    cr_expect_eq(map("{key}", &r), TC_FEED_UPDATE);
    cr_expect(map("t-{key}", &r) == TC_FEED_POISON && out.reason == TC_FEED_LONG_NAME);
    r.header = NULL;
    cr_expect(map("{header:symbol}", &r) == TC_FEED_POISON && out.reason == TC_FEED_NO_HEADER);
}

Test(feed, oversize)
{
    /* goal: larger than the setting: not parsed, the room only from elsewhere; its fault comes
     * first */
    static char value[2048];
    memset(value, ' ', sizeof(value));
    value[0] = '1';
    struct tc_record r = record("BTC", "");
    r.value = (struct tc_str){ value, 1024 };
    cr_assert_eq(map("ticker-{key}", &r), TC_FEED_UPDATE);
    r.value.len = 1025;
    cr_assert(map("ticker-{key}", &r) == TC_FEED_OVERSIZE && is_room("ticker-BTC"));
    cr_assert_eq(out.reason, TC_FEED_TOO_LARGE);
    cr_assert(map("quote-{field:s}", &r) == TC_FEED_OVERSIZE && out.name_len == 0);
    r.key.ptr = NULL;
    cr_assert(map("ticker-{key}", &r) == TC_FEED_OVERSIZE && out.name_len == 0);
}
