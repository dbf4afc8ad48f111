// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/bench/fixture.h"

TestSuite(load_account, .fini = fixture_fini);

static void update(uint32_t conn, uint32_t sub, int64_t pos, int64_t prev)
{
    tc_load_update_at(&load, &load.conns[conn], sub, pos, prev, "", 0);
}

Test(load_account, each_delivery_is_due_once)
{
    /* Goal: a new position makes a delivery due to each member of its room, and (connection, room)
     * is behind until it has it. */
    fixture_init(&tc_load_raw, 3, 1, 1, 0);
    update(0, 0, 10, 9);
    cr_assert_eq(load.counts.expected, 3);
    cr_assert_eq(load.behind_cnt, 0, "the others have not begun");
    update(1, 0, 10, 9);
    update(2, 0, 10, 9);
    update(1, 0, 11, 10);
    cr_assert_eq(load.behind_cnt, 2);
    update(1, 0, 12, 11);
    cr_assert_eq(load.behind_cnt, 2);
    update(0, 0, 11, 10);
    cr_assert_eq(load.behind_cnt, 2);
    update(0, 0, 12, 11);
    update(2, 0, 11, 10);
    cr_assert_eq(load.behind_cnt, 1);
    update(2, 0, 12, 11);
    cr_assert_eq(load.behind_cnt, 0);
    cr_assert_eq(load.counts.deliveries, load.counts.expected);
    cr_assert_eq(load.counts.broken, 0);
}

Test(load_account, a_late_one_is_behind)
{
    /* Goal: a connection whose first update is older than the newest is behind. */
    fixture_init(&tc_load_raw, 2, 1, 1, 0);
    update(0, 0, 10, 9);
    update(0, 0, 11, 10);
    update(1, 0, 10, 9);
    cr_assert_eq(load.behind_cnt, 1);
    update(1, 0, 11, 10);
    cr_assert_eq(load.behind_cnt, 0);
    cr_assert_eq(load.counts.deliveries, load.counts.expected);
}

Test(load_account, chains)
{
    /* Goal: the chain rule of docs/protocol.md, section 5, for each (connection, room) apart. */
    const struct {
        int64_t pos, prev;
        bool is_broken;
    } rows[] = {
        { 5, 4, false },  { 6, 5, false },  { 9, 6, false },   { 9, 6, true },
        { 12, 10, true }, { 13, 7, false }, { 14, -1, false }, { 3, 2, true },
    };
    uint64_t broken = 0;
    fixture_init(&tc_load_tickcast, 2, 2, 2, 0);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        update(0, 1, rows[i].pos, rows[i].prev);
        broken += rows[i].is_broken;
        cr_assert_eq(load.counts.broken, broken, "row %zu", i);
        update(0, 0, (int64_t)i + 1, (int64_t)i);
        cr_assert_eq(load.counts.broken, broken, "the other room in row %zu", i);
    }
}

Test(load_account, declared_loss)
{
    /* Goal: what the server says it left out moves the chain on, is counted, and makes nobody
     * behind for good. */
    fixture_init(&tc_load_tickcast, 2, 1, 1, 0);
    update(0, 0, 5, 4);
    update(1, 0, 5, 4);
    tc_load_skipped(&load, &load.conns[0], 0, 20, 15);
    cr_assert_eq(load.counts.skipped, 15);
    cr_assert_eq(load.counts.notices, 1);
    cr_assert_eq(load.behind_cnt, 1);
    update(0, 0, 21, 20);
    update(1, 0, 20, 5);
    update(1, 0, 21, 20);
    cr_assert_eq(load.counts.broken, 0);
    cr_assert_eq(load.behind_cnt, 0);
}

Test(load_account, slow_ones_do_not_count)
{
    /* Goal: slow connections lie among the others, take no latency and are no members. */
    fixture_init(&tc_load_raw, 10, 1, 1, 5);
    uint32_t slow = 0;
    for (uint32_t i = 0; i < 10; i++) {
        slow += !load.conns[i].is_measured;
        cr_assert_not(load.conns[i].is_timed && !load.conns[i].is_measured);
        update(i, 0, 5, 4);
    }
    cr_assert_eq(slow, 5);
    cr_assert_eq(load.rooms[0].member_cnt, 5);
    cr_assert_eq(load.counts.deliveries, 5);
}

Test(load_account, names_and_places_of_rooms)
{
    /* Goal: a name leads to the sub that follows it, over the end of the rooms too; another does
     * not. */
    char name[TC_LOAD_NAME_MAX + 1];
    char *names[] = { "a", "b", "c" };
    fixture_init(&tc_load_tickcast, 4, 10, 3, 0);
    struct tc_load_conn *c = &load.conns[3]; /* rooms 9, 0, 1 */
    cr_assert_eq(tc_load_room_name(&load, c, 1, name, sizeof(name)), 9);
    cr_assert_str_eq(name, "ticker-S0");
    cr_assert_eq(tc_load_sub_of(&load, c, "ticker-S9", 9), 0);
    cr_assert_eq(tc_load_sub_of(&load, c, "ticker-S1", 9), 2);
    const char *others[] = { "ticker-S2", "ticker-S", "ticker-S10", "ticker-Sx", "other-S1", "" };
    for (size_t i = 0; i < TC_ARRAY_CNT(others); i++)
        cr_assert_eq(tc_load_sub_of(&load, c, others[i], strlen(others[i])), TC_NONE, "%s",
                     others[i]);
    conf.room_names = names;
    conf.room_cnt = 3;
    c->first_room = 2;
    cr_assert_eq(tc_load_sub_of(&load, c, "a", 1), 1);
    cr_assert_eq(tc_load_sub_of(&load, c, "d", 1), TC_NONE);
}

Test(load_account, confirmations)
{
    /* Goal: a connection is ready when all it asked for is confirmed; more is a fault. */
    fixture_init(&tc_load_tickcast, 1, 4, 3, 0);
    struct tc_load_conn *c = &load.conns[0];
    tc_load_greeted(&load, c);
    tc_load_confirmed(&load, c, 2);
    cr_assert_eq(load.ready_cnt, 0);
    tc_load_confirmed(&load, c, 1);
    cr_assert_eq(load.ready_cnt, 1);
    tc_load_confirmed(&load, c, 1);
    tc_load_left(&load, c);
    cr_assert_eq(load.counts.unexpected, 2);
}

Test(load_account, latency)
{
    /* Goal: latency is from the intended time; a time in the future is counted apart. */
    fixture_init(&tc_load_raw, 1, 1, 1, 0);
    load.now_ns = 5000;
    tc_load_update(&load, &load.conns[0], 0, "{\"pos\":1,\"prev\":0,\"t_ns\":1000}", 31);
    tc_load_update(&load, &load.conns[0], 0, "{\"pos\":2,\"prev\":1,\"t_ns\":9000}", 31);
    tc_load_update(&load, &load.conns[0], 0, "{\"pos\":3,\"prev\":2}", 18);
    cr_assert_eq(tc_hist_cnt(&load.slot->latency), 1);
    cr_assert_eq(atomic_load(&load.slot->latency.max_ns), 4000);
    cr_assert_eq(load.counts.late, 1);
    tc_load_update(&load, &load.conns[0], 0, "hello", 5);
    cr_assert_eq(load.counts.unexpected, 1);
}
