// SPDX-License-Identifier: Apache-2.0
/* HTTP/1.1 on the public port: pages, /health, and the way to /ws and to HTTP/2. */
#include "io/session/grpc_web.h"
#include "io/session/route.h"
#include "io/session/session.h"

#define MS_NS 1000000ll

static struct tc_http1 *head_of(const struct tc_net *net, uint32_t slot)
{
    uint32_t ctx = net->conns[slot].ctx;
    return ctx == TC_NONE ? NULL : tc_pool_at(&tc_sessions_of(net)->heads, ctx);
}

static void release_head(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->ctx != TC_NONE)
        tc_pool_release(&tc_sessions_of(net)->heads, c->ctx);
    c->ctx = TC_NONE;
}

/* The time for the next head begins. */
static void wait_head(struct tc_net *net, uint32_t slot)
{
    int64_t span_ns = tc_sessions_of(net)->conf->timeouts.head_ms * MS_NS;
    if (net->conns[slot].is_surplus)
        span_ns = TC_MIN(span_ns, 1000 * MS_NS); /* one of few places, and it will be refused */
    tc_net_arm(net, slot, net->now_ns + span_ns);
}

/* Over TLS the version is agreed on, not guessed (RFC 9113 section 3.2). */
static void http_on_open(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->is_tls)
        c->preface_len = TC_HTTP_NO_PREFACE;
    wait_head(net, slot);
}

static void write_problem(struct tc_net *net, uint32_t slot, int status, const char *code,
                          const char *detail, const struct tc_http1_answer *base)
{
    char out[TC_HTTP1_ANSWER_MAX];
    const struct tc_http1 *http = head_of(net, slot);
    bool is_head = http && http->method == TC_HTTP1_HEAD;
    size_t len = tc_http1_problem(out, sizeof(out), status, code, detail, base, is_head);
    TC_ASSERT(len > 0);
    tc_net_write(net, slot, out, len);
}

static void http_goodbye(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    struct tc_reply reply;
    struct tc_http1_answer base = { 0 };
    tc_route_close(reason, &reply);
    base.retry_after_s = reply.retry_after_s;
    if (reply.status)
        write_problem(net, slot, reply.status, reply.code, reply.detail, &base);
}

/* An error that leaves the connection as it was, or ends it with that reason. */
static void answer_problem(struct tc_net *net, uint32_t slot, int status, const char *code,
                           const char *detail, struct tc_http1_answer base)
{
    base.is_keep_alive = head_of(net, slot)->is_keep_alive && !net->is_draining;
    write_problem(net, slot, status, code, detail, &base);
    if (!base.is_keep_alive)
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
}

static void answer(struct tc_net *net, uint32_t slot, const struct tc_reply *reply)
{
    char out[TC_HTTP1_ANSWER_MAX];
    const struct tc_http1 *http = head_of(net, slot);
    struct tc_http1_answer head = { .status = reply->status, .type = reply->type };
    head.csp = reply->csp;
    head.body_bytes = reply->len;
    head.extra = "Cache-Control: no-cache\r\n";
    head.is_keep_alive = http->is_keep_alive && !net->is_draining;
    size_t head_len = tc_http1_answer(out, sizeof(out), &head);
    TC_ASSERT(head_len > 0);
    tc_net_write(net, slot, out, head_len);
    if (http->method != TC_HTTP1_HEAD)
        tc_net_write(net, slot, reply->body, reply->len);
    if (!head.is_keep_alive)
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
}

static void upgrade(struct tc_net *net, uint32_t slot)
{
    struct tc_sessions *s = tc_sessions_of(net);
    const struct tc_http1 *http = head_of(net, slot);
    const char *detail = NULL;
    int status = tc_ws_handshake_check(http, &detail);
    if (status == 405) {
        answer_problem(net, slot, status, "method-not-allowed", detail,
                       (struct tc_http1_answer){ .allow = "GET" });
    } else if (status == 426) {
        answer_problem(net, slot, status, "upgrade-required", detail,
                       (struct tc_http1_answer){ .extra = TC_WS_UPGRADE_LINES });
    } else if (status != 101) {
        write_problem(net, slot, status, "bad-request", detail, NULL);
        tc_net_linger(net, slot, TC_CLOSE_BAD_REQUEST);
    } else if (!tc_ws_origin_is_allowed(http, s->conf->origins, s->conf->origin_cnt)) {
        tc_count_add(&net->conf.metric->glitches, 1);
        write_problem(net, slot, 403, "origin-forbidden",
                      "pages of this origin may not connect; see the setting origins", NULL);
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
    } else if (net->is_draining) {
        tc_net_finish(net, slot, TC_CLOSE_DRAINING);
    } else {
        char out[TC_WS_HANDSHAKE_MAX];
        tc_net_write(net, slot, out, tc_ws_handshake_answer(http, out));
        if (tc_net_is_open(net, slot))
            tc_net_switch(net, slot, TC_SESSION_WS, TC_SESSION_WS_JSON);
    }
}

static void answer_get(struct tc_net *net, uint32_t slot)
{
    const struct tc_http1 *http = head_of(net, slot);
    struct tc_reply reply;
    tc_route(net, http->method, http->path, &reply);
    if (!reply.code)
        answer(net, slot, &reply);
    else if (reply.status == 503)
        tc_net_finish(net, slot, TC_CLOSE_DRAINING);
    else
        answer_problem(net, slot, reply.status, reply.code, reply.detail,
                       (struct tc_http1_answer){ .allow = reply.allow });
}

/* A complete head. */
static void respond(struct tc_net *net, uint32_t slot)
{
    struct tc_http1 *http = head_of(net, slot);
    if (net->conns[slot].is_surplus) {
        tc_net_finish(net, slot, TC_CLOSE_LIMIT);
    } else if (tc_web_try(net, slot, http)) {
        return;
    } else if (tc_web_is_near(net, http)) {
        struct tc_reply reply;
        tc_route_grpc(http->method, &reply);
        answer_problem(net, slot, reply.status, reply.code, reply.detail,
                       (struct tc_http1_answer){ .allow = reply.allow });
    } else if (http->has_body) {
        answer_problem(net, slot, 413, "body-not-accepted", "no path here takes a request body",
                       (struct tc_http1_answer){ 0 });
    } else if (tc_str_eq(http->path, TC_STR("/ws"))) {
        upgrade(net, slot);
    } else {
        answer_get(net, slot);
    }
}

static struct tc_http1 *borrow_head(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->ctx != TC_NONE)
        return head_of(net, slot);
    c->ctx = tc_pool_acquire(&tc_sessions_of(net)->heads);
    if (c->ctx == TC_NONE) {
        tc_net_finish(net, slot, TC_CLOSE_NO_CONTEXT);
        return NULL;
    }
    tc_http1_init(head_of(net, slot));
    wait_head(net, slot); /* a kept connection has its time from the first byte on */
    return head_of(net, slot);
}

static void feed(struct tc_net *net, uint32_t slot, const uint8_t *bytes, uint32_t len)
{
    struct tc_net_conn *c = &net->conns[slot];
    while (len > 0 && tc_net_is_open(net, slot) && c->session == TC_SESSION_HTTP) {
        size_t used = 0;
        struct tc_http1 *http = borrow_head(net, slot);
        int rc = http ? tc_http1_feed(http, bytes, len, &used) : 0;
        if (rc == 0)
            return;
        if (rc < 0) {
            tc_count_add(&net->conf.metric->glitches, 1);
            if (!http->is_other)
                write_problem(net, slot, http->status, "bad-request", http->detail, NULL);
            tc_net_linger(net, slot, TC_CLOSE_BAD_REQUEST);
            return;
        }
        bytes += used;
        len -= (uint32_t)used;
        respond(net, slot);
        if (tc_net_is_open(net, slot) && c->session == TC_SESSION_HTTP) {
            release_head(net, slot);
            wait_head(net, slot);
        }
    }
    if (len > 0 && tc_net_is_open(net, slot))
        net->conf.sessions[c->session]->on_bytes(net, slot, (uint8_t *)bytes, len);
}

/* HTTP/2 by prior knowledge (RFC 9113 section 3.3): its first bytes are no request of HTTP/1. What
 * has matched so far is told by a number alone. */
static void http_on_bytes(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len)
{
    struct tc_net_conn *c = &net->conns[slot];
    uint8_t known = c->preface_len;
    uint32_t used = 0;
    if (known == TC_HTTP_NO_PREFACE) {
        feed(net, slot, bytes, len);
        return;
    }
    while (used < len && c->preface_len < TC_H2_PREFACE_LEN &&
           bytes[used] == (uint8_t)tc_h2_preface[c->preface_len]) {
        c->preface_len++;
        used++;
    }
    if (c->preface_len == TC_H2_PREFACE_LEN && c->is_surplus) {
        tc_net_end(net, slot, TC_CLOSE_LIMIT);
    } else if (c->preface_len == TC_H2_PREFACE_LEN) {
        tc_net_switch(net, slot, TC_SESSION_H2, TC_NONE);
        const struct tc_net_session *h2 = net->conf.sessions[TC_SESSION_H2];
        if (tc_net_is_open(net, slot))
            h2->on_bytes(net, slot, (uint8_t *)tc_h2_preface, TC_H2_PREFACE_LEN);
        if (used < len && tc_net_is_open(net, slot))
            h2->on_bytes(net, slot, bytes + used, len - used);
    } else if (used < len) {
        c->preface_len = TC_HTTP_NO_PREFACE;
        if (known > 0)
            feed(net, slot, (const uint8_t *)tc_h2_preface, known);
        if (tc_net_is_open(net, slot))
            net->conf.sessions[c->session]->on_bytes(net, slot, bytes, len);
    }
}

static void http_on_timer(struct tc_net *net, uint32_t slot)
{
    const struct tc_net_conn *c = &net->conns[slot];
    bool has_begun = c->preface_len > 0 && c->preface_len < TC_H2_PREFACE_LEN;
    if (c->is_surplus)
        tc_net_finish(net, slot, TC_CLOSE_LIMIT);
    else if (has_begun || head_of(net, slot))
        tc_net_finish(net, slot, TC_CLOSE_HEAD_TIMEOUT);
    else
        tc_net_linger(net, slot, TC_CLOSE_IDLE); /* nothing was asked, so nothing is answered */
}

/* An idle connection has no use for a restart; one with half a head gets its answer. */
static void http_on_drain(struct tc_net *net, uint32_t slot, uint32_t reconnect_ms)
{
    (void)reconnect_ms;
    if (!head_of(net, slot))
        tc_net_linger(net, slot, TC_CLOSE_DRAINING);
}

const struct tc_net_session tc_session_http = {
    .name = "http",
    .on_open = http_on_open,
    .on_bytes = http_on_bytes,
    .on_timer = http_on_timer,
    .on_drain = http_on_drain,
    .goodbye = http_goodbye,
    .on_end = release_head,
};
