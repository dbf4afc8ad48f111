// SPDX-License-Identifier: Apache-2.0
/* Descriptor sets made by hand, and those of tests/schema and of the program. */
#ifndef TC_TESTS_UNIT_PROTO_PB_FIXTURE_H
#define TC_TESTS_UNIT_PROTO_PB_FIXTURE_H

#include <criterion/criterion.h>

#include "proto/pb/load.h"
#include "proto/schema/schema.h"

extern const struct tc_str tc_test_schema_set;

static struct tc_mem mem;
static struct tc_pb_schema schema;
static struct tc_err err;
static uint8_t set_bytes[1 << 20];
static struct tc_pb_out set;

static inline int load_sets(const struct tc_str *sets, uint32_t cnt)
{
    tc_mem_init(&mem, 0);
    return tc_pb_schema_load(&schema, sets, cnt, &mem, "test", &err);
}

static inline void load_test_schema(void)
{
    cr_assert_eq(load_sets(&tc_test_schema_set, 1), TC_OK, "%s", err.text);
}

static inline void unload(void)
{
    tc_mem_fini(&mem);
}

static inline void set_begin(void)
{
    set = tc_pb_out(set_bytes, sizeof(set_bytes));
}

static inline int set_load(void)
{
    struct tc_str bytes = { (const char *)set_bytes, (size_t)(set.at - set_bytes) };
    cr_assert(!set.is_full);
    return load_sets(&bytes, 1);
}

/* A part that is filled until tc_pb_close, with its name. */
static inline uint8_t *part(uint32_t number, const char *name)
{
    uint8_t *mark = tc_pb_open(&set, number);
    tc_pb_put_bytes(&set, TC_PB_ANY_NAME, tc_str_from(name));
    return mark;
}

static inline void end(uint8_t *mark)
{
    tc_pb_close(&set, mark);
}

static inline void put_text(uint32_t number, const char *text)
{
    tc_pb_put_bytes(&set, number, tc_str_from(text));
}

static inline void put_value(uint32_t number, uint64_t value)
{
    tc_pb_put_tag(&set, number, TC_PB_VARINT);
    tc_pb_put_varint(&set, value);
}

static inline uint8_t *file(const char *name, const char *package, const char *syntax)
{
    uint8_t *mark = part(TC_PB_SET_FILE, name);
    put_text(TC_PB_FILE_PACKAGE, package);
    put_text(TC_PB_FILE_SYNTAX, syntax);
    return mark;
}

/* type_name: of a message or enum, else NULL. */
static inline void field(const char *name, uint32_t number, uint32_t label, uint32_t type,
                         const char *type_name)
{
    uint8_t *mark = part(TC_PB_MESSAGE_FIELD, name);
    put_value(TC_PB_FIELD_NUMBER, number);
    put_value(TC_PB_FIELD_LABEL, label);
    put_value(TC_PB_FIELD_TYPE, type);
    if (type_name)
        put_text(TC_PB_FIELD_TYPE_NAME, type_name);
    end(mark);
}

static inline const struct tc_pb_field *field_of(const char *message, const char *name)
{
    const struct tc_pb_message *m = tc_pb_message(&schema, tc_str_from(message));
    cr_assert(m, "%s", message);
    return tc_pb_field_named(m, tc_str_from(name));
}

#endif
