// SPDX-License-Identifier: Apache-2.0
/* Sending: what sessions wrote, what fan planned, and what a full socket means for both. */
#include <errno.h>

#include "io/net/net_int.h"

/* ---- out ---- */

void tc_net_out_list(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->is_listed || c->is_waiting)
        return;
    c->is_listed = true;
    c->out_next = TC_NONE;
    if (net->out_first == TC_NONE)
        net->out_first = slot;
    else
        net->conns[net->out_last].out_next = slot;
    net->out_last = slot;
}

static uint32_t out_pop(struct tc_net *net)
{
    uint32_t slot = net->out_first;
    if (slot == TC_NONE)
        return slot;
    net->out_first = net->conns[slot].out_next;
    if (net->out_first == TC_NONE)
        net->out_last = TC_NONE;
    net->conns[slot].is_listed = false;
    return slot;
}

/* Room for len more bytes. false: there is none. */
static bool out_grow(struct tc_net *net, struct tc_net_conn *c, size_t len)
{
    uint32_t have = c->out_len - c->out_off;
    if (c->out_cap && c->out_len + len <= c->out_cap)
        return true;
    if (c->out_cap && have + len <= c->out_cap) {
        uint8_t *bytes = tc_slab_at(&net->slab, c->out_idx);
        memmove(bytes, bytes + c->out_off, have);
    } else if (!tc_slab_replace(&net->slab, &c->out_idx, &c->out_cap, c->out_off, have,
                                (uint32_t)(have + len))) {
        return false;
    }
    c->out_off = 0;
    c->out_len = have;
    return true;
}

bool tc_net_out_append(struct tc_net *net, uint32_t slot, const void *bytes, size_t len)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (!out_grow(net, c, len)) {
        tc_count_add(&net->conf.metric->spill_empty, 1);
        tc_net_end(net, slot, TC_CLOSE_SPILL);
        return false;
    }
    memcpy(tc_slab_at(&net->slab, c->out_idx) + c->out_len, bytes, len);
    c->out_len += (uint32_t)len;
    if (c->is_fan)
        tc_fan_conn_blocked(net->conf.fan, slot);
    return true;
}

void tc_net_write(struct tc_net *net, uint32_t slot, const void *bytes, size_t len)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (!tc_net_is_open(net, slot) || len == 0)
        return;
    if (c->out_len - c->out_off + len > TC_NET_OUT_MAX) {
        /* it does not read: last words would not be read either */
        tc_net_end(net, slot, TC_CLOSE_UNREAD);
        return;
    }
    if (c->is_tls)
        (void)tc_net_tls_append(net, slot, bytes, len);
    else if (tc_net_out_append(net, slot, bytes, len))
        tc_net_out_list(net, slot);
}

/* ---- results ---- */

static bool is_full(int32_t res)
{
    return res == -EAGAIN || res == -EWOULDBLOCK || res == -ENOBUFS;
}

static void wait_writable(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->is_waiting)
        return;
    c->is_waiting = true;
    if (net->conf.ops->want_writable(net->conf.reactor, slot) < 0)
        tc_net_end(net, slot, TC_CLOSE_INTERNAL);
}

/* Bytes that the socket took of `want`; the connection is ended and -1 returned if it is broken. */
static int64_t count_send(struct tc_net *net, uint32_t slot, int32_t res, uint32_t want)
{
    struct tc_metric_worker *m = net->conf.metric;
    tc_count_add(&m->sends, 1);
    if (res < 0 && !is_full(res)) {
        tc_net_end(net, slot, TC_CLOSE_PEER_RESET);
        return -1;
    }
    uint32_t taken = res < 0 ? 0 : (uint32_t)res;
    tc_count_add(&m->delivered_bytes, taken);
    tc_count_add(&m->short_sends, taken < want);
    return taken;
}

static void out_sent(struct tc_net *net, uint32_t slot, int32_t res)
{
    struct tc_net_conn *c = &net->conns[slot];
    int64_t taken = count_send(net, slot, res, c->out_len - c->out_off);
    if (taken < 0)
        return;
    c->out_off += (uint32_t)taken;
    if (c->out_off < c->out_len) {
        wait_writable(net, slot);
        return;
    }
    tc_net_out_free(net, c);
    if (c->is_finishing)
        tc_net_out_list(net, slot);
    else if (c->is_fan)
        tc_fan_conn_writable(net->conf.fan, slot);
}

/* Nothing is left to be sent: half-close and wait for the peer's end. */
static void shut(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->is_shut)
        return;
    c->is_shut = true;
    net->conf.ops->conn_shutdown(net->conf.reactor, slot);
}

uint32_t tc_net_flush_out(struct tc_net *net)
{
    uint32_t slots[TC_TURN_SENDS_MAX];
    int32_t results[TC_TURN_SENDS_MAX];
    uint32_t total = 0;
    while (net->out_first != TC_NONE) {
        uint32_t cnt = 0;
        while (cnt < TC_TURN_SENDS_MAX && net->out_first != TC_NONE) {
            uint32_t slot = out_pop(net);
            struct tc_net_conn *c = &net->conns[slot];
            if (!c->is_open || c->is_waiting)
                continue;
            if (c->out_off == c->out_len) {
                if (c->is_finishing)
                    shut(net, slot);
                continue;
            }
            struct iovec iov = { tc_slab_at(&net->slab, c->out_idx) + c->out_off,
                                 c->out_len - c->out_off };
            net->conf.ops->send(net->conf.reactor, slot, &iov, 1);
            slots[cnt++] = slot;
        }
        if (cnt == 0)
            continue;
        uint32_t done = net->conf.ops->send_flush(net->conf.reactor, results);
        TC_ASSERT(done == cnt);
        for (uint32_t i = 0; i < cnt; i++)
            out_sent(net, slots[i], results[i]);
        total += cnt;
    }
    return total;
}

/* ---- lanes ---- */

static uint32_t offer_tls(struct tc_net *net, uint32_t slot, const struct tc_fan_piece *pieces,
                          uint32_t cnt)
{
    struct iovec record;
    if (tc_net_tls_seal(net, slot, pieces, cnt, &record)) {
        net->conf.ops->send(net->conf.reactor, slot, &record, 1);
        return (uint32_t)record.iov_len;
    }
    struct tc_fan_piece tail;
    tc_fan_settle(net->conf.fan, slot, 0, true, &tail);
    tc_net_end(net, slot, TC_CLOSE_TLS);
    return 0;
}

/* Queues the send of what is planned for slot. Bytes offered; 0: nothing was queued, it is settled.
 */
static uint32_t offer(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    struct tc_fan_piece pieces[TC_REACTOR_IOV_MAX];
    struct iovec iov[TC_REACTOR_IOV_MAX];
    uint32_t total = 0;
    uint32_t cnt = 0;
    if (c->out_len == c->out_off)
        cnt = tc_fan_gather(net->conf.fan, slot, pieces, TC_REACTOR_IOV_MAX, &total);
    if (cnt == 0) {
        struct tc_fan_piece tail;
        tc_fan_settle(net->conf.fan, slot, 0, c->out_len != c->out_off, &tail);
        return 0;
    }
    if (c->is_tls)
        return offer_tls(net, slot, pieces, cnt);
    for (uint32_t i = 0; i < cnt; i++)
        iov[i] = (struct iovec){ (void *)pieces[i].bytes, pieces[i].len };
    net->conf.ops->send(net->conf.reactor, slot, iov, cnt);
    return total;
}

/* What is encrypted is sent, now or later: its record is what was taken, and the rest of a frame
 * that the record's end has cut follows it. */
static void sent_tls(struct tc_net *net, uint32_t slot, uint32_t taken, uint32_t want)
{
    struct tc_fan_piece tail;
    uint32_t plain_len = 0;
    const uint8_t *record = tc_net_tls_record(net, slot, &plain_len);
    tc_fan_settle(net->conf.fan, slot, plain_len, taken < want, &tail);
    if (taken < want) {
        if (!tc_net_out_append(net, slot, record + taken, want - taken))
            return;
        wait_writable(net, slot);
    }
    if (tail.len && net->conns[slot].is_open)
        (void)tc_net_tls_append(net, slot, tail.bytes, tail.len);
}

static void sent(struct tc_net *net, uint32_t slot, int32_t res, uint32_t want)
{
    struct tc_fan_piece tail;
    int64_t taken = count_send(net, slot, res, want);
    if (taken < 0)
        return;
    if (net->conns[slot].is_tls) {
        sent_tls(net, slot, (uint32_t)taken, want);
        return;
    }
    bool is_short = (uint32_t)taken < want;
    tc_fan_settle(net->conf.fan, slot, (uint32_t)taken, is_short, &tail);
    if (!is_short)
        return;
    if (tail.len && !tc_net_out_append(net, slot, tail.bytes, tail.len))
        return;
    wait_writable(net, slot);
}

static void submit(struct tc_net *net, const uint32_t *slots, const uint32_t *wants, uint32_t cnt)
{
    int32_t results[TC_TURN_SENDS_MAX];
    uint32_t done = net->conf.ops->send_flush(net->conf.reactor, results);
    TC_ASSERT(done == cnt);
    for (uint32_t i = 0; i < cnt; i++)
        sent(net, slots[i], results[i], wants[i]);
    tc_net_tls_batch_end(net);
}

void tc_net_flush_planned(struct tc_net *net, uint32_t slot)
{
    uint32_t want = offer(net, slot);
    if (want)
        submit(net, &slot, &want, 1);
}

uint32_t tc_net_flush(struct tc_net *net, uint32_t send_max)
{
    uint32_t slots[TC_TURN_SENDS_MAX];
    uint32_t wants[TC_TURN_SENDS_MAX];
    uint32_t total = 0;
    while (total < send_max) {
        uint32_t cnt = 0;
        uint32_t slot;
        while (cnt < TC_TURN_SENDS_MAX && (slot = tc_fan_next_touched(net->conf.fan)) != TC_NONE) {
            uint32_t want = offer(net, slot);
            slots[cnt] = slot;
            wants[cnt] = want;
            cnt += want != 0;
        }
        if (cnt == 0)
            break;
        submit(net, slots, wants, cnt);
        total += cnt;
    }
    return total;
}

uint32_t tc_net_catch_up(struct tc_net *net, uint32_t send_max, uint32_t max_bytes)
{
    uint32_t slots[TC_TURN_SENDS_MAX];
    uint32_t wants[TC_TURN_SENDS_MAX];
    uint32_t total = 0;
    tc_fan_catch_up_begin(net->conf.fan, net->now_ns);
    while (total < send_max) {
        uint32_t cnt = 0;
        uint32_t slot;
        while (cnt < TC_TURN_SENDS_MAX &&
               (slot = tc_fan_catch_up(net->conf.fan, max_bytes)) != TC_NONE) {
            uint32_t want = offer(net, slot);
            slots[cnt] = slot;
            wants[cnt] = want;
            cnt += want != 0;
        }
        if (cnt == 0)
            break;
        submit(net, slots, wants, cnt);
        total += cnt;
    }
    return total;
}
