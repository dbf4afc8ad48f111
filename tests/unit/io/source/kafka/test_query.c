// SPDX-License-Identifier: Apache-2.0
/* Goal: an incarnation's name is the same on every node and differs for every other log. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "io/source/kafka/parts.h"

static struct tc_source k; /* zero; each test has a process of its own */

static uint32_t hash_of(const char *cluster, const struct tc_kafka_topic *topic, bool is_mock,
                        uint64_t boot_id, uint32_t random)
{
    snprintf(k.cluster_id, sizeof(k.cluster_id), "%s", cluster);
    k.is_mock = is_mock;
    k.env.boot_id = boot_id;
    return tc_kafka_hash(&k, topic, random);
}

Test(kafka_query, incarnations)
{
    /* Goal: cluster and topic id (without one: the topic's name) make the incarnation; the boot id
     * only for a mock broker; a random number where nothing else tells two logs apart. */
    const struct tc_kafka_topic plain = { .name = "ticks" };
    const struct tc_kafka_topic other = { .name = "tocks" };
    const struct tc_kafka_topic with_id = { .name = "ticks", .has_id = true, .id = { 1, 2 } };
    const struct tc_kafka_topic renamed = { .name = "tocks", .has_id = true, .id = { 1, 2 } };
    const struct tc_kafka_topic remade = { .name = "ticks", .has_id = true, .id = { 2, 1 } };
    uint32_t base = hash_of("c1", &plain, false, 1, 0);
    cr_expect_eq(hash_of("c1", &plain, false, 1, 0), base);
    cr_expect_eq(hash_of("c1", &plain, false, 2, 0), base, "another node of a real cluster");
    cr_expect_neq(hash_of("c2", &plain, false, 1, 0), base);
    cr_expect_neq(hash_of("c1", &other, false, 1, 0), base);
    cr_expect_neq(hash_of("c1", &plain, false, 1, 5), base);
    cr_expect_neq(hash_of("c1", &plain, false, 1, 6), hash_of("c1", &plain, false, 1, 5));
    cr_expect_neq(hash_of("c1", &with_id, false, 1, 0), base);
    cr_expect_eq(hash_of("c1", &renamed, false, 1, 0), hash_of("c1", &with_id, false, 1, 0));
    cr_expect_neq(hash_of("c1", &remade, false, 1, 0), hash_of("c1", &with_id, false, 1, 0));
    cr_expect_neq(hash_of("c1", &plain, true, 1, 0), hash_of("c1", &plain, true, 2, 0));
}

Test(kafka_query, random_is_never_zero)
{
    /* Goal: 0 means "no random number", so none is 0; and they differ. */
    uint32_t first = tc_kafka_random();
    uint32_t same_cnt = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t next = tc_kafka_random();
        cr_assert_neq(next, 0);
        same_cnt += next == first;
    }
    cr_assert_lt(same_cnt, 10);
}

Test(kafka_query, without_a_leader_nobody_is_asked)
{
    /* Goal: a partition without a leader is answered at once as such, as is everything while the
     * source stops; what is done is left alone. (There is no client here that could be asked.) */
    struct tc_kafka_query queries[] = {
        { .topic = "ticks", .leader = -1, .pos = 7 },
        { .topic = "ticks", .leader = 3, .pos = 8, .is_done = true },
    };
    tc_kafka_query_all(&k, queries, 2);
    cr_assert(queries[0].is_done && queries[0].pos == -1);
    cr_assert_eq(queries[0].err, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    cr_assert(queries[1].pos == 8 && queries[1].err == 0);
    queries[1].is_done = false;
    k.is_stopping = true;
    tc_kafka_query_all(&k, queries, 2);
    cr_assert(queries[1].is_done && queries[1].pos == -1);
    cr_assert_eq(queries[1].err, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
}
