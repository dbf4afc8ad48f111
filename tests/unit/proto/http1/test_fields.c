// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/http1/parse.h"

Test(fields, looked_up_in_any_case)
{
    /* goal: first value, count, tokens of lists over several fields */
    cr_assert_eq(parse("GET / HTTP/1.1\r\nHost: h\r\nCONNECTION: keep-alive , Upgrade\r\n"
                       "connection:,x\r\nOther: keep-alive2\r\n\r\n"),
                 1);
    cr_assert(tc_str_eq(tc_http1_field(&http, "Connection"), TC_STR("keep-alive , Upgrade")));
    cr_assert_eq(tc_http1_field_cnt(&http, "connection"), 2);
    cr_assert_eq(tc_http1_field_cnt(&http, "none"), 0);
    cr_assert(tc_http1_has_token(&http, "connection", "upgrade"));
    cr_assert(tc_http1_has_token(&http, "connection", "keep-alive"));
    cr_assert(tc_http1_has_token(&http, "connection", "X"));
    cr_assert(!tc_http1_has_token(&http, "connection", "keep"));
    cr_assert(!tc_http1_has_token(&http, "other", "keep-alive"));
    cr_assert(!tc_http1_has_token(&http, "none", "x"));
}

Test(fields, text_of_any_case)
{
    /* goal: equal but for case; lengths count */
    cr_assert(tc_http1_eq(TC_STR("aB"), TC_STR("Ab")));
    cr_assert(!tc_http1_eq(TC_STR("ab"), TC_STR("abc")));
    cr_assert(tc_http1_eq(TC_STR(""), (struct tc_str){ NULL, 0 }));
}
