// SPDX-License-Identifier: Apache-2.0
/* bench/micro_wheel: what the timer wheel costs on one core, with a timer for each of 10,000
 * connections that are pinged after 25 s: per timer that is moved, and per timer that goes off. */
#include "bench/micro.h"
#include "core/time/wheel.h"

enum { TIMERS = 10000, SLOTS = 1024 };
#define PERIOD_NS (25 * 1000000000ll)

static struct tc_wheel wheel;
static int64_t now_ns = 1000000000;

/* Spread over the period. */
static void arm_all(void)
{
    for (uint32_t i = 0; i < TIMERS; i++)
        tc_wheel_arm(&wheel, i, now_ns + PERIOD_NS * (i + 1) / TIMERS);
}

static void move(void *ctx, uint64_t ops)
{
    (void)ctx;
    for (uint64_t i = 0; i < ops; i++) {
        now_ns += 1000;
        tc_wheel_arm(&wheel, (uint32_t)i * 2654435769u % TIMERS, now_ns + PERIOD_NS);
    }
}

static void again(void *ctx, uint32_t timer)
{
    (void)ctx;
    tc_wheel_arm(&wheel, timer, now_ns + PERIOD_NS);
}

static void go_off(void *ctx, uint64_t ops)
{
    uint64_t done = 0;
    (void)ctx;
    while (done < ops) {
        now_ns += TC_WHEEL_TICK_NS;
        done += tc_wheel_advance(&wheel, now_ns, (uint32_t)TC_MIN(ops - done, 256u), again, NULL);
    }
}

int main(int argc, char **argv)
{
    struct tc_mem mem;
    struct tc_err err;
    micro_start(argc, argv);
    tc_mem_init(&mem, 0);
    if (tc_wheel_init(&wheel, &mem, "bench", TIMERS, SLOTS, TC_WHEEL_TICK_NS, now_ns, &err) < 0)
        micro_fail(err.text);
    arm_all();
    micro_run(&(struct micro_case){ "wheel, a timer is moved", move, NULL, 1 << 20, TIMERS, 0 });
    arm_all();
    micro_run(&(struct micro_case){ "wheel, a timer goes off", go_off, NULL, 1 << 20, TIMERS, 0 });
    tc_mem_fini(&mem);
    return micro_end();
}
