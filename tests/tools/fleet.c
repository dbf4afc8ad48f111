// SPDX-License-Identifier: Apache-2.0
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

static void on_signal(int number)
{
    (void)number;
    is_stopped = 1;
}

static int64_t soon(struct tc_fleet *f, uint32_t min_ms, uint32_t max_ms)
{
    uint64_t span = max_ms > min_ms ? (uint64_t)(max_ms - min_ms) * 1000 : 1;
    return f->now_ns + min_ms * MS + (int64_t)(tc_tb_random(&f->random) % span) * 1000;
}

/* A message may be binary: other than printable ASCII is shown as a dot. */
static void violation(struct tc_fleet *f, uint32_t idx, const char *what, const char *text,
                      size_t len)
{
    char shown[301];
    size_t n = len < sizeof shown ? len : sizeof shown - 1;
    if (f->violations++ >= 10)
        return;
    for (size_t i = 0; i < n; i++)
        shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '.';
    fprintf(stderr, "connection %u: %s: %.*s\n", idx, what, (int)n, shown);
}

static void subscribe(struct tc_fleet *f, uint32_t idx, uint32_t first, uint32_t cnt)
{
    for (uint32_t k = first; k < first + cnt; k++) {
        struct tc_proof *c = tc_fleet_chain(f, idx, k);
        bool is_resume = c->last >= 0 && c->log && !f->args.joins;
        tc_proof_ask(c, f->args.snapshot && !is_resume, is_resume);
    }
    if (!f->ops->subscribe(f, idx, first, cnt))
        violation(f, idx, "the command could not be sent", "", 0);
}

void tc_fleet_on_open(struct tc_fleet *f, uint32_t idx)
{
    struct tc_fleet_conn *c = &f->conns[idx];
    bool is_alt = f->args.has_alt && (c->open_cnt & 1);
    c->open_cnt++;
    c->due_ns = 0;
    if (f->args.joins) {
        c->due_ns = soon(f, 0, f->args.stay_max_ms);
        return;
    }
    subscribe(f, idx, 0, f->args.per_conn);
    if (c->cuts_left)
        c->due_ns = soon(f, f->args.cut_min_ms, f->args.cut_max_ms) +
                    (is_alt ? f->args.alt_stay_ms * MS : 0);
}

static void close_chains(struct tc_fleet *f, uint32_t idx, bool is_final)
{
    for (uint32_t k = 0; k < f->args.per_conn; k++)
        tc_proof_close(tc_fleet_chain(f, idx, k), &f->journal, is_final);
}

void tc_fleet_on_end(struct tc_fleet *f, uint32_t idx, const char *why, bool is_fault,
                     uint32_t code, bool is_refused)
{
    struct tc_fleet_conn *c = &f->conns[idx];
    f->ends++;
    f->closes[code < 5000 ? code : 0]++;
    close_chains(f, idx, false);
    if (is_fault) {
        f->faults++;
        violation(f, idx, "protocol", why, strlen(why));
    }
    f->refused += is_refused;
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

static void on_payload(struct tc_fleet *f, uint32_t idx, const struct tc_scan *s, uint32_t *crc)
{
    struct tc_fleet_conn *conn = &f->conns[idx];
    if (!payload_crc(s->data, crc)) {
        f->bad_payloads++;
        violation(f, idx, "torn payload", s->data.at, s->data.len);
    }
    conn->updates++;
    if (!s->snapshot)
        f->last_update_ns = f->now_ns;
    int64_t sent = conn->is_measured && !s->snapshot ? tc_scan_number(s->data, f->args.time_key)
                                                     : TC_SCAN_NONE;
    if (sent >= 0 && f->is_ready) {
        int64_t took_ns = tc_tb_wall_ns() - sent * f->args.time_ns;
        tc_hist_add(&f->latency, took_ns);
        tc_hist_add(&f->window, took_ns);
    }
}

void tc_fleet_on_message(struct tc_fleet *f, uint32_t idx, const struct tc_scan *s,
                         const char *text, size_t len)
{
    struct tc_fleet_conn *conn = &f->conns[idx];
    if (!s) {
        violation(f, idx, "not a message of the protocol", text, len);
        return;
    }
    f->errors += s->kind == TC_SCAN_ERROR;
    f->draining += s->kind == TC_SCAN_DRAINING;
    if (s->kind == TC_SCAN_ERROR && f->errors <= 10)
        fprintf(stderr, "connection %u: %.*s: %.*s\n", idx, (int)s->code.len, s->code.at,
                (int)s->message.len, s->message.at);
    if (!s->room.at || s->kind == TC_SCAN_ERROR)
        return;
    uint32_t room = tc_journal_room(&f->journal, s->room);
    uint32_t k = 0;
    while (k < f->args.per_conn && tc_fleet_chain(f, idx, k)->room != room)
        k++;
    if (k == f->args.per_conn) {
        violation(f, idx, "a room that was not asked for", text, len);
        return;
    }
    uint32_t crc = 0;
    if (s->kind == TC_SCAN_UPDATE)
        on_payload(f, idx, s, &crc);
    const char *wrong = tc_proof_feed(tc_fleet_chain(f, idx, k), &f->journal, &f->sums, s, crc);
    if (wrong) {
        char what[200];
        snprintf(what, sizeof what, "%s (last %" PRId64 ")", wrong,
                 tc_fleet_chain(f, idx, k)->last);
        violation(f, idx, what, text, len);
    }
    if (s->kind == TC_SCAN_CONFIRMED)
        on_room_confirmed(f, idx);
    if (s->kind == TC_SCAN_UNSUBSCRIBED) {
        f->leave_cnt++;
        conn->is_leaving = false;
        conn->due_ns = f->join_cnt < f->args.joins ? soon(f, 0, f->args.stay_max_ms) : 0;
    }
}

static void connect_one(struct tc_fleet *f, uint32_t idx)
{
    f->conns[idx].due_ns = 0;
    f->ops->connect(f, idx, &f->args.to[f->args.has_alt && (f->conns[idx].open_cnt & 1)]);
}

/* What a connection does at its time: reconnect, be cut, join or leave. */
static void act(struct tc_fleet *f, uint32_t idx)
{
    struct tc_fleet_conn *c = &f->conns[idx];
    c->due_ns = 0;
    if (f->ops->is_free(f, idx)) {
        f->reconnects++;
        connect_one(f, idx);
    } else if (c->cuts_left) {
        c->cuts_left--;
        f->cut_cnt++;
        f->ops->cut(f, idx);
        close_chains(f, idx, false);
        c->due_ns = soon(f, 1, f->args.cut_max_ms);
    } else if (c->is_leaving) {
        f->ops->leave(f, idx, 0);
    } else if (f->args.joins && f->join_cnt < f->args.joins) {
        subscribe(f, idx, 0, 1);
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
    f->last_turn_ns = f->now_ns;
    f->due_ns = a->stall_ms && (f->is_stalled || f->stalls < a->stall_cycles)
                    ? f->now_ns + a->stall_ms * MS
                    : 0;
    for (uint32_t i = a->conns - a->stall_cnt; i < a->conns; i++)
        f->ops->stall(f, i, f->is_stalled);
}

static void run_timers(struct tc_fleet *f)
{
    const struct tc_fleet_args *a = &f->args;
    int64_t now = f->now_ns;
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
    }
    if (f->due_ns && f->due_ns <= now)
        turn_stalled(f);
}

static bool is_done(const struct tc_fleet *f)
{
    const struct tc_fleet_args *a = &f->args;
    int64_t now = f->now_ns;
    if (is_stopped || now - f->start_ns > a->duration_ms * MS)
        return true;
    if (a->joins)
        return f->join_cnt >= a->joins && f->leave_cnt >= f->join_cnt;
    if (a->stall_ms && a->stall_cnt && (!f->stalls || f->due_ns))
        return false;
    return a->idle_exit_ms && f->last_update_ns && now - f->last_update_ns > a->idle_exit_ms * MS &&
           now - f->last_turn_ns > a->idle_exit_ms * MS;
}

/* The rooms of every connection. */
static void set_up(struct tc_fleet *f)
{
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
            *tc_fleet_chain(f, i, k) =
                (struct tc_proof){ .conn = i,
                                   .room = tc_journal_room(&f->journal, text),
                                   .last = TC_SCAN_NULL,
                                   .base = TC_SCAN_NULL };
        }
    }
}

int tc_fleet_main(struct tc_fleet *f, const struct tc_fleet_ops *ops,
                  void (*init)(struct tc_fleet *f), int argc, char **argv)
{
    tc_fleet_parse(&f->args, ops, argc, argv);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    f->ops = ops;
    f->random = 88172645463325252U;
    tc_journal_init(&f->journal, f->args.journal_file, f->args.records_max);
    set_up(f);
    init(f);
    f->start_ns = f->now_ns = tc_tb_mono_ns();
    while (!is_done(f)) {
        for (uint32_t i = 0; f->is_ready && i < f->args.one_byte_cnt; i++)
            ops->take_byte(f, f->args.conns - f->args.stall_cnt - 1 - i);
        run_timers(f);
        ops->poll(f);
    }
    for (uint32_t i = 0; i < f->args.conns; i++)
        close_chains(f, i, true);
    end_window(f);
    tc_journal_fini(&f->journal);
    tc_fleet_print(f);
    return f->violations || f->bad_payloads ? 1 : 0;
}
