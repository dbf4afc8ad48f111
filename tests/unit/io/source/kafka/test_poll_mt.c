// SPDX-License-Identifier: Apache-2.0
/* Goal: what the polling thread makes of the side thread's events, on clocks of the test's own. The
 * client has no broker except where records are needed; librdkafka's threads run beside. */
#include "tests/unit/io/source/kafka/parts_fixture.h"
#include "tests/unit/io/source/kafka/produce.h"
#include "tests/unit/io/source/kafka/thrd_shim.h"
#include "tests/unit/io/source/record_sink.h"

static const char *const topics[] = { "ticks" };
static struct sink sink;
static struct {
    uint32_t lost_cnt, stale_cnt, fresh_cnt;
    int64_t from, to, since_ms;
    enum tc_gap_reason reason;
} told;

static void on_lost(void *ctx, uint32_t log, int64_t from, int64_t to, enum tc_gap_reason reason)
{
    (void)ctx;
    (void)log;
    told.lost_cnt++;
    told.from = from;
    told.to = to;
    told.reason = reason;
}

static void on_stale(void *ctx, uint32_t log, int64_t since_ms)
{
    (void)ctx;
    (void)log;
    told.stale_cnt += since_ms != 0;
    told.fresh_cnt += since_ms == 0;
    told.since_ms = since_ms;
}

static struct tc_source *open_source(const char *brokers)
{
    sink_init(&sink);
    sink.ops.lost = on_lost;
    sink.ops.stale = on_stale;
    return parts_open(brokers, topics, 1);
}

/* One turn at that wall clock; the monotonic one goes with it. */
static int turn(struct tc_source *k, int64_t wall_ms)
{
    return tc_kafka_poll(k, &sink.ops, 256, wall_ms * 1000000, wall_ms);
}

static void tell(struct tc_source *k, enum tc_kafka_event_kind kind, uint32_t partition,
                 uint32_t hash, int64_t pos)
{
    struct tc_kafka_event event = {
        .kind = kind, .partition = partition, .hash = hash, .pos = pos, .end = pos, .at_ms = pos
    };
    cr_assert(tc_kafka_event_push(k, &event));
}

Test(kafka_poll, logs_open_and_are_replaced, .timeout = 60)
{
    /* Goal: a log has its source, topic, partition and incarnation in its name and begins where the
     * side thread says; another incarnation takes its place; a turn says when it wants the next. */
    struct tc_source *k = open_source("127.0.0.1:1");
    tell(k, TC_KAFKA_OPEN, 2, 0xab, 5);
    cr_assert_eq(turn(k, 10000), 1);
    cr_assert_eq(sink.log_cnt, 1);
    cr_assert_str_eq(sink.names[0], "main/ticks/2@000000ab");
    cr_assert(sink.start_pos[0] == 5 && sink.replaces[0] == TC_NONE);
    cr_assert_eq(k->wake_at_ns, 10000000000, "there may be more");
    while (turn(k, 10000) > 0) {
    }
    cr_assert(k->wake_at_ns > 10000000000 &&
              k->wake_at_ns <= 10000000000 + TC_KAFKA_WAKE_MS * 1000000ll);
    tell(k, TC_KAFKA_OPEN, 2, 0xcd, 0);
    cr_assert_eq(turn(k, 10001), 1);
    cr_assert_eq(sink.log_cnt, 2);
    cr_assert_str_eq(sink.names[1], "main/ticks/2@000000cd");
    cr_assert(sink.start_pos[1] == 0 && sink.replaces[1] == 0);
    cr_assert_eq(k->topics[0].logs[2].log, 1);
    cr_assert_eq(k->topics[0].logs[0].log, TC_NONE, "partitions below were not opened");
    parts_close(k);
}

Test(kafka_poll, what_retention_took_is_lost, .timeout = 60)
{
    /* Goal: resuming beyond our position tells the hole, (last read, first there); resuming at or
     * below it tells none and does not go back; an unopened partition is passed over. */
    struct tc_source *k = open_source("127.0.0.1:1");
    tell(k, TC_KAFKA_RESUME, 1, 0xab, 9);
    (void)turn(k, 10000);
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 5);
    tell(k, TC_KAFKA_RESUME, 0, 0xab, 5);
    tell(k, TC_KAFKA_RESUME, 0, 0xab, 0);
    (void)turn(k, 10001);
    cr_assert_eq(told.lost_cnt, 0);
    cr_assert_eq(k->topics[0].logs[0].next_pos, 5);
    tell(k, TC_KAFKA_RESUME, 0, 0xab, 9);
    (void)turn(k, 10002);
    cr_assert(told.lost_cnt == 1 && told.from == 4 && told.to == 8);
    cr_assert_eq(told.reason, TC_GAP_RETENTION);
    cr_assert_eq(k->topics[0].logs[0].next_pos, 9);
    cr_assert_eq(sink.log_cnt, 1);
    parts_close(k);
}

Test(kafka_poll, silence_becomes_stale, .timeout = 60)
{
    /* Goal: a leader that does not answer makes its log stale after stale_ms (1000) from its last
     * sign, once; its answer makes it fresh, once; so does going on after the partition was gone.
     */
    struct tc_source *k = open_source("127.0.0.1:1");
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 5);
    (void)turn(k, 10000);
    tell(k, TC_KAFKA_BAD, 0, 0xab, 9000);
    (void)turn(k, 10500);
    (void)turn(k, 10999);
    cr_assert_eq(told.stale_cnt, 0);
    (void)turn(k, 11500);
    (void)turn(k, 13000);
    cr_assert(told.stale_cnt == 1 && told.since_ms == 10000 && told.fresh_cnt == 0);
    tell(k, TC_KAFKA_FINE, 0, 0xab, 5);
    (void)turn(k, 13001);
    (void)turn(k, 15000);
    cr_assert(told.stale_cnt == 1 && told.fresh_cnt == 1);
    tell(k, TC_KAFKA_GONE, 0, 0xab, 15000);
    (void)turn(k, 15500);
    (void)turn(k, 16500);
    cr_assert(told.stale_cnt == 2 && told.since_ms == 15000);
    cr_assert(k->topics[0].logs[0].is_gone);
    tell(k, TC_KAFKA_OPEN, 0, 0xcd, 0);
    (void)turn(k, 16501);
    cr_assert_not(k->topics[0].logs[0].is_gone);
    cr_assert_not(k->topics[0].logs[0].is_stale);
    cr_assert_eq(sink.replaces[1], 0);
    parts_close(k);
}

Test(kafka_poll, state_is_handed_on, .timeout = 60)
{
    /* Goal: ready and away, with the side thread's text, in the events' order: after the logs that
     * were opened before. */
    struct tc_source *k = open_source("127.0.0.1:1");
    struct tc_kafka_event event = { .kind = TC_KAFKA_STATE, .state = TC_SOURCE_AWAY };
    snprintf(k->text, sizeof(k->text), "no broker");
    cr_assert(tc_kafka_event_push(k, &event));
    cr_assert_eq(turn(k, 10000), 1);
    cr_assert(sink.ready_cnt == 1 && sink.is_away);
    cr_assert_str_eq(sink.text, "no broker");
    k->text[0] = 0;
    event.state = TC_SOURCE_FINE;
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 5);
    cr_assert(tc_kafka_event_push(k, &event));
    cr_assert_eq(turn(k, 10001), 2);
    cr_assert(sink.ready_cnt == 2 && !sink.is_away && sink.log_cnt == 1);
    cr_assert_str_eq(sink.text, "");
    parts_close(k);
}

Test(kafka_poll, logs_beyond_the_sinks_limit, .timeout = 60)
{
    /* Goal: a log that the sink refuses is not read, and nothing is told of it later. */
    struct tc_source *k = open_source("127.0.0.1:1");
    sink.log_cnt = SINK_LOGS_MAX;
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 5);
    (void)turn(k, 10000);
    cr_assert_eq(k->topics[0].logs[0].log, TC_NONE);
    cr_assert_not(k->topics[0].logs[0].is_assigned);
    tell(k, TC_KAFKA_BAD, 0, 0xab, 10000);
    (void)turn(k, 20000);
    tell(k, TC_KAFKA_RESUME, 0, 0xab, 50);
    (void)turn(k, 20001);
    cr_assert(told.stale_cnt == 0 && told.lost_cnt == 0);
    parts_close(k);
}

/* Turns at one wall clock until is_true or 20 s have passed. */
static bool turn_until(struct tc_source *k, int64_t wall_ms, bool (*is_true)(struct tc_source *k))
{
    int64_t end_ns = sink_now_ns(CLOCK_MONOTONIC) + 20000000000;
    while (!is_true(k) && sink_now_ns(CLOCK_MONOTONIC) < end_ns) {
        struct pollfd p = { .fd = k->wake_fd, .events = POLLIN };
        if (turn(k, wall_ms) <= 0)
            poll(&p, 1, 10);
    }
    return is_true(k);
}

static bool is_holding(struct tc_source *k)
{
    return k->hold_until_ms != 0;
}

static bool has_three(struct tc_source *k)
{
    (void)k;
    return sink.record_cnt >= 3;
}

Test(kafka_poll, delayed_feed, .timeout = 60)
{
    /* Goal: with delay_ms a record is handed on when its own time and the delay have passed, not a
     * ms before, and the next turn is asked for at that time. */
    enum { DELAY_MS = 60000 };
    const int64_t ts_ms = 1700000000000;
    const struct tc_kafka_mock_topic made[] = { { "ticks", 1 } };
    struct tc_err err = { 0 };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(made, 1, &err);
    cr_assert(mock, "%s", err.text);
    produce_at(tc_kafka_mock_bootstrap(mock), "ticks", 0, "{\"n\":1}", 3, ts_ms);
    struct tc_source *k = open_source(tc_kafka_mock_bootstrap(mock));
    parts_conf.delay_ms = DELAY_MS;
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 0);
    int64_t before_ms = ts_ms + DELAY_MS - 1;
    cr_assert(turn_until(k, before_ms, is_holding));
    cr_assert_eq(sink.record_cnt, 0);
    cr_assert_eq(k->hold_until_ms, ts_ms + DELAY_MS);
    cr_assert_leq(k->wake_at_ns, (before_ms + 1) * 1000000);
    cr_assert(turn_until(k, ts_ms + DELAY_MS, has_three));
    cr_assert_eq(sink.record_cnt, 3);
    cr_assert(sink.last_ts_ms == ts_ms && sink.last_pos == 2);
    cr_assert_str_eq(sink.last_value, "{\"n\":1}");
    parts_close(k);
    tc_kafka_mock_stop(mock);
}
