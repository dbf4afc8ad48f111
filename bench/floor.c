// SPDX-License-Identifier: Apache-2.0
/* bench/floor: the least that any server of this kind has to do, as the yardstick of every figure.
 *
 *   floor PORT RATE BURST PAYLOAD_BYTES [ROOMS]
 *
 * One io_uring, the WebSocket handshake, and one pre-framed buffer with a burst of messages that
 * goes to all connections of its room on a fixed schedule (RATE messages/s over all rooms in groups
 * of BURST; RATE 0: none; RATE max: the next burst as soon as the one before is taken by all).
 * The path /N names the room (any other: room 0); message i goes to room i % ROOMS. It has no
 * commands and no care for slow clients: a send that is not whole is counted and told at the end,
 * and makes the run void. Frames have the engine's envelope, so both send the same bytes. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
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
    ROOM_MAX = 10000,
    ROOM_DIGITS = 5,
    DIGITS = 10,
    TIME_DIGITS = 19
};
enum { OP_ACCEPT, OP_RECV, OP_SEND, OP_CLOSE };

static struct io_uring ring;
static struct io_uring_buf_ring *buf_ring;
static char bufs[BUFS][BUF_BYTES];
static uint32_t room_cnt = 1;
static int first_of[ROOM_MAX]; /* descriptors of a room are a list; 0: its end */
static int next_of[CONN_MAX], before_of[CONN_MAX], room_of[CONN_MAX];
static bool is_open[CONN_MAX]; /* by descriptor */
static uint64_t fault_cnt, pending_cnt;
static bool is_max; /* no schedule */
static volatile sig_atomic_t is_over;

static char *burst;
static size_t frame_bytes, room_off, pos_off, prev_off, time_off;

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

/* What a completion brings back; len: of a send, what it should take. */
static uint64_t tag(uint64_t op, int fd, size_t len)
{
    return op << 56 | (uint64_t)fd << 40 | len;
}

static struct io_uring_sqe *next_sqe(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    if (sqe == NULL) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
}

static void arm_recv(int fd)
{
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->user_data = tag(OP_RECV, fd, 0);
}

/* The burst's frames, with numbers of fixed width to be patched; blanks between members are JSON.
 */
static void burst_make(uint32_t burst_cnt, uint32_t payload_bytes)
{
    char text[FRAME_MAX];
    int head =
        snprintf(text, sizeof(text),
                 "{\"event\":\"ticker-update\",\"room\":\"ticker-S0\"%*s,\"pos\":%0*d,\"prev\":"
                 "%0*d,\"ts\":1723075200150,\"data\":{\"t_ns\":%0*d,\"x\":\"",
                 room_cnt > 1 ? ROOM_DIGITS - 1 : 0, "", DIGITS, 0, DIGITS, 0, TIME_DIGITS, 0);
    const char *data = strstr(text, "\"data\":");
    size_t len = (size_t)(data - text) + 7 + payload_bytes + 1;
    memset(text + head, 'x', len - (size_t)head);
    text[len - 3] = '"';
    text[len - 2] = text[len - 1] = '}';
    size_t header = len < 126 ? 2 : 4;
    frame_bytes = header + len;
    room_off = header + (size_t)(strstr(text, "ticker-S0") - text) + 8;
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

/* The room's number, its quote, and blanks up to the next member. */
static void put_room(char *to, uint32_t room)
{
    char text[ROOM_DIGITS + 2];
    int n = snprintf(text, sizeof(text), "%u\"", room);
    memset(to, ' ', ROOM_DIGITS + 1);
    memcpy(to, text, (size_t)n);
}

/* ---- connections ---- */

static void join(int fd, uint32_t room)
{
    int next = first_of[room];
    room_of[fd] = (int)room;
    next_of[fd] = next;
    before_of[fd] = 0;
    before_of[next] = fd;
    first_of[room] = fd;
    is_open[fd] = true;
}

static void leave(int fd)
{
    if (!is_open[fd])
        return;
    if (before_of[fd] > 0)
        next_of[before_of[fd]] = next_of[fd];
    else
        first_of[room_of[fd]] = next_of[fd];
    before_of[next_of[fd]] = before_of[fd];
    is_open[fd] = false;
}

/* A request to upgrade, if it is one. */
static void on_request(int fd, const char *request)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    char text[64 + 40];
    unsigned char sum[20];
    char accept[32];
    if (key == NULL || is_open[fd])
        return;
    snprintf(text, sizeof(text), "%.24s%s", key + 19, guid);
    EVP_Digest(text, strlen(text), sum, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, sum, sizeof(sum));
    dprintf(fd,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: %s\r\n\r\n",
            accept);
    unsigned long room = strncmp(request, "GET /", 5) == 0 ? strtoul(request + 5, NULL, 10) : 0;
    join(fd, room < room_cnt ? (uint32_t)room : 0);
}

static void on_recv(int fd, const struct io_uring_cqe *cqe)
{
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        uint32_t idx = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        bufs[idx][TC_MIN(TC_MAX(cqe->res, 0), BUF_BYTES - 1)] = 0;
        on_request(fd, bufs[idx]);
        io_uring_buf_ring_add(buf_ring, bufs[idx], BUF_BYTES, (unsigned short)idx,
                              io_uring_buf_ring_mask(BUFS), 0);
        io_uring_buf_ring_advance(buf_ring, 1);
    }
    if (cqe->res <= 0 && cqe->res != -ENOBUFS) {
        leave(fd);
        close(fd);
    } else if (!(cqe->flags & IORING_CQE_F_MORE)) {
        arm_recv(fd);
    }
}

/* A client that leaves takes nothing of a send, or a part. */
static bool has_left(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
           info.tcpi_state != TCP_ESTABLISHED;
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
        uint64_t op = cqe->user_data >> 56;
        int fd = (int)(cqe->user_data >> 40 & UINT16_MAX);
        int64_t len = (int64_t)(cqe->user_data & ((1ull << 40) - 1));
        if (op == OP_SEND) {
            pending_cnt--;
            fault_cnt += cqe->res != len && !has_left(fd);
        } else if (op == OP_ACCEPT && cqe->res >= 0 && cqe->res < CONN_MAX) {
            int one = 1;
            setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            arm_recv(cqe->res);
        } else if (op == OP_RECV) {
            on_recv(fd, cqe);
        }
    }
    io_uring_cq_advance(&ring, cnt);
}

/* ---- sends ---- */

static void room_send(uint32_t room, size_t len)
{
    int flags = MSG_NOSIGNAL | (is_max ? MSG_WAITALL : MSG_DONTWAIT);
    for (int fd = first_of[room]; fd > 0;) {
        for (uint32_t i = 0; i < SENDS && fd > 0; i++, fd = next_of[fd]) {
            struct io_uring_sqe *sqe = next_sqe();
            io_uring_prep_send(sqe, fd, burst, len, flags);
            sqe->user_data = tag(OP_SEND, fd, len);
            pending_cnt++;
        }
        io_uring_submit(&ring);
        /* a batch may end the connection that comes next: it is looked at anew */
        bool was_open = fd > 0 && is_open[fd];
        reap();
        if (was_open && !is_open[fd])
            break;
    }
    while (is_max && pending_cnt > 0 && !is_over) { /* the buffer is theirs until then */
        io_uring_submit_and_wait(&ring, 1);
        reap();
    }
}

/* The burst's messages of each room that has any, back to back. */
static void burst_send(uint32_t burst_cnt, uint64_t *pos, int64_t due_ns)
{
    uint64_t end = *pos + burst_cnt;
    for (uint64_t first = *pos; first < TC_MIN(end, *pos + room_cnt); first++) {
        char *frame = burst;
        uint32_t room = (uint32_t)(first % room_cnt);
        for (uint64_t p = first; p < end; p += room_cnt, frame += frame_bytes) {
            if (room_cnt > 1)
                put_room(frame + room_off, room);
            put_digits(frame + pos_off, p, DIGITS);
            put_digits(frame + prev_off, p - room_cnt, DIGITS);
            put_digits(frame + time_off, (uint64_t)due_ns, TIME_DIGITS);
        }
        room_send(room, (size_t)(frame - burst));
    }
    *pos = end;
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
    sqe->user_data = tag(OP_ACCEPT, fd, 0);
}

/* Bursts by the schedule, or one after the other. */
static void serve(double rate, uint32_t burst_cnt)
{
    uint64_t pos = 1000000000; /* ten digits from the start */
    int64_t step_ns = rate > 0 ? (int64_t)(1e9 * burst_cnt / rate) : 1000000000;
    int64_t due_ns = now_ns() + step_ns;
    while (!is_over) {
        int64_t wait_ns = is_max ? 0 : due_ns - now_ns();
        if (wait_ns <= 0 && (rate > 0 || is_max))
            burst_send(burst_cnt, &pos, is_max ? now_ns() : due_ns);
        if (wait_ns <= 0)
            due_ns += step_ns;
        struct __kernel_timespec ts = { TC_MAX(wait_ns, 0) / 1000000000,
                                        TC_MAX(wait_ns, 0) % 1000000000 };
        struct io_uring_cqe *cqe;
        if (wait_ns > 0 || is_max)
            io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL);
        reap();
    }
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: floor PORT RATE|max BURST PAYLOAD_BYTES [ROOMS]\n");
        return 2;
    }
    is_max = strcmp(argv[2], "max") == 0;
    uint32_t burst_cnt = (uint32_t)strtoul(argv[3], NULL, 10);
    uint32_t payload_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
    if (argc > 5)
        room_cnt = (uint32_t)strtoul(argv[5], NULL, 10);
    if (burst_cnt < 1 || payload_bytes < 40 || payload_bytes > 3000 || room_cnt < 1 ||
        room_cnt > ROOM_MAX) {
        fprintf(stderr, "floor: BURST is at least 1, PAYLOAD_BYTES 40 to 3000, ROOMS 1 to %d\n",
                ROOM_MAX);
        return 2;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    burst_make(burst_cnt, payload_bytes);
    setup((uint16_t)strtoul(argv[1], NULL, 10));
    serve(strtod(argv[2], NULL), burst_cnt);
    if (fault_cnt > 0)
        fprintf(stderr, "floor: %llu sends were not whole\n", (unsigned long long)fault_cnt);
    return fault_cnt > 0 ? 5 : 0;
}
