// SPDX-License-Identifier: Apache-2.0
#include "proto/pb/schema.h"

#include "proto/pb/order.h"

static const struct tc_pb_symbol *symbol(const struct tc_pb_schema *schema, struct tc_str name)
{
    uint32_t from = 0;
    uint32_t to = schema->symbol_cnt;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int order = tc_pb_order(schema->symbols[mid].full_name, name);
        if (order == 0)
            return &schema->symbols[mid];
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

static uint32_t symbol_idx(const struct tc_pb_schema *schema, struct tc_str name,
                           enum tc_pb_kind kind)
{
    const struct tc_pb_symbol *s = symbol(schema, name);
    return s && s->kind == kind ? s->idx : TC_NONE;
}

const struct tc_pb_message *tc_pb_message(const struct tc_pb_schema *schema, struct tc_str name)
{
    uint32_t idx = symbol_idx(schema, name, TC_PB_A_MESSAGE);
    return idx == TC_NONE ? NULL : &schema->messages[idx];
}

const struct tc_pb_enum *tc_pb_enum(const struct tc_pb_schema *schema, struct tc_str name)
{
    uint32_t idx = symbol_idx(schema, name, TC_PB_AN_ENUM);
    return idx == TC_NONE ? NULL : &schema->enums[idx];
}

const struct tc_pb_service *tc_pb_service(const struct tc_pb_schema *schema, struct tc_str name)
{
    uint32_t idx = symbol_idx(schema, name, TC_PB_A_SERVICE);
    return idx == TC_NONE ? NULL : &schema->services[idx];
}

const struct tc_pb_method *tc_pb_method(const struct tc_pb_service *service, struct tc_str name)
{
    for (uint32_t i = 0; i < service->method_cnt; i++)
        if (tc_str_eq(service->methods[i].name, name))
            return &service->methods[i];
    return NULL;
}

const struct tc_pb_file *tc_pb_file(const struct tc_pb_schema *schema, struct tc_str name)
{
    for (uint32_t i = 0; i < schema->file_cnt; i++)
        if (tc_str_eq(schema->files[i].name, name))
            return &schema->files[i];
    return NULL;
}

const struct tc_pb_file *tc_pb_file_of(const struct tc_pb_schema *schema, struct tc_str name)
{
    const struct tc_pb_symbol *s = symbol(schema, name);
    return s ? &schema->files[s->file_idx] : NULL;
}

const struct tc_pb_field *tc_pb_field(const struct tc_pb_message *message, uint32_t number)
{
    const struct tc_pb_field *fields = message->fields;
    uint32_t from = 0;
    uint32_t to = message->field_cnt;
    if (TC_LIKELY(number - 1 < to && fields[number - 1].number == number))
        return &fields[number - 1];
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (fields[mid].number == number)
            return &fields[mid];
        if (fields[mid].number < number)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

static uint32_t named(const struct tc_pb_name *names, uint32_t cnt, struct tc_str text)
{
    uint32_t from = 0;
    uint32_t to = cnt;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int order = tc_pb_order(names[mid].text, text);
        if (order == 0)
            return names[mid].idx;
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return TC_NONE;
}

const struct tc_pb_field *tc_pb_field_named(const struct tc_pb_message *message, struct tc_str name)
{
    uint32_t idx = named(message->names, message->name_cnt, name);
    return idx == TC_NONE ? NULL : &message->fields[idx];
}

const struct tc_pb_value *tc_pb_value(const struct tc_pb_enum *enumeration, int32_t number)
{
    const struct tc_pb_value *values = enumeration->values;
    uint32_t from = 0;
    uint32_t to = enumeration->value_cnt;
    while (from < to) { /* the first that is not below: of aliases the first */
        uint32_t mid = from + (to - from) / 2;
        if (values[mid].number < number)
            from = mid + 1;
        else
            to = mid;
    }
    return from < enumeration->value_cnt && values[from].number == number ? &values[from] : NULL;
}

const struct tc_pb_value *tc_pb_value_named(const struct tc_pb_enum *enumeration,
                                            struct tc_str name)
{
    uint32_t idx = named(enumeration->names, enumeration->value_cnt, name);
    return idx == TC_NONE ? NULL : &enumeration->values[idx];
}
