// SPDX-License-Identifier: Apache-2.0
/* Members: their lists and states, subscribe and unsubscribe. */
#include "core/fanout/fan_int.h"

void tc_fan_list_add(struct tc_fan *fan, uint32_t *list, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    if (*list == TC_NONE) {
        m->next = m->prev = idx;
        *list = idx;
        return;
    }
    struct tc_member *first = tc_fan_member(fan, *list);
    m->next = *list;
    m->prev = first->prev;
    tc_fan_member(fan, first->prev)->next = idx;
    first->prev = idx;
}

void tc_fan_list_remove(struct tc_fan *fan, uint32_t *list, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    if (m->next == idx) {
        TC_ASSERT(*list == idx);
        *list = TC_NONE;
        return;
    }
    tc_fan_member(fan, m->prev)->next = m->next;
    tc_fan_member(fan, m->next)->prev = m->prev;
    if (*list == idx)
        *list = m->next;
}

/* ---- rows ---- */

/* A new row at the end of the list. */
static uint32_t row_new(struct tc_fan *fan, uint32_t *head)
{
    uint32_t idx = tc_pool_acquire(&fan->rows);
    TC_ASSERT(idx != TC_NONE); /* there are as many as members */
    struct tc_row *row = tc_fan_row(fan, idx);
    for (uint32_t i = 0; i < TC_ROW_SEATS; i++)
        row->seats[i].conn = TC_NONE;
    if (*head == TC_NONE) {
        row->next = row->prev = *head = idx;
        return idx;
    }
    struct tc_row *first = tc_fan_row(fan, *head);
    row->next = *head;
    row->prev = first->prev;
    tc_fan_row(fan, first->prev)->next = idx;
    first->prev = idx;
    return idx;
}

static void row_free(struct tc_fan *fan, uint32_t *head, uint32_t idx)
{
    const struct tc_row *row = tc_fan_row(fan, idx);
    tc_fan_row(fan, row->prev)->next = row->next;
    tc_fan_row(fan, row->next)->prev = row->prev;
    if (*head == idx)
        *head = row->next == idx ? TC_NONE : row->next;
    tc_pool_release(&fan->rows, idx);
}

static void sit(struct tc_fan *fan, uint32_t *head, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    uint32_t row = *head == TC_NONE ? TC_NONE : tc_fan_row(fan, *head)->prev;
    uint32_t seat = row == TC_NONE ? TC_ROW_SEATS : tc_fan_row_used(tc_fan_row(fan, row));
    if (seat == TC_ROW_SEATS) {
        row = row_new(fan, head);
        seat = 0;
    }
    tc_fan_row(fan, row)->seats[seat].conn = m->conn;
    tc_fan_row(fan, row)->seats[seat].member = idx;
    m->row = row;
    m->seat = seat;
}

/* The last of its row takes its seat. */
static void stand(struct tc_fan *fan, uint32_t *head, const struct tc_member *m)
{
    struct tc_row *row = tc_fan_row(fan, m->row);
    uint32_t last = tc_fan_row_used(row) - 1;
    row->seats[m->seat] = row->seats[last];
    tc_fan_member(fan, row->seats[last].member)->seat = m->seat;
    row->seats[last].conn = TC_NONE;
    if (last == 0)
        row_free(fan, head, m->row);
}

/* ---- states ---- */

void tc_fan_member_detach(struct tc_fan *fan, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    struct tc_fan_conn *c = &fan->conns[m->conn];
    switch (m->state) {
    case TC_MEMBER_HEAD:
        stand(fan, &tc_fan_room(fan, m->room)->head[c->dialect], m);
        fan->dialect_member_cnt[c->dialect]--;
        break;
    case TC_MEMBER_BEHIND:
        tc_fan_list_remove(fan, &c->behind, idx);
        fan->stats.behind_cnt--;
        break;
    default:
        tc_fan_list_remove(fan, &fan->parked, idx);
        fan->stats.parked_cnt--;
        break;
    }
}

void tc_fan_member_to_head(struct tc_fan *fan, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    struct tc_fan_conn *c = &fan->conns[m->conn];
    tc_fan_member_detach(fan, idx);
    m->state = TC_MEMBER_HEAD;
    sit(fan, &tc_fan_room(fan, m->room)->head[c->dialect], idx);
    fan->dialect_member_cnt[c->dialect]++;
}

void tc_fan_member_to_behind(struct tc_fan *fan, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    tc_fan_member_detach(fan, idx);
    fan->stats.behind_total += m->state == TC_MEMBER_HEAD;
    m->state = TC_MEMBER_BEHIND;
    tc_fan_list_add(fan, &fan->conns[m->conn].behind, idx);
    fan->stats.behind_cnt++;
    tc_fan_conn_queue(fan, m->conn);
}

void tc_fan_room_to_behind(struct tc_fan *fan, struct tc_fan_room *room, uint32_t dialect,
                           const struct tc_place *place)
{
    while (room->head[dialect] != TC_NONE) {
        uint32_t member = tc_fan_row(fan, room->head[dialect])->seats[0].member;
        tc_fan_member_to_behind(fan, member);
        tc_fan_member(fan, member)->place = *place;
    }
}

void tc_fan_member_park(struct tc_fan *fan, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    tc_fan_member_detach(fan, idx);
    m->state = TC_MEMBER_PARKED;
    tc_fan_list_add(fan, &fan->parked, idx);
    fan->stats.parked_cnt++;
}

void tc_fan_conn_queue(struct tc_fan *fan, uint32_t conn)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    if (c->is_catching || c->is_blocked || c->plan != TC_PLAN_NONE || c->behind == TC_NONE)
        return;
    c->is_catching = true;
    c->catch_next = TC_NONE;
    if (fan->catch_first == TC_NONE)
        fan->catch_first = conn;
    else
        fan->conns[fan->catch_last].catch_next = conn;
    fan->catch_last = conn;
    fan->catch_cnt++;
}

void tc_fan_subs_free(struct tc_fan *fan, struct tc_member *m)
{
    while (m->sub != TC_NONE) {
        uint32_t next = ((struct tc_sub *)tc_pool_at(&fan->subs, m->sub))->next;
        tc_pool_release(&fan->subs, m->sub);
        m->sub = next;
    }
}

/* ---- (connection, room) -> member ---- */

struct member_key {
    uint32_t conn;
    uint32_t room;
};

static uint64_t member_hash(uint32_t conn, uint32_t room)
{
    uint64_t x = ((uint64_t)conn << 32 | room) * 0x9e3779b97f4a7c15ull;
    return x ^ x >> 32;
}

static bool member_has_key(const void *ctx, uint32_t value, const void *key)
{
    const struct tc_member *m = tc_fan_member(ctx, value);
    const struct member_key *k = key;
    return m->conn == k->conn && m->room == k->room;
}

uint32_t tc_fan_member_find(const struct tc_fan *fan, uint32_t conn, uint32_t room)
{
    struct member_key key = { conn, room };
    return tc_map_find(&fan->member_map, member_hash(conn, room), member_has_key, fan, &key);
}

static void member_free(struct tc_fan *fan, uint32_t idx)
{
    struct tc_member *m = tc_fan_member(fan, idx);
    struct tc_fan_conn *c = &fan->conns[m->conn];
    uint32_t room = m->room;
    tc_fan_member_detach(fan, idx);
    tc_fan_subs_free(fan, m);
    if (m->conn_prev == TC_NONE)
        c->members = m->conn_next;
    else
        tc_fan_member(fan, m->conn_prev)->conn_next = m->conn_next;
    if (m->conn_next != TC_NONE)
        tc_fan_member(fan, m->conn_next)->conn_prev = m->conn_prev;
    c->member_cnt--;
    fan->stats.member_cnt--;
    tc_map_remove(&fan->member_map, member_hash(m->conn, room), idx);
    tc_pool_release(&fan->members, idx);
    tc_fan_room(fan, room)->member_cnt--;
    tc_fan_room_release(fan, room);
}

static uint32_t member_new(struct tc_fan *fan, uint32_t conn, uint32_t room)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    uint32_t idx = tc_pool_acquire(&fan->members);
    if (idx == TC_NONE)
        return idx;
    if (tc_map_add(&fan->member_map, member_hash(conn, room), idx) < 0) {
        tc_pool_release(&fan->members, idx);
        return TC_NONE;
    }
    struct tc_member *m = tc_fan_member(fan, idx);
    memset(m, 0, sizeof(*m));
    m->conn = conn;
    m->room = room;
    m->sub = TC_NONE;
    m->place.pos = -1;
    m->place.log = TC_FAN_NO_LOG;
    m->conn_prev = TC_NONE;
    m->conn_next = c->members;
    if (c->members != TC_NONE)
        tc_fan_member(fan, c->members)->conn_prev = idx;
    c->members = idx;
    c->member_cnt++;
    tc_fan_room(fan, room)->member_cnt++;
    fan->stats.member_cnt++;
    m->state = TC_MEMBER_BEHIND;
    tc_fan_list_add(fan, &c->behind, idx);
    fan->stats.behind_cnt++;
    return idx;
}

static void sub_fill(struct tc_sub *s, const struct tc_fan_wish *wish, int64_t now_ns)
{
    memset(s, 0, sizeof(*s));
    s->has_id = wish->id.ptr != NULL;
    s->id_len = (uint8_t)wish->id.len;
    if (wish->id.len)
        memcpy(s->id, wish->id.ptr, wish->id.len);
    s->is_snapshot = wish->is_snapshot;
    s->since_ns = now_ns;
    s->next = TC_NONE;
    if (wish->from.log.ptr) {
        s->has_from = true;
        /* no log has so long a name: it stays empty, which none has either */
        s->log_len = wish->from.log.len < TC_LOG_NAME_MAX ? (uint16_t)wish->from.log.len : 0;
        memcpy(s->log, wish->from.log.ptr, s->log_len);
        s->pos = wish->from.pos;
        s->ts_ms = wish->from.ts_ms;
    }
}

/* A second confirmation of a subscription that stands: where its member is. */
static size_t confirm_again(struct tc_fan *fan, uint32_t idx, struct tc_str id, uint8_t *reply)
{
    const struct tc_member *m = tc_fan_member(fan, idx);
    const struct tc_fan_room *room = tc_fan_room(fan, m->room);
    bool is_head = m->state == TC_MEMBER_HEAD;
    struct tc_notice n = { .kind = TC_NOTICE_CONFIRMED, .id = id };
    n.room = tc_fan_room_name(fan, room);
    if (is_head)
        tc_fan_confirm_fill(fan, room, room->last_pos,
                            room->has_event ? room->last_log : TC_FAN_NO_LOG, &n);
    else
        tc_fan_confirm_fill(fan, room, m->place.pos, m->place.log, &n);
    return fan->dialects[fan->conns[m->conn].dialect]->notice(&n, reply);
}

/* The member of (conn, room), made if it is new. */
static int member_open(struct tc_fan *fan, uint32_t conn, uint32_t room, uint32_t *out)
{
    *out = tc_fan_member_find(fan, conn, room);
    if (*out != TC_NONE)
        return TC_OK;
    if (fan->conns[conn].member_cnt >= fan->conf.conn_rooms_max)
        return -TC_ELIMIT;
    *out = member_new(fan, conn, room);
    return *out == TC_NONE ? -TC_ENOMEM : TC_OK;
}

int tc_fan_subscribe(struct tc_fan *fan, uint32_t conn, const struct tc_fan_wish *wish,
                     int64_t now_ns, uint8_t *reply, size_t *reply_len)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    uint32_t room = TC_NONE;
    uint32_t idx = TC_NONE;
    TC_ASSERT(c->is_open && c->plan == TC_PLAN_NONE && wish->id.len <= TC_CMD_ID_MAX + 2);
    int rc = tc_fan_room_open(fan, wish->room, &room);
    if (rc < 0)
        return rc;
    rc = member_open(fan, conn, room, &idx);
    if (rc < 0) {
        tc_fan_room_release(fan, room);
        return rc;
    }
    struct tc_member *m = tc_fan_member(fan, idx);
    if (m->is_confirmed) {
        *reply_len = confirm_again(fan, idx, wish->id, reply);
        return 1;
    }
    uint32_t *at = &m->sub;
    uint32_t cnt = 0;
    for (; *at != TC_NONE; cnt++)
        at = &((struct tc_sub *)tc_pool_at(&fan->subs, *at))->next;
    uint32_t sub = cnt < TC_FAN_SUBS_MAX ? tc_pool_acquire(&fan->subs) : TC_NONE;
    if (sub == TC_NONE) {
        if (m->sub == TC_NONE)
            member_free(fan, idx);
        return -TC_ENOMEM;
    }
    sub_fill(tc_pool_at(&fan->subs, sub), wish, now_ns);
    *at = sub;
    tc_fan_conn_queue(fan, conn);
    return TC_OK;
}

/* Takes the oldest subscription that is not confirmed away from its member. */
static void withdraw(struct tc_fan *fan, struct tc_member *m, char text[TC_CMD_ID_MAX + 2],
                     struct tc_str *id)
{
    uint32_t idx = m->sub;
    const struct tc_sub *s = tc_pool_at(&fan->subs, idx);
    memcpy(text, s->id, s->id_len);
    *id = (struct tc_str){ s->has_id ? text : NULL, s->id_len };
    m->sub = s->next;
    tc_pool_release(&fan->subs, idx);
}

int tc_fan_unsubscribe(struct tc_fan *fan, uint32_t conn, struct tc_str name,
                       char text[TC_CMD_ID_MAX + 2], struct tc_str *id)
{
    uint32_t room = tc_fan_room_find(fan, name);
    uint32_t idx = room == TC_NONE ? TC_NONE : tc_fan_member_find(fan, conn, room);
    if (idx == TC_NONE)
        return -TC_ENOTFOUND;
    struct tc_fan_piece tail;
    if (fan->conns[conn].plan != TC_PLAN_NONE)
        tc_fan_settle(fan, conn, 0, false, &tail);
    struct tc_member *m = tc_fan_member(fan, idx);
    if (id && m->sub != TC_NONE) {
        withdraw(fan, m, text, id);
        return 1;
    }
    member_free(fan, idx);
    return TC_OK;
}

void tc_fan_conn_open(struct tc_fan *fan, uint32_t conn, uint32_t dialect)
{
    TC_ASSERT(conn < fan->conf.conn_max && dialect < fan->conf.dialect_cnt);
    struct tc_fan_conn *c = &fan->conns[conn];
    TC_ASSERT(!c->is_open);
    /* the slot's last connection may still stand in a queue: its links stay */
    c->members = c->behind = TC_NONE;
    tc_fan_unplan(c);
    c->member_cnt = 0;
    c->dialect = (uint8_t)dialect;
    c->is_open = true;
    c->is_blocked = false;
}

void tc_fan_conn_close(struct tc_fan *fan, uint32_t conn)
{
    struct tc_fan_conn *c = &fan->conns[conn];
    while (c->is_open && c->members != TC_NONE)
        member_free(fan, c->members);
    tc_fan_unplan(c);
    c->is_open = false;
}

uint32_t tc_fan_conn_room_cnt(const struct tc_fan *fan, uint32_t conn)
{
    return fan->conns[conn].is_open ? fan->conns[conn].member_cnt : 0;
}

bool tc_fan_is_planned(const struct tc_fan *fan, uint32_t conn)
{
    return fan->conns[conn].is_open && fan->conns[conn].plan != TC_PLAN_NONE;
}

void tc_fan_conn_blocked(struct tc_fan *fan, uint32_t conn)
{
    fan->conns[conn].is_blocked = true;
}

void tc_fan_conn_writable(struct tc_fan *fan, uint32_t conn)
{
    fan->conns[conn].is_blocked = false;
    tc_fan_conn_queue(fan, conn);
}
