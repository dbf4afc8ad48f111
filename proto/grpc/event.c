// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/event.h"

#include "proto/grpc/base64.h"
#include "proto/grpc/frame.h"
#include "proto/pb/wire.h"

/* Numbers of event.proto. */
enum {
    EVENT_UPDATE = 1,
    EVENT_CONFIRMED = 2,
    EVENT_RECOVERED = 3,
    EVENT_CANNOT_RECOVER = 4,
    EVENT_CONFLATED = 5,
    EVENT_GAP = 6,
    EVENT_MOVED = 7,
    EVENT_STALE = 8,
    EVENT_FRESH = 9,
    EVENT_UNSUBSCRIBED = 10,
    EVENT_PONG = 11,
    EVENT_DRAINING = 12,
    EVENT_ERROR = 13,
};

/* ---- fields; what is zero or empty is left out, unless its presence says something ---- */

static void put_text(struct tc_pb_out *out, uint32_t number, struct tc_str text)
{
    if (text.len > 0)
        tc_pb_put_bytes(out, number, text);
}

static void put_number(struct tc_pb_out *out, uint32_t number, uint64_t value)
{
    if (value == 0)
        return;
    tc_pb_put_tag(out, number, TC_PB_VARINT);
    tc_pb_put_varint(out, value);
}

/* A position or time that is absent below 0. */
static void put_optional(struct tc_pb_out *out, uint32_t number, int64_t value)
{
    if (value < 0)
        return;
    tc_pb_put_tag(out, number, TC_PB_VARINT);
    tc_pb_put_varint(out, (uint64_t)value);
}

/* ---- updates ---- */

/* What an update has beside its payload, at its longest; names are checked first, and what follows
 * is written without a look at the room that is left. */
enum {
    NAMES_MAX = TC_ROOM_NAME_MAX + TC_MESSAGE_NAME_MAX + TC_EVENT_NAME_MAX,
    FIELD_MAX = 1 + TC_PB_VARINT_MAX, /* tag, and value or length */
    FRONT_MAX = 9 * FIELD_MAX + NAMES_MAX,
    HEAD_MAX = TC_GRPC_PREFIX_BYTES + FIELD_MAX,
    NUMBERS_GUESS = 24, /* bytes of the front beside names, most often */
};
_Static_assert(HEAD_MAX + FRONT_MAX <= TC_UPDATE_OVERHEAD_MAX,
               "all but the payload fits beside it");

static inline uint8_t *write_number(uint8_t *p, uint32_t number, uint64_t value)
{
    return tc_pb_write_varint(tc_pb_write_tag(p, number, TC_PB_VARINT), value);
}

/* Of text or bytes all but these. */
static inline uint8_t *write_len(uint8_t *p, uint32_t number, size_t len)
{
    return tc_pb_write_varint(tc_pb_write_tag(p, number, TC_PB_BYTES), len);
}

static inline uint8_t *write_text(uint8_t *p, uint32_t number, struct tc_str text)
{
    if (text.len == 0)
        return p;
    p = write_len(p, number, text.len);
    memcpy(p, text.ptr, text.len);
    return p + text.len;
}

static size_t names_bytes(const struct tc_update *u)
{
    size_t bytes = u->room.len + u->type.len + u->event.len;
    TC_ASSERT(bytes <= NAMES_MAX);
    return bytes;
}

static uint32_t data_bytes(const struct tc_update *u)
{
    return u->is_tombstone ? 0 : u->len;
}

/* All that stands before the bytes of the payload, which come last. */
static uint8_t *write_front(const struct tc_update *u, uint8_t *p)
{
    p = write_text(p, 1, u->room);
    if (u->pos != 0)
        p = write_number(p, 2, (uint64_t)u->pos);
    if (u->prev >= 0)
        p = write_number(p, 3, (uint64_t)u->prev);
    if (u->ts_ms >= 0)
        p = write_number(p, 4, (uint64_t)u->ts_ms);
    if (u->is_snapshot)
        p = write_number(p, 5, 1);
    if (u->is_tombstone)
        p = write_number(p, 6, 1);
    p = write_text(p, 7, u->type);
    p = write_text(p, 9, u->event);
    return data_bytes(u) > 0 ? write_len(p, 8, u->len) : p;
}

static uint8_t *write_data(const struct tc_update *u, uint8_t *p)
{
    uint32_t len = data_bytes(u);
    if (len > 0)
        memcpy(p, u->payload, len);
    return p + len;
}

size_t tc_grpc_event_value(const struct tc_update *u, uint8_t *dst)
{
    names_bytes(u);
    return (size_t)(write_data(u, write_front(u, dst)) - dst);
}

/* The lengths stand first and depend on what follows: the front is written behind a length of the
 * likely size, and moved if that was wrong; the payload is copied once, to its place. */
static size_t write_update(const struct tc_update *u, uint8_t *dst)
{
    uint32_t data_len = data_bytes(u);
    size_t guess = names_bytes(u) + NUMBERS_GUESS + data_len < 0x80 ? 1 : 2;
    uint8_t *inner = dst + TC_GRPC_PREFIX_BYTES + 1;
    size_t front_len = (size_t)(write_front(u, inner + guess) - (inner + guess));
    size_t len = front_len + data_len;
    size_t len_bytes = tc_pb_varint_bytes(len);
    if (TC_UNLIKELY(len_bytes != guess))
        memmove(inner + len_bytes, inner + guess, front_len);
    tc_grpc_prefix(dst, false, (uint32_t)(1 + len_bytes + len));
    uint8_t *p = write_len(dst + TC_GRPC_PREFIX_BYTES, EVENT_UPDATE, len);
    return (size_t)(write_data(u, p + front_len) - dst);
}

/* ---- notices ---- */

/* So that a notice has room in every form. */
enum { NOTICE_MAX = (TC_NOTICE_BYTES_MAX - 3 * TC_GRPC_FORM_ROOM) / 4 * 3 };

struct notice {
    struct tc_pb_out out;
    uint8_t *mark;
};

static struct notice begin(uint8_t *dst, uint32_t number)
{
    struct notice n = { .out = tc_pb_out(dst + TC_GRPC_PREFIX_BYTES, NOTICE_MAX) };
    n.mark = tc_pb_open(&n.out, number);
    return n;
}

static size_t end(struct notice *n, uint8_t *dst)
{
    tc_pb_close(&n->out, n->mark);
    TC_ASSERT(!n->out.is_full);
    size_t len = (size_t)(n->out.at - dst) - TC_GRPC_PREFIX_BYTES;
    tc_grpc_prefix(dst, false, (uint32_t)len);
    return TC_GRPC_PREFIX_BYTES + len;
}

static void put_range(struct tc_pb_out *out, uint32_t number, const struct tc_notice *n)
{
    put_optional(out, number, n->from);
    put_optional(out, number + 1, n->to);
}

static void put_confirmed(struct tc_pb_out *out, const struct tc_notice *n)
{
    put_text(out, 1, n->id);
    put_text(out, 2, n->room);
    put_text(out, 3, n->log);
    put_optional(out, 4, n->pos);
    put_text(out, 5, n->symbol);
}

static void put_recovery(struct tc_pb_out *out, const struct tc_notice *n)
{
    put_text(out, 1, n->id);
    put_text(out, 2, n->room);
    put_number(out, 3, (uint64_t)n->from);
    if (n->kind == TC_NOTICE_RECOVERED) {
        put_number(out, 4, (uint64_t)n->to);
        put_number(out, 5, n->count);
    } else {
        put_optional(out, 4, n->to);
        put_text(out, 5, tc_str_from(n->reason));
    }
}

static void put_notice(struct tc_pb_out *out, const struct tc_notice *n)
{
    switch (n->kind) {
    case TC_NOTICE_CONFIRMED:
        put_confirmed(out, n);
        return;
    case TC_NOTICE_RECOVERED:
    case TC_NOTICE_CANNOT_RECOVER:
        put_recovery(out, n);
        return;
    case TC_NOTICE_UNSUBSCRIBED:
        put_text(out, 1, n->id);
        put_text(out, 2, n->room);
        return;
    default:
        put_text(out, 1, n->room);
        break;
    }
    switch (n->kind) {
    case TC_NOTICE_CONFLATED:
        put_range(out, 2, n);
        put_number(out, 4, n->count);
        break;
    case TC_NOTICE_GAP:
        put_text(out, 2, n->log);
        put_range(out, 3, n);
        put_text(out, 5, tc_str_from(n->reason));
        break;
    case TC_NOTICE_MOVED:
        put_text(out, 2, n->log);
        break;
    case TC_NOTICE_STALE:
        put_number(out, 2, (uint64_t)n->since_ms);
        break;
    default:
        break;
    }
}

static size_t write_notice(const struct tc_notice *n, uint8_t *dst)
{
    static const uint8_t numbers[] = {
        [TC_NOTICE_CONFIRMED] = EVENT_CONFIRMED,
        [TC_NOTICE_RECOVERED] = EVENT_RECOVERED,
        [TC_NOTICE_CANNOT_RECOVER] = EVENT_CANNOT_RECOVER,
        [TC_NOTICE_CONFLATED] = EVENT_CONFLATED,
        [TC_NOTICE_GAP] = EVENT_GAP,
        [TC_NOTICE_MOVED] = EVENT_MOVED,
        [TC_NOTICE_STALE] = EVENT_STALE,
        [TC_NOTICE_FRESH] = EVENT_FRESH,
        [TC_NOTICE_UNSUBSCRIBED] = EVENT_UNSUBSCRIBED,
    };
    struct notice w = begin(dst, numbers[n->kind]);
    put_notice(&w.out, n);
    return end(&w, dst);
}

/* ---- what sessions say ---- */

static size_t write_error(uint8_t *dst, struct tc_str id, enum tc_code code, const char *message,
                          struct tc_str room)
{
    char name[TC_ROOM_NAME_MAX];
    size_t len = room.ptr ? TC_MIN(room.len, sizeof(name)) : 0;
    for (size_t i = 0; i < len; i++)
        name[i] = room.ptr[i] >= ' ' && room.ptr[i] <= '~' ? room.ptr[i] : '?';
    struct notice w = begin(dst, EVENT_ERROR);
    put_text(&w.out, 1, id);
    put_text(&w.out, 2, tc_str_from(tc_code_text(code)));
    put_text(&w.out, 3, tc_str_from(message));
    put_text(&w.out, 4, (struct tc_str){ name, len });
    return end(&w, dst);
}

static size_t write_pong(uint8_t *dst, struct tc_str id, int64_t ts_ms)
{
    struct notice w = begin(dst, EVENT_PONG);
    put_text(&w.out, 1, id);
    put_number(&w.out, 2, (uint64_t)ts_ms);
    return end(&w, dst);
}

static size_t write_draining(uint8_t *dst, uint32_t reconnect_ms)
{
    struct notice w = begin(dst, EVENT_DRAINING);
    put_number(&w.out, 1, reconnect_ms);
    return end(&w, dst);
}

/* ---- forms ---- */

static size_t as_text(uint8_t *dst, size_t len)
{
    /* From the end of the room to its start: three bytes are read before four are written, so the
     * text never overtakes the bytes if these begin a third of their length behind it. */
    uint8_t *from = dst + len / 3 + TC_GRPC_FORM_ROOM;
    memmove(from, dst + TC_GRPC_FORM_ROOM, len);
    size_t chars = tc_grpc_base64_chars(len, true);
    size_t done = tc_grpc_base64_encode((char *)dst, chars, from, len, true);
    TC_ASSERT(done == chars);
    return chars;
}

static size_t as_chunk(uint8_t *dst, const uint8_t *bytes, size_t len)
{
    char head[TC_HTTP1_CHUNK_HEAD_MAX];
    size_t head_len = tc_http1_chunk_head(head, (uint32_t)len);
    memmove(dst + head_len, bytes, len);
    memcpy(dst, head, head_len);
    memcpy(dst + head_len + len, TC_HTTP1_CRLF, 2);
    return head_len + len + 2;
}

size_t tc_grpc_form_put(enum tc_grpc_form form, uint8_t *dst, size_t len)
{
    switch (form) {
    case TC_GRPC_TEXT:
        return as_text(dst, len);
    case TC_GRPC_CHUNK:
        return as_chunk(dst, dst + TC_GRPC_FORM_ROOM, len);
    case TC_GRPC_TEXT_CHUNK:
        return as_chunk(dst, dst, as_text(dst, len));
    default:
        memmove(dst, dst + TC_GRPC_FORM_ROOM, len);
        return len;
    }
}

#define FORM(name, form)                                                                           \
    static size_t update_##name(const struct tc_update *u, uint8_t *dst)                           \
    {                                                                                              \
        return tc_grpc_form_put(form, dst, write_update(u, dst + TC_GRPC_FORM_ROOM));              \
    }                                                                                              \
    static size_t notice_##name(const struct tc_notice *n, uint8_t *dst)                           \
    {                                                                                              \
        return tc_grpc_form_put(form, dst, write_notice(n, dst + TC_GRPC_FORM_ROOM));              \
    }                                                                                              \
    static size_t error_##name(uint8_t *dst, struct tc_str id, enum tc_code code,                  \
                               const char *message, struct tc_str room)                            \
    {                                                                                              \
        return tc_grpc_form_put(form, dst,                                                         \
                                write_error(dst + TC_GRPC_FORM_ROOM, id, code, message, room));    \
    }                                                                                              \
    static size_t pong_##name(uint8_t *dst, struct tc_str id, int64_t ts_ms)                       \
    {                                                                                              \
        return tc_grpc_form_put(form, dst, write_pong(dst + TC_GRPC_FORM_ROOM, id, ts_ms));        \
    }                                                                                              \
    static size_t draining_##name(uint8_t *dst, uint32_t reconnect_ms)                             \
    {                                                                                              \
        return tc_grpc_form_put(form, dst, write_draining(dst + TC_GRPC_FORM_ROOM, reconnect_ms)); \
    }
FORM(text, TC_GRPC_TEXT)
FORM(chunk, TC_GRPC_CHUNK)
FORM(text_chunk, TC_GRPC_TEXT_CHUNK)

const struct tc_dialect tc_grpc_events[TC_GRPC_FORM_CNT] = {
    [TC_GRPC_PLAIN] = { "grpc", TC_FORM_PROTOBUF, write_update, write_notice },
    [TC_GRPC_TEXT] = { "grpc-text", TC_FORM_PROTOBUF, update_text, notice_text },
    [TC_GRPC_CHUNK] = { "grpc-web", TC_FORM_PROTOBUF, update_chunk, notice_chunk },
    [TC_GRPC_TEXT_CHUNK] = { "grpc-web-text", TC_FORM_PROTOBUF, update_text_chunk,
                             notice_text_chunk },
};

const struct tc_words tc_grpc_words[TC_GRPC_FORM_CNT] = {
    [TC_GRPC_PLAIN] = { write_error, write_pong, write_draining },
    [TC_GRPC_TEXT] = { error_text, pong_text, draining_text },
    [TC_GRPC_CHUNK] = { error_chunk, pong_chunk, draining_chunk },
    [TC_GRPC_TEXT_CHUNK] = { error_text_chunk, pong_text_chunk, draining_text_chunk },
};
