// SPDX-License-Identifier: Apache-2.0
/* tests/lib/grpc_host: an engine of one worker that serves gRPC services of a test program.
 *
 * It listens on 127.0.0.1, with TLS on a port of its own if it gets a certificate; its source is
 * silent and the admin port is any free one. One per process (io/engine/supervisor). Methods run on
 * the worker's thread, everything here on the main thread. */
#ifndef TC_TESTS_LIB_GRPC_HOST_H
#define TC_TESTS_LIB_GRPC_HOST_H

#include "io/engine/supervisor.h"

struct tc_grpc_host_conf {
    const struct tc_grpc_server *server; /* outlives the host */
    uint16_t port;                       /* without TLS; 0: the kernel chooses */
    uint16_t tls_port;                   /* the same with it */
    struct tc_str cert;                  /* PEM; empty: no TLS */
    struct tc_str key;                   /* PEM */
    int log_fd;                          /* JSON lines go there; -1: nowhere */
};

struct tc_grpc_host {
    struct tc_engine *engine;
    struct tc_conf conf;
    struct tc_rules rules;
    int null_fd;       /* -1: the log goes somewhere */
    uint16_t port;     /* without TLS */
    uint16_t tls_port; /* 0: no TLS */
};

/* Serves from here on; blocks the signals of tc_grpc_host_wait. The certificate goes through a
 * private folder that is gone on return. On error nothing is left: -TC_EIO, or a code of
 * tc_engine_start, with *err. */
int tc_grpc_host_start(struct tc_grpc_host *host, const struct tc_grpc_host_conf *conf,
                       struct tc_err *err) TC_MUST_CHECK;

/* Until SIGTERM or SIGINT. */
void tc_grpc_host_wait(struct tc_grpc_host *host);

void tc_grpc_host_stop(struct tc_grpc_host *host);

#endif
