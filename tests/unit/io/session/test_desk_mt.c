// SPDX-License-Identifier: Apache-2.0
/* Goal: with the side thread running by itself no call is lost, doubled or mixed up with another:
 * while it sleeps and wakes, while it waits for room, and when it is stopped. */
#include <sched.h>

#include "tests/lib/base.h"
#include "tests/unit/io/session/desk_toy.h"

enum {
    CALL_MAX = 8,
    BIG_CALLS = 6, /* their answers are more than the ring has */
    BIG_BYTES = 1000000,
    ROUNDS = 100, /* of CALL_MAX calls; the toy's log has room for so many */
    FUSE_S = 60,
};

static struct gw clients[CALL_MAX];
static int64_t fuse_ns;

static void open_threaded(void)
{
    struct tc_err err = { 0 };
    fuse_ns = tc_tb_mono_ns() + FUSE_S * 1000000000ll;
    desk_open_with(true, CALL_MAX, 1 << 20, 32 << 20);
    cr_assert_eq(tc_desk_start(&desk, &err), TC_OK, "%s", err.text);
}

static void check_fuse(void)
{
    cr_assert_lt(tc_tb_mono_ns(), fuse_ns, "it does not come");
    sched_yield();
}

/* One call on each of cnt connections. */
static void ask_all(struct gw_call **calls, uint32_t cnt, const char *script)
{
    for (uint32_t i = 0; i < cnt; i++) {
        gw_open(&clients[i]);
        calls[i] = gw_start(&clients[i], "/toy.Toy/Bidi", "");
        gw_message(&clients[i], calls[i], 0, script, strlen(script));
        gw_run(&clients[i]);
    }
}

/* The worker turns until all of them are over. */
static void finish_all(struct gw_call **calls, uint32_t cnt)
{
    for (uint32_t closed_cnt = 0; closed_cnt < cnt; check_fuse()) {
        closed_cnt = 0;
        (void)tc_desk_take(desk_side);
        for (uint32_t i = 0; i < cnt; i++) {
            gw_run(&clients[i]);
            closed_cnt += calls[i]->is_closed;
        }
    }
}

static void close_all(uint32_t cnt)
{
    for (uint32_t i = 0; i < cnt; i++)
        gw_close(&clients[i]);
}

static void wait_until_full(void)
{
    while (!atomic_load(&desk_side->is_full))
        check_fuse();
}

Test(desk_mt, answers_wait_for_room, .timeout = 120)
{
    /* Goal: answers that do not fit wait, and all of them arrive when the worker takes what is
     * there. */
    struct gw_call *calls[BIG_CALLS];
    open_threaded();
    for (int round = 0; round < 3; round++) {
        ask_all(calls, BIG_CALLS, "n 1000000\ns end\nf 0");
        wait_until_full();
        finish_all(calls, BIG_CALLS);
        for (uint32_t i = 0; i < BIG_CALLS; i++)
            cr_assert_str_eq(gw_take(calls[i]), GW_HEAD "\n0 (1000000 bytes)\n0 end\n" GW_OK);
        close_all(BIG_CALLS);
    }
    tc_desk_stop(&desk);
    cr_assert_eq(toy_end_cnt, 3 * BIG_CALLS);
    desk_close();
}

Test(desk_mt, stop_while_it_waits, .timeout = 120)
{
    /* Goal: when nobody takes answers any more the side thread does not wait for it: it ends, and
     * each method has heard of its call's end. */
    struct gw_call *calls[BIG_CALLS];
    open_threaded();
    ask_all(calls, BIG_CALLS, "n 1000000");
    wait_until_full();
    close_all(BIG_CALLS);
    cr_assert_eq(desk_side->askers.used_cnt, 0);
    tc_desk_stop(&desk);
    cr_assert_eq(toy_end_cnt, BIG_CALLS);
    desk_close();
}

/* What is the call's number's: whether its client goes away, and when. */
static bool is_cancelled(uint32_t number)
{
    return number % 5 == 3;
}

static void play(uint32_t round, uint64_t *seed)
{
    struct gw_call *calls[CALL_MAX];
    uint32_t cnt = 0;
    char script[64];
    for (uint32_t i = 0; i < CALL_MAX; i++) {
        uint32_t number = round * CALL_MAX + i;
        snprintf(script, sizeof(script), "h n %u\ns %u\nf 0", number, number);
        gw_open(&clients[cnt]);
        calls[cnt] = gw_start(&clients[cnt], "/toy.Toy/Bidi", "");
        gw_message(&clients[cnt], calls[cnt], 0, script, strlen(script));
        gw_run(&clients[cnt]);
        for (uint64_t n = tc_tb_random(seed) % 4; n > 0; n--)
            sched_yield();
        if (is_cancelled(number))
            gw_close(&clients[cnt]);
        else
            cnt++;
    }
    finish_all(calls, cnt);
    cnt = 0;
    for (uint32_t i = 0; i < CALL_MAX; i++) {
        char want[256];
        uint32_t number = round * CALL_MAX + i;
        if (is_cancelled(number))
            continue;
        snprintf(want, sizeof(want), GW_HEAD " n=%u\n0 %u\n" GW_OK, number, number);
        cr_assert_str_eq(gw_take(calls[cnt++]), want);
    }
    close_all(cnt);
}

Test(desk_mt, many_calls, .timeout = 120)
{
    /* Goal: call after call, some of them cancelled at any moment, each gets its own answer, and
     * each method that began has heard of the end. */
    uint64_t seed = 88172645463325252ull;
    open_threaded();
    for (uint32_t round = 0; round < ROUNDS; round++)
        play(round, &seed);
    tc_desk_stop(&desk);
    cr_assert_eq(toy_end_cnt, ROUNDS * CALL_MAX);
    desk_close();
}
