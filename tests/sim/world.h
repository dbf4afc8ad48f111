// SPDX-License-Identifier: Apache-2.0
/* tests/sim/world: one seed of the simulation of a whole worker.
 *
 *   feed.c    what sources bring, and the list of events that each room must show (the model)
 *   view.c    what one client may be told of one room, held against that list
 *   client.c  clients: handshake, commands, frames, pace of reading
 *   check.c   what must hold for the whole worker
 *   worker.c  the seed: configuration, turns, time, the end; the program
 *
 * The model knows nothing of bus and fan-out: feed.c notes what ingest must make of each record at
 * the moment it hands it over. Events of a room are numbered; the record time of event i is
 * W_TS + i and its payload is made of room and i, so each update names the event that it is.
 *
 * A check that fails notes the first fault of the seed (w_fail); everybody returns as soon as he
 * sees it. All randomness comes from the seed. */
#ifndef TC_TESTS_SIM_WORLD_H
#define TC_TESTS_SIM_WORLD_H

#include <stdio.h>

#include "core/conf/conf.h"
#include "core/room/rule.h"
#include "io/engine/worker.h"
#include "io/reactor/sim.h"
#include "tests/lib/scan.h"

enum {
    W_FEEDS = 2,
    W_ROOMS = 8,
    W_LOGS = 12, /* of a feed */
    W_EVENTS = 8192,
    W_CLIENTS = 6,
    W_CROWD = 320, /* clients of a crowded seed: more than one flush serves */
    W_OPS = 64,    /* commands of one client and room under way */
    W_STEPS = 64,
    W_TS = 1000,
    W_NO_LOG = -1,
    W_UNKNOWN = -2, /* no log of that name */
    W_RX_BYTES = 64 * 1024,
    W_TX_BYTES = 16 * 1024,
    W_PAYLOAD_MIN = 40,
    W_FAULT_BYTES = 512,
    W_ALL = 1 << 30,     /* a pace */
    W_BELL_FD = 2000000, /* no descriptors of the machine */
    W_SOURCE_FD = 2000001,
};
#define W_MS 1000000ll

struct world;

/* ---- feed.c ---- */

struct w_event {
    uint8_t kind; /* enum tc_bus_kind */
    uint8_t aux;
    int log;
    int64_t pos;
    int64_t prev;
    uint32_t len; /* of its payload */
    uint32_t ord; /* data events up to here */
};

struct w_room {
    char name[32];
    uint32_t idx;
    uint32_t feed;
    struct w_event *events;
    uint32_t cnt;
    int log;               /* where it lives; W_NO_LOG: not born */
    int prev_log;          /* where it came from */
    uint32_t logs_entered; /* bits */
};

struct w_log {
    char name[64];
    uint32_t partition;
    int64_t start_pos;
    int64_t next_pos;
    int64_t stale_ms;
    bool is_replaced;
};

enum w_step_kind { W_RECORDS, W_LOST, W_RECREATED, W_STALE, W_AWAY, W_CAUGHT_UP };

struct w_step {
    enum w_step_kind kind;
    uint32_t cnt;
};

struct tc_source { /* kind scripted */
    struct world *w;
    uint32_t feed;
};

struct w_feed {
    struct tc_source source;
    struct tc_source_env env;
    struct tc_ingest ingest;
    struct tc_metric_ingest metric;
    struct w_log logs[W_LOGS];
    uint32_t log_cnt;
    struct w_step steps[W_STEPS];
    uint32_t step_cnt;
    bool is_started;
    bool is_cold; /* its logs' ends are not told at the start */
    bool is_away;
    bool has_fd;  /* it is rung; otherwise it is asked at a time */
    int hole_log; /* records without a room that are not declared yet; W_NO_LOG: none */
    int64_t hole_from;
    int64_t hole_to;
    uint8_t hole_reason;
};

/* ---- view.c ---- */

struct w_op { /* a command under way */
    uint32_t id;
    bool is_unsubscribe;
    bool is_snapshot;
    bool has_from;
    int from_log;
    int64_t from_pos;
    int64_t from_ts;
    int64_t next_pos; /* of that log as the node had read it when it was asked */
};

enum w_phase { W_OUT, W_RECOVERY, W_VALUE, W_LIVE };

/* A client's view of one room. */
struct w_view {
    enum w_phase phase;
    struct w_op op; /* that opened the subscription */
    bool may_chain; /* further confirmations may belong to the same answer */
    bool wants_snapshot;
    bool may_snapshot;
    bool is_told_stale;
    bool is_resumed; /* `last` came from a wish */
    bool is_excused; /* a gap without an end was told: it ends in another log */
    bool has_cannot; /* cannot-recover came, what it left is to come */
    int64_t cannot_to;
    uint32_t promised; /* events before it were called recovered */
    uint32_t base;     /* events before the confirmed place: index behind it */
    uint32_t at;       /* index of the next event */
    int64_t last;      /* position */
    int log;
    int64_t skip_to; /* of a conflated notice that waits for its update */
    uint32_t skip_cnt;
    uint32_t missed_cnt; /* events of an older log that were left out, and told */
    /* of a former subscription or connection, to resume from; W_NO_LOG: none */
    int kept_log;
    int64_t kept_pos;
    int64_t kept_ts; /* -1: not known */
    struct w_op ops[W_OPS];
    uint32_t op_cnt;
};

/* ---- client.c ---- */

enum w_client_state { W_NONE, W_UPGRADING, W_OPEN, W_LEAVING };

struct w_client {
    uint32_t idx;
    enum w_client_state state;
    uint32_t peer;
    uint32_t pace;      /* bytes that it reads at a time, 0: none for a while */
    bool is_rude;       /* has sent what deserves an error or an end */
    bool is_no_ws;      /* asks for something else than /ws */
    bool is_told_drain; /* "draining" came */
    uint16_t close_code;
    uint32_t next_id;
    uint32_t rx_len;
    uint8_t rx[W_RX_BYTES];
    struct w_view views[W_ROOMS];
};

/* ---- the whole ---- */

struct w_sums { /* over all seeds: what the seeds have seen */
    uint64_t turns, updates, snapshots, recovered, cannot, conflated, gaps, hidden, moved, states,
        connects, upgrades, laps, drains, sleeps, unread, spills, errors, shared;
};

struct world {
    uint64_t seed;
    uint64_t rng;
    bool is_verbose;
    bool is_failed;
    char fault[W_FAULT_BYTES];

    struct tc_mem mem;
    struct tc_conf conf;
    struct tc_rules rules;
    struct tc_worker worker;
    struct tc_metric_worker metric;
    struct tc_fan_feed fan_feeds[W_FEEDS];
    struct tc_ingest *fused[W_FEEDS];
    _Atomic uint64_t sleeping;
    struct tc_sim_net net;
    int64_t now_ns;
    int64_t wall_ns;
    bool is_fused;
    bool is_conflating; /* its limits are low */
    bool is_surplus;    /* fewer connections are allowed than there are clients */
    bool is_tiny_spill;
    bool is_crowd;
    bool is_settling;      /* no more faults: all read, nothing new is published */
    int64_t settle_end_ns; /* by then all must be done; INT64_MAX: no such time */
    bool is_draining;

    struct w_feed feeds[W_FEEDS];
    uint32_t feed_cnt;
    struct w_room rooms[W_ROOMS];
    uint32_t room_cnt;
    struct w_client *clients;
    uint32_t client_cnt;
    struct w_sums sums;
};

uint32_t w_rnd(struct world *w, uint32_t below);

static inline bool w_one_in(struct world *w, uint32_t n)
{
    return w_rnd(w, n) == 0;
}

void w_fail(struct world *w, const char *fmt, ...) TC_PRINTF(2, 3);
void w_note(const struct world *w, const char *fmt, ...) TC_PRINTF(2, 3);

/* Returns from the (void) function if the seed has failed, or fails now. */
#define W_CHECK(w, cond, ...)                                                                      \
    do {                                                                                           \
        if (TC_UNLIKELY(!(cond)))                                                                  \
            w_fail(w, __VA_ARGS__);                                                                \
        if (TC_UNLIKELY((w)->is_failed))                                                           \
            return;                                                                                \
    } while (0)

static inline bool w_is_data(const struct w_event *e)
{
    return e->kind == TC_BUS_UPDATE || e->kind == TC_BUS_TOMBSTONE;
}

/* Data events before index i. */
static inline uint32_t w_ord(const struct w_room *r, uint32_t i)
{
    return i ? r->events[i - 1].ord : 0;
}

/* Whether the ring of the room's feed has lost anything. */
static inline bool w_is_lapped(const struct world *w, const struct w_room *r)
{
    return atomic_load(&w->feeds[r->feed].ingest.bus.mark) > 1;
}

/* feed.c */

extern const struct tc_source_ops w_source_ops;

void w_feed_init(struct world *w, uint32_t feed);
/* Something happens at a source; it is rung if it has a descriptor. */
void w_feed_poke(struct world *w, uint32_t feed);
/* What ends all faults of the source: its steps are done, it is there, fresh and read to its ends.
 */
void w_feed_settle(struct world *w, uint32_t feed);
/* A source whose ingest is not fused works now. */
void w_feed_work(struct world *w, uint32_t feed);
/* Writes the payload of event i of the room: len bytes. */
void w_payload(const struct world *w, const struct w_room *r, uint32_t i, uint32_t len, char *dst);
/* Any log that was not made anew. */
int w_any_log(struct world *w, uint32_t feed);

/* view.c */

/* One message of the room. id: TC_SCAN_NONE if it has none. */
void w_view_feed(struct world *w, struct w_client *c, struct w_room *r, const struct tc_scan *s,
                 int64_t id);
/* The connection has gone: what is known stays for a resume. */
void w_view_leave(struct w_view *v);
/* The client is where its room is and waits for nothing. */
bool w_view_is_done(const struct world *w, const struct w_room *r, const struct w_view *v);
void w_view_check_end(struct world *w, const struct w_room *r, struct w_view *v);

/* client.c */

/* Reads at its own pace, and answers; ends when the server has. */
void w_client_read(struct world *w, struct w_client *c);
/* Does something. */
void w_client_act(struct world *w, struct w_client *c);
/* Comes, or subscribes if it has come and has not yet. */
void w_client_join(struct world *w, struct w_client *c);
/* Reads everything from now on and has all the window it wants. */
void w_client_settle(struct world *w, struct w_client *c);
/* Leaves: how 0 closing frame, 1 end, 2 reset. */
void w_client_leave(struct world *w, struct w_client *c, uint32_t how);

/* check.c */

/* Whether the client, or everybody, has all there is. */
bool w_client_is_done(const struct world *w, const struct w_client *c);
bool w_is_all_done(const struct world *w);
/* Once faults have stopped, nobody waits for long. */
void w_check_in_time(struct world *w);
/* Whoever sleeps has said so, and has nothing to do. */
void w_check_sleep(struct world *w);
void w_check_bounds(struct world *w);
/* All connections have gone. */
void w_check_nothing_left(struct world *w);

#endif
