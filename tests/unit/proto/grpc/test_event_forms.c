// SPDX-License-Identifier: Apache-2.0
/* Goal: the same message in every form: as it is, as base64, as a chunk, as a chunk of base64. Each
 * decodes back to it, and none leaves the room that it was promised. */
#include "proto/grpc/event.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/grpc/base64.h"
#include "proto/grpc/frame.h"

enum { LEN_MAX = 2000, GUARD = 0xa5, GUARD_BYTES = 64, TEXT_MAX = 512 };

/* A block of just cap bytes, with a guard behind it. */
static uint8_t *block(size_t cap)
{
    uint8_t *b = malloc(cap + GUARD_BYTES);
    cr_assert_not_null(b);
    memset(b, GUARD, cap + GUARD_BYTES);
    return b;
}

static void check_guard(const uint8_t *b, size_t cap)
{
    for (size_t i = 0; i < GUARD_BYTES; i++)
        cr_assert_eq(b[cap + i], GUARD, "byte %zu behind %zu", i, cap);
}

static bool is_chunk(enum tc_grpc_form form)
{
    return form == TC_GRPC_CHUNK || form == TC_GRPC_TEXT_CHUNK;
}

static bool is_text(enum tc_grpc_form form)
{
    return form == TC_GRPC_TEXT || form == TC_GRPC_TEXT_CHUNK;
}

/* The message that the form holds, at out of cap bytes; its bytes. */
static size_t undo(enum tc_grpc_form form, const uint8_t *bytes, size_t len, uint8_t *out,
                   size_t cap)
{
    struct tc_str text = { (const char *)bytes, len };
    if (is_chunk(form)) {
        char *end = NULL;
        size_t cnt = strtoul(text.ptr, &end, 16);
        size_t head_len = (size_t)(end - text.ptr) + 2;
        cr_assert_eq(memcmp(end, "\r\n", 2), 0);
        cr_assert_eq(head_len + cnt + 2, len, "one chunk, and nothing else");
        cr_assert_eq(memcmp(text.ptr + len - 2, "\r\n", 2), 0);
        text = (struct tc_str){ text.ptr + head_len, cnt };
    }
    size_t plain_len = text.len;
    if (is_text(form)) {
        cr_assert_eq(tc_grpc_base64_decode(out, cap, text, &plain_len), TC_OK);
        cr_assert_eq(text.len % 4, 0, "a further piece may follow");
    } else {
        cr_assert_leq(text.len, cap);
        memcpy(out, text.ptr, text.len);
    }
    return plain_len;
}

Test(event_forms, every_length)
{
    /* Goal: messages of 0 to 2000 bytes (a chunk cannot be empty) come back out of each form,
     * within a third more and twice the form's room. */
    uint8_t message[LEN_MAX];
    uint8_t back[LEN_MAX + 3];
    for (size_t i = 0; i < LEN_MAX; i++)
        message[i] = (uint8_t)(i * 37 + i / 256);
    for (int form = 0; form < TC_GRPC_FORM_CNT; form++) {
        for (size_t len = is_chunk((enum tc_grpc_form)form); len <= LEN_MAX; len++) {
            size_t cap = len + (len + 2) / 3 + 2 * (size_t)TC_GRPC_FORM_ROOM;
            uint8_t *b = block(cap);
            memcpy(b + TC_GRPC_FORM_ROOM, message, len);
            size_t cnt = tc_grpc_form_put((enum tc_grpc_form)form, b, len);
            cr_assert_leq(cnt, cap);
            check_guard(b, cap);
            cr_assert_eq(undo((enum tc_grpc_form)form, b, cnt, back, sizeof(back)), len);
            cr_assert_eq(memcmp(back, message, len), 0, "form %d of %zu bytes", form, len);
            free(b);
        }
    }
}

/* The longest names that there are. */
static struct tc_str text_of(size_t len)
{
    static char text[TEXT_MAX];
    memset(text, 'n', sizeof(text));
    cr_assert_leq(len, sizeof(text));
    return (struct tc_str){ text, len };
}

static void check_update(const struct tc_update *u)
{
    size_t cap = tc_update_bytes_max(u->len);
    uint8_t *plain = block(cap);
    uint8_t *back = block(cap);
    size_t plain_len = tc_grpc_events[TC_GRPC_PLAIN].update(u, plain);
    check_guard(plain, cap);
    for (int form = TC_GRPC_TEXT; form < TC_GRPC_FORM_CNT; form++) {
        uint8_t *b = block(cap);
        size_t len = tc_grpc_events[form].update(u, b);
        cr_assert_leq(len, cap, "form %d of %u bytes", form, u->len);
        check_guard(b, cap);
        cr_assert_eq(undo((enum tc_grpc_form)form, b, len, back, cap), plain_len);
        cr_assert_eq(memcmp(back, plain, plain_len), 0, "form %d of %u bytes", form, u->len);
        free(b);
    }
    free(plain);
    free(back);
}

Test(event_forms, updates)
{
    /* Goal: an update says the same in each form and stays within tc_update_bytes_max, with
     * payloads of every length and the longest of everything else, or nothing at all. */
    uint8_t payload[LEN_MAX];
    memset(payload, 0xc3, sizeof(payload));
    struct tc_update full = {
        .event = text_of(TC_EVENT_NAME_MAX),
        .room = text_of(TC_ROOM_NAME_MAX),
        .pos = INT64_MAX,
        .prev = INT64_MAX,
        .ts_ms = INT64_MAX,
        .is_snapshot = true,
        .type = text_of(TC_MESSAGE_NAME_MAX),
        .payload = payload,
    };
    struct tc_update bare = { .room = TC_STR("r"), .prev = -1, .ts_ms = -1, .payload = payload };
    for (uint32_t len = 0; len <= LEN_MAX; len++) {
        full.len = bare.len = len;
        check_update(&full);
        check_update(&bare);
    }
    full.is_tombstone = true;
    full.len = 0;
    check_update(&full);
}

/* A notice of that kind with the longest of what it may have. */
static struct tc_notice notice_of(int kind)
{
    return (struct tc_notice){
        .kind = (enum tc_notice_kind)kind,
        .id = text_of(TC_CMD_ID_MAX + 2),
        .room = text_of(TC_ROOM_NAME_MAX),
        .log = text_of(TC_LOG_NAME_MAX),
        .symbol = text_of(TC_ROOM_NAME_MAX),
        .reason = "retention",
        .pos = INT64_MAX,
        .from = INT64_MAX,
        .to = INT64_MAX,
        .since_ms = INT64_MAX,
        .count = UINT64_MAX,
    };
}

Test(event_forms, notices)
{
    /* Goal: the largest notice of each kind says the same in each form within TC_NOTICE_BYTES_MAX.
     */
    for (int kind = TC_NOTICE_CONFIRMED; kind <= TC_NOTICE_UNSUBSCRIBED; kind++) {
        struct tc_notice n = notice_of(kind);
        uint8_t plain[TC_NOTICE_BYTES_MAX];
        uint8_t back[TC_NOTICE_BYTES_MAX];
        size_t plain_len = tc_grpc_events[TC_GRPC_PLAIN].notice(&n, plain);
        cr_assert_gt(plain_len, TC_ROOM_NAME_MAX);
        for (int form = TC_GRPC_TEXT; form < TC_GRPC_FORM_CNT; form++) {
            uint8_t *b = block(TC_NOTICE_BYTES_MAX);
            size_t len = tc_grpc_events[form].notice(&n, b);
            cr_assert_leq(len, TC_NOTICE_BYTES_MAX);
            check_guard(b, TC_NOTICE_BYTES_MAX);
            cr_assert_eq(undo((enum tc_grpc_form)form, b, len, back, sizeof(back)), plain_len);
            cr_assert_eq(memcmp(back, plain, plain_len), 0, "kind %d, form %d", kind, form);
            free(b);
        }
    }
}

Test(event_forms, their_own_bytes)
{
    /* Goal: one message in each form, byte for byte. */
    static const struct tc_notice fresh = { .kind = TC_NOTICE_FRESH, .room = { "a", 1 } };
    static const struct {
        const char *bytes;
        size_t len;
    } want[TC_GRPC_FORM_CNT] = {
        [TC_GRPC_PLAIN] = { "\0\0\0\0\5\x4a\3\n\1a", 10 },
        [TC_GRPC_TEXT] = { "AAAAAAVKAwoBYQ==", 16 },
        [TC_GRPC_CHUNK] = { "a\r\n\0\0\0\0\5\x4a\3\n\1a\r\n", 15 },
        [TC_GRPC_TEXT_CHUNK] = { "10\r\nAAAAAAVKAwoBYQ==\r\n", 22 },
    };
    static const char *const names[] = { "grpc", "grpc-text", "grpc-web", "grpc-web-text" };
    for (int form = 0; form < TC_GRPC_FORM_CNT; form++) {
        uint8_t out[TC_NOTICE_BYTES_MAX];
        size_t len = tc_grpc_events[form].notice(&fresh, out);
        cr_expect_eq(len, want[form].len, "%s", names[form]);
        cr_expect_eq(memcmp(out, want[form].bytes, want[form].len), 0, "%s", names[form]);
        cr_expect_str_eq(tc_grpc_events[form].name, names[form]);
        cr_expect_eq(tc_grpc_events[form].form, TC_FORM_PROTOBUF);
    }
}
