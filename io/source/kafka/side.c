// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/parts.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/mem/mem.h"

static int64_t wall_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void push(struct tc_source *k, const struct tc_kafka_event *event)
{
    struct timespec pause = { 0, 1000000 };
    while (!tc_kafka_event_push(k, event) && !atomic_load(&k->is_stopping))
        nanosleep(&pause, NULL);
}

static uint32_t rule_of(const struct tc_source *k, const struct tc_kafka_topic *t)
{
    return (uint32_t)(t - k->topics);
}

static void push_part(struct tc_source *k, const struct tc_kafka_topic *t, uint32_t partition,
                      enum tc_kafka_event_kind kind, int64_t pos)
{
    const struct tc_kafka_part *p = &t->parts[partition];
    struct tc_kafka_event event = {
        .kind = kind,
        .rule = rule_of(k, t),
        .partition = partition,
        .hash = p->hash,
        .pos = pos,
        .end = kind == TC_KAFKA_FINE ? pos : -1,
        .at_ms = p->ok_ms,
    };
    push(k, &event);
}

static void set_bad(struct tc_source *k, struct tc_kafka_topic *t, uint32_t partition)
{
    struct tc_kafka_part *p = &t->parts[partition];
    k->is_pending = true;
    if (p->is_bad)
        return;
    p->is_bad = true;
    push_part(k, t, partition, TC_KAFKA_BAD, -1);
}

static void set_all_bad(struct tc_source *k)
{
    for (uint32_t i = 0; i < k->env.conf->rule_cnt; i++) {
        for (uint32_t p = 0; p < k->topics[i].part_cnt; p++) {
            if (k->topics[i].parts[p].state != TC_PART_NEW)
                set_bad(k, &k->topics[i], p);
        }
    }
}

/* ---- what the metadata says ---- */

static void topic_missing(struct tc_source *k, struct tc_kafka_topic *t)
{
    k->is_pending = true;
    snprintf(t->trouble, sizeof(t->trouble),
             "topic %.100s does not exist (create it; looked for all the time)", t->name);
    t->is_late = !t->was_known;
    if (!t->was_known || t->is_missing)
        return;
    t->is_missing = true;
    for (uint32_t p = 0; p < t->part_cnt; p++)
        push_part(k, t, p, TC_KAFKA_GONE, -1);
}

static void grow_parts(struct tc_kafka_topic *t, uint32_t cnt)
{
    t->parts = tc_realloc(t->parts, cnt * sizeof(*t->parts));
    for (uint32_t p = t->part_cnt; p < cnt; p++) {
        t->parts[p] = (struct tc_kafka_part){ .state = TC_PART_NEW,
                                              .is_first = !t->was_known && !t->is_late,
                                              .leader = -1,
                                              .hash = t->hash,
                                              .ok_ms = wall_now_ms() };
    }
    t->part_cnt = cnt;
}

/* The topic is another one than before, or there again: every partition has to be looked at. */
static void topic_back(struct tc_source *k, struct tc_kafka_topic *t, bool is_new, uint32_t cnt)
{
    tc_kafka_log(k, 'w', "topic %s %s", t->name,
                 is_new ? "was made anew: read from its beginning" : "is there again");
    for (uint32_t p = 0; p < t->part_cnt; p++) {
        if (p >= cnt) {
            push_part(k, t, p, TC_KAFKA_GONE, -1);
            continue;
        }
        if (is_new || t->parts[p].state == TC_PART_NEW)
            t->parts[p].state = TC_PART_NEW;
        else
            t->parts[p].state = TC_PART_BACK;
        t->parts[p].is_first = t->parts[p].is_first && !is_new;
        t->parts[p].hash = t->hash;
    }
    t->part_cnt = TC_MIN(t->part_cnt, cnt);
}

/* false: could not be found out; ask again. */
static bool identify(struct tc_source *k, struct tc_kafka_topic *t, uint32_t cnt)
{
    uint64_t id[2] = { 0, 0 };
    if (!tc_kafka_query_id(k, t->name, id)) {
        k->is_pending = true;
        return t->was_known && !t->is_missing;
    }
    bool has_id = id[0] || id[1];
    bool is_new =
        t->was_known && (has_id && t->has_id ? memcmp(id, t->id, sizeof(id)) != 0 : t->is_missing);
    if (!t->was_known || is_new) {
        t->has_id = has_id;
        memcpy(t->id, id, sizeof(id));
        t->hash = tc_kafka_hash(k, t, is_new && !has_id ? tc_kafka_random() : 0);
    }
    if (is_new || t->is_missing)
        topic_back(k, t, is_new, cnt);
    t->is_missing = false;
    return true;
}

static void take_topic(struct tc_source *k, struct tc_kafka_topic *t,
                       const rd_kafka_metadata_topic_t *mt)
{
    t->trouble[0] = 0;
    if (!mt || mt->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        mt->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        topic_missing(k, t);
        return;
    }
    if (mt->err || mt->partition_cnt <= 0 || mt->partition_cnt > TC_KAFKA_PARTS_MAX) {
        k->is_pending = true;
        snprintf(t->trouble, sizeof(t->trouble), "topic %.64s: %s (asked again all the time)",
                 t->name,
                 mt->partition_cnt > TC_KAFKA_PARTS_MAX ? "too many partitions"
                                                        : rd_kafka_err2str(mt->err));
        return;
    }
    uint32_t cnt = (uint32_t)mt->partition_cnt;
    if (!identify(k, t, cnt)) {
        snprintf(t->trouble, sizeof(t->trouble), "topic %.64s: its id cannot be read", t->name);
        return;
    }
    if (cnt > t->part_cnt) {
        if (t->was_known)
            tc_kafka_log(k, 'i', "topic %s has %u partitions now", t->name, cnt);
        grow_parts(t, cnt);
    }
    t->was_known = true;
    for (uint32_t i = 0; i < cnt; i++) {
        const rd_kafka_metadata_partition_t *mp = &mt->partitions[i];
        if (mp->id >= 0 && (uint32_t)mp->id < t->part_cnt)
            t->parts[mp->id].leader = mp->leader;
    }
}

/* ---- offsets ---- */

static int64_t start_when(const struct tc_source *k, uint32_t rule, bool is_first)
{
    const struct tc_conf_start *start = &k->env.conf->rules[rule].start;
    if (!is_first || start->kind == TC_START_EARLIEST)
        return RD_KAFKA_OFFSET_BEGINNING;
    if (start->kind == TC_START_LATEST)
        return RD_KAFKA_OFFSET_END;
    if (k->is_mock) /* has no look-up by time and keeps little */
        return RD_KAFKA_OFFSET_BEGINNING;
    int64_t ms = start->kind == TC_START_TIME ? start->ms : wall_now_ms() - start->ms;
    return TC_MAX(ms, 0);
}

/* One query for each partition that is (is_open) or is not in state OPEN. */
static uint32_t make_queries(struct tc_source *k, struct tc_kafka_query *queries, bool is_open)
{
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < k->env.conf->rule_cnt; i++) {
        struct tc_kafka_topic *t = &k->topics[i];
        for (uint32_t p = 0; p < t->part_cnt && !t->is_missing && !t->trouble[0]; p++) {
            const struct tc_kafka_part *part = &t->parts[p];
            if ((part->state == TC_PART_OPEN) != is_open)
                continue;
            int64_t when = is_open ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
            if (part->state == TC_PART_NEW)
                when = start_when(k, i, part->is_first);
            queries[cnt++] = (struct tc_kafka_query){
                .topic = t->name, .rule = i, .partition = p, .leader = part->leader, .when = when
            };
        }
    }
    return cnt;
}

static void settle_one(struct tc_source *k, const struct tc_kafka_query *q)
{
    struct tc_kafka_topic *t = &k->topics[q->rule];
    struct tc_kafka_part *p = &t->parts[q->partition];
    if (q->err || q->pos < 0) {
        if (p->state == TC_PART_NEW && !t->trouble[0])
            snprintf(t->trouble, sizeof(t->trouble), "partition %u of topic %.80s: %.40s",
                     q->partition, t->name, rd_kafka_err2str(q->err));
        set_bad(k, t, q->partition);
        return;
    }
    enum tc_kafka_event_kind kind = TC_KAFKA_RESUME;
    if (p->state == TC_PART_NEW) {
        kind = TC_KAFKA_OPEN;
    } else if (p->state == TC_PART_ASKED && q->pos <= p->ask_pos) {
        /* the broker refused our position, and not because its log begins later: it was cut */
        p->hash = tc_kafka_hash(k, t, tc_kafka_random());
        kind = TC_KAFKA_OPEN;
        tc_kafka_log(k, 'w',
                     "topic %s partition %u: position %lld is beyond its end, the log was "
                     "cut or made anew: read from its beginning %lld",
                     t->name, q->partition, (long long)p->ask_pos, (long long)q->pos);
    }
    p->state = TC_PART_OPEN;
    p->is_first = false;
    p->is_bad = false;
    p->ok_ms = wall_now_ms();
    push_part(k, t, q->partition, kind, q->pos);
}

/* Where to begin or to go on. */
static void settle(struct tc_source *k, struct tc_kafka_query *queries)
{
    uint32_t cnt = make_queries(k, queries, false);
    tc_kafka_query_all(k, queries, cnt);
    for (uint32_t i = 0; i < cnt; i++) {
        if (!queries[i].err && queries[i].pos < 0) { /* no record since that time */
            queries[i].when = RD_KAFKA_OFFSET_END;
            queries[i].is_done = false;
        }
    }
    tc_kafka_query_all(k, queries, cnt);
    for (uint32_t i = 0; i < cnt && !atomic_load(&k->is_stopping); i++)
        settle_one(k, &queries[i]);
}

/* Does each leader answer, and where does its log end. */
static void probe(struct tc_source *k, struct tc_kafka_query *queries)
{
    uint32_t cnt = make_queries(k, queries, true);
    tc_kafka_query_all(k, queries, cnt);
    for (uint32_t i = 0; i < cnt && !atomic_load(&k->is_stopping); i++) {
        struct tc_kafka_topic *t = &k->topics[queries[i].rule];
        struct tc_kafka_part *p = &t->parts[queries[i].partition];
        if (queries[i].err || queries[i].pos < 0) {
            set_bad(k, t, queries[i].partition);
            continue;
        }
        p->is_bad = false;
        p->ok_ms = wall_now_ms();
        push_part(k, t, queries[i].partition, TC_KAFKA_FINE, queries[i].pos);
    }
}

/* ---- telling ---- */

static void tell(struct tc_source *k, enum tc_source_state state, const char *text)
{
    int before = atomic_load(&k->state);
    if (k->has_told && (int)state == before && strcmp(text, k->trouble) == 0)
        return;
    if (k->has_told && state != TC_SOURCE_AWAY && before == TC_SOURCE_AWAY)
        atomic_fetch_add(&k->reconnect_cnt, 1);
    k->has_told = true;
    atomic_store(&k->state, (int)state);
    snprintf(k->trouble, sizeof(k->trouble), "%s", text);
    pthread_mutex_lock(&k->mutex);
    memcpy(k->text, k->trouble, sizeof(k->text));
    pthread_mutex_unlock(&k->mutex);
    tc_kafka_log(k, state ? 'w' : 'i', "%s", state ? text : "all partitions are being read");
    struct tc_kafka_event event = { .kind = TC_KAFKA_STATE, .state = state };
    push(k, &event);
}

/* A topic that was never there counts more than one that is in trouble. */
static void tell_topics(struct tc_source *k)
{
    enum tc_source_state state = TC_SOURCE_FINE;
    const char *text = "";
    for (uint32_t i = 0; i < k->env.conf->rule_cnt; i++) {
        const struct tc_kafka_topic *t = &k->topics[i];
        if (!t->trouble[0])
            continue;
        text = text[0] ? text : t->trouble;
        state = t->was_known ? TC_SOURCE_TROUBLED : TC_SOURCE_INCOMPLETE;
        if (state == TC_SOURCE_INCOMPLETE) {
            text = t->trouble;
            break;
        }
    }
    tell(k, state, text);
}

/* ---- the loop ---- */

static void take_asks(struct tc_source *k)
{
    struct tc_kafka_ask ask;
    while (tc_kafka_ask_pop(k, &ask)) {
        struct tc_kafka_topic *t = &k->topics[ask.rule];
        if (ask.partition >= t->part_cnt)
            continue;
        struct tc_kafka_part *p = &t->parts[ask.partition];
        if (p->state != TC_PART_OPEN || p->hash != ask.hash)
            continue; /* is answered already */
        p->state = TC_PART_ASKED;
        p->ask_pos = ask.next_pos;
    }
}

static void fail(struct tc_source *k, rd_kafka_resp_err_t err)
{
    char text[256];
    k->is_pending = true;
    k->fail_cnt++;
    set_all_bad(k);
    if (k->fail_cnt < 2 && k->has_told)
        return; /* one lost connection is not "away" */
    snprintf(text, sizeof(text), "no broker of %.100s can be reached (%.80s): tried all the time",
             k->env.conf->kafka.brokers, rd_kafka_err2str(err));
    tell(k, TC_SOURCE_AWAY, text);
}

static void look(struct tc_source *k)
{
    const struct rd_kafka_metadata *md = NULL;
    uint32_t part_cnt = 0;
    k->is_pending = false;
    take_asks(k);
    rd_kafka_resp_err_t err = rd_kafka_metadata(k->rk, 0, NULL, &md, TC_KAFKA_CALL_MS);
    if (!err && !tc_kafka_query_cluster(k))
        err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (err) {
        if (md)
            rd_kafka_metadata_destroy(md);
        if (!atomic_load(&k->is_stopping))
            fail(k, err);
        return;
    }
    k->fail_cnt = 0;
    for (uint32_t i = 0; i < k->env.conf->rule_cnt; i++) {
        const rd_kafka_metadata_topic_t *mt = NULL;
        for (int j = 0; j < md->topic_cnt && !mt; j++) {
            if (strcmp(md->topics[j].topic, k->topics[i].name) == 0)
                mt = &md->topics[j];
        }
        take_topic(k, &k->topics[i], mt);
        part_cnt += k->topics[i].part_cnt;
    }
    rd_kafka_metadata_destroy(md);
    struct tc_kafka_query *queries = tc_alloc(part_cnt * sizeof(*queries));
    settle(k, queries);
    probe(k, queries);
    tc_free(queries);
    tell_topics(k);
}

/* Until it is time, or somebody wants something. */
static void rest(struct tc_source *k)
{
    int wait_ms = k->is_pending ? TC_KAFKA_RETRY_MS : TC_KAFKA_LOOK_MS;
    uint32_t third_ms = k->env.stale_ms / 3;
    if (third_ms && (int)third_ms < wait_ms)
        wait_ms = TC_MAX((int)third_ms, 50);
    int64_t until_ms = wall_now_ms() + wait_ms;
    while (!atomic_load(&k->is_stopping)) {
        uint64_t value = 0;
        struct pollfd pfd = { .fd = k->side_fd, .events = POLLIN };
        while (rd_kafka_poll(k->rk, 0) > 0) {
        }
        if (atomic_exchange(&k->is_kicked, false))
            until_ms = TC_MIN(until_ms, wall_now_ms() + 50);
        if (atomic_load_explicit(&k->ask_head, memory_order_acquire) !=
            atomic_load_explicit(&k->ask_tail, memory_order_relaxed))
            return;
        int64_t left_ms = until_ms - wall_now_ms();
        if (left_ms <= 0 || left_ms > wait_ms) /* or the clock was set */
            return;
        if (poll(&pfd, 1, (int)left_ms) > 0) {
            ssize_t n = read(k->side_fd, &value, sizeof(value));
            (void)n;
        }
    }
}

void *tc_kafka_side_main(void *source)
{
    struct tc_source *k = source;
    pthread_setname_np(pthread_self(), "tc-kafka-side");
    while (!atomic_load(&k->is_stopping)) {
        look(k);
        rest(k);
    }
    tc_kafka_end_client(k);
    return NULL;
}
