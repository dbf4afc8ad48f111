// SPDX-License-Identifier: Apache-2.0
/* Goal: streams of updates are subscribers of their own on a connection that they share: however
 * windows and sockets stop them, each gets every byte once, in order, or is told what it missed. */
#include "io/session/h2.h"

#include "tests/unit/io/session/grpc_market.h"

static struct gw w;
static struct pb m;

static struct gw_call *subscribe(struct gw *to, const char *rooms)
{
    gm_subscribe(&m, rooms, false, NULL);
    return gm_call(to, "Subscribe", &m);
}

static void open_window(struct gw_call *c, int32_t bytes)
{
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, bytes);
    gw_run(&w);
}

static void cancel_all(struct gw *from)
{
    for (size_t i = 0; i < GW_CALLS_MAX; i++) {
        if (from->calls[i].id && !from->calls[i].is_closed)
            gw_cancel(from, &from->calls[i]);
    }
    gw_run(from);
    gw_close(from);
}

static void check_empty(void)
{
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
}

/* ---- cut messages ---- */

Test(stream_grpc, cut_by_the_window)
{
    /* Goal: windows that open by few bytes cut messages anywhere: the bytes go on exactly. */
    gm_init(0);
    for (int32_t step = 1; step < 150; step += step < 10 ? 1 : 13) {
        gm_open_with(&w, 0);
        w.is_unread = true;
        struct gw whole;
        gm_open(&whole);
        gm_put("ticker-A", step * 100, step * 100);
        struct gw_call *cut = subscribe(&w, "ticker-A");
        open_window(cut, 1); /* for what is confirmed is decided when a byte can go */
        struct gw_call *free_one = subscribe(&whole, "ticker-A");
        cr_assert_str_eq(gw_take(cut), GW_HEAD "\n");
        gm_put("ticker-A", step * 100 + 1, step * 100 + 3);
        gw_run(&w);
        gw_hear(&whole);
        for (int i = 0; cut->lines_len < free_one->lines_len; i++) {
            cr_assert_lt(i, 1000, "it does not go on: %s", cut->lines);
            if (i == 20)
                gm_put("ticker-A", step * 100 + 4, step * 100 + 6);
            open_window(cut, step);
            gw_run(&whole);
        }
        open_window(cut, 10000);
        cr_assert_str_eq(cut->lines, free_one->lines, "step %d", step);
        cr_assert_eq(cut->body_off, cut->body_len);
        cancel_all(&w);
        cancel_all(&whole);
        check_empty();
    }
    nx_fini(&nx);
}

Test(stream_grpc, cut_by_the_socket)
{
    /* Goal: a socket that takes few bytes at a time changes nothing but the time. */
    gm_init(0);
    gm_open(&w);
    struct gw_call *a = subscribe(&w, "ticker-A");
    struct gw_call *b = subscribe(&w, "ticker-A ticker-B");
    gw_take(a);
    gw_take(b);
    struct nx_sock *s = &nx.reactor.socks[w.slot];
    s->cap = 10;
    gm_put("ticker-A", 1, 5);
    gm_put("ticker-B", 6, 6);
    gw_run(&w);
    cr_assert(s->wants_writable);
    gm_put("ticker-A", 7, 7);
    for (int i = 0; i < 1000 && s->wants_writable; i++) {
        nx_writable(&nx, w.slot, 10);
        gw_run(&w);
    }
    s->cap = FX_ALL;
    char want[2048];
    size_t len = 0;
    for (int pos = 1; pos <= 7; pos += pos == 5 ? 2 : 1) {
        char prev[24];
        snprintf(prev, sizeof(prev), pos == 1 ? "null" : "%d", pos == 7 ? 5 : pos - 1);
        len += (size_t)snprintf(want + len, sizeof(want) - len,
                                "{\"event\":\"ticker-update\",\"room\":\"ticker-A\",\"pos\":%d,"
                                "\"prev\":%s,\"ts\":%d,\"data\":{\"p\":%d}}\n",
                                pos, prev, 1000 + pos, pos);
    }
    cr_assert_str_eq(gw_take(a), want);
    const char *got = gw_take(b);
    cr_assert_not_null(strstr(got, GM_UPDATE("ticker-B", "6", "null", "1006", "")), "%s", got);
    cr_assert_eq(strlen(got), len + sizeof(GM_UPDATE("ticker-B", "6", "null", "1006", "")) - 1);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

/* ---- one blocked, the others not ---- */

Test(stream_grpc, one_is_blocked)
{
    /* Goal: a stream whose window is closed holds up neither another of its connection nor a
     * WebSocket client, and has everything once it opens. */
    gm_init(0);
    gm_open_with(&w, 0);
    w.is_unread = true;
    uint32_t ws = wire_open();
    struct gw_call *blocked = subscribe(&w, "ticker-A");
    struct gw_call *other = subscribe(&w, "ticker-A");
    wire_ask(ws, "{\"event\":\"subscribe\",\"data\":{\"room\":\"ticker-A\"}}");
    open_window(blocked, 1); /* for what is confirmed is decided when a byte can go */
    open_window(other, 1 << 20);
    gw_take(other);
    for (int64_t pos = 1; pos <= 50; pos++) {
        gm_put("ticker-A", pos, pos);
        gw_run(&w);
        const char *want = wire_take(ws);
        cr_assert_not_null(strstr(want, "ticker-update"));
        cr_assert_str_eq(gw_take(other), want);
    }
    cr_assert_str_eq(blocked->lines, GW_HEAD "\n");
    uint64_t held_bytes = nx.net.slab.used_bytes;
    cr_assert_gt(held_bytes, 0, "the rest of the confirmation");
    gm_put("ticker-A", 51, 60);
    gw_run(&w);
    cr_assert_leq(nx.net.slab.used_bytes, held_bytes, "what waits is a position");
    open_window(blocked, 1 << 20);
    cr_assert_str_eq(blocked->lines, other->lines);
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->behind_cnt, 0);
    nx_end(&nx, ws, 0);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, conflated)
{
    /* Goal: a stream that is far behind gets the newest value and is told what it missed; the
     * chain of positions has no other hole. */
    gm_init(200);
    gm_open_with(&w, 0);
    w.is_unread = true;
    gm_put("ticker-A", 1, 1);
    struct gw_call *c = subscribe(&w, "ticker-A");
    open_window(c, 1000);
    gw_take(c);
    open_window(c, 1); /* all of the window has to be used */
    gm_put("ticker-A", 2, 30);
    gw_run(&w);
    gm_put("ticker-A", 31, 500);
    gw_run(&w);
    open_window(c, 1 << 20);
    const char *got = gw_take(c);
    long long from, to, skipped;
    const char *notice = strstr(got, "{\"event\":\"conflated\"");
    cr_assert_not_null(notice, "%s", got);
    cr_assert_eq(sscanf(notice,
                        "{\"event\":\"conflated\",\"room\":\"ticker-A\",\"from\":%lld,\"to\":%lld,"
                        "\"skipped\":%lld}",
                        &from, &to, &skipped),
                 3);
    cr_assert_eq(skipped, to - from);
    cr_assert_not_null(strstr(notice, GM_UPDATE("ticker-A", "500", "499", "1500", "")), "%s", got);
    char last[64];
    snprintf(last, sizeof(last), "\"pos\":%lld,", from);
    cr_assert(from == 1 || memmem(got, (size_t)(notice - got), last, strlen(last)), "%s", got);
    cr_assert_eq(to, 499);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, commands_while_behind)
{
    /* Goal: replies do not overtake the rest of a cut message, and what they change holds: nothing
     * of a room comes after its unsubscribed. */
    gm_init(0);
    gm_open_with(&w, 0);
    w.is_unread = true;
    struct gw_call *c = gw_start(&w, GM_SERVICE "Stream", "");
    gm_subscribe(&m, "ticker-A", false, NULL);
    gm_command(&w, c, 1, &m);
    open_window(c, 200);
    gm_put("ticker-A", 1, 3);
    gw_run(&w);
    m.len = 0;
    pb_text(&m, 1, "ping");
    gm_command(&w, c, 3, &m);
    m.len = 0;
    pb_text(&m, 1, "ticker-A");
    gm_command(&w, c, 2, &m);
    gm_put("ticker-A", 4, 5);
    gw_run(&w);
    open_window(c, 1 << 20);
    const char *pong = strstr(c->lines, "{\"event\":\"pong\",\"id\":\"ping\"");
    const char *gone = strstr(c->lines, "{\"event\":\"unsubscribed\"");
    cr_assert(pong && gone && pong < gone, "%s", c->lines);
    cr_assert_str_eq(strchr(gone, '\n'), "\n", "%s", c->lines);
    cr_assert_eq(c->body_off, c->body_len);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, commands_while_planned)
{
    /* Goal: a command that comes between the plan and the send takes the plan back: what of it is
     * still wanted follows the reply, and the rest does not. */
    gm_init(0);
    gm_open(&w);
    struct gw_call *c = gm_stream(&w);
    gm_subscribe(&m, "ticker-A ticker-B", false, NULL);
    gm_command(&w, c, 1, &m);
    gw_take(c);
    gm_put("ticker-A", 1, 1);
    gm_put("ticker-B", 2, 2);
    cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 2);
    cr_assert(tc_fan_has_touched(nx.fx.fan));
    m.len = 0;
    pb_text(&m, 1, "ticker-A");
    cr_assert_str_eq(gm_ask(&w, c, 2, &m),
                     "{\"event\":\"unsubscribed\",\"room\":\"ticker-A\"}\n" GM_UPDATE(
                         "ticker-B", "2", "null", "1002", ""));
    gm_put("ticker-B", 3, 3);
    cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
    gm_subscribe(&m, "ticker-A", false, NULL);
    const char *got = gm_ask(&w, c, 1, &m);
    cr_assert_not_null(strstr(got, GM_UPDATE("ticker-B", "3", "2", "1003", "")), "%s", got);
    cr_assert_not_null(strstr(got, GM_CONFIRMED("", "ticker-A", "1", "A")), "%s", got);
    cr_assert_eq(strlen(got), sizeof(GM_UPDATE("ticker-B", "3", "2", "1003", "")
                                         GM_CONFIRMED("", "ticker-A", "1", "A")) -
                                  1);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, ends_while_planned)
{
    /* Goal: a stream that is reset between the plan and the send is gone, another one is not. */
    gm_init(0);
    gm_open(&w);
    struct gw_call *c = subscribe(&w, "ticker-A");
    struct gw_call *other = subscribe(&w, "ticker-A");
    gw_take(c);
    gw_take(other);
    gm_put("ticker-A", 1, 1);
    cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
    gw_cancel(&w, c);
    gw_run(&w);
    cr_assert_str_eq(gw_take(other), GM_UPDATE("ticker-A", "1", "null", "1001", ""));
    gm_put("ticker-A", 2, 2);
    cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
    nx_end(&nx, w.slot, 0);
    nx_run(&nx);
    check_empty();
    gw_close(&w);
    nx_fini(&nx);
}

/* ---- ends ---- */

Test(stream_grpc, many_streams)
{
    /* Goal: all streams that a worker may have, of two connections, follow the same rooms; those
     * that end do not disturb the rest. */
    gm_init(0);
    gm_open(&w);
    struct gw second;
    gm_open(&second);
    struct gw_call *calls[NX_STREAMS_MAX];
    for (uint32_t i = 0; i < NX_STREAMS_MAX; i++) {
        calls[i] = subscribe(i % 2 ? &second : &w, i % 3 ? "ticker-A" : "ticker-A ticker-B");
        cr_assert_not_null(strstr(gw_take(calls[i]), "subscription-confirmed"));
    }
    for (uint32_t left = NX_STREAMS_MAX; left > 0; left--) {
        int64_t pos = 100 - left;
        gm_put("ticker-A", pos, pos);
        gw_run(&w);
        gw_run(&second);
        for (uint32_t i = 0; i < left; i++) {
            char want[32];
            snprintf(want, sizeof(want), "\"data\":{\"p\":%d}}\n", (int)pos);
            const char *got = gw_take(calls[i]);
            cr_assert_not_null(strstr(got, want), "stream %u: %s", i, got);
        }
        gw_cancel((left - 1) % 2 ? &second : &w, calls[left - 1]);
        gw_run((left - 1) % 2 ? &second : &w);
        cr_assert_eq(nx.tc_sessions.streams.used_cnt, left - 1);
    }
    cancel_all(&w);
    cancel_all(&second);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, ends_with_a_cut_message)
{
    /* Goal: a stream and a connection that end while a message is cut and others wait leave
     * nothing. */
    gm_init(0);
    for (int way = 0; way < 4; way++) {
        gm_open_with(&w, 0);
        w.is_unread = true;
        struct gw_call *c = subscribe(&w, "ticker-A");
        open_window(c, 10);
        gm_put("ticker-A", 1 + way * 10, 5 + way * 10);
        gw_run(&w);
        cr_assert_gt(nx.net.slab.used_bytes, 0, "the rest of what was cut");
        if (way == 0)
            gw_cancel(&w, c);
        else if (way == 1)
            nx_end(&nx, w.slot, 0);
        else if (way == 2)
            nx_end(&nx, w.slot, -ECONNRESET);
        else
            tc_net_end(&nx.net, w.slot, TC_CLOSE_INTERNAL);
        if (way == 0)
            gw_run(&w);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
        gm_put("ticker-A", 6 + way * 10, 6 + way * 10);
        nx_run(&nx);
        gm_close(&w);
    }
    nx_fini(&nx);
}

Test(stream_grpc, drain)
{
    /* Goal: at a stop each stream is told when to come back, behind what it has to get, and ends
     * UNAVAILABLE; a cut message is finished first. */
    gm_init(0);
    gm_open_with(&w, 0);
    w.is_unread = true;
    struct gw_call *idle = gw_start(&w, GM_SERVICE "Stream", "");
    struct gw_call *c = subscribe(&w, "ticker-A");
    struct gw_call *silent = gw_start(&w, GM_SERVICE "Subscribe", "");
    open_window(idle, 1 << 20);
    open_window(c, 100);
    gm_put("ticker-A", 1, 3);
    gw_run(&w);
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 10000);
    gm_put("ticker-A", 4, 4);
    gw_run(&w);
    open_window(c, 1 << 20);
    struct gw_call *const calls[] = { idle, c };
    for (size_t i = 0; i < TC_ARRAY_CNT(calls); i++) {
        uint32_t delay_ms = UINT32_MAX;
        const char *told = strstr(calls[i]->lines, "{\"event\":\"draining\"");
        cr_assert_not_null(told, "%s", calls[i]->lines);
        cr_assert_eq(sscanf(told, "{\"event\":\"draining\",\"reconnect_ms\":%u}", &delay_ms), 1);
        cr_assert_lt(delay_ms, 10000);
        cr_assert_str_eq(strchr(told, '\n'),
                         "\nTRAILERS grpc-status=14 grpc-message=the server restarts end\n");
        cr_assert_eq(calls[i]->body_off, calls[i]->body_len);
    }
    cr_assert_str_eq(gw_take(silent),
                     GW_HEAD " grpc-status=14 grpc-message=the server restarts end\n");
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, replies_that_wait)
{
    /* Goal: a subscriber that reads nothing is not ended for the replies that wait for it: it has
     * the bound of the backlog. */
    gm_init(0);
    gm_open_with(&w, 0);
    struct gw_call *c = gw_start(&w, GM_SERVICE "Stream", "");
    m.len = 0;
    for (int i = 0; i < 1000; i++)
        pb_text(&m, 1, "nobody");
    gm_command(&w, c, 1, &m);
    gm_command(&w, c, 1, &m);
    cr_assert_gt(nx.net.slab.used_bytes, TC_H2_STUCK_BYTES);
    for (int i = 0; i < 4; i++) {
        nx_wait_ms(&nx, 6000);
        gw_run(&w);
    }
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}

Test(stream_grpc, replies_that_are_not_read)
{
    /* Goal: a client that asks and never reads is ended at TC_GRPC_BACKLOG_MAX; another stream of
     * the connection goes on. */
    gm_init(0);
    nx.conf.limits.cmd_burst = 1000000;
    nx.tc_sessions.command_rate = tc_bucket_rate(1000000, 1000000);
    gm_open_with(&w, 0);
    w.is_unread = true;
    struct gw_call *other = subscribe(&w, "ticker-A");
    struct gw_call *c = gw_start(&w, GM_SERVICE "Stream", "");
    c->is_raw = true;
    open_window(other, 1 << 20);
    gw_take(other);
    m.len = 0;
    for (int i = 0; i < 1000; i++)
        pb_text(&m, 1, "nobody");
    int rounds = 0;
    for (; tc_count_get(&nx.metric.grpc_errors) == 0; rounds++) {
        cr_assert_lt(rounds, 100, "it is never ended");
        gm_command(&w, c, 1, &m);
    }
    cr_assert_gt(rounds, 1);
    cr_assert_leq(nx.net.slab.used_bytes, 2 * TC_GRPC_BACKLOG_MAX);
    gm_put("ticker-A", 1, 1);
    gw_run(&w);
    cr_assert_str_eq(gw_take(other), GM_UPDATE("ticker-A", "1", "null", "1001", ""));
    for (int i = 0; i < 12; i++)
        open_window(c, 100000);
    cr_assert_not_null(strstr(c->lines, "\nTRAILERS grpc-status=8 "), "%s", c->lines);
    cr_assert(c->is_closed);
    cancel_all(&w);
    check_empty();
    nx_fini(&nx);
}
