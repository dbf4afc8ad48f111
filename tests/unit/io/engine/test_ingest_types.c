// SPDX-License-Identifier: Apache-2.0
/* Goal: values of a declared type go on the bus without their frame, in the topic's own form; what
 * is not of the type is a gap of its room, or of all rooms of its log if that is not known. */
#include "tests/unit/io/engine/fixture.h"

static struct fx fx;

/* Two topics with these settings besides; the second one's room comes from a field. */
static void start(const char *first, const char *second)
{
    char yaml[2048];
    snprintf(yaml, sizeof(yaml),
             "limits: { event_bytes: 256, rooms: 4, connections: 8, members: 64,\n"
             "          waiting_rooms: 16, pending: 16, spill_bytes: 1048576 }\n"
             "sources:\n"
             "  - name: main\n"
             "    history: { bytes: 65536, events: 1024, last_value_bytes: 65536 }\n"
             "    kafka:\n"
             "      brokers: \"b:1\"\n"
             "      topics:\n"
             "        - { topic: ticks, room: \"ticker-{key}\", event: e, %s }\n"
             "        - { topic: quotes, room: \"quote-{field:symbol}\", event: e, %s }\n",
             first, second);
    fx_start_by(&fx, yaml);
}

static void teardown(void)
{
    fx_fini(&fx);
}

TestSuite(ingest_types, .fini = teardown);

/* A record of bytes that may hold zeros. */
static void put(uint32_t log, int64_t pos, const char *key, struct tc_str value)
{
    sc_record(&fx, log, pos, 1, key, "");
    fx.source.steps[fx.source.cnt - 1].value = value;
}

#define TICK "message: jts.marketdata.v1.Tick"
#define GOOD TC_STR("{\"symbol\":\"A\",\"price\":\"1.5\"}")
#define GOOD_PB TC_STR("\x0a\x01\x41\x1a\x03\x31.5")

static void check_poison(uint64_t cnt, const char *why)
{
    cr_expect_eq(tc_count_get(&fx.metric.poison), cnt);
    cr_expect_not_null(strstr(fx_said(&fx), why), "%s", fx.said);
}

Test(ingest_types, json)
{
    /* Goal: JSON of the type is published as it came; other JSON is a gap of the room by the key,
     * and of all rooms of the log where the room is a field of the value. */
    start(TICK, TICK);
    put(0, 1, "A", GOOD);
    put(0, 2, "B", TC_STR("{ \"price\" : \"2\" }"));
    put(0, 3, "A", TC_STR("{\"symbol\":7}"));
    put(0, 4, "B", TC_STR("{\"extra\":1}"));
    put(0, 5, "A", TC_STR("7"));
    put(1, 1, NULL, GOOD);
    put(1, 2, NULL, TC_STR("{\"symbol\":\"A\",\"price\":1}"));
    put(1, 3, NULL, TC_STR("{\"symbol\":\"A\",\"size\":\"3\"}"));
    fx_turn(&fx);
    cr_expect_str_eq(fx_seen(&fx), "U ticker-A 0 1 - {\"symbol\":\"A\",\"price\":\"1.5\"}\n"
                                   "U ticker-B 0 2 - { \"price\" : \"2\" }\n"
                                   "G ticker-A 0 2 3 poison\n"
                                   "G ticker-B 0 3 4 poison\n"
                                   "G ticker-A 0 4 5 poison\n"
                                   "U quote-A 1 1 - {\"symbol\":\"A\",\"price\":\"1.5\"}\n"
                                   "G quote-A 1 1 2 poison\n"
                                   "U quote-A 1 3 2 {\"symbol\":\"A\",\"size\":\"3\"}\n");
    check_poison(4, "value is not of the topic's message");
}

Test(ingest_types, unknown_members)
{
    /* Goal: members that the type does not have are let pass where the topic says so. */
    start(TICK ", unknown_fields: ignore", TICK ", unknown_fields: refuse");
    put(0, 1, "A", TC_STR("{\"extra\":1}"));
    put(1, 1, NULL, TC_STR("{\"symbol\":\"A\",\"extra\":1}"));
    fx_turn(&fx);
    cr_expect_str_eq(fx_seen(&fx), "U ticker-A 0 1 - {\"extra\":1}\n");
    check_poison(1, "value is not of the topic's message");
}

Test(ingest_types, protobuf)
{
    /* Goal: protobuf is published as it came, its room may be made of a field of it; what is not of
     * the type is a gap, and so is what would be too large as JSON. */
    char large[100] = "\x42\x60";
    start(TICK ", format: protobuf", TICK ", format: protobuf");
    put(0, 1, "A", GOOD_PB);
    put(0, 2, "A", TC_STR(""));
    put(0, 3, "B", TC_STR("\x0a\x05x"));
    put(0, 4, "A", GOOD);
    memset(large + 2, 1, 96); /* each is six characters in JSON */
    put(0, 5, "A", (struct tc_str){ large, 98 });
    put(1, 1, NULL, GOOD_PB);
    put(1, 2, NULL, TC_STR("\x0a"));
    put(1, 3, NULL, TC_STR("\x1a\x01\x31"));
    fx_turn(&fx);
    cr_expect_str_eq(fx_seen(&fx), "U ticker-A 0 1 - \x0a\x01\x41\x1a\x03\x31.5\n"
                                   "U ticker-A 0 2 1 \n"
                                   "G ticker-B 0 2 3 poison\n"
                                   "G ticker-A 0 3 4 poison\n"
                                   "G ticker-A 0 4 5 oversize\n"
                                   "U quote-A 1 1 - \x0a\x01\x41\x1a\x03\x31.5\n"
                                   "G quote-A 1 1 3 poison\n");
    cr_expect_eq(tc_count_get(&fx.metric.oversize), 1);
    check_poison(4, "value is not of the topic's message");
}

Test(ingest_types, frames)
{
    /* Goal: a registry's frame is taken off, with a type and without one; a value without it is a
     * gap. */
    start("framing: confluent", TICK ", format: protobuf, framing: confluent");
    put(0, 1, "A", TC_STR("\0\0\0\0\x09{\"p\":1}"));
    put(0, 2, "A", TC_STR("{\"p\":1}"));
    put(0, 3, "A", TC_STR("\0\0\0\0\x09{\"p\":"));
    put(1, 1, NULL, TC_STR("\0\0\0\0\x09\0\x0a\x01\x41\x1a\x03\x31.5"));
    put(1, 2, NULL, GOOD_PB);
    fx_turn(&fx);
    cr_expect_str_eq(fx_seen(&fx), "U ticker-A 0 1 - {\"p\":1}\n"
                                   "G ticker-A 0 1 2 poison\n"
                                   "G ticker-A 0 2 3 poison\n"
                                   "U quote-A 1 1 - \x0a\x01\x41\x1a\x03\x31.5\n"
                                   "G quote-A 1 1 2 poison\n");
    check_poison(3, "value has no schema registry's frame");
}

Test(ingest_types, tombstones)
{
    /* Goal: no value is a tombstone, of typed and framed topics too. */
    start(TICK ", format: protobuf", TICK ", framing: confluent");
    put(0, 1, "A", GOOD_PB);
    sc_record(&fx, 0, 2, 1, "A", NULL);
    fx_turn(&fx);
    cr_expect_str_eq(fx_seen(&fx), "U ticker-A 0 1 - \x0a\x01\x41\x1a\x03\x31.5\n"
                                   "T ticker-A 0 2 1\n");
    cr_expect_eq(tc_count_get(&fx.metric.tombstones), 1);
    cr_expect_eq(tc_count_get(&fx.metric.poison), 0);
}

Test(ingest_types, oversize)
{
    /* Goal: a value above the limit is refused before anybody looks into it, its frame counted. */
    static char value[258] = "\0\0\0\0\x09\"";
    start("framing: confluent", TICK);
    memset(value + 6, 'x', sizeof(value) - 6);
    value[255] = '"';
    put(0, 1, "A", (struct tc_str){ value, 256 });
    value[256] = '"';
    put(0, 2, "A", (struct tc_str){ value, 257 });
    fx_turn(&fx);
    const char *seen = fx_seen(&fx);
    cr_expect_eq(strncmp(seen, "U ticker-A 0 1 - \"xxx", 21), 0, "%s", seen);
    cr_expect_not_null(strstr(seen, "G ticker-A 0 1 2 oversize\n"), "%s", seen);
}
