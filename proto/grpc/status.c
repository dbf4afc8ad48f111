// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/status.h"

static const char *const names[TC_GRPC_STATUS_CNT] = {
#define X(name) #name,
    TC_GRPC_STATUS_TABLE(X)
#undef X
};

_Static_assert(TC_GRPC_UNAUTHENTICATED == 16, "the table is in the order of gRPC's numbers");

const char *tc_grpc_status_name(enum tc_grpc_status status)
{
    TC_ASSERT(status < TC_GRPC_STATUS_CNT);
    return names[status];
}

enum tc_grpc_status tc_grpc_status_of_http(int http_status)
{
    switch (http_status) {
    case 400:
    case 431:
        return TC_GRPC_INTERNAL;
    case 401:
        return TC_GRPC_UNAUTHENTICATED;
    case 403:
        return TC_GRPC_PERMISSION_DENIED;
    case 404:
        return TC_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return TC_GRPC_UNAVAILABLE;
    default:
        return TC_GRPC_UNKNOWN;
    }
}

/* No byte of UTF-8 that continues a character. */
static bool begins_char(uint8_t c)
{
    return (c & 0xc0) != 0x80;
}

size_t tc_grpc_percent_encode(char *dst, size_t cap, struct tc_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = 0;
    size_t border = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        bool is_end = i == 0 || i + 1 == text.len;
        bool is_plain = c >= (is_end ? 0x21 : 0x20) && c <= 0x7e && c != '%';
        if (begins_char(c))
            border = at;
        if (cap - at < (is_plain ? 1 : 3)) {
            while (border > 0 && dst[border - 1] == ' ')
                border--;
            return border;
        }
        if (is_plain) {
            dst[at++] = (char)c;
        } else {
            dst[at++] = '%';
            dst[at++] = digits[c >> 4];
            dst[at++] = digits[c & 0xf];
        }
    }
    return at;
}

/* -1: no hexadecimal digit. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t tc_grpc_percent_decode(char *dst, size_t cap, struct tc_str text)
{
    size_t at = 0;
    size_t border = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c == '%' && text.len - i > 2) {
            int high = digit_value(text.ptr[i + 1]);
            int low = digit_value(text.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (uint8_t)(high << 4 | low);
                i += 2;
            }
        }
        if (begins_char(c))
            border = at;
        if (at == cap)
            return border;
        dst[at++] = (char)c;
    }
    return at;
}
