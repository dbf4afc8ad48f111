// SPDX-License-Identifier: Apache-2.0
/* Goal: with the writer and readers on threads of their own and a ring that goes round all the
 * time, whatever a reader is told to be good is whole and right: descriptors, payloads, links, room
 * heads and slots; and a reader that was overtaken is told. Each field and byte of an event follows
 * from its room and position, so each copy proves itself. Then the protocol of sleep and doorbell:
 * no wake-up is lost. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "core/bus/bus.h"
#include "tests/lib/base.h"

enum {
    ROOMS = 6,
    EVENTS = 8,
    LEN_PERIOD = 499,
    GAP_PERIOD = 29,
    PERIOD = LEN_PERIOD * GAP_PERIOD,
    READERS = 3,
    WORKERS = 2,
    ENOUGH = 1000,    /* of each thing that has to happen */
    ENOUGH_VOID = 50, /* and of each that was taken back */
    JITTER = 256,
    FUSE_S = 20, /* a test that hangs ends with a failure */
};
#ifdef TC_SANITIZED
enum { ROUNDS = 20000 };
static const uint64_t events_min = 30000;
#else
enum { ROUNDS = 100000 };
static const uint64_t events_min = 500000;
#endif

static struct tc_mem mem;
static struct tc_bus bus;
static _Atomic uint64_t sleeping;
static uint32_t sums[PERIOD + 1];
static _Atomic bool is_done;

/* What a reader saw; its own, until it is joined. */
struct reader {
    pthread_t thread;
    uint64_t seed;
    const char *fault;
    struct tc_bus_event at; /* where the fault was */
    _Atomic uint64_t good_cnt;
    _Atomic uint64_t void_cnt; /* descriptors that it was told to forget */
    _Atomic uint64_t torn_cnt; /* payloads that it was told to forget */
    _Atomic uint64_t slot_cnt; /* payloads from slots */
};
static struct reader readers[READERS];

/* The writer has a processor to itself and all others share the rest, or they would take turns on
 * one and hardly ever meet. With a single processor nothing is changed. */
static void pin(bool is_writer)
{
    static cpu_set_t all; /* taken by the writer, before there are others */
    cpu_set_t mine;
    if (is_writer)
        cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
    size_t first = 0;
    while (!CPU_ISSET(first, &all))
        first++;
    mine = all;
    CPU_CLR(first, &mine);
    if (CPU_COUNT(&mine) == 0)
        return;
    if (is_writer) {
        CPU_ZERO(&mine);
        CPU_SET(first, &mine);
    }
    (void)sched_setaffinity(0, sizeof(mine), &mine); /* refused: it proves less, and is right */
}

static void count(_Atomic uint64_t *cnt)
{
    atomic_fetch_add_explicit(cnt, 1, memory_order_relaxed);
}

static bool is_gap(int64_t pos)
{
    return pos % GAP_PERIOD == 0;
}

static uint32_t len_of(int64_t pos)
{
    return is_gap(pos) ? 0 : (uint32_t)(pos * 37 % LEN_PERIOD);
}

static uint8_t kind_of(int64_t pos)
{
    return is_gap(pos) ? TC_BUS_GAP : len_of(pos) ? TC_BUS_UPDATE : TC_BUS_TOMBSTONE;
}

static uint32_t sum_of(int64_t pos)
{
    return (uint32_t)(pos / PERIOD) * sums[PERIOD] + sums[pos % PERIOD];
}

static void fill(unsigned char *to, uint32_t room, int64_t pos)
{
    uint64_t word = ((uint64_t)pos * ROOMS + room + 1) * 0x9e3779b97f4a7c15ull;
    for (uint32_t i = 0; i < LEN_PERIOD; i += 8, word = word * 5 + 1)
        memcpy(to + i, &word, 8);
}

static void begin(uint64_t slot_bytes)
{
    struct tc_err err;
    struct tc_bus_conf conf = { .event_cnt = EVENTS,
                                .payload_bytes = EVENTS * 200,
                                .payload_max = LEN_PERIOD,
                                .last_value_bytes = slot_bytes,
                                .room_max = ROOMS,
                                .mem = &mem,
                                .holder = "test" };
    pin(true);
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_bus_init(&bus, &conf, &sleeping, &err), 0);
    for (int64_t pos = 1; pos <= PERIOD; pos++)
        sums[pos] = sums[pos - 1] + len_of(pos);
}

static void publish(uint32_t room, int64_t pos)
{
    unsigned char payload[LEN_PERIOD + 8];
    fill(payload, room, pos);
    (void)tc_bus_publish(&bus, &(struct tc_bus_put){ .room = room,
                                                     .log = (uint16_t)(room + 7),
                                                     .kind = kind_of(pos),
                                                     .aux = (uint8_t)pos,
                                                     .pos = pos,
                                                     .gap_from = pos - 1,
                                                     .ts_ms = pos * 3,
                                                     .ingest_ns = pos * 5,
                                                     .payload = payload,
                                                     .len = len_of(pos) });
}

/* ---- what readers hold true ---- */

static bool expect(struct reader *r, bool ok, const char *what, const struct tc_bus_event *e)
{
    if (!ok && !r->fault) {
        r->fault = what;
        r->at = *e;
        atomic_store(&is_done, true);
    }
    return ok;
}

static void check_event(struct reader *r, const struct tc_bus_event *e)
{
    int64_t pos = e->pos;
    if (!expect(r, e->room < ROOMS && pos > 0, "room or position", e))
        return;
    expect(r, e->prev == (pos == 1 && !is_gap(pos) ? -1 : pos - 1), "prev", e);
    expect(r, e->log == e->room + 7 && e->aux == (uint8_t)pos, "log or aux", e);
    expect(r, e->ts_ms == pos * 3 && e->ingest_ns == pos * 5, "times", e);
    expect(r, e->len == len_of(pos) && e->kind == kind_of(pos), "length or kind", e);
    expect(r, e->ord == (uint32_t)(pos - pos / GAP_PERIOD), "ord", e);
    expect(r, e->sum_bytes == sum_of(pos), "sum", e);
    expect(r, (e->prev_seq != 0) == (pos > 1) && e->prev_seq < e->seq, "link back", e);
    expect(r, e->next_seq == 0 || e->next_seq > e->seq, "link forward", e);
    count(&r->good_cnt);
}

/* True if the copy was good. */
static bool check_payload(struct reader *r, const struct tc_bus_event *e)
{
    unsigned char got[LEN_PERIOD + 8];
    unsigned char want[LEN_PERIOD + 8];
    int rc = tc_bus_copy(&bus, e, got);
    if (rc < 0) {
        expect(r, rc == -TC_ELAPPED, "code of copy", e);
        count(&r->torn_cnt);
        return false;
    }
    fill(want, e->room, e->pos);
    expect(r, memcmp(got, want, e->len) == 0, e->is_slot ? "torn slot" : "torn payload", e);
    if (e->is_slot)
        count(&r->slot_cnt);
    return true;
}

static bool read_event(struct reader *r, uint64_t seq, struct tc_bus_event *e)
{
    int rc = tc_bus_read(&bus, seq, e);
    if (rc < 0) {
        e->seq = seq;
        expect(r, rc == -TC_ELAPPED, "code of read", e);
        count(&r->void_cnt);
        return false;
    }
    expect(r, e->seq == seq, "seq", e);
    check_event(r, e);
    return true;
}

/* Gives the writer a chance to overtake, one time in `part`. */
static void dawdle(struct reader *r, uint64_t part)
{
    if (tc_tb_random(&r->seed) % part == 0)
        sched_yield();
}

/* As a worker reads: in order, nothing left out unless it was overtaken; then from the head on. */
static void *read_in_order(void *arg)
{
    struct reader *r = arg;
    struct tc_bus_event e;
    uint64_t seq = 1;
    int64_t last_pos[ROOMS];
    memset(last_pos, 0xff, sizeof(last_pos)); /* -1: not known */
    pin(false);
    while (!atomic_load(&is_done)) {
        uint64_t head = tc_bus_head(&bus);
        if (seq > head)
            sched_yield();
        for (; seq <= head; seq++) {
            if (!read_event(r, seq, &e)) {
                expect(r, seq < atomic_load(&bus.mark), "called lapped and is not", &e);
                memset(last_pos, 0xff, sizeof(last_pos));
                seq = tc_bus_head(&bus);
                continue;
            }
            if (e.room >= ROOMS)
                return NULL;
            expect(r, last_pos[e.room] < 0 || e.pos == last_pos[e.room] + 1, "order", &e);
            last_pos[e.room] = e.pos;
            dawdle(r, 64);
            check_payload(r, &e);
        }
    }
    return NULL;
}

/* From any event near the head along links, either way, at random, past the head too. */
static void *walk_links(void *arg)
{
    struct reader *r = arg;
    struct tc_bus_event e;
    struct tc_bus_event to;
    pin(false);
    while (!atomic_load(&is_done)) {
        uint64_t back = tc_tb_random(&r->seed) % (EVENTS + 2);
        uint64_t head = tc_bus_head(&bus);
        if (head <= back || !read_event(r, head - back, &e))
            continue;
        for (uint32_t hop = 0; hop < 2 * EVENTS; hop++) {
            bool is_forward = tc_tb_random(&r->seed) % 2;
            uint64_t seq = is_forward ? e.next_seq : e.prev_seq;
            dawdle(r, 64);
            if (seq == 0 || !read_event(r, seq, &to))
                break;
            expect(r, to.room == e.room, "a link leads to another room", &to);
            expect(r, to.pos == e.pos + (is_forward ? 1 : -1), "a link leaves one out", &to);
            expect(r, is_forward ? to.prev_seq == e.seq : to.next_seq == e.seq, "one-way", &to);
            e = to;
            check_payload(r, &e);
        }
    }
    return NULL;
}

/* A room's head, when its newest event is a committed one and is so still after the reading. */
static void check_head(struct reader *r, uint32_t room)
{
    const struct tc_bus_room *h = &bus.rooms[room];
    uint64_t head = tc_bus_head(&bus);
    uint64_t seq = atomic_load_explicit(&h->last_seq, memory_order_acquire);
    struct tc_bus_event e = { .seq = seq, .room = room };
    if (seq == 0 || seq > head)
        return;
    e.pos = atomic_load_explicit(&h->last_pos, memory_order_acquire);
    e.log = (uint16_t)atomic_load_explicit(&h->log, memory_order_acquire);
    e.ord = atomic_load_explicit(&h->ord, memory_order_acquire);
    e.sum_bytes = atomic_load_explicit(&h->sum_bytes, memory_order_acquire);
    if (atomic_load_explicit(&h->last_seq, memory_order_acquire) != seq)
        return;
    expect(r, e.log == room + 7 && e.sum_bytes == sum_of(e.pos), "head: log or sum", &e);
    expect(r, e.ord == (uint32_t)(e.pos - e.pos / GAP_PERIOD), "head: ord", &e);
}

/* Snapshots of all rooms: mostly from slots, which are being rewritten and change hands. */
static void *read_newest(void *arg)
{
    struct reader *r = arg;
    struct tc_bus_event e;
    int64_t last_pos[ROOMS] = { 0 };
    pin(false);
    while (!atomic_load(&is_done)) {
        uint32_t room = (uint32_t)(tc_tb_random(&r->seed) % ROOMS);
        uint32_t hops = EVENTS;
        uint64_t head = tc_bus_head(&bus);
        int rc = tc_bus_newest(&bus, room, head, &hops, &e);
        check_head(r, room);
        if (rc < 0) {
            e = (struct tc_bus_event){ .seq = head, .room = room };
            expect(r, rc != -TC_EAGAIN, "more hops than events", &e);
            expect(r, rc != -TC_ENOTFOUND || last_pos[room] == 0, "a value was forgotten", &e);
            count(&r->void_cnt);
            continue;
        }
        check_event(r, &e);
        expect(r, e.room == room && e.seq <= head, "newest: room or moment", &e);
        expect(r, tc_bus_kind_is_data(e.kind), "newest: no data", &e);
        expect(r, e.pos >= last_pos[room], "newest: older than before", &e);
        last_pos[room] = e.pos;
        dawdle(r, 256);
        check_payload(r, &e);
    }
    return NULL;
}

/* ---- the writer ---- */

static bool is_enough(bool wants_slots)
{
    uint64_t torn = 0;
    uint64_t slots = 0;
    for (uint32_t i = 0; i < READERS; i++) {
        if (readers[i].good_cnt < ENOUGH || readers[i].void_cnt < ENOUGH_VOID)
            return false;
        torn += readers[i].torn_cnt;
        slots += readers[i].slot_cnt;
    }
    return torn >= ENOUGH_VOID && (!wants_slots || slots >= ENOUGH);
}

/* Publishes until all has happened that has to, and for at least so many events. */
static uint64_t write_all(bool wants_slots)
{
    int64_t pos[ROOMS] = { 0 };
    uint64_t seed = 88172645463325252ull;
    uint64_t n = 0;
    int64_t fuse_ns = tc_tb_mono_ns() + FUSE_S * 1000000000ll;
    for (; !atomic_load(&is_done); n++) {
        uint64_t random = tc_tb_random(&seed);
        uint32_t room =
            random % 64 < (wants_slots ? 12 : 56) ? 0 : 1 + (uint32_t)(random >> 8) % (ROOMS - 1);
        publish(room, ++pos[room]);
        if (random >> 61)
            cr_assert_eq(tc_bus_commit(&bus, false), 0);
        /* on a busy machine the readers get their time by this */
        if (n % 16384 == 0 || (n >= events_min && n % EVENTS == 0))
            sched_yield();
        if (n >= events_min && n % 1024 == 0 &&
            (is_enough(wants_slots) || tc_tb_mono_ns() > fuse_ns))
            break;
    }
    atomic_store(&is_done, true);
    return n;
}

static void race(void *(*run)(void *), uint64_t slot_bytes)
{
    begin(slot_bytes);
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i].seed = (i + 1) * 0x9e3779b97f4a7c15ull;
        cr_assert_eq(pthread_create(&readers[i].thread, NULL, run, &readers[i]), 0);
    }
    uint64_t cnt = write_all(slot_bytes > 0);
    for (uint32_t i = 0; i < READERS; i++) {
        struct reader *r = &readers[i];
        cr_assert_eq(pthread_join(r->thread, NULL), 0);
        cr_log_info("reader %u: good %llu, void %llu, payloads void %llu, slots %llu of %llu", i,
                    (unsigned long long)r->good_cnt, (unsigned long long)r->void_cnt,
                    (unsigned long long)r->torn_cnt, (unsigned long long)r->slot_cnt,
                    (unsigned long long)cnt);
        cr_expect_null(r->fault, "reader %u: %s at seq %llu room %u pos %lld", i, r->fault,
                       (unsigned long long)r->at.seq, r->at.room, (long long)r->at.pos);
    }
    cr_expect(is_enough(slot_bytes > 0), "too little happened to prove anything");
    tc_mem_fini(&mem);
}

Test(bus_mt, in_order, .timeout = 60)
{
    /* goal: readers in order see each event once and whole until they are told that they were
     * overtaken, and they are told */
    race(read_in_order, 0);
}

Test(bus_mt, links, .timeout = 60)
{
    /* goal: links, walked at random while the ring goes round, join neighbours of one room */
    race(walk_links, 0);
}

Test(bus_mt, slots, .timeout = 60)
{
    /* goal: slots read while they are rewritten, freed and given to another room are whole, of the
     * room, and never go back in time; so are the words of a room's head */
    race(read_newest, 8 * TC_BUS_SLOT_WORDS_MIN * 24);
}

/* ---- sleep and doorbell ---- */

/* A worker lies down until its bell has rung: here it spins on the bell, so that the two sides meet
 * at the words of the protocol as often as can be and not in the kernel. */
struct worker {
    pthread_t thread;
    uint64_t bit;
    _Atomic uint64_t bell; /* rings, by the writer */
    _Atomic uint64_t seen; /* head that it has come to */
    uint64_t sleep_cnt;
    uint64_t took_cnt; /* rings that it has heard */
    uint64_t near_cnt; /* times it lay down and saw by its second look that it must not */
    bool is_lost;
};
static struct worker workers[WORKERS];

/* Until *word is at least that. False: it does not come. */
static bool wait_for(const _Atomic uint64_t *word, uint64_t value, int64_t fuse_s)
{
    int64_t fuse_ns = tc_tb_mono_ns() + fuse_s * 1000000000ll;
    for (uint32_t i = 1; atomic_load(word) < value; i++) {
        if (i % 256 == 0)
            sched_yield();
        if (i % 65536 == 0 && tc_tb_mono_ns() > fuse_ns)
            return false;
    }
    return true;
}

static void lie_down(struct worker *w, uint64_t seq)
{
    atomic_fetch_or(&sleeping, w->bit);
    if (tc_bus_head(&bus) == seq && !atomic_load(&is_done)) {
        w->sleep_cnt++;
        w->is_lost = !wait_for(&w->bell, w->took_cnt + 1, FUSE_S);
    } else {
        w->near_cnt++;
    }
    w->took_cnt = atomic_load(&w->bell);
    atomic_fetch_and(&sleeping, ~w->bit);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t seed = w->bit;
    uint64_t seq = 0;
    uint64_t looks = 0;
    pin(false);
    while (!w->is_lost) {
        uint64_t head = tc_bus_head(&bus);
        if (head != seq) {
            seq = head;
            looks = tc_tb_random(&seed) % JITTER;
            atomic_store(&w->seen, seq);
        } else if (atomic_load(&is_done)) {
            break;
        } else if (looks) { /* it lies down at any moment */
            looks--;
        } else {
            lie_down(w, seq);
        }
    }
    return NULL;
}

static void ring(uint64_t bits)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        if (bits & workers[i].bit)
            atomic_fetch_add(&workers[i].bell, 1);
    }
}

/* One event; the workers with interest in its room have to come. */
static bool play(uint64_t round, uint64_t random)
{
    uint32_t room = (uint32_t)(random % 3); /* of the first worker, of the second, of both */
    bool is_state_change = random >> 54 == 0;
    for (uint64_t i = random >> 32 & (JITTER - 1); i; i--)
        (void)tc_bus_head(&bus);
    publish(room, (int64_t)round);
    ring(tc_bus_commit(&bus, is_state_change));
    for (uint32_t i = 0; i < WORKERS; i++) {
        if ((room == i || room == 2) && !wait_for(&workers[i].seen, round, FUSE_S / 2))
            return false;
    }
    return true;
}

Test(bus_mt, no_lost_wake_up, .timeout = 60)
{
    /* goal: in each of 100,000 rounds (fewer under sanitizers) every worker with interest comes to
     * the event just published, though it lies down at any moment; nobody is rung more often than
     * it lay down */
    uint64_t seed = 0x2545f4914f6cdd1dull;
    uint64_t round = 1;
    begin(0);
    atomic_store(&bus.interest[0], 1);
    atomic_store(&bus.interest[1], 2);
    atomic_store(&bus.interest[2], 3);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i].bit = 1ull << i;
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    while (round <= ROUNDS && play(round, tc_tb_random(&seed)))
        round++;
    cr_expect_eq(round, ROUNDS + 1, "a wake-up was lost in round %llu", (unsigned long long)round);
    atomic_store(&is_done, true);
    ring(tc_bus_commit(&bus, true));
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        cr_assert_eq(pthread_join(w->thread, NULL), 0);
        cr_log_info("worker %u: slept %llu, rung %llu, near %llu", i,
                    (unsigned long long)w->sleep_cnt, (unsigned long long)w->bell,
                    (unsigned long long)w->near_cnt);
        cr_expect_not(w->is_lost);
        cr_expect_leq(w->bell, w->sleep_cnt + w->near_cnt, "rung though it was awake");
        cr_expect_gt(w->sleep_cnt, ROUNDS / 100, "it hardly ever slept");
    }
    tc_mem_fini(&mem);
}
