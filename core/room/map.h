// SPDX-License-Identifier: Apache-2.0
/* core/room/map: from a key to a 32-bit value, open addressing with backward-shift deletion.
 *
 * The table holds hashes and values only; whether a value has the key sought is asked from the
 * owner. One thread. Never more than half full, so a search is short. */
#ifndef TC_CORE_ROOM_MAP_H
#define TC_CORE_ROOM_MAP_H

#include "core/base/err.h"
#include "core/mem/mem.h"

struct tc_map_cell {
    uint32_t hash;
    uint32_t value; /* TC_NONE: free */
};

struct tc_map {
    struct tc_map_cell *cells;
    uint32_t mask;
    uint32_t cnt;
    uint32_t max;
};

/* Whether value stands for key. */
typedef bool (*tc_map_eq_fn)(const void *ctx, uint32_t value, const void *key);

/* max: values that it can hold. Memory is mem's; there is no fini. -TC_ENOMEM with *err. */
int tc_map_init(struct tc_map *map, uint32_t max, struct tc_mem *mem, const char *holder,
                struct tc_err *err) TC_MUST_CHECK;

/* The value of key, TC_NONE if absent. */
uint32_t tc_map_find(const struct tc_map *map, uint64_t hash, tc_map_eq_fn eq, const void *ctx,
                     const void *key);

/* key is not in the map. -TC_ELIMIT if full. value != TC_NONE. */
int tc_map_add(struct tc_map *map, uint64_t hash, uint32_t value) TC_MUST_CHECK;

/* Removes the cell of that hash and value; it exists. */
void tc_map_remove(struct tc_map *map, uint64_t hash, uint32_t value);

#endif
