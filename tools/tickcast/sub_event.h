// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/sub_event: an Event of gRPC as the message of the JSON dialect that says the same.
 *
 * Names follow from the schema: of the member of the oneof with '-' for '_', of fields without the
 * unit of a time. A payload of a known message is its JSON; one without a type is what it is if
 * that is JSON; any other is base64. One thread. */
#ifndef TC_TOOLS_TICKCAST_SUB_EVENT_H
#define TC_TOOLS_TICKCAST_SUB_EVENT_H

#include "proto/transcode/transcode.h"

enum { TC_SUB_PAYLOAD_MAX = 8 << 20 }; /* bytes of a payload as JSON */

struct tc_sub_events {
    struct tc_mem mem;
    struct tc_pb_schema schema;
    const struct tc_pb_message *event;
    char *payload; /* room for one as JSON */
};

/* Loads the built-in schema. */
void tc_sub_events_init(struct tc_sub_events *events);
void tc_sub_events_fini(struct tc_sub_events *events);

/* The text, which the caller frees with tc_free. NULL: not an Event, or one that this program does
 * not know. */
char *tc_sub_event_json(struct tc_sub_events *events, struct tc_str bytes,
                        size_t *len_out) TC_MUST_CHECK;

#endif
