// SPDX-License-Identifier: Apache-2.0
/* connectrpc-adapter: the conformance service of connectrpc on our own gRPC layer, as
 * connectconformance starts it: a message on stdin says what is wanted, one on stdout where it is.
 *
 *   connectconformance --conf tests/conformance/connectrpc.yaml --mode server \
 *       -- connectrpc-adapter [--side]
 *
 * gRPC and gRPC-Web, HTTP/1.1 and HTTP/2 come in by one port, or by the TLS port if TLS is wanted.
 * --side: methods run on the side thread instead of the worker. What a call says and gets lives in
 * an arena of its own: no call holds more. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <connectrpc/conformance/v1/server_compat.pb-c.h>
#include <connectrpc/conformance/v1/service.pb-c.h>
#include <google/rpc/status.pb-c.h>

#include "tests/lib/base.h"
#include "tests/lib/grpc_host.h"

/* The generator's names of package connectrpc.conformance.v1, made short. */
#define V1BidiStreamRequest Connectrpc__Conformance__V1__BidiStreamRequest
#define V1ClientStreamRequest Connectrpc__Conformance__V1__ClientStreamRequest
#define V1ConformancePayload Connectrpc__Conformance__V1__ConformancePayload
#define V1Error Connectrpc__Conformance__V1__Error
#define V1Header Connectrpc__Conformance__V1__Header
#define V1RequestInfo Connectrpc__Conformance__V1__ConformancePayload__RequestInfo
#define V1ServerCompatRequest Connectrpc__Conformance__V1__ServerCompatRequest
#define V1ServerCompatResponse Connectrpc__Conformance__V1__ServerCompatResponse
#define V1ServerStreamRequest Connectrpc__Conformance__V1__ServerStreamRequest
#define V1StreamResponseDefinition Connectrpc__Conformance__V1__StreamResponseDefinition
#define V1TLSCreds Connectrpc__Conformance__V1__TLSCreds
#define V1UnaryRequest Connectrpc__Conformance__V1__UnaryRequest
#define V1UnaryResponse Connectrpc__Conformance__V1__UnaryResponse
#define V1UnaryResponseDefinition Connectrpc__Conformance__V1__UnaryResponseDefinition
#define v1(name) connectrpc__conformance__v1__##name
#define V1_CASE(name) CONNECTRPC__CONFORMANCE__V1__##name

enum {
    ARENA_BYTES = 4 << 20, /* of one call: requests as they came, what they say, the answer */
    HEADERS_MAX = 128,
    REQUESTS_MAX = 64,         /* of one call */
    START_BYTES_MAX = 1 << 20, /* of the message on stdin */
};

/* ---- calls ---- */

/* What the first request asks for, whichever its type. */
struct plan {
    size_t header_cnt;
    V1Header **headers;
    size_t trailer_cnt;
    V1Header **trailers;
    size_t data_cnt; /* answers */
    const ProtobufCBinaryData *data;
    const V1Error *error; /* NULL: OK */
    uint32_t delay_ms;    /* before each answer */
    bool is_full_duplex;
};

struct run {
    struct plan plan;
    size_t sent_cnt;
    bool is_waiting; /* for the delay, */
    bool is_waited;  /* it is over */
    size_t header_cnt;
    V1Header *headers[HEADERS_MAX]; /* of the request */
    int64_t timeout_ns;
    size_t request_cnt;
    Google__Protobuf__Any requests[REQUESTS_MAX];
    ProtobufCAllocator allocator; /* of the arena */
    size_t used;
    _Alignas(16) uint8_t arena[ARENA_BYTES];
};

static struct run *run_of(const struct tc_grpc_call *call)
{
    return *(struct run *const *)call->state;
}

/* NULL: the arena is full. */
static void *arena_take(void *ctx, size_t size)
{
    struct run *r = ctx;
    size_t off = (r->used + 15) & ~(size_t)15;
    if (size > ARENA_BYTES - TC_MIN(off, (size_t)ARENA_BYTES))
        return NULL;
    r->used = off + size;
    return r->arena + off;
}

/* All of it goes with the call. */
static void arena_free(void *ctx, void *pointer)
{
    (void)ctx;
    (void)pointer;
}

static void too_much(struct tc_grpc_call *call)
{
    tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED, TC_STR("more than a call may hold"));
}

static char *keep_text(struct run *r, struct tc_str text)
{
    char *copy = arena_take(r, text.len + 1);
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* ---- what came ---- */

static V1Header *find_header(struct run *r, struct tc_str name)
{
    for (size_t i = 0; i < r->header_cnt; i++) {
        if (tc_str_eq(tc_str_from(r->headers[i]->name), name))
            return r->headers[i];
    }
    return NULL;
}

/* One with no value yet and room for max. */
static V1Header *new_header(struct run *r, struct tc_str name, size_t max)
{
    V1Header *h = arena_take(r, sizeof(*h));
    if (!h || r->header_cnt == HEADERS_MAX)
        return NULL;
    v1(header__init)(h);
    h->name = keep_text(r, name);
    h->value = arena_take(r, max * sizeof(*h->value));
    if (!h->name || !h->value)
        return NULL;
    return r->headers[r->header_cnt++] = h;
}

static bool keep_field(struct run *r, const struct tc_http1_field *field, size_t max)
{
    V1Header *h = find_header(r, field->name);
    if (!h)
        h = new_header(r, field->name, max);
    char *value = h ? keep_text(r, field->value) : NULL;
    if (!value)
        return false;
    h->value[h->n_value++] = value;
    return true;
}

static void on_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    struct run *r = calloc(1, sizeof(*r));
    if (!r)
        tc_tb_die("no memory for a call");
    *(struct run **)call->state = r;
    r->allocator = (ProtobufCAllocator){ arena_take, arena_free, r };
    r->timeout_ns = head->timeout_ns;
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        if (!keep_field(r, &head->fields[i], head->field_cnt)) {
            too_much(call);
            return;
        }
    }
}

static void on_end(struct tc_grpc_call *call)
{
    free(run_of(call));
}

/* false: no room. The request is kept as it came. */
static bool keep_request(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    char type[128];
    struct run *r = run_of(call);
    int type_len = snprintf(type, sizeof(type), "type.googleapis.com/%s", call->method->request);
    if (r->request_cnt == REQUESTS_MAX)
        return false;
    Google__Protobuf__Any *any = &r->requests[r->request_cnt];
    google__protobuf__any__init(any);
    any->type_url = keep_text(r, (struct tc_str){ type, (size_t)type_len });
    any->value.data = (uint8_t *)keep_text(r, (struct tc_str){ (const char *)bytes, len });
    any->value.len = len;
    if (!any->type_url || !any->value.data)
        return false;
    r->request_cnt++;
    return true;
}

/* One answer unless it is an error. */
static void plan_one(struct plan *p, const V1UnaryResponseDefinition *def)
{
    static const ProtobufCBinaryData nothing;
    p->data = &nothing;
    p->data_cnt = 1;
    if (!def)
        return;
    p->header_cnt = def->n_response_headers;
    p->headers = def->response_headers;
    p->trailer_cnt = def->n_response_trailers;
    p->trailers = def->response_trailers;
    p->delay_ms = def->response_delay_ms;
    if (def->response_case == V1_CASE(UNARY_RESPONSE_DEFINITION__RESPONSE_ERROR)) {
        p->error = def->error;
        p->data_cnt = 0;
    } else if (def->response_case == V1_CASE(UNARY_RESPONSE_DEFINITION__RESPONSE_RESPONSE_DATA)) {
        p->data = &def->response_data;
    }
}

static void plan_many(struct plan *p, const V1StreamResponseDefinition *def)
{
    if (!def)
        return;
    p->header_cnt = def->n_response_headers;
    p->headers = def->response_headers;
    p->trailer_cnt = def->n_response_trailers;
    p->trailers = def->response_trailers;
    p->data_cnt = def->n_response_data;
    p->data = def->response_data;
    p->delay_ms = def->response_delay_ms;
    p->error = def->error;
}

/* Reads the first request. false: it is no message of its type. */
static bool read_plan(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct run *r = run_of(call);
    static const ProtobufCMessageDescriptor *const types[] = {
        [TC_GRPC_UNARY] = &v1(unary_request__descriptor),
        [TC_GRPC_CLIENT_STREAM] = &v1(client_stream_request__descriptor),
        [TC_GRPC_SERVER_STREAM] = &v1(server_stream_request__descriptor),
        [TC_GRPC_BIDI] = &v1(bidi_stream_request__descriptor),
    };
    enum tc_grpc_shape shape = call->method->shape;
    const void *request = protobuf_c_message_unpack(types[shape], &r->allocator, len, bytes);
    if (!request)
        return false;
    switch (shape) {
    case TC_GRPC_UNARY:
        plan_one(&r->plan, ((const V1UnaryRequest *)request)->response_definition);
        break;
    case TC_GRPC_CLIENT_STREAM:
        plan_one(&r->plan, ((const V1ClientStreamRequest *)request)->response_definition);
        break;
    case TC_GRPC_SERVER_STREAM:
        plan_many(&r->plan, ((const V1ServerStreamRequest *)request)->response_definition);
        break;
    case TC_GRPC_BIDI:
        plan_many(&r->plan, ((const V1BidiStreamRequest *)request)->response_definition);
        r->plan.is_full_duplex = ((const V1BidiStreamRequest *)request)->full_duplex;
        break;
    }
    return true;
}

/* ---- what goes ---- */

/* What an answer says of the request: the first one all, later ones what is new. */
struct info {
    V1RequestInfo message;
    Google__Protobuf__Any *requests[REQUESTS_MAX];
};

static void fill_info(struct run *r, struct info *info)
{
    V1RequestInfo *m = &info->message;
    size_t begin = 0;
    size_t end = r->request_cnt;
    v1(conformance_payload__request_info__init)(m);
    if (r->plan.is_full_duplex) {
        begin = TC_MIN(r->sent_cnt, r->request_cnt);
        end = TC_MIN(begin + 1, r->request_cnt);
    } else if (r->sent_cnt > 0) {
        end = 0;
    }
    if (r->sent_cnt == 0) {
        m->n_request_headers = r->header_cnt;
        m->request_headers = r->headers;
    }
    if (r->sent_cnt == 0 && r->timeout_ns >= 0) {
        m->optional_timeout_ms_case =
            V1_CASE(CONFORMANCE_PAYLOAD__REQUEST_INFO__OPTIONAL_TIMEOUT_MS_TIMEOUT_MS);
        m->timeout_ms = r->timeout_ns / 1000000;
    }
    for (size_t i = begin; i < end; i++)
        info->requests[m->n_requests++] = &r->requests[i];
    m->requests = info->requests;
}

/* As bytes of the arena; ptr NULL: no room. */
static ProtobufCBinaryData pack(struct run *r, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_take(r, len + 1);
    if (bytes)
        protobuf_c_message_pack(message, bytes);
    return (ProtobufCBinaryData){ len, bytes };
}

typedef bool (*add_fn)(struct tc_grpc_call *call, struct tc_str name, struct tc_str value);

/* Values of "-bin" are base64 here, and bytes for the layer. */
static bool add_value(struct tc_grpc_call *call, add_fn add, struct tc_str name, const char *text)
{
    uint8_t bytes[TC_GRPC_METADATA_MAX];
    struct tc_str value = tc_str_from(text);
    if (!tc_grpc_key_is_binary(name))
        return add(call, name, value);
    if (tc_grpc_base64_decode(bytes, sizeof(bytes), value, &value.len) < 0)
        return false;
    return add(call, name, (struct tc_str){ (const char *)bytes, value.len });
}

static void add_all(struct tc_grpc_call *call, add_fn add, V1Header **headers, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++) {
        V1Header *h = headers[i];
        for (char *c = h->name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        for (size_t v = 0; v < h->n_value; v++) {
            if (!add_value(call, add, tc_str_from(h->name), h->value[v]))
                fprintf(stderr, "left out: metadata %s\n", h->name);
        }
    }
}

static void send_head(struct tc_grpc_call *call)
{
    const struct plan *p = &run_of(call)->plan;
    if (call->is_head_sent)
        return;
    add_all(call, tc_grpc_add_header, p->headers, p->header_cnt);
    tc_grpc_use_gzip(call);
    tc_grpc_send_head(call);
}

/* grpc-status-details-bin: what the definition says, and the request if no answer has told of it.
 */
static void add_details(struct tc_grpc_call *call, const V1Error *error)
{
    static char info_type[] =
        "type.googleapis.com/connectrpc.conformance.v1.ConformancePayload.RequestInfo";
    struct run *r = run_of(call);
    struct info info;
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any **details = arena_take(r, (error->n_details + 1) * sizeof(*details));
    fill_info(r, &info);
    any.type_url = info_type;
    any.value = pack(r, &info.message.base);
    if (!details || !any.value.data)
        return;
    for (size_t i = 0; i < error->n_details; i++)
        details[status.n_details++] = error->details[i];
    if (r->sent_cnt == 0)
        details[status.n_details++] = &any;
    status.code = error->code;
    status.message = error->message;
    status.details = details;
    ProtobufCBinaryData bytes = pack(r, &status.base);
    if (!bytes.data || !tc_grpc_add_trailer(call, TC_STR("grpc-status-details-bin"),
                                            (struct tc_str){ (char *)bytes.data, bytes.len }))
        fprintf(stderr, "left out: details of %zu bytes\n", bytes.len);
}

static void end(struct tc_grpc_call *call)
{
    const struct plan *p = &run_of(call)->plan;
    const V1Error *error = p->error;
    send_head(call);
    add_all(call, tc_grpc_add_trailer, p->trailers, p->trailer_cnt);
    if (!error) {
        tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
        return;
    }
    add_details(call, error);
    tc_grpc_finish(call, (enum tc_grpc_status)error->code, tc_str_from(error->message));
}

static void respond(struct tc_grpc_call *call)
{
    struct run *r = run_of(call);
    struct info info;
    size_t mark = r->used;
    V1ConformancePayload payload;
    V1UnaryResponse response; /* those of the others are the same on the wire */
    v1(conformance_payload__init)(&payload);
    v1(unary_response__init)(&response);
    fill_info(r, &info);
    payload.data = r->plan.data[r->sent_cnt];
    payload.request_info = &info.message;
    response.payload = &payload;
    ProtobufCBinaryData bytes = pack(r, &response.base);
    if (!bytes.data) {
        too_much(call);
        return;
    }
    send_head(call);
    r->used = mark;
    r->sent_cnt++;
    tc_grpc_send(call, bytes.data, (uint32_t)bytes.len, true);
}

/* ---- steps ---- */

static bool is_stream(const struct tc_grpc_call *call)
{
    return call->method->shape == TC_GRPC_SERVER_STREAM || call->method->shape == TC_GRPC_BIDI;
}

/* Full duplex: an answer to each request, and the rest at the end; else all of them then. */
static bool is_asked(const struct tc_grpc_call *call)
{
    const struct run *r = run_of(call);
    return call->is_half_closed || (r->plan.is_full_duplex && r->request_cnt > r->sent_cnt);
}

/* A call with one answer waits before its error too. */
static bool must_wait(const struct tc_grpc_call *call)
{
    const struct run *r = run_of(call);
    bool has_more = r->sent_cnt < r->plan.data_cnt || (!is_stream(call) && r->sent_cnt == 0);
    return r->plan.delay_ms > 0 && !r->is_waited && has_more;
}

static void step(struct tc_grpc_call *call)
{
    while (!call->is_done && tc_grpc_backlog(call) <= TC_GRPC_WRITABLE) {
        struct run *r = run_of(call);
        if (r->is_waiting || !is_asked(call))
            return;
        if (is_stream(call))
            send_head(call);
        if (must_wait(call)) {
            r->is_waiting = true;
            tc_grpc_arm(call, tc_grpc_now_ns(call) + r->plan.delay_ms * 1000000ll);
            return;
        }
        r->is_waited = false;
        if (r->sent_cnt < r->plan.data_cnt)
            respond(call);
        else
            end(call);
    }
}

static void on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    bool is_first = run_of(call)->request_cnt == 0;
    if (!keep_request(call, bytes, len))
        too_much(call);
    else if (is_first && !read_plan(call, bytes, len))
        tc_grpc_finish(call, TC_GRPC_INVALID_ARGUMENT, TC_STR("no message of its type"));
    else
        step(call);
}

static void on_half_close(struct tc_grpc_call *call)
{
    struct run *r = run_of(call);
    if (r->request_cnt == 0 && !is_stream(call))
        plan_one(&r->plan, NULL);
    step(call);
}

static void on_timer(struct tc_grpc_call *call)
{
    struct run *r = run_of(call);
    r->is_waiting = false;
    r->is_waited = true;
    step(call);
}

/* ---- the service; Unimplemented is known to clients and not here ---- */

#define PACKAGE "connectrpc.conformance.v1"
#define SERVICE PACKAGE ".ConformanceService"

#define METHOD(name, its_shape)                                                                    \
    { .path = "/" SERVICE "/" name,                                                                \
      .shape = (its_shape),                                                                        \
      .request = PACKAGE "." name "Request",                                                       \
      .response = PACKAGE "." name "Response",                                                     \
      .on_start = on_start,                                                                        \
      .on_message = on_message,                                                                    \
      .on_half_close = on_half_close,                                                              \
      .on_writable = step,                                                                         \
      .on_timer = on_timer,                                                                        \
      .on_end = on_end }

static struct tc_grpc_method methods[] = {
    METHOD("Unary", TC_GRPC_UNARY),
    METHOD("ServerStream", TC_GRPC_SERVER_STREAM),
    METHOD("ClientStream", TC_GRPC_CLIENT_STREAM),
    METHOD("BidiStream", TC_GRPC_BIDI),
};

static const struct tc_grpc_service service = { .name = SERVICE,
                                                .methods = methods,
                                                .method_cnt = TC_ARRAY_CNT(methods) };
static const struct tc_grpc_service *const services[] = { &service };

/* ---- start: a length of 4 bytes, big-endian, and a message; each way ---- */

static void read_all(void *bytes, size_t len)
{
    if (fread(bytes, 1, len, stdin) != len)
        tc_tb_die("stdin ends within the message that says what is wanted");
}

static V1ServerCompatRequest *read_wanted(void)
{
    uint8_t head[4];
    read_all(head, sizeof(head));
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (len > START_BYTES_MAX)
        tc_tb_die("a message of %zu bytes on stdin", len);
    uint8_t *bytes = tc_tb_take(1, len);
    read_all(bytes, len);
    V1ServerCompatRequest *wanted = v1(server_compat_request__unpack)(NULL, len, bytes);
    if (!wanted)
        tc_tb_die("what is on stdin is no ServerCompatRequest");
    return wanted;
}

static void write_found(const struct tc_grpc_host *host, const V1ServerCompatRequest *wanted)
{
    static char address[] = "127.0.0.1";
    V1ServerCompatResponse found;
    v1(server_compat_response__init)(&found);
    found.host = address;
    found.port = wanted->use_tls ? host->tls_port : host->port;
    if (wanted->use_tls)
        found.pem_cert = wanted->server_creds->cert;
    size_t len = v1(server_compat_response__get_packed_size)(&found);
    uint8_t *bytes = tc_tb_take(1, 4 + len);
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(len >> (24 - 8 * i));
    v1(server_compat_response__pack)(&found, bytes + 4);
    if (fwrite(bytes, 1, 4 + len, stdout) != 4 + len || fflush(stdout) != 0)
        tc_tb_die("stdout: %s", strerrordesc_np(errno));
}

int main(int argc, char **argv)
{
    struct tc_grpc_host host;
    struct tc_err err = { .code = 0 };
    V1ServerCompatRequest *wanted = read_wanted();
    const struct tc_grpc_server server = { .services = services,
                                           .service_cnt = 1,
                                           .message_max = wanted->message_receive_limit };
    struct tc_grpc_host_conf conf = { .server = &server, .log_fd = -1 };
    for (size_t i = 0; i < TC_ARRAY_CNT(methods); i++)
        methods[i].is_side = argc == 2 && strcmp(argv[1], "--side") == 0;
    if (wanted->use_tls && !wanted->server_creds)
        tc_tb_die("TLS without a certificate to use");
    if (wanted->use_tls) {
        const V1TLSCreds *creds = wanted->server_creds;
        conf.cert = (struct tc_str){ (const char *)creds->cert.data, creds->cert.len };
        conf.key = (struct tc_str){ (const char *)creds->key.data, creds->key.len };
    }
    if (tc_grpc_host_start(&host, &conf, &err) < 0)
        tc_tb_die("%s", err.text);
    write_found(&host, wanted);
    tc_grpc_host_wait(&host);
    tc_grpc_host_stop(&host);
    v1(server_compat_request__free_unpacked)(wanted, NULL);
    return 0;
}
