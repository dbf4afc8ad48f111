// SPDX-License-Identifier: Apache-2.0
/* Goal: a method on the side thread is told what it would be told on the worker, and what it sends
 * reaches the client as from there: byte for byte, in every dialect of calls; times, cancellation
 * and a stop as well, whoever is first. */
#include "tests/unit/io/session/desk_toy.h"
#include "tests/unit/io/session/web_wire.h"

enum { MESSAGE_MAX = 1 << 20, CALL_MAX = 8, TEXT_MAX = 1 << 18 };

static struct gw w;

#define DEADLINE "grpc-status=4 grpc-message=the deadline of the call is over end\n"

static void open_side(void)
{
    desk_open(true, CALL_MAX, MESSAGE_MAX);
    gw_open(&w);
}

static void close_side(void)
{
    gw_close(&w);
    desk_close();
}

/* ---- both ways ---- */

/* Messages of a script are parted by '|'. */
struct row {
    const char *method;
    const char *more; /* fields of the head */
    const char *script;
    const char *log; /* somewhere in the toy's log */
};

#define GZIP "grpc-accept-encoding gzip\n"
#define PACKED "grpc-encoding gzip\n" GZIP
#define AS                                                                                         \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aa"

static const struct row rows[] = {
    /* shapes */
    { "Unary", "", "s hello\nf 0", "message 11\nend OK\n" },
    { "Unary", "", "", "message 0\n" },
    { "Unary", "", "|", "end UNIMPLEMENTED\n" },
    { "ServerStream", "", "s one\ns \nn 70000\ns two\nf 0", "end OK\n" },
    { "ClientStream", "", "x||xyz", "message 3\nhalf\nend OK\n" },
    { "Bidi", "", "s one||s two\ns three", "half\nend OK\n" },
    { "Bidi", "", "s one|f 0\ns never|s neither", "message 11\nend OK\n" },
    { "Bidi", "", "H|s x|H|f 13 broken", "end INTERNAL\n" },
    { "Bare", "", "s x|s y\nf 0", "" },
    /* metadata */
    { "Unary", "x-a 1\nx-b-bin AAE\nx-a 2\nx-empty \n",
      "h a 1\nh a 2\nt z 9\nh b-bin \xff\x80\nt y-bin ab\ns x\nf 0",
      "start Unary x-a=1 x-b-bin=AAE x-a=2 x-empty=\n" },
    { "Unary", "", "t z 9\nh a \nt e-bin \nf 3 no", "end INVALID_ARGUMENT\n" },
    { "Unary", "", "t grpc-status-details-bin abc\nf 3", "end INVALID_ARGUMENT\n" },
    { "Unary", "",
      "h A 1\nh grpc-x 1\nh a:b 1\nt \xc3 1\nt grpc-status 0\nh v \x01\nh v \xc3\xa9\nt v  x\nH\n"
      "h late 1\nt ok 1\ns x\nf 0",
      "refused h\nrefused h\nrefused h\nrefused t\nrefused t\nrefused h\nrefused h\nrefused t\n"
      "refused h\nend OK\n" },
    /* ends */
    { "Unary", "", "f 0 why", "end OK\n" },
    { "Unary", "", "f 2 50% of \xc3\xa9\x01 ", "end UNKNOWN\n" },
    { "Unary", "", "f 16 " AS AS AS AS AS AS AS AS AS AS AS AS AS AS, "end UNAUTHENTICATED\n" },
    { "Unary", "", "H\nf 5 gone\ns late\nf 0\nh a b\na 1\ng", "end NOT_FOUND\n" },
    { "Unary", "", "n 2000000\ns late", "end RESOURCE_EXHAUSTED\n" },
    { "Unary", "grpc-timeout 1H\n", "f 0", " timeout=3600000000000\n" },
    /* compressed */
    { "Unary", GZIP, "g\np " AS "\ns " AS "\np a\nf 0", "end OK\n" },
    { "Unary", "", "g\np " AS "\nf 0", "end OK\n" },
    { "Unary", GZIP, "p " AS "\nf 0", "end OK\n" },
    { "Unary", GZIP, "H\ng\np " AS "\nf 0", "end OK\n" },
    { "Unary", PACKED, "g\np " AS "\nf 0", "packed last message 102\n" },
    { "Bidi", PACKED, "g\np " AS AS "|s " AS "|f 0", "end OK\n" },
};

enum way { GRPC, WEB, WEB_TEXT, HTTP1_WEB, HTTP1_WEB_TEXT, WAY_CNT };
static const char *const types[] = { "application/grpc", WEB_TYPE, WEB_TEXT_TYPE, WEB_TYPE,
                                     WEB_TEXT_TYPE };

struct heard {
    char text[TEXT_MAX];
    size_t len;
};

static void hear(struct heard *h, const void *bytes, size_t len)
{
    cr_assert_lt(h->len + len, sizeof(h->text));
    if (len > 0)
        memcpy(h->text + h->len, bytes, len);
    h->len += len;
}

static void hear_text(struct heard *h, const char *text)
{
    hear(h, text, strlen(text));
}

/* The request's body: in web_body. */
static void put_messages(const struct row *row, bool is_text)
{
    struct tc_grpc_gzip *gzip = &nx.tc_sessions.grpc.gzip;
    bool is_packed = strstr(row->more, "grpc-encoding gzip") != NULL;
    const char *at = row->script;
    for (bool has_more = true; has_more;) {
        uint8_t packed[4096];
        size_t len = strcspn(at, "|");
        uint32_t packed_len = 0;
        size_t prefix = web_body.len;
        has_more = at[len] == '|';
        if (is_packed)
            is_packed = tc_grpc_deflate(gzip, (const uint8_t *)at, (uint32_t)len, packed,
                                        sizeof(packed), &packed_len) == TC_OK;
        web_message(is_packed ? (const char *)packed : at, is_packed ? packed_len : len);
        web_body.bytes[prefix] = is_packed;
        is_packed = strstr(row->more, "grpc-encoding gzip") != NULL;
        at += len + has_more;
    }
    if (is_text)
        web_body_as_text(3000);
}

static void ask_h2(const struct row *row, const char *type, struct heard *h)
{
    char path[64];
    char more[256];
    snprintf(path, sizeof(path), "/toy.Toy/%s", row->method);
    snprintf(more, sizeof(more), "content-type %s\n%s", type, row->more);
    gw_open(&w);
    struct gw_call *c = gw_start(&w, path, more);
    c->is_raw = true;
    gw_body(&w, c, web_body.bytes, web_body.len);
    gw_end(&w, c);
    web_body.len = 0;
    desk_run(&w);
    bool has_no_end = row->script[0] == 0; /* a method that says nothing */
    cr_assert_neq(c->is_closed, has_no_end, "%s", row->script);
    hear_text(h, gw_take(c));
    hear(h, c->body, c->body_len);
    gw_close(&w);
}

static void ask_http1(const struct row *row, const char *type, struct heard *h)
{
    char path[64];
    char lines[256];
    size_t len = 0;
    snprintf(path, sizeof(path), "/toy.Toy/%s", row->method);
    for (const char *at = row->more; *at; at++) {
        const char *line = at;
        size_t name_len = strcspn(line, " ");
        at += strcspn(at, "\n");
        len += (size_t)snprintf(lines + len, sizeof(lines) - len, "%.*s: %.*s\r\n", (int)name_len,
                                line, (int)(at - line - (int)name_len - 1), line + name_len + 1);
    }
    lines[len] = 0;
    web_accept();
    web_post(path, type, lines, 0);
    web_send_by(NX_RECV_BYTES);
    do
        nx_run(&nx);
    while (desk_turn() > 0);
    const struct nx_sock *s = &nx.reactor.socks[web.slot];
    hear(h, s->got, s->got_len);
    if (!nx_is_closed(&nx, web.slot))
        web_close();
}

static void play(enum way way, const struct row *row, struct heard *h)
{
    char counts[64];
    h->len = 0;
    put_messages(row, way == WEB_TEXT || way == HTTP1_WEB_TEXT);
    if (way >= HTTP1_WEB)
        ask_http1(row, types[way], h);
    else
        ask_h2(row, types[way], h);
    desk_turn();
    const char *log = toy_take();
    cr_assert_not_null(strstr(log, row->log), "%s: %s", row->script, log);
    hear_text(h, log);
    snprintf(counts, sizeof(counts), "%u ends, %llu calls, %llu errors\n", toy_end_cnt,
             (unsigned long long)tc_count_get(&nx.metric.grpc_calls),
             (unsigned long long)tc_count_get(&nx.metric.grpc_errors));
    hear_text(h, counts);
}

Test(desk, the_same_answers)
{
    /* Goal: scripts of all kinds, in gRPC and both forms of gRPC-Web, over HTTP/2 and HTTP/1.1: the
     * method is told the same, and the client gets the same bytes, as if it were the worker's. */
    static struct heard heard[2];
    for (enum way way = GRPC; way < WAY_CNT; way++) {
        for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
            for (int is_side = 0; is_side < 2; is_side++) {
                desk_open(is_side, CALL_MAX, MESSAGE_MAX);
                play(way, &rows[i], &heard[is_side]);
                desk_close();
            }
            cr_assert(heard[0].len == heard[1].len &&
                          memcmp(heard[0].text, heard[1].text, heard[0].len) == 0,
                      "way %u, row %zu:\n%.*s\n-- and on the side:\n%.*s", way, i,
                      (int)heard[0].len, heard[0].text, (int)heard[1].len, heard[1].text);
        }
    }
}

Test(desk, calls_do_not_meet)
{
    /* Goal: calls of one connection, open at once on both threads: each gets its own. */
    desk_open(true, CALL_MAX, MESSAGE_MAX);
    desk_methods[0].is_side = false; /* Unary */
    gw_open(&w);
    struct gw_call *a = gw_start(&w, "/toy.Toy/Bidi", "");
    struct gw_call *b = gw_start(&w, "/toy.Toy/Bidi", "");
    desk_script(&w, a, "h of a\ns a1");
    desk_script(&w, b, "h of b\ns b1\ns b2");
    desk_script(&w, a, "s a2");
    cr_assert_str_eq(gw_take(a), GW_HEAD " of=a\n0 a1\n0 a2\n");
    cr_assert_str_eq(gw_take(b), GW_HEAD " of=b\n0 b1\n0 b2\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "", "s here\nf 0"), GW_HEAD "\n0 here\n" GW_OK,
                     "a method of the worker needs no side thread");
    cr_assert_eq(desk_side->askers.used_cnt, 2);
    desk_script(&w, b, "f 5 gone");
    gw_end(&w, a);
    desk_run(&w);
    cr_assert_str_eq(gw_take(b), "TRAILERS grpc-status=5 grpc-message=gone end\n");
    cr_assert_str_eq(gw_take(a), "0 2 messages\n" GW_OK);
    cr_assert_eq(toy_end_cnt, 3);
    close_side();
}

Test(desk, one_after_another_on_http1)
{
    /* Goal: an answer that comes when the worker does something else ends its request: the
     * connection takes the next one. */
    desk_open(true, CALL_MAX, MESSAGE_MAX);
    web_accept();
    for (int i = 0; i < 5; i++) {
        web_post_text("/toy.Toy/Unary", "s x\nf 0");
        cr_assert_str_eq(web_run(), "", "not answered yet");
        cr_assert_gt(desk_turn(), 0);
        nx_run(&nx);
        cr_assert_str_eq(web_take(), "200 keep\nM x\nT grpc-status: 0; \nend\n");
        web_post_text("/toy.Toy/Unary", "f 3 no");
        cr_assert_str_eq(web_run(), "");
        cr_assert_gt(desk_turn(), 0);
        nx_run(&nx);
        cr_assert_str_eq(web_take(), "200 keep grpc-status=3 grpc-message=no\n");
    }
    cr_assert_eq(toy_end_cnt, 10);
    web_close();
    desk_close();
}

Test(desk, a_large_head)
{
    /* Goal: all fields of a request reach the method, empty ones and long ones too. */
    enum { CNT = 90, LONG = 80 };
    char more[CNT * (LONG + 16)];
    char want[sizeof(more) + 64];
    size_t len = 0;
    size_t want_len = (size_t)snprintf(want, sizeof(want), "start Bidi");
    for (int i = 0; i < CNT; i++) {
        char value[LONG + 1];
        memset(value, 'a' + i % 26, sizeof(value));
        value[i % (LONG + 1)] = 0;
        len += (size_t)snprintf(more + len, sizeof(more) - len, "x-%d %s\n", i, value);
        want_len +=
            (size_t)snprintf(want + want_len, sizeof(want) - want_len, " x-%d=%s", i, value);
    }
    snprintf(want + want_len, sizeof(want) - want_len, "\n");
    open_side();
    (void)gw_start(&w, "/toy.Toy/Bidi", more);
    desk_run(&w);
    cr_assert_str_eq(toy_take(), want);
    close_side();
}

Test(desk, more_than_a_turn)
{
    /* Goal: a worker applies TC_DESK_TURN_MAX answers at once and the rest later, in order. */
    enum { CNT = 2 * TC_DESK_TURN_MAX + 10 };
    char script[8 * CNT];
    char want[16 * CNT] = GW_HEAD "\n";
    size_t len = 0;
    size_t want_len = strlen(want);
    for (int i = 0; i < CNT; i++) {
        len += (size_t)snprintf(script + len, sizeof(script) - len, "s %d\n", i);
        want_len += (size_t)snprintf(want + want_len, sizeof(want) - want_len, "0 %d\n", i);
    }
    open_side();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    gw_message(&w, c, 0, script, len);
    gw_run(&w);
    cr_assert_eq(tc_desk_work(&desk), 1, "the start");
    cr_assert_eq(tc_desk_work(&desk), 1, "the message");
    cr_assert_eq(tc_desk_work(&desk), 0);
    cr_assert(tc_desk_has_answers(desk_side));
    cr_assert_eq(tc_desk_take(desk_side), TC_DESK_TURN_MAX);
    cr_assert_eq(tc_desk_take(desk_side), TC_DESK_TURN_MAX);
    cr_assert_eq(tc_desk_take(desk_side), CNT + 1 - 2 * TC_DESK_TURN_MAX, "with the head");
    cr_assert_not(tc_desk_has_answers(desk_side));
    cr_assert_not(tc_desk_has_answers(NULL));
    cr_assert_eq(tc_desk_take(NULL), 0);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), want);
    close_side();
}

Test(desk, a_worker_that_sleeps_is_woken)
{
    /* Goal: an answer rings the bell of a worker that sleeps, once; of one that does not, not. */
    open_side();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    desk_script(&w, c, "s awake");
    cr_assert_not(tc_os_bell_clear(desk_bell));
    gw_message(&w, c, 0, "s x\ns y", 7);
    gw_run(&w);
    atomic_store(&desk_sleeping, 3); /* and another one's bit */
    cr_assert_eq(tc_desk_work(&desk), 1);
    cr_assert_eq(atomic_load(&desk_sleeping), 2);
    cr_assert(tc_os_bell_clear(desk_bell));
    cr_assert_not(tc_os_bell_clear(desk.bell), "nobody had said that the side thread sleeps");
    atomic_store(&desk.is_asleep, true);
    desk_script(&w, c, "s z");
    cr_assert(tc_os_bell_clear(desk.bell));
    atomic_store(&desk.is_asleep, false);
    close_side();
}

/* ---- time ---- */

Test(desk, timer)
{
    /* Goal: a time that the method arms is kept by the worker; the method is told on its thread. */
    open_side();
    int64_t now_ms = tc_os_mono_ns() / FX_MS; /* what the side thread counts by */
    nx_wait_ms(&nx, now_ms - nx.fx.now_ns / FX_MS);
    gw_close(&w);
    gw_open(&w);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    desk_script(&w, c, "a 2000");
    cr_assert_str_eq(gw_take(c), "");
    toy_take();
    desk_run(&w);
    cr_assert_str_eq(toy_take(), "", "not before");
    nx_wait_ms(&nx, tc_os_mono_ns() / FX_MS - now_ms + 2000 + NX_TICK_MS);
    cr_assert_str_eq(toy_take(), "", "it is not the worker that tells it");
    desk_run(&w);
    cr_assert_str_eq(toy_take(), "timer\n");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 tick\n");
    nx_wait_ms(&nx, 4000);
    desk_run(&w);
    cr_assert_str_eq(toy_take(), "", "once");
    close_side();
}

Test(desk, deadline_before_it_was_asked)
{
    /* Goal: the worker ends a call in time though the side thread has not come to it; the method is
     * told all in its order, ends once, and what it says is dropped. */
    open_side();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "grpc-timeout 500m\n");
    gw_message(&w, c, 0, "h a b\ns x\na 1", 13);
    gw_run(&w);
    nx_wait_ms(&nx, 499);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), "");
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GW_HEAD " " DEADLINE);
    cr_assert_str_eq(toy_take(), "");
    cr_assert_eq(desk_side->askers.used_cnt, 0);
    desk_run(&w);
    cr_assert_str_eq(toy_take(), "start Bidi timeout=500000000\nmessage 13\n"
                                 "end DEADLINE_EXCEEDED\n");
    cr_assert_str_eq(gw_take(c), "");
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    close_side();
}

/* A script whose answers are on their way when the deadline comes. */
static void late(const char *script, const char *log)
{
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "grpc-timeout 500m\n");
    gw_message(&w, c, 0, script, strlen(script));
    gw_run(&w);
    cr_assert_eq(tc_desk_work(&desk), 1);
    cr_assert_eq(tc_desk_work(&desk), 1);
    nx_wait_ms(&nx, 500 + NX_TICK_MS);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GW_HEAD " " DEADLINE);
    desk_run(&w);
    cr_assert_str_eq(gw_take(c), "");
    cr_assert_str_eq(toy_take(), log);
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
}

Test(desk, deadline_before_the_answer)
{
    /* Goal: an answer that comes after the deadline is dropped whole; on_end once, with the status
     * of whoever ended the method's part. */
    open_side();
    late("h a b\nt c d\ng\ns x\np y\na 1",
         "start Bidi timeout=500000000\nmessage 25\nend DEADLINE_EXCEEDED\n");
    late("s x\nf 0", "start Bidi timeout=500000000\nmessage 7\nend OK\n");
    cr_assert_eq(toy_end_cnt, 2);
    close_side();
}

/* ---- ends by others ---- */

Test(desk, cancelled)
{
    /* Goal: a reset, the end of the connection and its breakdown are CANCELLED, told once, in every
     * state of the call: not asked yet, heard, answered and not taken, under way. */
    for (int way = 0; way < 3; way++) {
        for (int state = 0; state < 4; state++) {
            open_side();
            struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
            gw_message(&w, c, 0, "h a b\nt c d\ns x", 15);
            gw_body(&w, c, "\0\0\0\1\0half", 9);
            gw_run(&w);
            for (int i = 0; i < TC_MIN(state, 2); i++)
                cr_assert_eq(tc_desk_work(&desk), 1);
            if (state == 3)
                desk_run(&w);
            if (way == 0) {
                gw_cancel(&w, c);
                gw_run(&w);
            } else {
                nx_end(&nx, w.slot, way == 1 ? 0 : -ECONNRESET);
            }
            cr_assert_eq(desk_side->askers.used_cnt, 0);
            cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
            desk_turn();
            cr_assert_str_eq(toy_take(), "start Bidi\nmessage 15\nend CANCELLED\n");
            close_side();
        }
    }
}

Test(desk, drain)
{
    /* Goal: a graceful stop asks methods on the side to end; who has no on_drain may finish. */
    open_side();
    struct gw_call *a = gw_start(&w, "/toy.Toy/Bidi", "");
    struct gw_call *bare = gw_start(&w, "/toy.Toy/Bare", "");
    desk_script(&w, a, "s x");
    gw_take(a);
    toy_take();
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "");
    desk_run(&w);
    cr_assert_str_eq(gw_take(a), "TRAILERS grpc-status=14 grpc-message=drained end\n");
    cr_assert_str_eq(toy_take(), "drain\nend UNAVAILABLE\n");
    desk_script(&w, bare, "s still here\nf 0");
    cr_assert_str_eq(gw_take(bare), GW_HEAD "\n0 still here\n" GW_OK);
    close_side();
}

Test(desk, a_twin_counts_anew)
{
    /* Goal: what the last call of a place has sent is not counted as the next one's. */
    open_side();
    for (int i = 0; i < 3; i++) {
        struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
        desk_script(&w, c, i == 0 ? "n 50000" : "s x");
        desk_script(&w, c, "s y\ns z");
        cr_assert_str_eq(gw_take(c), i == 0 ? GW_HEAD "\n0 (50000 bytes)\n0 y\n0 z\n"
                                            : GW_HEAD "\n0 x\n0 y\n0 z\n");
        desk_script(&w, c, "f 0");
        cr_assert_str_eq(gw_take(c), GW_OK);
    }
    cr_assert_eq(desk_side->askers.fresh_idx, 1, "it is one place");
    close_side();
}

Test(desk, a_twin_used_again)
{
    /* Goal: answers to a call that is over never reach the one that has its place now, nor do words
     * for it reach the old one's method. */
    open_side();
    struct gw_call *old = gw_start(&w, "/toy.Toy/Bidi", "");
    gw_message(&w, old, 0, "h of old\ns old\nf 5 old", 22);
    gw_run(&w);
    cr_assert_eq(tc_desk_work(&desk), 1);
    gw_cancel(&w, old);
    gw_run(&w);
    struct gw_call *new = gw_start(&w, "/toy.Toy/Bidi", "x-n 1\n");
    gw_message(&w, new, 0, "s new", 5);
    gw_run(&w);
    cr_assert_eq(desk_side->askers.used_cnt, 1);
    cr_assert_eq(desk_side->askers.fresh_idx, 1, "it has the same place");
    cr_assert_eq(tc_desk_work(&desk), 1, "the old one's message");
    cr_assert(tc_desk_has_answers(desk_side));
    desk_run(&w);
    cr_assert_str_eq(toy_take(),
                     "start Bidi\nmessage 22\nend NOT_FOUND\nstart Bidi x-n=1\nmessage 5\n");
    cr_assert_str_eq(gw_take(new), GW_HEAD "\n0 new\n");
    desk_script(&w, new, "f 0");
    cr_assert_str_eq(gw_take(new), GW_OK);
    cr_assert_str_eq(toy_take(), "message 3\nend OK\n");
    close_side();
}
