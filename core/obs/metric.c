// SPDX-License-Identifier: Apache-2.0
#include "core/obs/metric.h"

#include <stdio.h>

enum type { COUNTER, GAUGE, GAUGE_MS, HISTOGRAM };
enum label { NONE, WORKER, SOURCE, LOG, REASON };
enum block { IN_WORKER, IN_INGEST, IN_PROCESS, PULLED };

static const char *const label_texts[] = { "", "worker", "source", "log", "reason" };

/* A row of the tables. */
struct row {
    const char *name;
    const char *help;
    size_t off; /* in its block; of a pulled one: its number */
    uint32_t cnt;
    enum type type;
    enum label label;
    enum block block;
};

#define ROW(where, strct, field, name, type, label, cnt, help)                                     \
    { "tickcast_" name, help, offsetof(struct strct, field), cnt, type, label, where },
#define WORKER_ROW(field, name, type, label, help)                                                 \
    ROW(IN_WORKER, tc_metric_worker, field, name, type, label, 1, help)
#define ARRAY_ROW(field, name, type, label, max, help)                                             \
    ROW(IN_WORKER, tc_metric_worker, field, name, type, label, max, help)
#define INGEST_ROW(field, name, type, label, help)                                                 \
    ROW(IN_INGEST, tc_metric_ingest, field, name, type, label, 1, help)
#define PROCESS_ROW(field, name, type, label, help)                                                \
    ROW(IN_PROCESS, tc_metric_process, field, name, type, label, 1, help)
#define PULLED_ROW(id, name, type, label, help)                                                    \
    { "tickcast_" name, help, TC_METRIC_##id, 1, type, label, PULLED },

static const struct row rows[] = { TC_METRIC_WORKER_TABLE(WORKER_ROW) TC_METRIC_WORKER_ARRAYS(
    ARRAY_ROW) TC_METRIC_WORKER_HISTS(WORKER_ROW) TC_METRIC_INGEST_TABLE(INGEST_ROW)
                                       TC_METRIC_PROCESS_TABLE(PROCESS_ROW)
                                           TC_METRIC_PULLED_TABLE(PULLED_ROW) };

static const char build_name[] = "tickcast_build_info";
static const char build_help[] = "1; the label says which build runs";

struct tc_metric_out {
    const struct tc_metric_set *set;
    tc_metric_write write;
    void *ctx;
    const struct row *row;
};

static void put(struct tc_metric_out *out, const char *text)
{
    out->write(out->ctx, text, strlen(text));
}

/* A label's value: backslash, quote and newline escaped; what is not printable ASCII is shown as ?,
 * since the format is UTF-8 and must not break by a name from outside. */
static void put_escaped(struct tc_metric_out *out, struct tc_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' || c == '"')
            out->write(out->ctx, c == '"' ? "\\\"" : "\\\\", 2);
        else if (c == '\n')
            out->write(out->ctx, "\\n", 2);
        else if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
            out->write(out->ctx, "?", 1);
        else
            out->write(out->ctx, &c, 1);
    }
}

static void put_value(struct tc_metric_out *out, enum type type, uint64_t value)
{
    char text[48];
    if (type == GAUGE_MS)
        snprintf(text, sizeof(text), " %llu.%03llu\n", (unsigned long long)(value / 1000),
                 (unsigned long long)(value % 1000));
    else
        snprintf(text, sizeof(text), " %llu\n", (unsigned long long)value);
    put(out, text);
}

static void put_sample(struct tc_metric_out *out, struct tc_str label, uint64_t value)
{
    const struct row *row = out->row;
    put(out, row->name);
    if (row->label != NONE && label.ptr) {
        put(out, "{");
        put(out, label_texts[row->label]);
        put(out, "=\"");
        put_escaped(out, label);
        put(out, "\"}");
    }
    put_value(out, row->type, value);
}

void tc_metric_sample(struct tc_metric_out *out, struct tc_str label, uint64_t value)
{
    put_sample(out, label, value);
}

static void put_head(struct tc_metric_out *out, const char *name, const char *help,
                     const char *type)
{
    put(out, "# HELP ");
    put(out, name);
    put(out, " ");
    put(out, help);
    put(out, "\n# TYPE ");
    put(out, name);
    put(out, " ");
    put(out, type);
    put(out, "\n");
}

static const char *type_text(enum type type)
{
    return type == COUNTER ? "counter" : type == HISTOGRAM ? "histogram" : "gauge";
}

static inline uint64_t value_at(const void *block, const struct row *row, uint32_t idx)
{
    const char *at = (const char *)block + row->off;
    return tc_count_get((const _Atomic uint64_t *)(const void *)at + idx);
}

static uint64_t sum_of_workers(const struct tc_metric_set *set, const struct row *row, uint32_t idx)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->worker_cnt; i++)
        sum += value_at(set->workers[i], row, idx);
    return sum;
}

static void put_hist(struct tc_metric_out *out)
{
    const struct tc_metric_set *set = out->set;
    const struct row *row = out->row;
    uint64_t cumulative[TC_HIST_BOUND_CNT] = { 0 };
    uint64_t cnt = 0;
    uint64_t sum_ns = 0;
    char text[160];
    for (uint32_t i = 0; i < set->worker_cnt; i++) {
        const void *at = (const char *)set->workers[i] + row->off;
        const struct tc_hist *hist = at;
        uint64_t one[TC_HIST_BOUND_CNT];
        cnt += tc_hist_cumulative(hist, one);
        sum_ns += atomic_load_explicit(&hist->sum_ns, memory_order_relaxed);
        for (uint32_t b = 0; b < TC_HIST_BOUND_CNT; b++)
            cumulative[b] += one[b];
    }
    for (uint32_t b = 0; b < TC_HIST_BOUND_CNT; b++) {
        snprintf(text, sizeof(text), "%s_bucket{le=\"%s\"} %llu\n", row->name, tc_hist_bounds[b].le,
                 (unsigned long long)cumulative[b]);
        put(out, text);
    }
    snprintf(text, sizeof(text), "%s_bucket{le=\"+Inf\"} %llu\n", row->name,
             (unsigned long long)cnt);
    put(out, text);
    snprintf(text, sizeof(text), "%s_sum %llu.%09llu\n%s_count %llu\n", row->name,
             (unsigned long long)(sum_ns / 1000000000), (unsigned long long)(sum_ns % 1000000000),
             row->name, (unsigned long long)cnt);
    put(out, text);
}

static void put_array(struct tc_metric_out *out)
{
    const struct tc_metric_set *set = out->set;
    bool is_gaps = out->row->off == offsetof(struct tc_metric_worker, gaps);
    const char *const *names = is_gaps ? set->gap_names : set->close_names;
    uint32_t cnt = is_gaps ? set->gap_cnt : set->close_cnt;
    TC_ASSERT(cnt <= out->row->cnt);
    for (uint32_t i = 0; i < cnt; i++) {
        if (names[i])
            put_sample(out, tc_str_from(names[i]), sum_of_workers(set, out->row, i));
    }
}

static void put_worker_row(struct tc_metric_out *out)
{
    const struct tc_metric_set *set = out->set;
    const struct row *row = out->row;
    if (row->type == HISTOGRAM) {
        put_hist(out);
    } else if (row->label == REASON) {
        put_array(out);
    } else if (row->label == WORKER) {
        for (uint32_t i = 0; i < set->worker_cnt; i++) {
            char label[16];
            snprintf(label, sizeof(label), "%u", set->workers[i]->worker);
            put_sample(out, tc_str_from(label), value_at(set->workers[i], row, 0));
        }
    } else {
        put_sample(out, (struct tc_str){ 0 }, sum_of_workers(set, row, 0));
    }
}

static void put_row(struct tc_metric_out *out)
{
    const struct tc_metric_set *set = out->set;
    const struct row *row = out->row;
    put_head(out, row->name, row->help, type_text(row->type));
    switch (row->block) {
    case IN_WORKER:
        put_worker_row(out);
        break;
    case IN_INGEST:
        for (uint32_t i = 0; i < set->ingest_cnt; i++)
            put_sample(out, tc_str_from(set->ingests[i]->source),
                       value_at(set->ingests[i], row, 0));
        break;
    case IN_PROCESS:
        if (set->process)
            put_sample(out, (struct tc_str){ 0 }, value_at(set->process, row, 0));
        break;
    case PULLED:
        if (set->pull)
            set->pull(set->pull_ctx, (enum tc_metric_pulled)row->off, out);
        break;
    }
}

void tc_metric_render(const struct tc_metric_set *set, tc_metric_write write, void *ctx)
{
    struct tc_metric_out out = { set, write, ctx, NULL };
    put_head(&out, build_name, build_help, "gauge");
    put(&out, build_name);
    put(&out, "{version=\"");
    put_escaped(&out, tc_str_from(set->version));
    put(&out, "\"} 1\n");
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        out.row = &rows[i];
        put_row(&out);
    }
}

static void put_doc_row(struct tc_metric_out *out, const char *name, const char *type,
                        const char *label, const char *help)
{
    put(out, "| `");
    put(out, name);
    put(out, "` | ");
    put(out, type);
    put(out, " | ");
    put(out, label);
    put(out, " | ");
    put(out, help);
    put(out, " |\n");
}

void tc_metric_markdown(tc_metric_write write, void *ctx)
{
    struct tc_metric_out out = { NULL, write, ctx, NULL };
    put(&out, "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
              "<!-- Made from core/obs/metric_table.h; change that. -->\n"
              "# Metrics\n\n"
              "`GET /metrics` on the admin port answers in the Prometheus text format. Durations "
              "are in seconds, sizes in\nbytes. A metric without a label is the sum over all "
              "workers. Counters begin at 0 with the process.\n\n"
              "| name | type | label | meaning |\n|---|---|---|---|\n");
    put_doc_row(&out, build_name, "gauge", "version", build_help);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        put_doc_row(&out, rows[i].name, type_text(rows[i].type), label_texts[rows[i].label],
                    rows[i].help);
    put(&out, "\nHistograms count into these buckets (upper bounds in seconds; a value may be off "
              "by 1/64 of itself at a bound):\n");
    for (uint32_t i = 0; i < TC_HIST_BOUND_CNT; i++) {
        put(&out, i ? ", " : "");
        put(&out, tc_hist_bounds[i].le);
    }
    put(&out, ".\n");
}
