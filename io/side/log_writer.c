// SPDX-License-Identifier: Apache-2.0
#include "io/side/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "io/os/os.h"

_Static_assert(TC_LOG_LINE_MAX <= PIPE_BUF, "a pollable pipe takes a write of this size at once");

void tc_log_writer_init(struct tc_log_writer *writer, int fd, _Atomic uint64_t *dropped)
{
    memset(writer, 0, sizeof(*writer));
    writer->fd = fd;
    writer->bell = -1;
    writer->dropped = dropped;
}

void tc_log_writer_add(struct tc_log_writer *writer, struct tc_log_ring *ring)
{
    TC_ASSERT(writer->ring_cnt < TC_LOG_RINGS_MAX && !writer->thread.is_started);
    writer->rings[writer->ring_cnt++] = ring;
}

/* What is in buf cannot be written any more. */
static void drop_buf(struct tc_log_writer *writer)
{
    writer->lost_cnt += writer->buf_line_cnt;
    writer->len = 0;
    writer->off = 0;
    writer->buf_line_cnt = 0;
}

/* Bytes for one write: whole lines, at most what a pollable pipe takes at once. */
static size_t chunk_len(const struct tc_log_writer *writer)
{
    const char *from = writer->buf + writer->off;
    size_t len = writer->len - writer->off;
    if (len <= TC_LOG_LINE_MAX)
        return len;
    const char *end = memrchr(from, '\n', TC_LOG_LINE_MAX);
    return end ? (size_t)(end - from) + 1 : TC_LOG_LINE_MAX;
}

/* True: buf is empty. False: the descriptor takes nothing within wait_ms. */
static bool flush(struct tc_log_writer *writer, int wait_ms)
{
    while (writer->off < writer->len) {
        struct pollfd p = { .fd = writer->fd, .events = POLLOUT };
        int ready = poll(&p, 1, wait_ms);
        if (ready == 0 || (ready < 0 && errno == EINTR))
            return false;
        /* a closed pipe is POLLERR: the write below would only raise SIGPIPE */
        if (ready < 0 || (p.revents & (POLLERR | POLLNVAL))) {
            drop_buf(writer);
            return true;
        }
        ssize_t n = write(writer->fd, writer->buf + writer->off, chunk_len(writer));
        if (n > 0) {
            writer->off += (uint32_t)n;
        } else if (errno == EAGAIN || errno == EINTR) {
            return false;
        } else {
            drop_buf(writer); /* a full disk, a broken pipe */
            return true;
        }
    }
    tc_count_add(&writer->line_cnt, writer->buf_line_cnt);
    writer->len = 0;
    writer->off = 0;
    writer->buf_line_cnt = 0;
    return true;
}

static void publish_dropped(struct tc_log_writer *writer)
{
    uint64_t cnt = writer->lost_cnt;
    if (!writer->dropped)
        return;
    for (uint32_t i = 0; i < writer->ring_cnt; i++)
        cnt += tc_log_dropped_cnt(writer->rings[i]);
    tc_count_set(writer->dropped, cnt);
}

/* Carries entries of all rings until they are empty (true) or the descriptor does not take them. */
static bool drain(struct tc_log_writer *writer, int wait_ms)
{
    for (uint32_t i = 0; i < writer->ring_cnt; i++) {
        /* a ring's length and its line of drops: one that fills as fast as it is read does not
         * starve the others */
        uint64_t left = writer->rings[i]->mask + 2;
        size_t len = 0;
        do {
            /* room first: an entry stays in its ring while nothing can be written */
            if (sizeof(writer->buf) - writer->len < TC_LOG_LINE_MAX && !flush(writer, wait_ms))
                return false;
            len = tc_log_next_line(writer->rings[i], writer->buf + writer->len);
            writer->len += (uint32_t)len;
            writer->buf_line_cnt += len > 0;
        } while (len > 0 && --left > 0);
    }
    return flush(writer, wait_ms);
}

static void run(void *arg)
{
    struct tc_log_writer *writer = arg;
    while (!atomic_load_explicit(&writer->is_stopping, memory_order_acquire)) {
        struct pollfd p = { .fd = writer->bell, .events = POLLIN };
        uint64_t before = atomic_load_explicit(&writer->line_cnt, memory_order_relaxed);
        bool is_empty = drain(writer, 0);
        publish_dropped(writer);
        bool is_idle =
            is_empty && before == atomic_load_explicit(&writer->line_cnt, memory_order_relaxed);
        (void)poll(&p, 1, is_idle ? TC_LOG_IDLE_MS : TC_LOG_WRITE_MS);
    }
}

int tc_log_writer_start(struct tc_log_writer *writer, struct tc_err *err)
{
    writer->bell = tc_os_bell_open(err);
    if (writer->bell < 0)
        return writer->bell;
    int rc = tc_thread_start(&writer->thread, "tc-log", -1, run, writer, err);
    if (rc < 0) {
        tc_os_close(writer->bell);
        writer->bell = -1;
    }
    return rc;
}

/* Whether a ring has something to tell. */
static bool has_more(const struct tc_log_writer *writer)
{
    for (uint32_t i = 0; i < writer->ring_cnt; i++) {
        const struct tc_log_ring *ring = writer->rings[i];
        if (atomic_load_explicit(&ring->head, memory_order_acquire) !=
            atomic_load_explicit(&ring->tail, memory_order_relaxed))
            return true;
    }
    return writer->len > 0;
}

void tc_log_writer_stop(struct tc_log_writer *writer)
{
    char line[TC_LOG_LINE_MAX];
    atomic_store_explicit(&writer->is_stopping, true, memory_order_release);
    if (writer->thread.is_started) {
        tc_os_bell_ring(writer->bell);
        tc_thread_join(&writer->thread);
    }
    tc_os_close(writer->bell);
    writer->bell = -1;
    int64_t end_ns = tc_os_mono_ns() + (int64_t)TC_LOG_STOP_MS * 1000000;
    do {
        if (drain(writer, TC_LOG_WRITE_MS) && !has_more(writer))
            break;
    } while (tc_os_mono_ns() < end_ns);
    drop_buf(writer);
    for (uint32_t i = 0; i < writer->ring_cnt; i++) {
        while (tc_log_next_line(writer->rings[i], line) > 0)
            writer->lost_cnt++;
    }
    publish_dropped(writer);
}
