// SPDX-License-Identifier: Apache-2.0
/* Goal: bytes both ways, plain and with TLS, and whom TLS trusts. */
#include "tools/tickcast/link.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "tests/unit/proto/tls/fixture.h"
#include "tests/unit/tools/tickcast/server.h"

static struct made own; /* of the server */
static char ca_name[] = "/tmp/tickcast-test-XXXXXX";
static struct tc_err err;

static void write_ca(const struct made *made)
{
    int fd = mkstemp(ca_name);
    cr_assert(fd >= 0 && write(fd, made->chain.ptr, made->chain.len) == (ssize_t)made->chain.len);
    close(fd);
}

static void teardown(void)
{
    unlink(ca_name);
    unmake(&own);
}

TestSuite(link, .fini = teardown);

static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                  const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char offered[] = "\2h2";
    (void)ssl;
    (void)arg;
    return SSL_select_next_proto((unsigned char **)out, out_len, offered, 3, in, in_len) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

enum { BYTES = 200000 }; /* more than sockets hold at once */

/* Gives back what comes. */
static bool script_tls_echo(int fd)
{
    static uint8_t bytes[BYTES];
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(ctx, own.x509);
    SSL_CTX_use_PrivateKey(ctx, own.pkey);
    SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    bool is_good = SSL_accept(ssl) == 1;
    for (int len = 0, n = 0; is_good && len < BYTES; len += n) {
        n = SSL_read(ssl, bytes + len, BYTES - len);
        is_good = n > 0;
    }
    if (is_good)
        is_good = SSL_write(ssl, bytes, BYTES) == BYTES && SSL_shutdown(ssl) >= 0;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return is_good;
}

static bool script_plain_echo(int fd)
{
    static uint8_t bytes[BYTES];
    return recv(fd, bytes, BYTES, MSG_WAITALL) == BYTES && send(fd, bytes, BYTES, 0) == BYTES;
}

static int open_link(struct tc_link **link, struct server *server, const char *alpn)
{
    return tc_link_open(link, &server->to, alpn, tc_link_now_ms() + 5000, &err);
}

static void check_echo(struct tc_link *link)
{
    static uint8_t sent[BYTES];
    static uint8_t back[BYTES];
    int64_t until_ms = tc_link_now_ms() + 10000;
    size_t len = 0;
    ssize_t n = 0;
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (uint8_t)(i * 7 + i / 256);
    cr_assert_eq(tc_link_send_all(link, sent, BYTES, until_ms, &err), TC_OK, "%s", err.text);
    while (len < BYTES) {
        n = tc_link_recv(link, back + len, BYTES - len);
        cr_assert_geq(n, 0);
        len += (size_t)n;
        if (n == 0)
            cr_assert_eq(tc_link_wait_in(link, until_ms), 1);
    }
    cr_assert_eq(memcmp(sent, back, BYTES), 0);
    while ((n = tc_link_recv(link, back, BYTES)) == 0)
        cr_assert_eq(tc_link_wait_in(link, until_ms), 1);
    cr_assert_eq(n, -TC_ECLOSED);
    tc_link_close(link);
}

Test(link, plain)
{
    /* Goal: bytes both ways without TLS, and the end. */
    struct server server = serve(script_plain_echo);
    struct tc_link *link = NULL;
    cr_assert_eq(open_link(&link, &server, "h2"), TC_OK, "%s", err.text);
    check_echo(link);
    expect_good_end(&server);
}

Test(link, tls)
{
    /* Goal: the same with TLS, for a name and for an address of the certificate. */
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    own = make("ca", "DNS:localhost,IP:127.0.0.1", NULL);
    write_ca(&own);
    for (size_t i = 0; i < TC_ARRAY_CNT(hosts); i++) {
        struct server server = serve(script_tls_echo);
        struct tc_link *link = NULL;
        server.to.url.is_tls = true;
        server.to.ca_file = ca_name;
        snprintf(server.to.url.host, sizeof(server.to.url.host), "%s", hosts[i]);
        cr_assert_eq(open_link(&link, &server, "h2"), TC_OK, "%s: %s", hosts[i], err.text);
        check_echo(link);
        expect_good_end(&server);
    }
}

/* Opens with TLS and must fail with that code and a text with that part. */
static void refuse(const char *ca, const char *alpn, int code, const char *part)
{
    struct server server = serve(script_tls_echo);
    struct tc_link *link = NULL;
    int status = 0;
    server.to.url.is_tls = true;
    server.to.ca_file = ca;
    cr_assert_eq(open_link(&link, &server, alpn), code, "%s", err.text);
    cr_assert(strstr(err.text, part), "%s, wanted %s", err.text, part);
    cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
}

Test(link, certificates)
{
    /* Goal: an authority that is not trusted, another host, no file: refused. */
    own = make("ca", "DNS:elsewhere.test", NULL);
    write_ca(&own);
    refuse(NULL, "h2", -TC_EINVAL, "--ca FILE");
    refuse(ca_name, "h2", -TC_EINVAL, "IP address mismatch");
    refuse("/nonexistent/ca.pem", "h2", -TC_EINVAL, "/nonexistent/ca.pem");
}

Test(link, another_protocol)
{
    /* Goal: a server that does not agree on the protocol is refused, not spoken to. */
    own = make("ca", "IP:127.0.0.1", NULL);
    write_ca(&own);
    refuse(ca_name, "http/1.1", -TC_EINVAL, "does not speak http/1.1");
}

Test(link, waits_end)
{
    /* Goal: a handshake without an answer, and a wait without input, end with their time. */
    struct server server = serve(read_to_end);
    struct tc_link *link = NULL;
    own = make("ca", NULL, NULL);
    server.to.url.is_tls = true;
    cr_assert_eq(tc_link_open(&link, &server.to, "h2", tc_link_now_ms() + 100, &err), -TC_EIO);
    cr_assert(strstr(err.text, "no answer"), "%s", err.text);
    expect_good_end(&server);
    server = serve(read_to_end);
    cr_assert_eq(open_link(&link, &server, "h2"), TC_OK, "%s", err.text);
    cr_assert_eq(tc_link_wait_in(link, tc_link_now_ms() + 50), 0);
    cr_assert_eq(tc_link_wait_out(link, tc_link_now_ms() + 50), 1);
    tc_link_close(link);
    expect_good_end(&server);
}
