// SPDX-License-Identifier: Apache-2.0
/* The body of a request: so many bytes, or chunks. */
#include "proto/http1/http1.h"

/* What comes next. In DATA, left_bytes > 0. */
enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF, END };

static int refuse(struct tc_http1_body *body, int status, const char *detail)
{
    body->status = status;
    body->detail = detail;
    return status == 413 ? -TC_ELIMIT : -TC_EINVAL;
}

int tc_http1_body_init(struct tc_http1_body *body, const struct tc_http1 *http, uint64_t max_bytes)
{
    TC_ASSERT(http->is_complete && http->status == 0);
    *body = (struct tc_http1_body){
        .left_bytes = http->body_bytes,
        .spare_bytes = max_bytes,
        .state = http->is_chunked ? SIZE
                 : http->has_body ? DATA
                                  : END,
        .is_chunked = http->is_chunked,
    };
    if (http->body_bytes > max_bytes)
        return refuse(body, 413, "The body is longer than this path takes.");
    return TC_OK;
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

static int on_size_byte(struct tc_http1_body *body, uint8_t byte)
{
    int digit = hex_value(byte);
    if (digit >= 0) {
        if (body->digit_cnt == TC_HTTP1_CHUNK_DIGITS_MAX)
            return refuse(body, 400, "The size of a chunk has too many digits.");
        body->digit_cnt++;
        body->left_bytes = body->left_bytes << 4 | (unsigned)digit;
        return TC_OK;
    }
    if (body->digit_cnt > 0 && byte == ';')
        return refuse(body, 400, "Chunk extensions are not accepted.");
    if (body->digit_cnt == 0 || byte != '\r')
        return refuse(body, 400, "The size of a chunk is not one plain hexadecimal number.");
    body->state = SIZE_LF;
    return TC_OK;
}

static int on_size_lf(struct tc_http1_body *body, uint8_t byte)
{
    if (byte != '\n')
        return refuse(body, 400, "The size of a chunk does not end with CRLF.");
    if (body->left_bytes > body->spare_bytes)
        return refuse(body, 413, "The body is longer than this path takes.");
    body->spare_bytes -= body->left_bytes;
    body->digit_cnt = 0;
    body->state = body->left_bytes > 0 ? DATA : LAST_CR;
    return TC_OK;
}

static int expect(struct tc_http1_body *body, uint8_t byte, uint8_t want, uint8_t next,
                  const char *detail)
{
    if (byte != want)
        return refuse(body, 400, detail);
    body->state = next;
    return TC_OK;
}

/* A byte of what frames the chunks. */
static int on_frame_byte(struct tc_http1_body *body, uint8_t byte)
{
    static const char bad_data_end[] = "The data of a chunk does not end with CRLF.";
    static const char bad_last[] = "Trailers are not accepted: CRLF must follow the last chunk.";
    switch (body->state) {
    case SIZE:
        return on_size_byte(body, byte);
    case SIZE_LF:
        return on_size_lf(body, byte);
    case DATA_CR:
        return expect(body, byte, '\r', DATA_LF, bad_data_end);
    case DATA_LF:
        return expect(body, byte, '\n', SIZE, bad_data_end);
    case LAST_CR:
        return expect(body, byte, '\r', LAST_LF, bad_last);
    default:
        TC_ASSERT(body->state == LAST_LF);
        return expect(body, byte, '\n', END, bad_last);
    }
}

int tc_http1_body_feed(struct tc_http1_body *body, const void *bytes, size_t len, size_t *used,
                       struct tc_str *piece)
{
    const char *src = bytes;
    TC_ASSERT(body->status == 0);
    *used = 0;
    for (; *used < len && body->state != DATA && body->state != END; ++*used) {
        int rc = on_frame_byte(body, (uint8_t)src[*used]);
        if (rc < 0)
            return rc;
    }
    if (body->state == END)
        return TC_HTTP1_BODY_END;
    if (*used == len)
        return TC_HTTP1_BODY_MORE;
    *piece = (struct tc_str){ src + *used, TC_MIN(body->left_bytes, len - *used) };
    *used += piece->len;
    body->left_bytes -= piece->len;
    if (body->left_bytes == 0)
        body->state = body->is_chunked ? DATA_CR : END;
    return TC_HTTP1_BODY_PIECE;
}
