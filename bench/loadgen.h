// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen: what its files share: loadgen.c (connections, windows), loadgen_parse.c and
 * loadgen_grpc.c (bytes of one connection, in each dialect). One thread. Spans in ns unless named
 * otherwise. */
#ifndef TC_BENCH_LOADGEN_H
#define TC_BENCH_LOADGEN_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/types.h>
#include <time.h>

#include "core/base/base.h"
#include "tests/lib/hist.h"

enum {
    LOADGEN_READ_BYTES = 256 * 1024,
    LOADGEN_CARRY_BYTES = 20 * 1024, /* a frame of HTTP/2, or of WebSocket */
    LOADGEN_PART_BYTES = 4096,       /* a message of gRPC */
};
enum loadgen_state { LOADGEN_UPGRADING = 1, LOADGEN_OPEN };

struct loadgen_conn {
    int fd;
    SSL *ssl; /* NULL: plain */
    enum loadgen_state state;
    uint32_t room;
    uint32_t carry_len;
    int64_t last_pos; /* -1: none yet */
    bool is_timed;
    bool is_ready; /* its subscriptions are confirmed */
    uint32_t confirmed_cnt, part_len;
    char part[LOADGEN_PART_BYTES];   /* a message in several frames */
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
    bool is_idle, is_spread, is_confirmed, is_grpc;
    uint32_t streams; /* calls of a connection */
    SSL_CTX *tls;     /* NULL: plain */
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

/* The same for HTTP/2 and gRPC. loadgen_grpc_hello is what a client begins with. */
void loadgen_grpc_hello(struct loadgen_conn *c);
size_t loadgen_grpc_on_frames(struct loadgen *g, struct loadgen_conn *c, char *bytes, size_t len,
                              int64_t now_ns);

/* One update of any dialect; prev -1: null. now_ns above 0: payload holds "t_ns". */
void loadgen_on_update(struct loadgen *g, struct loadgen_conn *c, int64_t pos, int64_t prev,
                       const char *payload, size_t len, int64_t now_ns);

/* All of it, or the end of the program. */
void loadgen_write(struct loadgen_conn *c, const void *bytes, size_t len);

static inline void tc_hist_clear(struct tc_hist *h)
{
    memset(h, 0, sizeof(*h));
}

#endif
