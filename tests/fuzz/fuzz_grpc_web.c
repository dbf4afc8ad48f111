// SPDX-License-Identifier: Apache-2.0
/* The text of a grpc-web-text body: base64, then messages. However it is cut, the same bytes and
 * the same messages come out; what is encoded in padded pieces comes back. */
#include "proto/grpc/base64.h"
#include "tests/fuzz/grpc_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A wrong text ends a body after the bytes before it. */
struct text_body {
    struct body body;
    int text_rc;
    uint64_t byte_cnt;
};

static struct text_body feed(const uint8_t *data, size_t size, size_t step)
{
    struct text_body t = { 0 };
    struct tc_grpc_base64 base64 = { 0 };
    tc_grpc_in_init(&t.body.in, BODY_MESSAGE_MAX, false);
    for (size_t at = 0; at < size && t.text_rc == TC_OK && t.body.rc >= 0; at += step) {
        size_t n = TC_MIN(step, size - at);
        size_t len;
        uint8_t *piece = malloc(n);
        memcpy(piece, data + at, n);
        t.text_rc =
            tc_grpc_base64_feed(&base64, (struct tc_str){ (const char *)piece, n }, piece, &len);
        TC_ASSERT(len <= n);
        body_feed(&t.body, piece, len);
        free(piece);
        t.byte_cnt += len;
    }
    if (t.body.rc < 0)
        t.text_rc = TC_OK; /* where the text goes wrong after that is a matter of the cut */
    else if (t.text_rc == TC_OK)
        t.text_rc = tc_grpc_base64_end(&base64);
    body_end(&t.body);
    return t;
}

static void check_round_trip(const uint8_t *data, size_t size, size_t step)
{
    struct tc_grpc_base64 base64 = { 0 };
    size_t at = 0;
    while (at < size) {
        size_t n = TC_MIN(step, size - at);
        size_t cap = tc_grpc_base64_chars(n, true);
        size_t len;
        char *text = malloc(cap);
        TC_ASSERT(tc_grpc_base64_encode(text, cap - 1, data + at, n, true) == 0);
        TC_ASSERT(tc_grpc_base64_encode(text, cap, data + at, n, true) == cap);
        int rc = tc_grpc_base64_feed(&base64, (struct tc_str){ text, cap }, (uint8_t *)text, &len);
        TC_ASSERT(rc == TC_OK && len == n && memcmp(text, data + at, n) == 0);
        TC_ASSERT(tc_grpc_base64_end(&base64) == TC_OK);
        free(text);
        at += n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 2, 3, 4, 7, 1000, SIZE_MAX / 2 };
    struct text_body by_one = feed(data, size, 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        struct text_body t = feed(data, size, steps[i]);
        TC_ASSERT(t.text_rc == by_one.text_rc);
        TC_ASSERT(t.byte_cnt == by_one.byte_cnt || t.body.rc < 0);
        body_must_equal(&t.body, &by_one.body);
        check_round_trip(data, size, steps[i]);
    }
    return 0;
}
