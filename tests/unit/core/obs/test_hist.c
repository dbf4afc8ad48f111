// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/obs/hist.h"

static struct tc_hist hist;

Test(hist, buckets_tile_all_values)
{
    /* goal: each bucket begins where the one before ends, and both ends fall into it */
    uint64_t next = 0;
    for (uint32_t i = 0; i < TC_HIST_BUCKET_CNT; i++) {
        cr_assert_eq(tc_hist_index(next), i);
        uint64_t top = tc_hist_bucket_top_ns(i);
        cr_assert_eq(tc_hist_index(top), i);
        cr_assert(tc_hist_bucket_mid_ns(i) >= next && tc_hist_bucket_mid_ns(i) <= top);
        next = top + 1;
    }
    cr_assert_eq(next, 1ull << TC_HIST_TOP_BITS);
    cr_assert_eq(tc_hist_index(UINT64_MAX), TC_HIST_BUCKET_CNT - 1);
}

Test(hist, relative_error_is_bounded)
{
    /* goal: the middle of a value's bucket differs from it by at most 1/64 */
    for (uint64_t v = 1; v < 1ull << TC_HIST_TOP_BITS; v += v / 7 + 1) {
        uint64_t mid = tc_hist_bucket_mid_ns(tc_hist_index(v));
        uint64_t diff = mid > v ? mid - v : v - mid;
        cr_assert_leq(diff * 64, v, "%llu", (unsigned long long)v);
    }
}

Test(hist, percentiles)
{
    /* goal: percentiles of 1 … 100000 are right within the error, the highest is the maximum */
    cr_assert_eq(tc_hist_percentile_ns(&hist, 500000), 0);
    for (uint64_t v = 1; v <= 100000; v++)
        tc_hist_record(&hist, v);
    cr_assert_eq(tc_hist_cnt(&hist), 100000);
    uint64_t median = tc_hist_percentile_ns(&hist, 500000);
    cr_assert(median > 49000 && median < 51000);
    uint64_t p99 = tc_hist_percentile_ns(&hist, 990000);
    cr_assert(p99 > 97000 && p99 <= 100000);
    cr_assert_leq(tc_hist_percentile_ns(&hist, 1000000), 100000);
    cr_assert_eq(tc_hist_percentile_ns(&hist, 0), 1);
}

Test(hist, cumulative_bounds)
{
    /* goal: the Prometheus form counts each value at and above its bound; bounds grow, and each
     * text is its number */
    uint64_t cumulative[TC_HIST_BOUND_CNT];
    for (uint32_t i = 0; i < TC_HIST_BOUND_CNT; i++) {
        double seconds = strtod(tc_hist_bounds[i].le, NULL) * 1e9;
        cr_assert_eq((uint64_t)(seconds + 0.5), tc_hist_bounds[i].ns);
        cr_assert(i == 0 || tc_hist_bounds[i].ns > tc_hist_bounds[i - 1].ns);
    }
    tc_hist_record(&hist, 900);        /* <= 1 us */
    tc_hist_record(&hist, 2000000);    /* <= 2.5 ms */
    tc_hist_record(&hist, 1ull << 43); /* above all */
    cr_assert_eq(tc_hist_cumulative(&hist, cumulative), 3);
    for (uint32_t i = 0; i < TC_HIST_BOUND_CNT; i++)
        cr_assert_eq(cumulative[i], tc_hist_bounds[i].ns >= 2500000 ? 2 : 1);
}
