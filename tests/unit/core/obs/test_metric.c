// SPDX-License-Identifier: Apache-2.0
/* Goal: the text at /metrics is what the Prometheus text format 0.0.4 asks for (one HELP and TYPE
 * per metric, then its samples together; escaped labels; cumulative buckets), it shows the counts
 * of all blocks under their labels, and docs/metrics.md has a row for each metric in it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/obs/metric.h"

enum { TEXT_MAX = 256 * 1024, NAMES_MAX = 256, LINE_MAX_BYTES = 1024 };

static char text[TEXT_MAX];
static size_t text_len;
static struct tc_metric_worker workers[2];
static struct tc_metric_ingest ingests[2];
static struct tc_metric_process process;
static const char *const gap_names[] = { "oversize", NULL, "retention" };
static const char *const close_names[] = { "normal", "slow" };
static const struct tc_metric_worker *const worker_list[] = { &workers[0], &workers[1] };
static const struct tc_metric_ingest *const ingest_list[] = { &ingests[0], &ingests[1] };

static void write_text(void *ctx, const char *bytes, size_t len)
{
    cr_assert_eq(ctx, text);
    cr_assert_lt(text_len + len, TEXT_MAX);
    memcpy(text + text_len, bytes, len);
    text_len += len;
    text[text_len] = 0;
}

static struct tc_metric_set full_set(void)
{
    workers[0].worker = 0;
    workers[1].worker = 11;
    ingests[0].source = "main";
    ingests[1].source = "extra";
    return (struct tc_metric_set){ .workers = worker_list,
                                   .worker_cnt = 2,
                                   .ingests = ingest_list,
                                   .ingest_cnt = 2,
                                   .process = &process,
                                   .gap_names = gap_names,
                                   .gap_cnt = TC_ARRAY_CNT(gap_names),
                                   .close_names = close_names,
                                   .close_cnt = TC_ARRAY_CNT(close_names),
                                   .version = "1.2.3" };
}

static void render(const struct tc_metric_set *set)
{
    text_len = 0;
    tc_metric_render(set, write_text, text);
}

/* How many lines of the text are this one. */
static uint32_t line_cnt(const char *line)
{
    uint32_t cnt = 0;
    size_t len = strlen(line);
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        cnt += strncmp(at, line, len) == 0 && at[len] == '\n';
    return cnt;
}

static uint32_t cnt_of(const char *part)
{
    uint32_t cnt = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        cnt++;
    return cnt;
}

/* The value of the one line that begins so. */
static double value_after(const char *start)
{
    const char *found = NULL;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1) {
        if (strncmp(at, start, strlen(start)) != 0)
            continue;
        cr_assert_null(found, "twice: %s", start);
        found = at + strlen(start);
    }
    cr_assert_not_null(found, "absent: %s", start);
    return strtod(found, NULL);
}

static const char *const any_type[] = { "counter", "gauge", "histogram" };

/* The state of a reader of the text format. */
struct reader {
    char names[NAMES_MAX][64];
    uint32_t name_cnt;
    const char *type;
    bool is_typed;
};

static void on_comment(struct reader *r, const char *line)
{
    char word[8];
    char name[64];
    int at = 0;
    cr_assert_eq(sscanf(line, "# %7s %63s %n", word, name, &at), 2, "%s", line);
    cr_assert_neq(line[at], 0, "nothing said: %s", line);
    if (strcmp(word, "HELP") == 0) {
        cr_assert(r->name_cnt == 0 || r->is_typed, "no TYPE before %s", line);
        for (uint32_t i = 0; i < r->name_cnt; i++)
            cr_assert_str_neq(r->names[i], name, "a metric's lines are apart");
        cr_assert_lt(r->name_cnt, NAMES_MAX);
        memcpy(r->names[r->name_cnt++], name, sizeof(name));
        r->is_typed = false;
        return;
    }
    cr_assert_str_eq(word, "TYPE", "%s", line);
    cr_assert_not(r->is_typed, "%s", line);
    cr_assert_str_eq(name, r->names[r->name_cnt - 1], "%s", line);
    r->is_typed = true;
    r->type = NULL;
    for (uint32_t i = 0; i < TC_ARRAY_CNT(any_type); i++) {
        if (strcmp(line + at, any_type[i]) == 0)
            r->type = any_type[i];
    }
    cr_assert_not_null(r->type, "%s", line);
    size_t len = strlen(name);
    bool is_total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    cr_assert_eq(is_total, strcmp(r->type, "counter") == 0, "%s", line);
}

/* A sample: name of the metric that was declared last, at most one label here, a number. */
static void on_sample(const struct reader *r, const char *line)
{
    cr_assert_gt(r->name_cnt, 0);
    const char *name = r->names[r->name_cnt - 1];
    size_t len = strlen(name);
    cr_assert(r->is_typed && strncmp(line, name, len) == 0, "%s after %s", line, name);
    const char *at = line + len;
    if (strcmp(r->type, "histogram") == 0) {
        at += strncmp(at, "_bucket{", 8) == 0 ? 7 : strncmp(at, "_sum ", 5) == 0 ? 4 : 6;
        cr_assert(at[-1] == 't' || at[-1] == 'm', "%s", line);
    }
    if (*at == '{') {
        for (at++; *at >= 'a' && *at <= 'z'; at++)
            ;
        cr_assert_eq(strncmp(at, "=\"", 2), 0, "%s", line);
        for (at += 2; *at != '"'; at++) {
            cr_assert(*at >= 0x20 && *at < 0x7f, "%s", line);
            if (*at == '\\')
                cr_assert(*++at == '\\' || *at == '"' || *at == 'n', "%s", line);
        }
        cr_assert_eq(*++at, '}', "%s", line);
        at++;
    }
    char *end;
    cr_assert_eq(*at, ' ', "%s", line);
    (void)strtod(at + 1, &end);
    cr_assert(end > at + 1 && *end == 0, "%s", line);
}

/* Reads the whole text by the rules of the format. */
static void read_text(struct reader *r)
{
    char line[LINE_MAX_BYTES];
    memset(r, 0, sizeof(*r));
    for (const char *at = text; *at;) {
        const char *end = strchr(at, '\n');
        cr_assert_not_null(end, "the last line is not ended");
        cr_assert_lt(end - at, LINE_MAX_BYTES);
        memcpy(line, at, (size_t)(end - at));
        line[end - at] = 0;
        if (line[0] == '#')
            on_comment(r, line);
        else
            on_sample(r, line);
        at = end + 1;
    }
    cr_assert(r->is_typed);
}

static void pull_two(void *ctx, enum tc_metric_pulled id, struct tc_metric_out *out)
{
    uint32_t *asked = ctx;
    cr_assert_lt(id, TC_METRIC_PULLED_CNT);
    asked[id]++;
    if (id == TC_METRIC_LOG_LAG) {
        tc_metric_sample(out, TC_STR("main/ticks/0@9f2c"), 41);
        tc_metric_sample(out, TC_STR("main/ticks/1@9f2c"), UINT64_MAX);
    }
}

Test(metric, text_follows_the_format)
{
    /* goal: every line is a HELP, a TYPE or a sample of the metric declared last; each metric is
     * declared once; also with labels that would break it */
    static struct reader r;
    uint32_t asked[TC_METRIC_PULLED_CNT] = { 0 };
    struct tc_metric_set set = full_set();
    set.pull = pull_two;
    set.pull_ctx = asked;
    ingests[0].source = "ma\"in\n\\\x01\xff} 1\n# HELP x";
    tc_hist_record(&workers[0].turn, 12345);
    render(&set);
    read_text(&r);
    cr_expect_gt(r.name_cnt, 50);
    cr_expect_eq(cnt_of("# HELP tickcast_turn_seconds "), 1);
    cr_expect_eq(line_cnt("# TYPE tickcast_turn_seconds histogram"), 1);
    cr_expect_eq(line_cnt("# TYPE tickcast_connections gauge"), 1);
    cr_expect_eq(line_cnt("# TYPE tickcast_deliveries_total counter"), 1);
    cr_expect_eq(line_cnt("# TYPE tickcast_source_lag_seconds gauge"), 1);
}

Test(metric, nothing_to_show)
{
    /* goal: without blocks and without a pull, metrics are declared and the text is still right */
    static struct reader r;
    struct tc_metric_set set = { .version = "0" };
    render(&set);
    read_text(&r);
    cr_expect_eq(cnt_of("\ntickcast_events_total"), 0);
    cr_expect_eq(cnt_of("\ntickcast_ready"), 0);
    cr_expect_eq(cnt_of("\ntickcast_log_lag_positions"), 0);
    cr_expect_eq(line_cnt("tickcast_build_info{version=\"0\"} 1"), 1);
    cr_expect_eq(line_cnt("tickcast_turn_seconds_count 0"), 1);
}

Test(metric, escaping)
{
    /* goal: backslash, quote and newline are escaped, other control and non-ASCII bytes become ?,
     * in the source's label, the version and a pulled label */
    struct tc_metric_set set = full_set();
    ingests[0].source = "a\\b\"c\nd";
    ingests[1].source = "e\tf\x7f\xc3\xa9~ {}";
    tc_count_set(&ingests[0].events, 5);
    tc_count_set(&ingests[1].events, 6);
    set.version = "v\"1\\";
    render(&set);
    cr_expect_eq(line_cnt("tickcast_events_total{source=\"a\\\\b\\\"c\\nd\"} 5"), 1);
    cr_expect_eq(line_cnt("tickcast_events_total{source=\"e?f???~ {}\"} 6"), 1);
    cr_expect_eq(line_cnt("tickcast_build_info{version=\"v\\\"1\\\\\"} 1"), 1);
}

Test(metric, labels_and_sums)
{
    /* goal: a metric of label worker has one sample per worker under its number; one without a
     * label is the sum over the workers; of a source one per source; of the process one */
    struct tc_metric_set set = full_set();
    tc_count_set(&workers[0].deliveries, 7);
    tc_count_add(&workers[1].deliveries, 30);
    tc_count_add(&workers[1].deliveries, 5);
    tc_count_set(&workers[0].commands, 100);
    tc_count_set(&workers[1].commands, 23);
    tc_count_set(&ingests[1].poison, UINT64_MAX);
    tc_count_set(&process.ready, 1);
    render(&set);
    cr_expect_eq(line_cnt("tickcast_deliveries_total{worker=\"0\"} 7"), 1);
    cr_expect_eq(line_cnt("tickcast_deliveries_total{worker=\"11\"} 35"), 1);
    cr_expect_eq(cnt_of("\ntickcast_deliveries_total"), 2);
    cr_expect_eq(line_cnt("tickcast_commands_total 123"), 1);
    cr_expect_eq(cnt_of("\ntickcast_commands_total"), 1);
    cr_expect_eq(line_cnt("tickcast_poison_total{source=\"main\"} 0"), 1);
    cr_expect_eq(line_cnt("tickcast_poison_total{source=\"extra\"} 18446744073709551615"), 1);
    cr_expect_eq(line_cnt("tickcast_ready 1"), 1);
    cr_expect_eq(line_cnt("tickcast_draining 0"), 1);
}

Test(metric, milliseconds_are_shown_as_seconds)
{
    /* goal: what is stored in ms is shown in s, with its zeros, exact for today's dates */
    struct tc_metric_set set = full_set();
    tc_count_set(&ingests[0].lag_ms, 7);
    tc_count_set(&ingests[1].lag_ms, 61050);
    tc_count_set(&process.start_time_ms, 1723075200123);
    render(&set);
    cr_expect_eq(line_cnt("tickcast_source_lag_seconds{source=\"main\"} 0.007"), 1);
    cr_expect_eq(line_cnt("tickcast_source_lag_seconds{source=\"extra\"} 61.050"), 1);
    cr_expect_eq(line_cnt("tickcast_start_time_seconds 1723075200.123"), 1);
}

Test(metric, reasons)
{
    /* goal: arrays have a sample per named reason, summed over the workers; a reason without a
     * name is left out; gaps and closes have their own names */
    struct tc_metric_set set = full_set();
    tc_count_set(&workers[0].gaps[0], 1);
    tc_count_set(&workers[1].gaps[0], 2);
    tc_count_set(&workers[0].gaps[1], 99);
    tc_count_set(&workers[1].gaps[2], 4);
    tc_count_set(&workers[1].closes[1], 8);
    render(&set);
    cr_expect_eq(line_cnt("tickcast_gaps_total{reason=\"oversize\"} 3"), 1);
    cr_expect_eq(line_cnt("tickcast_gaps_total{reason=\"retention\"} 4"), 1);
    cr_expect_eq(cnt_of("\ntickcast_gaps_total{"), 2);
    cr_expect_eq(line_cnt("tickcast_closes_total{reason=\"normal\"} 0"), 1);
    cr_expect_eq(line_cnt("tickcast_closes_total{reason=\"slow\"} 8"), 1);
    cr_expect_eq(cnt_of("\ntickcast_closes_total{"), 2);
}

static double bucket(const char *le)
{
    char start[96];
    snprintf(start, sizeof(start), "tickcast_turn_seconds_bucket{le=\"%s\"} ", le);
    return value_after(start);
}

Test(metric, histogram)
{
    /* goal: buckets are cumulative over all workers, rise to +Inf, which is the count, also with a
     * value above the last bound; the sum is exact in ns */
    struct tc_metric_set set = full_set();
    tc_hist_record(&workers[0].turn, 1);
    tc_hist_record_many(&workers[1].turn, 3000, 4);
    tc_hist_record(&workers[0].turn, 3000000);
    tc_hist_record(&workers[1].turn, 2000000000000);
    render(&set);
    cr_expect_eq(bucket("0.000001"), 1.0);
    cr_expect_eq(bucket("0.0000025"), 1.0);
    cr_expect_eq(bucket("0.000005"), 5.0);
    cr_expect_eq(bucket("0.0025"), 5.0);
    cr_expect_eq(bucket("0.005"), 6.0);
    cr_expect_eq(bucket("600"), 6.0);
    cr_expect_eq(bucket("+Inf"), 7.0);
    cr_expect_eq(line_cnt("tickcast_turn_seconds_count 7"), 1);
    cr_expect_eq(line_cnt("tickcast_turn_seconds_sum 2000.003012001"), 1);
    double last = 0;
    for (uint32_t i = 0; i < TC_HIST_BOUND_CNT; i++) {
        double now = bucket(tc_hist_bounds[i].le);
        cr_expect_geq(now, last);
        last = now;
    }
    cr_expect_eq(cnt_of("\ntickcast_turn_seconds_bucket{"), TC_HIST_BOUND_CNT + 1);
    cr_expect_eq(line_cnt("tickcast_record_to_write_seconds_bucket{le=\"+Inf\"} 0"), 1);
}

Test(metric, pulled)
{
    /* goal: each pulled metric is asked for once per text; samples stand below its own TYPE */
    uint32_t asked[TC_METRIC_PULLED_CNT] = { 0 };
    struct tc_metric_set set = full_set();
    set.pull = pull_two;
    set.pull_ctx = asked;
    render(&set);
    for (uint32_t i = 0; i < TC_METRIC_PULLED_CNT; i++)
        cr_expect_eq(asked[i], 1);
    cr_expect_eq(cnt_of("# TYPE tickcast_log_lag_positions gauge\n"
                        "tickcast_log_lag_positions{log=\"main/ticks/0@9f2c\"} 41\n"
                        "tickcast_log_lag_positions{log=\"main/ticks/1@9f2c\"} "
                        "18446744073709551615\n"),
                 1);
    cr_expect_eq(cnt_of("\ntickcast_log_stale"), 0);
}

Test(metric, page_has_a_row_per_metric)
{
    /* goal: the page names each metric of the text once, with four cells and the type that the
     * text says, and no other metric */
    static struct reader r;
    static char page[TEXT_MAX];
    struct tc_metric_set set = full_set();
    text_len = 0;
    tc_metric_markdown(write_text, text);
    memcpy(page, text, text_len + 1);
    uint32_t row_cnt = cnt_of("\n| `tickcast_");
    render(&set);
    read_text(&r);
    cr_expect_eq(row_cnt, r.name_cnt);
    for (uint32_t i = 0; i < r.name_cnt; i++) {
        char start[96];
        char type[160];
        snprintf(start, sizeof(start), "\n| `%s` | ", r.names[i]);
        const char *row = strstr(page, start);
        cr_assert_not_null(row, "%s", r.names[i]);
        cr_expect_null(strstr(row + 1, start), "%s twice", r.names[i]);
        const char *cell = row + strlen(start);
        snprintf(type, sizeof(type), "# TYPE %s %.*s", r.names[i], (int)strcspn(cell, " "), cell);
        cr_expect_eq(line_cnt(type), 1, "%s", type);
        uint32_t bars = 0;
        for (const char *at = row + 1; *at != '\n'; at++)
            bars += *at == '|';
        cr_expect_eq(bars, 5, "%s", r.names[i]);
    }
}
