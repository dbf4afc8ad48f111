// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/metadata.h"

#include "proto/grpc/base64.h"
#include "proto/http1/http1.h"

bool tc_grpc_key_is_valid(struct tc_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool is_good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!is_good)
            return false;
    }
    return key.len > 0;
}

bool tc_grpc_key_is_reserved(struct tc_str key)
{
    return tc_str_starts(key, TC_STR("grpc-"));
}

bool tc_grpc_key_is_binary(struct tc_str key)
{
    struct tc_str suffix = TC_STR("-bin");
    return key.len >= suffix.len &&
           memcmp(key.ptr + key.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

bool tc_grpc_value_is_valid(struct tc_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return false;
    }
    return value.len == 0 || (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes what is before the first mark and its blanks; *rest is what follows it, ptr NULL: there is
 * no mark. rest->ptr is not NULL. */
static struct tc_str take_until(struct tc_str *rest, char mark)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
    struct tc_str item = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
    *rest = end ? (struct tc_str){ end + 1, rest->len - item.len - 1 } : (struct tc_str){ NULL, 0 };
    while (item.len > 0 && is_blank(item.ptr[0])) {
        item.ptr++;
        item.len--;
    }
    while (item.len > 0 && is_blank(item.ptr[item.len - 1]))
        item.len--;
    return item;
}

int tc_grpc_bin_next(struct tc_str *values, uint8_t *dst, size_t cap, size_t *len)
{
    if (!values->ptr)
        return 0;
    int rc = tc_grpc_base64_decode(dst, cap, take_until(values, ','), len);
    return rc < 0 ? rc : 1;
}

static int64_t unit_ns(char unit)
{
    switch (unit) {
    case 'H':
        return INT64_C(3600000000000);
    case 'M':
        return INT64_C(60000000000);
    case 'S':
        return INT64_C(1000000000);
    case 'm':
        return 1000000;
    case 'u':
        return 1000;
    case 'n':
        return 1;
    default:
        return 0;
    }
}

int tc_grpc_timeout(struct tc_str value, int64_t *timeout_ns)
{
    int64_t cnt = 0;
    if (value.len < 2 || value.len > 9)
        return -TC_EINVAL;
    for (size_t i = 0; i < value.len - 1; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return -TC_EINVAL;
        cnt = cnt * 10 + (value.ptr[i] - '0');
    }
    int64_t unit = unit_ns(value.ptr[value.len - 1]);
    if (unit == 0)
        return -TC_EINVAL;
    *timeout_ns = cnt > TC_GRPC_TIMEOUT_MAX_NS / unit ? TC_GRPC_TIMEOUT_MAX_NS : cnt * unit;
    return TC_OK;
}

enum tc_grpc_kind tc_grpc_content_type(struct tc_str value, bool *is_proto)
{
    static const struct {
        const char *text;
        enum tc_grpc_kind kind;
    } kinds[] = {
        { "application/grpc", TC_GRPC_KIND_GRPC },
        { "application/grpc-web", TC_GRPC_KIND_WEB },
        { "application/grpc-web-text", TC_GRPC_KIND_WEB_TEXT },
        { "application/grpc-web-text-base64", TC_GRPC_KIND_WEB_TEXT },
    };
    *is_proto = false;
    if (value.len == 0)
        return TC_GRPC_KIND_NONE;
    struct tc_str format = take_until(&value, ';');
    struct tc_str base = take_until(&format, '+');
    for (size_t i = 0; i < TC_ARRAY_CNT(kinds); i++) {
        if (tc_http1_eq(base, tc_str_from(kinds[i].text))) {
            *is_proto = !format.ptr || tc_http1_eq(format, TC_STR("proto"));
            return kinds[i].kind;
        }
    }
    return TC_GRPC_KIND_NONE;
}

enum tc_grpc_encoding tc_grpc_encoding_of(struct tc_str value)
{
    if (value.len == 0 || tc_http1_eq(value, TC_STR("identity")))
        return TC_GRPC_ENCODING_IDENTITY;
    return tc_http1_eq(value, TC_STR("gzip")) ? TC_GRPC_ENCODING_GZIP : TC_GRPC_ENCODING_OTHER;
}

bool tc_grpc_accepts_gzip(struct tc_str value)
{
    while (value.ptr) {
        if (tc_http1_eq(take_until(&value, ','), TC_STR("gzip")))
            return true;
    }
    return false;
}
