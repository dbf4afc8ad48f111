// SPDX-License-Identifier: Apache-2.0
#include "proto/pb/wire.h"

#include <endian.h>

static int next_long_varint(struct tc_pb_in *in, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1)
            return -TC_EINVAL;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return 1;
        }
    }
    return -TC_EINVAL;
}

static inline int next_varint(struct tc_pb_in *in, uint64_t *out)
{
    if (TC_UNLIKELY(in->at == in->end || *in->at >= 0x80))
        return next_long_varint(in, out);
    *out = *in->at++;
    return 1;
}

static int next_fixed64(struct tc_pb_in *in, uint64_t *out)
{
    if (in->end - in->at < 8)
        return -TC_EINVAL;
    memcpy(out, in->at, 8);
    *out = le64toh(*out);
    in->at += 8;
    return 1;
}

static int next_fixed32(struct tc_pb_in *in, uint64_t *out)
{
    uint32_t value;
    if (in->end - in->at < 4)
        return -TC_EINVAL;
    memcpy(&value, in->at, 4);
    *out = le32toh(value);
    in->at += 4;
    return 1;
}

static int next_bytes(struct tc_pb_in *in, struct tc_str *out)
{
    uint64_t len;
    int rc = next_varint(in, &len);
    if (rc < 0)
        return rc;
    if (len > (uint64_t)(in->end - in->at))
        return -TC_EINVAL;
    *out = (struct tc_str){ (const char *)in->at, (size_t)len };
    in->at += len;
    return 1;
}

int tc_pb_next(struct tc_pb_in *in, struct tc_pb_item *out)
{
    uint64_t tag;
    if (in->at == in->end)
        return 0;
    int rc = next_varint(in, &tag);
    if (rc < 0)
        return rc;
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return -TC_EINVAL;
    out->number = (uint32_t)tag >> 3;
    out->wire = (enum tc_pb_wire)(tag & 7);
    out->value = 0;
    switch (out->wire) {
    case TC_PB_VARINT:
        return next_varint(in, &out->value);
    case TC_PB_FIXED64:
        return next_fixed64(in, &out->value);
    case TC_PB_BYTES:
        return next_bytes(in, &out->bytes);
    case TC_PB_FIXED32:
        return next_fixed32(in, &out->value);
    default:
        return -TC_EINVAL;
    }
}

int tc_pb_next_value(struct tc_pb_in *in, enum tc_pb_wire wire, uint64_t *out)
{
    if (in->at == in->end)
        return 0;
    if (wire == TC_PB_VARINT)
        return next_varint(in, out);
    return wire == TC_PB_FIXED64 ? next_fixed64(in, out) : next_fixed32(in, out);
}

void tc_pb_put_long_varint(struct tc_pb_out *out, uint64_t value)
{
    if (TC_UNLIKELY(tc_pb_varint_bytes(value) > tc_pb_room(out)))
        out->is_full = true;
    else
        out->at = tc_pb_write_varint(out->at, value);
}

void tc_pb_put_fixed(struct tc_pb_out *out, enum tc_pb_wire wire, uint64_t value)
{
    uint64_t little = htole64(value);
    tc_pb_put(out, &little, wire == TC_PB_FIXED64 ? 8 : 4);
}

void tc_pb_put_bytes(struct tc_pb_out *out, uint32_t number, struct tc_str bytes)
{
    tc_pb_put_tag(out, number, TC_PB_BYTES);
    tc_pb_put_varint(out, bytes.len);
    tc_pb_put(out, bytes.ptr, bytes.len);
}

uint8_t *tc_pb_open(struct tc_pb_out *out, uint32_t number)
{
    tc_pb_put_tag(out, number, TC_PB_BYTES);
    tc_pb_put_byte(out, 0);
    return out->at;
}

void tc_pb_close(struct tc_pb_out *out, uint8_t *mark)
{
    if (out->is_full)
        return;
    uint64_t len = (uint64_t)(out->at - mark);
    if (TC_LIKELY(len < 0x80)) {
        mark[-1] = (uint8_t)len;
        return;
    }
    size_t more = tc_pb_varint_bytes(len) - 1;
    if (more > tc_pb_room(out)) {
        out->is_full = true;
        return;
    }
    memmove(mark + more, mark, (size_t)len);
    tc_pb_write_varint(mark - 1, len);
    out->at += more;
}
