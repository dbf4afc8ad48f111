// SPDX-License-Identifier: Apache-2.0
/* tickcast pub: feeds a Kafka topic, synthetically or from a recording. */
#include "tools/tickcast/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "tools/tickcast/pub_input.h"

enum {
    EXIT_CLEAN = 0,
    EXIT_USAGE = 2,
    EXIT_REMOTE = 4,
    SETTINGS_MAX = 64,
    FLUSH_MS = 10000,
    RATE_MAX = 10000000,
    TEXT_BYTES = 512,
};

static const char usage_text[] =
    "usage: tickcast pub --brokers B --topic T [options]\n"
    "\n"
    "Publishes records to a Kafka topic, keyed by symbol: synthetic ticks, or a recording.\n"
    "\n"
    "  --brokers B        host:port,... of Kafka\n"
    "  --topic T          where to publish\n"
    "  --rate N           records per second over all symbols (1000)\n"
    "  --symbols N        how many symbols (12)\n"
    "  --seed N           of the synthetic prices (1)\n"
    "  --count N          stop after N records\n"
    "  --replay FILE      lines `<receive time, ns> <JSON>`, plain or gzip; the key is the symbol "
    "at\n"
    "                     data.s, else the stream's name before @; lines without one are skipped\n"
    "  --speed X          of the recording: 1 as recorded (default), 10 faster, 0 without pauses\n"
    "  --set NAME=VALUE   a librdkafka setting, like --set compression.codec=lz4; again for more\n"
    "  --json             the summary as one JSON object on stdout\n"
    "  --quiet            no progress line\n"
    "\n"
    "examples:\n"
    "  tickcast pub --brokers 127.0.0.1:9092 --topic ticks --rate 5000 --symbols 200\n"
    "  tickcast pub --brokers 127.0.0.1:9092 --topic md.all --replay spot-btcusdt.jsonl.gz --speed "
    "10\n"
    "\n"
    "exit: 0 done, 2 usage, 4 Kafka did not take every record\n";

struct options {
    const char *brokers;
    const char *topic;
    const char *replay;
    const char *settings[SETTINGS_MAX];
    uint32_t setting_cnt;
    uint64_t rate;
    uint64_t symbols;
    uint64_t seed;
    uint64_t count;
    double speed;
    bool is_json;
    bool is_quiet;
};

struct pub {
    const struct options *o;
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    struct tc_pub_input *input;
    uint64_t sent_cnt;
    uint64_t delivered_cnt;
    uint64_t failed_cnt;
    uint64_t bytes;
    int64_t late_max_ns; /* how far behind its plan the sending was at worst */
    int64_t start_ns;
    int64_t told_ns; /* last progress line */
    uint64_t told_cnt;
    bool is_tty;
    char trouble[TEXT_BYTES]; /* first thing that Kafka refused */
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int64_t mono_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "tickcast pub: %s%s\ntry: tickcast pub --help\n", what, value);
    return EXIT_USAGE;
}

static bool parse_cnt(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && n >= min && n <= max;
}

static bool parse_speed(const char *text, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= 1e9;
}

enum option_id {
    OPT_BROKERS = 256,
    OPT_TOPIC,
    OPT_RATE,
    OPT_SYMBOLS,
    OPT_SEED,
    OPT_COUNT,
    OPT_REPLAY,
    OPT_SPEED,
    OPT_SET,
    OPT_JSON,
    OPT_QUIET,
};

/* NULL: taken; otherwise what is wrong with the value. */
static const char *take(struct options *o, int id, const char *value)
{
    switch (id) {
    case OPT_BROKERS:
        o->brokers = value;
        return NULL;
    case OPT_TOPIC:
        o->topic = value;
        return strlen(value) <= TC_TOPIC_NAME_MAX ? NULL : "--topic is longer than 249 bytes: ";
    case OPT_RATE:
        return parse_cnt(value, 1, RATE_MAX, &o->rate) ? NULL : "--rate is 1..10000000, not ";
    case OPT_SYMBOLS:
        return parse_cnt(value, 1, TC_PUB_SYMBOLS_MAX, &o->symbols)
                   ? NULL
                   : "--symbols is 1..100000, not ";
    case OPT_SEED:
        return parse_cnt(value, 0, UINT64_MAX, &o->seed) ? NULL : "--seed is a number, not ";
    case OPT_COUNT:
        return parse_cnt(value, 1, UINT64_MAX, &o->count) ? NULL : "--count is 1 or more, not ";
    case OPT_REPLAY:
        o->replay = value;
        return NULL;
    case OPT_SPEED:
        return parse_speed(value, &o->speed) ? NULL : "--speed is 0 or more, not ";
    case OPT_SET:
        if (!strchr(value, '=') || o->setting_cnt == SETTINGS_MAX)
            return "--set is NAME=VALUE, at most 64 times: ";
        o->settings[o->setting_cnt++] = value;
        return NULL;
    case OPT_JSON:
        o->is_json = true;
        return NULL;
    default:
        o->is_quiet = true;
        return NULL;
    }
}

/* 0; 1: help is wanted; -EXIT_USAGE after a message. */
static int parse_options(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        { "brokers", required_argument, NULL, OPT_BROKERS },
        { "topic", required_argument, NULL, OPT_TOPIC },
        { "rate", required_argument, NULL, OPT_RATE },
        { "symbols", required_argument, NULL, OPT_SYMBOLS },
        { "seed", required_argument, NULL, OPT_SEED },
        { "count", required_argument, NULL, OPT_COUNT },
        { "replay", required_argument, NULL, OPT_REPLAY },
        { "speed", required_argument, NULL, OPT_SPEED },
        { "set", required_argument, NULL, OPT_SET },
        { "json", no_argument, NULL, OPT_JSON },
        { "quiet", no_argument, NULL, OPT_QUIET },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c = 0;
    optind = 0; /* glibc: begin anew, whatever the caller parsed before */
    while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (c == 'h')
            return 1;
        if (c == '?')
            return -EXIT_USAGE; /* getopt has said which */
        const char *why = take(o, c, optarg);
        if (why)
            return -wrong(why, optarg);
    }
    if (optind < argc)
        return -wrong("what is this: ", argv[optind]);
    if (!o->brokers || !o->topic)
        return -wrong("--brokers and --topic are needed", "");
    return 0;
}

/* ---- Kafka ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct pub *pub = opaque;
    (void)rk;
    if (!message->err) {
        pub->delivered_cnt++;
        return;
    }
    if (pub->failed_cnt++ == 0)
        snprintf(pub->trouble, sizeof(pub->trouble), "%s", rd_kafka_err2str(message->err));
}

/* Kafka's troubles are worth a line each only while nothing gets through. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct pub *pub = opaque;
    (void)rk;
    (void)code;
    if (pub->delivered_cnt == 0)
        fprintf(stderr, "tickcast pub: %s\n", reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text; /* on_error and on_delivery tell what matters */
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[TEXT_BYTES];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    (void)wrong("--set: ", text);
    return false;
}

static bool set_all(rd_kafka_conf_t *conf, const struct options *o)
{
    bool is_ok = set(conf, "bootstrap.servers", o->brokers) && set(conf, "linger.ms", "1") &&
                 set(conf, "message.timeout.ms", "10000") && set(conf, "client.id", "tickcast-pub");
    for (uint32_t i = 0; is_ok && i < o->setting_cnt; i++) {
        char name[TEXT_BYTES];
        size_t len = strcspn(o->settings[i], "=");
        snprintf(name, sizeof(name), "%.*s", (int)TC_MIN(len, sizeof(name) - 1), o->settings[i]);
        is_ok = set(conf, name, o->settings[i] + len + 1);
    }
    return is_ok;
}

static int open_kafka(struct pub *pub)
{
    char text[TEXT_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_all(conf, pub->o)) {
        rd_kafka_conf_destroy(conf);
        return EXIT_USAGE;
    }
    rd_kafka_conf_set_opaque(conf, pub);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    pub->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!pub->rk) {
        rd_kafka_conf_destroy(conf);
        return wrong("Kafka client: ", text);
    }
    /* The partitioner stays the library's own, which kcat uses too: equal keys meet in one
     * partition. */
    pub->rkt = rd_kafka_topic_new(pub->rk, pub->o->topic, NULL);
    if (!pub->rkt) {
        (void)wrong("--topic: ", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_destroy(pub->rk);
        return EXIT_USAGE;
    }
    return EXIT_CLEAN;
}

static bool produce(struct pub *pub, const struct tc_pub_item *item)
{
    for (;;) {
        int failed = rd_kafka_produce(pub->rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                      (void *)(uintptr_t)item->value.ptr, item->value.len,
                                      item->key.ptr, item->key.len, NULL);
        rd_kafka_resp_err_t rc = failed ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        if (rc != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            pub->failed_cnt++;
            snprintf(pub->trouble, sizeof(pub->trouble), "%s", rd_kafka_err2str(rc));
            return false;
        }
        rd_kafka_poll(pub->rk, 10);
        if (stop)
            return false;
    }
    pub->sent_cnt++;
    pub->bytes += item->value.len;
    return true;
}

/* ---- the job ---- */

static void progress(struct pub *pub, int64_t now_ns)
{
    if (!pub->is_tty || now_ns - pub->told_ns < 1000000000)
        return;
    uint64_t cnt = pub->delivered_cnt;
    fprintf(stderr, "\r%" PRIu64 " delivered, %.0f/s, %d in flight, %" PRIu64 " failed \033[K", cnt,
            (double)(cnt - pub->told_cnt) * 1e9 / (double)(now_ns - pub->told_ns),
            rd_kafka_outq_len(pub->rk), pub->failed_cnt);
    pub->told_ns = now_ns;
    pub->told_cnt = cnt;
}

/* Serves the client library until it is time for an item. False: stop. */
static bool wait_until(struct pub *pub, int64_t due_ns)
{
    for (;;) {
        int64_t now_ns = mono_ns();
        progress(pub, now_ns);
        if (stop || (pub->failed_cnt > 0 && pub->delivered_cnt == 0))
            return false; /* nothing gets through: no use in going on */
        if (now_ns >= due_ns) {
            pub->late_max_ns = TC_MAX(pub->late_max_ns, now_ns - due_ns);
            return true;
        }
        int64_t left_ns = due_ns - now_ns;
        if (left_ns > 2000000)
            rd_kafka_poll(pub->rk, (int)TC_MIN(left_ns / 1000000 - 1, (int64_t)100));
        else {
            struct timespec ts = { 0, left_ns };
            rd_kafka_poll(pub->rk, 0);
            nanosleep(&ts, NULL);
        }
    }
}

static int run(struct pub *pub)
{
    struct tc_err err = { 0 };
    struct tc_pub_item item;
    int rc = 1;
    bool is_paced = !pub->o->replay || pub->o->speed > 0;
    pub->start_ns = mono_ns();
    pub->told_ns = pub->start_ns;
    while (pub->o->count == 0 || pub->sent_cnt < pub->o->count) {
        rc = tc_pub_input_next(pub->input, &item, &err);
        if (rc <= 0)
            break;
        if (!wait_until(pub, is_paced ? pub->start_ns + item.due_ns : 0) || !produce(pub, &item))
            break;
        if (pub->sent_cnt % 64 == 0)
            rd_kafka_poll(pub->rk, 0);
    }
    if (pub->delivered_cnt > 0 || pub->failed_cnt == 0)
        rd_kafka_flush(pub->rk, FLUSH_MS);
    if (pub->is_tty)
        fputs("\r\033[K", stderr);
    if (rc < 0) {
        fprintf(stderr, "tickcast pub: %s\n", err.text);
        return EXIT_REMOTE;
    }
    return pub->delivered_cnt == pub->sent_cnt && pub->failed_cnt == 0 ? EXIT_CLEAN : EXIT_REMOTE;
}

static void summary(const struct pub *pub)
{
    double seconds = (double)(mono_ns() - pub->start_ns) / 1e9;
    uint64_t skipped_cnt = tc_pub_input_skipped(pub->input);
    uint64_t lost_cnt = pub->sent_cnt - pub->delivered_cnt;
    if (pub->o->is_json)
        printf("{\"event\":\"summary\",\"topic\":\"%s\",\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64
               ",\"failed\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"seconds\":%.3f,\"late_max_ms\":%.3f}\n",
               pub->o->topic, pub->sent_cnt, pub->delivered_cnt, lost_cnt, skipped_cnt, pub->bytes,
               seconds, pub->o->speed > 0 ? (double)pub->late_max_ns / 1e6 : 0.0);
    else
        fprintf(stderr,
                "%" PRIu64 " records delivered to %s (%" PRIu64
                " bytes) in %.1f s, %.0f/s; %" PRIu64 " not delivered, %" PRIu64 " lines skipped\n",
                pub->delivered_cnt, pub->o->topic, pub->bytes, seconds,
                (double)pub->delivered_cnt / TC_MAX(seconds, 1e-9), lost_cnt, skipped_cnt);
    if (pub->trouble[0])
        fprintf(stderr, "tickcast pub: Kafka refused: %s; are %s and topic %s right?\n",
                pub->trouble, pub->o->brokers, pub->o->topic);
}

int tc_cmd_pub(int argc, char **argv)
{
    struct options o = { .rate = 1000, .symbols = 12, .seed = 1, .speed = 1 };
    struct pub pub = { .o = &o };
    struct sigaction act = { .sa_handler = on_signal };
    struct tc_err err;
    int rc = parse_options(&o, argc, argv);
    if (rc > 0)
        fputs(usage_text, stdout);
    if (rc != 0)
        return rc > 0 ? EXIT_CLEAN : -rc;
    pub.is_tty = isatty(STDERR_FILENO) && !o.is_quiet;
    pub.input = o.replay ? tc_pub_input_replay(o.replay, o.speed, &err)
                         : tc_pub_input_synth((uint32_t)o.rate, (uint32_t)o.symbols, o.seed);
    if (!pub.input)
        return wrong("", err.text);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    rc = open_kafka(&pub);
    if (rc == EXIT_CLEAN) {
        rc = run(&pub);
        summary(&pub);
        rd_kafka_purge(pub.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_topic_destroy(pub.rkt);
        rd_kafka_destroy(pub.rk);
    }
    tc_pub_input_close(pub.input);
    return rc;
}
