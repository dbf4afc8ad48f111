// SPDX-License-Identifier: Apache-2.0
/* Goal: rooms are sorted by name whatever their order, and places find theirs, all of one name. */
#include "proto/json/cmd.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];
static struct tc_cmd cmd = { .rooms = rooms };
static char names[TC_CMD_ROOMS_MAX][32];
static uint16_t sorted[TC_CMD_ROOMS_MAX];

static void add(const char *name)
{
    snprintf(names[cmd.room_cnt], sizeof(names[0]), "%s", name);
    rooms[cmd.room_cnt] = (struct tc_cmd_room){ .name = tc_str_from(names[cmd.room_cnt]) };
    cmd.room_cnt++;
}

static void check_sorted(void)
{
    bool seen[TC_CMD_ROOMS_MAX] = { false };
    tc_cmd_sort(&cmd, sorted);
    for (uint32_t i = 0; i < cmd.room_cnt; i++) {
        cr_assert_lt(sorted[i], cmd.room_cnt);
        cr_assert_not(seen[sorted[i]], "%u twice", sorted[i]);
        seen[sorted[i]] = true;
        if (i > 0)
            cr_assert_leq(strcmp(names[sorted[i - 1]], names[sorted[i]]), 0);
    }
}

static uint32_t random_of(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

Test(places, every_size_is_sorted)
{
    /* Goal: 0 to 70 rooms and the most there may be; ascending, descending, at random, equal. */
    for (uint32_t cnt = 0; cnt <= TC_CMD_ROOMS_MAX; cnt += cnt < 70 ? 1 : TC_CMD_ROOMS_MAX - 70) {
        for (int order = 0; order < 4; order++) {
            uint32_t state = cnt + 1;
            cmd.room_cnt = 0;
            for (uint32_t i = 0; i < cnt; i++) {
                char name[32];
                uint32_t key = order == 0   ? i
                               : order == 1 ? cnt - i
                               : order == 2 ? random_of(&state) % (cnt + 1)
                                            : 5;
                snprintf(name, sizeof(name), "r%05u", key);
                add(name);
            }
            check_sorted();
        }
    }
}

Test(places, order_of_names)
{
    /* Goal: a name before its continuations, bytes above 127 behind the others, an empty one first;
     * each is found. */
    static const char *const texts[] = { "b", "ab", "a", "abc", "", "a\xff", "aa", "\xc3\xa9" };
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++)
        add(texts[i]);
    check_sorted();
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++) {
        struct tc_cmd_from from = { .log = TC_STR("l"), .pos = (int64_t)i };
        cr_assert_eq(tc_cmd_place(&cmd, sorted, tc_str_from(texts[i]), &from), TC_OK);
        cr_assert_eq(rooms[i].from.pos, (int64_t)i);
    }
    struct tc_cmd_from from = { .log = TC_STR("l"), .pos = 100 };
    cr_assert_eq(tc_cmd_place(&cmd, sorted, TC_STR("ab"), &from), -TC_EEXIST);
    cr_assert_eq(rooms[1].from.pos, 1);
}

Test(places, not_found)
{
    /* Goal: names before, between and behind the rooms are not found, and change nothing. */
    static const char *const texts[] = { "", "a", "bb", "d", "b\xff", "zz" };
    struct tc_cmd_from from = { .log = TC_STR("l") };
    tc_cmd_sort(&cmd, sorted);
    cr_assert_eq(tc_cmd_place(&cmd, sorted, TC_STR("b"), &from), -TC_ENOTFOUND);
    add("c");
    add("b");
    tc_cmd_sort(&cmd, sorted);
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++)
        cr_assert_eq(tc_cmd_place(&cmd, sorted, tc_str_from(texts[i]), &from), -TC_ENOTFOUND);
    cr_assert(!rooms[0].from.log.ptr && !rooms[1].from.log.ptr);
}

Test(places, all_of_one_name)
{
    /* Goal: a room that is named more than once gets its place everywhere, once. */
    struct tc_cmd_from from = { .log = TC_STR("l"), .pos = 7, .has_ts = true, .ts_ms = 8 };
    static const char *const texts[] = { "b", "a", "b", "c", "b" };
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++)
        add(texts[i]);
    tc_cmd_sort(&cmd, sorted);
    cr_assert_eq(tc_cmd_place(&cmd, sorted, TC_STR("b"), &from), TC_OK);
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++) {
        bool is_b = i % 2 == 0;
        cr_assert_eq(rooms[i].from.log.ptr != NULL, is_b);
        cr_assert(!is_b || (rooms[i].from.pos == 7 && rooms[i].from.ts_ms == 8));
    }
    cr_assert_eq(tc_cmd_place(&cmd, sorted, TC_STR("b"), &from), -TC_EEXIST);
}
