// SPDX-License-Identifier: Apache-2.0
#include "proto/feed/feed.h"

#include "core/base/fmt.h"

static const char *const reason_texts[TC_FEED_REASON_CNT] = {
#define X(name, text) text,
    TC_FEED_REASON_TABLE(X)
#undef X
};

const char *tc_feed_reason_text(enum tc_feed_reason reason)
{
    TC_ASSERT(reason < TC_FEED_REASON_CNT);
    return reason_texts[reason];
}

static bool is_number(struct tc_str text)
{
    uint64_t value;
    return tc_fmt_parse_u64(text, UINT64_MAX, &value);
}

/* What a part of the template is for this record. digits has TC_FMT_U64_MAX bytes. */
static enum tc_feed_reason part_text(const struct tc_template *tpl,
                                     const struct tc_template_part *part,
                                     const struct tc_record *record, struct yyjson_val *root,
                                     char *digits, struct tc_str *out)
{
    switch ((enum tc_template_kind)part->kind) {
    case TC_TEMPLATE_LITERAL:
        *out = tc_template_text(tpl, part);
        return TC_FEED_NONE;
    case TC_TEMPLATE_KEY:
    case TC_TEMPLATE_NUMBER:
        *out = record->key;
        if (!record->key.ptr || record->key.len == 0)
            return TC_FEED_NO_KEY;
        if (part->kind == TC_TEMPLATE_NUMBER && !is_number(record->key))
            return TC_FEED_BAD_NUMBER;
        return TC_FEED_NONE;
    case TC_TEMPLATE_TOPIC:
        *out = record->topic;
        return TC_FEED_NONE;
    case TC_TEMPLATE_PARTITION:
        *out = (struct tc_str){ digits, tc_fmt_u64(digits, record->partition) };
        return TC_FEED_NONE;
    case TC_TEMPLATE_HEADER:
        if (!record->header ||
            !record->header(record->header_ctx, tc_template_text(tpl, part), out) || out->len == 0)
            return TC_FEED_NO_HEADER;
        return TC_FEED_NONE;
    case TC_TEMPLATE_FIELD:
        if (!tc_json_text(tc_json_at(root, tc_template_text(tpl, part)), out) || out->len == 0)
            return TC_FEED_NO_FIELD;
        return TC_FEED_NONE;
    }
    return TC_FEED_BAD_NAME;
}

/* Makes the room's name; out->name_len stays 0 unless all of it is fine. */
static enum tc_feed_reason make_name(const struct tc_template *tpl, const struct tc_record *record,
                                     struct yyjson_val *root, struct tc_feed_out *out)
{
    size_t len = 0;
    for (uint32_t i = 0; i < tpl->part_cnt; i++) {
        char digits[TC_FMT_U64_MAX];
        struct tc_str text;
        enum tc_feed_reason reason = part_text(tpl, &tpl->parts[i], record, root, digits, &text);
        if (reason != TC_FEED_NONE)
            return reason;
        if (text.len > sizeof(out->name) - len)
            return TC_FEED_LONG_NAME;
        memcpy(out->name + len, text.ptr, text.len);
        len += text.len;
    }
    struct tc_str name = { out->name, len };
    if (tc_room_name_check(name) < 0)
        return TC_FEED_BAD_NAME;
    if (tc_room_name_is_private(name))
        return TC_FEED_PRIVATE_NAME;
    out->name_len = (uint32_t)len;
    return TC_FEED_NONE;
}

static enum tc_feed_kind done(struct tc_feed_out *out, enum tc_feed_kind kind,
                              enum tc_feed_reason reason)
{
    out->kind = kind;
    out->reason = reason;
    return kind;
}

static enum tc_feed_reason json_reason(int rc)
{
    switch (rc) {
    case TC_OK:
        return TC_FEED_NONE;
    case -TC_EUTF8:
        return TC_FEED_BAD_UTF8;
    case -TC_EDEPTH:
        return TC_FEED_TOO_DEEP;
    default:
        return TC_FEED_BAD_JSON;
    }
}

enum tc_feed_kind tc_feed_map(const struct tc_feed_rule *rule, const struct tc_record *record,
                              struct tc_json_pool *pool, struct tc_feed_out *out)
{
    const struct tc_template *tpl = rule->room;
    struct yyjson_val *root = NULL;
    enum tc_feed_kind kind = TC_FEED_UPDATE;
    enum tc_feed_reason fault = TC_FEED_NONE; /* of the value */
    enum tc_feed_reason reason;               /* of the name */
    TC_ASSERT(rule->format == TC_FEED_JSON && rule->event_bytes_max <= pool->value_max);
    out->name_len = 0;
    if (!record->value.ptr) {
        kind = TC_FEED_TOMBSTONE;
    } else if (record->value.len > rule->event_bytes_max) {
        kind = TC_FEED_OVERSIZE;
        fault = TC_FEED_TOO_LARGE;
    } else {
        fault = json_reason(
            tc_json_parse(pool, record->value.ptr, record->value.len, TC_JSON_DEPTH_MAX, &root));
        if (fault != TC_FEED_NONE)
            kind = TC_FEED_POISON;
    }
    if (tpl->has_field && !root)
        reason = kind == TC_FEED_TOMBSTONE ? TC_FEED_NO_VALUE : fault;
    else
        reason = make_name(tpl, record, root, out);
    if (fault != TC_FEED_NONE)
        return done(out, kind, fault); /* the value's fault says more than the name's */
    if (reason != TC_FEED_NONE)
        return done(out, TC_FEED_POISON, reason);
    return done(out, kind, TC_FEED_NONE);
}
