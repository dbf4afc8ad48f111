// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen: the load generator of `tickcast bench` (tools/bench), with the dialects of the
 * peers added. */
#include "bench/loadgen_dialects/table.h"
#include "tools/bench/bench.h"

static const char usage[] =
    "usage: loadgen --connect HOST:PORT [options]\n"
    "\n"
    "As `tickcast bench`, whose --help explains the options, with more dialects.\n";

int main(int argc, char **argv)
{
    const struct tc_load_face face = { "loadgen", usage, loadgen_dialects, NULL };
    return tc_load_main(&face, argc, argv);
}
