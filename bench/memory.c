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

#include "core/base/base.h"
#include "io/os/os.h"

enum { READS = 1000000, MIB = 1 << 20, HUGE_BYTES = 2 * MIB };

struct line {
    struct line *next;
    char rest[TC_LINE_BYTES - sizeof(struct line *)];
};

/* One cycle through all lines in random order (Sattolo). */
static void make_cycle(struct line *lines, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++)
        lines[i].next = &lines[i];
    for (size_t i = cnt - 1; i > 0; i--) {
        size_t other = (size_t)random() % i;
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
    int64_t began_ns = tc_os_mono_ns();
    at = follow(at, READS);
    int64_t took_ns = tc_os_mono_ns() - began_ns;
    free(lines);
    return (double)took_ns / READS;
}

int main(void)
{
    static const size_t mib[] = { 1, 16, 64 };
    for (size_t i = 0; i < TC_ARRAY_CNT(mib); i++)
        printf("%s\"%zu\": %.1f", i == 0 ? "{" : ", ", mib[i], read_ns(mib[i] * MIB));
    printf("}\n");
    return 0;
}
