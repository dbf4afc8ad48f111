// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/parts.h"

#include <stdio.h>

#include "core/base/fmt.h"

struct setting {
    const char *name;
    const char *value;
};

/* The operator's properties come after these and win. */
static const struct setting defaults[] = {
    { "client.id", "tickcast" },
    { "isolation.level", "read_committed" },
    { "fetch.min.bytes", "1" },         /* answer with the first record */
    { "fetch.wait.max.ms", "50" },      /* bounds how late a new partition joins a fetch */
    { "fetch.error.backoff.ms", "20" }, /* a leader change must not cost the default 500 ms */
    { "reconnect.backoff.ms", "50" },
    { "reconnect.backoff.max.ms", "1000" },
    { "socket.nagle.disable", "true" },
    { "socket.keepalive.enable", "true" },
    { "socket.connection.setup.timeout.ms", "3000" },
    { "queued.min.messages", "200000" }, /* crossing it stalls a second in versions before 2.2 */
    { "queued.max.messages.kbytes", "65536" },
    { "topic.metadata.refresh.interval.ms", "5000" },
    { "topic.metadata.refresh.fast.interval.ms", "50" },
};

/* Set after the operator's: the source is written for these values. */
static const struct setting fixed[] = {
    { "enable.auto.commit", "false" },       { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "error" },        { "enable.partition.eof", "true" },
    { "allow.auto.create.topics", "false" },
};

static int set_own(rd_kafka_conf_t *rc, const char *name, const char *value, struct tc_err *err)
{
    char text[256];
    if (rd_kafka_conf_set(rc, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return TC_OK;
    return tc_err_set(err, -TC_EINVAL, "kafka: this librdkafka (%s) refuses %s=%s: %s",
                      rd_kafka_version_str(), name, value, text);
}

static int refuse(const struct tc_conf_property *p, struct tc_err *err, const char *why)
{
    int rc = tc_err_set(err, -TC_EINVAL, "kafka.properties: %s: %s", p->name, why);
    if (err) {
        err->line = p->line;
        err->col = p->col;
    }
    return rc;
}

static int set_users(rd_kafka_conf_t *rc, const struct tc_conf_property *p, struct tc_err *err)
{
    char text[256];
    for (size_t i = 0; i < TC_ARRAY_CNT(fixed); i++) {
        if (strcmp(p->name, fixed[i].name) == 0 && strcmp(p->value, fixed[i].value) != 0)
            return refuse(p, err, "is set by tickcast itself and cannot be changed: remove it");
    }
    if (strcmp(p->name, "bootstrap.servers") == 0 || strcmp(p->name, "metadata.broker.list") == 0)
        return refuse(p, err, "name the brokers in kafka.brokers and remove this one");
    if (rd_kafka_conf_set(rc, p->name, p->value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return TC_OK;
    char why[sizeof(text) + 128];
    snprintf(why, sizeof(why), "%s (names and values are those of librdkafka %s)", text,
             rd_kafka_version_str());
    return refuse(p, err, why);
}

int tc_kafka_properties(rd_kafka_conf_t *rc, const struct tc_source_env *env, struct tc_err *err)
{
    const struct tc_conf_kafka *kafka = &env->conf->kafka;
    char group[TC_SOURCE_NAME_MAX + 16];
    int code = TC_OK;
    for (size_t i = 0; i < TC_ARRAY_CNT(defaults) && !code; i++)
        code = set_own(rc, defaults[i].name, defaults[i].value, err);
    /* assign() wants a group id; the group is never joined and nothing is committed to it */
    snprintf(group, sizeof(group), "tickcast-%s", env->conf->name);
    if (!code)
        code = set_own(rc, "group.id", group, err);
    if (!code)
        code = set_own(rc, "bootstrap.servers", kafka->brokers, err);
    for (uint32_t i = 0; i < kafka->property_cnt && !code; i++)
        code = set_users(rc, &kafka->properties[i], err);
    for (size_t i = 0; i < TC_ARRAY_CNT(fixed) && !code; i++)
        code = set_own(rc, fixed[i].name, fixed[i].value, err);
    return code;
}

/* Its queue takes one more fetch beyond its bound; a record costs it about as much again. */
uint64_t tc_kafka_heap_bytes(const struct tc_conf_source *conf)
{
    static const char name[] = "queued.max.messages.kbytes";
    const char *value = NULL;
    uint64_t kib = 0;
    for (size_t i = 0; i < TC_ARRAY_CNT(defaults); i++)
        value = strcmp(defaults[i].name, name) == 0 ? defaults[i].value : value;
    for (uint32_t i = 0; i < conf->kafka.property_cnt; i++) {
        const struct tc_conf_property *p = &conf->kafka.properties[i];
        value = strcmp(p->name, name) == 0 ? p->value : value;
    }
    return tc_fmt_parse_u64(tc_str_from(value), UINT32_MAX, &kib) ? 2 * kib * 1024 : 0;
}
