// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/base64.h"

void tc_base64_encode(char *out, struct tc_str bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = (const uint8_t *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t word = (uint32_t)in[i] << 16;
        if (left > 1)
            word |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            word |= in[i + 2];
        *out++ = alphabet[word >> 18];
        *out++ = alphabet[word >> 12 & 63];
        *out++ = left > 1 ? alphabet[word >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[word & 63] : '=';
    }
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

int tc_base64_decode(uint8_t *out, size_t *len, struct tc_str text)
{
    uint32_t word = 0;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    if (padding > 0 && text.len % 4 != 0)
        return -TC_EINVAL;
    text.len -= padding;
    if (text.len % 4 == 1)
        return -TC_EINVAL;
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i]);
        if (value < 0)
            return -TC_EINVAL;
        word = word << 6 | (uint32_t)value;
        if (i % 4 != 0) /* the 2nd, 3rd and 4th complete a byte each */
            out[(*len)++] = (uint8_t)(word >> (6 - 2 * (i % 4)));
    }
    return TC_OK;
}
