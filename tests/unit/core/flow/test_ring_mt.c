// SPDX-License-Identifier: Apache-2.0
/* Goal: with the writer and the reader on threads of their own every record arrives once, whole and
 * in order, while the ring goes round and is full and empty all the time; and no wake-up is lost,
 * of a reader that sleeps nor of a writer that waits for room. Length and bytes of a record follow
 * from its number, so each proves itself. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "core/flow/ring.h"
#include "tests/lib/base.h"

enum {
    LEN_MAX = 500,
    SMALL = 24,    /* most records are of so many bytes at most */
    JITTER = 64,   /* looks before one lies down */
    ENOUGH = 1000, /* of each thing that has to happen */
    FEW = 50,      /* times that the reader has to lie down */
    FUSE_S = 20,   /* a test that hangs ends with a failure */
};
#ifdef TC_SANITIZED
static const uint64_t record_min = 30000;
#else
static const uint64_t record_min = 1000000;
#endif

static struct tc_mem mem;
static struct tc_ring ring;
static _Atomic uint64_t record_cnt; /* what is written in all; UINT64_MAX: not known yet */
static _Atomic bool is_over;        /* the reader gave up */

/* A bell is a count of rings; who sleeps spins on it, so that both sides meet at the words of the
 * protocol as often as can be and not in the kernel. */
struct side {
    uint64_t seed;
    _Atomic bool is_asleep;
    _Atomic uint64_t bell;
    uint64_t heard; /* rings */
    uint64_t sleep_cnt;
    uint64_t near_cnt; /* times it lay down and saw by its second look that it must not */
    bool is_lost;      /* it slept until the fuse */
};
static struct side reader;
static struct side writer;
static const char *fault; /* the reader's, until it is joined */
static uint64_t fault_at;
static uint64_t skip_cnt; /* the writer's */

static uint64_t word_of(uint64_t number)
{
    uint64_t word = (number + 1) * 0x9e3779b97f4a7c15ull;
    return word ^ word >> 29;
}

static uint32_t len_of(uint64_t number)
{
    uint64_t word = word_of(number);
    return (uint32_t)(word >> 32) % ((word & 7) == 0 ? LEN_MAX + 1 : SMALL + 1);
}

static uint8_t byte_of(uint64_t number, uint32_t at)
{
    return (uint8_t)(word_of(number) >> at % 8 * 8) ^ (uint8_t)at;
}

/* ---- sleep ---- */

/* Until the bell rings. */
static void sleep_on(struct side *s)
{
    int64_t fuse_ns = tc_tb_mono_ns() + FUSE_S * 1000000000ll;
    s->sleep_cnt++;
    for (uint32_t i = 1; atomic_load(&s->bell) == s->heard && !s->is_lost; i++) {
        if (i % 64 == 0)
            sched_yield();
        s->is_lost = i % 65536 == 0 && tc_tb_mono_ns() > fuse_ns;
    }
}

static void get_up(struct side *s)
{
    s->heard = atomic_load(&s->bell);
    atomic_store(&s->is_asleep, false);
}

static void wake(struct side *s)
{
    if (atomic_load(&s->is_asleep))
        atomic_fetch_add(&s->bell, 1);
}

/* ---- the writer ---- */

static bool has_happened(void)
{
    return reader.sleep_cnt + reader.near_cnt >= FEW && writer.sleep_cnt >= ENOUGH &&
           skip_cnt >= ENOUGH;
}

/* A place for the record; waits for room. NULL: it does not come. */
static uint8_t *wait_for_room(uint32_t len)
{
    uint8_t *at = NULL;
    while (!at && !writer.is_lost && !atomic_load(&is_over)) {
        atomic_store(&writer.is_asleep, true);
        at = tc_ring_reserve(&ring, len, 0);
        if (!at)
            sleep_on(&writer);
        else
            writer.near_cnt++;
        get_up(&writer);
    }
    return at;
}

static bool write_record(uint64_t number)
{
    uint64_t head = atomic_load(&ring.head);
    uint32_t len = len_of(number);
    if (tc_tb_random(&writer.seed) % 16 == 0) /* what is forgotten */
        (void)!tc_ring_reserve(&ring, LEN_MAX, 0);
    uint8_t *at = tc_ring_reserve(&ring, len, 0);
    if (!at)
        at = wait_for_room(len);
    if (!at)
        return false;
    for (uint32_t i = 0; i < len; i++)
        at[i] = byte_of(number, i);
    tc_ring_commit(&ring);
    wake(&reader);
    skip_cnt += atomic_load(&ring.head) - head > tc_ring_cost(len);
    return true;
}

/* ---- the reader ---- */

static bool expect(bool ok, const char *what, uint64_t number)
{
    if (!ok && !fault) {
        fault = what;
        fault_at = number;
    }
    return ok;
}

static bool read_record(uint64_t number)
{
    uint32_t len = 0;
    const uint8_t *at = tc_ring_peek(&ring, &len);
    if (!at)
        return false;
    if (expect(len == len_of(number), "length", number)) {
        for (uint32_t i = 0; i < len; i++)
            expect(at[i] == byte_of(number, i), "bytes", number);
    }
    tc_ring_pop(&ring);
    wake(&writer);
    return true;
}

static void *read_all(void *arg)
{
    uint64_t number = 0;
    uint64_t looks = 0;
    (void)arg;
    while (!fault && !reader.is_lost && number < atomic_load(&record_cnt)) {
        if (read_record(number)) {
            number++;
            looks = tc_tb_random(&reader.seed) % JITTER;
            if (tc_tb_random(&reader.seed) % 256 == 0)
                sched_yield();  /* the ring fills up */
        } else if (looks > 0) { /* it lies down at any moment */
            looks--;
        } else {
            atomic_store(&reader.is_asleep, true);
            if (tc_ring_is_empty(&ring) && number < atomic_load(&record_cnt))
                sleep_on(&reader);
            else
                reader.near_cnt++;
            get_up(&reader);
        }
    }
    expect(reader.is_lost || fault || tc_ring_is_empty(&ring), "more than was written", number);
    atomic_store(&is_over, true);
    atomic_fetch_add(&writer.bell, 1);
    return NULL;
}

Test(ring_mt, all_arrive, .timeout = 90)
{
    /* Goal: a million records (fewer under sanitizers) and as many more as it takes until both
     * sides have slept and the end was skipped often: all arrive, and both sides always wake. */
    struct tc_err err;
    pthread_t thread;
    uint64_t cnt = 0;
    int64_t fuse_ns = tc_tb_mono_ns() + FUSE_S * 1000000000ll;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_ring_init(&ring, &mem, "test", LEN_MAX, 0, &err), TC_OK);
    atomic_store(&record_cnt, UINT64_MAX);
    reader.seed = 88172645463325252ull;
    writer.seed = 0x2545f4914f6cdd1dull;
    cr_assert_eq(pthread_create(&thread, NULL, read_all, NULL), 0);
    while (write_record(cnt)) {
        cnt++;
        bool is_pause = tc_tb_random(&writer.seed) % 256 == 0;
        while (is_pause && !atomic_load(&reader.is_asleep) && !atomic_load(&is_over) &&
               tc_tb_mono_ns() < fuse_ns)
            sched_yield(); /* until the ring has run dry */
        if (cnt >= record_min && cnt % 1024 == 0 && tc_tb_mono_ns() > fuse_ns)
            break;
        if (cnt >= record_min && writer.sleep_cnt >= ENOUGH && skip_cnt >= ENOUGH)
            break;
    }
    atomic_store(&record_cnt, cnt);
    atomic_fetch_add(&reader.bell, 1);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_log_info("%llu records, %llu skips; reader: slept %llu, near %llu; writer: %llu, %llu",
                (unsigned long long)cnt, (unsigned long long)skip_cnt,
                (unsigned long long)reader.sleep_cnt, (unsigned long long)reader.near_cnt,
                (unsigned long long)writer.sleep_cnt, (unsigned long long)writer.near_cnt);
    cr_expect_null(fault, "%s of record %llu", fault, (unsigned long long)fault_at);
    cr_expect_not(reader.is_lost, "the reader was not woken");
    cr_expect_not(writer.is_lost, "the writer was not woken");
    cr_expect(tc_ring_is_empty(&ring));
    cr_expect_geq(cnt, record_min);
    cr_expect(has_happened(), "too little happened to prove anything");
    tc_mem_fini(&mem);
}
