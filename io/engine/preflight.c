// SPDX-License-Identifier: Apache-2.0
#include "io/engine/preflight.h"

#include <inttypes.h>

#include "io/net/net.h"
#include "io/os/os.h"

/* Descriptors of everything but connections. */
enum {
    RESERVE_FDS = 40, /* admin port, log, libraries */
    WORKER_FDS = 6,   /* reactor, listeners, doorbell, shared pages */
    SOURCE_FDS = 2,
    KAFKA_FDS = 24, /* librdkafka's sockets */
};

static uint64_t reserve_of(const struct tc_conf *conf, const struct tc_plan *plan)
{
    uint64_t reserve = RESERVE_FDS + (uint64_t)(TC_NET_LOBBY_MAX + WORKER_FDS) * plan->worker_cnt;
    for (uint32_t i = 0; i < conf->source_cnt; i++)
        reserve += conf->sources[i].kind == TC_SOURCE_KAFKA ? KAFKA_FDS : SOURCE_FDS;
    return reserve;
}

int tc_preflight_descriptors(struct tc_conf *conf, const struct tc_plan *plan,
                             struct tc_log_ring *log, struct tc_err *err)
{
    uint32_t connections = conf->limits.connections;
    uint64_t reserve = reserve_of(conf, plan);
    uint64_t want = connections + reserve;
    uint64_t have = tc_os_nofile_raise(want);
    if (have >= want)
        return TC_OK;
    if (have < connections || have < 2 * reserve)
        return tc_err_set(err, -TC_EIO,
                          "limits.connections is %" PRIu32 ", but the process may open %" PRIu64
                          " descriptors only: raise the limit to %" PRIu64
                          " (ulimit -n, LimitNOFILE=) or lower limits.connections",
                          connections, have, want);
    conf->limits.connections = (uint32_t)(have - reserve);
    tc_log(log, TC_LOG_WARN, "connections-lowered",
           "limits.connections is %" PRIu32 " instead of %" PRIu32 ": the process may open %" PRIu64
           " descriptors; raise the limit to %" PRIu64 " (ulimit -n, LimitNOFILE=)",
           conf->limits.connections, connections, have, want);
    return TC_OK;
}

int tc_preflight_reactor(const struct tc_conf *conf, struct tc_log_ring *log,
                         const struct tc_reactor_ops **ops, struct tc_err *err)
{
    struct tc_mem mem;
    struct tc_reactor *probe;
    struct tc_err why = { .code = 0 };
    struct tc_reactor_conf small = { 1, 4096, 8, &mem, "probe" };
    *ops = &tc_reactor_epoll;
    if (conf->reactor != TC_REACTOR_EPOLL) {
        tc_mem_init(&mem, 0);
        int rc = tc_reactor_io_uring.open(&probe, &small, &why);
        if (rc == TC_OK) {
            tc_reactor_io_uring.close(probe);
            *ops = &tc_reactor_io_uring;
        }
        tc_mem_fini(&mem);
        if (rc < 0 && conf->reactor == TC_REACTOR_IO_URING)
            return tc_err_set(err, -TC_EIO, "reactor: io_uring cannot be used here: %s", why.text);
    }
    tc_log(log, TC_LOG_INFO, "reactor", "reactor %s%s%s", (*ops)->name, why.code ? ": " : "",
           why.code ? why.text : "");
    return TC_OK;
}
