// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/hist.h"

/* Values below 64 have a bucket each; above, each power of two has 32. */
static uint32_t bucket(uint64_t v)
{
    if (v < 2 * TC_HIST_SUB)
        return (uint32_t)v;
    uint32_t shift = 58 - (uint32_t)__builtin_clzll(v);
    return shift * TC_HIST_SUB + (uint32_t)(v >> shift);
}

void tc_hist_add(struct tc_hist *h, int64_t value)
{
    if (value < 0) {
        h->negative_cnt++;
        return;
    }
    h->counts[bucket((uint64_t)value)]++;
    h->cnt++;
    if (value > h->max)
        h->max = value;
}

int64_t tc_hist_at(const struct tc_hist *h, double part)
{
    uint64_t wanted = (uint64_t)(part * (double)h->cnt);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < TC_HIST_CNT; i++) {
        sum += h->counts[i];
        if (sum <= wanted && sum != h->cnt)
            continue;
        if (i < 2 * TC_HIST_SUB)
            return i;
        uint32_t shift = i / TC_HIST_SUB - 1;
        int64_t top = (int64_t)(((uint64_t)(i - shift * TC_HIST_SUB) + 1) << shift) - 1;
        return top < h->max ? top : h->max;
    }
    return 0;
}
