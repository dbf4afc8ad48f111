// SPDX-License-Identifier: Apache-2.0
/* Goal: members behind read the bus a bounded slice at a time, connections in turn, and
 * subscriptions that cannot be answered yet are parked until they can. */
#include "tests/unit/core/fanout/fixture.h"

#include "core/fanout/fan_int.h"

static struct fx fx;

static uint32_t lines_of(const char *text)
{
    uint32_t lines = 0;
    while ((text = strchr(text, '\n'))) {
        text++;
        lines++;
    }
    return lines;
}

/* Confirmed in rooms A (and B), then blocked while cnt events of each pass. */
static void fall_behind(uint32_t conn, int64_t cnt, bool has_b)
{
    fx_open(&fx, conn);
    cr_assert_eq(fx_sub(&fx, conn, "ticker-A", false), 0);
    if (has_b)
        cr_assert_eq(fx_sub(&fx, conn, "ticker-B", false), 0);
    fx_run(&fx);
    fx_take(&fx, conn);
    tc_fan_conn_blocked(fx.fan, conn);
    fx_put_many(&fx, "ticker-A", 100, 99 + cnt);
    if (has_b)
        fx_put_many(&fx, "ticker-B", 500, 499 + cnt);
    fx_run(&fx);
    tc_fan_conn_writable(fx.fan, conn);
}

Test(catch_up, budget)
{
    /* Goal: a call plans little more than the bytes asked for, one event at least, and goes on
     * where it stopped. */
    fx_init(&fx, NULL);
    fall_behind(0, 10, false);
    fx.max_bytes = 1;
    for (uint32_t i = 0; i < 10; i++) {
        char want[64];
        cr_expect(tc_fan_has_catch_up(fx.fan));
        fx_catch_up(&fx);
        const char *got = fx_take(&fx, 0);
        snprintf(want, sizeof(want), "U ticker-A %u ", 100 + i);
        cr_expect_eq(strncmp(got, want, strlen(want)), 0, "%s", got);
        cr_expect_eq(lines_of(got), 1);
    }
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    fx_fini(&fx);
}

Test(catch_up, in_turn)
{
    /* Goal: two members of one connection, and two connections, get their slices in turn. */
    fx_init(&fx, NULL);
    fall_behind(0, 4, true);
    fx_open(&fx, 1);
    cr_assert_eq(fx_sub(&fx, 1, "ticker-A", true), 0);
    fx.max_bytes = 1;
    fx_catch_up(&fx);
    fx_catch_up(&fx);
    const char *got = fx_take(&fx, 0);
    cr_expect_eq(lines_of(got), 2);
    cr_expect(strstr(got, "ticker-A 100 ") && strstr(got, "ticker-B 500 "), "%s", got);
    cr_expect_eq(lines_of(fx_take(&fx, 1)), 2, "confirmation and snapshot");
    fx.max_bytes = 1 << 20;
    fx_catch_up(&fx);
    cr_expect_eq(lines_of(fx_take(&fx, 0)), 6, "both at once");
    fx_fini(&fx);
}

Test(catch_up, scratch_is_bounded)
{
    /* Goal: a slice ends when scratch is full; the next one goes on with those that had no turn. */
    struct fx_options o = fx_defaults();
    static char big[200001];
    o.event_cnt = 64;
    o.payload_max = 200000;
    o.payload_bytes = 64ull * 200000;
    fx_init(&fx, &o);
    memset(big, 'x', 200000);
    for (uint32_t i = 0; i < 3; i++) {
        fx_open(&fx, i);
        cr_assert_eq(fx_sub(&fx, i, "ticker-A", false), 0);
    }
    fx_run(&fx);
    for (uint32_t i = 0; i < 3; i++)
        tc_fan_conn_blocked(fx.fan, i);
    for (int64_t i = 0; i < 15; i++)
        fx_put(&fx, "ticker-A", i, big);
    fx_run(&fx);
    uint32_t total[3] = { 0 };
    for (uint32_t i = 0; i < 3; i++)
        tc_fan_conn_writable(fx.fan, i);
    for (uint32_t slice = 0; slice < 10; slice++) {
        struct tc_fan_piece pieces[4], tail;
        uint32_t bytes = 0;
        uint32_t sum = 0;
        tc_fan_catch_up_begin(fx.fan, fx.now_ns);
        for (uint32_t conn; (conn = tc_fan_catch_up(fx.fan, UINT32_MAX)) != TC_NONE;) {
            tc_fan_gather(fx.fan, conn, pieces, 4, &bytes);
            tc_fan_settle(fx.fan, conn, bytes, false, &tail);
            total[conn] += bytes;
            sum += bytes;
        }
        cr_expect_leq(sum, fx.fan->scratch_bytes);
    }
    cr_expect_eq(total[0], total[1]);
    cr_expect_eq(total[0], total[2]);
    cr_expect_gt(total[0], 15 * 200000);
    cr_expect_eq(tc_fan_stats(fx.fan)->delivery_cnt, 45);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    fx_fini(&fx);
}

Test(catch_up, long_walk)
{
    /* Goal: a walk of more links than one slice has goes on in the next one, while the room goes on
     * too. */
    struct fx_options o = fx_defaults();
    const int64_t cnt = 3 * TC_TURN_HOPS_MAX + 100;
    o.event_cnt = 4 * TC_TURN_HOPS_MAX;
    o.payload_bytes = 8 << 20;
    o.resume_events = 1 << 20;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, cnt);
    fx_run(&fx);
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", "s0/t/0@1", 50, -1), 0);
    for (int64_t i = 1; i <= 3; i++) {
        fx_turn(&fx);
        cr_expect_str_eq(fx_take(&fx, 0), "");
        cr_expect(tc_fan_has_catch_up(fx.fan));
        fx_put_many(&fx, "ticker-A", cnt + i, cnt + i);
    }
    fx_run(&fx);
    char want[64];
    snprintf(want, sizeof(want), "R ticker-A 9 50 %lld %lld\n", (long long)cnt + 3,
             (long long)cnt + 3 - 50);
    const char *got = fx_take(&fx, 0);
    cr_expect(strstr(got, want), "%.80s", got);
    cr_expect_eq(lines_of(got), (uint32_t)cnt + 3 - 50 + 2);
    fx_fini(&fx);
}

Test(catch_up, overtaken)
{
    /* Goal: a member whose next event has left the ring is told so in its first slice, without a
     * walk along the links, however long the ring is. */
    enum { EVENTS = 4 * TC_TURN_HOPS_MAX, STEP = 512 };
    struct fx_options o = fx_defaults();
    o.event_cnt = EVENTS;
    o.payload_bytes = 8 << 20;
    fx_init(&fx, &o);
    fall_behind(0, 1, false); /* its event 100 */
    tc_fan_conn_blocked(fx.fan, 0);
    for (int64_t pos = 101; pos <= 100 + EVENTS; pos += STEP) {
        fx_put_many(&fx, "ticker-A", pos, pos + STEP - 1);
        fx_run(&fx);
    }
    cr_assert_eq(tc_fan_stats(fx.fan)->lapped_cnt, 0);
    tc_fan_conn_writable(fx.fan, 0);
    fx_catch_up(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "N ticker-A - 32867 32768\n"
                                      "U ticker-A 32868 32867 33868 live v32868\n");
    cr_expect_eq(fx.fan->hops, TC_TURN_HOPS_MAX);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    fx_fini(&fx);
}

Test(catch_up, parked_until_warm)
{
    /* Goal: before every log was read to its end, subscriptions wait; events meanwhile are history.
     */
    struct fx_options o = fx_defaults();
    o.warmup_end_ns = INT64_MAX;
    fx_init_cold(&fx, &o);
    fx_log(&fx, 0, 0, 0, TC_NONE);
    fx_open(&fx, 0);
    cr_expect_eq(tc_fan_parked_at_ns(fx.fan), INT64_MAX);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_turn(&fx);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_turn(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect_eq(tc_fan_stats(fx.fan)->parked_cnt, 1);
    cr_expect_gt(tc_fan_parked_at_ns(fx.fan), fx.now_ns);
    fx_warm(&fx);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 2 A\nU ticker-A 2 1 1002 snap v2\n",
                     "at once, not when the parked are looked at next");
    cr_expect_eq(tc_fan_stats(fx.fan)->parked_cnt, 0);
    cr_expect_eq(tc_fan_parked_at_ns(fx.fan), INT64_MAX);
    fx_fini(&fx);
}

Test(catch_up, warm_up_ends)
{
    /* Goal: when warm-up has lasted too long, subscriptions are answered, and said to be stale. */
    struct fx_options o = fx_defaults();
    o.warmup_end_ns = 2000 * (int64_t)FX_MS;
    fx_init_cold(&fx, &o);
    fx_log(&fx, 0, 0, 0, TC_NONE);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_run(&fx);
    while (fx.now_ns < o.warmup_end_ns) {
        cr_expect_str_eq(fx_take(&fx, 0), "");
        cr_assert_eq(tc_fan_stats(fx.fan)->parked_cnt, 1);
        cr_assert_gt(tc_fan_parked_at_ns(fx.fan), fx.now_ns);
        fx.now_ns = tc_fan_parked_at_ns(fx.fan);
        fx_run(&fx);
    }
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - - - A\nS ticker-A 77\n");
    fx_warm(&fx);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "F ticker-A\n");
    fx_fini(&fx);
}

Test(catch_up, parked_can_leave)
{
    /* Goal: a parked subscription is ended by an unsubscribe and by a close. */
    struct fx_options o = fx_defaults();
    o.warmup_end_ns = INT64_MAX;
    fx_init_cold(&fx, &o);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-B", true), 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-C", true), 0);
    fx_turn(&fx);
    cr_expect_eq(tc_fan_stats(fx.fan)->parked_cnt, 3);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-B"), NULL, NULL), 0);
    cr_expect_eq(tc_fan_stats(fx.fan)->parked_cnt, 2);
    fx_close(&fx, 0);
    cr_expect_eq(tc_fan_stats(fx.fan)->parked_cnt, 0);
    cr_expect_eq(tc_fan_parked_at_ns(fx.fan), INT64_MAX);
    fx_fini(&fx);
}
