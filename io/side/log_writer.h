// SPDX-License-Identifier: Apache-2.0
/* io/side/log_writer: the thread that carries log rings to a descriptor, one JSON line per entry.
 *
 * It looks at all rings every 20 ms while there are lines, and every 200 ms when there were none.
 * When the descriptor does not take bytes, entries stay in their rings, which then drop and count
 * new ones: nobody waits for a log. A terminal or pipe is not switched to non-blocking (it may be
 * shared with the shell): it is polled first, and no write is above PIPE_BUF, which a pollable pipe
 * always takes. A closed pipe: everything is dropped and counted.
 *
 * Threads: init, add, start, stop by the supervisor. */
#ifndef TC_IO_SIDE_LOG_WRITER_H
#define TC_IO_SIDE_LOG_WRITER_H

#include "core/obs/log.h"
#include "core/obs/metric.h"
#include "io/os/thread.h"

enum {
    TC_LOG_RINGS_MAX = 96,
    TC_LOG_WRITE_MS = 20, /* between two looks, while there are lines */
    TC_LOG_IDLE_MS = 200, /* after a look that found none: each wakes a core */
    TC_LOG_STOP_MS = 500, /* longest wait for a blocked descriptor at stop */
};

struct tc_log_writer {
    struct tc_thread thread;
    struct tc_log_ring *rings[TC_LOG_RINGS_MAX];
    uint32_t ring_cnt;
    int fd;
    int bell; /* wakes it for stop */
    _Atomic bool is_stopping;
    _Atomic uint64_t *dropped; /* metric, may be NULL; this thread is its writer */
    _Atomic uint64_t line_cnt; /* written lines */
    uint64_t lost_cnt;         /* lines that were taken from a ring and could not be written */
    uint32_t len;              /* bytes of buf not written yet: from off to len */
    uint32_t off;
    uint32_t buf_line_cnt;
    char buf[2 * TC_LOG_LINE_MAX];
};

/* fd stays the caller's. dropped: &process->log_lines_dropped or NULL. */
void tc_log_writer_init(struct tc_log_writer *writer, int fd, _Atomic uint64_t *dropped);

/* Before start. Rings outlive the writer. Asserts TC_LOG_RINGS_MAX. */
void tc_log_writer_add(struct tc_log_writer *writer, struct tc_log_ring *ring);

/* -TC_EIO. */
int tc_log_writer_start(struct tc_log_writer *writer, struct tc_err *err) TC_MUST_CHECK;

/* Ends the thread after a last drain, bounded by TC_LOG_STOP_MS. Without start: drains on the
 * calling thread. Call it after all other threads have ended. */
void tc_log_writer_stop(struct tc_log_writer *writer);

#endif
