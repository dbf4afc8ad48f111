// SPDX-License-Identifier: Apache-2.0
/* proto/pb/schema: message types at run time, loaded from what protoc writes.
 *
 *   protoc --include_imports --descriptor_set_out=FILE   ──>  FileDescriptorSet  ──load──>  tables
 *
 * A schema is made once at start, from one set or several (the one built into the program, and the
 * user's), and is only read afterwards. Its tables come from a struct tc_mem; names that stand in
 * the sets are views of them, so the sets must live as long as the schema.
 *
 *   message ──> fields by number (a table, nearly always dense)
 *           └─> fields by name (JSON name and proto name; sorted by length, then bytes)
 *
 * Syntax proto2 and proto3. Refused, with the name of the file and message: editions, groups, names
 * that do not resolve, two fields of a message with one JSON name, what passes a limit. Extensions
 * are passed over: their fields are unknown ones, for their JSON names would depend on which sets
 * are loaded. A file of a name that an earlier set has is passed over too: sets repeat what they
 * import.
 *
 * Not for: bytes of messages (check.h, proto/transcode). After the load: any thread. */
#ifndef TC_PROTO_PB_SCHEMA_H
#define TC_PROTO_PB_SCHEMA_H

#include "core/mem/mem.h"

enum {
    TC_PB_SETS_MAX = 16,
    TC_PB_FILES_MAX = 2048,
    TC_PB_MESSAGES_MAX = 32768,
    TC_PB_FIELDS_MAX = 1 << 19, /* of all messages */
    TC_PB_VALUES_MAX = 1 << 19, /* of all enums */
    TC_PB_METHODS_MAX = 32768,
    TC_PB_MESSAGE_FIELDS_MAX = 1024, /* of one message: a bit each in sets on the stack */
    TC_PB_NAME_MAX = 512,            /* bytes of a full name, of a file's name */
    TC_PB_DEPTH_MAX = 32, /* messages in messages, the outermost counted; also of types */
    TC_PB_MESSAGE_BYTES_MAX = 1 << 20,
};

/* The numbers of FieldDescriptorProto.Type. */
enum tc_pb_type {
    TC_PB_DOUBLE = 1,
    TC_PB_FLOAT = 2,
    TC_PB_INT64 = 3,
    TC_PB_UINT64 = 4,
    TC_PB_INT32 = 5,
    TC_PB_FIXED_U64 = 6,
    TC_PB_FIXED_U32 = 7,
    TC_PB_BOOL = 8,
    TC_PB_STRING = 9,
    TC_PB_GROUP = 10, /* never in a schema */
    TC_PB_MESSAGE = 11,
    TC_PB_BLOB = 12, /* bytes */
    TC_PB_UINT32 = 13,
    TC_PB_ENUM = 14,
    TC_PB_FIXED_I32 = 15,
    TC_PB_FIXED_I64 = 16,
    TC_PB_SINT32 = 17,
    TC_PB_SINT64 = 18,
};

/* Messages with a JSON form of their own. */
enum tc_pb_well_known {
    TC_PB_ORDINARY,
    TC_PB_ANY,
    TC_PB_TIMESTAMP,
    TC_PB_DURATION,
    TC_PB_FIELD_MASK,
    TC_PB_STRUCT,
    TC_PB_VALUE,
    TC_PB_LIST_VALUE,
    TC_PB_WRAPPER, /* its field 1 is the value */
};

struct tc_pb_field {
    struct tc_str name;      /* "ts_ms" */
    struct tc_str json_name; /* "tsMs"; needs no escape in JSON */
    uint32_t number;
    uint16_t oneof; /* 1-based index of its oneof in the message, 0: none */
    uint8_t type;   /* enum tc_pb_type */
    uint8_t wire;   /* enum tc_pb_wire of one value */
    bool is_repeated;
    bool is_packed; /* as it is written; both forms are read */
    bool is_required;
    bool has_presence;                    /* a zero on the wire differs from none */
    const struct tc_pb_message *message;  /* MESSAGE only */
    const struct tc_pb_enum *enumeration; /* ENUM only */
};

struct tc_pb_name {
    struct tc_str text;
    uint32_t idx; /* of the field or value that it names */
};

struct tc_pb_message {
    struct tc_str full_name;          /* "jts.marketdata.v1.Tick" */
    const struct tc_pb_field *fields; /* by number */
    const struct tc_pb_name *names;
    uint32_t field_cnt;
    uint32_t name_cnt;
    uint32_t required_cnt;
    uint32_t file_idx;
    bool is_map_entry;
    uint8_t well_known; /* enum tc_pb_well_known */
};

struct tc_pb_value {
    struct tc_str name;
    int32_t number;
};

struct tc_pb_enum {
    struct tc_str full_name;
    const struct tc_pb_value *values; /* by number; of aliases the first comes first */
    const struct tc_pb_name *names;
    uint32_t value_cnt;
    uint32_t file_idx;
    bool is_closed; /* proto2: a number without a name is an unknown field */
    bool is_null;   /* google.protobuf.NullValue: null in JSON */
};

struct tc_pb_method {
    struct tc_str name;
    const struct tc_pb_message *input;
    const struct tc_pb_message *output;
    bool is_client_streaming;
    bool is_server_streaming;
};

struct tc_pb_service {
    struct tc_str full_name;
    const struct tc_pb_method *methods;
    uint32_t method_cnt;
    uint32_t file_idx;
};

struct tc_pb_file {
    struct tc_str name;  /* "jts/marketdata/v1/tick.proto" */
    struct tc_str bytes; /* its FileDescriptorProto */
};

enum tc_pb_kind { TC_PB_A_MESSAGE, TC_PB_AN_ENUM, TC_PB_A_SERVICE, TC_PB_A_METHOD };

struct tc_pb_symbol {
    struct tc_str full_name;
    enum tc_pb_kind kind;
    uint32_t idx; /* in the table of its kind */
    uint32_t file_idx;
};

/* Tables in the order of the sets; symbols sorted by name. */
struct tc_pb_schema {
    struct tc_pb_file *files;
    struct tc_pb_message *messages;
    struct tc_pb_field *fields;
    struct tc_pb_enum *enums;
    struct tc_pb_value *values;
    struct tc_pb_name *names;
    struct tc_pb_service *services;
    struct tc_pb_method *methods;
    struct tc_pb_symbol *symbols;
    char *text; /* names that had to be put together */
    uint32_t file_cnt;
    uint32_t message_cnt;
    uint32_t field_cnt;
    uint32_t enum_cnt;
    uint32_t value_cnt;
    uint32_t name_cnt;
    uint32_t service_cnt;
    uint32_t method_cnt;
    uint32_t symbol_cnt;
    size_t text_len;
};

/* Loads set_cnt sets (1 to TC_PB_SETS_MAX). -TC_EINVAL: not a descriptor set, or one that breaks a
 * rule; -TC_ENOTSUP: editions, groups; -TC_ELIMIT; -TC_EEXIST: a name defined twice; -TC_ENOTFOUND:
 * a type that no set has; -TC_ENOMEM. *err says where. The schema is void then. */
int tc_pb_schema_load(struct tc_pb_schema *schema, const struct tc_str *sets, uint32_t set_cnt,
                      struct tc_mem *mem, const char *holder, struct tc_err *err) TC_MUST_CHECK;

/* By full name, without a leading dot; NULL if there is none. */
const struct tc_pb_message *tc_pb_message(const struct tc_pb_schema *schema, struct tc_str name);
const struct tc_pb_enum *tc_pb_enum(const struct tc_pb_schema *schema, struct tc_str name);
const struct tc_pb_service *tc_pb_service(const struct tc_pb_schema *schema, struct tc_str name);

/* By its own name ("Subscribe"); NULL if there is none. */
const struct tc_pb_method *tc_pb_method(const struct tc_pb_service *service, struct tc_str name);

/* The file of that name, or the one that defines a message, enum, service or method of that full
 * name; NULL if there is none. */
const struct tc_pb_file *tc_pb_file(const struct tc_pb_schema *schema, struct tc_str name);
const struct tc_pb_file *tc_pb_file_of(const struct tc_pb_schema *schema, struct tc_str symbol);

/* The field of that number, NULL if there is none. */
const struct tc_pb_field *tc_pb_field(const struct tc_pb_message *message, uint32_t number);

/* The field of that JSON name or proto name, NULL if there is none. */
const struct tc_pb_field *tc_pb_field_named(const struct tc_pb_message *message,
                                            struct tc_str name);

/* NULL if there is none. */
const struct tc_pb_value *tc_pb_value(const struct tc_pb_enum *enumeration, int32_t number);
const struct tc_pb_value *tc_pb_value_named(const struct tc_pb_enum *enumeration,
                                            struct tc_str name);

static inline bool tc_pb_is_map(const struct tc_pb_field *field)
{
    return field->message && field->message->is_map_entry;
}

#endif
