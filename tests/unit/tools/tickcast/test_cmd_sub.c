// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "tests/unit/tools/tickcast/child.h"
#include "tools/tickcast/cmd.h"

static char conf_name[] = "/tmp/tickcast-test-XXXXXX";

static void teardown(void)
{
    unlink(conf_name);
}

TestSuite(cmd_sub, .fini = teardown);

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
}

/* An engine with rooms ticker-S0 ... at 127.0.0.1:port (0: any free one); its port. */
static unsigned start_engine(struct child *engine, unsigned port)
{
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "listen: \"127.0.0.1:%u\"\nadmin: { listen: \"127.0.0.1:0\" }\n"
                       "limits: { connections: 50, members: 500, rooms: 100 }\n"
                       "sources: [ { name: main, history: { bytes: 2097152, events: 4096 }, "
                       "synth: { rate: 200 } } ]\n",
                       port);
    int file = open(conf_name, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (file < 0)
        file = mkstemp(conf_name);
    cr_assert_eq(write(file, text, (size_t)len), len);
    close(file);
    child_start(engine, tc_cmd_run, 3, (char *[]){ "run", "--config", conf_name, NULL });
    const char *at = child_expect(engine, "\"listen\":\"127.0.0.1:");
    child_expect(engine, "\"code\":\"ready\"");
    return (unsigned)strtoul(at + 20, NULL, 10);
}

static struct child engine;
static struct child sub;
static char url[64];

static void set_url(unsigned port)
{
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", port);
}

Test(cmd_sub, one_room_refused)
{
    /* Goal: a room that the engine refuses is 4, and named, though another one was served. */
    char *refused[] = { "orders-1", "ticker-S0", "--url", url, "--seconds", "1", "--quiet", NULL };
    set_url(start_engine(&engine, 0));
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
        set_url(start_engine(&engine, 0));
        child_start(&sub, tc_cmd_sub, argc, words);
        child_expect(&sub, "subscription-confirmed");
        child_end(&engine, SIGKILL);
        child_expect(&sub, "tickcast sub: ");
        if (argc == 8)
            child_expect(&sub, "not connected at the end: ");
        cr_assert_eq(child_end(&sub, argc == 8 ? 0 : SIGINT), 4, "%s", sub.text);
    }
}

Test(cmd_sub, engine_back)
{
    /* Goal: a connection that broke and was made anew is no failure. */
    unsigned port = start_engine(&engine, 0);
    set_url(port);
    child_start(&sub, tc_cmd_sub, 6,
                (char *[]){ "sub", "ticker-S0", "--url", url, "--json", "--quiet", NULL });
    child_expect(&sub, "subscription-confirmed");
    child_end(&engine, SIGKILL);
    start_engine(&engine, port);
    child_expect(&sub, "connected again");
    child_expect(&sub, "cannot-recover");
    cr_assert_eq(child_end(&sub, SIGTERM), 0, "%s", sub.text);
    cr_assert_eq(child_end(&engine, SIGTERM), 0);
}
