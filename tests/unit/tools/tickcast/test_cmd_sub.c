// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/base/base.h"
#include "tools/tickcast/cmd.h"

static int run(char *const *words)
{
    char *argv[16] = { "sub" };
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    return tc_cmd_sub(argc, argv);
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
