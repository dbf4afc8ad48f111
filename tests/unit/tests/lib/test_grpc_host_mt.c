// SPDX-License-Identifier: Apache-2.0
/* Goal: a host serves calls over real sockets, with TLS and without, and leaves nothing behind. */
#include "tests/lib/grpc_host.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/os/os.h"
#include "tests/unit/proto/tls/fixture.h"

enum { BYTES_MAX = 64 * 1024 };

/* ---- a service: answers with the same and "!" ---- */

static _Atomic int end_cnt;

static void on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    char text[64];
    int text_len = snprintf(text, sizeof(text), "%.*s!", (int)len, (const char *)bytes);
    tc_grpc_send(call, text, (uint32_t)text_len, false);
}

static void on_half_close(struct tc_grpc_call *call)
{
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static void on_end(struct tc_grpc_call *call)
{
    (void)call;
    end_cnt++;
}

static struct tc_grpc_method methods[] = {
    { .path = "/test.Echo/Say",
      .shape = TC_GRPC_BIDI,
      .request = "test.Text",
      .response = "test.Text",
      .on_message = on_message,
      .on_half_close = on_half_close,
      .on_end = on_end },
};
static const struct tc_grpc_service echo = { .name = "test.Echo",
                                             .methods = methods,
                                             .method_cnt = 1 };
static const struct tc_grpc_service *const services[] = { &echo };
static const struct tc_grpc_server server = { .services = services, .service_cnt = 1 };

/* ---- a client of HTTP/2 ---- */

struct client {
    int fd;
    SSL *ssl; /* NULL: without TLS */
    uint8_t out[BYTES_MAX];
    size_t out_len;
    uint8_t in[BYTES_MAX];
    size_t in_len;
};

enum { FRAME_DATA, FRAME_HEADERS, FRAME_RESET = 3, FRAME_SETTINGS };
enum { END_STREAM = 1, END_HEADERS = 4 };

static void frame(struct client *c, uint8_t type, uint8_t flags, uint8_t stream, const void *bytes,
                  size_t len)
{
    const uint8_t head[] = { 0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0, 0, stream };
    cr_assert_lt(c->out_len + sizeof(head) + len, sizeof(c->out));
    memcpy(c->out + c->out_len, head, sizeof(head));
    if (len > 0)
        memcpy(c->out + c->out_len + sizeof(head), bytes, len);
    c->out_len += sizeof(head) + len;
}

/* The head of a call: fields as they are (RFC 7541 section 6.2.2). */
static void head(struct client *c, uint8_t stream)
{
    static const char *const texts[] = { ":method",      "POST",
                                         ":scheme",      "http",
                                         ":path",        "/test.Echo/Say",
                                         ":authority",   "host",
                                         "content-type", "application/grpc",
                                         "te",           "trailers" };
    uint8_t block[256];
    size_t len = 0;
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++) {
        size_t text_len = strlen(texts[i]);
        if (i % 2 == 0)
            block[len++] = 0;
        block[len++] = (uint8_t)text_len;
        memcpy(block + len, texts[i], text_len);
        len += text_len;
    }
    frame(c, FRAME_HEADERS, END_HEADERS, stream, block, len);
}

static void flush(struct client *c)
{
    ssize_t n = c->ssl ? SSL_write(c->ssl, c->out, (int)c->out_len)
                       : send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    cr_assert_eq(n, (ssize_t)c->out_len);
    c->out_len = 0;
}

static void dial(struct client *c, uint16_t port, bool is_tls)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    memset(c, 0, sizeof(*c));
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* no SO_RCVTIMEO: with it the engine's io_uring may interrupt a read, and it is not restarted
     */
    cr_assert_eq(connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    if (is_tls) {
        SSL_CTX *ctx = client_of(TLS1_3_VERSION);
        c->ssl = SSL_new(ctx);
        SSL_CTX_free(ctx);
        SSL_set_fd(c->ssl, c->fd);
        cr_assert_eq(SSL_set_alpn_protos(c->ssl, (const unsigned char *)"\2h2", 3), 0);
        cr_assert_eq(SSL_connect(c->ssl), 1);
    }
    memcpy(c->out, tc_h2_preface, TC_H2_PREFACE_LEN);
    c->out_len = TC_H2_PREFACE_LEN;
    frame(c, FRAME_SETTINGS, 0, 0, NULL, 0);
}

static void hang_up(struct client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

/* Reads until those bytes have come. */
static void expect(struct client *c, const void *bytes, size_t len)
{
    while (!memmem(c->in, c->in_len, bytes, len)) {
        size_t room = sizeof(c->in) - c->in_len;
        ssize_t n = c->ssl ? SSL_read(c->ssl, c->in + c->in_len, (int)room)
                           : recv(c->fd, c->in + c->in_len, room, 0);
        cr_assert_gt(n, 0, "the answer does not come");
        c->in_len += (size_t)n;
    }
}

static void call(struct client *c, uint8_t stream)
{
    const uint8_t answer[] = { 0, 0, 11, FRAME_DATA, 0,   0,   0,   0,   stream, 0,
                               0, 0, 0,  6,          'h', 'e', 'l', 'l', 'o',    '!' };
    head(c, stream);
    frame(c, FRAME_DATA, END_STREAM, stream, "\0\0\0\0\5hello", 10);
    flush(c);
    expect(c, answer, sizeof(answer));
    const uint8_t end[] = { FRAME_HEADERS, END_STREAM | END_HEADERS, 0, 0, 0, stream };
    expect(c, end, sizeof(end));
}

/* ---- the host ---- */

static struct tc_grpc_host host;
static struct tc_err err;
static char folder[] = "/tmp/test-grpc-host-XXXXXX";

static void setup(void)
{
    cr_assert(mkdtemp(folder));
    setenv("TMPDIR", folder, 1);
}

static void teardown(void)
{
    cr_expect_eq(rmdir(folder), 0, "%s is not empty", folder);
}

TestSuite(grpc_host, .init = setup, .fini = teardown);

static int entry_cnt(void)
{
    int cnt = 0;
    DIR *dir = opendir(folder);
    while (readdir(dir))
        cnt++;
    closedir(dir);
    return cnt - 2; /* itself and the one above */
}

Test(grpc_host, serves)
{
    /* Goal: with and without TLS, on the worker and on the side thread, a call gets its answer, on
     * ports that the host names; nothing of the certificate stays on disk and no descriptor open; a
     * signal ends the wait; the log goes where it is wanted. */
    static struct client client;
    char log[4096];
    MADE own = make("a.test", NULL, NULL);
    int log_fd = memfd_create("log", MFD_CLOEXEC);
    for (int i = 0; i < 4; i++) {
        bool with_tls = i % 2;
        methods[0].is_side = i / 2;
        struct tc_grpc_host_conf conf = { .server = &server, .log_fd = with_tls ? -1 : log_fd };
        if (with_tls) {
            conf.cert = own.chain;
            conf.key = own.key;
        }
        int before = tc_os_fd_cnt();
        cr_assert_eq(tc_grpc_host_start(&host, &conf, &err), TC_OK, "%s", err.text);
        cr_assert_eq(entry_cnt(), 0);
        cr_assert_neq(host.port, 0);
        cr_assert_eq(host.tls_port != 0, with_tls);
        dial(&client, with_tls ? host.tls_port : host.port, with_tls);
        call(&client, 1);
        call(&client, 3);
        hang_up(&client);
        kill(getpid(), SIGTERM);
        tc_grpc_host_wait(&host);
        tc_grpc_host_stop(&host);
        cr_assert_eq(tc_os_fd_cnt(), before);
    }
    ssize_t len = pread(log_fd, log, sizeof(log) - 1, 0);
    log[len > 0 ? len : 0] = '\0';
    cr_assert(strstr(log, "\"code\":\"started\"") && strstr(log, "\"code\":\"stopped\""), "%s",
              log);
    close(log_fd);
}

Test(grpc_host, calls_that_end_within_a_message)
{
    /* Goal: a call may be cancelled, or its body be over, in the middle of a message of which a
     * part is kept: it ends once and the connection serves on. */
    static struct client client;
    static const uint8_t part[5000] = { 0, 0, 0, 0x20, 0 };
    struct tc_grpc_host_conf conf = { .server = &server, .log_fd = -1 };
    for (int on_side = 0; on_side < 2; on_side++) {
        end_cnt = 0;
        methods[0].is_side = on_side;
        cr_assert_eq(tc_grpc_host_start(&host, &conf, &err), TC_OK, "%s", err.text);
        dial(&client, host.port, false);
        head(&client, 1);
        frame(&client, FRAME_DATA, 0, 1, part, sizeof(part));
        frame(&client, FRAME_RESET, 0, 1, "\0\0\0\10", 4);
        head(&client, 3);
        frame(&client, FRAME_DATA, END_STREAM, 3, part, sizeof(part));
        flush(&client);
        call(&client, 5);
        hang_up(&client);
        tc_grpc_host_stop(&host);
        cr_assert_eq(end_cnt, 3);
    }
}

Test(grpc_host, refused)
{
    /* Goal: a certificate that is none is refused with a text, and nothing is left. */
    struct tc_grpc_host_conf conf = {
        .server = &server, .cert = TC_STR("no certificate"), .key = TC_STR("no key"), .log_fd = -1
    };
    int before = tc_os_fd_cnt();
    cr_assert_eq(tc_grpc_host_start(&host, &conf, &err), -TC_EINVAL);
    cr_assert(strstr(err.text, "cert.pem"), "%s", err.text);
    cr_assert_eq(tc_os_fd_cnt(), before);
    cr_assert_eq(entry_cnt(), 0);
}
