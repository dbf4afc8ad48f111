// SPDX-License-Identifier: Apache-2.0
#include "io/source/synth/synth.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/base/fmt.h"
#include "core/mem/mem.h"
#include "proto/feed/ticks.h"

enum { HEAD_MAX = TC_TICKS_JSON_MAX + 128 }; /* tick, times, "pad" */

struct tc_source { /* kind synth */
    struct tc_source_env env;
    struct tc_ticks ticks;
    char *payload;    /* HEAD_MAX + payload_bytes */
    int64_t start_ns; /* 0: not started */
    int64_t start_ms;
    uint64_t sent_cnt; /* = the next position */
    int64_t wake_at_ns;
    uint32_t log;
    _Atomic uint64_t record_cnt; /* written by the polling thread */
};

static int synth_open(struct tc_source **out, const struct tc_source_env *env, struct tc_err *err)
{
    const struct tc_conf_synth *c = &env->conf->synth;
    if (c->symbols == 0 || c->burst == 0 || env->conf->rule_cnt != 1)
        return tc_err_set(err, -TC_EINVAL,
                          "synth source %s: symbols and burst must be at least 1, with one room",
                          env->conf->name);
    struct tc_source *s = tc_alloc(sizeof(*s));
    s->env = *env;
    s->payload = tc_alloc((size_t)HEAD_MAX + c->payload_bytes);
    tc_ticks_init(&s->ticks, tc_alloc(c->symbols * sizeof(struct tc_ticks_symbol)), c->symbols,
                  c->seed, true);
    *out = s;
    return TC_OK;
}

/* Intended time of message idx after the start. */
static int64_t due_ns(const struct tc_conf_synth *c, uint64_t idx)
{
    uint64_t group_start = idx / c->burst * c->burst;
    /* whole seconds apart: no overflow for centuries */
    return (int64_t)(group_start / c->rate * 1000000000ull +
                     group_start % c->rate * 1000000000ull / c->rate);
}

static size_t make_payload(struct tc_source *s, uint32_t symbol, int64_t at_ns, int64_t at_ms)
{
    const struct tc_str pad = TC_STR(",\"pad\":\"");
    size_t want = s->env.conf->synth.payload_bytes;
    char *to = s->payload + tc_ticks_next(&s->ticks, symbol, s->payload, TC_TICKS_JSON_MAX);
    to--; /* the closing brace comes later */
    to += tc_fmt_text(to, TC_STR(",\"t_ns\":"));
    to += tc_fmt_i64(to, at_ns);
    to += tc_fmt_text(to, TC_STR(",\"t_ms\":"));
    to += tc_fmt_i64(to, at_ms);
    size_t len = (size_t)(to - s->payload);
    if (want > len + pad.len + 2) { /* a character at least, a quote and a brace */
        size_t fill = want - len - pad.len - 2;
        to += tc_fmt_text(to, pad);
        memset(to, 'x', fill);
        to += fill;
        *to++ = '"';
    }
    *to++ = '}';
    return (size_t)(to - s->payload);
}

/* after_ns: its intended time after the start. */
static void send_one(struct tc_source *s, const struct tc_source_sink *sink, int64_t after_ns)
{
    uint32_t symbol = (uint32_t)(s->sent_cnt % s->env.conf->synth.symbols);
    int64_t at_ms = s->start_ms + after_ns / 1000000;
    char key[TC_FMT_U64_MAX];
    struct tc_record record = {
        .log = s->log,
        .pos = (int64_t)s->sent_cnt,
        .ts_ms = at_ms,
        .topic = TC_STR("synth"),
        .key = { key, tc_fmt_u64(key, symbol) },
    };
    record.value.ptr = s->payload;
    record.value.len = make_payload(s, symbol, s->start_ns + after_ns, at_ms);
    s->sent_cnt++;
    sink->record(sink->ctx, &record);
}

static bool start(struct tc_source *s, const struct tc_source_sink *sink, int64_t now_ns,
                  int64_t wall_ms)
{
    char name[TC_LOG_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s/synth/0@%08" PRIx32, s->env.conf->name,
             (uint32_t)(s->env.boot_id ^ (s->env.boot_id >> 32)));
    struct tc_log_info info = { .name = name, .replaces = TC_NONE };
    int log = sink->log_open(sink->ctx, &info);
    s->start_ns = now_ns;
    s->start_ms = wall_ms;
    s->wake_at_ns = INT64_MAX;
    if (log < 0)
        return false;
    s->log = (uint32_t)log;
    sink->ready(sink->ctx, TC_SOURCE_FINE, "");
    sink->progress(sink->ctx, s->log, 0, 0, true); /* nothing came before us */
    return true;
}

static int synth_poll(struct tc_source *s, const struct tc_source_sink *sink, uint32_t record_max,
                      int64_t now_ns, int64_t wall_ms)
{
    const struct tc_conf_synth *c = &s->env.conf->synth;
    int64_t delay_ns = (int64_t)s->env.conf->delay_ms * 1000000;
    int done = 0;
    if (s->start_ns == 0 && !start(s, sink, now_ns, wall_ms))
        return 0;
    if (c->rate == 0)
        return 0;
    while ((uint32_t)done < record_max) {
        int64_t after_ns = due_ns(c, s->sent_cnt);
        int64_t at_ns = s->start_ns + after_ns + delay_ns;
        if (at_ns > now_ns) {
            s->wake_at_ns = at_ns;
            break;
        }
        s->wake_at_ns = now_ns;
        send_one(s, sink, after_ns);
        done++;
    }
    if (done) {
        atomic_store_explicit(&s->record_cnt, s->sent_cnt, memory_order_relaxed);
        sink->progress(sink->ctx, s->log, (int64_t)s->sent_cnt, (int64_t)s->sent_cnt, false);
    }
    return done;
}

static int synth_wake_fd(struct tc_source *s)
{
    (void)s;
    return -1;
}

static int64_t synth_wake_at_ns(struct tc_source *s)
{
    return s->wake_at_ns;
}

static void synth_stats(struct tc_source *s, struct tc_source_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->record_cnt = atomic_load_explicit(&s->record_cnt, memory_order_relaxed);
}

static void synth_close(struct tc_source *s)
{
    tc_free(s->ticks.symbols);
    tc_free(s->payload);
    tc_free(s);
}

const struct tc_source_ops tc_source_synth = {
    .kind = "synth",
    .open = synth_open,
    .poll = synth_poll,
    .wake_fd = synth_wake_fd,
    .wake_at_ns = synth_wake_at_ns,
    .stats = synth_stats,
    .close = synth_close,
};
