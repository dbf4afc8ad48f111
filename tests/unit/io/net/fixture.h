// SPDX-License-Identifier: Apache-2.0
/* Connections over a scripted reactor: io/net and a real fan-out with its bus, without a kernel.
 *
 * The script is a socket per slot: how many bytes it takes before it is full, which error it gives,
 * and all that it was given. The reactor's own rules are asserted here: at most one send per slot
 * and TC_TURN_SENDS_MAX per flush, none on a closed, half-closed or waiting slot.
 *
 * With options.sessions NULL the real sessions (io/session) are used. nx_turn() is the order in
 * which a worker calls; nx_fini() ends all connections and proves that all that was borrowed is
 * back. */
#ifndef TC_TESTS_UNIT_IO_NET_FIXTURE_H
#define TC_TESTS_UNIT_IO_NET_FIXTURE_H

#include <errno.h>
#include <unistd.h>

#include "io/session/session.h"
#include "tests/unit/core/fanout/fixture.h"

enum {
    NX_SLOTS = 256,
    NX_RECV_BYTES = 16384, /* of one receive */
    NX_NO_FD = 1000000,    /* of connections that no kernel knows */
    NX_TICK_MS = 2 * TC_WHEEL_TICK_NS / FX_MS,
    NX_STREAMS_MAX = 16,
    NX_BIG_BYTES = 200000,
};

struct nx_sock {
    bool is_open;
    bool is_shut;
    bool wants_writable;
    int error;        /* errno that sends give, 0: none */
    uint32_t cap;     /* bytes that it takes before it is full; FX_ALL: no end */
    uint32_t got_len; /* what it has taken; ended by NUL */
    uint32_t got_off; /* what was looked at of it */
    char *got;
    uint32_t send_cnt;
    uint32_t close_cnt;
};

struct nx_send {
    uint32_t slot;
    uint32_t iov_cnt;
    struct iovec iov[TC_REACTOR_IOV_MAX];
    void *of_file; /* of nx_send_file */
};

struct tc_reactor {
    struct nx_sock socks[NX_SLOTS];
    struct nx_send sends[TC_TURN_SENDS_MAX];
    uint32_t send_cnt;
    uint32_t flush_cnt;
    uint32_t opened; /* slot of the last conn_open, TC_NONE: it failed */
    uint32_t accept_start_cnt;
    bool is_accepting;
    int accept_rc; /* what accept_start, conn_open, want_writable return */
    int open_rc;
    int want_rc;
};

struct nx_options {
    const struct tc_net_session *const *sessions; /* NULL: the real ones */
    uint32_t session_cnt;
    uint32_t h2_session;              /* of those; TC_NONE: none */
    const struct tc_dialect *dialect; /* NULL: the real ones */
    uint32_t conn_max;
    uint64_t spill_bytes;
    struct tc_tls_ctx *tls;            /* NULL: no TLS */
    const struct tc_grpc_server *grpc; /* of the real sessions; NULL: none */
    uint32_t conflate_bytes;           /* 0: as fx_defaults has it */
    struct tc_net_pages_conf pages;    /* all zero: as the engine has it */
};

struct nx {
    struct fx fx; /* mem, rules, bus, dir, logs, fan, now_ns; not its clients */
    struct tc_reactor reactor;
    struct tc_conf conf;
    struct tc_sessions tc_sessions;
    struct tc_metric_worker metric;
    struct tc_metric_worker peer; /* another worker's */
    const struct tc_metric_worker *peers[2];
    struct tc_log_ring log;
    struct tc_net net;
    bool is_real; /* the sessions */
};

/* ---- the reactor ---- */

static inline struct nx_sock *nx_sock_of(struct tc_reactor *r, uint32_t slot)
{
    cr_assert_lt(slot, NX_SLOTS);
    cr_assert(r->socks[slot].is_open, "slot %u is closed", slot);
    return &r->socks[slot];
}

static inline int nx_accept_start(struct tc_reactor *r, int fd, uint32_t tag)
{
    (void)tag;
    cr_assert_geq(fd, 0);
    r->accept_start_cnt++;
    r->is_accepting = r->accept_rc == TC_OK;
    return r->accept_rc;
}

static inline void nx_accept_stop(struct tc_reactor *r, uint32_t tag)
{
    (void)tag;
    r->is_accepting = false;
}

static inline int nx_conn_open(struct tc_reactor *r, uint32_t slot, int fd)
{
    (void)fd;
    r->opened = TC_NONE;
    if (r->open_rc < 0)
        return r->open_rc;
    cr_assert_lt(slot, NX_SLOTS);
    struct nx_sock *s = &r->socks[slot];
    cr_assert_not(s->is_open);
    char *got = s->got;
    uint32_t close_cnt = s->close_cnt;
    *s = (struct nx_sock){ .is_open = true, .cap = FX_ALL, .got = got, .close_cnt = close_cnt };
    fx_append(&s->got, &s->got_len, "", 0);
    r->opened = slot;
    return TC_OK;
}

static inline void nx_conn_close(struct tc_reactor *r, uint32_t slot)
{
    struct nx_sock *s = nx_sock_of(r, slot);
    s->is_open = false;
    s->close_cnt++;
}

static inline void nx_conn_shutdown(struct tc_reactor *r, uint32_t slot)
{
    struct nx_sock *s = nx_sock_of(r, slot);
    cr_assert_not(s->is_shut, "half-closed twice");
    s->is_shut = true;
}

static inline int nx_want_writable(struct tc_reactor *r, uint32_t slot)
{
    struct nx_sock *s = nx_sock_of(r, slot);
    cr_assert_not(s->wants_writable, "asked twice");
    s->wants_writable = r->want_rc == TC_OK;
    return r->want_rc;
}

static inline void nx_send(struct tc_reactor *r, uint32_t slot, const struct iovec *iov,
                           uint32_t iov_cnt)
{
    struct nx_sock *s = nx_sock_of(r, slot);
    cr_assert(!s->is_shut && !s->wants_writable, "a send on slot %u, which takes none", slot);
    cr_assert(iov_cnt >= 1 && iov_cnt <= TC_REACTOR_IOV_MAX);
    cr_assert_lt(r->send_cnt, TC_TURN_SENDS_MAX);
    for (uint32_t i = 0; i < r->send_cnt; i++)
        cr_assert_neq(r->sends[i].slot, slot, "two sends in one flush");
    struct nx_send *send = &r->sends[r->send_cnt++];
    *send = (struct nx_send){ .slot = slot, .iov_cnt = iov_cnt };
    for (uint32_t i = 0; i < iov_cnt; i++)
        send->iov[i] = iov[i];
}

/* The file's pages stay as they are, so that they may as well be read now. */
static inline void nx_send_file(struct tc_reactor *r, uint32_t slot, int fd, int64_t off,
                                uint32_t len)
{
    struct iovec iov = { malloc(len), len };
    cr_assert_eq(pread(fd, iov.iov_base, len, off), (ssize_t)len);
    nx_send(r, slot, &iov, 1);
    r->sends[r->send_cnt - 1].of_file = iov.iov_base;
}

static inline int32_t nx_take_send(struct nx_sock *s, const struct nx_send *send)
{
    uint32_t taken = 0;
    if (s->error)
        return -s->error;
    for (uint32_t i = 0; i < send->iov_cnt; i++) {
        uint32_t len = (uint32_t)send->iov[i].iov_len;
        uint32_t take = TC_MIN(len, s->cap);
        cr_assert_gt(len, 0);
        fx_append(&s->got, &s->got_len, send->iov[i].iov_base, take);
        if (s->cap != FX_ALL)
            s->cap -= take;
        taken += take;
        if (take < len)
            break;
    }
    return taken ? (int32_t)taken : -EAGAIN;
}

static inline uint32_t nx_send_flush(struct tc_reactor *r, int32_t *results)
{
    uint32_t cnt = r->send_cnt;
    for (uint32_t i = 0; i < cnt; i++) {
        struct nx_sock *s = nx_sock_of(r, r->sends[i].slot);
        s->send_cnt++;
        results[i] = nx_take_send(s, &r->sends[i]);
        free(r->sends[i].of_file);
    }
    r->flush_cnt += cnt > 0;
    r->send_cnt = 0;
    return cnt;
}

static const struct tc_reactor_ops nx_ops = {
    .name = "scripted",
    .accept_start = nx_accept_start,
    .accept_stop = nx_accept_stop,
    .conn_open = nx_conn_open,
    .conn_close = nx_conn_close,
    .conn_shutdown = nx_conn_shutdown,
    .want_writable = nx_want_writable,
    .send = nx_send,
    .send_file = nx_send_file,
    .send_flush = nx_send_flush,
};

/* ---- set-up ---- */

static inline void nx_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    const struct nx *nx = ctx;
    *mono_ns = nx->fx.now_ns;
    *wall_ns = 1;
}

/* "/", and "/big" of NX_BIG_BYTES. */
static inline bool nx_page(struct tc_str path, struct tc_page *out)
{
    static char big[NX_BIG_BYTES];
    bool is_big = tc_str_eq(path, TC_STR("/big"));
    for (size_t i = 0; is_big && i < sizeof(big); i++)
        big[i] = (char)('a' + i % 23);
    *out = is_big ? (struct tc_page){ "text/plain", big, sizeof(big) }
                  : (struct tc_page){ "text/plain", "hello\n", 6 };
    return is_big || tc_str_eq(path, TC_STR("/"));
}

static inline void nx_init_fan(struct nx *nx, const struct nx_options *options)
{
    struct tc_err err = { 0 };
    const struct tc_dialect *dialect = options->dialect;
    fx_rules(&nx->fx.rules);
    fx_init_feed(&nx->fx, 0);
    struct tc_fan_feed feed = { &nx->fx.bus[0], &nx->fx.dir[0], &nx->fx.logs[0] };
    struct tc_fan_conf conf = {
        .worker = 3,
        .feeds = &feed,
        .feed_cnt = 1,
        .rules = &nx->fx.rules,
        .dialects = dialect ? &dialect : tc_session_dialects,
        .dialect_cnt = dialect ? 1 : TC_SESSION_DIALECT_CNT,
        .key = { 3, 4 },
        .conn_max = tc_net_slots(options->conn_max) + NX_STREAMS_MAX,
        .member_max = 512,
        .conn_rooms_max = nx->fx.options.conn_rooms_max,
        .waiting_max = nx->fx.options.waiting_max,
        .pending_max = 512,
        .payload_max = nx->fx.options.payload_max,
        .conflate_bytes = nx->fx.options.conflate_bytes,
        .conflate_ns = nx->fx.options.conflate_ns,
        .resume_events = nx->fx.options.resume_events,
        .start_ms = 77,
        .resume_wait_ns = nx->fx.options.resume_wait_ns,
        .mem = &nx->fx.mem,
        .holder = "worker 3",
    };
    nx->fx.fan = tc_fan_init(&conf, &err);
    cr_assert_not_null(nx->fx.fan, "%s", err.text);
    fx_log(&nx->fx, 0, 0, 0, TC_NONE);
    fx_warm(&nx->fx);
}

static inline struct tc_net_conf nx_net_conf(struct nx *nx, const struct nx_options *options)
{
    nx->peers[0] = &nx->metric;
    nx->peers[1] = &nx->peer;
    return (struct tc_net_conf){
        .ops = &nx_ops,
        .reactor = &nx->reactor,
        .fan = nx->fx.fan,
        .sessions = options->sessions ? options->sessions : tc_session_table,
        .session_cnt = options->sessions ? options->session_cnt : TC_SESSION_CNT,
        .h2_session = options->sessions ? options->h2_session : TC_SESSION_H2,
        .stream_max = NX_STREAMS_MAX,
        .session_ctx = nx->is_real ? (void *)&nx->tc_sessions : (void *)nx,
        .conn_max = options->conn_max,
        .spill_bytes = options->spill_bytes,
        .pages = options->pages.min ? options->pages : TC_NET_PAGES_BEST,
        .peers = nx->peers,
        .peer_cnt = TC_ARRAY_CNT(nx->peers),
        .metric = &nx->metric,
        .log = &nx->log,
        .tls = options->tls,
        .handshake_ns = 10000 * (int64_t)FX_MS,
        .mem = &nx->fx.mem,
        .holder = "worker 3",
        .now_ns = nx->fx.now_ns,
    };
}

static inline struct nx_options nx_defaults(void)
{
    return (struct nx_options){ .conn_max = 8, .spill_bytes = 4 << 20, .h2_session = TC_NONE };
}

/* What of the configuration the real sessions look at. */
static inline void nx_init_conf(struct nx *nx, const struct nx_options *options)
{
    nx->conf.limits.connections = options->conn_max;
    nx->conf.limits.streams = NX_STREAMS_MAX;
    nx->conf.limits.http2_bytes = 8 << 20;
    nx->conf.limits.cmd_rate = 100;
    nx->conf.limits.cmd_burst = 2048;
    nx->conf.timeouts.head_ms = 10000;
    nx->conf.timeouts.ping_ms = 25000;
    nx->conf.timeouts.idle_ms = 60000;
}

/* A test that wants other settings changes nx->conf before. */
static inline void nx_init_sessions(struct nx *nx, const struct tc_grpc_server *grpc)
{
    struct tc_err err = { 0 };
    int rc =
        tc_sessions_init(&nx->tc_sessions, &nx->conf, nx_page, grpc, &nx->fx.mem, "worker 3", &err);
    cr_assert_eq(rc, TC_OK, "%s", err.text);
}

static inline void nx_init(struct nx *nx, const struct nx_options *options)
{
    struct tc_err err = { 0 };
    struct nx_options plain = nx_defaults();
    options = options ? options : &plain;
    memset(nx, 0, sizeof(*nx));
    cr_assert_leq(tc_net_slots(options->conn_max), NX_SLOTS);
    tc_mem_init(&nx->fx.mem, 0);
    nx->fx.options = fx_defaults();
    nx->fx.options.event_cnt = 4096;
    nx->fx.options.payload_bytes = 1 << 20;
    if (options->conflate_bytes)
        nx->fx.options.conflate_bytes = options->conflate_bytes;
    nx->fx.now_ns = 1000 * (int64_t)FX_MS;
    nx->is_real = !options->sessions;
    nx_init_fan(nx, options);
    nx_init_conf(nx, options);
    if (nx->is_real)
        nx_init_sessions(nx, options->grpc);
    int rc =
        tc_log_ring_init(&nx->log, &nx->fx.mem, "worker 3", 16, TC_LOG_DEBUG, nx_clock, nx, &err);
    struct tc_net_conf conf = nx_net_conf(nx, options);
    if (rc == TC_OK)
        rc = tc_net_init(&nx->net, &conf, &err);
    cr_assert_eq(rc, TC_OK, "%s", err.text);
    tc_mem_seal(&nx->fx.mem);
    nx->net.now_ns = nx->fx.now_ns;
    nx->net.wall_ms = 1723075200123;
}

/* All that was borrowed is back: of the connections that are closed. */
static inline void nx_check_empty(const struct nx *nx)
{
    cr_assert_eq(nx->net.conn_cnt, 0);
    cr_assert_eq(nx->net.slots.used_cnt, 0);
    cr_assert_eq(nx->net.slab.used_bytes, 0);
    cr_assert_eq(nx->net.wheel.armed_cnt, 0);
    cr_assert_eq(tc_fan_stats(nx->fx.fan)->member_cnt, 0);
    cr_assert_eq(nx->tc_sessions.grpc.calls.used_cnt, 0);
    cr_assert_eq(tc_count_get(&nx->metric.connections), 0);
    cr_assert_eq(nx->tc_sessions.heads.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.messages.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.h2_conns.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.streams.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.h2.heads.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.webs.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.grpc.calls.used_cnt, 0);
    cr_assert_eq(nx->tc_sessions.h2.purse.used_bytes, 0);
    cr_assert_eq(tc_count_get(&nx->metric.streams), 0);
}

static inline void nx_fini(struct nx *nx)
{
    tc_net_end_all(&nx->net, TC_CLOSE_DRAIN_TIMEOUT);
    nx_check_empty(nx);
    for (uint32_t i = 0; i < NX_SLOTS; i++) {
        cr_assert_not(nx->reactor.socks[i].is_open);
        free(nx->reactor.socks[i].got);
    }
    if (nx->is_real)
        tc_sessions_fini(&nx->tc_sessions);
    tc_net_fini(&nx->net);
    tc_mem_fini(&nx->fx.mem);
}

/* ---- what happens ---- */

static inline void nx_event(struct nx *nx, enum tc_reactor_event_kind kind, uint32_t slot, int res,
                            uint8_t *data)
{
    struct tc_reactor_event event = { kind, slot, res, data };
    tc_net_on_event(&nx->net, &event);
}

/* A client comes: its slot, TC_NONE: there was none for it. */
static inline uint32_t nx_accept_by(struct nx *nx, enum tc_net_listener listener)
{
    nx->reactor.opened = TC_NONE;
    nx_event(nx, TC_REACTOR_ACCEPT, listener, NX_NO_FD, NULL);
    return nx->reactor.opened;
}

static inline uint32_t nx_accept(struct nx *nx)
{
    return nx_accept_by(nx, TC_NET_PLAIN);
}

/* Bytes of the client, as many at once as a receive has; what follows the end of the connection is
 * lost. Each piece is a block of its own, and void afterwards. */
static inline void nx_recv_by(struct nx *nx, uint32_t slot, const void *bytes, size_t len,
                              size_t step)
{
    for (size_t at = 0; at < len && nx->reactor.socks[slot].is_open; at += step) {
        size_t cnt = TC_MIN(step, len - at);
        uint8_t *piece = malloc(cnt);
        memcpy(piece, (const char *)bytes + at, cnt);
        nx_event(nx, TC_REACTOR_RECV, slot, (int)cnt, piece);
        memset(piece, 0xee, cnt);
        free(piece);
    }
}

static inline void nx_recv(struct nx *nx, uint32_t slot, const char *text)
{
    nx_recv_by(nx, slot, text, strlen(text), NX_RECV_BYTES);
}

/* The client ends (0) or its connection breaks (-errno). */
static inline void nx_end(struct nx *nx, uint32_t slot, int res)
{
    nx_event(nx, TC_REACTOR_RECV, slot, res, NULL);
}

/* The socket has room for cap more bytes. */
static inline void nx_writable(struct nx *nx, uint32_t slot, uint32_t cap)
{
    struct nx_sock *s = nx_sock_of(&nx->reactor, slot);
    cr_assert(s->wants_writable, "nobody waits for slot %u", slot);
    s->wants_writable = false;
    s->cap = cap;
    nx_event(nx, TC_REACTOR_WRITABLE, slot, 0, NULL);
}

static inline void nx_turn(struct nx *nx)
{
    struct tc_fan *fan = nx->fx.fan;
    tc_net_on_time(&nx->net, 1000);
    tc_net_handshakes(&nx->net);
    tc_net_flush_out(&nx->net);
    if (!tc_fan_has_touched(fan))
        tc_fan_read(fan, nx->net.now_ns);
    tc_net_flush(&nx->net, TC_TURN_FLUSH_MAX);
    if (!tc_fan_has_touched(fan))
        tc_net_catch_up(&nx->net, TC_TURN_FLUSH_MAX, 65536);
}

/* Turns until nothing is left to do at this time. */
static inline void nx_run(struct nx *nx)
{
    uint32_t turns = 0;
    do {
        nx_turn(nx);
        cr_assert_lt(turns++, 10000, "it never comes to rest");
    } while (nx->net.out_first != TC_NONE || tc_net_has_handshakes(&nx->net) ||
             tc_fan_has_touched(nx->fx.fan) || tc_fan_has_news(nx->fx.fan) ||
             tc_fan_has_catch_up(nx->fx.fan));
}

/* Time passes; timers are at most a tick late. */
static inline void nx_wait_ms(struct nx *nx, int64_t ms)
{
    nx->fx.now_ns += ms * FX_MS;
    nx->net.now_ns = nx->fx.now_ns;
    nx_run(nx);
}

/* What arrived since the last call. */
static inline const char *nx_take(struct nx *nx, uint32_t slot)
{
    struct nx_sock *s = &nx->reactor.socks[slot];
    const char *text = s->got + s->got_off;
    s->got_off = s->got_len;
    return text;
}

static inline bool nx_is_closed(const struct nx *nx, uint32_t slot)
{
    return !nx->reactor.socks[slot].is_open;
}

static inline uint64_t nx_closes(const struct nx *nx, enum tc_close reason)
{
    return tc_count_get(&nx->metric.closes[reason]);
}

/* The server has said all and half-closed; the client ends too: reason is counted. */
static inline void nx_check_finished(struct nx *nx, uint32_t slot, enum tc_close reason)
{
    uint64_t before = nx_closes(nx, reason);
    nx_run(nx);
    cr_assert(nx->reactor.socks[slot].is_open && nx->reactor.socks[slot].is_shut, "%s",
              tc_closes[reason].code);
    nx_end(nx, slot, 0);
    cr_assert(nx_is_closed(nx, slot));
    cr_assert_eq(nx_closes(nx, reason), before + 1, "%s", tc_closes[reason].code);
}

#endif
