// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/http1/http1.h"

Test(answer, heads)
{
    /* goal: the lines of an answer, in full and at the least */
    char out[TC_HTTP1_ANSWER_MAX];
    struct tc_http1_answer a = {
        .status = 200,
        .type = "text/html",
        .csp = "default-src 'self'",
        .extra = "Cache-Control: no-store\r\n",
        .body_bytes = 12,
        .is_keep_alive = true,
    };
    static const char want[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Content-Security-Policy: default-src 'self'\r\n"
        "Cache-Control: no-store\r\nConnection: keep-alive\r\n\r\n";
    size_t len = tc_http1_answer(out, sizeof(out), &a);
    cr_assert(len == sizeof(want) - 1 && memcmp(out, want, len) == 0, "%.*s", (int)len, out);
    for (size_t cap = 0; cap <= len; cap++)
        cr_assert_eq(tc_http1_answer(out, cap, &a), 0);
    a = (struct tc_http1_answer){ .status = 503, .retry_after_s = 3 };
    len = tc_http1_answer(out, sizeof(out), &a);
    out[len] = '\0';
    cr_assert_str_eq(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                          "X-Content-Type-Options: nosniff\r\nRetry-After: 3\r\n"
                          "Connection: close\r\n\r\n");
}

Test(answer, problems)
{
    /* goal: an error's body and its length; HEAD gets the head only; what does not fit is nothing
     */
    char out[TC_HTTP1_ANSWER_MAX];
    struct tc_http1_answer base = { .allow = "GET, HEAD", .is_keep_alive = true };
    static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
                               "\"status\":405,\"detail\":\"No.\",\"code\":\"bad-method\"}\n";
    size_t len = tc_http1_problem(out, sizeof(out), 405, "bad-method", "No.", &base, false);
    cr_assert_gt(len, 0);
    out[len] = '\0';
    cr_assert(strstr(out, "HTTP/1.1 405 Method Not Allowed\r\n") == out);
    cr_assert(strstr(out, "\r\nContent-Type: application/problem+json\r\n"));
    cr_assert(strstr(out, "\r\nAllow: GET, HEAD\r\n"));
    cr_assert(strstr(out, "\r\nContent-Length: 100\r\n"), "%zu", sizeof(body) - 1);
    cr_assert_str_eq(strstr(out, "\r\n\r\n") + 4, body);
    size_t head = tc_http1_problem(out, sizeof(out), 405, "bad-method", "No.", &base, true);
    cr_assert_eq(head, len - (sizeof(body) - 1));
    cr_assert_eq(tc_http1_problem(out, len - 1, 405, "bad-method", "No.", &base, false), 0);
    cr_assert_gt(tc_http1_problem(out, sizeof(out), 400, "x", "y", NULL, false), 0);
}

Test(answer, texts)
{
    /* goal: names of methods and statuses */
    cr_assert_str_eq(tc_http1_method_text(TC_HTTP1_DELETE), "DELETE");
    cr_assert_str_eq(tc_http1_method_text(TC_HTTP1_OTHER), "-");
    cr_assert_str_eq(tc_http1_reason(431), "Request Header Fields Too Large");
    cr_assert_str_eq(tc_http1_reason(417), "Expectation Failed");
    cr_assert_str_eq(tc_http1_reason(999), "Unknown");
}

Test(answer, of_unknown_length)
{
    /* Goal: chunks for HTTP/1.1, the end of the connection for HTTP/1.0; never with a length */
    char out[TC_HTTP1_ANSWER_MAX];
    struct tc_http1_answer a = {
        .status = 200,
        .type = "text/plain",
        .body_bytes = 7,
        .is_keep_alive = true,
        .is_chunked = true,
    };
    out[tc_http1_answer(out, sizeof(out), &a)] = '\0';
    cr_expect_str_eq(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                          "Transfer-Encoding: chunked\r\nX-Content-Type-Options: nosniff\r\n"
                          "Connection: keep-alive\r\n\r\n");
    a.is_chunked = a.is_keep_alive = false;
    a.is_until_close = true;
    out[tc_http1_answer(out, sizeof(out), &a)] = '\0';
    cr_expect_str_eq(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                          "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
}

Test(answer, chunks)
{
    /* Goal: heads of chunks of all lengths, and that our own reader takes the whole */
    static const struct {
        uint32_t len;
        const char *head;
    } rows[] = {
        { 1, "1\r\n" },
        { 9, "9\r\n" },
        { 15, "f\r\n" },
        { 16, "10\r\n" },
        { 255, "ff\r\n" },
        { 256, "100\r\n" },
        { 0xabcdef, "abcdef\r\n" },
        { 0x10000000, "10000000\r\n" },
        { UINT32_MAX, "ffffffff\r\n" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        char head[TC_HTTP1_CHUNK_HEAD_MAX + 1];
        size_t len = tc_http1_chunk_head(head, rows[i].len);
        cr_assert_leq(len, TC_HTTP1_CHUNK_HEAD_MAX);
        head[len] = '\0';
        cr_expect_str_eq(head, rows[i].head);
    }
    static const char request[] =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    static struct tc_http1 http;
    struct tc_http1_body body;
    struct tc_str piece;
    char out[64];
    size_t used;
    tc_http1_init(&http);
    cr_assert_eq(tc_http1_feed(&http, request, sizeof(request) - 1, &used), 1);
    cr_assert_eq(tc_http1_body_init(&body, &http, 17), TC_OK);
    size_t len = tc_http1_chunk_head(out, 17);
    memcpy(out + len, "seventeen letters" TC_HTTP1_CRLF TC_HTTP1_LAST_CHUNK,
           17 + sizeof(TC_HTTP1_CRLF TC_HTTP1_LAST_CHUNK));
    len += 17 + sizeof(TC_HTTP1_CRLF TC_HTTP1_LAST_CHUNK) - 1;
    cr_assert_eq(tc_http1_body_feed(&body, out, len, &used, &piece), TC_HTTP1_BODY_PIECE);
    cr_expect(tc_str_eq(piece, TC_STR("seventeen letters")));
    len -= used;
    cr_assert_eq(tc_http1_body_feed(&body, out + used, len, &used, &piece), TC_HTTP1_BODY_END);
    cr_expect_eq(used, len);
}
