// SPDX-License-Identifier: Apache-2.0
#include "core/mem/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct block {
    struct block *next;
    void *base; /* what calloc gave */
};

void tc_mem_init(struct tc_mem *mem, uint64_t budget_bytes)
{
    memset(mem, 0, sizeof(*mem));
    mem->budget_bytes = budget_bytes;
}

void tc_mem_fini(struct tc_mem *mem)
{
    struct block *b = mem->blocks;
    while (b) {
        struct block *next = b->next;
        free(b->base);
        free(b);
        b = next;
    }
    memset(mem, 0, sizeof(*mem));
}

static struct tc_mem_holder *holder_of(struct tc_mem *mem, const char *name)
{
    for (uint32_t i = 0; i < mem->holder_cnt; i++) {
        if (strncmp(mem->holders[i].name, name, TC_MEM_NAME_MAX - 1) == 0)
            return &mem->holders[i];
    }
    TC_ASSERT(mem->holder_cnt < TC_MEM_HOLDERS_MAX);
    struct tc_mem_holder *h = &mem->holders[mem->holder_cnt++];
    snprintf(h->name, sizeof(h->name), "%s", name);
    return h;
}

static int refuse(const struct tc_mem *mem, const char *holder, uint64_t unit_bytes, uint64_t cnt,
                  struct tc_err *err)
{
    return tc_err_set(err, -TC_ENOMEM,
                      "%s needs %llu x %llu bytes, which is more than the memory limit of %llu "
                      "bytes leaves: raise limits.memory_bytes or lower the limit that sizes it",
                      holder, (unsigned long long)cnt, (unsigned long long)unit_bytes,
                      (unsigned long long)mem->budget_bytes);
}

static void count(struct tc_mem *mem, const char *holder, uint64_t unit_bytes, uint64_t cnt)
{
    struct tc_mem_holder *h = holder_of(mem, holder);
    h->bytes += unit_bytes * cnt;
    h->unit_bytes = unit_bytes;
    h->unit_cnt += cnt;
    mem->total_bytes += unit_bytes * cnt;
}

int tc_mem_count(struct tc_mem *mem, const char *holder, uint64_t bytes, struct tc_err *err)
{
    TC_ASSERT(!mem->is_sealed);
    if (mem->budget_bytes && bytes > mem->budget_bytes - mem->total_bytes)
        return refuse(mem, holder, bytes, 1, err);
    count(mem, holder, bytes, 1);
    return TC_OK;
}

void *tc_mem_take(struct tc_mem *mem, const char *holder, uint64_t unit_bytes, uint64_t cnt,
                  struct tc_err *err)
{
    uint64_t bytes = 0;
    uint64_t with_line = 0; /* and what aligning may cost */
    TC_ASSERT(!mem->is_sealed);
    if (__builtin_mul_overflow(unit_bytes, cnt, &bytes) ||
        __builtin_add_overflow(bytes, TC_LINE_BYTES, &with_line) ||
        (mem->budget_bytes && bytes > mem->budget_bytes - mem->total_bytes)) {
        (void)refuse(mem, holder, unit_bytes, cnt, err);
        return NULL;
    }
    /* calloc of a large block is an anonymous mapping: zero pages that cost nothing until touched
     */
    struct block *b = calloc(1, sizeof(*b));
    void *base = calloc(1, with_line);
    if (!b || !base) {
        free(b);
        free(base);
        tc_err_set(err, -TC_ENOMEM, "the machine has no %llu bytes for %s",
                   (unsigned long long)bytes, holder);
        return NULL;
    }
    b->base = base;
    b->next = mem->blocks;
    mem->blocks = b;
    count(mem, holder, unit_bytes, cnt);
    return (void *)(((uintptr_t)base + TC_LINE_BYTES - 1) & ~(uintptr_t)(TC_LINE_BYTES - 1));
}

void tc_mem_seal(struct tc_mem *mem)
{
    mem->is_sealed = true;
}

static void *or_die(void *ptr)
{
    if (!ptr) {
        fputs("tickcast: out of memory\n", stderr);
        abort();
    }
    return ptr;
}

void *tc_alloc(size_t bytes)
{
    return or_die(calloc(1, bytes ? bytes : 1));
}

void *tc_realloc(void *ptr, size_t bytes)
{
    return or_die(realloc(ptr, bytes ? bytes : 1));
}

char *tc_strndup(const char *text, size_t len)
{
    char *copy = tc_alloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

void tc_free(void *ptr)
{
    free(ptr);
}

int tc_pool_init(struct tc_pool *pool, struct tc_mem *mem, const char *holder, uint32_t item_bytes,
                 uint32_t item_cnt, struct tc_err *err)
{
    TC_ASSERT(item_bytes >= sizeof(uint32_t));
    memset(pool, 0, sizeof(*pool));
    pool->items = tc_mem_take(mem, holder, item_bytes, item_cnt, err);
    if (!pool->items)
        return -TC_ENOMEM;
    pool->item_bytes = item_bytes;
    pool->item_cnt = item_cnt;
    pool->free_idx = TC_NONE;
    return TC_OK;
}

uint32_t tc_pool_acquire(struct tc_pool *pool)
{
    uint32_t idx = pool->free_idx;
    if (idx != TC_NONE) {
        memcpy(&pool->free_idx, tc_pool_at(pool, idx), sizeof(uint32_t));
    } else {
        if (pool->fresh_idx == pool->item_cnt)
            return TC_NONE;
        idx = pool->fresh_idx++;
    }
    pool->used_cnt++;
    return idx;
}

void tc_pool_release(struct tc_pool *pool, uint32_t idx)
{
    TC_ASSERT(idx < pool->fresh_idx && pool->used_cnt > 0);
    memcpy(tc_pool_at(pool, idx), &pool->free_idx, sizeof(uint32_t));
    pool->free_idx = idx;
    pool->used_cnt--;
}
