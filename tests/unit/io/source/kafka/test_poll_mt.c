// SPDX-License-Identifier: Apache-2.0
/* Goal: what the polling thread makes of the side thread's events, on clocks of the test's own. The
 * client has no broker except where records are needed; librdkafka's threads run beside. */
#include <inttypes.h>

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

/* ---- wakes ---- */

enum { SINGLES = 2000, GAP_MAX_US = 2000, LOST_MS = 5000 };

static const char *singles_brokers;

/* SINGLES records, each on its own, at random times: some while the one before is being read. */
static void *send_singles(void *ctx)
{
    char text[128];
    uint32_t rnd = 1;
    (void)ctx;
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    rd_kafka_conf_set(rc, "bootstrap.servers", singles_brokers, text, sizeof(text));
    rd_kafka_conf_set(rc, "linger.ms", "0", text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, rc, text, sizeof(text));
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, "ticks", NULL);
    for (int i = 0; i < SINGLES; i++) {
        rnd = rnd * 1664525 + 1013904223;
        struct timespec gap = { 0, (rnd >> 8) % GAP_MAX_US * 1000 };
        nanosleep(&gap, NULL);
        cr_assert_eq(rd_kafka_produce(rkt, 0, RD_KAFKA_MSG_F_COPY, text, 1, NULL, 0, NULL), 0);
        rd_kafka_poll(rk, 0);
    }
    cr_assert_eq(rd_kafka_flush(rk, 20000), 0);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
    return NULL;
}

static int turn_now(struct tc_source *k)
{
    return tc_kafka_poll(k, &sink.ops, 256, sink_now_ns(CLOCK_MONOTONIC),
                         sink_now_ns(CLOCK_REALTIME) / 1000000);
}

static struct tc_kafka_mock *start_singles(void)
{
    const struct tc_kafka_mock_topic made[] = { { "ticks", 1 } };
    struct tc_err err = { 0 };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(made, 1, &err);
    cr_assert(mock, "%s", err.text);
    parts_conf.kafka.property_cnt = 1;
    parts_conf.kafka.properties[0] = (struct tc_conf_property){ "fetch.wait.max.ms", "1", 7, 1 };
    singles_brokers = tc_kafka_mock_bootstrap(mock);
    return mock;
}

Test(kafka_poll, every_record_rings, .timeout = 120)
{
    /* Goal: who polls only when the descriptor is readable, and goes on while there was something,
     * sees every record. The timer that would find what was not rung for is never waited for, and
     * no side thread rings beside: one lost wake is a queue that rings no more. */
    pthread_t sender;
    struct tc_kafka_mock *mock = start_singles();
    struct tc_source *k = open_source(singles_brokers);
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 0);
    cr_assert_eq(pthread_create(&sender, NULL, send_singles, NULL), 0);
    while (sink.record_cnt < SINGLES) {
        struct pollfd p = { .fd = k->wake_fd, .events = POLLIN };
        cr_assert_eq(poll(&p, 1, LOST_MS), 1, "lost after %" PRIu64, sink.record_cnt);
        while (turn_now(k) > 0) {
        }
    }
    pthread_join(sender, NULL);
    cr_expect_eq(k->missed_wake_cnt, 0);
    cr_expect_eq(sink.last_pos, SINGLES - 1);
    cr_expect_not(sink.is_disordered);
    parts_close(k);
    tc_kafka_mock_stop(mock);
}

Test(kafka_poll, what_did_not_ring_is_found, .timeout = 60)
{
    /* Goal: a record that librdkafka did not ring for is found at wake_at_ns, at most
     * TC_KAFKA_WAKE_MS after the last look, and counted as a fault, once. */
    struct tc_kafka_mock *mock = start_singles();
    struct tc_source *k = open_source(singles_brokers);
    tell(k, TC_KAFKA_OPEN, 0, 0xab, 0);
    rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
    while (turn_now(k) > 0) {
    }
    produce_at(singles_brokers, "ticks", 0, "1", 1, 0);
    int64_t end_ns = sink_now_ns(CLOCK_MONOTONIC) + LOST_MS * 1000000ll;
    while (sink.record_cnt == 0 && sink_now_ns(CLOCK_MONOTONIC) < end_ns) {
        int64_t wait_ns = k->wake_at_ns - sink_now_ns(CLOCK_MONOTONIC);
        cr_assert_leq(wait_ns, TC_KAFKA_WAKE_MS * 1000000ll);
        struct timespec wait = { 0, TC_MAX(wait_ns, 0) };
        nanosleep(&wait, NULL);
        (void)turn_now(k);
    }
    while (turn_now(k) > 0) {
    }
    cr_assert_eq(sink.record_cnt, 1);
    cr_assert_geq(k->missed_wake_cnt, 1); /* the end of the partition may be another */
    cr_assert_leq(k->missed_wake_cnt, 2);
    parts_close(k);
    tc_kafka_mock_stop(mock);
}
