// SPDX-License-Identifier: Apache-2.0
/* tickcast demo: a broker, a feed and the server in one process, to be looked at. */
#include "tools/tickcast/cmd.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fmt.h"
#include "core/conf/parse.h"
#include "core/mem/mem.h"
#include "core/topo/check_rules.h"
#include "io/engine/supervisor.h"
#include "io/engine/types.h"
#include "io/os/os.h"
#include "io/os/thread.h"
#include "io/source/kafka/mock.h"
#include "proto/json/json.h"
#include "tools/tickcast/pages.h"
#include "tools/tickcast/pub_input.h"
#include "tools/tickcast/services.h"

enum { TEXT_BYTES = 2048, PORT_MAX = 65535, RATE_MAX = 100000, SYMBOLS_MIN = 12, SYMBOLS_MAX = 24 };

static const char usage_text[] =
    "usage: tickcast demo [--port N] [--rate N] [--symbols N]\n"
    "\n"
    "Starts a broker that speaks the Kafka protocol, a feed of made-up prices into it, and the "
    "server,\n"
    "all in this process and on 127.0.0.1 only. Open the address that it prints. Nothing is kept.\n"
    "\n"
    "  --port N           of the page and of /ws (8080; 0: any free port)\n"
    "  --rate N           updates per second over all symbols (240)\n"
    "  --symbols N        how many symbols, 12 to 24 (12)\n"
    "\n"
    "examples:\n"
    "  tickcast demo\n"
    "  tickcast demo --port 9000 --rate 2000\n"
    "\n"
    "exit: 0 stopped cleanly, 2 usage, 3 start-up (the port is in use)\n";

/* An idle fetch of the mock broker sleeps its whole fetch.wait.max.ms. */
static const char conf_text[] =
    "listen: \"127.0.0.1:%" PRIu64 "\"\n"
    "admin: { listen: \"127.0.0.1:0\" }\n"
    "log: { level: error }\n"
    "workers: { count: 1 }\n"
    "limits: { connections: 1000 }\n"
    "timeouts: { drain_s: 3 }\n"
    "sources:\n"
    "  - name: demo\n"
    "    kafka:\n"
    "      brokers: \"%s\"\n"
    "      properties: { fetch.wait.max.ms: \"1\" }\n"
    "      start: earliest\n"
    "      topics:\n"
    "        - { topic: ticks, format: json, room: \"ticker-{key}\", event: ticker-update, class: "
    "latest }\n";

struct options {
    uint64_t port;
    uint64_t rate;
    uint64_t symbols;
    bool is_help;
};

struct demo {
    struct options o;
    struct tc_kafka_mock *mock;
    struct tc_conf conf;
    struct tc_rules rules;
    struct tc_types types;
    struct tc_engine *engine;
    rd_kafka_t *producer;
    struct tc_thread feed;
    _Atomic bool is_stopping;
    char kcat[TEXT_BYTES];
};

/* What the page asks for; written before the engine starts. */
static char page_json[4 * TEXT_BYTES];

static bool find_page(struct tc_str path, struct tc_page *out)
{
    if (!tc_str_eq(path, TC_STR("/page.json")))
        return tc_pages_find(path, out);
    *out = (struct tc_page){ "application/json", page_json, strlen(page_json) };
    return true;
}

/* ---- the feed ---- */

static void sleep_until(const struct demo *d, int64_t at_ns)
{
    enum { LOOK_NS = 100000000 };
    for (int64_t left_ns = at_ns - tc_os_mono_ns(); left_ns > 0 && !atomic_load(&d->is_stopping);
         left_ns = at_ns - tc_os_mono_ns()) {
        int64_t nap_ns = TC_MIN(left_ns, (int64_t)LOOK_NS);
        struct timespec nap = { 0, nap_ns };
        nanosleep(&nap, NULL);
    }
}

static void feed_main(void *arg)
{
    struct demo *d = arg;
    struct tc_err err;
    struct tc_pub_item item;
    int64_t start_ns = tc_os_mono_ns();
    struct tc_pub_input *input =
        tc_pub_input_synth((uint32_t)d->o.rate, (uint32_t)d->o.symbols, tc_os_random_u64());
    while (!atomic_load(&d->is_stopping) && tc_pub_input_next(input, &item, &err) > 0) {
        sleep_until(d, start_ns + item.due_ns);
        /* the array form: the macros of rd_kafka_producev are not pedantic C */
        rd_kafka_vu_t fields[] = {
            { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = "ticks" },
            { .vtype = RD_KAFKA_VTYPE_KEY,
              .u.mem = { (void *)(uintptr_t)item.key.ptr, item.key.len } },
            { .vtype = RD_KAFKA_VTYPE_VALUE,
              .u.mem = { (void *)(uintptr_t)item.value.ptr, item.value.len } },
            { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        };
        rd_kafka_error_t *error = rd_kafka_produceva(d->producer, fields, TC_ARRAY_CNT(fields));
        if (error) /* a full queue drops the tick: the next one is as good */
            rd_kafka_error_destroy(error);
        rd_kafka_poll(d->producer, 0);
    }
    tc_pub_input_close(input);
}

static int open_producer(struct demo *d, struct tc_err *err)
{
    char text[512];
    const char *const settings[][2] = {
        { "bootstrap.servers", tc_kafka_mock_bootstrap(d->mock) },
        { "linger.ms", "1" },
        { "log_level", "2" },
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < TC_ARRAY_CNT(settings); i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(conf);
            return tc_err_set(err, -TC_EINTERNAL, "%s", text);
        }
    }
    d->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (d->producer)
        return TC_OK;
    rd_kafka_conf_destroy(conf);
    return tc_err_set(err, -TC_EINTERNAL, "%s", text);
}

/* ---- start and stop ---- */

static int load_conf(struct demo *d, struct tc_err *err)
{
    char text[TEXT_BYTES];
    int len = snprintf(text, sizeof(text), conf_text, d->o.port, tc_kafka_mock_bootstrap(d->mock));
    TC_ASSERT(len > 0 && (size_t)len < sizeof(text));
    int rc = tc_conf_parse(&d->conf, (struct tc_str){ text, (size_t)len }, NULL, err);
    if (rc == TC_OK)
        rc = tc_check_rules(&d->conf, &d->rules, err);
    return rc < 0 ? rc : tc_types_load(&d->types, &d->conf, &d->rules, err);
}

/* The line with which a user publishes a tick, and the page's copy of it. */
static void write_texts(struct demo *d)
{
    char escaped[2 * TEXT_BYTES];
    snprintf(d->kcat, sizeof(d->kcat),
             "echo 'BTCUSDT:{\"symbol\":\"BTCUSDT\",\"price\":\"99999.00\",\"by\":\"me\"}' | "
             "kcat -P -b %s -t ticks -K :",
             tc_kafka_mock_bootstrap(d->mock));
    size_t len = tc_json_escape(escaped, sizeof(escaped), tc_str_from(d->kcat));
    TC_ASSERT(len != TC_JSON_NO_ROOM);
    snprintf(page_json, sizeof(page_json), "{\"title\":\"tickcast demo\",\"kcat\":\"%.*s\"}\n",
             (int)len, escaped);
}

static int start(struct demo *d, struct tc_err *err)
{
    static const struct tc_kafka_mock_topic topics[] = { { "ticks", 4 } };
    tc_engine_signals_block();
    d->mock = tc_kafka_mock_start(topics, TC_ARRAY_CNT(topics), err);
    if (!d->mock)
        return err->code < 0 ? err->code : -TC_EIO;
    write_texts(d);
    int rc = load_conf(d, err);
    if (rc == TC_OK)
        rc = open_producer(d, err);
    if (rc < 0)
        return rc;
    struct tc_engine_conf engine = { .conf = &d->conf,
                                     .rules = &d->rules,
                                     .page = find_page,
                                     .grpc = &tc_services,
                                     .types = &d->types,
                                     .version = TC_VERSION,
                                     .log_fd = STDERR_FILENO };
    rc = tc_engine_start(&d->engine, &engine, err);
    return rc < 0 ? rc : tc_thread_start(&d->feed, "demo-feed", -1, feed_main, d, err);
}

static void stop(struct demo *d)
{
    atomic_store(&d->is_stopping, true);
    tc_thread_join(&d->feed);
    if (d->engine)
        tc_engine_stop(d->engine);
    if (d->producer) {
        rd_kafka_purge(d->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(d->producer);
    }
    tc_kafka_mock_stop(d->mock);
    tc_types_free(&d->types);
    tc_conf_fini(&d->conf);
}

static void greet(const struct demo *d)
{
    char page[TC_ADDR_TEXT_BYTES];
    char admin[TC_ADDR_TEXT_BYTES];
    tc_addr_text(tc_engine_addr(d->engine), page);
    tc_addr_text(tc_engine_admin_addr(d->engine), admin);
    printf("tickcast demo: %" PRIu64 " symbols, %" PRIu64 " updates/s from a broker at %s\n"
           "\n"
           "  page      http://%s/\n"
           "  metrics   http://%s/metrics\n"
           "\n"
           "Publish a tick of your own, it appears on the page:\n"
           "\n"
           "  %s\n"
           "\n"
           "Ctrl-C stops it.\n",
           d->o.symbols, d->o.rate, tc_kafka_mock_bootstrap(d->mock), page, admin, d->kcat);
    fflush(stdout);
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "tickcast demo: %s%s\ntry: tickcast demo --help\n", what, value);
    return TC_EXIT_USAGE;
}

/* TC_EXIT_OK, or TC_EXIT_USAGE after a message. */
static int take_options(struct options *o, int argc, char **argv)
{
    const struct {
        const char *name;
        uint64_t min;
        uint64_t max;
        uint64_t *out;
    } rows[] = {
        { "--port", 0, PORT_MAX, &o->port },
        { "--rate", 1, RATE_MAX, &o->rate },
        { "--symbols", SYMBOLS_MIN, SYMBOLS_MAX, &o->symbols },
    };
    for (int i = 1; i < argc; i++) {
        char what[64];
        size_t row = 0;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            o->is_help = true;
            continue;
        }
        while (row < TC_ARRAY_CNT(rows) && strcmp(argv[i], rows[row].name) != 0)
            row++;
        if (row == TC_ARRAY_CNT(rows))
            return wrong("not understood: ", argv[i]);
        if (i + 1 == argc)
            return wrong("it needs a number: ", argv[i]);
        i++;
        snprintf(what, sizeof(what), "%s is %" PRIu64 "..%" PRIu64 ", not ", rows[row].name,
                 rows[row].min, rows[row].max);
        if (!tc_fmt_parse_u64(tc_str_from(argv[i]), rows[row].max, rows[row].out) ||
            *rows[row].out < rows[row].min)
            return wrong(what, argv[i]);
    }
    return TC_EXIT_OK;
}

int tc_cmd_demo(int argc, char **argv)
{
    struct options o = { .port = 8080, .rate = 240, .symbols = SYMBOLS_MIN };
    struct tc_err err = { .code = 0 };
    if (take_options(&o, argc, argv) != TC_EXIT_OK)
        return TC_EXIT_USAGE;
    if (o.is_help) {
        fputs(usage_text, stdout);
        return TC_EXIT_OK;
    }
    struct demo *d = tc_alloc(sizeof(*d));
    d->o = o;
    int rc = start(d, &err);
    if (rc == TC_OK) {
        greet(d);
        (void)tc_engine_wait(d->engine, -1, NULL, NULL);
    } else {
        fprintf(stderr, "tickcast demo: cannot start: %s%s\n", err.text,
                rc == -TC_EIO ? "; --port N takes another port" : "");
    }
    stop(d);
    tc_free(d);
    return rc == TC_OK ? TC_EXIT_OK : TC_EXIT_START;
}
