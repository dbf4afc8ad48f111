// SPDX-License-Identifier: Apache-2.0
#include "proto/feed/ticks.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/fmt.h"

static const struct {
    const char *name;
    uint64_t price;
} known[] = {
    { "BTCUSDT", 6173763 }, { "ETHUSDT", 268451 }, { "SOLUSDT", 15432 }, { "BNBUSDT", 51210 },
    { "XRPUSDT", 6120 },    { "ADAUSDT", 3471 },   { "DOGEUSDT", 1062 }, { "AVAXUSDT", 2241 },
    { "DOTUSDT", 471 },     { "LINKUSDT", 1054 },  { "LTCUSDT", 6120 },  { "BCHUSDT", 34560 },
    { "UNIUSDT", 612 },     { "ATOMUSDT", 489 },   { "ETCUSDT", 1881 },  { "XLMUSDT", 998 },
    { "FILUSDT", 367 },     { "NEARUSDT", 412 },   { "APTUSDT", 608 },   { "ARBUSDT", 561 },
    { "OPUSDT", 142 },      { "INJUSDT", 1723 },   { "SUIUSDT", 978 },   { "AAVEUSDT", 10230 },
};

enum { PRICE_MIN = 100, PRICE_MAX = 100000000 };

/* splitmix64: passes the usual tests, one addition of state */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void tc_ticks_init(struct tc_ticks *ticks, struct tc_ticks_symbol *symbols, uint32_t symbol_cnt,
                   uint64_t seed, bool is_numbered)
{
    ticks->symbols = symbols;
    ticks->symbol_cnt = symbol_cnt;
    for (uint32_t i = 0; i < symbol_cnt; i++) {
        struct tc_ticks_symbol *s = &symbols[i];
        bool is_known = !is_numbered && i < TC_ARRAY_CNT(known);
        s->rng = seed * 0x2545f4914f6cdd1dull + i;
        s->seq = 0;
        s->price = is_known ? known[i].price : 1000 + next_random(&s->rng) % 5000000;
        if (is_known)
            snprintf(s->name, sizeof(s->name), "%s", known[i].name);
        else
            snprintf(s->name, sizeof(s->name), "S%" PRIu32, i);
    }
}

/* A step of up to 1/2000 of the price, at least a hundredth, either way. */
static void walk(struct tc_ticks_symbol *s, uint64_t r)
{
    uint64_t span = s->price / 2000 + 1;
    uint64_t step = r % (span + 1);
    if (r & (1ull << 40))
        s->price = TC_MIN(s->price + step, (uint64_t)PRICE_MAX);
    else
        s->price = s->price > step + PRICE_MIN ? s->price - step : PRICE_MIN;
}

/* value as a decimal number with `places` digits behind the point; scale is 10 to their power. */
static char *put_fixed(char *to, uint64_t value, uint64_t scale, size_t places)
{
    to += tc_fmt_u64(to, value / scale);
    *to++ = '.';
    return to + tc_fmt_digits(to, value % scale, places);
}

size_t tc_ticks_next(struct tc_ticks *ticks, uint32_t idx, char *out, size_t cap)
{
    TC_ASSERT(idx < ticks->symbol_cnt);
    struct tc_ticks_symbol *s = &ticks->symbols[idx];
    char text[TC_TICKS_JSON_MAX + TC_FMT_U64_MAX];
    uint64_t r = next_random(&s->rng);
    walk(s, r);
    uint64_t half = s->price / 20000 + 1;
    char *to = text + tc_fmt_text(text, TC_STR("{\"symbol\":\""));
    to += tc_fmt_text(to, tc_str_from(s->name));
    to += tc_fmt_text(to, TC_STR("\",\"price\":\""));
    to = put_fixed(to, s->price, 100, 2);
    to += tc_fmt_text(to, TC_STR("\",\"bid\":\""));
    to = put_fixed(to, s->price - TC_MIN(half, s->price - 1), 100, 2);
    to += tc_fmt_text(to, TC_STR("\",\"ask\":\""));
    to = put_fixed(to, s->price + half, 100, 2);
    to += tc_fmt_text(to, TC_STR("\",\"size\":\""));
    to = put_fixed(to, 1 + (r >> 44) % 5000, 1000, 3);
    to += tc_fmt_text(to, TC_STR("\",\"seq\":"));
    to += tc_fmt_u64(to, ++s->seq);
    to += tc_fmt_text(to, TC_STR("}"));
    size_t len = (size_t)(to - text);
    TC_ASSERT(len <= TC_TICKS_JSON_MAX);
    if (len > cap)
        return 0;
    memcpy(out, text, len);
    return len;
}

const char *tc_ticks_name(const struct tc_ticks *ticks, uint32_t idx)
{
    TC_ASSERT(idx < ticks->symbol_cnt);
    return ticks->symbols[idx].name;
}
