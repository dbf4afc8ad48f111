// SPDX-License-Identifier: Apache-2.0
/* proto/ws/handshake: the opening handshake of a server (RFC 6455 section 4.2), and whose page it
 * is.
 *
 * No extension is accepted (permessage-deflate is declined by silence) and no subprotocol is
 * chosen. Not for: routing; the caller has matched the path. */
#ifndef TC_PROTO_WS_HANDSHAKE_H
#define TC_PROTO_WS_HANDSHAKE_H

#include "proto/http1/http1.h"

enum {
    TC_WS_KEY_BYTES = 24,      /* base64 of 16 bytes */
    TC_WS_ACCEPT_BYTES = 28,   /* base64 of 20 bytes */
    TC_WS_HANDSHAKE_MAX = 256, /* bytes of the 101 answer */
};

/* Sec-WebSocket-Accept for a key of TC_WS_KEY_BYTES; no NUL. Takes no memory. */
void tc_ws_accept_key(const char key[TC_WS_KEY_BYTES], char out[TC_WS_ACCEPT_BYTES]);

/* 101: a valid upgrade; otherwise the status to answer, and *detail says why (static text):
 *   405 not GET (Allow: GET)
 *   426 no Upgrade: websocket, or another version: the answer must carry TC_WS_UPGRADE_LINES
 *   400 anything else that breaks section 4.2.1 */
int tc_ws_handshake_check(const struct tc_http1 *http, const char **detail) TC_MUST_CHECK;

/* Further lines of a 426, for struct tc_http1_answer.extra. */
#define TC_WS_UPGRADE_LINES "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

/* Writes the 101 answer of a head that passed the check; returns its bytes (<=
 * TC_WS_HANDSHAKE_MAX). out has TC_WS_HANDSHAKE_MAX bytes. */
size_t tc_ws_handshake_answer(const struct tc_http1 *http, char *out);

/* Whether the page that asks may: it sent no Origin (not a browser), or the Origin is in the list
 * ("https://ui.example"; compared as text of any case, "*" allows all), or its host and port are
 * those of Host (a port that its scheme implies may be absent; the scheme itself does not count,
 * for TLS may end in front of us). Two Origin fields and "null" are foreign. origins may be NULL if
 * origin_cnt is 0. */
bool tc_ws_origin_is_allowed(const struct tc_http1 *http, const char *const *origins,
                             uint32_t origin_cnt);

/* The same of one Origin that was sent. */
bool tc_ws_origin_is_among(struct tc_str origin, struct tc_str host, const char *const *origins,
                           uint32_t origin_cnt);

#endif
