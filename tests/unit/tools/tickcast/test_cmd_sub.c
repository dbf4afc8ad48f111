// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/tickcast/engine.h"
#include "tools/tickcast/cmd.h"

TestSuite(cmd_sub, .fini = engine_clean);

static int run(char *const *words)
{
    return capture(tc_cmd_sub, words);
}

Test(cmd_sub, usage)
{
    /* Goal: a wrong command line ends with 2 before anything is sent. */
    char *rows[][5] = {
        { NULL },
        { "a b", NULL },
        { "a", "--count", "0", NULL },
        { "a", "--count", "x", NULL },
        { "a", "--seconds", "-1", NULL },
        { "a", "--url", "http://a/", NULL },
        { "a", "--from", "nowhere", NULL },
        { "a", "--from", "log:x", NULL },
        { "a", "--from", ":5", NULL },
        { "a", "--unknown", NULL },
        { "a", "--grpc", "--url", "ws://a/ws", NULL },
        { "a", "--grpc", "--url", "http://a/ws", NULL },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert_eq(run(rows[i]), 2, "row %zu", i);
}

Test(cmd_sub, help)
{
    /* Goal: help is no error. */
    cr_assert_eq(run((char *[]){ "--help", NULL }), 0);
}

Test(cmd_sub, nobody_there)
{
    /* Goal: an engine that cannot be reached is 4. */
    cr_assert_eq(run((char *[]){ "a", "--url", "ws://127.0.0.1:1/ws", NULL }), 4);
    cr_assert_eq(run((char *[]){ "a", "--grpc", "--url", "http://127.0.0.1:1", NULL }), 4);
}

static struct child engine;
static struct child sub;
static char url[64];
static char grpc_url[64];

static void set_url(unsigned port)
{
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", port);
    snprintf(grpc_url, sizeof(grpc_url), "http://127.0.0.1:%u", port);
}

Test(cmd_sub, one_room_refused)
{
    /* Goal: a room that the engine refuses is 4, and named, though another one was served. */
    char *refused[] = { "orders-1", "ticker-S0", "--url", url, "--seconds", "1", "--quiet", NULL };
    set_url(engine_start(&engine, 0));
    cr_assert_eq(run(refused + 1), 0, "%s", captured);
    cr_assert_eq(run(refused), 4, "%s", captured);
    cr_assert(strstr(captured, "the engine refused 1 of 2 rooms: orders-1\n"), "%s", captured);
    cr_assert_not(strstr(captured, "not connected"), "%s", captured);
    cr_assert_eq(child_end(&engine, SIGTERM), 0);
}

Test(cmd_sub, engine_gone_at_the_end)
{
    /* Goal: an engine that is gone when the time is up, or at a signal, is 4, and said with
     * --quiet too. */
    char *words[] = {
        "sub", "ticker-S0", "--url", url, "--json", "--quiet", "--seconds", "2", NULL
    };
    for (int argc = 6; argc <= 8; argc += 2) { /* without --seconds, then with them */
        set_url(engine_start(&engine, 0));
        child_start(&sub, tc_cmd_sub, argc, words);
        child_expect(&sub, "subscription-confirmed");
        child_end(&engine, SIGKILL);
        child_expect(&sub, "tickcast sub: ");
        if (argc == 8)
            child_expect(&sub, "not connected at the end: ");
        cr_assert_eq(child_end(&sub, argc == 8 ? 0 : SIGINT), 4, "%s", sub.text);
    }
}

static void check_engine_back(int argc, char **words)
{
    unsigned port = engine_start(&engine, 0);
    set_url(port);
    child_start(&sub, tc_cmd_sub, argc, words);
    child_expect(&sub, "subscription-confirmed");
    child_end(&engine, SIGKILL);
    engine_start(&engine, port);
    child_expect(&sub, "connected again");
    child_expect(&sub, "cannot-recover");
    cr_assert_eq(child_end(&sub, SIGTERM), 0, "%s", sub.text);
    cr_assert_eq(child_end(&engine, SIGTERM), 0);
}

Test(cmd_sub, engine_back)
{
    /* Goal: a connection that broke and was made anew is no failure. */
    check_engine_back(6, (char *[]){ "sub", "ticker-S0", "--url", url, "--json", "--quiet", NULL });
}

Test(cmd_sub, engine_back_grpc)
{
    /* Goal: the same over gRPC. */
    check_engine_back(7, (char *[]){ "sub", "ticker-S0", "--grpc", "--url", grpc_url, "--json",
                                     "--quiet", NULL });
}

Test(cmd_sub, grpc)
{
    /* Goal: over gRPC the updates are proved, and a refused room is 4 and named. */
    char *words[] = { "orders-1", "ticker-S0", "--grpc", "--url", grpc_url, "--count", "5", NULL };
    set_url(engine_start(&engine, 0));
    cr_assert_eq(run(words + 1), 0, "%s", captured);
    cr_assert(strstr(captured, "4 proved to follow"), "%s", captured);
    cr_assert_eq(run(words), 4, "%s", captured);
    cr_assert(strstr(captured, "the engine refused 1 of 2 rooms: orders-1\n"), "%s", captured);
    cr_assert_eq(child_end(&engine, SIGTERM), 0);
}
