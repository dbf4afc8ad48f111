// SPDX-License-Identifier: Apache-2.0
/* Goal: what is taken is zeroed, aligned, counted under its holder and never more than the budget;
 * after the seal nothing can be taken. A pool hands out each of its items once. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "core/mem/mem.h"

static struct tc_mem mem;
static struct tc_err err;

static void is_zero(const void *ptr, size_t len)
{
    const unsigned char *p = ptr;
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(p[i], 0);
}

Test(mem, takes_are_zeroed_aligned_and_apart)
{
    /* goal: every take is zero, begins a cache line and can be written whole without touching
     * another */
    unsigned char *takes[20];
    tc_mem_init(&mem, 0);
    for (size_t i = 0; i < TC_ARRAY_CNT(takes); i++) {
        takes[i] = tc_mem_take(&mem, "test", 7, i + 1, &err);
        cr_assert_not_null(takes[i]);
        cr_assert_eq((uintptr_t)takes[i] % TC_LINE_BYTES, 0);
        is_zero(takes[i], 7 * (i + 1));
        memset(takes[i], (int)i + 1, 7 * (i + 1));
    }
    for (size_t i = 0; i < TC_ARRAY_CNT(takes); i++)
        for (size_t b = 0; b < 7 * (i + 1); b++)
            cr_assert_eq(takes[i][b], i + 1);
    tc_mem_fini(&mem);
}

Test(mem, counts_by_holder)
{
    /* goal: takes of one holder are one line of the report; the total is the sum of all lines; the
     * name is copied */
    char name[16] = "bus";
    tc_mem_init(&mem, 0);
    cr_assert_not_null(tc_mem_take(&mem, name, 64, 10, &err));
    cr_assert_not_null(tc_mem_take(&mem, "rooms", 8, 5, &err));
    cr_assert_not_null(tc_mem_take(&mem, name, 8, 3, &err));
    memset(name, '?', sizeof(name) - 1);
    cr_assert_eq(mem.holder_cnt, 2);
    cr_expect_str_eq(mem.holders[0].name, "bus");
    cr_expect_eq(mem.holders[0].bytes, 664);
    cr_expect_eq(mem.holders[0].unit_cnt, 13);
    cr_expect_str_eq(mem.holders[1].name, "rooms");
    cr_expect_eq(mem.holders[1].bytes, 40);
    cr_expect_eq(mem.holders[1].unit_bytes, 8);
    cr_expect_eq(mem.total_bytes, 704);
    tc_mem_fini(&mem);
    cr_expect_eq(mem.total_bytes, 0);
    cr_expect_eq(mem.holder_cnt, 0);
}

Test(mem, long_holder_names_are_cut)
{
    /* goal: a name beyond the line is cut, and its second take finds the first's line */
    char name[2 * TC_MEM_NAME_MAX];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    tc_mem_init(&mem, 0);
    cr_assert_not_null(tc_mem_take(&mem, name, 8, 1, &err));
    cr_assert_not_null(tc_mem_take(&mem, name, 8, 1, &err));
    cr_expect_eq(mem.holder_cnt, 1);
    cr_expect_eq(mem.holders[0].bytes, 16);
    cr_expect_eq(strlen(mem.holders[0].name), TC_MEM_NAME_MAX - 1);
    tc_mem_fini(&mem);
}

Test(mem, budget)
{
    /* goal: exactly the budget can be taken, one byte more cannot; a refusal counts nothing, names
     * the holder and the limit, and later smaller takes still succeed */
    tc_mem_init(&mem, 1000);
    cr_assert_not_null(tc_mem_take(&mem, "a", 1, 900, &err));
    cr_expect_null(tc_mem_take(&mem, "greedy", 1, 101, &err));
    cr_expect_eq(err.code, -TC_ENOMEM);
    cr_expect_not_null(strstr(err.text, "greedy"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "1000"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "limits.memory"), "%s", err.text);
    cr_expect_eq(mem.total_bytes, 900);
    cr_expect_eq(mem.holder_cnt, 1);
    cr_expect_not_null(tc_mem_take(&mem, "b", 50, 2, &err));
    cr_expect_null(tc_mem_take(&mem, "b", 1, 1, &err));
    cr_expect_eq(mem.total_bytes, 1000);
    tc_mem_fini(&mem);
}

Test(mem, sizes_beyond_the_machine)
{
    /* goal: products and sums that do not fit a word are refused, with and without a budget, never
     * taken as their remainder */
    static const uint64_t rows[][2] = {
        { UINT64_MAX, 2 }, { 1ull << 33, 1ull << 33 },        { 16, 1ull << 60 },
        { UINT64_MAX, 1 }, { UINT64_MAX - TC_LINE_BYTES, 1 }, { 1, UINT64_MAX - 10 },
        { 1ull << 63, 1 },
    };
    for (int budget = 0; budget < 2; budget++) {
        for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
            memset(&err, 0, sizeof(err));
            tc_mem_init(&mem, budget ? 1 << 20 : 0);
            cr_expect_null(tc_mem_take(&mem, "huge", rows[i][0], rows[i][1], &err), "row %zu", i);
            cr_expect_eq(err.code, -TC_ENOMEM);
            cr_expect_eq(mem.total_bytes, 0);
            tc_mem_fini(&mem);
        }
    }
}

Test(mem, sealed_is_sealed, .signal = SIGABRT)
{
    /* goal: a take after the seal is a wrong program, even if the budget would allow it */
    tc_mem_init(&mem, 0);
    if (!tc_mem_take(&mem, "before", 8, 1, &err))
        exit(1);
    tc_mem_seal(&mem);
    exit(tc_mem_take(&mem, "after", 8, 1, &err) ? 2 : 3);
}

Test(mem, control_paths)
{
    /* goal: memory of control paths is zeroed and never NULL, not even for nothing; copies end */
    char *p = tc_alloc(100);
    is_zero(p, 100);
    memset(p, 'x', 100);
    p = tc_realloc(p, 1000);
    cr_expect_eq(p[99], 'x');
    tc_free(p);
    p = tc_alloc(0);
    cr_expect_not_null(p);
    p = tc_realloc(p, 0);
    cr_expect_not_null(p);
    tc_free(p);
    p = tc_strndup("abcdef", 3);
    cr_expect_str_eq(p, "abc");
    tc_free(p);
    p = tc_strndup(NULL, 0);
    cr_expect_str_eq(p, "");
    tc_free(p);
    tc_free(NULL);
}

/* ---- pool ---- */

static struct tc_pool pool;

static void setup_pool(uint32_t item_bytes, uint32_t cnt)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_pool_init(&pool, &mem, "pool", item_bytes, cnt, &err), TC_OK);
}

Test(pool, hands_out_each_item_once)
{
    /* goal: all items, each once, inside the pool; then none; what was given back comes again */
    enum { CNT = 50 };
    bool is_used[CNT] = { 0 };
    setup_pool(12, CNT);
    for (uint32_t i = 0; i < CNT; i++) {
        uint32_t idx = tc_pool_acquire(&pool);
        cr_assert_lt(idx, CNT);
        cr_assert_not(is_used[idx]);
        is_used[idx] = true;
        cr_assert_eq(pool.used_cnt, i + 1);
    }
    cr_expect_eq(tc_pool_acquire(&pool), TC_NONE);
    cr_expect_eq(pool.used_cnt, CNT);
    tc_pool_release(&pool, 17);
    tc_pool_release(&pool, 4);
    uint32_t a = tc_pool_acquire(&pool);
    uint32_t b = tc_pool_acquire(&pool);
    cr_expect((a == 17 && b == 4) || (a == 4 && b == 17));
    cr_expect_eq(tc_pool_acquire(&pool), TC_NONE);
    tc_mem_fini(&mem);
}

Test(pool, agrees_with_a_model)
{
    /* goal: over random acquires and releases no held item is handed out again or written to */
    enum { CNT = 40, STEPS = 20000 };
    uint32_t held[CNT], held_cnt = 0;
    uint64_t seed = 42;
    setup_pool(20, CNT);
    for (uint32_t step = 1; step <= STEPS; step++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        /* phases that fill and phases that empty */
        if (seed % 100 < (step / 200 % 2 ? 70 : 30)) {
            uint32_t idx = tc_pool_acquire(&pool);
            cr_assert_eq(idx == TC_NONE, held_cnt == CNT);
            if (idx == TC_NONE)
                continue;
            for (uint32_t i = 0; i < held_cnt; i++)
                cr_assert_neq(held[i], idx);
            memset(tc_pool_at(&pool, idx), (int)idx + 1, 20);
            held[held_cnt++] = idx;
        } else if (held_cnt) {
            uint32_t at = (uint32_t)(seed >> 32) % held_cnt;
            const unsigned char *p = tc_pool_at(&pool, held[at]);
            for (int i = 0; i < 20; i++)
                cr_assert_eq(p[i], held[at] + 1);
            tc_pool_release(&pool, held[at]);
            held[at] = held[--held_cnt];
        }
        cr_assert_eq(pool.used_cnt, held_cnt);
    }
    tc_mem_fini(&mem);
}

Test(pool, over_the_budget)
{
    /* goal: a pool that does not fit is refused; an empty one has nothing to give */
    tc_mem_init(&mem, 100);
    cr_expect_eq(tc_pool_init(&pool, &mem, "pool", 10, 11, &err), -TC_ENOMEM);
    cr_expect_eq(err.code, -TC_ENOMEM);
    cr_expect_eq(tc_pool_init(&pool, &mem, "pool", 10, 0, &err), TC_OK);
    cr_expect_eq(tc_pool_acquire(&pool), TC_NONE);
    tc_mem_fini(&mem);
}

Test(pool, foreign_index, .signal = SIGABRT)
{
    /* goal: releasing an item that was never handed out is a wrong program */
    setup_pool(8, 4);
    if (tc_pool_acquire(&pool) != 0)
        exit(1);
    tc_pool_release(&pool, 1);
}

Test(pool, items_too_small, .signal = SIGABRT)
{
    /* goal: an item must hold the link of the free list */
    tc_mem_init(&mem, 0);
    exit(tc_pool_init(&pool, &mem, "pool", 3, 4, &err) == 0 ? 2 : 3);
}

Test(mem, count_without_taking)
{
    /* goal: what a library holds is part of the sum and of the budget */
    tc_mem_init(&mem, 1000);
    cr_assert_eq(tc_mem_count(&mem, "library", 600, &err), TC_OK);
    cr_assert_eq(mem.total_bytes, 600);
    cr_assert_eq(tc_mem_count(&mem, "library", 401, &err), -TC_ENOMEM);
    cr_assert(strstr(err.text, "limits.memory_bytes"));
    cr_assert_null(tc_mem_take(&mem, "more", 401, 1, &err));
    tc_mem_fini(&mem);
}
