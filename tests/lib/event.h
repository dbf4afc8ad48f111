// SPDX-License-Identifier: Apache-2.0
/* tests/lib/event: jts.marketdata.v1 as a client reads and writes it, by hand.
 *
 * An Event becomes what tests/lib/scan makes of a message of the JSON dialect, so that one proof
 * serves both: absent numbers of `optional` are TC_SCAN_NULL, others 0; the payload of a tombstone
 * is "null". Numbers of fields stand here a second time on purpose (see tests/lib/base.h).
 * Not for: other messages. Pure functions; any thread. */
#ifndef TC_TESTS_LIB_EVENT_H
#define TC_TESTS_LIB_EVENT_H

#include "tests/lib/scan.h"

enum { TC_EVENT_PREFIX_BYTES = 5, TC_EVENT_ROOMS_MAX = 64 };

/* A room to subscribe to. */
struct tc_event_wish {
    const char *room;
    const char *log; /* NULL: from now on; else: resume from pos in that log */
    int64_t pos;
    int64_t ts_ms; /* below 0: not known */
};

/* 0, or -1 if len bytes are not one Event that is known. All pointers go into bytes. */
int tc_event_scan(const void *bytes, size_t len, struct tc_scan *out);

/* Writes a SubscribeRequest, with the prefix of a gRPC message, to out; is_command: inside a
 * StreamRequest. Returns its bytes, 0 if cap is too small or cnt is above TC_EVENT_ROOMS_MAX. */
size_t tc_event_subscribe(uint8_t *out, size_t cap, const struct tc_event_wish *wishes,
                          uint32_t cnt, bool snapshot, bool is_command);

#endif
