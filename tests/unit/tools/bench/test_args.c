// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "tools/bench/conf.h"

enum { WORDS_MAX = 20 };

static const struct tc_load_dialect *const dialects[] = { &tc_load_tickcast, &tc_load_grpc,
                                                          &tc_load_raw, NULL };
static struct tc_load_conf conf;
static struct tc_err err;
static char *argv[WORDS_MAX + 1];

static int parse(bool can_serve, const char *const *words)
{
    int argc = 1;
    argv[0] = (char[]){ "bench" };
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    conf = (struct tc_load_conf){ .program = "bench", .dialects = dialects };
    return tc_load_args(&conf, argc, argv, can_serve, &err);
}

Test(load_args, defaults)
{
    /* Goal: no word is needed where a server can be started; without that --connect is. */
    cr_assert_eq(parse(true, (const char *[]){ NULL }), TC_OK);
    cr_assert(conf.dialect == &tc_load_tickcast && conf.conn_cnt == 1000 && conf.room_cnt == 1);
    cr_assert_str_eq(conf.path, "/ws");
    cr_assert_eq(parse(false, (const char *[]){ NULL }), -TC_EINVAL);
    cr_assert(strstr(err.text, "--connect"));
}

Test(load_args, values_and_rooms)
{
    /* Goal: every kind of option takes its value, and names of rooms may stand anywhere. */
    const char *words[] = { "a",        "--connect", "h:1",       "--conns", "5",
                            "b",        "--tls",     "--pid",     "7,8",     "c",
                            "--follow", "3",         "--dialect", "grpc",    NULL };
    cr_assert_eq(parse(false, words), TC_OK, "%s", err.text);
    cr_assert(conf.room_cnt == 3 && strcmp(conf.room_names[0], "a") == 0 &&
              strcmp(conf.room_names[1], "b") == 0 && strcmp(conf.room_names[2], "c") == 0);
    cr_assert(conf.conn_cnt == 5 && conf.follow_cnt == 3 && conf.is_tls);
    cr_assert(conf.pid_cnt == 2 && conf.pids[0] == 7 && conf.pids[1] == 8);
    cr_assert(conf.dialect == &tc_load_grpc && conf.path == NULL);
}

Test(load_args, refusals)
{
    /* Goal: what cannot be is told by the name of its option. */
    const struct {
        const char *words[6];
        const char *part;
    } rows[] = {
        { { "--conns", "0" }, "--conns" },
        { { "--conns", "1000001" }, "--conns" },
        { { "--conns", "5x" }, "--conns" },
        { { "--rooms" }, "--rooms needs" },
        { { "--winows", "5" }, "--windows" },
        { { "--pid", "" }, "--pid" },
        { { "--pid", "1,," }, "--pid" },
        { { "--pid", "0" }, "--pid" },
        { { "--dialect", "x" }, "tickcast, grpc, raw" },
        { { "--path", "ws" }, "--path" },
        { { "--path", "/x", "--dialect", "grpc" }, "--path" },
        { { "--room", "" }, "--room" },
        { { "" }, "room" },
        { { "--follow", "2" }, "--follow" },
        { { "--churn", "2", "--idle" }, "--churn" },
        { { "--streams", "2" }, "--streams" },
        { { "--slow", "9", "--conns", "9" }, "--slow" },
        { { "--procs", "3", "--conns", "2" }, "--procs" },
        { { "--rate", "3", "--connect", "h:1" }, "--rate" },
        { { "--tls" }, "--tls" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_assert_eq(parse(true, rows[i].words), -TC_EINVAL, "row %zu", i);
        cr_assert(strstr(err.text, rows[i].part), "row %zu: %s", i, err.text);
    }
}

static int resolve(const char *connect)
{
    conf = (struct tc_load_conf){ .connect = connect, .proc_cnt = 2 };
    return tc_load_resolve(&conf, &err);
}

Test(load_args, addresses)
{
    /* Goal: addresses of both families; anything without host and port is refused. */
    cr_assert_eq(resolve("127.0.0.1:8080"), TC_OK, "%s", err.text);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&conf.targets[0].to;
    cr_assert(v4->sin_family == AF_INET && ntohs(v4->sin_port) == 8080);
    cr_assert_eq(resolve("[::1]:9"), TC_OK, "%s", err.text);
    cr_assert_eq(conf.targets[0].to.ss_family, AF_INET6);
    const char *rows[] = { "", "host", ":80", "host:", "host:123456" };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert_eq(resolve(rows[i]), -TC_EINVAL, "%s", rows[i]);
    cr_assert_eq(resolve("127.0.0.1:port"), -TC_EIO);
    cr_assert_eq(resolve("127.0.0.1:1,127.0.0.1:2"), TC_OK, "%s", err.text);
    cr_assert_eq(conf.target_cnt, 2);
    cr_assert_str_eq(conf.targets[1].host, "127.0.0.1:2");
    cr_assert_eq(resolve("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"), -TC_EINVAL);
    cr_assert(strstr(err.text, "--procs"), "%s", err.text);
}

Test(load_args, shares)
{
    /* Goal: shares are even, follow on each other and make the whole. */
    uint32_t next = 0;
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t first = 0;
        uint32_t cnt = tc_load_share(100, i, 6, &first);
        cr_assert(first == next && (cnt == 16 || cnt == 17));
        next += cnt;
    }
    cr_assert_eq(next, 100);
    conf.churn_per_s = 51;
    cr_assert_eq(tc_load_churn_conns(&conf), 2);
}
