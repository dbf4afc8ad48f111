// SPDX-License-Identifier: Apache-2.0
/* core/bus: the ring that one ingest agent writes and every worker reads; it is the history too.
 *
 *      descriptor ring (64 B each)                    payload ring (8-byte words)
 *      ┌────┬────┬────┬────┬────┬────┐               ┌──────────────────────────┐
 *      │ 41 │ 42 │ 43 │ 44 │ 45 │ 46 │  ── place ──> │ {"price":…}{"price":…}…  │
 *      └────┴────┴────┴────┴────┴────┘               └──────────────────────────┘
 *        ^ mark     └──prev/next──┘  ^ head
 *
 * One writer, any number of readers, lossy: the writer never waits. Events are numbered from 1 by
 * their bus sequence (seq); seq s lies in slot s & mask. Everything in [mark, head] is intact. The
 * writer moves `mark` up BEFORE it overwrites; a reader copies words, THEN looks at `mark`: below
 * it, the copy is void (-TC_ELAPPED) and the reader was overtaken. Every word of a ring is an
 * atomic: stores are release, loads acquire (both plain moves on x86-64), so a reader that saw a
 * new word also sees the mark that was moved before it was written. No fences, so ThreadSanitizer
 * understands it.
 *
 * Events of a room are linked both ways. When the writer evicts an event that is still its room's
 * newest value, it copies it into the room's slot (a seqlock, bounded byte budget).
 *
 * Not for: messages that must not be lost (core/bus loses by design and says so), and not for
 * commands (SPSC rings). Memory: taken at init, nothing later. Publishing is staged: events become
 * visible to workers at tc_bus_commit(), once per batch.
 *
 * Threads: functions marked [w] are the writer's, [r] anybody's. */
#ifndef TC_CORE_BUS_BUS_H
#define TC_CORE_BUS_BUS_H

#include <stdatomic.h>

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/bus/gap.h"
#include "core/mem/mem.h"

enum tc_bus_kind {
    TC_BUS_UPDATE = 1, /* a value */
    TC_BUS_TOMBSTONE,  /* the value was deleted: "data": null */
    TC_BUS_GAP,        /* positions (prev, pos] of the room are missing; aux: enum tc_gap_reason */
    TC_BUS_MOVED,      /* the room continues in another log; pos and prev are -1 */
};

static inline bool tc_bus_kind_is_data(uint8_t kind)
{
    return kind == TC_BUS_UPDATE || kind == TC_BUS_TOMBSTONE;
}

/* A descriptor as a reader sees it: a copy. */
struct tc_bus_event {
    uint64_t seq;
    uint64_t prev_seq; /* the room's event before it, 0: none; may have left the ring */
    uint64_t next_seq; /* the room's event after it, 0: none so far */
    int64_t pos;
    int64_t prev;      /* position of the room's event before it, -1: none */
    int64_t ts_ms;     /* record time */
    int64_t ingest_ns; /* monotonic time at which it was published */
    uint32_t room;
    uint32_t len;       /* payload bytes */
    uint32_t place;     /* of the payload, in 8-byte words; for the functions here */
    uint32_t ord;       /* number of data events of the room up to here, mod 2^32 */
    uint32_t sum_bytes; /* payload bytes of the room up to here, mod 2^32 */
    uint16_t log;
    uint8_t kind;
    uint8_t aux;
    bool is_slot; /* it has left the ring and was read from its room's slot */
};

/* What the writer publishes. */
struct tc_bus_put {
    uint32_t room;
    uint16_t log;
    uint8_t kind;
    uint8_t aux;
    int64_t pos;
    int64_t gap_from; /* TC_BUS_GAP only: last position before the hole */
    int64_t ts_ms;
    int64_t ingest_ns;
    const void *payload;
    uint32_t len; /* <= payload_max of the configuration */
};

/* Written by the writer only, read by workers. last_seq is stored before the rest: a reader that
 * finds it unchanged after it has read the rest has what belongs to it. */
struct tc_bus_room {
    _Atomic uint64_t last_seq;      /* newest event, 0: none yet */
    _Atomic uint64_t last_data_seq; /* newest update or tombstone */
    _Atomic int64_t last_pos;       /* of the newest event; -1: none in its log */
    _Atomic uint32_t log;           /* of the newest event */
    _Atomic uint32_t slot;          /* place of the last-value slot, 0: none */
    _Atomic uint32_t ord;           /* of the newest event, as sum_bytes */
    _Atomic uint32_t sum_bytes;
};

enum { TC_BUS_DESC_WORDS = 8, TC_BUS_SLOT_CLASSES = 18, TC_BUS_SLOT_WORDS_MIN = 16 };

struct tc_bus_conf {
    uint32_t event_cnt;        /* rounded up to a power of two, >= 8 */
    uint64_t payload_bytes;    /* rounded up to words */
    uint32_t payload_max;      /* largest payload of one event */
    uint64_t last_value_bytes; /* budget of the slots */
    uint32_t room_max;
    struct tc_mem *mem;
    const char *holder; /* "source main" */
};

struct tc_bus {
    /* fixed after init */
    _Atomic uint64_t *desc;
    _Atomic uint64_t *payload;
    _Atomic uint64_t *slots;
    struct tc_bus_room *rooms;
    _Atomic uint64_t *interest; /* per room a bit per worker; bit w is written by worker w */
    uint64_t desc_mask;
    uint64_t payload_words;
    uint64_t slot_words;
    uint32_t payload_max;
    uint32_t room_max;
    uint32_t evict_cnt; /* events reclaimed at once, so that mark moves seldom */

    /* written by the writer, read by all */
    TC_LINE_ALIGNED _Atomic uint64_t mark;
    TC_LINE_ALIGNED _Atomic uint64_t head;
    _Atomic uint64_t state_gen; /* changes when a log became stale or fresh, or rooms were added */

    /* bit w: worker w sleeps. Set by that worker, cleared by it or by the ingest that rings it */
    TC_LINE_ALIGNED _Atomic uint64_t *sleeping;

    /* writer only */
    TC_LINE_ALIGNED uint64_t next_seq; /* of the next event */
    uint64_t tail_seq;                 /* oldest intact */
    uint64_t payload_head;             /* in words since the start of time */
    uint64_t payload_tail;
    uint64_t slot_fresh;                     /* words of the slot arena never used */
    uint64_t slot_free[TC_BUS_SLOT_CLASSES]; /* lists of freed slots, 0: empty */
    uint64_t slot_drop_cnt;                  /* last values not kept for want of budget */
    uint64_t evict_total;
};

/* sleeping: the word shared by all buses and workers of an engine. */
int tc_bus_init(struct tc_bus *bus, const struct tc_bus_conf *conf, _Atomic uint64_t *sleeping,
                struct tc_err *err) TC_MUST_CHECK;

/* [w] Stages one event; returns its seq. */
uint64_t tc_bus_publish(struct tc_bus *bus, const struct tc_bus_put *put);

/* [w] Makes staged events visible and returns the workers that sleep and must be woken: those with
 * interest in a room of the batch, or all that sleep if is_state_change. Their sleeping bits are
 * cleared: whoever gets a bit rings. */
uint64_t tc_bus_commit(struct tc_bus *bus, bool is_state_change);

/* [r] The newest visible seq. */
static inline uint64_t tc_bus_head(const struct tc_bus *bus)
{
    return atomic_load_explicit(&bus->head, memory_order_seq_cst);
}

/* [r] Whether seq is still intact; a copy made before the call is good if it returns true. */
static inline bool tc_bus_is_intact(const struct tc_bus *bus, uint64_t seq)
{
    return seq >= atomic_load_explicit(&bus->mark, memory_order_acquire);
}

/* [r] The room of seq alone, for skipping: cheap, unchecked (a lapped reader gets any room). */
static inline uint32_t tc_bus_peek_room(const struct tc_bus *bus, uint64_t seq)
{
    const _Atomic uint64_t *d = bus->desc + (seq & bus->desc_mask) * TC_BUS_DESC_WORDS;
    return (uint32_t)atomic_load_explicit(&d[0], memory_order_acquire);
}

/* [r] Copies descriptor seq (1 <= seq <= head, or reached by a link or room head). 0, -TC_ELAPPED.
 */
int tc_bus_read(const struct tc_bus *bus, uint64_t seq, struct tc_bus_event *event) TC_MUST_CHECK;

/* [r] Copies the payload; dst has room for event->len rounded up to 8. 0, or -TC_ELAPPED: dst is
 * void. */
int tc_bus_copy(const struct tc_bus *bus, const struct tc_bus_event *event,
                void *dst) TC_MUST_CHECK;

/* [r] The room's newest update or tombstone with seq <= before, from the ring or the slot. 0;
 * -TC_ENOTFOUND: the room has none; -TC_ELAPPED: it had one that is no longer kept; -TC_EAGAIN:
 * more than *hops links would have to be followed (*hops is reduced by those followed). */
int tc_bus_newest(const struct tc_bus *bus, uint32_t room, uint64_t before, uint32_t *hops,
                  struct tc_bus_event *event) TC_MUST_CHECK;

#endif
