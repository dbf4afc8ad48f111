// SPDX-License-Identifier: Apache-2.0
/* The ring under the io_uring back end, driven by requests that do nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/reactor/uring.h"

static struct tc_mem mem;

/* An open ring, or the end of the test if this host has no io_uring. */
static struct tc_reactor *ring_open(void)
{
    struct tc_err err;
    tc_mem_init(&mem, 0);
    struct tc_reactor_conf conf = { 64, 4096, 8, &mem, "test: ring" };
    struct tc_reactor *r = tc_mem_take(&mem, "test", sizeof(*r), 1, &err);
    cr_assert_not_null(r);
    if (tc_uring_ring_open(r, &conf, &err) < 0) {
        fprintf(stderr, "skipped: %s\n", err.text);
        exit(0);
    }
    return r;
}

static void put_nop(struct tc_reactor *r, uint32_t gen, uint32_t idx)
{
    struct io_uring_sqe *sqe = tc_uring_sqe(r);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, tc_uring_data(TC_URING_OP_CANCEL, gen, idx));
}

Test(uring_ring, user_data)
{
    /* Goal: operation, generation and index come back as they went in, at their bounds too; a
     * generation beyond its bits wraps and touches nothing else. */
    uint64_t data = tc_uring_data(TC_URING_OP_CANCEL, TC_URING_GEN_MASK, UINT32_MAX);
    cr_assert_eq(tc_uring_op(data), TC_URING_OP_CANCEL);
    cr_assert_eq(tc_uring_gen(data), TC_URING_GEN_MASK);
    cr_assert_eq(tc_uring_idx(data), UINT32_MAX);
    data = tc_uring_data(TC_URING_OP_RECV, TC_URING_GEN_MASK + 8, 0);
    cr_assert_eq(tc_uring_op(data), TC_URING_OP_RECV);
    cr_assert_eq(tc_uring_gen(data), 7);
    cr_assert_eq(tc_uring_idx(data), 0);
}

Test(uring_ring, held_keep_their_order)
{
    /* Goal: what a flush meets is held and comes out before what is still in the ring, in order,
     * however often the queue wraps. */
    struct tc_reactor *r = ring_open();
    uint32_t put = 0;
    uint32_t got = 0;
    struct tc_uring_cqe cqe;
    for (uint32_t round = 0; round < 3000; round++) {
        for (uint32_t i = 0; i < 70 + round % 13; i++)
            put_nop(r, 5, put++);
        tc_uring_submit(r);
        if (round % 3 != 0)
            tc_uring_reap(r);
        if (round % 2 == 0)
            continue;
        while (tc_uring_pop(r, &cqe)) {
            cr_assert_eq(cqe.res, 0);
            cr_assert_eq(tc_uring_gen(cqe.user_data), 5);
            cr_assert_eq(tc_uring_idx(cqe.user_data), got);
            got++;
        }
        cr_assert_eq(got, put);
    }
    cr_assert_eq(r->held_cnt, 0);
    cr_assert_eq(r->stats.cq_overflow_cnt, 0);
    tc_uring_ring_close(r);
    tc_mem_fini(&mem);
}

Test(uring_ring, overflow_loses_nothing)
{
    /* Goal: more requests than submission entries go out by themselves; more completions than the
     * queue holds are counted as overflow and still arrive, each once. */
    struct tc_reactor *r = ring_open();
    enum { CNT = 3 * TC_URING_CQ_MIN };
    static bool seen[CNT];
    for (uint32_t i = 0; i < CNT; i++)
        put_nop(r, 0, i);
    tc_uring_submit(r);
    uint32_t got = 0;
    struct tc_uring_cqe cqe;
    for (int i = 0; i < 100 && got < CNT; i++) {
        while (tc_uring_pop(r, &cqe)) {
            uint32_t idx = tc_uring_idx(cqe.user_data);
            cr_assert(idx < CNT && !seen[idx]);
            seen[idx] = true;
            got++;
        }
        tc_uring_enter(r, 0);
    }
    cr_assert_eq(got, CNT);
    cr_assert(r->stats.cq_overflow_cnt > 0);
    tc_uring_ring_close(r);
    tc_mem_fini(&mem);
}

Test(uring_ring, idle_spin_is_free)
{
    /* Goal: a spinning worker without anything to do makes no system call. */
    struct tc_reactor *r = ring_open();
    tc_uring_enter(r, 0);
    uint64_t before = r->stats.syscall_cnt;
    for (int i = 0; i < 1000; i++)
        tc_uring_enter(r, 0);
    if (r->has_taskrun_flag)
        cr_assert_eq(r->stats.syscall_cnt, before);
    tc_uring_ring_close(r);
    tc_mem_fini(&mem);
}
