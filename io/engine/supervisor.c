// SPDX-License-Identifier: Apache-2.0
/* The engine's parts, and how they start and end together. */
#include "io/engine/supervisor.h"

#include <inttypes.h>
#include <poll.h>

#include "io/engine/preflight.h"
#include "io/engine/supervisor_int.h"
#include "io/net/listen.h"
#include "io/os/notify.h"
#include "io/os/os.h"

enum { LOG_ENTRIES = 1024 }; /* of each agent's ring */

/* ---- threads ---- */

static enum gate wait_gate(struct tc_engine *e)
{
    pthread_mutex_lock(&e->lock);
    while (e->gate == GATE_SHUT)
        pthread_cond_wait(&e->changed, &e->lock);
    enum gate gate = e->gate;
    pthread_mutex_unlock(&e->lock);
    return gate;
}

static void set_gate(struct tc_engine *e, enum gate gate)
{
    pthread_mutex_lock(&e->lock);
    e->gate = gate;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static void worker_main(void *arg)
{
    struct worker_thread *t = arg;
    struct tc_engine *e = t->engine;
    int rc = tc_worker_open(&t->worker, &t->conf, &t->err);
    pthread_mutex_lock(&e->lock);
    t->rc = rc;
    t->is_opened = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    if (wait_gate(e) == GATE_OPEN) {
        if (tc_worker_listen(&t->worker, t->listen_fds) < 0)
            tc_log(t->log, TC_LOG_ERROR, "listen-failed", "the reactor does not accept");
        while (!tc_worker_is_drained(&t->worker))
            (void)tc_worker_turn(&t->worker, true);
    }
    tc_worker_close(&t->worker);
}

/* Waits for the source or the bell, by the idle policy: who spins only looks. */
static void ingest_rest(struct ingest_thread *t, int64_t now_ns, int64_t busy_ns)
{
    enum tc_conf_idle idle = t->engine->conf.conf->idle;
    int64_t at_ns = tc_ingest_wake_ns(&t->ingest);
    int fd = tc_ingest_wake_fd(&t->ingest);
    bool is_spinning = idle == TC_IDLE_SPIN ||
                       (idle == TC_IDLE_SPIN_THEN_SLEEP && now_ns - busy_ns < TC_WORKER_SPIN_NS);
    if (at_ns <= now_ns || (is_spinning && fd < 0))
        return;
    int64_t wait_ns = is_spinning ? 0 : TC_MIN(at_ns - now_ns, TC_WORKER_SLEEP_NS);
    struct timespec wait = { wait_ns / 1000000000, wait_ns % 1000000000 };
    struct pollfd fds[] = { { fd, POLLIN, 0 }, { t->bell, POLLIN, 0 } };
    if (ppoll(fds, TC_ARRAY_CNT(fds), &wait, NULL) > 0 && fds[0].revents)
        tc_ingest_wake(&t->ingest);
}

static void ingest_main(void *arg)
{
    struct ingest_thread *t = arg;
    int64_t busy_ns = tc_os_mono_ns();
    if (wait_gate(t->engine) != GATE_OPEN)
        return;
    while (!atomic_load(&t->is_stopping)) {
        int64_t now_ns;
        int64_t wall_ns;
        tc_os_log_clock(NULL, &now_ns, &wall_ns);
        if (tc_ingest_work(&t->ingest, now_ns, wall_ns / 1000000)) {
            busy_ns = now_ns;
            tc_ingest_count(&t->ingest);
        } else {
            ingest_rest(t, now_ns, busy_ns);
        }
    }
}

/* ---- start ---- */

static struct tc_log_ring *new_ring(struct tc_engine *e, const char *agent, struct tc_err *err)
{
    struct tc_log_ring *ring = tc_mem_take(&e->mem, "logs", sizeof(*ring), 1, err);
    int level = tc_log_level_parse(tc_str_from(e->conf.conf->log_level));
    if (!ring || tc_log_ring_init(ring, &e->mem, agent, LOG_ENTRIES, (enum tc_log_level)level,
                                  tc_os_log_clock, NULL, err) < 0)
        return NULL;
    tc_log_writer_add(e->writer, ring);
    return ring;
}

static void source_log(void *ctx, char level, const char *text)
{
    enum tc_log_level l = level == 'e'   ? TC_LOG_ERROR
                          : level == 'w' ? TC_LOG_WARN
                          : level == 'i' ? TC_LOG_INFO
                                         : TC_LOG_DEBUG;
    tc_log(ctx, l, "source", "%s", text);
}

static int init_ingest(struct tc_engine *e, uint32_t i, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    struct tc_conf *c = e->conf.conf;
    struct ingest_thread *t = &e->ingests[i];
    snprintf(name, sizeof(name), "ingest %.20s", c->sources[i].name);
    t->engine = e;
    t->bell = -1;
    t->log = new_ring(e, name, err);
    t->metric = tc_mem_take(&e->mem, "metrics", sizeof(*t->metric), 1, err);
    if (!t->log || !t->metric)
        return -TC_ENOMEM;
    t->metric->source = c->sources[i].name;
    e->ingest_metrics[i] = t->metric;
    e->ingest_list[i] = &t->ingest;
    t->env = (struct tc_source_env){
        .conf = &c->sources[i],
        .limits = &c->limits,
        .stale_ms = c->timeouts.stale_ms,
        .boot_id = tc_os_random_u64(),
        .cpu_avoid_cnt = tc_plan_pinned(&e->plan, e->cpu_avoid),
        .cpu_avoid = e->cpu_avoid,
        .log = source_log,
        .log_ctx = t->log,
    };
    struct tc_ingest_conf conf = {
        .conf = c,
        .source = i,
        .rules = e->conf.rules,
        .types = e->conf.types,
        .ops = tc_source_table[c->sources[i].kind],
        .env = &t->env,
        .sleeping = &e->sleeping,
        .bells = e->bells,
        .worker_cnt = e->plan.worker_cnt,
        .key = e->key,
        .metric = t->metric,
        .log = t->log,
        .mem = &e->mem,
    };
    int rc = tc_ingest_init(&t->ingest, &conf, err);
    e->feeds[i] = (struct tc_fan_feed){ &t->ingest.bus, &t->ingest.dir, &t->ingest.logs };
    return rc;
}

static int init_worker(struct tc_engine *e, uint32_t i, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    struct worker_thread *t = &e->workers[i];
    snprintf(name, sizeof(name), "worker %" PRIu32, i);
    t->engine = e;
    t->bell = e->bells[i] = tc_os_bell_open(err);
    if (t->bell < 0)
        return -TC_EIO;
    t->log = new_ring(e, name, err);
    t->metric = tc_mem_take(&e->mem, "metrics", sizeof(*t->metric), 1, err);
    e->worker_metrics[i] = t->metric;
    return t->log && t->metric ? TC_OK : -TC_ENOMEM;
}

/* Starts the worker's thread and waits until it has taken its memory. */
static int start_worker(struct tc_engine *e, uint32_t i, struct tc_err *err)
{
    char name[32];
    struct worker_thread *t = &e->workers[i];
    uint32_t fused_cnt = 0;
    for (uint32_t s = 0; e->plan.is_fused && s < e->plan.source_cnt; s++) {
        if (e->plan.ingest_workers[s] == i)
            t->fused[fused_cnt++] = &e->ingests[s].ingest;
    }
    t->conf = (struct tc_worker_conf){
        .idx = i,
        .conf = e->conf.conf,
        .rules = e->conf.rules,
        .feeds = e->feeds,
        .feed_cnt = e->plan.source_cnt,
        .fused = t->fused,
        .fused_cnt = fused_cnt,
        .ops = e->ops,
        .bell = t->bell,
        .sleeping = &e->sleeping,
        .page = e->conf.page,
        .grpc = e->conf.grpc,
        .desk = e->desk ? &e->desk->sides[i] : NULL,
        .types = e->conf.types,
        .tls = e->certs.ctx,
        .key = e->key,
        .start_ms = e->start_ms,
        .warmup_end_ns = e->start_ns + e->conf.conf->timeouts.warmup_ms * 1000000ll,
        .clock = tc_os_log_clock,
        .metric = t->metric,
        .peers = e->worker_metrics,
        .peer_cnt = e->plan.worker_cnt,
        .log = t->log,
        .mem = &e->mem,
    };
    snprintf(name, sizeof(name), "worker-%" PRIu32, i);
    int rc = tc_thread_start(&t->thread, name, e->plan.worker_cpus[i], worker_main, t, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&e->lock);
    while (!t->is_opened)
        pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
    if (t->rc < 0 && err)
        *err = t->err;
    return t->rc;
}

static int start_ingest(struct tc_engine *e, uint32_t i, struct tc_err *err)
{
    char name[32];
    struct ingest_thread *t = &e->ingests[i];
    t->bell = tc_os_bell_open(err);
    if (t->bell < 0)
        return -TC_EIO;
    snprintf(name, sizeof(name), "ingest-%" PRIu32, i);
    return tc_thread_start(&t->thread, name, e->plan.ingest_cpus[i], ingest_main, t, err);
}

static int init_desk(struct tc_engine *e, struct tc_err *err)
{
    if (!tc_desk_is_needed(e->conf.grpc))
        return TC_OK;
    const struct tc_desk_conf conf = { .server = e->conf.grpc,
                                       .worker_cnt = e->plan.worker_cnt,
                                       .call_max = e->conf.conf->limits.streams,
                                       .bells = e->bells,
                                       .sleeping = &e->sleeping,
                                       .mem = &e->mem };
    e->desk = tc_alloc(sizeof(*e->desk));
    return tc_desk_init(e->desk, &conf, err);
}

/* Everything that takes memory, but for the workers' own. */
static int init_parts(struct tc_engine *e, struct tc_err *err)
{
    int rc = TC_OK;
    for (uint32_t i = 0; rc == TC_OK && i < e->plan.worker_cnt; i++)
        rc = init_worker(e, i, err);
    for (uint32_t i = 0; rc == TC_OK && i < e->plan.source_cnt; i++)
        rc = init_ingest(e, i, err);
    return rc == TC_OK ? init_desk(e, err) : rc;
}

static struct tc_engine *new_engine(const struct tc_engine_conf *conf)
{
    struct tc_engine *e = tc_alloc(sizeof(*e));
    e->conf = *conf;
    tc_plan_make(&e->plan, conf->conf, tc_os_cpu_cnt());
    e->workers = tc_alloc(sizeof(*e->workers) * e->plan.worker_cnt);
    e->ingests = tc_alloc(sizeof(*e->ingests) * e->plan.source_cnt);
    e->writer = tc_alloc(sizeof(*e->writer));
    for (uint32_t i = 0; i < e->plan.worker_cnt; i++)
        e->workers[i].listen_fds[TC_NET_PLAIN] = e->workers[i].listen_fds[TC_NET_TLS] =
            e->workers[i].bell = -1;
    for (uint32_t i = 0; i < e->plan.source_cnt; i++)
        e->ingests[i].bell = -1;
    tc_os_random(&e->key, sizeof(e->key));
    e->start_ms = tc_os_wall_ms();
    e->start_ns = tc_os_mono_ns();
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    tc_mem_init(&e->mem, conf->conf->limits.memory_bytes);
    tc_log_writer_init(e->writer, conf->log_fd, &e->process.log_lines_dropped);
    return e;
}

/* The first half: nothing that the outside world sees. */
static int prepare(struct tc_engine *e, struct tc_err *err)
{
    e->log = new_ring(e, "supervisor", err);
    int rc = e->log ? tc_plan_check(&e->plan, err) : -TC_ENOMEM;
    if (rc == TC_OK)
        rc = tc_preflight_descriptors(e->conf.conf, &e->plan, e->log, err);
    if (rc == TC_OK)
        rc = tc_preflight_reactor(e->conf.conf, e->log, &e->ops, err);
    if (rc == TC_OK && e->conf.conf->tls.listen)
        rc = tc_certs_open(&e->certs, &e->conf.conf->tls, err);
    return rc;
}

static int open_admin(struct tc_engine *e, const char *listen, struct tc_err *err)
{
    struct tc_admin_conf admin = {
        .conn_max = TC_ADMIN_CONNS_MAX,
        .body_max = TC_ADMIN_BODY_BYTES,
        .get = tc_status_get,
        .ctx = &e->status,
        .log = e->log,
        .mem = &e->mem,
    };
    int rc = tc_addr_parse(&admin.listen, tc_str_from(listen), err);
    if (rc < 0)
        return rc;
    e->admin = tc_admin_init(&admin, err);
    return e->admin ? TC_OK : err->code;
}

static int open_ports(struct tc_engine *e, struct tc_err *err)
{
    const struct tc_conf *c = e->conf.conf;
    const char *const texts[] = { [TC_NET_PLAIN] = c->listen, [TC_NET_TLS] = c->tls.listen };
    int fds[TC_WORKERS_MAX];
    int rc = TC_OK;
    for (uint32_t l = 0; rc == TC_OK && l < TC_NET_LISTENER_CNT; l++) {
        if (!texts[l])
            continue;
        rc = tc_addr_parse(&e->addrs[l], tc_str_from(texts[l]), err);
        if (rc == TC_OK)
            rc = tc_listen_open(&e->addrs[l], e->plan.worker_cnt, c->limits.sndbuf_bytes, fds, err);
        for (uint32_t i = 0; rc == TC_OK && i < e->plan.worker_cnt; i++)
            e->workers[i].listen_fds[l] = fds[i];
    }
    return rc == TC_OK ? open_admin(e, c->admin_listen, err) : rc;
}

static void fill_status(struct tc_engine *e)
{
    struct tc_status *s = &e->status;
    s->conf = e->conf.conf;
    s->ingests = e->ingest_list;
    s->ingest_cnt = e->plan.source_cnt;
    s->workers = e->worker_metrics;
    s->worker_cnt = e->plan.worker_cnt;
    s->ingest_metrics = e->ingest_metrics;
    s->process = &e->process;
    s->version = e->conf.version;
    tc_count_set(&e->process.memory_taken_bytes, e->mem.total_bytes);
    tc_count_set(&e->process.memory_budget_bytes, e->mem.budget_bytes);
    tc_count_set(&e->process.connections_max, e->conf.conf->limits.connections);
    tc_count_set(&e->process.start_time_ms, (uint64_t)e->start_ms);
}

static int start_parts(struct tc_engine *e, struct tc_err *err)
{
    int rc = prepare(e, err);
    if (rc == TC_OK)
        rc = open_ports(e, err);
    if (rc == TC_OK)
        rc = init_parts(e, err);
    for (uint32_t i = 0; rc == TC_OK && i < e->plan.source_cnt; i++)
        rc = tc_ingest_open(&e->ingests[i].ingest, err);
    for (uint32_t i = 0; rc == TC_OK && i < e->plan.worker_cnt; i++)
        rc = start_worker(e, i, err);
    if (rc < 0)
        return rc;
    tc_mem_seal(&e->mem);
    fill_status(e);
    for (uint32_t i = 0; rc == TC_OK && !e->plan.is_fused && i < e->plan.source_cnt; i++)
        rc = start_ingest(e, i, err);
    if (rc == TC_OK && e->desk)
        rc = tc_desk_start(e->desk, err);
    if (rc == TC_OK)
        rc = tc_log_writer_start(e->writer, err);
    if (rc == TC_OK)
        rc = tc_admin_start(e->admin, err);
    return rc;
}

/* Ends and frees whatever of the engine exists. */
static void dismantle(struct tc_engine *e)
{
    for (uint32_t i = 0; i < e->plan.worker_cnt; i++)
        tc_thread_join(&e->workers[i].thread);
    if (e->desk) /* after all who ask it */
        tc_desk_stop(e->desk);
    if (e->admin) /* before the sources that it asks */
        tc_admin_stop(e->admin);
    for (uint32_t i = 0; i < e->plan.source_cnt; i++) {
        struct ingest_thread *t = &e->ingests[i];
        atomic_store(&t->is_stopping, true);
        if (t->bell >= 0)
            tc_os_bell_ring(t->bell);
        tc_thread_join(&t->thread);
        tc_ingest_fini(&t->ingest);
        tc_os_close(t->bell);
    }
    for (uint32_t i = 0; i < e->plan.worker_cnt; i++) {
        tc_os_close(e->workers[i].bell);
        for (uint32_t l = 0; l < TC_NET_LISTENER_CNT; l++)
            tc_os_close(e->workers[i].listen_fds[l]);
    }
    tc_certs_close(&e->certs);
    tc_log_writer_stop(e->writer);
    tc_mem_fini(&e->mem);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    tc_free(e->desk);
    tc_free(e->writer);
    tc_free(e->ingests);
    tc_free(e->workers);
    tc_free(e);
}

int tc_engine_start(struct tc_engine **out, const struct tc_engine_conf *conf, struct tc_err *err)
{
    struct tc_engine *e = new_engine(conf);
    char text[TC_ADDR_TEXT_BYTES];
    char admin_text[TC_ADDR_TEXT_BYTES];
    char tls_text[TC_ADDR_TEXT_BYTES] = "off";
    int rc = start_parts(e, err);
    if (rc < 0) {
        set_gate(e, GATE_ABORT);
        dismantle(e);
        return rc;
    }
    tc_addr_text(&e->addrs[TC_NET_PLAIN], text);
    tc_addr_text(tc_admin_addr(e->admin), admin_text);
    if (e->certs.ctx)
        tc_addr_text(&e->addrs[TC_NET_TLS], tls_text);
    const struct tc_log_field fields[] = {
        TC_LOG_Z("listen", text),
        TC_LOG_Z("tls", tls_text),
        TC_LOG_Z("admin", admin_text),
        TC_LOG_U("workers", e->plan.worker_cnt),
        TC_LOG_Z("topology", e->plan.is_fused ? "fused" : "separate"),
        TC_LOG_Z("reactor", e->ops->name),
        TC_LOG_U("memory_bytes", e->mem.total_bytes),
    };
    tc_log_with(e->log, TC_LOG_INFO, "started", fields, TC_ARRAY_CNT(fields), "tickcast %s serves",
                conf->version);
    set_gate(e, GATE_OPEN);
    *out = e;
    return TC_OK;
}

/* ---- memory ---- */

int tc_engine_print_memory(const struct tc_engine_conf *conf, FILE *out, struct tc_err *err)
{
    struct tc_engine *e = new_engine(conf);
    int rc = prepare(e, err);
    if (rc == TC_OK)
        rc = open_admin(e, "127.0.0.1:0", err); /* its memory */
    if (rc == TC_OK)
        rc = init_parts(e, err);
    for (uint32_t i = 0; rc == TC_OK && i < e->plan.worker_cnt; i++)
        rc = start_worker(e, i, err);
    if (rc == TC_OK)
        tc_plan_print_memory(&e->mem, out);
    set_gate(e, GATE_ABORT);
    dismantle(e);
    return rc;
}

/* ---- end ---- */

void tc_engine_stop(struct tc_engine *e)
{
    tc_log(e->log, TC_LOG_INFO, "draining", "stopping: clients have %" PRIu32 " ms to leave",
           e->conf.conf->timeouts.drain_ms);
    (void)tc_os_notify("STOPPING=1");
    atomic_store(&e->status.is_draining, true);
    tc_count_set(&e->process.draining, 1);
    for (uint32_t i = 0; i < e->plan.worker_cnt; i++) {
        tc_worker_drain(&e->workers[i].worker);
        tc_os_bell_ring(e->workers[i].bell);
    }
    for (uint32_t i = 0; i < e->plan.worker_cnt; i++)
        tc_thread_join(&e->workers[i].thread);
    tc_log(e->log, TC_LOG_INFO, "stopped", "stopped");
    dismantle(e);
}
