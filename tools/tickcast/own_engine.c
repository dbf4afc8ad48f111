// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/own_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "io/engine/supervisor.h"
#include "io/engine/types.h"
#include "io/os/os.h"
#include "tools/tickcast/services.h"

enum { TEXT_BYTES = 2048, SPARE_CONNS = 64, SPARE_FDS = 256 };

/* What the child says once it listens, or why it does not. */
struct report {
    int rc;
    char text[TC_ERR_TEXT_BYTES]; /* of an error, or HOST:PORT */
};

static const char conf_text[] =
    "listen: \"127.0.0.1:0\"\n"
    "admin: { listen: \"127.0.0.1:0\" }\n"
    "log: { level: error }\n"
    "workers: { count: 1, idle: sleep }\n"
    "limits: { connections: %" PRIu64 ", rooms: %" PRIu64 ", members: %" PRIu64 " }\n"
    "timeouts: { drain_s: 1 }\n"
    "sources:\n"
    "  - name: bench\n"
    "    history: { bytes: 33554432, events: 131072 }\n"
    "    synth: { symbols: %" PRIu64 ", rate: %" PRIu64 ", burst: %" PRIu64
    ", payload_bytes: %" PRIu64 ", seed: 1, room: \"ticker-S{n}\", event: ticker-update }\n";

static pid_t child;
static struct report report;

/* ---- in the child ---- */

static int start_engine(struct tc_engine **out, const struct tc_load_conf *load, struct tc_err *err)
{
    static struct tc_conf conf;
    static struct tc_rules rules;
    static struct tc_types types;
    char text[TEXT_BYTES];
    uint64_t conns = load->conn_cnt + tc_load_churn_conns(load) + SPARE_CONNS;
    uint64_t members = conns * TC_MAX(load->follow_cnt, load->streams);
    int len = snprintf(text, sizeof(text), conf_text, conns, load->room_cnt + SPARE_CONNS, members,
                       load->room_cnt, load->is_idle ? 0 : load->rate, load->burst, load->payload);
    TC_ASSERT(len > 0 && (size_t)len < sizeof(text));
    uint64_t files = tc_os_nofile_raise(conns + SPARE_FDS);
    if (files < conns + SPARE_FDS)
        return tc_err_set(err, -TC_ELIMIT,
                          "too few descriptors: an engine with %" PRIu64
                          " connections needs %" PRIu64 " open files, and the limit "
                          "(RLIMIT_NOFILE) is %" PRIu64 ": raise it with `ulimit -n`",
                          conns, conns + SPARE_FDS, files);
    int rc = tc_conf_parse(&conf, (struct tc_str){ text, (size_t)len }, NULL, err);
    if (rc == TC_OK)
        rc = tc_check_rules(&conf, &rules, err);
    if (rc == TC_OK)
        rc = tc_types_load(&types, &conf, &rules, err);
    if (rc != TC_OK)
        return rc;
    const struct tc_engine_conf engine = { .conf = &conf,
                                           .rules = &rules,
                                           .grpc = &tc_services,
                                           .types = &types,
                                           .version = TC_VERSION,
                                           .log_fd = STDERR_FILENO };
    return tc_engine_start(out, &engine, err);
}

static int child_main(const struct tc_load_conf *load, int report_fd)
{
    struct tc_engine *engine = NULL;
    struct tc_err err = { .code = 0 };
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    tc_engine_signals_block();
    report.rc = start_engine(&engine, load, &err);
    if (report.rc == TC_OK)
        tc_addr_text(tc_engine_addr(engine), report.text);
    else
        snprintf(report.text, sizeof(report.text), "%s", err.text);
    bool is_told = write(report_fd, &report, sizeof(report)) == (ssize_t)sizeof(report);
    close(report_fd);
    if (report.rc != TC_OK)
        return 1;
    if (is_told)
        (void)tc_engine_wait(engine, -1, NULL, NULL);
    tc_engine_stop(engine);
    return 0;
}

/* ---- in the caller ---- */

/* The first core for the engine, the others for the caller. */
static void part_cores(const cpu_set_t *all, bool is_engine)
{
    cpu_set_t mine = *all;
    size_t first = 0;
    if (CPU_COUNT(all) < 2)
        return;
    while (!CPU_ISSET(first, all))
        first++;
    if (is_engine)
        CPU_ZERO(&mine);
    if (is_engine)
        CPU_SET(first, &mine);
    else
        CPU_CLR(first, &mine);
    (void)sched_setaffinity(0, sizeof(mine), &mine);
}

static int start(struct tc_load_conf *conf, struct tc_err *err)
{
    cpu_set_t all;
    int fds[2];
    report.rc = -TC_EIO;
    CPU_ZERO(&all);
    (void)sched_getaffinity(0, sizeof(all), &all);
    if (pipe(fds) != 0)
        return tc_err_set(err, -TC_EIO, "pipe: %s", strerror(errno));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        part_cores(&all, true);
        _exit(child_main(conf, fds[1]));
    }
    close(fds[1]);
    ssize_t n = child > 0 ? read(fds[0], &report, sizeof(report)) : -1;
    close(fds[0]);
    if (n != (ssize_t)sizeof(report) || report.rc != TC_OK) {
        tc_own_engine.stop();
        return tc_err_set(err, report.rc, "no engine of its own: %s",
                          n > 0 ? report.text : "it did not start");
    }
    part_cores(&all, false);
    conf->connect = report.text;
    conf->pids[0] = child;
    conf->pid_cnt = 1;
    return TC_OK;
}

static void stop(void)
{
    if (child <= 0)
        return;
    kill(child, SIGTERM);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    child = 0;
}

const struct tc_load_own tc_own_engine = { start, stop };
