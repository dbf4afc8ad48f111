// SPDX-License-Identifier: Apache-2.0
/* Calls: how they begin, what comes in, how they end. */
#include "io/session/cors.h"
#include "io/session/desk.h"
#include "io/session/grpc_int.h"
#include "io/session/pack.h"

static const char deadline_text[] = "the deadline of the call is over";

static void fail(struct tc_grpc_call *call, enum tc_grpc_status status, const char *detail)
{
    tc_grpc_finish(call, status, tc_str_from(detail));
}

/* Messages of the request are put together in a block of the slab, lent as long as it is needed. A
 * call that is done may lose it within a message: it is not fed any more. */
static void part_free(struct tc_grpc_call *call)
{
    if (call->part.cap == 0)
        return;
    tc_block_free(&call->net->slab, &call->part);
    if (!tc_grpc_in_needs_block(&call->in))
        tc_grpc_in_lend(&call->in, NULL, 0);
}

/* ---- begin ---- */

uint32_t tc_grpc_open(struct tc_net *net, const struct tc_grpc_start *start)
{
    struct tc_grpc_pool *pool = &tc_sessions_of(net)->grpc;
    uint32_t idx = pool->server ? tc_pool_acquire(&pool->calls) : TC_NONE;
    if (idx == TC_NONE)
        return idx;
    struct tc_grpc_call *call = tc_pool_at(&pool->calls, idx);
    memset(call, 0, sizeof(*call));
    call->idx = idx;
    call->slot = start->slot;
    call->stream = start->stream;
    call->net = net;
    call->carrier = start->carrier;
    call->kind = (uint8_t)start->kind;
    call->deadline_ns = call->timer_ns = INT64_MAX;
    call->twin = TC_NONE;
    tc_grpc_in_init(&call->in, pool->message_max, false);
    tc_count_add(&net->conf.metric->grpc_calls, 1);
    return idx;
}

static bool has_service(const struct tc_grpc_server *server, struct tc_str path)
{
    for (uint32_t i = 0; i < server->service_cnt; i++) {
        size_t len = strlen(server->services[i]->name);
        if (path.len > len + 2 && path.ptr[len + 1] == '/' &&
            memcmp(path.ptr + 1, server->services[i]->name, len) == 0)
            return true;
    }
    return false;
}

const struct tc_grpc_method *tc_grpc_method_find(const struct tc_grpc_server *server,
                                                 struct tc_str path,
                                                 const struct tc_grpc_service **service)
{
    for (uint32_t i = 0; server && i < server->service_cnt; i++) {
        *service = server->services[i];
        for (uint32_t m = 0; m < (*service)->method_cnt; m++) {
            if (tc_str_eq(path, tc_str_from((*service)->methods[m].path)))
                return &(*service)->methods[m];
        }
    }
    return NULL;
}

/* A page of another origin must be allowed, and reads what the answer lets it. */
static enum tc_grpc_status check_origin(struct tc_grpc_call *call, const struct tc_grpc_head *head,
                                        const char **detail)
{
    struct tc_http1_field fields[TC_CORS_FIELDS_MAX];
    struct tc_str origin = { NULL, 0 };
    if (call->kind == TC_GRPC_KIND_GRPC)
        return TC_GRPC_OK;
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        if (!tc_str_eq(head->fields[i].name, TC_STR("origin")))
            continue;
        origin = head->fields[i].value;
        cnt++;
    }
    if (cnt == 0)
        return TC_GRPC_OK; /* not a browser */
    if (cnt > 1 || !tc_cors_is_allowed(call->net, origin, head->host)) {
        *detail = "pages of this origin may not call; see the setting origins";
        return TC_GRPC_PERMISSION_DENIED;
    }
    size_t field_cnt = tc_cors_fields(origin, fields);
    for (size_t i = 0; i < field_cnt; i++) {
        if (!tc_pack_add(&call->net->slab, &call->head, &fields[i])) {
            *detail = "no memory for the answer now";
            return TC_GRPC_RESOURCE_EXHAUSTED;
        }
    }
    return TC_GRPC_OK;
}

/* Fields that steer the call. OK, or how it ends. */
static enum tc_grpc_status read_fields(struct tc_grpc_call *call, struct tc_grpc_head *head,
                                       const char **detail)
{
    enum tc_grpc_encoding encoding = TC_GRPC_ENCODING_IDENTITY;
    head->timeout_ns = -1;
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        const struct tc_http1_field *f = &head->fields[i];
        if (tc_str_eq(f->name, TC_STR("grpc-encoding"))) {
            encoding = tc_grpc_encoding_of(f->value);
        } else if (tc_str_eq(f->name, TC_STR("grpc-accept-encoding"))) {
            call->accepts_gzip |= tc_grpc_accepts_gzip(f->value);
        } else if (tc_str_eq(f->name, TC_STR("grpc-timeout")) &&
                   tc_grpc_timeout(f->value, &head->timeout_ns) < 0) {
            *detail = "grpc-timeout is 1 to 8 digits and one of H M S m u n";
            return TC_GRPC_INVALID_ARGUMENT;
        }
    }
    call->in.is_encoded = encoding == TC_GRPC_ENCODING_GZIP;
    *detail = "this server takes messages as they are or by gzip: see grpc-accept-encoding";
    return encoding == TC_GRPC_ENCODING_OTHER ? TC_GRPC_UNIMPLEMENTED : TC_GRPC_OK;
}

static enum tc_grpc_status find_method(struct tc_grpc_call *call, struct tc_str path,
                                       const char **detail)
{
    const struct tc_grpc_server *server = tc_grpc_pool_of(call)->server;
    const struct tc_grpc_service *service = NULL;
    call->method = tc_grpc_method_find(server, path, &service);
    if (call->method) {
        call->ctx = service->ctx;
        return TC_GRPC_OK;
    }
    *detail = has_service(server, path) ? "the service has no such method"
                                        : "this server has no such service";
    return TC_GRPC_UNIMPLEMENTED;
}

static enum tc_grpc_status ask_hooks(struct tc_grpc_call *call, const struct tc_grpc_head *head,
                                     const char **detail)
{
    const struct tc_grpc_server *server = tc_grpc_pool_of(call)->server;
    enum tc_grpc_status status = TC_GRPC_OK;
    for (uint32_t i = 0; i < server->hook_cnt && status == TC_GRPC_OK; i++) {
        const struct tc_grpc_hook *hook = &server->hooks[i];
        if (hook->on_start)
            status = hook->on_start(hook->ctx, call, head, detail);
        call->hook_cnt += status == TC_GRPC_OK;
    }
    return status;
}

void tc_grpc_begin(struct tc_grpc_call *call, const struct tc_grpc_start *start)
{
    struct tc_grpc_head head = start->head;
    const char *detail = "";
    enum tc_grpc_status status = check_origin(call, &head, &detail);
    if (status != TC_GRPC_OK) {
        tc_count_add(&call->net->conf.metric->glitches, 1);
    } else if (!start->is_proto) {
        status = TC_GRPC_UNIMPLEMENTED;
        detail =
            "messages are protobuf here: content-type application/grpc or application/grpc+proto";
    } else if (call->net->is_draining) {
        status = TC_GRPC_UNAVAILABLE;
        detail = "the server restarts";
    }
    if (status == TC_GRPC_OK)
        status = read_fields(call, &head, &detail);
    if (status == TC_GRPC_OK)
        status = find_method(call, head.path, &detail);
    if (status == TC_GRPC_OK && head.timeout_ns == 0) {
        status = TC_GRPC_DEADLINE_EXCEEDED;
        detail = deadline_text;
    }
    if (status == TC_GRPC_OK)
        status = ask_hooks(call, &head, &detail);
    if (status != TC_GRPC_OK) {
        call->method = NULL;
        fail(call, status, detail);
        return;
    }
    call->on = call->method->is_side ? &tc_desk_forward : call->method;
    if (head.timeout_ns >= 0) {
        call->deadline_ns = call->net->now_ns + head.timeout_ns;
        call->carrier->arm(call);
    }
    if (call->on->on_start)
        call->on->on_start(call, &head);
}

/* ---- in ---- */

static bool has_one_message(const struct tc_grpc_call *call)
{
    return call->method->shape == TC_GRPC_UNARY || call->method->shape == TC_GRPC_SERVER_STREAM;
}

static void deliver(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len, bool is_packed)
{
    struct tc_grpc_pool *pool = tc_grpc_pool_of(call);
    uint32_t plain_len = 0;
    call->is_packed_in = is_packed;
    if (!is_packed) {
        call->on->on_message(call, bytes, len);
        return;
    }
    int rc = tc_grpc_inflate(&pool->gzip, bytes, len, pool->scratch, pool->message_max, &plain_len);
    if (rc == -TC_ELIMIT)
        fail(call, TC_GRPC_RESOURCE_EXHAUSTED, "the message is too large");
    else if (rc < 0)
        fail(call, TC_GRPC_INTERNAL, "the message is not one whole gzip member");
    else
        call->on->on_message(call, pool->scratch, plain_len);
}

static void on_message(struct tc_grpc_call *call, const struct tc_grpc_msg *msg)
{
    if (!has_one_message(call)) {
        deliver(call, msg->bytes, msg->len, msg->is_compressed);
    } else if (call->has_message) {
        fail(call, TC_GRPC_UNIMPLEMENTED, "the method takes one message, and two have come");
    } else if (tc_block_append(&call->net->slab, &call->held, msg->bytes, msg->len)) {
        call->has_message = true;
        call->is_held_packed = msg->is_compressed;
    } else {
        fail(call, TC_GRPC_RESOURCE_EXHAUSTED, "no memory for the message now");
    }
}

static bool lend(struct tc_grpc_call *call)
{
    struct tc_slab *slab = &call->net->slab;
    if (!tc_slab_replace(slab, &call->part.idx, &call->part.cap, 0, call->in.held_cnt,
                         call->in.want))
        return false;
    tc_grpc_in_lend(&call->in, tc_slab_at(slab, call->part.idx), call->part.cap);
    return true;
}

/* Bytes of the body, out of base64. */
static void feed(struct tc_grpc_call *call, const uint8_t *bytes, size_t len)
{
    while (!call->is_done) {
        struct tc_grpc_msg msg;
        size_t used = 0;
        int rc = tc_grpc_in_feed(&call->in, bytes, len, &used, &msg);
        bytes += used;
        len -= used;
        if (rc == 0)
            break;
        if (rc < 0)
            fail(call, call->in.status, call->in.detail);
        else if (rc == 1)
            on_message(call, &msg);
        else if (!lend(call))
            fail(call, TC_GRPC_RESOURCE_EXHAUSTED, "no memory for the message now");
    }
    if (call->is_done || !tc_grpc_in_needs_block(&call->in))
        part_free(call);
}

void tc_grpc_data(struct tc_grpc_call *call, const uint8_t *bytes, size_t len)
{
    uint8_t plain[4096];
    if (call->kind != TC_GRPC_KIND_WEB_TEXT) {
        feed(call, bytes, len);
        return;
    }
    while (len > 0 && !call->is_done) {
        struct tc_str text = { (const char *)bytes, TC_MIN(len, sizeof(plain)) };
        size_t plain_len = 0;
        int rc = tc_grpc_base64_feed(&call->text, text, plain, &plain_len);
        feed(call, plain, plain_len);
        if (rc < 0 && !call->is_done)
            fail(call, TC_GRPC_INTERNAL, "the body is not base64");
        bytes += text.len;
        len -= text.len;
    }
}

void tc_grpc_half_close(struct tc_grpc_call *call)
{
    if (call->is_half_closed)
        return;
    call->is_half_closed = true;
    if (call->is_done)
        return;
    if (call->kind == TC_GRPC_KIND_WEB_TEXT && tc_grpc_base64_end(&call->text) < 0) {
        fail(call, TC_GRPC_INTERNAL, "the body ends inside base64");
    } else if (tc_grpc_in_end(&call->in) < 0) {
        fail(call, call->in.status, call->in.detail);
    } else if (!has_one_message(call)) {
        if (call->on->on_half_close)
            call->on->on_half_close(call);
    } else if (!call->has_message) {
        fail(call, TC_GRPC_UNIMPLEMENTED, "the method takes one message, and none has come");
    } else {
        /* the block may move when an answer is written: the message has one of its own */
        struct tc_block held = call->held;
        call->held = (struct tc_block){ 0 };
        deliver(call, held.cap ? tc_block_at(&call->net->slab, &held) : (const uint8_t *)"",
                tc_block_left(&held), call->is_held_packed);
        tc_block_free(&call->net->slab, &held);
    }
}

/* ---- time and end ---- */

void tc_grpc_on_time(struct tc_grpc_call *call)
{
    int64_t now_ns = call->net->now_ns;
    if (!call->is_done && now_ns >= call->deadline_ns)
        fail(call, TC_GRPC_DEADLINE_EXCEEDED, deadline_text);
    if (call->is_done || now_ns < call->timer_ns)
        return;
    call->timer_ns = INT64_MAX;
    if (call->on->on_timer)
        call->on->on_timer(call);
}

void tc_grpc_arm(struct tc_grpc_call *call, int64_t at_ns)
{
    if (call->is_done)
        return;
    if (call->desk) {
        tc_desk_answer(call, TC_DESK_ARM, at_ns, TC_STR(""), TC_STR(""));
        return;
    }
    call->timer_ns = at_ns;
    if (at_ns != INT64_MAX)
        call->carrier->arm(call);
}

void tc_grpc_drain(struct tc_grpc_call *call, uint32_t reconnect_ms)
{
    if (!call->is_done && call->on->on_drain)
        call->on->on_drain(call, reconnect_ms);
}

void tc_grpc_drained(struct tc_grpc_call *call)
{
    tc_desk_drained(call);
    if (!call->is_full || tc_grpc_backlog(call) > TC_GRPC_WRITABLE)
        return;
    call->is_full = false;
    if (!call->is_done && call->on->on_writable)
        call->on->on_writable(call);
}

void tc_grpc_leave(struct tc_grpc_call *call, enum tc_grpc_status status)
{
    const struct tc_grpc_server *server = tc_grpc_pool_of(call)->server;
    call->is_done = true;
    if (call->is_joined)
        call->carrier->part(call);
    call->status = (uint8_t)status;
    tc_count_add(&call->net->conf.metric->grpc_errors, status != TC_GRPC_OK);
    if (call->on && call->on->on_end)
        call->on->on_end(call);
    for (uint32_t i = 0; i < call->hook_cnt; i++) {
        if (server->hooks[i].on_end)
            server->hooks[i].on_end(server->hooks[i].ctx, call, status);
    }
}

void tc_grpc_close(struct tc_grpc_call *call)
{
    struct tc_slab *slab = &call->net->slab;
    if (!call->is_done)
        tc_grpc_leave(call, TC_GRPC_CANCELLED);
    part_free(call);
    tc_block_free(slab, &call->held);
    tc_block_free(slab, &call->head);
    tc_block_free(slab, &call->trailer);
    tc_pool_release(&tc_grpc_pool_of(call)->calls, call->idx);
}
