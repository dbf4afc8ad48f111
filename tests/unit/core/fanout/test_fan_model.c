// SPDX-License-Identifier: Apache-2.0
/* Goal: whatever rooms, clients, sockets and laps do, no client ever has a hole that it was not
 * told of exactly, a duplicate, or two events in wrong order; in the end all are where their rooms
 * are, and nothing is left when they have gone. Seeded: M_SEED=n runs that seed alone. */
#include "tests/unit/core/fanout/model.h"

#include <malloc.h>

#include "core/fanout/fan_int.h"

#ifdef TC_SANITIZED
enum { SEEDS = 500 };
#else
enum { SEEDS = 4000 };
#endif
enum { STEPS = 60 };

static uint32_t rnd(struct model *m, uint32_t below)
{
    m->rng ^= m->rng << 13;
    m->rng ^= m->rng >> 7;
    m->rng ^= m->rng << 17;
    return (uint32_t)((m->rng >> 20) % below);
}

static bool one_in(struct model *m, uint32_t n)
{
    return rnd(m, n) == 0;
}

/* ---- the writer ---- */

/* Next position of the log, with holes as other rooms' records and transactions leave them. */
static int64_t take_pos(struct model *m, uint32_t feed, int log)
{
    struct m_log_state *l = &m->logs[feed][log];
    l->next_pos += 1 + rnd(m, 3);
    return l->next_pos - 1;
}

static void put(struct model *m, struct m_room *r, uint8_t kind, uint8_t aux, int log, int64_t pos,
                int64_t gap_from)
{
    char payload[64];
    struct m_event *e = &r->events[r->cnt];
    bool is_new;
    uint32_t len = kind == TC_BUS_UPDATE ? 5 + rnd(m, one_in(m, 4) ? 58 : 10) : 0;
    memset(payload, 'x', sizeof(payload));
    M_CHECK(m, r->cnt < M_EVENTS, "too many events");
    payload[snprintf(payload, 8, "%u", r->cnt)] = 'x';
    struct tc_bus_put p = {
        .room = tc_dir_intern(&m->fx.dir[r->feed], tc_str_from(r->name), 0, &is_new),
        .log = (uint16_t)log,
        .kind = kind,
        .aux = aux,
        .pos = pos,
        .gap_from = gap_from,
        .ts_ms = M_TS + r->cnt,
        .ingest_ns = m->fx.now_ns,
        .payload = payload,
        .len = len,
    };
    int64_t prev = r->cnt ? r->events[r->cnt - 1].pos : -1;
    if (kind == TC_BUS_GAP)
        prev = gap_from;
    if (kind == TC_BUS_MOVED)
        prev = -1;
    *e = (struct m_event){ kind, aux, log, pos, prev, len, m_ord(r, r->cnt) };
    e->ord += m_is_data(e);
    r->cnt++;
    r->log = log;
    r->logs_entered |= 1u << log;
    tc_bus_publish(&m->fx.bus[r->feed], &p);
}

/* Any log of the feed that was not made anew. */
static int any_log(struct model *m, uint32_t feed)
{
    int log;
    do
        log = (int)rnd(m, atomic_load(&m->fx.logs[feed].cnt));
    while (m->logs[feed][log].is_replaced);
    return log;
}

/* As ingest does: never back to where it came from, and here into no log a third time. */
static void move(struct model *m, struct m_room *r)
{
    int log = any_log(m, r->feed);
    bool is_first = r->cnt && r->events[0].log == log;
    if (log == r->log || log == r->prev_log || (!is_first && r->logs_entered >> log & 1))
        return;
    for (uint32_t i = 0; i < r->cnt; i++) {
        if (r->events[i].kind == TC_BUS_MOVED && r->events[i].log == log)
            return;
    }
    r->prev_log = r->log;
    put(m, r, TC_BUS_MOVED, 0, log, -1, 0);
}

static void publish(struct model *m)
{
    struct m_room *r = &m->rooms[rnd(m, m->room_cnt)];
    if (r->log == M_NO_LOG)
        r->log = any_log(m, r->feed);
    else if (one_in(m, 40))
        move(m, r);
    int64_t pos = take_pos(m, r->feed, r->log);
    if (one_in(m, 25))
        put(m, r, TC_BUS_GAP, (uint8_t)rnd(m, 2), r->log, pos, pos - 1);
    else
        put(m, r, one_in(m, 15) ? TC_BUS_TOMBSTONE : TC_BUS_UPDATE, 0, r->log, pos, 0);
}

static void commit(struct model *m)
{
    for (uint32_t f = 0; f < m->fx.options.feed_cnt; f++) {
        fx_commit(&m->fx, f);
        for (uint32_t i = 0; i < atomic_load(&m->fx.logs[f].cnt); i++)
            atomic_store(&m->fx.logs[f].logs[i].next_pos, m->logs[f][i].next_pos);
    }
}

static void burst(struct model *m)
{
    uint32_t cnt = 1 + rnd(m, one_in(m, 6) ? 60 : 6);
    while (cnt--)
        publish(m);
    if (!one_in(m, 10))
        commit(m);
}

/* The log lost a range, or was made anew. */
static void hurt_log(struct model *m)
{
    uint32_t feed = rnd(m, m->fx.options.feed_cnt);
    int old = any_log(m, feed);
    bool is_replaced = one_in(m, 3) && atomic_load(&m->fx.logs[feed].cnt) < FX_LOGS;
    int log = old;
    int64_t from = m->logs[feed][old].next_pos - 1;
    if (is_replaced) {
        log = (int)fx_log(&m->fx, feed, 0, 0, (uint32_t)old);
        atomic_store(&m->fx.logs[feed].logs[log].is_caught_up, true);
        m->logs[feed][old].is_replaced = true;
    }
    if (!is_replaced)
        m->logs[feed][old].next_pos += 7;
    for (uint32_t i = 0; i < m->room_cnt; i++) {
        struct m_room *r = &m->rooms[i];
        if (r->feed != feed || r->log != old || !r->cnt)
            continue;
        if (!is_replaced) {
            put(m, r, TC_BUS_GAP, TC_GAP_RETENTION, log, from + 7, from);
            continue;
        }
        put(m, r, TC_BUS_GAP, TC_GAP_RECREATED, log, -1, -1);
        r->prev_log = M_NO_LOG;
    }
    commit(m);
    if (is_replaced)
        tc_bus_commit(&m->fx.bus[feed], true);
}

static void change_state(struct model *m)
{
    uint32_t feed = rnd(m, m->fx.options.feed_cnt);
    struct tc_logs *logs = &m->fx.logs[feed];
    struct tc_log *log = &logs->logs[rnd(m, atomic_load(&logs->cnt))];
    if (one_in(m, 4))
        atomic_store(&logs->away_ms, atomic_load(&logs->away_ms) ? 0 : 5);
    else
        atomic_store(&log->stale_ms, atomic_load(&log->stale_ms) ? 0 : 6);
    commit(m);
    tc_bus_commit(&m->fx.bus[feed], true);
}

/* ---- clients ---- */

/* Where a client might say that it was. */
static void pick_from(struct model *m, const struct m_room *r, struct tc_fan_wish *wish,
                      struct m_view *v)
{
    struct tc_logs *logs = &m->fx.logs[r->feed];
    struct tc_fan_from *from = &wish->from;
    from->ts_ms = -1;
    if (one_in(m, 15)) {
        from->log = TC_STR("s0/t/99@7");
        from->pos = rnd(m, 50);
        v->from_log = M_UNKNOWN;
    } else if (r->cnt && !one_in(m, 6)) {
        uint32_t back = one_in(m, 3) ? r->cnt : TC_MIN(r->cnt, 8u);
        uint32_t i = r->cnt - 1 - rnd(m, back);
        v->from_log = r->events[i].log;
        from->pos = TC_MAX(r->events[i].pos, 0);
        if (one_in(m, 2))
            from->ts_ms = M_TS + i + one_in(m, 10);
        else
            from->pos += rnd(m, 3);
    } else {
        v->from_log = (int)rnd(m, atomic_load(&logs->cnt));
        from->pos = rnd(m, (uint32_t)m->logs[r->feed][v->from_log].next_pos + 10);
    }
    if (v->from_log != M_UNKNOWN) {
        const struct tc_log *l = &logs->logs[v->from_log];
        from->log = (struct tc_str){ l->name, l->name_len };
    }
    v->has_from = true;
    v->from_pos = from->pos;
    v->from_ts = from->ts_ms;
}

static void subscribe(struct model *m, uint32_t conn)
{
    char id[16];
    struct m_room *r = &m->rooms[rnd(m, m->room_cnt)];
    struct m_view *v = &m->views[conn][r->idx];
    struct m_view fresh = { .phase = M_WAIT };
    struct tc_fan_wish wish = { .room = tc_str_from(r->name), .is_snapshot = one_in(m, 2) };
    if (v->wish_cnt == 40 || tc_fan_is_planned(m->fx.fan, conn))
        return;
    fresh.wants_snapshot = wish.is_snapshot;
    if (one_in(m, 2))
        pick_from(m, r, &wish, &fresh);
    snprintf(id, sizeof(id), "%u", ++m->next_id);
    wish.id = tc_str_from(id);
    m_look(m, conn);
    bool was_out = v->phase == M_OUT;
    if (was_out)
        *v = fresh;
    v->wishes[v->wish_cnt++] = (struct m_wish){ m->next_id, false };
    int rc = fx_wish(&m->fx, conn, &wish);
    if (rc == -TC_ENOMEM || rc == -TC_ELIMIT) {
        v->wish_cnt--;
        if (was_out)
            v->phase = M_OUT;
        return;
    }
    M_CHECK(m, rc == 0 || (rc == 1 && !was_out), "%s: subscribe %d", r->name, rc);
    v->wishes[v->wish_cnt - 1].is_reply = rc == 1;
    if (rc == 0)
        v->wants_snapshot |= wish.is_snapshot;
    m_look(m, conn);
}

static void unsubscribe(struct model *m, uint32_t conn)
{
    struct m_room *r = &m->rooms[rnd(m, m->room_cnt)];
    struct m_view *v = &m->views[conn][r->idx];
    m_look(m, conn);
    int rc = tc_fan_unsubscribe(m->fx.fan, conn, tc_str_from(r->name), NULL, NULL);
    M_CHECK(m, rc == (v->phase == M_OUT ? -TC_ENOTFOUND : TC_OK), "%s: unsubscribe %d", r->name,
            rc);
    v->phase = M_OUT;
    v->wish_cnt = 0;
}

static void leave(struct model *m, uint32_t conn)
{
    m_look(m, conn);
    fx_close(&m->fx, conn);
    for (uint32_t i = 0; i < m->room_cnt; i++) {
        m->views[conn][i].phase = M_OUT;
        m->views[conn][i].wish_cnt = 0;
    }
}

static void come(struct model *m, uint32_t conn)
{
    fx_open(&m->fx, conn);
    m->seen[conn] = 0;
}

static void move_client(struct model *m)
{
    uint32_t conn = rnd(m, FX_CONNS / 2);
    struct fx_conn *c = &m->fx.conns[conn];
    if (!c->is_open) {
        come(m, conn);
        return;
    }
    uint32_t what = rnd(m, 20);
    if (what < 8)
        subscribe(m, conn);
    else if (what < 11)
        unsubscribe(m, conn);
    else if (what < 12)
        leave(m, conn);
    else if (what < 16)
        c->cap = rnd(m, 300);
    else
        fx_writable(&m->fx, conn, one_in(m, 2) ? FX_ALL : rnd(m, 300));
}

/* ---- turns ---- */

/* Anything may happen between two steps of a turn. */
static void disturb(struct model *m)
{
    if (one_in(m, 10))
        burst(m);
    if (one_in(m, 20)) {
        uint32_t conn = rnd(m, FX_CONNS / 2);
        if (m->fx.conns[conn].is_open && one_in(m, 2))
            unsubscribe(m, conn);
        else if (m->fx.conns[conn].is_open)
            leave(m, conn);
        else
            come(m, conn);
    }
}

static void flush(struct model *m)
{
    for (uint32_t conn; (conn = tc_fan_next_touched(m->fx.fan)) != TC_NONE;) {
        fx_offer(&m->fx, conn);
        m_look(m, conn);
        disturb(m);
    }
}

/* Several connections are planned before the first is settled. */
static void catch_up(struct model *m)
{
    uint32_t conns[3];
    uint32_t cnt;
    tc_fan_catch_up_begin(m->fx.fan, m->fx.now_ns);
    do {
        for (cnt = 0; cnt < TC_ARRAY_CNT(conns); cnt++) {
            conns[cnt] = tc_fan_catch_up(m->fx.fan, m->fx.max_bytes);
            if (conns[cnt] == TC_NONE)
                break;
        }
        for (uint32_t i = 0; i < cnt; i++) {
            if (tc_fan_is_planned(m->fx.fan, conns[i]))
                fx_offer(&m->fx, conns[i]);
            m_look(m, conns[i]);
        }
        disturb(m);
    } while (cnt);
}

static void turn(struct model *m)
{
    flush(m);
    tc_fan_read(m->fx.fan, m->fx.now_ns);
    disturb(m);
    flush(m);
    if (!one_in(m, 4))
        catch_up(m);
}

static void step(struct model *m)
{
    m->fx.now_ns += rnd(m, 20 * FX_MS);
    m->fx.max_bytes = one_in(m, 2) ? 16384 : 1 + rnd(m, 400);
    m->fx.piece_max = one_in(m, 3) ? 1 : FX_PIECES;
    uint32_t what = rnd(m, 100);
    if (what < 35)
        burst(m);
    else if (what < 37)
        hurt_log(m);
    else if (what < 40)
        change_state(m);
    else if (what < 75)
        move_client(m);
    else
        turn(m);
}

/* ---- one seed ---- */

static void begin(struct model *m, uint64_t seed)
{
    static const uint32_t rings[] = { 8, 16, 64, 1024 };
    static const uint64_t slots[] = { 8, 2048, 65536 };
    struct fx_options o = fx_defaults();
    m->seed = seed;
    m->rng = (seed + 1) * 0x9e3779b97f4a7c15ull;
    m->is_conflating = one_in(m, 2);
    o.feed_cnt = 1 + one_in(m, 3);
    o.dialect_cnt = 1 + one_in(m, 2);
    o.event_cnt = rings[rnd(m, 4)];
    o.payload_max = 64;
    o.payload_bytes = o.event_cnt * 64;
    o.slot_bytes = slots[rnd(m, 3)];
    o.member_max = one_in(m, 4) ? 6 : 64;
    o.conn_rooms_max = one_in(m, 4) ? 2 : 16;
    o.waiting_max = one_in(m, 4) ? 2 : 16;
    o.pending_max = one_in(m, 4) ? 4 : 64;
    o.resume_events = one_in(m, 2) ? 3 : 1000;
    o.resume_wait_ns = (int64_t)rnd(m, 200) * FX_MS;
    if (m->is_conflating && one_in(m, 2))
        o.conflate_ns = rnd(m, 50 * FX_MS);
    if (m->is_conflating)
        o.conflate_bytes = 20 + rnd(m, 300);
    fx_init_cold(&m->fx, &o);
    m->room_cnt = 1 + rnd(m, M_ROOMS);
    for (uint32_t f = 0; f < o.feed_cnt; f++) {
        for (uint32_t i = 0; i < 3; i++) {
            m->logs[f][i].next_pos = rnd(m, 3) * 5;
            fx_log(&m->fx, f, 0, m->logs[f][i].next_pos, TC_NONE);
        }
    }
    for (uint32_t i = 0; i < m->room_cnt; i++) {
        struct m_room *r = &m->rooms[i];
        r->idx = i;
        r->feed = i % o.feed_cnt;
        r->cnt = r->logs_entered = 0;
        r->log = r->prev_log = M_NO_LOG;
        snprintf(r->name, sizeof(r->name), "%s-%u", r->feed ? "alt" : "ticker", i);
    }
    if (!one_in(m, 4))
        fx_warm(&m->fx);
    else
        m->fx.now_ns = 0;
}

/* Everybody reads, and time passes until nobody waits. */
static void settle_all(struct model *m)
{
    commit(m);
    fx_warm(&m->fx);
    m->fx.piece_max = FX_PIECES;
    for (uint32_t i = 0; i < 40; i++) {
        for (uint32_t conn = 0; conn < FX_CONNS; conn++) {
            if (m->fx.conns[conn].is_open)
                fx_writable(&m->fx, conn, FX_ALL);
        }
        fx_run(&m->fx);
        m->fx.now_ns += 21 * FX_MS;
    }
}

static void check_end(struct model *m, uint32_t conn, const struct m_room *r)
{
    struct m_view *v = &m->views[conn][r->idx];
    struct tc_logs *logs = &m->fx.logs[r->feed];
    if (v->phase == M_OUT)
        return;
    m_end_answer(m, r, v);
    M_CHECK(m, v->phase == M_LIVE, "%s: phase %d in the end", r->name, (int)v->phase);
    M_CHECK(m, v->wish_cnt == 0, "%s: %u wishes left", r->name, v->wish_cnt);
    M_CHECK(m, !v->skip_cnt, "%s: a notice without its update", r->name);
    M_CHECK(m, v->at == r->cnt, "%s: at %u of %u", r->name, v->at, r->cnt);
    int64_t last = r->cnt ? r->events[r->cnt - 1].pos : -1;
    M_CHECK(m, v->is_resumed || v->last == last, "%s: last is %lld, not %lld", r->name,
            (long long)v->last, (long long)last);
    bool is_stale =
        atomic_load(&logs->away_ms) || (r->cnt && atomic_load(&logs->logs[r->log].stale_ms));
    M_CHECK(m, v->is_told_stale == is_stale, "%s: stale %d", r->name, is_stale);
}

/* What fan-out counted is what arrived. */
static void add_stats(struct model *m, const struct tc_fan_stats *s)
{
    struct tc_fan_stats *sum = &m->stats;
    sum->delivery_cnt += s->delivery_cnt;
    sum->conflated_cnt += s->conflated_cnt;
    sum->skipped_cnt += s->skipped_cnt;
    sum->recovered_cnt += s->recovered_cnt;
    sum->cannot_recover_cnt += s->cannot_recover_cnt;
    M_CHECK(m, sum->delivery_cnt == m->update_cnt, "deliveries %llu, updates %llu",
            (unsigned long long)sum->delivery_cnt, (unsigned long long)m->update_cnt);
    M_CHECK(m, sum->conflated_cnt == m->conflated_cnt && sum->skipped_cnt == m->skipped_cnt,
            "conflated");
    M_CHECK(m, sum->recovered_cnt == m->recovered_cnt && sum->cannot_recover_cnt == m->cannot_cnt,
            "recovered");
}

static void end(struct model *m)
{
    struct tc_fan *fan = m->fx.fan;
    const struct tc_fan_stats *s = tc_fan_stats(fan);
    settle_all(m);
    M_CHECK(m, s->behind_cnt == 0 && s->parked_cnt == 0, "%u behind, %u parked", s->behind_cnt,
            s->parked_cnt);
    for (uint32_t conn = 0; conn < FX_CONNS; conn++) {
        m_look(m, conn);
        for (uint32_t i = 0; i < m->room_cnt; i++)
            check_end(m, conn, &m->rooms[i]);
        if (m->fx.conns[conn].is_open)
            leave(m, conn);
    }
    M_CHECK(m, !s->member_cnt && !s->room_cnt && !s->waiting_cnt && !s->behind_cnt, "left over");
    M_CHECK(m, !fan->members.used_cnt && !fan->rooms.used_cnt && !fan->subs.used_cnt, "pools");
    M_CHECK(m, !fan->names.used_cnt && !fan->member_map.cnt, "names");
    M_CHECK(m, fan->all_rooms == TC_NONE && fan->parked == TC_NONE, "lists");
    for (uint32_t f = 0; f < m->fx.options.feed_cnt; f++) {
        for (uint32_t i = 0; i < FX_ROOMS; i++)
            M_CHECK(m, !atomic_load(&m->fx.bus[f].interest[i]), "interest in %u", i);
    }
    add_stats(m, s);
    fx_fini(&m->fx);
}

static void run_seed(struct model *m, uint64_t seed)
{
    memset(m->views, 0, sizeof(m->views));
    memset(m->logs, 0, sizeof(m->logs));
    memset(m->seen, 0, sizeof(m->seen));
    m->next_id = 0;
    begin(m, seed);
    uint32_t steps = STEPS + (one_in(m, 8) ? 400 : 0);
    while (steps--)
        step(m);
    end(m);
}

Test(fan_model, random, .timeout = 120)
{
    /* Goal: see above; and the seeds together have seen every kind of notice. */
    static struct model m;
    const char *seed = getenv("M_SEED");
    mallopt(M_MMAP_THRESHOLD,
            64 * 1024); /* large tables are given back, not cleared for the next */
    for (uint32_t i = 0; i < M_ROOMS; i++)
        m.rooms[i].events = calloc(M_EVENTS, sizeof(*m.rooms[i].events));
    for (uint64_t i = seed ? strtoull(seed, NULL, 10) : 0; i < (seed ? UINT64_MAX : SEEDS); i++) {
        run_seed(&m, i);
        if (seed)
            break;
    }
    cr_log_info(
        "lines %llu, snapshots %llu, conflated %llu, holes %llu, recovered %llu, cannot %llu",
        (unsigned long long)m.line_cnt, (unsigned long long)m.snap_cnt,
        (unsigned long long)m.conflated_cnt, (unsigned long long)m.hole_cnt,
        (unsigned long long)m.recovered_cnt, (unsigned long long)m.cannot_cnt);
    for (uint32_t i = 0; i < M_ROOMS; i++)
        free(m.rooms[i].events);
    if (!seed)
        cr_assert(m.line_cnt > 10000 && m.snap_cnt > 500 && m.conflated_cnt > 500 &&
                  m.hole_cnt > 100 && m.recovered_cnt > 100 && m.cannot_cnt > 100);
}
