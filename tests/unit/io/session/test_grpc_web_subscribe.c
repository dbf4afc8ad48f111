// SPDX-License-Identifier: Apache-2.0
/* Goal: subscribers of gRPC-Web over HTTP/1.1 get the bytes of their dialect as chunks, as all
 * members of a room do, and stay whole however slowly they read. */
#include "proto/grpc/event.h"
#include "proto/pb/wire.h"
#include "tests/unit/io/session/web_toy.h"

#define SUBSCRIBE "/jts.marketdata.v1.MarketDataService/Subscribe"
#define STREAM "/jts.marketdata.v1.MarketDataService/Stream"
#define LOG TC_STR("s0/t/0@1")

static enum tc_grpc_form form; /* of the events that are expected */
static struct web_bytes want;

static void want_notice(const struct tc_notice *n)
{
    uint8_t out[TC_NOTICE_BYTES_MAX];
    web_put(&want, out, tc_grpc_events[form].notice(n, out));
}

static void want_confirmed(const char *room, int64_t pos)
{
    struct tc_str name = tc_str_from(room);
    const char *dash = strchr(room, '-');
    struct tc_notice n = { .kind = TC_NOTICE_CONFIRMED,
                           .room = name,
                           .log = LOG,
                           .symbol = tc_str_from(dash + 1),
                           .pos = pos };
    want_notice(&n);
}

static void want_update(const char *room, int64_t pos, int64_t prev, bool is_snapshot)
{
    uint8_t out[TC_UPDATE_OVERHEAD_MAX + 64];
    char payload[32];
    int len = snprintf(payload, sizeof(payload), "v%lld", (long long)pos);
    struct tc_update u = { .event = TC_STR("ticker-update"),
                           .room = tc_str_from(room),
                           .pos = pos,
                           .prev = prev,
                           .ts_ms = 1000 + pos,
                           .is_snapshot = is_snapshot,
                           .payload = payload,
                           .len = (uint32_t)len };
    web_put(&want, out, tc_grpc_events[form].update(&u, out));
}

/* What was expected, and nothing else, has come since the last call. */
static void check_want(void)
{
    struct nx_sock *s = &nx.reactor.socks[web.slot];
    nx_run(&nx);
    cr_assert_eq(s->got_len - s->got_off, want.len, "%u, not %zu", s->got_len - s->got_off,
                 want.len);
    cr_assert_eq(memcmp(s->got + s->got_off, want.bytes, want.len), 0);
    s->got_off = s->got_len;
    want.len = 0;
}

static const char *type_of(enum tc_grpc_form f)
{
    return f == TC_GRPC_TEXT_CHUNK ? WEB_TEXT_TYPE : WEB_TYPE;
}

static void put_message(const void *bytes, size_t len)
{
    web_message(bytes, len);
    if (form == TC_GRPC_TEXT_CHUNK)
        web_body_as_text(100);
}

/* A subscription; its head is looked at, the events are left. */
static void subscribe(const char *room, bool is_snapshot)
{
    uint8_t bytes[256];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    struct nx_sock *s;
    tc_pb_put_bytes(&out, 1, tc_str_from(room));
    tc_pb_put_tag(&out, 2, TC_PB_VARINT);
    tc_pb_put_varint(&out, is_snapshot);
    web_accept();
    put_message(bytes, (size_t)(out.at - bytes));
    web_post(SUBSCRIBE, type_of(form), "", 0);
    web_send_by(NX_RECV_BYTES);
    nx_run(&nx);
    s = &nx.reactor.socks[web.slot];
    s->got_off += (uint32_t)web_read_head(s->got);
    cr_assert(web.is_body && web.is_text == (form == TC_GRPC_TEXT_CHUNK));
}

/* Each test of both forms. */
static void init(enum tc_grpc_form f)
{
    struct nx_options o = nx_defaults();
    o.conflate_bytes = 8192;
    form = f;
    toy_init(&o);
    want.len = 0;
    fx_put_many(&nx.fx, "ticker-A", 1, 3);
    nx_run(&nx);
}

static const enum tc_grpc_form forms[] = { TC_GRPC_CHUNK, TC_GRPC_TEXT_CHUNK };

Test(grpc_web_subscribe, bytes)
{
    /* Goal: confirmation, snapshot and updates, each a chunk, byte for byte as the dialect has
     * them; two members get the same. */
    for (size_t i = 0; i < TC_ARRAY_CNT(forms); i++) {
        init(forms[i]);
        subscribe("ticker-A", true);
        uint32_t first = web.slot;
        want_confirmed("ticker-A", 3);
        want_update("ticker-A", 3, 2, true);
        check_want();
        subscribe("ticker-A", false);
        want_confirmed("ticker-A", 3);
        check_want();
        fx_put_many(&nx.fx, "ticker-A", 4, 6);
        for (int member = 0; member < 2; member++) {
            for (int64_t pos = 4; pos <= 6; pos++)
                want_update("ticker-A", pos, pos - 1, false);
            check_want();
            web.slot = first;
        }
        cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 2);
        toy_fini();
    }
}

Test(grpc_web_subscribe, cut_messages)
{
    /* Goal: whatever the socket takes at once, what arrives in the end is the same bytes: chunks
     * are cut, and go on where they were. */
    for (size_t i = 0; i < TC_ARRAY_CNT(forms); i++) {
        for (uint32_t cap = 1; cap < 200; cap += 3) {
            init(forms[i]);
            subscribe("ticker-A", false);
            want_confirmed("ticker-A", 3);
            check_want();
            nx.reactor.socks[web.slot].cap = cap;
            fx_put_many(&nx.fx, "ticker-A", 4, 9);
            nx_run(&nx);
            while (nx.reactor.socks[web.slot].wants_writable) {
                nx_writable(&nx, web.slot, cap);
                nx_run(&nx);
            }
            for (int64_t pos = 4; pos <= 9; pos++)
                want_update("ticker-A", pos, pos - 1, false);
            check_want();
            toy_fini();
        }
    }
}

Test(grpc_web_subscribe, conflated)
{
    /* Goal: one that falls far behind finishes its cut chunk, is told what is left out, and gets
     * the newest value. */
    enum { NEWEST = 4000 };
    for (size_t i = 0; i < TC_ARRAY_CNT(forms); i++) {
        init(forms[i]);
        subscribe("ticker-A", false);
        want_confirmed("ticker-A", 3);
        check_want();
        nx.reactor.socks[web.slot].cap = 10;
        fx_put_many(&nx.fx, "ticker-A", 4, 4);
        nx_run(&nx);
        fx_put_many(&nx.fx, "ticker-A", 5, NEWEST);
        nx_run(&nx);
        nx_writable(&nx, web.slot, FX_ALL);
        struct tc_notice n = { .kind = TC_NOTICE_CONFLATED, .room = TC_STR("ticker-A") };
        want_update("ticker-A", 4, 3, false);
        n.from = 4;
        n.to = NEWEST - 1;
        n.count = NEWEST - 5;
        want_notice(&n);
        want_update("ticker-A", NEWEST, NEWEST - 1, false);
        check_want();
        toy_fini();
    }
}

Test(grpc_web_subscribe, drain)
{
    /* Goal: a stop tells a subscriber so as an event of its form, and ends its call; nobody is a
     * member any more. */
    for (size_t i = 0; i < TC_ARRAY_CNT(forms); i++) {
        uint8_t out[TC_NOTICE_BYTES_MAX];
        init(forms[i]);
        subscribe("ticker-A", false);
        want_confirmed("ticker-A", 3);
        check_want();
        tc_net_drain(&nx.net, 0, nx.net.slot_max, 0);
        nx_run(&nx);
        size_t len = tc_grpc_words[TC_GRPC_PLAIN].draining(out + TC_GRPC_FORM_ROOM, 0);
        len = tc_grpc_form_put(form, out, len);
        struct nx_sock *s = &nx.reactor.socks[web.slot];
        cr_assert_gt(s->got_len - s->got_off, len);
        cr_assert_eq(memcmp(s->got + s->got_off, out, len), 0);
        s->got_off += (uint32_t)len;
        cr_assert_str_eq(web_take(),
                         "T grpc-status: 14; grpc-message: the server restarts; \nend\n");
        web_check_finished(TC_CLOSE_ANSWERED);
        toy_fini();
    }
}

/* A message of Stream with one command of that number. */
static void put_command(uint32_t number, struct tc_str command)
{
    uint8_t bytes[256];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    tc_pb_put_bytes(&out, number, command);
    web_message(bytes, (size_t)(out.at - bytes));
}

Test(grpc_web_subscribe, commands)
{
    /* Goal: what a session itself says to commands, an error and a pong, is of the stream's form;
     * without rooms the end of the commands is that of the call. */
    for (size_t i = 0; i < TC_ARRAY_CNT(forms); i++) {
        uint8_t out[TC_NOTICE_BYTES_MAX];
        init(forms[i]);
        web_accept();
        put_command(1, TC_STR("\x0a\x04none\x2a\x01"
                              "7"));
        put_command(3, TC_STR("\x0a\x01"
                              "8"));
        if (form == TC_GRPC_TEXT_CHUNK)
            web_body_as_text(100);
        web_post(STREAM, type_of(form), "", 0);
        web_send_by(NX_RECV_BYTES);
        nx_run(&nx);
        struct nx_sock *s = &nx.reactor.socks[web.slot];
        s->got_off += (uint32_t)web_read_head(s->got);
        size_t len = tc_grpc_words[TC_GRPC_PLAIN].error(
            out + TC_GRPC_FORM_ROOM, TC_STR("7"), TC_CODE_ROOM_UNKNOWN,
            "this server has no such room", TC_STR("none"));
        web_put(&want, out, tc_grpc_form_put(form, out, len));
        len =
            tc_grpc_words[TC_GRPC_PLAIN].pong(out + TC_GRPC_FORM_ROOM, TC_STR("8"), nx.net.wall_ms);
        web_put(&want, out, tc_grpc_form_put(form, out, len));
        cr_assert_gt(s->got_len - s->got_off, want.len);
        cr_assert_eq(memcmp(s->got + s->got_off, want.bytes, want.len), 0);
        s->got_off += (uint32_t)want.len;
        cr_assert_str_eq(web_take(), "T grpc-status: 0; \nend\n");
        cr_assert(tc_net_is_open(&nx.net, web.slot));
        toy_fini();
    }
}

Test(grpc_web_subscribe, after_the_end)
{
    /* Goal: when a subscription is over (its deadline), the connection takes calls as before. */
    for (size_t i = 0; i < TC_ARRAY_CNT(forms); i++) {
        init(forms[i]);
        web_accept();
        put_message("\x0a\x08ticker-A", 10);
        web_post(SUBSCRIBE, type_of(form), "grpc-timeout: 100m\r\n", 0);
        web_send_by(NX_RECV_BYTES);
        nx_run(&nx);
        struct nx_sock *s = &nx.reactor.socks[web.slot];
        s->got_off += (uint32_t)web_read_head(s->got);
        want_confirmed("ticker-A", 3);
        check_want();
        cr_assert_str_eq(web_wait_ms(100 + NX_TICK_MS),
                         "T grpc-status: 4; grpc-message: the deadline of the call is over; \n"
                         "end\n");
        cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
        fx_put_many(&nx.fx, "ticker-A", 4, 5);
        cr_assert_str_eq(web_ask("/toy.Service/Echo", "and now"),
                         "200 keep\nM and now\nT grpc-status: 0; \nend\n");
        toy_fini();
    }
}
