// SPDX-License-Identifier: Apache-2.0
/* Goal: what a thread takes is counted, bounded and given back, wherever it is freed. */
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
