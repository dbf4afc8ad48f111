// SPDX-License-Identifier: Apache-2.0
/* kafka-feed: what the tests put into a topic, at a fixed schedule.
 *
 * Record i (from 0) has the key and symbol S<i mod symbols>, the header "symbol", and the payload
 *   {"crc":"8 hex digits","t":intended wall time in ns,"n":i,"data":{"s":"S<n>"},"pad":"…"}
 * crc is that of all bytes after its comma. Kinds of one record (--kind) break one thing each. With
 * --txn N, each N records are a transaction, every --abort-every'th of which is aborted; --hang
 * leaves the last one open until a line or the end of stdin comes, then commits it.
 * One line of JSON on stdout at the end; exit 0 if every record was acknowledged. */
#include "tests/lib/base.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD_MAX = 1 << 20, FAST = 5000 /* records/s */ };

static struct {
    const char *brokers, *topic, *kind, *prefix, *txn_id, *symbol;
    int64_t count, rate, symbols, bytes, partition, txn, abort_every, first;
    bool hang, no_key, sticky;
} args = { .kind = "tick", .prefix = "S", .count = 1, .symbols = 1, .bytes = 150, .partition = -1 };

static uint64_t acked;
static uint64_t failed;
static char payload[PAYLOAD_MAX + 1];

static const char usage[] =
    "kafka-feed --brokers B --topic T [--count N] [--rate N per s, 0 as fast as possible]\n"
    "  [--symbols N] [--bytes N] [--partition N | --sticky (symbol mod partitions of "
    "--partition)]\n"
    "  [--first N] [--no-key] [--prefix S] [--symbol NAME]\n"
    "  [--txn N [--abort-every N] [--hang] [--txn-id ID]]\n"
    "  [--kind tick | tombstone | not-json | bad-utf8 | oversize | no-field | no-header]\n";

static void on_report(rd_kafka_t *k, const rd_kafka_message_t *m, void *opaque)
{
    (void)k;
    (void)opaque;
    if (m->err)
        failed++;
    else
        acked++;
}

static void parse(int argc, char **argv)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = { { "--count", &args.count },
                    { "--rate", &args.rate },
                    { "--symbols", &args.symbols },
                    { "--bytes", &args.bytes },
                    { "--partition", &args.partition },
                    { "--txn", &args.txn },
                    { "--abort-every", &args.abort_every },
                    { "--first", &args.first } };
    const struct {
        const char *name;
        const char **to;
    } texts[] = { { "--brokers", &args.brokers }, { "--topic", &args.topic },
                  { "--kind", &args.kind },       { "--prefix", &args.prefix },
                  { "--txn-id", &args.txn_id },   { "--symbol", &args.symbol } };
    const struct {
        const char *name;
        bool *to;
    } flags[] = { { "--hang", &args.hang },
                  { "--no-key", &args.no_key },
                  { "--sticky", &args.sticky } };
    for (int i = 1; i < argc; i++) {
        bool known = false;
        for (size_t n = 0; n < sizeof flags / sizeof *flags; n++)
            if (!strcmp(argv[i], flags[n].name))
                known = *flags[n].to = true;
        if (known)
            continue;
        if (i + 1 == argc) {
            fputs(usage, stderr);
            exit(2);
        }
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
            if (!strcmp(argv[i], numbers[n].name)) {
                *numbers[n].to = tc_tb_number(argv[i], argv[i + 1], 0, INT64_C(1) << 40);
                known = true;
            }
        for (size_t n = 0; n < sizeof texts / sizeof *texts; n++)
            if (!strcmp(argv[i], texts[n].name)) {
                *texts[n].to = argv[i + 1];
                known = true;
            }
        if (!known)
            tc_tb_die("unknown argument %s\n%s", argv[i], usage);
        i++;
    }
    if (!args.brokers || !args.topic || !args.symbols || args.bytes > PAYLOAD_MAX)
        tc_tb_die("--brokers, --topic and --symbols >= 1 are needed\n%s", usage);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[512];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
        tc_tb_die("%s", text);
}

static rd_kafka_t *open_producer(void)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", args.brokers);
    set(conf, "linger.ms", args.rate && args.rate < FAST ? "0" : "20");
    set(conf, "message.max.bytes", "2000000");
    set(conf, "message.timeout.ms", "60000");
    set(conf, "queue.buffering.max.messages", "200000");
    set(conf, "enable.idempotence", "true"); /* order survives retries */
    if (args.txn) {
        char id[64];
        snprintf(id, sizeof id, "feed-%d", (int)getpid());
        set(conf, "transactional.id", args.txn_id ? args.txn_id : id);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *k = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!k)
        tc_tb_die("%s", text);
    return k;
}

static void must(rd_kafka_error_t *error, const char *what)
{
    if (error)
        tc_tb_die("%s: %s", what, rd_kafka_error_string(error));
}

/* Makes record i in payload and returns its length. */
static size_t make(int64_t i, int64_t symbol, int64_t wall_ns)
{
    bool is_large = !strcmp(args.kind, "oversize");
    size_t want = is_large && args.bytes < 100000 ? 100000 : (size_t)args.bytes;
    static const char head[] = "{\"crc\":\"00000000\",";
    const size_t skip = sizeof head - 1;
    int len =
        snprintf(payload, sizeof payload, "%s\"t\":%" PRId64 ",\"n\":%" PRId64, head, wall_ns, i);
    if (strcmp(args.kind, "no-field") != 0)
        len += snprintf(payload + len, sizeof payload - (size_t)len,
                        ",\"data\":{\"s\":\"%s%" PRId64 "\"}", args.prefix, symbol);
    len += snprintf(payload + len, sizeof payload - (size_t)len, ",\"pad\":\"");
    size_t at = (size_t)len;
    uint64_t random = (uint64_t)i * 0x9E3779B97F4A7C15U + 1;
    while (at + 2 < want)
        payload[at++] = (char)('a' + tc_tb_random(&random) % 26);
    if (!strcmp(args.kind, "bad-utf8"))
        payload[at++] = (char)0xC3; /* the start of a character and no more of it */
    payload[at++] = '"';
    payload[at++] = !strcmp(args.kind, "not-json") ? ']' : '}';
    char crc[9];
    snprintf(crc, sizeof crc, "%08x", tc_tb_crc32(0, payload + skip, at - skip));
    memcpy(payload + 8, crc, 8);
    return at;
}

static void produce(rd_kafka_t *k, int64_t i, int64_t wall_ns)
{
    int64_t symbol = i % args.symbols;
    char name[64];
    int name_len = args.symbol ? snprintf(name, sizeof name, "%s", args.symbol)
                               : snprintf(name, sizeof name, "%s%" PRId64, args.prefix, symbol);
    size_t len = make(i, symbol, wall_ns);
    bool is_null = !strcmp(args.kind, "tombstone");
    int32_t partition = RD_KAFKA_PARTITION_UA;
    if (args.partition >= 0)
        partition = (int32_t)(args.sticky ? symbol % args.partition : args.partition);
    for (;;) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
        if (strcmp(args.kind, "no-header") != 0)
            rd_kafka_header_add(headers, "symbol", -1, name, name_len);
        const rd_kafka_vu_t fields[] = {
            { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = args.topic },
            { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
            { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
            { .vtype = RD_KAFKA_VTYPE_KEY,
              .u.mem = { args.no_key ? NULL : name, args.no_key ? 0 : (size_t)name_len } },
            { .vtype = RD_KAFKA_VTYPE_VALUE,
              .u.mem = { is_null ? NULL : payload, is_null ? 0 : len } },
            { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
        };
        rd_kafka_error_t *error = rd_kafka_produceva(k, fields, sizeof fields / sizeof *fields);
        if (!error)
            return;
        rd_kafka_headers_destroy(headers);
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            tc_tb_die("produce: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        rd_kafka_poll(k, 5);
    }
}

static void end_transaction(rd_kafka_t *k, int64_t number, bool is_last)
{
    if (is_last && args.hang) {
        rd_kafka_flush(k, 60000);
        printf("{\"hanging\":true}\n");
        fflush(stdout);
        getchar();
    }
    if (args.abort_every && number % args.abort_every == 0) {
        rd_kafka_flush(k, 60000);
        must(rd_kafka_abort_transaction(k, 60000), "abort");
    } else {
        must(rd_kafka_commit_transaction(k, 60000), "commit");
    }
}

/* Until record n is due. Fast ones go in groups of 2 ms, when the last of a group is due: a sleep
 * for each would cost more than the record. */
static void pace(int64_t mono0, int64_t n)
{
    int64_t group = args.rate < FAST ? 1 : args.rate / 500;
    if (!args.rate || n % group)
        return;
    int64_t at = mono0 + (n + group - 1) * 1000000000 / args.rate;
    struct timespec due = { at / 1000000000, at % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    rd_kafka_t *k = open_producer();
    if (args.txn)
        must(rd_kafka_init_transactions(k, 60000), "init");
    int64_t mono0 = tc_tb_mono_ns();
    int64_t wall0 = tc_tb_wall_ns();
    int64_t transactions = 0;
    for (int64_t n = 0; n < args.count; n++) {
        /* The intended time travels in the payload, so that a late send shows as latency. */
        int64_t after = args.rate ? n * 1000000000 / args.rate : tc_tb_mono_ns() - mono0;
        pace(mono0, n);
        if (args.txn && n % args.txn == 0)
            must(rd_kafka_begin_transaction(k), "begin");
        produce(k, args.first + n, wall0 + after);
        rd_kafka_poll(k, 0);
        if (args.txn && (n % args.txn == args.txn - 1 || n == args.count - 1))
            end_transaction(k, ++transactions, n == args.count - 1);
    }
    rd_kafka_flush(k, 60000);
    printf("{\"sent\":%" PRId64 ",\"acked\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"seconds\":%.3f}\n",
           args.count, acked, failed, (double)(tc_tb_mono_ns() - mono0) / 1e9);
    rd_kafka_destroy(k);
    return args.abort_every || acked == (uint64_t)args.count ? 0 : 1;
}
