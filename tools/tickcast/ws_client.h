// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/ws_client: one WebSocket connection of a command line tool (RFC 6455).
 *
 * Blocking with time-outs on poll(); made for one connection and clarity, not for speed. Not for
 * the engine. A signal handler may set *stop; every wait then ends with -TC_EAGAIN. One thread. */
#ifndef TC_TOOLS_TICKCAST_WS_CLIENT_H
#define TC_TOOLS_TICKCAST_WS_CLIENT_H

#include "tools/tickcast/link.h"

enum { TC_WS_CLIENT_MESSAGE_MAX = 4 << 20 }; /* bytes of one message: an event and its envelope */

struct tc_ws_client;

/* text is valid during the call. Returns false to stop reading. */
typedef bool (*tc_ws_client_fn)(void *ctx, const char *text, size_t len);

/* Connects and shakes hands (section 4.1). -TC_EIO: no connection; -TC_EINVAL: the answer is not an
 * upgrade to WebSocket, or as tc_link_open; *err says which. */
int tc_ws_client_open(struct tc_ws_client **out, const struct tc_link_to *to,
                      struct tc_err *err) TC_MUST_CHECK;

/* Sends one text message, masked. Waits for room in the socket. */
int tc_ws_client_send(struct tc_ws_client *client, const char *text, size_t len,
                      struct tc_err *err) TC_MUST_CHECK;

/* Waits at most timeout_ms for input and hands out the messages that are complete. Pings are
 * answered. > 0: something arrived, 0: nothing did, -TC_ECLOSED: the server closed (see
 * tc_ws_client_close_code), -TC_EIO: the connection broke or the server broke the protocol,
 * -TC_EAGAIN: *stop was set. */
int tc_ws_client_read(struct tc_ws_client *client, int timeout_ms, tc_ws_client_fn fn, void *ctx,
                      struct tc_err *err) TC_MUST_CHECK;

/* The code of the server's close frame (section 7.4), 0: it sent none. */
uint16_t tc_ws_client_close_code(const struct tc_ws_client *client);

/* Says close 1000 if the connection still stands, and frees. client may be NULL. */
void tc_ws_client_close(struct tc_ws_client *client);

#endif
