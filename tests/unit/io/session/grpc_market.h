// SPDX-License-Identifier: Apache-2.0
/* Clients of jts.marketdata.v1 over tests/unit/io/session/grpc_wire.h, with events as the lines of
 * the JSON dialect, and a WebSocket client to compare them with. */
#ifndef TC_TESTS_UNIT_IO_SESSION_GRPC_MARKET_H
#define TC_TESTS_UNIT_IO_SESSION_GRPC_MARKET_H

#include "io/session/marketdata.h"
#include "tests/unit/io/session/grpc_wire.h"
#include "tests/unit/proto/grpc/event_json.h"
#include "tests/unit/proto/grpc/pb_text.h"

#define GM_SERVICE "/jts.marketdata.v1.MarketDataService/"
#define GM_CONFIRMED(id, room, pos, symbol)                                                        \
    "{\"event\":\"subscription-confirmed\"," id "\"room\":\"" room                                 \
    "\",\"log\":\"s0/t/0@1\",\"pos\":" pos ",\"data\":{\"symbol\":\"" symbol "\"}}\n"
#define GM_UPDATE(room, pos, prev, ts, more)                                                       \
    "{\"event\":\"ticker-update\",\"room\":\"" room "\",\"pos\":" pos ",\"prev\":" prev            \
    ",\"ts\":" ts more ",\"data\":{\"p\":" pos "}}\n"

static const struct tc_grpc_service *const gm_services[] = { &tc_marketdata, &tc_health };
static const struct tc_grpc_server gm_server = { .services = gm_services, .service_cnt = 2 };

static inline void gm_init(uint32_t conflate_bytes)
{
    struct nx_options options = nx_defaults();
    options.grpc = &gm_server;
    options.conflate_bytes = conflate_bytes;
    nx_init(&nx, &options);
}

static inline void gm_open_with(struct gw *w, uint32_t window)
{
    gw_open_with(w, window);
    w->print = ej_event;
}

static inline void gm_open(struct gw *w)
{
    gm_open_with(w, 1 << 20);
}

/* "{"p":POS}" at those positions. */
static inline void gm_put(const char *room, int64_t first, int64_t last)
{
    for (int64_t pos = first; pos <= last; pos++) {
        char payload[32];
        snprintf(payload, sizeof(payload), "{\"p\":%lld}", (long long)pos);
        fx_put(&nx.fx, room, pos, payload);
    }
}

/* A SubscribeRequest; rooms: names with blanks between. */
static inline void gm_subscribe(struct pb *m, const char *rooms, bool is_snapshot, const char *id)
{
    m->len = 0;
    for (const char *at = rooms; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        pb_bytes(m, 1, at, len);
        at += len;
    }
    if (is_snapshot)
        pb_number(m, 2, 1);
    if (id)
        pb_text(m, 5, id);
}

/* A request of method Subscribe, complete. */
static inline struct gw_call *gm_call(struct gw *w, const char *method, const struct pb *m)
{
    char path[128];
    snprintf(path, sizeof(path), GM_SERVICE "%s", method);
    struct gw_call *c = gw_start(w, path, "");
    gw_message(w, c, 0, m->bytes, m->len);
    gw_end(w, c);
    gw_run(w);
    return c;
}

static inline struct gw_call *gm_stream(struct gw *w)
{
    struct gw_call *c = gw_start(w, GM_SERVICE "Stream", "");
    gw_run(w);
    cr_assert_str_eq(gw_take(c), GW_HEAD "\n");
    return c;
}

/* One command of a stream; number: of StreamRequest. */
static inline void gm_command(struct gw *w, struct gw_call *c, uint32_t number, const struct pb *m)
{
    static struct pb outer;
    outer.len = 0;
    pb_message(&outer, number, m);
    gw_message(w, c, 0, outer.bytes, outer.len);
    gw_run(w);
}

/* What it is answered. */
static inline const char *gm_ask(struct gw *w, struct gw_call *c, uint32_t number,
                                 const struct pb *m)
{
    gm_command(w, c, number, m);
    return gw_take(c);
}

/* Both have heard the same since the last call. */
static inline void gm_check_alike(struct gw_call *c, uint32_t ws)
{
    const char *want = wire_take(ws);
    const char *got = gw_take(c);
    cr_assert_str_eq(got, want);
}

static inline void gm_close(struct gw *w)
{
    gw_close(w);
    cr_assert_eq(nx.tc_sessions.grpc.calls.used_cnt, 0);
    cr_assert_eq(nx.tc_sessions.streams.used_cnt, 0);
}

#endif
