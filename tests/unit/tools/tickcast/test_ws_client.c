// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/ws_client.h"

#include <openssl/evp.h>

#include "tests/unit/tools/tickcast/server.h"

static bool read_request(int fd, char *request, size_t bytes)
{
    size_t len = 0;
    while (len + 1 < bytes) {
        ssize_t n = read(fd, request + len, 1);
        if (n <= 0)
            return false;
        len += (size_t)n;
        request[len] = '\0';
        if (len >= 4 && strcmp(request + len - 4, "\r\n\r\n") == 0)
            return true;
    }
    return false;
}

/* The handshake, with ahead_len bytes of frames in the same packet. */
static bool accept_upgrade(int fd, const char *ahead, size_t ahead_len)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char request[4096];
    char text[128];
    char accept[64];
    char answer[512];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;
    if (!read_request(fd, request, sizeof(request)))
        return false;
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    if (!key || strncmp(request, "GET /ws HTTP/1.1\r\n", 18) != 0)
        return false;
    snprintf(text, sizeof(text), "%.24s%s", key + 19, guid);
    EVP_Digest(text, strlen(text), digest, &digest_len, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_len);
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                       "Connection: Upgrade\r\nsec-websocket-accept:  %s \r\n\r\n",
                       accept);
    memcpy(answer + len, ahead, ahead_len);
    return put(fd, answer, (size_t)len + ahead_len);
}

struct heard {
    char text[64];
    int cnt;
    int stop_at;
};

static bool hear(void *ctx, const char *text, size_t len)
{
    struct heard *heard = ctx;
    strncat(heard->text, text, TC_MIN(len, sizeof(heard->text) - strlen(heard->text) - 1));
    return ++heard->cnt != heard->stop_at;
}

/* Reads until the connection ends; the code of its end. */
static int hear_all(struct tc_ws_client *client, struct heard *heard)
{
    struct tc_err err;
    int rc = 1;
    while (rc >= 0)
        rc = tc_ws_client_read(client, 2000, hear, heard, &err);
    return rc;
}

static bool script_talk(int fd)
{
    unsigned char in[64];
    /* "ab" with the handshake; "cd" in two fragments with a ping between; then close 1012 */
    if (!accept_upgrade(fd,
                        "\x81\x02"
                        "ab",
                        4))
        return false;
    if (!put(fd,
             "\x01\x01"
             "c\x89\x01"
             "p\x80\x01"
             "d",
             9))
        return false;
    /* the pong: masked, one byte */
    if (recv(fd, in, 7, MSG_WAITALL) != 7 || in[0] != 0x8a || in[1] != 0x81 ||
        (in[6] ^ in[2]) != 'p')
        return false;
    if (!put(fd, "\x88\x02\x03\xf4", 4))
        return false;
    /* and a close comes back */
    return recv(fd, in, 2, MSG_WAITALL) == 2 && in[0] == 0x88;
}

Test(ws_client, talks)
{
    /* Goal: messages that came with the handshake or in fragments, pings and the close code. */
    struct server server = serve(script_talk);
    struct tc_ws_client *client = NULL;
    struct tc_err err = { 0 };
    struct heard heard = { 0 };
    cr_assert_eq(tc_ws_client_open(&client, &server.to, &err), TC_OK, "%s", err.text);
    cr_assert_eq(hear_all(client, &heard), -TC_ECLOSED);
    cr_assert_str_eq(heard.text, "abcd");
    cr_assert_eq(tc_ws_client_close_code(client), 1012);
    tc_ws_client_close(client);
    expect_good_end(&server);
}

static bool script_echo_masked(int fd)
{
    unsigned char in[8];
    unsigned char out[4] = { 0x81, 0x02 };
    if (!accept_upgrade(fd, "", 0) || recv(fd, in, 8, MSG_WAITALL) != 8)
        return false;
    if (in[0] != 0x81 || in[1] != 0x82)
        return false;
    out[2] = in[6] ^ in[2];
    out[3] = in[7] ^ in[3];
    /* two messages; the client wants only one and then says good-bye */
    if (!put(fd, out, sizeof(out)) || !put(fd, out, sizeof(out)))
        return false;
    return recv(fd, in, 8, MSG_WAITALL) == 8 && in[0] == 0x88;
}

Test(ws_client, sends_and_stops)
{
    /* Goal: what is sent is masked; a reader that has enough gets no more; closing says so. */
    struct server server = serve(script_echo_masked);
    struct tc_ws_client *client = NULL;
    struct tc_err err = { 0 };
    struct heard heard = { .stop_at = 1 };
    cr_assert_eq(tc_ws_client_open(&client, &server.to, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_ws_client_send(client, "hi", 2, &err), TC_OK);
    cr_assert_eq(tc_ws_client_read(client, 2000, hear, &heard, &err), 1);
    cr_assert_str_eq(heard.text, "hi");
    tc_ws_client_close(client);
    expect_good_end(&server);
}

static bool script_masked_frame(int fd)
{
    return accept_upgrade(fd, "\x81\x81\0\0\0\0a", 7) && recv(fd, (char[1]){ 0 }, 1, 0) >= 0;
}

static bool script_vanish(int fd)
{
    return accept_upgrade(fd, "", 0);
}

Test(ws_client, broken_server)
{
    /* Goal: a masked frame of the server (section 5.1) and a silent end are both errors. */
    static const script_fn scripts[] = { script_masked_frame, script_vanish };
    for (size_t i = 0; i < TC_ARRAY_CNT(scripts); i++) {
        struct server server = serve(scripts[i]);
        struct tc_ws_client *client = NULL;
        struct tc_err err = { 0 };
        struct heard heard = { 0 };
        cr_assert_eq(tc_ws_client_open(&client, &server.to, &err), TC_OK, "%s", err.text);
        cr_assert_eq(hear_all(client, &heard), -TC_EIO);
        cr_assert_eq(heard.cnt, 0);
        tc_ws_client_close(client);
        expect_good_end(&server);
    }
}

static bool refuse_with(int fd, const char *answer)
{
    char request[4096];
    return read_request(fd, request, sizeof(request)) && put(fd, answer, strlen(answer));
}

static bool script_404(int fd)
{
    return refuse_with(fd, "HTTP/1.1 404 Not Found\r\n\r\n");
}

static bool script_wrong_accept(int fd)
{
    return refuse_with(fd, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "
                           "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
}

static bool script_hang_up(int fd)
{
    return refuse_with(fd, "HTTP/1.1 101");
}

Test(ws_client, refused_handshake)
{
    /* Goal: only an answer to our own key opens a connection (section 4.1). */
    static const struct {
        script_fn script;
        int code;
    } rows[] = {
        { script_404, -TC_EINVAL },
        { script_wrong_accept, -TC_EINVAL },
        { script_hang_up, -TC_EIO },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct server server = serve(rows[i].script);
        struct tc_ws_client *client = NULL;
        struct tc_err err = { 0 };
        cr_assert_eq(tc_ws_client_open(&client, &server.to, &err), rows[i].code);
        cr_assert_neq(err.text[0], '\0');
        cr_assert_null(client);
        expect_good_end(&server);
    }
}

Test(ws_client, stopped)
{
    /* Goal: a signal handler's word ends every wait. */
    static const volatile sig_atomic_t stop = 1;
    struct tc_ws_client *client = NULL;
    struct tc_err err = { 0 };
    struct server server = serve(script_vanish);
    server.to.stop = &stop;
    cr_assert_eq(tc_ws_client_open(&client, &server.to, &err), -TC_EAGAIN);
    int status = 0;
    cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
}
