// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "proto/transcode/number.h"

Test(number, whole)
{
    /* goal: whole numbers in any notation, exactly, and nothing else */
    static const struct {
        const char *text;
        int rc;
        int64_t value;
    } cases[] = {
        { "0", 0, 0 },
        { "-0", 0, 0 },
        { "0e999999999999", 0, 0 },
        { "1e3", 0, 1000 },
        { "1.50e2", 0, 150 },
        { "1200e-2", 0, 12 },
        { "0.0005e4", 0, 5 },
        { "100000000000000000000e-20", 0, 1 },
        { "9223372036854775807", 0, INT64_MAX },
        { "-9223372036854775808", 0, INT64_MIN },
        { "9223372036854775808", -TC_EINVAL, 0 },
        { "-9223372036854775809", -TC_EINVAL, 0 },
        { "99999999999999999999999", -TC_EINVAL, 0 },
        { "0.5", -TC_EINVAL, 0 },
        { "1e-1", -TC_EINVAL, 0 },
        { "1e99999999999999999999", -TC_EINVAL, 0 },
        { "", -TC_EINVAL, 0 },
        { " 1", -TC_EINVAL, 0 },
        { "1 ", -TC_EINVAL, 0 },
        { "+1", -TC_EINVAL, 0 },
        { "0x1", -TC_EINVAL, 0 },
        { "01", -TC_EINVAL, 0 },
        { "1_0", -TC_EINVAL, 0 },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        int64_t value = 0;
        int rc = tc_number_i64(tc_str_from(cases[i].text), INT64_MIN, INT64_MAX, &value);
        cr_expect_eq(rc, cases[i].rc, "%s", cases[i].text);
        cr_expect(rc < 0 || value == cases[i].value, "%s", cases[i].text);
    }
}

Test(number, ranges)
{
    /* goal: the bounds belong to the range */
    int64_t i;
    uint64_t u;
    cr_expect_eq(tc_number_i64(TC_STR("-5"), -5, 5, &i), TC_OK);
    cr_expect_eq(tc_number_i64(TC_STR("-6"), -5, 5, &i), -TC_EINVAL);
    cr_expect_eq(tc_number_i64(TC_STR("6"), -5, 5, &i), -TC_EINVAL);
    cr_expect(tc_number_u64(TC_STR("18446744073709551615"), UINT64_MAX, &u) == TC_OK &&
              u == UINT64_MAX);
    cr_expect_eq(tc_number_u64(TC_STR("18446744073709551616"), UINT64_MAX, &u), -TC_EINVAL);
    cr_expect_eq(tc_number_u64(TC_STR("-1"), UINT64_MAX, &u), -TC_EINVAL);
    cr_expect(tc_number_u64(TC_STR("-0"), 7, &u) == TC_OK && u == 0);
    cr_expect_eq(tc_number_u64(TC_STR("8"), 7, &u), -TC_EINVAL);
}

Test(number, fractions)
{
    /* goal: words only as strings; too large a number is refused, too small a one is zero */
    double d;
    float f;
    cr_expect(tc_number_double(TC_STR("NaN"), true, &d) == TC_OK && isnan(d));
    cr_expect(tc_number_double(TC_STR("-Infinity"), true, &d) == TC_OK && isinf(d) && d < 0);
    cr_expect_eq(tc_number_double(TC_STR("NaN"), false, &d), -TC_EINVAL);
    cr_expect_eq(tc_number_double(TC_STR("nan"), true, &d), -TC_EINVAL);
    cr_expect_eq(tc_number_double(TC_STR("1e309"), false, &d), -TC_EINVAL);
    cr_expect(tc_number_double(TC_STR("1e-400"), false, &d) == TC_OK && d == 0);
    cr_expect_eq(tc_number_float(TC_STR("1e39"), false, &f), -TC_EINVAL);
    cr_expect(tc_number_float(TC_STR("Infinity"), true, &f) == TC_OK && isinf(f));
    char text[TC_NUMBER_MAX + 1];
    memset(text, '1', sizeof(text));
    text[1] = '.';
    cr_expect_eq(tc_number_double((struct tc_str){ text, TC_NUMBER_MAX }, false, &d), TC_OK);
    cr_expect_eq(tc_number_double((struct tc_str){ text, TC_NUMBER_MAX + 1 }, false, &d),
                 -TC_ELIMIT);
}

static void expect_double(double value, const char *want)
{
    char out[TC_NUMBER_OUT_MAX];
    struct tc_str text = { out, tc_number_put_double(out, value) };
    cr_expect(tc_str_eq(text, tc_str_from(want)), "%.*s, wanted %s", (int)text.len, out, want);
}

Test(number, shortest)
{
    /* goal: the shortest text that gives the number back */
    expect_double(0, "0");
    expect_double(-0.0, "-0.0");
    expect_double(0.1, "0.1");
    expect_double(61737.63, "61737.63");
    expect_double(1.0 / 3, "0.3333333333333333");
    expect_double(0.1 + 0.2, "0.30000000000000004");
    expect_double(1e23, "1e+23");
    expect_double(5e-324, "5e-324");
    expect_double((double)NAN, "\"NaN\"");
    expect_double(-(double)INFINITY, "\"-Infinity\"");
}

Test(number, there_and_back)
{
    /* goal: every double and float comes back as the same bits */
    uint64_t state = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        char out[TC_NUMBER_OUT_MAX];
        uint32_t low;
        double d, d2;
        float f, f2;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        low = (uint32_t)(state >> 32);
        memcpy(&d, &state, sizeof(d));
        memcpy(&f, &low, sizeof(f));
        if (!isfinite(d) || !isfinite(f))
            continue;
        struct tc_str text = { out, tc_number_put_double(out, d) };
        cr_assert_eq(tc_number_double(text, false, &d2), TC_OK);
        cr_assert_eq(memcmp(&d, &d2, sizeof(d)), 0, "%.17g", d);
        text.len = tc_number_put_float(out, f);
        cr_assert_eq(tc_number_float(text, false, &f2), TC_OK);
        cr_assert_eq(memcmp(&f, &f2, sizeof(f)), 0, "%.9g", (double)f);
    }
}
