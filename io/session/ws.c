// SPDX-License-Identifier: Apache-2.0
/* WebSocket with JSON commands (docs/protocol.md): frames in, commands to fan, replies out. */
#include "io/session/command.h"
#include "proto/ws/ws_json.h"

#define MS_NS 1000000ll

static struct tc_ws_ctx *ctx_of(const struct tc_net *net, uint32_t slot)
{
    uint32_t ctx = net->conns[slot].ctx;
    return ctx == TC_NONE ? NULL : tc_pool_at(&tc_sessions_of(net)->messages, ctx);
}

static void release_ctx(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    struct tc_ws_ctx *ctx = ctx_of(net, slot);
    if (!ctx)
        return;
    if (!tc_ws_in_is_idle(&ctx->in))
        tc_ws_in_reset(&ctx->in);
    tc_pool_release(&tc_sessions_of(net)->messages, c->ctx);
    c->ctx = TC_NONE;
}

static void write_close(struct tc_net *net, uint32_t slot, uint16_t code, const char *text)
{
    uint8_t out[TC_WS_CONTROL_FRAME_MAX];
    tc_net_write(net, slot, out, tc_ws_close_frame(out, code, text));
}

static void ws_goodbye(struct tc_net *net, uint32_t slot, enum tc_close reason)
{
    const struct tc_close_row *row = &tc_closes[reason];
    if (row->ws_code)
        write_close(net, slot, row->ws_code, row->text);
}

/* ---- commands ---- */

static bool is_open(const struct tc_commander *who)
{
    return tc_net_is_open(who->net, who->slot);
}

static void write(const struct tc_commander *who, const void *bytes, size_t len)
{
    tc_net_write(who->net, who->slot, bytes, len);
}

static void end(const struct tc_commander *who)
{
    tc_net_finish(who->net, who->slot, TC_CLOSE_TOO_FAST);
}

static void on_command(struct tc_net *net, uint32_t slot, const struct tc_ws_msg *msg)
{
    struct tc_sessions *s = tc_sessions_of(net);
    struct tc_cmd cmd;
    struct tc_commander who = { .net = net,
                                .slot = slot,
                                .conn = slot,
                                .dialect = TC_SESSION_WS_JSON,
                                .is_open = is_open,
                                .write = write,
                                .end = end };
    int rc = tc_cmd_parse(&s->json, msg->bytes, msg->len, s->rooms, TC_CMD_ROOMS_MAX, &cmd);
    tc_command(&who, &cmd, rc);
}

/* ---- frames ---- */

static void on_control(struct tc_net *net, uint32_t slot, const struct tc_ws_msg *msg)
{
    struct tc_net_conn *c = &net->conns[slot];
    uint8_t out[TC_WS_CONTROL_FRAME_MAX];
    if (!tc_bucket_try_take(&c->controls, &tc_sessions_of(net)->control_rate, 1, net->now_ns))
        tc_net_finish(net, slot, TC_CLOSE_POLICY);
    else if (msg->opcode == TC_WS_PING)
        tc_net_write(net, slot, out, tc_ws_control(out, TC_WS_PONG, msg->bytes, msg->len));
}

static void on_message(struct tc_net *net, uint32_t slot, const struct tc_ws_msg *msg)
{
    switch (msg->opcode) {
    case TC_WS_TEXT:
        net->conns[slot].begun_ns = net->now_ns; /* what follows is another one */
        on_command(net, slot, msg);
        break;
    case TC_WS_BINARY:
        tc_net_finish(net, slot, TC_CLOSE_UNSUPPORTED);
        break;
    case TC_WS_CLOSE: /* its code is echoed (RFC 6455 section 5.5.1) */
        write_close(net, slot, msg->close_code, NULL);
        tc_net_linger(net, slot, TC_CLOSE_PEER_CLOSED);
        break;
    default:
        on_control(net, slot, msg);
        break;
    }
}

static struct tc_ws_ctx *borrow_ctx(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    if (c->ctx == TC_NONE) {
        c->ctx = tc_pool_acquire(&tc_sessions_of(net)->messages);
        c->begun_ns = net->now_ns;
    }
    if (c->ctx == TC_NONE)
        tc_net_finish(net, slot, TC_CLOSE_NO_CONTEXT);
    return ctx_of(net, slot);
}

/* ---- time ---- */

/* When an unfinished message must be there: contexts are few, and not for keeping. */
static int64_t message_end_ns(const struct tc_net *net, const struct tc_net_conn *c)
{
    return c->ctx == TC_NONE ? INT64_MAX
                             : c->begun_ns + tc_sessions_of(net)->conf->timeouts.head_ms * MS_NS;
}

/* A silent peer is asked for a sign of life, then given up. */
static void ws_on_timer(struct tc_net *net, uint32_t slot)
{
    struct tc_net_conn *c = &net->conns[slot];
    const struct tc_conf_timeouts *t = &tc_sessions_of(net)->conf->timeouts;
    int64_t idle_at_ns = c->heard_ns + t->idle_ms * MS_NS;
    int64_t ping_at_ns = c->heard_ns + t->ping_ms * MS_NS;
    int64_t message_at_ns = message_end_ns(net, c);
    if (net->now_ns >= idle_at_ns || net->now_ns >= message_at_ns) {
        bool is_idle = net->now_ns >= idle_at_ns;
        tc_net_finish(net, slot, is_idle ? TC_CLOSE_IDLE : TC_CLOSE_MESSAGE_TIMEOUT);
        return;
    }
    if (!c->is_pinged && net->now_ns >= ping_at_ns) {
        uint8_t out[TC_WS_CONTROL_FRAME_MAX];
        c->is_pinged = true;
        tc_net_write(net, slot, out, tc_ws_control(out, TC_WS_PING, NULL, 0));
    }
    /* its answer moves no timer: the next look must come in time for the next ping */
    if (c->is_pinged)
        ping_at_ns = net->now_ns + t->ping_ms * MS_NS;
    if (tc_net_is_open(net, slot))
        tc_net_arm(net, slot, TC_MIN(TC_MIN(idle_at_ns, ping_at_ns), message_at_ns));
}

static void ws_on_bytes(struct tc_net *net, uint32_t slot, uint8_t *bytes, uint32_t len)
{
    const struct tc_net_conn *c = &net->conns[slot];
    struct tc_ws_ctx *ctx = borrow_ctx(net, slot);
    while (ctx) {
        struct tc_ws_msg msg;
        size_t used = 0;
        int rc = tc_ws_in_feed(&ctx->in, bytes, len, &used, &msg);
        bytes += used;
        len -= (uint32_t)used;
        if (rc < 0) {
            tc_count_add(&net->conf.metric->glitches, 1);
            write_close(net, slot, (uint16_t)ctx->in.close_code, ctx->in.detail);
            tc_net_linger(net, slot, tc_close_of_ws(ctx->in.close_code));
            return;
        }
        if (rc == 0)
            break;
        on_message(net, slot, &msg);
        if (!tc_net_is_open(net, slot))
            return; /* it has given ctx back */
    }
    if (ctx && tc_ws_in_is_idle(&ctx->in))
        release_ctx(net, slot);
    else if (ctx && c->begun_ns == net->now_ns)
        ws_on_timer(net, slot); /* for the end of its time */
}

static void ws_on_drain(struct tc_net *net, uint32_t slot, uint32_t reconnect_ms)
{
    uint8_t out[TC_NOTICE_BYTES_MAX];
    tc_net_write(net, slot, out, tc_ws_json_draining(out, reconnect_ms));
}

const struct tc_net_session tc_session_ws = {
    .name = "ws",
    .on_open = ws_on_timer,
    .on_bytes = ws_on_bytes,
    .on_timer = ws_on_timer,
    .on_drain = ws_on_drain,
    .goodbye = ws_goodbye,
    .on_end = release_ctx,
};
