// SPDX-License-Identifier: Apache-2.0
/* io/engine/ingest: the agent that carries one source's records onto its bus.
 *
 *   source.poll ──record──> tc_feed_map ──room name──> dir ──room──> tc_bus_publish ┐ per record
 *        └──lost, stale, progress, ready──> gaps, logs                              │
 *                                                     tc_bus_commit, bells  <───────┘ per turn
 *
 * It is the only writer of its bus, directory and logs. What a turn read becomes visible at its
 * end: first the events, then how far the logs were read (a source may tell that a turn later), so
 * that a worker that sees "caught up" sees the events before it too.
 *
 * A record that cannot become an event is quarantined: counted, logged (at most LOGS_PER_S lines),
 * and its position declared as a gap in its room; if the room is not known, in every room of its
 * log. A record whose room may not be (limits.rooms), or lives in another log by newer records, is
 * counted and logged only: there is no room in this log to tell.
 *
 * One thread, any thread: the caller may fuse it with a worker. Nothing is allocated after init. */
#ifndef TC_IO_ENGINE_INGEST_H
#define TC_IO_ENGINE_INGEST_H

#include "core/bus/bus.h"
#include "core/bus/log.h"
#include "core/conf/conf.h"
#include "core/flow/bucket.h"
#include "core/obs/log.h"
#include "core/obs/metric.h"
#include "core/room/dir.h"
#include "core/room/rule.h"
#include "io/engine/types.h"
#include "io/source/source.h"
#include "proto/feed/feed.h"

enum {
    TC_INGEST_LOGS_MAX = 16384, /* logs (incarnations of partitions) of one source */
    TC_INGEST_STAGED_MAX = 256, /* logs whose progress waits for the commit */
};

struct tc_ingest_conf {
    const struct tc_conf *conf;
    uint32_t source;              /* index in conf->sources */
    const struct tc_rules *rules; /* compiled, all sources */
    const struct tc_types *types; /* of rules; NULL if none declares a type */
    const struct tc_source_ops *ops;
    const struct tc_source_env *env; /* for ops->open */
    _Atomic uint64_t *sleeping;      /* of all workers, see core/bus */
    const int *bells;                /* by worker; -1: shares this thread */
    uint32_t worker_cnt;
    struct tc_hash_key key;
    struct tc_metric_ingest *metric;
    struct tc_log_ring *log; /* may be NULL */
    struct tc_mem *mem;
};

struct tc_ingest_progress {
    uint32_t log;
    int64_t next_pos;
    int64_t end_pos;
    bool is_caught_up;
};

/* What ingest alone knows of a room. */
struct tc_ingest_room {
    int64_t ts_ms;     /* of its newest event */
    uint32_t prev_log; /* the log it came from, TC_NONE: none */
};

struct tc_ingest {
    struct tc_ingest_conf conf;
    struct tc_source *source;
    struct tc_bus bus;
    struct tc_dir dir;
    struct tc_logs logs;
    struct tc_json_pool json;
    uint8_t *scratch; /* limits.event_bytes: a value in its other form; NULL: no rule has a type */
    struct tc_feed_rule rules[TC_RULES_MAX];
    uint32_t rule_cnt;
    struct tc_ingest_room *rooms;
    int64_t now_ns;
    int64_t wall_ms;
    int64_t away_since_ms;    /* 0: the source is there */
    int64_t trouble_since_ms; /* 0: every part of it is read */
    bool is_state_change;     /* workers must look at logs again */
    bool is_woken;            /* the source has rung */
    struct tc_ingest_progress staged[TC_INGEST_STAGED_MAX];
    uint32_t staged_cnt;
    /* positions of records whose room is not known, not declared yet */
    uint32_t hole_log; /* TC_NONE: none */
    int64_t hole_from;
    int64_t hole_to;
    enum tc_gap_reason hole_reason;
    struct tc_bucket log_bucket; /* of quarantine lines */
    uint64_t unlogged_cnt;
};

/* Takes memory. -TC_ENOMEM. */
int tc_ingest_init(struct tc_ingest *ingest, const struct tc_ingest_conf *conf,
                   struct tc_err *err) TC_MUST_CHECK;

/* Opens the source: its own threads start. Before the first turn; errors are the source's. */
int tc_ingest_open(struct tc_ingest *ingest, struct tc_err *err) TC_MUST_CHECK;

/* Closes the source. */
void tc_ingest_fini(struct tc_ingest *ingest);

/* One turn: at most TC_TURN_INGEST_MAX records. Returns what was done, 0: idle. A source that has
 * not rung and whose time has not come is not asked: a turn without work costs it no lock and no
 * system call. */
int tc_ingest_work(struct tc_ingest *ingest, int64_t now_ns, int64_t wall_ms);

/* The source's descriptor was seen to be readable: the next turn asks it. */
static inline void tc_ingest_wake(struct tc_ingest *ingest)
{
    ingest->is_woken = true;
}

/* Brings the metrics up to date: after a turn that did something, and what is to be sent of it. */
void tc_ingest_count(struct tc_ingest *ingest);

/* A descriptor that is readable when there is work, -1: none; and the time at which there is. */
int tc_ingest_wake_fd(const struct tc_ingest *ingest);
int64_t tc_ingest_wake_ns(const struct tc_ingest *ingest);

#endif
