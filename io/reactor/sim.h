// SPDX-License-Identifier: Apache-2.0
/* io/reactor/sim: the simulated back end, for tests of the whole worker: no kernel object, no
 * clock, no thread.
 *
 *   test ──connect, write, read, window, close, reset──> peers ──events──> poll() ──> worker
 *        <──────────── what the server sent ────────────       <── send_flush() ──
 *
 * A peer is the client's end of a connection, named by a small number. Its descriptor, as ACCEPT
 * hands it out, is TC_SIM_FD + number: no descriptor of the machine. The peer's window is the room
 * of the server's send buffer: it holds what the peer has not read.
 *
 * What holds:
 *  - poll() never waits. Where a real one would, it asks on_wait again and again, which lets a part
 *    of the simulated time pass and peers act, until an event is ready or the timeout has passed.
 *  - Events are found in the state of things when poll() begins, so what happens in a callback
 * shows in the next poll(); one that a callback has made void (its connection was closed, its
 * listener stopped) is left out. Who comes first rotates, so fewer events than ready starve nobody.
 *  - RECV: pieces of random size (tc_sim_set_piece bounds it). The bytes lie at the end of a buffer
 *    and are overwritten after the callback. 0 or -ECONNRESET comes once.
 *  - Sends are taken at send_flush(), or at conn_close() if that comes first; the window bounds
 *    them: short counts, -EAGAIN at zero. -EPIPE after a reset or conn_shutdown().
 *  - WRITABLE comes once per want_writable(), when the window has room or the connection broke.
 *  - ACCEPT: the callback opens the connection; a peer that it did not open was refused: for the
 *    peer the server has closed.
 *  - An accept that fails for want of descriptors or memory is reported and pauses the listener
 *    until the next accept_start(); one that is wrong with one client only (ECONNABORTED) loses
 * that client and is not reported. As epoll.c and uring.c do.
 *  - The same seed and the same calls are the same run.
 *
 * One listener per reactor. One thread per net; several nets may live at once. Memory of peers'
 * bytes grows with what lies unread (control path: tc_alloc). */
#ifndef TC_IO_REACTOR_SIM_H
#define TC_IO_REACTOR_SIM_H

#include "io/reactor/reactor.h"

enum {
    TC_SIM_FD = 1000000,
    TC_SIM_WATCHES_MAX = 16,
    TC_SIM_WINDOW_BYTES = 1 << 20, /* of a new peer */
};

/* What goes wrong, in percent of the occasions; 0: never. */
struct tc_sim_faults {
    uint32_t accept_pct; /* an accept fails with one of the errors of a machine at its limits */
    uint32_t abort_pct;  /* an accept fails because its client has gone */
    uint32_t short_pct;  /* a send takes fewer bytes than the window has room for, or none */
    uint32_t few_pct;    /* a poll hands out fewer events than are ready */
    bool is_shuffled;    /* events of one poll come in random order */
    uint32_t fail_cnt;   /* so many of the next accepts fail with fail_error (EMFILE, …) */
    int fail_error;
};

struct tc_sim_peer;

struct tc_sim_net {
    /* the test's, at any time */
    struct tc_sim_faults faults;
    /* poll() would block for left_ns more (< 0: no bound). Returns the time that it let pass, 0:
     * poll() returns. NULL: as if it returned 0. */
    int64_t (*on_wait)(void *ctx, int64_t left_ns);
    void *wait_ctx;
    /* what the reactor was asked */
    int64_t last_timeout_ns; /* of the last poll() */
    uint64_t poll_cnt;
    uint64_t event_cnt;
    /* private */
    struct tc_sim_peer *peers;
    uint32_t peer_max;
    uint64_t rng;
    uint32_t rotor;
    int rung[TC_SIM_WATCHES_MAX];
    uint32_t rung_cnt;
};

extern const struct tc_reactor_ops tc_reactor_sim;

/* conn_max: peers at once, at most. */
void tc_sim_init(struct tc_sim_net *net, uint64_t seed, uint32_t conn_max);

/* The reactor on it is closed. */
void tc_sim_fini(struct tc_sim_net *net);

/* The net that this thread's next open() belongs to. */
void tc_sim_use(struct tc_sim_net *net);

/* A random number below `below`, of the net's own sequence. */
uint32_t tc_sim_random(struct tc_sim_net *net, uint32_t below);

/* ---- peers ---- */

/* A new peer that waits to be accepted; it may write at once. TC_NONE: conn_max peers are there. */
uint32_t tc_sim_connect(struct tc_sim_net *net);

/* Its number may be given to another; resets it if the server has not closed it. */
void tc_sim_forget(struct tc_sim_net *net, uint32_t peer);

/* The peer sends. Nothing after close, reset, or the server's close. */
void tc_sim_write(struct tc_sim_net *net, uint32_t peer, const void *bytes, size_t len);

/* Takes up to max bytes of what the server sent, which gives the window room. Returns how many. */
size_t tc_sim_read(struct tc_sim_net *net, uint32_t peer, void *dst, size_t max);
size_t tc_sim_unread(const struct tc_sim_net *net, uint32_t peer);

/* Bytes that may lie unread; fewer than there are now is no room. */
void tc_sim_set_window(struct tc_sim_net *net, uint32_t peer, uint32_t bytes);

/* The largest piece of a RECV: 1 is a byte at a time, 0 any. */
void tc_sim_set_piece(struct tc_sim_net *net, uint32_t peer, uint32_t bytes);

/* It sends no more (RECV 0 after its bytes) but still reads. */
void tc_sim_close(struct tc_sim_net *net, uint32_t peer);

/* RECV -ECONNRESET, what it wrote and was not received is lost, and so is what it did not read. */
void tc_sim_reset(struct tc_sim_net *net, uint32_t peer);

/* The server has closed the connection, or refused it. */
bool tc_sim_is_closed_by_server(const struct tc_sim_net *net, uint32_t peer);

/* The server sends no more: conn_shutdown(), or closed. */
bool tc_sim_is_shutdown(const struct tc_sim_net *net, uint32_t peer);

/* ---- others ---- */

/* One WAKE for the watched descriptor fd; several rings before it comes are one. */
void tc_sim_ring(struct tc_sim_net *net, int fd);

#endif
