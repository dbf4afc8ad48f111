// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/feed/ticks.h"

Test(ticks, same_seed_same_bytes)
{
    /* goal: two generators of one seed agree byte for byte, of another seed do not */
    struct tc_ticks_symbol sa[30], sb[30], sc[30];
    struct tc_ticks a, b, c;
    char ta[TC_TICKS_JSON_MAX], tb[TC_TICKS_JSON_MAX], tc[TC_TICKS_JSON_MAX];
    int differ = 0;
    tc_ticks_init(&a, sa, 30, 7, false);
    tc_ticks_init(&b, sb, 30, 7, false);
    tc_ticks_init(&c, sc, 30, 8, false);
    for (uint32_t i = 0; i < 3000; i++) {
        size_t na = tc_ticks_next(&a, i % 30, ta, sizeof(ta));
        size_t nb = tc_ticks_next(&b, i % 30, tb, sizeof(tb));
        size_t nc = tc_ticks_next(&c, i % 30, tc, sizeof(tc));
        cr_assert(na > 0 && na == nb && memcmp(ta, tb, na) == 0);
        differ += na != nc || memcmp(ta, tc, na) != 0;
    }
    cr_assert_gt(differ, 2900);
    cr_assert_str_eq(tc_ticks_name(&a, 0), "BTCUSDT");
    cr_assert_str_eq(tc_ticks_name(&a, 29), "S29");
}

Test(ticks, prices_are_decimal_text_with_a_spread)
{
    /* goal: the shape of a tick; bid < price < ask over a long walk; seq counts from 1 */
    struct tc_ticks_symbol s[1];
    struct tc_ticks t;
    char text[TC_TICKS_JSON_MAX + 1];
    tc_ticks_init(&t, s, 1, 1, true);
    for (uint64_t i = 1; i <= 100000; i++) {
        char name[16];
        unsigned long long p, pc, b, bc, a, ac, z, zc, seq;
        size_t n = tc_ticks_next(&t, 0, text, TC_TICKS_JSON_MAX);
        text[n] = 0;
        int got = sscanf(text,
                         "{\"symbol\":\"%15[^\"]\",\"price\":\"%llu.%2llu\",\"bid\":\"%llu.%2llu\","
                         "\"ask\":\"%llu.%2llu\",\"size\":\"%llu.%3llu\",\"seq\":%llu}",
                         name, &p, &pc, &b, &bc, &a, &ac, &z, &zc, &seq);
        cr_assert_eq(got, 10, "%s", text);
        cr_assert(b * 100 + bc < p * 100 + pc && p * 100 + pc < a * 100 + ac, "%s", text);
        cr_assert_eq(seq, i);
    }
}

Test(ticks, too_small_a_buffer_is_refused)
{
    /* goal: nothing is written beyond cap */
    struct tc_ticks_symbol s[1];
    struct tc_ticks t;
    char text[16] = "untouched";
    tc_ticks_init(&t, s, 1, 1, false);
    cr_assert_eq(tc_ticks_next(&t, 0, text, sizeof(text)), 0);
    cr_assert_str_eq(text, "untouched");
}
