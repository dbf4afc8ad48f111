// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/mock.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/mem/mem.h"

struct tc_kafka_mock {
    rd_kafka_t *rk; /* a producer that produces nothing: the cluster needs a home */
    rd_kafka_mock_cluster_t *cluster;
};

enum { MOCK_BROKER_ID = 1 };

static void no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static int make(struct tc_kafka_mock *mock, const struct tc_kafka_mock_topic *topics,
                uint32_t topic_cnt, struct tc_err *err)
{
    char text[256];
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(rc, no_log);
    mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, rc, text, sizeof(text));
    if (!mock->rk) {
        rd_kafka_conf_destroy(rc);
        return tc_err_set(err, -TC_EIO, "the embedded broker does not start: %s", text);
    }
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, 1);
    if (!mock->cluster)
        return tc_err_set(err, -TC_EIO, "the embedded broker cannot listen on 127.0.0.1");
    for (uint32_t i = 0; i < topic_cnt; i++) {
        rd_kafka_resp_err_t e = rd_kafka_mock_topic_create(mock->cluster, topics[i].name,
                                                           (int)topics[i].partition_cnt, 1);
        if (e)
            return tc_err_set(err, -TC_EINVAL, "the embedded broker refuses topic %s: %s",
                              topics[i].name, rd_kafka_err2str(e));
    }
    return TC_OK;
}

struct tc_kafka_mock *tc_kafka_mock_start(const struct tc_kafka_mock_topic *topics,
                                          uint32_t topic_cnt, struct tc_err *err)
{
    struct tc_kafka_mock *mock = tc_alloc(sizeof(*mock));
    if (make(mock, topics, topic_cnt, err)) {
        tc_kafka_mock_stop(mock);
        return NULL;
    }
    return mock;
}

const char *tc_kafka_mock_bootstrap(const struct tc_kafka_mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

int tc_kafka_mock_set_up(struct tc_kafka_mock *mock, bool is_up)
{
    rd_kafka_resp_err_t e = is_up ? rd_kafka_mock_broker_set_up(mock->cluster, MOCK_BROKER_ID)
                                  : rd_kafka_mock_broker_set_down(mock->cluster, MOCK_BROKER_ID);
    return e ? -TC_EIO : TC_OK;
}

void tc_kafka_mock_stop(struct tc_kafka_mock *mock)
{
    if (!mock)
        return;
    if (mock->cluster)
        rd_kafka_mock_cluster_destroy(mock->cluster);
    if (mock->rk)
        rd_kafka_destroy(mock->rk);
    tc_free(mock);
}
