// SPDX-License-Identifier: Apache-2.0
/* io/os: the process's view of the machine: clocks, randomness, cores, descriptors, doorbells.
 *
 * The only home of clocks and randomness: everything below is handed what it needs. Threads: any
 * function from any thread, unless said. Not for: sockets (io/net), threads (io/os/thread.h), the
 * service manager (io/os/notify.h). */
#ifndef TC_IO_OS_OS_H
#define TC_IO_OS_OS_H

#include <sched.h>

#include "core/base/err.h"

/* CLOCK_MONOTONIC in ns; never goes back, stops in suspend. */
int64_t tc_os_mono_ns(void);

/* CLOCK_REALTIME since 1970. */
int64_t tc_os_wall_ns(void);
int64_t tc_os_wall_ms(void);

/* A tc_log_clock (core/obs/log.h); ctx is not used. */
void tc_os_log_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns);

/* Fills dst from the kernel's generator; it blocks only before the machine's entropy is ready.
 * Ends the process if the kernel has none (there is nothing safe to go on with). */
void tc_os_random(void *dst, size_t len);
uint64_t tc_os_random_u64(void);

/* ---- cores ---- */

/* Cores that this process may run on, >= 1. They are those that it had when one of the functions
 * here was first called, whatever its threads were bound to since. */
uint32_t tc_os_cpu_cnt(void);

/* Whether the process may run on cpu. -TC_EINVAL and *err names those that exist otherwise. Call
 * for each configured core before threads start. */
int tc_os_cpu_check(uint32_t cpu, struct tc_err *err) TC_MUST_CHECK;

/* Binds the calling thread to cpu. -TC_EINVAL as above, -TC_EIO if the kernel refuses. */
int tc_os_pin(uint32_t cpu, struct tc_err *err) TC_MUST_CHECK;

/* Moves the calling thread to the cores of the process without these, or to all of them if none
 * would be left; threads that it makes from here on inherit that. *before: for the way back. */
void tc_os_cpus_leave(const uint32_t *cpus, uint32_t cnt, cpu_set_t *before);
void tc_os_cpus_return(const cpu_set_t *before);

/* ---- descriptors ---- */

/* Raises the soft limit of descriptors to the hard one, if it is lower than want. Returns the soft
 * limit then (it may be below want: the caller says what to do). */
uint64_t tc_os_nofile_raise(uint64_t want);
uint64_t tc_os_nofile(void);

/* Number of descriptors that are open now (counts /proc/self/fd). -TC_EIO. */
int tc_os_fd_cnt(void);

/* ---- doorbell: an eventfd (non-blocking, close-on-exec) ---- */

/* The descriptor, or -TC_EIO and *err. The caller closes it with tc_os_close. */
int tc_os_bell_open(struct tc_err *err) TC_MUST_CHECK;

/* Makes fd readable. Safe from a signal handler. */
void tc_os_bell_ring(int fd);

/* Makes fd unreadable; true if it was rung. */
bool tc_os_bell_clear(int fd);

/* Closes fd if >= 0. */
void tc_os_close(int fd);

/* Resident memory of the process in bytes (/proc/self/statm); 0 if unknown. */
uint64_t tc_os_rss_bytes(void);

#endif
