// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>

#include "tests/unit/tools/bench/fixture.h"

static size_t take_max, taken;

/* Takes at most take_max bytes at a time. */
static size_t on_bytes(struct tc_load *l, struct tc_load_conn *c, const char *bytes, size_t len)
{
    size_t n = TC_MIN(len, take_max);
    (void)l;
    (void)c;
    (void)bytes;
    taken += n;
    return n;
}

static void hello(struct tc_load *l, struct tc_load_conn *c)
{
    tc_load_write(l, c, "hello", 5);
}

static const struct tc_load_dialect dialect = { .name = "t", .hello = hello, .on_bytes = on_bytes };

static void setup(void)
{
    fixture_init(&dialect, 2, 1, 1, 0);
}

TestSuite(load_conn, .init = setup, .fini = fixture_fini);

Test(load_conn, what_is_left_comes_again)
{
    /* Goal: bytes that are not done with are kept, and their block goes back when they are. */
    struct tc_load_conn *c = &load.conns[0];
    cr_assert_eq(write(peer, "0123456789", 10), 10);
    take_max = 4;
    cr_assert_not(tc_load_conn_read(&load, c));
    cr_assert(taken == 4 && c->carry_len == 6 && c->carry != NULL);
    cr_assert_eq(memcmp(c->carry->bytes, "456789", 6), 0);
    cr_assert_eq(write(peer, "ab", 2), 2);
    take_max = 100;
    cr_assert_not(tc_load_conn_read(&load, c));
    cr_assert(taken == 12 && c->carry_len == 0 && c->carry == NULL && load.free != NULL);
    struct tc_load_block *block = load.free;
    cr_assert_eq(write(peer, "cd", 2), 2);
    take_max = 1;
    cr_assert_not(tc_load_conn_read(&load, c));
    cr_assert(c->carry == block && load.free == NULL, "it is used again");
    take_max = 100;
    cr_assert_eq(write(peer, "e", 1), 1);
    cr_assert_not(tc_load_conn_read(&load, c));
    cr_assert_eq(load.counts.reads, 4);
    cr_assert_eq(load.counts.bytes, 15);
}

static void end(void)
{
    shutdown(peer, SHUT_RDWR);
    tc_load_conn_read(&load, &load.conns[0]);
}

static void too_long(void)
{
    static char much[TC_LOAD_CARRY_BYTES / 2];
    take_max = 0;
    for (int i = 0; i < 3; i++) {
        if (write(peer, much, sizeof(much)) != (ssize_t)sizeof(much))
            return;
        tc_load_conn_read(&load, &load.conns[0]);
    }
}

Test(load_conn, ends)
{
    /* Goal: the server's end, and a frame without end, end the run. */
    fixture_fails(too_long, "a frame of more than");
    fixture_fails(end,
                  "host:1 ended a connection"); /* last: the socket is shut for the parent too */
}

Test(load_conn, connects)
{
    /* Goal: a connection is made, says hello and is waited on. */
    char text[8] = { 0 };
    struct sockaddr_in *to = (struct sockaddr_in *)&conf.targets[0].to;
    conf.targets[0].to_len = sizeof(*to);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    to->sin_family = AF_INET;
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(listener, (struct sockaddr *)to, sizeof(*to)), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)to, &conf.targets[0].to_len), 0);
    conf.is_spread = true;
    tc_load_conn_start(&load, 1);
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    int other = accept(listener, (struct sockaddr *)&from, &len);
    cr_assert_geq(other, 0);
    cr_assert_eq(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK);
    cr_assert_eq(recv(other, text, 5, MSG_WAITALL), 5);
    cr_assert_str_eq(text, "hello");
    cr_assert_eq(write(other, "x", 1), 1);
    struct epoll_event event;
    cr_assert_eq(epoll_wait(load.epoll_fd, &event, 1, 10000), 1);
    cr_assert_eq(event.data.u32, 1);
    tc_load_conn_stall(&load, &load.conns[1]);
    cr_assert_eq(epoll_wait(load.epoll_fd, &event, 1, 0), 0);
    close(load.conns[1].fd);
    close(other);
    close(listener);
}

static void refused(void)
{
    struct sockaddr_in *to = (struct sockaddr_in *)&conf.targets[0].to;
    to->sin_family = AF_INET;
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to->sin_port = htons(1);
    conf.targets[0].to_len = sizeof(*to);
    tc_load_conn_start(&load, 1);
}

Test(load_conn, refusal)
{
    /* Goal: a refused connection says where, why and how many stand. */
    fixture_fails(refused, "cannot connect to host:1: Connection refused");
}
