// SPDX-License-Identifier: Apache-2.0
/* jts.marketdata.v1.Event as the line that the JSON dialect has for it. The reader is made from
 * event.proto and shares nothing with the code under test; it refuses what a strict one would. */
#ifndef TC_TESTS_UNIT_PROTO_GRPC_EVENT_JSON_H
#define TC_TESTS_UNIT_PROTO_GRPC_EVENT_JSON_H

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>

#include "core/base/base.h"

enum { EJ_FIELDS_MAX = 13 };

/* ---- the wire ---- */

struct ej_field {
    bool is_set;
    bool is_text;
    uint64_t value;
    struct tc_str text;
};

struct ej_msg {
    struct ej_field fields[EJ_FIELDS_MAX + 1]; /* by number */
};

static inline uint64_t ej_varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        cr_assert(*at < end && shift < 64, "cut short");
        byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    cr_assert(byte != 0 || shift == 7, "not the shortest form");
    return value;
}

/* Each field at most once. */
static inline struct ej_msg ej_read(struct tc_str bytes)
{
    struct ej_msg msg = { 0 };
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    const uint8_t *end = at + bytes.len;
    while (at < end) {
        uint64_t tag = ej_varint(&at, end);
        cr_assert(tag >> 3 >= 1 && tag >> 3 <= EJ_FIELDS_MAX && ((tag & 7) == 0 || (tag & 7) == 2));
        struct ej_field *f = &msg.fields[tag >> 3];
        cr_assert_not(f->is_set, "field %u twice", (unsigned)(tag >> 3));
        f->is_set = true;
        f->is_text = (tag & 7) == 2;
        f->value = ej_varint(&at, end);
        if (f->is_text) {
            cr_assert_leq(f->value, (uint64_t)(end - at));
            f->text = (struct tc_str){ (const char *)at, (size_t)f->value };
            at += f->value;
        }
    }
    return msg;
}

/* ---- as JSON ---- */

/* How a field is shown: 's' text, 'i' id, 'o' text if there is one, 'S' text or null, 'n' number,
 * '?' number or null, '0' null (no field), 'y' the symbol. 's', 'i', 'o', 'n', 'y' are not sent if
 * they are empty or 0. */
struct ej_member {
    uint8_t number;
    char kind;
    const char *name;
};

struct ej_event {
    const char *name;
    struct ej_member members[7];
};

static const struct ej_event ej_events[EJ_FIELDS_MAX + 1] = {
    [2] = { "subscription-confirmed",
            { { 1, 'i', "id" },
              { 2, 's', "room" },
              { 3, 'S', "log" },
              { 4, '?', "pos" },
              { 5, 'y', "data" } } },
    [3] = { "recovered",
            { { 1, 'i', "id" },
              { 2, 's', "room" },
              { 3, 'n', "from" },
              { 4, 'n', "to" },
              { 5, 'n', "count" } } },
    [4] = { "cannot-recover",
            { { 1, 'i', "id" },
              { 2, 's', "room" },
              { 3, 'n', "from" },
              { 4, '?', "to" },
              { 5, 's', "reason" } } },
    [5] = { "conflated",
            { { 1, 's', "room" }, { 2, '?', "from" }, { 3, '?', "to" }, { 4, 'n', "skipped" } } },
    [6] = { "gap",
            { { 1, 's', "room" },
              { 2, 's', "log" },
              { 3, '?', "from" },
              { 4, '?', "to" },
              { 5, 's', "reason" } } },
    [7] = { "moved", { { 1, 's', "room" }, { 2, 's', "log" }, { 13, '0', "pos" } } },
    [8] = { "stale", { { 1, 's', "room" }, { 2, 'n', "since" } } },
    [9] = { "fresh", { { 1, 's', "room" } } },
    [10] = { "unsubscribed", { { 1, 'i', "id" }, { 2, 's', "room" } } },
    [11] = { "pong", { { 1, 'i', "id" }, { 2, 'n', "ts" } } },
    [12] = { "draining", { { 1, 'n', "reconnect_ms" } } },
    [13] = { "error",
             { { 1, 'i', "id" }, { 2, 's', "code" }, { 3, 's', "message" }, { 4, 'o', "room" } } },
};

static inline int ej_text(char *to, size_t cap, const char *name, struct tc_str text)
{
    return snprintf(to, cap, ",\"%s\":\"%.*s\"", name, (int)text.len, text.ptr);
}

static inline int ej_number(char *to, size_t cap, const char *name, const struct ej_field *f,
                            bool is_null)
{
    if (is_null)
        return snprintf(to, cap, ",\"%s\":null", name);
    return snprintf(to, cap, ",\"%s\":%" PRIu64, name, f->value);
}

static inline int ej_member(char *to, size_t cap, const struct ej_member *m,
                            const struct ej_field *f)
{
    bool is_number = m->kind == 'n' || m->kind == '?';
    cr_assert(!f->is_set || f->is_text != is_number, "wire type of %s", m->name);
    if (f->is_set && m->kind != 'S' && m->kind != '?')
        cr_assert_neq(f->value, 0, "%s is sent though it is empty", m->name);
    switch (m->kind) {
    case 's':
        return ej_text(to, cap, m->name, f->is_set ? f->text : TC_STR(""));
    case 'i':
    case 'o':
        return f->is_set ? ej_text(to, cap, m->name, f->text) : 0;
    case 'S':
        return f->is_set ? ej_text(to, cap, m->name, f->text)
                         : ej_number(to, cap, m->name, f, true);
    case 'n':
        return ej_number(to, cap, m->name, f, false);
    case 'y':
        return f->is_set ? snprintf(to, cap, ",\"data\":{\"symbol\":\"%.*s\"}", (int)f->text.len,
                                    f->text.ptr)
                         : 0;
    default:
        return ej_number(to, cap, m->name, f, !f->is_set || m->kind == '0');
    }
}

/* An Update; *type gets the name of its payload's message. */
static inline void ej_update(char *to, size_t cap, struct tc_str bytes, struct tc_str *type)
{
    static const char kinds[] = { 0, 's', 'n', '?', '?', 'n', 'n', 's', 's', 's' };
    static const struct ej_member pos = { 2, 'n', "pos" };
    static const struct ej_member prev = { 3, '?', "prev" };
    static const struct ej_member ts = { 4, '?', "ts" };
    struct ej_msg msg = ej_read(bytes);
    const struct ej_field *f = msg.fields;
    for (uint32_t i = 1; i <= EJ_FIELDS_MAX; i++) {
        if (!f[i].is_set)
            continue;
        cr_assert_lt(i, sizeof(kinds));
        cr_assert_eq(f[i].is_text, kinds[i] == 's');
        cr_assert(f[i].value != 0 || kinds[i] == '?', "field %u is sent though it is empty", i);
    }
    cr_assert(f[5].value <= 1 && f[6].value <= 1);
    cr_assert(!f[6].value || !f[8].is_set);
    int len = snprintf(to, cap, "{\"event\":\"%.*s\"", (int)f[9].text.len, f[9].text.ptr);
    len += ej_text(to + len, cap - (size_t)len, "room", f[1].text);
    len += ej_member(to + len, cap - (size_t)len, &pos, &f[2]);
    len += ej_member(to + len, cap - (size_t)len, &prev, &f[3]);
    len += ej_member(to + len, cap - (size_t)len, &ts, &f[4]);
    struct tc_str data = f[6].value ? TC_STR("null") : f[8].text;
    len += snprintf(to + len, cap - (size_t)len, "%s,\"data\":%.*s}",
                    f[5].value ? ",\"snapshot\":true" : "", (int)data.len, data.ptr);
    cr_assert_lt((size_t)len, cap);
    *type = f[7].text;
}

/* An Event. */
static inline void ej_event(char *to, size_t cap, struct tc_str bytes)
{
    struct ej_msg outer = ej_read(bytes);
    uint32_t number = 0;
    for (uint32_t i = 1; i <= EJ_FIELDS_MAX; i++) {
        if (!outer.fields[i].is_set)
            continue;
        cr_assert(number == 0 && outer.fields[i].is_text, "one event, a message");
        number = i;
    }
    cr_assert_neq(number, 0);
    if (number == 1) {
        struct tc_str type;
        ej_update(to, cap, outer.fields[1].text, &type);
        return;
    }
    const struct ej_event *e = &ej_events[number];
    struct ej_msg msg = ej_read(outer.fields[number].text);
    int len = snprintf(to, cap, "{\"event\":\"%s\"", e->name);
    for (uint32_t i = 0; i < TC_ARRAY_CNT(e->members) && e->members[i].name; i++) {
        struct ej_field *f = &msg.fields[e->members[i].number];
        len += ej_member(to + len, cap - (size_t)len, &e->members[i], f);
        f->is_set = false;
    }
    for (uint32_t i = 1; i <= EJ_FIELDS_MAX; i++)
        cr_assert_not(msg.fields[i].is_set, "%s has field %u", e->name, i);
    len += snprintf(to + len, cap - (size_t)len, "}");
    cr_assert_lt((size_t)len, cap);
}

#endif
