// SPDX-License-Identifier: Apache-2.0
/* Goal: what dialects are given: every field of updates and notices, for all kinds of events, at
 * the head and on the way there alike. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;
static char event_name[TC_EVENT_NAME_MAX];

static size_t spy_update(const struct tc_update *u, uint8_t *dst)
{
    snprintf(event_name, sizeof(event_name), "%.*s", (int)u->event.len, u->event.ptr);
    return fx_write_update(u, dst);
}

static const struct tc_dialect spy = { "spy", TC_FORM_JSON, spy_update, fx_write_notice };

static void init_with(struct fx *f, const struct tc_dialect *dialect)
{
    struct fx_options o = fx_defaults();
    o.dialect = dialect;
    fx_init(f, &o);
}

/* One event of every kind behind position 1. */
static void put_all(void)
{
    fx_put(&fx, "ticker-A", 2, "");
    fx_put(&fx, "ticker-A", 3, NULL);
    fx_put_gap(&fx, "ticker-A", 0, 4, 7, TC_GAP_OVERSIZE);
    fx_put_gap(&fx, "ticker-A", 0, 8, 8, TC_GAP_POISON);
    fx_put_gap(&fx, "ticker-A", 0, 8, 9, TC_GAP_RETENTION);
    fx_put_many(&fx, "ticker-A", 12, 12);
    fx_put_moved(&fx, "ticker-A", 1);
    fx_put_gap(&fx, "ticker-A", 1, -1, -1, TC_GAP_RECREATED);
}

static const char *const all = "U ticker-A 2 1 1002 live \n"
                               "U ticker-A 3 2 1003 live -\n"
                               "G ticker-A s0/t/0@1 4 7 oversize\n"
                               "G ticker-A s0/t/0@1 8 8 poison\n"
                               "G ticker-A s0/t/0@1 8 9 retention\n"
                               "U ticker-A 12 9 1012 live v12\n"
                               "M ticker-A s0/t/1@1\n"
                               "G ticker-A s0/t/1@1 - - recreated\n";

Test(encode, kinds_at_the_head)
{
    /* Goal: each kind of event as its members at the head get it; gaps are counted by reason. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    fx_run(&fx);
    fx_take(&fx, 0);
    put_all();
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), all);
    const struct tc_fan_stats *s = tc_fan_stats(fx.fan);
    for (uint32_t i = 0; i < TC_GAP_CNT; i++)
        cr_expect_eq(s->gap_cnt[i], 1, "%u", i);
    cr_expect_eq(s->delivery_cnt, 3);
    fx_fini(&fx);
}

Test(encode, kinds_behind)
{
    /* Goal: a member behind gets the same lines. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", false), 0);
    fx_run(&fx);
    fx_take(&fx, 0);
    tc_fan_conn_blocked(fx.fan, 0);
    put_all();
    fx_run(&fx);
    tc_fan_conn_writable(fx.fan, 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), all);
    const struct tc_fan_stats *s = tc_fan_stats(fx.fan);
    for (uint32_t i = 0; i < TC_GAP_CNT; i++)
        cr_expect_eq(s->gap_cnt[i], 1, "%u", i);
    cr_expect_eq(s->delivery_cnt, 3);
    fx_fini(&fx);
}

Test(encode, event_name)
{
    /* Goal: an update is named by the rule of its room, whether it waited for its birth or not. */
    init_with(&fx, &spy);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_run(&fx);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    cr_assert_eq(fx_sub(&fx, 0, "book-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(event_name, "ticker-update");
    fx_put_many(&fx, "book-A", 2, 2);
    fx_run(&fx);
    cr_expect_str_eq(event_name, "book-update");
    fx_fini(&fx);
    init_with(&fx, &spy);
    fx_put_many(&fx, "book-A", 2, 2);
    fx_run(&fx);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "book-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(event_name, "book-update");
    fx_fini(&fx);
}

Test(encode, no_snapshot_of_a_tombstone)
{
    /* Goal: a value that was deleted is not shown, and what came before it neither. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put(&fx, "ticker-A", 2, NULL);
    fx_open(&fx, 0);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 2 A\n");
    fx_fini(&fx);
}

Test(encode, snapshot_before_a_gap)
{
    /* Goal: the newest value is a snapshot although a notice is newer; the notice follows. */
    fx_init(&fx, NULL);
    fx_put_many(&fx, "ticker-A", 1, 1);
    fx_put_gap(&fx, "ticker-A", 0, 4, 5, TC_GAP_POISON);
    fx_open(&fx, 0);
    fx_open(&fx, 1);
    cr_assert_eq(fx_sub(&fx, 0, "ticker-A", true), 0);
    cr_assert_eq(fx_sub(&fx, 1, "ticker-A", false), 0);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "C ticker-A - s0/t/0@1 1 A\nU ticker-A 1 - 1001 snap v1\n"
                                      "G ticker-A s0/t/0@1 4 5 poison\n");
    cr_expect_str_eq(fx_take(&fx, 1), "C ticker-A - s0/t/0@1 5 A\n");
    fx_fini(&fx);
}
