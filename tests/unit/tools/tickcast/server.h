// SPDX-License-Identifier: Apache-2.0
/* tests: a server in a child process that takes one connection and plays a script. */
#ifndef TC_TESTS_UNIT_TOOLS_TICKCAST_SERVER_H
#define TC_TESTS_UNIT_TOOLS_TICKCAST_SERVER_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/tickcast/link.h"

struct server {
    pid_t pid;
    struct tc_link_to to;
};

typedef bool (*script_fn)(int fd);

static inline bool put(int fd, const void *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Until the client has closed. */
static inline bool read_to_end(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
    return true;
}

static inline struct server serve(script_fn script)
{
    struct server server = { 0 };
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 4) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    snprintf(server.to.url.host, sizeof(server.to.url.host), "127.0.0.1");
    snprintf(server.to.url.port, sizeof(server.to.url.port), "%u", ntohs(address.sin_port));
    snprintf(server.to.url.path, sizeof(server.to.url.path), "/ws");
    server.pid = fork();
    if (server.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int conn = accept(fd, NULL, NULL);
        _exit(conn >= 0 && script(conn) ? 0 : 1);
    }
    close(fd);
    return server;
}

static inline void expect_good_end(struct server *server)
{
    int status = -1;
    cr_assert_eq(waitpid(server->pid, &status, 0), server->pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the server saw what it wanted");
}

#endif
