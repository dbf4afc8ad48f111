// SPDX-License-Identifier: Apache-2.0
/* io/engine/worker: the agent that serves connections: one reactor, its share of the clients, all
 * buses.
 *
 *   turn:  completions ─ timers ─ drain ─ TLS handshakes ─ answers of the side thread ─ replies
 *          ─ [ingest] ─ buses ─ encode ─ flush ─ catch-up ─ count
 *
 * Fixed order, each step bounded. A flush over many members is resumed in the next turn, after
 * completions and timers had theirs; the buses are read only when nothing is left to flush. A fused
 * ingest asks its source only when that rang, by the reactor, or its time has come: spinning takes
 * no lock. A worker without work spins or sleeps by its policy; who sleeps has said so in the word
 * `sleeping`, looked at the buses once more, and is woken by its doorbell.
 *
 * One thread opens, turns and closes it. Time comes from a clock that is handed in, so that tests
 * turn it under a simulated one. Nothing is allocated after open. */
#ifndef TC_IO_ENGINE_WORKER_H
#define TC_IO_ENGINE_WORKER_H

#include "io/engine/ingest.h"
#include "io/session/session.h"

enum {
    TC_WORKER_EVENTS_MAX = 256, /* reactor events of one turn */
    TC_WORKER_TIMERS_MAX = 256, /* timers looked at in one turn */
    TC_WORKER_DRAIN_MAX = 256,  /* connections told of a stop in one turn */
    TC_WORKER_RECV_BYTES = 16 * 1024,
    TC_WORKER_RECV_CNT = 256,
};
#define TC_WORKER_SPIN_NS 50000ll       /* spin-then-sleep: without work for this long */
#define TC_WORKER_SLEEP_NS 1000000000ll /* longest sleep */

struct tc_worker_conf {
    uint32_t idx; /* its bit in `sleeping` and in interest words */
    const struct tc_conf *conf;
    const struct tc_rules *rules;
    const struct tc_fan_feed *feeds; /* one per source */
    uint32_t feed_cnt;
    struct tc_ingest *const *fused; /* ingest agents that share this thread */
    uint32_t fused_cnt;
    const struct tc_reactor_ops *ops;
    struct tc_net_pages_conf pages; /* all zero: as it is best */
    int bell;                       /* rung by ingest and supervisor */
    _Atomic uint64_t *sleeping;
    tc_page_fn page;
    const struct tc_grpc_server *grpc; /* NULL: no services */
    struct tc_desk_side *desk;         /* NULL: none of them is on the side thread */
    struct tc_types *types;            /* of rules; NULL if none declares a type */
    struct tc_tls_ctx *tls;            /* NULL: no TLS; the worker becomes a holder of its own */
    struct tc_hash_key key;
    int64_t start_ms; /* wall clock of the engine's start */
    int64_t warmup_end_ns;
    tc_log_clock clock;
    void *clock_ctx;
    struct tc_metric_worker *metric;
    const struct tc_metric_worker *const *peers;
    uint32_t peer_cnt;
    struct tc_log_ring *log;
    struct tc_mem *mem;
};

struct tc_worker {
    struct tc_worker_conf conf;
    char holder[TC_MEM_NAME_MAX];
    struct tc_reactor *reactor;
    struct tc_fan *fan;
    struct tc_sessions sessions;
    struct tc_net net;
    int64_t now_ns; /* of this turn */
    int64_t wall_ns;
    int64_t busy_ns; /* last turn that had work */
    bool has_time;   /* now_ns is of this turn */
    bool has_read;   /* events were read and their latency is not counted yet */
    bool is_awake;   /* woken by the doorbell in this turn */
    bool is_draining;
    uint32_t drain_idx; /* connections below were told */
    int64_t drain_end_ns;
    _Atomic bool wants_drain;              /* supervisor */
    _Atomic(struct tc_tls_ctx *) next_tls; /* supervisor puts, worker takes */
};

/* Takes memory and opens the reactor; on the thread that turns it. Errors as those of the parts. */
int tc_worker_open(struct tc_worker *worker, const struct tc_worker_conf *conf,
                   struct tc_err *err) TC_MUST_CHECK;
void tc_worker_close(struct tc_worker *worker);

/* Starts to accept on fds; -1: there is no such listener. */
int tc_worker_listen(struct tc_worker *worker, const int fds[TC_NET_LISTENER_CNT]) TC_MUST_CHECK;

/* One turn. may_sleep: it may block if there is nothing to do. Returns what was done, 0: idle. */
uint32_t tc_worker_turn(struct tc_worker *worker, bool may_sleep);

/* Any thread: a graceful stop begins; then ring the bell. */
static inline void tc_worker_drain(struct tc_worker *worker)
{
    atomic_store(&worker->wants_drain, true);
}

/* Any thread: new connections shall get this context; the caller's share of it becomes the
 * worker's. Then ring the bell. Only with TLS. */
void tc_worker_use_tls(struct tc_worker *worker, struct tc_tls_ctx *ctx);

/* The graceful stop is over: no connection is left. */
static inline bool tc_worker_is_drained(const struct tc_worker *worker)
{
    return worker->is_draining && worker->net.conn_cnt == 0;
}

#endif
