// SPDX-License-Identifier: Apache-2.0
/* grpc-interop-server: grpc.testing.TestService of gRPC's interoperability cases, on our own layer,
 * so that clients of others can judge it.
 *
 *   grpc-interop-server PORT [--tls CERT KEY]     127.0.0.1 only; 0: the kernel chooses
 *
 * It prints one line when it listens and ends with 0 on SIGTERM or SIGINT; its log is on stderr.
 * What a call has asked for and not got yet is kept within bounds; answers wait while the client
 * does not read. Not for: load, other machines. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <grpc/testing/test.pb-c.h>

#include "tests/lib/base.h"
#include "tests/lib/grpc_host.h"

enum {
    OUTPUTS_MAX = 4096,          /* that one call waits for */
    BODY_MAX = 1 << 20,          /* bytes of one answer's payload */
    FILE_BYTES_MAX = 256 * 1024, /* of a certificate or key */
};

static const char usage[] = "usage: grpc-interop-server PORT [--tls CERT KEY]\n"
                            "\n"
                            "Serves grpc.testing.TestService on 127.0.0.1.\n"
                            "PORT 0: the kernel chooses; the line on stdout names it.\n"
                            "CERT and KEY are PEM files; PORT is TLS's then.\n";

/* ---- messages ---- */

static void invalid(struct tc_grpc_call *call, const char *detail)
{
    tc_grpc_finish(call, TC_GRPC_INVALID_ARGUMENT, tc_str_from(detail));
}

static void *unpack(struct tc_grpc_call *call, const ProtobufCMessageDescriptor *type,
                    const uint8_t *bytes, uint32_t len)
{
    void *message = protobuf_c_message_unpack(type, NULL, len, bytes);
    if (!message)
        invalid(call, "the request is not a message of its type");
    return message;
}

static void drop(void *message)
{
    protobuf_c_message_free_unpacked(message, NULL);
}

static void send_message(struct tc_grpc_call *call, const ProtobufCMessage *message, bool is_packed)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    if (!bytes)
        tc_tb_die("no memory for %zu bytes", len);
    protobuf_c_message_pack(message, bytes);
    tc_grpc_send(call, bytes, (uint32_t)len, is_packed);
    free(bytes);
}

static bool is_true(const Grpc__Testing__BoolValue *value)
{
    return value && value->value;
}

/* Whether the request came as the client says; if not, the call is over. */
static bool is_as_expected(struct tc_grpc_call *call, const Grpc__Testing__BoolValue *expected)
{
    if (!expected || (bool)expected->value == call->is_packed_in)
        return true;
    invalid(call, "the request is not compressed as it says");
    return false;
}

/* Whether the client asks for that end; then the call is over. */
static bool is_ended(struct tc_grpc_call *call, const Grpc__Testing__EchoStatus *status)
{
    if (!status || status->code == 0)
        return false;
    if (status->code < 0 || status->code >= TC_GRPC_STATUS_CNT)
        invalid(call, "response_status has a code that gRPC has not");
    else
        tc_grpc_finish(call, (enum tc_grpc_status)status->code, tc_str_from(status->message));
    return true;
}

/* A payload of zeros; false: not so many, and the call is over. */
static bool fill(struct tc_grpc_call *call, Grpc__Testing__Payload *payload, int32_t size)
{
    static uint8_t zeros[BODY_MAX];
    if (size < 0 || size > BODY_MAX) {
        invalid(call, "the size of an answer is 0 to 1 MiB");
        return false;
    }
    grpc__testing__payload__init(payload);
    payload->body = (ProtobufCBinaryData){ (size_t)size, zeros };
    return true;
}

/* ---- every call ---- */

static void echo_initial(struct tc_grpc_call *call, const struct tc_http1_field *field)
{
    if (!tc_grpc_add_header(call, field->name, field->value))
        invalid(call, "x-grpc-test-echo-initial cannot be echoed");
}

static void echo_trailing(struct tc_grpc_call *call, const struct tc_http1_field *field)
{
    uint8_t bytes[TC_GRPC_METADATA_MAX];
    size_t len = 0;
    struct tc_str values = field->value;
    while (!call->is_done && values.ptr) {
        int rc = tc_grpc_bin_next(&values, bytes, sizeof(bytes), &len);
        if (rc == 0)
            return;
        if (rc < 0 ||
            !tc_grpc_add_trailer(call, field->name, (struct tc_str){ (const char *)bytes, len }))
            invalid(call, "x-grpc-test-echo-trailing-bin cannot be echoed");
    }
}

static void on_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    for (uint32_t i = 0; i < head->field_cnt && !call->is_done; i++) {
        if (tc_str_eq(head->fields[i].name, TC_STR("x-grpc-test-echo-initial")))
            echo_initial(call, &head->fields[i]);
        else if (tc_str_eq(head->fields[i].name, TC_STR("x-grpc-test-echo-trailing-bin")))
            echo_trailing(call, &head->fields[i]);
    }
}

/* ---- one answer ---- */

static void empty_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    Grpc__Testing__Empty *request = unpack(call, &grpc__testing__empty__descriptor, bytes, len);
    if (!request)
        return;
    drop(request);
    tc_grpc_send(call, "", 0, false);
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static void answer_simple(struct tc_grpc_call *call, const Grpc__Testing__SimpleRequest *request)
{
    Grpc__Testing__Payload payload;
    Grpc__Testing__SimpleResponse response = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    if (!is_as_expected(call, request->expect_compressed) ||
        is_ended(call, request->response_status) || !fill(call, &payload, request->response_size))
        return;
    response.payload = &payload;
    if (is_true(request->response_compressed))
        tc_grpc_use_gzip(call);
    send_message(call, &response.base, is_true(request->response_compressed));
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static void unary_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    Grpc__Testing__SimpleRequest *request =
        unpack(call, &grpc__testing__simple_request__descriptor, bytes, len);
    if (!request)
        return;
    answer_simple(call, request);
    drop(request);
}

/* The call's state is the sum of payloads so far. */
static void input_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    int32_t *sum = (int32_t *)call->state;
    Grpc__Testing__StreamingInputCallRequest *request =
        unpack(call, &grpc__testing__streaming_input_call_request__descriptor, bytes, len);
    if (!request)
        return;
    size_t size = request->payload ? request->payload->body.len : 0;
    if (is_as_expected(call, request->expect_compressed) && __builtin_add_overflow(*sum, size, sum))
        tc_grpc_finish(call, TC_GRPC_OUT_OF_RANGE, TC_STR("the sum of sizes is beyond 31 bits"));
    drop(request);
}

static void input_on_half_close(struct tc_grpc_call *call)
{
    Grpc__Testing__StreamingInputCallResponse response =
        GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    response.aggregated_payload_size = *(const int32_t *)call->state;
    send_message(call, &response.base, false);
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

/* ---- many answers ---- */

struct output {
    int32_t size;
    int32_t interval_us; /* before it goes */
    bool is_packed;
};

/* What a call has asked for: [next, cnt) waits. */
struct outputs {
    struct output items[OUTPUTS_MAX];
    uint32_t next;
    uint32_t cnt;
    bool is_waited; /* the interval of the next one is over */
};

static struct outputs *outputs_of(struct tc_grpc_call *call)
{
    struct outputs **slot = (struct outputs **)call->state;
    if (!*slot)
        *slot = calloc(1, sizeof(struct outputs));
    if (!*slot)
        tc_tb_die("no memory for a call");
    return *slot;
}

static void output_on_end(struct tc_grpc_call *call)
{
    struct outputs **slot = (struct outputs **)call->state;
    free(*slot);
    *slot = NULL;
}

static void send_output(struct tc_grpc_call *call, const struct output *output)
{
    Grpc__Testing__Payload payload;
    Grpc__Testing__StreamingOutputCallResponse response =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    if (!fill(call, &payload, output->size))
        return;
    response.payload = &payload;
    send_message(call, &response.base, output->is_packed);
}

/* Sends what is due, as long as the client reads; the end after the last. */
static void produce(struct tc_grpc_call *call)
{
    while (!call->is_done && tc_grpc_backlog(call) <= TC_GRPC_WRITABLE) {
        struct outputs *o = outputs_of(call);
        if (o->next == o->cnt) {
            o->next = o->cnt = 0;
            if (call->is_half_closed)
                tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
            return;
        }
        struct output output = o->items[o->next];
        if (output.interval_us > 0 && !o->is_waited) {
            if (call->timer_ns == INT64_MAX)
                tc_grpc_arm(call, tc_grpc_now_ns(call) + output.interval_us * 1000ll);
            return;
        }
        o->is_waited = false;
        o->next++;
        send_output(call, &output);
    }
}

static void output_on_timer(struct tc_grpc_call *call)
{
    outputs_of(call)->is_waited = true;
    produce(call);
}

static void queue(struct tc_grpc_call *call,
                  const Grpc__Testing__StreamingOutputCallRequest *request)
{
    struct outputs *o = outputs_of(call);
    if (request->n_response_parameters > OUTPUTS_MAX - o->cnt) {
        tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED, TC_STR("too many answers are asked for"));
        return;
    }
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Grpc__Testing__ResponseParameters *p = request->response_parameters[i];
        o->items[o->cnt++] = (struct output){ p->size, p->interval_us, is_true(p->compressed) };
    }
}

/* Queues what it asks for; false: the call is over. */
static bool take(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    Grpc__Testing__StreamingOutputCallRequest *request =
        unpack(call, &grpc__testing__streaming_output_call_request__descriptor, bytes, len);
    if (!request)
        return false;
    if (!is_ended(call, request->response_status))
        queue(call, request);
    drop(request);
    return !call->is_done;
}

/* Each answer may be compressed or not, so the head says that they may be. */
static void output_on_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    tc_grpc_use_gzip(call);
    on_start(call, head);
}

static void output_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    if (take(call, bytes, len))
        produce(call);
}

static void half_duplex_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    (void)take(call, bytes, len);
}

/* ---- the service: UnimplementedCall is known to clients and not here ---- */

#define SERVICE "grpc.testing.TestService"

static const struct tc_grpc_method methods[] = {
    { .path = "/" SERVICE "/EmptyCall",
      .shape = TC_GRPC_UNARY,
      .request = "grpc.testing.Empty",
      .response = "grpc.testing.Empty",
      .on_start = on_start,
      .on_message = empty_on_message },
    { .path = "/" SERVICE "/UnaryCall",
      .shape = TC_GRPC_UNARY,
      .request = "grpc.testing.SimpleRequest",
      .response = "grpc.testing.SimpleResponse",
      .on_start = on_start,
      .on_message = unary_on_message },
    { .path = "/" SERVICE "/CacheableUnaryCall",
      .shape = TC_GRPC_UNARY,
      .request = "grpc.testing.SimpleRequest",
      .response = "grpc.testing.SimpleResponse",
      .on_start = on_start,
      .on_message = unary_on_message },
    { .path = "/" SERVICE "/StreamingInputCall",
      .shape = TC_GRPC_CLIENT_STREAM,
      .request = "grpc.testing.StreamingInputCallRequest",
      .response = "grpc.testing.StreamingInputCallResponse",
      .on_start = on_start,
      .on_message = input_on_message,
      .on_half_close = input_on_half_close },
    { .path = "/" SERVICE "/StreamingOutputCall",
      .shape = TC_GRPC_SERVER_STREAM,
      .request = "grpc.testing.StreamingOutputCallRequest",
      .response = "grpc.testing.StreamingOutputCallResponse",
      .on_start = output_on_start,
      .on_message = output_on_message,
      .on_writable = produce,
      .on_timer = output_on_timer,
      .on_end = output_on_end },
    { .path = "/" SERVICE "/FullDuplexCall",
      .shape = TC_GRPC_BIDI,
      .request = "grpc.testing.StreamingOutputCallRequest",
      .response = "grpc.testing.StreamingOutputCallResponse",
      .on_start = output_on_start,
      .on_message = output_on_message,
      .on_half_close = produce,
      .on_writable = produce,
      .on_timer = output_on_timer,
      .on_end = output_on_end },
    { .path = "/" SERVICE "/HalfDuplexCall",
      .shape = TC_GRPC_BIDI,
      .request = "grpc.testing.StreamingOutputCallRequest",
      .response = "grpc.testing.StreamingOutputCallResponse",
      .on_start = output_on_start,
      .on_message = half_duplex_on_message,
      .on_half_close = produce,
      .on_writable = produce,
      .on_timer = output_on_timer,
      .on_end = output_on_end },
};

static const struct tc_grpc_service service = { .name = SERVICE,
                                                .methods = methods,
                                                .method_cnt = TC_ARRAY_CNT(methods) };
static const struct tc_grpc_service *const services[] = { &service };
static const struct tc_grpc_server server = { .services = services, .service_cnt = 1 };

/* ---- start ---- */

static struct tc_str read_file(const char *name)
{
    char *bytes = tc_tb_take(1, FILE_BYTES_MAX);
    FILE *file = fopen(name, "rbe");
    size_t len = file ? fread(bytes, 1, FILE_BYTES_MAX, file) : 0;
    if (len == 0)
        tc_tb_die("%s cannot be read, or is empty", name);
    (void)fclose(file);
    return (struct tc_str){ bytes, len };
}

int main(int argc, char **argv)
{
    struct tc_grpc_host host;
    struct tc_err err = { .code = 0 };
    struct tc_grpc_host_conf conf = { .server = &server, .log_fd = STDERR_FILENO };
    bool has_tls = argc == 5 && strcmp(argv[2], "--tls") == 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc != 2 && !has_tls) {
        fputs(usage, stderr);
        return 2;
    }
    uint16_t *port = has_tls ? &conf.tls_port : &conf.port;
    *port = (uint16_t)tc_tb_number("PORT", argv[1], 0, UINT16_MAX);
    if (has_tls) {
        conf.cert = read_file(argv[3]);
        conf.key = read_file(argv[4]);
    }
    if (tc_grpc_host_start(&host, &conf, &err) < 0)
        tc_tb_die("%s", err.text);
    printf("listening on 127.0.0.1:%u\n", (unsigned)(has_tls ? host.tls_port : host.port));
    fflush(stdout);
    tc_grpc_host_wait(&host);
    tc_grpc_host_stop(&host);
    return 0;
}
