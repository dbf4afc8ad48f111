// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/resource.h>

#include "tools/tickcast/own_engine.h"

static struct tc_load_conf conf = { .conn_cnt = 10,
                                    .room_cnt = 3,
                                    .follow_cnt = 1,
                                    .proc_cnt = 1,
                                    .streams = 1,
                                    .rate = 100,
                                    .burst = 1,
                                    .payload = 100 };

Test(own_engine, starts_and_ends)
{
    /* Goal: an engine listens in a process of its own, and is gone after stop. */
    struct tc_err err;
    cr_assert_eq(tc_own_engine.start(&conf, &err), TC_OK, "%s", err.text);
    cr_assert_eq(strncmp(conf.connect, "127.0.0.1:", 10), 0, "%s", conf.connect);
    cr_assert_eq(conf.pid_cnt, 1);
    cr_assert_eq(kill(conf.pids[0], 0), 0);
    tc_own_engine.stop();
    cr_assert_eq(kill(conf.pids[0], 0), -1);
    tc_own_engine.stop();
}

Test(own_engine, too_few_descriptors)
{
    /* Goal: a limit that leaves no room for the connections is named, and nothing runs on. */
    struct tc_err err;
    const struct rlimit limit = { 200, 200 };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    conf.conn_cnt = 1000;
    cr_assert_eq(tc_own_engine.start(&conf, &err), -TC_ELIMIT);
    cr_assert(strstr(err.text, "RLIMIT_NOFILE") && strstr(err.text, "ulimit -n"), "%s", err.text);
}
