// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/parts.h"

#include <stdio.h>
#include <sys/random.h>

uint32_t tc_kafka_random(void)
{
    uint32_t r = 0;
    if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
        r = (uint32_t)(uintptr_t)&r; /* a kernel older than ours: the stack's place must do */
    return r ? r : 1;
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3ull; /* FNV-1a */
    return h;
}

uint32_t tc_kafka_hash(const struct tc_source *k, const struct tc_kafka_topic *t, uint32_t random)
{
    uint64_t h = mix(0xcbf29ce484222325ull, k->cluster_id, strlen(k->cluster_id));
    if (t->has_id)
        h = mix(h, t->id, sizeof(t->id));
    else
        h = mix(h, t->name, strlen(t->name));
    if (k->is_mock) /* every mock broker has the same topics and may have the same id */
        h = mix(h, &k->env.boot_id, sizeof(k->env.boot_id));
    if (random)
        h = mix(h, &random, sizeof(random));
    return (uint32_t)(h ^ (h >> 32));
}

/* ---- offsets ---- */

static void take_answers(struct tc_kafka_query **asked, uint32_t cnt, rd_kafka_resp_err_t err,
                         const rd_kafka_topic_partition_list_t *list)
{
    for (uint32_t i = 0; i < cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        TC_ASSERT((uint32_t)p->partition == asked[i]->partition);
        asked[i]->err = err ? err : p->err;
        asked[i]->pos = p->offset >= 0 ? p->offset : -1;
        asked[i]->is_done = true;
    }
}

/* All queries of one leader that are not done, from first on. */
static void query_leader(struct tc_source *k, struct tc_kafka_query *queries, uint32_t first,
                         uint32_t cnt)
{
    struct tc_kafka_query *asked[TC_KAFKA_QUERY_MAX];
    uint32_t asked_cnt = 0;
    int32_t leader = queries[first].leader;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (uint32_t i = first; i < cnt && asked_cnt < TC_KAFKA_QUERY_MAX; i++) {
        struct tc_kafka_query *q = &queries[i];
        if (q->is_done || q->leader != leader)
            continue;
        rd_kafka_topic_partition_list_add(list, q->topic, (int32_t)q->partition)->offset = q->when;
        asked[asked_cnt++] = q;
    }
    /* BEGINNING and END are the protocol's own special times -2 and -1 */
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(k->rk, list, TC_KAFKA_CALL_MS);
    take_answers(asked, asked_cnt, err, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void tc_kafka_query_all(struct tc_source *k, struct tc_kafka_query *queries, uint32_t cnt)
{
    for (uint32_t i = 0; i < cnt; i++) {
        struct tc_kafka_query *q = &queries[i];
        if (q->is_done)
            continue;
        if (q->leader < 0 || atomic_load(&k->is_stopping)) {
            q->err = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
            q->pos = -1;
            q->is_done = true;
        } else {
            query_leader(k, queries, i, cnt);
        }
    }
}

/* ---- identity ---- */

bool tc_kafka_query_cluster(struct tc_source *k)
{
    static const char mock_prefix[] = "mockCluster";
    if (k->has_cluster_id)
        return true;
    char *id = rd_kafka_clusterid(k->rk, TC_KAFKA_CALL_MS);
    if (!id)
        return false; /* brokers older than 0.10 have none: they are older than any we serve */
    snprintf(k->cluster_id, sizeof(k->cluster_id), "%s", id);
    rd_kafka_mem_free(k->rk, id);
    k->is_mock = strncmp(k->cluster_id, mock_prefix, sizeof(mock_prefix) - 1) == 0;
    k->has_cluster_id = true;
    return true;
}

#if TC_KAFKA_HAS_TOPIC_ID
static bool take_id(rd_kafka_event_t *event, uint64_t id[2])
{
    size_t cnt = 0;
    const rd_kafka_DescribeTopics_result_t *result = rd_kafka_event_DescribeTopics_result(event);
    if (!result || rd_kafka_event_error(event))
        return false;
    const rd_kafka_TopicDescription_t **topics =
        rd_kafka_DescribeTopics_result_topics(result, &cnt);
    if (cnt != 1 || rd_kafka_error_code(rd_kafka_TopicDescription_error(topics[0])))
        return false;
    const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(topics[0]);
    id[0] = uuid ? (uint64_t)rd_kafka_Uuid_most_significant_bits(uuid) : 0;
    id[1] = uuid ? (uint64_t)rd_kafka_Uuid_least_significant_bits(uuid) : 0;
    return true;
}

static bool ask_id(struct tc_source *k, const char *topic, uint64_t id[2])
{
    char text[128];
    const char *names[1] = { topic };
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
    bool is_ok = false;
    if (!rd_kafka_AdminOptions_set_request_timeout(options, TC_KAFKA_CALL_MS, text, sizeof(text))) {
        rd_kafka_DescribeTopics(k->rk, topics, options, queue);
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TC_KAFKA_CALL_MS + 200);
        if (event) {
            is_ok = take_id(event, id);
            rd_kafka_event_destroy(event);
        }
    }
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return is_ok;
}
#else
static bool ask_id(struct tc_source *k, const char *topic, uint64_t id[2])
{
    (void)k;
    (void)topic;
    id[0] = 0;
    id[1] = 0;
    return true;
}
#endif

bool tc_kafka_query_id(struct tc_source *k, const char *topic, uint64_t id[2])
{
    if (!k->is_mock)
        return ask_id(k, topic, id);
    /* librdkafka 2.8's embedded broker does not answer; its logs have the boot's id (tc_kafka_hash)
     */
    id[0] = id[1] = 0;
    return true;
}
