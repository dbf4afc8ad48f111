// SPDX-License-Identifier: Apache-2.0
/* tests: records into a broker. */
#ifndef TC_TESTS_UNIT_IO_SOURCE_KAFKA_PRODUCE_H
#define TC_TESTS_UNIT_IO_SOURCE_KAFKA_PRODUCE_H

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>

#include "core/base/base.h"

/* cnt records with key BTC, header symbol=X1 and that value (NULL: tombstones); ts_ms 0: now. */
static inline void produce_at(const char *brokers, const char *topic, int32_t partition,
                              const char *value, int cnt, int64_t ts_ms)
{
    char text[128];
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    rd_kafka_conf_set(rc, "bootstrap.servers", brokers, text, sizeof(text));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, rc, text, sizeof(text));
    for (int i = 0; i < cnt; i++) {
        /* the array form: the macros of rd_kafka_producev are not pedantic C */
        rd_kafka_vu_t vu[] = {
            { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic },
            { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
            { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)"BTC", 3 } },
            { .vtype = RD_KAFKA_VTYPE_VALUE,
              .u.mem = { (void *)(uintptr_t)value, value ? strlen(value) : 0 } },
            { .vtype = RD_KAFKA_VTYPE_HEADER, .u.header = { "symbol", "X1", 2 } },
            { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = ts_ms },
            { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        };
        cr_assert_null(rd_kafka_produceva(rk, vu, TC_ARRAY_CNT(vu)));
    }
    cr_assert_eq(rd_kafka_flush(rk, 10000), 0);
    rd_kafka_destroy(rk);
}

#endif
