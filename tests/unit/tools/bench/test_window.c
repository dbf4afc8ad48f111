// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/mem/mem.h"
#include "tools/bench/window.h"

enum { SECOND = 1000000000 };

static struct tc_load_conf conf;
static struct tc_load_mark from, to;
static struct tc_load_window w;
static char text[4096];

/* Two seconds, 1000 deliveries, 1 us of the server's time each. */
static void setup(void)
{
    conf = (struct tc_load_conf){
        .conn_cnt = 10, .room_cnt = 1, .follow_cnt = 1, .proc_cnt = 2, .pid_cnt = 1
    };
    memset(&from, 0, sizeof(from));
    memset(&to, 0, sizeof(to));
    from.is_aligned = to.is_aligned = true;
    from.wall_ns = 5;
    to.wall_ns = 2ll * SECOND + 5;
    to.server_ns = 1000000;
    from.sum.deliveries = from.sum.expected = 7;
    to.sum.deliveries = to.sum.expected = 1007;
    to.sum.reads = 100;
    to.own_ns[0] = SECOND / 2;
    to.own_ns[1] = SECOND / 5;
    to.sum.own_ns = SECOND / 2 + SECOND / 5;
}

TestSuite(load_window, .init = setup);

static const char *judged(uint32_t cpu_cnt)
{
    memset(text, 0, sizeof(text));
    tc_load_judge(&w, &conf, &from, &to, cpu_cnt);
    FILE *out = fmemopen(text, sizeof(text) - 1, "w");
    tc_load_print(&w, 1, out);
    fclose(out);
    return text;
}

Test(load_window, a_figure)
{
    /* Goal: a whole window has its figures, as text and as JSON. */
    cr_assert(strstr(judged(2), "1000 deliveries, 500/s, 10.0 a read; server CPU 1.00 us"), "%s",
              text);
    cr_assert(w.is_valid && w.is_complete && w.is_aligned && !w.is_at_least);
    cr_assert(w.busy > 0.2499 && w.busy < 0.2501, "the busiest of two");
    conf.is_json = true;
    judged(2);
    cr_assert(strstr(text, "\"valid\":true") && strstr(text, "\"ns_per_delivery\":1000.0") &&
                  strstr(text, "\"per_s\":500,") && strstr(text, "\"latency_us\":null}"),
              "%s", text);
    conf.pid_cnt = 0;
    cr_assert(strstr(judged(2), "\"ns_per_delivery\":null"));
}

Test(load_window, shared_cores)
{
    /* Goal: workers that share a core are busy when the core is, though each alone is not. */
    to.own_ns[0] = to.own_ns[1] = SECOND;
    to.sum.own_ns = 2ll * SECOND;
    judged(2);
    cr_assert(w.is_valid && w.busy < 0.6);
    judged(1);
    cr_assert(!w.is_valid && w.busy > 0.99);
    cr_assert(strstr(text, "busy") && !strstr(text, "/s,"), "%s", text);
}

Test(load_window, no_figure)
{
    /* Goal: each fault voids the window, says what it is, and leaves no figure in either form. */
    const struct {
        uint64_t *at;
        uint64_t value;
        const char *why;
    } rows[] = {
        { &to.sum.deliveries, 1006, "999 deliveries where 1000 were due" },
        { &to.sum.broken, 1, "something is missing" },
        { &to.sum.notices, 1, "left updates out" },
        { &to.sum.unexpected, 1, "not expected" },
        { &from.sum.deliveries, 1007, "no update came" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        setup();
        *rows[i].at = rows[i].value;
        cr_assert(strstr(judged(2), rows[i].why), "%s", text);
        cr_assert(strstr(text, "no figure") && !strstr(text, " us"), "%s", text);
        conf.is_json = true;
        judged(2);
        cr_assert(strstr(text, "\"valid\":false") && strstr(text, rows[i].why) &&
                      strstr(text, "\"per_s\":null,") && strstr(text, "\"ns_per_delivery\":null"),
                  "%s", text);
    }
    setup();
    to.is_aligned = false;
    cr_assert(strstr(judged(2), "no moment"), "%s", text);
}

Test(load_window, saturated)
{
    /* Goal: a saturated window needs no quiet moment, allows declared loss and says when the
     * generator was the limit; a broken chain voids it too. */
    conf.is_saturated = true;
    from.is_aligned = false;
    to.sum.expected = 99999;
    to.sum.notices = 3;
    to.sum.skipped = 50;
    cr_assert(strstr(judged(2), "50 updates were left out"), "%s", text);
    cr_assert(w.is_valid && !w.is_at_least && !strstr(text, "at least"));
    to.own_ns[0] = 2ll * SECOND;
    cr_assert(strstr(judged(2), "at least 1000 deliveries"), "%s", text);
    cr_assert(w.is_valid && w.is_at_least);
    to.sum.broken = 1;
    judged(2);
    cr_assert_not(w.is_valid);
}

Test(load_window, latency_of_the_window)
{
    /* Goal: only values between the marks count, summed over workers. */
    struct tc_load_slot *slot = tc_alloc(sizeof(*slot));
    tc_hist_record_many(&slot->latency, 9000000, 100);
    tc_load_mark_add(&from, 0, slot);
    tc_hist_record_many(&slot->latency, 1000, 99);
    tc_load_mark_add(&to, 0, slot);
    memset(&slot->latency, 0, sizeof(slot->latency));
    tc_hist_record_many(&slot->latency, 2000000, 1);
    tc_load_mark_add(&to, 1, slot);
    tc_free(slot);
    judged(2);
    cr_assert_eq(tc_hist_cnt(&w.latency), 100);
    uint64_t p50 = tc_hist_percentile_ns(&w.latency, 500000);
    uint64_t max = atomic_load(&w.latency.max_ns);
    cr_assert(p50 > 950 && p50 < 1050);
    cr_assert(max >= 2000000 && max < 2070000);
    cr_assert(strstr(text, "latency p50"), "%s", text);
    to.sum.late = 1; /* another machine's clock */
    cr_assert_not(strstr(judged(2), "latency"), "%s", text);
}
