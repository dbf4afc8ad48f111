// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen: the bytes of one connection: upgrade, frames, the chain of its room. */
#include <stdio.h>

#include "bench/loadgen.h"

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9 };

/* A masked frame with a mask of zeros: the bytes stay as they are (RFC 6455, 5.3). */
static void send_frame(struct loadgen_conn *c, int opcode, const char *text, size_t len)
{
    char frame[256];
    if (len > 125 + 65)
        loadgen_fail("a command longer than expected");
    size_t head = len < 126 ? 2 : 4;
    frame[0] = (char)(0x80 | opcode);
    frame[1] = (char)(0x80 | (len < 126 ? len : 126));
    if (head == 4) {
        frame[2] = 0;
        frame[3] = (char)len;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, text, len);
    loadgen_write(c, frame, head + 4 + len);
}

size_t loadgen_on_head(struct loadgen *g, struct loadgen_conn *c, char *bytes, size_t len,
                       const char *accept_key)
{
    char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - bytes) + 4;
    if (memcmp(bytes, "HTTP/1.1 101", 12) != 0 ||
        memmem(bytes, head, accept_key, strlen(accept_key)) == NULL) {
        fprintf(stderr, "%.*s\n", (int)head, bytes);
        loadgen_fail("the upgrade was refused");
    }
    c->state = LOADGEN_OPEN;
    g->open_cnt++;
    /* a server that answers no commands gets them too: a client's kernel acknowledges otherwise
     * once its client has spoken (with delay, and then on the sender's time), so all must have */
    if (!g->is_idle) {
        char text[190];
        int n = snprintf(text, sizeof(text),
                         "{\"event\":\"subscribe\",\"id\":1,\"data\":{\"rooms\":[\"%s%u\"]}}",
                         g->room_prefix, c->room);
        send_frame(c, WS_TEXT, text, (size_t)n);
    }
    if (g->is_idle || !g->is_confirmed) {
        c->is_ready = true;
        g->ready_cnt++;
    }
    return head;
}

/* The number after `key` (with its quotes and colon), looked for from *at on; -1: null, -2: none.
 * *at moves behind it. */
static int64_t number_of(const char *text, size_t len, size_t *at, const char *key, size_t key_len)
{
    const char *p = memmem(text + *at, len - *at, key, key_len);
    if (p == NULL)
        return -2;
    p += key_len;
    int64_t value = 0;
    while (p < text + len && *p == ' ')
        p++;
    if (p < text + len && *p == 'n')
        return -1;
    for (; p < text + len && *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (*p - '0');
    *at = (size_t)(p - text);
    return value;
}

void loadgen_on_update(struct loadgen *g, struct loadgen_conn *c, int64_t pos, int64_t prev,
                       const char *payload, size_t len, int64_t now_ns)
{
    if (c->last_pos >= 0 && !(prev <= c->last_pos && c->last_pos < pos))
        g->broken_cnt++;
    c->last_pos = pos;
    g->delivery_cnt++;
    if (pos > g->room_max[c->room]) {
        g->room_max[c->room] = pos;
        g->room_at_max[c->room] = 1;
    } else if (pos == g->room_max[c->room]) {
        g->room_at_max[c->room]++;
    }
    if (now_ns > 0) {
        size_t at = 0;
        int64_t sent_ns = number_of(payload, len, &at, "\"t_ns\":", 7);
        if (sent_ns > 0)
            tc_hist_add(&g->latency, now_ns - sent_ns);
    }
}

static void on_text(struct loadgen *g, struct loadgen_conn *c, const char *text, size_t len,
                    int64_t now_ns)
{
    static const char update[] = "{\"event\":\"ticker-update\"";
    static const char confirmed[] = "{\"event\":\"subscription-confirmed\"";
    if (TC_UNLIKELY(len < sizeof(update) - 1 || memcmp(text, update, sizeof(update) - 1) != 0)) {
        bool is_confirmation =
            len >= sizeof(confirmed) - 1 && memcmp(text, confirmed, sizeof(confirmed) - 1) == 0;
        if (is_confirmation && !c->is_ready) {
            c->is_ready = true;
            g->ready_cnt++;
        } else {
            if (g->bad_cnt == 0)
                fprintf(stderr, "loadgen: unexpected: %.*s\n", (int)len, text);
            g->bad_cnt++;
        }
        return;
    }
    size_t at = sizeof(update) - 1;
    int64_t pos = number_of(text, len, &at, "\"pos\":", 6);
    int64_t prev = number_of(text, len, &at, "\"prev\":", 7);
    if (pos < 0 || prev < -1) {
        g->bad_cnt++;
        return;
    }
    loadgen_on_update(g, c, pos, prev, text + at, len - at, now_ns);
}

size_t loadgen_on_frames(struct loadgen *g, struct loadgen_conn *c, char *bytes, size_t len,
                         int64_t now_ns)
{
    size_t used = 0;
    while (len - used >= 2) {
        const unsigned char *p = (const unsigned char *)bytes + used;
        size_t head = 2;
        size_t body = p[1];
        if (body == 126) {
            if (len - used < 4)
                break;
            body = (size_t)p[2] << 8 | p[3];
            head = 4;
        } else if (body > 126) { /* a mask, or more than any message here */
            loadgen_fail("a frame that no server should send");
        }
        if (len - used < head + body)
            break;
        const char *text = bytes + used + head;
        used += head + body;
        if (TC_LIKELY(p[0] == (0x80 | WS_TEXT)))
            on_text(g, c, text, body, now_ns);
        else if (p[0] == (0x80 | WS_PING))
            send_frame(c, WS_PING + 1, text, body);
        else if (p[0] == (0x80 | WS_CLOSE))
            loadgen_fail("the server said goodbye");
        else
            g->bad_cnt++;
    }
    return used;
}
