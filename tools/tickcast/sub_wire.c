// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/sub_wire.h"

#include "core/mem/mem.h"
#include "tools/tickcast/grpc_client.h"
#include "tools/tickcast/sub_event.h"
#include "tools/tickcast/ws_client.h"

/* ---- WebSocket ---- */

static int ws_open(void **conn, const struct tc_link_to *to, struct tc_err *err)
{
    struct tc_ws_client *client = NULL;
    int rc = tc_ws_client_open(&client, to, err);
    *conn = client;
    return rc;
}

static int ws_subscribe(void *conn, struct tc_sub *sub, struct tc_err *err)
{
    uint32_t next_idx = 0;
    size_t len = 0;
    int rc = TC_OK;
    char *text = NULL;
    while (rc == TC_OK && (text = tc_sub_command(sub, &next_idx, &len))) {
        rc = tc_ws_client_send(conn, text, len, err);
        tc_free(text);
    }
    return rc;
}

static int ws_ping(void *conn, struct tc_err *err)
{
    static const char ping[] = "{\"event\":\"ping\"}";
    return tc_ws_client_send(conn, ping, sizeof(ping) - 1, err);
}

static bool ws_on_text(void *ctx, const char *text, size_t len)
{
    return tc_sub_on_message(ctx, text, len);
}

static int ws_read(void *conn, int timeout_ms, struct tc_sub *sub, struct tc_err *err)
{
    return tc_ws_client_read(conn, timeout_ms, ws_on_text, sub, err);
}

static void ws_close(void *conn)
{
    tc_ws_client_close(conn);
}

const struct tc_sub_wire tc_sub_ws = {
    .kind = TC_URL_WS,
    .url = "ws://127.0.0.1:8080/ws",
    .open = ws_open,
    .subscribe = ws_subscribe,
    .ping = ws_ping,
    .read = ws_read,
    .close = ws_close,
};

/* ---- gRPC: one call of MarketDataService.Stream ---- */

struct grpc {
    struct tc_grpc_client *client;
    struct tc_sub_events events;
    struct tc_sub *sub; /* of the read under way */
};

static void grpc_close(void *conn)
{
    struct grpc *g = conn;
    tc_grpc_client_close(g->client);
    tc_sub_events_fini(&g->events);
    tc_free(g);
}

static int grpc_open(void **conn, const struct tc_link_to *to, struct tc_err *err)
{
    struct grpc *g = tc_alloc(sizeof(*g));
    tc_sub_events_init(&g->events);
    int rc = tc_grpc_client_open(&g->client, to, err);
    if (rc == TC_OK)
        rc = tc_grpc_client_call(g->client, "/jts.marketdata.v1.MarketDataService/Stream", err);
    if (rc == TC_OK)
        *conn = g;
    else
        grpc_close(g);
    return rc;
}

static int grpc_subscribe(void *conn, struct tc_sub *sub, struct tc_err *err)
{
    struct grpc *g = conn;
    uint32_t next_idx = 0;
    size_t len = 0;
    int rc = TC_OK;
    char *bytes = NULL;
    while (rc == TC_OK && (bytes = tc_sub_command_pb(sub, &next_idx, &len))) {
        rc = tc_grpc_client_send(g->client, (struct tc_str){ bytes, len }, false, err);
        tc_free(bytes);
    }
    return rc;
}

static int grpc_ping(void *conn, struct tc_err *err)
{
    static const char ping[] = { 3 << 3 | 2, 0 }; /* StreamRequest.ping, without an id */
    struct grpc *g = conn;
    return tc_grpc_client_send(g->client, (struct tc_str){ ping, sizeof(ping) }, false, err);
}

static bool grpc_on_message(void *ctx, struct tc_str message)
{
    struct grpc *g = ctx;
    size_t len = 0;
    char *text = tc_sub_event_json(&g->events, message, &len);
    bool go_on = true;
    if (text)
        go_on = tc_sub_on_message(g->sub, text, len);
    else
        g->sub->stats.junk_cnt++;
    tc_free(text);
    return go_on;
}

/* Statuses that another try would get as well. */
static bool is_final(const struct tc_grpc_client *client)
{
    const char *message = NULL;
    enum tc_grpc_status status = tc_grpc_client_status(client, &message);
    return status == TC_GRPC_UNIMPLEMENTED || status == TC_GRPC_INVALID_ARGUMENT ||
           status == TC_GRPC_PERMISSION_DENIED || status == TC_GRPC_UNAUTHENTICATED;
}

static int grpc_read(void *conn, int timeout_ms, struct tc_sub *sub, struct tc_err *err)
{
    struct grpc *g = conn;
    g->sub = sub;
    int rc = tc_grpc_client_read(g->client, timeout_ms, grpc_on_message, g, err);
    return rc == -TC_ECLOSED && is_final(g->client) ? -TC_ENOTSUP : rc;
}

const struct tc_sub_wire tc_sub_grpc = {
    .kind = TC_URL_GRPC,
    .url = "http://127.0.0.1:8080",
    .open = grpc_open,
    .subscribe = grpc_subscribe,
    .ping = grpc_ping,
    .read = grpc_read,
    .close = grpc_close,
};
