// SPDX-License-Identifier: Apache-2.0
/* Goal: the files of tools/web, by their paths, byte for byte; nothing else is found. */
#include "tools/tickcast/pages.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tools/web/web.h"

Test(pages, files)
{
    /* Goal: each built-in file is found and is the file of the tree; "/" is the page. */
    static char bytes[1 << 20];
    struct tc_page page, root;
    cr_assert_gt(tc_web_file_cnt, 1);
    for (size_t i = 0; i < tc_web_file_cnt; i++) {
        const struct tc_web_file *f = &tc_web_files[i];
        char name[256];
        cr_assert(tc_pages_find(tc_str_from(f->path), &page), "%s", f->path);
        cr_expect_str_eq(page.mime, f->mime);
        snprintf(name, sizeof(name), "tools/web%s", strcmp(f->path, "/") ? f->path : "/index.html");
        FILE *in = fopen(name, "rb");
        if (!in)
            continue; /* run from elsewhere */
        cr_expect_eq(fread(bytes, 1, sizeof(bytes), in), page.len, "%s", name);
        cr_expect_arr_eq(bytes, page.bytes, page.len, "%s", name);
        fclose(in);
    }
    cr_assert(tc_pages_find(TC_STR("/"), &root));
    cr_assert(tc_pages_find(TC_STR("/index.html"), &page));
    cr_assert_str_eq(root.mime, "text/html; charset=utf-8");
    cr_assert(root.len == page.len && memcmp(root.bytes, page.bytes, page.len) == 0);
}

Test(pages, absent)
{
    /* Goal: a path must fit whole; ways out of the folder lead nowhere. */
    static const char *const paths[] = {
        "", "index.html", "/index.htm", "/index.html/", "/index.html?x", "/../index.html", "//",
    };
    struct tc_page page;
    for (size_t i = 0; i < TC_ARRAY_CNT(paths); i++)
        cr_expect_not(tc_pages_find(tc_str_from(paths[i]), &page), "%s", paths[i]);
}
