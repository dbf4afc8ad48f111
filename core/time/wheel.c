// SPDX-License-Identifier: Apache-2.0
#include "core/time/wheel.h"

enum { SLOTS_MIN = 64 };

int tc_wheel_init(struct tc_wheel *wheel, struct tc_mem *mem, const char *holder,
                  uint32_t timer_cnt, uint32_t slot_cnt, int64_t tick_ns, int64_t now_ns,
                  struct tc_err *err)
{
    TC_ASSERT(tick_ns > 0 && timer_cnt < TC_NONE && slot_cnt <= 1u << 24);
    memset(wheel, 0, sizeof(*wheel));
    wheel->timer_cnt = timer_cnt;
    wheel->slot_cnt = (uint32_t)tc_pow2_up(TC_MAX(slot_cnt, SLOTS_MIN));
    wheel->tick_ns = tick_ns;
    wheel->base_ns = now_ns;
    wheel->walk = TC_NONE;
    wheel->timers = tc_mem_take(mem, holder, sizeof(*wheel->timers), timer_cnt, err);
    wheel->slots = tc_mem_take(mem, holder, sizeof(*wheel->slots), wheel->slot_cnt, err);
    wheel->used = tc_mem_take(mem, holder, sizeof(*wheel->used), wheel->slot_cnt / 64, err);
    if (!wheel->timers || !wheel->slots || !wheel->used)
        return -TC_ENOMEM;
    for (uint32_t i = 0; i < wheel->slot_cnt; i++)
        wheel->slots[i] = TC_NONE;
    return TC_OK;
}

static inline uint32_t slot_of(const struct tc_wheel *wheel, uint64_t tick)
{
    return (uint32_t)(tick & (wheel->slot_cnt - 1));
}

void tc_wheel_cancel(struct tc_wheel *wheel, uint32_t timer)
{
    TC_ASSERT(timer < wheel->timer_cnt);
    struct tc_wheel_timer *t = &wheel->timers[timer];
    if (t->tick == 0)
        return;
    uint32_t slot = slot_of(wheel, t->tick);
    if (wheel->walk == timer)
        wheel->walk = t->next;
    if (t->next != TC_NONE)
        wheel->timers[t->next].prev = t->prev;
    if (t->prev != TC_NONE)
        wheel->timers[t->prev].next = t->next;
    else
        wheel->slots[slot] = t->next;
    if (wheel->slots[slot] == TC_NONE)
        wheel->used[slot / 64] &= ~(1ull << (slot % 64));
    t->tick = 0;
    wheel->armed_cnt--;
}

/* The first tick that does not lie before at_ns. */
static uint64_t tick_after(const struct tc_wheel *wheel, int64_t at_ns)
{
    if (at_ns <= wheel->base_ns)
        return 0;
    uint64_t span_ns = (uint64_t)at_ns - (uint64_t)wheel->base_ns;
    uint64_t tick_ns = (uint64_t)wheel->tick_ns;
    return span_ns / tick_ns + (span_ns % tick_ns != 0);
}

void tc_wheel_arm(struct tc_wheel *wheel, uint32_t timer, int64_t deadline_ns)
{
    TC_ASSERT(timer < wheel->timer_cnt);
    uint64_t tick = TC_MAX(tick_after(wheel, deadline_ns), wheel->tick + 1);
    struct tc_wheel_timer *t = &wheel->timers[timer];
    if (t->tick == tick)
        return;
    tc_wheel_cancel(wheel, timer);
    /* at the front: a walk that is under way has passed there and does not see it twice */
    uint32_t slot = slot_of(wheel, tick);
    t->tick = tick;
    t->prev = TC_NONE;
    t->next = wheel->slots[slot];
    if (t->next != TC_NONE)
        wheel->timers[t->next].prev = timer;
    wheel->slots[slot] = timer;
    wheel->used[slot / 64] |= 1ull << (slot % 64);
    wheel->armed_cnt++;
}

/* Ticks from `from` to the first slot in use, at most max. */
static uint64_t skip_empty(const struct tc_wheel *wheel, uint64_t from, uint64_t max)
{
    uint64_t cnt = 0;
    while (cnt < max) {
        uint32_t slot = slot_of(wheel, from + cnt);
        uint64_t word = wheel->used[slot / 64] >> (slot % 64);
        if (word) {
            cnt += (uint64_t)__builtin_ctzll(word);
            break;
        }
        cnt += 64 - slot % 64;
    }
    return TC_MIN(cnt, max);
}

/* Goes on in the slot of wheel->tick until it is done or *left is spent. */
static uint32_t walk_slot(struct tc_wheel *wheel, uint32_t *left, tc_wheel_fire fire, void *ctx)
{
    uint32_t fired = 0;
    while (wheel->walk != TC_NONE && *left > 0) {
        uint32_t timer = wheel->walk;
        const struct tc_wheel_timer *t = &wheel->timers[timer];
        --*left;
        if (t->tick > wheel->tick) {
            wheel->walk = t->next;
            continue;
        }
        tc_wheel_cancel(wheel, timer); /* moves the walk on */
        fired++;
        fire(ctx, timer);
    }
    wheel->is_walking = wheel->walk != TC_NONE;
    return fired;
}

uint32_t tc_wheel_advance(struct tc_wheel *wheel, int64_t now_ns, uint32_t visit_max,
                          tc_wheel_fire fire, void *ctx)
{
    TC_ASSERT(visit_max > 0);
    uint32_t left = visit_max;
    uint32_t fired = 0;
    uint64_t end = 0; /* the last tick that has come */
    if (now_ns > wheel->base_ns)
        end = ((uint64_t)now_ns - (uint64_t)wheel->base_ns) / (uint64_t)wheel->tick_ns;
    if (wheel->is_walking)
        fired += walk_slot(wheel, &left, fire, ctx);
    /* After a long pause one look at every slot is enough: what is due there is due at its latest
     * tick too. */
    if (!wheel->is_walking && end > wheel->tick + wheel->slot_cnt)
        wheel->tick = end - wheel->slot_cnt;
    while (!wheel->is_walking && wheel->tick < end) {
        uint64_t ahead = end - wheel->tick;
        uint64_t skip = skip_empty(wheel, wheel->tick + 1, ahead);
        if (skip == ahead) {
            wheel->tick = end;
            break;
        }
        wheel->tick += skip + 1;
        wheel->walk = wheel->slots[slot_of(wheel, wheel->tick)];
        wheel->is_walking = true; /* the budget may be spent: the slot is begun all the same */
        fired += walk_slot(wheel, &left, fire, ctx);
    }
    return fired;
}

int64_t tc_wheel_next_ns(const struct tc_wheel *wheel)
{
    if (wheel->armed_cnt == 0)
        return INT64_MAX;
    uint64_t tick = wheel->tick;
    if (!wheel->is_walking)
        tick += 1 + skip_empty(wheel, wheel->tick + 1, wheel->slot_cnt);
    return wheel->base_ns + (int64_t)tick * wheel->tick_ns;
}
