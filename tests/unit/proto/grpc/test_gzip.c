// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/gzip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { MESSAGE_MAX = 1 << 20, PACKED_MAX = MESSAGE_MAX + 4096 };

static struct tc_mem mem;
static struct tc_grpc_gzip gzip;
static uint8_t plain[MESSAGE_MAX];
static uint8_t packed[PACKED_MAX];
static uint8_t back[MESSAGE_MAX + 1];

static void setup(int level)
{
    struct tc_err err;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_grpc_gzip_init(&gzip, &mem, "worker 0: gzip", level, &err), TC_OK);
    tc_mem_seal(&mem);
}

/* Half text, half noise; the same each time. */
static void make_plain(uint32_t len)
{
    uint32_t noise = 12345;
    for (uint32_t i = 0; i < len; i++) {
        noise = noise * 1664525 + 1013904223;
        plain[i] = i & 64 ? (uint8_t)(noise >> 24) : (uint8_t)("{\"price\":"[i % 9]);
    }
}

static uint32_t pack(uint32_t len)
{
    uint32_t packed_len = 0;
    cr_assert_eq(tc_grpc_deflate(&gzip, plain, len, packed, PACKED_MAX, &packed_len), TC_OK);
    return packed_len;
}

/* From a copy that ends with the bytes, into exactly max bytes: both ends are watched. */
static int unpack(const uint8_t *bytes, uint32_t len, uint32_t max, uint32_t *out_len)
{
    uint8_t *copy = malloc(len + (len == 0));
    uint8_t *out = malloc(max + (max == 0));
    if (len > 0)
        memcpy(copy, bytes, len);
    int rc = tc_grpc_inflate(&gzip, copy, len, out, max, out_len);
    if (rc == TC_OK)
        memcpy(back, out, *out_len);
    free(copy);
    free(out);
    return rc;
}

Test(gzip, round_trip)
{
    /* Goal: messages of many sizes come back at each level, with the memory of the start alone */
    static const uint32_t lens[] = { 0, 1, 100, 4096, 32767, 32768, 32769, 100000, MESSAGE_MAX };
    for (int level = 1; level <= 9; level += 4) {
        setup(level);
        uint32_t used_bytes = gzip.used_bytes;
        for (size_t i = 0; i < TC_ARRAY_CNT(lens); i++) {
            uint32_t out_len = TC_NONE;
            make_plain(lens[i]);
            uint32_t len = pack(lens[i]);
            cr_expect(lens[i] < 100 || len < lens[i]);
            cr_expect_eq(unpack(packed, len, MESSAGE_MAX, &out_len), TC_OK);
            cr_expect_eq(out_len, lens[i]);
            cr_expect_eq(memcmp(back, plain, lens[i]), 0);
        }
        cr_expect_eq(gzip.used_bytes, used_bytes);
        tc_mem_fini(&mem);
    }
}

Test(gzip, foreign_heads)
{
    /* Goal: what other programs put into a head (name, comment, extra field, its sum) is read over
     */
    z_stream stream = { 0 };
    gz_header head = { .name = (Bytef *)"n",
                       .comment = (Bytef *)"c",
                       .extra = (Bytef *)"ee",
                       .extra_len = 2,
                       .hcrc = 1 };
    uint32_t out_len;
    setup(6);
    make_plain(500);
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflateSetHeader(&stream, &head), Z_OK);
    stream.next_in = plain;
    stream.avail_in = 500;
    stream.next_out = packed;
    stream.avail_out = PACKED_MAX;
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_expect_eq(unpack(packed, (uint32_t)stream.total_out, 500, &out_len), TC_OK);
    cr_expect_eq(out_len, 500);
    cr_expect_eq(memcmp(back, plain, 500), 0);
    deflateEnd(&stream);
    tc_mem_fini(&mem);
}

Test(gzip, limit)
{
    /* Goal: exactly max passes, one byte less does not, and nothing is written behind it */
    uint32_t out_len;
    setup(6);
    for (uint32_t len = 1; len <= 100000; len *= 10) {
        make_plain(len);
        uint32_t packed_len = pack(len);
        cr_expect_eq(unpack(packed, packed_len, len, &out_len), TC_OK);
        cr_expect_eq(out_len, len);
        cr_expect_eq(unpack(packed, packed_len, len - 1, &out_len), -TC_ELIMIT);
        cr_expect_eq(unpack(packed, packed_len, len + 1, &out_len), TC_OK);
        cr_expect_eq(out_len, len);
    }
    tc_mem_fini(&mem);
}

Test(gzip, bomb)
{
    /* Goal: 1 MiB of zeros in 1 KiB is stopped at max; no byte behind it is touched, the memory
     * stays in its arena, and the next message is fine */
    uint32_t out_len;
    setup(9);
    memset(plain, 0, MESSAGE_MAX);
    uint32_t bomb_len = pack(MESSAGE_MAX);
    cr_expect_lt(bomb_len, 2048);
    for (uint32_t max = 1; max < MESSAGE_MAX; max = max * 3 + 1) {
        cr_expect_eq(unpack(packed, bomb_len, max, &out_len), -TC_ELIMIT);
        cr_expect_leq(gzip.used_bytes, TC_GRPC_GZIP_BYTES);
    }
    uint32_t used_bytes = gzip.used_bytes;
    cr_expect_eq(unpack(packed, bomb_len, MESSAGE_MAX, &out_len), TC_OK);
    cr_expect_eq(out_len, MESSAGE_MAX);
    cr_expect_eq(unpack(packed, bomb_len, 1000, &out_len), -TC_ELIMIT);
    cr_expect_eq(gzip.used_bytes, used_bytes);
    tc_mem_fini(&mem);
}

Test(gzip, cut_short)
{
    /* Goal: a stream without its last bytes is refused, wherever it ends */
    uint32_t out_len;
    setup(6);
    make_plain(3000);
    uint32_t len = pack(3000);
    for (uint32_t cut = 0; cut < len; cut++)
        cr_expect_eq(unpack(packed, cut, MESSAGE_MAX, &out_len), -TC_EINVAL, "%u", cut);
    cr_expect_eq(unpack(packed, len, MESSAGE_MAX, &out_len), TC_OK);
    tc_mem_fini(&mem);
}

Test(gzip, something_behind)
{
    /* Goal: garbage or a second member behind the stream is refused */
    uint32_t out_len;
    setup(6);
    make_plain(300);
    uint32_t len = pack(300);
    packed[len] = 0;
    cr_expect_eq(unpack(packed, len + 1, MESSAGE_MAX, &out_len), -TC_EINVAL);
    memcpy(packed + len, packed, len);
    cr_expect_eq(unpack(packed, 2 * len, MESSAGE_MAX, &out_len), -TC_EINVAL);
    cr_expect_eq(unpack(packed, len, MESSAGE_MAX, &out_len), TC_OK);
    tc_mem_fini(&mem);
}

Test(gzip, damaged)
{
    /* Goal: a wrong bit is refused, but where it means nothing: time, level, system and the hint at
     * text in the head, what fills up the last byte before the sums; other formats are refused */
    uint32_t out_len;
    setup(6);
    make_plain(300);
    uint32_t len = pack(300);
    for (uint32_t bit = 0; bit < 8 * len; bit++) {
        uint32_t byte = bit / 8;
        bool is_free = bit == 8 * 3 || (byte >= 4 && byte < 10);
        bool is_fill = byte == len - 9 && bit % 8 > 0;
        packed[byte] ^= (uint8_t)(1u << bit % 8);
        int rc = unpack(packed, len, 300, &out_len);
        cr_expect(is_fill || (rc == TC_OK) == is_free, "bit %u: %d", bit, rc);
        cr_expect(rc != TC_OK || memcmp(back, plain, 300) == 0, "bit %u", bit);
        packed[byte] ^= (uint8_t)(1u << bit % 8);
    }
    static const char *const others[] = { "", "\x1f", "\x1f\x8b", "plain text",
                                          "\x78\x9c\x03\x00\x00\x00\x00\x01" };
    for (size_t i = 0; i < TC_ARRAY_CNT(others); i++)
        cr_expect_eq(unpack((const uint8_t *)others[i], (uint32_t)strlen(others[i]), 300, &out_len),
                     -TC_EINVAL);
    tc_mem_fini(&mem);
}

Test(gzip, not_worth_it)
{
    /* Goal: a result larger than cap is refused, and the next message is fine */
    uint32_t out_len;
    setup(6);
    make_plain(3000);
    uint32_t len = pack(3000);
    for (uint32_t cap = 0; cap < len; cap++) {
        packed[cap] = '#';
        cr_expect_eq(tc_grpc_deflate(&gzip, plain, 3000, packed, cap, &out_len), -TC_ELIMIT);
        cr_expect_eq(packed[cap], '#');
    }
    cr_expect_eq(tc_grpc_deflate(&gzip, plain, 3000, packed, len, &out_len), TC_OK);
    cr_expect_eq(out_len, len);
    cr_expect_eq(unpack(packed, len, 3000, &out_len), TC_OK);
    cr_expect_eq(memcmp(back, plain, 3000), 0);
    tc_mem_fini(&mem);
}

Test(gzip, no_memory)
{
    /* Goal: a budget that is spent is told at the start */
    struct tc_err err;
    tc_mem_init(&mem, TC_GRPC_GZIP_BYTES - 1);
    cr_expect_eq(tc_grpc_gzip_init(&gzip, &mem, "worker 0: gzip", 6, &err), -TC_ENOMEM);
    cr_expect(err.text[0] != '\0');
    tc_mem_fini(&mem);
}
