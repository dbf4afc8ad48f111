// SPDX-License-Identifier: Apache-2.0
/* tests/lib/base: what the test programs stand on.
 *
 * The test client shares no code with the engine, so that a fault in core/ or proto/ cannot hide
 * itself: nothing in tests/lib includes core/, proto/ or io/, but for grpc_host, which is a server.
 * Memory is taken once from the kernel and lives as long as the process. Every failure of a call
 * that has to work ends the program with exit code 2 and a text. Threads: none, except that the
 * pure functions may be called anywhere. */
#ifndef TC_TESTS_LIB_BASE_H
#define TC_TESTS_LIB_BASE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory for cnt objects of size bytes; untouched pages cost nothing. Never NULL. */
void *tc_tb_take(size_t cnt, size_t size) __attribute__((malloc, warn_unused_result));

/* Writes "program: text" to stderr and ends with exit code 2. */
void tc_tb_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

int64_t tc_tb_mono_ns(void); /* CLOCK_MONOTONIC */
int64_t tc_tb_wall_ns(void); /* CLOCK_REALTIME */

/* The next number of a xorshift generator; *state must not be 0. */
uint64_t tc_tb_random(uint64_t *state);

/* CRC-32 as of zlib (ISO 3309), so that Python's zlib.crc32 agrees. Start with crc 0. */
uint32_t tc_tb_crc32(uint32_t crc, const void *bytes, size_t len);

/* FNV-1a of a short name. */
uint32_t tc_tb_hash(const char *name, size_t len);

/* A whole decimal number in min..max, or the end of the program with the name of the argument. */
int64_t tc_tb_number(const char *what, const char *text, int64_t min, int64_t max);

/* "HOST:PORT" with a numeric address, or the end of the program. */
struct sockaddr_in tc_tb_address(const char *text);

/* A socket that has begun to connect and does not block, or -1: refused at once. rcvbuf_bytes 0
 * leaves the system's size. */
int tc_tb_connect(const struct sockaddr_in *to, int rcvbuf_bytes);

#endif
