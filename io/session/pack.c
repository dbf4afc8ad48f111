// SPDX-License-Identifier: Apache-2.0
#include "io/session/pack.h"

/* Before each field. */
struct lengths {
    uint16_t name;
    uint16_t value;
};

bool tc_pack_add(struct tc_slab *slab, struct tc_block *block, const struct tc_http1_field *field)
{
    if (field->name.len > UINT16_MAX || field->value.len > UINT16_MAX)
        return false;
    struct lengths len = { (uint16_t)field->name.len, (uint16_t)field->value.len };
    uint32_t before = block->len - block->off;
    if (tc_block_append(slab, block, &len, sizeof(len)) &&
        tc_block_append(slab, block, field->name.ptr, len.name) &&
        tc_block_append(slab, block, field->value.ptr, len.value))
        return true;
    block->len = block->off + before;
    return false;
}

size_t tc_pack_fields(const struct tc_slab *slab, const struct tc_block *block,
                      struct tc_http1_field *fields, size_t max)
{
    uint32_t left = tc_block_left(block);
    const char *at = left ? (const char *)tc_block_at(slab, block) : NULL;
    size_t cnt = 0;
    while (left > 0 && cnt < max) {
        struct lengths len;
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        fields[cnt++] = (struct tc_http1_field){ { at, len.name }, { at + len.name, len.value } };
        at += len.name + len.value;
        left -= (uint32_t)sizeof(len) + len.name + len.value;
    }
    return cnt;
}
