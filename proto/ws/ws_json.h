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
extern const struct tc_words tc_ws_json_words; /* id: JSON text as the client wrote it */

size_t tc_ws_json_error(uint8_t *dst, struct tc_str id, enum tc_code code, const char *message,
                        struct tc_str room);
size_t tc_ws_json_pong(uint8_t *dst, struct tc_str id, int64_t ts_ms);
size_t tc_ws_json_draining(uint8_t *dst, uint32_t reconnect_ms);

#endif
