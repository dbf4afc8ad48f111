// SPDX-License-Identifier: Apache-2.0
/* bench/null_worker: a whole worker with its ingest agent, between a source that brings records
 * when it is told to and a reactor whose sockets take every byte and drop it.
 *
 *   null_worker_round ──> source ──> ingest ──> bus ──> fan-out ──> net ──> (nothing)
 *
 * All that the engine does for a delivery is done, all that the kernel does is not: what is left is
 * our own share. Clients are real to the sessions: they come by handshake, and subscribe by
 * command; what the engine answers is not read. Time is a counter. One at a time, one thread. */
#ifndef TC_BENCH_NULL_WORKER_H
#define TC_BENCH_NULL_WORKER_H

#include "io/engine/worker.h"

enum null_dialect { NULL_WS, NULL_GRPC };

enum {
    NULL_PAYLOAD_BYTES = 150,
    NULL_ROOMS_MAX = 10000,
    NULL_FOLLOW_MAX = 64,
    NULL_CONNS_MAX = 10000,
    NULL_INPUT_BYTES = 8192,
};

struct null_conf {
    enum null_dialect dialect;
    uint32_t conn_cnt;
    uint32_t room_cnt;   /* ticker-S0 and so on; each has a record before the first client comes */
    uint32_t follow_cnt; /* rooms of a connection, consecutive: client i begins at i * follow_cnt */
};

struct null_worker;

/* Ends the program if something is not as it should be, as all functions here. */
struct null_worker *null_worker_open(const struct null_conf *conf);
void null_worker_close(struct null_worker *nw);

/* burst records, of one room after the other, and turns until there is nothing left to do. */
void null_worker_round(struct null_worker *nw, uint32_t burst);

/* A client's bytes, and turns as above. idx: the number of the client. */
void null_worker_say(struct null_worker *nw, uint32_t idx, const void *bytes, size_t len);

/* Writes the text as a masked frame to out, which has NULL_INPUT_BYTES; returns its bytes. */
size_t null_worker_frame(uint8_t *out, const char *text, size_t len);

/* Updates that were handed to sockets. */
uint64_t null_worker_deliveries(const struct null_worker *nw);

/* The fan-out itself, and the client's number there. */
struct tc_fan *null_worker_fan(struct null_worker *nw);
uint32_t null_worker_slot(const struct null_worker *nw, uint32_t idx);
int64_t null_worker_now_ns(const struct null_worker *nw);

#endif
