// SPDX-License-Identifier: Apache-2.0
/* proto/ws/client: the client's side of WebSocket (RFC 6455 section 4.1), for tools and tests.
 *
 * Frames from the server are read with struct tc_ws_in and conf.is_client. Randomness is handed in.
 */
#ifndef TC_PROTO_WS_CLIENT_H
#define TC_PROTO_WS_CLIENT_H

#include "proto/ws/frame.h"
#include "proto/ws/handshake.h"

enum { TC_WS_NONCE_BYTES = 16 };

/* Sec-WebSocket-Key of a nonce; no NUL. */
void tc_ws_client_key(const uint8_t nonce[TC_WS_NONCE_BYTES], char out[TC_WS_KEY_BYTES]);

/* Writes the request; origin may be NULL. Returns its bytes, 0 if cap is too small. host is
 * "name:port", path begins with "/". */
size_t tc_ws_client_request(char *out, size_t cap, const char *host, const char *path,
                            const char *origin, const uint8_t nonce[TC_WS_NONCE_BYTES]);

/* Looks at the beginning of the answer. 0: not complete (at most TC_HTTP_HEAD_MAX bytes); > 0:
 * bytes of a head that accepts the upgrade, frames follow; -TC_EINVAL: refused or not HTTP, *status
 * is what the server answered (0 if that cannot be read). */
int tc_ws_client_check(const void *bytes, size_t len, const uint8_t nonce[TC_WS_NONCE_BYTES],
                       int *status) TC_MUST_CHECK;

/* Writes the header of one whole masked frame (<= TC_WS_MASKED_HEADER_MAX bytes); returns its
 * bytes. The payload goes through tc_ws_mask with the same mask. */
size_t tc_ws_client_header(uint8_t *out, enum tc_ws_opcode opcode, uint64_t payload_len,
                           const uint8_t mask[4]);

/* XORs len bytes in place; off is their place in the payload. */
void tc_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4], uint64_t off);

#endif
