// SPDX-License-Identifier: Apache-2.0
/* proto/http1: the head of an HTTP/1 request (RFC 9112), strictly; heads and bodies of answers.
 *
 * Bytes are collected in a fixed buffer, judged as they come and given to llhttp (no lenient flag)
 * line by line. Whatever two readers could understand differently is refused, never repaired: bare
 * CR or LF, NUL and other controls, folded lines, space around the request line's words or before a
 * colon, Content-Length twice, signed or beside Transfer-Encoding, Host missing, twice or other
 * than an absolute target's. Feeding a byte at a time and all at once agree.
 *
 * Request bodies are not read: has_body says that one follows, and the connection cannot go on.
 *
 * Not for: chunked bodies, trailers, HTTP/2. A context is borrowed from a pool while a head is
 * incomplete or being answered (it is 19 KB); it needs no fini. One thread per context. */
#ifndef TC_PROTO_HTTP1_HTTP1_H
#define TC_PROTO_HTTP1_HTTP1_H

#include <llhttp.h>

#include "core/base/err.h"
#include "core/base/limits.h"

enum tc_http1_method {
    TC_HTTP1_GET,
    TC_HTTP1_HEAD,
    TC_HTTP1_POST,
    TC_HTTP1_PUT,
    TC_HTTP1_DELETE,
    TC_HTTP1_OPTIONS,
    TC_HTTP1_PATCH,
    TC_HTTP1_OTHER, /* known to HTTP, never to us: CONNECT, TRACE, PROPFIND … */
};

/* "GET"; "-" for TC_HTTP1_OTHER. */
const char *tc_http1_method_text(enum tc_http1_method method);

struct tc_http1_field {
    struct tc_str name;
    struct tc_str value; /* without white space at its ends */
};

struct tc_http1 {
    /* of a complete head; views into head[] */
    enum tc_http1_method method;
    uint8_t minor;        /* HTTP/1.minor: 0 or 1 */
    bool is_keep_alive;   /* the connection may carry another request */
    bool has_body;        /* Content-Length > 0 or Transfer-Encoding: answer 413 and close */
    struct tc_str target; /* as sent */
    struct tc_str path;   /* up to the "?"; "/" for an absolute target without a path; "*" */
    struct tc_str query;  /* after it; empty if none */
    struct tc_str host;   /* host[:port]; empty only in HTTP/1.0 */
    struct tc_http1_field fields[TC_HTTP_FIELDS_MAX];
    uint32_t field_cnt;

    /* of a refused head */
    int status;         /* 400, 431, 501, 505 */
    const char *detail; /* one sentence, static */

    /* inside */
    llhttp_t parser;
    uint32_t head_len;
    uint32_t line_len;  /* bytes of the current line before its CR */
    uint32_t line_cnt;  /* lines that are complete */
    uint32_t span_open; /* 1: a field's name has begun, 2: its value has */
    uint32_t is_complete;
    uint8_t last; /* byte before the current one */
    char head[TC_HTTP_HEAD_MAX];
};

/* Ready for the first byte of a request; again for the next one on the same connection. */
void tc_http1_init(struct tc_http1 *http);

/* *used bytes were taken: all of them, or up to the end of the head. 0: the head is not complete;
 * 1: it is; -TC_EINVAL or -TC_ELIMIT: refused, answer http->status with http->detail and close.
 * After 1 or an error: no further feed before tc_http1_init. */
int tc_http1_feed(struct tc_http1 *http, const void *bytes, size_t len, size_t *used) TC_MUST_CHECK;

/* The first field of that name (any case); ptr NULL: none. */
struct tc_str tc_http1_field(const struct tc_http1 *http, const char *name);

/* How many fields have that name. */
uint32_t tc_http1_field_cnt(const struct tc_http1 *http, const char *name);

/* Whether a comma-separated list in any field of that name has the token (any case). */
bool tc_http1_has_token(const struct tc_http1 *http, const char *name, const char *token);

/* ASCII, any case. */
bool tc_http1_eq(struct tc_str a, struct tc_str b);

/* ---- answers ---- */

enum { TC_HTTP1_ANSWER_MAX = 2048 }; /* enough for any head, and for any problem, made here */

struct tc_http1_answer {
    int status;
    const char *type;       /* media type of the body; NULL: no Content-Type */
    const char *csp;        /* Content-Security-Policy; NULL: none */
    const char *allow;      /* Allow, for 405; NULL: none */
    const char *extra;      /* whole further lines, each ended by CRLF; NULL: none */
    uint64_t body_bytes;    /* Content-Length; the body itself is sent by the caller */
    uint32_t retry_after_s; /* 0: no Retry-After */
    bool is_keep_alive;     /* false: Connection: close */
};

/* Writes the head of an answer; returns its bytes, 0 if cap is too small. */
size_t tc_http1_answer(char *out, size_t cap, const struct tc_http1_answer *answer);

/* Writes head and body of an error (RFC 9457): application/problem+json with type, title, status,
 * detail, code. detail and code are texts of ours: no character of theirs needs an escape. `base`
 * may be NULL or bring allow, extra, retry_after_s, is_keep_alive. is_head: the body is left out
 * (its length is told). Returns bytes, 0 if cap is too small. */
size_t tc_http1_problem(char *out, size_t cap, int status, const char *code, const char *detail,
                        const struct tc_http1_answer *base, bool is_head);

/* "Not Found"; "Unknown" for a status that is not in the table. */
const char *tc_http1_reason(int status);

#endif
