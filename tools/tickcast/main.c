// SPDX-License-Identifier: Apache-2.0
#include "proto/tls/tls.h"
#include "tools/tickcast/cmd.h"

int main(int argc, char **argv)
{
    int rc = tc_tls_use_budget();
    TC_ASSERT(rc == TC_OK);
    return tc_main(argc, argv);
}
