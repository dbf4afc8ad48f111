// SPDX-License-Identifier: Apache-2.0
/* io/engine/certs: the tls section at work: its files read and made a context, read again on
 * demand, and the keys of session tickets. Blocks: control paths only. Supervisor's thread. */
#ifndef TC_IO_ENGINE_CERTS_H
#define TC_IO_ENGINE_CERTS_H

#include "core/conf/conf.h"
#include "core/obs/log.h"
#include "proto/tls/tls.h"

enum { TC_CERTS_FILE_MAX = 1 << 20 }; /* bytes of one file */

/* Zeroed: no TLS. */
struct tc_certs {
    const struct tc_conf_tls *conf;
    struct tc_tls_ctx *ctx; /* for new connections; NULL: no TLS */
    struct tc_tls_tickets tickets;
    int64_t rotate_at_ns; /* monotonic: when the next key of tickets is due */
};

/* Reads the files; conf outlives certs. -TC_EINVAL with *err: a file cannot be read, or what it
 * holds is wrong. */
int tc_certs_open(struct tc_certs *certs, const struct tc_conf_tls *conf,
                  struct tc_err *err) TC_MUST_CHECK;
void tc_certs_close(struct tc_certs *certs);

/* Reads them again and logs what came of it. true: certs->ctx is a new context. false: there is no
 * TLS, or a file is wrong; nothing has changed. */
bool tc_certs_reload(struct tc_certs *certs, struct tc_log_ring *log);

/* Makes a new key of tickets if it is time. */
void tc_certs_tick(struct tc_certs *certs);

#endif
