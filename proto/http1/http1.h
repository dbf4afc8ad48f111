// SPDX-License-Identifier: Apache-2.0
/* proto/http1: the head and the body of an HTTP/1 request (RFC 9112), strictly; heads and bodies of
 * answers.
 *
 *   bytes ──tc_http1_feed──> head ──tc_http1_body_init──> tc_http1_body_feed ──> pieces, the end
 *
 * Bytes of a head are collected in a fixed buffer, judged as they come and given to llhttp (no
 * lenient flag) line by line. Whatever two readers could understand differently is refused, never
 * repaired: bare CR or LF, NUL and other controls, folded lines, space around the request line's
 * words or before a colon, Content-Length twice, signed or beside Transfer-Encoding, Host missing,
 * twice or other than an absolute target's. Feeding a byte at a time and all at once agree.
 *
 * A body is read by whoever wants it, where it lies: has_body says that one follows, and without
 * reading it the connection cannot go on.
 *
 * Not for: chunk extensions, trailers (both are refused), content codings, HTTP/2. A context is
 * borrowed from a pool while a head is incomplete, its body is read or it is being answered (it is
 * 19 KB); it needs no fini. One thread per context. */
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
    bool is_keep_alive;   /* the connection may carry another request, and no body is in between */
    bool is_persistent;   /* it may once the body, if any, is read (RFC 9112, section 9.3) */
    bool has_body;        /* Content-Length > 0 or chunked: read it, or answer 413 and close */
    bool is_chunked;      /* Transfer-Encoding: chunked */
    bool wants_continue;  /* answer TC_HTTP1_CONTINUE before its body is waited for */
    uint64_t body_bytes;  /* Content-Length; 0 if there is none */
    struct tc_str target; /* as sent */
    struct tc_str path;   /* up to the "?"; "/" for an absolute target without a path; "*" */
    struct tc_str query;  /* after it; empty if none */
    struct tc_str host;   /* host[:port]; empty only in HTTP/1.0 */
    struct tc_http1_field fields[TC_HTTP_FIELDS_MAX];
    uint32_t field_cnt;

    /* of a refused head */
    int status;         /* 400, 417, 431, 501, 505 */
    const char *detail; /* one sentence, static */
    bool is_other;      /* no version of HTTP has such a line: the peer will not read an answer */

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

/* ---- the body of a request ---- */

/* The interim answer that a client with wants_continue waits for (RFC 9110, section 10.1.1). Not
 * needed if a final answer is written instead or bytes of the body are already there. */
#define TC_HTTP1_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

enum { TC_HTTP1_CHUNK_DIGITS_MAX = 8 }; /* of a chunk's size, leading zeros counted */

struct tc_http1_body {
    /* of a refused body */
    int status;         /* 400, 413 */
    const char *detail; /* one sentence, static */
    bool is_other;      /* no version of HTTP has such a line: the peer will not read an answer */

    /* inside */
    uint64_t left_bytes;  /* to come of the body, or of the current chunk */
    uint64_t spare_bytes; /* what chunks to come may hold */
    uint8_t state;
    uint8_t digit_cnt; /* of the chunk's size so far */
    bool is_chunked;
};

/* What tc_http1_body_feed gave. */
enum tc_http1_body_rc {
    TC_HTTP1_BODY_MORE,  /* all bytes are used and more are needed */
    TC_HTTP1_BODY_PIECE, /* some bytes of the body */
    TC_HTTP1_BODY_END,   /* the body is complete */
};

/* Ready for the first byte after http's head, which is complete; http is not looked at afterwards.
 * -TC_ELIMIT: Content-Length is above max_bytes: answer body->status with body->detail and close,
 * and no 100 before it. */
int tc_http1_body_init(struct tc_http1_body *body, const struct tc_http1 *http,
                       uint64_t max_bytes) TC_MUST_CHECK;

/* Takes *used of len bytes and returns an enum tc_http1_body_rc: PIECE: *piece is a view into
 * bytes, never empty; call again with what is left, maybe nothing. MORE: *used is len. END: the
 * next request begins at bytes + *used; a request without a body is at its END at once. -TC_EINVAL,
 * -TC_ELIMIT: refused, answer body->status with body->detail and close; no further feed. *piece is
 * set with PIECE only.
 *
 * Chunks (RFC 9112, section 7.1) are read to the letter: a size is 1 to 8 hexadecimal digits and
 * CRLF, its data ends with CRLF, the last chunk is followed by CRLF. Extensions and trailers, which
 * the RFC lets a server drop, are refused: nobody here has a use for them, and readers differ about
 * where they end. A chunk that would pass max_bytes is refused before its data. Framing adds at
 * most 12 bytes to each byte of the body. */
int tc_http1_body_feed(struct tc_http1_body *body, const void *bytes, size_t len, size_t *used,
                       struct tc_str *piece) TC_MUST_CHECK;

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

    /* for a body of unknown length, body_bytes is not told; not both of these */
    bool is_chunked;     /* Transfer-Encoding: chunked; only to HTTP/1.1 */
    bool is_until_close; /* to HTTP/1.0: the connection's end is the body's; is_keep_alive false */
};

/* Writes the head of an answer; returns its bytes, 0 if cap is too small. */
size_t tc_http1_answer(char *out, size_t cap, const struct tc_http1_answer *answer);

/* A chunk of an answer is its head, len bytes and TC_HTTP1_CRLF; TC_HTTP1_LAST_CHUNK ends them. */
#define TC_HTTP1_CRLF "\r\n"
#define TC_HTTP1_LAST_CHUNK "0\r\n\r\n"

enum { TC_HTTP1_CHUNK_HEAD_MAX = 10 };

/* Writes the head of a chunk of len > 0 bytes at dst, which has room for TC_HTTP1_CHUNK_HEAD_MAX;
 * returns how many bytes were written. */
size_t tc_http1_chunk_head(char *dst, uint32_t len);

/* Writes head and body of an error (RFC 9457): application/problem+json with type, title, status,
 * detail, code. detail and code are texts of ours: no character of theirs needs an escape. `base`
 * may be NULL or bring allow, extra, retry_after_s, is_keep_alive. is_head: the body is left out
 * (its length is told). Returns bytes, 0 if cap is too small. */
size_t tc_http1_problem(char *out, size_t cap, int status, const char *code, const char *detail,
                        const struct tc_http1_answer *base, bool is_head);

/* The body alone; 0 if cap is too small. */
size_t tc_http1_problem_body(char *out, size_t cap, int status, const char *code,
                             const char *detail);

/* "Not Found"; "Unknown" for a status that is not in the table. */
const char *tc_http1_reason(int status);

#endif
