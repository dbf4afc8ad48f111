// SPDX-License-Identifier: Apache-2.0
/* Goal: what a thread takes, or a purse gives, is counted, bounded and given back. */
#include "core/mem/budget.h"

#include <criterion/criterion.h>
#include <pthread.h>

Test(budget, bounds_the_thread_that_uses_it)
{
    /* Goal: up to the limit and no further; a free makes room again; book-keeping is counted. */
    tc_budget_use(2, 900);
    void *a = tc_budget_alloc(400);
    void *b = tc_budget_alloc(400);
    cr_assert(a && b);
    cr_assert(tc_budget_used_bytes(2) >= 800 && tc_budget_used_bytes(2) <= 900);
    cr_assert(tc_budget_is_low());
    cr_assert_null(tc_budget_alloc(400));
    cr_assert_null(tc_budget_realloc(a, 900), "a stays as it is");
    tc_budget_free(b);
    cr_assert_not(tc_budget_is_low());
    b = tc_budget_alloc(400);
    cr_assert_not_null(b);
    tc_budget_free(a);
    tc_budget_free(b);
    tc_budget_free(NULL);
    cr_assert_eq(tc_budget_used_bytes(2), 0);
    cr_assert_null(tc_budget_alloc(SIZE_MAX - 4), "no overflow");
}

Test(budget, realloc_keeps_the_bytes)
{
    /* Goal: grown and shrunk blocks keep what they hold and are counted by their new size. */
    tc_budget_use(0, 10000);
    unsigned char *p = tc_budget_realloc(NULL, 10);
    cr_assert_not_null(p);
    for (unsigned char i = 0; i < 10; i++)
        p[i] = i;
    p = tc_budget_realloc(p, 3000);
    cr_assert_not_null(p);
    for (unsigned char i = 0; i < 10; i++)
        cr_assert_eq(p[i], i);
    cr_assert(tc_budget_used_bytes(0) >= 3000 && tc_budget_used_bytes(0) < 3100);
    p = tc_budget_realloc(p, 4);
    cr_assert(p && p[3] == 3 && tc_budget_used_bytes(0) < 100);
    tc_budget_free(p);
    cr_assert_eq(tc_budget_used_bytes(0), 0);
}

static void *free_it(void *block)
{
    tc_budget_free(block);
    return tc_budget_alloc(1 << 20);
}

Test(budget, other_threads)
{
    /* Goal: a thread without a budget is not bounded, and what it frees goes back to its owner. */
    pthread_t thread;
    void *big = NULL;
    tc_budget_use(1, 500);
    void *block = tc_budget_alloc(300);
    cr_assert(block && tc_budget_used_bytes(1) >= 300);
    cr_assert_eq(pthread_create(&thread, NULL, free_it, block), 0);
    cr_assert_eq(pthread_join(thread, &big), 0);
    cr_assert_not_null(big);
    cr_assert_eq(tc_budget_used_bytes(1), 0);
    tc_budget_free(big);
    cr_assert_eq(tc_budget_used_bytes(1), 0);
    tc_budget_use(TC_NONE, 0);
    cr_assert_not(tc_budget_is_low());
}

/* ---- purses ---- */

enum { HEAD = 16 }; /* of each block */

Test(purse, bounds)
{
    /* Goal: up to the limit to the byte and no further; a free makes room again; what is too much
     * changes nothing. */
    struct tc_purse purse = { .limit_bytes = 1000 };
    void *a = tc_purse_alloc(&purse, 400);
    cr_assert_not_null(a);
    cr_assert_eq(purse.used_bytes, 400 + HEAD);
    void *b = tc_purse_alloc(&purse, 1000 - 400 - 2 * HEAD);
    cr_assert_not_null(b);
    cr_assert_eq(purse.used_bytes, 1000);
    cr_assert_null(tc_purse_alloc(&purse, 0));
    cr_assert_null(tc_purse_realloc(&purse, a, 401));
    cr_assert_eq(purse.used_bytes, 1000);
    tc_purse_free(&purse, a);
    cr_assert_eq(purse.used_bytes, 1000 - 400 - HEAD);
    cr_assert_null(tc_purse_alloc(&purse, 401));
    a = tc_purse_alloc(&purse, 400);
    cr_assert_not_null(a);
    tc_purse_free(&purse, a);
    tc_purse_free(&purse, b);
    tc_purse_free(&purse, NULL);
    cr_assert_eq(purse.used_bytes, 0);
}

Test(purse, no_overflow)
{
    /* Goal: sizes at the end of the number range are refused, with a purse that has no end too. */
    struct tc_purse purse = { .limit_bytes = UINT64_MAX };
    void *a = tc_purse_alloc(&purse, 1);
    cr_assert_not_null(a);
    for (size_t less = 0; less < HEAD; less += HEAD / 2) {
        cr_assert_null(tc_purse_alloc(&purse, SIZE_MAX - less));
        cr_assert_null(tc_purse_realloc(&purse, a, SIZE_MAX - less));
    }
    cr_assert_eq(purse.used_bytes, 1 + HEAD);
    tc_purse_free(&purse, a);
}

Test(purse, realloc)
{
    /* Goal: a block that grows needs its growth only, keeps its bytes, and stays as it was if there
     * is no room; one that shrinks gives back; NULL is an allocation. */
    struct tc_purse purse = { .limit_bytes = 1000 };
    unsigned char *p = tc_purse_realloc(&purse, NULL, 600);
    cr_assert_not_null(p);
    for (unsigned i = 0; i < 600; i++)
        p[i] = (unsigned char)i;
    p = tc_purse_realloc(&purse, p, 1000 - HEAD);
    cr_assert_not_null(p);
    cr_assert_eq(purse.used_bytes, 1000);
    cr_assert_null(tc_purse_realloc(&purse, p, 1001 - HEAD));
    cr_assert_eq(purse.used_bytes, 1000);
    for (unsigned i = 0; i < 600; i++)
        cr_assert_eq(p[i], (unsigned char)i);
    p = tc_purse_realloc(&purse, p, 4);
    cr_assert(p && p[3] == 3);
    cr_assert_eq(purse.used_bytes, 4 + HEAD);
    tc_purse_free(&purse, p);
    cr_assert_eq(purse.used_bytes, 0);
}

Test(purse, is_apart_from_the_threads_budget)
{
    /* Goal: neither is counted in the other, and a block is aligned for anything. */
    struct tc_purse purse = { .limit_bytes = 1000 };
    tc_budget_use(4, 500);
    void *a = tc_purse_alloc(&purse, 700);
    cr_assert_not_null(a);
    cr_assert_eq((uintptr_t)a % _Alignof(max_align_t), 0);
    cr_assert_eq(tc_budget_used_bytes(4), 0);
    void *b = tc_budget_alloc(400);
    cr_assert_not_null(b);
    cr_assert_eq(purse.used_bytes, 700 + HEAD);
    tc_budget_free(b);
    tc_purse_free(&purse, a);
}
