// SPDX-License-Identifier: Apache-2.0
/* Goal: what the admin port says is well-formed, complete, and true: metrics, health, readiness. */
#include "io/engine/status.h"

#include "io/net/close.h"
#include "tests/unit/io/engine/fixture.h"

static struct fx fx;
static struct tc_metric_worker workers[2];
static struct tc_metric_process process;
static char answer[TC_ADMIN_BODY_BYTES + 1];
static struct tc_admin_out out;

static struct tc_ingest *const ingests[] = { &fx.ingest };
static const struct tc_metric_worker *const worker_list[] = { &workers[0], &workers[1] };
static const struct tc_metric_ingest *const ingest_list[] = { &fx.metric };
static struct tc_status status = {
    .conf = &fx.conf,
    .ingests = ingests,
    .ingest_cnt = 1,
    .workers = worker_list,
    .worker_cnt = 2,
    .ingest_metrics = ingest_list,
    .process = &process,
    .version = "1.2.3",
};

static void setup(void)
{
    workers[1].worker = 1;
}

static void teardown(void)
{
    fx_fini(&fx);
}

TestSuite(status, .init = setup, .fini = teardown);

/* The answer's status; its text is in answer. */
static int get(const char *path)
{
    out = (struct tc_admin_out){ .bytes = answer, .max = sizeof(answer) - 1 };
    int code = tc_status_get(&status, tc_str_from(path), &out);
    cr_assert_not(out.is_cut);
    answer[out.len] = '\0';
    return code;
}

static bool has(const char *line)
{
    return strstr(answer, line) != NULL;
}

/* ---- Prometheus text format 0.0.4 ---- */

static size_t name_len(const char *p)
{
    return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
}

/* Behind the labels {name="text",…}, NULL if they are malformed. */
static const char *skip_labels(const char *p)
{
    do {
        p++;
        size_t len = name_len(p);
        if (len == 0 || p[len] != '=' || p[len + 1] != '"')
            return NULL;
        for (p += len + 2; *p && *p != '"' && *p != '\n'; p++) {
            if (*p == '\\' && !strchr("\\\"n", *++p))
                return NULL;
        }
        if (*p++ != '"')
            return NULL;
    } while (*p == ',');
    return *p == '}' ? p + 1 : NULL;
}

/* A sample of the metric that the last TYPE line told of. */
static bool is_sample(const char *p, const char *metric, const char *type)
{
    char *end = NULL;
    size_t len = name_len(p);
    size_t metric_len = strlen(metric);
    const char *suffix = p + metric_len;
    if (len < metric_len || strncmp(p, metric, metric_len) != 0)
        return false;
    if (strcmp(type, "histogram") == 0) {
        size_t suffix_len = len - metric_len;
        if (!(suffix_len == 7 && strncmp(suffix, "_bucket", 7) == 0) &&
            !(suffix_len == 4 && strncmp(suffix, "_sum", 4) == 0) &&
            !(suffix_len == 6 && strncmp(suffix, "_count", 6) == 0))
            return false;
    } else if (len != metric_len) {
        return false;
    }
    p += len;
    if (*p == '{')
        p = skip_labels(p);
    if (!p || *p != ' ')
        return false;
    strtod(p + 1, &end);
    return end > p + 1 && *end == '\0';
}

/* Every line, with HELP and TYPE before each metric's samples. Returns the metrics. */
static uint32_t parse(void)
{
    static char text[sizeof(answer)];
    char *rest = text;
    char metric[128] = "";
    char type[16] = "";
    uint32_t cnt = 0;
    memcpy(text, answer, out.len + 1);
    cr_assert(out.len > 0 && text[out.len - 1] == '\n');
    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(metric, sizeof(metric), "%.*s", (int)name_len(line + 7), line + 7);
            type[0] = '\0';
            cr_assert(strchr(line + 7, ' ') && strchr(line + 7, ' ')[1], "%s", line);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            size_t len = strlen(metric);
            cr_assert(strncmp(line + 7, metric, len) == 0 && line[7 + len] == ' ', "%s", line);
            snprintf(type, sizeof(type), "%s", line + 8 + len);
            cr_assert(!strcmp(type, "counter") || !strcmp(type, "gauge") ||
                          !strcmp(type, "histogram"),
                      "%s", line);
            cnt++;
        } else {
            cr_assert(type[0] && is_sample(line, metric, type), "%s: %s", metric, line);
        }
    }
    return cnt;
}

/* A TYPE line and at least one sample. */
static void expect_row(const char *name)
{
    char line[160];
    snprintf(line, sizeof(line), "# TYPE tickcast_%s ", name);
    cr_expect(has(line), "%s", name);
    snprintf(line, sizeof(line), "\ntickcast_%s", name);
    cr_expect(has(line), "%s has no sample", name);
}

Test(status, metrics_are_prometheus_text)
{
    /* Goal: every line of /metrics parses, and every row of the table is there with a sample. */
    static const char *const names[] = {
#define X(field, name, ...) name,
        TC_METRIC_WORKER_TABLE(X) TC_METRIC_WORKER_ARRAYS(X) TC_METRIC_WORKER_HISTS(X)
            TC_METRIC_INGEST_TABLE(X) TC_METRIC_PROCESS_TABLE(X) TC_METRIC_PULLED_TABLE(X)
#undef X
    };
    fx_start(&fx);
    tc_hist_record(&workers[0].turn, 12345);
    cr_assert_eq(get("/metrics"), 200);
    cr_assert_eq(strncmp(out.type, "text/plain; version=0.0.4", 25), 0);
    cr_assert_eq(parse(), TC_ARRAY_CNT(names) + 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(names); i++)
        expect_row(names[i]);
    cr_expect(has("tickcast_build_info{version=\"1.2.3\"} 1\n"));
}

Test(status, metrics_are_true)
{
    /* Goal: counters of all agents with their labels; every reason of a gap and of a close. */
    fx_start(&fx);
    tc_count_set(&workers[0].connections, 3);
    tc_count_set(&workers[1].connections, 4);
    tc_count_set(&workers[0].commands, 5);
    tc_count_set(&workers[1].commands, 6);
    tc_count_set(&workers[1].gaps[TC_GAP_RECREATED], 7);
    tc_count_set(&workers[1].closes[TC_CLOSE_INTERNAL], 8);
    tc_count_set(&process.start_time_ms, 1723075200123);
    sc_record(&fx, 0, 1, 1, "A", "1");
    fx_turn(&fx);
    get("/metrics");
    cr_expect(has("tickcast_connections{worker=\"0\"} 3\ntickcast_connections{worker=\"1\"} 4\n"));
    cr_expect(has("\ntickcast_commands_total 11\n"));
    cr_expect(has("\ntickcast_gaps_total{reason=\"oversize\"} 0\n"));
    cr_expect(has("\ntickcast_gaps_total{reason=\"recreated\"} 7\n"));
    cr_expect(has("\ntickcast_closes_total{reason=\"internal\"} 8\n"));
    cr_expect(has("\ntickcast_events_total{source=\"main\"} 1\n"));
    cr_expect(has("\ntickcast_start_time_seconds 1723075200.123\n"));
    cr_expect_eq(fx_count(answer, "\ntickcast_gaps_total{"), TC_GAP_CNT);
    cr_expect_eq(fx_count(answer, "\ntickcast_closes_total{"), TC_CLOSE_CNT);
}

Test(status, logs)
{
    /* Goal: lag and staleness of each log by its name; an unknown end is no lag; a log that another
     * one has replaced is gone. */
    fx_start(&fx);
    sc_log(&fx, 2, "main/ticks/0@b", 0, 0);
    sc_progress(&fx, 2, 10, 25, false);
    sc_progress(&fx, 1, 10, -1, false);
    sc_stale(&fx, 1, 5);
    fx_turn(&fx);
    get("/metrics");
    cr_expect(has("\ntickcast_log_lag_positions{log=\"main/ticks/0@b\"} 15\n"));
    cr_expect(has("\ntickcast_log_lag_positions{log=\"main/quotes/0@a\"} 0\n"));
    cr_expect(has("\ntickcast_log_stale{log=\"main/ticks/0@b\"} 0\n"));
    cr_expect(has("\ntickcast_log_stale{log=\"main/quotes/0@a\"} 1\n"));
    cr_expect_not(has("main/ticks/0@a"));
}

Test(status, readyz)
{
    /* Goal: 503 until every log was read to its end once; 200 then, and as well if the source is
     * known to be away; 503 again in a drain. */
    fx_init(&fx);
    cr_assert_eq(get("/readyz"), 503);
    cr_assert_str_eq(out.type, "application/json");
    cr_assert_str_eq(answer, "{\"status\":\"warming-up\",\"sources\":[{\"name\":\"main\","
                             "\"state\":\"warming-up\",\"text\":\"\"}]}\n");
    sc_log(&fx, 0, "main/ticks/0@a", 0, TC_NONE);
    sc_ready(&fx, TC_SOURCE_FINE, "");
    fx_turn(&fx);
    cr_assert_eq(get("/readyz"), 503, "its end was not seen");
    cr_assert_not(tc_status_is_ready(&status));
    sc_progress(&fx, 0, 0, 0, true);
    fx_turn(&fx);
    cr_assert_eq(get("/readyz"), 200);
    cr_assert(has("{\"status\":\"ready\"") && has("\"state\":\"ready\""), "%s", answer);
    cr_assert(tc_status_is_ready(&status));
    atomic_store(&status.is_draining, true);
    cr_assert_eq(get("/readyz"), 503);
    cr_assert(has("{\"status\":\"draining\""), "%s", answer);
    cr_assert_not(tc_status_is_ready(&status));
}

Test(status, readyz_away)
{
    /* Goal: a source that cannot be reached does not hold the node back, warm or not, and says why,
     * in JSON whatever the library's text holds. */
    fx_init(&fx);
    fx.source.stats.state = TC_SOURCE_AWAY;
    snprintf(fx.source.stats.text, sizeof(fx.source.stats.text), "no \"broker\"\n");
    cr_assert_eq(get("/readyz"), 200);
    cr_assert_str_eq(answer, "{\"status\":\"ready\",\"sources\":[{\"name\":\"main\","
                             "\"state\":\"away\",\"text\":\"no \\\"broker\\\"\\n\"}]}\n");
    sc_ready(&fx, TC_SOURCE_FINE, "");
    fx_turn(&fx);
    cr_assert_eq(get("/readyz"), 200);
    cr_assert(has("\"state\":\"away\""), "%s", answer);
    memset(fx.source.stats.text, 1, sizeof(fx.source.stats.text) - 1);
    cr_assert_eq(get("/readyz"), 200);
    cr_assert_eq(fx_count(answer, "\\u0001"), sizeof(fx.source.stats.text) - 1);
}

Test(status, readyz_incomplete)
{
    /* Goal: a topic that was never there holds the node back, by name; one that is gone or without
     * a leader does not. */
    fx_init(&fx);
    sc_log(&fx, 0, "main/ticks/0@a", 0, TC_NONE);
    sc_ready(&fx, TC_SOURCE_INCOMPLETE, "");
    sc_progress(&fx, 0, 0, 0, true);
    fx_turn(&fx);
    fx.source.stats.state = TC_SOURCE_INCOMPLETE;
    snprintf(fx.source.stats.text, sizeof(fx.source.stats.text), "topic x does not exist");
    cr_assert_eq(get("/readyz"), 503);
    cr_assert_str_eq(answer, "{\"status\":\"incomplete\",\"sources\":[{\"name\":\"main\","
                             "\"state\":\"incomplete\",\"text\":\"topic x does not exist\"}]}\n");
    fx.source.stats.state = TC_SOURCE_TROUBLED;
    cr_assert_eq(get("/readyz"), 200);
    cr_assert(has("{\"status\":\"ready\"") && has("\"state\":\"troubled\""), "%s", answer);
}

Test(status, other_paths)
{
    /* Goal: /healthz is always well; there is nothing else. */
    fx_init(&fx);
    cr_assert_eq(get("/healthz"), 200);
    cr_assert_str_eq(answer, "ok\n");
    static const char *const paths[] = { "/", "", "/metrics/", "/metric", "/readyz2", "/health" };
    for (size_t i = 0; i < TC_ARRAY_CNT(paths); i++) {
        cr_expect_eq(get(paths[i]), 404, "%s", paths[i]);
        cr_expect_eq(out.len, 0, "%s", paths[i]);
    }
}
