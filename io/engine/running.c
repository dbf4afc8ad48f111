// SPDX-License-Identifier: Apache-2.0
/* What the main thread does while the engine runs. */
#include <signal.h>

#include "io/engine/supervisor_int.h"
#include "io/os/notify.h"
#include "io/os/os.h"

enum { TICK_MS = 100 };

const struct tc_addr *tc_engine_addr(const struct tc_engine *e)
{
    return &e->addrs[TC_NET_PLAIN];
}

const struct tc_addr *tc_engine_tls_addr(const struct tc_engine *e)
{
    return &e->addrs[TC_NET_TLS];
}

const struct tc_addr *tc_engine_admin_addr(const struct tc_engine *e)
{
    return tc_admin_addr(e->admin);
}

bool tc_engine_is_ready(const struct tc_engine *e)
{
    return tc_status_is_ready(&e->status);
}

static void fill_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void tc_engine_signals_block(void)
{
    sigset_t set;
    fill_signals(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* SIGHUP: each worker gets its share of what was read again. */
static void reload(struct tc_engine *e)
{
    if (!tc_certs_reload(&e->certs, e->log))
        return;
    for (uint32_t i = 0; i < e->plan.worker_cnt; i++) {
        tc_worker_use_tls(&e->workers[i].worker, tc_tls_ctx_ref(e->certs.ctx));
        tc_os_bell_ring(e->workers[i].bell);
    }
}

/* Once per tick: what the service manager and the metrics want to know. */
static void tell(struct tc_engine *e, int64_t *watchdog_at_ns)
{
    int64_t now_ns = tc_os_mono_ns();
    bool is_ready = tc_engine_is_ready(e);
    tc_count_set(&e->process.ready, is_ready);
    if (is_ready && !e->is_ready_told) {
        e->is_ready_told = true;
        tc_log(e->log, TC_LOG_INFO, "ready", "ready to serve");
        (void)tc_os_notify("READY=1\nSTATUS=serving");
    }
    tc_certs_tick(&e->certs);
    int64_t span_ns = tc_os_watchdog_ns();
    if (span_ns > 0 && now_ns >= *watchdog_at_ns) {
        *watchdog_at_ns = now_ns + span_ns / 2;
        (void)tc_os_notify("WATCHDOG=1");
    }
}

int tc_engine_wait(struct tc_engine *e, int64_t span_ms, void (*on_tick)(void *ctx), void *ctx)
{
    sigset_t set;
    int64_t watchdog_at_ns = 0;
    int64_t end_ns = span_ms < 0 ? INT64_MAX : tc_os_mono_ns() + span_ms * 1000000;
    fill_signals(&set);
    for (int64_t now_ns; (now_ns = tc_os_mono_ns()) < end_ns;) {
        struct timespec tick = { 0, TC_MIN(end_ns - now_ns, TICK_MS * 1000000ll) };
        int signal = sigtimedwait(&set, NULL, &tick);
        if (signal == SIGTERM || signal == SIGINT)
            return signal;
        if (signal == SIGHUP)
            reload(e);
        tell(e, &watchdog_at_ns);
        if (on_tick)
            on_tick(ctx);
    }
    return 0;
}
