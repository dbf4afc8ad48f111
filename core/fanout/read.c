// SPDX-License-Identifier: Apache-2.0
/* Reading the buses: events of rooms with members, once per turn, into shared lanes. */
#include "core/fanout/fan_int.h"

/* ---- stale and fresh ---- */

/* Tells the members at the head of room what its state is now. */
static void tell_state(struct tc_fan *fan, uint32_t idx)
{
    struct tc_fan_room *room = tc_fan_room(fan, idx);
    struct tc_place before = tc_fan_place_newest(room);
    room->is_stale = !room->is_stale;
    for (uint32_t d = 0; d < fan->conf.dialect_cnt; d++) {
        if (room->head[d] == TC_NONE)
            continue;
        struct tc_lane *lane = tc_fan_lane_open(fan);
        lane->is_shared = true;
        lane->owner = idx;
        lane->before = before;
        lane->before.is_told_stale = !room->is_stale;
        lane->before.is_at_head = true;
        tc_fan_write_state(fan, room, d);
        struct tc_place after = before;
        after.is_told_stale = room->is_stale;
        tc_fan_frame_end(fan, lane, &after);
        tc_fan_plan_shared(fan, room, d, lane);
    }
}

/* Returns how many rooms were told. */
static uint32_t read_state(struct tc_fan *fan)
{
    uint32_t told = 0;
    for (uint32_t f = 0; f < fan->conf.feed_cnt; f++) {
        uint64_t gen = atomic_load(&fan->feeds[f].bus->state_gen);
        if (gen != fan->cursors[f].state_gen) {
            fan->cursors[f].state_gen = gen;
            tc_fan_is_warm(fan, &fan->feeds[f]);
            fan->is_state_dirty = true;
            fan->parked_at_ns = fan->now_ns;
        }
    }
    if (!fan->is_state_dirty)
        return 0;
    fan->is_state_dirty = false;
    for (uint32_t i = fan->all_rooms; i != TC_NONE; i = tc_fan_room(fan, i)->all_next) {
        struct tc_fan_room *room = tc_fan_room(fan, i);
        if (room->is_stale == (tc_fan_room_stale_ms(fan, room) != 0))
            continue;
        if (told == TC_FAN_STATES_MAX / fan->conf.dialect_cnt ||
            !tc_fan_has_scratch(fan, TC_DIALECTS_MAX * TC_NOTICE_BYTES_MAX)) {
            fan->is_state_dirty = true; /* the rest in the next turn */
            break;
        }
        tell_state(fan, i);
        told++;
    }
    return told;
}

/* ---- events ---- */

/* The writer has overtaken the cursor: it jumps to the head; members at the head of their rooms
 * find their way along the links from where they were, and conflation must not skip what they
 * missed through no fault of theirs. */
static void jump(struct tc_fan *fan, uint32_t feed, uint64_t head)
{
    for (uint32_t i = fan->all_rooms; i != TC_NONE; i = tc_fan_room(fan, i)->all_next) {
        struct tc_fan_room *room = tc_fan_room(fan, i);
        if (room->feed != feed || !room->is_located)
            continue;
        struct tc_place place = tc_fan_place_newest(room);
        place.is_at_head = false;
        place.is_told_stale = room->is_stale;
        place.exempt_cnt = fan->conf.resume_events;
        for (uint32_t d = 0; d < fan->conf.dialect_cnt; d++)
            tc_fan_room_to_behind(fan, room, d, &place);
        room->is_located = false;
    }
    fan->stats.lapped_cnt++;
    /* not beyond the head for which the names are known */
    fan->cursors[feed].seq = head;
}

static uint32_t dialects_in_use(const struct tc_fan *fan)
{
    uint32_t cnt = 0;
    for (uint32_t d = 0; d < fan->conf.dialect_cnt; d++)
        cnt += fan->dialect_member_cnt[d] > 0;
    return cnt;
}

/* Copies descriptors of events that somebody wants, and moves the cursor over all that it saw. */
static uint32_t collect(struct tc_fan *fan, uint32_t feed, uint32_t event_max, uint64_t *bytes)
{
    struct tc_fan_cursor *cur = &fan->cursors[feed];
    struct tc_bus *bus = fan->feeds[feed].bus;
    uint64_t head = tc_bus_head(bus);
    if (head == cur->seq || !tc_fan_names_sync(fan, feed))
        return head != cur->seq;
    uint64_t first = cur->seq + 1;
    uint64_t to = TC_MIN(head, cur->seq + TC_FAN_SCAN_MAX);
    uint64_t seq = first;
    uint32_t cnt = fan->turn_event_cnt;
    uint32_t skipped = 0;
    uint32_t dialects = dialects_in_use(fan);
    for (; seq <= to && cnt < event_max; seq++) {
        uint32_t room = cur->room_of[tc_bus_peek_room(bus, seq)];
        if (room == TC_NONE || !tc_fan_room(fan, room)->is_located) {
            skipped++;
            continue;
        }
        struct tc_turn_event *e = &fan->turn_events[cnt];
        if (tc_bus_read(bus, seq, &e->event) < 0)
            break; /* seen below */
        /* a payload of a declared type may be longer in another form */
        const struct tc_rule *rule = &fan->conf.rules->rules[tc_fan_room(fan, room)->rule];
        uint32_t len = rule->message ? fan->conf.payload_max : e->event.len;
        uint64_t need = TC_MAX(tc_update_bytes_max(len), (uint64_t)TC_NOTICE_BYTES_MAX);
        need *= dialects;
        if (*bytes + need > fan->scratch_bytes)
            break;
        *bytes += need;
        e->room = room;
        e->next = TC_NONE;
        e->member_cnt = 0;
        cnt++;
    }
    /* What was skipped may have been torn as well: nothing of the batch is good. */
    if (!tc_bus_is_intact(bus, first)) {
        jump(fan, feed, head);
        return 1;
    }
    fan->stats.skip_cnt += skipped;
    fan->stats.event_cnt += cnt - fan->turn_event_cnt;
    fan->turn_event_cnt = cnt;
    cur->seq = seq - 1;
    return (uint32_t)(seq - first);
}

/* Chains the turn's events by room and moves the rooms' newest on. */
static void arrange(struct tc_fan *fan)
{
    for (uint32_t i = 0; i < fan->turn_event_cnt; i++) {
        struct tc_turn_event *te = &fan->turn_events[i];
        const struct tc_bus_event *e = &te->event;
        struct tc_fan_room *room = tc_fan_room(fan, te->room);
        if (room->turn_first == TC_NONE) {
            struct tc_turn_room *tr = &fan->turn_rooms[fan->turn_room_cnt++];
            tr->room = te->room;
            tr->before = tc_fan_place_newest(room);
            tr->before.next_seq = e->seq;
            tr->before.is_at_head = false;
            tr->before.is_told_stale = room->is_stale;
            room->turn_first = i;
        } else {
            fan->turn_events[room->turn_last].next = i;
        }
        room->turn_last = i;
        fan->is_state_dirty |= !room->has_event || room->last_log != e->log;
        room->has_event = true;
        room->last_seq = e->seq;
        room->last_pos = e->pos;
        room->last_ord = e->ord;
        room->last_sum = e->sum_bytes;
        room->last_log = e->log;
        if (tc_bus_kind_is_data(e->kind)) {
            room->last_data_seq = e->seq;
            room->last_data_pos = e->pos;
        }
    }
}

/* An event was overwritten before it was copied: the members go on along the links. */
static void drop_shared(struct tc_fan *fan, struct tc_fan_room *room, uint32_t dialect,
                        struct tc_lane *lane)
{
    struct tc_place place = lane->before;
    tc_fan_lane_drop(fan, lane);
    place.next_seq = 0;
    place.exempt_cnt = fan->conf.resume_events;
    tc_fan_room_to_behind(fan, room, dialect, &place);
}

static void encode_lane(struct tc_fan *fan, const struct tc_turn_room *tr, uint32_t dialect)
{
    struct tc_fan_room *room = tc_fan_room(fan, tr->room);
    struct tc_lane *lane = tc_fan_lane_open(fan);
    lane->is_shared = true;
    lane->owner = tr->room;
    lane->before = tr->before;
    for (uint32_t i = room->turn_first; i != TC_NONE; i = fan->turn_events[i].next) {
        const struct tc_bus_event *e = &fan->turn_events[i].event;
        if (tc_fan_stage(fan, room, e) < 0) {
            drop_shared(fan, room, dialect, lane);
            return;
        }
        tc_fan_write_event(fan, room, dialect, e, false);
        struct tc_place after = tc_fan_place_after(fan, room, &tr->before, e);
        uint32_t next = fan->turn_events[i].next;
        after.is_at_head = next == TC_NONE;
        after.next_seq = next == TC_NONE ? 0 : fan->turn_events[next].event.seq;
        struct tc_frame *f = tc_fan_frame_end(fan, lane, &after);
        if (e->kind == TC_BUS_GAP) {
            f->notice = TC_NOTICE_GAP + 1;
            f->reason = e->aux;
            lane->notice_cnt++;
        } else if (tc_bus_kind_is_data(e->kind)) {
            f->event_cnt = 1;
            lane->event_cnt++;
        }
    }
    uint32_t cnt = tc_fan_plan_shared(fan, room, dialect, lane);
    for (uint32_t i = room->turn_first; i != TC_NONE; i = fan->turn_events[i].next)
        fan->turn_events[i].member_cnt += cnt;
    /* the next batch begins in another row */
    if (room->head[dialect] != TC_NONE)
        room->head[dialect] = tc_fan_row(fan, room->head[dialect])->next;
}

uint32_t tc_fan_read(struct tc_fan *fan, int64_t now_ns)
{
    TC_ASSERT(fan->touched_first == TC_NONE);
    fan->now_ns = now_ns;
    fan->scratch_used = 0;
    fan->lane_cnt = fan->frame_cnt = 0;
    tc_fan_plan_begin(fan);
    fan->turn_event_cnt = fan->turn_room_cnt = 0;
    uint32_t done = read_state(fan);
    if (done)
        return done; /* a member is in one lane per turn */
    uint64_t bytes = 0;
    for (uint32_t f = 0; f < fan->conf.feed_cnt; f++)
        done += collect(fan, f, TC_FAN_TURN_EVENTS_MAX * (f + 1) / fan->conf.feed_cnt, &bytes);
    arrange(fan);
    for (uint32_t i = 0; i < fan->turn_room_cnt; i++) {
        struct tc_fan_room *room = tc_fan_room(fan, fan->turn_rooms[i].room);
        for (uint32_t d = 0; d < fan->conf.dialect_cnt; d++) {
            if (room->head[d] != TC_NONE)
                encode_lane(fan, &fan->turn_rooms[i], d);
        }
        room->turn_first = TC_NONE;
        room->turn_cnt++;
    }
    return done;
}

bool tc_fan_has_news(const struct tc_fan *fan)
{
    for (uint32_t f = 0; f < fan->conf.feed_cnt; f++) {
        const struct tc_bus *bus = fan->feeds[f].bus;
        if (tc_bus_head(bus) != fan->cursors[f].seq ||
            atomic_load(&bus->state_gen) != fan->cursors[f].state_gen)
            return true;
    }
    return fan->is_state_dirty;
}

uint32_t tc_fan_turn_cnt(const struct tc_fan *fan)
{
    return fan->turn_event_cnt;
}

struct tc_fan_turn_times tc_fan_turn_at(const struct tc_fan *fan, uint32_t i)
{
    const struct tc_turn_event *e = &fan->turn_events[i];
    return (struct tc_fan_turn_times){ e->event.ingest_ns, e->event.ts_ms, e->member_cnt };
}
