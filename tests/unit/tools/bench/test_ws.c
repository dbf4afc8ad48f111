// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/client.h"
#include "tests/unit/tools/bench/fixture.h"

static char got[70000];
static size_t got_len;
static int message_cnt;

static void on_message(struct tc_load *l, struct tc_load_conn *c, const char *bytes, size_t len)
{
    (void)l;
    (void)c;
    message_cnt++;
    got_len = len;
    memcpy(got, bytes, TC_MIN(len, sizeof(got)));
}

static const struct tc_load_dialect dialect = { .name = "t",
                                                .path = "/",
                                                .on_message = on_message };

static void setup(void)
{
    fixture_init(&dialect, 1, 1, 1, 0);
}

TestSuite(load_ws, .init = setup, .fini = fixture_fini);

static size_t feed(const void *bytes, size_t len)
{
    return tc_load_ws_on_bytes(&load, &load.conns[0], bytes, len);
}

Test(load_ws, frames_of_each_length)
{
    /* Goal: the three forms of a length (RFC 6455, 5.2), whole and cut; what is cut stays. */
    static char frame[70000];
    const struct {
        size_t body, head;
    } rows[] = { { 5, 2 }, { 300, 4 }, { 66000, 10 } };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        size_t n = rows[i].body;
        frame[0] = (char)0x81;
        frame[1] = (char)(n < 126 ? n : n < 65536 ? 126 : 127);
        for (size_t b = 0; b + 2 < rows[i].head; b++) /* big-endian, to the end of the head */
            frame[rows[i].head - 1 - b] = (char)(n >> (8 * b));
        memset(frame + rows[i].head, 'x', n);
        message_cnt = 0;
        for (size_t cut = 0; cut < TC_MIN(rows[i].head + 2, n); cut++)
            cr_assert_eq(feed(frame, cut), 0);
        cr_assert_eq(feed(frame, rows[i].head + n - 1), 0);
        cr_assert_eq(message_cnt, 0);
        cr_assert_eq(feed(frame, rows[i].head + n + 1), rows[i].head + n);
        cr_assert(message_cnt == 1 && got_len == n && got[n - 1] == 'x');
    }
}

Test(load_ws, ping_is_answered)
{
    /* Goal: a ping's pong carries its bytes, masked as a client's; a pong says nothing. */
    char sent[64];
    cr_assert_eq(feed("\x89\x02hi\x8a\x00", 6), 6);
    cr_assert_eq(fixture_sent(sent, sizeof(sent), 8), 8);
    cr_assert_eq(memcmp(sent, "\x8a\x82\0\0\0\0hi", 8), 0);
    cr_assert_eq(message_cnt, 0);
}

Test(load_ws, sends)
{
    /* Goal: a message's frame, of both forms of length that are sent, and of both kinds. */
    char sent[1024];
    char text[300];
    memset(text, 'y', sizeof(text));
    tc_load_send_text(&load, &load.conns[0], text, 3);
    cr_assert_eq(fixture_sent(sent, sizeof(sent), 9), 9);
    cr_assert_eq(memcmp(sent, "\x81\x83\0\0\0\0yyy", 9), 0);
    tc_load_send_binary(&load, &load.conns[0], text, 300);
    cr_assert_eq(fixture_sent(sent, sizeof(sent), 308), 308);
    cr_assert_eq(memcmp(sent, "\x82\xfe\x01\x2c\0\0\0\0y", 9), 0);
}

Test(load_ws, upgrade)
{
    /* Goal: the request names path and room; an answer in pieces is waited for, then greeted. */
    char sent[2048];
    char key[TC_WS_KEY_BYTES];
    char accept[TC_WS_ACCEPT_BYTES];
    char answer[512];
    struct tc_load_conn *c = &load.conns[0];
    conf.path = "/room/%u/x";
    conf.is_idle = true;
    c->state = TC_LOAD_UPGRADING;
    c->first_room = 7;
    tc_load_ws_hello(&load, c);
    size_t len = fixture_sent(sent, sizeof(sent) - 1, 100);
    sent[len] = 0;
    cr_assert_eq(strncmp(sent, "GET /room/7/x HTTP/1.1\r\n", 24), 0, "%s", sent);
    memcpy(key, strstr(sent, "Sec-WebSocket-Key: ") + 19, sizeof(key));
    tc_ws_accept_key(key, accept);
    int n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n\r\n",
                     (int)sizeof(accept), accept);
    cr_assert_eq(feed(answer, (size_t)n - 1), 0);
    cr_assert_eq(load.open_cnt, 0);
    cr_assert_eq(feed(answer, (size_t)n), (size_t)n);
    cr_assert(load.open_cnt == 1 && c->is_ready);
}

static void refused(void)
{
    load.conns[0].state = TC_LOAD_UPGRADING;
    feed("HTTP/1.1 404 Not Found\r\n\r\n", 26);
}

static void closed(void)
{
    feed("\x88\x05\x03\xf3"
         "bye",
         7);
}

static void in_pieces(void)
{
    feed("\x01\x01x", 3);
}

static void masked(void)
{
    feed("\x81\x81\0\0\0\0x\0\0\0", 10);
}

Test(load_ws, ends)
{
    /* Goal: a refusal, a close and frames that no server here sends end the run and say why. */
    fixture_fails(refused, "HTTP 404");
    fixture_fails(closed, "code 1011 bye");
    fixture_fails(in_pieces, "first byte 01");
    fixture_fails(masked, "masked");
}
