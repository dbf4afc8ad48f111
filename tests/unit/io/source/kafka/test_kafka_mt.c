// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/kafka.h"

#include <criterion/criterion.h>

#include "io/source/kafka/mock.h"
#include "tests/unit/io/source/kafka/produce.h"
#include "tests/unit/io/source/kafka/thrd_shim.h"
#include "tests/unit/io/source/record_sink.h"

static struct tc_conf_rule rules[2] = {
    { .topic = "ticks", .start = { .kind = TC_START_EARLIEST } },
    { .topic = "other", .start = { .kind = TC_START_LATEST } }
};
static struct tc_conf_source conf = { .name = "main", .kind = TC_SOURCE_KAFKA, .rules = rules };
static struct sink sink;

static struct tc_kafka_mock *start_mock(void)
{
    struct tc_err err = { 0 };
    const struct tc_kafka_mock_topic topics[2] = { { "ticks", 3 }, { "other", 1 } };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(topics, 2, &err);
    cr_assert(mock, "%s", err.text);
    return mock;
}

static int try_open(struct tc_source **out, const char *brokers, struct tc_err *err)
{
    conf.rule_cnt = 2;
    conf.kafka.brokers = brokers;
    struct tc_source_env env = { .conf = &conf, .boot_id = 99, .stale_ms = 1000 };
    sink_init(&sink);
    return tc_source_kafka.open(out, &env, err);
}

static struct tc_source *open_kafka(const char *brokers)
{
    struct tc_source *source = NULL;
    struct tc_err err = { 0 };
    conf.kafka.property_cnt = 1;
    conf.kafka.properties[0] = (struct tc_conf_property){ "fetch.wait.max.ms", "1", 7, 1 };
    cr_assert_eq(try_open(&source, brokers, &err), 0, "%s", err.text);
    return source;
}

static void produce(const char *brokers, const char *topic, int32_t partition, const char *value,
                    int cnt)
{
    produce_at(brokers, topic, partition, value, cnt, 0);
}

static bool is_warm(const struct sink *s)
{
    return s->ready_cnt && !s->is_away && s->log_cnt == 4 && s->caught_up_cnt[0] &&
           s->caught_up_cnt[1] && s->caught_up_cnt[2] && s->caught_up_cnt[3];
}

static bool has_105(const struct sink *s)
{
    return s->record_cnt >= 105;
}

static bool is_away(const struct sink *s)
{
    return s->ready_cnt && s->is_away;
}

static bool is_one_stale(const struct sink *s)
{
    return s->is_stale[0] && s->is_stale[3];
}

static bool is_none_stale(const struct sink *s)
{
    return !s->is_stale[0] && !s->is_stale[1] && !s->is_stale[2] && !s->is_stale[3];
}

Test(kafka, reads_all_partitions_from_where_the_rule_says, .timeout = 60)
{
    /* goal: old records of `earliest`, none of `latest`; then live ones, with key and header; every
     * partition gets its end of partition */
    struct tc_kafka_mock *mock = start_mock();
    const char *brokers = tc_kafka_mock_bootstrap(mock);
    produce(brokers, "ticks", 0, "{\"old\":1}", 100);
    produce(brokers, "other", 0, "{\"old\":2}", 5);
    struct tc_source *s = open_kafka(brokers);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, is_warm, 20000), "%s", sink.text);
    cr_assert_eq(sink.record_cnt, 100);
    produce(brokers, "other", 0, "{\"new\":3}", 5);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, has_105, 10000));
    cr_assert_str_eq(sink.last_value, "{\"new\":3}");
    cr_assert_str_eq(sink.last_key, "BTC");
    cr_assert_str_eq(sink.last_header, "X1");
    cr_assert_eq(sink.last_pos, 9);
    cr_assert_not(sink.is_disordered);
    for (uint32_t i = 0; i < sink.log_cnt; i++) {
        cr_assert_eq(sink.replaces[i], TC_NONE);
        cr_assert(strstr(sink.names[i], "main/") == sink.names[i] && strchr(sink.names[i], '@'));
    }
    tc_source_kafka.close(s);
    tc_kafka_mock_stop(mock);
}

static bool has_2000(const struct sink *s)
{
    return s->record_cnt >= 2000;
}

Test(kafka, a_backlog_is_read_without_sleep, .timeout = 60)
{
    /* goal: while records may be queued the source wants to be asked again at once, for its
     * descriptor rings only for new ones */
    struct tc_kafka_mock *mock = start_mock();
    const char *brokers = tc_kafka_mock_bootstrap(mock);
    produce(brokers, "ticks", 0, "{\"old\":1}", 2000);
    struct tc_source *s = open_kafka(brokers);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, has_2000, 20000), "%s", sink.text);
    cr_assert_not(sink.is_late_asked);
    tc_source_kafka.close(s);
    tc_kafka_mock_stop(mock);
}

Test(kafka, broker_lost_and_back, .timeout = 90)
{
    /* goal: a lost broker is told (away, stale) and healed (fresh, next record), without a new log
     */
    struct tc_kafka_mock *mock = start_mock();
    const char *brokers = tc_kafka_mock_bootstrap(mock);
    produce(brokers, "ticks", 0, "{\"old\":1}", 100);
    struct tc_source *s = open_kafka(brokers);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, is_warm, 20000), "%s", sink.text);
    cr_assert_eq(tc_kafka_mock_set_up(mock, false), 0);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, is_one_stale, 15000));
    cr_assert(sink_run(&sink, &tc_source_kafka, s, is_away, 15000));
    cr_assert_eq(tc_kafka_mock_set_up(mock, true), 0);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, is_none_stale, 20000));
    produce(brokers, "ticks", 1, "{\"new\":1}", 5);
    cr_assert(sink_run(&sink, &tc_source_kafka, s, has_105, 20000));
    cr_assert_eq(sink.log_cnt, 4);
    cr_assert_eq(sink.record_cnt, 105);
    tc_source_kafka.close(s);
    tc_kafka_mock_stop(mock);
}

Test(kafka, starts_while_the_broker_is_away, .timeout = 60)
{
    /* goal: open does not wait; away is told with a text that names the brokers; close is bounded
     */
    struct tc_source *s = open_kafka("127.0.0.1:1");
    cr_assert(sink_run(&sink, &tc_source_kafka, s, is_away, 20000));
    cr_assert(strstr(sink.text, "127.0.0.1:1"), "%s", sink.text);
    cr_assert_eq(sink.log_cnt, 0);
    int64_t before_ns = sink_now_ns(CLOCK_MONOTONIC);
    tc_source_kafka.close(s);
    cr_assert_lt(sink_now_ns(CLOCK_MONOTONIC) - before_ns, 3000000000);
}

static void refused(const char *name, const char *value, const char *part)
{
    struct tc_source *source = NULL;
    struct tc_err err = { 0 };
    conf.kafka.property_cnt = 1;
    conf.kafka.properties[0] = (struct tc_conf_property){ name, value, 17, 5 };
    cr_assert_eq(try_open(&source, "127.0.0.1:1", &err), -TC_EINVAL, "%s", name);
    cr_assert_eq(err.line, 17);
    cr_assert_eq(err.col, 5);
    cr_assert(strstr(err.text, part), "%s", err.text);
    const struct tc_source_env env = { .conf = &conf };
    struct tc_err same = { 0 };
    cr_assert_eq(tc_source_kafka.check(&env, &same), -TC_EINVAL, "%s", name);
    cr_assert_str_eq(same.text, err.text);
    cr_assert(same.line == 17 && same.col == 5, "%d:%d", same.line, same.col);
}

Test(kafka, wrong_properties_name_their_place)
{
    /* goal: unknown name, wrong value, and settings that are ours are refused with their
     * place, by the check alone as well */
    refused("fetch.wait.max.msx", "5", "fetch.wait.max.msx");
    refused("fetch.wait.max.ms", "soon", "fetch.wait.max.ms");
    refused("enable.auto.commit", "true", "tickcast itself");
    refused("bootstrap.servers", "a:1", "kafka.brokers");
}

Test(kafka, check_takes_good_settings)
{
    /* Goal: the check takes what opening would take, without a broker. */
    const struct tc_source_env env = { .conf = &conf };
    struct tc_err err = { 0 };
    conf.kafka.brokers = "127.0.0.1:1";
    conf.kafka.property_cnt = 1;
    conf.kafka.properties[0] = (struct tc_conf_property){ "fetch.wait.max.ms", "1", 7, 1 };
    cr_assert_eq(tc_source_kafka.check(&env, &err), TC_OK, "%s", err.text);
}

Test(kafka, a_topic_twice_is_refused)
{
    /* goal: two rules of one topic would read it twice */
    struct tc_source *source = NULL;
    struct tc_err err = { 0 };
    conf.kafka.property_cnt = 0;
    rules[1].topic = "ticks";
    cr_assert_eq(try_open(&source, "127.0.0.1:1", &err), -TC_EINVAL);
    cr_assert(strstr(err.text, "ticks"), "%s", err.text);
}
