// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/confluent: the frame that serializers with a schema registry put before a value.
 *
 *   0x00 | schema id, 4 B big-endian | protobuf only: count, index... (zigzag varints) | payload
 *
 * The indexes lead to the message: the first among those at the top of the schema's file, each
 * further one among those nested in the one before. A count of 0 stands for the list [0]. Any
 * thread. */
#ifndef TC_PROTO_TRANSCODE_CONFLUENT_H
#define TC_PROTO_TRANSCODE_CONFLUENT_H

#include "core/base/err.h"

enum {
    TC_CONFLUENT_HEAD_BYTES = 5,
    TC_CONFLUENT_INDEXES_MAX = 32, /* messages in messages */
    TC_CONFLUENT_INDEX_MAX = 32767,
};

struct tc_confluent {
    uint32_t schema_id;
    uint32_t index_cnt; /* 0: not protobuf */
    uint16_t indexes[TC_CONFLUENT_INDEXES_MAX];
    size_t payload_off;
};

/* Reads the frame of a value; has_indexes: its payload is protobuf. -TC_EINVAL: no frame (another
 * first byte, cut short, a negative index); -TC_ELIMIT: more or larger indexes than above. */
int tc_confluent_read(struct tc_str value, bool has_indexes,
                      struct tc_confluent *out) TC_MUST_CHECK;

#endif
