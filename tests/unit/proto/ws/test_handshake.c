// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/handshake.h"

#include <stdio.h>

#include "tests/unit/proto/http1/parse.h"

#define LINE "GET /ws HTTP/1.1\r\n"
#define HOST "Host: h:8080\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static int check(const char *text)
{
    const char *detail = NULL;
    cr_assert_eq(parse(text), 1, "%s: %s", text, http.detail);
    int status = tc_ws_handshake_check(&http, &detail);
    cr_assert_eq(status == 101, detail == NULL);
    return status;
}

Test(handshake, the_sample_of_the_rfc)
{
    /* goal: RFC 6455, section 1.3; offers of extensions and subprotocols are not taken */
    char out[TC_WS_HANDSHAKE_MAX + 1];
    cr_assert_eq(check(LINE HOST UPGRADE CONNECTION KEY VERSION
                       "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                       "Sec-WebSocket-Protocol: chat\r\n\r\n"),
                 101);
    for (int i = 0; i < 2; i++) {
        size_t len = tc_ws_handshake_answer(&http, out);
        out[len] = '\0';
        cr_assert_str_eq(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    }
}

Test(handshake, refusals)
{
    /* goal: each missing or wrong part has its status */
    cr_expect_eq(check("POST /ws HTTP/1.1\r\n" HOST UPGRADE CONNECTION KEY VERSION "\r\n"), 405);
    cr_expect_eq(check("GET /ws HTTP/1.0\r\n" HOST UPGRADE CONNECTION KEY VERSION "\r\n"), 400);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION KEY VERSION "Content-Length: 1\r\n\r\n"), 400);
    cr_expect_eq(check(LINE HOST CONNECTION KEY VERSION "\r\n"), 426);
    cr_expect_eq(check(LINE HOST "Upgrade: h2c\r\n" CONNECTION KEY VERSION "\r\n"), 426);
    cr_expect_eq(check(LINE HOST UPGRADE KEY VERSION "\r\n"), 400);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION VERSION "\r\n"), 400);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION KEY KEY VERSION "\r\n"), 400);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION "Sec-WebSocket-Key: abc\r\n" VERSION "\r\n"),
                 400);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ*==\r\n" VERSION "\r\n"),
                 400);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION KEY "\r\n"), 426);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 8\r\n\r\n"), 426);
    cr_expect_eq(check(LINE HOST UPGRADE CONNECTION KEY VERSION VERSION "\r\n"), 400);
}

static bool allows(const char *host, const char *origin, const char *const *list, uint32_t cnt)
{
    char text[512];
    snprintf(text, sizeof(text), LINE "Host: %s\r\n%s%s%s\r\n", host, origin ? "Origin: " : "",
             origin ? origin : "", origin ? "\r\n" : "");
    cr_assert_eq(parse(text), 1, "%s", text);
    return tc_ws_origin_is_allowed(&http, list, cnt);
}

Test(handshake, origins)
{
    /* goal: none, own, listed; everything else is foreign */
    static const char *const list[] = { "https://ui.example", "http://dev.example:3000/" };
    static const char *const all[] = { "*" };
    cr_expect(allows("h:8080", NULL, NULL, 0));
    cr_expect(allows("h:8080", "http://h:8080", NULL, 0));
    cr_expect(allows("h:8080", "https://H:8080", NULL, 0));
    cr_expect(allows("h", "http://h", NULL, 0));
    cr_expect(allows("h", "https://h", NULL, 0));
    cr_expect(allows("h:443", "https://h", NULL, 0));
    cr_expect(allows("[::1]:80", "http://[::1]", NULL, 0));
    cr_expect(!allows("h:443", "http://h", NULL, 0));
    cr_expect(!allows("h:8080", "http://h:8081", NULL, 0));
    cr_expect(!allows("h:8080", "http://h", NULL, 0));
    cr_expect(!allows("h:8080", "http://evil:8080", NULL, 0));
    cr_expect(!allows("h:8080", "http://h:8080.evil", NULL, 0));
    cr_expect(!allows("h:8080", "null", NULL, 0));
    cr_expect(!allows("h:8080", "", NULL, 0));
    cr_expect(!allows("h:8080", "h:8080", NULL, 0));
    cr_expect(!allows("h:8080", "http://h:8080\r\nOrigin: http://h:8080", NULL, 0));
    cr_expect(allows("h:8080", "https://UI.example", list, 2));
    cr_expect(allows("h:8080", "http://dev.example:3000", list, 2));
    cr_expect(allows("h:8080", "http://h:8080", list, 2));
    cr_expect(!allows("h:8080", "http://ui.example", list, 2));
    cr_expect(!allows("h:8080", "https://ui.example.evil", list, 2));
    cr_expect(allows("h:8080", "https://anything", all, 1));
}
