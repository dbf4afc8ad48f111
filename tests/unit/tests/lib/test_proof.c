// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/proof.h"

#include <criterion/criterion.h>
#include <string.h>

static struct tc_journal journal;
static struct tc_proof_sums sums;

static const char *feed(struct tc_proof *c, const char *json)
{
    struct tc_scan s;
    cr_assert_eq(tc_scan_message(json, strlen(json), &s), 0, "%s", json);
    return tc_proof_feed(c, &journal, &sums, &s, 0);
}

static struct tc_proof begin(bool wants_snapshot, const char *confirmation)
{
    struct tc_proof c = { .last = TC_SCAN_NULL, .base = TC_SCAN_NULL };
    memset(&sums, 0, sizeof sums);
    tc_journal_init(&journal, NULL, 1000);
    tc_proof_ask(&c, wants_snapshot, false);
    cr_assert_null(feed(&c, confirmation));
    return c;
}

#define CONFIRMED(pos) "{\"event\":\"subscription-confirmed\",\"log\":\"s/t/0@a\",\"pos\":" pos "}"
#define UPDATE(pos, prev)                                                                          \
    "{\"event\":\"x-update\",\"room\":\"r\",\"pos\":" pos ",\"prev\":" prev ",\"data\":1}"
#define SNAPSHOT(pos)                                                                              \
    "{\"event\":\"x-update\",\"room\":\"r\",\"pos\":" pos                                          \
    ",\"prev\":0,\"snapshot\":true,\"data\":1}"

Test(chain, unbroken)
{
    // Goal: snapshot and updates whose prev does not pass the last position are right.
    struct tc_proof c = begin(true, CONFIRMED("5"));
    cr_assert_null(feed(&c, SNAPSHOT("5")));
    cr_assert_null(feed(&c, UPDATE("7", "5")));
    cr_assert_null(feed(&c, UPDATE("9", "6"))); /* compaction has made prev smaller */
    cr_assert_eq(c.last, 9);
    cr_assert_eq(c.cnt, 2);
}

Test(chain, broken_duplicate_reordered)
{
    // Goal: a hole, a second copy and an older position are each told.
    struct tc_proof c = begin(false, CONFIRMED("5"));
    cr_assert_not_null(feed(&c, UPDATE("9", "7")));
    cr_assert_null(feed(&c, UPDATE("10", "9"))); /* told once */
    cr_assert_str_eq(feed(&c, UPDATE("10", "9")), "duplicate");
    cr_assert_str_eq(feed(&c, UPDATE("8", "5")), "out of order");
    cr_assert_not_null(feed(&c, SNAPSHOT("10")));
}

Test(chain, holes_that_are_declared)
{
    // Goal: conflated, gap and moved move the last position; a false conflated is told.
    struct tc_proof c = begin(false, CONFIRMED("5"));
    cr_assert_null(feed(&c, "{\"event\":\"conflated\",\"from\":5,\"to\":20,\"skipped\":4}"));
    cr_assert_null(feed(&c, UPDATE("21", "20")));
    cr_assert_not_null(feed(&c, "{\"event\":\"conflated\",\"from\":20,\"to\":30,\"skipped\":4}"));
    c.last = 30;
    cr_assert_null(feed(&c, "{\"event\":\"gap\",\"from\":30,\"to\":40,\"reason\":\"poison\"}"));
    cr_assert_null(feed(&c, UPDATE("41", "39")));
    cr_assert_null(feed(&c, "{\"event\":\"moved\",\"log\":\"s/t/1@a\",\"pos\":null}"));
    cr_assert_null(feed(&c, UPDATE("0", "null")));
}

Test(chain, resume)
{
    // Goal: a recovery owes the updates it announced; after cannot-recover a snapshot is the base.
    struct tc_proof c = begin(false, CONFIRMED("5"));
    cr_assert_null(feed(&c, UPDATE("6", "5")));
    tc_proof_close(&c, &journal, false);
    cr_assert_not_null(feed(&c, UPDATE("7", "6")));
    tc_proof_ask(&c, false, true);
    cr_assert_null(feed(&c, CONFIRMED("9")));
    cr_assert_null(feed(&c, "{\"event\":\"recovered\",\"from\":6,\"to\":9,\"count\":3}"));
    cr_assert_null(feed(&c, UPDATE("7", "6")));
    cr_assert_null(feed(&c, UPDATE("9", "7")));
    cr_assert_not_null(feed(&c, UPDATE("10", "9"))); /* one of the three is missing */
    tc_proof_close(&c, &journal, false);
    tc_proof_ask(&c, false, true);
    cr_assert_null(feed(&c, CONFIRMED("90")));
    cr_assert_null(
        feed(&c, "{\"event\":\"cannot-recover\",\"from\":9,\"to\":89,\"reason\":\"x\"}"));
    cr_assert_null(feed(&c, SNAPSHOT("90")));
    cr_assert_null(feed(&c, UPDATE("91", "90")));
}
