// SPDX-License-Identifier: Apache-2.0
#include "core/flow/ring.h"

/* Before each record; len SKIP: the next one is at the ring's begin. */
struct head {
    uint32_t len;
    uint32_t unused[3];
};
_Static_assert(sizeof(struct head) == TC_RING_ALIGN, "records are aligned");

#define SKIP UINT32_MAX

static struct head *head_at(const struct tc_ring *ring, uint64_t at)
{
    return (struct head *)(void *)(ring->bytes + (at & (ring->cap - 1)));
}

int tc_ring_init(struct tc_ring *ring, struct tc_mem *mem, const char *holder, uint32_t len_max,
                 uint32_t spare, struct tc_err *err)
{
    memset(ring, 0, sizeof(*ring));
    TC_ASSERT(len_max < SKIP / 4);
    /* twice: wherever an empty ring begins, the record fits before its end or after the skip */
    ring->cap = tc_pow2_up(2 * tc_ring_cost(len_max) + spare);
    ring->bytes = tc_mem_take(mem, holder, ring->cap, 1, err);
    return ring->bytes ? TC_OK : -TC_ENOMEM;
}

void *tc_ring_reserve(struct tc_ring *ring, uint32_t len, uint64_t spare)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t cost = tc_ring_cost(len);
    uint64_t left = ring->cap - (head & (ring->cap - 1)); /* before the end */
    uint64_t skip = left < cost ? left : 0;
    if (ring->cap - (head - ring->known_tail) < skip + cost + spare)
        ring->known_tail = atomic_load(&ring->tail);
    if (ring->cap - (head - ring->known_tail) < skip + cost + spare)
        return NULL;
    if (skip)
        head_at(ring, head)->len = SKIP;
    struct head *record = head_at(ring, head + skip);
    record->len = len;
    ring->staged = head + skip + cost;
    return record + 1;
}

void tc_ring_commit(struct tc_ring *ring)
{
    /* sequentially consistent: who commits looks afterwards whether the reader sleeps */
    atomic_store(&ring->head, ring->staged);
}

const void *tc_ring_peek(struct tc_ring *ring, uint32_t *len)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (atomic_load_explicit(&ring->head, memory_order_acquire) == tail)
        return NULL;
    const struct head *record = head_at(ring, tail);
    if (record->len == SKIP) /* never the last thing that is committed */
        record = head_at(ring, 0);
    *len = record->len;
    return record + 1;
}

void tc_ring_pop(struct tc_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const struct head *record = head_at(ring, tail);
    if (record->len == SKIP) {
        tail += ring->cap - (tail & (ring->cap - 1));
        record = head_at(ring, tail);
    }
    /* sequentially consistent: who gives back looks afterwards whether the writer waits */
    atomic_store(&ring->tail, tail + tc_ring_cost(record->len));
}
