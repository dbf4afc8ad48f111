// SPDX-License-Identifier: Apache-2.0
#include "proto/json/cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <yyjson.h>

#include "core/base/fmt.h"

static const struct event {
    struct tc_str name;
    enum tc_cmd_kind kind;
    const char *prefix; /* of a shorthand's room */
} events[] = {
    { { "subscribe", 9 }, TC_CMD_SUBSCRIBE, NULL },
    { { "unsubscribe", 11 }, TC_CMD_UNSUBSCRIBE, NULL },
    { { "ping", 4 }, TC_CMD_PING, NULL },
    { { "subscribe-ticker", 16 }, TC_CMD_SUBSCRIBE, "ticker-" },
    { { "subscribe-book", 14 }, TC_CMD_SUBSCRIBE, "book-" },
    { { "subscribe-trades", 16 }, TC_CMD_SUBSCRIBE, "trades-" },
};

TC_PRINTF(3, 4)
static int refuse(struct tc_cmd *cmd, enum tc_code code, const char *fmt, ...)
{
    va_list ap;
    cmd->code = code;
    va_start(ap, fmt);
    vsnprintf(cmd->message, sizeof(cmd->message), fmt, ap);
    va_end(ap);
    return -TC_EINVAL;
}

static int bad(struct tc_cmd *cmd, const char *message)
{
    return refuse(cmd, TC_CODE_BAD_REQUEST, "%s", message);
}

static struct tc_str str_of(yyjson_val *val)
{
    return (struct tc_str){ unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val) };
}

static yyjson_val *member(yyjson_val *obj, const char *name)
{
    return yyjson_obj_getn(obj, name, strlen(name));
}

/* An object of ours: few members, none twice. what names it in the message. */
static int check_members(struct tc_cmd *cmd, yyjson_val *obj, const char *what)
{
    struct tc_str keys[TC_CMD_MEMBERS_MAX];
    size_t cnt = 0;
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    yyjson_val *key;
    while ((key = yyjson_obj_iter_next(&it)) != NULL) {
        if (cnt == TC_CMD_MEMBERS_MAX)
            return refuse(cmd, TC_CODE_BAD_REQUEST, "%s has more than %d members", what,
                          TC_CMD_MEMBERS_MAX);
        keys[cnt] = str_of(key);
        for (size_t i = 0; i < cnt; i++) {
            if (tc_str_eq(keys[i], keys[cnt]))
                return refuse(cmd, TC_CODE_BAD_REQUEST, "%s has a member twice", what);
        }
        cnt++;
    }
    return TC_OK;
}

static int read_id(struct tc_cmd *cmd, yyjson_val *val)
{
    size_t len;
    if (!val)
        return TC_OK;
    if (yyjson_is_raw(val)) {
        len = unsafe_yyjson_get_len(val);
        if (len > TC_CMD_ID_MAX)
            return refuse(cmd, TC_CODE_BAD_REQUEST, "id is longer than %d bytes", TC_CMD_ID_MAX);
        memcpy(cmd->id_text, unsafe_yyjson_get_raw(val), len);
    } else if (yyjson_is_str(val)) {
        len = tc_json_escape(cmd->id_text + 1, TC_CMD_ID_MAX, str_of(val));
        if (len == TC_JSON_NO_ROOM)
            return refuse(cmd, TC_CODE_BAD_REQUEST, "id is longer than %d bytes", TC_CMD_ID_MAX);
        cmd->id_text[0] = '"';
        cmd->id_text[len + 1] = '"';
        len += 2;
    } else {
        return bad(cmd, "id must be a number or a string");
    }
    cmd->id = (struct tc_str){ cmd->id_text, len };
    return TC_OK;
}

/* ---- data of subscribe and unsubscribe ---- */

static int read_options(struct tc_cmd *cmd, yyjson_val *data)
{
    yyjson_val *val = member(data, "snapshot");
    if (val && !yyjson_is_bool(val))
        return bad(cmd, "data.snapshot must be true or false");
    if (val)
        cmd->is_snapshot = unsafe_yyjson_get_bool(val);
    val = member(data, "rate");
    if (val && !yyjson_is_str(val))
        return bad(cmd, "data.rate must be a string");
    if (val && !tc_str_eq(str_of(val), TC_STR("raw")))
        return refuse(cmd, TC_CODE_NOT_SUPPORTED, "the only rate of this server is raw");
    return TC_OK;
}

static int read_rooms(struct tc_cmd *cmd, yyjson_val *data, uint32_t room_max)
{
    yyjson_val *list = member(data, "rooms");
    yyjson_val *room = member(data, "room");
    if (!list == !room)
        return bad(cmd, "data must have either rooms (a list) or room (one name)");
    if (room) {
        if (!yyjson_is_str(room))
            return bad(cmd, "data.room must be a string");
        cmd->rooms[0] = (struct tc_cmd_room){ .name = str_of(room), .from.ts_ms = -1 };
        cmd->room_cnt = 1;
        return TC_OK;
    }
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0)
        return bad(cmd, "data.rooms must be a list of at least one name");
    if (yyjson_arr_size(list) > room_max)
        return refuse(cmd, TC_CODE_TOO_MANY_ROOMS, "more than %u rooms in one command", room_max);
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((room = yyjson_arr_iter_next(&it)) != NULL) {
        if (!yyjson_is_str(room)) {
            cmd->room_cnt = 0;
            return bad(cmd, "data.rooms must hold strings only");
        }
        cmd->rooms[cmd->room_cnt++] =
            (struct tc_cmd_room){ .name = str_of(room), .from.ts_ms = -1 };
    }
    return TC_OK;
}

/* ---- from: positions by room ---- */

static int read_from(struct tc_cmd *cmd, yyjson_val *val, struct tc_cmd_from *out)
{
    uint64_t number;
    struct tc_str text;
    if (!yyjson_is_obj(val))
        return bad(cmd, "data.from must hold an object for each room");
    if (check_members(cmd, val, "an object of data.from") < 0)
        return -TC_EINVAL;
    yyjson_val *log = member(val, "log");
    yyjson_val *pos = member(val, "pos");
    yyjson_val *ts = member(val, "ts");
    if (!yyjson_is_str(log) || unsafe_yyjson_get_len(log) == 0 ||
        unsafe_yyjson_get_len(log) > TC_LOG_NAME_MAX)
        return bad(cmd, "log of data.from must be the name of a log");
    if (!yyjson_is_raw(pos) || !tc_json_text(pos, &text) ||
        !tc_fmt_parse_u64(text, INT64_MAX, &number))
        return bad(cmd, "pos of data.from must be a whole number from 0 to 2^63-1");
    *out = (struct tc_cmd_from){ .log = str_of(log), .pos = (int64_t)number, .ts_ms = -1 };
    if (!ts)
        return TC_OK;
    if (!yyjson_is_raw(ts) || !tc_json_text(ts, &text) ||
        !tc_fmt_parse_u64(text, INT64_MAX, &number))
        return bad(cmd, "ts of data.from must be a whole number of milliseconds");
    out->has_ts = true;
    out->ts_ms = (int64_t)number;
    return TC_OK;
}

static int read_froms(struct tc_cmd *cmd, yyjson_val *froms)
{
    uint16_t sorted[TC_CMD_ROOMS_MAX];
    yyjson_val *key;
    if (!froms)
        return TC_OK;
    if (!yyjson_is_obj(froms))
        return bad(cmd, "data.from must be an object: room to {log, pos}");
    tc_cmd_sort(cmd, sorted);
    yyjson_obj_iter it = yyjson_obj_iter_with(froms);
    while ((key = yyjson_obj_iter_next(&it)) != NULL) {
        struct tc_cmd_from from;
        if (read_from(cmd, yyjson_obj_iter_get_val(key), &from) < 0)
            return -TC_EINVAL;
        int rc = tc_cmd_place(cmd, sorted, str_of(key), &from);
        if (rc < 0)
            return bad(cmd, rc == -TC_EEXIST ? "data.from has a room twice"
                                             : "data.from has a room that is not among the rooms");
    }
    return TC_OK;
}

/* ---- the three shapes of data ---- */

static int read_shorthand(struct tc_cmd *cmd, const struct event *event, yyjson_val *data)
{
    yyjson_val *symbol = data;
    size_t prefix_len = strlen(event->prefix);
    cmd->is_snapshot = true;
    if (yyjson_is_obj(data)) {
        if (check_members(cmd, data, "data") < 0 || read_options(cmd, data) < 0)
            return -TC_EINVAL;
        symbol = member(data, "symbol");
    }
    if (!yyjson_is_str(symbol) || unsafe_yyjson_get_len(symbol) == 0)
        return bad(cmd, "data must be a symbol, or an object with a symbol");
    if (prefix_len + unsafe_yyjson_get_len(symbol) > sizeof(cmd->room_text))
        return refuse(cmd, TC_CODE_ROOM_ILLEGAL, "the name of the room is longer than %d bytes",
                      TC_ROOM_NAME_MAX);
    cmd->symbol = str_of(symbol);
    memcpy(cmd->room_text, event->prefix, prefix_len);
    memcpy(cmd->room_text + prefix_len, cmd->symbol.ptr, cmd->symbol.len);
    cmd->rooms[0] = (struct tc_cmd_room){
        .name = { cmd->room_text, prefix_len + cmd->symbol.len },
        .from.ts_ms = -1,
    };
    cmd->room_cnt = 1;
    return TC_OK;
}

static int read_data(struct tc_cmd *cmd, const struct event *event, yyjson_val *data,
                     uint32_t room_max)
{
    if (cmd->kind == TC_CMD_PING)
        return TC_OK;
    if (event->prefix)
        return read_shorthand(cmd, event, data);
    if (!yyjson_is_obj(data))
        return bad(cmd, "data must be an object with rooms or room");
    if (check_members(cmd, data, "data") < 0 || read_rooms(cmd, data, room_max) < 0)
        return -TC_EINVAL;
    if (cmd->kind == TC_CMD_UNSUBSCRIBE)
        return TC_OK;
    if (read_options(cmd, data) < 0)
        return -TC_EINVAL;
    return read_froms(cmd, member(data, "from"));
}

static int refuse_json(struct tc_cmd *cmd, int rc)
{
    switch (rc) {
    case -TC_ELIMIT:
        return bad(cmd, "the command is too long");
    case -TC_EUTF8:
        return bad(cmd, "the command is not UTF-8");
    case -TC_EDEPTH:
        return bad(cmd, "the command is nested too deep");
    default:
        return bad(cmd, "the command is not JSON");
    }
}

int tc_cmd_parse(struct tc_json_pool *pool, const void *bytes, size_t len,
                 struct tc_cmd_room *rooms, uint32_t room_max, struct tc_cmd *cmd)
{
    yyjson_val *root;
    TC_ASSERT(room_max > 0);
    *cmd = (struct tc_cmd){ .rooms = rooms };
    int rc = tc_json_parse(pool, bytes, len, TC_JSON_DEPTH_MAX, &root);
    if (rc < 0)
        return refuse_json(cmd, rc);
    if (!yyjson_is_obj(root))
        return bad(cmd, "a command is a JSON object");
    if (read_id(cmd, member(root, "id")) < 0 || check_members(cmd, root, "the command") < 0)
        return -TC_EINVAL;
    yyjson_val *name = member(root, "event");
    if (!yyjson_is_str(name))
        return bad(cmd, "event must be a string");
    for (size_t i = 0; i < TC_ARRAY_CNT(events); i++) {
        if (!tc_str_eq(events[i].name, str_of(name)))
            continue;
        cmd->kind = events[i].kind;
        rc = read_data(cmd, &events[i], member(root, "data"),
                       TC_MIN(room_max, (uint32_t)TC_CMD_ROOMS_MAX));
        if (rc < 0)
            cmd->room_cnt = 0;
        return rc;
    }
    return refuse(cmd, TC_CODE_UNKNOWN_EVENT,
                  "events are subscribe, unsubscribe, ping, subscribe-ticker, subscribe-book, "
                  "subscribe-trades");
}
