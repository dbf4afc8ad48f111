// SPDX-License-Identifier: Apache-2.0
/* Connections: frames in, frames out, and what a peer may not do (docs: reliability of HTTP/2). */
#include <stdio.h>

#include "proto/h2/h2_int.h"

enum { VERSION_MIN = 0x013d00 }; /* 1.61: bounded CONTINUATIONs */

const char tc_h2_preface[TC_H2_PREFACE_LEN + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* ---- faults ---- */

void tc_h2_fail(struct tc_h2 *h2, enum tc_h2_fault fault, uint32_t code)
{
    if (h2->fault != TC_H2_FINE)
        return;
    h2->fault = (uint8_t)fault;
    h2->has_frames = true;
    if (nghttp2_session_terminate_session(h2->session, code) != 0)
        h2->is_over = true;
}

void tc_h2_pay_reset(struct tc_h2 *h2)
{
    struct tc_h2_class *class = h2->class;
    if (!tc_bucket_try_take(&h2->resets, &class->reset_rate, 1, class->now_ns))
        tc_h2_fail(h2, TC_H2_CALM, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A frame that brings nothing: what we have sent pays for some, time for the rest. */
static void pay_empty(struct tc_h2 *h2)
{
    struct tc_h2_class *class = h2->class;
    if (h2->earned > 0)
        h2->earned--;
    else if (!tc_bucket_try_take(&h2->empties, &class->empty_rate, 1, class->now_ns))
        tc_h2_fail(h2, TC_H2_CALM, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void on_error(struct tc_h2 *h2, nghttp2_ssize error)
{
    switch (error) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
        tc_h2_fail(h2, TC_H2_CALM, NGHTTP2_ENHANCE_YOUR_CALM);
        break;
    case NGHTTP2_ERR_NOMEM:
        tc_h2_fail(h2, TC_H2_NO_MEMORY, NGHTTP2_INTERNAL_ERROR);
        h2->is_over = true; /* it may not even be told */
        break;
    default:
        tc_h2_fail(h2, TC_H2_PROTOCOL, NGHTTP2_PROTOCOL_ERROR);
        break;
    }
}

/* ---- in ---- */

/* What may come on a stream that is not open any more (RFC 9113 section 5.1): nothing, unless it
 * was we who ended it and the peer does not know yet. Stream numbers only go up (section 5.1.1).
 * nghttp2 passes over most of this. */
static void check_old(struct tc_h2 *h2, int32_t id)
{
    uint32_t back = (uint32_t)(h2->last_id - id) / 2;
    if (id % 2 == 0 || back >= 64 || nghttp2_session_find_stream(h2->session, id))
        return;
    if (!(h2->opened >> back & 1))
        tc_h2_fail(h2, TC_H2_PROTOCOL, NGHTTP2_PROTOCOL_ERROR);
    else if (!(h2->cut >> back & 1))
        tc_h2_fail(h2, TC_H2_PROTOCOL, NGHTTP2_STREAM_CLOSED);
}

static void on_new(struct tc_h2 *h2, int32_t id)
{
    uint32_t steps = ((uint32_t)id - (uint32_t)h2->last_id) / 2;
    h2->opened = steps < 64 ? h2->opened << steps : 0;
    h2->cut = steps < 64 ? h2->cut << steps : 0;
    h2->opened |= 1;
    h2->last_id = id;
}

/* We have ended a stream that the peer had not ended. */
static void on_cut(struct tc_h2 *h2, int32_t id)
{
    uint32_t back = (uint32_t)(h2->last_id - id) / 2;
    if (id <= h2->last_id && back < 64)
        h2->cut |= (uint64_t)1 << back;
}

static uint32_t get_u32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The head of a frame has come, of some with the number behind it: what PRIORITY depends on (RFC
 * 7540 section 5.3.1: not on the stream itself; what else it says is not used), and how much a
 * window grows. */
static void weigh(struct tc_h2 *h2)
{
    const uint8_t *b = h2->frame_head;
    int32_t id = (int32_t)(get_u32(b + 5) & INT32_MAX);
    switch (b[3]) {
    case NGHTTP2_DATA:
        if (id <= h2->last_id)
            check_old(h2, id);
        if (h2->frame_left == 0 && !(b[4] & NGHTTP2_FLAG_END_STREAM))
            pay_empty(h2);
        break;
    case NGHTTP2_HEADERS:
        h2->is_in_block = !(b[4] & NGHTTP2_FLAG_END_HEADERS);
        if (id <= h2->last_id)
            check_old(h2, id);
        else if (id % 2 == 1)
            on_new(h2, id);
        break;
    case NGHTTP2_RST_STREAM:
        tc_h2_pay_reset(h2);
        break;
    case NGHTTP2_CONTINUATION: /* few may follow each other */
        h2->is_in_block = !(b[4] & NGHTTP2_FLAG_END_HEADERS);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        /* a window that grows by drops makes us send drops: what was sent does not pay for it */
        if (h2->frame_head_len == TC_H2_FRAME_HEAD_MAX && get_u32(b + 9) < TC_H2_WINDOW_STEP_MIN)
            h2->earned = 0;
        pay_empty(h2);
        break;
    case NGHTTP2_PRIORITY:
        if (id == 0 || (h2->frame_head_len == TC_H2_FRAME_HEAD_MAX &&
                        (get_u32(b + 9) & INT32_MAX) == (uint32_t)id))
            tc_h2_fail(h2, TC_H2_PROTOCOL, NGHTTP2_PROTOCOL_ERROR);
        pay_empty(h2);
        break;
    default:
        pay_empty(h2);
        break;
    }
}

/* Bytes of the head that are looked at before a frame is let through. Of PRIORITY and WINDOW_UPDATE
 * there is but one length that is right. */
static uint32_t head_len(const struct tc_h2 *h2)
{
    const uint8_t *b = h2->frame_head;
    if (h2->frame_head_len < TC_H2_FRAME_HEAD || b[0] != 0 || b[1] != 0)
        return TC_H2_FRAME_HEAD;
    bool is_whole =
        (b[3] == NGHTTP2_PRIORITY && b[2] == 5) || (b[3] == NGHTTP2_WINDOW_UPDATE && b[2] == 4);
    return is_whole ? TC_H2_FRAME_HEAD_MAX : TC_H2_FRAME_HEAD;
}

static void pass(struct tc_h2 *h2, const uint8_t *bytes, size_t len)
{
    if (h2->fault != TC_H2_FINE)
        return;
    h2->has_frames = true;
    nghttp2_ssize rc = nghttp2_session_mem_recv2(h2->session, bytes, len);
    if (rc < 0)
        on_error(h2, rc);
}

static uint32_t stream_of(nghttp2_session *session, int32_t id)
{
    void *user = nghttp2_session_get_stream_user_data(session, id);
    return user ? (uint32_t)((uintptr_t)user - 1) : TC_NONE;
}

/* A WINDOW_UPDATE that is in order, by its head and step, is for our windows. false: nghttp2 is to
 * judge it, or needs it: the window that it keeps itself has been shut by the peer's settings. */
static bool take_window(struct tc_h2 *h2, bool is_first)
{
    const uint8_t *b = h2->frame_head;
    int32_t id = (int32_t)(get_u32(b + 5) & INT32_MAX);
    uint32_t step = get_u32(b + 9) & INT32_MAX;
    if (b[3] != NGHTTP2_WINDOW_UPDATE || h2->frame_head_len != TC_H2_FRAME_HEAD_MAX || is_first ||
        h2->is_in_block || step == 0 || h2->fault != TC_H2_FINE)
        return false;
    if (id == 0) {
        tc_h2_window_conn(h2, step);
        return true;
    }
    uint32_t stream = stream_of(h2->session, id);
    if (stream == TC_NONE)
        return false;
    tc_h2_window_stream(h2, id, stream, step);
    return nghttp2_session_get_stream_remote_window_size(h2->session, id) > 0;
}

/* A head is let through as a whole: nghttp2 counts the pieces of a CONTINUATION's as frames. */
static size_t head_step(struct tc_h2 *h2, const uint8_t *bytes, size_t len)
{
    size_t n = TC_MIN(len, (size_t)(head_len(h2) - h2->frame_head_len));
    memcpy(h2->frame_head + h2->frame_head_len, bytes, n);
    h2->frame_head_len = (uint8_t)(h2->frame_head_len + n);
    if (h2->frame_head_len < head_len(h2))
        return n;
    const uint8_t *b = h2->frame_head;
    uint32_t whole = h2->frame_head_len;
    h2->frame_left = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];
    weigh(h2);
    bool is_taken = take_window(h2, !h2->has_settings);
    h2->frame_left -= whole - TC_H2_FRAME_HEAD;
    h2->frame_head_len = 0;
    h2->frame_cnt += h2->frame_left == 0;
    h2->has_settings = true; /* nghttp2 takes no other frame as the first */
    if (!is_taken)
        pass(h2, b, whole);
    return n;
}

/* Takes what belongs together: the rest of the preface, of a frame's head, of a frame. Returns how
 * many of len bytes. */
static size_t step(struct tc_h2 *h2, const uint8_t *bytes, size_t len)
{
    if (h2->preface_left == 0 && h2->frame_left == 0)
        return head_step(h2, bytes, len);
    size_t n;
    if (h2->preface_left > 0) {
        n = TC_MIN(len, (size_t)h2->preface_left);
        h2->preface_left = (uint8_t)(h2->preface_left - n);
    } else {
        n = TC_MIN(len, (size_t)h2->frame_left);
        h2->frame_left -= (uint32_t)n;
        h2->frame_cnt += n > 0 && h2->frame_left == 0;
    }
    pass(h2, bytes, n);
    return n;
}

void tc_h2_feed(struct tc_h2 *h2, const uint8_t *bytes, size_t len, int64_t now_ns)
{
    h2->class->now_ns = now_ns;
    while (len > 0 && h2->fault == TC_H2_FINE) {
        size_t n = step(h2, bytes, len);
        bytes += n;
        len -= n;
    }
}

static void on_settings(struct tc_h2 *h2, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++) {
        if (settings->iv[i].settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)
            tc_h2_window_begin(h2, settings->iv[i].value);
    }
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct tc_h2 *h2 = ctx;
    uint8_t type = frame->hd.type;
    int32_t id = frame->hd.stream_id;
    if (type == NGHTTP2_SETTINGS)
        on_settings(h2, &frame->settings);
    if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA)
        return 0;
    if (type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        tc_h2_head_end(h2, id);
    uint32_t stream = stream_of(session, id);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM && stream != TC_NONE)
        h2->class->ops->on_end(h2, stream);
    return 0;
}

/* It is answered by a reset; what follows on its stream may be on its way already. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *ctx)
{
    (void)session;
    (void)error;
    if (frame->hd.stream_id > 0)
        on_cut(ctx, frame->hd.stream_id);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *ctx)
{
    struct tc_h2 *h2 = ctx;
    uint32_t stream = stream_of(session, id);
    (void)flags;
    if (stream != TC_NONE)
        h2->class->ops->on_data(h2, stream, bytes, len);
    else
        tc_h2_consume(h2, id, len);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct tc_h2 *h2 = ctx;
    uint32_t stream = stream_of(session, id);
    if (stream == TC_NONE)
        return 0;
    (void)nghttp2_session_set_stream_user_data(session, id, NULL);
    h2->stream_cnt--;
    tc_h2_body_drop(h2, stream);
    h2->class->ops->on_close(h2, stream, code);
    return 0;
}

/* ---- out ---- */

/* A request that was not read to its end is not waited for (RFC 9113 section 8.1). */
static void end_request(nghttp2_session *session, const nghttp2_frame *frame)
{
    int32_t id = frame->hd.stream_id;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
        nghttp2_session_get_stream_remote_close(session, id) == 0)
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
}

/* Most of what is wrong with frames nghttp2 finds and tells by itself. */
static void on_goaway(struct tc_h2 *h2, uint32_t code)
{
    if (h2->fault != TC_H2_FINE || code == NGHTTP2_NO_ERROR)
        return;
    h2->fault = code == NGHTTP2_ENHANCE_YOUR_CALM ? TC_H2_CALM
                : code == NGHTTP2_INTERNAL_ERROR  ? TC_H2_NO_MEMORY
                                                  : TC_H2_PROTOCOL;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    uint32_t stream = stream_of(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        stream != TC_NONE)
        tc_h2_body_begin(ctx, stream);
    uint32_t code = frame->hd.type == NGHTTP2_RST_STREAM ? frame->rst_stream.error_code : 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        on_cut(ctx, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        on_goaway(ctx, frame->goaway.error_code);
    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        end_request(session, frame);
    else if (code != NGHTTP2_NO_ERROR && code != NGHTTP2_CANCEL && code != NGHTTP2_REFUSED_STREAM)
        tc_h2_pay_reset(ctx); /* CVE-2025-8671: a peer can make us reset as well */
    return 0;
}

/* nghttp2's frames, until it has no more or there is no room. */
static void emit_frames(struct tc_h2 *h2)
{
    struct tc_h2_class *class = h2->class;
    while ((h2->has_frames && !h2->is_over) || h2->rest_len > 0) {
        size_t n = TC_MIN(class->cap - class->len, h2->rest_len);
        if (n > 0) {
            memcpy(class->dst + class->len, h2->rest, n);
            class->len += n;
            h2->rest += n;
            h2->rest_len -= n;
        }
        if (class->cap - class->len < TC_H2_EMIT_MIN)
            return;
        nghttp2_ssize rc = nghttp2_session_mem_send2(h2->session, &h2->rest);
        h2->has_frames = rc > 0;
        h2->rest_len = rc > 0 ? (size_t)rc : 0;
        if (rc >= TC_H2_FRAME_HEAD && h2->rest[3] == NGHTTP2_DATA)
            h2->rest_len = 0; /* an end that has been told (body.c) */
        if (rc < 0)
            on_error(h2, rc);
    }
    if (!nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session))
        h2->is_over = true;
}

size_t tc_h2_emit(struct tc_h2 *h2, uint8_t *dst, size_t cap, int64_t now_ns)
{
    struct tc_h2_class *class = h2->class;
    TC_ASSERT(cap >= TC_H2_EMIT_MIN);
    class->now_ns = now_ns;
    class->dst = dst;
    class->cap = cap;
    class->len = 0;
    do {
        if (h2->has_frames || h2->rest_len > 0)
            emit_frames(h2);
        if (h2->rest_len == 0 && h2->fault == TC_H2_FINE && !h2->is_over)
            tc_h2_body_emit(h2);
    } while (h2->has_frames && !h2->is_over && cap - class->len >= TC_H2_EMIT_MIN);
    return class->len;
}

/* ---- answers ---- */

static nghttp2_nv nv_of(struct tc_str name, struct tc_str value)
{
    return (nghttp2_nv){ (uint8_t *)name.ptr, (uint8_t *)value.ptr, name.len, value.len,
                         NGHTTP2_NV_FLAG_NONE };
}

bool tc_h2_respond(struct tc_h2 *h2, int32_t id, int status, const struct tc_http1_field *fields,
                   size_t cnt, bool is_last)
{
    char text[4];
    nghttp2_nv nvs[TC_H2_FIELDS_MAX + 1];
    TC_ASSERT(cnt <= TC_H2_FIELDS_MAX && status >= 100 && status <= 999);
    snprintf(text, sizeof(text), "%d", status);
    nvs[0] = nv_of(TC_STR(":status"), (struct tc_str){ text, 3 });
    for (size_t i = 0; i < cnt; i++)
        nvs[i + 1] = nv_of(fields[i].name, fields[i].value);
    h2->has_frames = true;
    return nghttp2_submit_headers(h2->session, is_last ? NGHTTP2_FLAG_END_STREAM : 0, id, NULL, nvs,
                                  cnt + 1, NULL) == 0;
}

bool tc_h2_trailers(struct tc_h2 *h2, int32_t id, const struct tc_http1_field *fields, size_t cnt)
{
    nghttp2_nv nvs[TC_H2_FIELDS_MAX];
    TC_ASSERT(cnt <= TC_H2_FIELDS_MAX);
    for (size_t i = 0; i < cnt; i++)
        nvs[i] = nv_of(fields[i].name, fields[i].value);
    return nghttp2_submit_trailer(h2->session, id, nvs, cnt) == 0;
}

/* The calls below fail when the stream is gone, which is what they were to bring about, or for
 * want of memory, which the next one that reads or writes will tell. */

void tc_h2_consume(struct tc_h2 *h2, int32_t id, size_t len)
{
    h2->has_frames = true;
    (void)nghttp2_session_consume(h2->session, id, len);
}

void tc_h2_reset(struct tc_h2 *h2, int32_t id, uint32_t code)
{
    h2->has_frames = true;
    (void)nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, code);
}

void tc_h2_goaway_soon(struct tc_h2 *h2)
{
    h2->has_frames = true;
    (void)nghttp2_submit_shutdown_notice(h2->session);
}

void tc_h2_goaway(struct tc_h2 *h2)
{
    h2->has_frames = true;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session);
    (void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
}

void tc_h2_terminate(struct tc_h2 *h2, uint32_t code)
{
    h2->has_frames = true;
    if (nghttp2_session_terminate_session(h2->session, code) != 0)
        h2->is_over = true; /* it cannot even be told */
}

void tc_h2_ping(struct tc_h2 *h2)
{
    h2->has_frames = true;
    (void)nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
}

/* ---- life ---- */

static void *mem_alloc(size_t bytes, void *ctx)
{
    return tc_purse_alloc(ctx, bytes);
}

static void mem_free(void *ptr, void *ctx)
{
    tc_purse_free(ctx, ptr);
}

static void *mem_realloc(void *ptr, size_t bytes, void *ctx)
{
    return tc_purse_realloc(ctx, ptr, bytes);
}

static void *mem_calloc(size_t cnt, size_t unit_bytes, void *ctx)
{
    size_t bytes;
    if (__builtin_mul_overflow(cnt, unit_bytes, &bytes))
        return NULL;
    void *ptr = tc_purse_alloc(ctx, bytes);
    return ptr ? memset(ptr, 0, bytes) : NULL;
}

static bool set_up(struct tc_h2_class *class)
{
    if (nghttp2_session_callbacks_new(&class->callbacks) != 0 ||
        nghttp2_option_new(&class->option) != 0)
        return false;
    nghttp2_session_callbacks *c = class->callbacks;
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, tc_h2_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, tc_h2_on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c, tc_h2_on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_option *o = class->option;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_max_continuations(o, TC_H2_CONTINUATIONS_MAX);
    nghttp2_option_set_no_closed_streams(o, 1);
    return true;
}

int tc_h2_class_init(struct tc_h2_class *class, const struct tc_h2_ops *ops, void *ctx,
                     uint32_t heads, uint64_t memory_bytes, struct tc_mem *mem, const char *holder,
                     struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    const nghttp2_info *info = nghttp2_version(VERSION_MIN);
    memset(class, 0, sizeof(*class));
    class->ops = ops;
    class->ctx = ctx;
    class->purse.limit_bytes = memory_bytes;
    class->mem = (nghttp2_mem){ &class->purse, mem_alloc, mem_free, mem_calloc, mem_realloc };
    class->reset_rate = tc_bucket_rate(TC_H2_RESETS_PER_S, TC_H2_RESETS_MAX);
    class->empty_rate = tc_bucket_rate(TC_H2_EMPTY_PER_S, TC_H2_EMPTY_MAX);
    if (!info)
        return tc_err_set(err, -TC_EIO,
                          "libnghttp2 %s is too old to be safe (CVE-2024-28182): 1.61 or newer is "
                          "needed",
                          nghttp2_version(0)->version_str);
    snprintf(name, sizeof(name), "%.24s: HTTP/2 heads", holder);
    int rc = tc_pool_init(&class->heads, mem, name, sizeof(struct tc_h2_head), heads, err);
    snprintf(name, sizeof(name), "%.24s: nghttp2", holder);
    if (rc == TC_OK)
        rc = tc_mem_count(mem, name, memory_bytes, err);
    if (rc == TC_OK && !set_up(class))
        rc = tc_err_set(err, -TC_ENOMEM, "%s: no memory", name);
    return rc;
}

void tc_h2_class_fini(struct tc_h2_class *class)
{
    nghttp2_session_callbacks_del(class->callbacks);
    nghttp2_option_del(class->option);
    class->callbacks = NULL;
    class->option = NULL;
}

int tc_h2_open(struct tc_h2 *h2, struct tc_h2_class *class, uint32_t tag)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, TC_H2_STREAMS_MAX },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, TC_H2_HEAD_MAX },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    memset(h2, 0, sizeof(*h2));
    h2->class = class;
    h2->tag = tag;
    h2->head = TC_NONE;
    h2->last_id = -1;
    h2->asked = TC_NONE;
    h2->window = h2->window_begin = TC_H2_WINDOW_BEGIN;
    h2->has_frames = true;
    h2->preface_left = TC_H2_PREFACE_LEN;
    if (nghttp2_session_server_new3(&h2->session, class->callbacks, h2, class->option,
                                    &class->mem) != 0)
        return -TC_ENOMEM;
    if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, TC_ARRAY_CNT(settings)) !=
        0) {
        nghttp2_session_del(h2->session);
        h2->session = NULL;
        return -TC_ENOMEM;
    }
    return TC_OK;
}

void tc_h2_close(struct tc_h2 *h2)
{
    tc_h2_head_drop(h2);
    nghttp2_session_del(h2->session);
    h2->session = NULL;
}
