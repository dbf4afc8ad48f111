// SPDX-License-Identifier: Apache-2.0
/* A session that makes its bytes when the socket takes them, "maker" (the row after those of
 * toy.h), with streams that the toy dialect of core/fanout speaks on. */
#ifndef TC_TESTS_UNIT_IO_NET_MAKER_H
#define TC_TESTS_UNIT_IO_NET_MAKER_H

#include "io/net/net_int.h"
#include "tests/unit/io/net/tls_peer.h"

enum { MAKER = TOY_CNT, ROW_CNT, MADE_BYTES = 100000 };

/* What a connection makes: `text`, then what is planned for its streams. */
struct maker {
    const char *text;
    size_t len;
    size_t off;
    size_t step; /* bytes of text at a time */
    char tail[512];
    size_t tail_len; /* of a frame that was cut */
    uint32_t produce_cnt;
    uint32_t planned[NX_STREAMS_MAX]; /* streams told since the last produce */
    uint32_t planned_cnt;
    void (*act)(uint32_t slot); /* at the end of produce, NULL: nothing */
};

static struct maker makers[NX_SLOTS];
static uint32_t take_max[NX_STREAMS_MAX]; /* bytes that a stream takes of what is planned */
static bool has_stream[NX_STREAMS_MAX];
static uint32_t end_cnt;
static char pattern[MADE_BYTES];

static inline void maker_open(struct tc_net *net, uint32_t slot)
{
    (void)net;
    makers[slot] = (struct maker){ .step = SIZE_MAX };
}

static inline void maker_end(struct tc_net *net, uint32_t slot)
{
    end_cnt++;
    for (uint32_t s = 0; s < NX_STREAMS_MAX; s++) {
        if (has_stream[s] && net->stream_slots[s] == slot)
            tc_net_stream_close(net, s);
        has_stream[s] &= net->stream_slots[s] != slot;
    }
}

/* As much of what is planned for a stream as it takes; of a cut frame the rest is kept. */
static inline uint32_t take_planned(struct maker *m, uint32_t stream, uint8_t *dst, uint32_t cap)
{
    struct tc_fan_piece pieces[8];
    struct tc_fan_piece tail;
    uint32_t conn = tc_net_stream_conn(&nx.net, stream);
    uint32_t total = 0, len = 0;
    uint32_t cnt = tc_fan_gather(nx.fx.fan, conn, pieces, TC_ARRAY_CNT(pieces), &total);
    uint32_t max = TC_MIN(cap, take_max[stream]);
    if (max == 0)
        return 0;
    for (uint32_t i = 0; i < cnt && len < max; i++) {
        uint32_t n = TC_MIN(pieces[i].len, max - len);
        memcpy(dst + len, pieces[i].bytes, n);
        len += n;
    }
    tc_fan_settle(nx.fx.fan, conn, len, len < total, &tail);
    cr_assert_leq(m->tail_len + tail.len, sizeof(m->tail));
    if (tail.len)
        memcpy(m->tail + m->tail_len, tail.bytes, tail.len);
    m->tail_len += tail.len;
    return len;
}

static inline uint32_t maker_produce(struct tc_net *net, uint32_t slot, uint8_t *dst, uint32_t cap,
                                     bool *again)
{
    struct maker *m = &makers[slot];
    const struct tc_net_conn *c = &net->conns[slot];
    cr_assert(!c->is_waiting && c->out_len == c->out_off, "something older is unsent");
    cr_assert_eq(cap, nx.net.conns[slot].is_tls ? TC_TLS_RECORD_MAX : TC_NET_MADE_MAX);
    m->produce_cnt++;
    uint32_t len = (uint32_t)m->tail_len;
    memcpy(dst, m->tail, m->tail_len);
    m->tail_len = 0;
    size_t n = TC_MIN(TC_MIN(m->len - m->off, m->step), (size_t)cap - len);
    if (n > 0)
        memcpy(dst + len, m->text + m->off, n);
    m->off += n;
    len += (uint32_t)n;
    for (uint32_t i = 0; i < m->planned_cnt; i++) {
        uint32_t conn = tc_net_stream_conn(net, m->planned[i]);
        if (tc_fan_is_planned(nx.fx.fan, conn))
            len += take_planned(m, m->planned[i], dst + len, cap - len);
    }
    m->planned_cnt = 0;
    *again = m->off < m->len || m->tail_len > 0;
    if (m->act)
        m->act(slot);
    return len;
}

static inline void maker_planned(struct tc_net *net, uint32_t slot, uint32_t stream)
{
    struct maker *m = &makers[slot];
    cr_assert_eq(net->stream_slots[stream], slot);
    cr_assert(tc_fan_is_planned(nx.fx.fan, tc_net_stream_conn(net, stream)));
    cr_assert_lt(m->planned_cnt, NX_STREAMS_MAX);
    m->planned[m->planned_cnt++] = stream;
}

static const struct tc_net_session maker_session = {
    .name = "maker",
    .on_open = maker_open,
    .on_bytes = toy_bytes,
    .on_timer = toy_timer,
    .on_drain = toy_drain,
    .goodbye = toy_goodbye,
    .on_end = maker_end,
    .produce = maker_produce,
    .on_planned = maker_planned,
};
static const struct tc_net_session *const maker_rows[ROW_CNT] = { &toy_session, &toy_lanes,
                                                                  &maker_session };

static inline struct nx_options maker_options(void)
{
    struct nx_options options = toy_options();
    for (size_t i = 0; i < MADE_BYTES; i++)
        pattern[i] = (char)('a' + (i * 7 + i / 251) % 26);
    for (uint32_t s = 0; s < NX_STREAMS_MAX; s++)
        take_max[s] = FX_ALL;
    options.sessions = maker_rows;
    options.session_cnt = ROW_CNT;
    options.h2_session = MAKER;
    return options;
}

static inline void maker_init(void)
{
    struct nx_options options = maker_options();
    toy_init(&options);
}

static inline uint32_t maker_slot(void)
{
    uint32_t slot = nx_accept(&nx);
    tc_net_switch(&nx.net, slot, MAKER, TC_NONE);
    return slot;
}

/* A stream that fan knows, subscribed without a snapshot. */
static inline void maker_stream(uint32_t stream, uint32_t slot, const char *room)
{
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    size_t len = 0;
    struct tc_fan_wish wish = { .room = tc_str_from(room) };
    uint32_t conn = tc_net_stream_conn(&nx.net, stream);
    tc_net_stream_open(&nx.net, stream, slot, 0);
    has_stream[stream] = true;
    cr_assert_eq(tc_fan_subscribe(nx.fx.fan, conn, &wish, nx.net.now_ns, reply, &len), 0);
    nx_run(&nx);
}

/* The connection has that text to send, step bytes at a time. */
static inline void maker_say(uint32_t slot, const char *text, size_t len, size_t step)
{
    struct maker *m = &makers[slot];
    m->text = text;
    m->len = len;
    m->off = 0;
    m->step = step;
    tc_net_out_list(&nx.net, slot);
}

static inline void act_end(uint32_t slot)
{
    tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
}

static inline void act_finish(uint32_t slot)
{
    tc_net_finish(&nx.net, slot, TC_CLOSE_INTERNAL);
}

#endif
