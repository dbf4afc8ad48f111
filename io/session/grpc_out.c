// SPDX-License-Identifier: Apache-2.0
/* Calls: what goes out. */
#include <stdio.h>

#include "io/os/os.h"
#include "io/session/desk.h"
#include "io/session/grpc_int.h"
#include "io/session/pack.h"

static const struct tc_str none = { NULL, 0 };

size_t tc_grpc_backlog(const struct tc_grpc_call *call)
{
    return call->desk ? tc_desk_backlog(call) : call->carrier->backlog(call);
}

int64_t tc_grpc_now_ns(const struct tc_grpc_call *call)
{
    return call->desk ? tc_os_mono_ns() : call->net->now_ns;
}

/* ---- metadata ---- */

static bool pack(struct tc_grpc_call *call, struct tc_block *block, struct tc_str name,
                 struct tc_str value)
{
    struct tc_slab *slab = &call->net->slab;
    struct tc_http1_field have[TC_GRPC_FIELDS_MAX];
    struct tc_http1_field field = { name, value };
    return tc_block_left(block) + name.len + value.len <= TC_GRPC_METADATA_MAX &&
           tc_pack_fields(slab, block, have, TC_GRPC_FIELDS_MAX) < TC_GRPC_FIELDS_MAX &&
           tc_pack_add(slab, block, &field);
}

static bool is_valid(struct tc_str name, struct tc_str value)
{
    bool is_details = tc_str_eq(name, TC_STR("grpc-status-details-bin"));
    return tc_grpc_key_is_valid(name) && (!tc_grpc_key_is_reserved(name) || is_details) &&
           name.len <= TC_GRPC_METADATA_MAX && value.len <= TC_GRPC_METADATA_MAX &&
           (tc_grpc_key_is_binary(name) || tc_grpc_value_is_valid(value));
}

static bool add_field(struct tc_grpc_call *call, struct tc_block *block, struct tc_str name,
                      struct tc_str value)
{
    char text[TC_GRPC_METADATA_MAX];
    if (!tc_grpc_key_is_binary(name))
        return pack(call, block, name, value);
    size_t len = tc_grpc_base64_encode(text, sizeof(text), value.ptr, value.len, false);
    if (len == 0 && value.len > 0)
        return false;
    return pack(call, block, name, (struct tc_str){ text, len });
}

bool tc_grpc_add_header(struct tc_grpc_call *call, struct tc_str name, struct tc_str value)
{
    if (call->is_done || call->is_head_sent || !is_valid(name, value))
        return false;
    if (!call->desk)
        return add_field(call, &call->head, name, value);
    tc_desk_answer(call, TC_DESK_HEADER, 0, name, value);
    return true;
}

bool tc_grpc_add_trailer(struct tc_grpc_call *call, struct tc_str name, struct tc_str value)
{
    if (call->is_done || !is_valid(name, value))
        return false;
    if (!call->desk)
        return add_field(call, &call->trailer, name, value);
    tc_desk_answer(call, TC_DESK_TRAILER, 0, name, value);
    return true;
}

/* ---- fields ---- */

enum { FIELDS_MAX = 2 * TC_GRPC_FIELDS_MAX + 8 }; /* both kinds of metadata, and our own */
_Static_assert((int)FIELDS_MAX <= (int)TC_H2_FIELDS_MAX,
               "an answer that is a head alone can be sent");

struct fields {
    struct tc_http1_field items[FIELDS_MAX];
    size_t cnt;
};

static void add(struct fields *f, struct tc_str name, struct tc_str value)
{
    TC_ASSERT(f->cnt < FIELDS_MAX);
    f->items[f->cnt++] = (struct tc_http1_field){ name, value };
}

static void unpack(const struct tc_grpc_call *call, const struct tc_block *block, struct fields *f)
{
    size_t room = TC_MIN(TC_ARRAY_CNT(f->items) - f->cnt, (size_t)TC_GRPC_FIELDS_MAX);
    f->cnt += tc_pack_fields(&call->net->slab, block, f->items + f->cnt, room);
}

static void add_head(const struct tc_grpc_call *call, struct fields *f)
{
    static const char *const types[] = {
        [TC_GRPC_KIND_GRPC] = "application/grpc+proto",
        [TC_GRPC_KIND_WEB] = "application/grpc-web+proto",
        [TC_GRPC_KIND_WEB_TEXT] = "application/grpc-web-text+proto",
    };
    add(f, TC_STR("content-type"), tc_str_from(types[call->kind]));
    add(f, TC_STR("grpc-accept-encoding"), TC_STR("identity,gzip"));
    if (call->is_gzip)
        add(f, TC_STR("grpc-encoding"), TC_STR("gzip"));
    unpack(call, &call->head, f);
}

/* text has room for a status, message for a percent-encoded detail. */
static void add_end(const struct tc_grpc_call *call, enum tc_grpc_status status,
                    struct tc_str detail, struct fields *f, char text[4],
                    char message[3 * TC_GRPC_DETAIL_MAX])
{
    int len = snprintf(text, 4, "%d", (int)status);
    add(f, TC_STR("grpc-status"), (struct tc_str){ text, (size_t)len });
    detail.len = TC_MIN(detail.len, (size_t)TC_GRPC_DETAIL_MAX);
    if (status != TC_GRPC_OK && detail.len > 0) {
        size_t cnt = tc_grpc_percent_encode(message, 3 * TC_GRPC_DETAIL_MAX, detail);
        add(f, TC_STR("grpc-message"), (struct tc_str){ message, cnt });
    }
    unpack(call, &call->trailer, f);
}

/* ---- the answer ---- */

void tc_grpc_use_gzip(struct tc_grpc_call *call)
{
    call->is_gzip = call->accepts_gzip && !call->is_head_sent;
    if (call->desk && call->is_gzip)
        tc_desk_answer(call, TC_DESK_GZIP, 0, none, none);
}

void tc_grpc_send_head(struct tc_grpc_call *call)
{
    struct fields f = { .cnt = 0 };
    if (call->is_done || call->is_head_sent)
        return;
    call->is_head_sent = true;
    if (call->desk) {
        tc_desk_answer(call, TC_DESK_HEAD, 0, none, none);
        return;
    }
    add_head(call, &f);
    call->carrier->respond(call, f.items, f.cnt, false);
    tc_block_free(&call->net->slab, &call->head);
}

/* Bytes of the body, as the kind wants them. */
static bool write_body(struct tc_grpc_call *call, const void *bytes, size_t len)
{
    enum { STEP = 3 * 1024 };
    char text[STEP / 3 * 4];
    const uint8_t *at = bytes;
    if (len == 0)
        return true; /* a chunk of nothing would be the last one */
    if (call->kind != TC_GRPC_KIND_WEB_TEXT)
        return call->carrier->write(call, bytes, len);
    while (len > 0) {
        size_t now = TC_MIN(len, (size_t)STEP);
        size_t cnt = tc_grpc_base64_encode(text, sizeof(text), at, now, true);
        if (!call->carrier->write(call, text, cnt))
            return false;
        at += now;
        len -= now;
    }
    return true;
}

/* What cannot be sent whole is not sent at all. */
static void give_up(struct tc_grpc_call *call)
{
    tc_grpc_leave(call, TC_GRPC_RESOURCE_EXHAUSTED);
    call->carrier->abort(call);
}

static void send_message(struct tc_grpc_call *call, const void *bytes, uint32_t len, bool is_packed)
{
    struct tc_grpc_pool *pool = tc_grpc_pool_of(call);
    uint8_t prefix[TC_GRPC_PREFIX_BYTES];
    uint32_t packed_len = 0;
    is_packed = is_packed && call->is_gzip &&
                tc_grpc_deflate(&pool->gzip, bytes, len, pool->packed, pool->message_max,
                                &packed_len) == TC_OK;
    tc_grpc_prefix(prefix, is_packed, is_packed ? packed_len : len);
    if (!write_body(call, prefix, sizeof(prefix)) ||
        !write_body(call, is_packed ? pool->packed : bytes, is_packed ? packed_len : len)) {
        if (!call->is_done)
            give_up(call);
        return;
    }
    call->is_full |= tc_grpc_backlog(call) > TC_GRPC_WRITABLE;
}

void tc_grpc_send(struct tc_grpc_call *call, const void *bytes, uint32_t len, bool is_packed)
{
    if (call->is_done)
        return;
    tc_grpc_send_head(call);
    if (tc_grpc_backlog(call) + len > TC_GRPC_BACKLOG_MAX)
        tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED,
                       TC_STR("answers are not read, or too large to be kept"));
    else if (call->desk)
        tc_desk_answer(call, is_packed ? TC_DESK_SEND_PACKED : TC_DESK_SEND, 0,
                       (struct tc_str){ bytes, len }, none);
    else
        send_message(call, bytes, len, is_packed);
}

void tc_grpc_join(struct tc_grpc_call *call)
{
    tc_grpc_send_head(call);
    TC_ASSERT(!call->desk); /* rooms are the worker's */
    if (call->is_done || call->is_joined)
        return;
    call->conn = call->carrier->join(call, &call->dialect);
    call->is_joined = true;
}

void tc_grpc_send_framed(struct tc_grpc_call *call, const void *bytes, size_t len)
{
    if (call->is_done)
        return;
    if (tc_grpc_backlog(call) + len > TC_GRPC_BACKLOG_MAX)
        tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED, TC_STR("answers are not read"));
    else if (!call->carrier->write_framed(call, bytes, len) && !call->is_done)
        give_up(call);
}

static void finish_web(struct tc_grpc_call *call, const struct fields *f)
{
    uint8_t frame[2 * TC_GRPC_METADATA_MAX];
    size_t len = tc_grpc_web_trailers(frame, sizeof(frame), f->items, f->cnt);
    TC_ASSERT(len > 0);
    if (write_body(call, frame, len))
        call->carrier->finish(call, NULL, 0);
    else
        call->carrier->abort(call);
}

void tc_grpc_finish(struct tc_grpc_call *call, enum tc_grpc_status status, struct tc_str detail)
{
    char text[4];
    char message[3 * TC_GRPC_DETAIL_MAX];
    struct fields f = { .cnt = 0 };
    if (call->is_done)
        return;
    if (call->desk) {
        tc_desk_finish(call, status, detail);
        return;
    }
    bool is_only = !call->is_head_sent;
    if (is_only)
        add_head(call, &f);
    add_end(call, status, detail, &f, text, message);
    tc_grpc_leave(call, status);
    call->is_head_sent = true;
    if (is_only)
        call->carrier->respond(call, f.items, f.cnt, true);
    else if (call->kind == TC_GRPC_KIND_GRPC)
        call->carrier->finish(call, f.items, f.cnt);
    else
        finish_web(call, &f);
}
