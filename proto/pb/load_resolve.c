// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "proto/pb/load.h"
#include "proto/pb/order.h"

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct tc_pb_field *)a)->number;
    uint32_t y = ((const struct tc_pb_field *)b)->number;
    return (x > y) - (x < y);
}

/* Aliases in the order in which they were declared, which is that of their names in memory. */
static int by_value(const void *a, const void *b)
{
    const struct tc_pb_value *x = a;
    const struct tc_pb_value *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->name.ptr > y->name.ptr) - (x->name.ptr < y->name.ptr);
}

static int by_text(const void *a, const void *b)
{
    return tc_pb_order(((const struct tc_pb_name *)a)->text, ((const struct tc_pb_name *)b)->text);
}

static int by_full_name(const void *a, const void *b)
{
    return tc_pb_order(((const struct tc_pb_symbol *)a)->full_name,
                       ((const struct tc_pb_symbol *)b)->full_name);
}

static void enter(struct tc_pb_load *load, uint32_t file_idx)
{
    load->file_idx = file_idx;
    load->file = load->schema->files[file_idx].name;
}

static int sort_names(struct tc_pb_load *load, struct tc_pb_name *names, uint32_t cnt,
                      struct tc_str owner)
{
    qsort(names, cnt, sizeof(*names), by_text);
    for (uint32_t i = 1; i < cnt; i++)
        if (tc_str_eq(names[i - 1].text, names[i].text))
            return tc_pb_load_fail(load, -TC_EEXIST, owner, "two members have the same name");
    return TC_OK;
}

static int sort_symbols(struct tc_pb_load *load)
{
    struct tc_pb_schema *s = load->schema;
    qsort(s->symbols, s->symbol_cnt, sizeof(*s->symbols), by_full_name);
    for (uint32_t i = 1; i < s->symbol_cnt; i++) {
        if (!tc_str_eq(s->symbols[i - 1].full_name, s->symbols[i].full_name))
            continue;
        enter(load, TC_MAX(s->symbols[i - 1].file_idx, s->symbols[i].file_idx));
        return tc_pb_load_fail(load, -TC_EEXIST, s->symbols[i].full_name,
                               "this name is defined twice");
    }
    return TC_OK;
}

static int resolve_enum(struct tc_pb_load *load, struct tc_pb_enum *e)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_name *names = &s->names[s->name_cnt];
    enter(load, e->file_idx);
    if (e->value_cnt == 0)
        return tc_pb_load_fail(load, -TC_EINVAL, e->full_name, "an enum without a value");
    qsort(&s->values[e->values - s->values], e->value_cnt, sizeof(*s->values), by_value);
    for (uint32_t i = 0; i < e->value_cnt; i++)
        names[i] = (struct tc_pb_name){ e->values[i].name, i };
    e->names = names;
    s->name_cnt += e->value_cnt;
    return sort_names(load, names, e->value_cnt, e->full_name);
}

/* ".jts.Tick", as protoc writes it once it has resolved the name; empty: it has not. */
static struct tc_str full_name_of(struct tc_str type)
{
    if (type.len == 0 || type.ptr[0] != '.')
        return (struct tc_str){ "", 0 };
    return (struct tc_str){ type.ptr + 1, type.len - 1 };
}

static int resolve_field(struct tc_pb_load *load, struct tc_pb_field *f, struct tc_str type)
{
    if (f->type != TC_PB_MESSAGE && f->type != TC_PB_ENUM)
        return TC_OK;
    if (f->type == TC_PB_MESSAGE)
        f->message = tc_pb_message(load->schema, full_name_of(type));
    else
        f->enumeration = tc_pb_enum(load->schema, full_name_of(type));
    if (!f->message && !f->enumeration)
        return tc_pb_load_fail(load, -TC_ENOTFOUND, type,
                               "no such type (write the set with --include_imports)");
    return TC_OK;
}

static bool is_key(const struct tc_pb_field *f)
{
    return f->number == 1 && !f->is_repeated && !f->is_required && f->oneof == 0 &&
           f->type != TC_PB_DOUBLE && f->type != TC_PB_FLOAT && f->type != TC_PB_MESSAGE &&
           f->type != TC_PB_BLOB && f->type != TC_PB_ENUM;
}

/* The entry of a map is a message with key and value, and stands in no other place. */
static bool is_map_right(const struct tc_pb_field *field)
{
    const struct tc_pb_message *entry = field->message;
    if (!entry || !entry->is_map_entry)
        return true;
    return field->is_repeated && entry->field_cnt == 2 && is_key(&entry->fields[0]) &&
           entry->fields[1].number == 2 && !entry->fields[1].is_repeated &&
           !entry->fields[1].is_required && entry->fields[1].oneof == 0 &&
           !tc_pb_is_map(&entry->fields[1]);
}

static enum tc_pb_well_known well_known_of(struct tc_str name)
{
    static const struct {
        const char *name;
        enum tc_pb_well_known is;
    } rows[] = {
        { "Any", TC_PB_ANY },
        { "Timestamp", TC_PB_TIMESTAMP },
        { "Duration", TC_PB_DURATION },
        { "FieldMask", TC_PB_FIELD_MASK },
        { "Struct", TC_PB_STRUCT },
        { "Value", TC_PB_VALUE },
        { "ListValue", TC_PB_LIST_VALUE },
        { "DoubleValue", TC_PB_WRAPPER },
        { "FloatValue", TC_PB_WRAPPER },
        { "Int64Value", TC_PB_WRAPPER },
        { "UInt64Value", TC_PB_WRAPPER },
        { "Int32Value", TC_PB_WRAPPER },
        { "UInt32Value", TC_PB_WRAPPER },
        { "BoolValue", TC_PB_WRAPPER },
        { "StringValue", TC_PB_WRAPPER },
        { "BytesValue", TC_PB_WRAPPER },
    };
    struct tc_str package = TC_STR("google.protobuf.");
    if (!tc_str_starts(name, package))
        return TC_PB_ORDINARY;
    name.ptr += package.len;
    name.len -= package.len;
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        if (tc_str_eq(tc_str_from(rows[i].name), name))
            return rows[i].is;
    return TC_PB_ORDINARY;
}

static int sort_fields(struct tc_pb_load *load, struct tc_pb_message *m)
{
    struct tc_pb_schema *s = load->schema;
    struct tc_pb_field *fields = &s->fields[m->fields - s->fields];
    struct tc_pb_name *names = &s->names[s->name_cnt];
    qsort(fields, m->field_cnt, sizeof(*fields), by_number);
    for (uint32_t i = 0; i < m->field_cnt; i++) {
        if (i > 0 && fields[i - 1].number == fields[i].number)
            return tc_pb_load_fail(load, -TC_EEXIST, fields[i].name, "its number is taken");
        names[m->name_cnt++] = (struct tc_pb_name){ fields[i].json_name, i };
        if (!tc_str_eq(fields[i].name, fields[i].json_name))
            names[m->name_cnt++] = (struct tc_pb_name){ fields[i].name, i };
        m->required_cnt += fields[i].is_required;
    }
    m->names = names;
    s->name_cnt += m->name_cnt;
    return sort_names(load, names, m->name_cnt, m->full_name);
}

static int resolve_message(struct tc_pb_load *load, struct tc_pb_message *m)
{
    struct tc_pb_schema *s = load->schema;
    size_t first = (size_t)(m->fields - s->fields);
    int rc = TC_OK;
    enter(load, m->file_idx);
    for (size_t i = first; i < first + m->field_cnt && rc == TC_OK; i++)
        rc = resolve_field(load, &s->fields[i], load->field_types[i]);
    if (rc == TC_OK)
        rc = sort_fields(load, m); /* after it field_types fits no more */
    m->well_known = (uint8_t)(m->is_map_entry ? TC_PB_ORDINARY : well_known_of(m->full_name));
    if (rc == TC_OK && m->well_known == TC_PB_WRAPPER &&
        (m->field_cnt != 1 || m->fields[0].number != 1 || m->fields[0].is_repeated ||
         m->fields[0].message || m->fields[0].enumeration))
        return tc_pb_load_fail(load, -TC_EINVAL, m->full_name, "a wrapper holds one value");
    return rc;
}

static int resolve_methods(struct tc_pb_load *load)
{
    struct tc_pb_schema *s = load->schema;
    for (uint32_t i = 0; i < s->service_cnt; i++) {
        struct tc_pb_service *service = &s->services[i];
        enter(load, service->file_idx);
        size_t first = (size_t)(service->methods - s->methods);
        for (size_t j = first; j < first + service->method_cnt; j++) {
            struct tc_pb_method *m = &s->methods[j];
            m->input = tc_pb_message(s, full_name_of(load->method_types[2 * j]));
            m->output = tc_pb_message(s, full_name_of(load->method_types[2 * j + 1]));
            if (!m->input || !m->output)
                return tc_pb_load_fail(load, -TC_ENOTFOUND, m->name, "a type of it is not there");
        }
    }
    return TC_OK;
}

int tc_pb_load_resolve(struct tc_pb_load *load)
{
    struct tc_pb_schema *s = load->schema;
    int rc = sort_symbols(load);
    for (uint32_t i = 0; i < s->enum_cnt && rc == TC_OK; i++)
        rc = resolve_enum(load, &s->enums[i]);
    for (uint32_t i = 0; i < s->message_cnt && rc == TC_OK; i++)
        rc = resolve_message(load, &s->messages[i]);
    for (uint32_t i = 0; i < s->message_cnt && rc == TC_OK; i++) {
        struct tc_pb_message *m = &s->messages[i];
        for (uint32_t j = 0; j < m->field_cnt; j++) {
            if (is_map_right(&m->fields[j]))
                continue;
            enter(load, m->file_idx);
            return tc_pb_load_fail(load, -TC_EINVAL, m->fields[j].name, "a map made wrongly");
        }
    }
    return rc == TC_OK ? resolve_methods(load) : rc;
}
