// SPDX-License-Identifier: Apache-2.0
/* Bytes of a gRPC peer as each request of the MarketDataService: complete or refused with a reason,
 * and all that a reader gives is a view of the input. */
#include <stdlib.h>

#include "proto/grpc/request.h"
#include "proto/json/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];

/* text lies in the input, and is UTF-8. */
static void check_view(struct tc_str text, const uint8_t *data, size_t size)
{
    const uint8_t *at = (const uint8_t *)text.ptr;
    if (text.len == 0)
        return;
    TC_ASSERT(at >= data && text.len <= size && (size_t)(at - data) <= size - text.len);
    TC_ASSERT(tc_utf8_check(text.ptr, text.len));
}

static void check_rooms(const struct tc_cmd *cmd, const uint8_t *data, size_t size)
{
    TC_ASSERT(cmd->rooms == rooms && cmd->room_cnt <= TC_CMD_ROOMS_MAX);
    TC_ASSERT((cmd->room_cnt == 0) == (cmd->kind == TC_CMD_PING));
    for (uint32_t i = 0; i < cmd->room_cnt; i++) {
        const struct tc_cmd_from *from = &cmd->rooms[i].from;
        check_view(cmd->rooms[i].name, data, size);
        TC_ASSERT(from->log.ptr || from->ts_ms == -1);
        if (!from->log.ptr)
            continue;
        check_view(from->log, data, size);
        TC_ASSERT(from->log.len > 0 && from->log.len <= TC_LOG_NAME_MAX && from->pos >= 0);
        TC_ASSERT(from->has_ts ? from->ts_ms > 0 : from->ts_ms == -1);
    }
}

static void check_cmd(int rc, const struct tc_cmd *cmd, const char *detail, const uint8_t *data,
                      size_t size)
{
    if (rc == -TC_EINVAL) {
        TC_ASSERT(detail && *detail);
        return;
    }
    TC_ASSERT(rc == TC_OK || rc == 1);
    TC_ASSERT(cmd->id.len <= TC_CMD_ID_MAX);
    check_view(cmd->id, data, size);
    if (rc == 1)
        TC_ASSERT(cmd->message[0] && memchr(cmd->message, 0, sizeof(cmd->message)));
    else
        check_rooms(cmd, data, size);
}

/* The bytes in a block of their own, so that whoever reads behind them is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct tc_cmd cmd;
    struct tc_grpc_page page;
    struct tc_str room;
    const char *detail = NULL;
    uint8_t *data = malloc(size ? size : 1);
    if (size > 0)
        memcpy(data, input, size);
    int rc = tc_grpc_subscribe_read(data, size, rooms, &cmd, &detail);
    check_cmd(rc, &cmd, detail, data, size);
    detail = NULL;
    rc = tc_grpc_command_read(data, size, rooms, &cmd, &detail);
    check_cmd(rc, &cmd, detail, data, size);
    detail = NULL;
    rc = tc_grpc_snapshot_read(data, size, &room, &detail);
    TC_ASSERT(rc == TC_OK ? !detail : rc == -TC_EINVAL && detail);
    if (rc == TC_OK)
        check_view(room, data, size);
    detail = NULL;
    rc = tc_grpc_page_read(data, size, &page, &detail);
    TC_ASSERT(rc == TC_OK ? !detail : rc == -TC_EINVAL && detail);
    if (rc == TC_OK) {
        check_view(page.prefix, data, size);
        check_view(page.token, data, size);
        TC_ASSERT(page.size <= UINT32_MAX);
    }
    free(data);
    return 0;
}
