// SPDX-License-Identifier: Apache-2.0
/* Goal: what the process is told of its machine is true, and its errors say how to mend them. */
#include "io/os/os.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

Test(os, clocks)
{
    /* Goal: the monotonic clock does not go back; wall time is the system's, the same in ns, ms
     * and for the log. */
    int64_t last_ns = tc_os_mono_ns();
    int64_t mono_ns = 0, wall_ns = 0;
    struct timespec ts;
    for (int i = 0; i < 10000; i++) {
        int64_t now_ns = tc_os_mono_ns();
        cr_assert_geq(now_ns, last_ns);
        last_ns = now_ns;
    }
    int64_t before_ns = tc_os_wall_ns();
    clock_gettime(CLOCK_REALTIME, &ts);
    int64_t wall_ms = tc_os_wall_ms();
    tc_os_log_clock(NULL, &mono_ns, &wall_ns);
    int64_t own_ns = ts.tv_sec * 1000000000 + ts.tv_nsec;
    cr_assert_geq(mono_ns, last_ns);
    cr_assert(own_ns - before_ns >= 0 && own_ns - before_ns < 5000000000);
    cr_assert(wall_ms - own_ns / 1000000 >= 0 && wall_ms - own_ns / 1000000 < 5000);
    cr_assert(wall_ns - own_ns >= 0 && wall_ns - own_ns < 5000000000);
}

Test(os, random_fills_what_it_is_given)
{
    /* Goal: every byte of dst changes over some draws, none around it does; more than the kernel
     * hands out at once (256 bytes, uninterrupted) is filled too. */
    enum { BYTES = 100000 };
    static uint8_t draw[BYTES + 2], seen[BYTES];
    for (int i = 0; i < 8; i++) {
        memset(draw, 0, sizeof(draw));
        tc_os_random(draw + 1, BYTES);
        cr_assert(draw[0] == 0 && draw[BYTES + 1] == 0);
        for (size_t at = 0; at < BYTES; at++)
            seen[at] |= draw[at + 1];
    }
    for (size_t at = 0; at < BYTES; at++)
        cr_assert_neq(seen[at], 0, "byte %zu", at);
    cr_assert_neq(tc_os_random_u64(), tc_os_random_u64());
    tc_os_random(draw, 0);
}

Test(os, cores)
{
    /* Goal: a core that is ours is counted, allowed and can be bound to; others are refused with a
     * list of ours; what the process was given is remembered when a thread is bound. */
    cpu_set_t own, now;
    struct tc_err err;
    uint32_t first = 0, other = CPU_SETSIZE;
    cr_assert_eq(sched_getaffinity(0, sizeof(own), &own), 0);
    cr_assert_eq(tc_os_cpu_cnt(), (uint32_t)CPU_COUNT(&own));
    for (uint32_t cpu = CPU_SETSIZE; cpu-- > 0;) {
        bool is_ours = CPU_ISSET(cpu, &own);
        cr_assert_eq(tc_os_cpu_check(cpu, &err), is_ours ? TC_OK : -TC_EINVAL, "%u", cpu);
        *(is_ours ? &first : &other) = cpu;
    }
    cr_assert_eq(tc_os_pin(first, &err), TC_OK);
    cr_assert_eq(sched_getcpu(), (int)first);
    cr_assert_eq(sched_getaffinity(0, sizeof(now), &now), 0);
    cr_assert_eq(CPU_COUNT(&now), 1);
    cr_assert_eq(tc_os_cpu_cnt(), (uint32_t)CPU_COUNT(&own));
    cr_assert_eq(tc_os_pin(other, &err), -TC_EINVAL);
    cr_assert_eq(tc_os_pin(CPU_SETSIZE, &err), -TC_EINVAL);
    cr_assert_eq(tc_os_pin(UINT32_MAX, &err), -TC_EINVAL);
    cr_assert_eq(tc_os_cpu_check(UINT32_MAX, NULL), -TC_EINVAL);
}

Test(os, cores_are_listed)
{
    /* Goal: the refusal names the core that was asked for and those that there are. */
    cpu_set_t own, one;
    struct tc_err err;
    char list[32];
    uint32_t first = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof(own), &own), 0);
    while (!CPU_ISSET(first, &own))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    cr_assert_eq(tc_os_cpu_cnt(), 1);
    cr_assert_eq(tc_os_cpu_check(1000, &err), -TC_EINVAL);
    snprintf(list, sizeof(list), "on cpu %u;", first);
    cr_assert(strstr(err.text, "cpu 1000 ") && strstr(err.text, list), "%s", err.text);
}

/* The cores of the calling thread are exactly these. */
static bool is_on(const cpu_set_t *want)
{
    cpu_set_t now;
    cr_assert_eq(sched_getaffinity(0, sizeof(now), &now), 0);
    return CPU_EQUAL(&now, want);
}

/* The first core of the process, all of which are put into own. */
static uint32_t first_core(cpu_set_t *own)
{
    uint32_t first = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof(*own), own), 0);
    while (!CPU_ISSET(first, own))
        first++;
    return first;
}

Test(os, cores_are_left)
{
    /* Goal: a thread leaves cores for the process's others and comes back, from a core that it is
     * bound to as well; if no other would be left it has them all. */
    cpu_set_t own, rest, one, before;
    struct tc_err err;
    uint32_t cores[CPU_SETSIZE + 1];
    uint32_t first = first_core(&own);
    rest = own;
    CPU_CLR(first, &rest);
    if (CPU_COUNT(&rest) == 0)
        rest = own; /* a machine of one core */
    tc_os_cpus_leave(NULL, 0, &before);
    cr_assert(is_on(&own) && CPU_EQUAL(&before, &own));
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(tc_os_pin(first, &err), TC_OK);
    tc_os_cpus_leave(&first, 1, &before);
    cr_assert(is_on(&rest));
    tc_os_cpus_return(&before);
    cr_assert(is_on(&one));
    for (uint32_t cpu = 0; cpu <= CPU_SETSIZE; cpu++)
        cores[cpu] = cpu; /* the last is beyond any set */
    tc_os_cpus_leave(cores, CPU_SETSIZE + 1, &before);
    cr_assert(is_on(&own));
    tc_os_cpus_return(&before);
    cr_assert(is_on(&one));
}

Test(os, cores_of_the_process_are_not_widened)
{
    /* Goal: a process that was started on one core stays there, whichever core is to be left. */
    cpu_set_t own, one, before;
    uint32_t first = first_core(&own);
    uint32_t other = first + 1;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    tc_os_cpus_leave(NULL, 0, &before);
    cr_assert(is_on(&one));
    tc_os_cpus_leave(&first, 1, &before);
    cr_assert(is_on(&one));
    tc_os_cpus_leave(&other, 1, &before);
    cr_assert(is_on(&one));
    tc_os_cpus_return(&before);
    cr_assert(is_on(&one));
}

/* Sets the soft limit of descriptors and returns the old one. */
static rlim_t set_nofile(rlim_t soft)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t old = limit.rlim_cur;
    limit.rlim_cur = soft;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return old;
}

Test(os, limit_of_descriptors)
{
    /* Goal: the soft limit is raised only if it is too low, and to the hard one at most. */
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_geq(limit.rlim_max, 128);
    limit = (struct rlimit){ 100, 128 };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(tc_os_nofile(), 100);
    cr_assert_eq(tc_os_nofile_raise(100), 100);
    cr_assert_eq(tc_os_nofile_raise(101), 128);
    cr_assert_eq(tc_os_nofile_raise(1 << 20), 128);
    cr_assert_eq(tc_os_nofile(), 128);
}

Test(os, open_descriptors_are_counted)
{
    /* Goal: exact, and the count itself leaves none; a spent table is an error, not a zero. */
    int before = tc_os_fd_cnt();
    cr_assert_gt(before, 0);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(tc_os_fd_cnt(), before + 1);
    tc_os_close(fd);
    tc_os_close(-1);
    cr_assert_eq(tc_os_fd_cnt(), before);
    rlim_t old = set_nofile(0);
    int cnt = tc_os_fd_cnt();
    uint64_t rss_bytes = tc_os_rss_bytes();
    set_nofile(old);
    cr_assert_eq(cnt, -TC_EIO);
    cr_assert_eq(rss_bytes, 0);
}

static bool is_readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

Test(os, doorbell, .timeout = 20)
{
    /* Goal: rings add up to one; clearing says whether it rang; neither waits, at the counter's
     * end too, and a signal handler's errno survives. */
    struct tc_err err;
    uint64_t most = UINT64_MAX - 1;
    int bell = tc_os_bell_open(&err);
    cr_assert_geq(bell, 0, "%s", err.text);
    cr_assert_not(is_readable(bell));
    cr_assert_not(tc_os_bell_clear(bell));
    tc_os_bell_ring(bell);
    tc_os_bell_ring(bell);
    cr_assert(is_readable(bell));
    cr_assert(tc_os_bell_clear(bell));
    cr_assert_not(is_readable(bell));
    cr_assert_not(tc_os_bell_clear(bell));
    cr_assert_eq(write(bell, &most, sizeof(most)), (ssize_t)sizeof(most));
    errno = ENOMSG;
    tc_os_bell_ring(bell);
    cr_assert_eq(errno, ENOMSG);
    cr_assert(tc_os_bell_clear(bell));
    tc_os_close(bell);
}

Test(os, doorbell_without_a_descriptor)
{
    /* Goal: a spent table of descriptors is told with the setting that helps. */
    struct tc_err err;
    rlim_t old = set_nofile(0);
    int bell = tc_os_bell_open(&err);
    set_nofile(old); /* the test's own report needs descriptors */
    cr_assert_eq(bell, -TC_EIO);
    cr_assert(strstr(err.text, "LimitNOFILE"), "%s", err.text);
}

Test(os, resident_memory)
{
    /* Goal: pages count from when they are touched. */
    enum { BYTES = 64 << 20 };
    uint64_t before = tc_os_rss_bytes();
    cr_assert_gt(before, 0);
    char *block = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)block, MAP_FAILED);
    uint64_t mapped = tc_os_rss_bytes();
    memset(block, 1, BYTES);
    uint64_t touched = tc_os_rss_bytes();
    cr_assert_lt(mapped, before + BYTES / 2);
    cr_assert_gt(touched, before + BYTES / 10 * 9);
    munmap(block, BYTES);
}
