// SPDX-License-Identifier: Apache-2.0
/* Clients of gRPC-Web over HTTP/1.1 of the real sessions, over tests/unit/io/net/fixture.h, and a
 * service that has a method of each shape.
 *
 * What a connection is answered is told in lines:
 *   200 keep NAME=VALUE ...   a head: its status, "keep" or "close", fields that are not checked
 * here B TEXT                    a body of known length M TEXT                    a message; of
 * more than WEB_TEXT_MAX bytes: M #LENGTH T NAME: VALUE ...         trailers end the last chunk */
#ifndef TC_TESTS_UNIT_IO_SESSION_WEB_WIRE_H
#define TC_TESTS_UNIT_IO_SESSION_WEB_WIRE_H

#include <stdlib.h>

#include "tests/unit/io/session/wire.h"

enum { WEB_TEXT_MAX = 200, WEB_BODY_MAX = 2 << 20, WEB_LINES_MAX = 1 << 16 };

/* ---- requests ---- */

#define WEB_TYPE "application/grpc-web+proto"
#define WEB_TEXT_TYPE "application/grpc-web-text"

struct web_bytes {
    uint8_t bytes[WEB_BODY_MAX + 4096];
    size_t len;
};

static struct web_bytes web_body;
static struct web_bytes web_request;

static inline void web_put(struct web_bytes *to, const void *bytes, size_t len)
{
    cr_assert_leq(to->len + len, sizeof(to->bytes));
    if (len > 0)
        memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
}

static inline void web_put_text(struct web_bytes *to, const char *text)
{
    web_put(to, text, strlen(text));
}

/* One message of the next request's body. */
static inline void web_message(const void *bytes, size_t len)
{
    uint8_t prefix[TC_GRPC_PREFIX_BYTES];
    tc_grpc_prefix(prefix, false, (uint32_t)len);
    web_put(&web_body, prefix, sizeof(prefix));
    web_put(&web_body, bytes, len);
}

/* The body as base64, in pieces of step bytes that are padded each. */
static inline void web_body_as_text(size_t step)
{
    static struct web_bytes plain;
    plain = web_body;
    web_body.len = 0;
    for (size_t at = 0; at < plain.len; at += step) {
        char text[8192];
        size_t n = TC_MIN(step, plain.len - at);
        web_put(&web_body, text,
                tc_grpc_base64_encode(text, sizeof(text), plain.bytes + at, n, true));
    }
}

static inline void web_head(const char *method, const char *type, const char *lines)
{
    char head[1024];
    int n = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\n%s",
                     method, type, lines);
    web_put(&web_request, head, (size_t)n);
}

/* Puts a request with the body so far, which is spent; chunk: bytes of each chunk, 0: the body has
 * a Content-Length. */
static inline void web_post(const char *method, const char *type, const char *lines, size_t chunk)
{
    char line[64];
    web_head(method, type, lines);
    if (chunk == 0) {
        snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", web_body.len);
        web_put_text(&web_request, line);
        web_put(&web_request, web_body.bytes, web_body.len);
    } else {
        web_put_text(&web_request, "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < web_body.len; at += chunk) {
            size_t n = TC_MIN(chunk, web_body.len - at);
            snprintf(line, sizeof(line), "%zx\r\n", n);
            web_put_text(&web_request, line);
            web_put(&web_request, web_body.bytes + at, n);
            web_put_text(&web_request, "\r\n");
        }
        web_put_text(&web_request, TC_HTTP1_LAST_CHUNK);
    }
    web_body.len = 0;
}

/* One with a single message that is a text. */
static inline void web_post_text(const char *method, const char *message)
{
    web_message(message, strlen(message));
    web_post(method, WEB_TYPE, "", 0);
}

/* ---- answers ---- */

struct web {
    uint32_t slot;
    bool is_body; /* of an answer in chunks */
    bool is_text;
    struct tc_http1_body body;
    struct tc_grpc_base64 text;
    struct web_bytes frames; /* of the body, not told yet */
    char lines[WEB_LINES_MAX];
    size_t len;
};

static struct web web;

TC_PRINTF(1, 2)
static inline void web_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(web.lines + web.len, sizeof(web.lines) - web.len, fmt, ap);
    va_end(ap);
    cr_assert(n >= 0 && web.len + (size_t)n < sizeof(web.lines));
    web.len += (size_t)n;
}

/* A chunked body is read as that of a request: the format is the same. */
static inline void web_body_begin(bool is_text)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    static struct tc_http1 http;
    size_t used = 0;
    tc_http1_init(&http);
    cr_assert_eq(tc_http1_feed(&http, head, sizeof(head) - 1, &used), 1);
    cr_assert_eq(tc_http1_body_init(&web.body, &http, UINT64_MAX), TC_OK);
    web.is_body = true;
    web.is_text = is_text;
    web.text = (struct tc_grpc_base64){ 0 };
}

static inline void web_say_frames(void)
{
    size_t at = 0;
    while (web.frames.len - at >= TC_GRPC_PREFIX_BYTES) {
        const uint8_t *f = web.frames.bytes + at;
        size_t len = (size_t)f[1] << 24 | (size_t)f[2] << 16 | (size_t)f[3] << 8 | f[4];
        if (web.frames.len - at - TC_GRPC_PREFIX_BYTES < len)
            break;
        const char *text = (const char *)f + TC_GRPC_PREFIX_BYTES;
        size_t from = web.len;
        cr_assert(f[0] == 0 || f[0] == 0x80, "flag %u", f[0]);
        if (len > WEB_TEXT_MAX)
            web_say("M #%zu\n", len);
        else
            web_say("%c %.*s\n", f[0] ? 'T' : 'M', (int)len, text);
        for (char *c = web.lines + from; f[0] && c < web.lines + web.len - 1; c++)
            *c = *c == '\r' ? ';' : *c == '\n' ? ' ' : *c;
        at += TC_GRPC_PREFIX_BYTES + len;
    }
    web.frames.len -= at;
    memmove(web.frames.bytes, web.frames.bytes + at, web.frames.len);
}

/* Bytes of the answer's body; how many were taken. */
static inline size_t web_read_body(const uint8_t *bytes, size_t len)
{
    struct tc_str piece;
    size_t used = 0;
    int rc = tc_http1_body_feed(&web.body, bytes, len, &used, &piece);
    cr_assert_geq(rc, 0, "%s", web.body.detail);
    if (rc == TC_HTTP1_BODY_PIECE && !web.is_text)
        web_put(&web.frames, piece.ptr, piece.len);
    if (rc == TC_HTTP1_BODY_PIECE && web.is_text) {
        size_t plain_len = 0;
        cr_assert_leq(web.frames.len + piece.len, sizeof(web.frames.bytes));
        rc = tc_grpc_base64_feed(&web.text, piece, web.frames.bytes + web.frames.len, &plain_len);
        cr_assert_eq(rc, TC_OK);
        web.frames.len += plain_len;
    }
    web_say_frames();
    if (rc == TC_HTTP1_BODY_END) {
        cr_assert_eq(web.frames.len, 0, "the body ends inside a frame");
        web.is_body = false;
        web_say("end\n");
    }
    return used;
}

static inline bool web_line_is(const char *line, const char *begin)
{
    return strncmp(line, begin, strlen(begin)) == 0;
}

/* Fields that every answer to a call has are left out. */
static inline bool web_is_common(const char *line)
{
    return web_line_is(line, "X-Content-Type-Options: nosniff\r\n") ||
           web_line_is(line, "Connection: ") || web_line_is(line, "content-type: ") ||
           web_line_is(line, "Transfer-Encoding: chunked\r\n") ||
           web_line_is(line, "Content-Length: ") ||
           web_line_is(line, "grpc-accept-encoding: identity,gzip\r\n");
}

/* A whole head, and a body of known length; their bytes. */
static inline size_t web_read_head(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    cr_assert(end && web_line_is(text, "HTTP/1.1 "), "%s", text);
    bool is_chunked = false;
    bool is_text = false;
    size_t len = 0;
    web_say("%.3s", text + 9);
    for (const char *line = strstr(text, "\r\n") + 2; line < end; line = strstr(line, "\r\n") + 2) {
        if (web_line_is(line, "Content-Length: "))
            len = strtoul(line + 16, NULL, 10);
        is_chunked |= web_line_is(line, "Transfer-Encoding: chunked\r\n");
        is_text |= web_line_is(line, "content-type: application/grpc-web-text+proto\r\n");
        if (web_line_is(line, "Connection: "))
            web_say(" %s", web_line_is(line + 12, "keep-alive") ? "keep" : "close");
    }
    for (const char *line = strstr(text, "\r\n") + 2; line < end; line = strstr(line, "\r\n") + 2) {
        int name_len = (int)(strstr(line, ": ") - line);
        const char *value = line + name_len + 2;
        if (!web_is_common(line))
            web_say(" %.*s=%.*s", name_len, line, (int)(strstr(line, "\r\n") - value), value);
    }
    web_say("\n");
    if (is_chunked)
        web_body_begin(is_text);
    if (len > 0)
        web_say("B %.*s", (int)len, end + 4);
    return (size_t)(end - text) + 4 + len;
}

/* The lines of what arrived since the last call; good until the next one. */
static inline const char *web_take(void)
{
    struct nx_sock *s = &nx.reactor.socks[web.slot];
    web.len = 0;
    web_say("%s", "");
    while (s->got_off < s->got_len) {
        const char *at = s->got + s->got_off;
        size_t left = s->got_len - s->got_off;
        s->got_off +=
            (uint32_t)(web.is_body ? web_read_body((const uint8_t *)at, left) : web_read_head(at));
    }
    return web.lines;
}

static inline void web_accept(void)
{
    web.slot = nx_accept(&nx);
    web.is_body = false;
    web.frames.len = 0;
    cr_assert_neq(web.slot, TC_NONE);
}

/* The requests so far are sent, step bytes at a time. */
static inline void web_send_by(size_t step)
{
    nx_recv_by(&nx, web.slot, web_request.bytes, web_request.len, step);
    web_request.len = 0;
}

static inline const char *web_run(void)
{
    web_send_by(NX_RECV_BYTES);
    nx_run(&nx);
    return web_take();
}

/* What a call with that one message is answered. */
static inline const char *web_ask(const char *method, const char *message)
{
    web_post_text(method, message);
    return web_run();
}

static inline const char *web_wait_ms(int64_t ms)
{
    nx_wait_ms(&nx, ms);
    return web_take();
}

/* The client ends. */
static inline void web_close(void)
{
    nx_end(&nx, web.slot, 0);
}

/* The server has ended for that reason, after its last words. */
static inline void web_check_finished(enum tc_close reason)
{
    nx_check_finished(&nx, web.slot, reason);
    nx_check_empty(&nx);
}

#endif
