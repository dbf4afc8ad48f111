// SPDX-License-Identifier: Apache-2.0
#include "core/conf/arena.h"

#include "core/mem/mem.h"

struct block {
    struct block *next;
    max_align_t bytes[];
};

void *tc_arena_take(void **arena, size_t bytes)
{
    struct block *block = tc_alloc(sizeof(*block) + bytes);
    block->next = *arena;
    *arena = block;
    return block->bytes;
}

char *tc_arena_text(void **arena, struct tc_str text)
{
    char *copy = tc_arena_take(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

void tc_arena_drop(void **arena)
{
    struct block *block = *arena;
    while (block) {
        struct block *next = block->next;
        tc_free(block);
        block = next;
    }
    *arena = NULL;
}
