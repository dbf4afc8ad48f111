// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "tests/unit/proto/http1/parse.h"

#define HOST "Host: h\r\n"
#define END "\r\n"

static bool is(struct tc_str got, const char *want)
{
    return tc_str_eq(got, tc_str_from(want));
}

Test(http1, a_plain_request)
{
    /* goal: all that is told of a good head; what follows it is left */
    static const char text[] = "GET /a/b?x=1&y HTTP/1.1\r\nHost: example.org:8080\r\n"
                               "Accept:\t text/html \t\r\nX-Empty:\r\n\r\nnext";
    cr_assert_eq(parse(text), 1, "%s", http.detail);
    cr_assert_eq(http.method, TC_HTTP1_GET);
    cr_assert(is(http.target, "/a/b?x=1&y") && is(http.path, "/a/b") && is(http.query, "x=1&y"));
    cr_assert(is(http.host, "example.org:8080") && http.minor == 1);
    cr_assert(http.is_keep_alive && !http.has_body && http.field_cnt == 3);
    cr_assert(is(tc_http1_field(&http, "accept"), "text/html"));
    cr_assert(tc_http1_field(&http, "x-empty").ptr && tc_http1_field(&http, "x-empty").len == 0);
    cr_assert(!tc_http1_field(&http, "cookie").ptr);
    size_t used;
    tc_http1_init(&http);
    cr_assert_eq(tc_http1_feed(&http, text, sizeof(text) - 1, &used), 1);
    cr_assert_str_eq(text + used, "next");
}

Test(http1, keep_alive)
{
    /* goal: by version and Connection */
    cr_assert(parse("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n" END) == 1);
    cr_assert(!http.is_keep_alive);
    cr_assert(parse("GET / HTTP/1.0\r\n" END) == 1);
    cr_assert(!http.is_keep_alive && http.minor == 0 && http.host.len == 0);
    cr_assert(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END) == 1);
    cr_assert(http.is_keep_alive);
}

Test(http1, bodies_are_told)
{
    /* goal: a length or chunks: has_body, no further request */
    cr_assert(parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END) == 1);
    cr_assert(http.has_body && !http.is_keep_alive && http.method == TC_HTTP1_POST);
    cr_assert(parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END) == 1);
    cr_assert(!http.has_body && http.is_keep_alive);
    cr_assert(parse("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END) == 1);
    cr_assert(http.has_body);
}

Test(http1, targets)
{
    /* goal: the four forms */
    cr_assert(parse("GET http://H:80/p?q HTTP/1.1\r\nHost: h:80\r\n" END) == 1, "%s", http.detail);
    cr_assert(is(http.path, "/p") && is(http.query, "q"));
    cr_assert(parse("GET http://h HTTP/1.1\r\n" HOST END) == 1, "%s", http.detail);
    cr_assert(is(http.path, "/"));
    cr_assert(parse("GET http://h?q HTTP/1.1\r\n" HOST END) == 1, "%s", http.detail);
    cr_assert(is(http.path, "/") && is(http.query, "q"));
    cr_assert(parse("OPTIONS * HTTP/1.1\r\n" HOST END) == 1);
    cr_assert(is(http.path, "*") && http.method == TC_HTTP1_OPTIONS);
    cr_assert(parse("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n" END) == 1, "%s", http.detail);
    cr_assert_eq(http.method, TC_HTTP1_OTHER);
    cr_assert(parse("GET / HTTP/1.1\r\nHost: [::1]:80\r\n" END) == 1);
}

static void expect_refused(const char *const *bad, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++) {
        int rc = parse(bad[i]);
        cr_expect_eq(rc, -TC_EINVAL, "%zu: %d %s", i, rc, bad[i]);
        cr_expect_eq(http.status, 400, "%zu: %d %s", i, http.status, bad[i]);
        cr_expect(http.detail && http.detail[0]);
    }
}

Test(http1, body_length_tricks)
{
    /* goal: lengths of a body that two readers could take differently are a 400 (reliability,
     * section 2) */
    static const char *const bad[] = {
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: x, chunked\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n" END,
        "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding\t: chunked\r\n" END,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
        "chunked\r\n" END,
    };
    expect_refused(bad, TC_ARRAY_CNT(bad));
}

Test(http1, field_tricks)
{
    /* goal: so are lines, fields and hosts */
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n" END,
        "GET / HTTP/1.1\r\n Host: h\r\n" END,
        "GET / HTTP/1.1\n" HOST END,
        "GET / HTTP/1.1\r\nHost: h\n" END,
        "GET / HTTP/1.1\r\n" HOST "\n",
        "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "A: b\r\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "A: b\x7f\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "A b: c\r\n" END,
        "GET / HTTP/1.1\r\n" HOST ": c\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "nocolon\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "A(: c\r\n" END,
        "GET / HTTP/1.1\r\n" END,
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n" END,
        "GET / HTTP/1.1\r\nHost:\r\n" END,
        "GET / HTTP/1.1\r\nHost: a, b\r\n" END,
        "GET / HTTP/1.1\r\nHost: a b\r\n" END,
        "GET / HTTP/1.1\r\nHost: a@b\r\n" END,
        "GET / HTTP/1.1\r\nHost: a/b\r\n" END,
        "GET / HTTP/1.1\r\nHost: a:x\r\n" END,
        "GET / HTTP/1.1\r\nHost: a:\r\n" END,
        "GET / HTTP/1.1\r\nHost: [::1\r\n" END,
        "GET / HTTP/1.1\r\nHost: [x]\r\n" END,
    };
    expect_refused(bad, TC_ARRAY_CNT(bad));
}

Test(http1, request_line_tricks)
{
    /* goal: so are request lines */
    static const char *const bad[] = {
        "GET http://other/ HTTP/1.1\r\n" HOST END,
        "GET http://h@other/ HTTP/1.1\r\n" HOST END,
        "GET http://h:80/ HTTP/1.1\r\n" HOST END,
        "GET ftp://h/ HTTP/1.1\r\n" HOST END,
        "GET x HTTP/1.1\r\n" HOST END,
        "GET * HTTP/1.1\r\n" HOST END,
        "GET /#f HTTP/1.1\r\n" HOST END,
        "GET  / HTTP/1.1\r\n" HOST END,
        "GET /  HTTP/1.1\r\n" HOST END,
        "GET / HTTP/1.1 \r\n" HOST END,
        " GET / HTTP/1.1\r\n" HOST END,
        "\r\nGET / HTTP/1.1\r\n" HOST END,
        "\nGET / HTTP/1.1\r\n" HOST END,
        "GET\t/ HTTP/1.1\r\n" HOST END,
        "GET /\xff HTTP/1.1\r\n" HOST END,
        "GET /\r\n" HOST END,
        "GET /\r\n\r\n",
        "GET / http/1.1\r\n" HOST END,
        "GET / HTTP/11\r\n" HOST END,
        "GET / RTSP/1.0\r\n" HOST END,
        "SOURCE / ICE/1.0\r\n" HOST END,
        "\x16\x03\x01",
    };
    expect_refused(bad, TC_ARRAY_CNT(bad));
}

Test(http1, nul_bytes)
{
    /* goal: a NUL anywhere is refused */
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char copy[sizeof(text)];
        size_t taken;
        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        cr_expect_eq(parse_by(copy, sizeof(text) - 1, 100, &taken), -TC_EINVAL, "%zu", i);
        cr_expect_eq(http.status, 400);
        cr_expect_eq(parse_by(copy, sizeof(text) - 1, 1, &taken), -TC_EINVAL, "%zu", i);
    }
}

Test(http1, other_statuses)
{
    /* goal: versions, methods */
    cr_expect_lt(parse("GET / HTTP/2.0\r\n" HOST END), 0);
    cr_expect_eq(http.status, 505);
    cr_expect_lt(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0);
    cr_expect_eq(http.status, 505);
    cr_expect_lt(parse("GET / HTTP/1.2\r\n" HOST END), 0);
    cr_expect_eq(http.status, 505);
    cr_expect_lt(parse("GET / HTTP/0.9\r\n" HOST END), 0);
    cr_expect_eq(http.status, 505);
    cr_expect_lt(parse("FOO / HTTP/1.1\r\n" HOST END), 0);
    cr_expect_eq(http.status, 501);
    cr_expect_lt(parse("HTTP/1.1 200 OK\r\n" HOST END),
                 0); /* an answer where a request should be */
    cr_expect(http.status == 400 || http.status == 501);
    cr_expect_lt(parse("G@T / HTTP/1.1\r\n" HOST END), 0);
    cr_expect_eq(http.status, 400);
    cr_expect_eq(parse("PROPFIND / HTTP/1.1\r\n" HOST END), 1);
    cr_expect_eq(http.method, TC_HTTP1_OTHER);
}

Test(http1, limits)
{
    /* goal: 64 fields pass and 65 do not; a head of the longest size passes and no longer one */
    static char text[TC_HTTP_HEAD_MAX + 64];
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n");
    size_t taken;
    for (int i = 1; i < TC_HTTP_FIELDS_MAX; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "F%d: v\r\n", i);
    snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
    cr_expect_eq(parse(text), 1);
    cr_expect_eq(http.field_cnt, TC_HTTP_FIELDS_MAX);
    snprintf(text + len, sizeof(text) - (size_t)len, "One\x80more\r\n\r\n"); /* whatever it is */
    cr_expect_eq(parse(text), -TC_ELIMIT);
    cr_expect_eq(http.status, 431);
    len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\nA: ");
    memset(text + len, 'a', sizeof(text) - (size_t)len);
    memcpy(text + TC_HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    cr_expect_eq(parse_by(text, TC_HTTP_HEAD_MAX, 4096, &taken), 1);
    cr_expect_eq(taken, TC_HTTP_HEAD_MAX);
    memcpy(text + TC_HTTP_HEAD_MAX - 4, "aaaa\r\n\r\n", 8);
    cr_expect_eq(parse_by(text, TC_HTTP_HEAD_MAX + 4, 4096, &taken), -TC_ELIMIT);
    cr_expect_eq(http.status, 431);
}
