// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/event: the gRPC dialect on the wire: jts.marketdata.v1.Event as length-prefixed
 * messages, the same bytes for every member of a room (proto/schema/jts/marketdata/v1/event.proto).
 *
 * Each carrier puts its own around them: a DATA frame's head in HTTP/2. Pure functions; any thread.
 */
#ifndef TC_PROTO_GRPC_EVENT_H
#define TC_PROTO_GRPC_EVENT_H

#include "core/fanout/dialect.h"
#include "proto/json/codes.h"

/* As messages; as base64 (grpc-web-text); each as a chunk of HTTP/1.1 (RFC 9112 section 7.1). */
enum tc_grpc_form {
    TC_GRPC_PLAIN,
    TC_GRPC_TEXT,
    TC_GRPC_CHUNK,
    TC_GRPC_TEXT_CHUNK,
    TC_GRPC_FORM_CNT
};

extern const struct tc_dialect tc_grpc_events[TC_GRPC_FORM_CNT];

/* Turns the message of len bytes at dst + TC_GRPC_FORM_ROOM into that form, at dst, which has room
 * for a third more and 2 * TC_GRPC_FORM_ROOM. Returns the bytes. */
enum { TC_GRPC_FORM_ROOM = 16 };
size_t tc_grpc_form_put(enum tc_grpc_form form, uint8_t *dst, size_t len);

/* Rooms are shown as far as they are printable ASCII, with '?' for the rest. */
extern const struct tc_words tc_grpc_words[TC_GRPC_FORM_CNT];

/* The update alone (jts.marketdata.v1.Update), without a prefix, to dst of update->len +
 * TC_UPDATE_OVERHEAD_MAX bytes. */
size_t tc_grpc_event_value(const struct tc_update *update, uint8_t *dst);

#endif
