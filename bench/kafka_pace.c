// SPDX-License-Identifier: Apache-2.0
/* bench/kafka-pace: records for a topic on a fixed schedule, to measure who reads them.
 *
 *   kafka-pace --brokers B --topic T --rate N [--seconds S] [--payload BYTES]
 *
 * Record i (from 0) is due at i/N seconds after the start and has the key S0, partition 0 and the
 * value {"t_ns":when it was due, monotonic clock,"n":i,"x":"…"} of BYTES bytes. What is late is
 * sent at once and keeps the time at which it was due: so waiting shows as latency (open loop). No
 * lingering, one acknowledgement, no retries: a record that fails makes the run void instead of
 * coming out of order.
 *
 * Ends after S seconds (60), or with SIGTERM or SIGINT, with one line of JSON: how many were sent
 * and acknowledged, how late sends were ("late_us"), and from send to acknowledgement ("ack_us"),
 * which is looked at with the next record, so that it is up to a period too long.
 * Exit code 0 if every record was acknowledged. One thread beside librdkafka's. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "tests/lib/base.h"
#include "tests/lib/hist.h"

enum { PAYLOAD_MIN = 80, PAYLOAD_MAX = 65536, CALL_MS = 10000, LEAD_NS = 10000000 };

static struct {
    const char *brokers, *topic;
    int64_t rate, seconds, payload_bytes;
} args = { .seconds = 60, .payload_bytes = 150 };

static uint64_t acked_cnt, failed_cnt;
static struct tc_hist late, ack;
static char payload[PAYLOAD_MAX + 1];
static volatile sig_atomic_t is_over;

static void on_signal(int sig)
{
    (void)sig;
    is_over = 1;
}

static void on_report(rd_kafka_t *k, const rd_kafka_message_t *m, void *opaque)
{
    (void)k;
    (void)opaque;
    if (m->err) {
        failed_cnt++;
        return;
    }
    acked_cnt++;
    tc_hist_add(&ack, rd_kafka_message_latency(m) * 1000);
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--brokers"))
            args.brokers = argv[i + 1];
        else if (!strcmp(argv[i], "--topic"))
            args.topic = argv[i + 1];
        else if (!strcmp(argv[i], "--rate"))
            args.rate = tc_tb_number(argv[i], argv[i + 1], 1, 1000000);
        else if (!strcmp(argv[i], "--seconds"))
            args.seconds = tc_tb_number(argv[i], argv[i + 1], 1, 3600);
        else if (!strcmp(argv[i], "--payload"))
            args.payload_bytes = tc_tb_number(argv[i], argv[i + 1], PAYLOAD_MIN, PAYLOAD_MAX);
        else
            tc_tb_die("unknown argument %s", argv[i]);
    }
    if (!args.brokers || !args.topic || !args.rate || argc % 2 == 0)
        tc_tb_die("usage: kafka-pace --brokers B --topic T --rate N [--seconds S] "
                  "[--payload BYTES]");
}

static rd_kafka_t *open_producer(void)
{
    const char *const settings[][2] = {
        { "bootstrap.servers", args.brokers },
        { "linger.ms", "0" },
        { "acks", "1" },
        { "retries", "0" },
        { "socket.nagle.disable", "true" },
        { "message.timeout.ms", "10000" },
    };
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text))
            tc_tb_die("%s", text);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *k = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!k)
        tc_tb_die("%s", text);
    return k;
}

/* The topic as it is known once its leader has been found. */
static rd_kafka_topic_t *open_topic(rd_kafka_t *k)
{
    const struct rd_kafka_metadata *about;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k, args.topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(k, 0, topic, &about, CALL_MS);
    if (err)
        tc_tb_die("no answer from %s: %s", args.brokers, rd_kafka_err2str(err));
    if (about->topic_cnt != 1 || about->topics[0].err || about->topics[0].partition_cnt < 1)
        tc_tb_die("there is no topic %s", args.topic);
    rd_kafka_metadata_destroy(about);
    return topic;
}

static void produce(rd_kafka_topic_t *topic, int64_t n, int64_t due_ns)
{
    int head = snprintf(payload, sizeof payload, "{\"t_ns\":%" PRId64 ",\"n\":%" PRId64 ",\"x\":\"",
                        due_ns, n);
    size_t len = (size_t)args.payload_bytes;
    memset(payload + head, 'x', len - (size_t)head);
    memcpy(payload + len - 2, "\"}", 2);
    tc_hist_add(&late, tc_tb_mono_ns() - due_ns);
    if (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, payload, len, "S0", 2, NULL))
        failed_cnt++; /* its queue is full: far from keeping up */
}

static int64_t run(rd_kafka_t *k, rd_kafka_topic_t *topic)
{
    int64_t start_ns = tc_tb_mono_ns() + LEAD_NS;
    int64_t n = 0;
    while (!is_over && n < args.rate * args.seconds) {
        int64_t due_ns = start_ns + n * 1000000000 / args.rate;
        struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
            continue; /* a signal */
        produce(topic, n++, due_ns);
        rd_kafka_poll(k, 0);
    }
    return n;
}

int main(int argc, char **argv)
{
    const struct sigaction action = { .sa_handler = on_signal };
    parse(argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    rd_kafka_t *k = open_producer();
    rd_kafka_topic_t *topic = open_topic(k);
    prctl(PR_SET_TIMERSLACK, 1ul);
    int64_t sent = run(k, topic);
    rd_kafka_flush(k, CALL_MS);
    printf("{\"sent\":%" PRId64 ",\"acked\":%" PRIu64 ",\"failed\":%" PRIu64
           ",\"late_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},"
           "\"ack_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}}\n",
           sent, acked_cnt, failed_cnt, (double)tc_hist_at(&late, 0.5) / 1e3,
           (double)tc_hist_at(&late, 0.99) / 1e3, (double)late.max / 1e3,
           (double)tc_hist_at(&ack, 0.5) / 1e3, (double)tc_hist_at(&ack, 0.99) / 1e3,
           (double)ack.max / 1e3);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(k);
    return acked_cnt == (uint64_t)sent ? 0 : 1;
}
