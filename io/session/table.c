// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "io/session/session.h"
#include "proto/ws/ws_json.h"

const struct tc_net_session *const tc_session_table[TC_SESSION_CNT] = {
    [TC_SESSION_HTTP] = &tc_session_http,
    [TC_SESSION_WS] = &tc_session_ws,
};

const struct tc_dialect *const tc_session_dialects[TC_SESSION_DIALECT_CNT] = {
    [TC_SESSION_WS_JSON] = &tc_ws_json,
};

static int init_messages(struct tc_sessions *s, uint32_t cnt, struct tc_mem *mem, const char *name,
                         struct tc_err *err)
{
    int rc = tc_pool_init(&s->messages, mem, name, sizeof(struct tc_ws_ctx), cnt, err);
    /* their inner contexts are made here, for the whole life of the worker: a pool hands out its
     * items in any order, so all of them */
    for (uint32_t i = 0; rc == TC_OK && i < cnt; i++) {
        struct tc_ws_ctx *ctx = tc_pool_at(&s->messages, i);
        struct tc_ws_in_conf conf = { false, TC_WS_MESSAGE_MAX, TC_WS_FRAGMENTS_MAX, ctx->buffer };
        rc = tc_ws_in_init(&ctx->in, &conf);
        if (rc < 0)
            rc = tc_err_set(err, rc, "%s: no memory", name);
    }
    return rc;
}

int tc_sessions_init(struct tc_sessions *s, const struct tc_conf *conf, tc_page_fn page,
                     struct tc_mem *mem, const char *holder, struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    memset(s, 0, sizeof(*s));
    s->conf = conf;
    s->page = page;
    s->command_rate = tc_bucket_rate(conf->limits.cmd_rate, conf->limits.cmd_burst);
    s->control_rate = tc_bucket_rate(TC_WS_CONTROLS_PER_S, TC_WS_CONTROLS_PER_S);
    uint32_t slots = tc_net_slots(conf->limits.connections);
    snprintf(name, sizeof(name), "%s: HTTP heads", holder);
    int rc = tc_pool_init(&s->heads, mem, name, sizeof(struct tc_http1),
                          TC_MIN(slots, (uint32_t)TC_SESSION_HEADS_MAX), err);
    snprintf(name, sizeof(name), "%s: WebSocket messages", holder);
    if (rc == TC_OK)
        rc = init_messages(s, TC_MIN(slots, (uint32_t)TC_SESSION_MESSAGES_MAX), mem, name, err);
    snprintf(name, sizeof(name), "%s: commands", holder);
    if (rc == TC_OK)
        rc = tc_json_pool_init(&s->json, TC_CMD_BYTES_MAX, mem, name, err);
    if (rc < 0)
        return rc;
    s->rooms = tc_mem_take(mem, name, sizeof(*s->rooms), TC_CMD_ROOMS_MAX, err);
    return s->rooms ? TC_OK : -TC_ENOMEM;
}

void tc_sessions_fini(struct tc_sessions *s)
{
    for (uint32_t i = 0; i < s->messages.item_cnt; i++) {
        struct tc_ws_ctx *ctx = tc_pool_at(&s->messages, i);
        tc_ws_in_fini(&ctx->in);
    }
}
