// SPDX-License-Identifier: Apache-2.0
/* Looking at the fields of a request. */
#include <strings.h>

#include "proto/http1/http1.h"

bool tc_http1_eq(struct tc_str a, struct tc_str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

struct tc_str tc_http1_field(const struct tc_http1 *http, const char *name)
{
    for (uint32_t i = 0; i < http->field_cnt; i++) {
        if (tc_http1_eq(http->fields[i].name, tc_str_from(name)))
            return http->fields[i].value;
    }
    return (struct tc_str){ NULL, 0 };
}

uint32_t tc_http1_field_cnt(const struct tc_http1 *http, const char *name)
{
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < http->field_cnt; i++)
        cnt += tc_http1_eq(http->fields[i].name, tc_str_from(name));
    return cnt;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool list_has(struct tc_str list, struct tc_str token)
{
    size_t at = 0;
    while (at < list.len) {
        size_t end = at;
        while (end < list.len && list.ptr[end] != ',')
            end++;
        size_t next = end + 1;
        while (at < end && is_blank(list.ptr[at]))
            at++;
        while (end > at && is_blank(list.ptr[end - 1]))
            end--;
        if (tc_http1_eq((struct tc_str){ list.ptr + at, end - at }, token))
            return true;
        at = next;
    }
    return false;
}

bool tc_http1_has_token(const struct tc_http1 *http, const char *name, const char *token)
{
    for (uint32_t i = 0; i < http->field_cnt; i++) {
        if (tc_http1_eq(http->fields[i].name, tc_str_from(name)) &&
            list_has(http->fields[i].value, tc_str_from(token)))
            return true;
    }
    return false;
}
