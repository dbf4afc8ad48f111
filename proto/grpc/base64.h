// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/base64: base64 (RFC 4648 section 4) of grpc-web-text bodies and of "-bin" values.
 *
 * A text body is what several encoders in a row gave: padding may stand wherever one of them
 * stopped, and bytes arrive in pieces of any size. Refused: other alphabets, white space, padding
 * that ends no group, bits set that carry nothing (section 3.5). Any thread; one per decoder. */
#ifndef TC_PROTO_GRPC_BASE64_H
#define TC_PROTO_GRPC_BASE64_H

#include "core/base/err.h"

/* ---- in: a stream; all zero is its start ---- */

struct tc_grpc_base64 {
    uint8_t bits;     /* of the last character, not yet part of a byte */
    uint8_t char_cnt; /* 0 to 3 characters of the group so far, padding included */
    bool is_padded;   /* the first of two "=" has come */
};

/* Decodes all of text; *len bytes are at dst. A character gives at most one byte, at once: dst of
 * text.len bytes is enough and may be the text itself. 0; -TC_EINVAL: not base64, no further feed
 * (*len bytes before it were good). */
int tc_grpc_base64_feed(struct tc_grpc_base64 *in, struct tc_str text, uint8_t *dst,
                        size_t *len) TC_MUST_CHECK;

/* The stream has ended. 0; -TC_EINVAL: inside a byte or inside padding. Padding may be missing
 * altogether. */
int tc_grpc_base64_end(const struct tc_grpc_base64 *in) TC_MUST_CHECK;

/* ---- in: one whole value, padded or not; padding only at its end ---- */

/* 0, *len bytes are at dst; -TC_EINVAL; -TC_ELIMIT: more than cap bytes. */
int tc_grpc_base64_decode(uint8_t *dst, size_t cap, struct tc_str text, size_t *len) TC_MUST_CHECK;

/* ---- out ---- */

/* Characters for len bytes. */
static inline size_t tc_grpc_base64_chars(size_t len, bool is_padded)
{
    return is_padded ? (len + 2) / 3 * 4 : len / 3 * 4 + (len % 3 * 4 + 2) / 3;
}

/* Writes len bytes as base64: with padding for a piece of a grpc-web-text body, which a further one
 * may follow, without for a "-bin" value. Returns tc_grpc_base64_chars(), or 0 if cap is less. */
size_t tc_grpc_base64_encode(char *dst, size_t cap, const void *bytes, size_t len, bool is_padded);

#endif
