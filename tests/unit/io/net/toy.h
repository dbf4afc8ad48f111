// SPDX-License-Identifier: Apache-2.0
/* Sessions that note what they are told: "toy" (row 0), and "lanes" (row 1), whose connections are
 * known to fan, with the toy dialect of tests/unit/core/fanout/fixture.h. */
#ifndef TC_TESTS_UNIT_IO_NET_TOY_H
#define TC_TESTS_UNIT_IO_NET_TOY_H

#include "tests/unit/io/net/fixture.h"

enum { TOY, TOY_LANES, TOY_CNT };

/* Each test has its own process. */
static struct nx nx;
static struct {
    uint32_t open_cnt[TOY_CNT];
    uint32_t end_cnt[TOY_CNT];
    uint32_t timer_cnt;
    uint32_t drain_cnt;
    uint32_t goodbye_cnt;
    uint32_t delays[NX_SLOTS]; /* by drain_cnt */
    char heard[4096];
    uint32_t heard_len;
    void (*act)(uint32_t slot); /* what it does when bytes come, NULL: nothing */
} toy;

static inline void toy_open(struct tc_net *net, uint32_t slot)
{
    cr_assert_eq(net->conns[slot].ctx, TC_NONE);
    toy.open_cnt[net->conns[slot].session]++;
    net->conns[slot].ctx = 7; /* it borrows something */
}

static inline void toy_bytes(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len)
{
    cr_assert(tc_net_is_open(net, slot));
    cr_assert(toy.heard_len + len < sizeof(toy.heard));
    memcpy(toy.heard + toy.heard_len, bytes, len);
    memset(bytes, 0xdd, len); /* they may be changed in place */
    toy.heard_len += len;
    if (toy.act)
        toy.act(slot);
}

static inline void toy_timer(struct tc_net *net, uint32_t slot)
{
    cr_assert(tc_net_is_open(net, slot));
    toy.timer_cnt++;
}

static inline void toy_drain(struct tc_net *net, uint32_t slot, uint32_t reconnect_ms)
{
    toy.delays[toy.drain_cnt++] = reconnect_ms;
    tc_net_write(net, slot, "drain ", 6);
}

static inline void toy_goodbye(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    char text[64];
    toy.goodbye_cnt++;
    int len = snprintf(text, sizeof(text), "bye %s", tc_closes[reason].code);
    tc_net_write(net, slot, text, (size_t)len);
}

static inline void toy_end(struct tc_net *net, uint32_t slot)
{
    cr_assert_eq(net->conns[slot].ctx, 7);
    toy.end_cnt[net->conns[slot].session]++;
}

static const struct tc_net_session toy_session = {
    .name = "toy",
    .on_open = toy_open,
    .on_bytes = toy_bytes,
    .on_timer = toy_timer,
    .on_drain = toy_drain,
    .goodbye = toy_goodbye,
    .on_end = toy_end,
};
static const struct tc_net_session toy_lanes = {
    .name = "lanes",
    .on_open = toy_open,
    .on_bytes = toy_bytes,
    .on_timer = toy_timer,
    .on_drain = toy_drain,
    .goodbye = toy_goodbye,
    .on_end = toy_end,
};
static const struct tc_net_session *const toy_rows[TOY_CNT] = { &toy_session, &toy_lanes };

static inline struct nx_options toy_options(void)
{
    struct nx_options options = nx_defaults();
    options.sessions = toy_rows;
    options.session_cnt = TOY_CNT;
    options.dialect = &fx_toy;
    return options;
}

static inline void toy_init(const struct nx_options *options)
{
    struct nx_options plain = toy_options();
    memset(&toy, 0, sizeof(toy));
    nx_init(&nx, options ? options : &plain);
}

/* Every session that was entered was left, once. */
static inline void toy_fini(void)
{
    nx_fini(&nx);
    for (int i = 0; i < TOY_CNT; i++)
        cr_assert_eq(toy.open_cnt[i], toy.end_cnt[i]);
}

/* A connection that fan knows. */
static inline uint32_t toy_member(void)
{
    uint32_t slot = nx_accept(&nx);
    tc_net_switch(&nx.net, slot, TOY_LANES, 0);
    return slot;
}

static inline void toy_write(uint32_t slot, const char *text)
{
    tc_net_write(&nx.net, slot, text, strlen(text));
}

/* Subscribes without a snapshot and takes the confirmation. */
static inline void toy_subscribe(uint32_t slot, const char *room)
{
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    size_t len = 0;
    struct tc_fan_wish wish = { .room = tc_str_from(room) };
    int rc = tc_fan_subscribe(nx.fx.fan, slot, &wish, nx.net.now_ns, reply, &len);
    cr_assert_eq(rc, 0);
    nx_run(&nx);
    cr_assert_eq(strncmp(nx_take(&nx, slot), "C ", 2), 0);
}

/* The updates first..last of ticker-A with payload v<pos>, as one client gets them. */
static inline char *toy_updates(int64_t first, int64_t last, int64_t prev)
{
    char *text = calloc(1, 65536);
    size_t len = 0;
    for (int64_t pos = first; pos <= last; pos++) {
        char before[24];
        len += (size_t)snprintf(text + len, 65536 - len, "U ticker-A %lld %s %lld live v%lld\n",
                                (long long)pos, fx_num(before, prev), (long long)(1000 + pos),
                                (long long)pos);
        prev = pos;
    }
    return text;
}

/* Each of the first cnt sockets that is full, and half of the others, gets room for a random number
 * of bytes below most. Returns the seed after it. */
static inline uint32_t toy_random_room(uint32_t seed, uint32_t cnt, uint32_t most)
{
    for (uint32_t slot = 0; slot < cnt; slot++) {
        struct nx_sock *s = &nx.reactor.socks[slot];
        seed = seed * 1664525 + 1013904223;
        if (s->wants_writable)
            nx_writable(&nx, slot, (seed >> 20) % most);
        else if (seed >> 31)
            s->cap = (seed >> 20) % most;
    }
    return seed;
}

/* From here on the first cnt sockets take all, and have all that there is. */
static inline void toy_take_all(uint32_t cnt)
{
    for (uint32_t slot = 0; slot < cnt; slot++) {
        nx_run(&nx);
        nx.reactor.socks[slot].cap = FX_ALL;
        if (nx.reactor.socks[slot].wants_writable)
            nx_writable(&nx, slot, FX_ALL);
    }
    nx_run(&nx);
}

#endif
