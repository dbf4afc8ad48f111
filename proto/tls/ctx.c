// SPDX-License-Identifier: Apache-2.0
/* Certificates and settings that connections share. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "core/mem/mem.h"
#include "proto/tls/ctx.h"

/* What OpenSSL has to say about the last error. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "unreadable";
}

static BIO *bio_of(struct tc_str text)
{
    return BIO_new_mem_buf(text.ptr ? text.ptr : "", (int)text.len);
}

static int no_passphrase(char *buf, int size, int is_writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)is_writing;
    (void)ctx;
    return -1;
}

static bool use_chain(SSL_CTX *ssl, struct tc_str pem)
{
    BIO *bio = bio_of(pem);
    X509 *own = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL;
    bool is_right = own && SSL_CTX_use_certificate(ssl, own) == 1;
    X509_free(own);
    while (is_right) {
        X509 *above = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!above)
            break;
        is_right = SSL_CTX_add0_chain_cert(ssl, above) == 1;
        if (!is_right)
            X509_free(above);
    }
    /* the chain ends where there is no further PEM block */
    if (is_right && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        ERR_clear_error();
    is_right = is_right && ERR_peek_last_error() == 0;
    BIO_free(bio);
    return is_right;
}

static bool use_key(SSL_CTX *ssl, struct tc_str pem)
{
    BIO *bio = bio_of(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    bool is_right = key && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return is_right;
}

static bool use_clients(SSL_CTX *ssl, const struct tc_tls_conf *conf)
{
    static const unsigned char id[] = "tickcast";
    int mode = conf->clients == TC_TLS_CLIENTS_REQUIRE
                   ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                   : SSL_VERIFY_PEER;
    uint32_t cnt = 0;
    bool is_right = true;
    BIO *bio = bio_of(conf->client_ca);
    for (X509 *ca; is_right && bio && (ca = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL));) {
        is_right = X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), ca) == 1 &&
                   SSL_CTX_add_client_CA(ssl, ca) == 1;
        X509_free(ca);
        cnt++;
    }
    BIO_free(bio);
    SSL_CTX_set_verify(ssl, mode, NULL);
    return is_right && cnt > 0 && SSL_CTX_set_session_id_context(ssl, id, sizeof(id) - 1) == 1;
}

/* A client that offers none of what is spoken above TLS here is told so (RFC 7301 section 3.2).
 * HTTP/2 wants TLS 1.2 with an AEAD at least (RFC 9113 section 9.2), and there is nothing less. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned int in_len, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen = NULL;
    unsigned int skip = tc_tls_ctx_of(ssl)->has_h2 ? 0 : 3;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours + skip, (unsigned int)sizeof(ours) - 1 - skip,
                              in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    struct tc_tls_ctx *ctx = tc_tls_ctx_of(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    (void)arg;
    for (uint32_t i = 0; name && i < ctx->cnt; i++) {
        if (X509_check_host(SSL_CTX_get0_certificate(ctx->ssl[i]), name, 0, 0, NULL) != 1)
            continue;
        if (i > 0)
            SSL_set_SSL_CTX(ssl, ctx->ssl[i]);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* OpenSSL tells secrets as text, a line each: label, client's random, secret. */
static void on_secret(const SSL *ssl, const char *line)
{
    static const char label[] = "SERVER_TRAFFIC_SECRET_0 ";
    uint8_t secret[TC_TLS_SECRET_MAX];
    size_t len = 0;
    if (strncmp(line, label, sizeof(label) - 1) != 0)
        return;
    const char *hex = strchr(line + sizeof(label) - 1, ' ');
    if (hex && OPENSSL_hexstr2buf_ex(secret, sizeof(secret), &len, hex + 1, '\0') == 1)
        tc_tls_record_secret(&tc_tls_conn_of(ssl)->record, secret, len);
    OPENSSL_cleanse(secret, sizeof(secret));
}

static bool set_up(SSL_CTX *ssl, const struct tc_tls_conf *conf)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 (conf->tickets ? 0 : SSL_OP_NO_TICKET));
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, on_name);
    SSL_CTX_set_keylog_callback(ssl, on_secret);
    return SSL_CTX_set_min_proto_version(ssl,
                                         conf->is_tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") &&
           /* the shorter key first: it is the faster one and strong enough */
           SSL_CTX_set_ciphersuites(ssl, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                         "TLS_CHACHA20_POLY1305_SHA256") &&
           (!conf->tickets || tc_tls_tickets_install(ssl) == TC_OK);
}

static int add_cert(struct tc_tls_ctx *ctx, const struct tc_tls_conf *conf,
                    const struct tc_tls_cert *cert, struct tc_err *err)
{
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl)
        return tc_err_set(err, -TC_ENOMEM, "TLS: no memory");
    ctx->ssl[ctx->cnt++] = ssl;
    if (!set_up(ssl, conf))
        return tc_err_set(err, -TC_ENOMEM, "TLS: cannot be set up: %s", reason());
    if (!use_chain(ssl, cert->chain))
        return tc_err_set(err, -TC_EINVAL,
                          "%s: not a certificate in PEM form, or a broken chain: %s", cert->name,
                          reason());
    if (!use_key(ssl, cert->key))
        return tc_err_set(err, -TC_EINVAL,
                          "%s: its private key is not a PEM key without a passphrase, or of "
                          "another certificate: %s",
                          cert->name, reason());
    if (SSL_CTX_check_private_key(ssl) != 1)
        return tc_err_set(err, -TC_EINVAL, "%s: the private key is of another certificate",
                          cert->name);
    if (conf->clients != TC_TLS_CLIENTS_NONE && !use_clients(ssl, conf))
        return tc_err_set(err, -TC_EINVAL, "tls.client_ca: no certificate in PEM form: %s",
                          reason());
    return TC_OK;
}

int tc_tls_ctx_new(struct tc_tls_ctx **out, const struct tc_tls_conf *conf, struct tc_err *err)
{
    TC_ASSERT(conf->cert_cnt >= 1 && conf->cert_cnt <= TC_TLS_CERTS_MAX);
    struct tc_tls_ctx *ctx = tc_alloc(sizeof(*ctx));
    atomic_store(&ctx->holder_cnt, 1);
    ctx->tickets = conf->tickets;
    ctx->has_h2 = conf->has_h2;
    int rc = tc_tls_algs_init(&ctx->algs);
    if (rc < 0)
        (void)tc_err_set(err, rc, "TLS: no memory");
    for (uint32_t i = 0; rc == TC_OK && i < conf->cert_cnt; i++)
        rc = add_cert(ctx, conf, &conf->certs[i], err);
    if (rc < 0) {
        tc_tls_ctx_unref(ctx);
        return rc;
    }
    *out = ctx;
    return TC_OK;
}

struct tc_tls_ctx *tc_tls_ctx_ref(struct tc_tls_ctx *ctx)
{
    atomic_fetch_add(&ctx->holder_cnt, 1);
    return ctx;
}

void tc_tls_ctx_unref(struct tc_tls_ctx *ctx)
{
    if (!ctx || atomic_fetch_sub(&ctx->holder_cnt, 1) > 1)
        return;
    for (uint32_t i = 0; i < ctx->cnt; i++)
        SSL_CTX_free(ctx->ssl[i]);
    tc_tls_algs_fini(&ctx->algs);
    tc_free(ctx);
}

struct tc_tls_conn *tc_tls_open(struct tc_tls_ctx *ctx, struct tc_tls_io *io)
{
    struct tc_tls_conn *conn = OPENSSL_zalloc(sizeof(*conn));
    SSL *ssl = conn ? SSL_new(ctx->ssl[0]) : NULL;
    if (!ssl || BIO_up_ref(io->bio) != 1) {
        SSL_free(ssl);
        OPENSSL_free(conn);
        return NULL;
    }
    SSL_set_bio(ssl, io->bio, io->bio);
    SSL_set_accept_state(ssl);
    SSL_set_app_data(ssl, conn);
    conn->ssl = ssl;
    conn->ctx = tc_tls_ctx_ref(ctx);
    return conn;
}

void tc_tls_close(struct tc_tls_conn *conn)
{
    struct tc_tls_ctx *ctx = conn->ctx;
    tc_tls_record_fini(&conn->record);
    SSL_free(conn->ssl);
    OPENSSL_free(conn);
    tc_tls_ctx_unref(ctx);
}

bool tc_tls_is_h2(const struct tc_tls_conn *conn)
{
    const unsigned char *name = NULL;
    unsigned int len = 0;
    SSL_get0_alpn_selected(conn->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}
