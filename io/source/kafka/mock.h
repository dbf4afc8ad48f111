// SPDX-License-Identifier: Apache-2.0
/* io/source/kafka/mock: a broker that speaks the Kafka protocol, inside this process, on
 * librdkafka's mock cluster. For the demo and for tests; never for measurements.
 *
 * It listens on a free port of 127.0.0.1 that the system chooses, keeps the newest 5 MiB or 100,000
 * batches of each partition and forgets the older ones, has no look-up by time, and lets an idle
 * fetch sleep its whole fetch.wait.max.ms (a consumer of it sets 1). Any Kafka client may connect,
 * as long as it runs on this machine. librdkafka calls this interface experimental.
 *
 * Threads: start and stop by one thread; the broker has threads of librdkafka's own, which inherit
 * the cores of the caller of start. */
#ifndef TC_IO_SOURCE_KAFKA_MOCK_H
#define TC_IO_SOURCE_KAFKA_MOCK_H

#include "core/base/err.h"

struct tc_kafka_mock;

struct tc_kafka_mock_topic {
    const char *name;
    uint32_t partition_cnt; /* >= 1 */
};

/* NULL with *err filled if librdkafka refuses. topics are read during the call only. */
struct tc_kafka_mock *tc_kafka_mock_start(const struct tc_kafka_mock_topic *topics,
                                          uint32_t topic_cnt, struct tc_err *err) TC_MUST_CHECK;

/* "127.0.0.1:39211", valid until stop. */
const char *tc_kafka_mock_bootstrap(const struct tc_kafka_mock *mock);

/* Takes the broker off the network, or brings it back: for tests. */
int tc_kafka_mock_set_up(struct tc_kafka_mock *mock, bool is_up) TC_MUST_CHECK;

/* Ends connections and threads and frees it. NULL is nothing. */
void tc_kafka_mock_stop(struct tc_kafka_mock *mock);

#endif
