// SPDX-License-Identifier: Apache-2.0
/* proto/pb/check: are these bytes a message of that type. Any thread. */
#ifndef TC_PROTO_PB_CHECK_H
#define TC_PROTO_PB_CHECK_H

#include "proto/pb/schema.h"
#include "proto/pb/wire.h"

/* What a field of a known number is. */
enum tc_pb_fit {
    TC_PB_FIT_NONE, /* of another wire type: an unknown field, as every parser takes it */
    TC_PB_FIT_ONE,
    TC_PB_FIT_PACKED, /* item->bytes hold a row of values */
};

/* field may be NULL: NONE. */
static inline enum tc_pb_fit tc_pb_fit(const struct tc_pb_field *field,
                                       const struct tc_pb_item *item)
{
    if (!field)
        return TC_PB_FIT_NONE;
    if (TC_LIKELY(field->wire == item->wire))
        return TC_PB_FIT_ONE;
    return field->is_repeated && item->wire == TC_PB_BYTES ? TC_PB_FIT_PACKED : TC_PB_FIT_NONE;
}

/* Walks all of it, before anything that has no bounds of its own (generated code) sees it.
 * -TC_ELIMIT: longer than TC_PB_MESSAGE_BYTES_MAX; -TC_EINVAL: malformed, or a required field is
 * missing; -TC_EUTF8: a string that is not UTF-8; -TC_EDEPTH: messages (entries of maps too) nested
 * deeper than TC_PB_DEPTH_MAX. Unknown fields have to be well-formed, and are not looked into. */
int tc_pb_check(const struct tc_pb_message *type, const void *bytes, size_t len) TC_MUST_CHECK;

#endif
