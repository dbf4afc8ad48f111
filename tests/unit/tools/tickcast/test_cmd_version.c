// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/base/base.h"
#include "tools/tickcast/cmd.h"

Test(cmd_version, usage)
{
    /* Goal: text and JSON are printed, anything else is refused. */
    cr_assert_eq(tc_cmd_version(1, (char *[]){ "version", NULL }), TC_EXIT_OK);
    cr_assert_eq(tc_cmd_version(2, (char *[]){ "version", "--json", NULL }), TC_EXIT_OK);
    cr_assert_eq(tc_cmd_version(2, (char *[]){ "version", "-h", NULL }), TC_EXIT_OK);
    cr_assert_eq(tc_cmd_version(2, (char *[]){ "version", "x", NULL }), TC_EXIT_USAGE);
    cr_assert_eq(tc_cmd_version(3, (char *[]){ "version", "--json", "x", NULL }), TC_EXIT_USAGE);
}
