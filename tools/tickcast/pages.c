// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/pages.h"

#include "tools/web/web.h"

bool tc_pages_find(struct tc_str path, struct tc_page *out)
{
    for (const struct tc_web_file *f = tc_web_files; f->path; f++) {
        if (tc_str_eq(path, tc_str_from(f->path))) {
            *out = (struct tc_page){ f->mime, f->data, f->len };
            return true;
        }
    }
    return false;
}
