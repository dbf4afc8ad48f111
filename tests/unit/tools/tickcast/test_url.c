// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/url.h"

#include <criterion/criterion.h>

Test(url, parts)
{
    /* Goal: host, port and path come out, with their defaults. */
    static const struct {
        enum tc_url_kind kind;
        const char *text, *host, *port, *path;
        bool is_tls;
    } rows[] = {
        { TC_URL_WS, "ws://127.0.0.1:8080/ws", "127.0.0.1", "8080", "/ws", false },
        { TC_URL_WS, "ws://example", "example", "80", "/ws", false },
        { TC_URL_WS, "ws://example/", "example", "80", "/", false },
        { TC_URL_WS, "ws://[::1]:9/a?b=c#d", "::1", "9", "/a?b=c", false },
        { TC_URL_WS, "ws://[fe80::1]", "fe80::1", "80", "/ws", false },
        { TC_URL_WS, "wss://example", "example", "443", "/ws", true },
        { TC_URL_GRPC, "http://127.0.0.1:8080", "127.0.0.1", "8080", "/", false },
        { TC_URL_GRPC, "https://example/", "example", "443", "/", true },
        { TC_URL_GRPC, "http://[::1]#a", "::1", "80", "/", false },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_url url;
        struct tc_err err;
        cr_assert_eq(tc_url_parse(&url, rows[i].kind, rows[i].text, &err), TC_OK, "%s",
                     rows[i].text);
        cr_assert_str_eq(url.host, rows[i].host);
        cr_assert_str_eq(url.port, rows[i].port);
        cr_assert_str_eq(url.path, rows[i].path);
        cr_assert_eq(url.is_tls, rows[i].is_tls);
    }
}

Test(url, refused)
{
    /* Goal: what is no address is refused with a reason, before anything is sent. */
    static const struct {
        enum tc_url_kind kind;
        const char *text;
    } rows[] = {
        { TC_URL_WS, "" },
        { TC_URL_WS, "http://a/" },
        { TC_URL_WS, "ws://" },
        { TC_URL_WS, "ws://:80/" },
        { TC_URL_WS, "ws://a:0/" },
        { TC_URL_WS, "ws://a:65536/" },
        { TC_URL_WS, "ws://a:8x/" },
        { TC_URL_WS, "ws://a b/" },
        { TC_URL_WS, "ws://[::1/" },
        { TC_URL_WS, "ws://[::1]x" },
        { TC_URL_WS, "ws://a?b" },
        { TC_URL_GRPC, "ws://a/" },
        { TC_URL_GRPC, "http://a/b" },
        { TC_URL_GRPC, "http://a?b" },
        { TC_URL_GRPC, "https://" },
        { TC_URL_WS, "ws://a:/" },
        { TC_URL_WS, "ws://a\r\nb/" },
        { TC_URL_WS, "ws://a/\x7f" },
        { TC_URL_WS, "WS://a/" },
        { TC_URL_WS, "ws://a:123456/" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_url url;
        struct tc_err err = { 0 };
        cr_assert_lt(tc_url_parse(&url, rows[i].kind, rows[i].text, &err), 0, "%s", rows[i].text);
        cr_assert_neq(err.text[0], '\0');
    }
}
