// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "tools/bench/text.h"

static struct tc_load_places places;

static bool find(const char *text, int64_t *pos, int64_t *prev, size_t *end)
{
    return tc_load_find_update(&places, text, strlen(text), pos, prev, end);
}

Test(load_text, finds_whatever_is_around)
{
    /* Goal: pos, prev and t_ns are found in the text of each kind of server, wherever the last
     * message had them, and with blanks before them. */
    const struct {
        const char *text;
        int64_t pos, prev, time;
    } rows[] = {
        { "{\"event\":\"u\",\"pos\":7,\"prev\":6,\"data\":{\"t_ns\":12}}", 7, 6, 12 },
        { "{\"event\":\"u\",\"pos\":8,\"prev\":7,\"data\":{\"t_ns\":13}}", 8, 7, 13 },
        { "{\"event\":\"u\",\"pos\":10,\"prev\":9,\"data\":{\"t_ns\":14}}", 10, 9, 14 },
        { "{\"pos\":   3,\"prev\": null,\"t_ns\":   5}", 3, TC_LOAD_NULL, 5 },
        { "42[\"m\",{\"pos\":0,\"prev\":null}]", 0, TC_LOAD_NULL, TC_LOAD_ABSENT },
        { "{\"pos\":123456789012345678,\"prev\":0}", 123456789012345678, 0, TC_LOAD_ABSENT },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        int64_t pos = 0;
        int64_t prev = 0;
        size_t end = 0;
        cr_assert(find(rows[i].text, &pos, &prev, &end), "%s", rows[i].text);
        cr_assert(pos == rows[i].pos && prev == rows[i].prev, "%s", rows[i].text);
        const char *rest = rows[i].text + end;
        cr_assert_eq(tc_load_find_time(&places, rest, strlen(rest)), rows[i].time, "%s", rest);
    }
}

Test(load_text, refuses_what_is_no_update)
{
    /* Goal: a text that lacks a number, has them in another order or is cut is no update. */
    const char *rows[] = {
        "",
        "{}",
        "{\"pos\":5}",
        "{\"prev\":5,\"pos\":6}",
        "{\"pos\":null,\"prev\":5}",
        "{\"pos\":5,\"prev\":-5}",
        "{\"pos\":\"5\",\"prev\":4}",
        "{\"pos\":1234567890123456789,\"prev\":4}",
        "{\"pos\":5,\"prev\":nul",
        "{\"pos\":5,\"prev\":",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        int64_t pos = 0;
        int64_t prev = 0;
        size_t end = 0;
        cr_assert_not(find(rows[i], &pos, &prev, &end), "%s", rows[i]);
    }
}

Test(load_text, members)
{
    /* Goal: a member's text and number by its key; none if it is not there or not closed. */
    static const char text[] = "{\"room\":\"a-1\",\"to\":17,\"x\":\"open";
    size_t len = sizeof(text) - 1;
    struct tc_str room = tc_load_find_text(text, len, TC_STR("\"room\":\""));
    cr_assert(tc_str_eq(room, TC_STR("a-1")));
    cr_assert_null(tc_load_find_text(text, len, TC_STR("\"x\":\"")).ptr);
    cr_assert_null(tc_load_find_text(text, len, TC_STR("\"y\":\"")).ptr);
    cr_assert_eq(tc_load_find_number(text, len, TC_STR("\"to\":")), 17);
    cr_assert_eq(tc_load_find_number(text, len, TC_STR("\"from\":")), TC_LOAD_ABSENT);
}
