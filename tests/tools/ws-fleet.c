// SPDX-License-Identifier: Apache-2.0
/* ws-fleet: thousands of subscribers in one process, each of which checks what it is sent.
 *
 * Connection i follows the rooms room_first + (i * per_conn + k) mod room_cnt. It can stop reading,
 * read one byte at a time, be cut and resume (here or on a second engine), or join and leave at
 * random times; the arguments are in fleet_args.c, the journal's format in tests/lib/journal.h. */
#include "tests/tools/fleet.h"

#include "tests/lib/base.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static volatile sig_atomic_t is_stopped;
static struct tc_fleet fleet;

static void on_signal(int number)
{
    (void)number;
    is_stopped = 1;
}

static struct tc_proof *chain_of(struct tc_fleet *f, uint32_t idx, uint32_t k)
{
    return &f->chains[(size_t)idx * f->args.per_conn + k];
}

static int64_t soon(struct tc_fleet *f, uint32_t min_ms, uint32_t max_ms)
{
    uint64_t span = max_ms > min_ms ? (uint64_t)(max_ms - min_ms) * 1000 : 1;
    return f->loop.now_ns + min_ms * MS + (int64_t)(tc_tb_random(&f->loop.random) % span) * 1000;
}

static void violation(struct tc_fleet *f, uint32_t idx, const char *what, const char *text,
                      size_t len)
{
    if (f->violations++ < 10)
        fprintf(stderr, "connection %u: %s: %.*s\n", idx, what, (int)(len < 300 ? len : 300), text);
}

static void subscribe(struct tc_fleet *f, uint32_t idx, uint32_t k)
{
    struct tc_proof *c = chain_of(f, idx, k);
    const char *room = f->journal.rooms[c->room];
    char text[1024];
    int len = 0;
    bool resume = c->last >= 0 && c->log && !f->args.joins;
    tc_proof_ask(c, f->args.snapshot && !resume, resume);
    if (resume) {
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
    if (!tc_wsc_send(&f->loop, idx, text, (size_t)len))
        violation(f, idx, "the command could not be sent", text, (size_t)len);
}

static void on_open(struct tc_wsc_loop *loop, uint32_t idx)
{
    struct tc_fleet *f = loop->user;
    struct tc_fleet_conn *c = &f->conns[idx];
    bool is_alt = f->args.has_alt && (c->open_cnt & 1);
    c->open_cnt++;
    c->due_ns = 0;
    if (f->args.joins) {
        c->due_ns = soon(f, 0, f->args.stay_max_ms);
        return;
    }
    for (uint32_t k = 0; k < f->args.per_conn; k++)
        subscribe(f, idx, k);
    if (c->cuts_left)
        c->due_ns = soon(f, f->args.cut_min_ms, f->args.cut_max_ms) +
                    (is_alt ? f->args.alt_stay_ms * MS : 0);
}

static void close_chains(struct tc_fleet *f, uint32_t idx, bool is_final)
{
    for (uint32_t k = 0; k < f->args.per_conn; k++)
        tc_proof_close(chain_of(f, idx, k), &f->journal, is_final);
}

static void on_end(struct tc_wsc_loop *loop, uint32_t idx, const char *why, bool is_fault)
{
    struct tc_fleet *f = loop->user;
    struct tc_fleet_conn *c = &f->conns[idx];
    uint16_t code = loop->conns[idx].close_code;
    f->ends++;
    f->closes[code < 5000 ? code : 0]++;
    close_chains(f, idx, false);
    if (is_fault) {
        f->faults++;
        violation(f, idx, "protocol", why, strlen(why));
    }
    if (!strcmp(why, "refused") || loop->conns[idx].status > 101)
        f->refused++;
    c->due_ns = 0;
    if (f->args.reconnect_ms)
        c->due_ns = soon(f, f->args.reconnect_ms / 2, f->args.reconnect_ms);
    else
        f->lost++;
}

/* CRC of a payload. One that carries its own ("crc" as first key, over what follows it) is checked
 * against it and known by it. */
static bool payload_crc(struct tc_scan_text data, uint32_t *crc)
{
    static const char head[] = "{\"crc\":\"";
    const size_t skip = sizeof head - 1 + 8 + 2; /* 8 digits, quote, comma */
    if (data.len < skip || memcmp(data.at, head, sizeof head - 1)) {
        *crc = tc_tb_crc32(0, data.at, data.len);
        return true;
    }
    char stated[9] = { 0 };
    char found[9];
    memcpy(stated, data.at + sizeof head - 1, 8);
    *crc = tc_tb_crc32(0, data.at + skip, data.len - skip);
    snprintf(found, sizeof found, "%08x", *crc);
    return !memcmp(stated, found, 8);
}

static void on_room_confirmed(struct tc_fleet *f, uint32_t idx)
{
    struct tc_fleet_conn *c = &f->conns[idx];
    if (f->args.joins) {
        f->join_cnt++;
        c->is_leaving = true;
        c->due_ns = soon(f, 1, f->args.stay_max_ms);
    }
    if (c->confirmed < f->args.per_conn && ++c->confirmed == f->args.per_conn)
        f->confirmed_once++;
}

static void on_text(struct tc_wsc_loop *loop, uint32_t idx, const char *text, size_t len)
{
    struct tc_fleet *f = loop->user;
    struct tc_fleet_conn *conn = &f->conns[idx];
    struct tc_scan s;
    if (tc_scan_message(text, len, &s)) {
        violation(f, idx, "not a message of the protocol", text, len);
        return;
    }
    f->errors += s.kind == TC_SCAN_ERROR;
    f->draining += s.kind == TC_SCAN_DRAINING;
    if (s.kind == TC_SCAN_ERROR && f->errors <= 10)
        fprintf(stderr, "connection %u: %.*s\n", idx, (int)len, text);
    if (!s.room.at || s.kind == TC_SCAN_ERROR)
        return;
    uint32_t room = tc_journal_room(&f->journal, s.room);
    uint32_t k = 0;
    while (k < f->args.per_conn && chain_of(f, idx, k)->room != room)
        k++;
    if (k == f->args.per_conn) {
        violation(f, idx, "a room that was not asked for", text, len);
        return;
    }
    uint32_t crc = 0;
    if (s.kind == TC_SCAN_UPDATE) {
        if (!payload_crc(s.data, &crc)) {
            f->bad_payloads++;
            violation(f, idx, "torn payload", text, len);
        }
        conn->updates++;
        if (!s.snapshot)
            f->last_update_ns = f->loop.now_ns;
        int64_t sent = conn->is_measured && !s.snapshot ? tc_scan_number(s.data, f->args.time_key)
                                                        : TC_SCAN_NONE;
        if (sent >= 0 && f->is_ready) {
            int64_t took_ns = tc_tb_wall_ns() - sent * f->args.time_ns;
            tc_hist_add(&f->latency, took_ns);
            tc_hist_add(&f->window, took_ns);
        }
    }
    const char *wrong = tc_proof_feed(chain_of(f, idx, k), &f->journal, &f->sums, &s, crc);
    if (wrong) {
        char what[200];
        snprintf(what, sizeof what, "%s (last %" PRId64 ")", wrong, chain_of(f, idx, k)->last);
        violation(f, idx, what, text, len);
    }
    if (s.kind == TC_SCAN_CONFIRMED)
        on_room_confirmed(f, idx);
    if (s.kind == TC_SCAN_UNSUBSCRIBED) {
        f->leave_cnt++;
        conn->is_leaving = false;
        conn->due_ns = f->join_cnt < f->args.joins ? soon(f, 0, f->args.stay_max_ms) : 0;
    }
}

static void connect_one(struct tc_fleet *f, uint32_t idx)
{
    bool small = idx >= f->args.conns - f->args.stall_cnt;
    const struct sockaddr_in *to = &f->args.to[f->args.has_alt && (f->conns[idx].open_cnt & 1)];
    f->conns[idx].due_ns = 0;
    tc_wsc_connect(&f->loop, idx, to, small ? 4096 : (int)f->args.rcvbuf_bytes);
}

/* What a connection does at its time: reconnect, be cut, join or leave. */
static void act(struct tc_fleet *f, uint32_t idx)
{
    struct tc_fleet_conn *c = &f->conns[idx];
    c->due_ns = 0;
    if (f->loop.conns[idx].state == TC_WSC_FREE) {
        f->reconnects++;
        connect_one(f, idx);
    } else if (c->cuts_left) {
        c->cuts_left--;
        f->cut_cnt++;
        tc_wsc_cut(&f->loop, idx);
        close_chains(f, idx, false);
        c->due_ns = soon(f, 1, f->args.cut_max_ms);
    } else if (c->is_leaving) {
        char text[256];
        int len =
            snprintf(text, sizeof text, "{\"event\":\"unsubscribe\",\"data\":{\"rooms\":[\"%s\"]}}",
                     f->journal.rooms[chain_of(f, idx, 0)->room]);
        tc_wsc_send(&f->loop, idx, text, (size_t)len);
    } else if (f->args.joins && f->join_cnt < f->args.joins) {
        subscribe(f, idx, 0);
    }
}

static void end_window(struct tc_fleet *f)
{
    if (f->window.cnt && f->window_cnt < TC_FLEET_WINDOWS)
        f->windows[f->window_cnt++] =
            (struct tc_fleet_window){ .is_stalled = f->is_stalled,
                                      .cnt = f->window.cnt,
                                      .p99_ns = tc_hist_at(&f->window, 0.99) };
    f->window = (struct tc_hist){ 0 };
}

/* The stalling connections stop reading, or read again. */
static void turn_stalled(struct tc_fleet *f)
{
    const struct tc_fleet_args *a = &f->args;
    end_window(f);
    f->is_stalled = !f->is_stalled;
    f->stalls += f->is_stalled;
    f->last_turn_ns = f->loop.now_ns;
    f->due_ns = a->stall_ms && (f->is_stalled || f->stalls < a->stall_cycles)
                    ? f->loop.now_ns + a->stall_ms * MS
                    : 0;
    for (uint32_t i = a->conns - a->stall_cnt; i < a->conns; i++)
        tc_wsc_set_mode(&f->loop, i, f->is_stalled ? TC_WSC_STALL : TC_WSC_READ);
}

static void run_timers(struct tc_fleet *f)
{
    const struct tc_fleet_args *a = &f->args;
    int64_t now = f->loop.now_ns;
    int64_t allowed = (now - f->start_ns) / MS * a->connect_rate / 1000 + 1;
    while (f->started < a->conns && f->started < allowed)
        connect_one(f, f->started++);
    for (uint32_t i = 0; i < f->started; i++)
        if (f->conns[i].due_ns && f->conns[i].due_ns <= now)
            act(f, i);
    if (!f->is_ready && (a->joins ? f->started == a->conns : f->confirmed_once == a->conns)) {
        f->is_ready = true;
        f->ready_ns = now;
        if (a->stall_cnt)
            f->due_ns = now + a->stall_after_ms * MS + 1;
        int fd = a->ready_file ? open(a->ready_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644) : -1;
        if (fd >= 0)
            close(fd);
        for (uint32_t i = 0; a->one_byte_cnt && i < a->one_byte_cnt; i++)
            tc_wsc_set_mode(&f->loop, a->conns - a->stall_cnt - 1 - i, TC_WSC_ONE_BYTE);
    }
    if (f->due_ns && f->due_ns <= now)
        turn_stalled(f);
}

static bool is_done(const struct tc_fleet *f)
{
    const struct tc_fleet_args *a = &f->args;
    int64_t now = f->loop.now_ns;
    if (is_stopped || now - f->start_ns > a->duration_ms * MS)
        return true;
    if (a->joins)
        return f->join_cnt >= a->joins && f->leave_cnt >= f->join_cnt;
    if (a->stall_ms && a->stall_cnt && (!f->stalls || f->due_ns))
        return false;
    return a->idle_exit_ms && f->last_update_ns && now - f->last_update_ns > a->idle_exit_ms * MS &&
           now - f->last_turn_ns > a->idle_exit_ms * MS;
}

int main(int argc, char **argv)
{
    struct tc_fleet *f = &fleet;
    tc_fleet_parse(&f->args, argc, argv);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    tc_wsc_init(&f->loop, f->args.conns);
    tc_journal_init(&f->journal, f->args.journal_file, f->args.records_max);
    f->loop.user = f;
    f->loop.on_open = on_open;
    f->loop.on_text = on_text;
    f->loop.on_end = on_end;
    f->conns = tc_tb_take(f->args.conns, sizeof *f->conns);
    f->chains = tc_tb_take((size_t)f->args.conns * f->args.per_conn, sizeof *f->chains);
    for (uint32_t i = 0; i < f->args.conns; i++) {
        f->conns[i].cuts_left = f->args.cuts;
        f->conns[i].is_measured = i < f->args.conns - f->args.stall_cnt - f->args.one_byte_cnt;
        for (uint32_t k = 0; k < f->args.per_conn; k++) {
            char name[132];
            const char *mark = strstr(f->args.rooms, "%d");
            uint32_t n = f->args.room_first + (i * f->args.per_conn + k) % f->args.room_cnt;
            int len = mark ? snprintf(name, sizeof name, "%.*s%u%s", (int)(mark - f->args.rooms),
                                      f->args.rooms, n, mark + 2)
                           : snprintf(name, sizeof name, "%s", f->args.rooms);
            struct tc_scan_text text = { name, (size_t)len };
            *chain_of(f, i, k) = (struct tc_proof){ .conn = i,
                                                    .room = tc_journal_room(&f->journal, text),
                                                    .last = TC_SCAN_NULL,
                                                    .base = TC_SCAN_NULL };
        }
    }
    f->start_ns = f->loop.now_ns = tc_tb_mono_ns();
    while (!is_done(f)) {
        for (uint32_t i = 0; f->is_ready && i < f->args.one_byte_cnt; i++)
            tc_wsc_set_mode(&f->loop, f->args.conns - f->args.stall_cnt - 1 - i, TC_WSC_ONE_BYTE);
        run_timers(f);
        tc_wsc_poll(&f->loop, 1);
    }
    for (uint32_t i = 0; i < f->args.conns; i++)
        close_chains(f, i, true);
    end_window(f);
    tc_journal_fini(&f->journal);
    tc_fleet_print(f);
    return f->violations || f->bad_payloads ? 1 : 0;
}
