// SPDX-License-Identifier: Apache-2.0
/* tests: the server's half of HTTP/2, frame by frame, for scripts of server.h. */
#ifndef TC_TESTS_UNIT_TOOLS_TICKCAST_H2_FRAMES_H
#define TC_TESTS_UNIT_TOOLS_TICKCAST_H2_FRAMES_H

#include "proto/grpc/frame.h"
#include "tests/unit/tools/tickcast/server.h"

enum { H2_DATA, H2_HEADERS, H2_RST = 3, H2_SETTINGS, H2_GOAWAY = 7, H2_WINDOW = 8 };
enum { H2_END_STREAM = 1, H2_END_HEADERS = 4 };

struct h2_frame {
    uint32_t len;
    uint8_t kind;
    uint8_t flags;
    uint8_t payload[32 * 1024];
};

static inline bool h2_put(int fd, int kind, int flags, int stream, const void *payload, size_t len)
{
    uint8_t head[9] = { 0, (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)kind, (uint8_t)flags };
    head[8] = (uint8_t)stream;
    return put(fd, head, sizeof(head)) && (len == 0 || put(fd, payload, len));
}

static inline bool h2_get(int fd, struct h2_frame *frame)
{
    uint8_t head[9];
    if (recv(fd, head, sizeof(head), MSG_WAITALL) != (ssize_t)sizeof(head))
        return false;
    frame->len = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    frame->kind = head[3];
    frame->flags = head[4];
    return frame->len <= sizeof(frame->payload) &&
           (frame->len == 0 ||
            recv(fd, frame->payload, frame->len, MSG_WAITALL) == (ssize_t)frame->len);
}

/* The preface of both sides. */
static inline bool h2_begin(int fd)
{
    char preface[24];
    return h2_put(fd, H2_SETTINGS, 0, 0, NULL, 0) &&
           recv(fd, preface, sizeof(preface), MSG_WAITALL) == (ssize_t)sizeof(preface) &&
           memcmp(preface, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", sizeof(preface)) == 0;
}

/* Reads up to the end of the request's DATA frame. */
static inline bool h2_get_data(int fd, struct h2_frame *frame)
{
    do {
        if (!h2_get(fd, frame))
            return false;
    } while (frame->kind != H2_DATA);
    return true;
}

/* A field that changes no table. */
static inline size_t h2_field(uint8_t *to, const char *name, const char *value)
{
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);
    to[0] = 0;
    to[1] = (uint8_t)name_len;
    memcpy(to + 2, name, name_len);
    to[2 + name_len] = (uint8_t)value_len;
    memcpy(to + 3 + name_len, value, value_len);
    return 3 + name_len + value_len;
}

/* The head of an answer with gRPC's content type. */
static inline bool h2_answer(int fd)
{
    uint8_t block[64] = { 0x88 }; /* :status 200 */
    size_t len = 1 + h2_field(block + 1, "content-type", "application/grpc");
    return h2_put(fd, H2_HEADERS, H2_END_HEADERS, 1, block, len);
}

static inline bool h2_trailers(int fd, const char *status, const char *message)
{
    uint8_t block[128];
    size_t len = h2_field(block, "grpc-status", status);
    len += h2_field(block + len, "grpc-message", message);
    return h2_put(fd, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, block, len);
}

#endif
