// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/conf/suggest.h"

static const char *best_of(const char *word)
{
    static const char *const names[] = { "listen", "limits", "workers", "topology", "class" };
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(word));
    for (size_t i = 0; i < TC_ARRAY_CNT(names); i++)
        tc_suggest_try(&suggest, tc_str_from(names[i]));
    return suggest.best.len ? suggest.best.ptr : "";
}

Test(suggest, near_words)
{
    /* Goal: a slip of the keyboard finds its word, something else finds none. */
    cr_expect_str_eq(best_of("listne"), "listen");
    cr_expect_str_eq(best_of("limit"), "limits");
    cr_expect_str_eq(best_of("WORKERS"), "workers");
    cr_expect_str_eq(best_of("worker"), "workers");
    cr_expect_str_eq(best_of("topo"), "topology");
    cr_expect_str_eq(best_of("calss"), "class");
    cr_expect_str_eq(best_of("colour"), "");
    cr_expect_str_eq(best_of(""), "");
}

Test(suggest, long_words)
{
    /* Goal: words beyond the bound are left alone, at the bound they are compared. */
    char word[TC_SUGGEST_WORD_MAX + 2];
    memset(word, 'a', sizeof(word));
    word[TC_SUGGEST_WORD_MAX + 1] = '\0';
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(word));
    tc_suggest_try(&suggest, tc_str_from(word));
    cr_assert_eq(suggest.best.len, 0);
    suggest = tc_suggest_for((struct tc_str){ word, TC_SUGGEST_WORD_MAX });
    tc_suggest_try(&suggest, (struct tc_str){ word, TC_SUGGEST_WORD_MAX - 1 });
    cr_assert_eq(suggest.edits, 1);
}
