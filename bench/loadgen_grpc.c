// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen: the bytes of one HTTP/2 connection (RFC 9113) whose calls are subscriptions. */
#include <stdio.h>

#include "bench/loadgen.h"
#include "proto/pb/wire.h"

enum { FRAME_HEAD = 9, PREFIX = 5, ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { DATA, HEADERS, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { EVENT_UPDATE = 1, EVENT_CONFIRMED = 2 };

static const char path[] = "/jts.marketdata.v1.MarketDataService/Subscribe";

static void put_head(struct tc_pb_out *out, size_t len, uint8_t type, uint8_t flags, uint32_t id)
{
    const uint8_t head[FRAME_HEAD] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id
    };
    tc_pb_put(out, head, sizeof(head));
}

/* Text with its length, as HPACK has it without Huffman's code (RFC 7541, 5.2); below 127 bytes. */
static void put_text(struct tc_pb_out *out, const char *text)
{
    tc_pb_put_byte(out, (uint8_t)strlen(text));
    tc_pb_put(out, text, strlen(text));
}

static void send_out(struct loadgen_conn *c, const uint8_t *bytes, const struct tc_pb_out *out)
{
    TC_ASSERT(!out->is_full);
    loadgen_write(c, bytes, (size_t)(out->at - bytes));
}

void loadgen_grpc_hello(struct loadgen_conn *c)
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
    send_out(c, bytes, &out);
}

static void subscribe(const struct loadgen *g, struct loadgen_conn *c, uint32_t id)
{
    uint8_t bytes[512];
    uint8_t fields[256];
    char room[64];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    struct tc_pb_out f = tc_pb_out(fields, sizeof(fields));
    int room_len = snprintf(room, sizeof(room), "%s%u", g->room_prefix, c->room);
    tc_pb_put(&f, "\x83\x86\x04", 3); /* POST, http; then literals of RFC 7541, 6.2.2: the path, */
    put_text(&f, path);
    tc_pb_put_byte(&f, 0x01); /* the authority, */
    put_text(&f, g->host);
    tc_pb_put(&f, "\x0F\x10", 2); /* the content-type, */
    put_text(&f, "application/grpc");
    tc_pb_put_byte(&f, 0x00); /* and one by name */
    put_text(&f, "te");
    put_text(&f, "trailers");
    put_head(&out, (size_t)(f.at - fields), HEADERS, END_HEADERS, id);
    tc_pb_put(&out, fields, (size_t)(f.at - fields));
    const uint8_t prefix[PREFIX] = { 0, 0, 0, 0, (uint8_t)(2 + room_len) };
    put_head(&out, PREFIX + prefix[4], DATA, END_STREAM, id);
    tc_pb_put(&out, prefix, PREFIX);
    tc_pb_put_bytes(&out, 1, (struct tc_str){ room, (size_t)room_len });
    send_out(c, bytes, &out);
}

static void on_settings(struct loadgen *g, struct loadgen_conn *c)
{
    uint8_t bytes[FRAME_HEAD];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    put_head(&out, 0, SETTINGS, ACK, 0);
    send_out(c, bytes, &out);
    if (c->state == LOADGEN_OPEN)
        return;
    c->state = LOADGEN_OPEN;
    g->open_cnt++;
    for (uint32_t i = 0; i < g->streams; i++)
        subscribe(g, c, 2 * i + 1);
    if (g->streams == 0) {
        c->is_ready = true;
        g->ready_cnt++;
    }
}

static void on_update(struct loadgen *g, struct loadgen_conn *c, struct tc_str update,
                      int64_t now_ns)
{
    struct tc_pb_in in = tc_pb_in(update);
    struct tc_pb_item item;
    struct tc_str value = { "", 0 };
    int64_t pos = 0;
    int64_t prev = -1;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (item.number == 2)
            pos = (int64_t)item.value;
        else if (item.number == 3)
            prev = (int64_t)item.value;
        else if (item.number == 8)
            value = item.bytes;
    }
    if (rc < 0 || value.len == 0)
        g->bad_cnt++;
    else
        loadgen_on_update(g, c, pos, prev, value.ptr, value.len, now_ns);
}

static void on_message(struct loadgen *g, struct loadgen_conn *c, const char *bytes, size_t len,
                       int64_t now_ns)
{
    struct tc_pb_in in = tc_pb_in((struct tc_str){ bytes, len });
    struct tc_pb_item item;
    if (tc_pb_next(&in, &item) <= 0 || item.wire != TC_PB_BYTES) {
        g->bad_cnt++;
    } else if (TC_LIKELY(item.number == EVENT_UPDATE)) {
        on_update(g, c, item.bytes, now_ns);
    } else if (item.number == EVENT_CONFIRMED && c->confirmed_cnt < g->streams) {
        c->is_ready = ++c->confirmed_cnt == g->streams;
        g->ready_cnt += c->is_ready;
    } else {
        g->bad_cnt++;
    }
}

/* Bytes of a message with its prefix, as far as they tell. */
static size_t message_bytes(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return len < PREFIX ? PREFIX : PREFIX + ((size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4]);
}

/* The payload of a DATA frame: whole messages are taken from where they lie. */
static void on_data(struct loadgen *g, struct loadgen_conn *c, const char *bytes, size_t len,
                    int64_t now_ns)
{
    while (len > 0) {
        size_t want = message_bytes(bytes, len);
        if (c->part_len == 0 && len >= PREFIX && len >= want) {
            on_message(g, c, bytes + PREFIX, want - PREFIX, now_ns);
        } else {
            want = message_bytes(c->part, c->part_len) - c->part_len;
            want = TC_MIN(want, len);
            if (c->part_len + want > LOADGEN_PART_BYTES)
                loadgen_fail("a message larger than expected");
            memcpy(c->part + c->part_len, bytes, want);
            c->part_len += (uint32_t)want;
            if (c->part_len > PREFIX && c->part_len == message_bytes(c->part, c->part_len)) {
                on_message(g, c, c->part + PREFIX, c->part_len - PREFIX, now_ns);
                c->part_len = 0;
            }
        }
        bytes += want;
        len -= want;
    }
}

size_t loadgen_grpc_on_frames(struct loadgen *g, struct loadgen_conn *c, char *bytes, size_t len,
                              int64_t now_ns)
{
    size_t used = 0;
    while (len - used >= FRAME_HEAD) {
        const unsigned char *p = (const unsigned char *)bytes + used;
        size_t body = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        if (len - used < FRAME_HEAD + body)
            break;
        const char *at = bytes + used + FRAME_HEAD;
        used += FRAME_HEAD + body;
        if (p[3] == DATA)
            on_data(g, c, at, body, now_ns);
        if (p[3] == SETTINGS && !(p[4] & ACK))
            on_settings(g, c);
        if (p[3] == PING && !(p[4] & ACK)) {
            uint8_t pong[FRAME_HEAD + 8];
            struct tc_pb_out out = tc_pb_out(pong, sizeof(pong));
            put_head(&out, 8, PING, ACK, 0);
            tc_pb_put(&out, at, 8);
            send_out(c, pong, &out);
        }
        if (p[3] == RST_STREAM || p[3] == GOAWAY || (p[3] == HEADERS && p[4] & END_STREAM))
            loadgen_fail("the server ended a call");
    }
    return used;
}
