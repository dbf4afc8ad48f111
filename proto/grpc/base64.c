// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/base64.h"

/* -1: not of the alphabet. */
static int value_of(char c)
{
    static const int8_t values['z' - '+' + 1] = {
        62, -1, -1, -1, 63,                     /* + , - . / */
        52, 53, 54, 55, 56, 57, 58, 59, 60, 61, /* 0 to 9 */
        -1, -1, -1, -1, -1, -1, -1,             /* up to A */
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
        13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, /* to Z */
        -1, -1, -1, -1, -1, -1,                             /* up to a */
        26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
        39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, /* to z */
    };
    unsigned idx = (unsigned)(uint8_t)c - '+';
    return idx < sizeof(values) ? values[idx] : -1;
}

/* false: no padding belongs here. */
static bool take_padding(struct tc_grpc_base64 *in)
{
    if (in->char_cnt < 2 || in->bits != 0)
        return false;
    in->is_padded = in->char_cnt == 2;
    in->char_cnt = (in->char_cnt + 1) & 3;
    return true;
}

int tc_grpc_base64_feed(struct tc_grpc_base64 *in, struct tc_str text, uint8_t *dst, size_t *len)
{
    uint8_t *out = dst;
    int rc = TC_OK;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i]);
        if (value < 0 || in->is_padded) {
            if (text.ptr[i] == '=' && take_padding(in))
                continue;
            rc = -TC_EINVAL;
            break;
        }
        /* character n of a group ends byte n - 1 with its first 2n bits and keeps the others */
        unsigned bits = (unsigned)in->bits << 6 | (unsigned)value;
        unsigned left = 6u - 2u * in->char_cnt;
        if (in->char_cnt > 0)
            *out++ = (uint8_t)(bits >> left);
        in->bits = (uint8_t)(bits & ((1u << left) - 1));
        in->char_cnt = (in->char_cnt + 1) & 3;
    }
    *len = (size_t)(out - dst);
    return rc;
}

int tc_grpc_base64_end(const struct tc_grpc_base64 *in)
{
    return in->char_cnt == 1 || in->is_padded || in->bits != 0 ? -TC_EINVAL : TC_OK;
}

int tc_grpc_base64_decode(uint8_t *dst, size_t cap, struct tc_str text, size_t *len)
{
    struct tc_grpc_base64 in = { 0 };
    size_t char_cnt = text.len;
    while (char_cnt > 0 && text.ptr[char_cnt - 1] == '=')
        char_cnt--;
    if (char_cnt > 0 && memchr(text.ptr, '=', char_cnt))
        return -TC_EINVAL;
    if (char_cnt / 4 * 3 + char_cnt % 4 * 3 / 4 > cap)
        return -TC_ELIMIT;
    int rc = tc_grpc_base64_feed(&in, text, dst, len);
    return rc < 0 ? rc : tc_grpc_base64_end(&in);
}

size_t tc_grpc_base64_encode(char *dst, size_t cap, const void *bytes, size_t len, bool is_padded)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *src = bytes;
    size_t char_cnt = tc_grpc_base64_chars(len, is_padded);
    if (char_cnt > cap)
        return 0;
    for (; len >= 3; len -= 3, src += 3) {
        uint32_t group = (uint32_t)src[0] << 16 | (uint32_t)src[1] << 8 | src[2];
        *dst++ = alphabet[group >> 18];
        *dst++ = alphabet[group >> 12 & 63];
        *dst++ = alphabet[group >> 6 & 63];
        *dst++ = alphabet[group & 63];
    }
    if (len > 0) {
        uint32_t group = (uint32_t)src[0] << 16 | (len == 2 ? (uint32_t)src[1] << 8 : 0);
        *dst++ = alphabet[group >> 18];
        *dst++ = alphabet[group >> 12 & 63];
        if (len == 2)
            *dst++ = alphabet[group >> 6 & 63];
        else if (is_padded)
            *dst++ = '=';
        if (is_padded)
            *dst++ = '=';
    }
    return char_cnt;
}
