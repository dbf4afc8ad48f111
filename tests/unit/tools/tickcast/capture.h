// SPDX-License-Identifier: Apache-2.0
/* tests: a subcommand called in this process, and what it wrote to both streams. */
#ifndef TC_TESTS_UNIT_TOOLS_TICKCAST_CAPTURE_H
#define TC_TESTS_UNIT_TOOLS_TICKCAST_CAPTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/os/addr.h"

enum { CAPTURE_BYTES = 32 * 1024, CAPTURE_WORDS_MAX = 16 };

static char captured[CAPTURE_BYTES];

/* words: the arguments behind the command's name, up to a NULL. Returns the exit code. */
static inline int capture(int (*call)(int argc, char **argv), char *const *words)
{
    char *argv[CAPTURE_WORDS_MAX + 2] = { "command" };
    int argc = 1;
    int sink = memfd_create("out", MFD_CLOEXEC);
    int before[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };
    cr_assert(sink >= 0 && before[0] >= 0 && before[1] >= 0);
    for (; words[argc - 1] && argc <= CAPTURE_WORDS_MAX; argc++)
        argv[argc] = words[argc - 1];
    fflush(NULL);
    dup2(sink, STDOUT_FILENO);
    dup2(sink, STDERR_FILENO);
    int code = call(argc, argv);
    fflush(NULL);
    dup2(before[0], STDOUT_FILENO);
    dup2(before[1], STDERR_FILENO);
    close(before[0]);
    close(before[1]);
    ssize_t len = pread(sink, captured, sizeof(captured) - 1, 0);
    captured[len > 0 ? len : 0] = '\0';
    close(sink);
    return code;
}

/* A port of 127.0.0.1 that is listened on until the descriptor is closed. */
static inline int capture_port(unsigned *port)
{
    struct tc_addr addr;
    struct tc_err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(tc_addr_parse(&addr, TC_STR("127.0.0.1:0"), &err), TC_OK);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&addr.sa, addr.len), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(tc_addr_of_fd(&addr, fd), TC_OK);
    *port = tc_addr_port(&addr);
    return fd;
}

#endif
