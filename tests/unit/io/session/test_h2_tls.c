// SPDX-License-Identifier: Apache-2.0
/* Goal: HTTP/2 that TLS has agreed on is served as by prior knowledge, from its first byte on. */
#include "tests/unit/io/net/tls_peer.h"
#include "tests/unit/io/session/h2_wire.h"

/* The table of sessions with TLS that offers HTTP/2. */
static void begin_h2(void)
{
    MADE own = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct nx_options options = nx_defaults();
    server = server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1, .has_h2 = true });
    options.tls = server;
    nx_init(&nx, &options);
}

static void finish_h2(void)
{
    nx_fini(&nx);
    tc_tls_ctx_unref(server);
}

static struct peer p;
static struct hp h;

static void open_with(const char *protos, int version)
{
    peer_open(&p, version);
    SSL_set_alpn_protos(p.ssl, (const unsigned char *)protos, (unsigned)strlen(protos));
    shake_hands(&p);
    hp_init(&h);
}

/* The lines that the client got since the last call. */
static const char *lines(void)
{
    (void)hear(&p);
    hp_hear(&h, p.got, p.got_len);
    p.got_len = 0;
    return hp_take(&h);
}

static const char *talk(size_t step)
{
    for (size_t at = 0; at < h.out_len; at += step) {
        size_t n = TC_MIN(step, h.out_len - at);
        cr_assert_eq(SSL_write(p.ssl, h.out + at, (int)n), (int)n);
        say(&p, NX_RECV_BYTES);
    }
    h.out_len = 0;
    nx_run(&nx);
    return lines();
}

static void close_h2(void)
{
    if (!nx_is_closed(&nx, p.slot))
        nx_end(&nx, p.slot, 0);
    peer_close(&p);
    hp_fini(&h);
}

Test(h2_tls, agreed_on)
{
    /* Goal: with h2 chosen the settings come at once, and requests in records of any size are
     * answered; with http/1.1 chosen it is HTTP/1. */
    begin_h2();
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    static const size_t steps[] = { 1, 7, 1000 };
    for (size_t i = 0; i < 2 * TC_ARRAY_CNT(steps); i++) {
        open_with("\x02h2\x08http/1.1", versions[i % 2]);
        cr_assert_eq(nx.net.conns[p.slot].session, TC_SESSION_H2);
        cr_assert_str_eq(lines(), "SETTINGS 3=100 6=16384 9=1\n");
        hp_preface(&h);
        hp_head(&h, 1, HP_END, HP_GET("/"));
        cr_assert_str_eq(talk(steps[i / 2]), "SETTINGS ack\n" H2W_PAGE("1"));
        close_h2();
        nx_check_empty(&nx);
    }
    cr_assert_eq(tc_count_get(&nx.metric.h2_connections), 2 * TC_ARRAY_CNT(steps));
    open_with("\x08http/1.1", TLS1_3_VERSION);
    cr_assert_eq(nx.net.conns[p.slot].session, TC_SESSION_HTTP);
    peer_text(&p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    say(&p, NX_RECV_BYTES);
    nx_run(&nx);
    cr_assert_eq(strncmp(heard(&p), "HTTP/1.1 200 OK\r\n", 17), 0);
    close_h2();
    finish_h2();
}

Test(h2_tls, big_page)
{
    /* Goal: a page larger than windows and records, through a socket that takes little. */
    begin_h2();
    open_with("\x02h2", TLS1_3_VERSION);
    h.is_data_hidden = true;
    hp_preface(&h);
    hp_window(&h, 0, NX_BIG_BYTES);
    hp_head(&h, 1, HP_END, HP_GET("/big"));
    hp_window(&h, 1, NX_BIG_BYTES);
    nx.reactor.socks[p.slot].cap = 100;
    (void)talk(1000);
    while (nx.reactor.socks[p.slot].wants_writable) {
        nx_writable(&nx, p.slot, 7000);
        nx_run(&nx);
        (void)lines();
    }
    cr_assert_eq(h.body_len, NX_BIG_BYTES);
    for (size_t i = 0; i < NX_BIG_BYTES; i++)
        cr_assert_eq(h.body[i], (char)('a' + i % 23), "byte %zu", i);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    close_h2();
    finish_h2();
}

Test(h2_tls, no_preface)
{
    /* Goal: HTTP/1 on a connection that has agreed on HTTP/2 is an error. */
    begin_h2();
    open_with("\x02h2", TLS1_3_VERSION);
    (void)lines();
    hp_bytes(&h, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27);
    cr_assert_str_eq(talk(1000), "GOAWAY 0 PROTOCOL_ERROR\n");
    nx_check_finished(&nx, p.slot, TC_CLOSE_H2_PROTOCOL);
    close_h2();
    finish_h2();
}

Test(h2_tls, half_a_preface)
{
    /* Goal: the preface must be there in head_ms, however it drips. */
    begin_h2();
    open_with("\x02h2", TLS1_3_VERSION);
    (void)lines();
    for (int i = 0; i < 10; i++) {
        cr_assert(tc_net_is_open(&nx.net, p.slot), "after %d s", i);
        hp_bytes(&h, tc_h2_preface + i, 1);
        cr_assert_str_eq(talk(1), "");
        nx_wait_ms(&nx, 999);
    }
    nx_wait_ms(&nx, 10 + NX_TICK_MS);
    cr_assert_str_eq(lines(), "GOAWAY 0 ENHANCE_YOUR_CALM\n");
    nx_check_finished(&nx, p.slot, TC_CLOSE_HEAD_TIMEOUT);
    close_h2();
    finish_h2();
}
