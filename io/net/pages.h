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
    TC_NET_PAGES_MAX = 8 << 20, /* of one batch; what comes then is copied */
    TC_NET_PAGES_SEEN = 16,
};

/* When sharing is worth it. */
struct tc_net_pages_conf {
    uint32_t min;   /* bytes of a piece, > 0 */
    uint32_t after; /* copies of it before */
};

/* Where a copy costs less than a system call of its own and the upkeep of pages was measured
 * (docs/adr/0018): below 8 KB, and for fewer than 32 connections, whose sockets' memory is still
 * in the cache. */
#define TC_NET_PAGES_BEST ((struct tc_net_pages_conf){ 16 * 1024, 16 })

struct tc_net_pages_seen {
    const uint8_t *bytes; /* NULL: free */
    uint32_t len;
    uint32_t cnt; /* times that it was asked for */
    int64_t off;  /* in the file, -1: it is not there */
};

struct tc_net_pages {
    struct tc_net_pages_conf conf;                    /* min is UINT32_MAX while there is no file */
    int fd;                                           /* -1: this system cannot, all is copied */
    uint32_t batch;                                   /* of fan, whose bytes are in the file */
    int64_t len;                                      /* of the file */
    struct tc_net_pages_seen seen[TC_NET_PAGES_SEEN]; /* by address */
};

/* Tries it out: where files cannot be sent, nothing ever is. */
void tc_net_pages_open(struct tc_net_pages *pages, const struct tc_net_pages_conf *conf);

/* Nothing if it was never opened (all is zero). */
void tc_net_pages_close(struct tc_net_pages *pages);

/* Where in the file the piece of that batch (tc_fan_batch) lies; -1: nowhere, it is to be copied.
 * It gets there when it has conf.min bytes and was asked for conf.after times before. */
int64_t tc_net_pages_find(struct tc_net_pages *pages, uint32_t batch,
                          const struct tc_fan_piece *piece);

/* The batch was sent to all. */
void tc_net_pages_reset(struct tc_net_pages *pages);

#endif
