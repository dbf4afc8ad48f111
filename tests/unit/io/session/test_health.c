// SPDX-License-Identifier: Apache-2.0
/* Goal: grpc.health.v1.Health tells the state of this node as gRPC's health-checking.md has it. */
#include "tests/unit/io/session/grpc_market.h"

static struct gw w;

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"

/* HealthCheckResponse: its status by name. */
static void print_status(char *to, size_t cap, struct tc_str message)
{
    static const char *const names[] = { "UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN" };
    struct ej_msg msg = ej_read(message);
    cr_assert(!msg.fields[1].is_text && msg.fields[1].value < TC_ARRAY_CNT(names));
    snprintf(to, cap, "%s", names[msg.fields[1].value]);
}

static void open_all(void)
{
    gm_init(0);
    gm_open(&w);
    w.print = print_status;
}

static void set_ready(bool is_ready)
{
    atomic_store(&nx.fx.logs[0].is_known, is_ready);
}

static struct gw_call *ask(const char *path, const char *service)
{
    static struct pb m;
    m.len = 0;
    if (service)
        pb_text(&m, 1, service);
    struct gw_call *c = gw_start(&w, path, "");
    gw_message(&w, c, 0, m.bytes, m.len);
    gw_end(&w, c);
    gw_run(&w);
    return c;
}

Test(health, check)
{
    /* Goal: the node and each of its services; another is NOT_FOUND, broken ones are told. */
    static const char *const services[] = { NULL, "", "grpc.health.v1.Health",
                                            "jts.marketdata.v1.MarketDataService" };
    open_all();
    for (size_t i = 0; i < TC_ARRAY_CNT(services); i++)
        cr_assert_str_eq(gw_take(ask(CHECK, services[i])), GW_HEAD "\nSERVING\n" GW_OK);
    cr_assert_str_eq(gw_take(ask(CHECK, "jts.marketdata.v1.MarketData")),
                     GW_HEAD " grpc-status=5 grpc-message=this server has no such service end\n");
    static const char *const paths[] = { CHECK, WATCH };
    for (size_t i = 0; i < TC_ARRAY_CNT(paths); i++)
        cr_assert_str_eq(gw_ask(&w, paths[i], "", "\x0a", 1),
                         GW_HEAD " grpc-status=3 grpc-message=the message is not well-formed "
                                 "protobuf of its type end\n");
    gm_close(&w);
    nx_fini(&nx);
}

Test(health, check_of_a_node_that_is_not_ready)
{
    /* Goal: a node whose sources were not read is NOT_SERVING, as at /readyz. */
    open_all();
    set_ready(false);
    cr_assert_not(tc_fan_is_ready(nx.fx.fan));
    cr_assert_str_eq(gw_take(ask(CHECK, "")), GW_HEAD "\nNOT_SERVING\n" GW_OK);
    set_ready(true);
    cr_assert_str_eq(gw_take(ask(CHECK, "")), GW_HEAD "\nSERVING\n" GW_OK);
    gm_close(&w);
    nx_fini(&nx);
}

Test(health, watch)
{
    /* Goal: the state at once, then every change within the interval, and nothing between; a
     * service that is not known is SERVICE_UNKNOWN, and the stream stays. */
    open_all();
    struct gw_call *c = ask(WATCH, "");
    struct gw_call *unknown = ask(WATCH, "nobody");
    cr_assert_str_eq(gw_take(c), GW_HEAD "\nSERVING\n");
    cr_assert_str_eq(gw_take(unknown), GW_HEAD "\nSERVICE_UNKNOWN\n");
    for (int round = 0; round < 3; round++) {
        nx_wait_ms(&nx, 2000);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), "");
        set_ready(false);
        nx_wait_ms(&nx, 500 + NX_TICK_MS);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), "NOT_SERVING\n");
        set_ready(true);
        nx_wait_ms(&nx, 500 + NX_TICK_MS);
        gw_run(&w);
        cr_assert_str_eq(gw_take(c), "SERVING\n");
    }
    cr_assert_str_eq(gw_take(unknown), "");
    gw_cancel(&w, c);
    gw_cancel(&w, unknown);
    gw_run(&w);
    gm_close(&w);
    nx_fini(&nx);
}

Test(health, drain)
{
    /* Goal: who watches learns of a stop at once: NOT_SERVING, then the end of the stream. */
    open_all();
    struct gw_call *c = ask(WATCH, "");
    struct gw_call *silent = gw_start(&w, WATCH, "");
    gw_run(&w);
    gw_take(c);
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 1000);
    gw_run(&w);
    cr_assert_str_eq(gw_take(c), "NOT_SERVING\nTRAILERS grpc-status=14 "
                                 "grpc-message=the server restarts end\n");
    cr_assert_str_eq(gw_take(silent),
                     GW_HEAD " grpc-status=14 grpc-message=the server restarts end\n",
                     "it has not asked yet");
    gm_close(&w);
    nx_fini(&nx);
}
