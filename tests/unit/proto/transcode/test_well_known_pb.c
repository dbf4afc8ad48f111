// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/transcode/fixture.h"

TestSuite(well_known_pb, .init = open_schema, .fini = close_schema);

Test(well_known_pb, times)
{
    /* goal: offsets and any number of digits are read; what is no time is refused */
    READS("Timestamp", "\"1970-01-01T01:00:00+01:00\"", "");
    READS("Timestamp", "\"1969-12-31T23:59:59.9Z\"",
          "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x80\xd2\x93\xad\x03");
    READS("Duration", "\"1s\"", "\x08\x01");
    REFUSES_JSON("Timestamp", "\"1970-01-01\"", -TC_EINVAL);
    REFUSES_JSON("Timestamp", "0", -TC_EINVAL);
    REFUSES_JSON("Timestamp", "\"1970-01-01T00:00:00.00000000000000000000000000000000000Z\"",
                 -TC_EINVAL);
    REFUSES_JSON("Duration", "\"1\"", -TC_EINVAL);
    REFUSES_JSON("Duration", "\"1m\"", -TC_EINVAL);
}

Test(well_known_pb, values)
{
    /* goal: any JSON is a Value, down to the depth that messages may have */
    READS("Value", " [ 1 , {\"a\\u0062\" : \"\\n\"} ] ",
          "\x32\x1a\x0a\x09\x11\0\0\0\0\0\0\xf0\x3f\x0a\x0d\x2a\x0b\x0a\x09\x0a\x02"
          "ab\x12\x03\x1a\x01\n");
    REFUSES_JSON("Value", "", -TC_EINVAL);
    REFUSES_JSON("Value", "nul", -TC_EINVAL);
    REFUSES_JSON("Value", "1e400", -TC_EINVAL);
    REFUSES_JSON("Value", "[1", -TC_EINVAL);
    REFUSES_JSON("ListValue", "{}", -TC_EINVAL);
    REFUSES_JSON("Struct", "[]", -TC_EINVAL);
    for (size_t depth = 15; depth <= 16; depth++) { /* Value, ListValue, Value ... */
        char json[64];
        memset(json, '[', depth);
        memset(json + depth, ']', depth);
        int rc = to_pb("Value", (struct tc_str){ json, 2 * depth });
        cr_expect_eq(rc, depth * 2 <= TC_PB_DEPTH_MAX ? TC_OK : -TC_EDEPTH, "%zu: %d", depth, rc);
    }
}

Test(well_known_pb, field_mask)
{
    /* goal: paths come back as they were; what is none is refused */
    READS("FieldMask", "\"a\"",
          "\x0a\x01"
          "a");
    READS("FieldMask", "\"fooBar.bAZ\"",
          "\x0a\x0d"
          "foo_bar.b_a_z");
    REFUSES_JSON("FieldMask", "\"a,\"", -TC_EINVAL);
    REFUSES_JSON("FieldMask", "\",a\"", -TC_EINVAL);
    REFUSES_JSON("FieldMask", "\"a_b\"", -TC_EINVAL);
    REFUSES_JSON("FieldMask", "\"a\\u0062\"", -TC_EINVAL);
    REFUSES_JSON("FieldMask", "[\"a\"]", -TC_EINVAL);
}

#define URL "type.googleapis.com/"

Test(well_known_pb, any)
{
    /* goal: @type may stand anywhere, once; what it names has to be there */
    READS("Any", "{\"fInt32\":7,\"@type\":\"" URL "test.kinds.Scalars\"}",
          "\x0a\x26" URL "test.kinds.Scalars\x12\x02\x28\x07");
    READS("Any", "{\"value\":\"1s\",\"@type\":\"" URL "google.protobuf.Duration\"}",
          "\x0a\x2c" URL "google.protobuf.Duration\x12\x02\x08\x01");
    READS("Any", "{\"@type\":\"x/google.protobuf.Any\",\"value\":{}}",
          "\x0a\x15x/google.protobuf.Any");
    REFUSES_JSON("Any", "{\"fInt32\":7}", -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":\"\"}", -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":7}", -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":\"a/b\"}", -TC_ENOTFOUND);
    REFUSES_JSON("Any", "{\"@type\":\"x/test.kinds.Scalars\",\"@type\":\"x/test.kinds.Tree\"}",
                 -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":\"x/test.kinds.Scalars\",\"\\u0040type\":{}}", -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":\"x/test.kinds.Scalars\",\"value\":{}}", -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":\"x/google.protobuf.Duration\"}", -TC_EINVAL);
    REFUSES_JSON("Any", "{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"1s\",\"x\":1}",
                 -TC_EINVAL);
    t.is_unknown_ignored = true;
    READS("Any", "{\"@type\":\"x/google.protobuf.Duration\",\"value\":\"1s\",\"x\":1}",
          "\x0a\x1ax/google.protobuf.Duration\x12\x02\x08\x01");
}

Test(well_known_pb, any_depth)
{
    /* goal: Any in Any has the depth of messages, and is not looked through without end */
    for (int depth = 31; depth <= 33; depth++) {
        static char json[8192];
        static const char head[] = "{\"@type\":\"x/google.protobuf.Any\",\"value\":";
        size_t len = 0;
        for (int i = 1; i < depth; i++, len += sizeof(head) - 1)
            memcpy(json + len, head, sizeof(head) - 1);
        json[len++] = '{';
        for (int i = 0; i < depth; i++)
            json[len++] = '}';
        int rc = to_pb("Any", (struct tc_str){ json, len });
        cr_expect_eq(rc, depth <= TC_PB_DEPTH_MAX ? TC_OK : -TC_EDEPTH, "%d: %d", depth, rc);
    }
}
