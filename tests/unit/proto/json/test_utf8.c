// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/json/utf8.h"

/* Bytes of code point cp as UTF-8, by the book; surrogates and beyond too. */
static size_t encode(uint32_t cp, uint8_t *out)
{
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    size_t more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    static const uint8_t first[] = { 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = more; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (cp & 0x3f));
        cp >>= 6;
    }
    out[0] = (uint8_t)(first[more] | cp);
    return more + 1;
}

Test(utf8, every_code_point)
{
    /* goal: all code points pass but surrogates and those past the end */
    for (uint32_t cp = 0; cp < 0x120000; cp++) {
        uint8_t text[4];
        size_t len = encode(cp, text);
        bool is_legal = (cp < 0xd800 || cp > 0xdfff) && cp < 0x110000;
        cr_assert_eq(tc_utf8_check(text, len), is_legal, "U+%x", cp);
    }
}

Test(utf8, bad_bytes)
{
    /* goal: overlong forms, stray and missing continuations, bytes that never occur */
    static const char *const bad[] = { "\x80",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xe0\x9f\xbf",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "\xc3",
                                       "\xe2\x82",
                                       "a\xc3(",
                                       "12345678\xed\xa0\x80" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect(!tc_utf8_check(bad[i], strlen(bad[i])), "%zu", i);
    cr_assert(tc_utf8_check("", 0));
}

Test(utf8, pieces_agree_with_the_whole)
{
    /* goal: any cut of a text gives the verdict of the whole, and a bad byte is found at once */
    static const char text[] = "plain text, k\xc3\xb6nig, \xe2\x82\xac, \xf0\x9f\x98\x80 and on";
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct tc_utf8 s = { 0 };
        cr_assert(tc_utf8_feed(&s, text, cut) && tc_utf8_feed(&s, text + cut, sizeof(text) - cut));
        cr_assert(tc_utf8_is_whole(&s));
    }
    struct tc_utf8 s = { 0 };
    cr_assert(tc_utf8_feed(&s, "\xed", 1));
    cr_assert(!tc_utf8_is_whole(&s));
    cr_assert(!tc_utf8_feed(&s, "\xa0", 1));
}
