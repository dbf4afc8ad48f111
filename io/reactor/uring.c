// SPDX-License-Identifier: Apache-2.0
/* io/reactor: the io_uring back end: connections, listeners, watches and their events. */
#include "io/reactor/uring.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/reactor/send_file.h"

static void cancel(struct tc_reactor *r, uint64_t data)
{
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    io_uring_prep_cancel64(sqe, data, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, tc_uring_data(TC_URING_OP_CANCEL, 0, 0));
}

/* ---- connections ---- */

static struct tc_uring_conn *conn_at(struct tc_reactor *r, uint32_t slot)
{
    TC_ASSERT(slot < r->conn_max && r->conns[slot].is_open);
    return &r->conns[slot];
}

/* The connection that the completion belongs to, NULL if that one was closed. */
static struct tc_uring_conn *conn_live(struct tc_reactor *r, uint64_t data)
{
    struct tc_uring_conn *c = &r->conns[tc_uring_idx(data)];
    return c->is_open && c->gen == tc_uring_gen(data) ? c : NULL;
}

static void arm_recv(struct tc_reactor *r, uint32_t slot)
{
    struct tc_uring_conn *c = &r->conns[slot];
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = TC_URING_BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, tc_uring_data(TC_URING_OP_RECV, c->gen, slot));
    c->is_recv_armed = true;
    c->submit_no = r->submit_no;
}

static int uring_conn_open(struct tc_reactor *r, uint32_t slot, int fd)
{
    TC_ASSERT(slot < r->conn_max && !r->conns[slot].is_open && fd >= 0);
    struct tc_uring_conn *c = &r->conns[slot];
    c->fd = fd;
    c->is_open = true;
    c->is_poll_armed = false;
    arm_recv(r, slot);
    return 0;
}

static void uring_conn_close(struct tc_reactor *r, uint32_t slot)
{
    struct tc_uring_conn *c = conn_at(r, slot);
    /* A request that names the descriptor must be in the kernel before the number is free again. */
    if (c->submit_no == r->submit_no && io_uring_sq_ready(&r->ring) > 0)
        tc_uring_submit(r);
    if (c->is_recv_armed)
        cancel(r, tc_uring_data(TC_URING_OP_RECV, c->gen, slot));
    if (c->is_poll_armed)
        cancel(r, tc_uring_data(TC_URING_OP_POLL, c->gen, slot));
    /* The armed receive holds the socket until the cancel ran; the peer shall not wait for that. */
    (void)shutdown(c->fd, SHUT_RDWR);
    (void)close(c->fd);
    c->is_open = false;
    c->gen = (c->gen + 1) & TC_URING_GEN_MASK;
}

static void uring_conn_shutdown(struct tc_reactor *r, uint32_t slot)
{
    (void)shutdown(conn_at(r, slot)->fd, SHUT_WR);
}

static int uring_want_writable(struct tc_reactor *r, uint32_t slot)
{
    struct tc_uring_conn *c = conn_at(r, slot);
    if (c->is_poll_armed)
        return 0;
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    io_uring_prep_poll_add(sqe, c->fd, POLLOUT);
    io_uring_sqe_set_data64(sqe, tc_uring_data(TC_URING_OP_POLL, c->gen, slot));
    c->is_poll_armed = true;
    c->submit_no = r->submit_no;
    return 0;
}

static void uring_send(struct tc_reactor *r, uint32_t slot, const struct iovec *iov,
                       uint32_t iov_cnt)
{
    struct tc_uring_conn *c = conn_at(r, slot);
    TC_ASSERT(r->send_cnt < TC_TURN_SENDS_MAX && iov_cnt >= 1 && iov_cnt <= TC_REACTOR_IOV_MAX);
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    uint32_t i = r->send_cnt++;
    if (iov_cnt == 1) {
        io_uring_prep_send(sqe, c->fd, iov[0].iov_base, iov[0].iov_len, flags);
    } else {
        memcpy(r->iovs[i], iov, iov_cnt * sizeof(*iov));
        r->msgs[i] = (struct msghdr){ .msg_iov = r->iovs[i], .msg_iovlen = iov_cnt };
        io_uring_prep_sendmsg(sqe, c->fd, &r->msgs[i], (unsigned)flags);
    }
    io_uring_sqe_set_data64(sqe, tc_uring_data(TC_URING_OP_SEND, r->batch, i));
    c->submit_no = r->submit_no;
}

/* At once: io_uring would hand it to a kernel thread. */
static void uring_send_file(struct tc_reactor *r, uint32_t slot, int fd, int64_t off, uint32_t len)
{
    TC_ASSERT(r->send_cnt < TC_TURN_SENDS_MAX);
    r->results[r->send_cnt++] = tc_reactor_send_file(conn_at(r, slot)->fd, fd, off, len);
    r->send_done_cnt++;
    r->stats.syscall_cnt++;
}

static uint32_t uring_send_flush(struct tc_reactor *r, int32_t *results)
{
    uint32_t cnt = r->send_cnt;
    if (cnt == 0)
        return 0;
    if (r->send_done_cnt < cnt) {
        tc_uring_submit(r);
        tc_uring_reap(r);
    }
    if (TC_UNLIKELY(r->send_done_cnt < cnt))
        r->stats.punt_cnt += cnt - r->send_done_cnt;
    while (TC_UNLIKELY(r->send_done_cnt < cnt)) {
        /* Handed to a kernel thread: the pieces are in use until it has finished. */
        tc_uring_enter(r, -1);
        tc_uring_reap(r);
    }
    memcpy(results, r->results, cnt * sizeof(*results));
    r->send_cnt = 0;
    r->send_done_cnt = 0;
    r->batch++;
    return cnt;
}

/* ---- listeners and watches ---- */

static struct tc_uring_listener *listener_find(struct tc_reactor *r, uint32_t tag)
{
    for (uint32_t i = 0; i < TC_URING_LISTENERS_MAX; i++)
        if (r->listeners[i].is_open && r->listeners[i].tag == tag)
            return &r->listeners[i];
    return NULL;
}

static void arm_accept(struct tc_reactor *r, struct tc_uring_listener *l)
{
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    io_uring_prep_multishot_accept(sqe, l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(
        sqe, tc_uring_data(TC_URING_OP_ACCEPT, l->gen, (uint32_t)(l - r->listeners)));
    l->is_armed = true;
}

static int uring_accept_start(struct tc_reactor *r, int fd, uint32_t tag)
{
    struct tc_uring_listener *l = listener_find(r, tag);
    for (uint32_t i = 0; l == NULL && i < TC_URING_LISTENERS_MAX; i++)
        if (!r->listeners[i].is_open)
            l = &r->listeners[i];
    if (l == NULL)
        return -TC_ELIMIT;
    l->fd = fd;
    l->tag = tag;
    l->is_open = true;
    if (!l->is_armed)
        arm_accept(r, l);
    return 0;
}

static void uring_accept_stop(struct tc_reactor *r, uint32_t tag)
{
    struct tc_uring_listener *l = listener_find(r, tag);
    if (l == NULL)
        return;
    if (l->is_armed) {
        cancel(r, tc_uring_data(TC_URING_OP_ACCEPT, l->gen, (uint32_t)(l - r->listeners)));
        /* Now, because the caller may close the listener next and expects the port to be free. */
        tc_uring_enter(r, 0);
    }
    l->is_open = false;
    l->is_armed = false;
    l->gen = (l->gen + 1) & TC_URING_GEN_MASK;
}

static void arm_watch(struct tc_reactor *r, uint32_t idx)
{
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    io_uring_prep_poll_multishot(sqe, r->watches[idx].fd, POLLIN);
    io_uring_sqe_set_data64(sqe, tc_uring_data(TC_URING_OP_WATCH, 0, idx));
}

static int uring_watch(struct tc_reactor *r, int fd, uint32_t tag)
{
    if (r->watch_cnt == TC_URING_WATCHES_MAX)
        return -TC_ELIMIT;
    r->watches[r->watch_cnt] = (struct tc_uring_watch){ fd, tag };
    arm_watch(r, r->watch_cnt++);
    return 0;
}

/* ---- completions ---- */

static uint32_t on_recv(struct tc_reactor *r, const struct tc_uring_cqe *cqe,
                        tc_reactor_event_fn fn, void *ctx)
{
    uint32_t buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    bool has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    bool has_more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    uint32_t slot = tc_uring_idx(cqe->user_data);
    struct tc_uring_conn *c = conn_live(r, cqe->user_data);
    uint32_t event_cnt = 0;
    if (c != NULL) {
        bool is_transient = cqe->res == -ENOBUFS || cqe->res == -EINTR || cqe->res == -EAGAIN;
        c->is_recv_armed = has_more;
        r->stats.recv_nobuf_cnt += cqe->res == -ENOBUFS;
        if (!is_transient) {
            uint8_t *data = has_buffer ? r->buffers + (size_t)buffer * r->buffer_bytes : NULL;
            fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_RECV, slot, cqe->res, data });
            event_cnt = 1;
        }
        /* The callback may have closed it, or opened another in its place. */
        if (!has_more && (is_transient || cqe->res > 0) && conn_live(r, cqe->user_data) != NULL)
            arm_recv(r, slot);
    }
    if (has_buffer)
        tc_uring_recycle(r, buffer);
    return event_cnt;
}

static uint32_t on_accept(struct tc_reactor *r, const struct tc_uring_cqe *cqe,
                          tc_reactor_event_fn fn, void *ctx)
{
    struct tc_uring_listener *l = &r->listeners[tc_uring_idx(cqe->user_data)];
    if (!l->is_open || l->gen != tc_uring_gen(cqe->user_data)) {
        if (cqe->res >= 0)
            (void)close(cqe->res);
        return 0;
    }
    bool is_refused = cqe->res == -EMFILE || cqe->res == -ENFILE || cqe->res == -ENOMEM ||
                      cqe->res == -ENOBUFS || cqe->res == -EINVAL || cqe->res == -EBADF;
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        l->is_armed = false;
        /* Short of descriptors it would fail at once again: the caller starts it when there are
         * some. What is wrong with one client only (ECONNABORTED and the like) ends nothing. */
        if (!is_refused)
            arm_accept(r, l);
    }
    if (cqe->res < 0 && !is_refused)
        return 0;
    fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_ACCEPT, l->tag, cqe->res, NULL });
    return 1;
}

/* Returns the number of events passed on: 0 or 1. */
static uint32_t dispatch(struct tc_reactor *r, const struct tc_uring_cqe *cqe,
                         tc_reactor_event_fn fn, void *ctx)
{
    uint32_t idx = tc_uring_idx(cqe->user_data);
    switch (tc_uring_op(cqe->user_data)) {
    case TC_URING_OP_RECV:
        return on_recv(r, cqe, fn, ctx);
    case TC_URING_OP_ACCEPT:
        return on_accept(r, cqe, fn, ctx);
    case TC_URING_OP_POLL: {
        struct tc_uring_conn *c = conn_live(r, cqe->user_data);
        if (c == NULL)
            return 0;
        c->is_poll_armed = false;
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_WRITABLE, idx, 0, NULL });
        return 1;
    }
    case TC_URING_OP_WATCH:
        if ((cqe->flags & IORING_CQE_F_MORE) == 0)
            arm_watch(r, idx);
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_WAKE, r->watches[idx].tag, 0, NULL });
        return 1;
    case TC_URING_OP_SEND: /* a send that left before its flush, because a connection was closed */
        tc_uring_send_done(r, cqe->user_data, cqe->res);
        return 0;
    case TC_URING_OP_NONE:
    case TC_URING_OP_CANCEL:
        return 0;
    }
    return 0;
}

static uint32_t uring_poll(struct tc_reactor *r, int64_t timeout_ns, uint32_t event_max,
                           tc_reactor_event_fn fn, void *ctx)
{
    bool is_pending = r->held_cnt > 0 || io_uring_cq_ready(&r->ring) > 0;
    tc_uring_enter(r, is_pending ? 0 : timeout_ns);
    uint32_t event_cnt = 0;
    struct tc_uring_cqe cqe;
    for (uint32_t i = 0;
         i < event_max + TC_URING_STALE_MAX && event_cnt < event_max && tc_uring_pop(r, &cqe); i++)
        event_cnt += dispatch(r, &cqe, fn, ctx);
    return event_cnt;
}

static void uring_stats(const struct tc_reactor *r, struct tc_reactor_stats *out)
{
    *out = r->stats;
}

static int uring_open(struct tc_reactor **out, const struct tc_reactor_conf *conf,
                      struct tc_err *err)
{
    TC_ASSERT(conf->conn_max > 0 && conf->recv_buffer_cnt > 0 && conf->recv_buffer_bytes > 0);
    struct tc_reactor *r = tc_mem_take(conf->mem, conf->holder, sizeof(*r), 1, err);
    if (r == NULL)
        return -TC_ENOMEM;
    int rc = tc_uring_ring_open(r, conf, err);
    if (rc < 0)
        return rc;
    *out = r;
    return 0;
}

static void uring_close(struct tc_reactor *r)
{
    for (uint32_t i = 0; i < r->conn_max; i++)
        if (r->conns[i].is_open)
            (void)close(r->conns[i].fd);
    tc_uring_ring_close(r);
}

const struct tc_reactor_ops tc_reactor_io_uring = {
    .name = "io_uring",
    .open = uring_open,
    .close = uring_close,
    .accept_start = uring_accept_start,
    .accept_stop = uring_accept_stop,
    .watch = uring_watch,
    .conn_open = uring_conn_open,
    .conn_close = uring_conn_close,
    .conn_shutdown = uring_conn_shutdown,
    .want_writable = uring_want_writable,
    .send = uring_send,
    .send_file = uring_send_file,
    .send_flush = uring_send_flush,
    .poll = uring_poll,
    .stats = uring_stats,
};
