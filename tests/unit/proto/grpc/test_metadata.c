// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/metadata.h"

#include <criterion/criterion.h>

Test(metadata, keys)
{
    /* Goal: the alphabet, byte by byte; the reserved beginning; the binary end */
    for (int c = 0; c < 256; c++) {
        char key[3] = { 'k', (char)c, 'k' };
        bool want = c != 0 && strchr("abcdefghijklmnopqrstuvwxyz0123456789_-.", c) != NULL;
        cr_expect_eq(tc_grpc_key_is_valid((struct tc_str){ key, 3 }), want, "%d", c);
    }
    cr_expect_not(tc_grpc_key_is_valid(TC_STR("")));
    cr_expect(tc_grpc_key_is_valid(TC_STR("-bin")));
    cr_expect(tc_grpc_key_is_reserved(TC_STR("grpc-x")));
    cr_expect(tc_grpc_key_is_reserved(TC_STR("grpc-")));
    cr_expect_not(tc_grpc_key_is_reserved(TC_STR("grpc")));
    cr_expect_not(tc_grpc_key_is_reserved(TC_STR("x-grpc-y")));
    cr_expect(tc_grpc_key_is_binary(TC_STR("trace-bin")));
    cr_expect(tc_grpc_key_is_binary(TC_STR("-bin")));
    cr_expect_not(tc_grpc_key_is_binary(TC_STR("bin")));
    cr_expect_not(tc_grpc_key_is_binary(TC_STR("trace-bin-x")));
}

Test(metadata, values)
{
    /* Goal: every byte on its own: 0x20 to 0x7e; spaces only inside; empty is fine */
    for (int c = 0; c < 256; c++) {
        char value[3] = { 'v', (char)c, 'v' };
        cr_expect_eq(tc_grpc_value_is_valid((struct tc_str){ value, 3 }), c >= 0x20 && c <= 0x7e,
                     "%d", c);
    }
    cr_expect(tc_grpc_value_is_valid(TC_STR("")));
    cr_expect_not(tc_grpc_value_is_valid(TC_STR(" ")));
    cr_expect_not(tc_grpc_value_is_valid(TC_STR(" a")));
    cr_expect_not(tc_grpc_value_is_valid(TC_STR("a ")));
}

/* The values as "<text>" in a row, "!" for one that is not base64, "^" for one that is too long. */
static const char *bin(struct tc_str values, size_t cap)
{
    static char log[256];
    size_t at = 0;
    int rc;
    do {
        uint8_t value[64];
        size_t len = 0;
        rc = tc_grpc_bin_next(&values, value, cap, &len);
        if (rc == 1) {
            log[at++] = '<';
            memcpy(log + at, value, len);
            at += len;
            log[at++] = '>';
        } else if (rc < 0) {
            log[at++] = rc == -TC_ELIMIT ? '^' : '!';
        }
    } while (rc != 0);
    cr_assert_null(values.ptr);
    log[at] = '\0';
    return log;
}

Test(metadata, binary_values)
{
    /* Goal: padded or not, several in one field, empty ones, blanks around the comma, bad ones; an
     * error does not hide what follows it */
    cr_expect_str_eq(bin(TC_STR("YQ"), 64), "<a>");
    cr_expect_str_eq(bin(TC_STR("YQ=="), 64), "<a>");
    cr_expect_str_eq(bin(TC_STR("YWI=,YWJj,YWJjZA"), 64), "<ab><abc><abcd>");
    cr_expect_str_eq(bin(TC_STR("YQ , \tYg=="), 64), "<a><b>");
    cr_expect_str_eq(bin(TC_STR(""), 64), "<>");
    cr_expect_str_eq(bin(TC_STR(",YQ,"), 64), "<><a><>");
    cr_expect_str_eq(bin((struct tc_str){ NULL, 0 }, 64), "");
    cr_expect_str_eq(bin(TC_STR("Y,YQ,Y-Q,YQ=,YQ==YQ==,Yg"), 64), "!<a>!!!<b>");
    cr_expect_str_eq(bin(TC_STR("YWJj,YWI,YWJjZA"), 3), "<abc><ab>^");
}

static int64_t timeout(const char *text)
{
    int64_t ns = -1;
    int rc = tc_grpc_timeout(tc_str_from(text), &ns);
    cr_assert(rc == TC_OK || rc == -TC_EINVAL);
    cr_assert_eq(rc == TC_OK, ns >= 0);
    return ns;
}

Test(metadata, timeouts)
{
    /* Goal: each unit; 1 to 8 digits; what is too long to count is the longest; all else refused */
    cr_expect_eq(timeout("1n"), 1);
    cr_expect_eq(timeout("20u"), 20000);
    cr_expect_eq(timeout("300m"), 300000000);
    cr_expect_eq(timeout("4S"), 4000000000);
    cr_expect_eq(timeout("5M"), 300000000000);
    cr_expect_eq(timeout("6H"), 21600000000000);
    cr_expect_eq(timeout("0S"), 0);
    cr_expect_eq(timeout("00000007n"), 7);
    cr_expect_eq(timeout("99999999S"), 99999999000000000);
    cr_expect_eq(timeout("76861433M"), 4611685980000000000);
    cr_expect_eq(timeout("76861434M"), TC_GRPC_TIMEOUT_MAX_NS);
    cr_expect_eq(timeout("99999999H"), TC_GRPC_TIMEOUT_MAX_NS);
    static const char *const bad[] = { "",     "S",   "1",   "100000000n", "-1S", "+1S", "1.5S",
                                       " 1S",  "1S ", "1 S", "1s",         "1h",  "1N",  "1Sm",
                                       "0x1S", "1ms", ":0S", "/0S",        "S1" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++)
        cr_expect_eq(timeout(bad[i]), -1, "%s", bad[i]);
}

Test(metadata, content_types)
{
    /* Goal: the kinds, the one format, any case, parameters; what only looks alike is not gRPC */
    static const struct {
        const char *text;
        enum tc_grpc_kind kind;
        bool is_proto;
    } rows[] = {
        { "application/grpc", TC_GRPC_KIND_GRPC, true },
        { "application/grpc+proto", TC_GRPC_KIND_GRPC, true },
        { "Application/GRPC+Proto", TC_GRPC_KIND_GRPC, true },
        { "application/grpc;charset=utf-8", TC_GRPC_KIND_GRPC, true },
        { "application/grpc+proto ; charset=utf-8", TC_GRPC_KIND_GRPC, true },
        { "application/grpc; x=a+b", TC_GRPC_KIND_GRPC, true },
        { "application/grpc+foo", TC_GRPC_KIND_GRPC, false },
        { "application/grpc+json; charset=utf-8", TC_GRPC_KIND_GRPC, false },
        { "application/grpc+", TC_GRPC_KIND_GRPC, false },
        { "application/grpc+proto+proto", TC_GRPC_KIND_GRPC, false },
        { "application/grpc-web", TC_GRPC_KIND_WEB, true },
        { "application/grpc-web+proto", TC_GRPC_KIND_WEB, true },
        { "application/grpc-web+thrift", TC_GRPC_KIND_WEB, false },
        { "application/grpc-web-text", TC_GRPC_KIND_WEB_TEXT, true },
        { "application/grpc-web-text+proto", TC_GRPC_KIND_WEB_TEXT, true },
        { "application/grpc-web-text-base64", TC_GRPC_KIND_WEB_TEXT, true },
        { "application/grpc-web-text+json", TC_GRPC_KIND_WEB_TEXT, false },
        { "", TC_GRPC_KIND_NONE, false },
        { ";", TC_GRPC_KIND_NONE, false },
        { "+proto", TC_GRPC_KIND_NONE, false },
        { "application/grp", TC_GRPC_KIND_NONE, false },
        { "application/grpcx", TC_GRPC_KIND_NONE, false },
        { "application/grpc-webx", TC_GRPC_KIND_NONE, false },
        { "application/json", TC_GRPC_KIND_NONE, false },
        { "image/jpeg", TC_GRPC_KIND_NONE, false },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        bool is_proto = !rows[i].is_proto;
        enum tc_grpc_kind kind = tc_grpc_content_type(tc_str_from(rows[i].text), &is_proto);
        cr_expect_eq(kind, rows[i].kind, "%s", rows[i].text);
        cr_expect_eq(is_proto, rows[i].is_proto, "%s", rows[i].text);
    }
}

Test(metadata, encodings)
{
    /* Goal: grpc-encoding and the list of grpc-accept-encoding */
    cr_expect_eq(tc_grpc_encoding_of((struct tc_str){ NULL, 0 }), TC_GRPC_ENCODING_IDENTITY);
    cr_expect_eq(tc_grpc_encoding_of(TC_STR("identity")), TC_GRPC_ENCODING_IDENTITY);
    cr_expect_eq(tc_grpc_encoding_of(TC_STR("gzip")), TC_GRPC_ENCODING_GZIP);
    cr_expect_eq(tc_grpc_encoding_of(TC_STR("deflate")), TC_GRPC_ENCODING_OTHER);
    cr_expect_eq(tc_grpc_encoding_of(TC_STR("gzip,identity")), TC_GRPC_ENCODING_OTHER);
    cr_expect(tc_grpc_accepts_gzip(TC_STR("gzip")));
    cr_expect(tc_grpc_accepts_gzip(TC_STR("identity,deflate,gzip")));
    cr_expect(tc_grpc_accepts_gzip(TC_STR("identity, gzip ,snappy")));
    cr_expect_not(tc_grpc_accepts_gzip(TC_STR("identity,deflate")));
    cr_expect_not(tc_grpc_accepts_gzip(TC_STR("xgzip,gzipx,gz ip")));
    cr_expect_not(tc_grpc_accepts_gzip(TC_STR(",")));
    cr_expect_not(tc_grpc_accepts_gzip(TC_STR("")));
    cr_expect_not(tc_grpc_accepts_gzip((struct tc_str){ NULL, 0 }));
}
