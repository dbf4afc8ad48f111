// SPDX-License-Identifier: Apache-2.0
#include "io/side/admin.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/os/os.h"
#include "proto/http1/http1.h"

/* LINGERING: our side is shut; input is thrown away until the peer has read the answer and closes,
 * since closing with unread input would make the kernel tell it to forget the answer. */
enum state { FREE, READING, WRITING, LINGERING };

enum {
    READ_BYTES = 4096,
    BACKLOG = 64,
    LINGER_MS = 1000,
    PAUSE_MS = 100, /* no accept for so long, when descriptors have run out */
};

struct conn {
    enum state state;
    int fd;
    int64_t deadline_ns;
    bool is_keep_alive;
    struct tc_http1 http;
    char in[READ_BYTES]; /* bytes read, from in_off to in_len not yet fed */
    uint32_t in_off;
    uint32_t in_len;
    char head[TC_HTTP1_ANSWER_MAX]; /* head, or a whole problem */
    char *body;
    size_t head_len;
    size_t body_len;
    size_t sent; /* of head and body together */
};

struct tc_admin {
    struct tc_admin_conf conf;
    struct tc_addr addr;
    struct tc_thread thread;
    int listener;
    int bell;
    _Atomic bool is_stopping;
    int64_t pause_ns; /* no accept before */
    struct conn *conns;
};

/* ---- the answer being made ---- */

void tc_admin_write(void *ctx, const char *bytes, size_t len)
{
    struct tc_admin_out *out = ctx;
    if (len > out->max - out->len) {
        out->is_cut = true;
        return;
    }
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

void tc_admin_printf(struct tc_admin_out *out, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof(text)) {
        out->is_cut = true;
        return;
    }
    tc_admin_write(out, text, (size_t)len);
}

/* ---- connections ---- */

static void conn_close(struct conn *conn)
{
    tc_os_close(conn->fd);
    conn->fd = -1;
    conn->state = FREE;
}

static void conn_read_next(struct conn *conn, int64_t now_ns)
{
    conn->state = READING;
    conn->deadline_ns = now_ns + (int64_t)TC_ADMIN_TIMEOUT_MS * 1000000;
    tc_http1_init(&conn->http);
}

static void conn_write_begin(struct conn *conn, int64_t now_ns)
{
    conn->state = WRITING;
    conn->sent = 0;
    conn->deadline_ns = now_ns + (int64_t)TC_ADMIN_TIMEOUT_MS * 1000000;
}

static void answer_problem(struct conn *conn, int status, const char *code, const char *detail,
                           bool is_keep_alive)
{
    struct tc_http1_answer base = { .allow = status == 405 ? "GET" : NULL,
                                    .extra = "Cache-Control: no-store\r\n",
                                    .is_keep_alive = is_keep_alive };
    bool is_head = conn->http.is_complete && conn->http.method == TC_HTTP1_HEAD;
    conn->is_keep_alive = is_keep_alive;
    conn->body_len = 0;
    conn->head_len =
        tc_http1_problem(conn->head, sizeof(conn->head), status, code, detail, &base, is_head);
    TC_ASSERT(conn->head_len > 0);
}

/* Head and body for a complete request. */
static void answer(struct tc_admin *admin, struct conn *conn)
{
    const struct tc_http1 *http = &conn->http;
    bool is_keep_alive = http->is_keep_alive;
    if (http->has_body) {
        answer_problem(conn, 413, "body-refused", "A request here has no body.", false);
        return;
    }
    if (http->method != TC_HTTP1_GET) {
        answer_problem(conn, 405, "method-not-allowed", "Only GET is answered here.",
                       is_keep_alive);
        return;
    }
    struct tc_admin_out out = { .type = "text/plain; charset=utf-8",
                                .bytes = conn->body,
                                .max = admin->conf.body_max };
    int status = admin->conf.get(admin->conf.ctx, http->path, &out);
    if (out.is_cut) {
        tc_log(admin->conf.log, TC_LOG_ERROR, "admin-answer-too-long",
               "an answer of the admin port is longer than %u bytes", admin->conf.body_max);
        answer_problem(conn, 500, "internal", "The answer is longer than its buffer.",
                       is_keep_alive);
        return;
    }
    if (status == 404 && out.len == 0) {
        answer_problem(conn, 404, "not-found", "Nothing is served at this path.", is_keep_alive);
        return;
    }
    struct tc_http1_answer head = { .status = status,
                                    .type = out.type,
                                    .extra = "Cache-Control: no-store\r\n",
                                    .body_bytes = out.len,
                                    .is_keep_alive = is_keep_alive };
    conn->head_len = tc_http1_answer(conn->head, sizeof(conn->head), &head);
    TC_ASSERT(conn->head_len > 0);
    conn->body_len = out.len;
    conn->is_keep_alive = is_keep_alive;
}

/* Feeds what was read; starts an answer when a head is complete or refused. */
static void conn_feed(struct tc_admin *admin, struct conn *conn, int64_t now_ns)
{
    size_t used = 0;
    int rc =
        tc_http1_feed(&conn->http, conn->in + conn->in_off, conn->in_len - conn->in_off, &used);
    conn->in_off += (uint32_t)used;
    if (rc == 0)
        return;
    if (rc < 0)
        answer_problem(conn, conn->http.status, "bad-request", conn->http.detail, false);
    else
        answer(admin, conn);
    conn_write_begin(conn, now_ns);
}

/* Sends what the socket takes. False: it would block. */
static bool conn_send(struct conn *conn)
{
    size_t total = conn->head_len + conn->body_len;
    while (conn->sent < total) {
        size_t skip = conn->sent;
        struct iovec parts[2];
        struct msghdr msg = { .msg_iov = parts };
        if (skip < conn->head_len)
            parts[msg.msg_iovlen++] = (struct iovec){ conn->head + skip, conn->head_len - skip };
        skip = skip > conn->head_len ? skip - conn->head_len : 0;
        if (conn->body_len > skip)
            parts[msg.msg_iovlen++] = (struct iovec){ conn->body + skip, conn->body_len - skip };
        ssize_t n = sendmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (n < 0) {
            conn_close(conn);
            return true;
        }
        conn->sent += (size_t)n;
    }
    return true;
}

static void conn_answered(struct conn *conn, int64_t now_ns)
{
    if (conn->is_keep_alive) {
        conn_read_next(conn, now_ns);
        return;
    }
    (void)shutdown(conn->fd, SHUT_WR);
    conn->state = LINGERING;
    conn->in_off = conn->in_len;
    conn->deadline_ns = now_ns + (int64_t)LINGER_MS * 1000000;
}

/* False: the socket has nothing more for now. */
static bool conn_recv(struct conn *conn)
{
    ssize_t n = recv(conn->fd, conn->in, sizeof(conn->in), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        conn_close(conn);
        return false;
    }
    conn->in_off = 0;
    conn->in_len = (uint32_t)n;
    return true;
}

/* All that the connection can do now; at most a few requests, so that none holds the others up. */
static void conn_work(struct tc_admin *admin, struct conn *conn, int64_t now_ns)
{
    for (int step = 0; step < 8 && conn->state != FREE; step++) {
        if (conn->state == WRITING) {
            if (!conn_send(conn))
                return;
            if (conn->state == WRITING)
                conn_answered(conn, now_ns);
        } else if (conn->state == LINGERING) {
            if (!conn_recv(conn))
                return;
            conn->in_off = conn->in_len;
        } else {
            if (conn->in_off == conn->in_len && !conn_recv(conn))
                return;
            conn_feed(admin, conn, now_ns);
        }
    }
}

static struct conn *conn_free(struct tc_admin *admin)
{
    for (uint32_t i = 0; i < admin->conf.conn_max; i++) {
        if (admin->conns[i].state == FREE)
            return &admin->conns[i];
    }
    return NULL;
}

static void accept_some(struct tc_admin *admin, int64_t now_ns)
{
    struct conn *conn;
    while ((conn = conn_free(admin))) {
        int fd = accept4(admin->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                admin->pause_ns = now_ns + (int64_t)PAUSE_MS * 1000000;
                tc_log(admin->conf.log, TC_LOG_WARN, "admin-accept-failed",
                       "the admin port cannot accept: %s", strerrordesc_np(errno));
            }
            return;
        }
        conn->fd = fd;
        conn->in_off = 0;
        conn->in_len = 0;
        conn_read_next(conn, now_ns);
    }
}

/* ---- the thread ---- */

struct turn {
    struct pollfd fds[TC_ADMIN_CONNS_MAX + 2];
    struct conn *conns[TC_ADMIN_CONNS_MAX + 2];
    nfds_t cnt;
    int64_t wake_ns;
};

/* What to wait for; connections whose time is up are closed. */
static void turn_begin(struct tc_admin *admin, struct turn *turn, int64_t now_ns)
{
    turn->wake_ns = INT64_MAX;
    turn->fds[0] = (struct pollfd){ .fd = admin->bell, .events = POLLIN };
    turn->cnt = 2;
    for (uint32_t i = 0; i < admin->conf.conn_max; i++) {
        struct conn *conn = &admin->conns[i];
        if (conn->state != FREE && conn->deadline_ns <= now_ns)
            conn_close(conn);
        if (conn->state == FREE)
            continue;
        short events = conn->state == WRITING ? POLLOUT : POLLIN;
        turn->fds[turn->cnt] = (struct pollfd){ .fd = conn->fd, .events = events };
        turn->conns[turn->cnt++] = conn;
        turn->wake_ns = TC_MIN(turn->wake_ns, conn->deadline_ns);
        if (conn->state == READING && conn->in_off < conn->in_len)
            turn->wake_ns = now_ns; /* requests that were read already */
    }
    bool can_accept = conn_free(admin) && admin->pause_ns <= now_ns;
    turn->fds[1] = (struct pollfd){ .fd = can_accept ? admin->listener : -1, .events = POLLIN };
    if (admin->pause_ns > now_ns)
        turn->wake_ns = TC_MIN(turn->wake_ns, admin->pause_ns);
}

static void run(void *arg)
{
    struct tc_admin *admin = arg;
    struct turn turn;
    while (!atomic_load_explicit(&admin->is_stopping, memory_order_acquire)) {
        int64_t now_ns = tc_os_mono_ns();
        turn_begin(admin, &turn, now_ns);
        int wait_ms = -1;
        if (turn.wake_ns != INT64_MAX)
            wait_ms = (int)TC_MAX((turn.wake_ns - now_ns + 999999) / 1000000, 0);
        if (poll(turn.fds, turn.cnt, wait_ms) < 0 && errno != EINTR) {
            tc_log(admin->conf.log, TC_LOG_ERROR, "admin-stopped", "poll: %s",
                   strerrordesc_np(errno));
            return;
        }
        now_ns = tc_os_mono_ns();
        for (nfds_t i = 2; i < turn.cnt; i++) {
            struct conn *conn = turn.conns[i];
            bool has_input = conn->state == READING && conn->in_off < conn->in_len;
            if (turn.fds[i].revents || has_input)
                conn_work(admin, conn, now_ns);
        }
        if (turn.fds[1].revents)
            accept_some(admin, now_ns);
    }
}

/* ---- start and stop ---- */

static int listen_on(struct tc_admin *admin, struct tc_err *err)
{
    const struct tc_addr *addr = &admin->conf.listen;
    char text[TC_ADDR_TEXT_BYTES];
    int one = 1;
    tc_addr_text(addr, text);
    int fd = socket(addr->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tc_err_set(err, -TC_EIO, "no socket for the admin port: %s", strerrordesc_np(errno));
    /* a port in TIME_WAIT may be taken again; one that is listened on may not */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&addr->sa, addr->len) < 0 || listen(fd, BACKLOG) < 0) {
        int cause = errno;
        tc_os_close(fd);
        if (cause == EADDRINUSE)
            return tc_err_set(err, -TC_EIO,
                              "the admin address %s is in use, perhaps by another tickcast: stop "
                              "that one or change admin.listen",
                              text);
        return tc_err_set(err, -TC_EIO,
                          "cannot listen on the admin address %s: %s; change "
                          "admin.listen",
                          text, strerrordesc_np(cause));
    }
    admin->listener = fd;
    return tc_addr_of_fd(&admin->addr, fd);
}

struct tc_admin *tc_admin_init(const struct tc_admin_conf *conf, struct tc_err *err)
{
    TC_ASSERT(conf->conn_max >= 1 && conf->conn_max <= TC_ADMIN_CONNS_MAX && conf->get);
    struct tc_admin *admin = tc_mem_take(conf->mem, "admin", sizeof(*admin), 1, err);
    if (!admin)
        return NULL;
    admin->conf = *conf;
    admin->listener = -1;
    admin->bell = -1;
    admin->conns =
        tc_mem_take(conf->mem, "admin connections", sizeof(struct conn), conf->conn_max, err);
    char *bodies = tc_mem_take(conf->mem, "admin connections", conf->body_max, conf->conn_max, err);
    if (!admin->conns || !bodies)
        return NULL;
    for (uint32_t i = 0; i < conf->conn_max; i++) {
        admin->conns[i].fd = -1;
        admin->conns[i].body = bodies + (size_t)i * conf->body_max;
    }
    admin->bell = tc_os_bell_open(err);
    if (admin->bell < 0)
        return NULL;
    if (listen_on(admin, err) < 0) {
        tc_os_close(admin->bell);
        return NULL;
    }
    return admin;
}

const struct tc_addr *tc_admin_addr(const struct tc_admin *admin)
{
    return &admin->addr;
}

int tc_admin_start(struct tc_admin *admin, struct tc_err *err)
{
    return tc_thread_start(&admin->thread, "tc-admin", -1, run, admin, err);
}

void tc_admin_stop(struct tc_admin *admin)
{
    atomic_store_explicit(&admin->is_stopping, true, memory_order_release);
    tc_os_bell_ring(admin->bell);
    tc_thread_join(&admin->thread);
    for (uint32_t i = 0; i < admin->conf.conn_max; i++) {
        if (admin->conns[i].state != FREE)
            conn_close(&admin->conns[i]);
    }
    tc_os_close(admin->listener);
    tc_os_close(admin->bell);
    admin->listener = -1;
    admin->bell = -1;
}
