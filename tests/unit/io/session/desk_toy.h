// SPDX-License-Identifier: Apache-2.0
/* The toy's methods on the side thread, or on the worker as otherwise: who is both is called by
 * hand, so nothing happens by itself and the order of things is the test's. */
#ifndef TC_TESTS_UNIT_IO_SESSION_DESK_TOY_H
#define TC_TESTS_UNIT_IO_SESSION_DESK_TOY_H

#include "io/os/os.h"
#include "io/session/desk.h"
#include "tests/unit/io/session/grpc_toy.h"

static struct tc_desk desk;
static struct tc_desk_side *desk_side; /* NULL: methods are the worker's */
static struct tc_mem desk_mem;
static _Atomic uint64_t desk_sleeping;
static int desk_bell; /* the worker's */

static struct tc_grpc_method desk_methods[TC_ARRAY_CNT(toy_methods)];
static const struct tc_grpc_service desk_service = { "toy.Toy", desk_methods,
                                                     TC_ARRAY_CNT(desk_methods), NULL };
static const struct tc_grpc_service *const desk_services[] = { &desk_service };
static struct tc_grpc_server desk_server = { .services = desk_services, .service_cnt = 1 };

/* What else a call tells its method. */
static inline void desk_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    static const char *const kinds[] = {
        [TC_GRPC_KIND_WEB] = "web ", [TC_GRPC_KIND_WEB_TEXT] = "web text "
    };
    toy_note("%s%s%s", call->kind == TC_GRPC_KIND_GRPC ? "" : kinds[call->kind],
             call->is_packed_in ? "packed " : "", call->is_half_closed ? "last " : "");
    toy_on_message(call, bytes, len);
}

static inline void desk_on_half_close(struct tc_grpc_call *call)
{
    cr_assert(call->is_half_closed);
    toy_on_half_close(call);
}

/* The desk of one worker that has those sessions. */
static inline void desk_init(uint32_t call_max)
{
    struct tc_err err = { 0 };
    desk_bell = tc_os_bell_open(&err);
    const struct tc_desk_conf conf = { .server = &desk_server,
                                       .worker_cnt = 1,
                                       .call_max = call_max,
                                       .bells = &desk_bell,
                                       .sleeping = &desk_sleeping,
                                       .mem = &desk_mem };
    tc_mem_init(&desk_mem, 0);
    cr_assert_eq(tc_desk_init(&desk, &conf, &err), TC_OK, "%s", err.text);
    desk_side = &desk.sides[0];
    tc_sessions_use_desk(&nx.tc_sessions, desk_side);
}

/* spill_bytes: what the worker has for answers; 0: as nx_defaults() has it. */
static inline void desk_open_with(bool is_side, uint32_t call_max, uint32_t message_max,
                                  uint64_t spill_bytes)
{
    struct nx_options options = nx_defaults();
    for (size_t i = 0; i < TC_ARRAY_CNT(toy_methods); i++) {
        desk_methods[i] = toy_methods[i];
        desk_methods[i].is_side = is_side;
        desk_methods[i].on_message = desk_on_message;
        if (toy_methods[i].on_half_close)
            desk_methods[i].on_half_close = desk_on_half_close;
    }
    desk_server.message_max = message_max;
    options.grpc = &desk_server;
    if (spill_bytes > 0)
        options.spill_bytes = spill_bytes;
    nx_init(&nx, &options);
    toy_len = toy_end_cnt = 0;
    cr_assert_eq(tc_desk_is_needed(&desk_server), is_side);
    desk_side = NULL;
    if (is_side)
        desk_init(call_max);
}

static inline void desk_open(bool is_side, uint32_t call_max, uint32_t message_max)
{
    desk_open_with(is_side, call_max, message_max, 0);
}

/* The side thread and the worker do what is there. Returns how much that was. */
static inline uint32_t desk_turn(void)
{
    uint32_t total = 0;
    uint32_t cnt;
    if (!desk_side)
        return 0;
    do {
        cnt = tc_desk_work(&desk);
        for (uint32_t n; (n = tc_desk_take(desk_side)) > 0;)
            cnt += n;
        total += cnt;
    } while (cnt > 0);
    return total;
}

/* Until nobody has anything to say: the client, the worker, the side thread. */
static inline void desk_run(struct gw *w)
{
    do
        gw_run(w);
    while (desk_turn() > 0);
}

/* A script to a method of many messages. */
static inline void desk_script(struct gw *w, struct gw_call *c, const char *text)
{
    gw_message(w, c, 0, text, strlen(text));
    desk_run(w);
}

/* Clients have ended. Nothing is left in the rings and no call open on either side. */
static inline void desk_close(void)
{
    desk_turn();
    nx_fini(&nx);
    if (!desk_side)
        return;
    cr_assert_eq(desk_side->askers.used_cnt, 0);
    cr_assert(tc_ring_is_empty(&desk_side->ask));
    cr_assert(tc_ring_is_empty(&desk_side->answer));
    tc_desk_stop(&desk);
    tc_os_close(desk_bell);
    tc_mem_fini(&desk_mem);
}

#endif
