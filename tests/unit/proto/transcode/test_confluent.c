// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/transcode/confluent.h"

static struct tc_confluent c;

static int frame(const char *bytes, size_t len, bool has_indexes)
{
    return tc_confluent_read((struct tc_str){ bytes, len }, has_indexes, &c);
}

#define READ(literal, has_indexes) frame(literal, sizeof(literal) - 1, has_indexes)

Test(confluent, frames)
{
    /* goal: id, indexes and payload of the forms that there are */
    cr_assert_eq(READ("\0\x01\x02\x03\x04{}", false), TC_OK);
    cr_expect(c.schema_id == 0x01020304 && c.index_cnt == 0 && c.payload_off == 5);
    cr_assert_eq(READ("\0\0\0\0\x07\0\x28\x01", true), TC_OK); /* the short form of [0] */
    cr_expect(c.schema_id == 7 && c.index_cnt == 1 && c.indexes[0] == 0 && c.payload_off == 6);
    cr_assert_eq(READ("\0\0\0\0\x07\x02\0", true), TC_OK); /* its long form, no payload */
    cr_expect(c.index_cnt == 1 && c.indexes[0] == 0 && c.payload_off == 7);
    cr_assert_eq(READ("\0\xff\xff\xff\xff\x04\x02\xac\x02x", true), TC_OK);
    cr_expect(c.schema_id == UINT32_MAX && c.index_cnt == 2 && c.indexes[0] == 1);
    cr_expect(c.indexes[1] == 150 && c.payload_off == 9);
}

Test(confluent, refused)
{
    /* goal: no frame, a cut one, negative indexes, more or larger ones than are read */
    cr_expect_eq(READ("", false), -TC_EINVAL);
    cr_expect_eq(READ("\0\0\0\0", false), -TC_EINVAL);
    cr_expect_eq(READ("\x01\0\0\0\0", false), -TC_EINVAL);
    cr_expect_eq(READ("{\"a\":1}", false), -TC_EINVAL);
    cr_expect_eq(READ("\0\0\0\0\0", true), -TC_EINVAL);
    cr_expect_eq(READ("\0\0\0\0\0\x02", true), -TC_EINVAL);
    cr_expect_eq(READ("\0\0\0\0\0\x04\x02", true), -TC_EINVAL);
    cr_expect_eq(READ("\0\0\0\0\0\x04\x02\x80", true), -TC_EINVAL);
    cr_expect_eq(READ("\0\0\0\0\0\x01", true), -TC_EINVAL);             /* -1 of them */
    cr_expect_eq(READ("\0\0\0\0\0\x02\x01", true), -TC_EINVAL);         /* [-1] */
    cr_expect_eq(READ("\0\0\0\0\0\x42", true), -TC_ELIMIT);             /* 33 of them */
    cr_expect_eq(READ("\0\0\0\0\0\x02\x80\x80\x04", true), -TC_ELIMIT); /* [32768] */
    cr_expect_eq(READ("\0\0\0\0\0\x02\xfe\xff\x03", true), TC_OK);
    cr_expect_eq(c.indexes[0], TC_CONFLUENT_INDEX_MAX);
}
