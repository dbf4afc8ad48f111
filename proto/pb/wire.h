// SPDX-License-Identifier: Apache-2.0
/* proto/pb/wire: the wire format of Protocol Buffers, in and out.
 *
 *   message = { tag value }      tag = varint of (number << 3 | wire)
 *
 * In: a cursor over bytes that somebody else owns gives one field at a time; nothing is copied and
 * no read passes the end. Out: a cursor over a buffer of the caller; what does not fit is not
 * written, and is_full stays set, so that only the end has to be asked. JSON text is written
 * through the same cursor.
 *
 * Not for: groups (wire types 3 and 4), which are refused: no current encoder writes them.
 * Any thread. */
#ifndef TC_PROTO_PB_WIRE_H
#define TC_PROTO_PB_WIRE_H

#include "core/base/err.h"

enum tc_pb_wire {
    TC_PB_VARINT = 0,
    TC_PB_FIXED64 = 1,
    TC_PB_BYTES = 2, /* length-delimited: text, bytes, messages, packed numbers */
    TC_PB_FIXED32 = 5,
};

enum {
    TC_PB_NUMBER_MAX = (1 << 29) - 1, /* of a field */
    TC_PB_VARINT_MAX = 10,            /* bytes */
};

/* ---- in ---- */

struct tc_pb_in {
    const uint8_t *at;
    const uint8_t *end;
};

/* One field as it lies there. */
struct tc_pb_item {
    uint32_t number;
    enum tc_pb_wire wire;
    uint64_t value;      /* VARINT, FIXED64, FIXED32; else 0 */
    struct tc_str bytes; /* BYTES: a view of the input */
};

static inline struct tc_pb_in tc_pb_in(struct tc_str bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    return (struct tc_pb_in){ at, bytes.len > 0 ? at + bytes.len : at };
}

/* 1: *out is the next field; 0: the end; -TC_EINVAL: cut short, a field number outside 1 to
 * TC_PB_NUMBER_MAX, a varint above 64 bits, a length beyond the end, a group. */
int tc_pb_next(struct tc_pb_in *in, struct tc_pb_item *out) TC_MUST_CHECK;

/* The next value of a packed field, of wire VARINT, FIXED64 or FIXED32; returns as above. */
int tc_pb_next_value(struct tc_pb_in *in, enum tc_pb_wire wire, uint64_t *out) TC_MUST_CHECK;

/* ---- out, for who knows that there is room ---- */

/* 1 to TC_PB_VARINT_MAX. */
static inline size_t tc_pb_varint_bytes(uint64_t value)
{
    unsigned top = 63 - (unsigned)__builtin_clzll(value | 1);
    return (top * 9 + 73) / 64; /* top / 7 + 1 for top < 64, without a division */
}

/* Returns the end. */
static inline uint8_t *tc_pb_write_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *tc_pb_write_tag(uint8_t *at, uint32_t number, enum tc_pb_wire wire)
{
    return tc_pb_write_varint(at, (uint64_t)number << 3 | (uint64_t)wire);
}

/* ---- out ---- */

struct tc_pb_out {
    uint8_t *at;
    uint8_t *end;
    bool is_full; /* something did not fit; at stays where it was then */
};

static inline struct tc_pb_out tc_pb_out(void *bytes, size_t cap)
{
    return (struct tc_pb_out){ bytes, (uint8_t *)bytes + cap, false };
}

/* Bytes that are free. */
static inline size_t tc_pb_room(const struct tc_pb_out *out)
{
    return out->is_full ? 0 : (size_t)(out->end - out->at);
}

static inline uint64_t tc_pb_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t tc_pb_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

/* Bytes as they are. */
static inline void tc_pb_put(struct tc_pb_out *out, const void *bytes, size_t len)
{
    if (TC_UNLIKELY(len > tc_pb_room(out))) {
        out->is_full = true;
        return;
    }
    if (len > 0)
        memcpy(out->at, bytes, len);
    out->at += len;
}

static inline void tc_pb_put_byte(struct tc_pb_out *out, uint8_t byte)
{
    tc_pb_put(out, &byte, 1);
}

/* Values without a tag, as packed fields hold them; little-endian. */
void tc_pb_put_long_varint(struct tc_pb_out *out, uint64_t value); /* of any length */

static inline void tc_pb_put_varint(struct tc_pb_out *out, uint64_t value)
{
    if (TC_UNLIKELY(value >= 0x80 || tc_pb_room(out) == 0))
        tc_pb_put_long_varint(out, value);
    else
        *out->at++ = (uint8_t)value;
}

void tc_pb_put_fixed(struct tc_pb_out *out, enum tc_pb_wire wire, uint64_t value);

/* 1 <= number <= TC_PB_NUMBER_MAX. */
static inline void tc_pb_put_tag(struct tc_pb_out *out, uint32_t number, enum tc_pb_wire wire)
{
    tc_pb_put_varint(out, (uint64_t)number << 3 | (uint64_t)wire);
}

/* A whole field: tag, length, bytes. */
void tc_pb_put_bytes(struct tc_pb_out *out, uint32_t number, struct tc_str bytes);

/* A field whose length is known only afterwards: what is put between open and close is its content.
 * The length is given one byte; a longer content is moved by close. Returns the mark for close. */
uint8_t *tc_pb_open(struct tc_pb_out *out, uint32_t number) TC_MUST_CHECK;
void tc_pb_close(struct tc_pb_out *out, uint8_t *mark);

#endif
