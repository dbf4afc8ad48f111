// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/transcode/fixture.h"

TestSuite(to_json, .init = open_schema, .fini = close_schema);

Test(to_json, scalars)
{
    /* goal: each type in its form, and the same bytes back */
    BOTH("Scalars", "", "{}");
    BOTH("Scalars", "\x09\0\0\0\0\0\0\xf8\x3f", "{\"fDouble\":1.5}");
    BOTH("Scalars", "\x15\xcd\xcc\xcc\x3d", "{\"fFloat\":0.1}");
    BOTH("Scalars", "\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
         "{\"fInt64\":\"9223372036854775807\"}");
    BOTH("Scalars", "\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
         "{\"fInt64\":\"-9223372036854775808\"}");
    BOTH("Scalars", "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         "{\"fUint64\":\"18446744073709551615\"}");
    BOTH("Scalars", "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "{\"fInt32\":-1}");
    BOTH("Scalars", "\x31\x01\0\0\0\0\0\0\x80", "{\"fFixed64\":\"9223372036854775809\"}");
    BOTH("Scalars", "\x3d\xff\xff\xff\xff", "{\"fFixed32\":4294967295}");
    BOTH("Scalars", "\x40\x01", "{\"fBool\":true}");
    BOTH("Scalars", "\x4a\x05k\xc3\xb6\"\n", "{\"fString\":\"k\xc3\xb6\\\"\\n\"}");
    BOTH("Scalars", "\x62\x04\xfb\xff\xfe\x00", "{\"fBytes\":\"+//+AA==\"}");
    BOTH("Scalars", "\x68\xff\xff\xff\xff\x0f", "{\"fUint32\":4294967295}");
    BOTH("Scalars", "\x70\x05", "{\"fColor\":\"COLOR_GREEN\"}");
    BOTH("Scalars", "\x70\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         "{\"fColor\":\"COLOR_NEGATIVE\"}");
    BOTH("Scalars", "\x70\x63", "{\"fColor\":99}");
    BOTH("Scalars", "\x7d\xff\xff\xff\xff", "{\"fSfixed32\":-1}");
    BOTH("Scalars", "\x81\x01\xff\xff\xff\xff\xff\xff\xff\xff", "{\"fSfixed64\":\"-1\"}");
    BOTH("Scalars", "\x88\x01\x01", "{\"fSint32\":-1}");
    BOTH("Scalars", "\x90\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         "{\"fSint64\":\"-9223372036854775808\"}");
    BOTH("Scalars", "\x82\x7d\x01x", "{\"other-name\":\"x\"}");
}

Test(to_json, zero)
{
    /* goal: a zero without presence is left out, also one that is on the wire; minus zero is none
     */
    WRITES("Scalars", "\x28\x00\x4a\x00\x40\x00\x09\0\0\0\0\0\0\0\0", "{}");
    WRITES("Scalars", "\x28\x80\x80\x80\x80\x10", "{}"); /* of 32 bits none is set */
    WRITES("Scalars", "\x40\x02", "{\"fBool\":true}");
    BOTH("Scalars", "\x09\0\0\0\0\0\0\0\x80", "{\"fDouble\":-0.0}");
    BOTH("Presence", "\x10\x00\x22\x00\x3a\x00",
         "{\"oInt64\":\"0\",\"oString\":\"\",\"oMessage\":{}}");
    BOTH("Presence", "\x40\x00", "{\"cInt32\":0}");
    BOTH("Presence", "\x60\x00", "{\"cNull\":null}");
}

Test(to_json, rows_and_maps)
{
    /* goal: rows packed and not packed, maps with keys of each kind */
    BOTH("Repeated", "\x2a\x03\x00\x01\x02", "{\"rInt32\":[0,1,2]}");
    WRITES("Repeated", "\x28\x00\x2a\x02\x01\x02", "{\"rInt32\":[0,1,2]}");
    WRITES("Repeated", "\x2a\x00", "{}");
    BOTH("Repeated", "\x98\x01\x07\x98\x01\x08", "{\"uInt32\":[7,8]}");
    BOTH("Repeated", "\x4a\x00\x4a\x01x", "{\"rString\":[\"\",\"x\"]}");
    BOTH("Repeated", "\x5a\x00\x5a\x02\x28\x01", "{\"rMessage\":[{},{\"fInt32\":1}]}");
    BOTH("Maps", "\x0a\x06\x0a\x01k\x12\x01v", "{\"mStringString\":{\"k\":\"v\"}}");
    BOTH("Maps", "\x22\x04\x08\x01\x10\x02", "{\"mBoolInt64\":{\"true\":\"2\"}}");
    BOTH("Maps", "\x2a\x04\x08\x00\x10\x01", "{\"mUint64Color\":{\"0\":\"COLOR_RED\"}}");
    BOTH("Maps", "\x32\x04\x08\x01\x12\x00", "{\"mSint32Message\":{\"-1\":{}}}");
    WRITES("Maps", "\x0a\x06\x0a\x01k\x0a\x01l", "{\"mStringString\":{\"l\":\"\"}}");
    WRITES("Maps", "\x0a\x00", "{\"mStringString\":{\"\":\"\"}}");
    WRITES("Maps", "\x32\x00", "{\"mSint32Message\":{\"0\":{}}}");
}

Test(to_json, mixed)
{
    /* goal: fields that come again: the last counts, rows are put together, a oneof has one */
    WRITES("Scalars", "\x28\x01\x4a\x01x\x28\x02", "{\"fInt32\":2,\"fString\":\"x\"}");
    WRITES("Repeated", "\x28\x01\x4a\x01x\x2a\x02\x02\x03",
           "{\"rInt32\":[1,2,3],\"rString\":[\"x\"]}");
    WRITES("Presence", "\x40\x01\x4a\x01x", "{\"cString\":\"x\"}");
    WRITES("Presence", "\x4a\x01x\x40\x01", "{\"cInt32\":1}");
    WRITES("Presence", "\x4a\x01x\x10\x07\x40\x01\x4a\x01y",
           "{\"oInt64\":\"7\",\"cString\":\"y\"}");
    REFUSES_PB("Presence", "\x3a\x02\x28\x01\x3a\x02\x28\x02", -TC_ENOTSUP);
    t.is_unknown_ignored = true; /* an unknown field between */
    WRITES("Maps", "\x0a\x03\x0a\x01k\x10\x00\x0a\x03\x0a\x01l",
           "{\"mStringString\":{\"k\":\"\",\"l\":\"\"}}");
}

Test(to_json, costly_mix)
{
    /* goal: a message that would be looked at too often is refused instead of taking its time */
    static uint8_t bytes[1 << 20];
    size_t len = 0;
    while (len + 6 <= sizeof(bytes)) { /* rInt32, rString, rUint32 in turn */
        memcpy(bytes + len, "\x28\x01\x4a\x00\x68\x01", 6);
        len += 6;
    }
    refuses_pb("Repeated", (struct tc_str){ (const char *)bytes, len }, -TC_ELIMIT);
}

Test(to_json, unknown)
{
    /* goal: unknown fields are an error or passed over, as asked for; in entries of maps too */
    for (int ignore = 0; ignore < 2; ignore++) {
        int rc = ignore ? TC_OK : -TC_EINVAL;
        t.is_unknown_ignored = ignore;
        cr_expect_eq(to_json("Scalars", TC_STR("\x50\x01\x28\x07")), rc);
        cr_expect(!ignore || tc_str_eq(got, TC_STR("{\"fInt32\":7}")));
        cr_expect_eq(to_json("Scalars", TC_STR("\x2d\x01\0\0\0")), rc); /* of another wire type */
        cr_expect_eq(to_json("Maps", TC_STR("\x0a\x05\x0a\x01k\x18\x01")), rc);
        cr_expect_eq(to_json("Plain", TC_STR("\x08\x02\x10\x02\x10\x07")), rc); /* closed enum */
        cr_expect(!ignore || tc_str_eq(got, TC_STR("{\"levels\":[\"LEVEL_HIGH\"]}")));
        cr_expect_eq(to_json("Plain", TC_STR("\x12\x03\x02\x07\x02")), rc);
        cr_expect(!ignore || tc_str_eq(got, TC_STR("{\"levels\":[\"LEVEL_HIGH\"]}")));
        cr_expect_eq(to_json("Plain", TC_STR("\x32\x04\x10\x63\x10\x02")), rc); /* one replaced */
        cr_expect(!ignore || tc_str_eq(got, TC_STR("{}")));
        cr_expect_eq(to_json("Plain", TC_STR("\x32\x04\x08\x01\x10\x02")), rc);
        cr_expect(!ignore || tc_str_eq(got, TC_STR("{}")));
    }
}

Test(to_json, proto2)
{
    /* goal: required fields, closed enums, rows that are not packed */
    BOTH("Old", "\x0a\x00\x10\x00", "{\"id\":\"\",\"number\":0}");
    REFUSES_PB("Old", "\x10\x01", -TC_EINVAL);
    BOTH("Old", "\x0a\x01x\x28\x01\x28\x02\x32\x02\x01\x02",
         "{\"id\":\"x\",\"rows\":[1,2],\"packedRows\":[1,2]}");
}

Test(to_json, malformed)
{
    /* goal: bytes that are no message give an error and no text */
    REFUSES_PB("Scalars", "\x28", -TC_EINVAL);
    REFUSES_PB("Scalars", "\x4a\x01\xff", -TC_EUTF8);
    REFUSES_PB("Repeated", "\x2a\x01\x80", -TC_EINVAL);
    REFUSES_PB("Maps", "\x0a\x02\x0a\x05", -TC_EINVAL);
    REFUSES_PB("Maps", "\x0a\x06\x0a\x01\xff\x0a\x01k", -TC_EUTF8); /* of a key that is replaced */
    REFUSES_PB("Presence", "\x3a\x01\x28", -TC_EINVAL);
    cr_expect(tc_str_eq(t.field, TC_STR("o_message")));
}

Test(to_json, depth)
{
    /* goal: 32 messages in each other pass, 33 do not */
    for (int depth = 31; depth <= 33; depth++) {
        static uint8_t bytes[256];
        uint8_t *at = bytes + sizeof(bytes);
        for (int i = 1; i < depth; i++) {
            at -= 2;
            at[0] = 0x12;
            at[1] = (uint8_t)(bytes + sizeof(bytes) - at - 2);
        }
        struct tc_str pb = { (const char *)at, (size_t)(bytes + sizeof(bytes) - at) };
        cr_expect_eq(to_json("Tree", pb), depth <= TC_PB_DEPTH_MAX ? TC_OK : -TC_EDEPTH);
    }
}

Test(to_json, room)
{
    /* goal: every buffer that is too small is an error, with nothing written past it */
    static const struct tc_str pb = {
        "\x4a\x03\"\n\"\x28\x07\x62\x02\xff\xfe\x09\0\0\0\0\0\0\xf8\x3f\x70\x05", 20
    };
    cr_assert_eq(to_json("Scalars", pb), TC_OK, "%s", t.detail);
    size_t len = got.len;
    for (size_t cap = 0; cap <= len; cap++) {
        struct tc_pb_out out = tc_pb_out(buf, cap);
        memset(buf, 0xee, len + 1);
        int rc = tc_transcode_to_json(&t, type_of("Scalars"), pb, &out);
        cr_expect_eq(rc, cap < len ? -TC_ELIMIT : TC_OK, "%zu", cap);
        cr_expect_eq(out.at, cap < len ? buf : buf + len);
        cr_expect_eq(buf[cap], 0xee);
    }
}
