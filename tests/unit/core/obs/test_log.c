// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <yyjson.h>

#include "core/obs/log.h"

static struct tc_mem mem;
static struct tc_log_ring ring;
static char line[TC_LOG_LINE_MAX + 1];

static void fixed_clock(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    (void)ctx;
    *mono_ns = 42;
    *wall_ns = 1723075200123456789;
}

static void setup(void)
{
    struct tc_err err;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_log_ring_init(&ring, &mem, "worker 0", 8, TC_LOG_INFO, fixed_clock, NULL, &err),
                 0);
}

static void teardown(void)
{
    tc_mem_fini(&mem);
}

TestSuite(log, .init = setup, .fini = teardown);

static size_t next_line(void)
{
    size_t len = tc_log_next_line(&ring, line);
    cr_assert_leq(len, TC_LOG_LINE_MAX);
    line[len] = 0;
    if (len) {
        yyjson_doc *doc = yyjson_read(line, len, 0);
        cr_assert_not_null(doc, "not JSON: %s", line);
        yyjson_doc_free(doc);
        cr_assert_eq(line[len - 1], '\n');
        cr_assert_null(memchr(line, '\n', len - 1));
    }
    return len;
}

Test(log, line_of_an_entry)
{
    /* goal: the exact form of a line, with every type of field */
    char topic[] = "ti\"cks";
    struct tc_log_field fields[] = { TC_LOG_I("pos", -5), TC_LOG_U("bytes", UINT64_MAX),
                                     TC_LOG_B("away", true), TC_LOG_Z("topic", topic),
                                     TC_LOG_Z("none", "") };
    tc_log_with(&ring, TC_LOG_WARN, "source-away", fields, 5, "broker %d\nis away", 1);
    memset(topic, '?', sizeof(topic)); /* texts were copied */
    cr_assert_gt(next_line(), 0);
    cr_assert_str_eq(line, "{\"ts\":\"2024-08-08T00:00:00.123Z\",\"mono_ns\":42,\"level\":\"warn\","
                           "\"agent\":\"worker 0\",\"code\":\"source-away\","
                           "\"msg\":\"broker 1\\nis away\",\"pos\":-5,"
                           "\"bytes\":18446744073709551615,\"away\":true,\"topic\":\"ti\\\"cks\","
                           "\"none\":\"\"}\n");
    cr_assert_eq(next_line(), 0);
}

Test(log, level_filter)
{
    /* goal: entries below the level are not written, a change counts at once, no ring is no crash
     */
    tc_log(&ring, TC_LOG_DEBUG, "x", "no");
    cr_assert_eq(next_line(), 0);
    tc_log_level_set(&ring, TC_LOG_DEBUG);
    tc_log(&ring, TC_LOG_DEBUG, "x", "yes");
    cr_assert_gt(next_line(), 0);
    tc_log(NULL, TC_LOG_ERROR, "x", "nowhere");
    for (int i = 0; i < TC_LOG_LEVEL_CNT; i++)
        cr_assert_eq(tc_log_level_parse(tc_str_from(tc_log_level_text((enum tc_log_level)i))), i);
    cr_assert_eq(tc_log_level_parse(TC_STR("loud")), -TC_EINVAL);
}

Test(log, full_ring_drops_and_tells)
{
    /* goal: what does not fit is dropped and counted, the oldest stay, and one line tells how many
     */
    for (int i = 0; i < 11; i++)
        tc_log(&ring, TC_LOG_INFO, "n", "%d", i);
    cr_assert_eq(tc_log_dropped_cnt(&ring), 3);
    for (int i = 0; i < 8; i++) {
        char want[16];
        snprintf(want, sizeof(want), "\"msg\":\"%d\"", i);
        cr_assert_gt(next_line(), 0);
        cr_assert_not_null(strstr(line, want));
    }
    cr_assert_gt(next_line(), 0);
    cr_assert_not_null(strstr(line, "\"code\":\"log-dropped\""));
    cr_assert_not_null(strstr(line, "\"dropped\":3}"));
    cr_assert_eq(next_line(), 0);
    tc_log(&ring, TC_LOG_INFO, "n", "again");
    cr_assert_gt(next_line(), 0);
    cr_assert_eq(next_line(), 0);
}

Test(log, long_texts_are_cut_whole)
{
    /* goal: a message and fields beyond the entry are cut between characters; a line of the worst
     * bytes is still whole JSON */
    char text[1024];
    for (size_t cut = 0; cut < 4; cut++) {
        memset(text, 'a', cut);
        for (size_t i = cut; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        tc_log(&ring, TC_LOG_INFO, "long", "%.*s", 900 + (int)cut, text);
        cr_assert_gt(next_line(), 300);
        cr_assert_null(strstr(line, "\xef\xbf\xbd"), "a character was split");
    }
    struct tc_log_field fields[12];
    memset(text, 1, sizeof(text));
    for (size_t i = 0; i < 12; i++)
        fields[i] = TC_LOG_S("a_key_of_thirty_two_bytes_length", ((struct tc_str){ text, 100 }));
    tc_log_with(&ring, TC_LOG_INFO, "worst", fields, 12, "%.*s", 120, text);
    cr_assert_gt(next_line(), 2000);
}
