// SPDX-License-Identifier: Apache-2.0
/* Goal: certificates, names, versions and clients of a context. */
#include "tests/unit/proto/tls/fixture.h"

Test(tls_ctx, older_versions_are_refused)
{
    /* Goal: what is older than the least version gets the alert that says so. */
    MADE own = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_ctx *ctx =
        server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1, .is_tls13_only = true });
    SSL_CTX *client = client_of(TLS1_2_VERSION);
    struct pair p;
    pair_open(&p, ctx, client, NULL, NULL);
    cr_assert(!shake(&p) && p.rc == -TC_EINVAL);
    cr_assert(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    pair_close(&p);
    SSL_CTX_free(client);
    tc_tls_ctx_unref(ctx);
}

static const char *served_to(struct tc_tls_ctx *ctx, const char *sni)
{
    static char cn[64];
    SSL_CTX *client = client_of(TLS1_3_VERSION);
    struct pair p;
    pair_open(&p, ctx, client, sni, NULL);
    cr_assert(shake(&p));
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(p.client)),
                              NID_commonName, cn, sizeof(cn));
    pair_close(&p);
    SSL_CTX_free(client);
    return cn;
}

Test(tls_ctx, certificate_by_name)
{
    /* Goal: exact and wildcard names; all others get the first certificate. */
    MADE first = make("first", "DNS:a.test", NULL);
    MADE second = make("second", "DNS:b.test,DNS:*.c.test", NULL);
    struct tc_tls_cert certs[] = { cert_of(&first), cert_of(&second) };
    struct tc_tls_ctx *ctx = server_of(&(struct tc_tls_conf){ .certs = certs, .cert_cnt = 2 });
    cr_assert_str_eq(served_to(ctx, "a.test"), "first");
    cr_assert_str_eq(served_to(ctx, "b.test"), "second");
    cr_assert_str_eq(served_to(ctx, "x.c.test"), "second");
    cr_assert_str_eq(served_to(ctx, "other.test"), "first");
    cr_assert_str_eq(served_to(ctx, NULL), "first");
    tc_tls_ctx_unref(ctx);
}

/* What a client that offers these protocols agrees on: "" none, NULL: the handshake failed. */
static const char *agreed(bool has_h2, const char *protos, int version)
{
    static char chosen[32];
    MADE own = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_conf conf = { .certs = &cert, .cert_cnt = 1, .has_h2 = has_h2 };
    struct tc_tls_ctx *ctx = server_of(&conf);
    const unsigned char *name = NULL;
    unsigned name_len = 0;
    SSL_CTX *client = client_of(version);
    struct pair p;
    if (protos[0])
        SSL_CTX_set_alpn_protos(client, (const unsigned char *)protos, (unsigned)strlen(protos));
    pair_open(&p, ctx, client, NULL, NULL);
    cr_assert(!tc_tls_is_h2(p.server), "nothing is agreed on yet");
    bool is_done = shake(&p);
    SSL_get0_alpn_selected(p.client, &name, &name_len);
    snprintf(chosen, sizeof(chosen), "%.*s", (int)name_len, (const char *)name);
    cr_assert_eq(tc_tls_is_h2(p.server), strcmp(chosen, "h2") == 0);
    pair_close(&p);
    SSL_CTX_free(client);
    tc_tls_ctx_unref(ctx);
    return is_done ? chosen : NULL;
}

Test(tls_ctx, alpn)
{
    /* Goal: h2 before http/1.1 in whichever order a client has them, if it is offered; a client
     * with neither is told so, one that says nothing is served. */
    static const struct {
        const char *protos, *with_h2, *without;
    } cases[] = {
        { "\x02h2\x08http/1.1", "h2", "http/1.1" },
        { "\x08http/1.1\x02h2", "h2", "http/1.1" },
        { "\x02h2", "h2", NULL },
        { "\x08http/1.1", "http/1.1", "http/1.1" },
        { "\x02h3\x08http/1.0\x08http/1.1", "http/1.1", "http/1.1" },
        { "\x03h2c", NULL, NULL },
        { "\x02H2\x01h", NULL, NULL },
        { "", "", "" },
    };
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < 4 * TC_ARRAY_CNT(cases); i++) {
        bool has_h2 = i % 2;
        const char *want = has_h2 ? cases[i / 4].with_h2 : cases[i / 4].without;
        const char *is = agreed(has_h2, cases[i / 4].protos, versions[i / 2 % 2]);
        cr_assert_eq(is == NULL, want == NULL, "%zu", i);
        cr_assert_str_eq(is ? is : "-", want ? want : "-", "%zu", i);
    }
}

static bool shaken_as_client(struct tc_tls_ctx *ctx, const struct made *as, int version)
{
    SSL_CTX *client = client_of(version);
    struct pair p;
    if (as) {
        SSL_CTX_use_certificate(client, as->x509);
        SSL_CTX_use_PrivateKey(client, as->pkey);
    }
    pair_open(&p, ctx, client, NULL, NULL);
    bool is_done = shake(&p);
    pair_close(&p);
    SSL_CTX_free(client);
    return is_done;
}

Test(tls_ctx, certificates_of_clients)
{
    /* Goal: required: only a verified one is let in; requested: none is as good. */
    MADE ca = make("ca", NULL, NULL);
    MADE own = make("a.test", NULL, NULL);
    MADE good = make("good", NULL, &ca);
    MADE bad = make("bad", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_conf conf = { .certs = &cert, .cert_cnt = 1, .client_ca = ca.chain };
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (int i = 0; i < 2; i++) {
        conf.clients = TC_TLS_CLIENTS_REQUIRE;
        struct tc_tls_ctx *ctx = server_of(&conf);
        cr_assert(shaken_as_client(ctx, &good, versions[i]));
        cr_assert(!shaken_as_client(ctx, &bad, versions[i]));
        cr_assert(!shaken_as_client(ctx, NULL, versions[i]));
        tc_tls_ctx_unref(ctx);
        conf.clients = TC_TLS_CLIENTS_REQUEST;
        ctx = server_of(&conf);
        cr_assert(shaken_as_client(ctx, &good, versions[i]));
        cr_assert(!shaken_as_client(ctx, &bad, versions[i]));
        cr_assert(shaken_as_client(ctx, NULL, versions[i]));
        tc_tls_ctx_unref(ctx);
    }
}

Test(tls_ctx, wrong_files_are_named)
{
    /* Goal: the message begins with the file that is wrong. */
    MADE one = make("a.test", NULL, NULL);
    MADE two = make("b.test", NULL, NULL);
    struct tc_tls_ctx *ctx = NULL;
    const struct {
        struct tc_tls_cert cert;
        const char *want;
    } cases[] = {
        { { "x.pem", TC_STR("no pem"), one.key }, "x.pem: not a certificate" },
        { { "x.pem", one.key, one.key }, "x.pem: not a certificate" },
        { { "x.pem", one.chain, TC_STR("") }, "x.pem: its private key is not" },
        { { "x.pem", one.chain, two.key }, "x.pem: " },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        struct tc_err err = { 0 };
        struct tc_tls_conf conf = { .certs = &cases[i].cert, .cert_cnt = 1 };
        cr_assert(tc_tls_ctx_new(&ctx, &conf, &err) == -TC_EINVAL);
        cr_assert(strstr(err.text, cases[i].want) == err.text, "%s", err.text);
    }
    struct tc_tls_cert cert = cert_of(&one);
    struct tc_tls_conf conf = { .certs = &cert, .cert_cnt = 1, .clients = TC_TLS_CLIENTS_REQUIRE };
    struct tc_err err = { 0 };
    cr_assert(tc_tls_ctx_new(&ctx, &conf, &err) == -TC_EINVAL);
    cr_assert(strstr(err.text, "tls.client_ca") == err.text, "%s", err.text);
}
