// SPDX-License-Identifier: Apache-2.0
/* Goal: a thread of ours has its name, its core and no signals, and is waited for. */
#include "io/os/thread.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

/* What the thread saw; read after join. */
struct seen {
    char name[32];
    cpu_set_t cpus;
    int cpu;
    sigset_t signals;
    pthread_t self;
    _Atomic int run_cnt;
};

static void look(void *arg)
{
    struct seen *seen = arg;
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    sched_getaffinity(0, sizeof(seen->cpus), &seen->cpus);
    seen->cpu = sched_getcpu();
    pthread_sigmask(SIG_SETMASK, NULL, &seen->signals);
    seen->self = pthread_self();
    atomic_fetch_add(&seen->run_cnt, 1);
}

Test(thread, runs_once_and_is_joined, .timeout = 20)
{
    /* Goal: run(arg) is called once, on another thread, under the name; all is done when join
     * returns; a second join is nothing. */
    struct tc_thread thread;
    struct tc_err err;
    struct seen seen = { 0 };
    cpu_set_t own;
    cr_assert_eq(tc_thread_start(&thread, "tc-test", -1, look, &seen, &err), TC_OK, "%s", err.text);
    tc_thread_join(&thread);
    cr_assert_eq(atomic_load(&seen.run_cnt), 1);
    cr_assert_str_eq(seen.name, "tc-test");
    cr_assert_not(pthread_equal(seen.self, pthread_self()));
    cr_assert_eq(sched_getaffinity(0, sizeof(own), &own), 0);
    cr_assert(CPU_EQUAL(&own, &seen.cpus), "no core was asked for");
    tc_thread_join(&thread);
    cr_assert_eq(atomic_load(&seen.run_cnt), 1);
}

Test(thread, long_names_are_cut, .timeout = 20)
{
    /* Goal: a name beyond the kernel's limit is cut, not lost. */
    struct tc_thread thread;
    struct tc_err err;
    struct seen seen = { 0 };
    cr_assert_eq(tc_thread_start(&thread, "tc-worker-number-63", -1, look, &seen, &err), TC_OK);
    tc_thread_join(&thread);
    cr_assert_str_eq(seen.name, "tc-worker-numbe");
    cr_assert_eq(strlen(seen.name), TC_THREAD_NAME_MAX);
}

Test(thread, takes_no_signals, .timeout = 20)
{
    /* Goal: signals are blocked in it, and the caller's mask is as it was. */
    struct tc_thread thread;
    struct tc_err err;
    struct seen seen = { 0 };
    sigset_t before, after;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    cr_assert_eq(pthread_sigmask(SIG_BLOCK, &before, NULL), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    cr_assert_eq(tc_thread_start(&thread, "tc-test", -1, look, &seen, &err), TC_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    tc_thread_join(&thread);
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE };
    for (size_t i = 0; i < TC_ARRAY_CNT(signals); i++) {
        cr_expect_eq(sigismember(&seen.signals, signals[i]), 1, "%d", signals[i]);
        cr_expect_eq(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
    }
    cr_expect_eq(sigismember(&after, SIGUSR2), 1);
}

Test(thread, is_bound_to_its_core, .timeout = 20)
{
    /* Goal: run() is on its core from the start and has no other; the caller is not moved; a core
     * that there is not starts nothing. */
    struct tc_thread thread;
    struct tc_err err;
    struct seen seen = { 0 };
    cpu_set_t own, after;
    int last = CPU_SETSIZE - 1;
    cr_assert_eq(sched_getaffinity(0, sizeof(own), &own), 0);
    while (!CPU_ISSET((size_t)last, &own))
        last--;
    cr_assert_eq(tc_thread_start(&thread, "tc-test", last, look, &seen, &err), TC_OK, "%s",
                 err.text);
    tc_thread_join(&thread);
    cr_assert_eq(seen.cpu, last);
    cr_assert(CPU_COUNT(&seen.cpus) == 1 && CPU_ISSET((size_t)last, &seen.cpus));
    cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
    cr_assert(CPU_EQUAL(&own, &after));
    cr_assert_eq(tc_thread_start(&thread, "tc-test", CPU_SETSIZE, look, &seen, &err), -TC_EINVAL);
    cr_assert(strstr(err.text, "cpu"), "%s", err.text);
    tc_thread_join(&thread);
    cr_assert_eq(atomic_load(&seen.run_cnt), 1);
}
