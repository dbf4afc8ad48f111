// SPDX-License-Identifier: Apache-2.0
/* io/net/listen: listening sockets, one per worker, joined by SO_REUSEPORT.
 *
 * The kernel would let a second instance of the same user join the group and take half of the
 * clients: so the port is bound once without SO_REUSEPORT first. Options that each connection shall
 * have (TCP_NODELAY, TCP_NOTSENT_LOWAT, SO_SNDBUF) are set on the listener, from which Linux hands
 * them down. Supervisor's thread. */
#ifndef TC_IO_NET_LISTEN_H
#define TC_IO_NET_LISTEN_H

#include "io/os/addr.h"

enum {
    TC_LISTEN_BACKLOG = 4096,
    TC_LISTEN_WAIT_MS = 1000,            /* for a port that is in use to become free */
    TC_LISTEN_NOTSENT_BYTES = 32 * 1024, /* beyond it lag shows in our cursors, not in the kernel */
};

/* Opens cnt sockets on addr (port 0: the kernel chooses once, *addr gets it); fds get the
 * descriptors, the caller's. sndbuf_bytes 0: the system's. -TC_EIO with *err: in use, not
 * permitted, no such address. On error nothing stays open. */
int tc_listen_open(struct tc_addr *addr, uint32_t cnt, uint32_t sndbuf_bytes, int *fds,
                   struct tc_err *err) TC_MUST_CHECK;

#endif
