// SPDX-License-Identifier: Apache-2.0
/* Messages of protobuf for tests, written field by field without a bound but PB_MAX. */
#ifndef TC_TESTS_UNIT_PROTO_GRPC_PB_TEXT_H
#define TC_TESTS_UNIT_PROTO_GRPC_PB_TEXT_H

#include <criterion/criterion.h>

#include "core/base/base.h"

enum { PB_MAX = 1 << 20 };

struct pb {
    size_t len;
    uint8_t bytes[PB_MAX];
};

static inline void pb_raw(struct pb *m, const void *bytes, size_t len)
{
    cr_assert_leq(m->len + len, PB_MAX);
    if (len > 0)
        memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static inline void pb_varint(struct pb *m, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        pb_raw(m, &byte, 1);
        value >>= 7;
    } while (value);
}

static inline void pb_number(struct pb *m, uint32_t number, uint64_t value)
{
    pb_varint(m, (uint64_t)number << 3);
    pb_varint(m, value);
}

static inline void pb_bytes(struct pb *m, uint32_t number, const void *bytes, size_t len)
{
    pb_varint(m, (uint64_t)number << 3 | 2);
    pb_varint(m, len);
    pb_raw(m, bytes, len);
}

static inline void pb_text(struct pb *m, uint32_t number, const char *text)
{
    pb_bytes(m, number, text, strlen(text));
}

static inline void pb_message(struct pb *m, uint32_t number, const struct pb *inner)
{
    pb_bytes(m, number, inner->bytes, inner->len);
}

/* Fields of every wire type that no message here has. */
static inline void pb_unknown(struct pb *m)
{
    pb_number(m, 99, 7);
    pb_text(m, 100, "unknown");
    pb_varint(m, 101 << 3 | 1);
    pb_raw(m, "12345678", 8);
    pb_varint(m, 102 << 3 | 5);
    pb_raw(m, "1234", 4);
}

/* An entry of SubscribeRequest.from; ts_ms 0: none. */
static inline void pb_from(struct pb *m, const char *room, const char *log, int64_t pos,
                           int64_t ts_ms)
{
    static struct pb value;
    static struct pb entry;
    value.len = entry.len = 0;
    pb_text(&value, 1, log);
    if (pos)
        pb_number(&value, 2, (uint64_t)pos);
    if (ts_ms)
        pb_number(&value, 3, (uint64_t)ts_ms);
    pb_text(&entry, 1, room);
    pb_message(&entry, 2, &value);
    pb_message(m, 4, &entry);
}

#endif
