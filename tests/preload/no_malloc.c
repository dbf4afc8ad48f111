// SPDX-License-Identifier: Apache-2.0
/* no-malloc: preloaded into the engine by a test: once armed (SIGUSR2), a worker thread that asks
 * the allocator for memory ends the process (design: workers allocate nothing after start).
 *
 * Threads are told apart by their names ("worker-…"). Freeing is let through. */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile sig_atomic_t is_armed;
static __thread int is_worker; /* 0: not looked at, 1: yes, -1: no */

static void on_signal(int number)
{
    (void)number;
    is_armed = 1;
}

__attribute__((constructor)) static void init(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGUSR2, &action, NULL);
}

static void check(const char *what)
{
    char name[16] = "";
    if (!is_armed)
        return;
    if (is_worker == 0) {
        prctl(PR_GET_NAME, name);
        is_worker = strncmp(name, "worker-", 7) == 0 ? 1 : -1;
    }
    if (is_worker < 0)
        return;
    static const char text[] = ": a worker asked the allocator for memory\n";
    (void)!write(STDERR_FILENO, what, strlen(what));
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(99);
}

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t cnt, size_t bytes);
extern void *__libc_realloc(void *ptr, size_t bytes);

void *malloc(size_t bytes)
{
    check("malloc");
    return __libc_malloc(bytes);
}

void *calloc(size_t cnt, size_t bytes)
{
    check("calloc");
    return __libc_calloc(cnt, bytes);
}

void *realloc(void *ptr, size_t bytes)
{
    check("realloc");
    return __libc_realloc(ptr, bytes);
}
