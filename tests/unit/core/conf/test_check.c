// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "tests/unit/core/conf/fixture.h"

Test(check, top)
{
    /* Goal: addresses, origins and numbers that do not fit together are refused at their place. */
    static const struct row rows[] = {
        { SYNTH "listen: nowhere\n", 2, 9, "listen: \"nowhere\" has no port" },
        { SYNTH "listen: \"::1:80\"\n", 2, 9, "brackets" },
        { SYNTH "admin: { listen: \":80\" }\n", 2, 18, "admin.listen: \":80\" has no host" },
        { SYNTH "admin: { listen: \"127.0.0.1:8080\" }\n", 2, 18, "same address as listen" },
        { SYNTH "origins: [\"https://a\", \"b.example\"]\n", 2, 24, "origins[1]" },
        { SYNTH "origins: [\"https://a/\"]\n", 2, 11, "no path" },
        { SYNTH "origins: [\"*\"]\n", 2, 11, "not an origin" },
        { SYNTH "workers: { count: 2, cpus: [0] }\n", 2, 28, "names 1 cores for 2 workers" },
        { SYNTH "timeouts: { idle_ms: 20000 }\n", 2, 22, "larger than ping_ms" },
        { "listen: \"127.0.0.1:1\"\n", 1, 1, "sources: no source" },
        { "", 1, 1, "no source" },
        { "sources:\n", 1, 9, "no source" },
        { "sources: []\n", 1, 10, "no source" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
    cr_assert_eq(parse(SYNTH "workers: { cpus: [0, 1] }\nlisten: \"[::1]:0\"\n"
                             "admin: { listen: \"[::1]:0\" }\n"),
                 0, "%s", err.text);
    tc_conf_fini(&conf);
}

#define TLS SYNTH "tls:\n  listen: \"127.0.0.1:8443\"\n"

Test(check, tls)
{
    /* Goal: what belongs together in the tls section is there together, at an address of its own.
     */
    static const struct row rows[] = {
        { SYNTH "tls: { certificates: [a] }\n", 2, 6, "has no listen" },
        { TLS, 3, 3, "tls.certificates: is missing" },
        { TLS "  certificates: [a]\n  keys: [a, b]\n", 5, 9, "names 2 files for 1" },
        { TLS "  certificates: [a]\n  clients: require\n", 3, 3, "tls.client_ca: goes together" },
        { TLS "  certificates: [a]\n  client_ca: b\n", 5, 14, "goes together" },
        { TLS "  certificates: [a]\nlisten: \"127.0.0.1:8443\"\n", 3, 11, "another port" },
        { TLS "  certificates: [a]\nadmin: { listen: \"127.0.0.1:8443\" }\n", 3, 11,
          "another port" },
        { SYNTH "tls: { listen: here, certificates: [a] }\n", 2, 16, "has no port" },
        { TLS "  min_version: 1.1\n", 4, 16, "\"1.1\" is unknown, did you mean 1.2?" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
    cr_assert_eq(parse(TLS "  certificates: [a, b]\n  clients: request\n  client_ca: c\n"
                           "  min_version: 1.3\n  ticket_s: 60\n"),
                 0, "%s", err.text);
    cr_assert_eq(conf.tls.cert_cnt, 2);
    cr_assert_eq(conf.tls.key_cnt, 0);
    cr_assert_eq(conf.tls.min_version, TC_TLS_1_3);
    cr_assert_eq(conf.tls.clients, TC_CLIENTS_REQUEST);
    cr_assert_eq(conf.tls.ticket_ms, 60000);
    tc_conf_fini(&conf);
}

Test(check, not_built)
{
    /* Goal: what is not built yet is refused by name, never half done. */
    static const struct row rows[] = {
        { TOPIC "          class: book\n", 9, 18, "not supported yet: class book" },
        { TOPIC "          class: every\n", 9, 18, "not supported yet: class every" },
        { TOPIC "          rate: 10\n", 9, 11, "unknown key" },
        { TOPIC "          format: avro\n", 9, 19, "Known: json" },
        { KAFKA "          room: orders-{key}\n          event: e\n", 7, 17, "orders-" },
        { KAFKA "          room: portfolio-{key}\n          event: e\n", 7, 17, "portfolio-" },
        { KAFKA "          room: notifications-x\n          event: e\n", 7, 17, "authentication" },
        { "sources: [ { name: s, synth: { room: \"orders-{n}\" } } ]\n", 1, 38, "orders-" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
}

Test(check, sources)
{
    /* Goal: names, sizes and kinds of sources are right before anything starts. */
    static const struct row rows[] = {
        { "sources:\n  - { name: a, synth: {} }\n  - { name: a, synth: {} }\n", 3, 13,
          "sources[1].name: \"a\" is the name of sources[0]" },
        { "sources: [ { name: a/b, synth: {} } ]\n", 1, 20, "not a name" },
        { "sources: [ { name: a } ]\n", 1, 12, "none of kafka, synth and replay" },
        { "sources: [ { name: a, history: { bytes: 65536 }, synth: {} } ]\n", 1, 41,
          "at least 1048576" },
        { SYNTH "limits: { event_bytes: 100 }\n", 1, 30, "more than limits.event_bytes" },
        { "sources: [ { name: a, history: { bytes: 1 }, synth: {} } ]\n", 1, 41, "out of range" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
}

Test(check, kafka)
{
    /* Goal: topics, events and properties that would break the engine are refused with the reason.
     */
    static const struct row rows[] = {
        { "sources: [ { name: a, kafka: { brokers: \"b:1\" } } ]\n", 1, 30, "no topics" },
        { "sources: [ { name: a, kafka: { brokers: \"b:1, c:1\" } } ]\n", 1, 41, "a blank" },
        { TOPIC "        - { topic: t, room: x, event: e }\n", 9, 20, "stands twice" },
        { TOPIC "        - { topic: \"^t.*\", room: x, event: e }\n", 9, 20, "not a topic" },
        { TOPIC "        - { topic: \"..\", room: x, event: e }\n", 9, 20, "not a topic" },
        { TOPIC "        - { topic: u, room: x, event: gap }\n", 9, 39, "protocol itself" },
        { TOPIC "        - { topic: u, room: x, event: \"a b\" }\n", 9, 39, "not an event name" },
        { TOPIC "      properties: { enable.auto.commit: true }\n", 9, 21,
          "enable.auto.commit cannot be set: positions" },
        { TOPIC "      properties: { auto.offset.reset: latest }\n", 9, 21, "kafka.start" },
        { TOPIC "      properties:\n        client.id: x\n        enable.partition.eof: false\n",
          11, 9, "caught up" },
        { TOPIC "      properties: { consume_cb: x }\n", 9, 21, "a function" },
        { TOPIC "      properties: { group.instance.id: x }\n", 9, 21, "no consumer group" },
        { TOPIC "      properties: { bootstrap.servers: x }\n", 9, 21, "kafka.brokers" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
    cr_assert_eq(parse(TOPIC "      properties: { security.protocol: ssl, group.id: g }\n"), 0,
                 "%s", err.text);
    tc_conf_fini(&conf);
}

Test(check, rules_bound)
{
    /* Goal: topics over all sources are bounded. */
    static char text[64 * 1024];
    size_t len = 0;
    for (int s = 0; s < 2; s++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s- name: s%d\n  kafka:\n    brokers: b\n    topics:\n",
                                s ? "" : "sources:\n", s);
        for (int i = 0; i < 130; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "    - { topic: t%d, room: \"r%d-%d\", event: e }\n", i, s, i);
    }
    cr_assert_lt(parse(text), 0);
    cr_assert(strstr(err.text, "at most 256"), "%s", err.text);
    cr_assert_eq(err.line, 136);
}
