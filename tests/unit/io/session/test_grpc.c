// SPDX-License-Identifier: Apache-2.0
/* Goal: calls of all four shapes reach their methods as gRPC says, end exactly once with the right
 * status whoever ends them, and leave nothing behind; however their bytes were cut. */
#include "tests/unit/io/session/grpc_toy.h"

static struct gw w;

#define ONLY(status, text) GW_HEAD " grpc-status=" status " grpc-message=" text " end\n"

static void check_idle(void)
{
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
}

static void open_toy(void)
{
    toy_init(&toy_server);
    gw_open(&w);
}

static void close_toy(void)
{
    gw_close(&w);
    check_idle();
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    nx_fini(&nx);
}

/* A script to a method of many messages. */
static void script(struct gw_call *c, const char *text)
{
    gw_message(&w, c, 0, text, strlen(text));
    gw_run(&w);
}

/* ---- shapes ---- */

Test(grpc, unary)
{
    /* Goal: the message is held until the client has ended; one answer, one end. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Unary", "x-a 1\n");
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "start Unary x-a=1\n");
    script(c, "s hello\nf 0");
    cr_assert_str_eq(toy_take(), "");
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "message 11\nend OK\n");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 hello\n" GW_OK);
    cr_assert(c->is_closed);
    check_idle();
    cr_assert_eq(tc_count_get(&nx.metric.grpc_calls), 1);
    cr_assert_eq(tc_count_get(&nx.metric.grpc_errors), 0);
    close_toy();
}

Test(grpc, client_stream)
{
    /* Goal: messages come one by one, an empty one too; the answer after the end. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/ClientStream", "");
    script(c, "x");
    script(c, "");
    cr_assert_str_eq(toy_take(), "start ClientStream\nmessage 1\nmessage 0\n");
    gw_message(&w, c, 0, "xyz", 3);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "message 3\nhalf\nend OK\n");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 3 messages\n" GW_OK);
    c = gw_start(&w, "/toy.Toy/ClientStream", "");
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "start ClientStream\nhalf\nend OK\n");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 0 messages\n" GW_OK);
    close_toy();
}

Test(grpc, server_stream)
{
    /* Goal: the answer goes on after the client's end, until the method ends it. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/ServerStream", "");
    gw_message(&w, c, 0, "s one\ns \na 200", 14);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "start ServerStream\nmessage 14\n");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 one\n0 \n");
    nx_wait_ms(&nx, 200 + NX_TICK_MS);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "timer\n");
    cr_assert_str_eq(gw_take(c), "0 tick\n");
    nx_wait_ms(&nx, 1000);
    cr_assert_str_eq(toy_take(), "", "once");
    gw_cancel(&w, c);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "end CANCELLED\n");
    close_toy();
}

Test(grpc, bidi)
{
    /* Goal: both sides speak as they like, and several calls of one connection do not meet. */
    open_toy();
    struct gw_call *a = gw_start(&w, "/toy.Toy/Bidi", "");
    struct gw_call *b = gw_start(&w, "/toy.Toy/Bidi", "");
    script(a, "s a1");
    script(b, "s b1\ns b2");
    script(a, "s a2");
    cr_assert_str_eq(gw_take(a), GW_HEAD "\n0 a1\n0 a2\n");
    cr_assert_str_eq(gw_take(b), GW_HEAD "\n0 b1\n0 b2\n");
    script(b, "s b3\nf 0\ns never");
    cr_assert_str_eq(gw_take(b), "0 b3\n" GW_OK);
    cr_assert(b->is_closed, "it is not waited for the client's end");
    gw_end(&w, a);
    gw_run(&w);
    cr_assert_str_eq(gw_take(a), "0 2 messages\n" GW_OK);
    cr_assert_eq(toy_end_cnt, 2);
    check_idle();
    close_toy();
}

Test(grpc, not_one_message)
{
    /* Goal: of a method with one message none and two are UNIMPLEMENTED, and it sees none. */
    static const char *const paths[] = { "/toy.Toy/Unary", "/toy.Toy/ServerStream" };
    open_toy();
    for (size_t i = 0; i < TC_ARRAY_CNT(paths); i++) {
        struct gw_call *c = gw_start(&w, paths[i], "");
        gw_end(&w, c);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), ONLY("12", "the method takes one message, and none has come"));
        c = gw_start(&w, paths[i], "");
        gw_message(&w, c, 0, "f 0", 3);
        gw_message(&w, c, 0, "", 0);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), ONLY("12", "the method takes one message, and two have come"));
        cr_assert(c->is_closed);
        const char *log = toy_take();
        cr_assert_null(strstr(log, "message"), "%s", log);
        cr_assert_not_null(strstr(log, "end UNIMPLEMENTED\n"), "%s", log);
    }
    cr_assert_eq(toy_end_cnt, 4);
    cr_assert_eq(tc_count_get(&nx.metric.grpc_errors), 4);
    close_toy();
}

/* ---- time ---- */

Test(grpc, deadline)
{
    /* Goal: at the deadline the call ends by itself, not before, and only once. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "grpc-timeout 500m\n");
    script(c, "s x");
    nx_wait_ms(&nx, 499);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 x\n");
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), "TRAILERS grpc-status=4 "
                                 "grpc-message=the deadline of the call is over end\n");
    cr_assert_str_eq(toy_take(), "start Bidi timeout=500000000\nmessage 3\nend "
                                 "DEADLINE_EXCEEDED\n");
    c = gw_start(&w, "/toy.Toy/Unary", "grpc-timeout 0n\n");
    gw_run(&w); /* it is over before it begins */
    cr_assert_str_eq(gw_take(c), ONLY("4", "the deadline of the call is over"));
    cr_assert_str_eq(toy_take(), "");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "grpc-timeout 1H\n", "f 0"),
                     GW_HEAD " grpc-status=0 end\n");
    cr_assert_eq(toy_end_cnt, 2);
    close_toy();
}

Test(grpc, nearest_time_counts)
{
    /* Goal: timers of several calls, and a deadline behind a timer: each is kept. */
    open_toy();
    struct gw_call *a = gw_start(&w, "/toy.Toy/Bidi", "grpc-timeout 3S\n");
    struct gw_call *b = gw_start(&w, "/toy.Toy/Bidi", "");
    script(a, "a 2000");
    script(b, "a 1000");
    toy_take();
    nx_wait_ms(&nx, 1000 + NX_TICK_MS);
    gw_run(&w);
    cr_assert_str_eq(gw_take(b), GW_HEAD "\n0 tick\n");
    cr_assert_str_eq(gw_take(a), "");
    nx_wait_ms(&nx, 1000);
    gw_run(&w);
    cr_assert_str_eq(gw_take(a), GW_HEAD "\n0 tick\n");
    nx_wait_ms(&nx, 1000);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "timer\ntimer\nend DEADLINE_EXCEEDED\n");
    gw_cancel(&w, b);
    gw_run(&w);
    close_toy();
}

Test(grpc, malformed_timeouts)
{
    /* Goal: what is no timeout is INVALID_ARGUMENT, and no method sees the call. */
    static const char *const values[] = { "", "S", "10", "123456789S", "-1S", "1 S", "1s", "1.5S" };
    open_toy();
    for (size_t i = 0; i < TC_ARRAY_CNT(values); i++) {
        char more[64];
        snprintf(more, sizeof(more), "grpc-timeout %s\n", values[i]);
        cr_assert_str_eq(TOY_ASK(&w, "Unary", more, "f 0"),
                         ONLY("3", "grpc-timeout is 1 to 8 digits and one of H M S m u n"), "%s",
                         values[i]);
    }
    cr_assert_str_eq(toy_take(), "");
    close_toy();
}

/* ---- ends by others ---- */

Test(grpc, cancelled)
{
    /* Goal: a reset, the end of the connection and its breakdown are CANCELLED, told once, whatever
     * the call held: half a message, a whole one, answers, metadata. */
    static const char *const scripts[] = { "", "h a b\nt c d", "s x\nt c d", "H\nn 100000" };
    for (int way = 0; way < 3; way++) {
        for (size_t i = 0; i < TC_ARRAY_CNT(scripts); i++) {
            toy_init(&toy_server);
            gw_open_with(&w, 0);
            struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
            script(c, scripts[i]);
            gw_body(&w, c, "\0\0\0\1\0half", 9);
            struct gw_call *held = gw_start(&w, "/toy.Toy/Unary", "");
            script(held, "f 0");
            cr_assert_gt(nx.net.slab.used_bytes, 0);
            if (way == 0) {
                gw_cancel(&w, c);
                gw_cancel(&w, held);
                gw_run(&w);
                check_idle();
            } else {
                nx_end(&nx, w.slot, way == 1 ? 0 : -ECONNRESET);
            }
            cr_assert_eq(toy_end_cnt, 2);
            cr_assert_not_null(strstr(toy_take(), "end CANCELLED\nend CANCELLED\n"));
            toy_end_cnt = 0;
            close_toy();
        }
    }
}

Test(grpc, drain)
{
    /* Goal: a graceful stop asks methods to end; a new call is UNAVAILABLE; who has no on_drain
     * may finish. */
    open_toy();
    struct gw_call *a = gw_start(&w, "/toy.Toy/Bidi", "");
    struct gw_call *bare = gw_start(&w, "/toy.Toy/Bare", "");
    script(a, "s x");
    gw_take(a);
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    gw_run(&w);
    cr_assert_str_eq(gw_take(a), "TRAILERS grpc-status=14 grpc-message=drained end\n");
    cr_assert_str_eq(toy_take(), "start Bidi\nmessage 3\ndrain\nend UNAVAILABLE\n");
    cr_assert_eq(w.goaway, INT32_MAX, "all that come are still served");
    script(bare, "s still here\nf 0");
    cr_assert_str_eq(gw_take(bare), GW_HEAD "\n0 still here\n" GW_OK);
    gw_close(&w);
    nx_check_empty(&nx);
    nx_fini(&nx);
}

Test(grpc, call_during_the_drain)
{
    /* Goal: a call that was on its way when the drain began is told to go elsewhere. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    script(c, "s x");
    (void)gw_start(&w, "/toy.Toy/Bare", "");
    gw_run(&w);
    struct gw_call *late = gw_start(&w, "/toy.Toy/Unary", "");
    gw_message(&w, late, 0, "f 0", 3);
    gw_end(&w, late);
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    gw_run(&w);
    cr_assert_str_eq(gw_take(late), ONLY("14", "the server restarts"));
    gw_close(&w);
    nx_fini(&nx);
}

/* ---- heads ---- */

Test(grpc, unknown)
{
    /* Goal: what this server does not have is UNIMPLEMENTED, and says what is missing. */
    static const struct {
        const char *path;
        const char *more;
        const char *want;
    } rows[] = {
        { "/toy.Toy/Nothing", "", "the service has no such method" },
        { "/toy.Toy/Unary/", "", "the service has no such method" },
        { "/toy.Toy/unary", "", "the service has no such method" },
        { "/toy.Toy/", "", "this server has no such service" },
        { "/toy.To/Unary", "", "this server has no such service" },
        { "/toy.Toys/Unary", "", "this server has no such service" },
        { "/Unary", "", "this server has no such service" },
        { "/toy.Toy/Unary", "content-type application/grpc+json\n",
          "messages are protobuf here: content-type application/grpc or application/grpc+proto" },
        { "/toy.Toy/Unary", "grpc-encoding deflate\n",
          "this server takes messages as they are or by gzip: see grpc-accept-encoding" },
    };
    open_toy();
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        char want[256];
        snprintf(want, sizeof(want), ONLY("12", "%s"), rows[i].want);
        cr_assert_str_eq(gw_ask(&w, rows[i].path, rows[i].more, "f 0", 3), want, "%s %s",
                         rows[i].path, rows[i].more);
    }
    cr_assert_str_eq(toy_take(), "");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "content-type application/grpc+proto;a=b\n", "f 0"),
                     GW_HEAD " grpc-status=0 end\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "grpc-encoding identity\n", "f 0"),
                     GW_HEAD " grpc-status=0 end\n");
    close_toy();
}

/* Status and further words of the head of an ordinary answer. */
static void check_http(const char *path, const char *more, const char *status, const char *words)
{
    struct gw_call *c = gw_start(&w, path, more);
    c->is_raw = true;
    gw_end(&w, c);
    gw_run(&w);
    const char *got = gw_take(c);
    char want[64];
    int len = snprintf(want, sizeof(want), "HEAD :status=%s ", status);
    cr_assert_eq(strncmp(got, want, (size_t)len), 0, "%s: %s", path, got);
    cr_assert_not_null(strstr(got, words), "%s: %s", path, got);
}

Test(grpc, no_calls_at_all)
{
    /* Goal: another content-type at a method's path is 415, another HTTP method 405; other paths
     * stay ordinary. */
    open_toy();
    check_http("/toy.Toy/Unary", "content-type text/plain\n", "415", "problem+json");
    check_http("/toy.Toy/Unary", "content-type application/grpcx\n", "415", "problem+json");
    check_http("/toy.Toy/Unary", ":method GET\n", "405", " allow=POST");
    check_http("/nothing", ":method PUT\n", "405", " allow=POST");
    check_http("/toy.Toy/Unary", ":method GET\ncontent-type text/plain\n", "405", " allow=POST");
    check_http("/toy.Toy/Nothing", ":method GET\ncontent-type text/plain\n", "404", "problem+json");
    check_http("/", ":method GET\ncontent-type text/plain\n", "200", "text/plain");
    cr_assert_eq(tc_count_get(&nx.metric.grpc_calls), 0);
    close_toy();
}

Test(grpc, no_services)
{
    /* Goal: a server without services takes gRPC for ordinary HTTP. */
    toy_init(NULL);
    gw_open(&w);
    check_http("/toy.Toy/Unary", "", "404", "problem+json");
    check_http("/", ":method GET\n", "200", "text/plain");
    close_toy();
}

Test(grpc, no_call_is_free)
{
    /* Goal: without a call for it the request gets 503, and others go on. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    script(c, "s x");
    uint32_t held[NX_STREAMS_MAX];
    uint32_t cnt = 0;
    struct tc_pool *calls = &nx.tc_sessions.grpc.calls;
    for (uint32_t idx; (idx = tc_pool_acquire(calls)) != TC_NONE;)
        held[cnt++] = idx;
    cr_assert_eq(cnt, NX_STREAMS_MAX - 1);
    check_http("/toy.Toy/Unary", "", "503", " retry-after=1");
    script(c, "f 0");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 x\n" GW_OK);
    while (cnt > 0)
        tc_pool_release(calls, held[--cnt]);
    close_toy();
}

/* ---- hooks ---- */

static enum tc_grpc_status hook_on_start(void *ctx, struct tc_grpc_call *call,
                                         const struct tc_grpc_head *head, const char **detail)
{
    (void)call;
    toy_note("%s on %.*s at %.*s\n", (const char *)ctx, (int)head->path.len, head->path.ptr,
             (int)head->host.len, head->host.ptr);
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        if (tc_str_eq(head->fields[i].name, tc_str_from(ctx))) {
            *detail = "no entry";
            return TC_GRPC_PERMISSION_DENIED;
        }
    }
    return TC_GRPC_OK;
}

static void hook_on_end(void *ctx, struct tc_grpc_call *call, enum tc_grpc_status status)
{
    cr_assert(call->is_done);
    toy_note("%s end %s\n", (const char *)ctx, tc_grpc_status_name(status));
}

Test(grpc, hooks)
{
    /* Goal: hooks see every call that has a method, in order; one that refuses is the last, and no
     * method sees the call. */
    static char first[] = "x-first";
    static char second[] = "x-second";
    static const struct tc_grpc_hook hooks[] = {
        { hook_on_start, NULL, first },
        { hook_on_start, hook_on_end, second },
        { NULL, hook_on_end, first },
    };
    struct tc_grpc_server server = toy_server;
    server.hooks = hooks;
    server.hook_cnt = TC_ARRAY_CNT(hooks);
    toy_init(&server);
    gw_open(&w);
    TOY_ASK(&w, "Unary", "", "f 5 gone");
    cr_assert_str_eq(toy_take(), "x-first on /toy.Toy/Unary at h\nx-second on /toy.Toy/Unary at h\n"
                                 "start Unary\nmessage 8\nend NOT_FOUND\n"
                                 "x-second end NOT_FOUND\nx-first end NOT_FOUND\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "x-first 1\n", "f 0"), ONLY("7", "no entry"));
    cr_assert_str_eq(toy_take(), "x-first on /toy.Toy/Unary at h\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "x-second 1\n", "f 0"), ONLY("7", "no entry"));
    const char *log = toy_take();
    static const char both[] = "x-first on /toy.Toy/Unary at h\nx-second on /toy.Toy/Unary at h\n";
    cr_assert_eq(strncmp(log, both, sizeof(both) - 1), 0, "%s", log);
    cr_assert_null(strstr(log, "start"), "%s", log);
    TOY_ASK(&w, "Nothing", "", "f 0");
    cr_assert_str_eq(toy_take(), "");
    close_toy();
}

/* ---- cuts ---- */

Test(grpc, pieces)
{
    /* Goal: requests of all kinds, cut into pieces of any size, are answered alike. */
    static const char want[] = "start Unary\nmessage 11\nend OK\nstart Bidi\nmessage 5\nmessage 0\n"
                               "message 5\nhalf\nend OK\nstart Unary\nend UNIMPLEMENTED\n";
    open_toy();
    gw_close(&w);
    for (size_t step = 1; step < 70; step++) {
        gw_open(&w);
        w.step = step;
        gw_run(&w);
        cr_assert_str_eq(TOY_ASK(&w, "Unary", "", "s hello\nf 0"), GW_HEAD "\n0 hello\n" GW_OK);
        struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
        gw_message(&w, c, 0, "s one", 5);
        gw_message(&w, c, 0, "", 0);
        gw_message(&w, c, 0, "s two", 5);
        gw_end(&w, c);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 one\n0 two\n0 3 messages\n" GW_OK);
        c = gw_start(&w, "/toy.Toy/Unary", "");
        gw_message(&w, c, 0, "a", 1);
        gw_message(&w, c, 0, "b", 1);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), ONLY("12", "the method takes one message, and two have come"));
        cr_assert_str_eq(toy_take(), want, "step %zu", step);
        gw_close(&w);
        check_idle();
    }
    nx_fini(&nx);
}
