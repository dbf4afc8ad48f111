// SPDX-License-Identifier: Apache-2.0
#include <yyjson.h>

#include "core/mem/mem.h"
#include "proto/pb/wire.h"
#include "tools/tickcast/sub_feed.h"

/* The rooms from idx on that one command takes: before which it ends. */
static uint32_t end_of(const struct tc_sub *sub, uint32_t idx)
{
    size_t bytes = 0;
    for (; idx < sub->room_cnt && bytes < TC_SUB_COMMAND_MAX / 2; idx++) {
        const struct tc_sub_room *room = &sub->rooms[idx];
        bytes += strlen(room->name) + 3;
        if (room->chain.log[0])
            bytes += strlen(room->name) + 6 * strlen(room->chain.log) + 64;
    }
    return idx;
}

char *tc_sub_command(struct tc_sub *sub, uint32_t *next_idx, size_t *len_out)
{
    if (*next_idx >= sub->room_cnt)
        return NULL;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    yyjson_mut_val *rooms = yyjson_mut_arr(doc);
    yyjson_mut_val *from = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    for (uint32_t end = end_of(sub, *next_idx); *next_idx < end; ++*next_idx) {
        struct tc_sub_room *room = &sub->rooms[*next_idx];
        yyjson_mut_arr_add_str(doc, rooms, room->name);
        if (!tc_chain_ask(&room->chain))
            continue;
        yyjson_mut_val *place = yyjson_mut_obj(doc);
        yyjson_mut_obj_add_str(doc, place, "log", room->chain.log);
        yyjson_mut_obj_add_sint(doc, place, "pos", room->chain.last);
        if (room->chain.last_ts_ms >= 0)
            yyjson_mut_obj_add_sint(doc, place, "ts", room->chain.last_ts_ms);
        yyjson_mut_obj_add_val(doc, from, room->name, place);
    }
    yyjson_mut_obj_add_str(doc, root, "event", "subscribe");
    yyjson_mut_obj_add_val(doc, data, "rooms", rooms);
    yyjson_mut_obj_add_bool(doc, data, "snapshot", sub->has_snapshot);
    if (yyjson_mut_obj_size(from) > 0)
        yyjson_mut_obj_add_val(doc, data, "from", from);
    yyjson_mut_obj_add_val(doc, root, "data", data);
    char *text = yyjson_mut_write(doc, 0, len_out); /* the default allocator is that of tc_free */
    TC_ASSERT(text);
    yyjson_mut_doc_free(doc);
    return text;
}

/* Numbers of request.proto. */
enum {
    SUBSCRIBE = 1,
    ROOMS = 1,
    SNAPSHOT = 2,
    FROM = 4,
    FROM_KEY = 1,
    FROM_VALUE = 2,
    PLACE_LOG = 1,
    PLACE_POS = 2,
    PLACE_TS = 3,
};

static void put_number(struct tc_pb_out *out, uint32_t number, int64_t value)
{
    tc_pb_put_tag(out, number, TC_PB_VARINT);
    tc_pb_put_varint(out, (uint64_t)value);
}

static void put_from(struct tc_pb_out *out, const struct tc_sub_room *room)
{
    uint8_t *entry = tc_pb_open(out, FROM);
    tc_pb_put_bytes(out, FROM_KEY, tc_str_from(room->name));
    uint8_t *place = tc_pb_open(out, FROM_VALUE);
    tc_pb_put_bytes(out, PLACE_LOG, tc_str_from(room->chain.log));
    put_number(out, PLACE_POS, room->chain.last);
    if (room->chain.last_ts_ms > 0)
        put_number(out, PLACE_TS, room->chain.last_ts_ms);
    tc_pb_close(out, place);
    tc_pb_close(out, entry);
}

char *tc_sub_command_pb(struct tc_sub *sub, uint32_t *next_idx, size_t *len_out)
{
    if (*next_idx >= sub->room_cnt)
        return NULL;
    uint8_t *bytes = tc_alloc(TC_SUB_COMMAND_MAX);
    struct tc_pb_out out = tc_pb_out(bytes, TC_SUB_COMMAND_MAX);
    uint8_t *mark = tc_pb_open(&out, SUBSCRIBE);
    for (uint32_t end = end_of(sub, *next_idx); *next_idx < end; ++*next_idx) {
        struct tc_sub_room *room = &sub->rooms[*next_idx];
        tc_pb_put_bytes(&out, ROOMS, tc_str_from(room->name));
        if (tc_chain_ask(&room->chain))
            put_from(&out, room);
    }
    if (sub->has_snapshot)
        put_number(&out, SNAPSHOT, 1);
    tc_pb_close(&out, mark);
    TC_ASSERT(!out.is_full);
    *len_out = (size_t)(out.at - bytes);
    return (char *)bytes;
}
