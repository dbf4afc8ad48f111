// SPDX-License-Identifier: Apache-2.0
/* tools/bench/load: the load generator: subscribers that measure the server they listen to.
 *
 *   coordinator --fork--> worker 0 .. P-1, each with its share of the connections
 *        |  one byte each way: "mark", "marked"         |
 *        +------- shared memory: a slot per worker -----+
 *
 * A worker is one thread with edge-triggered epoll. It parses every frame and checks each update's
 * place in the chain of its (connection, room). A window begins and ends at a quiet moment: right
 * after a burst, when all connections of a room have seen the same last position in every worker
 * and nothing moves; so the server's CPU and the deliveries belong together, and counts prove that
 * each delivery arrived. A saturated server has no such moments: there a window is a span of time.
 *
 * This header is what the files of the folder share; users see conf.h, dialect.h and bench.h.
 * Spans in ns unless named otherwise. */
#ifndef TC_TOOLS_BENCH_LOAD_H
#define TC_TOOLS_BENCH_LOAD_H

#include <openssl/ssl.h>

#include "core/obs/hist.h"
#include "tools/bench/conf.h"
#include "tools/bench/text.h"

enum {
    TC_LOAD_READ_BYTES = 256 * 1024,
    TC_LOAD_CARRY_BYTES = 128 * 1024, /* an unfinished frame; pages are touched only when used */
    TC_LOAD_ERROR_BYTES = 512,
    TC_LOAD_TIMED_EVERY = 16, /* every so many connections take latency */
};

/* What a worker has counted so far. */
struct tc_load_counts {
    uint64_t deliveries, reads, bytes;
    uint64_t expected;   /* deliveries that there must be: new positions times members of a room */
    uint64_t broken;     /* places where a chain does not hold */
    uint64_t unexpected; /* messages that have no business here */
    uint64_t notices;    /* of updates that were left out */
    uint64_t skipped;    /* and how many they were, as far as the notices say */
    uint64_t churned;    /* commands of the connections that come and go */
    uint64_t late;       /* t_ns lies in the future: not this machine's clock */
    int64_t own_ns;      /* CPU of the worker */
};

/* A worker's half of the shared memory. Written by the worker; the coordinator reads it between
 * "marked" and the next command (ready_cnt: any time, for the progress line). */
struct tc_load_slot {
    _Atomic uint32_t ready_cnt;
    struct tc_load_counts counts; /* at the mark */
    struct tc_hist latency;
    int exit_code;
    char error[TC_LOAD_ERROR_BYTES]; /* of a worker that gave up */
    int64_t room_max[];              /* by room: newest position at the mark, -1: none */
};

/* Bytes from the coordinator and back. */
enum {
    TC_LOAD_CMD_QUIET = 'q', /* mark at the next quiet moment: 'm', or 'n': there was none */
    TC_LOAD_CMD_NOW = 'w',   /* mark at once: 'm' */
    TC_LOAD_CMD_STILL = 's', /* has nothing moved since the mark? 'y', 'n' */
    TC_LOAD_READY = 'r',
    TC_LOAD_MARKED = 'm',
    TC_LOAD_YES = 'y',
    TC_LOAD_NO = 'n',
};

enum tc_load_state { TC_LOAD_UPGRADING = 1, TC_LOAD_OPEN };

struct tc_load_block {
    struct tc_load_block *next; /* of those that are free */
    char bytes[TC_LOAD_CARRY_BYTES];
};

struct tc_load_conn {
    SSL *ssl;                    /* NULL: plain */
    struct tc_load_block *carry; /* NULL: no unfinished frame */
    uint32_t carry_len;
    int fd;
    uint32_t first_room;
    uint16_t asked_cnt, confirmed_cnt;
    uint8_t state;
    bool is_ready;    /* its subscriptions are confirmed */
    bool is_timed;    /* takes latency */
    bool is_measured; /* neither slow nor one that comes and goes */
    bool is_churn;
    bool is_again;   /* in the list of those that may have more to read */
    bool is_pending; /* churn: a command is not answered */
    bool is_in;      /* churn: the newest command was to subscribe */
};

struct tc_load_room {
    int64_t max;         /* newest position that any connection here has seen, -1: none */
    uint32_t at_max_cnt; /* connections that have seen it */
    uint32_t member_cnt;
};

struct tc_load {
    const struct tc_load_conf *conf;
    const struct tc_load_dialect *dialect;
    struct tc_load_slot *slot;
    int control_fd, epoll_fd;
    uint32_t proc_idx;
    uint32_t conn_first, conn_cnt; /* of all connections: the share that is measured or slow */
    uint32_t churn_cnt;            /* behind them in conns */
    uint32_t follow_cnt;           /* rooms of a connection; places in last */
    uint32_t started_cnt, open_cnt, ready_cnt;
    SSL_CTX *tls; /* NULL: plain */
    struct tc_load_conn *conns;
    char *states;  /* of the dialect, dialect->state_bytes each */
    int64_t *last; /* [conn][sub]: last position, -1: none yet */
    struct tc_load_room *rooms;
    char *buffer;               /* carry and one read */
    char *out;                  /* a message to be sent */
    struct tc_load_block *free; /* blocks to carry in */
    uint32_t *again; /* connections that may have more to read; is_again says who is in it */
    uint32_t again_cnt;
    uint64_t behind_cnt; /* (connection, room) that have an update but not the newest */
    int64_t now_ns;      /* of the read under way, 0: no latency is taken */
    int64_t churn_start_ns;
    uint32_t churn_next;
    struct tc_load_places places;
    struct tc_load_counts counts;
};

static inline int64_t tc_load_clock(clockid_t clock)
{
    struct timespec ts = { 0, 0 };
    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* The server that this worker connects to. */
static inline const struct tc_load_target *tc_load_target(const struct tc_load *load)
{
    return &load->conf->targets[load->proc_idx % load->conf->target_cnt];
}

static inline uint32_t tc_load_idx(const struct tc_load *load, const struct tc_load_conn *c)
{
    return (uint32_t)(c - load->conns);
}

static inline uint32_t tc_load_room(const struct tc_load *load, const struct tc_load_conn *c,
                                    uint32_t sub)
{
    return (uint32_t)((c->first_room + sub) % load->conf->room_cnt);
}

/* ---- account.c ---- */

/* Takes memory for the connections and rooms of this worker, which it keeps to its end, and puts
 * each in its place. */
void tc_load_account_init(struct tc_load *load);

/* ---- ws.c ---- */

/* Sends the request to upgrade. */
void tc_load_ws_hello(struct tc_load *load, struct tc_load_conn *c);

/* Bytes of a connection with WebSocket; returns those that are done with. */
size_t tc_load_ws_on_bytes(struct tc_load *load, struct tc_load_conn *c, const char *bytes,
                           size_t len);

/* ---- conn.c ---- */

/* Starts the connection of that place in conns. */
void tc_load_conn_start(struct tc_load *load, uint32_t idx);

/* Takes what there is, as far as one turn goes. True: there may be more, and no edge will tell. */
bool tc_load_conn_read(struct tc_load *load, struct tc_load_conn *c);

/* Stops reading. */
void tc_load_conn_stall(struct tc_load *load, struct tc_load_conn *c);

/* ---- worker.c ---- */

/* A process of its own; returns its exit code. */
int tc_load_worker(struct tc_load *load);

#endif
