// SPDX-License-Identifier: Apache-2.0
/* Goal: who decides a setting of librdkafka: the operator, except where the source is written for
 * one value. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "io/source/kafka/parts.h"

static struct tc_conf_source conf = { .name = "main", .kafka = { .brokers = "a:1,b:2" } };
static const struct tc_source_env env = { .conf = &conf };

static int apply(rd_kafka_conf_t *rc, const struct tc_conf_property *properties, uint32_t cnt,
                 struct tc_err *err)
{
    for (uint32_t i = 0; i < cnt; i++)
        conf.kafka.properties[i] = properties[i];
    conf.kafka.property_cnt = cnt;
    return tc_kafka_properties(rc, &env, err);
}

static const char *value_of(const rd_kafka_conf_t *rc, const char *name)
{
    static char value[256];
    size_t size = sizeof(value);
    cr_assert_eq(rd_kafka_conf_get(rc, name, value, &size), RD_KAFKA_CONF_OK, "%s", name);
    return value;
}

Test(kafka_properties, without_the_operators)
{
    /* Goal: brokers and a group of the source's name; no commit, no topic made by reading; latency
     * before throughput; the end of a partition is told. */
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    struct tc_err err;
    cr_assert_eq(apply(rc, NULL, 0, &err), TC_OK, "%s", err.text);
    cr_expect_str_eq(value_of(rc, "bootstrap.servers"), "a:1,b:2");
    cr_expect_str_eq(value_of(rc, "group.id"), "tickcast-main");
    cr_expect_str_eq(value_of(rc, "client.id"), "tickcast");
    cr_expect_str_eq(value_of(rc, "isolation.level"), "read_committed");
    cr_expect_str_eq(value_of(rc, "fetch.min.bytes"), "1");
    cr_expect_str_eq(value_of(rc, "enable.auto.commit"), "false");
    cr_expect_str_eq(value_of(rc, "enable.auto.offset.store"), "false");
    cr_expect_str_eq(value_of(rc, "enable.partition.eof"), "true");
    cr_expect_str_eq(value_of(rc, "allow.auto.create.topics"), "false");
    rd_kafka_conf_destroy(rc);
}

Test(kafka_properties, the_operator_wins)
{
    /* Goal: a property replaces the default, the last one of a name counts, and ours may be
     * repeated with the value that it has. */
    static const struct tc_conf_property properties[] = {
        { "client.id", "other", 1, 9 },
        { "fetch.wait.max.ms", "7", 2, 9 },
        { "group.id", "mine", 3, 9 },
        { "fetch.wait.max.ms", "9", 4, 9 },
        { "enable.auto.commit", "false", 5, 9 },
        { "isolation.level", "read_uncommitted", 6, 9 },
    };
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    struct tc_err err;
    cr_assert_eq(apply(rc, properties, TC_ARRAY_CNT(properties), &err), TC_OK, "%s", err.text);
    cr_expect_str_eq(value_of(rc, "client.id"), "other");
    cr_expect_str_eq(value_of(rc, "fetch.wait.max.ms"), "9");
    cr_expect_str_eq(value_of(rc, "group.id"), "mine");
    cr_expect_str_eq(value_of(rc, "isolation.level"), "read_uncommitted");
    rd_kafka_conf_destroy(rc);
}

Test(kafka_properties, refusals)
{
    /* Goal: what is ours, what names the brokers elsewhere, and what the library does not know or
     * take is refused with name and place, the good property before it notwithstanding. */
    static const struct {
        struct tc_conf_property property;
        const char *why;
    } rows[] = {
        { { "enable.auto.commit", "true", 11, 9 }, "tickcast itself" },
        { { "enable.auto.offset.store", "true", 12, 9 }, "tickcast itself" },
        { { "enable.partition.eof", "false", 13, 9 }, "tickcast itself" },
        { { "auto.offset.reset", "latest", 14, 9 }, "tickcast itself" },
        { { "allow.auto.create.topics", "true", 15, 9 }, "tickcast itself" },
        { { "bootstrap.servers", "c:3", 16, 9 }, "kafka.brokers" },
        { { "metadata.broker.list", "c:3", 17, 9 }, "kafka.brokers" },
        { { "fetch.wait.max.mss", "5", 18, 9 }, "librdkafka" },
        { { "fetch.wait.max.ms", "soon", 19, 9 }, "librdkafka" },
        { { "fetch.wait.max.ms", "-1", 20, 9 }, "librdkafka" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        const struct tc_conf_property both[] = { { "client.id", "x", 1, 9 }, rows[i].property };
        struct tc_err err = { 0 };
        rd_kafka_conf_t *rc = rd_kafka_conf_new();
        cr_expect_eq(apply(rc, both, 2, &err), -TC_EINVAL, "%s", rows[i].property.name);
        cr_expect_eq(err.line, rows[i].property.line, "%s", err.text);
        cr_expect_eq(err.col, 9, "%s", err.text);
        cr_expect(strstr(err.text, rows[i].property.name), "%s", err.text);
        cr_expect(strstr(err.text, rows[i].why), "%s", err.text);
        cr_expect_eq(apply(rc, both, 2, NULL), -TC_EINVAL);
        rd_kafka_conf_destroy(rc);
    }
}
