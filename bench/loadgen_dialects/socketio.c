// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen_dialects/socketio: Socket.IO 5 over Engine.IO 4, WebSocket alone.
 *
 *   <- 0{...}                          the session is open
 *   -> 40                              the client joins the default namespace
 *   <- 40{"sid":...}                   greeted
 *   -> 422["subscribe",["a"]]          an event with an acknowledgement of number 2
 *   <- 432[]                           confirmed
 *   <- 42["m",{"event":...,"room":"a","pos":...}]
 *   <- 2                               ping, answered by 3
 *
 * The numbers of acknowledgements are ours to choose: twice the rooms that are asked for, and one
 * more if they are left. */
#include <stdio.h>

#include "bench/loadgen_dialects/peers.h"
#include "tools/bench/text.h"

static void send_command(struct tc_load *load, struct tc_load_conn *c, const char *event,
                         bool is_left, uint32_t first, uint32_t cnt)
{
    static char text[LOADGEN_ASK_BYTES];
    size_t at = (size_t)snprintf(text, sizeof(text), "42%u[\"%s\",[", 2 * cnt + is_left, event);
    for (uint32_t i = 0; i < cnt; i++) {
        text[at++] = '"';
        at += tc_load_room_name(load, c, first + i, text + at, TC_LOAD_NAME_MAX + 1);
        text[at++] = '"';
        text[at++] = i + 1 < cnt ? ',' : ']';
    }
    text[at++] = ']';
    tc_load_send_text(load, c, text, at);
}

static void hello(struct tc_load *load, struct tc_load_conn *c)
{
    (void)load; /* the server speaks first */
    (void)c;
}

static void subscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t first, uint32_t cnt)
{
    for (uint32_t n; cnt > 0; first += n, cnt -= n) {
        n = TC_MIN(cnt, (uint32_t)LOADGEN_ROOMS_MAX);
        send_command(load, c, "subscribe", false, first, n);
    }
}

static void unsubscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t sub)
{
    send_command(load, c, "unsubscribe", true, sub, 1);
}

static void on_acknowledgement(struct tc_load *load, struct tc_load_conn *c, const char *text,
                               size_t len)
{
    uint32_t number = 0;
    for (size_t i = 2; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        number = number * 10 + (uint32_t)(text[i] - '0');
    if (number % 2 != 0)
        tc_load_left(load, c);
    else
        tc_load_confirmed(load, c, number / 2);
}

static void on_message(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    if (TC_LIKELY(loadgen_starts_with(text, len, TC_STR("42[\"m\","))))
        tc_load_update_of(load, c, TC_STR("\"room\":\""), text, len);
    else if (len == 1 && text[0] == '2')
        tc_load_send_text(load, c, "3", 1);
    else if (loadgen_starts_with(text, len, TC_STR("0{")))
        tc_load_send_text(load, c, "40", 2);
    else if (loadgen_starts_with(text, len, TC_STR("40{")))
        tc_load_greeted(load, c);
    else if (loadgen_starts_with(text, len, TC_STR("43")))
        on_acknowledgement(load, c, text, len);
    else if (loadgen_starts_with(text, len, TC_STR("44")) || (len > 0 && text[0] == '1'))
        tc_load_fail(load, "Socket.IO refused or ended a session: %.*s", (int)TC_MIN(len, 200u),
                     text);
    else
        tc_load_unexpected(load, c, text, len);
}

const struct tc_load_dialect loadgen_socketio = {
    .name = "socketio",
    .about = "Socket.IO's events over WebSocket",
    .path = "/socket.io/?EIO=4&transport=websocket",
    .hello = hello,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .on_message = on_message,
};
