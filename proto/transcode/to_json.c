// SPDX-License-Identifier: Apache-2.0
#include "core/base/fmt.h"
#include "proto/grpc/base64.h"
#include "proto/json/json.h"
#include "proto/json/utf8.h"
#include "proto/transcode/inner.h"
#include "proto/transcode/number.h"

/* MIXED_MAX: a few milliseconds at most, and a thousand fields of a message with as many. */
enum { MIXED_MAX = 1 << 20, WORDS = TC_PB_MESSAGE_FIELDS_MAX / 64 };

const struct tc_pb_message *tc_transcode_type(const struct tc_transcode *t, struct tc_str url)
{
    size_t begin = 0; /* behind the last slash */
    if (url.len > TC_PB_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if (c <= 0x20 || c > 0x7e || c == '"' || c == '\\')
            return NULL;
        if (c == '/')
            begin = i + 1;
    }
    return tc_pb_message(t->schema, (struct tc_str){ url.ptr + begin, url.len - begin });
}

/* ---- values ---- */

int tc_to_json_text(struct tc_to_json *w, struct tc_str text)
{
    if (!tc_utf8_check(text.ptr, text.len))
        return tc_transcode_fail(w->t, -TC_EUTF8, "a string that is not UTF-8");
    tc_pb_put_byte(w->out, '"');
    const char *end = text.ptr + text.len;
    if (TC_LIKELY(tc_lex_plain(text.ptr, end) == end)) {
        tc_to_json_put(w, text);
    } else {
        size_t len = tc_json_escape((char *)w->out->at, tc_pb_room(w->out), text);
        w->out->is_full |= len == TC_JSON_NO_ROOM;
        w->out->at += len == TC_JSON_NO_ROOM ? 0 : len;
    }
    tc_pb_put_byte(w->out, '"');
    return TC_OK;
}

static void put_base64(struct tc_to_json *w, struct tc_str bytes)
{
    tc_pb_put_byte(w->out, '"');
    size_t room = tc_pb_room(w->out);
    if (tc_grpc_base64_chars(bytes.len, true) > room) {
        w->out->is_full = true;
        return;
    }
    w->out->at += tc_grpc_base64_encode((char *)w->out->at, room, bytes.ptr, bytes.len, true);
    tc_pb_put_byte(w->out, '"');
}

static void put_i64(struct tc_to_json *w, int64_t value, bool is_text)
{
    char text[TC_FMT_I64_MAX + 2] = { '"' };
    size_t len = 1 + tc_fmt_i64(text + 1, value);
    text[len] = '"';
    tc_pb_put(w->out, text + !is_text, is_text ? len + 1 : len - 1);
}

static void put_u64(struct tc_to_json *w, uint64_t value, bool is_text)
{
    char text[TC_FMT_U64_MAX + 2] = { '"' };
    size_t len = 1 + tc_fmt_u64(text + 1, value);
    text[len] = '"';
    tc_pb_put(w->out, text + !is_text, is_text ? len + 1 : len - 1);
}

static void put_enum(struct tc_to_json *w, const struct tc_pb_enum *enumeration, int32_t number)
{
    const struct tc_pb_value *value = tc_pb_value(enumeration, number);
    if (enumeration->is_null) {
        tc_to_json_put(w, TC_STR("null"));
    } else if (value) {
        tc_pb_put_byte(w->out, '"');
        tc_to_json_put(w, value->name);
        tc_pb_put_byte(w->out, '"');
    } else {
        put_i64(w, number, false);
    }
}

static void put_real(struct tc_to_json *w, const struct tc_pb_field *field, uint64_t bits)
{
    char text[TC_NUMBER_OUT_MAX];
    uint32_t low = (uint32_t)bits;
    double real;
    float narrow;
    size_t len;
    if (field->type == TC_PB_DOUBLE) {
        memcpy(&real, &bits, sizeof(real));
        len = tc_number_put_double(text, real);
    } else {
        memcpy(&narrow, &low, sizeof(narrow));
        len = tc_number_put_float(text, narrow);
    }
    tc_pb_put(w->out, text, len);
}

/* Of what lies on the wire the bits that the type has. */
static uint64_t bits_of(const struct tc_pb_field *field, uint64_t value)
{
    switch (field->type) {
    case TC_PB_INT32:
    case TC_PB_UINT32:
    case TC_PB_ENUM:
    case TC_PB_SINT32:
        return (uint32_t)value;
    case TC_PB_BOOL:
        return value != 0;
    default:
        return value;
    }
}

int tc_to_json_scalar(struct tc_to_json *w, const struct tc_pb_field *field,
                      const struct tc_pb_item *item)
{
    struct tc_str bytes = item && field->wire == TC_PB_BYTES ? item->bytes : TC_STR("");
    uint64_t value = item && field->wire != TC_PB_BYTES ? bits_of(field, item->value) : 0;
    switch (field->type) {
    case TC_PB_STRING:
        return tc_to_json_text(w, bytes);
    case TC_PB_BLOB:
        put_base64(w, bytes);
        return TC_OK;
    case TC_PB_BOOL:
        tc_to_json_put(w, value ? TC_STR("true") : TC_STR("false"));
        return TC_OK;
    case TC_PB_ENUM:
        put_enum(w, field->enumeration, (int32_t)value);
        return TC_OK;
    case TC_PB_DOUBLE:
    case TC_PB_FLOAT:
        put_real(w, field, value);
        return TC_OK;
    case TC_PB_INT32:
    case TC_PB_FIXED_I32:
        put_i64(w, (int32_t)value, false);
        return TC_OK;
    case TC_PB_SINT32:
        put_i64(w, (int32_t)tc_pb_unzigzag(value), false);
        return TC_OK;
    case TC_PB_UINT32:
    case TC_PB_FIXED_U32:
        put_u64(w, value, false);
        return TC_OK;
    case TC_PB_SINT64:
        put_i64(w, tc_pb_unzigzag(value), true);
        return TC_OK;
    case TC_PB_UINT64:
    case TC_PB_FIXED_U64:
        put_u64(w, value, true);
        return TC_OK;
    default: /* INT64, FIXED_I64 */
        put_i64(w, (int64_t)value, true);
        return TC_OK;
    }
}

static int put_value(struct tc_to_json *w, const struct tc_pb_field *field,
                     const struct tc_pb_item *item, uint32_t depth)
{
    if (!field->message)
        return tc_to_json_scalar(w, field, item);
    return tc_to_json_message(w, field->message, item ? item->bytes : TC_STR(""), depth + 1);
}

/* ---- fields ---- */

/* A number that a closed enum does not have is an unknown field. */
static bool is_unnamed(const struct tc_pb_field *field, uint64_t value)
{
    return field->enumeration && field->enumeration->is_closed &&
           !tc_pb_value(field->enumeration, (int32_t)value);
}

/* The field that an item is of, NULL if it is unknown. */
static const struct tc_pb_field *field_of(const struct tc_pb_message *type,
                                          const struct tc_pb_item *item)
{
    const struct tc_pb_field *field = tc_pb_field(type, item->number);
    enum tc_pb_fit fit = tc_pb_fit(field, item);
    if (fit == TC_PB_FIT_NONE || (fit == TC_PB_FIT_ONE && is_unnamed(field, item->value)))
        return NULL;
    return field;
}

int tc_to_json_unknown(struct tc_to_json *w)
{
    if (w->t->is_unknown_ignored)
        return TC_OK;
    return tc_transcode_fail(w->t, -TC_EINVAL, "a field that the type does not have");
}

static bool test_and_set(uint64_t *bits, size_t idx)
{
    bool was = bits[idx / 64] >> idx % 64 & 1;
    bits[idx / 64] |= 1ull << idx % 64;
    return was;
}

/* Looks at the fields of one message before they are written. *is_mixed: they cannot be written as
 * they come, since a later one counts, or a row lies in several places. */
static int survey(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                  bool *is_mixed)
{
    uint64_t seen[WORDS] = { 0 };
    uint64_t oneofs[WORDS + 1] = { 0 };
    const struct tc_pb_field *last = NULL;
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    uint32_t required_cnt = 0;
    int rc;
    *is_mixed = false;
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        const struct tc_pb_field *field = field_of(type, &item);
        bool is_next = field && field == last && field->is_repeated;
        last = field;
        if (is_next)
            continue;
        if (!field && (rc = tc_to_json_unknown(w)) < 0)
            return rc;
        if (!field)
            continue;
        if (test_and_set(seen, (size_t)(field - type->fields))) {
            if (field->message && !field->is_repeated)
                return tc_transcode_fail(w->t, -TC_ENOTSUP, "a message in two pieces");
            *is_mixed = true;
        } else {
            required_cnt += field->is_required;
        }
        if (field->oneof > 0 && test_and_set(oneofs, field->oneof))
            *is_mixed = true;
    }
    if (rc < 0)
        return tc_transcode_fail(w->t, rc, "malformed protobuf");
    if (required_cnt < type->required_cnt)
        return tc_transcode_fail(w->t, -TC_EINVAL, "a required field is missing");
    return TC_OK;
}

/* The name of a member, and the comma before it. */
static void put_name(struct tc_to_json *w, const struct tc_pb_field *field, bool *is_first)
{
    struct tc_str name = field->json_name;
    uint8_t *at = w->out->at;
    if (tc_pb_room(w->out) < name.len + 3 + !*is_first) {
        w->out->is_full = true;
        return;
    }
    if (!*is_first)
        *at++ = ',';
    *is_first = false;
    *at++ = '"';
    memcpy(at, name.ptr, name.len);
    memcpy(at + name.len, "\":", 2);
    w->out->at = at + name.len + 2;
}

static int put_single(struct tc_to_json *w, const struct tc_pb_field *field,
                      const struct tc_pb_item *item, uint32_t depth, bool *is_first)
{
    if (!field->has_presence) {
        bool is_zero =
            field->wire == TC_PB_BYTES ? item->bytes.len == 0 : bits_of(field, item->value) == 0;
        if (is_zero)
            return TC_OK;
    }
    put_name(w, field, is_first);
    return put_value(w, field, item, depth);
}

/* A comma, or what begins the row. */
static void put_next(struct tc_to_json *w, const struct tc_pb_field *field, bool *is_open,
                     bool *is_first)
{
    if (*is_open) {
        tc_pb_put_byte(w->out, ',');
        return;
    }
    put_name(w, field, is_first);
    tc_pb_put_byte(w->out, tc_pb_is_map(field) ? '{' : '[');
    *is_open = true;
}

static int put_packed(struct tc_to_json *w, const struct tc_pb_field *field, struct tc_str bytes,
                      bool *is_open, bool *is_first)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item = { .number = field->number };
    int rc;
    while ((rc = tc_pb_next_value(&in, (enum tc_pb_wire)field->wire, &item.value)) > 0) {
        if (is_unnamed(field, item.value)) {
            rc = tc_to_json_unknown(w);
        } else {
            put_next(w, field, is_open, is_first);
            rc = tc_to_json_scalar(w, field, &item);
        }
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    return rc < 0 ? tc_transcode_fail(w->t, rc, "malformed protobuf") : TC_OK;
}

static int put_entry(struct tc_to_json *w, const struct tc_pb_field *field, struct tc_str bytes,
                     uint32_t depth, bool *is_open, bool *is_first)
{
    const struct tc_pb_field *fields = field->message->fields; /* key, value */
    struct tc_pb_item items[2];
    const struct tc_pb_item *found[2] = { NULL, NULL };
    bool is_unknown = false;
    bool is_replaced = false;
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        const struct tc_pb_field *part = tc_pb_field(field->message, item.number);
        if (tc_pb_fit(part, &item) == TC_PB_FIT_NONE || is_unnamed(part, item.value)) {
            is_unknown = true;
            continue;
        }
        size_t idx = part == &fields[1];
        if (part->message && found[idx])
            return tc_transcode_fail(w->t, -TC_ENOTSUP, "a message in two pieces");
        is_replaced = is_replaced || found[idx];
        items[idx] = item;
        found[idx] = &items[idx];
    }
    if (rc >= 0 && is_replaced)
        rc = tc_pb_check(field->message, bytes.ptr, bytes.len); /* also of what does not count */
    if (rc < 0)
        return tc_transcode_fail(w->t, rc, "malformed protobuf");
    if (depth + 1 > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    if (is_unknown || (!found[1] && is_unnamed(&fields[1], 0)))
        return tc_to_json_unknown(w); /* all of the entry is an unknown field then */
    put_next(w, field, is_open, is_first);
    bool has_quotes = fields[0].type == TC_PB_STRING || fields[0].type == TC_PB_INT64 ||
                      fields[0].type == TC_PB_UINT64 || fields[0].type == TC_PB_SINT64 ||
                      fields[0].type == TC_PB_FIXED_U64 || fields[0].type == TC_PB_FIXED_I64;
    tc_to_json_put(w, has_quotes ? TC_STR("") : TC_STR("\""));
    rc = tc_to_json_scalar(w, &fields[0], found[0]);
    tc_to_json_put(w, has_quotes ? TC_STR(":") : TC_STR("\":"));
    return rc < 0 ? rc : put_value(w, &fields[1], found[1], depth + 1);
}

/* A repeated field: the items from *in on that are of it; is_mixed: others may lie between. */
static int put_row(struct tc_to_json *w, const struct tc_pb_message *type,
                   const struct tc_pb_field *field, struct tc_pb_in *in, uint32_t depth,
                   bool is_mixed, bool *is_first)
{
    bool is_open = false;
    struct tc_pb_in here = *in;
    struct tc_pb_item item;
    int rc = TC_OK;
    for (; tc_pb_next(in, &item) > 0; here = *in) {
        w->mixed_cnt += is_mixed;
        if (field_of(type, &item) != field) {
            if (is_mixed)
                continue;
            *in = here;
            break;
        }
        if (tc_pb_is_map(field)) {
            rc = put_entry(w, field, item.bytes, depth, &is_open, is_first);
        } else if (tc_pb_fit(field, &item) == TC_PB_FIT_PACKED) {
            rc = put_packed(w, field, item.bytes, &is_open, is_first);
        } else {
            put_next(w, field, &is_open, is_first);
            rc = put_value(w, field, &item, depth);
        }
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    if (is_open)
        tc_pb_put_byte(w->out, tc_pb_is_map(field) ? '}' : ']');
    return TC_OK;
}

/* The item of a singular field that counts; false: there is none. */
static bool find_last(struct tc_to_json *w, const struct tc_pb_message *type,
                      const struct tc_pb_field *field, struct tc_str bytes, struct tc_pb_item *out)
{
    bool is_found = false;
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    while (tc_pb_next(&in, &item) > 0) {
        const struct tc_pb_field *other = field_of(type, &item);
        w->mixed_cnt++;
        if (other == field) {
            *out = item;
            is_found = true;
        } else if (other && field->oneof > 0 && other->oneof == field->oneof) {
            is_found = false;
        }
    }
    return is_found;
}

static int put_mixed(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                     uint32_t depth, bool is_first)
{
    int rc = tc_pb_check(type, bytes.ptr, bytes.len); /* also of what does not count */
    if (rc < 0)
        return tc_transcode_fail(w->t, rc, "malformed protobuf");
    for (uint32_t i = 0; i < type->field_cnt && rc == TC_OK && !w->out->is_full; i++) {
        const struct tc_pb_field *field = &type->fields[i];
        struct tc_pb_in in = tc_pb_in(bytes);
        struct tc_pb_item item;
        if (field->is_repeated)
            rc = put_row(w, type, field, &in, depth, true, &is_first);
        else if (find_last(w, type, field, bytes, &item))
            rc = put_single(w, field, &item, depth, &is_first);
        rc = tc_transcode_leave(w->t, field, rc);
        if (rc == TC_OK && w->mixed_cnt > MIXED_MAX)
            return tc_transcode_fail(w->t, -TC_ELIMIT, "the order of its fields costs too much");
    }
    return rc;
}

int tc_to_json_fields(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                      uint32_t depth, bool is_first)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_in here = in;
    struct tc_pb_item item;
    bool is_mixed;
    int rc = survey(w, type, bytes, &is_mixed);
    if (rc == TC_OK && is_mixed)
        return put_mixed(w, type, bytes, depth, is_first);
    for (; rc == TC_OK && !w->out->is_full && tc_pb_next(&in, &item) > 0; here = in) {
        const struct tc_pb_field *field = field_of(type, &item);
        if (!field)
            continue;
        if (field->is_repeated) {
            in = here;
            rc = put_row(w, type, field, &in, depth, false, &is_first);
        } else {
            rc = put_single(w, field, &item, depth, &is_first);
        }
        rc = tc_transcode_leave(w->t, field, rc);
    }
    return rc;
}

int tc_to_json_message(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                       uint32_t depth)
{
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    if (type->well_known != TC_PB_ORDINARY)
        return tc_to_json_well_known(w, type, bytes, depth);
    tc_pb_put_byte(w->out, '{');
    int rc = tc_to_json_fields(w, type, bytes, depth, true);
    tc_pb_put_byte(w->out, '}');
    return rc;
}

int tc_transcode_to_json(struct tc_transcode *t, const struct tc_pb_message *type,
                         struct tc_str bytes, struct tc_pb_out *out)
{
    struct tc_to_json w = { .t = t, .out = out };
    uint8_t *begin = out->at;
    t->detail = NULL;
    t->field = (struct tc_str){ NULL, 0 };
    int rc = bytes.len > TC_PB_MESSAGE_BYTES_MAX
                 ? tc_transcode_fail(t, -TC_ELIMIT, "the message is longer than 1 MiB")
                 : tc_to_json_message(&w, type, bytes, 1);
    if (rc == TC_OK && out->is_full)
        rc = tc_transcode_fail(t, -TC_ELIMIT, "the result does not fit");
    if (rc < 0)
        out->at = begin;
    return rc;
}
