// SPDX-License-Identifier: Apache-2.0
/* Goal: whatever the sockets take, each client gets its bytes in order, whole and once; what cannot
 * be kept for it ends that client and no other. */
#include "io/net/net.h"

#include "tests/unit/io/net/toy.h"

/* ---- what sessions write ---- */

Test(send, writes_are_joined)
{
    /* Goal: writes of one turn are one send, in order; an empty one is none; connections do not
     * mix.
     */
    toy_init(NULL);
    uint32_t a = nx_accept(&nx);
    uint32_t b = nx_accept(&nx);
    toy_write(a, "one ");
    toy_write(b, "uno ");
    toy_write(a, "two ");
    toy_write(b, "due ");
    toy_write(a, "");
    toy_write(a, "three");
    cr_assert_eq(tc_net_flush_out(&nx.net), 2);
    cr_assert_str_eq(nx_take(&nx, a), "one two three");
    cr_assert_str_eq(nx_take(&nx, b), "uno due ");
    cr_assert_eq(nx.reactor.flush_cnt, 1);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_eq(tc_count_get(&nx.metric.sends), 2);
    cr_assert_eq(tc_count_get(&nx.metric.delivered_bytes), 21);
    cr_assert_eq(tc_count_get(&nx.metric.short_sends), 0);
    cr_assert_eq(tc_net_flush_out(&nx.net), 0);
    toy_fini();
}

Test(send, many_at_once)
{
    /* Goal: more connections than one submit takes: several submits, none left behind. */
    enum { CONNS = 2 * TC_TURN_SENDS_MAX + 3 };
    struct nx_options options = toy_options();
    options.conn_max = CONNS;
    toy_init(&options);
    for (int i = 0; i < CONNS; i++)
        toy_write(nx_accept(&nx), "hi");
    cr_assert_eq(tc_net_flush_out(&nx.net), CONNS);
    cr_assert_eq(nx.reactor.flush_cnt, 3);
    for (uint32_t i = 0; i < CONNS; i++)
        cr_assert_str_eq(nx_take(&nx, i), "hi");
    toy_fini();
}

Test(send, short_writes_of_out)
{
    /* Goal: random writes against a socket that takes random amounts, or nothing: the bytes arrive
     * as they were written; the block grows and is given back. */
    enum { ROUNDS = 3000, WRITE_MAX = 700, CAP_MAX = 900 };
    uint32_t seed = 12345;
    uint32_t written = 0, checked = 0;
    uint64_t most_bytes = 0;
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    nx.reactor.socks[slot].cap = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t bytes[WRITE_MAX];
        seed = seed * 1664525 + 1013904223;
        uint32_t cnt = (seed >> 8) % WRITE_MAX;
        if ((seed >> 28) < (i < ROUNDS / 2 ? 9 : 6) && written + cnt < FX_TEXT - 1) {
            for (uint32_t k = 0; k < cnt; k++)
                bytes[k] = (uint8_t)((written + k) % 251);
            tc_net_write(&nx.net, slot, bytes, cnt);
            written += cnt;
        } else if (nx.reactor.socks[slot].wants_writable) {
            nx_writable(&nx, slot, (seed >> 8) % CAP_MAX);
        }
        nx_run(&nx);
        most_bytes = TC_MAX(most_bytes, nx.net.slab.used_bytes);
    }
    if (nx.reactor.socks[slot].wants_writable)
        nx_writable(&nx, slot, FX_ALL);
    nx_run(&nx);
    const struct nx_sock *s = &nx.reactor.socks[slot];
    cr_assert_eq(s->got_len, written);
    for (; checked < written && (uint8_t)s->got[checked] == checked % 251; checked++)
        ;
    cr_assert_eq(checked, written);
    cr_assert_geq(most_bytes, 16384, "it never grew");
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_eq(tc_count_get(&nx.metric.delivered_bytes), written);
    cr_assert_gt(tc_count_get(&nx.metric.short_sends), 0);
    toy_fini();
}

Test(send, unread_replies)
{
    /* Goal: TC_NET_OUT_MAX unread bytes are held, one more ends the connection at once; what was
     * read in between counts no more. */
    static uint8_t half[TC_NET_OUT_MAX / 2];
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    nx.reactor.socks[slot].cap = 0;
    tc_net_write(&nx.net, slot, half, sizeof(half));
    nx_run(&nx);
    tc_net_write(&nx.net, slot, half, sizeof(half));
    nx_run(&nx);
    cr_assert(tc_net_is_open(&nx.net, slot));
    nx_writable(&nx, slot, 10);
    nx_run(&nx);
    toy_write(slot, "0123456789");
    cr_assert(tc_net_is_open(&nx.net, slot));
    toy_write(slot, "x");
    cr_assert(nx_is_closed(&nx, slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_UNREAD), 1);
    cr_assert_eq(toy.goodbye_cnt, 0);
    nx_check_empty(&nx);
    nx_run(&nx);
    toy_fini();
}

Test(send, memory_is_spent)
{
    /* Goal: without memory for what must be held the connection ends, is counted, and others keep
     * theirs; with memory back a connection is served again. */
    struct nx_options options = toy_options();
    options.spill_bytes = 4 * TC_SLAB_UNIT_BYTES;
    char bytes[2 * TC_SLAB_UNIT_BYTES] = { 0 };
    toy_init(&options);
    memset(bytes, 'b', sizeof(bytes) - 1);
    uint32_t a = nx_accept(&nx);
    uint32_t b = nx_accept(&nx);
    toy_write(a, bytes);
    toy_write(b, "b");
    toy_write(a, bytes); /* must grow, and there is no larger block */
    cr_assert(nx_is_closed(&nx, a));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), 1);
    cr_assert_eq(tc_count_get(&nx.metric.spill_empty), 1);
    toy_write(b, "c");
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, b), "bc");
    a = nx_accept(&nx);
    toy_write(a, bytes);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, a), bytes);
    toy_fini();
}

Test(send, broken_sockets)
{
    /* Goal: a send that fails ends its connection, as broken by the peer; a reactor that cannot
     * wait for it: as our own fault. */
    static const int errors[] = { EPIPE, ECONNRESET, ETIMEDOUT };
    toy_init(NULL);
    uint32_t other = nx_accept(&nx);
    for (size_t i = 0; i < TC_ARRAY_CNT(errors); i++) {
        uint32_t slot = nx_accept(&nx);
        toy_write(slot, "x");
        toy_write(other, "y");
        nx.reactor.socks[slot].error = errors[i];
        nx_run(&nx);
        cr_assert(nx_is_closed(&nx, slot));
        cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_RESET), i + 1);
    }
    cr_assert_str_eq(nx_take(&nx, other), "yyy");
    nx.reactor.socks[other].cap = 0;
    nx.reactor.want_rc = -TC_EIO;
    toy_write(other, "z");
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, other));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_INTERNAL), 1);
    toy_fini();
}

Test(send, kernel_without_buffers)
{
    /* Goal: ENOBUFS is a full socket, not a broken one. */
    toy_init(NULL);
    uint32_t slot = nx_accept(&nx);
    nx.reactor.socks[slot].error = ENOBUFS;
    toy_write(slot, "x");
    nx_run(&nx);
    cr_assert(tc_net_is_open(&nx.net, slot));
    nx.reactor.socks[slot].error = 0;
    nx_writable(&nx, slot, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "x");
    toy_fini();
}

/* ---- lanes ---- */

static void put(const char *room, int64_t pos, const char *payload)
{
    fx_put(&nx.fx, room, pos, payload);
}

Test(send, lanes_to_many)
{
    /* Goal: one update reaches all members, and nobody else; a flush stops near its bound and goes
     * on where it stopped. */
    enum { CONNS = TC_TURN_SENDS_MAX + 20 };
    struct nx_options options = toy_options();
    options.conn_max = CONNS + 1;
    toy_init(&options);
    for (int i = 0; i < CONNS; i++)
        toy_subscribe(toy_member(), "ticker-A");
    uint32_t other = toy_member();
    toy_subscribe(other, "ticker-B");
    put("ticker-A", 7, "v");
    cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
    cr_assert_eq(tc_net_flush(&nx.net, 1), TC_TURN_SENDS_MAX);
    cr_assert(tc_fan_has_touched(nx.fx.fan));
    cr_assert_eq(tc_net_flush(&nx.net, TC_TURN_FLUSH_MAX), CONNS - TC_TURN_SENDS_MAX);
    for (uint32_t i = 0; i < CONNS; i++)
        cr_assert_str_eq(nx_take(&nx, i), "U ticker-A 7 - 1007 live v\n");
    cr_assert_str_eq(nx_take(&nx, other), "");
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    toy_fini();
}

Test(send, replies_before_lanes)
{
    /* Goal: what a session wrote goes out before lanes of the same turn; several lanes are one
     * send. */
    toy_init(NULL);
    uint32_t slot = toy_member();
    toy_subscribe(slot, "ticker-A");
    toy_subscribe(slot, "ticker-B");
    put("ticker-A", 1, "a");
    put("ticker-B", 2, "b");
    put("ticker-A", 3, "aa");
    toy_write(slot, "reply\n");
    uint32_t before = nx.reactor.socks[slot].send_cnt;
    nx_run(&nx);
    const char *got = nx_take(&nx, slot);
    cr_assert_eq(strncmp(got, "reply\n", 6), 0, "%s", got);
    cr_assert_not_null(strstr(got, "U ticker-A 1 - 1001 live a\nU ticker-A 3 1 1003 live aa\n"));
    cr_assert_not_null(strstr(got, "U ticker-B 2 - 1002 live b\n"));
    cr_assert_eq(nx.reactor.socks[slot].send_cnt, before + 2);
    toy_fini();
}

Test(send, reply_while_lanes_are_planned)
{
    /* Goal: a reply that is written between plan and flush, and does not get out: the planned
     * events follow it later, none lost, none twice. */
    toy_init(NULL);
    uint32_t slot = toy_member();
    toy_subscribe(slot, "ticker-A");
    put("ticker-A", 1, "a");
    cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
    toy_write(slot, "reply\n");
    nx.reactor.socks[slot].cap = 2;
    nx_run(&nx);
    put("ticker-A", 2, "b");
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot), "re");
    nx_writable(&nx, slot, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, slot),
                     "ply\nU ticker-A 1 - 1001 live a\nU ticker-A 2 1 1002 live b\n");
    toy_fini();
}

static void unsubscribe_it(uint32_t slot)
{
    cr_assert_not(tc_fan_is_planned(nx.fx.fan, slot));
    cr_assert_eq(tc_fan_unsubscribe(nx.fx.fan, slot, TC_STR("ticker-A"), NULL, NULL), TC_OK);
    toy_write(slot, "gone\n");
}

Test(send, bytes_come_while_lanes_are_planned)
{
    /* Goal: what is planned goes out before the session looks at a command: the event that was
     * before it, then the reply, nothing of the room after it; with a full socket too. */
    toy_init(NULL);
    toy.act = unsubscribe_it;
    for (uint32_t cap = 0; cap < 40; cap++) {
        uint32_t slot = toy_member();
        toy_subscribe(slot, "ticker-A");
        put("ticker-A", 10 + cap, "a");
        cr_assert_eq(tc_fan_read(nx.fx.fan, nx.net.now_ns), 1);
        nx.reactor.socks[slot].cap = cap;
        toy.heard_len = 0;
        nx_recv(&nx, slot, "unsubscribe");
        cr_assert_str_eq(toy.heard, "unsubscribe");
        put("ticker-A", 60 + cap, "b");
        nx_run(&nx);
        if (nx.reactor.socks[slot].wants_writable)
            nx_writable(&nx, slot, FX_ALL);
        nx_run(&nx);
        const char *got = nx_take(&nx, slot);
        const char *gone = strstr(got, "gone\n");
        cr_assert(gone && gone[5] == 0, "cap %u: %s", cap, got);
        cr_assert(cap == 0 ? gone == got : got[0] == 'U' && gone[-1] == '\n', "cap %u: %s", cap,
                  got);
        nx_end(&nx, slot, 0);
    }
    toy_fini();
}

Test(send, short_write_of_a_lane)
{
    /* Goal: wherever the socket stops in a lane of three events: only the rest of the cut one is
     * held, the others stay a cursor; when it takes bytes again the rest comes, then what is new;
     * a member with room is not held up. */
    char *want = toy_updates(1, 5, -1);
    size_t three = strlen(want);
    toy_init(NULL);
    for (uint32_t cap = 0; cap < three; cap++) {
        uint32_t slot = toy_member();
        toy_subscribe(slot, "ticker-A");
        int64_t base = 1 + 10 * (int64_t)cap;
        char *all = toy_updates(base, base + 4, cap ? base - 6 : -1);
        char *first = toy_updates(base, base + 2, cap ? base - 6 : -1);
        if (cap < strlen(first)) {
            fx_put_many(&nx.fx, "ticker-A", base, base + 2);
            nx.reactor.socks[slot].cap = cap;
            nx_run(&nx);
            cr_assert(nx.reactor.socks[slot].wants_writable);
            bool is_cut = cap > 0 && first[cap - 1] != '\n';
            cr_assert_eq(nx.net.slab.used_bytes, is_cut ? TC_SLAB_UNIT_BYTES : 0, "cap %u", cap);
            fx_put_many(&nx.fx, "ticker-A", base + 3, base + 4);
            nx_run(&nx);
            nx_writable(&nx, slot, FX_ALL);
        } else {
            fx_put_many(&nx.fx, "ticker-A", base, base + 4);
        }
        nx_run(&nx);
        cr_assert_str_eq(nx_take(&nx, slot), all, "cap %u", cap);
        cr_assert_eq(nx.net.slab.used_bytes, 0);
        nx_end(&nx, slot, 0);
        free(all);
        free(first);
    }
    free(want);
    toy_fini();
}

Test(send, random_sockets)
{
    /* Goal: members whose sockets take random amounts, replies in between: each gets every event
     * once and in order, replies whole, and the memory held ends at 0. */
    enum { CONNS = 6, EVENTS = 400 };
    uint32_t seed = 77, reply_cnt = 0;
    toy_init(NULL);
    for (int i = 0; i < CONNS; i++)
        toy_subscribe(toy_member(), "ticker-A");
    for (int64_t pos = 1; pos <= EVENTS; pos++) {
        fx_put_many(&nx.fx, "ticker-A", pos, pos);
        seed = toy_random_room(seed, CONNS, 120);
        if ((seed >> 8) % 8 == 0) {
            toy_write(0, "reply\n");
            reply_cnt++;
        }
        if (seed >> 31)
            nx_turn(&nx);
    }
    toy_take_all(CONNS);
    char *want = toy_updates(1, EVENTS, -1);
    for (uint32_t slot = 1; slot < CONNS; slot++)
        cr_assert_str_eq(nx_take(&nx, slot), want, "slot %u", slot);
    char *without = calloc(1, 65536);
    size_t len = 0;
    for (const char *at = nx_take(&nx, 0); *at;) {
        size_t line = strcspn(at, "\n") + 1;
        if (strncmp(at, "reply\n", 6) == 0) {
            reply_cnt--;
        } else {
            memcpy(without + len, at, line);
            len += line;
        }
        at += line;
    }
    cr_assert_str_eq(without, want);
    cr_assert_eq(reply_cnt, 0);
    cr_assert_gt(tc_count_get(&nx.metric.short_sends), 100);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    free(without);
    free(want);
    toy_fini();
}

Test(send, no_memory_for_a_tail)
{
    /* Goal: without memory for the rest of a cut frame the connection ends; a member whose socket
     * stopped between frames needs none and goes on. */
    struct nx_options options = toy_options();
    options.spill_bytes = TC_SLAB_UNIT_BYTES;
    toy_init(&options);
    uint32_t holder = nx_accept(&nx);
    uint32_t cut = toy_member();
    uint32_t whole = toy_member();
    toy_subscribe(cut, "ticker-A");
    toy_subscribe(whole, "ticker-A");
    nx.reactor.socks[holder].cap = 0;
    toy_write(holder, "all that there is");
    nx_run(&nx);
    char *want = toy_updates(1, 2, -1);
    nx.reactor.socks[cut].cap = 3;
    nx.reactor.socks[whole].cap = (uint32_t)(strchr(want, '\n') + 1 - want);
    fx_put_many(&nx.fx, "ticker-A", 1, 2);
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, cut));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), 1);
    cr_assert_eq(tc_count_get(&nx.metric.spill_empty), 1);
    nx_writable(&nx, whole, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, whole), want);
    nx_writable(&nx, holder, FX_ALL);
    nx_run(&nx);
    cr_assert_str_eq(nx_take(&nx, holder), "all that there is");
    free(want);
    toy_fini();
}

Test(send, broken_socket_of_a_lane)
{
    /* Goal: one member's broken socket ends that member alone, in a flush and in catch-up. */
    toy_init(NULL);
    uint32_t slots[3];
    for (int i = 0; i < 3; i++) {
        slots[i] = toy_member();
        toy_subscribe(slots[i], "ticker-A");
    }
    nx.reactor.socks[slots[0]].error = EPIPE;
    nx.reactor.socks[slots[1]].cap = 0;
    fx_put_many(&nx.fx, "ticker-A", 1, 1);
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, slots[0]));
    nx.reactor.socks[slots[1]].error = ECONNRESET;
    nx_writable(&nx, slots[1], FX_ALL);
    nx_run(&nx);
    cr_assert(nx_is_closed(&nx, slots[1]));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_PEER_RESET), 2);
    cr_assert_str_eq(nx_take(&nx, slots[2]), "U ticker-A 1 - 1001 live v1\n");
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 1);
    toy_fini();
}

Test(send, finish_of_a_member)
{
    /* Goal: nothing of a room is sent after the goodbye: what was planned and the cursor are given
     * up, the rest of a cut frame is sent before it. */
    char *want = toy_updates(1, 1, -1);
    toy_init(NULL);
    uint32_t slot = toy_member();
    toy_subscribe(slot, "ticker-A");
    nx.reactor.socks[slot].cap = 4;
    fx_put_many(&nx.fx, "ticker-A", 1, 2);
    nx_run(&nx);
    tc_net_finish(&nx.net, slot, TC_CLOSE_IDLE);
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
    fx_put_many(&nx.fx, "ticker-A", 3, 3);
    nx_run(&nx);
    nx_writable(&nx, slot, FX_ALL);
    nx_check_finished(&nx, slot, TC_CLOSE_IDLE);
    const char *got = nx_take(&nx, slot);
    cr_assert_eq(strncmp(got, want, strlen(want)), 0, "%s", got);
    cr_assert_str_eq(got + strlen(want), "bye idle");
    slot = toy_member();
    toy_subscribe(slot, "ticker-A");
    fx_put_many(&nx.fx, "ticker-A", 4, 4);
    tc_fan_read(nx.fx.fan, nx.net.now_ns);
    cr_assert(tc_fan_is_planned(nx.fx.fan, slot));
    tc_net_finish(&nx.net, slot, TC_CLOSE_IDLE);
    nx_check_finished(&nx, slot, TC_CLOSE_IDLE);
    cr_assert_str_eq(nx_take(&nx, slot), "bye idle");
    free(want);
    toy_fini();
}

Test(send, linger_of_a_member_with_a_full_socket)
{
    /* Goal: a socket that stopped between two frames holds nothing to send: the half-close comes
     * when it takes bytes again. */
    char *want = toy_updates(1, 1, -1);
    toy_init(NULL);
    uint32_t slot = toy_member();
    toy_subscribe(slot, "ticker-A");
    nx.reactor.socks[slot].cap = (uint32_t)strlen(want);
    fx_put_many(&nx.fx, "ticker-A", 1, 2);
    nx_run(&nx);
    tc_net_linger(&nx.net, slot, TC_CLOSE_ANSWERED);
    nx_run(&nx);
    nx_writable(&nx, slot, FX_ALL);
    nx_check_finished(&nx, slot, TC_CLOSE_ANSWERED);
    cr_assert_str_eq(nx_take(&nx, slot), want);
    free(want);
    toy_fini();
}

Test(send, catch_up_in_slices)
{
    /* Goal: one slice of catch-up sends to no more connections than its bound allows, each about
     * max_bytes, and the rest follows. */
    enum { CONNS = TC_TURN_SENDS_MAX + 10, EVENTS = 50, SLICE_BYTES = 300 };
    struct nx_options options = toy_options();
    options.conn_max = CONNS;
    toy_init(&options);
    for (uint32_t i = 0; i < CONNS; i++) {
        toy_subscribe(toy_member(), "ticker-A");
        nx.reactor.socks[i].cap = 0;
    }
    fx_put_many(&nx.fx, "ticker-A", 1, EVENTS);
    nx_run(&nx);
    for (uint32_t i = 0; i < CONNS; i++)
        nx_writable(&nx, i, FX_ALL);
    cr_assert_eq(tc_net_catch_up(&nx.net, 1, SLICE_BYTES), TC_TURN_SENDS_MAX);
    for (uint32_t i = 0; i < CONNS; i++) {
        uint32_t len = nx.reactor.socks[i].got_len - nx.reactor.socks[i].got_off;
        cr_assert(i < TC_TURN_SENDS_MAX ? len >= SLICE_BYTES && len < 2 * SLICE_BYTES : len == 0,
                  "slot %u has %u", i, len);
    }
    cr_assert(tc_fan_has_catch_up(nx.fx.fan));
    nx_run(&nx);
    char *want = toy_updates(1, EVENTS, -1);
    for (uint32_t i = 0; i < CONNS; i++)
        cr_assert_str_eq(nx_take(&nx, i), want);
    free(want);
    toy_fini();
}
