// SPDX-License-Identifier: Apache-2.0
/* tests/plain: what our unit tests use of Criterion, for the builds with sanitizers: Criterion maps
 * its shared arena where the thread sanitizer keeps its shadow, and ends its children so that the
 * leak sanitizer never looks. This folder is put before the system's headers (TC_UNIT_PLAIN); one
 * source file is one program, whose main() is here.
 *
 * TC_PLAIN_NO_MAIN leaves main() out, for fuzz targets over fixtures of unit tests: a check that
 * fails ends the process.
 *
 * Each test runs in a child process, one after another; the last line has Criterion's form, which
 * tests/suites/criterion.awk counts. Not for: parameterised tests, theories, redirection of
 * streams. */
#ifndef TC_TESTS_PLAIN_CRITERION_H
#define TC_TESTS_PLAIN_CRITERION_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct tc_plain_options {
    void (*init)(void);
    void (*fini)(void);
    const char *description;
    double timeout; /* s; 0: 120 */
    int signal;     /* that must end the test */
    int exit_code;  /* that the test must leave */
    bool disabled;
    int none; /* lets an empty list of options be written */
};

struct tc_plain_test {
    const char *suite, *name;
    void (*body)(void);
    struct tc_plain_options options;
    const struct tc_plain_options *suite_options;
    struct tc_plain_test *next;
};

static struct tc_plain_test *tc_plain_first, **tc_plain_last = &tc_plain_first;
static volatile int tc_plain_failed_cnt; /* in the child */

struct tc_plain_suite {
    const char *name;
    struct tc_plain_options options;
    struct tc_plain_suite *next;
};

static struct tc_plain_suite *tc_plain_suites;

/* Options come last and may be absent: one that says nothing ends every list. */
#define Test(...) TC_PLAIN_TEST(__VA_ARGS__, .none = 0)
#define TestSuite(...) TC_PLAIN_SUITE(__VA_ARGS__, .none = 0)

#define TC_PLAIN_TEST(suite_, name_, ...)                                                          \
    static void suite_##_##name_##_body(void);                                                     \
    static struct tc_plain_test suite_##_##name_##_test = {                                        \
        .suite = #suite_,                                                                          \
        .name = #name_,                                                                            \
        .body = suite_##_##name_##_body,                                                           \
        .options = { __VA_ARGS__ },                                                                \
    };                                                                                             \
    __attribute__((constructor)) static void suite_##_##name_##_add(void)                          \
    {                                                                                              \
        *tc_plain_last = &suite_##_##name_##_test;                                                 \
        tc_plain_last = &suite_##_##name_##_test.next;                                             \
    }                                                                                              \
    static void suite_##_##name_##_body(void)

#define TC_PLAIN_SUITE(suite_, ...)                                                                \
    static struct tc_plain_suite suite_##_suite = {                                                \
        .name = #suite_,                                                                           \
        .options = { __VA_ARGS__ },                                                                \
    };                                                                                             \
    __attribute__((constructor)) static void suite_##_suite_add(void)                              \
    {                                                                                              \
        suite_##_suite.next = tc_plain_suites;                                                     \
        tc_plain_suites = &suite_##_suite;                                                         \
    }                                                                                              \
    extern int suite_##_suite_end

/* The text behind a condition is printed as it is written in the source, with its arguments. */
#define TC_PLAIN_CHECK(fatal, cond, text)                                                          \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, text);                              \
            tc_plain_failed_cnt++;                                                                 \
            if (fatal)                                                                             \
                exit(1);                                                                           \
        }                                                                                          \
    } while (0)
#define TC_PLAIN_IS(fatal, cond, ...) TC_PLAIN_CHECK(fatal, cond, #cond " " #__VA_ARGS__)
#define TC_PLAIN_NOT(fatal, cond, ...) TC_PLAIN_CHECK(fatal, !(cond), "!" #cond " " #__VA_ARGS__)
#define TC_PLAIN_OP(fatal, op, a, b, ...)                                                          \
    TC_PLAIN_CHECK(fatal, (a)op(b), #a " " #op " " #b " " #__VA_ARGS__)
#define TC_PLAIN_NULL(fatal, op, a, ...)                                                           \
    TC_PLAIN_CHECK(fatal, (a)op NULL, #a " " #op " NULL " #__VA_ARGS__)
#define TC_PLAIN_STR(fatal, op, a, b, ...)                                                         \
    TC_PLAIN_CHECK(fatal, strcmp(a, b) op 0, #a " " #op " " #b " " #__VA_ARGS__)
#define TC_PLAIN_ARR(fatal, op, a, b, size, ...)                                                   \
    TC_PLAIN_CHECK(fatal, memcmp(a, b, size) op 0, #a " " #op " " #b " " #__VA_ARGS__)

#define cr_assert(...) TC_PLAIN_IS(true, __VA_ARGS__, "")
#define cr_assert_not(...) TC_PLAIN_NOT(true, __VA_ARGS__, "")
#define cr_assert_fail(...) TC_PLAIN_CHECK(true, false, "fail " #__VA_ARGS__)
#define cr_assert_eq(...) TC_PLAIN_OP(true, ==, __VA_ARGS__, "")
#define cr_assert_neq(...) TC_PLAIN_OP(true, !=, __VA_ARGS__, "")
#define cr_assert_lt(...) TC_PLAIN_OP(true, <, __VA_ARGS__, "")
#define cr_assert_leq(...) TC_PLAIN_OP(true, <=, __VA_ARGS__, "")
#define cr_assert_gt(...) TC_PLAIN_OP(true, >, __VA_ARGS__, "")
#define cr_assert_geq(...) TC_PLAIN_OP(true, >=, __VA_ARGS__, "")
#define cr_assert_null(...) TC_PLAIN_NULL(true, ==, __VA_ARGS__, "")
#define cr_assert_not_null(...) TC_PLAIN_NULL(true, !=, __VA_ARGS__, "")
#define cr_assert_str_eq(...) TC_PLAIN_STR(true, ==, __VA_ARGS__, "")
#define cr_assert_arr_eq(...) TC_PLAIN_ARR(true, ==, __VA_ARGS__, "")
#define cr_assert_str_neq(...) TC_PLAIN_STR(true, !=, __VA_ARGS__, "")
#define cr_assert_arr_neq(...) TC_PLAIN_ARR(true, !=, __VA_ARGS__, "")

#define cr_expect(...) TC_PLAIN_IS(false, __VA_ARGS__, "")
#define cr_expect_not(...) TC_PLAIN_NOT(false, __VA_ARGS__, "")
#define cr_expect_fail(...) TC_PLAIN_CHECK(false, false, "fail " #__VA_ARGS__)
#define cr_expect_eq(...) TC_PLAIN_OP(false, ==, __VA_ARGS__, "")
#define cr_expect_neq(...) TC_PLAIN_OP(false, !=, __VA_ARGS__, "")
#define cr_expect_lt(...) TC_PLAIN_OP(false, <, __VA_ARGS__, "")
#define cr_expect_leq(...) TC_PLAIN_OP(false, <=, __VA_ARGS__, "")
#define cr_expect_gt(...) TC_PLAIN_OP(false, >, __VA_ARGS__, "")
#define cr_expect_geq(...) TC_PLAIN_OP(false, >=, __VA_ARGS__, "")
#define cr_expect_null(...) TC_PLAIN_NULL(false, ==, __VA_ARGS__, "")
#define cr_expect_not_null(...) TC_PLAIN_NULL(false, !=, __VA_ARGS__, "")
#define cr_expect_str_eq(...) TC_PLAIN_STR(false, ==, __VA_ARGS__, "")
#define cr_expect_arr_eq(...) TC_PLAIN_ARR(false, ==, __VA_ARGS__, "")
#define cr_expect_str_neq(...) TC_PLAIN_STR(false, !=, __VA_ARGS__, "")
#define cr_expect_arr_neq(...) TC_PLAIN_ARR(false, !=, __VA_ARGS__, "")

#define cr_fatal(...) cr_assert_fail(__VA_ARGS__)
#define cr_log_info(...) ((void)fprintf(stderr, __VA_ARGS__), (void)fputc('\n', stderr))
#define cr_log_warn(...) cr_log_info(__VA_ARGS__)
#define cr_log_error(...) cr_log_info(__VA_ARGS__)

/* A field of the test's options, or else of its suite's. */
#define TC_PLAIN_OPTION(test, field)                                                               \
    ((test)->options.field || !(test)->suite_options ? (test)->options.field                       \
                                                     : (test)->suite_options->field)

static inline void tc_plain_child(const struct tc_plain_test *test)
{
    double timeout = TC_PLAIN_OPTION(test, timeout);
    alarm(timeout > 0 ? (unsigned)(timeout + 1) : 120);
    void (*init)(void) = TC_PLAIN_OPTION(test, init);
    void (*fini)(void) = TC_PLAIN_OPTION(test, fini);
    if (init)
        init();
    test->body();
    if (fini)
        fini();
    exit(tc_plain_failed_cnt ? 1 : 0);
}

/* True if the child ended as its options want. */
static inline bool tc_plain_run(const struct tc_plain_test *test)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        tc_plain_child(test);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    if (test->options.signal)
        return WIFSIGNALED(status) && WTERMSIG(status) == test->options.signal;
    if (WIFSIGNALED(status))
        fprintf(stderr, "signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == test->options.exit_code;
}

#ifndef TC_PLAIN_NO_MAIN
int main(void)
{
    unsigned tested_cnt = 0, passed_cnt = 0;
    for (struct tc_plain_test *test = tc_plain_first; test; test = test->next) {
        for (const struct tc_plain_suite *suite = tc_plain_suites; suite; suite = suite->next)
            if (strcmp(suite->name, test->suite) == 0)
                test->suite_options = &suite->options;
        if (TC_PLAIN_OPTION(test, disabled))
            continue;
        bool ok = tc_plain_run(test);
        printf("[%s] %s::%s\n", ok ? "PASS" : "FAIL", test->suite, test->name);
        tested_cnt++;
        passed_cnt += ok;
    }
    printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n", tested_cnt,
           passed_cnt, tested_cnt - passed_cnt);
    return passed_cnt == tested_cnt ? 0 : 1;
}
#endif

#endif
