// SPDX-License-Identifier: Apache-2.0
/* The model of test_fan_model.c: all events of all rooms as they were published, and for each
 * (connection, room) what its client knows. Lines are held against the list: an update must be the
 * very next event, unless a notice before it covers exactly what is left out. */
#ifndef TC_TESTS_UNIT_CORE_FANOUT_MODEL_H
#define TC_TESTS_UNIT_CORE_FANOUT_MODEL_H

#include <stdlib.h>

#include "tests/unit/core/fanout/fixture.h"

enum { M_ROOMS = 6, M_EVENTS = 4096, M_WISHES = 64, M_TS = 1000, M_NO_LOG = -1, M_UNKNOWN = -2 };

struct m_event {
    uint8_t kind;
    uint8_t aux;
    int log;
    int64_t pos;
    int64_t prev;
    uint32_t len; /* of its payload */
    uint32_t ord; /* data events up to here */
};

/* ts_ms of event i is M_TS + i, and so is its payload's beginning. */
struct m_room {
    char name[32];
    uint32_t feed;
    uint32_t idx;
    struct m_event *events;
    uint32_t cnt;
    int log;               /* where it lives; M_NO_LOG: not born */
    int prev_log;          /* where it came from */
    uint32_t logs_entered; /* bits */
};

struct m_wish {
    uint32_t id;
    bool is_reply; /* of a subscription that stood */
};

enum m_phase { M_OUT, M_WAIT, M_RECOVERY, M_VALUE, M_LIVE };

/* A client's view of one room. */
struct m_view {
    enum m_phase phase;
    bool wants_snapshot;
    bool has_from;
    bool is_told_stale;
    bool is_resumed;  /* `last` came from a wish */
    bool is_excused;  /* a gap without an end was told: it ends in another log */
    int64_t from_pos; /* of the first wish */
    int64_t from_ts;
    int from_log;      /* M_UNKNOWN: no such log */
    uint32_t promised; /* events before it were called recovered */
    uint32_t base;     /* events before the confirmed place: index behind it */
    uint32_t at;       /* index of the next event */
    int64_t last;      /* position */
    int log;
    int64_t skip_to; /* of a conflated notice that waits for its update */
    uint32_t skip_cnt;
    uint32_t missed_cnt; /* events of an older log that were left out, and told */
    struct m_wish wishes[M_WISHES];
    uint32_t wish_cnt;
};

/* What the model knows of a log and has not published yet. */
struct m_log_state {
    int64_t next_pos;
    bool is_replaced;
};

struct model {
    struct fx fx;
    struct m_room rooms[M_ROOMS];
    uint32_t room_cnt;
    struct m_log_state logs[FX_FEEDS][FX_LOGS];
    struct m_view views[FX_CONNS][M_ROOMS];
    uint32_t seen[FX_CONNS]; /* bytes of each client's stream that were looked at */
    uint32_t next_id;
    bool is_conflating; /* its limits are low */
    uint64_t seed;
    uint64_t rng;
    /* of all seeds so far */
    uint64_t line_cnt, update_cnt, snap_cnt, conflated_cnt, skipped_cnt, hole_cnt, recovered_cnt,
        cannot_cnt;
    struct tc_fan_stats stats; /* their sums, as fan-out counted */
};

#define M_CHECK(m, cond, ...)                                                                      \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "seed %llu: ", (unsigned long long)(m)->seed);                         \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
            cr_assert(cond, "seed %llu", (unsigned long long)(m)->seed);                           \
        }                                                                                          \
    } while (0)

static inline bool m_is_data(const struct m_event *e)
{
    return e->kind == TC_BUS_UPDATE || e->kind == TC_BUS_TOMBSTONE;
}

/* Whether the feed's ring has lost anything. */
static inline bool m_is_lapped(const struct model *m, const struct m_room *r)
{
    return atomic_load(&m->fx.bus[r->feed].mark) > 1;
}

/* Data events before index i. */
static inline uint32_t m_ord(const struct m_room *r, uint32_t i)
{
    return i ? r->events[i - 1].ord : 0;
}

/* Index behind the newest event at (log, pos). */
static inline uint32_t m_behind(const struct model *m, const struct m_room *r, int log, int64_t pos)
{
    uint32_t i = r->cnt;
    while (i && (r->events[i - 1].log != log || r->events[i - 1].pos != pos))
        i--;
    M_CHECK(m, i || log == M_NO_LOG, "%s: log %d pos %lld is no event", r->name, log,
            (long long)pos);
    return i;
}

static inline int64_t m_num(const char *text)
{
    return *text == '-' ? -1 : strtoll(text, NULL, 10);
}

static inline int m_log(const struct model *m, const struct m_room *r, const char *name)
{
    if (*name == '-')
        return M_NO_LOG;
    uint32_t log = tc_logs_find(&m->fx.logs[r->feed], tc_str_from(name));
    return log == TC_NONE ? M_UNKNOWN : (int)log;
}

static inline bool m_is_replaced(const struct model *m, const struct m_room *r, int log)
{
    const struct tc_logs *logs = &m->fx.logs[r->feed];
    for (uint32_t i = 0; i < atomic_load(&logs->cnt); i++) {
        if (logs->logs[i].replaces == (uint32_t)log)
            return true;
    }
    return false;
}

/* The first event that a client at (log, pos) has not seen. */
static inline uint32_t m_first_after(const struct m_room *r, int log, int64_t pos, uint32_t to)
{
    uint32_t i = to;
    while (i && (r->events[i - 1].log != log || r->events[i - 1].pos > pos))
        i--;
    return i;
}

/* ---- answers ---- */

static inline void m_confirmed(struct model *m, const struct m_room *r, struct m_view *v,
                               char *const *word)
{
    M_CHECK(m, v->wish_cnt, "%s: a confirmation that nobody waits for", r->name);
    struct m_wish w = v->wishes[0];
    memmove(v->wishes, v->wishes + 1, sizeof(w) * --v->wish_cnt);
    M_CHECK(m, strtoul(word[2], NULL, 10) == w.id, "%s: id %s", r->name, word[2]);
    int log = m_log(m, r, word[3]);
    int64_t pos = m_num(word[4]);
    M_CHECK(m, strcmp(word[5], strchr(r->name, '-') + 1) == 0, "symbol %s", word[5]);
    if (w.is_reply) {
        M_CHECK(m, v->phase == M_LIVE || v->phase == M_VALUE, "%s: reply too early", r->name);
        M_CHECK(m, v->is_resumed || (v->last == pos && v->log == log), "%s: reply at %lld", r->name,
                (long long)pos);
        return;
    }
    M_CHECK(m, v->phase == M_WAIT, "%s: confirmed twice", r->name);
    v->log = log;
    v->last = pos;
    v->base = v->at = m_behind(m, r, log, pos);
    if (!v->wish_cnt || v->wishes[0].is_reply)
        v->phase = v->has_from ? M_RECOVERY : M_VALUE;
}

static inline void m_recovered(struct model *m, const struct m_room *r, struct m_view *v,
                               char *const *word)
{
    uint32_t cnt = (uint32_t)strtoul(word[5], NULL, 10);
    M_CHECK(m, v->phase == M_RECOVERY, "%s: recovered without a wish", r->name);
    M_CHECK(m, m_num(word[3]) == v->from_pos, "%s: recovered from %s", r->name, word[3]);
    v->at = m_first_after(r, v->from_log, v->from_pos, v->base);
    M_CHECK(m, !v->at || r->events[v->at - 1].kind != TC_BUS_MOVED, "%s: recovered over moves",
            r->name);
    M_CHECK(m, v->at || !v->base || r->events[0].log == v->from_log, "%s: recovered in log %d",
            r->name, v->from_log);
    uint32_t want = m_ord(r, v->base) - m_ord(r, v->at);
    M_CHECK(m, cnt == want, "%s: recovered %u of %u", r->name, cnt, want);
    M_CHECK(m, cnt <= m->fx.options.resume_events, "%s: recovered %u", r->name, cnt);
    if (cnt == 0)
        M_CHECK(m, m_num(word[4]) == v->from_pos, "%s: recovered to %s", r->name, word[4]);
    v->last = v->from_pos;
    v->log = v->from_log;
    v->is_resumed = true;
    v->wants_snapshot = false;
    v->phase = M_LIVE;
    v->promised = v->base;
    m->recovered_cnt++;
}

static inline void m_cannot(struct model *m, const struct m_room *r, struct m_view *v,
                            char *const *word)
{
    int64_t to = m_num(word[4]);
    const char *why = word[5];
    const struct tc_log *logs = m->fx.logs[r->feed].logs;
    M_CHECK(m, v->phase == M_RECOVERY, "%s: cannot-recover without a wish", r->name);
    M_CHECK(m, m_num(word[3]) == v->from_pos, "%s: cannot recover from %s", r->name, word[3]);
    M_CHECK(m, to == -1 || to >= v->from_pos, "%s: (%s, %s]", r->name, word[3], word[4]);
    uint32_t after = m_first_after(r, v->from_log, v->from_pos, v->base);
    if (strcmp(why, "limit") == 0) {
        M_CHECK(m, m_ord(r, v->base) - m_ord(r, after) > m->fx.options.resume_events, "%s: limit",
                r->name);
    } else if (strcmp(why, "recreated") == 0) {
        bool is_other = after && v->from_ts >= 0 && r->events[after - 1].pos == v->from_pos &&
                        v->from_ts != M_TS + after - 1;
        M_CHECK(m, v->from_log == M_UNKNOWN || m_is_replaced(m, r, v->from_log) || is_other,
                "%s: recreated", r->name);
    } else if (strcmp(why, "ahead") == 0) {
        M_CHECK(m, v->from_pos >= atomic_load(&logs[v->from_log].next_pos), "%s: ahead", r->name);
    } else {
        M_CHECK(m, strcmp(why, "retention") == 0, "%s: %s", r->name, why);
        bool is_below = v->from_pos < logs[v->from_log].start_pos - 1;
        bool is_stranger = !after || r->events[after - 1].kind == TC_BUS_MOVED;
        M_CHECK(m, is_below || is_stranger || m_is_lapped(m, r), "%s: retention", r->name);
    }
    v->wants_snapshot = true;
    v->phase = M_VALUE;
    m->cannot_cnt++;
}

/* What a snapshot would have to show, TC_NONE: nothing. */
static inline uint32_t m_newest(const struct m_room *r, uint32_t base)
{
    while (base && !m_is_data(&r->events[base - 1]))
        base--;
    return base && r->events[base - 1].kind == TC_BUS_UPDATE ? base - 1 : TC_NONE;
}

/* The answer is complete: was anything left out? */
static inline void m_end_answer(struct model *m, const struct m_room *r, struct m_view *v)
{
    if (v->phase != M_VALUE)
        return;
    if (v->wants_snapshot && !m_is_lapped(m, r))
        M_CHECK(m, m_newest(r, v->base) == TC_NONE, "%s: no snapshot", r->name);
    v->phase = M_LIVE;
}

/* ---- events ---- */

static inline void m_snapshot(struct model *m, const struct m_room *r, struct m_view *v, uint32_t i)
{
    M_CHECK(m, v->phase == M_VALUE && v->wants_snapshot, "%s: snapshot at wrong time", r->name);
    M_CHECK(m, i == m_newest(r, v->base), "%s: snapshot of %u at %u", r->name, i, v->base);
    v->at = i + 1;
    v->last = r->events[i].pos;
    v->log = r->events[i].log;
    v->is_resumed = false;
    v->phase = M_LIVE;
    m->snap_cnt++;
}

/* The room's new log is told: all up to where it came there is behind the client, which must have
 * heard of it. */
static inline void m_enter(struct model *m, const struct m_room *r, struct m_view *v, int log)
{
    uint32_t i = v->at;
    M_CHECK(m, m_is_lapped(m, r), "%s: a new log for no reason", r->name);
    while (i < r->cnt && (r->events[i].pos != -1 || r->events[i].log != log))
        i++;
    M_CHECK(m, i < r->cnt, "%s: it never came to log %d", r->name, log);
    v->missed_cnt = m_ord(r, i) - m_ord(r, v->at);
    M_CHECK(m, v->is_excused || v->missed_cnt == 0, "%s: %u events missing before a new log",
            r->name, v->missed_cnt);
    v->at = i + 1;
    v->last = -1;
    v->log = log;
    m->hole_cnt++;
}

/* Before event i: what was told of those between? */
static inline void m_hole(struct model *m, const struct m_room *r, struct m_view *v, uint32_t i)
{
    uint32_t missing = m_ord(r, i) - m_ord(r, v->at);
    M_CHECK(m, i >= v->at, "%s: event %u after %u", r->name, i, v->at);
    if (v->skip_cnt) {
        /* with those of the older log if it was told in the same frame */
        if (v->skip_cnt != missing)
            missing += v->missed_cnt;
        M_CHECK(m, v->skip_cnt == missing, "%s: skipped %u, told %u", r->name, missing,
                v->skip_cnt);
        M_CHECK(m, v->skip_to == r->events[i].prev, "%s: skipped to %lld, prev %lld", r->name,
                (long long)v->skip_to, (long long)r->events[i].prev);
    } else {
        M_CHECK(m, i == v->at, "%s: silent hole [%u, %u)", r->name, v->at, i);
    }
    v->skip_cnt = v->missed_cnt = 0;
    v->is_excused = false;
}

static inline void m_update(struct model *m, const struct m_room *r, struct m_view *v,
                            char *const *word)
{
    char *end;
    uint32_t i = (uint32_t)(m_num(word[4]) - M_TS);
    M_CHECK(m, i < r->cnt && m_is_data(&r->events[i]), "%s: no event of time %s", r->name, word[4]);
    const struct m_event *e = &r->events[i];
    m->update_cnt++;
    M_CHECK(m, m_num(word[2]) == e->pos && m_num(word[3]) == e->prev, "%s: %u is %s after %s",
            r->name, i, word[2], word[3]);
    if (e->kind == TC_BUS_TOMBSTONE)
        M_CHECK(m, strcmp(word[6], "-") == 0, "%s: %s", r->name, word[6]);
    else
        M_CHECK(m, strtoul(word[6], &end, 10) == i && strlen(word[6]) == e->len, "%s: %u is %s",
                r->name, i, word[6]);
    if (strcmp(word[5], "snap") == 0) {
        m_snapshot(m, r, v, i);
        return;
    }
    m_end_answer(m, r, v);
    M_CHECK(m, v->phase == M_LIVE, "%s: update in phase %d", r->name, (int)v->phase);
    bool is_birth = v->log == M_NO_LOG || (v->is_resumed && v->base == 0);
    M_CHECK(m, v->log == e->log || is_birth, "%s: log %d, not %d", r->name, e->log, v->log);
    M_CHECK(m, v->last < e->pos || v->log != e->log, "%s: %s after %lld", r->name, word[2],
            (long long)v->last);
    m_hole(m, r, v, i);
    v->at = i + 1;
    v->last = e->pos;
    v->log = e->log;
    v->is_resumed = false;
}

static inline void m_conflated(struct model *m, const struct m_room *r, struct m_view *v,
                               char *const *word)
{
    m_end_answer(m, r, v);
    v->skip_to = m_num(word[3]);
    v->skip_cnt = (uint32_t)strtoul(word[4], NULL, 10);
    M_CHECK(m, v->phase == M_LIVE && v->skip_cnt >= 1, "%s: conflated %s", r->name, word[4]);
    M_CHECK(m, m_num(word[2]) == v->last || v->is_resumed, "%s: conflated from %s, not %lld",
            r->name, word[2], (long long)v->last);
    M_CHECK(m, v->at >= v->promised || m_is_lapped(m, r), "%s: conflated what was recovered",
            r->name);
    M_CHECK(m, m->is_conflating || m_is_lapped(m, r), "%s: conflated for no reason", r->name);
    m->conflated_cnt++;
    m->skipped_cnt += v->skip_cnt;
}

/* A gap that ingest did not publish: the ring has lost something. */
static inline void m_hidden(struct model *m, const struct m_room *r, struct m_view *v, int log,
                            int64_t to, bool is_recreated)
{
    M_CHECK(m, m_is_lapped(m, r), "%s: gap for no reason", r->name);
    m->hole_cnt++;
    if (is_recreated) {
        v->is_excused = true;
        m_enter(m, r, v, log);
        return;
    }
    if (to == -1 && v->log != M_NO_LOG) {
        M_CHECK(m, log == v->log, "%s: gap without an end", r->name);
        v->is_excused = true; /* a moved follows */
        return;
    }
    uint32_t at = m_behind(m, r, log, to);
    M_CHECK(m, at > v->at, "%s: gap of nothing", r->name);
    v->at = at;
    v->last = to;
    v->log = log;
    v->is_excused = v->is_resumed = false;
    v->missed_cnt = 0;
}

static inline void m_gap(struct model *m, const struct m_room *r, struct m_view *v,
                         char *const *word)
{
    static const char *const reasons[] = { "oversize", "poison", "retention", "recreated" };
    m_end_answer(m, r, v);
    int log = m_log(m, r, word[2]);
    int64_t from = m_num(word[3]);
    int64_t to = m_num(word[4]);
    M_CHECK(m, v->phase == M_LIVE && !v->skip_cnt, "%s: gap in phase %d", r->name, (int)v->phase);
    const struct m_event *e = v->at < r->cnt ? &r->events[v->at] : NULL;
    if (e && e->kind == TC_BUS_GAP && e->log == log && e->prev == from && e->pos == to &&
        strcmp(reasons[e->aux], word[5]) == 0) {
        v->at++;
    } else {
        M_CHECK(m, m_is_lapped(m, r), "%s: gap for no reason", r->name);
        M_CHECK(m, from == v->last || v->is_resumed, "%s: gap from %s, not %lld", r->name, word[3],
                (long long)v->last);
        m_hidden(m, r, v, log, to, strcmp(word[5], "recreated") == 0);
        return;
    }
    v->last = to;
    v->log = log;
    v->is_resumed = false;
}

static inline void m_moved(struct model *m, const struct m_room *r, struct m_view *v,
                           char *const *word)
{
    m_end_answer(m, r, v);
    int log = m_log(m, r, word[2]);
    const struct m_event *e = v->at < r->cnt ? &r->events[v->at] : NULL;
    M_CHECK(m, v->phase == M_LIVE && !v->skip_cnt, "%s: moved in phase %d", r->name, (int)v->phase);
    if (e && e->kind == TC_BUS_MOVED && e->log == log) {
        v->at++;
        v->last = -1;
        v->log = log;
    } else {
        m_enter(m, r, v, log);
    }
}

static inline void m_state(struct model *m, const struct m_room *r, struct m_view *v, bool is_stale)
{
    m_end_answer(m, r, v);
    M_CHECK(m, v->phase == M_LIVE, "%s: state in phase %d", r->name, (int)v->phase);
    M_CHECK(m, v->is_told_stale != is_stale, "%s: told again", r->name);
    v->is_told_stale = is_stale;
}

/* ---- lines ---- */

static inline void m_line(struct model *m, uint32_t conn, char *line)
{
    char *word[8] = { 0 };
    char *save = NULL;
    uint32_t cnt = 0;
    uint32_t idx = 0;
    if (conn % m->fx.options.dialect_cnt == 1)
        M_CHECK(m, *line++ == '2', "a line of another dialect");
    for (char *w = strtok_r(line, " ", &save); w && cnt < 8; w = strtok_r(NULL, " ", &save))
        word[cnt++] = w;
    M_CHECK(m, cnt >= 2 && !word[0][1], "a torn line: %s", line);
    while (idx < m->room_cnt && strcmp(m->rooms[idx].name, word[1]) != 0)
        idx++;
    M_CHECK(m, idx < m->room_cnt, "a torn line: %s %s", word[0], word[1]);
    const struct m_room *r = &m->rooms[idx];
    struct m_view *v = &m->views[conn][idx];
    M_CHECK(m, v->phase != M_OUT, "%s: %s although unsubscribed", r->name, word[0]);
    M_CHECK(m, v->phase != M_WAIT || *word[0] == 'C', "%s: %s unconfirmed", r->name, word[0]);
    M_CHECK(m, !v->skip_cnt || *word[0] == 'U', "%s: no update after conflated", r->name);
    m->line_cnt++;
    switch (*word[0]) {
    case 'C':
        m_confirmed(m, r, v, word);
        break;
    case 'R':
        m_recovered(m, r, v, word);
        break;
    case 'X':
        m_cannot(m, r, v, word);
        break;
    case 'U':
        m_update(m, r, v, word);
        break;
    case 'N':
        m_conflated(m, r, v, word);
        break;
    case 'G':
        m_gap(m, r, v, word);
        break;
    case 'M':
        m_moved(m, r, v, word);
        break;
    case 'S':
    case 'F':
        m_state(m, r, v, *word[0] == 'S');
        break;
    default:
        M_CHECK(m, false, "a torn line: %s", line);
    }
}

/* A client's stream is what arrived and, behind it, what is held for it: both are sure to come.
 * Looks at what is new of it. */
static inline void m_look(struct model *m, uint32_t conn)
{
    char line[1024];
    uint32_t len = 0;
    const struct fx_conn *c = &m->fx.conns[conn];
    for (; m->seen[conn] < c->got_len + c->spill_len; m->seen[conn]++) {
        uint32_t off = m->seen[conn];
        char byte = off < c->got_len ? c->got[off] : c->spill[off - c->got_len];
        if (byte != '\n') {
            line[len++] = byte;
            continue;
        }
        line[len] = 0;
        len = 0;
        m_line(m, conn, line);
    }
    M_CHECK(m, len == 0, "a torn line at the end: %.*s", (int)len, line);
}

#endif
