// SPDX-License-Identifier: Apache-2.0
/* core/flow/ring: records of any length from one thread to one other, none lost.
 *
 *      tail                  head
 *       v                     v
 *   ────[len|record ][len|rec][            free             ]
 *
 * A record lies in one piece; where it does not fit before the end of the ring, the rest is
 * skipped. The writer fills a record in place and commits it; a full ring says so and takes
 * nothing. For commands between agents; events of rooms go through core/bus. Nothing is allocated
 * after init.
 *
 * Threads: functions marked [w] are the writer's, [r] the reader's. */
#ifndef TC_CORE_FLOW_RING_H
#define TC_CORE_FLOW_RING_H

#include <stdatomic.h>

#include "core/base/err.h"
#include "core/mem/mem.h"

enum { TC_RING_ALIGN = 16 }; /* bytes: of records, and what one takes beside its own bytes */

struct tc_ring {
    /* fixed after init */
    uint8_t *bytes;
    uint64_t cap; /* a power of two */
    /* writer */
    TC_LINE_ALIGNED _Atomic uint64_t head; /* bytes committed since init */
    uint64_t known_tail;
    uint64_t staged; /* head once the reserved record is committed */
    /* reader */
    TC_LINE_ALIGNED _Atomic uint64_t tail; /* bytes given back since init */
};

/* What a record of len bytes takes, if it need not skip. */
static inline uint64_t tc_ring_cost(uint32_t len)
{
    return TC_RING_ALIGN + (((uint64_t)len + TC_RING_ALIGN - 1) & ~(uint64_t)(TC_RING_ALIGN - 1));
}

/* Room for records of up to len_max bytes, one of them at any time once the ring is empty, and for
 * spare bytes beside it. Counted under holder. -TC_ENOMEM. */
int tc_ring_init(struct tc_ring *ring, struct tc_mem *mem, const char *holder, uint32_t len_max,
                 uint32_t spare, struct tc_err *err) TC_MUST_CHECK;

/* [w] A place for len bytes (aligned to TC_RING_ALIGN), if spare bytes stay free beside it; NULL:
 * full. What was reserved and not committed is forgotten. */
void *tc_ring_reserve(struct tc_ring *ring, uint32_t len, uint64_t spare) TC_MUST_CHECK;

/* [w] The reserved record is there for the reader. */
void tc_ring_commit(struct tc_ring *ring);

/* [r] The oldest record, good until tc_ring_pop; NULL: none. */
const void *tc_ring_peek(struct tc_ring *ring, uint32_t *len) TC_MUST_CHECK;
void tc_ring_pop(struct tc_ring *ring);

/* Any thread: whether a record is there. */
static inline bool tc_ring_is_empty(const struct tc_ring *ring)
{
    return atomic_load(&ring->head) == atomic_load(&ring->tail);
}

#endif
