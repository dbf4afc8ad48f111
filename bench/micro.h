// SPDX-License-Identifier: Apache-2.0
/* bench/micro: what the micro benchmarks share: a clock, and one line of JSON per figure with the
 * median of MICRO_RUNS runs and their bounds, which bench.py reads. One thread. */
#ifndef TC_BENCH_MICRO_H
#define TC_BENCH_MICRO_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MICRO_RUNS = 9 };

/* Monotonic. */
static inline int64_t micro_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static inline int micro_compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints the median of runs[MICRO_RUNS] (ns per item; sorted in place); goal_ns 0: none. */
static inline void micro_report(const char *name, double *runs, int goal_ns)
{
    qsort(runs, MICRO_RUNS, sizeof(*runs), micro_compare);
    printf("{\"name\":\"%s\",\"ns\":%.2f,\"min\":%.2f,\"max\":%.2f,\"runs\":%d,\"goal_ns\":%d}\n",
           name, runs[MICRO_RUNS / 2], runs[0], runs[MICRO_RUNS - 1], MICRO_RUNS, goal_ns);
}

#endif
