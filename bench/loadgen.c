// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen: subscribers that measure the server they listen to.
 *
 *   loadgen --connect HOST:PORT --conns N [--rooms R] [--room NAME%u] [--no-confirm] [--pid PID]
 *           [--warm-ms 1000] [--window-ms 3000] [--windows 1] [--idle] [--spread] [--tls]
 *           [--grpc [--streams S]]
 *
 * Edge-triggered epoll, one thread. Connection i follows room i % R. Every frame is parsed and its
 * place in the chain of its room checked (prev <= last < pos). A window begins and ends between two
 * bursts, when all connections of a room have seen the same last position and nothing moves: so the
 * server's CPU (all its threads, by its CPU clock) and the deliveries belong together, and equal
 * positions prove that every delivery arrived. One line of JSON per window on stdout.
 *
 * --grpc: a call of Subscribe on an HTTP/2 connection each; windows are so large that none has to
 * be opened again. --streams, with --idle only: so many calls on each, 0 for connections without
 * any.
 * --tls: by OpenSSL, without a check of the certificate.
 *
 * --idle: connect (--spread: from 127.0.0.1, .2, … by 10,000), print {"ready":N}, wait for the end
 * of stdin. Latency is taken from "t_ns" in the payload (intended time, monotonic clock) on every
 * 16th connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/loadgen.h"
#include "core/mem/mem.h"

static struct loadgen g = { .rooms = 1, .windows = 1, .warm_ms = 1000, .window_ms = 3000 };

static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char accept_key[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; /* RFC 6455, 1.3 */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec ts = { 0, 0 };
    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void loadgen_fail(const char *what)
{
    fprintf(stderr, "loadgen: %s (%s)\n", what, strerror(errno));
    exit(4);
}

/* ---- input ---- */

/* As read(); a TLS connection that has nothing more gives EAGAIN too. */
static ssize_t take(struct loadgen_conn *c, char *to, size_t cap)
{
    if (c->ssl == NULL)
        return read(c->fd, to, cap);
    int n = SSL_read(c->ssl, to, (int)cap);
    if (n > 0)
        return n;
    errno = SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
    return -1;
}

void loadgen_write(struct loadgen_conn *c, const void *bytes, size_t len)
{
    ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)len) : write(c->fd, bytes, len);
    if (n != (ssize_t)len)
        loadgen_fail("write");
}

static void read_conn(struct loadgen_conn *c)
{
    for (;;) {
        /* An unfinished frame goes before the new bytes. */
        memcpy(g.buffer, c->carry, c->carry_len);
        size_t want = LOADGEN_READ_BYTES;
        ssize_t n = take(c, g.buffer + c->carry_len, want);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            loadgen_fail("the server closed a connection");
        size_t len = c->carry_len + (size_t)n;
        size_t used = 0;
        g.read_cnt++;
        g.byte_cnt += (uint64_t)n;
        int64_t now = c->is_timed ? clock_ns(CLOCK_MONOTONIC) : 0;
        if (g.is_grpc) {
            used = loadgen_grpc_on_frames(&g, c, g.buffer, len, now);
        } else if (c->state == LOADGEN_UPGRADING) {
            used = loadgen_on_head(&g, c, g.buffer, len, accept_key);
        }
        if (!g.is_grpc && c->state == LOADGEN_OPEN) {
            used += loadgen_on_frames(&g, c, g.buffer + used, len - used, now);
        }
        c->carry_len = (uint32_t)(len - used);
        if (c->carry_len > LOADGEN_CARRY_BYTES)
            loadgen_fail("a frame larger than expected");
        memcpy(c->carry, g.buffer + used, c->carry_len);
        if ((size_t)n < want && c->ssl == NULL)
            return; /* empty: the next byte is a new edge */
    }
}

static uint32_t turn(int timeout_ms)
{
    static struct epoll_event events[512];
    int n = epoll_wait(g.epoll_fd, events, 512, timeout_ms);
    for (int i = 0; i < n; i++)
        read_conn(&g.conns[events[i].data.u32]);
    return n > 0 ? (uint32_t)n : 0;
}

/* ---- connecting ---- */

static void connect_one(uint32_t idx)
{
    struct loadgen_conn *c = &g.conns[idx];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        loadgen_fail("socket");
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (g.is_spread) {
        struct sockaddr_in from = { .sin_family = AF_INET };
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + idx / 10000);
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
        if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
            loadgen_fail("bind");
    }
    if (connect(c->fd, (struct sockaddr *)&g.to, sizeof(g.to)) != 0)
        loadgen_fail("connect");
    if (g.tls != NULL) {
        c->ssl = SSL_new(g.tls);
        if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
            loadgen_fail("no TLS");
    }
    if (g.is_grpc) {
        loadgen_grpc_hello(c);
    } else {
        char text[512];
        loadgen_write(c, text, (size_t)snprintf(text, sizeof(text), upgrade, g.host));
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->state = LOADGEN_UPGRADING;
    c->room = idx % g.rooms;
    c->last_pos = -1;
    c->is_timed = idx % 16 == 0;
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u32 = idx };
    if (epoll_ctl(g.epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        loadgen_fail("epoll_ctl");
}

static void connect_all(void)
{
    int64_t limit_ns = clock_ns(CLOCK_MONOTONIC) + 60000000000ll;
    uint32_t started = 0;
    while (g.ready_cnt < g.conn_cnt) {
        /* As fast as they are taken: at most so many unanswered. */
        while (started < g.conn_cnt && started - g.open_cnt < 128)
            connect_one(started++);
        turn(10);
        if (clock_ns(CLOCK_MONOTONIC) > limit_ns)
            loadgen_fail("not every connection was upgraded and confirmed within 60 s");
    }
}

/* ---- windows ---- */

static bool is_quiet(void)
{
    if (turn(1) > 0)
        return false;
    for (uint32_t i = 0; i < g.rooms; i++)
        if (g.room_at_max[i] != g.room_conns[i])
            return false;
    return true;
}

/* Runs until `until_ns`, then on to the next quiet moment. false: there was none within 2 s. */
static bool run_until(int64_t until_ns)
{
    int64_t now;
    while ((now = clock_ns(CLOCK_MONOTONIC)) < until_ns)
        turn((int)TC_MIN((until_ns - now) / 1000000 + 1, 50));
    /* Just after a burst, so that the next one does not begin during the look at the clocks. */
    uint64_t frames = g.delivery_cnt;
    while (clock_ns(CLOCK_MONOTONIC) < until_ns + 2000000000ll)
        if (g.delivery_cnt != frames ? is_quiet() : turn(1) && false)
            return true;
    return false;
}

static struct loadgen_mark mark(void)
{
    struct loadgen_mark m = {
        .wall_ns = clock_ns(CLOCK_MONOTONIC),
        .own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
        .server_ns = g.pid > 0 ? clock_ns(g.server_clock) : 0,
        .deliveries = g.delivery_cnt,
        .reads = g.read_cnt,
        .bytes = g.byte_cnt,
    };
    for (uint32_t i = 0; i < g.rooms; i++)
        m.expected += (uint64_t)(g.room_max[i] + 1) * g.room_conns[i];
    return m;
}

static void window(bool is_aligned)
{
    struct loadgen_mark a = mark();
    tc_hist_clear(&g.latency);
    is_aligned = run_until(a.wall_ns + g.window_ms * 1000000ll) && is_aligned;
    struct loadgen_mark b = mark();
    double wall = (double)(b.wall_ns - a.wall_ns) / 1e9;
    double deliveries = (double)(b.deliveries - a.deliveries);
    double server = (double)(b.server_ns - a.server_ns);
    double busy = (double)(b.own_ns - a.own_ns) / 1e9 / wall;
    /* Positions of synthetic rooms have no holes: as many as positions went by, per connection. */
    bool is_complete = b.deliveries - a.deliveries == b.expected - a.expected;
    bool is_valid = is_aligned && is_complete && busy < 0.9 && g.broken_cnt == 0 &&
                    g.bad_cnt == 0 && deliveries > 0;
    printf(
        "{\"valid\":%s,\"aligned\":%s,\"complete\":%s,\"broken\":%llu,\"unexpected\":%llu,"
        "\"wall_s\":%.3f,\"deliveries\":%.0f,\"per_s\":%.0f,\"bytes_per_delivery\":%.1f,"
        "\"per_read\":%.2f,\"busy\":%.3f,\"server_cpu_s\":%.4f,\"ns_per_delivery\":%.1f,"
        "\"latency_us\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"count\":%llu}}\n",
        is_valid ? "true" : "false", is_aligned ? "true" : "false", is_complete ? "true" : "false",
        (unsigned long long)g.broken_cnt, (unsigned long long)g.bad_cnt, wall, deliveries,
        deliveries / wall, deliveries > 0 ? (double)(b.bytes - a.bytes) / deliveries : 0.0,
        b.reads > a.reads ? deliveries / (double)(b.reads - a.reads) : 0.0, busy, server / 1e9,
        deliveries > 0 ? server / deliveries : 0.0, (double)tc_hist_at(&g.latency, 0.5) / 1e3,
        (double)tc_hist_at(&g.latency, 0.99) / 1e3, (double)tc_hist_at(&g.latency, 0.999) / 1e3,
        (double)g.latency.max / 1e3, (unsigned long long)g.latency.cnt);
    fflush(stdout);
}

/* ---- arguments ---- */

/* g.to from g.host. */
static void set_address(void)
{
    char address[64] = "";
    const char *colon = g.host != NULL ? strrchr(g.host, ':') : NULL;
    if (colon != NULL)
        snprintf(address, sizeof(address), "%.*s", (int)(colon - g.host), g.host);
    g.to.sin_family = AF_INET;
    if (colon == NULL || g.conn_cnt == 0 || inet_pton(AF_INET, address, &g.to.sin_addr) != 1) {
        fprintf(stderr, "usage: loadgen --connect A.B.C.D:PORT --conns N (see the file's head)\n");
        exit(2);
    }
    g.to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        { "connect", 1, 0, 'c' },    { "conns", 1, 0, 'n' },   { "rooms", 1, 0, 'r' },
        { "room", 1, 0, 'R' },       { "pid", 1, 0, 'p' },     { "warm-ms", 1, 0, 'w' },
        { "window-ms", 1, 0, 'm' },  { "windows", 1, 0, 'W' }, { "idle", 0, 0, 'i' },
        { "no-confirm", 0, 0, 'S' }, { "spread", 0, 0, 's' },  { "grpc", 0, 0, 'g' },
        { "streams", 1, 0, 't' },    { "tls", 0, 0, 'T' },     { 0, 0, 0, 0 },
    };
    int o;
    g.room_prefix = "ticker-S";
    g.is_confirmed = true;
    g.streams = 1;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint32_t number = optarg != NULL ? (uint32_t)strtoul(optarg, NULL, 10) : 0;
        switch (o) {
        case 'c':
            g.host = optarg;
            break;
        case 'n':
            g.conn_cnt = number;
            break;
        case 'r':
            g.rooms = TC_MAX(number, 1u);
            break;
        case 'R':
            g.room_prefix = optarg;
            break;
        case 'p':
            g.pid = (pid_t)number;
            break;
        case 'w':
            g.warm_ms = number;
            break;
        case 'm':
            g.window_ms = number;
            break;
        case 'W':
            g.windows = number;
            break;
        case 'i':
            g.is_idle = true;
            break;
        case 'S':
            g.is_confirmed = false;
            break;
        case 's':
            g.is_spread = true;
            break;
        case 'g':
            g.is_grpc = true;
            break;
        case 't':
            g.streams = number;
            break;
        case 'T':
            g.tls = SSL_CTX_new(TLS_client_method());
            break;
        default:
            exit(2);
        }
    }
    set_address();
    if (g.streams != 1 && !g.is_idle) {
        fprintf(stderr, "loadgen: --streams goes with --idle: chains are followed by connection\n");
        exit(2);
    }
    if (g.pid > 0 && clock_getcpuclockid(g.pid, &g.server_clock) != 0)
        loadgen_fail("no process of that id");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    g.conns = tc_alloc(g.conn_cnt * sizeof(*g.conns));
    g.buffer = tc_alloc(LOADGEN_CARRY_BYTES + LOADGEN_READ_BYTES);
    g.room_max = tc_alloc(g.rooms * sizeof(*g.room_max));
    g.room_at_max = tc_alloc(g.rooms * sizeof(*g.room_at_max));
    g.room_conns = tc_alloc(g.rooms * sizeof(*g.room_conns));
    TC_ASSERT(g.conns && g.buffer && g.room_max && g.room_at_max && g.room_conns);
    for (uint32_t i = 0; i < g.rooms; i++)
        g.room_max[i] = -1;
    for (uint32_t i = 0; i < g.conn_cnt; i++)
        g.room_conns[i % g.rooms]++;
    g.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connect_all();
    printf("{\"ready\":%u}\n", g.ready_cnt);
    fflush(stdout);
    if (g.is_idle) {
        char byte;
        while (read(STDIN_FILENO, &byte, 1) > 0)
            continue;
        return 0;
    }
    bool is_aligned = run_until(clock_ns(CLOCK_MONOTONIC) + g.warm_ms * 1000000ll);
    for (uint32_t i = 0; i < g.windows; i++)
        window(is_aligned);
    return 0;
}
