// SPDX-License-Identifier: Apache-2.0
/* tests/tools/fleet: thousands of subscribers in one process, each of which checks what it is sent.
 *
 *   ws-fleet.c    WebSocket, the JSON dialect   ──┐
 *                                                 ├── fleet.c: who follows what, when; proofs,
 * journal grpc_fleet.c  gRPC over HTTP/2, protobuf    ──┘
 *
 * Connection i follows the rooms room_first + (i * per_conn + k) mod room_cnt. It can stop reading,
 * be cut and resume (here or on a second engine); over WebSocket also read one byte at a time, or
 * join and leave at random times. The arguments are in fleet_args.c, the journal's format in
 * tests/lib/journal.h. One thread. */
#ifndef TC_TESTS_TOOLS_FLEET_H
#define TC_TESTS_TOOLS_FLEET_H

#include "tests/lib/hist.h"
#include "tests/lib/proof.h"

#include <netinet/in.h>

struct tc_fleet_args {
    struct sockaddr_in to[2]; /* [1]: where every other reconnect goes */
    bool has_alt;
    uint32_t conns;
    const char *rooms; /* a name with %d */
    uint32_t room_cnt, room_first, per_conn;
    bool snapshot;
    uint32_t stall_cnt, stall_after_ms, stall_ms; /* the last connections; 0 ms: to the end */
    uint32_t stall_cycles;                        /* how often; they read for stall_ms in between */
    uint32_t one_byte_cnt;                        /* the connections before those; WebSocket only */
    uint32_t streams;                             /* gRPC: calls that share one HTTP/2 connection */
    bool is_bidi;                                 /* gRPC: Stream, not Subscribe */
    uint32_t cuts, cut_min_ms, cut_max_ms;        /* per connection */
    uint32_t alt_stay_ms;                         /* later by this much at to[1] */
    uint32_t joins, stay_max_ms;                  /* over all connections; WebSocket only */
    uint32_t reconnect_ms; /* come back after an end by the server; 0: never */
    uint32_t duration_ms, idle_exit_ms;
    uint32_t connect_rate;
    uint32_t rcvbuf_bytes;
    const char *ready_file;
    const char *journal_file;
    const char *time_key; /* number in the payload: intended wall time */
    uint32_t time_ns;     /* ns per unit of it */
    uint64_t records_max;
};

struct tc_fleet_conn {
    uint32_t cuts_left;
    int64_t due_ns;    /* next cut, join or leave, or reconnect; 0 none */
    uint32_t open_cnt; /* connections made so far */
    uint32_t confirmed;
    bool is_leaving;
    bool is_measured; /* reads normally: latency counts */
    uint64_t updates;
};

enum { TC_FLEET_WINDOWS = 64 };

/* Between two changes of what the stalling connections do. */
struct tc_fleet_window {
    bool is_stalled;
    uint64_t cnt;
    int64_t p99_ns;
};

struct tc_fleet;

/* A dialect's half. Where it cannot do something, the pointer is NULL and the argument refused. */
struct tc_fleet_ops {
    /* Begins to connect; tells by tc_fleet_on_open or tc_fleet_on_end. */
    void (*connect)(struct tc_fleet *f, uint32_t idx, const struct sockaddr_in *to);
    /* Asks for chains first to first + cnt, each as its is_resume says. false: not sent. */
    bool (*subscribe)(struct tc_fleet *f, uint32_t idx, uint32_t first, uint32_t cnt);
    bool (*leave)(struct tc_fleet *f, uint32_t idx, uint32_t k);
    /* Ends the connection, or the call, without a word; not told. */
    void (*cut)(struct tc_fleet *f, uint32_t idx);
    bool (*is_free)(const struct tc_fleet *f, uint32_t idx);
    void (*stall)(struct tc_fleet *f, uint32_t idx, bool is_stalled);
    void (*take_byte)(struct tc_fleet *f, uint32_t idx);
    /* Waits for at most a millisecond and handles what there is; sets now_ns and traffic. */
    void (*poll)(struct tc_fleet *f);
};

struct tc_fleet_traffic {
    uint64_t reads, bytes, frames, pings;
};

struct tc_fleet {
    struct tc_fleet_args args;
    const struct tc_fleet_ops *ops;
    int64_t now_ns; /* monotonic, of the last poll */
    uint64_t random;
    struct tc_fleet_traffic traffic;
    struct tc_fleet_conn *conns;
    struct tc_proof *chains; /* per_conn for each connection */
    struct tc_journal journal;
    struct tc_proof_sums sums;
    struct tc_hist latency; /* ns */
    struct tc_hist window;  /* ns; since the last change */
    struct tc_fleet_window windows[TC_FLEET_WINDOWS];
    uint32_t window_cnt, stalls; /* stalls: times begun */
    uint32_t started, confirmed_once, lost;
    uint64_t cut_cnt, join_cnt, leave_cnt, reconnects, refused;
    uint64_t violations, faults, bad_payloads, errors, draining;
    uint64_t ends, closes[5000]; /* closes by code, of WebSocket or gRPC; 0: none */
    int64_t start_ns, last_update_ns, ready_ns;
    int64_t last_turn_ns, due_ns; /* last and next change of what the stalling ones do */
    bool is_stalled, is_ready;
};

static inline struct tc_proof *tc_fleet_chain(struct tc_fleet *f, uint32_t idx, uint32_t k)
{
    return &f->chains[(size_t)idx * f->args.per_conn + k];
}

/* Parses the command line, runs to the end, prints; returns the program's exit code. init makes the
 * dialect's loop, of args.conns connections. */
int tc_fleet_main(struct tc_fleet *f, const struct tc_fleet_ops *ops,
                  void (*init)(struct tc_fleet *f), int argc, char **argv);

/* ---- what the dialect's half tells ---- */

/* The connection takes commands. */
void tc_fleet_on_open(struct tc_fleet *f, uint32_t idx);

/* A message; NULL: none of the protocol. text: its bytes, for reports. */
void tc_fleet_on_message(struct tc_fleet *f, uint32_t idx, const struct tc_scan *s,
                         const char *text, size_t len);

/* why, is_fault: as tests/lib/wsc. code: that of the end, 0 none. */
void tc_fleet_on_end(struct tc_fleet *f, uint32_t idx, const char *why, bool is_fault,
                     uint32_t code, bool is_refused);

/* ---- parts ---- */

/* Fills args from the command line, or ends the program with a text. */
void tc_fleet_parse(struct tc_fleet_args *args, const struct tc_fleet_ops *ops, int argc,
                    char **argv);

/* What was seen, as one JSON object on stdout. */
void tc_fleet_print(const struct tc_fleet *f);

#endif
