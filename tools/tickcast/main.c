// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/cmd.h"

int main(int argc, char **argv)
{
    return tc_main(argc, argv);
}
