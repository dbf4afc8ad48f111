// SPDX-License-Identifier: Apache-2.0
#include "io/net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

enum { NAP_MS = 20 };

static int refuse(const struct tc_addr *addr, int error, struct tc_err *err)
{
    char text[TC_ADDR_TEXT_BYTES];
    tc_addr_text(addr, text);
    if (error == EADDRINUSE)
        return tc_err_set(err, -TC_EIO,
                          "listen %s: the port is in use, maybe by another tickcast: stop it or "
                          "choose another port",
                          text);
    if (error == EACCES)
        return tc_err_set(err, -TC_EIO,
                          "listen %s: not permitted: ports below 1024 need CAP_NET_BIND_SERVICE",
                          text);
    if (error == EADDRNOTAVAIL)
        return tc_err_set(err, -TC_EIO, "listen %s: this machine has no such address", text);
    return tc_err_set(err, -TC_EIO, "listen %s: %s", text, strerror(error));
}

static int bind_one(const struct tc_addr *addr, bool is_shared, int *out)
{
    int on = 1;
    int fd = socket(addr->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    /* without it connections of the last run that linger would hold the port */
    int rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (rc == 0 && is_shared)
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (rc == 0 && addr->sa.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
    if (rc == 0)
        rc = bind(fd, (const struct sockaddr *)&addr->sa, addr->len);
    int error = rc == 0 ? 0 : errno;
    /* a port that others listen on shows only now */
    if (!error && !is_shared && listen(fd, 1) != 0)
        error = errno;
    if (error)
        close(fd);
    *out = error ? -1 : fd;
    return error;
}

/* The kernel gives the listener of an io_uring back a moment after its process has ended: whoever
 * is started in the place of a killed one must not be refused for it. */
static int bind_patiently(const struct tc_addr *addr, int *probe)
{
    const struct timespec nap = { 0, NAP_MS * 1000000l };
    int error = bind_one(addr, false, probe);
    for (int i = 0; error == EADDRINUSE && i < TC_LISTEN_WAIT_MS / NAP_MS; i++) {
        nanosleep(&nap, NULL);
        error = bind_one(addr, false, probe);
    }
    return error;
}

static int set_options(int fd, uint32_t sndbuf_bytes)
{
    int on = 1;
    int lowat = TC_LISTEN_NOTSENT_BYTES;
    int sndbuf = (int)sndbuf_bytes;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat)) != 0)
        return errno;
    if (sndbuf && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)) != 0)
        return errno;
    return listen(fd, TC_LISTEN_BACKLOG) == 0 ? 0 : errno;
}

int tc_listen_open(struct tc_addr *addr, uint32_t cnt, uint32_t sndbuf_bytes, int *fds,
                   struct tc_err *err)
{
    int probe = -1;
    int error = bind_patiently(addr, &probe);
    if (error)
        return refuse(addr, error, err);
    int rc = tc_addr_port(addr) == 0 ? tc_addr_of_fd(addr, probe) : 0;
    close(probe);
    if (rc < 0)
        return refuse(addr, EINVAL, err);
    for (uint32_t i = 0; i < cnt; i++) {
        error = bind_one(addr, true, &fds[i]);
        if (!error) {
            error = set_options(fds[i], sndbuf_bytes);
            if (!error)
                continue;
            close(fds[i]);
        }
        while (i-- > 0)
            close(fds[i]);
        return refuse(addr, error, err);
    }
    return TC_OK;
}
