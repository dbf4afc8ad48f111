// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "io/session/desk.h"
#include "io/session/grpc_web.h"
#include "io/session/h2.h"
#include "io/session/session.h"
#include "proto/grpc/event.h"
#include "proto/ws/ws_json.h"

const struct tc_net_session *const tc_session_table[TC_SESSION_CNT] = {
    [TC_SESSION_HTTP] = &tc_session_http,
    [TC_SESSION_WS] = &tc_session_ws,
    [TC_SESSION_H2] = &tc_session_h2,
    [TC_SESSION_GRPC_WEB] = &tc_session_grpc_web,
};

const struct tc_dialect *const tc_session_dialects[TC_SESSION_DIALECT_CNT] = {
    [TC_SESSION_WS_JSON] = &tc_ws_json,
    [TC_SESSION_GRPC] = &tc_grpc_events[TC_GRPC_PLAIN],
    [TC_SESSION_GRPC_TEXT] = &tc_grpc_events[TC_GRPC_TEXT],
    [TC_SESSION_WEB] = &tc_grpc_events[TC_GRPC_CHUNK],
    [TC_SESSION_WEB_TEXT] = &tc_grpc_events[TC_GRPC_TEXT_CHUNK],
};

const struct tc_words *const tc_session_words[TC_SESSION_DIALECT_CNT] = {
    [TC_SESSION_WS_JSON] = &tc_ws_json_words,
    [TC_SESSION_GRPC] = &tc_grpc_words[TC_GRPC_PLAIN],
    [TC_SESSION_GRPC_TEXT] = &tc_grpc_words[TC_GRPC_TEXT],
    [TC_SESSION_WEB] = &tc_grpc_words[TC_GRPC_CHUNK],
    [TC_SESSION_WEB_TEXT] = &tc_grpc_words[TC_GRPC_TEXT_CHUNK],
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

static int init_h2(struct tc_sessions *s, uint32_t slots, struct tc_mem *mem, const char *holder,
                   struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    const struct tc_conf_limits *l = &s->conf->limits;
    int rc = tc_h2_class_init(&s->h2, &tc_stream_ops, NULL,
                              TC_MIN(slots, (uint32_t)TC_SESSION_H2_HEADS_MAX), l->http2_bytes, mem,
                              holder, err);
    snprintf(name, sizeof(name), "%.24s: HTTP/2 connections", holder);
    if (rc == TC_OK)
        rc = tc_pool_init(&s->h2_conns, mem, name, sizeof(struct tc_h2_conn), slots, err);
    snprintf(name, sizeof(name), "%.24s: HTTP/2 streams", holder);
    if (rc == TC_OK)
        rc = tc_pool_init(&s->streams, mem, name, sizeof(struct tc_stream), l->streams, err);
    return rc;
}

static int init_grpc(struct tc_sessions *s, uint32_t slots, struct tc_mem *mem, const char *holder,
                     struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    struct tc_grpc_pool *g = &s->grpc;
    snprintf(name, sizeof(name), "%.24s: gRPC", holder);
    if (!g->server)
        return TC_OK;
    g->message_max = g->server->message_max ? g->server->message_max : TC_GRPC_MESSAGE_MAX;
    int rc = tc_pool_init(&g->calls, mem, name, sizeof(struct tc_grpc_call),
                          s->conf->limits.streams, err);
    if (rc == TC_OK)
        rc = tc_pool_init(&s->webs, mem, name, sizeof(struct tc_web), slots, err);
    if (rc == TC_OK)
        rc = tc_grpc_gzip_init(&g->gzip, mem, name, TC_SESSION_GZIP_LEVEL, err);
    if (rc < 0)
        return rc;
    g->scratch = tc_mem_take(mem, name, g->message_max, 1, err);
    if (g->scratch)
        g->packed = tc_mem_take(mem, name, g->message_max, 1, err);
    return g->packed ? TC_OK : -TC_ENOMEM;
}

int tc_sessions_init(struct tc_sessions *s, const struct tc_conf *conf, tc_page_fn page,
                     const struct tc_grpc_server *grpc, struct tc_mem *mem, const char *holder,
                     struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    memset(s, 0, sizeof(*s));
    s->conf = conf;
    s->page = page;
    s->grpc.server = grpc;
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
    if (rc == TC_OK)
        rc = init_h2(s, slots, mem, holder, err);
    if (rc == TC_OK)
        rc = init_grpc(s, slots, mem, holder, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "%s: commands", holder);
    s->rooms = tc_mem_take(mem, name, sizeof(*s->rooms), TC_CMD_ROOMS_MAX, err);
    return s->rooms ? TC_OK : -TC_ENOMEM;
}

void tc_sessions_use_desk(struct tc_sessions *s, struct tc_desk_side *desk)
{
    s->grpc.desk = desk;
    if (desk)
        desk->pool = &s->grpc;
}

void tc_sessions_fini(struct tc_sessions *s)
{
    for (uint32_t i = 0; i < s->messages.item_cnt; i++) {
        struct tc_ws_ctx *ctx = tc_pool_at(&s->messages, i);
        tc_ws_in_fini(&ctx->in);
    }
    tc_h2_class_fini(&s->h2);
}
