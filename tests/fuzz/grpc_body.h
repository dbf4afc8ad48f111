// SPDX-License-Identifier: Apache-2.0
/* What a body of gRPC gives when it is fed in pieces, for the fuzz targets of proto/grpc. */
#ifndef TC_TESTS_FUZZ_GRPC_BODY_H
#define TC_TESTS_FUZZ_GRPC_BODY_H

#include <stdlib.h>

#include "proto/grpc/frame.h"
#include "proto/grpc/gzip.h"

enum { BODY_MESSAGE_MAX = 4096 };

struct body {
    struct tc_grpc_in in;
    struct tc_grpc_gzip *gzip;
    uint64_t sum;
    uint32_t msg_cnt;
    int rc;
};

static inline void body_add(struct body *body, uint64_t value)
{
    body->sum = (body->sum ^ value) * 0x100000001b3ull;
}

static inline void body_add_bytes(struct body *body, const uint8_t *bytes, uint32_t len)
{
    body_add(body, len);
    for (uint32_t i = 0; i < len; i++)
        body_add(body, bytes[i]);
}

static inline void body_add_message(struct body *body, const struct tc_grpc_msg *m)
{
    uint32_t len = 0;
    TC_ASSERT(m->len <= BODY_MESSAGE_MAX);
    body->msg_cnt++;
    body_add(body, m->is_compressed);
    body_add_bytes(body, m->bytes, m->len);
    if (!m->is_compressed)
        return;
    uint8_t *plain = malloc(BODY_MESSAGE_MAX); /* its end is watched */
    int rc = tc_grpc_inflate(body->gzip, m->bytes, m->len, plain, BODY_MESSAGE_MAX, &len);
    body_add(body, (uint64_t)rc);
    if (rc == TC_OK)
        body_add_bytes(body, plain, len);
    free(plain);
}

static inline void body_lend(struct body *body)
{
    struct tc_grpc_in *in = &body->in;
    uint8_t *old = in->block;
    uint8_t *block = malloc(in->want);
    TC_ASSERT(in->want > in->cap && in->want <= BODY_MESSAGE_MAX);
    if (in->held_cnt > 0)
        memcpy(block, old, in->held_cnt);
    tc_grpc_in_lend(in, block, in->want);
    free(old);
}

static inline void body_feed(struct body *body, const uint8_t *bytes, size_t len)
{
    size_t done = 0;
    uint8_t *piece = malloc(len > 0 ? len : 1);
    if (len > 0)
        memcpy(piece, bytes, len);
    do {
        struct tc_grpc_msg m;
        size_t used;
        body->rc = tc_grpc_in_feed(&body->in, piece + done, len - done, &used, &m);
        done += used;
        TC_ASSERT(done <= len);
        if (body->rc == 1)
            body_add_message(body, &m);
        else if (body->rc == TC_GRPC_IN_WANT)
            body_lend(body);
    } while (body->rc > 0);
    TC_ASSERT(body->rc < 0 || done == len);
    free(piece);
}

/* After the last piece. */
static inline void body_end(struct body *body)
{
    if (body->rc >= 0)
        body->rc = tc_grpc_in_end(&body->in);
    TC_ASSERT((body->rc < 0) == (body->in.status != TC_GRPC_OK));
    TC_ASSERT(body->rc == TC_OK || body->in.detail);
    body_add(body, body->in.status);
    free(body->in.block);
}

static inline void body_must_equal(const struct body *a, const struct body *b)
{
    TC_ASSERT(a->rc == b->rc && a->in.status == b->in.status && a->in.detail == b->in.detail);
    TC_ASSERT(a->msg_cnt == b->msg_cnt && a->sum == b->sum);
}

#endif
