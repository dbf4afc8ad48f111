// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 connections (RFC 9113): bytes between net and proto/h2, time, and the ways to end. */
#include "io/session/h2.h"

#define MS_NS 1000000ll

static const struct tc_conf_timeouts *timeouts_of(const struct tc_net *net)
{
    return &tc_sessions_of(net)->conf->timeouts;
}

static void h2_on_end(struct tc_net *net, uint32_t slot)
{
    struct tc_sessions *sessions = tc_sessions_of(net);
    struct tc_net_conn *c = &net->conns[slot];
    if (c->ctx == TC_NONE)
        return;
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    tc_streams_drop(net, hc);
    tc_h2_close(&hc->h2);
    tc_pool_release(&sessions->h2_conns, c->ctx);
    c->ctx = TC_NONE;
}

/* ---- time ---- */

/* When something must have happened: the rest of a head, progress of an answer. */
static int64_t due_ns(const struct tc_net *net, const struct tc_h2_conn *hc)
{
    int64_t span_ns = timeouts_of(net)->head_ms * MS_NS;
    int64_t at_ns = INT64_MAX;
    if (tc_h2_is_inside(&hc->h2))
        at_ns = hc->head_ns + span_ns;
    if (tc_streams_are_stuck(net, hc))
        at_ns = TC_MIN(at_ns, hc->moved_ns + span_ns);
    return at_ns;
}

/* Bytes that the socket has not taken yet. */
static uint32_t unsent(const struct tc_net *net, uint32_t slot)
{
    return net->conns[slot].out_len - net->conns[slot].out_off;
}

/* What goes out is counted from now on. */
static void count_anew(struct tc_net *net, uint32_t slot)
{
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    hc->moved_ns = net->now_ns;
    hc->moved_bytes = unsent(net, slot);
}

/* An answer that hardly moves holds memory for nothing. */
static bool is_stuck(struct tc_net *net, uint32_t slot)
{
    const struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    int64_t span_ns = timeouts_of(net)->head_ms * MS_NS;
    bool has_moved = hc->moved_bytes >= (uint64_t)unsent(net, slot) + TC_H2_PROGRESS_BYTES;
    if (has_moved || !tc_streams_are_stuck(net, hc)) {
        count_anew(net, slot);
        return false;
    }
    return net->now_ns >= hc->moved_ns + span_ns;
}

/* Goes on with a graceful stop. Returns when it wants to be looked at again. */
static int64_t drain_ns(struct tc_net *net, struct tc_h2_conn *hc)
{
    if (!hc->is_draining || hc->is_goaway)
        return INT64_MAX;
    if (net->now_ns < hc->goaway_ns)
        return hc->goaway_ns;
    hc->is_goaway = true;
    tc_h2_goaway(&hc->h2);
    return INT64_MAX;
}

static void h2_on_timer(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    const struct tc_conf_timeouts *t = timeouts_of(net);
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    int64_t idle_at_ns = c->heard_ns + t->idle_ms * MS_NS;
    int64_t ping_at_ns = c->heard_ns + t->ping_ms * MS_NS;
    bool is_head_late = tc_h2_is_inside(&hc->h2) && net->now_ns >= hc->head_ns + t->head_ms * MS_NS;
    if (net->now_ns >= idle_at_ns || is_head_late) {
        tc_net_finish(net, slot, is_head_late ? TC_CLOSE_HEAD_TIMEOUT : TC_CLOSE_IDLE);
        return;
    }
    if (is_stuck(net, slot)) {
        tc_net_finish(net, slot, TC_CLOSE_UNREAD);
        return;
    }
    if (!c->is_pinged && net->now_ns >= ping_at_ns) {
        c->is_pinged = true;
        tc_h2_ping(&hc->h2);
    }
    if (c->is_pinged)
        ping_at_ns = net->now_ns + t->ping_ms * MS_NS;
    int64_t at_ns = TC_MIN(TC_MIN(idle_at_ns, ping_at_ns), due_ns(net, hc));
    hc->armed_ns = TC_MIN(at_ns, drain_ns(net, hc));
    hc->armed_ns = TC_MIN(hc->armed_ns, tc_streams_on_time(net, hc));
    tc_net_arm(net, slot, hc->armed_ns);
    tc_net_out_list(net, slot);
}

/* ---- bytes ---- */

static void h2_on_open(struct tc_net *net, uint32_t slot)
{
    struct tc_sessions *sessions = tc_sessions_of(net);
    struct tc_net_conn *c = &net->conns[slot];
    sessions->h2.ctx = net;
    c->ctx = tc_pool_acquire(&sessions->h2_conns);
    if (c->ctx == TC_NONE) {
        tc_net_end(net, slot, TC_CLOSE_NO_CONTEXT);
        return;
    }
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    memset(hc, 0, sizeof(*hc));
    hc->streams = TC_NONE;
    hc->head_ns = hc->moved_ns = net->now_ns;
    if (tc_h2_open(&hc->h2, &sessions->h2, slot) < 0) {
        tc_pool_release(&sessions->h2_conns, c->ctx);
        c->ctx = TC_NONE;
        tc_net_end(net, slot, TC_CLOSE_NO_CONTEXT);
        return;
    }
    tc_count_add(&net->conf.metric->h2_connections, 1);
    h2_on_timer(net, slot);
}

static void h2_on_bytes(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len)
{
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    bool was_inside = tc_h2_is_inside(&hc->h2);
    uint32_t frame_cnt = hc->h2.frame_cnt;
    int32_t last_id = hc->h2.last_id;
    bool was_stuck = tc_streams_are_stuck(net, hc);
    int64_t due_before_ns = due_ns(net, hc);
    if (hc->h2.fault != TC_H2_FINE)
        return; /* it has been told, and is not read any more */
    tc_h2_feed(&hc->h2, bytes, len, net->now_ns);
    if (hc->h2.fault != TC_H2_FINE)
        tc_count_add(&net->conf.metric->glitches, 1);
    /* a block of several frames is one thing, and may have few */
    if (!was_inside || hc->h2.last_id != last_id ||
        (frame_cnt != hc->h2.frame_cnt && hc->h2.head == TC_NONE))
        hc->head_ns = net->now_ns;
    if (!was_stuck)
        count_anew(net, slot);
    if (due_before_ns == INT64_MAX && due_ns(net, hc) != INT64_MAX)
        h2_on_timer(net, slot); /* for the end of its time */
    tc_net_out_list(net, slot);
}

/* Why a connection ends that nghttp2 has done with. */
static enum tc_close reason_of(const struct tc_h2_conn *hc)
{
    static const enum tc_close reasons[] = {
        [TC_H2_FINE] = TC_CLOSE_PEER_CLOSED,
        [TC_H2_PROTOCOL] = TC_CLOSE_H2_PROTOCOL,
        [TC_H2_CALM] = TC_CLOSE_CALM,
        [TC_H2_NO_MEMORY] = TC_CLOSE_NO_CONTEXT,
    };
    return hc->is_draining && hc->h2.fault == TC_H2_FINE ? TC_CLOSE_DRAINING
                                                         : reasons[hc->h2.fault];
}

static uint32_t h2_produce(struct tc_net *net, uint32_t slot, uint8_t *dst, uint32_t cap,
                           bool *again)
{
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    bool was_fine = hc->h2.fault == TC_H2_FINE;
    size_t len = tc_h2_emit(&hc->h2, dst, cap, net->now_ns);
    if (was_fine && hc->h2.fault != TC_H2_FINE)
        tc_count_add(&net->conf.metric->glitches, 1);
    *again = hc->h2.is_over || tc_h2_has_output(&hc->h2);
    if (len == 0 && hc->h2.is_over)
        tc_net_linger(net, slot, reason_of(hc));
    return (uint32_t)len;
}

static void h2_on_planned(struct tc_net *net, uint32_t slot, uint32_t stream)
{
    tc_h2_resume(&tc_h2_conn_of(net, slot)->h2, stream);
}

/* ---- ends ---- */

static void h2_goodbye(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    uint8_t out[4096];
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    uint32_t code = NGHTTP2_NO_ERROR;
    if (reason == TC_CLOSE_UNREAD || reason == TC_CLOSE_HEAD_TIMEOUT)
        code = NGHTTP2_ENHANCE_YOUR_CALM;
    tc_h2_terminate(&hc->h2, code);
    for (size_t len = sizeof(out); len == sizeof(out);) {
        len = tc_h2_emit(&hc->h2, out, sizeof(out), net->now_ns);
        tc_net_write(net, slot, out, len);
        if (!tc_net_is_open(net, slot))
            return;
    }
}

/* Requests that are under way are answered; which those are is said when those that were already on
 * their way have come (RFC 9113 section 6.8). */
static void h2_on_drain(struct tc_net *net, uint32_t slot, uint32_t reconnect_ms)
{
    struct tc_h2_conn *hc = tc_h2_conn_of(net, slot);
    hc->is_draining = true;
    hc->goaway_ns = net->now_ns + TC_H2_GOAWAY_NS;
    tc_h2_goaway_soon(&hc->h2);
    tc_streams_drain(net, hc, reconnect_ms);
    h2_on_timer(net, slot);
}

const struct tc_net_session tc_session_h2 = {
    .name = "h2",
    .on_open = h2_on_open,
    .on_bytes = h2_on_bytes,
    .on_timer = h2_on_timer,
    .on_drain = h2_on_drain,
    .goodbye = h2_goodbye,
    .on_end = h2_on_end,
    .is_drain_own = true,
    .produce = h2_produce,
    .on_planned = h2_on_planned,
};
