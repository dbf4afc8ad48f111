// SPDX-License-Identifier: Apache-2.0
/* Goal: requests on the public port are answered in order with the right status, however they were
 * cut; connections stay or end as HTTP says, and no head stays borrowed. */
#include "tests/unit/io/session/wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n"
#define PAGE_HEAD                                                                                  \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"                         \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; frame-ancestors 'none'; "       \
    "form-action 'none'\r\nCache-Control: no-cache\r\n"
#define KEEP "Connection: keep-alive\r\n\r\n"
#define CLOSE "Connection: close\r\n\r\n"

/* What one connection is answered to these bytes, step at a time. */
static const char *ask_by(uint32_t slot, const char *text, size_t step)
{
    nx_recv_by(&nx, slot, text, strlen(text), step);
    nx_run(&nx);
    return nx_take(&nx, slot);
}

static const char *ask(uint32_t slot, const char *text)
{
    return ask_by(slot, text, NX_RECV_BYTES);
}

/* A problem (RFC 9457) with that status and code; further: a line that its head must have. */
static void check_problem(const char *got, int status, const char *code, const char *further)
{
    char want[128];
    size_t len =
        (size_t)snprintf(want, sizeof(want), "HTTP/1.1 %d %s\r\n", status, tc_http1_reason(status));
    cr_assert_eq(strncmp(got, want, len), 0, "%d: %s", status, got);
    const char *body = strstr(got, "\r\n\r\n");
    cr_assert_not_null(body);
    snprintf(want, sizeof(want), "\"code\":\"%s\"}\n", code);
    cr_assert_not_null(strstr(body, want), "%s: %s", code, got);
    snprintf(want, sizeof(want), "\r\nContent-Length: %zu\r\n", strlen(body + 4));
    cr_assert_not_null(strstr(got, want), "%s: %s", want, got);
    cr_assert_not_null(strstr(got, "\r\nContent-Type: application/problem+json\r\n"));
    if (further)
        cr_assert(strstr(got, further) && strstr(got, further) < body, "%s: %s", further, got);
}

/* A new connection's only request: a problem, after which the connection stays or ends. */
static void check_refused(const char *request, int status, const char *code, const char *further,
                          bool stays, enum tc_close reason)
{
    uint32_t slot = nx_accept(&nx);
    check_problem(ask(slot, request), status, code, further);
    cr_assert_eq(tc_net_is_open(&nx.net, slot), stays, "%s", request);
    if (stays)
        nx_end(&nx, slot, 0);
    else
        nx_check_finished(&nx, slot, reason);
    nx_check_empty(&nx);
}

Test(http, pages)
{
    /* Goal: a page and /health, byte for byte; HEAD without the body; the connection stays. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, GET("/") "\r\n"), PAGE_HEAD KEEP "hello\n");
    cr_assert_str_eq(ask(slot, GET("/?x=/ws") "\r\n"), PAGE_HEAD KEEP "hello\n");
    cr_assert_str_eq(ask(slot, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), PAGE_HEAD KEEP);
    cr_assert_str_eq(ask(slot, GET("/health") "\r\n"),
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
                     "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n" KEEP
                     "{\"status\":\"ok\"}\n");
    cr_assert(tc_net_is_open(&nx.net, slot));
    cr_assert_eq(nx.tc_sessions.heads.used_cnt, 0, "an idle connection borrows nothing");
    nx_end(&nx, slot, 0);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_ENDED), 1);
    nx_fini(&nx);
}

Test(http, connection_ends_after_its_answer)
{
    /* Goal: Connection: close and HTTP/1.0 end it after the answer; HTTP/1.0 may ask to stay. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, GET("/") "Connection: close\r\n\r\n" GET("/") "\r\n"),
                     PAGE_HEAD CLOSE "hello\n");
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, "GET / HTTP/1.0\r\n\r\n"), PAGE_HEAD CLOSE "hello\n");
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                     PAGE_HEAD KEEP "hello\n");
    cr_assert(tc_net_is_open(&nx.net, slot));
    nx_fini(&nx);
}

Test(http, problems)
{
    /* Goal: what is not there, not allowed, not understood: status, code, the lines that belong to
     * it, and whether the connection stays. */
    nx_init(&nx, NULL);
    check_refused(GET("/nothing") "\r\n", 404, "not-found", "\r\nConnection: keep-alive\r\n", true,
                  0);
    check_refused(GET("/nothing") "Connection: close\r\n\r\n", 404, "not-found",
                  "\r\nConnection: close\r\n", false, TC_CLOSE_ANSWERED);
    check_refused("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed",
                  "\r\nAllow: GET, HEAD\r\n", true, 0);
    check_refused("POST /health HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405,
                  "method-not-allowed", "\r\nAllow: GET, HEAD\r\n", true, 0);
    check_refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 413,
                  "body-not-accepted", "\r\nConnection: close\r\n", false, TC_CLOSE_ANSWERED);
    check_refused("POST /ws HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  413, "body-not-accepted", "\r\nConnection: close\r\n", false, TC_CLOSE_ANSWERED);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    check_refused("GET /\r\n\r\n", 400, "bad-request", "\r\nConnection: close\r\n", false,
                  TC_CLOSE_BAD_REQUEST);
    check_refused("GET / HTTP/1.1\r\n\r\n", 400, "bad-request", NULL, false, TC_CLOSE_BAD_REQUEST);
    check_refused("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "bad-request", NULL, false,
                  TC_CLOSE_BAD_REQUEST);
    check_refused("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505, "bad-request", NULL, false,
                  TC_CLOSE_BAD_REQUEST);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 4);
    nx_fini(&nx);
}

Test(http, head_of_a_problem)
{
    /* Goal: HEAD of what is not there has the length of the body, and no body. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    const char *got = ask(slot, "HEAD /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_eq(strncmp(got, "HTTP/1.1 404 ", 13), 0, "%s", got);
    cr_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\n");
    cr_assert_null(strstr(got, "\r\nContent-Length: 0\r\n"));
    nx_fini(&nx);
}

Test(http, head_that_is_too_long)
{
    /* Goal: more than TC_HTTP_HEAD_MAX bytes, or more than TC_HTTP_FIELDS_MAX fields: 431. */
    static char request[2 * TC_HTTP_HEAD_MAX];
    nx_init(&nx, NULL);
    int len = snprintf(request, sizeof(request), GET("/") "A: ");
    memset(request + len, 'a', TC_HTTP_HEAD_MAX);
    check_refused(request, 431, "bad-request", NULL, false, TC_CLOSE_BAD_REQUEST);
    for (int i = 0; i < TC_HTTP_FIELDS_MAX; i++)
        len += snprintf(request + len, 16, "1\r\nA: ");
    snprintf(request + len, 16, "1\r\n\r\n");
    check_refused(request, 431, "bad-request", NULL, false, TC_CLOSE_BAD_REQUEST);
    nx_fini(&nx);
}

/* ---- cuts ---- */

Test(http, pipelining)
{
    /* Goal: requests that come together are answered in order; one that ends the connection is the
     * last; cut into pieces of any size the answers are the same. */
    static const char text[] =
        GET("/") "\r\n" GET("/nothing") "\r\n"
                                        "HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n" GET(
                                            "/health") "Connection: close\r\n\r\n" GET("/") "\r\n";
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    char *want = strdup(ask(slot, text));
    static const char *const order[] = { "200 OK", "hello\n", "404 Not Found", "not-found",
                                         "200 OK", "200 OK",  "{\"status\"" };
    const char *at = want;
    for (size_t i = 0; i < TC_ARRAY_CNT(order); i++) {
        at = strstr(at, order[i]);
        cr_assert_not_null(at, "%s: %s", order[i], want);
        at += strlen(order[i]);
    }
    cr_assert_null(strstr(at, "HTTP/1.1"), "%s", want);
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    for (size_t step = 1; step < 60; step++) {
        slot = nx_accept(&nx);
        cr_assert_str_eq(ask_by(slot, text, step), want, "step %zu", step);
        nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    }
    free(want);
    nx_fini(&nx);
}

Test(http, upgrade_and_frame_at_once)
{
    /* Goal: a page, an upgrade and the first command in one receive, or in pieces of any size. */
    uint8_t bytes[1024];
    static const char command[] = "{\"event\":\"ping\",\"id\":1}";
    static const char text[] = GET("/") "\r\n" WIRE_UPGRADE "\r\n";
    nx_init(&nx, NULL);
    memcpy(bytes, text, sizeof(text) - 1);
    size_t len = sizeof(text) - 1;
    len += wire_frame(bytes + len, 0x81, command, sizeof(command) - 1);
    for (size_t step = 1; step <= len; step += step < 40 ? 1 : len - 40) {
        static const char want[] = PAGE_HEAD KEEP "hello\n" WIRE_UPGRADED;
        uint32_t slot = nx_accept(&nx);
        nx_recv_by(&nx, slot, bytes, len, step);
        nx_run(&nx);
        cr_assert_eq(strncmp(nx_take(&nx, slot), want, sizeof(want) - 1), 0);
        nx.reactor.socks[slot].got_off = sizeof(want) - 1;
        cr_assert_str_eq(wire_take(slot), "{\"event\":\"pong\",\"id\":1,\"ts\":1723075200123}\n");
        nx_end(&nx, slot, 0);
        nx_check_empty(&nx);
    }
    nx_fini(&nx);
}

/* ---- HTTP/2's preface ---- */

Test(http, what_begins_as_a_preface)
{
    /* Goal: wherever bytes leave HTTP/2's preface, and however they are cut, they are read as if
     * nobody had waited for it: POST after "P" is a request, the rest is none. */
    for (size_t known = 1; known < TC_H2_PREFACE_LEN; known++) {
        char text[128];
        nx_init(&nx, NULL);
        snprintf(text, sizeof(text), "%.*sOST /health HTTP/1.1\r\nHost: h\r\n\r\n", (int)known,
                 tc_h2_preface);
        uint32_t slot = nx_accept(&nx);
        char *want = strdup(ask(slot, text));
        cr_assert_eq(strstr(want, " 405 ") != NULL, known == 1, "%s: %s", text, want);
        cr_assert_eq(tc_net_is_open(&nx.net, slot), known == 1);
        cr_assert_eq(tc_count_get(&nx.metric.h2_connections), 0);
        cr_assert_eq(tc_count_get(&nx.metric.glitches), known > 1);
        nx_end(&nx, slot, 0);
        for (size_t step = 1; step < strlen(text); step++) {
            slot = nx_accept(&nx);
            cr_assert_str_eq(ask_by(slot, text, step), want, "%zu by %zu", known, step);
            cr_assert_eq(tc_net_is_open(&nx.net, slot), known == 1);
            nx_end(&nx, slot, 0);
            nx_check_empty(&nx);
        }
        free(want);
        nx_fini(&nx);
    }
}

Test(http, preface_of_one_that_has_spoken)
{
    /* Goal: HTTP/2's preface is looked for at the beginning only. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, GET("/") "\r\n"), PAGE_HEAD KEEP "hello\n");
    (void)ask(slot, tc_h2_preface);
    nx_check_finished(&nx, slot, TC_CLOSE_BAD_REQUEST);
    cr_assert_eq(tc_count_get(&nx.metric.h2_connections), 0);
    nx_fini(&nx);
}

Test(http, half_a_preface)
{
    /* Goal: whoever stops in HTTP/2's preface, or lets it drip, is told 408 after head_ms; a stop
     * of the server ends it without words. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    for (int i = 0; i < 10; i++) {
        cr_assert(tc_net_is_open(&nx.net, slot));
        nx_recv_by(&nx, slot, tc_h2_preface + i, 1, 1);
        nx_wait_ms(&nx, 999);
    }
    nx_wait_ms(&nx, 10 + NX_TICK_MS);
    check_problem(nx_take(&nx, slot), 408, "head-timeout", "\r\nConnection: close\r\n");
    nx_check_finished(&nx, slot, TC_CLOSE_HEAD_TIMEOUT);
    slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, "PRI *"), "");
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    nx_run(&nx);
    (void)nx_take(&nx, slot);
    nx_check_finished(&nx, slot, TC_CLOSE_DRAINING);
    nx_fini(&nx);
}

/* ---- upgrades ---- */

Test(http, upgrades_that_are_refused)
{
    /* Goal: 405, 426 with what is spoken here, 400, 403 for the page of another site. */
    nx_init(&nx, NULL);
    check_refused("POST /ws HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed",
                  "\r\nAllow: GET\r\n", true, 0);
    check_refused(GET("/ws") "\r\n", 426, "upgrade-required",
                  "\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", true, 0);
    check_refused(GET("/ws") "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 8\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  426, "upgrade-required", "\r\nSec-WebSocket-Version: 13\r\n", true, 0);
    check_refused(GET("/ws") "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
                  400, "bad-request", NULL, false, TC_CLOSE_BAD_REQUEST);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    check_refused(WIRE_UPGRADE "Origin: https://evil.example\r\n\r\n", 403, "origin-forbidden",
                  "\r\nConnection: close\r\n", false, TC_CLOSE_ANSWERED);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 1);
    nx_fini(&nx);
}

Test(http, origins)
{
    /* Goal: no Origin, our own, and one of the list may connect. */
    nx_init(&nx, NULL);
    nx.conf.origins[0] = "https://ui.example";
    nx.conf.origin_cnt = 1;
    static const char *const texts[] = { WIRE_UPGRADE "\r\n",
                                         WIRE_UPGRADE "Origin: http://h\r\n\r\n",
                                         WIRE_UPGRADE "Origin: https://ui.example\r\n\r\n" };
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++) {
        uint32_t slot = nx_accept(&nx);
        cr_assert_str_eq(ask(slot, texts[i]), WIRE_UPGRADED);
        cr_assert_eq(nx.tc_sessions.heads.used_cnt, 0);
        nx_end(&nx, slot, 0);
    }
    nx_fini(&nx);
}

/* ---- time ---- */

Test(http, head_timeout)
{
    /* Goal: half a head in head_ms: 408, not earlier, and bytes that drip do not prolong it. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    nx_recv(&nx, slot, "GET / HT");
    cr_assert_eq(nx.tc_sessions.heads.used_cnt, 1);
    nx_wait_ms(&nx, 9000);
    nx_recv(&nx, slot, "TP/1.1\r\n");
    nx_wait_ms(&nx, 999);
    cr_assert(tc_net_is_open(&nx.net, slot));
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    check_problem(nx_take(&nx, slot), 408, "head-timeout", "\r\nConnection: close\r\n");
    cr_assert_eq(nx.tc_sessions.heads.used_cnt, 0);
    nx_check_finished(&nx, slot, TC_CLOSE_HEAD_TIMEOUT);
    nx_fini(&nx);
}

Test(http, idle_connection)
{
    /* Goal: one that asks nothing for head_ms is closed without an answer; each answer gives it
     * that time anew. */
    nx_init(&nx, NULL);
    uint32_t slot = nx_accept(&nx);
    for (int i = 0; i < 3; i++) {
        nx_wait_ms(&nx, 9000);
        cr_assert_str_eq(ask(slot, GET("/") "\r\n"), PAGE_HEAD KEEP "hello\n");
    }
    nx_wait_ms(&nx, 9999);
    cr_assert(tc_net_is_open(&nx.net, slot));
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    cr_assert_str_eq(nx_take(&nx, slot), "");
    nx_check_finished(&nx, slot, TC_CLOSE_IDLE);
    nx_fini(&nx);
}

/* ---- limits ---- */

Test(http, surplus)
{
    /* Goal: a connection above the limit is answered 503 to whatever it asks, an upgrade too, or
     * after a second if it asks nothing; those within the limit are served. */
    struct nx_options options = nx_defaults();
    options.conn_max = 1;
    nx_init(&nx, &options);
    uint32_t served = nx_accept(&nx);
    static const char *const texts[] = { GET("/") "\r\n", WIRE_UPGRADE "\r\n", "" };
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++) {
        uint32_t slot = nx_accept(&nx);
        const char *got = ask(slot, texts[i]);
        if (!texts[i][0]) {
            cr_assert_str_eq(got, "");
            nx_wait_ms(&nx, 999);
            cr_assert_str_eq(nx_take(&nx, slot), "");
            nx_wait_ms(&nx, 1 + NX_TICK_MS);
            got = nx_take(&nx, slot);
        }
        check_problem(got, 503, "connection-limit", "\r\nRetry-After: 1\r\nConnection: close\r\n");
        nx_check_finished(&nx, slot, TC_CLOSE_LIMIT);
    }
    uint32_t h2 = nx_accept(&nx);
    nx_recv_by(&nx, h2, tc_h2_preface, TC_H2_PREFACE_LEN, 5);
    cr_assert(nx_is_closed(&nx, h2), "HTTP/2 has no way to say it before a request");
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_LIMIT), 4);
    cr_assert_str_eq(ask(served, GET("/") "\r\n"), PAGE_HEAD KEEP "hello\n");
    cr_assert_eq(tc_count_get(&nx.metric.connections_refused), 4);
    nx_fini(&nx);
}

Test(http, heads_are_spent)
{
    /* Goal: without a place for another unfinished head: 503; the others go on, and with a place
     * back a head is taken again. */
    nx_init(&nx, NULL);
    struct tc_pool *heads = &nx.tc_sessions.heads;
    uint32_t first = nx_accept(&nx);
    nx_recv(&nx, first, "GET / HTTP/1.1\r\n");
    uint32_t held[64];
    uint32_t cnt = 0;
    for (uint32_t idx; (idx = tc_pool_acquire(heads)) != TC_NONE;)
        held[cnt++] = idx;
    uint32_t slot = nx_accept(&nx);
    check_problem(ask(slot, GET("/") "\r\n"), 503, "no-context", "\r\nRetry-After: 1\r\n");
    nx_check_finished(&nx, slot, TC_CLOSE_NO_CONTEXT);
    cr_assert_str_eq(ask(first, "Host: h\r\n\r\n"), PAGE_HEAD KEEP "hello\n");
    cr_assert_str_eq(ask(first, GET("/") "\r\n"), PAGE_HEAD KEEP "hello\n");
    while (cnt)
        tc_pool_release(heads, held[--cnt]);
    nx_fini(&nx);
}

Test(http, memory_is_spent)
{
    /* Goal: an answer for which there is no memory ends the connection, in its head or its body. */
    for (uint64_t units = 0; units <= 2; units++) {
        struct nx_options options = nx_defaults();
        options.spill_bytes = units * TC_SLAB_UNIT_BYTES;
        nx_init(&nx, &options);
        uint32_t slot = nx_accept(&nx);
        cr_assert_str_eq(ask(slot, GET("/") "\r\n" GET("/") "\r\n"), "");
        cr_assert(nx_is_closed(&nx, slot));
        cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), 1);
        nx_fini(&nx);
    }
}

/* ---- drain ---- */

Test(http, drain)
{
    /* Goal: at a stop an idle connection is closed without words, one with half a head is told
     * 503. */
    nx_init(&nx, NULL);
    uint32_t idle = nx_accept(&nx);
    uint32_t half = nx_accept(&nx);
    nx_recv(&nx, half, "GET /");
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, idle), "");
    check_problem(nx_take(&nx, half), 503, "draining", "\r\nRetry-After: 1\r\n");
    nx_check_finished(&nx, idle, TC_CLOSE_DRAINING);
    nx_check_finished(&nx, half, TC_CLOSE_DRAINING);
    nx_fini(&nx);
}

Test(http, requests_during_a_drain)
{
    /* Goal: who comes between the stop and its turn: a page is the last answer of its connection,
     * /health and an upgrade are 503. */
    nx_init(&nx, NULL);
    nx.net.is_draining = true;
    uint32_t slot = nx_accept(&nx);
    cr_assert_str_eq(ask(slot, GET("/") "\r\n"), PAGE_HEAD CLOSE "hello\n");
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    check_refused(GET("/nothing") "\r\n", 404, "not-found", "\r\nConnection: close\r\n", false,
                  TC_CLOSE_ANSWERED);
    check_refused(GET("/health") "\r\n", 503, "draining", "\r\nRetry-After: 1\r\n", false,
                  TC_CLOSE_DRAINING);
    check_refused(WIRE_UPGRADE "\r\n", 503, "draining", "\r\nRetry-After: 1\r\n", false,
                  TC_CLOSE_DRAINING);
    nx_fini(&nx);
}

Test(http, ends_with_half_a_head)
{
    /* Goal: in whichever way a connection ends, its head goes back. */
    nx_init(&nx, NULL);
    for (int way = 0; way < 5; way++) {
        uint32_t slot = nx_accept(&nx);
        nx_recv(&nx, slot, "GET /");
        cr_assert_eq(nx.tc_sessions.heads.used_cnt, 1);
        if (way == 0)
            nx_end(&nx, slot, 0);
        else if (way == 1)
            nx_end(&nx, slot, -ECONNRESET);
        else if (way == 2)
            tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
        else if (way == 3)
            tc_net_finish(&nx.net, slot, TC_CLOSE_INTERNAL);
        else
            tc_net_end_all(&nx.net, TC_CLOSE_DRAIN_TIMEOUT);
        cr_assert_eq(nx.tc_sessions.heads.used_cnt, 0, "way %d", way);
        if (way == 3) {
            nx_check_finished(&nx, slot, TC_CLOSE_INTERNAL);
            check_problem(nx_take(&nx, slot), 500, "internal", NULL);
        }
        nx_check_empty(&nx);
    }
    nx_fini(&nx);
}
