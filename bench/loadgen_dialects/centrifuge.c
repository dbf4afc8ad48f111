// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen_dialects/centrifuge: Centrifugo's client protocol, JSON over WebSocket.
 *
 *   -> {"id":1,"connect":{}}                            <- {"id":1,"connect":{...}}
 *   -> {"id":2,"subscribe":{"channel":"a"}}             <- {"id":2,"subscribe":{}}
 *   -> {"id":3,"unsubscribe":{"channel":"a"}}           <- {"id":3,"unsubscribe":{}}
 *   <- {"push":{"channel":"a","pub":{"data":{...}}}}
 *   <- {}                                               ping, answered by the same
 *
 * A message of WebSocket holds several of them, a line each. A request names its kind again in its
 * answer, so the ids need not be told apart. */
#include <stdio.h>

#include "bench/loadgen_dialects/peers.h"
#include "tools/bench/text.h"

static size_t put_command(struct tc_load *load, struct tc_load_conn *c, const char *kind,
                          uint32_t sub, char *out, size_t cap)
{
    char name[TC_LOAD_NAME_MAX + 1];
    tc_load_room_name(load, c, sub, name, sizeof(name));
    int n = snprintf(out, cap, "{\"id\":%u,\"%s\":{\"channel\":\"%s\"}}", sub + 2, kind, name);
    TC_ASSERT(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

static void hello(struct tc_load *load, struct tc_load_conn *c)
{
    static const char text[] = "{\"id\":1,\"connect\":{}}";
    tc_load_send_text(load, c, text, sizeof(text) - 1);
}

static void subscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t first, uint32_t cnt)
{
    static char text[LOADGEN_ASK_BYTES];
    size_t at = 0;
    for (uint32_t i = 0; i < cnt; i++) {
        at += put_command(load, c, "subscribe", first + i, text + at, sizeof(text) - at);
        if (i + 1 == cnt || (i + 1) % LOADGEN_ROOMS_MAX == 0) {
            tc_load_send_text(load, c, text, at);
            at = 0;
        } else {
            text[at++] = '\n';
        }
    }
}

static void unsubscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t sub)
{
    char text[TC_LOAD_NAME_MAX + 64];
    size_t len = put_command(load, c, "unsubscribe", sub, text, sizeof(text));
    tc_load_send_text(load, c, text, len);
}

static void on_reply(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    if (memmem(text, len, "\"error\":", 8) != NULL)
        tc_load_fail(load, "the server refused a command: %.*s", (int)TC_MIN(len, 200u), text);
    else if (memmem(text, len, "\"subscribe\":", 12) != NULL)
        tc_load_confirmed(load, c, 1);
    else if (memmem(text, len, "\"unsubscribe\":", 14) != NULL)
        tc_load_left(load, c);
    else if (memmem(text, len, "\"connect\":", 10) != NULL)
        tc_load_greeted(load, c);
    else
        tc_load_unexpected(load, c, text, len);
}

static void on_message(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t line = end != NULL ? (size_t)(end - text) : len;
        if (TC_LIKELY(loadgen_starts_with(text, line, TC_STR("{\"push\":{\"channel\":\""))))
            tc_load_update_of(load, c, TC_STR("\"channel\":\""), text, line);
        else if (loadgen_starts_with(text, line, TC_STR("{\"id\":")))
            on_reply(load, c, text, line);
        else if (line == 2 && memcmp(text, "{}", 2) == 0)
            tc_load_send_text(load, c, "{}", 2);
        else if (line > 0)
            tc_load_unexpected(load, c, text, line);
        line += end != NULL;
        text += line;
        len -= line;
    }
}

const struct tc_load_dialect loadgen_centrifuge = {
    .name = "centrifuge",
    .about = "Centrifugo's JSON protocol over WebSocket",
    .path = "/connection/websocket",
    .hello = hello,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .on_message = on_message,
};
