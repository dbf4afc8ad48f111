// SPDX-License-Identifier: Apache-2.0
/* Clients of HTTP/2 of the real sessions, over tests/unit/io/net/fixture.h. */
#ifndef TC_TESTS_UNIT_IO_SESSION_H2_WIRE_H
#define TC_TESTS_UNIT_IO_SESSION_H2_WIRE_H

#include "io/session/h2.h"
#include "tests/unit/io/session/wire.h"
#include "tests/unit/proto/h2/peer.h"

struct h2w {
    uint32_t slot;
    struct hp p;
};

#define H2W_SECURE                                                                                 \
    " x-content-type-options=nosniff content-security-policy=default-src 'self'; "                 \
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none' cache-control=no-cache"
#define H2W_PAGE_HEAD " :status=200 content-type=text/plain content-length=6" H2W_SECURE
/* What GET of "/" is answered on stream id, a text. */
#define H2W_PAGE(id) "HEAD " id H2W_PAGE_HEAD "\nDATA " id " hello~ end\n"

/* Bytes of the socket reach the client. The lines since the last call. */
static inline const char *h2w_take(struct h2w *w)
{
    struct nx_sock *s = &nx.reactor.socks[w->slot];
    hp_hear(&w->p, s->got + s->got_off, s->got_len - s->got_off);
    s->got_off = s->got_len;
    return hp_take(&w->p);
}

/* What the client has written is sent, step bytes at a time. */
static inline void h2w_send_by(struct h2w *w, size_t step)
{
    nx_recv_by(&nx, w->slot, w->p.out, w->p.out_len, step);
    w->p.out_len = 0;
}

static inline const char *h2w_run(struct h2w *w)
{
    h2w_send_by(w, NX_RECV_BYTES);
    nx_run(&nx);
    return h2w_take(w);
}

/* A connection that has said nothing yet. */
static inline void h2w_accept(struct h2w *w)
{
    w->slot = nx_accept(&nx);
    cr_assert_neq(w->slot, TC_NONE);
    hp_init(&w->p);
}

/* One by prior knowledge, whose beginning is over. */
static inline void h2w_open(struct h2w *w)
{
    h2w_accept(w);
    hp_preface(&w->p);
    hp_frame(&w->p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    cr_assert_str_eq(h2w_run(w), HP_SETTINGS);
    cr_assert_eq(nx.net.conns[w->slot].session, TC_SESSION_H2);
}

/* The client ends. */
static inline void h2w_close(struct h2w *w)
{
    if (!nx_is_closed(&nx, w->slot))
        nx_end(&nx, w->slot, 0);
    hp_fini(&w->p);
}

/* Time passes; the lines that came in it. */
static inline const char *h2w_wait_ms(struct h2w *w, int64_t ms)
{
    nx_wait_ms(&nx, ms);
    return h2w_take(w);
}

/* The server has said `lines`, and ends the connection for that reason. */
static inline void h2w_check_finished(struct h2w *w, const char *said, const char *lines,
                                      enum tc_close reason)
{
    cr_assert_str_eq(said, lines);
    nx_check_finished(&nx, w->slot, reason);
    hp_fini(&w->p);
}

static inline struct tc_h2_conn *h2w_conn(const struct h2w *w)
{
    return tc_h2_conn_of(&nx.net, w->slot);
}

#endif
