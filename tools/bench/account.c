// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "core/mem/mem.h"
#include "tools/bench/load.h"

/* Slow connections lie evenly among the others. */
static bool is_slow(const struct tc_load_conf *conf, uint64_t idx)
{
    return (idx + 1) * conf->slow_cnt / conf->conn_cnt > idx * conf->slow_cnt / conf->conn_cnt;
}

void tc_load_account_init(struct tc_load *load)
{
    const struct tc_load_conf *conf = load->conf;
    uint32_t cnt = load->conn_cnt + load->churn_cnt;
    uint64_t room_cnt = conf->room_cnt;
    load->follow_cnt = (uint32_t)conf->follow_cnt;
    load->conns = tc_alloc(TC_MAX(cnt, 1u) * sizeof(*load->conns));
    load->again = tc_alloc(TC_MAX(cnt, 1u) * sizeof(*load->again));
    load->states = tc_alloc(TC_MAX(cnt * load->dialect->state_bytes, 1u));
    load->last = tc_alloc(TC_MAX(cnt, 1u) * load->follow_cnt * sizeof(*load->last));
    load->rooms = tc_alloc(room_cnt * sizeof(*load->rooms));
    for (uint64_t i = 0; i < room_cnt; i++)
        load->rooms[i].max = -1;
    for (uint64_t i = 0; i < (uint64_t)cnt * load->follow_cnt; i++)
        load->last[i] = -1;
    for (uint32_t i = 0; i < cnt; i++) {
        struct tc_load_conn *c = &load->conns[i];
        uint64_t idx = load->conn_first + i;
        c->fd = -1;
        c->is_churn = i >= load->conn_cnt;
        c->first_room = (uint32_t)(idx * conf->follow_cnt % room_cnt);
        c->is_measured = !c->is_churn && !is_slow(conf, idx);
        c->is_timed = c->is_measured && idx % TC_LOAD_TIMED_EVERY == 0;
        for (uint32_t sub = 0; c->is_measured && sub < load->follow_cnt; sub++)
            load->rooms[tc_load_room(load, c, sub)].member_cnt++;
    }
}

/* ---- what a dialect needs ---- */

void *tc_load_state(struct tc_load *load, struct tc_load_conn *c)
{
    return load->states + tc_load_idx(load, c) * load->dialect->state_bytes;
}

const char *tc_load_host(const struct tc_load *load)
{
    return tc_load_target(load)->host;
}

size_t tc_load_room_name(const struct tc_load *load, const struct tc_load_conn *c, uint32_t sub,
                         char *out, size_t cap)
{
    const struct tc_load_conf *conf = load->conf;
    uint32_t room = tc_load_room(load, c, sub);
    int len = conf->room_names != NULL ? snprintf(out, cap, "%s", conf->room_names[room])
                                       : snprintf(out, cap, "%s%u", conf->room_prefix, room);
    TC_ASSERT(len > 0 && (size_t)len < cap);
    return (size_t)len;
}

/* Number of a room whose name is PREFIX<number>; TC_NONE: it is not. */
static uint32_t number_of(const struct tc_load_conf *conf, const char *name, size_t len)
{
    size_t at = strlen(conf->room_prefix);
    uint64_t number = 0;
    if (len <= at || len > at + 9 || memcmp(name, conf->room_prefix, at) != 0)
        return TC_NONE;
    for (; at < len; at++) {
        if (name[at] < '0' || name[at] > '9')
            return TC_NONE;
        number = number * 10 + (uint64_t)(name[at] - '0');
    }
    return number < conf->room_cnt ? (uint32_t)number : TC_NONE;
}

uint32_t tc_load_sub_of(const struct tc_load *load, const struct tc_load_conn *c, const char *name,
                        size_t len)
{
    const struct tc_load_conf *conf = load->conf;
    if (conf->room_names != NULL) {
        for (uint32_t sub = 0; sub < load->follow_cnt; sub++)
            if (tc_str_eq((struct tc_str){ name, len },
                          tc_str_from(conf->room_names[tc_load_room(load, c, sub)])))
                return sub;
        return TC_NONE;
    }
    uint32_t room = number_of(conf, name, len);
    if (room == TC_NONE)
        return TC_NONE;
    uint32_t sub = room >= c->first_room ? room - c->first_room
                                         : room + (uint32_t)conf->room_cnt - c->first_room;
    return sub < load->follow_cnt ? sub : TC_NONE;
}

/* ---- what a dialect says ---- */

void tc_load_greeted(struct tc_load *load, struct tc_load_conn *c)
{
    const struct tc_load_conf *conf = load->conf;
    bool is_streams = load->dialect->has_streams;
    uint32_t cnt = load->follow_cnt;
    load->open_cnt++;
    if (c->is_churn || conf->is_idle) /* idle: only what --streams says is asked for */
        cnt = !c->is_churn && is_streams ? (uint32_t)conf->streams : 0;
    c->asked_cnt = (uint16_t)cnt;
    if (cnt == 0) {
        c->is_ready = true;
        load->ready_cnt++;
    } else if (conf->is_idle) {
        for (uint32_t i = 0; i < cnt; i++)
            load->dialect->subscribe(load, c, i % load->follow_cnt, 1);
    } else {
        load->dialect->subscribe(load, c, 0, cnt);
    }
}

void tc_load_confirmed(struct tc_load *load, struct tc_load_conn *c, uint32_t cnt)
{
    if (c->is_churn) {
        load->counts.unexpected += !c->is_pending;
        c->is_pending = false;
        return;
    }
    if (c->is_ready || c->confirmed_cnt + cnt > c->asked_cnt) {
        load->counts.unexpected++;
        return;
    }
    c->confirmed_cnt = (uint16_t)(c->confirmed_cnt + cnt);
    c->is_ready = c->confirmed_cnt == c->asked_cnt;
    load->ready_cnt += c->is_ready;
}

void tc_load_left(struct tc_load *load, struct tc_load_conn *c)
{
    load->counts.unexpected += !c->is_churn || !c->is_pending;
    c->is_pending = false;
}

/* The room's newest position and who has seen it, as this connection goes from `last` to `pos`.
 * True: it is the first to see it. */
static bool move_on(struct tc_load *load, struct tc_load_room *room, int64_t last, int64_t pos)
{
    bool is_new = pos > room->max;
    bool was_at_max = last >= 0 && last == room->max;
    bool was_behind = last >= 0 && last < room->max;
    if (is_new) {
        load->behind_cnt += room->at_max_cnt - was_at_max;
        room->max = pos;
        room->at_max_cnt = 1;
    } else if (pos == room->max) {
        room->at_max_cnt += !was_at_max;
    } else {
        load->behind_cnt += last < 0;
        return false;
    }
    load->behind_cnt -= was_behind;
    return is_new;
}

void tc_load_update_at(struct tc_load *load, struct tc_load_conn *c, uint32_t sub, int64_t pos,
                       int64_t prev, const char *payload, size_t len)
{
    if (!c->is_measured)
        return;
    int64_t *last = &load->last[tc_load_idx(load, c) * load->follow_cnt + sub];
    if (TC_UNLIKELY(*last >= 0 && !(prev <= *last && *last < pos)))
        load->counts.broken++;
    if (TC_LIKELY(pos > *last)) {
        struct tc_load_room *room = &load->rooms[tc_load_room(load, c, sub)];
        if (move_on(load, room, *last, pos))
            load->counts.expected += room->member_cnt;
        *last = pos;
    }
    load->counts.deliveries++;
    if (load->now_ns > 0) {
        int64_t sent_ns = tc_load_find_time(&load->places, payload, len);
        if (sent_ns > load->now_ns)
            load->counts.late++;
        else if (sent_ns > 0)
            tc_hist_record(&load->slot->latency, (uint64_t)(load->now_ns - sent_ns));
    }
}

void tc_load_update(struct tc_load *load, struct tc_load_conn *c, uint32_t sub, const char *text,
                    size_t len)
{
    int64_t pos = 0;
    int64_t prev = 0;
    size_t end = 0;
    if (TC_LIKELY(tc_load_find_update(&load->places, text, len, &pos, &prev, &end)))
        tc_load_update_at(load, c, sub, pos, prev, text + end, len - end);
    else
        tc_load_unexpected(load, c, text, len);
}

void tc_load_update_of(struct tc_load *load, struct tc_load_conn *c, struct tc_str key,
                       const char *text, size_t len)
{
    struct tc_str room = tc_load_find_text(text, len, key);
    uint32_t sub = room.ptr != NULL ? tc_load_sub_of(load, c, room.ptr, room.len) : TC_NONE;
    if (TC_LIKELY(sub != TC_NONE))
        tc_load_update(load, c, sub, text, len);
    else
        tc_load_unexpected(load, c, text, len);
}

void tc_load_skipped(struct tc_load *load, struct tc_load_conn *c, uint32_t sub, int64_t pos,
                     uint64_t skipped)
{
    if (!c->is_measured)
        return;
    int64_t *last = &load->last[tc_load_idx(load, c) * load->follow_cnt + sub];
    load->counts.notices++;
    load->counts.skipped += skipped;
    if (pos > *last) {
        (void)move_on(load, &load->rooms[tc_load_room(load, c, sub)], *last, pos);
        *last = pos;
    }
}

void tc_load_unexpected(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    (void)c;
    if (load->counts.unexpected++ == 0)
        fprintf(stderr, "%s: unexpected: %.*s\n", load->conf->program, (int)TC_MIN(len, 400u),
                text);
}
