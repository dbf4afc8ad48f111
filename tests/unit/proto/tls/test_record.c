// SPDX-License-Identifier: Apache-2.0
/* Goal: records that are written past SSL_write are what an OpenSSL client takes, under every
 * suite, over changes of keys from both sides and to the last alert; and no number is used twice.
 */
#include "proto/tls/record.h"
#include "tests/unit/proto/tls/fixture.h"

enum { RECORD = 5 + 1 + 16 }; /* head, type, tag */

struct session {
    struct made own;
    struct tc_tls_tickets tickets;
    struct tc_tls_ctx *ctx;
    SSL_CTX *client;
    struct pair p;
};

static void session_open(struct session *s, const char *suite, int version)
{
    static const uint8_t random[TC_TLS_TICKET_KEY_BYTES] = { 7 };
    memset(s, 0, sizeof(*s));
    s->own = make("a.example", "DNS:a.example", NULL);
    struct tc_tls_cert cert = cert_of(&s->own);
    tc_tls_tickets_rotate(&s->tickets, random);
    s->ctx =
        server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1, .tickets = &s->tickets });
    s->client = client_of(version);
    if (suite)
        cr_assert_eq(SSL_CTX_set_ciphersuites(s->client, suite), 1);
    pair_open(&s->p, s->ctx, s->client, NULL, NULL);
    cr_assert(shake(&s->p));
}

static void session_close(struct session *s)
{
    pair_close(&s->p);
    SSL_CTX_free(s->client);
    tc_tls_ctx_unref(s->ctx);
    unmake(&s->own);
    SSL_SESSION_free(kept);
    kept = NULL;
}

/* The server writes text, the client reads it. */
static void say(struct session *s, const char *text)
{
    char back[4096];
    cr_assert_eq(tc_tls_write(&s->p.io, s->p.server, text, strlen(text)), TC_OK);
    out_to_client(&s->p);
    int n = SSL_read(s->p.client, back, sizeof(back));
    cr_assert_eq(n, (int)strlen(text), "%d, %s", n, ERR_reason_error_string(ERR_peek_last_error()));
    cr_assert(memcmp(back, text, strlen(text)) == 0);
}

/* What the client has written reaches the server. */
static int hear(struct session *s)
{
    got_len = 0;
    s->p.rc = 0;
    client_to(&s->p, take_data);
    return s->p.rc;
}

static bool is_taken(const struct session *s)
{
    return tc_tls_record_is_taken(&s->p.server->record);
}

/* However much is said, it is OpenSSL that writes it. */
static void stay_untaken(struct session *s)
{
    for (int i = 0; i < 10; i++)
        say(s, "text");
    cr_assert(!is_taken(s));
}

static void take_over(struct session *s)
{
    for (int i = 0; i < 4; i++)
        say(s, "the first");
    cr_assert(is_taken(s));
}

Test(tls_record, every_suite)
{
    /* Goal: it is taken over with the fourth record, and what is written then is as long as it must
     * be. */
    static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                          "TLS_CHACHA20_POLY1305_SHA256" };
    for (size_t i = 0; i < TC_ARRAY_CNT(suites); i++) {
        struct session s;
        session_open(&s, suites[i], TLS1_3_VERSION);
        for (int k = 0; k < 4; k++) {
            cr_assert(!is_taken(&s));
            say(&s, "the first");
        }
        cr_assert(is_taken(&s), "%s", suites[i]);
        for (int k = 0; k < 1000; k++) /* the number has more than one byte */
            say(&s, "and more");
        exchange(&s.p);
        cr_assert_eq(tc_tls_write(&s.p.io, s.p.server, "abc", 3), TC_OK);
        cr_assert_eq(s.p.io.out_len, 3 + RECORD);
        session_close(&s);
    }
}

Test(tls_record, more_than_one_record_in_a_write)
{
    /* Goal: a long text is as many records as it needs. */
    static char big[3 * TC_TLS_RECORD_MAX + 5];
    static char back[sizeof(big)];
    struct session s;
    size_t len = 0;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s);
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7);
    cr_assert_eq(tc_tls_write(&s.p.io, s.p.server, big, sizeof(big)), TC_OK);
    cr_assert_eq(s.p.io.out_len, sizeof(big) + 4 * RECORD);
    out_to_client(&s.p);
    for (int n; (n = SSL_read(s.p.client, back + len, (int)(sizeof(back) - len))) > 0;)
        len += (size_t)n;
    cr_assert(len == sizeof(big) && memcmp(big, back, len) == 0);
    session_close(&s);
}

Test(tls_record, tls12_is_not_taken)
{
    /* Goal: TLS 1.2 has other records: OpenSSL's, for good. */
    struct session s;
    session_open(&s, NULL, TLS1_2_VERSION);
    stay_untaken(&s);
    session_close(&s);
}

Test(tls_record, wrong_secret_is_not_taken)
{
    /* Goal: with a secret that is not the connection's, no record can be made again: OpenSSL goes
     * on. */
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    s.p.server->record.secret[0] ^= 1;
    stay_untaken(&s);
    cr_assert_eq(s.p.server->record.secret_len, 0, "and it is not tried for ever");
    session_close(&s);
}

Test(tls_record, long_writes)
{
    /* Goal: it is taken over by the last record of a write that is many, or just one, or that ends
     * with a full one. */
    static const size_t lens[] = { 3 * TC_TLS_RECORD_MAX + 100, TC_TLS_RECORD_MAX,
                                   2 * TC_TLS_RECORD_MAX };
    static char big[3 * TC_TLS_RECORD_MAX + 100];
    static char back[sizeof(big)];
    for (size_t i = 0; i < TC_ARRAY_CNT(lens); i++) {
        struct session s;
        session_open(&s, NULL, TLS1_3_VERSION);
        for (int k = 0; k < 6; k++) {
            size_t len = 0;
            cr_assert_eq(is_taken(&s), k >= 4);
            cr_assert_eq(tc_tls_write(&s.p.io, s.p.server, big, lens[i]), TC_OK);
            out_to_client(&s.p);
            for (int n; (n = SSL_read(s.p.client, back, sizeof(back))) > 0;)
                len += (size_t)n;
            cr_assert_eq(len, lens[i]);
        }
        session_close(&s);
    }
}

Test(tls_record, peer_asks_for_another_key)
{
    /* Goal: the peer asks for another key (once, and several times before it is answered): the
     * answer goes before the next record, RFC 8446 section 4.6.3. */
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k <= i; k++) {
            cr_assert_eq(SSL_key_update(s.p.client, SSL_KEY_UPDATE_REQUESTED), 1);
            cr_assert_eq(SSL_write(s.p.client, "ask", 3), 3);
        }
        cr_assert_eq(hear(&s), 0);
        cr_assert_eq(got_len, 3U * (size_t)(i + 1));
        cr_assert_eq(s.p.io.out_len, 0, "not before there is something to send");
        cr_assert(s.p.server->record.must_update);
        say(&s, "by the next key");
        cr_assert_eq(s.p.server->record.seq, 1);
        say(&s, "and again");
    }
    session_close(&s);
}

Test(tls_record, peer_changes_its_own_key)
{
    /* Goal: a change that the peer does not want answered changes nothing of ours. */
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s);
    cr_assert_eq(SSL_key_update(s.p.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    cr_assert_eq(SSL_write(s.p.client, "next", 4), 4);
    cr_assert_eq(hear(&s), 0);
    cr_assert(got_len == 4 && !s.p.server->record.must_update);
    say(&s, "by the same key");
    session_close(&s);
}

Test(tls_record, peer_asks_before_the_first_record)
{
    /* Goal: asked before anything was written: OpenSSL answers, and writes from then on. */
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    cr_assert_eq(SSL_key_update(s.p.client, SSL_KEY_UPDATE_REQUESTED), 1);
    cr_assert_eq(SSL_write(s.p.client, "ask", 3), 3);
    cr_assert_eq(hear(&s), 0);
    stay_untaken(&s);
    session_close(&s);
}

Test(tls_record, key_wears_out)
{
    /* Goal: a key is changed before it has made too many records. */
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s);
    cr_assert_eq(s.p.server->record.key_records, TC_TLS_KEY_RECORDS_MAX);
    s.p.server->record.key_records = 10;
    for (int i = 0; i < 100; i++) {
        say(&s, "text");
        cr_assert_leq(s.p.server->record.seq, 10);
    }
    session_close(&s);
}

Test(tls_record, goodbye)
{
    /* Goal: the end is said by a record of ours, and OpenSSL's own is not sent. */
    char back[16];
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s);
    say(&s, "the second");
    tc_tls_goodbye(&s.p.io, s.p.server);
    cr_assert_eq(s.p.io.out_len, 2 + RECORD);
    out_to_client(&s.p);
    cr_assert_leq(SSL_read(s.p.client, back, sizeof(back)), 0);
    cr_assert_eq(SSL_get_error(s.p.client, 0), SSL_ERROR_ZERO_RETURN);
    session_close(&s);
}

Test(tls_record, alert_for_a_broken_record)
{
    /* Goal: what is broken is answered by an alert that the client can read. */
    uint8_t broken[64] = { TC_TLS_APPLICATION_DATA, 3, 3, 0, sizeof(broken) - 5 };
    char back[16];
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s);
    s.p.io.in = broken;
    s.p.io.in_len = sizeof(broken);
    cr_assert_eq(tc_tls_read(&s.p.io, s.p.server, (uint8_t *)back, sizeof(back)), -TC_EINVAL);
    cr_assert_eq(s.p.io.out_len, 2 + RECORD);
    out_to_client(&s.p);
    ERR_clear_error();
    cr_assert_leq(SSL_read(s.p.client, back, sizeof(back)), 0);
    cr_assert_eq(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    session_close(&s);
}

Test(tls_record, resumed)
{
    /* Goal: a session that is resumed by a ticket is taken over as well, and the client's own end
     * is heard. */
    struct session s;
    session_open(&s, NULL, TLS1_3_VERSION);
    take_over(&s); /* the client reads its tickets with it */
    cr_assert(kept != NULL);
    SSL_SESSION *session = kept;
    kept = NULL;
    SSL_shutdown(s.p.client); /* or it would not keep the session */
    pair_close(&s.p);
    pair_open(&s.p, s.ctx, s.client, NULL, session);
    cr_assert(shake(&s.p) && SSL_session_reused(s.p.server->ssl));
    take_over(&s);
    say(&s, "and more");
    cr_assert_eq(SSL_shutdown(s.p.client), 0);
    cr_assert_eq(hear(&s), -TC_ECLOSED);
    SSL_SESSION_free(session);
    session_close(&s);
}
