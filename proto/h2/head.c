// SPDX-License-Identifier: Apache-2.0
/* Heads of requests: collected, counted, and judged where nghttp2 does not (RFC 9113 section 8). */
#include "proto/h2/h2_int.h"

static struct tc_h2_head *head_of(const struct tc_h2 *h2)
{
    return h2->head == TC_NONE ? NULL : tc_pool_at(&h2->class->heads, h2->head);
}

void tc_h2_head_drop(struct tc_h2 *h2)
{
    if (h2->head != TC_NONE)
        tc_pool_release(&h2->class->heads, h2->head);
    h2->head = TC_NONE;
}

struct tc_str tc_h2_field(const struct tc_h2_head *head, const char *name)
{
    struct tc_str want = { name, strlen(name) };
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        if (tc_str_eq(head->fields[i].name, want))
            return head->fields[i].value;
    }
    return (struct tc_str){ NULL, 0 };
}

int tc_h2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct tc_h2 *h2 = ctx;
    (void)session;
    h2->field_cnt = h2->field_bytes = 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* trailers: counted, not kept */
    tc_h2_head_drop(h2);
    h2->head = tc_pool_acquire(&h2->class->heads);
    if (h2->head == TC_NONE) {
        tc_h2_reset(h2, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    struct tc_h2_head *head = head_of(h2);
    memset(head, 0, offsetof(struct tc_h2_head, fields));
    return 0;
}

static struct tc_str keep(struct tc_h2_head *head, const uint8_t *bytes, size_t len)
{
    char *to = head->bytes + head->used;
    if (len > 0)
        memcpy(to, bytes, len);
    head->used += (uint32_t)len;
    return (struct tc_str){ to, len };
}

static enum tc_http1_method method_of(struct tc_str text)
{
    for (int m = 0; m < TC_HTTP1_OTHER; m++) {
        const char *name = tc_http1_method_text((enum tc_http1_method)m);
        if (tc_str_eq(text, (struct tc_str){ name, strlen(name) }))
            return (enum tc_http1_method)m;
    }
    return TC_HTTP1_OTHER;
}

static void keep_pseudo(struct tc_h2_head *head, struct tc_str name, struct tc_str value)
{
    if (tc_str_eq(name, TC_STR(":method")))
        head->method = method_of(value);
    else if (tc_str_eq(name, TC_STR(":path")))
        head->target = value;
    else if (tc_str_eq(name, TC_STR(":authority")))
        head->host = value;
    else if (tc_str_eq(name, TC_STR(":scheme")))
        head->scheme = value;
}

int tc_h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                    void *ctx)
{
    struct tc_h2 *h2 = ctx;
    struct tc_h2_head *head = head_of(h2);
    (void)session;
    (void)flags;
    h2->field_cnt++;
    h2->field_bytes += (uint32_t)(name_len + value_len + TC_H2_FIELD_BYTES);
    if (h2->field_cnt > TC_H2_FIELDS_MAX || h2->field_bytes > TC_H2_HEAD_MAX) {
        tc_h2_fail(h2, TC_H2_CALM, NGHTTP2_ENHANCE_YOUR_CALM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || !head)
        return 0;
    struct tc_str n = keep(head, name, name_len);
    struct tc_str v = keep(head, value, value_len);
    if (name_len > 0 && name[0] == ':')
        keep_pseudo(head, n, v);
    else
        head->fields[head->field_cnt++] = (struct tc_http1_field){ n, v };
    return 0;
}

/* What nghttp2 would pass over in silence is a malformed request to us (RFC 9113 section 8.2.1). */
int tc_h2_on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                            const uint8_t *name, size_t name_len, const uint8_t *value,
                            size_t value_len, uint8_t flags, void *ctx)
{
    (void)session;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    tc_h2_reset(ctx, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Host beside :authority must say the same, and neither may name a user (RFC 9113 section 8.3.1).
 */
static bool is_host_right(struct tc_h2_head *head)
{
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        if (!tc_str_eq(head->fields[i].name, TC_STR("host")))
            continue;
        if (head->host.ptr && !tc_http1_eq(head->host, head->fields[i].value))
            return false;
        head->host = head->fields[i].value;
    }
    return head->host.len > 0 && !memchr(head->host.ptr, '@', head->host.len);
}

void tc_h2_head_end(struct tc_h2 *h2, int32_t id)
{
    struct tc_h2_head *head = head_of(h2);
    if (!head)
        return;
    const char *query = head->target.len ? memchr(head->target.ptr, '?', head->target.len) : NULL;
    head->path = head->target;
    if (query) {
        head->path.len = (size_t)(query - head->target.ptr);
        head->query = (struct tc_str){ query + 1, head->target.len - head->path.len - 1 };
    }
    if (is_host_right(head)) {
        uint32_t stream = h2->class->ops->on_request(h2, id, head);
        void *user = (void *)((uintptr_t)stream + 1);
        if (stream != TC_NONE && nghttp2_session_set_stream_user_data(h2->session, id, user) == 0)
            h2->stream_cnt++;
        else if (stream != TC_NONE)
            h2->class->ops->on_close(h2, stream, NGHTTP2_INTERNAL_ERROR);
    } else {
        tc_h2_reset(h2, id, NGHTTP2_PROTOCOL_ERROR);
    }
    tc_h2_head_drop(h2);
}
