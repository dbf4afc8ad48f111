// SPDX-License-Identifier: Apache-2.0
/* Places of a resume: found by the name of their room. */
#include "proto/json/cmd.h"

static int order_of(struct tc_str a, struct tc_str b)
{
    int cmp = memcmp(a.ptr, b.ptr, TC_MIN(a.len, b.len));
    return cmp ? cmp : (a.len > b.len) - (a.len < b.len);
}

static void sift(const struct tc_cmd_room *rooms, uint16_t *heap, uint32_t at, uint32_t cnt)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= cnt)
            return;
        if (child + 1 < cnt && order_of(rooms[heap[child]].name, rooms[heap[child + 1]].name) < 0)
            child++;
        if (order_of(rooms[heap[at]].name, rooms[heap[child]].name) >= 0)
            return;
        uint16_t swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

/* A heap sort: its cost does not depend on what a client sends, and qsort may take memory. */
void tc_cmd_sort(const struct tc_cmd *cmd, uint16_t sorted[TC_CMD_ROOMS_MAX])
{
    const struct tc_cmd_room *rooms = cmd->rooms;
    uint32_t cnt = cmd->room_cnt;
    for (uint32_t i = 0; i < cnt; i++)
        sorted[i] = (uint16_t)i;
    for (uint32_t i = cnt / 2; i-- > 0;)
        sift(rooms, sorted, i, cnt);
    for (uint32_t end = cnt; end-- > 1;) {
        uint16_t swap = sorted[0];
        sorted[0] = sorted[end];
        sorted[end] = swap;
        sift(rooms, sorted, 0, end);
    }
}

int tc_cmd_place(struct tc_cmd *cmd, const uint16_t sorted[TC_CMD_ROOMS_MAX], struct tc_str room,
                 const struct tc_cmd_from *from)
{
    uint32_t low = 0;
    for (uint32_t high = cmd->room_cnt; low < high;) {
        uint32_t mid = (low + high) / 2;
        if (order_of(cmd->rooms[sorted[mid]].name, room) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == cmd->room_cnt || !tc_str_eq(cmd->rooms[sorted[low]].name, room))
        return -TC_ENOTFOUND;
    if (cmd->rooms[sorted[low]].from.log.ptr)
        return -TC_EEXIST;
    for (; low < cmd->room_cnt && tc_str_eq(cmd->rooms[sorted[low]].name, room); low++)
        cmd->rooms[sorted[low]].from = *from;
    return TC_OK;
}
