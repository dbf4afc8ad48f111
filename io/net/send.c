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
    if (c->is_finishing || tc_net_is_producer(net, c))
        tc_net_out_list(net, slot);
    else if (c->is_fan)
        tc_fan_conn_writable(net->conf.fan, slot);
    if (!c->is_finishing && !c->is_handshaking && tc_net_session_of(net, c)->on_sent)
        tc_net_session_of(net, c)->on_sent(net, slot);
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

/* ---- batches of sends ---- */

/* What a send carries: out of the connection, bytes that its session has just made (no cursor
 * stands for them), or what fan planned. */
struct sending {
    uint32_t slot;
    uint32_t want;
    bool is_out;
    bool is_again;       /* made: there are more */
    const uint8_t *made; /* NULL: not made */
};

struct batch {
    struct sending items[TC_TURN_SENDS_MAX];
    uint32_t cnt;
    size_t made_len; /* of net->made; one behind the other, so that little memory is touched */
};

static bool has_room(const struct tc_net *net, const struct batch *b)
{
    return b->made_len < TC_NET_BATCH_BYTES && tc_net_tls_batch_len(net) < TC_NET_BATCH_BYTES;
}

static void add_out(struct tc_net *net, struct batch *b, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    struct iovec iov = { tc_slab_at(&net->slab, c->out_idx) + c->out_off, c->out_len - c->out_off };
    net->conf.ops->send(net->conf.reactor, slot, &iov, 1);
    b->items[b->cnt++] =
        (struct sending){ .slot = slot, .want = c->out_len - c->out_off, .is_out = true };
}

/* Lets the session make bytes, and queues their send. */
static void add_made(struct tc_net *net, struct batch *b, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    uint8_t *dst = net->made + b->made_len;
    struct sending s = { .slot = slot, .made = dst };
    struct iovec iov = { dst, 0 };
    uint32_t cap = c->is_tls ? TC_TLS_RECORD_MAX : TC_NET_MADE_MAX;
    iov.iov_len = tc_net_session_of(net, c)->produce(net, slot, dst, cap, &s.is_again);
    if (!c->is_open || iov.iov_len == 0)
        return;
    TC_ASSERT(!c->is_finishing);
    struct tc_fan_piece piece = { dst, (uint32_t)iov.iov_len };
    if (c->is_tls && !tc_net_tls_seal(net, slot, &piece, 1, &iov)) {
        tc_net_end(net, slot, TC_CLOSE_TLS);
        return;
    }
    if (!c->is_tls)
        b->made_len += iov.iov_len;
    s.made = iov.iov_base;
    s.want = (uint32_t)iov.iov_len;
    c->is_made = true;
    net->conf.ops->send(net->conf.reactor, slot, &iov, 1);
    b->items[b->cnt++] = s;
}

/* What was made is sent, now or later. */
static void made_sent(struct tc_net *net, const struct sending *s, int32_t res)
{
    net->conns[s->slot].is_made = false;
    int64_t taken = count_send(net, s->slot, res, s->want);
    if (taken < 0)
        return;
    if ((uint32_t)taken == s->want) {
        if (s->is_again)
            tc_net_out_list(net, s->slot);
    } else if (tc_net_out_append(net, s->slot, s->made + taken, s->want - (size_t)taken)) {
        wait_writable(net, s->slot);
    }
}

static bool planned_sent(struct tc_net *net, uint32_t slot, int32_t res, uint32_t want);
static void add_planned(struct tc_net *net, struct batch *b, uint32_t slot);

/* Sends the batch and, of connections whose next record may be made now, further ones; it is empty
 * then. What is planned for a connection is bounded, and so is what its socket takes. */
static void submit(struct tc_net *net, struct batch *b)
{
    int32_t results[TC_TURN_SENDS_MAX];
    while (b->cnt > 0) {
        uint32_t again[TC_TURN_SENDS_MAX];
        uint32_t again_cnt = 0;
        uint32_t done = net->conf.ops->send_flush(net->conf.reactor, results);
        TC_ASSERT(done == b->cnt);
        for (uint32_t i = 0; i < b->cnt; i++) {
            const struct sending *s = &b->items[i];
            if (s->is_out)
                out_sent(net, s->slot, results[i]);
            else if (s->made)
                made_sent(net, s, results[i]);
            else if (planned_sent(net, s->slot, results[i], s->want))
                again[again_cnt++] = s->slot;
        }
        tc_net_tls_batch_end(net);
        b->cnt = 0;
        b->made_len = 0;
        for (uint32_t i = 0; i < again_cnt; i++)
            add_planned(net, b, again[i]);
    }
}

uint32_t tc_net_flush_out(struct tc_net *net)
{
    uint32_t total = 0;
    while (net->out_first != TC_NONE && total < TC_TURN_FLUSH_MAX) {
        struct batch b = { .cnt = 0, .made_len = 0 };
        while (b.cnt < TC_TURN_SENDS_MAX && has_room(net, &b) && net->out_first != TC_NONE) {
            if (net->conns[net->out_first].is_made)
                break; /* listed in its produce: the next send is of the next batch */
            uint32_t slot = out_pop(net);
            struct tc_net_conn *c = &net->conns[slot];
            if (!c->is_open || c->is_waiting)
                continue;
            if (c->out_off < c->out_len)
                add_out(net, &b, slot);
            else if (c->is_finishing)
                shut(net, slot);
            else if (tc_net_is_producer(net, c))
                add_made(net, &b, slot);
        }
        total += b.cnt;
        submit(net, &b);
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

/* Where in net->pages the piece lies, -1: it is to be copied. Asked for each send; most are small.
 */
static int64_t find_pages(struct tc_net *net, const struct tc_fan_piece *piece)
{
    if (piece->len < net->pages.conf.min)
        return -1;
    return tc_net_pages_find(&net->pages, tc_fan_batch(net->conf.fan), piece);
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
    int64_t off = cnt == 1 ? find_pages(net, pieces) : -1;
    if (off >= 0) {
        net->conf.ops->send_file(net->conf.reactor, slot, net->pages.fd, off, total);
        tc_count_add(&net->conf.metric->shared_sends, 1);
        return total;
    }
    for (uint32_t i = 0; i < cnt; i++)
        iov[i] = (struct iovec){ (void *)pieces[i].bytes, pieces[i].len };
    net->conf.ops->send(net->conf.reactor, slot, iov, cnt);
    return total;
}

/* What is encrypted is sent, now or later: its record is what was taken, and the rest of a frame
 * that the record's end has cut follows it. True: the record went whole and there are more. */
static bool sent_tls(struct tc_net *net, uint32_t slot, uint32_t taken, uint32_t want)
{
    struct tc_fan_piece tail;
    struct tc_net_sealed sealed = tc_net_tls_sealed(net, slot);
    if (taken == want && !sealed.is_last) {
        tc_net_tls_go_on(net, slot);
        return true;
    }
    tc_fan_settle(net->conf.fan, slot, sealed.plain_end, taken < want, &tail);
    if (taken < want) {
        if (!tc_net_out_append(net, slot, sealed.record + taken, want - taken))
            return false;
        wait_writable(net, slot);
    }
    if (tail.len && net->conns[slot].is_open)
        (void)tc_net_tls_append(net, slot, tail.bytes, tail.len);
    return false;
}

/* True: the plan goes on with another send. */
static bool planned_sent(struct tc_net *net, uint32_t slot, int32_t res, uint32_t want)
{
    struct tc_fan_piece tail;
    int64_t taken = count_send(net, slot, res, want);
    if (taken < 0)
        return false;
    if (net->conns[slot].is_tls)
        return sent_tls(net, slot, (uint32_t)taken, want);
    bool is_short = (uint32_t)taken < want;
    tc_fan_settle(net->conf.fan, slot, (uint32_t)taken, is_short, &tail);
    if (!is_short)
        return false;
    if (tail.len && !tc_net_out_append(net, slot, tail.bytes, tail.len))
        return false;
    wait_writable(net, slot);
    return false;
}

static void add_planned(struct tc_net *net, struct batch *b, uint32_t slot)
{
    uint32_t want = offer(net, slot);
    if (want)
        b->items[b->cnt++] = (struct sending){ .slot = slot, .want = want };
}

void tc_net_flush_planned(struct tc_net *net, uint32_t slot)
{
    struct batch b = { .cnt = 0, .made_len = 0 };
    add_planned(net, &b, slot);
    submit(net, &b);
}

/* ---- streams ---- */

/* Streams with something planned, and their connections, each once. */
struct planned {
    uint32_t streams[TC_TURN_SENDS_MAX];
    uint32_t slots[TC_TURN_SENDS_MAX];
    uint32_t stream_cnt;
    uint32_t slot_cnt;
};

static void add_stream(struct tc_net *net, struct planned *p, uint32_t stream)
{
    uint32_t slot = net->stream_slots[stream];
    struct tc_net_conn *c = &net->conns[slot];
    p->streams[p->stream_cnt++] = stream;
    tc_net_session_of(net, c)->on_planned(net, slot, stream);
    if (c->is_made || c->is_waiting || c->out_off < c->out_len)
        return; /* it is there already, or must wait: the session has been told */
    c->is_made = true;
    p->slots[p->slot_cnt++] = slot;
}

static void add_streams(struct tc_net *net, struct batch *b, const struct planned *p)
{
    for (uint32_t i = 0; i < p->slot_cnt; i++) {
        struct tc_net_conn *c = &net->conns[p->slots[i]];
        c->is_made = false;
        if (c->is_open && tc_net_is_producer(net, c))
            add_made(net, b, p->slots[i]);
        if (!has_room(net, b))
            submit(net, b);
    }
    for (uint32_t i = 0; i < p->stream_cnt; i++) {
        struct tc_fan_piece tail;
        uint32_t conn = tc_net_stream_conn(net, p->streams[i]);
        if (tc_fan_is_planned(net->conf.fan, conn))
            tc_fan_settle(net->conf.fan, conn, 0, true, &tail);
    }
}

/* ---- the flush ---- */

static uint32_t next_touched(struct tc_net *net, uint32_t max_bytes)
{
    (void)max_bytes;
    return tc_fan_next_touched(net->conf.fan);
}

static uint32_t next_behind(struct tc_net *net, uint32_t max_bytes)
{
    return tc_fan_catch_up(net->conf.fan, max_bytes);
}

static uint32_t flush(struct tc_net *net, uint32_t (*next)(struct tc_net *net, uint32_t max_bytes),
                      uint32_t send_max, uint32_t max_bytes)
{
    uint32_t total = 0;
    while (total < send_max) {
        struct batch b = { .cnt = 0, .made_len = 0 };
        struct planned p = { .stream_cnt = 0, .slot_cnt = 0 };
        uint32_t conn = TC_NONE;
        while (b.cnt + p.stream_cnt < TC_TURN_SENDS_MAX && has_room(net, &b) &&
               (conn = next(net, max_bytes)) != TC_NONE) {
            if (conn < net->slot_max)
                add_planned(net, &b, conn);
            else
                add_stream(net, &p, conn - net->slot_max);
        }
        total += b.cnt + p.stream_cnt;
        add_streams(net, &b, &p);
        submit(net, &b);
        if (conn == TC_NONE)
            break;
    }
    return total;
}

uint32_t tc_net_flush(struct tc_net *net, uint32_t send_max)
{
    uint32_t total = flush(net, next_touched, send_max, 0);
    if (net->pages.len > 0 && !tc_fan_has_touched(net->conf.fan))
        tc_net_pages_reset(&net->pages);
    return total;
}

uint32_t tc_net_catch_up(struct tc_net *net, uint32_t send_max, uint32_t max_bytes)
{
    tc_fan_catch_up_begin(net->conf.fan, net->now_ns);
    return flush(net, next_behind, send_max, max_bytes);
}
