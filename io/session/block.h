// SPDX-License-Identifier: Apache-2.0
/* io/session/block: bytes that wait, in a block of the connections' slab that grows. All zero is an
 * empty one. */
#ifndef TC_IO_SESSION_BLOCK_H
#define TC_IO_SESSION_BLOCK_H

#include "core/mem/slab.h"

struct tc_block {
    uint32_t idx; /* void while cap is 0 */
    uint32_t cap;
    uint32_t off; /* [off, len) are there */
    uint32_t len;
};

static inline uint32_t tc_block_left(const struct tc_block *block)
{
    return block->len - block->off;
}

static inline uint8_t *tc_block_at(const struct tc_slab *slab, const struct tc_block *block)
{
    return tc_slab_at(slab, block->idx) + block->off;
}

static inline void tc_block_free(struct tc_slab *slab, struct tc_block *block)
{
    if (block->cap)
        tc_slab_release(slab, block->idx, block->cap);
    *block = (struct tc_block){ 0 };
}

/* Puts bytes behind those that are there. false: no memory, nothing has changed. */
static inline bool tc_block_append(struct tc_slab *slab, struct tc_block *block, const void *bytes,
                                   size_t len)
{
    uint32_t have = tc_block_left(block);
    if (len > TC_SLAB_BLOCK_MAX - have)
        return false;
    if (block->len + len > block->cap) {
        if (!tc_slab_replace(slab, &block->idx, &block->cap, block->off, have,
                             (uint32_t)(have + len)))
            return false;
        block->off = 0;
        block->len = have;
    }
    if (len > 0)
        memcpy(tc_slab_at(slab, block->idx) + block->len, bytes, len);
    block->len += (uint32_t)len;
    return true;
}

/* Takes the first len bytes, to dst; the last ones give the block back. */
static inline void tc_block_take(struct tc_slab *slab, struct tc_block *block, uint8_t *dst,
                                 size_t len)
{
    TC_ASSERT(len <= tc_block_left(block));
    if (len == 0)
        return;
    memcpy(dst, tc_block_at(slab, block), len);
    block->off += (uint32_t)len;
    if (block->off == block->len)
        tc_block_free(slab, block);
}

#endif
