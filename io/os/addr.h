// SPDX-License-Identifier: Apache-2.0
/* io/os/addr: addresses to listen on, from text: "127.0.0.1:8080", "[::1]:8080", "*:8080", ":8080",
 * "localhost:8080".
 *
 * Numeric or localhost only: a listener never waits for a name server. Not for: the addresses of
 * remote sides. */
#ifndef TC_IO_OS_ADDR_H
#define TC_IO_OS_ADDR_H

#include <sys/socket.h>

#include "core/base/err.h"

enum { TC_ADDR_TEXT_BYTES = 64 }; /* "[<IPv6>]:65535" with NUL */

struct tc_addr {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* *, or nothing before the colon: all IPv4 addresses ("[::]" for all of both families). Port 0: the
 * kernel chooses. -TC_EINVAL with the reason. */
int tc_addr_parse(struct tc_addr *addr, struct tc_str text, struct tc_err *err) TC_MUST_CHECK;

/* As text, IPv6 in brackets. */
void tc_addr_text(const struct tc_addr *addr, char dst[TC_ADDR_TEXT_BYTES]);

/* 0 if it is neither IPv4 nor IPv6. */
uint16_t tc_addr_port(const struct tc_addr *addr);

/* Address that fd is bound to. -TC_EIO. */
int tc_addr_of_fd(struct tc_addr *addr, int fd) TC_MUST_CHECK;

/* 127.0.0.0/8 or ::1. */
bool tc_addr_is_loopback(const struct tc_addr *addr);

#endif
