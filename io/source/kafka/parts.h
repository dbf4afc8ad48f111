// SPDX-License-Identifier: Apache-2.0
/* io/source/kafka/parts: what the files of the Kafka source share. Private to this folder.
 *
 * Threads: a field belongs to the thread named above its group. The two rings have one writer and
 * one reader each. */
#ifndef TC_IO_SOURCE_KAFKA_PARTS_H
#define TC_IO_SOURCE_KAFKA_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include <librdkafka/rdkafka.h>

#include "io/source/source.h"

/* topic ids (DescribeTopics) came with 2.3 */
#define TC_KAFKA_HAS_TOPIC_ID (RD_KAFKA_VERSION >= 0x02030000)

/* librdkafka 2.1 and newer; the number is stable, the name is not there before. */
enum { TC_KAFKA_ERR_LOG_TRUNCATION = -139 };

enum {
    TC_KAFKA_RING_MAX = 1024,  /* events on their way; the side thread waits when it is full */
    TC_KAFKA_BATCH_MAX = 256,  /* messages taken from librdkafka at once */
    TC_KAFKA_PARTS_MAX = 4096, /* partitions of one topic */
    TC_KAFKA_QUERY_MAX = 1000, /* partitions in one question for offsets */
    TC_KAFKA_CALL_MS = 1000,   /* longest wait of one blocking call */
    TC_KAFKA_CLOSE_MS = 2000,
    TC_KAFKA_LOOK_MS = 1000,  /* metadata is looked at this often */
    TC_KAFKA_RETRY_MS = 300,  /* and this often while something is missing */
    TC_KAFKA_END_MS = 20,     /* a cached high watermark is used this long */
    TC_KAFKA_WAKE_MS = 50,    /* safety net for a lost wake-up of the queue */
    TC_KAFKA_LOGS_PER_S = 10, /* lines of librdkafka's log per second */
    TC_KAFKA_HEADER_NAME_MAX = 255,
};

enum tc_kafka_event_kind {
    TC_KAFKA_OPEN,   /* new log or new incarnation: pos start, end, hash */
    TC_KAFKA_RESUME, /* go on from our position; pos: low watermark */
    TC_KAFKA_GONE,   /* the partition does not exist any more */
    TC_KAFKA_FINE,   /* leader answered; end: last stable offset */
    TC_KAFKA_BAD,    /* leader does not answer; at_ms: since */
    TC_KAFKA_STATE,  /* away or not; text in tc_source.text */
};

struct tc_kafka_event { /* side thread to polling thread */
    enum tc_kafka_event_kind kind;
    uint32_t rule;
    uint32_t partition;
    uint32_t hash;
    int64_t pos;
    int64_t end;
    int64_t at_ms;
    enum tc_source_state state;
};

struct tc_kafka_ask { /* polling thread to side thread: our position is not in the log */
    uint32_t rule;
    uint32_t partition;
    uint32_t hash; /* of the incarnation that next_pos belongs to */
    int64_t next_pos;
};

struct tc_kafka_log { /* polling thread */
    uint32_t log;     /* the sink's index, TC_NONE: not opened */
    uint32_t hash;    /* its incarnation */
    int64_t next_pos; /* the position that we want next */
    int64_t end_pos;  /* the broker's end as last known, -1: unknown */
    int64_t end_at_ns;
    int64_t moved_ms;  /* wall clock of the last record or end of partition */
    int64_t behind_ms; /* since when the broker has more than it hands out; 0: it has not */
    int64_t behind_ns;
    int64_t bad_ms; /* since when the leader does not answer; 0: it does */
    bool is_assigned;
    bool is_asking; /* the side thread looks for a position to go on from */
    bool is_gone;   /* the partition does not exist now */
    bool is_stale;
    bool is_touched;
};

struct tc_kafka_part { /* side thread */
    enum { TC_PART_NEW, TC_PART_OPEN, TC_PART_ASKED, TC_PART_BACK } state;
    bool is_first; /* there when we looked first: begins where the rule says */
    bool is_bad;
    uint32_t hash;
    int32_t leader; /* -1: none */
    int64_t ok_ms;  /* wall clock of the leader's last answer */
    int64_t ask_pos;
};

struct tc_kafka_topic {
    /* both threads, set at open */
    const char *name;
    rd_kafka_topic_t *rkt;
    /* polling thread */
    struct tc_kafka_log *logs;
    uint32_t log_cnt;
    /* side thread */
    struct tc_kafka_part *parts;
    uint32_t part_cnt;
    bool was_known;  /* seen at least once */
    bool is_missing; /* was known and is not there now */
    bool has_id;
    bool is_late; /* was not there when we looked first: read from its beginning */
    uint64_t id[2];
    uint32_t hash;
    char trouble[160]; /* why it cannot be read now; empty: can */
};

struct tc_source { /* kind kafka */
    void *block;   /* as allocated: the struct itself is aligned to a line */
    struct tc_source_env env;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;       /* the consumer's records */
    rd_kafka_queue_t *main_queue;  /* librdkafka's events, for the side thread */
    struct tc_kafka_topic *topics; /* by rule */
    int wake_fd;
    int side_fd;
    pthread_t side;

    /* events: head by the side thread, tail by the polling thread; asks the other way round */
    struct tc_kafka_event events[TC_KAFKA_RING_MAX];
    struct tc_kafka_ask asks[TC_KAFKA_RING_MAX];
    TC_LINE_ALIGNED _Atomic uint32_t event_head;
    _Atomic uint32_t ask_tail;
    TC_LINE_ALIGNED _Atomic uint32_t event_tail;
    _Atomic uint32_t ask_head;

    /* polling thread */
    TC_LINE_ALIGNED rd_kafka_message_t *batch[TC_KAFKA_BATCH_MAX];
    uint32_t batch_cnt;
    uint32_t batch_idx;
    struct tc_kafka_log *touched[TC_KAFKA_BATCH_MAX];
    uint32_t touched_rule[TC_KAFKA_BATCH_MAX];
    uint32_t touched_cnt; /* read since progress was told */
    rd_kafka_topic_partition_list_t *to_assign;
    rd_kafka_topic_partition_list_t *to_unassign;
    int64_t hold_until_ms; /* wall clock; the next record is due then (delay_ms); 0: none held */
    int64_t wake_at_ns;
    int64_t check_at_ns;
    bool is_more;    /* there may be: the last call found something, or was rung for */
    bool is_quiet;   /* the queue was empty, and nothing has been heard since */
    bool is_unheard; /* a quiet queue had records whose ring was not heard yet */

    /* side thread */
    char cluster_id[96];
    bool has_cluster_id;
    bool is_mock;
    bool has_told;
    bool is_pending;   /* something is not settled: look again soon */
    uint32_t fail_cnt; /* metadata failed this often in a row */
    char trouble[256];

    /* any thread */
    _Atomic uint64_t record_cnt;
    _Atomic uint64_t error_cnt;
    _Atomic uint64_t reconnect_cnt;
    _Atomic uint64_t missed_wake_cnt;
    _Atomic int state; /* enum tc_source_state */
    _Atomic bool is_stopping;
    _Atomic bool is_kicked; /* side thread: look now */
    pthread_mutex_t mutex;  /* text and log bucket */
    char text[256];
    int64_t log_second;
    uint32_t log_cnt;
    uint32_t log_dropped_cnt;
};

/* properties.c: what librdkafka's queues may hold. */
uint64_t tc_kafka_heap_bytes(const struct tc_conf_source *conf);

/* properties.c: the settings of librdkafka; error has the place of a wrong property. */
int tc_kafka_properties(rd_kafka_conf_t *rc, const struct tc_source_env *env,
                        struct tc_err *err) TC_MUST_CHECK;

/* side.c: ends the client when told to stop. */
void *tc_kafka_side_main(void *source);

/* query.c, side thread. One offset asked of one partition. when: a time in ms, or
 * RD_KAFKA_OFFSET_END, RD_KAFKA_OFFSET_BEGINNING. Answered in pos (-1: no such time) and err. */
struct tc_kafka_query {
    const char *topic;
    uint32_t rule;
    uint32_t partition;
    int32_t leader;
    int64_t when;
    int64_t pos;
    rd_kafka_resp_err_t err;
    bool is_done;
};

/* Asks the leaders one after the other, so that a dead one spoils only its own answers. */
void tc_kafka_query_all(struct tc_source *k, struct tc_kafka_query *queries, uint32_t cnt);

/* Cluster id and topic ids; false: ask again later. id is zero where there is none. */
bool tc_kafka_query_cluster(struct tc_source *k);
bool tc_kafka_query_id(struct tc_source *k, const char *topic, uint64_t id[2]);
uint32_t tc_kafka_hash(const struct tc_source *k, const struct tc_kafka_topic *t, uint32_t random);
uint32_t tc_kafka_random(void);

/* kafka.c. Destroys topics, queues and client. */
void tc_kafka_end_client(struct tc_source *k);

/* Log lines, callable from any thread; bounded per second. */
void tc_kafka_log(struct tc_source *k, char level, const char *fmt, ...) TC_PRINTF(3, 4);

/* poll.c */
int tc_kafka_poll(struct tc_source *k, const struct tc_source_sink *sink, uint32_t record_max,
                  int64_t now_ns, int64_t wall_ms);

/* ring.c: false: full or empty. */
bool tc_kafka_event_push(struct tc_source *k, const struct tc_kafka_event *event);
bool tc_kafka_event_pop(struct tc_source *k, struct tc_kafka_event *event);
bool tc_kafka_ask_push(struct tc_source *k, const struct tc_kafka_ask *ask);
bool tc_kafka_ask_pop(struct tc_source *k, struct tc_kafka_ask *ask);

#endif
