// SPDX-License-Identifier: Apache-2.0
/* Goal: pages of other origins may call what the setting origins says, and read the answer; a
 * browser's question is answered before any call, alike over HTTP/1.1 and HTTP/2. */
#include "io/session/cors.h"
#include "tests/unit/io/session/h2_wire.h"
#include "tests/unit/io/session/web_toy.h"

#define UI "https://ui.example"
#define EXPOSED "grpc-status,grpc-message,grpc-status-details-bin,grpc-encoding,*"
#define ECHO_PATH "/toy.Service/Echo"
#define FORBIDDEN "pages of this origin may not call; see the setting origins"

static void init(void)
{
    toy_init(NULL);
    nx.conf.origins[0] = UI;
    nx.conf.origin_cnt = 1;
}

/* The question over HTTP/1.1; lines: its fields. */
static const char *ask(const char *path, const char *lines)
{
    char text[2048];
    snprintf(text, sizeof(text), "OPTIONS %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, lines);
    web_put_text(&web_request, text);
    return web_run();
}

#define ORIGIN(origin) "Origin: " origin "\r\nAccess-Control-Request-Method: POST\r\n"
#define REQUESTED "Access-Control-Request-Headers: content-type,x-grpc-web,x-user-agent\r\n"
#define ALLOWED(origin)                                                                            \
    "204 keep access-control-allow-origin=" origin " access-control-allow-methods=POST"
#define ALLOWED_END " access-control-max-age=7200 vary=origin, access-control-request-headers"

Test(cors, preflight)
{
    /* Goal: an origin of the list and the server's own are told what they may; others, and no
     * origin at all, are not. */
    init();
    web_accept();
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN(UI) REQUESTED),
                     ALLOWED(UI) " access-control-allow-headers=content-type,x-grpc-web,"
                                 "x-user-agent" ALLOWED_END "\n");
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN(UI)), ALLOWED(UI) ALLOWED_END "\n");
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN("http://h")), ALLOWED("http://h") ALLOWED_END "\n");
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN("http://h:81")), "403 keep\n");
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN("https://evil.example")), "403 keep\n");
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN("null")), "403 keep\n");
    cr_assert_str_eq(ask(ECHO_PATH, "Access-Control-Request-Method: POST\r\n"), "403 keep\n");
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN(UI) "Connection: close\r\n"),
                     "204 close access-control-allow-origin=" UI
                     " access-control-allow-methods=POST" ALLOWED_END "\n");
    web_check_finished(TC_CLOSE_ANSWERED);
    nx.conf.origins[0] = "*";
    web_accept();
    cr_assert_str_eq(ask(ECHO_PATH, ORIGIN("https://evil.example")),
                     ALLOWED("https://evil.example") ALLOWED_END "\n");
    toy_fini();
}

Test(cors, no_preflight)
{
    /* Goal: what is no question, or not for a method, is an ordinary request. */
    init();
    web_accept();
    cr_assert(web_line_is(ask(ECHO_PATH, "Origin: " UI "\r\n"), "405 keep "));
    cr_assert(web_line_is(ask("/toy.Service/None", ORIGIN(UI)), "404 keep "));
    cr_assert(web_line_is(ask("/", ORIGIN(UI)), "405 keep "));
    toy_fini();
}

Test(cors, too_many_requested_fields)
{
    /* Goal: names of fields are repeated up to the bound, and beyond it refused. */
    static char lines[TC_CORS_REQUESTED_MAX + 200];
    for (size_t len = TC_CORS_REQUESTED_MAX - 1; len <= TC_CORS_REQUESTED_MAX + 1; len++) {
        int at = snprintf(lines, sizeof(lines), ORIGIN(UI) "Access-Control-Request-Headers: ");
        memset(lines + at, 'a', len);
        memcpy(lines + at + len, "\r\n", 3);
        init();
        web_accept();
        const char *got = ask(ECHO_PATH, lines);
        bool is_allowed = web_line_is(got, ALLOWED(UI) " access-control-allow-headers=aaa");
        cr_assert_eq(is_allowed, len <= TC_CORS_REQUESTED_MAX, "%zu: %s", len, got);
        cr_assert(is_allowed || strcmp(got, "403 keep\n") == 0);
        toy_fini();
    }
}

static const char *call(const char *origin_line)
{
    web_message("hi", 2);
    web_post(ECHO_PATH, WEB_TYPE, origin_line, 0);
    return web_run();
}

Test(cors, calls)
{
    /* Goal: an allowed page may read the answer, its own included; another is refused, which is a
     * glitch; a client that is no browser sees nothing of this. */
    init();
    web_accept();
    cr_assert_str_eq(call("Origin: " UI "\r\n"), "200 keep access-control-allow-origin=" UI
                                                 " access-control-expose-headers=" EXPOSED
                                                 " vary=origin\nM hi\nT grpc-status: 0; \nend\n");
    cr_assert(web_line_is(call("origin: http://h\r\n"),
                          "200 keep access-control-allow-origin=http://h "));
    cr_assert_str_eq(call(""), "200 keep\nM hi\nT grpc-status: 0; \nend\n");
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    cr_assert_str_eq(call("Origin: https://evil.example\r\n"),
                     "200 keep grpc-status=7 grpc-message=" FORBIDDEN "\n");
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 1);
    cr_assert_eq(toy_open_cnt, 0);
    toy_fini();
}

/* ---- HTTP/2 ---- */

static struct h2w w;

#define H2_ASK(origin)                                                                             \
    HP_METHOD("OPTIONS", ECHO_PATH)                                                                \
    "origin " origin "\naccess-control-request-method POST\n"
#define H2_CALL HP_METHOD("POST", ECHO_PATH) "content-type application/grpc-web\n"
#define H2_TYPE(type) " :status=200 content-type=" type "+proto grpc-accept-encoding=identity,gzip"

static const char *h2_ask(int32_t id, const char *fields)
{
    hp_head(&w.p, id, HP_END, fields);
    return h2w_run(&w);
}

Test(cors, http2)
{
    /* Goal: the same questions and fields over HTTP/2; gRPC itself is not for browsers, and its
     * origin is nobody's business. */
    init();
    h2w_open(&w);
    cr_assert_str_eq(h2_ask(1, H2_ASK(UI) "access-control-request-headers x-grpc-web\n"),
                     "HEAD 1 :status=204 access-control-allow-origin=" UI
                     " access-control-allow-methods=POST"
                     " access-control-allow-headers=x-grpc-web" ALLOWED_END " end\n");
    cr_assert_str_eq(h2_ask(3, H2_ASK("https://evil.example")), "HEAD 3 :status=403 end\n");
    cr_assert_str_eq(
        h2_ask(5, H2_CALL "origin " UI "\n"),
        "HEAD 5" H2_TYPE("application/grpc-web") " access-control-allow-origin=" UI
                                                 " access-control-expose-headers=" EXPOSED
                                                 " vary=origin grpc-status=12"
                                                 " grpc-message=the method takes one message, and "
                                                 "none has come end\n");
    cr_assert_str_eq(
        h2_ask(7, H2_CALL "origin https://evil.example\n"),
        "HEAD 7" H2_TYPE("application/grpc-web") " grpc-status=7 grpc-message=" FORBIDDEN " end\n");
    cr_assert_str_eq(h2_ask(9, HP_METHOD("POST", ECHO_PATH) "content-type application/grpc\n"
                                                            "origin https://evil.example\n"),
                     "HEAD 9" H2_TYPE("application/grpc") " grpc-status=12"
                                                          " grpc-message=the method takes one "
                                                          "message, and none has come end\n");
    h2w_close(&w);
    toy_fini();
}
