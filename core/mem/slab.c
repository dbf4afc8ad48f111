// SPDX-License-Identifier: Apache-2.0
#include "core/mem/slab.h"

_Static_assert((uint64_t)TC_SLAB_UNIT_BYTES << (TC_SLAB_CLASSES - 1) == TC_SLAB_BLOCK_MAX,
               "the last class is the largest block");

int tc_slab_init(struct tc_slab *slab, struct tc_mem *mem, const char *holder, uint64_t bytes,
                 struct tc_err *err)
{
    memset(slab, 0, sizeof(*slab));
    uint64_t units = bytes / TC_SLAB_UNIT_BYTES;
    TC_ASSERT(units < TC_NONE);
    slab->arena = tc_mem_take(mem, holder, TC_SLAB_UNIT_BYTES, TC_MAX(units, 1ull), err);
    slab->unit_cnt = (uint32_t)units;
    for (uint32_t c = 0; c < TC_SLAB_CLASSES; c++)
        slab->free_idx[c] = TC_NONE;
    return slab->arena ? TC_OK : -TC_ENOMEM;
}

static uint32_t class_of(uint32_t bytes)
{
    uint32_t c = 0;
    while (((uint32_t)TC_SLAB_UNIT_BYTES << c) < bytes)
        c++;
    return c;
}

static void push(struct tc_slab *slab, uint32_t class, uint32_t idx)
{
    memcpy(tc_slab_at(slab, idx), &slab->free_idx[class], sizeof(uint32_t));
    slab->free_idx[class] = idx;
}

static uint32_t pop(struct tc_slab *slab, uint32_t class)
{
    uint32_t idx = slab->free_idx[class];
    if (idx != TC_NONE)
        memcpy(&slab->free_idx[class], tc_slab_at(slab, idx), sizeof(uint32_t));
    return idx;
}

/* A block of a larger class, cut down to class; its other halves go to the lists between. */
static uint32_t split(struct tc_slab *slab, uint32_t class)
{
    uint32_t from = class + 1;
    while (from < TC_SLAB_CLASSES && slab->free_idx[from] == TC_NONE)
        from++;
    if (from == TC_SLAB_CLASSES)
        return TC_NONE;
    uint32_t idx = pop(slab, from);
    while (from-- > class)
        push(slab, from, idx + (1u << from));
    return idx;
}

uint32_t tc_slab_acquire(struct tc_slab *slab, uint32_t want, uint32_t *cap)
{
    if (want > TC_SLAB_BLOCK_MAX)
        return TC_NONE;
    uint32_t class = class_of(want);
    uint32_t units = 1u << class;
    uint32_t idx = pop(slab, class);
    if (idx == TC_NONE && slab->unit_cnt - slab->fresh_idx >= units) {
        idx = slab->fresh_idx;
        slab->fresh_idx += units;
    }
    if (idx == TC_NONE)
        idx = split(slab, class);
    if (idx == TC_NONE)
        return TC_NONE;
    *cap = units * TC_SLAB_UNIT_BYTES;
    slab->used_bytes += *cap;
    return idx;
}

void tc_slab_release(struct tc_slab *slab, uint32_t idx, uint32_t cap)
{
    TC_ASSERT(idx < slab->fresh_idx && cap <= slab->used_bytes);
    slab->used_bytes -= cap;
    push(slab, class_of(cap), idx);
}

bool tc_slab_replace(struct tc_slab *slab, uint32_t *idx, uint32_t *cap, uint32_t off, uint32_t len,
                     uint32_t want)
{
    uint32_t new_cap = 0;
    uint32_t new_idx = tc_slab_acquire(slab, want, &new_cap);
    if (new_idx == TC_NONE)
        return false;
    TC_ASSERT(off + len <= *cap && len <= new_cap);
    if (len)
        memcpy(tc_slab_at(slab, new_idx), tc_slab_at(slab, *idx) + off, len);
    if (*cap)
        tc_slab_release(slab, *idx, *cap);
    *idx = new_idx;
    *cap = new_cap;
    return true;
}
