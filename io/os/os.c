// SPDX-License-Identifier: Apache-2.0
#include "io/os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock)
{
    struct timespec ts;
    TC_ASSERT(clock_gettime(clock, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t tc_os_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t tc_os_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t tc_os_wall_ms(void)
{
    return tc_os_wall_ns() / 1000000;
}

void tc_os_log_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    (void)ctx;
    *mono_ns = tc_os_mono_ns();
    *wall_ns = tc_os_wall_ns();
}

void tc_os_random(void *dst, size_t len)
{
    unsigned char *at = dst;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        TC_ASSERT(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

uint64_t tc_os_random_u64(void)
{
    uint64_t value;
    tc_os_random(&value, sizeof(value));
    return value;
}

/* ---- cores ---- */

static cpu_set_t process_set;
static pthread_once_t process_set_once = PTHREAD_ONCE_INIT;

static void read_process_set(void)
{
    CPU_ZERO(&process_set);
    if (sched_getaffinity(getpid(), sizeof(process_set), &process_set) != 0)
        CPU_SET(0, &process_set);
}

/* The cores that the process was given: read once, since the main thread may be bound later. */
static void process_cpus(cpu_set_t *set)
{
    pthread_once(&process_set_once, read_process_set);
    *set = process_set;
}

uint32_t tc_os_cpu_cnt(void)
{
    cpu_set_t set;
    process_cpus(&set);
    return (uint32_t)TC_MAX(CPU_COUNT(&set), 1);
}

/* "0-3,8" */
static void cpu_list_text(const cpu_set_t *set, char *dst, size_t max)
{
    size_t len = 0;
    dst[0] = 0;
    for (size_t first = 0; first < CPU_SETSIZE && len + 24 < max; first++) {
        size_t last = first;
        if (!CPU_ISSET(first, set))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
            last++;
        int n = first == last
                    ? snprintf(dst + len, max - len, "%s%zu", len ? "," : "", first)
                    : snprintf(dst + len, max - len, "%s%zu-%zu", len ? "," : "", first, last);
        len += n > 0 ? (size_t)n : 0;
        first = last;
    }
}

int tc_os_cpu_check(uint32_t cpu, struct tc_err *err)
{
    cpu_set_t set;
    char list[256];
    process_cpus(&set);
    if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set))
        return TC_OK;
    cpu_list_text(&set, list, sizeof(list));
    return tc_err_set(err, -TC_EINVAL,
                      "cpu %u does not exist or is not ours: this process may run on cpu %s; "
                      "choose one of these, or leave the list of cpus empty",
                      cpu, list);
}

int tc_os_pin(uint32_t cpu, struct tc_err *err)
{
    cpu_set_t set;
    if (cpu >= CPU_SETSIZE)
        return tc_os_cpu_check(cpu, err);
    process_cpus(&set); /* before there are fewer */
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) == 0)
        return TC_OK;
    int cause = errno;
    int rc = tc_os_cpu_check(cpu, err);
    return rc < 0 ? rc
                  : tc_err_set(err, -TC_EIO, "a thread cannot be bound to cpu %u: %s", cpu,
                               strerrordesc_np(cause));
}

void tc_os_cpus_leave(const uint32_t *cpus, uint32_t cnt, cpu_set_t *before)
{
    cpu_set_t all;
    process_cpus(&all);
    cpu_set_t set = all;
    CPU_ZERO(before);
    (void)sched_getaffinity(0, sizeof(*before), before);
    for (uint32_t i = 0; i < cnt; i++)
        CPU_CLR(cpus[i], &set);
    /* refused if the process has lost cores since: then the threads stay where the caller is */
    (void)sched_setaffinity(0, sizeof(set), CPU_COUNT(&set) > 0 ? &set : &all);
}

void tc_os_cpus_return(const cpu_set_t *before)
{
    (void)sched_setaffinity(0, sizeof(*before), before);
}

/* ---- descriptors ---- */

uint64_t tc_os_nofile(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 0;
}

uint64_t tc_os_nofile_raise(uint64_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < want &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return tc_os_nofile();
}

int tc_os_fd_cnt(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int cnt = -3; /* ".", ".." and the folder itself */
    if (!dir)
        return -TC_EIO;
    while (readdir(dir))
        cnt++;
    closedir(dir);
    return cnt;
}

/* ---- doorbell ---- */

int tc_os_bell_open(struct tc_err *err)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return tc_err_set(err, -TC_EIO,
                          "no descriptor for an eventfd: %s; raise the limit of open files "
                          "(ulimit -n, LimitNOFILE=)",
                          strerrordesc_np(errno));
    return fd;
}

void tc_os_bell_ring(int fd)
{
    uint64_t one = 1;
    int cause = errno;
    ssize_t n;
    /* EAGAIN: it is rung as often as can be counted, and that is rung enough */
    do
        n = write(fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    errno = cause;
}

bool tc_os_bell_clear(int fd)
{
    uint64_t cnt;
    ssize_t n;
    do
        n = read(fd, &cnt, sizeof(cnt));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(cnt);
}

void tc_os_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

uint64_t tc_os_rss_bytes(void)
{
    char text[128];
    unsigned long long pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    tc_os_close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    const char *second = strchr(text, ' ');
    if (second)
        pages = strtoull(second, NULL, 10);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
