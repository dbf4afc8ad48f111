// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/transcode/fixture.h"

TestSuite(to_pb, .init = open_schema, .fini = close_schema);

Test(to_pb, numbers)
{
    /* goal: numbers as numbers and as text, whole ones in any notation, within their range */
    READS("Scalars", "{\"fInt32\":\"-7\"}", "\x28\xf9\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    READS("Scalars", "{\"fInt32\":1.50e2}", "\x28\x96\x01");
    READS("Scalars", "{\"fInt64\":9007199254740993}", "\x18\x81\x80\x80\x80\x80\x80\x80\x10");
    READS("Scalars", "{\"fDouble\":\"1.5\"}", "\x09\0\0\0\0\0\0\xf8\x3f");
    READS("Scalars", "{\"fDouble\":\"NaN\"}", "\x09\0\0\0\0\0\0\xf8\x7f");
    READS("Scalars", "{\"fFloat\":\"-Infinity\"}", "\x15\0\0\x80\xff");
    READS("Scalars", "{\"fInt32\":0,\"fDouble\":0}", "");
    REFUSES_JSON("Scalars", "{\"fInt32\":2147483648}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\":0.5}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\":\" 1\"}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\":true}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fUint32\":-1}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fUint64\":18446744073709551616}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fFloat\":1e39}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fDouble\":NaN}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fBool\":\"true\"}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fBool\":1}", -TC_EINVAL);
}

Test(to_pb, text_and_bytes)
{
    /* goal: escapes, both alphabets of base64, and what is no string */
    READS("Scalars", "{\"fString\":\"\\u20ac\\ud83d\\ude00\\/\"}",
          "\x4a\x08\xe2\x82\xac\xf0\x9f\x98\x80/");
    READS("Scalars", "{\"fBytes\":\"-_-\\/\"}", "\x62\x03\xfb\xff\xbf");
    READS("Scalars", "{\"fBytes\":\"\"}", "");
    READS("Scalars", "{\"fString\":\"\\u0000\"}", "\x4a\x01\0");
    REFUSES_JSON("Scalars", "{\"fString\":\"\\ud83d\"}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fString\":\"\xff\"}", -TC_EUTF8);
    REFUSES_JSON("Scalars", "{\"fString\":1}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fBytes\":\"A\"}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fBytes\":\"AA A\"}", -TC_EINVAL);
}

Test(to_pb, long_bytes)
{
    /* goal: a length that is shorter than that of its base64 moves nothing to a wrong place */
    for (size_t len = 90; len < 140; len++) {
        char json[256] = "{\"fBytes\":\"";
        size_t used = strlen(json);
        memset(json + used, 'A', len / 3 * 4);
        used += len / 3 * 4;
        memcpy(json + used, "\"}", 2);
        cr_assert_eq(to_pb("Scalars", (struct tc_str){ json, used + 2 }), TC_OK);
        struct tc_pb_in in = tc_pb_in(got);
        struct tc_pb_item item;
        cr_assert(tc_pb_next(&in, &item) == 1 && in.at == in.end);
        cr_expect_eq(item.bytes.len, len / 3 * 3);
        for (size_t i = 0; i < item.bytes.len; i++)
            cr_assert_eq(item.bytes.ptr[i], 0);
    }
}

Test(to_pb, names)
{
    /* goal: JSON names, proto names and escaped ones; twice is once too often */
    READS("Scalars", "{\"f_int32\":7}", "\x28\x07");
    READS("Scalars", "{\"\\u0066Int32\":7}", "\x28\x07");
    READS("Scalars", "{\"renamed_field\":\"x\"}", "\x82\x7d\x01x");
    REFUSES_JSON("Scalars", "{\"fInt32\":1,\"f_int32\":2}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\":1,\"fInt32\":1}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"renamedField\":\"x\"}", -TC_EINVAL);
}

Test(to_pb, null)
{
    /* goal: null is no value, but of a Value, a NullValue, and not inside of rows and maps */
    READS("Scalars", "{\"fInt32\":null,\"fString\":null}", "");
    READS("Presence", "{\"oMessage\":null,\"cInt32\":null,\"cString\":\"\"}", "\x4a\x00");
    READS("Repeated", "{\"rInt32\":null,\"rMessage\":null}", "");
    READS("Maps", "{\"mStringString\":null}", "");
    REFUSES_JSON("Repeated", "{\"rInt32\":[null]}", -TC_EINVAL);
    REFUSES_JSON("Repeated", "{\"rMessage\":[null]}", -TC_EINVAL);
    REFUSES_JSON("Maps", "{\"mStringString\":{\"a\":null}}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "null", -TC_EINVAL);
    REFUSES_JSON("Presence", "{\"cNull\":nope}", -TC_EINVAL);
}

Test(to_pb, oneof)
{
    /* goal: one member of a oneof */
    REFUSES_JSON("Presence", "{\"cInt32\":1,\"cString\":\"x\"}", -TC_EINVAL);
    cr_expect(tc_str_eq(t.field, TC_STR("c_string")));
    REFUSES_JSON("Presence", "{\"cNull\":null,\"cString\":\"x\"}", -TC_EINVAL);
}

Test(to_pb, enums)
{
    /* goal: names, aliases, numbers; unknown names refused or left out; closed enums */
    READS("Scalars", "{\"fColor\":\"COLOR_CRIMSON\"}", "\x70\x01");
    READS("Scalars", "{\"fColor\":\"5\"}", "\x70\x05");
    REFUSES_JSON("Scalars", "{\"fColor\":\"COLOR_BLUE\"}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fColor\":2147483648}", -TC_EINVAL);
    REFUSES_JSON("Plain", "{\"level\":2}", -TC_EINVAL);
    t.is_unknown_ignored = true;
    READS("Scalars", "{\"fColor\":\"COLOR_BLUE\",\"fInt32\":7}", "\x28\x07");
    READS("Repeated", "{\"rColor\":[\"COLOR_RED\",\"COLOR_BLUE\",5]}", "\x72\x02\x01\x05");
    READS("Maps", "{\"mUint64Color\":{\"1\":\"COLOR_BLUE\",\"2\":\"COLOR_RED\"}}",
          "\x2a\x04\x08\x02\x10\x01");
    REFUSES_JSON("Plain", "{\"level\":2}", -TC_EINVAL);
}

Test(to_pb, maps)
{
    /* goal: keys have the form of their type */
    READS("Maps", "{\"mBoolInt64\":{\"false\":1}}", "\x22\x04\x08\x00\x10\x01");
    READS("Maps", "{\"mStringMaps\":{\"a\":{\"mStringString\":{}}}}",
          "\x42\x05\x0a\x01\x61\x12\x00");
    REFUSES_JSON("Maps", "{\"mBoolInt64\":{\"0\":1}}", -TC_EINVAL);
    REFUSES_JSON("Maps", "{\"mInt32Double\":{\"x\":1}}", -TC_EINVAL);
    REFUSES_JSON("Maps", "{\"mInt32Double\":{\"2147483648\":1}}", -TC_EINVAL);
    REFUSES_JSON("Maps", "{\"mInt32Double\":[]}", -TC_EINVAL);
}

Test(to_pb, unknown)
{
    /* goal: unknown members are an error, or passed over whatever they hold */
    const struct tc_str json =
        TC_STR("{\"x\":[1,{\"y\":\"\\\"]\",\"z\":null}],\"fInt32\":7,\"w\":-1e5}");
    cr_expect_eq(to_pb("Scalars", json), -TC_EINVAL);
    t.is_unknown_ignored = true;
    reads("Scalars", json, TC_STR("\x28\x07"));
    REFUSES_JSON("Scalars", "{\"x\":[1,}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"x\":nul}", -TC_EINVAL);
}

Test(to_pb, not_json)
{
    /* goal: text that is no JSON, or more than one value */
    REFUSES_JSON("Scalars", "", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{", -TC_EINVAL);
    REFUSES_JSON("Scalars", "[]", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{} {}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{}\0", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\":1,}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\" 1}", -TC_EINVAL);
    REFUSES_JSON("Scalars", "{\"fInt32\":01}", -TC_EINVAL);
    REFUSES_JSON("Repeated", "{\"rInt32\":[1,]}", -TC_EINVAL);
    REFUSES_JSON("Repeated", "{\"rInt32\":[1 2]}", -TC_EINVAL);
    READS("Scalars", " { \"fInt32\" :\t7\r\n} ", "\x28\x07");
}

Test(to_pb, required)
{
    /* goal: proto2's required fields have to be there */
    REFUSES_JSON("Old", "{}", -TC_EINVAL);
    REFUSES_JSON("Old", "{\"id\":null}", -TC_EINVAL);
    REFUSES_JSON("Old", "{\"id\":\"\",\"inner\":{}}", -TC_EINVAL);
    READS("Old", "{\"id\":\"\",\"inner\":{\"id\":\"\"}}", "\x0a\x00\x3a\x02\x0a\x00");
}

Test(to_pb, depth)
{
    /* goal: 32 messages in each other pass, 33 do not; so do entries of maps, and what is unknown
     */
    for (int depth = 31; depth <= 33; depth++) {
        char json[512];
        size_t len = 0;
        for (int i = 1; i < depth; i++, len += 8)
            memcpy(json + len, "{\"left\":", 8);
        json[len++] = '{';
        for (int i = 0; i < depth; i++)
            json[len++] = '}';
        int rc = to_pb("Tree", (struct tc_str){ json, len });
        cr_expect_eq(rc, depth <= TC_PB_DEPTH_MAX ? TC_OK : -TC_EDEPTH, "%d: %d", depth, rc);
    }
    static char brackets[100000] = "{\"x\":";
    memset(brackets + 5, '[', sizeof(brackets) - 5);
    t.is_unknown_ignored = true;
    cr_expect_eq(to_pb("Tree", (struct tc_str){ brackets, sizeof(brackets) }), -TC_EDEPTH);
}

Test(to_pb, room)
{
    /* goal: every buffer that is too small is an error, with nothing written past it */
    const struct tc_str json = TC_STR("{\"rInt32\":[1,2,3],\"rString\":[\"a\",\"bc\"],\"rMessage\":"
                                      "[{\"fInt32\":1}],\"rBool\":[true]}");
    cr_assert_eq(to_pb("Repeated", json), TC_OK, "%s", t.detail);
    size_t len = got.len;
    for (size_t cap = 0; cap <= len; cap++) {
        struct tc_pb_out out = tc_pb_out(buf, cap);
        memset(buf, 0xee, len + 1);
        int rc = tc_transcode_to_pb(&t, type_of("Repeated"), json, &out);
        cr_expect_eq(rc, cap < len ? -TC_ELIMIT : TC_OK, "%zu: %d", cap, rc);
        cr_expect_eq(out.at, cap < len ? buf : buf + len);
        cr_expect_eq(buf[cap], 0xee);
    }
}
