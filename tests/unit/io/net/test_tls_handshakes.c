// SPDX-License-Identifier: Apache-2.0
/* Goal: where handshake and text meet, how connections end, and what is left of
 * them. */
#include "tests/unit/io/net/tls_peer.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* The client's hello was answered, its last flight is ready to be said.
 * TLS 1.3: it may write. */
static void shake_half(struct peer *p)
{
    peer_open(p, TLS1_3_VERSION);
    (void)SSL_do_handshake(p->ssl);
    say(p, NX_RECV_BYTES);
    nx_run(&nx);
    struct nx_sock *s = &nx.reactor.socks[p->slot];
    BIO_write(p->in, s->got, (int)s->got_len);
    s->got_off = s->got_len;
    cr_assert_eq(SSL_do_handshake(p->ssl), 1);
}

static void greet(uint32_t slot)
{
    cr_assert_eq(toy.open_cnt[TOY], toy.end_cnt[TOY] + 1);
    toy_write(slot, "hi ");
}

Test(net_tls_handshakes, text_behind_the_last_flight)
{
    /* Goal: text that comes in one piece with the end of the handshake, and a
     * piece that is cut anywhere, before or after the step: the session begins
     * first, once, and sees all of it. */
    static struct peer p;
    begin(toy_options());
    toy.act = greet;
    bool is_last = false;
    for (size_t cut = 1; !is_last; cut++) {
        size_t len = 0;
        shake_half(&p);
        cr_assert_eq(toy.open_cnt[TOY], toy.end_cnt[TOY]);
        peer_text(&p, "one ");
        peer_text(&p, "two ");
        char *said = spoken(&p, &len);
        toy.heard_len = 0;
        memset(toy.heard, 0, 16);
        nx_recv_by(&nx, p.slot, said, cut, NX_RECV_BYTES);
        if (cut % 2)
            nx_run(&nx);
        nx_recv_by(&nx, p.slot, said + cut, len - cut, NX_RECV_BYTES);
        is_last = cut + 1 == len;
        free(said);
        nx_run(&nx);
        cr_assert_str_eq(toy.heard, "one two ");
        cr_assert_str_eq(heard(&p), "hi hi ");
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        nx_end(&nx, p.slot, 0);
        peer_close(&p);
    }
    cr_assert_eq(toy.open_cnt[TOY], tc_count_get(&nx.metric.tls_handshakes));
    finish();
}

Test(net_tls_handshakes, much_behind_the_last_flight)
{
    /* Goal: more than may wait, between two turns and behind the end of the handshake, is no
     * reason to end: all of it reaches the session, in order; nothing of it is kept. */
    enum { CNT = 2000 }; /* records of a byte, 23 with what is around it */
    static struct peer p;
    _Static_assert(CNT * 20 > TC_NET_HANDSHAKE_IN_MAX, "it is more");
    begin(toy_options());
    toy.heard_len = 0;
    shake_half(&p);
    for (int i = 0; i < CNT; i++)
        peer_text(&p, (char[]){ (char)('a' + i % 26), '\0' });
    say(&p, 1000);
    nx_run(&nx);
    cr_assert_not(nx_is_closed(&nx, p.slot));
    cr_assert_eq(toy.heard_len, CNT);
    for (int i = 0; i < CNT; i++)
        cr_assert_eq(toy.heard[i], 'a' + i % 26, "%d", i);
    cr_assert_eq(tc_count_get(&nx.metric.tls_handshakes), 1);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    nx_end(&nx, p.slot, 0);
    peer_close(&p);
    finish();
}

static void end_it(uint32_t slot)
{
    tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
}

static void finish_it(uint32_t slot)
{
    tc_net_finish(&nx.net, slot, TC_CLOSE_PROTOCOL);
}

static void switch_it(uint32_t slot)
{
    if (nx.net.conns[slot].session == TOY)
        tc_net_switch(&nx.net, slot, TOY_LANES, 0);
}

Test(net_tls_handshakes, session_ends_in_the_middle)
{
    /* Goal: a session may end, finish or leave its connection at the first of
     * many records of one piece, also of the piece that ended the handshake:
     * nothing of the rest is told to it. */
    static struct peer p;
    void (*const acts[])(uint32_t) = { end_it, finish_it, switch_it };
    begin(toy_options());
    for (size_t i = 0; i < 2 * TC_ARRAY_CNT(acts); i++) {
        toy.act = acts[i / 2];
        toy.heard_len = 0;
        memset(toy.heard, 0, sizeof(toy.heard));
        if (i % 2) {
            peer_open(&p, TLS1_3_VERSION);
            shake_hands(&p);
        } else {
            shake_half(&p);
        }
        for (int k = 0; k < 5; k++)
            peer_text(&p, "text ");
        say(&p, NX_RECV_BYTES);
        nx_run(&nx);
        if (acts[i / 2] == switch_it) {
            cr_assert_str_eq(toy.heard, "text text text text text ");
            nx_end(&nx, p.slot, 0);
        } else {
            cr_assert_str_eq(toy.heard, "text ");
        }
        if (acts[i / 2] == finish_it) {
            cr_assert_eq(hear(&p), SSL_ERROR_ZERO_RETURN);
            cr_assert_str_eq(p.got, "bye protocol");
            nx_check_finished(&nx, p.slot, TC_CLOSE_PROTOCOL);
        }
        cr_assert(nx_is_closed(&nx, p.slot));
        nx_check_empty(&nx);
        peer_close(&p);
    }
    finish();
}

Test(net_tls_handshakes, waiting_input)
{
    /* Goal: a hello that comes byte by byte between two turns is kept whole; as
     * many bytes as may wait do, one more ends the connection. */
    static struct peer p;
    static uint8_t many[TC_NET_HANDSHAKE_IN_MAX];
    begin(toy_options());
    for (int v = 0; v < 2; v++) {
        peer_open(&p, versions[v]);
        (void)SSL_do_handshake(p.ssl);
        say(&p, 1);
        cr_assert_gt(nx.net.slab.used_bytes, 0);
        nx_run(&nx);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        (void)hear(&p);
        shake_hands(&p);
        nx_end(&nx, p.slot, 0);
        peer_close(&p);
    }
    peer_open(&p, TLS1_3_VERSION);
    nx_recv_by(&nx, p.slot, many, sizeof(many), NX_RECV_BYTES);
    cr_assert_not(nx_is_closed(&nx, p.slot));
    nx_recv_by(&nx, p.slot, many, 1, 1);
    cr_assert(nx_is_closed(&nx, p.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_TLS), 1);
    nx_check_empty(&nx);
    cr_assert_eq(tc_net_handshakes(&nx.net), 0);
    cr_assert_not(tc_net_has_handshakes(&nx.net));
    peer_close(&p);
    finish();
}

Test(net_tls_handshakes, slots_of_the_queue_serve_again)
{
    /* Goal: a slot whose connection ended in the queue serves a plain one, which
     * no step touches, and one with TLS, which stands in the queue once; a step
     * spares those that are gone. */
    enum { CNT = TC_NET_TURN_HANDSHAKES + 2 };
    static struct peer peers[CNT], again;
    begin(toy_options());
    for (int i = 0; i < CNT; i++) {
        peer_open(&peers[i], TLS1_3_VERSION);
        (void)SSL_do_handshake(peers[i].ssl);
        say(&peers[i], NX_RECV_BYTES);
    }
    nx_end(&nx, peers[2].slot, 0);
    uint32_t plain = nx_accept(&nx);
    cr_assert_eq(plain, peers[2].slot);
    nx_end(&nx, peers[CNT - 1].slot, 0); /* the last of the queue */
    peer_open(&again, TLS1_3_VERSION);
    cr_assert_eq(again.slot, peers[CNT - 1].slot);
    (void)SSL_do_handshake(again.ssl);
    say(&again, 100);
    nx_recv(&nx, plain, "plain");
    cr_assert_eq(tc_net_handshakes(&nx.net), TC_NET_TURN_HANDSHAKES);
    cr_assert(tc_net_has_handshakes(&nx.net));
    cr_assert_eq(tc_net_handshakes(&nx.net), 1);
    cr_assert_not(tc_net_has_handshakes(&nx.net));
    cr_assert_eq(toy.heard_len, 5);
    nx_run(&nx);
    (void)hear(&again);
    shake_hands(&again);
    toy_write(plain, "answer");
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, plain), "answer");
    for (int i = 0; i < CNT - 1; i++) {
        if (i == 2)
            continue;
        (void)hear(&peers[i]);
        shake_hands(&peers[i]);
        nx_end(&nx, peers[i].slot, 0);
    }
    for (int i = 0; i < CNT; i++)
        peer_close(&peers[i]);
    peer_close(&again);
    cr_assert_eq(tc_count_get(&nx.metric.tls_failures), 2);
    finish();
}

Test(net_tls_handshakes, timer)
{
    /* Goal: bytes do not put the end of a handshake off, and after it the timer
     * is the session's: one that armed none has none. */
    static struct peer slow, quick;
    begin(toy_options());
    peer_open(&slow, TLS1_3_VERSION);
    peer_open(&quick, TLS1_3_VERSION);
    shake_hands(&quick);
    (void)SSL_do_handshake(slow.ssl);
    size_t len = 0;
    char *said = spoken(&slow, &len);
    for (int s = 0; s < 9; s++) {
        nx_wait_ms(&nx, 1000);
        nx_recv_by(&nx, slow.slot, said + s, 1, 1);
    }
    cr_assert_not(nx_is_closed(&nx, slow.slot));
    nx_wait_ms(&nx, 1000 + NX_TICK_MS);
    cr_assert(nx_is_closed(&nx, slow.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_HANDSHAKE_TIMEOUT), 1);
    free(said);
    cr_assert_eq(toy.timer_cnt, 0);
    peer_close(&slow);
    peer_close(&quick);
    finish();
}

Test(net_tls_handshakes, last_words_to_a_full_socket)
{
    /* Goal: goodbye and close_notify wait behind what is unsent, and the
     * half-close behind them; an alert too. */
    static struct peer p;
    begin(toy_options());
    for (uint32_t cap = 0; cap < 90; cap += 5) {
        peer_open(&p, TLS1_3_VERSION);
        shake_hands(&p);
        nx.reactor.socks[p.slot].cap = cap;
        toy_write(p.slot, "reply ");
        nx_run(&nx);
        tc_net_finish(&nx.net, p.slot, TC_CLOSE_IDLE);
        nx_run(&nx);
        cr_assert_eq(nx.reactor.socks[p.slot].is_shut, !nx.reactor.socks[p.slot].wants_writable);
        if (nx.reactor.socks[p.slot].wants_writable)
            nx_writable(&nx, p.slot, FX_ALL);
        nx_run(&nx);
        cr_assert_eq(hear(&p), SSL_ERROR_ZERO_RETURN);
        cr_assert_str_eq(p.got, "reply bye idle");
        nx_check_finished(&nx, p.slot, TC_CLOSE_IDLE);
        peer_close(&p);
    }
    for (uint32_t cap = 0; cap < 8; cap++) {
        peer_open(&p, TLS1_3_VERSION);
        nx.reactor.socks[p.slot].cap = cap;
        nx_recv_by(&nx, p.slot, "\x16\x03\x01\0\4what", 9, NX_RECV_BYTES);
        nx_run(&nx);
        nx_recv(&nx, p.slot, "more");
        let_go(p.slot);
        cr_assert_eq(nx.reactor.socks[p.slot].got_len, 7, "an alert");
        cr_assert_eq(nx.reactor.socks[p.slot].got[0], 21);
        nx_check_finished(&nx, p.slot, TC_CLOSE_TLS);
        peer_close(&p);
    }
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 8);
    finish();
}

Test(net_tls_handshakes, the_clients_end)
{
    /* Goal: text before the client's close_notify in one piece is seen, then the
     * connection ends as ended by the peer. */
    static struct peer p;
    begin(toy_options());
    for (int v = 0; v < 2; v++) {
        peer_open(&p, versions[v]);
        shake_hands(&p);
        toy.heard_len = 0;
        peer_text(&p, "last");
        SSL_shutdown(p.ssl);
        say(&p, NX_RECV_BYTES);
        cr_assert_eq(toy.heard_len, 4);
        cr_assert(nx_is_closed(&nx, p.slot));
        cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_ENDED), (uint64_t)v + 1);
        peer_close(&p);
    }
    finish();
}

Test(net_tls_handshakes, certificates_change)
{
    /* Goal: a change in the middle of a handshake, and with an open connection:
     * both go on both ways with what they began with, new ones get the new one,
     * none is kept after the last. */
    static struct peer half, open, after;
    begin(toy_options());
    peer_open(&open, TLS1_3_VERSION);
    shake_hands(&open);
    peer_open(&half, TLS1_2_VERSION);
    (void)SSL_do_handshake(half.ssl);
    say(&half, NX_RECV_BYTES);
    for (int i = 0; i < 2; i++) {
        MADE other = make(i ? "c.test" : "b.test", NULL, NULL);
        struct tc_tls_cert cert = cert_of(&other);
        tc_net_tls_use(&nx.net, server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1 }));
    }
    nx_run(&nx);
    (void)hear(&half);
    shake_hands(&half);
    peer_open(&after, TLS1_3_VERSION);
    shake_hands(&after);
    struct peer *peers[] = { &half, &open, &after };
    static const char *const names[] = { "a.test", "a.test", "c.test" };
    for (size_t i = 0; i < TC_ARRAY_CNT(peers); i++) {
        char cn[64];
        X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(peers[i]->ssl)),
                                  NID_commonName, cn, sizeof(cn));
        cr_assert_str_eq(cn, names[i]);
        toy.heard_len = 0;
        peer_text(peers[i], "still here");
        say(peers[i], NX_RECV_BYTES);
        cr_assert_eq(toy.heard_len, 10);
        toy_write(peers[i]->slot, "so am I");
        nx_run(&nx);
        cr_assert_str_eq(heard(peers[i]), "so am I");
        peer_close(peers[i]);
    }
    finish();
}

Test(net_tls_handshakes, renegotiation_is_refused)
{
    /* Goal: a client of TLS 1.2 that begins a second handshake is told no; text
     * goes on. */
    static struct peer p;
    begin(toy_options());
    peer_open(&p, TLS1_2_VERSION);
    shake_hands(&p);
    toy.heard_len = 0;
    cr_assert_eq(SSL_renegotiate(p.ssl), 1);
    (void)SSL_do_handshake(p.ssl);
    say(&p, NX_RECV_BYTES);
    cr_assert_eq(nx.net.conns[p.slot].out_len - nx.net.conns[p.slot].out_off, 31, "a warning");
    toy_write(p.slot, "still here");
    nx_run(&nx);
    cr_assert(tc_net_is_open(&nx.net, p.slot));
    cr_assert_eq(toy.heard_len, 0);
    peer_close(&p);
    finish();
}
