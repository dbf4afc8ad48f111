// SPDX-License-Identifier: Apache-2.0
/* bench/micro_transcode: what protobuf costs on one core, in ns per message: an update of 150 B as
 * an Event; a tick of 150 B from JSON to protobuf, back, and the check of its protobuf bytes. */
#include "bench/micro.h"
#include "proto/schema/schema.h"
#include "proto/transcode/transcode.h"

enum { MESSAGES = 1 << 18, VALUES = 256, VALUE_BYTES = 256 };

static struct tc_mem mem;
static struct tc_pb_schema schema;
static const struct tc_pb_message *type;
static char json[VALUES][VALUE_BYTES];
static uint8_t pb[VALUES][VALUE_BYTES];
static struct tc_str texts[VALUES];
static struct tc_str messages[VALUES];

static void fail(const char *what)
{
    fprintf(stderr, "micro-transcode: %s\n", what);
    exit(5);
}

/* jts.marketdata.v1.Event with an Update. */
static int encode(uint32_t i, struct tc_pb_out *out)
{
    uint8_t *mark = tc_pb_open(out, 1);
    tc_pb_put_bytes(out, 1, TC_STR("ticker-BTCUSDT"));
    tc_pb_put_tag(out, 2, TC_PB_VARINT);
    tc_pb_put_varint(out, 18273640 + i);
    tc_pb_put_tag(out, 3, TC_PB_VARINT);
    tc_pb_put_varint(out, 18273633 + i);
    tc_pb_put_tag(out, 4, TC_PB_VARINT);
    tc_pb_put_varint(out, 1723075200123);
    tc_pb_put_bytes(out, 8, texts[i]);
    tc_pb_close(out, mark);
    return out->is_full ? -TC_ELIMIT : TC_OK;
}

static int to_pb(uint32_t i, struct tc_pb_out *out)
{
    struct tc_transcode t = { .schema = &schema };
    return tc_transcode_to_pb(&t, type, texts[i], out);
}

static int to_json(uint32_t i, struct tc_pb_out *out)
{
    struct tc_transcode t = { .schema = &schema };
    return tc_transcode_to_json(&t, type, messages[i], out);
}

static int check(uint32_t i, struct tc_pb_out *out)
{
    (void)out;
    return tc_pb_check(type, messages[i].ptr, messages[i].len);
}

static void make_values(void)
{
    for (uint32_t i = 0; i < VALUES; i++) {
        int len =
            snprintf(json[i], VALUE_BYTES,
                     "{\"symbol\":\"BTCUSDT\",\"tsMs\":\"1723075200%03u\",\"price\":\"61737.%02u\","
                     "\"size\":\"0.01520000\",\"bid\":\"61737.60\",\"bidSize\":\"1.25\","
                     "\"ask\":\"61737.70\",\"sequence\":\"18273%03u\"}",
                     i, i % 100, i);
        texts[i] = (struct tc_str){ json[i], (size_t)len };
        struct tc_pb_out out = tc_pb_out(pb[i], VALUE_BYTES);
        if (to_pb(i, &out) < 0)
            fail("the tick is refused");
        messages[i] = (struct tc_str){ (const char *)pb[i], (size_t)(out.at - pb[i]) };
    }
}

static void bench(const char *name, int (*run)(uint32_t, struct tc_pb_out *), int goal_ns)
{
    static uint8_t bytes[VALUE_BYTES];
    double runs[MICRO_RUNS];
    for (int r = 0; r < MICRO_RUNS; r++) {
        int64_t from = micro_now_ns();
        for (uint32_t i = 0; i < MESSAGES; i++) {
            struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
            if (run(i % VALUES, &out) < 0)
                fail(name);
        }
        runs[r] = (double)(micro_now_ns() - from) / (double)MESSAGES;
    }
    micro_report(name, runs, goal_ns);
}

int main(void)
{
    struct tc_err err;
    tc_mem_init(&mem, 0);
    if (tc_pb_schema_load(&schema, &tc_schema_set, 1, &mem, "bench", &err) < 0)
        fail(err.text);
    type = tc_pb_message(&schema, TC_STR("jts.marketdata.v1.Tick"));
    make_values();
    bench("encode 150 B as an Event", encode, 200);
    bench("tick of 150 B, JSON to protobuf", to_pb, 0);
    bench("tick of 150 B, protobuf to JSON", to_json, 0);
    bench("tick of 150 B, protobuf checked", check, 0);
    tc_mem_fini(&mem);
    return 0;
}
