// SPDX-License-Identifier: Apache-2.0
#include "io/source/replay/replay.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/unit/io/source/record_sink.h"

static struct tc_conf_rule rule = { .topic = "replay" };
static struct tc_conf_source conf = { .name = "r", .kind = TC_SOURCE_REPLAY, .rules = &rule };

static struct tc_source *open_file(const char *path, double speed, struct sink *sink)
{
    struct tc_source *source = NULL;
    struct tc_err err = { 0 };
    conf.rule_cnt = 1;
    conf.replay = (struct tc_conf_replay){ .file = path, .speed = speed };
    struct tc_source_env env = { .conf = &conf, .boot_id = 1 };
    sink_init(sink);
    cr_assert_eq(tc_source_replay.open(&source, &env, &err), 0, "%s", err.text);
    return source;
}

static void write_file(char path[32], const char *mode, const char *text, size_t len)
{
    snprintf(path, 32, "/tmp/tc-replay-XXXXXX");
    int fd = mkstemp(path);
    gzFile f = gzdopen(fd, mode);
    cr_assert_eq(gzwrite(f, text, (unsigned)len), (int)len);
    gzclose(f);
}

static void paced(const char *mode)
{
    static const char text[] = "1000000000 {\"a\":1}\n"
                               "nonsense\n"
                               "1100000000 {\"a\":2}\r\n"
                               "\n"
                               "1300000000 {\"a\":3}";
    static struct sink sink;
    char path[32];
    write_file(path, mode, text, sizeof(text) - 1);
    struct tc_source *s = open_file(path, 2, &sink);
    tc_source_replay.poll(s, &sink.ops, 256, 50, 7);
    cr_assert_eq(sink.record_cnt, 1);
    cr_assert_str_eq(sink.last_value, "{\"a\":1}");
    cr_assert_eq(tc_source_replay.wake_at_ns(s), 50 + 50000000);
    tc_source_replay.poll(s, &sink.ops, 256, 50 + 50000000, 8);
    cr_assert_str_eq(sink.last_value, "{\"a\":2}");
    cr_assert_eq(sink.caught_up_cnt[0], 1);
    tc_source_replay.poll(s, &sink.ops, 256, 50 + 149999999, 9);
    cr_assert_eq(sink.record_cnt, 2);
    tc_source_replay.poll(s, &sink.ops, 256, 50 + 150000000, 10);
    cr_assert_str_eq(sink.last_value, "{\"a\":3}");
    cr_assert_eq(sink.last_ts_ms, 10);
    cr_assert_eq(sink.caught_up_cnt[0], 2);
    cr_assert_eq(tc_source_replay.poll(s, &sink.ops, 256, INT64_MAX / 2, 11), 0);
    cr_assert_eq(tc_source_replay.wake_at_ns(s), INT64_MAX);
    struct tc_source_stats stats;
    tc_source_replay.stats(s, &stats);
    cr_assert_eq(stats.record_cnt, 3);
    cr_assert_eq(stats.error_cnt, 1);
    tc_source_replay.close(s);
    unlink(path);
}

Test(replay, plain_file_is_paced)
{
    /* goal: the first column divided by the speed paces; a bad line is counted; the end is told */
    paced("wbT");
}

Test(replay, gzip_file_is_paced)
{
    /* goal: the same from a compressed file */
    paced("wb6");
}

Test(replay, big_file_is_streamed_whole)
{
    /* goal: lines across chunk borders survive; a line beyond the limit is skipped and counted */
    enum { LINES = 20000 };
    static struct sink sink;
    static char text[LINES * 64 + (2 << 20)];
    size_t n = 0;
    char path[32];
    for (int i = 0; i < LINES; i++) {
        if (i == LINES / 2) {
            memset(text + n, 'y', (1 << 20) + 200000);
            n += (1 << 20) + 200000;
            text[n++] = '\n';
        }
        n += (size_t)snprintf(text + n, 64, "%d {\"i\":%d,\"fill\":\"%.*s\"}\n", i, i, i % 30,
                              "abcdefghijklmnopqrstuvwxyzabcd");
    }
    write_file(path, "wb1", text, n);
    struct tc_source *s = open_file(path, 0, &sink);
    for (int i = 0; i < 100000 && sink.caught_up_cnt[0] < 2; i++)
        tc_source_replay.poll(s, &sink.ops, 256, 1, 1);
    cr_assert_eq(sink.record_cnt, LINES);
    cr_assert(strstr(sink.last_value, "{\"i\":19999,"), "%s", sink.last_value);
    struct tc_source_stats stats;
    tc_source_replay.stats(s, &stats);
    cr_assert_eq(stats.error_cnt, 1);
    tc_source_replay.close(s);
    unlink(path);
}

Test(replay, missing_file_is_a_setting_error)
{
    /* goal: the operator is told the file, its place and why, by the check alone as well */
    struct tc_source *source = NULL;
    struct tc_err err = { 0 };
    conf.rule_cnt = 1;
    conf.replay =
        (struct tc_conf_replay){ .file = "/nonexistent/file", .speed = 1, .line = 5, .col = 11 };
    struct tc_source_env env = { .conf = &conf };
    cr_assert_eq(tc_source_replay.open(&source, &env, &err), -TC_EINVAL);
    cr_assert(strstr(err.text, "/nonexistent/file: No such file"), "%s", err.text);
    cr_assert(err.line == 5 && err.col == 11, "%d:%d", err.line, err.col);
    struct tc_err same = { 0 };
    cr_assert_eq(tc_source_replay.check(&env, &same), -TC_EINVAL);
    cr_assert_str_eq(same.text, err.text);
    cr_assert(same.line == 5 && same.col == 11, "%d:%d", same.line, same.col);
    cr_assert_eq(tc_source_replay.check(&env, NULL), -TC_EINVAL);
}

Test(replay, check_takes_a_file_that_opens)
{
    /* Goal: the check takes a recording that is there. */
    char path[32];
    struct tc_err err = { 0 };
    write_file(path, "wb6", "1 {}\n", 5);
    conf.rule_cnt = 1;
    conf.replay = (struct tc_conf_replay){ .file = path, .speed = 1 };
    struct tc_source_env env = { .conf = &conf };
    cr_assert_eq(tc_source_replay.check(&env, &err), TC_OK, "%s", err.text);
    unlink(path);
}
