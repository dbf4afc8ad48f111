// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/transcode/fixture.h"

TestSuite(well_known_json, .init = open_schema, .fini = close_schema);

Test(well_known_json, times)
{
    /* goal: times and durations, missing parts zero, nothing that cannot be read back */
    BOTH("WellKnown", "\x0a\x07\x08\x01\x10\x80\xa3\xc3\x47",
         "{\"time\":\"1970-01-01T00:00:01.150Z\"}");
    BOTH("WellKnown", "\x0a\x00", "{\"time\":\"1970-01-01T00:00:00Z\"}");
    BOTH("WellKnown", "\x12\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         "{\"duration\":\"-0.000000001s\"}");
    REFUSES_PB("WellKnown", "\x0a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", -TC_EINVAL);
    REFUSES_PB("WellKnown", "\x0a\x07\x08\x80\x80\x80\x80\x80\x20", -TC_EINVAL);
    REFUSES_PB("WellKnown", "\x0a\x01\x08", -TC_EINVAL);
}

Test(well_known_json, wrappers)
{
    /* goal: a wrapper is its value; a missing one is zero */
    BOTH("WellKnown", "\x62\x00", "{\"wInt64\":\"0\"}");
    BOTH("WellKnown", "\x72\x02\x08\x07", "{\"wInt32\":7}");
    BOTH("WellKnown", "\x82\x01\x02\x08\x01", "{\"wBool\":true}");
    BOTH("WellKnown", "\x8a\x01\x03\x0a\x01x", "{\"wString\":\"x\"}");
    BOTH("WellKnown", "\x92\x01\x03\x0a\x01x", "{\"wBytes\":\"eA==\"}");
    BOTH("WellKnown", "\xb2\x01\x00\xb2\x01\x02\x08\x01", "{\"wInt64s\":[\"0\",\"1\"]}");
    BOTH("Int32Value", "\x08\x07", "7");
    BOTH("BytesValue", "", "\"\"");
}

Test(well_known_json, values)
{
    /* goal: Struct, Value and ListValue are the JSON that they hold */
    BOTH("Value", "\x08\x00", "null");
    WRITES("Value", "", "null");
    BOTH("Value", "\x11\0\0\0\0\0\0\xf8\xbf", "-1.5");
    BOTH("Value", "\x1a\x01x", "\"x\"");
    BOTH("Value", "\x20\x00", "false");
    BOTH("Value", "\x2a\x00", "{}");
    BOTH("Value", "\x32\x08\x0a\x02\x20\x01\x0a\x02\x08\x00", "[true,null]");
    BOTH("Struct", "\x0a\x0b\x0a\x01k\x12\x06\x32\x04\x0a\x02\x08\x00", "{\"k\":[null]}");
    BOTH("WellKnown", "\x2a\x02\x08\x00", "{\"value\":null}");
    WRITES("Value", "\x20\x01\x1a\x01x", "\"x\"");
    WRITES("Struct", "\x0a\x00", "{\"\":null}");
    REFUSES_PB("Value", "\x11\0\0\0\0\0\0\xf0\x7f", -TC_EINVAL);
    REFUSES_PB("Value", "\x2a\x00\x2a\x00", -TC_ENOTSUP);
    REFUSES_PB("Struct", "\x0a\x05\x0a\x01k\x18\x01", -TC_EINVAL);
    REFUSES_PB("Value", "\x1a\x01\xff", -TC_EUTF8);
}

Test(well_known_json, replaced)
{
    /* goal: what a later field replaces is not written, and has to be well-formed all the same */
    WRITES("Value", "\x2a\x00\x08\x00", "null");
    WRITES("Value", "\x32\x04\x0a\x02\x20\x01\x1a\x01x", "\"x\"");
    REFUSES_PB("Value", "\x2a\x02\x02\x00\x08\x00", -TC_EINVAL);
    REFUSES_PB("Value", "\x32\x04\x0a\x02\x20\x80\x08\x00", -TC_EINVAL);
    REFUSES_PB("Value", "\x1a\x01\xff\x1a\x01x", -TC_EUTF8);
    WRITES("Struct", "\x0a\x06\x0a\x01k\x0a\x01l", "{\"l\":null}");
    REFUSES_PB("Struct", "\x0a\x06\x0a\x01\xff\x0a\x01k", -TC_EUTF8);
    WRITES("StringValue", "\x0a\x01x\x0a\x01y", "\"y\"");
    REFUSES_PB("StringValue", "\x0a\x01\xff\x0a\x01x", -TC_EUTF8);
}

Test(well_known_json, field_mask)
{
    /* goal: paths in lowerCamelCase; one that would come back as another is refused */
    BOTH("FieldMask",
         "\x0a\x07last_px\x0a\x05"
         "a.b_c",
         "\"lastPx,a.bC\"");
    BOTH("FieldMask", "", "\"\"");
    REFUSES_PB("FieldMask",
               "\x0a\x01"
               "A",
               -TC_EINVAL);
    REFUSES_PB("FieldMask",
               "\x0a\x02"
               "a_",
               -TC_EINVAL);
    REFUSES_PB("FieldMask",
               "\x0a\x03"
               "a_1",
               -TC_EINVAL);
    REFUSES_PB("FieldMask",
               "\x0a\x03"
               "a,b",
               -TC_EINVAL);
    REFUSES_PB("FieldMask", "\x0a\x00", -TC_EINVAL);
}

#define URL "type.googleapis.com/"

Test(well_known_json, any)
{
    /* goal: an Any is its message and its type; a well-known one stands as value */
    BOTH("Any", "", "{}");
    BOTH("Any", "\x0a\x26" URL "test.kinds.Scalars\x12\x02\x28\x07",
         "{\"@type\":\"" URL "test.kinds.Scalars\",\"fInt32\":7}");
    BOTH("Any", "\x0a\x26" URL "test.kinds.Scalars", "{\"@type\":\"" URL "test.kinds.Scalars\"}");
    BOTH("Any", "\x0a\x2c" URL "google.protobuf.Duration\x12\x02\x08\x01",
         "{\"@type\":\"" URL "google.protobuf.Duration\",\"value\":\"1s\"}");
    REFUSES_PB("Any",
               "\x0a\x03"
               "a/b\x12\x00",
               -TC_ENOTFOUND);
    REFUSES_PB("Any", "\x12\x01x", -TC_ENOTFOUND);
    REFUSES_PB("Any", "\x0a\x26" URL "test.kinds.Scalars\x12\x01\x28", -TC_EINVAL);
}
