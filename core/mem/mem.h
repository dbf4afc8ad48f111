// SPDX-License-Identifier: Apache-2.0
/* core/mem: the one home of memory.
 *
 * Everything that lives as long as the engine is taken once, at start, under the name of its
 * holder, and counted; after tc_mem_seal() a further take is a wrong program. Pages are zero and
 * are touched by the kernel only when used, so a generous limit costs address space, not memory.
 *
 * Short-lived memory of control paths (start-up, command line) goes through tc_alloc / tc_free.
 * Threads: a struct tc_mem belongs to the starting thread; tc_alloc and tc_free may be used
 * anywhere but on a worker's hot path. */
#ifndef TC_CORE_MEM_MEM_H
#define TC_CORE_MEM_MEM_H

#include "core/base/err.h"

enum { TC_MEM_HOLDERS_MAX = 1024, TC_MEM_NAME_MAX = 48 };

struct tc_mem_holder {
    char name[TC_MEM_NAME_MAX]; /* "worker 0: connections" */
    uint64_t bytes;             /* sum of its takes */
    uint64_t unit_bytes;        /* bytes of one item, 0 if it has none */
    uint64_t unit_cnt;
};

struct tc_mem {
    struct tc_mem_holder holders[TC_MEM_HOLDERS_MAX];
    uint32_t holder_cnt;
    uint64_t total_bytes;
    uint64_t budget_bytes; /* 0: none */
    bool is_sealed;
    void *blocks; /* list of all takes, for fini */
};

/* budget_bytes: the most that may be taken in all; 0 for no bound. */
void tc_mem_init(struct tc_mem *mem, uint64_t budget_bytes);

/* Gives all takes back. */
void tc_mem_fini(struct tc_mem *mem);

/* cnt items of unit_bytes each, zeroed, aligned to a cache line, counted under holder (copied).
 * NULL and *err filled when the budget or the machine has not enough. Asserts that mem is not
 * sealed. */
void *tc_mem_take(struct tc_mem *mem, const char *holder, uint64_t unit_bytes, uint64_t cnt,
                  struct tc_err *err) TC_MUST_CHECK;

/* Counts bytes that a library takes for holder from its own heap. -TC_ENOMEM as above. */
int tc_mem_count(struct tc_mem *mem, const char *holder, uint64_t bytes,
                 struct tc_err *err) TC_MUST_CHECK;

/* From here on tc_mem_take is a wrong program. */
void tc_mem_seal(struct tc_mem *mem);

/* Control paths: zeroed memory, never NULL (the process ends with a message if there is none). */
void *tc_alloc(size_t bytes) TC_MUST_CHECK;
void *tc_realloc(void *ptr, size_t bytes) TC_MUST_CHECK;
char *tc_strndup(const char *text, size_t len) TC_MUST_CHECK;
void tc_free(void *ptr);

/* ---- pool: items of one size, addressed by index, taken from a tc_mem at start ---- */

/* One thread. Free items are linked through their first four bytes; an acquired item is not
 * cleared. */
struct tc_pool {
    unsigned char *items;
    uint32_t item_bytes;
    uint32_t item_cnt;
    uint32_t used_cnt;
    uint32_t fresh_idx; /* items from here on were never used: no page of theirs is touched */
    uint32_t free_idx;  /* TC_NONE: list is empty */
};

/* item_bytes >= 4. */
int tc_pool_init(struct tc_pool *pool, struct tc_mem *mem, const char *holder, uint32_t item_bytes,
                 uint32_t item_cnt, struct tc_err *err) TC_MUST_CHECK;

/* The index of a free item, TC_NONE if all are in use. */
uint32_t tc_pool_acquire(struct tc_pool *pool) TC_MUST_CHECK;

/* idx came from tc_pool_acquire and was not released since. */
void tc_pool_release(struct tc_pool *pool, uint32_t idx);

static inline void *tc_pool_at(const struct tc_pool *pool, uint32_t idx)
{
    return pool->items + (size_t)idx * pool->item_bytes;
}

#endif
