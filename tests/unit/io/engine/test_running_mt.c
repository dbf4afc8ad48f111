// SPDX-License-Identifier: Apache-2.0
/* Goal: what the main thread does while an engine runs. */
#include <signal.h>

#include "tests/unit/io/engine/whole.h"

TestSuite(running, .init = setup, .fini = teardown);

static int tick_cnt;

static void on_tick(void *ctx)
{
    cr_assert_eq(ctx, &tick_cnt);
    tick_cnt++;
}

Test(running, waits)
{
    /* Goal: waiting ends with the span or with a signal, which is returned; a reload is answered in
     * the log; that it became ready stands there once. */
    load(SMALL);
    cr_assert_eq(start(), TC_OK, "%s", err.text);
    int64_t begin_ns = tc_os_mono_ns();
    cr_assert_eq(tc_engine_wait(engine, 30, on_tick, &tick_cnt), 0);
    int64_t span_ms = (tc_os_mono_ns() - begin_ns) / 1000000;
    cr_assert_geq(span_ms, 29);
    cr_assert_geq(tick_cnt, 1);
    begin_ns = tc_os_mono_ns();
    for (int i = 0; i < 10; i++)
        cr_assert_eq(tc_engine_wait(engine, 1, NULL, NULL), 0);
    cr_assert_lt(tc_os_mono_ns() - begin_ns, 900 * 1000000ll, "a short span is not a whole tick");
    while (!tc_engine_is_ready(engine))
        cr_assert_eq(tc_engine_wait(engine, 1, NULL, NULL), 0);
    kill(getpid(), SIGHUP);
    cr_assert_eq(tc_engine_wait(engine, 5, NULL, NULL), 0);
    kill(getpid(), SIGTERM);
    cr_assert_eq(tc_engine_wait(engine, -1, NULL, NULL), SIGTERM);
    kill(getpid(), SIGINT);
    cr_assert_eq(tc_engine_wait(engine, WAIT_MS, NULL, NULL), SIGINT);
    tc_engine_stop(engine);
    cr_assert(strstr(logged(), "\"code\":\"started\"") && strstr(text, "tickcast 1.2.3 serves"),
              "%s", text);
    cr_assert(strstr(text, "\"code\":\"reload\""), "%s", text);
    const char *ready = strstr(text, "\"code\":\"ready\"");
    cr_assert(ready && !strstr(ready + 1, "\"code\":\"ready\""), "%s", text);
    cr_assert(strstr(text, "\"code\":\"stopped\""), "%s", text);
}
