// SPDX-License-Identifier: Apache-2.0
/* tests: a subcommand that serves, in a process of its own, with its output on a pipe. */
#ifndef TC_TESTS_UNIT_TOOLS_TICKCAST_CHILD_H
#define TC_TESTS_UNIT_TOOLS_TICKCAST_CHILD_H

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/tools/tickcast/capture.h"

struct child {
    pid_t pid;
    int out;
    size_t len;
    char text[CAPTURE_BYTES]; /* what it has written so far, both streams */
};

static inline void child_start(struct child *c, int (*call)(int argc, char **argv), int argc,
                               char **argv)
{
    int pipe_fds[2];
    memset(c, 0, sizeof(*c));
    fflush(NULL);
    cr_assert_eq(pipe(pipe_fds), 0);
    c->pid = fork();
    cr_assert_geq(c->pid, 0);
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipe_fds[1], STDOUT_FILENO);
        dup2(pipe_fds[1], STDERR_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        int code = call(argc, argv);
        fflush(NULL);
        _exit(code);
    }
    close(pipe_fds[1]);
    c->out = pipe_fds[0];
}

/* Reads until part was written; its place. */
static inline const char *child_expect(struct child *c, const char *part)
{
    struct pollfd p = { .fd = c->out, .events = POLLIN };
    const char *at = NULL;
    while (!(at = strstr(c->text, part))) {
        cr_assert_eq(poll(&p, 1, 20000), 1, "no %s in: %s", part, c->text);
        ssize_t n = read(c->out, c->text + c->len, sizeof(c->text) - 1 - c->len);
        cr_assert_gt(n, 0, "it ended without %s: %s", part, c->text);
        c->len += (size_t)n;
    }
    return at;
}

/* Sends the signal and waits for the end; its exit code. */
static inline int child_end(struct child *c, int signal)
{
    int status = -1;
    cr_assert_eq(kill(c->pid, signal), 0);
    cr_assert_eq(waitpid(c->pid, &status, 0), c->pid);
    close(c->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* GET path from 127.0.0.1:port, on a connection that is closed afterwards; the answer is in to. */
static inline void child_get(unsigned port, const char *path, char *to, size_t max)
{
    struct tc_addr addr;
    struct tc_err err;
    char text[256];
    struct timeval limit = { .tv_sec = 20 };
    size_t len = 0;
    ssize_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int size = snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    cr_assert_eq(tc_addr_parse(&addr, (struct tc_str){ text, (size_t)size }, &err), TC_OK);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr.sa, addr.len), 0);
    size = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                    path);
    cr_assert_eq(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
    while (len + 1 < max && (n = recv(fd, to + len, max - 1 - len, 0)) > 0)
        len += (size_t)n;
    to[len] = '\0';
    close(fd);
}

#endif
