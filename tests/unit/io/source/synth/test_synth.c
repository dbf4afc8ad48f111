// SPDX-License-Identifier: Apache-2.0
#include "io/source/synth/synth.h"

#include <criterion/criterion.h>

#include "tests/unit/io/source/record_sink.h"

static struct tc_conf_rule rule = { .topic = "synth" };
static struct tc_conf_source conf = { .name = "s", .kind = TC_SOURCE_SYNTH, .rules = &rule };

static struct tc_source *open_synth(struct tc_conf_synth c, struct sink *sink)
{
    struct tc_source *source = NULL;
    struct tc_err err = { 0 };
    conf.synth = c;
    conf.rule_cnt = 1;
    struct tc_source_env env = { .conf = &conf, .boot_id = 1 };
    sink_init(sink);
    cr_assert_eq(tc_source_synth.open(&source, &env, &err), 0, "%s", err.text);
    return source;
}

Test(synth, keeps_its_schedule)
{
    /* goal: open loop: after t seconds exactly rate * t messages, in groups of burst, whatever the
     * times at which it is polled; intended times and keys are right */
    static struct sink sink;
    struct tc_source *s = open_synth(
        (struct tc_conf_synth){ .symbols = 3, .rate = 1000, .burst = 10, .payload_bytes = 150 },
        &sink);
    const int64_t start_ns = 5000000000;
    tc_source_synth.poll(s, &sink.ops, 256, start_ns, 1000);
    cr_assert_eq(sink.record_cnt, 10);
    cr_assert_eq(tc_source_synth.wake_at_ns(s), start_ns + 10000000);
    for (int64_t ms = 1; ms <= 1000; ms += 7)
        tc_source_synth.poll(s, &sink.ops, 256, start_ns + ms * 1000000, 1000 + ms);
    cr_assert_eq(sink.record_cnt, 1000);
    cr_assert_str_eq(sink.last_key, "0"); /* message 999 of 3 symbols */
    cr_assert_eq(sink.last_ts_ms, 1990);
    cr_assert_eq(strlen(sink.last_value), 150, "%s", sink.last_value);
    cr_assert(strstr(sink.last_value, "\"t_ns\":5990000000,\"t_ms\":1990"), "%s", sink.last_value);
    cr_assert_not(sink.is_disordered);
    cr_assert_eq(sink.caught_up_cnt[0], 1);
    tc_source_synth.close(s);
}

Test(synth, catches_up_in_bounds)
{
    /* goal: far behind schedule one poll hands on no more than record_max, and says so at once */
    static struct sink sink;
    struct tc_source *s =
        open_synth((struct tc_conf_synth){ .symbols = 1, .rate = 100000, .burst = 1 }, &sink);
    tc_source_synth.poll(s, &sink.ops, 256, 1, 1);
    int n = tc_source_synth.poll(s, &sink.ops, 256, 1000000001, 1001);
    cr_assert_eq(n, 256);
    cr_assert_leq(tc_source_synth.wake_at_ns(s), 1000000001);
    while (tc_source_synth.poll(s, &sink.ops, 256, 1000000001, 1001) > 0) {
    }
    cr_assert_eq(sink.record_cnt, 100001);
    tc_source_synth.close(s);
}

Test(synth, rate_zero_is_silent)
{
    /* goal: no rate: a log, caught up, and no record ever */
    static struct sink sink;
    struct tc_source *s = open_synth((struct tc_conf_synth){ .symbols = 1, .burst = 1 }, &sink);
    for (int i = 1; i < 100; i++)
        tc_source_synth.poll(s, &sink.ops, 256, i * 1000000000ll, i * 1000);
    cr_assert_eq(sink.record_cnt, 0);
    cr_assert_eq(sink.log_cnt, 1);
    cr_assert_eq(tc_source_synth.wake_at_ns(s), INT64_MAX);
    tc_source_synth.close(s);
}
