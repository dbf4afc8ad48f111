// SPDX-License-Identifier: Apache-2.0
/* Goal: calls of gRPC-Web over HTTP/1.1, of each shape and however their bytes are cut, are
 * answered one after another on a connection; whatever goes wrong ends what it must, and nothing
 * stays borrowed. */
#include "tests/unit/io/session/web_toy.h"

#define OK_HEAD "200 keep\n"
#define OK_END "T grpc-status: 0; \nend\n"
#define ECHO(text) OK_HEAD "M " text "\n" OK_END
#define ONLY(status, message) "200 keep grpc-status=" status " grpc-message=" message "\n"

/* One call of each shape, whose bodies have chunks of that many bytes; 0: a length. */
static void put_calls(const char *type, size_t chunk, size_t text_step)
{
    static const struct {
        const char *method;
        const char *messages[4];
    } calls[] = {
        { "/toy.Service/Echo", { "hello" } }, { "/toy.Service/Join", { "a", "", "bc", "d" } },
        { "/toy.Service/Split", { "xyz" } },  { "/toy.Service/Chat", { "1", "22", "333" } },
        { "/toy.Service/Chat", { NULL } },    { "/toy.Service/Echo", { "" } },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(calls); i++) {
        for (size_t m = 0; m < 4 && calls[i].messages[m]; m++)
            web_message(calls[i].messages[m], strlen(calls[i].messages[m]));
        if (text_step > 0)
            web_body_as_text(text_step);
        web_post(calls[i].method, type, "", chunk);
    }
}

static const char answers[] =
    ECHO("hello") ECHO("abcd") OK_HEAD "M x\nM y\nM z\n" OK_END OK_HEAD "M 1\nM 22\nM 333\n" OK_END
                                       "200 keep grpc-status=0\n" ECHO("");

Test(grpc_web, shapes_in_every_cut)
{
    /* Goal: calls that come one behind the other, with lengths and with chunks of any size, cut
     * into receives of any size, are answered alike and in order; the connection stays. */
    static const size_t chunks[] = { 0, 1, 2, 3, 5, 8, 100 };
    toy_init(NULL);
    for (size_t c = 0; c < TC_ARRAY_CNT(chunks); c++) {
        for (size_t step = 1; step < 1000; step += step < 200 ? 1 : 797) {
            web_accept();
            put_calls(WEB_TYPE, chunks[c], 0);
            web_send_by(step);
            nx_run(&nx);
            cr_assert_str_eq(web_take(), answers, "chunks of %zu in steps of %zu", chunks[c], step);
            cr_assert(tc_net_is_open(&nx.net, web.slot));
            web_close();
            nx_check_empty(&nx);
        }
    }
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    toy_fini();
}

Test(grpc_web, text)
{
    /* Goal: grpc-web-text is answered the same in base64, whatever pieces its encoder made; what is
     * not base64, or ends within it, is refused. */
    static const size_t steps[] = { 1, 2, 3, 4, 7, 1000 };
    toy_init(NULL);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        for (size_t cut = 1; cut < 40; cut++) {
            web_accept();
            put_calls(WEB_TEXT_TYPE, 0, steps[i]);
            web_send_by(cut);
            nx_run(&nx);
            cr_assert_str_eq(web_take(), answers, "pieces of %zu in cuts of %zu", steps[i], cut);
            web_close();
        }
    }
    web_accept();
    web_put_text(&web_body, "AAAA!AAA");
    web_post("/toy.Service/Echo", WEB_TEXT_TYPE, "", 0);
    cr_assert_str_eq(web_run(), ONLY("13", "the body is not base64"));
    web_put_text(&web_body, "AAAAAAE");
    web_post("/toy.Service/Chat", WEB_TEXT_TYPE, "", 0);
    cr_assert_str_eq(web_run(), ONLY("13", "the request ends inside a message"));
    web_put_text(&web_body, "AAAAAAE=A");
    web_post("/toy.Service/Chat", WEB_TEXT_TYPE, "", 0);
    cr_assert_str_eq(web_run(), ONLY("13", "the body ends inside base64"));
    toy_fini();
}

Test(grpc_web, head_byte_for_byte)
{
    /* Goal: the answer's head and chunks as they are on the wire. */
    toy_init(NULL);
    web_accept();
    web_post_text("/toy.Service/Echo", "hi");
    web_send_by(NX_RECV_BYTES);
    nx_run(&nx);
    static const char want[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                               "X-Content-Type-Options: nosniff\r\n"
                               "content-type: application/grpc-web+proto\r\n"
                               "grpc-accept-encoding: identity,gzip\r\n"
                               "Connection: keep-alive\r\n\r\n"
                               "5\r\n\0\0\0\0\2\r\n2\r\nhi\r\n"
                               "15\r\n\x80\0\0\0\x10"
                               "grpc-status: 0\r\n\r\n0\r\n\r\n";
    const struct nx_sock *s = &nx.reactor.socks[web.slot];
    cr_assert_eq(s->got_len, sizeof(want) - 1, "%u: %s", s->got_len, s->got);
    cr_assert_eq(memcmp(s->got, want, sizeof(want) - 1), 0, "%s", s->got);
    toy_fini();
}

/* ---- answers that come early ---- */

Test(grpc_web, answered_early)
{
    /* Goal: a call that ends before its body has come is answered at once, with its metadata; the
     * rest of the body is passed over, and the connection takes the next call. */
    static const char want[] =
        "200 keep x-first=1 grpc-status=10 grpc-message=not now x-last-bin=AQI\n";
    static const char long_text[5000];
    for (size_t chunk = 0; chunk <= 1000; chunk += 250) {
        toy_init(NULL);
        web_accept();
        web_message(long_text, sizeof(long_text));
        web_post("/toy.Service/Early", WEB_TYPE, "", chunk);
        size_t all = web_request.len;
        web_request.len = 400;
        cr_assert_str_eq(web_run(), want);
        cr_assert_eq(nx.tc_sessions.webs.used_cnt, 1);
        memmove(web_request.bytes, web_request.bytes + 400, all - 400);
        web_request.len = all - 400;
        web_post_text("/toy.Service/Echo", "next");
        cr_assert_str_eq(web_run(), ECHO("next"));
        toy_fini();
    }
}

Test(grpc_web, refused_by_its_head)
{
    /* Goal: what is no method, is not protobuf, or has a wrong field ends with the status for it;
     * the connection stays. */
    static const struct {
        const char *method, *type, *lines, *want;
    } rows[] = {
        { "/toy.Service/None", WEB_TYPE, "", ONLY("12", "the service has no such method") },
        { "/toy.Other/Echo", WEB_TYPE, "", ONLY("12", "this server has no such service") },
        { "/toy.Service/Echo", "application/grpc-web+json", "",
          ONLY("12", "messages are protobuf here: content-type application/grpc or "
                     "application/grpc+proto") },
        { "/toy.Service/Echo", WEB_TYPE, "grpc-timeout: 1\r\n",
          ONLY("3", "grpc-timeout is 1 to 8 digits and one of H M S m u n") },
        { "/toy.Service/Echo", WEB_TYPE, "GRPC-Encoding: br\r\n",
          ONLY("12", "this server takes messages as they are or by gzip: see "
                     "grpc-accept-encoding") },
    };
    toy_init(NULL);
    web_accept();
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        web_message("m", 1);
        web_post(rows[i].method, rows[i].type, rows[i].lines, 0);
        cr_assert_str_eq(web_run(), rows[i].want);
    }
    cr_assert_str_eq(web_ask("/toy.Service/Echo", "still"), ECHO("still"));
    cr_assert_eq(tc_count_get(&nx.metric.grpc_errors), TC_ARRAY_CNT(rows));
    cr_assert_eq(tc_count_get(&nx.metric.grpc_calls), TC_ARRAY_CNT(rows) + 1);
    toy_fini();
}

/* ---- what is no call ---- */

Test(grpc_web, not_a_call)
{
    /* Goal: other methods, other types, and HTTP/1.0, which has no chunks, are told how gRPC is
     * called; a request without a body is a call without a message. */
    static const struct {
        const char *request, *want;
    } rows[] = {
        { "POST /toy.Service/Echo HTTP/1.0\r\nContent-Type: " WEB_TYPE "\r\nContent-Length: 5\r\n"
          "\r\n\0\0\0\0",
          "415 close Content-Type=application/problem+json\nB " },
        { "POST /toy.Service/Echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\n"
          "Content-Length: 5\r\n\r\n",
          "415 close Content-Type=application/problem+json\nB " },
        { "PUT /toy.Service/Echo HTTP/1.1\r\nHost: h\r\nContent-Type: " WEB_TYPE "\r\n"
          "Content-Length: 5\r\n\r\n",
          "405 close Content-Type=application/problem+json Allow=POST\nB " },
        { "POST /toy.Service/Echo HTTP/1.1\r\nHost: h\r\nContent-Type: " WEB_TYPE "\r\n\r\n",
          ONLY("12", "the method takes one message, and none has come") },
        { "POST /toy.Service/Chat HTTP/1.1\r\nHost: h\r\nContent-Type: " WEB_TYPE "\r\n\r\n",
          "200 keep grpc-status=0\n" },
        { "POST /toy.Service/Chat HTTP/1.1\r\nHost: h\r\nConnection: "
          "close\r\nContent-Type: " WEB_TYPE "\r\n\r\n",
          "200 close grpc-status=0\n" },
    };
    toy_init(NULL);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        web_accept();
        web_put_text(&web_request, rows[i].request);
        const char *got = web_run();
        cr_expect(web_line_is(got, rows[i].want), "%s: %s", rows[i].request, got);
        cr_expect_eq(tc_net_is_open(&nx.net, web.slot), strstr(rows[i].want, "keep") != NULL);
        web_close();
    }
    toy_fini();
}

Test(grpc_web, continue_)
{
    /* Goal: a client that waits for 100 before its body gets it. */
    toy_init(NULL);
    web_accept();
    web_message("hi", 2);
    web_post("/toy.Service/Echo", WEB_TYPE, "Expect: 100-continue\r\n", 0);
    web_request.len -= 7;
    cr_assert_str_eq(web_run(), "100\n");
    web_put(&web_request, "\0\0\0\0\2hi", 7);
    cr_assert_str_eq(web_run(), ECHO("hi"));
    toy_fini();
}

/* ---- what does not come ---- */

Test(grpc_web, second_request_too_early)
{
    /* Goal: a request behind one whose answer is not done is refused, and the first is told so. */
    toy_init(NULL);
    web_accept();
    web_post_text("/toy.Service/Wait", "head");
    cr_assert_str_eq(web_run(), OK_HEAD);
    cr_assert_str_eq(web_ask("/toy.Service/Echo", "2"),
                     "T grpc-status: 14; grpc-message: the request is malformed; \nend\n");
    web_check_finished(TC_CLOSE_BAD_REQUEST);
    toy_fini();
}

Test(grpc_web, chunks_that_are_none)
{
    /* Goal: a body that is not read to the letter ends the connection, and is a glitch. */
    static const char *const bodies[] = { "5\n", "x\r\n", "0\r\nA: b\r\n\r\n", "1;a=b\r\n",
                                          "1\r\nab" };
    toy_init(NULL);
    for (size_t i = 0; i < TC_ARRAY_CNT(bodies); i++) {
        web_accept();
        web_head("/toy.Service/Chat", WEB_TYPE, "Transfer-Encoding: chunked\r\n\r\n");
        web_put_text(&web_request, bodies[i]);
        cr_assert_str_eq(web_run(), "");
        cr_assert(nx_is_closed(&nx, web.slot));
        cr_assert_eq(nx_closes(&nx, TC_CLOSE_BAD_REQUEST), i + 1);
        nx_check_empty(&nx);
    }
    cr_assert_eq(tc_count_get(&nx.metric.glitches), TC_ARRAY_CNT(bodies));
    toy_fini();
}

Test(grpc_web, body_that_never_comes)
{
    /* Goal: a body has head_ms from the end of its head, however it drips; a call that was answered
     * before ends without a complaint. */
    toy_init(NULL);
    web_accept();
    web_message("hello", 5);
    web_post("/toy.Service/Chat", WEB_TYPE, "", 0);
    web_request.len -= 7;
    cr_assert_str_eq(web_run(), "");
    nx_wait_ms(&nx, 6000);
    nx_recv(&nx, web.slot, "h");
    nx_wait_ms(&nx, 3990);
    cr_assert(tc_net_is_open(&nx.net, web.slot));
    nx_wait_ms(&nx, 20 + NX_TICK_MS);
    cr_assert(nx_is_closed(&nx, web.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_MESSAGE_TIMEOUT), 1);
    web_accept();
    web_message("hello", 5);
    web_post("/toy.Service/Early", WEB_TYPE, "", 0);
    web_request.len -= 2;
    cr_assert(web_line_is(web_run(), "200 keep x-first=1 grpc-status=10 "));
    nx_wait_ms(&nx, 10010 + NX_TICK_MS);
    web_check_finished(TC_CLOSE_ANSWERED);
    toy_fini();
}

Test(grpc_web, deadlines_and_timers)
{
    /* Goal: grpc-timeout ends a call whether its body has come or not; a method's own timer rings;
     * the connection stays. */
    toy_init(NULL);
    web_accept();
    web_message("", 0);
    web_post("/toy.Service/Wait", WEB_TYPE, "grpc-timeout: 1S\r\n", 0);
    cr_assert_str_eq(web_run(), "");
    cr_assert_str_eq(web_wait_ms(990), "");
    cr_assert_str_eq(web_wait_ms(10 + NX_TICK_MS), ONLY("4", "the deadline of the call is over"));
    web_message("abc", 3);
    web_post("/toy.Service/Echo", WEB_TYPE, "grpc-timeout: 500m\r\n", 0);
    web_request.len -= 3;
    cr_assert_str_eq(web_run(), "");
    cr_assert_str_eq(web_wait_ms(500 + NX_TICK_MS), ONLY("4", "the deadline of the call is over"));
    web_put_text(&web_request, "abc");
    web_post_text("/toy.Service/Wait", "late");
    cr_assert_str_eq(web_run(), "");
    cr_assert_str_eq(web_wait_ms(990), "");
    cr_assert_str_eq(web_wait_ms(10 + NX_TICK_MS), "200 keep grpc-status=0\n");
    cr_assert(tc_net_is_open(&nx.net, web.slot));
    toy_fini();
}

Test(grpc_web, client_goes)
{
    /* Goal: wherever a client ends or breaks off, the method is told and nothing stays borrowed. */
    toy_init(NULL);
    web_message("ab", 2);
    web_message("cd", 2);
    web_post("/toy.Service/Wait", WEB_TYPE, "", 3);
    size_t all = web_request.len;
    for (size_t len = 1; len <= all; len++) {
        web_accept();
        web_request.len = len;
        cr_assert_str_eq(web_run(), "");
        nx_end(&nx, web.slot, len % 2 ? 0 : -ECONNRESET);
        nx_check_empty(&nx);
        cr_assert_eq(toy_open_cnt, 0);
    }
    toy_fini();
}

Test(grpc_web, no_more_calls)
{
    /* Goal: with all calls of the worker taken, a further one is refused with 503, and its
     * connection ends. */
    struct nx_options o = nx_defaults();
    uint32_t slots[NX_STREAMS_MAX];
    o.conn_max = NX_STREAMS_MAX + 2;
    toy_init(&o);
    for (uint32_t i = 0; i < NX_STREAMS_MAX; i++) {
        web_accept();
        slots[i] = web.slot;
        cr_assert_str_eq(web_ask("/toy.Service/Wait", "head"), OK_HEAD);
    }
    web_accept();
    const char *got = web_ask("/toy.Service/Wait", "head");
    cr_assert(web_line_is(got, "503 close Content-Type=application/problem+json Retry-After=1\n"),
              "%s", got);
    nx_check_finished(&nx, web.slot, TC_CLOSE_NO_CONTEXT);
    nx_end(&nx, slots[3], 0);
    web_accept();
    cr_assert_str_eq(web_ask("/toy.Service/Echo", "again"), ECHO("again"));
    toy_fini();
}

/* ---- drain ---- */

Test(grpc_web, drain)
{
    /* Goal: a stop ends calls under way with UNAVAILABLE, before and after their head; one that
     * begins in it too. */
    toy_init(NULL);
    web_accept();
    uint32_t first = web.slot;
    cr_assert_str_eq(web_ask("/toy.Service/Wait", "none"), "");
    web_accept();
    cr_assert_str_eq(web_ask("/toy.Service/Wait", "head"), OK_HEAD);
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    nx_run(&nx);
    cr_assert_str_eq(web_take(), "T grpc-status: 14; grpc-message: the server restarts; \nend\n");
    nx_check_finished(&nx, web.slot, TC_CLOSE_ANSWERED);
    web.slot = first;
    web.is_body = false;
    cr_assert_str_eq(web_take(), "200 close grpc-status=14 grpc-message=the server restarts\n");
    web_check_finished(TC_CLOSE_ANSWERED);
    web_accept();
    cr_assert_str_eq(web_ask("/toy.Service/Echo", "late"),
                     "200 close grpc-status=14 grpc-message=the server restarts\n");
    web_check_finished(TC_CLOSE_ANSWERED);
    toy_fini();
}

Test(grpc_web, drain_within_a_body)
{
    /* Goal: a stop does not wait for a body: a call under way is told, one that was answered is not
     * told again. */
    toy_init(NULL);
    web_accept();
    web_message("hello", 5);
    web_post("/toy.Service/Early", WEB_TYPE, "", 0);
    web_request.len -= 2;
    cr_assert(web_line_is(web_run(), "200 keep x-first=1 grpc-status=10 "));
    uint32_t answered = web.slot;
    web_accept();
    web_message("hello", 5);
    web_post("/toy.Service/Echo", WEB_TYPE, "", 0);
    web_request.len -= 2;
    cr_assert_str_eq(web_run(), "");
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 0);
    nx_run(&nx);
    const char *got = web_take();
    cr_assert(web_line_is(got, "200 close grpc-status=14 grpc-message="), "%s", got);
    nx_check_finished(&nx, web.slot, TC_CLOSE_ANSWERED);
    web.slot = answered;
    cr_assert_str_eq(web_take(), "");
    web_check_finished(TC_CLOSE_DRAINING);
    toy_fini();
}
