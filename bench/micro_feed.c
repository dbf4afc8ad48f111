// SPDX-License-Identifier: Apache-2.0
/* bench/micro_feed: what mapping and encoding cost on one core, in ns per record of 150 B: a record
 * to an event with validation (proto/feed), an event to a WebSocket frame (proto/ws/ws_json). */
#include "bench/micro.h"
#include "proto/feed/feed.h"
#include "proto/feed/ticks.h"
#include "proto/ws/ws_json.h"

enum { RECORDS = 1 << 18, VALUES = 1024, VALUE_BYTES = 512, WANT_BYTES = 150 };

static char values[VALUES][VALUE_BYTES];
static size_t lens[VALUES];

/* Ticks, filled up to 150 B with one more member. */
static void make_values(void)
{
    static const char pad[] = ",\"data\":{\"s\":\"BTCUSDT\"},\"pad\":\"";
    struct tc_ticks_symbol symbols[16];
    struct tc_ticks ticks;
    tc_ticks_init(&ticks, symbols, 16, 1, false);
    for (uint32_t i = 0; i < VALUES; i++) {
        size_t len = tc_ticks_next(&ticks, i % 16, values[i], VALUE_BYTES) - 1;
        memcpy(values[i] + len, pad, sizeof(pad) - 1);
        len += sizeof(pad) - 1;
        while (len < WANT_BYTES - 2)
            values[i][len++] = 'x';
        values[i][len++] = '"';
        values[i][len++] = '}';
        lens[i] = len;
    }
}

static void bench_map(const char *name, const char *text)
{
    struct tc_mem mem;
    struct tc_err err;
    struct tc_template tpl;
    struct tc_json_pool pool;
    double runs[MICRO_RUNS];
    tc_mem_init(&mem, 0);
    if (tc_template_compile(&tpl, tc_str_from(text), &err) < 0 ||
        tc_json_pool_init(&pool, 65536, &mem, "bench", &err) < 0) {
        fprintf(stderr, "micro-feed: %s\n", err.text);
        exit(5);
    }
    struct tc_feed_rule rule = { &tpl, TC_FEED_JSON, 65536 };
    struct tc_record record = { .topic = TC_STR("ticks"), .key = TC_STR("BTCUSDT") };
    for (int r = 0; r < MICRO_RUNS; r++) {
        int64_t from = micro_now_ns();
        for (uint32_t i = 0; i < RECORDS; i++) {
            struct tc_feed_out out;
            record.pos = i;
            record.value = (struct tc_str){ values[i % VALUES], lens[i % VALUES] };
            if (tc_feed_map(&rule, &record, &pool, &out) != TC_FEED_UPDATE)
                exit(5);
        }
        runs[r] = (double)(micro_now_ns() - from) / (double)RECORDS;
    }
    micro_report(name, runs, 1000);
    tc_mem_fini(&mem);
}

static void bench_encode(void)
{
    static uint8_t frame[VALUE_BYTES + TC_UPDATE_OVERHEAD_MAX];
    double runs[MICRO_RUNS];
    uint64_t sum = 0;
    struct tc_update update = {
        .event = TC_STR("ticker-update"),
        .room = TC_STR("ticker-BTCUSDT"),
        .ts_ms = 1723075200150,
    };
    for (int r = 0; r < MICRO_RUNS; r++) {
        int64_t from = micro_now_ns();
        for (uint32_t i = 0; i < RECORDS; i++) {
            update.prev = 18273640 + i;
            update.pos = update.prev + 7;
            update.payload = values[i % VALUES];
            update.len = (uint32_t)lens[i % VALUES];
            sum += tc_ws_json.update(&update, frame);
        }
        runs[r] = (double)(micro_now_ns() - from) / (double)RECORDS;
    }
    if (sum == 1)
        fprintf(stderr, "unlikely\n");
    micro_report("encode 150 B as ws-json", runs, 60);
}

int main(void)
{
    make_values();
    bench_map("map 150 B, {key}", "ticker-{key}");
    bench_map("map 150 B, {field:data.s}", "quote-{field:data.s}");
    bench_encode();
    return 0;
}
