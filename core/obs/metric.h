// SPDX-License-Identifier: Apache-2.0
/* core/obs/metric: the one table of what we measure; the counters and docs/metrics.md come from it.
 *
 * A block is the counters of one agent: a worker, an ingest agent, or the process (its supervisor).
 * Its agent is the only writer and uses tc_count_add, tc_count_set or tc_hist_record, which are
 * plain relaxed loads and stores; any thread may read. What is known only when asked for (lag of
 * each log) is pulled: a callback gives the samples while the text is made.
 *
 * Names: tickcast_<thing>[_<base unit>][_total]; durations in seconds, sizes in bytes. A new metric
 * is one row. Form: Prometheus text format 0.0.4. */
#ifndef TC_CORE_OBS_METRIC_H
#define TC_CORE_OBS_METRIC_H

#include "core/obs/hist.h"
#include "core/obs/metric_table.h"

enum {
    TC_METRIC_GAPS_MAX = 16,   /* reasons of gaps */
    TC_METRIC_CLOSES_MAX = 64, /* reasons of closes */
};

#define TC_METRIC_FIELD(field, ...) _Atomic uint64_t field;
#define TC_METRIC_FIELD_ARRAY(field, name, type, labels, max, help) _Atomic uint64_t field[max];
#define TC_METRIC_FIELD_HIST(field, ...) struct tc_hist field;

/* Writer: the worker. Zeroed is right. */
struct tc_metric_worker {
    TC_LINE_ALIGNED uint32_t worker; /* label; set at start */
    TC_METRIC_WORKER_TABLE(TC_METRIC_FIELD)
    TC_METRIC_WORKER_ARRAYS(TC_METRIC_FIELD_ARRAY)
    TC_METRIC_WORKER_HISTS(TC_METRIC_FIELD_HIST)
};

/* Writer: the ingest agent. One per source. */
struct tc_metric_ingest {
    TC_LINE_ALIGNED const char *source; /* label; set at start */
    TC_METRIC_INGEST_TABLE(TC_METRIC_FIELD)
};

/* Writer: the supervisor; log_lines_dropped: the log writer. */
struct tc_metric_process {
    TC_METRIC_PROCESS_TABLE(TC_METRIC_FIELD)
};

/* Pulled metrics, in the table's order. */
enum tc_metric_pulled {
#define X(id, ...) TC_METRIC_##id,
    TC_METRIC_PULLED_TABLE(X)
#undef X
        TC_METRIC_PULLED_CNT
};

/* The block's writer only. */
static inline void tc_count_add(_Atomic uint64_t *count, uint64_t n)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void tc_count_set(_Atomic uint64_t *count, uint64_t value)
{
    atomic_store_explicit(count, value, memory_order_relaxed);
}

static inline uint64_t tc_count_get(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* Where text goes; called many times with short pieces. */
typedef void (*tc_metric_write)(void *ctx, const char *bytes, size_t len);

struct tc_metric_out; /* being rendered */

struct tc_metric_set {
    const struct tc_metric_worker *const *workers;
    uint32_t worker_cnt;
    const struct tc_metric_ingest *const *ingests;
    uint32_t ingest_cnt;
    const struct tc_metric_process *process; /* may be NULL */
    const char *const *gap_names;            /* by index in gaps[]; NULL entries are left out */
    uint32_t gap_cnt;                        /* <= TC_METRIC_GAPS_MAX */
    const char *const *close_names;          /* by index in closes[] */
    uint32_t close_cnt;                      /* <= TC_METRIC_CLOSES_MAX */
    const char *version;                     /* build info */
    /* Calls tc_metric_sample for each sample of id. May be NULL. */
    void (*pull)(void *ctx, enum tc_metric_pulled id, struct tc_metric_out *out);
    void *pull_ctx;
};

/* Writes all metrics as Prometheus text. Any thread, one at a time per set. */
void tc_metric_render(const struct tc_metric_set *set, tc_metric_write write, void *ctx);

/* From pull(): one sample of the metric that was asked for. label: value of its label (any bytes;
 * escaped), ptr NULL if the metric has none. value: in the table's unit of storage. */
void tc_metric_sample(struct tc_metric_out *out, struct tc_str label, uint64_t value);

/* docs/metrics.md: a page with one row per metric. */
void tc_metric_markdown(tc_metric_write write, void *ctx);

#endif
