// SPDX-License-Identifier: Apache-2.0
/* Goal: jts.marketdata.v1.MarketDataService tells what the WebSocket dialect tells, in the same
 * order, and ends calls with the promised status. */
#include "tests/unit/io/session/grpc_market.h"

static struct gw w;
static struct pb m;

#define ENDED(status, text) GW_HEAD " grpc-status=" status " grpc-message=" text " end\n"

static void open_all(void)
{
    gm_init(0);
    gm_open(&w);
}

static void close_all(void)
{
    gm_close(&w);
    nx_fini(&nx);
}

/* ---- Subscribe ---- */

Test(marketdata, subscribe)
{
    /* Goal: confirmation, snapshot, live events; a cancelled one leaves nothing. */
    open_all();
    gm_put("ticker-A", 7, 7);
    gm_subscribe(&m, "ticker-A", true, "k");
    struct gw_call *c = gm_call(&w, "Subscribe", &m);
    cr_assert_str_eq(gw_take(c),
                     GW_HEAD "\n" GM_CONFIRMED("\"id\":\"k\",", "ticker-A", "7", "A")
                         GM_UPDATE("ticker-A", "7", "null", "1007", ",\"snapshot\":true"));
    gm_put("ticker-A", 9, 9);
    gm_put("ticker-B", 10, 10);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GM_UPDATE("ticker-A", "9", "7", "1009", ""));
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 1);
    cr_assert_eq(tc_count_get(&nx.metric.commands), 1);
    gw_cancel(&w, c);
    gw_run(&w);
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
    gm_put("ticker-A", 11, 11);
    gw_run(&w);
    close_all();
}

Test(marketdata, subscribe_refused)
{
    /* Goal: of one room the status says why; a broken request likewise; none of them subscribes. */
    static const struct {
        const char *rooms;
        const char *want;
    } rows[] = {
        { "ticker-*",
          ENDED("3", "a room name is 1 to 128 printable ASCII characters without blanks, "
                     "quotes, backslash, asterisk and comma") },
        { "nobody", ENDED("5", "this server has no such room") },
        { "orders-7", ENDED("12", "rooms of one user need authorization, which is not built yet") },
        { "", ENDED("3", "rooms must hold 1 to 1024 names") },
    };
    open_all();
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        gm_subscribe(&m, rows[i].rooms, false, NULL);
        cr_assert_str_eq(gw_take(gm_call(&w, "Subscribe", &m)), rows[i].want);
    }
    m.len = 0;
    pb_raw(&m, "\x0a", 1);
    cr_assert_str_eq(gw_take(gm_call(&w, "Subscribe", &m)),
                     ENDED("3", "the message is not well-formed protobuf of its type"));
    gm_subscribe(&m, "ticker-A", false, NULL);
    pb_text(&m, 3, "1s");
    cr_assert_str_eq(gw_take(gm_call(&w, "Subscribe", &m)),
                     ENDED("3", "only the rate raw is offered"));
    cr_assert_eq(tc_fan_stats(nx.fx.fan)->member_cnt, 0);
    close_all();
}

Test(marketdata, subscribe_several)
{
    /* Goal: of several rooms each is answered by events; without a good one the call ends. */
    open_all();
    gm_put("ticker-A", 7, 7);
    gm_subscribe(&m, "orders-1 ticker-A nobody", false, "k");
    struct gw_call *c = gm_call(&w, "Subscribe", &m);
    const char *got = gw_take(c);
    cr_assert_not_null(strstr(got, "\"code\":\"not-supported\""), "%s", got);
    cr_assert_not_null(strstr(got, "\"code\":\"room-unknown\""), "%s", got);
    cr_assert_not_null(strstr(got, GM_CONFIRMED("\"id\":\"k\",", "ticker-A", "7", "A")), "%s", got);
    cr_assert_not(c->is_closed);
    gm_subscribe(&m, "orders-1 nobody", false, "k");
    c = gm_call(&w, "Subscribe", &m);
    got = gw_take(c);
    cr_assert(c->is_closed);
    const char *end = strstr(got, "TRAILERS");
    cr_assert_not_null(end, "%s", got);
    cr_assert_str_eq(end, "TRAILERS grpc-status=9 grpc-message=none of the rooms can be had: see "
                          "the events end\n");
    cr_assert_not_null(strstr(got, "\"room\":\"nobody\"}\nTRAILERS"), "%s", got);
    close_all();
}

Test(marketdata, resume)
{
    /* Goal: "from" reaches fan-out whole, and brings what it brings in JSON. */
    static const struct {
        const char *log;
        int64_t pos;
        int64_t ts_ms;
        const char *json;
        const char *event; /* that must be among the answers */
    } rows[] = {
        { "s0/t/0@1", 5, 1005, "\"log\":\"s0/t/0@1\",\"pos\":5,\"ts\":1005", "recovered" },
        { "s0/t/0@1", 5, 0, "\"log\":\"s0/t/0@1\",\"pos\":5", "recovered" },
        { "s0/t/0@1", 9, 0, "\"log\":\"s0/t/0@1\",\"pos\":9", "recovered" },
        { "s0/t/0@1", 5, 1, "\"log\":\"s0/t/0@1\",\"pos\":5,\"ts\":1", "cannot-recover" },
        { "other", 5, 0, "\"log\":\"other\",\"pos\":5", "cannot-recover" },
    };
    open_all();
    gm_put("ticker-A", 5, 9);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        char command[256];
        uint32_t ws = wire_open();
        struct gw_call *c = gm_stream(&w);
        gm_subscribe(&m, "ticker-A", false, "k");
        pb_from(&m, "ticker-A", rows[i].log, rows[i].pos, rows[i].ts_ms);
        gm_command(&w, c, 1, &m);
        snprintf(command, sizeof(command),
                 "{\"event\":\"subscribe\",\"id\":\"k\",\"data\":{\"room\":\"ticker-A\",\"from\":{"
                 "\"ticker-A\":{%s}}}}",
                 rows[i].json);
        wire_send(ws, command);
        gw_run(&w);
        cr_assert_not_null(strstr(c->lines, rows[i].event), "%s: %s", rows[i].json, c->lines);
        gm_check_alike(c, ws);
        gw_cancel(&w, c);
        gw_run(&w);
        nx_end(&nx, ws, 0);
    }
    close_all();
}

/* ---- Stream ---- */

Test(marketdata, stream)
{
    /* Goal: subscribe, a second time, unsubscribe, ping; each answered with its id. */
    open_all();
    gm_put("ticker-A", 7, 7);
    struct gw_call *c = gm_stream(&w);
    gm_subscribe(&m, "ticker-A", true, "1");
    cr_assert_str_eq(gm_ask(&w, c, 1, &m),
                     GM_CONFIRMED("\"id\":\"1\",", "ticker-A", "7", "A")
                         GM_UPDATE("ticker-A", "7", "null", "1007", ",\"snapshot\":true"));
    gm_subscribe(&m, "ticker-A", true, NULL);
    cr_assert_str_eq(gm_ask(&w, c, 1, &m), GM_CONFIRMED("", "ticker-A", "7", "A"));
    gm_put("ticker-A", 9, 9);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GM_UPDATE("ticker-A", "9", "7", "1009", ""));
    m.len = 0;
    pb_text(&m, 1, "ticker-A");
    pb_text(&m, 1, "x");
    pb_text(&m, 2, "3");
    cr_assert_str_eq(gm_ask(&w, c, 2, &m),
                     "{\"event\":\"unsubscribed\",\"id\":\"3\",\"room\":\"ticker-A\"}\n"
                     "{\"event\":\"unsubscribed\",\"id\":\"3\",\"room\":\"x\"}\n");
    gm_put("ticker-A", 10, 10);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), "");
    m.len = 0;
    pb_text(&m, 1, "p");
    cr_assert_str_eq(gm_ask(&w, c, 3, &m),
                     "{\"event\":\"pong\",\"id\":\"p\",\"ts\":1723075200123}\n");
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GW_OK);
    close_all();
}

Test(marketdata, half_closed_stream)
{
    /* Goal: without further commands a stream goes on while it has rooms. */
    open_all();
    struct gw_call *c = gm_stream(&w);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GW_OK);
    gm_put("ticker-A", 7, 7);
    c = gm_stream(&w);
    gm_subscribe(&m, "ticker-A", false, NULL);
    gm_command(&w, c, 1, &m);
    gw_end(&w, c);
    gw_run(&w);
    gw_take(c);
    gm_put("ticker-A", 8, 8);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), GM_UPDATE("ticker-A", "8", "7", "1008", ""));
    gw_cancel(&w, c);
    gw_run(&w);
    close_all();
}

Test(marketdata, bad_commands)
{
    /* Goal: what breaks a rule is told in band and the stream goes on; what is no message ends it.
     */
    open_all();
    struct gw_call *c = gm_stream(&w);
    m.len = 0;
    pb_text(&m, 5, "k");
    cr_assert_str_eq(gm_ask(&w, c, 1, &m),
                     "{\"event\":\"error\",\"id\":\"k\",\"code\":\"bad-request\","
                     "\"message\":\"rooms must hold 1 to 1024 names\"}\n");
    cr_assert_str_eq(gm_ask(&w, c, 9, &m), "{\"event\":\"error\",\"code\":\"unknown-event\","
                                           "\"message\":\"there is no such command\"}\n");
    gm_subscribe(&m, "ticker-\"", false, NULL);
    const char *got = gm_ask(&w, c, 1, &m);
    cr_assert_not_null(strstr(got, "\"code\":\"room-illegal\""), "%s", got);
    cr_assert_eq(tc_count_get(&nx.metric.command_errors), 3);
    m.len = 0;
    pb_raw(&m, "\xff", 1);
    cr_assert_str_eq(gm_ask(&w, c, 1, &m),
                     "TRAILERS grpc-status=3 grpc-message=the message is not well-formed protobuf "
                     "of its type end\n");
    cr_assert(c->is_closed);
    close_all();
}

Test(marketdata, rate_limit)
{
    /* Goal: commands of all streams of a connection count together; beyond the burst they are
     * refused in band, and TC_SESSION_REFUSED_MAX in a row end the stream. */
    open_all();
    nx.conf.limits.cmd_rate = 10;
    nx.conf.limits.cmd_burst = 4;
    nx.tc_sessions.command_rate = tc_bucket_rate(10, 4);
    struct gw_call *other = gm_stream(&w);
    struct gw_call *c = gm_stream(&w);
    m.len = 0;
    for (int i = 0; i < 4; i++)
        cr_assert_str_eq(gm_ask(&w, i % 2 ? c : other, 3, &m),
                         "{\"event\":\"pong\",\"ts\":1723075200123}\n");
    for (int i = 0; i < TC_SESSION_REFUSED_MAX - 1; i++)
        cr_assert_str_eq(gm_ask(&w, c, 3, &m), "{\"event\":\"error\",\"code\":\"rate-limited\","
                                               "\"message\":\"too many commands: slow down\"}\n");
    const char *got = gm_ask(&w, c, 3, &m);
    cr_assert_not_null(strstr(got, "TRAILERS grpc-status=8 grpc-message=too many commands: slow "
                                   "down end\n"),
                       "%s", got);
    nx_wait_ms(&nx, 200);
    cr_assert_str_eq(gm_ask(&w, other, 3, &m), "{\"event\":\"pong\",\"ts\":1723075200123}\n");
    close_all();
}

/* ---- the same as JSON ---- */

Test(marketdata, same_as_json)
{
    /* Goal: everything that a feed can bring is told alike, event for event: births, updates,
     * tombstones, gaps, moves, stale and fresh. */
    open_all();
    uint32_t log = fx_log(&nx.fx, 0, 0, 0, TC_NONE);
    atomic_store(&nx.fx.logs[0].logs[log].is_caught_up, true);
    uint32_t ws = wire_open();
    struct gw_call *c = gm_stream(&w);
    gm_put("ticker-A", 1, 3);
    gm_subscribe(&m, "ticker-A book-B ticker-C nobody", true, "k");
    gm_command(&w, c, 1, &m);
    wire_send(ws, "{\"event\":\"subscribe\",\"id\":\"k\",\"data\":{\"snapshot\":true,\"rooms\":["
                  "\"ticker-A\",\"book-B\",\"ticker-C\",\"nobody\"]}}");
    gw_run(&w);
    cr_assert_not_null(strstr(c->lines, "\"log\":null,\"pos\":null"), "%s", c->lines);
    gm_check_alike(c, ws);
    for (int64_t pos = 4; pos < 40; pos += 4) {
        gm_put("ticker-A", pos, pos);
        fx_put(&nx.fx, "book-B", pos + 1, pos % 8 ? NULL : "{\"b\":[1,2]}");
        fx_put_gap(&nx.fx, "ticker-A", 0, pos, pos + 2, TC_GAP_OVERSIZE);
        gm_put("ticker-C", pos + 3, pos + 3);
        gw_run(&w);
        gm_check_alike(c, ws);
    }
    fx_stale(&nx.fx, 0, 1723075260000);
    gw_run(&w);
    cr_assert_not_null(strstr(c->lines, "\"stale\""));
    gm_check_alike(c, ws);
    fx_stale(&nx.fx, 0, 0);
    gw_run(&w);
    cr_assert_not_null(strstr(c->lines, "\"fresh\""));
    gm_check_alike(c, ws);
    fx_put_moved(&nx.fx, "ticker-A", log);
    gw_run(&w);
    cr_assert_not_null(strstr(c->lines, "\"moved\""));
    cr_assert_not_null(strstr(c->lines, "\"data\":null"));
    gm_check_alike(c, ws);
    gw_cancel(&w, c);
    gw_run(&w);
    close_all();
}

/* ---- GetSnapshot ---- */

static void print_snapshot(char *to, size_t cap, struct tc_str message)
{
    struct ej_msg msg = ej_read(message);
    struct tc_str type;
    int len = snprintf(to, cap, "%.*s ", (int)msg.fields[1].text.len, msg.fields[1].text.ptr);
    ej_update(to + len, cap - (size_t)len, msg.fields[2].text, &type);
    cr_assert_eq(type.len, 0);
}

static const char *snapshot(const char *room)
{
    m.len = 0;
    pb_text(&m, 1, room);
    struct gw_call *c = gm_call(&w, "GetSnapshot", &m);
    cr_assert(c->is_closed);
    return gw_take(c);
}

Test(marketdata, get_snapshot)
{
    /* Goal: the newest value and its log; each reason for none has its status. */
    open_all();
    w.print = print_snapshot;
    gm_put("ticker-A", 7, 9);
    nx_run(&nx);
    cr_assert_str_eq(snapshot("ticker-A"), GW_HEAD
                     "\ns0/t/0@1 " GM_UPDATE("ticker-A", "9", "8", "1009", ",\"snapshot\":true")
                         GW_OK);
    cr_assert_str_eq(snapshot("ticker-B"), ENDED("5", "the room has no value yet"));
    cr_assert_str_eq(snapshot("nobody"), ENDED("5", "this server has no such room"));
    cr_assert_not_null(strstr(snapshot(""), " grpc-status=3 "));
    cr_assert_not_null(strstr(snapshot("portfolio-1"), " grpc-status=12 "));
    fx_put(&nx.fx, "ticker-A", 10, NULL);
    nx_run(&nx);
    cr_assert_str_eq(snapshot("ticker-A"), ENDED("5", "the room has no value yet"));
    m.len = 0;
    pb_text(&m, 1, "\xff");
    cr_assert_str_eq(gw_take(gm_call(&w, "GetSnapshot", &m)),
                     ENDED("3", "a text of the message is not UTF-8"));
    gm_put("ticker-A", 11, 11);
    nx_run(&nx);
    gm_put("ticker-A", 12, 6000);
    cr_assert_str_eq(snapshot("ticker-A"), ENDED("14", "the value changes too fast: try again"));
    close_all();
}

Test(marketdata, snapshot_that_is_too_large)
{
    /* Goal: a value that the answer has no room for is told, and breaks nothing. */
    struct nx_options options = nx_defaults();
    struct tc_grpc_server server = gm_server;
    server.message_max = 600;
    options.grpc = &server;
    nx_init(&nx, &options);
    gm_open(&w);
    gm_put("ticker-A", 7, 7);
    nx_run(&nx);
    cr_assert_str_eq(snapshot("ticker-A"), ENDED("8", "the value is too large"));
    close_all();
}

/* ---- ListRooms ---- */

/* "NAME LOG POS, NAME LOG POS next TOKEN" */
static void print_rooms(char *to, size_t cap, struct tc_str message)
{
    const uint8_t *at = (const uint8_t *)message.ptr;
    const uint8_t *end = at + message.len;
    size_t len = 0;
    to[0] = 0;
    while (at < end) {
        uint64_t tag = ej_varint(&at, end);
        size_t n = (size_t)ej_varint(&at, end);
        struct tc_str text = { (const char *)at, n };
        at += n;
        cr_assert(at <= end && (tag == (1 << 3 | 2) || tag == (2 << 3 | 2)));
        if (tag == (2 << 3 | 2)) {
            len += (size_t)snprintf(to + len, cap - len, " next %.*s", (int)n, text.ptr);
            continue;
        }
        struct ej_msg room = ej_read(text);
        const struct ej_field *f = room.fields;
        len += (size_t)snprintf(to + len, cap - len, "%s%.*s %.*s %" PRIu64, len ? ", " : "",
                                (int)f[1].text.len, f[1].text.ptr, (int)f[2].text.len,
                                f[2].text.ptr, f[3].value);
    }
}

/* The answer without head and trailers of an OK. */
static const char *list(const char *prefix, uint32_t size, const char *token)
{
    static char text[8192];
    m.len = 0;
    pb_text(&m, 1, prefix);
    pb_number(&m, 2, size);
    pb_text(&m, 3, token);
    const char *got = gw_take(gm_call(&w, "ListRooms", &m));
    size_t head = sizeof(GW_HEAD "\n") - 1;
    snprintf(text, sizeof(text), "%s", got);
    char *end = strstr(text, "\n" GW_OK);
    if (strncmp(text, GW_HEAD "\n", head) != 0 || !end)
        return text;
    *end = 0;
    return text + head;
}

Test(marketdata, list_rooms)
{
    /* Goal: pages in the order of birth, by prefix, without rooms of one user; a token goes on
     * where the page ended. */
    open_all();
    w.print = print_rooms;
    cr_assert_str_eq(list("", 0, ""), "");
    gm_put("ticker-A", 0, 0);
    gm_put("book-A", 1, 1);
    gm_put("ticker-B", 2, 3);
    nx_run(&nx);
    cr_assert_str_eq(list("", 0, ""),
                     "ticker-A s0/t/0@1 0, book-A s0/t/0@1 1, ticker-B s0/t/0@1 3");
    cr_assert_str_eq(list("ticker-", 0, ""), "ticker-A s0/t/0@1 0, ticker-B s0/t/0@1 3");
    cr_assert_str_eq(list("ticker-B", 1000, ""), "ticker-B s0/t/0@1 3");
    cr_assert_str_eq(list("x", 0, ""), "");
    cr_assert_str_eq(list("", 2, ""), "ticker-A s0/t/0@1 0, book-A s0/t/0@1 1 next 0.2");
    cr_assert_str_eq(list("", 2, "0.2"), "ticker-B s0/t/0@1 3");
    cr_assert_str_eq(list("ticker-", 1, ""), "ticker-A s0/t/0@1 0 next 0.1");
    cr_assert_str_eq(list("ticker-", 1, "0.1"), "ticker-B s0/t/0@1 3 next 0.3");
    cr_assert_str_eq(list("ticker-", 1, "0.3"), "");
    cr_assert_str_eq(list("", 0, "5.0"), "", "a place behind the last source");
    close_all();
}

Test(marketdata, list_rooms_refused)
{
    /* Goal: too large a page, a token of nobody, no message. */
    static const char *const tokens[] = { "x",     "1",    ".",   "0.",          ".1",
                                          "0.1.2", "0.-1", "9.0", "0.4294967296" };
    open_all();
    cr_assert_str_eq(list("", 1001, ""), ENDED("3", "page_size is at most 1000"));
    for (size_t i = 0; i < TC_ARRAY_CNT(tokens); i++)
        cr_assert_str_eq(list("", 0, tokens[i]),
                         ENDED("3", "page_token is not one that this server gave"), "%s",
                         tokens[i]);
    m.len = 0;
    pb_raw(&m, "\x0a", 1);
    const char *got = gw_take(gm_call(&w, "ListRooms", &m));
    cr_assert_not_null(strstr(got, " grpc-status=3 "), "%s", got);
    close_all();
}

Test(marketdata, list_of_many_rooms)
{
    /* Goal: pages of all sizes bring every room once. */
    open_all();
    w.print = print_rooms;
    for (int i = 0; i < 60; i++) {
        char room[32];
        snprintf(room, sizeof(room), "ticker-%02d", i);
        gm_put(room, i, i);
    }
    nx_run(&nx);
    for (uint32_t size = 7; size < 70; size += 9) {
        char token[32] = "";
        int room = 0;
        do {
            m.len = 0;
            pb_number(&m, 2, size);
            pb_text(&m, 3, token);
            const char *got = gw_ask(&w, GM_SERVICE "ListRooms", "", m.bytes, m.len);
            for (; (got = strstr(got, "ticker-")) != NULL; got++) {
                cr_assert_eq(strtol(got + 7, NULL, 10), room);
                room++;
                const char *next = strstr(got, " next ");
                snprintf(token, sizeof(token), "%.*s", next ? (int)strcspn(next + 6, "\n") : 0,
                         next ? next + 6 : "");
            }
        } while (token[0]);
        cr_assert_eq(room, 60, "pages of %u", size);
        gm_close(&w);
        gm_open(&w);
        w.print = print_rooms;
    }
    close_all();
}

Test(marketdata, list_rooms_compressed)
{
    /* Goal: a compressed request is read before its page is written over it; who takes gzip gets a
     * long page in it. */
    static uint8_t plain[8192];
    uint8_t packed[256];
    uint32_t len = 0;
    char text[8192];
    struct tc_grpc_gzip *gzip = &nx.tc_sessions.grpc.gzip;
    open_all();
    for (int i = 0; i < 50; i++) {
        char room[32];
        snprintf(room, sizeof(room), "%s-%d", i % 2 ? "ticker" : "book", i);
        gm_put(room, i, i);
    }
    nx_run(&nx);
    m.len = 0;
    pb_text(&m, 1, "ticker-");
    int rc = tc_grpc_deflate(gzip, m.bytes, (uint32_t)m.len, packed, sizeof(packed), &len);
    cr_assert_eq(rc, TC_OK);
    struct gw_call *c =
        gw_start(&w, GM_SERVICE "ListRooms", "grpc-encoding gzip\ngrpc-accept-encoding gzip\n");
    c->is_raw = true;
    gw_message(&w, c, 1, packed, len);
    gw_end(&w, c);
    gw_run(&w);
    cr_assert_not_null(strstr(gw_take(c), " grpc-encoding=gzip\n"));
    cr_assert_eq(c->body[0], 1);
    rc = tc_grpc_inflate(gzip, c->body + 5, (uint32_t)c->body_len - 5, plain, sizeof(plain), &len);
    cr_assert_eq(rc, TC_OK);
    print_rooms(text, sizeof(text), (struct tc_str){ (const char *)plain, len });
    for (int i = 0; i < 50; i++) {
        char room[32];
        snprintf(room, sizeof(room), "-%d s0/t/0@1 %d", i, i);
        cr_assert_eq(strstr(text, room) != NULL, i % 2, "%d: %s", i, text);
    }
    close_all();
}

Test(marketdata, prefix_of_any_length)
{
    /* Goal: a prefix as long as a name may be, and longer ones. */
    char name[TC_ROOM_NAME_MAX + 100] = "ticker-";
    open_all();
    w.print = print_rooms;
    memset(name + 7, 'x', sizeof(name) - 8);
    name[TC_ROOM_NAME_MAX] = 0;
    gm_put(name, 1, 1);
    nx_run(&nx);
    cr_assert_not_null(strstr(list(name, 0, ""), " s0/t/0@1 1"));
    name[TC_ROOM_NAME_MAX] = 'x';
    cr_assert_str_eq(list(name, 0, ""), "");
    name[TC_ROOM_NAME_MAX + 1] = 0;
    cr_assert_str_eq(list(name, 0, ""), "");
    close_all();
}

/* ---- gRPC-Web ---- */

Test(marketdata, web)
{
    /* Goal: gRPC-Web gets the same events in its body, and as base64 too. */
    open_all();
    gm_put("ticker-A", 7, 7);
    gm_subscribe(&m, "ticker-A", true, NULL);
    struct gw_call *c =
        gw_start(&w, GM_SERVICE "Subscribe", "content-type application/grpc-web+proto\n");
    gw_message(&w, c, 0, m.bytes, m.len);
    gw_end(&w, c);
    gw_run(&w);
    const char *got = gw_take(c);
    cr_assert_not_null(strstr(got, "\n" GM_CONFIRMED("", "ticker-A", "7", "A") GM_UPDATE(
                                       "ticker-A", "7", "null", "1007", ",\"snapshot\":true")),
                       "%s", got);
    struct gw_call *text =
        gw_start(&w, GM_SERVICE "Subscribe", "content-type application/grpc-web-text+proto\n");
    text->is_raw = true;
    gw_body(&w, text, "AAAAAAoKCHRpY2tlci1B", 20);
    gw_end(&w, text);
    gw_run(&w);
    gm_put("ticker-A", 8, 7);
    gw_run(&w);
    size_t parts = 0;
    for (size_t at = 0; at < text->body_len;) { /* each is padded by itself */
        uint8_t plain[512];
        size_t len = 4;
        size_t got_len = 0;
        while (at + len < text->body_len && text->body[at + len - 1] != '=' &&
               text->body[at + len] != 'A')
            len += 4;
        cr_assert_eq(tc_grpc_base64_decode(plain, sizeof(plain),
                                           (struct tc_str){ (const char *)text->body + at, len },
                                           &got_len),
                     TC_OK);
        at += len;
        parts++;
    }
    cr_assert_geq(parts, 2);
    gw_cancel(&w, text);
    gw_cancel(&w, c);
    gw_run(&w);
    close_all();
}
