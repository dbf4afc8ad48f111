// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/frame: the length-prefixed messages of a gRPC or gRPC-Web body (gRPC's
 * PROTOCOL-HTTP2.md and PROTOCOL-WEB.md), in and out.
 *
 *   +------+------------------+---------------+
 *   | flag | length, 4 bytes  | message       |   flag: 0 plain, 1 compressed; 0x80: trailers,
 * which
 *   +------+------------------+---------------+   only a server of gRPC-Web sends
 *
 * In: a message that lies whole in the bytes fed is handed out as a view of them. One that comes in
 * pieces is put together in a block that the caller lends when it is asked (TC_GRPC_IN_WANT). What
 * is asked for is what has come, not what was declared: a peer that declares much and sends little
 * holds little. Feeding a byte at a time and all at once give the same messages.
 *
 * Not for: the base64 of grpc-web-text (proto/grpc/base64), compression (proto/grpc/gzip), answers
 * of other servers. Takes no memory. One thread per context. */
#ifndef TC_PROTO_GRPC_FRAME_H
#define TC_PROTO_GRPC_FRAME_H

#include "core/base/err.h"
#include "proto/grpc/metadata.h"
#include "proto/grpc/status.h"
#include "proto/http1/http1.h"

enum { TC_GRPC_PREFIX_BYTES = 5 };

/* ---- in ---- */

/* Returned by tc_grpc_in_feed beside 0 and 1. */
enum { TC_GRPC_IN_WANT = 2 };

struct tc_grpc_in {
    uint32_t message_max; /* bytes of a message as it comes; beyond: RESOURCE_EXHAUSTED */
    bool is_encoded;      /* grpc-encoding is not identity: the flag may be 1 */

    /* the block lent: its first held_cnt bytes are the message under way */
    uint8_t *block;
    uint32_t cap;
    uint32_t held_cnt;
    uint32_t want; /* of TC_GRPC_IN_WANT: least bytes that the block must have */

    /* of a refused body */
    enum tc_grpc_status status; /* OK: not refused */
    const char *detail;         /* static; good for grpc-message */

    /* inside */
    uint32_t msg_len;
    uint8_t prefix_cnt; /* bytes of prefix so far */
    uint8_t prefix[TC_GRPC_PREFIX_BYTES];
};

/* One message, as it came: a compressed one is not yet inflated. bytes are valid until the next
 * feed and as long as the bytes fed and the block lent are. */
struct tc_grpc_msg {
    const uint8_t *bytes;
    uint32_t len;
    bool is_compressed;
};

/* At the start of a body; no block is lent. */
void tc_grpc_in_init(struct tc_grpc_in *in, uint32_t message_max, bool is_encoded);

/* Takes *used of len bytes. 1: *msg is a message, call again with what is left; 0: all bytes are
 * taken, no message is complete; TC_GRPC_IN_WANT: lend a block of in->want bytes or more (never
 * more than message_max) and call again with what is left; -TC_EINVAL, -TC_ELIMIT: refused, the
 * call ends with in->status and in->detail, no further feed. */
int tc_grpc_in_feed(struct tc_grpc_in *in, const uint8_t *bytes, size_t len, size_t *used,
                    struct tc_grpc_msg *msg) TC_MUST_CHECK;

/* Lends a block in the place of the one before: its first in->held_cnt bytes are those of the old
 * one, as after tc_slab_replace(slab, &idx, &cap, 0, in->held_cnt, in->want). NULL and 0: the block
 * is taken back; only when tc_grpc_in_needs_block() is false. The block is the caller's. */
void tc_grpc_in_lend(struct tc_grpc_in *in, uint8_t *block, uint32_t cap);

/* Whether the block holds a part of a message. If not, it may be given back or used for another
 * body (after 1: once *msg has been looked at). */
static inline bool tc_grpc_in_needs_block(const struct tc_grpc_in *in)
{
    return in->held_cnt > 0;
}

/* The body has ended. 0; -TC_EINVAL: inside a message or its prefix, with in->status and detail. */
int tc_grpc_in_end(struct tc_grpc_in *in) TC_MUST_CHECK;

/* ---- out ---- */

/* The prefix of a message of len bytes. */
static inline void tc_grpc_prefix(uint8_t dst[TC_GRPC_PREFIX_BYTES], bool is_compressed,
                                  uint32_t len)
{
    dst[0] = is_compressed;
    dst[1] = (uint8_t)(len >> 24);
    dst[2] = (uint8_t)(len >> 16);
    dst[3] = (uint8_t)(len >> 8);
    dst[4] = (uint8_t)len;
}

/* Writes the frame that ends a gRPC-Web answer: prefix with flag 0x80, then "key: value" and CRLF
 * of each field: grpc-status, grpc-message, trailing metadata. Keys and values are valid by
 * proto/grpc/metadata (asserted: CR or LF of a client would become fields); binary values are
 * base64 already. Returns bytes, 0 if cap is too small. */
size_t tc_grpc_web_trailers(uint8_t *dst, size_t cap, const struct tc_http1_field *fields,
                            size_t field_cnt);

#endif
