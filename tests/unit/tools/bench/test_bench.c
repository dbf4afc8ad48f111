// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/tickcast/engine.h"
#include "tools/bench/bench.h"

TestSuite(load_bench, .fini = engine_clean);

static const struct tc_load_dialect *const dialects[] = { &tc_load_tickcast, &tc_load_grpc, NULL };

static int call(int argc, char **argv)
{
    const struct tc_load_face face = { "bench", "usage: bench\n", dialects, NULL };
    return tc_load_main(&face, argc, argv);
}

static int run(char *const *words)
{
    return capture(call, words);
}

Test(load_bench, help_and_usage)
{
    /* Goal: help lists the dialects; a wrong command line is 2, with advice. */
    cr_assert_eq(run((char *[]){ "--help", NULL }), TC_LOAD_OK);
    cr_assert(strstr(captured, "usage: bench") && strstr(captured, "\n  grpc "), "%s", captured);
    cr_assert_eq(run((char *[]){ "--conns", "5", NULL }), TC_LOAD_USAGE);
    cr_assert(strstr(captured, "--connect") && strstr(captured, "try: bench --help"));
}

Test(load_bench, refusals)
{
    /* Goal: nobody there is 4, a process that is not there 2. */
    cr_assert_eq(run((char *[]){ "--connect", "127.0.0.1:1", NULL }), TC_LOAD_REMOTE);
    cr_assert(strstr(captured, "Connection refused"), "%s", captured);
    cr_assert_eq(run((char *[]){ "--connect", "127.0.0.1:1", "--pid", "2147483647", NULL }),
                 TC_LOAD_USAGE);
}

static struct child engine;

Test(load_bench, measures)
{
    /* Goal: against an engine, windows come out of all processes, with a line each. */
    char address[64];
    snprintf(address, sizeof(address), "127.0.0.1:%u", engine_start(&engine, 0));
    char *words[] = { "--connect", address, "--conns",   "8",   "--procs",     "2",   "--json",
                      "--windows", "1",     "--warm-ms", "200", "--window-ms", "300", NULL };
    int code = run(words);
    cr_assert(code == TC_LOAD_OK || code == TC_LOAD_REMOTE, "%s", captured);
    cr_assert(strstr(captured, "{\"ready\":8,") && strstr(captured, "\"broken\":0,") &&
                  strstr(captured, "\"unexpected\":0,") && !strstr(captured, "\"deliveries\":0,"),
              "%s", captured);
    cr_assert_eq(child_end(&engine, SIGTERM), 0);
}
