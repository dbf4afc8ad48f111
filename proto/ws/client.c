// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/client.h"

#include <openssl/evp.h>
#include <stdio.h>

void tc_ws_client_key(const uint8_t nonce[TC_WS_NONCE_BYTES], char out[TC_WS_KEY_BYTES])
{
    unsigned char text[TC_WS_KEY_BYTES + 1]; /* the encoder ends it with NUL */
    int len = EVP_EncodeBlock(text, nonce, TC_WS_NONCE_BYTES);
    TC_ASSERT(len == TC_WS_KEY_BYTES);
    memcpy(out, text, TC_WS_KEY_BYTES);
}

size_t tc_ws_client_request(char *out, size_t cap, const char *host, const char *path,
                            const char *origin, const uint8_t nonce[TC_WS_NONCE_BYTES])
{
    char key[TC_WS_KEY_BYTES];
    tc_ws_client_key(nonce, key);
    int n = snprintf(out, cap,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: %.*s\r\n"
                     "Sec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                     path, host, TC_WS_KEY_BYTES, key, origin ? "Origin: " : "",
                     origin ? origin : "", origin ? "\r\n" : "");
    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

/* The value of the only field of that name between the status line and the end of head. */
static bool find_field(struct tc_str head, const char *name, struct tc_str *out)
{
    uint32_t cnt = 0;
    size_t name_len = strlen(name);
    const char *at = head.ptr;
    const char *end = head.ptr + head.len;
    while (at < end) {
        const char *next = memmem(at, (size_t)(end - at), "\r\n", 2);
        struct tc_str line = { at, (size_t)((next ? next : end) - at) };
        at = next ? next + 2 : end;
        if (line.len <= name_len || line.ptr[name_len] != ':' ||
            !tc_http1_eq((struct tc_str){ line.ptr, name_len }, tc_str_from(name)))
            continue;
        line.ptr += name_len + 1;
        line.len -= name_len + 1;
        while (line.len > 0 && (*line.ptr == ' ' || *line.ptr == '\t')) {
            line.ptr++;
            line.len--;
        }
        while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
            line.len--;
        *out = line;
        cnt++;
    }
    return cnt == 1;
}

static int status_of(struct tc_str head)
{
    int status = 0;
    if (head.len < 12 || memcmp(head.ptr, "HTTP/1.", 7) != 0 || head.ptr[8] != ' ')
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (head.ptr[i] < '0' || head.ptr[i] > '9')
            return 0;
        status = status * 10 + (head.ptr[i] - '0');
    }
    return status;
}

int tc_ws_client_check(const void *bytes, size_t len, const uint8_t nonce[TC_WS_NONCE_BYTES],
                       int *status)
{
    char key[TC_WS_KEY_BYTES];
    char accept[TC_WS_ACCEPT_BYTES];
    struct tc_str value;
    size_t seen = TC_MIN(len, (size_t)TC_HTTP_HEAD_MAX);
    const char *text = bytes;
    const char *end = seen ? memmem(text, seen, "\r\n\r\n", 4) : NULL;
    *status = 0;
    if (!end)
        return len < TC_HTTP_HEAD_MAX ? 0 : -TC_EINVAL;
    struct tc_str head = { text, (size_t)(end - text) };
    *status = status_of(head);
    tc_ws_client_key(nonce, key);
    tc_ws_accept_key(key, accept);
    if (*status != 101 || !find_field(head, "upgrade", &value) ||
        !tc_http1_eq(value, TC_STR("websocket")) || !find_field(head, "connection", &value) ||
        !tc_http1_eq(value, TC_STR("upgrade")) ||
        !find_field(head, "sec-websocket-accept", &value) ||
        !tc_str_eq(value, (struct tc_str){ accept, sizeof(accept) }) ||
        find_field(head, "sec-websocket-extensions", &value))
        return -TC_EINVAL;
    return (int)(head.len + 4);
}

size_t tc_ws_client_header(uint8_t *out, enum tc_ws_opcode opcode, uint64_t payload_len,
                           const uint8_t mask[4])
{
    size_t len = tc_ws_header(out, opcode, payload_len);
    out[1] |= 0x80;
    memcpy(out + len, mask, 4);
    return len + 4;
}

void tc_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4], uint64_t off)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(bytes[i] ^ mask[(off + i) & 3]);
}
