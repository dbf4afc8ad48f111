// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/scan.h"

#include <string.h>

struct cursor {
    const char *at;
    const char *end;
};

static void blank(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    blank(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A string; escapes are stepped over and left as they are. */
static bool string(struct cursor *c, struct tc_scan_text *out)
{
    if (!take(c, '"'))
        return false;
    out->at = c->at;
    while (c->at < c->end && *c->at != '"')
        c->at += *c->at == '\\' ? 2 : 1;
    if (c->at >= c->end)
        return false;
    out->len = (size_t)(c->at - out->at);
    c->at++;
    return true;
}

/* Any value; *out is all of its bytes. */
static bool value(struct cursor *c, struct tc_scan_text *out)
{
    struct tc_scan_text inner;
    blank(c);
    out->at = c->at;
    int depth = 0;
    while (c->at < c->end) {
        char b = *c->at;
        if (b == '"') {
            if (!string(c, &inner))
                return false;
            if (!depth)
                break;
            continue;
        }
        if (!depth && (b == ',' || b == '}' || b == ']'))
            break;
        if (b == '{' || b == '[')
            depth++;
        if (b == '}' || b == ']')
            depth--;
        c->at++;
        if (!depth && (b == '}' || b == ']'))
            break;
    }
    out->len = (size_t)(c->at - out->at);
    return out->len > 0 && depth == 0;
}

static bool is(struct tc_scan_text t, const char *name)
{
    return t.len == strlen(name) && !memcmp(t.at, name, t.len);
}

static int64_t number(struct tc_scan_text t)
{
    if (is(t, "null"))
        return TC_SCAN_NULL;
    int64_t n = 0;
    bool minus = t.len && *t.at == '-';
    for (size_t i = minus; i < t.len && t.at[i] >= '0' && t.at[i] <= '9' && i < 19; i++)
        n = n * 10 + (t.at[i] - '0');
    return minus ? -n : n;
}

static enum tc_scan_kind kind_of(struct tc_scan_text event)
{
    static const char *const names[TC_SCAN_KIND_CNT] = {
        [TC_SCAN_CONFIRMED] = "subscription-confirmed",
        [TC_SCAN_UNSUBSCRIBED] = "unsubscribed",
        [TC_SCAN_RECOVERED] = "recovered",
        [TC_SCAN_CANNOT_RECOVER] = "cannot-recover",
        [TC_SCAN_CONFLATED] = "conflated",
        [TC_SCAN_GAP] = "gap",
        [TC_SCAN_MOVED] = "moved",
        [TC_SCAN_STALE] = "stale",
        [TC_SCAN_FRESH] = "fresh",
        [TC_SCAN_DRAINING] = "draining",
        [TC_SCAN_ERROR] = "error",
    };
    if (event.len > 7 && !memcmp(event.at + event.len - 7, "-update", 7))
        return TC_SCAN_UPDATE;
    for (int i = 0; i < TC_SCAN_KIND_CNT; i++)
        if (names[i] && is(event, names[i]))
            return (enum tc_scan_kind)i;
    return TC_SCAN_OTHER;
}

static struct tc_scan_text unquoted(struct tc_scan_text t)
{
    if (t.len >= 2 && *t.at == '"')
        return (struct tc_scan_text){ t.at + 1, t.len - 2 };
    return (struct tc_scan_text){ NULL, 0 };
}

static void keep(struct tc_scan *s, struct tc_scan_text key, struct tc_scan_text v)
{
    const struct {
        const char *name;
        struct tc_scan_text *text;
        int64_t *number;
    } fields[] = {
        { "room", &s->room, NULL },   { "pos", NULL, &s->pos },
        { "prev", NULL, &s->prev },   { "ts", NULL, &s->ts },
        { "log", &s->log, NULL },     { "from", NULL, &s->from },
        { "to", NULL, &s->to },       { "skipped", NULL, &s->skipped },
        { "count", NULL, &s->count }, { "reason", &s->reason, NULL },
        { "code", &s->code, NULL },   { "message", &s->message, NULL },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!is(key, fields[i].name))
            continue;
        if (fields[i].text)
            *fields[i].text = unquoted(v);
        else
            *fields[i].number = number(v);
        return;
    }
    if (is(key, "event")) {
        s->event = unquoted(v);
        s->kind = kind_of(s->event);
    } else if (is(key, "snapshot")) {
        s->snapshot = is(v, "true");
    } else if (is(key, "data")) {
        s->data = v;
    }
}

int tc_scan_message(const char *json, size_t len, struct tc_scan *s)
{
    *s = (struct tc_scan){ .pos = TC_SCAN_NONE,
                           .prev = TC_SCAN_NONE,
                           .ts = TC_SCAN_NONE,
                           .from = TC_SCAN_NONE,
                           .to = TC_SCAN_NONE,
                           .skipped = TC_SCAN_NONE,
                           .count = TC_SCAN_NONE };
    struct cursor c = { json, json + len };
    if (!take(&c, '{'))
        return -1;
    do {
        struct tc_scan_text key;
        struct tc_scan_text v;
        if (!string(&c, &key) || !take(&c, ':'))
            return -1;
        if (s->kind == TC_SCAN_UPDATE && s->pos != TC_SCAN_NONE && is(key, "data")) {
            /* The payload is the rest: up to the brace that closes the envelope. */
            if (json[len - 1] != '}' || c.at >= json + len - 1)
                return -1;
            s->data = (struct tc_scan_text){ c.at, (size_t)(json + len - 1 - c.at) };
            return s->prev == TC_SCAN_NONE || !s->room.at ? -1 : 0;
        }
        if (!value(&c, &v))
            return -1;
        keep(s, key, v);
    } while (take(&c, ','));
    return take(&c, '}') && s->event.at && s->kind != TC_SCAN_UPDATE ? 0 : -1;
}

int64_t tc_scan_number(struct tc_scan_text text, const char *key)
{
    struct cursor c = { text.at, text.at + text.len };
    if (!text.at || !take(&c, '{'))
        return TC_SCAN_NONE;
    do {
        struct tc_scan_text name;
        struct tc_scan_text v;
        if (!string(&c, &name) || !take(&c, ':') || !value(&c, &v))
            return TC_SCAN_NONE;
        if (is(name, key))
            return number(v);
    } while (take(&c, ','));
    return TC_SCAN_NONE;
}
