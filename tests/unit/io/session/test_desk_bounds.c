// SPDX-License-Identifier: Apache-2.0
/* Goal: whatever clients do, calls of the side thread take what they may and no more; who wants too
 * much is told so, others go on, and the word that a call is over is never lost. */
#include "tests/unit/io/session/desk_toy.h"

enum { CALL_MAX = 8, SMALL = 1000, BIG = 1 << 20, BATCH = 64 };

static struct gw w;

#define BUSY                                                                                       \
    "grpc-status=8 grpc-message=the server has too much to do for methods of this kind end\n"

static void open_side(uint32_t call_max, uint32_t message_max)
{
    desk_open(true, call_max, message_max);
    gw_open(&w);
}

static void close_side(void)
{
    gw_close(&w);
    desk_close();
}

static uint32_t count(const char *text, const char *part)
{
    uint32_t cnt = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
        cnt++;
    return cnt;
}

static struct gw_call *start(void)
{
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    gw_run(&w);
    return c;
}

/* ---- as many calls ---- */

Test(desk_bounds, calls)
{
    /* Goal: one call more than there may be is RESOURCE_EXHAUSTED and no method sees it; when one
     * is over there is room again. */
    open_side(2, BIG);
    struct gw_call *a = start();
    struct gw_call *b = start();
    struct gw_call *c = start();
    cr_assert_str_eq(gw_take(c), GW_HEAD " " BUSY);
    desk_run(&w);
    cr_assert_str_eq(toy_take(), "start Bidi\nstart Bidi\n");
    desk_script(&w, a, "s a\nf 0");
    cr_assert_str_eq(gw_take(a), GW_HEAD "\n0 a\n" GW_OK);
    c = start();
    desk_script(&w, c, "s c");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 c\n");
    desk_script(&w, b, "s b");
    cr_assert_str_eq(gw_take(b), GW_HEAD "\n0 b\n");
    close_side();
}

Test(desk_bounds, many_calls)
{
    /* Goal: a place is used by call after call, and none of them is lost. */
    open_side(2, BIG);
    for (int i = 0; i < 1000; i++) {
        gw_close(&w);
        gw_open(&w);
        struct gw_call *c = start();
        desk_script(&w, c, i % 3 ? "s x\nf 0" : "s x");
        cr_assert_str_eq(gw_take(c), i % 3 ? GW_HEAD "\n0 x\n" GW_OK : GW_HEAD "\n0 x\n");
        if (i % 3 == 0)
            gw_cancel(&w, c);
        if (i % 2)
            desk_run(&w);
        else
            gw_run(&w);
        cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    }
    desk_turn();
    cr_assert_eq(toy_end_cnt, 1000);
    close_side();
}

/* ---- as much of the ask ring ---- */

/* Messages of len bytes, BATCH at once, until the call is ended, or max have gone. */
static void pour(struct gw_call *c, uint32_t len, uint32_t max)
{
    static uint8_t batch[BATCH * (TC_GRPC_PREFIX_BYTES + SMALL)];
    size_t step = TC_GRPC_PREFIX_BYTES + len;
    memset(batch, 0, sizeof(batch));
    for (uint32_t i = 0; i < BATCH; i++)
        tc_grpc_prefix(batch + i * step, false, len);
    for (uint32_t cnt; !c->is_closed && max > 0; max -= cnt) {
        cnt = TC_MIN(max, (uint32_t)BATCH);
        gw_body(&w, c, batch, cnt * step);
        gw_run(&w);
    }
}

static uint64_t asked_bytes(void)
{
    return atomic_load(&desk_side->ask.head) - atomic_load(&desk_side->ask.tail);
}

/* So many bytes of messages that are all heard before the next ones come. */
static void pour_politely(struct gw_call *c, uint64_t bytes)
{
    for (uint64_t n = 0; n < bytes; n += (uint64_t)BATCH * SMALL) {
        pour(c, SMALL, BATCH);
        desk_run(&w);
        toy_take();
    }
}

Test(desk_bounds, share)
{
    /* Goal: one call fills its share of the ring and no more, with large messages or with empty
     * ones; another call's messages have their place, and the place comes back. */
    static const uint32_t lens[] = { SMALL, 100, 1, 0 };
    for (size_t i = 0; i < TC_ARRAY_CNT(lens); i++) {
        open_side(CALL_MAX, SMALL);
        uint64_t share = desk_side->ask.cap / TC_DESK_SHARE;
        struct gw_call *polite = start();
        pour_politely(polite, 3 * share);
        cr_assert_not(polite->is_closed, "what was heard does not count");
        gw_cancel(&w, polite);
        desk_run(&w);
        struct gw_call *greedy = start();
        cr_assert_eq(desk_side->askers.fresh_idx, 1, "it has the same place");
        pour(greedy, lens[i], UINT32_MAX);
        cr_assert_str_eq(gw_take(greedy), GW_HEAD " " BUSY);
        cr_assert_geq(asked_bytes(), share / 2, "len %u", lens[i]);
        cr_assert_leq(asked_bytes(), share + 4096, "len %u", lens[i]);
        struct gw_call *other = start();
        desk_script(&w, other, "s x");
        cr_assert_str_eq(gw_take(other), GW_HEAD "\n0 x\n");
        cr_assert_eq(count(toy_take(), "end RESOURCE_EXHAUSTED\n"), 1);
        close_side();
    }
}

Test(desk_bounds, the_largest_message)
{
    /* Goal: a message of the limit fits the share of a call that has no other. */
    static char text[BIG] = "s x\n";
    memset(text + 4, '\n', sizeof(text) - 4);
    open_side(CALL_MAX, BIG);
    for (int i = 0; i < 10; i++) {
        struct gw_call *c = start();
        gw_message(&w, c, 0, text, sizeof(text));
        desk_run(&w);
        cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 x\n");
        gw_cancel(&w, c);
        desk_run(&w);
    }
    close_side();
}

/* Opens calls and fills their shares until the ring has no room for a further message. */
static uint32_t fill(struct gw_call *calls[CALL_MAX])
{
    uint32_t cnt = 0;
    for (; cnt < CALL_MAX; cnt++) {
        calls[cnt] = start();
        if (calls[cnt]->is_closed)
            break;
        uint32_t most = (uint32_t)(desk_side->ask.cap / TC_DESK_SHARE / (SMALL + 64));
        pour(calls[cnt], SMALL, most);
    }
    return cnt;
}

Test(desk_bounds, ask_ring_is_full)
{
    /* Goal: with the ring full, calls that want more of it are ended and new ones refused, as many
     * as come; all that the side thread has begun with still hear of their end. */
    struct gw_call *calls[CALL_MAX];
    open_side(CALL_MAX, SMALL);
    uint32_t cnt = fill(calls);
    cr_assert(cnt > TC_DESK_SHARE - 2 && cnt < CALL_MAX, "%u", cnt);
    for (int i = 0; i < 30; i++) {
        struct gw_call *c = start();
        cr_assert_str_eq(gw_take(c), GW_HEAD " " BUSY);
    }
    uint32_t used_cnt = desk_side->askers.used_cnt;
    pour(calls[0], SMALL, 1000);
    cr_assert_str_eq(gw_take(calls[0]), GW_HEAD " " BUSY);
    cr_assert_eq(desk_side->askers.used_cnt, used_cnt - 1);
    nx_end(&nx, w.slot, 0);
    cr_assert_eq(desk_side->askers.used_cnt, 0);
    desk_turn();
    const char *log = toy_take();
    cr_assert_eq(count(log, "end "), count(log, "start "));
    cr_assert_eq(count(log, "end CANCELLED\n") + count(log, "end RESOURCE_EXHAUSTED\n"),
                 count(log, "end "));
    gw_close(&w);
    gw_open(&w);
    struct gw_call *c = start();
    desk_script(&w, c, "s x\nf 0");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 x\n" GW_OK);
    close_side();
}

/* The next word begins at that place of the ring, which is empty. */
static void begin_at(uint64_t at)
{
    struct tc_ring *ring = &desk_side->ask;
    while ((atomic_load(&ring->head) & (ring->cap - 1)) != at) {
        cr_assert_not_null(tc_ring_reserve(ring, 0, 0));
        tc_ring_commit(ring);
        tc_ring_pop(ring);
    }
}

Test(desk_bounds, ends_at_every_place_of_a_full_ring)
{
    /* Goal: as above with the places that are kept at the ring's end and begin, where one may be
     * skipped. */
    struct gw_call *calls[CALL_MAX];
    open_side(CALL_MAX, SMALL);
    for (int i = 0; i < 40; i++) {
        begin_at((uint64_t)i * TC_RING_ALIGN);
        gw_close(&w);
        gw_open(&w);
        cr_assert_gt(fill(calls), 1);
        for (int n = 0; n < 5; n++)
            (void)start();
        /* one after another gives up, by a message that does not fit */
        for (int n = 0; n < 3; n++)
            pour(calls[n], 0, 5000);
        nx_end(&nx, w.slot, 0);
        cr_assert_eq(desk_side->askers.used_cnt, 0);
        while (desk_turn() > 0)
            toy_take();
        toy_take();
    }
    close_side();
}

/* ---- answers ---- */

Test(desk_bounds, backlog)
{
    /* Goal: of a client that does not read TC_GRPC_BACKLOG_MAX wait and no more: the end with what
     * was accepted before it, whole; the method is told. */
    enum { PIECE = 100000, CNT = TC_GRPC_BACKLOG_MAX / (PIECE + 5) };
    desk_open(true, CALL_MAX, BIG);
    gw_open_with(&w, 0);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    for (int i = 0; i < CNT; i++)
        desk_script(&w, c, "n 100000");
    cr_assert_eq(toy_end_cnt, 0);
    desk_script(&w, c, "n 100000\ns never");
    cr_assert_eq(toy_end_cnt, 1);
    cr_assert_not_null(strstr(toy_take(), "end RESOURCE_EXHAUSTED\n"));
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 4 << 20);
    desk_run(&w);
    const char *got = gw_take(c);
    cr_assert_eq(count(got, "0 (100000 bytes)\n"), CNT);
    cr_assert_not_null(strstr(got, "TRAILERS grpc-status=8 "));
    close_side();
}

Test(desk_bounds, no_memory)
{
    /* Goal: a message for which the worker has no memory ends the call on both threads; another
     * call goes on. */
    desk_open_with(true, CALL_MAX, BIG, 64 * 1024);
    gw_open(&w);
    struct gw_call *c = start();
    desk_script(&w, c, "n 100000\ns never\nf 0");
    cr_assert_not_null(strstr(gw_take(c), "RESET ENHANCE_YOUR_CALM\n"));
    cr_assert_eq(tc_count_get(&nx.metric.grpc_errors), 1);
    cr_assert_eq(toy_end_cnt, 1);
    c = start();
    desk_script(&w, c, "s x\nf 0");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 x\n" GW_OK);
    close_side();
}

static void give_window(struct gw_call *c, int32_t bytes)
{
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, bytes);
    desk_run(&w);
}

Test(desk_bounds, writable)
{
    /* Goal: on_writable once TC_GRPC_WRITABLE bytes wait after there were more, and not otherwise:
     * as on the worker, whether the method has looked or not. */
    for (int is_side = 0; is_side < 2; is_side++) {
        desk_open(is_side, CALL_MAX, BIG);
        gw_open_with(&w, 0);
        w.is_unread = true;
        struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
        desk_script(&w, c, "n 65531");
        toy_take();
        give_window(c, 65536);
        cr_assert_str_eq(toy_take(), "", "there were not more");
        desk_script(&w, c, "n 100000");
        toy_take();
        give_window(c, 100005 - 65536 - 1);
        cr_assert_str_eq(toy_take(), "");
        give_window(c, 1);
        cr_assert_str_eq(toy_take(), "writable\n", "side %d", is_side);
        give_window(c, 100000);
        cr_assert_str_eq(toy_take(), "", "once");
        desk_script(&w, c, "n 60000\nn 60000\nn 60000");
        toy_take();
        give_window(c, 180015);
        cr_assert_str_eq(toy_take(), "writable\n", "of several, side %d", is_side);
        close_side();
    }
}

Test(desk_bounds, writable_too_early)
{
    /* Goal: the word that there is room, on its way while the method sends more, is not told until
     * it is true. */
    desk_open(true, CALL_MAX, BIG);
    gw_open_with(&w, 0);
    w.is_unread = true;
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    desk_script(&w, c, "n 100000");
    gw_message(&w, c, 0, "n 100000", 8);
    gw_run(&w); /* the message is asked */
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 100005);
    gw_run(&w); /* and behind it that there is room */
    toy_take();
    cr_assert_eq(tc_desk_work(&desk), 1);
    cr_assert_str_eq(toy_take(), "message 8\n");
    desk_run(&w);
    cr_assert_str_eq(toy_take(), "", "as much waits again");
    give_window(c, 100005);
    cr_assert_str_eq(toy_take(), "writable\n");
    close_side();
}

Test(desk_bounds, writable_of_another_call)
{
    /* Goal: that the last call of a place waited for room says nothing to the next one. */
    desk_open(true, CALL_MAX, BIG);
    gw_open_with(&w, 0);
    w.is_unread = true;
    struct gw_call *old = gw_start(&w, "/toy.Toy/Bidi", "");
    desk_script(&w, old, "n 50000");
    gw_message(&w, old, 0, "n 100000\nn 100000", 17);
    gw_run(&w);
    gw_cancel(&w, old);
    struct gw_call *new = gw_start(&w, "/toy.Toy/Bidi", "x-n 1\n");
    gw_run(&w);
    desk_run(&w); /* the old one's method sends when the new one has its place */
    cr_assert_eq(desk_side->askers.fresh_idx, 1, "it has the same place");
    toy_take();
    desk_script(&w, new, "n 50000");
    cr_assert_str_eq(toy_take(), "message 7\n");
    give_window(new, 100000);
    cr_assert_str_eq(toy_take(), "");
    close_side();
}

Test(desk_bounds, metadata_that_is_too_large)
{
    /* Goal: each field is valid, so the method is not told at once; the client gets
     * RESOURCE_EXHAUSTED and none of it, the method its end, once. */
    static const char ways[] = "ht";
    char text[TC_GRPC_METADATA_MAX + 16];
    open_side(CALL_MAX, BIG);
    for (int way = 0; way < 2; way++) {
        struct gw_call *c = start();
        size_t len = (size_t)snprintf(text, sizeof(text), "%c a ", ways[way]);
        memset(text + len, 'v', TC_GRPC_METADATA_MAX / 2);
        gw_message(&w, c, 0, text, len + TC_GRPC_METADATA_MAX / 2);
        gw_message(&w, c, 0, text, len + TC_GRPC_METADATA_MAX / 2);
        desk_run(&w);
        cr_assert_not_null(strstr(gw_take(c), "grpc-status=8 grpc-message="
                                              "the answer's metadata is too large"));
        cr_assert(c->is_closed);
        cr_assert_str_eq(toy_take(), "start Bidi\nmessage 4100\nmessage 4100\n"
                                     "end RESOURCE_EXHAUSTED\n");
    }
    struct gw_call *c = start();
    for (int i = 0; i <= TC_GRPC_FIELDS_MAX; i++)
        gw_message(&w, c, 0, "h kk v", 6);
    desk_run(&w);
    cr_assert_not_null(strstr(gw_take(c), "the answer's metadata is too large"));
    cr_assert_not_null(strstr(toy_take(), "end RESOURCE_EXHAUSTED\n"));
    close_side();
}

/* ---- begin and end ---- */

Test(desk_bounds, begin_and_end)
{
    /* Goal: without memory there is no side thread, and it can be taken away again; one that was
     * never started too; servers without such methods want none. */
    static struct tc_desk none;
    static struct tc_mem mem;
    struct tc_err err;
    int bells[] = { -1, -1 };
    struct tc_desk_conf conf = { .server = &desk_server,
                                 .worker_cnt = 2,
                                 .call_max = 4,
                                 .bells = bells,
                                 .sleeping = &desk_sleeping,
                                 .mem = &mem };
    desk_open(false, CALL_MAX, BIG);
    cr_assert_not(tc_desk_is_needed(NULL));
    cr_assert_not(tc_desk_is_needed(&desk_server));
    desk_methods[TC_ARRAY_CNT(desk_methods) - 1].is_side = true;
    cr_assert(tc_desk_is_needed(&desk_server));
    int before = tc_os_fd_cnt();
    for (uint64_t budget = 1 << 10; budget <= 64 << 20; budget *= 2) {
        tc_mem_init(&mem, budget);
        int rc = tc_desk_init(&none, &conf, &err);
        cr_assert_eq(rc, budget < 64 << 20 ? -TC_ENOMEM : TC_OK, "%llu",
                     (unsigned long long)budget);
        tc_desk_stop(&none);
        tc_mem_fini(&mem);
        cr_assert_eq(tc_os_fd_cnt(), before);
    }
    desk_close();
}
