// SPDX-License-Identifier: Apache-2.0
/* bench/micro_transcode: what a tick of 150 B costs on one core, per message: from JSON to
 * protobuf, back, and the check of its protobuf bytes. */
#include <stdio.h>

#include "bench/micro.h"
#include "proto/schema/schema.h"
#include "proto/transcode/transcode.h"

enum { VALUES = 256, VALUE_BYTES = 256 };

static struct tc_mem mem;
static struct tc_pb_schema schema;
static const struct tc_pb_message *type;
static char json[VALUES][VALUE_BYTES];
static uint8_t pb[VALUES][VALUE_BYTES];
static struct tc_str texts[VALUES];
static struct tc_str messages[VALUES];

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
            micro_fail("the tick is refused");
        messages[i] = (struct tc_str){ (const char *)pb[i], (size_t)(out.at - pb[i]) };
    }
}

typedef int (*step_fn)(uint32_t i, struct tc_pb_out *out);

static void run(void *ctx, uint64_t ops)
{
    static uint8_t bytes[VALUE_BYTES];
    step_fn step = *(const step_fn *)ctx;
    for (uint64_t i = 0; i < ops; i++) {
        struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
        if (step((uint32_t)(i % VALUES), &out) < 0)
            micro_fail("a message is refused");
    }
}

static void bench(const char *name, step_fn step)
{
    micro_run(&(struct micro_case){ name, run, &step, 1 << 18, 16 * VALUES, 0 });
}

int main(int argc, char **argv)
{
    struct tc_err err;
    micro_start(argc, argv);
    tc_mem_init(&mem, 0);
    if (tc_pb_schema_load(&schema, &tc_schema_set, 1, &mem, "bench", &err) < 0)
        micro_fail(err.text);
    type = tc_pb_message(&schema, TC_STR("jts.marketdata.v1.Tick"));
    make_values();
    bench("tick of 150 B, JSON to protobuf", to_pb);
    bench("tick of 150 B, protobuf to JSON", to_json);
    bench("tick of 150 B, protobuf checked", check);
    tc_mem_fini(&mem);
    return micro_end();
}
