// SPDX-License-Identifier: Apache-2.0
/* Goal: connections of HTTP/2 begin by prior knowledge however the preface is cut, end for the
 * right reason and not too early, and leave gracefully. */
#include "io/session/h2.h"

#include "tests/unit/io/session/h2_wire.h"

static struct h2w w;

#define GOAWAY(last, code) "GOAWAY " last " " code "\n"

/* ---- beginnings ---- */

Test(h2_session, prior_knowledge)
{
    /* Goal: preface, settings, a request and half of another at once, or in pieces of any size. */
    nx_init(&nx, NULL);
    size_t step = 1;
    for (size_t len = 2; step < len; step += step < 50 ? 1 : 10) {
        h2w_accept(&w);
        hp_preface(&w.p);
        hp_head(&w.p, 1, HP_END, HP_GET("/"));
        hp_head(&w.p, 3, 0, HP_GET("/"));
        len = w.p.out_len + 1;
        h2w_send_by(&w, step);
        nx_run(&nx);
        cr_assert_str_eq(h2w_take(&w), HP_SETTINGS H2W_PAGE("1"), "step %zu", step);
        cr_assert_eq(nx.tc_sessions.heads.used_cnt, 0);
        cr_assert_eq(nx.tc_sessions.streams.used_cnt, 1);
        h2w_close(&w);
        nx_check_empty(&nx);
    }
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    cr_assert_gt(tc_count_get(&nx.metric.h2_connections), 50);
    nx_fini(&nx);
}

Test(h2_session, memory_is_spent)
{
    /* Goal: a connection for which nghttp2 has no memory ends; others go on. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    struct tc_purse *purse = &nx.tc_sessions.h2.purse;
    uint64_t limit_bytes = purse->limit_bytes;
    purse->limit_bytes = purse->used_bytes + 1000;
    struct h2w other;
    h2w_accept(&other);
    hp_preface(&other.p);
    h2w_send_by(&other, NX_RECV_BYTES);
    cr_assert(nx_is_closed(&nx, other.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_NO_CONTEXT), 1);
    cr_assert_eq(nx.tc_sessions.h2_conns.used_cnt, 1);
    hp_fini(&other.p);
    purse->limit_bytes = limit_bytes;
    hp_head(&w.p, 1, HP_END, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&w), H2W_PAGE("1"));
    purse->limit_bytes = purse->used_bytes;
    hp_head(&w.p, 3, HP_END, HP_GET("/"));
    (void)h2w_run(&w);
    nx_check_finished(&nx, w.slot, TC_CLOSE_NO_CONTEXT);
    hp_fini(&w.p);
    nx_fini(&nx);
}

Test(h2_session, places_are_spent)
{
    /* Goal: without a place for another connection of HTTP/2 it ends; with one back it is served.
     */
    nx_init(&nx, NULL);
    struct tc_pool *pool = &nx.tc_sessions.h2_conns;
    uint32_t held[NX_SLOTS];
    uint32_t cnt = 0;
    for (uint32_t idx; (idx = tc_pool_acquire(pool)) != TC_NONE;)
        held[cnt++] = idx;
    h2w_accept(&w);
    hp_preface(&w.p);
    h2w_send_by(&w, 5);
    cr_assert(nx_is_closed(&nx, w.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_NO_CONTEXT), 1);
    cr_assert_eq(tc_count_get(&nx.metric.h2_connections), 0);
    hp_fini(&w.p);
    while (cnt)
        tc_pool_release(pool, held[--cnt]);
    h2w_open(&w);
    h2w_close(&w);
    nx_fini(&nx);
}

/* ---- ends ---- */

Test(h2_session, faults)
{
    /* Goal: what breaks RFC 9113, and what is too much, are told and counted apart. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    hp_frame(&w.p, NGHTTP2_PING, 0, 0, "short", 5);
    h2w_check_finished(&w, h2w_run(&w), GOAWAY("0", "FRAME_SIZE_ERROR"), TC_CLOSE_H2_PROTOCOL);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 1);
    h2w_open(&w);
    hp_head(&w.p, 3, HP_END, HP_GET("/"));
    hp_head(&w.p, 1, HP_END, HP_GET("/"));
    hp_head(&w.p, 5, HP_END, HP_GET("/"));
    h2w_check_finished(&w, h2w_run(&w), GOAWAY("3", "PROTOCOL_ERROR"), TC_CLOSE_H2_PROTOCOL);
    h2w_open(&w);
    for (int i = 0; i < TC_H2_EMPTY_MAX; i++)
        hp_window(&w.p, 0, 1);
    h2w_check_finished(&w, h2w_run(&w), GOAWAY("0", "ENHANCE_YOUR_CALM"), TC_CLOSE_CALM);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 3);
    nx_fini(&nx);
}

Test(h2_session, client_says_goodbye)
{
    /* Goal: GOAWAY of the client ends the connection when what it asked for is answered. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    hp_head(&w.p, 1, 0, HP_GET("/"));
    hp_frame(&w.p, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    cr_assert_str_eq(h2w_run(&w), "");
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    hp_data(&w.p, 1, HP_END, "");
    h2w_check_finished(&w, h2w_run(&w), H2W_PAGE("1"), TC_CLOSE_PEER_CLOSED);
    nx_fini(&nx);
}

/* ---- time ---- */

Test(h2_session, half_a_head)
{
    /* Goal: a head must be there in head_ms after its first byte, however it drips; a request
     * before it does not count. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    uint8_t block[100];
    size_t len = hp_block(block, HP_GET("/"));
    nx_wait_ms(&nx, 9000);
    hp_head(&w.p, 1, 0, HP_METHOD("POST", "/"));
    hp_frame(&w.p, NGHTTP2_HEADERS, HP_END, 3, block, 1);
    cr_assert_str_eq(h2w_run(&w), "");
    nx_wait_ms(&nx, 5000);
    hp_frame(&w.p, NGHTTP2_CONTINUATION, 0, 3, block + 1, 1);
    cr_assert_str_eq(h2w_run(&w), "");
    nx_wait_ms(&nx, 4999);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    const char *got = h2w_wait_ms(&w, 1 + NX_TICK_MS);
    h2w_check_finished(&w, got, GOAWAY("3", "ENHANCE_YOUR_CALM"), TC_CLOSE_HEAD_TIMEOUT);
    h2w_open(&w);
    hp_frame(&w.p, NGHTTP2_HEADERS, HP_END, 1, block, 1);
    (void)h2w_run(&w);
    nx_wait_ms(&nx, 9000);
    hp_frame(&w.p, NGHTTP2_CONTINUATION, HP_END_HEADERS, 1, block + 1, len - 1);
    cr_assert_str_eq(h2w_run(&w), H2W_PAGE("1"));
    nx_wait_ms(&nx, 9000);
    cr_assert(tc_net_is_open(&nx.net, w.slot), "it came in time");
    h2w_close(&w);
    nx_fini(&nx);
}

Test(h2_session, heads_that_follow_each_other)
{
    /* Goal: a client that asks all the time is not late, although a head is incomplete whenever
     * bytes have come: each has its own time. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    uint8_t block[100];
    size_t len = hp_block(block, HP_GET("/"));
    hp_frame(&w.p, NGHTTP2_HEADERS, HP_END, 1, block, 5);
    for (int32_t id = 1; id < 41; id += 2) {
        (void)h2w_run(&w);
        nx_wait_ms(&nx, 1500);
        cr_assert(tc_net_is_open(&nx.net, w.slot), "stream %d", id);
        hp_frame(&w.p, NGHTTP2_CONTINUATION, HP_END_HEADERS, id, block + 5, len - 5);
        hp_frame(&w.p, NGHTTP2_HEADERS, HP_END, id + 2, block, 5);
    }
    (void)h2w_run(&w);
    nx_wait_ms(&nx, 9999);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    nx_check_finished(&nx, w.slot, TC_CLOSE_HEAD_TIMEOUT);
    hp_fini(&w.p);
    nx_fini(&nx);
}

Test(h2_session, ping_and_idle)
{
    /* Goal: a PING after ping_ms of silence, a goodbye after idle_ms; whoever answers the PING
     * stays. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    for (int i = 0; i < 5; i++) {
        cr_assert_str_eq(h2w_wait_ms(&w, 24999), "");
        cr_assert_str_eq(h2w_wait_ms(&w, 1 + NX_TICK_MS), "PING\n");
        hp_ping(&w.p, NGHTTP2_FLAG_ACK);
        cr_assert_str_eq(h2w_run(&w), "");
    }
    cr_assert_str_eq(h2w_wait_ms(&w, 25000 + NX_TICK_MS), "PING\n");
    cr_assert_str_eq(h2w_wait_ms(&w, 30000), "");
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    const char *got = h2w_wait_ms(&w, 5000);
    h2w_check_finished(&w, got, GOAWAY("0", "NO_ERROR"), TC_CLOSE_IDLE);
    nx_fini(&nx);
}

Test(h2_session, stuck_answers)
{
    /* Goal: an answer that waits for a window for head_ms ends its connection; one that moves on
     * by TC_H2_PROGRESS_BYTES in that time does not, nor one that has gone out. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    w.p.is_data_hidden = true;
    hp_head(&w.p, 1, HP_END, HP_GET("/big"));
    (void)h2w_run(&w);
    cr_assert_eq(w.p.body_len, 65535);
    hp_window(&w.p, 0, NX_BIG_BYTES);
    (void)h2w_run(&w);
    for (int i = 0; i < 20; i++) {
        nx_wait_ms(&nx, 9000);
        hp_window(&w.p, 1, TC_H2_PROGRESS_BYTES);
        (void)h2w_run(&w);
        cr_assert(tc_net_is_open(&nx.net, w.slot), "after %d", i);
    }
    cr_assert_eq(w.p.body_len, 65535 + 20 * TC_H2_PROGRESS_BYTES);
    nx_wait_ms(&nx, 10000 + NX_TICK_MS);
    nx_wait_ms(&nx, 10000 + NX_TICK_MS);
    cr_assert_str_eq(h2w_take(&w), GOAWAY("1", "ENHANCE_YOUR_CALM"));
    nx_check_finished(&nx, w.slot, TC_CLOSE_UNREAD);
    hp_fini(&w.p);
    h2w_open(&w);
    hp_head(&w.p, 1, HP_END, HP_GET("/"));
    hp_head(&w.p, 3, 0, HP_METHOD("POST", "/"));
    cr_assert_str_eq(h2w_run(&w), H2W_PAGE("1"));
    nx_wait_ms(&nx, 24000);
    cr_assert(tc_net_is_open(&nx.net, w.slot), "a request that waits is not an answer that does");
    h2w_close(&w);
    nx_fini(&nx);
}

Test(h2_session, stuck_for_less_than_the_bound)
{
    /* Goal: a few bytes now and then do not prolong it, and a new request does not either. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    w.p.is_data_hidden = true;
    hp_setting(&w.p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    hp_head(&w.p, 1, HP_END, HP_GET("/big"));
    (void)h2w_run(&w);
    for (int i = 0; i < 10; i++) {
        cr_assert(tc_net_is_open(&nx.net, w.slot), "after %d s", i);
        nx_wait_ms(&nx, 999);
        hp_window(&w.p, 1, 100);
        hp_head(&w.p, 3 + 2 * i, HP_END, HP_METHOD("HEAD", "/"));
        (void)h2w_run(&w);
    }
    nx_wait_ms(&nx, 10 + NX_TICK_MS);
    nx_check_finished(&nx, w.slot, TC_CLOSE_UNREAD);
    hp_fini(&w.p);
    nx_fini(&nx);
}

Test(h2_session, stuck_after_a_slow_head)
{
    /* Goal: the time of an answer begins with it, not with the head that came slowly before. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    uint8_t block[100];
    size_t len = hp_block(block, HP_GET("/big"));
    hp_setting(&w.p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    hp_frame(&w.p, NGHTTP2_HEADERS, HP_END, 1, block, 1);
    (void)h2w_run(&w);
    nx_wait_ms(&nx, 9000);
    hp_frame(&w.p, NGHTTP2_CONTINUATION, HP_END_HEADERS, 1, block + 1, len - 1);
    (void)h2w_run(&w);
    nx_wait_ms(&nx, 5000);
    nx_wait_ms(&nx, 4999);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    nx_check_finished(&nx, w.slot, TC_CLOSE_UNREAD);
    hp_fini(&w.p);
    nx_fini(&nx);
}

Test(h2_session, slow_reader)
{
    /* Goal: a socket that takes a little more than TC_H2_PROGRESS_BYTES in head_ms is served to the
     * end; one that takes nothing is not. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    w.p.is_data_hidden = true;
    hp_window(&w.p, 0, NX_BIG_BYTES);
    hp_head(&w.p, 1, HP_END, HP_GET("/big"));
    hp_window(&w.p, 1, NX_BIG_BYTES);
    nx.reactor.socks[w.slot].cap = 500;
    (void)h2w_run(&w);
    for (int i = 0; i < 500 && w.p.body_len < NX_BIG_BYTES; i++) {
        nx_wait_ms(&nx, 1000);
        cr_assert(tc_net_is_open(&nx.net, w.slot), "after %d s, %zu bytes", i, w.p.body_len);
        nx_writable(&nx, w.slot, 500);
        if (i % 20 == 0)
            hp_ping(&w.p, NGHTTP2_FLAG_ACK);
        (void)h2w_run(&w);
    }
    cr_assert_eq(w.p.body_len, NX_BIG_BYTES);
    h2w_close(&w);
    h2w_open(&w);
    hp_head(&w.p, 1, HP_END, HP_GET("/big"));
    nx.reactor.socks[w.slot].cap = 500;
    (void)h2w_run(&w);
    nx_wait_ms(&nx, 9999);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    nx_wait_ms(&nx, 10001 + 2 * NX_TICK_MS);
    cr_assert(!tc_net_is_open(&nx.net, w.slot));
    nx_wait_ms(&nx, TC_NET_LINGER_NS / FX_MS + NX_TICK_MS);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_UNREAD), 1);
    h2w_close(&w);
    nx_fini(&nx);
}

/* ---- drain ---- */

static void begin_drain(void)
{
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    nx_run(&nx);
}

Test(h2_session, drain_of_an_idle_connection)
{
    /* Goal: a GOAWAY that refuses nothing, a second later the one that does, and the end. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    begin_drain();
    cr_assert_str_eq(h2w_take(&w), GOAWAY("2147483647", "NO_ERROR"));
    cr_assert_str_eq(h2w_wait_ms(&w, 999), "");
    hp_head(&w.p, 1, HP_END, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&w), H2W_PAGE("1"));
    const char *got = h2w_wait_ms(&w, 1 + NX_TICK_MS);
    h2w_check_finished(&w, got, GOAWAY("1", "NO_ERROR"), TC_CLOSE_DRAINING);
    nx_fini(&nx);
}

Test(h2_session, drain_with_requests_under_way)
{
    /* Goal: what had come before the second GOAWAY is answered, however long it takes; what comes
     * later is not; then the end. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    w.p.is_data_hidden = true;
    hp_head(&w.p, 1, 0, HP_METHOD("HEAD", "/"));
    hp_head(&w.p, 3, HP_END, HP_GET("/big"));
    (void)h2w_run(&w);
    begin_drain();
    cr_assert_str_eq(h2w_take(&w), GOAWAY("2147483647", "NO_ERROR"));
    hp_head(&w.p, 5, 0, HP_METHOD("HEAD", "/health"));
    cr_assert_str_eq(h2w_run(&w), "");
    cr_assert_str_eq(h2w_wait_ms(&w, 1000 + NX_TICK_MS), GOAWAY("5", "NO_ERROR"));
    hp_head(&w.p, 7, HP_END, HP_GET("/"));
    cr_assert_str_eq(h2w_run(&w), "");
    nx_wait_ms(&nx, 5000);
    hp_data(&w.p, 1, HP_END, "");
    hp_data(&w.p, 5, HP_END, "");
    const char *got = h2w_run(&w);
    cr_assert_not_null(strstr(got, "HEAD 1" H2W_PAGE_HEAD " end\n"), "%s", got);
    cr_assert_not_null(strstr(got, "HEAD 5 :status=503 "), "%s", got);
    cr_assert_not_null(strstr(got, " retry-after=1 end\n"), "%s", got);
    hp_window(&w.p, 0, NX_BIG_BYTES);
    hp_window(&w.p, 3, NX_BIG_BYTES);
    h2w_check_finished(&w, h2w_run(&w), "DATA 3 end\n", TC_CLOSE_DRAINING);
    cr_assert_eq(w.p.body_len, NX_BIG_BYTES);
    nx_fini(&nx);
}

Test(h2_session, drain_while_an_answer_is_stuck)
{
    /* Goal: the time of a stuck answer and the time between the two GOAWAYs do not disturb each
     * other. */
    nx_init(&nx, NULL);
    h2w_open(&w);
    hp_setting(&w.p, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
    hp_head(&w.p, 1, HP_END, HP_GET("/big"));
    (void)h2w_run(&w);
    nx_wait_ms(&nx, 5000);
    begin_drain();
    cr_assert_str_eq(h2w_take(&w), GOAWAY("2147483647", "NO_ERROR"));
    cr_assert_str_eq(h2w_wait_ms(&w, 1000 + NX_TICK_MS), GOAWAY("1", "NO_ERROR"));
    nx_wait_ms(&nx, 3000);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    nx_wait_ms(&nx, 7000);
    nx_check_finished(&nx, w.slot, TC_CLOSE_UNREAD);
    hp_fini(&w.p);
    nx_fini(&nx);
}
