// SPDX-License-Identifier: Apache-2.0
/* tests/tools/fleet: what the parts of ws-fleet share. One thread; see ws-fleet.c for its use. */
#ifndef TC_TESTS_TOOLS_FLEET_H
#define TC_TESTS_TOOLS_FLEET_H

#include "tests/lib/hist.h"
#include "tests/lib/proof.h"
#include "tests/lib/wsc.h"

struct tc_fleet_args {
    struct sockaddr_in to[2]; /* [1]: where every other reconnect goes */
    bool has_alt;
    uint32_t conns;
    const char *rooms; /* a name with %d */
    uint32_t room_cnt, room_first, per_conn;
    bool snapshot;
    uint32_t stall_cnt, stall_after_ms, stall_ms; /* the last connections; 0 ms: to the end */
    uint32_t stall_cycles;                        /* how often; they read for stall_ms in between */
    uint32_t one_byte_cnt;                        /* the connections before those */
    uint32_t cuts, cut_min_ms, cut_max_ms;        /* per connection */
    uint32_t alt_stay_ms;                         /* later by this much at to[1] */
    uint32_t joins, stay_max_ms;                  /* over all connections */
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

struct tc_fleet {
    struct tc_fleet_args args;
    struct tc_wsc_loop loop;
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
    uint64_t ends, closes[5000]; /* closes by code */
    int64_t start_ns, last_update_ns, ready_ns;
    int64_t last_turn_ns, due_ns; /* last and next change of what the stalling ones do */
    bool is_stalled, is_ready;
};

/* Fills args from the command line, or ends the program with a text. */
void tc_fleet_parse(struct tc_fleet_args *args, int argc, char **argv);

/* What was seen, as one JSON object on stdout. */
void tc_fleet_print(const struct tc_fleet *f);

#endif
