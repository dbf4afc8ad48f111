// SPDX-License-Identifier: Apache-2.0
#include "core/conf/parse.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/conf/arena.h"
#include "core/conf/check.h"
#include "core/conf/env.h"
#include "core/conf/schema.h"
#include "core/conf/suggest.h"
#include "core/conf/tree.h"
#include "core/conf/value.h"

enum { NAMES_MAX = 64, WHY_BYTES = 256 };

struct bind {
    struct tc_conf *conf;
    struct tc_tree *tree;
    struct tc_err *err;
    struct tc_conf_source *source; /* being filled */
    struct tc_conf_rule *rule;     /* being filled */
    bool has_kind;                 /* the source is known to be kafka, synth or replay */
};

/* The same place as the schema names it and as the operator does. */
struct place {
    char schema[TC_TREE_PATH_MAX]; /* sources[].kafka */
    char shown[TC_TREE_PATH_MAX];  /* sources[0].kafka */
};

/* ---- one value ---- */

/* The field of key; rows of another scope are not asked for. */
static unsigned char *field_of(const struct bind *b, const struct tc_key *key, size_t off)
{
    unsigned char *base = (unsigned char *)b->conf;
    if (key->scope == TC_SCOPE_SOURCE)
        base = (unsigned char *)b->source;
    else if (key->scope == TC_SCOPE_RULE)
        base = (unsigned char *)b->rule;
    TC_ASSERT(base);
    return base + off;
}

static bool is_seconds(const struct tc_key *key)
{
    size_t len = strlen(key->path);
    return strcmp(key->path + len - 2, "_s") == 0;
}

/* A whole number of any unit within the range of its key. */
static bool take_number(const struct tc_key *key, const char *text, uint64_t *out, char *why)
{
    char quote[TC_QUOTE_BYTES];
    uint64_t unit = is_seconds(key) ? 1000 : 1;
    bool is_span = key->type == TC_KEY_SPAN;
    bool is_size = key->type == TC_KEY_SIZE32 || key->type == TC_KEY_SIZE64;
    int64_t ms = 0;
    uint64_t n = 0;
    tc_quote(quote, text);
    if (is_span ? !tc_value_span_ms(text, unit, &ms)
                : !(is_size ? tc_value_size(text, &n) : tc_value_u64(text, &n))) {
        snprintf(
            why, WHY_BYTES, "\"%s\" is not a %s: write %s", quote,
            is_span   ? "time"
            : is_size ? "size"
                      : "whole number",
            is_span ? (unit == 1 ? "milliseconds, or 250ms, 10s, 5m" : "seconds, or 250ms, 10s, 5m")
            : is_size ? "bytes, or 64k, 16m, 1g"
                      : "digits only");
        return false;
    }
    if (is_span)
        n = ms < 0 ? UINT64_MAX : (uint64_t)ms;
    if (n < key->min || n > key->max) {
        snprintf(why, WHY_BYTES, "%s is out of range: %" PRIu64 " to %" PRIu64 "%s", quote,
                 is_span ? key->min / unit : key->min, is_span ? key->max / unit : key->max,
                 !is_span    ? ""
                 : unit == 1 ? " ms"
                             : " s");
        return false;
    }
    *out = n;
    return true;
}

static bool take_name(const struct tc_key *key, const char *text, uint32_t *out, char *why)
{
    char quote[TC_QUOTE_BYTES];
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(text));
    for (uint32_t i = 0; key->names[i]; i++) {
        if (strcmp(key->names[i], text) == 0) {
            *out = i;
            return true;
        }
        tc_suggest_try(&suggest, tc_str_from(key->names[i]));
    }
    bool is_near = suggest.best.len > 0;
    int len = snprintf(why, WHY_BYTES, "\"%s\" is unknown%s%s%s Known:", tc_quote(quote, text),
                       is_near ? ", did you mean " : ".", is_near ? suggest.best.ptr : "",
                       is_near ? "?" : "");
    for (uint32_t i = 0; key->names[i] && len < WHY_BYTES; i++)
        len += snprintf(why + len, (size_t)(WHY_BYTES - len), "%s %s", i ? "," : "", key->names[i]);
    return false;
}

static bool take_text(const struct tc_key *key, const char *text, char *why)
{
    size_t len = strlen(text);
    if (len < key->min)
        snprintf(why, WHY_BYTES, "is empty: give it a value or remove the key");
    else if (len > key->max)
        snprintf(why, WHY_BYTES, "is longer than %" PRIu64 " bytes: shorten it", key->max);
    return len >= key->min && len <= key->max;
}

static void put_u32(unsigned char *field, uint64_t n)
{
    uint32_t word = (uint32_t)n;
    memcpy(field, &word, sizeof(word));
}

static void put_text(const struct bind *b, unsigned char *field, const char *text)
{
    const char *copy = tc_arena_text(&b->conf->arena, tc_str_from(text));
    memcpy(field, &copy, sizeof(copy));
}

static bool put_float(const struct tc_key *key, unsigned char *field, const char *text, char *why)
{
    char quote[TC_QUOTE_BYTES];
    double n;
    if (!tc_value_float(text, &n) || n > (double)key->max) {
        snprintf(why, WHY_BYTES, "\"%s\" is not a number from %" PRIu64 " to %" PRIu64,
                 tc_quote(quote, text), key->min, key->max);
        return false;
    }
    memcpy(field, &n, sizeof(n));
    return true;
}

static bool put_start(unsigned char *field, const char *text, char *why)
{
    char quote[TC_QUOTE_BYTES];
    struct tc_conf_start start;
    if (!tc_value_start(text, &start)) {
        snprintf(why, WHY_BYTES,
                 "\"%s\" is no place to start from: write latest, earliest, a span back like "
                 "\"-10m\", or a time like \"2024-08-08T12:00:00Z\"",
                 tc_quote(quote, text));
        return false;
    }
    memcpy(field, &start, sizeof(start));
    return true;
}

/* text into field, one item of a list included. false: *why says what is wrong. */
static bool put_value(const struct bind *b, const struct tc_key *key, unsigned char *field,
                      const char *text, char *why)
{
    uint64_t n;
    uint32_t idx;
    switch (key->type) {
    case TC_KEY_TEXT:
    case TC_KEY_TEMPLATE:
    case TC_KEY_FILE:
    case TC_KEY_TEXT_LIST:
        if (!take_text(key, text, why))
            return false;
        put_text(b, field, text);
        return true;
    case TC_KEY_U32:
    case TC_KEY_SIZE32:
    case TC_KEY_SPAN:
    case TC_KEY_U32_LIST:
        if (!take_number(key, text, &n, why))
            return false;
        put_u32(field, n);
        return true;
    case TC_KEY_U64:
    case TC_KEY_SIZE64:
        if (!take_number(key, text, &n, why))
            return false;
        memcpy(field, &n, sizeof(n));
        return true;
    case TC_KEY_ENUM:
    case TC_KEY_WORD:
        if (!take_name(key, text, &idx, why))
            return false;
        if (key->type == TC_KEY_ENUM)
            put_u32(field, idx);
        else
            put_text(b, field, text);
        return true;
    case TC_KEY_FLOAT:
        return put_float(key, field, text, why);
    case TC_KEY_START:
        return put_start(field, text, why);
    case TC_KEY_PROPERTIES:
        break;
    }
    TC_ASSERT(key->type != TC_KEY_PROPERTIES); /* bind_properties takes them */
    return false;
}

/* Each row "prefix.NAME" gets its default; it comes from the table, so it is good. */
static void put_defaults(const struct bind *b, const char *prefix, enum tc_key_scope scope)
{
    char why[WHY_BYTES];
    size_t len = strlen(prefix);
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        const struct tc_key *key = &tc_schema[i];
        if (key->scope == scope && key->def && strncmp(key->path, prefix, len) == 0)
            TC_ASSERT(put_value(b, key, field_of(b, key, key->off), key->def, why));
    }
}

/* ---- nodes to fields ---- */

static int want_value(const struct bind *b, const struct tc_node *node, const char *shown)
{
    if (node->kind != TC_NODE_TEXT)
        return tc_node_fail(node, false, shown, b->err, "must be one value, not a %s",
                            node->kind == TC_NODE_MAP ? "mapping" : "list");
    if (tc_node_is_null(node))
        return tc_node_fail(node, true, shown, b->err,
                            "has no value: give it one or remove the key");
    return TC_OK;
}

static int bind_value(const struct bind *b, const struct tc_key *key, const struct tc_node *node,
                      const char *shown, unsigned char *field)
{
    char why[WHY_BYTES];
    int rc = want_value(b, node, shown);
    if (rc)
        return rc;
    if (!put_value(b, key, field, node->text, why))
        return tc_node_fail(node, false, shown, b->err, "%s", why);
    return TC_OK;
}

static int bind_list(const struct bind *b, const struct tc_key *key, const struct tc_node *list,
                     const char *shown)
{
    bool is_text = key->type == TC_KEY_TEXT_LIST;
    size_t item_bytes = is_text ? sizeof(const char *) : sizeof(uint32_t);
    unsigned char *field = field_of(b, key, key->off);
    uint32_t cnt = 0;
    int rc = TC_OK;
    if (list->kind != TC_NODE_LIST && !tc_node_is_null(list))
        return tc_node_fail(list, false, shown, b->err, "must be a list, like %s",
                            is_text ? "[\"https://ui.example\"]" : "[0, 1]");
    for (const struct tc_node *item = list->first; item && !rc; item = item->next, cnt++) {
        char name[TC_TREE_PATH_MAX];
        snprintf(name, sizeof(name), "%.200s[%" PRIu32 "]", shown, cnt);
        if (cnt == key->item_max)
            return tc_node_fail(item, false, name, b->err, "too many: at most %" PRIu32,
                                key->item_max);
        rc = bind_value(b, key, item, name, field + cnt * item_bytes);
    }
    put_u32(field_of(b, key, key->cnt_off), cnt);
    return rc;
}

static int bind_properties(const struct bind *b, const struct tc_key *key,
                           const struct tc_node *map, const char *shown)
{
    struct tc_conf_property *properties = (void *)field_of(b, key, key->off);
    uint32_t cnt = 0;
    if (map->kind != TC_NODE_MAP && !tc_node_is_null(map))
        return tc_node_fail(map, false, shown, b->err, "must be a mapping, like %s", key->example);
    for (const struct tc_node *node = map->first; node; node = node->next, cnt++) {
        char quote[TC_QUOTE_BYTES];
        char name[TC_TREE_PATH_MAX];
        snprintf(name, sizeof(name), "%.160s.%s", shown, tc_quote(quote, node->key));
        if (cnt == key->item_max)
            return tc_node_fail(node, true, name, b->err, "too many: at most %" PRIu32,
                                key->item_max);
        int rc = want_value(b, node, name);
        if (rc)
            return rc;
        properties[cnt].name = tc_arena_text(&b->conf->arena, tc_str_from(node->key));
        properties[cnt].value = tc_arena_text(&b->conf->arena, tc_str_from(node->text));
        properties[cnt].line = node->key_line;
        properties[cnt].col = node->key_col;
    }
    put_u32(field_of(b, key, key->cnt_off), cnt);
    return TC_OK;
}

static int bind_key(const struct bind *b, const struct tc_key *key, const struct tc_node *node,
                    const char *shown)
{
    if (key->type == TC_KEY_PROPERTIES)
        return bind_properties(b, key, node, shown);
    if (key->item_max)
        return bind_list(b, key, node, shown);
    if (key->type == TC_KEY_TEMPLATE) {
        TC_ASSERT(b->rule);
        b->rule->line = node->line;
        b->rule->col = node->col;
    }
    if (key->type == TC_KEY_FILE) {
        TC_ASSERT(b->source);
        b->source->replay.line = node->line;
        b->source->replay.col = node->col;
    }
    return bind_value(b, key, node, shown, field_of(b, key, key->off));
}

static int fail_unknown(const struct bind *b, const struct tc_node *node, const char *map,
                        const char *shown)
{
    struct tc_str names[NAMES_MAX];
    char known[WHY_BYTES] = "";
    size_t cnt = tc_schema_names(map, names, NAMES_MAX);
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(node->key));
    for (size_t i = 0, len = 0; i < cnt; i++) {
        tc_suggest_try(&suggest, names[i]);
        if (len + names[i].len + 3 < sizeof(known))
            len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%.*s", i ? ", " : "",
                                    (int)names[i].len, names[i].ptr);
    }
    if (suggest.best.len)
        return tc_node_fail(node, true, shown, b->err, "unknown key, did you mean %.*s?",
                            (int)suggest.best.len, suggest.best.ptr);
    for (size_t i = 0; i < tc_schema_cnt && !map[0]; i++) { /* one of another mapping? */
        if (strcmp(tc_schema_leaf(tc_schema[i].path), node->key) == 0)
            return tc_node_fail(node, true, shown, b->err, "unknown key here, did you mean %s?",
                                tc_schema[i].path);
    }
    return tc_node_fail(node, true, shown, b->err, "unknown key; known here: %s", known);
}

static int bind_map(struct bind *b, const struct tc_node *map, const struct place *at);

/* Items of sources[] and of topics[] fill a struct each. */
static int bind_item(struct bind *b, const struct tc_node *item, const struct place *at)
{
    bool is_topic = b->source != NULL;
    if (!is_topic) {
        b->source = &b->conf->sources[b->conf->source_cnt++];
        b->has_kind = false;
        put_defaults(b, "sources[].", TC_SCOPE_SOURCE);
    } else {
        b->rule = &b->source->rules[b->source->rule_cnt++];
        put_defaults(b, "sources[].kafka.topics[].", TC_SCOPE_RULE);
    }
    int rc = bind_map(b, item, at);
    if (!rc && !b->has_kind)
        rc = tc_node_fail(item, false, at->shown, b->err,
                          "has none of kafka, synth and replay: add one of them");
    b->rule = NULL;
    if (!is_topic)
        b->source = NULL;
    return rc;
}

static int bind_items(struct bind *b, const struct tc_node *list, const struct place *at)
{
    bool is_topics = b->source != NULL;
    uint32_t max = is_topics ? TC_RULES_MAX : TC_SOURCES_MAX;
    int rc = TC_OK;
    uint32_t idx = 0;
    if (list->kind != TC_NODE_LIST && !tc_node_is_null(list))
        return tc_node_fail(list, false, at->shown, b->err,
                            "must be a list: begin each item with \"- \"");
    if (is_topics)
        b->source->rules =
            tc_arena_take(&b->conf->arena, (list->child_cnt + 1) * sizeof(*b->source->rules));
    for (const struct tc_node *item = list->first; item && !rc; item = item->next, idx++) {
        struct place below;
        snprintf(below.schema, sizeof(below.schema), "%.200s[]", at->schema);
        snprintf(below.shown, sizeof(below.shown), "%.200s[%" PRIu32 "]", at->shown, idx);
        if (idx == max)
            return tc_node_fail(item, false, below.shown, b->err, "too many: at most %" PRIu32,
                                max);
        rc = bind_item(b, item, &below);
    }
    return rc;
}

/* The one rule of a synth or replay source. */
static void begin_rule(struct bind *b, const struct tc_node *map, const char *schema)
{
    char prefix[TC_TREE_PATH_MAX];
    snprintf(prefix, sizeof(prefix), "%.200s.", schema);
    b->source->rules = tc_arena_take(&b->conf->arena, sizeof(*b->source->rules));
    b->source->rule_cnt = 1;
    b->rule = &b->source->rules[0];
    b->rule->topic = tc_schema_leaf(schema); /* constant text */
    b->rule->line = map->line;
    b->rule->col = map->col;
    put_defaults(b, prefix, TC_SCOPE_RULE);
}

/* Which of the three is it? The others of the same source are an error. */
static int begin_kind(struct bind *b, const struct tc_node *map, const struct place *at)
{
    static const char *const kinds[] = {
        [TC_SOURCE_KAFKA] = "sources[].kafka",
        [TC_SOURCE_SYNTH] = "sources[].synth",
        [TC_SOURCE_REPLAY] = "sources[].replay",
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(kinds); i++) {
        if (strcmp(at->schema, kinds[i]) != 0)
            continue;
        TC_ASSERT(b->source);
        if (b->has_kind)
            return tc_node_fail(map, true, at->shown, b->err,
                                "a source has exactly one of kafka, synth and replay: make a "
                                "second source of it");
        b->has_kind = true;
        b->source->kind = (enum tc_conf_source_kind)i;
        if (i != TC_SOURCE_KAFKA)
            begin_rule(b, map, kinds[i]);
    }
    return TC_OK;
}

static int bind_group(struct bind *b, const struct tc_node *map, const struct place *at)
{
    struct tc_conf_rule *rule = b->rule;
    int rc = begin_kind(b, map, at);
    if (!rc)
        rc = bind_map(b, map, at);
    b->rule = rule;
    return rc;
}

static int check_required(const struct bind *b, const struct tc_node *map, const struct place *at)
{
    size_t len = strlen(at->schema);
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        const struct tc_key *key = &tc_schema[i];
        const char *leaf = key->path + len + 1;
        if (!key->is_required || strncmp(key->path, at->schema, len) != 0 ||
            key->path[len] != '.' || strpbrk(leaf, ".[") || tc_node_child(map, leaf))
            continue;
        return tc_node_fail(map, false, at->shown, b->err, "%s is missing: add %s: \"%s\"", leaf,
                            leaf, key->example);
    }
    return TC_OK;
}

static int bind_map(struct bind *b, const struct tc_node *map, const struct place *at)
{
    int rc = TC_OK;
    const char *dot = at->schema[0] ? "." : "";
    if (map->kind != TC_NODE_MAP && !tc_node_is_null(map))
        return tc_node_fail(map, false, at->shown, b->err, "must be a mapping of keys");
    for (const struct tc_node *node = map->first; node && !rc; node = node->next) {
        struct place below;
        char quote[TC_QUOTE_BYTES];
        const char *name = tc_quote(quote, node->key);
        snprintf(below.schema, sizeof(below.schema), "%.160s%s%s", at->schema, dot, name);
        snprintf(below.shown, sizeof(below.shown), "%.160s%s%s", at->shown, dot, name);
        /* a path has no meaning as one key */
        bool is_name = strpbrk(node->key, ".[") == NULL;
        const struct tc_key *key = is_name ? tc_schema_find(below.schema) : NULL;
        if (key)
            rc = bind_key(b, key, node, below.shown);
        else if (is_name && tc_schema_is_map(below.schema))
            rc = bind_group(b, node, &below);
        else if (is_name && tc_schema_is_list(below.schema))
            rc = bind_items(b, node, &below);
        else
            rc = fail_unknown(b, node, at->schema, below.shown);
    }
    return rc ? rc : check_required(b, map, at);
}

/* A topic without a start of its own has its source's. */
static void inherit_starts(struct tc_conf *conf, const struct tc_tree *tree)
{
    for (uint32_t i = 0; i < conf->source_cnt; i++) {
        struct tc_conf_source *source = &conf->sources[i];
        for (uint32_t j = 0; j < source->rule_cnt; j++) {
            char path[TC_TREE_PATH_MAX];
            snprintf(path, sizeof(path), "sources[%" PRIu32 "].kafka.topics[%" PRIu32 "]", i, j);
            if (!tc_node_child(tc_tree_near(tree, path), "start"))
                source->rules[j].start = source->kafka.start;
        }
    }
}

static int bind_tree(struct tc_conf *conf, struct tc_tree *tree, struct tc_err *err)
{
    struct bind b = { .conf = conf, .tree = tree, .err = err };
    struct place top = { .schema = "", .shown = "" };
    put_defaults(&b, "", TC_SCOPE_CONF);
    int rc = bind_map(&b, tree->root, &top);
    if (rc)
        return rc;
    inherit_starts(conf, tree);
    return tc_conf_check(conf, tree, err);
}

int tc_conf_parse(struct tc_conf *conf, struct tc_str yaml, char *const *envp, struct tc_err *err)
{
    struct tc_tree tree;
    memset(conf, 0, sizeof(*conf));
    int rc = tc_tree_parse(&tree, yaml, err);
    if (rc)
        return rc;
    rc = tc_env_apply(&tree, envp, err);
    if (!rc)
        rc = bind_tree(conf, &tree, err);
    tc_tree_fini(&tree);
    if (rc)
        tc_conf_fini(conf);
    return rc;
}

void tc_conf_fini(struct tc_conf *conf)
{
    tc_arena_drop(&conf->arena);
    memset(conf, 0, sizeof(*conf));
}
