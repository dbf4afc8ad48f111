// SPDX-License-Identifier: Apache-2.0
/* bench/micro_feed: what it costs on one core to make an event of a record of 150 B, with its
 * validation (proto/feed). */
#include "bench/micro.h"
#include "proto/feed/feed.h"
#include "proto/feed/ticks.h"

enum { VALUES = 1024, VALUE_BYTES = 512, WANT_BYTES = 150 };

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

struct mapping {
    struct tc_template tpl;
    struct tc_json_pool pool;
    int64_t pos;
};

static void map(void *ctx, uint64_t ops)
{
    struct mapping *m = ctx;
    struct tc_feed_rule rule = { &m->tpl, TC_FEED_JSON, 65536 };
    struct tc_record record = { .topic = TC_STR("ticks"), .key = TC_STR("BTCUSDT") };
    for (uint64_t i = 0; i < ops; i++) {
        struct tc_feed_out out;
        record.pos = m->pos++;
        record.value = (struct tc_str){ values[i % VALUES], lens[i % VALUES] };
        if (tc_feed_map(&rule, &record, &m->pool, &out) != TC_FEED_UPDATE)
            micro_fail("a record is refused");
    }
}

static void bench_map(const char *name, const char *text)
{
    struct tc_mem mem;
    struct tc_err err;
    struct mapping m = { .pos = 0 };
    tc_mem_init(&mem, 0);
    if (tc_template_compile(&m.tpl, tc_str_from(text), &err) < 0 ||
        tc_json_pool_init(&m.pool, 65536, &mem, "bench", &err) < 0)
        micro_fail(err.text);
    micro_run(&(struct micro_case){ name, map, &m, 1 << 18, 4 * VALUES, 1000 });
    tc_mem_fini(&mem);
}

int main(int argc, char **argv)
{
    micro_start(argc, argv);
    make_values();
    bench_map("map 150 B, {key}", "ticker-{key}");
    bench_map("map 150 B, {field:data.s}", "quote-{field:data.s}");
    return micro_end();
}
