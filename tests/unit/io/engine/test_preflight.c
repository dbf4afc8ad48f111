// SPDX-License-Identifier: Apache-2.0
/* Goal: what the machine does not allow is said before anything is taken, with the numbers; what it
 * allows in part is used, and logged. Each test has a process of its own, whose limits it lowers.
 */
#include "io/engine/preflight.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#include "io/net/net.h"
#include "io/os/os.h"

enum { CONNECTIONS = 300 };

static struct tc_mem mem;
static struct tc_log_ring log_ring;
static struct tc_conf conf;
static struct tc_plan plan;
static struct tc_err err;
static char line[TC_LOG_LINE_MAX + 1];

static void setup(void)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(
        tc_log_ring_init(&log_ring, &mem, "test", 8, TC_LOG_INFO, tc_os_log_clock, NULL, &err),
        TC_OK);
    conf.limits.connections = CONNECTIONS;
    conf.source_cnt = 1;
    conf.sources[0].kind = TC_SOURCE_SYNTH;
    plan.worker_cnt = 1;
    plan.source_cnt = 1;
}

static void teardown(void)
{
    tc_mem_fini(&mem);
}

TestSuite(preflight, .init = setup, .fini = teardown);

static const char *logged(void)
{
    line[tc_log_next_line(&log_ring, line)] = '\0';
    return line;
}

static void limit_files(rlim_t now, rlim_t most)
{
    struct rlimit limit = { now, most };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* How many descriptors are wanted beside the connections: the least limit that needs no change. */
static uint64_t reserve(void)
{
    struct tc_conf one = conf;
    one.limits.connections = 1000000;
    cr_assert_eq(tc_preflight_descriptors(&one, &plan, NULL, &err), -TC_EIO);
    const char *want = strstr(err.text, "raise the limit to ");
    cr_assert_not_null(want, "%s", err.text);
    return strtoull(want + 19, NULL, 10) - 1000000;
}

Test(preflight, limit_is_raised)
{
    /* Goal: the soft limit goes up to what is needed, the connections stay, nothing is said. */
    limit_files(64, 4096);
    cr_assert_eq(tc_preflight_descriptors(&conf, &plan, &log_ring, &err), TC_OK);
    cr_assert_geq(tc_os_nofile(), CONNECTIONS + reserve());
    cr_assert_eq(conf.limits.connections, CONNECTIONS);
    cr_assert_str_eq(logged(), "");
}

Test(preflight, reserve_is_enough)
{
    /* Goal: the reserve holds the lobby and the descriptors of each worker, and those that a Kafka
     * client opens. */
    limit_files(4096, 4096);
    uint64_t one = reserve();
    cr_expect_gt(one, TC_NET_LOBBY_MAX);
    plan.worker_cnt = 3;
    uint64_t three = reserve();
    cr_expect_geq(three, one + 2 * (TC_NET_LOBBY_MAX + 3));
    conf.sources[0].kind = TC_SOURCE_KAFKA;
    cr_expect_geq(reserve(), three + 10);
}

Test(preflight, connections_are_lowered)
{
    /* Goal: a hard limit that holds the connections but not the reserve costs connections, and that
     * is logged with both numbers and the remedy. */
    char said[96];
    limit_files(64, 4096);
    uint64_t want = CONNECTIONS + reserve();
    limit_files(64, want - 1);
    cr_assert_eq(tc_preflight_descriptors(&conf, &plan, &log_ring, &err), TC_OK);
    cr_assert_eq(conf.limits.connections, CONNECTIONS - 1);
    snprintf(said, sizeof(said), "limits.connections is %d instead of %d", CONNECTIONS - 1,
             CONNECTIONS);
    cr_assert(strstr(logged(), said), "%s", line);
    cr_assert(strstr(line, "\"code\":\"connections-lowered\"") && strstr(line, "LimitNOFILE="),
              "%s", line);
}

Test(preflight, too_few_descriptors)
{
    /* Goal: a hard limit below the connections is an error that names the setting, the limit and
     * the remedy; nothing is changed. */
    limit_files(64, CONNECTIONS - 1);
    cr_assert_eq(tc_preflight_descriptors(&conf, &plan, &log_ring, &err), -TC_EIO);
    cr_expect(strstr(err.text, "limits.connections is 300"), "%s", err.text);
    cr_expect(strstr(err.text, "299 descriptors only"), "%s", err.text);
    cr_expect(strstr(err.text, "ulimit -n"), "%s", err.text);
    cr_expect_eq(conf.limits.connections, CONNECTIONS);
}

Test(preflight, few_connections_few_descriptors)
{
    /* Goal: with a reserve larger than what would be left for connections it does not start. */
    conf.limits.connections = 10;
    limit_files(64, 64);
    cr_assert_eq(tc_preflight_descriptors(&conf, &plan, &log_ring, &err), -TC_EIO);
    cr_assert_eq(conf.limits.connections, 10);
}

Test(preflight, reactor_of_choice)
{
    /* Goal: epoll if asked for, and always; io_uring or a reason; auto takes what there is and says
     * which. */
    const struct tc_reactor_ops *ops = NULL;
    int before = tc_os_fd_cnt();
    conf.reactor = TC_REACTOR_EPOLL;
    cr_assert_eq(tc_preflight_reactor(&conf, &log_ring, &ops, &err), TC_OK);
    cr_assert_eq(ops, &tc_reactor_epoll);
    cr_assert(strstr(logged(), "\"msg\":\"reactor epoll\""), "%s", line);
    conf.reactor = TC_REACTOR_IO_URING;
    int rc = tc_preflight_reactor(&conf, &log_ring, &ops, &err);
    cr_assert(rc == TC_OK ? ops == &tc_reactor_io_uring : rc == -TC_EIO, "%s", err.text);
    logged();
    conf.reactor = TC_REACTOR_AUTO;
    cr_assert_eq(tc_preflight_reactor(&conf, &log_ring, &ops, &err), TC_OK);
    cr_assert_eq(ops, rc == TC_OK ? &tc_reactor_io_uring : &tc_reactor_epoll);
    cr_assert(strstr(logged(), ops->name), "%s", line);
    cr_assert_eq(tc_os_fd_cnt(), before, "the probe is closed");
}

Test(preflight, reactor_forbidden)
{
    /* Goal: where io_uring cannot be set up (here: no descriptor is left), auto is epoll with the
     * reason in the log, and io_uring by name is an error with it. */
    const struct tc_reactor_ops *ops = NULL;
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(next, 0);
    tc_os_close(next);
    limit_files((rlim_t)next, before.rlim_max);
    conf.reactor = TC_REACTOR_AUTO;
    cr_assert_eq(tc_preflight_reactor(&conf, &log_ring, &ops, &err), TC_OK);
    cr_assert_eq(ops, &tc_reactor_epoll);
    cr_assert(strstr(logged(), "\"msg\":\"reactor epoll: "), "%s", line);
    conf.reactor = TC_REACTOR_IO_URING;
    cr_assert_eq(tc_preflight_reactor(&conf, &log_ring, &ops, &err), -TC_EIO);
    limit_files(before.rlim_cur, before.rlim_max);
    cr_assert(strncmp(err.text, "reactor: io_uring cannot be used here: ", 39) == 0 &&
                  err.text[39] != '\0',
              "%s", err.text);
}
