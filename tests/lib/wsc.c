// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/wsc.h"

#include "tests/lib/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The key and answer of RFC 6455 section 1.3: a fixed key is enough to see a wrong answer. */
static const char request[] = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char answer[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

void tc_wsc_init(struct tc_wsc_loop *loop, uint32_t cnt)
{
    *loop = (struct tc_wsc_loop){ .cnt = cnt, .random = 88172645463325252U };
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        tc_tb_die("epoll_create1: %s", strerror(errno));
    loop->conns = tc_tb_take(cnt, sizeof *loop->conns);
    loop->ready = tc_tb_take(cnt, 2 * sizeof *loop->ready); /* a poll may append them all again */
    loop->buffer = tc_tb_take(1, TC_WSC_MESSAGE_MAX + TC_WSC_READ_BYTES);
    char *carry = tc_tb_take(cnt, TC_WSC_MESSAGE_MAX);
    char *out = tc_tb_take(cnt, TC_WSC_OUT_MAX);
    for (uint32_t i = 0; i < cnt; i++) {
        loop->conns[i].fd = -1;
        loop->conns[i].carry = carry + (size_t)i * TC_WSC_MESSAGE_MAX;
        loop->conns[i].out = out + (size_t)i * TC_WSC_OUT_MAX;
    }
}

void tc_wsc_connect(struct tc_wsc_loop *loop, uint32_t idx, const struct sockaddr_in *to,
                    int rcvbuf_bytes)
{
    struct tc_wsc *c = &loop->conns[idx];
    c->fd = tc_tb_connect(to, rcvbuf_bytes);
    if (c->fd < 0) {
        loop->on_end(loop, idx, "refused", false);
        return;
    }
    c->state = TC_WSC_CONNECTING;
    c->carry_len = 0;
    c->is_ending = false;
    c->close_code = 0;
    c->status = 0;
    c->out_len = sizeof request - 1;
    memcpy(c->out, request, sizeof request - 1);
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = idx };
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, c->fd, &e))
        tc_tb_die("epoll_ctl: %s", strerror(errno));
}

void tc_wsc_cut(struct tc_wsc_loop *loop, uint32_t idx)
{
    struct tc_wsc *c = &loop->conns[idx];
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = TC_WSC_FREE;
    c->carry_len = c->out_len = 0;
}

static void end(struct tc_wsc_loop *loop, uint32_t idx, const char *why, bool is_fault)
{
    tc_wsc_cut(loop, idx);
    loop->on_end(loop, idx, why, is_fault);
}

static void flush(struct tc_wsc_loop *loop, uint32_t idx)
{
    struct tc_wsc *c = &loop->conns[idx];
    if (!c->out_len)
        return;
    ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    if (n <= 0)
        return; /* a broken connection shows itself when read */
    c->out_len -= (uint32_t)n;
    memmove(c->out, c->out + n, c->out_len);
}

static bool send_frame(struct tc_wsc_loop *loop, uint32_t idx, uint8_t opcode, const char *bytes,
                       size_t len)
{
    struct tc_wsc *c = &loop->conns[idx];
    unsigned char mask[4];
    if (c->fd < 0 || len > 65535 || c->out_len + len + 8 > TC_WSC_OUT_MAX)
        return false;
    uint64_t r = tc_tb_random(&loop->random);
    memcpy(mask, &r, sizeof mask);
    char *o = c->out + c->out_len;
    *o++ = (char)(0x80 | opcode);
    if (len < 126) {
        *o++ = (char)(0x80 | len);
    } else {
        *o++ = (char)(0x80 | 126);
        *o++ = (char)(len >> 8);
        *o++ = (char)(len & 0xFF);
    }
    memcpy(o, mask, 4);
    o += 4;
    for (size_t i = 0; i < len; i++)
        *o++ = (char)((unsigned char)bytes[i] ^ mask[i & 3]);
    c->out_len = (uint32_t)(o - c->out);
    flush(loop, idx);
    return true;
}

bool tc_wsc_send(struct tc_wsc_loop *loop, uint32_t idx, const char *text, size_t len)
{
    return send_frame(loop, idx, 1, text, len);
}

static void make_ready(struct tc_wsc_loop *loop, uint32_t idx)
{
    if (loop->conns[idx].is_ready)
        return;
    loop->conns[idx].is_ready = true;
    loop->ready[loop->ready_cnt++] = idx;
}

void tc_wsc_set_mode(struct tc_wsc_loop *loop, uint32_t idx, enum tc_wsc_mode mode)
{
    loop->conns[idx].mode = mode;
    if (mode != TC_WSC_STALL)
        make_ready(loop, idx);
}

/* The HTTP answer at the start of b; returns its length, 0 if more is needed, -1 after an end. */
static ssize_t upgrade(struct tc_wsc_loop *loop, uint32_t idx, const char *b, size_t len)
{
    struct tc_wsc *c = &loop->conns[idx];
    const char *stop = memmem(b, len, "\r\n\r\n", 4);
    if (!stop) {
        if (len > 16384) {
            end(loop, idx, "HTTP answer without an end", true);
            return -1;
        }
        return 0;
    }
    size_t head = (size_t)(stop - b) + 4;
    if (head < 13 || memcmp(b, "HTTP/1.1 ", 9)) {
        end(loop, idx, "no HTTP answer", true);
        return -1;
    }
    c->status = (b[9] - '0') * 100 + (b[10] - '0') * 10 + (b[11] - '0');
    if (c->status != 101) {
        end(loop, idx, "upgrade refused", false);
        return -1;
    }
    if (!memmem(b, head, answer, sizeof answer - 1)) {
        end(loop, idx, "wrong Sec-WebSocket-Accept", true);
        return -1;
    }
    c->state = TC_WSC_OPEN;
    loop->on_open(loop, idx);
    return c->state == TC_WSC_OPEN ? (ssize_t)head : -1;
}

static const char *frame_fault(unsigned first, unsigned second, uint64_t len)
{
    unsigned opcode = first & 0x0F;
    if (first & 0x70)
        return "reserved bits";
    if (second & 0x80)
        return "masked frame from the server";
    if (opcode >= 8 && (len > 125 || !(first & 0x80)))
        return "control frame too long or in fragments";
    if (opcode == 0 || (opcode < 8 && !(first & 0x80)))
        return "message in fragments";
    if (opcode != 1 && opcode != 8 && opcode != 9 && opcode != 10)
        return "unexpected opcode";
    if (len > TC_WSC_MESSAGE_MAX - 16)
        return "message too long";
    return NULL;
}

/* One whole frame at the start of b: its length, 0 if more is needed, -1 after an end. */
static ssize_t frame(struct tc_wsc_loop *loop, uint32_t idx, const char *b, size_t have)
{
    struct tc_wsc *c = &loop->conns[idx];
    const unsigned char *u = (const unsigned char *)b;
    if (have < 2)
        return 0;
    size_t head = 2;
    uint64_t len = u[1] & 0x7F;
    if (len >= 126) {
        head += len == 126 ? 2 : 8;
        if (have < head)
            return 0;
        len = 0;
        for (size_t i = 2; i < head; i++)
            len = len << 8 | u[i];
    }
    const char *fault = frame_fault(u[0], u[1], len);
    if (fault) {
        end(loop, idx, fault, true);
        return -1;
    }
    if (have < head + len)
        return 0;
    loop->frames++;
    unsigned opcode = u[0] & 0x0F;
    if (opcode == 1)
        loop->on_text(loop, idx, b + head, len);
    if (opcode == 9) {
        loop->pings++;
        send_frame(loop, idx, 10, b + head, len);
    }
    if (opcode == 8) {
        unsigned code = len >= 2 ? (unsigned)u[head] << 8 | u[head + 1] : 1005;
        c->close_code = (uint16_t)code;
        send_frame(loop, idx, 8, b + head, len >= 2 ? 2 : 0);
        end(loop, idx, "closed", false);
        return -1;
    }
    return c->state == TC_WSC_OPEN ? (ssize_t)(head + len) : -1;
}

/* Reads once and handles all whole frames. false: nothing left to read now. */
static bool take_input(struct tc_wsc_loop *loop, uint32_t idx)
{
    struct tc_wsc *c = &loop->conns[idx];
    uint32_t had = c->carry_len;
    size_t want = c->mode == TC_WSC_ONE_BYTE ? 1 : TC_WSC_READ_BYTES;
    memcpy(loop->buffer, c->carry, had);
    ssize_t n = recv(c->fd, loop->buffer + had, want, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        end(loop, idx, n ? "reset" : "closed", false);
        return false;
    }
    if (n < 0)
        return false;
    loop->reads++;
    loop->bytes += (uint64_t)n;
    const char *at = loop->buffer;
    size_t have = had + (size_t)n;
    while (have) {
        ssize_t used =
            c->state == TC_WSC_OPEN ? frame(loop, idx, at, have) : upgrade(loop, idx, at, have);
        if (used < 0)
            return false;
        if (!used)
            break;
        at += used;
        have -= (size_t)used;
    }
    memcpy(c->carry, at, have);
    c->carry_len = (uint32_t)have;
    /* A short read has emptied the socket; the edge comes again with new bytes, unless the end of
     * the stream came with these. */
    return (size_t)n == want || c->is_ending;
}

static void serve(struct tc_wsc_loop *loop, uint32_t idx)
{
    struct tc_wsc *c = &loop->conns[idx];
    if (c->fd < 0 || c->mode == TC_WSC_STALL || c->state == TC_WSC_CONNECTING)
        return;
    for (int i = 0; i < TC_WSC_READS_MAX; i++) {
        if (!take_input(loop, idx))
            return;
        if (c->mode == TC_WSC_ONE_BYTE)
            return; /* the owner sets the pace by tc_wsc_set_mode() */
    }
    if (c->fd >= 0)
        make_ready(loop, idx);
}

void tc_wsc_poll(struct tc_wsc_loop *loop, int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(loop->epoll_fd, events, 256, loop->ready_cnt ? 0 : timeout_ms);
    loop->now_ns = tc_tb_mono_ns();
    for (int i = 0; i < n; i++) {
        uint32_t idx = events[i].data.u32;
        struct tc_wsc *c = &loop->conns[idx];
        if (c->fd < 0)
            continue;
        if (c->state == TC_WSC_CONNECTING && events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
            int error = 0;
            socklen_t size = sizeof error;
            getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
            if (error) {
                end(loop, idx, "refused", false);
                continue;
            }
            c->state = TC_WSC_UPGRADING;
        }
        if (events[i].events & EPOLLOUT)
            flush(loop, idx);
        if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            c->is_ending = true;
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            make_ready(loop, idx);
    }
    uint32_t cnt = loop->ready_cnt;
    for (uint32_t i = 0; i < cnt; i++) {
        uint32_t idx = loop->ready[i];
        loop->conns[idx].is_ready = false;
        /* What becomes ready again is appended and served in the next poll. */
        serve(loop, idx);
    }
    memmove(loop->ready, loop->ready + cnt, (loop->ready_cnt - cnt) * sizeof *loop->ready);
    loop->ready_cnt -= cnt;
}
