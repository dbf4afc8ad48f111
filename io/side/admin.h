// SPDX-License-Identifier: Apache-2.0
/* io/side/admin: the second port: a small HTTP/1.1 server for operators, on a thread of its own.
 *
 * GET only; what a path answers is the callback's matter (/metrics, /healthz, /readyz). Bounded: at
 * most conn_max connections (more wait in the kernel's backlog), TC_ADMIN_TIMEOUT_MS for a request
 * to arrive and for an answer to be taken, one answer of at most body_max bytes per connection,
 * from memory taken at init. Errors are application/problem+json (RFC 9457): 400 for what is not
 * HTTP/1.1 (RFC 9112 section 2.2; the connection is closed), 404, 405 with Allow, 431 for a long
 * head, 500 when an answer does not fit.
 *
 * Not for: the public port. Threads: init, start, stop by the supervisor; get() runs on the admin
 * thread. */
#ifndef TC_IO_SIDE_ADMIN_H
#define TC_IO_SIDE_ADMIN_H

#include <stdatomic.h>

#include "core/mem/mem.h"
#include "core/obs/log.h"
#include "io/os/addr.h"
#include "io/os/thread.h"

enum {
    TC_ADMIN_CONNS_MAX = 32,
    TC_ADMIN_TIMEOUT_MS = 10000,
    TC_ADMIN_BODY_BYTES = 1 << 20, /* the usual body_max */
};

/* The answer being made. */
struct tc_admin_out {
    const char *type; /* Content-Type, static; text/plain; charset=utf-8 unless set */
    char *bytes;
    size_t len;
    size_t max;
    bool is_cut; /* something did not fit: 500 is sent instead */
};

/* Appends; ctx is a struct tc_admin_out (it fits tc_metric_write). */
void tc_admin_write(void *ctx, const char *bytes, size_t len);
void tc_admin_printf(struct tc_admin_out *out, const char *fmt, ...) TC_PRINTF(2, 3);

struct tc_admin_conf {
    struct tc_addr listen;
    uint32_t conn_max; /* 1 … TC_ADMIN_CONNS_MAX */
    uint32_t body_max; /* bytes */
    /* Answers GET path (without its query, percent signs as they came). Returns an HTTP status; 404
     * with nothing written gets a problem document. Must not block. */
    int (*get)(void *ctx, struct tc_str path, struct tc_admin_out *out);
    void *ctx;
    struct tc_log_ring *log; /* may be NULL */
    struct tc_mem *mem;
};

struct tc_admin;

/* Binds and listens. NULL and *err (port in use, no memory) otherwise. */
struct tc_admin *tc_admin_init(const struct tc_admin_conf *conf, struct tc_err *err) TC_MUST_CHECK;

/* Address with the port that was bound (for port 0). */
const struct tc_addr *tc_admin_addr(const struct tc_admin *admin);

/* -TC_EIO. */
int tc_admin_start(struct tc_admin *admin, struct tc_err *err) TC_MUST_CHECK;

/* Ends the thread, closes everything. Also without start. Memory stays with conf.mem. */
void tc_admin_stop(struct tc_admin *admin);

#endif
