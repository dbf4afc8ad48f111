// SPDX-License-Identifier: Apache-2.0
/* Goal: what a TLS client gets is what a plain one gets: whatever the socket takes, wherever a
 * record ends, however many there are, and without memory nobody but the one it lacks for ends. */
#include "core/mem/budget.h"
#include "tests/unit/io/net/tls_peer.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* Lines of text that begin with `start`: malloc'd. */
static char *lines_of(const char *text, const char *start)
{
    char *out = calloc(1, strlen(text) + 1);
    size_t len = 0;
    for (const char *at = text; *at;) {
        size_t line = strcspn(at, "\n") + 1;
        if (strncmp(at, start, strlen(start)) == 0) {
            memcpy(out + len, at, line);
            len += line;
        }
        at += line;
    }
    return out;
}

static void check_lines(const char *text, const char *other, const char *start)
{
    char *a = lines_of(text, start);
    char *b = lines_of(other, start);
    cr_assert_str_eq(a, b);
    cr_assert_neq(*a, '\0');
    free(a);
    free(b);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 12;
}

Test(net_tls_send, writes_in_order)
{
    /* Goal: 40 KB and more in writes of all sizes, against a socket that takes random amounts or
     * nothing, arrive as they were written; the block is given back. */
    enum { BYTES = 100000, WRITE_MAX = 40000 };
    static char sent[BYTES];
    static struct peer p;
    uint32_t seed = 5;
    begin(toy_options());
    for (uint32_t i = 0; i < BYTES; i++)
        sent[i] = (char)(i * 7 + i / 251);
    for (int v = 0; v < 2; v++) {
        peer_open(&p, versions[v]);
        shake_hands(&p);
        for (uint32_t at = 0; at < BYTES;) {
            uint32_t most = at == 0 ? WRITE_MAX : 1 + next_random(&seed) % 3000;
            uint32_t now = TC_MIN(most, BYTES - at);
            tc_net_write(&nx.net, p.slot, sent + at, now);
            at += now;
            if (nx.reactor.socks[p.slot].wants_writable)
                nx_writable(&nx, p.slot, next_random(&seed) % 4000);
            else
                nx.reactor.socks[p.slot].cap = next_random(&seed) % 4 * 1000;
            nx_run(&nx);
            cr_assert(tc_net_is_open(&nx.net, p.slot));
        }
        let_go(p.slot);
        cr_assert_eq(hear(&p), SSL_ERROR_WANT_READ);
        cr_assert_eq(p.got_len, BYTES);
        cr_assert_eq(memcmp(p.got, sent, BYTES), 0);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        nx_end(&nx, p.slot, 0);
        peer_close(&p);
    }
    finish();
}

Test(net_tls_send, every_cut_of_a_record)
{
    /* Goal: wherever the socket stops in a record of three events: the rest of it is held and no
     * more than that, however much is published meanwhile; then it comes, a reply, what is new. */
    static struct peer p;
    begin(toy_options());
    for (int v = 0; v < 2; v++) {
        peer_member(&p, versions[v]);
        peer_subscribe(&p, "ticker-A");
        uint32_t plain = toy_member();
        toy_subscribe(plain, "ticker-A");
        bool is_whole = false;
        for (uint32_t cap = 0; !is_whole; cap++) {
            int64_t base = 10000 * (v + 1) + 10 * (int64_t)cap;
            fx_put_many(&nx.fx, "ticker-A", base, base + 2);
            nx.reactor.socks[p.slot].cap = cap;
            nx_run(&nx);
            is_whole = !nx.reactor.socks[p.slot].wants_writable;
            uint64_t held = nx.net.slab.used_bytes;
            cr_assert(is_whole ? held == 0 : held <= 256, "cap %u: %lu", cap, held);
            fx_put_many(&nx.fx, "ticker-A", base + 3, base + 5);
            if (!is_whole) {
                nx_run(&nx);
                cr_assert_eq(nx.net.slab.used_bytes, held);
                toy_write(p.slot, "reply\n");
                nx_writable(&nx, p.slot, cap % 3); /* and full again */
            }
            nx_run(&nx);
            let_go(p.slot);
            const char *text = heard(&p);
            check_lines(text, nx_take(&nx, plain), "U ");
            cr_assert_eq(strstr(text, "reply\n") != NULL, !is_whole);
            cr_assert_eq(nx.net.slab.used_bytes, 0);
        }
        nx_end(&nx, p.slot, 0);
        nx_end(&nx, plain, 0);
        peer_close(&p);
    }
    finish();
}

Test(net_tls_send, frames_cut_by_the_end_of_a_record)
{
    /* Goal: lanes of three records and more in one turn, a frame cut anywhere by a record's end,
     * sockets that take all or stop somewhere: as on a plain connection. */
    enum { EVENTS = 210 };
    static struct peer p;
    char payload[241];
    uint32_t seed = 9;
    begin(toy_options());
    peer_member(&p, TLS1_3_VERSION);
    peer_subscribe(&p, "ticker-A");
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    memset(payload, 'p', sizeof(payload));
    for (int64_t i = 0; i < 60; i++) {
        nx.reactor.socks[plain].got_len = nx.reactor.socks[plain].got_off = 0; /* room for more */
        nx.reactor.socks[p.slot].got_len = nx.reactor.socks[p.slot].got_off = 0;
        for (int64_t k = 0; k < EVENTS; k++) {
            payload[k == 0 ? 1 + i * 4 : 240] = '\0'; /* shifts all that follows */
            fx_put(&nx.fx, "ticker-A", i * EVENTS + k, payload);
            payload[k == 0 ? 1 + i * 4 : 240] = 'p';
        }
        if (i % 3)
            nx.reactor.socks[p.slot].cap = next_random(&seed) % 40000;
        for (int turns = 0; turns < 6; turns++) {
            nx_run(&nx);
            if (nx.reactor.socks[p.slot].wants_writable)
                nx_writable(&nx, p.slot, next_random(&seed) % 20000);
        }
        let_go(p.slot);
        cr_assert_str_eq(heard(&p), nx_take(&nx, plain), "%d", (int)i);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
    }
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->conflated_cnt, 0);
    peer_close(&p);
    finish();
}

Test(net_tls_send, many_rooms_and_key_updates)
{
    /* Goal: lanes of many rooms, more than a record together, are whole and in order in each room,
     * also while the client asks for new keys. */
    enum { ROOMS = 12, EVENTS = 30 };
    static struct peer p;
    char payload[200] = { 0 };
    char room[32];
    begin(toy_options());
    peer_member(&p, TLS1_3_VERSION);
    uint32_t plain = toy_member();
    for (int r = 0; r < ROOMS; r++) {
        snprintf(room, sizeof(room), "ticker-%c", 'A' + r);
        fx_put(&nx.fx, room, r, "a"); /* names without a record are few */
        nx_run(&nx);
        peer_subscribe(&p, room);
        toy_subscribe(plain, room);
    }
    memset(payload, 'p', sizeof(payload) - 1);
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < EVENTS * ROOMS; k++) {
            /* small lanes are copied together, large ones are not */
            snprintf(room, sizeof(room), "ticker-%c", 'A' + k % (k < 90 ? ROOMS : 3));
            fx_put(&nx.fx, room, 100 + i * EVENTS * ROOMS + k, payload);
        }
        if (i > 0) {
            cr_assert_eq(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            cr_assert_eq(SSL_do_handshake(p.ssl), 1);
            say(&p, i == 1 ? 1 : NX_RECV_BYTES);
        }
        nx.reactor.socks[p.slot].cap = i == 3 ? 17 : FX_ALL;
        nx_run(&nx);
        let_go(p.slot);
        const char *text = heard(&p);
        const char *want = nx_take(&nx, plain);
        cr_assert_eq(strlen(text), strlen(want));
        for (int r = 0; r < ROOMS; r++) {
            snprintf(room, sizeof(room), "U ticker-%c ", 'A' + r);
            check_lines(text, want, room);
        }
    }
    peer_close(&p);
    finish();
}

Test(net_tls_send, full_batches)
{
    /* Goal: more clients than one submit takes, each with records as long as they may be: nobody's
     * record is another's; a broken socket among them ends that one. */
    enum { CONNS = TC_TURN_SENDS_MAX + 6, EVENTS = 150 };
    static struct peer peers[CONNS];
    struct nx_options options = toy_options();
    char payload[241] = { 0 };
    options.conn_max = CONNS + 1;
    begin(options);
    for (int i = 0; i < CONNS; i++) {
        peer_member(&peers[i], versions[i % 2]);
        peer_subscribe(&peers[i], "ticker-A");
    }
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    memset(payload, 'p', sizeof(payload) - 1);
    for (int k = 0; k < EVENTS; k++)
        fx_put(&nx.fx, "ticker-A", 1 + k, payload);
    nx.reactor.socks[peers[3].slot].error = EPIPE;
    for (int i = 10; i < 30; i++)
        nx.reactor.socks[peers[i].slot].cap = (uint32_t)i * 700;
    nx_run(&nx);
    const char *want = nx_take(&nx, plain);
    for (int i = 0; i < CONNS; i++) {
        if (i == 3) {
            cr_assert(nx_is_closed(&nx, peers[i].slot));
        } else {
            let_go(peers[i].slot);
            cr_assert_str_eq(heard(&peers[i]), want, "%d", i);
        }
        peer_close(&peers[i]);
    }
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_RESET), 1);
    finish();
}

Test(net_tls_send, one_record_ahead)
{
    /* Goal: a plan of several records goes out in one flush, a record at a time: none is made
     * before the socket has taken the one before it, nothing of it comes by catch-up, and what a
     * full socket leaves is one record's rest. */
    enum { EVENTS = 250 };
    static struct peer p;
    char payload[241] = { 0 };
    memset(payload, 'p', sizeof(payload) - 1);
    for (int v = 0; v < 2; v++) {
        begin(toy_options());
        peer_member(&p, versions[v]);
        peer_subscribe(&p, "ticker-A");
        uint32_t plain = toy_member();
        toy_subscribe(plain, "ticker-A");
        struct nx_sock *sock = &nx.reactor.socks[p.slot];
        for (uint32_t cap = FX_ALL;; cap = 20000) {
            static int64_t pos;
            for (int k = 0; k < EVENTS; k++)
                fx_put(&nx.fx, "ticker-A", ++pos, payload);
            sock->cap = cap;
            sock->send_cnt = 0;
            cr_assert_gt(tc_fan_read(nx.fx.fan, nx.net.now_ns), 0);
            cr_assert_eq(tc_net_flush(&nx.net, TC_TURN_FLUSH_MAX), 2);
            const char *want = nx_take(&nx, plain);
            uint32_t records = (uint32_t)strlen(want) / TC_TLS_RECORD_MAX + 1;
            cr_assert_gt(records, 3);
            if (cap == FX_ALL) {
                cr_assert_eq(sock->send_cnt, records);
                cr_assert_not(tc_fan_has_catch_up(nx.fx.fan));
                cr_assert_str_eq(heard(&p), want);
                continue;
            }
            cr_assert_eq(sock->send_cnt, 2);
            cr_assert_lt(nx.net.conns[p.slot].out_len, TC_TLS_RECORD_MAX + TC_TLS_OVERHEAD_MAX);
            let_go(p.slot);
            cr_assert_str_eq(heard(&p), want);
            break;
        }
        peer_close(&p);
        finish();
    }
}

static void unsubscribe_it(uint32_t slot)
{
    cr_assert_not(tc_fan_is_planned(nx.fx.fan, slot));
    cr_assert_eq(tc_fan_unsubscribe(nx.fx.fan, slot, TC_STR("ticker-A"), NULL, NULL), TC_OK);
    toy_write(slot, "gone\n");
}

Test(net_tls_send, bytes_come_while_lanes_are_planned)
{
    /* Goal: what is planned is sealed before the session looks at a command: it comes whole, then
     * the reply, and nothing of the room after it, whatever the socket takes. */
    static struct peer p;
    begin(toy_options());
    peer_member(&p, TLS1_3_VERSION);
    for (uint32_t cap = 0; cap < 120; cap++) {
        char want[64];
        peer_subscribe(&p, "ticker-A");
        fx_put(&nx.fx, "ticker-A", 1000 + cap, "a");
        cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
        nx.reactor.socks[p.slot].cap = cap;
        toy.act = unsubscribe_it;
        toy.heard_len = 0;
        peer_text(&p, "unsubscribe");
        say(&p, NX_RECV_BYTES);
        cr_assert_eq(toy.heard_len, 11);
        fx_put(&nx.fx, "ticker-A", 2000 + cap, "b");
        nx_run(&nx);
        let_go(p.slot);
        snprintf(want, sizeof(want), " %u live a\ngone\n", 2000 + cap);
        const char *text = heard(&p);
        cr_assert(strncmp(text, "U ticker-A 1", 12) == 0, "%s", text);
        cr_assert_str_eq(text + strlen(text) - strlen(want), want);
        cr_assert_eq(strchr(strchr(text, '\n') + 1, '\n')[1], '\0', "two lines");
    }
    peer_close(&p);
    finish();
}

Test(net_tls_send, random_sockets)
{
    /* Goal: clients of both versions and a plain one, sockets that take random amounts, replies in
     * between: each gets every event once and in order, replies whole, and no memory is kept. */
    enum { CONNS = 5, EVENTS = 1500 };
    static struct peer peers[CONNS];
    uint32_t seed = 77, reply_cnt[CONNS] = { 0 };
    begin(toy_options());
    for (int i = 0; i < CONNS; i++) {
        peer_member(&peers[i], versions[i % 2]);
        peer_subscribe(&peers[i], "ticker-A");
    }
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    for (int64_t pos = 1; pos <= EVENTS; pos++) {
        fx_put_many(&nx.fx, "ticker-A", pos, pos);
        for (int i = 0; i < CONNS; i++) {
            struct nx_sock *s = &nx.reactor.socks[peers[i].slot];
            uint32_t r = next_random(&seed);
            if (s->wants_writable)
                nx_writable(&nx, peers[i].slot, r % 200);
            else if (r & 1024)
                s->cap = r % 200;
            if (r % 11 == 0)
                toy_write(peers[i].slot, "reply\n");
            reply_cnt[i] += r % 11 == 0;
        }
        if (next_random(&seed) & 1024)
            nx_turn(&nx);
    }
    nx_run(&nx);
    const char *want = nx_take(&nx, plain);
    for (int i = 0; i < CONNS; i++) {
        let_go(peers[i].slot);
        const char *text = heard(&peers[i]);
        check_lines(text, want, "U ");
        cr_assert_eq(strlen(text), strlen(want) + 6 * reply_cnt[i]);
        char *replies = lines_of(text, "reply\n");
        cr_assert_eq(strlen(replies), 6 * reply_cnt[i]);
        free(replies);
        peer_close(&peers[i]);
    }
    cr_assert_gt(tc_count_get(&nx.metric.short_sends), 500);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    finish();
}

/* Plain connections take all memory there is for what is not sent. */
static void spend_memory(void)
{
    while (nx.net.slab.used_bytes < nx.net.conf.spill_bytes) {
        uint32_t slot = nx_accept(&nx);
        cr_assert_neq(slot, TC_NONE);
        nx.reactor.socks[slot].cap = 0;
        toy_write(slot, "x");
    }
    nx_run(&nx);
}

Test(net_tls_send, no_memory_for_bytes)
{
    /* Goal: without memory for the rest of a record, a reply, last words or a hello the connection
     * that needs it ends, and no other. */
    static struct peer cut, replied, finished, fresh, whole;
    struct peer *members[] = { &cut, &replied, &finished, &whole };
    struct nx_options options = toy_options();
    options.spill_bytes = 64 * TC_SLAB_UNIT_BYTES;
    options.conn_max = 80;
    begin(options);
    for (size_t i = 0; i < TC_ARRAY_CNT(members); i++) {
        peer_member(members[i], TLS1_3_VERSION);
        peer_subscribe(members[i], "ticker-A");
    }
    peer_open(&fresh, TLS1_3_VERSION);
    spend_memory();
    nx.reactor.socks[cut.slot].cap = 3;
    fx_put(&nx.fx, "ticker-A", 1, "a");
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, cut.slot));
    spend_memory();
    toy_write(replied.slot, "reply");
    cr_assert(nx_is_closed(&nx, replied.slot));
    tc_net_finish(&nx.net, finished.slot, TC_CLOSE_IDLE);
    cr_assert(nx_is_closed(&nx, finished.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), 3);
    (void)SSL_do_handshake(fresh.ssl);
    say(&fresh, NX_RECV_BYTES);
    cr_assert(nx_is_closed(&nx, fresh.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_TLS), 1);
    nx_run(&nx);
    cr_assert_str_eq(heard(&whole), "U ticker-A 1 - 1001 live a\n");
    for (size_t i = 0; i < TC_ARRAY_CNT(members); i++)
        peer_close(members[i]);
    peer_close(&fresh);
    finish();
}

static int hooked;

/* Before the test framework uses OpenSSL for itself. */
__attribute__((constructor)) static void hook(void)
{
    hooked = tc_tls_use_budget();
}

Test(net_tls_send, no_memory_for_openssl)
{
    /* Goal: what OpenSSL cannot encrypt ends its connection, in a batch with others too; one
     * whose records are our own needs no memory for them; a new connection is refused without a
     * session; with memory again all is as before. */
    static struct peer first, lane, reply, taken;
    cr_assert_eq(hooked, TC_OK);
    begin(toy_options());
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    peer_member(&lane, TLS1_2_VERSION);
    peer_subscribe(&lane, "ticker-A");
    peer_member(&taken, TLS1_3_VERSION);
    peer_subscribe(&taken, "ticker-A");
    for (int i = 0; i < 6; i++)
        toy_write(taken.slot, "x");
    nx_run(&nx);
    cr_assert_str_eq(heard(&taken), "xxxxxx");
    peer_open(&reply, TLS1_3_VERSION);
    shake_hands(&reply);
    uint32_t open_cnt = toy.open_cnt[TOY];
    tc_budget_use(3, 1);
    cr_assert_neq(nx_accept_by(&nx, TC_NET_TLS), TC_NONE);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_TLS), 1);
    cr_assert_eq(toy.open_cnt[TOY], open_cnt);
    fx_put(&nx.fx, "ticker-A", 1, "a");
    nx_run(&nx);
    toy_write(reply.slot, "reply");
    tc_budget_use(TC_NONE, 0);
    cr_assert(nx_is_closed(&nx, lane.slot));
    cr_assert(nx_is_closed(&nx, reply.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_TLS), 3);
    cr_assert_str_eq(heard(&taken), "U ticker-A 1 - 1001 live a\n");
    cr_assert_str_eq(nx_take(&nx, plain), "U ticker-A 1 - 1001 live a\n");
    nx_run(&nx);
    peer_member(&first, TLS1_3_VERSION);
    peer_subscribe(&first, "ticker-A");
    fx_put(&nx.fx, "ticker-A", 2, "b");
    nx_run(&nx);
    cr_assert_str_eq(heard(&first), "U ticker-A 2 1 1002 live b\n");
    peer_close(&first);
    peer_close(&lane);
    peer_close(&reply);
    peer_close(&taken);
    finish();
}
