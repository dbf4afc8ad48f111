// SPDX-License-Identifier: Apache-2.0
/* The tables of a worker's fan-out: taken once. */
#include "core/fanout/fan.h"

#include <stdio.h>

#include "core/fanout/fan_int.h"

/* Scratch holds the largest frame of every dialect at once, with room to batch small ones. */
static uint64_t scratch_want(const struct tc_fan_conf *c)
{
    uint64_t frame =
        tc_update_bytes_max(c->payload_max) + (uint64_t)TC_FAN_FRAME_NOTICES * TC_NOTICE_BYTES_MAX;
    return TC_MAX((uint64_t)TC_FAN_SCRATCH_MIN, 4 * frame * c->dialect_cnt);
}

static int take_turn(struct tc_fan *fan, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    const struct tc_fan_conf *c = &fan->conf;
    snprintf(name, sizeof(name), "%s: scratch", c->holder);
    fan->scratch_bytes = (uint32_t)scratch_want(c);
    fan->scratch = tc_mem_take(c->mem, name, fan->scratch_bytes, 1, err);
    if (!fan->scratch)
        return -TC_ENOMEM;
    fan->payload = tc_mem_take(c->mem, name, (uint64_t)c->payload_max + 8, 1, err);
    if (!fan->payload)
        return -TC_ENOMEM;
    fan->converted = tc_mem_take(c->mem, name, (uint64_t)c->payload_max + 8, 1, err);
    if (!fan->converted)
        return -TC_ENOMEM;
    fan->joined = tc_mem_take(c->mem, name, TC_FAN_JOINED_MAX, TC_TURN_SENDS_MAX, err);
    if (!fan->joined)
        return -TC_ENOMEM;
    fan->lanes = tc_mem_take(c->mem, name, sizeof(*fan->lanes), TC_FAN_LANES_MAX, err);
    if (!fan->lanes)
        return -TC_ENOMEM;
    fan->frames = tc_mem_take(c->mem, name, sizeof(*fan->frames), TC_FAN_FRAMES_MAX, err);
    if (!fan->frames)
        return -TC_ENOMEM;
    /* a member is in one lane per turn at most, and a lane more in a plan is one more plan at most
     */
    fan->plans = tc_mem_take(c->mem, name, sizeof(*fan->plans), (uint64_t)c->member_max + 1, err);
    if (!fan->plans)
        return -TC_ENOMEM;
    fan->path = tc_mem_take(c->mem, name, sizeof(*fan->path), TC_FAN_LANES_MAX, err);
    if (!fan->path)
        return -TC_ENOMEM;
    fan->turn_events =
        tc_mem_take(c->mem, name, sizeof(*fan->turn_events), TC_FAN_TURN_EVENTS_MAX, err);
    if (!fan->turn_events)
        return -TC_ENOMEM;
    fan->turn_rooms =
        tc_mem_take(c->mem, name, sizeof(*fan->turn_rooms), TC_FAN_TURN_EVENTS_MAX, err);
    return fan->turn_rooms ? TC_OK : -TC_ENOMEM;
}

/* Rooms with members are no more than members, and no more than there are names. */
static uint32_t room_max(const struct tc_fan *fan)
{
    uint64_t names = fan->conf.waiting_max;
    for (uint32_t f = 0; f < fan->conf.feed_cnt; f++)
        names += fan->feeds[f].dir->max;
    return (uint32_t)TC_MIN(names, (uint64_t)fan->conf.member_max);
}

static int take_tables(struct tc_fan *fan, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    const struct tc_fan_conf *c = &fan->conf;
    snprintf(name, sizeof(name), "%s: connections (fan-out)", c->holder);
    fan->conns = tc_mem_take(c->mem, name, sizeof(*fan->conns), c->conn_max, err);
    if (!fan->conns)
        return -TC_ENOMEM;
    snprintf(name, sizeof(name), "%s: members", c->holder);
    int rc =
        tc_pool_init(&fan->members, c->mem, name, sizeof(struct tc_member), c->member_max, err);
    /* a row has a member at least */
    if (rc == TC_OK)
        rc = tc_pool_init(&fan->rows, c->mem, name, sizeof(struct tc_row), c->member_max, err);
    if (rc == TC_OK)
        rc = tc_map_init(&fan->member_map, c->member_max, c->mem, name, err);
    snprintf(name, sizeof(name), "%s: pending subscriptions", c->holder);
    if (rc == TC_OK)
        rc = tc_pool_init(&fan->subs, c->mem, name, sizeof(struct tc_sub), c->pending_max, err);
    snprintf(name, sizeof(name), "%s: rooms", c->holder);
    if (rc == TC_OK)
        rc =
            tc_pool_init(&fan->rooms, c->mem, name, sizeof(struct tc_fan_room), room_max(fan), err);
    return rc;
}

struct tc_fan *tc_fan_init(const struct tc_fan_conf *conf, struct tc_err *err)
{
    TC_ASSERT(conf->feed_cnt <= TC_SOURCES_MAX && conf->worker < TC_WORKERS_MAX);
    TC_ASSERT(conf->dialect_cnt >= 1 && conf->dialect_cnt <= TC_DIALECTS_MAX);
    struct tc_fan *fan = tc_mem_take(conf->mem, conf->holder, sizeof(*fan), 1, err);
    if (!fan)
        return NULL;
    fan->conf = *conf;
    memcpy(fan->feeds, conf->feeds, sizeof(*conf->feeds) * conf->feed_cnt);
    memcpy(fan->dialects, conf->dialects, sizeof(*conf->dialects) * conf->dialect_cnt);
    fan->conf.feeds = fan->feeds;
    fan->conf.dialects = fan->dialects;
    fan->bit = 1ull << conf->worker;
    fan->all_rooms = fan->parked = TC_NONE;
    fan->touched_first = fan->touched_last = TC_NONE;
    fan->catch_first = fan->catch_last = TC_NONE;
    fan->parked_at_ns = INT64_MAX;
    if (take_tables(fan, err) < 0 || take_turn(fan, err) < 0 || tc_fan_names_init(fan, err) < 0)
        return NULL;
    return fan;
}

const struct tc_fan_stats *tc_fan_stats(const struct tc_fan *fan)
{
    return &fan->stats;
}

size_t tc_fan_conn_bytes(void)
{
    return sizeof(struct tc_fan_conn);
}

size_t tc_fan_member_bytes(void)
{
    return sizeof(struct tc_member) + sizeof(struct tc_row) + sizeof(struct tc_plan) +
           2 * sizeof(struct tc_map_cell);
}
