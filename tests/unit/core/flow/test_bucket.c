// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/flow/bucket.h"

enum { S = 1000000000 };

Test(bucket, burst_then_rate)
{
    /* goal: a full bucket gives its burst at once, then one token per interval */
    struct tc_bucket_rate rate = tc_bucket_rate(100, 5);
    struct tc_bucket bucket = { 0 };
    int64_t now_ns = 77 * (int64_t)S;
    for (int i = 0; i < 5; i++)
        cr_assert(tc_bucket_try_take(&bucket, &rate, 1, now_ns));
    cr_assert_not(tc_bucket_try_take(&bucket, &rate, 1, now_ns));
    cr_assert_not(tc_bucket_try_take(&bucket, &rate, 1, now_ns + S / 100 - 1));
    cr_assert(tc_bucket_try_take(&bucket, &rate, 1, now_ns + S / 100));
    cr_assert_not(tc_bucket_try_take(&bucket, &rate, 1, now_ns + S / 100));
}

Test(bucket, never_more_than_the_burst)
{
    /* goal: an idle bucket does not save up beyond its size */
    struct tc_bucket_rate rate = tc_bucket_rate(10, 3);
    struct tc_bucket bucket = { 0 };
    cr_assert(tc_bucket_try_take(&bucket, &rate, 1, S));
    int given = 0;
    while (tc_bucket_try_take(&bucket, &rate, 1, 1000 * (int64_t)S))
        given++;
    cr_assert_eq(given, 3);
}

Test(bucket, more_than_it_holds)
{
    /* goal: a take beyond the size is refused for ever */
    struct tc_bucket_rate rate = tc_bucket_rate(10, 3);
    struct tc_bucket bucket = { 0 };
    cr_assert_not(tc_bucket_try_take(&bucket, &rate, 4, S));
    cr_assert_not(tc_bucket_try_take(&bucket, &rate, UINT32_MAX, S));
    cr_assert(tc_bucket_try_take(&bucket, &rate, 3, S));
}

Test(bucket, no_limit)
{
    /* goal: rate 0 lets everything through */
    struct tc_bucket_rate rate = tc_bucket_rate(0, 1);
    struct tc_bucket bucket = { 0 };
    for (int i = 0; i < 1000; i++)
        cr_assert(tc_bucket_try_take(&bucket, &rate, UINT32_MAX, S));
}

Test(bucket, long_run_rate)
{
    /* goal: over a minute of greedy takes the rate is the configured one, within the burst */
    struct tc_bucket_rate rate = tc_bucket_rate(333, 20);
    struct tc_bucket bucket = { 0 };
    int given = 0;
    for (int64_t ms = 0; ms < 60000; ms++)
        given += tc_bucket_try_take(&bucket, &rate, 1, S + ms * 1000000);
    cr_assert_geq(given, 60 * 333 - 1);
    cr_assert_leq(given, 60 * 333 + 21);
}
