// SPDX-License-Identifier: Apache-2.0
#include <grpc/health/v1/health.pb-c.h>
#include <jts/marketdata/v1/request.pb-c.h>

#include "tests/unit/proto/pb/fixture.h"

enum { OPTIONAL = 1, REQUIRED = 2, REPEATED = 3 };

Test(load, own_schema)
{
    /* goal: the set of the program loads, with its services, and beside another set */
    struct tc_str sets[] = { tc_schema_set, tc_test_schema_set };
    cr_assert_eq(load_sets(sets, 2), TC_OK, "%s", err.text);
    const struct tc_pb_service *s =
        tc_pb_service(&schema, TC_STR("jts.marketdata.v1.MarketDataService"));
    cr_assert(s && s->method_cnt == 4);
    const struct tc_pb_method *m = tc_pb_method(s, TC_STR("Stream"));
    cr_assert(m && m->is_client_streaming && m->is_server_streaming);
    cr_expect(tc_str_eq(m->input->full_name, TC_STR("jts.marketdata.v1.StreamRequest")));
    m = tc_pb_method(s, TC_STR("Subscribe"));
    cr_assert(m && !m->is_client_streaming && m->is_server_streaming);
    cr_expect(tc_str_eq(m->output->full_name, TC_STR("jts.marketdata.v1.Event")));
    cr_expect_null(tc_pb_method(s, TC_STR("subscribe")));
    cr_expect(tc_pb_service(&schema, TC_STR("grpc.health.v1.Health")) &&
              tc_pb_service(&schema, TC_STR("grpc.reflection.v1.ServerReflection")) &&
              tc_pb_service(&schema, TC_STR("grpc.reflection.v1alpha.ServerReflection")));
    cr_expect_gt(schema.service_cnt, 4); /* those of the tests as well */
    cr_expect(tc_pb_file_of(&schema, TC_STR("jts.marketdata.v1.MarketDataService.Stream")) ==
              tc_pb_file(&schema, TC_STR("jts/marketdata/v1/marketdata.proto")));
    cr_expect(tc_pb_message(&schema, TC_STR("test.kinds.Tree")));
    cr_expect(schema.symbol_cnt <=
              schema.message_cnt + schema.enum_cnt + schema.service_cnt + schema.method_cnt);
    unload();
}

Test(load, generated_code)
{
    /* goal: generated code and the loaded schema mean the same bytes */
    Jts__Marketdata__V1__GetSnapshotRequest request =
        JTS__MARKETDATA__V1__GET_SNAPSHOT_REQUEST__INIT;
    char room[] = "ticker-BTCUSDT";
    uint8_t bytes[64];
    request.room = room;
    size_t len = jts__marketdata__v1__get_snapshot_request__pack(&request, bytes);
    struct tc_pb_in in = tc_pb_in((struct tc_str){ (const char *)bytes, len });
    struct tc_pb_item item;
    cr_assert_eq(load_sets(&tc_schema_set, 1), TC_OK);
    cr_assert_eq(tc_pb_next(&in, &item), 1);
    cr_expect_eq(item.number, field_of("jts.marketdata.v1.GetSnapshotRequest", "room")->number);
    cr_expect(tc_str_eq(item.bytes, TC_STR("ticker-BTCUSDT")));
    cr_expect_eq(
        tc_pb_value_named(
            tc_pb_enum(&schema, TC_STR("grpc.health.v1.HealthCheckResponse.ServingStatus")),
            TC_STR("SERVICE_UNKNOWN"))
            ->number,
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN);
    unload();
}

Test(load, json_names)
{
    /* goal: a JSON name that the set does not give is made as protoc makes it */
    set_begin();
    uint8_t *f = file("a.proto", "a", "proto3");
    uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
    field("last_px_2", 1, OPTIONAL, TC_PB_INT32, NULL);
    field("_x__y_", 2, OPTIONAL, TC_PB_INT32, NULL);
    field("aB", 3, OPTIONAL, TC_PB_INT32, NULL);
    end(m);
    end(f);
    cr_assert_eq(set_load(), TC_OK, "%s", err.text);
    cr_expect_eq(field_of("a.M", "lastPx2")->number, 1);
    cr_expect_eq(field_of("a.M", "XY")->number, 2);
    cr_expect_eq(field_of("a.M", "aB")->number, 3);
    unload();
}

Test(load, same_file_twice)
{
    /* goal: a file that an earlier set has is passed over; the same name in two files is not */
    for (int other = 0; other < 2; other++) {
        set_begin();
        for (int i = 0; i < 2; i++) {
            uint8_t *f = file(other && i ? "b.proto" : "a.proto", "a", "proto3");
            end(part(TC_PB_FILE_MESSAGE, "M"));
            end(f);
        }
        cr_expect_eq(set_load(), other ? -TC_EEXIST : TC_OK);
        cr_expect(!other || (strstr(err.text, "b.proto") && strstr(err.text, "a.M")), "%s",
                  err.text);
        unload();
    }
}

Test(load, syntax)
{
    /* goal: proto2 (also unsaid) and proto3; what comes after them is not understood */
    static const struct {
        const char *syntax;
        int rc;
    } cases[] = {
        { "", TC_OK },
        { "proto2", TC_OK },
        { "proto3", TC_OK },
        { "editions", -TC_ENOTSUP },
        { "proto4", -TC_ENOTSUP },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        set_begin();
        end(file("a.proto", "a", cases[i].syntax));
        cr_expect_eq(set_load(), cases[i].rc, "%s", cases[i].syntax);
        cr_expect(cases[i].rc == TC_OK || strstr(err.text, "a.proto"), "%s", err.text);
        unload();
    }
}

Test(load, refused_fields)
{
    /* goal: a field that is a group, or without a sound number, type, label or oneof */
    static const struct {
        uint32_t number, label, type;
        int rc;
    } cases[] = {
        { 1, OPTIONAL, TC_PB_GROUP, -TC_ENOTSUP },
        { 1, OPTIONAL, 19, -TC_EINVAL },
        { 1, OPTIONAL, 0, -TC_EINVAL },
        { 0, OPTIONAL, TC_PB_INT32, -TC_EINVAL },
        { 1 << 29, OPTIONAL, TC_PB_INT32, -TC_EINVAL },
        { 1, REQUIRED, TC_PB_INT32, -TC_EINVAL },
        { 1, 4, TC_PB_INT32, -TC_EINVAL },
        { TC_PB_NUMBER_MAX, OPTIONAL, TC_PB_INT32, TC_OK },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
        field("price", cases[i].number, cases[i].label, cases[i].type, NULL);
        end(m);
        end(f);
        cr_expect_eq(set_load(), cases[i].rc, "case %zu: %s", i, err.text);
        cr_expect(cases[i].rc == TC_OK || strstr(err.text, "price"), "%s", err.text);
        unload();
    }
}

Test(load, damaged)
{
    /* goal: every prefix of a set ends in a verdict, and only whole files load */
    for (size_t len = 0; len < tc_schema_set.len; len += len < 2000 ? 1 : 97) {
        struct tc_str bytes = { tc_schema_set.ptr, len };
        int rc = load_sets(&bytes, 1);
        cr_expect(rc == TC_OK || rc == -TC_EINVAL || rc == -TC_ENOTFOUND, "%zu: %d", len, rc);
        cr_expect(rc == TC_OK || err.text[0]);
        unload();
    }
}

Test(load, budget)
{
    /* goal: memory that is not there is an error with a text */
    tc_mem_init(&mem, 1000);
    cr_expect_eq(tc_pb_schema_load(&schema, &tc_schema_set, 1, &mem, "schema", &err), -TC_ENOMEM);
    cr_expect(err.text[0]);
    unload();
}
