// SPDX-License-Identifier: Apache-2.0
/* tools/bench: measures a server that fans out, from the side of its subscribers.
 *
 * It forks: to be called before a thread is started. One run per process. */
#ifndef TC_TOOLS_BENCH_BENCH_H
#define TC_TOOLS_BENCH_BENCH_H

#include "tools/bench/conf.h"

/* A server of our own, for a run without --connect. */
struct tc_load_own {
    /* Starts it in a child by rate, burst, payload and rooms; sets connect (a text that stays) and
     * pids. *err filled: it cannot be had. */
    int (*start)(struct tc_load_conf *conf, struct tc_err *err);
    void (*stop)(void);
};

struct tc_load_face {
    const char *program;                           /* "tickcast bench", for messages */
    const char *usage;                             /* for --help; the list of dialects follows */
    const struct tc_load_dialect *const *dialects; /* ended by NULL; the first is the default */
    const struct tc_load_own *own;                 /* NULL: --connect is needed */
};

/* The whole command: arguments, run, output. Returns one of enum tc_load_exit. */
int tc_load_main(const struct tc_load_face *face, int argc, char **argv);

#endif
