// SPDX-License-Identifier: Apache-2.0
#include "proto/pb/check.h"

#include "proto/json/utf8.h"

enum { WORDS = TC_PB_MESSAGE_FIELDS_MAX / 64 };

static int check(const struct tc_pb_message *type, struct tc_str bytes, uint32_t depth);

static int check_packed(const struct tc_pb_field *field, struct tc_str bytes)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    uint64_t value;
    int rc;
    while ((rc = tc_pb_next_value(&in, (enum tc_pb_wire)field->wire, &value)) > 0)
        ;
    return rc;
}

static int check_item(const struct tc_pb_field *field, const struct tc_pb_item *item,
                      uint32_t depth)
{
    switch (tc_pb_fit(field, item)) {
    case TC_PB_FIT_PACKED:
        return check_packed(field, item->bytes);
    case TC_PB_FIT_ONE:
        if (field->message)
            return check(field->message, item->bytes, depth + 1);
        if (field->type == TC_PB_STRING && !tc_utf8_check(item->bytes.ptr, item->bytes.len))
            return -TC_EUTF8;
        return TC_OK;
    default:
        return TC_OK;
    }
}

static int check(const struct tc_pb_message *type, struct tc_str bytes, uint32_t depth)
{
    struct tc_pb_in in = tc_pb_in(bytes);
    struct tc_pb_item item;
    uint64_t seen[WORDS]; /* required fields, by index */
    uint32_t required_cnt = 0;
    int rc;
    if (depth > TC_PB_DEPTH_MAX)
        return -TC_EDEPTH;
    if (type->required_cnt > 0)
        memset(seen, 0, sizeof(seen));
    while ((rc = tc_pb_next(&in, &item)) > 0) {
        const struct tc_pb_field *field = tc_pb_field(type, item.number);
        rc = check_item(field, &item, depth);
        if (rc < 0)
            return rc;
        if (!field || !field->is_required || field->wire != item.wire)
            continue;
        size_t idx = (size_t)(field - type->fields);
        required_cnt += !(seen[idx / 64] >> idx % 64 & 1);
        seen[idx / 64] |= 1ull << idx % 64;
    }
    if (rc == 0 && required_cnt < type->required_cnt)
        return -TC_EINVAL;
    return rc;
}

int tc_pb_check(const struct tc_pb_message *type, const void *bytes, size_t len)
{
    if (len > TC_PB_MESSAGE_BYTES_MAX)
        return -TC_ELIMIT;
    return check(type, (struct tc_str){ bytes, len }, 1);
}
