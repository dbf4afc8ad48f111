// SPDX-License-Identifier: Apache-2.0
/* The functions for SHA-1 alone: those for any digest (EVP) take memory for each use, and a worker
 * must not. OpenSSL calls them deprecated, and keeps them. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "proto/ws/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <strings.h>

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void tc_ws_accept_key(const char key[TC_WS_KEY_BYTES], char out[TC_WS_ACCEPT_BYTES])
{
    SHA_CTX sha;
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char text[TC_WS_ACCEPT_BYTES + 1]; /* the encoder ends it with NUL */
    bool is_made = SHA1_Init(&sha) == 1 && SHA1_Update(&sha, key, TC_WS_KEY_BYTES) == 1 &&
                   SHA1_Update(&sha, guid, sizeof(guid) - 1) == 1 && SHA1_Final(digest, &sha) == 1;
    TC_ASSERT(is_made);
    int len = EVP_EncodeBlock(text, digest, SHA_DIGEST_LENGTH);
    TC_ASSERT(len == TC_WS_ACCEPT_BYTES);
    memcpy(out, text, TC_WS_ACCEPT_BYTES);
}

/* Base64 of 16 bytes: 22 characters and "==". */
static bool key_is_valid(struct tc_str key)
{
    if (key.len != TC_WS_KEY_BYTES || memcmp(key.ptr + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

int tc_ws_handshake_check(const struct tc_http1 *http, const char **detail)
{
    if (http->method != TC_HTTP1_GET) {
        *detail = "A WebSocket is opened with GET.";
        return 405;
    }
    if (http->minor < 1 || http->has_body) {
        *detail = "A WebSocket is opened with HTTP/1.1 and without a body.";
        return 400;
    }
    if (!tc_http1_has_token(http, "upgrade", "websocket")) {
        *detail = "This path is a WebSocket: the request must ask for the upgrade.";
        return 426;
    }
    if (!tc_http1_has_token(http, "connection", "upgrade")) {
        *detail = "Connection does not name Upgrade.";
        return 400;
    }
    if (tc_http1_field_cnt(http, "sec-websocket-version") > 1 ||
        tc_http1_field_cnt(http, "sec-websocket-key") != 1 ||
        !key_is_valid(tc_http1_field(http, "sec-websocket-key"))) {
        *detail = "Sec-WebSocket-Key must be given once, as base64 of 16 bytes.";
        return 400;
    }
    if (!tc_str_eq(tc_http1_field(http, "sec-websocket-version"), TC_STR("13"))) {
        *detail = "The WebSocket version must be 13.";
        return 426;
    }
    *detail = NULL;
    return 101;
}

size_t tc_ws_handshake_answer(const struct tc_http1 *http, char *out)
{
    static const char before[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                 "Upgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: ";
    enum { BEFORE_LEN = sizeof(before) - 1 };
    _Static_assert(BEFORE_LEN + TC_WS_ACCEPT_BYTES + 4 <= TC_WS_HANDSHAKE_MAX, "the answer fits");
    struct tc_str key = tc_http1_field(http, "sec-websocket-key");
    TC_ASSERT(key.len == TC_WS_KEY_BYTES);
    memcpy(out, before, BEFORE_LEN);
    tc_ws_accept_key(key.ptr, out + BEFORE_LEN);
    memcpy(out + BEFORE_LEN + TC_WS_ACCEPT_BYTES, "\r\n\r\n", 4);
    return BEFORE_LEN + TC_WS_ACCEPT_BYTES + 4;
}

/* ---- whose page it is ---- */

/* host[:port] in two; the port is `implied` where there is none. */
static void split(struct tc_str text, struct tc_str implied, struct tc_str *name,
                  struct tc_str *port)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']')
        at--;
    bool has_port = at > 0 && text.ptr[at - 1] == ':';
    *name = (struct tc_str){ text.ptr, has_port ? at - 1 : text.len };
    *port = has_port ? (struct tc_str){ text.ptr + at, text.len - at } : implied;
}

static bool is_same(struct tc_str origin, struct tc_str host)
{
    static const struct {
        struct tc_str scheme;
        struct tc_str port;
    } kinds[] = { { { "http://", 7 }, { "80", 2 } }, { { "https://", 8 }, { "443", 3 } } };
    for (size_t i = 0; i < TC_ARRAY_CNT(kinds); i++) {
        struct tc_str scheme = kinds[i].scheme;
        struct tc_str names[2], ports[2];
        if (origin.len <= scheme.len || strncasecmp(origin.ptr, scheme.ptr, scheme.len) != 0)
            continue;
        struct tc_str own = { origin.ptr + scheme.len, origin.len - scheme.len };
        split(own, kinds[i].port, &names[0], &ports[0]);
        split(host, kinds[i].port, &names[1], &ports[1]);
        return names[0].len > 0 && tc_http1_eq(names[0], names[1]) && tc_str_eq(ports[0], ports[1]);
    }
    return false;
}

bool tc_ws_origin_is_among(struct tc_str origin, struct tc_str host, const char *const *origins,
                           uint32_t origin_cnt)
{
    for (uint32_t i = 0; i < origin_cnt; i++) {
        struct tc_str allowed = tc_str_from(origins[i]);
        if (allowed.len > 0 && allowed.ptr[allowed.len - 1] == '/')
            allowed.len--; /* an Origin has no path, an address that was copied often has */
        if (tc_str_eq(allowed, TC_STR("*")) || tc_http1_eq(allowed, origin))
            return true;
    }
    return is_same(origin, host);
}

bool tc_ws_origin_is_allowed(const struct tc_http1 *http, const char *const *origins,
                             uint32_t origin_cnt)
{
    uint32_t cnt = tc_http1_field_cnt(http, "origin");
    if (cnt != 1)
        return cnt == 0;
    return tc_ws_origin_is_among(tc_http1_field(http, "origin"), http->host, origins, origin_cnt);
}
