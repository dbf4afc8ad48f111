// SPDX-License-Identifier: Apache-2.0
/* grpc.health.v1.Health (gRPC's health-checking.md): the state of this node, as /readyz has it. */
#include "io/session/marketdata.h"
#include "io/session/session.h"
#include "proto/pb/wire.h"

#define WATCH_NS 500000000ll /* between two looks for those who watch */

enum health { HEALTH_UNKNOWN, HEALTH_SERVING, HEALTH_NOT_SERVING, HEALTH_SERVICE_UNKNOWN };

/* In the state of a watching call. */
struct watch {
    bool is_known;
    uint8_t told;
};

static enum health state_of(const struct tc_net *net)
{
    return !net->is_draining && tc_fan_is_ready(net->conf.fan) ? HEALTH_SERVING
                                                               : HEALTH_NOT_SERVING;
}

static bool is_known(const struct tc_net *net, struct tc_str service)
{
    const struct tc_grpc_server *server = tc_sessions_of(net)->grpc.server;
    for (uint32_t i = 0; i < server->service_cnt; i++) {
        if (tc_str_eq(service, tc_str_from(server->services[i]->name)))
            return true;
    }
    return service.len == 0;
}

/* The service that is asked for. false: the call has ended, for the message is malformed. */
static bool read_request(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len,
                         struct tc_str *service)
{
    struct tc_pb_in in = tc_pb_in((struct tc_str){ (const char *)bytes, len });
    struct tc_pb_item item;
    int rc;
    *service = (struct tc_str){ "", 0 };
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (item.number == 1 && item.wire == TC_PB_BYTES)
            *service = item.bytes;
    }
    if (rc < 0)
        tc_grpc_finish(call, TC_GRPC_INVALID_ARGUMENT,
                       TC_STR("the message is not well-formed protobuf of its type"));
    return rc == 0;
}

static void tell(struct tc_grpc_call *call, enum health health)
{
    uint8_t bytes[4];
    struct tc_pb_out out = tc_pb_out(bytes, sizeof(bytes));
    tc_pb_put_tag(&out, 1, TC_PB_VARINT);
    tc_pb_put_varint(&out, (uint64_t)health);
    tc_grpc_send(call, bytes, (uint32_t)(out.at - bytes), false);
}

static void check_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_str service;
    if (!read_request(call, bytes, len, &service))
        return;
    if (!is_known(call->net, service)) {
        tc_grpc_finish(call, TC_GRPC_NOT_FOUND, TC_STR("this server has no such service"));
        return;
    }
    tell(call, state_of(call->net));
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static void look(struct tc_grpc_call *call)
{
    struct watch *watch = (struct watch *)call->state;
    enum health health = watch->is_known ? state_of(call->net) : HEALTH_SERVICE_UNKNOWN;
    if (watch->told != health)
        tell(call, health);
    watch->told = (uint8_t)health;
    tc_grpc_arm(call, call->net->now_ns + WATCH_NS);
}

static void watch_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct watch *watch = (struct watch *)call->state;
    struct tc_str service;
    if (!read_request(call, bytes, len, &service))
        return;
    watch->is_known = is_known(call->net, service);
    look(call);
}

static void watch_on_drain(struct tc_grpc_call *call, uint32_t reconnect_ms)
{
    (void)reconnect_ms;
    if (((const struct watch *)call->state)->told != HEALTH_UNKNOWN)
        look(call); /* otherwise it has not been asked yet */
    tc_grpc_finish(call, TC_GRPC_UNAVAILABLE, TC_STR("the server restarts"));
}

#define SERVICE "grpc.health.v1.Health"

static const struct tc_grpc_method methods[] = {
    {
        .path = "/" SERVICE "/Check",
        .shape = TC_GRPC_UNARY,
        .request = "grpc.health.v1.HealthCheckRequest",
        .response = "grpc.health.v1.HealthCheckResponse",
        .on_message = check_on_message,
    },
    {
        .path = "/" SERVICE "/Watch",
        .shape = TC_GRPC_SERVER_STREAM,
        .request = "grpc.health.v1.HealthCheckRequest",
        .response = "grpc.health.v1.HealthCheckResponse",
        .on_message = watch_on_message,
        .on_timer = look,
        .on_drain = watch_on_drain,
    },
};

const struct tc_grpc_service tc_health = { SERVICE, methods, TC_ARRAY_CNT(methods), NULL };
