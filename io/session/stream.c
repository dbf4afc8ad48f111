// SPDX-License-Identifier: Apache-2.0
/* Requests over HTTP/2 and the bodies of their answers: pages, calls of gRPC, lanes. */
#include "io/session/cors.h"
#include "io/session/h2.h"
#include "io/session/pack.h"

static struct tc_net *net_of(const struct tc_h2 *h2)
{
    return h2->class->ctx;
}

static struct tc_grpc_call *call_of(const struct tc_net *net, const struct tc_stream *s)
{
    return s->call == TC_NONE ? NULL : tc_pool_at(&tc_sessions_of(net)->grpc.calls, s->call);
}

/* ---- life ---- */

static void list_add(struct tc_net *net, struct tc_h2_conn *hc, uint32_t stream)
{
    struct tc_stream *s = tc_stream_at(net, stream);
    if (hc->streams == TC_NONE) {
        s->next = s->prev = hc->streams = stream;
        return;
    }
    struct tc_stream *first = tc_stream_at(net, hc->streams);
    s->next = hc->streams;
    s->prev = first->prev;
    tc_stream_at(net, first->prev)->next = stream;
    first->prev = stream;
}

static void list_remove(struct tc_net *net, struct tc_h2_conn *hc, uint32_t stream)
{
    struct tc_stream *s = tc_stream_at(net, stream);
    tc_stream_at(net, s->prev)->next = s->next;
    tc_stream_at(net, s->next)->prev = s->prev;
    if (hc->streams == stream)
        hc->streams = s->next == stream ? TC_NONE : s->next;
    hc->stream_cnt--;
}

static void drop(struct tc_net *net, struct tc_h2_conn *hc, uint32_t stream)
{
    struct tc_sessions *sessions = tc_sessions_of(net);
    struct tc_stream *s = tc_stream_at(net, stream);
    if (s->call != TC_NONE)
        tc_grpc_close(call_of(net, s));
    list_remove(net, hc, stream);
    tc_block_free(&net->slab, &s->out);
    tc_block_free(&net->slab, &s->tail);
    tc_pool_release(&sessions->streams, stream);
    tc_count_set(&net->conf.metric->streams, sessions->streams.used_cnt);
}

void tc_streams_drop(struct tc_net *net, struct tc_h2_conn *hc)
{
    while (hc->streams != TC_NONE)
        drop(net, hc, hc->streams);
}

bool tc_streams_are_stuck(const struct tc_net *net, const struct tc_h2_conn *hc)
{
    uint32_t i = hc->streams;
    uint64_t bytes = 0;
    for (uint32_t cnt = hc->stream_cnt; cnt > 0; cnt--) {
        const struct tc_stream *s = tc_stream_at(net, i);
        if (s->page_len > 0)
            return true;
        bytes += s->is_fan ? 0 : tc_block_left(&s->out);
        i = s->next;
    }
    return bytes > TC_H2_STUCK_BYTES;
}

int64_t tc_streams_on_time(struct tc_net *net, struct tc_h2_conn *hc)
{
    int64_t due_ns = INT64_MAX;
    uint32_t i = hc->streams;
    for (uint32_t cnt = hc->stream_cnt; cnt > 0; cnt--) {
        const struct tc_stream *s = tc_stream_at(net, i);
        struct tc_grpc_call *call = call_of(net, s);
        i = s->next;
        if (call && net->now_ns >= tc_grpc_due_ns(call))
            tc_grpc_on_time(call);
        if (call)
            due_ns = TC_MIN(due_ns, tc_grpc_due_ns(call));
    }
    return due_ns;
}

void tc_streams_drain(struct tc_net *net, struct tc_h2_conn *hc, uint32_t reconnect_ms)
{
    uint32_t i = hc->streams;
    for (uint32_t cnt = hc->stream_cnt; cnt > 0; cnt--) {
        const struct tc_stream *s = tc_stream_at(net, i);
        if (s->call != TC_NONE)
            tc_grpc_drain(call_of(net, s), reconnect_ms);
        i = s->next;
    }
}

/* ---- requests ---- */

static void answer(struct tc_h2 *h2, struct tc_stream *s)
{
    struct tc_net *net = net_of(h2);
    struct tc_reply_text text;
    struct tc_http1_field fields[TC_REPLY_FIELDS_MAX];
    size_t cnt = tc_reply_fields(&s->reply, &text, fields);
    size_t len = text.body_len;
    if (!s->is_head && s->reply.code && !tc_block_append(&net->slab, &s->out, text.body, len)) {
        tc_h2_reset(h2, s->body.id, NGHTTP2_ENHANCE_YOUR_CALM);
        return;
    }
    if (!s->is_head && !s->reply.code) {
        s->page = s->reply.body;
        s->page_len = len;
    }
    s->is_ended = true;
    if (!tc_h2_respond(h2, s->body.id, s->reply.status, fields, cnt, s->is_head || len == 0))
        tc_h2_reset(h2, s->body.id, NGHTTP2_INTERNAL_ERROR);
    s->reply.status = 0;
}

static void begin_call(struct tc_net *net, uint32_t stream, enum tc_grpc_kind kind, bool is_proto,
                       const struct tc_h2_head *head)
{
    struct tc_stream *s = tc_stream_at(net, stream);
    struct tc_grpc_start start = {
        .carrier = &tc_stream_carrier,
        .slot = s->slot,
        .stream = stream,
        .kind = kind,
        .is_proto = is_proto,
        .head = { .path = head->path,
                  .host = head->host,
                  .fields = head->fields,
                  .field_cnt = head->field_cnt },
    };
    s->call = tc_grpc_open(net, &start);
    if (s->call == TC_NONE)
        tc_route_close(TC_CLOSE_NO_CONTEXT, &s->reply);
    else
        tc_grpc_begin(call_of(net, s), &start);
}

/* A browser asks whether a page may call; there is no body to wait for. */
static bool preflight(struct tc_net *net, const struct tc_stream *s, const struct tc_h2_head *head)
{
    struct tc_http1_field fields[TC_CORS_FIELDS_MAX];
    if (head->method != TC_HTTP1_OPTIONS || !tc_h2_field(head, "access-control-request-method").ptr)
        return false;
    size_t cnt = tc_cors_preflight(net, tc_h2_field(head, "origin"), head->host,
                                   tc_h2_field(head, "access-control-request-headers"), fields);
    struct tc_h2 *h2 = &tc_h2_conn_of(net, s->slot)->h2;
    if (!tc_h2_respond(h2, s->body.id, cnt ? 204 : 403, fields, cnt, true))
        tc_h2_reset(h2, s->body.id, NGHTTP2_INTERNAL_ERROR);
    return true;
}

static void begin(struct tc_net *net, uint32_t stream, const struct tc_h2_head *head)
{
    struct tc_stream *s = tc_stream_at(net, stream);
    bool is_proto = false;
    const struct tc_grpc_service *service = NULL;
    const struct tc_grpc_server *server = tc_sessions_of(net)->grpc.server;
    enum tc_grpc_kind kind = TC_GRPC_KIND_NONE;
    if (server)
        kind = tc_grpc_content_type(tc_h2_field(head, "content-type"), &is_proto);
    bool is_method = tc_grpc_method_find(server, head->path, &service) != NULL;
    if (is_method && preflight(net, s, head))
        return;
    if (kind != TC_GRPC_KIND_NONE && head->method == TC_HTTP1_POST) {
        begin_call(net, stream, kind, is_proto, head);
    } else if (is_method || kind != TC_GRPC_KIND_NONE) {
        tc_route_grpc(head->method, &s->reply);
    } else {
        tc_route(net, head->method, head->path, &s->reply);
    }
    if (head->target.len == 0)
        answer(&tc_h2_conn_of(net, s->slot)->h2, s); /* CONNECT: there is no end to wait for */
}

static uint32_t on_request(struct tc_h2 *h2, int32_t id, const struct tc_h2_head *head)
{
    struct tc_net *net = net_of(h2);
    struct tc_sessions *sessions = tc_sessions_of(net);
    uint32_t stream = tc_pool_acquire(&sessions->streams);
    if (stream == TC_NONE) {
        tc_h2_reset(h2, id, NGHTTP2_REFUSED_STREAM);
        return TC_NONE;
    }
    struct tc_h2_conn *hc = tc_h2_conn_of(net, h2->tag);
    *tc_stream_at(net, stream) = (struct tc_stream){
        .slot = h2->tag, .body.id = id, .call = TC_NONE, .is_head = head->method == TC_HTTP1_HEAD
    };
    list_add(net, hc, stream);
    hc->stream_cnt++;
    tc_count_add(&net->conf.metric->requests, 1);
    tc_count_set(&net->conf.metric->streams, sessions->streams.used_cnt);
    begin(net, stream, head);
    return stream;
}

static void on_close(struct tc_h2 *h2, uint32_t stream, uint32_t code)
{
    struct tc_net *net = net_of(h2);
    (void)code;
    drop(net, tc_h2_conn_of(net, h2->tag), stream);
}

static void on_end(struct tc_h2 *h2, uint32_t stream)
{
    struct tc_net *net = net_of(h2);
    struct tc_stream *s = tc_stream_at(net, stream);
    if (s->call != TC_NONE)
        tc_grpc_half_close(call_of(net, s));
    else if (s->reply.status)
        answer(h2, s);
}

/* A body that no path takes is passed over, within bounds, and then comes the answer. */
static void on_data(struct tc_h2 *h2, uint32_t stream, const uint8_t *bytes, size_t len)
{
    struct tc_net *net = net_of(h2);
    struct tc_stream *s = tc_stream_at(net, stream);
    s->body_bytes += len;
    if (s->call != TC_NONE)
        tc_grpc_data(call_of(net, s), bytes, len);
    tc_h2_consume(h2, s->body.id, len);
    if (s->body_bytes > TC_STREAM_BODY_MAX && s->reply.status) {
        s->reply = (struct tc_reply){ .status = 413,
                                      .code = "body-too-large",
                                      .detail = "no path here takes so long a request body" };
        answer(h2, s);
    }
}

/* ---- bodies ---- */

/* Trailers are packed until the body is out. */
static enum tc_h2_more end_of(struct tc_h2 *h2, struct tc_stream *s)
{
    struct tc_http1_field fields[TC_H2_FIELDS_MAX];
    struct tc_slab *slab = &net_of(h2)->slab;
    size_t cnt = tc_pack_fields(slab, &s->tail, fields, TC_H2_FIELDS_MAX);
    if (cnt == 0)
        return TC_H2_END;
    bool is_told = tc_h2_trailers(h2, s->body.id, fields, cnt);
    tc_block_free(slab, &s->tail);
    return is_told ? TC_H2_TRAILERS : TC_H2_END;
}

/* Bytes that fan has planned; if there are none and a window is open, it may go on. */
static size_t planned(struct tc_net *net, uint32_t stream, bool is_open)
{
    struct tc_sessions *sessions = tc_sessions_of(net);
    struct tc_stream *s = tc_stream_at(net, stream);
    uint32_t conn = tc_net_stream_conn(net, stream);
    s->planned_len = 0;
    if (!s->is_fan || s->is_ended)
        return 0;
    if (tc_fan_is_planned(net->conf.fan, conn))
        sessions->piece_cnt = tc_fan_gather(net->conf.fan, conn, sessions->pieces,
                                            TC_REACTOR_IOV_MAX, &s->planned_len);
    else if (is_open && tc_block_left(&s->out) == 0)
        tc_fan_conn_writable(net->conf.fan, conn);
    return s->planned_len;
}

static size_t peek(struct tc_h2 *h2, uint32_t stream, size_t max, enum tc_h2_more *more)
{
    struct tc_net *net = net_of(h2);
    struct tc_stream *s = tc_stream_at(net, stream);
    size_t have = tc_block_left(&s->out) + s->page_len + planned(net, stream, max > 0);
    *more = TC_H2_MORE;
    if (have <= max && s->is_ended)
        *more = end_of(h2, s);
    else if (have == 0)
        *more = TC_H2_WAIT;
    return TC_MIN(have, max);
}

/* Bytes that fan has planned; the rest of a message that the windows have cut follows them. */
static void take_planned(struct tc_net *net, uint32_t stream, uint8_t *dst, size_t len)
{
    const struct tc_sessions *sessions = tc_sessions_of(net);
    struct tc_stream *s = tc_stream_at(net, stream);
    struct tc_fan_piece tail;
    uint32_t conn = tc_net_stream_conn(net, stream);
    size_t left = len;
    for (uint32_t i = 0; i < sessions->piece_cnt && left > 0; i++) {
        size_t n = TC_MIN(left, (size_t)sessions->pieces[i].len);
        memcpy(dst, sessions->pieces[i].bytes, n);
        dst += n;
        left -= n;
    }
    tc_fan_settle(net->conf.fan, conn, (uint32_t)len, len < s->planned_len, &tail);
    if (tail.len && !tc_block_append(&net->slab, &s->out, tail.bytes, tail.len)) {
        tc_count_add(&net->conf.metric->spill_empty, 1);
        tc_h2_reset(&tc_h2_conn_of(net, s->slot)->h2, s->body.id, NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

static void take(struct tc_h2 *h2, uint32_t stream, uint8_t *dst, size_t len)
{
    struct tc_net *net = net_of(h2);
    struct tc_stream *s = tc_stream_at(net, stream);
    size_t n = TC_MIN(len, (size_t)tc_block_left(&s->out));
    tc_h2_conn_of(net, s->slot)->moved_bytes += len;
    tc_block_take(&net->slab, &s->out, dst, n);
    dst += n;
    len -= n;
    if (n > 0 && s->call != TC_NONE)
        tc_grpc_drained(call_of(net, s));
    n = TC_MIN(len, s->page_len);
    if (n > 0) {
        memcpy(dst, s->page, n);
        s->page += n;
        s->page_len -= n;
    }
    if (s->planned_len > 0)
        take_planned(net, stream, dst + n, len - n);
}

static struct tc_h2_body *body(struct tc_h2 *h2, uint32_t stream)
{
    return &tc_stream_at(net_of(h2), stream)->body;
}

static uint32_t next(struct tc_h2 *h2, uint32_t stream)
{
    const struct tc_net *net = net_of(h2);
    const struct tc_h2_conn *hc = tc_h2_conn_of(net, h2->tag);
    uint32_t found = stream == TC_NONE ? hc->streams : tc_stream_at(net, stream)->next;
    return stream != TC_NONE && found == hc->streams ? TC_NONE : found;
}

const struct tc_h2_ops tc_stream_ops = {
    .on_request = on_request,
    .on_data = on_data,
    .on_end = on_end,
    .on_close = on_close,
    .body = body,
    .next = next,
    .peek = peek,
    .take = take,
};

/* ---- the carrier of calls ---- */

static struct tc_h2 *h2_of(const struct tc_grpc_call *call)
{
    return &tc_h2_conn_of(call->net, call->slot)->h2;
}

static struct tc_stream *stream_of(const struct tc_grpc_call *call)
{
    return tc_stream_at(call->net, call->stream);
}

static void carry_abort(struct tc_grpc_call *call)
{
    tc_h2_reset(h2_of(call), stream_of(call)->body.id, NGHTTP2_ENHANCE_YOUR_CALM);
    tc_net_out_list(call->net, call->slot);
}

static void carry_head(struct tc_grpc_call *call, const struct tc_http1_field *fields, size_t cnt,
                       bool is_last)
{
    struct tc_stream *s = stream_of(call);
    s->is_ended = is_last;
    if (!tc_h2_respond(h2_of(call), s->body.id, 200, fields, cnt, is_last))
        carry_abort(call);
    tc_net_out_list(call->net, call->slot);
}

static bool carry_write(struct tc_grpc_call *call, const void *bytes, size_t len)
{
    struct tc_stream *s = stream_of(call);
    if (!tc_block_append(&call->net->slab, &s->out, bytes, len))
        return false;
    tc_h2_resume(h2_of(call), call->stream);
    tc_net_out_list(call->net, call->slot);
    return true;
}

static void carry_finish(struct tc_grpc_call *call, const struct tc_http1_field *fields, size_t cnt)
{
    struct tc_stream *s = stream_of(call);
    s->is_ended = true;
    for (size_t i = 0; i < cnt; i++) {
        if (!tc_pack_add(&call->net->slab, &s->tail, &fields[i])) {
            carry_abort(call);
            return;
        }
    }
    tc_h2_resume(h2_of(call), call->stream);
    tc_net_out_list(call->net, call->slot);
}

static size_t carry_backlog(const struct tc_grpc_call *call)
{
    return tc_block_left(&stream_of(call)->out);
}

static void carry_arm(struct tc_grpc_call *call)
{
    struct tc_h2_conn *hc = tc_h2_conn_of(call->net, call->slot);
    int64_t due_ns = tc_grpc_due_ns(call);
    if (due_ns < hc->armed_ns) {
        hc->armed_ns = due_ns;
        tc_net_arm(call->net, call->slot, due_ns);
    }
}

static uint32_t carry_join(struct tc_grpc_call *call, uint32_t *dialect)
{
    struct tc_stream *s = stream_of(call);
    bool is_text = call->kind == TC_GRPC_KIND_WEB_TEXT;
    *dialect = is_text ? TC_SESSION_GRPC_TEXT : TC_SESSION_GRPC;
    s->is_fan = true;
    tc_net_stream_open(call->net, call->stream, call->slot, *dialect);
    return tc_net_stream_conn(call->net, call->stream);
}

static void carry_part(struct tc_grpc_call *call)
{
    stream_of(call)->is_fan = false;
    tc_net_stream_close(call->net, call->stream);
}

const struct tc_grpc_carrier tc_stream_carrier = {
    .respond = carry_head,
    .write = carry_write,
    .finish = carry_finish,
    .abort = carry_abort,
    .backlog = carry_backlog,
    .arm = carry_arm,
    .join = carry_join,
    .part = carry_part,
    .write_framed = carry_write,
};
