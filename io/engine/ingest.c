// SPDX-License-Identifier: Apache-2.0
#include "io/engine/ingest.h"

#include <inttypes.h>
#include <stdio.h>

#include "io/os/os.h"

enum { LOGS_PER_S = 5 };

/* ---- quarantine ---- */

static void complain(struct tc_ingest *in, uint32_t log, int64_t pos, const char *why)
{
    static const struct tc_bucket_rate rate = { 1000000000 / LOGS_PER_S, 1000000000 };
    if (!tc_bucket_try_take(&in->log_bucket, &rate, 1, in->now_ns)) {
        in->unlogged_cnt++;
        return;
    }
    const struct tc_log *l = &in->logs.logs[log];
    const struct tc_log_field fields[] = {
        TC_LOG_S("log", ((struct tc_str){ l->name, l->name_len })),
        TC_LOG_I("pos", pos),
        TC_LOG_U("unlogged", in->unlogged_cnt),
    };
    in->unlogged_cnt = 0;
    tc_log_with(in->conf.log, TC_LOG_WARN, "quarantined", fields, TC_ARRAY_CNT(fields),
                "record quarantined: %s", why);
}

static void publish_gap(struct tc_ingest *in, uint32_t room, uint32_t log, int64_t from, int64_t to,
                        enum tc_gap_reason reason)
{
    struct tc_bus_put put = {
        .room = room,
        .log = (uint16_t)log,
        .kind = TC_BUS_GAP,
        .aux = (uint8_t)reason,
        .pos = to,
        .gap_from = from,
        .ts_ms = in->wall_ms,
        .ingest_ns = in->now_ns,
    };
    tc_bus_publish(&in->bus, &put);
}

/* To every room that lives in log `in_log`, a gap of log `log`. */
static void publish_gap_all(struct tc_ingest *in, uint32_t in_log, uint32_t log, int64_t from,
                            int64_t to, enum tc_gap_reason reason)
{
    uint32_t cnt = tc_dir_cnt(&in->dir);
    for (uint32_t i = 0; i < cnt; i++) {
        const struct tc_bus_room *room = &in->bus.rooms[i];
        if (atomic_load_explicit(&room->last_seq, memory_order_relaxed) &&
            atomic_load_explicit(&room->log, memory_order_relaxed) == in_log)
            publish_gap(in, i, log, from, to, reason);
    }
}

/* Declares the hole that records without a known room have left. */
static void close_hole(struct tc_ingest *in)
{
    if (in->hole_log == TC_NONE)
        return;
    uint32_t log = in->hole_log;
    in->hole_log = TC_NONE;
    publish_gap_all(in, log, log, in->hole_from, in->hole_to, in->hole_reason);
}

/* Neighbouring records of that kind are one hole. */
static void widen_hole(struct tc_ingest *in, const struct tc_record *record,
                       enum tc_gap_reason reason)
{
    if (in->hole_log != record->log || in->hole_reason != reason) {
        close_hole(in);
        in->hole_log = record->log;
        in->hole_reason = reason;
        in->hole_from = record->pos - 1;
    }
    in->hole_to = record->pos;
}

/* ---- rooms ---- */

/* The room lives in another log. false: it cannot go there. */
static bool move_room(struct tc_ingest *in, uint32_t room, const struct tc_record *record,
                      uint32_t from_log)
{
    struct tc_ingest_room *r = &in->rooms[room];
    bool is_old = record->ts_ms >= 0 && record->ts_ms < r->ts_ms;
    if (is_old || r->prev_log == record->log) {
        tc_count_add(&in->conf.metric->poison, 1);
        complain(in, record->log, record->pos,
                 is_old ? "its room has newer records in another partition"
                        : "its room is in two partitions at once: key the topic by the room");
        return false;
    }
    struct tc_bus_put put = {
        .room = room,
        .log = (uint16_t)record->log,
        .kind = TC_BUS_MOVED,
        .pos = -1,
        .ts_ms = record->ts_ms,
        .ingest_ns = in->now_ns,
    };
    tc_bus_publish(&in->bus, &put);
    r->prev_log = from_log;
    tc_count_add(&in->conf.metric->rooms_moved, 1);
    return true;
}

/* The room of the record, born if need be; TC_NONE: it was refused. */
static uint32_t find_room(struct tc_ingest *in, const struct tc_record *record, struct tc_str name)
{
    bool is_new = false;
    uint32_t room = tc_dir_intern(&in->dir, name, record->rule, &is_new);
    if (room == TC_NONE) {
        tc_count_add(&in->conf.metric->rooms_refused, 1);
        complain(in, record->log, record->pos, "no place for a further room: raise limits.rooms");
        return TC_NONE;
    }
    const struct tc_bus_room *b = &in->bus.rooms[room];
    if (is_new) {
        /* nobody can have interest in it yet: whoever waits for its name must look */
        in->is_state_change = true;
        in->rooms[room] = (struct tc_ingest_room){ -1, TC_NONE };
        tc_count_set(&in->conf.metric->rooms, tc_dir_cnt(&in->dir));
    }
    uint32_t log = atomic_load_explicit(&b->log, memory_order_relaxed);
    bool has_log = atomic_load_explicit(&b->last_seq, memory_order_relaxed) != 0;
    if (has_log && log != record->log && !move_room(in, room, record, log))
        return TC_NONE;
    return room;
}

/* ---- the sink ---- */

static void quarantine(struct tc_ingest *in, const struct tc_record *record,
                       const struct tc_feed_out *out)
{
    bool is_oversize = out->kind == TC_FEED_OVERSIZE;
    enum tc_gap_reason reason = is_oversize ? TC_GAP_OVERSIZE : TC_GAP_POISON;
    tc_count_add(is_oversize ? &in->conf.metric->oversize : &in->conf.metric->poison, 1);
    complain(in, record->log, record->pos, tc_feed_reason_text(out->reason));
    if (!out->name_len) {
        widen_hole(in, record, reason);
        return;
    }
    close_hole(in);
    uint32_t room = find_room(in, record, tc_feed_name(out));
    if (room != TC_NONE)
        publish_gap(in, room, record->log, record->pos - 1, record->pos, reason);
}

/* Maps a record; *payload is what goes on the bus of its value. */
static enum tc_feed_kind map_record(struct tc_ingest *in, const struct tc_record *record,
                                    struct tc_str *payload, struct tc_feed_out *out)
{
    static const enum tc_feed_reason reasons[] = {
        [TC_TYPES_BAD_FRAME] = TC_FEED_BAD_FRAME,
        [TC_TYPES_BAD_MESSAGE] = TC_FEED_BAD_MESSAGE,
        [TC_TYPES_TOO_LARGE] = TC_FEED_TOO_LARGE,
    };
    const struct tc_feed_rule *feed = &in->rules[record->rule];
    const struct tc_rule *rule = tc_rule_of(in->conf.rules, in->conf.source, record->rule);
    bool is_plain = !rule->message && !rule->is_framed;
    *payload = record->value;
    if (is_plain || !record->value.ptr || record->value.len > feed->event_bytes_max)
        return tc_feed_map(feed, record, &in->json, out);
    struct tc_record mapped = *record; /* names are made of fields of JSON */
    enum tc_types_verdict verdict = tc_types_judge(in->conf.types, rule, record->value, in->scratch,
                                                   feed->event_bytes_max, payload, &mapped.value);
    if (verdict == TC_TYPES_FINE)
        return tc_feed_map(feed, &mapped, &in->json, out);
    mapped.value = TC_STR(""); /* its room may be known all the same */
    (void)tc_feed_map(feed, &mapped, &in->json, out);
    out->reason = reasons[verdict];
    out->kind = verdict == TC_TYPES_TOO_LARGE ? TC_FEED_OVERSIZE : TC_FEED_POISON;
    return out->kind;
}

static void on_record(void *ctx, const struct tc_record *record)
{
    struct tc_ingest *in = ctx;
    struct tc_metric_ingest *m = in->conf.metric;
    struct tc_feed_out out;
    struct tc_str payload;
    TC_ASSERT(record->rule < in->rule_cnt);
    enum tc_feed_kind kind = map_record(in, record, &payload, &out);
    if (TC_UNLIKELY(kind == TC_FEED_POISON || kind == TC_FEED_OVERSIZE)) {
        quarantine(in, record, &out);
        return;
    }
    close_hole(in);
    uint32_t room = find_room(in, record, tc_feed_name(&out));
    if (TC_UNLIKELY(room == TC_NONE))
        return;
    struct tc_bus_put put = {
        .room = room,
        .log = (uint16_t)record->log,
        .kind = kind == TC_FEED_UPDATE ? TC_BUS_UPDATE : TC_BUS_TOMBSTONE,
        .pos = record->pos,
        .ts_ms = record->ts_ms,
        .ingest_ns = in->now_ns,
    };
    if (kind == TC_FEED_UPDATE) {
        put.payload = payload.ptr;
        put.len = (uint32_t)payload.len;
    }
    tc_bus_publish(&in->bus, &put);
    in->rooms[room].ts_ms = TC_MAX(in->rooms[room].ts_ms, record->ts_ms);
    tc_count_add(&m->events, 1);
    tc_count_add(&m->event_bytes, put.len);
    tc_count_add(&m->tombstones, kind == TC_FEED_TOMBSTONE);
    if (record->ts_ms >= 0)
        tc_count_set(&m->lag_ms, (uint64_t)TC_MAX(in->wall_ms - record->ts_ms, 0));
}

static int on_log_open(void *ctx, const struct tc_log_info *info)
{
    struct tc_ingest *in = ctx;
    int log = tc_logs_add(&in->logs, tc_str_from(info->name), info->rule, info->partition,
                          info->start_pos, info->replaces);
    if (log < 0) {
        tc_log(in->conf.log, TC_LOG_ERROR, "too-many-logs",
               "%s is not read: the source has had %u logs; restart to forget old ones", info->name,
               in->logs.max);
        return log;
    }
    const struct tc_log_field fields[] = { TC_LOG_Z("log", info->name),
                                           TC_LOG_I("start", info->start_pos) };
    tc_log_with(in->conf.log, TC_LOG_INFO, "log-open", fields, TC_ARRAY_CNT(fields),
                info->replaces == TC_NONE ? "reading a log" : "reading a log that was made anew");
    tc_count_set(&in->conf.metric->logs, (uint64_t)log + 1);
    if (info->replaces != TC_NONE) {
        close_hole(in);
        tc_count_add(&in->conf.metric->lost_ranges, 1);
        publish_gap_all(in, info->replaces, (uint32_t)log, -1, -1, TC_GAP_RECREATED);
        /* what follows is a new beginning: its times may be older */
        for (uint32_t i = 0; i < tc_dir_cnt(&in->dir); i++) {
            if (atomic_load_explicit(&in->bus.rooms[i].log, memory_order_relaxed) == (uint32_t)log)
                in->rooms[i] = (struct tc_ingest_room){ -1, TC_NONE };
        }
    }
    in->is_state_change = true;
    return log;
}

static void on_lost(void *ctx, uint32_t log, int64_t from, int64_t to, enum tc_gap_reason reason)
{
    struct tc_ingest *in = ctx;
    const struct tc_log *l = &in->logs.logs[log];
    const struct tc_log_field fields[] = {
        TC_LOG_S("log", ((struct tc_str){ l->name, l->name_len })),
        TC_LOG_I("from", from),
        TC_LOG_I("to", to),
    };
    tc_log_with(in->conf.log, TC_LOG_WARN, "lost-range", fields, TC_ARRAY_CNT(fields),
                "positions are gone at the source before they were read");
    tc_count_add(&in->conf.metric->lost_ranges, 1);
    close_hole(in);
    publish_gap_all(in, log, log, from, to, reason);
}

static void store_progress(struct tc_ingest *in)
{
    for (uint32_t i = 0; i < in->staged_cnt; i++) {
        const struct tc_ingest_progress *p = &in->staged[i];
        struct tc_log *log = &in->logs.logs[p->log];
        atomic_store_explicit(&log->end_pos, p->end_pos, memory_order_release);
        atomic_store_explicit(&log->next_pos, p->next_pos, memory_order_release);
        if (p->is_caught_up && !atomic_load_explicit(&log->is_caught_up, memory_order_relaxed)) {
            atomic_store_explicit(&log->is_caught_up, true, memory_order_release);
            in->is_state_change = true;
        }
    }
    in->staged_cnt = 0;
}

/* Rings the sleeping workers whose bits the commit handed over. */
static void ring(struct tc_ingest *in, uint64_t workers)
{
    while (workers) {
        uint32_t w = (uint32_t)__builtin_ctzll(workers);
        workers &= workers - 1;
        if (w < in->conf.worker_cnt && in->conf.bells[w] >= 0) {
            tc_os_bell_ring(in->conf.bells[w]);
            tc_count_add(&in->conf.metric->doorbells, 1);
        }
    }
}

static void commit(struct tc_ingest *in)
{
    close_hole(in);
    ring(in, tc_bus_commit(&in->bus, false));
    store_progress(in);
    if (in->is_state_change) {
        in->is_state_change = false;
        ring(in, tc_bus_commit(&in->bus, true));
    }
}

static void on_progress(void *ctx, uint32_t log, int64_t next_pos, int64_t end_pos,
                        bool is_caught_up)
{
    struct tc_ingest *in = ctx;
    uint32_t i = 0;
    while (i < in->staged_cnt && in->staged[i].log != log)
        i++;
    if (i == TC_INGEST_STAGED_MAX) {
        commit(in);
        i = 0;
    }
    bool was = i < in->staged_cnt && in->staged[i].is_caught_up;
    in->staged[i] = (struct tc_ingest_progress){ log, next_pos, end_pos, was || is_caught_up };
    in->staged_cnt = TC_MAX(in->staged_cnt, i + 1);
}

static void on_stale(void *ctx, uint32_t log, int64_t since_ms)
{
    struct tc_ingest *in = ctx;
    struct tc_log *l = &in->logs.logs[log];
    if (atomic_load_explicit(&l->stale_ms, memory_order_relaxed) == since_ms)
        return;
    atomic_store_explicit(&l->stale_ms, since_ms, memory_order_release);
    in->is_state_change = true;
    const struct tc_log_field fields[] = {
        TC_LOG_S("log", ((struct tc_str){ l->name, l->name_len })),
        TC_LOG_I("since_ms", since_ms),
    };
    tc_log_with(in->conf.log, since_ms ? TC_LOG_WARN : TC_LOG_INFO, since_ms ? "stale" : "fresh",
                fields, TC_ARRAY_CNT(fields), since_ms ? "a log went silent" : "a log goes on");
}

static void on_ready(void *ctx, enum tc_source_state state, const char *text)
{
    static const char *const codes[] = {
        [TC_SOURCE_FINE] = "source-ready",
        [TC_SOURCE_AWAY] = "source-away",
        [TC_SOURCE_TROUBLED] = "source-troubled",
        [TC_SOURCE_INCOMPLETE] = "source-incomplete",
    };
    struct tc_ingest *in = ctx;
    tc_log(in->conf.log, state ? TC_LOG_WARN : TC_LOG_INFO, codes[state], "%s: %s",
           in->conf.conf->sources[in->conf.source].name, *text ? text : "reading");
    bool is_away = state == TC_SOURCE_AWAY;
    bool is_part = state == TC_SOURCE_TROUBLED || state == TC_SOURCE_INCOMPLETE;
    in->away_since_ms = !is_away            ? 0
                        : in->away_since_ms ? in->away_since_ms
                                            : TC_MAX(in->wall_ms, 1);
    in->trouble_since_ms = !is_part               ? 0
                           : in->trouble_since_ms ? in->trouble_since_ms
                                                  : TC_MAX(in->wall_ms, 1);
    if (is_away)
        return;
    atomic_store_explicit(&in->logs.away_ms, 0, memory_order_release);
    if (!is_part)
        atomic_store_explicit(&in->logs.trouble_ms, 0, memory_order_release);
    atomic_store_explicit(&in->logs.is_known, true, memory_order_release);
    in->is_state_change = true;
}

/* What began at since_ms is called stale only after a while: clients see a pause until then. */
static void look_stale(struct tc_ingest *in, int64_t since_ms, _Atomic int64_t *told_ms)
{
    if (!since_ms || atomic_load_explicit(told_ms, memory_order_relaxed) ||
        in->wall_ms - since_ms < in->conf.conf->timeouts.stale_ms)
        return;
    atomic_store_explicit(told_ms, since_ms, memory_order_release);
    in->is_state_change = true;
}

void tc_ingest_count(struct tc_ingest *in)
{
    struct tc_metric_ingest *m = in->conf.metric;
    struct tc_source_stats stats;
    in->conf.ops->stats(in->source, &stats);
    tc_count_set(&m->errors, stats.error_cnt);
    tc_count_set(&m->reconnects, stats.reconnect_cnt);
    tc_count_set(&m->missed_wakes, stats.missed_wake_cnt);
    tc_count_set(&m->away, stats.state == TC_SOURCE_AWAY);
    tc_count_set(&m->incomplete, stats.state > TC_SOURCE_AWAY);
    tc_count_set(&m->slots_full, in->bus.slot_drop_cnt);
    tc_count_set(&m->slot_bytes, in->bus.slot_fresh * 8);
}

int tc_ingest_work(struct tc_ingest *in, int64_t now_ns, int64_t wall_ms)
{
    static const struct tc_source_sink calls = {
        .log_open = on_log_open,
        .record = on_record,
        .lost = on_lost,
        .progress = on_progress,
        .stale = on_stale,
        .ready = on_ready,
    };
    if (!in->is_woken && now_ns < in->conf.ops->wake_at_ns(in->source))
        return 0;
    struct tc_source_sink sink = calls;
    sink.ctx = in;
    in->is_woken = false;
    in->now_ns = now_ns;
    in->wall_ms = wall_ms;
    int done = in->conf.ops->poll(in->source, &sink, TC_TURN_INGEST_MAX, now_ns, wall_ms);
    look_stale(in, in->away_since_ms, &in->logs.away_ms);
    look_stale(in, in->trouble_since_ms, &in->logs.trouble_ms);
    if (done || in->staged_cnt || in->is_state_change)
        commit(in);
    return done;
}

int tc_ingest_wake_fd(const struct tc_ingest *in)
{
    return in->source ? in->conf.ops->wake_fd(in->source) : -1;
}

int64_t tc_ingest_wake_ns(const struct tc_ingest *in)
{
    return in->conf.ops->wake_at_ns(in->source);
}

/* ---- init ---- */

static void compile_rules(struct tc_ingest *in)
{
    const struct tc_ingest_conf *c = &in->conf;
    const struct tc_conf_source *source = &c->conf->sources[c->source];
    in->rule_cnt = source->rule_cnt;
    for (uint32_t i = 0; i < in->rule_cnt; i++) {
        in->rules[i] = (struct tc_feed_rule){
            .room = &tc_rule_of(c->rules, c->source, i)->room,
            .format = TC_FEED_JSON,
            .event_bytes_max = c->conf->limits.event_bytes,
        };
    }
}

int tc_ingest_init(struct tc_ingest *in, const struct tc_ingest_conf *conf, struct tc_err *err)
{
    char holder[TC_MEM_NAME_MAX];
    const struct tc_conf_source *source = &conf->conf->sources[conf->source];
    const struct tc_conf_limits *limits = &conf->conf->limits;
    memset(in, 0, sizeof(*in));
    in->conf = *conf;
    in->hole_log = TC_NONE;
    snprintf(holder, sizeof(holder), "source %.32s", source->name);
    struct tc_bus_conf bus = {
        .event_cnt = source->history_events,
        .payload_bytes = source->history_bytes,
        .payload_max = limits->event_bytes,
        .last_value_bytes = source->last_value_bytes,
        .room_max = limits->rooms,
        .mem = conf->mem,
        .holder = holder,
    };
    int rc = tc_bus_init(&in->bus, &bus, conf->sleeping, err);
    if (rc == TC_OK)
        rc = tc_dir_init(&in->dir, limits->rooms, &conf->key, conf->mem, holder, err);
    if (rc == TC_OK)
        rc = tc_logs_init(&in->logs, TC_INGEST_LOGS_MAX, conf->mem, holder, err);
    if (rc == TC_OK)
        rc = tc_json_pool_init(&in->json, limits->event_bytes, conf->mem, holder, err);
    if (rc == TC_OK && conf->types) {
        in->scratch = tc_mem_take(conf->mem, holder, limits->event_bytes, 1, err);
        rc = in->scratch ? TC_OK : -TC_ENOMEM;
    }
    if (rc == TC_OK && conf->ops->heap_bytes) {
        char library[TC_MEM_NAME_MAX];
        snprintf(library, sizeof(library), "%.30s: library", holder);
        rc = tc_mem_count(conf->mem, library, conf->ops->heap_bytes(source), err);
    }
    if (rc < 0)
        return rc;
    in->rooms = tc_mem_take(conf->mem, holder, sizeof(*in->rooms), limits->rooms, err);
    if (!in->rooms)
        return -TC_ENOMEM;
    compile_rules(in);
    return TC_OK;
}

int tc_ingest_open(struct tc_ingest *in, struct tc_err *err)
{
    return in->conf.ops->open(&in->source, in->conf.env, err);
}

void tc_ingest_fini(struct tc_ingest *in)
{
    if (in->source)
        in->conf.ops->close(in->source);
    in->source = NULL;
}
