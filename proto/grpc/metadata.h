// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/metadata: the header fields of a call (gRPC's PROTOCOL-HTTP2.md, Requests, and
 * PROTOCOL-WEB.md): what a key and a value may be, and the fields that steer the call.
 *
 * Nothing is copied or stored: views in, verdicts out. Values are without white space at their
 * ends, as HTTP decoders give them. Any thread. */
#ifndef TC_PROTO_GRPC_METADATA_H
#define TC_PROTO_GRPC_METADATA_H

#include "core/base/err.h"

/* ---- custom metadata ---- */

/* 1 or more of 0-9 a-z _ - . */
bool tc_grpc_key_is_valid(struct tc_str key);

/* Begins with "grpc-": gRPC's own, never an application's. */
bool tc_grpc_key_is_reserved(struct tc_str key);

/* Ends with "-bin": its value is base64 of any bytes. */
bool tc_grpc_key_is_binary(struct tc_str key);

/* Space and printable ASCII only (0x20 to 0x7e), no space at an end (RFC 9113 section 8.2.1), or
 * empty: the value may be sent. One that came and is valid for HTTP alone is no error of the call:
 * it is left out. */
bool tc_grpc_value_is_valid(struct tc_str value);

/* Takes the next of the values that a "-bin" field has, joined by ',': decodes it to dst and moves
 * *values behind it; values->ptr is NULL after the last. 1: a value of *len bytes (0 for an empty
 * one); 0: there is none left; -TC_EINVAL: it is not base64 (padded or not); -TC_ELIMIT: it has
 * more than cap bytes. After an error *values is behind the bad value too. The way out is
 * tc_grpc_base64_encode() without padding. */
int tc_grpc_bin_next(struct tc_str *values, uint8_t *dst, size_t cap, size_t *len) TC_MUST_CHECK;

/* ---- fields that steer a call ---- */

/* A longer timeout counts as this one (146 years), so that it can be added to a clock. */
#define TC_GRPC_TIMEOUT_MAX_NS (INT64_MAX / 2)

/* grpc-timeout: 1 to 8 digits and one of H M S m u n. 0, or -TC_EINVAL. A timeout of 0 is over at
 * once. */
int tc_grpc_timeout(struct tc_str value, int64_t *timeout_ns) TC_MUST_CHECK;

enum tc_grpc_kind {
    TC_GRPC_KIND_NONE,     /* not gRPC at all: HTTP status 415 */
    TC_GRPC_KIND_GRPC,     /* application/grpc */
    TC_GRPC_KIND_WEB,      /* application/grpc-web */
    TC_GRPC_KIND_WEB_TEXT, /* application/grpc-web-text: the body is base64 */
};

/* content-type, in any case; parameters after ';' are passed over. *is_proto: messages are protobuf
 * (nothing or "+proto" follows the kind); false: the kind is known and the format ("+json") is not,
 * which ends a call with UNIMPLEMENTED; false with KIND_NONE. */
enum tc_grpc_kind tc_grpc_content_type(struct tc_str value, bool *is_proto);

enum tc_grpc_encoding {
    TC_GRPC_ENCODING_IDENTITY,
    TC_GRPC_ENCODING_GZIP,
    TC_GRPC_ENCODING_OTHER, /* ends a call with UNIMPLEMENTED, and grpc-accept-encoding tells why */
};

/* grpc-encoding; an empty value (no such field) is IDENTITY. */
enum tc_grpc_encoding tc_grpc_encoding_of(struct tc_str value);

/* Whether the list of a grpc-accept-encoding field names gzip. */
bool tc_grpc_accepts_gzip(struct tc_str value);

#endif
