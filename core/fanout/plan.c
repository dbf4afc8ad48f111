// SPDX-License-Identifier: Apache-2.0
/* The flush plan: which lanes each connection gets, what was sent of them, and what that means. */
#include "core/fanout/fan_int.h"

static void queue_touched(struct tc_fan *fan, uint32_t conn)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    if (c->is_touched)
        return;
    c->is_touched = true;
    c->touched_next = TC_NONE;
    if (fan->touched_first == TC_NONE)
        fan->touched_first = conn;
    else
        fan->conns[fan->touched_last].touched_next = conn;
    fan->touched_last = conn;
}

void tc_fan_plan(struct tc_fan *fan, uint32_t member, uint32_t lane, bool is_touched)
{
    struct tc_member *m = tc_fan_member(fan, member);
    struct tc_fan_conn *c = &fan->conns[m->conn];
    TC_ASSERT(m->plan_lane == TC_NONE);
    m->plan_lane = lane;
    m->plan_next = TC_NONE;
    if (c->plan_first == TC_NONE)
        c->plan_first = member;
    else
        tc_fan_member(fan, c->plan_last)->plan_next = member;
    c->plan_last = member;
    c->is_planned = true;
    if (is_touched)
        queue_touched(fan, m->conn);
}

uint32_t tc_fan_next_touched(struct tc_fan *fan)
{
    while (fan->touched_first != TC_NONE) {
        uint32_t conn = fan->touched_first;
        struct tc_fan_conn *c = &fan->conns[conn];
        fan->touched_first = c->touched_next;
        if (fan->touched_first == TC_NONE)
            fan->touched_last = TC_NONE;
        c->is_touched = false;
        if (c->is_open && c->is_planned)
            return conn;
    }
    return TC_NONE;
}

bool tc_fan_has_touched(const struct tc_fan *fan)
{
    return fan->touched_first != TC_NONE;
}

/* Small lanes are copied together: a piece of its own costs the kernel more than the copy us. */
uint32_t tc_fan_gather(struct tc_fan *fan, uint32_t conn, struct tc_fan_piece *pieces, uint32_t max,
                       uint32_t *total)
{
    const struct tc_fan_conn *c = &fan->conns[conn];
    uint32_t cnt = 0;
    uint8_t *joined = NULL;
    uint32_t joined_left = TC_FAN_JOINED_MAX;
    bool is_last_joined = false;
    *total = 0;
    for (uint32_t i = c->plan_first; i != TC_NONE; i = tc_fan_member(fan, i)->plan_next) {
        const struct tc_member *m = tc_fan_member(fan, i);
        const struct tc_lane *lane = &fan->lanes[m->plan_lane];
        const uint8_t *bytes = fan->scratch + lane->start_off;
        bool is_only = i == c->plan_first && m->plan_next == TC_NONE;
        bool is_small = !is_only && lane->len <= TC_FAN_JOINED_MAX / 4 && lane->len <= joined_left;
        if (cnt == max && !(is_small && is_last_joined))
            break;
        if (is_small) {
            if (!joined) {
                joined = fan->joined + (size_t)fan->joined_idx * TC_FAN_JOINED_MAX;
                fan->joined_idx = (fan->joined_idx + 1) % TC_TURN_SENDS_MAX;
            }
            uint8_t *to = joined + (TC_FAN_JOINED_MAX - joined_left);
            memcpy(to, bytes, lane->len);
            joined_left -= lane->len;
            if (is_last_joined)
                pieces[cnt - 1].len += lane->len;
            else
                pieces[cnt++] = (struct tc_fan_piece){ to, lane->len };
        } else {
            pieces[cnt++] = (struct tc_fan_piece){ bytes, lane->len };
        }
        is_last_joined = is_small;
        *total += lane->len;
    }
    return cnt;
}

/* Counts the notice of a frame that was sent. */
static void count_notice(struct tc_fan *fan, const struct tc_frame *f)
{
    switch (f->notice) {
    case TC_NOTICE_CONFLATED + 1:
        fan->stats.conflated_cnt++;
        fan->stats.skipped_cnt += f->skipped_cnt;
        break;
    case TC_NOTICE_GAP + 1:
        fan->stats.gap_cnt[f->reason]++;
        break;
    case TC_NOTICE_RECOVERED + 1:
        fan->stats.recovered_cnt++;
        break;
    case TC_NOTICE_CANNOT_RECOVER + 1:
        fan->stats.cannot_recover_cnt++;
        break;
    default:
        break;
    }
}

/* The first cnt frames of lane were sent to member. */
static void apply(struct tc_fan *fan, uint32_t member, const struct tc_lane *lane, uint32_t cnt)
{
    struct tc_member *m = tc_fan_member(fan, member);
    const struct tc_frame *frames = fan->frames + lane->frame_first;
    bool is_all = cnt == lane->frame_cnt;
    if (is_all)
        fan->stats.delivery_cnt += lane->event_cnt;
    for (uint32_t i = 0; i < cnt && (!is_all || lane->notice_cnt); i++) {
        fan->stats.delivery_cnt += is_all ? 0 : frames[i].event_cnt;
        count_notice(fan, &frames[i]);
    }
    if (lane->is_shared && is_all)
        return; /* it is where its room is */
    if (lane->is_shared)
        tc_fan_member_to_behind(fan, member);
    if (cnt == 0) {
        if (lane->is_shared)
            m->place = lane->before;
        return;
    }
    m->place = frames[cnt - 1].place;
    if (frames[0].is_confirm) {
        tc_fan_subs_free(fan, m);
        m->is_confirmed = true;
    }
    if (m->place.is_at_head && m->place.is_told_stale == tc_fan_room(fan, m->room)->is_stale)
        tc_fan_member_to_head(fan, member);
}

/* How many frames begin below `taken` bytes, and in *end where the last of them ends. */
static uint32_t frames_begun(const struct tc_fan *fan, const struct tc_lane *lane, uint32_t taken,
                             uint32_t *end)
{
    const struct tc_frame *frames = fan->frames + lane->frame_first;
    uint32_t low = 0;
    uint32_t high = lane->frame_cnt;
    *end = 0;
    if (taken == 0)
        return 0;
    while (low < high) { /* the first frame that ends at or after taken is in [low, high) */
        uint32_t mid = (low + high) / 2;
        if (frames[mid].end_off < taken)
            low = mid + 1;
        else
            high = mid;
    }
    *end = frames[low].end_off;
    return low + 1;
}

void tc_fan_settle(struct tc_fan *fan, uint32_t conn, uint32_t taken, bool is_blocked,
                   struct tc_fan_piece *tail)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    TC_ASSERT(c->is_planned);
    uint32_t next = c->plan_first;
    *tail = (struct tc_fan_piece){ NULL, 0 };
    c->plan_first = c->plan_last = TC_NONE;
    c->is_planned = false;
    c->is_blocked |= is_blocked;
    while (next != TC_NONE) {
        struct tc_member *m = tc_fan_member(fan, next);
        uint32_t member = next;
        const struct tc_lane *lane = &fan->lanes[m->plan_lane];
        next = m->plan_next;
        m->plan_lane = TC_NONE;
        uint32_t here = TC_MIN(taken, lane->len);
        taken -= here;
        if (TC_LIKELY(here == lane->len)) {
            apply(fan, member, lane, lane->frame_cnt);
            continue;
        }
        uint32_t end = 0;
        uint32_t cnt = frames_begun(fan, lane, here, &end);
        if (end > here) {
            tail->bytes = fan->scratch + lane->start_off + here;
            tail->len = end - here;
            c->is_blocked = true;
        }
        apply(fan, member, lane, cnt);
    }
    TC_ASSERT(taken == 0);
    tc_fan_conn_queue(fan, conn);
}
