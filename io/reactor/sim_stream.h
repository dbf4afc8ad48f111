// SPDX-License-Identifier: Apache-2.0
/* io/reactor/sim_stream: bytes between the simulated ends of a connection; private to sim.c. */
#ifndef TC_IO_REACTOR_SIM_STREAM_H
#define TC_IO_REACTOR_SIM_STREAM_H

#include "core/mem/mem.h"

/* Bytes on their way: [off, len) of data. */
struct stream {
    uint8_t *data;
    size_t cap;
    size_t off;
    size_t len;
};

static inline size_t stream_unread(const struct stream *s)
{
    return s->len - s->off;
}

static inline void stream_push(struct stream *s, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    if (s->off > 0) {
        memmove(s->data, s->data + s->off, stream_unread(s));
        s->len -= s->off;
        s->off = 0;
    }
    if (s->len + len > s->cap) {
        s->cap = tc_pow2_up(s->len + len);
        s->data = tc_realloc(s->data, s->cap);
    }
    memcpy(s->data + s->len, bytes, len);
    s->len += len;
}

static inline size_t stream_pull(struct stream *s, void *dst, size_t max)
{
    size_t n = TC_MIN(stream_unread(s), max);
    if (n)
        memcpy(dst, s->data + s->off, n);
    s->off += n;
    if (s->off == s->len)
        s->off = s->len = 0;
    return n;
}

#endif
