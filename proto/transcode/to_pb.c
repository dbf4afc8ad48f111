// SPDX-License-Identifier: Apache-2.0
#include "proto/json/utf8.h"
#include "proto/transcode/base64.h"
#include "proto/transcode/inner.h"
#include "proto/transcode/number.h"

enum { WORDS = TC_PB_MESSAGE_FIELDS_MAX / 64 };

/* ---- values ---- */

/* What a scalar is before it is written: bits for the wire. */
struct scalar {
    uint64_t bits;
    bool is_left_out;
};

/* A number, or a string that holds one: its text. *is_string tells which. */
static int number_text(struct tc_to_pb *w, struct tc_str *text, bool *is_string)
{
    struct tc_lex_text string;
    *is_string = tc_lex_peek(&w->lex) == '"';
    if (!*is_string)
        return tc_lex_number(&w->lex, text);
    int rc = tc_lex_string(&w->lex, &string);
    *text = string.raw; /* an escape is no part of a number */
    return rc;
}

static int read_i64(struct tc_str text, int64_t min, int64_t max, uint64_t *bits)
{
    int64_t value = 0;
    int rc = tc_number_i64(text, min, max, &value);
    *bits = (uint64_t)value;
    return rc;
}

static int read_double(struct tc_str text, bool is_string, uint64_t *bits)
{
    double value = 0;
    int rc = tc_number_double(text, is_string, &value);
    memcpy(bits, &value, sizeof(value));
    return rc;
}

static int read_float(struct tc_str text, bool is_string, uint64_t *bits)
{
    float value = 0;
    uint32_t low;
    int rc = tc_number_float(text, is_string, &value);
    memcpy(&low, &value, sizeof(value));
    *bits = low;
    return rc;
}

static int read_bool(struct tc_str text, uint64_t *bits)
{
    *bits = tc_str_eq(text, TC_STR("true"));
    return *bits || tc_str_eq(text, TC_STR("false")) ? TC_OK : -TC_EINVAL;
}

/* The text of a number (or the key of a map) as bits for the wire. */
static int read_number(const struct tc_pb_field *field, struct tc_str text, bool is_string,
                       uint64_t *bits)
{
    int rc;
    switch (field->type) {
    case TC_PB_DOUBLE:
        return read_double(text, is_string, bits);
    case TC_PB_FLOAT:
        return read_float(text, is_string, bits);
    case TC_PB_INT32:
    case TC_PB_FIXED_I32:
        return read_i64(text, INT32_MIN, INT32_MAX, bits);
    case TC_PB_INT64:
    case TC_PB_FIXED_I64:
        return read_i64(text, INT64_MIN, INT64_MAX, bits);
    case TC_PB_SINT32:
        rc = read_i64(text, INT32_MIN, INT32_MAX, bits);
        *bits = tc_pb_zigzag((int64_t)*bits);
        return rc;
    case TC_PB_SINT64:
        rc = read_i64(text, INT64_MIN, INT64_MAX, bits);
        *bits = tc_pb_zigzag((int64_t)*bits);
        return rc;
    case TC_PB_UINT32:
    case TC_PB_FIXED_U32:
        return tc_number_u64(text, UINT32_MAX, bits);
    default: /* UINT64, FIXED_U64 */
        return tc_number_u64(text, UINT64_MAX, bits);
    }
}

/* Digits, maybe with a sign. */
static bool is_integer(struct tc_str text)
{
    size_t i = text.len > 1 && text.ptr[0] == '-';
    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
        i++;
    return i > 0 && i == text.len;
}

/* A number, as number or as text. */
static int read_enum_number(struct tc_to_pb *w, const struct tc_pb_enum *enumeration,
                            struct tc_str text, struct scalar *out)
{
    int rc = read_i64(text, INT32_MIN, INT32_MAX, &out->bits);
    if (rc < 0 || (enumeration->is_closed && !tc_pb_value(enumeration, (int32_t)out->bits)))
        return tc_to_pb_fail(w, "no value of the enum");
    return TC_OK;
}

static int read_enum(struct tc_to_pb *w, const struct tc_pb_enum *enumeration, struct scalar *out)
{
    struct tc_lex_text name;
    struct tc_str text;
    char buf[TC_PB_NAME_MAX];
    char c = tc_lex_peek(&w->lex);
    if (c == 'n' && enumeration->is_null) {
        out->bits = 0;
        return tc_lex_word(&w->lex, TC_STR("null")) < 0 ? tc_to_pb_fail(w, "not JSON") : TC_OK;
    }
    if (c != '"') {
        int rc = tc_lex_number(&w->lex, &text);
        return rc < 0 ? tc_to_pb_fail(w, "no value of the enum")
                      : read_enum_number(w, enumeration, text, out);
    }
    int rc = tc_lex_string(&w->lex, &name);
    if (rc < 0)
        return tc_to_pb_fail(w, "not JSON");
    text = (struct tc_str){ buf, 0 };
    if (name.raw.len <= sizeof(buf))
        text.len = tc_lex_unescape(name, buf);
    const struct tc_pb_value *value = tc_pb_value_named(enumeration, text);
    if (value) {
        out->bits = (uint64_t)value->number;
        return TC_OK;
    }
    if (is_integer(text))
        return read_enum_number(w, enumeration, text, out);
    out->is_left_out = true;
    return w->t->is_unknown_ignored ? TC_OK : tc_to_pb_fail(w, "no value of the enum");
}

static int read_scalar(struct tc_to_pb *w, const struct tc_pb_field *field, struct scalar *out)
{
    struct tc_str text;
    bool is_string;
    int rc;
    *out = (struct scalar){ 0 };
    if (field->type == TC_PB_ENUM)
        return read_enum(w, field->enumeration, out);
    if (field->type == TC_PB_BOOL) {
        out->bits = tc_lex_peek(&w->lex) == 't';
        rc = tc_lex_word(&w->lex, out->bits ? TC_STR("true") : TC_STR("false"));
        return rc < 0 ? tc_to_pb_fail(w, "neither true nor false") : TC_OK;
    }
    rc = number_text(w, &text, &is_string);
    if (rc == TC_OK)
        rc = read_number(field, text, is_string, &out->bits);
    return rc < 0 ? tc_transcode_fail(w->t, rc, "no number of its type") : TC_OK;
}

int tc_to_pb_text(struct tc_to_pb *w, uint32_t number)
{
    struct tc_lex_text text;
    if (tc_lex_string(&w->lex, &text) < 0)
        return tc_to_pb_fail(w, "no string");
    uint8_t *mark = tc_pb_open(w->out, number);
    if (text.raw.len > tc_pb_room(w->out)) {
        w->out->is_full = true;
        return TC_OK;
    }
    w->out->at += tc_lex_unescape(text, (char *)w->out->at);
    tc_pb_close(w->out, mark);
    return TC_OK;
}

static int put_blob(struct tc_to_pb *w, uint32_t number)
{
    uint8_t *begin = w->out->at;
    int rc = tc_to_pb_text(w, number);
    if (rc < 0 || w->out->is_full)
        return rc;
    /* it lies there as text; the bytes are shorter, and so may be their length */
    struct tc_pb_in in = { begin, w->out->at };
    struct tc_pb_item item;
    size_t len;
    rc = tc_pb_next(&in, &item);
    TC_ASSERT(rc == 1);
    w->out->at = begin;
    uint8_t *mark = tc_pb_open(w->out, number);
    if (tc_base64_decode(mark, &len, item.bytes) < 0)
        return tc_to_pb_fail(w, "no base64");
    w->out->at += len;
    tc_pb_close(w->out, mark);
    return TC_OK;
}

int tc_to_pb_short(struct tc_to_pb *w, char *buf, size_t cap)
{
    struct tc_lex_text text;
    if (tc_lex_string(&w->lex, &text) < 0)
        return tc_to_pb_fail(w, "no string");
    if (text.raw.len > cap)
        return tc_to_pb_fail(w, "too long a string");
    return (int)tc_lex_unescape(text, buf);
}

static void put_bits(struct tc_pb_out *out, const struct tc_pb_field *field, uint64_t bits)
{
    if (field->wire == TC_PB_VARINT)
        tc_pb_put_varint(out, bits);
    else
        tc_pb_put_fixed(out, (enum tc_pb_wire)field->wire, bits);
}

int tc_to_pb_scalar(struct tc_to_pb *w, const struct tc_pb_field *field, bool is_packed,
                    bool is_zero_kept)
{
    struct scalar scalar;
    uint8_t *begin = w->out->at;
    if (field->wire == TC_PB_BYTES) {
        int rc = field->type == TC_PB_STRING ? tc_to_pb_text(w, field->number)
                                             : put_blob(w, field->number);
        if (rc == TC_OK && !is_zero_kept && !w->out->is_full && w->out->at[-1] == 0) {
            /* its length, or a NUL that is its last character */
            struct tc_pb_in in = { begin, w->out->at };
            struct tc_pb_item item;
            if (tc_pb_next(&in, &item) > 0 && item.bytes.len == 0)
                w->out->at = begin;
        }
        return rc;
    }
    int rc = read_scalar(w, field, &scalar);
    if (rc < 0)
        return rc;
    if (scalar.is_left_out)
        return TC_TO_PB_LEFT_OUT;
    if (scalar.bits == 0 && !is_zero_kept)
        return TC_OK;
    if (!is_packed)
        tc_pb_put_tag(w->out, field->number, (enum tc_pb_wire)field->wire);
    put_bits(w->out, field, scalar.bits);
    return TC_OK;
}

/* One value with its tag, wherever it stands. */
static int put_value(struct tc_to_pb *w, const struct tc_pb_field *field, uint32_t depth,
                     bool is_zero_kept)
{
    if (!field->message)
        return tc_to_pb_scalar(w, field, false, is_zero_kept);
    uint8_t *mark = tc_pb_open(w->out, field->number);
    int rc = tc_to_pb_message(w, field->message, depth + 1);
    if (rc == TC_OK)
        tc_pb_close(w->out, mark);
    return rc;
}

/* ---- fields ---- */

static int put_row(struct tc_to_pb *w, const struct tc_pb_field *field, uint32_t depth)
{
    bool is_first = true;
    uint8_t *begin = w->out->at;
    int rc;
    if (!tc_lex_take(&w->lex, '['))
        return tc_to_pb_fail(w, "no array");
    uint8_t *mark = field->is_packed ? tc_pb_open(w->out, field->number) : NULL;
    while ((rc = tc_lex_element(&w->lex, &is_first)) > 0) {
        rc = field->is_packed ? tc_to_pb_scalar(w, field, true, true)
                              : put_value(w, field, depth, true);
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    if (rc < 0)
        return tc_to_pb_fail(w, "not JSON");
    if (mark && mark == w->out->at)
        w->out->at = begin; /* an empty row is none */
    else if (mark)
        tc_pb_close(w->out, mark);
    return TC_OK;
}

/* The key of a map, which is text in JSON. */
static int put_key(struct tc_to_pb *w, const struct tc_pb_field *field, struct tc_lex_text text)
{
    uint64_t bits;
    if (field->type == TC_PB_STRING) {
        uint8_t *mark = tc_pb_open(w->out, field->number);
        if (text.raw.len > tc_pb_room(w->out)) {
            w->out->is_full = true;
            return TC_OK;
        }
        w->out->at += tc_lex_unescape(text, (char *)w->out->at);
        tc_pb_close(w->out, mark);
        return TC_OK;
    }
    int rc = field->type == TC_PB_BOOL ? read_bool(text.raw, &bits)
                                       : read_number(field, text.raw, true, &bits);
    if (rc < 0)
        return tc_to_pb_fail(w, "no key of its type");
    tc_pb_put_tag(w->out, field->number, (enum tc_pb_wire)field->wire);
    put_bits(w->out, field, bits);
    return TC_OK;
}

static int put_map(struct tc_to_pb *w, const struct tc_pb_field *field, uint32_t depth)
{
    const struct tc_pb_field *fields = field->message->fields; /* key, value */
    struct tc_lex_text key;
    bool is_first = true;
    int rc;
    if (!tc_lex_take(&w->lex, '{'))
        return tc_to_pb_fail(w, "no object");
    while ((rc = tc_lex_member(&w->lex, &is_first, &key)) > 0) {
        uint8_t *begin = w->out->at;
        uint8_t *mark = tc_pb_open(w->out, field->number);
        if (depth + 1 > TC_PB_DEPTH_MAX)
            return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
        rc = put_key(w, &fields[0], key);
        if (rc == TC_OK)
            rc = put_value(w, &fields[1], depth + 1, true);
        if (rc < 0 || w->out->is_full)
            return rc;
        if (rc == TC_TO_PB_LEFT_OUT)
            w->out->at = begin;
        else
            tc_pb_close(w->out, mark);
    }
    return rc < 0 ? tc_to_pb_fail(w, "not JSON") : TC_OK;
}

int tc_to_pb_unknown(struct tc_to_pb *w)
{
    if (!w->t->is_unknown_ignored)
        return tc_to_pb_fail(w, "a member that the type does not have");
    int rc = tc_lex_skip(&w->lex, TC_PB_DEPTH_MAX);
    return rc < 0 ? tc_transcode_fail(w->t, rc, "not JSON, or nested too deep") : TC_OK;
}

/* null is the value of a Value and of NullValue, and elsewhere says that there is none. */
static bool is_null_value(const struct tc_pb_field *field)
{
    return !field->is_repeated && ((field->message && field->message->well_known == TC_PB_VALUE) ||
                                   (field->enumeration && field->enumeration->is_null));
}

static int put_field(struct tc_to_pb *w, const struct tc_pb_field *field, uint32_t depth)
{
    if (tc_pb_is_map(field))
        return put_map(w, field, depth);
    if (field->is_repeated)
        return put_row(w, field, depth);
    return put_value(w, field, depth, field->has_presence);
}

static bool test_and_set(uint64_t *bits, size_t idx)
{
    bool was = bits[idx / 64] >> idx % 64 & 1;
    bits[idx / 64] |= 1ull << idx % 64;
    return was;
}

/* The fields of one message that are there already. */
struct seen {
    uint64_t fields[WORDS];
    uint64_t oneofs[WORDS + 1];
    uint32_t required_cnt;
};

static int put_member(struct tc_to_pb *w, const struct tc_pb_message *type,
                      const struct tc_pb_field *field, uint32_t depth, struct seen *seen)
{
    if (test_and_set(seen->fields, (size_t)(field - type->fields)))
        return tc_to_pb_fail(w, "a member that comes twice");
    if (tc_lex_peek(&w->lex) == 'n' && !is_null_value(field)) {
        int rc = tc_lex_word(&w->lex, TC_STR("null"));
        return rc < 0 ? tc_to_pb_fail(w, "not JSON") : TC_OK;
    }
    if (field->oneof > 0 && test_and_set(seen->oneofs, field->oneof))
        return tc_to_pb_fail(w, "a second member of its oneof");
    int rc = put_field(w, field, depth);
    seen->required_cnt += field->is_required && rc == TC_OK;
    return rc < 0 ? rc : TC_OK;
}

/* The field of that name; *next is where it probably is, since members mostly come in the order of
 * the type. */
static const struct tc_pb_field *find_field(const struct tc_pb_message *type, struct tc_str name,
                                            uint32_t *next)
{
    const struct tc_pb_field *field = &type->fields[*next];
    if (*next == type->field_cnt || !tc_str_eq(field->json_name, name))
        field = tc_pb_field_named(type, name);
    if (field)
        *next = (uint32_t)(field - type->fields) + 1;
    return field;
}

int tc_to_pb_fields(struct tc_to_pb *w, const struct tc_pb_message *type, uint32_t depth,
                    bool is_any)
{
    struct seen seen = { 0 };
    struct tc_lex_text name;
    uint32_t next = 0;
    bool is_first = true;
    int rc;
    while ((rc = tc_lex_member(&w->lex, &is_first, &name)) > 0) {
        char buf[TC_PB_NAME_MAX];
        struct tc_str text = name.raw;
        if (name.has_escape && name.raw.len <= sizeof(buf))
            text = (struct tc_str){ buf, tc_lex_unescape(name, buf) };
        if (is_any && tc_str_eq(name.raw, TC_STR("@type"))) {
            rc = tc_lex_skip(&w->lex, 0);
            TC_ASSERT(rc == TC_OK); /* it was read before */
            continue;
        }
        const struct tc_pb_field *field = find_field(type, text, &next);
        rc = field ? tc_transcode_leave(w->t, field, put_member(w, type, field, depth, &seen))
                   : tc_to_pb_unknown(w);
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    if (rc < 0)
        return tc_to_pb_fail(w, "not JSON");
    if (seen.required_cnt < type->required_cnt)
        return tc_to_pb_fail(w, "a required field is missing");
    return TC_OK;
}

int tc_to_pb_message(struct tc_to_pb *w, const struct tc_pb_message *type, uint32_t depth)
{
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    if (type->well_known != TC_PB_ORDINARY)
        return tc_to_pb_well_known(w, type, depth);
    if (!tc_lex_take(&w->lex, '{'))
        return tc_to_pb_fail(w, "no object");
    return tc_to_pb_fields(w, type, depth, false);
}

int tc_transcode_to_pb(struct tc_transcode *t, const struct tc_pb_message *type, struct tc_str json,
                       struct tc_pb_out *out)
{
    struct tc_to_pb w = { .t = t, .out = out, .lex = { json.ptr, json.ptr + json.len } };
    uint8_t *begin = out->at;
    int rc;
    t->detail = NULL;
    t->field = (struct tc_str){ NULL, 0 };
    if (json.len > TC_PB_MESSAGE_BYTES_MAX)
        rc = tc_transcode_fail(t, -TC_ELIMIT, "the text is longer than 1 MiB");
    else if (!tc_utf8_check(json.ptr, json.len))
        rc = tc_transcode_fail(t, -TC_EUTF8, "the text is not UTF-8");
    else
        rc = tc_to_pb_message(&w, type, 1);
    if (rc >= 0 && out->is_full)
        rc = tc_transcode_fail(t, -TC_ELIMIT, "the result does not fit");
    if (rc >= 0 && (tc_lex_peek(&w.lex) != 0 || w.lex.at != w.lex.end))
        rc = tc_transcode_fail(t, -TC_EINVAL, "something follows the value");
    if (rc < 0)
        out->at = begin;
    return rc < 0 ? rc : TC_OK;
}
