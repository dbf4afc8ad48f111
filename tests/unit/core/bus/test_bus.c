// SPDX-License-Identifier: Apache-2.0
/* Goal: what the one writer publishes is what a reader reads: fields, links, positions, sums and
 * payloads, for as long as the ring holds them and not a moment longer; evicted last values live on
 * in slots within their budget; commit wakes whom it must and nobody else. One thread; see
 * test_bus_mt.c for several. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#include "core/bus/bus.h"
#include "tests/lib/base.h"

enum { ROOMS = 6, PAYLOAD_MAX = 64, HISTORY_MAX = 4096, HOPS = 1000 };

static struct tc_mem mem;
static struct tc_bus bus;
static struct tc_err err;
static _Atomic uint64_t sleeping;
static struct tc_bus_event ev;
static unsigned char got[PAYLOAD_MAX + 8];

static struct tc_bus_conf defaults(void)
{
    return (struct tc_bus_conf){ .event_cnt = 8,
                                 .payload_bytes = 16 * PAYLOAD_MAX,
                                 .payload_max = PAYLOAD_MAX,
                                 .last_value_bytes = 4096,
                                 .room_max = ROOMS,
                                 .mem = &mem,
                                 .holder = "source main" };
}

static void setup(const struct tc_bus_conf *conf)
{
    tc_mem_init(&mem, 0);
    atomic_store(&sleeping, 0);
    cr_assert_eq(tc_bus_init(&bus, conf, &sleeping, &err), 0, "%s", err.text);
}

static void setup_default(void)
{
    struct tc_bus_conf conf = defaults();
    setup(&conf);
}

/* Stages an event whose payload is len times a byte made of its position. */
static uint64_t stage(uint32_t room, uint8_t kind, int64_t pos, uint32_t len)
{
    char payload[PAYLOAD_MAX];
    memset(payload, (int)(pos & 0xff), sizeof(payload));
    return tc_bus_publish(&bus, &(struct tc_bus_put){ .room = room,
                                                      .log = 1,
                                                      .kind = kind,
                                                      .pos = pos,
                                                      .gap_from = pos - 3,
                                                      .ts_ms = pos * 10,
                                                      .payload = len ? payload : NULL,
                                                      .len = len });
}

static uint64_t put(uint32_t room, uint8_t kind, int64_t pos, uint32_t len)
{
    uint64_t seq = stage(room, kind, pos, len);
    cr_assert_eq(tc_bus_commit(&bus, false), 0);
    return seq;
}

static uint64_t update(uint32_t room, int64_t pos)
{
    return put(room, TC_BUS_UPDATE, pos, 16);
}

/* Events of another room until seq has left the ring. */
static void evict(uint64_t seq, uint32_t filler_room)
{
    for (uint32_t i = 0; tc_bus_is_intact(&bus, seq); i++) {
        cr_assert_lt(i, 2 * HISTORY_MAX);
        (void)update(filler_room, 1000000 + i);
    }
}

static void expect_payload(const struct tc_bus_event *e)
{
    memset(got, 0xee, sizeof(got));
    cr_assert_eq(tc_bus_copy(&bus, e, got), 0);
    for (uint32_t i = 0; i < e->len; i++)
        cr_assert_eq(got[i], (unsigned char)(e->pos & 0xff), "seq %llu",
                     (unsigned long long)e->seq);
    for (uint32_t i = (e->len + 7) / 8 * 8; i < sizeof(got); i++)
        cr_assert_eq(got[i], 0xee, "written past the length rounded up to words");
}

static int newest(uint32_t room, uint64_t before)
{
    uint32_t hops = HOPS;
    return tc_bus_newest(&bus, room, before, &hops, &ev);
}

/* ---- publishing ---- */

Test(bus, staged_until_commit)
{
    /* goal: seqs count from 1; head stays until commit and then covers the whole batch */
    setup_default();
    cr_expect_eq(tc_bus_head(&bus), 0);
    cr_expect_eq(stage(0, TC_BUS_UPDATE, 10, 8), 1);
    cr_expect_eq(stage(1, TC_BUS_UPDATE, 11, 8), 2);
    cr_expect_eq(tc_bus_head(&bus), 0);
    cr_expect_eq(tc_bus_commit(&bus, false), 0);
    cr_expect_eq(tc_bus_head(&bus), 2);
    cr_expect_eq(tc_bus_commit(&bus, false), 0);
    cr_expect_eq(tc_bus_head(&bus), 2);
    cr_expect_eq(stage(0, TC_BUS_UPDATE, 12, 8), 3);
    cr_expect_eq(tc_bus_head(&bus), 2);
    tc_mem_fini(&mem);
}

Test(bus, fields_at_their_limits)
{
    /* goal: every field comes back as it went in, at the ends of its range */
    static const struct tc_bus_put puts[] = {
        { .room = ROOMS - 1,
          .log = UINT16_MAX,
          .kind = TC_BUS_UPDATE,
          .aux = UINT8_MAX,
          .pos = INT64_MAX,
          .ts_ms = (1ll << 47) - 1,
          .ingest_ns = INT64_MAX,
          .payload = "0123456789012345678901234567890123456789012345678901234567890123",
          .len = PAYLOAD_MAX },
        { .kind = TC_BUS_TOMBSTONE, .ts_ms = -(1ll << 47), .ingest_ns = INT64_MIN },
        { .room = 1, .log = 1, .kind = TC_BUS_UPDATE, .ts_ms = -1, .payload = "x", .len = 1 },
    };
    setup_default();
    for (uint32_t i = 0; i < TC_ARRAY_CNT(puts); i++) {
        const struct tc_bus_put *p = &puts[i];
        uint64_t seq = tc_bus_publish(&bus, p);
        cr_assert_eq(tc_bus_read(&bus, seq, &ev), 0);
        cr_expect_eq(ev.seq, seq);
        cr_expect_eq(ev.room, p->room);
        cr_expect_eq(tc_bus_peek_room(&bus, seq), p->room);
        cr_expect_eq(ev.log, p->log);
        cr_expect_eq(ev.kind, p->kind);
        cr_expect_eq(ev.aux, p->aux);
        cr_expect_eq(ev.pos, p->pos);
        cr_expect_eq(ev.prev, -1);
        cr_expect_eq(ev.ts_ms, p->ts_ms);
        cr_expect_eq(ev.ingest_ns, p->ingest_ns);
        cr_expect_eq(ev.len, p->len);
        cr_expect_not(ev.is_slot);
        cr_assert_eq(tc_bus_copy(&bus, &ev, got), 0);
        cr_expect(p->len == 0 || memcmp(got, p->payload, p->len) == 0);
    }
    tc_mem_fini(&mem);
}

Test(bus, links_and_prev)
{
    /* goal: links join a room's events both ways across those of other rooms, and only them; prev
     * is the position of the event before; a link forward appears when its end is published */
    static const uint32_t rooms[] = { 0, 1, 0, 2, 1, 0, 0 };
    static const uint64_t back[] = { 0, 0, 1, 0, 2, 3, 6 };
    static const uint64_t forward[] = { 3, 5, 6, 0, 0, 7, 0 };
    static const int64_t prev[] = { -1, -1, 100, -1, 101, 102, 105 };
    setup_default();
    for (uint32_t i = 0; i < TC_ARRAY_CNT(rooms); i++) {
        (void)update(rooms[i], 100 + i);
        cr_assert_eq(tc_bus_read(&bus, i + 1, &ev), 0);
        cr_expect_eq(ev.next_seq, 0);
        cr_expect_eq(atomic_load(&bus.rooms[rooms[i]].last_seq), i + 1);
    }
    for (uint32_t i = 0; i < TC_ARRAY_CNT(rooms); i++) {
        cr_assert_eq(tc_bus_read(&bus, i + 1, &ev), 0);
        cr_expect_eq(ev.room, rooms[i]);
        cr_expect_eq(ev.prev_seq, back[i], "event %u", i + 1);
        cr_expect_eq(ev.next_seq, forward[i], "event %u", i + 1);
        cr_expect_eq(ev.prev, prev[i], "event %u", i + 1);
    }
    tc_mem_fini(&mem);
}

Test(bus, staged_events_are_reached_by_links)
{
    /* goal: a link may lead past the head: what it leads to is whole */
    setup_default();
    (void)update(0, 7);
    uint64_t seq = stage(0, TC_BUS_UPDATE, 8, 24);
    cr_assert_eq(tc_bus_read(&bus, 1, &ev), 0);
    cr_assert_eq(ev.next_seq, seq);
    cr_expect_gt(seq, tc_bus_head(&bus));
    cr_assert_eq(tc_bus_read(&bus, seq, &ev), 0);
    cr_expect_eq(ev.pos, 8);
    expect_payload(&ev);
    cr_assert_eq(newest(0, tc_bus_head(&bus)), 0);
    cr_expect_eq(ev.pos, 7, "a snapshot must not see what was not committed");
    tc_mem_fini(&mem);
}

Test(bus, gap_and_moved)
{
    /* goal: a gap tells the range it was given and keeps its reason; a move has no positions and
     * the room's next event has no predecessor; neither counts as data, both are in the chain */
    setup_default();
    (void)update(0, 20);
    uint64_t gap = tc_bus_publish(
        &bus, &(struct tc_bus_put){
                  .kind = TC_BUS_GAP, .aux = TC_GAP_RETENTION, .pos = 40, .gap_from = 22 });
    (void)update(0, 41);
    uint64_t moved = tc_bus_publish(
        &bus, &(struct tc_bus_put){ .kind = TC_BUS_MOVED, .log = 9, .pos = -1, .gap_from = 5 });
    uint64_t last = put(0, TC_BUS_TOMBSTONE, 3, 0);
    cr_assert_eq(tc_bus_read(&bus, gap, &ev), 0);
    cr_expect(ev.prev == 22 && ev.pos == 40 && ev.aux == TC_GAP_RETENTION && ev.prev_seq == 1);
    cr_expect_eq(ev.ord, 1);
    cr_assert_eq(tc_bus_read(&bus, gap + 1, &ev), 0);
    cr_expect(ev.prev == 40 && ev.ord == 2 && ev.prev_seq == gap && ev.next_seq == moved);
    cr_assert_eq(tc_bus_read(&bus, moved, &ev), 0);
    cr_expect(ev.prev == -1 && ev.pos == -1 && ev.log == 9 && ev.ord == 2 && ev.next_seq == last);
    cr_assert_eq(tc_bus_read(&bus, last, &ev), 0);
    cr_expect(ev.prev == -1 && ev.pos == 3 && ev.ord == 3 && ev.prev_seq == moved);
    const struct tc_bus_room *room = &bus.rooms[0];
    cr_expect_eq(atomic_load(&room->last_data_seq), last);
    (void)put(0, TC_BUS_GAP, 9, 0);
    cr_expect_eq(atomic_load(&room->last_data_seq), last);
    cr_expect_eq(atomic_load(&room->last_seq), last + 1);
    cr_expect_eq(atomic_load(&room->last_pos), 9);
    tc_mem_fini(&mem);
}

Test(bus, ords_and_sums)
{
    /* goal: ord and sum_bytes count a room's own data up to and with the event, go round 2^32, and
     * the room's words are those of its newest event */
    setup_default();
    atomic_store(&bus.rooms[2].ord, UINT32_MAX - 1);
    atomic_store(&bus.rooms[2].sum_bytes, UINT32_MAX - 4);
    static const uint32_t lens[] = { 3, 2, 64 };
    static const uint32_t ords[] = { UINT32_MAX, 0, 1 };
    static const uint32_t sums[] = { UINT32_MAX - 1, 0, 64 };
    for (uint32_t i = 0; i < 3; i++) {
        (void)put(1, TC_BUS_UPDATE, i, 5);
        cr_assert_eq(tc_bus_read(&bus, put(2, TC_BUS_UPDATE, i, lens[i]), &ev), 0);
        cr_expect_eq(ev.ord, ords[i]);
        cr_expect_eq(ev.sum_bytes, sums[i]);
        cr_expect_eq(atomic_load(&bus.rooms[2].ord), ev.ord);
        cr_expect_eq(atomic_load(&bus.rooms[2].sum_bytes), ev.sum_bytes);
    }
    cr_expect_eq(atomic_load(&bus.rooms[1].ord), 3);
    cr_expect_eq(atomic_load(&bus.rooms[1].sum_bytes), 15);
    tc_mem_fini(&mem);
}

/* ---- the ring goes round ---- */

Test(bus, overtaken)
{
    /* goal: what the ring holds is as many events as configured, rounded up; one more overwrites
     * the oldest, and each way to read it says so, also of a descriptor copied in time */
    struct tc_bus_conf conf = defaults();
    struct tc_bus_event old;
    conf.event_cnt = 9;
    conf.payload_bytes = 64 * PAYLOAD_MAX;
    setup(&conf);
    for (uint32_t i = 0; i < 16; i++)
        (void)update(0, i);
    cr_assert_eq(tc_bus_read(&bus, 1, &old), 0);
    expect_payload(&old);
    (void)stage(1, TC_BUS_UPDATE, 50, 16);
    cr_expect_not(tc_bus_is_intact(&bus, 1), "the mark moves before the overwrite, not at commit");
    cr_expect_eq(tc_bus_read(&bus, 1, &ev), -TC_ELAPPED);
    cr_expect_eq(tc_bus_copy(&bus, &old, got), -TC_ELAPPED);
    cr_expect_eq(tc_bus_read(&bus, 2, &ev), 0);
    cr_expect_eq(ev.prev_seq, 1, "the link to what has left the ring stays");
    expect_payload(&ev);
    tc_mem_fini(&mem);
}

Test(bus, evicts_in_groups)
{
    /* goal: a large ring reclaims several events at once, so the mark moves seldom, and still
     * holds all but that many */
    struct tc_bus_conf conf = defaults();
    conf.event_cnt = 1024;
    conf.payload_bytes = 1024 * 64;
    setup(&conf);
    uint32_t moves = 0;
    for (uint64_t i = 1; i <= 3 * 1024; i++) {
        uint64_t mark = atomic_load(&bus.mark);
        cr_assert_eq(update(0, (int64_t)i), i);
        moves += atomic_load(&bus.mark) != mark;
        cr_assert_geq(i - atomic_load(&bus.mark) + 1, TC_MIN(i, 1024 - bus.evict_cnt + 1ull));
        cr_assert_leq(i - atomic_load(&bus.mark) + 1, 1024);
    }
    cr_expect_gt(bus.evict_cnt, 1);
    cr_expect_eq(moves, 2 * 1024 / bus.evict_cnt);
    cr_expect_eq(bus.evict_total, atomic_load(&bus.mark) - 1);
    tc_mem_fini(&mem);
}

/* What was published, kept beside the bus. */
static struct tc_bus_event history[HISTORY_MAX];
static uint64_t kept[ROOMS]; /* seq in the room's slot */

static void expect_same(const struct tc_bus_event *want)
{
    cr_assert_eq(ev.seq, want->seq);
    cr_assert_eq(ev.room, want->room);
    cr_assert_eq(ev.kind, want->kind);
    cr_assert_eq(ev.pos, want->pos);
    cr_assert_eq(ev.prev, want->prev);
    cr_assert_eq(ev.len, want->len);
    cr_assert_eq(ev.ord, want->ord);
    cr_assert_eq(ev.sum_bytes, want->sum_bytes);
    cr_assert_eq(ev.prev_seq, want->prev_seq);
    expect_payload(&ev);
}

/* Every event in the ring, and none below the mark. */
static void expect_ring(uint64_t last)
{
    uint64_t mark = atomic_load(&bus.mark);
    uint64_t words = 0;
    for (uint64_t s = mark > 9 ? mark - 9 : 1; s <= last; s++) {
        int rc = tc_bus_read(&bus, s, &ev);
        cr_assert_eq(rc, s < mark ? -TC_ELAPPED : 0);
        if (rc < 0)
            continue;
        expect_same(&history[s]);
        cr_assert_eq(ev.next_seq, history[s].next_seq);
        words += (ev.len + 7) / 8;
    }
    /* it did not forget more than it had to: one event, one gap at the end, one before it */
    if (mark > 1 && last - mark < bus.desc_mask)
        cr_assert_gt(words + 3 * PAYLOAD_MAX / 8, bus.payload_words);
}

/* Whether links lead to s: always so for a reader in reach, whose `before` is not below the mark.
 */
static bool is_linked(uint64_t s, uint64_t mark)
{
    return history[s].next_seq == 0 || history[s].next_seq >= mark;
}

/* tc_bus_newest() of all rooms at one time in the past. */
static void expect_newest(uint64_t before)
{
    uint64_t mark = atomic_load(&bus.mark);
    for (uint32_t room = 0; room < ROOMS; room++) {
        uint64_t want = 0;
        uint64_t s = atomic_load(&bus.rooms[room].last_seq);
        uint64_t first = s;
        for (; s; first = s, s = history[s].prev_seq)
            want = want == 0 && s <= before ? s : want;
        int rc = newest(room, before);
        if (want == 0) /* none, or that cannot be known any more */
            cr_assert_eq(rc, first == 0 || first >= mark ? -TC_ENOTFOUND : -TC_ELAPPED);
        else if (want < mark && (kept[room] != want || !is_linked(want, mark)))
            cr_assert_eq(rc, -TC_ELAPPED);
        else
            cr_assert_eq(rc, 0);
        if (rc == 0) {
            expect_same(&history[want]);
            cr_assert_eq(ev.is_slot, want < mark);
        }
    }
}

static void publish_random(uint64_t *seed, uint64_t s, uint32_t len_max)
{
    uint32_t room = (uint32_t)(tc_tb_random(seed) % 100);
    room = room < 60 ? 0 : room < 90 ? 1 : room < 97 ? 2 : 3 + room % 2;
    uint32_t len = (uint32_t)(tc_tb_random(seed) % (len_max + 1));
    uint64_t last = atomic_load(&bus.rooms[room].last_seq);
    uint64_t newest_of[ROOMS];
    uint64_t mark = atomic_load(&bus.mark);
    for (uint32_t r = 0; r < ROOMS; r++)
        newest_of[r] = atomic_load(&bus.rooms[r].last_data_seq);
    cr_assert_eq(stage(room, len ? TC_BUS_UPDATE : TC_BUS_TOMBSTONE, (int64_t)s * 3, len), s);
    for (; mark < atomic_load(&bus.mark); mark++) {
        if (newest_of[history[mark].room] == mark)
            kept[history[mark].room] = mark;
    }
    history[s] = (struct tc_bus_event){ .seq = s,
                                        .prev_seq = last,
                                        .pos = (int64_t)s * 3,
                                        .prev = last ? history[last].pos : -1,
                                        .room = room,
                                        .len = len,
                                        .ord = history[last].ord + 1,
                                        .sum_bytes = history[last].sum_bytes + len,
                                        .kind = len ? TC_BUS_UPDATE : TC_BUS_TOMBSTONE };
    if (last)
        history[last].next_seq = s;
}

Test(bus, agrees_with_a_full_history)
{
    /* goal: over seeded runs in which the payload ring wraps at every place, lengths are of all
     * sizes and either ring may be the one that is short, the bus holds exactly what a full
     * history says, and newest() answers as it does at every moment in reach */
    static const uint64_t payload_words[] = { 16, 17, 23, 37, 64, 200 };
    for (uint64_t run = 0; run < 24; run++) {
        uint64_t seed = (run + 1) * 0x9e3779b97f4a7c15ull;
        struct tc_bus_conf conf = defaults();
        conf.event_cnt = run % 2 ? 8 : 32;
        conf.payload_bytes = 8 * payload_words[run % TC_ARRAY_CNT(payload_words)];
        conf.last_value_bytes = 8192;
        uint32_t len_max = run < 12 ? PAYLOAD_MAX : 20;
        memset(history, 0, sizeof(history));
        memset(kept, 0, sizeof(kept));
        setup(&conf);
        for (uint64_t s = 1; s < 700; s++) {
            publish_random(&seed, s, len_max);
            (void)tc_bus_commit(&bus, false);
            if (len_max == PAYLOAD_MAX)
                expect_ring(s);
            expect_newest(s);
            expect_newest(s - tc_tb_random(&seed) % TC_MIN(s, 40ull));
        }
        cr_assert_eq(bus.slot_drop_cnt, 0);
        tc_mem_fini(&mem);
    }
}

/* ---- tc_bus_newest ---- */

Test(bus, newest_counts_hops)
{
    /* goal: newest() before a moment skips what is later and what is no data, follows no more links
     * than it may, and says how many are left */
    setup_default();
    (void)update(1, 1);
    uint64_t first = update(0, 2);
    (void)put(0, TC_BUS_GAP, 3, 0);
    uint64_t second = put(0, TC_BUS_TOMBSTONE, 4, 0);
    uint64_t third = update(0, 5);
    static const struct {
        uint64_t before, want;
        uint32_t hops;
    } cases[] = { { 100, 5, 0 }, { 5, 5, 0 }, { 4, 4, 1 }, { 3, 2, 3 }, { 2, 2, 3 } };
    cr_assert(first == 2 && second == 4 && third == 5);
    for (uint32_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        for (uint32_t spare = 0; spare < 3; spare++) {
            uint32_t hops = cases[i].hops + spare;
            cr_assert_eq(tc_bus_newest(&bus, 0, cases[i].before, &hops, &ev), 0, "case %u", i);
            cr_expect_eq(ev.seq, cases[i].want, "case %u", i);
            cr_expect_eq(hops, spare, "case %u", i);
        }
        for (uint32_t few = 0; few < cases[i].hops; few++) {
            uint32_t hops = few;
            cr_expect_eq(tc_bus_newest(&bus, 0, cases[i].before, &hops, &ev), -TC_EAGAIN);
            cr_expect_eq(hops, 0);
        }
    }
    uint32_t hops = HOPS;
    cr_expect_eq(tc_bus_newest(&bus, 0, 1, &hops, &ev), -TC_ENOTFOUND, "all of it is later");
    cr_expect_eq(hops, HOPS - 3);
    cr_expect_eq(newest(5, 100), -TC_ENOTFOUND, "no record yet");
    (void)put(4, TC_BUS_GAP, 9, 0);
    cr_expect_eq(newest(4, 100), -TC_ENOTFOUND, "a gap and no value");
    tc_mem_fini(&mem);
}

Test(bus, newest_behind_the_ring)
{
    /* goal: a value that was followed by a newer one before it left the ring is gone, and that is
     * said; it is not taken for a room without values */
    setup_default();
    uint64_t first = update(0, 1);
    uint64_t second = update(0, 2);
    evict(first, 1);
    cr_expect(tc_bus_is_intact(&bus, second));
    cr_expect_eq(newest(0, first), -TC_ELAPPED);
    cr_expect_eq(newest(0, second), 0);
    cr_expect_not(ev.is_slot);
    evict(second, 1);
    cr_expect_eq(newest(0, first), -TC_ELAPPED);
    cr_expect_eq(newest(0, second), 0);
    cr_expect(ev.is_slot && ev.pos == 2);
    tc_mem_fini(&mem);
}

/* ---- last values ---- */

Test(bus, last_value_lives_on)
{
    /* goal: the newest value of a quiet room is found after it left the ring, as it was; a gap
     * after it does not hide it; a newer one takes its place, and a reader that still holds the
     * older descriptor is told */
    setup_default();
    uint64_t seq = put(0, TC_BUS_UPDATE, 21, 33);
    struct tc_bus_event ring;
    struct tc_bus_event old;
    cr_assert_eq(tc_bus_read(&bus, seq, &ring), 0);
    (void)put(0, TC_BUS_GAP, 25, 0);
    evict(seq + 1, 1);
    cr_assert_eq(newest(0, tc_bus_head(&bus)), 0);
    cr_expect(ev.is_slot);
    cr_expect(ev.seq == seq && ev.pos == 21 && ev.prev == ring.prev && ev.len == 33);
    cr_expect(ev.ts_ms == ring.ts_ms && ev.log == ring.log && ev.ord == 1 && ev.sum_bytes == 33);
    expect_payload(&ev);
    old = ev;
    seq = put(0, TC_BUS_UPDATE, 30, 33);
    cr_assert_eq(newest(0, seq), 0);
    cr_expect(!ev.is_slot && ev.pos == 30);
    expect_payload(&old);
    evict(seq, 1);
    cr_assert_eq(newest(0, tc_bus_head(&bus)), 0);
    cr_expect(ev.is_slot && ev.pos == 30);
    expect_payload(&ev);
    cr_expect_eq(tc_bus_copy(&bus, &old, got), -TC_ELAPPED);
    tc_mem_fini(&mem);
}

Test(bus, last_value_may_be_a_tombstone)
{
    /* goal: a deleted value stays deleted after it left the ring */
    setup_default();
    uint64_t seq = update(0, 1);
    evict(seq, 1);
    seq = put(0, TC_BUS_TOMBSTONE, 2, 0);
    evict(seq, 1);
    cr_assert_eq(newest(0, tc_bus_head(&bus)), 0);
    cr_expect(ev.is_slot && ev.kind == TC_BUS_TOMBSTONE && ev.len == 0 && ev.pos == 2);
    expect_payload(&ev);
    tc_mem_fini(&mem);
}

Test(bus, slot_budget)
{
    /* goal: the budget holds so many slots and no more; a value without one is counted and answered
     * as lapped, never as an older value; a room that outgrew its slot gives it to another */
    enum { SLOT_BYTES = 8 * TC_BUS_SLOT_WORDS_MIN };
    struct tc_bus_conf conf = defaults();
    conf.last_value_bytes = 3 * SLOT_BYTES + 8; /* the first place is never used */
    setup(&conf);
    uint64_t seq = 0;
    for (uint32_t room = 0; room < 3; room++)
        seq = put(room, TC_BUS_UPDATE, 10 + room, 40);
    evict(seq, 5);
    cr_expect_eq(newest(0, UINT64_MAX), 0);
    cr_expect_eq(newest(1, UINT64_MAX), 0);
    expect_payload(&ev);
    cr_expect_eq(newest(2, UINT64_MAX), -TC_ELAPPED);
    cr_expect_eq(bus.slot_drop_cnt, 1);
    seq = put(1, TC_BUS_UPDATE, 21, 40); /* keeps its slot */
    evict(seq, 5);
    cr_assert_eq(newest(1, UINT64_MAX), 0);
    cr_expect(ev.is_slot && ev.pos == 21);
    cr_expect_eq(bus.slot_drop_cnt, 1);
    cr_assert_eq(newest(0, UINT64_MAX), 0);
    struct tc_bus_event held = ev;
    seq = put(0, TC_BUS_UPDATE, 30, 41); /* needs a slot of the next size */
    evict(seq, 5);
    cr_expect_eq(newest(0, UINT64_MAX), -TC_ELAPPED);
    cr_expect_eq(bus.slot_drop_cnt, 2);
    cr_expect_eq(tc_bus_copy(&bus, &held, got), -TC_ELAPPED);
    seq = put(2, TC_BUS_UPDATE, 42, 1); /* gets the slot that room 0 left */
    evict(seq, 5);
    cr_assert_eq(newest(2, UINT64_MAX), 0);
    cr_expect(ev.is_slot && ev.pos == 42);
    expect_payload(&ev);
    cr_assert_eq(newest(1, UINT64_MAX), 0);
    expect_payload(&ev);
    cr_expect_eq(bus.slot_drop_cnt, 2);
    tc_mem_fini(&mem);
}

Test(bus, slot_budget_of_nothing)
{
    /* goal: without a budget the ring works and each last value is counted as dropped */
    struct tc_bus_conf conf = defaults();
    conf.last_value_bytes = 0;
    setup(&conf);
    uint64_t seq = update(0, 1);
    cr_expect_eq(newest(0, seq), 0);
    evict(seq, 1);
    cr_expect_eq(newest(0, tc_bus_head(&bus)), -TC_ELAPPED);
    cr_expect_eq(bus.slot_drop_cnt, 1);
    tc_mem_fini(&mem);
}
