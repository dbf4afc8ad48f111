// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/status: how a call ended: the codes, and the text of grpc-message.
 *
 * The numbers and the mapping from HTTP are those of gRPC's documents (statuscodes.md,
 * http-grpc-status-mapping.md); grpc-message is percent-encoded UTF-8 (PROTOCOL-HTTP2.md,
 * Responses). Any thread. */
#ifndef TC_PROTO_GRPC_STATUS_H
#define TC_PROTO_GRPC_STATUS_H

#include "core/base/base.h"

/* In the order of their numbers, from 0. */
#define TC_GRPC_STATUS_TABLE(X)                                                                    \
    X(OK)                                                                                          \
    X(CANCELLED)                                                                                   \
    X(UNKNOWN)                                                                                     \
    X(INVALID_ARGUMENT)                                                                            \
    X(DEADLINE_EXCEEDED)                                                                           \
    X(NOT_FOUND)                                                                                   \
    X(ALREADY_EXISTS)                                                                              \
    X(PERMISSION_DENIED)                                                                           \
    X(RESOURCE_EXHAUSTED)                                                                          \
    X(FAILED_PRECONDITION)                                                                         \
    X(ABORTED)                                                                                     \
    X(OUT_OF_RANGE)                                                                                \
    X(UNIMPLEMENTED)                                                                               \
    X(INTERNAL)                                                                                    \
    X(UNAVAILABLE)                                                                                 \
    X(DATA_LOSS)                                                                                   \
    X(UNAUTHENTICATED)

enum tc_grpc_status {
#define X(name) TC_GRPC_##name,
    TC_GRPC_STATUS_TABLE(X)
#undef X
        TC_GRPC_STATUS_CNT
};

/* "INVALID_ARGUMENT"; status < TC_GRPC_STATUS_CNT. */
const char *tc_grpc_status_name(enum tc_grpc_status status);

/* What a client makes of an answer without grpc-status. Never OK: 200 gives UNKNOWN. Not for
 * servers: it is no way back from a status to HTTP. */
enum tc_grpc_status tc_grpc_status_of_http(int http_status);

/* Writes text as a value of grpc-message: space and printable ASCII but '%' as they are, every
 * other byte as "%XX", and a space at an end, where a field's value may have none (RFC 9113 section
 * 8.2.1). Returns bytes written, at most cap: what does not fit is cut off at a border of
 * characters, never inside an escape. dst of 3 * text.len bytes holds any text whole. */
size_t tc_grpc_percent_encode(char *dst, size_t cap, struct tc_str text);

/* The way back; never fails: what is no escape of two hexadecimal digits stays as it is. Returns
 * bytes written, at most cap (the rest is cut off at a border of characters). dst of text.len bytes
 * holds any text whole and may be text.ptr itself. The result need not be UTF-8. */
size_t tc_grpc_percent_decode(char *dst, size_t cap, struct tc_str text);

#endif
