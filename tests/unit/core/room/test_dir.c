// SPDX-License-Identifier: Apache-2.0
/* Goal: a room's index is given once and stays; names keep their bytes and their place; a full
 * table refuses new rooms and still knows the old ones. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#include "core/room/dir.h"

static struct tc_mem mem;
static struct tc_dir dir;
static struct tc_err err;
static const struct tc_hash_key key = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };

static void setup(uint32_t max)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_dir_init(&dir, max, &key, &mem, "source main", &err), 0);
}

static uint32_t intern(const char *name, uint32_t rule, bool want_new)
{
    bool is_new = !want_new;
    uint32_t idx = tc_dir_intern(&dir, tc_str_from(name), rule, &is_new);
    cr_assert_eq(is_new, want_new, "%s", name);
    return idx;
}

Test(dir, indices)
{
    /* goal: indices count from 0 in order of birth; the same name is the same index and is not new;
     * names that are a part of one another are different rooms */
    setup(8);
    cr_expect_eq(tc_dir_cnt(&dir), 0);
    cr_expect_eq(intern("ticker-BTC", 1, true), 0);
    cr_expect_eq(intern("ticker-BT", 2, true), 1);
    cr_expect_eq(intern("ticker-BTCUSDT", 3, true), 2);
    cr_expect_eq(intern("ticker-btc", 4, true), 3);
    cr_expect_eq(intern("ticker-BT", 7, false), 1);
    cr_expect_eq(intern("ticker-BTC", 7, false), 0);
    cr_expect_eq(tc_dir_cnt(&dir), 4);
    cr_expect_eq(dir.entries[0].rule, 1, "a later record must not change the rule");
    cr_expect_eq(dir.entries[2].rule, 3);
    tc_mem_fini(&mem);
}

Test(dir, names_are_copies)
{
    /* goal: a name is copied at its birth, whole at the least and the largest length, without a
     * byte of the caller's after it */
    char text[TC_ROOM_NAME_MAX + 1];
    bool is_new;
    setup(4);
    memset(text, 'x', sizeof(text));
    uint32_t idx = tc_dir_intern(&dir, (struct tc_str){ text, TC_ROOM_NAME_MAX }, 65535, &is_new);
    uint32_t one = tc_dir_intern(&dir, (struct tc_str){ text, 1 }, 0, &is_new);
    const char *place = tc_dir_name(&dir, idx).ptr;
    memset(text, 'y', sizeof(text));
    cr_expect_eq(tc_dir_name(&dir, idx).len, TC_ROOM_NAME_MAX);
    cr_expect_eq(tc_dir_name(&dir, one).len, 1);
    for (uint32_t i = 0; i < TC_ROOM_NAME_MAX; i++)
        cr_assert_eq(place[i], 'x');
    cr_expect_eq(tc_dir_name(&dir, one).ptr[0], 'x');
    cr_expect_eq(dir.entries[idx].rule, 65535);
    cr_expect_neq(tc_dir_intern(&dir, (struct tc_str){ text, 1 }, 0, &is_new), one);
    cr_expect_eq(tc_dir_name(&dir, idx).ptr, place, "a name moved");
    tc_mem_fini(&mem);
}

Test(dir, full)
{
    /* goal: room number max is refused, again and again, and counts nothing; known ones are still
     * found, with their names */
    enum { MAX = 300 };
    char name[32];
    bool is_new;
    setup(MAX);
    for (uint32_t i = 0; i < MAX; i++) {
        snprintf(name, sizeof(name), "trades-%u", i * 7);
        cr_assert_eq(intern(name, i, true), i);
    }
    for (uint32_t i = 0; i < 3; i++) {
        is_new = true;
        cr_expect_eq(tc_dir_intern(&dir, TC_STR("one-more"), 0, &is_new), TC_NONE);
        cr_expect_not(is_new);
    }
    cr_expect_eq(tc_dir_cnt(&dir), MAX);
    for (uint32_t i = 0; i < MAX; i++) {
        snprintf(name, sizeof(name), "trades-%u", i * 7);
        cr_assert_eq(intern(name, 0, false), i);
        cr_assert(tc_str_eq(tc_dir_name(&dir, i), tc_str_from(name)));
        cr_assert_eq(dir.entries[i].rule, i);
    }
    tc_mem_fini(&mem);
}

Test(dir, no_memory)
{
    /* goal: entries or index that do not fit the budget are an error with its text */
    tc_mem_init(&mem, 4096);
    cr_expect_eq(tc_dir_init(&dir, 1000, &key, &mem, "source main", &err), -TC_ENOMEM);
    cr_expect_neq(err.text[0], 0);
    tc_mem_fini(&mem);
    tc_mem_init(&mem, 1000 * sizeof(struct tc_dir_entry) + 4096);
    cr_expect_eq(tc_dir_init(&dir, 1000, &key, &mem, "source main", &err), -TC_ENOMEM);
    tc_mem_fini(&mem);
}

Test(dir, empty_name_is_a_wrong_program, .signal = SIGABRT)
{
    /* goal: a name of no bytes never becomes a room */
    bool is_new;
    setup(4);
    (void)tc_dir_intern(&dir, TC_STR(""), 0, &is_new);
}

Test(dir, long_name_is_a_wrong_program, .signal = SIGABRT)
{
    /* goal: a name above the limit never becomes a room and is not cut */
    static const char text[TC_ROOM_NAME_MAX + 1] = { 'a' };
    bool is_new;
    setup(4);
    (void)tc_dir_intern(&dir, (struct tc_str){ text, sizeof(text) }, 0, &is_new);
}
