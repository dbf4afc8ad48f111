// SPDX-License-Identifier: Apache-2.0
#include "proto/json/cmd.h"

#include <stdio.h>

#include "tests/unit/proto/json/pool.h"

static struct tc_cmd cmd;
static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];

static void open_pool(void)
{
    pool_open(TC_CMD_BYTES_MAX);
}

TestSuite(cmd, .init = open_pool, .fini = pool_close);

static int parse(const char *text)
{
    return tc_cmd_parse(&pool, text, strlen(text), rooms, TC_CMD_ROOMS_MAX, &cmd);
}

static bool is(struct tc_str got, const char *want)
{
    return tc_str_eq(got, tc_str_from(want));
}

Test(cmd, subscribe_with_everything)
{
    /* goal: every part of the longest command is read */
    cr_assert_eq(
        parse("{\"event\":\"subscribe\",\"id\":2,\"x\":[1],\"data\":{\"rooms\":[\"b\",\"a\"],"
              "\"snapshot\":true,\"rate\":\"raw\",\"y\":{},\"from\":{\"a\":{\"log\":"
              "\"main/ticks/3@9f2c\",\"pos\":9223372036854775807,\"ts\":1723075200123,"
              "\"z\":0}}}}"),
        TC_OK, "%s", cmd.message);
    cr_assert_eq(cmd.kind, TC_CMD_SUBSCRIBE);
    cr_assert(is(cmd.id, "2") && cmd.is_snapshot && cmd.room_cnt == 2);
    cr_assert(is(rooms[0].name, "b") && !rooms[0].from.log.ptr && !rooms[0].from.has_ts);
    cr_assert(is(rooms[1].name, "a") && is(rooms[1].from.log, "main/ticks/3@9f2c"));
    cr_assert_eq(rooms[1].from.pos, INT64_MAX);
    cr_assert(rooms[1].from.has_ts && rooms[1].from.ts_ms == 1723075200123);
}

Test(cmd, shorthands)
{
    /* goal: symbol as text or in an object; snapshot unless told otherwise */
    cr_assert_eq(parse("{\"event\":\"subscribe-ticker\",\"data\":\"BTCUSDT\",\"id\":1}"), TC_OK);
    cr_assert(is(cmd.symbol, "BTCUSDT") && cmd.is_snapshot && cmd.room_cnt == 1);
    cr_assert(is(rooms[0].name, "ticker-BTCUSDT"));
    cr_assert_eq(parse("{\"event\":\"subscribe-book\",\"data\":{\"symbol\":\"X\"}}"), TC_OK);
    cr_assert(is(rooms[0].name, "book-X") && !cmd.id.ptr);
    cr_assert_eq(parse("{\"event\":\"subscribe-trades\",\"data\":{\"symbol\":\"X\","
                       "\"snapshot\":false}}"),
                 TC_OK);
    cr_assert(is(rooms[0].name, "trades-X") && !cmd.is_snapshot);
}

Test(cmd, others)
{
    /* goal: one room, unsubscribe, ping, defaults */
    cr_assert_eq(parse("{\"event\":\"subscribe\",\"data\":{\"room\":\"a\"}}"), TC_OK);
    cr_assert(cmd.room_cnt == 1 && !cmd.is_snapshot && !cmd.symbol.ptr);
    cr_assert_eq(parse("{\"event\":\"unsubscribe\",\"id\":3,\"data\":{\"rooms\":[\"a\",\"a\"]}}"),
                 0);
    cr_assert(cmd.kind == TC_CMD_UNSUBSCRIBE && cmd.room_cnt == 2);
    cr_assert_eq(parse("{\"event\":\"ping\",\"id\":\"p-1\"}"), TC_OK);
    cr_assert(cmd.kind == TC_CMD_PING && is(cmd.id, "\"p-1\"") && cmd.room_cnt == 0);
}

Test(cmd, ids_are_repeated_safely)
{
    /* goal: numbers as written, strings with their quotes, nothing that breaks out of JSON */
    static const char *const good[][2] = {
        { "1", "1" },
        { "-0.50e+3", "-0.50e+3" },
        { "\"\"", "\"\"" },
        { "\"a\\u0022,\\n\\u00e9\\/\"", "\"a\\\",\\n\xc3\xa9/\"" },
        { "12345678901234567890123456789012345678901234567890123456789012.4",
          "12345678901234567890123456789012345678901234567890123456789012.4" },
    };
    static const char *const bad[] = {
        "null",
        "true",
        "[1]",
        "{}",
        "0.123456789012345678901234567890123456789012345678901234567890123",
    };
    char text[256];
    for (size_t i = 0; i < TC_ARRAY_CNT(good); i++) {
        snprintf(text, sizeof(text), "{\"event\":\"ping\",\"id\":%s}", good[i][0]);
        cr_expect_eq(parse(text), TC_OK, "%s", text);
        cr_expect(is(cmd.id, good[i][1]), "%.*s", (int)cmd.id.len, cmd.id.ptr);
    }
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        snprintf(text, sizeof(text), "{\"event\":\"ping\",\"id\":%s}", bad[i]);
        cr_expect_eq(parse(text), -TC_EINVAL, "%s", text);
        cr_expect(cmd.code == TC_CODE_BAD_REQUEST && !cmd.id.ptr);
    }
    snprintf(text, sizeof(text), "{\"event\":\"ping\",\"id\":\"%064d\"}", 0);
    cr_expect_eq(parse(text), TC_OK);
    cr_expect_eq(cmd.id.len, TC_CMD_ID_MAX + 2);
    snprintf(text, sizeof(text), "{\"event\":\"ping\",\"id\":\"%065d\"}", 0);
    cr_expect_eq(parse(text), -TC_EINVAL);
}

Test(cmd, refusals)
{
    /* goal: each wrong command has its code, a message fit for JSON, and its id */
    static const struct {
        enum tc_code code;
        const char *text;
    } cases[] = {
        { TC_CODE_BAD_REQUEST, "{\"id\":9}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":1}" },
        { TC_CODE_UNKNOWN_EVENT, "{\"id\":9,\"event\":\"subscribe-all\"}" },
        { TC_CODE_UNKNOWN_EVENT, "{\"id\":9,\"event\":\"\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"ping\",\"event\":\"ping\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"id\":9,\"event\":\"ping\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\",\"data\":\"a\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\",\"data\":{}}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"rooms\":[]}}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"rooms\":\"a\"}}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"rooms\":[1]}}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"room\":7}}" },
        { TC_CODE_BAD_REQUEST,
          "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"room\":\"a\",\"rooms\":[\"a\"]}}" },
        { TC_CODE_BAD_REQUEST,
          "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"room\":\"a\",\"room\":\"a\"}}" },
        { TC_CODE_BAD_REQUEST,
          "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"room\":\"a\",\"snapshot\":1}}" },
        { TC_CODE_NOT_SUPPORTED,
          "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"room\":\"a\",\"rate\":\"1s\"}}" },
        { TC_CODE_BAD_REQUEST,
          "{\"id\":9,\"event\":\"subscribe\",\"data\":{\"room\":\"a\",\"rate\":1}}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe-ticker\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe-ticker\",\"data\":\"\"}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"subscribe-ticker\",\"data\":[\"a\"]}" },
        { TC_CODE_BAD_REQUEST, "{\"id\":9,\"event\":\"unsubscribe\",\"data\":{}}" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        cr_expect_eq(parse(cases[i].text), -TC_EINVAL, "%s", cases[i].text);
        cr_expect_eq(cmd.code, cases[i].code, "%s: %s", cases[i].text, tc_code_text(cmd.code));
        cr_expect(is(cmd.id, "9") && cmd.message[0] && cmd.room_cnt == 0, "%s", cases[i].text);
        cr_expect(!strpbrk(cmd.message, "\"\\"), "%s", cmd.message);
    }
}

Test(cmd, not_a_command)
{
    /* goal: bytes that are no JSON object are bad requests without id */
    static const char *const bad[] = { "",
                                       "x",
                                       "[]",
                                       "1",
                                       "\"\xff\"",
                                       "{\"event\":\"ping\",\"id\":1",
                                       "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        cr_expect_eq(parse(bad[i]), -TC_EINVAL, "%s", bad[i]);
        cr_expect(cmd.code == TC_CODE_BAD_REQUEST && !cmd.id.ptr && cmd.message[0]);
    }
}

Test(cmd, from_is_checked)
{
    /* goal: positions of a resume are whole and belong to rooms of the command */
    static const char *const bad[] = {
        "1",
        "{\"a\":1}",
        "{\"a\":{}}",
        "{\"a\":{\"log\":\"l\"}}",
        "{\"a\":{\"pos\":1}}",
        "{\"a\":{\"log\":\"\",\"pos\":1}}",
        "{\"a\":{\"log\":1,\"pos\":1}}",
        "{\"a\":{\"log\":\"l\",\"pos\":\"1\"}}",
        "{\"a\":{\"log\":\"l\",\"pos\":-1}}",
        "{\"a\":{\"log\":\"l\",\"pos\":1.5}}",
        "{\"a\":{\"log\":\"l\",\"pos\":null}}",
        "{\"a\":{\"log\":\"l\",\"pos\":9223372036854775808}}",
        "{\"a\":{\"log\":\"l\",\"pos\":1,\"pos\":2}}",
        "{\"a\":{\"log\":\"l\",\"pos\":1,\"ts\":\"x\"}}",
        "{\"b\":{\"log\":\"l\",\"pos\":1}}",
        "{\"a\":{\"log\":\"l\",\"pos\":1},\"a\":{\"log\":\"l\",\"pos\":1}}",
    };
    char text[256];
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        snprintf(text, sizeof(text),
                 "{\"event\":\"subscribe\",\"data\":{\"rooms\":[\"c\",\"a\"],\"from\":%s}}",
                 bad[i]);
        cr_expect_eq(parse(text), -TC_EINVAL, "%s", text);
        cr_expect_eq(cmd.code, TC_CODE_BAD_REQUEST, "%s", text);
    }
}

Test(cmd, limits)
{
    /* goal: rooms up to the bound, each with a position, in any order; no more; few members */
    static char text[TC_CMD_BYTES_MAX];
    size_t len =
        (size_t)snprintf(text, sizeof(text), "{\"event\":\"subscribe\",\"data\":{\"rooms\":[");
    for (int i = 0; i < TC_CMD_ROOMS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"r%d\"", i ? "," : "",
                                i * 7 % 1024);
    size_t list_end = len;
    len += (size_t)snprintf(text + len, sizeof(text) - len, "],\"from\":{");
    for (int i = 0; i < TC_CMD_ROOMS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s\"r%d\":{\"log\":\"l\",\"pos\":%d}", i ? "," : "", i, i);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "}}}");
    cr_assert_lt(len, sizeof(text));
    cr_assert_eq(parse(text), TC_OK, "%s", cmd.message);
    for (int i = 0; i < TC_CMD_ROOMS_MAX; i++)
        cr_assert_eq(rooms[i].from.pos, i * 7 % 1024);
    snprintf(text + list_end, sizeof(text) - list_end, ",\"one-more\"]}}");
    cr_assert_eq(parse(text), -TC_EINVAL);
    cr_assert_eq(cmd.code, TC_CODE_TOO_MANY_ROOMS);
    len = (size_t)snprintf(text, sizeof(text), "{\"event\":\"ping\"");
    for (int i = 0; i < TC_CMD_MEMBERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"m%d\":0", i);
    snprintf(text + len, sizeof(text) - len, "}");
    cr_assert_eq(parse(text), -TC_EINVAL);
    snprintf(text, sizeof(text), "{\"event\":\"subscribe-ticker\",\"data\":\"%0122d\"}", 0);
    cr_assert_eq(parse(text), -TC_EINVAL);
    cr_assert_eq(cmd.code, TC_CODE_ROOM_ILLEGAL);
}
