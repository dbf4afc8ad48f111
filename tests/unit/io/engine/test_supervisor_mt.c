// SPDX-License-Identifier: Apache-2.0
/* Goal: the engine as a whole, with its own threads and real sockets: it serves, it says why it
 * cannot start, and whatever it did, it leaves nothing behind. */
#include "io/engine/supervisor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "io/engine/preflight.h"
#include "io/os/thread.h"
#include "tests/unit/io/engine/whole.h"
#include "tools/tickcast/ws_client.h"

TestSuite(supervisor, .init = setup, .fini = teardown);

/* ---- clients ---- */

struct heard {
    int want; /* updates */
    int updates;
    bool is_confirmed;
    bool is_draining;
};

static bool hear(void *ctx, const char *message, size_t len)
{
    struct heard *h = ctx;
    h->is_confirmed |= memmem(message, len, "subscription-confirmed", 22) != NULL;
    h->is_draining |= memmem(message, len, "{\"event\":\"draining\"", 19) != NULL;
    h->updates += memmem(message, len, "\"room\":\"ticker-S1\",\"pos\":", 25) != NULL &&
                  memmem(message, len, "\"prev\":", 7) != NULL;
    return h->updates < h->want;
}

static struct tc_ws_client *dial(void)
{
    struct tc_link_to to = { .ca_file = NULL };
    struct tc_ws_client *client = NULL;
    static const char subscribe[] = "{\"event\":\"subscribe-ticker\",\"data\":\"S1\",\"id\":1}";
    snprintf(to.url.host, sizeof(to.url.host), "127.0.0.1");
    snprintf(to.url.port, sizeof(to.url.port), "%u", tc_addr_port(tc_engine_addr(engine)));
    snprintf(to.url.path, sizeof(to.url.path), "/ws");
    cr_assert_eq(tc_ws_client_open(&client, &to, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_ws_client_send(client, subscribe, sizeof(subscribe) - 1, &err), TC_OK);
    return client;
}

/* Reads until cnt updates more; whether the confirmation was among what was read. */
static bool expect_more(struct tc_ws_client *client, int cnt)
{
    struct heard heard = { .want = cnt };
    int rc = 1;
    while (rc > 0 && heard.updates < cnt)
        rc = tc_ws_client_read(client, WAIT_MS, hear, &heard, &err);
    cr_assert_gt(rc, 0, "%d: %s", rc, err.text);
    return heard.is_confirmed;
}

static void expect_updates(struct tc_ws_client *client, int cnt)
{
    cr_assert(expect_more(client, cnt));
}

/* GET path on the admin port; the status, 0: no answer. The answer is in to. */
static int admin_get(const struct tc_addr *addr, const char *path, char *to, size_t max)
{
    char request[128];
    struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = 0;
    ssize_t n = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    int size = snprintf(request, sizeof(request),
                        "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    if (connect(fd, (const struct sockaddr *)&addr->sa, addr->len) == 0 &&
        send(fd, request, (size_t)size, MSG_NOSIGNAL) == size) {
        /* the engine's io_uring may interrupt a read that has a time-out */
        while (len + 1 < max &&
               ((n = recv(fd, to + len, max - 1 - len, 0)) > 0 || (n < 0 && errno == EINTR)))
            len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    to[len] = '\0';
    return len > 12 ? (int)strtol(to + 9, NULL, 10) : 0;
}

/* ---- serving ---- */

static void serve_once(const char *first)
{
    static char answer[256 * 1024];
    load(first);
    int before = tc_os_fd_cnt();
    cr_assert_eq(start(), TC_OK, "%s: %s", first, err.text);
    cr_assert_neq(tc_addr_port(tc_engine_addr(engine)), 0);
    cr_assert_neq(tc_addr_port(tc_engine_admin_addr(engine)), 0);
    struct tc_ws_client *client = dial();
    expect_updates(client, 20);
    cr_assert(tc_engine_is_ready(engine));
    const struct tc_addr *admin = tc_engine_admin_addr(engine);
    cr_assert_eq(admin_get(admin, "/readyz", answer, sizeof(answer)), 200, "%s", answer);
    cr_assert_eq(admin_get(admin, "/metrics", answer, sizeof(answer)), 200);
    cr_assert(strstr(answer, "\ntickcast_members{worker=\"1\"} "));
    cr_assert(strstr(answer, "\ntickcast_events_total{source=\"main\"} "));
    tc_ws_client_close(client);
    tc_engine_stop(engine);
    cr_assert_eq(tc_os_fd_cnt(), before, "%s", first);
    tc_conf_fini(&conf);
}

Test(supervisor, serves_with_epoll)
{
    /* Goal: fused and separate, a client on a real socket gets updates, the admin port answers, and
     * afterwards no descriptor is left open. */
    serve_once(SMALL "topology: fused\n");
    serve_once(SMALL "topology: separate\n");
}

Test(supervisor, serves_with_io_uring)
{
    /* Goal: the same through io_uring, where the machine allows it. */
    const struct tc_reactor_ops *ops;
    load(ANY_PORT "reactor: io_uring\n");
    int rc = tc_preflight_reactor(&conf, NULL, &ops, &err);
    tc_conf_fini(&conf);
    if (rc < 0) {
        cr_log_warn("not tested: %s", err.text);
        return;
    }
    serve_once(ANY_PORT "workers: { count: 2 }\nreactor: io_uring\ntopology: fused\n");
    serve_once(ANY_PORT "workers: { count: 2 }\nreactor: io_uring\ntopology: separate\n");
}

/* ---- stopping ---- */

static struct {
    struct tc_ws_client *client;
    struct heard heard;
    int rc;
    uint16_t close_code;
} leaver;

static void leave_when_told(void *arg)
{
    struct tc_err why;
    (void)arg;
    do
        leaver.rc = tc_ws_client_read(leaver.client, WAIT_MS, hear, &leaver.heard, &why);
    while (leaver.rc > 0);
    leaver.close_code = tc_ws_client_close_code(leaver.client);
    tc_ws_client_close(leaver.client);
}

Test(supervisor, stop_tells_clients)
{
    /* Goal: a client is told of the stop, closed with 1012, and when it leaves the engine ends at
     * once. */
    struct tc_thread thread = { 0 };
    load(SMALL);
    conf.timeouts.drain_ms = 10000;
    cr_assert_eq(start(), TC_OK, "%s", err.text);
    leaver.client = dial();
    leaver.heard.want = INT32_MAX;
    expect_updates(leaver.client, 1);
    cr_assert_eq(tc_thread_start(&thread, "leaver", -1, leave_when_told, NULL, &err), TC_OK);
    int64_t begin_ns = tc_os_mono_ns();
    tc_engine_stop(engine);
    int64_t span_ms = (tc_os_mono_ns() - begin_ns) / 1000000;
    tc_thread_join(&thread);
    cr_assert_eq(leaver.rc, -TC_ECLOSED);
    cr_assert(leaver.heard.is_draining);
    cr_assert_eq(leaver.close_code, 1012);
    cr_assert_lt(span_ms, 5000);
}

Test(supervisor, stop_within_the_window)
{
    /* Goal: a client that stays does not hold the engine beyond the drain window (300 ms), which it
     * is given. */
    load(SMALL);
    int before = tc_os_fd_cnt();
    cr_assert_eq(start(), TC_OK, "%s", err.text);
    struct tc_ws_client *client = dial();
    expect_updates(client, 1);
    int64_t begin_ns = tc_os_mono_ns();
    tc_engine_stop(engine);
    int64_t span_ms = (tc_os_mono_ns() - begin_ns) / 1000000;
    cr_assert(span_ms >= 290 && span_ms < 5000, "%" PRId64 " ms", span_ms);
    tc_ws_client_close(client);
    cr_assert_eq(tc_os_fd_cnt(), before);
}

static struct {
    struct tc_addr addr;
    _Atomic int ready_cnt;
    int draining_cnt;
} asker;

static void ask_all_the_time(void *arg)
{
    char answer[4096];
    int status;
    (void)arg;
    do {
        status = admin_get(&asker.addr, "/readyz", answer, sizeof(answer));
        cr_assert(status == 200 || status == 503 || status == 0, "%s", answer);
        atomic_fetch_add(&asker.ready_cnt, status == 200);
        asker.draining_cnt += strstr(answer, "{\"status\":\"draining\"") != NULL;
    } while (status);
}

Test(supervisor, admin_answers_until_the_end)
{
    /* Goal: an operator that asks during the stop is told of it, and then gets answers or none,
     * whatever of the engine is gone already. */
    for (int i = 0; i < 3; i++) {
        struct tc_thread thread = { 0 };
        load(SMALL "topology: separate\n");
        conf.timeouts.drain_ms = 100;
        memset(&asker, 0, sizeof(asker));
        cr_assert_eq(start(), TC_OK, "%s", err.text);
        struct tc_ws_client *client = dial(); /* stays for the whole window */
        expect_updates(client, 1);
        asker.addr = *tc_engine_admin_addr(engine);
        cr_assert_eq(tc_thread_start(&thread, "asker", -1, ask_all_the_time, NULL, &err), TC_OK);
        while (atomic_load(&asker.ready_cnt) < 3)
            cr_assert_eq(tc_engine_wait(engine, 1, NULL, NULL), 0);
        tc_engine_stop(engine);
        tc_thread_join(&thread);
        cr_assert_gt(asker.draining_cnt, 0);
        tc_ws_client_close(client);
        tc_conf_fini(&conf);
    }
}

/* ---- refused starts ---- */

Test(supervisor, port_in_use)
{
    /* Goal: a second engine on a port (public or admin) is refused with a text that names it, and
     * leaves nothing open; the first goes on. */
    static struct tc_conf second_conf;
    static struct tc_rules second_rules;
    struct tc_engine_conf second = {
        .conf = &second_conf, .rules = &second_rules, .version = "1.2.3", .log_fd = log_fd
    };
    struct tc_engine *none = NULL;
    char first[256];
    char port[16];
    load(SMALL);
    cr_assert_eq(start(), TC_OK, "%s", err.text);
    const struct tc_addr *addrs[] = { tc_engine_addr(engine), tc_engine_admin_addr(engine) };
    struct tc_ws_client *client = dial();
    expect_updates(client, 1);
    for (int i = 0; i < 2; i++) {
        unsigned number = tc_addr_port(addrs[i]);
        snprintf(first, sizeof(first),
                 "listen: \"127.0.0.1:%u\"\nadmin: { listen: \"127.0.0.1:%u\" }\nreactor: epoll\n",
                 i ? 0 : number, i ? number : 0);
        snprintf(port, sizeof(port), ":%u", number);
        load_to(&second_conf, &second_rules, first);
        int before = tc_os_fd_cnt();
        cr_assert_eq(tc_engine_start(&none, &second, &err), -TC_EIO);
        cr_expect(strstr(err.text, port), "%s", err.text);
        cr_expect_eq(tc_os_fd_cnt(), before);
        cr_expect_null(none);
        tc_conf_fini(&second_conf);
    }
    expect_more(client, 5);
    tc_ws_client_close(client);
    tc_engine_stop(engine);
}

Test(supervisor, refused)
{
    /* Goal: what cannot work is refused with the setting that is to blame: the configuration's
     * fault as -TC_EINVAL, the machine's as another code; nothing is left behind. */
    static const struct {
        const char *first;
        int code;
        const char *part;
    } rows[] = {
        { "listen: \"nowhere:1\"\nadmin: { listen: \"127.0.0.1:0\" }\n", -TC_EINVAL, "nowhere" },
        { "listen: \"127.0.0.1:0\"\nadmin: { listen: \"example.org:1\" }\n", -TC_EINVAL,
          "example.org" },
        { ANY_PORT "workers: { cpus: [4000] }\n", -TC_EIO, "workers.cpus: cpu 4000" },
        { ANY_PORT "topology: separate\ningest: { cpus: [4001] }\n", -TC_EIO,
          "ingest.cpus: cpu 4001" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        load(rows[i].first);
        int before = tc_os_fd_cnt();
        cr_expect_eq(start(), rows[i].code, "row %zu", i);
        cr_expect(strstr(err.text, rows[i].part), "row %zu: %s", i, err.text);
        cr_expect_eq(tc_os_fd_cnt(), before, "row %zu", i);
        tc_conf_fini(&conf);
    }
}

Test(supervisor, refused_for_memory)
{
    /* Goal: with too small a budget the start ends at whichever holder comes too late, a worker's
     * thread too, with its name; nothing is left behind. */
    static const uint64_t budgets[] = { 1000, 800000, 50000000 };
    for (size_t i = 0; i < TC_ARRAY_CNT(budgets); i++) {
        load(SMALL "topology: separate\n");
        conf.limits.memory_bytes = budgets[i];
        int before = tc_os_fd_cnt();
        cr_assert_eq(start(), -TC_ENOMEM, "row %zu", i);
        cr_assert(strstr(err.text, "more than the memory limit"), "%s", err.text);
        cr_assert_eq(tc_os_fd_cnt(), before);
        tc_conf_fini(&conf);
    }
    cr_assert(strstr(err.text, "worker "), "the last is a worker's: %s", err.text);
}

/* ---- memory ---- */

Test(supervisor, print_memory)
{
    /* Goal: a line for each holder, whose sum is the last line's and what a start takes; nothing is
     * kept, and no port is touched. */
    char *printed = NULL;
    size_t len = 0;
    uint64_t sum = 0;
    uint64_t all = 0;
    load("listen: \"192.0.2.1:1\"\nadmin: { listen: \"192.0.2.1:2\" }\nreactor: epoll\n");
    struct tc_engine_conf c = engine_conf();
    int before = tc_os_fd_cnt();
    FILE *out = open_memstream(&printed, &len);
    cr_assert_eq(tc_engine_print_memory(&c, out, &err), TC_OK, "%s", err.text);
    fclose(out);
    cr_assert_eq(tc_os_fd_cnt(), before);
    for (const char *line = printed; line && *line; line = strchr(line, '\n') + 1) {
        uint64_t bytes = strtoull(line, NULL, 10);
        const char *end = strchr(line, '\n');
        cr_assert_not_null(end, "%s", line);
        if (memmem(line, (size_t)(end - line), "  all; pages", 12))
            all = bytes;
        else if (line[0] == ' ')
            sum += bytes;
    }
    cr_assert_gt(sum, 0);
    cr_assert_eq(sum, all, "%s", printed);
    cr_assert(strstr(printed, "worker 0: reactor") && strstr(printed, "admin"), "%s", printed);
    cr_assert(strstr(printed, "source main: bus"), "%s", printed);
    cr_assert(strstr(printed, "per idle connection: "), "%s", printed);
    free(printed);
    tc_conf_fini(&conf);
    load(ANY_PORT "reactor: epoll\n");
    conf.limits.memory_bytes = all - 1;
    cr_assert_eq(start(), -TC_ENOMEM);
    conf.limits.memory_bytes = all;
    cr_assert_eq(start(), TC_OK, "%s", err.text);
    tc_engine_stop(engine);
}
