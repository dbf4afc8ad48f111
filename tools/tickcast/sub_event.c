// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/sub_event.h"

#include <yyjson.h>

#include "proto/grpc/base64.h"
#include "proto/schema/schema.h"

void tc_sub_events_init(struct tc_sub_events *events)
{
    struct tc_err err;
    tc_mem_init(&events->mem, 0);
    int rc = tc_pb_schema_load(&events->schema, &tc_schema_set, 1, &events->mem, "schema", &err);
    TC_ASSERT(rc == TC_OK);
    events->event = tc_pb_message(&events->schema, TC_STR("jts.marketdata.v1.Event"));
    TC_ASSERT(events->event);
    events->payload = tc_alloc(TC_SUB_PAYLOAD_MAX);
}

void tc_sub_events_fini(struct tc_sub_events *events)
{
    tc_free(events->payload);
    tc_mem_fini(&events->mem);
}

/* The message under way, which is well-formed. */
struct message {
    struct tc_sub_events *events;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    const struct tc_pb_message *type;
    struct tc_str bytes;
};

/* The field's value; the last one counts. */
static bool find(const struct message *m, const struct tc_pb_field *field, struct tc_pb_item *out)
{
    struct tc_pb_in in = tc_pb_in(m->bytes);
    struct tc_pb_item item;
    bool is_found = false;
    while (tc_pb_next(&in, &item) == 1) {
        if (item.number != field->number || tc_pb_fit(field, &item) != TC_PB_FIT_ONE)
            continue;
        *out = item;
        is_found = true;
    }
    return is_found;
}

static struct tc_str text_of(const struct message *m, const char *name)
{
    struct tc_pb_item item = { .bytes = { "", 0 } };
    const struct tc_pb_field *field = tc_pb_field_named(m->type, tc_str_from(name));
    TC_ASSERT(field);
    return find(m, field, &item) ? item.bytes : (struct tc_str){ "", 0 };
}

static void add(const struct message *m, const char *name, yyjson_mut_val *val)
{
    yyjson_mut_obj_add(m->root, yyjson_mut_strcpy(m->doc, name), val);
}

static yyjson_mut_val *text_val(const struct message *m, struct tc_str text)
{
    return yyjson_mut_strncpy(m->doc, text.ptr, text.len);
}

/* ---- payloads ---- */

static bool is_json(struct tc_str text)
{
    yyjson_doc *doc = yyjson_read(text.ptr, text.len, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_doc_free(doc);
    return doc != NULL;
}

static yyjson_mut_val *payload_val(const struct message *m, struct tc_str type, struct tc_str value)
{
    const struct tc_pb_message *known = tc_pb_message(&m->events->schema, type);
    char *payload = m->events->payload;
    if (type.len == 0 && is_json(value))
        return yyjson_mut_rawn(m->doc, value.ptr, value.len);
    if (known) {
        struct tc_transcode t = { .schema = &m->events->schema, .is_unknown_ignored = true };
        struct tc_pb_out out = tc_pb_out(payload, TC_SUB_PAYLOAD_MAX);
        if (tc_transcode_to_json(&t, known, value, &out) == TC_OK)
            return yyjson_mut_rawn(m->doc, payload, (size_t)((char *)out.at - payload));
    }
    size_t len = tc_grpc_base64_encode(payload, TC_SUB_PAYLOAD_MAX, value.ptr, value.len, true);
    return text_val(m, (struct tc_str){ payload, len });
}

static void add_payload(const struct message *m)
{
    struct tc_pb_item item = { .value = 0 };
    const struct tc_pb_field *tombstone = tc_pb_field_named(m->type, TC_STR("tombstone"));
    bool is_gone = find(m, tombstone, &item) && item.value != 0;
    add(m, "data",
        is_gone ? yyjson_mut_null(m->doc)
                : payload_val(m, text_of(m, "type"), text_of(m, "value")));
}

/* ---- fields ---- */

static bool is_named(const struct tc_pb_field *field, const char *name)
{
    return tc_str_eq(field->name, tc_str_from(name));
}

static void add_symbol(const struct message *m)
{
    struct tc_str symbol = text_of(m, "symbol");
    if (symbol.len == 0)
        return;
    yyjson_mut_val *data = yyjson_mut_obj(m->doc);
    yyjson_mut_obj_add_val(m->doc, data, "symbol", text_val(m, symbol));
    add(m, "data", data);
}

/* NULL: the dialect leaves the member out. */
static yyjson_mut_val *field_val(const struct message *m, const struct tc_pb_field *field)
{
    struct tc_pb_item item = { .bytes = { "", 0 } };
    bool is_there = find(m, field, &item);
    if (!is_there && field->has_presence)
        return yyjson_mut_null(m->doc);
    switch (field->type) {
    case TC_PB_STRING:
        return item.bytes.len || field->has_presence ? text_val(m, item.bytes) : NULL;
    case TC_PB_BOOL:
        return item.value ? yyjson_mut_true(m->doc) : NULL;
    case TC_PB_INT64:
        return yyjson_mut_sint(m->doc, (int64_t)item.value);
    case TC_PB_UINT64:
    case TC_PB_UINT32:
        return yyjson_mut_uint(m->doc, item.value);
    default:
        return NULL;
    }
}

static void add_fields(const struct message *m, bool is_update)
{
    static const struct {
        const char *proto, *json;
    } times[] = { { "ts_ms", "ts" }, { "since_ms", "since" } };
    for (uint32_t i = 0; i < m->type->field_cnt; i++) {
        const struct tc_pb_field *field = &m->type->fields[i];
        struct tc_str name = field->name;
        if (is_named(field, "symbol") ||
            (is_update && (is_named(field, "tombstone") || is_named(field, "event"))))
            continue;
        for (size_t k = 0; k < TC_ARRAY_CNT(times); k++) {
            if (is_named(field, times[k].proto))
                name = tc_str_from(times[k].json);
        }
        yyjson_mut_val *val = field_val(m, field);
        if (val)
            yyjson_mut_obj_add(m->root, text_val(m, name), val);
    }
}

static void add_event_name(const struct message *m, const struct tc_pb_field *member,
                           bool is_update)
{
    char name[64];
    size_t len = TC_MIN(member->name.len, sizeof(name) - 1);
    memcpy(name, member->name.ptr, len);
    name[len] = '\0';
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '-' : *c;
    struct tc_str own = is_update ? text_of(m, "event") : (struct tc_str){ "", 0 };
    add(m, "event", text_val(m, own.len ? own : tc_str_from(name)));
}

/* ---- */

/* The member that is set, NULL: none that is known. */
static const struct tc_pb_field *member_of(const struct tc_pb_message *event, struct tc_str bytes,
                                           struct tc_str *content)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    const struct tc_pb_field *member = NULL;
    while (tc_pb_next(&in, &item) == 1) {
        const struct tc_pb_field *field = tc_pb_field(event, item.number);
        if (tc_pb_fit(field, &item) != TC_PB_FIT_ONE)
            continue;
        member = field;
        *content = item.bytes;
    }
    return member;
}

char *tc_sub_event_json(struct tc_sub_events *events, struct tc_str bytes, size_t *len_out)
{
    struct message m = { .events = events };
    if (tc_pb_check(events->event, bytes.ptr, bytes.len) != TC_OK)
        return NULL;
    const struct tc_pb_field *member = member_of(events->event, bytes, &m.bytes);
    if (!member)
        return NULL;
    bool is_update = is_named(member, "update");
    m.type = member->message;
    m.doc = yyjson_mut_doc_new(NULL);
    m.root = yyjson_mut_obj(m.doc);
    yyjson_mut_doc_set_root(m.doc, m.root);
    add_event_name(&m, member, is_update);
    add_fields(&m, is_update);
    if (is_update)
        add_payload(&m);
    else if (tc_pb_field_named(m.type, TC_STR("symbol")))
        add_symbol(&m);
    char *text = yyjson_mut_write(m.doc, 0, len_out); /* the default allocator is that of tc_free */
    TC_ASSERT(text);
    yyjson_mut_doc_free(m.doc);
    return text;
}
