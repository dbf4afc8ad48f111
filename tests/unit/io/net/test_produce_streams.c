// SPDX-License-Identifier: Apache-2.0
/* Goal: streams of a connection get what is planned for them in its next send, or fall behind and
 * catch up, without a loss; they end with it. */
#include "tests/unit/io/net/maker.h"

static void stream_open(uint32_t stream, uint32_t slot, const char *room)
{
    maker_stream(stream, slot, room);
    cr_assert_eq(strncmp(nx_take(&nx, slot), "C ", 2), 0);
}

/* What a member of the room gets for positions first to last. */
static const char *updates(const char *room, int64_t first, int64_t last)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (int64_t pos = first; pos <= last; pos++) {
        char prev[24];
        fx_num(prev, pos > 1 ? pos - 1 : -1);
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "U %s %lld %s %lld live v%lld\n", room,
                             (long long)pos, prev, (long long)(1000 + pos), (long long)pos);
    }
    return text;
}

Test(produce_streams, streams_of_one_connection)
{
    /* Goal: what is planned for streams of one connection goes out in one send, beside the sends of
     * members without streams, in the same submit. */
    maker_init();
    uint32_t slot = maker_slot();
    stream_open(0, slot, "ticker-A");
    stream_open(5, slot, "ticker-B");
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    makers[slot].produce_cnt = 0;
    nx.reactor.socks[slot].send_cnt = nx.reactor.flush_cnt = 0;
    fx_put_many(&nx.fx, "ticker-A", 1, 2);
    fx_put_many(&nx.fx, "ticker-B", 3, 3);
    nx_run(&nx);
    const char *text = nx_take(&nx, slot);
    cr_assert_not_null(strstr(text, updates("ticker-A", 1, 2)), "%s", text);
    cr_assert_not_null(strstr(text, "U ticker-B 3 - 1003 live v3\n"), "%s", text);
    cr_assert_str_eq(nx_take(&nx, plain), updates("ticker-A", 1, 2));
    cr_assert_eq(makers[slot].produce_cnt, 1);
    cr_assert_eq(nx.reactor.socks[slot].send_cnt, 1);
    cr_assert_eq(nx.reactor.flush_cnt, 1);
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->behind_cnt, 0);
    toy_fini();
}

Test(produce_streams, streams_that_take_nothing)
{
    /* Goal: a stream that takes nothing falls behind, the others do not; when it can be written
     * again it catches up, without a loss. */
    maker_init();
    uint32_t slot = maker_slot();
    stream_open(1, slot, "ticker-A");
    stream_open(2, slot, "book-A");
    take_max[1] = 0;
    fx_put_many(&nx.fx, "ticker-A", 1, 3);
    fx_put(&nx.fx, "book-A", 4, "v4");
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "U book-A 4 - 1004 live v4\n");
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->behind_cnt, 1);
    fx_put_many(&nx.fx, "ticker-A", 5, 5);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "");
    take_max[1] = FX_ALL;
    tc_fan_conn_writable(nx.fx.fan, tc_net_stream_conn(&nx.net, 1));
    nx_run(&nx);
    const char *text = nx_take(&nx, slot);
    cr_assert_eq(strncmp(text, updates("ticker-A", 1, 3), strlen(updates("ticker-A", 1, 3))), 0);
    cr_assert_not_null(strstr(text, "U ticker-A 5 3 1005 live v5\n"), "%s", text);
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->behind_cnt, 0);
    toy_fini();
}

Test(produce_streams, streams_that_take_a_part)
{
    /* Goal: wherever a stream stops: the cut frame is made whole first, the rest comes by
     * catch-up. */
    maker_init();
    uint32_t slot = maker_slot();
    stream_open(3, slot, "ticker-A");
    uint32_t whole = (uint32_t)strlen(updates("ticker-A", 1, 3));
    for (uint32_t max = 1; max <= whole + 1; max++) {
        int64_t first = 1 + 3 * (int64_t)(max - 1);
        take_max[3] = max;
        fx_put_many(&nx.fx, "ticker-A", first, first + 2);
        nx_turn(&nx);
        take_max[3] = FX_ALL;
        nx_run(&nx);
        tc_fan_conn_writable(nx.fx.fan, tc_net_stream_conn(&nx.net, 3));
        nx_run(&nx);
        cr_assert_str_eq(nx_take(&nx, slot), updates("ticker-A", first, first + 2), "max %u", max);
        cr_assert_eq(tc_fan_stats(nx.fx.fan)->behind_cnt, 0);
    }
    toy_fini();
}

Test(produce_streams, streams_of_a_full_connection)
{
    /* Goal: while the socket is full nothing is made for streams: they are told, fall behind, and
     * catch up when it has taken what was kept. */
    maker_init();
    uint32_t slot = maker_slot();
    stream_open(4, slot, "ticker-A");
    nx.reactor.socks[slot].cap = 5;
    fx_put_many(&nx.fx, "ticker-A", 1, 2);
    nx_run(&nx);
    uint32_t produce_cnt = makers[slot].produce_cnt;
    uint64_t held = nx.net.slab.used_bytes;
    cr_assert_gt(held, 0);
    fx_put_many(&nx.fx, "ticker-A", 3, 9);
    nx_run(&nx);
    cr_assert_eq(makers[slot].produce_cnt, produce_cnt);
    cr_assert_eq(makers[slot].planned_cnt, 1);
    cr_assert_eq(nx.net.slab.used_bytes, held);
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->behind_cnt, 1);
    nx_writable(&nx, slot, FX_ALL);
    nx_run(&nx);
    tc_fan_conn_writable(nx.fx.fan, tc_net_stream_conn(&nx.net, 4));
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), updates("ticker-A", 1, 9));
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    toy_fini();
}

Test(produce_streams, connection_with_streams_ends_in_it)
{
    /* Goal: a connection that ends while its streams are planned takes them along; who else is
     * planned is served. */
    maker_init();
    for (int way = 0; way < 2; way++) {
        uint32_t slot = maker_slot();
        take_max[6] = take_max[7] = FX_ALL;
        stream_open(6, slot, "ticker-A");
        stream_open(7, slot, "ticker-B");
        uint32_t plain = toy_member();
        toy_subscribe(plain, "ticker-A");
        makers[slot].act = way ? act_finish : act_end;
        take_max[6] = 0;
        take_max[7] = way ? 0 : FX_ALL;
        fx_put_many(&nx.fx, "ticker-A", 1 + way, 1 + way);
        fx_put_many(&nx.fx, "ticker-B", 1 + way, 1 + way);
        nx_run(&nx);
        cr_assert_eq(strncmp(nx_take(&nx, plain), "U ticker-A ", 11), 0);
        if (way)
            nx_check_finished(&nx, slot, TC_CLOSE_INTERNAL);
        cr_assert(nx_is_closed(&nx, slot));
        nx_end(&nx, plain, 0);
        nx_check_empty(&nx);
    }
    toy_fini();
}

Test(produce_streams, unplan)
{
    /* Goal: what is planned for a stream can be taken back, so that its subscriptions may change;
     * what it stays subscribed to comes by catch-up; without a plan nothing happens. */
    maker_init();
    uint32_t slot = maker_slot();
    stream_open(8, slot, "ticker-A");
    uint32_t conn = tc_net_stream_conn(&nx.net, 8);
    tc_net_unplan(&nx.net, tc_net_stream_conn(&nx.net, 8));
    fx_put_many(&nx.fx, "ticker-A", 1, 2);
    cr_assert_gt(tc_fan_read(nx.fx.fan, nx.net.now_ns), 0);
    cr_assert(tc_fan_is_planned(nx.fx.fan, conn));
    tc_net_unplan(&nx.net, tc_net_stream_conn(&nx.net, 8));
    cr_assert_not(tc_fan_is_planned(nx.fx.fan, conn));
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), updates("ticker-A", 1, 2));
    fx_put_many(&nx.fx, "ticker-A", 3, 4);
    cr_assert_gt(tc_fan_read(nx.fx.fan, nx.net.now_ns), 0);
    tc_net_unplan(&nx.net, tc_net_stream_conn(&nx.net, 8));
    cr_assert_eq(tc_fan_unsubscribe(nx.fx.fan, conn, TC_STR("ticker-A"), NULL, NULL), 0);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "");
    toy_fini();
}

Test(produce_streams, streams_over_tls)
{
    /* Goal: planned streams and a plain member in one submit, over TLS and without. */
    static struct peer p;
    begin(maker_options());
    peer_open(&p, TLS1_3_VERSION);
    shake_hands(&p);
    tc_net_switch(&nx.net, p.slot, MAKER, TC_NONE);
    maker_stream(0, p.slot, "ticker-A");
    cr_assert_eq(strncmp(heard(&p), "C ", 2), 0);
    uint32_t plain = toy_member();
    toy_subscribe(plain, "ticker-A");
    fx_put_many(&nx.fx, "ticker-A", 1, 3);
    nx.reactor.socks[p.slot].cap = 20;
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, plain), updates("ticker-A", 1, 3));
    cr_assert_str_eq(heard(&p), "");
    let_go(p.slot);
    cr_assert_str_eq(heard(&p), updates("ticker-A", 1, 3));
    nx_end(&nx, p.slot, 0);
    peer_close(&p);
    finish();
}
