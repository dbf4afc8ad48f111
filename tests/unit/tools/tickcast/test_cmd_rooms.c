// SPDX-License-Identifier: Apache-2.0
#include "core/base/limits.h"
#include "tests/unit/tools/tickcast/engine.h"

TestSuite(cmd_rooms, .fini = engine_clean);

static int run(char *const *words)
{
    return capture(tc_cmd_rooms, words);
}

Test(cmd_rooms, usage)
{
    /* Goal: a wrong command line ends with 2 before anything is sent; help is no error. */
    char prefix[TC_ROOM_NAME_MAX + 2] = { 0 };
    char *rows[][5] = {
        { "ws://127.0.0.1:8080/ws", NULL }, { "http://a", "http://b", NULL },
        { "--limit", "0", NULL },           { "--limit", "x", NULL },
        { "--prefix", prefix, NULL },       { "--unknown", NULL },
    };
    memset(prefix, 'a', sizeof(prefix) - 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert_eq(run(rows[i]), 2, "row %zu", i);
    cr_assert_eq(run((char *[]){ "--help", NULL }), 0);
}

Test(cmd_rooms, nobody_there)
{
    /* Goal: an engine that cannot be reached is 4, with advice. */
    cr_assert_eq(run((char *[]){ "http://127.0.0.1:1", NULL }), 4);
    cr_assert(strstr(captured, "tickcast demo"), "%s", captured);
}

static struct child engine;

Test(cmd_rooms, lists)
{
    /* Goal: a row for each room, as --prefix, --limit and --json say; a refusal is 4. */
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", engine_start(&engine, 0));
    do
        cr_assert_eq(run((char *[]){ url, NULL }), 0, "%s", captured);
    while (!strstr(captured, "ticker-S1\tmain/synth/0@"));
    cr_assert_eq(run((char *[]){ url, "--prefix", "ticker-S0", "--json", NULL }), 0);
    cr_assert_eq(strncmp(captured, "{\"name\":\"ticker-S0\",\"log\":\"main/synth/0@", 39), 0, "%s",
                 captured);
    cr_assert_eq(run((char *[]){ url, "--limit", "1", NULL }), 0);
    cr_assert_eq(strchr(captured, '\n'), captured + strlen(captured) - 1, "%s", captured);
    cr_assert_eq(run((char *[]){ url, "--prefix", "\xff", NULL }), 4);
    cr_assert(strstr(captured, "INVALID_ARGUMENT"), "%s", captured);
    cr_assert_eq(child_end(&engine, SIGTERM), 0);
}
