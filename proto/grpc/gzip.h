// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/gzip: one message in and out of gzip (RFC 1952), with zlib.
 *
 * Each message is a gzip stream of its own, whole in memory on both sides; the two streams of zlib
 * are made once and begun anew for each message. Their memory is one block taken at init (zlib gets
 * it piece by piece), so there is no allocation later. Inflating stops at the limit: a bomb costs
 * what a message of the largest size costs. One thread per context; a worker needs one. */
#ifndef TC_PROTO_GRPC_GZIP_H
#define TC_PROTO_GRPC_GZIP_H

#include "core/mem/mem.h"

/* zlib takes about 268 KB to deflate and 7 + 32 KB to inflate (zconf.h); the rest is a margin for
 * its later versions. */
enum { TC_GRPC_GZIP_BYTES = 384 * 1024 };

struct z_stream_s;

struct tc_grpc_gzip {
    struct z_stream_s *inflate;
    struct z_stream_s *deflate;
    uint8_t *arena;
    uint32_t used_bytes;
};

/* level: 1 (fast) to 9. *gzip must not move afterwards; its memory is mem's, so there is no fini.
 * -TC_ENOMEM. */
int tc_grpc_gzip_init(struct tc_grpc_gzip *gzip, struct tc_mem *mem, const char *holder, int level,
                      struct tc_err *err) TC_MUST_CHECK;

/* Inflates one message to dst, which has max bytes. 0: *out_len bytes are there; -TC_ELIMIT: it
 * would be more than max (dst is full and the stream goes on), the call ends with
 * RESOURCE_EXHAUSTED; -TC_EINVAL: not one whole gzip member and nothing else (cut short, bad sum,
 * something behind it), INTERNAL. dst is void then. */
int tc_grpc_inflate(struct tc_grpc_gzip *gzip, const uint8_t *bytes, uint32_t len, uint8_t *dst,
                    uint32_t max, uint32_t *out_len) TC_MUST_CHECK;

/* Deflates one message to dst. 0: *out_len bytes are there; -TC_ELIMIT: they would be more than
 * cap: with cap below len that means it is not worth it, and the message goes out as it is. */
int tc_grpc_deflate(struct tc_grpc_gzip *gzip, const uint8_t *bytes, uint32_t len, uint8_t *dst,
                    uint32_t cap, uint32_t *out_len) TC_MUST_CHECK;

#endif
