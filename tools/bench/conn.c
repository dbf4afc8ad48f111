// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem/mem.h"
#include "tools/bench/load.h"

/* Of the 28,000 ports between two addresses a system gives the even ones first, and for each that
 * comes behind them looks at all of those again. */
enum { ADDRESS_CONNS = 14000, WRITE_WAIT_MS = 10000, HANDSHAKE_S = 20, TURN_READS = 4 };

/* ---- bytes out ---- */

/* As write(); a TLS connection that has no room gives EAGAIN too. */
static ssize_t give(struct tc_load_conn *c, const char *bytes, size_t len)
{
    if (c->ssl == NULL)
        return send(c->fd, bytes, len, MSG_NOSIGNAL);
    int n = SSL_write(c->ssl, bytes, (int)len);
    if (n > 0)
        return n;
    errno = SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

void tc_load_write(struct tc_load *load, struct tc_load_conn *c, const void *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = give(c, (const char *)bytes + done, len - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        struct pollfd p = { .fd = c->fd, .events = POLLOUT };
        if (errno == EINTR || (errno == EAGAIN && poll(&p, 1, WRITE_WAIT_MS) == 1))
            continue;
        tc_load_fail(load, "cannot send to %s: %s", tc_load_host(load), strerror(errno));
    }
}

/* ---- bytes in ---- */

static ssize_t take(struct tc_load_conn *c, char *to, size_t cap)
{
    if (c->ssl == NULL)
        return read(c->fd, to, cap);
    int n = SSL_read(c->ssl, to, (int)cap);
    if (n > 0)
        return n;
    int why = SSL_get_error(c->ssl, n);
    if (why == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = why == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
    return -1;
}

static void carry(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    c->carry_len = (uint32_t)len;
    if (len == 0 && c->carry != NULL) {
        c->carry->next = load->free;
        load->free = c->carry;
        c->carry = NULL;
    }
    if (len == 0)
        return;
    if (len > TC_LOAD_CARRY_BYTES)
        tc_load_fail(load, "the server sent a frame of more than %d bytes", TC_LOAD_CARRY_BYTES);
    if (c->carry == NULL && load->free != NULL) {
        c->carry = load->free;
        load->free = c->carry->next;
    } else if (c->carry == NULL) {
        c->carry = tc_alloc(sizeof(*c->carry));
    }
    memcpy(c->carry->bytes, bytes, len);
}

static void on_end(struct tc_load *load, ssize_t n)
{
    tc_load_fail(load, "%s ended a connection%s%s (%u of %u were ready)", tc_load_host(load),
                 n < 0 ? ": " : "", n < 0 ? strerror(errno) : "", load->ready_cnt, load->conn_cnt);
}

/* True: there may be more. */
static bool read_once(struct tc_load *load, struct tc_load_conn *c)
{
    /* an unfinished frame goes before the new bytes */
    if (c->carry_len > 0)
        memcpy(load->buffer, c->carry->bytes, c->carry_len);
    ssize_t n = take(c, load->buffer + c->carry_len, TC_LOAD_READ_BYTES);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        on_end(load, n);
    size_t len = c->carry_len + (size_t)n;
    if (c->is_measured) {
        load->counts.reads++;
        load->counts.bytes += (uint64_t)n;
    }
    load->now_ns = c->is_timed ? tc_load_clock(CLOCK_MONOTONIC) : 0;
    size_t used = load->dialect->path != NULL ? tc_load_ws_on_bytes(load, c, load->buffer, len)
                                              : load->dialect->on_bytes(load, c, load->buffer, len);
    carry(load, c, load->buffer + used, len - used);
    /* a read that was not filled has emptied it: the next byte is a new edge */
    return (size_t)n == TC_LOAD_READ_BYTES || c->ssl != NULL;
}

bool tc_load_conn_read(struct tc_load *load, struct tc_load_conn *c)
{
    /* a server that fills as fast as this empties must not keep the others waiting */
    for (uint32_t i = 0; i < TURN_READS; i++)
        if (!read_once(load, c))
            return false;
    return true;
}

void tc_load_conn_stall(struct tc_load *load, struct tc_load_conn *c)
{
    epoll_ctl(load->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
}

/* ---- connecting ---- */

/* Loopback has many addresses, and each gives ports of its own. */
static void bind_source(struct tc_load *load, const struct tc_load_conn *c)
{
    const struct tc_load_conf *conf = load->conf;
    const struct sockaddr_in *to = (const struct sockaddr_in *)&tc_load_target(load)->to;
    bool is_loopback = to->sin_family == AF_INET && ntohl(to->sin_addr.s_addr) >> 24 == 127;
    if (!is_loopback || !(conf->is_spread || conf->proc_cnt > 1 || conf->conn_cnt > ADDRESS_CONNS))
        return;
    uint32_t each =
        (uint32_t)((conf->conn_cnt / conf->proc_cnt + 1 + load->churn_cnt) / ADDRESS_CONNS + 1);
    uint32_t host = load->proc_idx * each + tc_load_idx(load, c) / ADDRESS_CONNS;
    struct sockaddr_in from = { .sin_family = AF_INET };
    int one = 1;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        tc_load_fail(load, "cannot connect from 127.0.0.%u: %s", host + 1, strerror(errno));
}

static void start_tls(struct tc_load *load, struct tc_load_conn *c)
{
    c->ssl = SSL_new(load->tls);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
        tc_load_fail(load, "no TLS with %s", tc_load_host(load));
}

void tc_load_conn_start(struct tc_load *load, uint32_t idx)
{
    const struct tc_load_target *target = tc_load_target(load);
    struct tc_load_conn *c = &load->conns[idx];
    int one = 1;
    c->fd = socket(target->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        tc_load_fail(load, "no socket for connection %u: %s", load->conn_first + idx,
                     strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    const struct timeval limit = { .tv_sec = HANDSHAKE_S };
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    bind_source(load, c);
    if (connect(c->fd, (const struct sockaddr *)&target->to, target->to_len) != 0)
        tc_load_fail(load, "cannot connect to %s: %s (%s%u connections stand)", target->host,
                     strerror(errno), load->started_cnt == 0 ? "is a server running there? " : "",
                     load->started_cnt);
    if (load->tls != NULL)
        start_tls(load, c);
    c->state = TC_LOAD_UPGRADING;
    if (load->dialect->path != NULL)
        tc_load_ws_hello(load, c);
    else
        load->dialect->hello(load, c);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u32 = idx };
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        tc_load_fail(load, "epoll: %s", strerror(errno));
}
