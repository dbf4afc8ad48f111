// SPDX-License-Identifier: Apache-2.0
#include "core/room/map.h"

int tc_map_init(struct tc_map *map, uint32_t max, struct tc_mem *mem, const char *holder,
                struct tc_err *err)
{
    uint64_t cells = tc_pow2_up(2ull * TC_MAX(max, 4u));
    memset(map, 0, sizeof(*map));
    map->cells = tc_mem_take(mem, holder, sizeof(*map->cells), cells, err);
    if (!map->cells)
        return -TC_ENOMEM;
    for (uint64_t i = 0; i < cells; i++)
        map->cells[i].value = TC_NONE;
    map->mask = (uint32_t)(cells - 1);
    map->max = max;
    return TC_OK;
}

uint32_t tc_map_find(const struct tc_map *map, uint64_t hash, tc_map_eq_fn eq, const void *ctx,
                     const void *key)
{
    uint32_t h = (uint32_t)hash;
    for (uint32_t i = h & map->mask; map->cells[i].value != TC_NONE; i = (i + 1) & map->mask) {
        if (map->cells[i].hash == h && eq(ctx, map->cells[i].value, key))
            return map->cells[i].value;
    }
    return TC_NONE;
}

int tc_map_add(struct tc_map *map, uint64_t hash, uint32_t value)
{
    uint32_t i = (uint32_t)hash & map->mask;
    TC_ASSERT(value != TC_NONE);
    if (map->cnt == map->max)
        return -TC_ELIMIT;
    while (map->cells[i].value != TC_NONE)
        i = (i + 1) & map->mask;
    map->cells[i] = (struct tc_map_cell){ (uint32_t)hash, value };
    map->cnt++;
    return TC_OK;
}

void tc_map_remove(struct tc_map *map, uint64_t hash, uint32_t value)
{
    uint32_t mask = map->mask;
    uint32_t h = (uint32_t)hash;
    uint32_t i = h & mask;
    while (map->cells[i].value != value || map->cells[i].hash != h) {
        TC_ASSERT(map->cells[i].value != TC_NONE);
        i = (i + 1) & mask;
    }
    /* close the hole: move back each later cell whose home is not after the hole */
    for (uint32_t j = (i + 1) & mask; map->cells[j].value != TC_NONE; j = (j + 1) & mask) {
        uint32_t home = map->cells[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            map->cells[i] = map->cells[j];
            i = j;
        }
    }
    map->cells[i].value = TC_NONE;
    map->cnt--;
}
