// SPDX-License-Identifier: Apache-2.0
/* Goal: keys of session tickets. */
#include "tests/unit/proto/tls/fixture.h"

/* Whether a second connection resumes the kept session. */
static bool is_resumed(struct tc_tls_ctx *first, struct tc_tls_ctx *second,
                       struct tc_tls_tickets *tickets, int rotations, int version)
{
    uint8_t random[TC_TLS_TICKET_KEY_BYTES];
    SSL_CTX *client = client_of(version);
    struct pair p;
    pair_open(&p, first, client, NULL, NULL);
    cr_assert(shake(&p));
    p.rc = 0;
    exchange(&p);           /* reads the tickets too */
    SSL_shutdown(p.client); /* or it would not keep the session */
    pair_close(&p);
    cr_assert(kept != NULL);
    SSL_SESSION *session = kept;
    kept = NULL;
    for (int i = 0; i < rotations; i++) {
        static uint8_t fill = 100;
        memset(random, fill++, sizeof(random));
        tc_tls_tickets_rotate(tickets, random);
    }
    pair_open(&p, second, client, NULL, session);
    cr_assert(shake(&p));
    bool is_reused = SSL_session_reused(p.server->ssl);
    pair_close(&p);
    SSL_SESSION_free(session);
    SSL_SESSION_free(kept);
    kept = NULL;
    SSL_CTX_free(client);
    return is_reused;
}

Test(tls_tickets, tickets_live_for_two_keys_and_over_a_reload)
{
    /* Goal: a ticket of the last two keys resumes, by whatever context. */
    static struct tc_tls_tickets tickets;
    uint8_t random[TC_TLS_TICKET_KEY_BYTES] = { 1 };
    MADE own = make("a.test", NULL, NULL);
    MADE other = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_cert next = cert_of(&other);
    tc_tls_tickets_rotate(&tickets, random);
    struct tc_tls_conf conf = { .certs = &cert, .cert_cnt = 1, .tickets = &tickets };
    struct tc_tls_ctx *first = server_of(&conf);
    conf.certs = &next;
    struct tc_tls_ctx *second = server_of(&conf);
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (int i = 0; i < 2; i++) {
        cr_assert(is_resumed(first, first, &tickets, 0, versions[i]));
        cr_assert(is_resumed(first, second, &tickets, 0, versions[i]));
        cr_assert(is_resumed(first, second, &tickets, 1, versions[i]));
        cr_assert(!is_resumed(first, second, &tickets, 2, versions[i]));
    }
    tc_tls_ctx_unref(first);
    tc_tls_ctx_unref(second);
}
