// SPDX-License-Identifier: Apache-2.0
/* tests/lib/scan: the envelope of one server message, found without building a tree.
 *
 * It reads the keys of the top-level object in any order and skips over nested values. An update
 * ends with its payload by the protocol, so reading stops there: cost does not grow with payloads.
 * Not for: checking JSON. A message that does not scan is a violation that the caller reports. */
#ifndef TC_TESTS_LIB_SCAN_H
#define TC_TESTS_LIB_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tc_scan_kind {
    TC_SCAN_OTHER, /* pong, unknown */
    TC_SCAN_UPDATE,
    TC_SCAN_CONFIRMED,
    TC_SCAN_UNSUBSCRIBED,
    TC_SCAN_RECOVERED,
    TC_SCAN_CANNOT_RECOVER,
    TC_SCAN_CONFLATED,
    TC_SCAN_GAP,
    TC_SCAN_MOVED,
    TC_SCAN_STALE,
    TC_SCAN_FRESH,
    TC_SCAN_DRAINING,
    TC_SCAN_ERROR,
    TC_SCAN_KIND_CNT
};

#define TC_SCAN_NULL (-1) /* null, as a position: before every position */
#define TC_SCAN_NONE (-2) /* key not present */

struct tc_scan_text {
    const char *at; /* inside the scanned bytes, without the quotes; NULL if not present */
    size_t len;
};

struct tc_scan {
    enum tc_scan_kind kind;
    struct tc_scan_text event, room, log, reason, code, message;
    struct tc_scan_text data; /* the payload's bytes as they are */
    int64_t pos, prev, ts, from, to, skipped, count;
    bool snapshot;
};

/* 0, or -1 if len bytes are not one object with an event. All pointers go into json. */
int tc_scan_message(const char *json, size_t len, struct tc_scan *out);

/* The number of key at the top of the object in text (a payload), or TC_SCAN_NONE. */
int64_t tc_scan_number(struct tc_scan_text text, const char *key);

#endif
