// SPDX-License-Identifier: Apache-2.0
/* metrics-page > docs/metrics.md: the page of core/obs/metric_table.h. A unit test says when it is
 * out of date. */
#include <stdio.h>

#include "core/obs/metric.h"

static void write_to(void *ctx, const char *bytes, size_t len)
{
    fwrite(bytes, 1, len, ctx);
}

int main(void)
{
    tc_metric_markdown(write_to, stdout);
    return fflush(stdout) == 0 ? 0 : 5;
}
