// SPDX-License-Identifier: Apache-2.0
/* The engine's gRPC: the bytes of one HTTP/2 connection (RFC 9113) whose calls are subscriptions.
 * Windows are so large that none is opened again during a run; pings and settings are answered. */
#include <stdio.h>

#include "core/mem/mem.h"
#include "proto/pb/wire.h"
#include "tools/bench/load.h"

enum { FRAME_HEAD = 9, PREFIX = 5, ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { DATA, HEADERS, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { CANCEL = 8, FRAME_MAX = 16384, PART_MAX = 1024 * 1024 };
enum { UPDATE_ROOM = 1, UPDATE_POS = 2, UPDATE_PREV = 3, UPDATE_VALUE = 8 };
enum { EVENT_UPDATE = 1, EVENT_CONFIRMED = 2, EVENT_CONFLATED = 5, EVENT_GAP = 6 };

static const char path[] = "/jts.marketdata.v1.MarketDataService/Subscribe";

struct state {
    uint32_t call_cnt; /* calls so far; that of call i is stream 2 i + 1 */
    uint32_t part_len, part_cap;
    char *part; /* a message in several frames */
};

static void put_head(struct tc_pb_out *out, size_t len, uint8_t type, uint8_t flags, uint32_t id)
{
    const uint8_t head[FRAME_HEAD] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id
    };
    tc_pb_put(out, head, sizeof(head));
}

/* Text with its length, as HPACK has it without Huffman's code (RFC 7541, 5.2 and 5.1). */
static void put_text(struct tc_pb_out *out, const char *text)
{
    size_t len = strlen(text);
    if (len < 127) {
        tc_pb_put_byte(out, (uint8_t)len);
    } else {
        tc_pb_put_byte(out, 127);
        tc_pb_put_varint(out, len - 127);
    }
    tc_pb_put(out, text, len);
}

static void send_out(struct tc_load *load, struct tc_load_conn *c, const uint8_t *bytes,
                     const struct tc_pb_out *out)
{
    TC_ASSERT(!out->is_full);
    tc_load_write(load, c, bytes, (size_t)(out->at - bytes));
}

static void hello(struct tc_load *load, struct tc_load_conn *c)
{
    /* SETTINGS_INITIAL_WINDOW_SIZE, and what the connection's window lacks, make 2^31-1 of both */
    static const uint8_t settings[] = { 0, 4, 0x7F, 0xFF, 0xFF, 0xFF };
    static const uint8_t increment[] = { 0x7F, 0xFF, 0, 0 };
    uint8_t bytes[128];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    tc_pb_put(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    put_head(&out, sizeof(settings), SETTINGS, 0, 0);
    tc_pb_put(&out, settings, sizeof(settings));
    put_head(&out, sizeof(increment), WINDOW_UPDATE, 0, 0);
    tc_pb_put(&out, increment, sizeof(increment));
    send_out(load, c, bytes, &out);
}

/* One call that asks for all of them. */
static void subscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t first, uint32_t cnt)
{
    enum { REQUEST_MAX = TC_LOAD_FOLLOW_MAX * (TC_LOAD_NAME_MAX + 3) };
    static uint8_t request[REQUEST_MAX];
    static uint8_t bytes[REQUEST_MAX + 4096];
    uint8_t fields[1024];
    struct state *s = tc_load_state(load, c);
    uint32_t id = 2 * s->call_cnt++ + 1;
    s->part_len *= !c->is_churn; /* of the call before, which was cut off */
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    struct tc_pb_out f = tc_pb_out(fields, sizeof(fields));
    struct tc_pb_out r = tc_pb_out(request, sizeof(request));
    /* POST and the scheme by their index; then literals of RFC 7541, 6.2.2: the path, */
    tc_pb_put(&f, load->conf->is_tls ? "\x83\x87\x04" : "\x83\x86\x04", 3);
    put_text(&f, path);
    tc_pb_put_byte(&f, 0x01); /* the authority, */
    put_text(&f, tc_load_host(load));
    tc_pb_put(&f, "\x0F\x10", 2); /* the content-type, */
    put_text(&f, "application/grpc");
    tc_pb_put_byte(&f, 0x00); /* and one by name */
    put_text(&f, "te");
    put_text(&f, "trailers");
    TC_ASSERT(!f.is_full);
    for (uint32_t sub = first; sub < first + cnt; sub++) {
        char name[TC_LOAD_NAME_MAX + 1];
        size_t len = tc_load_room_name(load, c, sub, name, sizeof(name));
        tc_pb_put_bytes(&r, 1, (struct tc_str){ name, len });
    }
    TC_ASSERT(!r.is_full);
    size_t len = (size_t)(r.at - request);
    const uint8_t prefix[PREFIX] = { 0, 0, (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                                     (uint8_t)len };
    put_head(&out, (size_t)(f.at - fields), HEADERS, END_HEADERS, id);
    tc_pb_put(&out, fields, (size_t)(f.at - fields));
    put_head(&out, PREFIX, DATA, 0, id);
    tc_pb_put(&out, prefix, PREFIX);
    for (size_t at = 0; at < len; at += FRAME_MAX) {
        size_t part = TC_MIN(len - at, (size_t)FRAME_MAX);
        put_head(&out, part, DATA, at + part == len ? END_STREAM : 0, id);
        tc_pb_put(&out, request + at, part);
    }
    send_out(load, c, bytes, &out);
}

/* The newest call ends. */
static void unsubscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t sub)
{
    const struct state *s = tc_load_state(load, c);
    uint8_t bytes[FRAME_HEAD + 4];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    (void)sub;
    put_head(&out, 4, RST_STREAM, 0, 2 * s->call_cnt - 1);
    tc_pb_put(&out, (const uint8_t[]){ 0, 0, 0, CANCEL }, 4);
    send_out(load, c, bytes, &out);
    tc_load_left(load, c);
}

static void on_settings(struct tc_load *load, struct tc_load_conn *c)
{
    uint8_t bytes[FRAME_HEAD];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    put_head(&out, 0, SETTINGS, ACK, 0);
    send_out(load, c, bytes, &out);
    if (c->state == TC_LOAD_OPEN)
        return;
    c->state = TC_LOAD_OPEN;
    tc_load_greeted(load, c);
}

static void on_update(struct tc_load *load, struct tc_load_conn *c, struct tc_str update)
{
    struct tc_pb_in in = tc_pb_in(update);
    struct tc_pb_item item;
    struct tc_str value = { "", 0 };
    struct tc_str room = { "", 0 };
    int64_t pos = 0;
    int64_t prev = TC_LOAD_NULL;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (item.number == UPDATE_ROOM)
            room = item.bytes;
        else if (item.number == UPDATE_POS)
            pos = (int64_t)item.value;
        else if (item.number == UPDATE_PREV)
            prev = (int64_t)item.value;
        else if (item.number == UPDATE_VALUE)
            value = item.bytes;
    }
    uint32_t sub = tc_load_sub_of(load, c, room.ptr, room.len);
    if (rc < 0 || sub == TC_NONE)
        tc_load_unexpected(load, c, "an update of no room of its connection", 38);
    else
        tc_load_update_at(load, c, sub, pos, prev, value.ptr, value.len);
}

/* Conflated and Gap: room, to and, in the first, how many. */
static void on_skipped(struct tc_load *load, struct tc_load_conn *c, struct tc_str notice,
                       bool is_gap)
{
    struct tc_pb_in in = tc_pb_in(notice);
    struct tc_pb_item item;
    uint32_t sub = TC_NONE;
    int64_t to = -1;
    uint64_t skipped = 0;
    uint32_t to_number = is_gap ? 4 : 3;
    while (tc_pb_next(&in, &item) > 0) {
        if (item.number == 1)
            sub = tc_load_sub_of(load, c, item.bytes.ptr, item.bytes.len);
        else if (item.number == to_number)
            to = (int64_t)item.value;
        else if (!is_gap && item.number == 4)
            skipped = item.value;
    }
    if (sub == TC_NONE)
        tc_load_unexpected(load, c, "a notice of no room of its connection", 37);
    else
        tc_load_skipped(load, c, sub, to, skipped);
}

static void on_event(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    struct tc_pb_in in = tc_pb_in((struct tc_str){ bytes, len });
    struct tc_pb_item item;
    if (tc_pb_next(&in, &item) <= 0 || item.wire != TC_PB_BYTES)
        tc_load_unexpected(load, c, "a message that is no Event", 26);
    else if (TC_LIKELY(item.number == EVENT_UPDATE))
        on_update(load, c, item.bytes);
    else if (item.number == EVENT_CONFIRMED)
        tc_load_confirmed(load, c, 1);
    else if (item.number == EVENT_CONFLATED || item.number == EVENT_GAP)
        on_skipped(load, c, item.bytes, item.number == EVENT_GAP);
    else
        tc_load_unexpected(load, c, item.bytes.ptr, item.bytes.len);
}

/* Bytes of a message with its prefix, as far as they tell. */
static size_t message_bytes(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return len < PREFIX ? PREFIX : PREFIX + ((size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4]);
}

/* Puts what belongs to the message in pieces to the rest of it; its bytes. */
static size_t on_part(struct tc_load *load, struct tc_load_conn *c, struct state *s,
                      const char *bytes, size_t len)
{
    size_t want = message_bytes(s->part, s->part_len);
    if (want > s->part_cap) {
        if (want > PART_MAX)
            tc_load_fail(load, "the server sent a message of more than %d bytes", PART_MAX);
        s->part_cap = (uint32_t)TC_MAX(want, (size_t)1024);
        s->part = tc_realloc(s->part, s->part_cap);
    }
    want = TC_MIN(want - s->part_len, len);
    memcpy(s->part + s->part_len, bytes, want);
    s->part_len += (uint32_t)want;
    if (s->part_len >= PREFIX && s->part_len == message_bytes(s->part, s->part_len)) {
        on_event(load, c, s->part + PREFIX, s->part_len - PREFIX);
        s->part_len = 0;
    }
    return want;
}

/* The payload of a DATA frame: whole messages are taken from where they lie. */
static void on_data(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    struct state *s = tc_load_state(load, c);
    while (len > 0) {
        size_t want = message_bytes(bytes, len);
        if (s->part_len == 0 && len >= PREFIX && len >= want)
            on_event(load, c, bytes + PREFIX, want - PREFIX);
        else
            want = on_part(load, c, s, bytes, len);
        bytes += want;
        len -= want;
    }
}

static void on_frame(struct tc_load *load, struct tc_load_conn *c, const unsigned char *p,
                     const char *body, size_t len)
{
    uint32_t id = (uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
    struct state *s = tc_load_state(load, c);
    bool is_end = p[3] == RST_STREAM || (p[3] == HEADERS && p[4] & END_STREAM);
    /* a call that was taken back may end in its own way */
    bool is_over = c->is_churn && (!c->is_in || id != 2 * s->call_cnt - 1);
    /* an idle connection may have many calls, and only their confirmations count */
    bool is_idle = load->conf->is_idle;
    if (p[3] == DATA && is_idle)
        s->part_len = 0;
    if (p[3] == DATA && !is_over && !(is_idle && c->is_ready))
        on_data(load, c, body, len);
    if (p[3] == SETTINGS && !(p[4] & ACK))
        on_settings(load, c);
    if (p[3] == PING && !(p[4] & ACK) && len == 8) {
        uint8_t pong[FRAME_HEAD + 8];
        struct tc_pb_out out = tc_pb_out(pong, sizeof(pong));
        put_head(&out, 8, PING, ACK, 0);
        tc_pb_put(&out, body, 8);
        send_out(load, c, pong, &out);
    }
    if (p[3] == GOAWAY || (is_end && !is_over))
        tc_load_fail(load, "%s ended a call of gRPC (%s)", tc_load_host(load),
                     p[3] == GOAWAY       ? "GOAWAY"
                     : p[3] == RST_STREAM ? "RST_STREAM"
                                          : "trailers");
}

static size_t on_bytes(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    size_t used = 0;
    if (c->state == TC_LOAD_UPGRADING && len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        tc_load_fail(load, "%s does not speak HTTP/2", tc_load_host(load));
    while (len - used >= FRAME_HEAD) {
        const unsigned char *p = (const unsigned char *)bytes + used;
        size_t body = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        if (len - used < FRAME_HEAD + body)
            break;
        used += FRAME_HEAD + body;
        on_frame(load, c, p, (const char *)p + FRAME_HEAD, body);
    }
    return used;
}

const struct tc_load_dialect tc_load_grpc = {
    .name = "grpc",
    .about = "the engine's gRPC, a call of Subscribe on each connection",
    .alpn = "h2",
    .state_bytes = sizeof(struct state),
    .has_streams = true,
    .hello = hello,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .on_bytes = on_bytes,
};
