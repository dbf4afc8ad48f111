// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/base/base.h"
#include "tools/tickcast/cmd.h"

static int run(char *const *words)
{
    char *argv[8] = { "tickcast" };
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    return tc_main(argc, argv);
}

Test(tickcast, finds_commands)
{
    /* Goal: each command of the table is found and explains itself; help leads to the same. */
    for (const struct tc_subcommand *cmd = tc_subcommands; cmd->name; cmd++) {
        char *name = (char *)(uintptr_t)cmd->name;
        cr_expect_eq(run((char *[]){ name, "--help", NULL }), TC_EXIT_OK, "%s", name);
        cr_expect_eq(run((char *[]){ "help", name, NULL }), TC_EXIT_OK, "%s", name);
        cr_expect_leq(strlen(cmd->summary), 72, "%s", name);
    }
    cr_assert_eq(run((char *[]){ "--help", NULL }), TC_EXIT_OK);
    cr_assert_eq(run((char *[]){ "--version", NULL }), TC_EXIT_OK);
}

Test(tickcast, usage)
{
    /* Goal: no command, or one that there is not, is a usage error. */
    cr_assert_eq(run((char *[]){ NULL }), TC_EXIT_USAGE);
    cr_assert_eq(run((char *[]){ "fly", NULL }), TC_EXIT_USAGE);
    cr_assert_eq(run((char *[]){ "check-confg", "x", NULL }), TC_EXIT_USAGE);
    cr_assert_eq(run((char *[]){ "help", "fly", NULL }), TC_EXIT_USAGE);
    cr_assert_eq(run((char *[]){ "version", "--fast", NULL }), TC_EXIT_USAGE);
}
