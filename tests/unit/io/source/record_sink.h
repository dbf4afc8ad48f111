// SPDX-License-Identifier: Apache-2.0
/* tests: a sink that keeps what a source pushes, and a loop that polls until something is true. */
#ifndef TC_TESTS_UNIT_IO_SOURCE_RECORD_SINK_H
#define TC_TESTS_UNIT_IO_SOURCE_RECORD_SINK_H

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "io/source/source.h"

enum { SINK_LOGS_MAX = 64, SINK_VALUE_MAX = 256 };

struct sink {
    struct tc_source_sink ops;
    char names[SINK_LOGS_MAX][TC_LOG_NAME_MAX + 1];
    uint32_t replaces[SINK_LOGS_MAX];
    int64_t start_pos[SINK_LOGS_MAX];
    int64_t next_pos[SINK_LOGS_MAX];
    uint32_t caught_up_cnt[SINK_LOGS_MAX];
    bool is_stale[SINK_LOGS_MAX];
    uint32_t log_cnt;
    uint64_t record_cnt;
    uint64_t tombstone_cnt;
    int64_t last_pos;
    int64_t last_ts_ms;
    char last_key[SINK_VALUE_MAX];
    char last_value[SINK_VALUE_MAX];
    char last_header[SINK_VALUE_MAX];
    bool is_disordered;
    int ready_cnt;
    bool is_away;
    bool is_late_asked; /* it did something and did not want to be asked again at once */
    char text[256];
};

static int sink_log_open(void *ctx, const struct tc_log_info *info)
{
    struct sink *s = ctx;
    if (s->log_cnt == SINK_LOGS_MAX)
        return -TC_ELIMIT;
    snprintf(s->names[s->log_cnt], sizeof(s->names[0]), "%s", info->name);
    s->replaces[s->log_cnt] = info->replaces;
    s->start_pos[s->log_cnt] = info->start_pos;
    s->next_pos[s->log_cnt] = info->start_pos;
    return (int)s->log_cnt++;
}

static void sink_keep(char *out, struct tc_str text)
{
    size_t n = TC_MIN(text.len, (size_t)SINK_VALUE_MAX - 1);
    if (n)
        memcpy(out, text.ptr, n);
    out[n] = 0;
}

static void sink_record(void *ctx, const struct tc_record *r)
{
    struct sink *s = ctx;
    struct tc_str header = { 0 };
    s->record_cnt++;
    s->tombstone_cnt += r->value.ptr == NULL;
    s->is_disordered |= r->pos < s->next_pos[r->log];
    s->next_pos[r->log] = r->pos + 1;
    s->last_pos = r->pos;
    s->last_ts_ms = r->ts_ms;
    sink_keep(s->last_key, r->key);
    sink_keep(s->last_value, r->value);
    if (r->header && r->header(r->header_ctx, TC_STR("symbol"), &header))
        sink_keep(s->last_header, header);
}

static void sink_lost(void *ctx, uint32_t log, int64_t from, int64_t to, enum tc_gap_reason reason)
{
    struct sink *s = ctx;
    (void)from;
    (void)reason;
    s->next_pos[log] = to + 1;
}

static void sink_progress(void *ctx, uint32_t log, int64_t next_pos, int64_t end_pos,
                          bool is_caught_up)
{
    struct sink *s = ctx;
    s->is_disordered |= next_pos < s->next_pos[log] || (end_pos >= 0 && end_pos < next_pos);
    s->caught_up_cnt[log] += is_caught_up;
}

static void sink_stale(void *ctx, uint32_t log, int64_t since_ms)
{
    struct sink *s = ctx;
    s->is_stale[log] = since_ms != 0;
}

static void sink_ready(void *ctx, enum tc_source_state state, const char *text)
{
    struct sink *s = ctx;
    s->ready_cnt++;
    s->is_away = state == TC_SOURCE_AWAY;
    snprintf(s->text, sizeof(s->text), "%s", text);
}

static inline void sink_init(struct sink *s)
{
    memset(s, 0, sizeof(*s));
    s->ops = (struct tc_source_sink){ .ctx = s,
                                      .log_open = sink_log_open,
                                      .record = sink_record,
                                      .lost = sink_lost,
                                      .progress = sink_progress,
                                      .stale = sink_stale,
                                      .ready = sink_ready };
}

static inline int64_t sink_now_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Polls source on real clocks until is_true(s) or ms have passed; returns the last is_true. */
static inline bool sink_run(struct sink *s, const struct tc_source_ops *ops,
                            struct tc_source *source, bool (*is_true)(const struct sink *s),
                            int64_t ms)
{
    int64_t end_ns = sink_now_ns(CLOCK_MONOTONIC) + ms * 1000000;
    while (!is_true(s) && sink_now_ns(CLOCK_MONOTONIC) < end_ns) {
        struct pollfd pfd = { .fd = ops->wake_fd(source), .events = POLLIN };
        int n = ops->poll(source, &s->ops, 256, sink_now_ns(CLOCK_MONOTONIC),
                          sink_now_ns(CLOCK_REALTIME) / 1000000);
        if (n > 0)
            s->is_late_asked |= ops->wake_at_ns(source) > sink_now_ns(CLOCK_MONOTONIC);
        else
            poll(&pfd, 1, 10);
    }
    return is_true(s);
}

#endif
