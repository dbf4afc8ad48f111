// SPDX-License-Identifier: Apache-2.0
/* Frames and lanes: bytes into scratch, once for all who get them. */
#include "core/fanout/fan_int.h"

bool tc_fan_has_scratch(const struct tc_fan *fan, uint32_t payload_len)
{
    uint64_t need =
        tc_update_bytes_max(payload_len) + (uint64_t)TC_FAN_FRAME_NOTICES * TC_NOTICE_BYTES_MAX;
    return fan->scratch_bytes - fan->scratch_used >= need && fan->lane_cnt < TC_FAN_LANES_MAX &&
           fan->frame_cnt < TC_FAN_FRAMES_MAX;
}

int tc_fan_stage(struct tc_fan *fan, const struct tc_fan_room *room,
                 const struct tc_bus_event *event)
{
    TC_ASSERT(event->len <= fan->conf.payload_max);
    return tc_bus_copy(fan->feeds[room->feed].bus, event, fan->payload);
}

static uint8_t *end_of(struct tc_fan *fan)
{
    return fan->scratch + fan->scratch_used;
}

/* Ingest has tried it with the same bytes: it cannot fail. */
struct tc_str tc_fan_convert(struct tc_fan *fan, const struct tc_rule *rule, enum tc_form to,
                             struct tc_str payload)
{
    if (TC_LIKELY(!rule->message || rule->form == to))
        return payload;
    int64_t len = fan->conf.convert(fan->conf.convert_ctx, rule, to, payload, fan->converted,
                                    fan->conf.payload_max);
    TC_ASSERT(len >= 0);
    return (struct tc_str){ (const char *)fan->converted, (size_t)len };
}

void tc_fan_write_event(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                        const struct tc_bus_event *e, bool is_snapshot)
{
    if (e->kind == TC_BUS_GAP) {
        tc_fan_write_gap(fan, room, dialect, e->log, e->prev, e->pos, (enum tc_gap_reason)e->aux);
        return;
    }
    if (e->kind == TC_BUS_MOVED) {
        struct tc_notice n = { .kind = TC_NOTICE_MOVED };
        tc_fan_confirm_fill(fan, room, -1, e->log, &n);
        tc_fan_write_notice(fan, room, dialect, &n);
        return;
    }
    const struct tc_rule *rule = &fan->conf.rules->rules[room->rule];
    struct tc_str payload = { (const char *)fan->payload, e->len };
    if (e->kind == TC_BUS_UPDATE)
        payload = tc_fan_convert(fan, rule, fan->dialects[dialect]->form, payload);
    struct tc_update u = {
        .event = rule->event,
        .type = rule->type,
        .room = tc_fan_room_name(fan, room),
        .pos = e->pos,
        .prev = e->prev,
        .ts_ms = e->ts_ms,
        .is_snapshot = is_snapshot,
        .is_tombstone = e->kind == TC_BUS_TOMBSTONE,
        .payload = payload.ptr,
        .len = (uint32_t)payload.len,
    };
    TC_ASSERT(fan->scratch_used + tc_update_bytes_max(u.len) <= fan->scratch_bytes);
    size_t len = fan->dialects[dialect]->update(&u, end_of(fan));
    TC_ASSERT(len <= tc_update_bytes_max(u.len));
    fan->scratch_used += (uint32_t)len;
}

void tc_fan_write_notice(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                         struct tc_notice *n)
{
    n->room = tc_fan_room_name(fan, room);
    TC_ASSERT(fan->scratch_used + TC_NOTICE_BYTES_MAX <= fan->scratch_bytes);
    size_t len = fan->dialects[dialect]->notice(n, end_of(fan));
    TC_ASSERT(len <= TC_NOTICE_BYTES_MAX);
    fan->scratch_used += (uint32_t)len;
}

void tc_fan_write_gap(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                      uint32_t log, int64_t from, int64_t to, enum tc_gap_reason reason)
{
    static const char *const texts[TC_GAP_CNT] = {
#define X(name, text) text,
        TC_GAP_TABLE(X)
#undef X
    };
    struct tc_notice n = { .kind = TC_NOTICE_GAP };
    tc_fan_confirm_fill(fan, room, -1, log, &n);
    n.from = from;
    n.to = to;
    n.reason = texts[reason];
    tc_fan_write_notice(fan, room, dialect, &n);
}

void tc_fan_write_state(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect)
{
    struct tc_notice n = { .kind = room->is_stale ? TC_NOTICE_STALE : TC_NOTICE_FRESH };
    n.since_ms = tc_fan_room_stale_ms(fan, room);
    tc_fan_write_notice(fan, room, dialect, &n);
}

struct tc_lane *tc_fan_lane_open(struct tc_fan *fan)
{
    TC_ASSERT(fan->lane_cnt < TC_FAN_LANES_MAX);
    struct tc_lane *lane = &fan->lanes[fan->lane_cnt++];
    memset(lane, 0, sizeof(*lane));
    lane->start_off = fan->scratch_used;
    lane->frame_first = fan->frame_cnt;
    return lane;
}

struct tc_frame *tc_fan_frame_end(struct tc_fan *fan, struct tc_lane *lane,
                                  const struct tc_place *place)
{
    TC_ASSERT(fan->frame_cnt < TC_FAN_FRAMES_MAX &&
              fan->frame_cnt == lane->frame_first + lane->frame_cnt);
    struct tc_frame *f = &fan->frames[fan->frame_cnt++];
    lane->frame_cnt++;
    lane->len = fan->scratch_used - lane->start_off;
    memset(f, 0, sizeof(*f));
    f->end_off = lane->len;
    f->place = *place;
    return f;
}

void tc_fan_lane_drop(struct tc_fan *fan, struct tc_lane *lane)
{
    TC_ASSERT(lane == &fan->lanes[fan->lane_cnt - 1]);
    fan->scratch_used = lane->start_off;
    fan->frame_cnt = lane->frame_first;
    fan->lane_cnt--;
}
