// SPDX-License-Identifier: Apache-2.0
/* Goal: pages are asked for and printed as --help says. */
#include "tools/tickcast/room_list.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/grpc/request.h"
#include "proto/pb/wire.h"

static char *text;
static size_t text_len;

static void put_room(struct tc_pb_out *out, const char *name, const char *log, uint64_t pos,
                     const char *type)
{
    uint8_t *mark = tc_pb_open(out, 1);
    tc_pb_put_bytes(out, 1, tc_str_from(name));
    tc_pb_put_bytes(out, 2, tc_str_from(log));
    tc_pb_put_tag(out, 3, TC_PB_VARINT);
    tc_pb_put_varint(out, pos);
    if (type[0])
        tc_pb_put_bytes(out, 4, tc_str_from(type));
    tc_pb_close(out, mark);
}

static void answer(struct tc_room_list *list, const char *token)
{
    uint8_t bytes[512];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    put_room(&out, "ticker-A", "main/ticks/0", 12, "");
    put_room(&out, "ticker-B", "a\"b", 0, "jts.marketdata.v1.Tick");
    if (token[0])
        tc_pb_put_bytes(&out, 2, tc_str_from(token));
    tc_room_list_response(list, (struct tc_str){ (const char *)bytes, (size_t)(out.at - bytes) });
}

static struct tc_grpc_page ask(const struct tc_room_list *list)
{
    static uint8_t bytes[TC_ROOM_LIST_REQUEST_MAX];
    struct tc_grpc_page page;
    const char *detail = NULL;
    size_t len = tc_room_list_request(list, bytes);
    cr_assert_eq(tc_grpc_page_read(bytes, len, &page, &detail), TC_OK, "%s", detail);
    return page;
}

Test(room_list, pages)
{
    /* Goal: the token of a page asks for the next; --limit bounds both what is asked and printed.
     */
    struct tc_room_list list = { .prefix = "ticker-", .room_max = 3 };
    list.out = open_memstream(&text, &text_len);
    struct tc_grpc_page page = ask(&list);
    cr_assert(tc_str_eq(page.prefix, TC_STR("ticker-")) && page.token.len == 0 && page.size == 3);
    answer(&list, "0.2");
    page = ask(&list);
    cr_assert(tc_str_eq(page.token, TC_STR("0.2")) && page.size == 1);
    answer(&list, "0.4");
    cr_assert_str_eq(list.token, "");
    fclose(list.out);
    cr_assert_str_eq(text, "ticker-A\tmain/ticks/0\t12\t-\n"
                           "ticker-B\ta\"b\t0\tjts.marketdata.v1.Tick\n"
                           "ticker-A\tmain/ticks/0\t12\t-\n");
    free(text);
    struct tc_room_list all = { .prefix = "" };
    cr_assert_eq(ask(&all).size, (uint64_t)TC_ROOM_LIST_PAGE);
}

Test(room_list, json)
{
    /* Goal: one object a line, with names escaped. */
    struct tc_room_list list = { .prefix = "", .is_json = true };
    list.out = open_memstream(&text, &text_len);
    answer(&list, "");
    fclose(list.out);
    cr_assert_str_eq(text, "{\"name\":\"ticker-A\",\"log\":\"main/ticks/0\",\"pos\":12,"
                           "\"type\":\"\"}\n"
                           "{\"name\":\"ticker-B\",\"log\":\"a\\\"b\",\"pos\":0,"
                           "\"type\":\"jts.marketdata.v1.Tick\"}\n");
    cr_assert_str_eq(list.token, "");
    cr_assert_not(list.is_bad);
    free(text);
}

Test(room_list, no_answer)
{
    /* Goal: bytes that are no answer end the list. */
    char long_token[TC_ROOM_LIST_TOKEN_MAX + 2] = { 0 };
    struct tc_room_list lists[3] = { 0 };
    memset(long_token, '1', sizeof(long_token) - 1);
    for (int i = 0; i < 3; i++) {
        lists[i].out = open_memstream(&text, &text_len);
        if (i == 0)
            tc_room_list_response(&lists[i], TC_STR("\xff"));
        else if (i == 1)
            tc_room_list_response(&lists[i], TC_STR("\x0a\x02\x0a\x05"));
        else
            answer(&lists[i], long_token);
        cr_assert(lists[i].is_bad && lists[i].token[0] == '\0', "%d", i);
        fclose(lists[i].out);
        free(text);
    }
}
