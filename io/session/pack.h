// SPDX-License-Identifier: Apache-2.0
/* io/session/pack: header fields that wait, packed in a block. */
#ifndef TC_IO_SESSION_PACK_H
#define TC_IO_SESSION_PACK_H

#include "io/session/block.h"
#include "proto/http1/http1.h"

/* Adds one field. false: no memory, or name or value has more than 65535 bytes. */
bool tc_pack_add(struct tc_slab *slab, struct tc_block *block, const struct tc_http1_field *field);

/* The fields of block, at most max, as views into it. Returns how many. */
size_t tc_pack_fields(const struct tc_slab *slab, const struct tc_block *block,
                      struct tc_http1_field *fields, size_t max);

#endif
