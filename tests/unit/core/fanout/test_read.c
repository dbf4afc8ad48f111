// SPDX-License-Identifier: Apache-2.0
/* Goal: reading the buses: one encoding for all members, bounded turns, events of other rooms
 * skipped, a worker that was lapped, and rooms that become stale and fresh. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;

static void join(uint32_t conn, const char *room)
{
    fx_open(&fx, conn);
    cr_assert_eq(fx_sub(&fx, conn, room, false), 0);
    fx_run(&fx);
    fx_take(&fx, conn);
}

Test(read, encoded_once)
{
    /* Goal: all members of one dialect are sent the very same bytes; each dialect has its own. */
    struct fx_options o = fx_defaults();
    struct tc_fan_piece pieces[4], tail;
    const uint8_t *bytes[2] = { NULL, NULL };
    uint32_t total;
    o.dialect_cnt = 2;
    fx_init(&fx, &o);
    for (uint32_t i = 0; i < 6; i++)
        join(i, "ticker-A");
    fx_put_many(&fx, "ticker-A", 1, 3);
    cr_expect_eq(tc_fan_read(fx.fan, fx.now_ns), 3);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t conn = tc_fan_next_touched(fx.fan);
        cr_assert_eq(tc_fan_gather(fx.fan, conn, pieces, 4, &total), 1);
        if (!bytes[conn % 2])
            bytes[conn % 2] = pieces[0].bytes;
        cr_expect_eq(pieces[0].bytes, bytes[conn % 2]);
        tc_fan_settle(fx.fan, conn, total, false, &tail);
    }
    cr_expect_eq(tc_fan_next_touched(fx.fan), TC_NONE);
    cr_expect_neq(bytes[0], bytes[1]);
    cr_expect_eq(*bytes[0], 'U');
    cr_expect_eq(*bytes[1], '2');
    cr_expect_eq(tc_fan_stats(fx.fan)->delivery_cnt, 18);
    fx_fini(&fx);
}

Test(read, turn_times)
{
    /* Goal: each event of the turn knows its times and for how many members it was planned. */
    fx_init(&fx, NULL);
    join(0, "ticker-A");
    join(1, "ticker-A");
    join(2, "ticker-B");
    tc_fan_conn_blocked(fx.fan, 1);
    fx.now_ns = 5555;
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put_many(&fx, "ticker-C", 2, 2);
    fx_put_many(&fx, "ticker-B", 3, 3);
    cr_expect_eq(tc_fan_read(fx.fan, fx.now_ns), 3);
    cr_assert_eq(tc_fan_turn_cnt(fx.fan), 2, "of C nobody wants anything");
    struct tc_fan_turn_times t = tc_fan_turn_at(fx.fan, 0);
    cr_expect_eq(t.ingest_ns, 5555);
    cr_expect_eq(t.ts_ms, 1001);
    cr_expect_eq(t.member_cnt, 1);
    t = tc_fan_turn_at(fx.fan, 1);
    cr_expect_eq(t.ts_ms, 1003);
    cr_expect_eq(t.member_cnt, 1);
    cr_expect_eq(tc_fan_stats(fx.fan)->event_cnt, 2);
    cr_expect_eq(tc_fan_stats(fx.fan)->skip_cnt, 1);
    fx_fini(&fx);
}

Test(read, bounded)
{
    /* Goal: one turn takes at most TC_TURN_EVENTS_MAX events; the rest comes in the next, in order.
     */
    struct fx_options o = fx_defaults();
    o.event_cnt = 4 * TC_TURN_EVENTS_MAX;
    fx_init(&fx, &o);
    join(0, "ticker-A");
    fx_put_many(&fx, "ticker-A", 0, TC_TURN_EVENTS_MAX + 9);
    cr_expect_eq(tc_fan_read(fx.fan, fx.now_ns), TC_TURN_EVENTS_MAX);
    fx_flush(&fx);
    cr_expect(tc_fan_has_news(fx.fan));
    cr_expect_eq(tc_fan_read(fx.fan, fx.now_ns), 10);
    fx_flush(&fx);
    cr_expect_not(tc_fan_has_news(fx.fan));
    cr_expect(strstr(fx_take(&fx, 0), "U ticker-A 521 520 "));
    cr_expect_eq(tc_fan_stats(fx.fan)->delivery_cnt, TC_TURN_EVENTS_MAX + 10);
    fx_fini(&fx);
}

Test(read, starts_with_another_member)
{
    /* Goal: no member is always the first. */
    fx_init(&fx, NULL);
    uint32_t first[3];
    for (uint32_t i = 0; i < 3; i++)
        join(i, "ticker-A");
    for (uint32_t i = 0; i < 3; i++) {
        fx_put_many(&fx, "ticker-A", i, i);
        tc_fan_read(fx.fan, fx.now_ns);
        first[i] = tc_fan_next_touched(fx.fan);
        fx_offer(&fx, first[i]);
        fx_flush(&fx);
    }
    cr_expect(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    fx_fini(&fx);
}

Test(read, lapped)
{
    /* Goal: a worker that was overtaken finds what is left of each room along its links; of the
     * room whose chain has left the ring the hole is told, of the other nothing is missing. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 16;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put_many(&fx, "ticker-B", 2, 2);
    join(0, "ticker-A");
    join(1, "ticker-B");
    fx_put_many(&fx, "ticker-A", 3, 20);
    fx_put_many(&fx, "ticker-B", 21, 22);
    fx_run(&fx);
    cr_expect_eq(tc_fan_stats(fx.fan)->lapped_cnt, 1);
    cr_expect_str_eq(fx_take(&fx, 0), "N ticker-A 1 19 17\nU ticker-A 20 19 1020 live v20\n");
    cr_expect_str_eq(fx_take(&fx, 1),
                     "U ticker-B 21 2 1021 live v21\nU ticker-B 22 21 1022 live v22\n");
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    fx_put_many(&fx, "ticker-A", 30, 30);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 30 20 1030 live v30\n", "at the head again");
    fx_fini(&fx);
}

Test(read, lapped_before_it_began)
{
    /* Goal: names that waited while the ring went round are told what they missed since birth. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    fx_init(&fx, &o);
    join(0, "ticker-A");
    fx_put_many(&fx, "ticker-A", 1, 12);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "N ticker-A - 11 11\nU ticker-A 12 11 1012 live v12\n");
    fx_fini(&fx);
}

Test(read, stale_and_fresh)
{
    /* Goal: all members of the log's rooms hear of it once, others do not. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    struct tc_bus_put put = {
        .room = fx_room(&fx, 0, "ticker-B"), .log = 1, .kind = TC_BUS_TOMBSTONE, .pos = 5
    };
    fx_publish(&fx, 0, &put);
    fx_commit(&fx, 0);
    join(0, "ticker-A");
    join(1, "ticker-B");
    join(2, "ticker-A");
    tc_fan_conn_blocked(fx.fan, 2);
    fx_stale(&fx, 0, 9000);
    fx_run(&fx);
    fx_stale(&fx, 0, 9000);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "S ticker-A 9000\n");
    cr_expect_str_eq(fx_take(&fx, 1), "");
    tc_fan_conn_writable(fx.fan, 2);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 2), "S ticker-A 9000\n", "it was behind");
    fx_stale(&fx, 0, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "F ticker-A\n");
    atomic_store(&fx.logs[0].away_ms, 9500);
    tc_bus_commit(&fx.bus[0], true);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "S ticker-A 9500\n");
    cr_expect_str_eq(fx_take(&fx, 1), "S ticker-B 9500\n", "the whole source is away");
    atomic_store(&fx.logs[0].away_ms, 0);
    atomic_store(&fx.logs[0].trouble_ms, 9600);
    tc_bus_commit(&fx.bus[0], true);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "F ticker-A\n", "it has a log, which is well");
    cr_expect_str_eq(fx_take(&fx, 1), "F ticker-B\n");
    fx_fini(&fx);
}

Test(read, state_passes_unheard)
{
    /* Goal: who was behind while a log was stale and fresh again hears nothing of it; who comes
     * while it is stale hears so behind the confirmation. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    join(0, "ticker-A");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_stale(&fx, 0, 9000);
    fx_run(&fx);
    fx_open(&fx, 1);
    cr_assert_eq(fx_sub(&fx, 1, "ticker-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 1), "C ticker-A - s0/t/0@1 1 A\nU ticker-A 1 - 1001 snap v1\n"
                                      "S ticker-A 9000\n");
    fx_stale(&fx, 0, 0);
    fx_run(&fx);
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect_str_eq(fx_take(&fx, 1), "F ticker-A\n");
    fx_fini(&fx);
}

Test(read, state_of_the_log_it_came_to)
{
    /* Goal: a room that is born in, or moves to, a log of another state is told. */
    fx_init(&fx, NULL);
    fx_stale(&fx, 0, 9000);
    join(0, "ticker-A");
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 1 - 1001 live v1\nS ticker-A 9000\n");
    fx_put_moved(&fx, "ticker-A", 1);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "M ticker-A s0/t/1@1\nF ticker-A\n");
    fx_fini(&fx);
}
