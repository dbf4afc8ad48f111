// SPDX-License-Identifier: Apache-2.0
/* Goal: bytes that many get are stored once, and only if that is worth it; what a socket has taken
 * of them is never changed. */
#include "io/net/pages.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/reactor/send_file.h"

enum { MIN = 1000, LEN = 3 * 4096 + 5 };

static const struct tc_net_pages_conf conf = { MIN, 1 };
static struct tc_net_pages pages;

static struct tc_fan_piece piece_of(uint8_t *bytes, uint8_t fill, uint32_t len)
{
    memset(bytes, fill, len);
    return (struct tc_fan_piece){ bytes, len };
}

static void expect_bytes(int64_t off, const struct tc_fan_piece *piece)
{
    static uint8_t got[LEN];
    cr_assert_eq(pread(pages.fd, got, piece->len, off), (ssize_t)piece->len);
    cr_assert_eq(memcmp(got, piece->bytes, piece->len), 0);
}

Test(pages, from_the_second_time_on)
{
    /* Goal: the first to get a piece has a copy, those after it share; two pieces do not mix; a
     * reset forgets both. */
    static uint8_t bytes[2][32768];
    tc_net_pages_open(&pages, &conf);
    cr_assert_geq(pages.fd, 0);
    struct tc_fan_piece a = piece_of(bytes[0], 'a', LEN);
    struct tc_fan_piece b = piece_of(bytes[1], 'b', MIN);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &a), -1);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &b), -1);
    int64_t at = tc_net_pages_find(&pages, 1, &a);
    int64_t bt = tc_net_pages_find(&pages, 1, &b);
    cr_assert(at >= 0 && bt >= at + LEN && bt % 4096 == 0);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &a), at);
    expect_bytes(at, &a);
    expect_bytes(bt, &b);
    tc_net_pages_reset(&pages);
    cr_expect_eq(pages.len, 0);
    cr_expect_eq(lseek(pages.fd, 0, SEEK_END), 0);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &a), -1);
    tc_net_pages_close(&pages);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &a), -1);
}

Test(pages, after_some_copies)
{
    /* Goal: as many copies as the configuration says come first, none too. */
    static uint8_t bytes[LEN];
    struct tc_fan_piece a = piece_of(bytes, 'a', LEN);
    for (uint32_t after = 0; after < 20; after++) {
        tc_net_pages_open(&pages, &(struct tc_net_pages_conf){ MIN, after });
        for (uint32_t i = 0; i < after; i++)
            cr_expect_eq(tc_net_pages_find(&pages, 1, &a), -1);
        for (uint32_t i = 0; i < 3; i++)
            cr_expect_eq(tc_net_pages_find(&pages, 1, &a), 0);
        tc_net_pages_close(&pages);
    }
}

Test(pages, another_batch)
{
    /* Goal: the same place in another batch, or with another length, is another piece. */
    static uint8_t bytes[LEN];
    tc_net_pages_open(&pages, &conf);
    struct tc_fan_piece a = piece_of(bytes, 'a', LEN);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &a), -1);
    cr_expect_geq(tc_net_pages_find(&pages, 1, &a), 0);
    struct tc_fan_piece b = piece_of(bytes, 'b', LEN);
    cr_expect_eq(tc_net_pages_find(&pages, 2, &b), -1);
    int64_t off = tc_net_pages_find(&pages, 2, &b);
    cr_assert_geq(off, 0);
    expect_bytes(off, &b);
    struct tc_fan_piece shorter = { bytes, LEN - 1 };
    cr_expect_eq(tc_net_pages_find(&pages, 2, &shorter), -1);
    tc_net_pages_close(&pages);
}

Test(pages, bounds)
{
    /* Goal: what is small is never stored; nor is what has no room in a batch. */
    static uint8_t bytes[TC_NET_PAGES_MAX];
    tc_net_pages_open(&pages, &conf);
    struct tc_fan_piece small = piece_of(bytes, 's', MIN - 1);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(tc_net_pages_find(&pages, 1, &small), -1);
    struct tc_fan_piece first = { bytes, MIN };
    struct tc_fan_piece rest = { bytes + 32768, TC_NET_PAGES_MAX - 32768 };
    struct tc_fan_piece fits = { bytes + 32768, TC_NET_PAGES_MAX - 32768 - 4096 };
    (void)tc_net_pages_find(&pages, 1, &first);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &first), 0);
    (void)tc_net_pages_find(&pages, 1, &fits);
    cr_expect_geq(tc_net_pages_find(&pages, 1, &fits), 0);
    cr_expect_leq(pages.len, TC_NET_PAGES_MAX);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(tc_net_pages_find(&pages, 1, &rest), -1);
    cr_expect_eq(tc_net_pages_find(&pages, 1, &first), 0, "still there");
    tc_net_pages_close(&pages);
}

Test(pages, what_was_taken_stays)
{
    /* Goal: a socket that is read late has the bytes that it took, through many batches at the same
     * place of the file. */
    enum { BATCHES = 20 };
    static uint8_t bytes[LEN], got[LEN];
    int pairs[BATCHES][2];
    tc_net_pages_open(&pages, &conf);
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct tc_fan_piece p = piece_of(bytes, (uint8_t)('a' + i), LEN);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pairs[i]), 0);
        (void)tc_net_pages_find(&pages, i, &p);
        cr_assert_eq(tc_net_pages_find(&pages, i, &p), 0);
        cr_assert_eq(tc_reactor_send_file(pairs[i][0], pages.fd, 0, LEN), LEN);
        tc_net_pages_reset(&pages);
    }
    for (uint32_t i = 0; i < BATCHES; i++) {
        for (size_t off = 0; off < LEN;) {
            ssize_t n = read(pairs[i][1], got + off, LEN - off);
            cr_assert_gt(n, 0);
            off += (size_t)n;
        }
        struct tc_fan_piece p = piece_of(bytes, (uint8_t)('a' + i), LEN);
        cr_expect_eq(memcmp(got, p.bytes, LEN), 0, "batch %u", i);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    tc_net_pages_close(&pages);
}

Test(pages, without_a_file)
{
    /* Goal: where no memory file can be had all is copied. */
    static uint8_t bytes[LEN];
    struct tc_fan_piece a = piece_of(bytes, 'a', LEN);
    tc_net_pages_open(&pages, &conf);
    tc_net_pages_close(&pages);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(tc_net_pages_find(&pages, 1, &a), -1);
    tc_net_pages_reset(&pages);
    tc_net_pages_close(&pages);
}

Test(pages, never_opened)
{
    /* Goal: closing one that was never opened closes nothing: its descriptor is not 0. */
    int zero = dup2(STDERR_FILENO, 0);
    cr_assert_eq(zero, 0);
    memset(&pages, 0, sizeof(pages));
    tc_net_pages_close(&pages);
    cr_expect_geq(fcntl(0, F_GETFD), 0);
}
