// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/grpc_client: one gRPC connection of a command line tool, one call at a time
 * (gRPC's PROTOCOL-HTTP2.md): h2c with prior knowledge, or HTTP/2 by ALPN.
 *
 * Blocking with time-outs on poll(); made for one connection and clarity, not for speed. Not for
 * the engine. Messages are not compressed. One thread. */
#ifndef TC_TOOLS_TICKCAST_GRPC_CLIENT_H
#define TC_TOOLS_TICKCAST_GRPC_CLIENT_H

#include "proto/grpc/status.h"
#include "tools/tickcast/link.h"

enum { TC_GRPC_CLIENT_MESSAGE_MAX = 4 << 20 }; /* bytes of one message of an answer */

struct tc_grpc_client;

/* message is valid during the call. Returns false when it wants no more of the answer. */
typedef bool (*tc_grpc_client_fn)(void *ctx, struct tc_str message);

/* Connects and waits for the server's SETTINGS. -TC_EIO: no connection; -TC_EINVAL: it does not
 * speak HTTP/2, or as tc_link_open; *err says which. */
int tc_grpc_client_open(struct tc_grpc_client **out, const struct tc_link_to *to,
                        struct tc_err *err) TC_MUST_CHECK;

/* Begins a call of path ("/package.Service/Method"); the one before must have ended. */
int tc_grpc_client_call(struct tc_grpc_client *client, const char *path,
                        struct tc_err *err) TC_MUST_CHECK;

/* Sends a message of the call; is_last: and there will be no other. Waits for room in the socket,
 * not for the server's window. */
int tc_grpc_client_send(struct tc_grpc_client *client, struct tc_str message, bool is_last,
                        struct tc_err *err) TC_MUST_CHECK;

/* Waits at most timeout_ms for input and hands out the messages that are complete. > 0: something
 * arrived, 0: nothing did, -TC_ECLOSED: the call has ended, see tc_grpc_client_status; -TC_EIO: the
 * connection broke; -TC_EIO, -TC_EINVAL: the server broke the protocol; -TC_EAGAIN: *stop. */
int tc_grpc_client_read(struct tc_grpc_client *client, int timeout_ms, tc_grpc_client_fn fn,
                        void *ctx, struct tc_err *err) TC_MUST_CHECK;

/* Of a call that has ended. *message is what the server says, a view into client. */
enum tc_grpc_status tc_grpc_client_status(const struct tc_grpc_client *client,
                                          const char **message);

/* Cancels what is under way, and frees. client may be NULL. */
void tc_grpc_client_close(struct tc_grpc_client *client);

#endif
