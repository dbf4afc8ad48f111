// SPDX-License-Identifier: Apache-2.0
/* Goal: log lines reach the descriptor whole, and a descriptor that takes none costs lines, which
 * are counted, never time. */
#include "io/side/log_writer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/os/os.h"

enum { RINGS = 3, ENTRIES = 64, EACH = 3000 };

static struct tc_mem mem;
static struct tc_log_ring rings[RINGS];
static struct tc_log_writer writer;
static _Atomic uint64_t dropped;
static int ends[2]; /* of the pipe: reader, writer */

static void open_all(void)
{
    struct tc_err err;
    char agent[16];
    tc_mem_init(&mem, 0);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    tc_log_writer_init(&writer, ends[1], &dropped);
    for (uint32_t i = 0; i < RINGS; i++) {
        snprintf(agent, sizeof(agent), "agent %u", i);
        cr_assert_eq(tc_log_ring_init(&rings[i], &mem, agent, ENTRIES, TC_LOG_INFO, tc_os_log_clock,
                                      NULL, &err),
                     TC_OK, "%s", err.text);
        tc_log_writer_add(&writer, &rings[i]);
    }
}

/* A pipe that takes nothing more. */
static void fill_pipe(void)
{
    static const char block[4096];
    int flags = fcntl(ends[1], F_GETFL);
    cr_assert_eq(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK), 0);
    while (write(ends[1], block, sizeof(block)) > 0) {
    }
    cr_assert_eq(errno, EAGAIN);
    cr_assert_eq(fcntl(ends[1], F_SETFL, flags), 0);
}

/* Reads lines up to the pipe's end; counts those of each agent, which must come in order. */
static void read_lines(uint64_t lines[RINGS], uint64_t *told)
{
    char line[TC_LOG_LINE_MAX + 1];
    int64_t last[RINGS] = { -1, -1, -1 };
    FILE *file = fdopen(ends[0], "r");
    while (fgets(line, sizeof(line), file)) {
        const char *agent = strstr(line, "\"agent\":\"agent ");
        const char *n = strstr(line, "\"n\":");
        size_t len = strlen(line);
        cr_assert(line[0] == '{' && len > 2 && strcmp(line + len - 2, "}\n") == 0, "%s", line);
        cr_assert_not_null(agent, "%s", line);
        uint32_t i = (uint32_t)(agent[15] - '0');
        cr_assert_lt(i, RINGS);
        if (strstr(line, "\"log-dropped\"")) {
            ++*told;
            continue;
        }
        cr_assert_not_null(n, "%s", line);
        int64_t number = strtoll(n + 4, NULL, 10);
        cr_assert_gt(number, last[i]);
        last[i] = number;
        lines[i]++;
    }
    fclose(file);
}

static void fill_rings(void *arg)
{
    (void)arg;
    for (int64_t n = 0; n < EACH; n++) {
        for (uint32_t i = 0; i < RINGS; i++) {
            struct tc_log_field field = TC_LOG_I("n", n);
            tc_log_with(&rings[i], TC_LOG_INFO, "test", &field, 1, "a line of %u", i);
        }
        if (n % 16 == 0)
            sched_yield();
    }
}

static void stop_after_logging(void *arg)
{
    fill_rings(arg);
    tc_log_writer_stop(&writer);
    close(ends[1]);
}

Test(log_writer, lines_arrive_whole, .timeout = 60)
{
    /* Goal: lines of all rings arrive whole and in their ring's order; every entry is a line or
     * counted, and a line tells of the drops; what was logged before stop is not lost to it. */
    struct tc_thread thread;
    struct tc_err err;
    uint64_t lines[RINGS] = { 0 };
    uint64_t told = 0, sum = 0;
    open_all();
    cr_assert_eq(tc_log_writer_start(&writer, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_thread_start(&thread, "logging", -1, stop_after_logging, NULL, &err), TC_OK);
    read_lines(lines, &told);
    tc_thread_join(&thread);
    for (uint32_t i = 0; i < RINGS; i++) {
        cr_expect_eq(lines[i] + tc_log_dropped_cnt(&rings[i]), EACH, "ring %u", i);
        cr_expect_geq(lines[i], ENTRIES, "ring %u", i);
        sum += lines[i];
    }
    cr_assert_eq(tc_count_get(&writer.line_cnt), sum + told);
    cr_assert_eq(tc_count_get(&dropped), RINGS * EACH - sum);
    cr_assert_eq(told > 0, tc_count_get(&dropped) > 0);
    cr_assert_eq(writer.lost_cnt, 0);
    tc_mem_fini(&mem);
}

Test(log_writer, writes_without_being_asked, .timeout = 60)
{
    /* Goal: a single line comes out soon, without stop and without another line behind it. */
    struct tc_err err;
    char line[TC_LOG_LINE_MAX];
    struct pollfd p;
    open_all();
    cr_assert_eq(tc_log_writer_start(&writer, &err), TC_OK);
    p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
    for (int i = 0; i < 3; i++) {
        tc_log(&rings[i], TC_LOG_WARN, "alone", "line %d", i);
        cr_assert_eq(poll(&p, 1, 10000), 1);
        ssize_t n = read(ends[0], line, sizeof(line) - 1);
        cr_assert_gt(n, 0);
        line[n] = 0;
        cr_assert(strstr(line, "\"code\":\"alone\"") && line[n - 1] == '\n', "%s", line);
    }
    tc_log_writer_stop(&writer);
    tc_mem_fini(&mem);
}

Test(log_writer, without_a_thread)
{
    /* Goal: stop without start writes what the rings hold. */
    uint64_t lines[RINGS] = { 0 };
    uint64_t told = 0;
    open_all();
    for (uint32_t i = 0; i < RINGS; i++) {
        struct tc_log_field field = TC_LOG_I("n", 1);
        tc_log_with(&rings[i], TC_LOG_ERROR, "test", &field, 1, "before start");
    }
    tc_log_writer_stop(&writer);
    close(ends[1]);
    read_lines(lines, &told);
    cr_assert(lines[0] == 1 && lines[1] == 1 && lines[2] == 1 && told == 0);
    tc_mem_fini(&mem);
}

Test(log_writer, blocked_pipe_costs_lines_not_time, .timeout = 60)
{
    /* Goal: with a reader that does not read, loggers and stop are not held up beyond its bound;
     * every entry is counted as dropped; the pipe's flags are not touched. */
    struct tc_err err;
    open_all();
    fill_pipe();
    int flags = fcntl(ends[1], F_GETFL);
    cr_assert_eq(tc_log_writer_start(&writer, &err), TC_OK);
    fill_rings(NULL);
    int64_t begin_ns = tc_os_mono_ns();
    tc_log_writer_stop(&writer);
    int64_t took_ms = (tc_os_mono_ns() - begin_ns) / 1000000;
    cr_assert_geq(took_ms, TC_LOG_STOP_MS - TC_LOG_WRITE_MS, "it gives the reader its time");
    cr_assert_lt(took_ms, TC_LOG_STOP_MS + 5000);
    cr_assert_eq(tc_count_get(&writer.line_cnt), 0);
    cr_assert_geq(tc_count_get(&dropped), RINGS * EACH);
    cr_assert_eq(fcntl(ends[1], F_GETFL), flags);
    tc_mem_fini(&mem);
}

Test(log_writer, closed_pipe_is_no_signal, .timeout = 60)
{
    /* Goal: a reader that went away neither ends the process (SIGPIPE) nor stops the writer from
     * emptying the rings; all is counted. */
    struct tc_err err;
    open_all();
    close(ends[0]);
    cr_assert_eq(tc_log_writer_start(&writer, &err), TC_OK);
    fill_rings(NULL);
    int64_t begin_ns = tc_os_mono_ns();
    tc_log_writer_stop(&writer);
    cr_assert_lt((tc_os_mono_ns() - begin_ns) / 1000000, 5000);
    cr_assert_eq(tc_count_get(&writer.line_cnt), 0);
    cr_assert_geq(tc_count_get(&dropped), RINGS * EACH);
    cr_assert_gt(writer.lost_cnt, 0);
    tc_mem_fini(&mem);
}

Test(log_writer, full_disk)
{
    /* Goal: a descriptor that refuses every byte is counted, not tried for ever. */
    open_all();
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(full, 0);
    writer.fd = full;
    tc_log(&rings[0], TC_LOG_ERROR, "test", "a line");
    tc_log_writer_stop(&writer);
    cr_assert_eq(tc_count_get(&dropped), 1);
    cr_assert_eq(writer.lost_cnt, 1);
    close(full);
    tc_mem_fini(&mem);
}
