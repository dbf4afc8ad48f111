// SPDX-License-Identifier: Apache-2.0
/* io/engine/status: what the admin port answers: /metrics, /healthz, /readyz. Runs on the admin
 * thread; reads only what any thread may read. */
#ifndef TC_IO_ENGINE_STATUS_H
#define TC_IO_ENGINE_STATUS_H

#include "core/obs/metric.h"
#include "io/engine/ingest.h"
#include "io/side/admin.h"

struct tc_status {
    const struct tc_conf *conf;
    struct tc_ingest *const *ingests;
    uint32_t ingest_cnt;
    const struct tc_metric_worker *const *workers;
    uint32_t worker_cnt;
    const struct tc_metric_ingest *const *ingest_metrics;
    const struct tc_metric_process *process;
    const char *version;
    _Atomic bool is_draining; /* written by the supervisor */
};

/* A tc_admin_conf.get; ctx is a struct tc_status. */
int tc_status_get(void *ctx, struct tc_str path, struct tc_admin_out *out);

/* Every source has warmed up, or is known to be away. */
bool tc_status_is_ready(const struct tc_status *status);

#endif
