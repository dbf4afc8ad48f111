// SPDX-License-Identifier: Apache-2.0
#include "core/mem/budget.h"

#include <stdlib.h>

/* Before each block. */
struct head {
    uint64_t bytes; /* with the head */
    uint32_t idx;   /* of the budget, TC_NONE: none */
    uint32_t pad;
};

_Static_assert(sizeof(struct head) % _Alignof(max_align_t) == 0, "the block behind it is aligned");

static _Atomic uint64_t used[TC_WORKERS_MAX]; /* any thread adds and takes away */
static _Thread_local uint32_t own_idx = TC_NONE;
static _Thread_local uint64_t own_limit;

void tc_budget_use(uint32_t idx, uint64_t limit_bytes)
{
    TC_ASSERT(idx == TC_NONE || idx < TC_WORKERS_MAX);
    own_idx = idx;
    own_limit = limit_bytes;
}

uint64_t tc_budget_used_bytes(uint32_t idx)
{
    return atomic_load_explicit(&used[idx], memory_order_relaxed);
}

bool tc_budget_is_low(void)
{
    return own_idx != TC_NONE && tc_budget_used_bytes(own_idx) + own_limit / 8 > own_limit;
}

static bool take(uint32_t idx, uint64_t bytes)
{
    if (idx == TC_NONE)
        return true;
    uint64_t before = atomic_fetch_add_explicit(&used[idx], bytes, memory_order_relaxed);
    if (before + bytes <= own_limit)
        return true;
    atomic_fetch_sub_explicit(&used[idx], bytes, memory_order_relaxed);
    return false;
}

static void give_back(uint32_t idx, uint64_t bytes)
{
    if (idx != TC_NONE)
        atomic_fetch_sub_explicit(&used[idx], bytes, memory_order_relaxed);
}

void *tc_budget_alloc(size_t bytes)
{
    uint64_t all = bytes + sizeof(struct head);
    if (all < bytes || !take(own_idx, all))
        return NULL;
    struct head *head = malloc(all);
    if (!head) {
        give_back(own_idx, all);
        return NULL;
    }
    *head = (struct head){ .bytes = all, .idx = own_idx };
    return head + 1;
}

void *tc_budget_realloc(void *ptr, size_t bytes)
{
    void *fresh = tc_budget_alloc(bytes);
    if (!ptr || !fresh)
        return fresh;
    const struct head *old = (const struct head *)ptr - 1;
    memcpy(fresh, ptr, TC_MIN(bytes, old->bytes - sizeof(*old)));
    tc_budget_free(ptr);
    return fresh;
}

void tc_budget_free(void *ptr)
{
    if (!ptr)
        return;
    struct head *head = (struct head *)ptr - 1;
    give_back(head->idx, head->bytes);
    free(head);
}

/* ---- purses ---- */

void *tc_purse_alloc(struct tc_purse *purse, size_t bytes)
{
    uint64_t all = bytes + sizeof(struct head);
    if (all < bytes || all > purse->limit_bytes - purse->used_bytes)
        return NULL;
    struct head *head = malloc(all);
    if (!head)
        return NULL;
    *head = (struct head){ .bytes = all, .idx = TC_NONE };
    purse->used_bytes += all;
    return head + 1;
}

void *tc_purse_realloc(struct tc_purse *purse, void *ptr, size_t bytes)
{
    if (!ptr)
        return tc_purse_alloc(purse, bytes);
    struct head *head = (struct head *)ptr - 1;
    uint64_t all = bytes + sizeof(*head);
    uint64_t others = purse->used_bytes - head->bytes;
    if (all < bytes || all > purse->limit_bytes - others)
        return NULL;
    head = realloc(head, all);
    if (!head)
        return NULL;
    head->bytes = all;
    purse->used_bytes = others + all;
    return head + 1;
}

void tc_purse_free(struct tc_purse *purse, void *ptr)
{
    if (!ptr)
        return;
    struct head *head = (struct head *)ptr - 1;
    purse->used_bytes -= head->bytes;
    free(head);
}
