// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "tests/unit/core/conf/fixture.h"

#define ENV(...) ((const char *const[]){ "PATH=/bin", __VA_ARGS__, NULL })

Test(env, over_a_file)
{
    /* Goal: variables win over the file: values, items, topics, properties named in it or not. */
    const char *const *env =
        ENV("TICKCAST_LISTEN=[::1]:99", "TICKCAST_LIMITS_EVENT_BYTES=32k",
            "TICKCAST_SOURCES_0_KAFKA_TOPICS_0_ROOM=x-{key}", "TICKCAST_WORKERS_CPUS_0=3",
            "TICKCAST_SOURCES_0_KAFKA_PROPERTIES_FETCH_WAIT_MAX_MS=7",
            "TICKCAST_SOURCES_0_KAFKA_PROPERTIES_CLIENT_ID=me", "TICKCAST_TIMEOUTS_DRAIN_S=2");
    cr_assert_eq(parse_env(TOPIC "      properties: { fetch.wait.max.ms: 5 }\nlisten: a:1\n"
                                 "workers: { cpus: [1, 2] }\n",
                           env),
                 0, "%s", err.text);
    cr_expect_str_eq(conf.listen, "[::1]:99");
    cr_expect_eq(conf.limits.event_bytes, 32768);
    cr_expect_eq(conf.timeouts.drain_ms, 2000);
    cr_expect_eq(conf.worker_cpu_cnt, 2);
    cr_expect_eq(conf.worker_cpus[0], 3);
    cr_expect_eq(conf.worker_cpus[1], 2);
    cr_expect_str_eq(conf.sources[0].rules[0].room, "x-{key}");
    cr_expect_eq(conf.sources[0].rules[0].line, 0, "not in the file");
    const struct tc_conf_kafka *kafka = &conf.sources[0].kafka;
    cr_assert_eq(kafka->property_cnt, 2);
    cr_expect_str_eq(kafka->properties[0].name, "fetch.wait.max.ms");
    cr_expect_str_eq(kafka->properties[0].value, "7");
    cr_expect_str_eq(kafka->properties[1].name, "client.id");
    cr_expect_str_eq(kafka->properties[1].value, "me");
    tc_conf_fini(&conf);
}

Test(env, alone)
{
    /* Goal: no file at all; sources and topics are made in the order of their indices. */
    const char *const *env = ENV(
        "TICKCAST_SOURCES_1_SYNTH_RATE=5", "TICKCAST_SOURCES_0_KAFKA_TOPICS_1_EVENT=e",
        "TICKCAST_SOURCES_0_KAFKA_TOPICS_1_TOPIC=u", "TICKCAST_SOURCES_0_KAFKA_TOPICS_0_TOPIC=t",
        "TICKCAST_SOURCES_0_KAFKA_TOPICS_0_EVENT=e", "TICKCAST_SOURCES_0_KAFKA_TOPICS_0_ROOM=a",
        "TICKCAST_SOURCES_0_KAFKA_TOPICS_1_ROOM=b", "TICKCAST_SOURCES_0_KAFKA_BROKERS=k:1",
        "TICKCAST_SOURCES_0_NAME=main", "TICKCAST_SOURCES_1_NAME=gen",
        "TICKCAST_ORIGINS_0=https://a", "TICKCAST_ORIGINS_1=https://b");
    cr_assert_eq(parse_env("", env), 0, "%s", err.text);
    cr_assert_eq(conf.source_cnt, 2);
    cr_assert_eq(conf.sources[0].rule_cnt, 2);
    cr_assert_str_eq(conf.sources[0].rules[1].topic, "u");
    cr_assert_eq(conf.sources[1].synth.rate, 5);
    cr_assert_eq(conf.origin_cnt, 2);
    tc_conf_fini(&conf);
}

Test(env, many_items)
{
    /* Goal: item 10 comes after item 9, not after item 1. */
    const char *const *env =
        ENV("TICKCAST_WORKERS_CPUS_10=10", "TICKCAST_WORKERS_CPUS_9=9", "TICKCAST_WORKERS_CPUS_8=8",
            "TICKCAST_WORKERS_CPUS_7=7", "TICKCAST_WORKERS_CPUS_6=6", "TICKCAST_WORKERS_CPUS_5=5",
            "TICKCAST_WORKERS_CPUS_4=4", "TICKCAST_WORKERS_CPUS_3=3", "TICKCAST_WORKERS_CPUS_2=2",
            "TICKCAST_WORKERS_CPUS_1=1", "TICKCAST_WORKERS_CPUS_0=0");
    cr_assert_eq(parse_env(SYNTH, env), 0, "%s", err.text);
    cr_assert_eq(conf.worker_cpu_cnt, 11);
    for (uint32_t i = 0; i < 11; i++)
        cr_assert_eq(conf.worker_cpus[i], i);
    tc_conf_fini(&conf);
}

Test(env, faults)
{
    /* Goal: a wrong variable is an error that names it; a slip finds its word. */
    static const struct {
        const char *text;
        const char *part;
    } rows[] = {
        { "TICKCAST_LIMITS_EVENT_BYTE=1", "did you mean TICKCAST_LIMITS_EVENT_BYTES?" },
        { "TICKCAST_COLOUR=red", "TICKCAST_COLOUR: no such setting" },
        { "TICKCAST_SOURCES_0_KAFKA_TOPIC_0_ROOM=x",
          "did you mean TICKCAST_SOURCES_N_KAFKA_TOPICS_N_ROOM?" },
        { "TICKCAST_SOURCES_NAME=x", "no such setting" },
        { "TICKCAST_SOURCES_00_NAME=x", "no such setting" },
        { "TICKCAST_SOURCES_99999_NAME=x", "no such setting" },
        { "TICKCAST_SOURCES_0_KAFKA_PROPERTIES_=x", "no such setting" },
        { "TICKCAST_WORKERS_CPUS=0", "TICKCAST_WORKERS_CPUS_N?" },
        { "TICKCAST_=x", "no such setting" },
        { "TICKCAST_SOURCES_2_NAME=x", "item 2 leaves a hole: the list has 1" },
        { "TICKCAST_WORKERS_CPUS_1=0", "leaves a hole" },
        { "TICKCAST_WORKERS_COUNT=many", "TICKCAST_WORKERS_COUNT: \"many\" is not a whole number" },
        { "TICKCAST_WORKERS_COUNT=", "is not a whole number" },
        { "TICKCAST_LISTEN=", "TICKCAST_LISTEN: is empty" },
        { "TICKCAST_LISTEN=nowhere", "TICKCAST_LISTEN: \"nowhere\" has no port" },
        { "TICKCAST_LISTEN=\xff", "not UTF-8" },
        { "TICKCAST_SOURCES_0_KAFKA_BROKERS=b:1", "exactly one of" },
        { "TICKCAST_SOURCES_1_NAME=x", "none of kafka" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_expect_lt(parse_env(SYNTH, ENV(rows[i].text)), 0, "row %zu is taken", i);
        cr_expect_eq(err.line, 0, "row %zu", i);
        cr_expect(strstr(err.text, rows[i].part), "row %zu: %s", i, err.text);
    }
    cr_expect_lt(parse_env(SYNTH "workers: 3\n", ENV("TICKCAST_WORKERS_COUNT=2")), 0);
    cr_expect_eq(err.line, 2, "the place in the file that the variable does not fit");
    cr_expect_lt(parse_env("sources: [ x ]\n", ENV("TICKCAST_SOURCES_0_NAME=2")), 0);
    cr_expect_eq(err.col, 12);
}

Test(env, empty_mapping)
{
    /* Goal: a key without a value in the file is filled by variables. */
    cr_assert_eq(parse_env("workers:\nsources:\n  -\n",
                           ENV("TICKCAST_WORKERS_COUNT=2", "TICKCAST_SOURCES_0_NAME=s",
                               "TICKCAST_SOURCES_0_SYNTH_RATE=1")),
                 0, "%s", err.text);
    cr_assert_eq(conf.worker_cnt, 2);
    tc_conf_fini(&conf);
}
