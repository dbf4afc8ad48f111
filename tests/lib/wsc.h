// SPDX-License-Identifier: Apache-2.0
/* tests/lib/wsc: thousands of WebSocket clients on one edge-triggered epoll (RFC 6455, client
 * side).
 *
 * A loop owns all connections; struct tc_wsc lives in the loop's array and is named by its index.
 * Callbacks come from tc_wsc_poll(). Incoming messages are handed out where they were read, valid
 * during the callback only. Each frame is checked: reserved bits, no mask, known opcode, limits of
 * control frames; a message in fragments is a violation, as the engine never sends one.
 * Not for: TLS, compression, messages beyond TC_WSC_MESSAGE_MAX. */
#ifndef TC_TESTS_LIB_WSC_H
#define TC_TESTS_LIB_WSC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TC_WSC_MESSAGE_MAX = 128 * 1024, /* 64 KiB of payload and its envelope, with room */
    TC_WSC_OUT_MAX = 8 * 1024,       /* commands that wait for the socket */
    TC_WSC_READ_BYTES = 256 * 1024,  /* one read */
    TC_WSC_READS_MAX = 4,            /* reads of one connection before the others get their turn */
};

enum tc_wsc_state { TC_WSC_FREE, TC_WSC_CONNECTING, TC_WSC_UPGRADING, TC_WSC_OPEN };

/* How a connection takes its input. */
enum tc_wsc_mode { TC_WSC_READ, TC_WSC_STALL, TC_WSC_ONE_BYTE };

struct tc_wsc {
    int fd;
    enum tc_wsc_state state;
    enum tc_wsc_mode mode;
    bool is_ready;      /* in the list of connections with input left */
    bool is_ending;     /* the peer has sent its last byte */
    uint32_t carry_len; /* bytes of an unfinished frame or HTTP answer */
    uint32_t out_len;
    uint16_t close_code; /* that the server sent, 0 none */
    int status;          /* HTTP status of the answer */
    char *carry;
    char *out;
};

struct tc_wsc_loop {
    int epoll_fd;
    uint32_t cnt;
    struct tc_wsc *conns;
    uint32_t *ready; /* indexes */
    uint32_t ready_cnt;
    char *buffer;
    uint64_t random;
    uint64_t reads, bytes, frames, pings;
    int64_t now_ns; /* monotonic, of this poll */
    void *user;
    void (*on_open)(struct tc_wsc_loop *, uint32_t idx);
    void (*on_text)(struct tc_wsc_loop *, uint32_t idx, const char *text, size_t len);
    /* why: "closed", "reset", "refused", or the rule that the server broke (is_fault) */
    void (*on_end)(struct tc_wsc_loop *, uint32_t idx, const char *why, bool is_fault);
};

/* cnt connections, all free. The callbacks and user are set by the caller afterwards. */
void tc_wsc_init(struct tc_wsc_loop *loop, uint32_t cnt);

/* Begins to connect a free connection. rcvbuf_bytes 0 leaves the system's size. path "/ws". */
void tc_wsc_connect(struct tc_wsc_loop *loop, uint32_t idx, const struct sockaddr_in *to,
                    int rcvbuf_bytes);

/* Sends one masked text frame, kept if the socket is full. false: no room, nothing was sent. */
bool tc_wsc_send(struct tc_wsc_loop *loop, uint32_t idx, const char *text, size_t len);

/* Ends without a closing handshake and frees the connection; no callback. */
void tc_wsc_cut(struct tc_wsc_loop *loop, uint32_t idx);

/* Changes how input is taken and reads at the next poll: everything, or the one byte. Each call for
 * TC_WSC_ONE_BYTE is one byte more. */
void tc_wsc_set_mode(struct tc_wsc_loop *loop, uint32_t idx, enum tc_wsc_mode mode);

/* Waits up to timeout_ms for input and handles it. */
void tc_wsc_poll(struct tc_wsc_loop *loop, int timeout_ms);

#endif
