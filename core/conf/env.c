// SPDX-License-Identifier: Apache-2.0
#include "core/conf/env.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/conf/arena.h"
#include "core/conf/schema.h"
#include "core/conf/suggest.h"
#include "core/conf/value.h"
#include "core/mem/mem.h"

enum { INDEX_CNT_MAX = 4, INDEX_DIGITS_MAX = 4 };

static const struct tc_str none = { NULL, 0 };

/* A variable and the key that it sets. */
struct var {
    const char *name; /* whole */
    const char *value;
    const struct tc_key *key;
    uint32_t idx[INDEX_CNT_MAX];
    uint32_t idx_cnt;
    const char *rest; /* of a property: FETCH_WAIT_MAX_MS */
};

/* ---- which key? ---- */

/* "_12" at *at. */
static bool take_index(const char **at, struct var *var)
{
    const char *p = *at;
    uint32_t n = 0;
    int digits = 0;
    if (*p++ != '_' || var->idx_cnt == INDEX_CNT_MAX)
        return false;
    for (; *p >= '0' && *p <= '9' && digits <= INDEX_DIGITS_MAX; p++, digits++)
        n = n * 10 + (uint32_t)(*p - '0');
    if (digits == 0 || digits > INDEX_DIGITS_MAX || (digits > 1 && p[-digits] == '0'))
        return false;
    var->idx[var->idx_cnt++] = n;
    *at = p;
    return true;
}

static bool matches(const struct tc_key *key, struct var *var)
{
    const char *at = var->name + sizeof(TC_ENV_PREFIX) - 1;
    var->idx_cnt = 0;
    for (const char *p = key->path; *p; p++) {
        if (p[0] == '[') {
            if (!take_index(&at, var))
                return false;
            p++;
        } else if (*at++ != (*p == '.' ? '_' : tc_value_upper(*p))) {
            return false;
        }
    }
    if (key->type == TC_KEY_PROPERTIES) {
        var->rest = at + 1;
        return at[0] == '_' && at[1] != '\0';
    }
    if (key->item_max && !take_index(&at, var))
        return false;
    return *at == '\0';
}

/* The name with N for each index, as the schema spells it. */
static void spell(const char *name, char *out, size_t out_bytes)
{
    size_t len = 0;
    while (*name && len + 1 < out_bytes) {
        size_t digits = name[0] == '_' ? strspn(name + 1, "0123456789") : 0;
        out[len++] = *name++;
        if (digits > 0 && (name[digits] == '_' || name[digits] == '\0') && len + 1 < out_bytes) {
            out[len++] = 'N';
            name += digits;
        }
    }
    out[len] = '\0';
}

static int fail_unknown(const struct var *var, struct tc_err *err)
{
    char quote[TC_QUOTE_BYTES];
    char spelt[TC_TREE_PATH_MAX];
    char best[TC_TREE_PATH_MAX] = "";
    spell(var->name + sizeof(TC_ENV_PREFIX) - 1, spelt, sizeof(spelt));
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(spelt));
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        char name[TC_TREE_PATH_MAX];
        uint32_t edits = suggest.edits;
        bool had = suggest.best.len > 0;
        tc_schema_env(&tc_schema[i], name, sizeof(name));
        tc_suggest_try(&suggest, tc_str_from(name + sizeof(TC_ENV_PREFIX) - 1));
        if (suggest.best.len > 0 && (!had || suggest.edits < edits))
            memcpy(best, name, sizeof(name));
    }
    return tc_err_set(
        err, -TC_EINVAL, "%s: no such setting%s%s%s; `tickcast default-config` shows all",
        tc_quote(quote, var->name), best[0] ? ", did you mean " : "", best, best[0] ? "?" : "");
}

/* ---- into the tree ---- */

static int fail_var(const struct var *var, struct tc_err *err, const char *text)
{
    return tc_err_set(err, -TC_EINVAL, "%s: %s", var->name, text);
}

static int fail_full(const struct var *var, struct tc_err *err)
{
    return fail_var(var, err, "too many entries in all: remove some");
}

/* The child of that key as a map or list, made if it is absent or empty. */
static int open_child(struct tc_tree *tree, const struct var *var, struct tc_node *map,
                      struct tc_str key, enum tc_node_kind kind, struct tc_node **out,
                      struct tc_err *err)
{
    char name[TC_TREE_PATH_MAX];
    snprintf(name, sizeof(name), "%.*s", (int)key.len, key.ptr);
    struct tc_node *node = tc_node_child(map, name);
    if (!node) {
        node = tc_tree_add(tree, map, kind, key, none);
        if (!node)
            return fail_full(var, err);
        node->env = var->name;
    } else if (tc_node_is_null(node)) {
        node->kind = kind;
    }
    if (node->kind != kind)
        return tc_node_fail(node, false, name, err, "must be a %s, since %s sets a part of it",
                            kind == TC_NODE_MAP ? "mapping" : "list", var->name);
    *out = node;
    return TC_OK;
}

static int open_item(struct tc_tree *tree, const struct var *var, struct tc_node *list,
                     uint32_t idx, enum tc_node_kind kind, struct tc_node **out, struct tc_err *err)
{
    struct tc_node *node = tc_node_item(list, idx);
    if (idx > list->child_cnt)
        return tc_err_set(err, -TC_EINVAL,
                          "%s: item %u leaves a hole: the list has %u, so the next index is %u",
                          var->name, idx, list->child_cnt, list->child_cnt);
    if (!node) {
        node = tc_tree_add(tree, list, kind, none, none);
        if (!node)
            return fail_full(var, err);
        node->env = var->name;
    } else if (kind == TC_NODE_MAP && tc_node_is_null(node)) {
        node->kind = kind;
    }
    if (kind == TC_NODE_MAP && node->kind != kind)
        return tc_node_fail(node, false, NULL, err, "must be a mapping, since %s sets a part of it",
                            var->name);
    *out = node;
    return TC_OK;
}

static int set_text(struct tc_tree *tree, const struct var *var, struct tc_node *node)
{
    node->kind = TC_NODE_TEXT;
    node->text = tc_arena_text(&tree->arena, tc_str_from(var->value));
    node->env = var->name;
    node->is_plain = false;
    node->first = NULL;
    node->last = NULL;
    node->child_cnt = 0;
    node->line = 0;
    node->col = 0;
    node->key_line = 0;
    node->key_col = 0;
    return TC_OK;
}

/* Sets the child of that key to the variable's text. */
static int set_child(struct tc_tree *tree, const struct var *var, struct tc_node *map,
                     const char *key, struct tc_err *err)
{
    struct tc_node *node = tc_node_child(map, key);
    if (!node)
        node = tc_tree_add(tree, map, TC_NODE_TEXT, tc_str_from(key), none);
    return node ? set_text(tree, var, node) : fail_full(var, err);
}

static bool looks_like(const char *property, const char *rest)
{
    for (; *property && *rest; property++, rest++) {
        char c = tc_value_upper(*property);
        if (c == '.' || c == '-')
            c = '_';
        if (c != *rest)
            return false;
    }
    return *property == *rest;
}

static int set_property(struct tc_tree *tree, const struct var *var, struct tc_node *map,
                        struct tc_err *err)
{
    char name[TC_TREE_PATH_MAX];
    for (struct tc_node *node = map->first; node; node = node->next) {
        if (looks_like(node->key, var->rest))
            return set_text(tree, var, node);
    }
    size_t len = 0;
    for (const char *p = var->rest; *p && len + 1 < sizeof(name); p++, len++) {
        name[len] = tc_value_lower(*p);
        if (*p == '_')
            name[len] = '.';
    }
    name[len] = '\0';
    return set_child(tree, var, map, name, err);
}

/* Walks the key's path, making what is absent. */
static int apply_one(struct tc_tree *tree, const struct var *var, struct tc_err *err)
{
    struct tc_node *at = tree->root;
    uint32_t idx = 0;
    const char *p = var->key->path;
    for (size_t len; p[len = strcspn(p, ".[")] != '\0';) {
        bool is_list = p[len] == '[';
        struct tc_str name = { p, len };
        int rc = open_child(tree, var, at, name, is_list ? TC_NODE_LIST : TC_NODE_MAP, &at, err);
        if (!rc && is_list)
            rc = open_item(tree, var, at, var->idx[idx++], TC_NODE_MAP, &at, err);
        if (rc)
            return rc;
        p += len + (is_list ? 3 : 1); /* "[]." or "." */
    }
    if (!var->key->item_max)
        return set_child(tree, var, at, p, err);
    bool is_map = var->key->type == TC_KEY_PROPERTIES;
    int rc =
        open_child(tree, var, at, tc_str_from(p), is_map ? TC_NODE_MAP : TC_NODE_LIST, &at, err);
    if (!rc && is_map)
        return set_property(tree, var, at, err);
    if (!rc)
        rc = open_item(tree, var, at, var->idx[idx], TC_NODE_TEXT, &at, err);
    return rc ? rc : set_text(tree, var, at);
}

/* text is "NAME=value". */
static int apply_text(struct tc_tree *tree, const char *text, struct tc_err *err)
{
    const char *equals = strchr(text, '=');
    TC_ASSERT(equals);
    struct tc_str name = { text, (size_t)(equals - text) };
    struct var var = {
        .name = tc_arena_text(&tree->arena, name),
        .value = equals + 1,
    };
    for (size_t i = 0; i < tc_schema_cnt && !var.key; i++) {
        if (matches(&tc_schema[i], &var))
            var.key = &tc_schema[i];
    }
    if (!var.key)
        return fail_unknown(&var, err);
    if (strlen(var.value) > TC_TREE_TEXT_MAX)
        return fail_var(&var, err, "longer than 4096 bytes: shorten it");
    if (!tc_value_is_utf8(var.value))
        return fail_var(&var, err, "is not UTF-8");
    return apply_one(tree, &var, err);
}

static int compare(const void *a, const void *b)
{
    /* by number where the names differ in one, so that item 2 comes before item 10 */
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

int tc_env_apply(struct tc_tree *tree, char *const *envp, struct tc_err *err)
{
    static const char prefix[] = TC_ENV_PREFIX;
    size_t cnt = 0;
    int rc = TC_OK;
    const char **texts = tc_alloc(TC_ENV_VARS_MAX * sizeof(*texts));
    for (; envp && *envp && !rc; envp++) {
        if (strncmp(*envp, prefix, sizeof(prefix) - 1) != 0 || !strchr(*envp, '='))
            continue;
        if (cnt == TC_ENV_VARS_MAX)
            rc = tc_err_set(err, -TC_ELIMIT, "more than %d variables " TC_ENV_PREFIX "...",
                            TC_ENV_VARS_MAX);
        else
            texts[cnt++] = *envp;
    }
    qsort(texts, cnt, sizeof(*texts), compare);
    for (size_t i = 0; i < cnt && !rc; i++)
        rc = apply_text(tree, texts[i], err);
    tc_free(texts);
    return rc;
}
