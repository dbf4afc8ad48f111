// SPDX-License-Identifier: Apache-2.0
/* core/room/template: how the name of a room is made, and whether a name can be one.
 *
 *   ticker-{key}     literal text and placeholders:
 *     {key}            the record's key
 *     {topic}          the name of its topic
 *     {partition}      its partition, a decimal number
 *     {header:NAME}    the value of its last header of that name
 *     {field:PATH}     a member of its JSON value; "data.s" is s inside data
 *     {n}              a number: the symbol's, of a generator
 *
 * A placeholder stands for one or more of the bytes that room names are made of. A compiled
 * template has a fixed size and refers to nothing outside itself: it may be copied. Making a name
 * from a record is proto/feed. Threads: read-only after compile. */
#ifndef TC_CORE_ROOM_TEMPLATE_H
#define TC_CORE_ROOM_TEMPLATE_H

#include "core/base/err.h"
#include "core/base/limits.h"

enum {
    TC_TEMPLATE_PARTS_MAX = 8,
    TC_TEMPLATE_TEXT_MAX = 512, /* bytes of a template; its literals together <= TC_ROOM_NAME_MAX */
};

enum tc_template_kind {
    TC_TEMPLATE_LITERAL,
    TC_TEMPLATE_KEY,
    TC_TEMPLATE_TOPIC,
    TC_TEMPLATE_PARTITION,
    TC_TEMPLATE_HEADER, /* text: its name */
    TC_TEMPLATE_FIELD,  /* text: its path */
    TC_TEMPLATE_NUMBER, /* {n} */
};

struct tc_template_part {
    uint8_t kind; /* enum tc_template_kind */
    uint16_t off; /* of its text */
    uint16_t len;
};

struct tc_template {
    struct tc_template_part parts[TC_TEMPLATE_PARTS_MAX];
    uint8_t part_cnt;
    bool has_field; /* a name can only be made from a value that was parsed */
    char text[TC_TEMPLATE_TEXT_MAX];
};

/* Fills *tpl. -TC_EINVAL with *err: illegal character, unknown or unclosed placeholder, a reserved
 * beginning; -TC_ELIMIT with *err: too long, too many parts. */
int tc_template_compile(struct tc_template *tpl, struct tc_str text,
                        struct tc_err *err) TC_MUST_CHECK;

/* The text of a part. */
static inline struct tc_str tc_template_text(const struct tc_template *tpl,
                                             const struct tc_template_part *part)
{
    return (struct tc_str){ tpl->text + part->off, part->len };
}

/* What every name of this template begins with; may be empty. */
struct tc_str tc_template_prefix(const struct tc_template *tpl);

/* Whether name is legal and fits the template of that topic. */
bool tc_template_matches(const struct tc_template *tpl, struct tc_str topic, struct tc_str name);

/* Whether both can make one same name. {topic} counts as any text: the caller that knows topics
 * writes their names into the templates first. */
bool tc_template_intersects(const struct tc_template *a, const struct tc_template *b);

/* ---- names ---- */

/* Whether byte may be in a room name: printable ASCII but space, ", \, * and comma. */
bool tc_room_name_has(unsigned char byte);

/* TC_OK; -TC_EINVAL: empty, longer than TC_ROOM_NAME_MAX, or with another byte. */
int tc_room_name_check(struct tc_str name) TC_MUST_CHECK;

/* Whether the name begins with orders-, portfolio- or notifications-: rooms of one user each, which
 * need authorization. */
bool tc_room_name_is_private(struct tc_str name);

#endif
