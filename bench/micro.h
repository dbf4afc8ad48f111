// SPDX-License-Identifier: Apache-2.0
/* bench/micro: what the micro benchmarks share. A case is an operation that is done many times, and
 * is looked at in one of two ways:
 *
 *   micro-bus                   time: a line of JSON per case, the median of MICRO_RUNS runs and
 *                               their bounds in ns per operation
 *   micro-bus --instructions    work for callgrind: after a run of its own that reaches the steady
 *                               state, each case is done once inside micro_counted(), which is what
 *                               bench/instructions.py lets callgrind look at; a line of JSON per
 *                               case says how many operations that were
 *   ... --only NAME             that case alone
 *
 * What a case does depends on nothing but its code: no clock, no randomness that is not seeded, so
 * that instructions are the same in each run. One thread. */
#ifndef TC_BENCH_MICRO_H
#define TC_BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MICRO_RUNS = 9 };

struct micro_case {
    const char *name;
    /* Does ops operations; may be called any number of times. */
    void (*run)(void *ctx, uint64_t ops);
    void *ctx;
    uint64_t timed_ops;   /* of one timed run: tens of milliseconds */
    uint64_t counted_ops; /* of the counted run: callgrind is 50 times slower */
    int goal_ns;          /* 0: none */
};

/* First in main(); a wrong argument ends the program with 2. */
void micro_start(int argc, char **argv);

/* Whether the case is asked for: what it needs may be left out otherwise. */
bool micro_wants(const char *name);

/* Does the case, if it is asked for, and prints its line. */
void micro_run(const struct micro_case *c);

/* Last in main(), which returns it: 2 with a text if no case was of the name asked for. */
int micro_end(void);

/* Ends the program with 5 and the text. */
void micro_fail(const char *what) __attribute__((noreturn));

/* Fills out with a JSON object of len bytes, at least 64; no NUL. */
void micro_tick(char *out, size_t len);

/* Keeps a result from being optimised away. */
static inline void micro_keep(uint64_t value)
{
    __asm__ volatile("" : : "r"(value));
}

#endif
