// SPDX-License-Identifier: Apache-2.0
/* Goal: one connection: bytes in, bytes out, its end, its memory. */
#include "core/mem/budget.h"
#include "tests/unit/proto/tls/fixture.h"

static void check_both_ways(int version, size_t step)
{
    MADE own = make("a.test", "DNS:a.test", NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_ctx *ctx = server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1 });
    SSL_CTX *client = client_of(version);
    struct pair p;
    pair_open(&p, ctx, client, "a.test", NULL);
    p.step = step;
    cr_assert(shake(&p));
    p.rc = 0;
    exchange(&p);
    tc_tls_goodbye(&p.io, p.server);
    out_to_client(&p);
    char byte;
    cr_assert(SSL_read(p.client, &byte, 1) <= 0 &&
              SSL_get_error(p.client, 0) == SSL_ERROR_ZERO_RETURN);
    pair_close(&p);
    SSL_CTX_free(client);
    tc_tls_ctx_unref(ctx);
}

Test(tls, both_ways_tls13)
{
    /* Goal: text goes both ways, records are as long as they may be, the end is told. */
    check_both_ways(TLS1_3_VERSION, SIZE_MAX);
}

Test(tls, both_ways_tls12)
{
    /* Goal: the same with the older version. */
    check_both_ways(TLS1_2_VERSION, SIZE_MAX);
}

Test(tls, a_byte_at_a_time)
{
    /* Goal: how input is cut makes no difference. */
    check_both_ways(TLS1_3_VERSION, 1);
    check_both_ways(TLS1_2_VERSION, 1);
}

Test(tls, garbage_is_answered_with_an_alert)
{
    /* Goal: what is not TLS is an error at once. */
    static uint8_t garbage[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    MADE own = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_ctx *ctx = server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1 });
    struct tc_tls_io io;
    cr_assert(tc_tls_io_init(&io, out_room, sizeof(out_room)) == TC_OK);
    struct tc_tls_conn *conn = tc_tls_open(ctx, &io);
    io.in = garbage;
    io.in_len = sizeof(garbage) - 1;
    cr_assert(tc_tls_handshake(&io, conn) == -TC_EINVAL);
    tc_tls_close(conn);
    tc_tls_io_fini(&io);
    tc_tls_ctx_unref(ctx);
}

static int hooked;

/* Before the test framework uses OpenSSL for itself. */
__attribute__((constructor)) static void hook(void)
{
    hooked = tc_tls_use_budget();
}

Test(tls, memory_is_bounded_and_given_back)
{
    /* Goal: a spent budget refuses; nothing is left in it afterwards. */
    cr_assert_eq(hooked, TC_OK);
    MADE own = make("a.test", NULL, NULL);
    struct tc_tls_cert cert = cert_of(&own);
    struct tc_tls_ctx *ctx = server_of(&(struct tc_tls_conf){ .certs = &cert, .cert_cnt = 1 });
    struct tc_tls_io io;
    cr_assert(tc_tls_io_init(&io, out_room, sizeof(out_room)) == TC_OK);
    struct tc_tls_conn *many[64] = { NULL };
    uint32_t cnt = 0;
    tc_budget_use(3, 60000);
    while (cnt < 64 && (many[cnt] = tc_tls_open(ctx, &io)) != NULL)
        cnt++;
    cr_assert(cnt > 0 && cnt < 64, "%u", cnt);
    cr_assert(tc_budget_used_bytes(3) > 0 && tc_budget_used_bytes(3) <= 60000);
    for (uint32_t i = 0; i < cnt; i++)
        tc_tls_close(many[i]);
    ERR_clear_error();
    OPENSSL_thread_stop(); /* its own state of this thread */
    cr_assert(tc_budget_used_bytes(3) == 0, "%lu", tc_budget_used_bytes(3));
    tc_budget_use(TC_NONE, 0);
    tc_tls_io_fini(&io);
    tc_tls_ctx_unref(ctx);
}
