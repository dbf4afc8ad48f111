// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/obs/text.h"

static void time_is(int64_t s, int64_t ms, const char *want)
{
    char text[TC_RFC3339_BYTES];
    tc_rfc3339((s * 1000 + ms) * 1000000, text);
    cr_assert_str_eq(text, want);
}

Test(text, rfc3339)
{
    /* goal: the calendar is right at its corners: leap days, ends of years and centuries */
    time_is(0, 0, "1970-01-01T00:00:00.000Z");
    time_is(951782399, 999, "2000-02-28T23:59:59.999Z");
    time_is(951782400, 1, "2000-02-29T00:00:00.001Z");
    time_is(1709164800, 0, "2024-02-29T00:00:00.000Z");
    time_is(1723075200, 123, "2024-08-08T00:00:00.123Z");
    time_is(1735689599, 0, "2024-12-31T23:59:59.000Z");
    time_is(4107542400, 0, "2100-03-01T00:00:00.000Z");
    time_is(-5, 0, "1970-01-01T00:00:00.000Z");
}

static void escapes_to(struct tc_str text, const char *want)
{
    char dst[256];
    size_t len = tc_text_escape(text, dst, sizeof(dst) - 1, NULL);
    dst[len] = 0;
    cr_assert_str_eq(dst, want);
}

Test(text, json_escape)
{
    /* goal: what JSON forbids inside a string is escaped, the rest passes */
    escapes_to(TC_STR("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
               "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    escapes_to(TC_STR("a\"b\\c\n\r\t\x01\x1f\x7f"), "a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u007f");
    escapes_to(TC_STR("nul\0!"), "nul\\u0000!");
}

Test(text, json_escape_bad_utf8)
{
    /* goal: bytes that are no UTF-8 (RFC 3629) become U+FFFD, one each */
    escapes_to(TC_STR("\x80"), "\xef\xbf\xbd");
    escapes_to(TC_STR("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(TC_STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(TC_STR("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(TC_STR("\xf5\x80"), "\xef\xbf\xbd\xef\xbf\xbd");
}

Test(text, json_escape_stops_whole)
{
    /* goal: an escape or a character that does not fit is left out as a whole */
    char dst[8] = "#######";
    cr_assert_eq(tc_text_escape(TC_STR("abc\x01"), dst, 7, NULL), 3);
    cr_assert_eq(dst[3], '#');
    cr_assert_eq(tc_text_escape(TC_STR("ab\xe2\x82\xac"), dst, 4, NULL), 2);
    cr_assert_eq(tc_text_escape(TC_STR("\"\""), dst, 3, NULL), 2);
}
