// SPDX-License-Identifier: Apache-2.0
/* Goal: what many connections share in pages reaches each of them as a copy would. */
#include <sys/resource.h>

#include "tests/unit/io/net/toy.h"

Test(send_pages, for_many)
{
    /* Goal: what is large and goes to many is shared from the 17th of them on, and each gets it
     * whole: one whose socket is full in the middle, one that ends, one whose bytes are others;
     * when all have it nothing is held. */
    enum { CONNS = 70, EVENTS = 300, PAYLOAD = 200 };
    static char payload[PAYLOAD + 1];
    struct nx_options options = toy_options();
    options.conn_max = CONNS;
    toy_init(&options);
    memset(payload, 'p', PAYLOAD);
    for (uint32_t i = 0; i < CONNS - 1; i++)
        toy_subscribe(toy_member(), "ticker-A");
    uint32_t both = toy_member();
    toy_subscribe(both, "ticker-A");
    toy_subscribe(both, "ticker-B");
    uint32_t before = nx.reactor.socks[30].got_len;
    uint32_t before_both = nx.reactor.socks[both].got_len;
    nx.reactor.socks[30].cap = 30001;
    nx.reactor.socks[31].error = ECONNRESET;
    fx_put(&nx.fx, "ticker-B", 1, "b");
    for (int64_t pos = 1; pos <= EVENTS; pos++)
        fx_put(&nx.fx, "ticker-A", pos, payload);
    nx_run(&nx);
    const struct nx_sock *first = &nx.reactor.socks[0];
    cr_assert_gt(first->got_len, EVENTS * PAYLOAD);
    for (uint32_t slot = 1; slot < CONNS - 1; slot++) {
        const struct nx_sock *s = &nx.reactor.socks[slot];
        if (slot == 31)
            continue;
        cr_assert_eq(s->got_len, slot == 30 ? before + 30001 : first->got_len);
        cr_assert_eq(memcmp(s->got, first->got, s->got_len), 0);
    }
    cr_assert_eq(nx.reactor.socks[both].got_len - before_both,
                 first->got_len - before + strlen("U ticker-B 1 - 1001 live b\n"));
    cr_assert_eq(tc_count_get(&nx.metric.shared_sends), CONNS - 1 - 16, "`both` has a copy too");
    cr_assert_eq(nx.net.pages.len, 0);
    nx_writable(&nx, 30, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx.reactor.socks[30].got, first->got);
    cr_assert(nx_is_closed(&nx, 31));
    toy_fini();
}

Test(send_pages, random_sockets)
{
    /* Goal: whatever is shared, members whose sockets take random amounts get each event once and
     * in order. */
    enum { CONNS = 8, EVENTS = 600 };
    struct nx_options options = toy_options();
    uint32_t seed = 5;
    options.pages = (struct tc_net_pages_conf){ 1, 1 };
    toy_init(&options);
    for (int i = 0; i < CONNS; i++)
        toy_subscribe(toy_member(), "ticker-A");
    for (int64_t pos = 1; pos <= EVENTS; pos++) {
        fx_put_many(&nx.fx, "ticker-A", pos, pos);
        seed = toy_random_room(seed, CONNS, 300);
        if (seed >> 31)
            nx_turn(&nx);
    }
    toy_take_all(CONNS);
    char *want = toy_updates(1, EVENTS, -1);
    for (uint32_t slot = 0; slot < CONNS; slot++)
        cr_assert_str_eq(nx_take(&nx, slot), want, "slot %u", slot);
    cr_assert_gt(tc_count_get(&nx.metric.shared_sends), 300);
    free(want);
    toy_fini();
}

Test(send_pages, none_can_be_had)
{
    /* Goal: without a memory file all is copied, and a line of the log says so. */
    char line[TC_LOG_LINE_MAX];
    struct rlimit old;
    struct nx_options options = toy_options();
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit low = { 3, old.rlim_max };
    options.pages = (struct tc_net_pages_conf){ 1, 1 };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    toy_init(&options);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_gt(tc_log_next_line(&nx.log, line), 0);
    cr_assert_not_null(strstr(line, "\"no-shared-pages\""), "%s", line);
    for (uint32_t i = 0; i < 3; i++)
        toy_subscribe(toy_member(), "ticker-A");
    fx_put(&nx.fx, "ticker-A", 7, "v");
    nx_run(&nx);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_str_eq(nx_take(&nx, i), "U ticker-A 7 - 1007 live v\n");
    cr_assert_eq(tc_count_get(&nx.metric.shared_sends), 0);
    toy_fini();
}
