// SPDX-License-Identifier: Apache-2.0
#include "proto/pb/check.h"
#include "tests/unit/proto/pb/fixture.h"

TestSuite(check, .init = load_test_schema, .fini = unload);

static int check(const char *type, const char *bytes, size_t len)
{
    return tc_pb_check(tc_pb_message(&schema, tc_str_from(type)), bytes, len);
}

#define CHECK(type, literal) check(type, literal, sizeof(literal) - 1)

Test(check, verdicts)
{
    /* goal: what is a message of its type and what is not, and why */
    cr_expect_eq(CHECK("test.kinds.Scalars", ""), TC_OK);
    cr_expect_eq(CHECK("test.kinds.Scalars", "\x28\x01\x4a\x03k\xc3"), -TC_EINVAL);
    cr_expect_eq(CHECK("test.kinds.Scalars", "\x4a\x03k\xc3\xb6"), TC_OK);
    cr_expect_eq(CHECK("test.kinds.Scalars", "\x4a\x02k\xc3"), -TC_EUTF8);
    cr_expect_eq(CHECK("test.kinds.Scalars", "\x62\x02k\xc3"), TC_OK);        /* bytes */
    cr_expect_eq(CHECK("test.kinds.Scalars", "\x52\x02k\xc3"), TC_OK);        /* unknown */
    cr_expect_eq(CHECK("test.kinds.Scalars", "\x4d\x01\x02\x03\x04"), TC_OK); /* other wire */
    cr_expect_eq(CHECK("test.kinds.Repeated", "\x4a\x01k\x4a\x01\xff"), -TC_EUTF8);
    cr_expect_eq(CHECK("test.kinds.Maps", "\x0a\x06\x0a\x01k\x12\x01\xff"), -TC_EUTF8);
}

Test(check, packed)
{
    /* goal: rows are read packed and not packed, whatever the schema says, and judged */
    cr_expect_eq(CHECK("test.kinds.Repeated", "\x2a\x02\x01\x02\x28\x03"), TC_OK);
    cr_expect_eq(CHECK("test.kinds.Repeated", "\x9a\x01\x02\x01\x02\x98\x01\x03"), TC_OK);
    cr_expect_eq(CHECK("test.kinds.Repeated", "\x2a\x02\x01\x80"), -TC_EINVAL);
    cr_expect_eq(CHECK("test.kinds.Repeated", "\x0a\x07\0\0\0\0\0\0\0"), -TC_EINVAL);
}

Test(check, required)
{
    /* goal: a required field has to be there once at least, in every message */
    cr_expect_eq(CHECK("test.old.Old", ""), -TC_EINVAL);
    cr_expect_eq(CHECK("test.old.Old", "\x0a\x01x\x0a\x01y"), TC_OK);
    cr_expect_eq(CHECK("test.old.Old", "\x0a\x01x\x3a\x00"), -TC_EINVAL);
    cr_expect_eq(CHECK("test.old.Old", "\x0a\x01x\x3a\x02\x0a\x00"), TC_OK);
    cr_expect_eq(CHECK("test.old.Old", "\x08\x01"), -TC_EINVAL); /* of another wire type */
}

Test(check, depth)
{
    /* goal: 32 messages in each other pass, 33 do not, nor ten thousand */
    static uint8_t bytes[60000];
    static const int cases[] = { 1, 32, 33, 10000 };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        uint8_t *at = bytes + sizeof(bytes); /* from the innermost outwards */
        for (int depth = 1; depth < cases[i]; depth++) {
            uint8_t head[8];
            struct tc_pb_out out = tc_pb_out(head, sizeof(head));
            tc_pb_put_tag(&out, 2, TC_PB_BYTES);
            tc_pb_put_varint(&out, (uint64_t)(bytes + sizeof(bytes) - at));
            at -= out.at - head;
            memcpy(at, head, (size_t)(out.at - head));
        }
        int rc = check("test.kinds.Tree", (const char *)at, (size_t)(bytes + sizeof(bytes) - at));
        cr_expect_eq(rc, cases[i] <= TC_PB_DEPTH_MAX ? TC_OK : -TC_EDEPTH, "%d", cases[i]);
    }
}

Test(check, length)
{
    /* goal: 1 MiB passes, a byte more does not */
    static uint8_t bytes[TC_PB_MESSAGE_BYTES_MAX + 1];
    bytes[0] = 0x62;
    bytes[1] = 0xfc; /* 1 MiB less these four */
    bytes[2] = 0xff;
    bytes[3] = 0x3f;
    cr_expect_eq(check("test.kinds.Scalars", (const char *)bytes, TC_PB_MESSAGE_BYTES_MAX), TC_OK);
    cr_expect_eq(check("test.kinds.Scalars", (const char *)bytes, sizeof(bytes)), -TC_ELIMIT);
}
