// SPDX-License-Identifier: Apache-2.0
/* Goal: bodies of requests: compressed, too large, broken, and those of gRPC-Web; what a client
 * sends costs no more memory than it has sent. */
#include "tests/unit/io/session/grpc_toy.h"

static struct gw w;

#define ONLY(status, text) GW_HEAD " grpc-status=" status " grpc-message=" text " end\n"
#define GZIP "grpc-encoding gzip\n"
#define WEB_HEAD                                                                                   \
    "HEAD :status=200 content-type=application/grpc-web+proto "                                    \
    "grpc-accept-encoding=identity,gzip\n"
#define TEXT_HEAD                                                                                  \
    "HEAD :status=200 content-type=application/grpc-web-text+proto "                               \
    "grpc-accept-encoding=identity,gzip\n"

static uint8_t many[2 * TOY_MESSAGE_MAX];
static uint8_t packed[2 * TOY_MESSAGE_MAX];

static void open_toy(uint32_t message_max)
{
    static struct tc_grpc_server server;
    server = toy_server;
    server.message_max = message_max;
    toy_init(&server);
    gw_open(&w);
}

static void close_toy(void)
{
    gw_close(&w);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    nx_fini(&nx);
}

static uint32_t gzip_of(const void *bytes, uint32_t len)
{
    uint32_t packed_len = 0;
    int rc =
        tc_grpc_deflate(&nx.tc_sessions.grpc.gzip, bytes, len, packed, sizeof(packed), &packed_len);
    cr_assert_eq(rc, TC_OK);
    return packed_len;
}

/* One message with that flag to a method: what the call hears. */
static const char *ask(const char *path, const char *more, uint8_t flag, const void *bytes,
                       size_t len)
{
    struct gw_call *c = gw_start(&w, path, more);
    gw_message(&w, c, flag, bytes, len);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert(c->is_closed);
    return gw_take(c);
}

/* ---- compressed ---- */

Test(grpc_in, gzip)
{
    /* Goal: compressed messages are inflated in every shape; plain ones may come among them. */
    open_toy(0);
    uint32_t len = gzip_of("s hello\nf 0", 11);
    cr_assert_str_eq(ask("/toy.Toy/Unary", GZIP, 1, packed, len), GW_HEAD "\n0 hello\n" GW_OK);
    cr_assert_str_eq(ask("/toy.Toy/Unary", GZIP, 0, "f 0", 3), GW_HEAD " grpc-status=0 end\n");
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", GZIP);
    len = gzip_of("s one", 5);
    gw_message(&w, c, 1, packed, len);
    gw_message(&w, c, 0, "s two", 5);
    len = gzip_of("", 0);
    gw_message(&w, c, 1, packed, len);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 one\n0 two\n0 3 messages\n" GW_OK);
    close_toy();
}

Test(grpc_in, broken_gzip)
{
    /* Goal: a flag without an encoding, what is no gzip, a member cut short, something behind it:
     * INTERNAL, and no message is seen. */
    open_toy(0);
    uint32_t len = gzip_of("s hello\nf 0", 11);
    const char *got = ask("/toy.Toy/Unary", "", 1, packed, len);
    cr_assert_not_null(strstr(got, " grpc-status=13 "), "%s", got);
    got = ask("/toy.Toy/Unary", "grpc-encoding identity\n", 1, packed, len);
    cr_assert_not_null(strstr(got, " grpc-status=13 "), "%s", got);
    cr_assert_null(strstr(toy_take(), "message"));
    static const char *const paths[] = { "/toy.Toy/Unary", "/toy.Toy/Bidi" };
    const char *want = ONLY("13", "the message is not one whole gzip member");
    for (size_t i = 0; i < TC_ARRAY_CNT(paths); i++) {
        cr_assert_str_eq(ask(paths[i], GZIP, 1, "s hello", 7), want);
        cr_assert_str_eq(ask(paths[i], GZIP, 1, "", 0), want);
        cr_assert_str_eq(ask(paths[i], GZIP, 1, packed, len - 1), want);
        packed[len] = 0;
        cr_assert_str_eq(ask(paths[i], GZIP, 1, packed, len + 1), want);
    }
    cr_assert_null(strstr(toy_take(), "message"));
    close_toy();
}

Test(grpc_in, bomb)
{
    /* Goal: a message that would be larger than the limit stops at it; one of the limit passes. */
    open_toy(1000);
    uint32_t len = gzip_of(many, 1000);
    cr_assert_lt(len, 100);
    cr_assert_str_eq(ask("/toy.Toy/ClientStream", GZIP, 1, packed, len),
                     GW_HEAD "\n0 1 messages\n" GW_OK);
    cr_assert_not_null(strstr(toy_take(), "message 1000\n"));
    len = gzip_of(many, 1001);
    cr_assert_str_eq(ask("/toy.Toy/ClientStream", GZIP, 1, packed, len),
                     ONLY("8", "the message is too large"));
    cr_assert_null(strstr(toy_take(), "message"));
    close_toy();
    open_toy(0);
    len = gzip_of(many, sizeof(many));
    cr_assert_str_eq(ask("/toy.Toy/Unary", GZIP, 1, packed, len),
                     ONLY("8", "the message is too large"));
    close_toy();
}

/* ---- limits ---- */

Test(grpc_in, largest_message)
{
    /* Goal: the limit exactly is delivered, whole; one more byte is RESOURCE_EXHAUSTED as soon as
     * it is declared. */
    static const uint32_t limits[] = { 1, 1000, 100000, 0 };
    for (size_t i = 0; i < TC_ARRAY_CNT(limits); i++) {
        char want[64];
        uint32_t max = limits[i] ? limits[i] : TC_GRPC_MESSAGE_MAX;
        open_toy(limits[i]);
        const char *got = ask("/toy.Toy/ClientStream", "", 0, many, max);
        cr_assert_str_eq(got, GW_HEAD "\n0 1 messages\n" GW_OK);
        snprintf(want, sizeof(want), "message %u\n", max);
        cr_assert_not_null(strstr(toy_take(), want));
        struct gw_call *c = gw_start(&w, "/toy.Toy/ClientStream", "");
        uint8_t prefix[5];
        tc_grpc_prefix(prefix, false, max + 1);
        gw_body(&w, c, prefix, sizeof(prefix));
        gw_run(&w);
        got = gw_take(c);
        cr_assert_not_null(strstr(got, " grpc-status=8 "), "%s", got);
        cr_assert_null(strstr(toy_take(), "message"));
        close_toy();
    }
}

Test(grpc_in, declared_is_not_held)
{
    /* Goal: who declares much and sends little holds little; half a message at the end of the
     * request is INTERNAL, and gives back what it held. */
    open_toy(0);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    uint8_t prefix[5];
    tc_grpc_prefix(prefix, false, TC_GRPC_MESSAGE_MAX);
    gw_body(&w, c, prefix, sizeof(prefix));
    gw_body(&w, c, many, 300);
    gw_run(&w);
    cr_assert_gt(nx.net.slab.used_bytes, 0);
    cr_assert_leq(nx.net.slab.used_bytes, 4096);
    gw_end(&w, c);
    gw_run(&w);
    const char *got = gw_take(c);
    cr_assert_not_null(strstr(got, " grpc-status=13 "), "%s", got);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_eq(toy_end_cnt, 1);
    close_toy();
}

Test(grpc_in, ends_inside_a_message)
{
    /* Goal: a call that ends by its deadline while half a message is there passes over the rest. */
    open_toy(0);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "grpc-timeout 1S\n");
    gw_body(&w, c, "\0\0\0\1\0half", 9);
    gw_run(&w);
    nx_wait_ms(&nx, 1000 + NX_TICK_MS);
    gw_body(&w, c, many, 1000);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), ONLY("4", "the deadline of the call is over"));
    cr_assert_eq(toy_end_cnt, 1);
    close_toy();
}

Test(grpc_in, no_memory)
{
    /* Goal: when the slab is spent a message that must be kept is RESOURCE_EXHAUSTED. */
    struct nx_options options = nx_defaults();
    options.grpc = &toy_server;
    options.spill_bytes = 64 * 1024;
    nx_init(&nx, &options);
    gw_open(&w);
    const char *want = ONLY("8", "no memory for the message now");
    cr_assert_str_eq(ask("/toy.Toy/Unary", "", 0, many, 100000), want);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Unary", "");
    gw_message(&w, c, 0, many, 40000);
    gw_run(&w);
    gw_message(&w, c, 0, many, 0);
    gw_end(&w, c);
    gw_run(&w);
    const char *got = gw_take(c);
    cr_assert_not_null(strstr(got, " grpc-status="), "%s", got);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_str_eq(ask("/toy.Toy/Unary", "", 0, "f 0", 3), GW_HEAD " grpc-status=0 end\n");
    close_toy();
}

/* ---- gRPC-Web ---- */

static const char *body_of(struct gw_call *c)
{
    static char text[4096];
    cr_assert_lt(c->body_len, sizeof(text));
    if (c->body_len > 0)
        memcpy(text, c->body, c->body_len);
    text[c->body_len] = 0;
    return text;
}

Test(grpc_in, web)
{
    /* Goal: gRPC-Web over HTTP/2: trailers are the last frame of the body, in lower case; an answer
     * without a message has them in its head. */
    open_toy(0);
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "content-type application/grpc-web+proto\n",
                             "h k v\nt e n d\ns hello\nf 5 100%"),
                     "HEAD :status=200 content-type=application/grpc-web+proto "
                     "grpc-accept-encoding=identity,gzip k=v\n0 hello\n"
                     "80 grpc-status: 5\r\ngrpc-message: 100%25\r\ne: n d\r\n\nend\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "content-type application/grpc-web\n", "f 0"),
                     "HEAD :status=200 content-type=application/grpc-web+proto "
                     "grpc-accept-encoding=identity,gzip grpc-status=0 end\n");
    cr_assert_str_eq(
        TOY_ASK(&w, "ServerStream", "content-type application/grpc-web\n", "s a\ns b\nf 0"),
        WEB_HEAD "0 a\n0 b\n80 grpc-status: 0\r\n\nend\n");
    close_toy();
}

Test(grpc_in, web_text)
{
    /* Goal: grpc-web-text is the same in base64, in pieces with their own padding on both ways,
     * wherever the request is cut. */
    static const char more[] = "content-type application/grpc-web-text\n";
    open_toy(0);
    char text[64] = "";
    size_t len = tc_grpc_base64_encode(text, sizeof(text), "\0\0\0\0\013", 5, true);
    len += tc_grpc_base64_encode(text + len, sizeof(text) - len, "s hello\nf 0", 11, true);
    for (size_t cut = 0; cut <= len; cut++) {
        struct gw_call *c = gw_start(&w, "/toy.Toy/Unary", more);
        c->is_raw = true;
        gw_body(&w, c, text, cut);
        gw_run(&w);
        gw_body(&w, c, text + cut, len - cut);
        gw_end(&w, c);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), TEXT_HEAD "end\n", "cut %zu", cut);
        cr_assert_str_eq(body_of(c), "AAAAAAU=aGVsbG8=gAAAABBncnBjLXN0YXR1czogMA0K");
        gw_close(&w);
        gw_open(&w);
    }
    close_toy();
}

Test(grpc_in, web_text_that_is_broken)
{
    /* Goal: what is not base64, or ends inside it, is INTERNAL. */
    static const struct {
        const char *body;
        const char *status;
    } rows[] = {
        { "AAAAAAM=ZiA*", "13 grpc-message=the body is not base64 end\n" },
        { "AAAAAAM=ZiA", "13" },
        { "AAAAAAM=ZiAwZ", "13" },
        { "AAAAAAM=ZiAw", "0 end\n" },
        { "AAAAAAM=ZiA", "13" },
        { "AAAAAAMA", "13" },
        { "", "12 grpc-message=the method takes one message, and none has come end\n" },
    };
    open_toy(0);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        char want[256];
        struct gw_call *c =
            gw_start(&w, "/toy.Toy/Unary", "content-type application/grpc-web-text+proto\n");
        c->is_raw = true;
        gw_body(&w, c, rows[i].body, strlen(rows[i].body));
        gw_end(&w, c);
        gw_run(&w);
        int n = snprintf(want, sizeof(want), "%.*s grpc-status=%s", (int)sizeof(TEXT_HEAD) - 2,
                         TEXT_HEAD, rows[i].status);
        const char *got = gw_take(c);
        cr_assert_eq(strncmp(got, want, (size_t)n), 0, "%s: %s", rows[i].body, got);
    }
    close_toy();
}

Test(grpc_in, long_web_text)
{
    /* Goal: a body of many pieces of base64 is the body; long answers as well. */
    open_toy(0);
    char *text = malloc(200000);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "content-type application/grpc-web-text\n");
    c->is_raw = true;
    uint8_t *frame = calloc(1, 100005);
    tc_grpc_prefix(frame, false, 100000);
    memcpy(frame + 5, "n 10000\n", 8);
    gw_body(&w, c, text, tc_grpc_base64_encode(text, 200000, frame, 100005, true));
    gw_run(&w);
    cr_assert_not_null(strstr(toy_take(), "message 100000\n"));
    size_t len = 0;
    struct tc_grpc_base64 in = { 0 };
    struct tc_str got = { (const char *)c->body, c->body_len };
    cr_assert_eq(tc_grpc_base64_feed(&in, got, frame, &len), TC_OK);
    cr_assert_eq(len, 10005);
    for (size_t i = 5; i < len; i++)
        cr_assert_eq(frame[i], 'n');
    free(frame);
    free(text);
    gw_cancel(&w, c);
    gw_run(&w);
    close_toy();
}
