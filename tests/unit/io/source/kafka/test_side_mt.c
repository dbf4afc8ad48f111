// SPDX-License-Identifier: Apache-2.0
/* Goal: what the Kafka source's side thread finds out and tells, seen from the polling thread's end
 * of the rings. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <time.h>

#include "tests/unit/io/source/kafka/parts_fixture.h"
#include "tests/unit/io/source/kafka/produce.h"
#include "tests/unit/io/source/kafka/thrd_shim.h"

enum { SEEN_MAX = 64 };

static struct tc_kafka_event seen[SEEN_MAX]; /* but FINE */
static uint32_t seen_cnt;
static uint32_t fine_cnt;

static int64_t mono_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void start_side(struct tc_source *k)
{
    cr_assert_eq(pthread_create(&k->side, NULL, tc_kafka_side_main, k), 0);
}

static void stop_side(struct tc_source *k)
{
    uint64_t one = 1;
    atomic_store(&k->is_stopping, true);
    cr_assert_eq(write(k->side_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    pthread_join(k->side, NULL);
    parts_free(k);
}

/* Takes events until one of that kind came; it. */
static const struct tc_kafka_event *wait_for(struct tc_source *k, enum tc_kafka_event_kind kind)
{
    int64_t end_ms = mono_ms() + 20000;
    for (;;) {
        struct pollfd p = { .fd = k->wake_fd, .events = POLLIN };
        struct tc_kafka_event event;
        uint64_t rung;
        while (tc_kafka_event_pop(k, &event)) {
            fine_cnt += event.kind == TC_KAFKA_FINE;
            if (event.kind != TC_KAFKA_FINE || kind == TC_KAFKA_FINE) {
                cr_assert_lt(seen_cnt, SEEN_MAX);
                seen[seen_cnt++] = event;
            }
            if (event.kind == kind)
                return &seen[seen_cnt - 1];
        }
        cr_assert_lt(mono_ms(), end_ms, "no event of kind %d", (int)kind);
        poll(&p, 1, 100);
        ssize_t n = read(k->wake_fd, &rung, sizeof(rung));
        (void)n;
    }
}

static const struct tc_kafka_event *open_of(uint32_t rule, uint32_t partition)
{
    for (uint32_t i = 0; i < seen_cnt; i++) {
        if (seen[i].kind == TC_KAFKA_OPEN && seen[i].rule == rule && seen[i].partition == partition)
            return &seen[i];
    }
    return NULL;
}

Test(kafka_side_mt, opens_all_then_is_ready, .timeout = 60)
{
    /* Goal: each partition is opened once, where its rule says, before the source is told to be
     * ready; then leaders are asked for their ends. Two topics have two incarnations. */
    static const char *const topics[] = { "ticks", "other" };
    const struct tc_kafka_mock_topic made[] = { { "ticks", 2 }, { "other", 1 } };
    struct tc_err err = { 0 };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(made, 2, &err);
    cr_assert(mock, "%s", err.text);
    produce_at(tc_kafka_mock_bootstrap(mock), "ticks", 1, "{}", 4, 0);
    produce_at(tc_kafka_mock_bootstrap(mock), "other", 0, "{}", 6, 0);
    struct tc_source *k = parts_open(tc_kafka_mock_bootstrap(mock), topics, 2);
    parts_rules[1].start.kind = TC_START_LATEST;
    start_side(k);
    const struct tc_kafka_event *state = wait_for(k, TC_KAFKA_STATE);
    cr_assert_eq(state->state, TC_SOURCE_FINE);
    cr_assert_eq(seen_cnt, 4);
    const struct tc_kafka_event *opens[] = { open_of(0, 0), open_of(0, 1), open_of(1, 0) };
    cr_assert(opens[0] && opens[1] && opens[2]);
    cr_assert(opens[0]->pos == 0 && opens[1]->pos == 0 && opens[2]->pos == 6);
    cr_assert_eq(opens[0]->hash, opens[1]->hash);
    cr_assert_neq(opens[0]->hash, opens[2]->hash);
    while (fine_cnt < 3)
        (void)wait_for(k, TC_KAFKA_FINE);
    stop_side(k);
    tc_kafka_mock_stop(mock);
}

Test(kafka_side_mt, asks_are_answered, .timeout = 60)
{
    /* Goal: a position that the log has left behind is answered with where it begins; one beyond
     * its end means another log: a new incarnation from its beginning. An ask for an incarnation
     * that is over, or for no partition, is passed over. */
    static const char *const topics[] = { "ticks" };
    const struct tc_kafka_mock_topic made[] = { { "ticks", 2 } };
    struct tc_err err = { 0 };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(made, 1, &err);
    cr_assert(mock, "%s", err.text);
    struct tc_source *k = parts_open(tc_kafka_mock_bootstrap(mock), topics, 1);
    start_side(k);
    (void)wait_for(k, TC_KAFKA_STATE);
    uint32_t hash = open_of(0, 1)->hash;
    seen_cnt = 0;
    struct tc_kafka_ask asks[] = {
        { 0, 0, hash + 1, 50 }, { 0, 7, hash, 50 }, { 0, 0, hash, -1 }, { 0, 1, hash, 50 }
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(asks); i++)
        cr_assert(tc_kafka_ask_push(k, &asks[i]));
    const struct tc_kafka_event *open = wait_for(k, TC_KAFKA_OPEN);
    cr_assert(open->rule == 0 && open->partition == 1 && open->pos == 0);
    cr_assert_neq(open->hash, hash);
    cr_assert_eq(seen_cnt, 2, "partition 0 resumes, partition 1 opens, nothing else");
    cr_assert(seen[0].kind == TC_KAFKA_RESUME && seen[0].partition == 0 && seen[0].pos == 0);
    cr_assert_eq(seen[0].hash, hash);
    stop_side(k);
    tc_kafka_mock_stop(mock);
}

Test(kafka_side_mt, missing_topics_are_told_and_looked_for, .timeout = 60)
{
    /* Goal: a topic that is not there makes the source incomplete, with its name, and the others
     * are opened all the same; once it is there it is read from its beginning, even where the rule
     * says `latest`, for all its records are newer than our start. */
    static const char *const topics[] = { "nowhere", "ticks" };
    char text[128];
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(rc, parts_no_log);
    rd_kafka_t *home = rd_kafka_new(RD_KAFKA_PRODUCER, rc, text, sizeof(text));
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(home, 1);
    const char *brokers = rd_kafka_mock_cluster_bootstraps(cluster);
    cr_assert_eq(rd_kafka_mock_topic_create(cluster, "nowhere", 1, 1), 0);
    cr_assert_eq(rd_kafka_mock_topic_create(cluster, "ticks", 1, 1), 0);
    produce_at(brokers, "nowhere", 0, "{}", 4, 0);
    rd_kafka_mock_topic_set_error(cluster, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    struct tc_source *k = parts_open(brokers, topics, 2);
    parts_rules[0].start.kind = TC_START_LATEST;
    start_side(k);
    cr_assert_eq(wait_for(k, TC_KAFKA_STATE)->state, TC_SOURCE_INCOMPLETE);
    pthread_mutex_lock(&k->mutex);
    cr_expect(strstr(k->text, "topic nowhere does not exist"), "%s", k->text);
    pthread_mutex_unlock(&k->mutex);
    cr_assert(open_of(1, 0) && !open_of(0, 0));
    rd_kafka_mock_topic_set_error(cluster, "nowhere", RD_KAFKA_RESP_ERR_NO_ERROR);
    cr_assert_eq(wait_for(k, TC_KAFKA_STATE)->state, TC_SOURCE_FINE);
    cr_assert_not_null(open_of(0, 0));
    cr_assert_eq(open_of(0, 0)->pos, 0);
    stop_side(k);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(home);
}

Test(kafka_side_mt, lost_broker, .timeout = 60)
{
    /* Goal: a broker that goes away makes every partition bad and the source away; when it is back
     * both end, and the reconnection is counted. */
    static const char *const topics[] = { "ticks" };
    const struct tc_kafka_mock_topic made[] = { { "ticks", 2 } };
    struct tc_err err = { 0 };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(made, 1, &err);
    cr_assert(mock, "%s", err.text);
    struct tc_source *k = parts_open(tc_kafka_mock_bootstrap(mock), topics, 1);
    start_side(k);
    cr_assert_eq(wait_for(k, TC_KAFKA_STATE)->state, TC_SOURCE_FINE);
    seen_cnt = 0;
    cr_assert_eq(tc_kafka_mock_set_up(mock, false), 0);
    cr_assert_eq(wait_for(k, TC_KAFKA_STATE)->state, TC_SOURCE_AWAY);
    cr_assert_eq(seen_cnt, 3);
    for (uint32_t i = 0; i < 2; i++)
        cr_assert(seen[i].kind == TC_KAFKA_BAD && seen[i].at_ms > 0);
    cr_assert_neq(seen[0].partition, seen[1].partition);
    cr_assert_eq(tc_kafka_mock_set_up(mock, true), 0);
    seen_cnt = 0;
    cr_assert_eq(wait_for(k, TC_KAFKA_STATE)->state, TC_SOURCE_FINE);
    cr_assert_eq(atomic_load(&k->reconnect_cnt), 1);
    cr_assert_null(open_of(0, 0), "the same log goes on");
    stop_side(k);
    tc_kafka_mock_stop(mock);
}
