// SPDX-License-Identifier: Apache-2.0
#include "core/conf/print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/conf/schema.h"

enum { WIDTH = 96, LINE_BYTES = 4096, PATH_BYTES = 256 };

struct out {
    tc_conf_write_fn write;
    void *ctx;
};

static void TC_PRINTF(2, 3) put(const struct out *out, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    TC_ASSERT(len >= 0 && (size_t)len < sizeof(line));
    out->write(out->ctx, (struct tc_str){ line, (size_t)len });
}

/* text as comment lines. */
static void put_comment(const struct out *out, int indent, const char *text)
{
    while (*text) {
        size_t room = (size_t)(WIDTH - indent - 2);
        size_t len = strlen(text);
        if (len > room) {
            len = room;
            while (len > 0 && text[len] != ' ')
                len--;
        }
        TC_ASSERT(len > 0);
        put(out, "%*s# %.*s\n", indent, "", (int)len, text);
        text += len;
        text += *text == ' ';
    }
}

/* A text that is not a bare word needs quotes; numbers and words of the schema do not. */
static bool needs_quotes(const struct tc_key *key, const char *text)
{
    bool is_text =
        key->type == TC_KEY_TEXT || key->type == TC_KEY_TEMPLATE || key->type == TC_KEY_FILE;
    return is_text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz-")] != '\0';
}

static const char *group_doc(const char *path, size_t len)
{
    for (size_t i = 0; i < tc_schema_group_cnt; i++) {
        if (strlen(tc_schema_groups[i].path) == len &&
            strncmp(tc_schema_groups[i].path, path, len) == 0)
            return tc_schema_groups[i].doc;
    }
    return "";
}

/* Where in the default text we are. */
struct pen {
    struct out out;
    char open[PATH_BYTES]; /* mapping whose keys come */
    bool is_item;          /* the next key begins an item of a list */
};

/* Only one kind of source may be there; the others are shown as comments. */
static bool is_commented(const char *path)
{
    return strncmp(path, "sources[].synth", 15) == 0 || strncmp(path, "sources[].replay", 16) == 0;
}

static int indent_of(const char *path)
{
    int indent = 0;
    for (const char *p = path; *p; p++)
        indent += *p == '.' ? 2 : *p == '[' ? 2 : 0;
    return indent;
}

static void put_head(struct pen *pen, const char *path, const char *name, const char *tail)
{
    int indent = indent_of(path);
    const char *mark = is_commented(path) ? "# " : "";
    if (pen->is_item)
        put(&pen->out, "%*s- %s%s\n", indent - 2, "", name, tail);
    else
        put(&pen->out, "%*s%s%s%s\n", indent, "", mark, name, tail);
    pen->is_item = false;
}

/* Prints the mappings and lists between the open one and that of key. */
static void open_groups(struct pen *pen, const char *path)
{
    size_t same = 0;
    for (size_t i = 0; path[i] && path[i] == pen->open[i]; i++) {
        if (path[i] == '.')
            same = i;
    }
    const char *last = strrchr(path, '.');
    size_t end = last ? (size_t)(last - path) : 0;
    while (same < end) {
        char name[PATH_BYTES];
        char above[PATH_BYTES];
        size_t start = same + (same > 0);
        size_t len = strcspn(path + start, ".");
        bool is_list = path[start + len - 1] == ']';
        snprintf(above, sizeof(above), "%.*s", (int)(start + len - (is_list ? 2 : 0)), path);
        snprintf(name, sizeof(name), "%.*s:", (int)(len - (is_list ? 2 : 0)), path + start);
        if (start == 0)
            put(&pen->out, "\n");
        put_comment(&pen->out, indent_of(above), group_doc(path, start + len));
        put_head(pen, above, name, "");
        pen->is_item = is_list;
        same = start + len;
    }
    snprintf(pen->open, sizeof(pen->open), "%.*s.", (int)end, path);
}

static void put_key(struct pen *pen, const struct tc_key *key)
{
    char tail[PATH_BYTES * 4];
    const char *leaf = tc_schema_leaf(key->path);
    const char *text = key->def ? key->def : key->example;
    const char *quote = needs_quotes(key, text) ? "\"" : "";
    bool is_absent = !key->def && !key->is_required; /* shown, but not set */
    open_groups(pen, key->path);
    if (leaf == key->path)
        put(&pen->out, "\n");
    if (!pen->is_item) /* a comment would part "- " from its first key */
        put_comment(&pen->out, indent_of(key->path), key->doc);
    snprintf(tail, sizeof(tail), ": %s%s%s", quote, text, quote);
    if (is_absent)
        put(&pen->out, "%*s# %s%s\n", indent_of(key->path), "", leaf, tail);
    else
        put_head(pen, key->path, leaf, tail);
}

void tc_conf_default_text(tc_conf_write_fn write, void *ctx)
{
    struct pen pen = { .out = { write, ctx } };
    put(&pen.out, "# tickcast: every key with its default. Keys may be left out; at least one "
                  "source is needed.\n"
                  "# Each key can also be set by a variable: limits.event_bytes by "
                  "TICKCAST_LIMITS_EVENT_BYTES,\n"
                  "# items by index: TICKCAST_SOURCES_0_NAME. Variables win over the file.\n");
    for (size_t i = 0; i < tc_schema_cnt; i++)
        put_key(&pen, &tc_schema[i]);
}

/* ---- the reference page ---- */

static void type_text(const struct tc_key *key, char *out, size_t out_bytes)
{
    size_t len = 0;
    uint64_t unit = strcmp(key->path + strlen(key->path) - 2, "_s") == 0 ? 1000 : 1;
    switch (key->type) {
    case TC_KEY_U32:
    case TC_KEY_U64:
    case TC_KEY_FLOAT:
        snprintf(out, out_bytes, "number, %" PRIu64 " to %" PRIu64, key->min, key->max);
        break;
    case TC_KEY_SIZE32:
    case TC_KEY_SIZE64:
        snprintf(out, out_bytes, "bytes, %" PRIu64 " to %" PRIu64 "; 64k, 16m, 1g", key->min,
                 key->max);
        break;
    case TC_KEY_SPAN:
        snprintf(out, out_bytes, "time, %" PRIu64 " to %" PRIu64 " %s; 250ms, 10s, 5m",
                 key->min / unit, key->max / unit, unit == 1 ? "ms" : "s");
        break;
    case TC_KEY_ENUM:
    case TC_KEY_WORD:
        for (size_t i = 0; key->names[i]; i++)
            len +=
                (size_t)snprintf(out + len, out_bytes - len, "%s%s", i ? ", " : "", key->names[i]);
        break;
    case TC_KEY_START:
        snprintf(out, out_bytes, "latest, earliest, time, span back");
        break;
    case TC_KEY_U32_LIST:
        snprintf(out, out_bytes, "list of numbers, at most %" PRIu32, key->item_max);
        break;
    case TC_KEY_TEXT_LIST:
        snprintf(out, out_bytes, "list of texts, at most %" PRIu32, key->item_max);
        break;
    case TC_KEY_PROPERTIES:
        snprintf(out, out_bytes, "mapping of texts, at most %" PRIu32, key->item_max);
        break;
    case TC_KEY_TEXT:
    case TC_KEY_TEMPLATE:
    case TC_KEY_FILE:
        snprintf(out, out_bytes, "text, at most %" PRIu64 " bytes", key->max);
        break;
    }
}

static void put_row(const struct out *out, const struct tc_key *key)
{
    char type[PATH_BYTES];
    char env[PATH_BYTES];
    const char *tick = key->def ? "`" : "";
    type_text(key, type, sizeof(type));
    put(out, "| `%s` | %s | %s%s%s | %s<br>`%s` |\n", tc_schema_leaf(key->path), type, tick,
        key->def           ? key->def
        : key->is_required ? "*required*"
        : key->item_max    ? "empty"
                           : "",
        tick, key->doc, tc_schema_env(key, env, sizeof(env)));
}

static bool is_in(const char *path, const char *group)
{
    size_t len = strlen(group);
    size_t above = (size_t)(tc_schema_leaf(path) - path);
    return len == 0 ? above == 0 : above == len + 1 && strncmp(path, group, len) == 0;
}

void tc_conf_markdown(tc_conf_write_fn write, void *ctx)
{
    struct out out = { write, ctx };
    put(&out,
        "# Configuration\n\n"
        "<!-- SPDX-License-Identifier: Apache-2.0. Made by `tickcast default-config "
        "--markdown` from core/conf/schema.c. -->\n\n"
        "`tickcast default-config` prints a file with every key; `tickcast check-config FILE` "
        "says what is wrong with one,\n"
        "with line and column; `tickcast run --config FILE` uses it.\n\n");
    put(&out,
        "Each key can also be set by the variable named with it, for items of lists with "
        "their index in place of `N`;\n"
        "variables win over the file, and may do without one. In the name of a Kafka "
        "property, `_` stands for `.`:\n"
        "`TICKCAST_SOURCES_0_KAFKA_PROPERTIES_FETCH_WAIT_MAX_MS=5`. A variable `TICKCAST_...` "
        "that names no key is an error.\n");
    for (size_t i = 0; i < tc_schema_group_cnt; i++) {
        const struct tc_key_group *group = &tc_schema_groups[i];
        put(&out,
            "\n## %s%s%s\n\n%s\n\n| key | type | default | meaning, variable "
            "|\n|---|---|---|---|\n",
            group->path[0] ? "`" : "", group->path[0] ? group->path : "Top",
            group->path[0] ? "`" : "", group->doc);
        for (size_t j = 0; j < tc_schema_cnt; j++) {
            if (is_in(tc_schema[j].path, group->path))
                put_row(&out, &tc_schema[j]);
        }
    }
}
