// SPDX-License-Identifier: Apache-2.0
/* Goal: commands get the promised replies, faults the promised close code, silence a ping and an
 * end; and the context of a message goes back in every way a connection can end. */
#include "tests/unit/io/session/wire.h"

#define PING "{\"event\":\"ping\"}"
#define PONG "{\"event\":\"pong\",\"ts\":1723075200123}\n"
#define CONFIRMED(id, room, symbol)                                                                \
    "{\"event\":\"subscription-confirmed\",\"id\":" id ",\"room\":\"" room                         \
    "\",\"log\":\"s0/t/0@1\",\"pos\":7,\"data\":{\"symbol\":\"" symbol "\"}}\n"
#define UPDATE(pos, prev, ts, more)                                                                \
    "{\"event\":\"ticker-update\",\"room\":\"ticker-A\",\"pos\":" pos ",\"prev\":" prev            \
    ",\"ts\":" ts more ",\"data\":{\"p\":" pos "}}\n"

/* What is sent is answered by a close frame of that code, and the connection ends for that reason;
 * further commands are passed over. */
static void check_closed(uint32_t slot, const char *want, enum tc_close reason)
{
    nx_run(&nx);
    cr_assert_eq(nx.tc_sessions.messages.used_cnt, 0, "%s", want);
    cr_assert_str_eq(wire_take(slot), want);
    cr_assert_str_eq(wire_ask(slot, PING), "");
    nx_check_finished(&nx, slot, reason);
}

/* ---- commands ---- */

Test(ws, subscribe_and_unsubscribe)
{
    /* Goal: the life of a subscription: confirmation, snapshot, updates, a second confirmation,
     * unsubscribed, then nothing. */
    nx_init(&nx, NULL);
    fx_put(&nx.fx, "ticker-A", 7, "{\"p\":7}");
    uint32_t slot = wire_open();
    cr_assert_str_eq(wire_ask(slot, "{\"event\":\"subscribe-ticker\",\"data\":\"A\",\"id\":1}"),
                     CONFIRMED("1", "ticker-A", "A")
                         UPDATE("7", "null", "1007", ",\"snapshot\":true"));
    cr_assert_str_eq(
        wire_ask(slot, "{\"event\":\"subscribe\",\"id\":\"two\",\"data\":{\"room\":\"ticker-A\"}}"),
        CONFIRMED("\"two\"", "ticker-A", "A"));
    fx_put(&nx.fx, "ticker-A", 9, "{\"p\":9}");
    nx_run(&nx);
    cr_assert_str_eq(wire_take(slot), UPDATE("9", "7", "1009", ""));
    cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, slot), 1);
    cr_assert_str_eq(
        wire_ask(slot,
                 "{\"event\":\"unsubscribe\",\"id\":3,\"data\":{\"rooms\":[\"ticker-A\",\"x\"]}}"),
        "{\"event\":\"unsubscribed\",\"id\":3,\"room\":\"ticker-A\"}\n"
        "{\"event\":\"unsubscribed\",\"id\":3,\"room\":\"x\"}\n");
    fx_put(&nx.fx, "ticker-A", 10, "{\"p\":10}");
    nx_run(&nx);
    cr_assert_str_eq(wire_take(slot), "");
    cr_assert_eq(tc_count_get(&nx.metric.commands), 3);
    cr_assert_eq(tc_count_get(&nx.metric.command_errors), 0);
    cr_assert_eq(nx.tc_sessions.messages.used_cnt, 0, "an idle connection borrows nothing");
    nx_fini(&nx);
}

Test(ws, resume)
{
    /* Goal: "from" reaches fan-out whole: recovered with what was missed; a log that nobody knows
     * cannot be recovered, and the snapshot follows; a time that differs neither. */
    nx_init(&nx, NULL);
    fx_put(&nx.fx, "ticker-A", 5, "{\"p\":5}");
    fx_put(&nx.fx, "ticker-A", 7, "{\"p\":7}");
    uint32_t slot = wire_open();
    cr_assert_str_eq(
        wire_ask(slot, "{\"event\":\"subscribe\",\"id\":1,\"data\":{\"rooms\":["
                       "\"ticker-A\"],\"from\":{\"ticker-A\":{\"log\":\"s0/t/0@1\","
                       "\"pos\":5,\"ts\":1005}}}}"),
        CONFIRMED("1", "ticker-A",
                  "A") "{\"event\":\"recovered\",\"id\":1,\"room\":\"ticker-A\",\"from\":5,"
                       "\"to\":7,\"count\":1}\n" UPDATE("7", "5", "1007", ""));
    static const char *const foreign[] = { "{\"log\":\"other\",\"pos\":5}",
                                           "{\"log\":\"s0/t/0@1\",\"pos\":5,\"ts\":1}" };
    for (size_t i = 0; i < TC_ARRAY_CNT(foreign); i++) {
        char command[256];
        uint32_t other = wire_open();
        snprintf(command, sizeof(command),
                 "{\"event\":\"subscribe\",\"data\":{\"room\":\"ticker-A\","
                 "\"from\":{\"ticker-A\":%s}}}",
                 foreign[i]);
        const char *got = wire_ask(other, command);
        cr_assert_not_null(strstr(got, "{\"event\":\"cannot-recover\",\"room\":\"ticker-A\","),
                           "%s", got);
        cr_assert_not_null(strstr(got, UPDATE("7", "5", "1007", ",\"snapshot\":true")), "%s", got);
    }
    nx_fini(&nx);
}

Test(ws, ping)
{
    /* Goal: a command ping gets the wall clock and its id, a ping frame its own bytes. */
    nx_init(&nx, NULL);
    uint32_t slot = wire_open();
    cr_assert_str_eq(wire_ask(slot, "{\"event\":\"ping\",\"id\":-1.50}"),
                     "{\"event\":\"pong\",\"id\":-1.50,\"ts\":1723075200123}\n");
    cr_assert_str_eq(wire_ask(slot, PING), PONG);
    wire_send_frame(slot, 0x89, "a\0b", 3);
    nx_run(&nx);
    static const uint8_t pong[] = { 0x8a, 3, 'a', 0, 'b' };
    cr_assert_arr_eq(nx_take(&nx, slot), pong, sizeof(pong));
    nx_fini(&nx);
}

Test(ws, errors)
{
    /* Goal: each refusal has its code, id and room; the connection goes on. */
    static const struct {
        const char *command;
        const char *want; /* a part of the reply */
    } rows[] = {
        { "nonsense", "{\"event\":\"error\",\"code\":\"bad-request\"," },
        { "{\"event\":\"subscribe\",\"id\":1}",
          "{\"event\":\"error\",\"id\":1,\"code\":\"bad-request\"," },
        { "{\"event\":\"dance\",\"id\":\"x\"}",
          "{\"event\":\"error\",\"id\":\"x\",\"code\":\"unknown-event\"," },
        { "{\"event\":\"subscribe\",\"id\":2,\"data\":{\"room\":\"nobody\"}}",
          "{\"event\":\"error\",\"id\":2,\"code\":\"room-unknown\"," },
        { "{\"event\":\"subscribe\",\"data\":{\"room\":\"ticker-a b\"}}",
          "\"code\":\"room-illegal\"," },
        { "{\"event\":\"subscribe\",\"data\":{\"room\":\"ticker-\\\"\\n\"}}",
          ",\"room\":\"ticker-\\\"\\n\"}\n" },
        { "{\"event\":\"unsubscribe\",\"data\":{\"room\":\"\"}}", "\"code\":\"room-illegal\"," },
        { "{\"event\":\"subscribe\",\"data\":{\"room\":\"orders-7\"}}",
          "\"code\":\"not-supported\"," },
        { "{\"event\":\"subscribe\",\"data\":{\"room\":\"portfolio-7\"}}",
          ",\"room\":\"portfolio-7\"}\n" },
        { "{\"event\":\"subscribe\",\"data\":{\"room\":\"notifications-\\u0001\"}}",
          ",\"room\":\"notifications-\\u0001\"}\n" },
        { "{\"event\":\"subscribe\",\"data\":{\"room\":\"ticker-A\",\"rate\":\"1s\"}}",
          "\"code\":\"not-supported\"," },
    };
    nx_init(&nx, NULL);
    uint32_t slot = wire_open();
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        const char *got = wire_ask(slot, rows[i].command);
        cr_assert_not_null(strstr(got, rows[i].want), "%s: %s", rows[i].command, got);
        cr_assert_eq(strchr(got, '\n')[1], 0, "one reply: %s", got);
    }
    cr_assert_eq(tc_count_get(&nx.metric.command_errors), TC_ARRAY_CNT(rows));
    cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, slot), 0);
    cr_assert_str_eq(wire_ask(slot, PING), PONG);
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    nx_fini(&nx);
}

Test(ws, one_bad_room_of_many)
{
    /* Goal: a list is answered room by room: the bad ones refused, the good ones subscribed. */
    nx_init(&nx, NULL);
    fx_put(&nx.fx, "ticker-A", 7, "{\"p\":7}");
    uint32_t slot = wire_open();
    const char *got = wire_ask(slot, "{\"event\":\"subscribe\",\"id\":4,\"data\":{\"rooms\":["
                                     "\"orders-1\",\"ticker-A\",\"nobody\",\"book-\"]}}");
    cr_assert_not_null(strstr(got, "\"not-supported\""), "%s", got);
    cr_assert_not_null(strstr(got, "\"room\":\"nobody\"}\n"), "%s", got);
    cr_assert_not_null(strstr(got, "\"room\":\"book-\"}\n"), "%s", got);
    cr_assert_not_null(strstr(got, CONFIRMED("4", "ticker-A", "A")), "%s", got);
    cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, slot), 1);
    nx_fini(&nx);
}

/* {"event":"subscribe","data":{"rooms":["ticker-0",…]}} */
static const char *subscribe_many(uint32_t first, uint32_t cnt)
{
    static char text[32768];
    size_t len = 0;
    len += (size_t)snprintf(text, sizeof(text), "{\"event\":\"subscribe\",\"data\":{\"rooms\":[");
    for (uint32_t i = first; i < first + cnt; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"ticker-%u\"",
                                i == first ? "" : ",", i);
    snprintf(text + len, sizeof(text) - len, "]}}");
    return text;
}

static uint32_t count_of(const char *text, const char *what)
{
    uint32_t cnt = 0;
    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        cnt++;
    }
    return cnt;
}

Test(ws, too_many_rooms)
{
    /* Goal: names without a record are bounded per worker (overloaded), rooms per connection
     * (too-many-rooms), rooms per command (the command is refused whole). */
    nx_init(&nx, NULL);
    uint32_t waiting_max = nx.fx.options.waiting_max;
    uint32_t rooms_max = nx.fx.options.conn_rooms_max;
    uint32_t slot = wire_open();
    cr_assert_eq(count_of(wire_ask(slot, subscribe_many(0, waiting_max + 2)), "\"overloaded\""), 2);
    for (uint32_t i = 0; i < rooms_max + 3; i++) {
        char room[32];
        snprintf(room, sizeof(room), "ticker-%u", i);
        fx_put(&nx.fx, room, i + 1, "1");
    }
    nx_run(&nx);
    wire_take(slot);
    const char *got = wire_ask(slot, subscribe_many(waiting_max, rooms_max + 3 - waiting_max));
    cr_assert_eq(count_of(got, "\"too-many-rooms\""), 3, "%s", got);
    cr_assert_eq(count_of(got, "subscription-confirmed"), rooms_max - waiting_max);
    got = wire_ask(slot, subscribe_many(0, TC_CMD_ROOMS_MAX + 1));
    cr_assert_eq(count_of(got, "\"too-many-rooms\""), 1, "%s", got);
    nx_fini(&nx);
}

/* ---- rates ---- */

static void set_rate(uint32_t rate, uint32_t burst)
{
    nx.conf.limits.cmd_rate = rate;
    nx.conf.limits.cmd_burst = burst;
    nx.tc_sessions.command_rate = tc_bucket_rate(rate, burst);
}

/* Cnt pings at once, of which the first ok_cnt are answered and the rest refused. */
static void check_pings(uint32_t slot, uint32_t cnt, uint32_t ok_cnt)
{
    for (uint32_t i = 0; i < cnt; i++) {
        const char *got = wire_ask(slot, PING);
        if (i < ok_cnt)
            cr_assert_str_eq(got, PONG, "%u: %s", i, got);
        else
            cr_assert_not_null(strstr(got, "\"code\":\"rate-limited\""), "%u: %s", i, got);
    }
}

Test(ws, rate_limit)
{
    /* Goal: commands beyond the burst are refused with an error; TC_SESSION_REFUSED_MAX of them in
     * a row end the connection with 1008; one that is in time begins that count anew. */
    nx_init(&nx, NULL);
    set_rate(10, 4);
    uint32_t slot = wire_open();
    check_pings(slot, 4 + TC_SESSION_REFUSED_MAX - 1, 4);
    nx_wait_ms(&nx, 200);
    check_pings(slot, 2 + TC_SESSION_REFUSED_MAX - 1, 2);
    cr_assert(tc_net_is_open(&nx.net, slot));
    uint32_t other = wire_open();
    check_pings(other, 4, 4);
    const char *got = wire_ask(slot, "{\"event\":\"dance\",\"id\":8}");
    cr_assert_not_null(strstr(got, "\"id\":8,\"code\":\"rate-limited\""), "%s", got);
    cr_assert_not_null(strstr(got, "}\nclose 1008 too many commands\n"), "%s", got);
    check_closed(slot, "", TC_CLOSE_TOO_FAST);
    cr_assert_eq(tc_count_get(&nx.metric.command_errors), 2 * TC_SESSION_REFUSED_MAX - 1);
    nx_fini(&nx);
}

Test(ws, long_lists_cost_more)
{
    /* Goal: 16 rooms cost as one more command; a list that costs more than the burst is accepted
     * by a full bucket, and by no other. */
    nx_init(&nx, NULL);
    set_rate(10, 4);
    uint32_t slot = wire_open();
    cr_assert_eq(count_of(wire_ask(slot, subscribe_many(0, 32)), "rate-limited"), 0);
    check_pings(slot, 2, 1);
    cr_assert_eq(count_of(wire_ask(slot, subscribe_many(0, 1024)), "rate-limited"), 1);
    nx_wait_ms(&nx, 400);
    cr_assert_eq(count_of(wire_ask(slot, subscribe_many(0, 1024)), "rate-limited"), 0);
    check_pings(slot, 1, 0);
    nx_wait_ms(&nx, 300);
    cr_assert_eq(count_of(wire_ask(slot, subscribe_many(0, 1024)), "rate-limited"), 1);
    nx_fini(&nx);
}

Test(ws, control_flood)
{
    /* Goal: TC_WS_CONTROLS_PER_S pings and pongs in a second, then 1008; commands are not counted
     * with them. */
    nx_init(&nx, NULL);
    uint32_t slot = wire_open();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TC_WS_CONTROLS_PER_S; i++)
            wire_send_frame(slot, i % 2 ? 0x8a : 0x89, "", 0);
        nx_run(&nx);
        cr_assert_eq(count_of(wire_take(slot), "pong"), TC_WS_CONTROLS_PER_S / 2);
        cr_assert_str_eq(wire_ask(slot, PING), PONG);
        if (round < 2)
            nx_wait_ms(&nx, 1000);
    }
    wire_send_frame(slot, 0x8a, "", 0);
    check_closed(slot, "close 1008 too many fragments or control frames\n", TC_CLOSE_POLICY);
    nx_fini(&nx);
}

/* ---- faults and ends ---- */

Test(ws, faults)
{
    /* Goal: each fault of the frames ends with its code and reason and is counted as a glitch. */
    static const struct {
        uint8_t first;
        const char *payload;
        size_t len;
        const char *want;
        enum tc_close reason;
    } rows[] = {
        { 0x82, "\x01", 1, "close 1003 only text messages are understood\n", TC_CLOSE_UNSUPPORTED },
        { 0xc1, PING, 16, "close 1002 a reserved bit is set\n", TC_CLOSE_PROTOCOL },
        { 0x83, "", 0, "close 1002 an unknown opcode\n", TC_CLOSE_PROTOCOL },
        { 0x80, "", 0, "close 1002 a continuation without a start\n", TC_CLOSE_PROTOCOL },
        { 0x81, "\xff", 1, "close 1007 the text is not UTF-8\n", TC_CLOSE_BAD_DATA },
        { 0x88, "\x03", 1, "close 1002 a close frame of one byte\n", TC_CLOSE_PROTOCOL },
        { 0x88, "\x03\xed", 2, "close 1002 a close code that may not be sent\n",
          TC_CLOSE_PROTOCOL },
    };
    nx_init(&nx, NULL);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        uint64_t glitches = tc_count_get(&nx.metric.glitches);
        uint32_t slot = wire_open();
        wire_send_frame(slot, rows[i].first, rows[i].payload, rows[i].len);
        check_closed(slot, rows[i].want, rows[i].reason);
        cr_assert_eq(tc_count_get(&nx.metric.glitches), glitches + (i > 0));
    }
    uint32_t slot = wire_open();
    nx_recv_by(&nx, slot, "\x81\x01x", 3, 3);
    check_closed(slot, "close 1002 a frame without a mask\n", TC_CLOSE_PROTOCOL);
    nx_fini(&nx);
}

Test(ws, messages_that_are_too_long)
{
    /* Goal: TC_WS_MESSAGE_MAX bytes are a command, one more is 1009, told by the header alone;
     * TC_WS_FRAGMENTS_MAX frames are a command, one more is 1008. */
    static char text[TC_WS_MESSAGE_MAX + 1];
    nx_init(&nx, NULL);
    memset(text, ' ', sizeof(text));
    memcpy(text, PING, sizeof(PING) - 1);
    uint32_t slot = wire_open();
    wire_send_frame(slot, 0x81, text, TC_WS_MESSAGE_MAX);
    nx_run(&nx);
    cr_assert_str_eq(wire_take(slot), PONG);
    wire_send_frame(slot, 0x81, text, TC_WS_MESSAGE_MAX + 1);
    check_closed(slot, "close 1009 the message is too big\n", TC_CLOSE_TOO_BIG);
    slot = wire_open();
    for (int i = 0; i < TC_WS_FRAGMENTS_MAX; i++) {
        bool is_last = i == TC_WS_FRAGMENTS_MAX - 1;
        size_t len = is_last ? sizeof(PING) - 1 - (size_t)i : 1;
        wire_send_frame(slot, (uint8_t)((i == 0) | is_last << 7), &text[i], len);
    }
    nx_run(&nx);
    cr_assert_str_eq(wire_take(slot), PONG);
    for (int i = 0; i <= TC_WS_FRAGMENTS_MAX; i++)
        wire_send_frame(slot, i == 0, "{", 1);
    check_closed(slot, "close 1008 the message has too many fragments\n", TC_CLOSE_POLICY);
    nx_fini(&nx);
}

Test(ws, close_is_echoed)
{
    /* Goal: the client's close comes back with its code, or without one; what follows it is passed
     * over. */
    static const struct {
        const char *payload;
        size_t len;
        const char *want;
    } rows[] = {
        { "\x03\xe8", 2, "close 1000 \n" },
        { "\x0f\xa0gone", 6, "close 4000 \n" },
        { "", 0, "close\n" },
    };
    nx_init(&nx, NULL);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        uint8_t bytes[256];
        uint32_t slot = wire_open();
        size_t len = wire_frame(bytes, 0x81, PING, sizeof(PING) - 1);
        len += wire_frame(bytes + len, 0x88, rows[i].payload, rows[i].len);
        len += wire_frame(bytes + len, 0x81, PING, sizeof(PING) - 1);
        nx_recv_by(&nx, slot, bytes, len, len);
        nx_run(&nx);
        const char *got = wire_take(slot);
        cr_assert_eq(strncmp(got, PONG, sizeof(PONG) - 1), 0, "%s", got);
        cr_assert_str_eq(got + sizeof(PONG) - 1, rows[i].want);
        check_closed(slot, "", TC_CLOSE_PEER_CLOSED);
    }
    cr_assert_eq(tc_count_get(&nx.metric.glitches), 0);
    nx_fini(&nx);
}

Test(ws, pieces)
{
    /* Goal: a fragmented command with a ping between, then whole ones: byte by byte and in pieces
     * of any size the replies are those of one receive. */
    uint8_t bytes[512];
    size_t len = 0;
    nx_init(&nx, NULL);
    len += wire_frame(bytes + len, 0x01, "{\"event\":\"pi", 12);
    len += wire_frame(bytes + len, 0x89, "mid", 3);
    len += wire_frame(bytes + len, 0x80, "ng\",\"id\":1}", 11);
    len += wire_frame(bytes + len, 0x81, "{\"event\":\"ping\",\"id\":2}", 23);
    len += wire_frame(bytes + len, 0x81, "\xc3\xa9", 2);
    len += wire_frame(bytes + len, 0x88, "\x03\xe8", 2);
    for (size_t step = 1; step <= len; step++) {
        uint32_t slot = wire_open();
        nx_recv_by(&nx, slot, bytes, len, step);
        check_closed(slot,
                     "pong mid\n{\"event\":\"pong\",\"id\":1,\"ts\":1723075200123}\n"
                     "{\"event\":\"pong\",\"id\":2,\"ts\":1723075200123}\n"
                     "{\"event\":\"error\",\"code\":\"bad-request\",\"message\":\"the command is "
                     "not JSON\"}\nclose 1000 \n",
                     TC_CLOSE_PEER_CLOSED);
    }
    nx_fini(&nx);
}

/* Half a message: its context stays borrowed. */
static uint32_t open_half(void)
{
    uint32_t slot = wire_open();
    wire_send_frame(slot, 0x01, "{\"event", 7);
    cr_assert_eq(nx.tc_sessions.messages.used_cnt, 1);
    return slot;
}

static void end_half(uint32_t slot, int way)
{
    switch (way) {
    case 0:
        nx_end(&nx, slot, 0);
        break;
    case 1:
        nx_end(&nx, slot, -ECONNRESET);
        break;
    case 2:
        tc_net_end(&nx.net, slot, TC_CLOSE_INTERNAL);
        break;
    case 3:
        tc_net_end_all(&nx.net, TC_CLOSE_DRAIN_TIMEOUT);
        break;
    case 4: /* a message inside a message */
        wire_send_frame(slot, 0x81, PING, sizeof(PING) - 1);
        break;
    case 5: /* a close inside a message */
        wire_send_frame(slot, 0x88, "", 0);
        break;
    case 6:
        nx_wait_ms(&nx, 60000 + NX_TICK_MS);
        break;
    case 7: /* half a header too */
        nx_recv_by(&nx, slot, "\x80", 1, 1);
        nx_end(&nx, slot, 0);
        break;
    default:
        tc_net_drain(&nx.net, 0, nx.net.slot_max, 100);
        nx.net.is_draining = false;
        break;
    }
}

Test(ws, ends_with_half_a_message)
{
    /* Goal: in whichever way the connection ends, its context goes back at once, and serves the
     * next one as if new. */
    nx_init(&nx, NULL);
    for (int way = 0; way <= 8; way++) {
        uint32_t slot = open_half();
        end_half(slot, way);
        cr_assert_eq(nx.tc_sessions.messages.used_cnt, 0, "way %d", way);
        nx_run(&nx);
        if (!nx_is_closed(&nx, slot))
            nx_end(&nx, slot, 0);
        nx_check_empty(&nx);
        slot = wire_open();
        cr_assert_str_eq(wire_ask(slot, PING), PONG);
        nx_end(&nx, slot, 0);
    }
    nx_fini(&nx);
}

Test(ws, contexts_are_spent)
{
    /* Goal: without a context for another message: 1013; who has one goes on, and one given back
     * serves the next message. */
    nx_init(&nx, NULL);
    uint32_t half = open_half();
    struct tc_pool *messages = &nx.tc_sessions.messages;
    uint32_t held[64];
    uint32_t cnt = 0;
    for (uint32_t idx; (idx = tc_pool_acquire(messages)) != TC_NONE;)
        held[cnt++] = idx;
    uint32_t slot = wire_open();
    wire_send(slot, PING);
    nx_run(&nx);
    cr_assert_str_eq(wire_take(slot), "close 1013 too many unfinished messages\n");
    nx_check_finished(&nx, slot, TC_CLOSE_NO_CONTEXT);
    wire_send_frame(half, 0x80, "\":\"ping\"}", 9);
    nx_run(&nx);
    cr_assert_str_eq(wire_take(half), PONG);
    slot = wire_open();
    cr_assert_str_eq(wire_ask(slot, PING), PONG);
    while (cnt)
        tc_pool_release(messages, held[--cnt]);
    nx_fini(&nx);
}

/* ---- time ---- */

Test(ws, silence)
{
    /* Goal: a silent client is pinged once after ping_ms and given up after idle_ms with 1001; any
     * bytes are a sign of life. */
    nx_init(&nx, NULL);
    uint32_t slot = wire_open();
    nx_wait_ms(&nx, 24999);
    cr_assert_str_eq(wire_take(slot), "");
    cr_assert_str_eq(wire_ask(slot, PING), PONG);
    nx_wait_ms(&nx, 24999);
    cr_assert_str_eq(wire_take(slot), "");
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    cr_assert_str_eq(wire_take(slot), "ping \n");
    nx_wait_ms(&nx, 34999 - NX_TICK_MS);
    cr_assert_str_eq(wire_take(slot), "");
    cr_assert(tc_net_is_open(&nx.net, slot));
    nx_wait_ms(&nx, 1 + NX_TICK_MS);
    cr_assert_str_eq(wire_take(slot), "close 1001 no sign of life\n");
    nx_check_finished(&nx, slot, TC_CLOSE_IDLE);
    nx_fini(&nx);
}

Test(ws, pings_go_on)
{
    /* Goal: a client that answers is pinged every ping_ms of its silence, however much longer
     * idle_ms is. */
    static const uint32_t idles_ms[] = { 26000, 49000, 60000, 86400000 };
    for (size_t i = 0; i < TC_ARRAY_CNT(idles_ms); i++) {
        nx_init(&nx, NULL);
        nx.conf.timeouts.idle_ms = idles_ms[i];
        uint32_t slot = wire_open();
        for (int round = 0; round < 10; round++) {
            nx_wait_ms(&nx, 24900);
            cr_assert_str_eq(wire_take(slot), "", "idle %u, round %d", idles_ms[i], round);
            nx_wait_ms(&nx, 100 + NX_TICK_MS);
            cr_assert_str_eq(wire_take(slot), "ping \n", "idle %u, round %d", idles_ms[i], round);
            nx_wait_ms(&nx, 100);
            wire_send_frame(slot, 0x8a, "", 0);
        }
        cr_assert(tc_net_is_open(&nx.net, slot));
        nx_fini(&nx);
    }
}

Test(ws, drain)
{
    /* Goal: at a stop the client is told when to come back, then 1012; its subscriptions end. */
    nx_init(&nx, NULL);
    uint32_t slot = wire_open();
    wire_ask(slot, "{\"event\":\"subscribe\",\"data\":{\"room\":\"ticker-A\"}}");
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 10000);
    fx_put(&nx.fx, "ticker-A", 7, "1");
    nx_run(&nx);
    const char *got = wire_take(slot);
    uint32_t delay_ms = UINT32_MAX;
    int len = 0;
    cr_assert_eq(sscanf(got, "{\"event\":\"draining\",\"reconnect_ms\":%u}\n%n", &delay_ms, &len),
                 1, "%s", got);
    cr_assert_lt(delay_ms, 10000);
    cr_assert_str_eq(got + len, "close 1012 the server restarts\n");
    nx_check_finished(&nx, slot, TC_CLOSE_DRAINING);
    nx_fini(&nx);
}

Test(ws, replies_that_are_not_read)
{
    /* Goal: a client that asks and never reads is ended at TC_NET_OUT_MAX, in the middle of a list
     * of rooms too; others are served. */
    nx_init(&nx, NULL);
    set_rate(1000000, 1000000);
    uint32_t slot = wire_open();
    uint32_t other = wire_open();
    nx.reactor.socks[slot].cap = 0;
    for (int i = 0; i < 100 && !nx_is_closed(&nx, slot); i++) {
        wire_send(slot, subscribe_many(1000, TC_CMD_ROOMS_MAX));
        nx_run(&nx);
    }
    cr_assert(nx_is_closed(&nx, slot));
    cr_assert_eq(nx_closes(&nx, TC_CLOSE_UNREAD), 1);
    cr_assert_eq(nx.tc_sessions.messages.used_cnt, 0);
    cr_assert_str_eq(wire_ask(other, PING), PONG);
    nx_fini(&nx);
}

Test(ws, message_has_its_time)
{
    /* Goal: a begun message that does not come to its end is given up after head_ms. */
    nx_init(&nx, NULL);
    uint32_t slot = open_half();
    nx_wait_ms(&nx, 9000);
    wire_send_frame(slot, 0x89, "", 0);
    nx_run(&nx);
    (void)wire_take(slot);
    nx_wait_ms(&nx, 1000 + NX_TICK_MS);
    cr_assert_str_eq(wire_take(slot), "close 1008 the message did not arrive in time\n");
    cr_assert_eq(nx.tc_sessions.messages.used_cnt, 0);
    nx_fini(&nx);
}
