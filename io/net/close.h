// SPDX-License-Identifier: Apache-2.0
/* io/net/close: why connections end: the one table.
 *
 * X(name, code (metric label and log), WebSocket code, HTTP status, text for the peer). WebSocket
 * code 0: nothing is sent. HTTP status 0: no answer. */
#ifndef TC_IO_NET_CLOSE_H
#define TC_IO_NET_CLOSE_H

#include "core/base/base.h"

/* clang-format off */
#define TC_CLOSE_TABLE(X)                                                                          \
    X(PEER_ENDED, "peer-ended", 0, 0, "the peer closed the connection")                            \
    X(PEER_RESET, "peer-reset", 0, 0, "the connection broke")                                      \
    X(PEER_CLOSED, "peer-closed", 1000, 0, "closed by the client")                                 \
    X(ANSWERED, "answered", 0, 0, "the answer was the last of its connection")                     \
    X(HEAD_TIMEOUT, "head-timeout", 0, 408, "the request head did not arrive in time")             \
    X(IDLE, "idle", 1001, 0, "no sign of life")                                                    \
    X(BAD_REQUEST, "bad-request", 0, 400, "the request is malformed")                              \
    X(PROTOCOL, "protocol", 1002, 0, "the frames break RFC 6455")                                  \
    X(MESSAGE_TIMEOUT, "message-timeout", 1008, 0, "the message did not arrive in time")           \
    X(UNSUPPORTED, "unsupported-data", 1003, 0, "only text messages are understood")               \
    X(BAD_DATA, "bad-data", 1007, 0, "text that is not UTF-8")                                     \
    X(POLICY, "policy", 1008, 0, "too many fragments or control frames")                           \
    X(TOO_BIG, "too-big", 1009, 0, "the message is too long")                                      \
    X(TOO_FAST, "rate-limited", 1008, 0, "too many commands")                                      \
    X(UNREAD, "unread-replies", 0, 0, "replies are not read")                                      \
    X(SPILL, "spill-spent", 0, 0, "no memory for an unfinished frame: nothing can follow it")      \
    X(NO_CONTEXT, "no-context", 1013, 503, "too many unfinished messages")                         \
    X(H2_PROTOCOL, "http-frames", 0, 0, "the frames break RFC 9113")                               \
    X(CALM, "enhance-your-calm", 0, 0, "too many resets, fields or frames that bring nothing")     \
    X(TLS, "tls", 0, 0, "the TLS handshake failed or a record is broken")                          \
    X(HANDSHAKE_TIMEOUT, "handshake-timeout", 0, 0, "the TLS handshake was not done in time")      \
    X(LIMIT, "connection-limit", 0, 503, "too many connections")                                   \
    X(DRAINING, "draining", 1012, 503, "the server restarts")                                      \
    X(DRAIN_TIMEOUT, "drain-timeout", 0, 0, "the drain window is over")                            \
    X(INTERNAL, "internal", 1011, 500, "the server failed")
/* clang-format on */

enum tc_close {
#define X(name, code, ws, http, text) TC_CLOSE_##name,
    TC_CLOSE_TABLE(X)
#undef X
        TC_CLOSE_CNT
};

struct tc_close_row {
    const char *code;
    uint16_t ws_code;
    uint16_t http_status;
    const char *text;
};

/* By enum tc_close. */
extern const struct tc_close_row tc_closes[TC_CLOSE_CNT];

/* The reason that sends WebSocket close code ws_code for a fault of the peer (1002, 1003, 1007 … as
 * proto/ws/frame tells); TC_CLOSE_PROTOCOL if there is none. */
enum tc_close tc_close_of_ws(int ws_code);

#endif
