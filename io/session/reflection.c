// SPDX-License-Identifier: Apache-2.0
/* grpc.reflection.v1.ServerReflection, and the same as v1alpha: what services and messages there
 * are (gRPC's server-reflection.md). Files are given one by one: clients ask for what they import.
 */
#include "io/session/marketdata.h"
#include "io/session/session.h"
#include "proto/pb/wire.h"

/* Numbers of reflection.proto. */
enum {
    ASK_FILE = 3,
    ASK_SYMBOL = 4,
    ASK_EXTENSION = 5,
    ASK_EXTENSIONS_OF = 6,
    ASK_SERVICES = 7,
    TELL_REQUEST = 2,
    TELL_FILE = 4,
    TELL_SERVICES = 6,
    TELL_ERROR = 7,
};

static void put_error(struct tc_pb_out *out, enum tc_grpc_status status, const char *text)
{
    uint8_t *mark = tc_pb_open(out, TELL_ERROR);
    tc_pb_put_tag(out, 1, TC_PB_VARINT);
    tc_pb_put_varint(out, (uint64_t)status);
    tc_pb_put_bytes(out, 2, tc_str_from(text));
    tc_pb_close(out, mark);
}

static void put_file(struct tc_pb_out *out, const struct tc_pb_file *file)
{
    if (!file) {
        put_error(out, TC_GRPC_NOT_FOUND, "this server knows nothing of that name");
        return;
    }
    uint8_t *mark = tc_pb_open(out, TELL_FILE);
    tc_pb_put_bytes(out, 1, file->bytes);
    tc_pb_close(out, mark);
}

static void put_services(struct tc_pb_out *out, const struct tc_grpc_server *server)
{
    uint8_t *mark = tc_pb_open(out, TELL_SERVICES);
    for (uint32_t i = 0; i < server->service_cnt; i++) {
        uint8_t *one = tc_pb_open(out, 1);
        tc_pb_put_bytes(out, 1, tc_str_from(server->services[i]->name));
        tc_pb_close(out, one);
    }
    tc_pb_close(out, mark);
}

static void on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_sessions *sessions = tc_sessions_of(call->net);
    struct tc_grpc_pool *pool = &sessions->grpc;
    const struct tc_pb_schema *schema = sessions->schema;
    struct tc_pb_in in = tc_pb_in((struct tc_str){ (const char *)bytes, len });
    struct tc_pb_item item;
    struct tc_pb_item ask = { .number = 0 };
    int rc;
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (item.wire == TC_PB_BYTES && item.number >= ASK_FILE && item.number <= ASK_SERVICES)
            ask = item;
    }
    if (rc < 0) {
        tc_grpc_finish(call, TC_GRPC_INVALID_ARGUMENT,
                       TC_STR("the message is not well-formed protobuf of its type"));
        return;
    }
    struct tc_pb_out out = tc_pb_out(pool->scratch, pool->message_max);
    tc_pb_put_bytes(&out, TELL_REQUEST, (struct tc_str){ (const char *)bytes, len });
    if (ask.number == ASK_SERVICES)
        put_services(&out, pool->server);
    else if (ask.number == ASK_FILE && schema)
        put_file(&out, tc_pb_file(schema, ask.bytes));
    else if (ask.number == ASK_SYMBOL && schema)
        put_file(&out, tc_pb_file_of(schema, ask.bytes));
    else if (ask.number == ASK_EXTENSION || ask.number == ASK_EXTENSIONS_OF)
        put_error(&out, TC_GRPC_NOT_FOUND, "this server knows no extensions");
    else
        put_error(&out, TC_GRPC_INVALID_ARGUMENT, "nothing is asked for");
    if (out.is_full)
        tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED, TC_STR("the answer is too large"));
    else
        tc_grpc_send(call, pool->scratch, (uint32_t)(out.at - pool->scratch), false);
}

static void on_half_close(struct tc_grpc_call *call)
{
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static void on_drain(struct tc_grpc_call *call, uint32_t reconnect_ms)
{
    (void)reconnect_ms;
    tc_grpc_finish(call, TC_GRPC_UNAVAILABLE, TC_STR("the server restarts"));
}

#define METHOD(version)                                                                            \
    {                                                                                              \
        .path = "/grpc.reflection." version ".ServerReflection/ServerReflectionInfo",              \
        .shape = TC_GRPC_BIDI,                                                                     \
        .request = "grpc.reflection." version ".ServerReflectionRequest",                          \
        .response = "grpc.reflection." version ".ServerReflectionResponse",                        \
        .on_message = on_message,                                                                  \
        .on_half_close = on_half_close,                                                            \
        .on_drain = on_drain,                                                                      \
    }

static const struct tc_grpc_method v1[] = { METHOD("v1") };
static const struct tc_grpc_method v1alpha[] = { METHOD("v1alpha") };

const struct tc_grpc_service tc_reflection = { "grpc.reflection.v1.ServerReflection", v1, 1, NULL };
const struct tc_grpc_service tc_reflection_alpha = { "grpc.reflection.v1alpha.ServerReflection",
                                                     v1alpha, 1, NULL };
