// SPDX-License-Identifier: Apache-2.0
/* Goal: answers of gRPC-Web that are larger than sockets and memory: a method is held back and goes
 * on, and a client that does not read costs what it may and no more. */
#include "tests/unit/io/session/web_toy.h"

#define OK_HEAD "200 keep\n"
#define OK_END "T grpc-status: 0; \nend\n"

static uint32_t count(const char *text, const char *part)
{
    uint32_t cnt = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
        cnt++;
    return cnt;
}

Test(grpc_web_slow, flood)
{
    /* Goal: a method is asked for more only when little waits, and all of it arrives, whatever the
     * socket takes at once. */
    static const uint32_t caps[] = { 1000, 20000, 100000, FX_ALL };
    toy_init(NULL);
    for (size_t i = 0; i < TC_ARRAY_CNT(caps); i++) {
        web_accept();
        nx.reactor.socks[web.slot].cap = caps[i];
        toy_writable_cnt = 0;
        web_post_text("/toy.Service/Flood", "40");
        web_send_by(NX_RECV_BYTES);
        nx_run(&nx);
        for (uint32_t n = 0; nx.reactor.socks[web.slot].wants_writable; n++) {
            cr_assert_leq(nx.net.slab.used_bytes, 256 * 1024, "it holds more than it must");
            cr_assert_lt(n, 2000);
            nx_writable(&nx, web.slot, caps[i]);
            nx_run(&nx);
        }
        const char *got = web_take();
        cr_assert_eq(count(got, "M #16384\n"), 40, "%s", got);
        cr_assert(web_line_is(got, OK_HEAD) && strstr(got, OK_END), "%s", got);
        cr_assert_gt(toy_writable_cnt, 3);
        web_close();
    }
    toy_fini();
}

Test(grpc_web_slow, greedy)
{
    /* Goal: a method that does not look back is ended with RESOURCE_EXHAUSTED once as much waits as
     * may; the client can read what there is, and go on. */
    toy_init(NULL);
    web_accept();
    nx.reactor.socks[web.slot].cap = 0;
    cr_assert_str_eq(web_ask("/toy.Service/Greedy", "80"), "");
    cr_assert_eq(tc_count_get(&nx.metric.grpc_errors), 1);
    nx_writable(&nx, web.slot, FX_ALL);
    nx_run(&nx);
    const char *got = web_take();
    cr_assert_eq(count(got, "M #16384\n"), 63, "%s", got);
    cr_assert_not_null(strstr(got, "T grpc-status: 8; grpc-message: answers are not read, or too "
                                   "large to be kept; \nend\n"),
                       "%s", got);
    cr_assert_str_eq(web_ask("/toy.Service/Chat", "on"), OK_HEAD "M on\n" OK_END);
    toy_fini();
}

/* A connection beside the one that is ended, which must not notice. */
static uint32_t open_other(void)
{
    web_accept();
    cr_assert_str_eq(web_ask("/toy.Service/Wait", "head"), OK_HEAD);
    return web.slot;
}

static void check_other(uint32_t slot)
{
    cr_assert(tc_net_is_open(&nx.net, slot));
    cr_assert_eq(nx.tc_sessions.webs.used_cnt, 1);
    cr_assert_eq(toy_open_cnt, 1);
    nx_end(&nx, slot, 0);
}

Test(grpc_web_slow, no_memory)
{
    /* Goal: when there is no memory for an answer its connection ends, in the middle of whatever
     * the method does, and no other. */
    struct nx_options o = nx_defaults();
    o.spill_bytes = 256 * 1024;
    toy_init(&o);
    for (uint32_t cnt = 1; cnt < 20; cnt++) {
        char text[16];
        uint32_t other = open_other();
        uint64_t before = nx_closes(&nx, TC_CLOSE_SPILL);
        web_accept();
        nx.reactor.socks[web.slot].cap = 0;
        snprintf(text, sizeof(text), "%u", cnt);
        cr_assert_str_eq(web_ask("/toy.Service/Greedy", text), "");
        if (nx_is_closed(&nx, web.slot))
            cr_assert_eq(nx_closes(&nx, TC_CLOSE_SPILL), before + 1);
        else
            web_close();
        check_other(other);
        nx_check_empty(&nx);
    }
    cr_assert_gt(nx_closes(&nx, TC_CLOSE_SPILL), 3);
    toy_fini();
}

/* A call with that body, of a client that does not read: whether its connection has outlived it. */
static bool echo_unread(size_t len, bool is_text)
{
    static uint8_t bytes[TC_GRPC_MESSAGE_MAX];
    uint32_t other = open_other();
    uint64_t before = nx_closes(&nx, TC_CLOSE_UNREAD);
    web_accept();
    nx.reactor.socks[web.slot].cap = 0;
    web_message(bytes, len);
    if (is_text)
        web_body_as_text(3000);
    web_post("/toy.Service/Echo", is_text ? WEB_TEXT_TYPE : WEB_TYPE, "", 0);
    cr_assert_str_eq(web_run(), "");
    bool is_open = !nx_is_closed(&nx, web.slot);
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_UNREAD), before + !is_open);
    if (is_open)
        web_close();
    check_other(other);
    nx_check_empty(&nx);
    return is_open;
}

Test(grpc_web_slow, an_answer_at_the_limit)
{
    /* Goal: an answer that is too large only with what chunks and base64 add to it ends its
     * connection, whichever write it is, and no other. */
    struct nx_options o = nx_defaults();
    uint32_t open_cnt = 0;
    o.spill_bytes = 16 << 20;
    toy_init(&o);
    for (size_t len = TC_GRPC_BACKLOG_MAX - 360; len < TC_GRPC_BACKLOG_MAX; len++)
        open_cnt += echo_unread(len, false);
    cr_assert(open_cnt > 100 && open_cnt < 359, "%u", open_cnt);
    cr_assert(echo_unread(TC_GRPC_BACKLOG_MAX / 2, true));
    cr_assert_not(echo_unread(TC_GRPC_BACKLOG_MAX / 8 * 7, true));
    toy_fini();
}
