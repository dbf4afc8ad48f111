// SPDX-License-Identifier: Apache-2.0
/* Bytes of a gRPC peer; the first chooses whether its messages may be compressed. The rest is taken
 * as a body (the same messages however it is cut, a bomb stops at the limit), as one gzip message,
 * as a message to deflate, and as the value of each field. */
#include "tests/fuzz/grpc_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tc_mem mem;
static struct tc_grpc_gzip gzip;

static struct body feed(const uint8_t *data, size_t size, bool is_encoded, size_t step)
{
    struct body body = { .gzip = &gzip };
    tc_grpc_in_init(&body.in, BODY_MESSAGE_MAX, is_encoded);
    for (size_t at = 0; at < size && body.rc >= 0; at += step)
        body_feed(&body, data + at, TC_MIN(step, size - at));
    body_end(&body);
    return body;
}

static void check_gzip(const uint8_t *data, uint32_t size)
{
    uint32_t max = size > 0 ? data[0] * 16u : 0;
    uint32_t len = 0;
    uint32_t cap = size + size / 1000 + 64;
    uint8_t *out = malloc(max + 1);
    uint8_t *packed = malloc(cap);
    out[max] = 0xa5;
    int rc = tc_grpc_inflate(&gzip, data, size, out, max, &len);
    TC_ASSERT(rc == TC_OK || rc == -TC_EINVAL || rc == -TC_ELIMIT);
    TC_ASSERT(out[max] == 0xa5 && (rc != TC_OK || len <= max));
    rc = tc_grpc_deflate(&gzip, data, size, packed, cap, &len);
    TC_ASSERT(rc == TC_OK);
    out = realloc(out, size + 1);
    uint32_t back = 0;
    rc = tc_grpc_inflate(&gzip, packed, len, out, size, &back);
    TC_ASSERT(size == 0 || (rc == TC_OK && back == size && memcmp(out, data, size) == 0));
    free(out);
    free(packed);
}

static void check_percent(struct tc_str text)
{
    size_t full_cap = 3 * text.len + 1;
    char *full = malloc(full_cap);
    char *back = malloc(text.len + 1);
    char *cut = malloc(text.len + 1);
    size_t full_len = tc_grpc_percent_encode(full, full_cap, text);
    size_t back_len = tc_grpc_percent_decode(back, text.len + 1, (struct tc_str){ full, full_len });
    TC_ASSERT(back_len == text.len && (back_len == 0 || memcmp(back, text.ptr, back_len) == 0));
    TC_ASSERT(tc_grpc_value_is_valid((struct tc_str){ full, full_len }));
    size_t cut_len = tc_grpc_percent_encode(cut, text.len / 2, text);
    TC_ASSERT(cut_len <= text.len / 2 && memcmp(cut, full, cut_len) == 0);
    TC_ASSERT(tc_grpc_value_is_valid((struct tc_str){ cut, cut_len }));
    TC_ASSERT(tc_grpc_percent_decode(back, text.len, text) <= text.len);
    free(full);
    free(back);
    free(cut);
}

static void check_metadata(struct tc_str text)
{
    struct tc_str values = text;
    uint8_t value[64];
    int64_t timeout_ns = 0;
    bool is_proto;
    size_t len;
    int rc;
    do {
        rc = tc_grpc_bin_next(&values, value, sizeof(value), &len);
        TC_ASSERT(rc != 1 || len <= sizeof(value));
    } while (rc != 0);
    if (tc_grpc_timeout(text, &timeout_ns) == TC_OK)
        TC_ASSERT(timeout_ns >= 0 && timeout_ns <= TC_GRPC_TIMEOUT_MAX_NS);
    enum tc_grpc_kind kind = tc_grpc_content_type(text, &is_proto);
    TC_ASSERT(kind != TC_GRPC_KIND_NONE || !is_proto);
    if (tc_grpc_encoding_of(text) == TC_GRPC_ENCODING_GZIP)
        TC_ASSERT(tc_grpc_accepts_gzip(text));
    if (tc_grpc_key_is_valid(text) && tc_grpc_value_is_valid(text)) {
        struct tc_http1_field field = { text, text };
        size_t want = TC_GRPC_PREFIX_BYTES + 2 * text.len + 4;
        uint8_t *frame = malloc(want);
        TC_ASSERT(tc_grpc_web_trailers(frame, want, &field, 1) == want);
        TC_ASSERT(tc_grpc_web_trailers(frame, want - 1, &field, 1) == 0);
        free(frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 2, 5, 7, 1000, SIZE_MAX / 2 };
    if (!gzip.arena) {
        tc_mem_init(&mem, 0);
        int rc = tc_grpc_gzip_init(&gzip, &mem, "gzip", 1, NULL);
        TC_ASSERT(rc == TC_OK);
        tc_mem_seal(&mem);
    }
    if (size == 0)
        return 0;
    bool is_encoded = data[0] & 1;
    data++;
    size--;
    struct body by_one = feed(data, size, is_encoded, 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        struct body body = feed(data, size, is_encoded, steps[i]);
        body_must_equal(&body, &by_one);
    }
    check_gzip(data, (uint32_t)size);
    check_percent((struct tc_str){ (const char *)data, size });
    check_metadata((struct tc_str){ (const char *)data, size });
    return 0;
}
