// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "tests/unit/core/conf/fixture.h"

static const char example[] =
    "listen: \"127.0.0.1:8080\"\n"
    "admin: { listen: \"127.0.0.1:9180\" }\n"
    "origins: [\"https://ui.example\"]\n"
    "workers: { count: 2, cpus: [0, 1], idle: spin-then-sleep }\n"
    "ingest: { cpus: [0] }              # topology: fused | separate | auto\n"
    "reactor: auto                      # io_uring | epoll\n"
    "limits: { event_bytes: 65536, rooms: 100000, connections: 20000 }\n"
    "sources:\n"
    "  - name: main\n"
    "    history: { bytes: 67108864, events: 262144 }\n"
    "    kafka:\n"
    "      brokers: \"127.0.0.1:9092\"\n"
    "      properties: { fetch.wait.max.ms: \"5\" }\n"
    "      start: \"-10m\"                # latest, earliest, a time, or back by a span\n"
    "      topics:\n"
    "        - { topic: ticks,  format: json, room: \"ticker-{key}\",           event: "
    "ticker-update, class: latest }\n"
    "        - { topic: trades, format: json, room: \"trades-{header:symbol}\", event: "
    "trade-update,  class: latest }\n"
    "        - { topic: md.all, format: json, room: \"quote-{field:data.s}\",   event: "
    "quote-update,  class: latest }\n";

Test(parse, example)
{
    /* Goal: the configuration of the manual is taken as it stands, each value in its field. */
    cr_assert_eq(parse(example), 0, "%d:%d %s", err.line, err.col, err.text);
    cr_assert_str_eq(conf.listen, "127.0.0.1:8080");
    cr_assert_str_eq(conf.admin_listen, "127.0.0.1:9180");
    cr_assert_eq(conf.origin_cnt, 1);
    cr_assert_str_eq(conf.origins[0], "https://ui.example");
    cr_assert_eq(conf.worker_cnt, 2);
    cr_assert_eq(conf.worker_cpu_cnt, 2);
    cr_assert_eq(conf.worker_cpus[1], 1);
    cr_assert_eq(conf.ingest_cpu_cnt, 1);
    cr_assert_eq(conf.limits.rooms, 100000);
    cr_assert_eq(conf.source_cnt, 1);
    const struct tc_conf_source *s = &conf.sources[0];
    cr_assert_eq(s->kind, TC_SOURCE_KAFKA);
    cr_assert_eq(s->history_bytes, 67108864);
    cr_assert_eq(s->history_events, 262144);
    cr_assert_str_eq(s->kafka.brokers, "127.0.0.1:9092");
    cr_assert_eq(s->kafka.property_cnt, 1);
    cr_assert_str_eq(s->kafka.properties[0].name, "fetch.wait.max.ms");
    cr_assert_str_eq(s->kafka.properties[0].value, "5");
    cr_assert_eq(s->kafka.properties[0].line, 13);
    cr_assert_eq(s->kafka.properties[0].col, 21);
    cr_assert_eq(s->rule_cnt, 3);
    cr_assert_str_eq(s->rules[1].topic, "trades");
    cr_assert_str_eq(s->rules[1].room, "trades-{header:symbol}");
    cr_assert_str_eq(s->rules[2].event, "quote-update");
    cr_assert_eq(s->rules[2].line, 18);
    cr_assert_eq(s->rules[2].col, 48);
    cr_assert_eq(s->rules[2].start.kind, TC_START_SPAN);
    cr_assert_eq(s->rules[2].start.ms, 600000);
    tc_conf_fini(&conf);
    cr_assert_null(conf.arena);
}

Test(parse, places)
{
    /* Goal: what only a library or the disk can judge keeps its place in the file: the name of a
     * property, the value of a file; what a variable set has none. */
    static const char replay[] = "sources:\n  - name: r\n    replay:\n      file:\n        f.gz\n";
    static const char *const env[] = { "TICKCAST_SOURCES_0_REPLAY_FILE=other", NULL };
    cr_assert_eq(parse(TOPIC "      properties:\n        client.id: x\n        group.id:\n"
                             "          y\n"),
                 0, "%s", err.text);
    const struct tc_conf_kafka *kafka = &conf.sources[0].kafka;
    cr_assert_eq(kafka->property_cnt, 2);
    cr_expect_eq(kafka->properties[0].line, 10);
    cr_expect_eq(kafka->properties[0].col, 9);
    cr_expect_eq(kafka->properties[1].line, 11);
    cr_expect_eq(kafka->properties[1].col, 9);
    cr_assert_eq(parse(replay), 0, "%s", err.text);
    cr_expect_str_eq(conf.sources[0].replay.file, "f.gz");
    cr_expect_eq(conf.sources[0].replay.line, 5);
    cr_expect_eq(conf.sources[0].replay.col, 9);
    cr_assert_eq(parse_env(replay, env), 0, "%s", err.text);
    cr_expect_str_eq(conf.sources[0].replay.file, "other");
    cr_expect_eq(conf.sources[0].replay.line, 0);
    cr_expect_eq(conf.sources[0].replay.col, 0);
    tc_conf_fini(&conf);
}

Test(parse, defaults)
{
    /* Goal: what is not set has the default that conf.h states. */
    cr_assert_eq(parse(SYNTH), 0, "%s", err.text);
    cr_expect_str_eq(conf.listen, "127.0.0.1:8080");
    cr_expect_str_eq(conf.log_level, "info");
    cr_expect_eq(conf.worker_cnt, 0);
    cr_expect_eq(conf.worker_cpu_cnt, 0);
    cr_expect_eq(conf.origin_cnt, 0);
    cr_expect_eq(conf.idle, TC_IDLE_SPIN_THEN_SLEEP);
    cr_expect_eq(conf.limits.event_bytes, 65536);
    cr_expect_eq(conf.limits.connections, 20000);
    cr_expect_eq(conf.limits.conn_rooms, 1024);
    cr_expect_eq(conf.limits.cmd_burst, 2048);
    cr_expect_eq(conf.limits.conflate_ms, 100);
    cr_expect_eq(conf.limits.spill_bytes, 64 << 20);
    cr_expect_eq(conf.limits.memory_bytes, 0);
    cr_expect_eq(conf.timeouts.drain_ms, 10000);
    cr_expect_eq(conf.timeouts.idle_ms, 60000);
    const struct tc_conf_source *s = &conf.sources[0];
    cr_expect_eq(s->kind, TC_SOURCE_SYNTH);
    cr_expect_eq(s->synth.symbols, 12);
    cr_expect_eq(s->synth.rate, 1000);
    cr_expect_eq(s->synth.seed, 1);
    cr_expect_eq(s->rule_cnt, 1);
    cr_expect_str_eq(s->rules[0].topic, "synth");
    cr_expect_str_eq(s->rules[0].room, "ticker-S{n}");
    cr_expect_str_eq(s->rules[0].event, "ticker-update");
    cr_expect_eq(s->rules[0].line, 1);
    tc_conf_fini(&conf);
}

Test(parse, forms)
{
    /* Goal: sizes, spans, enums, times and starts per topic; JSON is YAML too. */
    cr_assert_eq(parse("{\"limits\": {\"event_bytes\": \"32k\", \"conflate_ms\": \"2s\"},\n"
                       " \"timeouts\": {\"drain_s\": 3, \"ping_ms\": \"5s\"}, \"topology\": "
                       "\"fused\", \"reactor\": \"epoll\",\n"
                       " \"sources\": [{\"name\": \"r\", \"delay_ms\": 2000, \"replay\": "
                       "{\"file\": \"f\", \"speed\": 2.5, \"room\": \"q-{key}\"}}]}"),
                 0, "%s", err.text);
    cr_expect_eq(conf.limits.event_bytes, 32768);
    cr_expect_eq(conf.limits.conflate_ms, 2000);
    cr_expect_eq(conf.timeouts.drain_ms, 3000);
    cr_expect_eq(conf.timeouts.ping_ms, 5000);
    cr_expect_eq(conf.topology, TC_TOPOLOGY_FUSED);
    cr_expect_eq(conf.reactor, TC_REACTOR_EPOLL);
    cr_expect_eq(conf.sources[0].kind, TC_SOURCE_REPLAY);
    cr_expect_eq(conf.sources[0].delay_ms, 2000);
    cr_expect(conf.sources[0].replay.speed == 2.5);
    cr_expect_str_eq(conf.sources[0].rules[0].topic, "replay");
    cr_expect_str_eq(conf.sources[0].rules[0].room, "q-{key}");
    cr_assert_eq(parse(TOPIC
                       "        - { topic: u, room: \"u-{key}\", event: e, start: earliest }\n"
                       "      start: 2024-08-08T12:00:00Z\n"),
                 0, "%s", err.text);
    cr_expect_eq(conf.sources[0].rules[0].start.kind, TC_START_TIME, "the source's");
    cr_expect_eq(conf.sources[0].rules[0].start.ms, 1723118400000);
    cr_expect_eq(conf.sources[0].rules[1].start.kind, TC_START_EARLIEST, "its own");
    tc_conf_fini(&conf);
}

Test(parse, keys)
{
    /* Goal: unknown, missing and doubled keys are refused at their place, with the way out. */
    static const struct row rows[] = {
        { SYNTH "colour: red\n", 2, 1, "colour: unknown key; known here: listen, tls, admin" },
        { SYNTH "workers: { count: 1, speed: 2 }\n", 2, 22, "workers.speed: unknown key" },
        { SYNTH "lisen: a:1\n", 2, 1, "did you mean listen?" },
        { SYNTH "drain_s: 1\n", 2, 1, "did you mean timeouts.drain_s?" },
        { SYNTH "limits.rooms: 1\n", 2, 1, "unknown key" },
        { SYNTH "sources[]: 1\n", 2, 1, "unknown key" },
        { SYNTH "reactor: auto\nreactor: epoll\n", 3, 1, "reactor stands twice" },
        { SYNTH "\"\": 1\n", 2, 1, "unknown key" },
        { KAFKA "          event: e\n", 6, 11, "room is missing: add room: \"ticker-{key}\"" },
        { KAFKA "          room: r\n", 6, 11, "event is missing" },
        { "sources:\n  - synth: {}\n", 2, 5, "sources[0]: name is missing" },
        { "sources:\n  - name: a\n    kafka: { topics: [] }\n", 3, 12, "brokers is missing" },
        { "sources:\n  - name: a\n    replay: {}\n", 3, 13, "file is missing" },
        { "sources:\n  - name: a\n    replay:\n", 3, 12, "file is missing" },
        { "sources:\n  - name: a\n    synth: {}\n    kafka: { brokers: b }\n", 4, 5,
          "exactly one of" },
        { "sources:\n  - name: a\n    synth: {}\n    replay: { file: f }\n", 4, 5,
          "exactly one of" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
}

Test(parse, types)
{
    /* Goal: a value of a wrong type is refused at its place, with what would be right. */
    static const struct row rows[] = {
        { SYNTH "workers:\n  count: many\n", 3, 10, "workers.count: \"many\" is not a whole" },
        { SYNTH "workers:\n  count: -1\n", 3, 10, "is not a whole number" },
        { SYNTH "workers:\n  count: [1]\n", 3, 10, "must be one value, not a list" },
        { SYNTH "workers:\n  count: {}\n", 3, 10, "must be one value, not a mapping" },
        { SYNTH "workers:\n  count:\n", 3, 3, "workers.count: has no value" },
        { SYNTH "workers: 3\n", 2, 10, "workers: must be a mapping" },
        { SYNTH "workers:\n  cpus: 1\n", 3, 9, "must be a list, like [0, 1]" },
        { SYNTH "workers:\n  cpus: [0, x]\n", 3, 13, "workers.cpus[1]: \"x\"" },
        { SYNTH "limits:\n  event_bytes: 64q\n", 3, 16, "not a size" },
        { SYNTH "timeouts:\n  drain_s: soon\n", 3, 12, "not a time: write seconds" },
        { SYNTH "reactor: kqueue\n", 2, 10, "\"kqueue\" is unknown. Known: auto" },
        { SYNTH "reactor: iouring\n", 2, 10, "did you mean io_uring?" },
        { SYNTH "listen: \"\"\n", 2, 9, "is empty" },
        { SYNTH "origins: https://a\n", 2, 10, "must be a list, like [\"https" },
        { "sources: { name: s }\n", 1, 10, "must be a list" },
        { "sources: [ s ]\n", 1, 12, "sources[0]: must be a mapping" },
        { "sources: [ { name: s, replay: { file: f, speed: fast } } ]\n", 1, 49, "not a number" },
        { KAFKA "          room: r\n          event: e\n      start: soonish\n", 9, 14,
          "start: \"soonish\" is no place" },
        { KAFKA "          room: r\n          event: e\n          start: 10m\n", 9, 18, "-10m" },
        { KAFKA "          room: r\n          event: e\n      properties: [a]\n", 9, 19,
          "must be a mapping, like" },
        { KAFKA "          room: r\n          event: e\n      properties: { a: [] }\n", 9, 24,
          "properties.a: must be one value" },
        { KAFKA "          room: r\n          event: e\n      properties: { a: }\n", 9, 21,
          "properties.a: has no value" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
}

Test(parse, ranges)
{
    /* Goal: values and counts out of range are refused with the range. */
    static const struct row rows[] = {
        { SYNTH "limits:\n  event_bytes: 99999999999\n", 3, 16,
          "limits.event_bytes: 99999999999 is out of range: 64 to 1048576" },
        { SYNTH "limits:\n  event_bytes: 99999999999999999999999\n", 3, 16, "out of range" },
        { SYNTH "limits:\n  event_bytes: 2m\n", 3, 16, "out of range" },
        { SYNTH "workers: { count: 65 }\n", 2, 19, "0 to 64" },
        { SYNTH "timeouts:\n  drain_s: 2h\n", 3, 12, "0 to 3600 s" },
        { SYNTH "timeouts:\n  ping_ms: -1s\n", 3, 12, "out of range" },
        { "sources: [ { name: s, synth: { symbols: 0 } } ]\n", 1, 41, "1 to 100000" },
        { "sources: [ { name: s, replay: { file: f, speed: 1000000001 } } ]\n", 1, 49,
          "from 0 to" },
        { "sources: [{name: a, synth: {}},{},{},{},{},{},{},{},{}]\n", 1, 32, "name is missing" },
        { "sources:\n  - name: "
          "01234567890123456789012345678901234567890123456789012345678901234\n    synth: {}\n",
          2, 11, "longer than 64 bytes" },
    };
    expect_faults(rows, TC_ARRAY_CNT(rows));
    char text[1024] = SYNTH "workers: { cpus: [";
    for (int i = 0; i <= TC_CONF_CPUS_MAX; i++)
        strncat(text, "1,", sizeof(text) - strlen(text) - 1);
    strncat(text, "] }", sizeof(text) - strlen(text) - 1);
    cr_assert_lt(parse(text), 0);
    cr_assert_eq(err.col, 19 + 2 * TC_CONF_CPUS_MAX);
    cr_assert(strstr(err.text, "workers.cpus[64]: too many: at most 64"));
}

Test(parse, sources_bound)
{
    /* Goal: one source more than a worker can read is refused. */
    char text[1024] = "sources:\n";
    for (int i = 0; i <= TC_SOURCES_MAX; i++) {
        char line[] = "- { name: s0, synth: { room: \"r0-{n}\" } }\n";
        line[11] = line[31] = (char)('0' + i);
        strncat(text, line, sizeof(text) - strlen(text) - 1);
    }
    cr_assert_lt(parse(text), 0);
    cr_assert_eq(err.line, TC_SOURCES_MAX + 2);
    cr_assert(strstr(err.text, "at most 8"), "%s", err.text);
}
