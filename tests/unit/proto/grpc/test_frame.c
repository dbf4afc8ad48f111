// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/frame.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem/slab.h"

enum { MESSAGE_MAX = 70000 };

static uint8_t wire[300000];
static size_t wire_len;
static bool is_encoded;

/* What a feeding gave: one line a message, "error …" for a refused body. */
static char log_text[8192];
static size_t log_len;
static uint32_t block_max; /* largest block that was asked for */

static void put(bool is_compressed, const void *bytes, uint32_t len)
{
    tc_grpc_prefix(wire + wire_len, is_compressed, len);
    if (len > 0)
        memcpy(wire + wire_len + TC_GRPC_PREFIX_BYTES, bytes, len);
    wire_len += TC_GRPC_PREFIX_BYTES + len;
}

static void put_raw(const void *bytes, size_t len)
{
    memcpy(wire + wire_len, bytes, len);
    wire_len += len;
}

/* Lends a block of just what is wanted, so that its end is watched. */
static void lend(struct tc_grpc_in *in)
{
    uint8_t *old = in->block;
    uint8_t *block = malloc(in->want);
    cr_assert_gt(in->want, in->cap);
    cr_assert_leq(in->want, in->msg_len);
    if (in->held_cnt > 0)
        memcpy(block, old, in->held_cnt);
    block_max = TC_MAX(block_max, in->want);
    tc_grpc_in_lend(in, block, in->want);
    free(old);
}

static void note(const struct tc_grpc_msg *m)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < m->len; i++)
        sum = sum * 31 + m->bytes[i];
    log_len += (size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len, "%d %u %x\n",
                                m->is_compressed, m->len, sum);
}

static void feed_by(size_t step)
{
    struct tc_grpc_in in;
    int rc = 0;
    size_t taken = 0;
    log_len = 0;
    block_max = 0;
    tc_grpc_in_init(&in, MESSAGE_MAX, is_encoded);
    for (size_t at = 0; at < wire_len && rc >= 0; at += step) {
        size_t n = TC_MIN(step, wire_len - at);
        size_t done = 0;
        uint8_t *piece = malloc(n);
        memcpy(piece, wire + at, n);
        do {
            struct tc_grpc_msg m;
            size_t used;
            rc = tc_grpc_in_feed(&in, piece + done, n - done, &used, &m);
            done += used;
            if (rc == 1)
                note(&m);
            else if (rc == TC_GRPC_IN_WANT)
                lend(&in);
            if (rc == 1)
                cr_assert_not(tc_grpc_in_needs_block(&in));
        } while (rc > 0);
        cr_assert(rc < 0 || done == n);
        taken += done;
        free(piece);
    }
    if (rc >= 0)
        rc = tc_grpc_in_end(&in);
    cr_assert_eq(rc < 0, in.status != TC_GRPC_OK);
    cr_assert_eq(rc == -TC_ELIMIT, in.status == TC_GRPC_RESOURCE_EXHAUSTED);
    if (rc < 0)
        log_len += (size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len,
                                    "error %s: %s at %zu\n", tc_grpc_status_name(in.status),
                                    in.detail, taken);
    log_text[log_len] = '\0';
    free(in.block);
}

/* All cuts must agree; the log is that of one feeding. */
static const char *feed(void)
{
    static char first[sizeof(log_text)];
    static const size_t steps[] = { 2, 3, 4, 5, 6, 7, 13, 1000, 16384, sizeof(wire) };
    feed_by(1);
    memcpy(first, log_text, log_len + 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        feed_by(steps[i]);
        cr_expect_str_eq(log_text, first, "step %zu: %s", steps[i], log_text);
    }
    return first;
}

Test(frame, messages)
{
    /* Goal: empty, small and large messages one after another, whatever the cuts */
    static uint8_t large[MESSAGE_MAX];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i >> 3);
    put(false, "", 0);
    put(false, "a", 1);
    put(false, "", 0);
    put(false, "bc", 2);
    put(false, large, 255);
    put(false, large, 1000);
    put(false, "", 0);
    cr_expect_str_eq(feed(), "0 0 0\n0 1 61\n0 0 0\n0 2 c41\n0 255 ad5d07ff\n0 1000 53390300\n"
                             "0 0 0\n");
    wire_len = 0;
    put(false, large, MESSAGE_MAX);
    put(false, "z", 1);
    feed_by(16384);
    cr_expect_eq(strncmp(log_text, "0 70000 ", 8), 0);
    cr_expect_eq(block_max, MESSAGE_MAX);
    char by_pieces[64];
    memcpy(by_pieces, log_text, log_len + 1);
    feed_by(sizeof(wire));
    cr_expect_str_eq(log_text, by_pieces);
    cr_expect_eq(block_max, 0);
}

Test(frame, compressed)
{
    /* Goal: the flag is handed on where grpc-encoding allows it, and refused where it does not */
    put(true, "abc", 3);
    put(false, "d", 1);
    is_encoded = true;
    cr_expect_str_eq(feed(), "1 3 17862\n0 1 64\n");
    is_encoded = false;
    cr_expect_str_eq(feed(), "error INTERNAL: a compressed message without grpc-encoding at 1\n");
    wire_len = 0;
    put(false, "d", 1);
    put(true, "", 0);
    cr_expect_str_eq(feed(),
                     "0 1 64\nerror INTERNAL: a compressed message without grpc-encoding at 7\n");
}

Test(frame, flags)
{
    /* Goal: all other flags are refused at their byte; those of trailers are told apart */
    for (unsigned flag = 2; flag < 256; flag++) {
        char want[96];
        uint8_t byte = (uint8_t)flag;
        wire_len = 0;
        put(false, "d", 1);
        put_raw(&byte, 1);
        is_encoded = flag & 1;
        (void)snprintf(want, sizeof(want), "0 1 64\nerror INTERNAL: %s at 7\n",
                       flag & 0x80 ? "a frame of trailers in a request"
                                   : "a message with an unknown flag");
        cr_expect_str_eq(feed(), want, "%u", flag);
    }
}

Test(frame, limit)
{
    /* Goal: the largest message passes, one byte more is refused with its prefix, and no block was
     * asked for; nor for the largest length there is */
    put_raw("\0\0\1\x11\x70", 5);
    wire_len += MESSAGE_MAX;
    feed_by(sizeof(wire));
    cr_expect_eq(strncmp(log_text, "0 70000 ", 8), 0);
    wire_len = 0;
    put_raw("\0\0\1\x11\x71", 5);
    wire_len += MESSAGE_MAX + 1;
    feed_by(1);
    cr_expect_str_eq(log_text, "error RESOURCE_EXHAUSTED: the message is too large at 5\n");
    cr_expect_eq(block_max, 0);
    wire_len = 0;
    put_raw("\0\xff\xff\xff\xff", 5);
    cr_expect_str_eq(feed(), "error RESOURCE_EXHAUSTED: the message is too large at 5\n");
    cr_expect_eq(block_max, 0);
}

Test(frame, end_inside)
{
    /* Goal: a body that ends in a prefix or a message is refused, at each of its bytes */
    put(false, "abcd", 4);
    size_t whole = wire_len;
    put(false, "efg", 3);
    for (wire_len = whole + 1; wire_len < 2 * whole - 1; wire_len++) {
        char want[96];
        (void)snprintf(want, sizeof(want),
                       "0 4 2d9442\nerror INTERNAL: the request ends inside a message at %zu\n",
                       wire_len);
        cr_expect_str_eq(feed(), want);
    }
    wire_len = 2 * whole - 1;
    cr_expect_str_eq(feed(), "0 4 2d9442\n0 3 187e6\n");
    wire_len = 0;
    cr_expect_str_eq(feed(), "");
}

Test(frame, views)
{
    /* Goal: a message that lies whole in what is fed is not copied and needs no block, though its
     * prefix came before */
    struct tc_grpc_in in;
    struct tc_grpc_msg m;
    size_t used;
    put(false, "abcd", 4);
    put(false, "ef", 2);
    tc_grpc_in_init(&in, MESSAGE_MAX, false);
    cr_assert_eq(tc_grpc_in_feed(&in, wire, wire_len, &used, &m), 1);
    cr_expect_eq(used, 9);
    cr_expect_eq(m.bytes, wire + 5);
    cr_assert_eq(tc_grpc_in_feed(&in, wire + 9, 5, &used, &m), 0);
    cr_expect_eq(used, 5);
    cr_expect_eq(tc_grpc_in_feed(&in, NULL, 0, &used, &m), 0);
    cr_expect_not(tc_grpc_in_needs_block(&in));
    cr_assert_eq(tc_grpc_in_feed(&in, wire + 14, 2, &used, &m), 1);
    cr_expect_eq(m.bytes, wire + 14);
    cr_expect_eq(tc_grpc_in_feed(&in, NULL, 0, &used, &m), 0);
    cr_expect_eq(tc_grpc_in_end(&in), TC_OK);
}

Test(frame, what_is_declared_is_not_held)
{
    /* Goal: a block is asked for by what has come, taken from a slab, kept while a message is in
     * it, and given back after */
    struct tc_mem mem;
    struct tc_slab slab;
    struct tc_grpc_in in;
    struct tc_grpc_msg m;
    uint32_t idx = TC_NONE;
    uint32_t cap = 0;
    uint32_t blocks = 0;
    size_t used;
    int rc;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_slab_init(&slab, &mem, "bodies", 1 << 20, NULL), TC_OK);
    for (size_t i = 0; i < MESSAGE_MAX; i++)
        wire[5 + i] = (uint8_t)(i >> 3);
    tc_grpc_prefix(wire, false, MESSAGE_MAX);
    wire_len = 5 + MESSAGE_MAX;
    tc_grpc_in_init(&in, MESSAGE_MAX, false);
    for (size_t at = 0; at < wire_len; at += used) {
        rc = tc_grpc_in_feed(&in, wire + at, TC_MIN(100, wire_len - at), &used, &m);
        cr_assert_eq(tc_grpc_in_needs_block(&in), rc == 0 || (rc == TC_GRPC_IN_WANT && cap > 0));
        if (rc == TC_GRPC_IN_WANT) {
            cr_assert_leq(in.want, at + 100 - 5);
            cr_assert(tc_slab_replace(&slab, &idx, &cap, 0, in.held_cnt, in.want));
            tc_grpc_in_lend(&in, tc_slab_at(&slab, idx), cap);
            blocks++;
        }
        cr_assert_leq(cap, TC_MAX(2 * (at + 100), TC_SLAB_UNIT_BYTES));
    }
    cr_assert_eq(rc, 1);
    cr_expect_eq(blocks, 10); /* 256 bytes to 128 KiB */
    cr_expect_eq(m.len, MESSAGE_MAX);
    cr_expect_eq(memcmp(m.bytes, wire + 5, MESSAGE_MAX), 0);
    tc_slab_release(&slab, idx, cap);
    tc_grpc_in_lend(&in, NULL, 0);
    tc_mem_fini(&mem);
}

Test(frame, a_block_that_is_needed, .signal = SIGABRT)
{
    /* Goal: taking back a block with a part of a message in it is a wrong program */
    struct tc_grpc_in in;
    struct tc_grpc_msg m;
    uint8_t block[8];
    size_t used;
    tc_grpc_in_init(&in, MESSAGE_MAX, false);
    put(false, "abcd", 4);
    cr_assert_eq(tc_grpc_in_feed(&in, wire, 6, &used, &m), TC_GRPC_IN_WANT);
    tc_grpc_in_lend(&in, block, sizeof(block));
    cr_assert_eq(tc_grpc_in_feed(&in, wire + 5, 1, &used, &m), 0);
    tc_grpc_in_lend(&in, NULL, 0);
}

Test(frame, prefix)
{
    /* Goal: flag and big-endian length */
    uint8_t out[TC_GRPC_PREFIX_BYTES];
    tc_grpc_prefix(out, false, 0x01020304);
    cr_assert_arr_eq(out, ((uint8_t[]){ 0, 1, 2, 3, 4 }), 5);
    tc_grpc_prefix(out, true, UINT32_MAX);
    cr_assert_arr_eq(out, ((uint8_t[]){ 1, 255, 255, 255, 255 }), 5);
}

Test(frame, web_trailers)
{
    /* Goal: the frame byte by byte; one byte short is refused and nothing is written */
    const struct tc_http1_field fields[] = {
        { TC_STR("grpc-status"), TC_STR("13") },
        { TC_STR("grpc-message"), TC_STR("") },
        { TC_STR("x-bin"), TC_STR("AQ") },
    };
    static const char want[] = "\x80\0\0\0\x2c"
                               "grpc-status: 13\r\ngrpc-message: \r\nx-bin: AQ\r\n";
    size_t want_len = sizeof(want) - 1;
    uint8_t out[64];
    memset(out, '#', sizeof(out));
    cr_expect_eq(tc_grpc_web_trailers(out, want_len - 1, fields, 3), 0);
    cr_expect_eq(out[0], '#');
    cr_assert_eq(tc_grpc_web_trailers(out, want_len, fields, 3), want_len);
    cr_expect_arr_eq(out, want, want_len);
    cr_expect_eq(out[want_len], '#');
    cr_expect_eq(want[4], want_len - TC_GRPC_PREFIX_BYTES);
}

Test(frame, web_trailers_with_a_line_of_a_client, .signal = SIGABRT)
{
    /* Goal: a value that would become a field of its own never reaches the wire */
    struct tc_http1_field field = { TC_STR("x"), TC_STR("a\r\ngrpc-status: 0") };
    uint8_t out[64];
    (void)tc_grpc_web_trailers(out, sizeof(out), &field, 1);
}

Test(frame, web_trailers_with_an_upper_case_key, .signal = SIGABRT)
{
    /* Goal: keys are lower case, as clients compare them */
    struct tc_http1_field field = { TC_STR("Grpc-Status"), TC_STR("0") };
    uint8_t out[64];
    (void)tc_grpc_web_trailers(out, sizeof(out), &field, 1);
}
