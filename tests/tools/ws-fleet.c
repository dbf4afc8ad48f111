// SPDX-License-Identifier: Apache-2.0
/* ws-fleet: the fleet over WebSocket (tests/tools/fleet.h). */
#include "tests/tools/fleet.h"

#include "tests/lib/wsc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STALL_RCVBUF_BYTES = 4096 };

static struct tc_fleet fleet;
static struct tc_wsc_loop ws;

static void on_open(struct tc_wsc_loop *loop, uint32_t idx)
{
    struct tc_fleet *f = loop->user;
    f->now_ns = loop->now_ns;
    tc_fleet_on_open(f, idx);
}

static void on_text(struct tc_wsc_loop *loop, uint32_t idx, const char *text, size_t len)
{
    struct tc_fleet *f = loop->user;
    struct tc_scan s;
    f->now_ns = loop->now_ns;
    int rc = tc_scan_message(text, len, &s);
    tc_fleet_on_message(f, idx, rc ? NULL : &s, text, len);
}

static void on_end(struct tc_wsc_loop *loop, uint32_t idx, const char *why, bool is_fault)
{
    const struct tc_wsc *c = &loop->conns[idx];
    tc_fleet_on_end(loop->user, idx, why, is_fault, c->close_code,
                    !strcmp(why, "refused") || c->status > 101);
}

static void start(struct tc_fleet *f, uint32_t idx, const struct sockaddr_in *to)
{
    bool is_small = idx >= f->args.conns - f->args.stall_cnt;
    tc_wsc_connect(&ws, idx, to, is_small ? STALL_RCVBUF_BYTES : (int)f->args.rcvbuf_bytes);
}

static bool subscribe_one(struct tc_fleet *f, uint32_t idx, uint32_t k)
{
    const struct tc_proof *c = tc_fleet_chain(f, idx, k);
    const char *room = f->journal.rooms[c->room];
    char text[1024];
    int len = 0;
    if (c->is_resume) {
        char ts[40] = "";
        if (c->last_ts >= 0)
            snprintf(ts, sizeof ts, ",\"ts\":%" PRId64, c->last_ts);
        len = snprintf(text, sizeof text,
                       "{\"event\":\"subscribe\",\"data\":{\"rooms\":[\"%s\"],\"from\":{\"%s\":"
                       "{\"log\":\"%s\",\"pos\":%" PRId64 "%s}}}}",
                       room, room, f->journal.logs[c->log], c->last, ts);
    } else {
        len = snprintf(text, sizeof text,
                       "{\"event\":\"subscribe\",\"data\":{\"rooms\":[\"%s\"],\"snapshot\":%s}}",
                       room, f->args.snapshot ? "true" : "false");
    }
    return tc_wsc_send(&ws, idx, text, (size_t)len);
}

static bool subscribe(struct tc_fleet *f, uint32_t idx, uint32_t first, uint32_t cnt)
{
    bool is_sent = true;
    for (uint32_t k = first; k < first + cnt; k++)
        is_sent = subscribe_one(f, idx, k) && is_sent;
    return is_sent;
}

static bool leave(struct tc_fleet *f, uint32_t idx, uint32_t k)
{
    char text[256];
    int len =
        snprintf(text, sizeof text, "{\"event\":\"unsubscribe\",\"data\":{\"rooms\":[\"%s\"]}}",
                 f->journal.rooms[tc_fleet_chain(f, idx, k)->room]);
    return tc_wsc_send(&ws, idx, text, (size_t)len);
}

static void cut(struct tc_fleet *f, uint32_t idx)
{
    (void)f;
    tc_wsc_cut(&ws, idx);
}

static bool is_free(const struct tc_fleet *f, uint32_t idx)
{
    (void)f;
    return ws.conns[idx].state == TC_WSC_FREE;
}

static void stall(struct tc_fleet *f, uint32_t idx, bool is_stalled)
{
    (void)f;
    tc_wsc_set_mode(&ws, idx, is_stalled ? TC_WSC_STALL : TC_WSC_READ);
}

static void take_byte(struct tc_fleet *f, uint32_t idx)
{
    (void)f;
    tc_wsc_set_mode(&ws, idx, TC_WSC_ONE_BYTE);
}

static void turn(struct tc_fleet *f)
{
    tc_wsc_poll(&ws, 1);
    f->now_ns = ws.now_ns;
    f->traffic = (struct tc_fleet_traffic){ ws.reads, ws.bytes, ws.frames, ws.pings };
}

static void init(struct tc_fleet *f)
{
    tc_wsc_init(&ws, f->args.conns);
    ws.user = f;
    ws.on_open = on_open;
    ws.on_text = on_text;
    ws.on_end = on_end;
}

int main(int argc, char **argv)
{
    static const struct tc_fleet_ops ops = { .connect = start,
                                             .subscribe = subscribe,
                                             .leave = leave,
                                             .cut = cut,
                                             .is_free = is_free,
                                             .stall = stall,
                                             .take_byte = take_byte,
                                             .poll = turn };
    return tc_fleet_main(&fleet, &ops, init, argc, argv);
}
