// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/recording.h"

#include <criterion/criterion.h>

Test(recording, keys)
{
    /* Goal: the symbol is found where exchanges put it. */
    static const struct {
        const char *line, *key;
    } rows[] = {
        { "17 {\"stream\":\"btcusdt@trade\",\"data\":{\"s\":\"BTCUSDT\"}}", "BTCUSDT" },
        { "17 {\"stream\":\"btcusdt@trade\",\"data\":{}}", "BTCUSDT" },
        { "17 {\"s\":\"ETHUSDT\"}", "ETHUSDT" },
        { "17 {\"stream\":\"btcusd_perp@depth@0ms\",\"data\":[]}", "BTCUSD_PERP" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_recording_line out;
        cr_assert_eq(tc_recording_parse(&out, tc_str_from(rows[i].line)), TC_OK);
        cr_assert_eq(out.recv_ns, 17);
        cr_assert_str_eq(out.key, rows[i].key);
        cr_assert_eq(out.json.ptr, rows[i].line + 3);
        cr_assert_eq(out.json.len, strlen(rows[i].line) - 3);
    }
}

Test(recording, refused)
{
    /* Goal: a line without a symbol is told apart from one that is broken. */
    struct tc_recording_line out;
    static const char *const broken[] = {
        "", "17", "17 ", " {}", "x {}", "17{}", "17 {", "99999999999999999999 {}",
    };
    static const char *const nameless[] = {
        "17 {\"lastUpdateId\":1}",
        "17 {\"stream\":\"@trade\"}",
        "17 []",
        "17 {\"s\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(broken); i++)
        cr_assert_eq(tc_recording_parse(&out, tc_str_from(broken[i])), -TC_EINVAL);
    for (size_t i = 0; i < TC_ARRAY_CNT(nameless); i++)
        cr_assert_eq(tc_recording_parse(&out, tc_str_from(nameless[i])), -TC_ENOTFOUND);
}
