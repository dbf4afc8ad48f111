// SPDX-License-Identifier: Apache-2.0
/* Goal: a room's newest value and the list of rooms can be asked for without a subscription, as of
 * the worker's cursor; and whether the sources were read. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;
static struct tc_fan_value value;

static int newest(const char *room)
{
    memset(&value, 0xee, sizeof(value));
    return tc_fan_newest(fx.fan, tc_str_from(room), TC_FORM_JSON, &value);
}

/* The value as the toy dialect has it, without the line's end, behind its log and event. */
static void check_newest(const char *room, const char *want)
{
    char text[512];
    cr_assert_eq(newest(room), TC_OK, "%s", room);
    const struct tc_update *u = &value.update;
    cr_assert(!u->is_tombstone && u->type.len == 0);
    int len = snprintf(text, sizeof(text), "%s %s ", fx_text(value.log), fx_text(u->event));
    size_t cnt = fx_write_update(u, (uint8_t *)text + len);
    text[(size_t)len + cnt - 1] = 0;
    cr_assert_str_eq(text, want);
}

Test(lookup, newest)
{
    /* Goal: the newest value, its log and its event; no subscription begins. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 3);
    fx_put_many(&fx, "book-A", 4, 4);
    fx_run(&fx);
    check_newest("ticker-A", "s0/t/0@1 ticker-update U ticker-A 3 2 1003 snap v3");
    check_newest("book-A", "s0/t/0@1 book-update U book-A 4 - 1004 snap v4");
    fx_put_many(&fx, "ticker-A", 5, 5);
    check_newest("ticker-A", "s0/t/0@1 ticker-update U ticker-A 3 2 1003 snap v3");
    fx_run(&fx);
    check_newest("ticker-A", "s0/t/0@1 ticker-update U ticker-A 5 3 1005 snap v5");
    cr_assert_eq(tc_fan_stats(fx.fan)->member_cnt, 0);
    cr_assert_eq(tc_fan_stats(fx.fan)->room_cnt, 0);
    fx_fini(&fx);
}

Test(lookup, second_feed)
{
    /* Goal: rooms of another source have the rules and logs of theirs. */
    struct fx_options o = fx_defaults();
    o.feed_cnt = 2;
    fx_init(&fx, &o);
    struct tc_bus_put put = { .room = fx_room(&fx, 1, "alt-A"),
                              .log = 1,
                              .kind = TC_BUS_UPDATE,
                              .pos = 9,
                              .ts_ms = -1,
                              .payload = "x",
                              .len = 1 };
    fx_publish(&fx, 1, &put);
    fx_commit(&fx, 1);
    fx_run(&fx);
    check_newest("alt-A", "s1/t/1@1 alt-update U alt-A 9 - - snap x");
    fx_fini(&fx);
}

Test(lookup, no_value)
{
    /* Goal: illegal, unknown, without a record, deleted; told apart. */
    fx_init(&fx, NULL);
    cr_assert_eq(newest(""), -TC_EINVAL);
    cr_assert_eq(newest("ticker A"), -TC_EINVAL);
    cr_assert_eq(newest("nobody"), -TC_ENOTFOUND);
    cr_assert_eq(newest("ticker-A"), 1);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", false), TC_OK);
    cr_assert_eq(newest("ticker-A"), 1, "a name that somebody waits for");
    fx_put_gap(&fx, "ticker-A", 0, 1, 2, TC_GAP_OVERSIZE);
    fx_run(&fx);
    cr_assert_eq(newest("ticker-A"), 1, "a gap is no value");
    fx_put_many(&fx, "ticker-A", 3, 3);
    fx_run(&fx);
    cr_assert_eq(newest("ticker-A"), TC_OK);
    fx_put_gap(&fx, "ticker-A", 0, 3, 4, TC_GAP_OVERSIZE);
    fx_run(&fx);
    check_newest("ticker-A", "s0/t/0@1 ticker-update U ticker-A 3 2 1003 snap v3");
    fx_put(&fx, "ticker-A", 5, NULL);
    fx_run(&fx);
    cr_assert_eq(newest("ticker-A"), 1);
    fx_put(&fx, "ticker-A", 6, "");
    fx_run(&fx);
    cr_assert_eq(newest("ticker-A"), TC_OK);
    cr_assert_eq(value.update.len, 0);
    fx_fini(&fx);
}

Test(lookup, value_that_left_the_ring)
{
    /* Goal: the room's slot has it; without a slot it is -TC_EAGAIN, not "none". */
    for (int round = 0; round < 2; round++) {
        struct fx_options o = fx_defaults();
        o.event_cnt = 16;
        o.slot_bytes = round ? 0 : o.slot_bytes;
        fx_init(&fx, &o);
        fx_put_many(&fx, "ticker-A", 1, 1);
        for (int i = 0; i < 10; i++) {
            fx_put_many(&fx, "ticker-B", 2 + 10 * i, 11 + 10 * i);
            fx_run(&fx);
        }
        if (round == 0)
            check_newest("ticker-A", "s0/t/0@1 ticker-update U ticker-A 1 - 1001 snap v1");
        else
            cr_assert_eq(newest("ticker-A"), -TC_EAGAIN);
        fx_fini(&fx);
    }
}

Test(lookup, value_that_is_overtaken)
{
    /* Goal: a worker far behind, whose value at its cursor is gone, says -TC_EAGAIN. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 16;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_run(&fx);
    fx_put_many(&fx, "ticker-A", 2, 100);
    cr_assert_eq(newest("ticker-A"), -TC_EAGAIN);
    fx_run(&fx);
    check_newest("ticker-A", "s0/t/0@1 ticker-update U ticker-A 100 99 1100 snap v100");
    fx_fini(&fx);
}

/* All rooms from the place on: "NAME LOG POS EVENT" each. */
static const char *list_from(struct tc_fan_room_at at)
{
    static char text[4096];
    struct tc_fan_room_info info;
    size_t len = 0;
    text[0] = 0;
    while (tc_fan_next_room(fx.fan, &at, &info))
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s %s %lld %s\n", fx_text(info.name),
                             fx_text(info.log), (long long)info.pos, fx_text(info.rule->event));
    cr_assert_not(tc_fan_next_room(fx.fan, &at, &info), "the end stays the end");
    return text;
}

Test(lookup, list_of_rooms)
{
    /* Goal: all rooms that the worker knows, source by source, once; any place goes on from there;
     * a room of the future is behind. */
    struct fx_options o = fx_defaults();
    o.feed_cnt = 2;
    fx_init(&fx, &o);
    struct tc_fan_room_at start = { 0 };
    cr_assert_str_eq(list_from(start), "");
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_put_many(&fx, "book-A", 3, 3);
    cr_assert_str_eq(list_from(start), "", "not yet read");
    struct tc_bus_put put = {
        .room = fx_room(&fx, 1, "alt-A"), .log = 1, .kind = TC_BUS_UPDATE, .pos = 9, .ts_ms = -1
    };
    fx_publish(&fx, 1, &put);
    fx_commit(&fx, 1);
    fx_run(&fx);
#define A "ticker-A s0/t/0@1 2 ticker-update\n"
#define B "book-A s0/t/0@1 3 book-update\n"
#define C "alt-A s1/t/1@1 9 alt-update\n"
    cr_assert_str_eq(list_from(start), A B C);
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ 0, 1 }), B C);
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ 0, 2 }), C);
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ 0, UINT32_MAX }), C);
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ 1, 0 }), C);
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ 1, 1 }), "");
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ 2, 0 }), "");
    cr_assert_str_eq(list_from((struct tc_fan_room_at){ UINT32_MAX, 0 }), "");
    fx_fini(&fx);
}

Test(lookup, ready)
{
    /* Goal: every source was read to its end once, or is known to be away. */
    struct fx_options o = fx_defaults();
    o.feed_cnt = 2;
    fx_init_cold(&fx, &o);
    fx_log(&fx, 0, 0, 0, TC_NONE);
    fx_log(&fx, 1, 2, 0, TC_NONE);
    cr_assert_not(tc_fan_is_ready(fx.fan));
    atomic_store(&fx.logs[1].away_ms, 5);
    cr_assert_not(tc_fan_is_ready(fx.fan), "the other one is not");
    atomic_store(&fx.logs[0].logs[0].is_caught_up, true);
    atomic_store(&fx.logs[0].is_known, true);
    cr_assert(tc_fan_is_ready(fx.fan));
    atomic_store(&fx.logs[1].away_ms, 0);
    cr_assert_not(tc_fan_is_ready(fx.fan));
    fx_warm(&fx);
    cr_assert(tc_fan_is_ready(fx.fan));
    fx_fini(&fx);
}
