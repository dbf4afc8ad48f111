// SPDX-License-Identifier: Apache-2.0
/* proto/pb/order: how the tables of names are sorted: by length, then by bytes, since most names
 * differ in length already. */
#ifndef TC_PROTO_PB_ORDER_H
#define TC_PROTO_PB_ORDER_H

#include "core/base/base.h"

/* < 0, 0, > 0 as a lies before, is, lies after b. */
static inline int tc_pb_order(struct tc_str a, struct tc_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len > 0 ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

#endif
