// SPDX-License-Identifier: Apache-2.0
/* Heads of answers, and errors with their body. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/http1/http1.h"

const char *tc_http1_method_text(enum tc_http1_method method)
{
    static const char *const texts[] = {
        [TC_HTTP1_GET] = "GET",     [TC_HTTP1_HEAD] = "HEAD",     [TC_HTTP1_POST] = "POST",
        [TC_HTTP1_PUT] = "PUT",     [TC_HTTP1_DELETE] = "DELETE", [TC_HTTP1_OPTIONS] = "OPTIONS",
        [TC_HTTP1_PATCH] = "PATCH", [TC_HTTP1_OTHER] = "-",
    };
    TC_ASSERT(method <= TC_HTTP1_OTHER);
    return texts[method];
}

const char *tc_http1_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Unknown";
}

/* Text that grows in a buffer; once it does not fit, it stays too long. */
struct text {
    char *out;
    size_t cap;
    size_t len;
};

TC_PRINTF(2, 3)
static void add(struct text *text, const char *fmt, ...)
{
    va_list ap;
    if (text->len >= text->cap)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(text->out + text->len, text->cap - text->len, fmt, ap);
    va_end(ap);
    text->len = n < 0 ? text->cap : text->len + (size_t)n;
}

size_t tc_http1_answer(char *out, size_t cap, const struct tc_http1_answer *answer)
{
    struct text text = { out, cap, 0 };
    TC_ASSERT(!answer->is_until_close || (!answer->is_chunked && !answer->is_keep_alive));
    add(&text, "HTTP/1.1 %d %s\r\n", answer->status, tc_http1_reason(answer->status));
    if (answer->type)
        add(&text, "Content-Type: %s\r\n", answer->type);
    if (answer->is_chunked)
        add(&text, "Transfer-Encoding: chunked\r\n");
    else if (!answer->is_until_close && answer->status != 204) /* RFC 9110 section 8.6 */
        add(&text, "Content-Length: %" PRIu64 "\r\n", answer->body_bytes);
    add(&text, "X-Content-Type-Options: nosniff\r\n");
    if (answer->csp)
        add(&text, "Content-Security-Policy: %s\r\n", answer->csp);
    if (answer->allow)
        add(&text, "Allow: %s\r\n", answer->allow);
    if (answer->retry_after_s)
        add(&text, "Retry-After: %" PRIu32 "\r\n", answer->retry_after_s);
    if (answer->extra)
        add(&text, "%s", answer->extra);
    add(&text, "Connection: %s\r\n\r\n", answer->is_keep_alive ? "keep-alive" : "close");
    return text.len < cap ? text.len : 0;
}

size_t tc_http1_chunk_head(char *dst, uint32_t len)
{
    TC_ASSERT(len > 0); /* an empty chunk would be the last one */
    size_t digit_cnt = (35 - (size_t)__builtin_clz(len)) / 4;
    for (size_t i = digit_cnt; i > 0; i--) {
        dst[i - 1] = "0123456789abcdef"[len & 0xf];
        len >>= 4;
    }
    memcpy(dst + digit_cnt, TC_HTTP1_CRLF, sizeof(TC_HTTP1_CRLF) - 1);
    return digit_cnt + sizeof(TC_HTTP1_CRLF) - 1;
}

size_t tc_http1_problem_body(char *out, size_t cap, int status, const char *code,
                             const char *detail)
{
    struct text text = { out, cap, 0 };
    add(&text,
        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\","
        "\"code\":\"%s\"}\n",
        tc_http1_reason(status), status, detail, code);
    return text.len < cap ? text.len : 0;
}

size_t tc_http1_problem(char *out, size_t cap, int status, const char *code, const char *detail,
                        const struct tc_http1_answer *base, bool is_head)
{
    char body[TC_HTTP1_ANSWER_MAX / 2];
    struct tc_http1_answer answer = base ? *base : (struct tc_http1_answer){ 0 };
    size_t len = tc_http1_problem_body(body, sizeof(body), status, code, detail);
    if (len == 0)
        return 0;
    answer.status = status;
    answer.type = "application/problem+json";
    answer.body_bytes = len;
    size_t head = tc_http1_answer(out, cap, &answer);
    if (head == 0 || is_head)
        return head;
    if (len > cap - head)
        return 0;
    memcpy(out + head, body, len);
    return head + len;
}
