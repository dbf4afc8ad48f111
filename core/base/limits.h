// SPDX-License-Identifier: Apache-2.0
/* core/base/limits: the named bounds of every queue, table and loop that is not a setting.
 *
 * Settings (core/conf) have their own ranges; where a setting must stay below one of these, the
 * schema says so. Relations that the code relies on are static asserts, with the reason. */
#ifndef TC_CORE_BASE_LIMITS_H
#define TC_CORE_BASE_LIMITS_H

#include "core/base/base.h"

enum {
    /* names */
    TC_ROOM_NAME_MAX = 128,    /* bytes; printable ASCII but space " \ * , */
    TC_EVENT_NAME_MAX = 64,    /* bytes of "ticker-update" */
    TC_LOG_NAME_MAX = 400,     /* source/topic/partition@incarnation */
    TC_SOURCE_NAME_MAX = 64,   /* bytes */
    TC_TOPIC_NAME_MAX = 249,   /* Kafka's own limit */
    TC_MESSAGE_NAME_MAX = 256, /* bytes of a protobuf message's full name */
    TC_CMD_ID_MAX = 64,        /* bytes of a client's id, as JSON text */
    TC_CMD_ROOMS_MAX = 1024,   /* rooms in one subscribe */

    /* parts of an engine */
    TC_WORKERS_MAX = 64, /* interest of a room is one 64-bit word, a bit per worker */
    TC_SOURCES_MAX = 8,  /* buses that one worker reads */
    TC_RULES_MAX = 256,  /* topics (room templates) over all sources */
    TC_LOGS_MAX = 65535, /* logs of one source: a 16-bit index in a bus descriptor */
    TC_DIALECTS_MAX = 8, /* wire formats that a room can be encoded in */

    /* one turn of a worker */
    TC_TURN_EVENTS_MAX = 512, /* bus events read per bus and turn */
    TC_TURN_SENDS_MAX = 64,   /* sends per submit */
    TC_TURN_FLUSH_MAX = 256,  /* sends before completions and timers get their turn */
    TC_TURN_HOPS_MAX = 8192,  /* link hops that all waiting subscriptions share */
    TC_TURN_INGEST_MAX = 256, /* records per turn of an ingest agent, one bus commit */

    /* input */
    TC_HTTP_HEAD_MAX = 16 * 1024,
    TC_HTTP_FIELDS_MAX = 64,
    TC_WS_MESSAGE_MAX = 64 * 1024,
    TC_WS_FRAGMENTS_MAX = 16,
    TC_WS_CONTROLS_PER_S = 20,
    TC_JSON_DEPTH_MAX = 16,
    TC_EVENT_BYTES_MAX = 1 << 20, /* highest setting of limits.event_bytes */
};

_Static_assert(TC_EVENT_BYTES_MAX < 1 << 24, "a bus descriptor keeps the length in 24 bits");
_Static_assert(TC_LOGS_MAX <= UINT16_MAX, "a bus descriptor keeps the log in 16 bits");
_Static_assert(TC_TURN_FLUSH_MAX % TC_TURN_SENDS_MAX == 0, "a flush slice is whole submits");

#endif
