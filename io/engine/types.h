// SPDX-License-Identifier: Apache-2.0
/* io/engine/types: the protobuf types of an engine: those built into the program and those of the
 * setting schemas, and which of them topics declare.
 *
 * Loaded once at start, before the rules are used; read-only afterwards, any thread. */
#ifndef TC_IO_ENGINE_TYPES_H
#define TC_IO_ENGINE_TYPES_H

#include "core/conf/conf.h"
#include "core/room/rule.h"
#include "proto/pb/schema.h"

enum { TC_TYPES_FILE_MAX = 16 << 20 }; /* bytes of one file */

struct tc_types {
    struct tc_mem *mem; /* of its own */
    char *files[TC_CONF_SCHEMAS_MAX];
    struct tc_pb_schema schema;
};

/* Reads the files, and fills in the messages of rules, which refer to *types from then on.
 * -TC_EINVAL with *err (line and column of the topic): a file is no descriptor set, or has no such
 * message. On error nothing is held. */
int tc_types_load(struct tc_types *types, const struct tc_conf *conf, struct tc_rules *rules,
                  struct tc_err *err) TC_MUST_CHECK;
void tc_types_free(struct tc_types *types);

/* For struct tc_fan_conf; ctx is the struct tc_types. */
int64_t tc_types_convert(void *ctx, const struct tc_rule *rule, enum tc_form to,
                         struct tc_str payload, uint8_t *out, uint32_t cap);

enum tc_types_verdict {
    TC_TYPES_FINE,
    TC_TYPES_BAD_FRAME,
    TC_TYPES_BAD_MESSAGE,
    TC_TYPES_TOO_LARGE
};

/* Whether a value of a topic with a type is one, in both forms. *payload: what goes on the bus;
 * *json: the value as JSON, *json may be in scratch, which has cap bytes. */
enum tc_types_verdict tc_types_judge(const struct tc_types *types, const struct tc_rule *rule,
                                     struct tc_str value, uint8_t *scratch, uint32_t cap,
                                     struct tc_str *payload, struct tc_str *json);

#endif
