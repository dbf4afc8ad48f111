// SPDX-License-Identifier: Apache-2.0
/* What a client may be told of a room: an update must be the very next event, unless a notice
 * before it covers exactly what is left out. */
#include "tests/sim/world.h"

#define LL(x) ((long long)(x))

static int log_of(const struct world *w, const struct w_room *r, struct tc_scan_text name)
{
    const struct w_feed *f = &w->feeds[r->feed];
    if (!name.at)
        return W_NO_LOG;
    for (uint32_t i = 0; i < f->log_cnt; i++) {
        if (strlen(f->logs[i].name) == name.len && !memcmp(f->logs[i].name, name.at, name.len))
            return (int)i;
    }
    return W_UNKNOWN;
}

static bool is(struct tc_scan_text text, const char *word)
{
    return text.at && text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* Index behind the newest event at (log, pos); UINT32_MAX: there is none. */
static uint32_t behind(const struct w_room *r, int log, int64_t pos)
{
    uint32_t i = r->cnt;
    if (log == W_NO_LOG)
        return 0;
    while (i && (r->events[i - 1].log != log || r->events[i - 1].pos != pos))
        i--;
    return i ? i : UINT32_MAX;
}

/* The first event that a client at (log, pos) has not seen. */
static uint32_t first_after(const struct w_room *r, int log, int64_t pos, uint32_t to)
{
    uint32_t i = to;
    while (i && (r->events[i - 1].log != log || r->events[i - 1].pos > pos))
        i--;
    return i;
}

/* What a snapshot would have to show, TC_NONE: nothing. */
static uint32_t newest(const struct w_room *r, uint32_t base)
{
    while (base && !w_is_data(&r->events[base - 1]))
        base--;
    return base && r->events[base - 1].kind == TC_BUS_UPDATE ? base - 1 : TC_NONE;
}

/* ---- answers ---- */

static void drop_ops(struct w_view *v, uint32_t cnt)
{
    v->op_cnt -= cnt;
    memmove(v->ops, v->ops + cnt, sizeof(v->ops[0]) * v->op_cnt);
}

/* The first confirmation of a subscription. */
static void open_view(struct world *w, const struct w_room *r, struct w_view *v,
                      const struct w_op *op, int log, int64_t pos)
{
    struct w_view fresh = { .phase = op->has_from ? W_RECOVERY : W_VALUE, .op = *op };
    fresh.kept_log = W_NO_LOG;
    fresh.kept_ts = -1;
    fresh.may_chain = true;
    fresh.wants_snapshot = fresh.may_snapshot = op->is_snapshot && !op->has_from;
    fresh.log = log;
    fresh.last = pos;
    fresh.base = fresh.at = behind(r, log, pos);
    fresh.op_cnt = v->op_cnt;
    memcpy(fresh.ops, v->ops, sizeof(v->ops[0]) * v->op_cnt);
    *v = fresh;
    W_CHECK(w, v->base != UINT32_MAX, "%s: confirmed at log %d pos %lld, which is no event",
            r->name, log, LL(pos));
}

static void on_confirmed(struct world *w, const struct w_room *r, struct w_view *v,
                         const struct tc_scan *s, int64_t id)
{
    W_CHECK(w, v->op_cnt && !v->ops[0].is_unsubscribe, "%s: a confirmation nobody waits for",
            r->name);
    struct w_op op = v->ops[0];
    int log = log_of(w, r, s->log);
    drop_ops(v, 1);
    W_CHECK(w, id == op.id, "%s: confirmation of %lld, not of %u", r->name, LL(id), op.id);
    W_CHECK(w, log != W_UNKNOWN, "%s: log %.*s", r->name, (int)s->log.len, s->log.at);
    if (v->phase == W_OUT) {
        open_view(w, r, v, &op, log, s->pos);
        return;
    }
    if (v->may_chain) {
        W_CHECK(w, log == v->log && s->pos == v->last, "%s: confirmed at two places", r->name);
        v->may_snapshot |= op.is_snapshot && v->phase == W_VALUE;
        return;
    }
    W_CHECK(w, v->phase != W_RECOVERY, "%s: reply inside an answer", r->name);
    W_CHECK(w, v->is_resumed || (v->last == s->pos && v->log == log),
            "%s: reply at log %d pos %lld, not log %d pos %lld", r->name, log, LL(s->pos), v->log,
            LL(v->last));
}

static void on_recovered(struct world *w, const struct w_room *r, struct w_view *v,
                         const struct tc_scan *s, int64_t id)
{
    const struct w_op *op = &v->op;
    W_CHECK(w, v->phase == W_RECOVERY, "%s: recovered without a wish", r->name);
    W_CHECK(w, id == op->id && s->from == op->from_pos, "%s: recovered from %lld", r->name,
            LL(s->from));
    v->at = first_after(r, op->from_log, op->from_pos, v->base);
    W_CHECK(w, !v->at || r->events[v->at - 1].kind != TC_BUS_MOVED, "%s: recovered over moves",
            r->name);
    W_CHECK(w, v->at || !v->base || r->events[0].log == op->from_log, "%s: recovered in log %d",
            r->name, op->from_log);
    W_CHECK(w, v->at || s->from >= w->feeds[r->feed].logs[op->from_log].start_pos - 1,
            "%s: recovered from %lld, before the log's start", r->name, LL(s->from));
    uint32_t want = w_ord(r, v->base) - w_ord(r, v->at);
    W_CHECK(w, s->count == want, "%s: recovered %lld of %u", r->name, LL(s->count), want);
    W_CHECK(w, want <= w->conf.limits.resume_events, "%s: recovered %u", r->name, want);
    W_CHECK(w, want || s->to == op->from_pos, "%s: recovered to %lld", r->name, LL(s->to));
    v->last = op->from_pos;
    v->log = op->from_log;
    v->is_resumed = true;
    v->phase = W_LIVE;
    v->promised = v->base;
    while (v->promised && !w_is_data(&r->events[v->promised - 1]))
        v->promised--; /* only values were promised */
    w->sums.recovered++;
}

static bool is_replaced(const struct world *w, const struct w_room *r, int log)
{
    return w->feeds[r->feed].logs[log].is_replaced;
}

/* Whether the reason of cannot-recover is true. */
static bool is_true_reason(const struct world *w, const struct w_room *r, const struct w_view *v,
                           struct tc_scan_text reason)
{
    const struct w_op *op = &v->op;
    uint32_t after = first_after(r, op->from_log, op->from_pos, v->base);
    if (is(reason, "limit"))
        return w_ord(r, v->base) - w_ord(r, after) > w->conf.limits.resume_events;
    if (is(reason, "recreated")) {
        bool is_other = after && op->from_ts >= 0 && r->events[after - 1].pos == op->from_pos &&
                        op->from_ts != W_TS + after - 1;
        return op->from_log == W_UNKNOWN || is_replaced(w, r, op->from_log) || is_other;
    }
    if (op->from_log < 0)
        return false;
    if (is(reason, "ahead"))
        return op->from_pos >= op->next_pos;
    bool is_below = op->from_pos < w->feeds[r->feed].logs[op->from_log].start_pos - 1;
    bool is_stranger = !after || r->events[after - 1].kind == TC_BUS_MOVED;
    return is(reason, "retention") && (is_below || is_stranger || w_is_lapped(w, r));
}

static void on_cannot(struct world *w, const struct w_room *r, struct w_view *v,
                      const struct tc_scan *s, int64_t id)
{
    W_CHECK(w, v->phase == W_RECOVERY, "%s: cannot-recover without a wish", r->name);
    W_CHECK(w, id == v->op.id && s->from == v->op.from_pos, "%s: cannot recover from %lld", r->name,
            LL(s->from));
    W_CHECK(w, s->to == -1 || s->to >= s->from, "%s: cannot recover (%lld, %lld]", r->name,
            LL(s->from), LL(s->to));
    W_CHECK(w, is_true_reason(w, r, v, s->reason), "%s: cannot recover from log %d pos %lld: %.*s",
            r->name, v->op.from_log, LL(s->from), (int)s->reason.len, s->reason.at);
    v->wants_snapshot = v->may_snapshot = true;
    v->has_cannot = true;
    v->cannot_to = s->to;
    v->phase = W_VALUE;
    w->sums.cannot++;
}

/* Where a hole that cannot be recovered ends: at `end`, but nothing is missing before the log's
 * start, nor before where the client was. */
static int64_t hole_end(const struct world *w, const struct w_room *r, const struct w_view *v,
                        int64_t end)
{
    int64_t floor = w->feeds[r->feed].logs[v->op.from_log].start_pos - 1;
    return TC_MAX(TC_MAX(end, floor), v->op.from_pos);
}

/* The answer is complete: was anything left out? */
static void end_answer(struct world *w, const struct w_room *r, struct w_view *v)
{
    v->may_chain = false;
    if (v->phase != W_VALUE)
        return;
    v->phase = W_LIVE;
    W_CHECK(w, !v->wants_snapshot || w_is_lapped(w, r) || newest(r, v->base) == TC_NONE,
            "%s: no snapshot", r->name);
    if (!v->has_cannot || v->cannot_to == -1)
        return;
    /* the hole reaches up to now */
    int64_t now = v->base ? r->events[v->base - 1].pos : -1;
    W_CHECK(w, v->log == W_NO_LOG || v->log == v->op.from_log,
            "%s: the hole ends at %lld of another log", r->name, LL(v->cannot_to));
    W_CHECK(w, v->cannot_to == hole_end(w, r, v, now),
            "%s: the hole ends at %lld, the room at %lld", r->name, LL(v->cannot_to), LL(now));
}

/* ---- updates ---- */

static void on_snapshot(struct world *w, const struct w_room *r, struct w_view *v, uint32_t i)
{
    const struct w_event *e = &r->events[i];
    W_CHECK(w, v->phase == W_VALUE && v->may_snapshot, "%s: snapshot at wrong time", r->name);
    W_CHECK(w, i == newest(r, v->base), "%s: snapshot of %u at %u", r->name, i, v->base);
    if (v->has_cannot && v->cannot_to != -1) {
        W_CHECK(w, e->log == v->op.from_log, "%s: the hole ends at %lld of another log", r->name,
                LL(v->cannot_to));
        W_CHECK(w, v->cannot_to == hole_end(w, r, v, e->prev),
                "%s: the hole ends at %lld, the snapshot is %lld after %lld", r->name,
                LL(v->cannot_to), LL(e->pos), LL(e->prev));
    }
    v->at = i + 1;
    v->last = e->pos;
    v->log = e->log;
    v->kept_ts = W_TS + i;
    v->is_resumed = v->may_chain = false;
    v->phase = W_LIVE;
    w->sums.snapshots++;
}

/* The room's new log is told: all up to where it came there is behind the client, which must have
 * heard of it. */
static void enter(struct world *w, const struct w_room *r, struct w_view *v, int log)
{
    uint32_t i = v->at;
    W_CHECK(w, w_is_lapped(w, r), "%s: a new log for no reason", r->name);
    while (i < r->cnt && (r->events[i].pos != -1 || r->events[i].log != log))
        i++;
    W_CHECK(w, i < r->cnt, "%s: it never came to log %d", r->name, log);
    v->missed_cnt = w_ord(r, i) - w_ord(r, v->at);
    W_CHECK(w, v->is_excused || v->missed_cnt == 0, "%s: %u events missing before a new log",
            r->name, v->missed_cnt);
    v->at = i + 1;
    v->last = -1;
    v->log = log;
    w->sums.hidden++;
}

/* Before event i: what was told of those between? */
static void on_hole(struct world *w, const struct w_room *r, struct w_view *v, uint32_t i)
{
    W_CHECK(w, i >= v->at, "%s: event %u after %u", r->name, i, v->at);
    uint32_t missing = w_ord(r, i) - w_ord(r, v->at);
    if (v->skip_cnt) {
        /* with those of the older log if it was told in the same frame */
        if (v->skip_cnt != missing)
            missing += v->missed_cnt;
        W_CHECK(w, v->skip_cnt == missing, "%s: skipped %u, told %u", r->name, missing,
                v->skip_cnt);
        W_CHECK(w, v->skip_to == r->events[i].prev, "%s: skipped to %lld, prev %lld", r->name,
                LL(v->skip_to), LL(r->events[i].prev));
    } else {
        W_CHECK(w, i == v->at, "%s: silent hole [%u, %u)", r->name, v->at, i);
    }
    v->skip_cnt = v->missed_cnt = 0;
    v->is_excused = false;
}

static void on_update(struct world *w, const struct w_room *r, struct w_view *v,
                      const struct tc_scan *s)
{
    static char payload[TC_EVENT_BYTES_MAX];
    uint32_t i = (uint32_t)(s->ts - W_TS);
    W_CHECK(w, i < r->cnt && w_is_data(&r->events[i]), "%s: no event of time %lld", r->name,
            LL(s->ts));
    const struct w_event *e = &r->events[i];
    w->sums.updates++;
    W_CHECK(w, s->pos == e->pos && s->prev == e->prev, "%s: %u is %lld after %lld", r->name, i,
            LL(s->pos), LL(s->prev));
    if (e->kind == TC_BUS_TOMBSTONE) {
        W_CHECK(w, is(s->data, "null"), "%s: %u is no tombstone", r->name, i);
    } else {
        w_payload(w, r, i, e->len, payload);
        W_CHECK(w, s->data.len == e->len && memcmp(s->data.at, payload, e->len) == 0,
                "%s: %u has other bytes: %.*s", r->name, i, (int)TC_MIN(s->data.len, 80u),
                s->data.at);
    }
    if (s->snapshot) {
        on_snapshot(w, r, v, i);
        return;
    }
    end_answer(w, r, v);
    W_CHECK(w, v->phase == W_LIVE, "%s: update in phase %d", r->name, (int)v->phase);
    bool is_birth = v->log == W_NO_LOG || (v->is_resumed && v->base == 0);
    W_CHECK(w, v->log == e->log || is_birth, "%s: log %d, not %d", r->name, e->log, v->log);
    W_CHECK(w, v->last < e->pos || v->log != e->log, "%s: %lld after %lld", r->name, LL(e->pos),
            LL(v->last));
    on_hole(w, r, v, i);
    v->at = i + 1;
    v->last = e->pos;
    v->log = e->log;
    v->kept_ts = W_TS + i;
    v->is_resumed = false;
}

/* ---- notices ---- */

static void on_conflated(struct world *w, const struct w_room *r, struct w_view *v,
                         const struct tc_scan *s)
{
    end_answer(w, r, v);
    W_CHECK(w, v->phase == W_LIVE && s->skipped >= 1, "%s: conflated %lld", r->name,
            LL(s->skipped));
    v->skip_to = s->to;
    v->skip_cnt = (uint32_t)s->skipped;
    W_CHECK(w, s->from == v->last || v->is_resumed, "%s: conflated from %lld, not %lld", r->name,
            LL(s->from), LL(v->last));
    W_CHECK(w, v->at >= v->promised || w_is_lapped(w, r), "%s: conflated what was recovered",
            r->name);
    W_CHECK(w, w->is_conflating || w_is_lapped(w, r), "%s: conflated for no reason", r->name);
    v->kept_ts = -1;
    w->sums.conflated++;
}

/* A gap that ingest did not publish: the ring has lost something. */
static void on_hidden(struct world *w, const struct w_room *r, struct w_view *v,
                      const struct tc_scan *s, int log)
{
    W_CHECK(w, w_is_lapped(w, r), "%s: gap for no reason", r->name);
    W_CHECK(w, s->from == v->last || v->is_resumed, "%s: gap from %lld, not %lld", r->name,
            LL(s->from), LL(v->last));
    w->sums.hidden++;
    if (is(s->reason, "recreated")) {
        v->is_excused = true;
        enter(w, r, v, log);
        return;
    }
    if (s->to == -1 && v->log != W_NO_LOG) {
        W_CHECK(w, log == v->log, "%s: gap without an end", r->name);
        v->is_excused = true; /* a moved follows */
        return;
    }
    uint32_t at = behind(r, log, s->to);
    W_CHECK(w, at != UINT32_MAX && at > v->at, "%s: gap of nothing to %lld", r->name, LL(s->to));
    v->at = at;
    v->last = s->to;
    v->log = log;
    v->is_excused = v->is_resumed = false;
    v->missed_cnt = 0;
}

static void on_gap(struct world *w, const struct w_room *r, struct w_view *v,
                   const struct tc_scan *s)
{
    static const char *const reasons[] = {
#define X(name, text) text,
        TC_GAP_TABLE(X)
#undef X
    };
    int log = log_of(w, r, s->log);
    end_answer(w, r, v);
    W_CHECK(w, v->phase == W_LIVE && !v->skip_cnt && log >= 0, "%s: gap in phase %d", r->name,
            (int)v->phase);
    const struct w_event *e = v->at < r->cnt ? &r->events[v->at] : NULL;
    w->sums.gaps++;
    v->kept_ts = -1;
    if (!e || e->kind != TC_BUS_GAP || e->log != log || e->prev != s->from || e->pos != s->to ||
        !is(s->reason, reasons[e->aux])) {
        on_hidden(w, r, v, s, log);
        return;
    }
    v->at++;
    v->last = s->to;
    v->log = log;
    v->is_resumed = false;
}

static void on_moved(struct world *w, const struct w_room *r, struct w_view *v,
                     const struct tc_scan *s)
{
    int log = log_of(w, r, s->log);
    const struct w_event *e = v->at < r->cnt ? &r->events[v->at] : NULL;
    end_answer(w, r, v);
    W_CHECK(w, v->phase == W_LIVE && !v->skip_cnt && log >= 0, "%s: moved in phase %d", r->name,
            (int)v->phase);
    w->sums.moved++;
    v->kept_ts = -1;
    if (!e || e->kind != TC_BUS_MOVED || e->log != log) {
        enter(w, r, v, log);
        return;
    }
    v->at++;
    v->last = -1;
    v->log = log;
}

static void on_state(struct world *w, const struct w_room *r, struct w_view *v, bool is_stale)
{
    end_answer(w, r, v);
    W_CHECK(w, v->phase == W_LIVE, "%s: state in phase %d", r->name, (int)v->phase);
    W_CHECK(w, v->is_told_stale != is_stale, "%s: told again", r->name);
    v->is_told_stale = is_stale;
    w->sums.states++;
}

/* ---- messages ---- */

static void keep(struct w_view *v)
{
    bool has_place = v->phase == W_LIVE && v->log != W_NO_LOG && v->last >= 0;
    v->kept_log = has_place ? v->log : W_NO_LOG;
    v->kept_pos = v->last;
    if (v->is_resumed)
        v->kept_ts = -1;
}

static void on_unsubscribed(struct world *w, const struct w_room *r, struct w_view *v, int64_t id)
{
    W_CHECK(w, v->op_cnt && v->ops[0].id == id, "%s: unsubscribed %lld", r->name, LL(id));
    W_CHECK(w, !v->skip_cnt, "%s: conflated without its update", r->name);
    W_CHECK(w, v->ops[0].is_unsubscribe || v->phase == W_OUT, "%s: a subscription was taken back",
            r->name); /* only one that was not confirmed, by an unsubscribe that overtakes it */
    drop_ops(v, 1);
    if (v->phase != W_OUT)
        keep(v);
    v->phase = W_OUT;
}

void w_view_leave(struct w_view *v)
{
    if (v->phase != W_OUT)
        keep(v);
    v->phase = W_OUT;
    v->op_cnt = v->skip_cnt = 0;
}

void w_view_feed(struct world *w, struct w_client *c, struct w_room *r, const struct tc_scan *s,
                 int64_t id)
{
    struct w_view *v = &c->views[r->idx];
    if (s->kind == TC_SCAN_CONFIRMED) {
        on_confirmed(w, r, v, s, id);
        return;
    }
    if (s->kind == TC_SCAN_UNSUBSCRIBED) {
        on_unsubscribed(w, r, v, id);
        return;
    }
    W_CHECK(w, v->phase != W_OUT, "%s: %.*s without a subscription", r->name, (int)s->event.len,
            s->event.at);
    W_CHECK(w, !v->skip_cnt || s->kind == TC_SCAN_UPDATE, "%s: no update after conflated", r->name);
    switch (s->kind) {
    case TC_SCAN_UPDATE:
        on_update(w, r, v, s);
        break;
    case TC_SCAN_RECOVERED:
        on_recovered(w, r, v, s, id);
        break;
    case TC_SCAN_CANNOT_RECOVER:
        on_cannot(w, r, v, s, id);
        break;
    case TC_SCAN_CONFLATED:
        on_conflated(w, r, v, s);
        break;
    case TC_SCAN_GAP:
        on_gap(w, r, v, s);
        break;
    case TC_SCAN_MOVED:
        on_moved(w, r, v, s);
        break;
    case TC_SCAN_STALE:
    case TC_SCAN_FRESH:
        on_state(w, r, v, s->kind == TC_SCAN_STALE);
        break;
    default:
        w_fail(w, "%s: %.*s", r->name, (int)s->event.len, s->event.at);
        break;
    }
    v->may_chain = false;
}

/* ---- the end ---- */

static bool is_stale(const struct world *w, const struct w_room *r)
{
    return r->cnt && w->feeds[r->feed].logs[r->log].stale_ms;
}

bool w_view_is_done(const struct world *w, const struct w_room *r, const struct w_view *v)
{
    if (v->op_cnt)
        return false;
    if (v->phase == W_OUT)
        return true;
    if (v->phase == W_VALUE && v->wants_snapshot && !w_is_lapped(w, r) &&
        newest(r, v->base) != TC_NONE)
        return false;
    return v->phase != W_RECOVERY && v->at == r->cnt && !v->skip_cnt &&
           v->is_told_stale == is_stale(w, r);
}

void w_view_check_end(struct world *w, const struct w_room *r, struct w_view *v)
{
    W_CHECK(w, v->op_cnt == 0, "%s: %u commands without an answer", r->name, v->op_cnt);
    if (v->phase == W_OUT)
        return;
    end_answer(w, r, v);
    W_CHECK(w, v->phase == W_LIVE, "%s: phase %d in the end", r->name, (int)v->phase);
    W_CHECK(w, !v->skip_cnt, "%s: a notice without its update", r->name);
    W_CHECK(w, v->at == r->cnt, "%s: at %u of %u", r->name, v->at, r->cnt);
    int64_t last = r->cnt ? r->events[r->cnt - 1].pos : -1;
    W_CHECK(w, v->is_resumed || v->last == last, "%s: last is %lld, not %lld", r->name, LL(v->last),
            LL(last));
    W_CHECK(w, v->is_told_stale == is_stale(w, r), "%s: stale %d", r->name, is_stale(w, r));
}
