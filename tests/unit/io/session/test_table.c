// SPDX-License-Identifier: Apache-2.0
/* Goal: the tables join sessions, dialects and their numbers; what sessions borrow from is taken
 * once, within its bounds, and given back also when there was not enough. */
#include "tests/unit/io/session/wire.h"

static struct tc_conf conf;
static struct tc_sessions sessions;

static void set_conf(uint32_t connections)
{
    conf.limits.connections = connections;
    conf.limits.cmd_rate = 100;
    conf.limits.cmd_burst = 2048;
}

Test(table, rows)
{
    /* Goal: each row has its name and all functions; row 0, which new connections get, is HTTP; the
     * rows fit the bound of io/net. */
    cr_assert_str_eq(tc_session_table[0]->name, "http");
    cr_assert_str_eq(tc_session_table[TC_SESSION_HTTP]->name, "http");
    cr_assert_str_eq(tc_session_table[TC_SESSION_WS]->name, "ws");
    cr_assert_leq((int)TC_SESSION_CNT, (int)TC_NET_SESSIONS_MAX);
    for (int i = 0; i < TC_SESSION_CNT; i++) {
        const struct tc_net_session *s = tc_session_table[i];
        cr_assert(s->on_open && s->on_bytes && s->on_timer && s->on_drain && s->goodbye &&
                      s->on_end,
                  "%s", s->name);
    }
    cr_assert_str_eq(tc_session_dialects[TC_SESSION_WS_JSON]->name, "ws-json");
    cr_assert_leq((int)TC_SESSION_DIALECT_CNT, (int)TC_DIALECTS_MAX);
}

Test(table, pools_have_bounds)
{
    /* Goal: as many contexts as connections (the lobby included), and no more than the bounds. */
    static const uint32_t connections[] = { 1, 100, 20000 };
    for (size_t i = 0; i < TC_ARRAY_CNT(connections); i++) {
        struct tc_mem mem;
        struct tc_err err = { 0 };
        uint32_t slots = tc_net_slots(connections[i]);
        tc_mem_init(&mem, 0);
        set_conf(connections[i]);
        cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, &mem, "worker 5", &err), TC_OK);
        cr_assert_eq(sessions.heads.item_cnt, TC_MIN(slots, (uint32_t)TC_SESSION_HEADS_MAX));
        cr_assert_eq(sessions.messages.item_cnt, TC_MIN(slots, (uint32_t)TC_SESSION_MESSAGES_MAX));
        for (uint32_t h = 0; h < mem.holder_cnt; h++)
            cr_assert_eq(strncmp(mem.holders[h].name, "worker 5: ", 10), 0, "%s",
                         mem.holders[h].name);
        tc_sessions_fini(&sessions);
        tc_mem_fini(&mem);
    }
}

Test(table, contexts_are_ready)
{
    /* Goal: every context of the pool reads messages, whole ones, and broken ones after a reset, in
     * whatever order the pool gives them out. */
    struct tc_mem mem;
    struct tc_err err = { 0 };
    uint32_t held[64];
    uint8_t frame[64];
    size_t len = wire_frame(frame, 0x81, "hello", 5);
    tc_mem_init(&mem, 0);
    set_conf(8);
    cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, &mem, "worker 5", &err), TC_OK);
    tc_mem_seal(&mem);
    for (int round = 0; round < 3; round++) {
        uint32_t cnt = 0;
        for (uint32_t idx; (idx = tc_pool_acquire(&sessions.messages)) != TC_NONE;)
            held[cnt++] = idx;
        cr_assert_eq(cnt, tc_net_slots(8));
        for (uint32_t i = 0; i < cnt; i++) {
            struct tc_ws_ctx *ctx = tc_pool_at(&sessions.messages, held[i]);
            struct tc_ws_msg msg;
            size_t used;
            cr_assert_eq(tc_ws_in_feed(&ctx->in, frame, len, &used, &msg), 1);
            cr_assert(msg.len == 5 && memcmp(msg.bytes, "hello", 5) == 0);
            cr_assert_eq(tc_ws_in_feed(&ctx->in, frame, i % len, &used, &msg), 0);
            tc_ws_in_reset(&ctx->in);
            tc_pool_release(&sessions.messages, held[round ? i : cnt - 1 - i]);
        }
    }
    tc_sessions_fini(&sessions);
    tc_mem_fini(&mem);
}

Test(table, not_enough_memory)
{
    /* Goal: whichever part does not fit the budget: -TC_ENOMEM with a text that names the worker,
     * and fini gives back what there was. */
    int rc = -TC_ENOMEM;
    uint32_t failed_cnt = 0;
    set_conf(8);
    for (uint64_t budget = 4096; rc < 0; budget += budget / 8) {
        struct tc_mem mem;
        struct tc_err err = { 0 };
        tc_mem_init(&mem, budget);
        rc = tc_sessions_init(&sessions, &conf, NULL, &mem, "worker 5", &err);
        cr_assert(rc == TC_OK || rc == -TC_ENOMEM);
        cr_assert(rc == TC_OK || strstr(err.text, "worker 5"), "%s", err.text);
        failed_cnt += rc < 0;
        tc_sessions_fini(&sessions);
        tc_mem_fini(&mem);
        cr_assert_lt(budget, 1ull << 30);
    }
    cr_assert_gt(failed_cnt, 10);
}

Test(table, rates_of_the_settings)
{
    /* Goal: commands get the settings' rate, control frames TC_WS_CONTROLS_PER_S. */
    struct tc_mem mem;
    struct tc_err err = { 0 };
    struct tc_bucket commands = { 0 }, controls = { 0 };
    tc_mem_init(&mem, 0);
    set_conf(1);
    cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, &mem, "worker 5", &err), TC_OK);
    cr_assert(tc_bucket_try_take(&commands, &sessions.command_rate, 2048, 1));
    cr_assert_not(tc_bucket_try_take(&commands, &sessions.command_rate, 1, 1));
    cr_assert(tc_bucket_try_take(&commands, &sessions.command_rate, 100, 1000000001));
    cr_assert_not(tc_bucket_try_take(&commands, &sessions.command_rate, 1, 1000000001));
    cr_assert(tc_bucket_try_take(&controls, &sessions.control_rate, TC_WS_CONTROLS_PER_S, 1));
    cr_assert_not(tc_bucket_try_take(&controls, &sessions.control_rate, 1, 1));
    tc_sessions_fini(&sessions);
    tc_mem_fini(&mem);
}
