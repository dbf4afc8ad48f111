// SPDX-License-Identifier: Apache-2.0
/* tools/bench/dialect: how the load generator speaks to a kind of server.
 *
 * A dialect is a row of functions. The generator connects, shakes hands (TLS, WebSocket), cuts the
 * bytes into messages of WebSocket and keeps the account of every chain; the dialect says what is
 * sent and what a message means. All of it runs in one thread of one process.
 *
 *   connected --hello--> greeted --subscribe--> confirmed (all rooms) --on_message--> updates
 *
 * What an update must contain, whatever is around it, is the contract of the bench: the text of
 * JSON that has, in this order, "pos":N, "prev":N or null, and "t_ns":N, the intended time of
 * sending (CLOCK_MONOTONIC). prev is the position before in the same room.
 *
 * A connection follows `sub` 0..F-1: consecutive rooms. Rooms have numbers and the name
 * PREFIX<number>. A fault of the other side ends the generator (tc_load_fail): a run is whole or
 * void, so no function here returns an error. */
#ifndef TC_TOOLS_BENCH_DIALECT_H
#define TC_TOOLS_BENCH_DIALECT_H

#include "core/base/base.h"

struct tc_load;      /* the generator, in one of its processes */
struct tc_load_conn; /* one connection */

struct tc_load_dialect {
    const char *name;   /* of --dialect */
    const char *about;  /* one line for --help */
    const char *path;   /* default of --path, in which %u is the first room; NULL: no WebSocket */
    const char *alpn;   /* offered in TLS, NULL: none */
    size_t state_bytes; /* of a connection, zeroed; see tc_load_state */
    bool is_single;     /* a connection follows one room: --follow is refused */
    bool has_streams;   /* --streams means something: each call of subscribe is one */

    /* The connection is up (and upgraded). Must lead, now or with a message that comes, to
     * tc_load_greeted. NULL: it is greeted at once. */
    void (*hello)(struct tc_load *load, struct tc_load_conn *c);

    /* Asks for the rooms of subs first..first+cnt-1. Must lead to tc_load_confirmed for each. */
    void (*subscribe)(struct tc_load *load, struct tc_load_conn *c, uint32_t first, uint32_t cnt);

    /* Takes the subscription of sub back. Must lead to tc_load_left. NULL: --churn is refused. */
    void (*unsubscribe)(struct tc_load *load, struct tc_load_conn *c, uint32_t sub);

    /* A whole message of WebSocket, text or binary. Pings and closes never come here. */
    void (*on_message)(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len);

    /* Instead of it, without WebSocket: bytes as they came. Returns how many are done with; the
     * rest comes again with what follows. */
    size_t (*on_bytes)(struct tc_load *load, struct tc_load_conn *c, const char *bytes, size_t len);
};

/* ---- what a dialect says ---- */

/* The server takes subscriptions now. Calls subscribe. */
void tc_load_greeted(struct tc_load *load, struct tc_load_conn *c);

/* cnt more subs are confirmed. More than were asked for is a fault that voids the window. */
void tc_load_confirmed(struct tc_load *load, struct tc_load_conn *c, uint32_t cnt);

/* An unsubscription is answered, or needs no answer. */
void tc_load_left(struct tc_load *load, struct tc_load_conn *c);

/* An update of sub: text holds "pos", "prev" and "t_ns" as above. */
void tc_load_update(struct tc_load *load, struct tc_load_conn *c, uint32_t sub, const char *text,
                    size_t len);

/* The same where the text names its room: behind key ("\"room\":\"", say), up to a quote. */
void tc_load_update_of(struct tc_load *load, struct tc_load_conn *c, struct tc_str key,
                       const char *text, size_t len);

/* The same where positions are not text: prev -1 is null; payload holds "t_ns". */
void tc_load_update_at(struct tc_load *load, struct tc_load_conn *c, uint32_t sub, int64_t pos,
                       int64_t prev, const char *payload, size_t len);

/* The server says that the room's updates up to pos were left out, skipped of them (0: it does not
 * say how many). Voids a window unless it is one of --saturate. */
void tc_load_skipped(struct tc_load *load, struct tc_load_conn *c, uint32_t sub, int64_t pos,
                     uint64_t skipped);

/* A message that has no business here: voids the window. The first is printed. */
void tc_load_unexpected(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len);

/* ---- what a dialect needs ---- */

/* state_bytes of this connection. */
void *tc_load_state(struct tc_load *load, struct tc_load_conn *c);

/* Bytes as they are. All of them are taken, or the run ends. */
void tc_load_write(struct tc_load *load, struct tc_load_conn *c, const void *bytes, size_t len);

/* One masked message of WebSocket, at most 64 KiB. */
void tc_load_send_text(struct tc_load *load, struct tc_load_conn *c, const char *text, size_t len);
void tc_load_send_binary(struct tc_load *load, struct tc_load_conn *c, const void *bytes,
                         size_t len);

/* Writes the name of a sub's room and NUL to out; its bytes. Asserts that cap is enough:
 * TC_LOAD_NAME_MAX + 1 is. */
enum { TC_LOAD_NAME_MAX = 128 };
size_t tc_load_room_name(const struct tc_load *load, const struct tc_load_conn *c, uint32_t sub,
                         char *out, size_t cap);

/* The sub of c that follows the room of that name; TC_NONE: none does. */
uint32_t tc_load_sub_of(const struct tc_load *load, const struct tc_load_conn *c, const char *name,
                        size_t len);

/* "HOST:PORT" of --connect. */
const char *tc_load_host(const struct tc_load *load);

/* Ends this process of the generator, and with it the run, with that text. */
TC_NORETURN void tc_load_fail(struct tc_load *load, const char *fmt, ...) TC_PRINTF(2, 3);

/* ---- the dialects that are always there ---- */

extern const struct tc_load_dialect tc_load_tickcast; /* the engine's JSON over WebSocket */
extern const struct tc_load_dialect tc_load_grpc;     /* the engine's gRPC */
extern const struct tc_load_dialect tc_load_raw;      /* each text message is an update */

#endif
