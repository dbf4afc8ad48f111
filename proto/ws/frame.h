// SPDX-License-Identifier: Apache-2.0
/* proto/ws/frame: WebSocket frames (RFC 6455 section 5) out and in.
 *
 * Out: headers of unmasked, unfragmented frames, written in front of shared bytes.
 *
 * In: struct tc_ws_in, on wslay's frame layer. It holds a few KB and is borrowed from a pool while
 * a frame or a message is incomplete; an idle connection has none.
 *
 *   bytes ──feed──> wslay (header, unmask) ──> our rules, UTF-8, limits ──> one item at a time
 *
 * wslay takes up to 4 KB at once into a buffer of its own, which may hold frames after the current
 * one: `used` counts them as taken, and further calls (with len 0) hand them out. A message that
 * arrived whole is handed out where wslay unmasked it; only a message in pieces is assembled in the
 * buffer given at init. Feeding a byte at a time and all at once give the same items.
 *
 * Not for: permessage-deflate (a set RSV bit is an error), answers to control frames, the
 * handshake. One thread per context. */
#ifndef TC_PROTO_WS_FRAME_H
#define TC_PROTO_WS_FRAME_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include "proto/json/utf8.h"

enum tc_ws_opcode {
    TC_WS_CONTINUATION = 0x0,
    TC_WS_TEXT = 0x1,
    TC_WS_BINARY = 0x2,
    TC_WS_CLOSE = 0x8,
    TC_WS_PING = 0x9,
    TC_WS_PONG = 0xa,
};

/* RFC 6455 section 7.4 and the registry it founded. */
enum tc_ws_close {
    TC_WS_NORMAL = 1000,
    TC_WS_GOING_AWAY = 1001,
    TC_WS_PROTOCOL = 1002,
    TC_WS_UNSUPPORTED = 1003,
    TC_WS_NO_STATUS = 1005, /* never on the wire: a close frame without a code */
    TC_WS_ABNORMAL = 1006,  /* never on the wire: no close frame at all */
    TC_WS_BAD_DATA = 1007,
    TC_WS_POLICY = 1008,
    TC_WS_TOO_BIG = 1009,
    TC_WS_SERVER_ERROR = 1011,
    TC_WS_RESTART = 1012,
    TC_WS_TRY_LATER = 1013,
};

enum {
    TC_WS_HEADER_MAX = 10, /* unmasked */
    TC_WS_MASKED_HEADER_MAX = 14,
    TC_WS_CONTROL_MAX = 125, /* payload of a control frame */
    TC_WS_REASON_MAX = 123,  /* text of a close frame */
    TC_WS_CONTROL_FRAME_MAX = 2 + TC_WS_CONTROL_MAX,
};

/* ---- out ---- */

/* Bytes of the header of an unmasked frame: 2, 4 or 10. */
static inline size_t tc_ws_header_bytes(uint64_t payload_len)
{
    return payload_len < 126 ? 2 : payload_len <= UINT16_MAX ? 4 : TC_WS_HEADER_MAX;
}

/* Writes the header of one whole, unmasked frame; returns tc_ws_header_bytes(payload_len). */
static inline size_t tc_ws_header(uint8_t *out, enum tc_ws_opcode opcode, uint64_t payload_len)
{
    out[0] = (uint8_t)(0x80u | (unsigned)opcode);
    if (payload_len < 126) {
        out[1] = (uint8_t)payload_len;
        return 2;
    }
    if (payload_len <= UINT16_MAX) {
        out[1] = 126;
        out[2] = (uint8_t)(payload_len >> 8);
        out[3] = (uint8_t)payload_len;
        return 4;
    }
    out[1] = 127;
    for (unsigned i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)(payload_len >> (56 - 8 * i));
    return TC_WS_HEADER_MAX;
}

/* A whole control frame (PING, PONG); len <= TC_WS_CONTROL_MAX. out has TC_WS_CONTROL_FRAME_MAX
 * bytes. Returns its bytes. */
size_t tc_ws_control(uint8_t *out, enum tc_ws_opcode opcode, const void *payload, size_t len);

/* A whole close frame; reason (may be NULL) is cut at TC_WS_REASON_MAX bytes, at a border of
 * characters. code TC_WS_NO_STATUS: a frame without payload. out as above. */
size_t tc_ws_close_frame(uint8_t *out, uint16_t code, const char *reason);

/* ---- in ---- */

struct tc_ws_in_conf {
    bool is_client;        /* frames come from a server: unmasked; otherwise masked */
    uint32_t message_max;  /* bytes of a message; beyond: 1009 */
    uint32_t fragment_max; /* frames of a message; beyond: 1008 */
    uint8_t *buffer;       /* message_max bytes for messages in pieces, owned by the caller */
};

/* One item. bytes are valid until the next feed or reset. */
struct tc_ws_msg {
    enum tc_ws_opcode opcode; /* TEXT, BINARY, PING, PONG, CLOSE */
    const uint8_t *bytes;     /* payload; of CLOSE: the reason */
    size_t len;
    uint16_t close_code; /* CLOSE only; TC_WS_NO_STATUS if the frame has none */
};

struct wslay_frame_context;

struct tc_ws_in {
    struct tc_ws_in_conf conf;
    struct wslay_frame_context *frames;
    void *pristine; /* its bytes when it was new, for reset */
    size_t frames_bytes;
    const uint8_t *src; /* bytes of the feed under way */
    size_t src_len;
    uint64_t held_bytes; /* inside wslay: fed and not yet accounted to a frame's bytes handed out */
    uint64_t frame_left; /* payload bytes of the current frame still to come */
    uint64_t frame_len;
    uint32_t msg_len;      /* bytes of the current message so far */
    uint32_t fragment_cnt; /* frames of the current message so far */
    uint8_t msg_opcode;    /* TEXT, BINARY; 0: no message under way */
    uint8_t frame_opcode;
    bool is_frame_open;
    bool is_frame_fin;
    bool is_closed;     /* a close frame was handed out: what follows is not looked at */
    int close_code;     /* of the error */
    const char *detail; /* static */
    uint8_t control_len;
    uint8_t control[TC_WS_CONTROL_MAX];
    uint8_t tail[TC_WS_MASKED_HEADER_MAX]; /* the bytes that were fed last, the newest at its end */
    struct tc_utf8 utf8;
};

/* Start-up: makes wslay's context (two blocks of about 4.3 KB, the only memory it ever takes). *in
 * must not move afterwards. -TC_ENOMEM. */
int tc_ws_in_init(struct tc_ws_in *in, const struct tc_ws_in_conf *conf) TC_MUST_CHECK;
void tc_ws_in_fini(struct tc_ws_in *in);

/* As after init, wherever it was: to be called when a context goes back to its pool and was not
 * idle. Takes no memory. */
void tc_ws_in_reset(struct tc_ws_in *in);

/* Takes *used of len bytes. 1: *out is an item, call again (with what is left, maybe nothing); 0:
 * all bytes are taken, no further item yet; -TC_EINVAL, -TC_ELIMIT: the peer broke a rule: close
 * with in->close_code (1002, 1007, 1008, 1009), in->detail says why; only reset or fini may follow.
 * After a CLOSE item all further bytes are taken and passed over. */
int tc_ws_in_feed(struct tc_ws_in *in, const void *bytes, size_t len, size_t *used,
                  struct tc_ws_msg *out) TC_MUST_CHECK;

/* No part of a frame or message is held: the context may go back to its pool as it is. */
bool tc_ws_in_is_idle(const struct tc_ws_in *in);

/* Whether code may stand in a close frame. */
bool tc_ws_close_is_valid(unsigned code);

#endif
