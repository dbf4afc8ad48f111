// SPDX-License-Identifier: Apache-2.0
/* A client of HTTP/2 that may be wrong: it writes frames one by one, and reads what the server
 * sends as lines of text, one per frame; codes are those of RFC 9113 section 7 by name:
 *   SETTINGS 3=100 6=4096    SETTINGS ack    PING    PING ack    WINDOW stream +bytes
 *   HEAD stream name=value … [end]           DATA stream text [end]
 *   RST stream code          GOAWAY last-stream code
 * Of DATA longer than HP_TEXT_MAX only the length is told (#n); "~" is the end of a line in it. */
#ifndef TC_TESTS_UNIT_PROTO_H2_PEER_H
#define TC_TESTS_UNIT_PROTO_H2_PEER_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/h2/h2.h"

enum {
    HP_OUT_MAX = 1 << 18,
    HP_LINES_MAX = 1 << 18,
    HP_BODY_MAX = 1 << 18,
    HP_IN_MAX = TC_H2_FRAME_HEAD + 16384, /* RFC 9113 section 4.2: what the server may send */
    HP_TEXT_MAX = 250,
    HP_END = NGHTTP2_FLAG_END_STREAM,
    HP_END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
};

/* Fields of a request, a line each. */
#define HP_METHOD(method, path) ":method " method "\n:scheme http\n:path " path "\n:authority h\n"
#define HP_GET(path) HP_METHOD("GET", path)
#define HP_SETTINGS "SETTINGS 3=100 6=16384 9=1\nSETTINGS ack\n"

struct hp {
    uint8_t out[HP_OUT_MAX]; /* written, and not yet taken by the test */
    size_t out_len;
    uint8_t in[HP_IN_MAX]; /* of a frame that is incomplete */
    size_t in_len;
    nghttp2_hd_inflater *inflater;
    char lines[HP_LINES_MAX];
    size_t lines_len;
    char body[HP_BODY_MAX]; /* of all DATA frames so far */
    size_t body_len;
    bool is_data_hidden; /* lines tell of DATA only that it was the end */
};

static inline void hp_init(struct hp *p)
{
    memset(p, 0, sizeof(*p));
    cr_assert_eq(nghttp2_hd_inflate_new(&p->inflater), 0);
}

static inline void hp_fini(struct hp *p)
{
    nghttp2_hd_inflate_del(p->inflater);
    p->inflater = NULL;
}

/* ---- out ---- */

static inline void hp_bytes(struct hp *p, const void *bytes, size_t len)
{
    cr_assert_leq(p->out_len + len, sizeof(p->out));
    if (len > 0)
        memcpy(p->out + p->out_len, bytes, len);
    p->out_len += len;
}

static inline void hp_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void hp_frame(struct hp *p, uint8_t type, int flags, int32_t id, const void *payload,
                            size_t len)
{
    uint8_t head[TC_H2_FRAME_HEAD] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
                                       type, (uint8_t)flags };
    hp_u32(head + 5, (uint32_t)id);
    hp_bytes(p, head, sizeof(head));
    hp_bytes(p, payload, len);
}

static inline void hp_preface(struct hp *p)
{
    hp_bytes(p, tc_h2_preface, TC_H2_PREFACE_LEN);
    hp_frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* A string without Huffman's code, RFC 7541 section 5.2. */
static inline size_t hp_string(uint8_t *to, const char *text, size_t len)
{
    size_t at = 0;
    if (len < 127) {
        to[at++] = (uint8_t)len;
    } else {
        size_t left = len - 127;
        to[at++] = 127;
        for (; left >= 128; left >>= 7)
            to[at++] = (uint8_t)(left | 0x80);
        to[at++] = (uint8_t)left;
    }
    memcpy(to + at, text, len);
    return at + len;
}

/* A header block of lines "name value\n", nothing indexed (RFC 7541 section 6.2.2). */
static inline size_t hp_block(uint8_t *to, const char *fields)
{
    size_t at = 0;
    while (*fields) {
        size_t line = strcspn(fields, "\n");
        size_t name = strcspn(fields, " ");
        cr_assert(name < line && fields[line] == '\n', "%s", fields);
        to[at++] = 0;
        at += hp_string(to + at, fields, name);
        at += hp_string(to + at, fields + name + 1, line - name - 1);
        fields += line + 1;
    }
    return at;
}

static inline void hp_head(struct hp *p, int32_t id, int flags, const char *fields)
{
    static uint8_t block[HP_IN_MAX];
    hp_frame(p, NGHTTP2_HEADERS, HP_END_HEADERS | flags, id, block, hp_block(block, fields));
}

static inline void hp_data(struct hp *p, int32_t id, int flags, const char *text)
{
    hp_frame(p, NGHTTP2_DATA, flags, id, text, strlen(text));
}

static inline void hp_reset(struct hp *p, int32_t id, uint32_t code)
{
    uint8_t payload[4];
    hp_u32(payload, code);
    hp_frame(p, NGHTTP2_RST_STREAM, 0, id, payload, sizeof(payload));
}

static inline void hp_window(struct hp *p, int32_t id, uint32_t more)
{
    uint8_t payload[4];
    hp_u32(payload, more);
    hp_frame(p, NGHTTP2_WINDOW_UPDATE, 0, id, payload, sizeof(payload));
}

static inline void hp_setting(struct hp *p, uint8_t key, uint32_t value)
{
    uint8_t payload[6] = { 0, key };
    hp_u32(payload + 2, value);
    hp_frame(p, NGHTTP2_SETTINGS, 0, 0, payload, sizeof(payload));
}

static inline void hp_ping(struct hp *p, int flags)
{
    hp_frame(p, NGHTTP2_PING, flags, 0, "12345678", 8);
}

static inline void hp_priority(struct hp *p, int32_t id, uint32_t on)
{
    uint8_t payload[5] = { 0 };
    hp_u32(payload, on);
    hp_frame(p, NGHTTP2_PRIORITY, 0, id, payload, sizeof(payload));
}

/* ---- in ---- */

__attribute__((format(printf, 2, 3))) static inline void hp_say(struct hp *p, const char *format,
                                                                ...)
{
    va_list args;
    size_t room = sizeof(p->lines) - p->lines_len;
    va_start(args, format);
    int len = vsnprintf(p->lines + p->lines_len, room, format, args);
    va_end(args);
    cr_assert(len >= 0 && (size_t)len < room);
    p->lines_len += (size_t)len;
}

static inline uint32_t hp_get_u32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void hp_say_head(struct hp *p, const uint8_t *block, size_t len)
{
    int flags = 0;
    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv nv;
        nghttp2_ssize n = nghttp2_hd_inflate_hd3(p->inflater, &nv, &flags, block, len, 1);
        cr_assert_geq(n, 0);
        block += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            hp_say(p, " %.*s=%.*s", (int)nv.namelen, (const char *)nv.name, (int)nv.valuelen,
                   (const char *)nv.value);
    }
    cr_assert_eq(nghttp2_hd_inflate_end_headers(p->inflater), 0);
}

static inline void hp_say_data(struct hp *p, const uint8_t *bytes, size_t len)
{
    cr_assert_lt(p->body_len + len, sizeof(p->body));
    memcpy(p->body + p->body_len, bytes, len);
    p->body_len += len;
    if (len > HP_TEXT_MAX)
        hp_say(p, " #%zu", len);
    else if (len > 0)
        hp_say(p, " %.*s", (int)len, (const char *)bytes);
    for (char *at = p->lines + p->lines_len - len; len <= HP_TEXT_MAX && *at; at++)
        *at = *at == '\n' ? '~' : *at;
}

static inline void hp_say_frame(struct hp *p, const uint8_t *frame, size_t len)
{
    const uint8_t *payload = frame + TC_H2_FRAME_HEAD;
    uint8_t type = frame[3];
    uint32_t id = hp_get_u32(frame + 5);
    bool is_end = frame[4] & HP_END;
    bool is_ack = frame[4] & NGHTTP2_FLAG_ACK;
    size_t before = p->lines_len;
    if (type == NGHTTP2_SETTINGS) {
        hp_say(p, "SETTINGS%s", is_ack ? " ack" : "");
        for (size_t at = 0; at < len; at += 6)
            hp_say(p, " %u=%u", payload[at + 1], hp_get_u32(payload + at + 2));
    } else if (type == NGHTTP2_PING) {
        cr_assert_eq(len, 8);
        hp_say(p, "PING%s", is_ack ? " ack" : "");
    } else if (type == NGHTTP2_WINDOW_UPDATE) {
        hp_say(p, "WINDOW %u +%u", id, hp_get_u32(payload));
    } else if (type == NGHTTP2_RST_STREAM) {
        hp_say(p, "RST %u %s", id, nghttp2_http2_strerror(hp_get_u32(payload)));
    } else if (type == NGHTTP2_GOAWAY) {
        hp_say(p, "GOAWAY %u %s", hp_get_u32(payload),
               nghttp2_http2_strerror(hp_get_u32(payload + 4)));
    } else if (type == NGHTTP2_HEADERS) {
        cr_assert(frame[4] & HP_END_HEADERS);
        hp_say(p, "HEAD %u", id);
        hp_say_head(p, payload, len);
        hp_say(p, "%s", is_end ? " end" : "");
    } else {
        cr_assert_eq(type, NGHTTP2_DATA);
        hp_say(p, "DATA %u", id);
        hp_say_data(p, payload, len);
        if (p->is_data_hidden)
            p->lines_len = before;
        if (is_end && p->is_data_hidden)
            hp_say(p, "DATA %u", id);
        if (is_end)
            hp_say(p, " end");
    }
    if (p->lines_len > before)
        hp_say(p, "\n");
}

/* Bytes of the server. */
static inline void hp_hear(struct hp *p, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        size_t whole = TC_H2_FRAME_HEAD;
        if (p->in_len >= whole)
            whole += (size_t)p->in[0] << 16 | (size_t)p->in[1] << 8 | p->in[2];
        cr_assert_leq(whole, sizeof(p->in));
        size_t n = TC_MIN(len, whole - p->in_len);
        memcpy(p->in + p->in_len, at, n);
        p->in_len += n;
        at += n;
        len -= n;
        size_t payload = (size_t)p->in[0] << 16 | (size_t)p->in[1] << 8 | p->in[2];
        if (p->in_len >= TC_H2_FRAME_HEAD && p->in_len == TC_H2_FRAME_HEAD + payload) {
            hp_say_frame(p, p->in, payload);
            p->in_len = 0;
        }
    }
}

/* The lines since the last call; good until the next frame. */
static inline const char *hp_take(struct hp *p)
{
    p->lines[p->lines_len] = '\0';
    p->lines_len = 0;
    return p->lines;
}

#endif
