// SPDX-License-Identifier: Apache-2.0
/* io/net/pages: large bytes that many connections get, in pages of a memory file: a socket takes
 * those pages instead of a copy of its own (sendfile(2)).
 *
 *   scratch of fan ──one copy──> file ──send_file──> socket, socket, socket …
 *
 * A page in a socket must stay as it is until its peer has read it, which may be long. So nothing
 * is written twice to a page: tc_net_pages_reset() empties the file, its pages live on in the
 * sockets that have them and nowhere else, and what is written next gets new ones. The file is not
 * mapped, so no page table has to forget it.
 *
 * One thread. Memory: at most TC_NET_PAGES_MAX of one batch, in the kernel. */
#ifndef TC_IO_NET_PAGES_H
#define TC_IO_NET_PAGES_H

#include "core/base/err.h"
#include "core/fanout/fan.h"

enum {
    /* A good `min`: below, a copy costs less than a system call of its own and the upkeep of pages.
     * 17 % are saved with 16 KB, 35 % with 25 KB, half with 100 KB (docs/adr/0018). */
    TC_NET_PAGES_MIN = 16 * 1024,
    TC_NET_PAGES_MAX = 8 << 20, /* of one batch; what comes then is copied */
    TC_NET_PAGES_SEEN = 16,
};

struct tc_net_pages_seen {
    const uint8_t *bytes; /* NULL: free */
    uint32_t len;
    int64_t off; /* in the file; -1: asked for once so far */
};

struct tc_net_pages {
    int fd;                                           /* -1: this system cannot, all is copied */
    uint32_t min;                                     /* bytes of a piece that is worth it */
    uint32_t batch;                                   /* of fan, whose bytes are in the file */
    int64_t len;                                      /* of the file */
    struct tc_net_pages_seen seen[TC_NET_PAGES_SEEN]; /* by address */
};

/* min > 0. Tries it out: where files cannot be sent, nothing ever is. */
void tc_net_pages_open(struct tc_net_pages *pages, uint32_t min);

/* Nothing if it was never opened (all is zero). */
void tc_net_pages_close(struct tc_net_pages *pages);

/* Where in the file the piece of that batch (tc_fan_batch) lies; -1: nowhere, it is to be copied.
 * It gets there when it is asked for the second time and has min bytes. */
int64_t tc_net_pages_find(struct tc_net_pages *pages, uint32_t batch,
                          const struct tc_fan_piece *piece);

/* The batch was sent to all. */
void tc_net_pages_reset(struct tc_net_pages *pages);

#endif
