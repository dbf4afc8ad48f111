// SPDX-License-Identifier: Apache-2.0
/* What a client of the real sessions sends and gets, over tests/unit/io/net/fixture.h. */
#ifndef TC_TESTS_UNIT_IO_SESSION_WIRE_H
#define TC_TESTS_UNIT_IO_SESSION_WIRE_H

#include "proto/ws/client.h"
#include "tests/unit/io/net/fixture.h"

enum { WIRE_FRAME_MAX = 80000 };

/* Each test has its own process. */
static struct nx nx;

#define WIRE_UPGRADE                                                                               \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
/* RFC 6455 section 1.3. */
#define WIRE_UPGRADED                                                                              \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/* One masked frame; first: its first byte (FIN, RSV, opcode). Returns its bytes. */
static inline size_t wire_frame(uint8_t *out, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    size_t head = tc_ws_client_header(out, TC_WS_TEXT, len, mask);
    out[0] = first;
    if (len)
        memcpy(out + head, payload, len);
    tc_ws_mask(out + head, len, mask, 0);
    return head + len;
}

static inline void wire_send_frame(uint32_t slot, uint8_t first, const void *payload, size_t len)
{
    uint8_t *frame = malloc(WIRE_FRAME_MAX);
    size_t cnt = wire_frame(frame, first, payload, len);
    nx_recv_by(&nx, slot, frame, cnt, NX_RECV_BYTES);
    free(frame);
}

static inline void wire_send(uint32_t slot, const char *text)
{
    wire_send_frame(slot, 0x81, text, strlen(text));
}

/* A WebSocket client. */
static inline uint32_t wire_open(void)
{
    uint32_t slot = nx_accept(&nx);
    nx_recv(&nx, slot, WIRE_UPGRADE "\r\n");
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), WIRE_UPGRADED);
    return slot;
}

/* The frames that arrived since the last call, a line each: the text; "close CODE REASON" or
 * "close"; "ping TEXT"; "pong TEXT". Good until the next call. */
static inline const char *wire_take(uint32_t slot)
{
    static char lines[1 << 17];
    size_t len = 0;
    struct nx_sock *s = &nx.reactor.socks[slot];
    const uint8_t *at = (const uint8_t *)s->got + s->got_off;
    const uint8_t *end = (const uint8_t *)s->got + s->got_len;
    lines[0] = 0;
    while (at < end) {
        cr_assert(end - at >= 2 && !(at[1] & 0x80) && at[1] != 127);
        size_t head = at[1] == 126 ? 4 : 2;
        size_t cnt = at[1] == 126 ? (size_t)at[2] << 8 | at[3] : at[1];
        const char *text = (const char *)at + head;
        int code = cnt >= 2 ? at[head] << 8 | at[head + 1] : 0;
        cr_assert_leq(head + cnt, (size_t)(end - at));
        size_t room = sizeof(lines) - len;
        cr_assert_gt(room, cnt + 32);
        if (at[0] == 0x81)
            len += (size_t)snprintf(lines + len, room, "%.*s\n", (int)cnt, text);
        else if (at[0] == 0x88 && cnt >= 2)
            len += (size_t)snprintf(lines + len, room, "close %d %.*s\n", code, (int)cnt - 2,
                                    text + 2);
        else if (at[0] == 0x88)
            len += (size_t)snprintf(lines + len, room, "close\n");
        else if (at[0] == 0x89 || at[0] == 0x8a)
            len += (size_t)snprintf(lines + len, room, "%s %.*s\n", at[0] == 0x89 ? "ping" : "pong",
                                    (int)cnt, text);
        else
            cr_assert_fail("an unknown frame");
        at += head + cnt;
    }
    s->got_off = s->got_len;
    return lines;
}

/* What the command is answered. */
static inline const char *wire_ask(uint32_t slot, const char *text)
{
    wire_send(slot, text);
    nx_run(&nx);
    return wire_take(slot);
}

#endif
