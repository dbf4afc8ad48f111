// SPDX-License-Identifier: Apache-2.0
/* A TLS client of one slot of the scripted reactor, made of OpenSSL over memory BIOs. */
#ifndef TC_TESTS_UNIT_IO_NET_TLS_PEER_H
#define TC_TESTS_UNIT_IO_NET_TLS_PEER_H

#include "tests/unit/io/net/toy.h"
#include "tests/unit/proto/tls/fixture.h"

struct peer {
    uint32_t slot;
    SSL *ssl;
    BIO *in;
    BIO *out;
    char got[1 << 17]; /* ended by NUL */
    size_t got_len;
};

static struct tc_tls_ctx *server;

static inline void begin(struct nx_options options)
{
    MADE own = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    server = server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1 });
    options.tls = server;
    toy_init(&options);
}

static inline void finish(void)
{
    toy_fini();
    tc_tls_ctx_unref(server);
}

static inline void peer_open(struct peer *p, int version)
{
    SSL_CTX *ctx = client_of(version);
    memset(p, 0, sizeof(*p));
    p->slot = nx_accept_by(&nx, TC_NET_TLS);
    cr_assert_neq(p->slot, TC_NONE);
    p->ssl = SSL_new(ctx);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    SSL_set_bio(p->ssl, p->in, p->out);
    SSL_set_connect_state(p->ssl);
    SSL_CTX_free(ctx);
}

static inline void peer_close(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_SESSION_free(kept);
    kept = NULL;
}

/* What the client has to say: malloc'd. */
static inline char *spoken(struct peer *p, size_t *len)
{
    char *bytes = NULL;
    *len = (size_t)BIO_get_mem_data(p->out, &bytes);
    char *copy = malloc(*len + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, *len);
    (void)BIO_reset(p->out);
    return copy;
}

static inline void say(struct peer *p, size_t step)
{
    size_t len = 0;
    char *copy = spoken(p, &len);
    nx_recv_by(&nx, p->slot, copy, len, step);
    free(copy);
}

/* The server's bytes reach the client. Why there are no more, as SSL_get_error. */
static inline int hear(struct peer *p)
{
    struct nx_sock *s = &nx.reactor.socks[p->slot];
    int n;
    if (s->got_len > s->got_off)
        BIO_write(p->in, s->got + s->got_off, (int)(s->got_len - s->got_off));
    s->got_off = s->got_len;
    ERR_clear_error();
    while ((n = SSL_read(p->ssl, p->got + p->got_len, (int)(sizeof(p->got) - p->got_len - 1))) > 0)
        p->got_len += (size_t)n;
    p->got[p->got_len] = '\0';
    return SSL_get_error(p->ssl, n);
}

/* What the client got since the last call; it must not have failed. */
static inline const char *heard(struct peer *p)
{
    int why = hear(p);
    cr_assert_eq(why, SSL_ERROR_WANT_READ);
    p->got_len = 0;
    return p->got;
}

static inline void shake_hands(struct peer *p)
{
    for (int i = 0; i < 6 && SSL_do_handshake(p->ssl) != 1; i++) {
        say(p, NX_RECV_BYTES);
        nx_run(&nx);
        (void)hear(p);
    }
    say(p, NX_RECV_BYTES);
    nx_run(&nx);
    (void)hear(p);
    cr_assert(SSL_is_init_finished(p->ssl) && !nx.net.conns[p->slot].is_handshaking);
}

static inline void peer_text(struct peer *p, const char *text)
{
    cr_assert_eq(SSL_write(p->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* A member without rooms. */
static inline void peer_member(struct peer *p, int version)
{
    peer_open(p, version);
    shake_hands(p);
    tc_net_switch(&nx.net, p->slot, TOY_LANES, 0);
}

static inline void peer_subscribe(struct peer *p, const char *room)
{
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    size_t len = 0;
    struct tc_fan_wish wish = { .room = tc_str_from(room) };
    cr_assert_eq(tc_fan_subscribe(nx.fx.fan, p->slot, &wish, nx.net.now_ns, reply, &len), 0);
    nx_run(&nx);
    cr_assert_eq(strncmp(heard(p), "C ", 2), 0);
}

/* Sockets that are full take bytes again, until nothing is left. */
static inline void let_go(uint32_t slot)
{
    nx.reactor.socks[slot].cap = FX_ALL;
    nx_run(&nx);
    while (nx.reactor.socks[slot].wants_writable) {
        nx_writable(&nx, slot, FX_ALL);
        nx_run(&nx);
    }
}

#endif
