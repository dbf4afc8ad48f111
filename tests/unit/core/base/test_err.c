// SPDX-License-Identifier: Apache-2.0
/* Goal: every code has one stable text that no other code has (clients and metrics show them), and
 * setting an error is safe with any text and without a place to put it. */
#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>

#include "core/base/err.h"

Test(err, texts_are_distinct_words)
{
    /* goal: each code, with either sign, has a text of its own, of small letters, digits, dashes */
    for (int code = 0; code < TC_ERR_CNT; code++) {
        const char *text = tc_err_text(code);
        cr_expect_gt(strlen(text), 0);
        cr_expect_eq(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(text), "%s",
                     text);
        cr_expect_str_eq(tc_err_text(-code), text);
        cr_expect_str_neq(text, "unknown");
        for (int other = 0; other < code; other++)
            cr_expect_str_neq(tc_err_text(other), text);
    }
}

Test(err, texts_are_stable)
{
    /* goal: a row that slips in between moves no text to another code */
    cr_expect_str_eq(tc_err_text(TC_OK), "ok");
    cr_expect_str_eq(tc_err_text(-TC_EINVAL), "invalid");
    cr_expect_str_eq(tc_err_text(-TC_ELAPPED), "lapped");
    cr_expect_str_eq(tc_err_text(-TC_EUTF8), "bad-utf8");
    cr_expect_str_eq(tc_err_text(-TC_EINTERNAL), "internal");
}

Test(err, codes_outside_the_table)
{
    /* goal: a number from elsewhere is answered, not read past the table */
    cr_expect_str_eq(tc_err_text(TC_ERR_CNT), "unknown");
    cr_expect_str_eq(tc_err_text(-TC_ERR_CNT), "unknown");
    cr_expect_str_eq(tc_err_text(INT_MAX), "unknown");
    cr_expect_str_eq(tc_err_text(INT_MIN), "unknown");
}

Test(err, set_fills_all)
{
    /* goal: code, text and place are those of this call; the code is handed back */
    struct tc_err err = { .code = 1, .line = 7, .col = 9 };
    cr_assert_eq(tc_err_set(&err, -TC_ELIMIT, "%s is %d", "limit", 5), -TC_ELIMIT);
    cr_expect_eq(err.code, -TC_ELIMIT);
    cr_expect_str_eq(err.text, "limit is 5");
    cr_expect_eq(err.line, 0);
    cr_expect_eq(err.col, 0);
    cr_expect_eq(tc_err_set(NULL, -TC_EIO, "%s", "nobody asks"), -TC_EIO);
}

Test(err, long_texts_are_cut)
{
    /* goal: a text that does not fit is cut inside its place and stays a string */
    struct {
        struct tc_err err;
        char guard[8];
    } box;
    char text[2 * TC_ERR_TEXT_BYTES];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(box.guard, '#', sizeof(box.guard));
    cr_assert_eq(tc_err_set(&box.err, -TC_EINVAL, "%s", text), -TC_EINVAL);
    cr_expect_eq(strlen(box.err.text), TC_ERR_TEXT_BYTES - 1);
    cr_expect_arr_eq(box.guard, "########", 8);
}

Test(err, only_errors_are_set, .signal = SIGABRT)
{
    /* goal: "an error" that is not negative is a wrong program */
    struct tc_err err;
    (void)tc_err_set(&err, TC_OK, "fine");
}
