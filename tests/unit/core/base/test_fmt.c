// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/base/fmt.h"

static void expect_u64(uint64_t value)
{
    char want[32], got[TC_FMT_U64_MAX];
    int len = snprintf(want, sizeof(want), "%" PRIu64, value);
    size_t n = tc_fmt_u64(got, value);
    cr_assert(n == (size_t)len && memcmp(got, want, n) == 0, "%s", want);
}

static void expect_i64(int64_t value)
{
    char want[32], got[TC_FMT_I64_MAX];
    int len = snprintf(want, sizeof(want), "%" PRIi64, value);
    size_t n = tc_fmt_i64(got, value);
    cr_assert(n == (size_t)len && memcmp(got, want, n) == 0, "%s", want);
}

Test(fmt, writes_what_printf_writes)
{
    /* goal: all lengths, both ends, signs */
    for (uint64_t v = 1; v < UINT64_MAX / 10; v *= 10) {
        expect_u64(v - 1);
        expect_u64(v);
        expect_u64(v * 7 + 3);
        expect_i64((int64_t)v);
        expect_i64(-(int64_t)v);
    }
    expect_u64(UINT64_MAX);
    expect_i64(INT64_MAX);
    expect_i64(INT64_MIN);
}

Test(fmt, all_digits_at_all_places)
{
    /* goal: every four digits, in each place, behind and before other digits */
    for (uint64_t four = 0; four < 10000; four++) {
        for (uint64_t unit = 1; unit <= 1000000000000; unit *= 10000) {
            expect_u64(four * unit);
            expect_u64(four * unit + unit - 1);
            expect_u64(9000 * unit * 1000 + four * unit + unit / 3);
        }
    }
}

Test(fmt, stays_in_its_bytes)
{
    /* goal: no byte behind the longest text is touched, whatever the length */
    char out[TC_FMT_U64_MAX + 8];
    for (uint64_t v = 1; v < UINT64_MAX / 10; v *= 10) {
        memset(out, '#', sizeof(out));
        tc_fmt_u64(out, v);
        tc_fmt_i64(out, -(int64_t)v);
        tc_fmt_u64(out, UINT64_MAX - v);
        cr_assert_arr_eq(out + TC_FMT_U64_MAX, "########", 8);
    }
}

Test(fmt, digits_of_a_width)
{
    /* goal: leading zeros are written, what does not fit is left out, nothing behind is touched */
    char out[9] = "xxxxxxxx";
    cr_assert_eq(tc_fmt_digits(out, 7, 3), 3);
    cr_assert_str_eq(out, "007xxxxx");
    cr_assert_eq(tc_fmt_digits(out, 1234, 2), 2);
    cr_assert_str_eq(out, "347xxxxx");
    cr_assert_eq(tc_fmt_digits(out, 5, 0), 0);
    cr_assert_str_eq(out, "347xxxxx");
}

Test(fmt, reads_plain_decimals_only)
{
    /* goal: what is not a plain decimal number in range is refused */
    static const char *const bad[] = { "",
                                       "+1",
                                       "-1",
                                       "01",
                                       " 1",
                                       "1 ",
                                       "0x1",
                                       "1e3",
                                       "1.0",
                                       "18446744073709551616",
                                       "99999999999999999999999" };
    uint64_t v = 7;
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect(!tc_fmt_parse_u64(tc_str_from(bad[i]), UINT64_MAX, &v), "%s", bad[i]);
    cr_assert_eq(v, 7);
    cr_assert(tc_fmt_parse_u64(TC_STR("18446744073709551615"), UINT64_MAX, &v) && v == UINT64_MAX);
    cr_assert(tc_fmt_parse_u64(TC_STR("0"), 0, &v) && v == 0);
    cr_assert(tc_fmt_parse_u64(TC_STR("9223372036854775807"), INT64_MAX, &v));
    cr_assert(!tc_fmt_parse_u64(TC_STR("9223372036854775808"), INT64_MAX, &v));
}
