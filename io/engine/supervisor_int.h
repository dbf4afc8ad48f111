// SPDX-License-Identifier: Apache-2.0
/* io/engine/supervisor_int: what the engine consists of; supervisor.c starts and ends it, running.c
 * looks after it meanwhile. The main thread's, unless said. */
#ifndef TC_IO_ENGINE_SUPERVISOR_INT_H
#define TC_IO_ENGINE_SUPERVISOR_INT_H

#include <pthread.h>

#include "io/engine/certs.h"
#include "io/engine/status.h"
#include "io/engine/supervisor.h"
#include "io/engine/worker.h"
#include "io/session/desk.h"
#include "io/side/admin.h"
#include "io/side/log_writer.h"

enum gate { GATE_SHUT, GATE_OPEN, GATE_ABORT };

struct worker_thread {
    struct tc_engine *engine;
    struct tc_worker worker;
    struct tc_worker_conf conf;
    struct tc_thread thread;
    struct tc_ingest *fused[TC_SOURCES_MAX];
    struct tc_metric_worker *metric;
    struct tc_log_ring *log;
    struct tc_err err;
    int rc;
    int bell;
    int listen_fds[TC_NET_LISTENER_CNT];
    bool is_opened; /* rc is valid; under the engine's lock */
};

struct ingest_thread {
    struct tc_engine *engine;
    struct tc_ingest ingest;
    struct tc_source_env env;
    struct tc_thread thread;
    struct tc_metric_ingest *metric;
    struct tc_log_ring *log;
    int bell;
    _Atomic bool is_stopping;
};

struct tc_engine {
    struct tc_engine_conf conf;
    struct tc_plan plan;
    struct tc_mem mem;
    _Atomic uint64_t sleeping;
    struct tc_hash_key key;
    int64_t start_ms;
    int64_t start_ns;
    const struct tc_reactor_ops *ops;
    struct tc_addr addrs[TC_NET_LISTENER_CNT];
    struct tc_certs certs;
    struct tc_desk *desk; /* NULL: no service wants it */
    struct worker_thread *workers;
    struct ingest_thread *ingests;
    struct tc_fan_feed feeds[TC_SOURCES_MAX];
    struct tc_ingest *ingest_list[TC_SOURCES_MAX];
    int bells[TC_WORKERS_MAX];
    const struct tc_metric_worker *worker_metrics[TC_WORKERS_MAX];
    const struct tc_metric_ingest *ingest_metrics[TC_SOURCES_MAX];
    struct tc_metric_process process;
    struct tc_status status;
    struct tc_log_ring *log; /* the supervisor's own; NULL if it could not be had */
    struct tc_log_writer *writer;
    struct tc_admin *admin;
    uint32_t cpu_avoid[TC_WORKERS_MAX + TC_SOURCES_MAX];
    bool is_ready_told;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum gate gate; /* under lock */
};

#endif
