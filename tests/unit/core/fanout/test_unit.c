// SPDX-License-Identifier: Apache-2.0
/* Goal: what a member behind gets: every event while it is not too far, the newest one and an exact
 * notice when it is, and a true word about what the ring has lost. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;

/* A ring of that many events; conn 0 at position 1 of ticker-A, then blocked. */
static void begin(const struct fx_options *o)
{
    fx_init(&fx, o);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    fx_run(&fx);
    fx_take(&fx, 0);
    tc_fan_conn_blocked(fx.fan, 0);
}

static const char *unblock(void)
{
    fx_run(&fx);
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    return fx_take(&fx, 0);
}

/* So many events of another room that the ring of n holds nothing else. */
static void fill(uint32_t n)
{
    static int64_t pos = 100000;
    fx_put_many(&fx, "book-Z", pos, pos + n - 1);
    pos += n;
}

static struct fx_options ring_of(uint32_t events)
{
    struct fx_options o = fx_defaults();
    o.event_cnt = events;
    return o;
}

Test(unit, conflate_by_bytes)
{
    /* Goal: one byte more than conflate_bytes behind: the newest value, and a notice of what was
     * left out; at the limit: everything. */
    struct fx_options o = fx_defaults();
    o.conflate_bytes = 10; /* five payloads of two bytes */
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 6);
    cr_expect_str_eq(unblock(), "U ticker-A 2 1 1002 live v2\nU ticker-A 3 2 1003 live v3\n"
                                "U ticker-A 4 3 1004 live v4\nU ticker-A 5 4 1005 live v5\n"
                                "U ticker-A 6 5 1006 live v6\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 11, 11);
    fx_put_many(&fx, "ticker-A", 20, 23);
    cr_expect_str_eq(unblock(), "N ticker-A 6 22 4\nU ticker-A 23 22 1023 live v23\n");
    cr_expect_eq(tc_fan_stats(fx.fan)->conflated_cnt, 1);
    cr_expect_eq(tc_fan_stats(fx.fan)->skipped_cnt, 4);
    fx_put_many(&fx, "ticker-A", 30, 30);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 30 23 1030 live v30\n");
    fx_fini(&fx);
}

Test(unit, conflate_by_time)
{
    /* Goal: the oldest missed event decides, not how many they are. */
    struct fx_options o = fx_defaults();
    o.conflate_ns = 100 * (int64_t)FX_MS;
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 3);
    fx.now_ns += o.conflate_ns;
    cr_expect_str_eq(unblock(), "U ticker-A 2 1 1002 live v2\nU ticker-A 3 2 1003 live v3\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 4, 4);
    fx.now_ns += o.conflate_ns + 1;
    fx_put_many(&fx, "ticker-A", 5, 5);
    cr_expect_str_eq(unblock(), "N ticker-A 3 4 1\nU ticker-A 5 4 1005 live v5\n");
    fx_fini(&fx);
}

Test(unit, nothing_to_conflate)
{
    /* Goal: a single event, however old and large, comes without a notice; so does a gap before it.
     */
    struct fx_options o = fx_defaults();
    o.conflate_bytes = 1;
    o.conflate_ns = 1;
    begin(&o);
    fx_put_many(&fx, "ticker-A", 7, 7);
    fx.now_ns += FX_MS;
    cr_expect_str_eq(unblock(), "U ticker-A 7 1 1007 live v7\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_gap(&fx, "ticker-A", 0, 8, 9, TC_GAP_POISON);
    fx_put_many(&fx, "ticker-A", 11, 11);
    fx.now_ns += FX_MS;
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/0@1 8 9 poison\nU ticker-A 11 9 1011 live v11\n");
    cr_expect_eq(tc_fan_stats(fx.fan)->conflated_cnt, 0);
    fx_fini(&fx);
}

Test(unit, move_is_told_before_conflation)
{
    /* Goal: a client learns the log before positions of it are left out. */
    struct fx_options o = fx_defaults();
    o.conflate_bytes = 1;
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 3);
    fx_put_moved(&fx, "ticker-A", 1);
    for (int64_t pos = 50; pos < 53; pos++) {
        struct tc_bus_put put = { .room = fx_room(&fx, 0, "ticker-A"),
                                  .log = 1,
                                  .kind = TC_BUS_UPDATE,
                                  .pos = pos,
                                  .ts_ms = 1000 + pos,
                                  .payload = "xx",
                                  .len = 2 };
        fx_publish(&fx, 0, &put);
    }
    fx_commit(&fx, 0);
    cr_expect_str_eq(unblock(), "U ticker-A 2 1 1002 live v2\nU ticker-A 3 2 1003 live v3\n"
                                "M ticker-A s0/t/1@1\n"
                                "N ticker-A - 51 2\nU ticker-A 52 51 1052 live xx\n");
    fx_fini(&fx);
}

Test(unit, lapped_worker_conflates_nothing)
{
    /* Goal: what the worker missed through its own fault is not left out while the ring has it. */
    struct fx_options o = ring_of(16);
    o.conflate_bytes = 1;
    begin(&o);
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    fill(20);
    fx_put_many(&fx, "ticker-A", 2, 4);
    fx_run(&fx);
    cr_expect_eq(tc_fan_stats(fx.fan)->lapped_cnt, 1);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 2 1 1002 live v2\nU ticker-A 3 2 1003 live v3\n"
                                      "U ticker-A 4 3 1004 live v4\n");
    fx_fini(&fx);
}

Test(unit, hole_is_told)
{
    /* Goal: the chain has left the ring behind the place: the newest value and an exact notice. */
    struct fx_options o = ring_of(8);
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 12);
    cr_expect_str_eq(unblock(), "N ticker-A 1 11 10\nU ticker-A 12 11 1012 live v12\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 13, 14);
    fill(9);
    cr_expect_str_eq(unblock(), "N ticker-A 12 13 1\nU ticker-A 14 13 1014 live v14\n",
                     "from the slot");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 15, 15);
    fill(9);
    cr_expect_str_eq(unblock(), "U ticker-A 15 14 1015 live v15\n", "nothing is missing");
    fx_fini(&fx);
}

Test(unit, no_hole_where_the_rest_is_there)
{
    /* Goal: the ring's oldest event follows the place: all that is in the ring is delivered. */
    struct fx_options o = ring_of(8);
    begin(&o);
    fill(7);
    fx_put_many(&fx, "ticker-A", 5, 6);
    cr_expect_str_eq(unblock(), "U ticker-A 5 1 1005 live v5\nU ticker-A 6 5 1006 live v6\n");
    fx_fini(&fx);
}

Test(unit, hole_of_a_gap)
{
    /* Goal: only a gap notice has left the ring: a gap is told, for no event was left out. */
    struct fx_options o = ring_of(8);
    begin(&o);
    fx_put_gap(&fx, "ticker-A", 0, 2, 5, TC_GAP_OVERSIZE);
    fill(8);
    fx_put_many(&fx, "ticker-A", 6, 6);
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/0@1 1 5 retention\nU ticker-A 6 5 1006 live v6\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_gap(&fx, "ticker-A", 0, 7, 8, TC_GAP_OVERSIZE);
    fill(9);
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/0@1 6 8 retention\n", "without a value behind it");
    fx_fini(&fx);
}

Test(unit, lost_value)
{
    /* Goal: no slot for the last value: the hole is told up to the room's newest position, and the
     * next update follows that. */
    struct fx_options o = ring_of(8);
    o.slot_bytes = 8;
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 4);
    fill(9);
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/0@1 1 4 retention\n");
    cr_expect_eq(tc_fan_stats(fx.fan)->gap_cnt[TC_GAP_RETENTION], 1);
    fx_put_many(&fx, "ticker-A", 9, 9);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 9 4 1009 live v9\n");
    /* the count stays exact over a value that was never seen */
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 10, 12);
    fill(7);
    cr_expect_str_eq(unblock(), "N ticker-A 9 11 2\nU ticker-A 12 11 1012 live v12\n");
    fx_fini(&fx);
}

Test(unit, lost_value_before_subscription)
{
    /* Goal: a subscription to a value that is gone is confirmed without a snapshot; a later hole is
     * counted from there. */
    struct fx_options o = ring_of(8);
    o.slot_bytes = 8;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, 5);
    fill(9);
    fx_run(&fx);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 5 A\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 6, 20);
    cr_expect_str_eq(unblock(), "N ticker-A 5 19 14\nU ticker-A 20 19 1020 live v20\n");
    fx_fini(&fx);
}

/* ticker-A in log 1 at pos. */
static void put_log_1(int64_t pos)
{
    struct tc_bus_put put = { .room = fx_room(&fx, 0, "ticker-A"),
                              .log = 1,
                              .kind = TC_BUS_UPDATE,
                              .pos = pos,
                              .ts_ms = 1000 + pos,
                              .payload = "x",
                              .len = 1 };
    fx_publish(&fx, 0, &put);
    fx_commit(&fx, 0);
}

Test(unit, hole_over_a_move)
{
    /* Goal: the moved notice itself has left the ring: the client hears of the new log all the
     * same, and that the rest of the old one is unknown if something of it is missing. */
    struct fx_options o = ring_of(8);
    begin(&o);
    fx_put_moved(&fx, "ticker-A", 1);
    put_log_1(40);
    fill(9);
    cr_expect_str_eq(unblock(), "M ticker-A s0/t/1@1\nU ticker-A 40 - 1040 live x\n");
    fx_fini(&fx);
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 3);
    fx_put_moved(&fx, "ticker-A", 1);
    put_log_1(40);
    put_log_1(41);
    fill(9);
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/0@1 1 - retention\nM ticker-A s0/t/1@1\n"
                                "N ticker-A - 40 3\nU ticker-A 41 40 1041 live x\n");
    fx_fini(&fx);
}

Test(unit, hole_over_a_recreation)
{
    /* Goal: as above for a topic that was made anew; and the old log's value is not sent again. */
    struct fx_options o = ring_of(8);
    begin(&o);
    uint32_t log = fx_log(&fx, 0, 0, 0, 0);
    fx_put_gap(&fx, "ticker-A", log, -1, -1, TC_GAP_RECREATED);
    fill(9);
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/2@1 1 - recreated\n");
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_gap(&fx, "ticker-A", log, 2, 3, TC_GAP_POISON);
    fill(9);
    cr_expect_str_eq(unblock(), "G ticker-A s0/t/2@1 - 3 retention\n");
    fx_fini(&fx);
}

Test(unit, back_in_an_old_log)
{
    /* Goal: a room that came back to the log where a member had stopped: positions grow, and still
     * what was in the other logs is told. */
    for (uint32_t is_small = 0; is_small < 2; is_small++) {
        struct fx_options o = ring_of(is_small ? 8 : 1024);
        begin(&o);
        fx_put_moved(&fx, "ticker-A", 1);
        put_log_1(40);
        put_log_1(41);
        fx_put_moved(&fx, "ticker-A", 0);
        fx_put_many(&fx, "ticker-A", 70, 71);
        if (is_small)
            fill(9);
        cr_expect_str_eq(unblock(), is_small ? "N ticker-A 1 70 3\nU ticker-A 71 70 1071 live v71\n"
                                             : "M ticker-A s0/t/1@1\n"
                                               "U ticker-A 40 - 1040 live x\n"
                                               "U ticker-A 41 40 1041 live x\n"
                                               "M ticker-A s0/t/0@1\n"
                                               "U ticker-A 70 - 1070 live v70\n"
                                               "U ticker-A 71 70 1071 live v71\n");
        fx_fini(&fx);
    }
}

Test(unit, back_behind_the_oldest)
{
    /* Goal: as above when the ring's oldest event is the first since the room came back: it has no
     * predecessor, and is not the next one all the same. */
    struct fx_options o = ring_of(8);
    begin(&o);
    fx_put_moved(&fx, "ticker-A", 1);
    put_log_1(40);
    fx_put_moved(&fx, "ticker-A", 0);
    fx_put_many(&fx, "ticker-A", 70, 71);
    fill(6);
    cr_expect_str_eq(unblock(), "N ticker-A 1 70 2\nU ticker-A 71 70 1071 live v71\n");
    fx_fini(&fx);
}

Test(unit, superseded_meanwhile)
{
    /* Goal: the value at the worker's cursor is gone because a newer one came, which the worker has
     * not read: it reads first, and no hole is told that is not there. */
    struct fx_options o = ring_of(8);
    begin(&o);
    fx_put_many(&fx, "ticker-A", 2, 3);
    fx_run(&fx);
    tc_fan_conn_writable(fx.fan, 0);
    fill(7);
    fx_put_many(&fx, "ticker-A", 4, 4);
    fill(9);
    fx_catch_up(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect(tc_fan_has_news(fx.fan) && tc_fan_has_catch_up(fx.fan));
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "N ticker-A 1 3 2\nU ticker-A 4 3 1004 live v4\n");
    fx_fini(&fx);
}
