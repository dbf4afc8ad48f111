// SPDX-License-Identifier: Apache-2.0
#include "io/os/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>

#include "io/os/os.h"

static void *thread_main(void *arg)
{
    struct tc_thread *thread = arg;
    (void)pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->arg);
    return NULL;
}

/* The core goes into the attributes, so that run() and the thread's stack start on it. */
static int set_core(pthread_attr_t *attr, int cpu, struct tc_err *err)
{
    cpu_set_t set;
    if (cpu < 0)
        return TC_OK;
    int rc = tc_os_cpu_check((uint32_t)cpu, err);
    if (rc < 0)
        return rc;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (pthread_attr_setaffinity_np(attr, sizeof(set), &set) != 0)
        return tc_err_set(err, -TC_EIO, "cpu %d cannot be set for a thread", cpu);
    return TC_OK;
}

int tc_thread_start(struct tc_thread *thread, const char *name, int cpu, void (*run)(void *arg),
                    void *arg, struct tc_err *err)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t old;
    *thread = (struct tc_thread){ .run = run, .arg = arg, .cpu = cpu };
    snprintf(thread->name, sizeof(thread->name), "%.*s", TC_THREAD_NAME_MAX, name);
    if (pthread_attr_init(&attr) != 0)
        return tc_err_set(err, -TC_EIO, "thread %s cannot be made", name);
    int rc = set_core(&attr, cpu, err);
    if (rc == TC_OK) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        int cause = pthread_create(&thread->id, &attr, thread_main, thread);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        thread->is_started = cause == 0;
        if (cause != 0)
            rc = tc_err_set(err, -TC_EIO, "thread %s cannot be started: %s", name,
                            strerrordesc_np(cause));
    }
    pthread_attr_destroy(&attr);
    return rc;
}

void tc_thread_join(struct tc_thread *thread)
{
    if (!thread->is_started)
        return;
    TC_ASSERT(pthread_join(thread->id, NULL) == 0);
    thread->is_started = false;
}
