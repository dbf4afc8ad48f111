// SPDX-License-Identifier: Apache-2.0
/* io/reactor/send_file: sendfile(2) with the results of a send. */
#ifndef TC_IO_REACTOR_SEND_FILE_H
#define TC_IO_REACTOR_SEND_FILE_H

#include <errno.h>
#include <sys/sendfile.h>

#include "core/base/base.h"

/* len bytes of file, from off on, to a socket that does not block: bytes taken, or -errno (-EAGAIN:
 * it is full). A broken one gives -EPIPE, and SIGPIPE: the thread has that blocked or ignored. */
static inline int32_t tc_reactor_send_file(int sock, int file, int64_t off, uint32_t len)
{
    off_t at = off;
    ssize_t n;
    do
        n = sendfile(sock, file, &at, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int32_t)n;
}

#endif
