// SPDX-License-Identifier: Apache-2.0
/* The contract of io/reactor, as cases over real sockets. test_uring.c and test_epoll.c run every
 * case on their back end: each defines TC_CONTRACT_OPS and includes this file once. */
#ifndef TC_TESTS_IO_REACTOR_CONTRACT_H
#define TC_TESTS_IO_REACTOR_CONTRACT_H

#include "tests/unit/io/reactor/fixture.h"

Test(contract, accept_receive_send)
{
    /* Goal: a client is accepted, heard and answered. */
    struct bench *b = bench_open();
    int client = join(b, 3);
    cr_assert_eq(write(client, "hello", 5), 5);
    await_bytes(b, 5);
    cr_assert_eq(memcmp(b->bytes, "hello", 5), 0);
    cr_assert_eq(count(b, TC_REACTOR_RECV, 3), 1);
    cr_assert_eq(send_one(b, 3, "world", 5), 5);
    char got[8];
    cr_assert_eq(read(client, got, sizeof(got)), 5);
    cr_assert_eq(memcmp(got, "world", 5), 0);
    cr_assert_eq(stats_of(b).punt_cnt, 0);
    bench_close(b);
}

Test(contract, receive_bytewise)
{
    /* Goal: single bytes, each in a segment of its own, arrive all and in order; more of them than
     * there are buffers. */
    struct bench *b = bench_open();
    int client = join(b, 0);
    int one = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (int i = 0; i < 300; i++) {
        uint8_t byte = (uint8_t)i;
        cr_assert_eq(write(client, &byte, 1), 1);
        if (i % 7 == 0)
            b->ops->poll(b->reactor, 0, 64, on_event, b);
    }
    await_bytes(b, 300);
    for (int i = 0; i < 300; i++)
        cr_assert_eq(b->bytes[i], (uint8_t)i);
    bench_close(b);
}

Test(contract, receive_more_than_buffers)
{
    /* Goal: when all provided buffers are in use the receives go on; nothing is lost or mixed. */
    struct bench *b = bench_open();
    enum { CLIENTS = 32, EACH = 16384 };
    int clients[CLIENTS];
    static char block[EACH];
    for (uint32_t i = 0; i < CLIENTS; i++)
        clients[i] = join(b, i);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        memset(block, (int)('a' + i % 26), EACH);
        cr_assert_eq(write(clients[i], block, EACH), EACH);
    }
    await_bytes(b, (size_t)CLIENTS * EACH);
    uint32_t sums[CLIENTS] = { 0 };
    size_t off = 0;
    for (uint32_t k = 0; k < b->log_cnt; k++) {
        struct seen *s = &b->log[k];
        if (s->kind != TC_REACTOR_RECV)
            continue;
        for (int i = 0; i < s->res; i++)
            cr_assert_eq(b->bytes[off + (size_t)i], (uint8_t)('a' + s->slot % 26));
        off += (size_t)s->res;
        sums[s->slot] += (uint32_t)s->res;
    }
    for (uint32_t i = 0; i < CLIENTS; i++)
        cr_assert_eq(sums[i], EACH);
    bench_close(b);
}

Test(contract, peer_ends)
{
    /* Goal: data, then the end of the peer: one RECV with 0 and nothing after it. */
    struct bench *b = bench_open();
    int client = join(b, 5);
    cr_assert_eq(write(client, "bye", 3), 3);
    close(client);
    settle(b);
    cr_assert_eq(b->byte_cnt, 3);
    cr_assert_eq(last_recv(b, 5), 0);
    uint32_t cnt = b->log_cnt;
    settle(b);
    cr_assert_eq(b->log_cnt, cnt);
    b->ops->conn_close(b->reactor, 5);
    settle(b);
    cr_assert_eq(b->log_cnt, cnt);
    bench_close(b);
}

Test(contract, peer_resets)
{
    /* Goal: a reset is one RECV with -ECONNRESET; sends then give an error, no signal. */
    struct bench *b = bench_open();
    int client = join(b, 1);
    set_reset(client);
    close(client);
    settle(b);
    cr_assert_eq(count(b, TC_REACTOR_RECV, 1), 1);
    cr_assert_eq(last_recv(b, 1), -ECONNRESET);
    int32_t res = send_one(b, 1, "x", 1);
    cr_assert(res == -EPIPE || res == -ECONNRESET, "%d", res);
    uint32_t cnt = b->log_cnt;
    settle(b);
    cr_assert_eq(b->log_cnt, cnt);
    b->ops->conn_close(b->reactor, 1);
    bench_close(b);
}

Test(contract, shutdown_keeps_receiving)
{
    /* Goal: after conn_shutdown the peer sees the end, and what it still sends arrives. */
    struct bench *b = bench_open();
    int client = join(b, 2);
    cr_assert_eq(send_one(b, 2, "last", 4), 4);
    b->ops->conn_shutdown(b->reactor, 2);
    char got[8];
    cr_assert_eq(read(client, got, sizeof(got)), 4);
    cr_assert_eq(read(client, got, sizeof(got)), 0);
    cr_assert_eq(write(client, "ack", 3), 3);
    await_bytes(b, 3);
    close(client);
    settle(b);
    cr_assert_eq(last_recv(b, 2), 0);
    b->ops->conn_close(b->reactor, 2);
    bench_close(b);
}

Test(contract, short_sends_then_writable)
{
    /* Goal: a socket takes what fits, then says -EAGAIN; one WRITABLE comes when the peer has read,
     * and the stream is what the results said. */
    struct bench *b = bench_open();
    int client = join(b, 4);
    static uint8_t block[100003];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (uint8_t)(i * 31 + i / 251);
    size_t sent = 0;
    bool was_short = false;
    int32_t res = 0;
    for (int i = 0; i < 1000; i++) {
        size_t off = sent % sizeof(block);
        res = send_one(b, 4, block + off, sizeof(block) - off);
        if (res < 0)
            break;
        was_short = was_short || (size_t)res < sizeof(block) - off;
        sent += (size_t)res;
    }
    cr_assert_eq(res, -EAGAIN);
    cr_assert(was_short);
    cr_assert_eq(b->ops->want_writable(b->reactor, 4), 0);
    cr_assert_eq(b->ops->want_writable(b->reactor, 4), 0); /* one outstanding, not two */
    settle(b);
    cr_assert_eq(count(b, TC_REACTOR_WRITABLE, 4), 0);
    static uint8_t got[65536];
    for (size_t off = 0; off < sent;) {
        ssize_t n = read(client, got, TC_MIN(sizeof(got), sent - off));
        cr_assert(n > 0);
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(got[i], block[(off + (size_t)i) % sizeof(block)]);
        off += (size_t)n;
    }
    cr_assert_eq(await(b, TC_REACTOR_WRITABLE, 1), 1);
    settle(b);
    cr_assert_eq(count(b, TC_REACTOR_WRITABLE, 4), 1);
    /* Asked again while it is writable: again one event. */
    cr_assert_eq(b->ops->want_writable(b->reactor, 4), 0);
    cr_assert_eq(await(b, TC_REACTOR_WRITABLE, 2), 2);
    cr_assert_eq(stats_of(b).punt_cnt, 0);
    bench_close(b);
}

Test(contract, receive_while_waiting_to_write)
{
    /* Goal: waiting for room to write does not stop receiving. */
    struct bench *b = bench_open();
    int client = join(b, 6);
    static uint8_t block[1 << 20];
    while (send_one(b, 6, block, sizeof(block)) >= 0)
        continue;
    cr_assert_eq(b->ops->want_writable(b->reactor, 6), 0);
    cr_assert_eq(write(client, "one", 3), 3);
    await_bytes(b, 3);
    cr_assert_eq(write(client, "two", 3), 3);
    await_bytes(b, 6);
    cr_assert_eq(count(b, TC_REACTOR_WRITABLE, 6), 0);
    set_reset(client);
    close(client);
    settle(b);
    cr_assert_eq(count(b, TC_REACTOR_WRITABLE, 6), 1); /* a broken socket blocks nobody */
    cr_assert(last_recv(b, 6) < 0);
    b->ops->conn_close(b->reactor, 6);
    bench_close(b);
}

Test(contract, close_in_flight)
{
    /* Goal: conn_close with an armed receive and an armed wait for room: the peer sees the end
     * before the next poll, and no event of the slot follows. */
    struct bench *b = bench_open();
    int client = join(b, 7);
    static uint8_t block[1 << 16];
    int32_t res;
    size_t sent = 0;
    while ((res = send_one(b, 7, block, sizeof(block))) >= 0)
        sent += (size_t)res;
    cr_assert_eq(b->ops->want_writable(b->reactor, 7), 0);
    b->ops->conn_close(b->reactor, 7);
    static uint8_t got[1 << 16];
    size_t seen = 0;
    while (seen < sent) {
        ssize_t n = read(client, got, sizeof(got));
        cr_assert(n > 0);
        seen += (size_t)n;
    }
    cr_assert(is_readable(client, 1000));
    cr_assert_eq(read(client, got, sizeof(got)), 0);
    settle(b);
    cr_assert_eq(b->log_cnt, 0);
    bench_close(b);
}

Test(contract, close_before_submit)
{
    /* Goal: a connection that is closed in the turn that opened it, with a send queued: the send is
     * reported, and the descriptor's next owner is not touched by requests of the old one. */
    struct bench *b = bench_open();
    int pair[2];
    for (int round = 0; round < 100; round++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        int old = pair[0];
        cr_assert_eq(b->ops->conn_open(b->reactor, 9, pair[0]), 0);
        struct iovec iov = { (void *)(uintptr_t)"ping", 4 };
        b->ops->send(b->reactor, 9, &iov, 1);
        b->ops->conn_close(b->reactor, 9);
        int other[2];
        cr_assert_eq(pipe(other), 0);
        cr_assert(other[0] == old || other[1] == old);
        cr_assert_eq(b->ops->send_flush(b->reactor, b->results), 1);
        cr_assert_eq(b->results[0], 4);
        char got[8];
        cr_assert_eq(read(pair[1], got, sizeof(got)), 4);
        cr_assert_eq(read(pair[1], got, sizeof(got)), 0);
        settle(b);
        cr_assert_eq(b->log_cnt, 0);
        close(other[0]);
        close(other[1]);
        close(pair[1]);
    }
    bench_close(b);
}

Test(contract, slot_reuse)
{
    /* Goal: a slot taken again at once hears its new connection only. */
    struct bench *b = bench_open();
    int first = join(b, 8);
    int second_end = dial(b);
    cr_assert_eq(await(b, TC_REACTOR_ACCEPT, 1), 1);
    int second = b->log[0].res;
    cr_assert_eq(write(first, "old", 3), 3);
    b->ops->conn_close(b->reactor, 8);
    cr_assert_eq(b->ops->conn_open(b->reactor, 8, second), 0);
    cr_assert_eq(write(second_end, "newer", 5), 5);
    await_bytes(b, 5);
    settle(b);
    cr_assert_eq(b->byte_cnt, 5);
    cr_assert_eq(memcmp(b->bytes, "newer", 5), 0);
    cr_assert_eq(last_recv(b, 8), 5);
    bench_close(b);
}

Test(contract, stale_events)
{
    /* Goal: the first of two ready connections closes the other in its callback: no event of it
     * comes, though the kernel had reported it already; its buffer is not lost. */
    struct bench *b = bench_open();
    for (int round = 0; round < 50; round++) {
        b->byte_cnt = 0;
        int one = join(b, 10);
        int two = join(b, 11);
        b->ops->poll(b->reactor, 0, 64, on_event, b);
        b->log_cnt = 0;
        cr_assert_eq(write(one, "1", 1), 1);
        cr_assert_eq(write(two, "2", 1), 1);
        bool is_one_first = round % 2 == 0;
        b->close_slot = is_one_first ? 11 : 10;
        settle(b);
        /* Whoever came first, closing the other or itself, exactly the survivor may be heard on. */
        uint32_t closed = is_one_first ? 11 : 10;
        for (uint32_t i = 1; i < b->log_cnt; i++)
            cr_assert_neq(b->log[i].slot, closed);
        b->ops->conn_close(b->reactor, is_one_first ? 10 : 11);
        close(one);
        close(two);
        settle(b);
    }
    bench_close(b);
}

Test(contract, watch)
{
    /* Goal: each ring of an eventfd gives a WAKE with its tag, as often as it is rung. */
    struct bench *b = bench_open();
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    cr_assert_eq(b->ops->watch(b->reactor, fd, TAG_WATCH), 0);
    settle(b);
    cr_assert_eq(b->log_cnt, 0);
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(eventfd_write(fd, 1), 0);
        cr_assert(await(b, TC_REACTOR_WAKE, 1) >= 1);
        cr_assert_eq(b->log[0].slot, TAG_WATCH);
        eventfd_t value;
        cr_assert_eq(eventfd_read(fd, &value), 0);
        settle(b);
        b->log_cnt = 0;
        settle(b);
        cr_assert_eq(b->log_cnt, 0); /* drained: silent */
    }
    close(fd);
    bench_close(b);
}

Test(contract, flush_of_64)
{
    /* Goal: 64 sends in one flush, of one piece and of several, are reported in their order, while
     * receives complete beside them. */
    struct bench *b = bench_open();
    int clients[TC_TURN_SENDS_MAX];
    for (uint32_t i = 0; i < TC_TURN_SENDS_MAX; i++)
        clients[i] = join(b, i);
    b->byte_cnt = 0;
    char text[64];
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < TC_TURN_SENDS_MAX; i++)
            cr_assert_eq(write(clients[i], "in", 2), 2);
        for (uint32_t i = 0; i < TC_TURN_SENDS_MAX; i++) {
            static char bytes[] = "abcdefghijklmnopqrstuvwxyz";
            struct iovec iov[TC_REACTOR_IOV_MAX];
            uint32_t cnt = 1 + i % TC_REACTOR_IOV_MAX;
            for (uint32_t k = 0; k < cnt; k++)
                iov[k] = (struct iovec){ bytes + k, 1 };
            b->ops->send(b->reactor, i, iov, cnt);
        }
        cr_assert_eq(b->ops->send_flush(b->reactor, b->results), TC_TURN_SENDS_MAX);
        for (uint32_t i = 0; i < TC_TURN_SENDS_MAX; i++) {
            uint32_t cnt = 1 + i % TC_REACTOR_IOV_MAX;
            cr_assert_eq(b->results[i], (int32_t)cnt);
            cr_assert_eq(read(clients[i], text, sizeof(text)), (ssize_t)cnt);
            cr_assert_eq(memcmp(text, "abcdefghijklmnopqrstuvwxyz", cnt), 0);
        }
        await_bytes(b, (size_t)(round + 1) * 2 * TC_TURN_SENDS_MAX);
    }
    cr_assert_eq(b->ops->send_flush(b->reactor, b->results), 0);
    cr_assert_eq(stats_of(b).punt_cnt, 0);
    bench_close(b);
}

Test(contract, poll_bounds)
{
    /* Goal: poll passes at most event_max events on and keeps the others; it waits for as long as
     * it is told when there are none. */
    struct bench *b = bench_open();
    int clients[20];
    for (uint32_t i = 0; i < 20; i++)
        clients[i] = join(b, i);
    settle(b);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_eq(write(clients[i], "x", 1), 1);
    uint32_t sum = 0;
    for (int i = 0; i < 100 && sum < 20; i++) {
        uint32_t n = b->ops->poll(b->reactor, 10 * NS_PER_MS, 3, on_event, b);
        cr_assert(n <= 3);
        sum += n;
    }
    cr_assert_eq(sum, 20);
    struct timespec from;
    struct timespec to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    cr_assert_eq(b->ops->poll(b->reactor, 30 * NS_PER_MS, 64, on_event, b), 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    int64_t ns = (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec;
    cr_assert(ns >= 29 * NS_PER_MS && ns < 2000ll * NS_PER_MS);
    cr_assert_eq(b->ops->poll(b->reactor, 0, 64, on_event, b), 0);
    bench_close(b);
}

Test(contract, descriptors_spent)
{
    /* Goal: out of descriptors, accept says so once and rests; started again it goes on. */
    struct bench *b = bench_open();
    cr_assert_eq(b->ops->accept_start(b->reactor, b->listen_fd, TAG_LISTEN), 0);
    settle(b);
    int client = dial(b);
    cr_assert_eq(await(b, TC_REACTOR_ACCEPT, 1), 1);
    close(b->log[0].res);
    close(client);
    struct rlimit old;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit low = { 3, old.rlim_max };
    /* The kernel reads the limit when the accept is armed. */
    b->ops->accept_stop(b->reactor, TAG_LISTEN);
    client = dial(b);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    cr_assert_eq(b->ops->accept_start(b->reactor, b->listen_fd, TAG_LISTEN), 0);
    b->log_cnt = 0;
    settle(b);
    cr_assert_eq(b->log_cnt, 1);
    cr_assert_eq(b->log[0].res, -EMFILE);
    uint64_t syscalls = stats_of(b).syscall_cnt;
    settle(b);
    cr_assert_eq(b->log_cnt, 1);
    cr_assert(stats_of(b).syscall_cnt - syscalls <= 10);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_eq(b->ops->accept_start(b->reactor, b->listen_fd, TAG_LISTEN), 0);
    b->log_cnt = 0;
    cr_assert_eq(await(b, TC_REACTOR_ACCEPT, 1), 1);
    cr_assert(b->log[0].res >= 0);
    bench_close(b);
}

Test(contract, accept_stop_frees_the_port)
{
    /* Goal: after accept_stop and close of the listener nobody can connect, and nothing is
     * reported; start after stop works. */
    struct bench *b = bench_open();
    close(join(b, 0));
    b->ops->accept_stop(b->reactor, TAG_LISTEN);
    settle(b);
    b->log_cnt = 0;
    int waiting = dial(b);
    settle(b);
    cr_assert_eq(b->log_cnt, 0);
    cr_assert_eq(b->ops->accept_start(b->reactor, b->listen_fd, TAG_LISTEN), 0);
    cr_assert_eq(await(b, TC_REACTOR_ACCEPT, 1), 1);
    close(waiting);
    b->ops->accept_stop(b->reactor, TAG_LISTEN);
    b->ops->accept_stop(b->reactor, TAG_LISTEN); /* twice is no harm */
    close(b->listen_fd);
    b->ops->poll(b->reactor, 0, 64, on_event, b);
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(b->port) };
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), -1);
    cr_assert_eq(errno, ECONNREFUSED);
    close(fd);
    bench_close(b);
}

static void *use_elsewhere(void *arg)
{
    struct bench *b = arg;
    int client = join(b, 0);
    bool is_good = write(client, "hello", 5) == 5;
    await_bytes(b, 5);
    is_good = is_good && send_one(b, 0, "world", 5) == 5;
    b->ops->conn_close(b->reactor, 0);
    b->ops->accept_stop(b->reactor, TAG_LISTEN);
    close(client);
    return is_good ? arg : NULL;
}

Test(contract, opened_elsewhere)
{
    /* Goal: a reactor may be opened by the starting thread, before memory is sealed, and belongs to
     * the thread that uses it first. */
    struct bench *b = bench_open();
    pthread_t thread;
    void *result = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, use_elsewhere, b), 0);
    cr_assert_eq(pthread_join(thread, &result), 0);
    cr_assert_not_null(result);
    bench_close(b);
}

Test(contract, close_lets_go)
{
    /* Goal: after close, peers see the end and the port can be bound again, both at once. */
    for (int round = 0; round < 20; round++) {
        struct bench *b = bench_open();
        int client = join(b, 12);
        b->ops->close(b->reactor);
        cr_assert(is_readable(client, 1000));
        char byte;
        cr_assert_eq(read(client, &byte, 1), 0);
        close(b->listen_fd);
        struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(b->port) };
        addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int one = 1; /* for the ended connection, not for a listener */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0, "%s", strerror(errno));
        cr_assert_eq(listen(fd, 1), 0, "%s", strerror(errno));
        close(fd);
        close(client);
        tc_free(b->bytes);
        tc_mem_fini(&b->mem);
    }
}

Test(contract, churn_leaks_nothing)
{
    /* Goal: 2000 connections through one slot, ended by either side, leave no descriptor and no
     * buffer behind. */
    struct bench *b = bench_open();
    close(join(b, 0));
    settle(b);
    b->ops->conn_close(b->reactor, 0);
    settle(b);
    uint32_t before = fd_cnt();
    for (int i = 0; i < 2000; i++) {
        int client = join(b, 0);
        cr_assert_eq(write(client, "hello", 5), 5);
        if (i % 3 == 0)
            set_reset(client);
        if (i % 2 == 0)
            close(client);
        if (i % 5 < 3)
            b->ops->poll(b->reactor, 0, 8, on_event, b);
        b->ops->conn_close(b->reactor, 0);
        if (i % 2 != 0)
            close(client);
        b->byte_cnt = 0;
    }
    settle(b);
    cr_assert_eq(fd_cnt(), before);
    int client = join(b, 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(write(client, "12345", 5), 5);
        await_bytes(b, (size_t)(i + 1) * 5);
    }
    bench_close(b);
}

#endif
