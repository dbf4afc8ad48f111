// SPDX-License-Identifier: Apache-2.0
/* core/room/rule: the compiled rules of an engine: which names can exist, and what they carry.
 *
 * Built once at start from the configuration, read-only afterwards, shared by all agents. */
#ifndef TC_CORE_ROOM_RULE_H
#define TC_CORE_ROOM_RULE_H

#include "core/room/template.h"

/* What payloads are, and what a dialect wants them to be. */
enum tc_form { TC_FORM_JSON, TC_FORM_PROTOBUF };

struct tc_pb_message; /* of proto/pb: only its address is of interest here */

struct tc_rule {
    struct tc_template room;
    struct tc_str topic; /* texts belong to the configuration */
    struct tc_str event; /* "ticker-update" */
    uint16_t source;     /* index of its source */
    uint16_t idx;        /* within its source */
    enum tc_form form;
    struct tc_str type; /* full name of the payloads' message; empty: none is declared */
    const struct tc_pb_message *message; /* the same; NULL */
    bool is_framed;                      /* a registry's frame stands before each value */
    bool is_unknown_ignored;
};

struct tc_rules {
    struct tc_rule rules[TC_RULES_MAX];
    uint32_t cnt;
    uint32_t first[TC_SOURCES_MAX]; /* of each source */
};

static inline const struct tc_rule *tc_rule_of(const struct tc_rules *rules, uint32_t source,
                                               uint32_t idx)
{
    return &rules->rules[rules->first[source] + idx];
}

#endif
