// SPDX-License-Identifier: Apache-2.0
/* Questions about rooms that need no subscription. */
#include "core/fanout/fan_int.h"

static struct tc_str log_name(const struct tc_fan_feed *feed, uint32_t log)
{
    const struct tc_log *l = &feed->logs->logs[log];
    return (struct tc_str){ l->name, l->name_len };
}

static const struct tc_rule *rule_of(const struct tc_fan *fan, uint32_t feed, uint32_t id)
{
    return tc_rule_of(fan->conf.rules, feed, fan->feeds[feed].dir->entries[id].rule);
}

int tc_fan_room_check(const struct tc_fan *fan, struct tc_str name)
{
    uint32_t feed;
    uint32_t id;
    if (tc_room_name_check(name) < 0)
        return -TC_EINVAL;
    return tc_fan_name_find(fan, name, &feed, &id) || tc_fan_name_fits(fan, name) ? TC_OK
                                                                                  : -TC_ENOTFOUND;
}

int tc_fan_newest(struct tc_fan *fan, struct tc_str name, enum tc_form form,
                  struct tc_fan_value *out)
{
    struct tc_bus_event e;
    uint32_t feed = 0;
    uint32_t id = 0;
    uint32_t hops = TC_TURN_HOPS_MAX;
    int rc = tc_fan_room_check(fan, name);
    if (rc < 0)
        return rc;
    if (!tc_fan_name_find(fan, name, &feed, &id))
        return 1;
    const struct tc_bus *bus = fan->feeds[feed].bus;
    rc = tc_bus_newest(bus, id, fan->cursors[feed].seq, &hops, &e);
    if (rc == TC_OK && e.kind == TC_BUS_UPDATE)
        rc = tc_bus_copy(bus, &e, fan->payload);
    else if (rc == TC_OK)
        rc = -TC_ENOTFOUND; /* a tombstone has cleared it */
    if (rc < 0)
        return rc == -TC_ENOTFOUND ? 1 : -TC_EAGAIN;
    const struct tc_rule *rule = rule_of(fan, feed, id);
    struct tc_str payload = { (const char *)fan->payload, e.len };
    payload = tc_fan_convert(fan, rule, form, payload);
    out->log = log_name(&fan->feeds[feed], e.log);
    out->update = (struct tc_update){
        .event = rule->event,
        .room = tc_dir_name(fan->feeds[feed].dir, id),
        .pos = e.pos,
        .prev = e.prev,
        .ts_ms = e.ts_ms,
        .is_snapshot = true,
        .type = rule->type,
        .payload = payload.ptr,
        .len = (uint32_t)payload.len,
    };
    return TC_OK;
}

bool tc_fan_next_room(const struct tc_fan *fan, struct tc_fan_room_at *at,
                      struct tc_fan_room_info *out)
{
    for (; at->feed < fan->conf.feed_cnt; at->feed++, at->idx = 0) {
        const struct tc_fan_feed *feed = &fan->feeds[at->feed];
        if (at->idx >= fan->cursors[at->feed].dir_cnt)
            continue;
        uint32_t id = at->idx++;
        const struct tc_bus_room *head = &feed->bus->rooms[id];
        out->name = tc_dir_name(feed->dir, id);
        out->rule = rule_of(fan, at->feed, id);
        out->pos = atomic_load_explicit(&head->last_pos, memory_order_acquire);
        out->log = log_name(feed, atomic_load_explicit(&head->log, memory_order_acquire));
        return true;
    }
    return false;
}

bool tc_fan_is_ready(const struct tc_fan *fan)
{
    for (uint32_t i = 0; i < fan->conf.feed_cnt; i++) {
        const struct tc_logs *logs = fan->feeds[i].logs;
        if (!tc_logs_is_warm(logs) &&
            atomic_load_explicit(&logs->away_ms, memory_order_acquire) == 0)
            return false;
    }
    return true;
}
