// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/transcode/lex.h"

static struct tc_lex lex_of(const char *text, size_t len)
{
    return (struct tc_lex){ text, text + len };
}

Test(lex, verdicts)
{
    /* goal: what is one value of JSON and what is not, at every length of it */
    static const struct {
        const char *text;
        bool is_json;
    } cases[] = {
        { "{}", true },
        { "[ ]", true },
        { "{\"a\":[1,2.5e-3,\"x\",true,null,{\"b\":false}]}", true },
        { "-0", true },
        { "0.10E+5", true },
        { "\"\\u20ac\\ud83d\\ude00\\\\\\n\"", true },
        { "01", false },
        { "1.", false },
        { ".5", false },
        { "-", false },
        { "+1", false },
        { "1e", false },
        { "{\"a\"}", false },
        { "{\"a\":}", false },
        { "{a:1}", false },
        { "{,}", false },
        { "[,]", false },
        { "[1,]", false },
        { "{\"a\":1,}", false },
        { "[1}", false },
        { "\"\\x\"", false },
        { "\"\\u12g4\"", false },
        { "\"\\ud800\"", false },
        { "\"\\ud800\\u0041\"", false },
        { "\"\\udc00\"", false },
        { "\"a\nb\"", false },
        { "truE", false },
        { "", false },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        size_t len = strlen(cases[i].text);
        struct tc_lex lex = lex_of(cases[i].text, len);
        bool is_json = tc_lex_skip(&lex, 8) == TC_OK && lex.at == lex.end;
        cr_expect_eq(is_json, cases[i].is_json, "%s", cases[i].text);
        for (size_t cut = 0; cut < len && cases[i].text[0] > '9'; cut++) {
            lex = lex_of(cases[i].text, cut);
            cr_expect_lt(tc_lex_skip(&lex, 8), 0, "%s cut at %zu", cases[i].text, cut);
        }
    }
}

Test(lex, depth)
{
    /* goal: a value at the depth passes, a deeper one does not */
    struct tc_lex lex = lex_of("[[{}]]", 6);
    cr_expect_eq(tc_lex_skip(&lex, 3), TC_OK);
    lex = lex_of("[[{}]]", 6);
    cr_expect_eq(tc_lex_skip(&lex, 2), -TC_EDEPTH);
    lex = lex_of("7", 1);
    cr_expect_eq(tc_lex_skip(&lex, 0), TC_OK);
}

Test(lex, unescape)
{
    /* goal: every escape becomes its character, of 1 to 4 bytes */
    static const char text[] = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00f6\\u20AC\\uD83D\\ude00\"";
    static const char want[] = "\"\\/\b\f\n\r\tA\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80";
    struct tc_lex lex = lex_of(text, sizeof(text) - 1);
    struct tc_lex_text string;
    char out[sizeof(text)];
    cr_assert_eq(tc_lex_string(&lex, &string), TC_OK);
    cr_assert(string.has_escape && lex.at == lex.end);
    size_t len = tc_lex_unescape(string, out);
    cr_expect(tc_str_eq((struct tc_str){ out, len }, TC_STR(want)));
}

Test(lex, members)
{
    /* goal: members and elements one by one, with white space anywhere */
    static const char text[] = " { \"a\" : 1 ,\n\"b\":[ 2 ,3 ] } ";
    struct tc_lex lex = lex_of(text, sizeof(text) - 1);
    struct tc_lex_text name;
    struct tc_str number;
    bool is_first = true;
    bool is_first_element = true;
    cr_assert(tc_lex_take(&lex, '{'));
    cr_assert_eq(tc_lex_member(&lex, &is_first, &name), 1);
    cr_expect(tc_str_eq(name.raw, TC_STR("a")));
    cr_expect(tc_lex_number(&lex, &number) == TC_OK && tc_str_eq(number, TC_STR("1")));
    cr_assert_eq(tc_lex_member(&lex, &is_first, &name), 1);
    cr_assert(tc_lex_take(&lex, '['));
    cr_assert_eq(tc_lex_element(&lex, &is_first_element), 1);
    cr_expect(tc_lex_number(&lex, &number) == TC_OK && tc_str_eq(number, TC_STR("2")));
    cr_assert_eq(tc_lex_element(&lex, &is_first_element), 1);
    cr_expect(tc_lex_number(&lex, &number) == TC_OK && tc_str_eq(number, TC_STR("3")));
    cr_expect_eq(tc_lex_element(&lex, &is_first_element), 0);
    cr_expect_eq(tc_lex_member(&lex, &is_first, &name), 0);
    cr_expect_eq(tc_lex_peek(&lex), 0);
    cr_expect_eq(lex.at, lex.end);
}
