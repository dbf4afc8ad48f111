// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/grpc_client.h"

#include <stdlib.h>

#include "tests/unit/tools/tickcast/h2_frames.h"

struct heard {
    char text[64];
    size_t bytes;
    int cnt;
};

static bool hear(void *ctx, struct tc_str message)
{
    struct heard *heard = ctx;
    if (message.len > 0)
        strncat(heard->text, message.ptr,
                TC_MIN(message.len, sizeof(heard->text) - strlen(heard->text) - 1));
    heard->bytes += message.len;
    heard->cnt++;
    return true;
}

static struct tc_err err;

/* Opens, calls with a message, reads until the call or the connection ends; the code of its end. */
static int call(struct server *server, struct tc_grpc_client **client, struct tc_str message,
                struct heard *heard)
{
    int rc = tc_grpc_client_open(client, &server->to, &err);
    if (rc == TC_OK)
        rc = tc_grpc_client_call(*client, "/a.B/C", &err);
    if (rc == TC_OK)
        rc = tc_grpc_client_send(*client, message, true, &err);
    while (rc >= 0)
        rc = tc_grpc_client_read(*client, 2000, hear, heard, &err);
    return rc;
}

static bool script_talk(int fd)
{
    struct h2_frame frame;
    if (!h2_begin(fd) || !h2_get_data(fd, &frame) || frame.len != 7 ||
        memcmp(frame.payload, "\0\0\0\0\2hi", 7) != 0 || !(frame.flags & H2_END_STREAM))
        return false;
    /* three messages, one of them empty, cut at any place */
    return h2_answer(fd) && h2_put(fd, H2_DATA, 0, 1, "\0\0\0\0\2ab\0\0\0", 10) &&
           h2_put(fd, H2_DATA, 0, 1, "\0\3c", 3) && h2_put(fd, H2_DATA, 0, 1, "de\0\0\0\0\0", 7) &&
           h2_trailers(fd, "5", "no%20%22room%22") && read_to_end(fd);
}

Test(grpc_client, talks)
{
    /* Goal: the request on the wire, messages in pieces, status and message of the end. */
    struct server server = serve(script_talk);
    struct tc_grpc_client *client = NULL;
    struct heard heard = { 0 };
    const char *message = NULL;
    cr_assert_eq(call(&server, &client, TC_STR("hi"), &heard), -TC_ECLOSED, "%s", err.text);
    cr_assert_str_eq(heard.text, "abcde");
    cr_assert_eq(heard.cnt, 3);
    cr_assert_eq(tc_grpc_client_status(client, &message), TC_GRPC_NOT_FOUND);
    cr_assert_str_eq(message, "no \"room\"");
    cr_assert(strstr(err.text, "NOT_FOUND: no \"room\""), "%s", err.text);
    tc_grpc_client_close(client);
    expect_good_end(&server);
}

enum { LARGE = 300000 };

/* The window of a request is 65535 bytes until the server gives more. */
static bool script_window(int fd)
{
    struct h2_frame frame = { .flags = 0 };
    size_t bytes = 0;
    if (!h2_begin(fd))
        return false;
    while (!(frame.flags & H2_END_STREAM)) {
        if (!h2_get_data(fd, &frame))
            return false;
        bytes += frame.len;
        uint8_t more[4] = { 0, 0, (uint8_t)(frame.len >> 8), (uint8_t)frame.len };
        if (frame.len > 0 &&
            (!h2_put(fd, H2_WINDOW, 0, 0, more, sizeof(more)) ||
             (!(frame.flags & H2_END_STREAM) && !h2_put(fd, H2_WINDOW, 0, 1, more, sizeof(more)))))
            return false;
    }
    return bytes == LARGE + 5 && h2_answer(fd) && h2_trailers(fd, "0", "") && read_to_end(fd);
}

Test(grpc_client, a_message_beyond_the_window)
{
    /* Goal: what the server's window does not take waits, and goes on with the reads. */
    struct server server = serve(script_window);
    struct tc_grpc_client *client = NULL;
    struct heard heard = { 0 };
    const char *message = NULL;
    char *large = calloc(1, LARGE);
    cr_assert_eq(call(&server, &client, (struct tc_str){ large, LARGE }, &heard), -TC_ECLOSED, "%s",
                 err.text);
    cr_assert_eq(tc_grpc_client_status(client, &message), TC_GRPC_OK);
    tc_grpc_client_close(client);
    expect_good_end(&server);
    free(large);
}

static bool request_came(int fd)
{
    struct h2_frame frame;
    return h2_begin(fd) && h2_get_data(fd, &frame);
}

static bool script_http_404(int fd)
{
    return request_came(fd) &&
           h2_put(fd, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, "\x8d", 1) && read_to_end(fd);
}

static bool script_reset(int fd)
{
    return request_came(fd) && h2_put(fd, H2_RST, 0, 1, "\0\0\0\x0b", 4) && read_to_end(fd);
}

static bool script_html(int fd)
{
    return request_came(fd) && h2_put(fd, H2_HEADERS, H2_END_HEADERS, 1, "\x88", 1) &&
           h2_put(fd, H2_DATA, H2_END_STREAM, 1, "<html>", 6) && read_to_end(fd);
}

static bool script_odd_status(int fd)
{
    return request_came(fd) && h2_answer(fd) && h2_trailers(fd, "99", "") && read_to_end(fd);
}

Test(grpc_client, ends_of_calls)
{
    /* Goal: an answer that is none of gRPC has the status that its HTTP gives. */
    static const struct {
        script_fn script;
        enum tc_grpc_status status;
    } rows[] = {
        { script_http_404, TC_GRPC_UNIMPLEMENTED },
        { script_reset, TC_GRPC_UNAVAILABLE },
        { script_html, TC_GRPC_UNKNOWN },
        { script_odd_status, TC_GRPC_UNKNOWN },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct server server = serve(rows[i].script);
        struct tc_grpc_client *client = NULL;
        struct heard heard = { 0 };
        const char *message = NULL;
        cr_assert_eq(call(&server, &client, TC_STR(""), &heard), -TC_ECLOSED, "%zu: %s", i,
                     err.text);
        cr_assert_eq(tc_grpc_client_status(client, &message), rows[i].status, "%zu", i);
        cr_assert_eq(heard.cnt, 0);
        tc_grpc_client_close(client);
        expect_good_end(&server);
    }
}

static bool script_http1(int fd)
{
    return put(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28) && read_to_end(fd);
}

static bool script_hang_up(int fd)
{
    return recv(fd, (char[1]){ 0 }, 1, 0) == 1;
}

static bool script_bad_flag(int fd)
{
    return request_came(fd) && h2_answer(fd) && h2_put(fd, H2_DATA, 0, 1, "\7", 1) &&
           read_to_end(fd);
}

static bool script_vanish(int fd)
{
    return request_came(fd) && h2_answer(fd);
}

Test(grpc_client, broken_server)
{
    /* Goal: what is not HTTP/2, not gRPC or not there any more is an error with a text. */
    static const struct {
        script_fn script;
        int code;
    } rows[] = {
        { script_http1, -TC_EINVAL },
        { script_hang_up, -TC_EIO },
        { script_bad_flag, -TC_EIO },
        { script_vanish, -TC_EIO },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct server server = serve(rows[i].script);
        struct tc_grpc_client *client = NULL;
        struct heard heard = { 0 };
        err.text[0] = '\0';
        cr_assert_eq(call(&server, &client, TC_STR(""), &heard), rows[i].code, "%zu: %s", i,
                     err.text);
        cr_assert_neq(err.text[0], '\0');
        tc_grpc_client_close(client);
        expect_good_end(&server);
    }
}

Test(grpc_client, stopped)
{
    /* Goal: a signal handler's word ends every wait. */
    static volatile sig_atomic_t stop;
    struct server server = serve(script_vanish);
    struct tc_grpc_client *client = NULL;
    struct heard heard = { 0 };
    server.to.stop = &stop;
    cr_assert_eq(tc_grpc_client_open(&client, &server.to, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_grpc_client_call(client, "/a.B/C", &err), TC_OK);
    stop = 1;
    cr_assert_eq(tc_grpc_client_read(client, 2000, hear, &heard, &err), -TC_EAGAIN);
    tc_grpc_client_close(client);
    int status = 0;
    cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
}
