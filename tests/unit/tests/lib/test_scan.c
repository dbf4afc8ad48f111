// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/scan.h"

#include <criterion/criterion.h>
#include <string.h>

static int scan(const char *json, struct tc_scan *out)
{
    return tc_scan_message(json, strlen(json), out);
}

static bool is(struct tc_scan_text text, const char *wanted)
{
    return text.at && text.len == strlen(wanted) && !memcmp(text.at, wanted, text.len);
}

Test(scan, update)
{
    // Goal: every field of an update is found, and the payload is kept as it is.
    struct tc_scan s;
    cr_assert_eq(
        scan("{\"event\":\"ticker-update\",\"room\":\"ticker-A\",\"pos\":12,\"prev\":null,"
             "\"ts\":1723075200123,\"snapshot\":true,\"data\":{\"a\":\"}\\\"\",\"pos\":1}}",
             &s),
        0);
    cr_assert_eq(s.kind, TC_SCAN_UPDATE);
    cr_assert(is(s.room, "ticker-A"));
    cr_assert_eq(s.pos, 12);
    cr_assert_eq(s.prev, TC_SCAN_NULL);
    cr_assert_eq(s.ts, 1723075200123);
    cr_assert(s.snapshot);
    cr_assert(is(s.data, "{\"a\":\"}\\\"\",\"pos\":1}"));
}

Test(scan, any_order_and_nesting)
{
    // Goal: the order of keys, blanks and nested values do not matter for notices.
    struct tc_scan s;
    cr_assert_eq(
        scan(" { \"data\" : {\"x\":[1,{\"y\":\"]\"}]} , \"pos\": null, \"log\":\"a/b/0@c\", "
             "\"room\":\"r\",\"event\":\"subscription-confirmed\"}",
             &s),
        0);
    cr_assert_eq(s.kind, TC_SCAN_CONFIRMED);
    cr_assert(is(s.log, "a/b/0@c"));
    cr_assert_eq(s.pos, TC_SCAN_NULL);
    cr_assert_eq(scan("{\"event\":\"gap\",\"from\":3,\"to\":5,\"reason\":\"poison\"}", &s), 0);
    cr_assert(s.from == 3 && s.to == 5 && is(s.reason, "poison"));
    cr_assert_eq(s.prev, TC_SCAN_NONE);
}

Test(scan, refuses_what_is_not_a_message)
{
    // Goal: no object, a cut object and an update without a position are told apart from messages.
    struct tc_scan s;
    const char *bad[] = { "",
                          "[]",
                          "{",
                          "{\"event\":\"gap\"",
                          "{\"room\":\"a\"}",
                          "{\"event\":\"ticker-update\",\"room\":\"a\",\"data\":1}",
                          "{\"event\":\"ticker-update\",\"room\":\"a\",\"pos\":1,\"data\":1}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(scan(bad[i], &s), -1, "%s", bad[i]);
}

Test(scan, every_cut_is_safe)
{
    // Goal: no prefix of a message is read beyond its end.
    static const char whole[] = "{\"event\":\"ticker-update\",\"room\":\"a\",\"pos\":1,\"prev\":0,"
                                "\"ts\":5,\"data\":{\"k\":\"\\\"v\"}}";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char part[sizeof whole];
        struct tc_scan s;
        memcpy(part, whole, len);
        memset(part + len, '"', sizeof part - len);
        if (!tc_scan_message(part, len, &s))
            cr_assert_leq(s.data.at + s.data.len, part + len);
    }
}

Test(scan, number_of_a_payload)
{
    // Goal: a number at the top of a payload is found by its key, also beyond 18 digits.
    struct tc_scan_text text = { "{\"a\":{\"t\":1},\"t\":1795532724874970160}", 0 };
    text.len = strlen(text.at);
    cr_assert_eq(tc_scan_number(text, "t"), 1795532724874970160);
    cr_assert_eq(tc_scan_number(text, "n"), TC_SCAN_NONE);
}
