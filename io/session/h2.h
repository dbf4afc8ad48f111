// SPDX-License-Identifier: Apache-2.0
/* io/session/h2: what connections and streams of HTTP/2 keep; for the files of this folder. */
#ifndef TC_IO_SESSION_H2_H
#define TC_IO_SESSION_H2_H

#include "io/session/grpc.h"
#include "io/session/route.h"
#include "io/session/session.h"

enum {
    TC_STREAM_BODY_MAX = 1 << 20,    /* bytes of a request's body that are passed over */
    TC_H2_STUCK_BYTES = 64 * 1024,   /* of answers may wait for a peer as long as it likes; of more,
                                        or of a page, */
    TC_H2_PROGRESS_BYTES = 4 * 1024, /* so many must go out within timeouts.head_ms */
};
#define TC_H2_GOAWAY_NS 1000000000ll /* between the two GOAWAYs of a graceful stop */

/* One request and its answer. */
struct tc_stream {
    uint32_t slot; /* the connection; the pool's link while it is free */
    uint32_t next; /* circular list of the connection's */
    uint32_t prev;
    uint32_t call; /* of gRPC; TC_NONE: ordinary HTTP */
    /* ordinary HTTP */
    uint64_t body_bytes;   /* of the request, so far */
    struct tc_reply reply; /* told when the request is complete */
    const uint8_t *page;   /* what is left of the answer's body behind out; static */
    size_t page_len;
    /* of the answer */
    struct tc_h2_body body;
    struct tc_block out;  /* bytes of the body that go first */
    struct tc_block tail; /* trailers, packed (io/session/pack) */
    uint32_t planned_len; /* of the peek under way: what fan has planned */
    bool is_ended;        /* nothing will come behind out and page */
    bool is_fan;          /* fan knows it: a stream of updates */
    bool is_head;         /* no body is wanted */
};

/* One connection. */
struct tc_h2_conn {
    uint32_t link;    /* the pool's, while it is free */
    uint32_t streams; /* circular list */
    uint32_t stream_cnt;
    struct tc_h2 h2;
    int64_t head_ns;      /* when what the peer is inside of began */
    int64_t moved_ns;     /* when moved_bytes was last enough */
    uint64_t moved_bytes; /* of answers given to the connection since, and what was unsent then */
    int64_t armed_ns;     /* when the connection's timer goes off */
    int64_t goaway_ns;    /* draining: when the second GOAWAY is due */
    bool is_draining;
    bool is_goaway; /* the second one is out */
};

extern const struct tc_h2_ops tc_stream_ops;
extern const struct tc_grpc_carrier tc_stream_carrier;

static inline struct tc_h2_conn *tc_h2_conn_of(const struct tc_net *net, uint32_t slot)
{
    return tc_pool_at(&tc_sessions_of(net)->h2_conns, net->conns[slot].ctx);
}

static inline struct tc_stream *tc_stream_at(const struct tc_net *net, uint32_t stream)
{
    return tc_pool_at(&tc_sessions_of(net)->streams, stream);
}

/* Ends all streams of the connection, without a word. */
void tc_streams_drop(struct tc_net *net, struct tc_h2_conn *hc);

/* Earliest time that a call of the connection wants to be looked at; those that are due are. */
int64_t tc_streams_on_time(struct tc_net *net, struct tc_h2_conn *hc);

/* A graceful stop begins. */
void tc_streams_drain(struct tc_net *net, struct tc_h2_conn *hc, uint32_t reconnect_ms);

/* Whether a page or much of our memory waits for the peer. */
bool tc_streams_are_stuck(const struct tc_net *net, const struct tc_h2_conn *hc);

#endif
