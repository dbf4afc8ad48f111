// SPDX-License-Identifier: Apache-2.0
#include "io/os/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static int refuse(struct tc_str text, const char *why, struct tc_err *err)
{
    return tc_err_set(err, -TC_EINVAL,
                      "\"%.*s\" is not an address to listen on: %s; write it as 127.0.0.1:8080, "
                      "[::1]:8080, localhost:8080 or *:8080",
                      (int)TC_MIN(text.len, 100), text.ptr ? text.ptr : "", why);
}

/* The port, or -1. */
static int parse_port(struct tc_str text)
{
    int port = 0;
    if (text.len == 0 || text.len > 5)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        port = port * 10 + (text.ptr[i] - '0');
    }
    return port <= UINT16_MAX ? port : -1;
}

static bool set_v6(struct tc_addr *addr, const char *host, uint16_t port)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
        return false;
    memcpy(&addr->sa, &in6, sizeof(in6));
    addr->len = sizeof(in6);
    return true;
}

static bool set_v4(struct tc_addr *addr, const char *host, uint16_t port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
        return false;
    memcpy(&addr->sa, &in, sizeof(in));
    addr->len = sizeof(in);
    return true;
}

int tc_addr_parse(struct tc_addr *addr, struct tc_str text, struct tc_err *err)
{
    char host[INET6_ADDRSTRLEN + 2];
    memset(addr, 0, sizeof(*addr));
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon)
        return refuse(text, "it has no port", err);
    size_t host_len = (size_t)(colon - text.ptr);
    int port = parse_port((struct tc_str){ colon + 1, text.len - host_len - 1 });
    if (port < 0)
        return refuse(text, "the port is not a number from 0 to 65535", err);
    if (host_len >= sizeof(host) || (host_len && memchr(text.ptr, 0, host_len)))
        return refuse(text, "its host is neither a number nor localhost", err);
    memcpy(host, text.ptr, host_len);
    host[host_len] = 0;
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host[host_len - 1] = 0;
        if (set_v6(addr, host + 1, (uint16_t)port))
            return TC_OK;
        return refuse(text, "what is in brackets is not an IPv6 address", err);
    }
    if (strchr(host, ':'))
        return refuse(text, "an IPv6 address needs brackets", err);
    const char *numeric = host;
    if (host_len == 0 || strcmp(host, "*") == 0)
        numeric = "0.0.0.0";
    else if (strcmp(host, "localhost") == 0)
        numeric = "127.0.0.1";
    if (set_v4(addr, numeric, (uint16_t)port))
        return TC_OK;
    return refuse(text, "its host is neither a number nor localhost", err);
}

uint16_t tc_addr_port(const struct tc_addr *addr)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    switch (addr->sa.ss_family) {
    case AF_INET:
        memcpy(&in, &addr->sa, sizeof(in));
        return ntohs(in.sin_port);
    case AF_INET6:
        memcpy(&in6, &addr->sa, sizeof(in6));
        return ntohs(in6.sin6_port);
    default:
        return 0;
    }
}

void tc_addr_text(const struct tc_addr *addr, char dst[TC_ADDR_TEXT_BYTES])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    char host[INET6_ADDRSTRLEN];
    unsigned port = tc_addr_port(addr);
    switch (addr->sa.ss_family) {
    case AF_INET:
        memcpy(&in, &addr->sa, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        snprintf(dst, TC_ADDR_TEXT_BYTES, "%s:%u", host, port);
        break;
    case AF_INET6:
        memcpy(&in6, &addr->sa, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
        snprintf(dst, TC_ADDR_TEXT_BYTES, "[%s]:%u", host, port);
        break;
    default:
        snprintf(dst, TC_ADDR_TEXT_BYTES, "unknown");
        break;
    }
}

int tc_addr_of_fd(struct tc_addr *addr, int fd)
{
    memset(addr, 0, sizeof(*addr));
    addr->len = sizeof(addr->sa);
    return getsockname(fd, (struct sockaddr *)&addr->sa, &addr->len) == 0 ? TC_OK : -TC_EIO;
}

bool tc_addr_is_loopback(const struct tc_addr *addr)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    switch (addr->sa.ss_family) {
    case AF_INET:
        memcpy(&in, &addr->sa, sizeof(in));
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        memcpy(&in6, &addr->sa, sizeof(in6));
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) != 0;
    default:
        return false;
    }
}
