// SPDX-License-Identifier: Apache-2.0
/* core/mem/budget: memory of libraries that allocate while they run (OpenSSL), bounded per thread.
 *
 * A library is given tc_budget_alloc, tc_budget_realloc and tc_budget_free. What a thread that has
 * called tc_budget_use takes is counted in its budget and refused beyond the limit; what other
 * threads take is neither. A block may be freed on any thread; it goes back to the budget that it
 * was taken from. Budgets are static, so a block may outlive the engine that took it.
 *
 * A library that hands a pointer of its user's along (nghttp2) can have a budget that is handed in
 * instead: struct tc_purse, of one thread.
 *
 * Not for: memory of our own, which is taken at start (core/mem/mem). */
#ifndef TC_CORE_MEM_BUDGET_H
#define TC_CORE_MEM_BUDGET_H

#include <stdatomic.h>

#include "core/base/limits.h"

/* The calling thread takes from budget idx (< TC_WORKERS_MAX) from now on; TC_NONE: from none.
 * limit_bytes: the most that may be taken at once. */
void tc_budget_use(uint32_t idx, uint64_t limit_bytes);

/* Bytes taken from budget idx now, the book-keeping of each block included. Any thread. */
uint64_t tc_budget_used_bytes(uint32_t idx);

/* Less than an eighth of the calling thread's budget is left: time to begin nothing new, so that
 * what is under way can go on. */
bool tc_budget_is_low(void);

/* As malloc, realloc and free. NULL: the budget is spent or the machine has no memory. */
void *tc_budget_alloc(size_t bytes) TC_MUST_CHECK;
void *tc_budget_realloc(void *ptr, size_t bytes) TC_MUST_CHECK;
void tc_budget_free(void *ptr);

/* ---- a budget that is handed in; one thread ---- */

struct tc_purse {
    uint64_t used_bytes; /* the book-keeping of each block included */
    uint64_t limit_bytes;
};

/* As malloc, realloc and free. NULL: the purse is spent or the machine has no memory. */
void *tc_purse_alloc(struct tc_purse *purse, size_t bytes) TC_MUST_CHECK;
void *tc_purse_realloc(struct tc_purse *purse, void *ptr, size_t bytes) TC_MUST_CHECK;
void tc_purse_free(struct tc_purse *purse, void *ptr);

#endif
