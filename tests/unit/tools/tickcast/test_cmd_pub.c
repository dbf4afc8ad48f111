// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "core/base/base.h"
#include "tools/tickcast/cmd.h"

static int run(char *const *words)
{
    char *argv[24] = { "pub" };
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    return tc_cmd_pub(argc, argv);
}

Test(cmd_pub, usage)
{
    /* Goal: a wrong command line ends with 2 before anything is sent. */
    char *rows[][7] = {
        { NULL },
        { "--brokers", "a:1", NULL },
        { "--topic", "t", NULL },
        { "--brokers", "a:1", "--topic", "t", "more", NULL },
        { "--brokers", "a:1", "--topic", "t", "--rate", "0", NULL },
        { "--brokers", "a:1", "--topic", "t", "--symbols", "100001", NULL },
        { "--brokers", "a:1", "--topic", "t", "--count", "1x", NULL },
        { "--brokers", "a:1", "--topic", "t", "--speed", "-1", NULL },
        { "--brokers", "a:1", "--topic", "t", "--set", "novalue", NULL },
        { "--brokers", "a:1", "--topic", "t", "--set", "no.such=1", NULL },
        { "--brokers", "a:1", "--topic", "t", "--replay", "/nowhere/at-all", NULL },
        { "--unknown", NULL },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert_eq(run(rows[i]), 2, "row %zu", i);
    cr_assert_eq(run((char *[]){ "--help", NULL }), 0);
}

Test(cmd_pub, delivers)
{
    /* Goal: all records reach a broker, and 0 says so. */
    char text[256];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
    cr_assert_not_null(rk);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, 1);
    rd_kafka_mock_topic_create(cluster, "ticks", 4, 1);
    char *brokers = (char *)(uintptr_t)rd_kafka_mock_cluster_bootstraps(cluster);
    cr_assert_eq(run((char *[]){ "--brokers", brokers, "--topic", "ticks", "--count", "100",
                                 "--rate", "1000", "--json", "--quiet", NULL }),
                 0);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(rk);
}

Test(cmd_pub, no_broker)
{
    /* Goal: records that no broker took are 4, soon. */
    cr_assert_eq(run((char *[]){ "--brokers", "127.0.0.1:1", "--topic", "ticks", "--count", "5",
                                 "--set", "message.timeout.ms=500", "--quiet", NULL }),
                 4);
}
