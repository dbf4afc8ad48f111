// SPDX-License-Identifier: Apache-2.0
#include "io/reactor/sim.h"

#include <errno.h>
#include <unistd.h>

#include "io/reactor/sim_stream.h"

enum { VOID_BYTE = 0xdd }; /* what a callback's bytes are after it */

enum peer_state { PEER_FREE, PEER_WAITING, PEER_ACCEPTED, PEER_OPEN, PEER_GONE };

struct tc_sim_peer {
    enum peer_state state;
    uint32_t window_bytes;
    uint32_t piece_bytes;
    bool is_ended; /* sends no more */
    bool is_reset;
    bool is_shutdown; /* by the server */
    bool is_forgotten;
    struct stream in; /* to the server */
    struct stream out;
};

struct conn {
    uint32_t peer;
    uint32_t gen;
    bool is_open;
    bool is_recv_ended;
    bool wants_writable;
};

/* Something that is ready. */
struct ready {
    enum tc_reactor_event_kind kind;
    uint32_t idx; /* waiting peer, slot, watch */
    uint32_t gen;
};

struct send {
    uint32_t slot;
    bool is_done; /* before the flush: it is of a file, or its connection was closed */
    uint32_t iov_cnt;
    struct iovec iov[TC_REACTOR_IOV_MAX];
};

struct tc_reactor {
    struct tc_sim_net *net;
    uint32_t conn_max;
    uint32_t buffer_bytes;
    uint8_t *buffer;
    struct conn *conns;
    struct ready *ready;
    uint32_t ready_max;
    uint32_t send_cnt;
    struct send sends[TC_TURN_SENDS_MAX];
    int32_t results[TC_TURN_SENDS_MAX];
    uint32_t listen_tag;
    bool is_listening;
    bool is_armed; /* and not paused */
    int watch_fds[TC_SIM_WATCHES_MAX];
    uint32_t watch_tags[TC_SIM_WATCHES_MAX];
    uint32_t watch_cnt;
    struct tc_reactor_stats stats;
};

static _Thread_local struct tc_sim_net *net_in_use;

/* ---- the net ---- */

uint32_t tc_sim_random(struct tc_sim_net *net, uint32_t below)
{
    net->rng ^= net->rng << 13;
    net->rng ^= net->rng >> 7;
    net->rng ^= net->rng << 17;
    return (uint32_t)((net->rng >> 20) % below);
}

static bool hits(struct tc_sim_net *net, uint32_t pct)
{
    return pct && tc_sim_random(net, 100) < pct;
}

void tc_sim_init(struct tc_sim_net *net, uint64_t seed, uint32_t conn_max)
{
    TC_ASSERT(conn_max > 0);
    *net = (struct tc_sim_net){ .peer_max = conn_max };
    net->rng = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
    net->peers = tc_alloc(conn_max * sizeof(*net->peers));
}

void tc_sim_fini(struct tc_sim_net *net)
{
    for (uint32_t i = 0; i < net->peer_max; i++) {
        tc_free(net->peers[i].in.data);
        tc_free(net->peers[i].out.data);
    }
    tc_free(net->peers);
    net->peers = NULL;
    if (net_in_use == net)
        net_in_use = NULL;
}

void tc_sim_use(struct tc_sim_net *net)
{
    net_in_use = net;
}

static uint32_t find_ring(const struct tc_sim_net *net, int fd)
{
    uint32_t i = 0;
    while (i < net->rung_cnt && net->rung[i] != fd)
        i++;
    return i < net->rung_cnt ? i : TC_NONE;
}

void tc_sim_ring(struct tc_sim_net *net, int fd)
{
    if (find_ring(net, fd) != TC_NONE)
        return;
    TC_ASSERT(net->rung_cnt < TC_SIM_WATCHES_MAX);
    net->rung[net->rung_cnt++] = fd;
}

/* ---- peers ---- */

static struct tc_sim_peer *peer_at(const struct tc_sim_net *net, uint32_t peer)
{
    TC_ASSERT(peer < net->peer_max && net->peers[peer].state != PEER_FREE);
    return &net->peers[peer];
}

uint32_t tc_sim_connect(struct tc_sim_net *net)
{
    for (uint32_t i = 0; i < net->peer_max; i++) {
        struct tc_sim_peer *p = &net->peers[i];
        if (p->state != PEER_FREE)
            continue;
        *p = (struct tc_sim_peer){ .state = PEER_WAITING,
                                   .window_bytes = TC_SIM_WINDOW_BYTES,
                                   .in = { p->in.data, p->in.cap, 0, 0 },
                                   .out = { p->out.data, p->out.cap, 0, 0 } };
        return i;
    }
    return TC_NONE;
}

void tc_sim_reset(struct tc_sim_net *net, uint32_t peer)
{
    struct tc_sim_peer *p = peer_at(net, peer);
    p->is_reset = p->is_ended = true;
    p->in.off = p->in.len = 0;
    p->out.off = p->out.len = 0;
}

void tc_sim_forget(struct tc_sim_net *net, uint32_t peer)
{
    struct tc_sim_peer *p = peer_at(net, peer);
    tc_sim_reset(net, peer);
    /* a connection that the server still has keeps its number until it is closed */
    p->is_forgotten = true;
    if (p->state != PEER_OPEN)
        p->state = PEER_FREE;
}

void tc_sim_write(struct tc_sim_net *net, uint32_t peer, const void *bytes, size_t len)
{
    struct tc_sim_peer *p = peer_at(net, peer);
    if (!p->is_ended && p->state != PEER_GONE)
        stream_push(&p->in, bytes, len);
}

size_t tc_sim_read(struct tc_sim_net *net, uint32_t peer, void *dst, size_t max)
{
    return stream_pull(&peer_at(net, peer)->out, dst, max);
}

size_t tc_sim_unread(const struct tc_sim_net *net, uint32_t peer)
{
    return stream_unread(&peer_at(net, peer)->out);
}

void tc_sim_set_window(struct tc_sim_net *net, uint32_t peer, uint32_t bytes)
{
    peer_at(net, peer)->window_bytes = bytes;
}

void tc_sim_set_piece(struct tc_sim_net *net, uint32_t peer, uint32_t bytes)
{
    peer_at(net, peer)->piece_bytes = bytes;
}

void tc_sim_close(struct tc_sim_net *net, uint32_t peer)
{
    peer_at(net, peer)->is_ended = true;
}

bool tc_sim_is_closed_by_server(const struct tc_sim_net *net, uint32_t peer)
{
    return peer_at(net, peer)->state == PEER_GONE;
}

bool tc_sim_is_shutdown(const struct tc_sim_net *net, uint32_t peer)
{
    return peer_at(net, peer)->is_shutdown || tc_sim_is_closed_by_server(net, peer);
}

/* The server's end is closed. */
static void peer_leave(struct tc_sim_peer *p)
{
    p->state = p->is_forgotten ? PEER_FREE : PEER_GONE;
    p->in.off = p->in.len = 0;
}

static size_t window_room(const struct tc_sim_peer *p)
{
    size_t held = stream_unread(&p->out);
    return held < p->window_bytes ? p->window_bytes - held : 0;
}

/* ---- connections ---- */

static struct conn *conn_at(struct tc_reactor *r, uint32_t slot)
{
    TC_ASSERT(slot < r->conn_max && r->conns[slot].is_open);
    return &r->conns[slot];
}

static struct tc_sim_peer *peer_of(struct tc_reactor *r, uint32_t slot)
{
    return &r->net->peers[conn_at(r, slot)->peer];
}

static int sim_conn_open(struct tc_reactor *r, uint32_t slot, int fd)
{
    TC_ASSERT(slot < r->conn_max && !r->conns[slot].is_open && fd >= TC_SIM_FD);
    struct conn *c = &r->conns[slot];
    uint32_t peer = (uint32_t)(fd - TC_SIM_FD);
    TC_ASSERT(peer < r->net->peer_max && r->net->peers[peer].state == PEER_ACCEPTED);
    r->net->peers[peer].state = PEER_OPEN;
    *c = (struct conn){ .peer = peer, .gen = c->gen, .is_open = true };
    return 0;
}

/* What the window takes of a send. */
static int32_t take_send(struct tc_reactor *r, struct tc_sim_peer *p, const struct send *s)
{
    size_t room = window_room(p);
    size_t total = 0;
    if (p->is_reset || p->is_shutdown)
        return -EPIPE;
    if (room && hits(r->net, r->net->faults.short_pct))
        room = tc_sim_random(r->net, (uint32_t)room);
    if (room == 0)
        return -EAGAIN;
    for (uint32_t i = 0; i < s->iov_cnt && total < room; i++) {
        size_t n = TC_MIN(s->iov[i].iov_len, room - total);
        stream_push(&p->out, s->iov[i].iov_base, n);
        total += n;
    }
    return (int32_t)total;
}

/* Takes the i-th send of this flush, unless it was. */
static void take(struct tc_reactor *r, uint32_t i)
{
    struct send *s = &r->sends[i];
    if (!s->is_done)
        r->results[i] = take_send(r, peer_of(r, s->slot), s);
    s->is_done = true;
}

static void sim_conn_close(struct tc_reactor *r, uint32_t slot)
{
    struct conn *c = conn_at(r, slot);
    for (uint32_t i = 0; i < r->send_cnt; i++) {
        if (r->sends[i].slot != slot)
            continue;
        take(r, i);
        r->sends[i].slot = TC_NONE; /* another connection may send there */
    }
    peer_leave(peer_of(r, slot));
    c->is_open = false;
    c->gen++;
}

static void sim_conn_shutdown(struct tc_reactor *r, uint32_t slot)
{
    peer_of(r, slot)->is_shutdown = true;
}

static int sim_want_writable(struct tc_reactor *r, uint32_t slot)
{
    conn_at(r, slot)->wants_writable = true;
    return 0;
}

static void sim_send(struct tc_reactor *r, uint32_t slot, const struct iovec *iov, uint32_t iov_cnt)
{
    TC_ASSERT(r->send_cnt < TC_TURN_SENDS_MAX && iov_cnt >= 1 && iov_cnt <= TC_REACTOR_IOV_MAX);
    TC_ASSERT(conn_at(r, slot)->is_open);
    for (uint32_t i = 0; i < r->send_cnt; i++)
        TC_ASSERT(r->sends[i].slot != slot); /* one per slot */
    struct send *s = &r->sends[r->send_cnt++];
    *s = (struct send){ .slot = slot, .iov_cnt = iov_cnt };
    memcpy(s->iov, iov, iov_cnt * sizeof(*iov));
}

/* Pages stay as they are: they may as well be read now. */
static void sim_send_file(struct tc_reactor *r, uint32_t slot, int fd, int64_t off, uint32_t len)
{
    struct iovec iov = { tc_alloc(len), len };
    TC_ASSERT(pread(fd, iov.iov_base, len, off) == (ssize_t)len);
    sim_send(r, slot, &iov, 1);
    take(r, r->send_cnt - 1);
    tc_free(iov.iov_base);
}

static uint32_t sim_send_flush(struct tc_reactor *r, int32_t *results)
{
    uint32_t cnt = r->send_cnt;
    for (uint32_t i = 0; i < cnt; i++) {
        take(r, i);
        results[i] = r->results[i];
    }
    r->send_cnt = 0;
    return cnt;
}

/* ---- listeners and watches ---- */

static int sim_accept_start(struct tc_reactor *r, int fd, uint32_t tag)
{
    (void)fd;
    if (r->is_listening && r->listen_tag != tag)
        return -TC_ELIMIT;
    r->listen_tag = tag;
    r->is_listening = r->is_armed = true;
    return 0;
}

static void sim_accept_stop(struct tc_reactor *r, uint32_t tag)
{
    if (r->listen_tag == tag)
        r->is_listening = r->is_armed = false;
}

static int sim_watch(struct tc_reactor *r, int fd, uint32_t tag)
{
    if (r->watch_cnt == TC_SIM_WATCHES_MAX)
        return -TC_ELIMIT;
    r->watch_fds[r->watch_cnt] = fd;
    r->watch_tags[r->watch_cnt++] = tag;
    return 0;
}

/* ---- events ---- */

static void add_ready(struct tc_reactor *r, uint32_t *cnt, enum tc_reactor_event_kind kind,
                      uint32_t idx, uint32_t gen)
{
    TC_ASSERT(*cnt < r->ready_max);
    r->ready[(*cnt)++] = (struct ready){ kind, idx, gen };
}

static bool has_recv(const struct tc_reactor *r, const struct conn *c)
{
    const struct tc_sim_peer *p = &r->net->peers[c->peer];
    return c->is_open && !c->is_recv_ended && (stream_unread(&p->in) || p->is_ended);
}

static bool is_writable(const struct tc_reactor *r, const struct conn *c)
{
    const struct tc_sim_peer *p = &r->net->peers[c->peer];
    return c->is_open && c->wants_writable && (window_room(p) || p->is_reset || p->is_shutdown);
}

/* All that is ready now. */
static uint32_t collect(struct tc_reactor *r)
{
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < r->watch_cnt; i++) {
        if (find_ring(r->net, r->watch_fds[i]) != TC_NONE)
            add_ready(r, &cnt, TC_REACTOR_WAKE, i, 0);
    }
    for (uint32_t i = 0; i < r->net->peer_max && r->is_armed; i++) {
        if (r->net->peers[i].state == PEER_WAITING)
            add_ready(r, &cnt, TC_REACTOR_ACCEPT, i, 0);
    }
    for (uint32_t i = 0; i < r->conn_max; i++) {
        const struct conn *c = &r->conns[i];
        if (is_writable(r, c))
            add_ready(r, &cnt, TC_REACTOR_WRITABLE, i, c->gen);
        if (has_recv(r, c))
            add_ready(r, &cnt, TC_REACTOR_RECV, i, c->gen);
    }
    return cnt;
}

/* 0: the accept succeeds. */
static int accept_error(struct tc_sim_net *net)
{
    static const int errors[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS };
    if (net->faults.fail_cnt) {
        net->faults.fail_cnt--;
        return net->faults.fail_error;
    }
    if (hits(net, net->faults.accept_pct))
        return errors[tc_sim_random(net, TC_ARRAY_CNT(errors))];
    return hits(net, net->faults.abort_pct) ? ECONNABORTED : 0;
}

static uint32_t on_accept(struct tc_reactor *r, uint32_t peer, tc_reactor_event_fn fn, void *ctx)
{
    struct tc_sim_net *net = r->net;
    if (!r->is_armed || net->peers[peer].state != PEER_WAITING)
        return 0;
    int error = accept_error(net);
    bool is_refused = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
                      error == EINVAL || error == EBADF;
    if (error && !is_refused) { /* wrong with this client only */
        tc_sim_reset(net, peer);
        peer_leave(&net->peers[peer]);
        return 0;
    }
    if (is_refused) {
        r->is_armed = false;
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_ACCEPT, r->listen_tag, -error, NULL });
        return 1;
    }
    net->peers[peer].state = PEER_ACCEPTED;
    int fd = TC_SIM_FD + (int)peer;
    fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_ACCEPT, r->listen_tag, fd, NULL });
    if (net->peers[peer].state == PEER_ACCEPTED)
        peer_leave(&net->peers[peer]);
    return 1;
}

static uint32_t on_recv(struct tc_reactor *r, uint32_t slot, tc_reactor_event_fn fn, void *ctx)
{
    struct conn *c = &r->conns[slot];
    struct tc_sim_peer *p = &r->net->peers[c->peer];
    size_t max = TC_MIN(stream_unread(&p->in), (size_t)r->buffer_bytes);
    if (p->piece_bytes)
        max = TC_MIN(max, (size_t)p->piece_bytes);
    size_t len = max ? 1 + tc_sim_random(r->net, (uint32_t)max) : 0;
    uint8_t *bytes = r->buffer + (r->buffer_bytes - len);
    stream_pull(&p->in, bytes, len);
    int res = p->is_reset ? -ECONNRESET : (int)len;
    c->is_recv_ended = res <= 0;
    fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_RECV, slot, res, len ? bytes : NULL });
    memset(bytes, VOID_BYTE, len);
    return 1;
}

static uint32_t dispatch(struct tc_reactor *r, const struct ready *e, tc_reactor_event_fn fn,
                         void *ctx)
{
    struct conn *c = e->idx < r->conn_max ? &r->conns[e->idx] : NULL;
    bool is_live = c && c->is_open && c->gen == e->gen;
    uint32_t ring;
    switch (e->kind) {
    case TC_REACTOR_ACCEPT:
        return on_accept(r, e->idx, fn, ctx);
    case TC_REACTOR_RECV:
        return is_live && has_recv(r, c) ? on_recv(r, e->idx, fn, ctx) : 0;
    case TC_REACTOR_WRITABLE:
        if (!is_live || !is_writable(r, c))
            return 0;
        c->wants_writable = false;
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_WRITABLE, e->idx, 0, NULL });
        return 1;
    case TC_REACTOR_WAKE:
        ring = find_ring(r->net, r->watch_fds[e->idx]);
        if (ring == TC_NONE)
            return 0;
        r->net->rung[ring] = r->net->rung[--r->net->rung_cnt];
        fn(ctx, &(struct tc_reactor_event){ TC_REACTOR_WAKE, r->watch_tags[e->idx], 0, NULL });
        return 1;
    }
    return 0;
}

static void shuffle(struct tc_sim_net *net, struct ready *ready, uint32_t cnt)
{
    for (uint32_t i = cnt; i > 1; i--) {
        uint32_t j = tc_sim_random(net, i);
        struct ready e = ready[i - 1];
        ready[i - 1] = ready[j];
        ready[j] = e;
    }
}

static uint32_t sim_poll(struct tc_reactor *r, int64_t timeout_ns, uint32_t event_max,
                         tc_reactor_event_fn fn, void *ctx)
{
    struct tc_sim_net *net = r->net;
    net->last_timeout_ns = timeout_ns;
    net->poll_cnt++;
    uint32_t cnt = collect(r);
    for (int64_t left_ns = timeout_ns; cnt == 0 && left_ns != 0 && net->on_wait;) {
        int64_t passed_ns = net->on_wait(net->wait_ctx, left_ns);
        if (passed_ns <= 0)
            break;
        left_ns -= left_ns < 0 ? 0 : TC_MIN(passed_ns, left_ns);
        cnt = collect(r);
    }
    if (net->faults.is_shuffled)
        shuffle(net, r->ready, cnt);
    uint32_t max = TC_MIN(cnt, event_max);
    if (max > 1 && hits(net, net->faults.few_pct))
        max = 1 + tc_sim_random(net, max - 1);
    uint32_t event_cnt = 0;
    uint32_t first = cnt ? net->rotor++ % cnt : 0;
    for (uint32_t i = 0; i < cnt && event_cnt < max; i++)
        event_cnt += dispatch(r, &r->ready[(first + i) % cnt], fn, ctx);
    net->event_cnt += event_cnt;
    return event_cnt;
}

static void sim_stats(const struct tc_reactor *r, struct tc_reactor_stats *out)
{
    *out = r->stats;
}

/* ---- open and close ---- */

static int sim_open(struct tc_reactor **out, const struct tc_reactor_conf *conf, struct tc_err *err)
{
    TC_ASSERT(conf->conn_max > 0 && conf->recv_buffer_bytes > 0);
    if (!net_in_use)
        return tc_err_set(err, -TC_ENOTSUP, "no simulated net is in use: tc_sim_use()");
    struct tc_reactor *r = tc_mem_take(conf->mem, conf->holder, sizeof(*r), 1, err);
    if (r == NULL)
        return -TC_ENOMEM;
    r->net = net_in_use;
    r->conn_max = conf->conn_max;
    r->buffer_bytes = conf->recv_buffer_bytes;
    r->ready_max = 2 * conf->conn_max + r->net->peer_max + TC_SIM_WATCHES_MAX;
    r->conns = tc_mem_take(conf->mem, conf->holder, sizeof(*r->conns), conf->conn_max, err);
    if (r->conns)
        r->ready = tc_mem_take(conf->mem, conf->holder, sizeof(*r->ready), r->ready_max, err);
    if (r->ready)
        r->buffer = tc_mem_take(conf->mem, conf->holder, conf->recv_buffer_bytes, 1, err);
    if (r->buffer == NULL)
        return -TC_ENOMEM;
    *out = r;
    return 0;
}

static void sim_close(struct tc_reactor *r)
{
    for (uint32_t i = 0; i < r->conn_max; i++) {
        if (r->conns[i].is_open)
            sim_conn_close(r, i);
    }
}

const struct tc_reactor_ops tc_reactor_sim = {
    .name = "simulated",
    .open = sim_open,
    .close = sim_close,
    .accept_start = sim_accept_start,
    .accept_stop = sim_accept_stop,
    .watch = sim_watch,
    .conn_open = sim_conn_open,
    .conn_close = sim_conn_close,
    .conn_shutdown = sim_conn_shutdown,
    .want_writable = sim_want_writable,
    .send = sim_send,
    .send_file = sim_send_file,
    .send_flush = sim_send_flush,
    .poll = sim_poll,
    .stats = sim_stats,
};
