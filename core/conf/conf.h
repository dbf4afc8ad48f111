// SPDX-License-Identifier: Apache-2.0
/* core/conf: what the operator decided, as one plain struct.
 *
 * conf.h is the result only; schema.h has the table that drives parsing, environment names, the
 * commented default and docs/configuration.md. All texts are NUL-terminated and belong to the
 * struct (arena freed by tc_conf_fini). Sizes in bytes, spans in ms, unless named otherwise.
 * Threads: written at start-up by one thread, read-only afterwards. */
#ifndef TC_CORE_CONF_CONF_H
#define TC_CORE_CONF_CONF_H

#include "core/base/limits.h"

enum tc_conf_idle { TC_IDLE_SPIN_THEN_SLEEP, TC_IDLE_SPIN, TC_IDLE_SLEEP };
enum tc_conf_topology { TC_TOPOLOGY_AUTO, TC_TOPOLOGY_FUSED, TC_TOPOLOGY_SEPARATE };
enum tc_conf_reactor { TC_REACTOR_AUTO, TC_REACTOR_IO_URING, TC_REACTOR_EPOLL };
enum tc_conf_tls_version { TC_TLS_1_2, TC_TLS_1_3 };
enum tc_conf_clients { TC_CLIENTS_NONE, TC_CLIENTS_REQUEST, TC_CLIENTS_REQUIRE };
enum tc_conf_source_kind { TC_SOURCE_KAFKA, TC_SOURCE_SYNTH, TC_SOURCE_REPLAY };
enum tc_conf_class {
    TC_CLASS_LATEST,
    TC_CLASS_BOOK,
    TC_CLASS_EVERY
}; /* book, every: refused for now */
enum tc_conf_format { TC_FORMAT_JSON, TC_FORMAT_PROTOBUF };
enum tc_conf_framing { TC_FRAMING_NONE, TC_FRAMING_CONFLUENT };
enum tc_conf_unknown { TC_UNKNOWN_REFUSE, TC_UNKNOWN_IGNORE };

enum {
    TC_CONF_CPUS_MAX = 64,
    TC_CONF_ORIGINS_MAX = 64,
    TC_CONF_PROPERTIES_MAX = 64,
    TC_CONF_CERTS_MAX = 32,
    TC_CONF_SCHEMAS_MAX = 15,
};

/* Where reading a log begins. span_ms: that far back from now; time_ms: since the epoch. */
enum tc_conf_start_kind { TC_START_LATEST, TC_START_EARLIEST, TC_START_TIME, TC_START_SPAN };
struct tc_conf_start {
    enum tc_conf_start_kind kind;
    int64_t ms;
};

struct tc_conf_property {
    const char *name;
    const char *value;
    int line; /* of the name, for errors that the library finds later */
    int col;
};

/* One topic and how its records become events. For synth and replay one such rule stands in
 * struct tc_conf_source with topic set to the source's kind. */
struct tc_conf_rule {
    const char *topic;
    enum tc_conf_format format;
    const char *message;          /* full name of the type of its values; NULL: none */
    enum tc_conf_framing framing; /* what stands before a value */
    enum tc_conf_unknown unknown; /* JSON members that the type does not have */
    const char *room;             /* template */
    const char *event;            /* "ticker-update" */
    enum tc_conf_class class;
    struct tc_conf_start start; /* the source's unless set per topic */
    int line;                   /* of the room template, for errors */
    int col;
};

struct tc_conf_kafka {
    const char *brokers;
    struct tc_conf_property properties[TC_CONF_PROPERTIES_MAX];
    uint32_t property_cnt;
    struct tc_conf_start start;
};

struct tc_conf_synth {
    uint32_t symbols; /* 1..100000 */
    uint32_t rate;    /* messages per second over all symbols; 0: none */
    uint32_t burst;   /* sent in groups of this many */
    uint32_t payload_bytes;
    uint64_t seed;
};

struct tc_conf_replay {
    const char *file;
    double speed; /* 1: as recorded; 10: ten times faster; 0: as fast as possible */
    int line;     /* of file, for errors when it is opened */
    int col;
};

struct tc_conf_source {
    const char *name;
    enum tc_conf_source_kind kind;
    uint64_t history_bytes;    /* payload ring */
    uint32_t history_events;   /* descriptor ring, rounded up to a power of two */
    uint64_t last_value_bytes; /* budget of slots for values that left the ring */
    uint32_t delay_ms; /* records are handed on this long after their time: a delayed feed */
    struct tc_conf_kafka kafka;
    struct tc_conf_synth synth;
    struct tc_conf_replay replay;
    struct tc_conf_rule *rules;
    uint32_t rule_cnt;
};

struct tc_conf_limits {
    uint32_t event_bytes;    /* 65536: payload of one event */
    uint32_t rooms;          /* 100000: per source */
    uint32_t connections;    /* 20000: over all workers */
    uint32_t conn_rooms;     /* 1024: rooms per connection */
    uint32_t members;        /* 262144: subscriptions per worker */
    uint32_t waiting_rooms;  /* 4096: names without a record, per worker */
    uint32_t pending;        /* 16384: subscriptions not yet confirmed, per worker */
    uint32_t cmd_rate;       /* 100: commands per second and connection */
    uint32_t cmd_burst;      /* 2048 */
    uint32_t conflate_bytes; /* 16384 */
    uint32_t conflate_ms;    /* 100 */
    uint32_t resume_events;  /* 65536: events that a resume may replay without conflation */
    uint32_t turn_bytes;     /* 65536: catch-up bytes per connection and turn */
    uint64_t spill_bytes;    /* 64 MiB: spill pool per worker */
    uint32_t streams;        /* 16384: HTTP/2 streams per worker */
    uint64_t http2_bytes;    /* 256 MiB: what nghttp2 may take, per worker */
    uint32_t sndbuf_bytes;   /* 0: the system's; otherwise SO_SNDBUF of each connection */
    uint64_t memory_bytes;   /* 0: none */
};

struct tc_conf_timeouts {
    uint32_t head_ms;   /* 10000: an HTTP head must have arrived */
    uint32_t ping_ms;   /* 25000: server ping after this much silence of the client */
    uint32_t idle_ms;   /* 60000: closed after this much silence */
    uint32_t warmup_ms; /* 5000: subscriptions wait this long for the first end of partition */
    uint32_t resume_ms; /* 5000: a resume ahead of this node waits this long */
    uint32_t stale_ms;  /* 5000: a source away or silent this long is stale; 0: never for silence */
    uint32_t drain_ms;  /* 10000 (drain_s: 10) */
};

struct tc_conf_tls {
    const char *listen; /* NULL: no TLS */
    const char *certs[TC_CONF_CERTS_MAX];
    uint32_t cert_cnt;
    const char *keys[TC_CONF_CERTS_MAX];
    uint32_t key_cnt; /* 0: in the files of the certificates; else as many as those */
    enum tc_conf_tls_version min_version;
    enum tc_conf_clients clients;
    const char *client_ca; /* NULL: none */
    uint32_t ticket_ms;
    uint64_t memory_bytes; /* per worker */
};

struct tc_conf {
    const char *listen;       /* "127.0.0.1:8080" */
    const char *admin_listen; /* "127.0.0.1:9180" */
    struct tc_conf_tls tls;
    const char *schemas[TC_CONF_SCHEMAS_MAX]; /* files of descriptor sets */
    uint32_t schema_cnt;
    const char *origins[TC_CONF_ORIGINS_MAX];
    uint32_t origin_cnt;
    uint32_t worker_cnt; /* 0: from the cores */
    uint32_t worker_cpus[TC_CONF_CPUS_MAX];
    uint32_t worker_cpu_cnt; /* 0: not pinned */
    enum tc_conf_idle idle;
    uint32_t ingest_cpus[TC_CONF_CPUS_MAX];
    uint32_t ingest_cpu_cnt;
    enum tc_conf_topology topology;
    enum tc_conf_reactor reactor;
    const char *log_level; /* debug info warn error */
    struct tc_conf_limits limits;
    struct tc_conf_timeouts timeouts;
    struct tc_conf_source sources[TC_SOURCES_MAX];
    uint32_t source_cnt;
    void *arena; /* texts and rules */
};

#endif
