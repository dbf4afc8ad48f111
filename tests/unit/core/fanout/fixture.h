// SPDX-License-Identifier: Apache-2.0
/* A worker's fan-out over real buses, directories, logs and rules, with clients that are two
 * strings each: what arrived, and what the caller of fan-out holds for them (the spill).
 *
 * The toy dialect writes lines; "-" is null:
 *   U room pos prev ts snap|live payload     update; payload "-": a tombstone
 *   C room id log pos symbol                 confirmed
 *   R room id from to count                  recovered
 *   X room id from to reason                 cannot-recover
 *   N room from to count                     conflated
 *   G room log from to reason                gap
 *   M room log                               moved
 *   S room since      F room                 stale, fresh
 * The second dialect writes the same behind a "2", and wants payloads of a type as protobuf.
 * fx_turn() is the order in which a worker calls.
 */
#ifndef TC_TESTS_UNIT_CORE_FANOUT_FIXTURE_H
#define TC_TESTS_UNIT_CORE_FANOUT_FIXTURE_H

#include <criterion/criterion.h>

#include <stdio.h>

#include "core/fanout/fan.h"

enum { FX_FEEDS = 2, FX_LOGS = 16, FX_ROOMS = 64, FX_CONNS = 8, FX_TEXT = 1 << 20 };
enum { FX_PIECES = 16, FX_MS = 1000000 };
#define FX_ALL UINT32_MAX

struct fx_conn {
    bool is_open;
    uint32_t cap;     /* bytes that its socket takes before it is full; FX_ALL: no end */
    uint32_t got_len; /* what has arrived; ended by NUL */
    uint32_t got_off; /* what was looked at of it */
    char *got;
    uint32_t spill_len;
    char *spill;
};

struct fx_options {
    uint32_t feed_cnt;
    uint32_t dialect_cnt;
    const struct tc_dialect *dialect; /* the only one, instead of the toys */
    uint32_t event_cnt;               /* of each ring */
    uint32_t payload_max;
    uint64_t payload_bytes;
    uint64_t slot_bytes;
    uint32_t member_max;
    uint32_t conn_rooms_max;
    uint32_t waiting_max;
    uint32_t pending_max;
    uint32_t conflate_bytes;
    int64_t conflate_ns;
    uint32_t resume_events;
    int64_t warmup_end_ns;
    int64_t resume_wait_ns;
    /* of the fan's conf; ctx is NULL */
    int64_t (*convert)(void *ctx, const struct tc_rule *rule, enum tc_form to,
                       struct tc_str payload, uint8_t *out, uint32_t cap);
};

struct fx {
    struct tc_mem mem;
    struct tc_rules rules;
    struct tc_bus bus[FX_FEEDS];
    struct tc_dir dir[FX_FEEDS];
    struct tc_logs logs[FX_FEEDS];
    struct tc_fan *fan;
    struct fx_options options;
    _Atomic uint64_t sleeping;
    int64_t now_ns;
    uint32_t max_bytes; /* of one catch-up */
    uint32_t piece_max; /* of one gather */
    struct fx_conn conns[FX_CONNS];
};

/* ---- the toy dialect ---- */

static inline char *fx_num(char *to, int64_t value)
{
    if (value < 0)
        snprintf(to, 24, "-");
    else
        snprintf(to, 24, "%lld", (long long)value);
    return to;
}

/* View as text: "-" for none. Good until the fourth call after it. */
static inline const char *fx_text(struct tc_str s)
{
    static char texts[4][512];
    static unsigned idx;
    char *to = texts[idx++ % 4];
    if (!s.ptr)
        s = TC_STR("-");
    memcpy(to, s.ptr, s.len);
    to[s.len] = 0;
    return to;
}

static inline size_t fx_write_update(const struct tc_update *u, uint8_t *dst)
{
    char pos[24], prev[24], ts[24];
    int len = snprintf((char *)dst, TC_UPDATE_OVERHEAD_MAX, "U %s %s %s %s %s ", fx_text(u->room),
                       fx_num(pos, u->pos), fx_num(prev, u->prev), fx_num(ts, u->ts_ms),
                       u->is_snapshot ? "snap" : "live");
    struct tc_str payload = { u->payload, u->len };
    if (u->is_tombstone)
        payload = TC_STR("-");
    memcpy(dst + len, payload.ptr, payload.len);
    dst[(size_t)len + payload.len] = '\n';
    return (size_t)len + payload.len + 1;
}

static inline size_t fx_write_notice(const struct tc_notice *n, uint8_t *dst)
{
    char pos[24], from[24], to[24];
    char *out = (char *)dst;
    const char *room = fx_text(n->room);
    size_t max = TC_NOTICE_BYTES_MAX;
    int len = 0;
    fx_num(pos, n->pos);
    fx_num(from, n->from);
    fx_num(to, n->to);
    switch (n->kind) {
    case TC_NOTICE_CONFIRMED:
        len = snprintf(out, max, "C %s %s %s %s %s\n", room, fx_text(n->id), fx_text(n->log), pos,
                       fx_text(n->symbol));
        break;
    case TC_NOTICE_RECOVERED:
        len = snprintf(out, max, "R %s %s %s %s %llu\n", room, fx_text(n->id), from, to,
                       (unsigned long long)n->count);
        break;
    case TC_NOTICE_CANNOT_RECOVER:
        len = snprintf(out, max, "X %s %s %s %s %s\n", room, fx_text(n->id), from, to, n->reason);
        break;
    case TC_NOTICE_CONFLATED:
        len = snprintf(out, max, "N %s %s %s %llu\n", room, from, to, (unsigned long long)n->count);
        break;
    case TC_NOTICE_GAP:
        len = snprintf(out, max, "G %s %s %s %s %s\n", room, fx_text(n->log), from, to, n->reason);
        break;
    case TC_NOTICE_MOVED:
        len = snprintf(out, max, "M %s %s\n", room, fx_text(n->log));
        break;
    case TC_NOTICE_STALE:
        len = snprintf(out, max, "S %s %lld\n", room, (long long)n->since_ms);
        break;
    case TC_NOTICE_FRESH:
        len = snprintf(out, max, "F %s\n", room);
        break;
    case TC_NOTICE_UNSUBSCRIBED:
        break;
    }
    return (size_t)len;
}

static inline size_t fx_write_update_2(const struct tc_update *u, uint8_t *dst)
{
    *dst = '2';
    return 1 + fx_write_update(u, dst + 1);
}

static inline size_t fx_write_notice_2(const struct tc_notice *n, uint8_t *dst)
{
    *dst = '2';
    return 1 + fx_write_notice(n, dst + 1);
}

static const struct tc_dialect fx_toy = { "toy", TC_FORM_JSON, fx_write_update, fx_write_notice };
static const struct tc_dialect fx_toy_2 = { "toy-2", TC_FORM_PROTOBUF, fx_write_update_2,
                                            fx_write_notice_2 };
static const struct tc_dialect *const fx_dialects[] = { &fx_toy, &fx_toy_2 };

/* ---- set-up ---- */

static inline struct fx_options fx_defaults(void)
{
    return (struct fx_options){
        .feed_cnt = 1,
        .dialect_cnt = 1,
        .event_cnt = 1024,
        .payload_max = 256,
        .payload_bytes = 64 * 1024,
        .slot_bytes = 64 * 1024,
        .member_max = 64,
        .conn_rooms_max = 16,
        .waiting_max = 8,
        .pending_max = 64,
        .conflate_bytes = 1 << 30,
        .conflate_ns = INT64_MAX / 2,
        .resume_events = 100,
        .resume_wait_ns = 1000 * (int64_t)FX_MS,
    };
}

/* Rules of feed 0: ticker-{key} and book-{key}; of feed 1: alt-{key}. */
static inline void fx_rules(struct tc_rules *rules)
{
    static const char *const templates[] = { "ticker-{key}", "book-{key}", "alt-{key}" };
    static const char *const events[] = { "ticker-update", "book-update", "alt-update" };
    memset(rules, 0, sizeof(*rules));
    rules->cnt = 3;
    rules->first[1] = 2;
    for (uint16_t i = 0; i < 3; i++) {
        struct tc_rule *r = &rules->rules[i];
        int rc = tc_template_compile(&r->room, tc_str_from(templates[i]), NULL);
        cr_assert_eq(rc, TC_OK);
        r->topic = tc_str_from("t");
        r->event = tc_str_from(events[i]);
        r->source = i / 2;
        r->idx = i % 2;
    }
}

static inline void fx_init_feed(struct fx *fx, uint32_t f)
{
    struct tc_hash_key key = { 1, 2 };
    struct tc_err err = { 0 };
    struct tc_bus_conf bus = {
        .event_cnt = fx->options.event_cnt,
        .payload_bytes = fx->options.payload_bytes,
        .payload_max = fx->options.payload_max,
        .last_value_bytes = fx->options.slot_bytes,
        .room_max = FX_ROOMS,
        .mem = &fx->mem,
        .holder = "feed",
    };
    int rc = tc_bus_init(&fx->bus[f], &bus, &fx->sleeping, &err);
    if (rc == TC_OK)
        rc = tc_dir_init(&fx->dir[f], FX_ROOMS, &key, &fx->mem, "feed", &err);
    if (rc == TC_OK)
        rc = tc_logs_init(&fx->logs[f], FX_LOGS, &fx->mem, "feed", &err);
    cr_assert_eq(rc, TC_OK, "%s", err.text);
}

/* Without logs, and cold. */
static inline void fx_init_cold(struct fx *fx, const struct fx_options *options)
{
    struct tc_err err = { 0 };
    memset(fx, 0, sizeof(*fx));
    tc_mem_init(&fx->mem, 0);
    fx->options = *options;
    fx->now_ns = 1000 * (int64_t)FX_MS;
    fx->max_bytes = 16384;
    fx->piece_max = FX_PIECES;
    fx_rules(&fx->rules);
    struct tc_fan_feed feeds[FX_FEEDS];
    for (uint32_t f = 0; f < options->feed_cnt; f++) {
        fx_init_feed(fx, f);
        feeds[f] = (struct tc_fan_feed){ &fx->bus[f], &fx->dir[f], &fx->logs[f] };
    }
    struct tc_fan_conf conf = {
        .worker = 3,
        .feeds = feeds,
        .feed_cnt = options->feed_cnt,
        .rules = &fx->rules,
        .dialects = options->dialect ? &options->dialect : fx_dialects,
        .dialect_cnt = options->dialect_cnt,
        .key = { 3, 4 },
        .conn_max = FX_CONNS,
        .member_max = options->member_max,
        .conn_rooms_max = options->conn_rooms_max,
        .waiting_max = options->waiting_max,
        .pending_max = options->pending_max,
        .payload_max = options->payload_max,
        .conflate_bytes = options->conflate_bytes,
        .conflate_ns = options->conflate_ns,
        .resume_events = options->resume_events,
        .warmup_end_ns = options->warmup_end_ns,
        .start_ms = 77,
        .resume_wait_ns = options->resume_wait_ns,
        .convert = options->convert,
        .mem = &fx->mem,
        .holder = "worker 3",
    };
    fx->fan = tc_fan_init(&conf, &err);
    cr_assert_not_null(fx->fan, "%s", err.text);
}

/* A log named feed/topic/partition@1: its index. */
static inline uint32_t fx_log(struct fx *fx, uint32_t feed, uint32_t rule, int64_t start_pos,
                              uint32_t replaces)
{
    char name[64];
    uint32_t idx = atomic_load(&fx->logs[feed].cnt);
    snprintf(name, sizeof(name), "s%u/t/%u@1", feed, idx);
    int log = tc_logs_add(&fx->logs[feed], tc_str_from(name), rule, idx, start_pos, replaces);
    cr_assert_eq(log, (int)idx);
    return idx;
}

/* All logs that there are were read to their ends. */
static inline void fx_warm(struct fx *fx)
{
    for (uint32_t f = 0; f < fx->options.feed_cnt; f++) {
        for (uint32_t i = 0; i < atomic_load(&fx->logs[f].cnt); i++)
            atomic_store(&fx->logs[f].logs[i].is_caught_up, true);
        atomic_store(&fx->logs[f].is_known, true);
        tc_bus_commit(&fx->bus[f], true);
    }
}

/* Two logs of each feed, warm. */
static inline void fx_init(struct fx *fx, const struct fx_options *options)
{
    struct fx_options plain = fx_defaults();
    fx_init_cold(fx, options ? options : &plain);
    for (uint32_t i = 0; i < 2 * fx->options.feed_cnt; i++)
        fx_log(fx, i / 2, 0, 0, TC_NONE);
    fx_warm(fx);
}

static inline void fx_fini(struct fx *fx)
{
    for (uint32_t i = 0; i < FX_CONNS; i++) {
        free(fx->conns[i].got);
        free(fx->conns[i].spill);
    }
    tc_mem_fini(&fx->mem);
}

/* ---- the writer ---- */

static inline uint32_t fx_room(struct fx *fx, uint32_t feed, const char *name)
{
    bool is_new;
    uint32_t rule = feed == 0 && name[0] == 'b';
    uint32_t room = tc_dir_intern(&fx->dir[feed], tc_str_from(name), rule, &is_new);
    cr_assert_neq(room, TC_NONE);
    return room;
}

static inline void fx_publish(struct fx *fx, uint32_t feed, const struct tc_bus_put *put)
{
    struct tc_log *log = &fx->logs[feed].logs[put->log];
    tc_bus_publish(&fx->bus[feed], put);
    if (put->pos >= atomic_load(&log->next_pos))
        atomic_store(&log->next_pos, put->pos + 1);
}

static inline void fx_commit(struct fx *fx, uint32_t feed)
{
    tc_bus_commit(&fx->bus[feed], false);
}

/* One update of feed 0, log 0; ts is 1000 + pos. payload NULL: a tombstone. */
static inline void fx_put(struct fx *fx, const char *room, int64_t pos, const char *payload)
{
    struct tc_bus_put put = {
        .room = fx_room(fx, 0, room),
        .kind = payload ? TC_BUS_UPDATE : TC_BUS_TOMBSTONE,
        .pos = pos,
        .ts_ms = 1000 + pos,
        .ingest_ns = fx->now_ns,
        .payload = payload,
        .len = payload ? (uint32_t)strlen(payload) : 0,
    };
    fx_publish(fx, 0, &put);
    fx_commit(fx, 0);
}

/* Positions first to last of one room, payload "v<pos>". */
static inline void fx_put_many(struct fx *fx, const char *room, int64_t first, int64_t last)
{
    char payload[32];
    for (int64_t pos = first; pos <= last; pos++) {
        snprintf(payload, sizeof(payload), "v%lld", (long long)pos);
        fx_put(fx, room, pos, payload);
    }
}

static inline void fx_put_gap(struct fx *fx, const char *room, uint32_t log, int64_t from,
                              int64_t to, enum tc_gap_reason reason)
{
    struct tc_bus_put put = { .room = fx_room(fx, 0, room),
                              .log = (uint16_t)log,
                              .kind = TC_BUS_GAP,
                              .aux = (uint8_t)reason,
                              .pos = to,
                              .gap_from = from,
                              .ingest_ns = fx->now_ns };
    fx_publish(fx, 0, &put);
    fx_commit(fx, 0);
}

static inline void fx_put_moved(struct fx *fx, const char *room, uint32_t log)
{
    struct tc_bus_put put = { .room = fx_room(fx, 0, room),
                              .log = (uint16_t)log,
                              .kind = TC_BUS_MOVED,
                              .pos = -1,
                              .ingest_ns = fx->now_ns };
    fx_publish(fx, 0, &put);
    fx_commit(fx, 0);
}

static inline void fx_stale(struct fx *fx, uint32_t log, int64_t since_ms)
{
    atomic_store(&fx->logs[0].logs[log].stale_ms, since_ms);
    tc_bus_commit(&fx->bus[0], true);
}

/* ---- clients ---- */

static inline void fx_append(char **text, uint32_t *len, const void *bytes, uint32_t cnt)
{
    if (!*text)
        *text = calloc(1, FX_TEXT);
    cr_assert_lt(*len + cnt, FX_TEXT);
    memcpy(*text + *len, bytes, cnt);
    *len += cnt;
    (*text)[*len] = 0;
}

static inline void fx_open(struct fx *fx, uint32_t conn)
{
    struct fx_conn *c = &fx->conns[conn];
    c->is_open = true;
    c->cap = FX_ALL;
    c->got_len = c->got_off = c->spill_len = 0;
    fx_append(&c->got, &c->got_len, "", 0);
    tc_fan_conn_open(fx->fan, conn, conn % fx->options.dialect_cnt);
}

static inline void fx_close(struct fx *fx, uint32_t conn)
{
    tc_fan_conn_close(fx->fan, conn);
    fx->conns[conn].is_open = false;
}

/* The socket takes what it can: how many of these bytes. */
static inline uint32_t fx_socket(struct fx_conn *c, const void *bytes, uint32_t cnt)
{
    uint32_t taken = TC_MIN(cnt, c->cap);
    fx_append(&c->got, &c->got_len, bytes, taken);
    if (c->cap != FX_ALL)
        c->cap -= taken;
    return taken;
}

/* A reply of the caller's own: behind what it holds already. */
static inline void fx_reply(struct fx *fx, uint32_t conn, const void *bytes, size_t len)
{
    struct fx_conn *c = &fx->conns[conn];
    uint32_t taken = c->spill_len ? 0 : fx_socket(c, bytes, (uint32_t)len);
    if (taken == len)
        return;
    fx_append(&c->spill, &c->spill_len, (const char *)bytes + taken, (uint32_t)len - taken);
    tc_fan_conn_blocked(fx->fan, conn);
}

/* Gather, send, settle. */
static inline void fx_offer(struct fx *fx, uint32_t conn)
{
    struct fx_conn *c = &fx->conns[conn];
    struct tc_fan_piece pieces[FX_PIECES];
    struct tc_fan_piece tail;
    uint32_t total = 0;
    uint32_t taken = 0;
    uint32_t sum = 0;
    uint32_t cnt = tc_fan_gather(fx->fan, conn, pieces, fx->piece_max, &total);
    cr_assert_eq(c->spill_len, 0, "planned for a connection that is blocked");
    for (uint32_t i = 0; i < cnt; i++) {
        sum += pieces[i].len;
        if (sum - pieces[i].len == taken)
            taken += fx_socket(c, pieces[i].bytes, pieces[i].len);
    }
    cr_assert_eq(sum, total);
    tc_fan_settle(fx->fan, conn, taken, taken < total, &tail);
    if (tail.len) {
        fx_append(&c->spill, &c->spill_len, tail.bytes, tail.len);
        tc_fan_conn_blocked(fx->fan, conn);
    }
}

/* The socket has room for cap more bytes. */
static inline void fx_writable(struct fx *fx, uint32_t conn, uint32_t cap)
{
    struct fx_conn *c = &fx->conns[conn];
    c->cap = cap;
    uint32_t taken = c->spill_len ? fx_socket(c, c->spill, c->spill_len) : 0;
    if (taken)
        memmove(c->spill, c->spill + taken, c->spill_len - taken);
    c->spill_len -= taken;
    if (c->spill_len == 0)
        tc_fan_conn_writable(fx->fan, conn);
}

static inline void fx_flush(struct fx *fx)
{
    for (uint32_t conn; (conn = tc_fan_next_touched(fx->fan)) != TC_NONE;)
        fx_offer(fx, conn);
}

static inline void fx_catch_up(struct fx *fx)
{
    tc_fan_catch_up_begin(fx->fan, fx->now_ns);
    for (uint32_t conn; (conn = tc_fan_catch_up(fx->fan, fx->max_bytes)) != TC_NONE;)
        fx_offer(fx, conn);
}

static inline void fx_turn(struct fx *fx)
{
    fx_flush(fx);
    tc_fan_read(fx->fan, fx->now_ns);
    fx_flush(fx);
    fx_catch_up(fx);
}

/* Turns until nothing is left to do at this time. */
static inline void fx_run(struct fx *fx)
{
    uint32_t turns = 0;
    do {
        fx_turn(fx);
        cr_assert_lt(turns++, 20000, "it never comes to rest");
    } while (tc_fan_has_news(fx->fan) || tc_fan_has_catch_up(fx->fan) ||
             tc_fan_parked_at_ns(fx->fan) <= fx->now_ns);
}

/* ---- subscriptions ---- */

/* With all there is to wish for; a second confirmation is sent as the caller does. */
static inline int fx_wish(struct fx *fx, uint32_t conn, const struct tc_fan_wish *wish)
{
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    size_t len = 0;
    int rc = tc_fan_subscribe(fx->fan, conn, wish, fx->now_ns, reply, &len);
    if (rc == 1)
        fx_reply(fx, conn, reply, len);
    return rc;
}

static inline int fx_sub(struct fx *fx, uint32_t conn, const char *room, bool is_snapshot)
{
    struct tc_fan_wish wish = { .room = tc_str_from(room), .is_snapshot = is_snapshot };
    return fx_wish(fx, conn, &wish);
}

static inline int fx_resume(struct fx *fx, uint32_t conn, const char *room, const char *log,
                            int64_t pos, int64_t ts_ms)
{
    struct tc_fan_wish wish = { .room = tc_str_from(room),
                                .id = TC_STR("9"),
                                .from = { tc_str_from(log), pos, ts_ms } };
    return fx_wish(fx, conn, &wish);
}

/* What arrived since the last call. */
static inline const char *fx_take(struct fx *fx, uint32_t conn)
{
    struct fx_conn *c = &fx->conns[conn];
    const char *text = c->got + c->got_off;
    c->got_off = c->got_len;
    return text;
}

#endif
