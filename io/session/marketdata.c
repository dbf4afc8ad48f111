// SPDX-License-Identifier: Apache-2.0
/* jts.marketdata.v1.MarketDataService: rooms as streams of events (docs/grpc.md). */
#include "io/session/marketdata.h"

#include <stdio.h>

#include "core/base/fmt.h"
#include "io/session/command.h"
#include "proto/grpc/event.h"
#include "proto/grpc/request.h"
#include "proto/pb/wire.h"

enum {
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000,
    SCAN_MAX = 20000, /* rooms looked at for one page */
};

static void fail(struct tc_grpc_call *call, enum tc_grpc_status status, const char *detail)
{
    tc_grpc_finish(call, status, tc_str_from(detail));
}

/* ---- Subscribe and Stream ---- */

static struct tc_grpc_call *call_of(const struct tc_commander *who)
{
    return who->ctx;
}

static bool is_open(const struct tc_commander *who)
{
    return !call_of(who)->is_done;
}

static void write(const struct tc_commander *who, const void *bytes, size_t len)
{
    tc_grpc_send_framed(call_of(who), bytes, len);
}

static void end(const struct tc_commander *who)
{
    fail(call_of(who), TC_GRPC_RESOURCE_EXHAUSTED, "too many commands: slow down");
}

static void command(struct tc_grpc_call *call, struct tc_cmd *cmd, int rc)
{
    tc_grpc_join(call);
    if (call->is_done)
        return;
    tc_net_unplan(call->net, call->conn);
    struct tc_commander who = { .net = call->net,
                                .slot = call->slot,
                                .conn = call->conn,
                                .dialect = call->dialect,
                                .ctx = call,
                                .is_open = is_open,
                                .write = write,
                                .end = end };
    tc_command(&who, cmd, rc);
}

/* Whether the room can be had; the call has ended otherwise. */
static bool is_room(struct tc_grpc_call *call, struct tc_str room)
{
    const char *detail = NULL;
    int rc =
        tc_room_name_is_private(room) ? -TC_ENOTSUP : tc_fan_room_check(call->net->conf.fan, room);
    if (rc == TC_OK)
        return true;
    enum tc_code code = tc_command_refusal(rc, &detail);
    fail(call,
         code == TC_CODE_ROOM_ILLEGAL   ? TC_GRPC_INVALID_ARGUMENT
         : code == TC_CODE_ROOM_UNKNOWN ? TC_GRPC_NOT_FOUND
                                        : TC_GRPC_UNIMPLEMENTED,
         detail);
    return false;
}

static void subscribe_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_cmd cmd;
    const char *detail = NULL;
    int rc = tc_grpc_subscribe_read(bytes, len, tc_sessions_of(call->net)->rooms, &cmd, &detail);
    if (rc < 0) {
        fail(call, TC_GRPC_INVALID_ARGUMENT, detail);
        return;
    }
    if (rc > 0) {
        fail(call, TC_GRPC_INVALID_ARGUMENT, cmd.message);
        return;
    }
    /* of one room that cannot be had the status says it all; of several, events do */
    if (cmd.room_cnt == 1 && !is_room(call, cmd.rooms[0].name))
        return;
    command(call, &cmd, TC_OK);
    if (!call->is_done && tc_fan_conn_room_cnt(call->net->conf.fan, call->conn) == 0)
        fail(call, TC_GRPC_FAILED_PRECONDITION, "none of the rooms can be had: see the events");
}

static void stream_on_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    (void)head;
    tc_grpc_join(call);
}

static void stream_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_cmd cmd;
    const char *detail = NULL;
    int rc = tc_grpc_command_read(bytes, len, tc_sessions_of(call->net)->rooms, &cmd, &detail);
    if (rc < 0)
        fail(call, TC_GRPC_INVALID_ARGUMENT, detail);
    else
        command(call, &cmd, rc > 0 ? -TC_EINVAL : TC_OK);
}

/* No further commands: the stream goes on while it has rooms. */
static void stream_on_half_close(struct tc_grpc_call *call)
{
    if (!call->is_joined || tc_fan_conn_room_cnt(call->net->conf.fan, call->conn) == 0)
        fail(call, TC_GRPC_OK, "");
}

static void on_drain(struct tc_grpc_call *call, uint32_t reconnect_ms)
{
    uint8_t out[TC_NOTICE_BYTES_MAX];
    if (call->is_joined)
        tc_grpc_send_framed(call, out,
                            tc_session_words[call->dialect]->draining(out, reconnect_ms));
    if (!call->is_done)
        fail(call, TC_GRPC_UNAVAILABLE, "the server restarts");
}

/* ---- GetSnapshot ---- */

static void snapshot_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_grpc_pool *pool = &tc_sessions_of(call->net)->grpc;
    struct tc_fan_value value;
    struct tc_str room;
    const char *detail = NULL;
    if (tc_grpc_snapshot_read(bytes, len, &room, &detail) < 0) {
        fail(call, TC_GRPC_INVALID_ARGUMENT, detail);
        return;
    }
    if (!is_room(call, room))
        return;
    int rc = tc_fan_newest(call->net->conf.fan, room, TC_FORM_PROTOBUF, &value);
    if (rc != TC_OK) {
        fail(call, rc > 0 ? TC_GRPC_NOT_FOUND : TC_GRPC_UNAVAILABLE,
             rc > 0 ? "the room has no value yet" : "the value changes too fast: try again");
        return;
    }
    struct tc_pb_out out = tc_pb_out(pool->scratch, pool->message_max);
    tc_pb_put_bytes(&out, 1, value.log);
    uint8_t *mark = tc_pb_open(&out, 2);
    if (tc_pb_room(&out) >= value.update.len + (size_t)TC_UPDATE_OVERHEAD_MAX)
        out.at += tc_grpc_event_value(&value.update, out.at);
    else
        out.is_full = true;
    tc_pb_close(&out, mark);
    if (out.is_full) {
        fail(call, TC_GRPC_RESOURCE_EXHAUSTED, "the value is too large");
        return;
    }
    tc_grpc_send(call, pool->scratch, (uint32_t)(out.at - pool->scratch), false);
    fail(call, TC_GRPC_OK, "");
}

/* ---- ListRooms ---- */

/* "FEED.INDEX" of the room that begins the next page. */
static bool read_token(struct tc_str token, struct tc_fan_room_at *at)
{
    uint64_t feed = 0;
    uint64_t idx = 0;
    *at = (struct tc_fan_room_at){ 0 };
    if (token.len == 0)
        return true;
    const char *dot = memchr(token.ptr, '.', token.len);
    if (!dot)
        return false;
    struct tc_str first = { token.ptr, (size_t)(dot - token.ptr) };
    struct tc_str second = { dot + 1, token.len - first.len - 1 };
    if (!tc_fmt_parse_u64(first, TC_SOURCES_MAX, &feed) ||
        !tc_fmt_parse_u64(second, UINT32_MAX, &idx))
        return false;
    *at = (struct tc_fan_room_at){ (uint32_t)feed, (uint32_t)idx };
    return true;
}

static void put_room(struct tc_pb_out *out, const struct tc_fan_room_info *info)
{
    uint8_t *mark = tc_pb_open(out, 1);
    tc_pb_put_bytes(out, 1, info->name);
    tc_pb_put_bytes(out, 2, info->log);
    if (info->pos > 0) {
        tc_pb_put_tag(out, 3, TC_PB_VARINT);
        tc_pb_put_varint(out, (uint64_t)info->pos);
    }
    if (info->rule->type.len > 0)
        tc_pb_put_bytes(out, 4, info->rule->type);
    tc_pb_close(out, mark);
}

static bool begins_with(struct tc_str text, struct tc_str prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

static void rooms_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_grpc_pool *pool = &tc_sessions_of(call->net)->grpc;
    struct tc_grpc_page page;
    struct tc_fan_room_at at;
    struct tc_fan_room_info info;
    const char *detail = NULL;
    if (tc_grpc_page_read(bytes, len, &page, &detail) < 0) {
        fail(call, TC_GRPC_INVALID_ARGUMENT, detail);
        return;
    }
    if (page.size > PAGE_MAX || !read_token(page.token, &at)) {
        fail(call, TC_GRPC_INVALID_ARGUMENT,
             page.size > PAGE_MAX ? "page_size is at most 1000"
                                  : "page_token is not one that this server gave");
        return;
    }
    /* the request may lie in scratch, where the page is written; a name is never longer */
    char prefix[TC_ROOM_NAME_MAX + 1];
    page.prefix.len = TC_MIN(page.prefix.len, sizeof(prefix));
    page.prefix.ptr = memcpy(prefix, page.prefix.ptr, page.prefix.len);
    uint64_t left = page.size ? page.size : PAGE_DEFAULT;
    uint32_t scans = SCAN_MAX;
    struct tc_pb_out out = tc_pb_out(pool->scratch, pool->message_max);
    bool has_more = true;
    while (left > 0 && scans-- > 0 && tc_pb_room(&out) > 2 * TC_NOTICE_BYTES_MAX) {
        has_more = tc_fan_next_room(call->net->conf.fan, &at, &info);
        if (!has_more)
            break;
        if (!begins_with(info.name, page.prefix) || tc_room_name_is_private(info.name))
            continue;
        put_room(&out, &info);
        left--;
    }
    if (has_more) {
        char token[32];
        int n = snprintf(token, sizeof(token), "%u.%u", at.feed, at.idx);
        tc_pb_put_bytes(&out, 2, (struct tc_str){ token, (size_t)n });
    }
    TC_ASSERT(!out.is_full);
    tc_grpc_use_gzip(call);
    tc_grpc_send(call, pool->scratch, (uint32_t)(out.at - pool->scratch), true);
    fail(call, TC_GRPC_OK, "");
}

#define SERVICE "jts.marketdata.v1.MarketDataService"
#define TYPE(name) "jts.marketdata.v1." name

static const struct tc_grpc_method methods[] = {
    {
        .path = "/" SERVICE "/Subscribe",
        .shape = TC_GRPC_SERVER_STREAM,
        .request = TYPE("SubscribeRequest"),
        .response = TYPE("Event"),
        .on_message = subscribe_on_message,
        .on_drain = on_drain,
    },
    {
        .path = "/" SERVICE "/Stream",
        .shape = TC_GRPC_BIDI,
        .request = TYPE("StreamRequest"),
        .response = TYPE("Event"),
        .on_start = stream_on_start,
        .on_message = stream_on_message,
        .on_half_close = stream_on_half_close,
        .on_drain = on_drain,
    },
    {
        .path = "/" SERVICE "/GetSnapshot",
        .shape = TC_GRPC_UNARY,
        .request = TYPE("GetSnapshotRequest"),
        .response = TYPE("GetSnapshotResponse"),
        .on_message = snapshot_on_message,
    },
    {
        .path = "/" SERVICE "/ListRooms",
        .shape = TC_GRPC_UNARY,
        .request = TYPE("ListRoomsRequest"),
        .response = TYPE("ListRoomsResponse"),
        .on_message = rooms_on_message,
    },
};

const struct tc_grpc_service tc_marketdata = { SERVICE, methods, TC_ARRAY_CNT(methods), NULL };
