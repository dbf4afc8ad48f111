// SPDX-License-Identifier: Apache-2.0
/* tests/lib/rpc: thousands of gRPC calls over HTTP/2 (cleartext, prior knowledge), by nghttp2.
 *
 * A loop owns all calls and the connections under them: call i lies on connection i mod (calls /
 * per_link), so that the last calls are spread over all connections. Callbacks come from
 * tc_rpc_poll() and tc_rpc_open(). Messages are handed out as they come; each DATA frame, prefix
 * and status is checked. What a connection has received is given back to its window at once, and to
 * the window of a stream unless that is stalled: then it closes, and the others go on.
 * Not for: TLS, compression, messages beyond TC_RPC_MESSAGE_MAX. */
#ifndef TC_TESTS_LIB_RPC_H
#define TC_TESTS_LIB_RPC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TC_RPC_MESSAGE_MAX = 128 * 1024,
    TC_RPC_REQUEST_MAX = 64 * 1024,
    TC_RPC_READ_BYTES = 256 * 1024,
    TC_RPC_WINDOW_BYTES = 4096,
};

enum tc_rpc_state { TC_RPC_FREE, TC_RPC_CONNECTING, TC_RPC_READY, TC_RPC_OPEN };

struct tc_rpc {
    enum tc_rpc_state state;
    int32_t stream;
    bool is_stalled;
    bool is_bidi;        /* the request does not end */
    int http_status;     /* of the answer, 0: none yet */
    int status;          /* gRPC's, -1: none yet */
    uint32_t held_bytes; /* received and not given back to the stream's window */
    uint32_t request_len, sent_len;
    uint8_t *request;
    uint32_t carry_len; /* bytes of an unfinished message, with its prefix */
    uint8_t *carry;
};

struct tc_rpc_loop {
    int epoll_fd;
    uint32_t cnt, link_cnt;
    struct tc_rpc *calls;
    struct tc_rpc_link *links;
    uint8_t *buffer;
    uint64_t reads, bytes, frames, pings; /* frames: DATA */
    int64_t now_ns;                       /* monotonic, of this poll */
    void *user;
    void (*on_open)(struct tc_rpc_loop *, uint32_t idx); /* connected: tc_rpc_call can go out */
    void (*on_message)(struct tc_rpc_loop *, uint32_t idx, const uint8_t *bytes, size_t len);
    /* why: "closed", "reset", "refused", or the rule that the server broke (is_fault) */
    void (*on_end)(struct tc_rpc_loop *, uint32_t idx, const char *why, bool is_fault);
};

/* cnt calls, all free, per_link on each connection (cnt is a multiple of it). Callbacks and user
 * are set by the caller afterwards. */
void tc_rpc_init(struct tc_rpc_loop *loop, uint32_t cnt, uint32_t per_link);

/* A free call wants to begin: connects, unless its connection is there, and tells by on_open. */
void tc_rpc_open(struct tc_rpc_loop *loop, uint32_t idx, const struct sockaddr_in *to,
                 int rcvbuf_bytes);

/* In on_open: sends the request, which has len bytes with the message's prefix. window_bytes: of
 * the stream, at least TC_RPC_WINDOW_BYTES. */
void tc_rpc_call(struct tc_rpc_loop *loop, uint32_t idx, const char *path, const uint8_t *request,
                 size_t len, bool is_bidi, int32_t window_bytes);

/* Ends the call, or the connection if no other call can lie on it; no callback. */
void tc_rpc_cut(struct tc_rpc_loop *loop, uint32_t idx);

/* Keeps the window of the call's stream closed, once it is used up; or opens it again. */
void tc_rpc_stall(struct tc_rpc_loop *loop, uint32_t idx, bool is_stalled);

/* Waits up to timeout_ms for input and handles it. */
void tc_rpc_poll(struct tc_rpc_loop *loop, int timeout_ms);

#endif
