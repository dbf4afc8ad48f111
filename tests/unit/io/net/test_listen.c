// SPDX-License-Identifier: Apache-2.0
/* Goal: the workers' listeners share one port and its settings, and nobody else gets in. */
#include "io/net/listen.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "io/os/os.h"

enum { LISTENERS = 3, CLIENTS = 64, SNDBUF_BYTES = 40000 };

static struct tc_addr addr_of(const char *text)
{
    struct tc_addr addr;
    struct tc_err err;
    cr_assert_eq(tc_addr_parse(&addr, tc_str_from(text), &err), TC_OK, "%s", err.text);
    return addr;
}

static int dial(const struct tc_addr *addr)
{
    int fd = socket(addr->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr->sa, addr->len), 0);
    return fd;
}

/* One connection from whichever listener has it; *who: which. */
static int take(const int *fds, size_t cnt, size_t *who)
{
    struct pollfd p[LISTENERS];
    for (size_t i = 0; i < cnt; i++)
        p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
    cr_assert_gt(poll(p, cnt, 5000), 0);
    for (size_t i = 0; i < cnt; i++) {
        if (!p[i].revents)
            continue;
        *who = i;
        return accept4(fds[i], NULL, NULL, SOCK_CLOEXEC);
    }
    return -1;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

Test(listen, workers_share_a_port, .timeout = 30)
{
    /* Goal: port 0 becomes one port for all listeners; clients are spread over them; connections
     * have the listener's settings from their first byte on. */
    struct tc_addr addr = addr_of("127.0.0.1:0");
    struct tc_err err;
    int fds[LISTENERS];
    int clients[CLIENTS];
    uint32_t taken[LISTENERS] = { 0 };
    cr_assert_eq(tc_listen_open(&addr, LISTENERS, SNDBUF_BYTES, fds, &err), TC_OK, "%s", err.text);
    cr_assert_gt(tc_addr_port(&addr), 0);
    for (size_t i = 0; i < LISTENERS; i++) {
        struct tc_addr bound;
        cr_assert_eq(tc_addr_of_fd(&bound, fds[i]), TC_OK);
        cr_assert_eq(tc_addr_port(&bound), tc_addr_port(&addr));
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        size_t who = 0;
        clients[i] = dial(&addr);
        int fd = take(fds, LISTENERS, &who);
        cr_assert_geq(fd, 0);
        taken[who]++;
        cr_assert_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
        cr_assert_eq(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), TC_LISTEN_NOTSENT_BYTES);
        cr_assert_eq(option(fd, SOL_SOCKET, SO_SNDBUF), 2 * SNDBUF_BYTES);
        close(fd);
        close(clients[i]);
    }
    for (size_t i = 0; i < LISTENERS; i++) { /* chance of none: (2/3)^64 */
        cr_expect_gt(taken[i], 0, "listener %zu", i);
        close(fds[i]);
    }
}

Test(listen, accept_never_waits)
{
    /* Goal: a listener that nobody knocks at does not block its worker. */
    struct tc_addr addr = addr_of("127.0.0.1:0");
    struct tc_err err;
    int fd;
    cr_assert_eq(tc_listen_open(&addr, 1, 0, &fd, &err), TC_OK);
    cr_assert_eq(accept(fd, NULL, NULL), -1);
    close(fd);
}

Test(listen, second_instance_is_refused)
{
    /* Goal: a port that is listened on, be it by a group with SO_REUSEPORT, is refused with its
     * address and a way out; nothing stays open; the first goes on. */
    struct tc_addr addr = addr_of("127.0.0.1:0");
    struct tc_err err;
    int fds[LISTENERS], more[LISTENERS];
    char text[TC_ADDR_TEXT_BYTES];
    cr_assert_eq(tc_listen_open(&addr, LISTENERS, 0, fds, &err), TC_OK);
    tc_addr_text(&addr, text);
    int open_cnt = tc_os_fd_cnt();
    struct tc_addr same = addr;
    cr_assert_eq(tc_listen_open(&same, LISTENERS, 0, more, &err), -TC_EIO);
    cr_assert(strstr(err.text, text) && strstr(err.text, "in use"), "%s", err.text);
    cr_assert_eq(tc_os_fd_cnt(), open_cnt);
    struct tc_addr any = addr_of("*:0");
    ((struct sockaddr_in *)&any.sa)->sin_port = htons(tc_addr_port(&addr));
    cr_assert_eq(tc_listen_open(&any, 1, 0, more, &err), -TC_EIO, "all addresses hold it too");
    cr_assert_eq(tc_os_fd_cnt(), open_cnt);
    close(dial(&addr));
    for (size_t i = 0; i < LISTENERS; i++)
        close(fds[i]);
}

Test(listen, restart_does_not_wait, .timeout = 30)
{
    /* Goal: connections that we closed first keep the port in TIME_WAIT; the next start gets it
     * all the same. */
    struct tc_addr addr = addr_of("127.0.0.1:0");
    struct tc_err err;
    char byte;
    int fd;
    size_t who;
    cr_assert_eq(tc_listen_open(&addr, 1, 0, &fd, &err), TC_OK);
    int client = dial(&addr);
    int conn = take(&fd, 1, &who);
    close(conn);
    cr_assert_eq(read(client, &byte, 1), 0);
    close(client);
    close(fd);
    cr_assert_eq(tc_listen_open(&addr, 1, 0, &fd, &err), TC_OK, "%s", err.text);
    close(fd);
}

Test(listen, addresses_of_others)
{
    /* Goal: an address that this machine has not (one of documentation, RFC 5737) is told so. */
    struct tc_addr addr = addr_of("192.0.2.1:0");
    struct tc_err err;
    int open_cnt = tc_os_fd_cnt();
    int fd;
    cr_assert_eq(tc_listen_open(&addr, 1, 0, &fd, &err), -TC_EIO);
    cr_assert(strstr(err.text, "192.0.2.1:0") && strstr(err.text, "no such address"), "%s",
              err.text);
    cr_assert_eq(tc_os_fd_cnt(), open_cnt);
}

Test(listen, ipv6)
{
    /* Goal: [::] takes clients of both families; [::1] is loopback. Passed over where the machine
     * has no IPv6. */
    struct tc_addr addr = addr_of("[::1]:0");
    struct tc_addr all = addr_of("[::]:0");
    struct tc_addr v4 = addr_of("127.0.0.1:0");
    struct tc_err err;
    int fds[2];
    size_t who;
    if (tc_listen_open(&addr, 2, 0, fds, &err) < 0) {
        cr_log_warn("skipped: %s", err.text);
        return;
    }
    cr_assert(tc_addr_is_loopback(&addr));
    int client = dial(&addr);
    int conn = take(fds, 2, &who);
    cr_assert_geq(conn, 0);
    close(client);
    close(conn);
    close(fds[0]);
    close(fds[1]);
    cr_assert_eq(tc_listen_open(&all, 1, 0, fds, &err), TC_OK, "%s", err.text);
    ((struct sockaddr_in *)&v4.sa)->sin_port = htons(tc_addr_port(&all));
    client = dial(&v4);
    conn = take(fds, 1, &who);
    cr_assert_geq(conn, 0);
    close(client);
    close(conn);
    close(fds[0]);
}
