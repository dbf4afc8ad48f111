// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/json/pool.h"

static void open_pool(void)
{
    pool_open(65536);
}

TestSuite(json, .init = open_pool, .fini = pool_close);

static int check(const char *text, uint32_t depth_max)
{
    return tc_json_check(&pool, text, strlen(text), depth_max);
}

Test(json, verdicts)
{
    /* goal: what is JSON and what is not, and why */
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        { "{}", 0 },
        { " [1, 2.5e-3, \"x\", true, null] \n", 0 },
        { "0.1000000000000000000000000000001", 0 },
        { "\"k\xc3\xb6nig \\u20ac \\ud83d\\ude00\"", 0 },
        { "", -TC_EINVAL },
        { "  ", -TC_EINVAL },
        { "{} {}", -TC_EINVAL },
        { "{\"a\":1,}", -TC_EINVAL },
        { "[1,2", -TC_EINVAL },
        { "nul", -TC_EINVAL },
        { "NaN", -TC_EINVAL },
        { "01", -TC_EINVAL },
        { "+1", -TC_EINVAL },
        { "// x\n1", -TC_EINVAL },
        { "'a'", -TC_EINVAL },
        { "\"a\nb\"", -TC_EINVAL },
        { "\"\\ud800\"", -TC_EINVAL },
        { "\xef\xbb\xbf{}", -TC_EINVAL },
        { "\"\xc3(\"", -TC_EUTF8 },
        { "\"\xed\xa0\x80\"", -TC_EUTF8 },
        { "\xff", -TC_EUTF8 },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++)
        cr_expect_eq(check(cases[i].text, 16), cases[i].rc, "%s: %d", cases[i].text,
                     check(cases[i].text, 16));
    cr_expect_eq(tc_json_check(&pool, "1\0", 2, 16), -TC_EINVAL);
}

Test(json, depth)
{
    /* goal: depth counts arrays and objects, closed ones no more */
    cr_expect_eq(check("1", 0), 0);
    cr_expect_eq(check("[]", 0), -TC_EDEPTH);
    cr_expect_eq(check("[[],[],{}]", 2), 0);
    cr_expect_eq(check("[[],[[]],{}]", 2), -TC_EDEPTH);
    cr_expect_eq(check("{\"a\":{\"b\":[1]}}", 3), 0);
    cr_expect_eq(check("{\"a\":{\"b\":[1]}}", 2), -TC_EDEPTH);
    cr_expect_eq(check("[[[]],1,[[[]]]]", 4), 0);
    cr_expect_eq(check("[[[]],1,[[[]]]]", 3), -TC_EDEPTH);
}

Test(json, hostile_sizes)
{
    /* goal: the pool bounds memory: depth bombs, rows of values and longest values are judged */
    static char text[65537];
    memset(text, '[', 65536);
    cr_expect_eq(tc_json_check(&pool, text, 65536, 16), -TC_EINVAL);
    memset(text + 32768, ']', 32768);
    cr_expect_eq(tc_json_check(&pool, text, 65536, 16), -TC_EDEPTH);
    cr_expect_eq(tc_json_check(&pool, text, 65537, 16), -TC_ELIMIT);
    text[0] = '[';
    for (size_t i = 1; i < 65535; i += 2)
        memcpy(text + i, "1,", 2);
    memcpy(text + 65533, "1]", 2);
    cr_expect_eq(tc_json_check(&pool, text, 65535, 16), 0);
    memset(text, 'a', 65536);
    text[0] = text[65535] = '"';
    cr_expect_eq(tc_json_check(&pool, text, 65536, 16), 0);
}

Test(json, fields)
{
    /* goal: text of members at dotted paths; numbers keep their text */
    static const char text[] = "{\"s\":\"BTC\",\"data\":{\"s\":\"E\\u0054H\",\"p\":0.10,\"t\":true,"
                               "\"n\":null,\"l\":[{\"s\":1}],\"big\":12345678901234567890123}}";
    static const char *const cases[][2] = {
        { "s", "BTC" },
        { "data.s", "ETH" },
        { "data.p", "0.10" },
        { "data.t", "true" },
        { "data.big", "12345678901234567890123" },
        { "data.n", NULL },
        { "data.l", NULL },
        { "data.l.s", NULL },
        { "data", NULL },
        { "x", NULL },
        { "s.x", NULL },
        { "data.s.x", NULL },
    };
    struct yyjson_val *root;
    cr_assert_eq(tc_json_parse(&pool, text, sizeof(text) - 1, 16, &root), 0);
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        struct tc_str got = { NULL, 0 };
        bool has = tc_json_text(tc_json_at(root, tc_str_from(cases[i][0])), &got);
        cr_expect_eq(has, cases[i][1] != NULL, "%s", cases[i][0]);
        if (has)
            cr_expect(tc_str_eq(got, tc_str_from(cases[i][1])), "%s", cases[i][0]);
    }
    cr_assert_eq(check("{", 16), -TC_EINVAL);
}

Test(json, escape)
{
    /* goal: what is written parses back to the same text; bad bytes are replaced; room is kept */
    char out[64];
    static const char text[] = "a\"b\\c\n\t\x01 k\xc3\xb6\xf0\x9f\x98\x80/";
    static const char want[] = "a\\\"b\\\\c\\n\\t\\u0001 k\xc3\xb6\xf0\x9f\x98\x80/";
    size_t len = tc_json_escape(out, sizeof(out), tc_str_from(text));
    cr_assert(len == sizeof(want) - 1 && memcmp(out, want, len) == 0);
    for (size_t cap = 0; cap < len; cap++)
        cr_assert_eq(tc_json_escape(out, cap, tc_str_from(text)), TC_JSON_NO_ROOM);
    len = tc_json_escape(out, sizeof(out), TC_STR("a\xff\xc3"));
    cr_assert(len == 7 && memcmp(out, "a\xef\xbf\xbd\xef\xbf\xbd", 7) == 0);
    for (unsigned c = 1; c < 0x80; c++) {
        char quoted[16] = "\"";
        char byte = (char)c;
        struct tc_str got;
        struct yyjson_val *root;
        len = tc_json_escape(quoted + 1, 8, (struct tc_str){ &byte, 1 });
        quoted[len + 1] = '"';
        cr_assert_eq(tc_json_parse(&pool, quoted, len + 2, 0, &root), 0, "%u", c);
        cr_assert(tc_json_text(root, &got) && got.len == 1 && got.ptr[0] == byte);
    }
}
