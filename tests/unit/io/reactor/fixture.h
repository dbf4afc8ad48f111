// SPDX-License-Identifier: Apache-2.0
/* A reactor under test with a listener on loopback, a log of its events and clients to talk to it.
 * The includer defines TC_CONTRACT_OPS. */
#ifndef TC_TESTS_IO_REACTOR_FIXTURE_H
#define TC_TESTS_IO_REACTOR_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/reactor/reactor.h"

enum {
    CONN_MAX = 128,
    BUFFER_BYTES = 4096,
    BUFFER_CNT = 8,
    LOG_MAX = 4096,
    BYTES_MAX = 1 << 20,
    TAG_LISTEN = 77,
    TAG_WATCH = 88,
    NS_PER_MS = 1000000,
};

struct seen {
    enum tc_reactor_event_kind kind;
    uint32_t slot;
    int res;
};

struct bench {
    struct tc_mem mem;
    const struct tc_reactor_ops *ops;
    struct tc_reactor *reactor;
    int listen_fd;
    uint16_t port;
    struct seen log[LOG_MAX];
    uint32_t log_cnt;
    uint8_t *bytes; /* what all receives brought, in order */
    size_t byte_cnt;
    uint32_t close_slot; /* the callback closes this one at the first RECV, TC_NONE: none */
    int32_t results[TC_TURN_SENDS_MAX];
};

static struct bench bench; /* zero; each Criterion test has its own process */

static void on_event(void *ctx, const struct tc_reactor_event *event)
{
    struct bench *b = ctx;
    cr_assert(b->log_cnt < LOG_MAX);
    b->log[b->log_cnt++] = (struct seen){ event->kind, event->slot, event->res };
    if (event->kind == TC_REACTOR_RECV && event->res > 0) {
        cr_assert((size_t)event->res <= BUFFER_BYTES);
        cr_assert(b->byte_cnt + (size_t)event->res <= BYTES_MAX);
        memcpy(b->bytes + b->byte_cnt, event->data, (size_t)event->res);
        memset(event->data, 0xee, (size_t)event->res); /* it may be changed in place */
        b->byte_cnt += (size_t)event->res;
        if (b->close_slot != TC_NONE) {
            uint32_t slot = b->close_slot;
            b->close_slot = TC_NONE;
            b->ops->conn_close(b->reactor, slot);
        }
    }
}

/* Ends the test without a verdict: this host has no io_uring. */
static void skip(const char *why)
{
#ifdef cr_skip_test
    cr_skip_test("%s", why);
#else
    fprintf(stderr, "skipped: %s\n", why);
    exit(0);
#endif
}

static struct bench *bench_open(void)
{
    struct bench *b = &bench;
    struct tc_err err = { 0 };
    memset(b, 0, sizeof(*b));
    tc_mem_init(&b->mem, 0);
    b->ops = &TC_CONTRACT_OPS;
    b->close_slot = TC_NONE;
    b->bytes = tc_alloc(BYTES_MAX);
    struct tc_reactor_conf conf = { CONN_MAX, BUFFER_BYTES, BUFFER_CNT, &b->mem, "test: reactor" };
    int rc = b->ops->open(&b->reactor, &conf, &err);
    if (rc == -TC_ENOTSUP)
        skip(err.text);
    cr_assert_eq(rc, 0, "%s", err.text);
    tc_mem_seal(&b->mem);
    b->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(b->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    struct sockaddr_in addr = { .sin_family = AF_INET };
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof(addr);
    cr_assert_eq(bind(b->listen_fd, (struct sockaddr *)&addr, len), 0);
    cr_assert_eq(listen(b->listen_fd, 256), 0);
    cr_assert_eq(getsockname(b->listen_fd, (struct sockaddr *)&addr, &len), 0);
    b->port = ntohs(addr.sin_port);
    return b;
}

static void bench_close(struct bench *b)
{
    b->ops->close(b->reactor);
    close(b->listen_fd);
    tc_free(b->bytes);
    tc_mem_fini(&b->mem);
}

static int dial(struct bench *b)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(b->port) };
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

/* Polls until `cnt` events of the kind were seen or 2 s have gone; returns how many were seen. */
static uint32_t await(struct bench *b, enum tc_reactor_event_kind kind, uint32_t cnt)
{
    for (int i = 0; i < 200; i++) {
        uint32_t seen = 0;
        for (uint32_t k = 0; k < b->log_cnt; k++)
            seen += b->log[k].kind == kind;
        if (seen >= cnt)
            return seen;
        b->ops->poll(b->reactor, 10 * NS_PER_MS, 64, on_event, b);
    }
    return 0;
}

static void await_bytes(struct bench *b, size_t cnt)
{
    for (int i = 0; i < 500 && b->byte_cnt < cnt; i++)
        b->ops->poll(b->reactor, 10 * NS_PER_MS, 64, on_event, b);
    cr_assert_eq(b->byte_cnt, cnt);
}

/* Lets everything happen that is going to. */
static void settle(struct bench *b)
{
    for (int i = 0; i < 5; i++)
        b->ops->poll(b->reactor, 4 * NS_PER_MS, 64, on_event, b);
}

/* A connection in `slot`; returns the client's end. */
static int join(struct bench *b, uint32_t slot)
{
    int client = dial(b);
    b->log_cnt = 0;
    cr_assert_eq(b->ops->accept_start(b->reactor, b->listen_fd, TAG_LISTEN), 0);
    cr_assert_eq(await(b, TC_REACTOR_ACCEPT, 1), 1);
    for (uint32_t i = 0; i < b->log_cnt; i++) {
        if (b->log[i].kind != TC_REACTOR_ACCEPT)
            continue;
        cr_assert_eq(b->log[i].slot, TAG_LISTEN);
        cr_assert(b->log[i].res >= 0);
        cr_assert(fcntl(b->log[i].res, F_GETFD) & FD_CLOEXEC);
        cr_assert(fcntl(b->log[i].res, F_GETFL) & O_NONBLOCK);
        cr_assert_eq(b->ops->conn_open(b->reactor, slot, b->log[i].res), 0);
    }
    b->log_cnt = 0;
    return client;
}

static int32_t send_one(struct bench *b, uint32_t slot, const void *bytes, size_t len)
{
    struct iovec iov = { (void *)(uintptr_t)bytes, len };
    b->ops->send(b->reactor, slot, &iov, 1);
    cr_assert_eq(b->ops->send_flush(b->reactor, b->results), 1);
    return b->results[0];
}

static uint32_t count(struct bench *b, enum tc_reactor_event_kind kind, uint32_t slot)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->log_cnt; i++)
        n += b->log[i].kind == kind && b->log[i].slot == slot;
    return n;
}

/* The result of the last RECV of the slot. */
static int last_recv(struct bench *b, uint32_t slot)
{
    for (uint32_t i = b->log_cnt; i > 0; i--)
        if (b->log[i - 1].kind == TC_REACTOR_RECV && b->log[i - 1].slot == slot)
            return b->log[i - 1].res;
    cr_assert_fail("no RECV");
    return 0;
}

static void set_reset(int fd)
{
    struct linger linger = { 1, 0 };
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
}

static uint32_t fd_cnt(void)
{
    uint32_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert_not_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd p = { fd, POLLIN, 0 };
    return poll(&p, 1, timeout_ms) == 1;
}

static struct tc_reactor_stats stats_of(struct bench *b)
{
    struct tc_reactor_stats stats;
    b->ops->stats(b->reactor, &stats);
    return stats;
}

#endif
