// SPDX-License-Identifier: Apache-2.0
/* Goal: one worker's fan-out from the first subscription to the last: what a client sees is
 * confirmation, snapshot, live; tables are sized from the configuration and refused if too dear. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;

Test(fan, confirmation_snapshot_live)
{
    /* Goal: confirmed first, then the newest value, then everything after it, once each. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 10, 12);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    cr_expect_str_eq(fx_take(&fx, 0), "", "nothing before the worker's turn");
    fx_put_many(&fx, "ticker-A", 13, 13);
    fx_run(&fx);
    fx_put_many(&fx, "ticker-A", 20, 21);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 13 A\n"
                                      "U ticker-A 13 12 1013 snap v13\n"
                                      "U ticker-A 20 13 1020 live v20\n"
                                      "U ticker-A 21 20 1021 live v21\n");
    fx_fini(&fx);
}

Test(fan, snapshot_is_taken_at_the_worker_s_cursor)
{
    /* Goal: what was published after the worker read is live, never both snapshot and live. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_run(&fx);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_put_many(&fx, "ticker-A", 3, 4);
    fx_catch_up(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 2 A\nU ticker-A 2 1 1002 snap v2\n");
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 3 2 1003 live v3\nU ticker-A 4 3 1004 live v4\n");
    fx_fini(&fx);
}

Test(fan, news)
{
    /* Goal: a worker may sleep exactly when there is nothing to read and nothing to catch up. */
    fx_init(&fx, NULL);
    fx_run(&fx);
    cr_expect_not(tc_fan_has_news(fx.fan));
    cr_expect_not(tc_fan_has_touched(fx.fan));
    fx_put_many(&fx, "ticker-A", 1, 1);
    cr_expect(tc_fan_has_news(fx.fan));
    fx_run(&fx);
    cr_expect_not(tc_fan_has_news(fx.fan));
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    cr_expect(tc_fan_has_catch_up(fx.fan));
    fx_run(&fx);
    cr_expect_not(tc_fan_has_catch_up(fx.fan));
    tc_bus_commit(&fx.bus[0], true);
    cr_expect(tc_fan_has_news(fx.fan), "a change of state is news");
    fx_fini(&fx);
}

Test(fan, largest_payload)
{
    /* Goal: an event of the largest size goes out in every dialect, by lane and by catch-up. */
    struct fx_options o = fx_defaults();
    static char big[3 << 20];
    o.dialect_cnt = 2;
    o.payload_max = TC_EVENT_BYTES_MAX;
    o.payload_bytes = 4 * TC_EVENT_BYTES_MAX;
    fx_init(&fx, &o);
    memset(big, 'x', TC_EVENT_BYTES_MAX);
    fx_put(&fx, "ticker-A", 1, "a");
    struct tc_fan_piece pieces[4], tail;
    uint32_t total;
    for (uint32_t i = 0; i < 2; i++) {
        fx_open(&fx, i);
        cr_assert_eq(fx_sub(&fx, i, "ticker-A", false), 0);
    }
    fx_run(&fx);
    fx_put(&fx, "ticker-A", 2, big);
    tc_fan_read(fx.fan, fx.now_ns);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t conn = tc_fan_next_touched(fx.fan);
        cr_assert_eq(tc_fan_gather(fx.fan, conn, pieces, 4, &total), 1);
        cr_expect_gt(total, TC_EVENT_BYTES_MAX);
        tc_fan_settle(fx.fan, conn, 0, false, &tail);
    }
    tc_fan_catch_up_begin(fx.fan, fx.now_ns);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t conn = tc_fan_catch_up(fx.fan, 1);
        cr_assert_neq(conn, TC_NONE);
        cr_assert_eq(tc_fan_gather(fx.fan, conn, pieces, 4, &total), 1);
        cr_expect_gt(total, TC_EVENT_BYTES_MAX);
        tc_fan_settle(fx.fan, conn, total, false, &tail);
        cr_expect_eq(tail.len, 0);
    }
    cr_expect_eq(tc_fan_stats(fx.fan)->delivery_cnt, 2);
    fx_fini(&fx);
}

Test(fan, memory)
{
    /* Goal: a budget that is too small is told by name, not overrun; sizes are known before. */
    struct tc_err err = { 0 };
    struct fx_options o = fx_defaults();
    fx_init(&fx, &o);
    struct tc_fan_feed feed = { &fx.bus[0], &fx.dir[0], &fx.logs[0] };
    struct tc_fan_conf conf = { .feeds = &feed,
                                .feed_cnt = 1,
                                .rules = &fx.rules,
                                .dialects = fx_dialects,
                                .dialect_cnt = 1,
                                .conn_max = 10,
                                .member_max = 10,
                                .waiting_max = 10,
                                .pending_max = 10,
                                .payload_max = 256,
                                .holder = "worker 0" };
    uint64_t full = 0;
    for (uint64_t budget = 1000; !full; budget *= 2) {
        struct tc_mem mem;
        tc_mem_init(&mem, budget);
        conf.mem = &mem;
        if (tc_fan_init(&conf, &err))
            full = mem.total_bytes;
        else
            cr_expect_eq(err.code, -TC_ENOMEM);
        tc_mem_fini(&mem);
    }
    cr_expect(strstr(err.text, "worker 0"), "%s", err.text);
    cr_expect_gt(full, 4 << 20, "scratch");
    cr_expect_gt(tc_fan_member_bytes(), 2 * sizeof(uint32_t));
    cr_expect_gt(tc_fan_conn_bytes(), sizeof(uint32_t));
    fx_fini(&fx);
}
