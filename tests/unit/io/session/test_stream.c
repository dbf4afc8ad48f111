// SPDX-License-Identifier: Apache-2.0
/* Goal: requests over HTTP/2 are answered as over HTTP/1, each on its stream, however many there
 * are and however windows stop them; what a stream borrowed is back when it ends. */
#include "tests/unit/io/session/h2_wire.h"

static struct h2w w;

static char note[512];

/* A problem (RFC 9457) on stream id. */
static const char *problem(int32_t id, int status, const char *code, const char *detail,
                           const char *further)
{
    char body[TC_HTTP1_ANSWER_MAX];
    size_t len = tc_http1_problem_body(body, sizeof(body), status, code, detail);
    cr_assert(len > 0 && body[len - 1] == '\n');
    snprintf(note, sizeof(note),
             "HEAD %d :status=%d content-type=application/problem+json content-length=%zu "
             "x-content-type-options=nosniff%s\nDATA %d %.*s~ end\n",
             id, status, len, further, id, (int)len - 1, body);
    return note;
}

static const char *not_found(int32_t id)
{
    return problem(id, 404, "not-found", "there is nothing at this path", "");
}

static const char *not_allowed(int32_t id)
{
    return problem(id, 405, "method-not-allowed", "this path is read with GET", " allow=GET, HEAD");
}

/* A single request, answered. */
static const char *ask(int32_t id, const char *fields)
{
    hp_head(&w.p, id, HP_END, fields);
    return h2w_run(&w);
}

static void send_body(int32_t id, size_t bytes, bool is_end)
{
    static char piece[16384];
    while (bytes > 0) {
        size_t n = TC_MIN(bytes, sizeof(piece));
        bytes -= n;
        hp_frame(&w.p, NGHTTP2_DATA, is_end && bytes == 0 ? HP_END : 0, id, piece, n);
        h2w_send_by(&w, NX_RECV_BYTES);
    }
}

Test(stream, pages)
{
    /* Goal: a page and /health, field for field; HEAD without the body; a query is passed over. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    cr_assert_str_eq(ask(1, HP_GET("/")), H2W_PAGE("1"));
    cr_assert_str_eq(ask(3, HP_GET("/?x=/health")), H2W_PAGE("3"));
    cr_assert_str_eq(ask(5, HP_METHOD("HEAD", "/")), "HEAD 5" H2W_PAGE_HEAD " end\n");
    cr_assert_str_eq(ask(7, HP_GET("/health")),
                     "HEAD 7 :status=200 content-type=application/json content-length=16 "
                     "x-content-type-options=nosniff cache-control=no-cache\n"
                     "DATA 7 {\"status\":\"ok\"}~ end\n");
    cr_assert_eq(tc_count_get(&nx.metric.requests), 4);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
    h2w_close(&w);
    nx_fini(&nx);
}

Test(stream, problems)
{
    /* Goal: what is not there, not allowed, not canonical; HEAD has the length and no body. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    cr_assert_str_eq(ask(1, HP_GET("/nothing")), not_found(1));
    cr_assert_str_eq(ask(3, HP_METHOD("OPTIONS", "*")), not_found(3));
    cr_assert_str_eq(ask(5, HP_METHOD("DELETE", "/")), not_allowed(5));
    cr_assert_str_eq(ask(7, HP_METHOD("TRACE", "/health")), not_allowed(7));
    cr_assert_str_eq(ask(9, HP_GET("/a/../b")),
                     problem(9, 400, "path-not-canonical",
                             "the path has empty, . or .. segments, or encodes what needs no "
                             "encoding",
                             ""));
    char *want = strdup(not_found(11));
    char *body = strstr(want, "\nDATA");
    memcpy(body, " end\n", sizeof(" end\n"));
    cr_assert_str_eq(ask(11, HP_METHOD("HEAD", "/nothing")), want);
    free(want);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    h2w_close(&w);
    nx_fini(&nx);
}

Test(stream, bodies_are_passed_over)
{
    /* Goal: a request is answered when it has ended, with a body or trailers; its bytes open the
     * windows again; TC_STREAM_BODY_MAX is not too much. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    hp_head(&w.p, 1, 0, HP_METHOD("POST", "/"));
    hp_data(&w.p, 1, 0, "hello");
    cr_assert_str_eq(h2w_run(&w), "");
    hp_data(&w.p, 1, HP_END, "");
    cr_assert_str_eq(h2w_run(&w), not_allowed(1));
    hp_head(&w.p, 3, 0, HP_GET("/"));
    hp_data(&w.p, 3, 0, "hello");
    hp_head(&w.p, 3, HP_END, "x-sum 5\n");
    cr_assert_str_eq(h2w_run(&w), H2W_PAGE("3"));
    hp_head(&w.p, 5, 0, HP_METHOD("POST", "/"));
    for (int i = 0; i < TC_STREAM_BODY_MAX / 32768; i++) {
        send_body(5, 32768, false);
        const char *got = h2w_run(&w);
        cr_assert(strstr(got, "WINDOW 0 +") && strstr(got, "WINDOW 5 +"), "%s", got);
        cr_assert_null(strstr(got, "HEAD"));
    }
    hp_data(&w.p, 5, HP_END, "");
    cr_assert_str_eq(h2w_run(&w), not_allowed(5));
    h2w_close(&w);
    nx_fini(&nx);
}

Test(stream, bodies_that_are_too_long)
{
    /* Goal: one byte more is 413, at once; the rest is passed over, and does not take the window of
     * the connection from the requests after it. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    for (int32_t id = 1; id < 9; id += 2) {
        hp_head(&w.p, id, 0, HP_METHOD("POST", "/"));
        for (int i = 0; i < TC_STREAM_BODY_MAX / 32768; i++) {
            send_body(id, 32768, false);
            (void)h2w_run(&w);
        }
        send_body(id, 60000, false);
        const char *got = h2w_run(&w);
        const char *want =
            problem(id, 413, "body-too-large", "no path here takes so long a request body", "");
        const char *head = strstr(got, "HEAD");
        const char *data = strstr(want, "DATA");
        cr_assert(head && strncmp(head, want, (size_t)(data - want)) == 0, "%s", got);
        const char *rest = strstr(got, data);
        cr_assert_not_null(rest, "%s", got);
        snprintf(note, sizeof(note), "RST %d NO_ERROR\n", id);
        cr_assert_not_null(strstr(rest, note), "%s", got);
        cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
        send_body(id, 5000, true);
        cr_assert_null(strstr(h2w_run(&w), "RST"));
        int32_t left = nghttp2_session_get_effective_recv_data_length(h2w_conn(&w)->h2.session);
        cr_assert_lt(left, 32768, "%d bytes are never given back", left);
    }
    cr_assert_str_eq(ask(9, HP_GET("/")), H2W_PAGE("9"));
    h2w_close(&w);
    nx_fini(&nx);
}

Test(stream, many_at_once)
{
    /* Goal: all that there are places for are answered; more are refused without harm to the
     * others, and with places back they are served. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    for (int32_t id = 1; id <= 2 * NX_STREAMS_MAX + 3; id += 2)
        hp_head(&w.p, id, 0, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&w), "RST 33 REFUSED_STREAM\nRST 35 REFUSED_STREAM\n");
    cr_assert_eq(tc_count_get(&nx.metric.streams), NX_STREAMS_MAX);
    cr_assert_eq(tc_count_get(&nx.metric.requests), NX_STREAMS_MAX);
    struct h2w other;
    h2w_open(&other);
    hp_head(&other.p, 1, HP_END, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&other), "RST 1 REFUSED_STREAM\n");
    for (int32_t id = 31; id >= 1; id -= 2)
        hp_data(&w.p, id, HP_END, "");
    const char *got = h2w_run(&w);
    for (int32_t id = 1; id <= 31; id += 2) {
        snprintf(note, sizeof(note), "HEAD %d" H2W_PAGE_HEAD "\n", id);
        cr_assert_not_null(strstr(got, note), "%d", id);
        snprintf(note, sizeof(note), "DATA %d hello~ end\n", id);
        cr_assert_not_null(strstr(got, note), "%d", id);
    }
    cr_assert_eq(tc_count_get(&nx.metric.streams), 0);
    hp_head(&other.p, 3, HP_END, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&other), H2W_PAGE("3"));
    h2w_close(&other);
    h2w_close(&w);
    nx_fini(&nx);
}

static void check_big(const char *body, size_t len)
{
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(body[i], (char)('a' + i % 23), "byte %zu", i);
}

Test(stream, page_larger_than_windows)
{
    /* Goal: a page goes as far as windows let it, and on as they are opened, each byte once, while
     * another stream is answered. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    w.p.is_data_hidden = true;
    hp_head(&w.p, 1, HP_END, HP_GET("/big"));
    const char *got = h2w_run(&w);
    cr_assert_eq(strncmp(got, "HEAD 1 :status=200 ", 19), 0, "%s", got);
    cr_assert_not_null(strstr(got, "content-length=200000"));
    cr_assert_eq(w.p.body_len, 65535);
    hp_head(&w.p, 3, HP_END, HP_METHOD("HEAD", "/"));
    cr_assert_str_eq(h2w_run(&w), "HEAD 3" H2W_PAGE_HEAD " end\n");
    hp_window(&w.p, 0, NX_BIG_BYTES);
    cr_assert_str_eq(h2w_run(&w), "");
    cr_assert_eq(w.p.body_len, 65535);
    for (int i = 0; i < 1000; i++) {
        hp_window(&w.p, 1, TC_H2_WINDOW_STEP_MIN);
        (void)h2w_run(&w);
    }
    cr_assert_eq(w.p.body_len, 65535 + 1000 * TC_H2_WINDOW_STEP_MIN);
    hp_window(&w.p, 1, NX_BIG_BYTES);
    cr_assert_str_eq(h2w_run(&w), "DATA 1 end\n");
    cr_assert_eq(w.p.body_len, NX_BIG_BYTES);
    check_big(w.p.body, w.p.body_len);
    h2w_close(&w);
    nx_fini(&nx);
}

Test(stream, page_through_a_narrow_socket)
{
    /* Goal: whatever the socket takes at a time, the page arrives whole. */
    nx_init(&nx, NULL);
    for (uint32_t cap = 37; cap < 60000; cap = cap * 3 + 1000) {
        h2w_open(&w);
        w.p.is_data_hidden = true;
        w.p.body_len = 0;
        hp_window(&w.p, 0, NX_BIG_BYTES);
        hp_head(&w.p, 1, HP_END, HP_GET("/big"));
        hp_window(&w.p, 1, NX_BIG_BYTES);
        nx.reactor.socks[w.slot].cap = cap;
        (void)h2w_run(&w);
        while (nx.reactor.socks[w.slot].wants_writable) {
            nx_writable(&nx, w.slot, cap);
            nx_run(&nx);
            (void)h2w_take(&w);
        }
        cr_assert_eq(w.p.body_len, NX_BIG_BYTES);
        check_big(w.p.body, w.p.body_len);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        h2w_close(&w);
    }
    nx_fini(&nx);
}

Test(stream, resets_of_the_client)
{
    /* Goal: a stream that the client gives up gives back what it has, whatever it waits for. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    hp_setting(&w.p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    hp_head(&w.p, 1, 0, HP_METHOD("POST", "/"));
    hp_head(&w.p, 3, HP_END, HP_GET("/big"));
    hp_head(&w.p, 5, HP_END, HP_GET("/nothing"));
    (void)h2w_run(&w);
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 3);
    cr_assert_gt(nx.net.slab.used_bytes, 0);
    for (int32_t id = 1; id <= 5; id += 2)
        hp_reset(&w.p, id, NGHTTP2_CANCEL);
    cr_assert_str_eq(h2w_run(&w), "");
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    hp_setting(&w.p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 100);
    hp_head(&w.p, 7, HP_END, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&w), "SETTINGS ack\n" H2W_PAGE("7"));
    h2w_close(&w);
    nx_fini(&nx);
}

Test(stream, connection_ends_in_the_middle)
{
    /* Goal: in whichever way a connection ends, its streams are gone. */
    nx_init(&nx, NULL);
    for (int way = 0; way < 5; way++) {
        h2w_open(&w);
        hp_setting(&w.p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
        hp_head(&w.p, 1, 0, HP_METHOD("POST", "/"));
        hp_head(&w.p, 3, HP_END, HP_GET("/big"));
        hp_head(&w.p, 5, HP_END, HP_GET("/nothing"));
        hp_frame(&w.p, NGHTTP2_HEADERS, 0, 7, "", 0);
        (void)h2w_run(&w);
        cr_assert_eq(nx.tc_sessions.streams.used_cnt, 3);
        cr_assert_eq(nx.tc_sessions.h2.heads.used_cnt, 1);
        if (way == 0)
            nx_end(&nx, w.slot, 0);
        else if (way == 1)
            nx_end(&nx, w.slot, -ECONNRESET);
        else if (way == 2)
            tc_net_end(&nx.net, w.slot, TC_CLOSE_INTERNAL);
        else if (way == 3)
            tc_net_finish(&nx.net, w.slot, TC_CLOSE_INTERNAL);
        else
            tc_net_end_all(&nx.net, TC_CLOSE_DRAIN_TIMEOUT);
        cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0, "way %d", way);
        cr_assert_eq(nx.tc_sessions.h2.purse.used_bytes, 0, "way %d", way);
        if (way == 3) {
            nx_run(&nx);
            cr_assert_str_eq(h2w_take(&w), "GOAWAY 7 NO_ERROR\n");
        }
        h2w_close(&w);
        nx_check_empty(&nx);
    }
    nx_fini(&nx);
}

Test(stream, memory_is_spent)
{
    /* Goal: an answer for which there is no memory resets its stream; a page, which needs none, is
     * answered all the same. */
    struct nx_options options = nx_defaults();
    options.spill_bytes = 0;
    nx_init(&nx, &options);
    h2w_open(&w);
    cr_assert_str_eq(ask(1, HP_GET("/nothing")), "RST 1 ENHANCE_YOUR_CALM\n");
    cr_assert_str_eq(ask(3, HP_GET("/")), H2W_PAGE("3"));
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    h2w_close(&w);
    nx_fini(&nx);
}
