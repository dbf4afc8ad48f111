// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/conf/value.h"

Test(value, numbers)
{
    /* Goal: digits only; beyond 64 bits a number is as large as can be. */
    uint64_t n;
    cr_assert(tc_value_u64("0", &n) && n == 0);
    cr_assert(tc_value_u64("18446744073709551615", &n) && n == UINT64_MAX);
    cr_assert(tc_value_u64("18446744073709551616", &n) && n == UINT64_MAX);
    cr_assert(tc_value_u64("99999999999999999999999", &n) && n == UINT64_MAX);
    const char *const bad[] = { "", " 1", "1 ", "-1", "+1", "1.0", "0x10", "1e3", "many" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_not(tc_value_u64(bad[i], &n), "row %zu", i);
}

Test(value, sizes)
{
    /* Goal: k, m and g count 1024 each, in every spelling, without overflow. */
    uint64_t n;
    cr_assert(tc_value_size("64", &n) && n == 64);
    cr_assert(tc_value_size("64k", &n) && n == 65536);
    cr_assert(tc_value_size("64KiB", &n) && n == 65536);
    cr_assert(tc_value_size("2M", &n) && n == 2u << 20);
    cr_assert(tc_value_size("3gb", &n) && n == 3ull << 30);
    cr_assert(tc_value_size("99999999999999g", &n) && n == UINT64_MAX);
    cr_assert_not(tc_value_size("1t", &n));
    cr_assert_not(tc_value_size("1 k", &n));
    cr_assert_not(tc_value_size("k", &n));
}

Test(value, spans)
{
    /* Goal: units, signs, bare numbers in the unit that is given, or none at all. */
    int64_t ms;
    cr_assert(tc_value_span_ms("250ms", 0, &ms) && ms == 250);
    cr_assert(tc_value_span_ms("10s", 1, &ms) && ms == 10000);
    cr_assert(tc_value_span_ms("-10m", 0, &ms) && ms == -600000);
    cr_assert(tc_value_span_ms("1h", 0, &ms) && ms == 3600000);
    cr_assert(tc_value_span_ms("2d", 0, &ms) && ms == 172800000);
    cr_assert(tc_value_span_ms("10", 1000, &ms) && ms == 10000);
    cr_assert(tc_value_span_ms("99999999999999999999d", 0, &ms) && ms == INT64_MAX);
    cr_assert_not(tc_value_span_ms("10", 0, &ms));
    cr_assert_not(tc_value_span_ms("10M", 1, &ms));
    cr_assert_not(tc_value_span_ms("1.5s", 1, &ms));
    cr_assert_not(tc_value_span_ms("--1s", 1, &ms));
    cr_assert_not(tc_value_span_ms("s", 1, &ms));
}

Test(value, floats)
{
    /* Goal: plain decimals, whatever the locale says. */
    double n;
    cr_assert(tc_value_float("1", &n) && n == 1);
    cr_assert(tc_value_float("0.5", &n) && n == 0.5);
    cr_assert(tc_value_float("10.25", &n) && n == 10.25);
    const char *const bad[] = { "", ".5", "5.", "1.2.3", "1,5", "-1", "1e3", "inf", "nan" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_not(tc_value_float(bad[i], &n), "row %zu", i);
}

Test(value, times)
{
    /* Goal: RFC 3339 with zones, fractions and leap years; impossible dates are refused. */
    int64_t ms;
    cr_assert(tc_value_time_ms("1970-01-01T00:00:00Z", &ms) && ms == 0);
    cr_assert(tc_value_time_ms("2024-08-08T12:00:00Z", &ms) && ms == 1723118400000);
    cr_assert(tc_value_time_ms("2024-08-08T14:00:00+02:00", &ms) && ms == 1723118400000);
    cr_assert(tc_value_time_ms("2024-08-08 06:30:00.1239-05:30", &ms) && ms == 1723118400123);
    cr_assert(tc_value_time_ms("2000-02-29T00:00:00Z", &ms) && ms == 951782400000);
    cr_assert(tc_value_time_ms("9999-12-31T23:59:59Z", &ms) && ms == 253402300799000);
    const char *const bad[] = {
        "2024-08-08",           "2024-08-08T12:00Z",        "2024-08-08T12:00:00",
        "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",     "2024-00-01T00:00:00Z",
        "2024-01-32T00:00:00Z", "2024-01-01T24:00:00Z",     "2024-01-01T00:60:00Z",
        "1969-01-01T00:00:00Z", "2024-01-01T00:00:00.Z",    "2024-01-01T00:00:00+2:00",
        "2024-1-01T00:00:00Z",  "2024-01-01T00:00:00Zjunk",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_not(tc_value_time_ms(bad[i], &ms), "row %zu", i);
}

Test(value, starts)
{
    /* Goal: the four ways to say where reading begins. */
    struct tc_conf_start s;
    cr_assert(tc_value_start("latest", &s) && s.kind == TC_START_LATEST);
    cr_assert(tc_value_start("earliest", &s) && s.kind == TC_START_EARLIEST);
    cr_assert(tc_value_start("-10m", &s) && s.kind == TC_START_SPAN && s.ms == 600000);
    cr_assert(tc_value_start("2024-08-08T12:00:00Z", &s) && s.kind == TC_START_TIME &&
              s.ms == 1723118400000);
    cr_assert_not(tc_value_start("10m", &s));
    cr_assert_not(tc_value_start("soonish", &s));
    cr_assert_not(tc_value_start("", &s));
}

Test(value, addresses)
{
    /* Goal: host and port, IPv6 in brackets; everything else is told how to be written. */
    const char *const good[] = { "127.0.0.1:8080",       "0.0.0.0:0",
                                 "[::1]:8080",           "[fe80::1%eth0]:80",
                                 "host-1.example:65535", "localhost:1" };
    const char *const bad[] = { "nowhere",      ":8080",     "127.0.0.1:", "127.0.0.1:65536",
                                "::1:8080",     "[::1]",     "[::1:80",    "[]:80",
                                "[zz::1]:80",   "a b:80",    "host:http",  "http://x:80",
                                "127.0.0.1:-1", "[::1%]:80", "*:80",       "" };
    for (size_t i = 0; i < TC_ARRAY_CNT(good); i++)
        cr_expect_null(tc_value_address_fault(good[i]), "row %zu", i);
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_not_null(tc_value_address_fault(bad[i]), "row %zu", i);
}

Test(value, utf8)
{
    /* Goal: overlong forms, surrogates, cut and stray bytes are not UTF-8 (RFC 3629 section 4). */
    cr_assert(tc_value_is_utf8("a\u00e9\u20ac\U0001f600"));
    const char *const bad[] = { "\x80",         "\xc3",         "\xc0\xaf",         "\xe0\x80\xaf",
                                "\xed\xa0\x80", "\xf5\x80\x80", "\xf4\x90\x80\x80", "\xff" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_not(tc_value_is_utf8(bad[i]), "row %zu", i);
}
