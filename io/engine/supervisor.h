// SPDX-License-Identifier: Apache-2.0
/* io/engine/supervisor: the engine as a whole: wiring, threads, start and stop.
 *
 * Start: cores, descriptors, ports; memory is taken holder by holder, each worker's on its own
 * thread, then sealed; sources are opened; the gate is opened and workers listen. Stop: workers
 * drain, then admin, ingest and the log writer end. One engine per process; one thread (the main
 * one) uses it. */
#ifndef TC_IO_ENGINE_SUPERVISOR_H
#define TC_IO_ENGINE_SUPERVISOR_H

#include "core/conf/conf.h"
#include "core/room/rule.h"
#include "io/engine/plan.h"
#include "io/os/addr.h"
#include "io/session/session.h"

struct tc_engine_conf {
    struct tc_conf *conf; /* limits.connections may be lowered, see start */
    const struct tc_rules *rules;
    tc_page_fn page;
    const struct tc_grpc_server *grpc; /* NULL: no services */
    struct tc_types *types;            /* of rules; NULL if none declares a type */
    const char *version;
    int log_fd; /* JSON lines go there */
};

struct tc_engine;

/* Blocks the signals that tc_engine_wait takes; before any thread starts. */
void tc_engine_signals_block(void);

/* Everything up to the open gate; on error nothing is left running. -TC_EINVAL: the configuration
 * is wrong (an address, a property of Kafka); anything else: this machine cannot (ports, cores,
 * memory, descriptors). If the machine's limit of descriptors leaves no reserve beside
 * limits.connections, that is lowered and logged. */
int tc_engine_start(struct tc_engine **out, const struct tc_engine_conf *conf,
                    struct tc_err *err) TC_MUST_CHECK;

/* Takes the memory that a start would take, prints one line per holder and what a connection costs,
 * and gives it back. No configured port is bound, no source opened. */
int tc_engine_print_memory(const struct tc_engine_conf *conf, FILE *out,
                           struct tc_err *err) TC_MUST_CHECK;

/* Where it listens (with the port that was chosen for port 0); tls: zero if it does not. */
const struct tc_addr *tc_engine_addr(const struct tc_engine *engine);
const struct tc_addr *tc_engine_tls_addr(const struct tc_engine *engine);
const struct tc_addr *tc_engine_admin_addr(const struct tc_engine *engine);

/* Every source warmed up, or known to be away. */
bool tc_engine_is_ready(const struct tc_engine *engine);

/* Serves until SIGTERM or SIGINT, which is returned, or for at most span_ms (< 0: no bound; then 0
 * is returned). Tells the service manager. on_tick (may be NULL) is called about every 100 ms. */
int tc_engine_wait(struct tc_engine *engine, int64_t span_ms, void (*on_tick)(void *ctx),
                   void *ctx);

/* Drains within the window, ends all threads, frees. */
void tc_engine_stop(struct tc_engine *engine);

#endif
