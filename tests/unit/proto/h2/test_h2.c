// SPDX-License-Identifier: Apache-2.0
/* Goal: requests come in and answers go out as frames say, however the bytes are cut and however
 * little room there is; whatever ends, all memory is back. */
#include "proto/h2/h2.h"

#include "tests/unit/proto/h2/fixture.h"

#define OPEN(id, path) "open " id " GET " path " host=h scheme=http\n"

static char big[100000];

static void fill_big(void)
{
    for (size_t i = 0; i < sizeof(big) - 1; i++)
        big[i] = (char)('a' + i % 23);
}

/* ---- life ---- */

Test(h2, life)
{
    /* Goal: settings come first, unasked; a request without and one with a body are told and
     * answered; a ping is answered; the peer's end is the connection's. */
    fx_open_class();
    fx_open();
    cr_assert(tc_h2_has_output(&fx.h2));
    cr_assert_str_eq(fx_run(), "SETTINGS 3=100 6=16384 9=1\n");
    cr_assert_gt(fx.class.purse.used_bytes, 0);
    hp_preface(&fx.peer);
    hp_head(&fx.peer, 1, HP_END, HP_GET("/a?b=c?d") "x-y 1\nx-y 2\n");
    cr_assert_str_eq(fx_run(), "SETTINGS ack\n");
    cr_assert_str_eq(fx_take(), "open 1 GET /a?b=c?d host=h scheme=http x-y=1 x-y=2\nend 1 \n");
    fx_answer(&fx.h2, 0, "one");
    cr_assert_str_eq(fx_run(), "HEAD 1 :status=200\nDATA 1 one end\n");
    cr_assert_str_eq(fx_take(), "close 1 NO_ERROR\n");
    hp_head(&fx.peer, 3, 0, HP_METHOD("POST", "/p"));
    hp_data(&fx.peer, 3, 0, "hel");
    hp_data(&fx.peer, 3, HP_END, "lo");
    hp_ping(&fx.peer, 0);
    cr_assert_str_eq(fx_run(), "PING ack\n");
    cr_assert_str_eq(fx_take(), "open 3 POST /p host=h scheme=http\nend 3 hello\n");
    fx_answer(&fx.h2, 1, "");
    cr_assert_str_eq(fx_run(), "HEAD 3 :status=200\nDATA 3 end\n");
    cr_assert_eq(fx.h2.stream_cnt, 0);
    hp_frame(&fx.peer, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    cr_assert_not(fx.h2.is_over);
    fx_check_over("", TC_H2_FINE);
    fx_close();
    fx_close_class();
}

Test(h2, wrong_preface)
{
    /* Goal: what does not begin as RFC 9113 section 3.4 says is told so, once. */
    fx_open_class();
    fx_open();
    hp_bytes(&fx.peer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 24);
    hp_frame(&fx.peer, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    fx_check_over("SETTINGS 3=100 6=16384 9=1\nGOAWAY 0 PROTOCOL_ERROR\n", TC_H2_PROTOCOL);
    hp_ping(&fx.peer, 0);
    fx_check_over("", TC_H2_PROTOCOL);
    fx_close();
    fx_close_class();
}

/* A client's half of a conversation in which most of what there is happens. */
static void speak(struct hp *p)
{
    static char block[2000];
    size_t len =
        hp_block((uint8_t *)block, HP_GET("/cut") "x-long aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    hp_preface(p);
    hp_priority(p, 9, 7);
    hp_head(p, 1, HP_END, HP_GET("/one?x"));
    hp_head(p, 3, 0, HP_METHOD("POST", "/two") "content-length 10\n");
    hp_data(p, 3, 0, "01234");
    hp_frame(p, NGHTTP2_HEADERS, HP_END, 5, block, 10);
    hp_frame(p, NGHTTP2_CONTINUATION, 0, 5, block + 10, 20);
    hp_frame(p, NGHTTP2_CONTINUATION, HP_END_HEADERS, 5, block + 30, len - 30);
    hp_data(p, 3, 0, "");
    hp_ping(p, 0);
    hp_frame(p, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED | HP_END, 3, "\00356789\0\0\0", 9);
    hp_frame(p, 0xfa, 0, 0, "unknown", 7);
    hp_head(p, 7, 0, HP_METHOD("POST", "/trailers"));
    hp_data(p, 7, 0, "body");
    hp_head(p, 7, HP_END, "x-sum 4\n");
    hp_head(p, 9, HP_END, ":method GET\n:path /\n:scheme http\n");
    hp_head(p, 11, 0, HP_METHOD("POST", "/reset"));
    hp_reset(p, 11, NGHTTP2_CANCEL);
    hp_window(p, 0, 1000);
}

Test(h2, cuts_of_input)
{
    /* Goal: however a conversation is cut, the same is noted and the same is answered. */
    static struct hp all;
    fx_open_class();
    hp_init(&all);
    speak(&all);
    hp_fini(&all);
    char *lines = NULL, *notes = NULL;
    for (size_t step = all.out_len; step > 0; step--) {
        fx_open();
        fx.is_answering = true;
        hp_bytes(&fx.peer, all.out, all.out_len);
        fx_feed_by(step);
        const char *got = fx_hear();
        cr_assert_eq(fx.h2.fault, TC_H2_FINE, "step %zu: %s", step, got);
        if (!lines) {
            lines = strdup(got);
            notes = strdup(fx_take());
            cr_assert_str_eq(
                notes, OPEN("1", "/one?x") "end 1 \nopen 3 POST /two host=h scheme=http "
                                           "content-length=10\nopen 5 GET /cut host=h scheme=http "
                                           "x-long=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nend 5 \n"
                                           "end 3 0123456789\nopen 7 POST /trailers host=h "
                                           "scheme=http\nend 7 body\nopen 11 POST /reset host=h "
                                           "scheme=http\nclose 11 CANCEL\nclose 1 NO_ERROR\n"
                                           "close 3 NO_ERROR\nclose 5 NO_ERROR\n"
                                           "close 7 NO_ERROR\n");
        } else {
            cr_assert_str_eq(got, lines, "step %zu", step);
            cr_assert_str_eq(fx_take(), notes, "step %zu", step);
        }
        fx_close();
    }
    cr_assert_not_null(strstr(lines, "RST 9 PROTOCOL_ERROR\n"));
    free(lines);
    free(notes);
    fx_close_class();
}

/* ---- answers ---- */

Test(h2, room_for_output)
{
    /* Goal: with any room from TC_H2_EMIT_MIN on the client gets the same frames, and the same body
     * in as many DATA frames as it takes. */
    char *lines = NULL;
    static char value[301];
    fx_open_class();
    fill_big();
    memset(value, 'v', sizeof(value) - 1);
    for (size_t cap = 20000; cap >= TC_H2_EMIT_MIN; cap -= cap > 400 ? 700 : 1) {
        fx_open();
        fx.emit_cap = cap;
        fx.peer.is_data_hidden = true;
        hp_preface(&fx.peer);
        for (int i = 0; i < 9; i++)
            hp_ping(&fx.peer, 0);
        hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
        hp_head(&fx.peer, 3, HP_END, HP_GET("/"));
        fx_feed_by(SIZE_MAX / 2);
        struct tc_http1_field field = { TC_STR("x"), { value, 300 } };
        fx_answer(&fx.h2, 0, "");
        fx.streams[0].body = big;
        fx.streams[0].len = fx.streams[0].ready = 20011;
        fx.streams[0].has_trailers = true;
        cr_assert(tc_h2_respond(&fx.h2, 3, 404, &field, 1, true));
        tc_h2_ping(&fx.h2);
        const char *got = fx_hear();
        lines = lines ? lines : strdup(got);
        cr_assert_str_eq(got, lines, "room %zu", cap);
        cr_assert_eq(fx.peer.body_len, 20011);
        cr_assert_eq(memcmp(fx.peer.body, big, 20011), 0);
        fx_close();
    }
    cr_assert_not_null(strstr(lines, "HEAD 1 grpc-status=0 end\n"));
    free(lines);
    fx_close_class();
}

Test(h2, windows)
{
    /* Goal: no more of a body is sent than windows let through, each byte once; they may become
     * negative (RFC 9113 section 6.9.2). */
    fx_open_class();
    fx_open();
    hp_preface(&fx.peer);
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 5);
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, 0, "0123456789abcdef");
    cr_assert_str_eq(fx_hear(), HP_SETTINGS "SETTINGS ack\nHEAD 1 :status=200\nDATA 1 01234\n");
    hp_window(&fx.peer, 1, 3);
    cr_assert_str_eq(fx_run(), "DATA 1 567\n");
    hp_window(&fx.peer, 0, 1000);
    cr_assert_str_eq(fx_run(), "");
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1); /* -4 */
    hp_window(&fx.peer, 1, 4);
    cr_assert_str_eq(fx_run(), "SETTINGS ack\n");
    hp_window(&fx.peer, 1, 1);
    cr_assert_str_eq(fx_run(), "DATA 1 8\n");
    hp_window(&fx.peer, 1, 1000);
    cr_assert_str_eq(fx_run(), "DATA 1 9abcdef end\n");
    fx_close();
    fill_big();
    fx_begin();
    hp_setting(&fx.peer, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20);
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, 0, big);
    (void)fx_hear();
    cr_assert_eq(fx.peer.body_len, 65535, "the connection's");
    hp_window(&fx.peer, 0, 1 << 20);
    (void)fx_run();
    cr_assert_eq(fx.peer.body_len, sizeof(big) - 1);
    cr_assert_eq(memcmp(fx.peer.body, big, sizeof(big) - 1), 0);
    fx_close();
    fx_close_class();
}

Test(h2, bodies_that_wait)
{
    /* Goal: a body of which there is nothing for now is asked for again after tc_h2_resume only. */
    fx_open_class();
    fx_begin();
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, 0, "0123456789");
    fx.streams[0].ready = 0;
    cr_assert_str_eq(fx_hear(), "HEAD 1 :status=200\n");
    fx.streams[0].ready = 4;
    hp_window(&fx.peer, 1, 1);
    cr_assert_str_eq(fx_run(), "");
    tc_h2_resume(&fx.h2, 0);
    cr_assert(tc_h2_has_output(&fx.h2));
    cr_assert_str_eq(fx_run(), "DATA 1 0123\n");
    tc_h2_resume(&fx.h2, 0);
    cr_assert_str_eq(fx_run(), "");
    fx.streams[0].ready = 10;
    tc_h2_resume(&fx.h2, 0);
    cr_assert_str_eq(fx_run(), "DATA 1 456789 end\n");
    fx_close();
    fx_close_class();
}

Test(h2, trailers)
{
    /* Goal: trailers behind a body, behind an empty one, and an answer of a head alone. */
    const struct tc_http1_field fields[] = { { TC_STR("content-type"), TC_STR("a/b") },
                                             { TC_STR("grpc-status"), TC_STR("12") } };
    fx_open_class();
    fx_begin();
    for (int id = 1; id <= 5; id += 2)
        hp_head(&fx.peer, id, HP_END, HP_GET("/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, 0, "body");
    fx.streams[0].has_trailers = true;
    cr_assert_str_eq(fx_hear(), "HEAD 1 :status=200\nDATA 1 body\nHEAD 1 grpc-status=0 end\n");
    fx_answer(&fx.h2, 1, "");
    fx.streams[1].has_trailers = true;
    cr_assert_str_eq(fx_hear(), "HEAD 3 :status=200\nHEAD 3 grpc-status=0 end\n");
    cr_assert(tc_h2_respond(&fx.h2, 5, 200, fields, 2, true));
    cr_assert_str_eq(fx_hear(), "HEAD 5 :status=200 content-type=a/b grpc-status=12 end\n");
    cr_assert_eq(fx.h2.stream_cnt, 0);
    fx_close();
    fx_close_class();
}

Test(h2, answer_before_the_request_has_ended)
{
    /* Goal: the rest of the request is not waited for (RFC 9113 section 8.1), and not complained
     * about. */
    fx_open_class();
    fx_begin();
    hp_head(&fx.peer, 1, 0, HP_METHOD("POST", "/"));
    fx_feed_by(SIZE_MAX / 2);
    fx_answer(&fx.h2, 0, "no");
    cr_assert_str_eq(fx_hear(), "HEAD 1 :status=200\nDATA 1 no end\nRST 1 NO_ERROR\n");
    cr_assert_str_eq(fx_take(), "open 1 POST / host=h scheme=http\nclose 1 NO_ERROR\n");
    hp_data(&fx.peer, 1, 0, "late");
    hp_data(&fx.peer, 1, HP_END, "r");
    cr_assert_str_eq(fx_run(), "");
    hp_head(&fx.peer, 3, HP_END, HP_GET("/"));
    fx.is_answering = true;
    cr_assert_str_eq(fx_run(), "HEAD 3 :status=200\nDATA 3 ok end\n");
    fx_close();
    fx_close_class();
}

Test(h2, consume)
{
    /* Goal: windows are opened by what was consumed, and for requests that nobody wants as well. */
    fx_open_class();
    fx_begin();
    fill_big();
    fx.is_unconsuming = true;
    hp_head(&fx.peer, 1, 0, HP_METHOD("POST", "/"));
    for (int i = 0; i < 4; i++)
        hp_frame(&fx.peer, NGHTTP2_DATA, 0, 1, big, 16000);
    cr_assert_str_eq(fx_run(), "");
    tc_h2_consume(&fx.h2, 1, 64000);
    cr_assert_str_eq(fx_run(), "WINDOW 0 +64000\nWINDOW 1 +64000\n");
    fx.is_refusing = true;
    hp_head(&fx.peer, 3, 0, HP_METHOD("POST", "/"));
    for (int i = 0; i < 4; i++)
        hp_frame(&fx.peer, NGHTTP2_DATA, 0, 3, big, 16000);
    cr_assert_str_eq(fx_run(), "RST 3 REFUSED_STREAM\nWINDOW 0 +48000\n");
    fx_close();
    fx_close_class();
}

/* ---- ends ---- */

Test(h2, resets)
{
    /* Goal: a stream ends by either side, before its answer, in it, and without a request that has
     * ended; what is done for it afterwards does no harm. */
    fx_open_class();
    fx_begin();
    fill_big();
    for (int id = 1; id <= 7; id += 2)
        hp_head(&fx.peer, id, id == 7 ? 0 : HP_END, HP_GET("/"));
    (void)fx_run();
    (void)fx_take();
    hp_reset(&fx.peer, 1, NGHTTP2_CANCEL);
    cr_assert_str_eq(fx_run(), "");
    cr_assert_str_eq(fx_take(), "close 1 CANCEL\n");
    tc_h2_consume(&fx.h2, 1, 1);
    (void)tc_h2_respond(&fx.h2, 1, 200, NULL, 0, false);
    (void)tc_h2_trailers(&fx.h2, 1, NULL, 0);
    cr_assert_str_eq(fx_run(), "");
    fx_answer(&fx.h2, 1, big);
    (void)fx_run();
    cr_assert_eq(fx.peer.body_len, 65535);
    hp_reset(&fx.peer, 3, NGHTTP2_INTERNAL_ERROR);
    cr_assert_str_eq(fx_run(), "");
    cr_assert_str_eq(fx_take(), "close 3 INTERNAL_ERROR\n");
    tc_h2_reset(&fx.h2, 5, NGHTTP2_INTERNAL_ERROR);
    tc_h2_reset(&fx.h2, 7, NGHTTP2_REFUSED_STREAM);
    cr_assert_str_eq(fx_run(), "RST 5 INTERNAL_ERROR\nRST 7 REFUSED_STREAM\n");
    cr_assert_str_eq(fx_take(), "close 5 INTERNAL_ERROR\nclose 7 REFUSED_STREAM\n");
    cr_assert_eq(fx.h2.fault, TC_H2_FINE);
    fx_close();
    fx_close_class();
}

Test(h2, goaway_in_two_steps)
{
    /* Goal: after the first GOAWAY new requests are still served, after the second those that had
     * come; then the connection is over. */
    fx_open_class();
    fx_begin();
    hp_head(&fx.peer, 1, HP_END, HP_GET("/1"));
    (void)fx_run();
    tc_h2_goaway_soon(&fx.h2);
    cr_assert_str_eq(fx_run(), "GOAWAY 2147483647 NO_ERROR\n");
    hp_head(&fx.peer, 3, HP_END, HP_GET("/3"));
    cr_assert_str_eq(fx_run(), "");
    tc_h2_goaway(&fx.h2);
    cr_assert_str_eq(fx_run(), "GOAWAY 3 NO_ERROR\n");
    cr_assert_str_eq(fx_take(), OPEN("1", "/1") "end 1 \n" OPEN("3", "/3") "end 3 \n");
    hp_head(&fx.peer, 5, HP_END, HP_GET("/5"));
    cr_assert_str_eq(fx_run(), "");
    cr_assert_str_eq(fx_take(), "");
    fx_answer(&fx.h2, 0, "one");
    cr_assert_str_eq(fx_run(), "HEAD 1 :status=200\nDATA 1 one end\n");
    cr_assert_not(fx.h2.is_over);
    fx_answer(&fx.h2, 1, "three");
    fx_check_over("HEAD 3 :status=200\nDATA 3 three end\n", TC_H2_FINE);
    fx_close();
    fx_close_class();
}

Test(h2, terminate)
{
    /* Goal: an end now: one GOAWAY, and what comes afterwards is passed over; a PING of ours. */
    fx_open_class();
    fx_begin();
    tc_h2_ping(&fx.h2);
    cr_assert_str_eq(fx_run(), "PING\n");
    hp_ping(&fx.peer, NGHTTP2_FLAG_ACK);
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "");
    tc_h2_terminate(&fx.h2, NGHTTP2_ENHANCE_YOUR_CALM);
    tc_h2_terminate(&fx.h2, NGHTTP2_NO_ERROR);
    fx_check_over("GOAWAY 1 ENHANCE_YOUR_CALM\n", TC_H2_CALM);
    hp_head(&fx.peer, 3, HP_END, HP_GET("/"));
    fx_check_over("", TC_H2_CALM);
    cr_assert_str_eq(fx_take(), OPEN("1", "/") "end 1 \n");
    fx_close();
    fx_close_class();
}

/* ---- memory ---- */

/* The purse of an nghttp2 in which some allocations fail. */
static struct {
    int64_t fail_at;
    int64_t cnt;
    bool is_once;
} failing;

static bool fails(void)
{
    int64_t at = failing.cnt++;
    return failing.is_once ? at == failing.fail_at : at >= failing.fail_at;
}

static void *failing_alloc(size_t bytes, void *ctx)
{
    return fails() ? NULL : tc_purse_alloc(ctx, bytes);
}

static void *failing_realloc(void *ptr, size_t bytes, void *ctx)
{
    return fails() ? NULL : tc_purse_realloc(ctx, ptr, bytes);
}

static void *failing_calloc(size_t cnt, size_t unit_bytes, void *ctx)
{
    void *ptr = failing_alloc(cnt * unit_bytes, ctx);
    return ptr ? memset(ptr, 0, cnt * unit_bytes) : NULL;
}

/* A conversation; what it says does not matter, only that it ends and all is back. */
static void converse(void)
{
    hp_init(&fx.peer);
    fx.stream_cnt = 0;
    if (tc_h2_open(&fx.h2, &fx.class, 7) == TC_OK) {
        speak(&fx.peer);
        (void)fx_run();
        tc_h2_ping(&fx.h2);
        hp_head(&fx.peer, 13, HP_END, HP_GET("/"));
        (void)fx_run();
        tc_h2_goaway_soon(&fx.h2);
        tc_h2_goaway(&fx.h2);
        (void)fx_run();
        (void)fx_take();
        tc_h2_close(&fx.h2);
    }
    hp_fini(&fx.peer);
    cr_assert_eq(fx.class.purse.used_bytes, 0);
    cr_assert_eq(fx.class.heads.used_cnt, 0);
}

Test(h2, memory_is_spent_anywhere)
{
    /* Goal: whichever allocation fails, alone or with all that follow: no crash, nothing is kept,
     * and the next connection works. */
    fx_open_class();
    fx.emit_cap = 16384;
    fx.is_answering = true;
    fx.class.mem.malloc = failing_alloc;
    fx.class.mem.realloc = failing_realloc;
    fx.class.mem.calloc = failing_calloc;
    failing.fail_at = INT64_MAX;
    converse();
    int64_t all = failing.cnt;
    cr_assert_gt(all, 50);
    for (int64_t k = 0; k < 2 * all; k++) {
        failing.fail_at = k / 2;
        failing.is_once = k % 2;
        failing.cnt = 0;
        converse();
    }
    failing.fail_at = INT64_MAX;
    fx_begin();
    fx_close();
    fx_close_class();
}

Test(h2, purse_is_spent)
{
    /* Goal: a connection for which there is no memory is refused; one that needs more than there is
     * ends, told so if possible. */
    fx_open_class();
    fx.class.purse.limit_bytes = 100;
    cr_assert_eq(tc_h2_open(&fx.h2, &fx.class, 7), -TC_ENOMEM);
    cr_assert_eq(fx.class.purse.used_bytes, 0);
    fx.class.purse.limit_bytes = FX_MEMORY_BYTES;
    fx_begin();
    fx.class.purse.limit_bytes = fx.class.purse.used_bytes;
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    (void)fx_run();
    cr_assert_eq(fx.h2.fault, TC_H2_NO_MEMORY);
    cr_assert(fx.h2.is_over);
    fx_close();
    fx.class.purse.limit_bytes = FX_MEMORY_BYTES;
    fx_begin();
    fx.class.purse.limit_bytes = fx.class.purse.used_bytes;
    tc_h2_terminate(&fx.h2, NGHTTP2_NO_ERROR);
    cr_assert(fx.h2.is_over, "it ends all the same");
    cr_assert_str_eq(fx_run(), "");
    fx_close();
    fx_close_class();
}

Test(h2, class_needs_memory)
{
    /* Goal: heads and what nghttp2 may take are counted at the beginning, for named holders. */
    struct tc_err err = { 0 };
    struct tc_mem mem;
    struct tc_h2_class class;
    static const uint64_t budgets[] = { 1000, 4 * sizeof(struct tc_h2_head) + FX_MEMORY_BYTES / 2 };
    static const char *const holders[] = { "worker 0: HTTP/2 heads", "worker 0: nghttp2" };
    for (int i = 0; i < 2; i++) {
        tc_mem_init(&mem, budgets[i]);
        int rc = tc_h2_class_init(&class, &fx_ops, NULL, FX_HEADS, FX_MEMORY_BYTES, &mem,
                                  "worker 0", &err);
        cr_assert_eq(rc, -TC_ENOMEM);
        cr_assert_not_null(strstr(err.text, holders[i]), "%s", err.text);
        tc_h2_class_fini(&class);
        tc_mem_fini(&mem);
    }
}

Test(h2, memory_of_a_connection)
{
    /* Goal: TC_H2_CONN_BYTES is about what one takes with a request under way. */
    fx_open_class();
    fx_begin();
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    (void)fx_run();
    cr_assert_leq(fx.class.purse.used_bytes, TC_H2_CONN_BYTES);
    cr_assert_geq(fx.class.purse.used_bytes, TC_H2_CONN_BYTES / 4);
    fx_close();
    fx_close_class();
}
