// SPDX-License-Identifier: Apache-2.0
/* proto/feed/ticks: made-up prices: a random walk per symbol, from a seed.
 *
 * Shared by the synth source, the demo and `tickcast pub`. Prices are whole hundredths inside and
 * decimal text outside, never doubles. The same seed and the same calls give the same bytes. Not
 * for: finance; no correlation, no drift, no session.
 *
 * Memory: the caller hands in one struct tc_ticks_symbol per symbol. One thread. */
#ifndef TC_PROTO_FEED_TICKS_H
#define TC_PROTO_FEED_TICKS_H

#include "core/base/base.h"

enum {
    TC_TICKS_NAME_MAX = 16,
    TC_TICKS_JSON_MAX = 256, /* bytes of one tick without additions */
};

struct tc_ticks_symbol {
    char name[TC_TICKS_NAME_MAX];
    uint64_t rng;
    uint64_t price; /* hundredths, >= 100 */
    uint64_t seq;   /* of the last tick; the first is 1 */
};

struct tc_ticks {
    struct tc_ticks_symbol *symbols;
    uint32_t symbol_cnt;
};

/* Symbols get the names of real pairs (BTCUSDT …) for the first 24 and S24, S25 … after them; with
 * is_numbered all are S0, S1 … symbols: symbol_cnt items, owned by the caller. */
void tc_ticks_init(struct tc_ticks *ticks, struct tc_ticks_symbol *symbols, uint32_t symbol_cnt,
                   uint64_t seed, bool is_numbered);

/* The next tick of symbol idx as JSON:
 * {"symbol":"BTCUSDT","price":"61737.63","bid":"61737.62","ask":"61737.64","size":"0.172","seq":1}
 * Writes at most cap bytes, no NUL, and returns their count; 0 if cap is too small (then the tick
 * is spent). cap of TC_TICKS_JSON_MAX is always enough. */
size_t tc_ticks_next(struct tc_ticks *ticks, uint32_t idx, char *out, size_t cap);

/* The name of symbol idx; NUL-terminated, valid as long as ticks. */
const char *tc_ticks_name(const struct tc_ticks *ticks, uint32_t idx);

#endif
