// SPDX-License-Identifier: Apache-2.0
/* tests/sim/worker: a whole worker, its ingest agents, sockets and time, simulated from one seed.
 *
 * usage: sim-worker [--seeds N] [--first S]   N seeds from S on (1000 from 0)
 *        sim-worker --seed S                  that one, told step by step on stderr
 *
 * See world.h for the parts. The last line is "N passed, M failed"; exit 1 if M > 0. */
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "tests/lib/base.h"
#include "tests/sim/world.h"

enum { LISTEN_FD = 2000010, TURNS_MAX = 40000 };

static struct world world;
static struct w_event *events;   /* of all rooms */
static struct w_client *clients; /* W_CROWD */

uint32_t w_rnd(struct world *w, uint32_t below)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (uint32_t)((w->rng >> 20) % below);
}

void w_fail(struct world *w, const char *fmt, ...)
{
    va_list args;
    if (w->is_failed)
        return;
    w->is_failed = true;
    va_start(args, fmt);
    vsnprintf(w->fault, sizeof(w->fault), fmt, args);
    va_end(args);
    w_note(w, "FAULT %s", w->fault);
}

void w_note(const struct world *w, const char *fmt, ...)
{
    va_list args;
    if (!w->is_verbose)
        return;
    va_start(args, fmt);
    fprintf(stderr, "%.6f ", (double)w->now_ns / 1e9);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

static void w_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    const struct world *w = ctx;
    *mono_ns = w->now_ns;
    *wall_ns = w->wall_ns;
}

static void pass(struct world *w, int64_t ns)
{
    w->now_ns += ns;
    w->wall_ns += ns;
}

/* ---- begin ---- */

static const char yaml[] =
    "sources:\n"
    "  - name: s0\n"
    "    kafka: { brokers: \"b:1\", topics: [ { topic: t, room: \"ticker-{key}\","
    " event: ticker-update } ] }\n"
    "  - name: s1\n"
    "    kafka: { brokers: \"b:1\", topics: [ { topic: u, room: \"alt-{key}\","
    " event: alt-update } ] }\n";

static void choose_limits(struct world *w)
{
    static const uint32_t sizes[] = { 64, 128, 1024, 1024 };
    static const uint32_t slices[] = { 100, 4096, 65536 };
    struct tc_conf_limits *l = &w->conf.limits;
    w->is_conflating = w_one_in(w, 2);
    w->is_surplus = !w->is_crowd && w_one_in(w, 10);
    w->is_tiny_spill = w_one_in(w, 6);
    l->event_bytes = w_one_in(w, 40) ? 60000 : sizes[w_rnd(w, 4)];
    l->rooms = 2 * W_ROOMS;
    l->connections = w->is_surplus ? TC_MAX(w->client_cnt / 2, 1u) : 4 * w->client_cnt;
    l->conn_rooms = w_one_in(w, 4) ? 2 : 16;
    l->members = w->is_crowd ? 4096 : w_one_in(w, 4) ? 6 : 64;
    l->waiting_rooms = w_one_in(w, 4) ? 2 : 16;
    l->pending = w->is_crowd ? 4096 : w_one_in(w, 4) ? 4 : 64;
    l->cmd_rate = w_one_in(w, 10) ? 5 : 100000;
    l->cmd_burst = l->cmd_rate == 5 ? 20 : 100000;
    l->conflate_bytes = w->is_conflating ? 20 + w_rnd(w, 300) : 1u << 30;
    l->conflate_ms = w->is_conflating && w_one_in(w, 2) ? 1 + w_rnd(w, 50) : 3600000;
    l->resume_events = w_one_in(w, 2) ? 3 : 1000;
    l->turn_bytes = slices[w_rnd(w, 3)];
    l->spill_bytes = w->is_tiny_spill ? 2048 : 8 << 20;
}

static void choose_conf(struct world *w)
{
    static const uint32_t rings[] = { 8, 16, 64, 1024 };
    static const uint64_t slots[] = { 8, 2048, 65536 };
    static const enum tc_conf_idle idles[] = { TC_IDLE_SPIN, TC_IDLE_SLEEP, TC_IDLE_SLEEP,
                                               TC_IDLE_SPIN_THEN_SLEEP };
    struct tc_conf_timeouts *t = &w->conf.timeouts;
    choose_limits(w);
    w->conf.idle = idles[w_rnd(w, 4)];
    w->conf.source_cnt = w->feed_cnt;
    t->head_ms = w_one_in(w, 6) ? 20 : 10000;
    t->ping_ms = w_one_in(w, 6) ? 30 : 25000;
    t->idle_ms = w_one_in(w, 6) ? 150 : 60000;
    t->resume_ms = w_rnd(w, 100);
    t->stale_ms = 5 + w_rnd(w, 50);
    t->drain_ms = 20 + w_rnd(w, 200);
    for (uint32_t f = 0; f < w->feed_cnt; f++) {
        struct tc_conf_source *s = &w->conf.sources[f];
        s->history_events = rings[w_rnd(w, 4)];
        s->history_bytes = TC_MAX(s->history_events * 96u, 2 * w->conf.limits.event_bytes + 64);
        s->last_value_bytes = slots[w_rnd(w, 3)];
    }
}

static int open_feeds(struct world *w, struct tc_err *err)
{
    static const int fused_bells[] = { -1 };
    static const int own_bells[] = { W_BELL_FD };
    int rc = TC_OK;
    for (uint32_t i = 0; rc == TC_OK && i < w->feed_cnt; i++) {
        struct w_feed *f = &w->feeds[i];
        w_feed_init(w, i);
        f->metric.source = w->conf.sources[i].name;
        struct tc_ingest_conf conf = {
            .conf = &w->conf,
            .source = i,
            .rules = &w->rules,
            .ops = &w_source_ops,
            .env = &f->env,
            .sleeping = &w->sleeping,
            .bells = w->is_fused ? fused_bells : own_bells,
            .worker_cnt = 1,
            .key = { 1, 2 },
            .metric = &f->metric,
            .mem = &w->mem,
        };
        rc = tc_ingest_init(&f->ingest, &conf, err);
        if (rc == TC_OK)
            rc = tc_ingest_open(&f->ingest, err);
        w->fused[i] = &f->ingest;
        w->fan_feeds[i] = (struct tc_fan_feed){ &f->ingest.bus, &f->ingest.dir, &f->ingest.logs };
    }
    return rc;
}

static int open_worker(struct world *w, struct tc_err *err)
{
    static const struct tc_metric_worker *const peers[] = { &world.metric };
    struct tc_worker_conf conf = {
        .conf = &w->conf,
        .rules = &w->rules,
        .feeds = w->fan_feeds,
        .feed_cnt = w->feed_cnt,
        .fused = w->fused,
        .fused_cnt = w->is_fused ? w->feed_cnt : 0,
        .ops = &tc_reactor_sim,
        .pages = { w_one_in(w, 2) ? 1 + w_rnd(w, 300) : 0, w_rnd(w, 3) },
        .bell = W_BELL_FD,
        .sleeping = &w->sleeping,
        .key = { 3, 4 },
        .start_ms = w->wall_ns / W_MS,
        .warmup_end_ns = w->now_ns + w_rnd(w, 200) * W_MS,
        .clock = w_clock,
        .clock_ctx = w,
        .metric = &w->metric,
        .peers = peers,
        .peer_cnt = 1,
        .mem = &w->mem,
    };
    tc_sim_use(&w->net);
    int rc = tc_worker_open(&w->worker, &conf, err);
    return rc == TC_OK ? tc_worker_listen(&w->worker, (int[]){ LISTEN_FD, -1 }) : rc;
}

static void choose_faults(struct world *w)
{
    w->net.faults = (struct tc_sim_faults){
        .accept_pct = w_one_in(w, 4) ? 30 : 0,
        .abort_pct = w_one_in(w, 6) ? 10 : 0,
        .short_pct = w_one_in(w, 2) ? w_rnd(w, 60) : 0,
        .few_pct = w_one_in(w, 2) ? 50 : 0,
        .is_shuffled = w_one_in(w, 2),
    };
}

static int64_t on_wait(void *ctx, int64_t left_ns);

static void begin(struct world *w, uint64_t seed)
{
    struct tc_err err = { 0 };
    struct w_sums sums = w->sums;
    bool is_verbose = w->is_verbose;
    memset(w, 0, sizeof(*w));
    w->sums = sums;
    w->is_verbose = is_verbose;
    w->seed = seed;
    w->rng = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
    w->now_ns = 1000 * W_MS;
    w->wall_ns = 100000 * W_MS;
    w->feed_cnt = 1 + w_one_in(w, 3);
    w->is_crowd = w_one_in(w, 200);
    w->client_cnt = w->is_crowd ? W_CROWD - w_rnd(w, 40) : 1 + w_rnd(w, W_CLIENTS);
    w->clients = clients;
    w->room_cnt = w->feed_cnt + w_rnd(w, w->is_crowd ? 2 : W_ROOMS - w->feed_cnt + 1);
    w->settle_end_ns = INT64_MAX;
    w->is_fused = !w_one_in(w, 4);
    for (uint32_t i = 0; i < w->room_cnt; i++) {
        struct w_room *r = &w->rooms[i];
        *r = (struct w_room){ .idx = i, .feed = i % w->feed_cnt, .log = W_NO_LOG };
        r->prev_log = W_NO_LOG;
        r->events = events + (size_t)i * W_EVENTS;
        snprintf(r->name, sizeof(r->name), "%s-%u", r->feed ? "alt" : "ticker", i);
    }
    for (uint32_t i = 0; i < w->client_cnt; i++) {
        clients[i].state = W_NONE;
        memset(clients[i].views, 0, sizeof(clients[i].views));
        w->clients[i].idx = i;
        w->clients[i].next_id = 1000 * i + 1;
        for (uint32_t v = 0; v < W_ROOMS; v++)
            w->clients[i].views[v].kept_log = W_NO_LOG;
    }
    tc_mem_init(&w->mem, 0);
    tc_sim_init(&w->net, seed, 4 * w->client_cnt);
    w->net.on_wait = on_wait;
    w->net.wait_ctx = w;
    int rc = tc_conf_parse(&w->conf, tc_str_from(yaml), NULL, &err);
    if (rc == TC_OK)
        rc = tc_check_rules(&w->conf, &w->rules, &err);
    choose_conf(w);
    choose_faults(w);
    if (rc == TC_OK)
        rc = open_feeds(w, &err);
    if (rc == TC_OK)
        rc = open_worker(w, &err);
    W_CHECK(w, rc == TC_OK, "begin: %s", err.text);
}

static void end(struct world *w)
{
    tc_worker_close(&w->worker);
    for (uint32_t i = 0; i < w->feed_cnt; i++) {
        w->sums.laps += w->feeds[i].ingest.bus.evict_total > 0;
        tc_ingest_fini(&w->feeds[i].ingest);
    }
    w->sums.spills += tc_count_get(&w->metric.closes[TC_CLOSE_SPILL]);
    w->sums.unread += tc_count_get(&w->metric.closes[TC_CLOSE_UNREAD]);
    w->sums.shared += tc_count_get(&w->metric.shared_sends);
    tc_conf_fini(&w->conf);
    tc_sim_fini(&w->net);
    tc_mem_fini(&w->mem);
}

/* ---- turns ---- */

static void read_all(struct world *w)
{
    for (uint32_t i = 0; i < w->client_cnt && !w->is_failed; i++)
        w_client_read(w, &w->clients[i]);
}

static void happen(struct world *w, bool is_asleep)
{
    uint32_t what = w_rnd(w, 100);
    uint32_t feed = w_rnd(w, w->feed_cnt);
    /* a source that is asked at times has nothing new before that time */
    if (what < 35 && (!is_asleep || !w->is_fused || w->feeds[feed].has_fd))
        w_feed_poke(w, feed);
    else if (what < 75)
        w_client_act(w, &w->clients[w_rnd(w, w->client_cnt)]);
    else if (what < 77)
        choose_faults(w);
}

static void work_feeds(struct world *w)
{
    for (uint32_t i = 0; i < w->feed_cnt && !w->is_fused; i++) {
        if (w_one_in(w, 2))
            w_feed_work(w, i);
    }
}

/* The worker would block now: a part of that time passes. */
static int64_t on_wait(void *ctx, int64_t left_ns)
{
    struct world *w = ctx;
    int64_t start_ns = w->now_ns;
    w->sums.sleeps++;
    if (left_ns == w->net.last_timeout_ns)
        w_check_sleep(w);
    if (w->is_failed)
        return 0;
    pass(w, 1 + w_rnd(w, (uint32_t)TC_MIN(left_ns, 20 * W_MS)));
    if (!w->is_settling && w_one_in(w, 2))
        happen(w, true);
    work_feeds(w);
    read_all(w);
    w_check_in_time(w);
    return w->now_ns - start_ns;
}

static void turn(struct world *w)
{
    /* in the end a worker that may sleep gets the last records asleep */
    if (!w->is_settling || w->conf.idle == TC_IDLE_SPIN)
        work_feeds(w);
    read_all(w);
    w->sums.turns++;
    uint32_t done = tc_worker_turn(&w->worker, true);
    w_check_bounds(w);
    pass(w, 1000 + w_rnd(w, w->is_settling && !done ? 1000000 : 100000));
}

/* ---- phases ---- */

/* No more faults: everybody reads, and soon all are where their rooms are. */
static void settle(struct world *w)
{
    w_note(w, "settles");
    w->settle_end_ns = w->now_ns + (300 + w->conf.timeouts.resume_ms) * W_MS;
    w->is_settling = true;
    w->net.faults = (struct tc_sim_faults){ 0 };
    for (uint32_t i = 0; i < w->feed_cnt; i++)
        w_feed_settle(w, i);
    for (uint32_t i = 0; i < w->client_cnt; i++)
        w_client_settle(w, &w->clients[i]);
    for (uint32_t i = 0; i < TURNS_MAX && !w->is_failed && !w_is_all_done(w); i++) {
        turn(w);
        read_all(w);
        w_check_in_time(w);
    }
    w->settle_end_ns = INT64_MAX;
    for (uint32_t i = 0; i < w->client_cnt && !w->is_failed; i++) {
        struct w_client *c = &w->clients[i];
        W_CHECK(w, c->state == W_OPEN || c->state == W_NONE, "client %u: state %d in the end", i,
                (int)c->state);
        for (uint32_t r = 0; c->state == W_OPEN && !c->close_code && r < w->room_cnt; r++)
            w_view_check_end(w, &w->rooms[r], &c->views[r]);
        W_CHECK(w, w_client_is_done(w, c), "client %u has not everything", i);
    }
    /* what is still on its way in is taken */
    const struct tc_sessions *sessions = &w->worker.sessions;
    for (uint32_t i = 0; i < 200 && !w->is_failed; i++) {
        if (!sessions->heads.used_cnt && !sessions->messages.used_cnt)
            return;
        turn(w);
    }
    W_CHECK(w, false, "%u heads and %u messages are kept for nothing", sessions->heads.used_cnt,
            sessions->messages.used_cnt);
}

static void drain(struct world *w)
{
    bool was_open[W_CROWD];
    bool is_settled = w->is_settling;
    int64_t end_ns = w->now_ns + (w->conf.timeouts.drain_ms + 50) * W_MS;
    w_note(w, "drains");
    w->sums.drains++;
    w->is_draining = w->is_settling = true;
    for (uint32_t i = 0; i < w->client_cnt; i++) {
        struct w_client *c = &w->clients[i];
        /* where there is no memory for last words, there are none */
        was_open[i] = c->state == W_OPEN && !c->close_code && c->pace == W_ALL && is_settled &&
                      !w->is_tiny_spill;
        if (c->state == W_OPEN && w_one_in(w, 4)) {
            c->pace = 0; /* it does not read: it is cut at the end of the window */
            was_open[i] = false;
        }
    }
    tc_worker_drain(&w->worker);
    tc_sim_ring(&w->net, W_BELL_FD);
    while (!tc_worker_is_drained(&w->worker) && w->now_ns < end_ns && !w->is_failed)
        turn(w);
    W_CHECK(w, tc_worker_is_drained(&w->worker), "it does not come to its end");
    for (uint32_t i = 0; i < w->client_cnt; i++) {
        struct w_client *c = &w->clients[i];
        c->pace = W_ALL;
        w_client_read(w, c);
        W_CHECK(w, !was_open[i] || (c->is_told_drain && c->close_code == 1012),
                "client %u was not told: close %u", i, c->close_code);
        W_CHECK(w, c->state != W_OPEN, "client %u is still there", i); /* who was let in has left */
    }
}

static void leave(struct world *w)
{
    int64_t end_ns = w->now_ns + TC_NET_LINGER_NS + 500 * W_MS;
    w_note(w, "leave");
    w->is_settling = true;
    for (uint32_t i = 0; i < w->client_cnt; i++) {
        struct w_client *c = &w->clients[i];
        if (c->state == W_NONE)
            continue;
        tc_sim_set_piece(&w->net, c->peer, 0);
        w_client_leave(w, c, w_rnd(w, 3));
        if (w_one_in(w, 4))
            c->pace = 0;
    }
    while (w->worker.net.conn_cnt && w->now_ns < end_ns && !w->is_failed)
        turn(w);
}

/* Everybody comes and subscribes. */
static void gather(struct world *w)
{
    for (uint32_t i = 0; i < 16 && !w->is_failed; i++) {
        for (uint32_t c = 0; c < w->client_cnt; c++)
            w_client_join(w, &w->clients[c]);
        turn(w);
    }
}

static void run(struct world *w)
{
    uint32_t steps = 60 + w_rnd(w, w_one_in(w, 8) ? 1200 : 200);
    if (w->is_crowd)
        gather(w);
    while (steps-- && !w->is_failed) {
        happen(w, false);
        if (w_one_in(w, 8))
            pass(w, w_rnd(w, 20 * W_MS));
        if (!w_one_in(w, 3))
            turn(w);
    }
    if (!w->is_failed && !w_one_in(w, 8))
        settle(w);
    if (w->is_failed)
        return;
    if (w_one_in(w, 4))
        drain(w);
    else
        leave(w);
    if (!w->is_failed)
        w_check_nothing_left(w);
}

/* ---- the program ---- */

static void on_abort(int sig)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "seed %llu: aborted\n", (unsigned long long)world.seed);
    ssize_t done = write(STDERR_FILENO, text, (size_t)n);
    (void)done;
    signal(sig, SIG_DFL);
}

static bool run_seed(uint64_t seed)
{
    begin(&world, seed);
    if (!world.is_failed)
        run(&world);
    end(&world);
    if (world.is_failed)
        printf("seed %llu: %s\n", (unsigned long long)seed, world.fault);
    return !world.is_failed;
}

static void tell_sums(const struct w_sums *s)
{
    printf(
        "turns %llu, sleeps %llu, connects %llu, upgrades %llu, drains %llu, lapped rings %llu\n",
        (unsigned long long)s->turns, (unsigned long long)s->sleeps,
        (unsigned long long)s->connects, (unsigned long long)s->upgrades,
        (unsigned long long)s->drains, (unsigned long long)s->laps);
    printf("updates %llu, snapshots %llu, recovered %llu, cannot-recover %llu, conflated %llu\n",
           (unsigned long long)s->updates, (unsigned long long)s->snapshots,
           (unsigned long long)s->recovered, (unsigned long long)s->cannot,
           (unsigned long long)s->conflated);
    printf("gaps %llu, hidden %llu, moved %llu, states %llu, errors %llu, closed: spill %llu, "
           "unread %llu, shared sends %llu\n",
           (unsigned long long)s->gaps, (unsigned long long)s->hidden, (unsigned long long)s->moved,
           (unsigned long long)s->states, (unsigned long long)s->errors,
           (unsigned long long)s->spills, (unsigned long long)s->unread,
           (unsigned long long)s->shared);
}

int main(int argc, char **argv)
{
    int64_t cnt = 1000;
    int64_t first = 0;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool is_one = strcmp(argv[i], "--seed") == 0;
        if (strcmp(argv[i], "--seeds") == 0)
            cnt = tc_tb_number("--seeds", value, 1, INT64_MAX / 2);
        else if (is_one || strcmp(argv[i], "--first") == 0)
            first = tc_tb_number(argv[i], value, 0, INT64_MAX / 2);
        else
            tc_tb_die("usage: sim-worker [--seeds N] [--first S] [--seed S]");
        cnt = is_one ? 1 : cnt;
        world.is_verbose |= is_one;
    }
    /* large tables are given back to the kernel, not cleared for the next seed */
    mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    signal(SIGABRT, on_abort);
    events = tc_tb_take((size_t)W_ROOMS * W_EVENTS, sizeof(*events));
    clients = tc_tb_take(W_CROWD, sizeof(*clients));
    int64_t failed = 0;
    for (int64_t i = 0; i < cnt; i++)
        failed += !run_seed((uint64_t)(first + i));
    tell_sums(&world.sums);
    printf("%lld passed, %lld failed\n", (long long)(cnt - failed), (long long)failed);
    return failed > 0;
}
