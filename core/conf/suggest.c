// SPDX-License-Identifier: Apache-2.0
#include "core/conf/suggest.h"

#include "core/conf/value.h"

/* Edits between a and b, both at most TC_SUGGEST_WORD_MAX long (optimal string alignment). */
static uint32_t distance(struct tc_str a, struct tc_str b)
{
    uint32_t rows[3][TC_SUGGEST_WORD_MAX + 1];
    for (uint32_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a.len; i++) {
        uint32_t *now = rows[i % 3];
        const uint32_t *up = rows[(i + 2) % 3];
        const uint32_t *up2 = rows[(i + 1) % 3];
        now[0] = i;
        for (uint32_t j = 1; j <= b.len; j++) {
            char x = tc_value_lower(a.ptr[i - 1]);
            char y = tc_value_lower(b.ptr[j - 1]);
            uint32_t best = up[j - 1] + (x != y);
            best = TC_MIN(best, up[j] + 1);
            best = TC_MIN(best, now[j - 1] + 1);
            if (i > 1 && j > 1 && x == tc_value_lower(b.ptr[j - 2]) &&
                tc_value_lower(a.ptr[i - 2]) == y)
                best = TC_MIN(best, up2[j - 2] + 1);
            now[j] = best;
        }
    }
    return rows[a.len % 3][b.len];
}

void tc_suggest_try(struct tc_suggest *suggest, struct tc_str name)
{
    if (suggest->word.len == 0 || suggest->word.len > TC_SUGGEST_WORD_MAX ||
        name.len > TC_SUGGEST_WORD_MAX)
        return;
    uint32_t edits = distance(suggest->word, name);
    /* a third of the word may be wrong, or its end missing */
    bool is_near = edits <= TC_MAX(1, TC_MAX(suggest->word.len, name.len) / 3) ||
                   (suggest->word.len >= 4 && tc_str_starts(name, suggest->word));
    if (is_near && (suggest->best.len == 0 || edits < suggest->edits)) {
        suggest->best = name;
        suggest->edits = edits;
    }
}
