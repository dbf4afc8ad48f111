// SPDX-License-Identifier: Apache-2.0
/* Goal: a kind of source in the configuration leads to the code of that kind. */
#include "io/source/source.h"

#include <criterion/criterion.h>

Test(source_table, rows)
{
    /* Goal: each kind has its own row, by the name that the configuration uses, with every
     * operation. */
    static const char *const kinds[] = {
        [TC_SOURCE_KAFKA] = "kafka",
        [TC_SOURCE_SYNTH] = "synth",
        [TC_SOURCE_REPLAY] = "replay",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(kinds); i++) {
        const struct tc_source_ops *ops = tc_source_table[i];
        cr_assert_not_null(ops, "%s", kinds[i]);
        cr_expect_str_eq(ops->kind, kinds[i]);
        cr_expect(ops->open && ops->poll && ops->wake_fd && ops->wake_at_ns && ops->stats &&
                      ops->close,
                  "%s", kinds[i]);
    }
}
