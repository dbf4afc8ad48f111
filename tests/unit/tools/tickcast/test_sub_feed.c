// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/sub_feed.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/mem/mem.h"

static char *names[] = { "ticker-A", "ticker-B", "ticker-A" };
static char *out_text;
static size_t out_len;

/* Two rooms, lines into out_text. */
static void begin(struct tc_sub *sub)
{
    struct tc_err err;
    cr_assert_eq(tc_sub_init(sub, names, 3, &err), TC_OK);
    cr_assert_eq(sub->room_cnt, 2u, "a room named twice is one room");
    sub->out = open_memstream(&out_text, &out_len);
    sub->note = sub->out;
}

static void end(struct tc_sub *sub)
{
    fclose(sub->out);
    tc_free(out_text);
    tc_sub_fini(sub);
}

static bool hear(struct tc_sub *sub, const char *text)
{
    return tc_sub_on_message(sub, text, strlen(text));
}

static void expect_command(struct tc_sub *sub, const char *expected)
{
    uint32_t next_idx = 0;
    size_t len = 0;
    char *text = tc_sub_command(sub, &next_idx, &len);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(len, strlen(expected));
    tc_free(text);
    cr_assert_null(tc_sub_command(sub, &next_idx, &len));
}

Test(sub_feed, resumes_with_what_it_saw)
{
    /* Goal: after a break each room that has a place asks to go on from it, the others anew. */
    struct tc_sub sub;
    begin(&sub);
    expect_command(&sub, "{\"event\":\"subscribe\",\"data\":{\"rooms\":[\"ticker-A\",\"ticker-B\"],"
                         "\"snapshot\":true}}");
    hear(&sub,
         "{\"event\":\"subscription-confirmed\",\"room\":\"ticker-A\",\"log\":\"l\",\"pos\":4}");
    hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":4,\"prev\":null,\"ts\":9,"
               "\"snapshot\":true,\"data\":1}");
    hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":6,\"prev\":4,\"ts\":10,\"data\":1}");
    expect_command(&sub, "{\"event\":\"subscribe\",\"data\":{\"rooms\":[\"ticker-A\",\"ticker-B\"],"
                         "\"snapshot\":true,\"from\":{\"ticker-A\":{\"log\":\"l\",\"pos\":6,"
                         "\"ts\":10}}}}");
    cr_assert_eq(sub.stats.proved_cnt, 1u);
    cr_assert_eq(sub.stats.snapshot_cnt, 1u);
    cr_assert_not(tc_sub_is_broken(&sub));
    end(&sub);
}

Test(sub_feed, tells_violations)
{
    /* Goal: a hole and a repetition are counted and printed; what is declared is not. */
    struct tc_sub sub;
    begin(&sub);
    sub.is_json = true;
    hear(&sub,
         "{\"event\":\"subscription-confirmed\",\"room\":\"ticker-A\",\"log\":\"l\",\"pos\":4}");
    hear(&sub, "{\"event\":\"conflated\",\"room\":\"ticker-A\",\"from\":4,\"to\":9,\"skipped\":3}");
    hear(&sub,
         "{\"event\":\"gap\",\"room\":\"ticker-A\",\"from\":9,\"to\":11,\"reason\":\"poison\"}");
    hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":12,\"prev\":11,\"data\":null}");
    cr_assert_not(tc_sub_is_broken(&sub));
    hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":12,\"prev\":11,\"data\":null}");
    hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":20,\"prev\":15,\"data\":null}");
    fflush(sub.out);
    cr_assert_not_null(strstr(out_text, "\"kind\":\"repeated\",\"room\":\"ticker-A\",\"last\":12"));
    cr_assert_not_null(strstr(out_text, "\"kind\":\"hole\",\"room\":\"ticker-A\",\"last\":12"));
    cr_assert_eq(sub.stats.conflated_cnt, 3u);
    cr_assert_eq(sub.stats.gap_cnt, 1u);
    end(&sub);
}

Test(sub_feed, payload_is_shown_untouched)
{
    /* Goal: a decimal that no double can hold is printed as it came. */
    struct tc_sub sub;
    begin(&sub);
    hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":9007199254740993,\"prev\":null,"
               "\"data\":{\"price\":0.10000000000000000000000010}}");
    fflush(sub.out);
    cr_assert_not_null(strstr(out_text, "9007199254740993"));
    cr_assert_not_null(strstr(out_text, "{\"price\":0.10000000000000000000000010}"));
    end(&sub);
}

Test(sub_feed, stops_at_count)
{
    /* Goal: reading ends with the update that reaches --count. */
    struct tc_sub sub;
    begin(&sub);
    sub.count_max = 2;
    cr_assert(
        hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-B\",\"pos\":1,\"prev\":null,\"data\":1}"));
    cr_assert_not(
        hear(&sub, "{\"event\":\"x\",\"room\":\"ticker-B\",\"pos\":2,\"prev\":1,\"data\":1}"));
    end(&sub);
}

Test(sub_feed, junk)
{
    /* Goal: nothing that a server sends is more than counted. */
    static const char *const rows[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"event\":1}",
        "{\"event\":\"x\"}",
        "{\"event\":\"gap\"}",
        "{\"event\":\"x\",\"room\":\"ticker-A\"}",
        "{\"event\":\"x\",\"room\":\"other\",\"pos\":1}",
        "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":\"1\"}",
        "{\"event\":\"x\",\"room\":\"ticker-A\",\"pos\":-5}",
    };
    struct tc_sub sub;
    begin(&sub);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++)
        cr_assert(hear(&sub, rows[i]));
    cr_assert_eq(sub.stats.junk_cnt, TC_ARRAY_CNT(rows));
    cr_assert_eq(sub.stats.update_cnt, 0u);
    hear(&sub, "{\"event\":\"error\",\"code\":\"room-unknown\",\"room\":\"ticker-A\"}");
    hear(&sub, "{\"event\":\"error\",\"code\":\"room-unknown\",\"room\":\"ticker-A\"}");
    hear(&sub, "{\"event\":\"draining\",\"reconnect_ms\":1700}");
    cr_assert_eq(sub.refused_cnt, 1u);
    cr_assert_eq(sub.reconnect_ms, 1700);
    tc_sub_summary(&sub);
    end(&sub);
}

Test(sub_feed, null_positions)
{
    /* Goal: a null of the wire is no -1 in the text, and comes as it is in JSON. */
    static const char lost[] = "{\"event\":\"cannot-recover\",\"room\":\"ticker-A\",\"from\":5,"
                               "\"to\":null,\"reason\":\"other-log\"}";
    static const char gap[] =
        "{\"event\":\"gap\",\"room\":\"ticker-A\",\"log\":\"l\",\"from\":null,"
        "\"to\":null,\"reason\":\"recreated\"}";
    static const char conflated[] = "{\"event\":\"conflated\",\"room\":\"ticker-A\",\"from\":null,"
                                    "\"to\":9,\"skipped\":3}";
    struct tc_sub sub;
    begin(&sub);
    hear(&sub, lost);
    hear(&sub, gap);
    hear(&sub, conflated);
    fflush(sub.out);
    cr_assert_str_eq(out_text, "cannot-recover ticker-A (5, unknown] other-log\n"
                               "gap ticker-A (unknown, unknown] recreated\n"
                               "conflated ticker-A (start, 9]: 3 skipped\n");
    sub.is_json = true;
    hear(&sub, lost);
    fflush(sub.out);
    cr_assert_not_null(strstr(out_text, lost));
    end(&sub);
}

Test(sub_feed, tells_refused)
{
    /* Goal: what was refused is named; a room that is confirmed later is refused no more. */
    static const char refused[] =
        "{\"event\":\"error\",\"code\":\"overloaded\",\"room\":\"ticker-B\"}";
    struct tc_sub sub;
    begin(&sub);
    sub.is_json = true;
    cr_assert_not(tc_sub_tell_refused(&sub));
    hear(&sub, refused);
    cr_assert(tc_sub_tell_refused(&sub));
    fflush(sub.out);
    cr_assert_not_null(strstr(out_text, "the engine refused 1 of 2 rooms: ticker-B\n"));
    hear(&sub, "{\"event\":\"subscription-confirmed\",\"room\":\"ticker-B\",\"log\":\"l\","
               "\"pos\":4}");
    cr_assert_not(tc_sub_tell_refused(&sub));
    hear(&sub, "{\"event\":\"error\",\"code\":\"rate-limited\",\"message\":\"slowly\"}");
    cr_assert(tc_sub_tell_refused(&sub));
    fflush(sub.out);
    cr_assert_not_null(strstr(out_text, "the engine refused a command"));
    end(&sub);
}

Test(sub_feed, room_names)
{
    /* Goal: an illegal name is refused before it is sent. */
    static char *bad[] = { "a b", "a\"", "a,b", "a*", "a\\", "", "\x80" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        struct tc_sub sub;
        struct tc_err err = { 0 };
        cr_assert_eq(tc_sub_init(&sub, &bad[i], 1, &err), -TC_EINVAL);
        cr_assert_neq(err.text[0], '\0');
    }
}
