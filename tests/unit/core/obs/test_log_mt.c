// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "core/obs/log.h"

enum { WRITERS = 3, EACH = 20000 };

static struct tc_log_ring ring;
static _Atomic int running;

static void zero_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    (void)ctx;
    *mono_ns = *wall_ns = 0;
}

static void *writer(void *arg)
{
    uint64_t who = (uint64_t)(uintptr_t)arg;
    for (uint64_t i = 1; i <= EACH; i++) {
        struct tc_log_field fields[] = { TC_LOG_U("who", who), TC_LOG_U("n", i) };
        tc_log_with(&ring, TC_LOG_INFO, "n", fields, 2, "entry %llu", (unsigned long long)(i * 7));
        if (i % 64 == 0)
            sched_yield();
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static uint64_t number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    cr_assert_not_null(at, "%s in %s", key, text);
    return strtoull(at + strlen(key), NULL, 10);
}

Test(log_mt, writers_and_reader)
{
    /* goal: entries of several threads come out whole, in each one's order; read + dropped =
     * written */
    static char line[TC_LOG_LINE_MAX + 1];
    struct tc_mem mem;
    struct tc_err err;
    pthread_t threads[WRITERS];
    uint64_t last[WRITERS] = { 0 };
    uint64_t read_cnt = 0;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_log_ring_init(&ring, &mem, "a", 64, TC_LOG_INFO, zero_clock, NULL, &err), 0);
    atomic_store(&running, WRITERS);
    for (uintptr_t i = 0; i < WRITERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, writer, (void *)i), 0);
    for (;;) {
        bool is_over = atomic_load(&running) == 0;
        size_t len = tc_log_next_line(&ring, line);
        line[len] = 0;
        if (len == 0 && is_over)
            break;
        if (len == 0 || strstr(line, "log-dropped"))
            continue;
        uint64_t who = number_after(line, "\"who\":");
        uint64_t n = number_after(line, "\"n\":");
        cr_assert_lt(who, WRITERS);
        cr_assert_eq(number_after(line, "entry "), n * 7);
        cr_assert_gt(n, last[who]);
        last[who] = n;
        read_cnt++;
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(read_cnt + tc_log_dropped_cnt(&ring), WRITERS * EACH);
    cr_assert_gt(read_cnt, 64);
    tc_mem_fini(&mem);
}
