// SPDX-License-Identifier: Apache-2.0
/* io/reactor: the worker's only way to sockets. One interface, three back ends: io_uring, epoll,
 * and a simulated one for tests.
 *
 * A reactor belongs to one thread; open it on the thread that uses it. Connections are slots
 * (0..conn_max-1) chosen by the caller; the reactor keeps the descriptor and a generation of each
 * slot, so that after conn_close() no event of the old connection reaches the caller, whatever is
 * still in flight in the kernel.
 *
 * Sends never block, never leave a pointer in the kernel after send_flush() (MSG_DONTWAIT completes
 * at submit; the pages of send_file() are the exception), and are reported in the order they were
 * queued. The thread has SIGPIPE blocked or ignored. Nothing here allocates after open. */
#ifndef TC_IO_REACTOR_REACTOR_H
#define TC_IO_REACTOR_REACTOR_H

#include <sys/uio.h>

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/mem/mem.h"

enum tc_reactor_event_kind {
    TC_REACTOR_ACCEPT, /* res: the new descriptor (non-blocking, close-on-exec), or -errno */
    TC_REACTOR_RECV,   /* res > 0: bytes at data; 0: the peer ended; < 0: -errno. After res <= 0 no
                          further RECV of this slot comes; the caller closes */
    TC_REACTOR_WRITABLE, /* once per want_writable(); errors show at the next send */
    TC_REACTOR_WAKE,     /* a watched descriptor became readable; the caller drains it */
};

struct tc_reactor_event {
    enum tc_reactor_event_kind kind;
    uint32_t slot; /* RECV, WRITABLE: the connection; ACCEPT, WAKE: the tag given */
    int res;
    uint8_t *data; /* RECV: may be changed in place; valid during the callback */
};

/* The callback may call everything here but poll() and send_flush() results in use. */
typedef void (*tc_reactor_event_fn)(void *ctx, const struct tc_reactor_event *event);

struct tc_reactor_stats {
    uint64_t cq_overflow_cnt; /* io_uring: completions that did not fit */
    uint64_t punt_cnt;        /* sends that did not complete at submit (must stay 0) */
    uint64_t recv_nobuf_cnt;  /* multishot receives ended for want of buffers and re-armed */
    uint64_t syscall_cnt;     /* enters or send/recv/epoll_wait calls */
};

struct tc_reactor_conf {
    uint32_t conn_max;
    uint32_t recv_buffer_bytes; /* size of one receive: 16 KiB */
    uint32_t recv_buffer_cnt;   /* provided buffers shared by all connections */
    struct tc_mem *mem;         /* buffers and tables are taken here */
    const char *holder;         /* "worker 0: reactor" */
};

struct tc_reactor;

struct tc_reactor_ops {
    const char *name; /* "io_uring" */

    /* -TC_ENOTSUP if this host lacks what is needed (text says what): the caller may try another.
     */
    int (*open)(struct tc_reactor **out, const struct tc_reactor_conf *conf, struct tc_err *err);
    void (*close)(struct tc_reactor *reactor);

    /* Accepts on the listening descriptor until accept_stop(); fd stays the caller's. */
    int (*accept_start)(struct tc_reactor *reactor, int fd, uint32_t tag);
    void (*accept_stop)(struct tc_reactor *reactor, uint32_t tag);

    /* WAKE events whenever fd (an eventfd or another pollable) is readable. */
    int (*watch)(struct tc_reactor *reactor, int fd, uint32_t tag);

    /* The reactor owns fd from here on and receives from it until conn_close(). */
    int (*conn_open)(struct tc_reactor *reactor, uint32_t slot, int fd);
    /* Cancels what is in flight and closes the descriptor. */
    void (*conn_close)(struct tc_reactor *reactor, uint32_t slot);
    /* Half-close: no more sends; receiving goes on. */
    void (*conn_shutdown)(struct tc_reactor *reactor, uint32_t slot);
    /* One WRITABLE event when the socket takes bytes again. At most one outstanding per slot. */
    int (*want_writable)(struct tc_reactor *reactor, uint32_t slot);

    /* Queues one send of iov_cnt (1..TC_REACTOR_IOV_MAX) pieces; the pieces (not the iov array,
     * which is copied) must stay until send_flush(). At most TC_TURN_SENDS_MAX between flushes and
     * at most one per slot. */
    void (*send)(struct tc_reactor *reactor, uint32_t slot, const struct iovec *iov,
                 uint32_t iov_cnt);
    /* Queues one send of len bytes of the file fd from off on, as send(). The socket takes pages of
     * the file, not a copy: they must not be written to until its peer has read them (ftruncate(2)
     * to nothing is no write). */
    void (*send_file)(struct tc_reactor *reactor, uint32_t slot, int fd, int64_t off, uint32_t len);
    /* Submits; results[i] for the i-th queued send: bytes taken, or -errno (-EAGAIN: full). Returns
     * how many. */
    uint32_t (*send_flush)(struct tc_reactor *reactor, int32_t *results);

    /* Waits at most timeout_ns (0: not at all; < 0: no bound) for events and passes at most
     * event_max on. Returns how many. */
    uint32_t (*poll)(struct tc_reactor *reactor, int64_t timeout_ns, uint32_t event_max,
                     tc_reactor_event_fn fn, void *ctx);

    void (*stats)(const struct tc_reactor *reactor, struct tc_reactor_stats *out);
};

enum { TC_REACTOR_IOV_MAX = 16 };

extern const struct tc_reactor_ops tc_reactor_io_uring;
extern const struct tc_reactor_ops tc_reactor_epoll;

#endif
