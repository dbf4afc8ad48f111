// SPDX-License-Identifier: Apache-2.0
#include "io/net/pages.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/os/os.h"
#include "io/reactor/send_file.h"

enum { PAGE_BYTES = 4096, SLOT_BYTES = 16384 };

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* Whether a socket takes bytes of the file. */
static bool is_sendable(int file)
{
    int pair[2];
    bool is_fine = false;
    if (pwrite(file, "x", 1, 0) == 1 &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0) {
        is_fine = tc_reactor_send_file(pair[0], file, 0, 1) == 1;
        tc_os_close(pair[0]);
        tc_os_close(pair[1]);
    }
    return ftruncate(file, 0) == 0 && is_fine;
}

void tc_net_pages_open(struct tc_net_pages *pages, const struct tc_net_pages_conf *conf)
{
    TC_ASSERT(conf->min > 0);
    memset(pages, 0, sizeof(*pages));
    pages->conf = *conf;
    pages->fd = memfd_create("tickcast-pages", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (pages->fd < 0 && errno == EINVAL)
        pages->fd = memfd_create("tickcast-pages", MFD_CLOEXEC);
    if (pages->fd < 0 || !is_sendable(pages->fd))
        tc_net_pages_close(pages);
}

void tc_net_pages_close(struct tc_net_pages *pages)
{
    if (pages->conf.min == 0)
        return;
    tc_os_close(pages->fd);
    pages->fd = -1;
    pages->conf.min = UINT32_MAX;
}

void tc_net_pages_reset(struct tc_net_pages *pages)
{
    if (pages->len > 0 && ftruncate(pages->fd, 0) != 0)
        tc_net_pages_close(pages); /* its pages may not be written to again */
    pages->len = 0;
    memset(pages->seen, 0, sizeof(pages->seen));
}

/* Copies the piece to the end of the file: where it is there, or -1. */
static int64_t store(struct tc_net_pages *pages, const struct tc_fan_piece *piece)
{
    int64_t off = pages->len;
    if (off + piece->len > TC_NET_PAGES_MAX)
        return -1;
    ssize_t done = pwrite(pages->fd, piece->bytes, piece->len, off);
    /* All that was written to counts, good or not; pieces begin at a page, so that they are in few.
     */
    if (done > 0)
        pages->len = (off + done + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return done == (ssize_t)piece->len ? off : -1;
}

int64_t tc_net_pages_find(struct tc_net_pages *pages, uint32_t batch,
                          const struct tc_fan_piece *piece)
{
    if (piece->len < pages->conf.min)
        return -1;
    if (pages->batch != batch)
        tc_net_pages_reset(pages);
    pages->batch = batch;
    struct tc_net_pages_seen *seen =
        &pages->seen[(uintptr_t)piece->bytes / SLOT_BYTES % TC_NET_PAGES_SEEN];
    if (seen->bytes != piece->bytes || seen->len != piece->len)
        *seen = (struct tc_net_pages_seen){ piece->bytes, piece->len, 0, -1 };
    if (seen->off < 0 && seen->cnt++ >= pages->conf.after)
        seen->off = store(pages, piece);
    return seen->off;
}
