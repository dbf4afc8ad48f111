// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/os/os.h"
#include "tools/bench/window.h"

enum {
    SPARE_FDS = 32, /* standard streams, epoll, control, libraries */
    ANSWER_MS = 60000,
    ALIGN_NS = 2000000000, /* to find a moment that is quiet everywhere */
    PROGRESS_MS = 250,
};

struct run {
    struct tc_load_conf *conf;
    char *slots;
    size_t slot_bytes;
    pid_t workers[TC_LOAD_PROCS_MAX];
    struct pollfd controls[TC_LOAD_PROCS_MAX];
    uint32_t worker_cnt;
    clockid_t server_clocks[TC_LOAD_PIDS_MAX];
    uint32_t cpu_cnt;
    bool is_tty;
    struct tc_load_mark marks[2];
};

static struct tc_load_slot *slot_of(struct run *run, uint32_t idx)
{
    return (struct tc_load_slot *)(void *)(run->slots + idx * run->slot_bytes);
}

static uint64_t share_of_proc(const struct tc_load_conf *conf)
{
    return (conf->conn_cnt + conf->proc_cnt - 1) / conf->proc_cnt +
           (tc_load_churn_conns(conf) + conf->proc_cnt - 1) / conf->proc_cnt;
}

/* ---- before the start ---- */

static int check_descriptors(const struct tc_load_conf *conf, struct tc_err *err)
{
    uint64_t want = share_of_proc(conf) + SPARE_FDS;
    uint64_t have = tc_os_nofile_raise(want);
    if (have >= want)
        return TC_OK;
    uint64_t all = conf->conn_cnt + tc_load_churn_conns(conf);
    uint64_t procs = have > 2 * SPARE_FDS ? all / (have - 2 * SPARE_FDS) + 1 : 0;
    char hint[64] = "";
    if (procs > 0 && procs <= TC_LOAD_PROCS_MAX)
        snprintf(hint, sizeof(hint), "use --procs %" PRIu64 ", or ", procs);
    return tc_err_set(err, -TC_ELIMIT,
                      "too few descriptors: %" PRIu64 " connections over --procs %" PRIu64
                      " need %" PRIu64 " open files in a process, and the limit "
                      "(RLIMIT_NOFILE) is %" PRIu64 ": %sraise it with `ulimit -n %" PRIu64
                      "`, in a unit of systemd with LimitNOFILE=%" PRIu64,
                      all, conf->proc_cnt, want, have, hint, want, want);
}

static int open_clocks(struct run *run, struct tc_err *err)
{
    for (uint32_t i = 0; i < run->conf->pid_cnt; i++)
        if ((kill(run->conf->pids[i], 0) != 0 && errno == ESRCH) ||
            clock_getcpuclockid(run->conf->pids[i], &run->server_clocks[i]) != 0)
            return tc_err_set(err, -TC_EINVAL, "no process has the id %d (--pid)",
                              (int)run->conf->pids[i]);
    return TC_OK;
}

static int64_t server_ns(const struct run *run)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < run->conf->pid_cnt; i++)
        sum += tc_load_clock(run->server_clocks[i]);
    return sum;
}

static int start_worker(struct run *run, uint32_t idx, struct tc_err *err)
{
    const struct tc_load_conf *conf = run->conf;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return tc_err_set(err, -TC_EIO, "socketpair: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        static struct tc_load load;
        for (uint32_t i = 0; i < idx; i++) /* their ends are seen by none but the coordinator */
            close(run->controls[i].fd);
        close(ends[0]);
        load.conf = conf;
        load.dialect = conf->dialect;
        load.slot = slot_of(run, idx);
        load.control_fd = ends[1];
        load.proc_idx = idx;
        load.conn_cnt = tc_load_share(conf->conn_cnt, idx, conf->proc_cnt, &load.conn_first);
        uint32_t first = 0;
        load.churn_cnt = tc_load_share(tc_load_churn_conns(conf), idx, conf->proc_cnt, &first);
        _exit(tc_load_worker(&load));
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return tc_err_set(err, -TC_EIO, "fork: %s", strerror(errno));
    }
    run->workers[idx] = pid;
    run->controls[idx] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
    run->worker_cnt++;
    return TC_OK;
}

static int start_workers(struct run *run, struct tc_err *err)
{
    const struct tc_load_conf *conf = run->conf;
    run->slot_bytes = sizeof(struct tc_load_slot) + conf->room_cnt * sizeof(int64_t);
    run->slot_bytes = (run->slot_bytes + TC_LINE_BYTES - 1) / TC_LINE_BYTES * TC_LINE_BYTES;
    void *at = mmap(NULL, run->slot_bytes * conf->proc_cnt, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return tc_err_set(err, -TC_ENOMEM, "no memory for the counts of %" PRIu64 " processes",
                          conf->proc_cnt);
    run->slots = at;
    int rc = TC_OK;
    fflush(NULL); /* or each worker had a copy of what waits there */
    for (uint32_t i = 0; rc == TC_OK && i < conf->proc_cnt; i++)
        rc = start_worker(run, i, err);
    return rc;
}

static void stop_workers(struct run *run)
{
    for (uint32_t i = 0; i < run->worker_cnt; i++) {
        close(run->controls[i].fd); /* at which it ends */
        kill(run->workers[i], SIGTERM);
        while (waitpid(run->workers[i], NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (run->slots != NULL)
        munmap(run->slots, run->slot_bytes * run->conf->proc_cnt);
}

/* ---- words to and from the workers ---- */

static int lost(struct run *run, uint32_t idx, struct tc_err *err)
{
    const struct tc_load_slot *slot = slot_of(run, idx);
    if (slot->exit_code != 0)
        return tc_err_set(err, -TC_ECLOSED, "%s", slot->error);
    return tc_err_set(err, -TC_EINTERNAL, "process %u of the generator has died", idx);
}

static void progress(struct run *run, const char *what, int64_t left_ms)
{
    uint64_t ready = 0;
    if (!run->is_tty)
        return;
    for (uint32_t i = 0; i < run->worker_cnt; i++)
        ready += atomic_load_explicit(&slot_of(run, i)->ready_cnt, memory_order_relaxed);
    if (left_ms < 0)
        fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " connections\033[K", what, ready,
                run->conf->conn_cnt + tc_load_churn_conns(run->conf));
    else
        fprintf(stderr, "\r%s: %" PRId64 " s left\033[K", what, (left_ms + 999) / 1000);
}

static void progress_end(const struct run *run)
{
    if (run->is_tty)
        fputs("\r\033[K", stderr);
}

/* Passes that time; a worker that ends is an error. */
static int pass(struct run *run, const char *what, uint64_t span_ms, struct tc_err *err)
{
    int64_t until_ns = tc_os_mono_ns() + (int64_t)span_ms * 1000000;
    for (;;) {
        int64_t left_ms = (until_ns - tc_os_mono_ns() + 999999) / 1000000;
        if (left_ms <= 0)
            return TC_OK;
        progress(run, what, left_ms);
        if (poll(run->controls, run->worker_cnt, (int)TC_MIN(left_ms, (int64_t)PROGRESS_MS)) <= 0)
            continue;
        for (uint32_t i = 0; i < run->worker_cnt; i++)
            if (run->controls[i].revents != 0) /* nothing was asked: it can only be the end */
                return lost(run, i, err);
    }
}

/* One word of each worker. > 0: all said `good`; 0: one did not. */
static int hear(struct run *run, const char *what, char good, struct tc_err *err)
{
    struct pollfd waiting[TC_LOAD_PROCS_MAX];
    uint32_t heard = 0;
    bool is_good = true;
    bool is_bounded = good != TC_LOAD_READY; /* connecting has a bound of its own */
    int64_t until_ns = tc_os_mono_ns() + ANSWER_MS * 1000000ll;
    memcpy(waiting, run->controls, sizeof(waiting));
    while (heard < run->worker_cnt) {
        if (is_bounded && tc_os_mono_ns() > until_ns)
            return tc_err_set(err, -TC_EINTERNAL, "a process of the generator does not answer");
        if (what != NULL)
            progress(run, what, -1);
        if (poll(waiting, run->worker_cnt, PROGRESS_MS) <= 0)
            continue;
        for (uint32_t i = 0; i < run->worker_cnt; i++) {
            char word = 0;
            if (waiting[i].fd < 0 || waiting[i].revents == 0)
                continue;
            if (read(waiting[i].fd, &word, 1) != 1)
                return lost(run, i, err);
            is_good = is_good && word == good;
            waiting[i].fd = -1; /* poll passes over it */
            heard++;
        }
    }
    return is_good;
}

static int ask(struct run *run, char word, char good, struct tc_err *err)
{
    for (uint32_t i = 0; i < run->worker_cnt; i++)
        if (send(run->controls[i].fd, &word, 1, MSG_NOSIGNAL) != 1)
            return lost(run, i, err);
    return hear(run, NULL, good, err);
}

/* ---- marks ---- */

/* Workers of that server have seen the same of each room, as far as they have members there. */
static bool is_level_at(struct run *run, uint32_t target_idx)
{
    for (uint64_t room = 0; room < run->conf->room_cnt; room++) {
        int64_t max = -1;
        for (uint32_t i = target_idx; i < run->worker_cnt; i += run->conf->target_cnt) {
            int64_t seen = slot_of(run, i)->room_max[room];
            if (max >= 0 && seen >= 0 && seen != max)
                return false;
            max = seen >= 0 ? seen : max;
        }
    }
    return true;
}

static bool is_level(struct run *run)
{
    for (uint32_t i = 0; i < run->conf->target_cnt; i++)
        if (!is_level_at(run, i))
            return false;
    return true;
}

static void take_mark(struct run *run, struct tc_load_mark *mark)
{
    memset(mark, 0, sizeof(*mark));
    mark->wall_ns = tc_load_clock(CLOCK_MONOTONIC);
    mark->server_ns = server_ns(run);
    for (uint32_t i = 0; i < run->worker_cnt; i++)
        tc_load_mark_add(mark, i, slot_of(run, i));
}

/* At a quiet moment that is one for all, if there is any. */
static int mark(struct run *run, struct tc_load_mark *mark, struct tc_err *err)
{
    int rc = 0;
    if (run->conf->is_saturated) {
        rc = ask(run, TC_LOAD_CMD_NOW, TC_LOAD_MARKED, err);
        take_mark(run, mark);
        return rc < 0 ? rc : TC_OK;
    }
    int64_t until_ns = tc_os_mono_ns() + ALIGN_NS;
    do {
        bool is_quiet = false;
        rc = ask(run, TC_LOAD_CMD_QUIET, TC_LOAD_MARKED, err);
        is_quiet = rc > 0 && is_level(run);
        take_mark(run, mark);
        if (is_quiet) {
            rc = ask(run, TC_LOAD_CMD_STILL, TC_LOAD_YES, err);
            mark->is_aligned = rc > 0;
        }
    } while (rc >= 0 && !mark->is_aligned && tc_os_mono_ns() < until_ns);
    return rc < 0 ? rc : TC_OK;
}

/* ---- the run ---- */

static void print_ready(struct run *run, int64_t span_ns, int64_t cpu_ns)
{
    const struct tc_load_conf *conf = run->conf;
    double span_s = (double)span_ns * 1e-9;
    if (conf->is_json)
        printf("{\"ready\":%" PRIu64 ",\"connect_s\":%.3f,\"server_cpu_s\":%.4f}\n", conf->conn_cnt,
               span_s, (double)cpu_ns * 1e-9);
    else
        printf("%" PRIu64 " connections to %s (%s%s), rooms: %" PRIu64 ", ready after %.2f s\n",
               conf->conn_cnt, conf->connect, conf->dialect->name, conf->is_tls ? ", TLS" : "",
               conf->room_cnt, span_s);
    fflush(stdout);
}

/* Waits for the end of standard input. */
static int await_end_of_input(struct run *run, struct tc_err *err)
{
    struct pollfd fds[TC_LOAD_PROCS_MAX + 1];
    memcpy(fds, run->controls, sizeof(run->controls));
    fds[run->worker_cnt] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
    for (;;) {
        char bytes[256];
        if (poll(fds, run->worker_cnt + 1, -1) <= 0)
            continue;
        for (uint32_t i = 0; i < run->worker_cnt; i++)
            if (fds[i].revents != 0)
                return lost(run, i, err);
        if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
            return TC_OK;
    }
}

/* Returns how many windows have no figure, or an error. */
static int measure(struct run *run, struct tc_err *err)
{
    static struct tc_load_window window;
    const struct tc_load_conf *conf = run->conf;
    int void_cnt = 0;
    int rc = pass(run, "warming up", conf->warm_ms, err);
    if (rc == TC_OK)
        rc = mark(run, &run->marks[0], err);
    for (uint64_t i = 0; rc == TC_OK && i < conf->window_cnt; i++) {
        char what[64];
        snprintf(what, sizeof(what), "window %" PRIu64 " of %" PRIu64, i + 1, conf->window_cnt);
        rc = pass(run, what, conf->window_ms, err);
        if (rc == TC_OK)
            rc = mark(run, &run->marks[(i + 1) % 2], err);
        if (rc != TC_OK)
            break;
        progress_end(run);
        tc_load_judge(&window, conf, &run->marks[i % 2], &run->marks[(i + 1) % 2], run->cpu_cnt);
        tc_load_print(&window, i + 1, stdout);
        void_cnt += !window.is_valid;
    }
    return rc < 0 ? rc : void_cnt;
}

static int work(struct run *run, struct tc_err *err)
{
    int64_t start_ns = tc_os_mono_ns();
    int64_t start_cpu_ns = server_ns(run);
    int rc = start_workers(run, err);
    if (rc == TC_OK)
        rc = hear(run, "connecting", TC_LOAD_READY, err);
    progress_end(run);
    if (rc < 0)
        return rc;
    print_ready(run, tc_os_mono_ns() - start_ns, server_ns(run) - start_cpu_ns);
    rc = run->conf->is_idle || run->conf->is_held ? await_end_of_input(run, err) : TC_OK;
    return rc != TC_OK || run->conf->is_idle ? rc : measure(run, err);
}

static int exit_code_of(int rc)
{
    switch (rc) {
    case -TC_EINVAL:
        return TC_LOAD_USAGE;
    case -TC_ELIMIT:
    case -TC_ENOMEM:
        return TC_LOAD_START;
    case -TC_EINTERNAL:
        return TC_LOAD_INTERNAL;
    default:
        return TC_LOAD_REMOTE;
    }
}

/* Checks what can be checked before the first connection, and measures. */
static int run_all(struct run *run, struct tc_err *err)
{
    int rc = check_descriptors(run->conf, err);
    if (rc == TC_OK)
        rc = tc_load_resolve(run->conf, err);
    if (rc == TC_OK)
        rc = open_clocks(run, err);
    if (rc == TC_OK) {
        run->cpu_cnt = tc_os_cpu_cnt();
        rc = work(run, err);
        progress_end(run);
        stop_workers(run);
    }
    return rc;
}

static void help(const struct tc_load_face *face)
{
    fputs(face->usage, stdout);
    fputs("\ndialects:\n", stdout);
    for (const struct tc_load_dialect *const *d = face->dialects; *d != NULL; d++)
        printf("  %-18s %s\n", (*d)->name, (*d)->about);
}

int tc_load_main(const struct tc_load_face *face, int argc, char **argv)
{
    static struct run run;
    struct tc_load_conf conf = { .program = face->program, .dialects = face->dialects };
    struct tc_err err = { .code = 0 };
    int rc = tc_load_args(&conf, argc, argv, face->own != NULL, &err);
    if (rc != TC_OK) {
        fprintf(stderr, "%s: %s\ntry: %s --help\n", face->program, err.text, face->program);
        return TC_LOAD_USAGE;
    }
    if (conf.is_help) {
        help(face);
        return TC_LOAD_OK;
    }
    memset(&run, 0, sizeof(run));
    run.conf = &conf;
    run.is_tty = isatty(STDERR_FILENO);
    bool is_own = conf.connect == NULL;
    if (is_own && face->own->start(&conf, &err) != TC_OK) {
        fprintf(stderr, "%s: %s\n", face->program, err.text);
        return TC_LOAD_START;
    }
    rc = run_all(&run, &err);
    if (is_own)
        face->own->stop();
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", face->program, err.text);
    else if (rc > 0)
        fprintf(stderr, "%s: %d of %" PRIu64 " windows gave no figure\n", face->program, rc,
                conf.window_cnt);
    return rc < 0 ? exit_code_of(rc) : rc > 0 ? TC_LOAD_REMOTE : TC_LOAD_OK;
}
