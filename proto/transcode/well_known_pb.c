// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/inner.h"
#include "proto/transcode/moment.h"
#include "proto/transcode/number.h"

/* Timestamp, Duration. */
static int put_moment(struct tc_to_pb *w, const struct tc_pb_message *type)
{
    char text[TC_MOMENT_MAX];
    struct tc_moment moment;
    int len = tc_to_pb_short(w, text, sizeof(text));
    if (len < 0)
        return len;
    struct tc_str view = { text, (size_t)len };
    int rc = type->well_known == TC_PB_TIMESTAMP ? tc_moment_timestamp(view, &moment)
                                                 : tc_moment_duration(view, &moment);
    if (rc < 0)
        return tc_to_pb_fail(w, "no time, or one out of range");
    if (moment.s != 0) {
        tc_pb_put_tag(w->out, TC_WK_SECONDS, TC_PB_VARINT);
        tc_pb_put_varint(w->out, (uint64_t)moment.s);
    }
    if (moment.ns != 0) {
        tc_pb_put_tag(w->out, TC_WK_NANOS, TC_PB_VARINT);
        tc_pb_put_varint(w->out, (uint64_t)(int64_t)moment.ns);
    }
    return TC_OK;
}

/* "lastPx,bid" as paths "last_px" and "bid". */
static int put_mask(struct tc_to_pb *w)
{
    struct tc_lex_text text;
    if (tc_lex_string(&w->lex, &text) < 0)
        return tc_to_pb_fail(w, "no string");
    if (text.has_escape)
        return tc_to_pb_fail(w, "no path of fields");
    const char *at = text.raw.ptr;
    const char *end = at + text.raw.len;
    while (at < end) {
        const char *from = at;
        uint8_t *mark = tc_pb_open(w->out, TC_WK_PATHS);
        for (; at < end && *at != ','; at++) {
            bool is_upper = *at >= 'A' && *at <= 'Z';
            if (*at == '_' || *at < 0x20 || *at > 0x7e)
                return tc_to_pb_fail(w, "no path of fields");
            if (is_upper)
                tc_pb_put_byte(w->out, '_');
            tc_pb_put_byte(w->out, (uint8_t)(is_upper ? *at - 'A' + 'a' : *at));
        }
        if (at == from || (at < end && ++at == end))
            return tc_to_pb_fail(w, "an empty path of fields");
        tc_pb_close(w->out, mark);
    }
    return TC_OK;
}

static int put_any_value(struct tc_to_pb *w, uint32_t depth);

static int put_number(struct tc_to_pb *w)
{
    struct tc_str text;
    double value = 0;
    uint64_t bits;
    int rc = tc_lex_number(&w->lex, &text);
    if (rc == TC_OK)
        rc = tc_number_double(text, false, &value);
    if (rc < 0)
        return tc_transcode_fail(w->t, rc, "no number");
    memcpy(&bits, &value, sizeof(bits));
    tc_pb_put_tag(w->out, TC_WK_VALUE_NUMBER, TC_PB_FIXED64);
    tc_pb_put_fixed(w->out, TC_PB_FIXED64, bits);
    return TC_OK;
}

static int put_list(struct tc_to_pb *w, uint32_t depth)
{
    bool is_first = true;
    int rc;
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    if (!tc_lex_take(&w->lex, '['))
        return tc_to_pb_fail(w, "no array");
    while ((rc = tc_lex_element(&w->lex, &is_first)) > 0) {
        uint8_t *mark = tc_pb_open(w->out, TC_WK_LIST_VALUES);
        rc = put_any_value(w, depth + 1);
        if (rc < 0 || w->out->is_full)
            return rc;
        tc_pb_close(w->out, mark);
    }
    return rc < 0 ? tc_to_pb_fail(w, "not JSON") : TC_OK;
}

static int put_struct(struct tc_to_pb *w, uint32_t depth)
{
    struct tc_lex_text key;
    bool is_first = true;
    int rc;
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    if (!tc_lex_take(&w->lex, '{'))
        return tc_to_pb_fail(w, "no object");
    while ((rc = tc_lex_member(&w->lex, &is_first, &key)) > 0) {
        uint8_t *entry = tc_pb_open(w->out, TC_WK_STRUCT_FIELDS);
        uint8_t *mark = tc_pb_open(w->out, TC_WK_KEY);
        if (key.raw.len > tc_pb_room(w->out)) {
            w->out->is_full = true;
            return TC_OK;
        }
        w->out->at += tc_lex_unescape(key, (char *)w->out->at);
        tc_pb_close(w->out, mark);
        mark = tc_pb_open(w->out, TC_WK_ENTRY_VALUE);
        rc = put_any_value(w, depth + 2);
        if (rc < 0 || w->out->is_full)
            return rc;
        tc_pb_close(w->out, mark);
        tc_pb_close(w->out, entry);
    }
    return rc < 0 ? tc_to_pb_fail(w, "not JSON") : TC_OK;
}

static int put_word(struct tc_to_pb *w, uint32_t number, struct tc_str word, uint64_t value)
{
    tc_pb_put_tag(w->out, number, TC_PB_VARINT);
    tc_pb_put_varint(w->out, value);
    return tc_lex_word(&w->lex, word) < 0 ? tc_to_pb_fail(w, "not JSON") : TC_OK;
}

static int put_nested(struct tc_to_pb *w, bool is_list, uint32_t depth)
{
    uint8_t *mark = tc_pb_open(w->out, is_list ? TC_WK_VALUE_LIST : TC_WK_VALUE_STRUCT);
    int rc = is_list ? put_list(w, depth) : put_struct(w, depth);
    if (rc == TC_OK)
        tc_pb_close(w->out, mark);
    return rc;
}

static int put_any_value(struct tc_to_pb *w, uint32_t depth)
{
    if (depth > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    char c = tc_lex_peek(&w->lex);
    switch (c) {
    case 'n':
        return put_word(w, TC_WK_VALUE_NULL, TC_STR("null"), 0);
    case 't':
        return put_word(w, TC_WK_VALUE_BOOL, TC_STR("true"), 1);
    case 'f':
        return put_word(w, TC_WK_VALUE_BOOL, TC_STR("false"), 0);
    case '"':
        return tc_to_pb_text(w, TC_WK_VALUE_STRING);
    case '{':
    case '[':
        return put_nested(w, c == '[', depth + 1);
    default:
        return put_number(w);
    }
}

/* The type URL of the Any whose '{' was taken: its members are read twice. -TC_EINVAL: none, or two
 * of them; 0: the object is empty. */
static int find_type(struct tc_to_pb *w, char *url, size_t cap)
{
    struct tc_to_pb ahead = *w;
    struct tc_lex_text name;
    bool is_first = true;
    int len = 0;
    int rc;
    while ((rc = tc_lex_member(&ahead.lex, &is_first, &name)) > 0) {
        if (!tc_str_eq(name.raw, TC_STR("@type"))) {
            rc = tc_lex_skip(&ahead.lex, TC_PB_DEPTH_MAX);
            if (rc < 0)
                return tc_transcode_fail(w->t, rc, "not JSON, or nested too deep");
            continue;
        }
        if (len > 0)
            return tc_to_pb_fail(w, "a member that comes twice");
        len = tc_to_pb_short(&ahead, url, cap);
        if (len <= 0)
            return tc_to_pb_fail(w, "no type");
    }
    if (rc < 0)
        return tc_to_pb_fail(w, "not JSON");
    if (len == 0 && !is_first)
        return tc_to_pb_fail(w, "an Any without @type");
    return len;
}

/* {"@type":…,"value":…} */
static int put_boxed(struct tc_to_pb *w, const struct tc_pb_message *type, uint32_t depth)
{
    struct tc_lex_text name;
    bool is_first = true;
    bool has_value = false;
    int rc;
    while ((rc = tc_lex_member(&w->lex, &is_first, &name)) > 0) {
        if (tc_str_eq(name.raw, TC_STR("@type"))) {
            rc = tc_lex_skip(&w->lex, 0);
        } else if (!tc_str_eq(name.raw, TC_STR("value"))) {
            rc = tc_to_pb_unknown(w);
        } else if (has_value) {
            rc = tc_to_pb_fail(w, "a member that comes twice");
        } else {
            has_value = true;
            rc = tc_to_pb_well_known(w, type, depth);
        }
        if (rc < 0 || w->out->is_full)
            return rc;
    }
    if (rc < 0)
        return tc_to_pb_fail(w, "not JSON");
    return has_value ? TC_OK : tc_to_pb_fail(w, "an Any without value");
}

static int put_any(struct tc_to_pb *w, uint32_t depth)
{
    char buf[TC_PB_NAME_MAX];
    if (!tc_lex_take(&w->lex, '{'))
        return tc_to_pb_fail(w, "no object");
    int len = find_type(w, buf, sizeof(buf));
    if (len < 0)
        return len;
    if (len == 0)
        return tc_lex_take(&w->lex, '}') ? TC_OK : tc_to_pb_fail(w, "not JSON");
    struct tc_str url = { buf, (size_t)len };
    const struct tc_pb_message *type = tc_transcode_type(w->t, url);
    if (!type)
        return tc_transcode_fail(w->t, -TC_ENOTFOUND, "an Any of an unknown type");
    if (depth + 1 > TC_PB_DEPTH_MAX)
        return tc_transcode_fail(w->t, -TC_EDEPTH, "messages are nested too deep");
    tc_pb_put_bytes(w->out, TC_WK_ANY_TYPE, url);
    uint8_t *begin = w->out->at;
    uint8_t *mark = tc_pb_open(w->out, TC_WK_ANY_VALUE);
    int rc = type->well_known == TC_PB_ORDINARY ? tc_to_pb_fields(w, type, depth + 1, true)
                                                : put_boxed(w, type, depth + 1);
    if (rc < 0)
        return rc;
    if (w->out->at == mark)
        w->out->at = begin;
    else
        tc_pb_close(w->out, mark);
    return TC_OK;
}

int tc_to_pb_well_known(struct tc_to_pb *w, const struct tc_pb_message *type, uint32_t depth)
{
    int rc;
    switch ((enum tc_pb_well_known)type->well_known) {
    case TC_PB_ANY:
        return put_any(w, depth);
    case TC_PB_FIELD_MASK:
        return put_mask(w);
    case TC_PB_STRUCT:
        return put_struct(w, depth);
    case TC_PB_VALUE:
        return put_any_value(w, depth);
    case TC_PB_LIST_VALUE:
        return put_list(w, depth);
    case TC_PB_WRAPPER:
        rc = tc_to_pb_scalar(w, &type->fields[0], false, false);
        return rc < 0 ? rc : TC_OK;
    default:
        return put_moment(w, type);
    }
}
