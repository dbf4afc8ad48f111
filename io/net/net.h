// SPDX-License-Identifier: Apache-2.0
/* io/net: the connections of one worker: from the reactor's events to sessions, and from the flush
 * plan of core/fanout to the reactor's sends.
 *
 *   reactor ──RECV──> session.on_bytes ──commands──> fan        out: what the session wrote itself,
 *      ^                     │ tc_net_write                     and the tail of a frame that was
 * cut │                     v                                  (the spill): one block of the slab
 *      └── send <── out of the connection, first
 *      └── send <── lanes planned by fan, only while out is empty
 *
 * A slot is the number of a connection for reactor, fan, timers and net alike. A session is the
 * dialect's half of a connection: a row of functions (io/session). Its small state lies in struct
 * tc_net_conn; what it needs only while a message is incomplete it borrows (ctx).
 *
 * On a connection with TLS (tls.c) sessions and fan see plain text all the same.
 *
 * A session may make its bytes when the socket takes them (produce) instead of writing them, and
 * may carry several streams on its connection, each of which is a connection to fan: HTTP/2. What
 * is planned for streams is taken by produce, and what it does not take falls behind.
 *
 * Connections end in one function, tc_net_end, with a reason of io/net/close.h. tc_net_finish is
 * the polite way there: goodbye, flush, half-close, and tc_net_end when the peer has closed too or
 * TC_NET_LINGER_NS later.
 *
 * One thread (the worker's). Nothing is allocated after init. */
#ifndef TC_IO_NET_NET_H
#define TC_IO_NET_NET_H

#include "core/fanout/fan.h"
#include "core/flow/bucket.h"
#include "core/mem/slab.h"
#include "core/obs/log.h"
#include "core/obs/metric.h"
#include "core/time/wheel.h"
#include "io/net/close.h"
#include "io/net/pages.h"
#include "io/reactor/reactor.h"
#include "proto/tls/tls.h"

enum {
    TC_NET_FULL_PCT = 80,       /* of the limit of connections: time to warn, */
    TC_NET_ROOMY_PCT = 70,      /* and to be ready to warn again */
    TC_NET_LOBBY_MAX = 16,      /* slots above the limit, for connections that are told so */
    TC_NET_OUT_MAX = 1 << 20,   /* bytes that a session may leave unread; then "unread-replies" */
    TC_NET_SESSIONS_MAX = 8,    /* rows of the session table */
    TC_NET_TURN_HANDSHAKES = 4, /* TLS handshake steps per turn */
    TC_NET_HANDSHAKE_IN_MAX = 32 * 1024, /* bytes of a peer that one may keep waiting */
    TC_NET_MADE_MAX = 32 * 1024,         /* bytes of one produce; with TLS one record's */
    /* A batch is sent once so many bytes were made for it: they are in the cache while the socket
     * copies them. */
    TC_NET_BATCH_BYTES = 1 << 17,
};
#define TC_NET_LINGER_NS (2 * 1000000000ll)      /* for the peer to close after us */
#define TC_NET_ACCEPT_PAUSE_NS (100 * 1000000ll) /* after a failed accept */

struct tc_net;

/* What a dialect does with its connections. All on the worker's thread; none may block. After a
 * call the connection may be gone (tc_net_is_open). */
struct tc_net_session {
    const char *name; /* "http", "ws" */
    /* The connection is this session's from now on. */
    void (*on_open)(struct tc_net *net, uint32_t slot);
    /* Bytes of the peer; they may be changed in place and are void afterwards. Nothing is planned
     * for the slot, so subscriptions may change. */
    void (*on_bytes)(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len);
    /* Its timer (tc_net_arm) went off. */
    void (*on_timer)(struct tc_net *net, uint32_t slot);
    /* A graceful stop begins: tell the peer, if the dialect can. */
    void (*on_drain)(struct tc_net *net, uint32_t slot, uint32_t reconnect_ms);
    /* Writes the last words for that reason, if the dialect has any. */
    void (*goodbye)(struct tc_net *net, uint32_t slot, enum tc_close reason);
    /* The connection leaves this session: give back what was borrowed. */
    void (*on_end)(struct tc_net *net, uint32_t slot);
    /* NULL, or: all that the session has written was sent. */
    void (*on_sent)(struct tc_net *net, uint32_t slot);
    /* on_drain begins an end that takes its time: the session finishes by itself. */
    bool is_drain_own;
    /* NULL, or: writes the next bytes for the socket, at most cap (TC_NET_MADE_MAX or less); they
     * will be sent. *again: there are more. Called when the connection is listed (tc_net_out_list)
     * or has streams with something planned, while nothing older is unsent. It does not write
     * (tc_net_write), and finishes the connection only if it has made nothing. */
    uint32_t (*produce)(struct tc_net *net, uint32_t slot, uint8_t *dst, uint32_t cap, bool *again);
    /* With produce: something is planned for the stream. What is still planned after the next
     * produce is not sent (tc_fan_settle with nothing taken, blocked). */
    void (*on_planned)(struct tc_net *net, uint32_t slot, uint32_t stream);
};

struct tc_net_conn {
    int64_t heard_ns; /* when the peer's last bytes came */
    int64_t begun_ns; /* when what ctx holds began to come */
    struct tc_bucket commands;
    struct tc_bucket controls;
    uint32_t ctx;     /* what the session borrowed, TC_NONE: nothing */
    uint32_t out_idx; /* block of the slab; void while out_cap is 0 */
    uint32_t out_cap;
    uint32_t out_off; /* [out_off, out_len) is not sent yet */
    uint32_t out_len;
    uint32_t out_next;    /* list of connections with out to try */
    uint16_t refused_cnt; /* commands refused in a row for coming too fast */
    uint8_t session;      /* row of the session table */
    uint8_t preface_len;  /* session http: bytes of HTTP/2's preface that have come */
    uint8_t reason;       /* enum tc_close, while finishing */
    bool is_open;
    bool is_fan;     /* known to fan */
    bool is_waiting; /* a WRITABLE event is to come */
    bool is_listed;  /* in the list of out */
    bool is_finishing;
    bool is_shut;    /* half-closed by us */
    bool is_pinged;  /* since it was last heard */
    bool is_surplus; /* above the limit: to be told so */
    bool is_tls;
    bool is_handshaking; /* TLS: no session has seen it yet */
    bool is_made;        /* in this batch: it makes bytes, or will */
};

struct tc_net_conf {
    const struct tc_reactor_ops *ops;
    struct tc_reactor *reactor;
    struct tc_fan *fan;
    const struct tc_net_session *const *sessions; /* row 0 gets new connections */
    uint32_t session_cnt;
    uint32_t h2_session; /* the row that gets connections with HTTP/2; TC_NONE: none does */
    void *session_ctx;   /* of the sessions */
    uint32_t conn_max;   /* connections that may be open at once on all workers */
    uint32_t stream_max; /* streams of this worker that fan may know: its connections from slot_max
                            on */
    uint64_t spill_bytes;
    struct tc_net_pages_conf pages;
    const struct tc_metric_worker *const *peers; /* all workers' counters, to know the sum */
    uint32_t peer_cnt;
    struct tc_metric_worker *metric;
    struct tc_log_ring *log; /* may be NULL */
    struct tc_tls_ctx *tls;  /* NULL: no TLS; net becomes a holder of its own */
    int64_t handshake_ns;    /* TLS: a handshake must be done */
    struct tc_mem *mem;
    const char *holder; /* "worker 0" */
    int64_t now_ns;
};

/* Rows of listeners: what connections of each begin with. */
enum tc_net_listener { TC_NET_PLAIN, TC_NET_TLS, TC_NET_LISTENER_CNT };

struct tc_net {
    struct tc_net_conf conf;
    struct tc_net_conn *conns;
    uint32_t slot_max;
    struct tc_pool slots; /* free slots */
    struct tc_slab slab;
    struct tc_wheel wheel;
    uint32_t *stream_slots; /* stream_max: the connection of each */
    uint8_t *made;          /* TC_NET_BATCH_BYTES and one more produce */
    int64_t now_ns;         /* of this turn */
    int64_t wall_ms;
    uint32_t conn_cnt;
    uint32_t out_first; /* list of connections whose out is to be tried */
    uint32_t out_last;
    int listen_fds[TC_NET_LISTENER_CNT];       /* -1: not accepting */
    int64_t accept_at_ns[TC_NET_LISTENER_CNT]; /* paused until then; 0: it is not */
    struct tc_net_tls *tls;                    /* NULL: no TLS */
    struct tc_net_pages pages;
    bool is_pause_told; /* in the log: accepting fails */
    bool is_full_told;  /* in the log: most places are taken */
    bool is_draining;
};

/* Slots that the reactor and fan must have for conn_max connections. */
static inline uint32_t tc_net_slots(uint32_t conn_max)
{
    return conn_max + TC_NET_LOBBY_MAX;
}

/* conf is copied; what it points to outlives net. -TC_ENOMEM with *err. */
int tc_net_init(struct tc_net *net, const struct tc_net_conf *conf,
                struct tc_err *err) TC_MUST_CHECK;

/* After the last connection has ended. */
void tc_net_fini(struct tc_net *net);

/* ---- the turn; the caller sets now_ns and wall_ms first ---- */

/* ACCEPT, RECV and WRITABLE of the reactor. */
void tc_net_on_event(struct tc_net *net, const struct tc_reactor_event *event);

/* Timers that are due, at most visit_max looked at; ends an accept pause. */
uint32_t tc_net_on_time(struct tc_net *net, uint32_t visit_max);

/* Goes on with TLS handshakes, a few. Returns how many. */
uint32_t tc_net_handshakes(struct tc_net *net);
bool tc_net_has_handshakes(const struct tc_net *net);

/* Sends what sessions wrote or produce, at most about TC_TURN_FLUSH_MAX sends. Returns sends. */
uint32_t tc_net_flush_out(struct tc_net *net);

/* Sends what fan planned, at most about send_max sends. Returns sends. */
uint32_t tc_net_flush(struct tc_net *net, uint32_t send_max);

/* A slice of catch-up: at most send_max connections of max_bytes each. Only when fan has nothing
 * touched. Returns sends. */
uint32_t tc_net_catch_up(struct tc_net *net, uint32_t send_max, uint32_t max_bytes);

/* Monotonic time at which tc_net_on_time is wanted; INT64_MAX: not. */
int64_t tc_net_wake_ns(const struct tc_net *net);

/* ---- listening ---- */

/* fd stays the caller's. */
int tc_net_accept_start(struct tc_net *net, enum tc_net_listener listener, int fd) TC_MUST_CHECK;
void tc_net_accept_stop(struct tc_net *net);

/* New connections get this context from now on; the caller's share of it becomes net's. Only with
 * TLS. */
void tc_net_tls_use(struct tc_net *net, struct tc_tls_ctx *ctx);

/* Graceful stop of the slots of [first, first + cnt): on_drain with reconnect delays spread over
 * spread_ms, then tc_net_finish. The caller goes through [0, slot_max) slice by slice. */
void tc_net_drain(struct tc_net *net, uint32_t first, uint32_t cnt, uint32_t spread_ms);

/* Ends all that are still open. */
void tc_net_end_all(struct tc_net *net, enum tc_close reason);

/* ---- for sessions ---- */

static inline bool tc_net_is_open(const struct tc_net *net, uint32_t slot)
{
    return net->conns[slot].is_open && !net->conns[slot].is_finishing;
}

/* Appends bytes to the connection's out. On too much unread or no memory the connection ends (or,
 * with memory, finishes): look at tc_net_is_open before going on. */
void tc_net_write(struct tc_net *net, uint32_t slot, const void *bytes, size_t len);

/* The connection becomes one of another session, and, if dialect is not TC_NONE, known to fan. */
void tc_net_switch(struct tc_net *net, uint32_t slot, uint32_t session, uint32_t dialect);

/* The connection becomes known to fan, and unknown again, within its session. */
void tc_net_join(struct tc_net *net, uint32_t slot, uint32_t dialect);
void tc_net_part(struct tc_net *net, uint32_t slot);

/* The connection has something to send, or to produce: tried at the next flush. */
void tc_net_out_list(struct tc_net *net, uint32_t slot);

/* ---- streams: numbers of the session, < stream_max ---- */

/* What fan knows the stream as. */
static inline uint32_t tc_net_stream_conn(const struct tc_net *net, uint32_t stream)
{
    return net->slot_max + stream;
}

/* The stream of connection slot becomes known to fan; until tc_net_stream_close. */
void tc_net_stream_open(struct tc_net *net, uint32_t stream, uint32_t slot, uint32_t dialect);
void tc_net_stream_close(struct tc_net *net, uint32_t stream);

/* Takes back what is planned for that connection of fan (a slot or a stream's), so that its
 * subscriptions may change; it follows by catch-up. */
void tc_net_unplan(struct tc_net *net, uint32_t conn);

/* One timer per connection; a later call moves it. */
void tc_net_arm(struct tc_net *net, uint32_t slot, int64_t deadline_ns);

/* Ends it now. Safe at any time on an open slot. */
void tc_net_end(struct tc_net *net, uint32_t slot, enum tc_close reason);

/* Ends it politely: the session's goodbye, then tc_net_linger. Nothing if it is finishing already.
 */
void tc_net_finish(struct tc_net *net, uint32_t slot, enum tc_close reason);

/* The session has said its last words itself: sends what is left, half-closes, waits for the peer.
 */
void tc_net_linger(struct tc_net *net, uint32_t slot, enum tc_close reason);

#endif
