// SPDX-License-Identifier: Apache-2.0
/* The contract of io/reactor about send_file(), as contract.h has the rest of it. */
#ifndef TC_TESTS_IO_REACTOR_CONTRACT_FILE_H
#define TC_TESTS_IO_REACTOR_CONTRACT_FILE_H

#include "tests/unit/io/reactor/fixture.h"

/* A memory file of these bytes. */
static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    cr_assert_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
    return fd;
}

static void read_all(int fd, uint8_t *to, size_t len)
{
    for (size_t off = 0; off < len;) {
        ssize_t n = read(fd, to + off, len - off);
        cr_assert_gt(n, 0);
        off += (size_t)n;
    }
}

Test(contract, send_file)
{
    /* Goal: parts of a file between other sends of the same flush, each with its result in its
     * place; what a socket has taken stays as it was although the file is emptied and written anew
     * before the peer reads. */
    enum { LEN = 70001 };
    static uint8_t first[LEN], other[LEN], got[LEN];
    struct bench *b = bench_open();
    int32_t results[TC_TURN_SENDS_MAX];
    int clients[3] = { join(b, 0), join(b, 1), join(b, 2) };
    for (size_t i = 0; i < LEN; i++)
        first[i] = (uint8_t)(i * 7 + i / 253);
    memset(other, 0xee, LEN);
    int file = file_of(first, LEN);
    struct iovec text = { "text", 4 };
    b->ops->send_file(b->reactor, 0, file, 1, LEN - 1);
    b->ops->send(b->reactor, 1, &text, 1);
    b->ops->send_file(b->reactor, 2, file, 4095, 2);
    cr_assert_eq(b->ops->send_flush(b->reactor, results), 3);
    cr_assert_eq(results[0], LEN - 1);
    cr_assert_eq(results[1], 4);
    cr_assert_eq(results[2], 2);
    cr_assert_eq(ftruncate(file, 0), 0);
    cr_assert_eq(pwrite(file, other, LEN, 0), LEN);
    read_all(clients[0], got, LEN - 1);
    cr_assert_eq(memcmp(got, first + 1, LEN - 1), 0);
    read_all(clients[1], got, 4);
    cr_assert_eq(memcmp(got, "text", 4), 0);
    read_all(clients[2], got, 2);
    cr_assert_eq(memcmp(got, first + 4095, 2), 0);
    cr_assert_eq(stats_of(b).punt_cnt, 0);
    close(file);
    bench_close(b);
}

Test(contract, send_file_to_a_full_socket)
{
    /* Goal: a socket takes what fits of a file, then says -EAGAIN, and the stream is what the
     * results said; a reset one gives an error. */
    enum { LEN = 100003 };
    static uint8_t block[LEN], got[LEN];
    struct bench *b = bench_open();
    signal(SIGPIPE, SIG_IGN);
    int client = join(b, 4);
    for (size_t i = 0; i < LEN; i++)
        block[i] = (uint8_t)(i * 31 + i / 251);
    int file = file_of(block, LEN);
    size_t sent = 0;
    bool was_short = false;
    int32_t res = 0;
    for (int i = 0; i < 1000 && res >= 0; i++) {
        uint32_t off = (uint32_t)(sent % LEN);
        b->ops->send_file(b->reactor, 4, file, off, LEN - off);
        cr_assert_eq(b->ops->send_flush(b->reactor, &res), 1);
        was_short = was_short || (res > 0 && (uint32_t)res < LEN - off);
        sent += (size_t)TC_MAX(res, 0);
    }
    cr_assert_eq(res, -EAGAIN);
    cr_assert(was_short);
    cr_assert_eq(b->ops->want_writable(b->reactor, 4), 0);
    for (size_t off = 0; off < sent;) {
        size_t cnt = TC_MIN(LEN - off % LEN, sent - off);
        read_all(client, got, cnt);
        cr_assert_eq(memcmp(got, block + off % LEN, cnt), 0);
        off += cnt;
    }
    cr_assert_eq(await(b, TC_REACTOR_WRITABLE, 1), 1);
    set_reset(client);
    close(client);
    settle(b);
    b->ops->send_file(b->reactor, 4, file, 0, 1);
    cr_assert_eq(b->ops->send_flush(b->reactor, &res), 1);
    cr_assert(res == -EPIPE || res == -ECONNRESET, "%d", res);
    close(file);
    bench_close(b);
}

#endif
