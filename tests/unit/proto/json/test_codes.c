// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/json/codes.h"

Test(codes, texts_are_as_promised)
{
    /* goal: the texts that programs compare; each once */
    cr_assert_str_eq(tc_code_text(TC_CODE_BAD_REQUEST), "bad-request");
    cr_assert_str_eq(tc_code_text(TC_CODE_INTERNAL), "internal");
    cr_assert_eq(TC_CODE_CNT, 11);
    for (enum tc_code a = 0; a < TC_CODE_CNT; a++) {
        for (enum tc_code b = 0; b < a; b++)
            cr_assert_str_neq(tc_code_text(a), tc_code_text(b));
    }
}
