// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/link: the connection of a command line tool: TCP, with TLS if the address says so.
 *
 * Sockets do not block; waits are poll() with time-outs. The certificate of the other side must be
 * valid for the address's host, by the system's store or by a file. A signal handler may set *stop;
 * every wait then ends with -TC_EAGAIN. SIGPIPE is the caller's to ignore: OpenSSL writes without
 * MSG_NOSIGNAL. Not for the engine (proto/tls, io/net). One thread. */
#ifndef TC_TOOLS_TICKCAST_LINK_H
#define TC_TOOLS_TICKCAST_LINK_H

#include <signal.h>

#include "tools/tickcast/url.h"

/* Whom to reach, and how. */
struct tc_link_to {
    struct tc_url url;
    const char *ca_file;               /* PEM; NULL: the system's store */
    const volatile sig_atomic_t *stop; /* may be NULL */
};

enum { TC_LINK_CONNECT_MS = 10000 }; /* look-up apart: connect and handshakes */

struct tc_link;

/* CLOCK_MONOTONIC. */
int64_t tc_link_now_ms(void);

/* Connects until until_ms. alpn: the one protocol that TLS must agree on ("h2"). -TC_EIO: no
 * connection, no TLS; -TC_EINVAL: the certificate or the file of authorities is no good, another
 * protocol; -TC_EAGAIN: *stop; *err says which. */
int tc_link_open(struct tc_link **out, const struct tc_link_to *to, const char *alpn,
                 int64_t until_ms, struct tc_err *err) TC_MUST_CHECK;

/* > 0: bytes; 0: none now; -TC_ECLOSED: the other side has ended; -TC_EIO. */
ssize_t tc_link_recv(struct tc_link *link, void *to, size_t len) TC_MUST_CHECK;

/* > 0: bytes taken; 0: no room now, and the same bytes must be offered again; -TC_EIO. len > 0. */
ssize_t tc_link_send(struct tc_link *link, const void *bytes, size_t len) TC_MUST_CHECK;

/* Until the link may give or take bytes. > 0: it may; 0: time is up; -TC_EAGAIN: stopped;
 * -TC_EIO. */
int tc_link_wait_in(struct tc_link *link, int64_t until_ms) TC_MUST_CHECK;
int tc_link_wait_out(struct tc_link *link, int64_t until_ms) TC_MUST_CHECK;

/* Sends all of it, with waits. TC_OK; -TC_EIO with *err filled; -TC_EAGAIN. */
int tc_link_send_all(struct tc_link *link, const void *bytes, size_t len, int64_t until_ms,
                     struct tc_err *err) TC_MUST_CHECK;

/* link may be NULL. */
void tc_link_close(struct tc_link *link);

#endif
