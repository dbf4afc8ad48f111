// SPDX-License-Identifier: Apache-2.0
/* goal: docs/metrics.md is what the table of metrics says now. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/obs/metric.h"

enum { PAGE_MAX = 1 << 17 };

struct page {
    char text[PAGE_MAX];
    size_t len;
};

static struct page made;

static void append(void *ctx, const char *bytes, size_t len)
{
    struct page *page = ctx;
    cr_assert_lt(page->len + len, PAGE_MAX);
    memcpy(page->text + page->len, bytes, len);
    page->len += len;
}

Test(metric_page, is_up_to_date)
{
    /* goal: the page in the tree is the generated one */
    static char kept[PAGE_MAX];
    FILE *file = fopen("docs/metrics.md", "rb");
    cr_assert_not_null(file, "no docs/metrics.md");
    size_t len = fread(kept, 1, PAGE_MAX - 1, file);
    fclose(file);
    tc_metric_markdown(append, &made);
    cr_assert_eq(len, made.len, "build/release/tests/metrics-page > docs/metrics.md");
    cr_assert_eq(memcmp(kept, made.text, len), 0, "metrics-page > docs/metrics.md");
}
