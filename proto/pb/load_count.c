// SPDX-License-Identifier: Apache-2.0
#include "proto/json/utf8.h"
#include "proto/pb/load.h"

int tc_pb_load_fail(const struct tc_pb_load *load, int code, struct tc_str thing, const char *what)
{
    if (thing.len == 0)
        return tc_err_set(load->err, code, "descriptor set: file \"%.*s\": %s",
                          (int)TC_MIN(load->file.len, 128u), load->file.ptr, what);
    return tc_err_set(load->err, code, "descriptor set: file \"%.*s\": \"%.*s\": %s",
                      (int)TC_MIN(load->file.len, 128u), load->file.ptr,
                      (int)TC_MIN(thing.len, 128u), thing.ptr, what);
}

struct tc_str tc_pb_load_bytes(struct tc_str message, uint32_t number)
{
    struct tc_pb_in in = tc_pb_in(message);
    struct tc_pb_item item;
    struct tc_str found = { "", 0 };
    while (tc_pb_next(&in, &item) > 0)
        if (item.number == number && item.wire == TC_PB_BYTES)
            found = item.bytes;
    return found;
}

uint64_t tc_pb_load_value(struct tc_str message, uint32_t number, uint64_t none)
{
    struct tc_pb_in in = tc_pb_in(message);
    struct tc_pb_item item;
    while (tc_pb_next(&in, &item) > 0)
        if (item.number == number && item.wire == TC_PB_VARINT)
            none = item.value;
    return none;
}

int tc_pb_load_next_file(struct tc_pb_in *in, struct tc_str *file)
{
    struct tc_pb_item item;
    int rc;
    while ((rc = tc_pb_next(in, &item)) > 0) {
        if (item.number != TC_PB_SET_FILE || item.wire != TC_PB_BYTES)
            continue;
        *file = item.bytes;
        return 1;
    }
    return rc;
}

static bool is_identifier(struct tc_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0 && name.len <= TC_PB_NAME_MAX;
}

/* Identifiers with dots between. */
static bool is_package(struct tc_str name)
{
    while (name.len > 0) {
        const char *dot = memchr(name.ptr, '.', name.len);
        size_t len = dot ? (size_t)(dot - name.ptr) : name.len;
        if (!is_identifier((struct tc_str){ name.ptr, len }) || (dot && len + 1 == name.len))
            return false;
        len += dot != NULL;
        name.ptr += len;
        name.len -= len;
    }
    return true;
}

/* Written into JSON as it is. */
static bool is_plain(struct tc_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((uint8_t)name.ptr[i] < 0x20 || name.ptr[i] == '"' || name.ptr[i] == '\\')
            return false;
    return name.len <= TC_PB_NAME_MAX && tc_utf8_check(name.ptr, name.len);
}

static bool is_well_formed(struct tc_str message)
{
    struct tc_pb_in in = tc_pb_in(message);
    struct tc_pb_item item;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) > 0)
        ;
    return rc == 0;
}

/* Every name of a message, field, enum, value, service or method comes here: *len becomes that of
 * its full name, with the prefix's length in it. */
static int count_name(struct tc_pb_load *load, struct tc_str thing, size_t *len)
{
    struct tc_str name = tc_pb_load_bytes(thing, TC_PB_ANY_NAME);
    if (!is_well_formed(thing))
        return tc_pb_load_fail(load, -TC_EINVAL, name, "its bytes are malformed");
    if (!is_identifier(name))
        return tc_pb_load_fail(load, -TC_EINVAL, name, "this is no name");
    *len += (*len > 0) + name.len;
    if (*len > TC_PB_NAME_MAX)
        return tc_pb_load_fail(load, -TC_ELIMIT, name, "its full name is longer than 512 bytes");
    return TC_OK;
}

static int count_field(struct tc_pb_load *load, struct tc_str field, size_t prefix)
{
    int rc = count_name(load, field, &prefix);
    struct tc_str name = tc_pb_load_bytes(field, TC_PB_ANY_NAME);
    if (rc < 0)
        return rc;
    if (!is_well_formed(tc_pb_load_bytes(field, TC_PB_FIELD_OPTIONS)))
        return tc_pb_load_fail(load, -TC_EINVAL, name, "its options are malformed");
    if (!is_plain(tc_pb_load_bytes(field, TC_PB_FIELD_JSON_NAME)))
        return tc_pb_load_fail(load, -TC_EINVAL, name, "its JSON name has to be escaped in JSON");
    load->schema->field_cnt++;
    load->schema->name_cnt += 2;
    load->schema->text_len += name.len; /* for a JSON name that is not given */
    return TC_OK;
}

static int count_enum(struct tc_pb_load *load, struct tc_str enumeration, size_t prefix)
{
    struct tc_pb_in in = tc_pb_in(enumeration);
    struct tc_pb_item item;
    size_t len = prefix;
    int rc = count_name(load, enumeration, &len);
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        size_t value_len = prefix; /* values are siblings of their enum */
        if (item.number != TC_PB_ENUM_VALUE || item.wire != TC_PB_BYTES)
            continue;
        rc = count_name(load, item.bytes, &value_len);
        load->schema->value_cnt++;
        load->schema->name_cnt++;
    }
    load->schema->enum_cnt++;
    load->schema->text_len += len;
    return rc;
}

static int count_message(struct tc_pb_load *load, struct tc_str message, size_t prefix, int depth)
{
    struct tc_pb_in in = tc_pb_in(message);
    struct tc_pb_item item;
    int rc = count_name(load, message, &prefix);
    uint32_t field_cnt = 0;
    struct tc_str name = tc_pb_load_bytes(message, TC_PB_ANY_NAME);
    if (rc == TC_OK && depth > TC_PB_DEPTH_MAX)
        return tc_pb_load_fail(load, -TC_ELIMIT, name, "types are nested deeper than 32");
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        if (item.wire != TC_PB_BYTES)
            continue;
        if (item.number == TC_PB_MESSAGE_NESTED) {
            rc = count_message(load, item.bytes, prefix, depth + 1);
        } else if (item.number == TC_PB_MESSAGE_ENUM) {
            rc = count_enum(load, item.bytes, prefix);
        } else if (item.number == TC_PB_MESSAGE_FIELD) {
            rc = count_field(load, item.bytes, prefix);
            field_cnt++;
        } else if (item.number == TC_PB_MESSAGE_OPTIONS && !is_well_formed(item.bytes)) {
            rc = tc_pb_load_fail(load, -TC_EINVAL, name, "its options are malformed");
        }
    }
    if (rc == TC_OK && field_cnt > TC_PB_MESSAGE_FIELDS_MAX)
        return tc_pb_load_fail(load, -TC_ELIMIT, name, "it has more than 1024 fields");
    load->schema->message_cnt++;
    load->schema->text_len += prefix;
    return rc;
}

static int count_service(struct tc_pb_load *load, struct tc_str service, size_t prefix)
{
    struct tc_pb_in in = tc_pb_in(service);
    struct tc_pb_item item;
    int rc = count_name(load, service, &prefix);
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        size_t len = prefix;
        if (item.number != TC_PB_SERVICE_METHOD || item.wire != TC_PB_BYTES)
            continue;
        rc = count_name(load, item.bytes, &len);
        load->schema->method_cnt++;
        load->schema->text_len += len;
    }
    load->schema->service_cnt++;
    load->schema->text_len += prefix;
    return rc;
}

static int count_file(struct tc_pb_load *load, struct tc_str file)
{
    struct tc_pb_in in = tc_pb_in(file);
    struct tc_pb_item item;
    struct tc_str none = { "", 0 };
    int rc = TC_OK;
    load->file = tc_pb_load_bytes(file, TC_PB_FILE_NAME);
    if (!is_well_formed(file))
        return tc_pb_load_fail(load, -TC_EINVAL, none, "its bytes are malformed");
    if (load->file.len == 0 || !is_plain(load->file))
        return tc_pb_load_fail(load, -TC_EINVAL, none, "this is no name of a file");
    struct tc_str package = tc_pb_load_bytes(file, TC_PB_FILE_PACKAGE);
    if (package.len > TC_PB_NAME_MAX || !is_package(package))
        return tc_pb_load_fail(load, -TC_EINVAL, package, "this is no name of a package");
    while (rc == TC_OK && tc_pb_next(&in, &item) > 0) {
        if (item.wire != TC_PB_BYTES)
            continue;
        if (item.number == TC_PB_FILE_MESSAGE)
            rc = count_message(load, item.bytes, package.len, 1);
        else if (item.number == TC_PB_FILE_ENUM)
            rc = count_enum(load, item.bytes, package.len);
        else if (item.number == TC_PB_FILE_SERVICE)
            rc = count_service(load, item.bytes, package.len);
    }
    load->schema->file_cnt++;
    return rc;
}

int tc_pb_load_count(struct tc_pb_load *load, struct tc_str set)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_in in = tc_pb_in(set);
    struct tc_str file;
    int rc;
    while ((rc = tc_pb_load_next_file(&in, &file)) > 0) {
        rc = count_file(load, file);
        if (rc < 0)
            return rc;
        if (s->file_cnt > TC_PB_FILES_MAX || s->message_cnt > TC_PB_MESSAGES_MAX ||
            s->enum_cnt > TC_PB_MESSAGES_MAX || s->field_cnt > TC_PB_FIELDS_MAX ||
            s->value_cnt > TC_PB_VALUES_MAX || s->service_cnt > TC_PB_METHODS_MAX ||
            s->method_cnt > TC_PB_METHODS_MAX)
            return tc_pb_load_fail(load, -TC_ELIMIT, (struct tc_str){ "", 0 },
                                   "too many files, messages, fields, values or methods so far");
    }
    return rc < 0 ? tc_err_set(load->err, rc, "descriptor set: this is no FileDescriptorSet") : rc;
}
