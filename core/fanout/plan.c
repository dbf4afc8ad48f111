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

void tc_fan_plan_begin(struct tc_fan *fan)
{
    fan->plans[TC_PLAN_NONE] = (struct tc_plan){ .child_lane = TC_PLAN_NO_LANE };
    fan->plan_cnt = TC_PLAN_NONE + 1;
    fan->batch++;
}

uint32_t tc_fan_batch(const struct tc_fan *fan)
{
    return fan->batch;
}

/* The plan of lane after the plan `parent`. */
static inline uint32_t plan_after(struct tc_fan *fan, uint32_t parent, uint32_t lane)
{
    struct tc_plan *p = &fan->plans[parent];
    if (p->child_lane == lane) {
        fan->plans[p->child].is_shared = true;
        return p->child;
    }
    TC_ASSERT(fan->plan_cnt <= fan->conf.member_max);
    p->child = fan->plan_cnt++;
    p->child_lane = (uint16_t)lane;
    fan->plans[p->child] = (struct tc_plan){
        .parent = parent,
        .child_lane = TC_PLAN_NO_LANE,
        .lane = lane & INT16_MAX,
    };
    return p->child;
}

static inline void plan_lane(struct tc_fan *fan, struct tc_fan_conn *c, uint32_t idx,
                             const struct tc_lane *lane)
{
    c->plan = plan_after(fan, c->plan, idx);
    c->plan_len += lane->len;
    c->plan_event_cnt += lane->event_cnt;
    c->plan_lane_cnt++;
    c->is_plain &= lane->is_shared && lane->notice_cnt == 0;
}

void tc_fan_plan_own(struct tc_fan *fan, uint32_t conn, const struct tc_lane *lane)
{
    plan_lane(fan, &fan->conns[conn], (uint32_t)(lane - fan->lanes), lane);
}

uint32_t tc_fan_plan_shared(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                            const struct tc_lane *lane)
{
    const struct tc_lane own = *lane; /* what is written below cannot be in it */
    uint32_t lane_idx = (uint32_t)(lane - fan->lanes);
    uint32_t cnt = 0;
    uint32_t at = room->head[dialect];
    uint32_t last = tc_fan_row(fan, at)->prev;
    for (bool is_last = false; !is_last;) {
        const struct tc_row row = *tc_fan_row(fan, at); /* who falls behind leaves it */
        __builtin_prefetch(tc_fan_row(fan, row.next));
        uint32_t used = tc_fan_row_used(&row);
        uint32_t i =
            cnt == 0 ? room->turn_cnt % used : 0; /* each turn begins with another member */
        for (uint32_t n = used; n > 0; n--, i = i + 1 < used ? i + 1 : 0) {
            struct tc_fan_conn *c = &fan->conns[row.seats[i].conn];
            if (TC_UNLIKELY(c->is_blocked)) {
                tc_fan_member_to_behind(fan, row.seats[i].member);
                tc_fan_member(fan, row.seats[i].member)->place = lane->before;
                continue;
            }
            if (c->plan == TC_PLAN_NONE)
                queue_touched(fan, row.seats[i].conn);
            plan_lane(fan, c, lane_idx, &own);
            cnt++;
        }
        is_last = at == last;
        at = row.next;
    }
    return cnt;
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
        if (c->is_open && c->plan != TC_PLAN_NONE)
            return conn;
    }
    return TC_NONE;
}

bool tc_fan_has_touched(const struct tc_fan *fan)
{
    return fan->touched_first != TC_NONE;
}

/* Fills fan->path with the lanes planned for c, in sending order. */
static void find_path(struct tc_fan *fan, const struct tc_fan_conn *c)
{
    uint32_t at = c->plan;
    for (uint32_t i = c->plan_lane_cnt; i > 0; i--) {
        fan->path[i - 1] = fan->plans[at].lane;
        at = fan->plans[at].parent;
    }
}

/* Copies what is planned for c together into scratch, once for all connections with the same plan.
 * false: it is too large for that. */
static bool join_shared(struct tc_fan *fan, const struct tc_fan_conn *c)
{
    struct tc_plan *plan = &fan->plans[c->plan];
    if (plan->joined_off)
        return true;
    if (c->plan_len > (uint32_t)c->plan_lane_cnt * TC_FAN_SMALL_MAX ||
        c->plan_len > fan->scratch_bytes - fan->scratch_used)
        return false;
    find_path(fan, c);
    plan->joined_off = fan->scratch_used;
    for (uint32_t i = 0; i < c->plan_lane_cnt; i++) {
        const struct tc_lane *lane = &fan->lanes[fan->path[i]];
        memcpy(fan->scratch + fan->scratch_used, fan->scratch + lane->start_off, lane->len);
        fan->scratch_used += lane->len;
    }
    return true;
}

/* The lanes of fan->path, for one connection: small ones next to each other are copied together. */
static uint32_t join_own(struct tc_fan *fan, uint32_t lane_cnt, struct tc_fan_piece *pieces,
                         uint32_t max, uint32_t *total)
{
    uint32_t cnt = 0;
    uint8_t *joined = NULL;
    uint32_t joined_left = TC_FAN_JOINED_MAX;
    bool is_last_joined = false;
    for (uint32_t i = 0; i < lane_cnt; i++) {
        const struct tc_lane *lane = &fan->lanes[fan->path[i]];
        const uint8_t *bytes = fan->scratch + lane->start_off;
        bool is_small = lane->len <= TC_FAN_SMALL_MAX && lane->len <= joined_left;
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

/* Small lanes are copied together: a piece of its own costs the kernel more than the copy us. */
uint32_t tc_fan_gather(struct tc_fan *fan, uint32_t conn, struct tc_fan_piece *pieces, uint32_t max,
                       uint32_t *total)
{
    const struct tc_fan_conn *c = &fan->conns[conn];
    const struct tc_plan *plan = &fan->plans[c->plan];
    *total = 0;
    if (c->plan == TC_PLAN_NONE)
        return 0;
    if (plan->parent != TC_PLAN_NONE && !(plan->is_shared && join_shared(fan, c))) {
        find_path(fan, c);
        return join_own(fan, c->plan_lane_cnt, pieces, max, total);
    }
    uint32_t off = plan->joined_off ? plan->joined_off : fan->lanes[plan->lane].start_off;
    pieces[0] = (struct tc_fan_piece){ fan->scratch + off, c->plan_len };
    *total = c->plan_len;
    return 1;
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

/* The first cnt frames of lane were sent to conn. */
static void apply(struct tc_fan *fan, uint32_t conn, const struct tc_lane *lane, uint32_t cnt)
{
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
    uint32_t member = lane->is_shared ? tc_fan_member_find(fan, conn, lane->owner) : lane->owner;
    TC_ASSERT(member != TC_NONE); /* who leaves has its plan taken back before */
    struct tc_member *m = tc_fan_member(fan, member);
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

/* conn took `taken` bytes of the lanes of fan->path. Returns what is left of a frame that was cut.
 */
static struct tc_fan_piece settle_path(struct tc_fan *fan, uint32_t conn, uint32_t lane_cnt,
                                       uint32_t taken)
{
    struct tc_fan_piece tail = { NULL, 0 };
    for (uint32_t i = 0; i < lane_cnt; i++) {
        const struct tc_lane *lane = &fan->lanes[fan->path[i]];
        uint32_t here = TC_MIN(taken, lane->len);
        uint32_t cnt = lane->frame_cnt;
        taken -= here;
        if (here < lane->len) {
            uint32_t end = 0;
            cnt = frames_begun(fan, lane, here, &end);
            if (end > here)
                tail = (struct tc_fan_piece){ fan->scratch + lane->start_off + here, end - here };
        }
        apply(fan, conn, lane, cnt);
    }
    return tail;
}

void tc_fan_settle(struct tc_fan *fan, uint32_t conn, uint32_t taken, bool is_blocked,
                   struct tc_fan_piece *tail)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    TC_ASSERT(c->plan != TC_PLAN_NONE && taken <= c->plan_len);
    *tail = (struct tc_fan_piece){ NULL, 0 };
    c->is_blocked |= is_blocked;
    if (TC_LIKELY(c->is_plain && taken == c->plan_len)) {
        fan->stats.delivery_cnt += c->plan_event_cnt;
    } else {
        find_path(fan, c);
        *tail = settle_path(fan, conn, c->plan_lane_cnt, taken);
        c->is_blocked |= tail->len > 0;
    }
    tc_fan_unplan(c);
    tc_fan_conn_queue(fan, conn);
}
