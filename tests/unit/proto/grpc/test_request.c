// SPDX-License-Identifier: Apache-2.0
/* Goal: requests give the same commands as those of the JSON dialect; what breaks the format is
 * told from what breaks the rules, and no byte behind the message is read. */
#include "proto/grpc/request.h"

#include <stdio.h>

#include "tests/unit/proto/grpc/pb_text.h"

static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];
static struct tc_cmd cmd;
static struct pb m;
static struct pb inner;
static const char *detail;

static const char malformed[] = "the message is not well-formed protobuf of its type";
static const char not_utf8[] = "a text of the message is not UTF-8";

/* The message lies alone in memory, so that sanitizers watch its end. It must outlive its views. */
static uint8_t *lone;

static const uint8_t *alone(const struct pb *message, size_t len)
{
    free(lone);
    lone = malloc(len ? len : 1);
    memcpy(lone, message->bytes, len);
    memset(&cmd, 0xee, sizeof(cmd));
    detail = NULL;
    return lone;
}

static int subscribe_cut(size_t len)
{
    return tc_grpc_subscribe_read(alone(&m, len), len, rooms, &cmd, &detail);
}

static int subscribe(void)
{
    return subscribe_cut(m.len);
}

static int command(uint32_t number)
{
    struct pb *outer = calloc(1, sizeof(*outer));
    pb_message(outer, number, &inner);
    size_t len = outer->len;
    int rc = tc_grpc_command_read(alone(outer, len), len, rooms, &cmd, &detail);
    free(outer);
    return rc;
}

static void clear(void)
{
    m.len = inner.len = 0;
}

static void tear_down(void)
{
    free(lone);
}

TestSuite(grpc_request, .init = clear, .fini = tear_down);

static void check_text(struct tc_str got, const char *want)
{
    cr_assert(tc_str_eq(got, tc_str_from(want)), "%.*s instead of %s", (int)got.len, got.ptr, want);
}

static void check_bad(int rc, enum tc_code code, const char *message)
{
    cr_assert_eq(rc, 1, "%s: %d", message, rc);
    cr_assert_eq(cmd.code, code, "%s", message);
    cr_assert_str_eq(cmd.message, message);
    cr_assert_null(detail);
}

static void check_wrong(int rc, const char *text)
{
    cr_assert_eq(rc, -TC_EINVAL);
    cr_assert_str_eq(detail, text);
}

/* ---- subscribe ---- */

static void whole(struct pb *to)
{
    pb_text(to, 1, "ticker-A");
    pb_number(to, 2, 1);
    pb_text(to, 3, "raw");
    pb_from(to, "ticker-B", "s0/t/0@1", 7, 1007);
    pb_text(to, 1, "ticker-B");
    pb_text(to, 5, "id \xc3\xa9");
}

static void check_whole(void)
{
    cr_assert_eq(cmd.kind, TC_CMD_SUBSCRIBE);
    cr_assert_eq(cmd.room_cnt, 2);
    cr_assert_eq(cmd.rooms, rooms);
    cr_assert(cmd.is_snapshot);
    check_text(cmd.id, "id \xc3\xa9");
    cr_assert_null(cmd.symbol.ptr);
    check_text(rooms[0].name, "ticker-A");
    cr_assert_null(rooms[0].from.log.ptr);
    check_text(rooms[1].name, "ticker-B");
    check_text(rooms[1].from.log, "s0/t/0@1");
    cr_assert_eq(rooms[1].from.pos, 7);
    cr_assert(rooms[1].from.has_ts);
    cr_assert_eq(rooms[1].from.ts_ms, 1007);
}

Test(grpc_request, subscribe)
{
    /* Goal: every field, in any order, unknown ones among them. */
    whole(&m);
    cr_assert_eq(subscribe(), TC_OK);
    check_whole();
    clear();
    pb_unknown(&m);
    whole(&m);
    pb_unknown(&m);
    cr_assert_eq(subscribe(), TC_OK);
    check_whole();
    clear();
    whole(&inner);
    cr_assert_eq(command(1), TC_OK);
    check_whole();
}

Test(grpc_request, subscribe_with_little)
{
    /* Goal: what is not given is not there; zeros and empty texts that are sent are the same. */
    pb_text(&m, 1, "r");
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(subscribe(), TC_OK);
        cr_assert_eq(cmd.room_cnt, 1);
        cr_assert_not(cmd.is_snapshot);
        cr_assert_null(cmd.id.ptr);
        cr_assert_null(rooms[0].from.log.ptr);
        cr_assert_eq(rooms[0].from.ts_ms, -1);
        pb_number(&m, 2, 0);
        pb_text(&m, 3, "");
        pb_text(&m, 5, "");
    }
    pb_from(&m, "r", "l", 0, 0);
    cr_assert_eq(subscribe(), TC_OK);
    check_text(rooms[0].from.log, "l");
    cr_assert_eq(rooms[0].from.pos, 0);
    cr_assert_not(rooms[0].from.has_ts);
    cr_assert_eq(rooms[0].from.ts_ms, -1);
}

Test(grpc_request, wrong_wire_types)
{
    /* Goal: a known number with another wire type is an unknown field. */
    pb_text(&m, 1, "r");
    pb_number(&m, 1, 5);
    pb_text(&m, 2, "x");
    pb_number(&m, 3, 5);
    pb_number(&m, 4, 5);
    pb_number(&m, 5, 5);
    cr_assert_eq(subscribe(), TC_OK);
    cr_assert_eq(cmd.room_cnt, 1);
    cr_assert_not(cmd.is_snapshot);
    cr_assert_null(cmd.id.ptr);
}

Test(grpc_request, the_last_one_counts)
{
    /* Goal: a field that comes twice, and two commands in one request (a oneof). */
    pb_text(&m, 1, "r");
    pb_number(&m, 2, 1);
    pb_number(&m, 2, 0);
    pb_text(&m, 5, "a");
    pb_text(&m, 5, "b");
    cr_assert_eq(subscribe(), TC_OK);
    cr_assert_not(cmd.is_snapshot);
    check_text(cmd.id, "b");
    struct pb *outer = calloc(1, sizeof(*outer));
    pb_message(outer, 1, &m);
    pb_text(&inner, 1, "p");
    pb_message(outer, 3, &inner);
    int rc = tc_grpc_command_read(alone(outer, outer->len), outer->len, rooms, &cmd, &detail);
    cr_assert_eq(rc, TC_OK);
    cr_assert_eq(cmd.kind, TC_CMD_PING);
    check_text(cmd.id, "p");
    free(outer);
}

Test(grpc_request, refused)
{
    /* Goal: each rule that a well-formed subscription may break; the id is there for the answer. */
    char text[TC_CMD_ID_MAX + 2];
    memset(text, 'i', sizeof(text));
    text[TC_CMD_ID_MAX + 1] = 0;
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "rooms must hold 1 to 1024 names");
    pb_text(&m, 5, text);
    pb_text(&m, 1, "r");
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "id has at most 64 bytes");
    cr_assert_null(cmd.id.ptr);
    clear();
    text[TC_CMD_ID_MAX] = 0;
    pb_text(&m, 5, text);
    pb_text(&m, 1, "r");
    cr_assert_eq(subscribe(), TC_OK);
    check_text(cmd.id, text);
    pb_text(&m, 3, "1s");
    check_bad(subscribe(), TC_CODE_NOT_SUPPORTED, "only the rate raw is offered");
    check_text(cmd.id, text);
    clear();
    pb_text(&m, 3, "1s");
    pb_text(&m, 5, "late");
    check_bad(subscribe(), TC_CODE_NOT_SUPPORTED, "only the rate raw is offered");
    check_text(cmd.id, "late");
}

Test(grpc_request, places_refused)
{
    /* Goal: each rule of a place. */
    char log[TC_LOG_NAME_MAX + 2];
    static const struct {
        const char *room;
        const char *log;
        int64_t pos;
        int64_t ts_ms;
        const char *want;
    } rows[] = {
        { "x", "l", 1, 0, "from has a room that is not among the rooms" },
        { "", "l", 1, 0, "from has a room that is not among the rooms" },
        { "r", "", 1, 0, "log of from must be the name of a log" },
        { "r", "l", -1, 0, "pos and ts_ms of from must not be negative" },
        { "r", "l", INT64_MIN, 0, "pos and ts_ms of from must not be negative" },
        { "r", "l", 1, -1, "pos and ts_ms of from must not be negative" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        clear();
        pb_text(&m, 1, "r");
        pb_from(&m, rows[i].room, rows[i].log, rows[i].pos, rows[i].ts_ms);
        pb_text(&m, 1, "good");
        pb_from(&m, "good", "l", 1, 0);
        check_bad(subscribe(), TC_CODE_BAD_REQUEST, rows[i].want);
    }
    clear();
    pb_text(&m, 1, "r");
    pb_from(&m, "r", "l", 1, 0);
    pb_from(&m, "r", "l", 1, 0);
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "from has a room twice");
    memset(log, 'l', sizeof(log));
    log[TC_LOG_NAME_MAX + 1] = 0;
    clear();
    pb_text(&m, 1, "r");
    pb_from(&m, "r", log, 1, 0);
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "log of from must be the name of a log");
    log[TC_LOG_NAME_MAX] = 0;
    clear();
    pb_text(&m, 1, "r");
    pb_from(&m, "r", log, INT64_MAX, INT64_MAX);
    cr_assert_eq(subscribe(), TC_OK);
    cr_assert_eq(rooms[0].from.pos, INT64_MAX);
    cr_assert_eq(rooms[0].from.ts_ms, INT64_MAX);
}

Test(grpc_request, empty_entry_of_from)
{
    /* Goal: an entry without a value has an empty one; one without anything names no room. */
    pb_text(&m, 1, "r");
    pb_text(&inner, 1, "r");
    pb_message(&m, 4, &inner);
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "log of from must be the name of a log");
    clear();
    pb_text(&m, 1, "r");
    pb_message(&m, 4, &inner);
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "log of from must be the name of a log");
}

Test(grpc_request, not_text)
{
    /* Goal: each text that is not UTF-8 makes the message none of its type. */
    static const uint32_t numbers[] = { 1, 3, 5 };
    for (size_t i = 0; i < TC_ARRAY_CNT(numbers); i++) {
        clear();
        pb_text(&m, 1, "r");
        pb_text(&m, numbers[i], "\xc3");
        check_wrong(subscribe(), not_utf8);
    }
    clear();
    pb_text(&m, 1, "r");
    pb_from(&m, "\xff", "l", 1, 0);
    check_wrong(subscribe(), not_utf8);
    clear();
    pb_text(&m, 1, "r");
    pb_from(&m, "r", "\xff", 1, 0);
    check_wrong(subscribe(), not_utf8);
    for (uint32_t number = 1; number <= 2; number++) {
        clear();
        pb_text(&inner, number, "\xff");
        check_wrong(command(2), not_utf8);
    }
    clear();
    pb_text(&inner, 1, "\xff");
    check_wrong(command(3), not_utf8);
}

Test(grpc_request, every_cut)
{
    /* Goal: a message cut anywhere is malformed, or at a border of fields the shorter message; an
     * inner one cut short is malformed as well. */
    whole(&m);
    size_t borders = 0;
    for (size_t len = 0; len < m.len; len++) {
        int rc = subscribe_cut(len);
        if (rc == -TC_EINVAL)
            cr_assert_str_eq(detail, malformed);
        else
            borders++;
    }
    cr_assert_eq(borders, 6);
    whole(&inner);
    size_t full = inner.len;
    for (inner.len = 0; inner.len < full; inner.len++)
        borders -= command(1) != -TC_EINVAL;
    cr_assert_eq(borders, 0);
    clear();
    pb_text(&m, 1, "r");
    pb_bytes(&m, 4, "\x0a\x05r", 3);
    check_wrong(subscribe(), malformed);
    clear();
    pb_text(&m, 1, "r");
    pb_bytes(&m, 4, "\x0a\x01r\x12\x02\x0a\x05", 7);
    check_wrong(subscribe(), malformed);
    clear();
    pb_text(&m, 1, "r");
    pb_raw(&m, "\x0b", 1);
    check_wrong(subscribe(), malformed);
}

Test(grpc_request, as_many_rooms_as_there_may_be)
{
    /* Goal: TC_CMD_ROOMS_MAX rooms with as many places in reverse order each get their own; one
     * room more is refused. */
    char name[32];
    for (int i = 0; i < TC_CMD_ROOMS_MAX; i++) {
        snprintf(name, sizeof(name), "ticker-%d", i);
        pb_text(&m, 1, name);
    }
    for (int i = TC_CMD_ROOMS_MAX; i-- > 0;) {
        snprintf(name, sizeof(name), "ticker-%d", i);
        pb_from(&m, name, name, i, i + 1);
    }
    cr_assert_eq(subscribe(), TC_OK);
    cr_assert_eq(cmd.room_cnt, TC_CMD_ROOMS_MAX);
    for (int i = 0; i < TC_CMD_ROOMS_MAX; i++) {
        cr_assert(tc_str_eq(rooms[i].name, rooms[i].from.log));
        cr_assert_eq(rooms[i].from.pos, i);
        cr_assert_eq(rooms[i].from.ts_ms, i + 1);
    }
    pb_text(&m, 1, "one more");
    pb_text(&m, 5, "k");
    check_bad(subscribe(), TC_CODE_BAD_REQUEST, "rooms must hold 1 to 1024 names");
    check_text(cmd.id, "k");
}

/* ---- other commands ---- */

Test(grpc_request, unsubscribe_and_ping)
{
    /* Goal: their fields, their refusals, malformed ones. */
    pb_text(&inner, 1, "a");
    pb_text(&inner, 2, "k");
    pb_text(&inner, 1, "b");
    pb_unknown(&inner);
    cr_assert_eq(command(2), TC_OK);
    cr_assert_eq(cmd.kind, TC_CMD_UNSUBSCRIBE);
    cr_assert_eq(cmd.room_cnt, 2);
    check_text(rooms[1].name, "b");
    check_text(cmd.id, "k");
    clear();
    pb_text(&inner, 2, "k");
    check_bad(command(2), TC_CODE_BAD_REQUEST, "rooms must hold 1 to 1024 names");
    check_text(cmd.id, "k");
    pb_raw(&inner, "\x0a", 1);
    check_wrong(command(2), malformed);
    check_wrong(command(3), malformed);
    clear();
    cr_assert_eq(command(3), TC_OK);
    cr_assert_eq(cmd.kind, TC_CMD_PING);
    cr_assert_eq(cmd.room_cnt, 0);
    cr_assert_null(cmd.id.ptr);
    char text[TC_CMD_ID_MAX + 2];
    memset(text, 'i', sizeof(text));
    pb_bytes(&inner, 1, text, TC_CMD_ID_MAX + 1);
    check_bad(command(3), TC_CODE_BAD_REQUEST, "id has at most 64 bytes");
}

Test(grpc_request, no_command)
{
    /* Goal: an empty request, one of the future, one of the wrong wire type: unknown-event. */
    static const uint32_t numbers[] = { 4, 15 };
    int rc = tc_grpc_command_read(alone(&m, 0), 0, rooms, &cmd, &detail);
    check_bad(rc, TC_CODE_UNKNOWN_EVENT, "there is no such command");
    cr_assert_null(cmd.id.ptr);
    for (size_t i = 0; i < TC_ARRAY_CNT(numbers); i++)
        check_bad(command(numbers[i]), TC_CODE_UNKNOWN_EVENT, "there is no such command");
    pb_number(&m, 1, 3);
    rc = tc_grpc_command_read(alone(&m, m.len), m.len, rooms, &cmd, &detail);
    check_bad(rc, TC_CODE_UNKNOWN_EVENT, "there is no such command");
    pb_raw(&m, "\x0a\x09", 2);
    check_wrong(tc_grpc_command_read(alone(&m, m.len), m.len, rooms, &cmd, &detail), malformed);
}

/* ---- other requests ---- */

Test(grpc_request, snapshot)
{
    /* Goal: its one field; empty without it. */
    struct tc_str room;
    cr_assert_eq(tc_grpc_snapshot_read(alone(&m, 0), 0, &room, &detail), TC_OK);
    cr_assert_eq(room.len, 0);
    pb_unknown(&m);
    pb_text(&m, 1, "ticker-A");
    pb_number(&m, 1, 1);
    cr_assert_eq(tc_grpc_snapshot_read(alone(&m, m.len), m.len, &room, &detail), TC_OK);
    check_text(room, "ticker-A");
    check_wrong(tc_grpc_snapshot_read(alone(&m, m.len - 1), m.len - 1, &room, &detail), malformed);
    pb_text(&m, 1, "\xff");
    check_wrong(tc_grpc_snapshot_read(alone(&m, m.len), m.len, &room, &detail), not_utf8);
}

Test(grpc_request, page)
{
    /* Goal: its three fields; a size is 32 bits, as protobuf has it. */
    struct tc_grpc_page page;
    cr_assert_eq(tc_grpc_page_read(alone(&m, 0), 0, &page, &detail), TC_OK);
    cr_assert(page.prefix.len == 0 && page.token.len == 0 && page.size == 0);
    pb_text(&m, 3, "0.5");
    pb_number(&m, 2, 20);
    pb_unknown(&m);
    pb_text(&m, 1, "book-");
    cr_assert_eq(tc_grpc_page_read(alone(&m, m.len), m.len, &page, &detail), TC_OK);
    check_text(page.prefix, "book-");
    check_text(page.token, "0.5");
    cr_assert_eq(page.size, 20);
    pb_number(&m, 2, UINT64_C(1) << 32 | 7);
    cr_assert_eq(tc_grpc_page_read(alone(&m, m.len), m.len, &page, &detail), TC_OK);
    cr_assert_eq(page.size, 7);
    check_wrong(tc_grpc_page_read(alone(&m, m.len - 1), m.len - 1, &page, &detail), malformed);
    size_t len = m.len;
    for (uint32_t number = 1; number <= 3; number += 2) {
        m.len = len;
        pb_text(&m, number, "\xff");
        check_wrong(tc_grpc_page_read(alone(&m, m.len), m.len, &page, &detail), not_utf8);
    }
}
