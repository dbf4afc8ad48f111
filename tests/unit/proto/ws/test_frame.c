// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/frame.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/ws/client.h"

enum { MESSAGE_MAX = 70000, FRAGMENT_MAX = 4, ITEMS_MAX = 64 };

static uint8_t buffer[MESSAGE_MAX];
static uint8_t wire[400000];
static size_t wire_len;

/* What a feeding gave: one line an item, "1002 …" for an error. */
static char log_text[1 << 18];
static size_t log_len;

static struct tc_ws_in in;

static void open_in(bool is_client)
{
    struct tc_ws_in_conf conf = {
        .is_client = is_client,
        .message_max = MESSAGE_MAX,
        .fragment_max = FRAGMENT_MAX,
        .buffer = buffer,
    };
    cr_assert_eq(tc_ws_in_init(&in, &conf), TC_OK);
    wire_len = 0;
}

/* first: FIN, RSV and opcode. */
static void put(unsigned first, const void *payload, size_t len)
{
    uint8_t mask[4] = { 0x12, 0xef, (uint8_t)wire_len, 0x77 };
    size_t head = in.conf.is_client ? tc_ws_header(wire + wire_len, 0, len)
                                    : tc_ws_client_header(wire + wire_len, 0, len, mask);
    wire[wire_len] = (uint8_t)first;
    wire_len += head;
    if (len > 0)
        memcpy(wire + wire_len, payload, len);
    if (!in.conf.is_client)
        tc_ws_mask(wire + wire_len, len, mask, 0);
    wire_len += len;
}

static void puts_text(unsigned first, const char *text)
{
    put(first, text, strlen(text));
}

static void note_item(const struct tc_ws_msg *m)
{
    log_len += (size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len, "%x %u %zu ",
                                (unsigned)m->opcode, m->close_code, m->len);
    if (m->len > 0 && m->len < 1000)
        memcpy(log_text + log_len, m->bytes, m->len);
    uint32_t sum = 0;
    for (size_t i = 0; i < m->len; i++)
        sum = sum * 31 + m->bytes[i];
    if (m->len < 1000)
        log_len += m->len;
    log_len += (size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len, " %x\n", sum);
}

/* Feeds the wire step bytes at a time; the bytes are handed over from a copy that ends with them.
 */
static void feed_by(size_t step)
{
    size_t at = 0;
    int rc = 0;
    log_len = 0;
    tc_ws_in_reset(&in);
    while (at < wire_len && rc >= 0) {
        size_t n = TC_MIN(step, wire_len - at);
        size_t done = 0;
        do {
            struct tc_ws_msg m;
            size_t used;
            rc = tc_ws_in_feed(&in, wire + at + done, n - done, &used, &m);
            done += used;
            if (rc == 1)
                note_item(&m);
        } while (rc == 1);
        if (rc == 0)
            cr_assert_eq(done, n);
        at += n;
    }
    if (rc < 0) {
        cr_assert(in.detail && in.detail[0]);
        log_len += (size_t)snprintf(log_text + log_len, sizeof(log_text) - log_len, "error %d\n",
                                    in.close_code);
    }
    log_text[log_len] = '\0';
}

/* All cuts must agree; the log is that of one feeding. */
static const char *feed(void)
{
    static char first[sizeof(log_text)];
    static const size_t steps[] = { 2, 3, 7, 13, 125, 1000, 4095, 4096, 4097, sizeof(wire) };
    feed_by(1);
    memcpy(first, log_text, log_len + 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        feed_by(steps[i]);
        cr_expect_str_eq(log_text, first, "step %zu", steps[i]);
    }
    return log_text;
}

Test(frame, headers_out)
{
    /* goal: the three lengths at their borders */
    static const uint64_t lens[] = { 0, 125, 126, 65535, 65536, 1ull << 40 };
    static const size_t heads[] = { 2, 2, 4, 4, 10, 10 };
    for (size_t i = 0; i < TC_ARRAY_CNT(lens); i++) {
        uint8_t out[TC_WS_HEADER_MAX];
        cr_assert_eq(tc_ws_header(out, TC_WS_BINARY, lens[i]), heads[i]);
        cr_assert_eq(tc_ws_header_bytes(lens[i]), heads[i]);
        cr_assert_eq(out[0], 0x82);
    }
    uint8_t out[TC_WS_HEADER_MAX];
    tc_ws_header(out, TC_WS_TEXT, 0x1234567);
    cr_assert_arr_eq(out, ((uint8_t[]){ 0x81, 127, 0, 0, 0, 0, 1, 0x23, 0x45, 0x67 }), 10);
    tc_ws_header(out, TC_WS_TEXT, 0x1234);
    cr_assert_arr_eq(out, ((uint8_t[]){ 0x81, 126, 0x12, 0x34 }), 4);
}

Test(frame, control_frames_out)
{
    /* goal: close with and without code; a long reason is cut between characters */
    uint8_t out[TC_WS_CONTROL_FRAME_MAX];
    char reason[200];
    cr_assert_eq(tc_ws_control(out, TC_WS_PING, "ab", 2), 4);
    cr_assert_arr_eq(out, ((uint8_t[]){ 0x89, 2, 'a', 'b' }), 4);
    cr_assert_eq(tc_ws_close_frame(out, TC_WS_NO_STATUS, NULL), 2);
    cr_assert_eq(tc_ws_close_frame(out, TC_WS_RESTART, "bye"), 7);
    cr_assert_arr_eq(out, ((uint8_t[]){ 0x88, 5, 0x03, 0xf4, 'b', 'y', 'e' }), 7);
    memset(reason, 'x', sizeof(reason));
    reason[199] = '\0';
    cr_assert_eq(tc_ws_close_frame(out, 1000, reason), TC_WS_CONTROL_FRAME_MAX);
    memcpy(reason + 122, "\xc3\xb6", 2);
    cr_assert_eq(tc_ws_close_frame(out, 1000, reason), TC_WS_CONTROL_FRAME_MAX - 1);
}

Test(frame, messages_and_control_frames)
{
    /* goal: whole and fragmented messages, control frames between, empty ones, one after another */
    open_in(false);
    puts_text(0x81, "hello");
    puts_text(0x01, "k\xc3");
    puts_text(0x89, "ping");
    puts_text(0x00, "");
    puts_text(0x80, "\xb6nig");
    puts_text(0x82, "");
    puts_text(0x8a, "");
    puts_text(0x02, "\xff");
    puts_text(0x80, "\xfe");
    puts_text(0x88, "\x03\xe8"
                    "bye");
    puts_text(0x81, "after the close: passed over");
    const char *got = feed();
    cr_assert(strstr(got, "1 0 5 hello ") == got, "%s", got);
    cr_assert(strstr(got, "\n9 0 4 ping "), "%s", got);
    cr_assert(strstr(got, "\n1 0 6 k\xc3\xb6nig "), "%s", got);
    cr_assert(strstr(got, "\n2 0 0  0\na 0 0  0\n"), "%s", got);
    cr_assert(strstr(got, "\n8 1000 3 bye "), "%s", got);
    cr_assert(!strstr(got, "error") && !strstr(got, "after"), "%s", got);
    tc_ws_in_fini(&in);
}

Test(frame, large_messages)
{
    /* goal: lengths around the borders of headers, of wslay's buffer and of the limit */
    static uint8_t big[MESSAGE_MAX + 1];
    static const size_t lens[] = { 125,  126,  127,   4080,  4081,  4082,       4083,
                                   4096, 8192, 65535, 65536, 65537, MESSAGE_MAX };
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 7 | 1); /* no NUL: the log is text */
    open_in(false);
    for (size_t i = 0; i < TC_ARRAY_CNT(lens); i++)
        put(0x82, big, lens[i]);
    const char *got = feed();
    cr_assert(!strstr(got, "error"), "%s", got);
    cr_assert(strstr(got, "2 0 70000 "));
    cr_assert(tc_ws_in_is_idle(&in));
    wire_len = 0;
    put(0x82, big, MESSAGE_MAX + 1);
    cr_assert_str_eq(feed(), "error 1009\n");
    wire_len = 0;
    put(0x02, big, MESSAGE_MAX);
    put(0x80, big, 1);
    cr_assert_str_eq(feed(), "error 1009\n");
    tc_ws_in_fini(&in);
}

Test(frame, broken_rules)
{
    /* goal: each rule of section 5 has its close code */
    static const struct {
        const char *bytes;
        size_t len;
        int code;
    } cases[] = {
        { "\x81\x05hello", 7, 1002 },                    /* no mask */
        { "\x81\x00", 2, 1002 },                         /* no mask, empty */
        { "\xc1\x80\x01\x02\x03\x04", 6, 1002 },         /* RSV1 */
        { "\xa1\x80\x01\x02\x03\x04", 6, 1002 },         /* RSV2 */
        { "\x91\x80\x01\x02\x03\x04", 6, 1002 },         /* RSV3 */
        { "\x83\x80\x01\x02\x03\x04", 6, 1002 },         /* opcode 3 */
        { "\x87\x80\x01\x02\x03\x04", 6, 1002 },         /* opcode 7 */
        { "\x8b\x80\x01\x02\x03\x04", 6, 1002 },         /* opcode 11 */
        { "\x8f\x80\x01\x02\x03\x04", 6, 1002 },         /* opcode 15 */
        { "\x09\x80\x01\x02\x03\x04", 6, 1002 },         /* fragmented ping */
        { "\x89\xfe\x00\x7e\x01\x02\x03\x04", 8, 1002 }, /* ping of 126 bytes */
        { "\x80\x80\x01\x02\x03\x04", 6, 1002 },         /* continuation of nothing */
        { "\x00\x80\x01\x02\x03\x04", 6, 1002 },         /* the same, not final */
        { "\x81\xfe\x00\x7d\x01\x02\x03\x04", 8, 1002 }, /* length not the shortest */
        { "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff\x01\x02\x03\x04", 14, 1002 },
        { "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04", 14, 1002 }, /* 2^63 */
        { "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04x", 15, 1009 },
    };
    open_in(false);
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        char want[32];
        memcpy(wire, cases[i].bytes, cases[i].len);
        wire_len = cases[i].len;
        snprintf(want, sizeof(want), "error %d\n", cases[i].code);
        cr_expect_str_eq(feed(), want, "case %zu", i);
    }
    wire_len = 0;
    puts_text(0x01, "a");
    puts_text(0x81, "b");
    cr_expect_str_eq(feed(), "error 1002\n");
    tc_ws_in_fini(&in);
}

Test(frame, headers_are_judged_before_any_payload)
{
    /* Goal: what a header alone shows is refused when its last byte is there, not with a payload
     * byte that the peer may keep back; a header that is fine changes nothing. */
    static const struct {
        uint8_t head[TC_WS_MASKED_HEADER_MAX];
        size_t len;
        int close_code;
    } rows[] = {
        { { 0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4 }, 14, TC_WS_TOO_BIG },
        { { 0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x71, 1, 2, 3, 4 }, 14, TC_WS_TOO_BIG },
        { { 0x81, 0x05 }, 2, TC_WS_PROTOCOL },
        { { 0xc1, 0x85, 1, 2, 3, 4 }, 6, TC_WS_PROTOCOL },
        { { 0x80, 0xfe, 1, 0, 1, 2, 3, 4 }, 8, TC_WS_PROTOCOL },
        { { 0x8b, 0x85, 1, 2, 3, 4 }, 6, TC_WS_PROTOCOL },
        { { 0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x70, 1, 2, 3, 4 }, 14, 0 },
        { { 0x89, 0x85, 1, 2, 3, 4 }, 6, 0 },
    };
    open_in(false);
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        for (size_t step = 1; step <= 14; step++) {
            int rc = 0;
            tc_ws_in_reset(&in);
            for (size_t at = 0; at < rows[i].len; at += step) {
                struct tc_ws_msg m;
                size_t used;
                cr_assert_eq(rc, 0, "row %zu: before its end, at %zu", i, at);
                size_t n = TC_MIN(step, rows[i].len - at);
                rc = tc_ws_in_feed(&in, rows[i].head + at, n, &used, &m);
                cr_assert_eq(used, n);
            }
            cr_assert_eq(rc < 0, rows[i].close_code != 0, "row %zu by %zu: %d", i, step, rc);
            cr_assert_eq(in.close_code, rows[i].close_code, "row %zu by %zu", i, step);
        }
    }
    tc_ws_in_fini(&in);
}

Test(frame, fragments_are_bounded)
{
    /* goal: as many fragments as allowed pass, one more does not, empty ones count */
    open_in(false);
    puts_text(0x01, "");
    puts_text(0x00, "");
    puts_text(0x00, "");
    puts_text(0x80, "x");
    cr_expect(strstr(feed(), "1 0 1 x"), "%s", log_text);
    wire_len = 0;
    for (int i = 0; i < FRAGMENT_MAX + 1; i++)
        puts_text(i == 0 ? 0x01 : 0x00, "");
    cr_expect_str_eq(feed(), "error 1008\n");
    tc_ws_in_fini(&in);
}

Test(frame, bad_text_is_found_at_once)
{
    /* goal: 1007 at the byte that makes it sure, before the frame or message ends; never for binary
     */
    static const char *const bad[] = { "\xff", "ok\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "cut \xe2\x82" };
    open_in(false);
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        wire_len = 0;
        puts_text(0x81, bad[i]);
        cr_expect_str_eq(feed(), "error 1007\n", "%zu", i);
        wire_len = 0;
        puts_text(0x01, bad[i]);
        puts_text(0x80, "");
        cr_expect_str_eq(feed(), "error 1007\n", "%zu", i);
        wire_len = 0;
        puts_text(0x82, bad[i]);
        cr_expect(!strstr(feed(), "error"), "%zu", i);
    }
    wire_len = 0;
    puts_text(0x01, "a\xff and much more that is not there yet");
    wire_len -= 20;
    cr_expect_str_eq(feed(), "error 1007\n");
    tc_ws_in_fini(&in);
}

Test(frame, close_codes)
{
    /* goal: codes that may be sent, lengths, and a reason that is not text */
    open_in(false);
    for (unsigned code = 0; code < 65536; code += code > 1020 && code < 2990 ? 10 : 1) {
        uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };
        bool is_valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                        (code >= 3000 && code <= 4999);
        wire_len = 0;
        put(0x88, payload, 2);
        feed_by(sizeof(wire));
        cr_assert_eq(strstr(log_text, "error 1002") == NULL, is_valid, "%u", code);
        cr_assert_eq(tc_ws_close_is_valid(code), is_valid);
        if (code > 5100)
            code += 200;
    }
    wire_len = 0;
    put(0x88, "", 0);
    cr_expect_str_eq(feed(), "8 1005 0  0\n");
    wire_len = 0;
    put(0x88, "\x03", 1);
    cr_expect_str_eq(feed(), "error 1002\n");
    wire_len = 0;
    put(0x88, "\x03\xe8\xff", 3);
    cr_expect_str_eq(feed(), "error 1007\n");
    tc_ws_in_fini(&in);
}

Test(frame, idle_means_nothing_is_held)
{
    /* goal: idle only between messages; a context that was left anywhere is as new after reset */
    struct tc_ws_msg m;
    size_t used;
    open_in(false);
    cr_assert(tc_ws_in_is_idle(&in));
    puts_text(0x01, "abc");
    size_t first_len = wire_len;
    puts_text(0x80, "def");
    for (size_t cut = 1; cut < wire_len; cut++) {
        tc_ws_in_reset(&in);
        cr_assert_eq(tc_ws_in_feed(&in, wire, cut, &used, &m), 0);
        cr_assert_eq(used, cut);
        cr_assert(!tc_ws_in_is_idle(&in), "%zu", cut);
        cr_assert_eq(tc_ws_in_feed(&in, wire + cut, wire_len - cut, &used, &m), 1);
        cr_assert(m.len == 6 && memcmp(m.bytes, "abcdef", 6) == 0);
        cr_assert(tc_ws_in_is_idle(&in));
        cr_assert_eq(tc_ws_in_feed(&in, NULL, 0, &used, &m), 0);
    }
    cr_assert_eq(tc_ws_in_feed(&in, wire, first_len, &used, &m), 0);
    tc_ws_in_reset(&in);
    cr_assert(tc_ws_in_is_idle(&in));
    cr_assert_lt(tc_ws_in_feed(&in, "\x80\x80\x01\x02\x03\x04", 6, &used, &m), 0);
    cr_assert(!tc_ws_in_is_idle(&in));
    tc_ws_in_reset(&in);
    wire_len = 0;
    puts_text(0x81, "one");
    puts_text(0x81, "two");
    cr_assert_eq(tc_ws_in_feed(&in, wire, wire_len, &used, &m), 1);
    cr_assert(!tc_ws_in_is_idle(&in)); /* the second is inside */
    cr_assert_eq(tc_ws_in_feed(&in, wire + used, wire_len - used, &used, &m), 1);
    cr_assert(m.len == 3 && memcmp(m.bytes, "two", 3) == 0 && tc_ws_in_is_idle(&in));
    tc_ws_in_fini(&in);
}

Test(frame, client_side)
{
    /* goal: the same rules from the other side: unmasked frames pass, masked ones do not */
    open_in(true);
    puts_text(0x81, "update");
    puts_text(0x89, "");
    cr_expect_str_eq(feed(), "1 0 6 update ce0038c9\n9 0 0  0\n");
    memcpy(wire, "\x81\x80\x01\x02\x03\x04", 6);
    wire_len = 6;
    cr_expect_str_eq(feed(), "error 1002\n");
    tc_ws_in_fini(&in);
}
