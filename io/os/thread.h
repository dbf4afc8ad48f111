// SPDX-License-Identifier: Apache-2.0
/* io/os/thread: a thread with a name, a core and one function. */
#ifndef TC_IO_OS_THREAD_H
#define TC_IO_OS_THREAD_H

#include <pthread.h>

#include "core/base/err.h"

enum { TC_THREAD_NAME_MAX = 15 }; /* the kernel's limit, without NUL */

struct tc_thread {
    pthread_t id;
    void (*run)(void *arg);
    void *arg;
    int cpu;
    bool is_started;
    char name[TC_THREAD_NAME_MAX + 1];
};

/* Starts run(arg) on a thread of its own, all signals blocked in it (the main thread takes them).
 * name is cut at the limit. cpu: core to bind to before run is called (checked with
 * tc_os_cpu_check), -1: none. *thread must stay where it is until join. -TC_EINVAL (cpu), -TC_EIO.
 */
int tc_thread_start(struct tc_thread *thread, const char *name, int cpu, void (*run)(void *arg),
                    void *arg, struct tc_err *err) TC_MUST_CHECK;

/* Waits for its end. Nothing if it was not started. */
void tc_thread_join(struct tc_thread *thread);

#endif
