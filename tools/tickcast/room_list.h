// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/room_list: the messages of MarketDataService.ListRooms, and rooms as lines. Bytes
 * in, lines out; no socket. One thread. */
#ifndef TC_TOOLS_TICKCAST_ROOM_LIST_H
#define TC_TOOLS_TICKCAST_ROOM_LIST_H

#include <stdio.h>

#include "core/base/limits.h"

enum {
    TC_ROOM_LIST_PAGE = 1000,     /* rooms asked for at once; the server's most */
    TC_ROOM_LIST_TOKEN_MAX = 255, /* bytes of a page token; a longer one is no answer */
    TC_ROOM_LIST_REQUEST_MAX = TC_ROOM_NAME_MAX + TC_ROOM_LIST_TOKEN_MAX + 16,
};

struct tc_room_list {
    FILE *out;
    bool is_json;
    const char *prefix;
    uint64_t room_max; /* lines; 0: no end */
    uint64_t room_cnt; /* lines so far */
    char token[TC_ROOM_LIST_TOKEN_MAX + 1];
    bool is_bad; /* an answer was none */
};

/* Writes the next ListRoomsRequest; bytes. prefix has at most TC_ROOM_NAME_MAX bytes. */
size_t tc_room_list_request(const struct tc_room_list *list, uint8_t to[TC_ROOM_LIST_REQUEST_MAX]);

/* Prints a ListRoomsResponse. Afterwards token is that of the next page, empty: there is none, or
 * room_max is reached, or is_bad. */
void tc_room_list_response(struct tc_room_list *list, struct tc_str message);

#endif
