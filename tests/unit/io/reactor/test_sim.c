// SPDX-License-Identifier: Apache-2.0
/* Goal: each promise of io/reactor/sim.h: what peers do arrives as a real reactor would tell it, as
 * badly as the faults say, and the same way for the same seed. */
#include "io/reactor/sim.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { CONNS = 8, TAG = 7, BUFFER_BYTES = 512, SEEN_MAX = 4096, BYTES_MAX = 1 << 16, ALL = 1000 };

struct seen {
    enum tc_reactor_event_kind kind;
    uint32_t slot;
    int res;
};

static struct tc_sim_net net;
static struct tc_mem mem;
static struct tc_reactor *reactor;
static const struct tc_reactor_ops *const ops = &tc_reactor_sim;
static struct seen seen[SEEN_MAX];
static uint32_t seen_cnt;
static uint8_t got[BYTES_MAX]; /* of all receives */
static size_t got_len;
static uint32_t next_slot;     /* that an ACCEPT opens; TC_NONE: it is refused */
static uint32_t close_slot;    /* that the next RECV closes, TC_NONE: none */
static const uint8_t *kept;    /* where the last RECV lay */
static uint32_t stops_accepts; /* after this many ACCEPTs */

static void on_event(void *ctx, const struct tc_reactor_event *e)
{
    cr_assert(ctx == &net && seen_cnt < SEEN_MAX);
    seen[seen_cnt++] = (struct seen){ e->kind, e->slot, e->res };
    if (e->kind == TC_REACTOR_ACCEPT && e->res >= 0 && next_slot != TC_NONE)
        cr_assert_eq(ops->conn_open(reactor, next_slot++, e->res), 0);
    if (e->kind == TC_REACTOR_ACCEPT && stops_accepts && --stops_accepts == 0)
        ops->accept_stop(reactor, TAG);
    if (e->kind != TC_REACTOR_RECV)
        return;
    cr_assert_eq(e->data == NULL, e->res <= 0);
    if (e->res > 0) {
        memcpy(got + got_len, e->data, (size_t)e->res);
        got_len += (size_t)e->res;
        memset(e->data, 0, (size_t)e->res); /* it may be changed */
        kept = e->data;
    }
    if (close_slot != TC_NONE)
        ops->conn_close(reactor, close_slot);
    close_slot = TC_NONE;
}

static void start(uint64_t seed)
{
    struct tc_err err = { 0 };
    struct tc_reactor_conf conf = { CONNS, BUFFER_BYTES, 1, &mem, "test" };
    tc_sim_init(&net, seed, CONNS);
    tc_mem_init(&mem, 0);
    tc_sim_use(&net);
    cr_assert_eq(ops->open(&reactor, &conf, &err), 0, "%s", err.text);
    cr_assert_eq(ops->accept_start(reactor, 3, TAG), 0);
    seen_cnt = next_slot = 0;
    got_len = 0;
    close_slot = TC_NONE;
    stops_accepts = 0;
}

static void stop(void)
{
    ops->close(reactor);
    tc_sim_fini(&net);
    tc_mem_fini(&mem);
}

static uint32_t poll_some(uint32_t max)
{
    return ops->poll(reactor, 0, max, on_event, &net);
}

static uint32_t poll_all(void)
{
    uint32_t cnt = 0;
    for (uint32_t n; (n = poll_some(ALL)) > 0;)
        cnt += n;
    return cnt;
}

/* A peer in the next slot. */
static uint32_t join(void)
{
    uint32_t peer = tc_sim_connect(&net);
    cr_assert_neq(peer, TC_NONE);
    poll_all();
    seen_cnt = 0;
    return peer;
}

static int32_t send_text(uint32_t slot, const char *text)
{
    int32_t result = 0;
    struct iovec iov = { (void *)text, strlen(text) };
    ops->send(reactor, slot, &iov, 1);
    cr_assert_eq(ops->send_flush(reactor, &result), 1);
    return result;
}

static void expect_read(uint32_t peer, const char *text)
{
    char bytes[256];
    size_t len = tc_sim_read(&net, peer, bytes, sizeof(bytes));
    cr_assert(len == strlen(text) && memcmp(bytes, text, len) == 0, "%.*s, not %s", (int)len, bytes,
              text);
}

static void expect_seen(uint32_t i, enum tc_reactor_event_kind kind, uint32_t slot, int res)
{
    cr_assert(i < seen_cnt, "only %u events", seen_cnt);
    cr_assert(seen[i].kind == kind && seen[i].slot == slot && seen[i].res == res,
              "event %u: kind %d slot %u res %d", i, (int)seen[i].kind, seen[i].slot, seen[i].res);
}

TestSuite(sim, .fini = stop);

/* ---- accept ---- */

static void fail_next(int error)
{
    net.faults.fail_cnt = 1;
    net.faults.fail_error = error;
}

Test(sim, accept)
{
    /* Goal: a peer is told once, with its fake descriptor and the listener's tag, and not before
     * accept_start(). */
    start(1);
    ops->accept_stop(reactor, TAG);
    cr_assert(tc_sim_connect(&net) == 0 && tc_sim_connect(&net) == 1);
    cr_assert_eq(poll_all(), 0);
    cr_assert_eq(ops->accept_start(reactor, 3, TAG), 0);
    cr_assert_eq(poll_all(), 2);
    expect_seen(0, TC_REACTOR_ACCEPT, TAG, seen[0].res);
    expect_seen(1, TC_REACTOR_ACCEPT, TAG, seen[1].res);
    cr_assert(seen[0].res != seen[1].res && seen[0].res + seen[1].res == 2 * TC_SIM_FD + 1);
    cr_assert_eq(poll_all(), 0);
}

Test(sim, accept_unopened_is_refused)
{
    /* Goal: for a peer that the callback does not open the server has closed. */
    start(1);
    next_slot = TC_NONE;
    uint32_t peer = tc_sim_connect(&net);
    cr_assert_not(tc_sim_is_closed_by_server(&net, peer));
    cr_assert_eq(poll_all(), 1);
    cr_assert(tc_sim_is_closed_by_server(&net, peer) && tc_sim_is_shutdown(&net, peer));
}

Test(sim, accept_fails_and_pauses)
{
    /* Goal: each error of a machine at its limits is told once and pauses the listener; the client
     * waits and is accepted after accept_start(). */
    static const int errors[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS, EINVAL, EBADF };
    start(1);
    for (uint32_t i = 0; i < TC_ARRAY_CNT(errors); i++) {
        tc_sim_connect(&net);
        fail_next(errors[i]);
        seen_cnt = 0;
        cr_assert_eq(poll_all(), 1);
        expect_seen(0, TC_REACTOR_ACCEPT, TAG, -errors[i]);
        cr_assert_eq(ops->accept_start(reactor, 3, TAG), 0);
        cr_assert_eq(poll_all(), 1);
        cr_assert_geq(seen[1].res, TC_SIM_FD);
    }
}

Test(sim, accept_aborted)
{
    /* Goal: ECONNABORTED loses that client without a word and pauses nothing. */
    start(1);
    uint32_t peer = tc_sim_connect(&net);
    fail_next(ECONNABORTED);
    cr_assert_eq(poll_all(), 0);
    cr_assert(tc_sim_is_closed_by_server(&net, peer));
    tc_sim_connect(&net);
    cr_assert_eq(poll_all(), 1);
    cr_assert_geq(seen[0].res, TC_SIM_FD);
}

Test(sim, accept_stop_in_callback)
{
    /* Goal: a listener that the callback stops gives nothing more, in this poll either. */
    start(1);
    tc_sim_connect(&net);
    tc_sim_connect(&net);
    stops_accepts = 1;
    cr_assert_eq(poll_all(), 1);
    cr_assert_eq(ops->accept_start(reactor, 3, TAG), 0);
    cr_assert_eq(poll_all(), 1);
    cr_assert_eq(ops->accept_start(reactor, 3, TAG + 1), -TC_ELIMIT, "one listener");
}

Test(sim, accept_faults)
{
    /* Goal: seeded accept errors happen at about their rate, with every error. */
    uint32_t failed = 0;
    start(5);
    next_slot = TC_NONE; /* none is opened */
    net.faults.accept_pct = 30;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t peer = tc_sim_connect(&net);
        seen_cnt = 0;
        cr_assert_eq(ops->accept_start(reactor, 3, TAG), 0);
        cr_assert_eq(poll_some(ALL), 1);
        failed += seen[0].res < 0;
        tc_sim_forget(&net, peer);
    }
    cr_assert(failed > 200 && failed < 400, "%u of 1000", failed);
}

/* ---- receive ---- */

Test(sim, receive_in_pieces)
{
    /* Goal: what a peer wrote, before or after it was accepted, arrives whole, in order and in
     * pieces; after the callback its bytes are void. */
    static uint8_t bytes[2000];
    start(2);
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    uint32_t peer = tc_sim_connect(&net);
    tc_sim_write(&net, peer, bytes, 100);
    poll_all();
    tc_sim_write(&net, peer, bytes + 100, sizeof(bytes) - 100);
    poll_all();
    cr_assert_eq(got_len, sizeof(bytes));
    cr_assert_eq(memcmp(got, bytes, sizeof(bytes)), 0);
    uint32_t size_cnt = 0;
    for (uint32_t i = 1; i < seen_cnt; i++) {
        cr_assert(seen[i].kind == TC_REACTOR_RECV && seen[i].res <= BUFFER_BYTES);
        size_cnt += seen[i].res != seen[1].res;
    }
    cr_assert(seen_cnt > 5 && size_cnt > 3, "random sizes");
    cr_assert_eq(*kept, 0xdd);
}

Test(sim, receive_bytewise)
{
    /* Goal: a piece bound of 1 is a byte at a time. */
    start(2);
    uint32_t peer = join();
    tc_sim_set_piece(&net, peer, 1);
    tc_sim_write(&net, peer, "abcdef", 6);
    cr_assert_eq(poll_all(), 6);
    for (uint32_t i = 0; i < 6; i++)
        expect_seen(i, TC_REACTOR_RECV, 0, 1);
    cr_assert_eq(memcmp(got, "abcdef", 6), 0);
}

Test(sim, peer_closes)
{
    /* Goal: RECV 0 comes once, after the last byte; the peer still reads; what it writes after its
     * end is not sent. */
    start(3);
    uint32_t peer = join();
    tc_sim_write(&net, peer, "last", 4);
    tc_sim_close(&net, peer);
    tc_sim_write(&net, peer, "more", 4);
    poll_all();
    cr_assert_eq(got_len, 4);
    expect_seen(seen_cnt - 1, TC_REACTOR_RECV, 0, 0);
    cr_assert_eq(poll_all(), 0);
    cr_assert_eq(send_text(0, "bye"), 3);
    expect_read(peer, "bye");
    cr_assert_not(tc_sim_is_closed_by_server(&net, peer));
    ops->conn_close(reactor, 0);
    cr_assert(tc_sim_is_closed_by_server(&net, peer));
}

Test(sim, peer_resets)
{
    /* Goal: RECV -ECONNRESET comes once, what was on its way both ways is lost, sends get -EPIPE,
     * and somebody who waits for WRITABLE is told. */
    start(3);
    uint32_t peer = join();
    cr_assert_eq(send_text(0, "lost"), 4);
    tc_sim_set_window(&net, peer, 0);
    cr_assert_eq(ops->want_writable(reactor, 0), 0);
    tc_sim_write(&net, peer, "lost", 4);
    tc_sim_reset(&net, peer);
    cr_assert_eq(poll_all(), 2);
    cr_assert_eq(got_len, 0);
    uint32_t i = seen[0].kind == TC_REACTOR_RECV ? 0 : 1;
    expect_seen(i, TC_REACTOR_RECV, 0, -ECONNRESET);
    expect_seen(1 - i, TC_REACTOR_WRITABLE, 0, 0);
    cr_assert_eq(send_text(0, "x"), -EPIPE);
    cr_assert_eq(tc_sim_unread(&net, peer), 0);
}

/* ---- send ---- */

Test(sim, window)
{
    /* Goal: the window bounds what lies unread: a short count, then -EAGAIN; reading gives room and
     * one WRITABLE. */
    start(4);
    uint32_t peer = join();
    tc_sim_set_window(&net, peer, 5);
    cr_assert_eq(send_text(0, "abcdefgh"), 5);
    cr_assert_eq(send_text(0, "fgh"), -EAGAIN);
    cr_assert_eq(ops->want_writable(reactor, 0), 0);
    cr_assert_eq(poll_all(), 0);
    cr_assert_eq(tc_sim_read(&net, peer, got, 1), 1);
    cr_assert_eq(poll_all(), 1);
    expect_seen(0, TC_REACTOR_WRITABLE, 0, 0);
    cr_assert_eq(poll_all(), 0, "once");
    cr_assert_eq(send_text(0, "fgh"), 1);
    expect_read(peer, "bcdef");
    tc_sim_set_window(&net, peer, 0);
    cr_assert_eq(send_text(0, "gh"), -EAGAIN);
}

Test(sim, send_pieces)
{
    /* Goal: a send is its pieces in order, cut anywhere; results come in the order of the sends;
     * the bytes are taken at the flush. */
    int32_t results[2];
    char first[] = "xx";
    start(4);
    uint32_t a = join();
    uint32_t b = join();
    tc_sim_set_window(&net, b, 3);
    struct iovec pieces[] = { { first, 2 }, { (void *)"cd", 2 }, { (void *)"ef", 2 } };
    ops->send(reactor, 1, pieces, 3);
    ops->send(reactor, 0, pieces, 2);
    memset(pieces, 0, sizeof(pieces)); /* the array was copied */
    memcpy(first, "ab", 2);            /* what it names was not */
    cr_assert(ops->send_flush(reactor, results) == 2 && results[0] == 3 && results[1] == 4);
    expect_read(b, "abc");
    expect_read(a, "abcd");
    cr_assert_eq(ops->send_flush(reactor, results), 0);
}

Test(sim, send_before_close)
{
    /* Goal: a send whose connection is closed before the flush was sent, and has its result; the
     * slot may have another by then. */
    int32_t results[2];
    struct iovec iov = { (void *)"bye", 3 };
    struct iovec other = { (void *)"hello", 5 };
    start(4);
    uint32_t a = join();
    ops->send(reactor, 0, &iov, 1);
    ops->conn_close(reactor, 0);
    next_slot = 0;
    uint32_t b = join();
    ops->send(reactor, 0, &other, 1);
    cr_assert(ops->send_flush(reactor, results) == 2 && results[0] == 3 && results[1] == 5);
    expect_read(a, "bye");
    expect_read(b, "hello");
    cr_assert(tc_sim_is_closed_by_server(&net, a) && !tc_sim_is_closed_by_server(&net, b));
}

Test(sim, shutdown)
{
    /* Goal: after conn_shutdown() sends get -EPIPE, the peer sees the end, and receiving goes on.
     */
    start(4);
    uint32_t peer = join();
    cr_assert_not(tc_sim_is_shutdown(&net, peer));
    ops->conn_shutdown(reactor, 0);
    cr_assert(tc_sim_is_shutdown(&net, peer) && !tc_sim_is_closed_by_server(&net, peer));
    cr_assert_eq(send_text(0, "x"), -EPIPE);
    tc_sim_write(&net, peer, "a", 1);
    cr_assert_eq(poll_all(), 1);
    expect_seen(0, TC_REACTOR_RECV, 0, 1);
}

Test(sim, short_sends)
{
    /* Goal: seeded short sends take every count from none to all but one, at about their rate. */
    uint32_t counts[11] = { 0 };
    start(6);
    uint32_t peer = join();
    net.faults.short_pct = 50;
    tc_sim_set_window(&net, peer, 10);
    for (uint32_t i = 0; i < 2000; i++) {
        int32_t res = send_text(0, "0123456789");
        counts[res == -EAGAIN ? 0 : res]++;
        tc_sim_read(&net, peer, got, 10);
    }
    for (uint32_t i = 0; i < 10; i++)
        cr_assert(counts[i] > 20, "%u: %u times", i, counts[i]);
    cr_assert(counts[10] > 800 && counts[10] < 1200, "%u of 2000 whole", counts[10]);
}

/* ---- close ---- */

Test(sim, nothing_after_close)
{
    /* Goal: after conn_close(), from a callback too, no event of the old connection comes, also if
     * the slot has another by then. */
    start(7);
    uint32_t a = join();
    tc_sim_write(&net, join(), "b", 1);
    tc_sim_write(&net, a, "a", 1);
    cr_assert_eq(ops->want_writable(reactor, 0) + ops->want_writable(reactor, 1), 0);
    for (uint32_t i = 0; got_len == 0; i++) {
        close_slot = 0; /* by whoever receives first */
        cr_assert(i < 8 && poll_some(1) == 1);
    }
    got_len = 0;
    next_slot = 0;
    uint32_t c = join();
    tc_sim_write(&net, c, "c", 1);
    poll_all();
    for (uint32_t i = 0; i < got_len; i++)
        cr_assert(got[i] != 'a');
    for (uint32_t i = 0; i < seen_cnt; i++)
        cr_assert(seen[i].kind != TC_REACTOR_WRITABLE || seen[i].slot != 0);
    cr_assert(tc_sim_is_closed_by_server(&net, a));
}

Test(sim, forget)
{
    /* Goal: numbers are few and come back: at once if the server has closed, otherwise when it has
     * seen the reset. */
    start(7);
    for (uint32_t i = 0; i < CONNS; i++)
        join();
    cr_assert_eq(tc_sim_connect(&net), TC_NONE);
    ops->conn_close(reactor, 3);
    tc_sim_forget(&net, 3);
    cr_assert_eq(tc_sim_connect(&net), 3);
    tc_sim_forget(&net, 5);
    cr_assert_eq(tc_sim_connect(&net), TC_NONE);
    fail_next(ECONNABORTED); /* 3 */
    cr_assert_eq(poll_all(), 1);
    expect_seen(0, TC_REACTOR_RECV, 5, -ECONNRESET);
    ops->conn_close(reactor, 5);
    cr_assert_eq(tc_sim_connect(&net), 5);
    ops->close(reactor);
    cr_assert(tc_sim_is_closed_by_server(&net, 0), "closing the reactor closes all");
}

/* ---- wake, wait, order ---- */

Test(sim, ring)
{
    /* Goal: rings of a watched descriptor are one WAKE with its tag; those of others are nothing
     * until they are watched. */
    start(8);
    cr_assert_eq(ops->watch(reactor, 11, 91), 0);
    tc_sim_ring(&net, 11);
    tc_sim_ring(&net, 11);
    tc_sim_ring(&net, 12);
    cr_assert_eq(poll_all(), 1);
    expect_seen(0, TC_REACTOR_WAKE, 91, 0);
    cr_assert_eq(ops->watch(reactor, 12, 92), 0);
    cr_assert_eq(poll_all(), 1);
    expect_seen(1, TC_REACTOR_WAKE, 92, 0);
}

static int64_t waits[8]; /* what on_wait was asked */
static uint32_t wait_cnt;

static int64_t on_wait(void *ctx, int64_t left_ns)
{
    cr_assert(ctx == waits && wait_cnt < 8);
    waits[wait_cnt++] = left_ns;
    if (wait_cnt == 5)
        tc_sim_ring(&net, 11);
    return 2000;
}

Test(sim, wait)
{
    /* Goal: poll() never waits and notes the timeout; where it would, on_wait lets time pass until
     * it is over or something is ready, which the same poll tells. */
    start(8);
    net.on_wait = on_wait;
    net.wait_ctx = waits;
    cr_assert_eq(ops->watch(reactor, 11, 91), 0);
    cr_assert(poll_some(ALL) == 0 && net.last_timeout_ns == 0 && wait_cnt == 0);
    cr_assert_eq(ops->poll(reactor, 5000, ALL, on_event, &net), 0);
    cr_assert(net.last_timeout_ns == 5000 && wait_cnt == 3);
    cr_assert(waits[0] == 5000 && waits[1] == 3000 && waits[2] == 1000);
    cr_assert_eq(ops->poll(reactor, -1, ALL, on_event, &net), 1);
    cr_assert(wait_cnt == 5 && waits[3] == -1 && waits[4] == -1);
    tc_sim_connect(&net);
    cr_assert(ops->poll(reactor, 5000, ALL, on_event, &net) == 1 && wait_cnt == 5);
}

/* All slots have a byte; the bits of the slots that a poll of at most max events tells. */
static uint32_t told(uint32_t max)
{
    uint32_t bits = 0;
    seen_cnt = 0;
    poll_some(max);
    for (uint32_t i = 0; i < seen_cnt; i++)
        bits |= 1u << seen[i].slot;
    return bits;
}

Test(sim, fewer_events)
{
    /* Goal: with a bound or the fault a poll tells a part, never nothing; nobody starves. */
    uint32_t few = 0;
    start(9);
    for (uint32_t i = 0; i < CONNS; i++)
        join();
    for (uint32_t i = 0; i < CONNS; i++) {
        tc_sim_set_piece(&net, i, 1);
        tc_sim_write(&net, i, got, 50);
    }
    uint32_t all = 0;
    for (uint32_t i = 0; i < CONNS; i++) {
        all |= told(1);
        cr_assert_eq(seen_cnt, 1);
    }
    cr_assert_eq(all, (1u << CONNS) - 1);
    net.faults.few_pct = 50;
    for (uint32_t i = 0; i < 40; i++) {
        told(ALL);
        cr_assert(seen_cnt >= 1 && seen_cnt <= CONNS);
        few += seen_cnt < CONNS;
    }
    cr_assert(few > 8 && few < 36, "%u of 40", few);
}

Test(sim, shuffled)
{
    /* Goal: with the fault the order of slots is another than their own. */
    start(9);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < CONNS; i++)
        join();
    net.faults.is_shuffled = true;
    for (uint32_t n = 0; n < 20; n++) {
        seen_cnt = 0;
        for (uint32_t i = 0; i < CONNS; i++)
            cr_assert_eq(ops->want_writable(reactor, i), 0);
        cr_assert_eq(poll_some(ALL), CONNS);
        for (uint32_t i = 1; i < CONNS; i++)
            wrong += seen[i].slot != (seen[i - 1].slot + 1) % CONNS;
    }
    cr_assert_gt(wrong, 60);
}

/* A run with every fault, as a text. */
static size_t run(uint64_t seed, char *out, size_t max)
{
    size_t len = 0;
    start(seed);
    net.faults = (struct tc_sim_faults){ 20, 10, 50, 50, true, 0, 0 };
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t peer = next_slot < CONNS ? tc_sim_connect(&net) : TC_NONE;
        if (peer != TC_NONE)
            tc_sim_write(&net, peer, "some bytes of a client", 22);
        cr_assert_eq(ops->accept_start(reactor, 3, TAG), 0);
        poll_some(ALL);
        if (next_slot)
            len += (size_t)snprintf(out + len, max - len, "%d ", send_text(0, "0123456789"));
    }
    for (uint32_t i = 0; i < seen_cnt; i++)
        len += (size_t)snprintf(out + len, max - len, "%d %u %d\n", (int)seen[i].kind, seen[i].slot,
                                seen[i].res);
    cr_assert_lt(len, max - 1);
    return len;
}

Test(sim, same_seed_same_run)
{
    /* Goal: equal seeds are equal runs, another seed is another run. */
    static char texts[3][16384];
    static const uint64_t seeds[] = { 42, 42, 43 };
    for (uint32_t i = 0; i < 3; i++) {
        run(seeds[i], texts[i], sizeof(texts[i]));
        if (i < 2)
            stop();
    }
    cr_assert_str_eq(texts[0], texts[1]);
    cr_assert_str_neq(texts[0], texts[2]);
}

Test(sim, open_fails)
{
    /* Goal: without a net it is not supported, with a spent budget there is no memory. */
    struct tc_err err = { 0 };
    struct tc_mem small;
    struct tc_reactor *other = NULL;
    struct tc_reactor_conf conf = { CONNS, BUFFER_BYTES, 1, &small, "test" };
    start(1);
    tc_mem_init(&small, 300);
    cr_assert_eq(ops->open(&other, &conf, &err), -TC_ENOMEM);
    tc_mem_fini(&small);
    tc_sim_use(NULL);
    cr_assert_eq(ops->open(&other, &conf, &err), -TC_ENOTSUP);
    cr_assert(strstr(err.text, "tc_sim_use"), "%s", err.text);
}
