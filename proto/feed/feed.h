// SPDX-License-Identifier: Apache-2.0
/* proto/feed: from a record to an event: which room, and is its payload fit to be passed on.
 *
 * A JSON value is parsed once: for the verdict and for the fields that the room's name needs. The
 * payload itself passes through untouched. Called on the ingest agent's hot path: no allocation, no
 * system call. One thread per pool. */
#ifndef TC_PROTO_FEED_FEED_H
#define TC_PROTO_FEED_FEED_H

#include "core/base/limits.h"
#include "core/room/template.h"
#include "proto/feed/record.h"
#include "proto/json/json.h"

enum tc_feed_format { TC_FEED_JSON };

/* How records of one topic become events. Refers to the template of the compiled rule. */
struct tc_feed_rule {
    const struct tc_template *room;
    enum tc_feed_format format;
    uint32_t event_bytes_max; /* limits.event_bytes; the pool was made for at least this */
};

/* What a record is. The room is known iff name_len > 0. */
enum tc_feed_kind {
    TC_FEED_UPDATE,    /* room known; payload = the record's value */
    TC_FEED_TOMBSTONE, /* room known; no payload */
    TC_FEED_POISON,    /* quarantined: gap "poison" in its room, if that is known */
    TC_FEED_OVERSIZE,  /* the same, gap "oversize" */
};

/* name, stable text for logs and metrics */
#define TC_FEED_REASON_TABLE(X)                                                                    \
    X(NONE, "none")                                                                                \
    X(BAD_JSON, "value is not JSON")                                                               \
    X(BAD_UTF8, "value is not UTF-8")                                                              \
    X(BAD_FRAME, "value has no schema registry's frame")                                           \
    X(BAD_MESSAGE, "value is not of the topic's message")                                          \
    X(TOO_DEEP, "value is nested too deep")                                                        \
    X(TOO_LARGE, "value is larger than limits.event_bytes")                                        \
    X(NO_KEY, "no key, which the room's name needs")                                               \
    X(NO_HEADER, "no header of the name that the room's name needs")                               \
    X(NO_FIELD, "no field at the path that the room's name needs")                                 \
    X(NO_VALUE, "tombstone, and the room's name needs a field")                                    \
    X(BAD_NUMBER, "key is not a number, which the room's name needs")                              \
    X(BAD_NAME, "the room's name would have illegal characters")                                   \
    X(LONG_NAME, "the room's name would be too long")                                              \
    X(PRIVATE_NAME, "the room's name begins like a private room")

enum tc_feed_reason {
#define X(name, text) TC_FEED_##name,
    TC_FEED_REASON_TABLE(X)
#undef X
        TC_FEED_REASON_CNT
};

/* Why a record was refused, for the log; static. */
const char *tc_feed_reason_text(enum tc_feed_reason reason);

struct tc_feed_out {
    enum tc_feed_kind kind;
    enum tc_feed_reason reason; /* NONE for updates and tombstones */
    uint32_t name_len;          /* 0: the room is not known */
    char name[TC_ROOM_NAME_MAX];
};

static inline struct tc_str tc_feed_name(const struct tc_feed_out *out)
{
    return (struct tc_str){ out->name, out->name_len };
}

/* Fills *out and returns out->kind. */
enum tc_feed_kind tc_feed_map(const struct tc_feed_rule *rule, const struct tc_record *record,
                              struct tc_json_pool *pool, struct tc_feed_out *out);

#endif
