// SPDX-License-Identifier: Apache-2.0
/* proto/ws/ws_json: the WebSocket JSON dialect on the wire (docs/protocol.md): events as whole,
 * unmasked text frames (RFC 6455 section 5.2), the same bytes for every member of a room.
 *
 * Payloads pass through untouched: ingest has validated them. Room names are legal and need no
 * escape, but in an error, which may quote an illegal one. Pure functions; any thread. */
#ifndef TC_PROTO_WS_WS_JSON_H
#define TC_PROTO_WS_WS_JSON_H

#include "core/fanout/dialect.h"
#include "proto/json/codes.h"

extern const struct tc_dialect tc_ws_json;

/* Each writes one frame to dst, which has TC_NOTICE_BYTES_MAX bytes, and returns its length. id:
 * JSON text as the client wrote it, ptr NULL: it gave none. */

/* message: plain ASCII without quotes. room: any bytes, cut at TC_ROOM_NAME_MAX; ptr NULL: none. */
size_t tc_ws_json_error(uint8_t *dst, struct tc_str id, enum tc_code code, const char *message,
                        struct tc_str room);

/* The answer to "ping"; ts_ms: wall clock, ms since the epoch. */
size_t tc_ws_json_pong(uint8_t *dst, struct tc_str id, int64_t ts_ms);

/* A graceful stop begins: come back after reconnect_ms. */
size_t tc_ws_json_draining(uint8_t *dst, uint32_t reconnect_ms);

#endif
