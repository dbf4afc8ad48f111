// SPDX-License-Identifier: Apache-2.0
/* tools/bench/conf: what one run of the load generator is to do, from the command line. */
#ifndef TC_TOOLS_BENCH_CONF_H
#define TC_TOOLS_BENCH_CONF_H

#include <netinet/in.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "tools/bench/dialect.h"

enum {
    TC_LOAD_PROCS_MAX = 64,
    TC_LOAD_PIDS_MAX = 64,
    TC_LOAD_TARGETS_MAX = 16,
    TC_LOAD_CONNS_MAX = 1000000,
    TC_LOAD_ROOMS_MAX = 100000,
    TC_LOAD_FOLLOW_MAX = 1024, /* the engine's limit of a connection */
    TC_LOAD_STREAMS_MAX = 100,
    TC_LOAD_CHURN_MAX = 100000,
    TC_LOAD_SPAN_MS_MAX = 3600 * 1000,
    TC_LOAD_HOST_MAX = 255,
};

/* Stable; the program's own (tools/tickcast/cmd.h). */
enum tc_load_exit {
    TC_LOAD_OK = 0,
    TC_LOAD_USAGE = 2,
    TC_LOAD_START = 3,  /* descriptors, a server of our own */
    TC_LOAD_REMOTE = 4, /* the server refused, ended or lost something; no figure */
    TC_LOAD_INTERNAL = 5,
};

struct tc_load_target {
    char host[TC_LOAD_HOST_MAX + 8]; /* HOST:PORT */
    struct sockaddr_storage to;
    socklen_t to_len;
};

struct tc_load_conf {
    const char *program;                           /* "loadgen", for messages */
    const struct tc_load_dialect *const *dialects; /* ended by NULL */
    const struct tc_load_dialect *dialect;
    const char *connect; /* HOST:PORT, several with commas; NULL: a server of our own is measured */
    struct tc_load_target targets[TC_LOAD_TARGETS_MAX]; /* process i has number i % target_cnt */
    uint32_t target_cnt;
    const char *path;
    const char *room_prefix;
    char *const *room_names; /* given one by one; NULL: room_prefix and a number */
    uint64_t conn_cnt, room_cnt, follow_cnt, proc_cnt, slow_cnt, churn_per_s, streams;
    uint64_t warm_ms, window_ms, window_cnt;
    pid_t pids[TC_LOAD_PIDS_MAX];
    uint32_t pid_cnt;
    bool is_tls, is_idle, is_held, is_spread, is_saturated, is_json, is_help;
    bool has_streams;              /* --streams was given */
    uint64_t rate, burst, payload; /* of a server of our own */
    bool has_feed;                 /* one of them was given */
};

/* Fills *conf from the words behind the command's name. program and dialects are set; all else is
 * overwritten. can_serve: without --connect a server of our own is measured. conf points into argv.
 * -TC_EINVAL with *err filled: the command line is wrong. No look-up of names: see
 * tc_load_resolve. */
int tc_load_args(struct tc_load_conf *conf, int argc, char **argv, bool can_serve,
                 struct tc_err *err) TC_MUST_CHECK;

/* Sets targets from connect. -TC_EINVAL, -TC_EIO with *err filled. */
int tc_load_resolve(struct tc_load_conf *conf, struct tc_err *err) TC_MUST_CHECK;

/* Connections that subscribe and unsubscribe: what the rate needs if each may send so many commands
 * a second (half of what the engine's limits allow). */
enum { TC_LOAD_CHURN_CONN_PER_S = 50 };
static inline uint64_t tc_load_churn_conns(const struct tc_load_conf *conf)
{
    return (conf->churn_per_s + TC_LOAD_CHURN_CONN_PER_S - 1) / TC_LOAD_CHURN_CONN_PER_S;
}

/* Share idx of cnt things given out to `of` takers: first..first+result-1, spread evenly. */
static inline uint32_t tc_load_share(uint64_t cnt, uint64_t idx, uint64_t of, uint32_t *first)
{
    *first = (uint32_t)(cnt * idx / of);
    return (uint32_t)(cnt * (idx + 1) / of) - *first;
}

#endif
