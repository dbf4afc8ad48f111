// SPDX-License-Identifier: Apache-2.0
/* Goal: payloads of a declared type reach each dialect in the form that it wants, converted once
 * for all of a room; everything else is left as it is. */
#include "tests/unit/core/fanout/fixture.h"

static struct fx fx;
static uint32_t convert_cnt;

/* "x" is "P<x>" as protobuf and "J<x>" as JSON; "full" is as long as payloads may be. */
static int64_t convert(void *ctx, const struct tc_rule *rule, enum tc_form to,
                       struct tc_str payload, uint8_t *out, uint32_t cap)
{
    convert_cnt++;
    cr_assert_null(ctx);
    cr_assert(rule->message && rule->form != to);
    if (tc_str_eq(payload, TC_STR("full"))) {
        memset(out, 'f', cap);
        return cap;
    }
    return snprintf((char *)out, cap, "%c<%.*s>", to == TC_FORM_JSON ? 'J' : 'P', (int)payload.len,
                    payload.ptr);
}

/* Tickers are of a type, in that form; books are not. Connection 0 wants JSON, 1 protobuf. */
static void init(enum tc_form form)
{
    struct fx_options o = fx_defaults();
    o.dialect_cnt = 2;
    o.convert = convert;
    fx_init(&fx, &o);
    fx.rules.rules[0].message = (const struct tc_pb_message *)(const void *)"ours";
    fx.rules.rules[0].form = form;
    convert_cnt = 0;
}

static void join(uint32_t conn, const char *room, bool is_snapshot)
{
    if (!fx.conns[conn].is_open)
        fx_open(&fx, conn);
    cr_assert_eq(fx_sub(&fx, conn, room, is_snapshot), 0);
    fx_run(&fx);
}

Test(types, each_dialect_in_its_form)
{
    /* Goal: whichever form the topic has, one dialect gets it as it is and the other converted. */
    init(TC_FORM_JSON);
    join(0, "ticker-A", false);
    join(1, "ticker-A", false);
    fx_take(&fx, 0);
    fx_take(&fx, 1);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0), "U ticker-A 1 - 1001 live v1\nU ticker-A 2 1 1002 live v2\n");
    cr_expect_str_eq(fx_take(&fx, 1),
                     "2U ticker-A 1 - 1001 live P<v1>\n2U ticker-A 2 1 1002 live P<v2>\n");
    fx_fini(&fx);
    init(TC_FORM_PROTOBUF);
    join(0, "ticker-A", false);
    join(1, "ticker-A", false);
    fx_take(&fx, 0);
    fx_take(&fx, 1);
    fx_put_many(&fx, "ticker-A", 1, 2);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 0),
                     "U ticker-A 1 - 1001 live J<v1>\nU ticker-A 2 1 1002 live J<v2>\n");
    cr_expect_str_eq(fx_take(&fx, 1),
                     "2U ticker-A 1 - 1001 live v1\n2U ticker-A 2 1 1002 live v2\n");
    fx_fini(&fx);
}

Test(types, once_for_all)
{
    /* Goal: three members at the head cost one conversion an event; none costs none. */
    init(TC_FORM_JSON);
    join(0, "ticker-A", false);
    fx_put_many(&fx, "ticker-A", 1, 10);
    fx_run(&fx);
    cr_assert_eq(convert_cnt, 0);
    for (uint32_t conn = 1; conn < 6; conn += 2)
        join(conn, "ticker-A", false);
    fx_put_many(&fx, "ticker-A", 11, 20);
    fx_run(&fx);
    cr_assert_eq(convert_cnt, 10);
    for (uint32_t conn = 1; conn < 6; conn += 2)
        cr_assert_not_null(strstr(fx_take(&fx, conn), "2U ticker-A 20 19 1020 live P<v20>\n"));
    fx_fini(&fx);
}

Test(types, snapshot_and_behind)
{
    /* Goal: a snapshot, and what a member behind reads for itself, are converted as well. */
    init(TC_FORM_JSON);
    fx_put_many(&fx, "ticker-A", 1, 3);
    fx_run(&fx);
    join(1, "ticker-A", true);
    cr_expect_str_eq(fx_take(&fx, 1), "2C ticker-A - s0/t/0@1 3 A\n"
                                      "2U ticker-A 3 2 1003 snap P<v3>\n");
    tc_fan_conn_blocked(fx.fan, 1);
    fx_put_many(&fx, "ticker-A", 4, 5);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 1), "");
    tc_fan_conn_writable(fx.fan, 1);
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 1),
                     "2U ticker-A 4 3 1004 live P<v4>\n2U ticker-A 5 4 1005 live P<v5>\n");
    fx_fini(&fx);
}

Test(types, what_is_not_converted)
{
    /* Goal: tombstones, gaps, and rooms of topics without a type stay what they are. */
    init(TC_FORM_JSON);
    join(1, "ticker-A", false);
    join(1, "book-A", false);
    fx_take(&fx, 1);
    fx_put(&fx, "ticker-A", 1, NULL);
    fx_put_gap(&fx, "ticker-A", 0, 1, 2, TC_GAP_POISON);
    fx_put(&fx, "book-A", 3, "b");
    fx_run(&fx);
    cr_expect_str_eq(fx_take(&fx, 1), "2U ticker-A 1 - 1001 live -\n"
                                      "2G ticker-A s0/t/0@1 1 2 poison\n"
                                      "2U book-A 3 - 1003 live b\n");
    cr_expect_eq(convert_cnt, 0);
    fx_fini(&fx);
}

Test(types, lookup)
{
    /* Goal: the newest value comes in the form that is asked for. */
    struct tc_fan_value value;
    init(TC_FORM_JSON);
    fx_put_many(&fx, "ticker-A", 1, 3);
    fx_run(&fx);
    cr_assert_eq(tc_fan_newest(fx.fan, TC_STR("ticker-A"), TC_FORM_JSON, &value), TC_OK);
    cr_assert(value.update.len == 2 && memcmp(value.update.payload, "v3", 2) == 0);
    cr_assert_eq(tc_fan_newest(fx.fan, TC_STR("ticker-A"), TC_FORM_PROTOBUF, &value), TC_OK);
    cr_assert(value.update.len == 5 && memcmp(value.update.payload, "P<v3>", 5) == 0);
    fx_fini(&fx);
}

Test(types, as_long_as_may_be)
{
    /* Goal: payloads that grow to the limit in the other form all arrive, however many come at
     * once.
     */
    enum { EVENTS = 900 };
    init(TC_FORM_JSON);
    join(1, "ticker-A", false);
    fx_take(&fx, 1);
    for (int64_t pos = 1; pos <= EVENTS; pos++)
        fx_put(&fx, "ticker-A", pos, "full");
    fx_run(&fx);
    const char *at = fx_take(&fx, 1);
    for (int64_t pos = 1; pos <= EVENTS; pos++) {
        size_t line = strcspn(at, "\n");
        const char *payload = memchr(at, 'f', line);
        cr_assert_eq((int64_t)strtoll(at + strlen("2U ticker-A "), NULL, 10), pos);
        cr_assert(payload && (size_t)(at + line - payload) == fx.options.payload_max);
        at += line + 1;
    }
    cr_assert_eq(*at, '\0');
    cr_assert_eq(convert_cnt, EVENTS);
    fx_fini(&fx);
}
