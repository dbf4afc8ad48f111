// SPDX-License-Identifier: Apache-2.0
/* Goal: questions to a broker get its answers (an embedded one; librdkafka's threads run beside).
 */
#include "tests/unit/io/source/kafka/parts_fixture.h"
#include "tests/unit/io/source/kafka/produce.h"
#include "tests/unit/io/source/kafka/thrd_shim.h"

static const char *const topics[] = { "ticks" };

static struct tc_kafka_mock *start_mock(void)
{
    struct tc_err err = { 0 };
    const struct tc_kafka_mock_topic made[] = { { "ticks", 2 } };
    struct tc_kafka_mock *mock = tc_kafka_mock_start(made, 1, &err);
    cr_assert(mock, "%s", err.text);
    return mock;
}

Test(kafka_query_mt, offsets, .timeout = 60)
{
    /* Goal: begin and end of each partition; a partition that there is not spoils only itself; one
     * without a leader is not asked; what is done is left alone. */
    struct tc_kafka_mock *mock = start_mock();
    struct tc_source *k = parts_open(tc_kafka_mock_bootstrap(mock), topics, 1);
    produce_at(tc_kafka_mock_bootstrap(mock), "ticks", 1, "{}", 5, 0);
    const struct rd_kafka_metadata *md = NULL;
    cr_assert_eq(rd_kafka_metadata(k->rk, 1, NULL, &md, 10000), 0);
    cr_assert_eq(md->broker_cnt, 1);
    int32_t leader = md->brokers[0].id;
    rd_kafka_metadata_destroy(md);
    struct tc_kafka_query queries[] = {
        { "ticks", 0, 0, leader, RD_KAFKA_OFFSET_BEGINNING, -7, 0, false },
        { "ticks", 0, 0, leader, RD_KAFKA_OFFSET_END, -7, 0, true },
        { "ticks", 0, 1, leader, RD_KAFKA_OFFSET_END, -7, 0, false },
        { "ticks", 0, 1, -1, RD_KAFKA_OFFSET_END, -7, 0, false },
    };
    tc_kafka_query_all(k, queries, TC_ARRAY_CNT(queries));
    cr_expect(queries[0].err == 0 && queries[0].pos == 0);
    cr_expect(queries[1].err == 0 && queries[1].pos == -7);
    cr_expect(queries[2].err == 0 && queries[2].pos == 5, "%s", rd_kafka_err2str(queries[2].err));
    cr_expect(queries[3].err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE && queries[3].pos == -1);
    for (size_t i = 0; i < TC_ARRAY_CNT(queries); i++)
        cr_expect(queries[i].is_done, "%zu", i);
    struct tc_kafka_query wrong[] = {
        { "ticks", 0, 9, leader, RD_KAFKA_OFFSET_END, -7, 0, false },
        { "ticks", 0, 0, leader, RD_KAFKA_OFFSET_END, -7, 0, false },
    };
    tc_kafka_query_all(k, wrong, 1);
    cr_expect(wrong[0].is_done && wrong[0].err != 0 && wrong[0].pos == -1);
    tc_kafka_query_all(k, wrong, 2);
    cr_expect(wrong[1].is_done && wrong[1].err == 0 && wrong[1].pos == 0);
    parts_close(k);
    tc_kafka_mock_stop(mock);
}

Test(kafka_query_mt, identity, .timeout = 60)
{
    /* Goal: the cluster's id is asked once and kept; the embedded broker is known for what it is;
     * a topic's id is the same each time. */
    struct tc_kafka_mock *mock = start_mock();
    struct tc_source *k = parts_open(tc_kafka_mock_bootstrap(mock), topics, 1);
    uint64_t id[2] = { 1, 1 }, again[2] = { 2, 2 };
    cr_assert(tc_kafka_query_cluster(k));
    cr_assert(k->has_cluster_id && k->is_mock && k->cluster_id[0]);
    cr_assert(tc_kafka_query_id(k, "ticks", id) && tc_kafka_query_id(k, "ticks", again));
    cr_assert_arr_eq(id, again, sizeof(id));
    tc_kafka_mock_stop(mock);
    cr_assert(tc_kafka_query_cluster(k), "is not asked again");
    parts_close(k);
}

Test(kafka_query_mt, nobody_answers, .timeout = 60)
{
    /* Goal: without a broker questions end in their time, with an error. */
    struct tc_source *k = parts_open("127.0.0.1:1", topics, 1);
    struct tc_kafka_query query = { "ticks", 0, 0, 1, RD_KAFKA_OFFSET_END, -7, 0, false };
    cr_assert_not(tc_kafka_query_cluster(k));
    cr_assert_not(k->has_cluster_id);
    tc_kafka_query_all(k, &query, 1);
    cr_assert(query.is_done && query.err != 0 && query.pos == -1);
    parts_close(k);
}
