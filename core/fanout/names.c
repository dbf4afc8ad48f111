// SPDX-License-Identifier: Apache-2.0
/* Names to rooms: rooms of the directories, and names that wait for their first record.
 *
 * Values of name_map: feed << 28 | room id, or WAITING | index of the fan room. */
#include <stdio.h>

#include "core/fanout/fan_int.h"

#define WAITING 0x80000000u
enum { FEED_SHIFT = 28, SYNC_MAX = 4096 };
#define ID_MASK ((1u << FEED_SHIFT) - 1)
_Static_assert(TC_SOURCES_MAX <= 8, "a feed is three bits of a name's value");

struct name {
    char text[TC_ROOM_NAME_MAX];
    uint32_t len;
};

int tc_fan_names_init(struct tc_fan *fan, struct tc_err *err)
{
    char holder[TC_MEM_NAME_MAX];
    const struct tc_fan_conf *c = &fan->conf;
    uint64_t max = c->waiting_max;
    snprintf(holder, sizeof(holder), "%s: names", c->holder);
    for (uint32_t f = 0; f < c->feed_cnt; f++) {
        uint32_t rooms = fan->feeds[f].dir->max;
        TC_ASSERT(rooms <= ID_MASK);
        max += rooms;
        fan->cursors[f].room_of = tc_mem_take(c->mem, holder, sizeof(uint32_t), rooms, err);
        if (!fan->cursors[f].room_of)
            return -TC_ENOMEM;
        memset(fan->cursors[f].room_of, 0xff, sizeof(uint32_t) * rooms);
    }
    int rc = tc_pool_init(&fan->names, c->mem, holder, sizeof(struct name), c->waiting_max, err);
    return rc < 0 ? rc : tc_map_init(&fan->name_map, (uint32_t)max, c->mem, holder, err);
}

static struct tc_str value_name(const struct tc_fan *fan, uint32_t value)
{
    if (value & WAITING)
        return tc_fan_room_name(fan, tc_fan_room(fan, value & ~WAITING));
    return tc_dir_name(fan->feeds[value >> FEED_SHIFT].dir, value & ID_MASK);
}

static bool value_has_name(const void *ctx, uint32_t value, const void *key)
{
    return tc_str_eq(value_name(ctx, value), *(const struct tc_str *)key);
}

static uint64_t name_hash(const struct tc_fan *fan, struct tc_str name)
{
    return tc_hash(&fan->conf.key, name.ptr, name.len);
}

static uint32_t find_value(const struct tc_fan *fan, struct tc_str name, uint64_t hash)
{
    return tc_map_find(&fan->name_map, hash, value_has_name, fan, &name);
}

struct tc_str tc_fan_room_name(const struct tc_fan *fan, const struct tc_fan_room *room)
{
    if (room->feed != TC_NONE)
        return tc_dir_name(fan->feeds[room->feed].dir, room->id);
    const struct name *n = tc_pool_at(&fan->names, room->name_idx);
    return (struct tc_str){ n->text, n->len };
}

static void bind(struct tc_fan *fan, uint32_t idx, uint32_t feed, uint32_t id)
{
    struct tc_fan_room *room = tc_fan_room(fan, idx);
    room->feed = feed;
    room->id = id;
    fan->cursors[feed].room_of[id] = idx;
    atomic_fetch_or(&fan->feeds[feed].bus->interest[id], fan->bit);
}

bool tc_fan_names_sync(struct tc_fan *fan, uint32_t feed)
{
    struct tc_fan_cursor *cur = &fan->cursors[feed];
    const struct tc_dir *dir = fan->feeds[feed].dir;
    uint32_t cnt = tc_dir_cnt(dir);
    uint32_t to = TC_MIN(cnt, cur->dir_cnt + SYNC_MAX);
    for (; cur->dir_cnt < to; cur->dir_cnt++) {
        struct tc_str name = tc_dir_name(dir, cur->dir_cnt);
        uint64_t hash = name_hash(fan, name);
        uint32_t value = find_value(fan, name, hash);
        if (value != TC_NONE && !(value & WAITING))
            continue; /* another source has it: refused by the configuration check */
        if (value != TC_NONE) {
            struct tc_fan_room *room = tc_fan_room(fan, value & ~WAITING);
            uint32_t name_idx = room->name_idx;
            tc_map_remove(&fan->name_map, hash, value);
            bind(fan, value & ~WAITING, feed, cur->dir_cnt);
            room->is_located = true; /* nothing of it was read so far, and all will be */
            tc_pool_release(&fan->names, name_idx);
            fan->stats.waiting_cnt--;
        }
        int rc = tc_map_add(&fan->name_map, hash, feed << FEED_SHIFT | cur->dir_cnt);
        TC_ASSERT(rc == TC_OK);
    }
    return cur->dir_cnt == cnt;
}

static uint32_t room_new(struct tc_fan *fan)
{
    uint32_t idx = tc_pool_acquire(&fan->rooms);
    if (idx == TC_NONE)
        return idx;
    struct tc_fan_room *room = tc_fan_room(fan, idx);
    memset(room, 0, sizeof(*room));
    room->feed = TC_NONE;
    room->turn_first = TC_NONE;
    room->last_pos = -1;
    for (uint32_t d = 0; d < TC_DIALECTS_MAX; d++)
        room->head[d] = TC_NONE;
    room->all_prev = TC_NONE;
    room->all_next = fan->all_rooms;
    if (fan->all_rooms != TC_NONE)
        tc_fan_room(fan, fan->all_rooms)->all_prev = idx;
    fan->all_rooms = idx;
    fan->stats.room_cnt++;
    return idx;
}

/* The first rule that the name fits; rules->cnt: none. */
static uint32_t rule_of_name(const struct tc_rules *rules, struct tc_str name)
{
    uint32_t rule = 0;
    while (rule < rules->cnt &&
           !tc_template_matches(&rules->rules[rule].room, rules->rules[rule].topic, name))
        rule++;
    return rule;
}

bool tc_fan_name_fits(const struct tc_fan *fan, struct tc_str name)
{
    return rule_of_name(fan->conf.rules, name) < fan->conf.rules->cnt;
}

static int open_waiting(struct tc_fan *fan, struct tc_str name, uint64_t hash, uint32_t *out)
{
    uint32_t rule = rule_of_name(fan->conf.rules, name);
    if (rule == fan->conf.rules->cnt)
        return -TC_ENOTFOUND;
    uint32_t name_idx = tc_pool_acquire(&fan->names);
    if (name_idx == TC_NONE)
        return -TC_ENOMEM;
    uint32_t idx = room_new(fan);
    if (idx == TC_NONE || tc_map_add(&fan->name_map, hash, WAITING | idx) < 0) {
        tc_pool_release(&fan->names, name_idx);
        return -TC_ENOMEM;
    }
    struct name *n = tc_pool_at(&fan->names, name_idx);
    memcpy(n->text, name.ptr, name.len);
    n->len = (uint32_t)name.len;
    struct tc_fan_room *room = tc_fan_room(fan, idx);
    room->name_idx = name_idx;
    room->rule = rule;
    fan->stats.waiting_cnt++;
    *out = idx;
    return TC_OK;
}

int tc_fan_room_open(struct tc_fan *fan, struct tc_str name, uint32_t *out)
{
    if (tc_room_name_check(name) < 0)
        return -TC_EINVAL;
    uint64_t hash = name_hash(fan, name);
    uint32_t value = find_value(fan, name, hash);
    if (value == TC_NONE)
        return open_waiting(fan, name, hash, out);
    if (value & WAITING) {
        *out = value & ~WAITING;
        return TC_OK;
    }
    uint32_t feed = value >> FEED_SHIFT;
    uint32_t id = value & ID_MASK;
    *out = fan->cursors[feed].room_of[id];
    if (*out != TC_NONE)
        return TC_OK;
    *out = room_new(fan);
    if (*out == TC_NONE)
        return -TC_ENOMEM;
    tc_fan_room(fan, *out)->rule =
        fan->conf.rules->first[feed] + fan->feeds[feed].dir->entries[id].rule;
    bind(fan, *out, feed, id);
    return TC_OK;
}

bool tc_fan_name_find(const struct tc_fan *fan, struct tc_str name, uint32_t *feed, uint32_t *id)
{
    uint32_t value = find_value(fan, name, name_hash(fan, name));
    if (value == TC_NONE || value & WAITING)
        return false;
    *feed = value >> FEED_SHIFT;
    *id = value & ID_MASK;
    return true;
}

uint32_t tc_fan_room_find(const struct tc_fan *fan, struct tc_str name)
{
    if (name.len == 0 || name.len > TC_ROOM_NAME_MAX)
        return TC_NONE;
    uint32_t value = find_value(fan, name, name_hash(fan, name));
    if (value == TC_NONE)
        return TC_NONE;
    if (value & WAITING)
        return value & ~WAITING;
    return fan->cursors[value >> FEED_SHIFT].room_of[value & ID_MASK];
}

void tc_fan_room_release(struct tc_fan *fan, uint32_t idx)
{
    struct tc_fan_room *room = tc_fan_room(fan, idx);
    if (room->member_cnt)
        return;
    if (room->feed == TC_NONE) {
        tc_map_remove(&fan->name_map, name_hash(fan, tc_fan_room_name(fan, room)), WAITING | idx);
        tc_pool_release(&fan->names, room->name_idx);
        fan->stats.waiting_cnt--;
    } else {
        fan->cursors[room->feed].room_of[room->id] = TC_NONE;
        atomic_fetch_and(&fan->feeds[room->feed].bus->interest[room->id], ~fan->bit);
    }
    if (room->all_prev == TC_NONE)
        fan->all_rooms = room->all_next;
    else
        tc_fan_room(fan, room->all_prev)->all_next = room->all_next;
    if (room->all_next != TC_NONE)
        tc_fan_room(fan, room->all_next)->all_prev = room->all_prev;
    tc_pool_release(&fan->rooms, idx);
    fan->stats.room_cnt--;
}

/* The newest event has left the ring: what the room's head still says of it. false: it has a newer
 * one by now. */
static bool locate_evicted(struct tc_fan_room *room, const struct tc_bus_room *head, uint64_t seq)
{
    room->last_pos = atomic_load_explicit(&head->last_pos, memory_order_acquire);
    room->last_log = (uint16_t)atomic_load_explicit(&head->log, memory_order_acquire);
    room->last_ord = atomic_load_explicit(&head->ord, memory_order_acquire);
    room->last_sum = atomic_load_explicit(&head->sum_bytes, memory_order_acquire);
    return atomic_load_explicit(&head->last_seq, memory_order_acquire) == seq;
}

/* The newest update or tombstone at the cursor. */
static bool locate_data(struct tc_fan *fan, struct tc_fan_room *room, uint64_t cursor)
{
    struct tc_bus_event e;
    const struct tc_bus *bus = fan->feeds[room->feed].bus;
    int rc = tc_bus_newest(bus, room->id, cursor, &fan->hops, &e);
    if (rc == -TC_EAGAIN)
        return false;
    room->last_data_seq = rc == TC_OK ? e.seq : 0;
    room->last_data_pos = rc == TC_OK ? e.pos : -1;
    return true;
}

bool tc_fan_room_locate(struct tc_fan *fan, struct tc_fan_room *room)
{
    struct tc_bus_event e;
    if (room->is_located || room->feed == TC_NONE)
        return true;
    const struct tc_bus *bus = fan->feeds[room->feed].bus;
    const struct tc_bus_room *head = &bus->rooms[room->id];
    uint64_t c = fan->cursors[room->feed].seq;
    uint64_t seq = atomic_load_explicit(&head->last_seq, memory_order_acquire);
    while (seq > c) {
        if (!fan->hops || tc_bus_read(bus, seq, &e) < 0)
            return false;
        fan->hops--;
        seq = e.prev_seq;
    }
    room->has_event = seq != 0;
    room->last_seq = seq;
    if (seq) {
        if (tc_bus_read(bus, seq, &e) == TC_OK) {
            room->last_pos = e.pos;
            room->last_log = e.log;
            room->last_ord = e.ord;
            room->last_sum = e.sum_bytes;
        } else if (!locate_evicted(room, head, seq)) {
            return false;
        }
        if (!locate_data(fan, room, c))
            return false;
    }
    room->is_located = true;
    /* its log may be another than before */
    fan->is_state_dirty |= room->is_stale != (tc_fan_room_stale_ms(fan, room) != 0);
    return true;
}

bool tc_fan_is_warm(struct tc_fan *fan, const struct tc_fan_feed *feed)
{
    struct tc_fan_cursor *cur = &fan->cursors[feed - fan->feeds];
    if (!cur->is_warm)
        cur->is_warm = tc_logs_is_warm(feed->logs);
    return cur->is_warm;
}

bool tc_fan_is_replaced(const struct tc_logs *logs, uint32_t log)
{
    uint32_t cnt = atomic_load_explicit(&logs->cnt, memory_order_acquire);
    for (uint32_t i = log + 1; i < cnt; i++) {
        if (logs->logs[i].replaces == log)
            return true;
    }
    return false;
}

int64_t tc_fan_room_stale_ms(const struct tc_fan *fan, const struct tc_fan_room *room)
{
    const struct tc_fan_feed *feed = tc_fan_feed_of(fan, room);
    bool is_warm = fan->cursors[feed - fan->feeds].is_warm || tc_logs_is_warm(feed->logs);
    int64_t away_ms = atomic_load_explicit(&feed->logs->away_ms, memory_order_acquire);
    if (away_ms)
        return away_ms;
    if (room->feed == TC_NONE || !room->has_event) {
        /* its records may be in the part that is not read */
        int64_t trouble_ms = atomic_load_explicit(&feed->logs->trouble_ms, memory_order_acquire);
        return trouble_ms || is_warm ? trouble_ms : fan->conf.start_ms;
    }
    const struct tc_log *log = &feed->logs->logs[room->last_log];
    if (!is_warm && !atomic_load_explicit(&log->is_caught_up, memory_order_acquire))
        return fan->conf.start_ms;
    return atomic_load_explicit(&log->stale_ms, memory_order_acquire);
}

/* What the shorthand for this room would name: "BTCUSDT" of ticker-BTCUSDT. */
static struct tc_str symbol_of(struct tc_str name)
{
    const char *dash = memchr(name.ptr, '-', name.len);
    if (!dash)
        return (struct tc_str){ NULL, 0 };
    return (struct tc_str){ dash + 1, name.len - (size_t)(dash + 1 - name.ptr) };
}

void tc_fan_confirm_fill(const struct tc_fan *fan, const struct tc_fan_room *room, int64_t pos,
                         uint32_t log, struct tc_notice *n)
{
    n->room = tc_fan_room_name(fan, room);
    n->pos = -1;
    n->symbol = symbol_of(n->room);
    if (log != TC_FAN_NO_LOG) {
        const struct tc_log *l = &tc_fan_feed_of(fan, room)->logs->logs[log];
        n->log = (struct tc_str){ l->name, l->name_len };
        n->pos = pos;
    }
}
