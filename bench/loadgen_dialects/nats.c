// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen_dialects/nats: NATS's client protocol over WebSocket.
 *
 *   <- INFO {...}
 *   -> CONNECT {...}   PING             <- PONG    greeted
 *   -> SUB a 1   SUB b 2   PING         <- PONG    both are confirmed
 *   -> UNSUB 1   PING                   <- PONG    left
 *   <- MSG a 1 BYTES, a line end, BYTES of payload, a line end
 *   <- PING                             answered by PONG
 *
 * Lines end with CR LF. Messages of WebSocket have nothing to do with them: they hold several, or
 * parts. The number of a subscription is its sub + 1. */
#include <stdio.h>

#include "bench/loadgen_dialects/peers.h"

enum { PART_BYTES = 8192 }; /* a line with its payload: INFO, or an update */

struct nats {
    uint32_t part_len;
    uint32_t asked_cnt; /* subscriptions that the next PONG confirms */
    bool is_greeted;
    char part[PART_BYTES]; /* of what a message of WebSocket has ended in */
};

static void hello(struct tc_load *load, struct tc_load_conn *c)
{
    (void)load; /* the server speaks first */
    (void)c;
}

static void subscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t first, uint32_t cnt)
{
    static char text[LOADGEN_ASK_BYTES];
    struct nats *s = tc_load_state(load, c);
    char name[TC_LOAD_NAME_MAX + 1];
    size_t at = 0;
    s->asked_cnt = cnt;
    for (uint32_t i = 0; i < cnt; i++) {
        bool is_last = i + 1 == cnt;
        tc_load_room_name(load, c, first + i, name, sizeof(name));
        int n = snprintf(text + at, sizeof(text) - at, "SUB %s %u\r\n%s", name, first + i + 1,
                         is_last ? "PING\r\n" : "");
        TC_ASSERT(n > 0 && (size_t)n < sizeof(text) - at);
        at += (size_t)n;
        if (is_last || (i + 1) % LOADGEN_ROOMS_MAX == 0) {
            tc_load_send_binary(load, c, text, at);
            at = 0;
        }
    }
}

static void unsubscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t sub)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "UNSUB %u\r\nPING\r\n", sub + 1);
    tc_load_send_binary(load, c, text, (size_t)n);
}

static void on_pong(struct tc_load *load, struct tc_load_conn *c, struct nats *s)
{
    uint32_t cnt = s->asked_cnt;
    s->asked_cnt = 0;
    if (!s->is_greeted) {
        s->is_greeted = true;
        tc_load_greeted(load, c);
    } else if (cnt > 0) {
        tc_load_confirmed(load, c, cnt);
    } else {
        tc_load_left(load, c);
    }
}

static void on_line(struct tc_load *load, struct tc_load_conn *c, const char *line, size_t len)
{
    static const char connect[] = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";
    struct nats *s = tc_load_state(load, c);
    if (loadgen_starts_with(line, len, TC_STR("INFO "))) {
        if (!s->is_greeted) /* later ones tell of changes in a cluster */
            tc_load_send_binary(load, c, connect, sizeof(connect) - 1);
    } else if (loadgen_starts_with(line, len, TC_STR("PONG"))) {
        on_pong(load, c, s);
    } else if (loadgen_starts_with(line, len, TC_STR("PING"))) {
        tc_load_send_binary(load, c, "PONG\r\n", 6);
    } else if (loadgen_starts_with(line, len, TC_STR("-ERR"))) {
        tc_load_fail(load, "NATS says %.*s", (int)TC_MIN(len, 200u), line);
    } else {
        tc_load_unexpected(load, c, line, len);
    }
}

/* The number before `end`; *begin: where it begins. */
static size_t number_before(const char *line, const char *end, const char **begin)
{
    size_t value = 0;
    size_t unit = 1;
    for (; end > line && end[-1] >= '0' && end[-1] <= '9' && unit < 1000000000; end--, unit *= 10)
        value += unit * (size_t)(end[-1] - '0');
    *begin = end;
    return value;
}

/* What begins with MSG: a line of `line` bytes before CR LF, and its payload. Its bytes; 0: more
 * are needed. */
static size_t on_update(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len,
                        size_t line)
{
    const char *at = NULL;
    size_t payload = number_before(bytes, bytes + line, &at);
    size_t whole = line + 2 + payload + 2;
    if (len < whole)
        return 0;
    size_t sid = number_before(bytes, at - 1, &at);
    if (TC_LIKELY(sid > 0))
        tc_load_update(load, c, (uint32_t)sid - 1, bytes + line + 2, payload);
    else
        tc_load_unexpected(load, c, bytes, line);
    return whole;
}

/* One line with what belongs to it. Its bytes; 0: more are needed. */
static size_t take_one(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\r', len);
    if (end == NULL || end + 1 == bytes + len)
        return 0;
    size_t line = (size_t)(end - bytes);
    if (TC_LIKELY(loadgen_starts_with(bytes, line, TC_STR("MSG "))))
        return on_update(load, c, bytes, len, line);
    on_line(load, c, bytes, line);
    return line + 2;
}

static void keep(struct tc_load *load, struct nats *s, const char *bytes, size_t len)
{
    if (len > PART_BYTES - s->part_len)
        tc_load_fail(load, "a message of NATS has more than %d bytes", PART_BYTES);
    memcpy(s->part + s->part_len, bytes, len);
    s->part_len += (uint32_t)len;
}

static void on_message(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len)
{
    struct nats *s = tc_load_state(load, c);
    size_t used = 0;
    if (s->part_len > 0) {
        /* as much as fits; what follows the first message is then taken from where it lies */
        size_t before = s->part_len;
        keep(load, s, bytes, TC_MIN(len, PART_BYTES - before));
        size_t first = take_one(load, c, s->part, s->part_len);
        if (first == 0 && before + len <= PART_BYTES)
            return;
        if (first == 0)
            tc_load_fail(load, "a message of NATS has more than %d bytes", PART_BYTES);
        s->part_len = 0;
        used = first - before;
    }
    for (size_t n; used < len && (n = take_one(load, c, bytes + used, len - used)) > 0; used += n)
        continue;
    keep(load, s, bytes + used, len - used);
}

const struct tc_load_dialect loadgen_nats = {
    .name = "nats",
    .about = "NATS's protocol over WebSocket",
    .path = "/",
    .state_bytes = sizeof(struct nats),
    .hello = hello,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .on_message = on_message,
};
