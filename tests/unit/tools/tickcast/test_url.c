// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/url.h"

#include <criterion/criterion.h>

Test(url, parts)
{
    /* Goal: host, port and path come out, with their defaults. */
    static const struct {
        const char *text, *host, *port, *path;
    } rows[] = {
        { "ws://127.0.0.1:8080/ws", "127.0.0.1", "8080", "/ws" },
        { "ws://example", "example", "80", "/ws" },
        { "ws://example/", "example", "80", "/" },
        { "ws://[::1]:9/a?b=c#d", "::1", "9", "/a?b=c" },
        { "ws://[fe80::1]", "fe80::1", "80", "/ws" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_url url;
        struct tc_err err;
        cr_assert_eq(tc_url_parse(&url, rows[i].text, &err), TC_OK, "%s", rows[i].text);
        cr_assert_str_eq(url.host, rows[i].host);
        cr_assert_str_eq(url.port, rows[i].port);
        cr_assert_str_eq(url.path, rows[i].path);
    }
}

Test(url, refused)
{
    /* Goal: what is no address is refused with a reason, before anything is sent. */
    static const char *const rows[] = {
        "",
        "http://a/",
        "ws://",
        "ws://:80/",
        "ws://a:0/",
        "ws://a:65536/",
        "ws://a:8x/",
        "ws://a b/",
        "ws://[::1/",
        "ws://[::1]x",
        "ws://a?b",
        "wss://a/",
        "ws://a:/",
        "ws://a\r\nb/",
        "ws://a/\x7f",
        "WS://a/",
        "ws://a:123456/",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_url url;
        struct tc_err err = { 0 };
        cr_assert_lt(tc_url_parse(&url, rows[i], &err), 0, "%s", rows[i]);
        cr_assert_neq(err.text[0], '\0');
    }
}
