// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/status.h"

#include <criterion/criterion.h>

static char out[1024];

static const char *encode(const char *text)
{
    size_t len = tc_grpc_percent_encode(out, sizeof(out) - 1, tc_str_from(text));
    out[len] = '\0';
    return out;
}

static const char *decode(const char *text)
{
    size_t len = tc_grpc_percent_decode(out, sizeof(out) - 1, tc_str_from(text));
    out[len] = '\0';
    return out;
}

Test(status, names_and_numbers)
{
    /* Goal: gRPC's numbers and names; each name once */
    cr_assert_eq(TC_GRPC_OK, 0);
    cr_assert_eq(TC_GRPC_DEADLINE_EXCEEDED, 4);
    cr_assert_eq(TC_GRPC_RESOURCE_EXHAUSTED, 8);
    cr_assert_eq(TC_GRPC_UNIMPLEMENTED, 12);
    cr_assert_eq(TC_GRPC_INTERNAL, 13);
    cr_assert_eq(TC_GRPC_STATUS_CNT, 17);
    cr_assert_str_eq(tc_grpc_status_name(TC_GRPC_OK), "OK");
    cr_assert_str_eq(tc_grpc_status_name(TC_GRPC_INVALID_ARGUMENT), "INVALID_ARGUMENT");
    cr_assert_str_eq(tc_grpc_status_name(TC_GRPC_UNAUTHENTICATED), "UNAUTHENTICATED");
    for (enum tc_grpc_status a = 0; a < TC_GRPC_STATUS_CNT; a++) {
        for (enum tc_grpc_status b = 0; b < a; b++)
            cr_assert_str_neq(tc_grpc_status_name(a), tc_grpc_status_name(b));
    }
}

Test(status, from_http)
{
    /* Goal: each row of gRPC's table, UNKNOWN for all else, 200 too */
    static const struct {
        int http;
        enum tc_grpc_status status;
    } rows[] = {
        { 400, TC_GRPC_INTERNAL },          { 401, TC_GRPC_UNAUTHENTICATED },
        { 403, TC_GRPC_PERMISSION_DENIED }, { 404, TC_GRPC_UNIMPLEMENTED },
        { 429, TC_GRPC_UNAVAILABLE },       { 431, TC_GRPC_INTERNAL },
        { 502, TC_GRPC_UNAVAILABLE },       { 503, TC_GRPC_UNAVAILABLE },
        { 504, TC_GRPC_UNAVAILABLE },
    };
    size_t known = 0;
    for (int http = -1; http < 1000; http++) {
        enum tc_grpc_status want = TC_GRPC_UNKNOWN;
        for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
            if (rows[i].http == http)
                want = rows[i].status;
        }
        known += want != TC_GRPC_UNKNOWN;
        cr_expect_eq(tc_grpc_status_of_http(http), want, "%d", http);
    }
    cr_expect_eq(known, TC_ARRAY_CNT(rows));
}

Test(status, percent_encode)
{
    /* Goal: what stays and what is escaped, at the borders of each range; spaces at the ends */
    cr_expect_str_eq(encode(""), "");
    cr_expect_str_eq(encode("no such room: a/b?c=\"d\""), "no such room: a/b?c=\"d\"");
    cr_expect_str_eq(encode("100%"), "100%25");
    cr_expect_str_eq(encode("$&~}\x7f"), "$&~}%7F");
    cr_expect_str_eq(encode("a\r\nb\tc\x01\x1f"), "a%0D%0Ab%09c%01%1F");
    cr_expect_str_eq(encode("gr\xc3\xbc\xc3\x9f\xe2\x82\xac"), "gr%C3%BC%C3%9F%E2%82%AC");
    cr_expect_str_eq(encode(" a  b "), "%20a  b%20");
    cr_expect_str_eq(encode(" "), "%20");
}

Test(status, percent_encode_is_bounded)
{
    /* Goal: with every cap: the longest run of whole characters that fits, no space at its end, and
     * nothing written behind it */
    static const char text[] = "a%b\xc3\xbc"
                               " \xe2\x82\xac  z";
    static const size_t want[] = { 0,  1,  1,  1,  4,  5,  5,  5,  5,  5,  5,  11, 11,
                                   11, 11, 11, 11, 11, 11, 11, 11, 21, 21, 21, 24 };
    char full[64];
    size_t full_len = tc_grpc_percent_encode(full, sizeof(full), tc_str_from(text));
    cr_assert_eq(full_len, 24);
    for (size_t cap = 0; cap <= full_len; cap++) {
        memset(out, '#', sizeof(out));
        size_t len = tc_grpc_percent_encode(out, cap, tc_str_from(text));
        cr_expect_eq(len, want[cap], "cap %zu: %zu", cap, len);
        cr_expect_eq(memcmp(out, full, len), 0);
        cr_expect_eq(out[cap], '#');
    }
}

Test(status, percent_decode)
{
    /* Goal: escapes in either case; a broken one stays as it is; bounded; in place */
    cr_expect_str_eq(decode("100%25 gr%C3%bc"), "100% gr\xc3\xbc");
    cr_expect_str_eq(decode("%"), "%");
    cr_expect_str_eq(decode("%4"), "%4");
    cr_expect_str_eq(decode("%41%4g%g4%%41"), "A%4g%g4%A");
    cr_expect_str_eq(decode("%/0%:0%@0%G0%`0"), "%/0%:0%@0%G0%`0");
    cr_expect_str_eq(decode("%2541"), "%41");
    cr_expect_eq(tc_grpc_percent_decode(out, 0, TC_STR("a")), 0);
    cr_expect_eq(tc_grpc_percent_decode(out, 3, TC_STR("a%E2%82%ACb")), 1);
    cr_expect_eq(tc_grpc_percent_decode(out, 4, TC_STR("a%E2%82%ACb")), 4);
    memcpy(out, "%41%42c%", 8);
    cr_expect_eq(tc_grpc_percent_decode(out, 8, (struct tc_str){ out, 8 }), 4);
    cr_expect_eq(memcmp(out, "ABc%", 4), 0);
}

Test(status, percent_round_trip)
{
    /* Goal: every byte comes back, and travels as printable ASCII */
    char all[256];
    char back[256];
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    size_t len = tc_grpc_percent_encode(out, sizeof(out), (struct tc_str){ all, sizeof(all) });
    for (size_t i = 0; i < len; i++)
        cr_assert(out[i] >= 0x20 && out[i] <= 0x7e);
    cr_assert_eq(tc_grpc_percent_decode(back, sizeof(back), (struct tc_str){ out, len }), 256);
    cr_assert_arr_eq(back, all, sizeof(all));
}
