// SPDX-License-Identifier: Apache-2.0
/* proto/feed/record: one record as a source hands it over, before mapping.
 *
 * Every view is valid only during the call that passes the record. */
#ifndef TC_PROTO_FEED_RECORD_H
#define TC_PROTO_FEED_RECORD_H

#include "core/base/base.h"

struct tc_record {
    uint32_t rule; /* index of its rule within its source (struct tc_conf_source.rules) */
    uint32_t log;  /* as given by the sink's log_open */
    uint32_t partition;
    int64_t pos;   /* offset */
    int64_t ts_ms; /* record timestamp, ms since the epoch; -1: none */
    struct tc_str topic;
    struct tc_str key;   /* ptr NULL: no key */
    struct tc_str value; /* ptr NULL: tombstone */

    /* Value of the last header of that name: true and *out filled, or false. ctx is header_ctx.
     * NULL: the source has no headers. */
    bool (*header)(void *header_ctx, struct tc_str name, struct tc_str *out);
    void *header_ctx;
};

#endif
