// SPDX-License-Identifier: Apache-2.0
#include "core/room/dir.h"

#include <stdio.h>

int tc_dir_init(struct tc_dir *dir, uint32_t max, const struct tc_hash_key *key, struct tc_mem *mem,
                const char *holder, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    memset(dir, 0, sizeof(*dir));
    dir->key = *key;
    dir->max = max;
    snprintf(name, sizeof(name), "%s: room names", holder);
    dir->entries = tc_mem_take(mem, name, sizeof(*dir->entries), max, err);
    if (!dir->entries)
        return -TC_ENOMEM;
    return tc_map_init(&dir->map, max, mem, name, err);
}

static bool entry_has_name(const void *ctx, uint32_t value, const void *key)
{
    return tc_str_eq(tc_dir_name(ctx, value), *(const struct tc_str *)key);
}

uint32_t tc_dir_intern(struct tc_dir *dir, struct tc_str name, uint32_t rule, bool *is_new)
{
    uint64_t hash = tc_hash(&dir->key, name.ptr, name.len);
    uint32_t idx = tc_map_find(&dir->map, hash, entry_has_name, dir, &name);
    TC_ASSERT(name.len > 0 && name.len <= TC_ROOM_NAME_MAX);
    *is_new = false;
    if (idx != TC_NONE)
        return idx;
    idx = atomic_load_explicit(&dir->cnt, memory_order_relaxed);
    if (idx == dir->max || tc_map_add(&dir->map, hash, idx) < 0)
        return TC_NONE;
    struct tc_dir_entry *e = &dir->entries[idx];
    memcpy(e->name, name.ptr, name.len);
    e->name_len = (uint8_t)name.len;
    e->rule = (uint16_t)rule;
    atomic_store_explicit(&dir->cnt, idx + 1, memory_order_release);
    *is_new = true;
    return idx;
}
