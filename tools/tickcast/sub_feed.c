// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/sub_feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <yyjson.h>

#include "core/mem/mem.h"

#define DIM "\033[2m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define PLAIN "\033[0m"

static bool is_legal(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > TC_ROOM_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] >= 0x7f || strchr("\"\\*,", name[i]))
            return false;
    }
    return true;
}

static struct tc_sub_room *room_of(struct tc_sub *sub, const char *name)
{
    for (uint32_t i = 0; name && i < sub->room_cnt; i++) {
        if (strcmp(sub->rooms[i].name, name) == 0)
            return &sub->rooms[i];
    }
    return NULL;
}

int tc_sub_init(struct tc_sub *sub, char *const *names, uint32_t name_cnt, struct tc_err *err)
{
    memset(sub, 0, sizeof(*sub));
    sub->out = stdout;
    sub->note = stderr;
    sub->has_snapshot = true;
    sub->reconnect_ms = -1;
    if (name_cnt > TC_SUB_ROOMS_MAX)
        return tc_err_set(err, -TC_ELIMIT, "%u rooms; one connection takes at most %d", name_cnt,
                          TC_SUB_ROOMS_MAX);
    sub->rooms = tc_alloc(TC_MAX(name_cnt, 1u) * sizeof(*sub->rooms));
    for (uint32_t i = 0; i < name_cnt; i++) {
        if (!is_legal(names[i])) {
            tc_sub_fini(sub);
            return tc_err_set(
                err, -TC_EINVAL,
                "\"%.140s\" is no room name: 1 to %d bytes of printable ASCII without "
                "blanks and \" \\ * ,",
                names[i], TC_ROOM_NAME_MAX);
        }
        if (room_of(sub, names[i]))
            continue;
        struct tc_sub_room *room = &sub->rooms[sub->room_cnt++];
        snprintf(room->name, sizeof(room->name), "%s", names[i]);
        tc_chain_init(&room->chain);
    }
    return TC_OK;
}

void tc_sub_fini(struct tc_sub *sub)
{
    tc_free(sub->rooms);
    sub->rooms = NULL;
    sub->room_cnt = 0;
}

/* ---- messages ---- */

struct message {
    yyjson_val *root;
    const char *event;
    struct tc_sub_room *room;
    const char *text; /* as received */
    size_t len;
};

/* Numbers are kept as their text (payloads are shown untouched); these here are whole. */
static int64_t int_of(const struct message *m, const char *name, int64_t none)
{
    const char *raw = yyjson_get_raw(yyjson_obj_get(m->root, name));
    char *end = NULL;
    if (!raw)
        return none;
    errno = 0;
    long long n = strtoll(raw, &end, 10);
    return *end == '\0' && errno == 0 ? n : none;
}

static struct tc_str str_of(const struct message *m, const char *name)
{
    yyjson_val *val = yyjson_obj_get(m->root, name);
    return (struct tc_str){ yyjson_get_str(val), yyjson_get_len(val) };
}

TC_PRINTF(3, 4)
static void note(struct tc_sub *sub, const char *colour, const char *fmt, ...)
{
    va_list args;
    if (sub->is_json)
        return; /* the message itself is the line */
    va_start(args, fmt);
    if (sub->is_colour)
        fputs(colour, sub->note);
    vfprintf(sub->note, fmt, args);
    fputs(sub->is_colour ? PLAIN "\n" : "\n", sub->note);
    va_end(args);
}

enum { POS_TEXT_BYTES = 24 };

/* A position; the wire's null as what it means there. */
static const char *pos_text(char to[static POS_TEXT_BYTES], int64_t pos, const char *none)
{
    if (pos < 0)
        return none;
    snprintf(to, POS_TEXT_BYTES, "%" PRId64, pos);
    return to;
}

static void broken(struct tc_sub *sub, const struct message *m, const char *what, int64_t last)
{
    if (sub->is_json)
        fprintf(sub->out,
                "{\"event\":\"violation\",\"kind\":\"%s\",\"room\":\"%s\",\"last\":%" PRId64 "}\n",
                what, m->room->name, last);
    note(sub, RED, "VIOLATION %s %s: last %" PRId64 ", got %.*s", what, m->room->name, last,
         (int)TC_MIN(m->len, (size_t)200), m->text);
}

static void print_update(struct tc_sub *sub, const struct message *m, int64_t pos, int64_t ts_ms,
                         bool is_snapshot)
{
    char when[32] = "--:--:--";
    if (sub->is_quiet || sub->is_json)
        return;
    time_t seconds = (time_t)(ts_ms / 1000);
    struct tm tm;
    if (ts_ms >= 0 && localtime_r(&seconds, &tm))
        strftime(when, sizeof(when), "%H:%M:%S", &tm);
    char *data = yyjson_val_write(yyjson_obj_get(m->root, "data"), 0, NULL);
    const char *dim = sub->is_colour ? DIM : "";
    const char *cyan = sub->is_colour ? CYAN : "";
    const char *plain = sub->is_colour ? PLAIN : "";
    fprintf(sub->out, "%s%s.%03d%s %s%s%s %s%" PRId64 "%s%s %s\n", dim, when,
            ts_ms >= 0 ? (int)(ts_ms % 1000) : 0, plain, cyan, m->room->name, plain, dim, pos,
            is_snapshot ? " snapshot" : "", plain, data ? data : "null");
    tc_free(data);
}

static bool on_update(struct tc_sub *sub, const struct message *m)
{
    struct tc_sub_stats *stats = &sub->stats;
    int64_t pos = int_of(m, "pos", TC_CHAIN_UNKNOWN);
    int64_t prev = int_of(m, "prev", TC_CHAIN_NONE);
    int64_t ts_ms = int_of(m, "ts", -1);
    int64_t last = m->room->chain.last;
    bool is_snapshot = yyjson_get_bool(yyjson_obj_get(m->root, "snapshot"));
    if (pos < 0) {
        stats->junk_cnt++;
        return true;
    }
    stats->update_cnt++;
    stats->snapshot_cnt += is_snapshot;
    switch (tc_chain_update(&m->room->chain, pos, prev, ts_ms, is_snapshot)) {
    case TC_CHAIN_PROVED:
        stats->proved_cnt++;
        break;
    case TC_CHAIN_BEGUN:
        break;
    case TC_CHAIN_AGAIN:
        stats->again_cnt++;
        broken(sub, m, "repeated", last);
        break;
    case TC_CHAIN_HOLE:
        stats->hole_cnt++;
        broken(sub, m, "hole", last);
        break;
    }
    print_update(sub, m, pos, ts_ms, is_snapshot);
    return sub->count_max == 0 || stats->update_cnt < sub->count_max;
}

static void on_conflated(struct tc_sub *sub, const struct message *m)
{
    int64_t last = m->room->chain.last;
    int64_t from = int_of(m, "from", TC_CHAIN_NONE);
    int64_t to = int_of(m, "to", TC_CHAIN_NONE);
    int64_t skipped = int_of(m, "skipped", 0);
    char texts[2][POS_TEXT_BYTES];
    sub->stats.conflated_cnt += (uint64_t)TC_MAX(skipped, 0);
    note(sub, YELLOW, "conflated %s (%s, %s]: %" PRId64 " skipped", m->room->name,
         pos_text(texts[0], from, "start"), pos_text(texts[1], to, "unknown"), skipped);
    if (tc_chain_conflated(&m->room->chain, from, to) == TC_CHAIN_HOLE) {
        sub->stats.hole_cnt++;
        broken(sub, m, "hole", last);
    }
}

static void on_error(struct tc_sub *sub, const struct message *m)
{
    struct tc_str code = str_of(m, "code");
    struct tc_str text = str_of(m, "message");
    sub->stats.error_cnt++;
    note(sub, RED, "error %.*s %s: %.*s", (int)code.len, code.ptr ? code.ptr : "",
         m->room ? m->room->name : "", (int)text.len, text.ptr ? text.ptr : "");
    if (m->room && !m->room->is_refused) {
        m->room->is_refused = true;
        sub->refused_cnt++;
    }
    sub->command_refused_cnt += !m->room;
}

static void on_confirmed(struct tc_sub *sub, const struct message *m)
{
    tc_chain_confirm(&m->room->chain, str_of(m, "log"), int_of(m, "pos", TC_CHAIN_NONE));
    sub->refused_cnt -= m->room->is_refused; /* before the connection was made anew */
    m->room->is_refused = false;
}

/* Events without a room. True: it was one. */
static bool on_common(struct tc_sub *sub, const struct message *m)
{
    if (strcmp(m->event, "error") == 0) {
        on_error(sub, m);
    } else if (strcmp(m->event, "draining") == 0) {
        sub->reconnect_ms = int_of(m, "reconnect_ms", 0);
        note(sub, YELLOW, "draining: back in %" PRId64 " ms", sub->reconnect_ms);
    } else {
        return strcmp(m->event, "pong") == 0;
    }
    return true;
}

/* Notices of a room. True: it was one. */
static bool on_notice(struct tc_sub *sub, const struct message *m)
{
    struct tc_chain *chain = &m->room->chain;
    struct tc_str log = str_of(m, "log");
    struct tc_str reason = str_of(m, "reason");
    const char *why = reason.ptr ? reason.ptr : "";
    int64_t from = int_of(m, "from", TC_CHAIN_NONE);
    int64_t to = int_of(m, "to", TC_CHAIN_NONE);
    char texts[2][POS_TEXT_BYTES];
    const char *begin = pos_text(texts[0], from, "unknown");
    const char *end = pos_text(texts[1], to, "unknown");
    if (strcmp(m->event, "subscription-confirmed") == 0) {
        on_confirmed(sub, m);
    } else if (strcmp(m->event, "conflated") == 0) {
        on_conflated(sub, m);
    } else if (strcmp(m->event, "gap") == 0) {
        sub->stats.gap_cnt++;
        tc_chain_gap(chain, to);
        note(sub, YELLOW, "gap %s (%s, %s] %s", m->room->name, begin, end, why);
    } else if (strcmp(m->event, "recovered") == 0) {
        sub->stats.recovered_cnt++;
        note(sub, CYAN, "recovered %s (%s, %s]: %" PRId64 " updates", m->room->name, begin, end,
             int_of(m, "count", 0));
    } else if (strcmp(m->event, "cannot-recover") == 0) {
        sub->stats.cannot_recover_cnt++;
        tc_chain_cannot_recover(chain);
        note(sub, YELLOW, "cannot-recover %s (%s, %s] %s", m->room->name, begin, end, why);
    } else if (strcmp(m->event, "moved") == 0) {
        tc_chain_moved(chain, log, int_of(m, "pos", TC_CHAIN_NONE));
        note(sub, YELLOW, "moved %s to %.*s", m->room->name, (int)log.len, log.ptr ? log.ptr : "");
    } else if (strcmp(m->event, "stale") == 0 || strcmp(m->event, "fresh") == 0) {
        note(sub, YELLOW, "%s %s", m->event, m->room->name);
    } else {
        return strcmp(m->event, "unsubscribed") == 0;
    }
    return true;
}

bool tc_sub_on_message(struct tc_sub *sub, const char *text, size_t len)
{
    bool go_on = true;
    yyjson_doc *doc = yyjson_read(text, len, YYJSON_READ_NUMBER_AS_RAW);
    struct message m = { .root = yyjson_doc_get_root(doc), .text = text, .len = len };
    m.event = yyjson_get_str(yyjson_obj_get(m.root, "event"));
    m.room = room_of(sub, yyjson_get_str(yyjson_obj_get(m.root, "room")));
    bool is_update = m.event && m.room && yyjson_obj_get(m.root, "prev");
    if (sub->is_json && m.event && strcmp(m.event, "pong") != 0 && !(is_update && sub->is_quiet))
        fprintf(sub->out, "%.*s\n", (int)len, text);
    if (!m.event) {
        sub->stats.junk_cnt++;
        note(sub, RED, "not a message of the protocol: %.*s", (int)TC_MIN(len, (size_t)200), text);
    } else if (!on_common(sub, &m) && (!m.room || !on_notice(sub, &m))) {
        if (m.room)
            go_on = on_update(sub, &m);
        else
            sub->stats.junk_cnt++;
    }
    yyjson_doc_free(doc);
    return go_on;
}

void tc_sub_summary(const struct tc_sub *sub)
{
    const struct tc_sub_stats *s = &sub->stats;
    if (sub->is_json) {
        fprintf(sub->out,
                "{\"event\":\"summary\",\"updates\":%" PRIu64 ",\"snapshots\":%" PRIu64
                ",\"proved\":%" PRIu64 ",\"holes\":%" PRIu64 ",\"repeated\":%" PRIu64
                ",\"gaps\":%" PRIu64 ",\"conflated\":%" PRIu64 ",\"recovered\":%" PRIu64
                ",\"cannot_recover\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"junk\":%" PRIu64
                ",\"reconnects\":%" PRIu64 "}\n",
                s->update_cnt, s->snapshot_cnt, s->proved_cnt, s->hole_cnt, s->again_cnt,
                s->gap_cnt, s->conflated_cnt, s->recovered_cnt, s->cannot_recover_cnt, s->error_cnt,
                s->junk_cnt, s->reconnect_cnt);
        return;
    }
    fprintf(
        sub->note,
        "%" PRIu64 " updates (%" PRIu64 " snapshots), %" PRIu64 " proved to follow on each other; "
        "missing %" PRIu64 ", repeated %" PRIu64 "\n"
        "declared by the server: gaps %" PRIu64 ", conflated %" PRIu64 ", recovered %" PRIu64
        ", cannot-recover %" PRIu64 ", errors %" PRIu64 "; reconnects %" PRIu64 "\n",
        s->update_cnt, s->snapshot_cnt, s->proved_cnt, s->hole_cnt, s->again_cnt, s->gap_cnt,
        s->conflated_cnt, s->recovered_cnt, s->cannot_recover_cnt, s->error_cnt, s->reconnect_cnt);
    if (sub->room_cnt == 1 && sub->rooms[0].chain.last >= 0 && sub->rooms[0].chain.log[0])
        fprintf(sub->note, "to go on from here: --from %s:%" PRId64 "\n", sub->rooms[0].chain.log,
                sub->rooms[0].chain.last);
}

bool tc_sub_tell_refused(const struct tc_sub *sub)
{
    enum { NAMES_MAX = 8 };
    uint32_t shown_cnt = 0;
    if (sub->refused_cnt > 0) {
        fprintf(sub->note, "tickcast sub: the engine refused %u of %u rooms:", sub->refused_cnt,
                sub->room_cnt);
        for (uint32_t i = 0; i < sub->room_cnt && shown_cnt < NAMES_MAX; i++) {
            if (sub->rooms[i].is_refused && ++shown_cnt)
                fprintf(sub->note, " %s", sub->rooms[i].name);
        }
        fputs(shown_cnt < sub->refused_cnt ? " ...\n" : "\n", sub->note);
    }
    if (sub->command_refused_cnt > 0)
        fprintf(sub->note, "tickcast sub: the engine refused a command, see its error\n");
    return sub->refused_cnt + sub->command_refused_cnt > 0;
}
