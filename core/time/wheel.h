// SPDX-License-Identifier: Apache-2.0
/* core/time/wheel: a hashed timer wheel for many coarse deadlines: idle closes, pings, handshakes.
 *
 *   slot = tick % slot_cnt        tick 0      1      2    ...  slot_cnt - 1
 *                                  |      |      |
 *   lists of timers, by index     7,3     -     12      a timer beyond one revolution stays in its
 *                                                       slot and is passed over until its turn
 *
 * A timer is an index below timer_cnt, chosen by the caller (for example connection slot * kinds +
 * kind); it is armed at most once. Arm, cancel and re-arm are O(1) and allocate nothing. A timer
 * never fires early and, if advance() is called in time, at most one tick late.
 *
 * Not for: precise deadlines (parked members, sources have a time of their own). One thread. Time
 * is monotonic and an argument. */
#ifndef TC_CORE_TIME_WHEEL_H
#define TC_CORE_TIME_WHEEL_H

#include "core/base/err.h"
#include "core/mem/mem.h"

enum { TC_WHEEL_TICK_NS = 64 * 1000 * 1000 }; /* the usual tick */

struct tc_wheel_timer {
    uint64_t tick; /* 0: not armed */
    uint32_t next;
    uint32_t prev; /* TC_NONE: first of its slot */
};

struct tc_wheel {
    struct tc_wheel_timer *timers;
    uint32_t *slots; /* first timer of each, TC_NONE: empty */
    uint64_t *used;  /* a bit per slot that is not empty */
    uint32_t timer_cnt;
    uint32_t slot_cnt; /* a power of two, >= 64 */
    uint32_t armed_cnt;
    uint32_t walk;   /* where an unfinished slot goes on */
    bool is_walking; /* the slot of `tick` is unfinished */
    uint64_t tick;   /* the last tick that was begun */
    int64_t tick_ns;
    int64_t base_ns; /* monotonic time of tick 0 */
};

/* Called with the timer disarmed; may arm and cancel any timer, itself too. */
typedef void (*tc_wheel_fire)(void *ctx, uint32_t timer);

/* Takes 16 bytes per timer and 4 per slot from mem under holder. slot_cnt is rounded up to a power
 * of two of at least 64; choose slot_cnt * tick_ns beyond the usual span. tick_ns > 0. -TC_ENOMEM.
 */
int tc_wheel_init(struct tc_wheel *wheel, struct tc_mem *mem, const char *holder,
                  uint32_t timer_cnt, uint32_t slot_cnt, int64_t tick_ns, int64_t now_ns,
                  struct tc_err *err) TC_MUST_CHECK;

/* Arms timer for deadline_ns, or moves it there. A deadline that has passed fires at the next tick.
 */
void tc_wheel_arm(struct tc_wheel *wheel, uint32_t timer, int64_t deadline_ns);

/* Nothing happens if it is not armed. */
void tc_wheel_cancel(struct tc_wheel *wheel, uint32_t timer);

static inline bool tc_wheel_is_armed(const struct tc_wheel *wheel, uint32_t timer)
{
    return wheel->timers[timer].tick != 0;
}

/* Fires what is due at now_ns. Looks at no more than visit_max timers (>= 1; due or passed over)
 * and goes on there at the next call. Returns how many fired. */
uint32_t tc_wheel_advance(struct tc_wheel *wheel, int64_t now_ns, uint32_t visit_max,
                          tc_wheel_fire fire, void *ctx);

/* Monotonic time at which advance() is wanted: never after the first deadline's tick, possibly
 * before it (a timer of a later revolution); in the past while work is left over; INT64_MAX: none
 * armed. */
int64_t tc_wheel_next_ns(const struct tc_wheel *wheel);

#endif
