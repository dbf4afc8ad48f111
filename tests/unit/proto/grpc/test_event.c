// SPDX-License-Identifier: Apache-2.0
/* Goal: every event of the vocabulary is, in protobuf, what the JSON dialect says of it, in one
 * whole message with its prefix, within the bounds that fan-out reserves for it. */
#include "proto/grpc/event.h"

#include "proto/pb/wire.h"
#include "tests/unit/proto/grpc/event_json.h"

enum { GUARD_BYTES = 64, GUARD = 0xa5, PAYLOAD_MAX = 70000, TEXT_MAX = 80000 };

static char longest[512];

static struct tc_str longest_of(size_t len)
{
    memset(longest, 'x', sizeof(longest));
    return (struct tc_str){ longest, len };
}

static uint8_t *new_room(size_t bytes)
{
    uint8_t *room = malloc(bytes + GUARD_BYTES);
    memset(room, GUARD, bytes + GUARD_BYTES);
    return room;
}

static void check_guard(const uint8_t *room, size_t bytes)
{
    for (size_t i = 0; i < GUARD_BYTES; i++)
        cr_assert_eq(room[bytes + i], GUARD, "byte %zu behind the room was written", i);
}

/* One message with its prefix. */
static struct tc_str message_of(const uint8_t *bytes, size_t len)
{
    cr_assert_geq(len, 5);
    size_t told =
        (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
    cr_assert(bytes[0] == 0 && told == len - 5, "prefix");
    return (struct tc_str){ (const char *)bytes + 5, told };
}

static void check(const uint8_t *bytes, size_t len, const char *want)
{
    static char text[TEXT_MAX];
    ej_event(text, sizeof(text), message_of(bytes, len));
    cr_assert_str_eq(text, want);
}

static void check_notice(const struct tc_notice *n, const char *want)
{
    uint8_t *room = new_room(TC_NOTICE_BYTES_MAX);
    check(room, tc_grpc_events[TC_GRPC_PLAIN].notice(n, room), want);
    check_guard(room, TC_NOTICE_BYTES_MAX);
    free(room);
}

static void check_update(const struct tc_update *u, const char *want)
{
    static char text[TEXT_MAX];
    struct tc_str type;
    size_t bytes = u->len + (size_t)TC_UPDATE_OVERHEAD_MAX;
    uint8_t *room = new_room(bytes);
    size_t len = tc_grpc_events[TC_GRPC_PLAIN].update(u, room);
    cr_assert_leq(len, bytes);
    check(room, len, want);
    check_guard(room, bytes);
    free(room);
    room = new_room(bytes);
    len = tc_grpc_event_value(u, room);
    ej_update(text, sizeof(text), (struct tc_str){ (const char *)room, len }, &type);
    cr_assert_str_eq(text, want);
    cr_assert(tc_str_eq(type, u->type));
    check_guard(room, bytes);
    free(room);
}

/* ---- updates ---- */

static struct tc_update update_of(const char *payload)
{
    return (struct tc_update){
        .event = TC_STR("tick"),
        .room = TC_STR("t-A"),
        .pos = 300,
        .prev = 0,
        .ts_ms = -1,
        .type = TC_STR(""),
        .payload = payload,
        .len = (uint32_t)strlen(payload),
    };
}

Test(grpc_event, bytes_of_an_update)
{
    /* Goal: all bytes of a message, written down once by hand. */
    static const char want[] = "\0\0\0\0\x17"
                               "\x0a\x15"
                               "\x0a\x03t-A"
                               "\x10\xac\x02"
                               "\x18\0"
                               "\x28\1"
                               "\x4a\x04tick"
                               "\x42\0017";
    uint8_t room[TC_UPDATE_OVERHEAD_MAX + 1];
    struct tc_update u = update_of("7");
    u.is_snapshot = true;
    size_t len = tc_grpc_events[TC_GRPC_PLAIN].update(&u, room);
    cr_assert_eq(len, sizeof(want) - 1, "%zu", len);
    cr_assert_arr_eq(room, want, len);
}

Test(grpc_event, updates)
{
    /* Goal: optional members, snapshot, tombstone, type, positions of any size. */
    struct tc_update u = update_of("{\"p\":1}");
    check_update(&u, "{\"event\":\"tick\",\"room\":\"t-A\",\"pos\":300,\"prev\":0,\"ts\":null,"
                     "\"data\":{\"p\":1}}");
    u.pos = 0;
    u.prev = -1;
    u.ts_ms = 0;
    u.is_snapshot = true;
    u.type = TC_STR("jts.marketdata.v1.Tick");
    check_update(&u, "{\"event\":\"tick\",\"room\":\"t-A\",\"pos\":0,\"prev\":null,\"ts\":0,"
                     "\"snapshot\":true,\"data\":{\"p\":1}}");
    u.pos = INT64_MAX;
    u.prev = INT64_MAX - 1;
    u.ts_ms = 1723075200150;
    u.is_snapshot = false;
    u.is_tombstone = true;
    check_update(&u, "{\"event\":\"tick\",\"room\":\"t-A\",\"pos\":9223372036854775807,"
                     "\"prev\":9223372036854775806,\"ts\":1723075200150,\"data\":null}");
    u = update_of("");
    check_update(&u, "{\"event\":\"tick\",\"room\":\"t-A\",\"pos\":300,\"prev\":0,\"ts\":null,"
                     "\"data\":}");
}

Test(grpc_event, updates_of_every_length)
{
    /* Goal: payloads around each border of a length's varint; both lengths are right. */
    static char payload[PAYLOAD_MAX];
    static char want[TEXT_MAX];
    memset(payload, 'p', sizeof(payload));
    for (uint32_t len = 0; len <= 66000;
         len += len < 300 || (len > 16300 && len < 16400) ? 1 : 97) {
        struct tc_update u = update_of("");
        u.payload = payload;
        u.len = len;
        snprintf(want, sizeof(want),
                 "{\"event\":\"tick\",\"room\":\"t-A\",\"pos\":300,\"prev\":0,\"ts\":null,"
                 "\"data\":%.*s}",
                 (int)len, payload);
        check_update(&u, want);
    }
}

/* The slow way: field by field through a cursor. */
static size_t slow_update(const struct tc_update *u, uint8_t *dst, size_t cap)
{
    struct tc_pb_out out = tc_pb_out(dst + 5, cap - 5);
    uint8_t *mark = tc_pb_open(&out, 1);
    const int64_t numbers[] = { u->pos ? u->pos : -1, u->prev, u->ts_ms, u->is_snapshot ? 1 : -1,
                                u->is_tombstone ? 1 : -1 };
    tc_pb_put_bytes(&out, 1, u->room);
    for (uint32_t i = 0; i < TC_ARRAY_CNT(numbers); i++) {
        if (numbers[i] < 0)
            continue;
        tc_pb_put_tag(&out, 2 + i, TC_PB_VARINT);
        tc_pb_put_varint(&out, (uint64_t)numbers[i]);
    }
    if (u->type.len > 0)
        tc_pb_put_bytes(&out, 7, u->type);
    tc_pb_put_bytes(&out, 9, u->event);
    if (!u->is_tombstone && u->len > 0)
        tc_pb_put_bytes(&out, 8, (struct tc_str){ u->payload, u->len });
    tc_pb_close(&out, mark);
    cr_assert(!out.is_full);
    size_t len = (size_t)(out.at - dst) - 5;
    for (unsigned i = 0; i < 5; i++)
        dst[i] = (uint8_t)(len >> (32 - 8 * i));
    return len + 5;
}

Test(grpc_event, updates_as_the_slow_way_writes_them)
{
    /* Goal: byte for byte, whether the length is as long as was guessed, longer or shorter. */
    enum { DATA_MAX = 17000, CAP = DATA_MAX + TC_UPDATE_OVERHEAD_MAX };
    static const int64_t numbers[] = {
        -1, 0, 1, 127, 128, 1 << 14, (1 << 28), 1ll << 56, INT64_MAX
    };
    static const size_t types[] = { 0, 1, 127, 128, 256 };
    static uint8_t payload[DATA_MAX], got[CAP], want[CAP];
    uint32_t row = 0;
    memset(payload, 'p', sizeof(payload));
    for (uint32_t len = 0; len <= DATA_MAX; len += len < 300 || len > 15900 ? 1 : 311) {
        for (size_t n = 0; n < TC_ARRAY_CNT(numbers); n++, row++) {
            struct tc_update u = update_of("");
            u.type = longest_of(types[row % TC_ARRAY_CNT(types)]);
            u.pos = TC_MAX(numbers[n], 0);
            u.prev = numbers[(n + len) % TC_ARRAY_CNT(numbers)];
            u.ts_ms = numbers[n];
            u.is_snapshot = row % 2 == 0;
            u.is_tombstone = row % 11 == 0;
            u.payload = payload;
            u.len = len;
            size_t want_len = slow_update(&u, want, sizeof(want));
            cr_assert_eq(tc_grpc_events[TC_GRPC_PLAIN].update(&u, got), want_len);
            cr_assert_arr_eq(got, want, want_len);
        }
    }
}

Test(grpc_event, longest_update)
{
    /* Goal: with everything at its maximum it stays within TC_UPDATE_OVERHEAD_MAX. */
    static uint8_t payload[TC_EVENT_BYTES_MAX];
    struct tc_update u = update_of("");
    memset(payload, 'p', sizeof(payload));
    u.room = longest_of(TC_ROOM_NAME_MAX);
    u.event = longest_of(TC_EVENT_NAME_MAX);
    u.type = longest_of(256);
    u.pos = u.prev = u.ts_ms = INT64_MAX;
    u.is_snapshot = true;
    u.payload = payload;
    u.len = sizeof(payload);
    uint8_t *room = new_room(sizeof(payload) + TC_UPDATE_OVERHEAD_MAX);
    size_t len = tc_grpc_events[TC_GRPC_PLAIN].update(&u, room);
    check_guard(room, sizeof(payload) + TC_UPDATE_OVERHEAD_MAX);
    struct ej_msg outer = ej_read(message_of(room, len));
    struct ej_msg msg = ej_read(outer.fields[1].text);
    cr_assert_eq(msg.fields[8].text.len, sizeof(payload));
    cr_assert_arr_eq(msg.fields[8].text.ptr, payload, sizeof(payload));
    cr_assert_eq(msg.fields[1].text.len, TC_ROOM_NAME_MAX);
    cr_assert_eq(msg.fields[7].text.len, 256);
    free(room);
}

/* ---- notices ---- */

#define ID .id = { "k\"2", 3 }
#define ROOM .room = { "ticker-ETHUSDT", 14 }
#define LOG .log = { "main/ticks/3@9f2c", 17 }

Test(grpc_event, notices)
{
    /* Goal: every kind, with and without its optional parts. */
    static const struct {
        struct tc_notice notice;
        const char *want;
    } rows[] = {
        { { TC_NOTICE_CONFIRMED, ID, ROOM, LOG, .symbol = { "ETHUSDT", 7 }, .pos = 18273640 },
          "{\"event\":\"subscription-confirmed\",\"id\":\"k\"2\",\"room\":\"ticker-ETHUSDT\","
          "\"log\":\"main/ticks/3@9f2c\",\"pos\":18273640,\"data\":{\"symbol\":\"ETHUSDT\"}}" },
        { { TC_NOTICE_CONFIRMED, .room = { "r", 1 }, .pos = -1 },
          "{\"event\":\"subscription-confirmed\",\"room\":\"r\",\"log\":null,\"pos\":null}" },
        { { TC_NOTICE_CONFIRMED, .room = { "r", 1 }, LOG, .pos = 0 },
          "{\"event\":\"subscription-confirmed\",\"room\":\"r\",\"log\":\"main/ticks/3@9f2c\","
          "\"pos\":0}" },
        { { TC_NOTICE_RECOVERED, ID, ROOM, .from = 18273640, .to = 18273702, .count = 9 },
          "{\"event\":\"recovered\",\"id\":\"k\"2\",\"room\":\"ticker-ETHUSDT\",\"from\":18273640,"
          "\"to\":18273702,\"count\":9}" },
        { { TC_NOTICE_RECOVERED, ROOM, .from = 0, .to = 0, .count = 0 },
          "{\"event\":\"recovered\",\"room\":\"ticker-ETHUSDT\",\"from\":0,\"to\":0,\"count\":0}" },
        { { TC_NOTICE_CANNOT_RECOVER, ID, ROOM, .from = 18273640, .to = -1, .reason = "retention" },
          "{\"event\":\"cannot-recover\",\"id\":\"k\"2\",\"room\":\"ticker-ETHUSDT\","
          "\"from\":18273640,\"to\":null,\"reason\":\"retention\"}" },
        { { TC_NOTICE_CANNOT_RECOVER, ROOM, .from = 0, .to = 0, .reason = "ahead" },
          "{\"event\":\"cannot-recover\",\"room\":\"ticker-ETHUSDT\",\"from\":0,\"to\":0,"
          "\"reason\":\"ahead\"}" },
        { { TC_NOTICE_CONFLATED, ROOM, .from = 1, .to = 2, .count = UINT64_MAX },
          "{\"event\":\"conflated\",\"room\":\"ticker-ETHUSDT\",\"from\":1,\"to\":2,"
          "\"skipped\":18446744073709551615}" },
        { { TC_NOTICE_CONFLATED, ROOM, .from = -1, .to = -1, .count = 1 },
          "{\"event\":\"conflated\",\"room\":\"ticker-ETHUSDT\",\"from\":null,\"to\":null,"
          "\"skipped\":1}" },
        { { TC_NOTICE_GAP, ROOM, LOG, .from = -1, .to = 5, .reason = "oversize" },
          "{\"event\":\"gap\",\"room\":\"ticker-ETHUSDT\",\"log\":\"main/ticks/3@9f2c\","
          "\"from\":null,\"to\":5,\"reason\":\"oversize\"}" },
        { { TC_NOTICE_GAP, ROOM, LOG, .from = 0, .to = -1, .reason = "recreated" },
          "{\"event\":\"gap\",\"room\":\"ticker-ETHUSDT\",\"log\":\"main/ticks/3@9f2c\","
          "\"from\":0,\"to\":null,\"reason\":\"recreated\"}" },
        { { TC_NOTICE_MOVED, ROOM, LOG, .pos = 99 },
          "{\"event\":\"moved\",\"room\":\"ticker-ETHUSDT\",\"log\":\"main/ticks/3@9f2c\","
          "\"pos\":null}" },
        { { TC_NOTICE_STALE, ROOM, .since_ms = 1723075260000 },
          "{\"event\":\"stale\",\"room\":\"ticker-ETHUSDT\",\"since\":1723075260000}" },
        { { TC_NOTICE_FRESH, ROOM }, "{\"event\":\"fresh\",\"room\":\"ticker-ETHUSDT\"}" },
        { { TC_NOTICE_UNSUBSCRIBED, ID, ROOM },
          "{\"event\":\"unsubscribed\",\"id\":\"k\"2\",\"room\":\"ticker-ETHUSDT\"}" },
        { { TC_NOTICE_UNSUBSCRIBED, ROOM },
          "{\"event\":\"unsubscribed\",\"room\":\"ticker-ETHUSDT\"}" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        check_notice(&rows[i].notice, rows[i].want);
}

Test(grpc_event, bytes_of_a_notice)
{
    /* Goal: all bytes of one, by hand. */
    static const char want[] = "\0\0\0\0\x0b\x2a\x09\x0a\1r\x10\0\x18\2\x20\1";
    uint8_t room[TC_NOTICE_BYTES_MAX];
    struct tc_notice n = { TC_NOTICE_CONFLATED, .room = { "r", 1 }, .from = 0, .to = 2,
                           .count = 1 };
    cr_assert_eq(tc_grpc_events[TC_GRPC_PLAIN].notice(&n, room), sizeof(want) - 1);
    cr_assert_arr_eq(room, want, sizeof(want) - 1);
}

Test(grpc_event, longest_notices)
{
    /* Goal: with everything at its maximum every kind fits TC_NOTICE_BYTES_MAX and is whole. */
    for (int kind = TC_NOTICE_CONFIRMED; kind <= TC_NOTICE_UNSUBSCRIBED; kind++) {
        char text[2 * TC_NOTICE_BYTES_MAX];
        struct tc_notice n = { .kind = (enum tc_notice_kind)kind };
        uint8_t *room = new_room(TC_NOTICE_BYTES_MAX);
        n.id = longest_of(TC_CMD_ID_MAX);
        n.log = longest_of(TC_LOG_NAME_MAX);
        n.room = n.symbol = longest_of(TC_ROOM_NAME_MAX);
        n.pos = n.from = n.to = n.since_ms = INT64_MAX;
        n.count = UINT64_MAX;
        n.reason = "incarnation";
        size_t len = tc_grpc_events[TC_GRPC_PLAIN].notice(&n, room);
        cr_assert_leq(len, TC_NOTICE_BYTES_MAX);
        check_guard(room, TC_NOTICE_BYTES_MAX);
        ej_event(text, sizeof(text), message_of(room, len));
        cr_assert_not_null(memmem(text, sizeof(text), longest, TC_ROOM_NAME_MAX));
        free(room);
    }
}

Test(grpc_event, rooms_of_every_length)
{
    /* Goal: a content of 127 bytes has a length of one byte, one of 128 a length of two. */
    for (size_t len = 1; len <= TC_ROOM_NAME_MAX; len++) {
        char want[256];
        struct tc_notice n = { .kind = TC_NOTICE_UNSUBSCRIBED, .room = longest_of(len) };
        snprintf(want, sizeof(want), "{\"event\":\"unsubscribed\",\"room\":\"%.*s\"}", (int)len,
                 longest);
        check_notice(&n, want);
    }
}

/* ---- what sessions say ---- */

static const struct tc_str none = { NULL, 0 };

static void check_error(struct tc_str id, enum tc_code code, const char *message,
                        struct tc_str room, const char *want)
{
    uint8_t *out = new_room(TC_NOTICE_BYTES_MAX);
    check(out, tc_grpc_words[TC_GRPC_PLAIN].error(out, id, code, message, room), want);
    check_guard(out, TC_NOTICE_BYTES_MAX);
    free(out);
}

Test(grpc_event, errors)
{
    /* Goal: with and without id and room; a room of any bytes is valid text afterwards, and cut. */
    static char long_room[70000];
    char want[512];
    check_error(TC_STR("5"), TC_CODE_ROOM_UNKNOWN, "no such room", TC_STR("x-1"),
                "{\"event\":\"error\",\"id\":\"5\",\"code\":\"room-unknown\","
                "\"message\":\"no such room\",\"room\":\"x-1\"}");
    check_error(none, TC_CODE_BAD_REQUEST, "m", none,
                "{\"event\":\"error\",\"code\":\"bad-request\",\"message\":\"m\"}");
    check_error(none, TC_CODE_ROOM_ILLEGAL, "m", TC_STR("a\"b\\c\nd\x01\0\xff\xc3\xa9~\x7f "),
                "{\"event\":\"error\",\"code\":\"room-illegal\",\"message\":\"m\","
                "\"room\":\"a\"b\\c?d?\?\?\?\?~? \"}");
    memset(long_room, 'r', sizeof(long_room));
    snprintf(want, sizeof(want),
             "{\"event\":\"error\",\"code\":\"room-illegal\",\"message\":\"m\",\"room\":\"%.*s\"}",
             TC_ROOM_NAME_MAX, long_room);
    check_error(none, TC_CODE_ROOM_ILLEGAL, "m", (struct tc_str){ long_room, sizeof(long_room) },
                want);
}

Test(grpc_event, longest_error)
{
    /* Goal: with every code, the longest id, message and room it fits. */
    char message[160];
    memset(message, 'm', sizeof(message));
    message[sizeof(message) - 1] = 0;
    for (int code = 0; code < TC_CODE_CNT; code++) {
        uint8_t *out = new_room(TC_NOTICE_BYTES_MAX);
        size_t len =
            tc_grpc_words[TC_GRPC_PLAIN].error(out, longest_of(TC_CMD_ID_MAX), (enum tc_code)code,
                                               message, longest_of(TC_ROOM_NAME_MAX + 1));
        struct ej_msg outer = ej_read(message_of(out, len));
        struct ej_msg msg = ej_read(outer.fields[13].text);
        cr_assert(tc_str_eq(msg.fields[2].text, tc_str_from(tc_code_text((enum tc_code)code))));
        cr_assert_eq(msg.fields[1].text.len, TC_CMD_ID_MAX);
        cr_assert_eq(msg.fields[3].text.len, sizeof(message) - 1);
        cr_assert_eq(msg.fields[4].text.len, TC_ROOM_NAME_MAX);
        check_guard(out, TC_NOTICE_BYTES_MAX);
        free(out);
    }
}

Test(grpc_event, pong_and_draining)
{
    /* Goal: the replies that are of no room. */
    uint8_t out[TC_NOTICE_BYTES_MAX];
    check(out, tc_grpc_words[TC_GRPC_PLAIN].pong(out, TC_STR("k"), 1723075200123),
          "{\"event\":\"pong\",\"id\":\"k\",\"ts\":1723075200123}");
    check(out, tc_grpc_words[TC_GRPC_PLAIN].pong(out, none, 0), "{\"event\":\"pong\",\"ts\":0}");
    check(out, tc_grpc_words[TC_GRPC_PLAIN].draining(out, 1700),
          "{\"event\":\"draining\",\"reconnect_ms\":1700}");
    check(out, tc_grpc_words[TC_GRPC_PLAIN].draining(out, 0),
          "{\"event\":\"draining\",\"reconnect_ms\":0}");
    check(out, tc_grpc_words[TC_GRPC_PLAIN].draining(out, UINT32_MAX),
          "{\"event\":\"draining\",\"reconnect_ms\":4294967295}");
}
