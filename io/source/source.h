// SPDX-License-Identifier: Apache-2.0
/* io/source: the boundary between where records come from and everything after it.
 *
 * A source is polled by one ingest agent (one thread), pushes what it has into a sink, and never
 * blocks in poll(). Blocking calls of a client library run on a side thread of the source's own.
 * All code after the sink is shared by kafka, replay and synth. A new source is a folder here and
 * one row in tc_source_table (io/source/table.c).
 *
 * A log is one incarnation of one topic partition. Its records have strictly growing pos. */
#ifndef TC_IO_SOURCE_SOURCE_H
#define TC_IO_SOURCE_SOURCE_H

#include "core/base/err.h"
#include "core/bus/gap.h"
#include "core/conf/conf.h"
#include "proto/feed/record.h"

struct tc_log_info {
    const char *name; /* source/topic/partition@incarnation; copied */
    uint32_t rule;    /* index within the source */
    uint32_t partition;
    int64_t start_pos; /* the first position that this node asked for: nothing below it was seen */
    uint32_t replaces; /* log that this one takes the place of (recreated topic), or TC_NONE */
};

enum tc_source_state {
    TC_SOURCE_FINE,
    TC_SOURCE_AWAY,       /* cannot be reached: nothing is read */
    TC_SOURCE_TROUBLED,   /* a part is not read that was read before; the rest is */
    TC_SOURCE_INCOMPLETE, /* a topic has never been there; the rest is read */
};

struct tc_source_sink {
    void *ctx;

    /* A log exists. Returns its index, or -TC_ELIMIT. */
    int (*log_open)(void *ctx, const struct tc_log_info *info);

    /* The next record of its log. */
    void (*record)(void *ctx, const struct tc_record *record);

    /* Positions (from, to] of log were lost for a reason of the source (retention passed us).
     * Called before the first record after them. */
    void (*lost)(void *ctx, uint32_t log, int64_t from, int64_t to, enum tc_gap_reason reason);

    /* The source has read everything below next_pos (moves over holes too: control records,
     * compaction). end_pos: the broker's end of the log as last known, -1 unknown. is_caught_up:
     * this is an end-of-partition event. */
    void (*progress)(void *ctx, uint32_t log, int64_t next_pos, int64_t end_pos, bool is_caught_up);

    /* The log went away or silent at since_ms (wall clock), or, with since_ms = 0, is fresh again.
     */
    void (*stale)(void *ctx, uint32_t log, int64_t since_ms);

    /* How the source is; text says what is wrong and what is tried. Called again when that changes.
     * Unless it is AWAY, every log that can be read was opened before; until then no subscription
     * is confirmed but by time-out. */
    void (*ready)(void *ctx, enum tc_source_state state, const char *text);
};

struct tc_source_stats {
    uint64_t record_cnt;
    uint64_t error_cnt; /* errors told by the client library */
    uint64_t reconnect_cnt;
    uint64_t missed_wake_cnt; /* records came and wake_fd did not tell: must stay 0 */
    enum tc_source_state state;
    char text[256]; /* last trouble, for /readyz and metrics; empty if none */
};

struct tc_source_env {
    const struct tc_conf_source *conf;
    const struct tc_conf_limits *limits;
    uint32_t stale_ms;
    uint64_t boot_id;       /* random, for incarnations of sources without a cluster */
    uint32_t cpu_avoid_cnt; /* pinned cores that the library's own threads stay off, if others are
                               left */
    const uint32_t *cpu_avoid;
    /* Structured log line, callable from any thread of the source. level: 'd' 'i' 'w' 'e'. */
    void (*log)(void *log_ctx, char level, const char *text);
    void *log_ctx;
};

struct tc_source; /* private to the kind */

struct tc_source_ops {
    const char *kind; /* "kafka" */

    /* What open() would find wrong in the settings, told the same way, without making anything:
     * local and at once. NULL: nothing to look at beyond core/conf. */
    int (*check)(const struct tc_source_env *env, struct tc_err *err);

    /* Makes the source and starts its own threads; must not wait for a remote side. A wrong setting
     * is an error with its place in the file and the way to mend it. */
    int (*open)(struct tc_source **out, const struct tc_source_env *env, struct tc_err *err);

    /* Pushes at most record_max records; never blocks. now_ns: monotonic clock, wall_ms: wall
     * clock. Returns the count of things done (0: idle). Called when wake_fd was seen to be
     * readable or wake_at_ns has come; may be called at any time. */
    int (*poll)(struct tc_source *source, const struct tc_source_sink *sink, uint32_t record_max,
                int64_t now_ns, int64_t wall_ms);

    /* A descriptor that becomes readable when poll() has something; -1: none (use wake_at_ns).
     * poll() drains it. */
    int (*wake_fd)(struct tc_source *source);

    /* Monotonic time at which poll() wants to be called at the latest; INT64_MAX: none. */
    int64_t (*wake_at_ns)(struct tc_source *source);

    /* Any thread. */
    void (*stats)(struct tc_source *source, struct tc_source_stats *out);

    /* Ends its threads (bounded: 2 s) and frees it. */
    void (*close)(struct tc_source *source);

    /* The most that a client library holds for this source in its own heap; NULL: no library. */
    uint64_t (*heap_bytes)(const struct tc_conf_source *conf);
};

/* By enum tc_conf_source_kind. */
extern const struct tc_source_ops *const tc_source_table[];

#endif
