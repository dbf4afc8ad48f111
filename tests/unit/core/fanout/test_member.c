// SPDX-License-Identifier: Apache-2.0
/* Goal: subscriptions of connections: limits and their codes, two confirmations of one
 * subscription, nothing after an unsubscribe or a close, and a slot that is used again. */
#include "tests/unit/core/fanout/fixture.h"

#include "core/fanout/fan_int.h"

static struct fx fx;

static int sub_id(uint32_t conn, const char *room, const char *id, bool is_snapshot)
{
    struct tc_fan_wish wish = { .room = tc_str_from(room),
                                .id = tc_str_from(id),
                                .is_snapshot = is_snapshot };
    return fx_wish(&fx, conn, &wish);
}

static int unsub(uint32_t conn, const char *room)
{
    return tc_fan_unsubscribe(fx.fan, conn, tc_str_from(room), NULL, NULL);
}

Test(member, too_many_rooms)
{
    /* Goal: the limit of rooms per connection refuses the next room, not one that stands. */
    struct fx_options o = fx_defaults();
    o.conn_rooms_max = 2;
    fx_init(&fx, &o);
    fx_put_many(&fx, "ticker-C", 1, 1);
    fx_run(&fx);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-C", false), -TC_ELIMIT);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-D", false), -TC_ELIMIT);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", false), 0);
    cr_expect_eq(tc_fan_conn_room_cnt(fx.fan, 0), 2);
    cr_expect_eq(tc_fan_stats(fx.fan)->room_cnt, 2, "a refused room leaves nothing");
    cr_expect_eq(tc_fan_stats(fx.fan)->waiting_cnt, 2);
    cr_expect_eq(unsub(0, "ticker-A"), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-C", false), 0);
    fx_fini(&fx);
}

Test(member, withdraw)
{
    /* Goal: what is not confirmed is taken back oldest first, with its id or without; what is
     * planned but not sent counts as not confirmed, and what is confirmed stands. */
    char text[TC_CMD_ID_MAX + 2];
    struct tc_str id;
    struct tc_fan_wish nameless = { .room = TC_STR("ticker-A") };
    struct fx_options o = fx_defaults();
    fx_init(&fx, &o);
    fx_open(&fx, 0);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-A"), text, &id), -TC_ENOTFOUND);
    cr_expect_eq(sub_id(0, "ticker-A", "\"one\"", true), 0);
    cr_expect_eq(fx_wish(&fx, 0, &nameless), 0);
    tc_fan_read(fx.fan, 0);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-A"), text, &id), 1);
    cr_expect(tc_str_eq(id, TC_STR("\"one\"")));
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-A"), text, &id), 1);
    cr_expect_null(id.ptr);
    cr_expect_eq(tc_fan_conn_room_cnt(fx.fan, 0), 1);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-A"), text, &id), 0);
    cr_expect_eq(tc_fan_conn_room_cnt(fx.fan, 0), 0);
    cr_expect_eq(sub_id(0, "ticker-A", "2", false), 0);
    fx_run(&fx);
    cr_expect_eq(tc_fan_unsubscribe(fx.fan, 0, TC_STR("ticker-A"), text, &id), 0, "confirmed");
    fx_fini(&fx);
}

Test(member, overloaded)
{
    /* Goal: spent pools of members and of pending subscriptions refuse and leave nothing behind. */
    struct fx_options o = fx_defaults();
    o.member_max = 3;
    o.pending_max = 2;
    fx_init(&fx, &o);
    fx_open(&fx, 0);
    fx_open(&fx, 1);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-C", false), -TC_ENOMEM, "pending");
    cr_expect_eq(tc_fan_stats(fx.fan)->member_cnt, 2);
    fx_run(&fx);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-C", false), 0);
    fx_run(&fx);
    cr_expect_eq(fx_sub(&fx, 1, "ticker-A", false), -TC_ENOMEM, "members");
    cr_expect_eq(fx_sub(&fx, 1, "ticker-D", false), -TC_ENOMEM, "rooms");
    cr_expect_eq(tc_fan_stats(fx.fan)->room_cnt, 3);
    cr_expect_eq(tc_fan_conn_room_cnt(fx.fan, 1), 0);
    fx_close(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 1, "ticker-D", false), 0);
    fx_fini(&fx);
}

Test(member, twice)
{
    /* Goal: one subscription, two confirmations with their own ids, one stream. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_open(&fx, 0);
    cr_expect_eq(sub_id(0, "ticker-A", "1", false), 0);
    cr_expect_eq(sub_id(0, "ticker-A", "\"two\"", true), 0, "not answered yet: one frame for both");
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 1 s0/t/0@1 2 A\n"
                                      "C ticker-A \"two\" s0/t/0@1 2 A\n"
                                      "U ticker-A 2 1 1002 snap v2\n");
    fx_put_many(&fx, "ticker-A", 5, 5);
    fx_run(&fx);
    fx_take(&fx, 0);
    cr_expect_eq(sub_id(0, "ticker-A", "3", true), 1);
    fx_put_many(&fx, "ticker-A", 6, 6);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 3 s0/t/0@1 5 A\nU ticker-A 6 5 1006 live v6\n");
    cr_expect_eq(tc_fan_conn_room_cnt(fx.fan, 0), 1);
    fx_fini(&fx);
}

Test(member, twice_while_behind)
{
    /* Goal: the second confirmation names the place of the client, not that of the room. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    fx_run(&fx);
    tc_fan_conn_blocked(fx.fan, 0);
    fx_put_many(&fx, "ticker-A", 3, 4);
    fx_run(&fx);
    fx_take(&fx, 0);
    cr_expect_eq(sub_id(0, "ticker-A", "2", false), 1);
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 2 s0/t/0@1 2 A\nU ticker-A 3 2 1003 live v3\n"
                                      "U ticker-A 4 3 1004 live v4\n");
    fx_fini(&fx);
}

Test(member, pending_of_one_member)
{
    /* Goal: unconfirmed subscriptions of one room are bounded, and all are confirmed. */
    struct fx_options o = fx_defaults();
    o.pending_max = 2 * TC_FAN_SUBS_MAX;
    fx_init(&fx, &o);
    fx_open(&fx, 0);
    for (uint32_t i = 0; i < TC_FAN_SUBS_MAX; i++)
        cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), -TC_ENOMEM);
    fx_run(&fx);
    uint32_t lines = 0;
    for (const char *p = fx_take(&fx, 0); (p = strchr(p, '\n')); p++)
        lines++;
    cr_expect_eq(lines, TC_FAN_SUBS_MAX);
    cr_expect_eq(tc_fan_stats(fx.fan)->member_cnt, 1);
    fx_fini(&fx);
}

Test(member, unsubscribe)
{
    /* Goal: nothing of the room after it, not even what is planned; the other rooms go on. */
    fx_init(&fx, NULL);
    fx_open(&fx, 0);
    cr_expect_eq(unsub(0, "ticker-A"), -TC_ENOTFOUND);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", false), 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-C", false), 0);
    fx_run(&fx);
    fx_take(&fx, 0);
    const char *const rooms[] = { "ticker-A", "ticker-B", "ticker-C" };
    for (size_t i = 0; i < 3; i++) {
        fx_put_many(&fx, "ticker-A", 10 * (int64_t)i, 10 * (int64_t)i);
        fx_put_many(&fx, "ticker-B", 10 * (int64_t)i + 1, 10 * (int64_t)i + 1);
        fx_put_many(&fx, "ticker-C", 10 * (int64_t)i + 2, 10 * (int64_t)i + 2);
        tc_fan_read(fx.fan, fx.now_ns);
        cr_expect(tc_fan_is_planned(fx.fan, 0));
        cr_expect_eq(unsub(0, rooms[(i + 1) % 3]), 0); /* in the middle, at the end, alone */
        cr_expect_not(tc_fan_is_planned(fx.fan, 0));
        fx_run(&fx);
        const char *got = fx_take(&fx, 0);
        cr_expect_not(strstr(got, rooms[(i + 1) % 3]), "%s", got);
        cr_expect_eq(strstr(got, "ticker-A") != NULL, i < 2, "%s", got);
    }
    cr_expect_eq(unsub(0, "ticker-A"), -TC_ENOTFOUND);
    cr_expect_eq(tc_fan_stats(fx.fan)->member_cnt, 0);
    cr_expect_eq(tc_fan_stats(fx.fan)->room_cnt, 0);
    fx_fini(&fx);
}

Test(member, unsubscribe_unanswered)
{
    /* Goal: a wish that was taken back before its answer is not answered. */
    fx_init(&fx, NULL);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    cr_expect_eq(unsub(0, "ticker-A"), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect_eq(tc_fan_stats(fx.fan)->waiting_cnt, 0);
    fx_fini(&fx);
}

Test(member, blocked_falls_behind)
{
    /* Goal: a blocked connection gets nothing and delays nobody; writable, it gets all. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    for (uint32_t i = 0; i < 3; i++) {
        fx_open(&fx, i);
        cr_expect_eq(fx_sub(&fx, i, "ticker-A", false), 0);
    }
    fx_run(&fx);
    tc_fan_conn_blocked(fx.fan, 1);
    for (uint32_t i = 0; i < 3; i++)
        fx_take(&fx, i);
    fx_put_many(&fx, "ticker-A", 2, 3);
    tc_fan_read(fx.fan, fx.now_ns);
    fx_flush(&fx);
    cr_expect_not(tc_fan_has_catch_up(fx.fan), "a worker may sleep over it");
    fx_run(&fx);
    const char *both = "U ticker-A 2 1 1002 live v2\nU ticker-A 3 2 1003 live v3\n";
    cr_expect_str_eq(fx_take(&fx, 0), both);
    cr_expect_str_eq(fx_take(&fx, 1), "");
    cr_expect_str_eq(fx_take(&fx, 2), both);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 1);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_total, 1);
    tc_fan_conn_writable(fx.fan, 1);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 1), both);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    fx_fini(&fx);
}

Test(member, close_and_reuse)
{
    /* Goal: a slot that is closed while it stands in the queues can be used by the next at once. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_open(&fx, 0);
    fx_open(&fx, 1);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    cr_expect_eq(fx_sub(&fx, 1, "ticker-A", false), 0);
    fx_run(&fx);
    fx_put_many(&fx, "ticker-A", 2, 2);
    tc_fan_read(fx.fan, fx.now_ns);
    fx_close(&fx, 0); /* planned */
    fx_open(&fx, 0);
    cr_expect_not(tc_fan_is_planned(fx.fan, 0));
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 2 A\nU ticker-A 2 1 1002 snap v2\n");
    fx_close(&fx, 0);
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-B", true), 0);
    fx_close(&fx, 0); /* in the queue of catch-up */
    fx_open(&fx, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect_eq(tc_fan_conn_room_cnt(fx.fan, 0), 0);
    tc_fan_conn_blocked(fx.fan, 0);
    fx_close(&fx, 0); /* blocked: the next one is not */
    fx_open(&fx, 0);
    cr_expect_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 2 A\n");
    fx_close(&fx, 0);
    fx_close(&fx, 1);
    cr_expect_eq(tc_fan_stats(fx.fan)->member_cnt, 0);
    cr_expect_eq(fx.fan->members.used_cnt + fx.fan->subs.used_cnt + fx.fan->rooms.used_cnt, 0);
    fx_fini(&fx);
}
