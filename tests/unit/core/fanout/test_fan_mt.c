// SPDX-License-Identifier: Apache-2.0
/* Goal: with the writer on a thread of its own and a ring that goes round all the time, no client
 * has a hole that it was not told of, a duplicate or a torn payload. Positions of each room are
 * without holes and payloads are made of them, so each line proves itself. */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/core/fanout/fixture.h"

#ifdef TC_SANITIZED
enum { EVENTS = 60000 };
#else
enum { EVENTS = 400000 };
#endif
enum { ROOMS = 3, CONNS = 4, PAUSE = 700 };

static struct fx fx;
static _Atomic uint32_t turn_cnt;
static _Atomic bool is_done;
static const char *const names[ROOMS] = { "ticker-A", "ticker-B", "ticker-C" };
static int64_t newest[ROOMS]; /* the writer's, until it is joined */

struct view {
    bool is_in;
    bool has_skip;
    int64_t last;
    int64_t skip_to;
};
static struct view views[CONNS][ROOMS];
static uint64_t update_cnt, notice_cnt, snap_cnt, answer_cnt;

static void *write_all(void *arg)
{
    char payload[64];
    uint64_t rng = 88172645463325252ull;
    for (uint32_t i = 0; i < EVENTS; i++) {
        rng ^= rng << 13;
        rng ^= rng >> 7;
        rng ^= rng << 17;
        uint32_t r = rng % 100 < 70 ? 0 : rng % 100 < 99 ? 1 : 2;
        int64_t pos = ++newest[r];
        int len = snprintf(payload, sizeof(payload), "%lld=%lld", (long long)pos, (long long)pos);
        memset(payload + len, '.', sizeof(payload) - (size_t)len);
        struct tc_bus_put put = { .room = fx_room(&fx, 0, names[r]),
                                  .log = (uint16_t)r,
                                  .kind = TC_BUS_UPDATE,
                                  .pos = pos,
                                  .ts_ms = pos,
                                  .payload = payload,
                                  .len = (uint32_t)len + (uint32_t)(rng >> 40) % 30 };
        fx_publish(&fx, 0, &put);
        if (rng >> 60 != 0)
            fx_commit(&fx, 0);
        /* now and then the worker gets its breath back */
        for (uint32_t t = turn_cnt; i % PAUSE == 0 && turn_cnt - t < 4;)
            sched_yield();
    }
    fx_commit(&fx, 0);
    is_done = true;
    return arg;
}

static int64_t num(const char *text)
{
    return *text == '-' ? -1 : strtoll(text, NULL, 10);
}

static void on_update(struct view *v, char *const *w)
{
    int64_t pos = num(w[2]);
    int64_t prev = num(w[3]);
    char want[64];
    snprintf(want, sizeof(want), "%lld=%lld", (long long)pos, (long long)pos);
    cr_assert_eq(strncmp(w[6], want, strlen(want)), 0, "%lld: %s", (long long)pos, w[6]);
    cr_assert_eq(strspn(w[6] + strlen(want), "."), strlen(w[6] + strlen(want)), "%s", w[6]);
    cr_assert_eq(num(w[4]), pos);
    cr_assert_eq(prev, pos == 1 ? -1 : pos - 1);
    update_cnt++;
    if (strcmp(w[5], "snap") == 0) {
        snap_cnt++;
        cr_assert_geq(v->last, -1);
    } else if (v->has_skip) {
        cr_assert_eq(v->skip_to, prev);
    } else {
        cr_assert_eq(pos, TC_MAX(v->last, 0) + 1, "%s: %lld after %lld", w[1], (long long)pos,
                     (long long)v->last);
    }
    v->has_skip = false;
    v->last = pos;
}

static void on_line(uint32_t conn, char *line)
{
    char *w[8] = { 0 };
    char *save = NULL;
    uint32_t cnt = 0;
    for (char *t = strtok_r(line, " ", &save); t && cnt < 8; t = strtok_r(NULL, " ", &save))
        w[cnt++] = t;
    cr_assert_geq(cnt, 2);
    struct view *v = &views[conn][w[1][7] - 'A'];
    cr_assert(v->is_in, "%s", w[1]);
    switch (*w[0]) {
    case 'U':
        on_update(v, w);
        break;
    case 'C':
        v->last = num(w[4]);
        answer_cnt++;
        break;
    case 'R':
        cr_assert_eq(num(w[5]), num(w[4]) - num(w[3]), "%s to %s: %s", w[3], w[4], w[5]);
        v->last = num(w[3]);
        answer_cnt++;
        break;
    case 'X':
        answer_cnt++;
        break;
    case 'N':
        cr_assert_eq(num(w[2]), v->last);
        cr_assert_eq(num(w[4]), num(w[3]) - TC_MAX(v->last, 0), "%s to %s: %s", w[2], w[3], w[4]);
        v->has_skip = true;
        v->skip_to = num(w[3]);
        notice_cnt++;
        break;
    case 'G':
        cr_assert_eq(num(w[3]), v->last);
        v->last = num(w[4]);
        notice_cnt++;
        break;
    default:
        cr_assert_fail("%s", w[0]);
    }
}

/* Reads what came, and makes place for more. */
static void look(uint32_t conn)
{
    struct fx_conn *c = &fx.conns[conn];
    uint32_t off = 0;
    char *end;
    while ((end = memchr(c->got + off, '\n', c->got_len - off))) {
        *end = 0;
        on_line(conn, c->got + off);
        off = (uint32_t)(end + 1 - c->got);
    }
    memmove(c->got, c->got + off, c->got_len - off);
    c->got_len -= off;
}

/* Clients come back with what they had, and sockets fill up. */
static void disturb(uint32_t turn)
{
    uint32_t conn = turn % CONNS;
    uint32_t r = turn / CONNS % ROOMS;
    struct view *v = &views[conn][r];
    struct fx_conn *c = &fx.conns[conn];
    if (turn % 3 == 0)
        fx_writable(&fx, conn, turn % 2 ? FX_ALL : turn * 7 % 400);
    if (turn % 5 || c->got_len || c->spill_len)
        return;
    bool was_in = v->is_in;
    if (was_in)
        cr_assert_eq(tc_fan_unsubscribe(fx.fan, conn, tc_str_from(names[r]), NULL, NULL), 0);
    v->has_skip = false;
    v->is_in = turn % 2 || !was_in;
    if (was_in && v->is_in && v->last > 0)
        cr_assert_eq(fx_resume(&fx, conn, names[r], fx.logs[0].logs[r].name, v->last, v->last), 0);
    else if (v->is_in)
        cr_assert_eq(fx_sub(&fx, conn, names[r], true), 0);
}

static void begin(void)
{
    struct fx_options o = fx_defaults();
    o.event_cnt = 256;
    o.payload_bytes = 256 * 48;
    o.conflate_bytes = 2000;
    fx_init_cold(&fx, &o);
    for (uint32_t r = 0; r < ROOMS; r++)
        fx_log(&fx, 0, 0, 1, TC_NONE);
    fx_warm(&fx);
    for (uint32_t conn = 0; conn < CONNS; conn++) {
        fx_open(&fx, conn);
        for (uint32_t r = 0; r < ROOMS; r++) {
            cr_assert_eq(fx_sub(&fx, conn, names[r], false), 0);
            views[conn][r] = (struct view){ true, false, -1, 0 };
        }
    }
}

Test(fan_mt, ring_goes_round, .timeout = 250)
{
    /* Goal: see above; and laps, holes, snapshots and resumes have happened. */
    pthread_t writer;
    begin();
    cr_assert_eq(pthread_create(&writer, NULL, write_all, NULL), 0);
    while (!is_done) {
        fx_turn(&fx);
        for (uint32_t conn = 0; conn < CONNS; conn++)
            look(conn);
        disturb(turn_cnt++);
    }
    cr_assert_eq(pthread_join(writer, NULL), 0);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t conn = 0; conn < CONNS; conn++)
            fx_writable(&fx, conn, FX_ALL);
        fx_run(&fx);
        fx.now_ns += 2 * fx.options.resume_wait_ns;
    }
    for (uint32_t conn = 0; conn < CONNS; conn++) {
        look(conn);
        for (uint32_t r = 0; r < ROOMS; r++) {
            if (views[conn][r].is_in)
                cr_expect_eq(views[conn][r].last, newest[r]);
        }
        fx_close(&fx, conn);
    }
    const struct tc_fan_stats *s = tc_fan_stats(fx.fan);
    cr_log_info("turns %u, updates %llu, notices %llu, snapshots %llu, answers %llu, laps %llu",
                turn_cnt, (unsigned long long)update_cnt, (unsigned long long)notice_cnt,
                (unsigned long long)snap_cnt, (unsigned long long)answer_cnt,
                (unsigned long long)s->lapped_cnt);
    cr_expect_eq(s->member_cnt + s->room_cnt + s->parked_cnt + s->behind_cnt, 0);
    cr_expect(s->lapped_cnt && notice_cnt && snap_cnt && s->recovered_cnt && update_cnt > 1000);
    fx_fini(&fx);
}
