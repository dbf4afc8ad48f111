// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/http1/parse.h"

#define HOST "Host: h\r\n"
#define END "\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END

enum { MAX = 64 };

/* What a body gave. */
struct result {
    int rc; /* TC_HTTP1_BODY_MORE, TC_HTTP1_BODY_END or an error */
    int status;
    const char *detail;
    size_t used;
    size_t len;
    char bytes[MAX];
};

/* The bytes after the head of http, so many at a time. */
static struct result read_by(const char *bytes, size_t len, size_t step, uint64_t max)
{
    struct result r = { 0 };
    struct tc_http1_body body;
    r.rc = tc_http1_body_init(&body, &http, max);
    while (r.rc == TC_HTTP1_BODY_MORE && r.used < len) {
        size_t end = r.used + TC_MIN(step, len - r.used);
        size_t used;
        do {
            struct tc_str piece;
            r.rc = tc_http1_body_feed(&body, bytes + r.used, end - r.used, &used, &piece);
            r.used += used;
            cr_assert_leq(r.used, end);
            if (r.rc == TC_HTTP1_BODY_PIECE) {
                cr_assert(piece.len > 0 && piece.len <= MAX - r.len);
                cr_assert_eq(piece.ptr + piece.len, bytes + r.used);
                memcpy(r.bytes + r.len, piece.ptr, piece.len);
                r.len += piece.len;
            }
        } while (r.rc == TC_HTTP1_BODY_PIECE);
        cr_assert(r.rc != TC_HTTP1_BODY_MORE || r.used == end);
    }
    r.status = body.status;
    r.detail = body.detail;
    cr_expect((r.rc < 0) == (r.status != 0) && (r.rc >= 0 || (r.detail && r.detail[0])));
    return r;
}

/* All cuts must agree. */
static struct result read_all(const char *head, const char *bytes, size_t len, uint64_t max)
{
    cr_assert_eq(parse(head), 1, "%s", http.detail);
    struct result all = read_by(bytes, len, len + 1, max);
    for (size_t step = 1; step <= len; step++) {
        struct result r = read_by(bytes, len, step, max);
        cr_expect(r.rc == all.rc && r.status == all.status && r.detail == all.detail, "%s", bytes);
        cr_expect(r.used == all.used && r.len == all.len, "%s", bytes);
        cr_expect(memcmp(r.bytes, all.bytes, all.len) == 0, "%s", bytes);
    }
    return all;
}

static struct result read_text(const char *head, const char *bytes)
{
    return read_all(head, bytes, strlen(bytes), MAX);
}

static bool is(const struct result *r, const char *want, const char *bytes, const char *rest)
{
    return r->rc == TC_HTTP1_BODY_END && r->len == strlen(want) &&
           memcmp(r->bytes, want, r->len) == 0 && strcmp(bytes + r->used, rest) == 0;
}

Test(body, of_a_length)
{
    /* Goal: as many bytes as Content-Length says, whatever they are; what follows is left */
    static const char head[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END;
    static const char bytes[] = "0\r\n\r\nGET";
    struct result r = read_text(head, bytes);
    cr_expect(is(&r, "0\r\n\r\n", bytes, "GET"));
    r = read_text(head, "0\r\n\r");
    cr_expect(r.rc == TC_HTTP1_BODY_MORE && r.len == 4);
    static const char old[] = "POST / HTTP/1.0\r\nContent-Length: 0002\r\n" END;
    r = read_text(old, "abc");
    cr_expect(is(&r, "ab", "abc", "c"));
    static const char nul[] = "a\0b\0c";
    r = read_all(head, nul, 5, MAX);
    cr_expect(r.rc == TC_HTTP1_BODY_END && r.len == 5 && memcmp(r.bytes, nul, 5) == 0);
}

Test(body, none)
{
    /* Goal: a request without a body is at its end before any byte, again and again */
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\n" HOST END,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END,
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(heads); i++) {
        struct tc_http1_body body;
        struct tc_str piece;
        size_t used;
        cr_assert_eq(parse(heads[i]), 1);
        cr_assert_eq(tc_http1_body_init(&body, &http, 0), TC_OK);
        cr_expect_eq(tc_http1_body_feed(&body, NULL, 0, &used, &piece), TC_HTTP1_BODY_END);
        cr_expect_eq(tc_http1_body_feed(&body, "GET", 3, &used, &piece), TC_HTTP1_BODY_END);
        cr_expect_eq(used, 0);
    }
}

Test(body, of_chunks)
{
    /* Goal: chunks of all spellings that the RFC has without extensions; what follows is left */
    static const struct {
        const char *bytes;
        const char *body;
        const char *rest;
    } good[] = {
        { "0\r\n\r\n", "", "" },
        { "0\r\n\r\nGET", "", "GET" },
        { "0\r\n\r\n\r\n", "", "\r\n" },
        { "00000000\r\n\r\n", "", "" },
        { "3\r\nabc\r\n0\r\n\r\nx", "abc", "x" },
        { "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", "" },
        { "00000003\r\nabc\r\n000\r\n\r\n", "abc", "" },
        { "a\r\n0123456789\r\n0B\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a", "" },
        { "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", "" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(good); i++) {
        struct result r = read_text(CHUNKED, good[i].bytes);
        cr_expect(is(&r, good[i].body, good[i].bytes, good[i].rest), "%zu: %d %s", i, r.rc,
                  r.detail);
    }
}

Test(body, incomplete_chunks)
{
    /* Goal: no part of a chunked body but the whole is complete */
    static const char bytes[] = "3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n";
    for (size_t len = 0; len < sizeof(bytes) - 1; len++) {
        struct result r = read_all(CHUNKED, bytes, len, MAX);
        cr_expect_eq(r.rc, TC_HTTP1_BODY_MORE, "%zu: %d", len, r.rc);
    }
}

Test(body, chunk_tricks)
{
    /* Goal: what two readers of chunks could take differently is a 400 */
    static const char *const bad[] = {
        "0x3\r\nabc\r\n0\r\n\r\n",
        "x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "\t3\r\nabc\r\n0\r\n\r\n",
        "3\t\r\nabc\r\n0\r\n\r\n",
        "3_0\r\nabc\r\n0\r\n\r\n",
        "3.0\r\nabc\r\n0\r\n\r\n",
        "3,3\r\nabc\r\n0\r\n\r\n",
        "g\r\nabc\r\n0\r\n\r\n",
        "000000003\r\nabc\r\n0\r\n\r\n",
        "100000003\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "000000000\r\n\r\n",
        "3;a=b\r\nabc\r\n0\r\n\r\n",
        "3;\r\nabc\r\n0\r\n\r\n",
        "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
        "3 ;a\r\nabc\r\n0\r\n\r\n",
        "3;a\nabc\r\n0\r\n\r\n",
        "0;a=b\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "\r\n3\r\nabc\r\n0\r\n\r\n",
        ";a\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3\r\rabc\r\n0\r\n\r\n",
        "3\r\r\nabc\r\n0\r\n\r\n",
        "3\n\rabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc\r0\r\n\r\n",
        "3\r\nabc\r\r\n0\r\n\r\n",
        "3\r\nabc\n\r0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "3\r\nabc \r\n0\r\n\r\n",
        "3\r\nabc\r\n\r\n0\r\n\r\n",
        "3\r\nabc\r\n 0\r\n\r\n",
        "0\n\n",
        "0\r\n\n",
        "0\r\n\r\r",
        "0\r\n\r \n",
        "0\r\nA: b\r\n\r\n",
        "0\r\nContent-Length: 3\r\n\r\n",
        "0\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        struct result r = read_text(CHUNKED, bad[i]);
        cr_expect_eq(r.rc, -TC_EINVAL, "%zu: %d %s", i, r.rc, bad[i]);
        cr_expect_eq(r.status, 400, "%zu: %d %s", i, r.status, bad[i]);
    }
}

Test(body, refusals_name_what_is_left_out)
{
    /* Goal: a client that is right by the RFC is told which part of it is not taken here */
    struct result r = read_text(CHUNKED, "3;a=b\r\nabc\r\n0\r\n\r\n");
    cr_assert_str_eq(r.detail, "Chunk extensions are not accepted.");
    r = read_text(CHUNKED, "0\r\nA: b\r\n\r\n");
    cr_assert_str_eq(r.detail, "Trailers are not accepted: CRLF must follow the last chunk.");
}

Test(body, any_other_byte_in_a_frame)
{
    /* Goal: at each place of what frames chunks, each byte but a digit is refused at once */
    static const char good[] = "3\r\nabc\r\n0\r\n\r\n";
    static const char digits[] = "0123456789abcdefABCDEF";
    cr_assert_eq(parse(CHUNKED), 1);
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        bool is_data = at >= 3 && at < 6;
        for (int byte = 0; byte < 256 && !is_data; byte++) {
            char copy[sizeof(good)];
            if (byte == good[at] || memchr(digits, byte, sizeof(digits) - 1))
                continue;
            memcpy(copy, good, sizeof(good));
            copy[at] = (char)byte;
            struct result r = read_by(copy, sizeof(good) - 1, sizeof(good), MAX);
            cr_expect(r.rc == -TC_EINVAL && r.status == 400, "%zu %d: %d", at, byte, r.rc);
            cr_expect_eq(r.used, at, "%zu %d", at, byte);
        }
    }
}

Test(body, limits)
{
    /* Goal: a body of the most bytes passes and one more is a 413, before any of the bytes above */
    static const char head[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END;
    struct result r = read_all(head, "abcde", 5, 5);
    cr_expect(r.rc == TC_HTTP1_BODY_END && r.len == 5);
    r = read_all(head, "abcde", 5, 4);
    cr_expect(r.rc == -TC_ELIMIT && r.status == 413 && r.used == 0);
    r = read_all("POST / HTTP/1.1\r\n" HOST "Content-Length: 999999999999999999\r\n" END, "a", 1,
                 999999999999999998);
    cr_expect(r.rc == -TC_ELIMIT && r.status == 413);
    static const char bytes[] = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    r = read_all(CHUNKED, bytes, sizeof(bytes) - 1, 5);
    cr_expect(r.rc == TC_HTTP1_BODY_END && r.len == 5);
    r = read_all(CHUNKED, bytes, sizeof(bytes) - 1, 4);
    cr_expect(r.rc == -TC_ELIMIT && r.status == 413 && r.len == 3);
    r = read_all(CHUNKED, "0\r\n\r\n", 5, 0);
    cr_expect(r.rc == TC_HTTP1_BODY_END && r.len == 0);
    r = read_all(CHUNKED, "FFFFFFFF\r\n", 10, 0xfffffffe);
    cr_expect(r.rc == -TC_ELIMIT && r.status == 413);
    r = read_all(CHUNKED, "FFFFFFFF\r\n", 10, 0xffffffff);
    cr_expect_eq(r.rc, TC_HTTP1_BODY_MORE);
    r = read_all(CHUNKED, "2\r\nab\r\nFFFFFFFF\r\n", 17, 0xffffffff);
    cr_expect(r.rc == -TC_ELIMIT && r.status == 413);
}

Test(body, expectations)
{
    /* Goal: 100-continue is told where a body follows in HTTP/1.1; any other expectation is a 417
     */
    cr_assert_eq(
        parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: 100-Continue\r\n" END), 1);
    cr_expect(http.wants_continue);
    cr_assert_eq(parse("POST / HTTP/1.1\r\n" HOST
                       "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n" END),
                 1);
    cr_expect(http.wants_continue);
    cr_assert_eq(parse("GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n" END), 1);
    cr_expect(!http.wants_continue);
    cr_assert_eq(parse("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n" END), 1);
    cr_expect(!http.wants_continue);
    cr_assert_eq(parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END), 1);
    cr_expect(!http.wants_continue);
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n" HOST "Expect: x\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "Expect:\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue, x\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue;a=b\r\n" END,
        "GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nExpect: x\r\n" END,
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        cr_expect_eq(parse(bad[i]), -TC_EINVAL, "%zu", i);
        cr_expect_eq(http.status, 417, "%zu: %d", i, http.status);
    }
}

Test(body, then_the_next_request)
{
    /* Goal: the connection persists over a body that was read, as version and Connection say */
    static const char text[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
                               "3\r\nabc\r\n0\r\n\r\nGET /next HTTP/1.1\r\n" HOST END;
    size_t head, used;
    cr_assert_eq(parse_by(text, sizeof(text) - 1, sizeof(text), &head), 1);
    cr_expect(http.is_persistent && !http.is_keep_alive && http.is_chunked && http.body_bytes == 0);
    struct result r = read_by(text + head, sizeof(text) - 1 - head, sizeof(text), MAX);
    cr_assert(r.rc == TC_HTTP1_BODY_END && r.len == 3);
    const char *rest = text + head + r.used;
    tc_http1_init(&http);
    cr_assert_eq(tc_http1_feed(&http, rest, strlen(rest), &used), 1);
    cr_expect(tc_str_eq(http.path, TC_STR("/next")) && http.is_persistent && http.is_keep_alive);
    cr_assert_eq(parse("POST / HTTP/1.0\r\nContent-Length: 12\r\n" END), 1);
    cr_expect(!http.is_persistent && http.body_bytes == 12 && !http.is_chunked);
}
