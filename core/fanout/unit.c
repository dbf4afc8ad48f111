// SPDX-License-Identifier: Apache-2.0
/* What a member behind gets next: one frame at a time, until it is where its worker is. */
#include "core/fanout/fan_int.h"

struct tc_place tc_fan_place_newest(const struct tc_fan_room *room)
{
    return (struct tc_place){
        .pos = room->has_event ? room->last_pos : -1,
        .log = room->has_event ? room->last_log : TC_FAN_NO_LOG,
        .ord = room->last_ord,
        .sum_bytes = room->last_sum,
        .is_at_head = true,
    };
}

struct tc_place tc_fan_place_after(const struct tc_fan *fan, const struct tc_fan_room *room,
                                   const struct tc_place *from, const struct tc_bus_event *e)
{
    struct tc_place p = *from;
    bool has_next = !e->is_slot && e->next_seq && e->next_seq <= fan->cursors[room->feed].seq;
    p.pos = e->pos;
    p.log = e->log;
    p.ord = e->ord;
    p.sum_bytes = e->sum_bytes;
    p.is_walking = false;
    p.is_at_head = e->seq == room->last_seq;
    p.next_seq = p.is_at_head || !has_next ? 0 : e->next_seq;
    return p;
}

/* A room may come back to a log after it was in others: then its moved event (which has no
 * position) is told from an old place in that log by the number of events between. */
static bool is_after(uint32_t log, int64_t pos, uint32_t ord, const struct tc_place *p)
{
    return log != p->log || pos > p->pos || (int32_t)(ord - p->ord) > 0;
}

bool tc_fan_is_superseded(const struct tc_fan *fan, const struct tc_fan_room *room)
{
    const struct tc_bus_room *head = &fan->feeds[room->feed].bus->rooms[room->id];
    return atomic_load_explicit(&head->last_data_seq, memory_order_acquire) >
           fan->cursors[room->feed].seq;
}

/* The room's newest event has left the ring. */
static enum tc_walk_result walk_evicted(const struct tc_fan_room *room, struct tc_place *p)
{
    p->next_seq = 0;
    p->is_walking = false;
    return is_after(room->last_log, room->last_pos, room->last_ord, p) ? TC_WALK_HOLE
                                                                       : TC_WALK_HEAD;
}

enum tc_walk_result tc_fan_walk(struct tc_fan *fan, const struct tc_fan_room *room,
                                struct tc_place *p, struct tc_bus_event *event,
                                struct tc_bus_event *known)
{
    struct tc_bus_event e;
    uint64_t seq = p->is_walking ? p->next_seq : room->last_seq;
    bool has_after = false;
    if (known)
        known->seq = 0;
    p->is_at_head = false;
    if (!room->has_event)
        return TC_WALK_HEAD;
    const struct tc_bus *bus = fan->feeds[room->feed].bus;
    for (;; fan->hops--) {
        if (tc_bus_read(bus, seq, &e) < 0) {
            if (has_after)
                return TC_WALK_HOLE;
            if (seq == room->last_seq)
                return walk_evicted(room, p);
            p->next_seq = 0; /* overtaken since the last slice: once more from the newest */
            p->is_walking = false;
            return TC_WALK_AGAIN;
        }
        if (!is_after(e.log, e.pos, e.ord, p)) {
            if (known)
                *known = e;
            p->is_walking = false;
            return has_after ? TC_WALK_READY : TC_WALK_HEAD;
        }
        *event = e;
        p->next_seq = seq;
        has_after = true;
        p->is_walking = true;
        if (!e.prev_seq) {
            p->is_walking = false;
            return TC_WALK_READY;
        }
        if (!fan->hops)
            return TC_WALK_AGAIN;
        seq = e.prev_seq;
    }
}

/* ---- conflation ---- */

static uint32_t dialect_of(const struct tc_fan *fan, uint32_t member)
{
    return fan->conns[tc_fan_member(fan, member)->conn].dialect;
}

/* Whether the member is too far behind to get every event of class `latest`. first: the event that
 * it would get next. */
static bool is_too_far(const struct tc_fan *fan, const struct tc_fan_room *room,
                       const struct tc_place *p, const struct tc_bus_event *first)
{
    if (p->exempt_cnt || room->last_data_seq <= first->seq || p->log != room->last_log)
        return false; /* a move is told before anything is left out */
    if (room->last_ord - p->ord <= 1)
        return false; /* nothing would be */
    return room->last_sum - p->sum_bytes > fan->conf.conflate_bytes ||
           fan->now_ns - first->ingest_ns > fan->conf.conflate_ns;
}

/* The room lives in another log than the place: which one, and that the old one's rest is unknown
 * if something is missing. */
static void write_new_log(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                          const struct tc_place *p, uint32_t log, bool is_missing,
                          struct tc_frame *what)
{
    const struct tc_logs *logs = fan->feeds[room->feed].logs;
    if (p->log == log || p->log == TC_FAN_NO_LOG)
        return;
    bool is_replaced = tc_fan_is_replaced(logs, p->log);
    if (is_replaced || is_missing) {
        what->notice = TC_NOTICE_GAP + 1;
        what->reason = is_replaced ? TC_GAP_RECREATED : TC_GAP_RETENTION;
        tc_fan_write_gap(fan, room, dialect, is_replaced ? log : p->log, p->pos, -1,
                         (enum tc_gap_reason)what->reason);
    }
    if (is_replaced)
        return;
    struct tc_notice n = { .kind = TC_NOTICE_MOVED };
    tc_fan_confirm_fill(fan, room, -1, log, &n);
    tc_fan_write_notice(fan, room, dialect, &n);
}

/* Notices of what lies between the place and newest. */
static void write_skip(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                       const struct tc_place *p, const struct tc_bus_event *newest,
                       struct tc_frame *what)
{
    int64_t from = p->log == newest->log ? p->pos : -1;
    uint32_t skipped = newest->ord - p->ord - 1;
    write_new_log(fan, room, dialect, p, newest->log, skipped != 0, what);
    bool is_told = p->log != newest->log && p->log != TC_FAN_NO_LOG;
    if (newest->prev <= from && (is_told || skipped == 0))
        return;
    if (skipped == 0) {
        tc_fan_write_gap(fan, room, dialect, newest->log, from, newest->prev, TC_GAP_RETENTION);
        what->notice = TC_NOTICE_GAP + 1;
        what->reason = TC_GAP_RETENTION;
        return;
    }
    struct tc_notice n = { .kind = TC_NOTICE_CONFLATED };
    n.from = from;
    n.to = newest->prev;
    n.count = skipped;
    tc_fan_write_notice(fan, room, dialect, &n);
    what->notice = TC_NOTICE_CONFLATED + 1;
    what->skipped_cnt = skipped;
}

static enum tc_unit_result end_unit(struct tc_fan *fan, struct tc_lane *lane,
                                    const struct tc_place *p, const struct tc_frame *what)
{
    struct tc_frame *f = tc_fan_frame_end(fan, lane, p);
    f->event_cnt = what->event_cnt;
    f->skipped_cnt = what->skipped_cnt;
    f->notice = what->notice;
    f->reason = what->reason;
    f->is_confirm = what->is_confirm;
    lane->event_cnt += what->event_cnt;
    lane->notice_cnt += what->notice != 0;
    return TC_UNIT_MADE;
}

/* The value itself is gone as well: only the hole can be told. */
static enum tc_unit_result tell_lost(struct tc_fan *fan, uint32_t member, struct tc_lane *lane,
                                     const struct tc_fan_room *room, const struct tc_place *p)
{
    struct tc_frame what = { 0 };
    uint32_t dialect = dialect_of(fan, member);
    int64_t from = p->log == room->last_log ? p->pos : -1;
    write_new_log(fan, room, dialect, p, room->last_log, room->last_ord != p->ord, &what);
    if (room->last_pos >= 0 || p->log == TC_FAN_NO_LOG) {
        tc_fan_write_gap(fan, room, dialect, room->last_log, from, room->last_pos,
                         TC_GAP_RETENTION);
        what.notice = TC_NOTICE_GAP + 1;
        what.reason = TC_GAP_RETENTION;
    }
    struct tc_place after = tc_fan_place_newest(room);
    after.is_told_stale = p->is_told_stale;
    return end_unit(fan, lane, &after, &what);
}

/* What was skipped is told, then comes the newest value. */
static enum tc_unit_result conflate(struct tc_fan *fan, uint32_t member, struct tc_lane *lane,
                                    const struct tc_fan_room *room, const struct tc_place *p)
{
    struct tc_bus_event e;
    struct tc_frame what = { .event_cnt = 1 };
    int rc = tc_bus_newest(fan->feeds[room->feed].bus, room->id, fan->cursors[room->feed].seq,
                           &fan->hops, &e);
    if (rc == TC_OK)
        rc = tc_fan_stage(fan, room, &e);
    if (rc == -TC_EAGAIN || (rc < 0 && tc_fan_is_superseded(fan, room)))
        return TC_UNIT_AGAIN; /* the worker reads on first */
    if (rc < 0 || (int32_t)(e.ord - p->ord) <= 0)
        return tell_lost(fan, member, lane, room, p);
    write_skip(fan, room, dialect_of(fan, member), p, &e, &what);
    tc_fan_write_event(fan, room, dialect_of(fan, member), &e, false);
    struct tc_place after = tc_fan_place_after(fan, room, p, &e);
    return end_unit(fan, lane, &after, &what);
}

/* ---- one unit ---- */

static enum tc_unit_result deliver(struct tc_fan *fan, uint32_t member, struct tc_lane *lane,
                                   const struct tc_fan_room *room, const struct tc_place *p,
                                   const struct tc_bus_event *e)
{
    struct tc_frame what = { 0 };
    if (tc_fan_stage(fan, room, e) < 0)
        return TC_UNIT_AGAIN;
    tc_fan_write_event(fan, room, dialect_of(fan, member), e, false);
    struct tc_place after = tc_fan_place_after(fan, room, p, e);
    if (tc_bus_kind_is_data(e->kind)) {
        what.event_cnt = 1;
        after.exempt_cnt -= after.exempt_cnt > 0;
    } else if (e->kind == TC_BUS_GAP) {
        what.notice = TC_NOTICE_GAP + 1;
        what.reason = e->aux;
    }
    return end_unit(fan, lane, &after, &what);
}

static enum tc_unit_result tell_state(struct tc_fan *fan, uint32_t member, struct tc_lane *lane,
                                      const struct tc_fan_room *room, struct tc_place p)
{
    struct tc_frame what = { 0 };
    tc_fan_write_state(fan, room, dialect_of(fan, member));
    p.is_told_stale = room->is_stale;
    return end_unit(fan, lane, &p, &what);
}

/* Whether no event of the room can be between the place and e. */
static bool is_next(const struct tc_place *p, const struct tc_bus_event *e)
{
    return e->kind != TC_BUS_MOVED && e->log == p->log && e->prev <= p->pos &&
           e->ord - tc_bus_kind_is_data(e->kind) == p->ord;
}

/* The next event, or what stands for it. */
static enum tc_unit_result next_event(struct tc_fan *fan, uint32_t member, struct tc_lane *lane,
                                      const struct tc_fan_room *room, struct tc_place *p)
{
    struct tc_bus_event e;
    const struct tc_bus *bus = fan->feeds[room->feed].bus;
    bool is_known = p->next_seq && !p->is_walking;
    if (is_known && tc_bus_read(bus, p->next_seq, &e) < 0)
        return conflate(fan, member, lane, room, p); /* it has left the ring: nothing to walk for */
    if (!is_known) {
        switch (tc_fan_walk(fan, room, p, &e, NULL)) {
        case TC_WALK_HEAD:
            p->is_at_head = true;
            return TC_UNIT_NONE;
        case TC_WALK_HOLE:
            p->is_walking = false;
            if (p->next_seq && is_next(p, &e))
                break;       /* what has left the ring was delivered */
            p->next_seq = 0; /* it is not the next one */
            return conflate(fan, member, lane, room, p);
        case TC_WALK_AGAIN:
            return TC_UNIT_AGAIN;
        case TC_WALK_READY:
            break;
        }
    }
    p->ord = e.ord - tc_bus_kind_is_data(e.kind);
    p->sum_bytes = e.sum_bytes - e.len;
    if (is_too_far(fan, room, p, &e))
        return conflate(fan, member, lane, room, p);
    return deliver(fan, member, lane, room, p, &e);
}

enum tc_unit_result tc_fan_unit(struct tc_fan *fan, uint32_t member, struct tc_lane *lane)
{
    struct tc_member *m = tc_fan_member(fan, member);
    struct tc_fan_room *room = tc_fan_room(fan, m->room);
    bool is_first = lane->frame_cnt == 0;
    if (!tc_fan_has_scratch(fan, fan->conf.payload_max))
        return TC_UNIT_AGAIN;
    if (m->sub != TC_NONE && is_first)
        return tc_fan_answer(fan, member, lane);
    struct tc_place p =
        is_first ? m->place : fan->frames[lane->frame_first + lane->frame_cnt - 1].place;
    /* what a member kept was true when it was kept */
    p.is_at_head &= !is_first;
    if (!tc_fan_room_locate(fan, room))
        return TC_UNIT_AGAIN;
    if (p.is_told_stale != room->is_stale)
        return tell_state(fan, member, lane, room, p);
    if (p.is_at_head || room->feed == TC_NONE)
        return TC_UNIT_NONE;
    enum tc_unit_result rc = next_event(fan, member, lane, room, &p);
    if (is_first && rc != TC_UNIT_MADE)
        m->place = p; /* how far the walk came */
    return rc;
}
