// SPDX-License-Identifier: Apache-2.0
/* Goal: the answer to "I was here": recovered with the events, or why not and from where on, or a
 * wait until this node has read as far as the client has. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;

static const char *const log_0 = "s0/t/0@1";

/* conn 0 resumes ticker-A at (log, pos, ts): what comes of it. */
static const char *resume(const char *log, int64_t pos, int64_t ts_ms)
{
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", log, pos, ts_ms), 0);
    fx_run(&fx);
    fx_close(&fx, 0);
    return fx_take(&fx, 0);
}

/* Positions 10, 11, 15 in a log that began at 10. */
static void begin(const struct fx_options *options)
{
    struct fx_options plain = fx_defaults();
    fx_init_cold(&fx, options ? options : &plain);
    fx_log(&fx, 0, 0, 10, TC_NONE);
    fx_log(&fx, 0, 0, 0, TC_NONE);
    fx_warm(&fx);
    fx_put_many(&fx, "ticker-A", 10, 11);
    fx_put_many(&fx, "ticker-A", 15, 15);
    fx_run(&fx);
}

/* So many events of another room that the ring of n holds nothing else. */
static void fill(uint32_t n)
{
    static int64_t pos = 100000;
    fx_put_many(&fx, "book-Z", pos, pos + n - 1);
    pos += n;
    fx_run(&fx);
}

Test(resume, recovered)
{
    /* Goal: confirmed, then how many, then these; a position that is no event is as good. */
    begin(NULL);
    cr_expect_str_eq(resume(log_0, 10, 1010), "C ticker-A 9 s0/t/0@1 15 A\n"
                                              "R ticker-A 9 10 15 2\n"
                                              "U ticker-A 11 10 1011 live v11\n"
                                              "U ticker-A 15 11 1015 live v15\n");
    cr_expect_str_eq(resume(log_0, 13, -1), "C ticker-A 9 s0/t/0@1 15 A\n"
                                            "R ticker-A 9 13 15 1\n"
                                            "U ticker-A 15 11 1015 live v15\n");
    cr_expect_str_eq(resume(log_0, 15, 1015), "C ticker-A 9 s0/t/0@1 15 A\nR ticker-A 9 15 15 0\n");
    cr_expect_eq(tc_fan_stats(fx.fan)->recovered_cnt, 3);
    fx_fini(&fx);
}

Test(resume, then_live)
{
    /* Goal: what follows is live, without a gap or a duplicate. */
    begin(NULL);
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", log_0, 11, -1), 0);
    fx_put_many(&fx, "ticker-A", 16, 16);
    fx_run(&fx);
    fx_put_many(&fx, "ticker-A", 17, 17);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 9 s0/t/0@1 16 A\nR ticker-A 9 11 16 2\n"
                                      "U ticker-A 15 11 1015 live v15\n"
                                      "U ticker-A 16 15 1016 live v16\n"
                                      "U ticker-A 17 16 1017 live v17\n");
    fx_fini(&fx);
}

Test(resume, from_the_log_s_start)
{
    /* Goal: the room's first event is the first there can be, if the log was read from its start.
     */
    begin(NULL);
    cr_expect(strstr(resume(log_0, 9, -1), "R ticker-A 9 9 15 3\nU ticker-A 10 - "));
    cr_expect_str_eq(resume(log_0, 8, -1), "C ticker-A 9 s0/t/0@1 15 A\n"
                                           "X ticker-A 9 8 11 retention\n"
                                           "U ticker-A 15 11 1015 snap v15\n");
    fx_fini(&fx);
}

Test(resume, room_without_a_record)
{
    /* Goal: nothing of the room was read: what the log's start allows is recovered. */
    fx_init(&fx, NULL);
    atomic_store(&fx.logs[0].logs[0].next_pos, 30);
    cr_expect_str_eq(resume(log_0, 20, -1), "C ticker-A 9 - - A\nR ticker-A 9 20 20 0\n");
    uint32_t log = fx_log(&fx, 0, 0, 25, TC_NONE);
    fx_warm(&fx);
    atomic_store(&fx.logs[0].logs[log].next_pos, 30);
    cr_expect_str_eq(resume("s0/t/2@1", 20, -1),
                     "C ticker-A 9 - - A\nX ticker-A 9 20 24 retention\n");
    fx_fini(&fx);
}

Test(resume, retention)
{
    /* Goal: the chain has left the ring: the hole reaches up to the snapshot that follows. A
     * position at or above the floor is recovered still. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    begin(&o);
    fx_put_many(&fx, "ticker-A", 20, 27);
    fx_run(&fx);
    cr_expect_str_eq(resume(log_0, 11, -1), "C ticker-A 9 s0/t/0@1 27 A\n"
                                            "X ticker-A 9 11 26 retention\n"
                                            "U ticker-A 27 26 1027 snap v27\n");
    cr_expect(strstr(resume(log_0, 15, -1), "R ticker-A 9 15 27 8\nU ticker-A 20 15 "));
    cr_expect(strstr(resume(log_0, 18, -1), "R ticker-A 9 18 27 8\nU ticker-A 20 15 "));
    cr_expect_eq(tc_fan_stats(fx.fan)->cannot_recover_cnt, 1);
    fx_fini(&fx);
}

Test(resume, from_the_slot)
{
    /* Goal: nothing but the room's newest value is left, and it is all that is missing. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    begin(&o);
    fill(9);
    cr_expect_str_eq(resume(log_0, 11, -1), "C ticker-A 9 s0/t/0@1 15 A\n"
                                            "R ticker-A 9 11 15 1\n"
                                            "U ticker-A 15 11 1015 live v15\n");
    cr_expect_str_eq(resume(log_0, 10, -1), "C ticker-A 9 s0/t/0@1 15 A\n"
                                            "X ticker-A 9 10 11 retention\n"
                                            "U ticker-A 15 11 1015 snap v15\n");
    cr_expect_str_eq(resume(log_0, 15, 1015), "C ticker-A 9 s0/t/0@1 15 A\nR ticker-A 9 15 15 0\n");
    fx_fini(&fx);
}

Test(resume, value_is_lost)
{
    /* Goal: without a value to begin anew from, the hole reaches up to now. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    o.slot_bytes = 8;
    begin(&o);
    fill(9);
    cr_expect_str_eq(resume(log_0, 11, -1),
                     "C ticker-A 9 s0/t/0@1 15 A\nX ticker-A 9 11 15 retention\n");
    fx_fini(&fx);
}

Test(resume, notice_after_the_value)
{
    /* Goal: a gap is newer than the newest value: the hole ends before that value all the same, and
     * the gap is told after it. One who has the value misses nothing but the gap. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    begin(&o);
    fx_put_gap(&fx, "ticker-A", 0, 16, 18, TC_GAP_POISON);
    fx_run(&fx);
    fill(9);
    const char *rest = "U ticker-A 15 11 1015 snap v15\nG ticker-A s0/t/0@1 15 18 retention\n";
    cr_expect(strstr(resume(log_0, 10, -1), "X ticker-A 9 10 11 retention\n"));
    cr_expect(strstr(resume(log_0, 10, -1), rest));
    cr_expect(strstr(resume(log_0, 15, -1), "X ticker-A 9 15 15 retention\n"));
    cr_expect(strstr(resume(log_0, 15, -1), rest));
    fx_fini(&fx);
}

Test(resume, tombstone)
{
    /* Goal: a deleted value is recovered as such; after cannot-recover it is not shown. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    begin(&o);
    fx_put_many(&fx, "ticker-A", 20, 26);
    fx_put(&fx, "ticker-A", 27, NULL);
    fx_run(&fx);
    cr_expect(
        strstr(resume(log_0, 26, -1), "R ticker-A 9 26 27 1\nU ticker-A 27 26 1027 live -\n"));
    cr_expect_str_eq(resume(log_0, 10, -1),
                     "C ticker-A 9 s0/t/0@1 27 A\nX ticker-A 9 10 27 retention\n");
    fx_fini(&fx);
}

Test(resume, another_incarnation)
{
    /* Goal: an unknown log, one that was made anew, and another record at the same position. */
    begin(NULL);
    const char *want = "C ticker-A 9 s0/t/0@1 15 A\nX ticker-A 9 11 - recreated\n"
                       "U ticker-A 15 11 1015 snap v15\n";
    cr_expect_str_eq(resume("s0/t/0@2", 11, -1), want);
    cr_expect_str_eq(resume(log_0, 11, 1012), want);
    static char too_long[TC_LOG_NAME_MAX + 1];
    memset(too_long, 'x', TC_LOG_NAME_MAX);
    cr_expect_str_eq(resume(too_long, 11, -1), want);
    uint32_t log = fx_log(&fx, 0, 0, 0, 0);
    fx_put_gap(&fx, "ticker-A", log, -1, -1, TC_GAP_RECREATED);
    fx_run(&fx);
    cr_expect_str_eq(resume(log_0, 11, -1), "C ticker-A 9 s0/t/2@1 - A\n"
                                            "X ticker-A 9 11 - recreated\n"
                                            "U ticker-A 15 11 1015 snap v15\n"
                                            "G ticker-A s0/t/2@1 - - recreated\n");
    fx_fini(&fx);
}

Test(resume, another_record_in_the_slot)
{
    /* Goal: the time is compared as well when the record has left the ring. */
    struct fx_options o = fx_defaults();
    o.event_cnt = 8;
    begin(&o);
    fill(9);
    cr_expect(strstr(resume(log_0, 15, 1016), "X ticker-A 9 15 - recreated\nU ticker-A 15 11 "));
    fx_fini(&fx);
}

Test(resume, limit)
{
    /* Goal: more than resume_events are not recovered. */
    struct fx_options o = fx_defaults();
    o.resume_events = 2;
    begin(&o);
    cr_expect(strstr(resume(log_0, 10, -1), "R ticker-A 9 10 15 2\n"));
    cr_expect_str_eq(resume(log_0, 9, -1), "C ticker-A 9 s0/t/0@1 15 A\nX ticker-A 9 9 11 limit\n"
                                           "U ticker-A 15 11 1015 snap v15\n");
    fx_fini(&fx);
}

Test(resume, not_conflated)
{
    /* Goal: what was called recovered is delivered, however far behind it is. */
    struct fx_options o = fx_defaults();
    o.conflate_bytes = 1;
    o.conflate_ns = 1;
    begin(&o);
    fx.now_ns += FX_MS;
    fx.max_bytes = 1;
    cr_expect(strstr(resume(log_0, 9, -1), "R ticker-A 9 9 15 3\nU ticker-A 10 - 1010 live v10\n"
                                           "U ticker-A 11 10 1011 live v11\n"
                                           "U ticker-A 15 11 1015 live v15\n"));
    fx_fini(&fx);
}

Test(resume, exempt_for_a_while)
{
    /* Goal: a resume is spared conflation for resume_events events, not for ever. */
    struct fx_options o = fx_defaults();
    o.resume_events = 3;
    o.conflate_bytes = 1;
    begin(&o);
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", log_0, 11, -1), 0);
    fx.max_bytes = 1;
    fx_catch_up(&fx);
    fx_take(&fx, 0);
    fx_put_many(&fx, "ticker-A", 16, 20);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 15 11 1015 live v15\n"
                                      "U ticker-A 16 15 1016 live v16\n"
                                      "U ticker-A 17 16 1017 live v17\n"
                                      "N ticker-A 17 19 2\n"
                                      "U ticker-A 20 19 1020 live v20\n");
    fx_fini(&fx);
}

Test(resume, over_a_move)
{
    /* Goal: a client of the old log is led into the new one; a place in the new log before its
     * first event may be from an earlier stay and is not believed. */
    begin(NULL);
    fx_put_moved(&fx, "ticker-A", 1);
    struct tc_bus_put put = { .room = fx_room(&fx, 0, "ticker-A"),
                              .log = 1,
                              .kind = TC_BUS_UPDATE,
                              .pos = 4,
                              .ts_ms = 1004,
                              .payload = "x",
                              .len = 1 };
    fx_publish(&fx, 0, &put);
    fx_commit(&fx, 0);
    fx_run(&fx);
    cr_expect_str_eq(resume(log_0, 11, -1), "C ticker-A 9 s0/t/1@1 4 A\nR ticker-A 9 11 4 2\n"
                                            "U ticker-A 15 11 1015 live v15\n"
                                            "M ticker-A s0/t/1@1\n"
                                            "U ticker-A 4 - 1004 live x\n");
    cr_expect(strstr(resume("s0/t/1@1", 4, -1), "R ticker-A 9 4 4 0\n"));
    cr_expect(strstr(resume("s0/t/1@1", 3, -1), "X ticker-A 9 3 - retention\nU ticker-A 4 - "));
    fx_fini(&fx);
}

Test(resume, ahead_of_this_node)
{
    /* Goal: the client has seen more than this node: it waits, and is not told again what it has.
     */
    begin(NULL);
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", log_0, 17, -1), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    cr_expect_eq(tc_fan_stats(fx.fan)->parked_cnt, 1);
    fx_put_many(&fx, "ticker-A", 16, 17);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    fx.now_ns = tc_fan_parked_at_ns(fx.fan);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 9 s0/t/0@1 17 A\nR ticker-A 9 17 17 0\n");
    fx_put_many(&fx, "ticker-A", 18, 18);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 18 17 1018 live v18\n");
    fx_fini(&fx);
}

Test(resume, ahead_and_only_the_log_goes_on)
{
    /* Goal: the log was read beyond the position by other rooms' records: nothing is missing; but
     * the worker must have seen what was read. */
    begin(NULL);
    fx_put_many(&fx, "ticker-A", 16, 16);
    fx_put_many(&fx, "ticker-B", 20, 20);
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", log_0, 15, -1), 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-B", log_0, 15, -1), 0);
    fx_open(&fx, 1);
    cr_assert_eq(fx_resume(&fx, 1, "ticker-A", log_0, 18, -1), 0);
    fx_catch_up(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 9 s0/t/0@1 15 A\nR ticker-A 9 15 15 0\n",
                     "of B the worker has read nothing yet");
    cr_expect_str_eq(fx_take(&fx, 1), "", "nor all of A");
    fx_run(&fx);
    fx.now_ns = TC_MAX(fx.now_ns, tc_fan_parked_at_ns(fx.fan));
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 1), "C ticker-A 9 s0/t/0@1 16 A\nR ticker-A 9 18 18 0\n");
    fx_fini(&fx);
}

/* Milliseconds until a resume at 17 was answered, the log's end being known as end_pos. */
static int64_t wait_ms(int64_t end_pos)
{
    begin(NULL);
    atomic_store(&fx.logs[0].logs[0].end_pos, end_pos);
    int64_t from_ns = fx.now_ns;
    fx_open(&fx, 0);
    cr_assert_eq(fx_resume(&fx, 0, "ticker-A", log_0, 17, -1), 0);
    fx_run(&fx);
    while (tc_fan_stats(fx.fan)->parked_cnt) {
        cr_assert_lt(fx.now_ns - from_ns, 10 * fx.options.resume_wait_ns);
        fx.now_ns = tc_fan_parked_at_ns(fx.fan);
        fx_run(&fx);
    }
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A 9 s0/t/0@1 15 A\nX ticker-A 9 17 - ahead\n"
                                      "U ticker-A 15 11 1015 snap v15\n");
    int64_t ms = (fx.now_ns - from_ns) / FX_MS;
    fx_fini(&fx);
    return ms;
}

Test(resume, ahead_for_ever)
{
    /* Goal: a position that does not come is given up: soon if the log is known to end before it,
     * after resume_wait otherwise. */
    int64_t known = wait_ms(17);
    int64_t unknown = wait_ms(-1);
    cr_expect(known >= 200 && known < 300, "%lld ms", (long long)known);
    cr_expect(unknown >= 1000 && unknown < 1100, "%lld ms", (long long)unknown);
    unknown = wait_ms(18);
    cr_expect(unknown >= 1000 && unknown < 1100, "there is such a record: %lld ms",
              (long long)unknown);
}

Test(resume, stale)
{
    /* Goal: a stale room says so behind the answer and before the recovered events. */
    begin(NULL);
    fx_stale(&fx, 0, 8000);
    cr_expect_str_eq(resume(log_0, 11, -1), "C ticker-A 9 s0/t/0@1 15 A\nR ticker-A 9 11 15 1\n"
                                            "S ticker-A 8000\nU ticker-A 15 11 1015 live v15\n");
    fx_fini(&fx);
}
