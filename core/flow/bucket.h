// SPDX-License-Identifier: Apache-2.0
/* core/flow/bucket: a token bucket in 8 bytes of state.
 *
 * It keeps only the time at which it would be full again: a take of n moves that time n intervals
 * on, and is refused if it would then lie more than the burst ahead. (The generic cell rate
 * algorithm, ITU-T I.371 annex A.) Integers only; time is monotonic and an argument. A zeroed
 * bucket is full. One thread, or the caller's own protection. */
#ifndef TC_CORE_FLOW_BUCKET_H
#define TC_CORE_FLOW_BUCKET_H

#include "core/base/base.h"

enum { TC_BUCKET_RATE_MAX = 1000000, TC_BUCKET_BURST_MAX = 1000000000 };

/* Shared by all buckets of a kind. */
struct tc_bucket_rate {
    int64_t token_ns; /* time in which one token comes; 0: no limit */
    int64_t burst_ns; /* time in which an empty bucket fills */
};

struct tc_bucket {
    int64_t full_ns; /* monotonic time at which it is full */
};

/* per_s: tokens per second, 0 for no limit, at most TC_BUCKET_RATE_MAX; burst: size of the bucket
 * in tokens, 1 … TC_BUCKET_BURST_MAX. */
static inline struct tc_bucket_rate tc_bucket_rate(uint32_t per_s, uint32_t burst)
{
    TC_ASSERT(per_s <= TC_BUCKET_RATE_MAX && burst <= TC_BUCKET_BURST_MAX);
    int64_t token_ns = per_s ? 1000000000 / (int64_t)per_s : 0;
    return (struct tc_bucket_rate){ token_ns, token_ns * (burst ? (int64_t)burst : 1) };
}

/* Takes n tokens and returns true, or takes nothing and returns false. */
static inline bool tc_bucket_try_take(struct tc_bucket *bucket, const struct tc_bucket_rate *rate,
                                      uint32_t n, int64_t now_ns)
{
    int64_t full_ns = TC_MAX(bucket->full_ns, now_ns);
    int64_t take_ns = 0;
    if (__builtin_mul_overflow(rate->token_ns, (int64_t)n, &take_ns) ||
        take_ns > rate->burst_ns - (full_ns - now_ns))
        return false;
    bucket->full_ns = full_ns + take_ns;
    return true;
}

#endif
