// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/mem/mem.h"
#include "tools/bench/load.h"

enum {
    UNANSWERED_MAX = 128, /* connections under way at once */
    EVENTS = 512,
    QUIET_NS = 1000000,
    QUIET_WAIT_MS = 5000, /* a burst that is under way, and the next */
    STUCK_MS = 20000,     /* no connection became ready for so long */
};

void tc_load_fail(struct tc_load *load, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(load->slot->error, sizeof(load->slot->error), fmt, args);
    va_end(args);
    load->slot->exit_code = TC_LOAD_REMOTE;
    _exit(TC_LOAD_REMOTE);
}

static void answer(struct tc_load *load, char word)
{
    if (write(load->control_fd, &word, 1) != 1)
        _exit(TC_LOAD_OK); /* the coordinator is gone */
}

/* ---- connections that come and go ---- */

static void churn(struct tc_load *load)
{
    uint32_t first = 0;
    uint64_t rate =
        tc_load_share(load->conf->churn_per_s, load->proc_idx, load->conf->proc_cnt, &first);
    if (load->churn_start_ns == 0 || rate == 0)
        return;
    int64_t now = tc_load_clock(CLOCK_MONOTONIC);
    uint64_t due = (uint64_t)((double)(now - load->churn_start_ns) * 1e-9 * (double)rate);
    for (uint32_t tried = 0; load->counts.churned < due && tried < load->churn_cnt; tried++) {
        struct tc_load_conn *c = &load->conns[load->conn_cnt + load->churn_next];
        load->churn_next = (load->churn_next + 1) % load->churn_cnt;
        if (c->is_pending)
            continue;
        c->is_pending = true;
        c->is_in = !c->is_in;
        load->counts.churned++;
        if (c->is_in)
            load->dialect->subscribe(load, c, 0, 1);
        else
            load->dialect->unsubscribe(load, c, 0);
    }
}

/* ---- the loop ---- */

static void read_conn(struct tc_load *load, uint32_t idx)
{
    struct tc_load_conn *c = &load->conns[idx];
    if (tc_load_conn_read(load, c) && !c->is_again) {
        c->is_again = true;
        load->again[load->again_cnt++] = idx;
    }
}

/* Those that were not done with in the turn before; each may come again. */
static void read_again(struct tc_load *load)
{
    uint32_t cnt = load->again_cnt;
    load->again_cnt = 0;
    for (uint32_t i = 0; i < cnt; i++) {
        uint32_t idx = load->again[i]; /* entries are written at or before the one that is read */
        load->conns[idx].is_again = false;
        read_conn(load, idx);
    }
}

/* Takes what has come within that time; a command of the coordinator, 0: none. */
static char turn(struct tc_load *load, int timeout_ms)
{
    static struct epoll_event events[EVENTS];
    char word = 0;
    if (load->again_cnt > 0)
        timeout_ms = 0;
    else if (load->churn_start_ns > 0)
        timeout_ms = TC_MIN(timeout_ms, 1);
    int n = epoll_wait(load->epoll_fd, events, EVENTS, timeout_ms);
    read_again(load);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 != TC_NONE) {
            read_conn(load, events[i].data.u32);
        } else if (read(load->control_fd, &word, 1) != 1) {
            _exit(TC_LOAD_OK); /* the coordinator has all it wants, or is gone */
        }
    }
    churn(load);
    return word;
}

static void connect_all(struct tc_load *load)
{
    uint32_t all = load->conn_cnt + load->churn_cnt;
    uint32_t ready = 0;
    int64_t since_ns = tc_load_clock(CLOCK_MONOTONIC);
    while (load->ready_cnt < all) {
        /* as fast as they are taken */
        while (load->started_cnt < all && load->started_cnt - load->open_cnt < UNANSWERED_MAX) {
            tc_load_conn_start(load, load->started_cnt);
            load->started_cnt++;
        }
        turn(load, 10);
        int64_t now_ns = tc_load_clock(CLOCK_MONOTONIC);
        if (load->ready_cnt != ready) {
            ready = load->ready_cnt;
            since_ns = now_ns;
            atomic_store_explicit(&load->slot->ready_cnt, ready, memory_order_relaxed);
        }
        if (now_ns - since_ns > STUCK_MS * 1000000ll)
            tc_load_fail(load,
                         "%u of %u connections were taken and confirmed, and no more for 20 s",
                         ready, all);
    }
    for (uint32_t i = 0; i < load->conn_cnt; i++)
        if (!load->conns[i].is_measured)
            tc_load_conn_stall(load, &load->conns[i]);
}

/* ---- marks ---- */

static void mark(struct tc_load *load)
{
    struct tc_load_slot *slot = load->slot;
    load->counts.own_ns = tc_load_clock(CLOCK_PROCESS_CPUTIME_ID);
    slot->counts = load->counts;
    for (uint64_t i = 0; i < load->conf->room_cnt; i++)
        slot->room_max[i] = load->rooms[i].max;
}

/* Nothing is under way: all have seen the newest, and no update comes for a while. */
static bool is_quiet(struct tc_load *load)
{
    uint64_t before = load->counts.deliveries;
    int64_t until_ns = tc_load_clock(CLOCK_MONOTONIC) + QUIET_NS;
    do {
        turn(load, 1);
        if (load->counts.deliveries != before || load->behind_cnt > 0)
            return false;
    } while (tc_load_clock(CLOCK_MONOTONIC) < until_ns);
    return true;
}

/* Goes on to the next quiet moment; false: there was none in time. It is one right after a burst,
 * so that the next one does not begin during the look at the clocks. */
static bool await_quiet(struct tc_load *load)
{
    uint64_t before = load->counts.deliveries;
    int64_t until_ns = tc_load_clock(CLOCK_MONOTONIC) + QUIET_WAIT_MS * 1000000ll;
    while (tc_load_clock(CLOCK_MONOTONIC) < until_ns) {
        if (load->counts.deliveries == before)
            turn(load, 1);
        else if (is_quiet(load))
            return true;
    }
    return false;
}

static void obey(struct tc_load *load, char word)
{
    if (word == TC_LOAD_CMD_NOW) {
        mark(load);
        answer(load, TC_LOAD_MARKED);
    } else if (word == TC_LOAD_CMD_QUIET) {
        bool is_found = await_quiet(load);
        mark(load);
        answer(load, is_found ? TC_LOAD_MARKED : TC_LOAD_NO);
    } else if (word == TC_LOAD_CMD_STILL) {
        turn(load, 0);
        bool is_still = load->counts.deliveries == load->slot->counts.deliveries;
        answer(load, is_still ? TC_LOAD_YES : TC_LOAD_NO);
    }
}

int tc_load_worker(struct tc_load *load)
{
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    load->buffer = tc_alloc(TC_LOAD_CARRY_BYTES + TC_LOAD_READ_BYTES);
    load->out = tc_alloc(TC_LOAD_CARRY_BYTES);
    tc_load_account_init(load);
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    /* TC_NONE stands for the coordinator in place of a connection */
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = TC_NONE };
    if (load->epoll_fd < 0 ||
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->control_fd, &event) != 0)
        tc_load_fail(load, "epoll: %s", strerror(errno));
    if (load->conf->is_tls) {
        load->tls = SSL_CTX_new(TLS_client_method());
        TC_ASSERT(load->tls != NULL);
        SSL_CTX_set_mode(load->tls, SSL_MODE_RELEASE_BUFFERS);
        const char *alpn = load->dialect->alpn;
        if (alpn != NULL) {
            unsigned char list[32];
            size_t len = strlen(alpn);
            list[0] = (unsigned char)len;
            memcpy(list + 1, alpn, len);
            SSL_CTX_set_alpn_protos(load->tls, list, (unsigned)len + 1);
        }
    }
    connect_all(load);
    answer(load, TC_LOAD_READY);
    if (load->churn_cnt > 0)
        load->churn_start_ns = tc_load_clock(CLOCK_MONOTONIC);
    for (;;)
        obey(load, turn(load, 1000));
}
