// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/room_list.h"

#include <inttypes.h>

#include "proto/json/json.h"
#include "proto/pb/wire.h"

/* Numbers of request.proto. */
enum {
    PREFIX = 1,
    PAGE_SIZE = 2,
    PAGE_TOKEN = 3,
    ROOMS = 1,
    NEXT_PAGE_TOKEN = 2,
    ROOM_NAME = 1,
    ROOM_LOG = 2,
    ROOM_POS = 3,
    ROOM_TYPE = 4,
};

size_t tc_room_list_request(const struct tc_room_list *list, uint8_t to[TC_ROOM_LIST_REQUEST_MAX])
{
    struct tc_pb_out out = tc_pb_out(to, TC_ROOM_LIST_REQUEST_MAX);
    uint64_t left = list->room_max ? list->room_max - list->room_cnt : TC_ROOM_LIST_PAGE;
    tc_pb_put_bytes(&out, PREFIX, tc_str_from(list->prefix));
    tc_pb_put_tag(&out, PAGE_SIZE, TC_PB_VARINT);
    tc_pb_put_varint(&out, TC_MIN(left, (uint64_t)TC_ROOM_LIST_PAGE));
    tc_pb_put_bytes(&out, PAGE_TOKEN, tc_str_from(list->token));
    TC_ASSERT(!out.is_full);
    return (size_t)(out.at - to);
}

struct room {
    struct tc_str name;
    struct tc_str log;
    struct tc_str type;
    int64_t pos;
};

static void print_member(FILE *out, const char *name, struct tc_str text)
{
    char escaped[6 * TC_LOG_NAME_MAX];
    size_t len = tc_json_escape(escaped, sizeof(escaped), text);
    fprintf(out, "\"%s\":\"%.*s\"", name, len == TC_JSON_NO_ROOM ? 0 : (int)len, escaped);
}

static void print_json(FILE *out, const struct room *room)
{
    fputc('{', out);
    print_member(out, "name", room->name);
    fputc(',', out);
    print_member(out, "log", room->log);
    fprintf(out, ",\"pos\":%" PRId64 ",", room->pos);
    print_member(out, "type", room->type);
    fputs("}\n", out);
}

static void print_word(FILE *out, struct tc_str word, char end)
{
    if (word.len)
        fwrite(word.ptr, 1, word.len, out);
    else
        fputc('-', out);
    fputc(end, out);
}

static void print_text(FILE *out, const struct room *room)
{
    print_word(out, room->name, '\t');
    print_word(out, room->log, '\t');
    fprintf(out, "%" PRId64 "\t", room->pos);
    print_word(out, room->type, '\n');
}

static bool read_room(struct tc_str bytes, struct room *room)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    int rc;
    *room = (struct room){ .name = { "", 0 }, .log = { "", 0 }, .type = { "", 0 } };
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (item.number == ROOM_POS && item.wire == TC_PB_VARINT)
            room->pos = (int64_t)item.value;
        else if (item.wire != TC_PB_BYTES)
            continue; /* unknown, or not what it should be */
        else if (item.number == ROOM_NAME)
            room->name = item.bytes;
        else if (item.number == ROOM_LOG)
            room->log = item.bytes;
        else if (item.number == ROOM_TYPE)
            room->type = item.bytes;
    }
    return rc == 0;
}

static void take_room(struct tc_room_list *list, struct tc_str bytes)
{
    struct room room;
    if (!read_room(bytes, &room)) {
        list->is_bad = true;
    } else if (list->room_max == 0 || list->room_cnt < list->room_max) {
        (list->is_json ? print_json : print_text)(list->out, &room);
        list->room_cnt++;
    }
}

void tc_room_list_response(struct tc_room_list *list, struct tc_str message)
{
    struct tc_pb_in in = tc_pb_in(message);
    struct tc_pb_item item;
    struct tc_str token = { "", 0 };
    int rc;
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (item.number == ROOMS && item.wire == TC_PB_BYTES)
            take_room(list, item.bytes);
        else if (item.number == NEXT_PAGE_TOKEN && item.wire == TC_PB_BYTES)
            token = item.bytes;
    }
    list->is_bad |= rc < 0 || token.len > TC_ROOM_LIST_TOKEN_MAX;
    if (list->is_bad || (list->room_max && list->room_cnt >= list->room_max))
        token.len = 0;
    memcpy(list->token, token.ptr ? token.ptr : "", token.len);
    list->token[token.len] = '\0';
}
