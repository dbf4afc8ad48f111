// SPDX-License-Identifier: Apache-2.0
/* Goal: the map answers what a plain array of keys answers, whatever the order of adds and removes;
 * its hashes are chosen so that runs are long, share homes and go round the end of the table. */
#include <criterion/criterion.h>

#include "core/room/map.h"
#include "tests/lib/base.h"

enum { KEYS = 96, VALUE_BASE = 1000 };

static struct tc_mem mem;
static struct tc_map map;
static struct tc_err err;
static uint64_t hash_of[KEYS];    /* of each key */
static uint32_t key_of[2 * KEYS]; /* of value - VALUE_BASE, as the owner of the values knows it */
static uint32_t value_of[KEYS];   /* the model: TC_NONE if the key is not in the map */

static void setup(uint32_t max)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_map_init(&map, max, &mem, "test", &err), 0);
    for (uint32_t k = 0; k < KEYS; k++)
        value_of[k] = TC_NONE;
}

static bool has_key(const void *ctx, uint32_t value, const void *key)
{
    cr_assert_eq(ctx, (const void *)key_of);
    cr_assert(value >= VALUE_BASE && value < VALUE_BASE + 2 * KEYS, "value %u", value);
    return key_of[value - VALUE_BASE] == *(const uint32_t *)key;
}

static uint32_t find(uint32_t key)
{
    return tc_map_find(&map, hash_of[key], has_key, key_of, &key);
}

static int add(uint32_t key, uint32_t value)
{
    key_of[value - VALUE_BASE] = key;
    int rc = tc_map_add(&map, hash_of[key], value);
    if (rc == 0)
        value_of[key] = value;
    return rc;
}

static void drop(uint32_t key)
{
    tc_map_remove(&map, hash_of[key], value_of[key]);
    value_of[key] = TC_NONE;
}

static void check_all(void)
{
    uint32_t cnt = 0;
    uint32_t cells = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        cr_assert_eq(find(k), value_of[k], "key %u", k);
        cnt += value_of[k] != TC_NONE;
    }
    for (uint32_t i = 0; i <= map.mask; i++)
        cells += map.cells[i].value != TC_NONE;
    cr_assert_eq(map.cnt, cnt);
    cr_assert_eq(cells, cnt, "a cell was left behind or lost");
}

Test(map, full)
{
    /* goal: it takes exactly max values, refuses the next, is at most half full, and takes one
     * again after a removal */
    setup(KEYS - 1);
    for (uint32_t k = 0; k < KEYS; k++)
        hash_of[k] = k * 0x9e3779b97f4a7c15ull;
    for (uint32_t k = 0; k < KEYS - 1; k++)
        cr_assert_eq(add(k, VALUE_BASE + k), 0);
    cr_expect_geq(map.mask + 1, 2 * (KEYS - 1));
    cr_expect_eq(add(KEYS - 1, VALUE_BASE + KEYS - 1), -TC_ELIMIT);
    check_all();
    drop(17);
    cr_expect_eq(add(KEYS - 1, VALUE_BASE + KEYS - 1), 0);
    check_all();
    tc_mem_fini(&mem);
}

Test(map, smallest)
{
    /* goal: a map of none refuses, one of a single value works; a search in an empty map ends */
    setup(0);
    hash_of[0] = UINT64_MAX;
    cr_expect_eq(find(0), TC_NONE);
    cr_expect_eq(add(0, VALUE_BASE), -TC_ELIMIT);
    cr_expect_eq(find(0), TC_NONE);
    tc_mem_fini(&mem);
    setup(1);
    cr_expect_eq(add(0, VALUE_BASE), 0);
    cr_expect_eq(find(0), VALUE_BASE);
    drop(0);
    cr_expect_eq(find(0), TC_NONE);
    cr_expect_eq(add(0, VALUE_BASE + 1), 0);
    cr_expect_eq(find(0), VALUE_BASE + 1);
    tc_mem_fini(&mem);
}

Test(map, no_memory)
{
    /* goal: a budget that is too small is an error with its text, not a crash */
    tc_mem_init(&mem, 64);
    cr_expect_eq(tc_map_init(&map, 1000, &mem, "test", &err), -TC_ENOMEM);
    cr_expect_neq(err.text[0], 0);
    tc_mem_fini(&mem);
}

Test(map, equal_hashes)
{
    /* goal: keys of one hash are told apart by the owner alone, also after some of them went */
    setup(KEYS);
    for (uint32_t k = 0; k < KEYS; k++)
        hash_of[k] = 0xfedcba9876543210ull;
    for (uint32_t k = 0; k < 20; k++)
        cr_assert_eq(add(k, VALUE_BASE + k), 0);
    check_all();
    for (uint32_t k = 0; k < 20; k += 3)
        drop(k);
    check_all();
    tc_mem_fini(&mem);
}

Test(map, equal_values)
{
    /* goal: of two cells with one value, the one of the given hash goes */
    setup(4);
    uint32_t value = VALUE_BASE;
    hash_of[0] = 0;
    hash_of[1] = map.mask + 1ull; /* another hash with the same home */
    cr_assert_eq(add(0, value), 0);
    cr_assert_eq(add(1, value), 0);
    drop(1);
    cr_expect_eq(map.cnt, 1);
    cr_expect_eq(map.cells[0].value, value);
    cr_expect_eq(map.cells[0].hash, 0);
    cr_expect_eq(map.cells[1].value, TC_NONE);
    tc_mem_fini(&mem);
}

Test(map, shift_stops_at_homes)
{
    /* goal: closing a hole moves what was pushed past it and nothing that is at home, round the
     * end of the table too */
    for (uint32_t first = 0; first < 16; first++) {
        setup(8);
        cr_assert_eq(map.mask, 15);
        /* homes: 0 0 1 2 2 5, relative to first; cells: 0 1 2 3 4 5 */
        static const uint32_t homes[] = { 0, 0, 1, 2, 2, 5 };
        for (uint32_t k = 0; k < KEYS; k++)
            hash_of[k] = k < 6 ? (first + homes[k]) % 16 : 7;
        for (uint32_t k = 0; k < 6; k++)
            cr_assert_eq(add(k, VALUE_BASE + k), 0);
        drop(0);
        static const uint32_t want[] = { 1, 2, 3, 4, TC_NONE, 5, TC_NONE };
        for (uint32_t i = 0; i < TC_ARRAY_CNT(want); i++) {
            uint32_t value = map.cells[(first + i) % 16].value;
            cr_expect_eq(value, want[i] == TC_NONE ? TC_NONE : VALUE_BASE + want[i], "cell %u", i);
        }
        check_all();
        tc_mem_fini(&mem);
    }
}

Test(map, agrees_with_an_array)
{
    /* goal: over seeded runs of adds, removes and searches the map and the array never differ; few
     * homes, homes around the end of the table, and the whole table are all tried */
    for (uint64_t run = 1; run <= 60; run++) {
        uint64_t seed = run * 0x9e3779b97f4a7c15ull;
        uint64_t homes = run % 3 == 0 ? 5 : run % 3 == 1 ? 40 : 1u << 30;
        uint32_t refused = 0;
        setup(run % 2 ? 32 : 64);
        for (uint32_t k = 0; k < KEYS; k++) {
            uint64_t home = map.mask - 2 + tc_tb_random(&seed) % homes;
            hash_of[k] = home + (tc_tb_random(&seed) % 3) * (map.mask + 1ull);
        }
        for (uint32_t step = 0; step < 2000; step++) {
            uint32_t key = (uint32_t)(tc_tb_random(&seed) % KEYS);
            bool is_filling = step / 200 % 2 == 0;
            if (value_of[key] == TC_NONE && (is_filling || step % 4 == 0)) {
                bool is_full = map.cnt == map.max;
                int rc = add(key, VALUE_BASE + key + (step % 2 ? KEYS : 0));
                cr_assert_eq(rc, is_full ? -TC_ELIMIT : 0);
                refused += is_full;
            } else if (value_of[key] != TC_NONE && (!is_filling || step % 4 == 0)) {
                drop(key);
            }
            if (step % 5 == 0)
                check_all();
        }
        for (uint32_t k = 0; k < KEYS; k++) {
            if (value_of[k] != TC_NONE)
                drop(k);
        }
        check_all();
        cr_assert_gt(refused, 0, "run %llu never filled the map", (unsigned long long)run);
        tc_mem_fini(&mem);
    }
}
