// SPDX-License-Identifier: Apache-2.0
/* A request's head. Whatever comes, the parser ends, keeps its bounds, gives the same verdict
 * however the bytes are cut, and what it accepts is what it says. */
#include <stdlib.h>

#include "proto/ws/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(struct tc_http1 *http, const uint8_t *data, size_t size, size_t step, size_t *taken)
{
    int rc = 0;
    *taken = 0;
    tc_http1_init(http);
    while (rc == 0 && *taken < size) {
        size_t n = TC_MIN(step, size - *taken);
        size_t used;
        const uint8_t *piece = data + *taken;
        uint8_t *copy = n > 5 ? malloc(n) : NULL; /* its end is watched */
        if (copy)
            piece = memcpy(copy, data + *taken, n);
        rc = tc_http1_feed(http, piece, n, &used);
        TC_ASSERT(used <= n && (rc != 0 || used == n));
        *taken += used;
        free(copy);
    }
    return rc;
}

static void check_view(const struct tc_http1 *http, struct tc_str s)
{
    TC_ASSERT(s.len == 0 || (s.ptr >= http->head && s.ptr + s.len <= http->head + http->head_len));
    TC_ASSERT(s.len == 0 || (!memchr(s.ptr, '\r', s.len) && !memchr(s.ptr, '\n', s.len) &&
                             !memchr(s.ptr, '\0', s.len)));
}

static void check(const struct tc_http1 *http)
{
    static const char *const origins[] = { "https://ui.example" };
    const char *detail;
    check_view(http, http->target);
    check_view(http, http->query);
    check_view(http, http->host);
    TC_ASSERT(http->path.len > 0 && http->minor <= 1);
    TC_ASSERT(http->field_cnt <= TC_HTTP_FIELDS_MAX);
    TC_ASSERT(http->minor == 0 || tc_http1_field_cnt(http, "host") == 1);
    TC_ASSERT(!(tc_http1_field(http, "content-length").ptr &&
                tc_http1_field(http, "transfer-encoding").ptr));
    for (uint32_t i = 0; i < http->field_cnt; i++) {
        check_view(http, http->fields[i].name);
        check_view(http, http->fields[i].value);
        TC_ASSERT(http->fields[i].name.len > 0);
    }
    int status = tc_ws_handshake_check(http, &detail);
    TC_ASSERT(status == 101 || (status >= 400 && detail));
    (void)tc_ws_origin_is_allowed(http, origins, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 2, 5, 64, SIZE_MAX };
    static struct tc_http1 one, other;
    size_t taken, other_taken;
    int rc = feed(&one, data, size, 1, &taken);
    TC_ASSERT(rc >= 0 || (one.status >= 400 && one.detail));
    if (rc == 1)
        check(&one);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        int other_rc = feed(&other, data, size, steps[i], &other_taken);
        TC_ASSERT(other_rc == rc && other.status == one.status && other.detail == one.detail);
        if (rc != 1)
            continue;
        TC_ASSERT(other_taken == taken && other.field_cnt == one.field_cnt);
        TC_ASSERT(tc_str_eq(other.target, one.target) && tc_str_eq(other.path, one.path));
        for (uint32_t j = 0; j < one.field_cnt; j++)
            TC_ASSERT(tc_str_eq(one.fields[j].name, other.fields[j].name) &&
                      tc_str_eq(one.fields[j].value, other.fields[j].value));
    }
    return 0;
}
