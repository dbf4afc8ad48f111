// SPDX-License-Identifier: Apache-2.0
/* io/reactor: the ring under the io_uring back end (kernel 6.0 or newer; made for 6.1 and later).
 *
 * It is made disabled and enabled by the first thread that submits: that thread is its single
 * issuer from then on. */
#include "io/reactor/uring.h"

#include <errno.h>

/* ---- the ring ---- */

static void bind_thread(struct tc_reactor *r)
{
    if (TC_LIKELY(r->is_bound))
        return;
    int rc = io_uring_enable_rings(&r->ring);
    TC_ASSERT(rc == 0);
    /* Saves the descriptor look-up of each enter; without it everything works too. */
    rc = io_uring_register_ring_fd(&r->ring);
    (void)rc;
    r->is_bound = true;
}

static void note_overflow(struct tc_reactor *r)
{
    if (TC_UNLIKELY(io_uring_cq_has_overflow(&r->ring)))
        r->stats.cq_overflow_cnt++;
}

static void hold(struct tc_reactor *r, const struct io_uring_cqe *cqe)
{
    /* held_max counts all that can complete between two polls: see open. */
    TC_ASSERT(r->held_cnt < r->held_max);
    struct tc_uring_cqe *slot = &r->held[(r->held_head + r->held_cnt) & (r->held_max - 1)];
    *slot = (struct tc_uring_cqe){ cqe->user_data, cqe->res, cqe->flags };
    r->held_cnt++;
}

void tc_uring_send_done(struct tc_reactor *r, uint64_t data, int32_t res)
{
    uint32_t idx = tc_uring_idx(data);
    TC_ASSERT(tc_uring_gen(data) == (r->batch & TC_URING_GEN_MASK) && idx < r->send_cnt);
    r->results[idx] = res;
    r->send_done_cnt++;
}

void tc_uring_reap(struct tc_reactor *r)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned cnt = 0;
    io_uring_for_each_cqe(&r->ring, head, cqe)
    {
        cnt++;
        if (TC_LIKELY(tc_uring_op(cqe->user_data) == TC_URING_OP_SEND))
            tc_uring_send_done(r, cqe->user_data, cqe->res);
        else
            hold(r, cqe);
    }
    io_uring_cq_advance(&r->ring, cnt);
}

void tc_uring_submit(struct tc_reactor *r)
{
    bind_thread(r);
    while (io_uring_sq_ready(&r->ring) > 0) {
        int rc = io_uring_submit(&r->ring);
        r->stats.syscall_cnt++;
        r->submit_no++;
        note_overflow(r);
        if (TC_LIKELY(rc >= 0) || rc == -EINTR)
            continue;
        /* The kernel wants completions taken first, or is short of memory for a moment. */
        TC_ASSERT(rc == -EBUSY || rc == -EAGAIN || rc == -ENOMEM);
        tc_uring_reap(r);
        (void)io_uring_get_events(&r->ring);
        r->stats.syscall_cnt++;
    }
}

struct io_uring_sqe *tc_uring_sqe(struct tc_reactor *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
    if (TC_UNLIKELY(sqe == NULL)) {
        tc_uring_submit(r);
        sqe = io_uring_get_sqe(&r->ring);
        TC_ASSERT(sqe != NULL);
    }
    return sqe;
}

void tc_uring_enter(struct tc_reactor *r, int64_t timeout_ns)
{
    bind_thread(r);
    if (timeout_ns == 0) {
        /* A spinning worker enters the kernel only if there is something to do in it. */
        unsigned flags = IO_URING_READ_ONCE(*r->ring.sq.kflags);
        if (r->has_taskrun_flag && io_uring_sq_ready(&r->ring) == 0 &&
            (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0)
            return;
        (void)io_uring_submit_and_get_events(&r->ring);
    } else if (timeout_ns < 0) {
        (void)io_uring_submit_and_wait(&r->ring, 1);
    } else {
        struct __kernel_timespec ts = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
        struct io_uring_cqe *cqe;
        (void)io_uring_submit_and_wait_timeout(&r->ring, &cqe, 1, &ts, NULL);
    }
    r->stats.syscall_cnt++;
    if (TC_LIKELY(io_uring_sq_ready(&r->ring) == 0))
        r->submit_no++;
    note_overflow(r);
}

bool tc_uring_pop(struct tc_reactor *r, struct tc_uring_cqe *out)
{
    if (r->held_cnt > 0) {
        *out = r->held[r->held_head & (r->held_max - 1)];
        r->held_head++;
        r->held_cnt--;
        return true;
    }
    /* Not io_uring_peek_cqe(): that may enter the kernel. */
    struct io_uring_cqe *cqe;
    unsigned head;
    io_uring_for_each_cqe(&r->ring, head, cqe)
    {
        *out = (struct tc_uring_cqe){ cqe->user_data, cqe->res, cqe->flags };
        io_uring_cq_advance(&r->ring, 1);
        return true;
    }
    return false;
}

void tc_uring_recycle(struct tc_reactor *r, uint32_t buffer)
{
    io_uring_buf_ring_add(r->buffer_ring, r->buffers + (size_t)buffer * r->buffer_bytes,
                          r->buffer_bytes, (unsigned short)buffer, r->buffer_mask, 0);
    io_uring_buf_ring_advance(r->buffer_ring, 1);
}

/* ---- set-up ---- */

static int setup(struct tc_reactor *r, struct tc_err *err)
{
    const unsigned common = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED |
                            IORING_SETUP_SUBMIT_ALL;
    const unsigned taskrun = IORING_SETUP_TASKRUN_FLAG;
    const unsigned tries[] = {
        common | taskrun | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        common | taskrun | IORING_SETUP_COOP_TASKRUN,
        common,
    };
    uint64_t cq = tc_pow2_up((uint64_t)r->conn_max * 4);
    int rc = -EINVAL;
    for (size_t i = 0; rc == -EINVAL && i < TC_ARRAY_CNT(tries); i++) {
        struct io_uring_params p = { .flags = tries[i] };
        p.cq_entries = (unsigned)TC_MIN(TC_MAX(cq, TC_URING_CQ_MIN), TC_URING_CQ_MAX);
        rc = io_uring_queue_init_params(TC_URING_SQ_ENTRIES, &r->ring, &p);
        r->has_taskrun_flag = (tries[i] & taskrun) != 0;
    }
    if (rc == -EPERM || rc == -ENOSYS || rc == -EACCES)
        return tc_err_set(err, -TC_ENOTSUP,
                          "io_uring is forbidden or missing here (%s): allow it (sysctl "
                          "kernel.io_uring_disabled=0, or the container's seccomp profile), or set "
                          "reactor: epoll",
                          strerror(-rc));
    if (rc == -ENOMEM)
        return tc_err_set(err, -TC_ENOTSUP,
                          "io_uring got no memory for its rings: raise the locked-memory limit "
                          "(ulimit -l), or set reactor: epoll");
    if (rc < 0)
        return tc_err_set(err, -TC_ENOTSUP,
                          "io_uring cannot be set up (%s): Linux 6.0 or newer is needed, or set "
                          "reactor: epoll",
                          strerror(-rc));
    return 0;
}

static int probe_ops(struct tc_reactor *r, struct tc_err *err)
{
    /* The zero-copy send came with the same kernel (6.0) as the multishot receive, which no probe
     * shows; we do not use it. */
    static const struct {
        int op;
        const char *name;
    } ops[] = {
        { IORING_OP_ACCEPT, "ACCEPT" },     { IORING_OP_RECV, "RECV" },
        { IORING_OP_SEND, "SEND" },         { IORING_OP_SENDMSG, "SENDMSG" },
        { IORING_OP_POLL_ADD, "POLL_ADD" }, { IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL" },
        { IORING_OP_SEND_ZC, "SEND_ZC" },
    };
    struct io_uring_probe *probe = io_uring_get_probe_ring(&r->ring);
    const char *missing = probe == NULL ? "the probe itself" : NULL;
    for (size_t i = 0; missing == NULL && i < TC_ARRAY_CNT(ops); i++)
        if (!io_uring_opcode_supported(probe, ops[i].op))
            missing = ops[i].name;
    io_uring_free_probe(probe);
    if (missing != NULL)
        return tc_err_set(err, -TC_ENOTSUP,
                          "io_uring lacks %s: Linux 6.0 or newer is needed, or set reactor: epoll",
                          missing);
    return 0;
}

static int buffers_open(struct tc_reactor *r, struct tc_err *err)
{
    int rc = 0;
    r->buffer_mask = io_uring_buf_ring_mask(r->buffer_cnt);
    r->buffer_ring =
        io_uring_setup_buf_ring(&r->ring, r->buffer_cnt, TC_URING_BUFFER_GROUP, 0, &rc);
    if (r->buffer_ring == NULL)
        return tc_err_set(
            err, -TC_ENOTSUP,
            "io_uring refuses provided buffers (%s): Linux 6.0 or newer is needed, or "
            "set reactor: epoll",
            strerror(-rc));
    for (uint32_t i = 0; i < r->buffer_cnt; i++)
        tc_uring_recycle(r, i);
    return 0;
}

static int tables_open(struct tc_reactor *r, const struct tc_reactor_conf *conf, struct tc_err *err)
{
    r->conn_max = conf->conn_max;
    r->buffer_bytes = conf->recv_buffer_bytes;
    r->buffer_cnt = (uint32_t)TC_MIN(tc_pow2_up(conf->recv_buffer_cnt), TC_URING_BUFFERS_MAX);
    /* Between two polls: a full completion queue twice, a receive per buffer, and per connection
     * the end of its receive, its poll and two cancels. Untouched pages cost nothing. */
    r->held_max =
        (uint32_t)tc_pow2_up(2ull * TC_URING_CQ_MAX + r->buffer_cnt + 4ull * conf->conn_max);
    r->conns = tc_mem_take(conf->mem, conf->holder, sizeof(*r->conns), conf->conn_max, err);
    if (r->conns == NULL)
        return -TC_ENOMEM;
    r->buffers = tc_mem_take(conf->mem, conf->holder, r->buffer_bytes, r->buffer_cnt, err);
    if (r->buffers == NULL)
        return -TC_ENOMEM;
    r->held = tc_mem_take(conf->mem, conf->holder, sizeof(*r->held), r->held_max, err);
    return r->held == NULL ? -TC_ENOMEM : 0;
}

int tc_uring_ring_open(struct tc_reactor *r, const struct tc_reactor_conf *conf, struct tc_err *err)
{
    r->conn_max = conf->conn_max;
    /* The ring first: a caller that falls back to epoll shall not pay for our tables. */
    int rc = setup(r, err);
    if (rc < 0)
        return rc;
    rc = probe_ops(r, err);
    if (rc == 0)
        rc = tables_open(r, conf, err);
    if (rc == 0)
        rc = buffers_open(r, err);
    if (rc < 0)
        io_uring_queue_exit(&r->ring);
    return rc;
}

void tc_uring_ring_close(struct tc_reactor *r)
{
    /* Left to the kernel, an armed accept would keep the port for some time after the ring is
     * closed, and the next start would find it in use. */
    struct io_uring_sync_cancel_reg all = {
        .flags = IORING_ASYNC_CANCEL_ANY,
        .timeout = { 1, 0 },
    };
    if (r->is_bound) {
        tc_uring_submit(r);
        (void)io_uring_register_sync_cancel(&r->ring, &all);
        (void)io_uring_get_events(&r->ring);
    }
    (void)io_uring_free_buf_ring(&r->ring, r->buffer_ring, r->buffer_cnt, TC_URING_BUFFER_GROUP);
    io_uring_queue_exit(&r->ring);
}
