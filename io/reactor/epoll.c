// SPDX-License-Identifier: Apache-2.0
/* io/reactor: the epoll back end, for hosts where io_uring is forbidden.
 *
 * Level-triggered: one read of one buffer per event keeps connections fair, and what is left is
 * reported again. Interest in POLLOUT is added for one event and removed with it, so a socket that
 * keeps up costs no epoll_ctl after conn_open(). Sends happen in send() itself; send_flush() hands
 * the results out. */
#include "io/reactor/reactor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/reactor/send_file.h"

enum {
    BATCH_MAX = 256, /* events of one epoll_wait */
    LISTENERS_MAX = 8,
    ACCEPTS_MAX = 64, /* of one listener in one poll */
    GEN_MASK = 0xffffff,
};

enum op { OP_NONE, OP_ACCEPT, OP_CONN, OP_WATCH };

struct conn {
    int fd;
    uint32_t gen;
    uint32_t interest; /* EPOLLIN, EPOLLOUT; 0: not in the epoll set */
    bool is_open;
    bool is_recv_ended;
};

struct listener {
    int fd;
    uint32_t tag;
    bool is_open;
    bool is_armed;
};

struct tc_reactor {
    int epoll_fd;
    bool has_no_pwait2;
    uint32_t conn_max;
    struct conn *conns;
    uint8_t *buffer;
    uint32_t buffer_bytes;
    uint32_t send_cnt;
    int32_t results[TC_TURN_SENDS_MAX];
    struct epoll_event events[BATCH_MAX];
    struct listener listeners[LISTENERS_MAX];
    struct tc_reactor_stats stats;
};

/* The kernel hands this back: operation (8 bits) | generation (24) | slot, listener or tag (32). */
static uint64_t data_of(enum op op, uint32_t gen, uint32_t idx)
{
    return (uint64_t)op << 56 | (uint64_t)gen << 32 | idx;
}

/* ---- connections ---- */

static struct conn *conn_at(struct tc_reactor *r, uint32_t slot)
{
    TC_ASSERT(slot < r->conn_max && r->conns[slot].is_open);
    return &r->conns[slot];
}

static int interest_set(struct tc_reactor *r, uint32_t slot, uint32_t interest)
{
    struct conn *c = &r->conns[slot];
    if (c->interest == interest)
        return 0;
    int op = c->interest == 0 ? EPOLL_CTL_ADD : interest == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    struct epoll_event event = { .events = interest, .data.u64 = data_of(OP_CONN, c->gen, slot) };
    r->stats.syscall_cnt++;
    if (epoll_ctl(r->epoll_fd, op, c->fd, &event) != 0)
        return -TC_EIO;
    c->interest = interest;
    return 0;
}

static int epoll_conn_open(struct tc_reactor *r, uint32_t slot, int fd)
{
    TC_ASSERT(slot < r->conn_max && !r->conns[slot].is_open && fd >= 0);
    struct conn *c = &r->conns[slot];
    c->fd = fd;
    c->interest = 0;
    c->is_recv_ended = false;
    int rc = interest_set(r, slot, EPOLLIN);
    c->is_open = rc == 0;
    return rc;
}

static void epoll_conn_close(struct tc_reactor *r, uint32_t slot)
{
    struct conn *c = conn_at(r, slot);
    (void)close(c->fd); /* the only descriptor of the socket: leaves the epoll set with it */
    c->is_open = false;
    c->gen = (c->gen + 1) & GEN_MASK;
}

static void epoll_conn_shutdown(struct tc_reactor *r, uint32_t slot)
{
    (void)shutdown(conn_at(r, slot)->fd, SHUT_WR);
}

static int epoll_want_writable(struct tc_reactor *r, uint32_t slot)
{
    return interest_set(r, slot, conn_at(r, slot)->interest | EPOLLOUT);
}

static void epoll_send(struct tc_reactor *r, uint32_t slot, const struct iovec *iov,
                       uint32_t iov_cnt)
{
    struct conn *c = conn_at(r, slot);
    TC_ASSERT(r->send_cnt < TC_TURN_SENDS_MAX && iov_cnt >= 1 && iov_cnt <= TC_REACTOR_IOV_MAX);
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    ssize_t n;
    do {
        if (iov_cnt == 1) {
            n = send(c->fd, iov[0].iov_base, iov[0].iov_len, flags);
        } else {
            struct iovec pieces[TC_REACTOR_IOV_MAX];
            memcpy(pieces, iov, iov_cnt * sizeof(*iov));
            struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = iov_cnt };
            n = sendmsg(c->fd, &msg, flags);
        }
        r->stats.syscall_cnt++;
    } while (n < 0 && errno == EINTR);
    r->results[r->send_cnt++] = n < 0 ? -errno : (int32_t)n;
}

static void epoll_send_file(struct tc_reactor *r, uint32_t slot, int fd, int64_t off, uint32_t len)
{
    TC_ASSERT(r->send_cnt < TC_TURN_SENDS_MAX);
    r->results[r->send_cnt++] = tc_reactor_send_file(conn_at(r, slot)->fd, fd, off, len);
    r->stats.syscall_cnt++;
}

static uint32_t epoll_send_flush(struct tc_reactor *r, int32_t *results)
{
    uint32_t cnt = r->send_cnt;
    memcpy(results, r->results, cnt * sizeof(*results));
    r->send_cnt = 0;
    return cnt;
}

/* ---- listeners and watches ---- */

static struct listener *listener_find(struct tc_reactor *r, uint32_t tag)
{
    for (uint32_t i = 0; i < LISTENERS_MAX; i++)
        if (r->listeners[i].is_open && r->listeners[i].tag == tag)
            return &r->listeners[i];
    return NULL;
}

static void listener_pause(struct tc_reactor *r, struct listener *l)
{
    if (l->is_armed)
        (void)epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    l->is_armed = false;
}

static int epoll_accept_start(struct tc_reactor *r, int fd, uint32_t tag)
{
    struct listener *l = listener_find(r, tag);
    for (uint32_t i = 0; l == NULL && i < LISTENERS_MAX; i++)
        if (!r->listeners[i].is_open)
            l = &r->listeners[i];
    if (l == NULL)
        return -TC_ELIMIT;
    if (l->is_open && l->is_armed)
        return 0;
    struct epoll_event event = { .events = EPOLLIN };
    event.data.u64 = data_of(OP_ACCEPT, 0, (uint32_t)(l - r->listeners));
    if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return -TC_EIO;
    *l = (struct listener){ fd, tag, true, true };
    return 0;
}

static void epoll_accept_stop(struct tc_reactor *r, uint32_t tag)
{
    struct listener *l = listener_find(r, tag);
    if (l == NULL)
        return;
    listener_pause(r, l);
    l->is_open = false;
}

static int epoll_watch(struct tc_reactor *r, int fd, uint32_t tag)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = data_of(OP_WATCH, 0, tag) };
    return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -TC_EIO;
}

/* ---- events ---- */

static uint32_t on_accept(struct tc_reactor *r, uint32_t idx, uint32_t event_max,
                          tc_reactor_event_fn fn, void *ctx)
{
    struct listener *l = &r->listeners[idx];
    uint32_t event_cnt = 0;
    /* The callback may stop it. */
    for (uint32_t i = 0; i < ACCEPTS_MAX && event_cnt < event_max && l->is_armed; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        r->stats.syscall_cnt++;
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        bool is_refused = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
                                     errno == ENOBUFS || errno == EINVAL || errno == EBADF);
        /* Wrong with one client only (ECONNABORTED and the like): the next one. */
        if (fd < 0 && !is_refused)
            continue;
        int res = fd < 0 ? -errno : fd;
        /* Level-triggered, it would be reported again at once: the caller starts it when there are
         * descriptors. */
        if (is_refused)
            listener_pause(r, l);
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_ACCEPT, l->tag, res, NULL });
        event_cnt++;
    }
    return event_cnt;
}

static uint32_t on_readable(struct tc_reactor *r, uint32_t slot, tc_reactor_event_fn fn, void *ctx)
{
    struct conn *c = &r->conns[slot];
    ssize_t n = recv(c->fd, r->buffer, r->buffer_bytes, MSG_DONTWAIT);
    r->stats.syscall_cnt++;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    int res = n < 0 ? -errno : (int)n;
    if (res <= 0) {
        c->is_recv_ended = true;
        (void)interest_set(r, slot, c->interest & EPOLLOUT);
    }
    fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_RECV, slot, res, r->buffer });
    return 1;
}

static uint32_t on_conn(struct tc_reactor *r, const struct epoll_event *event, uint32_t event_max,
                        tc_reactor_event_fn fn, void *ctx)
{
    uint64_t data = event->data.u64;
    uint32_t events = event->events;
    uint32_t slot = (uint32_t)data;
    uint32_t gen = (uint32_t)(data >> 32) & GEN_MASK;
    struct conn *c = &r->conns[slot];
    uint32_t event_cnt = 0;
    if (!c->is_open || c->gen != gen)
        return 0;
    const uint32_t broken = EPOLLERR | EPOLLHUP;
    if ((events & (EPOLLOUT | broken)) != 0 && (c->interest & EPOLLOUT) != 0) {
        (void)interest_set(r, slot, c->is_recv_ended ? 0 : EPOLLIN);
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_WRITABLE, slot, 0, NULL });
        event_cnt++;
    }
    /* The callback may have closed it. */
    if (event_cnt < event_max && (events & (EPOLLIN | broken)) != 0 && c->is_open &&
        c->gen == gen && !c->is_recv_ended)
        event_cnt += on_readable(r, slot, fn, ctx);
    return event_cnt;
}

static int wait_events(struct tc_reactor *r, int64_t timeout_ns, int cnt)
{
    r->stats.syscall_cnt++;
    if (timeout_ns <= 0)
        return epoll_wait(r->epoll_fd, r->events, cnt, timeout_ns == 0 ? 0 : -1);
    if (!r->has_no_pwait2) {
        struct timespec ts = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
        int n = epoll_pwait2(r->epoll_fd, r->events, cnt, &ts, NULL);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        r->has_no_pwait2 = true; /* older than Linux 5.11, or a filter that does not know it */
    }
    int64_t timeout_ms = (timeout_ns + 999999) / 1000000;
    return epoll_wait(r->epoll_fd, r->events, cnt, (int)TC_MIN(timeout_ms, INT32_MAX));
}

static uint32_t epoll_poll(struct tc_reactor *r, int64_t timeout_ns, uint32_t event_max,
                           tc_reactor_event_fn fn, void *ctx)
{
    int n = wait_events(r, timeout_ns, (int)TC_MIN(event_max, BATCH_MAX));
    uint32_t event_cnt = 0;
    /* One connection can be readable and writable at once; what does not fit is reported again. */
    for (int i = 0; i < n && event_cnt < event_max; i++) {
        uint64_t data = r->events[i].data.u64;
        uint32_t idx = (uint32_t)data;
        switch ((enum op)(data >> 56)) {
        case OP_ACCEPT:
            event_cnt += on_accept(r, idx, event_max - event_cnt, fn, ctx);
            break;
        case OP_CONN:
            event_cnt += on_conn(r, &r->events[i], event_max - event_cnt, fn, ctx);
            break;
        case OP_WATCH:
            fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_WAKE, idx, 0, NULL });
            event_cnt++;
            break;
        case OP_NONE:
            break;
        }
    }
    return event_cnt;
}

static void epoll_stats(const struct tc_reactor *r, struct tc_reactor_stats *out)
{
    *out = r->stats;
}

/* ---- open and close ---- */

static int epoll_open(struct tc_reactor **out, const struct tc_reactor_conf *conf,
                      struct tc_err *err)
{
    TC_ASSERT(conf->conn_max > 0 && conf->recv_buffer_bytes > 0);
    struct tc_reactor *r = tc_mem_take(conf->mem, conf->holder, sizeof(*r), 1, err);
    if (r == NULL)
        return -TC_ENOMEM;
    r->conn_max = conf->conn_max;
    r->buffer_bytes = conf->recv_buffer_bytes;
    r->conns = tc_mem_take(conf->mem, conf->holder, sizeof(*r->conns), conf->conn_max, err);
    if (r->conns == NULL)
        return -TC_ENOMEM;
    r->buffer = tc_mem_take(conf->mem, conf->holder, conf->recv_buffer_bytes, 1, err);
    if (r->buffer == NULL)
        return -TC_ENOMEM;
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll_fd < 0)
        return tc_err_set(err, -TC_EIO, "epoll cannot be opened: %s", strerror(errno));
    *out = r;
    return 0;
}

static void epoll_close(struct tc_reactor *r)
{
    for (uint32_t i = 0; i < r->conn_max; i++)
        if (r->conns[i].is_open)
            (void)close(r->conns[i].fd);
    (void)close(r->epoll_fd);
}

const struct tc_reactor_ops tc_reactor_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .accept_start = epoll_accept_start,
    .accept_stop = epoll_accept_stop,
    .watch = epoll_watch,
    .conn_open = epoll_conn_open,
    .conn_close = epoll_conn_close,
    .conn_shutdown = epoll_conn_shutdown,
    .want_writable = epoll_want_writable,
    .send = epoll_send,
    .send_file = epoll_send_file,
    .send_flush = epoll_send_flush,
    .poll = epoll_poll,
    .stats = epoll_stats,
};
