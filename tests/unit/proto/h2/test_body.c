// SPDX-License-Identifier: Apache-2.0
/* Goal: DATA that does not pass through nghttp2 obeys the windows that the peer opens, and nghttp2
 * still knows when a stream is over. */
#include "tests/unit/proto/h2/fixture.h"

/* A request whose answer is text. */
static void ask(int32_t id, const char *text)
{
    hp_head(&fx.peer, id, HP_END, HP_GET("/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, fx.stream_cnt - 1, text);
}

static void begin_with(uint32_t window)
{
    fx_open_class();
    fx_open();
    hp_preface(&fx.peer);
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window);
    cr_assert_str_eq(fx_run(), HP_SETTINGS "SETTINGS ack\n");
}

static void end(void)
{
    fx_close();
    fx_close_class();
}

Test(h2_body, windows_shut_by_settings)
{
    /* Goal: with windows of 0 to begin with a body waits, and its stream ends when it is out, with
     * and without trailers, also if its window was shut again meanwhile. */
    begin_with(0);
    ask(1, "ok");
    cr_assert_str_eq(fx_run(), "HEAD 1 :status=200\n");
    hp_window(&fx.peer, 1, 1);
    cr_assert_str_eq(fx_run(), "DATA 1 o\n");
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10);
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    cr_assert_str_eq(fx_run(), "SETTINGS ack\nSETTINGS ack\n");
    hp_window(&fx.peer, 1, 1);
    cr_assert_str_eq(fx_run(), "DATA 1 k end\n");
    cr_assert_eq(fx.h2.stream_cnt, 0);
    end();
}

Test(h2_body, ends_reach_nghttp2)
{
    /* Goal: every way that a body ends closes its stream. */
    begin_with(0);
    (void)fx_take();
    ask(1, "ok");
    fx.streams[0].has_trailers = true;
    (void)fx_run();
    hp_window(&fx.peer, 1, 2);
    cr_assert_str_eq(fx_run(), "DATA 1 ok\nHEAD 1 grpc-status=0 end\n");
    ask(3, "ok");
    (void)fx_run();
    hp_window(&fx.peer, 3, 2);
    cr_assert_str_eq(fx_run(), "DATA 3 ok end\n");
    cr_assert_eq(fx.h2.stream_cnt, 0);
    end();
}

Test(h2_body, windows_too_large)
{
    /* Goal: a window beyond 2^31-1 is an error of its stream, or of the connection (RFC 9113
     * sections 6.9.1 and 6.9.2). */
    begin_with(65535);
    ask(1, "ok");
    fx.streams[0].ready = 0;
    (void)fx_run();
    hp_window(&fx.peer, 1, INT32_MAX - 65535);
    cr_assert_str_eq(fx_run(), "");
    hp_window(&fx.peer, 1, 1);
    cr_assert_str_eq(fx_run(), "RST 1 FLOW_CONTROL_ERROR\n");
    hp_window(&fx.peer, 0, INT32_MAX - 65535);
    cr_assert_str_eq(fx_run(), "");
    hp_window(&fx.peer, 0, 1);
    fx_check_over("GOAWAY 1 FLOW_CONTROL_ERROR\n", TC_H2_PROTOCOL);
    fx_close();
    fx_open();
    hp_preface(&fx.peer);
    ask(1, "ok");
    fx.streams[0].ready = 0;
    (void)fx_run();
    hp_window(&fx.peer, 1, INT32_MAX - 65535);
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65536);
    fx_check_over("GOAWAY 1 FLOW_CONTROL_ERROR\n", TC_H2_PROTOCOL);
    end();
}

Test(h2_body, one_window_for_several)
{
    /* Goal: streams take turns, and those that wait for the connection's window go on when it
     * opens; one that is reset meanwhile is forgotten. */
    static char text[65535 + 1];
    begin_with(1 << 20);
    memset(text, 'x', sizeof(text) - 1);
    ask(1, text);
    (void)fx_run();
    cr_assert_eq(fx.peer.body_len, 65535);
    ask(3, "three");
    ask(5, "five");
    ask(7, "seven");
    (void)fx_run();
    hp_reset(&fx.peer, 5, NGHTTP2_CANCEL);
    hp_window(&fx.peer, 0, 7);
    cr_assert_str_eq(fx_run(), "DATA 3 three end\nDATA 7 se\n");
    hp_window(&fx.peer, 0, 100);
    cr_assert_str_eq(fx_run(), "DATA 7 ven end\n");
    cr_assert_eq(fx.h2.stream_cnt, 0);
    end();
}

Test(h2_body, several_frames_at_once)
{
    /* Goal: with room for more than a frame, a body is taken at once and framed as any peer takes
     * it, whole, also where a window cuts the last frame. */
    static char text[40000 + 1];
    begin_with(1 << 20);
    fx.emit_cap = 50000;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + i * 7 % 26);
    ask(1, text);
    cr_assert_str_eq(fx_run(),
                     "HEAD 1 :status=200\nDATA 1 #16384\nDATA 1 #16384\nDATA 1 #7232 end\n");
    cr_assert_eq(fx.peer.body_len, sizeof(text) - 1);
    cr_assert_eq(memcmp(fx.peer.body, text, sizeof(text) - 1), 0);
    ask(3, text);
    cr_assert_str_eq(fx_run(), "HEAD 3 :status=200\nDATA 3 #16384\nDATA 3 #9151\n");
    hp_window(&fx.peer, 0, 40000);
    cr_assert_str_eq(fx_run(), "DATA 3 #14465 end\n");
    cr_assert_eq(memcmp(fx.peer.body + sizeof(text) - 1, text, sizeof(text) - 1), 0);
    end();
}

Test(h2_body, window_within_a_block)
{
    /* Goal: a WINDOW_UPDATE where only CONTINUATION may come is nghttp2's to refuse. */
    begin_with(100);
    ask(1, "ok");
    (void)fx_run();
    hp_frame(&fx.peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 3, "\x82", 1);
    hp_window(&fx.peer, 0, 100);
    (void)fx_run();
    cr_assert_eq(fx.h2.fault, TC_H2_PROTOCOL);
    end();
}

Test(h2_body, resumed_while_it_is_asked)
{
    /* Goal: room for more may make a body write more, so that it is resumed within its own turn:
     * it stands in the list once, whatever its window does and though it is reset. */
    static char text[3 * 16384 + 1];
    begin_with(20000);
    memset(text, 'x', sizeof(text) - 1);
    fx.is_resuming = true;
    for (int32_t id = 1; id <= 5; id += 2)
        ask(id, text);
    (void)fx_run();
    cr_assert_eq(fx.peer.body_len, 3 * 20000);
    hp_reset(&fx.peer, 3, NGHTTP2_CANCEL);
    hp_window(&fx.peer, 0, 1 << 20);
    hp_window(&fx.peer, 1, 1 << 20);
    hp_window(&fx.peer, 5, 1 << 20);
    (void)fx_run();
    cr_assert_eq(fx.peer.body_len, 2 * (sizeof(text) - 1) + 20000);
    cr_assert_eq(fx.h2.stream_cnt, 0);
    end();
}
