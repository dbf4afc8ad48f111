// SPDX-License-Identifier: Apache-2.0
/* HTTP/1.1 on the public port: pages, /health, and the way to /ws. */
#include "io/session/session.h"

#define CSP "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
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
    const struct tc_close_row *row = &tc_closes[reason];
    struct tc_http1_answer base = { .retry_after_s = row->http_status == 503 };
    if (row->http_status)
        write_problem(net, slot, row->http_status, row->code, row->text, &base);
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

static void answer(struct tc_net *net, uint32_t slot, const char *type, const char *csp,
                   const void *body, size_t len)
{
    char out[TC_HTTP1_ANSWER_MAX];
    const struct tc_http1 *http = head_of(net, slot);
    struct tc_http1_answer head = { .status = 200, .type = type, .csp = csp, .body_bytes = len };
    head.extra = "Cache-Control: no-cache\r\n";
    head.is_keep_alive = http->is_keep_alive && !net->is_draining;
    size_t head_len = tc_http1_answer(out, sizeof(out), &head);
    TC_ASSERT(head_len > 0);
    tc_net_write(net, slot, out, head_len);
    if (http->method != TC_HTTP1_HEAD)
        tc_net_write(net, slot, body, len);
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
    const struct tc_sessions *s = tc_sessions_of(net);
    const struct tc_http1 *http = head_of(net, slot);
    struct tc_page page;
    bool is_health = tc_str_eq(http->path, TC_STR("/health"));
    if (!is_health && !(s->page && s->page(http->path, &page))) {
        answer_problem(net, slot, 404, "not-found", "there is nothing at this path",
                       (struct tc_http1_answer){ 0 });
        return;
    }
    if (http->method != TC_HTTP1_GET && http->method != TC_HTTP1_HEAD) {
        answer_problem(net, slot, 405, "method-not-allowed", "this path is read with GET",
                       (struct tc_http1_answer){ .allow = "GET, HEAD" });
    } else if (!is_health) {
        answer(net, slot, page.mime, CSP, page.bytes, page.len);
    } else if (net->is_draining) {
        tc_net_finish(net, slot, TC_CLOSE_DRAINING);
    } else {
        static const char body[] = "{\"status\":\"ok\"}\n";
        answer(net, slot, "application/json", NULL, body, sizeof(body) - 1);
    }
}

/* A complete head. */
static void respond(struct tc_net *net, uint32_t slot)
{
    const struct tc_http1 *http = head_of(net, slot);
    if (net->conns[slot].is_surplus) {
        tc_net_finish(net, slot, TC_CLOSE_LIMIT);
    } else if (http->has_body) {
        write_problem(net, slot, 413, "body-not-accepted", "no path here takes a request body",
                      NULL);
        tc_net_linger(net, slot, TC_CLOSE_ANSWERED);
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

static void http_on_bytes(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len)
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
        net->conf.sessions[c->session]->on_bytes(net, slot, bytes, len);
}

static void http_on_timer(struct tc_net *net, uint32_t slot)
{
    if (net->conns[slot].is_surplus)
        tc_net_finish(net, slot, TC_CLOSE_LIMIT);
    else if (head_of(net, slot))
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
    .on_open = wait_head,
    .on_bytes = http_on_bytes,
    .on_timer = http_on_timer,
    .on_drain = http_on_drain,
    .goodbye = http_goodbye,
    .on_end = release_head,
};
