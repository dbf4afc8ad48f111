// SPDX-License-Identifier: Apache-2.0
/* bench/kafka-bare: the least that a consumer has to do, as the yardstick of latency through Kafka.
 *
 *   kafka-bare --brokers B --topic T --idle spin|sleep [--cpu N] [--warm-ms 1000]
 *              [--window-ms 5000]
 *
 * Reads partition 0 from its end with the settings of the engine's own source, assigned by hand,
 * and does nothing with a record but look at it. sleep: waits for librdkafka's event on an eventfd;
 * spin: asks all the time. --cpu pins this thread alone and after the client is made: librdkafka's
 * threads stay where the process was started, as the engine's do.
 *
 * {"ready":true} once the end is reached. The window begins so long after the first record. Then
 * one line of JSON with the load generator's names. Latency: from "t_ns" in the value (kafka-pace)
 * to the return of the call that brought the record. Each record's "n" and offset must be the
 * last one's plus one. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "io/source/kafka/parts.h"
#include "tests/lib/base.h"
#include "tests/lib/hist.h"

enum { BATCH_MAX = 256, CALL_MS = 10000, SILENCE_MS = 10000 };

static struct {
    const char *brokers, *topic, *idle;
    int64_t cpu, warm_ms, window_ms;
} args = { .cpu = -1, .warm_ms = 1000, .window_ms = 5000 };

static struct {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int wake_fd;
    bool is_sleeping; /* when there is nothing to do */
    int64_t heard_ns; /* a call brought something */
    int64_t last_n, last_offset;
    uint64_t record_cnt, broken_cnt, call_cnt;
    bool is_at_end;
    struct tc_hist latency;
} b = { .last_n = -1, .last_offset = -1 };

static void parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--brokers"))
            args.brokers = argv[i + 1];
        else if (!strcmp(argv[i], "--topic"))
            args.topic = argv[i + 1];
        else if (!strcmp(argv[i], "--idle"))
            args.idle = argv[i + 1];
        else if (!strcmp(argv[i], "--cpu"))
            args.cpu = tc_tb_number(argv[i], argv[i + 1], 0, CPU_SETSIZE - 1);
        else if (!strcmp(argv[i], "--warm-ms"))
            args.warm_ms = tc_tb_number(argv[i], argv[i + 1], 0, 600000);
        else if (!strcmp(argv[i], "--window-ms"))
            args.window_ms = tc_tb_number(argv[i], argv[i + 1], 1, 600000);
        else
            tc_tb_die("unknown argument %s", argv[i]);
    }
    b.is_sleeping = args.idle && !strcmp(args.idle, "sleep");
    if (!args.brokers || !args.topic || !args.idle || argc % 2 == 0 ||
        (!b.is_sleeping && strcmp(args.idle, "spin") != 0))
        tc_tb_die("usage: kafka-bare --brokers B --topic T --idle spin|sleep [--cpu N] "
                  "[--warm-ms N] [--window-ms N]");
}

static void open_consumer(void)
{
    struct tc_conf_source source = { .name = "bare", .kafka = { .brokers = args.brokers } };
    const struct tc_source_env env = { .conf = &source };
    struct tc_err err;
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (tc_kafka_properties(conf, &env, &err) < 0)
        tc_tb_die("%s", err.text);
    b.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    b.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (b.rk == NULL || b.wake_fd < 0)
        tc_tb_die("no consumer: %s", b.rk == NULL ? text : "no eventfd");
    uint64_t one = 1;
    rd_kafka_poll_set_consumer(b.rk);
    b.queue = rd_kafka_queue_get_consumer(b.rk);
    if (b.is_sleeping)
        rd_kafka_queue_io_event_enable(b.queue, b.wake_fd, &one, sizeof(one));
}

static void assign_end(void)
{
    int64_t low;
    int64_t high;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(b.rk, args.topic, 0, &low, &high, CALL_MS);
    if (err)
        tc_tb_die("topic %s at %s: %s", args.topic, args.brokers, rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, args.topic, 0)->offset = high;
    err = rd_kafka_assign(b.rk, list);
    if (err)
        tc_tb_die("assign: %s", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
}

/* The number after `key`; -1: none. */
static int64_t number_of(const rd_kafka_message_t *m, const char *key)
{
    const char *at = memmem(m->payload, m->len, key, strlen(key));
    int64_t value = 0;
    if (at == NULL)
        return -1;
    const char *end = (const char *)m->payload + m->len;
    for (at += strlen(key); at < end && *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    return value;
}

static void on_message(const rd_kafka_message_t *m, int64_t now_ns)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        b.is_at_end = true;
        return;
    }
    if (m->err)
        tc_tb_die("%s", rd_kafka_message_errstr(m));
    int64_t n = number_of(m, "\"n\":");
    int64_t sent_ns = number_of(m, "\"t_ns\":");
    if (n < 0 || sent_ns < 0)
        tc_tb_die("a record that is not kafka-pace's");
    bool is_next = b.last_n < 0 || (n == b.last_n + 1 && m->offset == b.last_offset + 1);
    b.broken_cnt += !is_next;
    b.last_n = n;
    b.last_offset = m->offset;
    b.record_cnt++;
    tc_hist_add(&b.latency, now_ns - sent_ns);
}

/* Takes what there is; waits for it if that is how to idle. */
static void turn(void)
{
    static rd_kafka_message_t *batch[BATCH_MAX];
    ssize_t cnt = rd_kafka_consume_batch_queue(b.queue, 0, batch, BATCH_MAX);
    int64_t now_ns = tc_tb_mono_ns();
    if (cnt > 0) {
        b.heard_ns = now_ns;
        b.call_cnt++;
    } else if (now_ns - b.heard_ns > SILENCE_MS * 1000000ll) {
        tc_tb_die("silence for %d s after %" PRIu64 " records", SILENCE_MS / 1000, b.record_cnt);
    } else if (b.is_sleeping) {
        uint64_t value;
        struct pollfd wait = { .fd = b.wake_fd, .events = POLLIN };
        if (poll(&wait, 1, TC_KAFKA_WAKE_MS) > 0 &&
            read(b.wake_fd, &value, sizeof(value)) != sizeof(value))
            tc_tb_die("the eventfd cannot be read");
    }
    for (ssize_t i = 0; i < cnt; i++) {
        on_message(batch[i], now_ns);
        rd_kafka_message_destroy(batch[i]);
    }
}

static void turn_until(int64_t until_ns)
{
    while (tc_tb_mono_ns() < until_ns)
        turn();
}

static int64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void window(void)
{
    int64_t begin_ns = tc_tb_mono_ns();
    int64_t begin_cpu_ns = cpu_ns();
    uint64_t begin_cnt = b.record_cnt;
    uint64_t begin_calls = b.call_cnt;
    memset(&b.latency, 0, sizeof(b.latency));
    turn_until(begin_ns + args.window_ms * 1000000);
    double wall_s = (double)(tc_tb_mono_ns() - begin_ns) / 1e9;
    double cnt = (double)(b.record_cnt - begin_cnt);
    double cpu = (double)(cpu_ns() - begin_cpu_ns);
    double calls = (double)(b.call_cnt - begin_calls);
    bool is_valid = cnt > 0 && b.broken_cnt == 0 && b.latency.negative_cnt == 0;
    printf("{\"valid\":%s,\"broken\":%" PRIu64 ",\"wall_s\":%.3f,\"deliveries\":%.0f,"
           "\"per_s\":%.0f,\"per_read\":%.2f,\"server_cpu_s\":%.4f,\"ns_per_delivery\":%.1f,"
           "\"latency_us\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
           "\"count\":%" PRIu64 "}}\n",
           is_valid ? "true" : "false", b.broken_cnt, wall_s, cnt, cnt / wall_s,
           calls > 0 ? cnt / calls : 0.0, cpu / 1e9, cnt > 0 ? cpu / cnt : 0.0,
           (double)tc_hist_at(&b.latency, 0.5) / 1e3, (double)tc_hist_at(&b.latency, 0.99) / 1e3,
           (double)tc_hist_at(&b.latency, 0.999) / 1e3, (double)b.latency.max / 1e3, b.latency.cnt);
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    open_consumer();
    if (args.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)args.cpu, &set);
        if (sched_setaffinity(0, sizeof(set), &set) != 0)
            tc_tb_die("there is no core %" PRId64, args.cpu);
    }
    assign_end();
    b.heard_ns = tc_tb_mono_ns();
    while (!b.is_at_end)
        turn();
    printf("{\"ready\":true}\n");
    fflush(stdout);
    b.heard_ns = tc_tb_mono_ns();
    while (b.record_cnt == 0)
        turn();
    turn_until(tc_tb_mono_ns() + args.warm_ms * 1000000);
    window();
    fflush(stdout);
    rd_kafka_queue_destroy(b.queue);
    rd_kafka_destroy(b.rk);
    close(b.wake_fd);
    return 0;
}
