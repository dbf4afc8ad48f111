// SPDX-License-Identifier: Apache-2.0
#include "core/base/base.h"

#include <stdio.h>
#include <stdlib.h>

void tc_assert_fail(const char *cond, const char *file, int line)
{
    fprintf(stderr, "tickcast: assertion failed: %s (%s:%d)\n", cond, file, line);
    abort();
}
