// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/time/wheel.h"

enum { TIMERS = 200, MS = 1000000, TICK = 64 * MS };

struct model {
    struct tc_wheel wheel;
    int64_t deadline_ns[TIMERS]; /* -1: not armed */
    int64_t now_ns;
    uint32_t fired_cnt;
    uint32_t rearm; /* timer that arms itself again when it fires */
    uint32_t kills; /* timer that is cancelled by any that fires */
};

static struct tc_mem mem;

static void setup(struct model *m, uint32_t slot_cnt)
{
    struct tc_err err;
    memset(m, 0, sizeof(*m));
    tc_mem_init(&mem, 0);
    m->now_ns = 5000;
    m->rearm = m->kills = TC_NONE;
    cr_assert_eq(tc_wheel_init(&m->wheel, &mem, "test", TIMERS, slot_cnt, TICK, m->now_ns, &err),
                 0);
    for (int i = 0; i < TIMERS; i++)
        m->deadline_ns[i] = -1;
}

static void on_fire(void *ctx, uint32_t timer)
{
    struct model *m = ctx;
    cr_assert(m->deadline_ns[timer] >= 0, "timer %u fired without being armed", timer);
    cr_assert(m->now_ns >= m->deadline_ns[timer], "timer %u fired early", timer);
    cr_assert_not(tc_wheel_is_armed(&m->wheel, timer));
    m->deadline_ns[timer] = -1;
    m->fired_cnt++;
    if (timer == m->rearm) {
        m->deadline_ns[timer] = m->now_ns;
        tc_wheel_arm(&m->wheel, timer, m->now_ns);
    }
    if (m->kills != TC_NONE && m->kills != timer) {
        m->deadline_ns[m->kills] = -1;
        tc_wheel_cancel(&m->wheel, m->kills);
    }
}

static void arm(struct model *m, uint32_t timer, int64_t deadline_ns)
{
    m->deadline_ns[timer] = deadline_ns;
    tc_wheel_arm(&m->wheel, timer, deadline_ns);
}

static uint32_t advance(struct model *m, int64_t to_ns, uint32_t max)
{
    m->now_ns = to_ns;
    return tc_wheel_advance(&m->wheel, to_ns, max, on_fire, m);
}

Test(wheel, fires_at_most_one_tick_late)
{
    /* goal: a timer fires in the first tick that is not before its deadline, and once */
    struct model m;
    setup(&m, 64);
    arm(&m, 7, m.now_ns + 100 * MS);
    cr_assert_eq(advance(&m, 5000 + 99 * MS, 1000), 0);
    cr_assert_eq(advance(&m, 5000 + 100 * MS + TICK, 1000), 1);
    cr_assert_eq(advance(&m, 5000 + 1000 * (int64_t)TICK, 1000), 0);
    cr_assert_eq(tc_wheel_next_ns(&m.wheel), INT64_MAX);
    tc_mem_fini(&mem);
}

Test(wheel, passed_deadline_fires_at_next_tick)
{
    /* goal: arming in the past, or at the largest time, neither loses nor overflows */
    struct model m;
    setup(&m, 64);
    arm(&m, 0, 50);
    arm(&m, 1, INT64_MAX);
    cr_assert_leq(tc_wheel_next_ns(&m.wheel), 5000 + TICK);
    cr_assert_eq(advance(&m, 5000 + TICK, 1000), 1);
    cr_assert(tc_wheel_is_armed(&m.wheel, 1));
    cr_assert_neq(tc_wheel_next_ns(&m.wheel), INT64_MAX);
    tc_mem_fini(&mem);
}

Test(wheel, budget_is_kept_and_work_goes_on)
{
    /* goal: advance() looks at no more than its budget, says that work is left, and ends it later
     */
    struct model m;
    setup(&m, 64);
    for (uint32_t i = 0; i < TIMERS; i++)
        arm(&m, i, 5000 + 10 * TICK);
    uint32_t calls = 0;
    while (m.fired_cnt < TIMERS) {
        cr_assert_leq(advance(&m, 5000 + 10 * TICK, 7), 7);
        if (m.fired_cnt < TIMERS)
            cr_assert_leq(tc_wheel_next_ns(&m.wheel), m.now_ns);
        cr_assert_lt(calls++, 40);
    }
    tc_mem_fini(&mem);
}

Test(wheel, callback_may_rearm_itself_and_cancel_others)
{
    /* goal: a timer that arms itself again fires once per tick; the next in the walk may vanish */
    struct model m;
    setup(&m, 64);
    m.rearm = 3;
    for (uint32_t i = 0; i < 6; i++)
        arm(&m, i, 5000 + TICK);
    m.kills = 2;
    cr_assert_eq(advance(&m, 5000 + TICK, 1000), 5);
    cr_assert_eq(advance(&m, 5000 + 2 * TICK, 1000), 1);
    cr_assert(tc_wheel_is_armed(&m.wheel, 3));
    cr_assert_not(tc_wheel_is_armed(&m.wheel, 2));
    tc_mem_fini(&mem);
}

Test(wheel, long_pause_fires_all)
{
    /* goal: after a pause of many revolutions everything due fires, nothing else */
    struct model m;
    setup(&m, 64);
    for (uint32_t i = 0; i < 100; i++)
        arm(&m, i, 5000 + (int64_t)i * 31 * TICK);
    arm(&m, 150, 5000 + 100000 * (int64_t)TICK);
    cr_assert_eq(advance(&m, 5000 + 5000 * (int64_t)TICK, 100000), 100);
    cr_assert(tc_wheel_is_armed(&m.wheel, 150));
    cr_assert_eq(advance(&m, 5000 + 100000 * (int64_t)TICK, 100000), 1);
    tc_mem_fini(&mem);
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

Test(wheel, agrees_with_a_model)
{
    /* goal: over random arms, cancels and steps, with budgets, the wheel fires what a table of
     * deadlines says, never early, at most one tick late when the budget suffices */
    for (uint64_t run = 1; run <= 30; run++) {
        struct model m;
        uint64_t seed = run * 0x9e3779b97f4a7c15ull;
        setup(&m, run % 2 ? 64 : 256);
        for (int step = 0; step < 3000; step++) {
            uint32_t timer = (uint32_t)(next(&seed) % TIMERS);
            uint64_t what = next(&seed) % 10;
            if (what < 5) {
                arm(&m, timer, m.now_ns + (int64_t)(next(&seed) % 300) * 20 * MS);
            } else if (what < 7) {
                tc_wheel_cancel(&m.wheel, timer);
                m.deadline_ns[timer] = -1;
            } else {
                uint64_t jump = what == 9 ? next(&seed) % 2000 : next(&seed) % 3;
                int64_t to_ns = m.now_ns + (int64_t)(jump * TICK / 2);
                (void)advance(&m, to_ns, what == 7 ? 3 : 100000);
                int64_t first_ns = INT64_MAX;
                for (int i = 0; i < TIMERS; i++) {
                    cr_assert_eq(tc_wheel_is_armed(&m.wheel, (uint32_t)i), m.deadline_ns[i] >= 0);
                    if (m.deadline_ns[i] < 0)
                        continue;
                    first_ns = TC_MIN(first_ns, m.deadline_ns[i]);
                    if (what != 7)
                        cr_assert_lt(m.now_ns, m.deadline_ns[i] + TICK, "late");
                }
                if (first_ns != INT64_MAX)
                    cr_assert_leq(tc_wheel_next_ns(&m.wheel), first_ns + TICK);
                else
                    cr_assert_eq(tc_wheel_next_ns(&m.wheel), INT64_MAX);
            }
        }
        cr_assert_gt(m.fired_cnt, 100);
        tc_mem_fini(&mem);
    }
}
