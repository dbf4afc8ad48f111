// SPDX-License-Identifier: Apache-2.0
/* proto/pb/load: what the steps of tc_pb_schema_load share. Private to this folder.
 *
 *   count    how much each table will hold, limits, forms of names     load_count.c
 *   fill     tables in the order of the sets, types still as names     load.c
 *   resolve  names to pointers, rules between types, sorted tables     load_resolve.c
 *
 * Field numbers are those of google/protobuf/descriptor.proto. */
#ifndef TC_PROTO_PB_LOAD_H
#define TC_PROTO_PB_LOAD_H

#include "proto/pb/schema.h"
#include "proto/pb/wire.h"

enum {
    TC_PB_SET_FILE = 1,
    TC_PB_FILE_NAME = 1,
    TC_PB_FILE_PACKAGE = 2,
    TC_PB_FILE_MESSAGE = 4,
    TC_PB_FILE_ENUM = 5,
    TC_PB_FILE_SERVICE = 6,
    TC_PB_FILE_SYNTAX = 12,
    TC_PB_ANY_NAME = 1, /* of a message, field, enum, value, service, method */
    TC_PB_MESSAGE_FIELD = 2,
    TC_PB_MESSAGE_NESTED = 3,
    TC_PB_MESSAGE_ENUM = 4,
    TC_PB_MESSAGE_OPTIONS = 7,
    TC_PB_OPTION_MAP_ENTRY = 7,
    TC_PB_FIELD_NUMBER = 3,
    TC_PB_FIELD_LABEL = 4,
    TC_PB_FIELD_TYPE = 5,
    TC_PB_FIELD_TYPE_NAME = 6,
    TC_PB_FIELD_OPTIONS = 8,
    TC_PB_OPTION_PACKED = 2,
    TC_PB_FIELD_ONEOF = 9,
    TC_PB_FIELD_JSON_NAME = 10,
    TC_PB_ENUM_VALUE = 2,
    TC_PB_VALUE_NUMBER = 2,
    TC_PB_SERVICE_METHOD = 2,
    TC_PB_METHOD_INPUT = 2,
    TC_PB_METHOD_OUTPUT = 3,
    TC_PB_METHOD_CLIENT_STREAMING = 5,
    TC_PB_METHOD_SERVER_STREAMING = 6,
};

struct tc_pb_load {
    struct tc_pb_schema *schema;
    struct tc_err *err;
    struct tc_str file; /* the one under way, for *err */
    uint32_t file_idx;
    bool is_proto3;
    /* as the sets name them (".jts.Tick"), beside fields and methods */
    struct tc_str *field_types;
    struct tc_str *method_types; /* input, output */
};

/* Fills *err with the file, the thing (a full or own name) and what is wrong; returns code. */
int tc_pb_load_fail(const struct tc_pb_load *load, int code, struct tc_str thing, const char *what);

/* The last field `number` of wire BYTES, empty if there is none. The message was checked to be
 * well-formed when it was counted. */
struct tc_str tc_pb_load_bytes(struct tc_str message, uint32_t number);

/* The same of wire VARINT; `none` if there is none. */
uint64_t tc_pb_load_value(struct tc_str message, uint32_t number, uint64_t none);

/* The first file of a set after *in; 1, 0 at the end, -TC_EINVAL. */
int tc_pb_load_next_file(struct tc_pb_in *in, struct tc_str *file);

/* Adds what a set holds to the counts of the schema, text_len among them. */
int tc_pb_load_count(struct tc_pb_load *load, struct tc_str set) TC_MUST_CHECK;

/* After all sets are filled in. */
int tc_pb_load_resolve(struct tc_pb_load *load) TC_MUST_CHECK;

#endif
