// SPDX-License-Identifier: Apache-2.0
/* Goal: commit names the workers that sleep and have to know, takes exactly their sleeping bits and
 * leaves the rest; and a bus refuses configurations and events that it cannot hold. */
#include <criterion/criterion.h>
#include <signal.h>

#include "core/bus/bus.h"

enum { ROOMS = 4, EVENTS = 8, PAYLOAD_MAX = 64 };
enum { W0 = 1, W1 = 2, W2 = 4, W3 = 8 };
#define W63 (1ull << 63)

static struct tc_mem mem;
static struct tc_bus bus;
static struct tc_err err;
static _Atomic uint64_t sleeping;

static struct tc_bus_conf defaults(void)
{
    return (struct tc_bus_conf){ .event_cnt = EVENTS,
                                 .payload_bytes = 16 * PAYLOAD_MAX,
                                 .payload_max = PAYLOAD_MAX,
                                 .last_value_bytes = 4096,
                                 .room_max = ROOMS,
                                 .mem = &mem,
                                 .holder = "source main" };
}

/* Rooms 0..2 with interests of workers 0, 1 and 63, and 1 and 2; room 3 with none. */
static void setup(uint64_t sleepers)
{
    struct tc_bus_conf conf = defaults();
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_bus_init(&bus, &conf, &sleeping, &err), 0);
    atomic_store(&sleeping, sleepers);
    atomic_store(&bus.interest[0], W0);
    atomic_store(&bus.interest[1], W1 | W63);
    atomic_store(&bus.interest[2], W1 | W2);
}

static void stage(uint32_t room)
{
    (void)tc_bus_publish(&bus, &(struct tc_bus_put){ .room = room, .kind = TC_BUS_UPDATE });
}

/* Commits, and expects these to be rung and those to sleep on. */
static void commit(bool is_state_change, uint64_t rung, uint64_t left)
{
    cr_assert_eq(tc_bus_commit(&bus, is_state_change), rung);
    cr_assert_eq(atomic_load(&sleeping), left);
}

Test(bus_commit, nobody_sleeps)
{
    /* goal: interest alone rings nobody */
    setup(0);
    stage(0);
    stage(1);
    commit(false, 0, 0);
    commit(true, 0, 0);
    tc_mem_fini(&mem);
}

Test(bus_commit, sleepers_with_interest)
{
    /* goal: of those that sleep, those with interest in any room of the batch are rung, once; who
     * is awake or not interested is left alone */
    setup(W0 | W2 | W3 | W63);
    stage(3);
    commit(false, 0, W0 | W2 | W3 | W63);
    stage(0);
    commit(false, W0, W2 | W3 | W63);
    stage(0);
    commit(false, 0, W2 | W3 | W63);
    stage(3);
    stage(2);
    stage(1);
    commit(false, W2 | W63, W3);
    tc_mem_fini(&mem);
}

Test(bus_commit, only_this_batch)
{
    /* goal: rooms of earlier batches ring nobody, nor does an empty batch */
    setup(0);
    stage(0);
    commit(false, 0, 0);
    atomic_store(&sleeping, W0 | W1);
    commit(false, 0, W0 | W1);
    stage(1);
    commit(false, W1, W0);
    tc_mem_fini(&mem);
}

Test(bus_commit, staging_rings_nobody)
{
    /* goal: the bits are taken at commit; a worker that fell asleep while the batch was staged is
     * rung by it */
    setup(0);
    stage(0);
    stage(2);
    atomic_store(&sleeping, W2);
    cr_expect_eq(atomic_load(&sleeping), W2);
    commit(false, W2, 0);
    tc_mem_fini(&mem);
}

Test(bus_commit, state_change)
{
    /* goal: a change of state rings all that sleep, with events or without, and moves the
     * generation; an ordinary commit does not move it */
    setup(W1 | W3 | W63);
    uint64_t gen = atomic_load(&bus.state_gen);
    stage(3);
    commit(false, 0, W1 | W3 | W63);
    cr_expect_eq(atomic_load(&bus.state_gen), gen);
    commit(true, W1 | W3 | W63, 0);
    cr_expect_neq(atomic_load(&bus.state_gen), gen);
    gen = atomic_load(&bus.state_gen);
    atomic_store(&sleeping, W2);
    stage(0);
    commit(true, W2, 0);
    cr_expect_neq(atomic_load(&bus.state_gen), gen);
    cr_expect_eq(tc_bus_head(&bus), 2);
    tc_mem_fini(&mem);
}

Test(bus_commit, batch_larger_than_the_ring)
{
    /* goal: a batch that overwrote its own beginning rings all, since its first rooms are not known
     * any more; one that just fits does not */
    setup(W0 | W3);
    stage(0);
    for (uint32_t i = 0; i < EVENTS; i++)
        stage(3);
    commit(false, W0 | W3, 0);
    atomic_store(&sleeping, W0 | W3);
    stage(0);
    for (uint32_t i = 0; i < EVENTS - 1; i++)
        stage(3);
    commit(false, W0, W3);
    cr_expect_eq(tc_bus_head(&bus), 2 * EVENTS + 1);
    tc_mem_fini(&mem);
}

Test(bus_commit, one_word_for_all_buses)
{
    /* goal: whichever bus takes a bit rings; the other finds it gone */
    static struct tc_bus other;
    struct tc_bus_conf conf = defaults();
    setup(W0);
    cr_assert_eq(tc_bus_init(&other, &conf, &sleeping, &err), 0);
    atomic_store(&other.interest[3], W0);
    (void)tc_bus_publish(&other, &(struct tc_bus_put){ .room = 3, .kind = TC_BUS_UPDATE });
    stage(0);
    cr_expect_eq(tc_bus_commit(&other, false), W0);
    commit(false, 0, 0);
    tc_mem_fini(&mem);
}

/* ---- limits ---- */

Test(bus_commit, least_payload_ring)
{
    /* goal: a payload ring below two largest events is refused with the holder and the setting in
     * the text; one of exactly two works, with the largest event after the largest event */
    struct tc_bus_conf conf = defaults();
    struct tc_bus_event ev;
    char payload[PAYLOAD_MAX];
    tc_mem_init(&mem, 0);
    conf.payload_bytes = 2 * PAYLOAD_MAX - 8;
    cr_expect_eq(tc_bus_init(&bus, &conf, &sleeping, &err), -TC_EINVAL);
    cr_expect_not_null(strstr(err.text, "source main"));
    cr_expect_not_null(strstr(err.text, "history.bytes"));
    conf.payload_bytes = 2 * PAYLOAD_MAX;
    cr_assert_eq(tc_bus_init(&bus, &conf, &sleeping, &err), 0);
    for (uint32_t i = 1; i <= 20; i++) {
        struct tc_bus_put put = { .kind = TC_BUS_UPDATE, .payload = payload, .len = PAYLOAD_MAX };
        memset(payload, (int)i, sizeof(payload));
        cr_assert_eq(tc_bus_publish(&bus, &put), i);
        cr_assert_eq(atomic_load(&bus.mark), i == 1 ? 1 : i - 1);
        cr_assert_eq(tc_bus_read(&bus, i == 1 ? 1 : i - 1, &ev), 0);
        cr_assert_eq(tc_bus_copy(&bus, &ev, payload), 0);
        cr_assert_eq(payload[PAYLOAD_MAX - 1], i == 1 ? 1 : (char)(i - 1));
    }
    tc_mem_fini(&mem);
}

Test(bus_commit, largest_payload)
{
    /* goal: an event of the highest limit goes through the ring and through a slot */
    struct tc_bus_conf conf = defaults();
    struct tc_bus_event ev;
    uint32_t hops = 0;
    conf.payload_max = TC_EVENT_BYTES_MAX;
    conf.payload_bytes = 2 * TC_EVENT_BYTES_MAX;
    conf.last_value_bytes = 8ull * TC_EVENT_BYTES_MAX;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_bus_init(&bus, &conf, &sleeping, &err), 0);
    char *payload = tc_alloc(TC_EVENT_BYTES_MAX);
    char *got = tc_alloc(TC_EVENT_BYTES_MAX);
    for (uint32_t i = 0; i < TC_EVENT_BYTES_MAX; i++)
        payload[i] = (char)(i * 31 >> 5);
    struct tc_bus_put put = { .kind = TC_BUS_UPDATE,
                              .payload = payload,
                              .len = TC_EVENT_BYTES_MAX };
    (void)tc_bus_publish(&bus, &put);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(tc_bus_newest(&bus, 0, 1, &hops, &ev), 0);
        cr_expect_eq(ev.is_slot, i == 1);
        cr_expect_eq(ev.len, TC_EVENT_BYTES_MAX);
        memset(got, 0, TC_EVENT_BYTES_MAX);
        cr_assert_eq(tc_bus_copy(&bus, &ev, got), 0);
        cr_expect_arr_eq(got, payload, TC_EVENT_BYTES_MAX);
        for (uint32_t n = 0; n < EVENTS; n++)
            stage(1);
    }
    tc_free(payload);
    tc_free(got);
    tc_mem_fini(&mem);
}

Test(bus_commit, no_memory)
{
    /* goal: whichever ring does not fit the budget, it is an error with a text; with the whole sum
     * it works */
    struct tc_bus_conf conf = defaults();
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_bus_init(&bus, &conf, &sleeping, &err), 0);
    uint64_t whole = mem.total_bytes;
    tc_mem_fini(&mem);
    for (uint64_t budget = 1; budget < whole; budget += 64) {
        tc_mem_init(&mem, budget);
        err.text[0] = 0;
        cr_assert_eq(tc_bus_init(&bus, &conf, &sleeping, &err), -TC_ENOMEM);
        cr_assert_not_null(strstr(err.text, "source main"));
        tc_mem_fini(&mem);
    }
    tc_mem_init(&mem, whole);
    cr_expect_eq(tc_bus_init(&bus, &conf, &sleeping, &err), 0);
    tc_mem_fini(&mem);
}

Test(bus_commit, unknown_room_is_a_wrong_program, .signal = SIGABRT)
{
    /* goal: a room outside the table is never written */
    setup(0);
    stage(ROOMS);
}

Test(bus_commit, oversize_is_a_wrong_program, .signal = SIGABRT)
{
    /* goal: a payload above the configured limit is never written */
    static const char payload[PAYLOAD_MAX + 1];
    struct tc_bus_put put = { .kind = TC_BUS_UPDATE, .payload = payload, .len = sizeof(payload) };
    setup(0);
    (void)tc_bus_publish(&bus, &put);
}
