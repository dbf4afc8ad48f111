// SPDX-License-Identifier: Apache-2.0
/* Goal: what a peer may do is counted exactly, time gives it back, and whoever goes beyond is told
 * which rule it was. */
#include "tests/unit/proto/h2/fixture.h"

#define CALM(last) "GOAWAY " last " ENHANCE_YOUR_CALM\n"
#define MS_NS 1000000ll

/* ---- CONTINUATIONs ---- */

static void send_in_parts(int32_t id, int continuation_cnt)
{
    uint8_t block[100];
    size_t len = hp_block(block, HP_GET("/"));
    hp_frame(&fx.peer, NGHTTP2_HEADERS, HP_END, id, block, 1);
    for (int i = 1; i < continuation_cnt; i++)
        hp_frame(&fx.peer, NGHTTP2_CONTINUATION, 0, id, block + i, 1);
    hp_frame(&fx.peer, NGHTTP2_CONTINUATION, HP_END_HEADERS, id, block + continuation_cnt,
             len - (size_t)continuation_cnt);
}

Test(h2_limits, continuations)
{
    /* Goal: a head in TC_H2_CONTINUATIONS_MAX of them is one of many, one more is too many. */
    fx_open_class();
    fx_begin();
    for (int32_t id = 1; id < 9; id += 2) {
        send_in_parts(id, TC_H2_CONTINUATIONS_MAX);
        cr_assert_str_eq(fx_run(), "");
    }
    cr_assert_eq(fx.h2.stream_cnt, 4);
    send_in_parts(9, TC_H2_CONTINUATIONS_MAX + 1);
    fx_check_over(CALM("9"), TC_H2_CALM);
    fx_close();
    fx_close_class();
}

/* ---- resets ---- */

/* Opens streams and resets them, from id on. */
static int32_t reset_many(int32_t id, int cnt)
{
    for (int i = 0; i < cnt; i++, id += 2) {
        hp_head(&fx.peer, id, HP_END, HP_GET("/"));
        hp_reset(&fx.peer, id, NGHTTP2_CANCEL);
        (void)fx_take();
    }
    return id;
}

Test(h2_limits, resets_of_the_peer)
{
    /* Goal: TC_H2_RESETS_MAX at once and TC_H2_RESETS_PER_S a second; one more is the end. */
    fx_open_class();
    fx_begin();
    int32_t id = reset_many(1, TC_H2_RESETS_MAX);
    cr_assert_str_eq(fx_run(), "");
    fx.now_ns += 1000 * MS_NS;
    id = reset_many(id, TC_H2_RESETS_PER_S);
    cr_assert_str_eq(fx_run(), "");
    cr_assert_eq(fx.h2.fault, TC_H2_FINE);
    reset_many(id, 1);
    fx_check_over(CALM("467"), TC_H2_CALM);
    fx_close();
    fx_close_class();
}

Test(h2_limits, resets_of_ours)
{
    /* Goal: requests that make us reset are counted as the peer's resets are (CVE-2025-8671); those
     * that are refused or not wanted any more are not. */
    fx_open_class();
    fx_begin();
    int32_t id = 1;
    fx.is_refusing = true;
    for (int i = 0; i < 2 * TC_H2_RESETS_MAX; i++, id += 2) {
        hp_head(&fx.peer, id, HP_END, HP_GET("/"));
        (void)fx_run();
    }
    fx.is_refusing = false;
    for (int i = 0; i < TC_H2_RESETS_MAX; i++, id += 2) {
        char want[64];
        hp_head(&fx.peer, id, HP_END, ":method GET\n");
        snprintf(want, sizeof(want), "RST %d PROTOCOL_ERROR\n", id);
        cr_assert_str_eq(fx_run(), want);
    }
    cr_assert_eq(fx.h2.fault, TC_H2_FINE);
    fx.now_ns += 31 * MS_NS; /* one more */
    hp_head(&fx.peer, id, 0, HP_METHOD("POST", "/"));
    hp_window(&fx.peer, id, INT32_MAX);
    hp_head(&fx.peer, id + 2, HP_END, ":method GET\n");
    fx_check_over("RST 1201 FLOW_CONTROL_ERROR\nRST 1203 PROTOCOL_ERROR\n" CALM("1203"),
                  TC_H2_CALM);
    cr_assert_str_eq(fx_take(), "open 1201 POST / host=h scheme=http\n"
                                "close 1201 FLOW_CONTROL_ERROR\n");
    fx_close();
    fx_close_class();
}

/* ---- frames that bring nothing ---- */

/* PINGs until one is too many, at most max: how many were right. The answers are read in between.
 */
static int ping_out(int max)
{
    int cnt = 0;
    for (; cnt < max && fx.h2.fault == TC_H2_FINE; cnt++) {
        hp_ping(&fx.peer, NGHTTP2_FLAG_ACK);
        (void)fx_run();
    }
    return fx.h2.fault == TC_H2_FINE ? cnt : cnt - 1;
}

Test(h2_limits, empty_frames)
{
    /* Goal: TC_H2_EMPTY_MAX at once, TC_H2_EMPTY_PER_S a second; the client's SETTINGS are the
     * first of them. */
    fx_open_class();
    fx_begin();
    cr_assert_eq(ping_out(TC_H2_EMPTY_MAX - 1), TC_H2_EMPTY_MAX - 1);
    fx.now_ns += 1000 * MS_NS;
    cr_assert_eq(ping_out(10000), TC_H2_EMPTY_PER_S);
    cr_assert_eq(fx.h2.fault, TC_H2_CALM);
    fx_close();
    fx_close_class();
}

/* Spends all but `left`. */
static void begin_with(int left)
{
    fx_begin();
    cr_assert_eq(ping_out(TC_H2_EMPTY_MAX - 1 - left), TC_H2_EMPTY_MAX - 1 - left);
}

Test(h2_limits, kinds_of_empty_frames)
{
    /* Goal: each frame that brings nothing costs one, one that brings something does not. */
    fx_open_class();
    for (int kind = 0; kind < 10; kind++) {
        begin_with(1);
        hp_head(&fx.peer, 1, 0, HP_METHOD("POST", "/"));
        hp_data(&fx.peer, 1, 0, "something");
        (void)fx_run();
        cr_assert_eq(fx.h2.fault, TC_H2_FINE);
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(fx.h2.fault, TC_H2_FINE, "kind %d", kind);
            if (kind == 0)
                hp_data(&fx.peer, 1, 0, "");
            else if (kind == 1)
                hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535);
            else if (kind == 2)
                hp_frame(&fx.peer, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
            else if (kind == 3)
                hp_ping(&fx.peer, 0);
            else if (kind == 4)
                hp_window(&fx.peer, 0, 1);
            else if (kind == 5)
                hp_window(&fx.peer, 1, 1);
            else if (kind == 6)
                hp_priority(&fx.peer, 1, 0);
            else if (kind == 7)
                hp_frame(&fx.peer, 0x77, 0, 0, "unknown", 7);
            else if (kind == 8)
                hp_frame(&fx.peer, NGHTTP2_PRIORITY_UPDATE, 0, 0, "\0\0\0\1u=1", 7);
            else
                hp_frame(&fx.peer, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
            (void)fx_run();
        }
        cr_assert_eq(fx.h2.fault, TC_H2_CALM, "kind %d", kind);
        fx_close();
    }
    fx_close_class();
}

Test(h2_limits, data_earns)
{
    /* Goal: TC_H2_EARNED_PER_DATA such frames are free for each DATA frame of ours, spent before
     * what time gives, and no more than TC_H2_EARNED_MAX are kept. */
    static char body[65536];
    memset(body, 'b', sizeof(body) - 1);
    fx_open_class();
    begin_with(0);
    fx.is_answering = true;
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "HEAD 1 :status=200\nDATA 1 ok end\n");
    cr_assert_eq(ping_out(10000), TC_H2_EARNED_PER_DATA);
    fx_close();
    begin_with(5);
    fx.is_answering = false;
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, 0, body);
    fx.emit_cap = TC_H2_EMIT_MIN;
    fx.peer.is_data_hidden = true;
    cr_assert_str_eq(fx_hear(), "HEAD 1 :status=200\nDATA 1 end\n");
    cr_assert_eq(fx.peer.body_len, sizeof(body) - 1);
    cr_assert_eq(ping_out(10000), TC_H2_EARNED_MAX + 5);
    fx_close();
    fx_close_class();
}

Test(h2_limits, answers_that_are_not_read)
{
    /* Goal: whoever asks and asks without reading is told, before memory grows without a bound. */
    fx_open_class();
    fx_begin();
    for (int i = 0; i < TC_H2_EMPTY_MAX + 1; i++)
        hp_ping(&fx.peer, 0);
    fx_feed_by(SIZE_MAX / 2);
    cr_assert_eq(fx.h2.fault, TC_H2_CALM);
    cr_assert_lt(fx.class.purse.used_bytes, 8 * TC_H2_CONN_BYTES);
    fx_close();
    fx_close_class();
}

/* ---- streams ---- */

Test(h2_limits, streams_at_once)
{
    /* Goal: TC_H2_STREAMS_MAX; more are refused while the client cannot know better, even with
     * their bodies, and an error once it has confirmed the settings. */
    fx_open_class();
    fx_begin();
    int32_t id = 1;
    for (int i = 0; i < TC_H2_STREAMS_MAX; i++, id += 2)
        hp_head(&fx.peer, id, 0, HP_METHOD("POST", "/"));
    cr_assert_str_eq(fx_run(), "");
    cr_assert_eq(fx.h2.stream_cnt, TC_H2_STREAMS_MAX);
    hp_head(&fx.peer, id, 0, HP_METHOD("POST", "/"));
    hp_data(&fx.peer, id, HP_END, "body");
    hp_head(&fx.peer, id + 2, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "RST 201 REFUSED_STREAM\nRST 203 REFUSED_STREAM\n");
    hp_data(&fx.peer, id, HP_END, "late");
    cr_assert_str_eq(fx_run(), "");
    hp_reset(&fx.peer, 1, NGHTTP2_CANCEL);
    hp_head(&fx.peer, id + 4, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "");
    cr_assert_eq(fx.h2.stream_cnt, TC_H2_STREAMS_MAX);
    hp_frame(&fx.peer, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    hp_head(&fx.peer, id + 6, HP_END, HP_GET("/"));
    fx_check_over("GOAWAY 205 PROTOCOL_ERROR\n", TC_H2_PROTOCOL);
    fx_close();
    fx_close_class();
}

Test(h2_limits, numbers_that_go_back)
{
    /* Goal: RFC 9113 section 5.1.1: a stream that was passed over is closed (64 of them are
     * remembered, what comes for one before is passed over); even numbers and 0 are not the
     * client's. */
    static const struct {
        int32_t first, second;
        const char *lines;
    } cases[] = {
        { 5, 3, "GOAWAY 5 PROTOCOL_ERROR\n" },
        { 127, 1, "GOAWAY 127 PROTOCOL_ERROR\n" },
        { 129, 1, "" },
        { 301, 1, "" },
        { INT32_MAX, 1, "" },
        { 5, 4, "GOAWAY 5 PROTOCOL_ERROR\n" },
        { 5, 6, "GOAWAY 5 PROTOCOL_ERROR\n" },
        { 5, 0, "GOAWAY 5 PROTOCOL_ERROR\n" },
    };
    fx_open_class();
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        fx_begin();
        hp_head(&fx.peer, cases[i].first, HP_END, HP_GET("/"));
        cr_assert_str_eq(fx_run(), "");
        hp_head(&fx.peer, cases[i].second, HP_END, HP_GET("/"));
        cr_assert_str_eq(fx_run(), cases[i].lines, "%d %d", cases[i].first, cases[i].second);
        cr_assert_eq(fx.h2.is_over, cases[i].lines[0] != 0, "%d", cases[i].second);
        cr_assert_eq(fx.h2.stream_cnt, 1);
        fx_close();
    }
    fx_close_class();
}

Test(h2_limits, frames_on_streams_that_were_passed_over)
{
    /* Goal: DATA on one that never was, before and behind the last. */
    fx_open_class();
    for (int32_t id = 3; id <= 7; id += 4) {
        fx_begin();
        hp_head(&fx.peer, 5, HP_END, HP_GET("/"));
        hp_data(&fx.peer, id, 0, "x");
        cr_assert_str_eq(fx_run(), "GOAWAY 5 PROTOCOL_ERROR\n");
        fx_close();
    }
    fx_close_class();
}

/* ---- streams that are over ---- */

/* Stream 1 is over: 0: by END_STREAM of both, 1: by the peer's reset, 2: by our reset, 3: by our
 * answer before its end. Then `more` streams more. */
static void end_one(int way, int more)
{
    fx_begin();
    hp_head(&fx.peer, 1, way == 0 ? HP_END : 0, HP_METHOD("POST", "/"));
    if (way == 1)
        hp_reset(&fx.peer, 1, NGHTTP2_CANCEL);
    (void)fx_run();
    if (way == 0 || way == 3)
        fx_answer(&fx.h2, 0, "");
    if (way == 2)
        tc_h2_reset(&fx.h2, 1, NGHTTP2_CANCEL);
    (void)fx_run();
    for (int32_t id = 3; id < 3 + 2 * more; id += 2)
        hp_head(&fx.peer, id, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "");
    cr_assert_eq(fx.h2.fault, TC_H2_FINE);
    cr_assert_eq(fx.h2.stream_cnt, (uint32_t)more);
    (void)fx_take();
}

Test(h2_limits, frames_on_streams_that_are_over)
{
    /* Goal: RFC 9113 section 5.1: DATA and HEADERS on a stream that the peer has ended are an
     * error; on one that we have ended they are passed over: they were on their way. */
    static const int counts[] = { 0, 1, 62, 63 };
    fx_open_class();
    for (int way = 0; way < 4; way++) {
        for (size_t i = 0; i < 2 * TC_ARRAY_CNT(counts); i++) {
            char want[64] = "";
            int more = counts[i / 2];
            end_one(way, more);
            if (i % 2)
                hp_data(&fx.peer, 1, HP_END, "x");
            else
                hp_head(&fx.peer, 1, HP_END, "x-trailer 1\n");
            if (way < 2)
                snprintf(want, sizeof(want), "GOAWAY %d STREAM_CLOSED\n", 1 + 2 * more);
            cr_assert_str_eq(fx_run(), want, "way %d, %d more", way, more);
            cr_assert_eq(fx.h2.fault, way < 2 ? TC_H2_PROTOCOL : TC_H2_FINE);
            cr_assert_str_eq(fx_take(), "");
            fx_close();
        }
    }
    fx_close_class();
}

Test(h2_limits, windows_and_resets_of_streams_that_are_over)
{
    /* Goal: WINDOW_UPDATE, RST_STREAM and PRIORITY may come late in any case. */
    fx_open_class();
    for (int way = 0; way < 4; way++) {
        end_one(way, 1);
        hp_window(&fx.peer, 1, 5);
        hp_reset(&fx.peer, 1, NGHTTP2_CANCEL);
        hp_priority(&fx.peer, 1, 0);
        cr_assert_str_eq(fx_run(), "", "way %d", way);
        cr_assert_eq(fx.h2.fault, TC_H2_FINE);
        fx_close();
    }
    fx_close_class();
}

/* ---- PRIORITY ---- */

Test(h2_limits, priority)
{
    /* Goal: of what it says only what RFC 7540 section 5.3.1 and RFC 9113 section 6.3 forbid is
     * looked at, however it is cut. */
    static const struct {
        int32_t id;
        uint32_t on;
        const char *lines;
    } cases[] = {
        { 1, 0, "" },
        { 1, 0x80000000u, "" },
        { 3, 1, "" },
        { 0, 1, "GOAWAY 0 PROTOCOL_ERROR\n" },
        { 3, 3, "GOAWAY 0 PROTOCOL_ERROR\n" },
        { 3, 0x80000003u, "GOAWAY 0 PROTOCOL_ERROR\n" },
    };
    fx_open_class();
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        for (size_t step = 1; step <= 14; step++) {
            fx_begin();
            hp_priority(&fx.peer, cases[i].id, cases[i].on);
            fx_feed_by(step);
            cr_assert_str_eq(fx_hear(), cases[i].lines, "%zu by %zu", i, step);
            cr_assert_eq(fx.h2.fault, cases[i].lines[0] ? TC_H2_PROTOCOL : TC_H2_FINE);
            fx_close();
        }
    }
    fx_begin();
    hp_frame(&fx.peer, NGHTTP2_PRIORITY, 0, 1, "1234", 4);
    fx_check_over("GOAWAY 0 FRAME_SIZE_ERROR\n", TC_H2_PROTOCOL);
    fx_close();
    fx_close_class();
}
