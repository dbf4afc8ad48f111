// SPDX-License-Identifier: Apache-2.0
/* proto/transcode: messages between protobuf and JSON, by descriptors, in one walk.
 *
 *   protobuf bytes ──tc_transcode_to_json──> JSON text ──tc_transcode_to_pb──> protobuf bytes
 *
 * The mapping is that of proto3's JSON (https://protobuf.dev/programming-guides/json/): names in
 * lowerCamelCase, 64-bit integers as text, enums by name (a number without a name as number), bytes
 * as base64, well-known types in their own forms, null and zero without presence left out. In, the
 * proto names of fields are understood too.
 *
 * Bounds: input TC_PB_MESSAGE_BYTES_MAX; depth TC_PB_DEPTH_MAX, where each message, entry of a map
 * and value of an Any counts; the caller's buffer, in which base64 takes its text's room for a
 * moment. Nothing is allocated and nothing is kept between
 * calls. Output is written in the order of the input.
 *
 * Closer than other implementations, since no encoder writes it: a message field that comes in two
 * pieces, which a parser would have to merge, is -TC_ENOTSUP. A key that a map or a Struct has
 * twice is in the output twice as well; readers of either format let the last one count.
 *
 * Threads: one struct tc_transcode each; schemas are shared. */
#ifndef TC_PROTO_TRANSCODE_TRANSCODE_H
#define TC_PROTO_TRANSCODE_TRANSCODE_H

#include "proto/pb/check.h"

struct tc_transcode {
    const struct tc_pb_schema *schema; /* where the types of Any are looked up */
    /* Fields, and names of enum values, that the type does not have are left out; otherwise they
     * are an error. */
    bool is_unknown_ignored;
    const char *detail;  /* why the last call failed; static */
    struct tc_str field; /* in which field, innermost; a view of the schema; empty: none */
};

/* Appends the message as JSON to out. Errors, with out as it was (but for is_full):
 * -TC_ELIMIT: it does not fit, is too long, or its fields are so mixed that it would take too long;
 * -TC_EDEPTH; -TC_EUTF8; -TC_ENOTFOUND: an Any of a type that the schema does not have;
 * -TC_ENOTSUP: see above; -TC_EINVAL: malformed, a required field is missing, a time out of range,
 * an unknown field. */
int tc_transcode_to_json(struct tc_transcode *t, const struct tc_pb_message *type,
                         struct tc_str bytes, struct tc_pb_out *out) TC_MUST_CHECK;

/* Appends the protobuf message that the JSON text stands for to out (no tag or length). Errors as
 * above; -TC_EINVAL: not JSON, a value of the wrong kind or range, a member that comes twice, two
 * members of a oneof, an unknown one. */
int tc_transcode_to_pb(struct tc_transcode *t, const struct tc_pb_message *type, struct tc_str json,
                       struct tc_pb_out *out) TC_MUST_CHECK;

#endif
