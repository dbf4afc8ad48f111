// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void *tc_tb_take(size_t cnt, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(cnt, size, &bytes))
        tc_tb_die("memory of %zu x %zu bytes", cnt, size);
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        tc_tb_die("no memory for %zu bytes", bytes);
    return p;
}

void tc_tb_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("test program: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t tc_tb_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t tc_tb_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint64_t tc_tb_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x * 0x2545F4914F6CDD1DU;
}

static uint32_t crc_table[8][256];

static void crc_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? (c >> 1) ^ 0xEDB88320U : c >> 1;
        crc_table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            crc_table[t][i] = (crc_table[t - 1][i] >> 8) ^ crc_table[0][crc_table[t - 1][i] & 0xFF];
}

uint32_t tc_tb_crc32(uint32_t crc, const void *bytes, size_t len)
{
    if (!crc_table[0][1])
        crc_fill();
    const unsigned char *p = bytes;
    crc = ~crc;
    for (; len >= 8; len -= 8, p += 8) { /* eight table look-ups that do not wait for each other */
        uint32_t lo = 0;
        uint32_t hi = 0;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + 4, 4);
        lo ^= crc;
        crc = crc_table[7][lo & 0xFF] ^ crc_table[6][lo >> 8 & 0xFF] ^
              crc_table[5][lo >> 16 & 0xFF] ^ crc_table[4][lo >> 24] ^ crc_table[3][hi & 0xFF] ^
              crc_table[2][hi >> 8 & 0xFF] ^ crc_table[1][hi >> 16 & 0xFF] ^ crc_table[0][hi >> 24];
    }
    for (; len; len--, p++)
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xFF];
    return ~crc;
}

uint32_t tc_tb_hash(const char *name, size_t len)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619U;
    return h;
}

int64_t tc_tb_number(const char *what, const char *text, int64_t min, int64_t max)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < min || n > max)
        tc_tb_die("%s %s: a number from %lld to %lld is needed", what, text, (long long)min,
                  (long long)max);
    return n;
}

struct sockaddr_in tc_tb_address(const char *text)
{
    char host[64];
    struct sockaddr_in to = { .sin_family = AF_INET };
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host)
        tc_tb_die("%s: HOST:PORT is needed", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    to.sin_port = htons((uint16_t)tc_tb_number("port", colon + 1, 1, 65535));
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        tc_tb_die("%s: a numeric address is needed", host);
    return to;
}

int tc_tb_connect(const struct sockaddr_in *to, int rcvbuf_bytes)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        tc_tb_die("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (rcvbuf_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes, sizeof rcvbuf_bytes);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}
