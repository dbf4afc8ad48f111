// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/mem/mem.h"

struct tc_link {
    int fd;
    const volatile sig_atomic_t *stop;
    SSL_CTX *ctx; /* NULL: plain */
    SSL *ssl;
    short in_events; /* what a wait for input waits for: TLS may have to write first */
    short out_events;
};

int64_t tc_link_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is_stopped(const struct tc_link *link)
{
    return link->stop && *link->stop;
}

static int wait_for(const struct tc_link *link, short events, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = TC_MAX(until_ms - tc_link_now_ms(), 0);
        struct pollfd p = { .fd = link->fd, .events = events };
        if (is_stopped(link))
            return -TC_EAGAIN;
        int n = poll(&p, 1, (int)TC_MIN(left_ms, (int64_t)500));
        if (n > 0)
            return 1;
        if (n < 0 && errno != EINTR)
            return -TC_EIO;
        if (left_ms == 0)
            return 0;
    }
}

/* ---- connect ---- */

static int try_address(struct tc_link *link, const struct addrinfo *ai, int64_t until_ms)
{
    int error = 0;
    socklen_t len = sizeof(error);
    link->fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return errno;
    if (connect(link->fd, ai->ai_addr, ai->ai_addrlen) != 0)
        error = errno;
    if (error == EINPROGRESS) {
        int rc = wait_for(link, POLLOUT, until_ms);
        error = rc == 0 ? ETIMEDOUT : rc < 0 ? EINTR : 0;
        if (error == 0 && getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
            error = errno;
    }
    if (error == 0) {
        int one = 1;
        (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return 0;
    }
    close(link->fd);
    link->fd = -1;
    return error;
}

static int connect_to(struct tc_link *link, const struct tc_url *url, int64_t until_ms,
                      struct tc_err *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int error = EHOSTUNREACH;
    int rc = getaddrinfo(url->host, url->port, &hints, &list);
    if (rc != 0)
        return tc_err_set(err, -TC_EIO, "%s: %s", url->host, gai_strerror(rc));
    for (const struct addrinfo *ai = list; ai && link->fd < 0; ai = ai->ai_next)
        error = try_address(link, ai, until_ms);
    freeaddrinfo(list);
    if (is_stopped(link))
        return -TC_EAGAIN;
    if (link->fd < 0)
        return tc_err_set(err, -TC_EIO, "cannot reach %s port %s: %s", url->host, url->port,
                          strerror(error));
    return TC_OK;
}

/* ---- TLS ---- */

/* Why the last call failed. */
static int refuse(struct tc_link *link, const char *what, struct tc_err *err)
{
    long verdict = link->ssl ? SSL_get_verify_result(link->ssl) : X509_V_OK;
    unsigned long code = ERR_peek_last_error();
    const char *why = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                      : code               ? ERR_reason_error_string(code)
                                           : NULL;
    ERR_clear_error();
    return tc_err_set(err, verdict != X509_V_OK ? -TC_EINVAL : -TC_EIO, "%s: %s%s", what,
                      why ? why : "the connection broke",
                      verdict != X509_V_OK ? " (--ca FILE names an authority of your own)" : "");
}

static int set_up_tls(struct tc_link *link, const struct tc_link_to *to, const char *alpn,
                      struct tc_err *err)
{
    uint8_t protocols[32];
    size_t len = strlen(alpn);
    TC_ASSERT(len < sizeof(protocols));
    protocols[0] = (uint8_t)len;
    memcpy(protocols + 1, alpn, len);
    link->ctx = SSL_CTX_new(TLS_client_method());
    if (!link->ctx)
        return refuse(link, "TLS", err);
    SSL_CTX_set_min_proto_version(link->ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(link->ctx, SSL_VERIFY_PEER, NULL);
    if (to->ca_file ? SSL_CTX_load_verify_file(link->ctx, to->ca_file) != 1
                    : SSL_CTX_set_default_verify_paths(link->ctx) != 1) {
        (void)refuse(link, to->ca_file ? to->ca_file : "the system's certificates", err);
        return -TC_EINVAL; /* no other try mends that */
    }
    link->ssl = SSL_new(link->ctx);
    if (!link->ssl || SSL_set_fd(link->ssl, link->fd) != 1 ||
        SSL_set_alpn_protos(link->ssl, protocols, (unsigned)len + 1) != 0)
        return refuse(link, "TLS", err);
    SSL_set_mode(link->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* an address is looked for among the certificate's addresses; names of hosts are told first */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(link->ssl), to->url.host) != 1 &&
        (SSL_set1_host(link->ssl, to->url.host) != 1 ||
         SSL_set_tlsext_host_name(link->ssl, to->url.host) != 1))
        return refuse(link, "TLS", err);
    ERR_clear_error();
    return TC_OK;
}

/* What TLS waits for before the call that returned rc can go on; 0: it has failed. */
static short events_of(const struct tc_link *link, int rc)
{
    switch (SSL_get_error(link->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return POLLIN;
    case SSL_ERROR_WANT_WRITE:
        return POLLOUT;
    default:
        return 0;
    }
}

static int shake_hands(struct tc_link *link, const char *alpn, int64_t until_ms, struct tc_err *err)
{
    const unsigned char *chosen = NULL;
    unsigned chosen_len = 0;
    int rc;
    while ((rc = SSL_connect(link->ssl)) != 1) {
        short events = events_of(link, rc);
        if (events == 0)
            return refuse(link, "TLS", err);
        rc = wait_for(link, events, until_ms);
        if (rc <= 0)
            return rc == 0 ? tc_err_set(err, -TC_EIO, "no answer to the TLS handshake") : rc;
    }
    SSL_get0_alpn_selected(link->ssl, &chosen, &chosen_len);
    if (!tc_str_eq((struct tc_str){ (const char *)chosen, chosen_len }, tc_str_from(alpn)))
        return tc_err_set(err, -TC_EINVAL, "the server does not speak %s over TLS", alpn);
    return TC_OK;
}

int tc_link_open(struct tc_link **out, const struct tc_link_to *to, const char *alpn,
                 int64_t until_ms, struct tc_err *err)
{
    struct tc_link *link = tc_alloc(sizeof(*link));
    *link =
        (struct tc_link){ .fd = -1, .stop = to->stop, .in_events = POLLIN, .out_events = POLLOUT };
    int rc = connect_to(link, &to->url, until_ms, err);
    if (rc == TC_OK && to->url.is_tls)
        rc = set_up_tls(link, to, alpn, err);
    if (rc == TC_OK && to->url.is_tls)
        rc = shake_hands(link, alpn, until_ms, err);
    if (rc == TC_OK)
        *out = link;
    else
        tc_link_close(link);
    return rc;
}

/* ---- bytes ---- */

static bool is_again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* The result of SSL_read or SSL_write; *events: what to wait for. */
static ssize_t settle(struct tc_link *link, int rc, short *events)
{
    if (rc > 0)
        return rc;
    short wanted = events_of(link, rc);
    bool is_end = SSL_get_error(link->ssl, rc) == SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    if (wanted == 0)
        return is_end ? -TC_ECLOSED : -TC_EIO;
    *events = wanted;
    return 0;
}

ssize_t tc_link_recv(struct tc_link *link, void *to, size_t len)
{
    if (link->ssl) {
        link->in_events = POLLIN;
        return settle(link, SSL_read(link->ssl, to, (int)TC_MIN(len, (size_t)INT32_MAX)),
                      &link->in_events);
    }
    ssize_t n = recv(link->fd, to, len, 0);
    if (n == 0)
        return -TC_ECLOSED;
    return n > 0 ? n : is_again() ? 0 : -TC_EIO;
}

ssize_t tc_link_send(struct tc_link *link, const void *bytes, size_t len)
{
    if (link->ssl) {
        link->out_events = POLLOUT;
        ssize_t n = settle(link, SSL_write(link->ssl, bytes, (int)TC_MIN(len, (size_t)INT32_MAX)),
                           &link->out_events);
        return n == -TC_ECLOSED ? -TC_EIO : n;
    }
    ssize_t n = send(link->fd, bytes, len, MSG_NOSIGNAL);
    return n > 0 ? n : is_again() ? 0 : -TC_EIO;
}

int tc_link_wait_in(struct tc_link *link, int64_t until_ms)
{
    if (link->ssl && SSL_pending(link->ssl) > 0)
        return 1;
    return wait_for(link, link->in_events, until_ms);
}

int tc_link_wait_out(struct tc_link *link, int64_t until_ms)
{
    return wait_for(link, link->out_events, until_ms);
}

int tc_link_send_all(struct tc_link *link, const void *bytes, size_t len, int64_t until_ms,
                     struct tc_err *err)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = tc_link_send(link, at, len);
        if (n < 0)
            return tc_err_set(err, -TC_EIO, "the connection broke");
        at += n;
        len -= (size_t)n;
        if (n > 0)
            continue;
        int rc = tc_link_wait_out(link, until_ms);
        if (rc <= 0)
            return rc == -TC_EAGAIN ? rc : tc_err_set(err, -TC_EIO, "sending: no progress");
    }
    return TC_OK;
}

void tc_link_close(struct tc_link *link)
{
    if (!link)
        return;
    if (link->ssl && SSL_is_init_finished(link->ssl))
        (void)SSL_shutdown(link->ssl); /* one try: a server that does not read must not hold us */
    SSL_free(link->ssl);
    SSL_CTX_free(link->ctx);
    ERR_clear_error();
    if (link->fd >= 0)
        close(link->fd);
    tc_free(link);
}
