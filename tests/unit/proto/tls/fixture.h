// SPDX-License-Identifier: Apache-2.0
/* Goal: certificates made on the spot, and both sides of a connection over two buffers: proto/tls
 * and a client made of OpenSSL itself. */
#ifndef TC_TESTS_UNIT_PROTO_TLS_FIXTURE_H
#define TC_TESTS_UNIT_PROTO_TLS_FIXTURE_H

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "proto/tls/tls.h"

struct made {
    EVP_PKEY *pkey;
    X509 *x509;
    struct tc_str chain;
    struct tc_str key;
};

static inline struct tc_str text_of(BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    char *copy = malloc((size_t)len);
    cr_assert(copy != NULL);
    memcpy(copy, bytes, (size_t)len);
    BIO_free(bio);
    return (struct tc_str){ copy, (size_t)len };
}

static inline void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    cr_assert(ext != NULL);
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
}

/* A certificate for those names, signed by `by` or by itself. */
static inline struct made make(const char *cn, const char *sans, const struct made *by)
{
    struct made m = { .pkey = EVP_EC_gen("P-256"), .x509 = X509_new() };
    X509_NAME *name = X509_get_subject_name(m.x509);
    X509_set_version(m.x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(m.x509), 1 + rand());
    X509_gmtime_adj(X509_getm_notBefore(m.x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(m.x509), 3600);
    X509_set_pubkey(m.x509, m.pkey);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(m.x509, by ? X509_get_subject_name(by->x509) : name);
    if (sans)
        add_extension(m.x509, NID_subject_alt_name, sans);
    if (strcmp(cn, "ca") == 0)
        add_extension(m.x509, NID_basic_constraints, "CA:TRUE");
    cr_assert(X509_sign(m.x509, by ? by->pkey : m.pkey, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, m.x509);
    m.chain = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, m.pkey, NULL, NULL, 0, NULL, NULL);
    m.key = text_of(bio);
    return m;
}

static inline void unmake(struct made *m)
{
    EVP_PKEY_free(m->pkey);
    X509_free(m->x509);
    free((void *)m->chain.ptr);
    free((void *)m->key.ptr);
}

#define MADE __attribute__((cleanup(unmake))) struct made

static inline struct tc_tls_cert cert_of(const struct made *m)
{
    return (struct tc_tls_cert){ "made.pem", m->chain, m->key };
}

/* Both sides of one connection. */
struct pair {
    struct tc_tls_io io;
    struct tc_tls_conn *server;
    SSL *client;
    BIO *to_client;
    BIO *from_client;
    size_t step; /* bytes that travel at once */
    int rc;      /* of the server's handshake */
};

static uint8_t out_room[TC_TLS_FLIGHT_MAX];

static inline void pair_open(struct pair *p, struct tc_tls_ctx *ctx, SSL_CTX *client_ctx,
                             const char *sni, SSL_SESSION *session)
{
    memset(p, 0, sizeof(*p));
    p->step = SIZE_MAX;
    cr_assert(tc_tls_io_init(&p->io, out_room, sizeof(out_room)) == TC_OK);
    p->server = tc_tls_open(ctx, &p->io);
    p->client = SSL_new(client_ctx);
    p->to_client = BIO_new(BIO_s_mem());
    p->from_client = BIO_new(BIO_s_mem());
    cr_assert(p->server && p->client);
    SSL_set_bio(p->client, p->to_client, p->from_client);
    SSL_set_connect_state(p->client);
    if (sni)
        SSL_set_tlsext_host_name(p->client, sni);
    if (session)
        cr_assert(SSL_set_session(p->client, session) == 1);
}

static inline void pair_close(struct pair *p)
{
    SSL_free(p->client);
    tc_tls_close(p->server);
    tc_tls_io_fini(&p->io);
}

static inline void out_to_client(struct pair *p)
{
    if (p->io.out_len)
        BIO_write(p->to_client, p->io.out, (int)p->io.out_len);
    p->io.out_len = 0;
}

/* Moves what the client has written, step by step, into `take`. */
static inline void client_to(struct pair *p, int (*take)(struct pair *p))
{
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(p->from_client, &bytes);
    uint8_t *copy = malloc(len + 1);
    cr_assert(copy != NULL);
    memcpy(copy, bytes, len);
    (void)BIO_reset(p->from_client);
    for (size_t at = 0; at < len && p->rc >= 0;) {
        size_t now = TC_MIN(p->step, len - at);
        p->io.in = copy + at;
        p->io.in_len = now;
        at += now;
        p->rc = take(p);
        out_to_client(p);
    }
    free(copy);
}

static inline int take_handshake(struct pair *p)
{
    return tc_tls_handshake(&p->io, p->server);
}

/* Whether both sides are done. */
static inline bool shake(struct pair *p)
{
    for (int i = 0; i < 8; i++) {
        int rc = SSL_do_handshake(p->client);
        if (rc == 1 && p->rc == 1)
            return true;
        client_to(p, take_handshake);
        if (p->rc < 0) {
            (void)SSL_do_handshake(p->client); /* reads the alert */
            return false;
        }
        if (rc != 1 && SSL_get_error(p->client, rc) == SSL_ERROR_SSL)
            return false;
    }
    return SSL_is_init_finished(p->client) && p->rc == 1;
}

static SSL_SESSION *kept;

static inline int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    return 1;
}

static inline SSL_CTX *client_of(int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

static inline struct tc_tls_ctx *server_of(const struct tc_tls_conf *conf)
{
    struct tc_tls_ctx *ctx = NULL;
    struct tc_err err = { 0 };
    cr_assert(tc_tls_ctx_new(&ctx, conf, &err) == TC_OK, "%s", err.text);
    return ctx;
}

static char got[1 << 18];
static size_t got_len;

static inline int take_data(struct pair *p)
{
    int rc;
    while ((rc = tc_tls_read(&p->io, p->server, (uint8_t *)got + got_len,
                             TC_MIN(sizeof(got) - got_len, (size_t)TC_TLS_RECORD_MAX))) > 0)
        got_len += (size_t)rc;
    return rc;
}

/* Text both ways, `step` bytes of the client at a time. */
static inline void exchange(struct pair *p)
{
    static char big[100000];
    static char back[sizeof(big)];
    size_t len = 0;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 + i / 251);
    got_len = 0;
    cr_assert(SSL_write(p->client, big, sizeof(big)) == sizeof(big));
    client_to(p, take_data);
    cr_assert(got_len == sizeof(big) && memcmp(got, big, got_len) == 0);
    for (size_t at = 0; at < sizeof(big); at += TC_TLS_RECORD_MAX) {
        size_t now = TC_MIN(sizeof(big) - at, (size_t)TC_TLS_RECORD_MAX);
        cr_assert(tc_tls_write(&p->io, p->server, big + at, now) == TC_OK);
        cr_assert(p->io.out_len <= now + TC_TLS_OVERHEAD_MAX, "one record");
        out_to_client(p);
    }
    for (int n; (n = SSL_read(p->client, back + len, (int)(sizeof(back) - len))) > 0;)
        len += (size_t)n;
    cr_assert(len == sizeof(big) && memcmp(back, big, len) == 0);
}

#endif
