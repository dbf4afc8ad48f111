// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/rpc.h"

#include "tests/lib/base.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PREFIX = 5, CONNECTION_WINDOW_BYTES = 16 << 20 };

struct tc_rpc_link {
    struct tc_rpc_loop *loop;
    nghttp2_session *session;
    int fd;
    bool is_connecting;
    bool is_blocked; /* the socket takes no more: EPOLLOUT is asked for */
};

static struct tc_rpc_link *link_of(struct tc_rpc_loop *loop, uint32_t idx)
{
    return &loop->links[idx % loop->link_cnt];
}

/* The call of a stream, or NULL: it was cut. */
static struct tc_rpc *call_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

static uint32_t idx_of(const struct tc_rpc_loop *loop, const struct tc_rpc *c)
{
    return (uint32_t)(c - loop->calls);
}

static void end_call(struct tc_rpc_loop *loop, struct tc_rpc *c, const char *why, bool is_fault)
{
    c->state = TC_RPC_FREE;
    loop->on_end(loop, idx_of(loop, c), why, is_fault);
}

static void drop_link(struct tc_rpc_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    nghttp2_session_del(l->session);
    l->session = NULL;
}

/* The connection and all its calls. */
static void end_link(struct tc_rpc_link *l, const char *why, bool is_fault)
{
    struct tc_rpc_loop *loop = l->loop;
    drop_link(l);
    for (uint32_t i = (uint32_t)(l - loop->links); i < loop->cnt; i += loop->link_cnt)
        if (loop->calls[i].state != TC_RPC_FREE)
            end_call(loop, &loop->calls[i], why, is_fault);
}

/* ---- nghttp2 ---- */

static nghttp2_ssize on_send(nghttp2_session *session, const uint8_t *bytes, size_t len, int flags,
                             void *user)
{
    const struct tc_rpc_link *l = user;
    (void)session;
    (void)flags;
    ssize_t n = send(l->fd, bytes, len, MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct tc_rpc *c = call_of(session, frame->hd.stream_id);
    (void)flags;
    (void)user;
    int number = 0;
    for (size_t i = 0; i < value_len && i < 4; i++)
        number = number * 10 + (value[i] - '0');
    if (c && name_len == 7 && !memcmp(name, ":status", 7))
        c->http_status = number;
    if (c && name_len == 11 && !memcmp(name, "grpc-status", 11))
        c->status = number;
    return 0;
}

/* Whole messages at the start of bytes; returns the bytes used, or -1: no message. */
static ssize_t take_messages(struct tc_rpc_loop *loop, struct tc_rpc *c, const uint8_t *bytes,
                             size_t len)
{
    size_t used = 0;
    while (len - used >= PREFIX) {
        const uint8_t *p = bytes + used;
        size_t body = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        if (p[0] || body > TC_RPC_MESSAGE_MAX - PREFIX)
            return -1;
        if (len - used < PREFIX + body)
            break;
        used += PREFIX + body;
        loop->on_message(loop, idx_of(loop, c), p + PREFIX, body);
    }
    return (ssize_t)used;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t len, void *user)
{
    struct tc_rpc_loop *loop = ((struct tc_rpc_link *)user)->loop;
    struct tc_rpc *c = call_of(session, stream);
    (void)flags;
    nghttp2_session_consume_connection(session, len);
    if (!c)
        return 0;
    if (c->is_stalled)
        c->held_bytes += (uint32_t)len;
    else
        nghttp2_session_consume_stream(session, stream, len);
    if (c->carry_len + len > TC_RPC_MESSAGE_MAX + TC_RPC_READ_BYTES)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    const uint8_t *at = bytes;
    size_t have = len;
    if (c->carry_len) {
        memcpy(c->carry + c->carry_len, bytes, len);
        at = c->carry;
        have += c->carry_len;
    }
    ssize_t used = take_messages(loop, c, at, have);
    if (used < 0) {
        nghttp2_session_set_stream_user_data(session, stream, NULL);
        end_call(loop, c, "not a gRPC message", true);
        return 0;
    }
    c->carry_len = (uint32_t)(have - (size_t)used);
    memmove(c->carry, at + used, c->carry_len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct tc_rpc_loop *loop = ((struct tc_rpc_link *)user)->loop;
    (void)session;
    loop->frames += frame->hd.type == NGHTTP2_DATA;
    loop->pings += frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    struct tc_rpc_loop *loop = ((struct tc_rpc_link *)user)->loop;
    struct tc_rpc *c = call_of(session, stream);
    (void)code;
    if (!c)
        return 0;
    if (c->http_status != 200)
        end_call(loop, c, "an answer that is not 200", true);
    else if (c->status < 0)
        end_call(loop, c, "an end without a status", true);
    else if (c->carry_len)
        end_call(loop, c, "an end within a message", true);
    else
        end_call(loop, c, "closed", false);
    return 0;
}

static nghttp2_ssize read_request(nghttp2_session *session, int32_t stream, uint8_t *out,
                                  size_t cap, uint32_t *flags, nghttp2_data_source *source,
                                  void *user)
{
    struct tc_rpc *c = source->ptr;
    (void)session;
    (void)stream;
    (void)user;
    size_t len = c->request_len - c->sent_len;
    if (!len)
        return NGHTTP2_ERR_DEFERRED;
    if (len > cap)
        len = cap;
    memcpy(out, c->request + c->sent_len, len);
    c->sent_len += (uint32_t)len;
    if (c->sent_len == c->request_len && !c->is_bidi)
        *flags = NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)len;
}

/* ---- connections ---- */

static void watch(struct tc_rpc_link *l, int op, bool wants_out)
{
    struct epoll_event e = { .events = EPOLLIN | (wants_out ? EPOLLOUT : 0),
                             .data.u32 = (uint32_t)(l - l->loop->links) };
    if (epoll_ctl(l->loop->epoll_fd, op, l->fd, &e))
        tc_tb_die("epoll_ctl: %s", strerror(errno));
}

static void flush(struct tc_rpc_link *l)
{
    if (l->is_connecting || !l->session)
        return;
    if (nghttp2_session_send(l->session)) {
        end_link(l, "reset", false);
        return;
    }
    bool is_blocked = nghttp2_session_want_write(l->session);
    if (is_blocked != l->is_blocked)
        watch(l, EPOLL_CTL_MOD, is_blocked);
    l->is_blocked = is_blocked;
}

static void start_session(struct tc_rpc_link *l)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
                                          { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                            TC_RPC_WINDOW_BYTES } };
    if (nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&option))
        tc_tb_die("no memory for nghttp2");
    nghttp2_session_callbacks_set_send_callback2(callbacks, on_send);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    if (nghttp2_session_client_new2(&l->session, callbacks, l, option) ||
        nghttp2_submit_settings(l->session, NGHTTP2_FLAG_NONE, settings, 2) ||
        nghttp2_session_set_local_window_size(l->session, NGHTTP2_FLAG_NONE, 0,
                                              CONNECTION_WINDOW_BYTES))
        tc_tb_die("no session of nghttp2");
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
}

static void on_connected(struct tc_rpc_link *l)
{
    struct tc_rpc_loop *loop = l->loop;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        end_link(l, "refused", false);
        return;
    }
    l->is_connecting = false;
    start_session(l);
    l->is_blocked = true; /* EPOLLOUT is still asked for */
    for (uint32_t i = (uint32_t)(l - loop->links); i < loop->cnt; i += loop->link_cnt)
        if (loop->calls[i].state == TC_RPC_CONNECTING) {
            loop->calls[i].state = TC_RPC_READY;
            loop->on_open(loop, i);
        }
}

static void take_input(struct tc_rpc_link *l)
{
    struct tc_rpc_loop *loop = l->loop;
    ssize_t n = recv(l->fd, loop->buffer, TC_RPC_READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_link(l, n ? "reset" : "closed", false);
        return;
    }
    loop->reads++;
    loop->bytes += (uint64_t)n;
    if (nghttp2_session_mem_recv2(l->session, loop->buffer, (size_t)n) < 0)
        end_link(l, "not HTTP/2", true);
    else if (!nghttp2_session_want_read(l->session))
        end_link(l, "closed", false);
}

/* ---- calls ---- */

void tc_rpc_init(struct tc_rpc_loop *loop, uint32_t cnt, uint32_t per_link)
{
    *loop = (struct tc_rpc_loop){ .cnt = cnt, .link_cnt = cnt / per_link };
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        tc_tb_die("epoll_create1: %s", strerror(errno));
    loop->calls = tc_tb_take(cnt, sizeof *loop->calls);
    loop->links = tc_tb_take(loop->link_cnt, sizeof *loop->links);
    loop->buffer = tc_tb_take(1, TC_RPC_READ_BYTES);
    uint8_t *carry = tc_tb_take(cnt, TC_RPC_MESSAGE_MAX + TC_RPC_READ_BYTES);
    uint8_t *request = tc_tb_take(cnt, TC_RPC_REQUEST_MAX);
    for (uint32_t i = 0; i < cnt; i++) {
        loop->calls[i].carry = carry + (size_t)i * (TC_RPC_MESSAGE_MAX + TC_RPC_READ_BYTES);
        loop->calls[i].request = request + (size_t)i * TC_RPC_REQUEST_MAX;
    }
    for (uint32_t i = 0; i < loop->link_cnt; i++)
        loop->links[i] = (struct tc_rpc_link){ .loop = loop, .fd = -1 };
}

void tc_rpc_open(struct tc_rpc_loop *loop, uint32_t idx, const struct sockaddr_in *to,
                 int rcvbuf_bytes)
{
    struct tc_rpc_link *l = link_of(loop, idx);
    struct tc_rpc *c = &loop->calls[idx];
    c->carry_len = c->held_bytes = c->request_len = c->sent_len = 0;
    c->http_status = 0;
    c->status = -1;
    if (l->fd >= 0 && !l->is_connecting) {
        c->state = TC_RPC_READY;
        loop->on_open(loop, idx);
        return;
    }
    if (l->fd < 0) {
        l->fd = tc_tb_connect(to, rcvbuf_bytes);
        if (l->fd < 0) {
            loop->on_end(loop, idx, "refused", false);
            return;
        }
        l->is_connecting = true;
        watch(l, EPOLL_CTL_ADD, true);
    }
    c->state = TC_RPC_CONNECTING;
}

#define FIELD(name, value)                                                                         \
    { (uint8_t *)(name), (uint8_t *)(value), strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE }

void tc_rpc_call(struct tc_rpc_loop *loop, uint32_t idx, const char *path, const uint8_t *request,
                 size_t len, bool is_bidi, int32_t window_bytes)
{
    struct tc_rpc_link *l = link_of(loop, idx);
    struct tc_rpc *c = &loop->calls[idx];
    const nghttp2_nv fields[] = { FIELD(":method", "POST"),
                                  FIELD(":scheme", "http"),
                                  FIELD(":path", path),
                                  FIELD(":authority", "127.0.0.1"),
                                  FIELD("content-type", "application/grpc"),
                                  FIELD("te", "trailers") };
    nghttp2_data_provider2 body = { .source.ptr = c, .read_callback = read_request };
    if (len > TC_RPC_REQUEST_MAX)
        tc_tb_die("a request of %zu bytes", len);
    memcpy(c->request, request, len);
    c->request_len = (uint32_t)len;
    c->is_bidi = is_bidi;
    c->stream =
        nghttp2_submit_request2(l->session, NULL, fields, sizeof fields / sizeof *fields, &body, c);
    if (c->stream < 0)
        tc_tb_die("no stream of nghttp2: %s", nghttp2_strerror(c->stream));
    c->state = TC_RPC_OPEN;
    flush(l); /* the stream has a window from now on */
    if (l->session && window_bytes &&
        nghttp2_session_set_local_window_size(l->session, NGHTTP2_FLAG_NONE, c->stream,
                                              window_bytes))
        tc_tb_die("no window of nghttp2");
    flush(l);
}

void tc_rpc_cut(struct tc_rpc_loop *loop, uint32_t idx)
{
    struct tc_rpc_link *l = link_of(loop, idx);
    struct tc_rpc *c = &loop->calls[idx];
    if (loop->link_cnt == loop->cnt) {
        drop_link(l);
    } else if (c->state == TC_RPC_OPEN) {
        nghttp2_session_set_stream_user_data(l->session, c->stream, NULL);
        nghttp2_submit_rst_stream(l->session, NGHTTP2_FLAG_NONE, c->stream, NGHTTP2_CANCEL);
        flush(l);
    }
    c->state = TC_RPC_FREE;
}

void tc_rpc_stall(struct tc_rpc_loop *loop, uint32_t idx, bool is_stalled)
{
    struct tc_rpc_link *l = link_of(loop, idx);
    struct tc_rpc *c = &loop->calls[idx];
    c->is_stalled = is_stalled;
    if (!is_stalled && c->held_bytes && c->state == TC_RPC_OPEN) {
        nghttp2_session_consume_stream(l->session, c->stream, c->held_bytes);
        c->held_bytes = 0;
        flush(l);
    }
}

void tc_rpc_poll(struct tc_rpc_loop *loop, int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(loop->epoll_fd, events, 256, timeout_ms);
    loop->now_ns = tc_tb_mono_ns();
    for (int i = 0; i < n; i++) {
        struct tc_rpc_link *l = &loop->links[events[i].data.u32];
        if (l->fd >= 0 && l->is_connecting)
            on_connected(l);
        else if (l->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
            take_input(l);
        flush(l);
    }
}
