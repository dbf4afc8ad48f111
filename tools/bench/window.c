// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/window.h"

#include <inttypes.h>
#include <stdarg.h>

static void add_hist(struct tc_hist *to, const struct tc_hist *from, bool is_minus)
{
    uint64_t top = 0;
    for (uint32_t i = 0; i < TC_HIST_BUCKET_CNT; i++) {
        uint64_t cnt = atomic_load_explicit(&from->buckets[i], memory_order_relaxed);
        uint64_t sum = atomic_load_explicit(&to->buckets[i], memory_order_relaxed);
        sum = is_minus ? sum - cnt : sum + cnt;
        atomic_store_explicit(&to->buckets[i], sum, memory_order_relaxed);
        if (sum > 0)
            top = tc_hist_bucket_top_ns(i);
    }
    /* of a difference the greatest value is known as its bucket only */
    atomic_store_explicit(&to->max_ns, top, memory_order_relaxed);
}

void tc_load_mark_add(struct tc_load_mark *mark, uint32_t proc_idx, const struct tc_load_slot *slot)
{
    const struct tc_load_counts *c = &slot->counts;
    struct tc_load_counts *sum = &mark->sum;
    mark->own_ns[proc_idx] = c->own_ns;
    sum->own_ns += c->own_ns;
    sum->deliveries += c->deliveries;
    sum->reads += c->reads;
    sum->bytes += c->bytes;
    sum->expected += c->expected;
    sum->broken += c->broken;
    sum->unexpected += c->unexpected;
    sum->notices += c->notices;
    sum->skipped += c->skipped;
    sum->churned += c->churned;
    sum->late += c->late;
    add_hist(&mark->latency, &slot->latency, false);
}

void tc_load_judge(struct tc_load_window *w, const struct tc_load_conf *conf,
                   const struct tc_load_mark *from, const struct tc_load_mark *to, uint32_t cpu_cnt)
{
    const struct tc_load_counts *a = &from->sum;
    const struct tc_load_counts *b = &to->sum;
    int64_t wall_ns = to->wall_ns - from->wall_ns;
    int64_t busiest_ns = 0;
    memset(w, 0, sizeof(*w));
    w->conf = conf;
    w->sum.deliveries = b->deliveries - a->deliveries;
    w->sum.reads = b->reads - a->reads;
    w->sum.bytes = b->bytes - a->bytes;
    w->sum.expected = b->expected - a->expected;
    w->sum.churned = b->churned - a->churned;
    w->sum.skipped = b->skipped - a->skipped;
    w->sum.late = b->late - a->late;
    /* a fault is one whenever it was */
    w->sum.broken = b->broken;
    w->sum.unexpected = b->unexpected;
    w->sum.notices = conf->is_saturated ? b->notices - a->notices : b->notices;
    w->wall_s = (double)wall_ns * 1e-9;
    w->server_s = (double)(to->server_ns - from->server_ns) * 1e-9;
    for (uint64_t i = 0; i < conf->proc_cnt; i++)
        busiest_ns = TC_MAX(busiest_ns, to->own_ns[i] - from->own_ns[i]);
    if (wall_ns > 0) {
        double shared = (double)(b->own_ns - a->own_ns) / cpu_cnt;
        w->busy = TC_MAX((double)busiest_ns, shared) / (double)wall_ns;
    }
    w->latency = to->latency;
    add_hist(&w->latency, &from->latency, true);
    w->is_aligned = conf->is_saturated || (from->is_aligned && to->is_aligned);
    w->is_complete = conf->is_saturated || w->sum.deliveries == w->sum.expected;
    w->is_at_least = conf->is_saturated && w->busy >= TC_LOAD_BUSY_MAX;
    w->is_valid = w->is_aligned && w->is_complete && w->sum.deliveries > 0 && wall_ns > 0 &&
                  w->sum.broken == 0 && w->sum.unexpected == 0 &&
                  (conf->is_saturated || (w->sum.notices == 0 && w->busy < TC_LOAD_BUSY_MAX));
}

/* ---- words ---- */

struct words {
    char *out;
    size_t len, cap;
};

static void say(struct words *words, const char *fmt, ...) TC_PRINTF(2, 3);

static void say(struct words *words, const char *fmt, ...)
{
    va_list args;
    words->len += words->len > 0 ? (size_t)snprintf(words->out + words->len, 3, "; ") : 0;
    va_start(args, fmt);
    int n = vsnprintf(words->out + words->len, words->cap - words->len, fmt, args);
    va_end(args);
    TC_ASSERT(n > 0 && words->len + (size_t)n + 2 < words->cap);
    words->len += (size_t)n;
}

size_t tc_load_why(const struct tc_load_window *w, char *out, size_t cap)
{
    struct words words = { out, 0, cap };
    const struct tc_load_counts *s = &w->sum;
    out[0] = '\0';
    if (w->is_valid)
        return 0;
    if (s->broken > 0)
        say(&words, "%" PRIu64 " updates do not follow on the one before: something is missing",
            s->broken);
    if (s->notices > 0 && !w->conf->is_saturated)
        say(&words, "the server left updates out (%" PRIu64 " notices)", s->notices);
    if (!w->is_complete)
        say(&words, "%" PRIu64 " deliveries where %" PRIu64 " were due", s->deliveries,
            s->expected);
    if (s->unexpected > 0)
        say(&words, "%" PRIu64 " messages that were not expected", s->unexpected);
    if (s->deliveries == 0)
        say(&words, "no update came");
    else if (!w->is_aligned)
        say(&words, "no moment at which all connections had seen the same: the server does not "
                    "keep up, or see --saturate");
    if (w->busy >= TC_LOAD_BUSY_MAX && !w->conf->is_saturated)
        say(&words, "the generator was %.0f %% busy: fewer connections, or a lower rate",
            w->busy * 100);
    return words.len;
}

static double of(uint64_t part, double whole)
{
    return whole > 0 ? (double)part / whole : 0;
}

/* A number of JSON, or null. */
static void print_number(FILE *out, const char *name, bool is_there, double value, int digits)
{
    if (is_there)
        fprintf(out, "\"%s\":%.*f,", name, digits, value);
    else
        fprintf(out, "\"%s\":null,", name);
}

static double at_us(const struct tc_load_window *w, uint32_t ppm)
{
    return (double)tc_hist_percentile_ns(&w->latency, ppm) / 1e3;
}

static double max_us(const struct tc_load_window *w)
{
    return (double)atomic_load_explicit(&w->latency.max_ns, memory_order_relaxed) / 1e3;
}

/* Intended times in the payloads, by the clock of this machine. A saturated server has none. */
static bool has_latency(const struct tc_load_window *w)
{
    return w->is_valid && !w->conf->is_saturated && w->sum.late == 0 &&
           tc_hist_cnt(&w->latency) > 0;
}

static void print_latency_json(const struct tc_load_window *w, FILE *out)
{
    if (!has_latency(w)) {
        fputs("\"latency_us\":null}\n", out);
        return;
    }
    fprintf(
        out,
        "\"latency_us\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"count\":%" PRIu64
        "}}\n",
        at_us(w, 500000), at_us(w, 990000), at_us(w, 999000), max_us(w), tc_hist_cnt(&w->latency));
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void print_json(const struct tc_load_window *w, FILE *out)
{
    const struct tc_load_conf *conf = w->conf;
    const struct tc_load_counts *s = &w->sum;
    char why[1024];
    double deliveries = (double)s->deliveries;
    bool has_cpu = w->is_valid && conf->pid_cnt > 0;
    tc_load_why(w, why, sizeof(why));
    fprintf(out,
            "{\"valid\":%s,\"aligned\":%s,\"complete\":%s,\"at_least\":%s,\"broken\":%" PRIu64
            ",\"unexpected\":%" PRIu64 ",\"notices\":%" PRIu64 ",\"skipped\":%" PRIu64
            ",\"why\":\"%s\",\"conns\":%" PRIu64 ",\"slow\":%" PRIu64 ",\"rooms\":%" PRIu64
            ",\"follow\":%" PRIu64 ",\"procs\":%" PRIu64 ",\"wall_s\":%.3f,\"deliveries\":%" PRIu64
            ",\"busy\":%.3f,\"server_cpu_s\":%.4f,",
            truth(w->is_valid), truth(w->is_aligned), truth(w->is_complete), truth(w->is_at_least),
            s->broken, s->unexpected, s->notices, s->skipped, why, conf->conn_cnt, conf->slow_cnt,
            conf->room_cnt, conf->follow_cnt, conf->proc_cnt, w->wall_s, s->deliveries, w->busy,
            w->server_s);
    print_number(out, "expected", !conf->is_saturated, (double)s->expected, 0);
    print_number(out, "per_s", w->is_valid, of(s->deliveries, w->wall_s), 0);
    print_number(out, "bytes_per_delivery", w->is_valid, of(s->bytes, deliveries), 1);
    print_number(out, "per_read", w->is_valid, of(s->deliveries, (double)s->reads), 2);
    print_number(out, "churn_per_s", w->is_valid, of(s->churned, w->wall_s), 0);
    print_number(out, "ns_per_delivery", has_cpu, w->server_s * 1e9 / TC_MAX(deliveries, 1.0), 1);
    print_latency_json(w, out);
}

/* A span in the unit that suits it. */
static void print_span(FILE *out, const char *before, double ns)
{
    if (ns < 1e3)
        fprintf(out, "%s%.0f ns", before, ns);
    else if (ns < 1e6)
        fprintf(out, "%s%.2f us", before, ns / 1e3);
    else
        fprintf(out, "%s%.2f ms", before, ns / 1e6);
}

static void print_text(const struct tc_load_window *w, uint64_t idx, FILE *out)
{
    const struct tc_load_counts *s = &w->sum;
    char why[1024];
    fprintf(out, "window %" PRIu64 ": ", idx);
    if (tc_load_why(w, why, sizeof(why)) > 0) {
        fprintf(out, "no figure: %s\n", why);
        return;
    }
    fprintf(out, "%.2f s, %s%" PRIu64 " deliveries, %.0f/s, %.1f a read; ", w->wall_s,
            w->is_at_least ? "at least " : "", s->deliveries, of(s->deliveries, w->wall_s),
            of(s->deliveries, (double)s->reads));
    if (w->conf->pid_cnt > 0)
        print_span(out, "server CPU ", w->server_s * 1e9 / (double)s->deliveries);
    if (w->conf->pid_cnt > 0)
        fprintf(out, " a delivery, %.0f %% of a core; ", w->server_s / w->wall_s * 100);
    if (has_latency(w)) {
        print_span(out, "latency p50 ", at_us(w, 500000) * 1e3);
        print_span(out, ", p99 ", at_us(w, 990000) * 1e3);
        print_span(out, ", p99.9 ", at_us(w, 999000) * 1e3);
        print_span(out, ", max ", max_us(w) * 1e3);
        fputs("; ", out);
    }
    if (s->notices > 0)
        fprintf(out, "%" PRIu64 " updates were left out, and said so; ", s->skipped);
    if (w->conf->churn_per_s > 0)
        fprintf(out, "%.0f commands/s of the connections that come and go; ",
                of(s->churned, w->wall_s));
    fprintf(out, "generator %.0f %% busy\n", w->busy * 100);
}

void tc_load_print(const struct tc_load_window *w, uint64_t idx, FILE *out)
{
    if (w->conf->is_json)
        print_json(w, out);
    else
        print_text(w, idx, out);
    fflush(out);
}
