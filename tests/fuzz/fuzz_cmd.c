// SPDX-License-Identifier: Apache-2.0
/* A client's command. Whatever comes, the parser ends, keeps its bounds, and what it hands back can
 * be put into a reply as it is: the reply is JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/json/cmd.h"
#include "proto/json/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tc_json_pool pool, reply_pool;
static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];
static struct tc_cmd cmd;

static void make_pools(void)
{
    static struct tc_mem mem;
    struct tc_err err;
    tc_mem_init(&mem, 0);
    int rc = tc_json_pool_init(&pool, TC_CMD_BYTES_MAX, &mem, "commands", &err);
    TC_ASSERT(rc == TC_OK);
    rc = tc_json_pool_init(&reply_pool, 4096, &mem, "replies", &err);
    TC_ASSERT(rc == TC_OK);
}

static void check_reply(int rc)
{
    char reply[1024];
    int len = snprintf(reply, sizeof(reply), "{\"event\":\"error\",\"id\":%.*s,\"message\":\"%s\"}",
                       cmd.id.ptr ? (int)cmd.id.len : 4, cmd.id.ptr ? cmd.id.ptr : "null",
                       rc < 0 ? cmd.message : "");
    TC_ASSERT(len > 0 && (size_t)len < sizeof(reply) && cmd.id.len <= TC_CMD_ID_MAX + 2);
    rc = tc_json_check(&reply_pool, reply, (size_t)len, 1);
    TC_ASSERT(rc == TC_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_made;
    if (!is_made)
        make_pools();
    is_made = true;
    uint8_t *bytes = malloc(size ? size : 1); /* its end is watched */
    if (size > 0)
        memcpy(bytes, data, size);
    uint32_t room_max = size % 2 ? TC_CMD_ROOMS_MAX : 3;
    int rc = tc_cmd_parse(&pool, bytes, size, rooms, room_max, &cmd);
    free(bytes);
    check_reply(rc);
    if (rc < 0) {
        TC_ASSERT(cmd.code < TC_CODE_CNT && cmd.message[0] && cmd.room_cnt == 0);
        return 0;
    }
    TC_ASSERT(cmd.room_cnt <= room_max && (cmd.room_cnt > 0) == (cmd.kind != TC_CMD_PING));
    for (uint32_t i = 0; i < cmd.room_cnt; i++) {
        const struct tc_cmd_from *from = &rooms[i].from;
        TC_ASSERT(tc_utf8_check(rooms[i].name.ptr, rooms[i].name.len));
        TC_ASSERT(!from->log.ptr || (from->log.len <= TC_LOG_NAME_MAX && from->pos >= 0));
        TC_ASSERT(from->has_ts == (from->ts_ms >= 0));
    }
    return 0;
}
