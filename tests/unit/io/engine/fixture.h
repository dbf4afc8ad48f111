// SPDX-License-Identifier: Apache-2.0
/* An ingest agent under a clock of the test's own, and a source that does what it is told.
 *
 * sc_…() write down what the source shall push; fx_turn() lets ingest poll it once: all of it is
 * one turn. fx_seen() is what workers can see of the bus since the last call, a line per event:
 *   U room log pos prev payload      update
 *   T room log pos prev              tombstone
 *   G room log from to reason        gap
 *   M room log                       moved
 * with the log's index, and "-" for null. */
#ifndef TC_TESTS_UNIT_IO_ENGINE_FIXTURE_H
#define TC_TESTS_UNIT_IO_ENGINE_FIXTURE_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "io/engine/ingest.h"
#include "io/os/os.h"

enum { SC_STEPS_MAX = 1024, FX_TEXT_BYTES = 64 * 1024, FX_WORKERS = 3, FX_MS = 1000000 };

/* ---- the source ---- */

enum sc_kind { SC_LOG, SC_RECORD, SC_LOST, SC_PROGRESS, SC_STALE, SC_READY, SC_CALL };

struct sc_step {
    enum sc_kind kind;
    uint32_t log;
    uint32_t replaces; /* LOG */
    int64_t pos;       /* RECORD; LOG: start; PROGRESS: next; LOST: from; STALE: since */
    int64_t to;        /* RECORD: time; PROGRESS: end; LOST: to */
    const char *key;   /* RECORD; LOG, READY: text */
    struct tc_str value;
    int reason; /* LOST */
    bool is_on; /* PROGRESS: caught up */
    enum tc_source_state state;
    void (*call)(void *ctx);
    void *ctx;
};

struct tc_source { /* kind scripted; it is the test's, open() gets it as log_ctx */
    struct sc_step steps[SC_STEPS_MAX];
    uint32_t cnt;
    struct tc_source_stats stats;
    int64_t wake_ns;
    uint64_t poll_cnt;
    int wake_fd;
    int log_rc; /* of the last LOG */
    bool is_open;
};

static inline int sc_open(struct tc_source **out, const struct tc_source_env *env,
                          struct tc_err *err)
{
    struct tc_source *s = env->log_ctx;
    if (s->is_open)
        return tc_err_set(err, -TC_EINVAL, "it is open already");
    s->is_open = true;
    *out = s;
    return TC_OK;
}

static inline void sc_push_record(const struct sc_step *step, const struct tc_source_sink *sink)
{
    struct tc_record record = {
        .rule = step->log % 2, /* logs with an even index are of rule 0 */
        .log = step->log,
        .pos = step->pos,
        .ts_ms = step->to,
        .topic = TC_STR("t"),
        .value = step->value,
    };
    if (step->key)
        record.key = tc_str_from(step->key);
    sink->record(sink->ctx, &record);
}

static inline void sc_push(struct tc_source *s, const struct sc_step *step,
                           const struct tc_source_sink *sink)
{
    struct tc_log_info info = { step->key, step->log % 2, step->log, step->pos, step->replaces };
    switch (step->kind) {
    case SC_LOG:
        s->log_rc = sink->log_open(sink->ctx, &info);
        break;
    case SC_RECORD:
        sc_push_record(step, sink);
        break;
    case SC_LOST:
        sink->lost(sink->ctx, step->log, step->pos, step->to, (enum tc_gap_reason)step->reason);
        break;
    case SC_PROGRESS:
        sink->progress(sink->ctx, step->log, step->pos, step->to, step->is_on);
        break;
    case SC_STALE:
        sink->stale(sink->ctx, step->log, step->pos);
        break;
    case SC_READY:
        sink->ready(sink->ctx, step->state, step->key);
        break;
    case SC_CALL:
        step->call(step->ctx);
        break;
    }
}

static inline int sc_poll(struct tc_source *s, const struct tc_source_sink *sink,
                          uint32_t record_max, int64_t now_ns, int64_t wall_ms)
{
    uint32_t cnt = s->cnt;
    s->poll_cnt++;
    (void)record_max;
    (void)now_ns;
    (void)wall_ms;
    for (uint32_t i = 0; i < cnt; i++)
        sc_push(s, &s->steps[i], sink);
    s->cnt = 0;
    return (int)cnt;
}

static inline int sc_wake_fd(struct tc_source *s)
{
    return s->wake_fd;
}

static inline int64_t sc_wake_at_ns(struct tc_source *s)
{
    return s->cnt ? 0 : s->wake_ns;
}

static inline void sc_stats(struct tc_source *s, struct tc_source_stats *out)
{
    cr_assert(s->is_open);
    *out = s->stats;
}

static inline void sc_close(struct tc_source *s)
{
    s->is_open = false;
}

static const struct tc_source_ops sc_ops = { .kind = "scripted",
                                             .open = sc_open,
                                             .poll = sc_poll,
                                             .wake_fd = sc_wake_fd,
                                             .wake_at_ns = sc_wake_at_ns,
                                             .stats = sc_stats,
                                             .close = sc_close };

/* ---- ingest ---- */

struct fx {
    struct tc_mem mem;
    struct tc_conf conf;
    struct tc_rules rules;
    struct tc_types types;
    struct tc_source source;
    struct tc_source_env env;
    struct tc_ingest ingest;
    struct tc_metric_ingest metric;
    struct tc_log_ring log;
    _Atomic uint64_t sleeping;
    int bells[FX_WORKERS]; /* the last worker shares the thread */
    int64_t now_ns;
    int64_t wall_ms;
    uint64_t seen_seq;
    char seen[FX_TEXT_BYTES];
    char said[FX_TEXT_BYTES]; /* the log's lines of the last fx_said() */
};

static const char fx_yaml[] =
    "listen: \"127.0.0.1:0\"\n"
    "workers: { idle: sleep }\n"
    "limits: { event_bytes: 256, rooms: 4, connections: 8, members: 64, waiting_rooms: 16,\n"
    "          pending: 16, spill_bytes: 1048576 }\n"
    "timeouts: { stale_ms: 2000, drain_s: \"500ms\" }\n"
    "sources:\n"
    "  - name: main\n"
    "    history: { bytes: 65536, events: 1024, last_value_bytes: 65536 }\n"
    "    kafka:\n"
    "      brokers: \"b:1\"\n"
    "      topics:\n"
    "        - { topic: ticks, room: \"ticker-{key}\", event: ticker-update }\n"
    "        - { topic: quotes, room: \"quote-{field:s}\", event: quote-update }\n";

static inline struct sc_step *sc_step(struct fx *fx, enum sc_kind kind, uint32_t log)
{
    cr_assert_lt(fx->source.cnt, SC_STEPS_MAX);
    struct sc_step *step = &fx->source.steps[fx->source.cnt++];
    *step = (struct sc_step){ .kind = kind, .log = log, .replaces = TC_NONE };
    return step;
}

/* log must be the index that it will get. */
static inline void sc_log(struct fx *fx, uint32_t log, const char *name, int64_t start_pos,
                          uint32_t replaces)
{
    struct sc_step *step = sc_step(fx, SC_LOG, log);
    step->key = name;
    step->pos = start_pos;
    step->replaces = replaces;
}

/* value NULL: a tombstone. */
static inline void sc_record(struct fx *fx, uint32_t log, int64_t pos, int64_t ts_ms,
                             const char *key, const char *value)
{
    struct sc_step *step = sc_step(fx, SC_RECORD, log);
    step->pos = pos;
    step->to = ts_ms;
    step->key = key;
    if (value)
        step->value = tc_str_from(value);
}

static inline void sc_lost(struct fx *fx, uint32_t log, int64_t from, int64_t to)
{
    struct sc_step *step = sc_step(fx, SC_LOST, log);
    step->pos = from;
    step->to = to;
    step->reason = TC_GAP_RETENTION;
}

static inline void sc_progress(struct fx *fx, uint32_t log, int64_t next_pos, int64_t end_pos,
                               bool is_caught_up)
{
    struct sc_step *step = sc_step(fx, SC_PROGRESS, log);
    step->pos = next_pos;
    step->to = end_pos;
    step->is_on = is_caught_up;
}

static inline void sc_stale(struct fx *fx, uint32_t log, int64_t since_ms)
{
    sc_step(fx, SC_STALE, log)->pos = since_ms;
}

static inline void sc_ready(struct fx *fx, enum tc_source_state state, const char *text)
{
    struct sc_step *step = sc_step(fx, SC_READY, 0);
    step->state = state;
    step->key = text;
}

static inline void sc_call(struct fx *fx, void (*call)(void *ctx), void *ctx)
{
    struct sc_step *step = sc_step(fx, SC_CALL, 0);
    step->call = call;
    step->ctx = ctx;
}

/* A tc_log_clock; ctx is the struct fx. */
static inline void fx_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    const struct fx *fx = ctx;
    *mono_ns = fx->now_ns;
    *wall_ns = fx->wall_ms * FX_MS;
}

static inline struct tc_ingest_conf fx_ingest_conf(struct fx *fx)
{
    return (struct tc_ingest_conf){
        .conf = &fx->conf,
        .rules = &fx->rules,
        .types = &fx->types,
        .ops = &sc_ops,
        .env = &fx->env,
        .sleeping = &fx->sleeping,
        .bells = fx->bells,
        .worker_cnt = FX_WORKERS,
        .key = { 1, 2 },
        .metric = &fx->metric,
        .log = &fx->log,
        .mem = &fx->mem,
    };
}

/* Everything but the source's first turn; yaml has a source of two topics. */
static inline void fx_init_by(struct fx *fx, const char *yaml)
{
    struct tc_err err = { 0 };
    memset(fx, 0, sizeof(*fx));
    tc_mem_init(&fx->mem, 0);
    fx->now_ns = 1000 * (int64_t)FX_MS;
    fx->wall_ms = 100000;
    fx->source.wake_fd = -1;
    fx->source.wake_ns = INT64_MAX;
    fx->env.log_ctx = &fx->source;
    int rc = tc_conf_parse(&fx->conf, tc_str_from(yaml), NULL, &err);
    if (rc == TC_OK)
        rc = tc_check_rules(&fx->conf, &fx->rules, &err);
    if (rc == TC_OK)
        rc = tc_types_load(&fx->types, &fx->conf, &fx->rules, &err);
    if (rc == TC_OK)
        rc = tc_log_ring_init(&fx->log, &fx->mem, "test", 64, TC_LOG_INFO, fx_clock, fx, &err);
    fx->metric.source = "main";
    for (uint32_t i = 0; i < FX_WORKERS; i++)
        fx->bells[i] = i + 1 < FX_WORKERS ? tc_os_bell_open(&err) : -1;
    struct tc_ingest_conf conf = fx_ingest_conf(fx);
    if (rc == TC_OK)
        rc = tc_ingest_init(&fx->ingest, &conf, &err);
    if (rc == TC_OK)
        rc = tc_ingest_open(&fx->ingest, &err);
    cr_assert_eq(rc, TC_OK, "%s", err.text);
}

static inline void fx_init(struct fx *fx)
{
    fx_init_by(fx, fx_yaml);
}

static inline void fx_fini(struct fx *fx)
{
    tc_ingest_fini(&fx->ingest);
    tc_types_free(&fx->types);
    for (uint32_t i = 0; i < FX_WORKERS; i++)
        tc_os_close(fx->bells[i]);
    tc_conf_fini(&fx->conf);
    tc_mem_fini(&fx->mem);
}

static inline int fx_turn(struct fx *fx)
{
    tc_ingest_wake(&fx->ingest);
    int done = tc_ingest_work(&fx->ingest, fx->now_ns, fx->wall_ms);
    tc_ingest_count(&fx->ingest);
    return done;
}

static inline void fx_advance(struct fx *fx, int64_t ms)
{
    fx->now_ns += ms * FX_MS;
    fx->wall_ms += ms;
}

/* Logs 0 and 1, of either topic, read up to their ends, which are empty. */
static inline void fx_start_by(struct fx *fx, const char *yaml)
{
    fx_init_by(fx, yaml);
    sc_log(fx, 0, "main/ticks/0@a", 0, TC_NONE);
    sc_log(fx, 1, "main/quotes/0@a", 0, TC_NONE);
    sc_ready(fx, false, "");
    sc_progress(fx, 0, 0, 0, true);
    sc_progress(fx, 1, 0, 0, true);
    cr_assert_gt(fx_turn(fx), 0);
    cr_assert(tc_logs_is_warm(&fx->ingest.logs));
}

/* Those of fx_yaml: ticks and quotes. */
static inline void fx_start(struct fx *fx)
{
    fx_start_by(fx, fx_yaml);
}

static inline const char *fx_pos(char *to, int64_t pos)
{
    snprintf(to, 24, "%" PRId64, pos);
    return pos < 0 ? "-" : to;
}

static inline size_t fx_event_text(const struct tc_bus *bus, const struct tc_bus_event *e,
                                   struct tc_str room, char *to, size_t max)
{
    static const char *const reasons[] = {
#define X(name, text) text,
        TC_GAP_TABLE(X)
#undef X
    };
    char pos[24], prev[24], payload[1024];
    int name_len = (int)room.len;
    int len = 0;
    fx_pos(pos, e->pos);
    cr_assert(e->len < sizeof(payload) && tc_bus_copy(bus, e, payload) == TC_OK);
    payload[e->len] = '\0';
    switch (e->kind) {
    case TC_BUS_UPDATE:
        len = snprintf(to, max, "U %.*s %u %s %s %s\n", name_len, room.ptr, e->log, pos,
                       fx_pos(prev, e->prev), payload);
        break;
    case TC_BUS_TOMBSTONE:
        len = snprintf(to, max, "T %.*s %u %s %s\n", name_len, room.ptr, e->log, pos,
                       fx_pos(prev, e->prev));
        break;
    case TC_BUS_GAP:
        len = snprintf(to, max, "G %.*s %u %s %s %s\n", name_len, room.ptr, e->log,
                       fx_pos(prev, e->prev), fx_pos(pos, e->pos), reasons[e->aux]);
        break;
    default:
        len = snprintf(to, max, "M %.*s %u\n", name_len, room.ptr, e->log);
        cr_assert(e->pos == -1 && e->prev == -1);
        break;
    }
    cr_assert(len > 0 && (size_t)len < max);
    return (size_t)len;
}

static inline const char *fx_seen(struct fx *fx)
{
    const struct tc_bus *bus = &fx->ingest.bus;
    uint64_t head = tc_bus_head(bus);
    size_t len = 0;
    fx->seen[0] = '\0';
    while (fx->seen_seq < head) {
        struct tc_bus_event e;
        cr_assert_eq(tc_bus_read(bus, ++fx->seen_seq, &e), TC_OK);
        cr_assert_lt(e.room, tc_dir_cnt(&fx->ingest.dir), "a room is known before its events");
        len += fx_event_text(bus, &e, tc_dir_name(&fx->ingest.dir, e.room), fx->seen + len,
                             sizeof(fx->seen) - len);
    }
    return fx->seen;
}

/* What was logged since the last call. */
static inline const char *fx_said(struct fx *fx)
{
    size_t len = 0;
    size_t n = 0;
    do {
        cr_assert_leq(len, sizeof(fx->said) - TC_LOG_LINE_MAX - 1);
        n = tc_log_next_line(&fx->log, fx->said + len);
        len += n;
    } while (n > 0);
    fx->said[len] = '\0';
    return fx->said;
}

static inline uint32_t fx_count(const char *text, const char *part)
{
    uint32_t cnt = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
        cnt++;
    return cnt;
}

#endif
