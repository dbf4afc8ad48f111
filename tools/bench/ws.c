// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "proto/ws/client.h"
#include "tools/bench/load.h"

enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, FIN = 0x80 };
enum { HEAD_MAX = 8, SEND_MAX = 64 * 1024 };

/* Connections need not be told apart: one key for all. */
static const uint8_t nonce[TC_WS_NONCE_BYTES] = { 't', 'i', 'c', 'k', 'c', 'a', 's', 't' };

/* The path, with the number of the first room for %u. */
static void write_path(const struct tc_load *load, const struct tc_load_conn *c, char *out,
                       size_t cap)
{
    const char *path = load->conf->path;
    const char *mark = strstr(path, "%u");
    int n = mark == NULL
                ? snprintf(out, cap, "%s", path)
                : snprintf(out, cap, "%.*s%u%s", (int)(mark - path), path, c->first_room, mark + 2);
    TC_ASSERT(n > 0 && (size_t)n < cap);
}

void tc_load_ws_hello(struct tc_load *load, struct tc_load_conn *c)
{
    char path[512];
    char text[2048];
    write_path(load, c, path, sizeof(path));
    size_t len = tc_ws_client_request(text, sizeof(text), tc_load_host(load), path, NULL, nonce);
    TC_ASSERT(len > 0);
    tc_load_write(load, c, text, len);
}

/* A frame with a mask of zeros: the bytes stay as they are (RFC 6455, 5.3). */
static void send_frame(struct tc_load *load, struct tc_load_conn *c, int opcode, const void *bytes,
                       size_t len)
{
    char *frame = load->out;
    size_t head = len < 126 ? 2 : 4;
    TC_ASSERT(len < SEND_MAX);
    frame[0] = (char)(FIN | opcode);
    frame[1] = (char)(0x80 | (len < 126 ? len : 126));
    if (head == 4) {
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
    }
    memset(frame + head, 0, 4);
    if (len > 0)
        memcpy(frame + head + 4, bytes, len);
    tc_load_write(load, c, frame, head + 4 + len);
}

void tc_load_send_text(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    send_frame(load, c, OP_TEXT, text, len);
}

void tc_load_send_binary(struct tc_load *load, struct tc_load_conn *c, const void *bytes,
                         size_t len)
{
    send_frame(load, c, OP_BINARY, bytes, len);
}

/* The answer to the upgrade; bytes of it, 0: it is not whole. */
static size_t on_head(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    int status = 0;
    int head = tc_ws_client_check(bytes, len, nonce, &status);
    if (head < 0)
        tc_load_fail(load, "%s refused the upgrade to WebSocket at %s (HTTP %d)",
                     tc_load_host(load), load->conf->path, status);
    if (head == 0)
        return 0;
    c->state = TC_LOAD_OPEN;
    /* A client's kernel acknowledges with delay, on the sender's time, only once its client has
     * spoken; so all do, and this needs no answer (RFC 6455, 5.5.3). */
    send_frame(load, c, OP_PONG, NULL, 0);
    if (load->dialect->hello != NULL)
        load->dialect->hello(load, c);
    else
        tc_load_greeted(load, c);
    return (size_t)head;
}

/* Bytes of the frame's head and, in *body, of the rest; 0: more bytes are needed. */
static size_t frame_head(struct tc_load *load, const unsigned char *p, size_t len, size_t *body)
{
    *body = p[1];
    if (TC_LIKELY(p[1] < 126))
        return 2;
    if (p[1] == 126) {
        if (len < 4)
            return 0;
        *body = (size_t)p[2] << 8 | p[3];
        return 4;
    }
    if (len < 10)
        return 0;
    if (p[1] > 127 || p[2] || p[3] || p[4] || p[5])
        tc_load_fail(load, "the server sent a frame that is masked or larger than 4 GiB");
    *body = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
    return 10;
}

static void on_close(struct tc_load *load, const char *bytes, size_t len)
{
    unsigned code = len >= 2 ? (unsigned)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1] : 0;
    tc_load_fail(load, "the server closed a connection: code %u %.*s", code,
                 len > 2 ? (int)(len - 2) : 0, len > 2 ? bytes + 2 : "");
}

static size_t on_frames(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    size_t used = 0;
    while (len - used >= 2) {
        const unsigned char *p = (const unsigned char *)bytes + used;
        size_t body = 0;
        size_t head = frame_head(load, p, len - used, &body);
        if (head == 0 || len - used < head + body)
            break;
        const char *text = bytes + used + head;
        used += head + body;
        if (TC_LIKELY(p[0] == (FIN | OP_TEXT) || p[0] == (FIN | OP_BINARY)))
            load->dialect->on_message(load, c, text, body);
        else if (p[0] == (FIN | OP_PING))
            send_frame(load, c, OP_PONG, text, body);
        else if (p[0] == (FIN | OP_CLOSE))
            on_close(load, text, body);
        else if (p[0] != (FIN | OP_PONG))
            tc_load_fail(load,
                         "the server sent a frame that this generator does not read "
                         "(first byte %02x: in pieces, compressed or reserved)",
                         p[0]);
    }
    return used;
}

size_t tc_load_ws_on_bytes(struct tc_load *load, struct tc_load_conn *c, const char *bytes,
                           size_t len)
{
    size_t used = 0;
    if (c->state == TC_LOAD_UPGRADING)
        used = on_head(load, c, bytes, len);
    if (c->state == TC_LOAD_OPEN)
        used += on_frames(load, c, bytes + used, len - used);
    return used;
}
