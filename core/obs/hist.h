// SPDX-License-Identifier: Apache-2.0
/* core/obs/hist: a log-linear histogram of durations in nanoseconds.
 *
 * Values below 32 have a bucket each; above, every power of two is cut into 32 buckets, so that a
 * value read back is wrong by at most 1/64 (the middle of its bucket is given). Values from 2^44 ns
 * (4.8 hours) on count in the last bucket. 10 KiB.
 *
 * Threads: one writer (record); any thread may read at any time and sees each bucket at some recent
 * moment. Not for: negative differences (the caller counts them apart). */
#ifndef TC_CORE_OBS_HIST_H
#define TC_CORE_OBS_HIST_H

#include <stdatomic.h>

#include "core/base/base.h"

enum {
    TC_HIST_SUB_BITS = 5,
    TC_HIST_SUB_CNT = 1 << TC_HIST_SUB_BITS,
    TC_HIST_TOP_BITS = 44,
    TC_HIST_BUCKET_CNT = (TC_HIST_TOP_BITS - TC_HIST_SUB_BITS + 1) * TC_HIST_SUB_CNT,
};

struct tc_hist {
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t buckets[TC_HIST_BUCKET_CNT];
};

static inline uint32_t tc_hist_index(uint64_t ns)
{
    if (ns < TC_HIST_SUB_CNT)
        return (uint32_t)ns;
    if (ns >> TC_HIST_TOP_BITS)
        return TC_HIST_BUCKET_CNT - 1;
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(ns) - TC_HIST_SUB_BITS;
    return shift * TC_HIST_SUB_CNT + (uint32_t)(ns >> shift);
}

/* One writer: plain loads and stores of relaxed atomics, no locked instruction. cnt: how many equal
 * values, for a turn that writes one event to many members. */
static inline void tc_hist_record_many(struct tc_hist *hist, uint64_t ns, uint64_t cnt)
{
    _Atomic uint64_t *bucket = &hist->buckets[tc_hist_index(ns)];
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + cnt,
                          memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&hist->sum_ns, memory_order_relaxed);
    atomic_store_explicit(&hist->sum_ns, sum + ns * cnt, memory_order_relaxed);
    if (ns > atomic_load_explicit(&hist->max_ns, memory_order_relaxed))
        atomic_store_explicit(&hist->max_ns, ns, memory_order_relaxed);
}

static inline void tc_hist_record(struct tc_hist *hist, uint64_t ns)
{
    tc_hist_record_many(hist, ns, 1);
}

uint64_t tc_hist_cnt(const struct tc_hist *hist);

/* The value below which a share of ppm parts of a million lies (500000: median, 999000: p99.9);
 * never above the greatest value seen. 0 if nothing was recorded. ppm <= 1000000. */
uint64_t tc_hist_percentile_ns(const struct tc_hist *hist, uint32_t ppm);

/* Greatest value that counts in bucket idx, and the middle of the bucket. */
uint64_t tc_hist_bucket_top_ns(uint32_t idx);
uint64_t tc_hist_bucket_mid_ns(uint32_t idx);

/* ---- the fixed bounds of the Prometheus form ---- */

struct tc_hist_bound {
    uint64_t ns;
    const char *le; /* in seconds, as the label's value */
};

enum { TC_HIST_BOUND_CNT = 24 };
extern const struct tc_hist_bound tc_hist_bounds[TC_HIST_BOUND_CNT];

/* cumulative[i]: values in buckets whose middle is <= tc_hist_bounds[i]. Returns the count of all
 * values (le="+Inf"), of the same reading. */
uint64_t tc_hist_cumulative(const struct tc_hist *hist, uint64_t cumulative[TC_HIST_BOUND_CNT]);

#endif
