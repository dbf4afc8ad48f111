// SPDX-License-Identifier: Apache-2.0
/* Goal: the operators' port answers what HTTP allows, refuses the rest with a reason, and is
 * bounded by its settings. The server runs on its own thread; the clients here block with a time
 * limit. */
#include "io/side/admin.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "io/os/os.h"

enum { BODY_MAX = 3 << 20, ANSWER_MAX = BODY_MAX + 4096 };

static struct tc_mem mem;
static struct tc_admin *admin;
static _Atomic int call_cnt;
static char answer[ANSWER_MAX + 1];
static size_t answer_len;

/* "/echo/…" gives its path, "/big" fills the buffer, "/over" passes it, "/json" has a type, "/503"
 * a status. */
static int get(void *ctx, struct tc_str path, struct tc_admin_out *out)
{
    cr_assert_eq(ctx, &mem);
    atomic_fetch_add(&call_cnt, 1);
    if (tc_str_starts(path, TC_STR("/echo/"))) {
        tc_admin_printf(out, "<%.*s>", (int)path.len, path.ptr);
        return 200;
    }
    if (tc_str_eq(path, TC_STR("/big")) || tc_str_eq(path, TC_STR("/over"))) {
        for (size_t i = 0; i < BODY_MAX / 8; i++)
            tc_admin_printf(out, "%08zu", i);
        if (path.len == 5)
            tc_admin_write(out, "x", 1);
        return 200;
    }
    if (tc_str_eq(path, TC_STR("/json"))) {
        out->type = "application/json";
        tc_admin_write(out, "{}", 2);
        return 200;
    }
    if (!tc_str_eq(path, TC_STR("/503")))
        return 404;
    tc_admin_write(out, "not ready\n", 10);
    return 503;
}

static void open_admin(uint32_t conn_max)
{
    struct tc_err err;
    struct tc_admin_conf conf = {
        .conn_max = conn_max, .body_max = BODY_MAX, .get = get, .ctx = &mem, .mem = &mem
    };
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_addr_parse(&conf.listen, TC_STR("127.0.0.1:0"), &err), TC_OK);
    admin = tc_admin_init(&conf, &err);
    cr_assert_not_null(admin, "%s", err.text);
    cr_assert_gt(tc_addr_port(tc_admin_addr(admin)), 0);
    cr_assert_eq(tc_admin_start(admin, &err), TC_OK, "%s", err.text);
}

static void close_admin(void)
{
    tc_admin_stop(admin);
    tc_mem_fini(&mem);
}

static int dial(void)
{
    const struct tc_addr *addr = tc_admin_addr(admin);
    struct timeval limit = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&addr->sa, addr->len), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    cr_assert_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The next answer, by its Content-Length, into answer[]; its status. */
static int hear(int fd)
{
    size_t want = 0;
    answer_len = 0;
    while (want == 0 || answer_len < want) {
        /* a byte at a time up to the body, so that the next answer stays in the socket */
        size_t room = want ? want - answer_len : 1;
        ssize_t n = recv(fd, answer + answer_len, room, 0);
        cr_assert_gt(n, 0, "after: %s", answer);
        answer_len += (size_t)n;
        answer[answer_len] = 0;
        cr_assert_lt(answer_len, ANSWER_MAX);
        if (want || answer_len < 4 || strcmp(answer + answer_len - 4, "\r\n\r\n") != 0)
            continue;
        const char *length = strstr(answer, "\r\nContent-Length: ");
        cr_assert_not_null(length, "%s", answer);
        want = answer_len + strtoul(length + 18, NULL, 10);
    }
    cr_assert_eq(strncmp(answer, "HTTP/1.1 ", 9), 0, "%s", answer);
    return (int)strtol(answer + 9, NULL, 10);
}

static const char *body(void)
{
    return strstr(answer, "\r\n\r\n") + 4;
}

static bool has(const char *text)
{
    return strstr(answer, text) != NULL;
}

/* The peer has closed and said no more. */
static bool is_over(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

Test(admin, answers, .timeout = 60)
{
    /* Goal: the path comes without its query; status, type and body are the callback's; answers
     * are not to be kept by caches; one connection carries several requests. */
    open_admin(4);
    int fd = dial();
    say(fd, "GET /echo/a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(hear(fd), 200);
    cr_assert_str_eq(body(), "</echo/a%20b>");
    cr_assert(has("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "%s", answer);
    cr_assert(has("\r\nCache-Control: no-store\r\n"), "%s", answer);
    say(fd, "GET /json HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(hear(fd), 200);
    cr_assert(has("\r\nContent-Type: application/json\r\n") && strcmp(body(), "{}") == 0);
    say(fd, "GET /503 HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(hear(fd), 503);
    cr_assert_str_eq(body(), "not ready\n");
    say(fd, "GET /echo/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert_eq(hear(fd), 200);
    cr_assert(has("\r\nConnection: close\r\n") && is_over(fd));
    close(fd);
    close_admin();
}

Test(admin, requests_in_one_packet_and_in_pieces, .timeout = 60)
{
    /* Goal: pipelined requests, more than one round handles, are all answered in their order; a
     * request may come in pieces. */
    static char many[8192];
    char want[32];
    enum { REQUESTS = 40 };
    open_admin(1);
    int fd = dial();
    for (int i = 0; i < REQUESTS; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many),
                 "GET /echo/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    say(fd, many);
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(want, sizeof(want), "</echo/%d>", i);
        cr_assert_eq(hear(fd), 200);
        cr_assert_str_eq(body(), want);
    }
    for (const char *at = "GET /echo/pieces HTTP/1.1\r\nHost: x\r\n\r\n"; *at; at++)
        say(fd, (char[]){ *at, 0 });
    cr_assert_eq(hear(fd), 200);
    cr_assert_str_eq(body(), "</echo/pieces>");
    close(fd);
    close_admin();
}

Test(admin, refusals, .timeout = 60)
{
    /* Goal: what is not served gets a problem document with its status and code, without the
     * callback; after what breaks HTTP the connection is closed, after the rest it goes on. */
    static const struct {
        const char *request, *code, *more;
        int status, calls;
        bool is_over;
    } rows[] = {
        { "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", "not-found", "", 404, 1, false },
        { "POST /503 HTTP/1.1\r\nHost: x\r\n\r\n", "method-not-allowed", "\r\nAllow: GET\r\n", 405,
          0, false },
        { "POST /503 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "body-refused", "",
          413, 0, true },
        { "GET / HTTP/1.1\r\n\r\n", "bad-request", "", 400, 0, true },
        { "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "bad-request", "", 400, 0, true },
        { "GET /over HTTP/1.1\r\nHost: x\r\n\r\n", "internal", "", 500, 1, false },
    };
    char code[64];
    open_admin(1);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        int fd = dial();
        int before = atomic_load(&call_cnt);
        say(fd, rows[i].request);
        cr_assert_eq(hear(fd), rows[i].status, "row %zu: %s", i, answer);
        snprintf(code, sizeof(code), "\"code\":\"%s\"", rows[i].code);
        cr_expect(has("\r\nContent-Type: application/problem+json\r\n"), "%s", answer);
        cr_expect(strstr(body(), code) && has(rows[i].more), "%s", answer);
        cr_expect_eq(atomic_load(&call_cnt) - before, rows[i].calls, "row %zu", i);
        if (rows[i].is_over) {
            cr_expect(is_over(fd), "row %zu", i);
        } else {
            say(fd, "GET /echo/on HTTP/1.1\r\nHost: x\r\n\r\n");
            cr_assert_eq(hear(fd), 200, "row %zu", i);
        }
        close(fd);
    }
    close_admin();
}

Test(admin, head_has_no_body, .timeout = 60)
{
    /* Goal: a refused HEAD has the headers alone: what follows is the next answer. */
    open_admin(1);
    int fd = dial();
    say(fd, "HEAD /503 HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    answer_len = 0;
    do {
        cr_assert_eq(recv(fd, answer + answer_len, 1, 0), 1);
        answer[++answer_len] = 0;
    } while (!has("\r\n\r\n"));
    cr_assert_eq(strncmp(answer, "HTTP/1.1 405 ", 13), 0, "%s", answer);
    cr_assert_eq(hear(fd), 200);
    cr_assert_str_eq(body(), "</echo/1>");
    close(fd);
    close_admin();
}

Test(admin, long_heads, .timeout = 60)
{
    /* Goal: a head beyond the limit is 431, and the peer hears it though it is still sending. */
    static char head[TC_HTTP_HEAD_MAX * 4];
    int len = snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: x\r\nA: ");
    open_admin(1);
    memset(head + len, 'a', sizeof(head) - 1 - (size_t)len);
    int fd = dial();
    say(fd, head);
    cr_assert_eq(hear(fd), 431);
    cr_assert(is_over(fd));
    close(fd);
    close_admin();
}

Test(admin, large_answers, .timeout = 60)
{
    /* Goal: an answer that fills its buffer, and more than the socket takes at once, comes whole,
     * while others are served. */
    open_admin(2);
    int slow = dial();
    int other = dial();
    say(slow, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 50; i++) {
        say(other, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert_eq(hear(other), 200);
    }
    cr_assert_eq(hear(slow), 200);
    const char *at = body();
    cr_assert_eq(strlen(at), BODY_MAX);
    for (size_t i = 0; i < BODY_MAX / 8; i++) {
        char want[16];
        snprintf(want, sizeof(want), "%08zu", i);
        cr_assert_arr_eq(at + 8 * i, want, 8);
    }
    close(slow);
    close(other);
    close_admin();
}

Test(admin, connections_are_bounded, .timeout = 60)
{
    /* Goal: a connection beyond the limit waits, unharmed, until one leaves. */
    struct timeval soon = { .tv_usec = 50000 };
    struct timeval limit = { .tv_sec = 20 };
    char byte;
    open_admin(2);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = dial();
    for (int i = 0; i < 2; i++) {
        say(fds[i], "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert_eq(hear(fds[i]), 200);
    }
    say(fds[2], "GET /echo/2 HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(setsockopt(fds[2], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    cr_assert_eq(recv(fds[2], &byte, 1, MSG_PEEK), -1, "answered beyond the limit");
    cr_assert_eq(setsockopt(fds[2], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    close(fds[0]);
    cr_assert_eq(hear(fds[2]), 200);
    cr_assert_str_eq(body(), "</echo/2>");
    close(fds[1]);
    close(fds[2]);
    close_admin();
}

Test(admin, starts_and_stops, .timeout = 60)
{
    /* Goal: a port in use names the setting and keeps no descriptor; stop closes what is open,
     * with or without start. */
    struct tc_err err;
    int before = tc_os_fd_cnt();
    open_admin(2);
    struct tc_admin_conf conf = { .listen = *tc_admin_addr(admin),
                                  .conn_max = 1,
                                  .body_max = 1,
                                  .get = get,
                                  .ctx = &mem,
                                  .mem = &mem };
    int open_cnt = tc_os_fd_cnt();
    cr_assert_null(tc_admin_init(&conf, &err));
    cr_assert(strstr(err.text, "admin.listen") && strstr(err.text, "in use"), "%s", err.text);
    cr_assert_eq(tc_os_fd_cnt(), open_cnt);
    int fd = dial();
    say(fd, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(hear(fd), 200);
    tc_admin_stop(admin);
    cr_assert(is_over(fd));
    close(fd);
    struct tc_admin *second = tc_admin_init(&conf, &err);
    cr_assert_not_null(second, "%s", err.text);
    tc_admin_stop(second);
    cr_assert_eq(tc_os_fd_cnt(), before);
    tc_mem_fini(&mem);
}

Test(admin, memory_is_bounded)
{
    /* Goal: what does not fit the budget is an error at start. */
    struct tc_err err = { 0 };
    struct tc_admin_conf conf = {
        .conn_max = TC_ADMIN_CONNS_MAX, .body_max = TC_ADMIN_BODY_BYTES, .get = get, .mem = &mem
    };
    int before = tc_os_fd_cnt();
    tc_mem_init(&mem, 1 << 20);
    cr_assert_eq(tc_addr_parse(&conf.listen, TC_STR("127.0.0.1:0"), &err), TC_OK);
    cr_assert_null(tc_admin_init(&conf, &err));
    cr_assert_eq(err.code, -TC_ENOMEM);
    cr_assert_eq(tc_os_fd_cnt(), before);
    tc_mem_fini(&mem);
}
