// SPDX-License-Identifier: Apache-2.0
/* Goal: the tables join sessions, dialects and their numbers; what sessions borrow from is taken
 * once, within its bounds, and given back also when there was not enough. */
#include "proto/grpc/event.h"
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
    cr_assert_str_eq(tc_session_table[TC_SESSION_H2]->name, "h2");
    cr_assert_leq((int)TC_SESSION_CNT, (int)TC_NET_SESSIONS_MAX);
    for (int i = 0; i < TC_SESSION_CNT; i++) {
        const struct tc_net_session *s = tc_session_table[i];
        cr_assert(s->on_open && s->on_bytes && s->on_timer && s->on_drain && s->goodbye &&
                      s->on_end,
                  "%s", s->name);
    }
    cr_assert_str_eq(tc_session_dialects[TC_SESSION_WS_JSON]->name, "ws-json");
    cr_assert_str_eq(tc_session_dialects[TC_SESSION_GRPC]->name, "grpc");
    for (int i = 0; i < TC_SESSION_DIALECT_CNT; i++) {
        const struct tc_words *words = tc_session_words[i];
        cr_assert(words && words->error && words->pong && words->draining, "%d", i);
    }
    cr_assert_leq((int)TC_SESSION_DIALECT_CNT, (int)TC_DIALECTS_MAX);
}

Test(table, words)
{
    /* Goal: what sessions say is of their dialect's form, and within TC_NOTICE_BYTES_MAX even when
     * it is as long as it may be. */
    static const enum tc_grpc_form forms[TC_SESSION_DIALECT_CNT] = {
        [TC_SESSION_GRPC] = TC_GRPC_PLAIN,
        [TC_SESSION_GRPC_TEXT] = TC_GRPC_TEXT,
        [TC_SESSION_WEB] = TC_GRPC_CHUNK,
        [TC_SESSION_WEB_TEXT] = TC_GRPC_TEXT_CHUNK,
    };
    char long_text[TC_ROOM_NAME_MAX + 1];
    memset(long_text, 'x', sizeof(long_text));
    struct tc_str room = { long_text, TC_ROOM_NAME_MAX };
    struct tc_str id = { long_text, TC_CMD_ID_MAX };
    for (int d = TC_SESSION_GRPC; d < TC_SESSION_DIALECT_CNT; d++) {
        const struct tc_words *w = tc_session_words[d];
        uint8_t got[TC_NOTICE_BYTES_MAX];
        uint8_t want[TC_NOTICE_BYTES_MAX];
        uint8_t *at = want + TC_GRPC_FORM_ROOM;
        size_t len = tc_grpc_words[TC_GRPC_PLAIN].error(at, id, TC_CODE_ROOM_UNKNOWN, "why", room);
        len = tc_grpc_form_put(forms[d], want, len);
        cr_assert_eq(w->error(got, id, TC_CODE_ROOM_UNKNOWN, "why", room), len);
        cr_assert_eq(memcmp(got, want, len), 0);
        len = tc_grpc_form_put(forms[d], want, tc_grpc_words[TC_GRPC_PLAIN].pong(at, id, 7));
        cr_assert_eq(w->pong(got, id, 7), len);
        cr_assert_eq(memcmp(got, want, len), 0);
        len = tc_grpc_form_put(forms[d], want, tc_grpc_words[TC_GRPC_PLAIN].draining(at, 9));
        cr_assert_eq(w->draining(got, 9), len);
        cr_assert_eq(memcmp(got, want, len), 0);
    }
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
        cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, NULL, &mem, "worker 5", &err), TC_OK);
        cr_assert_eq(sessions.heads.item_cnt, TC_MIN(slots, (uint32_t)TC_SESSION_HEADS_MAX));
        cr_assert_eq(sessions.messages.item_cnt, TC_MIN(slots, (uint32_t)TC_SESSION_MESSAGES_MAX));
        for (uint32_t h = 0; h < mem.holder_cnt; h++)
            cr_assert_eq(strncmp(mem.holders[h].name, "worker 5: ", 10), 0, "%s",
                         mem.holders[h].name);
        tc_sessions_fini(&sessions);
        tc_mem_fini(&mem);
    }
}

Test(table, calls_of_grpc)
{
    /* Goal: as many calls as streams, and room for a message of the server's limit; without
     * services neither. */
    static const uint32_t limits[] = { 0, 5000 };
    for (size_t i = 0; i < 2 * TC_ARRAY_CNT(limits); i++) {
        struct tc_mem mem;
        struct tc_err err = { 0 };
        bool has_services = i % 2;
        struct tc_grpc_server server = { .message_max = limits[i / 2] };
        tc_mem_init(&mem, 0);
        set_conf(8);
        conf.limits.streams = 20;
        cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, has_services ? &server : NULL, &mem,
                                      "worker 5", &err),
                     TC_OK);
        cr_assert_eq(sessions.streams.item_cnt, 20);
        cr_assert_eq(sessions.grpc.calls.item_cnt, has_services ? 20 : 0);
        cr_assert_eq(sessions.grpc.scratch != NULL, has_services);
        if (has_services) {
            uint32_t max = limits[i / 2] ? limits[i / 2] : TC_GRPC_MESSAGE_MAX;
            cr_assert_eq(sessions.grpc.message_max, max);
            memset(sessions.grpc.scratch, 1, max);
        }
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
    cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, NULL, &mem, "worker 5", &err), TC_OK);
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
    struct tc_grpc_server server = { 0 };
    set_conf(8);
    for (uint64_t budget = 4096; rc < 0; budget += budget / 8) {
        struct tc_mem mem;
        struct tc_err err = { 0 };
        tc_mem_init(&mem, budget);
        rc = tc_sessions_init(&sessions, &conf, NULL, &server, &mem, "worker 5", &err);
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
    cr_assert_eq(tc_sessions_init(&sessions, &conf, NULL, NULL, &mem, "worker 5", &err), TC_OK);
    cr_assert(tc_bucket_try_take(&commands, &sessions.command_rate, 2048, 1));
    cr_assert_not(tc_bucket_try_take(&commands, &sessions.command_rate, 1, 1));
    cr_assert(tc_bucket_try_take(&commands, &sessions.command_rate, 100, 1000000001));
    cr_assert_not(tc_bucket_try_take(&commands, &sessions.command_rate, 1, 1000000001));
    cr_assert(tc_bucket_try_take(&controls, &sessions.control_rate, TC_WS_CONTROLS_PER_S, 1));
    cr_assert_not(tc_bucket_try_take(&controls, &sessions.control_rate, 1, 1));
    tc_sessions_fini(&sessions);
    tc_mem_fini(&mem);
}
