// SPDX-License-Identifier: Apache-2.0
/* core/room/dir: the rooms of one source, by index: append-only, written by its ingest agent.
 *
 * A room is born when its first record arrives. Its entry is complete before `cnt` covers it, and
 * `cnt` covers it before the bus shows its first event: a worker that loads the bus head, then
 * `cnt`, knows the name of every event below that head. This is how births travel on the bus, and
 * it is the same after a lap. Names stay in place for ever, so readers refer to them without a
 * copy. */
#ifndef TC_CORE_ROOM_DIR_H
#define TC_CORE_ROOM_DIR_H

#include <stdatomic.h>

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/room/map.h"

struct tc_dir_entry {
    char name[TC_ROOM_NAME_MAX];
    uint8_t name_len;
    uint16_t rule; /* index within the source */
};

struct tc_dir {
    struct tc_dir_entry *entries;
    uint32_t max;
    _Atomic uint32_t cnt;
    struct tc_map map; /* writer only */
    struct tc_hash_key key;
};

/* max: rooms that it can hold. Memory is mem's; there is no fini. -TC_ENOMEM with *err. */
int tc_dir_init(struct tc_dir *dir, uint32_t max, const struct tc_hash_key *key, struct tc_mem *mem,
                const char *holder, struct tc_err *err) TC_MUST_CHECK;

/* Writer: the index of the room, made if it is new (*is_new). TC_NONE: the table is full. */
uint32_t tc_dir_intern(struct tc_dir *dir, struct tc_str name, uint32_t rule, bool *is_new);

/* Any thread: how many rooms there are. */
static inline uint32_t tc_dir_cnt(const struct tc_dir *dir)
{
    return atomic_load_explicit(&dir->cnt, memory_order_acquire);
}

/* Any thread, idx < tc_dir_cnt(). */
static inline struct tc_str tc_dir_name(const struct tc_dir *dir, uint32_t idx)
{
    return (struct tc_str){ dir->entries[idx].name, dir->entries[idx].name_len };
}

#endif
