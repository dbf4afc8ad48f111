// SPDX-License-Identifier: Apache-2.0
/* One connection of proto/h2 between a client (peer.h) and streams that note what they are told:
 *   open stream method target host=… scheme=… name=value …
 *   end stream body          close stream code
 * What is noted does not depend on how the bytes were cut. */
#ifndef TC_TESTS_UNIT_PROTO_H2_FIXTURE_H
#define TC_TESTS_UNIT_PROTO_H2_FIXTURE_H

#include "tests/unit/proto/h2/peer.h"

enum { FX_STREAMS = 512, FX_LOG = 1 << 17, FX_IN = 64, FX_HEADS = 4 };
#define FX_MEMORY_BYTES (8ull << 20)

struct fx_stream {
    struct tc_h2_body out;
    bool is_open;
    char in[FX_IN]; /* of the request's body; the rest is counted */
    size_t in_len;
    const char *body; /* of the answer */
    size_t ready;     /* bytes of it that there are so far */
    size_t len;
    size_t off;
    bool has_trailers;
};

/* Each test has its own process. */
static struct {
    struct tc_mem mem;
    struct tc_h2_class class;
    struct tc_h2 h2;
    struct hp peer;
    int64_t now_ns;
    struct fx_stream streams[FX_STREAMS];
    uint32_t stream_cnt;
    char log[FX_LOG];
    size_t log_len;
    bool is_refusing;    /* requests get no stream */
    bool is_unconsuming; /* windows are not opened again */
    bool is_answering;
    bool is_resuming; /* a stream, whenever some of its body is taken */ /* 200 and "ok" to each
                                                                            complete request */
    size_t emit_cap;
} fx;

__attribute__((format(printf, 1, 2))) static inline void fx_note(const char *format, ...)
{
    va_list args;
    size_t room = sizeof(fx.log) - fx.log_len;
    va_start(args, format);
    int len = vsnprintf(fx.log + fx.log_len, room, format, args);
    va_end(args);
    cr_assert(len >= 0 && (size_t)len < room);
    fx.log_len += (size_t)len;
}

/* What was noted since the last call; good until the next note. */
static inline const char *fx_take(void)
{
    fx.log[fx.log_len] = '\0';
    fx.log_len = 0;
    return fx.log;
}

static inline uint32_t fx_on_request(struct tc_h2 *h2, int32_t id, const struct tc_h2_head *head)
{
    cr_assert_eq(h2->tag, 7);
    if (fx.is_refusing) {
        tc_h2_reset(h2, id, NGHTTP2_REFUSED_STREAM);
        return TC_NONE;
    }
    cr_assert_lt(fx.stream_cnt, FX_STREAMS);
    fx.streams[fx.stream_cnt] = (struct fx_stream){ .out.id = id, .is_open = true };
    fx_note("open %d %s %.*s host=%.*s scheme=%.*s", id, tc_http1_method_text(head->method),
            (int)head->target.len, head->target.ptr, (int)head->host.len, head->host.ptr,
            (int)head->scheme.len, head->scheme.ptr);
    for (uint32_t i = 0; i < head->field_cnt; i++)
        fx_note(" %.*s=%.*s", (int)head->fields[i].name.len, head->fields[i].name.ptr,
                (int)head->fields[i].value.len, head->fields[i].value.ptr);
    fx_note("\n");
    return fx.stream_cnt++;
}

static inline struct fx_stream *fx_open_stream(uint32_t stream)
{
    cr_assert_lt(stream, fx.stream_cnt);
    cr_assert(fx.streams[stream].is_open);
    return &fx.streams[stream];
}

static inline void fx_on_data(struct tc_h2 *h2, uint32_t stream, const uint8_t *bytes, size_t len)
{
    struct fx_stream *s = fx_open_stream(stream);
    for (size_t i = 0; i < len; i++, s->in_len++) {
        if (s->in_len < FX_IN)
            s->in[s->in_len] = (char)bytes[i];
    }
    if (!fx.is_unconsuming)
        tc_h2_consume(h2, s->out.id, len);
}

static inline void fx_answer(struct tc_h2 *h2, uint32_t stream, const char *body)
{
    struct fx_stream *s = fx_open_stream(stream);
    s->body = body;
    s->len = s->ready = strlen(body);
    (void)tc_h2_respond(h2, s->out.id, 200, NULL, 0, false);
}

static inline void fx_on_end(struct tc_h2 *h2, uint32_t stream)
{
    const struct fx_stream *s = fx_open_stream(stream);
    if (s->in_len <= FX_IN)
        fx_note("end %d %.*s\n", s->out.id, (int)s->in_len, s->in);
    else
        fx_note("end %d #%zu\n", s->out.id, s->in_len);
    if (fx.is_answering)
        fx_answer(h2, stream, "ok");
}

static inline void fx_on_close(struct tc_h2 *h2, uint32_t stream, uint32_t code)
{
    struct fx_stream *s = fx_open_stream(stream);
    (void)h2;
    fx_note("close %d %s\n", s->out.id, nghttp2_http2_strerror(code));
    s->is_open = false;
}

static inline size_t fx_peek(struct tc_h2 *h2, uint32_t stream, size_t max, enum tc_h2_more *more)
{
    const struct fx_stream *s = fx_open_stream(stream);
    size_t have = s->ready - s->off;
    size_t n = TC_MIN(have, max);
    if (s->off + n < s->len)
        *more = n < have ? TC_H2_MORE : TC_H2_WAIT;
    else if (!s->has_trailers)
        *more = TC_H2_END;
    else
        *more = tc_h2_trailers(h2, s->out.id,
                               &(struct tc_http1_field){ TC_STR("grpc-status"), TC_STR("0") }, 1)
                    ? TC_H2_TRAILERS
                    : TC_H2_END;
    return n;
}

static inline void fx_write(struct tc_h2 *h2, uint32_t stream, uint8_t *dst, size_t len)
{
    struct fx_stream *s = fx_open_stream(stream);
    cr_assert(len > 0 && s->off + len <= s->ready, "more than peek has told");
    memcpy(dst, s->body + s->off, len);
    s->off += len;
    if (fx.is_resuming)
        tc_h2_resume(h2, stream);
}

static inline struct tc_h2_body *fx_body(struct tc_h2 *h2, uint32_t stream)
{
    (void)h2;
    return &fx_open_stream(stream)->out;
}

static inline uint32_t fx_next(struct tc_h2 *h2, uint32_t stream)
{
    (void)h2;
    for (uint32_t s = stream + 1; s < fx.stream_cnt; s++) { /* TC_NONE + 1 is 0 */
        if (fx.streams[s].is_open)
            return s;
    }
    return TC_NONE;
}

static const struct tc_h2_ops fx_ops = {
    .on_request = fx_on_request,
    .on_data = fx_on_data,
    .on_end = fx_on_end,
    .on_close = fx_on_close,
    .body = fx_body,
    .next = fx_next,
    .peek = fx_peek,
    .take = fx_write,
};

/* ---- life ---- */

static inline void fx_open_class(void)
{
    struct tc_err err = { 0 };
    memset(&fx, 0, sizeof(fx));
    tc_mem_init(&fx.mem, 0);
    int rc = tc_h2_class_init(&fx.class, &fx_ops, NULL, FX_HEADS, FX_MEMORY_BYTES, &fx.mem,
                              "worker 0", &err);
    cr_assert_eq(rc, TC_OK, "%s", err.text);
    tc_mem_seal(&fx.mem);
}

/* A connection that has not said anything yet. */
static inline void fx_open(void)
{
    fx.now_ns = 1000000000;
    fx.emit_cap = 16384;
    fx.stream_cnt = 0;
    hp_init(&fx.peer);
    cr_assert_eq(tc_h2_open(&fx.h2, &fx.class, 7), TC_OK);
}

/* All that it took is back. */
static inline void fx_close(void)
{
    tc_h2_close(&fx.h2);
    hp_fini(&fx.peer);
    cr_assert_eq(fx.class.purse.used_bytes, 0);
    cr_assert_eq(fx.class.heads.used_cnt, 0);
}

static inline void fx_close_class(void)
{
    tc_h2_class_fini(&fx.class);
    tc_mem_fini(&fx.mem);
}

/* ---- bytes ---- */

/* What the client has written reaches the server, step bytes at a time, each piece a block of its
 * own. */
static inline void fx_feed_by(size_t step)
{
    for (size_t at = 0; at < fx.peer.out_len; at += step) {
        size_t n = TC_MIN(step, fx.peer.out_len - at);
        uint8_t *piece = malloc(n);
        memcpy(piece, fx.peer.out + at, n);
        tc_h2_feed(&fx.h2, piece, n, fx.now_ns);
        free(piece);
    }
    fx.peer.out_len = 0;
}

/* What the server has to say reaches the client. */
static inline const char *fx_hear(void)
{
    uint8_t *dst = malloc(fx.emit_cap);
    for (size_t n; (n = tc_h2_emit(&fx.h2, dst, fx.emit_cap, fx.now_ns)) > 0;) {
        cr_assert_leq(n, fx.emit_cap);
        hp_hear(&fx.peer, dst, n);
        memset(dst, 0xee, n);
    }
    free(dst);
    cr_assert(!tc_h2_has_output(&fx.h2) || fx.h2.fault == TC_H2_NO_MEMORY);
    return hp_take(&fx.peer);
}

/* Both; the lines that the client got. */
static inline const char *fx_run(void)
{
    fx_feed_by(fx.peer.out_len + 1);
    return fx_hear();
}

/* A connection whose beginning is over. */
static inline void fx_begin(void)
{
    fx_open();
    hp_preface(&fx.peer);
    cr_assert_str_eq(fx_run(), HP_SETTINGS);
}

/* The end that the server makes of it: what it says last, and why. */
static inline void fx_check_over(const char *lines, enum tc_h2_fault fault)
{
    cr_assert_str_eq(fx_run(), lines);
    cr_assert_eq(fx.h2.fault, fault);
    cr_assert(fx.h2.is_over);
}

#endif
