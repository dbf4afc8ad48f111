// SPDX-License-Identifier: Apache-2.0
/* Goal: every event of the vocabulary is, byte for byte, what docs/protocol.md promises, in one
 * whole frame, within the bounds that fan-out reserves for it. */
#include "proto/ws/ws_json.h"

#include <stdio.h>

#include "proto/ws/frame.h"
#include "tests/unit/proto/json/pool.h"

enum { PAYLOAD_MAX = 70000, GUARD_BYTES = 64, GUARD = 0xa5 };

/* The longest of everything: an id as JSON text of 66 bytes, a room, a log, an event's name. */
static char longest[512];
static char longest_id[TC_CMD_ID_MAX + 2];

static struct tc_str longest_of(size_t len)
{
    memset(longest, 'x', sizeof(longest));
    return (struct tc_str){ longest, len };
}

static struct tc_str id_of_max(void)
{
    memset(longest_id, 'i', sizeof(longest_id));
    longest_id[0] = longest_id[sizeof(longest_id) - 1] = '"';
    return (struct tc_str){ longest_id, sizeof(longest_id) };
}

static uint8_t *new_room(size_t bytes)
{
    uint8_t *room = malloc(bytes + GUARD_BYTES);
    memset(room, GUARD, bytes + GUARD_BYTES);
    return room;
}

/* Nothing was written behind the bytes that the writer may use. */
static void check_guard(const uint8_t *room, size_t bytes)
{
    for (size_t i = 0; i < GUARD_BYTES; i++)
        cr_assert_eq(room[bytes + i], GUARD, "byte %zu behind the room was written", i);
}

/* One whole, unmasked text frame (RFC 6455 section 5.2), its length in the shortest form, with a
 * JSON value in it: the value's bytes. */
static struct tc_str frame_text(const uint8_t *frame, size_t frame_len)
{
    size_t head = 2;
    uint64_t len = frame[1];
    cr_assert_eq(frame[0], 0x81);
    if (frame[1] == 126) {
        head = 4;
        len = (uint64_t)frame[2] << 8 | frame[3];
        cr_assert_gt(len, 125);
    } else if (frame[1] == 127) {
        head = 10;
        len = 0;
        for (size_t i = 2; i < 10; i++)
            len = len << 8 | frame[i];
        cr_assert_gt(len, 65535);
    }
    cr_assert_lt(frame[1], 128, "masked");
    cr_assert_eq(head + len, frame_len);
    cr_assert_eq(tc_json_check(&pool, frame + head, (size_t)len, TC_JSON_DEPTH_MAX), TC_OK, "%.*s",
                 (int)TC_MIN(len, 1000ull), (const char *)frame + head);
    return (struct tc_str){ (const char *)frame + head, (size_t)len };
}

static void check_text(const uint8_t *frame, size_t frame_len, const char *want)
{
    struct tc_str text = frame_text(frame, frame_len);
    cr_assert(tc_str_eq(text, tc_str_from(want)), "%.*s instead of %s", (int)text.len, text.ptr,
              want);
}

static void check_update(const struct tc_update *u, const char *want)
{
    size_t room_bytes = u->len + TC_UPDATE_OVERHEAD_MAX;
    uint8_t *room = new_room(room_bytes);
    check_text(room, tc_ws_json.update(u, room), want);
    check_guard(room, room_bytes);
    free(room);
}

static void check_notice(const struct tc_notice *n, const char *want)
{
    uint8_t *room = new_room(TC_NOTICE_BYTES_MAX);
    check_text(room, tc_ws_json.notice(n, room), want);
    check_guard(room, TC_NOTICE_BYTES_MAX);
    free(room);
}

static void open_pool(void)
{
    pool_open(PAYLOAD_MAX + TC_UPDATE_OVERHEAD_MAX);
}

TestSuite(ws_json, .init = open_pool, .fini = pool_close);

/* ---- updates ---- */

static struct tc_update update_of(const char *payload)
{
    return (struct tc_update){
        .event = TC_STR("ticker-update"),
        .room = TC_STR("ticker-BTCUSDT"),
        .pos = 18273645,
        .prev = 18273640,
        .ts_ms = 1723075200150,
        .payload = payload,
        .len = (uint32_t)strlen(payload),
    };
}

Test(ws_json, frame_of_an_update)
{
    /* Goal: all bytes of a frame, header included, written down once by hand. */
    static const char want[] = "\x81\x6e"
                               "{\"event\":\"ticker-update\",\"room\":\"ticker-BTCUSDT\","
                               "\"pos\":18273645,\"prev\":18273640,\"ts\":1723075200150,"
                               "\"data\":[1]}";
    struct tc_update u = update_of("[1]");
    uint8_t out[TC_UPDATE_OVERHEAD_MAX + 3];
    size_t len = tc_ws_json.update(&u, out);
    cr_assert_eq(len, sizeof(want) - 1);
    cr_assert_arr_eq(out, want, len);
    cr_assert_str_eq(tc_ws_json.name, "ws-json");
}

Test(ws_json, updates)
{
    /* Goal: live, snapshot, first of a room, without a time, tombstone; the payload passes through
     * as it is, blanks, escapes, number forms and all. */
    struct tc_update u = update_of("{ \"p\" : 1.10e0 , \"s\":\"\\u00e9\xc3\xa9\" }");
    check_update(&u, "{\"event\":\"ticker-update\",\"room\":\"ticker-BTCUSDT\",\"pos\":18273645,"
                     "\"prev\":18273640,\"ts\":1723075200150,"
                     "\"data\":{ \"p\" : 1.10e0 , \"s\":\"\\u00e9\xc3\xa9\" }}");
    u.is_snapshot = true;
    u.prev = -1;
    check_update(&u, "{\"event\":\"ticker-update\",\"room\":\"ticker-BTCUSDT\",\"pos\":18273645,"
                     "\"prev\":null,\"ts\":1723075200150,\"snapshot\":true,"
                     "\"data\":{ \"p\" : 1.10e0 , \"s\":\"\\u00e9\xc3\xa9\" }}");
    u = update_of("");
    u.ts_ms = -1;
    u.pos = 0;
    u.prev = 0;
    u.is_tombstone = true;
    check_update(&u, "{\"event\":\"ticker-update\",\"room\":\"ticker-BTCUSDT\",\"pos\":0,"
                     "\"prev\":0,\"ts\":null,\"data\":null}");
    u = update_of("7");
    u.pos = INT64_MAX;
    u.prev = INT64_MAX - 1;
    u.ts_ms = INT64_MAX;
    check_update(&u, "{\"event\":\"ticker-update\",\"room\":\"ticker-BTCUSDT\","
                     "\"pos\":9223372036854775807,\"prev\":9223372036854775806,"
                     "\"ts\":9223372036854775807,\"data\":7}");
}

/* A payload of len bytes: a JSON string, or one digit. */
static char *payload_of(size_t len)
{
    char *payload = malloc(len + 1);
    memset(payload, 'p', len);
    payload[0] = payload[len - 1] = len == 1 ? '7' : '"';
    payload[len] = 0;
    return payload;
}

/* Updates of that room and event with each payload length of [first, last]: all lengths of texts
 * met are noted in seen[] by 125, 126, 65535, 65536. */
static void check_lengths(struct tc_str room, struct tc_str event, size_t first, size_t last,
                          bool seen[4])
{
    char *want = malloc(PAYLOAD_MAX + TC_UPDATE_OVERHEAD_MAX);
    for (size_t len = first; len <= last; len++) {
        char *payload = payload_of(len);
        struct tc_update u = { .event = event, .room = room, .pos = 1, .prev = -1, .ts_ms = -1 };
        u.payload = payload;
        u.len = (uint32_t)len;
        int n = snprintf(want, PAYLOAD_MAX + TC_UPDATE_OVERHEAD_MAX,
                         "{\"event\":\"%.*s\",\"room\":\"%.*s\",\"pos\":1,\"prev\":null,"
                         "\"ts\":null,\"data\":%s}",
                         (int)event.len, event.ptr, (int)room.len, room.ptr, payload);
        check_update(&u, want);
        seen[0] |= n == 125;
        seen[1] |= n == 126;
        seen[2] |= n == 65535;
        seen[3] |= n == 65536;
        free(payload);
    }
    free(want);
}

Test(ws_json, updates_at_the_borders_of_headers)
{
    /* Goal: wherever the length of the text lies, and however far it is from the length of the
     * payload (short and long names), the frame is the same text behind the shortest header. */
    bool seen[2][4] = { 0 };
    struct tc_str longest_name = longest_of(TC_ROOM_NAME_MAX);
    struct tc_str longest_event = { longest, TC_EVENT_NAME_MAX };
    check_lengths(TC_STR("r"), TC_STR("e"), 1, 200, seen[0]);
    check_lengths(TC_STR("r"), TC_STR("e"), 65400, 65560, seen[0]);
    check_lengths(longest_name, longest_event, 1, 200, seen[1]);
    check_lengths(longest_name, longest_event, 65240, 65320, seen[1]);
    cr_assert(seen[0][0] && seen[0][1] && seen[0][2] && seen[0][3]);
    cr_assert(seen[1][2] && seen[1][3]);
}

Test(ws_json, longest_update)
{
    /* Goal: names and numbers of maximum length around the largest payload stay within
     * TC_UPDATE_OVERHEAD_MAX. */
    char *payload = payload_of(PAYLOAD_MAX);
    struct tc_update u = { .room = longest_of(TC_ROOM_NAME_MAX), .is_snapshot = true };
    u.event = (struct tc_str){ longest, TC_EVENT_NAME_MAX };
    u.pos = u.prev = u.ts_ms = INT64_MAX;
    u.payload = payload;
    u.len = PAYLOAD_MAX;
    uint8_t *room = new_room(PAYLOAD_MAX + TC_UPDATE_OVERHEAD_MAX);
    size_t len = tc_ws_json.update(&u, room);
    struct tc_str text = frame_text(room, len);
    cr_assert_leq(len, PAYLOAD_MAX + TC_UPDATE_OVERHEAD_MAX);
    cr_assert(memcmp(text.ptr + text.len - 1 - PAYLOAD_MAX, payload, PAYLOAD_MAX) == 0);
    check_guard(room, PAYLOAD_MAX + TC_UPDATE_OVERHEAD_MAX);
    u.is_tombstone = true;
    u.len = 0;
    len = tc_ws_json.update(&u, room);
    cr_assert_leq(len, TC_UPDATE_OVERHEAD_MAX);
    frame_text(room, len);
    free(room);
    free(payload);
}

/* ---- notices ---- */

#define ROOM .room = { "ticker-ETHUSDT", 14 }
#define LOG .log = { "main/ticks/3@9f2c", 17 }
#define ID .id = { "2", 1 }

Test(ws_json, notices)
{
    /* Goal: each notice of the vocabulary, with and without its optional parts. */
    static const struct {
        struct tc_notice notice;
        const char *want;
    } rows[] = {
        { { TC_NOTICE_CONFIRMED, ID, ROOM, LOG, .symbol = { "ETHUSDT", 7 }, .pos = 18273640 },
          "{\"event\":\"subscription-confirmed\",\"id\":2,\"room\":\"ticker-ETHUSDT\","
          "\"log\":\"main/ticks/3@9f2c\",\"pos\":18273640,\"data\":{\"symbol\":\"ETHUSDT\"}}" },
        { { TC_NOTICE_CONFIRMED, .room = { "r", 1 }, .pos = -1 },
          "{\"event\":\"subscription-confirmed\",\"room\":\"r\",\"log\":null,\"pos\":null}" },
        { { TC_NOTICE_CONFIRMED, .id = { "\"a\\\"b\"", 6 }, .room = { "r", 1 }, LOG, .pos = 0 },
          "{\"event\":\"subscription-confirmed\",\"id\":\"a\\\"b\",\"room\":\"r\","
          "\"log\":\"main/ticks/3@9f2c\",\"pos\":0}" },
        { { TC_NOTICE_RECOVERED, ID, ROOM, .from = 18273640, .to = 18273702, .count = 9 },
          "{\"event\":\"recovered\",\"id\":2,\"room\":\"ticker-ETHUSDT\",\"from\":18273640,"
          "\"to\":18273702,\"count\":9}" },
        { { TC_NOTICE_CANNOT_RECOVER, ID, ROOM, .from = 18273640, .to = -1, .reason = "retention" },
          "{\"event\":\"cannot-recover\",\"id\":2,\"room\":\"ticker-ETHUSDT\",\"from\":18273640,"
          "\"to\":null,\"reason\":\"retention\"}" },
        { { TC_NOTICE_CONFLATED, ROOM, .from = 1, .to = 2, .count = UINT64_MAX },
          "{\"event\":\"conflated\",\"room\":\"ticker-ETHUSDT\",\"from\":1,\"to\":2,"
          "\"skipped\":18446744073709551615}" },
        { { TC_NOTICE_GAP, ROOM, LOG, .from = -1, .to = 5, .reason = "oversize" },
          "{\"event\":\"gap\",\"room\":\"ticker-ETHUSDT\",\"log\":\"main/ticks/3@9f2c\","
          "\"from\":null,\"to\":5,\"reason\":\"oversize\"}" },
        { { TC_NOTICE_MOVED, ROOM, LOG, .pos = 99 },
          "{\"event\":\"moved\",\"room\":\"ticker-ETHUSDT\",\"log\":\"main/ticks/3@9f2c\","
          "\"pos\":null}" },
        { { TC_NOTICE_STALE, ROOM, .since_ms = 1723075260000 },
          "{\"event\":\"stale\",\"room\":\"ticker-ETHUSDT\",\"since\":1723075260000}" },
        { { TC_NOTICE_FRESH, ROOM }, "{\"event\":\"fresh\",\"room\":\"ticker-ETHUSDT\"}" },
        { { TC_NOTICE_UNSUBSCRIBED, .id = { "-1.50", 5 }, ROOM },
          "{\"event\":\"unsubscribed\",\"id\":-1.50,\"room\":\"ticker-ETHUSDT\"}" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        check_notice(&rows[i].notice, rows[i].want);
}

Test(ws_json, longest_notices)
{
    /* Goal: with everything at its maximum every kind fits TC_NOTICE_BYTES_MAX and is whole. */
    for (int kind = TC_NOTICE_CONFIRMED; kind <= TC_NOTICE_UNSUBSCRIBED; kind++) {
        struct tc_notice n = { .kind = (enum tc_notice_kind)kind, .id = id_of_max() };
        uint8_t *room = new_room(TC_NOTICE_BYTES_MAX);
        n.log = longest_of(TC_LOG_NAME_MAX);
        n.room = (struct tc_str){ longest, TC_ROOM_NAME_MAX };
        n.symbol = (struct tc_str){ longest, TC_ROOM_NAME_MAX };
        n.pos = n.from = n.to = n.since_ms = INT64_MAX;
        n.count = UINT64_MAX;
        n.reason = "incarnation";
        size_t len = tc_ws_json.notice(&n, room);
        cr_assert_leq(len, TC_NOTICE_BYTES_MAX);
        struct tc_str text = frame_text(room, len);
        cr_assert_not_null(memmem(text.ptr, text.len, longest, TC_ROOM_NAME_MAX));
        cr_assert_not_null(memmem(text.ptr, text.len, longest_id, sizeof(longest_id)));
        check_guard(room, TC_NOTICE_BYTES_MAX);
        free(room);
    }
}

Test(ws_json, notices_at_the_border_of_headers)
{
    /* Goal: a text of 125 bytes has a header of 2, one of 126 a header of 4. */
    bool seen[2] = { false, false };
    for (size_t len = 1; len <= TC_ROOM_NAME_MAX; len++) {
        struct tc_notice n = { .kind = TC_NOTICE_UNSUBSCRIBED, .room = longest_of(len) };
        char want[256];
        int text = snprintf(want, sizeof(want), "{\"event\":\"unsubscribed\",\"room\":\"%.*s\"}",
                            (int)len, longest);
        check_notice(&n, want);
        seen[0] |= text == 125;
        seen[1] |= text == 126;
    }
    cr_assert(seen[0] && seen[1]);
}

/* ---- replies ---- */

static void check_error(struct tc_str id, enum tc_code code, const char *message,
                        struct tc_str room, const char *want)
{
    uint8_t *out = new_room(TC_NOTICE_BYTES_MAX);
    check_text(out, tc_ws_json_error(out, id, code, message, room), want);
    check_guard(out, TC_NOTICE_BYTES_MAX);
    free(out);
}

Test(ws_json, errors)
{
    /* Goal: an error with and without id and room; an illegal room is escaped: quote, backslash,
     * line end, control character, bytes that are not UTF-8. */
    struct tc_str none = { NULL, 0 };
    check_error(TC_STR("5"), TC_CODE_ROOM_UNKNOWN, "no such room", TC_STR("x-1"),
                "{\"event\":\"error\",\"id\":5,\"code\":\"room-unknown\","
                "\"message\":\"no such room\",\"room\":\"x-1\"}");
    check_error(none, TC_CODE_BAD_REQUEST, "not JSON", none,
                "{\"event\":\"error\",\"code\":\"bad-request\",\"message\":\"not JSON\"}");
    check_error(none, TC_CODE_ROOM_ILLEGAL, "m", TC_STR(""),
                "{\"event\":\"error\",\"code\":\"room-illegal\",\"message\":\"m\",\"room\":\"\"}");
    check_error(none, TC_CODE_ROOM_ILLEGAL, "m", TC_STR("a\"b\\c\nd\x01\0\xff\xc3\xa9"),
                "{\"event\":\"error\",\"code\":\"room-illegal\",\"message\":\"m\","
                "\"room\":\"a\\\"b\\\\c\\nd\\u0001\\u0000\xef\xbf\xbd\xc3\xa9\"}");
}

Test(ws_json, room_of_an_error_is_cut)
{
    /* Goal: 64 KiB of room are cut at TC_ROOM_NAME_MAX bytes, also inside a character; the most
     * that an escape can make of that, with the longest id and message, still fits. */
    static char room[65536];
    char message[160];
    char want[TC_NOTICE_BYTES_MAX];
    struct tc_str whole = { room, sizeof(room) };
    memset(room, 'r', sizeof(room));
    snprintf(want, sizeof(want),
             "{\"event\":\"error\",\"code\":\"room-illegal\",\"message\":\"m\",\"room\":\"%.*s\"}",
             TC_ROOM_NAME_MAX, room);
    check_error((struct tc_str){ NULL, 0 }, TC_CODE_ROOM_ILLEGAL, "m", whole, want);
    memcpy(room + TC_ROOM_NAME_MAX - 1, "\xc3\xa9", 2);
    snprintf(want, sizeof(want),
             "{\"event\":\"error\",\"code\":\"room-illegal\",\"message\":\"m\","
             "\"room\":\"%.*s\xef\xbf\xbd\"}",
             TC_ROOM_NAME_MAX - 1, room);
    check_error((struct tc_str){ NULL, 0 }, TC_CODE_ROOM_ILLEGAL, "m", whole, want);
    memset(room, 1, sizeof(room));
    memset(message, 'm', sizeof(message));
    message[sizeof(message) - 1] = 0;
    uint8_t *out = new_room(TC_NOTICE_BYTES_MAX);
    size_t len = tc_ws_json_error(out, id_of_max(), TC_CODE_TOO_MANY_ROOMS, message, whole);
    cr_assert_leq(len, TC_NOTICE_BYTES_MAX);
    struct tc_str text = frame_text(out, len);
    cr_assert_gt(text.len, 6 * TC_ROOM_NAME_MAX + sizeof(message) + sizeof(longest_id));
    check_guard(out, TC_NOTICE_BYTES_MAX);
    free(out);
}

Test(ws_json, pong_and_draining)
{
    /* Goal: the replies that are of no room. */
    uint8_t out[TC_NOTICE_BYTES_MAX];
    check_text(out, tc_ws_json_pong(out, TC_STR("\"k\""), 1723075200123),
               "{\"event\":\"pong\",\"id\":\"k\",\"ts\":1723075200123}");
    check_text(out, tc_ws_json_pong(out, (struct tc_str){ NULL, 0 }, 0),
               "{\"event\":\"pong\",\"ts\":0}");
    check_text(out, tc_ws_json_draining(out, 1700),
               "{\"event\":\"draining\",\"reconnect_ms\":1700}");
    check_text(out, tc_ws_json_draining(out, UINT32_MAX),
               "{\"event\":\"draining\",\"reconnect_ms\":4294967295}");
    size_t len = tc_ws_json_pong(out, id_of_max(), INT64_MAX);
    frame_text(out, len);
}
