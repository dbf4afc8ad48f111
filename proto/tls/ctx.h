// SPDX-License-Identifier: Apache-2.0
/* proto/tls/ctx: what context and ticket keys share; private to this folder. */
#ifndef TC_PROTO_TLS_CTX_H
#define TC_PROTO_TLS_CTX_H

#include "proto/tls/record.h"

struct tc_tls_ctx {
    _Atomic uint32_t holder_cnt;
    uint32_t cnt;
    SSL_CTX *ssl[TC_TLS_CERTS_MAX]; /* one per certificate; [0] begins every connection */
    struct tc_tls_tickets *tickets;
    struct tc_tls_algs algs;
    bool has_h2;
};

/* Lets connections of ssl_ctx seal and open tickets with the keys of their context. -TC_ENOMEM. */
int tc_tls_tickets_install(SSL_CTX *ssl_ctx) TC_MUST_CHECK;

static inline struct tc_tls_conn *tc_tls_conn_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* The context that tc_tls_open began the connection with. */
static inline struct tc_tls_ctx *tc_tls_ctx_of(const SSL *ssl)
{
    return tc_tls_conn_of(ssl)->ctx;
}

#endif
