// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/bench/fixture.h"

TestSuite(load_tickcast_ws, .fini = fixture_fini);

static void say(const char *text)
{
    load.dialect->on_message(&load, &load.conns[0], text, strlen(text));
}

Test(load_tickcast_ws, a_connection_s_life)
{
    /* Goal: one command asks for all rooms, each confirmation counts, updates of any name reach
     * the chain of their room. */
    char sent[512] = { 0 };
    static const char command[] =
        "{\"event\":\"subscribe\",\"id\":1,\"data\":{\"rooms\":[\"ticker-S0\",\"ticker-S1\"]}}";
    fixture_init(&tc_load_tickcast, 1, 2, 2, 0);
    tc_load_greeted(&load, &load.conns[0]);
    size_t head = sizeof(command) - 1 < 126 ? 6 : 8;
    fixture_sent(sent, sizeof(sent), head + sizeof(command) - 1);
    cr_assert_str_eq(sent + head, command);
    say("{\"event\":\"subscription-confirmed\",\"id\":1,\"room\":\"ticker-S1\",\"pos\":3}");
    cr_assert_eq(load.ready_cnt, 0);
    say("{\"event\":\"subscription-confirmed\",\"id\":1,\"room\":\"ticker-S0\",\"pos\":null}");
    cr_assert_eq(load.ready_cnt, 1);
    say("{\"event\":\"ticker-update\",\"room\":\"ticker-S1\",\"pos\":5,\"prev\":3,\"data\":{}}");
    say("{\"event\":\"own-name\",\"room\":\"ticker-S0\",\"pos\":4,\"prev\":null,\"data\":{}}");
    say("{\"event\":\"ticker-update\",\"room\":\"ticker-S0\",\"pos\":6,\"prev\":4,\"data\":{}}");
    cr_assert(load.counts.deliveries == 3 && load.counts.broken == 0);
    cr_assert(load.last[0] == 6 && load.last[1] == 5);
    cr_assert_eq(load.counts.unexpected, 0);
}

Test(load_tickcast_ws, notices)
{
    /* Goal: declared loss is counted; what has no business here is unexpected. */
    fixture_init(&tc_load_tickcast, 1, 1, 1, 0);
    say("{\"event\":\"conflated\",\"room\":\"ticker-S0\",\"from\":1,\"to\":9,\"skipped\":4}");
    say("{\"event\":\"gap\",\"room\":\"ticker-S0\",\"log\":\"l\",\"from\":9,\"to\":12,\"reason\":"
        "\"x\"}");
    cr_assert(load.counts.notices == 2 && load.counts.skipped == 4 && load.last[0] == 12);
    const char *rows[] = {
        "",
        "{}",
        "{\"event\":\"stale\",\"room\":\"ticker-S0\",\"since\":1}",
        "{\"event\":\"conflated\",\"room\":\"other\",\"from\":1,\"to\":9,\"skipped\":4}",
        "{\"event\":\"ticker-update\",\"room\":\"other\",\"pos\":5,\"prev\":3,\"data\":{}}",
        "{\"event\":\"ticker-update\",\"room\":\"ticker-S0\",\"prev\":3,\"data\":{}}",
        "{\"event\":\"unsubscribed\",\"room\":\"ticker-S0\"}",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        say(rows[i]);
        cr_assert_eq(load.counts.unexpected, i + 1, "%s", rows[i]);
    }
    cr_assert_eq(load.counts.deliveries, 0);
}

static void error(void)
{
    say("{\"event\":\"error\",\"id\":1,\"code\":\"room-unknown\",\"message\":\"no\"}");
}

Test(load_tickcast_ws, an_error_ends_the_run)
{
    /* Goal: a refused subscription ends the run with the server's words. */
    fixture_init(&tc_load_tickcast, 1, 1, 1, 0);
    fixture_fails(error, "room-unknown");
}

Test(load_tickcast_ws, many_long_names)
{
    /* Goal: names that do not fit into one command make more of them, and none is left out. */
    static char prefix[TC_LOAD_NAME_MAX - 8];
    static char sent[200 * 1024];
    fixture_init(&tc_load_tickcast, 1, 600, 600, 0);
    memset(prefix, 'n', sizeof(prefix) - 1);
    conf.room_prefix = prefix;
    int size = 1024 * 1024;
    setsockopt(load.conns[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    tc_load_greeted(&load, &load.conns[0]);
    ssize_t len = recv(peer, sent, sizeof(sent), MSG_DONTWAIT);
    uint32_t names = 0;
    uint32_t commands = 0;
    cr_assert_gt(len, 60 * 1024);
    for (const char *p = sent; (p = memmem(p, (size_t)(sent + len - p), "nnnn", 4)) != NULL;) {
        names++;
        while (*p == 'n')
            p++;
    }
    for (const char *p = sent; (p = memmem(p, (size_t)(sent + len - p), "]}}", 3)) != NULL; p++)
        commands++;
    cr_assert_eq(names, 600);
    cr_assert_eq(commands, 2);
}

Test(load_tickcast_ws, raw)
{
    /* Goal: nothing is asked for, every message is an update. */
    char byte;
    fixture_init(&tc_load_raw, 1, 1, 1, 0);
    tc_load_greeted(&load, &load.conns[0]);
    cr_assert_eq(load.ready_cnt, 1);
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
    say("{\"pos\":1,\"prev\":null}");
    say("42[\"m\",{\"pos\":2,\"prev\":1}]");
    cr_assert(load.counts.deliveries == 2 && load.counts.broken == 0);
}
