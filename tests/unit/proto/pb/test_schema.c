// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/pb/fixture.h"

TestSuite(schema, .init = load_test_schema, .fini = unload);

Test(schema, fields)
{
    /* goal: fields by number, JSON name and proto name, dense or not */
    const struct tc_pb_message *m = tc_pb_message(&schema, TC_STR("test.kinds.Scalars"));
    cr_assert(m);
    cr_expect_eq(m->field_cnt, 17);
    for (uint32_t i = 0; i < m->field_cnt; i++) {
        cr_expect_eq(tc_pb_field(m, m->fields[i].number), &m->fields[i]);
        cr_expect_eq(tc_pb_field_named(m, m->fields[i].name), &m->fields[i]);
        cr_expect_eq(tc_pb_field_named(m, m->fields[i].json_name), &m->fields[i]);
    }
    cr_expect_null(tc_pb_field(m, 0));
    cr_expect_null(tc_pb_field(m, 10));
    cr_expect_null(tc_pb_field(m, 2001));
    cr_expect_null(tc_pb_field(m, UINT32_MAX));
    cr_expect_null(tc_pb_field_named(m, TC_STR("")));
    cr_expect_null(tc_pb_field_named(m, TC_STR("renamedField")));
    cr_expect_eq(field_of("test.kinds.Scalars", "other-name")->number, 2000);
    cr_expect_eq(field_of("test.kinds.Scalars", "renamed_field")->number, 2000);
}

Test(schema, kinds_of_fields)
{
    /* goal: presence, rows, packing, oneofs, maps, as the syntax says */
    const struct tc_pb_field *f = field_of("test.kinds.Scalars", "f_int32");
    cr_expect(!f->has_presence && !f->is_repeated && f->type == TC_PB_INT32 && f->oneof == 0);
    f = field_of("test.kinds.Presence", "oInt64");
    cr_expect(f->has_presence && f->oneof > 0);
    f = field_of("test.kinds.Presence", "oMessage");
    cr_expect(f->has_presence && f->oneof == 0 && f->message);
    cr_expect_eq(field_of("test.kinds.Presence", "cInt32")->oneof,
                 field_of("test.kinds.Presence", "cMessage")->oneof);
    cr_expect_neq(field_of("test.kinds.Presence", "cInt32")->oneof,
                  field_of("test.kinds.Presence", "oInt64")->oneof);
    cr_expect(field_of("test.kinds.Repeated", "r_int32")->is_packed);
    cr_expect(!field_of("test.kinds.Repeated", "u_int32")->is_packed);
    cr_expect(!field_of("test.kinds.Repeated", "r_string")->is_packed);
    f = field_of("test.kinds.Maps", "m_sint32_message");
    cr_expect(tc_pb_is_map(f) && f->message->fields[0].type == TC_PB_SINT32);
    cr_expect(!tc_pb_is_map(field_of("test.kinds.Repeated", "r_message")));
    f = field_of("test.old.Old", "id");
    cr_expect(f->is_required && f->has_presence);
    cr_expect(!field_of("test.old.Old", "rows")->is_packed);
    cr_expect(field_of("test.old.Old", "packed_rows")->is_packed);
    cr_expect_eq(tc_pb_message(&schema, TC_STR("test.old.Old"))->required_cnt, 1);
    cr_expect_null(field_of("test.old.Old", "extra")); /* an extension */
}

Test(schema, enums)
{
    /* goal: values by number, the first of aliases, negative ones; by name; closed in proto2 */
    const struct tc_pb_enum *e = tc_pb_enum(&schema, TC_STR("test.kinds.Color"));
    cr_assert(e && !e->is_closed && !e->is_null);
    cr_expect(tc_str_eq(tc_pb_value(e, 1)->name, TC_STR("COLOR_RED")));
    cr_expect(tc_str_eq(tc_pb_value(e, -3)->name, TC_STR("COLOR_NEGATIVE")));
    cr_expect_null(tc_pb_value(e, 2));
    cr_expect_null(tc_pb_value(e, INT32_MAX));
    cr_expect_eq(tc_pb_value_named(e, TC_STR("COLOR_CRIMSON"))->number, 1);
    cr_expect_null(tc_pb_value_named(e, TC_STR("RED")));
    cr_expect(tc_pb_enum(&schema, TC_STR("test.old.Level"))->is_closed);
    cr_expect(tc_pb_enum(&schema, TC_STR("google.protobuf.NullValue"))->is_null);
}

Test(schema, names)
{
    /* goal: a name of another kind, a part of a name and a leading dot find nothing */
    cr_expect_null(tc_pb_message(&schema, TC_STR("test.kinds.Color")));
    cr_expect_null(tc_pb_enum(&schema, TC_STR("test.kinds.Scalars")));
    cr_expect_null(tc_pb_message(&schema, TC_STR("Scalars")));
    cr_expect_null(tc_pb_message(&schema, TC_STR(".test.kinds.Scalars")));
    cr_expect_null(tc_pb_message(&schema, TC_STR("")));
    cr_expect(tc_pb_message(&schema, TC_STR("test.kinds.Maps.MStringStringEntry"))->is_map_entry);
    cr_expect_eq(tc_pb_message(&schema, TC_STR("google.protobuf.Any"))->well_known, TC_PB_ANY);
    cr_expect_eq(tc_pb_message(&schema, TC_STR("google.protobuf.Empty"))->well_known,
                 TC_PB_ORDINARY);
}

Test(schema, files)
{
    /* goal: the descriptor of a file by its name and by what it defines */
    const struct tc_pb_file *f = tc_pb_file(&schema, TC_STR("kinds.proto"));
    cr_assert(f);
    cr_expect(tc_str_eq(tc_pb_load_bytes(f->bytes, TC_PB_FILE_NAME), TC_STR("kinds.proto")));
    cr_expect_eq(tc_pb_file_of(&schema, TC_STR("test.kinds.Color")), f);
    cr_expect_eq(tc_pb_file_of(&schema, TC_STR("test.kinds.Tree")), f);
    cr_expect_eq(tc_pb_file_of(&schema, TC_STR("google.protobuf.Any")),
                 tc_pb_file(&schema, TC_STR("google/protobuf/any.proto")));
    cr_expect_null(tc_pb_file_of(&schema, TC_STR("test.kinds")));
    cr_expect_null(tc_pb_file(&schema, TC_STR("kinds")));
}
