// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/base64.h"

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
