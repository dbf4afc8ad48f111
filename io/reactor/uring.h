// SPDX-License-Identifier: Apache-2.0
/* io/reactor: what the two files of the io_uring back end share: uring.c (connections, listeners,
 * events) stands on uring_ring.c (the ring: set-up, submit, completions off the queue).
 *
 * Not for anybody else: users take reactor.h. Everything belongs to the reactor's thread.
 *
 * A request's user_data is operation (8 bits) | generation (24) | index (32). The index is a slot,
 * a listener, a watch or the place of a send in its flush; the generation of a slot moves on at
 * conn_close(), so what the kernel still had in hand for the old connection is recognised and
 * dropped, and its buffer goes back. */
#ifndef TC_IO_REACTOR_URING_H
#define TC_IO_REACTOR_URING_H

#include <liburing.h>

#include "io/reactor/reactor.h"

enum {
    TC_URING_SQ_ENTRIES = 1024,
    TC_URING_CQ_MIN = 4096,
    TC_URING_CQ_MAX = 65536,      /* the kernel's own limit */
    TC_URING_BUFFERS_MAX = 32768, /* the kernel's own limit */
    TC_URING_BUFFER_GROUP = 1,
    TC_URING_LISTENERS_MAX = 8,
    TC_URING_WATCHES_MAX = 16,
    TC_URING_STALE_MAX = 1024, /* completions without an event that one poll may look at */
    TC_URING_GEN_MASK = 0xffffff,
};

_Static_assert(TC_TURN_SENDS_MAX <= TC_URING_SQ_ENTRIES / 4, "one flush is one submit");

enum tc_uring_op {
    TC_URING_OP_NONE,
    TC_URING_OP_ACCEPT,
    TC_URING_OP_RECV,
    TC_URING_OP_SEND,
    TC_URING_OP_POLL,
    TC_URING_OP_WATCH,
    TC_URING_OP_CANCEL
};

struct tc_uring_conn {
    int fd;
    uint32_t gen;
    uint32_t submit_no; /* number of the submit that carries its newest request */
    bool is_open;
    bool is_recv_armed;
    bool is_poll_armed;
};

struct tc_uring_listener {
    int fd;
    uint32_t tag;
    uint32_t gen;
    bool is_open;
    bool is_armed;
};

struct tc_uring_watch {
    int fd;
    uint32_t tag;
};

/* A completion taken off the ring while a flush looked for its sends. */
struct tc_uring_cqe {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};

struct tc_reactor {
    struct io_uring ring;
    bool is_bound; /* enabled on its thread */
    bool has_taskrun_flag;
    uint32_t conn_max;
    struct tc_uring_conn *conns;
    uint32_t submit_no;

    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    uint32_t buffer_bytes;
    uint32_t buffer_cnt;
    int buffer_mask;

    struct tc_uring_cqe *held; /* a first-in, first-out ring */
    uint32_t held_max;         /* a power of two */
    uint32_t held_head;
    uint32_t held_cnt;

    uint32_t batch; /* generation of the sends between two flushes */
    uint32_t send_cnt;
    uint32_t send_done_cnt;
    int32_t results[TC_TURN_SENDS_MAX];
    struct msghdr msgs[TC_TURN_SENDS_MAX];
    struct iovec iovs[TC_TURN_SENDS_MAX][TC_REACTOR_IOV_MAX];

    struct tc_uring_listener listeners[TC_URING_LISTENERS_MAX];
    struct tc_uring_watch watches[TC_URING_WATCHES_MAX];
    uint32_t watch_cnt;
    struct tc_reactor_stats stats;
};

static inline uint64_t tc_uring_data(enum tc_uring_op op, uint32_t gen, uint32_t idx)
{
    return (uint64_t)op << 56 | (uint64_t)(gen & TC_URING_GEN_MASK) << 32 | idx;
}

static inline enum tc_uring_op tc_uring_op(uint64_t data)
{
    return (enum tc_uring_op)(data >> 56);
}

static inline uint32_t tc_uring_gen(uint64_t data)
{
    return (uint32_t)(data >> 32) & TC_URING_GEN_MASK;
}

static inline uint32_t tc_uring_idx(uint64_t data)
{
    return (uint32_t)data;
}

/* Makes the ring (disabled until the first submit), its tables and buffers; r->conn_max is set.
 * -TC_ENOTSUP with text: this host has no io_uring that serves us. -TC_ENOMEM: the budget. On an
 * error nothing is left open. */
int tc_uring_ring_open(struct tc_reactor *r, const struct tc_reactor_conf *conf,
                       struct tc_err *err) TC_MUST_CHECK;
void tc_uring_ring_close(struct tc_reactor *r);

/* A free submission entry; submits first if there is none. */
struct io_uring_sqe *tc_uring_sqe(struct tc_reactor *r);

/* Hands all queued entries to the kernel; waits for nothing. */
void tc_uring_submit(struct tc_reactor *r);

/* Submits what is queued, lets the kernel finish its work, and waits for a completion: timeout_ns
 * as in poll(). */
void tc_uring_enter(struct tc_reactor *r, int64_t timeout_ns);

/* Empties the completion queue: results of sends to their place, all else held for the next poll.
 */
void tc_uring_reap(struct tc_reactor *r);

/* The oldest completion, taken off its queue before it is handled, since a callback may flush.
 * false: none. */
bool tc_uring_pop(struct tc_reactor *r, struct tc_uring_cqe *out);

/* Notes the result of a send of the flush under way. */
void tc_uring_send_done(struct tc_reactor *r, uint64_t data, int32_t res);

/* Gives a receive buffer back to the kernel. */
void tc_uring_recycle(struct tc_reactor *r, uint32_t buffer);

#endif
