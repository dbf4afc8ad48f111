// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/base64.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* RFC 4648, section 10, and the two characters that other alphabets change. */
static const struct {
    const char *bytes;
    const char *padded;
    const char *bare;
} vectors[] = {
    { "", "", "" },
    { "f", "Zg==", "Zg" },
    { "fo", "Zm8=", "Zm8" },
    { "foo", "Zm9v", "Zm9v" },
    { "foob", "Zm9vYg==", "Zm9vYg" },
    { "fooba", "Zm9vYmE=", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
    { "\xfb\xef\xbe\xff\xff\xff", "++++////", "++++////" },
};

/* Decodes text in pieces of step; -1: refused; otherwise bytes at out. Each piece is handed over
 * from a copy that ends with it and is decoded in its place. */
static int decode_by(const char *text, size_t step, char *out)
{
    struct tc_grpc_base64 in = { 0 };
    size_t len = strlen(text);
    int out_len = 0;
    for (size_t at = 0; at < len; at += step) {
        size_t n = TC_MIN(step, len - at);
        size_t got;
        char *piece = malloc(n);
        memcpy(piece, text + at, n);
        int rc = tc_grpc_base64_feed(&in, (struct tc_str){ piece, n }, (uint8_t *)piece, &got);
        cr_assert_leq(got, n);
        memcpy(out + out_len, piece, got);
        out_len += (int)got;
        free(piece);
        if (rc < 0)
            return -1;
    }
    return tc_grpc_base64_end(&in) < 0 ? -1 : out_len;
}

/* All cuts must agree. */
static const char *decode(const char *text)
{
    static char out[256];
    int by_one = decode_by(text, 1, out);
    for (size_t step = 2; step < 12; step++) {
        char other[256];
        cr_assert_eq(decode_by(text, step, other), by_one, "%s by %zu", text, step);
        cr_assert(by_one < 0 || memcmp(other, out, (size_t)by_one) == 0);
    }
    if (by_one < 0)
        return "refused";
    out[by_one] = '\0';
    return out;
}

Test(base64, vectors)
{
    /* Goal: the RFC's vectors both ways, with and without padding; the number of characters */
    for (size_t i = 0; i < TC_ARRAY_CNT(vectors); i++) {
        const char *bytes = vectors[i].bytes;
        size_t len = strlen(bytes);
        for (int is_padded = 0; is_padded < 2; is_padded++) {
            const char *want = is_padded ? vectors[i].padded : vectors[i].bare;
            char out[16] = { 0 };
            uint8_t back[16];
            size_t back_len = SIZE_MAX;
            cr_expect_eq(tc_grpc_base64_chars(len, is_padded), strlen(want));
            cr_expect_eq(tc_grpc_base64_encode(out, strlen(want), bytes, len, is_padded),
                         strlen(want));
            cr_expect_str_eq(out, want);
            cr_expect_str_eq(decode(want), bytes);
            cr_expect_eq(tc_grpc_base64_decode(back, len, tc_str_from(want), &back_len), TC_OK);
            cr_expect_eq(back_len, len);
            cr_expect_eq(memcmp(back, bytes, len), 0);
        }
    }
}

Test(base64, every_byte_comes_back)
{
    /* Goal: all values at all places of a group, for each length */
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t at = 0; at < 3; at++) {
        for (size_t len = 0; len <= sizeof(bytes) - at; len++) {
            char text[400];
            uint8_t back[256];
            size_t back_len;
            size_t n = tc_grpc_base64_encode(text, sizeof(text), bytes + at, len, len % 2 == 0);
            cr_assert_eq(n, tc_grpc_base64_chars(len, len % 2 == 0));
            cr_assert_eq(tc_grpc_base64_decode(back, len, (struct tc_str){ text, n }, &back_len),
                         TC_OK);
            cr_assert_eq(back_len, len);
            cr_assert_eq(memcmp(back, bytes + at, len), 0);
        }
    }
}

Test(base64, encoding_is_bounded)
{
    /* Goal: one character short is refused and nothing is written */
    char out[16];
    for (size_t len = 1; len <= 6; len++) {
        for (int is_padded = 0; is_padded < 2; is_padded++) {
            size_t want = tc_grpc_base64_chars(len, is_padded);
            memset(out, '#', sizeof(out));
            cr_expect_eq(tc_grpc_base64_encode(out, want - 1, "foobar", len, is_padded), 0);
            cr_expect_eq(out[0], '#');
            cr_expect_eq(tc_grpc_base64_encode(out, want, "foobar", len, is_padded), want);
            cr_expect_eq(out[want], '#');
        }
    }
}

Test(base64, a_stream_of_padded_pieces)
{
    /* Goal: padding where one encoder stopped and the next began; the last may have none */
    cr_expect_str_eq(decode("Zg==Zm8=Zm9vZg=="), "ffofoof");
    cr_expect_str_eq(decode("Zm8=Zm8="), "fofo");
    cr_expect_str_eq(decode("Zg==Zg"), "ff");
    cr_expect_str_eq(decode("Zm9vYmE=Zm8"), "foobafo");
}

Test(base64, wrong_streams)
{
    /* Goal: each way to break a group is refused, however it is cut */
    static const char *const bad[] = {
        "Z",        "Zm9vY",     "=",        "Z=",       "Z===", "Zg=",  "Zg=Zg==", "Zg===",
        "Zg====",   "Zm8==",     "Zm9v=",    "Zm9v==",   "Zg=g", "Zh==", "Zm9=",    "Zh",
        "Zm9",      "Zm9v Zm9v", "Zm9v\n",   "Zm-v",     "Zm_v", "Zm*v", "Zm9v.",   "Zm9v,Zm9v",
        "\xc3\xbc", "Zm9\x80",   "Zm9{",     "Zm9@",     "Zm9[", "Zm9`", "Zm9:",    "Zg=\n=",
        "Zh==Zg==", "Zm9=Zg==",  "Zg=gZg==", "Zg=gZm8=",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_str_eq(decode(bad[i]), "refused", "%s", bad[i]);
}

Test(base64, the_alphabet)
{
    /* Goal: exactly 64 bytes are characters */
    int good_cnt = 0;
    for (int c = 0; c < 256; c++) {
        struct tc_grpc_base64 in = { 0 };
        char text = (char)c;
        uint8_t out;
        size_t len;
        good_cnt += tc_grpc_base64_feed(&in, (struct tc_str){ &text, 1 }, &out, &len) == TC_OK;
        cr_assert_eq(len, 0);
    }
    cr_assert_eq(good_cnt, 64);
}

Test(base64, whole_values)
{
    /* Goal: one value has padding only at its end, and the bound is that of its bytes */
    uint8_t out[8];
    size_t len;
    cr_expect_eq(tc_grpc_base64_decode(out, 8, TC_STR("Zg==Zg=="), &len), -TC_EINVAL);
    cr_expect_eq(tc_grpc_base64_decode(out, 8, TC_STR("Zm8=Zm9v"), &len), -TC_EINVAL);
    cr_expect_eq(tc_grpc_base64_decode(out, 8, TC_STR("Zg="), &len), -TC_EINVAL);
    cr_expect_eq(tc_grpc_base64_decode(out, 8, TC_STR("Zg==="), &len), -TC_EINVAL);
    cr_expect_eq(tc_grpc_base64_decode(out, 8, TC_STR("=="), &len), -TC_EINVAL);
    cr_expect_eq(tc_grpc_base64_decode(out, 8, TC_STR("Z"), &len), -TC_EINVAL);
    cr_expect_eq(tc_grpc_base64_decode(out, 0, TC_STR("Zg=="), &len), -TC_ELIMIT);
    cr_expect_eq(tc_grpc_base64_decode(out, 1, TC_STR("Zm8"), &len), -TC_ELIMIT);
    cr_expect_eq(tc_grpc_base64_decode(out, 5, TC_STR("Zm9vYmFy"), &len), -TC_ELIMIT);
    cr_expect_eq(tc_grpc_base64_decode(out, 6, TC_STR("Zm9vYmFy"), &len), TC_OK);
    cr_expect_eq(len, 6);
}
