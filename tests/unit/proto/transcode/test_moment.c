// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/transcode/moment.h"

Test(moment, timestamps)
{
    /* goal: the ends of the range, leap days, digits of the second, both ways */
    static const struct {
        struct tc_moment moment;
        const char *text;
    } cases[] = {
        { { 0, 0 }, "1970-01-01T00:00:00Z" },
        { { -1, 999999999 }, "1969-12-31T23:59:59.999999999Z" },
        { { 1723075200, 150000000 }, "2024-08-08T00:00:00.150Z" },
        { { 951782400, 1000 }, "2000-02-29T00:00:00.000001Z" },
        { { 1709251199, 0 }, "2024-02-29T23:59:59Z" },
        { { -62135596800, 0 }, "0001-01-01T00:00:00Z" },
        { { 253402300799, 999999999 }, "9999-12-31T23:59:59.999999999Z" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        char out[TC_MOMENT_MAX];
        struct tc_moment back;
        int len = tc_moment_put_timestamp(out, cases[i].moment);
        cr_assert_gt(len, 0);
        cr_expect(tc_str_eq((struct tc_str){ out, (size_t)len }, tc_str_from(cases[i].text)),
                  "%.*s, wanted %s", len, out, cases[i].text);
        cr_assert_eq(tc_moment_timestamp(tc_str_from(cases[i].text), &back), TC_OK);
        cr_expect(back.s == cases[i].moment.s && back.ns == cases[i].moment.ns, "%s",
                  cases[i].text);
    }
}

Test(moment, every_day)
{
    /* goal: each day from year 1 to 9999 comes back, and is one after the day before */
    for (int64_t day = -719162; day <= 2932896; day += day % 1000 == 0 ? 1 : 7) {
        char out[TC_MOMENT_MAX];
        struct tc_moment back;
        int len = tc_moment_put_timestamp(out, (struct tc_moment){ day * 86400 + 86399, 0 });
        cr_assert_eq(len, 20);
        cr_assert_eq(tc_moment_timestamp((struct tc_str){ out, 20 }, &back), TC_OK, "%.20s", out);
        cr_assert_eq(back.s, day * 86400 + 86399, "%.20s", out);
    }
}

Test(moment, offsets)
{
    /* goal: a local time is taken back to UTC */
    struct tc_moment m;
    cr_expect(tc_moment_timestamp(TC_STR("1970-01-01T05:30:00.5+05:30"), &m) == TC_OK && m.s == 0 &&
              m.ns == 500000000);
    cr_expect(tc_moment_timestamp(TC_STR("1969-12-31T16:00:00-08:00"), &m) == TC_OK && m.s == 0);
    cr_expect_eq(tc_moment_timestamp(TC_STR("0001-01-01T00:00:00+00:01"), &m), -TC_EINVAL);
}

Test(moment, no_timestamps)
{
    /* goal: what RFC 3339 or the range does not allow */
    static const char *const bad[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-01-01t00:00:00Z",
        "1970-1-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T23:59:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00ZZ",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
    };
    struct tc_moment m;
    char out[TC_MOMENT_MAX];
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_eq(tc_moment_timestamp(tc_str_from(bad[i]), &m), -TC_EINVAL, "%s", bad[i]);
    cr_expect_eq(tc_moment_put_timestamp(out, (struct tc_moment){ 253402300800, 0 }), -TC_EINVAL);
    cr_expect_eq(tc_moment_put_timestamp(out, (struct tc_moment){ -62135596801, 0 }), -TC_EINVAL);
    cr_expect_eq(tc_moment_put_timestamp(out, (struct tc_moment){ 0, 1000000000 }), -TC_EINVAL);
    cr_expect_eq(tc_moment_put_timestamp(out, (struct tc_moment){ 0, -1 }), -TC_EINVAL);
}

Test(moment, durations)
{
    /* goal: signs, digits and the ends of the range, both ways */
    static const struct {
        struct tc_moment moment;
        const char *text;
    } cases[] = {
        { { 0, 0 }, "0s" },
        { { 1, 500000000 }, "1.500s" },
        { { -1, -500000000 }, "-1.500s" },
        { { 0, -1 }, "-0.000000001s" },
        { { 315576000000, 999999999 }, "315576000000.999999999s" },
        { { -315576000000, 0 }, "-315576000000s" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        char out[TC_MOMENT_MAX];
        struct tc_moment back;
        int len = tc_moment_put_duration(out, cases[i].moment);
        cr_assert_gt(len, 0);
        cr_expect(tc_str_eq((struct tc_str){ out, (size_t)len }, tc_str_from(cases[i].text)),
                  "%.*s, wanted %s", len, out, cases[i].text);
        cr_assert_eq(tc_moment_duration(tc_str_from(cases[i].text), &back), TC_OK);
        cr_expect(back.s == cases[i].moment.s && back.ns == cases[i].moment.ns, "%s",
                  cases[i].text);
    }
}

Test(moment, no_durations)
{
    /* goal: two signs, no unit, no digit, out of range */
    static const char *const bad[] = {
        "",    "s",   "1",   "1m", "--1s", "+1s",           "1.s",
        ".5s", "1 s", "1s ", "-s", "1e3s", "1.0000000001s", "315576000001s"
    };
    struct tc_moment m;
    char out[TC_MOMENT_MAX];
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_eq(tc_moment_duration(tc_str_from(bad[i]), &m), -TC_EINVAL, "%s", bad[i]);
    cr_expect_eq(tc_moment_put_duration(out, (struct tc_moment){ 1, -1 }), -TC_EINVAL);
    cr_expect_eq(tc_moment_put_duration(out, (struct tc_moment){ -1, 1 }), -TC_EINVAL);
    cr_expect_eq(tc_moment_put_duration(out, (struct tc_moment){ 315576000001, 0 }), -TC_EINVAL);
    cr_expect_eq(tc_moment_put_duration(out, (struct tc_moment){ 0, 1000000000 }), -TC_EINVAL);
}
