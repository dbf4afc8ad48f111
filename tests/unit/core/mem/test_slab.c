// SPDX-License-Identifier: Apache-2.0
/* Goal: blocks are of the least class that holds what is wanted, never overlap (each is filled with
 * a pattern of its own while it is held), and the arena is used up before a want is refused. */
#include <criterion/criterion.h>
#include <signal.h>

#include "core/mem/slab.h"

enum { UNIT = TC_SLAB_UNIT_BYTES };

static struct tc_mem mem;
static struct tc_slab slab;
static struct tc_err err;

static void setup(uint64_t bytes)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_slab_init(&slab, &mem, "spill", bytes, &err), TC_OK);
}

static uint32_t take(uint32_t want)
{
    uint32_t cap = 0;
    uint32_t idx = tc_slab_acquire(&slab, want, &cap);
    cr_assert_neq(idx, TC_NONE, "%u bytes", want);
    cr_assert_geq(cap, want);
    return idx;
}

Test(slab, classes)
{
    /* goal: the capacity is the least class at, one below and one above each class's size */
    uint32_t cap = 0;
    setup(64ull << 20);
    cr_assert_neq(tc_slab_acquire(&slab, 0, &cap), TC_NONE);
    cr_expect_eq(cap, UNIT);
    for (uint32_t size = UNIT; size <= TC_SLAB_BLOCK_MAX; size *= 2) {
        cr_assert_neq(tc_slab_acquire(&slab, size, &cap), TC_NONE);
        cr_expect_eq(cap, size);
        cr_assert_neq(tc_slab_acquire(&slab, size - 1, &cap), TC_NONE);
        cr_expect_eq(cap, size);
        cr_assert_neq(tc_slab_acquire(&slab, size / 2 + 1, &cap), TC_NONE);
        cr_expect_eq(cap, size);
    }
    cr_expect_eq(tc_slab_acquire(&slab, TC_SLAB_BLOCK_MAX + 1, &cap), TC_NONE);
    cr_expect_eq(tc_slab_acquire(&slab, UINT32_MAX, &cap), TC_NONE);
    tc_mem_fini(&mem);
}

Test(slab, exhaustion)
{
    /* goal: the last unit can be had; then nothing, until something is given back; used_bytes is
     * what is held, rounded to classes */
    uint32_t cap;
    setup(5 * UNIT + UNIT - 1);
    uint32_t four = take(4 * UNIT);
    cr_expect_eq(tc_slab_acquire(&slab, 2 * UNIT, &cap), TC_NONE);
    uint32_t one = take(1);
    cr_expect_eq(slab.used_bytes, 5 * UNIT);
    cr_expect_eq(tc_slab_acquire(&slab, 1, &cap), TC_NONE);
    cr_expect_eq(slab.used_bytes, 5 * UNIT);
    tc_slab_release(&slab, one, UNIT);
    cr_expect_eq(take(UNIT), one);
    tc_slab_release(&slab, four, 4 * UNIT);
    cr_expect_eq(slab.used_bytes, UNIT);
    cr_expect_eq(take(4 * UNIT), four);
    tc_mem_fini(&mem);
}

Test(slab, splits_larger_blocks)
{
    /* goal: when a class and the fresh part are empty, a larger free block is cut, and all of its
     * parts can be had: 1 + 1 + 2 + 4 units of 8 */
    uint32_t cap;
    setup(8 * UNIT);
    uint32_t eight = take(8 * UNIT);
    cr_expect_eq(tc_slab_acquire(&slab, 1, &cap), TC_NONE);
    tc_slab_release(&slab, eight, 8 * UNIT);
    bool is_used[8] = { 0 };
    static const uint32_t units[] = { 1, 4, 2, 1 };
    for (size_t i = 0; i < TC_ARRAY_CNT(units); i++) {
        uint32_t idx = take(units[i] * UNIT);
        for (uint32_t u = 0; u < units[i]; u++) {
            cr_assert_lt(idx + u, 8);
            cr_assert_not(is_used[idx + u]);
            is_used[idx + u] = true;
        }
    }
    cr_expect_eq(tc_slab_acquire(&slab, 1, &cap), TC_NONE);
    tc_mem_fini(&mem);
}

Test(slab, the_largest_block_is_cut_to_the_smallest)
{
    /* goal: a split goes through all classes and loses no unit */
    uint32_t cap;
    uint32_t cnt = 0;
    setup(TC_SLAB_BLOCK_MAX);
    tc_slab_release(&slab, take(TC_SLAB_BLOCK_MAX), TC_SLAB_BLOCK_MAX);
    for (uint32_t idx = 0; (idx = tc_slab_acquire(&slab, UNIT, &cap)) != TC_NONE; cnt++)
        memset(tc_slab_at(&slab, idx), 0xff, UNIT);
    cr_expect_eq(cnt, TC_SLAB_BLOCK_MAX / UNIT);
    tc_mem_fini(&mem);
}

Test(slab, arenas_without_a_unit)
{
    /* goal: an arena below one unit is legal and always spent; one above the budget is refused */
    uint32_t cap;
    setup(UNIT - 1);
    cr_expect_eq(tc_slab_acquire(&slab, 1, &cap), TC_NONE);
    tc_mem_fini(&mem);
    setup(0);
    cr_expect_eq(tc_slab_acquire(&slab, 0, &cap), TC_NONE);
    tc_mem_fini(&mem);
    tc_mem_init(&mem, 1000);
    cr_expect_eq(tc_slab_init(&slab, &mem, "spill", 4 * UNIT, &err), -TC_ENOMEM);
    tc_mem_fini(&mem);
}

/* ---- model: blocks held, each filled with its own number ---- */

enum { HELD_MAX = 200, STEPS = 15000 };

struct held {
    uint32_t idx;
    uint32_t cap;
    uint32_t mark;
};

static struct held held[HELD_MAX];
static uint32_t held_cnt, refused_cnt;
static uint64_t held_bytes;

static void fill(const struct held *h)
{
    for (uint32_t at = 0; at < h->cap; at += 4)
        memcpy(tc_slab_at(&slab, h->idx) + at, &h->mark, 4);
}

static void check(const struct held *h)
{
    uint32_t word;
    for (uint32_t at = 0; at < h->cap; at += 4) {
        memcpy(&word, tc_slab_at(&slab, h->idx) + at, 4);
        cr_assert_eq(word, h->mark, "block %u is not its holder's at byte %u", h->idx, at);
    }
}

static void model_acquire(uint32_t want, uint32_t mark)
{
    struct held h = { .mark = mark };
    h.idx = tc_slab_acquire(&slab, want, &h.cap);
    if (h.idx == TC_NONE) {
        refused_cnt++;
        return;
    }
    cr_assert_geq(h.cap, want);
    cr_assert(h.cap == UNIT || h.cap / 2 < want, "%u for %u", h.cap, want);
    cr_assert_leq((uint64_t)h.idx * UNIT + h.cap, (uint64_t)slab.unit_cnt * UNIT);
    fill(&h);
    held[held_cnt++] = h;
    held_bytes += h.cap;
}

static void model_release(uint32_t at)
{
    check(&held[at]);
    tc_slab_release(&slab, held[at].idx, held[at].cap);
    held_bytes -= held[at].cap;
    held[at] = held[--held_cnt];
}

Test(slab, agrees_with_a_model)
{
    /* goal: over random acquires and releases, in phases of few and many, of small and large ones,
     * held bytes stay what their holder wrote, and the count of bytes is right */
    for (uint64_t run = 1; run <= 4; run++) {
        uint64_t seed = run * 0x9e3779b97f4a7c15ull;
        held_cnt = refused_cnt = 0;
        held_bytes = 0;
        setup(400 * UNIT + run * 37);
        for (uint32_t step = 1; step <= STEPS; step++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            bool is_filling = step / 300 % 2 == 0;
            uint32_t want = (uint32_t)(seed >> 20) % (step / 600 % 2 ? 700 : 9000);
            if (seed % 100 < (is_filling ? 75 : 25) && held_cnt < HELD_MAX)
                model_acquire(want, step);
            else if (held_cnt)
                model_release((uint32_t)(seed >> 40) % held_cnt);
            cr_assert_eq(slab.used_bytes, held_bytes);
        }
        cr_assert_gt(refused_cnt, 50, "the arena was never spent");
        while (held_cnt)
            model_release(held_cnt - 1);
        cr_assert_eq(slab.used_bytes, 0);
        tc_mem_fini(&mem);
    }
}

Test(slab, replace)
{
    /* goal: bytes move to the larger block and the old one is free again; without a larger one
     * nothing changes */
    uint32_t idx = 0;
    uint32_t cap = 0;
    setup(8 * UNIT);
    cr_assert(tc_slab_replace(&slab, &idx, &cap, 0, 0, 1));
    cr_assert_eq(cap, UNIT);
    memcpy(tc_slab_at(&slab, idx), "xxkeep", 6);
    cr_assert(tc_slab_replace(&slab, &idx, &cap, 2, 4, 2 * UNIT));
    cr_assert(cap == 2 * UNIT && slab.used_bytes == 2 * UNIT);
    cr_assert_eq(memcmp(tc_slab_at(&slab, idx), "keep", 4), 0);
    uint32_t was = idx;
    cr_assert_not(tc_slab_replace(&slab, &idx, &cap, 0, 4, 8 * UNIT));
    cr_assert(idx == was && cap == 2 * UNIT && slab.used_bytes == 2 * UNIT);
    tc_slab_release(&slab, idx, cap);
    cr_assert_eq(slab.used_bytes, 0);
    tc_mem_fini(&mem);
}

Test(slab, foreign_block, .signal = SIGABRT)
{
    /* goal: releasing what was never handed out is a wrong program */
    setup(8 * UNIT);
    (void)take(UNIT);
    tc_slab_release(&slab, 1, UNIT);
}
