// SPDX-License-Identifier: Apache-2.0
/* A request through the parser, for tests of what looks at heads. */
#ifndef TC_TESTS_UNIT_PROTO_HTTP1_PARSE_H
#define TC_TESTS_UNIT_PROTO_HTTP1_PARSE_H

#include <criterion/criterion.h>

#include "proto/http1/http1.h"

static struct tc_http1 http;

/* At once, or step bytes at a time; 1 or an error as tc_http1_feed, 0: the head is not complete. */
static inline int parse_by(const char *text, size_t len, size_t step, size_t *taken)
{
    int rc = 0;
    *taken = 0;
    tc_http1_init(&http);
    while (rc == 0 && *taken < len) {
        size_t used;
        size_t n = TC_MIN(step, len - *taken);
        rc = tc_http1_feed(&http, text + *taken, n, &used);
        *taken += used;
        if (rc == 0)
            cr_assert_eq(used, n);
    }
    return rc;
}

/* All cuts must agree. */
static inline int parse(const char *text)
{
    size_t len = strlen(text);
    size_t taken_by_one, taken;
    int by_one = parse_by(text, len, 1, &taken_by_one);
    int status = http.status;
    const char *detail = http.detail;
    struct tc_str target = http.target;
    uint32_t field_cnt = http.field_cnt;
    char copy[64];
    target.len = TC_MIN(target.len, sizeof(copy));
    if (target.len)
        memcpy(copy, target.ptr, target.len);
    for (size_t step = 2; step < len + 2; step = step < 8 ? step + 1 : len + 2) {
        cr_expect_eq(parse_by(text, len, step, &taken), by_one, "%s", text);
        cr_expect(http.status == status && http.detail == detail, "%s: %s", text, http.detail);
    }
    cr_expect_eq(parse_by(text, len, len + 1, &taken), by_one, "%s", text);
    cr_expect(http.status == status && http.detail == detail, "%s: %s", text, http.detail);
    if (by_one == 1) {
        cr_expect_eq(taken, taken_by_one);
        cr_expect_eq(field_cnt, http.field_cnt);
        cr_expect(memcmp(copy, http.target.ptr, target.len) == 0);
    }
    return by_one;
}

#endif
