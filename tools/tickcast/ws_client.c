// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/ws_client.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "core/mem/mem.h"
#include "proto/ws/client.h"

enum { HEAD_MAX = 16 * 1024 };

struct tc_ws_client {
    struct tc_link *link;
    wslay_event_context_ptr ws;
    tc_ws_client_fn fn; /* of the read under way */
    void *fn_ctx;
    bool is_enough; /* fn said so */
    bool is_broken; /* the socket is gone */
    bool is_eof;
    bool is_close_frame; /* the frame being read is a close */
    uint8_t close_len;   /* bytes of its code seen, up to 2 */
    uint16_t close_code;
    char head[HEAD_MAX + 1]; /* the answer to the upgrade; what follows it is frames already */
    size_t head_len;
    size_t ahead_off; /* frames that came with the head */
};

/* ---- handshake ---- */

/* The value of field name (lower case) in head, or an empty string. */
static struct tc_str field_of(const char *head, const char *name)
{
    size_t name_len = strlen(name);
    const char *line = strstr(head, "\r\n");
    for (; line && strncmp(line, "\r\n\r\n", 4) != 0; line = strstr(line + 2, "\r\n")) {
        const char *text = line + 2;
        if (strncasecmp(text, name, name_len) != 0 || text[name_len] != ':')
            continue;
        text += name_len + 1;
        text += strspn(text, " \t");
        size_t len = strcspn(text, "\r");
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
            len--;
        return (struct tc_str){ text, len };
    }
    return (struct tc_str){ "", 0 };
}

static int read_head(struct tc_ws_client *client, int64_t until_ms, struct tc_err *err)
{
    while (client->head_len < HEAD_MAX) {
        ssize_t n = tc_link_recv(client->link, client->head + client->head_len,
                                 HEAD_MAX - client->head_len);
        if (n < 0)
            return tc_err_set(err, -TC_EIO,
                              n == -TC_ECLOSED ? "the server closed during the handshake"
                                               : "the connection broke during the handshake");
        if (n > 0) {
            client->head_len += (size_t)n;
            const char *end = memmem(client->head, client->head_len, "\r\n\r\n", 4);
            if (end) {
                client->ahead_off = (size_t)(end - client->head) + 4;
                return TC_OK;
            }
            continue;
        }
        int rc = tc_link_wait_in(client->link, until_ms);
        if (rc <= 0)
            return rc == 0 ? tc_err_set(err, -TC_EIO, "no answer to the handshake") : rc;
    }
    return tc_err_set(err, -TC_EINVAL, "the answer to the handshake is longer than %d bytes",
                      HEAD_MAX);
}

static int shake_hands(struct tc_ws_client *client, const struct tc_url *url, int64_t until_ms,
                       struct tc_err *err)
{
    uint8_t nonce[TC_WS_NONCE_BYTES];
    char key[TC_WS_KEY_BYTES];
    char accept[TC_WS_ACCEPT_BYTES];
    char request[TC_URL_PATH_MAX + TC_URL_HOST_MAX + 256];
    if (getentropy(nonce, sizeof(nonce)) != 0)
        return tc_err_set(err, -TC_EIO, "no randomness: %s", strerror(errno));
    tc_ws_client_key(nonce, key);
    tc_ws_accept_key(key, accept);
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: %.*s\r\n"
                       "Sec-WebSocket-Version: 13\r\n\r\n",
                       url->path, url->is_ipv6 ? "[" : "", url->host, url->is_ipv6 ? "]" : "",
                       url->port, TC_WS_KEY_BYTES, key);
    TC_ASSERT(len > 0 && (size_t)len < sizeof(request));
    int rc = tc_link_send_all(client->link, request, (size_t)len, until_ms, err);
    if (rc == TC_OK)
        rc = read_head(client, until_ms, err);
    if (rc != TC_OK)
        return rc;
    char *end = client->head + client->ahead_off - 1;
    char kept = *end;
    *end = '\0'; /* the head as text: its last LF is not needed */
    if (strncmp(client->head, "HTTP/1.1 101", 12) != 0)
        rc = tc_err_set(err, -TC_EINVAL, "the server refused the upgrade: %.*s",
                        (int)strcspn(client->head, "\r\n"), client->head);
    else if (!tc_str_eq(field_of(client->head, "sec-websocket-accept"),
                        (struct tc_str){ accept, sizeof(accept) }))
        rc = tc_err_set(err, -TC_EINVAL, "the answer is no WebSocket handshake of ours");
    *end = kept;
    return rc;
}

/* ---- frames ---- */

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len, int flags, void *ctx)
{
    struct tc_ws_client *client = ctx;
    (void)flags;
    size_t ahead = client->head_len - client->ahead_off;
    if (client->is_enough) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (ahead > 0) {
        size_t n = TC_MIN(ahead, len);
        memcpy(buf, client->head + client->ahead_off, n);
        client->ahead_off += n;
        return (ssize_t)n;
    }
    ssize_t n = tc_link_recv(client->link, buf, len);
    if (n > 0)
        return n;
    client->is_eof = n == -TC_ECLOSED;
    client->is_broken = n < 0;
    wslay_event_set_error(ws, n == 0 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
                       void *ctx)
{
    struct tc_ws_client *client = ctx;
    (void)flags;
    ssize_t n = tc_link_send(client->link, data, len);
    if (n > 0)
        return n;
    client->is_broken = n < 0;
    wslay_event_set_error(ws, n == 0 ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t len, void *ctx)
{
    (void)ws;
    (void)ctx;
    return getentropy(buf, len) == 0 ? 0 : -1;
}

/* wslay 1.1.1 takes close codes above 1011 for a fault of the peer; 1012 (restart) and 1013 (try
 * later) are in IANA's registry and are what a draining server says. So the code is read here. */
static void on_frame(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_start_arg *arg, void *ctx)
{
    struct tc_ws_client *client = ctx;
    (void)ws;
    client->is_close_frame = arg->opcode == WSLAY_CONNECTION_CLOSE;
}

static void on_chunk(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_chunk_arg *arg, void *ctx)
{
    struct tc_ws_client *client = ctx;
    (void)ws;
    for (size_t i = 0; client->is_close_frame && i < arg->data_length && client->close_len < 2;
         i++) {
        client->close_code = (uint16_t)(client->close_code << 8 | arg->data[i]);
        client->close_len++;
    }
}

static void on_msg(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *arg,
                   void *ctx)
{
    struct tc_ws_client *client = ctx;
    (void)ws;
    if (!wslay_is_ctrl_frame(arg->opcode) && !client->is_enough)
        client->is_enough = !client->fn(client->fn_ctx, (const char *)arg->msg, arg->msg_length);
}

int tc_ws_client_open(struct tc_ws_client **out, const struct tc_link_to *to, struct tc_err *err)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .genmask_callback = on_mask,
        .on_frame_recv_start_callback = on_frame,
        .on_frame_recv_chunk_callback = on_chunk,
        .on_msg_recv_callback = on_msg,
    };
    int64_t until_ms = tc_link_now_ms() + TC_LINK_CONNECT_MS;
    struct tc_ws_client *client = tc_alloc(sizeof(*client));
    int rc = tc_link_open(&client->link, to, "http/1.1", until_ms, err);
    if (rc == TC_OK)
        rc = shake_hands(client, &to->url, until_ms, err);
    if (rc == TC_OK && wslay_event_context_client_init(&client->ws, &callbacks, client) != 0)
        rc = tc_err_set(err, -TC_ENOMEM, "no memory for a WebSocket context");
    if (rc != TC_OK) {
        client->is_broken = true;
        tc_ws_client_close(client);
        return rc;
    }
    wslay_event_config_set_max_recv_msg_length(client->ws, TC_WS_CLIENT_MESSAGE_MAX);
    *out = client;
    return TC_OK;
}

static int broken(struct tc_ws_client *client, struct tc_err *err)
{
    client->is_broken = true;
    if (client->close_code != 0)
        return tc_err_set(err, -TC_ECLOSED, "the server closed the connection (%u)",
                          (unsigned)client->close_code);
    if (client->is_eof)
        return tc_err_set(err, -TC_EIO, "the server ended the connection without a close frame");
    return tc_err_set(err, -TC_EIO, "the connection broke");
}

/* Sends what is queued; waits while the socket is full. */
static int drain(struct tc_ws_client *client, struct tc_err *err)
{
    int64_t until_ms = tc_link_now_ms() + TC_LINK_CONNECT_MS;
    while (wslay_event_want_write(client->ws)) {
        if (wslay_event_send(client->ws) != 0)
            return broken(client, err);
        if (!wslay_event_want_write(client->ws))
            break;
        int rc = tc_link_wait_out(client->link, until_ms);
        if (rc <= 0)
            return rc == 0 ? broken(client, err) : rc;
    }
    return TC_OK;
}

int tc_ws_client_send(struct tc_ws_client *client, const char *text, size_t len, struct tc_err *err)
{
    struct wslay_event_msg msg = { .opcode = WSLAY_TEXT_FRAME,
                                   .msg = (const uint8_t *)text,
                                   .msg_length = len };
    if (wslay_event_queue_msg(client->ws, &msg) != 0)
        return broken(client, err);
    return drain(client, err);
}

int tc_ws_client_read(struct tc_ws_client *client, int timeout_ms, tc_ws_client_fn fn, void *ctx,
                      struct tc_err *err)
{
    client->fn = fn;
    client->fn_ctx = ctx;
    client->is_enough = false;
    if (client->head_len == client->ahead_off) {
        int rc = tc_link_wait_in(client->link, tc_link_now_ms() + timeout_ms);
        if (rc <= 0)
            return rc;
    }
    if (wslay_event_recv(client->ws) != 0)
        return broken(client, err);
    int rc = drain(client, err); /* pongs, and the answer to a close */
    if (rc != TC_OK)
        return rc;
    /* wslay queues a close of its own when the server breaks a rule */
    if (!wslay_event_want_read(client->ws) || wslay_event_get_close_sent(client->ws))
        return broken(client, err);
    return 1;
}

uint16_t tc_ws_client_close_code(const struct tc_ws_client *client)
{
    return client->close_code;
}

void tc_ws_client_close(struct tc_ws_client *client)
{
    if (!client)
        return;
    if (client->ws) {
        /* one try: a server that does not read must not hold us */
        if (!client->is_broken && wslay_event_queue_close(client->ws, 1000, NULL, 0) == 0)
            (void)wslay_event_send(client->ws);
        wslay_event_context_free(client->ws);
    }
    tc_link_close(client->link);
    tc_free(client);
}
