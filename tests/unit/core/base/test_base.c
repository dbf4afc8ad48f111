// SPDX-License-Identifier: Apache-2.0
/* Goal: byte views compare by content and length alone, whatever they point at; rounding is right
 * up to 2^63; a false assertion ends the process in every build and says where. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/base.h"

Test(base, views_compare_by_bytes)
{
    /* goal: equality is length and bytes, NUL included; two empty views are equal, NULL or not */
    const struct tc_str none = { NULL, 0 };
    cr_expect(tc_str_eq(TC_STR("abc"), tc_str_from("abc")));
    cr_expect_not(tc_str_eq(TC_STR("abc"), TC_STR("abd")));
    cr_expect_not(tc_str_eq(TC_STR("abc"), TC_STR("ab")));
    cr_expect_not(tc_str_eq(TC_STR("ab"), TC_STR("abc")));
    cr_expect_not(tc_str_eq(TC_STR("a\0b"), TC_STR("a\0c")));
    cr_expect(tc_str_eq(TC_STR("a\0b"), TC_STR("a\0b")));
    cr_expect(tc_str_eq(none, TC_STR("")));
    cr_expect(tc_str_eq(none, none));
    cr_expect_not(tc_str_eq(none, TC_STR("a")));
}

Test(base, views_of_literals_and_strings)
{
    /* goal: a literal's view keeps inner NULs, a string's ends at the first; NULL gives none */
    cr_expect_eq(TC_STR("a\0b").len, 3);
    cr_expect_eq(tc_str_from("a\0b").len, 1);
    cr_expect_eq(TC_STR("").len, 0);
    cr_expect_null(tc_str_from(NULL).ptr);
    cr_expect_eq(tc_str_from(NULL).len, 0);
}

Test(base, views_start)
{
    /* goal: each view begins with itself and with nothing, never with something longer */
    const struct tc_str none = { NULL, 0 };
    cr_expect(tc_str_starts(TC_STR("orders-7"), TC_STR("orders-")));
    cr_expect(tc_str_starts(TC_STR("orders-"), TC_STR("orders-")));
    cr_expect_not(tc_str_starts(TC_STR("orders"), TC_STR("orders-")));
    cr_expect_not(tc_str_starts(TC_STR("Orders-7"), TC_STR("orders-")));
    cr_expect(tc_str_starts(TC_STR("a"), none));
    cr_expect(tc_str_starts(none, none));
    cr_expect_not(tc_str_starts(none, TC_STR("a")));
}

Test(base, pow2_up)
{
    /* goal: the least power of two that is not below n, at and beside every power */
    cr_expect_eq(tc_pow2_up(0), 1);
    cr_expect_eq(tc_pow2_up(1), 1);
    cr_expect_eq(tc_pow2_up(3), 4);
    for (unsigned bit = 1; bit < 63; bit++) {
        uint64_t p = 1ull << bit;
        cr_expect_eq(tc_pow2_up(p), p, "2^%u", bit);
        cr_expect_eq(tc_pow2_up(p + 1), p << 1, "2^%u + 1", bit);
        cr_expect_eq(tc_pow2_up(p - 1), bit == 1 ? 1 : p, "2^%u - 1", bit);
    }
    cr_expect_eq(tc_pow2_up(1ull << 63), 1ull << 63);
}

Test(base, assert_true_does_nothing)
{
    /* goal: a condition that holds is evaluated once and the program goes on */
    int evaluated_cnt = 0;
    TC_ASSERT(++evaluated_cnt);
    cr_expect_eq(evaluated_cnt, 1);
}

Test(base, assert_false_aborts, .signal = SIGABRT)
{
    /* goal: a condition that does not hold is the end, in optimised builds too */
    volatile int one = 1;
    TC_ASSERT(one == 2);
}

Test(base, assert_says_where)
{
    /* goal: the message has the condition and the place, so that a crash report is enough */
    char text[512];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        tc_assert_fail("sky == blue", "core/x.c", 42);
    }
    cr_assert_gt(pid, 0);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < sizeof(text) - 1; len += (size_t)TC_MAX(got, 0))
        got = read(ends[0], text + len, sizeof(text) - 1 - len);
    text[len] = '\0';
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_expect_not_null(strstr(text, "sky == blue (core/x.c:42)"), "%s", text);
    close(ends[0]);
}
