// SPDX-License-Identifier: Apache-2.0
#include "proto/json/utf8.h"
#include "proto/transcode/inner.h"
#include "proto/transcode/moment.h"
#include "proto/transcode/number.h"

/* Of a message in which a later field counts: what is replaced by it, and never written, has to be
 * well-formed too. type NULL: a set of descriptors with a Struct of its own, and no Value. */
static int check_all(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes)
{
    int rc = type ? tc_pb_check(type, bytes.ptr, bytes.len) : TC_OK;
    return rc < 0 ? tc_transcode_fail(w->t, rc, "malformed protobuf") : TC_OK;
}

/* The last field of that number and wire type: 1, or 0: there is none, or an error of check_all. */
static int pick(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                uint32_t number, enum tc_pb_wire wire, struct tc_pb_item *out)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int found = 0;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (item.number != number || item.wire != wire)
            continue;
        *out = item;
        found++;
    }
    if (rc < 0)
        return tc_transcode_fail(w->t, rc, "malformed protobuf");
    rc = found > 1 ? check_all(w, type, bytes) : TC_OK;
    return rc < 0 ? rc : found > 0;
}

/* Timestamp, Duration. */
static int put_moment(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes)
{
    struct tc_pb_item s = { 0 };
    struct tc_pb_item ns = { 0 };
    char text[TC_MOMENT_MAX];
    int rc = pick(w, type, bytes, TC_WK_SECONDS, TC_PB_VARINT, &s);
    if (rc >= 0)
        rc = pick(w, type, bytes, TC_WK_NANOS, TC_PB_VARINT, &ns);
    if (rc < 0)
        return rc;
    struct tc_moment moment = { (int64_t)s.value, (int32_t)ns.value };
    int len = type->well_known == TC_PB_TIMESTAMP ? tc_moment_put_timestamp(text, moment)
                                                  : tc_moment_put_duration(text, moment);
    if (len < 0)
        return tc_transcode_fail(w->t, len, "a time out of range");
    return tc_to_json_text(w, (struct tc_str){ text, (size_t)len });
}

/* "last_px" as "lastPx"; a path that would not come back is refused. */
static int put_path(struct tc_to_json *w, struct tc_str path)
{
    bool is_raised = false;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool is_lower = c >= 'a' && c <= 'z';
        if ((c >= 'A' && c <= 'Z') || (is_raised && !is_lower))
            return tc_transcode_fail(w->t, -TC_EINVAL, "a path that has no form in JSON");
        if (is_raised)
            c = (char)(c - 'a' + 'A');
        is_raised = c == '_';
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == ',')
            return tc_transcode_fail(w->t, -TC_EINVAL, "a path that has no form in JSON");
        if (!is_raised)
            tc_pb_put_byte(w->out, (uint8_t)c);
    }
    if (is_raised || path.len == 0)
        return tc_transcode_fail(w->t, -TC_EINVAL, "a path that has no form in JSON");
    return TC_OK;
}

static int put_mask(struct tc_to_json *w, struct tc_str bytes)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    bool is_first = true;
    int rc;
    tc_pb_put_byte(w->out, '"');
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (item.number != TC_WK_PATHS || item.wire != TC_PB_BYTES)
            continue;
        if (!is_first)
            tc_pb_put_byte(w->out, ',');
        is_first = false;
        rc = put_path(w, item.bytes);
        if (rc < 0)
            return rc;
    }
    tc_pb_put_byte(w->out, '"');
    return rc < 0 ? tc_transcode_fail(w->t, rc, "malformed protobuf") : TC_OK;
}

static int put_number(struct tc_to_json *w, uint64_t bits)
{
    char text[TC_NUMBER_OUT_MAX];
    double value;
    memcpy(&value, &bits, sizeof(value));
    if (value - value != 0)
        return tc_transcode_fail(w->t, -TC_EINVAL, "a value that is not finite");
    tc_pb_put(w->out, text, tc_number_put_double(text, value));
    return TC_OK;
}

static int put_struct(struct tc_to_json *w, struct tc_str bytes, uint32_t depth);
static int put_list(struct tc_to_json *w, struct tc_str bytes, uint32_t depth);

static bool is_kind(const struct tc_pb_item *item)
{
    static const uint8_t wires[] = {
        [TC_WK_VALUE_NULL] = TC_PB_VARINT,  [TC_WK_VALUE_NUMBER] = TC_PB_FIXED64,
        [TC_WK_VALUE_STRING] = TC_PB_BYTES, [TC_WK_VALUE_BOOL] = TC_PB_VARINT,
        [TC_WK_VALUE_STRUCT] = TC_PB_BYTES, [TC_WK_VALUE_LIST] = TC_PB_BYTES,
    };
    return item->number < TC_ARRAY_CNT(wires) && wires[item->number] == item->wire;
}

/* Without a kind it is null. */
static int put_any_value(struct tc_to_json *w, struct tc_str bytes, uint32_t depth)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    struct tc_pb_item kind = { .number = TC_WK_VALUE_NULL };
    uint32_t kind_cnt = 0;
    int rc;
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (!is_kind(&item))
            continue;
        if (item.number == kind.number && item.number >= TC_WK_VALUE_STRUCT)
            return tc_transcode_fail(w->t, -TC_ENOTSUP, "a message in two pieces");
        kind = item;
        kind_cnt++;
    }
    if (rc < 0)
        return tc_transcode_fail(w->t, rc, "malformed protobuf");
    if (kind_cnt > 1) {
        const struct tc_pb_message *type =
            tc_pb_message(w->t->schema, TC_STR("google.protobuf.Value"));
        if ((rc = check_all(w, type, bytes)) < 0)
            return rc;
    }
    switch (kind.number) {
    case TC_WK_VALUE_NUMBER:
        return put_number(w, kind.value);
    case TC_WK_VALUE_STRING:
        return tc_to_json_text(w, kind.bytes);
    case TC_WK_VALUE_BOOL:
        tc_to_json_put(w, kind.value ? TC_STR("true") : TC_STR("false"));
        return TC_OK;
    case TC_WK_VALUE_STRUCT:
        return put_struct(w, kind.bytes, depth + 1);
    case TC_WK_VALUE_LIST:
        return put_list(w, kind.bytes, depth + 1);
    default:
        tc_to_json_put(w, TC_STR("null"));
        return TC_OK;
    }
}

static int put_list(struct tc_to_json *w, struct tc_str bytes, uint32_t depth)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    bool is_first = true;
    int rc;
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    tc_pb_put_byte(w->out, '[');
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (item.number != TC_WK_LIST_VALUES || item.wire != TC_PB_BYTES)
            continue;
        if (!is_first)
            tc_pb_put_byte(w->out, ',');
        is_first = false;
        rc = put_any_value(w, item.bytes, depth + 1);
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    tc_pb_put_byte(w->out, ']');
    return rc < 0 ? tc_transcode_fail(w->t, rc, "malformed protobuf") : TC_OK;
}

/* 1: an entry with key and value; 0: it holds something else, and all of it is an unknown field. */
static int read_entry(struct tc_to_json *w, struct tc_str bytes, struct tc_str *key,
                      struct tc_str *value)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    bool has_value = false;
    int is_entry = 1;
    int rc;
    *key = *value = TC_STR("");
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        if (item.wire != TC_PB_BYTES || item.number > TC_WK_ENTRY_VALUE) {
            is_entry = 0;
            continue;
        }
        if (item.number == TC_WK_KEY) {
            if (!tc_utf8_check(key->ptr, key->len)) /* one that is replaced */
                return tc_transcode_fail(w->t, -TC_EUTF8, "a string that is not UTF-8");
            *key = item.bytes;
            continue;
        }
        if (has_value)
            return tc_transcode_fail(w->t, -TC_ENOTSUP, "a message in two pieces");
        *value = item.bytes;
        has_value = true;
    }
    return rc < 0 ? tc_transcode_fail(w->t, rc, "malformed protobuf") : is_entry;
}

static int put_struct(struct tc_to_json *w, struct tc_str bytes, uint32_t depth)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    bool is_first = true;
    int rc;
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    tc_pb_put_byte(w->out, '{');
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        struct tc_str key, value;
        if (item.number != TC_WK_STRUCT_FIELDS || item.wire != TC_PB_BYTES)
            continue;
        rc = read_entry(w, item.bytes, &key, &value);
        bool is_unknown = rc == 0;
        rc = is_unknown ? tc_to_json_unknown(w) : rc;
        if (rc < 0)
            return rc;
        if (is_unknown)
            continue;
        if (!is_first)
            tc_pb_put_byte(w->out, ',');
        is_first = false;
        rc = tc_to_json_text(w, key);
        tc_pb_put_byte(w->out, ':');
        if (rc == TC_OK)
            rc = put_any_value(w, value, depth + 2); /* the entry is a level too */
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    tc_pb_put_byte(w->out, '}');
    return rc < 0 ? tc_transcode_fail(w->t, rc, "malformed protobuf") : TC_OK;
}

/* {"@type":…} with the fields of the message, or with its own form as "value". */
static int put_any(struct tc_to_json *w, const struct tc_pb_message *any, struct tc_str bytes,
                   uint32_t depth)
{
    struct tc_pb_item url = { .bytes = TC_STR("") };
    struct tc_pb_item value = { .bytes = TC_STR("") };
    int rc = pick(w, any, bytes, TC_WK_ANY_TYPE, TC_PB_BYTES, &url);
    if (rc >= 0)
        rc = pick(w, any, bytes, TC_WK_ANY_VALUE, TC_PB_BYTES, &value);
    if (rc < 0)
        return rc;
    if (url.bytes.len == 0 && value.bytes.len == 0) {
        tc_to_json_put(w, TC_STR("{}"));
        return TC_OK;
    }
    const struct tc_pb_message *type = tc_transcode_type(w->t, url.bytes);
    if (!type)
        return tc_transcode_fail(w->t, -TC_ENOTFOUND, "an Any of an unknown type");
    if (depth + 1 > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    tc_to_json_put(w, TC_STR("{\"@type\":"));
    rc = tc_to_json_text(w, url.bytes);
    if (rc < 0)
        return rc;
    if (type->well_known == TC_PB_ORDINARY) {
        rc = tc_to_json_fields(w, type, value.bytes, depth + 1, false);
    } else {
        tc_to_json_put(w, TC_STR(",\"value\":"));
        rc = tc_to_json_well_known(w, type, value.bytes, depth + 1);
    }
    tc_pb_put_byte(w->out, '}');
    return rc;
}

static int put_wrapper(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes)
{
    const struct tc_pb_field *field = &type->fields[0];
    struct tc_pb_item item;
    int rc = pick(w, type, bytes, field->number, (enum tc_pb_wire)field->wire, &item);
    return rc < 0 ? rc : tc_to_json_scalar(w, field, rc > 0 ? &item : NULL);
}

int tc_to_json_well_known(struct tc_to_json *w, const struct tc_pb_message *type,
                          struct tc_str bytes, uint32_t depth)
{
    switch ((enum tc_pb_well_known)type->well_known) {
    case TC_PB_ANY:
        return put_any(w, type, bytes, depth);
    case TC_PB_FIELD_MASK:
        return put_mask(w, bytes);
    case TC_PB_STRUCT:
        return put_struct(w, bytes, depth);
    case TC_PB_VALUE:
        return put_any_value(w, bytes, depth);
    case TC_PB_LIST_VALUE:
        return put_list(w, bytes, depth);
    case TC_PB_WRAPPER:
        return put_wrapper(w, type, bytes);
    default:
        return put_moment(w, type, bytes);
    }
}
