// SPDX-License-Identifier: Apache-2.0
/* The answer to a subscription, as one frame: confirmation, then snapshot, recovered or
 * cannot-recover.
 *
 * Everything is decided against the worker's cursor at one moment, so there is no race between
 * snapshot and live. */
#include "core/fanout/fan_int.h"

enum verdict {
    V_SNAPSHOT,  /* no position was given: a snapshot if asked for, then live */
    V_RECOVERED, /* all after the position can be given */
    V_SLOT,      /* one event is missing, and it is in the room's slot */
    V_CANNOT,
    V_WAIT,
    V_AGAIN,
};

/* What is to be said. */
struct answer {
    enum verdict verdict;
    int64_t hole_to;            /* V_CANNOT: end of the hole, -1: not known */
    const char *reason;         /* V_CANNOT */
    uint32_t count;             /* V_RECOVERED */
    struct tc_place place;      /* V_RECOVERED, V_SLOT: before the first missing event */
    struct tc_bus_event newest; /* newest value, seq 0: none; V_SLOT: the event */
};

static struct answer cannot(int64_t hole_to, const char *reason)
{
    return (struct answer){ .verdict = V_CANNOT, .hole_to = hole_to, .reason = reason };
}

static struct answer verdict_of(enum verdict verdict)
{
    return (struct answer){ .verdict = verdict };
}

/* The position is beyond the room's newest event here: has this node read that far? Otherwise it
 * waits. >0: it has, and the worker has seen all of it; 0: wait; <0: there is no such position. */
static int has_reached(struct tc_fan *fan, const struct tc_fan_feed *feed, struct tc_sub *sub,
                       uint32_t log)
{
    const struct tc_log *l = &feed->logs->logs[log];
    uint64_t cursor = fan->cursors[feed - fan->feeds].seq;
    if (sub->need_seq)
        return cursor + 1 >= sub->need_seq;
    if (atomic_load_explicit(&l->next_pos, memory_order_acquire) > sub->pos) {
        /* what was read before that is on the bus by now */
        sub->need_seq = tc_bus_head(feed->bus) + 1;
        return cursor + 1 >= sub->need_seq;
    }
    int64_t waited_ns = fan->now_ns - sub->since_ns;
    int64_t end = atomic_load_explicit(&l->end_pos, memory_order_acquire);
    bool is_beyond_end = end >= 0 && end <= sub->pos && waited_ns > fan->conf.resume_wait_ns / 5;
    return is_beyond_end || waited_ns > fan->conf.resume_wait_ns ? -1 : 0;
}

/* A room without an event here: only what the log's start says is known. */
static struct answer resume_empty(const struct tc_fan_feed *feed, const struct tc_fan_room *room,
                                  const struct tc_sub *sub, uint32_t log)
{
    int64_t floor = feed->logs->logs[log].start_pos - 1;
    if (sub->pos < floor)
        return cannot(floor, "retention");
    struct answer a = { .verdict = V_RECOVERED, .place = tc_fan_place_newest(room) };
    a.place.pos = sub->pos;
    a.place.log = (uint16_t)log;
    return a;
}

/* The first event after the position is known. */
static struct answer recovered(const struct tc_fan *fan, const struct tc_fan_room *room,
                               const struct tc_sub *sub, uint32_t log,
                               const struct tc_bus_event *first)
{
    bool is_data = tc_bus_kind_is_data(first->kind);
    struct answer a = { .verdict = V_RECOVERED };
    a.place = (struct tc_place){
        .next_seq = first->seq,
        .pos = sub->pos,
        .log = (uint16_t)log,
        .ord = first->ord - is_data,
        .sum_bytes = first->sum_bytes - first->len,
        .exempt_cnt = fan->conf.resume_events,
    };
    a.count = room->last_ord - a.place.ord;
    if (a.count > fan->conf.resume_events)
        return cannot(room->last_log == log ? room->last_data_pos : -1, "limit");
    return a;
}

/* The ring holds the room's chain from `oldest` on only; seq 0: nothing of it. */
static struct answer resume_hole(struct tc_fan *fan, const struct tc_fan_room *room,
                                 const struct tc_sub *sub, uint32_t log,
                                 const struct tc_bus_event *oldest, bool has_oldest)
{
    if (has_oldest && oldest->log == log && oldest->prev >= 0 && oldest->prev <= sub->pos)
        return recovered(fan, room, sub, log, oldest);
    if (has_oldest)
        return cannot(oldest->log == log ? oldest->prev : -1, "retention");
    struct answer a = cannot(room->last_log == log ? room->last_pos : -1, "retention");
    struct tc_bus_event e;
    const struct tc_bus *bus = fan->feeds[room->feed].bus;
    if (tc_bus_newest(bus, room->id, fan->cursors[room->feed].seq, &fan->hops, &e) != TC_OK ||
        e.log != log || e.seq != room->last_seq)
        return a;
    a.hole_to = e.prev;
    if (e.prev < 0 || e.prev > sub->pos)
        return a;
    a = recovered(fan, room, sub, log, &e);
    a.verdict = V_SLOT;
    a.newest = e;
    return a;
}

/* Whether the record at the client's position is another than the one it had. known: the room's
 * newest event at or before it that was found on the way, seq 0: none. */
static bool is_other_record(struct tc_fan *fan, const struct tc_fan_room *room,
                            const struct tc_sub *sub, uint32_t log, struct tc_bus_event known)
{
    if (sub->ts_ms < 0)
        return false;
    if (!known.seq && room->last_log == log && room->last_pos == sub->pos &&
        tc_bus_newest(fan->feeds[room->feed].bus, room->id, fan->cursors[room->feed].seq,
                      &fan->hops, &known) != TC_OK)
        known.seq = 0; /* it has left the ring and is not in the slot */
    return known.seq && known.log == log && known.pos == sub->pos && known.ts_ms != sub->ts_ms &&
           tc_bus_kind_is_data(known.kind);
}

static struct answer resume_located(struct tc_fan *fan, struct tc_member *m,
                                    const struct tc_fan_room *room, const struct tc_sub *sub,
                                    uint32_t log)
{
    struct tc_bus_event first, known;
    struct tc_place p = m->place;
    p.pos = sub->pos;
    p.log = (uint16_t)log;
    p.ord = room->last_ord; /* not known: positions alone decide */
    enum tc_walk_result rc = tc_fan_walk(fan, room, &p, &first, &known);
    m->place = p;
    if (rc == TC_WALK_AGAIN)
        return verdict_of(V_AGAIN);
    if (is_other_record(fan, room, sub, log, known))
        return cannot(-1, "recreated");
    /* before the room's first event since it moved here: perhaps of an earlier stay in this log */
    if (known.seq ? known.kind == TC_BUS_MOVED : rc == TC_WALK_HEAD && room->last_pos < 0)
        return cannot(-1, "retention");
    if (rc == TC_WALK_HOLE)
        return resume_hole(fan, room, sub, log, &first, p.next_seq != 0);
    if (rc == TC_WALK_READY && !known.seq) { /* the room's first event on this node */
        int64_t floor = fan->feeds[room->feed].logs->logs[log].start_pos - 1;
        if (first.log != log || sub->pos < floor)
            return cannot(first.log == log ? floor : -1, "retention");
    }
    if (rc == TC_WALK_READY)
        return recovered(fan, room, sub, log, &first);
    struct answer a = { .verdict = V_RECOVERED, .place = tc_fan_place_newest(room) };
    a.place.pos = TC_MAX(sub->pos, a.place.pos);
    return a;
}

static struct answer resume(struct tc_fan *fan, struct tc_member *m, const struct tc_fan_room *room,
                            struct tc_sub *sub)
{
    const struct tc_fan_feed *feed = tc_fan_feed_of(fan, room);
    uint32_t log = tc_logs_find(feed->logs, (struct tc_str){ sub->log, sub->log_len });
    if (log == TC_NONE || tc_fan_is_replaced(feed->logs, log))
        return cannot(-1, "recreated");
    bool is_beyond = !room->has_event || (room->last_log == log && room->last_pos < sub->pos);
    if (is_beyond) {
        int rc = has_reached(fan, feed, sub, log);
        if (rc < 0)
            return cannot(-1, "ahead");
        if (rc == 0)
            return verdict_of(V_WAIT);
    }
    if (!room->has_event)
        return resume_empty(feed, room, sub, log);
    return resume_located(fan, m, room, sub, log);
}

/* The newest value for a snapshot; seq 0: there is none to show. false: not now. */
static bool find_newest(struct tc_fan *fan, const struct tc_fan_room *room, struct tc_bus_event *e)
{
    e->seq = 0;
    if (!room->has_event)
        return true;
    const struct tc_bus *bus = fan->feeds[room->feed].bus;
    uint64_t cursor = fan->cursors[room->feed].seq;
    int rc = tc_bus_newest(bus, room->id, cursor, &fan->hops, e);
    if (rc == TC_OK && e->kind == TC_BUS_UPDATE)
        rc = tc_fan_stage(fan, room, e);
    else if (rc == TC_OK)
        rc = -TC_ENOTFOUND; /* a tombstone has cleared it */
    if (rc == TC_OK)
        return true;
    e->seq = 0;
    return rc == -TC_ENOTFOUND || (rc == -TC_ELAPPED && !tc_fan_is_superseded(fan, room));
}

/* The hole reaches up to the value that one begins anew from, or, without one, up to now; -1 if
 * that is in another log. It is empty if only notices are missing. */
static int64_t hole_end(const struct tc_fan *fan, const struct tc_fan_room *room,
                        const struct tc_sub *sub, const struct tc_bus_event *newest)
{
    const struct tc_logs *logs = tc_fan_feed_of(fan, room)->logs;
    uint32_t log = tc_logs_find(logs, (struct tc_str){ sub->log, sub->log_len });
    int64_t end = newest->seq ? newest->prev : room->last_pos;
    if (room->has_event && log != (newest->seq ? newest->log : room->last_log))
        return -1;
    end = TC_MAX(end, logs->logs[log].start_pos - 1);
    return TC_MAX(end, sub->pos);
}

/* ---- the frame ---- */

struct frame {
    struct tc_fan *fan;
    const struct tc_fan_room *room;
    const struct tc_member *m;
    uint32_t dialect;
};

static void write_confirmations(const struct frame *w, int64_t pos, uint32_t log)
{
    for (uint32_t i = w->m->sub; i != TC_NONE;) {
        const struct tc_sub *s = tc_pool_at(&w->fan->subs, i);
        struct tc_notice n = { .kind = TC_NOTICE_CONFIRMED };
        if (s->has_id)
            n.id = (struct tc_str){ s->id, s->id_len };
        tc_fan_confirm_fill(w->fan, w->room, pos, log, &n);
        tc_fan_write_notice(w->fan, w->room, w->dialect, &n);
        i = s->next;
    }
}

static void write_recovery(const struct frame *w, const struct answer *a, struct tc_frame *what)
{
    const struct tc_sub *sub = tc_pool_at(&w->fan->subs, w->m->sub);
    bool is_hole = a->verdict == V_CANNOT;
    struct tc_notice n = { .kind = is_hole ? TC_NOTICE_CANNOT_RECOVER : TC_NOTICE_RECOVERED };
    if (sub->has_id)
        n.id = (struct tc_str){ sub->id, sub->id_len };
    n.from = sub->pos;
    n.to = is_hole ? a->hole_to : a->count ? w->room->last_data_pos : sub->pos;
    n.count = a->count;
    n.reason = a->reason;
    tc_fan_write_notice(w->fan, w->room, w->dialect, &n);
    what->notice = (uint8_t)(n.kind + 1);
}

static enum tc_unit_result write_answer(const struct frame *w, struct tc_lane *lane,
                                        const struct answer *a)
{
    struct tc_fan *fan = w->fan;
    struct tc_frame what = { 0 };
    bool has_value = a->newest.seq != 0;
    struct tc_place newest = tc_fan_place_newest(w->room);
    struct tc_place place = newest;
    if (a->verdict == V_RECOVERED || a->verdict == V_SLOT)
        place = a->place;
    else if (has_value)
        place = tc_fan_place_after(fan, w->room, &newest, &a->newest);
    if (a->verdict == V_SNAPSHOT && has_value)
        write_confirmations(w, a->newest.pos, a->newest.log);
    else
        write_confirmations(w, newest.pos, newest.log);
    if (a->verdict != V_SNAPSHOT)
        write_recovery(w, a, &what);
    if (has_value) {
        tc_fan_write_event(fan, w->room, w->dialect, &a->newest, a->verdict != V_SLOT);
        what.event_cnt = 1;
    }
    if (a->verdict == V_SLOT)
        place = newest;
    place.is_told_stale = w->room->is_stale;
    if (w->room->is_stale)
        tc_fan_write_state(fan, w->room, w->dialect);
    struct tc_frame *f = tc_fan_frame_end(fan, lane, &place);
    f->is_confirm = true;
    f->notice = what.notice;
    f->event_cnt = what.event_cnt;
    lane->event_cnt += what.event_cnt;
    lane->notice_cnt += what.notice != 0;
    return TC_UNIT_MADE;
}

static bool has_head(const struct tc_fan *fan, const struct tc_fan_room *room)
{
    for (uint32_t d = 0; d < fan->conf.dialect_cnt; d++) {
        if (room->head[d] != TC_NONE)
            return true;
    }
    return false;
}

static bool wants_snapshot(const struct tc_fan *fan, const struct tc_member *m)
{
    for (uint32_t i = m->sub; i != TC_NONE;) {
        const struct tc_sub *s = tc_pool_at(&fan->subs, i);
        if (s->is_snapshot)
            return true;
        i = s->next;
    }
    return false;
}

enum tc_unit_result tc_fan_answer(struct tc_fan *fan, uint32_t member, struct tc_lane *lane)
{
    struct tc_member *m = tc_fan_member(fan, member);
    struct tc_fan_room *room = tc_fan_room(fan, m->room);
    struct tc_sub *sub = tc_pool_at(&fan->subs, m->sub);
    if (!tc_fan_is_warm(fan, tc_fan_feed_of(fan, room)) && fan->now_ns < fan->conf.warmup_end_ns)
        return TC_UNIT_WAIT;
    if (!tc_fan_room_locate(fan, room))
        return TC_UNIT_AGAIN;
    if (!has_head(fan, room))
        room->is_stale = tc_fan_room_stale_ms(fan, room) != 0;
    struct answer a = sub->has_from ? resume(fan, m, room, sub) : verdict_of(V_SNAPSHOT);
    if (a.verdict == V_WAIT)
        return TC_UNIT_WAIT;
    bool is_value_wanted =
        a.verdict == V_CANNOT || (a.verdict == V_SNAPSHOT && wants_snapshot(fan, m));
    if (a.verdict == V_AGAIN || (is_value_wanted && !find_newest(fan, room, &a.newest)))
        return TC_UNIT_AGAIN;
    if (a.verdict == V_SLOT && tc_fan_stage(fan, room, &a.newest) < 0)
        return TC_UNIT_AGAIN;
    if (a.verdict == V_CANNOT && a.hole_to >= 0)
        a.hole_to = hole_end(fan, room, sub, &a.newest);
    struct frame w = { fan, room, m, fan->conns[m->conn].dialect };
    return write_answer(&w, lane, &a);
}
