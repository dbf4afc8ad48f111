// SPDX-License-Identifier: Apache-2.0
/* Goal: names to rooms: illegal and unknown ones, names that wait for their first record, births,
 * and the interest bits that wake a sleeping worker. */
#include "tests/unit/core/fanout/fixture.h"

#include "core/fanout/fan_int.h"

static struct fx fx;

static uint64_t interest(uint32_t room)
{
    return atomic_load(&fx.bus[0].interest[room]);
}

Test(names, refused)
{
    /* Goal: bad bytes and lengths are illegal; what fits no template is unknown. */
    char longest[TC_ROOM_NAME_MAX + 2] = "ticker-";
    memset(longest + 7, 'x', TC_ROOM_NAME_MAX + 1 - 7);
    fx_init(&fx, NULL);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "", false), -TC_EINVAL);
    cr_expect_eq(fx_sub(&fx, 0, "ticker- A", false), -TC_EINVAL);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-*", false), -TC_EINVAL);
    cr_expect_eq(fx_sub(&fx, 0, longest, false), -TC_EINVAL);
    longest[TC_ROOM_NAME_MAX] = 0;
    cr_expect_eq(fx_sub(&fx, 0, longest, false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "tickers-A", false), -TC_ENOTFOUND);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-", false), -TC_ENOTFOUND);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR(""), NULL, NULL), -TC_ENOTFOUND);
    cr_expect_eq(tc_fan_stats(fx.fan)->member_cnt, 1);
    fx_fini(&fx);
}

Test(names, waiting)
{
    /* Goal: a name without a record is confirmed with null, and its first update has no
     * predecessor. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_open(&fx, 0);
    fx_open(&fx, 1);
    cr_expect_eq(fx_sub(&fx, 0, "book-B-C", true), 0);
    cr_expect_eq(fx_sub(&fx, 1, "book-B-C", false), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C book-B-C - - - B-C\n");
    cr_expect_str_eq(fx_take(&fx, 1), "C book-B-C - - - B-C\n");
    cr_expect_eq(tc_fan_stats(fx.fan)->waiting_cnt, 1);
    fx_put_many(&fx, "book-B-C", 7, 8);
    fx_run(&fx);
    const char *both = "U book-B-C 7 - 1007 live v7\nU book-B-C 8 7 1008 live v8\n";
    cr_expect_str_eq(fx_take(&fx, 0), both);
    cr_expect_str_eq(fx_take(&fx, 1), both);
    cr_expect_eq(tc_fan_stats(fx.fan)->waiting_cnt, 0);
    cr_expect_eq(tc_fan_stats(fx.fan)->room_cnt, 1);
    fx_fini(&fx);
}

Test(names, waiting_is_bounded)
{
    /* Goal: names that wait are bounded and freed with their last member; known rooms are not
     * counted. */
    struct fx_options o = fx_defaults();
    o.waiting_max = 2;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_run(&fx);
    fx_open(&fx, 0);
    fx_open(&fx, 1);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-C", false), 0);
    cr_expect_eq(fx_sub(&fx, 1, "ticker-C", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-D", false), -TC_ENOMEM);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-C"), NULL, NULL), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-D", false), -TC_ENOMEM, "one still waits for it");
    fx_close(&fx, 1);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-D", false), 0);
    fx_put_many(&fx, "ticker-D", 2, 2);
    fx_run(&fx);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-E", false), 0, "D does not wait any more");
    fx_fini(&fx);
}

Test(names, birth_while_behind)
{
    /* Goal: a room that is born while its member is blocked is told from its first event on. */
    fx_init(&fx, NULL);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_run(&fx);
    fx_take(&fx, 0);
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 5, 6);
    fx_run(&fx);
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 5 - 1005 live v5\nU ticker-A 6 5 1006 live v6\n");
    fx_fini(&fx);
}

Test(names, interest)
{
    /* Goal: the worker's bit is set while the room has members here, and another's bit stays. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_run(&fx);
    atomic_fetch_or(&fx.bus[0].interest[0], 1);
    fx_open(&fx, 0);
    fx_open(&fx, 1);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 1, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 1, "ticker-B", false), 0);
    cr_expect_eq(interest(0), 1 | 1 << 3);
    cr_expect_eq(interest(1), 0);
    fx_put_many(&fx, "ticker-B", 2, 2);
    fx_run(&fx);
    cr_expect_eq(interest(1), 1 << 3, "bound at birth");
    fx_close(&fx, 0);
    cr_expect_eq(interest(0), 1 | 1 << 3);
    fx_close(&fx, 1);
    cr_expect_eq(interest(0), 1);
    cr_expect_eq(interest(1), 0);
    fx_fini(&fx);
}

Test(names, two_sources)
{
    /* Goal: rooms of two sources with the same indexes are kept apart. */
    struct fx_options o = fx_defaults();
    o.feed_cnt = 2;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, 1);
    struct tc_bus_put put = { .room = fx_room(&fx, 1, "alt-A"),
                              .kind = TC_BUS_UPDATE,
                              .pos = 40,
                              .ts_ms = 1040,
                              .payload = "x",
                              .len = 1 };
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "alt-A", true), 0);
    fx_publish(&fx, 1, &put);
    fx_commit(&fx, 1);
    fx_run(&fx);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C alt-A - s1/t/0@1 40 A\nU alt-A 40 - 1040 snap x\n"
                                      "C ticker-A - s0/t/0@1 1 A\nU ticker-A 1 - 1001 snap v1\n");
    fx_fini(&fx);
}

Test(names, located_at_the_cursor)
{
    /* Goal: the place of a room that was never read here is found at the worker's cursor, not at
     * the writer's head; also when its newest event has left the ring. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_put_many(&fx, "ticker-B", 1, 2);
    fx_run(&fx);
    fx_put_many(&fx, "ticker-A", 3, 4);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    fx_catch_up(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 2 A\n");
    fx_put_many(&fx, "ticker-C", 1, 9);
    fx_run(&fx);
    fx_take(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-B - s0/t/0@1 2 B\nU ticker-B 2 1 1002 snap v2\n");
    fx_fini(&fx);
}

Test(names, without_a_subscription)
{
    /* Goal: whether a directory has the name, and where; whether it fits a template. A name that
     * waits is in none. */
    uint32_t feed = 7;
    uint32_t id = 7;
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put_many(&fx, "book-A", 2, 2);
    cr_assert_not(tc_fan_name_find(fx.fan, TC_STR("book-A"), &feed, &id), "not read yet");
    fx_run(&fx);
    cr_assert(tc_fan_name_find(fx.fan, TC_STR("book-A"), &feed, &id));
    cr_assert_eq(feed, 0);
    cr_assert_eq(id, fx_room(&fx, 0, "book-A"));
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-B", false), TC_OK);
    cr_assert_not(tc_fan_name_find(fx.fan, TC_STR("ticker-B"), &feed, &id));
    cr_assert(tc_fan_name_fits(fx.fan, TC_STR("ticker-B")));
    cr_assert(tc_fan_name_fits(fx.fan, TC_STR("alt-B")), "of the last rule");
    cr_assert_not(tc_fan_name_fits(fx.fan, TC_STR("ticker-")));
    cr_assert_not(tc_fan_name_fits(fx.fan, TC_STR("nobody")));
    fx_fini(&fx);
}
