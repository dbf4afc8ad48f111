// SPDX-License-Identifier: Apache-2.0
/* Bytes of an HTTP/2 peer; the first byte chooses what the streams do and how much memory there is.
 * Whatever comes, the glue ends, keeps its limits, tells the same however the bytes are cut, tells
 * nothing of a stream that is over, and gives all its memory back. */
#include <stdlib.h>

#include "proto/h2/h2.h"

enum { STREAMS_MAX = 256, BODY_MAX = 5000, OUT_MAX = 16384 };
#define MEMORY_BYTES (16ull << 20)

/* What the first byte chooses. */
enum {
    MODE_NO_PREFACE = 1, /* the input has its own */
    MODE_KEEP = 2,       /* bodies are not consumed */
    MODE_TRAILERS = 4,
    MODE_WAIT = 8, /* answers wait until the input is over */
};

struct stream {
    uint64_t sum; /* of its body */
    struct tc_h2_body body;
    uint32_t left; /* bytes of the answer */
    bool is_open;
    bool is_answered;
};

/* What a feeding gave. */
struct result {
    uint64_t sum;
    uint32_t event_cnt;
    uint8_t fault;
    bool is_over;
};

static struct tc_h2_class class;
static struct tc_h2 h2;
static struct stream streams[STREAMS_MAX];
static uint32_t stream_cnt;
static struct result result;
static unsigned mode;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3ull;
    return sum;
}

static void event(char kind, uint64_t value)
{
    result.event_cnt++;
    result.sum = mix(result.sum, &kind, 1);
    result.sum = mix(result.sum, &value, sizeof(value));
}

static uint64_t mix_view(const struct tc_h2_head *head, uint64_t sum, struct tc_str s)
{
    TC_ASSERT(s.len == 0 || (s.ptr >= head->bytes && s.ptr + s.len <= head->bytes + head->used));
    return mix(sum, s.ptr, s.len);
}

static uint32_t on_request(struct tc_h2 *conn, int32_t id, const struct tc_h2_head *head)
{
    uint64_t sum = mix(0, &id, sizeof(id));
    TC_ASSERT(head->field_cnt <= TC_H2_FIELDS_MAX && head->used <= TC_H2_HEAD_MAX);
    TC_ASSERT(head->host.len > 0 && head->path.len + head->query.len <= head->target.len);
    TC_ASSERT(!memchr(head->path.ptr, '?', head->path.len));
    sum = mix_view(head, sum, head->target);
    sum = mix_view(head, sum, head->path);
    sum = mix_view(head, sum, head->query);
    sum = mix_view(head, sum, head->host);
    sum = mix_view(head, sum, head->scheme);
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        TC_ASSERT(head->fields[i].name.len > 0 && head->fields[i].name.ptr[0] != ':');
        sum = mix_view(head, sum, head->fields[i].name);
        sum = mix_view(head, sum, head->fields[i].value);
    }
    event('r', sum);
    if (stream_cnt == STREAMS_MAX || head->query.len == 1) {
        tc_h2_reset(conn, id, NGHTTP2_REFUSED_STREAM);
        return TC_NONE;
    }
    streams[stream_cnt] = (struct stream){ .body.id = id, .is_open = true };
    streams[stream_cnt].left = (uint32_t)(sum % BODY_MAX);
    return stream_cnt++;
}

static struct stream *stream_at(uint32_t stream)
{
    TC_ASSERT(stream < stream_cnt && streams[stream].is_open);
    return &streams[stream];
}

static void on_data(struct tc_h2 *conn, uint32_t stream, const uint8_t *bytes, size_t len)
{
    struct stream *s = stream_at(stream);
    s->sum = mix(s->sum, bytes, len);
    if (!(mode & MODE_KEEP))
        tc_h2_consume(conn, s->body.id, len);
}

static void on_end(struct tc_h2 *conn, uint32_t stream)
{
    struct stream *s = stream_at(stream);
    struct tc_http1_field field = { TC_STR("x"), TC_STR("y") };
    event('e', s->sum);
    s->is_answered = tc_h2_respond(conn, s->body.id, 200, &field, 1, s->left == 0);
}

static void on_close(struct tc_h2 *conn, uint32_t stream, uint32_t code)
{
    (void)conn;
    event('c', code);
    stream_at(stream)->is_open = false;
}

static size_t peek(struct tc_h2 *conn, uint32_t stream, size_t max, enum tc_h2_more *more)
{
    const struct stream *s = stream_at(stream);
    struct tc_http1_field field = { TC_STR("t"), TC_STR("1") };
    size_t n = TC_MIN(max, (size_t)s->left);
    TC_ASSERT(s->is_answered);
    if (mode & MODE_WAIT) {
        *more = TC_H2_WAIT;
        return 0;
    }
    *more = n < s->left ? TC_H2_MORE : TC_H2_END;
    if (n == s->left && mode & MODE_TRAILERS && tc_h2_trailers(conn, s->body.id, &field, 1))
        *more = TC_H2_TRAILERS;
    return n;
}

static void take(struct tc_h2 *conn, uint32_t stream, uint8_t *dst, size_t len)
{
    struct stream *s = stream_at(stream);
    (void)conn;
    TC_ASSERT(len > 0 && len <= s->left);
    memset(dst, 'b', len);
    s->left -= (uint32_t)len;
}

static struct tc_h2_body *body(struct tc_h2 *conn, uint32_t stream)
{
    (void)conn;
    return &stream_at(stream)->body;
}

static uint32_t next(struct tc_h2 *conn, uint32_t stream)
{
    (void)conn;
    for (uint32_t s = stream + 1; s < stream_cnt; s++) { /* TC_NONE + 1 is 0 */
        if (streams[s].is_open)
            return s;
    }
    return TC_NONE;
}

static const struct tc_h2_ops ops = {
    .on_request = on_request,
    .on_data = on_data,
    .on_end = on_end,
    .on_close = on_close,
    .body = body,
    .next = next,
    .peek = peek,
    .take = take,
};

static void emit_all(size_t cap)
{
    uint8_t *out = malloc(cap); /* its end is watched */
    for (size_t n; (n = tc_h2_emit(&h2, out, cap, 1)) > 0;)
        TC_ASSERT(n <= cap);
    free(out);
}

/* Emits with that room after each piece of the input; 0: at the end only. */
static struct result feed(const uint8_t *data, size_t size, size_t step, size_t cap)
{
    result = (struct result){ 0 };
    stream_cnt = 0;
    if (tc_h2_open(&h2, &class, 1) != TC_OK) {
        TC_ASSERT(class.purse.used_bytes == 0);
        return result;
    }
    if (!(mode & MODE_NO_PREFACE))
        tc_h2_feed(&h2, (const uint8_t *)tc_h2_preface, TC_H2_PREFACE_LEN, 1);
    for (size_t at = 0; at < size; at += step) {
        size_t n = TC_MIN(step, size - at);
        uint8_t *copy = n > 2 ? malloc(n) : NULL; /* its end is watched */
        tc_h2_feed(&h2, copy ? memcpy(copy, data + at, n) : data + at, n, 1);
        free(copy);
        if (cap > 0)
            emit_all(cap);
    }
    struct result fed = result;
    if (mode & MODE_WAIT) {
        emit_all(OUT_MAX);
        mode &= ~(unsigned)MODE_WAIT;
        for (uint32_t i = 0; i < stream_cnt; i++) {
            if (streams[i].is_open)
                tc_h2_resume(&h2, i);
        }
    }
    emit_all(OUT_MAX);
    fed.fault = h2.fault;
    fed.is_over = h2.is_over;
    uint32_t open_cnt = 0;
    for (uint32_t i = 0; i < stream_cnt; i++)
        open_cnt += streams[i].is_open;
    TC_ASSERT(open_cnt == h2.stream_cnt && open_cnt <= TC_H2_STREAMS_MAX);
    tc_h2_goaway_soon(&h2);
    tc_h2_goaway(&h2);
    tc_h2_terminate(&h2, NGHTTP2_NO_ERROR);
    emit_all(TC_H2_EMIT_MIN);
    TC_ASSERT(h2.is_over);
    tc_h2_close(&h2);
    TC_ASSERT(class.purse.used_bytes == 0 && class.heads.used_cnt == 0);
    return fed;
}

static void make_class(void)
{
    static struct tc_mem mem;
    struct tc_err err = { 0 };
    tc_mem_init(&mem, 0);
    int rc = tc_h2_class_init(&class, &ops, NULL, 1, MEMORY_BYTES, &mem, "fuzz", &err);
    TC_ASSERT(rc == TC_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 2, 7, 100, SIZE_MAX / 2 };
    if (!class.ops)
        make_class();
    if (size == 0)
        return 0;
    unsigned chosen = data[0];
    data++;
    size--;
    mode = chosen;
    struct result one = feed(data, size, 1, 0);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        mode = chosen;
        struct result r = feed(data, size, steps[i], 0);
        TC_ASSERT(r.event_cnt == one.event_cnt && r.sum == one.sum);
        TC_ASSERT(r.fault == one.fault && r.is_over == one.is_over);
    }
    mode = chosen;
    (void)feed(data, size, 50, TC_H2_EMIT_MIN + chosen);
    mode = chosen;
    class.purse.limit_bytes = 1024 * (uint64_t)(chosen >> 4) + 64 * size;
    (void)feed(data, size, 50, OUT_MAX);
    class.purse.limit_bytes = MEMORY_BYTES;
    return 0;
}
