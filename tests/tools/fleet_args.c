// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/fleet.h"

#include "tests/lib/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "ws-fleet, grpc-fleet: clients that check the chain rule.\n"
    "  --to HOST:PORT --alt HOST:PORT     the engine; and another one for every second reconnect\n"
    "  --conns N --rooms 'ticker-S%d' --room-cnt N --room-first N --per-conn N --snapshot\n"
    "  --stall N --stall-after MS --stall-ms MS   the last N stop reading MS after all are "
    "confirmed\n"
    "  --stall-cycles N                   as often as that; they read for as long in between (1)\n"
    "  --one-byte N                       N more take one byte at a time (ws-fleet)\n"
    "  --streams N --bidi                 calls on one connection; Stream, not Subscribe "
    "(grpc-fleet)\n"
    "  --cuts N --cut-min MS --cut-max MS each connection is cut N times and resumes\n"
    "  --alt-stay MS                      and stays longer by this much at the other engine\n"
    "  --joins N --stay-max MS            subscribe and leave at random times, N times in all "
    "(ws-fleet)\n"
    "  --reconnect MS                     come back and resume when the server ended it\n"
    "  --duration MS --idle-exit MS       end after so long, or so long after the last update\n"
    "  --connect-rate N --rcvbuf BYTES --ready FILE --journal FILE --records-max N\n"
    "  --time-key KEY --time-ns N         the payload's time of sending and ns per unit (t, 1)\n"
    "A summary in JSON on stdout; exit 0 if no rule was broken, 1 if one was.\n";

/* The argument of that name, or false if it is none of these. */
static bool set_number(struct tc_fleet_args *a, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint32_t *to;
    } numbers[] = {
        { "--conns", &a->conns },           { "--room-cnt", &a->room_cnt },
        { "--room-first", &a->room_first }, { "--per-conn", &a->per_conn },
        { "--stall", &a->stall_cnt },       { "--stall-after", &a->stall_after_ms },
        { "--stall-ms", &a->stall_ms },     { "--stall-cycles", &a->stall_cycles },
        { "--one-byte", &a->one_byte_cnt }, { "--cuts", &a->cuts },
        { "--cut-min", &a->cut_min_ms },    { "--cut-max", &a->cut_max_ms },
        { "--alt-stay", &a->alt_stay_ms },  { "--joins", &a->joins },
        { "--stay-max", &a->stay_max_ms },  { "--reconnect", &a->reconnect_ms },
        { "--duration", &a->duration_ms },  { "--idle-exit", &a->idle_exit_ms },
        { "--rcvbuf", &a->rcvbuf_bytes },   { "--connect-rate", &a->connect_rate },
        { "--time-ns", &a->time_ns },       { "--streams", &a->streams },
    };
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        if (!strcmp(name, numbers[n].name)) {
            *numbers[n].to = (uint32_t)tc_tb_number(name, value, 0, INT32_MAX);
            return true;
        }
    if (strcmp(name, "--records-max") != 0)
        return false;
    a->records_max = (uint64_t)tc_tb_number(name, value, 1, 1 << 26);
    return true;
}

static bool set_text(struct tc_fleet_args *a, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = { { "--rooms", &a->rooms },
                  { "--ready", &a->ready_file },
                  { "--journal", &a->journal_file },
                  { "--time-key", &a->time_key } };
    for (size_t n = 0; n < sizeof texts / sizeof *texts; n++)
        if (!strcmp(name, texts[n].name)) {
            *texts[n].to = value;
            return true;
        }
    if (strcmp(name, "--to") != 0 && strcmp(name, "--alt") != 0)
        return false;
    bool is_alt = !strcmp(name, "--alt");
    a->has_alt = a->has_alt || is_alt;
    a->to[is_alt] = tc_tb_address(value);
    return true;
}

void tc_fleet_parse(struct tc_fleet_args *a, const struct tc_fleet_ops *ops, int argc, char **argv)
{
    *a = (struct tc_fleet_args){ .conns = 1,
                                 .rooms = "ticker-S%d",
                                 .room_cnt = 1,
                                 .per_conn = 1,
                                 .cut_min_ms = 50,
                                 .cut_max_ms = 300,
                                 .stay_max_ms = 300,
                                 .duration_ms = 600000,
                                 .connect_rate = 5000,
                                 .streams = 1,
                                 .time_key = "t",
                                 .time_ns = 1,
                                 .records_max = 1 << 20 };
    for (int i = 1; i < argc; i++) {
        bool *flag = !strcmp(argv[i], "--snapshot") ? &a->snapshot
                     : !strcmp(argv[i], "--bidi")   ? &a->is_bidi
                                                    : NULL;
        if (flag) {
            *flag = true;
            continue;
        }
        if (i + 1 == argc || !strcmp(argv[i], "--help")) {
            fputs(usage, stderr);
            exit(2);
        }
        if (!set_number(a, argv[i], argv[i + 1]) && !set_text(a, argv[i], argv[i + 1]))
            tc_tb_die("unknown argument %s (see --help)", argv[i]);
        i++;
    }
    if (!a->to[0].sin_port || !a->conns || !a->per_conn || a->per_conn > a->room_cnt ||
        a->stall_cnt + a->one_byte_cnt > a->conns || a->cut_min_ms > a->cut_max_ms)
        tc_tb_die("--to is needed, 1 <= per-conn <= room-cnt, cut-min <= cut-max (see --help)");
    if ((a->joins && !ops->leave) || (a->one_byte_cnt && !ops->take_byte) || !a->streams)
        tc_tb_die("an argument that this fleet cannot do (see --help)");
}

void tc_fleet_print(const struct tc_fleet *f)
{
    const struct tc_proof_sums *s = &f->sums;
    uint64_t stalled_updates = 0;
    uint64_t one_byte_updates = 0;
    const struct tc_fleet_args *a = &f->args;
    for (uint32_t i = 0; i < a->conns; i++) {
        if (i >= a->conns - a->stall_cnt)
            stalled_updates += f->conns[i].updates;
        else if (i >= a->conns - a->stall_cnt - a->one_byte_cnt)
            one_byte_updates += f->conns[i].updates;
    }
    printf("{\"conns\":%u,\"ready\":%s,\"confirmed\":%" PRIu64 ",\"updates\":%" PRIu64
           ",\"snapshots\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"faults\":%" PRIu64
           ",\"bad_payloads\":%" PRIu64 ",\"errors\":%" PRIu64 ",",
           a->conns, f->is_ready ? "true" : "false", s->confirmed, s->updates, s->snapshots,
           f->violations, f->faults, f->bad_payloads, f->errors);
    printf("\"recovered\":%" PRIu64 ",\"recovered_events\":%" PRIu64 ",\"cannot_recover\":%" PRIu64
           ",\"conflated\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"gaps\":%" PRIu64
           ",\"moved\":%" PRIu64 ",\"stale\":%" PRIu64 ",\"fresh\":%" PRIu64
           ",\"null_prev\":%" PRIu64 ",",
           s->recovered, s->recovered_events, s->cannot_recover, s->conflated, s->skipped, s->gaps,
           s->moved, s->stale, s->fresh, s->null_prev);
    printf("\"cuts\":%" PRIu64 ",\"joins\":%" PRIu64 ",\"leaves\":%" PRIu64
           ",\"reconnects\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"draining\":%" PRIu64
           ",\"lost\":%u,\"stalled_updates\":%" PRIu64 ",\"one_byte_updates\":%" PRIu64 ",",
           f->cut_cnt, f->join_cnt, f->leave_cnt, f->reconnects, f->refused, f->draining, f->lost,
           stalled_updates, one_byte_updates);
    printf("\"reads\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"pings\":%" PRIu64
           ",\"closes\":{",
           f->traffic.reads, f->traffic.bytes, f->traffic.frames, f->traffic.pings);
    const char *comma = "";
    for (uint32_t code = 0; code < 5000; code++)
        if (f->closes[code]) {
            printf("%s\"%u\":%" PRIu64, comma, code, f->closes[code]);
            comma = ",";
        }
    printf("},\"latency_us\":{\"count\":%" PRIu64 ",\"negative\":%" PRIu64 ",\"p50\":%" PRId64
           ",\"p99\":%" PRId64 ",\"p999\":%" PRId64 ",\"max\":%" PRId64 "},\"windows\":[",
           f->latency.cnt, f->latency.negative_cnt, tc_hist_at(&f->latency, 0.5) / 1000,
           tc_hist_at(&f->latency, 0.99) / 1000, tc_hist_at(&f->latency, 0.999) / 1000,
           f->latency.max / 1000);
    for (uint32_t i = 0; i < f->window_cnt; i++)
        printf("%s{\"stalled\":%s,\"count\":%" PRIu64 ",\"p99_us\":%" PRId64 "}", i ? "," : "",
               f->windows[i].is_stalled ? "true" : "false", f->windows[i].cnt,
               f->windows[i].p99_ns / 1000);
    puts("]}");
}
