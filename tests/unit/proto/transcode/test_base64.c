// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "proto/grpc/base64.h"
#include "proto/transcode/base64.h"

Test(base64, vectors)
{
    /* goal: the vectors of RFC 4648, section 10, with and without padding */
    static const char *const cases[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        struct tc_str bytes = tc_str_from(cases[i][0]);
        struct tc_str text = tc_str_from(cases[i][1]);
        uint8_t back[16];
        size_t len;
        while (true) {
            cr_assert_eq(tc_base64_decode(back, &len, text), TC_OK, "%zu of %s", text.len,
                         text.ptr);
            cr_expect(tc_str_eq((struct tc_str){ (const char *)back, len }, bytes));
            if (text.len == 0 || text.ptr[text.len - 1] != '=')
                break;
            while (text.len > 0 && text.ptr[text.len - 1] == '=')
                text.len--;
        }
    }
}

Test(base64, alphabets)
{
    /* goal: all 64 values in both alphabets, where the text lies */
    char text[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char again[65];
    size_t len;
    cr_assert_eq(tc_base64_decode((uint8_t *)text, &len, (struct tc_str){ text, 64 }), TC_OK);
    cr_assert_eq(len, 48);
    cr_assert_eq(tc_grpc_base64_encode(again, sizeof(again), text, len, true), 64);
    cr_expect_eq(memcmp(again + 52, "0123456789+/", 12), 0);
}

Test(base64, refused)
{
    /* goal: characters, paddings and lengths that cannot be */
    static const char *const bad[] = { "A",    "AAAAA", "A===",  "AA=",  "=",    "==",   "AA==AA==",
                                       "A A=", "AA*=",  "AAA\n", "AA=A", "A=AA", "AAAA=" };
    uint8_t out[16];
    size_t len;
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_eq(tc_base64_decode(out, &len, tc_str_from(bad[i])), -TC_EINVAL, "%s", bad[i]);
}
