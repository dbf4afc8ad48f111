// SPDX-License-Identifier: Apache-2.0
/* Catch-up: members behind read the bus by themselves, a bounded slice at a time. */
#include "core/fanout/fan_int.h"

static void unpark(struct tc_fan *fan)
{
    while (fan->parked != TC_NONE)
        tc_fan_member_to_behind(fan, fan->parked);
    fan->parked_at_ns = INT64_MAX;
}

void tc_fan_catch_up_begin(struct tc_fan *fan, int64_t now_ns)
{
    TC_ASSERT(fan->touched_first == TC_NONE);
    fan->now_ns = now_ns;
    fan->scratch_used = 0;
    fan->lane_cnt = fan->frame_cnt = 0;
    tc_fan_plan_begin(fan);
    fan->turn_event_cnt = 0;
    fan->hops = TC_TURN_HOPS_MAX;
    if (now_ns >= fan->parked_at_ns)
        unpark(fan);
    fan->catch_left = fan->catch_cnt;
}

/* Units for one member, up to max_bytes. Returns the bytes planned. */
static uint32_t member_units(struct tc_fan *fan, uint32_t member, uint32_t max_bytes)
{
    if (!tc_fan_has_scratch(fan, fan->conf.payload_max))
        return 0;
    struct tc_lane *lane = tc_fan_lane_open(fan);
    lane->owner = member;
    enum tc_unit_result rc;
    do
        rc = tc_fan_unit(fan, member, lane);
    while (rc == TC_UNIT_MADE && lane->len < max_bytes);
    uint32_t len = lane->len;
    if (lane->frame_cnt)
        tc_fan_plan_own(fan, tc_fan_member(fan, member)->conn, lane);
    else
        tc_fan_lane_drop(fan, lane);
    if (lane->frame_cnt == 0 && rc == TC_UNIT_NONE)
        tc_fan_member_to_head(fan, member);
    if (lane->frame_cnt == 0 && rc == TC_UNIT_WAIT) {
        tc_fan_member_park(fan, member);
        fan->parked_at_ns = TC_MIN(fan->parked_at_ns, fan->now_ns + TC_FAN_PARKED_NS);
    }
    return len;
}

/* Units for the connection's members in turn. */
static void conn_units(struct tc_fan *fan, struct tc_fan_conn *c, uint32_t max_bytes)
{
    uint32_t bytes = 0;
    uint32_t cnt = c->member_cnt;
    uint32_t first = TC_NONE; /* member with something planned */
    while (c->behind != first && cnt-- && bytes < max_bytes) {
        uint32_t member = c->behind;
        c->behind = tc_fan_member(fan, member)->next;
        bytes += member_units(fan, member, max_bytes - bytes);
        if (first == TC_NONE && c->plan != TC_PLAN_NONE)
            first = member;
    }
}

uint32_t tc_fan_catch_up(struct tc_fan *fan, uint32_t max_bytes)
{
    while (fan->catch_left && tc_fan_has_scratch(fan, fan->conf.payload_max) && fan->hops) {
        uint32_t conn = fan->catch_first;
        struct tc_fan_conn *c = &fan->conns[conn];
        TC_ASSERT(conn != TC_NONE);
        fan->catch_first = c->catch_next;
        if (fan->catch_first == TC_NONE)
            fan->catch_last = TC_NONE;
        fan->catch_left--;
        fan->catch_cnt--;
        c->is_catching = false;
        if (!c->is_open || c->is_blocked || c->plan != TC_PLAN_NONE)
            continue;
        conn_units(fan, c, max_bytes);
        if (c->plan != TC_PLAN_NONE)
            return conn;
        tc_fan_conn_queue(fan, conn);
    }
    return TC_NONE;
}

bool tc_fan_has_catch_up(const struct tc_fan *fan)
{
    return fan->catch_first != TC_NONE;
}

int64_t tc_fan_parked_at_ns(const struct tc_fan *fan)
{
    return fan->parked == TC_NONE ? INT64_MAX : fan->parked_at_ns;
}
