// SPDX-License-Identifier: Apache-2.0
#include "core/conf/schema.h"

#include <stdio.h>

#include "core/conf/value.h"

#define MS 1ull
#define HOUR (3600000 * MS)
#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

_Static_assert(sizeof(enum tc_conf_idle) == 4 && sizeof(enum tc_conf_class) == 4,
               "an enum is stored as a 32-bit word");

static const char *const idle_names[] = { "spin-then-sleep", "spin", "sleep", NULL };
static const char *const topology_names[] = { "auto", "fused", "separate", NULL };
static const char *const reactor_names[] = { "auto", "io_uring", "epoll", NULL };
static const char *const class_names[] = { "latest", "book", "every", NULL };
static const char *const format_names[] = { "json", "protobuf", NULL };
static const char *const framing_names[] = { "none", "confluent", NULL };
static const char *const unknown_names[] = { "refuse", "ignore", NULL };
static const char *const tls_names[] = { "1.2", "1.3", NULL };
static const char *const clients_names[] = { "none", "request", "require", NULL };
static const char *const level_names[] = { "debug", "info", "warn", "error", NULL };

/* clang-format off */
#define AT_CONF(field) .scope = TC_SCOPE_CONF, .off = offsetof(struct tc_conf, field)
#define AT_SOURCE(field) .scope = TC_SCOPE_SOURCE, .off = offsetof(struct tc_conf_source, field)
#define AT_RULE(field) .scope = TC_SCOPE_RULE, .off = offsetof(struct tc_conf_rule, field)
#define COUNT_OF(type, field) .cnt_off = offsetof(struct type, field)
#define RANGE(low, high) .min = (low), .max = (high)
#define LIMIT(name, kind, low, high, value, text)                                                  \
    { "limits." #name, kind, AT_CONF(limits.name), RANGE(low, high), .def = (value), .doc = (text) }
#define TIMEOUT(key, field, low, high, value, text)                                                \
    { "timeouts." #key, TC_KEY_SPAN, AT_CONF(timeouts.field), RANGE(low, high), .def = (value),    \
      .doc = (text) }

const struct tc_key tc_schema[] = {
    { "listen", TC_KEY_TEXT, AT_CONF(listen), RANGE(1, 256), .def = "127.0.0.1:8080",
      .doc = "Public address: the page, /ws, /health. [::1]:8080 for IPv6, 0.0.0.0:8080 for all "
             "addresses of the machine." },
    { "tls.listen", TC_KEY_TEXT, AT_CONF(tls.listen), RANGE(1, 256), .example = "0.0.0.0:8443",
      .doc = "Public address with TLS, beside listen: https://, wss://. Without it there is no "
             "TLS." },
    { "tls.certificates", TC_KEY_TEXT_LIST, AT_CONF(tls.certs), COUNT_OF(tc_conf, tls.cert_cnt),
      RANGE(1, 4096), .item_max = TC_CONF_CERTS_MAX, .example = "[\"ui.example.pem\"]",
      .doc = "Files with a certificate and those above it (PEM). Which one is used is decided by "
             "the name that the client asks for; the first one serves all other names. SIGHUP "
             "reads them again." },
    { "tls.keys", TC_KEY_TEXT_LIST, AT_CONF(tls.keys), COUNT_OF(tc_conf, tls.key_cnt),
      RANGE(1, 4096), .item_max = TC_CONF_CERTS_MAX, .example = "[\"ui.example.key\"]",
      .doc = "The private keys in the same order (PEM, without a passphrase). Empty: each is in "
             "its certificate's file. ECDSA costs a tenth of RSA." },
    { "tls.min_version", TC_KEY_ENUM, AT_CONF(tls.min_version), .def = "1.2",
      .names = tls_names, .doc = "The oldest version that is spoken." },
    { "tls.clients", TC_KEY_ENUM, AT_CONF(tls.clients), .def = "none", .names = clients_names,
      .doc = "Certificates of clients. request: verified if the client has one. require: no "
             "connection without." },
    { "tls.client_ca", TC_KEY_TEXT, AT_CONF(tls.client_ca), RANGE(1, 4096),
      .example = "clients-ca.pem",
      .doc = "File of the certificates (PEM) that may have signed those of clients." },
    { "tls.ticket_s", TC_KEY_SPAN, AT_CONF(tls.ticket_ms), RANGE(10 * MS, 24 * HOUR),
      .def = "3600",
      .doc = "A new key for session tickets this often. Clients resume with a ticket for one to "
             "two of these spans." },
    { "tls.memory_bytes", TC_KEY_SIZE64, AT_CONF(tls.memory_bytes), RANGE(1 * MIB, 1024 * GIB),
      .def = "536870912",
      .doc = "What TLS may take per worker, 16 to 32 KiB a connection. Beyond it connections are "
             "refused." },

    { "admin.listen", TC_KEY_TEXT, AT_CONF(admin_listen), RANGE(1, 256), .def = "127.0.0.1:9180",
      .doc = "Address of /metrics, /healthz and /readyz. Keep it away from the public." },
    { "origins", TC_KEY_TEXT_LIST, AT_CONF(origins), COUNT_OF(tc_conf, origin_cnt),
      RANGE(1, 256), .item_max = TC_CONF_ORIGINS_MAX, .example = "[\"https://ui.example\"]",
      .doc = "Web origins whose pages may connect. Empty: only pages that this server itself "
             "serves. Clients that are no browsers send none and are let in." },
    { "schemas", TC_KEY_TEXT_LIST, AT_CONF(schemas), COUNT_OF(tc_conf, schema_cnt),
      RANGE(1, 4096), .item_max = TC_CONF_SCHEMAS_MAX, .example = "[\"trading.binpb\"]",
      .doc = "Files of protobuf types for message of topics, as protoc --include_imports "
             "--descriptor_set_out=FILE writes them." },
    { "workers.count", TC_KEY_U32, AT_CONF(worker_cnt), RANGE(0, TC_WORKERS_MAX), .def = "0",
      .doc = "Worker threads, each with its own connections. 0: as many as workers.cpus names, or "
             "else from the cores of the machine." },
    { "workers.cpus", TC_KEY_U32_LIST, AT_CONF(worker_cpus), COUNT_OF(tc_conf, worker_cpu_cnt),
      RANGE(0, 4095), .item_max = TC_CONF_CPUS_MAX, .example = "[0, 1]",
      .doc = "The core of each worker. Empty: the system places them." },
    { "workers.idle", TC_KEY_ENUM, AT_CONF(idle), .def = "spin-then-sleep", .names = idle_names,
      .doc = "What a thread without work does: spin is the fastest and takes its core whole, sleep "
             "is the cheapest." },
    { "ingest.cpus", TC_KEY_U32_LIST, AT_CONF(ingest_cpus), COUNT_OF(tc_conf, ingest_cpu_cnt),
      RANGE(0, 4095), .item_max = TC_CONF_CPUS_MAX, .example = "[0]",
      .doc = "The core of the ingest thread of each source. Empty: the system places them." },
    { "topology", TC_KEY_ENUM, AT_CONF(topology), .def = "auto", .names = topology_names,
      .doc = "fused: ingest and worker share one thread (1 or 2 cores). separate: a thread each. "
             "auto: from the cores." },
    { "reactor", TC_KEY_ENUM, AT_CONF(reactor), .def = "auto", .names = reactor_names,
      .doc = "How the kernel is asked: auto takes io_uring where it is allowed, or else epoll." },
    { "log.level", TC_KEY_WORD, AT_CONF(log_level), .def = "info", .names = level_names,
      .doc = "The least level that is logged (JSON lines on stderr)." },

    LIMIT(event_bytes, TC_KEY_SIZE32, 64, TC_EVENT_BYTES_MAX, "65536",
          "Largest payload of one event. A larger record is quarantined and its room told of a "
          "gap."),
    LIMIT(rooms, TC_KEY_U32, 1, 16000000, "100000", "Rooms of one source."),
    LIMIT(connections, TC_KEY_U32, 1, 4000000, "20000",
          "Connections over all workers. Further ones are refused with 503."),
    LIMIT(conn_rooms, TC_KEY_U32, 1, 65536, "1024", "Rooms that one connection may subscribe to."),
    LIMIT(members, TC_KEY_U32, 1, 64000000, "262144", "Subscriptions of one worker."),
    LIMIT(waiting_rooms, TC_KEY_U32, 1, 1000000, "4096",
          "Subscribed names that have no record yet, per worker."),
    LIMIT(pending, TC_KEY_U32, 1, 16000000, "16384",
          "Subscriptions that wait for their confirmation, per worker."),
    LIMIT(cmd_rate, TC_KEY_U32, 1, 1000000, "100", "Commands per second and connection."),
    LIMIT(cmd_burst, TC_KEY_U32, 1, 1000000, "2048",
          "Commands that a connection may send at once; then cmd_rate holds."),
    LIMIT(conflate_bytes, TC_KEY_SIZE32, 1 * KIB, 1 * GIB, "16384",
          "A client this far behind gets the newest value instead of all (class latest)."),
    LIMIT(conflate_ms, TC_KEY_SPAN, 1 * MS, 1 * HOUR, "100", "The same in time."),
    LIMIT(resume_events, TC_KEY_U32, 1, 16000000, "65536",
          "Events that a resume may replay without being conflated."),
    LIMIT(turn_bytes, TC_KEY_SIZE32, 4 * KIB, 16 * MIB, "65536",
          "Bytes that one connection may catch up in one turn of its worker."),
    LIMIT(spill_bytes, TC_KEY_SIZE64, 64 * KIB, 64 * GIB, "67108864",
          "Memory for unfinished frames of slow clients, per worker. When it is spent, such a "
          "client is cut off, and resumes."),
    LIMIT(streams, TC_KEY_U32, 1, 1000000, "16384",
          "HTTP/2 streams (requests, gRPC calls) that may be open at once, per worker."),
    LIMIT(http2_bytes, TC_KEY_SIZE64, 1 * MIB, 1024 * GIB, "268435456",
          "What HTTP/2 may take per worker, 27 KiB a connection and 1 KiB a stream. Beyond it "
          "connections are refused."),
    LIMIT(sndbuf_bytes, TC_KEY_SIZE32, 0, 64 * MIB, "0",
          "Send buffer of each connection in the kernel. 0: the system decides."),
    LIMIT(memory_bytes, TC_KEY_SIZE64, 0, 1024 * GIB, "0",
          "The most memory that the limits may add up to; beyond it the start is refused. 0: no "
          "bound."),

    TIMEOUT(head_ms, head_ms, 10 * MS, 1 * HOUR, "10000",
            "An HTTP request head, or a WebSocket message that was begun, must have arrived."),
    TIMEOUT(ping_ms, ping_ms, 10 * MS, 1 * HOUR, "25000",
            "The server pings a client after this much silence."),
    TIMEOUT(idle_ms, idle_ms, 20 * MS, 24 * HOUR, "60000",
            "A client that does not answer is closed after this much silence."),
    TIMEOUT(warmup_ms, warmup_ms, 0, 1 * HOUR, "5000",
            "Subscriptions wait at most this long for the history to be read at the start."),
    TIMEOUT(resume_ms, resume_ms, 0, 1 * HOUR, "5000",
            "A resume from a position that this node has not reached waits at most this long."),
    TIMEOUT(stale_ms, stale_ms, 0, 24 * HOUR, "5000",
            "A source that is away or silent for this long is called stale. 0: silence is not "
            "noticed."),
    TIMEOUT(drain_s, drain_ms, 0, 1 * HOUR, "10",
            "On SIGTERM clients have this long to leave."),

    { "sources[].name", TC_KEY_TEXT, AT_SOURCE(name), .is_required = true,
      RANGE(1, TC_SOURCE_NAME_MAX), .example = "main",
      .doc = "First part of the names of its logs; letters, digits and . _ -" },
    { "sources[].delay_ms", TC_KEY_SPAN, AT_SOURCE(delay_ms), RANGE(0, 24 * HOUR), .def = "0",
      .doc = "Records are handed on this long after their time: a delayed feed." },
    { "sources[].history.bytes", TC_KEY_SIZE64, AT_SOURCE(history_bytes),
      RANGE(64 * KIB, 256 * GIB), .def = "67108864",
      .doc = "Memory for payloads: how far back clients can resume. At least 16 events of "
             "limits.event_bytes." },
    { "sources[].history.events", TC_KEY_U32, AT_SOURCE(history_events), RANGE(64, 1u << 30),
      .def = "262144", .doc = "The same in events; rounded up to a power of two." },
    { "sources[].history.last_value_bytes", TC_KEY_SIZE64, AT_SOURCE(last_value_bytes),
      RANGE(0, 256 * GIB), .def = "33554432",
      .doc = "Memory for the newest values of quiet rooms, whose events have left the history." },
    { "sources[].kafka.brokers", TC_KEY_TEXT, AT_SOURCE(kafka.brokers), .is_required = true,
      RANGE(1, 4096), .example = "127.0.0.1:9092",
      .doc = "host:port,... of Kafka." },
    { "sources[].kafka.properties", TC_KEY_PROPERTIES, AT_SOURCE(kafka.properties),
      COUNT_OF(tc_conf_source, kafka.property_cnt), RANGE(0, 4096),
      .item_max = TC_CONF_PROPERTIES_MAX, .example = "{ fetch.wait.max.ms: \"5\" }",
      .doc = "Settings of librdkafka, for security and tuning." },
    { "sources[].kafka.start", TC_KEY_START, AT_SOURCE(kafka.start), .def = "latest",
      .doc = "Where reading begins: latest, earliest, a time (\"2024-08-08T12:00:00Z\"), or a span "
             "back (\"-10m\"). What is read warms the history and the last values." },
    { "sources[].kafka.topics[].topic", TC_KEY_TEXT, AT_RULE(topic), .is_required = true,
      RANGE(1, TC_TOPIC_NAME_MAX), .example = "ticks",
      .doc = "All of its partitions are read." },
    { "sources[].kafka.topics[].format", TC_KEY_ENUM, AT_RULE(format), .def = "json",
      .names = format_names,
      .doc = "What the records hold. protobuf needs message. Each client gets what its protocol "
             "speaks: JSON over WebSocket, protobuf over gRPC." },
    { "sources[].kafka.topics[].message", TC_KEY_TEXT, AT_RULE(message),
      RANGE(1, TC_MESSAGE_NAME_MAX), .example = "jts.marketdata.v1.Tick",
      .doc = "Full name of the protobuf message that the values are: of the program's own "
             "(docs/schema.md), or of a file in schemas. With format json values are checked "
             "against it, and gRPC clients get them typed. Without it they get the bytes." },
    { "sources[].kafka.topics[].framing", TC_KEY_ENUM, AT_RULE(framing), .def = "none",
      .names = framing_names,
      .doc = "confluent: a value begins with a schema registry's frame, which is taken off. The "
             "registry is not asked: message says what the value is." },
    { "sources[].kafka.topics[].unknown_fields", TC_KEY_ENUM, AT_RULE(unknown), .def = "refuse",
      .names = unknown_names,
      .doc = "Members of a JSON value that message does not have: refuse quarantines the record, "
             "ignore leaves them out for gRPC clients." },
    { "sources[].kafka.topics[].room", TC_KEY_TEMPLATE, AT_RULE(room), .is_required = true,
      RANGE(1, 1024), .example = "ticker-{key}",
      .doc = "The room of a record: text with {key}, {topic}, {partition}, {header:NAME} and "
             "{field:PATH}, like \"quote-{field:data.s}\". No two topics may make the same room." },
    { "sources[].kafka.topics[].event", TC_KEY_TEXT, AT_RULE(event), .is_required = true,
      RANGE(1, TC_EVENT_NAME_MAX), .example = "ticker-update",
      .doc = "The \"event\" that clients see in each update." },
    { "sources[].kafka.topics[].class", TC_KEY_ENUM, AT_RULE(class), .def = "latest",
      .names = class_names,
      .doc = "What a slow client is promised. latest: the newest value, with a notice of what was "
             "skipped. book and every are not supported yet." },
    { "sources[].kafka.topics[].start", TC_KEY_START, AT_RULE(start), .example = "earliest",
      .doc = "Of this topic alone; without it the source's." },

    { "sources[].synth.symbols", TC_KEY_U32, AT_SOURCE(synth.symbols), RANGE(1, 100000),
      .def = "12", .doc = "Symbols S0, S1, ..." },
    { "sources[].synth.rate", TC_KEY_U32, AT_SOURCE(synth.rate), RANGE(0, 10000000),
      .def = "1000", .doc = "Messages per second over all symbols. 0: none." },
    { "sources[].synth.burst", TC_KEY_U32, AT_SOURCE(synth.burst), RANGE(1, 1000000), .def = "1",
      .doc = "Messages are sent in groups of this many." },
    { "sources[].synth.payload_bytes", TC_KEY_SIZE32, AT_SOURCE(synth.payload_bytes),
      RANGE(0, TC_EVENT_BYTES_MAX), .def = "150", .doc = "About this long is each payload." },
    { "sources[].synth.seed", TC_KEY_U64, AT_SOURCE(synth.seed), RANGE(0, UINT64_MAX), .def = "1",
      .doc = "The same seed makes the same prices." },
    { "sources[].synth.room", TC_KEY_TEMPLATE, AT_RULE(room), RANGE(1, 1024),
      .def = "ticker-S{n}", .doc = "Room template; {n} is the number of the symbol." },
    { "sources[].synth.event", TC_KEY_TEXT, AT_RULE(event), RANGE(1, TC_EVENT_NAME_MAX),
      .def = "ticker-update", .doc = "The \"event\" of each update." },

    { "sources[].replay.file", TC_KEY_FILE, AT_SOURCE(replay.file), .is_required = true,
      RANGE(1, 4096), .example = "recording.jsonl.gz",
      .doc = "Lines of receive time (ns), a blank and JSON; plain or gzip." },
    { "sources[].replay.speed", TC_KEY_FLOAT, AT_SOURCE(replay.speed), RANGE(0, 1000000000),
      .def = "1", .doc = "1: as recorded. 10: ten times faster. 0: without pauses." },
    { "sources[].replay.room", TC_KEY_TEMPLATE, AT_RULE(room), RANGE(1, 1024),
      .def = "ticker-{field:data.s}", .doc = "Room template." },
    { "sources[].replay.event", TC_KEY_TEXT, AT_RULE(event), RANGE(1, TC_EVENT_NAME_MAX),
      .def = "ticker-update", .doc = "The \"event\" of each update." },
};
const size_t tc_schema_cnt = TC_ARRAY_CNT(tc_schema);

const struct tc_key_group tc_schema_groups[] = {
    { "", "Where the server listens, and how it runs." },
    { "tls", "TLS on a public port of its own." },
    { "admin", "The second port." },
    { "workers", "The threads that serve connections." },
    { "ingest", "The threads that read sources." },
    { "log", "The log." },
    { "limits", "Bounds. Memory is taken for them at the start; --print-memory shows how much." },
    { "timeouts", "Times: a number in the unit that the name ends in, or a text like \"10s\"." },
    { "sources[]", "Where records come from, at least one. Each has exactly one of kafka, synth "
                   "and replay." },
    { "sources[].history", "What is kept in memory for resume and catch-up." },
    { "sources[].kafka", "Topics of Apache Kafka." },
    { "sources[].kafka.topics[]", "At least one." },
    { "sources[].synth", "A generator, for measurements and demos." },
    { "sources[].replay", "A recorded feed." },
};
/* clang-format on */
const size_t tc_schema_group_cnt = TC_ARRAY_CNT(tc_schema_groups);

const struct tc_key *tc_schema_find(const char *path)
{
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        if (strcmp(tc_schema[i].path, path) == 0)
            return &tc_schema[i];
    }
    return NULL;
}

static bool is_above(const char *path, const char *next)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        const char *whole = tc_schema[i].path;
        if (strncmp(whole, path, len) == 0 && strncmp(whole + len, next, strlen(next)) == 0)
            return true;
    }
    return false;
}

bool tc_schema_is_map(const char *path)
{
    return is_above(path, ".");
}

bool tc_schema_is_list(const char *path)
{
    return is_above(path, "[]");
}

size_t tc_schema_names(const char *path, struct tc_str *names, size_t max)
{
    size_t len = strlen(path);
    size_t cnt = 0;
    for (size_t i = 0; i < tc_schema_cnt && cnt < max; i++) {
        const char *at = tc_schema[i].path;
        if (strncmp(at, path, len) != 0 || (len > 0 && at[len] != '.'))
            continue;
        at += len + (len > 0);
        struct tc_str name = { at, strcspn(at, ".[") };
        bool is_known = false;
        for (size_t j = 0; j < cnt; j++)
            is_known = is_known || tc_str_eq(names[j], name);
        if (!is_known)
            names[cnt++] = name;
    }
    return cnt;
}

const char *tc_schema_leaf(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

const char *tc_schema_env(const struct tc_key *key, char *out, size_t out_bytes)
{
    size_t len = (size_t)snprintf(out, out_bytes, TC_ENV_PREFIX);
    const char *tail = key->type == TC_KEY_PROPERTIES ? "_NAME" : key->item_max ? "_N" : "";
    for (const char *p = key->path; *p && len + 8 < out_bytes; p++) {
        if (p[0] == '[') {
            out[len++] = '_';
            out[len++] = 'N';
            p++;
        } else {
            out[len] = tc_value_upper(*p);
            if (*p == '.')
                out[len] = '_';
            len++;
        }
    }
    snprintf(out + len, out_bytes - len, "%s", tail);
    return out;
}
