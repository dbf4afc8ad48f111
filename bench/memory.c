// SPDX-License-Identifier: Apache-2.0
/* bench/memory: how long a read waits that needs the one before it, within 1, 16 and 64 MiB.
 *
 *   memory            prints {"1": 16.5, "16": 24.1, "64": 97.0}: MiB, ns
 *
 * Thousands of connections are megabytes, so their cost is that of the caches, and neighbours on a
 * shared machine take part of those: two records whose lines differ here were not measured under
 * the same conditions. One random cycle through all lines, in huge pages where they can be had. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "core/mem/mem.h"

enum { READS = 1000000, MIB = 1 << 20, HUGE_BYTES = 2 * MIB };

struct line {
    struct line *next;
    char rest[TC_LINE_BYTES - sizeof(struct line *)];
};

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* One cycle through all lines in random order (Sattolo). */
static void make_cycle(struct line *lines, size_t cnt)
{
    uint64_t state = cnt;
    for (size_t i = 0; i < cnt; i++)
        lines[i].next = &lines[i];
    for (size_t i = cnt - 1; i > 0; i--) {
        size_t other = next_random(&state) % i;
        struct line *next = lines[i].next;
        lines[i].next = lines[other].next;
        lines[other].next = next;
    }
}

static struct line *follow(struct line *at, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        at = at->next;
    return at;
}

static double read_ns(size_t bytes)
{
    size_t cnt = bytes / sizeof(struct line);
    struct line *lines = aligned_alloc(HUGE_BYTES, TC_MAX(bytes, (size_t)HUGE_BYTES));
    if (lines == NULL) {
        fprintf(stderr, "memory: %zu MiB cannot be had\n", bytes / MIB);
        exit(3);
    }
    (void)madvise(lines, bytes, MADV_HUGEPAGE); /* a kernel without them says so; then without */
    make_cycle(lines, cnt);
    struct line *volatile at = follow(lines, cnt);
    double began = now_ns();
    at = follow(at, READS);
    double ns = (now_ns() - began) / READS;
    free(lines);
    return ns;
}

int main(void)
{
    static const size_t mib[] = { 1, 16, 64 };
    for (size_t i = 0; i < TC_ARRAY_CNT(mib); i++)
        printf("%s\"%zu\": %.1f", i == 0 ? "{" : ", ", mib[i], read_ns(mib[i] * MIB));
    printf("}\n");
    return 0;
}
