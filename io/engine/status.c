// SPDX-License-Identifier: Apache-2.0
#include "io/engine/status.h"

#include "io/net/close.h"
#include "proto/json/json.h"

static const char *const gap_names[TC_GAP_CNT] = {
#define X(name, text) text,
    TC_GAP_TABLE(X)
#undef X
};
_Static_assert((int)TC_GAP_CNT <= (int)TC_METRIC_GAPS_MAX &&
                   (int)TC_CLOSE_CNT <= (int)TC_METRIC_CLOSES_MAX,
               "every reason has a counter");

static bool is_replaced(const struct tc_logs *logs, uint32_t log, uint32_t cnt)
{
    for (uint32_t i = log + 1; i < cnt; i++) {
        if (logs->logs[i].replaces == log)
            return true;
    }
    return false;
}

static uint64_t sample_of(const struct tc_log *log, enum tc_metric_pulled id)
{
    if (id == TC_METRIC_LOG_STALE)
        return atomic_load_explicit(&log->stale_ms, memory_order_acquire) != 0;
    int64_t end = atomic_load_explicit(&log->end_pos, memory_order_acquire);
    int64_t next = atomic_load_explicit(&log->next_pos, memory_order_acquire);
    return end > next ? (uint64_t)(end - next) : 0;
}

static void pull(void *ctx, enum tc_metric_pulled id, struct tc_metric_out *out)
{
    const struct tc_status *s = ctx;
    for (uint32_t i = 0; i < s->ingest_cnt; i++) {
        const struct tc_logs *logs = &s->ingests[i]->logs;
        uint32_t cnt = atomic_load_explicit(&logs->cnt, memory_order_acquire);
        for (uint32_t l = 0; l < cnt; l++) {
            const struct tc_log *log = &logs->logs[l];
            if (!is_replaced(logs, l, cnt))
                tc_metric_sample(out, (struct tc_str){ log->name, log->name_len },
                                 sample_of(log, id));
        }
    }
}

static void get_metrics(const struct tc_status *s, struct tc_admin_out *out)
{
    const char *close_names[TC_CLOSE_CNT];
    for (uint32_t i = 0; i < TC_CLOSE_CNT; i++)
        close_names[i] = tc_closes[i].code;
    struct tc_metric_set set = {
        .workers = s->workers,
        .worker_cnt = s->worker_cnt,
        .ingests = s->ingest_metrics,
        .ingest_cnt = s->ingest_cnt,
        .process = s->process,
        .gap_names = gap_names,
        .gap_cnt = TC_GAP_CNT,
        .close_names = close_names,
        .close_cnt = TC_CLOSE_CNT,
        .version = s->version,
        .pull = pull,
        .pull_ctx = (void *)s,
    };
    out->type = "text/plain; version=0.0.4; charset=utf-8";
    tc_metric_render(&set, tc_admin_write, out);
}

enum state { READING, READY, AWAY, TROUBLED, INCOMPLETE };

static enum state state_of(struct tc_ingest *in, struct tc_source_stats *stats)
{
    in->conf.ops->stats(in->source, stats);
    if (stats->state == TC_SOURCE_AWAY)
        return AWAY;
    if (stats->state == TC_SOURCE_INCOMPLETE)
        return INCOMPLETE;
    if (!tc_logs_is_warm(&in->logs))
        return READING;
    return stats->state == TC_SOURCE_TROUBLED ? TROUBLED : READY;
}

/* What holds the node back: READING or INCOMPLETE; READY: nothing does. */
static enum state held_by(const struct tc_status *s)
{
    enum state worst = READY;
    struct tc_source_stats stats;
    for (uint32_t i = 0; i < s->ingest_cnt; i++) {
        enum state state = state_of(s->ingests[i], &stats);
        if (state == INCOMPLETE || (state == READING && worst == READY))
            worst = state;
    }
    return worst;
}

bool tc_status_is_ready(const struct tc_status *s)
{
    return !atomic_load(&s->is_draining) && held_by(s) == READY;
}

static int get_ready(const struct tc_status *s, struct tc_admin_out *out)
{
    static const char *const words[] = {
        [READING] = "warming-up", [READY] = "ready",           [AWAY] = "away",
        [TROUBLED] = "troubled",  [INCOMPLETE] = "incomplete",
    };
    bool is_draining = atomic_load(&s->is_draining);
    enum state held = held_by(s);
    bool is_ready = !is_draining && held == READY;
    const char *word = is_draining ? "draining" : words[held];
    out->type = "application/json";
    tc_admin_printf(out, "{\"status\":\"%s\",\"sources\":[", word);
    for (uint32_t i = 0; i < s->ingest_cnt; i++) {
        struct tc_source_stats stats;
        char text[6 * sizeof(stats.text)];
        enum state state = state_of(s->ingests[i], &stats);
        size_t len = tc_json_escape(text, sizeof(text), tc_str_from(stats.text));
        tc_admin_printf(out, "%s{\"name\":\"%s\",\"state\":\"%s\",\"text\":\"", i ? "," : "",
                        s->conf->sources[i].name, words[state]);
        tc_admin_write(out, text, len); /* escaped it may be longer than printf takes */
        tc_admin_printf(out, "\"}");
    }
    tc_admin_printf(out, "]}\n");
    return is_ready ? 200 : 503;
}

int tc_status_get(void *ctx, struct tc_str path, struct tc_admin_out *out)
{
    const struct tc_status *s = ctx;
    if (tc_str_eq(path, TC_STR("/metrics"))) {
        get_metrics(s, out);
        return 200;
    }
    if (tc_str_eq(path, TC_STR("/healthz"))) {
        tc_admin_printf(out, "ok\n");
        return 200;
    }
    return tc_str_eq(path, TC_STR("/readyz")) ? get_ready(s, out) : 404;
}
