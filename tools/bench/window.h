// SPDX-License-Identifier: Apache-2.0
/* tools/bench/window: what two marks say about the time between them: a figure, or why there is
 * none. Numbers in, a verdict and text out; no clock, no process. One thread. */
#ifndef TC_TOOLS_BENCH_WINDOW_H
#define TC_TOOLS_BENCH_WINDOW_H

#include <stdio.h>

#include "tools/bench/load.h"

/* All workers and the server at one moment. Counters only grow. */
struct tc_load_mark {
    int64_t wall_ns;
    int64_t server_ns; /* CPU of the server's processes */
    bool is_aligned;   /* a quiet moment of all workers */
    struct tc_load_counts sum;
    int64_t own_ns[TC_LOAD_PROCS_MAX];
    struct tc_hist latency;
};

struct tc_load_window {
    const struct tc_load_conf *conf;
    bool is_valid, is_aligned, is_complete;
    bool is_at_least; /* saturated, and the generator had no time to spare */
    double wall_s, server_s;
    double busy; /* of the busiest worker, or of the cores that they share; 1: no time to spare */
    struct tc_load_counts sum;
    struct tc_hist latency;
};

/* A generator that is busier does not read fast enough for its figures to be the server's. */
#define TC_LOAD_BUSY_MAX 0.9

/* Adds a worker's slot to the mark. */
void tc_load_mark_add(struct tc_load_mark *mark, uint32_t proc_idx,
                      const struct tc_load_slot *slot);

/* cpu_cnt: cores that the workers may use. */
void tc_load_judge(struct tc_load_window *w, const struct tc_load_conf *conf,
                   const struct tc_load_mark *from, const struct tc_load_mark *to,
                   uint32_t cpu_cnt);

/* Why the window is void, as words of one line; its bytes, 0: it is valid. */
size_t tc_load_why(const struct tc_load_window *w, char *out, size_t cap);

/* One line: JSON, or for a person. Figures of a void window are null, or are not there. */
void tc_load_print(const struct tc_load_window *w, uint64_t idx, FILE *out);

#endif
