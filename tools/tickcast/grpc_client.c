// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/grpc_client.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem/mem.h"
#include "proto/grpc/frame.h"
#include "proto/grpc/metadata.h"

enum { STATUS_TEXT_MAX = 400 };

struct tc_grpc_client {
    struct tc_link *link;
    nghttp2_session *h2;
    char authority[TC_URL_HOST_MAX + 16];
    bool is_tls;
    bool is_set;    /* the server's SETTINGS are there */
    bool is_broken; /* the connection is of no use any more */

    /* the call */
    int32_t stream; /* 0: none was begun */
    uint8_t *out;   /* what waits for the server's window */
    size_t out_len;
    size_t out_off;
    bool is_last; /* nothing will be added to out */
    struct tc_grpc_in in;
    const char *fault; /* why its answer is none */
    long http_status;
    bool is_grpc;
    bool has_status;
    bool is_over;
    enum tc_grpc_status status;
    char message[STATUS_TEXT_MAX + 1];

    /* the read under way */
    tc_grpc_client_fn fn;
    void *fn_ctx;
    bool is_enough;
};

/* ---- what nghttp2 calls ---- */

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name_ptr,
                     size_t name_len, const uint8_t *value_ptr, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct tc_grpc_client *client = ctx;
    struct tc_str name = { (const char *)name_ptr, name_len };
    struct tc_str value = { (const char *)value_ptr, value_len };
    bool is_proto = false;
    (void)h2;
    (void)flags;
    if (frame->hd.stream_id != client->stream)
        return 0;
    if (tc_str_eq(name, TC_STR(":status"))) {
        client->http_status = strtol(value.ptr, NULL, 10); /* three digits: nghttp2 has looked */
    } else if (tc_str_eq(name, TC_STR("content-type"))) {
        client->is_grpc = tc_grpc_content_type(value, &is_proto) == TC_GRPC_KIND_GRPC;
    } else if (tc_str_eq(name, TC_STR("grpc-status"))) {
        unsigned long status = strtoul(value.ptr, NULL, 10);
        client->has_status = true;
        client->status =
            status < TC_GRPC_STATUS_CNT ? (enum tc_grpc_status)status : TC_GRPC_UNKNOWN;
    } else if (tc_str_eq(name, TC_STR("grpc-message"))) {
        size_t len = tc_grpc_percent_decode(client->message, STATUS_TEXT_MAX, value);
        client->message[len] = '\0';
    }
    return 0;
}

static void lend(struct tc_grpc_client *client)
{
    uint32_t cap = TC_MAX(client->in.want, client->in.cap * 2);
    tc_grpc_in_lend(&client->in, tc_realloc(client->in.block, cap), cap);
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t len, void *ctx)
{
    struct tc_grpc_client *client = ctx;
    (void)h2;
    (void)flags;
    while (stream == client->stream && client->is_grpc && !client->fault && !client->is_enough) {
        struct tc_grpc_msg msg;
        size_t used = 0;
        int rc = tc_grpc_in_feed(&client->in, bytes, len, &used, &msg);
        bytes += used;
        len -= used;
        if (rc == 0)
            break;
        if (rc < 0)
            client->fault = client->in.detail;
        else if (rc == TC_GRPC_IN_WANT)
            lend(client);
        else
            client->is_enough =
                !client->fn(client->fn_ctx, (struct tc_str){ (const char *)msg.bytes, msg.len });
    }
    return 0;
}

/* The call is over. One that has no status has the one that follows from how it ended. */
static void end(struct tc_grpc_client *client, uint32_t code)
{
    client->is_over = true;
    if (client->has_status && client->is_grpc)
        return;
    client->status = client->http_status ? tc_grpc_status_of_http((int)client->http_status)
                                         : TC_GRPC_UNAVAILABLE;
    snprintf(client->message, sizeof(client->message), "no gRPC answer (HTTP %ld, HTTP/2 error %s)",
             client->http_status, nghttp2_http2_strerror(code));
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *ctx)
{
    struct tc_grpc_client *client = ctx;
    client->is_set |= frame->hd.type == NGHTTP2_SETTINGS;
    bool is_answer = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!is_answer || frame->hd.stream_id != client->stream ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    /* the server's end is the end of the call, though our half may still be open */
    end(client, NGHTTP2_NO_ERROR);
    return nghttp2_session_get_stream_local_close(h2, client->stream) == 0
               ? nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, client->stream, NGHTTP2_CANCEL)
               : 0;
}

static int on_close(nghttp2_session *h2, int32_t stream, uint32_t code, void *ctx)
{
    struct tc_grpc_client *client = ctx;
    (void)h2;
    if (stream == client->stream && !client->is_over)
        end(client, code);
    return 0;
}

static nghttp2_ssize on_source(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t len,
                               uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct tc_grpc_client *client = ctx;
    size_t n = TC_MIN(len, client->out_len - client->out_off);
    (void)h2;
    (void)stream;
    (void)source;
    if (n > 0)
        memcpy(to, client->out + client->out_off, n);
    client->out_off += n;
    if (client->out_off == client->out_len && client->is_last)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (n == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (nghttp2_ssize)n;
}

/* ---- bytes ---- */

static int dead(struct tc_grpc_client *client, struct tc_err *err)
{
    client->is_broken = true;
    return tc_err_set(err, -TC_EINVAL, "the server does not speak HTTP/2 as it should");
}

/* Sends what there is; waits while the socket is full. */
static int flush(struct tc_grpc_client *client, struct tc_err *err)
{
    int64_t until_ms = tc_link_now_ms() + TC_LINK_CONNECT_MS;
    for (;;) {
        const uint8_t *bytes = NULL;
        nghttp2_ssize len = nghttp2_session_mem_send2(client->h2, &bytes);
        int rc = TC_OK;
        if (len == 0) /* nghttp2 gives a server up by a GOAWAY and reads no more */
            return nghttp2_session_want_read(client->h2) ? TC_OK : dead(client, err);
        if (len < 0)
            rc = tc_err_set(err, -TC_EIO, "HTTP/2: %s", nghttp2_strerror((int)len));
        else
            rc = tc_link_send_all(client->link, bytes, (size_t)len, until_ms, err);
        if (rc != TC_OK) {
            client->is_broken = true;
            return rc;
        }
    }
}

/* Takes what has arrived. > 0: something; 0: nothing. */
static int take(struct tc_grpc_client *client, struct tc_err *err)
{
    uint8_t bytes[16 * 1024];
    int taken = 0;
    while (!client->is_enough) {
        ssize_t n = tc_link_recv(client->link, bytes, sizeof(bytes));
        if (n == 0)
            return taken;
        if (n > 0 && nghttp2_session_mem_recv2(client->h2, bytes, (size_t)n) != n)
            return dead(client, err);
        if (n < 0) {
            client->is_broken = true;
            return taken && client->is_over
                       ? taken
                       : tc_err_set(err, -TC_EIO,
                                    n == -TC_ECLOSED ? "the server ended the connection"
                                                     : "the connection broke");
        }
        taken = 1;
    }
    return taken;
}

/* ---- */

static int set_up(struct tc_grpc_client *client)
{
    static const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 } };
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return -TC_ENOMEM;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    int rc = nghttp2_session_client_new(&client->h2, callbacks, client);
    nghttp2_session_callbacks_del(callbacks);
    if (rc != 0)
        return -TC_ENOMEM;
    return nghttp2_submit_settings(client->h2, NGHTTP2_FLAG_NONE, settings,
                                   TC_ARRAY_CNT(settings)) == 0
               ? TC_OK
               : -TC_ENOMEM;
}

/* Until the server's SETTINGS are there. */
static int shake_hands(struct tc_grpc_client *client, int64_t until_ms, struct tc_err *err)
{
    int rc = flush(client, err);
    while (rc >= 0 && !client->is_set) {
        rc = tc_link_wait_in(client->link, until_ms);
        if (rc == 0)
            return tc_err_set(err, -TC_EIO, "no answer over HTTP/2");
        if (rc > 0)
            rc = take(client, err);
        if (rc >= 0)
            rc = flush(client, err);
    }
    return rc;
}

int tc_grpc_client_open(struct tc_grpc_client **out, const struct tc_link_to *to,
                        struct tc_err *err)
{
    int64_t until_ms = tc_link_now_ms() + TC_LINK_CONNECT_MS;
    struct tc_grpc_client *client = tc_alloc(sizeof(*client));
    const struct tc_url *url = &to->url;
    client->is_tls = url->is_tls;
    snprintf(client->authority, sizeof(client->authority), "%s%s%s:%s", url->is_ipv6 ? "[" : "",
             url->host, url->is_ipv6 ? "]" : "", url->port);
    int rc = tc_link_open(&client->link, to, "h2", until_ms, err);
    if (rc == TC_OK && set_up(client) != TC_OK)
        rc = tc_err_set(err, -TC_ENOMEM, "no memory for HTTP/2");
    if (rc == TC_OK)
        rc = shake_hands(client, until_ms, err);
    if (rc == TC_OK) {
        *out = client;
    } else {
        client->is_broken = true;
        tc_grpc_client_close(client);
    }
    return rc;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                         NGHTTP2_NV_FLAG_NONE };
}

int tc_grpc_client_call(struct tc_grpc_client *client, const char *path, struct tc_err *err)
{
    const nghttp2_nv fields[] = {
        field(":method", "POST"),
        field(":scheme", client->is_tls ? "https" : "http"),
        field(":path", path),
        field(":authority", client->authority),
        field("content-type", "application/grpc"),
        field("te", "trailers"),
        field("user-agent", "tickcast/" TC_VERSION),
    };
    const nghttp2_data_provider2 source = { .read_callback = on_source };
    uint8_t *block = client->in.block;
    uint32_t cap = client->in.cap;
    tc_grpc_in_init(&client->in, TC_GRPC_CLIENT_MESSAGE_MAX, false);
    tc_grpc_in_lend(&client->in, block, cap);
    client->out_len = client->out_off = 0;
    client->is_last = client->is_grpc = client->has_status = client->is_over = false;
    client->fault = NULL;
    client->http_status = 0;
    client->status = TC_GRPC_UNKNOWN;
    client->message[0] = '\0';
    client->stream =
        nghttp2_submit_request2(client->h2, NULL, fields, TC_ARRAY_CNT(fields), &source, NULL);
    if (client->stream < 0)
        return tc_err_set(err, -TC_EIO, "HTTP/2: %s", nghttp2_strerror(client->stream));
    return flush(client, err);
}

int tc_grpc_client_send(struct tc_grpc_client *client, struct tc_str message, bool is_last,
                        struct tc_err *err)
{
    size_t left = client->out_len - client->out_off;
    uint8_t *out = tc_alloc(left + TC_GRPC_PREFIX_BYTES + message.len);
    if (left > 0)
        memcpy(out, client->out + client->out_off, left);
    tc_grpc_prefix(out + left, false, (uint32_t)message.len);
    if (message.len > 0)
        memcpy(out + left + TC_GRPC_PREFIX_BYTES, message.ptr, message.len);
    tc_free(client->out);
    client->out = out;
    client->out_off = 0;
    client->out_len = left + TC_GRPC_PREFIX_BYTES + message.len;
    client->is_last = is_last;
    if (client->is_over)
        return TC_OK;                                              /* the next read says so */
    (void)nghttp2_session_resume_data(client->h2, client->stream); /* it may not have waited */
    return flush(client, err);
}

int tc_grpc_client_read(struct tc_grpc_client *client, int timeout_ms, tc_grpc_client_fn fn,
                        void *ctx, struct tc_err *err)
{
    client->fn = fn;
    client->fn_ctx = ctx;
    client->is_enough = false;
    int rc = client->is_over ? 1 : tc_link_wait_in(client->link, tc_link_now_ms() + timeout_ms);
    if (rc > 0 && !client->is_over)
        rc = take(client, err);
    if (rc < 0)
        return rc;
    if (client->fault)
        return tc_err_set(err, -TC_EIO, "the server's answer is no gRPC: %s", client->fault);
    if (client->is_over)
        return tc_err_set(err, -TC_ECLOSED, "the server ended the call: %s%s%s",
                          tc_grpc_status_name(client->status), client->message[0] ? ": " : "",
                          client->message);
    int sent = flush(client, err); /* windows, answers to pings */
    return sent < 0 ? sent : rc;
}

enum tc_grpc_status tc_grpc_client_status(const struct tc_grpc_client *client, const char **message)
{
    TC_ASSERT(client->is_over);
    *message = client->message;
    return client->status;
}

void tc_grpc_client_close(struct tc_grpc_client *client)
{
    if (!client)
        return;
    if (client->h2 && !client->is_broken) {
        const uint8_t *bytes = NULL;
        (void)nghttp2_session_terminate_session(client->h2, NGHTTP2_NO_ERROR);
        nghttp2_ssize len = nghttp2_session_mem_send2(client->h2, &bytes);
        /* one try: a server that does not read must not hold us */
        client->is_broken = len > 0 && tc_link_send(client->link, bytes, (size_t)len) < len;
    }
    nghttp2_session_del(client->h2);
    tc_link_close(client->link);
    tc_free(client->in.block);
    tc_free(client->out);
    tc_free(client);
}
