// SPDX-License-Identifier: Apache-2.0
/* Connections with TLS: between the reactor's bytes and the sessions', and between what is planned
 * and the reactor's sends.
 *
 * Ciphertext cannot be taken back, so it is made as late as possible: one record per
 * connection, and the next when the socket has taken it. What the socket does not take of it goes
 * to the connection's out, as on a plain connection; `out` of a TLS connection is ciphertext.
 *
 * Handshakes are expensive and anybody may ask for them. What comes during one is kept (a block of
 * the slab) and worked off in order of arrival, a few per turn, so that the fan-out goes on. */
#include <stdio.h>

#include "core/mem/budget.h"
#include "io/net/net_int.h"

struct conn_tls {
    struct tc_tls_conn *conn; /* NULL: a plain connection, or none */
    uint32_t in_idx;          /* what came for the handshake; void while in_cap is 0 */
    uint32_t in_cap;
    uint32_t in_len;
    uint32_t next;     /* list of those with something to work off */
    uint32_t plan_off; /* of the plan, in records that were taken; consumed by the next seal */
    struct tc_net_sealed sealed; /* the record under way */
    bool is_queued;              /* in that list; its connection may have ended since */
    bool is_answered;            /* its hello: the expensive part is done */
};

struct tc_net_tls {
    struct tc_tls_ctx *ctx; /* of new connections; a holder */
    struct tc_tls_io io;
    struct conn_tls *conns;
    uint32_t first; /* list of handshakes */
    uint32_t last;
    uint8_t *plain;  /* TC_TLS_RECORD_MAX: of a read */
    uint8_t *joined; /* TC_TLS_RECORD_MAX: of a send */
    uint8_t *flight; /* TC_TLS_FLIGHT_MAX: answers and what sessions write */
    uint8_t *batch;  /* BATCH_MAX: records of a batch */
    size_t batch_len;
};

enum { BATCH_MAX = TC_NET_BATCH_BYTES + TC_TLS_RECORD_MAX + 2 * TC_TLS_OVERHEAD_MAX };

int tc_net_tls_init(struct tc_net *net, struct tc_tls_ctx *ctx, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    struct tc_mem *mem = net->conf.mem;
    snprintf(name, sizeof(name), "%s: TLS", net->conf.holder);
    struct tc_net_tls *t = tc_mem_take(mem, name, sizeof(*t), 1, err);
    if (!t)
        return -TC_ENOMEM;
    t->first = t->last = TC_NONE;
    t->conns = tc_mem_take(mem, name, sizeof(*t->conns), net->slot_max, err);
    t->plain = tc_mem_take(mem, name, TC_TLS_RECORD_MAX, 1, err);
    t->joined = tc_mem_take(mem, name, TC_TLS_RECORD_MAX, 1, err);
    t->flight = tc_mem_take(mem, name, TC_TLS_FLIGHT_MAX, 1, err);
    t->batch = tc_mem_take(mem, name, BATCH_MAX, 1, err);
    if (!t->conns || !t->plain || !t->joined || !t->flight || !t->batch)
        return -TC_ENOMEM;
    if (tc_tls_io_init(&t->io, t->flight, TC_TLS_FLIGHT_MAX) < 0)
        return tc_err_set(err, -TC_ENOMEM, "%s: no memory", name);
    t->ctx = tc_tls_ctx_ref(ctx);
    net->tls = t;
    return TC_OK;
}

void tc_net_tls_fini(struct tc_net *net)
{
    tc_tls_io_fini(&net->tls->io);
    tc_tls_ctx_unref(net->tls->ctx);
    net->tls = NULL;
}

void tc_net_tls_use(struct tc_net *net, struct tc_tls_ctx *ctx)
{
    tc_tls_ctx_unref(net->tls->ctx);
    net->tls->ctx = ctx;
}

/* ---- birth and end ---- */

bool tc_net_tls_open(struct tc_net *net, uint32_t slot)
{
    struct tc_net_tls *t = net->tls;
    struct conn_tls *ct = &t->conns[slot];
    struct tc_net_conn *c = &net->conns[slot];
    bool is_queued = ct->is_queued;
    uint32_t next = ct->next;
    /* those that are open need memory for every record, so the last of it is theirs */
    *ct = (struct conn_tls){ .conn = tc_budget_is_low() ? NULL : tc_tls_open(t->ctx, &t->io),
                             .is_queued = is_queued,
                             .next = next };
    c->is_handshaking = true;
    if (!ct->conn)
        return false;
    c->is_tls = true;
    tc_net_arm(net, slot, net->now_ns + net->conf.handshake_ns);
    return true;
}

static void free_in(struct tc_net *net, struct conn_tls *ct)
{
    if (ct->in_cap)
        tc_slab_release(&net->slab, ct->in_idx, ct->in_cap);
    ct->in_cap = ct->in_len = 0;
}

void tc_net_tls_close(struct tc_net *net, uint32_t slot)
{
    struct conn_tls *ct = &net->tls->conns[slot];
    free_in(net, ct);
    tc_tls_close(ct->conn);
    ct->conn = NULL;
    if (net->conns[slot].is_handshaking)
        tc_count_add(&net->conf.metric->tls_failures, 1);
    net->conns[slot].is_tls = net->conns[slot].is_handshaking = false;
}

/* ---- out ---- */

/* Moves what TLS has to say to the connection's out. false: the connection has ended. */
static bool take_flight(struct tc_net *net, uint32_t slot)
{
    struct tc_tls_io *io = &net->tls->io;
    size_t len = io->out_len;
    io->out_len = 0;
    const struct tc_net_conn *c = &net->conns[slot];
    if (len == 0)
        return true;
    if (c->out_len - c->out_off + len > TC_NET_OUT_MAX + TC_TLS_FLIGHT_MAX) {
        tc_net_end(net, slot, TC_CLOSE_UNREAD); /* it makes TLS answer and reads nothing */
        return false;
    }
    if (!tc_net_out_append(net, slot, net->tls->flight, len))
        return false;
    tc_net_out_list(net, slot);
    return true;
}

bool tc_net_tls_append(struct tc_net *net, uint32_t slot, const void *bytes, size_t len)
{
    struct tc_net_tls *t = net->tls;
    const uint8_t *at = bytes;
    while (len > 0) {
        size_t now = TC_MIN(len, (size_t)TC_TLS_RECORD_MAX);
        if (tc_tls_write(&t->io, t->conns[slot].conn, at, now) < 0) {
            t->io.out_len = 0;
            tc_net_end(net, slot, TC_CLOSE_TLS);
            return false;
        }
        if (!take_flight(net, slot))
            return false;
        at += now;
        len -= now;
    }
    return true;
}

void tc_net_tls_goodbye(struct tc_net *net, uint32_t slot)
{
    tc_tls_goodbye(&net->tls->io, net->tls->conns[slot].conn);
    (void)take_flight(net, slot);
}

/* The bytes of the pieces from off on, as many as a record takes; *is_last: they are the last. */
static struct tc_fan_piece next_plain(struct tc_net_tls *t, const struct tc_fan_piece *pieces,
                                      uint32_t cnt, uint32_t off, bool *is_last)
{
    struct tc_fan_piece plain = { t->joined, 0 };
    uint32_t left = 0;
    for (uint32_t i = 0; i < cnt; i++) {
        uint32_t skip = TC_MIN(off, pieces[i].len);
        uint32_t len = pieces[i].len - skip;
        uint32_t now = TC_MIN(len, TC_TLS_RECORD_MAX - plain.len);
        off -= skip;
        left += len - now;
        if (cnt == 1)
            plain.bytes = pieces[i].bytes + skip;
        else
            memcpy(t->joined + plain.len, pieces[i].bytes + skip, now);
        plain.len += now;
    }
    *is_last = left == 0;
    return plain;
}

bool tc_net_tls_seal(struct tc_net *net, uint32_t slot, const struct tc_fan_piece *pieces,
                     uint32_t cnt, struct iovec *out)
{
    struct tc_net_tls *t = net->tls;
    struct conn_tls *ct = &t->conns[slot];
    struct tc_fan_piece plain = next_plain(t, pieces, cnt, ct->plan_off, &ct->sealed.is_last);
    t->io.out = t->batch + t->batch_len;
    t->io.out_cap = BATCH_MAX - t->batch_len;
    int rc = tc_tls_write(&t->io, ct->conn, plain.bytes, plain.len);
    *out = (struct iovec){ t->io.out, t->io.out_len };
    ct->sealed.record = t->io.out;
    ct->sealed.plain_end = ct->plan_off + plain.len;
    ct->plan_off = 0;
    t->batch_len += rc == TC_OK ? t->io.out_len : 0;
    t->io.out = t->flight;
    t->io.out_cap = TC_TLS_FLIGHT_MAX;
    t->io.out_len = 0;
    return rc == TC_OK;
}

struct tc_net_sealed tc_net_tls_sealed(const struct tc_net *net, uint32_t slot)
{
    return net->tls->conns[slot].sealed;
}

void tc_net_tls_go_on(struct tc_net *net, uint32_t slot)
{
    struct conn_tls *ct = &net->tls->conns[slot];
    ct->plan_off = ct->sealed.plain_end;
}

size_t tc_net_tls_batch_len(const struct tc_net *net)
{
    return net->tls ? net->tls->batch_len : 0;
}

void tc_net_tls_batch_end(struct tc_net *net)
{
    if (net->tls)
        net->tls->batch_len = 0;
}

/* ---- in ---- */

static void fail(struct tc_net *net, uint32_t slot)
{
    tc_count_add(&net->conf.metric->glitches, 1);
    tc_net_linger(net, slot, TC_CLOSE_TLS);
}

static void read_plain(struct tc_net *net, uint32_t slot, const uint8_t *bytes, size_t len)
{
    struct tc_net_tls *t = net->tls;
    t->io.in = bytes;
    t->io.in_len = len;
    while (tc_net_is_open(net, slot)) {
        int rc = tc_tls_read(&t->io, t->conns[slot].conn, t->plain, TC_TLS_RECORD_MAX);
        if (!take_flight(net, slot) || rc == 0)
            return;
        if (rc == -TC_ECLOSED) {
            tc_net_end(net, slot, TC_CLOSE_PEER_ENDED);
            return;
        }
        if (rc < 0) {
            fail(net, slot);
            return;
        }
        net->conf.sessions[net->conns[slot].session]->on_bytes(net, slot, t->plain, (uint32_t)rc);
    }
}

/* Keeps what came for a handshake. false: it is too much, or there is no memory. */
static bool keep(struct tc_net *net, struct conn_tls *ct, const uint8_t *bytes, uint32_t len)
{
    if (ct->in_len + len > TC_NET_HANDSHAKE_IN_MAX)
        return false;
    if (ct->in_len + len > ct->in_cap &&
        !tc_slab_replace(&net->slab, &ct->in_idx, &ct->in_cap, 0, ct->in_len, ct->in_len + len))
        return false;
    memcpy(tc_slab_at(&net->slab, ct->in_idx) + ct->in_len, bytes, len);
    ct->in_len += len;
    return true;
}

static void enqueue(struct tc_net_tls *t, uint32_t slot)
{
    struct conn_tls *ct = &t->conns[slot];
    if (ct->is_queued)
        return;
    ct->is_queued = true;
    ct->next = TC_NONE;
    if (t->first == TC_NONE)
        t->first = slot;
    else
        t->conns[t->last].next = slot;
    t->last = slot;
}

/* ---- handshakes ---- */

bool tc_net_has_handshakes(const struct tc_net *net)
{
    return net->tls && net->tls->first != TC_NONE;
}

static void shake(struct tc_net *net, uint32_t slot)
{
    struct tc_net_tls *t = net->tls;
    struct tc_net_conn *c = &net->conns[slot];
    struct conn_tls *ct = &t->conns[slot];
    t->io.in = tc_slab_at(&net->slab, ct->in_idx);
    t->io.in_len = ct->in_len;
    int rc = tc_tls_handshake(&t->io, ct->conn);
    ct->is_answered |= t->io.out_len > 0;
    if (!take_flight(net, slot))
        return;
    if (rc < 0) {
        fail(net, slot);
    } else if (rc == 1) {
        c->is_handshaking = false;
        tc_wheel_cancel(&net->wheel, slot);
        tc_count_add(&net->conf.metric->tls_handshakes, 1);
        tc_count_add(&net->conf.metric->tls_resumed, (uint64_t)SSL_session_reused(ct->conn->ssl));
        if (net->conf.h2_session != TC_NONE && tc_tls_is_h2(ct->conn))
            c->session = (uint8_t)net->conf.h2_session;
        tc_net_session_of(net, c)->on_open(net, slot);
        if (t->io.in_len && tc_net_is_open(net, slot))
            read_plain(net, slot, t->io.in, t->io.in_len);
    }
    if (ct->conn)
        free_in(net, ct);
}

/* Behind its last flight a client may send without end, so what is too much to be kept is worked
 * off at once. */
void tc_net_tls_recv(struct tc_net *net, uint32_t slot, const uint8_t *bytes, uint32_t len)
{
    struct conn_tls *ct = &net->tls->conns[slot];
    if (!net->conns[slot].is_handshaking) {
        read_plain(net, slot, bytes, len);
    } else if (keep(net, ct, bytes, len)) {
        enqueue(net->tls, slot);
    } else if (ct->is_answered && ct->in_len > 0) {
        shake(net, slot);
        if (tc_net_is_open(net, slot))
            tc_net_tls_recv(net, slot, bytes, len);
    } else {
        tc_net_end(net, slot, TC_CLOSE_TLS);
    }
}

uint32_t tc_net_handshakes(struct tc_net *net)
{
    struct tc_net_tls *t = net->tls;
    uint32_t cnt = 0;
    while (tc_net_has_handshakes(net) && cnt < TC_NET_TURN_HANDSHAKES) {
        uint32_t slot = t->first;
        struct conn_tls *ct = &t->conns[slot];
        t->first = ct->next;
        ct->is_queued = false;
        if (!ct->in_len || !tc_net_is_open(net, slot))
            continue; /* it has ended */
        shake(net, slot);
        cnt++;
    }
    return cnt;
}
