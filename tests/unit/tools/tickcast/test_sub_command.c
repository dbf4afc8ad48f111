// SPDX-License-Identifier: Apache-2.0
/* Goal: both commands ask for the same rooms and places, as the engine reads them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/mem/mem.h"
#include "proto/grpc/request.h"
#include "tools/tickcast/sub_feed.h"

static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];
static struct tc_cmd cmd;

static void read_command(struct tc_sub *sub, uint32_t *next_idx)
{
    const char *detail = NULL;
    size_t len = 0;
    static char *bytes; /* the command has views of it */
    tc_free(bytes);
    bytes = tc_sub_command_pb(sub, next_idx, &len);
    cr_assert_not_null(bytes);
    cr_assert_leq(len, TC_SUB_COMMAND_MAX);
    cr_assert_eq(tc_grpc_command_read((const uint8_t *)bytes, len, rooms, &cmd, &detail), TC_OK,
                 "%s %s", detail, cmd.message);
    cr_assert_eq(cmd.kind, TC_CMD_SUBSCRIBE);
}

Test(sub_command, resumes_with_a_place)
{
    /* Goal: a room with a place carries log, position and time; one without a log carries none. */
    char *names[] = { "ticker-A", "ticker-B", "ticker-C" };
    struct tc_sub sub;
    struct tc_err err;
    uint32_t next_idx = 0;
    size_t len = 0;
    cr_assert_eq(tc_sub_init(&sub, names, 3, &err), TC_OK);
    tc_chain_moved(&sub.rooms[1].chain, TC_STR("main/ticks/3"), 41);
    tc_chain_update(&sub.rooms[1].chain, 42, 41, 1000, false);
    tc_chain_moved(&sub.rooms[2].chain, TC_STR("other"), 7);
    read_command(&sub, &next_idx);
    cr_assert_eq(cmd.room_cnt, 3u);
    cr_assert(cmd.is_snapshot);
    cr_assert(tc_str_eq(rooms[0].name, TC_STR("ticker-A")) && !rooms[0].from.log.ptr);
    cr_assert(rooms[1].from.log.ptr && tc_str_eq(rooms[1].from.log, TC_STR("main/ticks/3")));
    cr_assert_eq(rooms[1].from.pos, 42);
    cr_assert_eq(rooms[1].from.ts_ms, 1000);
    cr_assert(rooms[2].from.log.ptr && rooms[2].from.pos == 7 && !rooms[2].from.has_ts);
    cr_assert_null(tc_sub_command_pb(&sub, &next_idx, &len));
    sub.has_snapshot = false;
    next_idx = 0;
    read_command(&sub, &next_idx);
    cr_assert_not(cmd.is_snapshot);
    tc_sub_fini(&sub);
}

Test(sub_command, many_rooms_are_several_commands)
{
    /* Goal: with the longest names and logs each command keeps its bound, and none of the rooms is
     * left out, in either form. */
    static char texts[TC_SUB_ROOMS_MAX][TC_ROOM_NAME_MAX + 1];
    char *names[TC_SUB_ROOMS_MAX];
    char log[TC_LOG_NAME_MAX + 1] = { 0 };
    struct tc_sub sub;
    struct tc_err err;
    memset(log, 'l', TC_LOG_NAME_MAX);
    for (int i = 0; i < TC_SUB_ROOMS_MAX; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%0*d", TC_ROOM_NAME_MAX, i);
        names[i] = texts[i];
    }
    cr_assert_eq(tc_sub_init(&sub, names, TC_SUB_ROOMS_MAX, &err), TC_OK);
    for (int i = 0; i < TC_SUB_ROOMS_MAX; i++)
        tc_chain_moved(&sub.rooms[i].chain, tc_str_from(log), INT64_MAX);
    uint32_t command_cnt = 0;
    for (uint32_t next_idx = 0; next_idx < sub.room_cnt; command_cnt++) {
        uint32_t begin_idx = next_idx;
        read_command(&sub, &next_idx);
        cr_assert_eq(cmd.room_cnt, next_idx - begin_idx);
        for (uint32_t i = 0; i < cmd.room_cnt; i++)
            cr_assert(tc_str_eq(rooms[i].name, tc_str_from(names[begin_idx + i])));
        size_t len = 0;
        char *text = tc_sub_command(&sub, &begin_idx, &len);
        cr_assert_eq(begin_idx, next_idx);
        cr_assert_leq(len, TC_SUB_COMMAND_MAX);
        tc_free(text);
    }
    cr_assert_gt(command_cnt, 1u);
    tc_sub_fini(&sub);
}
