// SPDX-License-Identifier: Apache-2.0
/* proto/json/cmd: one command of a client, as JSON (docs/protocol.md has the vocabulary).
 *
 *   {"event":"subscribe","id":2,"data":{"rooms":["a","b"],"snapshot":true,
 *                                       "from":{"b":{"log":"l","pos":7,"ts":1723075200123}}}}
 *   {"event":"subscribe","data":{"room":"a"}}
 *   {"event":"subscribe-ticker","data":"BTCUSDT"}   or {"symbol":"BTCUSDT"}; -book, -trades
 *   {"event":"unsubscribe","data":{"rooms":["a"]}}
 *   {"event":"ping"}
 *
 * Unknown members are passed over; a member that comes twice, a wrong type, more than
 * TC_CMD_MEMBERS_MAX members in one object are bad requests. Whether a room exists or its name is
 * legal is not judged here. One thread per pool. */
#ifndef TC_PROTO_JSON_CMD_H
#define TC_PROTO_JSON_CMD_H

#include "core/base/limits.h"
#include "proto/json/codes.h"
#include "proto/json/json.h"

enum {
    TC_CMD_BYTES_MAX = TC_WS_MESSAGE_MAX, /* value_max of the pool */
    TC_CMD_MEMBERS_MAX = 32,
    TC_CMD_MESSAGE_MAX = 160, /* bytes of an error's message */
};

enum tc_cmd_kind { TC_CMD_SUBSCRIBE, TC_CMD_UNSUBSCRIBE, TC_CMD_PING };

/* Where a resume begins. */
struct tc_cmd_from {
    struct tc_str log; /* ptr NULL: no resume of this room */
    int64_t pos;       /* >= 0 */
    bool has_ts;
    int64_t ts_ms; /* >= 0; -1 without has_ts */
};

struct tc_cmd_room {
    struct tc_str name;
    struct tc_cmd_from from;
};

struct tc_cmd {
    enum tc_cmd_kind kind;
    struct tc_str id;     /* JSON text of a number or string (quotes included), to be repeated as it
                             is; <= TC_CMD_ID_MAX + 2 bytes; ptr NULL: the client gave none */
    struct tc_str symbol; /* of a shorthand; ptr NULL otherwise */
    bool is_snapshot;
    struct tc_cmd_room *rooms; /* the caller's array */
    uint32_t room_cnt;         /* >= 1 for subscribe and unsubscribe, 0 for ping */

    /* of a refused command */
    enum tc_code code;
    char message[TC_CMD_MESSAGE_MAX]; /* plain ASCII without quotes: safe inside a JSON string */

    /* storage behind id and the room of a shorthand */
    char id_text[TC_CMD_ID_MAX + 2];
    char room_text[TC_ROOM_NAME_MAX];
};

/* Parses one command. Views stay valid until the next parse with this pool; *cmd must not be copied
 * or moved while they are used. rooms has room_max items, at least 1; TC_CMD_ROOMS_MAX is always
 * enough. TC_OK, or -TC_EINVAL: cmd->code and cmd->message say what is wrong, and cmd->id is set
 * if it could be read. */
int tc_cmd_parse(struct tc_json_pool *pool, const void *bytes, size_t len,
                 struct tc_cmd_room *rooms, uint32_t room_max, struct tc_cmd *cmd) TC_MUST_CHECK;

/* ---- for parsers of other formats ---- */

/* Indexes of the rooms by name, for the call below. */
void tc_cmd_sort(const struct tc_cmd *cmd, uint16_t sorted[TC_CMD_ROOMS_MAX]);

/* Sets where the room of that name is resumed (all of them, if the command names it more than
 * once). -TC_ENOTFOUND: it is not among the rooms; -TC_EEXIST: it has a place already. */
int tc_cmd_place(struct tc_cmd *cmd, const uint16_t sorted[TC_CMD_ROOMS_MAX], struct tc_str room,
                 const struct tc_cmd_from *from) TC_MUST_CHECK;

#endif
