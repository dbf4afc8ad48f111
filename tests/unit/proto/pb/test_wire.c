// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/pb/wire.h"

static struct tc_pb_in in_of(const char *bytes, size_t len)
{
    return tc_pb_in((struct tc_str){ bytes, len });
}

#define IN(literal) in_of(literal, sizeof(literal) - 1)

Test(wire, items)
{
    /* goal: one field of each wire type, then the end */
    struct tc_pb_in in = IN("\x08\x96\x01"
                            "\x11\x01\x02\x03\x04\x05\x06\x07\x08"
                            "\x1a\x03xyz"
                            "\x25\x01\x02\x03\x04");
    struct tc_pb_item item;
    cr_assert_eq(tc_pb_next(&in, &item), 1);
    cr_expect(item.number == 1 && item.wire == TC_PB_VARINT && item.value == 150);
    cr_assert_eq(tc_pb_next(&in, &item), 1);
    cr_expect(item.number == 2 && item.wire == TC_PB_FIXED64 && item.value == 0x0807060504030201);
    cr_assert_eq(tc_pb_next(&in, &item), 1);
    cr_expect(item.number == 3 && tc_str_eq(item.bytes, TC_STR("xyz")));
    cr_assert_eq(tc_pb_next(&in, &item), 1);
    cr_expect(item.number == 4 && item.wire == TC_PB_FIXED32 && item.value == 0x04030201);
    cr_expect_eq(tc_pb_next(&in, &item), 0);
}

Test(wire, malformed)
{
    /* goal: what is cut short, too large or a group is refused, at every length */
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        { "\x08", 1 },
        { "\x08\x80", 2 },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 }, /* 65 bits */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00", 12 },
        { "\x11\x01\x02\x03\x04\x05\x06\x07", 8 },
        { "\x1a\x04xyz", 5 },
        { "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 12 },
        { "\x25\x01\x02\x03", 4 },
        { "\x00\x01", 2 },                 /* field 0 */
        { "\x80\x80\x80\x80\x10\x01", 6 }, /* field 2^29 */
        { "\x0b\x0c", 2 },                 /* a group */
        { "\x0c", 1 },
        { "\x0e\x01", 2 },
        { "\x0f\x01", 2 },
    };
    struct tc_pb_item item;
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        struct tc_pb_in in = in_of(cases[i].bytes, cases[i].len);
        cr_expect_eq(tc_pb_next(&in, &item), -TC_EINVAL, "case %zu", i);
    }
}

Test(wire, packed)
{
    /* goal: rows of values end at their end, and a cut value is refused */
    uint64_t value;
    struct tc_pb_in in = IN("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    cr_expect(tc_pb_next_value(&in, TC_PB_VARINT, &value) == 1 && value == 1);
    cr_expect(tc_pb_next_value(&in, TC_PB_VARINT, &value) == 1 && value == UINT64_MAX);
    cr_expect_eq(tc_pb_next_value(&in, TC_PB_VARINT, &value), 0);
    in = IN("\x01\0\0\0\x02\0\0");
    cr_expect(tc_pb_next_value(&in, TC_PB_FIXED32, &value) == 1 && value == 1);
    cr_expect_eq(tc_pb_next_value(&in, TC_PB_FIXED32, &value), -TC_EINVAL);
    in = IN("\x01\0\0\0\0\0\0\x80\x02");
    cr_expect(tc_pb_next_value(&in, TC_PB_FIXED64, &value) == 1 && value == 0x8000000000000001);
    cr_expect_eq(tc_pb_next_value(&in, TC_PB_FIXED64, &value), -TC_EINVAL);
}

Test(wire, there_and_back)
{
    /* goal: what is written is read, at the edges of every length of a varint */
    uint8_t bytes[64];
    for (unsigned shift = 0; shift < 64; shift++) {
        for (int64_t more = -1; more <= 1; more++) {
            uint64_t want = (1ull << shift) + (uint64_t)more;
            struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
            struct tc_pb_item item;
            tc_pb_put_tag(&out, TC_PB_NUMBER_MAX, TC_PB_VARINT);
            tc_pb_put_varint(&out, want);
            tc_pb_put_tag(&out, 7, TC_PB_FIXED64);
            tc_pb_put_fixed(&out, TC_PB_FIXED64, want);
            struct tc_pb_in in = { bytes, out.at };
            cr_assert(tc_pb_next(&in, &item) == 1 && item.value == want);
            cr_expect_eq((size_t)(in.at - bytes), 5 + tc_pb_varint_bytes(want));
            cr_expect_eq(item.number, (uint32_t)TC_PB_NUMBER_MAX);
            cr_assert(tc_pb_next(&in, &item) == 1 && item.value == want && item.number == 7);
            cr_expect_eq(tc_pb_next(&in, &item), 0);
            cr_expect_eq(tc_pb_unzigzag(tc_pb_zigzag((int64_t)want)), (int64_t)want);
        }
    }
    cr_expect_eq(tc_pb_zigzag(-1), 1);
    cr_expect_eq(tc_pb_zigzag(INT64_MIN), UINT64_MAX);
}

Test(wire, open_and_close)
{
    /* goal: a content of any length gets its length before it, nested too */
    static uint8_t bytes[70000];
    static const size_t lens[] = { 0, 1, 127, 128, 16383, 16384, 65000 };
    for (size_t i = 0; i < TC_ARRAY_CNT(lens); i++) {
        struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
        struct tc_pb_item item;
        uint8_t *outer = tc_pb_open(&out, 1);
        uint8_t *inner = tc_pb_open(&out, 2);
        for (size_t j = 0; j < lens[i]; j++)
            tc_pb_put_byte(&out, (uint8_t)j);
        tc_pb_close(&out, inner);
        tc_pb_close(&out, outer);
        struct tc_pb_in in = { bytes, out.at };
        cr_assert(tc_pb_next(&in, &item) == 1 && item.number == 1 && in.at == in.end);
        in = tc_pb_in(item.bytes);
        cr_assert(tc_pb_next(&in, &item) == 1 && item.number == 2 && in.at == in.end);
        cr_expect_eq(item.bytes.len, lens[i]);
        for (size_t j = 0; j < lens[i]; j++)
            cr_assert_eq((uint8_t)item.bytes.ptr[j], (uint8_t)j);
    }
}

Test(wire, no_room_for_a_number)
{
    /* goal: a varint is written whole or not at all */
    uint8_t bytes[TC_PB_VARINT_MAX + 1];
    for (unsigned shift = 0; shift < 64; shift++) {
        size_t need = tc_pb_varint_bytes(1ull << shift);
        for (size_t cap = 0; cap <= TC_PB_VARINT_MAX; cap++) {
            struct tc_pb_out out = tc_pb_out(bytes, cap);
            memset(bytes, 0xee, sizeof(bytes));
            tc_pb_put_varint(&out, 1ull << shift);
            cr_assert_eq(out.is_full, need > cap);
            cr_assert_eq((size_t)(out.at - bytes), need > cap ? 0 : need);
            cr_assert_eq(bytes[need > cap ? 0 : need], 0xee);
        }
    }
}

Test(wire, no_room)
{
    /* goal: nothing is written past the end, and is_full stays */
    uint8_t bytes[200];
    for (size_t cap = 0; cap < 133; cap++) {
        struct tc_pb_out out = tc_pb_out(bytes, cap);
        memset(bytes, 0xee, sizeof(bytes));
        uint8_t *mark = tc_pb_open(&out, 1);
        for (int i = 0; i < 130; i++)
            tc_pb_put_byte(&out, 1);
        tc_pb_close(&out, mark);
        cr_expect(out.is_full, "%zu", cap); /* 1 + 2 + 130 */
        cr_expect_eq(tc_pb_room(&out), 0);
        cr_expect_eq(bytes[cap], 0xee);
        tc_pb_put_byte(&out, 1);
        cr_expect(out.is_full);
    }
    struct tc_pb_out out = tc_pb_out(bytes, 133);
    uint8_t *mark = tc_pb_open(&out, 1);
    for (int i = 0; i < 130; i++)
        tc_pb_put_byte(&out, 1);
    tc_pb_close(&out, mark);
    cr_expect(!out.is_full && tc_pb_room(&out) == 0);
}
