// SPDX-License-Identifier: Apache-2.0
/* tests: librdkafka starts its threads with C11's thrd_create, which the thread sanitizer does not
 * know: such a thread crashes at its first malloc. In a thread sanitizer build these two stand in
 * for libc's and go through pthreads. Run with the suppression called_from_lib:librdkafka.so, since
 * the library itself is not instrumented. Include in exactly one file of a test program. */
#ifndef TC_TESTS_UNIT_IO_SOURCE_KAFKA_THRD_SHIM_H
#define TC_TESTS_UNIT_IO_SOURCE_KAFKA_THRD_SHIM_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TC_TEST_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define TC_TEST_TSAN 1
#endif

#ifdef TC_TEST_TSAN
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "core/mem/mem.h"

struct thrd_shim {
    thrd_start_t main;
    void *arg;
};

static void *thrd_shim_main(void *arg)
{
    struct thrd_shim shim = *(struct thrd_shim *)arg;
    tc_free(arg);
    return (void *)(intptr_t)shim.main(shim.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t main, void *arg)
{
    struct thrd_shim *shim = tc_alloc(sizeof(*shim));
    *shim = (struct thrd_shim){ .main = main, .arg = arg };
    return pthread_create(thread, NULL, thrd_shim_main, shim) == 0 ? thrd_success : thrd_error;
}

int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    int rc = pthread_join(thread, &value);
    if (result)
        *result = (int)(intptr_t)value;
    return rc == 0 ? thrd_success : thrd_error;
}
#endif

#endif
