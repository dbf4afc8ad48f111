// SPDX-License-Identifier: Apache-2.0
/* bench/floor: the least that any server of this kind has to do, as the yardstick of every figure.
 *
 *   floor PORT RATE BURST PAYLOAD_BYTES [CPU]
 *
 * One io_uring, the WebSocket handshake, and one pre-framed buffer with a burst of messages that
 * goes to all connections on a fixed schedule (RATE messages/s in groups of BURST; RATE 0: none).
 * It has no rooms, no commands and no care for slow clients: a send that is not whole is counted
 * and told at the end, and makes the run void. Frames have the engine's envelope, so both send the
 * same bytes. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/mem/mem.h"

enum {
    CONN_MAX = 20000,
    SENDS = 64,
    BUFS = 256,
    BUF_BYTES = 4096,
    FRAME_MAX = 4096,
    DIGITS = 10,
    TIME_DIGITS = 19
};
enum { OP_ACCEPT, OP_RECV, OP_SEND, OP_CLOSE };

static struct io_uring ring;
static struct io_uring_buf_ring *buf_ring;
static char bufs[BUFS][BUF_BYTES];
static int fds[CONN_MAX];
static uint32_t conn_cnt;
static bool is_open[CONN_MAX]; /* by descriptor */
static uint64_t fault_cnt;
static volatile sig_atomic_t is_over;

static char *burst;
static size_t frame_bytes, pos_off, prev_off, time_off;

static void on_signal(int sig)
{
    (void)sig;
    is_over = 1;
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static struct io_uring_sqe *sqe_for(uint64_t op, int fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    if (sqe == NULL) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    sqe->user_data = op << 32 | (uint32_t)fd;
    return sqe;
}

static void arm_recv(int fd)
{
    struct io_uring_sqe *sqe = sqe_for(OP_RECV, fd);
    uint64_t data = sqe->user_data;
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->user_data = data;
}

/* The burst's frames, with numbers of fixed width to be patched. */
static void burst_make(uint32_t burst_cnt, uint32_t payload_bytes)
{
    char text[FRAME_MAX];
    int head =
        snprintf(text, sizeof(text),
                 "{\"event\":\"ticker-update\",\"room\":\"ticker-S0\",\"pos\":%010d,\"prev\":"
                 "%010d,\"ts\":1723075200150,\"data\":{\"t_ns\":%019d,\"x\":\"",
                 0, 0, 0);
    const char *data = strstr(text, "\"data\":");
    size_t len = (size_t)(data - text) + 7 + payload_bytes + 1;
    memset(text + head, 'x', len - (size_t)head);
    text[len - 3] = '"';
    text[len - 2] = text[len - 1] = '}';
    size_t header = len < 126 ? 2 : 4;
    frame_bytes = header + len;
    pos_off = header + (size_t)(strstr(text, "\"pos\":") - text) + 6;
    prev_off = header + (size_t)(strstr(text, "\"prev\":") - text) + 7;
    time_off = header + (size_t)(strstr(text, "\"t_ns\":") - text) + 7;
    burst = tc_alloc(frame_bytes * burst_cnt);
    for (uint32_t i = 0; i < burst_cnt; i++) {
        char *frame = burst + i * frame_bytes;
        frame[0] = (char)0x81;
        frame[1] = (char)(header == 2 ? len : 126);
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
        memcpy(frame + header, text, len);
    }
}

/* Right-aligned: blanks before a number are JSON, zeros are not. value > 0. */
static void put_digits(char *to, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        to[i] = (char)(value > 0 ? (int)(value % 10) + '0' : ' ');
}

/* Takes all completions there are; receives may bring a handshake or the end. */
static void reap(void)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned cnt = 0;
    io_uring_for_each_cqe(&ring, head, cqe)
    {
        cnt++;
        int fd = (int)(uint32_t)cqe->user_data;
        uint64_t op = cqe->user_data >> 32;
        if (op == OP_SEND) {
            fault_cnt += cqe->res != fd; /* here: the bytes that it should take */
        } else if (op == OP_ACCEPT && cqe->res >= 0 && cqe->res < CONN_MAX) {
            int one = 1;
            setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            arm_recv(cqe->res);
        } else if (op == OP_RECV) {
            uint32_t idx = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
            char *key = NULL;
            if (cqe->res > 0) {
                bufs[idx][TC_MIN(cqe->res, BUF_BYTES - 1)] = 0;
                key = strstr(bufs[idx], "Sec-WebSocket-Key: ");
            }
            if (key != NULL && !is_open[fd]) {
                char text[64 + 40];
                unsigned char sum[20];
                char accept[32];
                snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
                EVP_Digest(text, strlen(text), sum, NULL, EVP_sha1(), NULL);
                EVP_EncodeBlock((unsigned char *)accept, sum, sizeof(sum));
                dprintf(fd,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                        "Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                        accept);
                is_open[fd] = true;
                fds[conn_cnt++] = fd;
            }
            if (cqe->flags & IORING_CQE_F_BUFFER) {
                io_uring_buf_ring_add(buf_ring, bufs[idx], BUF_BYTES, (unsigned short)idx,
                                      io_uring_buf_ring_mask(BUFS), 0);
                io_uring_buf_ring_advance(buf_ring, 1);
            }
            if (cqe->res <= 0 && cqe->res != -ENOBUFS) {
                for (uint32_t i = 0; i < conn_cnt; i++)
                    if (fds[i] == fd)
                        fds[i] = fds[--conn_cnt];
                is_open[fd] = false;
                close(fd);
            } else if (!(cqe->flags & IORING_CQE_F_MORE)) {
                arm_recv(fd);
            }
        }
    }
    io_uring_cq_advance(&ring, cnt);
}

static void burst_send(uint32_t burst_cnt, uint64_t *pos, int64_t due_ns)
{
    for (uint32_t i = 0; i < burst_cnt; i++, (*pos)++) {
        put_digits(burst + i * frame_bytes + pos_off, *pos, DIGITS);
        put_digits(burst + i * frame_bytes + prev_off, *pos - 1, DIGITS);
        put_digits(burst + i * frame_bytes + time_off, (uint64_t)due_ns, TIME_DIGITS);
    }
    size_t len = frame_bytes * burst_cnt;
    for (uint32_t i = 0; i < conn_cnt;) {
        uint32_t end = TC_MIN(i + SENDS, conn_cnt);
        for (; i < end; i++) {
            struct io_uring_sqe *sqe = sqe_for(OP_SEND, 0);
            io_uring_prep_send(sqe, fds[i], burst, len, MSG_DONTWAIT | MSG_NOSIGNAL);
            sqe->user_data = (uint64_t)OP_SEND << 32 | len;
        }
        io_uring_submit(&ring);
        reap();
    }
}

static void setup(uint16_t port)
{
    struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                          IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL,
                                 .cq_entries = 65536 };
    int rc = io_uring_queue_init_params(1024, &ring, &p);
    if (rc == 0)
        buf_ring = io_uring_setup_buf_ring(&ring, BUFS, 0, 0, &rc);
    if (rc != 0) {
        fprintf(stderr, "floor: no io_uring: %s\n", strerror(-rc));
        exit(3);
    }
    io_uring_register_ring_fd(&ring);
    for (int i = 0; i < BUFS; i++)
        io_uring_buf_ring_add(buf_ring, bufs[i], BUF_BYTES, (unsigned short)i,
                              io_uring_buf_ring_mask(BUFS), i);
    io_uring_buf_ring_advance(buf_ring, BUFS);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 4096) != 0) {
        perror("floor: listen");
        exit(3);
    }
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_NONBLOCK);
    sqe->user_data = (uint64_t)OP_ACCEPT << 32 | (uint32_t)fd;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: floor PORT RATE BURST PAYLOAD_BYTES [CPU]\n");
        return 2;
    }
    double rate = strtod(argv[2], NULL);
    uint32_t burst_cnt = (uint32_t)strtoul(argv[3], NULL, 10);
    uint32_t payload_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
    if (burst_cnt < 1 || payload_bytes < 40 || payload_bytes > 3000) {
        fprintf(stderr, "floor: BURST is at least 1, PAYLOAD_BYTES 40 to 3000\n");
        return 2;
    }
    if (argc > 5) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)strtoul(argv[5], NULL, 10), &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    burst_make(burst_cnt, payload_bytes);
    setup((uint16_t)strtoul(argv[1], NULL, 10));
    uint64_t pos = 1000000000; /* ten digits from the start */
    int64_t step_ns = rate > 0 ? (int64_t)(1e9 * burst_cnt / rate) : 1000000000;
    int64_t due_ns = now_ns() + step_ns;
    while (!is_over) {
        int64_t wait_ns = due_ns - now_ns();
        if (wait_ns <= 0) {
            if (rate > 0)
                burst_send(burst_cnt, &pos, due_ns);
            due_ns += step_ns;
            continue;
        }
        struct __kernel_timespec ts = { wait_ns / 1000000000, wait_ns % 1000000000 };
        struct io_uring_cqe *cqe;
        io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL);
        reap();
    }
    if (fault_cnt > 0)
        fprintf(stderr, "floor: %llu sends were not whole\n", (unsigned long long)fault_cnt);
    return fault_cnt > 0 ? 5 : 0;
}
