// SPDX-License-Identifier: Apache-2.0
/* Goal: what a session makes when the socket takes it arrives in order, whole and once, whatever
 * the socket takes; it ends where the session ends it. */
#include <signal.h>

#include "core/mem/budget.h"
#include "tests/unit/io/net/maker.h"

/* ---- bytes of the session ---- */

Test(produce, made_when_listed)
{
    /* Goal: one send per produce; again: until there is no more; and then not until it is listed
     * anew. */
    maker_init();
    uint32_t slot = maker_slot();
    nx_run(&nx);
    cr_assert_eq(makers[slot].produce_cnt, 0);
    maker_say(slot, "one two three", 13, 4);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "one two three");
    cr_assert_eq(makers[slot].produce_cnt, 4);
    cr_assert_eq(nx.reactor.socks[slot].send_cnt, 4);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    tc_net_out_list(&nx.net, slot);
    tc_net_out_list(&nx.net, slot);
    nx_run(&nx);
    cr_assert_eq(makers[slot].produce_cnt, 5, "nothing to say");
    cr_assert_eq(nx.reactor.socks[slot].send_cnt, 4);
    toy_fini();
}

Test(produce, behind_what_was_written)
{
    /* Goal: what the session has written goes first, what it makes follows. */
    maker_init();
    uint32_t slot = maker_slot();
    nx.reactor.socks[slot].cap = 3;
    toy_write(slot, "written ");
    maker_say(slot, "made", 4, 1);
    nx_run(&nx);
    cr_assert_eq(makers[slot].produce_cnt, 0);
    nx_writable(&nx, slot, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "written made");
    toy_fini();
}

Test(produce, short_sends)
{
    /* Goal: sockets that take random amounts, or nothing, get all of it in order; nothing is made
     * before what was made is sent. */
    maker_init();
    uint32_t seed = 99;
    for (size_t step = 50; step < 200000; step *= 5) {
        uint32_t slot = maker_slot();
        nx.reactor.socks[slot].cap = 0;
        maker_say(slot, pattern, MADE_BYTES, step);
        nx_run(&nx);
        cr_assert_eq(makers[slot].produce_cnt, 1);
        while (nx.reactor.socks[slot].wants_writable) {
            seed = seed * 1664525 + 1013904223;
            nx_writable(&nx, slot, (seed >> 8) % 3 ? (seed >> 8) % 30000 : 0);
            nx_run(&nx);
            cr_assert_leq(nx.net.slab.used_bytes, 2 * TC_NET_MADE_MAX);
        }
        const struct nx_sock *s = &nx.reactor.socks[slot];
        cr_assert_eq(s->got_len, MADE_BYTES);
        cr_assert_eq(memcmp(s->got, pattern, MADE_BYTES), 0);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        nx_end(&nx, slot, 0);
    }
    toy_fini();
}

Test(produce, broken_socket_and_no_memory)
{
    /* Goal: an error of the send ends the connection; so does what cannot be kept. */
    struct nx_options options = maker_options();
    options.spill_bytes = 0;
    toy_init(&options);
    uint32_t slot = maker_slot();
    nx.reactor.socks[slot].error = ECONNRESET;
    maker_say(slot, "text", 4, 4);
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_RESET), 1);
    slot = maker_slot();
    nx.reactor.socks[slot].cap = 3;
    maker_say(slot, "text", 4, 4);
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), 1);
    cr_assert_eq(end_cnt, 2);
    toy_fini();
}

Test(produce, ends_in_it)
{
    /* Goal: a connection may end in produce: at once, and what it has just made is not sent; or
     * politely, if it has made nothing. */
    maker_init();
    uint32_t other = maker_slot();
    uint32_t slot = maker_slot();
    makers[slot].act = act_end;
    maker_say(slot, "lost", 4, 4);
    maker_say(other, "kept", 4, 4);
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, slot));
    cr_assert_str_eq(nx_take(&nx, slot), "");
    cr_assert_str_eq(nx_take(&nx, other), "kept");
    slot = maker_slot();
    makers[slot].act = act_finish;
    maker_say(slot, "", 0, 1);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "bye internal");
    nx_check_finished(&nx, slot, TC_CLOSE_INTERNAL);
    toy_fini();
}

Test(produce, finishes_with_something_made, .signal = SIGABRT)
{
    /* Goal: what is made then could not go before the last words: a wrong session. */
    maker_init();
    uint32_t slot = maker_slot();
    makers[slot].act = act_finish;
    maker_say(slot, "last words", 10, 10);
    nx_run(&nx);
}

static void act_list(uint32_t slot)
{
    if (makers[slot].produce_cnt < 3)
        tc_net_out_list(&nx.net, slot);
}

Test(produce, lists_itself)
{
    /* Goal: a session that lists its connection in produce has another send, in another submit. */
    maker_init();
    uint32_t slot = maker_slot();
    makers[slot].act = act_list;
    maker_say(slot, "12", 2, 1);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "12");
    cr_assert_eq(makers[slot].produce_cnt, 3);
    cr_assert_eq(nx.reactor.flush_cnt, 2);
    toy_fini();
}

Test(produce, many_at_once)
{
    /* Goal: more connections than one submit takes, those that write among those that make. */
    enum { CONNS = 2 * TC_TURN_SENDS_MAX + 3 };
    struct nx_options options = maker_options();
    options.conn_max = CONNS;
    toy_init(&options);
    for (uint32_t i = 0; i < CONNS; i++) {
        uint32_t slot = i % 3 ? maker_slot() : nx_accept(&nx);
        if (i % 3)
            maker_say(slot, pattern + slot, 10, 10);
        else
            toy_write(slot, "written");
    }
    cr_assert_eq(tc_net_flush_out(&nx.net), CONNS);
    cr_assert_eq(nx.reactor.flush_cnt, 3);
    for (uint32_t i = 0; i < CONNS; i++)
        cr_assert_eq(strncmp(nx_take(&nx, i), i % 3 ? pattern + i : "written", i % 3 ? 10 : 7), 0);
    toy_fini();
}

Test(produce, tls)
{
    /* Goal: the same over TLS, where what is kept is a record: random amounts, each step size, one
     * record per produce. */
    static struct peer p;
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    uint32_t seed = 5;
    begin(maker_options());
    for (size_t i = 0; i < 8; i++) {
        size_t step = (size_t[]){ 1000, 16384, 20000, 100000 }[i / 2];
        peer_open(&p, versions[i % 2]);
        shake_hands(&p);
        tc_net_switch(&nx.net, p.slot, MAKER, TC_NONE);
        nx.reactor.socks[p.slot].cap = 0;
        maker_say(p.slot, pattern, MADE_BYTES, step);
        nx_run(&nx);
        while (nx.reactor.socks[p.slot].wants_writable) {
            seed = seed * 1664525 + 1013904223;
            nx_writable(&nx, p.slot, (seed >> 8) % 20000);
            nx_run(&nx);
        }
        cr_assert_eq(hear(&p), SSL_ERROR_WANT_READ);
        cr_assert_eq(p.got_len, MADE_BYTES);
        cr_assert_eq(memcmp(p.got, pattern, MADE_BYTES), 0);
        cr_assert_geq(makers[p.slot].produce_cnt,
                      (MADE_BYTES - 1) / TC_MIN(step, (size_t)TC_NET_MADE_MAX) + 1);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        nx_end(&nx, p.slot, 0);
        peer_close(&p);
    }
    finish();
}

static int hooked;

/* Before the test framework uses OpenSSL for itself. */
__attribute__((constructor)) static void hook(void)
{
    hooked = tc_tls_use_budget();
}

Test(produce, tls_without_memory)
{
    /* Goal: what cannot be encrypted ends its connection and no other. */
    static struct peer p;
    cr_assert_eq(hooked, TC_OK);
    begin(maker_options());
    peer_open(&p, TLS1_3_VERSION);
    shake_hands(&p);
    tc_net_switch(&nx.net, p.slot, MAKER, TC_NONE);
    uint32_t plain = maker_slot();
    maker_say(p.slot, "text", 4, 4);
    maker_say(plain, "text", 4, 4);
    tc_budget_use(3, 1);
    nx_run(&nx);
    tc_budget_use(TC_NONE, 0);
    cr_assert(nx_is_closed(&nx, p.slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_TLS), 1);
    cr_assert_str_eq(nx_take(&nx, plain), "text");
    peer_close(&p);
    finish();
}
