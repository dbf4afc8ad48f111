// SPDX-License-Identifier: Apache-2.0
/* Goal: every record becomes exactly one event or one declared hole in the rooms that it concerns,
 * and workers see events before they see how far the logs were read. */
#include "tests/unit/io/engine/fixture.h"

static struct fx fx;

static uint64_t count_of(const _Atomic uint64_t *count)
{
    return tc_count_get(count);
}

static const struct tc_log *log_of(uint32_t log)
{
    return &fx.ingest.logs.logs[log];
}

/* More than limits.event_bytes of the fixture. */
static const char *oversize(void)
{
    static char text[300];
    memset(text, 'x', sizeof(text) - 1);
    return text;
}

static void teardown(void)
{
    fx_fini(&fx);
}

TestSuite(ingest, .fini = teardown);

Test(ingest, records)
{
    /* Goal: a first record gives birth to its room; updates and tombstones are linked by position
     * and carry their times; the counters tell the same. */
    struct tc_bus_event e;
    fx_start(&fx);
    sc_record(&fx, 0, 5, 99000, "A", "{\"p\":1}");
    sc_record(&fx, 0, 6, 99500, "B", "[2]");
    sc_record(&fx, 0, 8, 99600, "A", NULL);
    sc_record(&fx, 1, 3, 99600, NULL, "{\"s\":\"A\"}");
    cr_assert_eq(fx_turn(&fx), 4);
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 0 5 - {\"p\":1}\n"
                                   "U ticker-B 0 6 - [2]\n"
                                   "T ticker-A 0 8 5\n"
                                   "U quote-A 1 3 - {\"s\":\"A\"}\n");
    cr_assert_eq(tc_bus_read(&fx.ingest.bus, 2, &e), TC_OK);
    cr_expect(e.ts_ms == 99500 && e.ingest_ns == fx.now_ns);
    cr_expect_eq(fx.ingest.dir.entries[2].rule, 1);
    cr_expect_eq(count_of(&fx.metric.rooms), 3);
    cr_expect_eq(count_of(&fx.metric.logs), 2);
    cr_expect_eq(count_of(&fx.metric.events), 4);
    cr_expect_eq(count_of(&fx.metric.tombstones), 1);
    cr_expect_eq(count_of(&fx.metric.event_bytes), 7 + 3 + 9);
    cr_expect_eq(count_of(&fx.metric.lag_ms), 400);
    cr_assert_eq(fx_turn(&fx), 0, "idle");
    cr_assert_str_eq(fx_seen(&fx), "");
}

Test(ingest, quarantine_known_room)
{
    /* Goal: a record that cannot become an event is a gap of one position in its room, with the
     * reason, and in no other; the room goes on behind it. It may be the room's first. */
    fx_start(&fx);
    sc_record(&fx, 0, 1, 1, "A", "1");
    sc_record(&fx, 0, 2, 1, "B", "1");
    sc_record(&fx, 0, 5, 1, "A", "{");
    sc_record(&fx, 0, 6, 1, "A", "\"\xff\"");
    sc_record(&fx, 0, 7, 1, "A", oversize());
    sc_record(&fx, 0, 8, 1, "A", "2");
    sc_record(&fx, 0, 9, 1, "C", "nope");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 0 1 - 1\n"
                                   "U ticker-B 0 2 - 1\n"
                                   "G ticker-A 0 4 5 poison\n"
                                   "G ticker-A 0 5 6 poison\n"
                                   "G ticker-A 0 6 7 oversize\n"
                                   "U ticker-A 0 8 7 2\n"
                                   "G ticker-C 0 8 9 poison\n");
    cr_expect_eq(count_of(&fx.metric.poison), 3);
    cr_expect_eq(count_of(&fx.metric.oversize), 1);
    cr_expect_eq(count_of(&fx.metric.events), 3);
}

Test(ingest, quarantine_unknown_room)
{
    /* Goal: if the room is not known, every room of that log has the gap, and none of another;
     * neighbours are one gap, unless the reason differs; it comes before the next event. */
    fx_start(&fx);
    sc_record(&fx, 0, 1, 1, "A", "1");
    sc_record(&fx, 1, 1, 1, NULL, "{\"s\":\"A\"}");
    sc_record(&fx, 1, 2, 1, NULL, "{\"s\":\"B\"}");
    fx_turn(&fx);
    fx_seen(&fx);
    sc_record(&fx, 1, 3, 1, NULL, "{");
    sc_record(&fx, 1, 4, 1, NULL, "{\"t\":1}");
    sc_record(&fx, 1, 7, 1, NULL, NULL);
    sc_record(&fx, 1, 8, 1, NULL, oversize());
    sc_record(&fx, 1, 9, 1, NULL, "{\"s\":\"B\"}");
    sc_record(&fx, 1, 10, 1, NULL, "{");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "G quote-A 1 2 7 poison\n"
                                   "G quote-B 1 2 7 poison\n"
                                   "G quote-A 1 7 8 oversize\n"
                                   "G quote-B 1 7 8 oversize\n"
                                   "U quote-B 1 9 8 {\"s\":\"B\"}\n"
                                   "G quote-A 1 9 10 poison\n"
                                   "G quote-B 1 9 10 poison\n");
    cr_expect_eq(count_of(&fx.metric.poison), 4);
    cr_expect_eq(count_of(&fx.metric.oversize), 1);
}

Test(ingest, quarantine_log_lines)
{
    /* Goal: a flood of bad records is a few log lines, which tell how many were left out. */
    enum { FLOOD = 200 };
    char left_out[48];
    fx_start(&fx);
    fx_said(&fx);
    for (int i = 0; i < FLOOD; i++)
        sc_record(&fx, 0, i, 1, "A", "{");
    fx_turn(&fx);
    uint32_t told = fx_count(fx_said(&fx), "\"code\":\"quarantined\"");
    cr_assert(told >= 1 && told <= 10, "%u lines", told);
    cr_assert(strstr(fx.said, "\"log\":\"main/ticks/0@a\",\"pos\":0,"), "%s", fx.said);
    fx_advance(&fx, 1000);
    sc_record(&fx, 0, FLOOD, 1, "A", "{");
    fx_turn(&fx);
    snprintf(left_out, sizeof(left_out), "\"unlogged\":%u}", FLOOD - told);
    cr_assert(strstr(fx_said(&fx), left_out), "%s", fx.said);
    cr_expect_eq(count_of(&fx.metric.poison), FLOOD + 1);
}

Test(ingest, lost)
{
    /* Goal: a range that the source lost is told to the rooms of its log, before what follows. */
    fx_start(&fx);
    sc_record(&fx, 0, 1, 1, "A", "1");
    sc_record(&fx, 1, 1, 1, NULL, "{\"s\":\"A\"}");
    fx_turn(&fx);
    fx_seen(&fx);
    sc_lost(&fx, 0, 1, 40);
    sc_record(&fx, 0, 41, 1, "A", "2");
    sc_record(&fx, 0, 42, 1, "B", "1");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "G ticker-A 0 1 40 retention\n"
                                   "U ticker-A 0 41 40 2\n"
                                   "U ticker-B 0 42 - 1\n");
    cr_expect_eq(count_of(&fx.metric.lost_ranges), 1);
    cr_assert(strstr(fx_said(&fx), "\"code\":\"lost-range\""), "%s", fx.said);
}

Test(ingest, recreated)
{
    /* Goal: in place of a log that was made anew every one of its rooms has a gap whose end is not
     * known; the new beginning may be older, and is no move. */
    fx_start(&fx);
    sc_record(&fx, 0, 1, 50000, "A", "1");
    sc_record(&fx, 0, 2, 50000, "B", "1");
    sc_record(&fx, 1, 1, 50000, NULL, "{\"s\":\"A\"}");
    fx_turn(&fx);
    fx_seen(&fx);
    sc_log(&fx, 2, "main/ticks/0@b", 0, 0);
    sc_record(&fx, 2, 0, 40000, "A", "2");
    fx_turn(&fx);
    cr_assert_eq(fx.source.log_rc, 2);
    cr_assert_str_eq(fx_seen(&fx), "G ticker-A 2 - - recreated\n"
                                   "G ticker-B 2 - - recreated\n"
                                   "U ticker-A 2 0 - 2\n");
    cr_expect_eq(log_of(2)->replaces, 0);
    cr_expect_eq(count_of(&fx.metric.rooms_moved), 0);
    cr_expect_eq(count_of(&fx.metric.lost_ranges), 1);
    /* what the room had in the old log does not keep it from moving on */
    sc_log(&fx, 3, "main/quotes/1@b", 0, TC_NONE);
    sc_log(&fx, 4, "main/ticks/1@b", 0, TC_NONE);
    sc_record(&fx, 4, 0, 41000, "A", "3");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "M ticker-A 4\nU ticker-A 4 0 - 3\n");
    cr_expect_eq(count_of(&fx.metric.poison), 0);
}

Test(ingest, moved)
{
    /* Goal: a room that goes to another log says so and begins anew; one that goes back, or whose
     * record there is older than what it has, is quarantined and does not move. */
    fx_start(&fx);
    sc_log(&fx, 2, "main/ticks/1@a", 0, TC_NONE);
    sc_record(&fx, 0, 9, 2000, "A", "1");
    sc_record(&fx, 0, 10, 1500, "A", "1"); /* times may go back inside a log */
    sc_record(&fx, 2, 3, 1999, "A", "0");
    sc_record(&fx, 2, 4, 2000, "A", "2");
    sc_record(&fx, 0, 11, 3000, "A", "3");
    sc_record(&fx, 2, 5, 3000, "A", "4");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 0 9 - 1\n"
                                   "U ticker-A 0 10 9 1\n"
                                   "M ticker-A 2\n"
                                   "U ticker-A 2 4 - 2\n"
                                   "U ticker-A 2 5 4 4\n");
    cr_expect_eq(count_of(&fx.metric.rooms_moved), 1);
    cr_expect_eq(count_of(&fx.metric.poison), 2);
    fx_said(&fx);
    cr_expect(strstr(fx.said, "newer records in another partition"), "%s", fx.said);
    cr_expect(strstr(fx.said, "key the topic by the room"), "%s", fx.said);
}

Test(ingest, moved_without_time)
{
    /* Goal: a record without a time cannot be older: the room moves, and may move on, but not back.
     */
    fx_start(&fx);
    sc_log(&fx, 2, "main/ticks/1@a", 0, TC_NONE);
    sc_log(&fx, 3, "main/quotes/1@a", 0, TC_NONE);
    sc_log(&fx, 4, "main/ticks/2@a", 0, TC_NONE);
    sc_record(&fx, 0, 1, 5000, "A", "1");
    sc_record(&fx, 2, 1, -1, "A", "2");
    sc_record(&fx, 4, 1, -1, "A", "3");
    sc_record(&fx, 2, 2, -1, "A", "4");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 0 1 - 1\n"
                                   "M ticker-A 2\n"
                                   "U ticker-A 2 1 - 2\n"
                                   "M ticker-A 4\n"
                                   "U ticker-A 4 1 - 3\n");
    cr_expect_eq(count_of(&fx.metric.poison), 1);
}

Test(ingest, rooms_limit)
{
    /* Goal: beyond limits.rooms new names are refused, counted and named with the setting; the
     * rooms that exist go on. */
    static const char *const keys[] = { "A", "B", "C", "D", "E", "F", "A" };
    fx_start(&fx);
    for (size_t i = 0; i < TC_ARRAY_CNT(keys); i++)
        sc_record(&fx, 0, (int64_t)i, 1, keys[i], "1");
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 0 0 - 1\nU ticker-B 0 1 - 1\nU ticker-C 0 2 - 1\n"
                                   "U ticker-D 0 3 - 1\nU ticker-A 0 6 0 1\n");
    cr_expect_eq(count_of(&fx.metric.rooms_refused), 2);
    cr_expect_eq(count_of(&fx.metric.rooms), 4);
    cr_assert(strstr(fx_said(&fx), "raise limits.rooms"), "%s", fx.said);
}

Test(ingest, logs_limit)
{
    /* Goal: a log beyond the table's end is refused with a code that the source understands. */
    fx_start(&fx);
    fx.ingest.logs.max = 3;
    sc_log(&fx, 2, "main/ticks/1@a", 0, TC_NONE);
    fx_turn(&fx);
    cr_assert_eq(fx.source.log_rc, 2);
    sc_log(&fx, 3, "main/ticks/2@a", 0, TC_NONE);
    fx_turn(&fx);
    cr_assert_eq(fx.source.log_rc, -TC_ELIMIT);
    cr_assert_eq(count_of(&fx.metric.logs), 3);
    cr_assert(strstr(fx_said(&fx), "main/ticks/2@a is not read"), "%s", fx.said);
}

/* In the middle of a turn: workers see nothing of it. */
static void see_nothing(void *ctx)
{
    const uint32_t *log = ctx;
    cr_assert_str_eq(fx_seen(&fx), "");
    cr_assert_eq(atomic_load(&log_of(*log)->next_pos), 0);
    cr_assert_eq(atomic_load(&log_of(*log)->end_pos), -1);
    cr_assert_not(atomic_load(&log_of(*log)->is_caught_up));
}

Test(ingest, progress_after_events)
{
    /* Goal: events and progress become visible at the turn's end and not before; an end that was
     * seen once stays seen. */
    uint32_t log = 2;
    fx_start(&fx);
    sc_log(&fx, log, "main/ticks/1@a", 0, TC_NONE);
    fx_turn(&fx);
    uint64_t gen = atomic_load(&fx.ingest.bus.state_gen);
    sc_record(&fx, log, 4, 1, "A", "1");
    sc_progress(&fx, log, 5, 5, true);
    sc_call(&fx, see_nothing, &log);
    sc_record(&fx, log, 5, 1, "A", "2");
    sc_progress(&fx, log, 6, 9, false);
    sc_call(&fx, see_nothing, &log);
    fx_turn(&fx);
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 2 4 - 1\nU ticker-A 2 5 4 2\n");
    cr_assert_eq(atomic_load(&log_of(log)->next_pos), 6);
    cr_assert_eq(atomic_load(&log_of(log)->end_pos), 9);
    cr_assert(atomic_load(&log_of(log)->is_caught_up));
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 1);
    sc_progress(&fx, log, 9, 9, true);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 1, "nothing new for workers");
}

static void see_events(void *ctx)
{
    (void)ctx;
    cr_assert_str_eq(fx_seen(&fx), "U ticker-A 0 7 - 1\n");
}

Test(ingest, progress_of_many_logs)
{
    /* Goal: one turn may tell of more logs than can be staged: all of it arrives, and still no
     * progress before its events. */
    enum { LOGS = TC_INGEST_STAGED_MAX + 50 };
    static char names[LOGS][32];
    fx_start(&fx);
    for (uint32_t i = 2; i < LOGS; i++) {
        snprintf(names[i], sizeof(names[i]), "main/t/%u@a", i);
        sc_log(&fx, i, names[i], 0, TC_NONE);
    }
    fx_turn(&fx);
    sc_record(&fx, 0, 7, 1, "A", "1");
    for (uint32_t i = 0; i < LOGS; i++) {
        sc_progress(&fx, i, i + 8, i + 8, true);
        if (i == TC_INGEST_STAGED_MAX)
            sc_call(&fx, see_events, NULL);
    }
    fx_turn(&fx);
    for (uint32_t i = 0; i < LOGS; i++) {
        cr_assert_eq(atomic_load(&log_of(i)->next_pos), i + 8, "log %u", i);
        cr_assert(atomic_load(&log_of(i)->is_caught_up), "log %u", i);
    }
    cr_assert(tc_logs_is_warm(&fx.ingest.logs));
}

Test(ingest, stale_log)
{
    /* Goal: a log that went silent, or goes on, is a change of state for workers, once each. */
    fx_start(&fx);
    uint64_t gen = atomic_load(&fx.ingest.bus.state_gen);
    sc_stale(&fx, 0, 5000);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&log_of(0)->stale_ms), 5000);
    cr_assert_eq(atomic_load(&log_of(1)->stale_ms), 0);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 1);
    sc_stale(&fx, 0, 5000);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 1);
    sc_stale(&fx, 0, 0);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&log_of(0)->stale_ms), 0);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 2);
    fx_said(&fx);
    cr_expect_eq(fx_count(fx.said, "\"code\":\"stale\""), 1);
    cr_expect_eq(fx_count(fx.said, "\"code\":\"fresh\""), 1);
}

Test(ingest, away)
{
    /* Goal: a source that is away is stale to clients only after timeouts.stale_ms, since the time
     * it went; a second report does not begin anew; its return ends it at once. */
    fx_start(&fx);
    int64_t since_ms = fx.wall_ms;
    uint64_t gen = atomic_load(&fx.ingest.bus.state_gen);
    sc_ready(&fx, TC_SOURCE_AWAY, "no broker answers");
    fx_turn(&fx);
    fx_advance(&fx, 1500);
    sc_ready(&fx, TC_SOURCE_AWAY, "still none");
    fx_turn(&fx);
    fx_advance(&fx, 499);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.away_ms), 0);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen);
    fx_advance(&fx, 1);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.away_ms), since_ms);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 1);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 1, "told once");
    sc_ready(&fx, TC_SOURCE_FINE, "");
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.away_ms), 0);
    cr_assert_eq(atomic_load(&fx.ingest.bus.state_gen), gen + 2);
    fx_advance(&fx, 10000);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.away_ms), 0);
}

Test(ingest, a_part_in_trouble)
{
    /* Goal: a topic that is missing or in trouble holds nothing back: the rest is known, and the
     * whole is not away; after a while rooms without a record are to be called stale. */
    fx_init(&fx);
    int64_t since_ms = fx.wall_ms;
    sc_ready(&fx, TC_SOURCE_INCOMPLETE, "topic nowhere does not exist");
    fx_turn(&fx);
    cr_assert(atomic_load(&fx.ingest.logs.is_known));
    fx_advance(&fx, 1999);
    sc_ready(&fx, TC_SOURCE_TROUBLED, "topic nowhere: no leader");
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.trouble_ms), 0);
    fx_advance(&fx, 1);
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.trouble_ms), since_ms);
    cr_assert_eq(atomic_load(&fx.ingest.logs.away_ms), 0);
    sc_ready(&fx, TC_SOURCE_FINE, "");
    fx_turn(&fx);
    cr_assert_eq(atomic_load(&fx.ingest.logs.trouble_ms), 0);
}

Test(ingest, away_from_the_start)
{
    /* Goal: before the source knows its logs the node is not warm, and being away does not make it
     * so. */
    fx_init(&fx);
    fx.source.stats.state = TC_SOURCE_AWAY;
    fx.source.stats.error_cnt = 3;
    sc_ready(&fx, TC_SOURCE_AWAY, "no broker answers");
    fx_turn(&fx);
    cr_assert_not(tc_logs_is_warm(&fx.ingest.logs));
    cr_assert_eq(count_of(&fx.metric.away), 1);
    cr_assert_eq(count_of(&fx.metric.errors), 3);
    cr_assert(strstr(fx_said(&fx), "main: no broker answers"), "%s", fx.said);
}

static uint32_t bells_rung(void)
{
    uint32_t rung = 0;
    for (uint32_t i = 0; i < FX_WORKERS; i++)
        rung |= fx.bells[i] >= 0 && tc_os_bell_clear(fx.bells[i]) ? 1u << i : 0;
    return rung;
}

Test(ingest, doorbells)
{
    /* Goal: only workers that sleep and have interest in a room of the turn are rung, once; all
     * that sleep are, when a state has changed; one that shares the thread has no bell. */
    fx_start(&fx);
    sc_record(&fx, 0, 1, 1, "A", "1");
    sc_record(&fx, 0, 2, 1, "B", "1");
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 0, "nobody sleeps");
    atomic_store(&fx.ingest.bus.interest[0], 1 | 4);
    atomic_store(&fx.ingest.bus.interest[1], 2);
    atomic_store(&fx.sleeping, 1 | 2 | 4);
    sc_record(&fx, 0, 3, 1, "A", "2");
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 1);
    cr_assert_eq(atomic_load(&fx.sleeping), 2);
    sc_record(&fx, 0, 4, 1, "A", "3");
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 0, "it was rung, and does not sleep again yet");
    atomic_store(&fx.sleeping, 1 | 2);
    sc_stale(&fx, 1, 77);
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 1 | 2);
    cr_assert_eq(count_of(&fx.metric.doorbells), 3);
    atomic_store(&fx.sleeping, 1 | 2);
    sc_progress(&fx, 0, 6, 6, false);
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 0, "progress alone is no news");
}

Test(ingest, doorbells_for_a_birth)
{
    /* Goal: nobody can have interest in a room that is just born, but somebody may wait for its
     * name: all that sleep are rung, once, when its first event can be seen. */
    fx_start(&fx);
    atomic_store(&fx.sleeping, 2);
    sc_record(&fx, 0, 1, 1, "A", "1");
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 2);
    cr_assert_eq(count_of(&fx.metric.doorbells), 1);
    atomic_store(&fx.sleeping, 2);
    sc_record(&fx, 0, 2, 1, "A", "1");
    fx_turn(&fx);
    cr_assert_eq(bells_rung(), 0);
}

Test(ingest, wake)
{
    /* Goal: what the source waits for is what the caller waits for; without a source, nothing. */
    fx_start(&fx);
    fx.source.wake_fd = 33;
    fx.source.wake_ns = 44;
    cr_assert_eq(tc_ingest_wake_fd(&fx.ingest), 33);
    cr_assert_eq(tc_ingest_wake_ns(&fx.ingest), 44);
    tc_ingest_fini(&fx.ingest);
    cr_assert_not(fx.source.is_open);
    cr_assert_eq(tc_ingest_wake_fd(&fx.ingest), -1);
}

Test(ingest, open_and_init_fail)
{
    /* Goal: the source's refusal and a spent budget come back as they are. */
    struct tc_err err = { 0 };
    struct tc_mem small;
    static struct tc_ingest other;
    fx_start(&fx);
    struct tc_ingest_conf conf = fx_ingest_conf(&fx);
    tc_mem_init(&small, 200000);
    conf.mem = &small;
    cr_assert_eq(tc_ingest_init(&other, &conf, &err), -TC_ENOMEM);
    cr_assert(strstr(err.text, "source main"), "%s", err.text);
    tc_mem_fini(&small);
    tc_mem_init(&small, 0);
    cr_assert_eq(tc_ingest_init(&other, &conf, &err), TC_OK);
    cr_assert_eq(tc_ingest_open(&other, &err), -TC_EINVAL);
    cr_assert_str_eq(err.text, "it is open already");
    tc_ingest_fini(&other);
    tc_mem_fini(&small);
}
