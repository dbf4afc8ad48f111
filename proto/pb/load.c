// SPDX-License-Identifier: Apache-2.0
#include "proto/pb/load.h"

/* prefix.name, in the schema's own text. */
static struct tc_str join(struct tc_pb_schema *schema, struct tc_str prefix, struct tc_str name)
{
    struct tc_str full = { schema->text + schema->text_len, 0 };
    if (prefix.len > 0) {
        memcpy(schema->text + schema->text_len, prefix.ptr, prefix.len);
        schema->text[schema->text_len + prefix.len] = '.';
        full.len = prefix.len + 1;
    }
    memcpy(schema->text + schema->text_len + full.len, name.ptr, name.len);
    full.len += name.len;
    schema->text_len += full.len;
    return full;
}

/* What protoc makes of "last_px_2" when no JSON name is given: "lastPx2". */
static struct tc_str camel(struct tc_pb_schema *schema, struct tc_str name)
{
    struct tc_str out = { schema->text + schema->text_len, 0 };
    bool is_raised = false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_') {
            is_raised = true;
            continue;
        }
        if (is_raised && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        is_raised = false;
        schema->text[schema->text_len + out.len++] = c;
    }
    schema->text_len += out.len;
    return out;
}

static void add_symbol(struct tc_pb_load *load, struct tc_str name, enum tc_pb_kind kind,
                       uint32_t idx)
{
    load->schema->symbols[load->schema->symbol_cnt++] =
        (struct tc_pb_symbol){ name, kind, idx, load->file_idx };
}

/* The wire type of one value; a type outside the table has none. */
static int wire_of(uint64_t type, uint8_t *wire)
{
    static const uint8_t wires[] = {
        [TC_PB_DOUBLE] = TC_PB_FIXED64,    [TC_PB_FLOAT] = TC_PB_FIXED32,
        [TC_PB_INT64] = TC_PB_VARINT,      [TC_PB_UINT64] = TC_PB_VARINT,
        [TC_PB_INT32] = TC_PB_VARINT,      [TC_PB_FIXED_U64] = TC_PB_FIXED64,
        [TC_PB_FIXED_U32] = TC_PB_FIXED32, [TC_PB_BOOL] = TC_PB_VARINT,
        [TC_PB_STRING] = TC_PB_BYTES,      [TC_PB_MESSAGE] = TC_PB_BYTES,
        [TC_PB_BLOB] = TC_PB_BYTES,        [TC_PB_UINT32] = TC_PB_VARINT,
        [TC_PB_ENUM] = TC_PB_VARINT,       [TC_PB_FIXED_I32] = TC_PB_FIXED32,
        [TC_PB_FIXED_I64] = TC_PB_FIXED64, [TC_PB_SINT32] = TC_PB_VARINT,
        [TC_PB_SINT64] = TC_PB_VARINT,
    };
    if (type == TC_PB_GROUP)
        return -TC_ENOTSUP;
    if (type == 0 || type >= TC_ARRAY_CNT(wires))
        return -TC_EINVAL;
    *wire = wires[type];
    return TC_OK;
}

static int fill_field(struct tc_pb_load *load, struct tc_str bytes)
{
    enum { OPTIONAL = 1, REQUIRED = 2, REPEATED = 3 };
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_field *f = &s->fields[s->field_cnt];
    uint64_t number = tc_pb_load_value(bytes, TC_PB_FIELD_NUMBER, 0);
    uint64_t label = tc_pb_load_value(bytes, TC_PB_FIELD_LABEL, OPTIONAL);
    uint64_t type = tc_pb_load_value(bytes, TC_PB_FIELD_TYPE, 0);
    uint64_t oneof = tc_pb_load_value(bytes, TC_PB_FIELD_ONEOF, UINT64_MAX) + 1; /* 0: none */
    struct tc_str options = tc_pb_load_bytes(bytes, TC_PB_FIELD_OPTIONS);
    f->name = tc_pb_load_bytes(bytes, TC_PB_ANY_NAME);
    if (number == 0 || number > TC_PB_NUMBER_MAX)
        return tc_pb_load_fail(load, -TC_EINVAL, f->name, "its number is out of range");
    int rc = wire_of(type, &f->wire);
    if (rc < 0)
        return tc_pb_load_fail(load, rc, f->name,
                               type == TC_PB_GROUP ? "groups are not supported"
                                                   : "its type is not known");
    if (label < OPTIONAL || label > REPEATED || (label == REQUIRED && load->is_proto3))
        return tc_pb_load_fail(load, -TC_EINVAL, f->name, "its label is not known");
    if (oneof > TC_PB_MESSAGE_FIELDS_MAX || (oneof > 0 && label != OPTIONAL))
        return tc_pb_load_fail(load, -TC_EINVAL, f->name, "its oneof is wrong");
    f->json_name = tc_pb_load_bytes(bytes, TC_PB_FIELD_JSON_NAME);
    if (f->json_name.len == 0)
        f->json_name = camel(s, f->name);
    f->number = (uint32_t)number;
    f->type = (uint8_t)type;
    f->oneof = (uint16_t)oneof;
    f->is_repeated = label == REPEATED;
    f->is_required = label == REQUIRED;
    f->is_packed = f->is_repeated && f->wire != TC_PB_BYTES &&
                   tc_pb_load_value(options, TC_PB_OPTION_PACKED, load->is_proto3);
    f->has_presence = !f->is_repeated && (!load->is_proto3 || oneof > 0 || type == TC_PB_MESSAGE);
    load->field_types[s->field_cnt++] = tc_pb_load_bytes(bytes, TC_PB_FIELD_TYPE_NAME);
    return TC_OK;
}

static void fill_enum(struct tc_pb_load *load, struct tc_str bytes, struct tc_str prefix)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_enum *e = &s->enums[s->enum_cnt];
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    e->full_name = join(s, prefix, tc_pb_load_bytes(bytes, TC_PB_ANY_NAME));
    e->values = &s->values[s->value_cnt];
    e->file_idx = load->file_idx;
    e->is_closed = !load->is_proto3;
    e->is_null = tc_str_eq(e->full_name, TC_STR("google.protobuf.NullValue"));
    while (tc_pb_next(&in, &item) > 0) {
        if (item.number != TC_PB_ENUM_VALUE || item.wire != TC_PB_BYTES)
            continue;
        s->values[s->value_cnt++] = (struct tc_pb_value){
            .name = tc_pb_load_bytes(item.bytes, TC_PB_ANY_NAME),
            .number = (int32_t)tc_pb_load_value(item.bytes, TC_PB_VALUE_NUMBER, 0),
        };
        e->value_cnt++;
    }
    add_symbol(load, e->full_name, TC_PB_AN_ENUM, s->enum_cnt++);
}

static int fill_message(struct tc_pb_load *load, struct tc_str bytes, struct tc_str prefix)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_message *m = &s->messages[s->message_cnt];
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int rc = TC_OK;
    m->full_name = join(s, prefix, tc_pb_load_bytes(bytes, TC_PB_ANY_NAME));
    m->fields = &s->fields[s->field_cnt];
    m->file_idx = load->file_idx;
    m->is_map_entry = tc_pb_load_value(tc_pb_load_bytes(bytes, TC_PB_MESSAGE_OPTIONS),
                                       TC_PB_OPTION_MAP_ENTRY, 0) != 0;
    add_symbol(load, m->full_name, TC_PB_A_MESSAGE, s->message_cnt++);
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        if (item.number != TC_PB_MESSAGE_FIELD || item.wire != TC_PB_BYTES)
            continue;
        rc = fill_field(load, item.bytes);
        m->field_cnt++;
    }
    in = tc_pb_in(bytes); /* fields of a message lie together: what is in it comes after them */
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        if (item.wire != TC_PB_BYTES)
            continue;
        if (item.number == TC_PB_MESSAGE_NESTED)
            rc = fill_message(load, item.bytes, m->full_name);
        else if (item.number == TC_PB_MESSAGE_ENUM)
            fill_enum(load, item.bytes, m->full_name);
    }
    return rc;
}

static void fill_service(struct tc_pb_load *load, struct tc_str bytes, struct tc_str prefix)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_service *service = &s->services[s->service_cnt];
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    service->full_name = join(s, prefix, tc_pb_load_bytes(bytes, TC_PB_ANY_NAME));
    service->methods = &s->methods[s->method_cnt];
    service->file_idx = load->file_idx;
    add_symbol(load, service->full_name, TC_PB_A_SERVICE, s->service_cnt++);
    while (tc_pb_next(&in, &item) > 0) {
        struct tc_pb_method *m = &s->methods[s->method_cnt];
        if (item.number != TC_PB_SERVICE_METHOD || item.wire != TC_PB_BYTES)
            continue;
        m->name = tc_pb_load_bytes(item.bytes, TC_PB_ANY_NAME);
        m->is_client_streaming =
            tc_pb_load_value(item.bytes, TC_PB_METHOD_CLIENT_STREAMING, 0) != 0;
        m->is_server_streaming =
            tc_pb_load_value(item.bytes, TC_PB_METHOD_SERVER_STREAMING, 0) != 0;
        load->method_types[2 * s->method_cnt] = tc_pb_load_bytes(item.bytes, TC_PB_METHOD_INPUT);
        load->method_types[2 * s->method_cnt + 1] =
            tc_pb_load_bytes(item.bytes, TC_PB_METHOD_OUTPUT);
        add_symbol(load, join(s, service->full_name, m->name), TC_PB_A_METHOD, s->method_cnt++);
        service->method_cnt++;
    }
}

static int fill_file(struct tc_pb_load *load, struct tc_str bytes)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    struct tc_str package = tc_pb_load_bytes(bytes, TC_PB_FILE_PACKAGE);
    struct tc_str syntax = tc_pb_load_bytes(bytes, TC_PB_FILE_SYNTAX);
    int rc = TC_OK;
    load->file = tc_pb_load_bytes(bytes, TC_PB_FILE_NAME);
    if (tc_pb_file(load->schema, load->file))
        return TC_OK;
    load->is_proto3 = tc_str_eq(syntax, TC_STR("proto3"));
    if (!load->is_proto3 && syntax.len > 0 && !tc_str_eq(syntax, TC_STR("proto2")))
        return tc_pb_load_fail(load, -TC_ENOTSUP, syntax, "only proto2 and proto3 are supported");
    load->file_idx = load->schema->file_cnt++;
    load->schema->files[load->file_idx] = (struct tc_pb_file){ load->file, bytes };
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        if (item.wire != TC_PB_BYTES)
            continue;
        if (item.number == TC_PB_FILE_MESSAGE)
            rc = fill_message(load, item.bytes, package);
        else if (item.number == TC_PB_FILE_ENUM)
            fill_enum(load, item.bytes, package);
        else if (item.number == TC_PB_FILE_SERVICE)
            fill_service(load, item.bytes, package);
    }
    return rc;
}

/* Tables of the counted sizes; the counts begin anew for filling. An empty table has one item, so
 * that a pointer to it is there. */
static int take(struct tc_pb_load *load, struct tc_mem *mem, const char *holder)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_schema c = *s;
    struct tc_err *err = load->err;
    uint64_t symbol_cnt = (uint64_t)c.message_cnt + c.enum_cnt + c.service_cnt + c.method_cnt;
    memset(s, 0, sizeof(*s));
    if (!(s->files = tc_mem_take(mem, holder, sizeof(*s->files), c.file_cnt + 1, err)) ||
        !(s->messages = tc_mem_take(mem, holder, sizeof(*s->messages), c.message_cnt + 1, err)) ||
        !(s->fields = tc_mem_take(mem, holder, sizeof(*s->fields), c.field_cnt + 1, err)) ||
        !(s->enums = tc_mem_take(mem, holder, sizeof(*s->enums), c.enum_cnt + 1, err)) ||
        !(s->values = tc_mem_take(mem, holder, sizeof(*s->values), c.value_cnt + 1, err)) ||
        !(s->names = tc_mem_take(mem, holder, sizeof(*s->names), c.name_cnt + 1, err)) ||
        !(s->services = tc_mem_take(mem, holder, sizeof(*s->services), c.service_cnt + 1, err)) ||
        !(s->methods = tc_mem_take(mem, holder, sizeof(*s->methods), c.method_cnt + 1, err)) ||
        !(s->symbols = tc_mem_take(mem, holder, sizeof(*s->symbols), symbol_cnt + 1, err)) ||
        !(s->text = tc_mem_take(mem, holder, c.text_len + 1, 1, err)))
        return -TC_ENOMEM;
    load->field_types = tc_alloc(sizeof(struct tc_str) * ((size_t)c.field_cnt + 1));
    load->method_types = tc_alloc(sizeof(struct tc_str) * (2 * (size_t)c.method_cnt + 1));
    return TC_OK;
}

int tc_pb_schema_load(struct tc_pb_schema *schema, const struct tc_str *sets, uint32_t set_cnt,
                      struct tc_mem *mem, const char *holder, struct tc_err *err)
{
    struct tc_pb_load load = { .schema = schema, .err = err };
    int rc = TC_OK;
    TC_ASSERT(set_cnt > 0 && set_cnt <= TC_PB_SETS_MAX);
    memset(schema, 0, sizeof(*schema));
    for (uint32_t i = 0; i < set_cnt && rc == TC_OK; i++)
        rc = tc_pb_load_count(&load, sets[i]);
    if (rc == TC_OK)
        rc = take(&load, mem, holder);
    for (uint32_t i = 0; i < set_cnt && rc == TC_OK; i++) {
        struct tc_pb_in in = tc_pb_in(sets[i]);
        struct tc_str file;
        while (rc == TC_OK && tc_pb_load_next_file(&in, &file) > 0)
            rc = fill_file(&load, file);
    }
    if (rc == TC_OK)
        rc = tc_pb_load_resolve(&load);
    tc_free(load.field_types);
    tc_free(load.method_types);
    return rc;
}
