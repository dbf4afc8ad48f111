// SPDX-License-Identifier: Apache-2.0
/* tests: a Kafka source without its side thread, so that each half can be driven alone. */
#ifndef TC_TESTS_UNIT_IO_SOURCE_KAFKA_PARTS_FIXTURE_H
#define TC_TESTS_UNIT_IO_SOURCE_KAFKA_PARTS_FIXTURE_H

#include <criterion/criterion.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/mem/mem.h"
#include "io/source/kafka/mock.h"
#include "io/source/kafka/parts.h"

enum { PARTS_TOPICS_MAX = 4 };

static struct tc_conf_rule parts_rules[PARTS_TOPICS_MAX];
static struct tc_conf_source parts_conf = { .name = "main", .rules = parts_rules };
static struct tc_kafka_topic parts_topics[PARTS_TOPICS_MAX];
static struct tc_source parts_source; /* zero; each test has a process of its own */

static void parts_no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* The source with a client to brokers ("127.0.0.1:1": nobody is there) and these topics, which
 * begin at their earliest record. */
static inline struct tc_source *parts_open(const char *brokers, const char *const *topics,
                                           uint32_t cnt)
{
    struct tc_source *k = &parts_source;
    struct tc_err err;
    char text[256];
    parts_conf.kafka.brokers = brokers;
    parts_conf.rule_cnt = cnt;
    for (uint32_t i = 0; i < cnt; i++)
        parts_rules[i] =
            (struct tc_conf_rule){ .topic = topics[i], .start = { .kind = TC_START_EARLIEST } };
    k->env = (struct tc_source_env){ .conf = &parts_conf, .boot_id = 99, .stale_ms = 1000 };
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    cr_assert_eq(tc_kafka_properties(rc, &k->env, &err), TC_OK, "%s", err.text);
    rd_kafka_conf_set_log_cb(rc, parts_no_log);
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, rc, text, sizeof(text));
    cr_assert_not_null(k->rk, "%s", text);
    k->queue = rd_kafka_queue_get_consumer(k->rk);
    k->main_queue = rd_kafka_queue_get_main(k->rk);
    k->to_assign = rd_kafka_topic_partition_list_new(8);
    k->to_unassign = rd_kafka_topic_partition_list_new(8);
    k->topics = parts_topics;
    for (uint32_t i = 0; i < cnt; i++) {
        rd_kafka_topic_conf_t *tc = rd_kafka_default_topic_conf_dup(k->rk);
        rd_kafka_topic_conf_set_opaque(tc, &k->topics[i]);
        k->topics[i].name = topics[i];
        k->topics[i].rkt = rd_kafka_topic_new(k->rk, topics[i], tc);
    }
    k->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k->side_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t one = 1;
    rd_kafka_queue_io_event_enable(k->queue, k->wake_fd, &one, sizeof(one));
    pthread_mutex_init(&k->mutex, NULL);
    return k;
}

/* What parts_open made but the client. */
static inline void parts_free(struct tc_source *k)
{
    for (uint32_t i = 0; i < parts_conf.rule_cnt; i++) {
        tc_free(k->topics[i].logs);
        tc_free(k->topics[i].parts);
    }
    rd_kafka_topic_partition_list_destroy(k->to_assign);
    rd_kafka_topic_partition_list_destroy(k->to_unassign);
    close(k->wake_fd);
    close(k->side_fd);
    pthread_mutex_destroy(&k->mutex);
}

/* Where the side thread's loop does not end the client. */
static inline void parts_close(struct tc_source *k)
{
    tc_kafka_end_client(k);
    parts_free(k);
}

#endif
