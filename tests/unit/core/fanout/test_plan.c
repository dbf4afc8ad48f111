// SPDX-License-Identifier: Apache-2.0
/* Goal: one send per connection and turn: small lanes joined, large ones by reference; and whatever
 * the socket takes of it, what is cut is handed out and the rest stays a cursor. */
#include "tests/unit/core/fanout/fixture.h"

#include "core/fanout/fan_int.h"

static struct fx fx;

static void join(uint32_t conn, const char *room)
{
    if (!fx.conns[conn].is_open)
        fx_open(&fx, conn);
    cr_assert_eq(fx_sub(&fx, conn, room, false), 0);
    fx_run(&fx);
    fx_take(&fx, conn);
}

Test(plan, joined)
{
    /* Goal: several rooms of one connection are one piece, in the order of the bus. */
    struct tc_fan_piece pieces[4], tail;
    uint32_t total;
    const char *want = "U ticker-A 1 - 1001 live v1\nU ticker-A 4 1 1004 live v4\n"
                       "U ticker-B 2 - 1002 live v2\nU book-C 3 - 1003 live v3\n";
    fx_init(&fx, NULL);
    join(0, "ticker-A");
    join(0, "ticker-B");
    join(0, "book-C");
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put_many(&fx, "ticker-B", 2, 2);
    fx_put_many(&fx, "book-C", 3, 3);
    fx_put_many(&fx, "ticker-A", 4, 4);
    tc_fan_read(fx.fan, fx.now_ns);
    cr_assert_eq(tc_fan_next_touched(fx.fan), 0);
    cr_expect_eq(tc_fan_next_touched(fx.fan), TC_NONE, "once for all its rooms");
    cr_assert_eq(tc_fan_gather(fx.fan, 0, pieces, 4, &total), 1);
    cr_expect_eq(total, strlen(want));
    cr_expect_eq(pieces[0].len, total);
    cr_expect_eq(memcmp(pieces[0].bytes, want, total), 0);
    cr_expect(tc_fan_is_planned(fx.fan, 0));
    tc_fan_settle(fx.fan, 0, total, false, &tail);
    cr_expect_not(tc_fan_is_planned(fx.fan, 0));
    cr_expect_eq(tail.len, 0);
    fx_fini(&fx);
}

/* What is planned for conn, as text; its only piece. */
static struct tc_str planned(uint32_t conn)
{
    struct tc_fan_piece pieces[4];
    uint32_t total;
    cr_assert_eq(tc_fan_gather(fx.fan, conn, pieces, 4, &total), 1);
    cr_assert_eq(pieces[0].len, total);
    return (struct tc_str){ (const char *)pieces[0].bytes, total };
}

Test(plan, joined_once_for_all)
{
    /* Goal: connections with the same rooms share the bytes that are joined; one with another
     * choice has its own; and what one of them does not take is not the others' matter. */
    const char *all = "U ticker-A 1 - 1001 live v1\nU ticker-B 2 - 1002 live v2\n"
                      "U book-C 3 - 1003 live v3\n";
    const char *two = "U ticker-A 1 - 1001 live v1\nU book-C 3 - 1003 live v3\n";
    const char *one = "U ticker-B 2 - 1002 live v2\n";
    struct tc_fan_piece tail;
    fx_init(&fx, NULL);
    for (uint32_t conn = 0; conn < 3; conn++) {
        join(conn, "ticker-A");
        join(conn, "book-C");
        if (conn < 2)
            join(conn, "ticker-B");
    }
    join(3, "ticker-B");
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put_many(&fx, "ticker-B", 2, 2);
    fx_put_many(&fx, "book-C", 3, 3);
    tc_fan_read(fx.fan, fx.now_ns);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_neq(tc_fan_next_touched(fx.fan), TC_NONE);
    const char *const want[] = { all, all, two, one };
    for (uint32_t conn = 0; conn < 4; conn++) {
        struct tc_str text = planned(conn);
        cr_expect(text.len == strlen(want[conn]) && memcmp(text.ptr, want[conn], text.len) == 0,
                  "%u: %.*s", conn, (int)text.len, text.ptr);
    }
    cr_expect_eq(planned(0).ptr, planned(1).ptr, "the same bytes");
    cr_expect_eq(planned(3).ptr, (const char *)fx.fan->scratch + fx.fan->lanes[1].start_off,
                 "one lane is where it was encoded");
    tc_fan_settle(fx.fan, 0, 30, false, &tail);
    cr_expect_eq(tail.len, strlen(one) - 2, "the frame that was begun");
    for (uint32_t conn = 1; conn < 4; conn++) {
        tc_fan_settle(fx.fan, conn, (uint32_t)strlen(want[conn]), false, &tail);
        cr_expect_eq(tail.len, 0);
    }
    cr_expect_eq(fx.fan->stats.delivery_cnt, 2 + 3 + 2 + 1);
    fx_fini(&fx);
}

Test(plan, rows_of_a_room)
{
    /* Goal: a room with more members than a row has seats: whoever leaves, from whatever seat and
     * until rows are empty, the others get each update once; and who comes back does too. */
    enum { ALL = FX_CONNS };
    _Static_assert((int)ALL > (int)TC_ROW_SEATS, "more than one row");
    char want[64];
    int64_t pos = 1;
    fx_init(&fx, NULL);
    for (uint32_t conn = 0; conn < ALL; conn++)
        join(conn, "ticker-A");
    for (uint32_t first = 0; first < ALL; first++) {
        bool is_in[ALL];
        memset(is_in, true, sizeof(is_in));
        for (uint32_t n = 0; n <= ALL; n++) {
            fx_put_many(&fx, "ticker-A", pos, pos);
            pos++;
            fx_run(&fx);
            for (uint32_t conn = 0; conn < ALL; conn++) {
                const char *got = fx_take(&fx, conn);
                snprintf(want, sizeof(want), "U ticker-A %ld", (long)(pos - 1));
                bool is_one = strncmp(got, want, strlen(want)) == 0 &&
                              strchr(got, '\n') == got + strlen(got) - 1;
                cr_assert(is_in[conn] ? is_one : *got == '\0', "%u of %u: %s", conn, n, got);
            }
            uint32_t leaves = (first + 3 * n) % ALL;
            if (n < ALL)
                cr_assert_eq(tc_fan_unsubscribe(fx.fan, leaves, TC_STR("ticker-A"), NULL, NULL),
                             TC_OK);
            is_in[leaves] = false;
        }
        cr_assert_eq(fx.fan->rows.used_cnt, 0);
        for (uint32_t conn = 0; conn < ALL; conn++)
            join(conn, "ticker-A");
    }
    fx_fini(&fx);
}

Test(plan, large_lanes_are_not_copied)
{
    /* Goal: a large lane between two small ones is a piece of its own, and order is kept. */
    struct fx_options o = fx_defaults();
    struct tc_fan_piece pieces[4], tail;
    static char big[8001];
    uint32_t total;
    o.payload_max = 8000;
    fx_init(&fx, &o);
    memset(big, 'x', 8000);
    join(0, "ticker-A");
    join(0, "ticker-B");
    join(0, "ticker-C");
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put(&fx, "ticker-B", 2, big);
    fx_put_many(&fx, "ticker-C", 3, 3);
    tc_fan_read(fx.fan, fx.now_ns);
    cr_assert_eq(tc_fan_next_touched(fx.fan), 0);
    cr_assert_eq(tc_fan_gather(fx.fan, 0, pieces, 4, &total), 3);
    cr_expect_eq(memcmp(pieces[0].bytes, "U ticker-A", 10), 0);
    cr_expect_eq(memcmp(pieces[1].bytes, "U ticker-B", 10), 0);
    cr_expect_eq(memcmp(pieces[2].bytes, "U ticker-C", 10), 0);
    cr_expect(pieces[1].bytes >= fx.fan->scratch &&
              pieces[1].bytes < fx.fan->scratch + fx.fan->scratch_bytes);
    tc_fan_settle(fx.fan, 0, total, false, &tail);
    fx_fini(&fx);
}

Test(plan, joined_buffer_is_bounded)
{
    /* Goal: more small lanes than one buffer holds: nothing is lost or torn. */
    struct fx_options o = fx_defaults();
    char room[32];
    static char text[3001];
    o.payload_max = 3000;
    o.payload_bytes = 1 << 20;
    o.waiting_max = 16;
    fx_init(&fx, &o);
    memset(text, 'x', 3000);
    for (int i = 0; i < 12; i++) {
        snprintf(room, sizeof(room), "ticker-%d", i);
        join(0, room);
    }
    for (int i = 0; i < 12; i++) {
        snprintf(room, sizeof(room), "ticker-%d", i);
        fx_put(&fx, room, i, text);
    }
    struct tc_fan_piece pieces[16];
    uint32_t total;
    tc_fan_read(fx.fan, fx.now_ns);
    uint32_t cnt = tc_fan_gather(fx.fan, 0, pieces, 16, &total);
    cr_expect(cnt >= 3 && cnt < 12, "%u", cnt);
    for (uint32_t i = 0; i < cnt; i++)
        cr_expect_leq(pieces[i].len, TC_FAN_JOINED_MAX);
    fx_run(&fx);
    const char *p = fx_take(&fx, 0);
    for (int i = 0; i < 12; i++) {
        char head[64];
        int len = snprintf(head, sizeof(head), "U ticker-%d %d - %d live x", i, i, 1000 + i);
        cr_assert_eq(strncmp(p, head, (size_t)len), 0, "%d: %.40s", i, p);
        p = strchr(p, '\n') + 1;
    }
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_total, 0);
    fx_fini(&fx);
}

/* Three rooms, five events, a socket that takes `cap` bytes of them and then the rest at once or by
 * single bytes. Returns whether the socket was full. */
static bool cut_at(uint32_t cap, bool is_slow, const char *want)
{
    fx_init(&fx, NULL);
    join(0, "ticker-A");
    join(0, "ticker-B");
    join(0, "book-C");
    fx.conns[0].cap = cap;
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_put_many(&fx, "ticker-B", 3, 4);
    fx_put_many(&fx, "book-C", 5, 5);
    fx_run(&fx);
    struct fx_conn *c = &fx.conns[0];
    uint32_t got_len = c->got_len - c->got_off;
    cr_expect_eq(got_len, TC_MIN(cap, strlen(want)), "cap %u", cap);
    char end = got_len + c->spill_len
                   ? (c->spill_len ? c->spill[c->spill_len - 1] : c->got[c->got_len - 1])
                   : '\n';
    cr_expect_eq(end, '\n', "cap %u: the tail ends with its frame", cap);
    cr_expect_lt(c->spill_len, 40, "cap %u: one frame only", cap);
    if (got_len == 0 || c->got[c->got_len - 1] == '\n')
        cr_expect_eq(c->spill_len, 0, "cap %u: cut between two frames", cap);
    bool is_full = tc_fan_stats(fx.fan)->behind_cnt > 0 || c->spill_len;
    fx_put_many(&fx, "ticker-B", 6, 6);
    for (uint32_t i = 0; is_slow && i < 300; i++) {
        fx_writable(&fx, 0, 1);
        fx_run(&fx);
    }
    fx_writable(&fx, 0, FX_ALL);
    fx_run(&fx);
    return is_full;
}

Test(plan, cut_at_every_byte)
{
    /* Goal: wherever a send is cut, the client gets each event once, whole and in the order of its
     * room; a cut between two frames leaves no tail. */
    static const char *const lines[] = {
        "U ticker-A 1 - 1001 live v1\n", "U ticker-A 2 1 1002 live v2\n",
        "U ticker-B 3 - 1003 live v3\n", "U ticker-B 4 3 1004 live v4\n",
        "U book-C 5 - 1005 live v5\n",   "U ticker-B 6 4 1006 live v6\n",
    };
    char want[256] = "";
    uint32_t total = 0;
    for (size_t i = 0; i < 5; i++)
        total += (uint32_t)snprintf(want + total, sizeof(want) - total, "%s", lines[i]);
    for (uint32_t cap = 0; cap < 2 * total; cap++) {
        uint32_t at = cap / 2;
        cr_expect_eq(cut_at(at, cap % 2, want), at < total, "cap %u", at);
        const char *got = fx_take(&fx, 0);
        const char *seen[6];
        size_t len = 0;
        for (size_t i = 0; i < 6; i++) {
            seen[i] = strstr(got, lines[i]);
            cr_assert(seen[i], "cap %u: no %s in %s", at, lines[i], got);
            len += strlen(lines[i]);
        }
        cr_expect_eq(strlen(got), len, "cap %u: %s", at, got);
        cr_expect(seen[0] < seen[1] && seen[2] < seen[3] && seen[3] < seen[5], "%s", got);
        cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
        cr_expect_eq(tc_fan_stats(fx.fan)->delivery_cnt, 6);
        fx_fini(&fx);
    }
}

Test(plan, more_pieces_than_fit)
{
    /* Goal: what gather has no place for is not lost: it comes by catch-up, without blocking. */
    struct fx_options o = fx_defaults();
    static char big[8001];
    o.payload_max = 8000;
    fx_init(&fx, &o);
    memset(big, 'x', 8000);
    join(0, "ticker-A");
    join(0, "ticker-B");
    join(0, "ticker-C");
    fx_put(&fx, "ticker-A", 1, big);
    fx_put(&fx, "ticker-B", 2, big);
    fx_put(&fx, "ticker-C", 3, big);
    fx.piece_max = 1;
    tc_fan_read(fx.fan, fx.now_ns);
    fx_flush(&fx);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 2);
    cr_expect(tc_fan_has_catch_up(fx.fan));
    fx_run(&fx);
    const char *got = fx_take(&fx, 0);
    cr_expect(strstr(got, "U ticker-A 1 ") && strstr(got, "U ticker-B 2 ") &&
              strstr(got, "U ticker-C 3 "));
    cr_expect_eq(tc_fan_stats(fx.fan)->delivery_cnt, 3);
    cr_expect_eq(tc_fan_stats(fx.fan)->behind_cnt, 0);
    fx_fini(&fx);
}

Test(plan, cut_blocks)
{
    /* Goal: a cut frame blocks the connection even if the caller does not say that it is full: the
     * tail goes first. */
    struct tc_fan_piece tail;
    fx_init(&fx, NULL);
    join(0, "ticker-A");
    fx_put_many(&fx, "ticker-A", 1, 2);
    tc_fan_read(fx.fan, fx.now_ns);
    cr_assert_eq(tc_fan_next_touched(fx.fan), 0);
    tc_fan_settle(fx.fan, 0, 3, false, &tail);
    cr_expect_eq(tail.len, strlen("U ticker-A 1 - 1001 live v1\n") - 3);
    cr_expect_eq(memcmp(tail.bytes, "icker-A 1 - ", 12), 0);
    cr_expect_not(tc_fan_has_catch_up(fx.fan));
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 2 1 1002 live v2\n");
    fx_fini(&fx);
}

Test(plan, nothing_taken)
{
    /* Goal: a full socket costs nothing but the place: no tail, no spill; the first is told first.
     */
    struct tc_fan_piece tail;
    fx_init(&fx, NULL);
    join(0, "ticker-A");
    fx_put_many(&fx, "ticker-A", 1, 2);
    tc_fan_read(fx.fan, fx.now_ns);
    cr_assert_eq(tc_fan_next_touched(fx.fan), 0);
    tc_fan_settle(fx.fan, 0, 0, true, &tail);
    cr_expect_eq(tail.len, 0);
    cr_expect_null(tail.bytes);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "");
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 1 - 1001 live v1\nU ticker-A 2 1 1002 live v2\n");
    fx_fini(&fx);
}

Test(plan, confirmation_is_cut)
{
    /* Goal: confirmation and snapshot are one frame: cut inside, its tail is the rest of both and
     * the subscription is answered once. */
    const char *want = "C ticker-A - s0/t/0@1 2 A\nU ticker-A 2 1 1002 snap v2\n";
    for (uint32_t cap = 0; cap <= strlen(want); cap++) {
        fx_init(&fx, NULL);
        fx_put_many(&fx, "ticker-A", 1, 2);
        fx_open(&fx, 0);
        fx.conns[0].cap = cap;
        cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
        fx_run(&fx);
        cr_expect_eq(fx.conns[0].spill_len, cap ? strlen(want) - cap : 0, "cap %u", cap);
        fx_writable(&fx, 0, FX_ALL);
        fx_run(&fx);
        cr_expect_str_eq(fx_take(&fx, 0), want);
        fx_fini(&fx);
    }
}
