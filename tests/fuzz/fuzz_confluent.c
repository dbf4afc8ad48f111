// SPDX-License-Identifier: Apache-2.0
/* Bytes of a value with the frame of a schema registry; the first byte tells whether the payload is
 * protobuf. What is read lies inside of the value, keeps its bounds, and no prefix of the frame is
 * a frame. */
#include <stdlib.h>

#include "proto/transcode/confluent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tc_confluent c, again;
    if (size < 2)
        return 0;
    char *value = malloc(size - 1); /* its end is watched */
    TC_ASSERT(value);
    memcpy(value, data + 1, size - 1);
    bool has_indexes = data[0] & 1;
    int rc = tc_confluent_read((struct tc_str){ value, size - 1 }, has_indexes, &c);
    if (rc == TC_OK) {
        TC_ASSERT(c.payload_off >= TC_CONFLUENT_HEAD_BYTES && c.payload_off <= size - 1);
        TC_ASSERT((c.index_cnt > 0) == has_indexes && c.index_cnt <= TC_CONFLUENT_INDEXES_MAX);
        for (uint32_t i = 0; i < c.index_cnt; i++)
            TC_ASSERT(c.indexes[i] <= TC_CONFLUENT_INDEX_MAX);
        for (size_t len = 0; len < c.payload_off; len++)
            TC_ASSERT(tc_confluent_read((struct tc_str){ value, len }, has_indexes, &again) ==
                      -TC_EINVAL);
    } else {
        TC_ASSERT(rc == -TC_EINVAL || rc == -TC_ELIMIT);
    }
    free(value);
    return 0;
}
