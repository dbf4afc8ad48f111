// SPDX-License-Identifier: Apache-2.0
/* Goal: with TLS sessions and fan see what they see on a plain connection, whatever the socket
 * takes; handshakes are bounded in work, input and time. The client is OpenSSL itself. */
#include "tests/unit/io/net/tls_peer.h"

static void start(uint32_t conn_max)
{
    struct nx_options options = toy_options();
    options.conn_max = conn_max;
    begin(options);
}

static bool shake_with(struct peer *p, size_t step)
{
    for (int i = 0; i < 6 && SSL_do_handshake(p->ssl) != 1; i++) {
        say(p, step);
        nx_run(&nx);
        (void)hear(p);
    }
    say(p, step);
    nx_run(&nx);
    return SSL_is_init_finished(p->ssl) && !nx.net.conns[p->slot].is_handshaking;
}

static void tell(struct peer *p, const char *text, size_t step)
{
    cr_assert_eq(SSL_write(p->ssl, text, (int)strlen(text)), (int)strlen(text));
    say(p, step);
}

Test(net_tls, sessions_see_plain_text)
{
    /* Goal: a session begins when the handshake is done and sees the text, however it is cut; what
     * it writes arrives, many records long. */
    static char big[40000];
    static struct peer p;
    const size_t steps[] = { NX_RECV_BYTES, 1, 7 };
    start(8);
    memset(big, 'x', sizeof(big) - 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        peer_open(&p, TLS1_3_VERSION);
        cr_assert_eq(toy.open_cnt[TOY], i);
        cr_assert(shake_with(&p, steps[i]));
        cr_assert_eq(toy.open_cnt[TOY], i + 1);
        toy.heard_len = 0;
        tell(&p, "hello ", steps[i]);
        tell(&p, "there", steps[i]);
        cr_assert(toy.heard_len == 11 && memcmp(toy.heard, "hello there", 11) == 0);
        toy_write(p.slot, "first ");
        toy_write(p.slot, big);
        nx_run(&nx);
        cr_assert_eq(hear(&p), SSL_ERROR_WANT_READ);
        cr_assert_eq(p.got_len, 6 + sizeof(big) - 1);
        cr_assert_eq(memcmp(p.got, "first xxx", 9), 0);
        tc_net_end(&nx.net, p.slot, TC_CLOSE_PEER_RESET);
        peer_close(&p);
    }
    cr_assert_eq(tc_count_get(&nx.metric.tls_handshakes), TC_ARRAY_CNT(steps));
    cr_assert_eq(tc_count_get(&nx.metric.tls_failures), 0);
    finish();
}

/* A member of ticker-A, and one of it on a plain connection. */
static uint32_t two_members(struct peer *p)
{
    peer_open(p, TLS1_3_VERSION);
    cr_assert(shake_with(p, NX_RECV_BYTES));
    tc_net_switch(&nx.net, p->slot, TOY_LANES, 0);
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    size_t len = 0;
    struct tc_fan_wish wish = { .room = TC_STR("ticker-A") };
    cr_assert_eq(tc_fan_subscribe(nx.fx.fan, p->slot, &wish, nx.net.now_ns, reply, &len), 0);
    nx_run(&nx);
    cr_assert_eq(hear(p), SSL_ERROR_WANT_READ);
    p->got_len = 0;
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    return plain;
}

static void check_same(struct peer *p, uint32_t plain)
{
    const char *want = nx_take(&nx, plain);
    (void)hear(p);
    cr_assert_eq(p->got_len, strlen(want), "%zu of %zu", p->got_len, strlen(want));
    cr_assert_eq(memcmp(p->got, want, p->got_len), 0);
    p->got_len = 0;
}

Test(net_tls, lanes)
{
    /* Goal: updates arrive as on a plain connection, also when the socket takes them piece by piece
     * and is full in between: nothing is lost, doubled or out of order. */
    static struct peer p;
    start(8);
    uint32_t plain = two_members(&p);
    fx_put(&nx.fx, "ticker-A", 1, "\"one\"");
    nx_run(&nx);
    check_same(&p, plain);
    for (uint32_t cap = 0; cap < 120; cap += 3) {
        fx_put(&nx.fx, "ticker-A", 10 + 2 * cap, "\"two\"");
        fx_put(&nx.fx, "ticker-A", 11 + 2 * cap, "\"three\"");
        nx.reactor.socks[p.slot].cap = cap;
        nx_run(&nx);
        while (nx.reactor.socks[p.slot].wants_writable) {
            nx_writable(&nx, p.slot, nx.reactor.socks[p.slot].cap ? FX_ALL : cap + 13);
            nx_run(&nx);
        }
        nx.reactor.socks[p.slot].cap = FX_ALL;
        check_same(&p, plain);
    }
    peer_close(&p);
    finish();
}

Test(net_tls, more_than_a_record)
{
    /* Goal: what does not fit one record follows, in order and whole. */
    static struct peer p;
    static char payload[200];
    start(8);
    uint32_t plain = two_members(&p);
    memset(payload, 'y', sizeof(payload) - 1);
    payload[0] = payload[sizeof(payload) - 2] = '"';
    for (int i = 0; i < 300; i++)
        fx_put(&nx.fx, "ticker-A", 1 + i, payload);
    nx_run(&nx);
    check_same(&p, plain);
    peer_close(&p);
    finish();
}

Test(net_tls, handshakes_are_bounded)
{
    /* Goal: a few steps a turn, in order of arrival; one that has ended meanwhile is passed over,
     * and its slot serves the next. */
    enum { CNT = 2 * TC_NET_TURN_HANDSHAKES + 2 };
    static struct peer p[CNT];
    start(CNT);
    for (uint32_t i = 0; i < CNT; i++) {
        peer_open(&p[i], TLS1_3_VERSION);
        (void)SSL_do_handshake(p[i].ssl);
        say(&p[i], NX_RECV_BYTES);
    }
    nx_end(&nx, p[1].slot, -ECONNRESET);
    cr_assert(tc_net_has_handshakes(&nx.net));
    cr_assert_eq(tc_net_handshakes(&nx.net), TC_NET_TURN_HANDSHAKES);
    tc_net_flush_out(&nx.net);
    for (uint32_t i = 0; i < CNT; i++) {
        bool is_served = i != 1 && i <= TC_NET_TURN_HANDSHAKES;
        cr_assert_eq(nx.reactor.socks[p[i].slot].got_len > 0, is_served, "%u", i);
    }
    uint32_t slot = p[1].slot;
    peer_close(&p[1]);
    peer_open(&p[1], TLS1_3_VERSION);
    cr_assert_eq(p[1].slot, slot);
    for (uint32_t i = 0; i < CNT; i++)
        cr_assert(shake_with(&p[i], NX_RECV_BYTES), "%u", i);
    cr_assert_not(tc_net_has_handshakes(&nx.net));
    for (uint32_t i = 0; i < CNT; i++)
        peer_close(&p[i]);
    finish();
}

Test(net_tls, what_is_no_handshake_ends)
{
    /* Goal: garbage gets an alert; too much of an unfinished handshake and too long a one end it;
     * no session is told of them. */
    static struct peer p;
    static char many[TC_NET_HANDSHAKE_IN_MAX + 2];
    start(8);
    peer_open(&p, TLS1_3_VERSION);
    nx_recv_by(&nx, p.slot, "\x16\x03\x01\0\4what", 9, NX_RECV_BYTES);
    nx_run(&nx);
    cr_assert_eq(nx.reactor.socks[p.slot].got[0], 21, "an alert");
    nx_check_finished(&nx, p.slot, TC_CLOSE_TLS);
    peer_close(&p);
    peer_open(&p, TLS1_3_VERSION);
    memset(many, 22, sizeof(many) - 1);
    nx_recv(&nx, p.slot, many);
    cr_assert(nx_is_closed(&nx, p.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_TLS), 2);
    peer_close(&p);
    peer_open(&p, TLS1_3_VERSION);
    nx_wait_ms(&nx, 9000);
    cr_assert_not(nx_is_closed(&nx, p.slot));
    nx_wait_ms(&nx, 1000 + NX_TICK_MS);
    cr_assert(nx_is_closed(&nx, p.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_HANDSHAKE_TIMEOUT), 1);
    peer_close(&p);
    cr_assert_eq(toy.open_cnt[TOY], 0);
    cr_assert_eq(tc_count_get(&nx.metric.tls_failures), 3);
    finish();
}

Test(net_tls, ends)
{
    /* Goal: last words, then TLS's own end; the client's end is the connection's; an altered record
     * is an alert. In a drain a handshake just ends. */
    static struct peer p;
    start(8);
    peer_open(&p, TLS1_3_VERSION);
    cr_assert(shake_with(&p, NX_RECV_BYTES));
    tc_net_finish(&nx.net, p.slot, TC_CLOSE_IDLE);
    nx_run(&nx);
    cr_assert_eq(hear(&p), SSL_ERROR_ZERO_RETURN);
    cr_assert(p.got_len == 8 && memcmp(p.got, "bye idle", 8) == 0);
    nx_check_finished(&nx, p.slot, TC_CLOSE_IDLE);
    peer_close(&p);
    peer_open(&p, TLS1_3_VERSION);
    cr_assert(shake_with(&p, NX_RECV_BYTES));
    SSL_shutdown(p.ssl);
    say(&p, NX_RECV_BYTES);
    cr_assert(nx_is_closed(&nx, p.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_ENDED), 1 + 0);
    peer_close(&p);
    peer_open(&p, TLS1_3_VERSION);
    cr_assert(shake_with(&p, NX_RECV_BYTES));
    nx_recv(&nx, p.slot,
            "\x17\x03\x03"
            "\x01"
            "1 is not what a record holds");
    nx_recv_by(&nx, p.slot, (char[20000]){ 0 }, 20000, NX_RECV_BYTES);
    nx_run(&nx);
    cr_assert_eq(hear(&p), SSL_ERROR_SSL);
    nx_check_finished(&nx, p.slot, TC_CLOSE_TLS);
    peer_close(&p);
    peer_open(&p, TLS1_3_VERSION);
    tc_net_drain(&nx.net, 0, NX_SLOTS, 0);
    cr_assert(nx_is_closed(&nx, p.slot));
    cr_assert_eq(toy.drain_cnt, 0);
    peer_close(&p);
    finish();
}

Test(net_tls, another_certificate)
{
    /* Goal: new connections get the new one, an open one goes on. */
    static struct peer before;
    static struct peer after;
    char cn[64];
    start(8);
    peer_open(&before, TLS1_3_VERSION);
    cr_assert(shake_with(&before, NX_RECV_BYTES));
    MADE other = make("b.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&other);
    tc_net_tls_use(&nx.net, server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1 }));
    peer_open(&after, TLS1_3_VERSION);
    cr_assert(shake_with(&after, NX_RECV_BYTES));
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(after.ssl)),
                              NID_commonName, cn, sizeof(cn));
    cr_assert_str_eq(cn, "b.test");
    tell(&before, "still here", NX_RECV_BYTES);
    cr_assert(toy.heard_len == 10 && memcmp(toy.heard, "still here", 10) == 0);
    peer_close(&before);
    peer_close(&after);
    finish();
}
