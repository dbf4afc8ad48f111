// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/parts.h"

#include <unistd.h>

_Static_assert((TC_KAFKA_RING_MAX & (TC_KAFKA_RING_MAX - 1)) == 0, "indexes wrap by masking");

static void ring_bell(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof(one)); /* full counter: the reader is awake anyway */
    (void)n;
}

bool tc_kafka_event_push(struct tc_source *k, const struct tc_kafka_event *event)
{
    uint32_t head = atomic_load_explicit(&k->event_head, memory_order_relaxed);
    if (head - atomic_load_explicit(&k->event_tail, memory_order_acquire) == TC_KAFKA_RING_MAX)
        return false;
    k->events[head % TC_KAFKA_RING_MAX] = *event;
    atomic_store_explicit(&k->event_head, head + 1, memory_order_release);
    ring_bell(k->wake_fd);
    return true;
}

bool tc_kafka_event_pop(struct tc_source *k, struct tc_kafka_event *event)
{
    uint32_t tail = atomic_load_explicit(&k->event_tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&k->event_head, memory_order_acquire))
        return false;
    *event = k->events[tail % TC_KAFKA_RING_MAX];
    atomic_store_explicit(&k->event_tail, tail + 1, memory_order_release);
    return true;
}

bool tc_kafka_ask_push(struct tc_source *k, const struct tc_kafka_ask *ask)
{
    uint32_t head = atomic_load_explicit(&k->ask_head, memory_order_relaxed);
    if (head - atomic_load_explicit(&k->ask_tail, memory_order_acquire) == TC_KAFKA_RING_MAX)
        return false;
    k->asks[head % TC_KAFKA_RING_MAX] = *ask;
    atomic_store_explicit(&k->ask_head, head + 1, memory_order_release);
    ring_bell(k->side_fd);
    return true;
}

bool tc_kafka_ask_pop(struct tc_source *k, struct tc_kafka_ask *ask)
{
    uint32_t tail = atomic_load_explicit(&k->ask_tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&k->ask_head, memory_order_acquire))
        return false;
    *ask = k->asks[tail % TC_KAFKA_RING_MAX];
    atomic_store_explicit(&k->ask_tail, tail + 1, memory_order_release);
    return true;
}
