// SPDX-License-Identifier: Apache-2.0
/* core/fanout: moving cursors. Rooms, members, lanes and the flush plan of one worker.
 *
 *   bus ──read──> rooms touched ──encode──> lanes ──plan──> connections touched ──gather──> send
 *                                            (once per room and dialect)                      │
 *   member at the head: no cursor            member behind: next_seq  <──settle(bytes taken)──┘
 *                  └──────────── catch-up along the room's links ───────────┘
 *
 * A member is one subscription of one connection. It is in exactly one state:
 *   HEAD    it has everything up to the worker's cursor; lanes of this turn are all it needs
 *   BEHIND  it reads the bus by itself from next_seq, when its socket takes bytes
 *   PARKED  its subscription cannot be answered yet (warm-up, or this node lags behind its place)
 *
 * Snapshot, resume, catch-up after a stall and conflation are the same path: units made for a
 * BEHIND member until it reaches the worker's cursor.
 *
 * A frame is the smallest thing that is sent or not sent: one update, one notice, or a group that
 * must stay together (confirmation, recovered, snapshot). After a short write the tail of the one
 * cut frame is handed to the caller (the connection's spill); everything after it stays a cursor.
 *
 * Not for: sockets, clocks, framing (a dialect does that). One thread; the only shared words that
 * it writes are its interest bits of the buses. Nothing is allocated after init. */
#ifndef TC_CORE_FANOUT_FAN_H
#define TC_CORE_FANOUT_FAN_H

#include "core/bus/bus.h"
#include "core/bus/log.h"
#include "core/fanout/dialect.h"
#include "core/room/dir.h"
#include "core/room/rule.h"

/* One source as a worker sees it. */
struct tc_fan_feed {
    struct tc_bus *bus; /* interest bits are written, the rest is read */
    const struct tc_dir *dir;
    const struct tc_logs *logs;
};

struct tc_fan_conf {
    uint32_t worker;                 /* its bit in interest words, < TC_WORKERS_MAX */
    const struct tc_fan_feed *feeds; /* feeds, rules and dialects outlive the fan */
    uint32_t feed_cnt;
    const struct tc_rules *rules;
    const struct tc_dialect *const *dialects; /* by the number that tc_fan_conn_open gets */
    uint32_t dialect_cnt;
    struct tc_hash_key key;
    uint32_t conn_max;       /* connections are 0..conn_max-1 */
    uint32_t member_max;     /* subscriptions in all */
    uint32_t conn_rooms_max; /* subscriptions of one connection */
    uint32_t waiting_max;    /* names without a record */
    uint32_t pending_max;    /* subscriptions that are not confirmed yet */
    uint32_t payload_max;    /* bytes of one event */
    uint32_t conflate_bytes; /* behind by more than this when writable: conflated; */
    int64_t conflate_ns;     /* or by more than this */
    uint32_t resume_events;  /* a resume may be behind by so many without being conflated */
    int64_t warmup_end_ns;   /* monotonic: from then on subscriptions do not wait for warm-up */
    int64_t start_ms;        /* wall clock of the engine's start, for "since" */
    int64_t resume_wait_ns;  /* a resume ahead of this node waits so long */
    /* Turns a payload of rule's type into the other form: the bytes written to out, which has cap;
     * below 0: it cannot be. NULL: no rule declares a type. Pure. */
    int64_t (*convert)(void *ctx, const struct tc_rule *rule, enum tc_form to,
                       struct tc_str payload, uint8_t *out, uint32_t cap);
    void *convert_ctx;
    struct tc_mem *mem; /* everything is taken here, and lives as long */
    const char *holder; /* "worker 0" */
};

struct tc_fan_stats {
    uint64_t event_cnt;           /* bus events of rooms with members */
    uint64_t skip_cnt;            /* bus events of rooms without */
    uint64_t delivery_cnt;        /* events handed to sockets (units of catch-up included) */
    uint64_t lapped_cnt;          /* times the worker's cursor was overtaken */
    uint64_t conflated_cnt;       /* conflated notices */
    uint64_t skipped_cnt;         /* events that those notices cover */
    uint64_t gap_cnt[TC_GAP_CNT]; /* gap notices, per member */
    uint64_t recovered_cnt;
    uint64_t cannot_recover_cnt;
    uint64_t behind_total; /* times a member fell behind */
    uint32_t room_cnt;     /* rooms with members */
    uint32_t member_cnt;
    uint32_t behind_cnt; /* members behind now */
    uint32_t parked_cnt;
    uint32_t waiting_cnt; /* names without a record */
};

/* A client's wish. Views are copied. */
struct tc_fan_from {
    struct tc_str log; /* ptr NULL: no resume */
    int64_t pos;
    int64_t ts_ms; /* -1: not given */
};

struct tc_fan;

/* NULL with *err: memory does not suffice. There is no fini: its memory is conf->mem's. */
struct tc_fan *tc_fan_init(const struct tc_fan_conf *conf, struct tc_err *err) TC_MUST_CHECK;

/* Counted up to now; the fan's own. */
const struct tc_fan_stats *tc_fan_stats(const struct tc_fan *fan);

/* What one connection and one subscription take, for --print-memory. */
size_t tc_fan_conn_bytes(void);
size_t tc_fan_member_bytes(void);

/* ---- connections: slots of the caller ---- */

/* conn is free, dialect a number below dialect_cnt. */
void tc_fan_conn_open(struct tc_fan *fan, uint32_t conn, uint32_t dialect);

/* Ends all its subscriptions and takes it out of every list. */
void tc_fan_conn_close(struct tc_fan *fan, uint32_t conn);

/* Its subscriptions, confirmed or not. */
uint32_t tc_fan_conn_room_cnt(const struct tc_fan *fan, uint32_t conn);

/* ---- subscriptions ---- */

struct tc_fan_wish {
    struct tc_str room;
    struct tc_str id; /* repeated in the answer; ptr NULL: none; <= TC_CMD_ID_MAX + 2 bytes */
    bool is_snapshot;
    struct tc_fan_from from;
};

/* Accepts or refuses at once: 0 (the confirmation comes by catch-up), 1 (it was subscribed already:
 * the confirmation of *reply_len bytes is in reply, which has TC_NOTICE_BYTES_MAX), -TC_EINVAL
 * (room-illegal), -TC_ENOTFOUND (fits no template: room-unknown), -TC_ELIMIT (too-many-rooms),
 * -TC_ENOMEM (overloaded). The connection must not be planned. */
int tc_fan_subscribe(struct tc_fan *fan, uint32_t conn, const struct tc_fan_wish *wish,
                     int64_t now_ns, uint8_t *reply, size_t *reply_len) TC_MUST_CHECK;

/* TC_OK; -TC_ENOTFOUND: it was not subscribed. Nothing of the room is sent after it: what is
 * planned for the connection is taken back, and comes by catch-up for its other rooms. 1: instead
 * the oldest subscription that is not confirmed yet was taken back, which is to be answered as
 * unsubscribed too: with *id, whose bytes are in text (ptr NULL: it had none); call again. id NULL:
 * nobody is to be answered. */
int tc_fan_unsubscribe(struct tc_fan *fan, uint32_t conn, struct tc_str room,
                       char text[TC_CMD_ID_MAX + 2], struct tc_str *id) TC_MUST_CHECK;

/* ---- questions, without a subscription ---- */

/* Whether there is or can be such a room. 0; -TC_EINVAL: an illegal name; -TC_ENOTFOUND: it fits no
 * template. */
int tc_fan_room_check(const struct tc_fan *fan, struct tc_str room) TC_MUST_CHECK;

struct tc_fan_value {
    struct tc_update update; /* a snapshot; its payload is good until the next call with this fan */
    struct tc_str log;
};

/* The room's newest value at the worker's cursor, in that form if its type is declared. 0; 1: it
 * has none; -TC_EINVAL: an illegal name; -TC_ENOTFOUND: it fits no template; -TC_EAGAIN: it was
 * overwritten just now, or is too far. */
int tc_fan_newest(struct tc_fan *fan, struct tc_str room, enum tc_form form,
                  struct tc_fan_value *out) TC_MUST_CHECK;

/* A place in the list of all rooms; all zero is its start. Rooms are never taken away. */
struct tc_fan_room_at {
    uint32_t feed;
    uint32_t idx;
};

struct tc_fan_room_info {
    struct tc_str name;
    struct tc_str log; /* of its newest event */
    int64_t pos;
    const struct tc_rule *rule;
};

/* The room at that place, which moves on. false: there is none. */
bool tc_fan_next_room(const struct tc_fan *fan, struct tc_fan_room_at *at,
                      struct tc_fan_room_info *out);

/* Every source was read to its end once, or is known to be away. */
bool tc_fan_is_ready(const struct tc_fan *fan);

/* ---- the turn ---- */

/* Takes the next events of all buses (bounded), encodes lanes and plans who gets them. Only when no
 * connection is touched any more. Returns events read (0: nothing new). */
uint32_t tc_fan_read(struct tc_fan *fan, int64_t now_ns);

/* Event i (< the count that tc_fan_turn_cnt gives) of the last read: its times, and to how many
 * members it was planned. For the latency histograms, after the flush. */
struct tc_fan_turn_times {
    int64_t ingest_ns;
    int64_t ts_ms;
    uint32_t member_cnt;
};
uint32_t tc_fan_turn_cnt(const struct tc_fan *fan);
struct tc_fan_turn_times tc_fan_turn_at(const struct tc_fan *fan, uint32_t i);

/* Whether a bus has events that the worker has not read, or a state that it has not seen. */
bool tc_fan_has_news(const struct tc_fan *fan);

/* The next connection with something planned, TC_NONE: none. It is taken off the list; send what
 * tc_fan_gather gives, then settle. */
uint32_t tc_fan_next_touched(struct tc_fan *fan);

/* Whether any connection is on the list. */
bool tc_fan_has_touched(const struct tc_fan *fan);

/* Whether the connection has planned bytes (it is still on the list, or was taken and not settled).
 */
bool tc_fan_is_planned(const struct tc_fan *fan, uint32_t conn);

/* The pieces planned for conn, in order, at most max; what does not fit is treated by settle as not
 * taken. Returns how many; *total gets their bytes. */
struct tc_fan_piece {
    const uint8_t *bytes;
    uint32_t len;
};
uint32_t tc_fan_gather(struct tc_fan *fan, uint32_t conn, struct tc_fan_piece *pieces, uint32_t max,
                       uint32_t *total);

/* Until this number changes, at the next read or slice of catch-up, the same bytes are at the same
 * place in all pieces. */
uint32_t tc_fan_batch(const struct tc_fan *fan);

/* The socket took `taken` of the planned bytes. If a frame was cut, *tail is its rest (valid until
 * the next read or catch-up), to be kept by the caller and sent first. is_blocked: do not plan
 * for it until tc_fan_conn_writable(). */
void tc_fan_settle(struct tc_fan *fan, uint32_t conn, uint32_t taken, bool is_blocked,
                   struct tc_fan_piece *tail);

/* Nothing of the caller's is in the way any more: catch-up may go on. */
void tc_fan_conn_writable(struct tc_fan *fan, uint32_t conn);
/* The caller holds bytes that must go first: plan nothing for it. */
void tc_fan_conn_blocked(struct tc_fan *fan, uint32_t conn);

/* ---- catch-up: only when no connection is touched ---- */

/* Starts a slice of catch-up: scratch is free again. */
void tc_fan_catch_up_begin(struct tc_fan *fan, int64_t now_ns);

/* Plans units of at most about max_bytes for the next connection that has members behind; its
 * slot, or TC_NONE if there is none or scratch is full. Then gather, send, settle as above. */
uint32_t tc_fan_catch_up(struct tc_fan *fan, uint32_t max_bytes);

/* Whether there is catch-up to do now. */
bool tc_fan_has_catch_up(const struct tc_fan *fan);

/* Monotonic time at which parked members want a look; INT64_MAX: none. */
int64_t tc_fan_parked_at_ns(const struct tc_fan *fan);

#endif
