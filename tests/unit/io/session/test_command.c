// SPDX-License-Identifier: Apache-2.0
/* Goal: a command is carried out and answered alike whatever dialect it came in; who may not go on
 * is not answered further. */
#include "io/session/command.h"

#include "tests/unit/io/session/wire.h"
#include "tests/unit/proto/grpc/event_json.h"

/* A commander whose answers are kept as lines. */
struct asker {
    struct tc_commander who;
    char lines[1 << 16];
    size_t len;
    uint32_t reply_cnt;
    uint32_t open_max; /* replies after which it is not open any more */
    uint32_t end_cnt;
};

static struct asker asker;

static struct asker *asker_of(const struct tc_commander *who)
{
    return who->ctx;
}

static bool is_open(const struct tc_commander *who)
{
    return asker_of(who)->reply_cnt < asker_of(who)->open_max;
}

static void write_reply(const struct tc_commander *who, const void *bytes, size_t len)
{
    struct asker *a = asker_of(who);
    const uint8_t *at = bytes;
    char *to = a->lines + a->len;
    size_t room = sizeof(a->lines) - a->len;
    a->reply_cnt++;
    if (who->dialect == TC_SESSION_GRPC) {
        ej_event(to, room, (struct tc_str){ (const char *)at + 5, len - 5 });
    } else {
        size_t head = at[1] == 126 ? 4 : 2;
        snprintf(to, room, "%.*s", (int)(len - head), (const char *)at + head);
    }
    a->len += strlen(to);
    cr_assert_lt(a->len + 2, sizeof(a->lines));
    a->len += (size_t)snprintf(a->lines + a->len, 2, "\n");
}

static void end(const struct tc_commander *who)
{
    asker_of(who)->end_cnt++;
}

static void open_asker(uint32_t dialect)
{
    uint32_t slot = nx_accept(&nx);
    tc_net_stream_open(&nx.net, 0, slot, dialect);
    asker = (struct asker){ .open_max = UINT32_MAX };
    asker.who = (struct tc_commander){ .net = &nx.net,
                                       .slot = slot,
                                       .conn = tc_net_stream_conn(&nx.net, 0),
                                       .dialect = dialect,
                                       .ctx = &asker,
                                       .is_open = is_open,
                                       .write = write_reply,
                                       .end = end };
}

static void close_asker(void)
{
    tc_net_stream_close(&nx.net, 0);
    nx_end(&nx, asker.who.slot, 0);
}

static struct tc_str id(void)
{
    return asker.who.dialect == TC_SESSION_GRPC ? TC_STR("k") : TC_STR("\"k\"");
}

/* A command about the rooms that text names, with blanks between. */
static const char *ask(enum tc_cmd_kind kind, const char *text, int rc)
{
    static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];
    struct tc_cmd cmd = { .kind = kind, .id = id(), .rooms = rooms };
    for (const char *at = text; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        cr_assert_lt(cmd.room_cnt, TC_CMD_ROOMS_MAX);
        rooms[cmd.room_cnt++] =
            (struct tc_cmd_room){ .name = { at, len }, .from = { .ts_ms = -1 } };
        at += len;
    }
    cmd.code = TC_CODE_UNKNOWN_EVENT;
    snprintf(cmd.message, sizeof(cmd.message), "what?");
    asker.len = 0;
    asker.lines[0] = 0;
    tc_command(&asker.who, &cmd, rc);
    return asker.lines;
}

#define ERROR(code, message, room)                                                                 \
    "{\"event\":\"error\",\"id\":\"k\",\"code\":\"" code "\",\"message\":\"" message "\"" room "}" \
    "\n"
#define ROOM(name) ",\"room\":\"" name "\""
#define UNSUBSCRIBED(name) "{\"event\":\"unsubscribed\",\"id\":\"k\",\"room\":\"" name "\"}\n"
#define PONG "{\"event\":\"pong\",\"id\":\"k\",\"ts\":1723075200123}\n"
#define ILLEGAL                                                                                    \
    "a room name is 1 to 128 printable ASCII characters without blanks, quotes, backslash, "       \
    "asterisk and comma"

Test(command, replies)
{
    /* Goal: every kind and every refusal, in JSON and in messages. */
    for (uint32_t dialect = 0; dialect <= TC_SESSION_GRPC; dialect++) {
        nx_init(&nx, NULL);
        open_asker(dialect);
        cr_assert_str_eq(ask(TC_CMD_PING, "", TC_OK), PONG);
        cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, "ticker-A", -TC_EINVAL),
                         ERROR("unknown-event", "what?", ""));
        cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, asker.who.conn), 0);
        cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, "ticker-* orders-1 ticker-A nobody", TC_OK),
                         ERROR("room-illegal", ILLEGAL, ROOM("ticker-*")) ERROR(
                             "not-supported",
                             "rooms of one user need authorization, which is not built "
                             "yet",
                             ROOM("orders-1"))
                             ERROR("room-unknown", "this server has no such room", ROOM("nobody")));
        cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, asker.who.conn), 1);
        cr_assert_str_eq(ask(TC_CMD_UNSUBSCRIBE, "ticker-A x ticker-*", TC_OK),
                         UNSUBSCRIBED("ticker-A") UNSUBSCRIBED("ticker-A") UNSUBSCRIBED("x")
                             ERROR("room-illegal", ILLEGAL, ROOM("ticker-*")));
        cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, asker.who.conn), 0);
        cr_assert_eq(tc_count_get(&nx.metric.commands), 4);
        cr_assert_eq(tc_count_get(&nx.metric.command_errors), 5);
        cr_assert_eq(asker.end_cnt, 0);
        close_asker();
        nx_fini(&nx);
    }
}

Test(command, too_many_rooms)
{
    /* Goal: rooms beyond what one connection may have, and names beyond what may wait. */
    nx_init(&nx, NULL);
    open_asker(TC_SESSION_GRPC);
    for (uint32_t i = 0; i < nx.fx.options.waiting_max; i++) {
        char room[32];
        snprintf(room, sizeof(room), "ticker-%u", i);
        cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, room, TC_OK), "");
    }
    cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, "ticker-X", TC_OK),
                     ERROR("overloaded", "no place for the subscription now: try again later",
                           ROOM("ticker-X")));
    uint32_t rooms_max = nx.fx.options.conn_rooms_max;
    for (uint32_t i = nx.fx.options.waiting_max; i <= rooms_max; i++) {
        char room[32];
        snprintf(room, sizeof(room), "ticker-%u", i);
        fx_put(&nx.fx, room, i, "1");
    }
    tc_fan_read(nx.fx.fan, nx.net.now_ns);
    for (uint32_t i = nx.fx.options.waiting_max; i < rooms_max; i++) {
        char room[32];
        snprintf(room, sizeof(room), "ticker-%u", i);
        cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, room, TC_OK), "");
    }
    cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, "ticker-16", TC_OK),
                     ERROR("too-many-rooms",
                           "the connection has as many rooms as it may: unsubscribe first",
                           ROOM("ticker-16")));
    close_asker();
    nx_fini(&nx);
}

Test(command, ends_in_the_middle)
{
    /* Goal: who is not open any more after a reply gets no further one, and no further room. */
    nx_init(&nx, NULL);
    open_asker(TC_SESSION_GRPC);
    asker.open_max = 1;
    cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, "nobody ticker-A", TC_OK),
                     ERROR("room-unknown", "this server has no such room", ROOM("nobody")));
    cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, asker.who.conn), 0);
    asker.open_max = 2;
    cr_assert_str_eq(ask(TC_CMD_UNSUBSCRIBE, "a b c", TC_OK), UNSUBSCRIBED("a"));
    close_asker();
    nx_fini(&nx);
}

Test(command, rates)
{
    /* Goal: the rate is the connection's; beyond it commands are refused, not carried out; the
     * count of those in a row is its as well, and begins anew with one in time. */
    nx_init(&nx, NULL);
    nx.conf.limits.cmd_burst = 4;
    nx.tc_sessions.command_rate = tc_bucket_rate(10, 4);
    open_asker(TC_SESSION_GRPC);
    static const char limited[] = ERROR("rate-limited", "too many commands: slow down", "");
    for (int i = 0; i < 4; i++)
        cr_assert_str_eq(ask(TC_CMD_PING, "", TC_OK), PONG);
    for (int i = 0; i < TC_SESSION_REFUSED_MAX - 1; i++)
        cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, "ticker-A", i % 2 ? TC_OK : -TC_EINVAL), limited);
    cr_assert_eq(tc_fan_conn_room_cnt(nx.fx.fan, asker.who.conn), 0);
    cr_assert_eq(asker.end_cnt, 0);
    nx.net.now_ns += 100 * (int64_t)FX_MS;
    cr_assert_str_eq(ask(TC_CMD_PING, "", TC_OK), PONG);
    for (int i = 0; i < TC_SESSION_REFUSED_MAX; i++)
        cr_assert_str_eq(ask(TC_CMD_PING, "", TC_OK), limited);
    cr_assert_eq(asker.end_cnt, 1);
    close_asker();
    nx_fini(&nx);
}

Test(command, long_lists_cost_more)
{
    /* Goal: 16 rooms cost as one command more; those of a command that was not understood nothing;
     * a full bucket is enough for the longest list. */
    char rooms[4096];
    size_t len = 0;
    nx_init(&nx, NULL);
    nx.conf.limits.cmd_burst = 4;
    nx.tc_sessions.command_rate = tc_bucket_rate(10, 4);
    open_asker(TC_SESSION_GRPC);
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(rooms + len, sizeof(rooms) - len, "x%d ", i);
    for (int i = 0; i < 4; i++)
        cr_assert_str_eq(ask(TC_CMD_SUBSCRIBE, rooms, -TC_EINVAL),
                         ERROR("unknown-event", "what?", ""));
    nx.net.now_ns += 399 * (int64_t)FX_MS;
    const char *got = ask(TC_CMD_UNSUBSCRIBE, rooms, TC_OK);
    cr_assert_not_null(strstr(got, "\"rate-limited\""), "%s", got);
    nx.net.now_ns += 100 * (int64_t)FX_MS;
    got = ask(TC_CMD_UNSUBSCRIBE, rooms, TC_OK);
    cr_assert_not_null(strstr(got, UNSUBSCRIBED("x199")), "%s", got);
    got = ask(TC_CMD_PING, "", TC_OK);
    cr_assert_not_null(strstr(got, "\"rate-limited\""), "%s", got);
    close_asker();
    nx_fini(&nx);
}
