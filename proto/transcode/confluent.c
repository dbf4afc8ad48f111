// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/confluent.h"

#include "proto/pb/wire.h"

static int read_index(struct tc_pb_in *in, int64_t max, int64_t *out)
{
    uint64_t value;
    int rc = tc_pb_next_value(in, TC_PB_VARINT, &value);
    if (rc <= 0)
        return -TC_EINVAL;
    *out = tc_pb_unzigzag(value);
    if (*out < 0)
        return -TC_EINVAL;
    return *out > max ? -TC_ELIMIT : TC_OK;
}

int tc_confluent_read(struct tc_str value, bool has_indexes, struct tc_confluent *out)
{
    const uint8_t *at = (const uint8_t *)value.ptr;
    struct tc_pb_in in = tc_pb_in(value);
    int64_t cnt = 0;
    int64_t index = 0;
    if (value.len < TC_CONFLUENT_HEAD_BYTES || at[0] != 0)
        return -TC_EINVAL;
    out->schema_id =
        (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | (uint32_t)at[4];
    in.at += TC_CONFLUENT_HEAD_BYTES;
    int rc = has_indexes ? read_index(&in, TC_CONFLUENT_INDEXES_MAX, &cnt) : TC_OK;
    for (int64_t i = 0; i < cnt && rc == TC_OK; i++) {
        rc = read_index(&in, TC_CONFLUENT_INDEX_MAX, &index);
        out->indexes[i] = (uint16_t)index;
    }
    if (rc < 0)
        return rc;
    if (has_indexes && cnt == 0)
        out->indexes[cnt++] = 0;
    out->index_cnt = (uint32_t)cnt;
    out->payload_off = (size_t)(in.at - at);
    return TC_OK;
}
