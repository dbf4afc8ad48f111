// SPDX-License-Identifier: Apache-2.0
/* Bodies on their way out: DATA frames and the windows that they are sent by (RFC 9113
 * section 5.2).
 *
 * nghttp2 could do this too, at the price of its queues for each frame; a stream of updates is
 * nothing but small DATA frames. So it is not told of DATA nor of what opens windows, and sees but
 * the end of a body: trailers, or an empty frame with END_STREAM that is not sent, since the last
 * frame of ours has told of the end. The windows that it keeps itself never shrink, and are above 0
 * whenever it has such an end. */
#include "proto/h2/h2_int.h"

enum { WINDOW_MAX = INT32_MAX };

static struct tc_h2_body *body_of(struct tc_h2 *h2, uint32_t stream)
{
    return h2->class->ops->body(h2, stream);
}

static int64_t window_of(const struct tc_h2 *h2, const struct tc_h2_body *body)
{
    return h2->window_begin + body->credit;
}

/* ---- the list of those to ask ---- */

static void list(struct tc_h2 *h2, uint32_t stream, struct tc_h2_body *body)
{
    body->state = TC_H2_BODY_LISTED;
    if (h2->asked == TC_NONE) {
        body->next = body->prev = h2->asked = stream;
        return;
    }
    struct tc_h2_body *first = body_of(h2, h2->asked);
    body->next = h2->asked;
    body->prev = first->prev;
    body_of(h2, first->prev)->next = stream;
    first->prev = stream;
}

static void unlist(struct tc_h2 *h2, uint32_t stream, struct tc_h2_body *body)
{
    body_of(h2, body->prev)->next = body->next;
    body_of(h2, body->next)->prev = body->prev;
    if (h2->asked == stream)
        h2->asked = body->next == stream ? TC_NONE : body->next;
}

void tc_h2_body_begin(struct tc_h2 *h2, uint32_t stream)
{
    struct tc_h2_body *body = body_of(h2, stream);
    if (body->state == TC_H2_BODY_NONE)
        list(h2, stream, body);
}

void tc_h2_body_drop(struct tc_h2 *h2, uint32_t stream)
{
    struct tc_h2_body *body = body_of(h2, stream);
    if (body->state == TC_H2_BODY_LISTED)
        unlist(h2, stream, body);
    body->state = TC_H2_BODY_NONE;
}

void tc_h2_resume(struct tc_h2 *h2, uint32_t stream)
{
    struct tc_h2_body *body = body_of(h2, stream);
    if (body->state == TC_H2_BODY_WAITS || body->state == TC_H2_BODY_BLOCKED)
        list(h2, stream, body);
}

/* ---- windows ---- */

/* Those that waited for a window may go on if theirs is open. */
static void unblock(struct tc_h2 *h2)
{
    for (uint32_t s = TC_NONE; (s = h2->class->ops->next(h2, s)) != TC_NONE;) {
        struct tc_h2_body *body = body_of(h2, s);
        if (body->state == TC_H2_BODY_BLOCKED && window_of(h2, body) > 0)
            list(h2, s, body);
    }
}

void tc_h2_window_conn(struct tc_h2 *h2, uint32_t step)
{
    bool was_open = h2->window > 0;
    h2->window += step;
    if (h2->window > WINDOW_MAX)
        tc_h2_fail(h2, TC_H2_PROTOCOL, NGHTTP2_FLOW_CONTROL_ERROR);
    else if (!was_open)
        unblock(h2);
}

void tc_h2_window_stream(struct tc_h2 *h2, int32_t id, uint32_t stream, uint32_t step)
{
    struct tc_h2_body *body = body_of(h2, stream);
    body->credit += step;
    if (window_of(h2, body) > WINDOW_MAX)
        tc_h2_reset(h2, id, NGHTTP2_FLOW_CONTROL_ERROR);
    else if (body->state == TC_H2_BODY_BLOCKED && window_of(h2, body) > 0 && h2->window > 0)
        list(h2, stream, body);
}

void tc_h2_window_begin(struct tc_h2 *h2, uint32_t bytes)
{
    h2->window_begin = bytes;
    for (uint32_t s = TC_NONE; (s = h2->class->ops->next(h2, s)) != TC_NONE;) {
        if (window_of(h2, body_of(h2, s)) > WINDOW_MAX) {
            tc_h2_fail(h2, TC_H2_PROTOCOL, NGHTTP2_FLOW_CONTROL_ERROR);
            return;
        }
    }
    if (h2->window > 0)
        unblock(h2);
}

/* ---- frames ---- */

static void put_head(uint8_t *to, size_t len, int32_t id, bool is_last)
{
    const uint8_t head[TC_H2_FRAME_HEAD] = { (uint8_t)(len >> 16),
                                             (uint8_t)(len >> 8),
                                             (uint8_t)len,
                                             NGHTTP2_DATA,
                                             is_last ? NGHTTP2_FLAG_END_STREAM : 0,
                                             (uint8_t)((uint32_t)id >> 24),
                                             (uint8_t)((uint32_t)id >> 16),
                                             (uint8_t)((uint32_t)id >> 8),
                                             (uint8_t)id };
    memcpy(to, head, sizeof(head));
}

/* len bytes of the body as frames. They are taken at once, behind the room for all heads, and what
 * is not the last frame's moves to its own. */
static void put_data(struct tc_h2 *h2, uint32_t stream, struct tc_h2_body *body, size_t len,
                     bool is_last)
{
    struct tc_h2_class *class = h2->class;
    uint8_t *to = class->dst + class->len;
    size_t left = len;
    size_t frame_cnt = len > 0 ? (len - 1) / TC_H2_DATA_MAX + 1 : 1;
    const uint8_t *from = to + frame_cnt * TC_H2_FRAME_HEAD;
    if (len > 0)
        class->ops->take(h2, stream, to + frame_cnt * TC_H2_FRAME_HEAD, len);
    for (size_t i = 0; i < frame_cnt; i++) {
        size_t now = TC_MIN(left, (size_t)TC_H2_DATA_MAX);
        left -= now;
        put_head(to, now, body->id, is_last && left == 0);
        to += TC_H2_FRAME_HEAD;
        if (to != from)
            memmove(to, from, now);
        to += now;
        from += now;
    }
    class->len += len + frame_cnt * TC_H2_FRAME_HEAD;
    body->credit -= (int64_t)len;
    h2->window -= (int64_t)len;
    h2->earned = TC_MIN(h2->earned + (uint32_t)frame_cnt * TC_H2_EARNED_PER_DATA,
                        (uint32_t)TC_H2_EARNED_MAX);
}

static nghttp2_ssize read_nothing(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
                                  uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    (void)session;
    (void)id;
    (void)buf;
    (void)len;
    (void)source;
    (void)ctx;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return 0;
}

/* Asks a body for what there is room for. What is taken may make room for more, and so resume it
 * meanwhile: then it is listed already, and the next time tells the rest. */
static void ask(struct tc_h2 *h2, uint32_t stream)
{
    static const nghttp2_data_provider2 nothing = { .read_callback = read_nothing };
    const struct tc_h2_class *class = h2->class;
    struct tc_h2_body *body = body_of(h2, stream);
    int64_t window = TC_MAX(TC_MIN(h2->window, window_of(h2, body)), 0);
    size_t left = class->cap - class->len;
    size_t room = left - (left / TC_H2_DATA_MAX + 1) * TC_H2_FRAME_HEAD;
    enum tc_h2_more more = TC_H2_WAIT;
    unlist(h2, stream, body);
    body->state = TC_H2_BODY_WAITS;
    size_t len = class->ops->peek(h2, stream, TC_MIN((size_t)window, room), &more);
    if (len > 0 || more == TC_H2_END)
        put_data(h2, stream, body, len, more == TC_H2_END);
    if (more == TC_H2_END || more == TC_H2_TRAILERS) {
        tc_h2_body_drop(h2, stream);
        h2->has_frames = true;
    }
    if (more == TC_H2_END)
        (void)nghttp2_submit_data2(h2->session, NGHTTP2_FLAG_END_STREAM, body->id, &nothing);
    if (more != TC_H2_MORE || body->state == TC_H2_BODY_LISTED)
        return;
    if ((int64_t)len < window)
        list(h2, stream, body);
    else
        body->state = TC_H2_BODY_BLOCKED;
}

void tc_h2_body_emit(struct tc_h2 *h2)
{
    const struct tc_h2_class *class = h2->class;
    while (h2->asked != TC_NONE && class->cap - class->len >= TC_H2_EMIT_MIN)
        ask(h2, h2->asked);
}
