// SPDX-License-Identifier: Apache-2.0
/* A client of gRPC over HTTP/2, made with nghttp2, of the real sessions over
 * tests/unit/io/net/fixture.h.
 *
 * What a call hears becomes lines:
 *   HEAD :status=200 NAME=VALUE ...      " end" behind it: nothing follows
 *   0 TEXT                               a message, as gw->print has it; 1: its flag is set
 *   TRAILERS NAME=VALUE ... end
 *   end                                  the body's end
 *   RESET CANCEL                         the code, unless it is NO_ERROR */
#ifndef TC_TESTS_UNIT_IO_SESSION_GRPC_WIRE_H
#define TC_TESTS_UNIT_IO_SESSION_GRPC_WIRE_H

#include "tests/unit/io/session/wire.h"

#include <nghttp2/nghttp2.h>

#include <stdarg.h>

enum { GW_CALLS_MAX = 40, GW_LONG = 1000, GW_FIELDS_MAX = 100 };

#define GW_HEAD                                                                                    \
    "HEAD :status=200 content-type=application/grpc+proto grpc-accept-encoding=identity,gzip"
#define GW_OK "TRAILERS grpc-status=0 end\n"

struct gw_call {
    int32_t id;
    uint8_t *out; /* of the request's body */
    size_t out_len;
    size_t out_off;
    bool is_ended;
    bool is_raw; /* the body is no sequence of messages */
    bool is_trailer;
    uint8_t *body; /* of the answer */
    size_t body_len;
    size_t body_off; /* messages behind it have not become lines */
    char *lines;
    uint32_t lines_len;
    uint32_t lines_off;
    bool is_closed;
};

struct gw {
    uint32_t slot;
    nghttp2_session *session;
    size_t step;    /* bytes of one receive of the server */
    bool is_unread; /* windows stay as closed as they are */
    int32_t goaway; /* last stream of the last GOAWAY; -1: none */
    /* A message as text; NULL: as it is */
    void (*print)(char *to, size_t cap, struct tc_str message);
    struct gw_call calls[GW_CALLS_MAX];
};

static inline struct gw_call *gw_at(void *ctx, int32_t id)
{
    struct gw *w = ctx;
    cr_assert(id % 2 == 1 && id / 2 < GW_CALLS_MAX, "stream %d", id);
    return &w->calls[id / 2];
}

__attribute__((format(printf, 2, 3))) static inline void gw_note(struct gw_call *c,
                                                                 const char *format, ...)
{
    char text[20000];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    cr_assert(len >= 0 && (size_t)len < sizeof(text));
    fx_append(&c->lines, &c->lines_len, text, (uint32_t)len);
}

/* ---- callbacks of nghttp2 ---- */

static inline nghttp2_ssize gw_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
                                    uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct gw_call *c = gw_at(ctx, id);
    size_t n = TC_MIN(len, c->out_len - c->out_off);
    (void)session;
    (void)source;
    if (n == 0 && !c->is_ended)
        return NGHTTP2_ERR_DEFERRED;
    if (n > 0)
        memcpy(buf, c->out + c->out_off, n);
    c->out_off += n;
    if (c->is_ended && c->out_off == c->out_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)n;
}

static inline int gw_on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct gw_call *c = gw_at(ctx, frame->hd.stream_id);
    (void)session;
    gw_note(c, c->is_trailer ? "TRAILERS" : "HEAD");
    c->is_trailer = true;
    return 0;
}

static inline int gw_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                               const uint8_t *name, size_t name_len, const uint8_t *value,
                               size_t value_len, uint8_t flags, void *ctx)
{
    (void)session;
    (void)flags;
    gw_note(gw_at(ctx, frame->hd.stream_id), " %.*s=%.*s", (int)name_len, (const char *)name,
            (int)value_len, (const char *)value);
    return 0;
}

static inline void gw_print(const struct gw *w, struct gw_call *c, struct tc_str message)
{
    char text[8192];
    if (w->print) {
        w->print(text, sizeof(text), message);
        gw_note(c, "%s\n", text);
    } else if (message.len > GW_LONG) {
        gw_note(c, "(%zu bytes)\n", message.len);
    } else {
        gw_note(c, "%.*s\n", (int)message.len, message.ptr);
    }
}

static inline int gw_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                             const uint8_t *bytes, size_t len, void *ctx)
{
    struct gw *w = ctx;
    struct gw_call *c = gw_at(ctx, id);
    (void)flags;
    c->body = realloc(c->body, c->body_len + len);
    memcpy(c->body + c->body_len, bytes, len);
    c->body_len += len;
    while (!c->is_raw && c->body_len - c->body_off >= 5) {
        const uint8_t *p = c->body + c->body_off;
        size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        if (c->body_len - c->body_off - 5 < n)
            break;
        if (!w->print)
            gw_note(c, "%x ", (unsigned)p[0]);
        gw_print(w, c, (struct tc_str){ (const char *)p + 5, n });
        c->body_off += 5 + n;
    }
    if (!w->is_unread)
        nghttp2_session_consume(session, id, len);
    return 0;
}

static inline int gw_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct gw *w = ctx;
    bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS)
        gw_note(gw_at(ctx, frame->hd.stream_id), is_end ? " end\n" : "\n");
    else if (frame->hd.type == NGHTTP2_DATA && is_end)
        gw_note(gw_at(ctx, frame->hd.stream_id), "end\n");
    else if (frame->hd.type == NGHTTP2_GOAWAY)
        w->goaway = frame->goaway.last_stream_id;
    return 0;
}

static inline int gw_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct gw_call *c = gw_at(ctx, id);
    (void)session;
    c->is_closed = true;
    if (code != NGHTTP2_NO_ERROR)
        gw_note(c, "RESET %s\n", nghttp2_http2_strerror(code));
    return 0;
}

/* ---- connections ---- */

/* Streams may send window bytes at once, the connection 1 GiB. */
static inline void gw_open_with(struct gw *w, uint32_t window)
{
    nghttp2_session_callbacks *c;
    nghttp2_option *o;
    nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window } };
    memset(w, 0, sizeof(*w));
    w->step = NX_RECV_BYTES;
    w->goaway = -1;
    w->slot = nx_accept(&nx);
    cr_assert_neq(w->slot, TC_NONE);
    cr_assert_eq(nghttp2_session_callbacks_new(&c), 0);
    cr_assert_eq(nghttp2_option_new(&o), 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, gw_on_begin);
    nghttp2_session_callbacks_set_on_header_callback(c, gw_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, gw_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, gw_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, gw_on_close);
    nghttp2_option_set_no_auto_window_update(o, 1);
    cr_assert_eq(nghttp2_session_client_new2(&w->session, c, w, o), 0);
    nghttp2_session_callbacks_del(c);
    nghttp2_option_del(o);
    nghttp2_submit_settings(w->session, NGHTTP2_FLAG_NONE, settings, 1);
    nghttp2_session_set_local_window_size(w->session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
}

static inline void gw_open(struct gw *w)
{
    gw_open_with(w, 1 << 20);
}

/* What the client has to say reaches the server. Returns how much that was. */
static inline size_t gw_say(struct gw *w)
{
    const uint8_t *bytes;
    size_t total = 0;
    for (nghttp2_ssize n; (n = nghttp2_session_mem_send2(w->session, &bytes)) > 0;) {
        nx_recv_by(&nx, w->slot, bytes, (size_t)n, w->step);
        total += (size_t)n;
    }
    return total;
}

static inline size_t gw_hear(struct gw *w)
{
    struct nx_sock *s = &nx.reactor.socks[w->slot];
    size_t len = s->got_len - s->got_off;
    nghttp2_ssize n =
        nghttp2_session_mem_recv2(w->session, (const uint8_t *)s->got + s->got_off, len);
    cr_assert_eq(n, (nghttp2_ssize)len, "the server breaks HTTP/2: %s",
                 nghttp2_strerror((int)TC_MIN(n, 0)));
    s->got_len = s->got_off = 0;
    return len;
}

/* Until neither has anything to say. */
static inline void gw_run(struct gw *w)
{
    size_t moved;
    do {
        moved = gw_say(w);
        nx_run(&nx);
        moved += gw_hear(w);
    } while (moved > 0);
}

/* The client ends, if it has not been ended. */
static inline void gw_close(struct gw *w)
{
    if (!nx_is_closed(&nx, w->slot))
        nx_end(&nx, w->slot, 0);
    nghttp2_session_del(w->session);
    for (size_t i = 0; i < GW_CALLS_MAX; i++) {
        free(w->calls[i].out);
        free(w->calls[i].body);
        free(w->calls[i].lines);
    }
}

/* ---- calls ---- */

static inline nghttp2_nv gw_field(const char *name, size_t name_len, const char *value,
                                  size_t value_len)
{
    return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, name_len, value_len,
                         NGHTTP2_NV_FLAG_NONE };
}

/* A request with its head; more: further fields, "name value\n" each, or others in the place of
 * the usual ones. */
static inline struct gw_call *gw_start(struct gw *w, const char *path, const char *more)
{
    char usual[256];
    nghttp2_nv fields[GW_FIELDS_MAX];
    size_t cnt = 0;
    nghttp2_data_provider2 body = { .read_callback = gw_read };
    snprintf(usual, sizeof(usual),
             ":method POST\n:scheme http\n:path %s\n:authority h\n"
             "content-type application/grpc\nte trailers\n",
             path);
    const char *const texts[] = { usual, more };
    for (size_t t = 0; t < 2; t++) {
        for (const char *at = texts[t]; *at; at = strchr(at, '\n') + 1) {
            size_t name_len = strcspn(at, " ");
            const char *value = at + name_len + 1;
            nghttp2_nv nv = gw_field(at, name_len, value, strcspn(value, "\n"));
            size_t i = 0;
            while (i < cnt && i < 6 &&
                   (fields[i].namelen != name_len || memcmp(fields[i].name, at, name_len) != 0))
                i++;
            i = i < 6 ? i : cnt;
            cr_assert_lt(i, GW_FIELDS_MAX);
            fields[i] = nv;
            cnt += i == cnt;
        }
    }
    int32_t id = nghttp2_submit_request2(w->session, NULL, fields, cnt, &body, NULL);
    cr_assert_gt(id, 0);
    struct gw_call *c = gw_at(w, id);
    c->id = id;
    fx_append(&c->lines, &c->lines_len, "", 0);
    return c;
}

/* Bytes of the request's body. */
static inline void gw_body(struct gw *w, struct gw_call *c, const void *bytes, size_t len)
{
    c->out = realloc(c->out, c->out_len + len + 1);
    if (len > 0)
        memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
    nghttp2_session_resume_data(w->session, c->id);
}

static inline void gw_message(struct gw *w, struct gw_call *c, uint8_t flag, const void *bytes,
                              size_t len)
{
    const uint8_t prefix[5] = { flag, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                                (uint8_t)(len >> 8), (uint8_t)len };
    gw_body(w, c, prefix, sizeof(prefix));
    gw_body(w, c, bytes, len);
}

static inline void gw_end(struct gw *w, struct gw_call *c)
{
    c->is_ended = true;
    nghttp2_session_resume_data(w->session, c->id);
}

static inline void gw_cancel(struct gw *w, struct gw_call *c)
{
    nghttp2_submit_rst_stream(w->session, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_CANCEL);
}

/* The lines since the last call. */
static inline const char *gw_take(struct gw_call *c)
{
    const char *text = c->lines + c->lines_off;
    c->lines_off = c->lines_len;
    return text;
}

/* A call with one message, to its end: all that it hears. */
static inline const char *gw_ask(struct gw *w, const char *path, const char *more,
                                 const void *bytes, size_t len)
{
    struct gw_call *c = gw_start(w, path, more);
    gw_message(w, c, 0, bytes, len);
    gw_end(w, c);
    gw_run(w);
    cr_assert(c->is_closed, "%s", c->lines);
    return gw_take(c);
}

#endif
