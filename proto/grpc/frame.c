// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/frame.h"

enum { FLAG_COMPRESSED = 0x01, FLAG_TRAILERS = 0x80 };

/* ---- in ---- */

void tc_grpc_in_init(struct tc_grpc_in *in, uint32_t message_max, bool is_encoded)
{
    *in = (struct tc_grpc_in){ .message_max = message_max, .is_encoded = is_encoded };
}

static int fail(struct tc_grpc_in *in, enum tc_grpc_status status, const char *detail)
{
    in->status = status;
    in->detail = detail;
    return status == TC_GRPC_RESOURCE_EXHAUSTED ? -TC_ELIMIT : -TC_EINVAL;
}

static int judge_flag(struct tc_grpc_in *in)
{
    uint8_t flag = in->prefix[0];
    if (flag & FLAG_TRAILERS)
        return fail(in, TC_GRPC_INTERNAL, "a frame of trailers in a request");
    if (flag > FLAG_COMPRESSED)
        return fail(in, TC_GRPC_INTERNAL, "a message with an unknown flag");
    if (flag == FLAG_COMPRESSED && !in->is_encoded)
        return fail(in, TC_GRPC_INTERNAL, "a compressed message without grpc-encoding");
    return TC_OK;
}

static int judge_len(struct tc_grpc_in *in)
{
    const uint8_t *p = in->prefix;
    in->msg_len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    if (in->msg_len > in->message_max)
        return fail(in, TC_GRPC_RESOURCE_EXHAUSTED, "the message is too large");
    return TC_OK;
}

/* 1: the prefix is whole. */
static int take_prefix(struct tc_grpc_in *in, const uint8_t *bytes, size_t len, size_t *used)
{
    while (in->prefix_cnt < TC_GRPC_PREFIX_BYTES) {
        int rc = TC_OK;
        if (*used == len)
            return 0;
        in->prefix[in->prefix_cnt++] = bytes[(*used)++];
        if (in->prefix_cnt == 1)
            rc = judge_flag(in);
        else if (in->prefix_cnt == TC_GRPC_PREFIX_BYTES)
            rc = judge_len(in);
        if (rc < 0)
            return rc;
    }
    return 1;
}

int tc_grpc_in_feed(struct tc_grpc_in *in, const uint8_t *bytes, size_t len, size_t *used,
                    struct tc_grpc_msg *msg)
{
    TC_ASSERT(in->status == TC_GRPC_OK);
    *used = 0;
    int rc = take_prefix(in, bytes, len, used);
    if (rc <= 0)
        return rc;
    uint32_t left = in->msg_len - in->held_cnt;
    uint32_t here = (uint32_t)TC_MIN(len - *used, left);
    if (here == 0 && left > 0)
        return 0;
    const uint8_t *whole = bytes + *used;
    if (in->held_cnt > 0 || here < left) {
        if (here > in->cap - in->held_cnt) {
            in->want = in->held_cnt + here;
            return TC_GRPC_IN_WANT;
        }
        memcpy(in->block + in->held_cnt, whole, here);
        in->held_cnt += here;
        whole = in->block;
    }
    *used += here;
    if (here < left)
        return 0;
    *msg = (struct tc_grpc_msg){
        .bytes = whole,
        .len = in->msg_len,
        .is_compressed = in->prefix[0] == FLAG_COMPRESSED,
    };
    in->held_cnt = 0;
    in->prefix_cnt = 0;
    return 1;
}

void tc_grpc_in_lend(struct tc_grpc_in *in, uint8_t *block, uint32_t cap)
{
    TC_ASSERT(cap >= in->held_cnt && (block || cap == 0));
    in->block = block;
    in->cap = cap;
}

int tc_grpc_in_end(struct tc_grpc_in *in)
{
    TC_ASSERT(in->status == TC_GRPC_OK);
    if (in->prefix_cnt > 0)
        return fail(in, TC_GRPC_INTERNAL, "the request ends inside a message");
    return TC_OK;
}

/* ---- out ---- */

static uint8_t *put(uint8_t *at, struct tc_str text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

size_t tc_grpc_web_trailers(uint8_t *dst, size_t cap, const struct tc_http1_field *fields,
                            size_t field_cnt)
{
    size_t len = 0;
    for (size_t i = 0; i < field_cnt; i++) {
        TC_ASSERT(tc_grpc_key_is_valid(fields[i].name));
        TC_ASSERT(tc_grpc_value_is_valid(fields[i].value));
        len += fields[i].name.len + fields[i].value.len + 4;
    }
    TC_ASSERT(len <= UINT32_MAX);
    if (cap < TC_GRPC_PREFIX_BYTES + len)
        return 0;
    tc_grpc_prefix(dst, false, (uint32_t)len);
    dst[0] = FLAG_TRAILERS;
    uint8_t *at = dst + TC_GRPC_PREFIX_BYTES;
    for (size_t i = 0; i < field_cnt; i++) {
        at = put(at, fields[i].name);
        at = put(at, TC_STR(": "));
        at = put(at, fields[i].value);
        at = put(at, TC_STR("\r\n"));
    }
    return (size_t)(at - dst);
}
