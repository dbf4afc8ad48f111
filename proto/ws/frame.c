// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/frame.h"

#include <malloc.h>
#include <wslay/wslay.h>

#include "core/mem/mem.h"

/* ---- out ---- */

size_t tc_ws_control(uint8_t *out, enum tc_ws_opcode opcode, const void *payload, size_t len)
{
    TC_ASSERT(len <= TC_WS_CONTROL_MAX);
    size_t head = tc_ws_header(out, opcode, len);
    if (len > 0)
        memcpy(out + head, payload, len);
    return head + len;
}

size_t tc_ws_close_frame(uint8_t *out, uint16_t code, const char *reason)
{
    uint8_t payload[TC_WS_CONTROL_MAX];
    if (code == TC_WS_NO_STATUS)
        return tc_ws_control(out, TC_WS_CLOSE, NULL, 0);
    size_t len = reason ? strlen(reason) : 0;
    if (len > TC_WS_REASON_MAX) {
        len = TC_WS_REASON_MAX;
        while (len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80)
            len--; /* not inside a character */
    }
    payload[0] = (uint8_t)(code >> 8);
    payload[1] = (uint8_t)code;
    if (len > 0)
        memcpy(payload + 2, reason, len);
    return tc_ws_control(out, TC_WS_CLOSE, payload, len + 2);
}

bool tc_ws_close_is_valid(unsigned code)
{
    if (code >= 3000 && code <= 4999)
        return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != TC_WS_NO_STATUS &&
           code != TC_WS_ABNORMAL;
}

/* ---- in ---- */

static ssize_t on_recv(uint8_t *buf, size_t len, int flags, void *ctx)
{
    struct tc_ws_in *in = ctx;
    size_t take = TC_MIN(len, in->src_len);
    (void)flags;
    if (take == 0)
        return -1; /* wslay: wants more */
    memcpy(buf, in->src, take);
    in->src += take;
    in->src_len -= take;
    in->held_bytes += take;
    return (ssize_t)take;
}

int tc_ws_in_init(struct tc_ws_in *in, const struct tc_ws_in_conf *conf)
{
    const struct wslay_frame_callbacks callbacks = { .recv_callback = on_recv };
    memset(in, 0, sizeof(*in));
    in->conf = *conf;
    if (wslay_frame_context_init(&in->frames, &callbacks, in) != 0)
        return -TC_ENOMEM;
    /* wslay cannot begin anew without the allocator, and a connection may end inside a frame. Its
     * context is one flat block, so a copy of it as it was made brings it back to its start. */
    in->frames_bytes = malloc_usable_size(in->frames);
    in->pristine = tc_alloc(in->frames_bytes);
    memcpy(in->pristine, in->frames, in->frames_bytes);
    return TC_OK;
}

void tc_ws_in_fini(struct tc_ws_in *in)
{
    wslay_frame_context_free(in->frames);
    tc_free(in->pristine);
    memset(in, 0, sizeof(*in));
}

void tc_ws_in_reset(struct tc_ws_in *in)
{
    struct wslay_frame_context *frames = in->frames;
    void *pristine = in->pristine;
    size_t frames_bytes = in->frames_bytes;
    struct tc_ws_in_conf conf = in->conf;
    memcpy(frames, pristine, frames_bytes);
    memset(in, 0, sizeof(*in));
    in->frames = frames;
    in->pristine = pristine;
    in->frames_bytes = frames_bytes;
    in->conf = conf;
}

bool tc_ws_in_is_idle(const struct tc_ws_in *in)
{
    return in->held_bytes == 0 && !in->is_frame_open && in->msg_opcode == 0 && !in->is_closed &&
           in->close_code == 0;
}

static int fail(struct tc_ws_in *in, int close_code, const char *detail)
{
    in->close_code = close_code;
    in->detail = detail;
    return close_code == TC_WS_TOO_BIG || close_code == TC_WS_POLICY ? -TC_ELIMIT : -TC_EINVAL;
}

/* A frame of a message begins: RFC 6455, section 5.4. */
static int begin_data(struct tc_ws_in *in, const struct wslay_frame_iocb *frame)
{
    if (frame->opcode == TC_WS_CONTINUATION) {
        if (in->msg_opcode == 0)
            return fail(in, TC_WS_PROTOCOL, "a continuation without a start");
    } else if (frame->opcode != TC_WS_TEXT && frame->opcode != TC_WS_BINARY) {
        return fail(in, TC_WS_PROTOCOL, "an unknown opcode");
    } else if (in->msg_opcode != 0) {
        return fail(in, TC_WS_PROTOCOL, "a message inside a message");
    } else {
        in->msg_opcode = frame->opcode;
        in->msg_len = 0;
        in->fragment_cnt = 0;
        in->utf8 = (struct tc_utf8){ 0 };
    }
    if (frame->payload_length > in->conf.message_max - in->msg_len)
        return fail(in, TC_WS_TOO_BIG, "the message is too big");
    if (++in->fragment_cnt > in->conf.fragment_max)
        return fail(in, TC_WS_POLICY, "the message has too many fragments");
    return TC_OK;
}

static int begin_frame(struct tc_ws_in *in, const struct wslay_frame_iocb *frame)
{
    size_t head = tc_ws_header_bytes(frame->payload_length) + (frame->mask ? 4 : 0);
    TC_ASSERT(in->held_bytes >= head);
    in->held_bytes -= head;
    in->frame_len = frame->payload_length;
    in->frame_left = frame->payload_length;
    in->frame_opcode = frame->opcode;
    in->is_frame_fin = frame->fin;
    in->is_frame_open = true;
    if (frame->rsv != 0)
        return fail(in, TC_WS_PROTOCOL, "a reserved bit is set");
    if ((frame->mask != 0) == in->conf.is_client)
        return fail(in, TC_WS_PROTOCOL,
                    in->conf.is_client ? "a masked frame from the server"
                                       : "a frame without a mask");
    if (!wslay_is_ctrl_frame(frame->opcode))
        return begin_data(in, frame);
    in->control_len = 0;
    if (frame->opcode > TC_WS_PONG)
        return fail(in, TC_WS_PROTOCOL, "an unknown opcode");
    return TC_OK;
}

static int end_control(struct tc_ws_in *in, struct tc_ws_msg *out)
{
    *out = (struct tc_ws_msg){
        .opcode = (enum tc_ws_opcode)in->frame_opcode,
        .bytes = in->control,
        .len = in->control_len,
    };
    if (in->frame_opcode != TC_WS_CLOSE)
        return 1;
    in->is_closed = true;
    out->close_code = TC_WS_NO_STATUS;
    if (in->control_len == 0)
        return 1;
    if (in->control_len == 1)
        return fail(in, TC_WS_PROTOCOL, "a close frame of one byte");
    out->close_code = (uint16_t)(in->control[0] << 8 | in->control[1]);
    out->bytes += 2;
    out->len -= 2;
    if (!tc_ws_close_is_valid(out->close_code))
        return fail(in, TC_WS_PROTOCOL, "a close code that may not be sent");
    if (!tc_utf8_check(out->bytes, out->len))
        return fail(in, TC_WS_BAD_DATA, "the reason is not UTF-8");
    return 1;
}

/* bytes: the payload where it lies whole, NULL: it is in the buffer. */
static int end_message(struct tc_ws_in *in, const uint8_t *bytes, struct tc_ws_msg *out)
{
    if (in->msg_opcode == TC_WS_TEXT && !tc_utf8_is_whole(&in->utf8))
        return fail(in, TC_WS_BAD_DATA, "the text is not UTF-8");
    *out = (struct tc_ws_msg){
        .opcode = (enum tc_ws_opcode)in->msg_opcode,
        .bytes = bytes ? bytes : in->conf.buffer,
        .len = in->msg_len,
    };
    in->msg_opcode = 0;
    return 1;
}

/* A piece of a frame: all of its payload or a part of it. 1: *out is an item. */
static int on_piece(struct tc_ws_in *in, const struct wslay_frame_iocb *piece,
                    struct tc_ws_msg *out)
{
    int rc = in->is_frame_open ? TC_OK : begin_frame(in, piece);
    size_t len = piece->data_length;
    const uint8_t *whole = NULL;
    if (rc < 0)
        return rc;
    TC_ASSERT(in->held_bytes >= len && in->frame_left >= len);
    in->held_bytes -= len;
    in->frame_left -= len;
    in->is_frame_open = in->frame_left > 0;
    if (wslay_is_ctrl_frame(in->frame_opcode)) {
        if (len > 0)
            memcpy(in->control + in->control_len, piece->data, len);
        in->control_len = (uint8_t)(in->control_len + len);
        return in->is_frame_open ? 0 : end_control(in, out);
    }
    if (in->msg_opcode == TC_WS_TEXT && !tc_utf8_feed(&in->utf8, piece->data, len))
        return fail(in, TC_WS_BAD_DATA, "the text is not UTF-8");
    if (in->is_frame_fin && in->fragment_cnt == 1 && len == in->frame_len)
        whole = piece->data;
    else if (len > 0)
        memcpy(in->conf.buffer + in->msg_len, piece->data, len);
    in->msg_len += (uint32_t)len;
    return in->is_frame_open || !in->is_frame_fin ? 0 : end_message(in, whole, out);
}

static void keep_tail(struct tc_ws_in *in, const uint8_t *bytes, size_t len)
{
    size_t take = TC_MIN(len, sizeof(in->tail));
    if (take == 0)
        return;
    memmove(in->tail, in->tail + take, sizeof(in->tail) - take);
    memcpy(in->tail + sizeof(in->tail) - take, bytes + len - take, take);
}

/* wslay tells of a frame only with its first payload byte, which a peer may keep back for ever. All
 * bytes are with wslay and it wants more: so what it holds is the header of the next frame, or a
 * part of it, and a whole one is judged now. */
static int judge_header(struct tc_ws_in *in)
{
    const uint8_t *head = in->tail + sizeof(in->tail) - in->held_bytes;
    if (in->is_frame_open || in->held_bytes < 2)
        return 0;
    TC_ASSERT(in->held_bytes <= sizeof(in->tail));
    size_t len_bytes = (head[1] & 0x7f) < 126 ? 0 : (head[1] & 0x7f) == 126 ? 2 : 8;
    struct wslay_frame_iocb frame = { .fin = head[0] >> 7,
                                      .rsv = head[0] >> 4 & 7,
                                      .opcode = head[0] & 0xf,
                                      .mask = head[1] >> 7,
                                      .payload_length = len_bytes ? 0 : head[1] & 0x7f };
    if (in->held_bytes < 2 + len_bytes + (frame.mask ? 4 : 0))
        return 0;
    for (size_t i = 0; i < len_bytes; i++)
        frame.payload_length = frame.payload_length << 8 | head[2 + i];
    return begin_frame(in, &frame);
}

int tc_ws_in_feed(struct tc_ws_in *in, const void *bytes, size_t len, size_t *used,
                  struct tc_ws_msg *out)
{
    int rc = 0;
    TC_ASSERT(in->close_code == 0);
    *used = len;
    if (in->is_closed)
        return 0;
    in->src = bytes;
    in->src_len = len;
    keep_tail(in, bytes, len);
    while (rc == 0) {
        struct wslay_frame_iocb piece = { 0 };
        ssize_t n = wslay_frame_recv(in->frames, &piece);
        if (n == WSLAY_ERR_WANT_READ) {
            rc = judge_header(in);
            break;
        }
        if (n < 0)
            rc = fail(in, TC_WS_PROTOCOL, "a frame whose length or fragmentation is not allowed");
        else
            rc = on_piece(in, &piece, out);
    }
    *used = len - in->src_len;
    in->src = NULL;
    in->src_len = 0;
    TC_ASSERT(rc != 0 || *used == len);
    return rc;
}
