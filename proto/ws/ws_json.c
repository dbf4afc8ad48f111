// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/ws_json.h"

#include "core/base/fmt.h"
#include "proto/json/json.h"
#include "proto/ws/frame.h"

/* ---- text behind the place of a header ---- */

static uint8_t *put(uint8_t *p, const void *bytes, size_t len)
{
    memcpy(p, bytes, len);
    return p + len;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static uint8_t *put_str(uint8_t *p, struct tc_str s)
{
    return put(p, s.ptr, s.len);
}

static uint8_t *put_i64(uint8_t *p, int64_t value)
{
    return p + tc_fmt_i64((char *)p, value);
}

/* A position or time; null below 0. */
static uint8_t *put_or_null(uint8_t *p, int64_t value)
{
    return value < 0 ? PUT(p, "null") : put_i64(p, value);
}

static uint8_t *put_id(uint8_t *p, struct tc_str id)
{
    if (!id.ptr)
        return p;
    p = PUT(p, ",\"id\":");
    return put_str(p, id);
}

static uint8_t *put_room(uint8_t *p, struct tc_str room)
{
    p = PUT(p, ",\"room\":\"");
    p = put_str(p, room);
    *p = '"';
    return p + 1;
}

/* The longest header is kept free in front of short frames too; the text then moves down. */
enum { HEADER_ROOM = 4 };
_Static_assert(TC_NOTICE_BYTES_MAX <= UINT16_MAX, "a notice never needs the longest header");

static size_t end_notice(uint8_t *dst, const uint8_t *end)
{
    size_t len = (size_t)(end - (dst + HEADER_ROOM));
    size_t head = tc_ws_header_bytes(len);
    TC_ASSERT(len <= TC_NOTICE_BYTES_MAX - HEADER_ROOM);
    if (head != HEADER_ROOM)
        memmove(dst + head, dst + HEADER_ROOM, len);
    return tc_ws_header(dst, TC_WS_TEXT, len) + len;
}

/* ---- updates ---- */

/* The text before the payload. */
static size_t write_front(const struct tc_update *u, uint8_t *at)
{
    uint8_t *p = PUT(at, "{\"event\":\"");
    p = put_str(p, u->event);
    p = PUT(p, "\",\"room\":\"");
    p = put_str(p, u->room);
    p = PUT(p, "\",\"pos\":");
    p = put_i64(p, u->pos);
    p = PUT(p, ",\"prev\":");
    p = put_or_null(p, u->prev);
    p = PUT(p, ",\"ts\":");
    p = put_or_null(p, u->ts_ms);
    if (u->is_snapshot)
        p = PUT(p, ",\"snapshot\":true");
    p = PUT(p, ",\"data\":");
    return (size_t)(p - at);
}

enum {
    FRONT_MAX = TC_EVENT_NAME_MAX + TC_ROOM_NAME_MAX + 3 * TC_FMT_I64_MAX +
                (int)sizeof("{'event':'','room':'','pos':,'prev':,'ts':,'snapshot':true,'data':"),
};
_Static_assert(FRONT_MAX + TC_WS_HEADER_MAX + 1 + 4 <= TC_UPDATE_OVERHEAD_MAX,
               "header, front, null and brace fit beside the payload");

/* The length of the front decides how long the header is, and that where the front begins: it is
 * written behind a header of the likely size, and moved if that was wrong; the payload is copied
 * once. */
static size_t write_update(const struct tc_update *u, uint8_t *dst)
{
    size_t data_len = u->is_tombstone ? 4 : u->len;
    size_t guess = tc_ws_header_bytes(data_len + 100);
    size_t front = write_front(u, dst + guess);
    size_t len = front + data_len + 1;
    size_t head = tc_ws_header_bytes(len);
    if (head != guess)
        memmove(dst + head, dst + guess, front);
    tc_ws_header(dst, TC_WS_TEXT, len);
    uint8_t *p = dst + head + front;
    p = u->is_tombstone ? PUT(p, "null") : put(p, u->payload, u->len);
    *p = '}';
    return head + len;
}

/* ---- notices ---- */

static uint8_t *put_reason(uint8_t *p, const char *reason)
{
    p = PUT(p, ",\"reason\":\"");
    p = put(p, reason, strlen(reason));
    *p = '"';
    return p + 1;
}

static uint8_t *put_range(uint8_t *p, const struct tc_notice *n)
{
    p = PUT(p, ",\"from\":");
    p = put_or_null(p, n->from);
    p = PUT(p, ",\"to\":");
    return put_or_null(p, n->to);
}

static uint8_t *put_log(uint8_t *p, struct tc_str log)
{
    if (!log.ptr)
        return PUT(p, ",\"log\":null");
    p = PUT(p, ",\"log\":\"");
    p = put_str(p, log);
    *p = '"';
    return p + 1;
}

static uint8_t *put_confirmed(uint8_t *p, const struct tc_notice *n)
{
    p = put_log(p, n->log);
    p = PUT(p, ",\"pos\":");
    p = put_or_null(p, n->pos);
    if (!n->symbol.ptr)
        return p;
    p = PUT(p, ",\"data\":{\"symbol\":\"");
    p = put_str(p, n->symbol); /* part of a legal room name */
    return PUT(p, "\"}");
}

static uint8_t *put_count(uint8_t *p, const struct tc_notice *n)
{
    p = n->kind == TC_NOTICE_RECOVERED ? PUT(p, ",\"count\":") : PUT(p, ",\"skipped\":");
    return p + tc_fmt_u64((char *)p, n->count);
}

/* What follows event, id and room. */
static uint8_t *put_rest(uint8_t *p, const struct tc_notice *n)
{
    switch (n->kind) {
    case TC_NOTICE_CONFIRMED:
        return put_confirmed(p, n);
    case TC_NOTICE_RECOVERED:
    case TC_NOTICE_CONFLATED:
        return put_count(put_range(p, n), n);
    case TC_NOTICE_CANNOT_RECOVER:
        return put_reason(put_range(p, n), n->reason);
    case TC_NOTICE_GAP:
        return put_reason(put_range(put_log(p, n->log), n), n->reason);
    case TC_NOTICE_MOVED:
        return PUT(put_log(p, n->log), ",\"pos\":null");
    case TC_NOTICE_STALE:
        return put_i64(PUT(p, ",\"since\":"), n->since_ms);
    default:
        return p;
    }
}

static size_t write_notice(const struct tc_notice *n, uint8_t *dst)
{
    static const char *const events[] = {
        [TC_NOTICE_CONFIRMED] = "subscription-confirmed",
        [TC_NOTICE_RECOVERED] = "recovered",
        [TC_NOTICE_CANNOT_RECOVER] = "cannot-recover",
        [TC_NOTICE_CONFLATED] = "conflated",
        [TC_NOTICE_GAP] = "gap",
        [TC_NOTICE_MOVED] = "moved",
        [TC_NOTICE_STALE] = "stale",
        [TC_NOTICE_FRESH] = "fresh",
        [TC_NOTICE_UNSUBSCRIBED] = "unsubscribed",
    };
    const char *event = events[n->kind];
    uint8_t *p = PUT(dst + HEADER_ROOM, "{\"event\":\"");
    p = put(p, event, strlen(event));
    p = PUT(p, "\"");
    p = put_id(p, n->id);
    p = put_room(p, n->room);
    p = put_rest(p, n);
    return end_notice(dst, PUT(p, "}"));
}

const struct tc_dialect tc_ws_json = { "ws-json", TC_FORM_JSON, write_update, write_notice };

/* ---- replies that are not of a room ---- */

size_t tc_ws_json_error(uint8_t *dst, struct tc_str id, enum tc_code code, const char *message,
                        struct tc_str room)
{
    uint8_t *p = PUT(dst + HEADER_ROOM, "{\"event\":\"error\"");
    const char *text = tc_code_text(code);
    p = put_id(p, id);
    p = PUT(p, ",\"code\":\"");
    p = put(p, text, strlen(text));
    p = PUT(p, "\",\"message\":\"");
    p = put(p, message, strlen(message));
    p = PUT(p, "\"");
    if (room.ptr) {
        struct tc_str cut = { room.ptr, TC_MIN(room.len, (size_t)TC_ROOM_NAME_MAX) };
        p = PUT(p, ",\"room\":\"");
        p += tc_json_escape((char *)p, 6 * (size_t)TC_ROOM_NAME_MAX, cut);
        p = PUT(p, "\"");
    }
    return end_notice(dst, PUT(p, "}"));
}

size_t tc_ws_json_pong(uint8_t *dst, struct tc_str id, int64_t ts_ms)
{
    uint8_t *p = put_id(PUT(dst + HEADER_ROOM, "{\"event\":\"pong\""), id);
    p = put_i64(PUT(p, ",\"ts\":"), ts_ms);
    return end_notice(dst, PUT(p, "}"));
}

size_t tc_ws_json_draining(uint8_t *dst, uint32_t reconnect_ms)
{
    uint8_t *p = PUT(dst + HEADER_ROOM, "{\"event\":\"draining\",\"reconnect_ms\":");
    p = put_i64(p, reconnect_ms);
    return end_notice(dst, PUT(p, "}"));
}

const struct tc_words tc_ws_json_words = { tc_ws_json_error, tc_ws_json_pong, tc_ws_json_draining };
