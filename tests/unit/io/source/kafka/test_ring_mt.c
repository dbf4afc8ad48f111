// SPDX-License-Identifier: Apache-2.0
/* Goal: the rings lose, repeat and tear nothing between two threads. */
#include <criterion/criterion.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "io/source/kafka/parts.h"

enum { EACH = 100000 };

static struct tc_source k;

/* The side thread: answers each ask, and sends its events beside. */
static void *side(void *arg)
{
    (void)arg;
    uint32_t asked_cnt = 0;
    int64_t sent_cnt = 0;
    while (asked_cnt < EACH || sent_cnt < EACH) {
        struct tc_kafka_ask ask;
        struct tc_kafka_event event = { .kind = TC_KAFKA_FINE,
                                        .rule = (uint32_t)sent_cnt,
                                        .pos = sent_cnt,
                                        .end = -sent_cnt,
                                        .at_ms = sent_cnt * 3 };
        bool is_busy = false;
        if (sent_cnt < EACH && tc_kafka_event_push(&k, &event)) {
            sent_cnt++;
            is_busy = true;
        }
        if (tc_kafka_ask_pop(&k, &ask)) {
            cr_assert(ask.partition == asked_cnt && ask.next_pos == (int64_t)asked_cnt * 5);
            asked_cnt++;
            is_busy = true;
        }
        if (!is_busy)
            sched_yield();
    }
    return NULL;
}

Test(kafka_ring_mt, both_directions, .timeout = 60)
{
    /* Goal: two threads that push and pop at once see each other's items once, whole, in order. */
    pthread_t thread;
    uint32_t asked_cnt = 0;
    int64_t got_cnt = 0;
    k.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k.side_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k.event_head = k.event_tail = k.ask_head = k.ask_tail = UINT32_MAX - EACH / 2;
    cr_assert_eq(pthread_create(&thread, NULL, side, NULL), 0);
    while (asked_cnt < EACH || got_cnt < EACH) {
        struct tc_kafka_ask ask = { .partition = asked_cnt, .next_pos = (int64_t)asked_cnt * 5 };
        struct tc_kafka_event event;
        bool is_busy = false;
        if (asked_cnt < EACH && tc_kafka_ask_push(&k, &ask)) {
            asked_cnt++;
            is_busy = true;
        }
        if (tc_kafka_event_pop(&k, &event)) {
            cr_assert(event.pos == got_cnt && event.rule == (uint32_t)got_cnt);
            cr_assert(event.end == -got_cnt && event.at_ms == got_cnt * 3);
            got_cnt++;
            is_busy = true;
        }
        if (!is_busy)
            sched_yield();
    }
    pthread_join(thread, NULL);
    struct tc_kafka_event event;
    cr_assert_not(tc_kafka_event_pop(&k, &event));
}
