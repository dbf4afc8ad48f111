// SPDX-License-Identifier: Apache-2.0
/* tests/lib/hist: counts of spans of time with a relative error of at most 1/32.
 * Not for: more than one thread. */
#ifndef TC_TESTS_LIB_HIST_H
#define TC_TESTS_LIB_HIST_H

#include <stdint.h>

enum { TC_HIST_SUB = 32, TC_HIST_CNT = 59 * TC_HIST_SUB + 2 * TC_HIST_SUB };

struct tc_hist {
    uint64_t counts[TC_HIST_CNT];
    uint64_t cnt, negative_cnt;
    int64_t max;
};

/* Below 0: counted apart and nowhere else. */
void tc_hist_add(struct tc_hist *h, int64_t value);

/* The value at or below which `part` (0..1) of the values lie, at most 1/32 too high. 0 if empty.
 */
int64_t tc_hist_at(const struct tc_hist *h, double part);

#endif
