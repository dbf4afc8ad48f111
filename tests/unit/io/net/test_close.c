// SPDX-License-Identifier: Apache-2.0
/* Goal: the table of reasons can be sent, logged and counted as it is. */
#include "io/net/close.h"

#include <criterion/criterion.h>

#include "core/obs/metric.h"
#include "proto/http1/http1.h"
#include "proto/ws/frame.h"

Test(close, rows_can_be_sent)
{
    /* Goal: each WebSocket code may stand in a close frame and its text fits uncut; each HTTP
     * status is one that we have words for; a metric has a place for each reason. */
    for (size_t i = 0; i < TC_CLOSE_CNT; i++) {
        const struct tc_close_row *row = &tc_closes[i];
        cr_expect(row->ws_code == 0 || tc_ws_close_is_valid(row->ws_code), "%s", row->code);
        cr_expect_leq(strlen(row->text), TC_WS_REASON_MAX, "%s", row->code);
        cr_expect_gt(strlen(row->text), 0, "%s", row->code);
        cr_expect(row->http_status == 0 ||
                      strcmp(tc_http1_reason(row->http_status), "Unknown") != 0,
                  "%s", row->code);
    }
    cr_assert_leq((int)TC_CLOSE_CNT, (int)TC_METRIC_CLOSES_MAX);
}

Test(close, codes_are_labels)
{
    /* Goal: codes differ, and need no escape in a metric's label or in JSON. */
    for (size_t i = 0; i < TC_CLOSE_CNT; i++) {
        const char *code = tc_closes[i].code;
        cr_expect_eq(strspn(code, "abcdefghijklmnopqrstuvwxyz-"), strlen(code), "%s", code);
        cr_expect_gt(strlen(code), 0, "row %zu", i);
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(code, tc_closes[j].code);
    }
}

Test(close, faults_of_a_peer)
{
    /* Goal: what proto/ws/frame finds has its own reason that sends the same code; the reason for
     * 1008 is not the one of the rate limit; any other code is a broken protocol. */
    static const struct {
        int ws_code;
        enum tc_close reason;
    } rows[] = {
        { TC_WS_PROTOCOL, TC_CLOSE_PROTOCOL }, { TC_WS_UNSUPPORTED, TC_CLOSE_UNSUPPORTED },
        { TC_WS_BAD_DATA, TC_CLOSE_BAD_DATA }, { TC_WS_POLICY, TC_CLOSE_POLICY },
        { TC_WS_TOO_BIG, TC_CLOSE_TOO_BIG },
    };
    static const int others[] = { -1, 0, TC_WS_NORMAL, TC_WS_RESTART, 4000, 65536 + 1009 };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_expect_eq(tc_close_of_ws(rows[i].ws_code), rows[i].reason, "%d", rows[i].ws_code);
        cr_expect_eq(tc_closes[rows[i].reason].ws_code, rows[i].ws_code, "%d", rows[i].ws_code);
    }
    for (size_t i = 0; i < TC_ARRAY_CNT(others); i++)
        cr_expect_eq(tc_close_of_ws(others[i]), TC_CLOSE_PROTOCOL, "%d", others[i]);
}
