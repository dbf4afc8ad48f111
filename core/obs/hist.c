// SPDX-License-Identifier: Apache-2.0
#include "core/obs/hist.h"

const struct tc_hist_bound tc_hist_bounds[TC_HIST_BOUND_CNT] = {
    { 1000ull, "0.000001" },  { 2500ull, "0.0000025" }, { 5000ull, "0.000005" },
    { 10000ull, "0.00001" },  { 25000ull, "0.000025" }, { 50000ull, "0.00005" },
    { 100000ull, "0.0001" },  { 250000ull, "0.00025" }, { 500000ull, "0.0005" },
    { 1000000ull, "0.001" },  { 2500000ull, "0.0025" }, { 5000000ull, "0.005" },
    { 10000000ull, "0.01" },  { 25000000ull, "0.025" }, { 50000000ull, "0.05" },
    { 100000000ull, "0.1" },  { 250000000ull, "0.25" }, { 500000000ull, "0.5" },
    { 1000000000ull, "1" },   { 2500000000ull, "2.5" }, { 5000000000ull, "5" },
    { 10000000000ull, "10" }, { 60000000000ull, "60" }, { 600000000000ull, "600" },
};

static inline uint64_t get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static uint64_t bucket_low_ns(uint32_t idx)
{
    uint32_t row = idx / TC_HIST_SUB_CNT;
    if (row == 0)
        return idx;
    return (uint64_t)(TC_HIST_SUB_CNT + idx % TC_HIST_SUB_CNT) << (row - 1);
}

static uint64_t bucket_width_ns(uint32_t idx)
{
    uint32_t row = idx / TC_HIST_SUB_CNT;
    return row == 0 ? 1 : 1ull << (row - 1);
}

uint64_t tc_hist_bucket_top_ns(uint32_t idx)
{
    TC_ASSERT(idx < TC_HIST_BUCKET_CNT);
    return bucket_low_ns(idx) + bucket_width_ns(idx) - 1;
}

uint64_t tc_hist_bucket_mid_ns(uint32_t idx)
{
    TC_ASSERT(idx < TC_HIST_BUCKET_CNT);
    return bucket_low_ns(idx) + bucket_width_ns(idx) / 2;
}

uint64_t tc_hist_cnt(const struct tc_hist *hist)
{
    uint64_t cnt = 0;
    for (uint32_t i = 0; i < TC_HIST_BUCKET_CNT; i++)
        cnt += get(&hist->buckets[i]);
    return cnt;
}

uint64_t tc_hist_percentile_ns(const struct tc_hist *hist, uint32_t ppm)
{
    TC_ASSERT(ppm <= 1000000);
    uint64_t cnt = tc_hist_cnt(hist);
    uint64_t max_ns = get(&hist->max_ns);
    if (cnt == 0)
        return 0;
    /* rank of the wanted value, from 1; in two parts, so that it cannot overflow */
    uint64_t part = cnt % 1000000 * ppm;
    uint64_t rank = cnt / 1000000 * ppm + part / 1000000 + (part % 1000000 != 0);
    uint64_t seen = 0;
    rank = TC_MAX(rank, 1);
    for (uint32_t i = 0; i < TC_HIST_BUCKET_CNT - 1; i++) {
        seen += get(&hist->buckets[i]);
        if (seen >= rank)
            return TC_MIN(tc_hist_bucket_mid_ns(i), max_ns);
    }
    return max_ns; /* the last bucket has no upper end */
}

uint64_t tc_hist_cumulative(const struct tc_hist *hist, uint64_t cumulative[TC_HIST_BOUND_CNT])
{
    uint64_t seen = 0;
    uint32_t bound = 0;
    for (uint32_t i = 0; i < TC_HIST_BUCKET_CNT; i++) {
        uint64_t mid_ns = tc_hist_bucket_mid_ns(i);
        while (bound < TC_HIST_BOUND_CNT && mid_ns > tc_hist_bounds[bound].ns)
            cumulative[bound++] = seen;
        seen += get(&hist->buckets[i]);
    }
    while (bound < TC_HIST_BOUND_CNT)
        cumulative[bound++] = seen;
    return seen;
}
