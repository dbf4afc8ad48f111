// SPDX-License-Identifier: Apache-2.0
/* Bytes of an HTTP/2 client behind its preface, against the services of the program and the toy of
 * the unit tests: the connection ends in good order, a byte at a time and all at once are answered
 * alike stream by stream, and nothing that was borrowed is left. */
#define TC_PLAIN_NO_MAIN
#include "tests/unit/io/session/grpc_toy.h"

#include "io/session/h2.h"
#include "io/session/marketdata.h"

enum {
    STREAMS_MAX = 64,      /* that are compared */
    SOCKET_BYTES = 500000, /* that the client reads */
    WINDOW_BYTES = 60000,  /* below, the connection's window has stopped nobody */
};

/* What the server has said on the connection: a sum per stream, and frames of the connection. */
struct heard {
    uint64_t sums[STREAMS_MAX];
    uint64_t conn_sum;
    size_t data_bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tc_grpc_service *const services[] = { &toy_service, &tc_marketdata,
                                                          &tc_health };
static const struct tc_grpc_server server = { .services = services,
                                              .service_cnt = TC_ARRAY_CNT(services),
                                              .message_max = 2000 };

static void add(uint64_t *sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *sum = (*sum ^ bytes[i]) * 0x100000001b3ull;
}

static void add_head(nghttp2_hd_inflater *inflater, uint64_t *sum, const uint8_t *at, size_t len)
{
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        nghttp2_ssize n = nghttp2_hd_inflate_hd3(inflater, &nv, &flags, at, len, 1);
        TC_ASSERT(n >= 0 && (size_t)n <= len);
        at += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            add(sum, nv.name, nv.namelen);
            add(sum, nv.value, nv.valuelen);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
}

/* Whole frames; DATA may have been cut into them anywhere. */
static struct heard hear(const uint8_t *at, size_t len)
{
    struct heard h = { .data_bytes = 0 };
    nghttp2_hd_inflater *inflater;
    int rc = nghttp2_hd_inflate_new(&inflater);
    TC_ASSERT(rc == 0);
    while (len >= 9) {
        size_t n = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
        uint32_t id =
            (uint32_t)(at[5] & 0x7f) << 24 | (uint32_t)at[6] << 16 | (uint32_t)at[7] << 8 | at[8];
        uint64_t *sum = id == 0 ? &h.conn_sum : &h.sums[id / 2 % STREAMS_MAX];
        uint8_t is_end = at[4] & NGHTTP2_FLAG_END_STREAM;
        if (len - 9 < n)
            break;
        h.data_bytes += at[3] == NGHTTP2_DATA ? n : 0;
        if (at[3] == NGHTTP2_HEADERS) {
            TC_ASSERT(at[4] & NGHTTP2_FLAG_END_HEADERS);
            add(sum, &is_end, 1);
            add_head(inflater, sum, at + 9, n);
        } else if (at[3] == NGHTTP2_DATA) {
            add(sum, at + 9, n);
            if (is_end)
                add(sum, &is_end, 1);
        } else if (at[3] != NGHTTP2_WINDOW_UPDATE) {
            add(sum, at, 5);
            add(sum, at + 9, n);
        }
        at += 9 + n;
        len -= 9 + n;
    }
    nghttp2_hd_inflate_del(inflater);
    return h;
}

static void check_empty(void)
{
    nx_check_empty(&nx);
    TC_ASSERT(nx.tc_sessions.streams.used_cnt == 0 && nx.tc_sessions.h2_conns.used_cnt == 0);
    TC_ASSERT(nx.tc_sessions.h2.purse.used_bytes == 0);
}

static struct heard ask(const uint8_t *data, size_t size, size_t step)
{
    static const char start[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    uint32_t slot = nx_accept(&nx);
    TC_ASSERT(slot != TC_NONE);
    toy_len = 0;
    nx.reactor.socks[slot].cap = SOCKET_BYTES;
    nx_recv_by(&nx, slot, start, sizeof(start), sizeof(start));
    nx_recv_by(&nx, slot, data, size, step);
    nx_run(&nx);
    const struct nx_sock *s = &nx.reactor.socks[slot];
    struct heard h = hear((const uint8_t *)s->got, s->got_len);
    nx_wait_ms(&nx, 2000);
    if (!nx_is_closed(&nx, slot))
        nx_end(&nx, slot, size % 2 ? 0 : -ECONNRESET);
    check_empty();
    return h;
}

static void open_server(void)
{
    toy_init(&server);
    fx_put_many(&nx.fx, "ticker-A", 1, 5);
    fx_put_many(&nx.fx, "book-A", 6, 7);
    nx_run(&nx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 3, 11, 1000 };
    if (!nx.net.conns)
        open_server();
    struct heard whole = ask(data, size, SIZE_MAX / 2);
    struct heard by_one = ask(data, size, 1);
    struct heard cut = ask(data, size, steps[size % TC_ARRAY_CNT(steps)]);
    bool is_stopped = whole.data_bytes > WINDOW_BYTES || by_one.data_bytes > WINDOW_BYTES;
    TC_ASSERT(is_stopped || memcmp(&whole, &by_one, sizeof(whole)) == 0);
    is_stopped |= cut.data_bytes > WINDOW_BYTES;
    TC_ASSERT(is_stopped || memcmp(&whole, &cut, sizeof(whole)) == 0);
    return 0;
}
