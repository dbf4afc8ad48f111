// SPDX-License-Identifier: Apache-2.0
/* Clients: what they say, and what they make of what they read. */
#include "proto/ws/client.h"
#include "tests/sim/world.h"

static const uint8_t nonce[TC_WS_NONCE_BYTES] = "the sample nonc";

/* ---- frames out ---- */

static void send_frame(struct world *w, const struct w_client *c, enum tc_ws_opcode opcode,
                       const void *bytes, size_t len, bool is_final)
{
    static uint8_t frame[W_TX_BYTES + TC_WS_MASKED_HEADER_MAX];
    uint8_t mask[4];
    TC_ASSERT(len <= W_TX_BYTES);
    for (int i = 0; i < 4; i++)
        mask[i] = (uint8_t)w_rnd(w, 256);
    size_t head = tc_ws_client_header(frame, opcode, len, mask);
    if (!is_final)
        frame[0] &= 0x7f;
    memcpy(frame + head, bytes, len);
    tc_ws_mask(frame + head, len, mask, 0);
    tc_sim_write(&w->net, c->peer, frame, head + len);
}

/* One message, sometimes in two fragments. */
static void say(struct world *w, const struct w_client *c, const char *text, size_t len)
{
    w_note(w, "client %u: %.*s", c->idx, (int)TC_MIN(len, 300u), text);
    if (!w_one_in(w, 8)) {
        send_frame(w, c, TC_WS_TEXT, text, len, true);
        return;
    }
    size_t cut = w_rnd(w, (uint32_t)len + 1);
    send_frame(w, c, TC_WS_TEXT, text, cut, false);
    send_frame(w, c, (enum tc_ws_opcode)0, text + cut, len - cut, true);
}

/* ---- coming and going ---- */

static void come(struct world *w, struct w_client *c)
{
    static const uint32_t windows[] = { 1, 7, 60, 400, 3000, 100000 };
    char text[512];
    uint32_t peer = tc_sim_connect(&w->net);
    if (peer == TC_NONE)
        return;
    c->state = W_UPGRADING;
    c->peer = peer;
    c->rx_len = 0;
    c->close_code = 0;
    c->is_rude = c->is_told_drain = false;
    c->is_no_ws = w_one_in(w, 20);
    c->pace = w_one_in(w, 3) ? 1 + w_rnd(w, 200) : W_ALL;
    tc_sim_set_window(&w->net, peer, windows[w_rnd(w, TC_ARRAY_CNT(windows))]);
    if (w_one_in(w, 5))
        tc_sim_set_piece(&w->net, peer, 1 + w_rnd(w, 3));
    const char *path = c->is_no_ws ? w_one_in(w, 2) ? "/health" : "/nowhere" : "/ws";
    size_t len = tc_ws_client_request(text, sizeof(text), "sim:80", path, NULL, nonce);
    if (w_one_in(w, 40)) {
        c->is_no_ws = true;
        len = w_rnd(w, (uint32_t)len); /* and nothing more */
    }
    tc_sim_write(&w->net, peer, text, len);
    w->sums.connects++;
    w_note(w, "client %u: comes as peer %u for %s", c->idx, peer, path);
}

static void gone(struct world *w, struct w_client *c)
{
    for (uint32_t i = 0; i < w->room_cnt; i++)
        w_view_leave(&c->views[i]);
    tc_sim_forget(&w->net, c->peer);
    c->state = W_NONE;
    w_note(w, "client %u: gone", c->idx);
}

void w_client_leave(struct world *w, struct w_client *c, uint32_t how)
{
    static const uint8_t code[] = { 1000 >> 8, 1000 & 255 };
    w_note(w, "client %u: leaves %u", c->idx, how);
    if (how == 2) {
        gone(w, c);
        return;
    }
    if (how == 0 && c->state == W_OPEN)
        send_frame(w, c, TC_WS_CLOSE, code, sizeof(code), true);
    else
        tc_sim_close(&w->net, c->peer);
    c->state = W_LEAVING;
}

/* ---- commands ---- */

/* A place that a client might say it was at. */
static void pick_from(struct world *w, const struct w_room *r, const struct w_view *v,
                      struct w_op *op)
{
    struct w_feed *f = &w->feeds[r->feed];
    op->from_ts = -1;
    op->has_from = true;
    if (v->kept_log != W_NO_LOG && !w_one_in(w, 3)) {
        op->from_log = v->kept_log;
        op->from_pos = v->kept_pos;
        op->from_ts = w_one_in(w, 2) ? v->kept_ts : -1;
    } else if (w_one_in(w, 15)) {
        op->from_log = W_UNKNOWN;
        op->from_pos = w_rnd(w, 50);
    } else if (r->cnt && !w_one_in(w, 6)) {
        uint32_t back = w_one_in(w, 3) ? r->cnt : TC_MIN(r->cnt, 8u);
        uint32_t i = r->cnt - 1 - w_rnd(w, back);
        op->from_log = r->events[i].log;
        op->from_pos = TC_MAX(r->events[i].pos, 0);
        if (w_one_in(w, 2) && w_is_data(&r->events[i]))
            op->from_ts = W_TS + i + w_one_in(w, 10);
        else
            op->from_pos += w_rnd(w, 3);
    } else {
        op->from_log = (int)w_rnd(w, f->log_cnt);
        op->from_pos = w_rnd(w, (uint32_t)f->logs[op->from_log].next_pos + 10);
    }
    if (op->from_log >= 0)
        op->next_pos = atomic_load(&f->ingest.logs.logs[op->from_log].next_pos);
}

static size_t put_from(const struct world *w, const struct w_room *r, const struct w_op *op,
                       char *to, size_t max)
{
    const char *log = op->from_log < 0 ? "s0/t/0@ffff" : w->feeds[r->feed].logs[op->from_log].name;
    int n = snprintf(to, max, "\"%s\":{\"log\":\"%s\",\"pos\":%lld", r->name, log,
                     (long long)op->from_pos);
    if (op->from_ts >= 0)
        n += snprintf(to + n, max - (size_t)n, ",\"ts\":%lld", (long long)op->from_ts);
    n += snprintf(to + n, max - (size_t)n, "}");
    return (size_t)n;
}

static void add_op(struct w_view *v, const struct w_op *op)
{
    TC_ASSERT(v->op_cnt < W_OPS);
    v->ops[v->op_cnt++] = *op;
}

/* Up to three different rooms in which few commands are under way. */
static uint32_t pick_rooms(struct world *w, struct w_client *c, struct w_room **rooms)
{
    uint32_t want = 1 + w_rnd(w, 3);
    uint32_t first = w_rnd(w, w->room_cnt);
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < w->room_cnt && cnt < want; i++) {
        struct w_room *r = &w->rooms[(first + i) % w->room_cnt];
        if (c->views[r->idx].op_cnt < W_OPS - 1)
            rooms[cnt++] = r;
    }
    return cnt;
}

static void subscribe(struct world *w, struct w_client *c)
{
    char text[2048], from[1024];
    struct w_room *rooms[3];
    uint32_t cnt = pick_rooms(w, c, rooms);
    bool is_snapshot = w_one_in(w, 2);
    size_t len = 0, from_len = 0;
    uint32_t id = c->next_id++;
    if (cnt == 0)
        return;
    len = (size_t)snprintf(text, sizeof(text), "{\"event\":\"subscribe\",\"id\":%u,\"data\":{", id);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\"rooms\":[");
    for (uint32_t i = 0; i < cnt; i++) {
        struct w_view *v = &c->views[rooms[i]->idx];
        struct w_op op = { .id = id, .is_snapshot = is_snapshot };
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%s\"", i ? "," : "",
                                rooms[i]->name);
        if (w->feeds[rooms[i]->feed].log_cnt && w_one_in(w, 2)) {
            pick_from(w, rooms[i], v, &op);
            if (from_len)
                from[from_len++] = ',';
            from_len += put_from(w, rooms[i], &op, from + from_len, sizeof(from) - from_len);
        }
        add_op(v, &op);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "]%s",
                            is_snapshot ? ",\"snapshot\":true" : "");
    if (from_len)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"from\":{%.*s}", (int)from_len,
                                from);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "}}");
    say(w, c, text, len);
}

static void unsubscribe(struct world *w, struct w_client *c)
{
    char text[512];
    struct w_room *rooms[3];
    struct w_op op = { .id = c->next_id++, .is_unsubscribe = true };
    if (pick_rooms(w, c, rooms) == 0)
        return;
    int len = snprintf(text, sizeof(text),
                       "{\"event\":\"unsubscribe\",\"id\":%u,\"data\":{\"rooms\":[\"%s\"]}}", op.id,
                       rooms[0]->name);
    add_op(&c->views[rooms[0]->idx], &op);
    say(w, c, text, (size_t)len);
}

/* Commands that each get an error, as many as make it hard to keep all the answers. */
static void flood(struct world *w, struct w_client *c)
{
    char text[W_TX_BYTES];
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "{\"event\":\"subscribe\",\"id\":%u,"
                                  "\"data\":{\"rooms\":[",
                                  c->next_id++);
    uint32_t cnt = 100 + w_rnd(w, 900);
    for (uint32_t i = 0; i < cnt; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"z%u\"", i ? "," : "", i);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "]}}");
    c->is_rude = true;
    for (uint32_t i = 1 + w_rnd(w, 20); i; i--)
        say(w, c, text, len);
}

static void speak(struct world *w, struct w_client *c)
{
    static const char ping[] = "{\"event\":\"ping\",\"id\":\"p\"}";
    static const char bad[] = "{\"event\":\"subscribe\",\"data\":{}}";
    uint32_t what = w_rnd(w, 100);
    if (what < 65) {
        subscribe(w, c);
    } else if (what < 80) {
        unsubscribe(w, c);
    } else if (what < 88) {
        say(w, c, ping, sizeof(ping) - 1);
    } else if (what < 94) {
        send_frame(w, c, TC_WS_PING, "hello", 5, true);
    } else if (what < 96) {
        c->is_rude = true;
        say(w, c, bad, sizeof(bad) - 1);
    } else if (what < 97) {
        if (w_one_in(w, 8))
            flood(w, c);
    } else {
        w_client_leave(w, c, w_rnd(w, 3));
    }
}

void w_client_act(struct world *w, struct w_client *c)
{
    static const uint32_t windows[] = { 0, 0, 1, 30, 200, 1000, 100000 };
    if (c->state == W_NONE) {
        come(w, c);
    } else if (w_one_in(w, 4)) {
        c->pace = w_one_in(w, 3) ? 0 : w_one_in(w, 2) ? 1 + w_rnd(w, 300) : W_ALL;
        tc_sim_set_window(&w->net, c->peer, windows[w_rnd(w, TC_ARRAY_CNT(windows))]);
    } else if (c->state == W_OPEN) {
        speak(w, c);
    } else if (w_one_in(w, 10)) {
        w_client_leave(w, c, 1 + w_rnd(w, 2));
    }
}

void w_client_join(struct world *w, struct w_client *c)
{
    if (c->state == W_NONE) {
        come(w, c);
        return;
    }
    for (uint32_t i = 0; i < w->room_cnt; i++) {
        if (c->views[i].phase != W_OUT || c->views[i].op_cnt)
            return;
    }
    w_client_settle(w, c);
    if (c->state == W_OPEN)
        subscribe(w, c);
}

void w_client_settle(struct world *w, struct w_client *c)
{
    c->pace = W_ALL;
    if (c->state != W_NONE) {
        tc_sim_set_window(&w->net, c->peer, 1 << 20);
        tc_sim_set_piece(&w->net, c->peer, 0);
    }
    if (c->state == W_UPGRADING && c->is_no_ws)
        w_client_leave(w, c, 1);
}

/* ---- frames in ---- */

/* An error ends the commands that it is about. */
static void on_error(struct world *w, struct w_client *c, const struct tc_scan *s, int64_t id)
{
    static const char *const polite[] = { "overloaded", "too-many-rooms", "rate-limited" };
    bool is_polite = false;
    for (uint32_t i = 0; i < TC_ARRAY_CNT(polite); i++)
        is_polite |=
            s->code.len == strlen(polite[i]) && !memcmp(s->code.at, polite[i], s->code.len);
    W_CHECK(w, is_polite || c->is_rude, "error %.*s", (int)s->code.len, s->code.at);
    w->sums.errors++;
    for (uint32_t i = 0; i < w->room_cnt; i++) {
        struct w_view *v = &c->views[i];
        const char *name = w->rooms[i].name;
        if (s->room.at && (s->room.len != strlen(name) || memcmp(s->room.at, name, s->room.len)))
            continue;
        for (uint32_t at = 0; at < v->op_cnt; at++) {
            if (v->ops[at].id != id)
                continue;
            v->op_cnt--;
            memmove(v->ops + at, v->ops + at + 1, sizeof(v->ops[0]) * (v->op_cnt - at));
            break;
        }
    }
}

static void on_text(struct world *w, struct w_client *c, const char *text, size_t len)
{
    struct tc_scan s;
    w_note(w, "client %u gets %.*s", c->idx, (int)TC_MIN(len, 200u), text);
    W_CHECK(w, tc_scan_message(text, len, &s) == 0, "no message: %.*s", (int)TC_MIN(len, 200u),
            text);
    int64_t id = s.kind == TC_SCAN_UPDATE
                     ? TC_SCAN_NONE
                     : tc_scan_number((struct tc_scan_text){ text, len }, "id");
    if (s.kind == TC_SCAN_ERROR) {
        on_error(w, c, &s, id);
        return;
    }
    if (s.kind == TC_SCAN_DRAINING) {
        W_CHECK(w, w->is_draining && !c->is_told_drain, "draining for no reason");
        c->is_told_drain = true;
        return;
    }
    if (s.kind == TC_SCAN_OTHER)
        return;
    uint32_t i = 0;
    while (i < w->room_cnt && (s.room.len != strlen(w->rooms[i].name) ||
                               memcmp(s.room.at, w->rooms[i].name, s.room.len) != 0))
        i++;
    if (i == w->room_cnt) {
        W_CHECK(w, c->is_rude, "no such room: %.*s", (int)len, text);
        return;
    }
    w_view_feed(w, c, &w->rooms[i], &s, id);
}

static void on_frame(struct world *w, struct w_client *c, uint8_t first, const uint8_t *bytes,
                     size_t len)
{
    W_CHECK(w, !c->close_code, "a frame after close");
    W_CHECK(w, (first & 0xf0) == 0x80, "frame begins with %02x", first);
    switch (first & 0xf) {
    case TC_WS_TEXT:
        on_text(w, c, (const char *)bytes, len);
        break;
    case TC_WS_PING:
        send_frame(w, c, TC_WS_PONG, bytes, len, true);
        break;
    case TC_WS_CLOSE:
        W_CHECK(w, len >= 2, "close without a code");
        c->close_code = (uint16_t)(bytes[0] << 8 | bytes[1]);
        w_note(w, "client %u: close %u", c->idx, c->close_code);
        W_CHECK(w, c->close_code != 1011 && c->close_code != 1002, "close %u", c->close_code);
        break;
    default:
        W_CHECK(w, (first & 0xf) == TC_WS_PONG, "frame begins with %02x", first);
        break;
    }
}

/* Bytes of one whole frame at the beginning, 0: not all is there. */
static size_t one_frame(struct world *w, struct w_client *c, const uint8_t *at, size_t len)
{
    if (len < 2)
        return 0;
    size_t head = at[1] == 127 ? 10 : at[1] == 126 ? 4 : 2;
    uint64_t size = at[1];
    if (len < head)
        return 0;
    if (head > 2) {
        size = 0;
        for (size_t i = 2; i < head; i++)
            size = size << 8 | at[i];
    }
    if (at[1] & 0x80 || size > W_RX_BYTES - head)
        w_fail(w, "frame length byte %02x, %llu bytes", at[1], (unsigned long long)size);
    if (w->is_failed || len < head + size)
        return 0;
    on_frame(w, c, at[0], at + head, (size_t)size);
    return head + (size_t)size;
}

/* The answer to the upgrade. */
static size_t on_head(struct world *w, struct w_client *c, size_t len)
{
    int status = 0;
    int rc = tc_ws_client_check(c->rx, len, nonce, &status);
    if (rc == 0)
        return 0;
    if (rc > 0 && !c->is_no_ws) {
        c->state = W_OPEN;
        w->sums.upgrades++;
        return (size_t)rc;
    }
    bool is_fair =
        c->is_no_ws || (status == 503 && (w->is_surplus || w->is_draining)) || status == 408;
    if (!is_fair)
        w_fail(w, "upgrade answered with %d", status);
    c->state = W_LEAVING;
    tc_sim_close(&w->net, c->peer);
    return len;
}

static void digest(struct world *w, struct w_client *c)
{
    size_t at = 0;
    if (c->state == W_UPGRADING)
        at = on_head(w, c, c->rx_len);
    if (c->state == W_UPGRADING)
        return;
    for (size_t n; !w->is_failed && (n = one_frame(w, c, c->rx + at, c->rx_len - at)) > 0;)
        at += n;
    memmove(c->rx, c->rx + at, c->rx_len - at);
    c->rx_len -= (uint32_t)at;
}

void w_client_read(struct world *w, struct w_client *c)
{
    if (c->state == W_NONE)
        return;
    for (size_t left = c->pace; left && !w->is_failed;) {
        size_t n = tc_sim_read(&w->net, c->peer, c->rx + c->rx_len,
                               TC_MIN(left, (size_t)(W_RX_BYTES - c->rx_len)));
        if (n == 0)
            break;
        left -= n;
        c->rx_len += (uint32_t)n;
        if (c->state == W_OPEN || c->state == W_UPGRADING)
            digest(w, c);
        else if (c->state == W_LEAVING)
            c->rx_len = 0;
    }
    if (tc_sim_unread(&w->net, c->peer) || !tc_sim_is_shutdown(&w->net, c->peer))
        return;
    if (tc_sim_is_closed_by_server(&w->net, c->peer))
        gone(w, c);
    else
        tc_sim_close(&w->net, c->peer);
}
