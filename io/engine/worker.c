// SPDX-License-Identifier: Apache-2.0
#include "io/engine/worker.h"

#include <stdio.h>

#include "core/mem/budget.h"
#include "io/os/os.h"
#include "io/session/desk.h"

enum tag { TAG_BELL = 1, TAG_SOURCE = 2 };

#define MS_NS 1000000ll

/* ---- open ---- */

static int open_fan(struct tc_worker *w, struct tc_err *err)
{
    const struct tc_conf_limits *l = &w->conf.conf->limits;
    struct tc_fan_conf fan = {
        .worker = w->conf.idx,
        .feeds = w->conf.feeds,
        .feed_cnt = w->conf.feed_cnt,
        .rules = w->conf.rules,
        .dialects = tc_session_dialects,
        .dialect_cnt = TC_SESSION_DIALECT_CNT,
        .key = w->conf.key,
        .conn_max = tc_net_slots(l->connections) + l->streams,
        .member_max = l->members,
        .conn_rooms_max = l->conn_rooms,
        .waiting_max = l->waiting_rooms,
        .pending_max = l->pending,
        .payload_max = l->event_bytes,
        .conflate_bytes = l->conflate_bytes,
        .conflate_ns = l->conflate_ms * MS_NS,
        .resume_events = l->resume_events,
        .warmup_end_ns = w->conf.warmup_end_ns,
        .start_ms = w->conf.start_ms,
        .resume_wait_ns = w->conf.conf->timeouts.resume_ms * MS_NS,
        .convert = w->conf.types ? tc_types_convert : NULL,
        .convert_ctx = w->conf.types,
        .mem = w->conf.mem,
        .holder = w->holder,
    };
    w->fan = tc_fan_init(&fan, err);
    return w->fan ? TC_OK : -TC_ENOMEM;
}

static int open_reactor(struct tc_worker *w, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    snprintf(name, sizeof(name), "%.24s: reactor", w->holder);
    struct tc_reactor_conf reactor = {
        .conn_max = tc_net_slots(w->conf.conf->limits.connections),
        .recv_buffer_bytes = TC_WORKER_RECV_BYTES,
        .recv_buffer_cnt = TC_WORKER_RECV_CNT,
        .mem = w->conf.mem,
        .holder = name,
    };
    int rc = w->conf.ops->open(&w->reactor, &reactor, err);
    if (rc < 0)
        return rc;
    rc = w->conf.ops->watch(w->reactor, w->conf.bell, TAG_BELL);
    for (uint32_t i = 0; rc == TC_OK && i < w->conf.fused_cnt; i++) {
        int fd = tc_ingest_wake_fd(w->conf.fused[i]);
        if (fd >= 0)
            rc = w->conf.ops->watch(w->reactor, fd, TAG_SOURCE + i);
    }
    return rc < 0 ? tc_err_set(err, rc, "%s: cannot watch its doorbell", w->holder) : rc;
}

static int open_net(struct tc_worker *w, struct tc_err *err)
{
    struct tc_net_conf net = {
        .ops = w->conf.ops,
        .reactor = w->reactor,
        .fan = w->fan,
        .sessions = tc_session_table,
        .session_cnt = TC_SESSION_CNT,
        .h2_session = TC_SESSION_H2,
        .session_ctx = &w->sessions,
        .conn_max = w->conf.conf->limits.connections,
        .stream_max = w->conf.conf->limits.streams,
        .spill_bytes = w->conf.conf->limits.spill_bytes,
        .pages = w->conf.pages.min ? w->conf.pages : TC_NET_PAGES_BEST,
        .peers = w->conf.peers,
        .peer_cnt = w->conf.peer_cnt,
        .metric = w->conf.metric,
        .log = w->conf.log,
        .tls = w->conf.tls,
        .handshake_ns = w->conf.conf->timeouts.head_ms * MS_NS,
        .mem = w->conf.mem,
        .holder = w->holder,
        .now_ns = w->now_ns,
    };
    return tc_net_init(&w->net, &net, err);
}

static int open_tls(struct tc_worker *w, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    uint64_t bytes = w->conf.conf->tls.memory_bytes;
    if (!w->conf.tls)
        return TC_OK;
    snprintf(name, sizeof(name), "%.24s: OpenSSL", w->holder);
    tc_budget_use(w->conf.idx, bytes);
    return tc_mem_count(w->conf.mem, name, bytes, err);
}

static void take_time(struct tc_worker *w)
{
    w->conf.clock(w->conf.clock_ctx, &w->now_ns, &w->wall_ns);
    w->net.now_ns = w->now_ns;
    w->net.wall_ms = w->wall_ns / MS_NS;
    w->has_time = true;
}

int tc_worker_open(struct tc_worker *w, const struct tc_worker_conf *conf, struct tc_err *err)
{
    memset(w, 0, sizeof(*w));
    w->conf = *conf;
    snprintf(w->holder, sizeof(w->holder), "worker %u", conf->idx);
    conf->metric->worker = conf->idx;
    tc_count_set(&conf->metric->spill_budget_bytes, conf->conf->limits.spill_bytes);
    take_time(w);
    w->busy_ns = w->now_ns;
    int rc = open_tls(w, err);
    if (rc == TC_OK)
        rc = open_fan(w, err);
    if (rc == TC_OK)
        rc = tc_sessions_init(&w->sessions, conf->conf, conf->page, conf->grpc, conf->mem,
                              w->holder, err);
    w->sessions.schema = conf->types ? &conf->types->schema : NULL;
    tc_sessions_use_desk(&w->sessions, conf->desk);
    if (rc == TC_OK)
        rc = open_reactor(w, err);
    return rc == TC_OK ? open_net(w, err) : rc;
}

void tc_worker_close(struct tc_worker *w)
{
    if (w->net.slot_max)
        tc_net_end_all(&w->net, TC_CLOSE_DRAIN_TIMEOUT);
    if (w->reactor)
        w->conf.ops->close(w->reactor);
    tc_net_fini(&w->net);
    tc_tls_ctx_unref(atomic_exchange(&w->next_tls, NULL));
    tc_sessions_fini(&w->sessions);
    w->reactor = NULL;
}

int tc_worker_listen(struct tc_worker *w, const int fds[TC_NET_LISTENER_CNT])
{
    int rc = TC_OK;
    for (uint32_t l = 0; rc == TC_OK && l < TC_NET_LISTENER_CNT; l++) {
        if (fds[l] >= 0)
            rc = tc_net_accept_start(&w->net, (enum tc_net_listener)l, fds[l]);
    }
    return rc;
}

void tc_worker_use_tls(struct tc_worker *w, struct tc_tls_ctx *ctx)
{
    tc_tls_ctx_unref(atomic_exchange(&w->next_tls, ctx)); /* one that was not taken yet */
}

/* ---- the turn ---- */

static void on_event(void *ctx, const struct tc_reactor_event *event)
{
    struct tc_worker *w = ctx;
    if (!w->has_time)
        take_time(w);
    if (event->kind != TC_REACTOR_WAKE) {
        tc_net_on_event(&w->net, event);
    } else if (event->slot == TAG_BELL) {
        w->is_awake = true;
        (void)tc_os_bell_clear(w->conf.bell);
    } else {
        tc_ingest_wake(w->conf.fused[event->slot - TAG_SOURCE]); /* its poll drains it */
    }
}

/* Until when there is nothing to do but what the reactor or the bell tell of. */
static int64_t sleep_ns(const struct tc_worker *w)
{
    int64_t at_ns = TC_MIN(tc_net_wake_ns(&w->net), tc_fan_parked_at_ns(w->fan));
    for (uint32_t i = 0; i < w->conf.fused_cnt; i++)
        at_ns = TC_MIN(at_ns, tc_ingest_wake_ns(w->conf.fused[i]));
    if (w->is_draining)
        at_ns = TC_MIN(at_ns, w->drain_end_ns);
    if (at_ns == INT64_MAX)
        return TC_WORKER_SLEEP_NS;
    return TC_MAX(TC_MIN(at_ns - w->now_ns, TC_WORKER_SLEEP_NS), 0);
}

static bool is_idle(const struct tc_worker *w)
{
    enum tc_conf_idle policy = w->conf.conf->idle;
    if (policy == TC_IDLE_SPIN || tc_fan_has_touched(w->fan) || tc_fan_has_catch_up(w->fan) ||
        w->net.out_first != TC_NONE || tc_net_has_handshakes(&w->net))
        return false;
    if (w->is_draining && (w->drain_idx < w->net.slot_max || w->net.conn_cnt == 0))
        return false;
    return policy == TC_IDLE_SLEEP || w->now_ns - w->busy_ns >= TC_WORKER_SPIN_NS;
}

/* Completions. Blocks only after it was said that this worker sleeps, and the buses were looked at
 * once more: a batch that was committed before is seen here, one committed later rings. */
static uint32_t poll_reactor(struct tc_worker *w, bool may_sleep)
{
    const struct tc_reactor_ops *ops = w->conf.ops;
    bool is_to_sleep = may_sleep && is_idle(w);
    uint64_t bit = 1ull << w->conf.idx;
    w->is_awake = false;
    take_time(w); /* the last turn may have sent for milliseconds */
    int64_t wait_ns = is_to_sleep ? sleep_ns(w) : 0;
    if (wait_ns == 0)
        return ops->poll(w->reactor, 0, TC_WORKER_EVENTS_MAX, on_event, w);
    atomic_fetch_or(w->conf.sleeping, bit);
    bool has_news = tc_fan_has_news(w->fan) || tc_desk_has_answers(w->conf.desk) ||
                    atomic_load(&w->wants_drain) != w->is_draining;
    w->has_time = false;
    uint32_t done =
        ops->poll(w->reactor, has_news ? 0 : wait_ns, TC_WORKER_EVENTS_MAX, on_event, w);
    atomic_fetch_and(w->conf.sleeping, ~bit);
    tc_count_add(&w->conf.metric->sleeps, !has_news);
    tc_count_add(&w->conf.metric->wakeups, w->is_awake);
    if (!w->has_time)
        take_time(w);
    return done;
}

static uint32_t work_ingest(struct tc_worker *w)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < w->conf.fused_cnt; i++)
        done += (uint32_t)tc_ingest_work(w->conf.fused[i], w->now_ns, w->net.wall_ms);
    return done;
}

/* How long each event of the last read took to its members' sockets. */
static void count_latency(struct tc_worker *w)
{
    int64_t now_ns;
    int64_t wall_ns;
    struct tc_metric_worker *m = w->conf.metric;
    w->has_read = false;
    uint32_t cnt = tc_fan_turn_cnt(w->fan);
    if (cnt == 0)
        return;
    w->conf.clock(w->conf.clock_ctx, &now_ns, &wall_ns);
    for (uint32_t i = 0; i < cnt; i++) {
        struct tc_fan_turn_times t = tc_fan_turn_at(w->fan, i);
        if (t.member_cnt == 0)
            continue;
        int64_t ingest_ns = TC_MAX(now_ns - t.ingest_ns, 0);
        tc_hist_record_many(&m->ingest_to_write, (uint64_t)ingest_ns, t.member_cnt);
        int64_t record_ns = wall_ns - t.ts_ms * MS_NS;
        if (t.ts_ms >= 0 && record_ns >= 0)
            tc_hist_record_many(&m->record_to_write, (uint64_t)record_ns, t.member_cnt);
        else if (t.ts_ms >= 0)
            tc_count_add(&m->record_time_negative, t.member_cnt);
    }
}

/* Buses, encode, flush, catch-up: each only when what came before is done. */
static uint32_t fan_out(struct tc_worker *w)
{
    uint32_t done = 0;
    if (!tc_fan_has_touched(w->fan)) {
        uint32_t cnt = tc_fan_read(w->fan, w->now_ns);
        w->has_read = cnt > 0;
        done += cnt;
    }
    done += tc_net_flush(&w->net, TC_TURN_FLUSH_MAX);
    if (tc_fan_has_touched(w->fan))
        return done;
    if (w->has_read)
        count_latency(w);
    if (tc_fan_has_catch_up(w->fan) || w->now_ns >= tc_fan_parked_at_ns(w->fan))
        done += tc_net_catch_up(&w->net, TC_TURN_FLUSH_MAX, w->conf.conf->limits.turn_bytes);
    return done;
}

static void work_drain(struct tc_worker *w)
{
    uint32_t window_ms = w->conf.conf->timeouts.drain_ms;
    if (!w->is_draining) {
        w->is_draining = true;
        w->drain_end_ns = w->now_ns + window_ms * MS_NS;
        tc_net_accept_stop(&w->net);
    }
    if (w->drain_idx < w->net.slot_max) {
        tc_net_drain(&w->net, w->drain_idx, TC_WORKER_DRAIN_MAX, window_ms);
        w->drain_idx += TC_WORKER_DRAIN_MAX;
    }
    if (w->now_ns >= w->drain_end_ns)
        tc_net_end_all(&w->net, TC_CLOSE_DRAIN_TIMEOUT);
}

/* What clients and the supervisor have brought about, each step bounded; before the flush, which
 * takes the answers along. */
static uint32_t work_clients(struct tc_worker *w)
{
    uint32_t done = tc_net_on_time(&w->net, TC_WORKER_TIMERS_MAX);
    if (TC_UNLIKELY(atomic_load(&w->wants_drain)))
        work_drain(w);
    if (TC_UNLIKELY(atomic_load_explicit(&w->next_tls, memory_order_relaxed)))
        tc_net_tls_use(&w->net, atomic_exchange(&w->next_tls, NULL));
    done += tc_net_handshakes(&w->net);
    return done + tc_desk_take(w->conf.desk);
}

static void count(struct tc_worker *w)
{
    struct tc_metric_worker *m = w->conf.metric;
    const struct tc_fan_stats *s = tc_fan_stats(w->fan);
    struct tc_reactor_stats r;
    int64_t end_ns;
    int64_t wall_ns;
    for (uint32_t i = 0; i < w->conf.fused_cnt; i++)
        tc_ingest_count(w->conf.fused[i]);
    w->conf.ops->stats(w->reactor, &r);
    tc_count_set(&m->members, s->member_cnt);
    tc_count_set(&m->members_behind, s->behind_cnt);
    tc_count_set(&m->member_rooms, s->room_cnt);
    tc_count_set(&m->behind, s->behind_total);
    tc_count_set(&m->waiting_names, s->waiting_cnt);
    tc_count_set(&m->pending_subscriptions, s->parked_cnt);
    tc_count_set(&m->bus_events, s->event_cnt);
    tc_count_set(&m->bus_skipped, s->skip_cnt);
    tc_count_set(&m->deliveries, s->delivery_cnt);
    tc_count_set(&m->conflated, s->conflated_cnt);
    tc_count_set(&m->skipped_events, s->skipped_cnt);
    tc_count_set(&m->recovered, s->recovered_cnt);
    tc_count_set(&m->cannot_recover, s->cannot_recover_cnt);
    tc_count_set(&m->bus_overruns, s->lapped_cnt);
    for (uint32_t i = 0; i < TC_GAP_CNT; i++)
        tc_count_set(&m->gaps[i], s->gap_cnt[i]);
    tc_count_set(&m->cq_overflows, r.cq_overflow_cnt);
    tc_count_set(&m->punts, r.punt_cnt);
    tc_count_set(&m->spill_bytes, w->net.slab.used_bytes);
    tc_count_set(&m->h2_memory_bytes, w->sessions.h2.purse.used_bytes);
    if (w->conf.tls)
        tc_count_set(&m->tls_memory_bytes, tc_budget_used_bytes(w->conf.idx));
    tc_count_add(&m->turns, 1);
    w->conf.clock(w->conf.clock_ctx, &end_ns, &wall_ns);
    tc_hist_record(&m->turn, (uint64_t)TC_MAX(end_ns - w->now_ns, 0));
}

uint32_t tc_worker_turn(struct tc_worker *w, bool may_sleep)
{
    uint32_t done = poll_reactor(w, may_sleep);
    done += work_clients(w);
    done += tc_net_flush_out(&w->net);
    done += work_ingest(w);
    done += fan_out(w);
    if (done) {
        w->busy_ns = w->now_ns;
        count(w);
    }
    return done;
}
