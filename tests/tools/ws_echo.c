// SPDX-License-Identifier: Apache-2.0
/* ws-echo: sends every WebSocket message back, so that any suite for RFC 6455 can judge our framing
 * (proto/http1, proto/ws) without the engine around it.
 *
 *   ws-echo PORT       127.0.0.1 only; 0: the kernel chooses. Any path is a WebSocket.
 *
 * Text and binary up to 16 MiB in any number of fragments. It prints one line when it listens and
 * ends with 0 on SIGTERM or SIGINT. One thread; a connection that does not read its echoes is not
 * read from, beyond what its buffer takes. Not for: load, other machines. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/mem/mem.h"
#include "io/net/listen.h"
#include "io/os/os.h"
#include "proto/ws/frame.h"
#include "proto/ws/handshake.h"
#include "tests/lib/base.h"

enum {
    CONNS_MAX = 32, /* more wait in the kernel's backlog */
    MESSAGE_MAX = 16 << 20,
    FRAGMENTS_MAX = MESSAGE_MAX, /* a fragment a byte */
    READ_BYTES = 64 * 1024,
    READS_MAX = 16, /* per event, so that no connection holds the others up */
    /* input rests above this: one more echo still fits then */
    OUT_STOP = MESSAGE_MAX,
    OUT_MAX = OUT_STOP + MESSAGE_MAX + 4096,
    LINGER_MS = 5000, /* for the peer to close after us */
};
_Static_assert(OUT_MAX - OUT_STOP >= MESSAGE_MAX + TC_WS_HEADER_MAX, "one more echo fits");
_Static_assert(OUT_MAX - OUT_STOP >= TC_HTTP1_ANSWER_MAX + TC_WS_CONTROL_FRAME_MAX, "or an answer");

/* LINGERING: the last word is said; input is thrown away until the peer closes, since closing with
 * unread input would make the kernel tell it to forget that word. */
enum state { FREE, HEAD, OPEN, LINGERING };

struct conn {
    enum state state;
    int fd;
    uint32_t events; /* what epoll knows */
    bool is_shut;
    bool is_held;        /* out is full: input rests */
    int64_t deadline_ns; /* LINGERING */
    struct tc_http1 http;
    struct tc_ws_in ws;
    uint8_t *out;
    size_t out_off; /* [out_off, out_len) is not sent yet */
    size_t out_len;
    size_t in_off; /* [in_off, in_len) is not fed yet */
    size_t in_len;
    uint8_t in[READ_BYTES];
};

static struct {
    struct tc_mem mem;
    struct conn *conns;
    int epoll;
    int listener;
    int signals;
    bool is_full; /* the listener is not watched */
} echo;

static const char usage[] =
    "usage: ws-echo PORT\n"
    "\n"
    "Sends WebSocket messages back (text and binary up to 16 MiB, any path) on 127.0.0.1.\n"
    "PORT 0: the kernel chooses; the line on stdout names it.\n";

/* ---- watching ---- */

static void watch(int fd, uint32_t events, uint64_t tag, int op)
{
    struct epoll_event event = { .events = events, .data.u64 = tag };
    if (epoll_ctl(echo.epoll, op, fd, &event) != 0)
        tc_tb_die("epoll_ctl: %s", strerrordesc_np(errno));
}

enum { TAG_LISTENER = CONNS_MAX, TAG_SIGNALS };

static void watch_listener(bool is_full)
{
    if (is_full == echo.is_full)
        return;
    echo.is_full = is_full;
    watch(echo.listener, is_full ? 0 : EPOLLIN, TAG_LISTENER, EPOLL_CTL_MOD);
}

static size_t unsent(const struct conn *c)
{
    return c->out_len - c->out_off;
}

static void watch_conn(struct conn *c)
{
    uint32_t events = (c->is_held ? 0u : EPOLLIN) | (unsent(c) > 0 ? EPOLLOUT : 0u);
    if (c->state == FREE || events == c->events)
        return;
    c->events = events;
    watch(c->fd, events, (uint64_t)(c - echo.conns), EPOLL_CTL_MOD);
}

/* ---- connections ---- */

static void conn_open(struct conn *c, int fd)
{
    c->state = HEAD;
    c->fd = fd;
    c->events = EPOLLIN;
    c->is_shut = c->is_held = false;
    c->out_off = c->out_len = 0;
    c->in_off = c->in_len = 0;
    tc_http1_init(&c->http);
    watch(fd, c->events, (uint64_t)(c - echo.conns), EPOLL_CTL_ADD);
}

static void conn_end(struct conn *c)
{
    tc_os_close(c->fd);
    c->fd = -1;
    c->state = FREE;
    if (!tc_ws_in_is_idle(&c->ws))
        tc_ws_in_reset(&c->ws);
    watch_listener(false);
}

/* Room for len bytes at the end of out. */
static uint8_t *out_room(struct conn *c, size_t len)
{
    if (OUT_MAX - c->out_len < len) {
        memmove(c->out, c->out + c->out_off, unsent(c));
        c->out_len -= c->out_off;
        c->out_off = 0;
    }
    TC_ASSERT(OUT_MAX - c->out_len >= len);
    return c->out + c->out_len;
}

/* Sends what the socket takes; half-closes after the last word. */
static void conn_send(struct conn *c)
{
    while (unsent(c) > 0) {
        ssize_t n = send(c->fd, c->out + c->out_off, unsent(c), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            conn_end(c);
            return;
        }
        c->out_off += (size_t)n;
    }
    c->out_off = c->out_len = 0;
    if (c->state == LINGERING && !c->is_shut) {
        c->is_shut = true;
        (void)shutdown(c->fd, SHUT_WR);
    }
}

static void conn_linger(struct conn *c)
{
    c->state = LINGERING;
    c->is_held = false;
    c->in_off = c->in_len;
    c->deadline_ns = tc_os_mono_ns() + LINGER_MS * 1000000ll;
}

static void conn_close(struct conn *c, uint16_t code, const char *reason)
{
    uint8_t *out = out_room(c, TC_WS_CONTROL_FRAME_MAX);
    c->out_len += tc_ws_close_frame(out, code, reason);
    conn_linger(c);
}

static void on_item(struct conn *c, const struct tc_ws_msg *msg)
{
    uint8_t *out = out_room(c, TC_WS_HEADER_MAX + msg->len);
    size_t head = 0;
    switch (msg->opcode) {
    case TC_WS_TEXT:
    case TC_WS_BINARY:
        head = tc_ws_header(out, msg->opcode, msg->len);
        if (msg->len > 0)
            memcpy(out + head, msg->bytes, msg->len);
        c->out_len += head + msg->len;
        break;
    case TC_WS_PING:
        c->out_len += tc_ws_control(out, TC_WS_PONG, msg->bytes, msg->len);
        break;
    case TC_WS_CLOSE:
        conn_close(c, msg->close_code, NULL);
        break;
    case TC_WS_PONG:
    case TC_WS_CONTINUATION:
        break;
    }
}

/* The head is complete or refused. */
static void answer(struct conn *c, int rc)
{
    struct tc_http1_answer base = { 0 };
    const char *detail = c->http.detail;
    int status = rc < 0 ? c->http.status : tc_ws_handshake_check(&c->http, &detail);
    if (status == 101) {
        uint8_t *out = out_room(c, TC_WS_HANDSHAKE_MAX);
        c->out_len += tc_ws_handshake_answer(&c->http, (char *)out);
        c->state = OPEN;
        return;
    }
    base.allow = status == 405 ? "GET" : NULL;
    base.extra = status == 426 ? TC_WS_UPGRADE_LINES : NULL;
    char *out = (char *)out_room(c, TC_HTTP1_ANSWER_MAX);
    size_t len =
        tc_http1_problem(out, TC_HTTP1_ANSWER_MAX, status, "bad-request", detail, &base, false);
    TC_ASSERT(len > 0);
    c->out_len += len;
    conn_linger(c);
}

/* Feeds what was read, and what wslay holds, as long as echoes have room. */
static void conn_feed(struct conn *c)
{
    size_t used = 0;
    if (c->state == HEAD) {
        int rc = tc_http1_feed(&c->http, c->in + c->in_off, c->in_len - c->in_off, &used);
        c->in_off += used;
        if (rc != 0)
            answer(c, rc);
    }
    while (c->state == OPEN && unsent(c) <= OUT_STOP) {
        struct tc_ws_msg msg;
        int rc = tc_ws_in_feed(&c->ws, c->in + c->in_off, c->in_len - c->in_off, &used, &msg);
        c->in_off += used;
        if (rc == 0)
            break;
        if (rc > 0)
            on_item(c, &msg);
        else
            conn_close(c, (uint16_t)c->ws.close_code, c->ws.detail);
    }
    c->is_held = c->state == OPEN && unsent(c) > OUT_STOP;
}

/* Until all input is echoed or the socket takes no more: what is held now has no event but
 * EPOLLOUT. */
static void conn_pump(struct conn *c)
{
    do {
        conn_feed(c);
        conn_send(c);
    } while (c->state == OPEN && c->is_held && unsent(c) <= OUT_STOP);
}

/* False: nothing more for now. */
static bool conn_recv(struct conn *c)
{
    ssize_t n = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        conn_end(c);
        return false;
    }
    c->in_len = (size_t)n;
    c->in_off = c->state == LINGERING ? c->in_len : 0;
    return true;
}

static void conn_work(struct conn *c)
{
    conn_pump(c);
    for (int i = 0; i < READS_MAX && c->state != FREE && !c->is_held && conn_recv(c); i++)
        conn_pump(c);
    watch_conn(c);
}

/* ---- the loop ---- */

static void accept_some(void)
{
    for (uint32_t i = 0; i < CONNS_MAX; i++) {
        struct conn *c = &echo.conns[i];
        if (c->state != FREE)
            continue;
        int fd = accept4(echo.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            tc_tb_die("accept: %s", strerrordesc_np(errno));
        if (fd < 0)
            return;
        conn_open(c, fd);
    }
    watch_listener(true);
}

/* Ends those whose peer did not close in time; ms until the next is due, -1: none. */
static int end_late(void)
{
    int64_t now_ns = tc_os_mono_ns();
    int64_t next_ns = INT64_MAX;
    for (uint32_t i = 0; i < CONNS_MAX; i++) {
        struct conn *c = &echo.conns[i];
        if (c->state == LINGERING && c->deadline_ns <= now_ns)
            conn_end(c);
        if (c->state == LINGERING)
            next_ns = TC_MIN(next_ns, c->deadline_ns);
    }
    return next_ns == INT64_MAX ? -1 : (int)((next_ns - now_ns) / 1000000 + 1);
}

static void run(void)
{
    struct epoll_event events[CONNS_MAX + 2];
    for (;;) {
        int cnt = epoll_wait(echo.epoll, events, CONNS_MAX + 2, end_late());
        if (cnt < 0 && errno != EINTR)
            tc_tb_die("epoll_wait: %s", strerrordesc_np(errno));
        bool is_asked = false;
        for (int i = 0; i < cnt; i++) {
            uint64_t tag = events[i].data.u64;
            if (tag == TAG_SIGNALS)
                return;
            if (tag == TAG_LISTENER)
                is_asked = true;
            else
                conn_work(&echo.conns[tag]);
        }
        if (is_asked) /* last: a slot that just became free has no event of its old connection */
            accept_some();
    }
}

/* ---- start ---- */

static void make_conns(void)
{
    struct tc_err err;
    uint8_t *messages = tc_mem_take(&echo.mem, "messages", MESSAGE_MAX, CONNS_MAX, &err);
    uint8_t *outs = tc_mem_take(&echo.mem, "echoes", OUT_MAX, CONNS_MAX, &err);
    echo.conns = tc_mem_take(&echo.mem, "connections", sizeof(struct conn), CONNS_MAX, &err);
    if (!messages || !outs || !echo.conns)
        tc_tb_die("%s", err.text);
    for (size_t i = 0; i < CONNS_MAX; i++) {
        struct conn *c = &echo.conns[i];
        struct tc_ws_in_conf conf = { .message_max = MESSAGE_MAX,
                                      .fragment_max = FRAGMENTS_MAX,
                                      .buffer = messages + i * MESSAGE_MAX };
        c->fd = -1;
        c->out = outs + i * OUT_MAX;
        if (tc_ws_in_init(&c->ws, &conf) < 0)
            tc_tb_die("no memory for wslay");
    }
}

static void start(const char *port)
{
    struct tc_err err;
    struct tc_addr addr;
    char text[TC_ADDR_TEXT_BYTES];
    sigset_t set;
    snprintf(text, sizeof(text), "127.0.0.1:%d", (int)tc_tb_number("PORT", port, 0, 65535));
    tc_mem_init(&echo.mem, 0);
    if (tc_addr_parse(&addr, tc_str_from(text), &err) < 0 ||
        tc_listen_open(&addr, 1, 0, &echo.listener, &err) < 0)
        tc_tb_die("%s", err.text);
    make_conns();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    echo.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    echo.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (echo.signals < 0 || echo.epoll < 0)
        tc_tb_die("no descriptor: %s", strerrordesc_np(errno));
    watch(echo.signals, EPOLLIN, TAG_SIGNALS, EPOLL_CTL_ADD);
    watch(echo.listener, EPOLLIN, TAG_LISTENER, EPOLL_CTL_ADD);
    tc_addr_text(&addr, text);
    printf("listening on %s\n", text);
    fflush(stdout);
}

static void stop(void)
{
    for (uint32_t i = 0; i < CONNS_MAX; i++) {
        tc_os_close(echo.conns[i].fd);
        tc_ws_in_fini(&echo.conns[i].ws);
    }
    tc_os_close(echo.listener);
    tc_os_close(echo.signals);
    tc_os_close(echo.epoll);
    tc_mem_fini(&echo.mem);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc != 2) {
        fputs(usage, stderr);
        return 2;
    }
    start(argv[1]);
    run();
    stop();
    return 0;
}
