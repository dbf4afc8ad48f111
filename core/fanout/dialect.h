// SPDX-License-Identifier: Apache-2.0
/* core/fanout/dialect: what fan-out needs to know of a wire format.
 *
 * A dialect turns one update or one notice into bytes that are ready for the socket (framing
 * included) and the same for every member of the room. It lives in proto/, its session in
 * io/session/; one row in the dialect table joins them. Called on the worker's hot path: no
 * allocation, no system call. */
#ifndef TC_CORE_FANOUT_DIALECT_H
#define TC_CORE_FANOUT_DIALECT_H

#include "core/base/limits.h"
#include "core/room/rule.h"

enum {
    TC_UPDATE_OVERHEAD_MAX = 1024, /* bytes of an update beyond one and a half of its payload */
    TC_NOTICE_BYTES_MAX = 1280,    /* bytes of any notice */
};

struct tc_update {
    struct tc_str event; /* "ticker-update" */
    struct tc_str room;
    int64_t pos;
    int64_t prev;  /* -1: null */
    int64_t ts_ms; /* -1: null */
    bool is_snapshot;
    bool is_tombstone;  /* "data": null */
    struct tc_str type; /* full name of the payload's message, empty: the topic declares none */
    const void *payload;
    uint32_t len;
};

enum tc_notice_kind {
    TC_NOTICE_CONFIRMED,      /* id, room, log, pos, symbol */
    TC_NOTICE_RECOVERED,      /* id, room, from, to, count */
    TC_NOTICE_CANNOT_RECOVER, /* id, room, from, to, reason */
    TC_NOTICE_CONFLATED,      /* room, from, to, count (skipped) */
    TC_NOTICE_GAP,            /* room, log, from, to, reason */
    TC_NOTICE_MOVED,          /* room, log */
    TC_NOTICE_STALE,          /* room, since_ms */
    TC_NOTICE_FRESH,          /* room */
    TC_NOTICE_UNSUBSCRIBED,   /* id, room */
};

struct tc_notice {
    enum tc_notice_kind kind;
    struct tc_str id; /* as the client wrote it; ptr NULL: it gave none */
    struct tc_str room;
    struct tc_str log;    /* ptr NULL: null */
    struct tc_str symbol; /* of the room's name, behind its first dash; ptr NULL: it has none */
    const char *reason;
    int64_t pos; /* positions: -1 is null */
    int64_t from;
    int64_t to;
    int64_t since_ms;
    uint64_t count;
};

/* Room for an update in any dialect: base64 makes four bytes of three. */
static inline uint64_t tc_update_bytes_max(uint32_t payload_len)
{
    return (uint64_t)payload_len + payload_len / 2 + TC_UPDATE_OVERHEAD_MAX;
}

struct tc_dialect {
    const char *name;  /* "ws-json" */
    enum tc_form form; /* what it wants payloads of a declared type to be */

    /* Writes the update; at most tc_update_bytes_max(len) bytes, all of which it may use meanwhile.
     * Returns how many. */
    size_t (*update)(const struct tc_update *update, uint8_t *dst);

    /* Writes the notice; at most TC_NOTICE_BYTES_MAX bytes. Returns how many. */
    size_t (*notice)(const struct tc_notice *notice, uint8_t *dst);
};

#endif
