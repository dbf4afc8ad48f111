// SPDX-License-Identifier: Apache-2.0
/* Goal: a worker's turn: what a source brings reaches a client's socket in the same turn, a worker
 * blocks only after it has said so, and a graceful stop comes to its end.
 *
 * Real loopback sockets and epoll, but a clock of the test's own: poll() never blocks; how long it
 * would have is looked at. */
#include "io/engine/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/net/listen.h"
#include "tests/unit/io/engine/fixture.h"

static struct fx fx;
static struct tc_worker worker;
static struct tc_metric_worker metric;
static struct tc_fan_feed feed;
static struct tc_addr addr;
static int listen_fd = -1;

static struct tc_ingest *const fused[] = { &fx.ingest };
static const struct tc_metric_worker *const peers[] = { &metric };

enum { IDX = 1 }; /* the worker's number and so its bit */

/* ---- the reactor: epoll with a look at how it is called ---- */

static struct {
    struct tc_reactor_ops ops;
    int64_t timeout_ns; /* of the last poll */
    bool was_sleeping;  /* the worker's bit during the last poll */
    void (*before)(void);
} spy;

static uint32_t spy_poll(struct tc_reactor *reactor, int64_t timeout_ns, uint32_t event_max,
                         tc_reactor_event_fn fn, void *ctx)
{
    spy.timeout_ns = timeout_ns;
    spy.was_sleeping = atomic_load(&fx.sleeping) & 1ull << IDX;
    if (spy.before)
        spy.before();
    spy.before = NULL;
    return tc_reactor_epoll.poll(reactor, 0, event_max, fn, ctx);
}

/* ---- the worker ---- */

static struct tc_worker_conf worker_conf(uint32_t fused_cnt)
{
    feed = (struct tc_fan_feed){ &fx.ingest.bus, &fx.ingest.dir, &fx.ingest.logs };
    spy.ops = tc_reactor_epoll;
    spy.ops.poll = spy_poll;
    return (struct tc_worker_conf){
        .idx = IDX,
        .conf = &fx.conf,
        .rules = &fx.rules,
        .feeds = &feed,
        .feed_cnt = 1,
        .fused = fused,
        .fused_cnt = fused_cnt,
        .ops = &spy.ops,
        .bell = fx.bells[IDX],
        .sleeping = &fx.sleeping,
        .key = { 3, 4 },
        .start_ms = fx.wall_ms,
        .clock = fx_clock,
        .clock_ctx = &fx,
        .metric = &metric,
        .peers = peers,
        .peer_cnt = 1,
        .log = &fx.log,
        .mem = &fx.mem,
    };
}

static void open_worker(uint32_t fused_cnt)
{
    struct tc_err err = { 0 };
    fx_start(&fx);
    struct tc_worker_conf conf = worker_conf(fused_cnt);
    cr_assert_eq(tc_worker_open(&worker, &conf, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_addr_parse(&addr, TC_STR("127.0.0.1:0"), &err), TC_OK);
    cr_assert_eq(tc_listen_open(&addr, 1, 0, &listen_fd, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_worker_listen(&worker, (int[]){ listen_fd, -1 }), TC_OK);
}

static void teardown(void)
{
    tc_worker_close(&worker);
    tc_os_close(listen_fd);
    fx_fini(&fx);
}

TestSuite(worker, .fini = teardown);

/* Turns without work until one has none; the clock stands still. */
static void settle(void)
{
    int turns = 0;
    while (tc_worker_turn(&worker, false) > 0)
        cr_assert_lt(++turns, 10000, "it finds something to do for ever");
}

/* ---- a client ---- */

struct client {
    int fd;
    size_t len;
    bool is_ended; /* the server has sent its last byte */
    char got[16384];
};

static bool has(const struct client *c, const char *text)
{
    return memmem(c->got, c->len, text, strlen(text)) != NULL;
}

static void take(struct client *c)
{
    ssize_t n = recv(c->fd, c->got + c->len, sizeof(c->got) - c->len, MSG_DONTWAIT);
    c->len += n > 0 ? (size_t)n : 0;
    c->is_ended |= n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Turns until text has arrived ("": the connection's end), for at most some seconds of real time.
 */
static void expect(struct client *c, const char *text)
{
    int64_t end_ns = tc_os_mono_ns() + 5000 * (int64_t)FX_MS;
    bool is_there = false;
    while (!is_there && tc_os_mono_ns() < end_ns) {
        tc_worker_turn(&worker, false);
        take(c);
        is_there = *text ? has(c, text) : c->is_ended;
    }
    cr_assert(is_there, "no %s in %.*s", *text ? text : "end", (int)c->len, c->got);
}

/* One masked text frame; the mask is 0, so the text stands as it is. */
static void say(struct client *c, const char *text)
{
    size_t len = strlen(text);
    char frame[160] = { '\x81', (char)(0x80 | len) };
    cr_assert_lt(len, 126);
    memcpy(frame + 6, text, len);
    cr_assert_eq(send(c->fd, frame, len + 6, MSG_NOSIGNAL), (ssize_t)len + 6);
}

static void dial(struct client *c)
{
    memset(c, 0, sizeof(*c));
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(c->fd, (const struct sockaddr *)&addr.sa, addr.len), 0);
}

/* Upgraded, and at the head of ticker-A. */
static void subscribe(struct client *c)
{
    static const char head[] = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    dial(c);
    cr_assert_eq(send(c->fd, head, sizeof(head) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(head) - 1);
    expect(c, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    say(c, "{\"event\":\"subscribe-ticker\",\"data\":\"A\"}");
    expect(c, "subscription-confirmed");
    settle();
}

static void ingest_one(int64_t pos, const char *value)
{
    sc_record(&fx, 0, pos, fx.wall_ms - 20, "A", value);
    fx_turn(&fx);
}

/* ---- delivery ---- */

static struct client client;

Test(worker, delivers)
{
    /* Goal: one turn reads the bus and puts the event on the socket; the latencies are of this
     * delivery: 3 ms since ingest, 23 ms since the record's time. */
    open_worker(0);
    subscribe(&client);
    ingest_one(7, "{\"p\":1}");
    fx_advance(&fx, 3);
    cr_assert_gt(tc_worker_turn(&worker, false), 0);
    take(&client);
    cr_assert(has(&client, "\"room\":\"ticker-A\",\"pos\":7,\"prev\":null,\"ts\":99980,"
                           "\"data\":{\"p\":1}}"));
    cr_expect_eq(tc_count_get(&metric.deliveries), 1);
    cr_expect_eq(tc_count_get(&metric.connections), 1);
    cr_expect_eq(tc_count_get(&metric.members), 1);
    cr_expect_eq(atomic_load(&metric.ingest_to_write.sum_ns), 3 * (uint64_t)FX_MS);
    cr_expect_eq(atomic_load(&metric.record_to_write.sum_ns), 23 * (uint64_t)FX_MS);
    cr_expect_eq(tc_count_get(&metric.record_time_negative), 0);
    cr_assert_eq(tc_worker_turn(&worker, false), 0, "nothing is left");
}

Test(worker, record_ahead_of_clock)
{
    /* Goal: a record from the future is counted and is not a latency. */
    open_worker(0);
    subscribe(&client);
    sc_record(&fx, 0, 7, fx.wall_ms + 50, "A", "1");
    sc_record(&fx, 0, 8, -1, "A", "2");
    fx_turn(&fx);
    settle();
    take(&client);
    cr_assert(has(&client, "\"pos\":8"));
    cr_expect_eq(tc_count_get(&metric.record_time_negative), 1);
    cr_expect_eq(atomic_load(&metric.record_to_write.sum_ns), 0);
}

Test(worker, fused)
{
    /* Goal: a worker that shares its thread with ingest delivers in the turn that polled the
     * source, and is rung by nobody. */
    open_worker(1);
    subscribe(&client);
    sc_record(&fx, 0, 7, 1, "A", "1");
    cr_assert_gt(tc_worker_turn(&worker, true), 0);
    take(&client);
    cr_assert(has(&client, "\"pos\":7"));
    cr_assert_eq(tc_count_get(&fx.metric.doorbells), 0);
}

/* ---- sleep ---- */

Test(worker, sleeps_after_saying_so)
{
    /* Goal: an idle worker blocks for at most a second with its bit set, and takes the bit back;
     * one that may not sleep, or whose policy is to spin, only looks. */
    open_worker(0);
    settle();
    uint64_t sleeps = tc_count_get(&metric.sleeps);
    cr_assert_eq(tc_worker_turn(&worker, true), 0);
    cr_assert(spy.was_sleeping);
    cr_assert_eq(spy.timeout_ns, TC_WORKER_SLEEP_NS);
    cr_assert_eq(atomic_load(&fx.sleeping), 0);
    cr_assert_eq(tc_count_get(&metric.sleeps), sleeps + 1);
    tc_worker_turn(&worker, false);
    cr_assert(!spy.was_sleeping && spy.timeout_ns == 0);
    fx.conf.idle = TC_IDLE_SPIN;
    fx_advance(&fx, 1000);
    tc_worker_turn(&worker, true);
    tc_worker_turn(&worker, true);
    cr_assert(!spy.was_sleeping && spy.timeout_ns == 0);
    cr_assert_eq(tc_count_get(&metric.sleeps), sleeps + 1);
}

Test(worker, spins_then_sleeps)
{
    /* Goal: spin-then-sleep blocks once there was no work for TC_WORKER_SPIN_NS. */
    open_worker(0);
    fx.conf.idle = TC_IDLE_SPIN_THEN_SLEEP;
    ingest_one(1, "1");
    settle();
    fx.now_ns += TC_WORKER_SPIN_NS - 1;
    tc_worker_turn(&worker, true); /* takes the new time */
    tc_worker_turn(&worker, true);
    cr_assert_not(spy.was_sleeping);
    fx.now_ns += 1;
    tc_worker_turn(&worker, true);
    tc_worker_turn(&worker, true);
    cr_assert(spy.was_sleeping);
}

Test(worker, news_before_sleep)
{
    /* Goal: what was committed before the worker said that it sleeps keeps it from blocking; it was
     * not rung for it. */
    open_worker(0);
    subscribe(&client);
    ingest_one(7, "1");
    uint64_t sleeps = tc_count_get(&metric.sleeps);
    cr_assert_gt(tc_worker_turn(&worker, true), 0);
    cr_assert(spy.was_sleeping);
    cr_assert_eq(spy.timeout_ns, 0);
    cr_assert_eq(tc_count_get(&metric.sleeps), sleeps);
    cr_assert_eq(tc_count_get(&fx.metric.doorbells), 0);
    take(&client);
    cr_assert(has(&client, "\"pos\":7"));
}

static void ingest_7(void)
{
    ingest_one(7, "1");
}

static void ingest_8(void)
{
    ingest_one(8, "1");
}

Test(worker, doorbell_wakes)
{
    /* Goal: what is committed while the worker sleeps rings its bell, ends the sleep and is
     * delivered in that turn; be it the first record of a room that was waited for, or a later. */
    static void (*const rows[])(void) = { ingest_7, ingest_8 };
    static const char *const texts[] = { "\"pos\":7,\"prev\":null", "\"pos\":8,\"prev\":7" };
    open_worker(0);
    subscribe(&client);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        spy.before = rows[i];
        cr_assert_gt(tc_worker_turn(&worker, true), 0);
        cr_assert_gt(spy.timeout_ns, 0, "it would have slept");
        cr_assert_eq(tc_count_get(&fx.metric.doorbells), i + 1);
        cr_assert_eq(tc_count_get(&metric.wakeups), i + 1);
        cr_assert_eq(atomic_load(&fx.sleeping), 0);
        take(&client);
        cr_assert(has(&client, texts[i]), "row %zu", i);
        settle();
    }
    tc_worker_turn(&worker, true);
    cr_assert_eq(tc_count_get(&metric.wakeups), 2, "the bell was cleared");
}

Test(worker, no_interest_no_bell)
{
    /* Goal: an event of a room that nobody here has does not wake the worker. */
    open_worker(0);
    ingest_7();
    settle();
    spy.before = ingest_8;
    tc_worker_turn(&worker, true);
    cr_assert_gt(spy.timeout_ns, 0);
    cr_assert_eq(tc_count_get(&fx.metric.doorbells), 0);
    cr_assert_eq(tc_count_get(&metric.wakeups), 0);
}

Test(worker, sleep_is_bounded_by_timers)
{
    /* Goal: the sleep ends with the first of: a client's timer, the fused source's wish; however
     * long the turn before it took. */
    open_worker(1);
    dial(&client);
    while (worker.net.conn_cnt == 0)
        tc_worker_turn(&worker, false);
    settle();
    fx.conf.timeouts.head_ms = 10000;
    tc_worker_turn(&worker, true);
    cr_assert_eq(spy.timeout_ns, TC_WORKER_SLEEP_NS, "the head's timer is far away");
    fx_advance(&fx, 9500);
    tc_worker_turn(&worker, true);
    cr_assert(spy.timeout_ns > 0 && spy.timeout_ns <= 600 * (int64_t)FX_MS, "%" PRId64,
              spy.timeout_ns);
    fx.source.wake_ns = fx.now_ns + 3 * FX_MS;
    tc_worker_turn(&worker, true);
    cr_assert_eq(spy.timeout_ns, 3 * FX_MS);
    fx.source.wake_ns = fx.now_ns - 1;
    tc_worker_turn(&worker, true);
    cr_assert_eq(spy.timeout_ns, 0);
    cr_assert_not(spy.was_sleeping);
}

Test(worker, fused_source_wakes)
{
    /* Goal: the descriptor of a fused source is watched, and a worker that spins asks the source
     * when that rang or its time has come, and not otherwise. */
    struct tc_err err;
    int fd = tc_os_bell_open(&err);
    fx_start(&fx);
    fx.source.wake_fd = fd;
    struct tc_worker_conf conf = worker_conf(1);
    cr_assert_eq(tc_worker_open(&worker, &conf, &err), TC_OK);
    settle();
    tc_os_bell_ring(fd);
    cr_assert_gt(tc_worker_turn(&worker, true), 0);
    cr_assert_eq(tc_count_get(&metric.wakeups), 0, "it is not the doorbell");
    tc_os_bell_clear(fd);
    cr_assert_eq(tc_worker_turn(&worker, true), 0);
    fx.conf.idle = TC_IDLE_SPIN;
    uint64_t polls = fx.source.poll_cnt;
    for (int i = 0; i < 10; i++)
        cr_assert_eq(tc_worker_turn(&worker, true), 0);
    cr_assert_eq(fx.source.poll_cnt, polls);
    tc_os_bell_ring(fd);
    (void)tc_worker_turn(&worker, true);
    cr_assert_eq(fx.source.poll_cnt, polls + 1);
    tc_os_bell_clear(fd);
    fx.source.wake_ns = fx.now_ns + FX_MS;
    (void)tc_worker_turn(&worker, true);
    cr_assert_eq(fx.source.poll_cnt, polls + 1);
    fx_advance(&fx, 1);
    (void)tc_worker_turn(&worker, true);
    cr_assert_eq(fx.source.poll_cnt, polls + 2);
    tc_os_close(fd);
}

/* ---- the end ---- */

Test(worker, drain)
{
    /* Goal: clients are told and closed with 1012; nobody new is let in; when the last has left,
     * the worker is done. */
    static struct client late;
    open_worker(0);
    subscribe(&client);
    cr_assert_not(tc_worker_is_drained(&worker));
    tc_worker_drain(&worker);
    cr_assert_not(tc_worker_is_drained(&worker), "it has not begun");
    expect(&client, "{\"event\":\"draining\",\"reconnect_ms\":");
    expect(&client, "\x03\xf4the server restarts");
    dial(&late);
    settle();
    cr_assert_eq(worker.net.conn_cnt, 1);
    cr_assert_not(tc_worker_is_drained(&worker));
    close(client.fd);
    for (int i = 0; i < 1000 && !tc_worker_is_drained(&worker); i++)
        tc_worker_turn(&worker, false);
    cr_assert(tc_worker_is_drained(&worker));
    close(late.fd);
}

Test(worker, drain_wakes_and_ends)
{
    /* Goal: the wish to drain is seen by a worker that is about to sleep; a client that stays is
     * cut when the window (500 ms) is over, and not before. */
    open_worker(0);
    subscribe(&client);
    tc_worker_drain(&worker);
    tc_worker_turn(&worker, true);
    cr_assert_eq(spy.timeout_ns, 0);
    expect(&client, "\x03\xf4the server restarts");
    settle();
    tc_worker_turn(&worker, true);
    cr_assert(spy.timeout_ns > 0 && spy.timeout_ns <= 500 * (int64_t)FX_MS, "%" PRId64,
              spy.timeout_ns);
    fx_advance(&fx, 499);
    settle();
    cr_assert_not(tc_worker_is_drained(&worker));
    fx_advance(&fx, 1);
    tc_worker_turn(&worker, true);
    cr_assert(tc_worker_is_drained(&worker));
    cr_assert_eq(tc_count_get(&metric.closes[TC_CLOSE_DRAINING]), 1);
    close(client.fd);
}

Test(worker, drain_idle)
{
    /* Goal: a worker without connections is done with the turn that sees the wish. */
    open_worker(0);
    tc_worker_drain(&worker);
    tc_worker_turn(&worker, true);
    cr_assert(tc_worker_is_drained(&worker));
}

Test(worker, close_ends_connections)
{
    /* Goal: closing a worker closes its connections and their descriptors. */
    open_worker(0);
    int before = tc_os_fd_cnt();
    subscribe(&client);
    cr_assert_eq(tc_os_fd_cnt(), before + 2);
    tc_worker_close(&worker);
    take(&client);
    cr_assert(client.is_ended);
    close(client.fd);
    cr_assert_eq(tc_os_fd_cnt(), before - 2, "the reactor's and the pages' are gone as well");
}

Test(worker, open_fails)
{
    /* Goal: a spent budget and a dead doorbell come back as errors with the holder's name, and what
     * was opened until then can be closed. */
    struct tc_err err = { 0 };
    struct tc_mem small;
    fx_start(&fx);
    struct tc_worker_conf conf = worker_conf(0);
    tc_mem_init(&small, 3000);
    conf.mem = &small;
    cr_assert_eq(tc_worker_open(&worker, &conf, &err), -TC_ENOMEM);
    cr_assert(strstr(err.text, "worker 1"), "%s", err.text);
    tc_worker_close(&worker);
    tc_mem_fini(&small);
    conf.mem = &fx.mem;
    conf.bell = -1;
    int before = tc_os_fd_cnt();
    cr_assert_lt(tc_worker_open(&worker, &conf, &err), 0);
    cr_assert(strstr(err.text, "worker 1: cannot watch its doorbell"), "%s", err.text);
    tc_worker_close(&worker);
    cr_assert_eq(tc_os_fd_cnt(), before);
}
