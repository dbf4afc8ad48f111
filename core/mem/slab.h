// SPDX-License-Identifier: Apache-2.0
/* core/mem/slab: blocks of power-of-two sizes out of one arena: what is held for slow clients.
 *
 *   class 0: 256 B   class 1: 512 B   …   class 13: 2 MiB
 *
 * A larger free block is halved when a class has none; halves are not joined again (holders are
 * short-lived, and a block serves its class for the next one). Acquire and release are O(classes).
 * Nothing is allocated after init. One thread. */
#ifndef TC_CORE_MEM_SLAB_H
#define TC_CORE_MEM_SLAB_H

#include "core/mem/mem.h"

enum { TC_SLAB_UNIT_BYTES = 256, TC_SLAB_CLASSES = 14, TC_SLAB_BLOCK_MAX = 256 << 13 };

struct tc_slab {
    uint8_t *arena;
    uint32_t unit_cnt;  /* units of TC_SLAB_UNIT_BYTES */
    uint32_t fresh_idx; /* units from here on were never used */
    uint64_t used_bytes;
    uint32_t free_idx[TC_SLAB_CLASSES]; /* lists, TC_NONE: empty */
};

/* bytes is rounded down to units, below 2^40. */
int tc_slab_init(struct tc_slab *slab, struct tc_mem *mem, const char *holder, uint64_t bytes,
                 struct tc_err *err) TC_MUST_CHECK;

/* A block of at least want bytes, its size in *cap; TC_NONE: the arena is spent or want is above
 * TC_SLAB_BLOCK_MAX. */
uint32_t tc_slab_acquire(struct tc_slab *slab, uint32_t want, uint32_t *cap) TC_MUST_CHECK;

/* cap as given by acquire. */
void tc_slab_release(struct tc_slab *slab, uint32_t idx, uint32_t cap);

/* A block of at least want bytes in the place of block *idx of *cap bytes (0: there was none): len
 * bytes of it, from off on, are at the start of the new one, and it is released. false: as
 * TC_NONE above; nothing has changed. */
bool tc_slab_replace(struct tc_slab *slab, uint32_t *idx, uint32_t *cap, uint32_t off, uint32_t len,
                     uint32_t want) TC_MUST_CHECK;

static inline uint8_t *tc_slab_at(const struct tc_slab *slab, uint32_t idx)
{
    return slab->arena + (size_t)idx * TC_SLAB_UNIT_BYTES;
}

#endif
