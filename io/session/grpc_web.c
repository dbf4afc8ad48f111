// SPDX-License-Identifier: Apache-2.0
/* gRPC-Web over HTTP/1.1 (gRPC's PROTOCOL-WEB.md): one call after another on a connection. */
#include "io/session/grpc_web.h"

#include "io/session/cors.h"

#define MS_NS 1000000ll

static struct tc_web *web_of(const struct tc_net *net, uint32_t slot)
{
    return tc_pool_at(&tc_sessions_of(net)->webs, net->conns[slot].ctx);
}

static struct tc_grpc_call *call_of(const struct tc_net *net, const struct tc_web *web)
{
    return tc_pool_at(&tc_sessions_of(net)->grpc.calls, web->call);
}

/* ---- heads ---- */

enum { LINES_MAX = 3 * TC_GRPC_METADATA_MAX };

/* Fields as lines; they are valid, so no line breaks another. */
static void put_lines(const struct tc_http1_field *fields, size_t cnt, char lines[LINES_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < cnt; i++) {
        const struct tc_http1_field *f = &fields[i];
        TC_ASSERT(len + f->name.len + f->value.len + sizeof(": \r\n") < LINES_MAX);
        memcpy(lines + len, f->name.ptr, f->name.len);
        len += f->name.len;
        memcpy(lines + len, ": ", 2);
        if (f->value.len > 0)
            memcpy(lines + len + 2, f->value.ptr, f->value.len);
        len += f->value.len + 2;
        memcpy(lines + len, TC_HTTP1_CRLF, 2);
        len += 2;
    }
    lines[len] = '\0';
}

static void write_head(struct tc_net *net, uint32_t slot, struct tc_http1_answer *head,
                       const struct tc_http1_field *fields, size_t cnt)
{
    char lines[LINES_MAX];
    char out[LINES_MAX + TC_HTTP1_ANSWER_MAX];
    put_lines(fields, cnt, lines);
    head->extra = lines;
    size_t len = tc_http1_answer(out, sizeof(out), head);
    TC_ASSERT(len > 0);
    tc_net_write(net, slot, out, len);
}

/* ---- the end of a request ---- */

/* When request and answer are done, the connection is ordinary again, or ends. The rest of a body
 * that was answered early is passed over as long as it may take: the client may not have seen the
 * answer yet. */
static void settle(struct tc_net *net, uint32_t slot)
{
    const struct tc_web *web = web_of(net, slot);
    if (!web->is_answer_done)
        return;
    if (!web->is_persistent || net->is_draining)
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
    else if (web->is_body_done)
        tc_net_switch(net, slot, TC_SESSION_HTTP, TC_NONE);
}

static void answer_done(struct tc_grpc_call *call)
{
    struct tc_web *web = web_of(call->net, call->slot);
    web->is_answer_done = true;
    if (!web->is_busy)
        settle(call->net, call->slot);
}

/* ---- the carrier of calls ---- */

static void carry_head(struct tc_grpc_call *call, const struct tc_http1_field *fields, size_t cnt,
                       bool is_last)
{
    const struct tc_web *web = web_of(call->net, call->slot);
    struct tc_http1_answer head = { .status = 200, .is_chunked = !is_last };
    head.is_keep_alive = web->is_persistent && !call->net->is_draining;
    write_head(call->net, call->slot, &head, fields, cnt);
    if (is_last && tc_net_is_open(call->net, call->slot))
        answer_done(call);
}

static bool carry_write(struct tc_grpc_call *call, const void *bytes, size_t len)
{
    enum { SMALL = 2048 };
    char small[TC_HTTP1_CHUNK_HEAD_MAX + SMALL + 2];
    size_t head_len = tc_http1_chunk_head(small, (uint32_t)len);
    if (len <= SMALL) {
        memcpy(small + head_len, bytes, len);
        memcpy(small + head_len + len, TC_HTTP1_CRLF, 2);
        tc_net_write(call->net, call->slot, small, head_len + len + 2);
    } else {
        tc_net_write(call->net, call->slot, small, head_len);
        tc_net_write(call->net, call->slot, bytes, len);
        tc_net_write(call->net, call->slot, TC_HTTP1_CRLF, 2);
    }
    return tc_net_is_open(call->net, call->slot);
}

static void carry_finish(struct tc_grpc_call *call, const struct tc_http1_field *fields, size_t cnt)
{
    (void)fields;
    TC_ASSERT(cnt == 0); /* gRPC-Web has its trailers in the body */
    tc_net_write(call->net, call->slot, TC_HTTP1_LAST_CHUNK, sizeof(TC_HTTP1_LAST_CHUNK) - 1);
    if (tc_net_is_open(call->net, call->slot))
        answer_done(call);
}

static void carry_abort(struct tc_grpc_call *call)
{
    if (tc_net_is_open(call->net, call->slot))
        tc_net_end(call->net, call->slot, TC_CLOSE_SPILL);
}

static size_t carry_backlog(const struct tc_grpc_call *call)
{
    const struct tc_net_conn *c = &call->net->conns[call->slot];
    return c->out_len - c->out_off;
}

/* When the request's body must have come. */
static int64_t body_ns(const struct tc_net *net, uint32_t slot)
{
    int64_t span_ns = tc_sessions_of(net)->conf->timeouts.head_ms * MS_NS;
    return web_of(net, slot)->is_body_done ? INT64_MAX : net->conns[slot].begun_ns + span_ns;
}

static int64_t due_ns(const struct tc_net *net, uint32_t slot)
{
    return TC_MIN(tc_grpc_due_ns(call_of(net, web_of(net, slot))), body_ns(net, slot));
}

static void carry_arm(struct tc_grpc_call *call)
{
    tc_net_arm(call->net, call->slot, due_ns(call->net, call->slot));
}

static uint32_t carry_join(struct tc_grpc_call *call, uint32_t *dialect)
{
    bool is_text = call->kind == TC_GRPC_KIND_WEB_TEXT;
    *dialect = is_text ? TC_SESSION_WEB_TEXT : TC_SESSION_WEB;
    tc_net_join(call->net, call->slot, *dialect);
    return call->slot;
}

static void carry_part(struct tc_grpc_call *call)
{
    if (call->net->conns[call->slot].is_fan)
        tc_net_part(call->net, call->slot);
}

static bool carry_framed(struct tc_grpc_call *call, const void *bytes, size_t len)
{
    tc_net_write(call->net, call->slot, bytes, len);
    return tc_net_is_open(call->net, call->slot);
}

static const struct tc_grpc_carrier carrier = {
    .respond = carry_head,
    .write = carry_write,
    .finish = carry_finish,
    .abort = carry_abort,
    .backlog = carry_backlog,
    .arm = carry_arm,
    .join = carry_join,
    .part = carry_part,
    .write_framed = carry_framed,
};

/* ---- begin ---- */

static void lower(struct tc_http1 *http)
{
    for (uint32_t i = 0; i < http->field_cnt; i++) {
        char *name = (char *)http->fields[i].name.ptr; /* a view into http's own buffer */
        for (size_t k = 0; k < http->fields[i].name.len; k++)
            name[k] = name[k] >= 'A' && name[k] <= 'Z' ? (char)(name[k] | 0x20) : name[k];
    }
}

static void preflight(struct tc_net *net, uint32_t slot, const struct tc_http1 *http)
{
    struct tc_http1_field fields[TC_CORS_FIELDS_MAX];
    size_t cnt = tc_cors_preflight(net, tc_http1_field(http, "origin"), http->host,
                                   tc_http1_field(http, "access-control-request-headers"), fields);
    struct tc_http1_answer head = { .status = cnt ? 204 : 403 };
    head.is_keep_alive = http->is_keep_alive && !net->is_draining;
    write_head(net, slot, &head, fields, cnt);
    if (!head.is_keep_alive)
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
}

/* The request's own state; the call is open but has not begun. */
static struct tc_web *open_web(struct tc_net *net, uint32_t slot, const struct tc_http1 *http,
                               struct tc_grpc_start *start)
{
    struct tc_sessions *s = tc_sessions_of(net);
    uint32_t idx = tc_pool_acquire(&s->webs);
    uint32_t call = idx == TC_NONE ? TC_NONE : tc_grpc_open(net, start);
    if (call == TC_NONE) {
        if (idx != TC_NONE)
            tc_pool_release(&s->webs, idx);
        return NULL;
    }
    struct tc_web *web = tc_pool_at(&s->webs, idx);
    *web = (struct tc_web){ .call = call, .is_persistent = http->is_persistent };
    int rc = tc_http1_body_init(&web->body, http, UINT64_MAX); /* messages have their own limit */
    TC_ASSERT(rc == TC_OK);
    /* what is in http is needed until the call has begun: its owner lets go of it afterwards */
    net->conns[slot].session = TC_SESSION_GRPC_WEB;
    net->conns[slot].ctx = idx;
    net->conns[slot].begun_ns = net->now_ns;
    return web;
}

static void begin(struct tc_net *net, uint32_t slot, struct tc_http1 *http,
                  struct tc_grpc_start *start)
{
    uint32_t head = net->conns[slot].ctx;
    struct tc_web *web = open_web(net, slot, http, start);
    if (!web) {
        tc_net_finish(net, slot, TC_CLOSE_NO_CONTEXT);
        return;
    }
    if (http->wants_continue)
        tc_net_write(net, slot, TC_HTTP1_CONTINUE, sizeof(TC_HTTP1_CONTINUE) - 1);
    web->is_busy = true;
    if (tc_net_is_open(net, slot))
        tc_grpc_begin(call_of(net, web), start);
    tc_pool_release(&tc_sessions_of(net)->heads, head);
    if (!tc_net_is_open(net, slot))
        return;
    web->is_busy = false;
    tc_session_grpc_web.on_bytes(net, slot, (uint8_t *)"", 0); /* there may be no body */
}

bool tc_web_try(struct tc_net *net, uint32_t slot, struct tc_http1 *http)
{
    struct tc_grpc_start start = { .carrier = &carrier, .slot = slot, .stream = TC_NONE };
    const struct tc_grpc_service *service = NULL;
    const struct tc_grpc_server *server = tc_sessions_of(net)->grpc.server;
    if (!server)
        return false;
    if (http->method == TC_HTTP1_OPTIONS && !http->has_body &&
        tc_http1_field(http, "access-control-request-method").ptr &&
        tc_grpc_method_find(server, http->path, &service)) {
        preflight(net, slot, http);
        return true;
    }
    start.kind = tc_grpc_content_type(tc_http1_field(http, "content-type"), &start.is_proto);
    if (http->method != TC_HTTP1_POST || http->minor == 0 || start.kind == TC_GRPC_KIND_NONE ||
        start.kind == TC_GRPC_KIND_GRPC)
        return false;
    lower(http);
    start.head.path = http->path;
    start.head.host = http->host;
    start.head.fields = http->fields;
    start.head.field_cnt = http->field_cnt;
    begin(net, slot, http, &start);
    return true;
}

bool tc_web_is_near(const struct tc_net *net, const struct tc_http1 *http)
{
    const struct tc_grpc_server *server = tc_sessions_of(net)->grpc.server;
    const struct tc_grpc_service *service = NULL;
    bool is_proto = false;
    return server && (tc_grpc_method_find(server, http->path, &service) ||
                      tc_grpc_content_type(tc_http1_field(http, "content-type"), &is_proto) !=
                          TC_GRPC_KIND_NONE);
}

/* ---- the session ---- */

static void web_on_open(struct tc_net *net, uint32_t slot)
{
    (void)net; /* it is entered by tc_web_try alone */
    (void)slot;
}

static void feed(struct tc_net *net, uint32_t slot, const uint8_t **bytes, size_t *len)
{
    struct tc_web *web = web_of(net, slot);
    while (tc_net_is_open(net, slot) && !web->is_body_done) {
        struct tc_str piece;
        size_t used = 0;
        int rc = tc_http1_body_feed(&web->body, *bytes, *len, &used, &piece);
        *bytes += used;
        *len -= used;
        if (rc == TC_HTTP1_BODY_MORE)
            return;
        if (rc < 0) {
            tc_count_add(&net->conf.metric->glitches, 1);
            tc_net_end(net, slot, TC_CLOSE_BAD_REQUEST);
            return;
        }
        web->is_body_done = rc == TC_HTTP1_BODY_END;
        if (rc == TC_HTTP1_BODY_PIECE)
            tc_grpc_data(call_of(net, web), (const uint8_t *)piece.ptr, piece.len);
        else
            tc_grpc_half_close(call_of(net, web));
    }
}

static void web_on_bytes(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len)
{
    struct tc_web *web = web_of(net, slot);
    const uint8_t *at = bytes;
    size_t left = len;
    web->is_busy = true;
    feed(net, slot, &at, &left);
    if (!tc_net_is_open(net, slot))
        return;
    web->is_busy = false;
    if (left > 0 && !web->is_answer_done) {
        /* one after another: what comes before the answer would have to be kept */
        tc_net_finish(net, slot, TC_CLOSE_BAD_REQUEST);
        return;
    }
    settle(net, slot);
    if (!tc_net_is_open(net, slot))
        return;
    if (net->conns[slot].session == TC_SESSION_GRPC_WEB)
        tc_net_arm(net, slot, due_ns(net, slot));
    else if (left > 0)
        net->conf.sessions[net->conns[slot].session]->on_bytes(net, slot, (uint8_t *)at,
                                                               (uint32_t)left);
}

static void web_on_timer(struct tc_net *net, uint32_t slot)
{
    struct tc_web *web = web_of(net, slot);
    web->is_busy = true;
    tc_grpc_on_time(call_of(net, web));
    if (!tc_net_is_open(net, slot))
        return;
    web->is_busy = false;
    settle(net, slot);
    if (!tc_net_is_open(net, slot) || net->conns[slot].session != TC_SESSION_GRPC_WEB)
        return;
    if (net->now_ns >= body_ns(net, slot) && web_of(net, slot)->is_answer_done)
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
    else if (net->now_ns >= body_ns(net, slot))
        tc_net_end(net, slot, TC_CLOSE_MESSAGE_TIMEOUT);
    else
        tc_net_arm(net, slot, due_ns(net, slot));
}

static void web_on_sent(struct tc_net *net, uint32_t slot)
{
    tc_grpc_drained(call_of(net, web_of(net, slot)));
}

static void web_on_drain(struct tc_net *net, uint32_t slot, uint32_t reconnect_ms)
{
    tc_grpc_drain(call_of(net, web_of(net, slot)), reconnect_ms);
}

static void web_goodbye(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    const struct tc_web *web = web_of(net, slot);
    (void)reason;
    if (!web->is_answer_done)
        tc_grpc_finish(call_of(net, web), TC_GRPC_UNAVAILABLE, tc_str_from(tc_closes[reason].text));
}

static void web_on_end(struct tc_net *net, uint32_t slot)
{
    struct tc_web *web = web_of(net, slot);
    tc_grpc_close(call_of(net, web));
    tc_pool_release(&tc_sessions_of(net)->webs, net->conns[slot].ctx);
}

const struct tc_net_session tc_session_grpc_web = {
    .name = "grpc-web",
    .on_open = web_on_open,
    .on_bytes = web_on_bytes,
    .on_timer = web_on_timer,
    .on_drain = web_on_drain,
    .goodbye = web_goodbye,
    .on_end = web_on_end,
    .on_sent = web_on_sent,
};
