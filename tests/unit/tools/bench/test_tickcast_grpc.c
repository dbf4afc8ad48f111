// SPDX-License-Identifier: Apache-2.0
#include "proto/pb/wire.h"
#include "tests/unit/tools/bench/fixture.h"

enum { FRAME_HEAD = 9, DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7 };

static uint8_t bytes[4096];
static struct tc_pb_out out;

static void setup(void)
{
    fixture_init(&tc_load_grpc, 1, 2, 2, 0);
    load.conns[0].state = TC_LOAD_UPGRADING;
    out = tc_pb_out(bytes, sizeof(bytes));
}

static void teardown(void)
{
    struct {
        uint32_t a[3];
        char *part;
    } *s = tc_load_state(&load, &load.conns[0]);
    tc_free(s->part);
    fixture_fini();
}

TestSuite(load_tickcast_grpc, .init = setup, .fini = teardown);

static void put_frame(uint8_t type, uint8_t flags, uint8_t stream, const void *body, size_t len)
{
    const uint8_t head[FRAME_HEAD] = {
        0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0, 0, stream
    };
    tc_pb_put(&out, head, sizeof(head));
    tc_pb_put(&out, body, len);
}

/* An Event with one member, with the prefix of gRPC; its bytes. */
static size_t message(uint8_t *to, uint32_t member, const char *room, uint64_t pos, uint64_t prev)
{
    uint8_t inner[512];
    struct tc_pb_out i = tc_pb_out(inner, sizeof(inner));
    struct tc_pb_out m = tc_pb_out(to + 5, 600);
    tc_pb_put_bytes(&i, member == 2 ? 2 : 1, tc_str_from(room));
    if (member == 1) {
        tc_pb_put_byte(&i, 2 << 3);
        tc_pb_put_varint(&i, pos);
        tc_pb_put_byte(&i, 3 << 3);
        tc_pb_put_varint(&i, prev);
        tc_pb_put_bytes(&i, 8, TC_STR("{\"t_ns\":1}"));
    }
    if (member == 5 || member == 6) {
        tc_pb_put_byte(&i, (uint8_t)((member == 5 ? 3 : 4) << 3));
        tc_pb_put_varint(&i, pos);
    }
    tc_pb_put_bytes(&m, member, (struct tc_str){ (const char *)inner, (size_t)(i.at - inner) });
    size_t len = (size_t)(m.at - (to + 5));
    memcpy(to, (const uint8_t[]){ 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len }, 5);
    return len + 5;
}

static size_t feed(size_t len)
{
    return load.dialect->on_bytes(&load, &load.conns[0], (const char *)bytes, len);
}

static size_t feed_all(void)
{
    size_t used = feed((size_t)(out.at - bytes));
    out = tc_pb_out(bytes, sizeof(bytes));
    return used;
}

Test(load_tickcast_grpc, a_connection_s_life)
{
    /* Goal: settings are answered and lead to one call with all rooms; confirmations and updates
     * of both rooms count, however they are cut into frames. */
    char sent[1024] = { 0 };
    uint8_t text[2048];
    load.dialect->hello(&load, &load.conns[0]);
    fixture_sent(sent, sizeof(sent), 30);
    cr_assert_eq(memcmp(sent, "PRI * HTTP/2.0", 14), 0);
    put_frame(SETTINGS, 0, 0, "", 0);
    cr_assert_eq(feed_all(), 9);
    size_t len = fixture_sent(sent, sizeof(sent), 100);
    cr_assert_eq(memcmp(sent, "\0\0\0\x04\x01\0\0\0\0", 9), 0, "settings are acknowledged");
    cr_assert(memmem(sent, len, "ticker-S0", 9) && memmem(sent, len, "ticker-S1", 9));
    cr_assert(memmem(sent, len, "/jts.marketdata.v1.MarketDataService/Subscribe", 46));
    size_t n = message(text, 2, "ticker-S0", 0, 0);
    n += message(text + n, 2, "ticker-S1", 0, 0);
    put_frame(DATA, 0, 1, text, n);
    feed_all();
    cr_assert_eq(load.ready_cnt, 1);
    n = message(text, 1, "ticker-S1", 5, 4);
    n += message(text + n, 1, "ticker-S0", 7, 6);
    n += message(text + n, 1, "ticker-S1", 8, 5);
    for (size_t at = 0; at < n; at += 7) { /* pieces that cut prefixes and bodies */
        put_frame(DATA, 0, 1, text + at, TC_MIN(n - at, (size_t)7));
        feed_all();
    }
    cr_assert(load.counts.deliveries == 3 && load.counts.broken == 0 &&
              load.counts.unexpected == 0);
    cr_assert(load.last[0] == 7 && load.last[1] == 8);
    put_frame(DATA, 0, 1, text, n);
    feed_all();
    cr_assert_eq(load.counts.broken, 3, "the same once more");
}

Test(load_tickcast_grpc, ping_and_cut_frames)
{
    /* Goal: a ping is answered with its bytes; a frame that is not whole stays. */
    char sent[64];
    put_frame(PING, 0, 0, "12345678", 8);
    for (size_t cut = 0; cut < 17; cut++)
        cr_assert_eq(feed(cut), 0);
    cr_assert_eq(feed(17), 17);
    fixture_sent(sent, sizeof(sent), 17);
    cr_assert_eq(memcmp(sent,
                        "\0\0\x08\x06\x01\0\0\0\0"
                        "12345678",
                        17),
                 0);
}

Test(load_tickcast_grpc, notices)
{
    /* Goal: declared loss is counted; an event of no room of ours, or none at all, is a fault. */
    uint8_t text[2048];
    size_t n = message(text, 5, "ticker-S0", 30, 0);
    n += message(text + n, 6, "ticker-S1", 40, 0);
    put_frame(DATA, 0, 1, text, n);
    feed_all();
    cr_assert(load.counts.notices == 2 && load.last[0] == 30 && load.last[1] == 40);
    n = message(text, 1, "other", 1, 0);
    n += message(text + n, 5, "other", 1, 0);
    n += message(text + n, 8, "ticker-S0", 1, 0);
    put_frame(DATA, 0, 1, text, n);
    put_frame(DATA, 0, 1, "\0\0\0\0\x01\xff", 6);
    feed_all();
    cr_assert(load.counts.unexpected == 4 && load.counts.deliveries == 0);
}

Test(load_tickcast_grpc, unsubscribe)
{
    /* Goal: to leave is to cancel the newest call; what it still sends is passed over. */
    char sent[1024];
    uint8_t text[2048];
    struct tc_load_conn *c = &load.conns[0];
    c->is_churn = true;
    c->state = TC_LOAD_OPEN;
    c->is_pending = c->is_in = true;
    load.dialect->subscribe(&load, c, 0, 1);
    fixture_sent(sent, sizeof(sent), 50);
    put_frame(DATA, 0, 1, text, message(text, 2, "ticker-S0", 0, 0));
    feed_all();
    cr_assert_not(c->is_pending);
    c->is_pending = true;
    c->is_in = false;
    load.dialect->unsubscribe(&load, c, 0);
    cr_assert_not(c->is_pending);
    fixture_sent(sent, sizeof(sent), 13);
    cr_assert_eq(memcmp(sent, "\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08", 13), 0);
    put_frame(DATA, 0, 1, text, message(text, 9, "x", 0, 0));
    put_frame(RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    feed_all();
    cr_assert_eq(load.counts.unexpected, 0);
}

static void reset(void)
{
    put_frame(RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    feed_all();
}

static void trailers(void)
{
    put_frame(HEADERS, 5, 1, "", 0);
    feed_all();
}

static void goaway(void)
{
    put_frame(GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    feed_all();
}

static void http1(void)
{
    load.dialect->on_bytes(&load, &load.conns[0], "HTTP/1.1 400 Bad Request\r\n", 26);
}

Test(load_tickcast_grpc, ends)
{
    /* Goal: the end of a call or of the connection, and a server of HTTP/1, end the run. */
    fixture_fails(reset, "RST_STREAM");
    fixture_fails(trailers, "trailers");
    fixture_fails(goaway, "GOAWAY");
    fixture_fails(http1, "does not speak HTTP/2");
}
