// SPDX-License-Identifier: Apache-2.0
/* Sources that do what the seed says, and the model: what ingest must make of it. */
#include "tests/sim/world.h"

/* ---- the model ---- */

static void note_event(struct world *w, struct w_room *r, uint8_t kind, uint8_t aux, int log,
                       int64_t pos, int64_t gap_from, uint32_t len)
{
    W_CHECK(w, r->cnt < W_EVENTS, "%s: too many events for the model", r->name);
    struct w_event *e = &r->events[r->cnt];
    int64_t prev = r->cnt ? r->events[r->cnt - 1].pos : -1;
    if (kind == TC_BUS_GAP)
        prev = gap_from;
    if (kind == TC_BUS_MOVED)
        prev = -1;
    *e = (struct w_event){ kind, aux, log, pos, prev, len, w_ord(r, r->cnt) };
    e->ord += w_is_data(e);
    w_note(w, "  %s[%u] kind %d log %d pos %lld prev %lld", r->name, r->cnt, kind, log,
           (long long)pos, (long long)prev);
    r->cnt++;
    r->log = log;
    r->logs_entered |= 1u << log;
}

/* To every room that lives in in_log. */
static void note_gap_all(struct world *w, uint32_t feed, int in_log, int log, int64_t from,
                         int64_t to, uint8_t reason)
{
    for (uint32_t i = 0; i < w->room_cnt; i++) {
        struct w_room *r = &w->rooms[i];
        if (r->feed == feed && r->cnt && r->log == in_log)
            note_event(w, r, TC_BUS_GAP, reason, log, to, from, 0);
    }
}

static void close_hole(struct world *w, struct w_feed *f)
{
    int log = f->hole_log;
    f->hole_log = W_NO_LOG;
    if (log != W_NO_LOG)
        note_gap_all(w, f->source.feed, log, log, f->hole_from, f->hole_to, f->hole_reason);
}

static void widen_hole(struct world *w, struct w_feed *f, int log, int64_t pos, uint8_t reason)
{
    if (f->hole_log != log || f->hole_reason != reason) {
        close_hole(w, f);
        f->hole_log = log;
        f->hole_reason = reason;
        f->hole_from = pos - 1;
    }
    f->hole_to = pos;
}

/* ---- records ---- */

void w_payload(const struct world *w, const struct w_room *r, uint32_t i, uint32_t len, char *dst)
{
    char front[W_PAYLOAD_MIN];
    uint64_t x = (w->seed + 1) * 0x9e3779b97f4a7c15ull ^ (uint64_t)r->idx << 32 ^ i;
    int n = snprintf(front, sizeof(front), "{\"r\":%u,\"i\":%u,\"x\":\"", r->idx, i);
    TC_ASSERT(n > 0 && (uint32_t)n + 2 <= len);
    memcpy(dst, front, (size_t)n);
    for (uint32_t at = (uint32_t)n; at < len - 2; at++) {
        if ((at & 7) == 0)
            x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9ull;
        dst[at] = (char)('a' + (x >> (at & 7) * 8 & 15));
    }
    memcpy(dst + len - 2, "\"}", 2);
}

int w_any_log(struct world *w, uint32_t feed)
{
    const struct w_feed *f = &w->feeds[feed];
    uint32_t log;
    do
        log = w_rnd(w, f->log_cnt);
    while (f->logs[log].is_replaced);
    return (int)log;
}

static struct w_room *any_room(struct world *w, uint32_t feed)
{
    struct w_room *r;
    do
        r = &w->rooms[w_rnd(w, w->room_cnt)];
    while (r->feed != feed);
    return r;
}

/* The log of the room's next record: usually its own; sometimes it moves to one where it never was.
 */
static int choose_log(struct world *w, struct w_room *r)
{
    if (r->log == W_NO_LOG)
        return w_any_log(w, r->feed);
    int log = w_one_in(w, 40) ? w_any_log(w, r->feed) : r->log;
    return r->logs_entered >> log & 1 ? r->log : log;
}

static void push(struct world *w, struct w_feed *f, const struct tc_source_sink *sink, int log,
                 int64_t pos, struct tc_str key, struct tc_str value, int64_t ts)
{
    (void)w;
    struct tc_record record = {
        .rule = 0,
        .log = (uint32_t)log,
        .partition = f->logs[log].partition,
        .pos = pos,
        .ts_ms = ts,
        .topic = TC_STR("t"),
        .key = key,
        .value = value,
    };
    sink->record(sink->ctx, &record);
}

/* A record that must not be published: its room has left that log for another. */
static bool push_stray(struct world *w, struct w_feed *f, const struct tc_source_sink *sink,
                       struct w_room *r, int64_t ts)
{
    if (r->prev_log == W_NO_LOG || f->logs[r->prev_log].is_replaced || !w_one_in(w, 20))
        return false;
    struct w_log *l = &f->logs[r->prev_log];
    close_hole(w, f);
    push(w, f, sink, r->prev_log, l->next_pos++, tc_str_from(strchr(r->name, '-') + 1),
         TC_STR("{}"), ts);
    return true;
}

static void push_record(struct world *w, struct w_feed *f, const struct tc_source_sink *sink)
{
    static char bytes[TC_EVENT_BYTES_MAX];
    uint32_t max = w->conf.limits.event_bytes;
    struct w_room *r = any_room(w, f->source.feed);
    int64_t ts = W_TS + r->cnt;
    if (push_stray(w, f, sink, r, ts))
        return;
    int log = choose_log(w, r);
    struct w_log *l = &f->logs[log];
    l->next_pos += w_rnd(w, 3);
    int64_t pos = l->next_pos++;
    uint32_t len = W_PAYLOAD_MIN + w_rnd(w, w_one_in(w, 4) ? max - W_PAYLOAD_MIN + 1 : 20);
    bool is_oversize = w_one_in(w, 50);
    bool is_poison = !is_oversize && w_one_in(w, 30);
    bool is_tombstone = !is_oversize && !is_poison && w_one_in(w, 15);
    bool has_key = !w_one_in(w, 40);
    struct tc_str key = { NULL, 0 };
    if (has_key)
        key = tc_str_from(strchr(r->name, '-') + 1);
    uint8_t reason = is_oversize ? TC_GAP_OVERSIZE : TC_GAP_POISON;
    if (is_oversize)
        memset(bytes, '1', len = max + 1);
    if (!has_key) {
        widen_hole(w, f, log, pos, reason);
    } else {
        close_hole(w, f);
        if (r->log != W_NO_LOG && r->log != log) {
            int from = r->log;
            note_event(w, r, TC_BUS_MOVED, 0, log, -1, 0, 0);
            r->prev_log = from;
        }
        ts = W_TS + r->cnt;
        if (!is_oversize)
            w_payload(w, r, r->cnt, len, bytes);
        if (is_oversize || is_poison)
            note_event(w, r, TC_BUS_GAP, reason, log, pos, pos - 1, 0);
        else
            note_event(w, r, is_tombstone ? TC_BUS_TOMBSTONE : TC_BUS_UPDATE, 0, log, pos, 0,
                       is_tombstone ? 0 : len);
    }
    if (!has_key && !is_oversize)
        len = 2;
    if (!has_key && !is_oversize)
        memcpy(bytes, "{}", 2);
    if (is_poison)
        bytes[len - 1] = '\xff';
    struct tc_str value = { is_tombstone ? NULL : bytes, is_tombstone ? 0 : len };
    push(w, f, sink, log, pos, key, value, ts);
}

/* ---- logs ---- */

static void open_log(struct world *w, struct w_feed *f, const struct tc_source_sink *sink,
                     uint32_t partition, int64_t start_pos, uint32_t replaces)
{
    struct w_log *l = &f->logs[f->log_cnt];
    *l = (struct w_log){ .partition = partition, .start_pos = start_pos, .next_pos = start_pos };
    snprintf(l->name, sizeof(l->name), "s%u/t/%u@%x", f->source.feed, partition, f->log_cnt);
    struct tc_log_info info = { l->name, 0, partition, start_pos, replaces };
    if (replaces != TC_NONE)
        close_hole(w, f);
    int log = sink->log_open(sink->ctx, &info);
    W_CHECK(w, log == (int)f->log_cnt, "log %s is %d", l->name, log);
    f->log_cnt++;
}

static void tell_end(struct w_feed *f, const struct tc_source_sink *sink, uint32_t log)
{
    int64_t next = f->logs[log].next_pos;
    sink->progress(sink->ctx, log, next, next, true);
}

static void begin(struct world *w, struct w_feed *f, const struct tc_source_sink *sink)
{
    uint32_t cnt = 1 + w_rnd(w, 3);
    f->is_started = true;
    for (uint32_t i = 0; i < cnt; i++)
        open_log(w, f, sink, i, w_rnd(w, 3) * 5, TC_NONE);
    sink->ready(sink->ctx, TC_SOURCE_FINE, "");
    for (uint32_t i = 0; i < cnt && !f->is_cold; i++)
        tell_end(f, sink, i);
}

static void lose(struct world *w, struct w_feed *f, const struct tc_source_sink *sink)
{
    int log = w_any_log(w, f->source.feed);
    int64_t from = f->logs[log].next_pos - 1;
    close_hole(w, f);
    f->logs[log].next_pos += 7;
    note_gap_all(w, f->source.feed, log, log, from, from + 7, TC_GAP_RETENTION);
    sink->lost(sink->ctx, (uint32_t)log, from, from + 7, TC_GAP_RETENTION);
}

static void recreate(struct world *w, struct w_feed *f, const struct tc_source_sink *sink)
{
    if (f->log_cnt == W_LOGS)
        return;
    int old = w_any_log(w, f->source.feed);
    int log = (int)f->log_cnt;
    open_log(w, f, sink, f->logs[old].partition, 0, (uint32_t)old);
    f->logs[old].is_replaced = true;
    note_gap_all(w, f->source.feed, old, log, -1, -1, TC_GAP_RECREATED);
    for (uint32_t i = 0; i < w->room_cnt; i++) {
        if (w->rooms[i].feed == f->source.feed && w->rooms[i].log == log)
            w->rooms[i].prev_log = W_NO_LOG;
    }
    if (!w_one_in(w, 3))
        tell_end(f, sink, (uint32_t)log);
}

static void change_stale(struct world *w, struct w_feed *f, const struct tc_source_sink *sink)
{
    int log = w_any_log(w, f->source.feed);
    f->logs[log].stale_ms = f->logs[log].stale_ms ? 0 : 1 + w->wall_ns / W_MS;
    sink->stale(sink->ctx, (uint32_t)log, f->logs[log].stale_ms);
}

static void catch_up(struct w_feed *f, const struct tc_source_sink *sink)
{
    for (uint32_t i = 0; i < f->log_cnt; i++)
        tell_end(f, sink, i);
    if (f->is_away)
        sink->ready(sink->ctx, TC_SOURCE_FINE, "back");
    f->is_away = false;
}

static void do_step(struct world *w, struct w_feed *f, const struct tc_source_sink *sink,
                    enum w_step_kind kind)
{
    switch (kind) {
    case W_RECORDS:
        push_record(w, f, sink);
        break;
    case W_LOST:
        lose(w, f, sink);
        break;
    case W_RECREATED:
        recreate(w, f, sink);
        break;
    case W_STALE:
        change_stale(w, f, sink);
        break;
    case W_AWAY:
        f->is_away = !f->is_away;
        sink->ready(sink->ctx, f->is_away ? TC_SOURCE_AWAY : TC_SOURCE_FINE, "away");
        break;
    case W_CAUGHT_UP:
        catch_up(f, sink);
        break;
    }
}

/* ---- the source ---- */

static int src_open(struct tc_source **out, const struct tc_source_env *env, struct tc_err *err)
{
    (void)err;
    *out = env->log_ctx;
    return TC_OK;
}

static int src_poll(struct tc_source *s, const struct tc_source_sink *sink, uint32_t record_max,
                    int64_t now_ns, int64_t wall_ms)
{
    struct world *w = s->w;
    struct w_feed *f = &w->feeds[s->feed];
    int done = 0;
    (void)now_ns;
    (void)wall_ms;
    if (!f->is_started) {
        begin(w, f, sink);
        done++;
    }
    while (f->step_cnt && done < (int)record_max && !w->is_failed) {
        do_step(w, f, sink, f->steps[0].kind);
        done++;
        if (--f->steps[0].cnt == 0)
            memmove(f->steps, f->steps + 1, sizeof(f->steps[0]) * --f->step_cnt);
    }
    for (uint32_t i = 0; done && i < f->log_cnt; i++) {
        int64_t next = f->logs[i].next_pos;
        if (!w_one_in(w, 4))
            sink->progress(sink->ctx, i, next, w_one_in(w, 2) ? -1 : next + w_rnd(w, 5), false);
    }
    if (done)
        close_hole(w, f); /* ingest commits now */
    return done;
}

static int src_wake_fd(struct tc_source *s)
{
    const struct w_feed *f = &s->w->feeds[s->feed];
    return f->has_fd ? W_SOURCE_FD + (int)s->feed : -1;
}

static int64_t src_wake_at_ns(struct tc_source *s)
{
    const struct w_feed *f = &s->w->feeds[s->feed];
    return f->step_cnt || !f->is_started ? 0 : INT64_MAX;
}

static void src_stats(struct tc_source *s, struct tc_source_stats *out)
{
    (void)s;
    memset(out, 0, sizeof(*out));
}

static void src_close(struct tc_source *s)
{
    (void)s;
}

const struct tc_source_ops w_source_ops = {
    .kind = "scripted",
    .open = src_open,
    .poll = src_poll,
    .wake_fd = src_wake_fd,
    .wake_at_ns = src_wake_at_ns,
    .stats = src_stats,
    .close = src_close,
};

/* ---- what happens ---- */

void w_feed_init(struct world *w, uint32_t feed)
{
    struct w_feed *f = &w->feeds[feed];
    memset(f, 0, sizeof(*f));
    f->source = (struct tc_source){ w, feed };
    f->env.log_ctx = &f->source;
    f->hole_log = W_NO_LOG;
    f->is_cold = w_one_in(w, 4);
    f->has_fd = w_one_in(w, 2);
}

static void add_step(struct world *w, struct w_feed *f, enum w_step_kind kind, uint32_t cnt)
{
    if (f->step_cnt == W_STEPS)
        return;
    w_note(w, "feed %u: step %d x %u", f->source.feed, (int)kind, cnt);
    f->steps[f->step_cnt++] = (struct w_step){ kind, cnt };
    if (w->is_fused && f->has_fd)
        tc_sim_ring(&w->net, W_SOURCE_FD + (int)f->source.feed);
}

void w_feed_poke(struct world *w, uint32_t feed)
{
    struct w_feed *f = &w->feeds[feed];
    uint32_t what = w_rnd(w, 100);
    if (what < 85)
        add_step(w, f, W_RECORDS, 1 + w_rnd(w, w_one_in(w, 6) ? 100 : 6));
    else if (what < 88)
        add_step(w, f, W_LOST, 1);
    else if (what < 91)
        add_step(w, f, W_RECREATED, 1);
    else if (what < 95)
        add_step(w, f, W_STALE, 1);
    else if (what < 97)
        add_step(w, f, W_AWAY, 1);
    else
        add_step(w, f, W_CAUGHT_UP, 1);
}

void w_feed_settle(struct world *w, uint32_t feed)
{
    struct w_feed *f = &w->feeds[feed];
    f->step_cnt = TC_MIN(f->step_cnt, (uint32_t)W_STEPS - 2);
    add_step(w, f, W_RECORDS, 1 + w_rnd(w, 10));
    add_step(w, f, W_CAUGHT_UP, 1);
}

void w_feed_work(struct world *w, uint32_t feed)
{
    struct w_feed *f = &w->feeds[feed];
    uint64_t bells = tc_count_get(&f->metric.doorbells);
    tc_ingest_work(&f->ingest, w->now_ns, w->wall_ns / W_MS);
    if (tc_count_get(&f->metric.doorbells) != bells)
        tc_sim_ring(&w->net, W_BELL_FD);
}
