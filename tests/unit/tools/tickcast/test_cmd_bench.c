// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/tickcast/capture.h"
#include "tools/tickcast/cmd.h"

static int run(char *const *words)
{
    return capture(tc_cmd_bench, words);
}

Test(cmd_bench, usage)
{
    /* Goal: help is no error and names each dialect; wrong words end with 2 and start nothing. */
    char *rows[][4] = {
        { "--conns", "0", NULL }, { "--dialect", "x", NULL }, { "--pid", "5", NULL },
        { "--unknown", NULL },    { "room", NULL },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert_eq(run(rows[i]), TC_EXIT_USAGE, "row %zu: %s", i, captured);
    cr_assert_eq(run((char *[]){ "--help", NULL }), TC_EXIT_OK);
    cr_assert(strstr(captured, "\n  tickcast ") && strstr(captured, "\n  grpc ") &&
                  strstr(captured, "\n  raw "),
              "%s", captured);
}
