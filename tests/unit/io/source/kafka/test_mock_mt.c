// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/mock.h"

#include <criterion/criterion.h>

#include "tests/unit/io/source/kafka/thrd_shim.h"

Test(mock, starts_and_stops, .timeout = 30)
{
    /* goal: a loopback address to connect to; two brokers at once; nothing left behind */
    struct tc_err err = { 0 };
    const struct tc_kafka_mock_topic topics[1] = { { "ticks", 2 } };
    struct tc_kafka_mock *a = tc_kafka_mock_start(topics, 1, &err);
    struct tc_kafka_mock *b = tc_kafka_mock_start(topics, 1, &err);
    cr_assert(a && b, "%s", err.text);
    cr_assert_eq(strncmp(tc_kafka_mock_bootstrap(a), "127.0.0.1:", 10), 0);
    cr_assert_str_neq(tc_kafka_mock_bootstrap(a), tc_kafka_mock_bootstrap(b));
    tc_kafka_mock_stop(a);
    tc_kafka_mock_stop(b);
    tc_kafka_mock_stop(NULL);
}

Test(mock, refuses_a_topic_twice, .timeout = 30)
{
    /* goal: a wrong list is an error with the topic's name */
    struct tc_err err = { 0 };
    const struct tc_kafka_mock_topic topics[2] = { { "ticks", 2 }, { "ticks", 1 } };
    cr_assert_null(tc_kafka_mock_start(topics, 2, &err));
    cr_assert(strstr(err.text, "ticks"), "%s", err.text);
}
