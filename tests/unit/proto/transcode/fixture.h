// SPDX-License-Identifier: Apache-2.0
/* Both directions with the types of tests/schema, in buffers whose ends are watched by asan. */
#ifndef TC_TESTS_UNIT_PROTO_TRANSCODE_FIXTURE_H
#define TC_TESTS_UNIT_PROTO_TRANSCODE_FIXTURE_H

#include <criterion/criterion.h>

#include "proto/transcode/transcode.h"

extern const struct tc_str tc_test_schema_set;

static struct tc_mem mem;
static struct tc_pb_schema schema;
static struct tc_transcode t;
static uint8_t buf[1 << 17];
static struct tc_str got; /* of the last call */

static inline void open_schema(void)
{
    struct tc_err err;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_pb_schema_load(&schema, &tc_test_schema_set, 1, &mem, "test", &err), TC_OK);
    t = (struct tc_transcode){ .schema = &schema };
}

static inline void close_schema(void)
{
    tc_mem_fini(&mem);
}

/* type without "test.kinds." or "test.old.". */
static inline const struct tc_pb_message *type_of(const char *type)
{
    static const char *const packages[] = { "test.kinds.", "test.old.", "google.protobuf." };
    for (size_t i = 0; i < TC_ARRAY_CNT(packages); i++) {
        char name[128];
        size_t len = strlen(packages[i]);
        memcpy(name, packages[i], len);
        memcpy(name + len, type, strlen(type) + 1);
        const struct tc_pb_message *m = tc_pb_message(&schema, tc_str_from(name));
        if (m)
            return m;
    }
    cr_assert(false, "no type %s", type);
    return NULL;
}

static inline int to_json(const char *type, struct tc_str pb)
{
    struct tc_pb_out out = tc_pb_out(buf, sizeof(buf));
    int rc = tc_transcode_to_json(&t, type_of(type), pb, &out);
    got = (struct tc_str){ (const char *)buf, (size_t)(out.at - buf) };
    cr_expect((rc < 0) == (t.detail != NULL));
    return rc;
}

static inline int to_pb(const char *type, struct tc_str json)
{
    struct tc_pb_out out = tc_pb_out(buf, sizeof(buf));
    int rc = tc_transcode_to_pb(&t, type_of(type), json, &out);
    got = (struct tc_str){ (const char *)buf, (size_t)(out.at - buf) };
    cr_expect((rc < 0) == (t.detail != NULL));
    return rc;
}

/* pb and json stand for each other. */
static inline void both(const char *type, struct tc_str pb, struct tc_str json)
{
    cr_expect_eq(to_json(type, pb), TC_OK, "%s: %s", json.ptr, t.detail);
    cr_expect(tc_str_eq(got, json), "got %.*s, wanted %s", (int)got.len, got.ptr, json.ptr);
    cr_expect_eq(to_pb(type, json), TC_OK, "%s: %s", json.ptr, t.detail);
    cr_expect(tc_str_eq(got, pb), "%s: %zu bytes, wanted %zu", json.ptr, got.len, pb.len);
}

/* json is read as pb, and is not how pb is written. */
static inline void reads(const char *type, struct tc_str json, struct tc_str pb)
{
    cr_expect_eq(to_pb(type, json), TC_OK, "%s: %s", json.ptr, t.detail);
    cr_expect(tc_str_eq(got, pb), "%s: %zu bytes, wanted %zu", json.ptr, got.len, pb.len);
}

/* pb is written as json. */
static inline void writes(const char *type, struct tc_str pb, struct tc_str json)
{
    cr_expect_eq(to_json(type, pb), TC_OK, "%s: %s", json.ptr, t.detail);
    cr_expect(tc_str_eq(got, json), "got %.*s, wanted %s", (int)got.len, got.ptr, json.ptr);
}

static inline void refuses_json(const char *type, struct tc_str json, int code)
{
    int rc = to_pb(type, json);
    cr_expect_eq(rc, code, "%s: %d", json.ptr, rc);
    cr_expect_eq(got.len, 0);
}

static inline void refuses_pb(const char *type, struct tc_str pb, int code)
{
    int rc = to_json(type, pb);
    cr_expect_eq(rc, code, "%s: %d instead of %d", type, rc, code);
    cr_expect_eq(got.len, 0);
}

#define BOTH(type, pb, json) both(type, TC_STR(pb), TC_STR(json))
#define READS(type, json, pb) reads(type, TC_STR(json), TC_STR(pb))
#define WRITES(type, pb, json) writes(type, TC_STR(pb), TC_STR(json))
#define REFUSES_JSON(type, json, code) refuses_json(type, TC_STR(json), code)
#define REFUSES_PB(type, pb, code) refuses_pb(type, TC_STR(pb), code)

#endif
