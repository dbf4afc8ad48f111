// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/request.h"

#include <stdio.h>

#include "proto/json/utf8.h"
#include "proto/pb/wire.h"

/* Numbers of request.proto. */
enum {
    SUBSCRIBE_ROOMS = 1,
    SUBSCRIBE_SNAPSHOT = 2,
    SUBSCRIBE_RATE = 3,
    SUBSCRIBE_FROM = 4,
    SUBSCRIBE_ID = 5,
    UNSUBSCRIBE_ROOMS = 1,
    UNSUBSCRIBE_ID = 2,
    PING_ID = 1,
    FROM_LOG = 1,
    FROM_POS = 2,
    FROM_TS = 3,
    COMMAND_SUBSCRIBE = 1,
    COMMAND_UNSUBSCRIBE = 2,
    COMMAND_PING = 3,
};

static const char malformed[] = "the message is not well-formed protobuf of its type";
static const char not_utf8[] = "a text of the message is not UTF-8";

static int bad(struct tc_cmd *cmd, enum tc_code code, const char *message)
{
    cmd->code = code;
    snprintf(cmd->message, sizeof(cmd->message), "%s", message);
    return 1;
}

static int wrong(const char **detail, const char *text)
{
    *detail = text;
    return -TC_EINVAL;
}

/* ---- fields: of the right wire type, or unknown ---- */

static bool is_text(const struct tc_pb_item *item, uint32_t number)
{
    return item->number == number && item->wire == TC_PB_BYTES;
}

static bool is_number(const struct tc_pb_item *item, uint32_t number)
{
    return item->number == number && item->wire == TC_PB_VARINT;
}

static bool is_utf8(struct tc_str text)
{
    return text.len == 0 || tc_utf8_check(text.ptr, text.len);
}

/* ---- commands ---- */

static int read_id(struct tc_cmd *cmd, struct tc_str id)
{
    if (id.len > TC_CMD_ID_MAX)
        return bad(cmd, TC_CODE_BAD_REQUEST, "id has at most 64 bytes");
    cmd->id = id.len ? id : (struct tc_str){ NULL, 0 };
    return TC_OK;
}

static int add_room(struct tc_cmd *cmd, struct tc_str name)
{
    if (cmd->room_cnt == TC_CMD_ROOMS_MAX)
        return bad(cmd, TC_CODE_BAD_REQUEST, "rooms must hold 1 to 1024 names");
    cmd->rooms[cmd->room_cnt++] = (struct tc_cmd_room){ .name = name, .from.ts_ms = -1 };
    return TC_OK;
}

static int read_place(struct tc_cmd *cmd, struct tc_str bytes, struct tc_cmd_from *from,
                      const char **detail)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int64_t ts_ms = 0;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (is_text(&item, FROM_LOG))
            from->log = item.bytes;
        else if (is_number(&item, FROM_POS))
            from->pos = (int64_t)item.value;
        else if (is_number(&item, FROM_TS))
            ts_ms = (int64_t)item.value;
    }
    if (rc < 0)
        return wrong(detail, malformed);
    if (!is_utf8(from->log))
        return wrong(detail, not_utf8);
    if (from->log.len == 0 || from->log.len > TC_LOG_NAME_MAX)
        return bad(cmd, TC_CODE_BAD_REQUEST, "log of from must be the name of a log");
    if (from->pos < 0 || ts_ms < 0)
        return bad(cmd, TC_CODE_BAD_REQUEST, "pos and ts_ms of from must not be negative");
    from->has_ts = ts_ms > 0;
    from->ts_ms = ts_ms > 0 ? ts_ms : -1;
    return TC_OK;
}

/* One entry of the map: key 1, value 2. */
static int read_from(struct tc_cmd *cmd, const uint16_t *sorted, struct tc_str entry,
                     const char **detail)
{
    struct tc_pb_in in = tc_pb_in(entry);
    struct tc_pb_item item;
    struct tc_str room = { "", 0 };
    struct tc_str value = { "", 0 };
    struct tc_cmd_from from = { .log = { "", 0 } };
    int rc;
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (is_text(&item, 1))
            room = item.bytes;
        else if (is_text(&item, 2))
            value = item.bytes;
    }
    if (rc < 0)
        return wrong(detail, malformed);
    if (!is_utf8(room))
        return wrong(detail, not_utf8);
    rc = read_place(cmd, value, &from, detail);
    if (rc == TC_OK)
        rc = tc_cmd_place(cmd, sorted, room, &from);
    if (rc == -TC_ENOTFOUND)
        return bad(cmd, TC_CODE_BAD_REQUEST, "from has a room that is not among the rooms");
    if (rc == -TC_EEXIST)
        return bad(cmd, TC_CODE_BAD_REQUEST, "from has a room twice");
    return rc;
}

/* Places come after all rooms are known. */
static int read_froms(struct tc_cmd *cmd, struct tc_str bytes, const char **detail)
{
    uint16_t sorted[TC_CMD_ROOMS_MAX];
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    bool is_sorted = false;
    int rc = TC_OK;
    while (rc == TC_OK && tc_pb_next(&in, &item) == 1) {
        if (!is_text(&item, SUBSCRIBE_FROM))
            continue;
        if (!is_sorted)
            tc_cmd_sort(cmd, sorted);
        is_sorted = true;
        rc = read_from(cmd, sorted, item.bytes, detail);
    }
    return rc;
}

static int end_rooms(struct tc_cmd *cmd, int rc)
{
    if (rc == TC_OK && cmd->room_cnt == 0)
        return bad(cmd, TC_CODE_BAD_REQUEST, "rooms must hold 1 to 1024 names");
    return rc;
}

/* What is wrong with a command is told only if the rest of it can be read. */
static int keep_first(int rc, int next)
{
    return rc == TC_OK ? next : rc;
}

static int read_subscribe(struct tc_cmd *cmd, struct tc_str bytes, const char **detail)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int rc = TC_OK;
    int next;
    cmd->kind = TC_CMD_SUBSCRIBE;
    while ((next = tc_pb_next(&in, &item)) == 1) {
        if (item.wire == TC_PB_BYTES && item.number != SUBSCRIBE_FROM && !is_utf8(item.bytes) &&
            item.number <= SUBSCRIBE_ID)
            return wrong(detail, not_utf8);
        if (is_text(&item, SUBSCRIBE_ROOMS))
            rc = keep_first(rc, add_room(cmd, item.bytes));
        else if (is_number(&item, SUBSCRIBE_SNAPSHOT))
            cmd->is_snapshot = item.value != 0;
        else if (is_text(&item, SUBSCRIBE_ID))
            rc = keep_first(rc, read_id(cmd, item.bytes));
        else if (is_text(&item, SUBSCRIBE_RATE) && item.bytes.len > 0 &&
                 !tc_str_eq(item.bytes, TC_STR("raw")))
            rc = keep_first(rc, bad(cmd, TC_CODE_NOT_SUPPORTED, "only the rate raw is offered"));
    }
    if (next < 0)
        return wrong(detail, malformed);
    rc = end_rooms(cmd, rc);
    return rc == TC_OK ? read_froms(cmd, bytes, detail) : rc;
}

static int read_unsubscribe(struct tc_cmd *cmd, struct tc_str bytes, const char **detail)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int rc = TC_OK;
    int next;
    cmd->kind = TC_CMD_UNSUBSCRIBE;
    while ((next = tc_pb_next(&in, &item)) == 1) {
        if (item.wire == TC_PB_BYTES && item.number <= UNSUBSCRIBE_ID && !is_utf8(item.bytes))
            return wrong(detail, not_utf8);
        if (is_text(&item, UNSUBSCRIBE_ROOMS))
            rc = keep_first(rc, add_room(cmd, item.bytes));
        else if (is_text(&item, UNSUBSCRIBE_ID))
            rc = keep_first(rc, read_id(cmd, item.bytes));
    }
    return next < 0 ? wrong(detail, malformed) : end_rooms(cmd, rc);
}

static int read_ping(struct tc_cmd *cmd, struct tc_str bytes, const char **detail)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int rc = TC_OK;
    int next;
    cmd->kind = TC_CMD_PING;
    while ((next = tc_pb_next(&in, &item)) == 1) {
        if (!is_text(&item, PING_ID))
            continue;
        if (!is_utf8(item.bytes))
            return wrong(detail, not_utf8);
        rc = keep_first(rc, read_id(cmd, item.bytes));
    }
    return next < 0 ? wrong(detail, malformed) : rc;
}

static void init(struct tc_cmd *cmd, struct tc_cmd_room *rooms)
{
    memset(cmd, 0, offsetof(struct tc_cmd, message));
    cmd->rooms = rooms;
}

int tc_grpc_subscribe_read(const uint8_t *bytes, size_t len, struct tc_cmd_room *rooms,
                           struct tc_cmd *cmd, const char **detail)
{
    init(cmd, rooms);
    return read_subscribe(cmd, (struct tc_str){ (const char *)bytes, len }, detail);
}

int tc_grpc_command_read(const uint8_t *bytes, size_t len, struct tc_cmd_room *rooms,
                         struct tc_cmd *cmd, const char **detail)
{
    struct tc_pb_in in = tc_pb_in((struct tc_str){ (const char *)bytes, len });
    struct tc_pb_item item;
    struct tc_pb_item command = { .number = 0 };
    int rc;
    init(cmd, rooms);
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (item.wire == TC_PB_BYTES && item.number <= COMMAND_PING)
            command = item; /* of a oneof the last one counts */
    }
    if (rc < 0)
        return wrong(detail, malformed);
    switch (command.number) {
    case COMMAND_SUBSCRIBE:
        return read_subscribe(cmd, command.bytes, detail);
    case COMMAND_UNSUBSCRIBE:
        return read_unsubscribe(cmd, command.bytes, detail);
    case COMMAND_PING:
        return read_ping(cmd, command.bytes, detail);
    default:
        return bad(cmd, TC_CODE_UNKNOWN_EVENT, "there is no such command");
    }
}

/* ---- other requests ---- */

int tc_grpc_snapshot_read(const uint8_t *bytes, size_t len, struct tc_str *room,
                          const char **detail)
{
    struct tc_pb_in in = tc_pb_in((struct tc_str){ (const char *)bytes, len });
    struct tc_pb_item item;
    int rc;
    *room = (struct tc_str){ "", 0 };
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (is_text(&item, 1))
            *room = item.bytes;
    }
    if (rc < 0)
        return wrong(detail, malformed);
    return is_utf8(*room) ? TC_OK : wrong(detail, not_utf8);
}

int tc_grpc_page_read(const uint8_t *bytes, size_t len, struct tc_grpc_page *page,
                      const char **detail)
{
    struct tc_pb_in in = tc_pb_in((struct tc_str){ (const char *)bytes, len });
    struct tc_pb_item item;
    int rc;
    *page = (struct tc_grpc_page){ { "", 0 }, { "", 0 }, 0 };
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (is_text(&item, 1))
            page->prefix = item.bytes;
        else if (is_number(&item, 2))
            page->size = item.value & UINT32_MAX;
        else if (is_text(&item, 3))
            page->token = item.bytes;
    }
    if (rc < 0)
        return wrong(detail, malformed);
    return is_utf8(page->prefix) && is_utf8(page->token) ? TC_OK : wrong(detail, not_utf8);
}
