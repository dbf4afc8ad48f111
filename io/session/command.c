// SPDX-License-Identifier: Apache-2.0
#include "io/session/command.h"

static const struct tc_words *words_of(const struct tc_commander *who)
{
    return tc_session_words[who->dialect];
}

static void reply_error(const struct tc_commander *who, struct tc_str id, enum tc_code code,
                        const char *message, struct tc_str room)
{
    uint8_t out[TC_NOTICE_BYTES_MAX];
    tc_count_add(&who->net->conf.metric->command_errors, 1);
    who->write(who, out, words_of(who)->error(out, id, code, message, room));
}

enum tc_code tc_command_refusal(int rc, const char **message)
{
    switch (rc) {
    case -TC_EINVAL:
        *message = "a room name is 1 to 128 printable ASCII characters without blanks, quotes, "
                   "backslash, asterisk and comma";
        return TC_CODE_ROOM_ILLEGAL;
    case -TC_ENOTFOUND:
        *message = "this server has no such room";
        return TC_CODE_ROOM_UNKNOWN;
    case -TC_ENOTSUP:
        *message = "rooms of one user need authorization, which is not built yet";
        return TC_CODE_NOT_SUPPORTED;
    case -TC_ELIMIT:
        *message = "the connection has as many rooms as it may: unsubscribe first";
        return TC_CODE_TOO_MANY_ROOMS;
    default:
        *message = "no place for the subscription now: try again later";
        return TC_CODE_OVERLOADED;
    }
}

static void refuse_room(const struct tc_commander *who, const struct tc_cmd *cmd, int rc,
                        struct tc_str room)
{
    const char *message = NULL;
    enum tc_code code = tc_command_refusal(rc, &message);
    reply_error(who, cmd->id, code, message, room);
}

static void subscribe(const struct tc_commander *who, const struct tc_cmd *cmd)
{
    uint8_t reply[TC_NOTICE_BYTES_MAX];
    struct tc_fan *fan = who->net->conf.fan;
    for (uint32_t i = 0; i < cmd->room_cnt && who->is_open(who); i++) {
        const struct tc_cmd_room *r = &cmd->rooms[i];
        struct tc_fan_wish wish = { .room = r->name, .id = cmd->id };
        size_t len = 0;
        if (tc_room_name_is_private(r->name)) {
            refuse_room(who, cmd, -TC_ENOTSUP, r->name);
            continue;
        }
        wish.is_snapshot = cmd->is_snapshot;
        wish.from = (struct tc_fan_from){ r->from.log, r->from.pos, r->from.ts_ms };
        int rc = tc_fan_subscribe(fan, who->conn, &wish, who->net->now_ns, reply, &len);
        if (rc < 0)
            refuse_room(who, cmd, rc, r->name);
        else if (rc > 0)
            who->write(who, reply, len);
    }
}

static void reply_unsubscribed(const struct tc_commander *who, struct tc_str id, struct tc_str room)
{
    uint8_t out[TC_NOTICE_BYTES_MAX];
    struct tc_notice notice = { .kind = TC_NOTICE_UNSUBSCRIBED, .id = id, .room = room };
    who->write(who, out, tc_session_dialects[who->dialect]->notice(&notice, out));
}

static void unsubscribe(const struct tc_commander *who, const struct tc_cmd *cmd)
{
    struct tc_fan *fan = who->net->conf.fan;
    for (uint32_t i = 0; i < cmd->room_cnt && who->is_open(who); i++) {
        struct tc_str room = cmd->rooms[i].name;
        char text[TC_CMD_ID_MAX + 2];
        struct tc_str id;
        int rc = tc_room_name_check(room);
        if (rc < 0) {
            refuse_room(who, cmd, rc, room);
            continue;
        }
        /* what it overtakes has its answer too */
        while ((rc = tc_fan_unsubscribe(fan, who->conn, room, text, &id)) > 0) {
            reply_unsubscribed(who, id, room);
            if (!who->is_open(who))
                return;
        }
        /* the wish is fulfilled as well if it was not subscribed */
        TC_ASSERT(rc == TC_OK || rc == -TC_ENOTFOUND);
        reply_unsubscribed(who, cmd->id, room);
    }
}

/* Whether the command may be carried out; it has been answered otherwise. A long list of rooms
 * counts as several commands, for it is as much work. */
static bool is_in_time(const struct tc_commander *who, const struct tc_cmd *cmd)
{
    enum { ROOMS_PER_COMMAND = 16 };
    struct tc_net_conn *c = &who->net->conns[who->slot];
    const struct tc_sessions *s = tc_sessions_of(who->net);
    uint32_t cost = 1 + cmd->room_cnt / ROOMS_PER_COMMAND;
    /* a full bucket is enough for any command, or it could never be carried out */
    cost = TC_MIN(cost, s->conf->limits.cmd_burst);
    if (tc_bucket_try_take(&c->commands, &s->command_rate, cost, who->net->now_ns)) {
        c->refused_cnt = 0;
        return true;
    }
    c->refused_cnt++;
    reply_error(who, cmd->id, TC_CODE_RATE_LIMITED, "too many commands: slow down",
                (struct tc_str){ NULL, 0 });
    if (c->refused_cnt >= TC_SESSION_REFUSED_MAX)
        who->end(who);
    return false;
}

void tc_command(const struct tc_commander *who, struct tc_cmd *cmd, int rc)
{
    tc_count_add(&who->net->conf.metric->commands, 1);
    if (rc < 0)
        cmd->room_cnt = 0;
    if (!is_in_time(who, cmd))
        return;
    if (rc < 0) {
        reply_error(who, cmd->id, cmd->code, cmd->message, (struct tc_str){ NULL, 0 });
    } else if (cmd->kind == TC_CMD_SUBSCRIBE) {
        subscribe(who, cmd);
    } else if (cmd->kind == TC_CMD_UNSUBSCRIBE) {
        unsubscribe(who, cmd);
    } else {
        uint8_t out[TC_NOTICE_BYTES_MAX];
        who->write(who, out, words_of(who)->pong(out, cmd->id, who->net->wall_ms));
    }
}
