// SPDX-License-Identifier: Apache-2.0
/* Goal: logs are appended with what they were given, found by whole name with the newest winning,
 * bounded; and warm means known, and each read to its end once. */
#include <criterion/criterion.h>
#include <signal.h>

#include "core/bus/log.h"

static struct tc_mem mem;
static struct tc_logs logs;
static struct tc_err err;

static void setup(uint32_t max)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_logs_init(&logs, max, &mem, "source main", &err), 0);
}

static int add(const char *name, int64_t start_pos)
{
    return tc_logs_add(&logs, tc_str_from(name), 0, 0, start_pos, TC_NONE);
}

static uint32_t find(const char *name)
{
    return tc_logs_find(&logs, tc_str_from(name));
}

Test(logs, fields)
{
    /* goal: a new log has what it was given, is read from its start, and nothing is known of its
     * end */
    setup(4);
    cr_assert_eq(add("main/ticks/0@9f2c", 0), 0);
    cr_assert_eq(tc_logs_add(&logs, TC_STR("main/ticks/3@9f2c"), 5, 3, 77, 0), 1);
    const struct tc_log *log = &logs.logs[1];
    cr_expect(tc_str_eq((struct tc_str){ log->name, log->name_len }, TC_STR("main/ticks/3@9f2c")));
    cr_expect_eq(log->rule, 5);
    cr_expect_eq(log->partition, 3);
    cr_expect_eq(log->replaces, 0);
    cr_expect_eq(logs.logs[0].replaces, TC_NONE);
    cr_expect_eq(log->start_pos, 77);
    cr_expect_eq(atomic_load(&log->next_pos), 77);
    cr_expect_eq(atomic_load(&log->end_pos), -1);
    cr_expect_eq(atomic_load(&log->stale_ms), 0);
    cr_expect_not(atomic_load(&log->is_caught_up));
    cr_expect_eq(atomic_load(&logs.cnt), 2);
    tc_mem_fini(&mem);
}

Test(logs, full)
{
    /* goal: log number max is refused and counts nothing */
    setup(2);
    cr_expect_eq(add("a", 0), 0);
    cr_expect_eq(add("b", 0), 1);
    cr_expect_eq(add("c", 0), -TC_ELIMIT);
    cr_expect_eq(atomic_load(&logs.cnt), 2);
    cr_expect_eq(find("c"), TC_NONE);
    cr_expect_eq(find("b"), 1);
    tc_mem_fini(&mem);
}

Test(logs, find)
{
    /* goal: only the whole name finds a log; of two with one name the newer is meant */
    setup(8);
    cr_expect_eq(find("main/ticks/1@9f2c"), TC_NONE);
    cr_assert_eq(add("main/ticks/1@9f2c", 0), 0);
    cr_assert_eq(add("main/ticks/11@9f2c", 0), 1);
    cr_assert_eq(add("main/ticks/1@77aa", 0), 2);
    cr_expect_eq(find("main/ticks/1@9f2c"), 0);
    cr_expect_eq(find("main/ticks/1@77aa"), 2);
    cr_expect_eq(find("main/ticks/1"), TC_NONE);
    cr_expect_eq(find("main/ticks/1@9f2c "), TC_NONE);
    cr_expect_eq(find(""), TC_NONE);
    cr_assert_eq(add("main/ticks/1@9f2c", 0), 3);
    cr_expect_eq(find("main/ticks/1@9f2c"), 3);
    tc_mem_fini(&mem);
}

Test(logs, longest_name)
{
    /* goal: a name one byte below the limit is kept whole */
    char text[TC_LOG_NAME_MAX];
    memset(text, 'n', sizeof(text));
    setup(1);
    struct tc_str name = { text, TC_LOG_NAME_MAX - 1 };
    cr_assert_eq(tc_logs_add(&logs, name, 0, 0, 0, TC_NONE), 0);
    cr_expect_eq(tc_logs_find(&logs, name), 0);
    cr_expect_eq(tc_logs_find(&logs, (struct tc_str){ text, TC_LOG_NAME_MAX - 2 }), TC_NONE);
    tc_mem_fini(&mem);
}

Test(logs, too_long_a_name_is_a_wrong_program, .signal = SIGABRT)
{
    /* goal: a name at the limit is neither cut nor written past its place */
    char text[TC_LOG_NAME_MAX];
    memset(text, 'n', sizeof(text));
    setup(1);
    (void)!tc_logs_add(&logs, (struct tc_str){ text, sizeof(text) }, 0, 0, 0, TC_NONE);
}

Test(logs, warm)
{
    /* goal: warm needs both: the table is known to be whole, and each log was read to its end; a
     * log that comes later makes it cold until it is read too */
    setup(4);
    cr_expect_not(tc_logs_is_warm(&logs));
    cr_assert_eq(add("a", 0), 0);
    cr_assert_eq(add("b", 0), 1);
    atomic_store(&logs.logs[0].is_caught_up, true);
    atomic_store(&logs.logs[1].is_caught_up, true);
    cr_expect_not(tc_logs_is_warm(&logs), "more logs may come");
    atomic_store(&logs.is_known, true);
    cr_expect(tc_logs_is_warm(&logs));
    cr_assert_eq(add("c", 0), 2);
    cr_expect_not(tc_logs_is_warm(&logs));
    atomic_store(&logs.logs[2].is_caught_up, true);
    cr_expect(tc_logs_is_warm(&logs));
    atomic_store(&logs.logs[0].is_caught_up, false);
    cr_expect_not(tc_logs_is_warm(&logs), "the first log counts as well");
    tc_mem_fini(&mem);
}

Test(logs, warm_without_logs)
{
    /* goal: a source that has no log at all is warm once that is known */
    setup(4);
    atomic_store(&logs.is_known, true);
    cr_expect(tc_logs_is_warm(&logs));
    tc_mem_fini(&mem);
}

Test(logs, no_memory)
{
    /* goal: a budget that is too small is an error with its text */
    tc_mem_init(&mem, 100);
    cr_expect_eq(tc_logs_init(&logs, 4, &mem, "source main", &err), -TC_ENOMEM);
    cr_expect_neq(err.text[0], 0);
    tc_mem_fini(&mem);
}
