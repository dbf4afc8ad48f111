// SPDX-License-Identifier: Apache-2.0
/* Goal: records come out as they went in, in one piece and in order, wherever in the ring they
 * fall; a ring that is full says so and keeps what was to stay free. */
#include "core/flow/ring.h"

#include <criterion/criterion.h>

#include "tests/lib/base.h"

enum { LEN_MAX = 700, SPARE = 48, RECORDS_MAX = 4096 };

static struct tc_mem mem;
static struct tc_ring ring;
static struct tc_err err;

static void open_ring(uint32_t len_max, uint32_t spare)
{
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_ring_init(&ring, &mem, "test", len_max, spare, &err), TC_OK);
    cr_assert(tc_ring_is_empty(&ring));
}

static void close_ring(void)
{
    tc_mem_fini(&mem);
}

static uint8_t byte_of(uint64_t number, uint32_t at)
{
    return (uint8_t)(number * 131 + at * 7 + at / 256);
}

/* A record whose bytes follow from its number. false: full. */
static bool push(uint64_t number, uint32_t len, uint64_t spare)
{
    uint8_t *at = tc_ring_reserve(&ring, len, spare);
    if (!at)
        return false;
    cr_assert_eq((uintptr_t)at % TC_RING_ALIGN, 0);
    cr_assert(at >= ring.bytes && at + len <= ring.bytes + ring.cap, "not in one piece");
    for (uint32_t i = 0; i < len; i++)
        at[i] = byte_of(number, i);
    tc_ring_commit(&ring);
    return true;
}

static void check_pop(uint64_t number, uint32_t want_len)
{
    uint32_t len = UINT32_MAX;
    const uint8_t *at = tc_ring_peek(&ring, &len);
    cr_assert_not_null(at);
    cr_assert_eq(len, want_len, "record %llu", (unsigned long long)number);
    for (uint32_t i = 0; i < len; i++)
        cr_assert_eq(at[i], byte_of(number, i), "record %llu", (unsigned long long)number);
    uint32_t again = 0;
    cr_assert_eq(tc_ring_peek(&ring, &again), at, "it is good until it is given back");
    cr_assert_eq(again, len);
    tc_ring_pop(&ring);
}

static void check_empty(void)
{
    uint32_t len = 0;
    cr_assert(tc_ring_is_empty(&ring));
    cr_assert_null(tc_ring_peek(&ring, &len));
}

/* An empty ring whose next record begins at that place. */
static void begin_at(uint64_t at)
{
    while ((atomic_load(&ring.head) & (ring.cap - 1)) != at) {
        cr_assert(push(0, 0, 0));
        tc_ring_pop(&ring);
    }
}

Test(ring, one_by_one)
{
    /* Goal: every length goes through, from every place where a record may begin, with its bytes;
     * and an empty ring takes the largest there. */
    open_ring(LEN_MAX, 0);
    for (uint64_t at = 0; at < ring.cap; at += TC_RING_ALIGN) {
        for (uint32_t len = 0; len <= LEN_MAX; len += len < 70 ? 1 : 90) {
            begin_at(at);
            cr_assert(push(at + len, len, 0), "len %u at %llu", len, (unsigned long long)at);
            cr_assert_not(tc_ring_is_empty(&ring));
            check_pop(at + len, len);
            check_empty();
        }
        begin_at(at);
        cr_assert(push(at, LEN_MAX, 0), "the largest at %llu", (unsigned long long)at);
        check_pop(at, LEN_MAX);
    }
    close_ring();
}

Test(ring, many)
{
    /* Goal: with the ring filled and emptied to random levels nothing is lost, doubled or out of
     * order; it has been full, and has skipped its end. */
    static uint32_t lens[RECORDS_MAX];
    uint64_t seed = 0x9e3779b97f4a7c15ull;
    uint64_t in = 0;
    uint64_t out = 0;
    uint32_t full_cnt = 0;
    uint32_t skip_cnt = 0;
    open_ring(LEN_MAX, 0);
    for (uint32_t turn = 0; turn < 20000; turn++) {
        for (uint64_t n = tc_tb_random(&seed) % 12; n > 0; n--) {
            uint64_t head = atomic_load(&ring.head);
            uint32_t len = (uint32_t)(tc_tb_random(&seed) % (LEN_MAX + 1));
            if (!push(in, len, 0)) {
                full_cnt++;
                break;
            }
            skip_cnt += atomic_load(&ring.head) - head > tc_ring_cost(len);
            lens[in++ % RECORDS_MAX] = len;
        }
        for (uint64_t n = tc_tb_random(&seed) % 12; n > 0 && out < in; n--, out++)
            check_pop(out, lens[out % RECORDS_MAX]);
        cr_assert_eq(tc_ring_is_empty(&ring), in == out);
    }
    for (; out < in; out++)
        check_pop(out, lens[out % RECORDS_MAX]);
    check_empty();
    cr_assert_gt(full_cnt, 1000);
    cr_assert_gt(skip_cnt, 1000);
    close_ring();
}

Test(ring, full)
{
    /* Goal: a full ring takes nothing, not even an empty record, and loses nothing by the attempt;
     * what is given back can be used again at once. */
    open_ring(LEN_MAX, 0);
    uint64_t cnt = 0;
    for (; push(cnt, 0, 0); cnt++)
        ;
    cr_assert_eq(cnt, ring.cap / TC_RING_ALIGN, "every byte was of use");
    cr_assert_not(push(cnt, LEN_MAX, 0));
    check_pop(0, 0);
    cr_assert_not(push(cnt, 1, 0), "it takes more than was given back");
    cr_assert(push(cnt, 0, 0));
    cr_assert_not(push(cnt + 1, 0, 0));
    for (uint64_t i = 1; i <= cnt; i++)
        check_pop(i, 0);
    check_empty();
    close_ring();
}

Test(ring, a_skip_needs_room)
{
    /* Goal: where the rest before the end is skipped, the record and the rest must both be free. */
    open_ring(LEN_MAX, 0);
    uint32_t most = (uint32_t)(ring.cap - 3 * TC_RING_ALIGN); /* 32 bytes are left behind it */
    cr_assert(push(1, most, 0));
    cr_assert_not(push(2, 17, 0), "the begin is not free");
    cr_assert(push(2, 16, 0), "it fits before the end");
    check_pop(1, most);
    check_pop(2, 16);
    check_empty();
    begin_at(0);
    cr_assert(push(3, most, 0));
    check_pop(3, most);
    cr_assert(push(4, 17, 0), "behind the skip");
    cr_assert_eq(atomic_load(&ring.head) & (ring.cap - 1), tc_ring_cost(17));
    check_pop(4, 17);
    check_empty();
    close_ring();
}

Test(ring, spare)
{
    /* Goal: what must stay free stays free, and who asks for none gets it to the last byte. */
    open_ring(LEN_MAX, SPARE);
    uint32_t in = 0;
    for (; push(in, 0, SPARE); in++)
        ;
    cr_assert_eq(in, (ring.cap - SPARE) / TC_RING_ALIGN);
    cr_assert_not(push(in, 0, TC_RING_ALIGN * 3));
    for (uint32_t i = 0; i < SPARE / TC_RING_ALIGN; i++)
        cr_assert(push(in++, 0, 0));
    cr_assert_not(push(in, 0, 0));
    for (uint32_t out = 0; out < in; out++)
        check_pop(out, 0);
    begin_at(ring.cap - 2 * TC_RING_ALIGN);
    cr_assert(push(1, LEN_MAX, SPARE), "the largest beside the spare, behind a skip");
    check_pop(1, LEN_MAX);
    close_ring();
}

Test(ring, reserved_and_forgotten)
{
    /* Goal: what was reserved and not committed is not there, and the next one takes its place,
     * also where the forgotten one had skipped the end and the next one does not. */
    open_ring(LEN_MAX, 0);
    void *first = tc_ring_reserve(&ring, 100, 0);
    cr_assert_not_null(first);
    check_empty();
    cr_assert_eq(tc_ring_reserve(&ring, 10, 0), first);
    cr_assert(push(1, 20, 0));
    check_pop(1, 20);
    check_empty();
    begin_at(ring.cap - 2 * TC_RING_ALIGN);
    cr_assert_eq(tc_ring_reserve(&ring, 100, 0), (void *)(ring.bytes + TC_RING_ALIGN));
    check_empty();
    cr_assert(push(2, 16, 0));
    check_pop(2, 16);
    check_empty();
    cr_assert_null(tc_ring_reserve(&ring, (uint32_t)ring.cap, 0), "it never fits");
    cr_assert(push(3, LEN_MAX, 0));
    check_pop(3, LEN_MAX);
    close_ring();
}

Test(ring, sizes)
{
    /* Goal: a ring of any size takes its largest record wherever an empty one begins; without
     * memory it says so. */
    static const uint32_t sizes[] = { 0, 1, 15, 16, 17, 31, 32, 33, 100, 1000, 4080, 4096 };
    for (size_t i = 0; i < TC_ARRAY_CNT(sizes); i++) {
        open_ring(sizes[i], 0);
        cr_assert_eq(ring.cap & (ring.cap - 1), 0);
        for (uint64_t at = 0; at < ring.cap; at += TC_RING_ALIGN) {
            begin_at(at);
            cr_assert(push(at, sizes[i], 0), "%u at %llu", sizes[i], (unsigned long long)at);
            check_pop(at, sizes[i]);
        }
        close_ring();
    }
    tc_mem_init(&mem, 1000);
    cr_assert_eq(tc_ring_init(&ring, &mem, "test", LEN_MAX, 0, &err), -TC_ENOMEM);
    tc_mem_fini(&mem);
}
