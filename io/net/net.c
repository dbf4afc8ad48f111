// SPDX-License-Identifier: Apache-2.0
/* Connections: birth, events, timers, end. */
#include "io/net/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/net/net_int.h"

enum { WHEEL_SLOTS = 1024 };

int tc_net_init(struct tc_net *net, const struct tc_net_conf *conf, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    TC_ASSERT(conf->session_cnt >= 1 && conf->session_cnt <= TC_NET_SESSIONS_MAX);
    memset(net, 0, sizeof(*net));
    net->conf = *conf;
    tc_net_pages_open(&net->pages, &conf->pages);
    if (net->pages.fd < 0)
        tc_log(conf->log, TC_LOG_INFO, "no-shared-pages",
               "this system sends no memory files: what is large is copied to each connection");
    net->now_ns = conf->now_ns;
    net->slot_max = tc_net_slots(conf->conn_max);
    net->out_first = net->out_last = TC_NONE;
    for (uint32_t i = 0; i < TC_NET_LISTENER_CNT; i++)
        net->listen_fds[i] = -1;
    snprintf(name, sizeof(name), "%s: connections", conf->holder);
    net->conns = tc_mem_take(conf->mem, name, sizeof(*net->conns), net->slot_max, err);
    if (!net->conns)
        return -TC_ENOMEM;
    int rc = tc_pool_init(&net->slots, conf->mem, name, sizeof(uint32_t), net->slot_max, err);
    if (rc == TC_OK)
        rc = tc_wheel_init(&net->wheel, conf->mem, name, net->slot_max, WHEEL_SLOTS,
                           TC_WHEEL_TICK_NS, conf->now_ns, err);
    snprintf(name, sizeof(name), "%s: spill", conf->holder);
    if (rc == TC_OK)
        rc = tc_slab_init(&net->slab, conf->mem, name, conf->spill_bytes, err);
    if (rc == TC_OK && conf->tls)
        rc = tc_net_tls_init(net, conf->tls, err);
    if (rc < 0 || conf->h2_session == TC_NONE)
        return rc;
    snprintf(name, sizeof(name), "%s: streams", conf->holder);
    net->stream_slots =
        tc_mem_take(conf->mem, name, sizeof(*net->stream_slots), conf->stream_max, err);
    net->made = tc_mem_take(conf->mem, name, TC_NET_BATCH_BYTES + TC_NET_MADE_MAX, 1, err);
    return net->stream_slots && net->made ? TC_OK : -TC_ENOMEM;
}

void tc_net_fini(struct tc_net *net)
{
    tc_net_pages_close(&net->pages);
    if (net->tls)
        tc_net_tls_fini(net);
}

/* ---- end ---- */

void tc_net_out_free(struct tc_net *net, struct tc_net_conn *c)
{
    if (c->out_cap)
        tc_slab_release(&net->slab, c->out_idx, c->out_cap);
    c->out_cap = c->out_off = c->out_len = 0;
}

static void leave_session(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->is_handshaking)
        return; /* none has begun */
    net->conf.sessions[c->session]->on_end(net, slot);
    c->ctx = TC_NONE;
}

void tc_net_end(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    struct tc_net_conn *c = &net->conns[slot];
    TC_ASSERT(c->is_open);
    if (c->is_finishing)
        reason = c->reason;
    else
        leave_session(net, slot);
    if (c->is_fan)
        tc_fan_conn_close(net->conf.fan, slot);
    tc_net_out_free(net, c);
    if (c->is_tls)
        tc_net_tls_close(net, slot);
    tc_wheel_cancel(&net->wheel, slot);
    net->conf.ops->conn_close(net->conf.reactor, slot);
    c->is_open = c->is_fan = c->is_finishing = false;
    tc_pool_release(&net->slots, slot);
    net->conn_cnt--;
    tc_count_set(&net->conf.metric->connections, net->conn_cnt);
    tc_count_add(&net->conf.metric->closes[reason], 1);
}

void tc_net_linger(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (!tc_net_is_open(net, slot))
        return;
    leave_session(net, slot);
    if (c->is_fan)
        tc_fan_conn_close(net->conf.fan, slot);
    c->is_fan = false;
    c->is_finishing = true;
    c->reason = (uint8_t)reason;
    if (c->is_tls && reason != TC_CLOSE_TLS)
        tc_net_tls_goodbye(net, slot);
    if (!c->is_open)
        return;
    tc_net_arm(net, slot, net->now_ns + TC_NET_LINGER_NS);
    tc_net_out_list(net, slot); /* with nothing left to send: shuts at the next flush */
}

void tc_net_finish(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (!tc_net_is_open(net, slot))
        return;
    if (c->is_handshaking)
        tc_net_end(net, slot, reason); /* there is no dialect yet to say it in */
    else
        net->conf.sessions[c->session]->goodbye(net, slot, reason);
    if (c->is_open)
        tc_net_linger(net, slot, reason);
}

/* ---- accept ---- */

/* Connections of all workers; each counter is its worker's own, so the sum may be a moment old. */
static uint64_t conn_sum(const struct tc_net *net)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < net->conf.peer_cnt; i++)
        sum += tc_count_get(&net->conf.peers[i]->connections);
    return sum;
}

static void refuse(struct tc_net *net, enum tc_net_listener listener, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Retry-After: 1\r\nConnection: close\r\n\r\n";
    if (listener == TC_NET_PLAIN) /* TLS: a handshake is more than a refusal is worth */
        (void)send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd);
    tc_count_add(&net->conf.metric->connections_refused, 1);
}

/* One line when most places are taken, the next after they were free. */
static void warn_if_full(struct tc_net *net, uint64_t sum)
{
    if (sum * 100 < (uint64_t)net->conf.conn_max * TC_NET_ROOMY_PCT)
        net->is_full_told = false;
    if (net->is_full_told || sum * 100 < (uint64_t)net->conf.conn_max * TC_NET_FULL_PCT)
        return;
    net->is_full_told = true;
    tc_log(net->conf.log, TC_LOG_WARN, "connections-near-limit",
           "%" PRIu64 " connections of %" PRIu32 ": raise limits.connections, or add a node", sum,
           net->conf.conn_max);
}

static void on_accept(struct tc_net *net, enum tc_net_listener listener, int res)
{
    if (res < 0) {
        /* no descriptor, no memory: the reactor has stopped listening */
        if (!net->is_pause_told)
            tc_log(net->conf.log, TC_LOG_WARN, "accept-paused",
                   "cannot accept: %s; tried again all the time, raise the limit of descriptors "
                   "or lower limits.connections",
                   strerror(-res));
        net->is_pause_told = true;
        tc_count_add(&net->conf.metric->accept_pauses, 1);
        net->accept_at_ns[listener] = net->now_ns + TC_NET_ACCEPT_PAUSE_NS;
        return;
    }
    net->is_pause_told = false;
    uint64_t sum = conn_sum(net);
    warn_if_full(net, sum);
    bool is_surplus = sum >= net->conf.conn_max;
    uint32_t slot = is_surplus && listener == TC_NET_TLS ? TC_NONE : tc_pool_acquire(&net->slots);
    if (slot == TC_NONE) {
        refuse(net, listener, res);
        return;
    }
    if (net->conf.ops->conn_open(net->conf.reactor, slot, res) < 0) {
        tc_pool_release(&net->slots, slot);
        refuse(net, listener, res);
        return;
    }
    struct tc_net_conn *c = &net->conns[slot];
    bool is_listed = c->is_listed; /* its last connection may still stand in the list */
    uint32_t out_next = c->out_next;
    memset(c, 0, sizeof(*c));
    c->is_listed = is_listed;
    c->out_next = out_next;
    c->ctx = TC_NONE;
    c->is_open = true;
    c->heard_ns = net->now_ns;
    c->is_surplus = is_surplus;
    net->conn_cnt++;
    tc_count_set(&net->conf.metric->connections, net->conn_cnt);
    tc_count_add(&net->conf.metric->connections_accepted, !c->is_surplus);
    tc_count_add(&net->conf.metric->connections_refused, c->is_surplus);
    if (listener == TC_NET_PLAIN)
        net->conf.sessions[0]->on_open(net, slot);
    else if (!tc_net_tls_open(net, slot))
        tc_net_end(net, slot, TC_CLOSE_TLS);
}

int tc_net_accept_start(struct tc_net *net, enum tc_net_listener listener, int fd)
{
    int rc = net->conf.ops->accept_start(net->conf.reactor, fd, listener);
    if (rc == TC_OK)
        net->listen_fds[listener] = fd;
    return rc;
}

void tc_net_accept_stop(struct tc_net *net)
{
    for (uint32_t i = 0; i < TC_NET_LISTENER_CNT; i++) {
        if (net->listen_fds[i] >= 0)
            net->conf.ops->accept_stop(net->conf.reactor, i);
        net->listen_fds[i] = -1;
        net->accept_at_ns[i] = 0;
    }
}

/* ---- events ---- */

static void on_recv(struct tc_net *net, uint32_t slot, uint8_t *data, int res)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (res <= 0) {
        tc_net_end(net, slot, res == 0 ? TC_CLOSE_PEER_ENDED : TC_CLOSE_PEER_RESET);
        return;
    }
    tc_count_add(&net->conf.metric->received_bytes, (uint64_t)res);
    if (c->is_finishing)
        return; /* passed over: the peer has been told */
    c->heard_ns = net->now_ns;
    c->is_pinged = false;
    /* commands change what is planned: let it out first */
    if (c->is_fan && tc_fan_is_planned(net->conf.fan, slot))
        tc_net_flush_planned(net, slot);
    if (!tc_net_is_open(net, slot))
        return;
    if (c->is_tls)
        tc_net_tls_recv(net, slot, data, (uint32_t)res);
    else
        net->conf.sessions[c->session]->on_bytes(net, slot, data, (uint32_t)res);
}

static void on_writable(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    c->is_waiting = false;
    if (c->out_len > c->out_off || c->is_finishing || tc_net_is_producer(net, c))
        tc_net_out_list(net, slot);
    else if (c->is_fan)
        tc_fan_conn_writable(net->conf.fan, slot);
}

void tc_net_on_event(struct tc_net *net, const struct tc_reactor_event *event)
{
    switch (event->kind) {
    case TC_REACTOR_ACCEPT:
        on_accept(net, (enum tc_net_listener)event->slot, event->res);
        break;
    case TC_REACTOR_RECV:
        on_recv(net, event->slot, event->data, event->res);
        break;
    case TC_REACTOR_WRITABLE:
        on_writable(net, event->slot);
        break;
    default:
        break;
    }
}

/* ---- time ---- */

void tc_net_arm(struct tc_net *net, uint32_t slot, int64_t deadline_ns)
{
    tc_wheel_arm(&net->wheel, slot, deadline_ns);
}

static void on_timer(void *ctx, uint32_t slot)
{
    struct tc_net *net = ctx;
    struct tc_net_conn *c = &net->conns[slot];
    if (!c->is_open)
        return;
    if (c->is_finishing)
        tc_net_end(net, slot, (enum tc_close)c->reason);
    else if (c->is_handshaking)
        tc_net_end(net, slot, TC_CLOSE_HANDSHAKE_TIMEOUT);
    else
        net->conf.sessions[c->session]->on_timer(net, slot);
}

uint32_t tc_net_on_time(struct tc_net *net, uint32_t visit_max)
{
    for (uint32_t i = 0; i < TC_NET_LISTENER_CNT; i++) {
        if (net->accept_at_ns[i] == 0 || net->now_ns < net->accept_at_ns[i])
            continue;
        net->accept_at_ns[i] = 0;
        if (tc_net_accept_start(net, (enum tc_net_listener)i, net->listen_fds[i]) < 0)
            net->accept_at_ns[i] = net->now_ns + TC_NET_ACCEPT_PAUSE_NS;
    }
    return tc_wheel_advance(&net->wheel, net->now_ns, visit_max, on_timer, net);
}

int64_t tc_net_wake_ns(const struct tc_net *net)
{
    int64_t at_ns = tc_wheel_next_ns(&net->wheel);
    for (uint32_t i = 0; i < TC_NET_LISTENER_CNT; i++)
        at_ns = net->accept_at_ns[i] ? TC_MIN(at_ns, net->accept_at_ns[i]) : at_ns;
    return at_ns;
}

/* ---- sessions ---- */

void tc_net_switch(struct tc_net *net, uint32_t slot, uint32_t session, uint32_t dialect)
{
    struct tc_net_conn *c = &net->conns[slot];
    leave_session(net, slot);
    c->session = (uint8_t)session;
    if (dialect != TC_NONE)
        tc_net_join(net, slot, dialect);
    net->conf.sessions[session]->on_open(net, slot);
}

void tc_net_join(struct tc_net *net, uint32_t slot, uint32_t dialect)
{
    struct tc_net_conn *c = &net->conns[slot];
    tc_fan_conn_open(net->conf.fan, slot, dialect);
    c->is_fan = true;
    if (c->out_len > c->out_off || c->is_waiting)
        tc_fan_conn_blocked(net->conf.fan, slot);
}

void tc_net_part(struct tc_net *net, uint32_t slot)
{
    tc_fan_conn_close(net->conf.fan, slot);
    net->conns[slot].is_fan = false;
}

void tc_net_stream_open(struct tc_net *net, uint32_t stream, uint32_t slot, uint32_t dialect)
{
    TC_ASSERT(stream < net->conf.stream_max);
    net->stream_slots[stream] = slot;
    tc_fan_conn_open(net->conf.fan, tc_net_stream_conn(net, stream), dialect);
}

void tc_net_stream_close(struct tc_net *net, uint32_t stream)
{
    tc_fan_conn_close(net->conf.fan, tc_net_stream_conn(net, stream));
}

void tc_net_unplan(struct tc_net *net, uint32_t conn)
{
    struct tc_fan_piece tail;
    if (tc_fan_is_planned(net->conf.fan, conn))
        tc_fan_settle(net->conf.fan, conn, 0, false, &tail);
}

void tc_net_drain(struct tc_net *net, uint32_t first, uint32_t cnt, uint32_t spread_ms)
{
    net->is_draining = true;
    for (uint32_t i = first; i < first + cnt && i < net->slot_max; i++) {
        struct tc_net_conn *c = &net->conns[i];
        if (!tc_net_is_open(net, i))
            continue;
        uint32_t mixed = (i * 2654435761u) >> 8; /* neighbours come back at different times */
        bool is_own = !c->is_handshaking && tc_net_session_of(net, c)->is_drain_own;
        if (!c->is_handshaking)
            tc_net_session_of(net, c)->on_drain(net, i, spread_ms ? mixed % spread_ms : 0);
        if (c->is_open && !is_own)
            tc_net_finish(net, i, TC_CLOSE_DRAINING);
    }
}

void tc_net_end_all(struct tc_net *net, enum tc_close reason)
{
    for (uint32_t i = 0; i < net->slot_max && net->conn_cnt; i++) {
        struct tc_net_conn *c = &net->conns[i];
        if (c->is_open)
            tc_net_end(net, i, reason);
    }
}
