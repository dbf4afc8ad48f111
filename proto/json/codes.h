// SPDX-License-Identifier: Apache-2.0
/* proto/json/codes: the one table of codes that clients are told, the same in every dialect.
 *
 * The texts are a promise: programs compare them. */
#ifndef TC_PROTO_JSON_CODES_H
#define TC_PROTO_JSON_CODES_H

#include "core/base/base.h"

/* name, text on the wire, when */
#define TC_CODE_TABLE(X)                                                                           \
    X(BAD_REQUEST, "bad-request", "the command breaks the format")                                 \
    X(UNKNOWN_EVENT, "unknown-event", "there is no such command")                                  \
    X(ROOM_UNKNOWN, "room-unknown", "the name fits no room of this server")                        \
    X(ROOM_ILLEGAL, "room-illegal", "the name has illegal characters or is too long")              \
    X(TOO_MANY_ROOMS, "too-many-rooms", "more rooms than one connection may have")                 \
    X(RATE_LIMITED, "rate-limited", "commands come too fast")                                      \
    X(NOT_SUPPORTED, "not-supported", "known, and not offered by this server")                     \
    X(UNAUTHORIZED, "unauthorized", "the room needs a token")                                      \
    X(FORBIDDEN, "forbidden", "the token does not give this right")                                \
    X(OVERLOADED, "overloaded", "the server has no place for it now; try again later")             \
    X(INTERNAL, "internal", "the server failed")

enum tc_code {
#define X(name, text, when) TC_CODE_##name,
    TC_CODE_TABLE(X)
#undef X
        TC_CODE_CNT
};

/* The text on the wire; code < TC_CODE_CNT. */
const char *tc_code_text(enum tc_code code);

/* What sessions themselves say in a dialect. Each writes one frame to dst, which has
 * TC_NOTICE_BYTES_MAX bytes (core/fanout/dialect.h), and returns its length. id and room: ptr NULL:
 * none. */
struct tc_words {
    /* message: plain ASCII without quotes. room: any bytes, cut at TC_ROOM_NAME_MAX. */
    size_t (*error)(uint8_t *dst, struct tc_str id, enum tc_code code, const char *message,
                    struct tc_str room);
    /* The answer to "ping"; ts_ms: wall clock, ms since the epoch. */
    size_t (*pong)(uint8_t *dst, struct tc_str id, int64_t ts_ms);
    /* A graceful stop begins: come back after reconnect_ms. */
    size_t (*draining)(uint8_t *dst, uint32_t reconnect_ms);
};

#endif
