// SPDX-License-Identifier: Apache-2.0
/* The engine's JSON over WebSocket (docs/protocol.md), and servers that send updates and nothing
 * else. */
#include <stdio.h>

#include "tools/bench/load.h"

/* Up to the quote before a name. */
static const char head[] = "{\"event\":\"";

static size_t put(char *out, size_t at, const char *text)
{
    size_t len = strlen(text);
    memcpy(out + at, text, len);
    return at + len;
}

static void send_command(struct tc_load *load, struct tc_load_conn *c, const char *name,
                         uint32_t first, uint32_t cnt)
{
    enum { COMMAND_MAX = 62 * 1024, ROOM_MAX = TC_LOAD_NAME_MAX + 4 };
    char text[COMMAND_MAX];
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "{\"event\":\"%s\",\"id\":1,\"data\":{\"rooms\":[", name);
    uint32_t sub = first;
    for (; sub < first + cnt && len + ROOM_MAX < sizeof(text); sub++) {
        len = put(text, len, sub > first ? ",\"" : "\"");
        len += tc_load_room_name(load, c, sub, text + len, sizeof(text) - len);
        len = put(text, len, "\"");
    }
    len = put(text, len, "]}}");
    tc_load_send_text(load, c, text, len);
    if (sub < first + cnt) /* names too long for one command */
        send_command(load, c, name, sub, first + cnt - sub);
}

static void subscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t first, uint32_t cnt)
{
    send_command(load, c, "subscribe", first, cnt);
}

static void unsubscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t sub)
{
    send_command(load, c, "unsubscribe", sub, 1);
}

static const struct tc_str room_key = { "\"room\":\"", 8 };

/* The sub that a message is about; TC_NONE: none of this connection's. */
static uint32_t sub_of(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    struct tc_str room = tc_load_find_text(text, len, room_key);
    return room.ptr == NULL ? TC_NONE : tc_load_sub_of(load, c, room.ptr, room.len);
}

/* Anything but an update. */
static void on_notice(struct tc_load *load, struct tc_load_conn *c, struct tc_str name,
                      const char *text, size_t len)
{
    if (tc_str_eq(name, TC_STR("subscription-confirmed"))) {
        tc_load_confirmed(load, c, 1);
    } else if (tc_str_eq(name, TC_STR("unsubscribed"))) {
        tc_load_left(load, c);
    } else if (tc_str_eq(name, TC_STR("conflated")) || tc_str_eq(name, TC_STR("gap"))) {
        uint32_t sub = sub_of(load, c, text, len);
        int64_t skipped = tc_load_find_number(text, len, TC_STR("\"skipped\":"));
        if (sub == TC_NONE)
            tc_load_unexpected(load, c, text, len);
        else
            tc_load_skipped(load, c, sub, tc_load_find_number(text, len, TC_STR("\"to\":")),
                            skipped > 0 ? (uint64_t)skipped : 0);
    } else if (tc_str_eq(name, TC_STR("error")) || tc_str_eq(name, TC_STR("draining"))) {
        tc_load_fail(load, "the server says: %.*s", (int)TC_MIN(len, 300u), text);
    } else {
        tc_load_unexpected(load, c, text, len);
    }
}

static void on_message(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len)
{
    static const char update[] = "ticker-update\"";
    const size_t at = sizeof(head) - 1;
    if (TC_LIKELY(len > at + sizeof(update) && memcmp(text, head, at) == 0 &&
                  memcmp(text + at, update, sizeof(update) - 1) == 0)) {
        tc_load_update_of(load, c, room_key, text, len);
        return;
    }
    /* the name of an update is the configuration's; its member "prev" tells it */
    struct tc_str name = tc_load_find_text(text, len, TC_STR("{\"event\":\""));
    if (name.ptr == text + at && memmem(text, len, "\"prev\":", 7) != NULL)
        tc_load_update_of(load, c, room_key, text, len);
    else
        on_notice(load, c, name, text, len);
}

const struct tc_load_dialect tc_load_tickcast = {
    .name = "tickcast",
    .about = "the engine's JSON over WebSocket",
    .path = "/ws",
    .alpn = "http/1.1",
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .on_message = on_message,
};

/* ---- raw ---- */

static void raw_subscribe(struct tc_load *load, struct tc_load_conn *c, uint32_t first,
                          uint32_t cnt)
{
    (void)first;
    tc_load_confirmed(load, c, cnt);
}

static void raw_on_message(struct tc_load *load, struct tc_load_conn *c, const char *text,
                           size_t len)
{
    tc_load_update(load, c, 0, text, len);
}

const struct tc_load_dialect tc_load_raw = {
    .name = "raw",
    .about = "WebSocket where each message is an update; a %u in the path is the room's number",
    .path = "/ws",
    .alpn = "http/1.1",
    .is_single = true,
    .subscribe = raw_subscribe,
    .on_message = raw_on_message,
};
