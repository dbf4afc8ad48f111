// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen: what its two files share: loadgen.c (connections, windows) and loadgen_parse.c
 * (bytes of one connection). One thread. Spans in ns unless named otherwise. */
#ifndef TC_BENCH_LOADGEN_H
#define TC_BENCH_LOADGEN_H

#include <netinet/in.h>
#include <sys/types.h>
#include <time.h>

#include "core/base/base.h"
#include "tests/lib/hist.h"

enum { LOADGEN_READ_BYTES = 256 * 1024, LOADGEN_CARRY_BYTES = 4096 };
enum loadgen_state { LOADGEN_UPGRADING = 1, LOADGEN_OPEN };

struct loadgen_conn {
    int fd;
    enum loadgen_state state;
    uint32_t room;
    uint32_t carry_len;
    int64_t last_pos; /* -1: none yet */
    bool is_timed;
    bool is_ready;                   /* its subscription is confirmed */
    char carry[LOADGEN_CARRY_BYTES]; /* an unfinished frame; pages are touched when used */
};

struct loadgen_mark {
    int64_t wall_ns, own_ns, server_ns;
    uint64_t deliveries, reads, bytes;
    uint64_t expected; /* sum over connections of the positions of their rooms */
};

struct loadgen {
    const char *host;
    const char *room_prefix;
    struct sockaddr_in to;
    uint32_t conn_cnt, rooms, windows, warm_ms, window_ms;
    pid_t pid;
    clockid_t server_clock;
    bool is_idle, is_spread, is_confirmed;
    int epoll_fd;
    struct loadgen_conn *conns;
    char *buffer;
    uint32_t open_cnt, ready_cnt;
    uint64_t delivery_cnt, read_cnt, byte_cnt;
    uint64_t broken_cnt;   /* places where a chain does not hold */
    uint64_t bad_cnt;      /* frames and messages that have no business here */
    int64_t *room_max;     /* newest position seen by any connection of the room */
    uint32_t *room_at_max; /* connections that have seen it */
    uint32_t *room_conns;
    struct tc_hist latency;
};

/* Ends the program with the text and errno's. */
void loadgen_fail(const char *what) __attribute__((noreturn));

/* The answer to the upgrade; sends the subscription. Bytes used, 0 if it is not whole. */
size_t loadgen_on_head(struct loadgen *g, struct loadgen_conn *c, char *bytes, size_t len,
                       const char *accept_key);

/* Whole frames in bytes; returns the bytes used. now_ns 0: no latency is taken. */
size_t loadgen_on_frames(struct loadgen *g, struct loadgen_conn *c, char *bytes, size_t len,
                         int64_t now_ns);

static inline void tc_hist_clear(struct tc_hist *h)
{
    memset(h, 0, sizeof(*h));
}

#endif
