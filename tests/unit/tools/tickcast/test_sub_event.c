// SPDX-License-Identifier: Apache-2.0
/* Goal: events are the messages of docs/protocol.md. */
#include "tools/tickcast/sub_event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct tc_sub_events events;

static void setup(void)
{
    tc_sub_events_init(&events);
}

static void teardown(void)
{
    tc_sub_events_fini(&events);
}

TestSuite(sub_event, .init = setup, .fini = teardown);

/* The event that proto3's JSON describes, as bytes. */
static struct tc_str encode(const char *type, const char *json, uint8_t *to, size_t cap)
{
    struct tc_transcode t = { .schema = &events.schema };
    struct tc_pb_out out = tc_pb_out(to, cap);
    const struct tc_pb_message *message = tc_pb_message(&events.schema, tc_str_from(type));
    cr_assert_eq(tc_transcode_to_pb(&t, message, tc_str_from(json), &out), TC_OK, "%s: %s", json,
                 t.detail);
    return (struct tc_str){ (const char *)to, (size_t)(out.at - to) };
}

static void expect(const char *json, const char *wanted)
{
    uint8_t bytes[4096];
    size_t len = 0;
    struct tc_str event = encode("jts.marketdata.v1.Event", json, bytes, sizeof(bytes));
    char *text = tc_sub_event_json(&events, event, &len);
    cr_assert_not_null(text, "%s", json);
    cr_assert_str_eq(text, wanted);
    cr_assert_eq(len, strlen(wanted));
    tc_free(text);
}

Test(sub_event, members)
{
    /* Goal: names, nulls and what is left out, of each event. */
    static const char *const rows[][2] = {
        { "{\"update\":{\"room\":\"ticker-A\",\"pos\":\"9223372036854775807\",\"prev\":\"0\","
          "\"tsMs\":\"9\",\"snapshot\":true,\"event\":\"ticker-update\",\"value\":\"eyJwIjoxLjEwfQ="
          "="
          "\"}}",
          "{\"event\":\"ticker-update\",\"room\":\"ticker-A\",\"pos\":9223372036854775807,"
          "\"prev\":0,\"ts\":9,\"snapshot\":true,\"data\":{\"p\":1.10}}" },
        { "{\"update\":{\"room\":\"a\",\"tombstone\":true,\"event\":\"x\"}}",
          "{\"event\":\"x\",\"room\":\"a\",\"pos\":0,\"prev\":null,\"ts\":null,\"data\":null}" },
        { "{\"subscriptionConfirmed\":{\"id\":\"1\",\"room\":\"ticker-A\",\"symbol\":\"A\"}}",
          "{\"event\":\"subscription-confirmed\",\"id\":\"1\",\"room\":\"ticker-A\",\"log\":null,"
          "\"pos\":null,\"data\":{\"symbol\":\"A\"}}" },
        { "{\"subscriptionConfirmed\":{\"room\":\"a\",\"log\":\"l\",\"pos\":\"4\"}}",
          "{\"event\":\"subscription-confirmed\",\"room\":\"a\",\"log\":\"l\",\"pos\":4}" },
        { "{\"recovered\":{\"room\":\"a\",\"to\":\"7\",\"count\":\"18446744073709551615\"}}",
          "{\"event\":\"recovered\",\"room\":\"a\",\"from\":0,\"to\":7,"
          "\"count\":18446744073709551615}" },
        { "{\"cannotRecover\":{\"room\":\"a\",\"from\":\"5\",\"reason\":\"ahead\"}}",
          "{\"event\":\"cannot-recover\",\"room\":\"a\",\"from\":5,\"to\":null,"
          "\"reason\":\"ahead\"}" },
        { "{\"conflated\":{\"room\":\"a\",\"from\":\"5\",\"to\":\"9\",\"skipped\":\"2\"}}",
          "{\"event\":\"conflated\",\"room\":\"a\",\"from\":5,\"to\":9,\"skipped\":2}" },
        { "{\"gap\":{\"room\":\"a\",\"log\":\"l\",\"reason\":\"poison\"}}",
          "{\"event\":\"gap\",\"room\":\"a\",\"log\":\"l\",\"from\":null,\"to\":null,"
          "\"reason\":\"poison\"}" },
        { "{\"moved\":{\"room\":\"a\",\"log\":\"l\"}}",
          "{\"event\":\"moved\",\"room\":\"a\",\"log\":\"l\"}" },
        { "{\"stale\":{\"room\":\"a\",\"sinceMs\":\"8\"}}",
          "{\"event\":\"stale\",\"room\":\"a\",\"since\":8}" },
        { "{\"draining\":{\"reconnectMs\":250}}", "{\"event\":\"draining\",\"reconnect_ms\":250}" },
        { "{\"error\":{\"code\":\"room-unknown\",\"message\":\"no \\\"x\\\"\",\"room\":\"x\"}}",
          "{\"event\":\"error\",\"code\":\"room-unknown\",\"message\":\"no \\\"x\\\"\","
          "\"room\":\"x\"}" },
        { "{\"pong\":{\"tsMs\":\"5\"}}", "{\"event\":\"pong\",\"ts\":5}" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        expect(rows[i][0], rows[i][1]);
}

/* An update with that payload and type gives that data. */
static void expect_data(const char *type, struct tc_str value, const char *wanted)
{
    uint8_t bytes[1024];
    char text[256];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    size_t len = 0;
    uint8_t *mark = tc_pb_open(&out, 1);
    if (type[0])
        tc_pb_put_bytes(&out, 7, tc_str_from(type));
    tc_pb_put_bytes(&out, 8, value);
    tc_pb_close(&out, mark);
    char *json = tc_sub_event_json(
        &events, (struct tc_str){ (const char *)bytes, (size_t)(out.at - bytes) }, &len);
    cr_assert_not_null(json);
    int size = snprintf(text, sizeof(text), ",\"data\":%s}", wanted);
    cr_assert(len > (size_t)size && strcmp(json + len - size, text) == 0, "%s: %s", wanted, json);
    tc_free(json);
}

Test(sub_event, payloads)
{
    /* Goal: a known message is its JSON; JSON stays byte for byte; anything else is base64. */
    uint8_t bytes[256];
    struct tc_str tick = encode("jts.marketdata.v1.Tick", "{\"symbol\":\"A\",\"price\":\"1.10\"}",
                                bytes, sizeof(bytes));
    expect_data("jts.marketdata.v1.Tick", tick, "{\"symbol\":\"A\",\"price\":\"1.10\"}");
    expect_data("their.own.Type", TC_STR("\x08\x01"), "\"CAE=\"");
    expect_data("jts.marketdata.v1.Tick", TC_STR("\xff"), "\"/w==\"");
    expect_data("", TC_STR("{ \"a\" : 0.10000000000000000000000010 }"),
                "{ \"a\" : 0.10000000000000000000000010 }");
    expect_data("", TC_STR("not JSON"), "\"bm90IEpTT04=\"");
    expect_data("", TC_STR(""), "\"\"");
}

Test(sub_event, no_event)
{
    /* Goal: bytes that are no Event, and members that are not known, give nothing. */
    static const struct tc_str rows[] = {
        { "", 0 },
        { "\xff", 1 },
        { "\x0a\x05", 2 },
        { "\x0a\x03\x0a\x01\xff", 5 },
        { "\xa2\x06\x00", 3 },
    };
    size_t len = 0;
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert_null(tc_sub_event_json(&events, rows[i], &len), "row %zu", i);
}
