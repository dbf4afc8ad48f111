// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/event.h"

#include <criterion/criterion.h>
#include <string.h>

#include "proto/grpc/event.h"
#include "proto/grpc/request.h"

static bool is(struct tc_scan_text text, const char *wanted)
{
    return text.at && text.len == strlen(wanted) && !memcmp(text.at, wanted, text.len);
}

/* What the engine writes for n, as a client reads it. */
static struct tc_scan told(const struct tc_notice *n)
{
    static uint8_t bytes[TC_NOTICE_BYTES_MAX];
    struct tc_scan s;
    size_t len = tc_grpc_events[TC_GRPC_PLAIN].notice(n, bytes);
    cr_assert_eq(tc_event_scan(bytes + TC_EVENT_PREFIX_BYTES, len - TC_EVENT_PREFIX_BYTES, &s), 0);
    return s;
}

Test(event, update)
{
    /* Goal: every field of an update is found, absent ones are null, the payload is as it is. */
    static const uint8_t whole[] = { 0x0A, 29,   0x0A, 1,    'r', 0x10, 0xAC, 0x02, 0x18, 0,   0x20,
                                     7,    0x28, 1,    0x3A, 1,   'T',  0x42, 2,    '{',  '}', 0x4A,
                                     8,    't',  '-',  'u',  'p', 'd',  'a',  't',  'e' };
    static const uint8_t least[] = { 0x0A, 9, 0x0A, 1, 'r', 0x4A, 1, 'e', 0x42, 1, '5' };
    struct tc_scan s;
    cr_assert_eq(tc_event_scan(whole, sizeof whole, &s), 0);
    cr_assert_eq(s.kind, TC_SCAN_UPDATE);
    cr_assert(is(s.room, "r") && is(s.data, "{}") && is(s.event, "t-update") && s.snapshot);
    cr_assert(s.pos == 300 && s.prev == 0 && s.ts == 7);
    cr_assert_eq(tc_event_scan(least, sizeof least, &s), 0);
    cr_assert(s.pos == 0 && s.prev == TC_SCAN_NULL && s.ts == TC_SCAN_NULL && !s.snapshot);
}

Test(event, tombstone)
{
    /* Goal: a deleted value is the payload "null", as in the JSON dialect. */
    static const uint8_t bytes[] = { 0x0A, 8, 0x0A, 1, 'r', 0x30, 1, 0x4A, 1, 'e' };
    struct tc_scan s;
    cr_assert_eq(tc_event_scan(bytes, sizeof bytes, &s), 0);
    cr_assert(is(s.data, "null"));
}

Test(event, notices_of_the_engine)
{
    /* Goal: what the engine writes is read as meant; two pieces of code that share nothing agree.
     */
    struct tc_notice n = { .kind = TC_NOTICE_CONFLATED,
                           .room = tc_str_from("room"),
                           .from = -1,
                           .to = 1000000,
                           .count = 3 };
    struct tc_scan s = told(&n);
    cr_assert_eq(s.kind, TC_SCAN_CONFLATED);
    cr_assert(is(s.room, "room") && s.from == TC_SCAN_NULL && s.to == 1000000 && s.skipped == 3);

    n = (struct tc_notice){ .kind = TC_NOTICE_RECOVERED, .room = tc_str_from("room") };
    s = told(&n);
    cr_assert(s.kind == TC_SCAN_RECOVERED && s.from == 0 && s.to == 0 && s.count == 0);

    n = (struct tc_notice){ .kind = TC_NOTICE_CONFIRMED,
                            .room = tc_str_from("room"),
                            .log = tc_str_from("a/b/0@c"),
                            .pos = 9 };
    s = told(&n);
    cr_assert(s.kind == TC_SCAN_CONFIRMED && is(s.log, "a/b/0@c") && s.pos == 9);

    n = (struct tc_notice){ .kind = TC_NOTICE_CANNOT_RECOVER,
                            .room = tc_str_from("room"),
                            .from = 4,
                            .to = -1,
                            .reason = "ahead" };
    s = told(&n);
    cr_assert_eq(s.kind, TC_SCAN_CANNOT_RECOVER);
    cr_assert(s.from == 4 && s.to == TC_SCAN_NULL && is(s.reason, "ahead"));
}

Test(event, refuses_what_is_no_event)
{
    /* Goal: nothing, a cut event, two, an unknown one and an update without a room are no events.
     */
    static const uint8_t update[] = { 0x0A, 9, 0x0A, 1, 'r', 0x4A, 1, 'e', 0x42, 1, '5' };
    static const uint8_t no_room[] = { 0x0A, 6, 0x4A, 1, 'e', 0x42, 1, '5' };
    static const uint8_t unknown[] = { 0x7A, 0 };
    static const uint8_t twice[] = { 0x4A, 3, 0x0A, 1, 'r', 0x4A, 3, 0x0A, 1, 'r' };
    struct tc_scan s;
    for (size_t len = 0; len < sizeof update; len++)
        cr_assert_eq(tc_event_scan(update, len, &s), -1);
    cr_assert_eq(tc_event_scan(update, sizeof update, &s), 0);
    cr_assert_eq(tc_event_scan(no_room, sizeof no_room, &s), -1);
    cr_assert_eq(tc_event_scan(unknown, sizeof unknown, &s), -1);
    cr_assert_eq(tc_event_scan(twice, sizeof twice, &s), -1);
}

Test(event, subscribe)
{
    /* Goal: the engine reads the request as meant, bare and as a command, and none is cut short. */
    const struct tc_event_wish wishes[] = {
        { .room = "a-1" }, { .room = "b-2", .log = "x/y/0@z", .pos = 5, .ts_ms = 7 }
    };
    struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];
    struct tc_cmd cmd;
    const char *detail = NULL;
    uint8_t out[200];
    for (int is_command = 0; is_command < 2; is_command++) {
        size_t len = tc_event_subscribe(out, sizeof out, wishes, 2, true, is_command);
        cr_assert(len > TC_EVENT_PREFIX_BYTES && out[4] == len - TC_EVENT_PREFIX_BYTES);
        const uint8_t *message = out + TC_EVENT_PREFIX_BYTES;
        int rc = is_command ? tc_grpc_command_read(message, out[4], rooms, &cmd, &detail)
                            : tc_grpc_subscribe_read(message, out[4], rooms, &cmd, &detail);
        cr_assert_eq(rc, 0);
        cr_assert_eq(cmd.room_cnt, 2);
        cr_assert(cmd.is_snapshot && tc_str_eq(rooms[0].name, tc_str_from("a-1")));
        cr_assert(!rooms[0].from.log.ptr && tc_str_eq(rooms[1].from.log, tc_str_from("x/y/0@z")));
        cr_assert(rooms[1].from.pos == 5 && rooms[1].from.ts_ms == 7);
        for (size_t cap = 0; cap < len; cap++)
            cr_assert_eq(tc_event_subscribe(out, cap, wishes, 2, true, is_command), 0);
    }
    cr_assert_eq(tc_event_subscribe(out, sizeof out, wishes, TC_EVENT_ROOMS_MAX + 1, true, false),
                 0);
}
