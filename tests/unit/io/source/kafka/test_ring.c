// SPDX-License-Identifier: Apache-2.0
/* Goal: the two rings between the Kafka source's threads keep order and refuse when they are full.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/source/kafka/parts.h"

static struct tc_source k; /* zero; each test has a process of its own */

static void open_bells(void)
{
    k.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k.side_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static bool is_rung(int fd)
{
    uint64_t cnt = 0;
    return read(fd, &cnt, sizeof(cnt)) == (ssize_t)sizeof(cnt);
}

/* Events with growing pos, as many as fit; returns how many. */
static uint32_t fill_events(int64_t first)
{
    uint32_t cnt = 0;
    struct tc_kafka_event event = { .kind = TC_KAFKA_FINE, .pos = first };
    for (; tc_kafka_event_push(&k, &event); cnt++)
        event.pos++;
    return cnt;
}

static void drain_events(int64_t first, uint32_t cnt)
{
    struct tc_kafka_event event;
    for (uint32_t i = 0; i < cnt; i++) {
        cr_assert(tc_kafka_event_pop(&k, &event), "%u", i);
        cr_assert_eq(event.pos, first + i);
    }
    cr_assert_not(tc_kafka_event_pop(&k, &event));
}

Test(kafka_ring, events_are_bounded_and_in_order)
{
    /* Goal: as many as the ring has places, in their order; a refused event changes nothing; what
     * was taken makes room; the same across the end of the indexes. */
    open_bells();
    for (int pass = 0; pass < 3; pass++) {
        cr_assert_eq(fill_events(pass), TC_KAFKA_RING_MAX);
        struct tc_kafka_event event;
        cr_assert(tc_kafka_event_pop(&k, &event));
        cr_assert_eq(event.pos, pass);
        event.pos = pass + TC_KAFKA_RING_MAX;
        cr_assert(tc_kafka_event_push(&k, &event));
        cr_assert_not(tc_kafka_event_push(&k, &event));
        drain_events(pass + 1, TC_KAFKA_RING_MAX);
        k.event_head = k.event_tail = UINT32_MAX - 2 - (uint32_t)pass;
    }
}

Test(kafka_ring, events_are_whole)
{
    /* Goal: every field of an event and of an ask comes out as it went in. */
    struct tc_kafka_event in = { TC_KAFKA_STATE, 3, 4095, 0xdeadbeef, INT64_MAX, -1, 7, true };
    struct tc_kafka_ask ask = { 255, 17, 0x12345678, INT64_MAX - 1 };
    struct tc_kafka_event out = { 0 };
    struct tc_kafka_ask asked = { 0 };
    open_bells();
    cr_assert(tc_kafka_event_push(&k, &in) && tc_kafka_event_pop(&k, &out));
    cr_assert(out.kind == in.kind && out.rule == in.rule && out.partition == in.partition);
    cr_assert(out.hash == in.hash && out.pos == in.pos && out.end == in.end);
    cr_assert(out.at_ms == in.at_ms && out.state == in.state);
    cr_assert(tc_kafka_ask_push(&k, &ask) && tc_kafka_ask_pop(&k, &asked));
    cr_assert(asked.rule == ask.rule && asked.partition == ask.partition);
    cr_assert(asked.hash == ask.hash && asked.next_pos == ask.next_pos);
}

Test(kafka_ring, asks_are_bounded_and_in_order)
{
    /* Goal: the same promises in the other direction. */
    struct tc_kafka_ask ask = { .rule = 1 };
    open_bells();
    k.ask_head = k.ask_tail = UINT32_MAX - 5;
    cr_assert_not(tc_kafka_ask_pop(&k, &ask));
    for (uint32_t i = 0; i < TC_KAFKA_RING_MAX; i++) {
        ask.partition = i;
        cr_assert(tc_kafka_ask_push(&k, &ask), "%u", i);
    }
    cr_assert_not(tc_kafka_ask_push(&k, &ask));
    for (uint32_t i = 0; i < TC_KAFKA_RING_MAX; i++) {
        cr_assert(tc_kafka_ask_pop(&k, &ask), "%u", i);
        cr_assert_eq(ask.partition, i);
    }
    cr_assert_not(tc_kafka_ask_pop(&k, &ask));
}

Test(kafka_ring, each_reader_has_its_bell)
{
    /* Goal: an event wakes the polling thread only, an ask the side thread only; what was refused
     * wakes nobody. */
    struct tc_kafka_event event = { .kind = TC_KAFKA_FINE };
    struct tc_kafka_ask ask = { 0 };
    open_bells();
    cr_assert(tc_kafka_event_push(&k, &event));
    cr_assert(is_rung(k.wake_fd) && !is_rung(k.side_fd));
    cr_assert(tc_kafka_ask_push(&k, &ask));
    cr_assert(!is_rung(k.wake_fd) && is_rung(k.side_fd));
    fill_events(0);
    cr_assert(is_rung(k.wake_fd));
    cr_assert_not(tc_kafka_event_push(&k, &event));
    cr_assert_not(is_rung(k.wake_fd));
}
