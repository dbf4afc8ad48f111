// SPDX-License-Identifier: Apache-2.0
/* grpc-fleet: the fleet over gRPC (tests/tools/fleet.h): a call of MarketDataService for each
 * connection, --streams of them on one HTTP/2 connection.
 *
 * Who stalls keeps the window of its stream closed and reads on otherwise; who is cut ends its
 * connection, or only its call if others share the connection. */
#include "tests/tools/fleet.h"

#include "tests/lib/base.h"
#include "tests/lib/event.h"
#include "tests/lib/rpc.h"

#include <string.h>

/* Who stalls is to be behind soon, the others shall have room while others have the processor. */
enum { WINDOW_BYTES = 1 << 20 };

static struct tc_fleet fleet;
static struct tc_rpc_loop rpc;

static void on_open(struct tc_rpc_loop *loop, uint32_t idx)
{
    tc_fleet_on_open(loop->user, idx);
}

static void on_message(struct tc_rpc_loop *loop, uint32_t idx, const uint8_t *bytes, size_t len)
{
    struct tc_fleet *f = loop->user;
    struct tc_scan s;
    f->now_ns = loop->now_ns;
    int rc = tc_event_scan(bytes, len, &s);
    tc_fleet_on_message(f, idx, rc ? NULL : &s, (const char *)bytes, len);
}

static void on_end(struct tc_rpc_loop *loop, uint32_t idx, const char *why, bool is_fault)
{
    int status = loop->calls[idx].status;
    tc_fleet_on_end(loop->user, idx, why, is_fault, status > 0 ? (uint32_t)status : 0,
                    !strcmp(why, "refused"));
}

static void start(struct tc_fleet *f, uint32_t idx, const struct sockaddr_in *to)
{
    tc_rpc_open(&rpc, idx, to, (int)f->args.rcvbuf_bytes);
}

static bool subscribe(struct tc_fleet *f, uint32_t idx, uint32_t first, uint32_t cnt)
{
    static uint8_t request[TC_RPC_REQUEST_MAX];
    struct tc_event_wish wishes[TC_EVENT_ROOMS_MAX];
    if (cnt > TC_EVENT_ROOMS_MAX)
        tc_tb_die("more than %d rooms of one call", TC_EVENT_ROOMS_MAX);
    for (uint32_t k = 0; k < cnt; k++) {
        const struct tc_proof *c = tc_fleet_chain(f, idx, first + k);
        wishes[k] = (struct tc_event_wish){ .room = f->journal.rooms[c->room],
                                            .log = c->is_resume ? f->journal.logs[c->log] : NULL,
                                            .pos = c->last,
                                            .ts_ms = c->last_ts };
    }
    bool is_bidi = f->args.is_bidi;
    bool is_stalling = idx >= f->args.conns - f->args.stall_cnt;
    size_t len =
        tc_event_subscribe(request, sizeof request, wishes, cnt, f->args.snapshot, is_bidi);
    if (!len)
        return false;
    tc_rpc_call(&rpc, idx,
                is_bidi ? "/jts.marketdata.v1.MarketDataService/Stream"
                        : "/jts.marketdata.v1.MarketDataService/Subscribe",
                request, len, is_bidi, is_stalling ? 0 : WINDOW_BYTES);
    return true;
}

static void cut(struct tc_fleet *f, uint32_t idx)
{
    (void)f;
    tc_rpc_cut(&rpc, idx);
}

static bool is_free(const struct tc_fleet *f, uint32_t idx)
{
    (void)f;
    return rpc.calls[idx].state == TC_RPC_FREE;
}

static void stall(struct tc_fleet *f, uint32_t idx, bool is_stalled)
{
    (void)f;
    tc_rpc_stall(&rpc, idx, is_stalled);
}

static void turn(struct tc_fleet *f)
{
    tc_rpc_poll(&rpc, 1);
    f->now_ns = rpc.now_ns;
    f->traffic = (struct tc_fleet_traffic){ rpc.reads, rpc.bytes, rpc.frames, rpc.pings };
}

static void init(struct tc_fleet *f)
{
    if (f->args.conns % f->args.streams || (f->args.has_alt && f->args.streams > 1))
        tc_tb_die("--conns is a multiple of --streams, and --alt wants one stream a connection");
    tc_rpc_init(&rpc, f->args.conns, f->args.streams);
    rpc.user = f;
    rpc.on_open = on_open;
    rpc.on_message = on_message;
    rpc.on_end = on_end;
}

int main(int argc, char **argv)
{
    static const struct tc_fleet_ops ops = { .connect = start,
                                             .subscribe = subscribe,
                                             .cut = cut,
                                             .is_free = is_free,
                                             .stall = stall,
                                             .poll = turn };
    return tc_fleet_main(&fleet, &ops, init, argc, argv);
}
