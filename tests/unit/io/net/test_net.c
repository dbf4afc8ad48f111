// SPDX-License-Identifier: Apache-2.0
/* Goal: connections begin within the limit, hear what is theirs, and end once, for one reason, with
 * everything given back, whatever happens meanwhile. */
#include "io/net/net.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/io/net/toy.h"

/* A client that the kernel knows: its end of the pair. */
static int accept_real(void)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    nx.reactor.opened = TC_NONE;
    nx_event(&nx, TC_REACTOR_ACCEPT, 0, fds[1], NULL);
    return fds[0];
}

/* The client is told to come later, and its connection is closed. */
static void check_refused(int fd)
{
    static const char want[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Retry-After: 1\r\nConnection: close\r\n\r\n";
    char text[512];
    cr_assert_eq(nx.reactor.opened, TC_NONE);
    ssize_t len = recv(fd, text, sizeof(text), MSG_WAITALL); /* up to its end */
    cr_assert_eq(len, sizeof(want) - 1);
    cr_assert_arr_eq(text, want, sizeof(want) - 1);
    close(fd);
}

/* ---- birth ---- */

Test(net, life_of_a_connection)
{
    /* Goal: accepted, opened by the session of row 0, bytes handed on and counted, ended by the
     * peer; the slot serves the next one, which knows nothing of the last. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    cr_assert_lt(slot, nx.net.slot_max);
    cr_assert_eq(toy.open_cnt[TOY], 1);
    cr_assert_eq(tc_count_get(&nx.metric.connections), 1);
    cr_assert_eq(tc_count_get(&nx.metric.connections_accepted), 1);
    nx.net.conns[slot].is_pinged = true;
    nx_wait_ms(&nx, 5);
    nx_recv(&nx, slot, "abc");
    nx_recv(&nx, slot, "de");
    cr_assert_str_eq(toy.heard, "abcde");
    cr_assert_eq(nx.net.conns[slot].heard_ns, nx.net.now_ns);
    cr_assert_not(nx.net.conns[slot].is_pinged);
    cr_assert_eq(tc_count_get(&nx.metric.received_bytes), 5);
    toy_write(slot, "never sent");
    nx_end(&nx, slot, 0);
    cr_assert_eq(nx.reactor.socks[slot].close_cnt, 1);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_ENDED), 1);
    nx_check_empty(&nx);
    cr_assert_eq(nx_accept(&nx), slot);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "");
    nx_end(&nx, slot, -ECONNRESET);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_RESET), 1);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_ENDED), 1);
    toy_fini();
}

Test(net, lobby)
{
    /* Goal: beyond the limit, which is that of all workers together, connections are surplus, for
     * their session to say so; beyond the lobby they are told at once and closed. */
    struct nx_options options = toy_options();
    options.conn_max = 5;
    toy_init(&options);
    tc_count_set(&nx.peer.connections, 3);
    for (uint32_t i = 0; i < 5 + TC_NET_LOBBY_MAX; i++) {
        uint32_t slot = nx_accept(&nx);
        cr_assert_neq(slot, TC_NONE);
        cr_assert_eq(nx.net.conns[slot].is_surplus, i >= 2, "connection %u", i);
    }
    cr_assert_eq(tc_count_get(&nx.metric.connections_accepted), 2);
    cr_assert_eq(tc_count_get(&nx.metric.connections_refused), 3 + TC_NET_LOBBY_MAX);
    check_refused(accept_real());
    cr_assert_eq(tc_count_get(&nx.metric.connections_refused), 4 + TC_NET_LOBBY_MAX);
    cr_assert_eq(nx.net.conn_cnt, 5 + TC_NET_LOBBY_MAX);
    nx_end(&nx, 7, 0);
    tc_count_set(&nx.peer.connections, 0);
    cr_assert_eq(nx_accept(&nx), 7);
    cr_assert(nx.net.conns[7].is_surplus, "the lobby is full of others that count");
    toy_fini();
}

Test(net, reactor_takes_no_connection)
{
    /* Goal: the client is told, and the slot is free again. */
    toy_init(NULL);
    nx.reactor.open_rc = -TC_EIO;
    check_refused(accept_real());
    cr_assert_eq(toy.open_cnt[TOY], 0);
    cr_assert_eq(tc_count_get(&nx.metric.connections_refused), 1);
    nx_check_empty(&nx);
    nx.reactor.open_rc = TC_OK;
    cr_assert_neq(nx_accept(&nx), TC_NONE);
    toy_fini();
}

Test(net, accept_pauses)
{
    /* Goal: without descriptors accepting pauses, is tried again after the pause, also when the
     * first try fails, and one warning says why. */
    char line[TC_LOG_LINE_MAX];
    toy_init(NULL);
    cr_assert_eq(tc_net_accept_start(&nx.net, TC_NET_PLAIN, 9), TC_OK);
    cr_assert_eq(tc_net_wake_ns(&nx.net), INT64_MAX);
    nx_event(&nx, TC_REACTOR_ACCEPT, 0, -EMFILE, NULL);
    nx.reactor.is_accepting = false; /* the reactor has stopped by itself */
    cr_assert_eq(tc_net_wake_ns(&nx.net), nx.net.now_ns + TC_NET_ACCEPT_PAUSE_NS);
    nx_wait_ms(&nx, TC_NET_ACCEPT_PAUSE_NS / FX_MS - 1);
    cr_assert_eq(nx.reactor.accept_start_cnt, 1);
    nx.reactor.accept_rc = -TC_EIO;
    nx_wait_ms(&nx, 1);
    cr_assert_eq(nx.reactor.accept_start_cnt, 2);
    cr_assert_not(nx.reactor.is_accepting);
    cr_assert_eq(tc_net_wake_ns(&nx.net), nx.net.now_ns + TC_NET_ACCEPT_PAUSE_NS);
    nx.reactor.accept_rc = TC_OK;
    nx_wait_ms(&nx, TC_NET_ACCEPT_PAUSE_NS / FX_MS);
    cr_assert(nx.reactor.is_accepting);
    cr_assert_eq(tc_net_wake_ns(&nx.net), INT64_MAX);
    nx_wait_ms(&nx, 1000);
    cr_assert_eq(nx.reactor.accept_start_cnt, 3);
    cr_assert_gt(tc_log_next_line(&nx.log, line), 0);
    cr_assert_not_null(strstr(line, "\"accept-paused\""));
    nx_event(&nx, TC_REACTOR_ACCEPT, 0, -EMFILE, NULL);
    cr_assert_eq(tc_log_next_line(&nx.log, line), 0, "told already");
    cr_assert_neq(nx_accept(&nx), TC_NONE);
    nx_event(&nx, TC_REACTOR_ACCEPT, 0, -EMFILE, NULL);
    cr_assert_gt(tc_log_next_line(&nx.log, line), 0, "it has worked in between");
    cr_assert_eq(tc_count_get(&nx.metric.accept_pauses), 3);
    cr_assert_eq(tc_count_get(&nx.metric.connections_refused), 0);
    toy_fini();
}

Test(net, near_the_limit)
{
    /* Goal: one warning when four of five places are taken; another one only after it was roomy. */
    char line[TC_LOG_LINE_MAX];
    struct nx_options options = toy_options();
    options.conn_max = 10;
    toy_init(&options);
    for (uint32_t i = 0; i < 8; i++)
        cr_assert_neq(nx_accept(&nx), TC_NONE);
    cr_assert_eq(tc_log_next_line(&nx.log, line), 0);
    tc_count_set(&nx.peer.connections, 1);
    uint32_t slot = nx_accept(&nx);
    cr_assert_gt(tc_log_next_line(&nx.log, line), 0);
    cr_assert_not_null(strstr(line, "\"connections-near-limit\""));
    nx_end(&nx, slot, 0);
    slot = nx_accept(&nx);
    cr_assert_eq(tc_log_next_line(&nx.log, line), 0, "it was not roomy");
    tc_count_set(&nx.peer.connections, 0);
    for (uint32_t i = 0; i < 4; i++)
        nx_end(&nx, i, 0);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_neq(nx_accept(&nx), TC_NONE);
    cr_assert_gt(tc_log_next_line(&nx.log, line), 0);
    toy_fini();
}

Test(net, accept_stops)
{
    /* Goal: a stop ends accepting, also in a pause, which then starts nothing; a start that fails
     * is told. */
    toy_init(NULL);
    cr_assert_eq(tc_net_accept_start(&nx.net, TC_NET_PLAIN, 9), TC_OK);
    tc_net_accept_stop(&nx.net);
    cr_assert_not(nx.reactor.is_accepting);
    cr_assert_eq(tc_net_accept_start(&nx.net, TC_NET_PLAIN, 9), TC_OK);
    nx_event(&nx, TC_REACTOR_ACCEPT, 0, -ENOMEM, NULL);
    tc_net_accept_stop(&nx.net);
    nx_wait_ms(&nx, 1000);
    cr_assert_not(nx.reactor.is_accepting);
    cr_assert_eq(nx.reactor.accept_start_cnt, 2);
    nx.reactor.accept_rc = -TC_ELIMIT;
    cr_assert_eq(tc_net_accept_start(&nx.net, TC_NET_PLAIN, 9), -TC_ELIMIT);
    toy_fini();
}

Test(net, init_without_memory)
{
    /* Goal: whichever part does not fit the budget: -TC_ENOMEM, with a text that names a holder of
     * this worker; with all of it, none of it is missing. */
    struct nx_options options = toy_options();
    uint64_t all = 0;
    int rc = -TC_ENOMEM;
    toy_init(NULL);
    struct tc_net_conf conf = nx_net_conf(&nx, &options);
    for (uint64_t budget = 64; rc < 0; budget *= 2) {
        struct tc_mem mem;
        struct tc_net net;
        struct tc_err err = { 0 };
        cr_assert_lt(budget, 1ull << 40);
        tc_mem_init(&mem, budget);
        conf.mem = &mem;
        rc = tc_net_init(&net, &conf, &err);
        cr_assert(rc == TC_OK || rc == -TC_ENOMEM);
        cr_assert(rc == TC_OK || strstr(err.text, "worker 3"), "%s", err.text);
        all = mem.total_bytes;
        tc_mem_fini(&mem);
    }
    cr_assert_geq(all, options.spill_bytes + tc_net_slots(8) * sizeof(struct tc_net_conn));
    toy_fini();
}

/* ---- end ---- */

Test(net, finish)
{
    /* Goal: what was written, the goodbye, then the half-close, in that order and not earlier; the
     * session is left at once, later bytes are passed over; the peer's end ends it, and the reason
     * that counts is the first. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    toy_write(slot, "reply ");
    tc_net_finish(&nx.net, slot, TC_CLOSE_IDLE);
    cr_assert_not(tc_net_is_open(&nx.net, slot));
    cr_assert_eq(toy.end_cnt[TOY], 1);
    cr_assert_not(nx.reactor.socks[slot].is_shut);
    toy_write(slot, "too late");
    tc_net_finish(&nx.net, slot, TC_CLOSE_POLICY);
    tc_net_linger(&nx.net, slot, TC_CLOSE_POLICY);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "reply bye idle");
    cr_assert(nx.reactor.socks[slot].is_shut);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    nx_recv(&nx, slot, "what?");
    nx_run(&nx);
    cr_assert_str_eq(toy.heard, "");
    cr_assert_str_eq(nx_take(&nx, slot), "");
    cr_assert_eq(tc_count_get(&nx.metric.received_bytes), 5);
    nx_end(&nx, slot, -ECONNRESET);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_IDLE), 1);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_POLICY) + nx_closes(&nx, TC_CLOSE_PEER_RESET), 0);
    cr_assert_eq(toy.goodbye_cnt, 1);
    nx_check_empty(&nx);
    toy_fini();
}

Test(net, linger_without_words)
{
    /* Goal: a session that has said all itself, or has nothing to say: half-closed at the next
     * flush, without a goodbye. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    tc_net_linger(&nx.net, slot, TC_CLOSE_ANSWERED);
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    slot = nx_accept(&nx);
    toy_write(slot, "said");
    tc_net_linger(&nx.net, slot, TC_CLOSE_ANSWERED);
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    cr_assert_str_eq(nx_take(&nx, slot), "said");
    cr_assert_eq(toy.goodbye_cnt, 0);
    toy_fini();
}

Test(net, linger_timeout)
{
    /* Goal: a peer that neither reads nor ends is given up after TC_NET_LINGER_NS, not before,
     * with bytes unsent or not; more bytes of it do not prolong that. */
    toy_init(NULL);
    uint32_t slots[2] = { nx_accept(&nx), nx_accept(&nx) };
    nx.reactor.socks[slots[1]].cap = 3;
    for (int i = 0; i < 2; i++)
        tc_net_finish(&nx.net, slots[i], TC_CLOSE_IDLE);
    nx_wait_ms(&nx, TC_NET_LINGER_NS / FX_MS - 1);
    cr_assert(nx.reactor.socks[slots[0]].is_shut);
    cr_assert_not(nx.reactor.socks[slots[1]].is_shut, "there are bytes to send first");
    cr_assert_str_eq(nx_take(&nx, slots[1]), "bye");
    nx_recv(&nx, slots[0], "more");
    cr_assert_eq(nx.net.conn_cnt, 2);
    nx_wait_ms(&nx, NX_TICK_MS);
    cr_assert(nx_is_closed(&nx, slots[0]) && nx_is_closed(&nx, slots[1]));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_IDLE), 2);
    nx_check_empty(&nx);
    toy_fini();
}

Test(net, finish_with_a_full_socket)
{
    /* Goal: the goodbye waits behind what is unsent, and the half-close behind both. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    nx.reactor.socks[slot].cap = 2;
    toy_write(slot, "reply ");
    nx_run(&nx);
    tc_net_finish(&nx.net, slot, TC_CLOSE_TOO_BIG);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "re");
    nx_writable(&nx, slot, 6);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "ply by");
    cr_assert_not(nx.reactor.socks[slot].is_shut);
    nx_writable(&nx, slot, FX_ALL);
    nx_check_finished(&nx, slot, TC_CLOSE_TOO_BIG);
    cr_assert_str_eq(nx_take(&nx, slot), "e too-big");
    toy_fini();
}

static void end_it(uint32_t slot)
{
    tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
}

static void finish_it(uint32_t slot)
{
    tc_net_finish(&nx.net, slot, TC_CLOSE_PROTOCOL);
}

Test(net, session_ends_its_connection)
{
    /* Goal: a session may end or finish its connection while it looks at bytes. */
    toy_init(NULL);
    toy.act = end_it;
    uint32_t slot = nx_accept(&nx);
    nx_recv(&nx, slot, "x");
    cr_assert(nx_is_closed(&nx, slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_INTERNAL), 1);
    toy.act = finish_it;
    slot = nx_accept(&nx);
    nx_recv(&nx, slot, "y");
    nx_check_finished(&nx, slot, TC_CLOSE_PROTOCOL);
    cr_assert_str_eq(toy.heard, "xy");
    toy_fini();
}

Test(net, next_connection_of_a_slot)
{
    /* Goal: a connection that ends while it is in the list of those with something to send leaves
     * nothing to the next one of its slot: no bytes, no place in the list, no timer; and that one's
     * own bytes are sent once. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    toy_write(slot, "old");
    tc_net_arm(&nx.net, slot, nx.net.now_ns + FX_MS);
    tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
    cr_assert_eq(nx_accept(&nx), slot);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "");
    toy_write(slot, "older");
    tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
    uint32_t other = nx_accept(&nx);
    cr_assert_eq(other, slot);
    other = nx_accept(&nx);
    toy_write(other, "other"); /* behind the place of the one that is gone */
    toy_write(slot, "new");
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "new");
    cr_assert_str_eq(nx_take(&nx, other), "other");
    cr_assert_eq(nx.reactor.socks[slot].send_cnt, 1);
    nx_wait_ms(&nx, 1000);
    cr_assert_eq(toy.timer_cnt, 0);
    toy_write(slot, "last words");
    tc_net_finish(&nx.net, slot, TC_CLOSE_IDLE); /* a list with one that is gone, in its middle */
    toy_write(other, "!");
    tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, other), "!");
    toy_fini();
}

Test(net, end_all)
{
    /* Goal: all connections end, each for that reason, but those that were finishing for another
     * one. */
    toy_init(NULL);
    for (int i = 0; i < 4; i++)
        nx_accept(&nx);
    toy_member();
    tc_net_finish(&nx.net, 2, TC_CLOSE_IDLE);
    tc_net_end_all(&nx.net, TC_CLOSE_DRAIN_TIMEOUT);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_DRAIN_TIMEOUT), 4);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_IDLE), 1);
    nx_check_empty(&nx);
    nx_run(&nx);
    toy_fini();
}

/* ---- time, drain, switch ---- */

Test(net, timers)
{
    /* Goal: one timer per connection, which a later call moves; it goes off once, and not after
     * the end. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    int64_t start_ns = nx.net.now_ns;
    tc_net_arm(&nx.net, slot, start_ns + 100 * FX_MS);
    tc_net_arm(&nx.net, slot, start_ns + 500 * FX_MS);
    cr_assert_leq(tc_net_wake_ns(&nx.net), start_ns + 500 * FX_MS + TC_WHEEL_TICK_NS);
    nx_wait_ms(&nx, 499);
    cr_assert_eq(toy.timer_cnt, 0);
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    cr_assert_eq(toy.timer_cnt, 1);
    nx_wait_ms(&nx, 5000);
    cr_assert_eq(toy.timer_cnt, 1);
    tc_net_arm(&nx.net, slot, nx.net.now_ns + 100 * FX_MS);
    nx_end(&nx, slot, 0);
    nx_wait_ms(&nx, 5000);
    cr_assert_eq(toy.timer_cnt, 1);
    cr_assert_eq(tc_net_wake_ns(&nx.net), INT64_MAX);
    toy_fini();
}

Test(net, drain)
{
    /* Goal: slice by slice each open connection is told of a stop, with delays below the spread
     * that differ, then finished; a slice ends at the last slot; who is finishing already is not
     * told. */
    enum { CONNS = 20, SPREAD_MS = 1000 };
    uint32_t same_cnt = 0;
    struct nx_options options = toy_options();
    options.conn_max = CONNS;
    toy_init(&options);
    for (int i = 0; i < CONNS; i++)
        nx_accept(&nx);
    tc_net_finish(&nx.net, 3, TC_CLOSE_IDLE);
    nx_end(&nx, 5, 0);
    cr_assert_not(nx.net.is_draining);
    tc_net_drain(&nx.net, 0, 8, SPREAD_MS);
    cr_assert(nx.net.is_draining);
    cr_assert_eq(toy.drain_cnt, 6);
    cr_assert(tc_net_is_open(&nx.net, 8));
    tc_net_drain(&nx.net, 8, 100000000, SPREAD_MS);
    cr_assert_eq(toy.drain_cnt, CONNS - 2);
    for (uint32_t i = 0; i < toy.drain_cnt; i++) {
        cr_assert_lt(toy.delays[i], SPREAD_MS);
        same_cnt += toy.delays[i] == toy.delays[0];
    }
    cr_assert_lt(same_cnt, toy.drain_cnt / 2);
    nx_check_finished(&nx, 8, TC_CLOSE_DRAINING);
    cr_assert_str_eq(nx_take(&nx, 8), "drain bye draining");
    cr_assert_str_eq(nx_take(&nx, 3), "bye idle");
    toy_fini();
}

Test(net, drain_without_spread)
{
    /* Goal: a window of 0 gives a delay of 0. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 0);
    cr_assert_eq(toy.drain_cnt, 1);
    cr_assert_eq(toy.delays[0], 0);
    nx_check_finished(&nx, slot, TC_CLOSE_DRAINING);
    toy_fini();
}

Test(net, drain_without_memory)
{
    /* Goal: a connection whose last words find no memory is ended, and the others are told. */
    struct nx_options options = toy_options();
    options.spill_bytes = TC_SLAB_UNIT_BYTES;
    toy_init(&options);
    uint32_t slots[2] = { nx_accept(&nx), nx_accept(&nx) };
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 100);
    cr_assert_eq(toy.drain_cnt, 2);
    cr_assert(nx_is_closed(&nx, slots[1]));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), 1);
    nx_check_finished(&nx, slots[0], TC_CLOSE_DRAINING);
    toy_fini();
}

Test(net, switch_of_sessions)
{
    /* Goal: the old session is left, the new one entered; what the old one wrote is sent before any
     * lane, also when the socket is full. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    nx.reactor.socks[slot].cap = 3;
    toy_write(slot, "101 switching ");
    nx_run(&nx);
    tc_net_switch(&nx.net, slot, TOY_LANES, 0);
    cr_assert_eq(toy.end_cnt[TOY], 1);
    cr_assert_eq(toy.open_cnt[TOY_LANES], 1);
    cr_assert(nx.net.conns[slot].is_fan);
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    size_t len;
    struct tc_fan_wish wish = { .room = TC_STR("ticker-A") };
    cr_assert_eq(tc_fan_subscribe(nx.fx.fan, slot, &wish, nx.net.now_ns, reply, &len), 0);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "101");
    nx_writable(&nx, slot, 5);
    nx_run(&nx);
    nx_writable(&nx, slot, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), " switching C ticker-A - - - A\n");
    nx_recv(&nx, slot, "to the new one");
    cr_assert_str_eq(toy.heard, "to the new one");
    nx_end(&nx, slot, 0);
    cr_assert_eq(toy.end_cnt[TOY_LANES], 1);
    nx_check_empty(&nx);
    slot = nx_accept(&nx);
    tc_net_switch(&nx.net, slot, TOY_LANES, TC_NONE);
    cr_assert_not(nx.net.conns[slot].is_fan);
    toy_fini();
}
