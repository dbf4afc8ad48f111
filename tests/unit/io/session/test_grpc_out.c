// SPDX-License-Identifier: Apache-2.0
/* Goal: what methods send reaches the client as gRPC says: metadata, messages, compressed ones, and
 * the end; within bounds, and nothing after it is done. */
#include "tests/unit/io/session/grpc_toy.h"

static struct gw w;

#define GZIP "grpc-accept-encoding identity,deflate,gzip\n"

static void open_toy(void)
{
    toy_init(&toy_server);
    gw_open(&w);
}

static void close_toy(void)
{
    gw_close(&w);
    cr_assert_eq(nx.net.slab.used_bytes, 0);
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    nx_fini(&nx);
}

static void script(struct gw_call *c, const char *text)
{
    gw_message(&w, c, 0, text, strlen(text));
    gw_run(&w);
}

/* ---- metadata ---- */

Test(grpc_out, metadata)
{
    /* Goal: both kinds go where they belong, in order, repeated names as well; "-bin" values are
     * base64 without padding, and whatever bytes; those of the request come as they are. */
    open_toy();
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "x-a 1\nx-b-bin AAE\nx-a 2\n",
                             "h a 1\nh a 2\nt z 9\nh b-bin \xff\x80\nt y-bin ab\ns x\nf 0"),
                     GW_HEAD " a=1 a=2 b-bin=/4A\n0 x\nTRAILERS grpc-status=0 z=9 y-bin=YWI end\n");
    cr_assert_str_eq(toy_take(), "start Unary x-a=1 x-b-bin=AAE x-a=2\nmessage 47\nend OK\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "", "t z 9\nh a \nt e-bin \nf 3 no"),
                     GW_HEAD " a= grpc-status=3 grpc-message=no z=9 e-bin= end\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "", "t grpc-status-details-bin abc\nf 3"),
                     GW_HEAD " grpc-status=3 grpc-status-details-bin=YWJj end\n");
    close_toy();
}

Test(grpc_out, metadata_refused)
{
    /* Goal: illegal names, gRPC's own ones, illegal values, headers after the head: refused, and
     * the call goes on without them. */
    open_toy();
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "",
                             "h A 1\nh grpc-x 1\nh a:b 1\nt \xc3 1\nt grpc-status 0\nh v \x01\n"
                             "h v \xc3\xa9\nt v  x\nH\nh late 1\nt ok 1\ns x\nf 0"),
                     GW_HEAD "\n0 x\nTRAILERS grpc-status=0 ok=1 end\n");
    cr_assert_str_eq(toy_take(),
                     "start Unary\nmessage 92\nrefused h\nrefused h\nrefused h\nrefused t\n"
                     "refused t\nrefused h\nrefused h\nrefused t\nrefused h\nend OK\n");
    close_toy();
}

Test(grpc_out, metadata_has_bounds)
{
    /* Goal: bytes and fields of metadata are bounded each way, and what is there is sent whole. */
    open_toy();
    char text[TC_GRPC_METADATA_MAX + 16] = "h a ";
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    memset(text + 4, 'v', TC_GRPC_METADATA_MAX);
    gw_message(&w, c, 0, text, 4 + TC_GRPC_METADATA_MAX);
    gw_message(&w, c, 0, text, 4 + TC_GRPC_METADATA_MAX - 1);
    gw_message(&w, c, 0, "h b ", 4);
    gw_run(&w);
    cr_assert_not_null(strstr(toy_take(), "refused h\nmessage 8195\nmessage 4\nrefused h\n"));
    text[0] = 't';
    gw_message(&w, c, 0, text, 4 + TC_GRPC_METADATA_MAX - 1);
    gw_message(&w, c, 0, "f 0", 3);
    gw_run(&w);
    const char *got = gw_take(c);
    text[3] = '=';
    text[4 + TC_GRPC_METADATA_MAX - 1] = 0;
    const char *first = strstr(got, text + 2);
    cr_assert_not_null(first);
    cr_assert_not_null(strstr(first + 1, text + 2), "both ways");
    cr_assert(c->is_closed);
    close_toy();
}

Test(grpc_out, fields_have_bounds)
{
    /* Goal: TC_GRPC_FIELDS_MAX of each kind are taken and sent, no more, also in a head alone and
     * in gRPC-Web. */
    static const char *const types[] = { "", "content-type application/grpc-web\n" };
    open_toy();
    for (int way = 0; way < 4; way++) {
        struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", types[way / 2]);
        for (int i = 0; i < TC_GRPC_FIELDS_MAX; i++)
            gw_message(&w, c, 0, "h kk v\nt kk v", 13);
        gw_run(&w);
        cr_assert_null(strstr(toy_take(), "refused"));
        script(c, "h kk v\nt kk v");
        cr_assert_str_eq(toy_take(), "message 13\nrefused h\nrefused t\n");
        script(c, way % 2 ? "f 0" : "H\nf 0");
        const char *got = gw_take(c);
        uint32_t cnt = 0;
        for (; (got = strstr(got, "kk")) != NULL; got++)
            cnt++;
        cr_assert_eq(cnt, 2 * TC_GRPC_FIELDS_MAX, "way %d", way);
        cr_assert(c->is_closed);
        toy_take();
    }
    close_toy();
}

/* ---- the end ---- */

Test(grpc_out, ends)
{
    /* Goal: an end without a message is a head alone; with the head out, trailers; every status has
     * its number; OK has no message; nothing follows. */
    open_toy();
    for (uint32_t status = 0; status < TC_GRPC_STATUS_CNT; status++) {
        char text[64];
        char want[256];
        int len = snprintf(text, sizeof(text), "f %u why\ns late\nf 0\nh a b\na 1\ng", status);
        snprintf(want, sizeof(want), GW_HEAD " grpc-status=%u%s end\n", status,
                 status ? " grpc-message=why" : "");
        cr_assert_str_eq(gw_ask(&w, "/toy.Toy/Unary", "", text, (size_t)len), want);
        len = snprintf(text, sizeof(text), "H\nf %u why\ns late", status);
        snprintf(want, sizeof(want), GW_HEAD "\nTRAILERS grpc-status=%u%s end\n", status,
                 status ? " grpc-message=why" : "");
        cr_assert_str_eq(gw_ask(&w, "/toy.Toy/Unary", "", text, (size_t)len), want);
    }
    cr_assert_eq(toy_end_cnt, 2 * TC_GRPC_STATUS_CNT);
    cr_assert_eq(tc_count_get(&nx.metric.grpc_errors), 2 * (TC_GRPC_STATUS_CNT - 1));
    close_toy();
}

Test(grpc_out, message_of_the_end)
{
    /* Goal: grpc-message is percent-encoded, and cut at TC_GRPC_DETAIL_MAX. */
    open_toy();
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "", "f 2 50% of \xc3\xa9\x01 "),
                     GW_HEAD " grpc-status=2 grpc-message=50%25 of %C3%A9%01%20 end\n");
    char text[2 * TC_GRPC_DETAIL_MAX] = "f 2 ";
    memset(text + 4, 0x7f, sizeof(text) - 4);
    const char *got = gw_ask(&w, "/toy.Toy/Unary", "", text, sizeof(text));
    const char *message = strstr(got, "grpc-message=");
    cr_assert_not_null(message);
    cr_assert_eq(strcspn(message + 13, " "), 3 * TC_GRPC_DETAIL_MAX);
    memset(text + 4, 'x', sizeof(text) - 4);
    got = gw_ask(&w, "/toy.Toy/Unary", "", text, sizeof(text));
    message = strstr(got, "grpc-message=");
    cr_assert_not_null(message);
    cr_assert_eq(strcspn(message + 13, " "), TC_GRPC_DETAIL_MAX);
    close_toy();
}

/* ---- compressed ---- */

Test(grpc_out, gzip)
{
    /* Goal: compressed only if the client takes it, the method wanted it before the head, says so
     * of the message, and it gets smaller. */
    static const char line[] =
        "p aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", GZIP);
    c->is_raw = true;
    script(c, "g");
    script(c, line);
    cr_assert_str_eq(gw_take(c), GW_HEAD " grpc-encoding=gzip\n");
    uint8_t plain[256];
    uint32_t len = 0;
    cr_assert_eq(c->body[0], 1);
    cr_assert_eq(c->body_len, 5 + (size_t)c->body[4]);
    cr_assert_lt(c->body[4], 100);
    int rc = tc_grpc_inflate(&nx.tc_sessions.grpc.gzip, c->body + 5, c->body[4], plain,
                             sizeof(plain), &len);
    cr_assert(rc == TC_OK && len == sizeof(line) - 3 && memcmp(plain, line + 2, len) == 0);
    c->body_off = c->body_len;
    c->is_raw = false;
    script(c, "s plain\nf 0");
    cr_assert_str_eq(gw_take(c), "0 plain\n" GW_OK);
    const char *got = TOY_ASK(&w, "Unary", "", "g\np aaaaaaaa\nf 0");
    cr_assert_str_eq(got, GW_HEAD "\n0 aaaaaaaa\n" GW_OK);
    got = TOY_ASK(&w, "Unary", GZIP, "p aaaaaaaa\nf 0");
    cr_assert_str_eq(got, GW_HEAD "\n0 aaaaaaaa\n" GW_OK);
    got = TOY_ASK(&w, "Unary", GZIP, "H\ng\np aaaaaaaa\nf 0");
    cr_assert_str_eq(got, GW_HEAD "\n0 aaaaaaaa\n" GW_OK);
    got = TOY_ASK(&w, "Unary", "grpc-accept-encoding deflate, gzipped\n", "g\np a\nf 0");
    cr_assert_str_eq(got, GW_HEAD "\n0 a\n" GW_OK);
    close_toy();
}

Test(grpc_out, gzip_both_ways)
{
    /* Goal: an answer made of the bytes of a compressed request is packed from what they are. */
    char script_text[600] = "g\np ";
    uint8_t packed[600];
    uint8_t plain[600];
    uint32_t len = 0;
    open_toy();
    for (size_t i = 4; i < sizeof(script_text); i++)
        script_text[i] = (char)('a' + i * i % 23);
    struct tc_grpc_gzip *gzip = &nx.tc_sessions.grpc.gzip;
    int rc = tc_grpc_deflate(gzip, (const uint8_t *)script_text, sizeof(script_text), packed,
                             sizeof(packed), &len);
    cr_assert_eq(rc, TC_OK);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "grpc-encoding gzip\n" GZIP);
    c->is_raw = true;
    gw_message(&w, c, 1, packed, len);
    gw_run(&w);
    cr_assert_eq(c->body[0], 1);
    rc = tc_grpc_inflate(gzip, c->body + 5, (uint32_t)c->body_len - 5, plain, sizeof(plain), &len);
    cr_assert_eq(rc, TC_OK);
    cr_assert_eq(len, sizeof(script_text) - 4);
    cr_assert_arr_eq(plain, script_text + 4, len);
    gw_cancel(&w, c);
    gw_run(&w);
    close_toy();
}

Test(grpc_out, gzip_of_the_limit)
{
    /* Goal: what does not fit compressed goes out as it is; both decode to what was sent. */
    open_toy();
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", GZIP);
    uint8_t noise[3002] = "p ";
    uint32_t x = 1;
    for (size_t i = 2; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (uint8_t)(x >> 24 | 0x80);
    }
    script(c, "g");
    c->is_raw = true;
    gw_message(&w, c, 0, noise, sizeof(noise));
    gw_run(&w);
    uint8_t plain[4000];
    uint32_t len = (uint32_t)c->body_len - 5;
    if (c->body[0] == 1) {
        int rc = tc_grpc_inflate(&nx.tc_sessions.grpc.gzip, c->body + 5, len, plain, sizeof(plain),
                                 &len);
        cr_assert_eq(rc, TC_OK);
    } else {
        memcpy(plain, c->body + 5, len);
    }
    cr_assert(len == sizeof(noise) - 2 && memcmp(plain, noise + 2, len) == 0);
    gw_cancel(&w, c);
    gw_run(&w);
    close_toy();
}

/* ---- backlog ---- */

Test(grpc_out, backlog)
{
    /* Goal: of a client that does not read TC_GRPC_BACKLOG_MAX wait and no more: the end with what
     * was accepted before it, whole. */
    toy_init(&toy_server);
    gw_open_with(&w, 0);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    enum { PIECE = 100000, CNT = TC_GRPC_BACKLOG_MAX / (PIECE + 5) };
    for (int i = 0; i < CNT; i++)
        script(c, "n 100000");
    cr_assert_eq(toy_end_cnt, 0);
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n");
    char rest[32];
    snprintf(rest, sizeof(rest), "n %d", TC_GRPC_BACKLOG_MAX - CNT * (PIECE + 5) + 1);
    script(c, rest);
    cr_assert_eq(toy_end_cnt, 1);
    cr_assert_not_null(strstr(toy_take(), "end RESOURCE_EXHAUSTED\n"));
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 4 << 20);
    gw_run(&w);
    const char *got = gw_take(c);
    for (int i = 0; i < CNT; i++, got += sizeof("0 (100000 bytes)\n") - 1)
        cr_assert_eq(strncmp(got, "0 (100000 bytes)\n", 17), 0, "%s", got);
    cr_assert_eq(strncmp(got, "TRAILERS grpc-status=8 ", 23), 0, "%s", got);
    close_toy();
}

Test(grpc_out, backlog_exactly)
{
    /* Goal: the limit itself is accepted. */
    toy_init(&toy_server);
    gw_open_with(&w, 0);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    char text[32];
    snprintf(text, sizeof(text), "n %d", TC_GRPC_BACKLOG_MAX);
    script(c, text);
    cr_assert_eq(toy_end_cnt, 0);
    script(c, "n 0");
    cr_assert_eq(toy_end_cnt, 1, "it is more by its prefix");
    gw_cancel(&w, c);
    gw_run(&w);
    close_toy();
}

Test(grpc_out, writable)
{
    /* Goal: on_writable once TC_GRPC_WRITABLE bytes wait after there were more, and not otherwise.
     */
    toy_init(&toy_server);
    gw_open_with(&w, 0);
    w.is_unread = true;
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    script(c, "n 65531");
    toy_take();
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 65536);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "", "there were not more");
    script(c, "n 100000");
    toy_take();
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 100005 - 65536 - 1);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "");
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 1);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "writable\n");
    nghttp2_submit_window_update(w.session, NGHTTP2_FLAG_NONE, c->id, 100000);
    gw_run(&w);
    cr_assert_str_eq(toy_take(), "", "once");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n0 (65531 bytes)\n0 (100000 bytes)\n");
    gw_cancel(&w, c);
    gw_run(&w);
    close_toy();
}

Test(grpc_out, unread)
{
    /* Goal: answers of more than TC_H2_STUCK_BYTES that do not move end the connection in time;
     * fewer may wait as long as they like. */
    toy_init(&toy_server);
    gw_open_with(&w, 0);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    script(c, "n 60000");
    nx_wait_ms(&nx, 10000 + NX_TICK_MS);
    gw_run(&w);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    script(c, "n 6000");
    nx_wait_ms(&nx, 9000);
    gw_run(&w);
    cr_assert(tc_net_is_open(&nx.net, w.slot));
    nx_wait_ms(&nx, 1000 + NX_TICK_MS);
    nx_check_finished(&nx, w.slot, TC_CLOSE_UNREAD);
    cr_assert_eq(toy_end_cnt, 1);
    close_toy();
}

Test(grpc_out, no_memory)
{
    /* Goal: a message for which the slab has no room resets the stream; another call goes on. */
    struct nx_options options = nx_defaults();
    options.grpc = &toy_server;
    options.spill_bytes = 64 * 1024;
    nx_init(&nx, &options);
    gw_open(&w);
    struct gw_call *c = gw_start(&w, "/toy.Toy/Bidi", "");
    script(c, "n 100000");
    const char *got = gw_take(c);
    cr_assert_not_null(strstr(got, "RESET ENHANCE_YOUR_CALM\n"), "%s", got);
    cr_assert_str_eq(toy_take(), "start Bidi\nmessage 8\nend RESOURCE_EXHAUSTED\n");
    cr_assert_str_eq(TOY_ASK(&w, "Unary", "", "s x\nf 0"), GW_HEAD "\n0 x\n" GW_OK);
    close_toy();
}
