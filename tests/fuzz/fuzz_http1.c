// SPDX-License-Identifier: Apache-2.0
/* A request's head and the body after it. Whatever comes, the parser ends, keeps its bounds, gives
 * the same verdict however the bytes are cut, and what it accepts is what it says; llhttp finds the
 * same body in what was accepted, and the same end of it. */
#include <stdlib.h>

#include "proto/ws/handshake.h"

enum { BODY_MAX = 300 };

/* What a body gave. */
struct result {
    uint64_t sum;
    uint64_t len;
    size_t used;
    const char *detail;
    int rc;
    int status;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(struct tc_http1 *http, const uint8_t *data, size_t size, size_t step, size_t *taken)
{
    int rc = 0;
    *taken = 0;
    tc_http1_init(http);
    while (rc == 0 && *taken < size) {
        size_t n = TC_MIN(step, size - *taken);
        size_t used;
        const uint8_t *piece = data + *taken;
        uint8_t *copy = n > 5 ? malloc(n) : NULL; /* its end is watched */
        if (copy)
            piece = memcpy(copy, data + *taken, n);
        rc = tc_http1_feed(http, piece, n, &used);
        TC_ASSERT(used <= n && (rc != 0 || used == n));
        *taken += used;
        free(copy);
    }
    return rc;
}

static void check_view(const struct tc_http1 *http, struct tc_str s)
{
    TC_ASSERT(s.len == 0 || (s.ptr >= http->head && s.ptr + s.len <= http->head + http->head_len));
    TC_ASSERT(s.len == 0 || (!memchr(s.ptr, '\r', s.len) && !memchr(s.ptr, '\n', s.len) &&
                             !memchr(s.ptr, '\0', s.len)));
}

static void check(const struct tc_http1 *http)
{
    static const char *const origins[] = { "https://ui.example" };
    const char *detail;
    check_view(http, http->target);
    check_view(http, http->query);
    check_view(http, http->host);
    TC_ASSERT(http->path.len > 0 && http->minor <= 1);
    TC_ASSERT(http->field_cnt <= TC_HTTP_FIELDS_MAX);
    TC_ASSERT(http->minor == 0 || tc_http1_field_cnt(http, "host") == 1);
    TC_ASSERT(!(tc_http1_field(http, "content-length").ptr &&
                tc_http1_field(http, "transfer-encoding").ptr));
    for (uint32_t i = 0; i < http->field_cnt; i++) {
        check_view(http, http->fields[i].name);
        check_view(http, http->fields[i].value);
        TC_ASSERT(http->fields[i].name.len > 0);
    }
    int status = tc_ws_handshake_check(http, &detail);
    TC_ASSERT(status == 101 || (status >= 400 && detail));
    (void)tc_ws_origin_is_allowed(http, origins, 1);
}

static void add(struct result *r, const char *bytes, size_t len)
{
    r->len += len;
    for (size_t i = 0; i < len; i++)
        r->sum = (r->sum ^ (uint8_t)bytes[i]) * 0x100000001b3ull;
}

static struct result feed_body(const struct tc_http1 *http, const uint8_t *data, size_t size,
                               size_t step)
{
    struct result r = { 0 };
    struct tc_http1_body body;
    r.rc = tc_http1_body_init(&body, http, BODY_MAX);
    while (r.rc == TC_HTTP1_BODY_MORE && r.used < size) {
        size_t n = TC_MIN(step, size - r.used);
        size_t done = 0;
        uint8_t *copy = malloc(n); /* its end is watched */
        memcpy(copy, data + r.used, n);
        do {
            struct tc_str piece;
            size_t used;
            r.rc = tc_http1_body_feed(&body, copy + done, n - done, &used, &piece);
            TC_ASSERT(used <= n - done);
            done += used;
            if (r.rc == TC_HTTP1_BODY_PIECE) {
                TC_ASSERT(piece.len > 0 && piece.ptr + piece.len == (char *)copy + done);
                add(&r, piece.ptr, piece.len);
            }
        } while (r.rc == TC_HTTP1_BODY_PIECE);
        TC_ASSERT(r.rc != TC_HTTP1_BODY_MORE || done == n);
        r.used += done;
        free(copy);
    }
    TC_ASSERT(r.len <= BODY_MAX && (r.rc < 0) == (body.status != 0));
    r.status = body.status;
    r.detail = body.detail;
    return r;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    add(parser->data, at, len);
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    ((struct result *)parser->data)->rc = TC_HTTP1_BODY_END;
    return HPE_PAUSED;
}

/* size: of the whole request, which was accepted. */
static void check_body(const uint8_t *data, size_t size, const struct result *got)
{
    static const llhttp_settings_t settings = { .on_body = on_body,
                                                .on_message_complete = on_complete };
    llhttp_t parser;
    struct result r = { 0 };
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &r;
    llhttp_errno_t code = llhttp_execute(&parser, (const char *)data, size - 1);
    TC_ASSERT(code == HPE_OK && r.rc == TC_HTTP1_BODY_MORE);
    (void)llhttp_execute(&parser, (const char *)data + size - 1, 1);
    TC_ASSERT(r.rc == TC_HTTP1_BODY_END && r.len == got->len && r.sum == got->sum);
}

static void check_bodies(const struct tc_http1 *http, const uint8_t *data, size_t size,
                         size_t head_len)
{
    static const size_t steps[] = { 2, 5, 64, SIZE_MAX };
    struct result by_one = feed_body(http, data + head_len, size - head_len, 1);
    TC_ASSERT(by_one.rc >= 0 || (by_one.status >= 400 && by_one.detail));
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        struct result r = feed_body(http, data + head_len, size - head_len, steps[i]);
        TC_ASSERT(r.rc == by_one.rc && r.status == by_one.status && r.detail == by_one.detail);
        TC_ASSERT(r.used == by_one.used && r.len == by_one.len && r.sum == by_one.sum);
    }
    if (by_one.rc == TC_HTTP1_BODY_END && http->parser.method != HTTP_CONNECT)
        check_body(data, head_len + by_one.used, &by_one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 2, 5, 64, SIZE_MAX };
    static struct tc_http1 one, other;
    size_t taken, other_taken;
    int rc = feed(&one, data, size, 1, &taken);
    TC_ASSERT(rc >= 0 || (one.status >= 400 && one.detail));
    if (rc == 1) {
        check(&one);
        check_bodies(&one, data, size, taken);
    }
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        int other_rc = feed(&other, data, size, steps[i], &other_taken);
        TC_ASSERT(other_rc == rc && other.status == one.status && other.detail == one.detail);
        if (rc != 1)
            continue;
        TC_ASSERT(other_taken == taken && other.field_cnt == one.field_cnt);
        TC_ASSERT(tc_str_eq(other.target, one.target) && tc_str_eq(other.path, one.path));
        for (uint32_t j = 0; j < one.field_cnt; j++)
            TC_ASSERT(tc_str_eq(one.fields[j].name, other.fields[j].name) &&
                      tc_str_eq(one.fields[j].value, other.fields[j].value));
    }
    return 0;
}
