// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/event.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5, EVENTS = 14, FIELDS = 10 };

/* ---- in ---- */

/* Where a field goes. An OPTIONAL number is TC_SCAN_NULL while it is absent, a PLAIN one 0. */
struct place {
    enum { IGNORED, TEXT, PLAIN, OPTIONAL } is;
    uint16_t offset;
};

#define AT(what, member) { what, offsetof(struct tc_scan, member) }

static const enum tc_scan_kind kinds[EVENTS] = {
    [1] = TC_SCAN_UPDATE,         [2] = TC_SCAN_CONFIRMED, [3] = TC_SCAN_RECOVERED,
    [4] = TC_SCAN_CANNOT_RECOVER, [5] = TC_SCAN_CONFLATED, [6] = TC_SCAN_GAP,
    [7] = TC_SCAN_MOVED,          [8] = TC_SCAN_STALE,     [9] = TC_SCAN_FRESH,
    [10] = TC_SCAN_UNSUBSCRIBED,  [11] = TC_SCAN_OTHER,    [12] = TC_SCAN_DRAINING,
    [13] = TC_SCAN_ERROR,
};

/* By number in Event, then by number in that message; the booleans of an update are apart. */
static const struct place places[EVENTS][FIELDS] = {
    [1] = { [1] = AT(TEXT, room),
            [2] = AT(PLAIN, pos),
            [3] = AT(OPTIONAL, prev),
            [4] = AT(OPTIONAL, ts),
            [8] = AT(TEXT, data),
            [9] = AT(TEXT, event) },
    [2] = { [2] = AT(TEXT, room), [3] = AT(TEXT, log), [4] = AT(OPTIONAL, pos) },
    [3] = { [2] = AT(TEXT, room),
            [3] = AT(PLAIN, from),
            [4] = AT(PLAIN, to),
            [5] = AT(PLAIN, count) },
    [4] = { [2] = AT(TEXT, room),
            [3] = AT(PLAIN, from),
            [4] = AT(OPTIONAL, to),
            [5] = AT(TEXT, reason) },
    [5] = { [1] = AT(TEXT, room),
            [2] = AT(OPTIONAL, from),
            [3] = AT(OPTIONAL, to),
            [4] = AT(PLAIN, skipped) },
    [6] = { [1] = AT(TEXT, room),
            [2] = AT(TEXT, log),
            [3] = AT(OPTIONAL, from),
            [4] = AT(OPTIONAL, to),
            [5] = AT(TEXT, reason) },
    [7] = { [1] = AT(TEXT, room), [2] = AT(TEXT, log) },
    [8] = { [1] = AT(TEXT, room) },
    [9] = { [1] = AT(TEXT, room) },
    [10] = { [2] = AT(TEXT, room) },
    [13] = { [2] = AT(TEXT, code), [3] = AT(TEXT, message), [4] = AT(TEXT, room) },
};
enum { UPDATE = 1, SNAPSHOT = 5, TOMBSTONE = 6 };

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool varint(struct cursor *c, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        uint8_t b = *c->at++;
        *value |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80)
            return true;
    }
    return false;
}

/* One field: its number and value, or its bytes. */
static bool field(struct cursor *c, uint64_t *number, uint64_t *value, struct tc_scan_text *bytes)
{
    uint64_t tag = 0;
    if (!varint(c, &tag))
        return false;
    *number = tag >> 3;
    *value = 0;
    *bytes = (struct tc_scan_text){ 0 };
    if ((tag & 7) == VARINT)
        return varint(c, value);
    uint64_t len = (tag & 7) == FIXED64 ? 8 : 4;
    if ((tag & 7) == BYTES && !varint(c, &len))
        return false;
    if (((tag & 7) != BYTES && (tag & 7) != FIXED64 && (tag & 7) != FIXED32) ||
        len > (uint64_t)(c->end - c->at))
        return false;
    *bytes = (struct tc_scan_text){ (const char *)c->at, len };
    c->at += len;
    return true;
}

static void *member(struct tc_scan *s, const struct place *p)
{
    return (char *)s + p->offset;
}

static bool scan_fields(struct tc_scan *s, uint64_t event, struct cursor c)
{
    uint64_t number = 0;
    uint64_t value = 0;
    struct tc_scan_text bytes;
    bool is_tombstone = false;
    for (int i = 1; i < FIELDS; i++)
        if (places[event][i].is == PLAIN || places[event][i].is == OPTIONAL)
            *(int64_t *)member(s, &places[event][i]) =
                places[event][i].is == PLAIN ? 0 : TC_SCAN_NULL;
    while (c.at < c.end) {
        if (!field(&c, &number, &value, &bytes))
            return false;
        if (event == UPDATE && number == SNAPSHOT)
            s->snapshot = value;
        if (event == UPDATE && number == TOMBSTONE)
            is_tombstone = value;
        if (number >= FIELDS)
            continue;
        const struct place *p = &places[event][number];
        if (p->is == TEXT)
            *(struct tc_scan_text *)member(s, p) = bytes;
        else if (p->is != IGNORED)
            *(int64_t *)member(s, p) = (int64_t)value;
    }
    if (is_tombstone)
        s->data = (struct tc_scan_text){ "null", 4 };
    return event != UPDATE || (s->room.at && s->event.at && s->data.at);
}

int tc_event_scan(const void *bytes, size_t len, struct tc_scan *s)
{
    struct cursor c = { bytes, (const uint8_t *)bytes + len };
    uint64_t number = 0;
    uint64_t value = 0;
    struct tc_scan_text inner;
    *s = (struct tc_scan){ .pos = TC_SCAN_NONE,
                           .prev = TC_SCAN_NONE,
                           .ts = TC_SCAN_NONE,
                           .from = TC_SCAN_NONE,
                           .to = TC_SCAN_NONE,
                           .skipped = TC_SCAN_NONE,
                           .count = TC_SCAN_NONE };
    if (!field(&c, &number, &value, &inner) || c.at != c.end || number < 1 || number >= EVENTS ||
        !inner.at)
        return -1;
    s->kind = kinds[number];
    struct cursor in = { (const uint8_t *)inner.at, (const uint8_t *)inner.at + inner.len };
    return scan_fields(s, number, in) ? 0 : -1;
}

/* ---- out ---- */

struct out {
    uint8_t *at;
    uint8_t *end; /* NULL after something did not fit */
};

static void put(struct out *o, const void *bytes, size_t len)
{
    if (!o->end || (size_t)(o->end - o->at) < len) {
        o->end = NULL;
        return;
    }
    memcpy(o->at, bytes, len);
    o->at += len;
}

static void put_varint(struct out *o, uint64_t value)
{
    uint8_t b[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        b[n++] = (uint8_t)(value | 0x80);
    b[n++] = (uint8_t)value;
    put(o, b, n);
}

static void put_number(struct out *o, unsigned number, uint64_t value)
{
    put_varint(o, number << 3 | VARINT);
    put_varint(o, value);
}

static void put_bytes(struct out *o, unsigned number, const void *bytes, size_t len)
{
    put_varint(o, number << 3 | BYTES);
    put_varint(o, len);
    put(o, bytes, len);
}

/* An entry of `from`: the room's name, and From. false: it did not fit. */
static bool put_from(struct out *o, const struct tc_event_wish *w)
{
    uint8_t from[512];
    uint8_t entry[1024];
    struct out f = { from, from + sizeof from };
    struct out e = { entry, entry + sizeof entry };
    put_bytes(&f, 1, w->log, strlen(w->log));
    put_number(&f, 2, (uint64_t)w->pos);
    if (w->ts_ms >= 0)
        put_number(&f, 3, (uint64_t)w->ts_ms);
    put_bytes(&e, 1, w->room, strlen(w->room));
    put_bytes(&e, 2, from, (size_t)(f.at - from));
    put_bytes(o, 4, entry, (size_t)(e.at - entry));
    return f.end && e.end;
}

size_t tc_event_subscribe(uint8_t *out, size_t cap, const struct tc_event_wish *wishes,
                          uint32_t cnt, bool snapshot, bool is_command)
{
    uint8_t request[TC_EVENT_ROOMS_MAX * 1024];
    struct out o = { request, request + sizeof request };
    bool fits = cnt <= TC_EVENT_ROOMS_MAX && cap >= TC_EVENT_PREFIX_BYTES;
    for (uint32_t i = 0; fits && i < cnt; i++)
        put_bytes(&o, 1, wishes[i].room, strlen(wishes[i].room));
    if (snapshot)
        put_number(&o, 2, 1);
    for (uint32_t i = 0; fits && i < cnt; i++)
        if (wishes[i].log)
            fits = put_from(&o, &wishes[i]);
    if (!fits || !o.end)
        return 0;
    struct out body = { out + TC_EVENT_PREFIX_BYTES, out + cap };
    if (is_command)
        put_bytes(&body, 1, request, (size_t)(o.at - request));
    else
        put(&body, request, (size_t)(o.at - request));
    size_t len = (size_t)(body.at - out) - TC_EVENT_PREFIX_BYTES;
    out[0] = 0;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(len >> (24 - 8 * i));
    return body.end ? TC_EVENT_PREFIX_BYTES + len : 0;
}
