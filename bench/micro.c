// SPDX-License-Identifier: Apache-2.0
#include "bench/micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *program;
static const char *only; /* NULL: all */
static bool is_counting;
static unsigned done_cnt;

static void usage(void)
{
    fprintf(stderr, "usage: %s [--instructions] [--only NAME]\n", program);
    exit(2);
}

void micro_start(int argc, char **argv)
{
    program = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--instructions") == 0)
            is_counting = true;
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            only = argv[++i];
        else
            usage();
    }
}

void micro_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", program, what);
    exit(5);
}

bool micro_wants(const char *name)
{
    return !only || strcmp(name, only) == 0;
}

/* The tool finds it by its name, so it must stay a function that calls and returns. */
void micro_counted(const struct micro_case *c) __attribute__((noinline));

void micro_counted(const struct micro_case *c)
{
    c->run(c->ctx, c->counted_ops);
    __asm__ volatile("" : : : "memory"); /* no jump in place of the call */
}

void micro_tick(char *out, size_t len)
{
    static const char front[] = "{\"price\":\"61737.63\",\"size\":\"0.0152\",\"pad\":\"";
    memset(out, 'x', len);
    memcpy(out, front, sizeof(front) - 1);
    memcpy(out + len - 2, "\"}", 2);
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_runs(const struct micro_case *c)
{
    double runs[MICRO_RUNS];
    c->run(c->ctx, c->timed_ops); /* touches the pages */
    for (int i = 0; i < MICRO_RUNS; i++) {
        int64_t from = now_ns();
        c->run(c->ctx, c->timed_ops);
        runs[i] = (double)(now_ns() - from) / (double)c->timed_ops;
    }
    qsort(runs, MICRO_RUNS, sizeof(*runs), compare);
    printf("{\"name\":\"%s\",\"ns\":%.2f,\"min\":%.2f,\"max\":%.2f,\"runs\":%d,\"goal_ns\":%d}\n",
           c->name, runs[MICRO_RUNS / 2], runs[0], runs[MICRO_RUNS - 1], MICRO_RUNS, c->goal_ns);
}

void micro_run(const struct micro_case *c)
{
    if (!micro_wants(c->name))
        return;
    if (is_counting) {
        c->run(c->ctx, c->counted_ops);
        micro_counted(c);
        printf("{\"name\":\"%s\",\"ops\":%llu}\n", c->name, (unsigned long long)c->counted_ops);
    } else {
        time_runs(c);
    }
    fflush(stdout);
    done_cnt++;
}

int micro_end(void)
{
    if (done_cnt > 0)
        return 0;
    fprintf(stderr, "%s: no case '%s'\n", program, only);
    return 2;
}
