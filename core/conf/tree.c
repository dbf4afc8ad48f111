// SPDX-License-Identifier: Apache-2.0
#include "core/conf/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include "core/conf/arena.h"

/* ---- nodes ---- */

struct tc_node *tc_tree_add(struct tc_tree *tree, struct tc_node *parent, enum tc_node_kind kind,
                            struct tc_str key, struct tc_str text)
{
    if (tree->node_cnt == TC_TREE_NODES_MAX ||
        (parent && parent->child_cnt == TC_TREE_CHILDREN_MAX))
        return NULL;
    struct tc_node *node = tc_arena_take(&tree->arena, sizeof(*node));
    node->kind = kind;
    node->key = key.ptr ? tc_arena_text(&tree->arena, key) : NULL;
    node->text = text.ptr ? tc_arena_text(&tree->arena, text) : NULL;
    tree->node_cnt++;
    if (!parent) {
        tree->root = node;
        return node;
    }
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->child_cnt++;
    return node;
}

struct tc_node *tc_node_child(const struct tc_node *map, const char *key)
{
    for (struct tc_node *node = map->first; node; node = node->next) {
        if (node->key && strcmp(node->key, key) == 0)
            return node;
    }
    return NULL;
}

struct tc_node *tc_node_item(const struct tc_node *list, uint32_t idx)
{
    struct tc_node *node = list->first;
    for (; node && idx > 0; idx--)
        node = node->next;
    return node;
}

bool tc_node_is_null(const struct tc_node *node)
{
    return node->kind == TC_NODE_TEXT && node->is_plain &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const struct tc_node *tc_tree_near(const struct tc_tree *tree, const char *path)
{
    const struct tc_node *at = tree->root;
    while (*path) {
        const struct tc_node *below = NULL;
        char key[TC_TREE_PATH_MAX];
        if (*path == '[') {
            uint32_t idx = 0;
            for (path++; *path >= '0' && *path <= '9'; path++)
                idx = idx * 10 + (uint32_t)(*path - '0');
            path += *path == ']';
            below = tc_node_item(at, idx);
        } else {
            path += *path == '.';
            size_t len = strcspn(path, ".[");
            snprintf(key, sizeof(key), "%.*s", (int)len, path);
            path += len;
            below = tc_node_child(at, key);
        }
        if (!below)
            return at;
        at = below;
    }
    return at;
}

/* ---- messages ---- */

const char *tc_quote(char out[TC_QUOTE_BYTES], const char *text)
{
    static const char more[] = "...";
    size_t len = strlen(text);
    size_t keep = len;
    if (len >= TC_QUOTE_BYTES) {
        keep = TC_QUOTE_BYTES - sizeof(more);
        while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) /* inside a character */
            keep--;
    }
    for (size_t i = 0; i < keep; i++) {
        out[i] = text[i];
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            out[i] = '?';
    }
    out[keep] = '\0';
    if (keep < len)
        memcpy(out + keep, more, sizeof(more));
    return out;
}

int tc_node_fail(const struct tc_node *node, bool is_key, const char *path, struct tc_err *err,
                 const char *fmt, ...)
{
    char text[TC_ERR_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const char *where = node->env ? node->env : path;
    int code = tc_err_set(err, -TC_EINVAL, "%s%s%.*s", where ? where : "", where ? ": " : "",
                          TC_ERR_TEXT_BYTES - 1, text);
    if (err) {
        bool has_key = is_key && node->key_line > 0;
        err->line = has_key ? node->key_line : node->line;
        err->col = has_key ? node->key_col : node->col;
    }
    return code;
}

static int fail_at(struct tc_err *err, size_t line, size_t col, const char *text)
{
    int code = tc_err_set(err, -TC_EINVAL, "%s", text);
    if (err) {
        err->line = (int)line + 1;
        err->col = (int)col + 1;
    }
    return code;
}

/* ---- from events to nodes ---- */

struct build {
    struct tc_tree *tree;
    struct tc_err *err;
    struct tc_node *open[TC_TREE_DEPTH_MAX]; /* mappings and lists that are not ended */
    uint32_t depth;
    bool has_key; /* of the innermost mapping, waiting for its value */
    struct tc_str key;
    yaml_mark_t key_mark;
    uint32_t document_cnt;
};

static int fail_mark(const struct build *b, const yaml_mark_t *mark, const char *text)
{
    return fail_at(b->err, mark->line, mark->column, text);
}

/* The scalar is the key of a mapping's next value. */
static int take_key(struct build *b, const yaml_event_t *event)
{
    char quote[TC_QUOTE_BYTES];
    char text[TC_QUOTE_BYTES + 128];
    const struct tc_node *map = b->open[b->depth - 1];
    const char *key = (const char *)event->data.scalar.value;
    const struct tc_node *twin = tc_node_child(map, key);
    if (twin) {
        snprintf(text, sizeof(text),
                 "%s stands twice in one mapping (first in line %d): remove one",
                 tc_quote(quote, key), twin->key_line);
        return fail_mark(b, &event->start_mark, text);
    }
    b->has_key = true;
    b->key = (struct tc_str){ tc_arena_text(&b->tree->arena, tc_str_from(key)), strlen(key) };
    b->key_mark = event->start_mark;
    return TC_OK;
}

static int add_node(struct build *b, const yaml_event_t *event, enum tc_node_kind kind,
                    struct tc_str text, struct tc_node **out)
{
    struct tc_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
    if (parent && parent->kind == TC_NODE_MAP && !b->has_key)
        return fail_mark(b, &event->start_mark, "a key must be a text");
    struct tc_str key = b->has_key ? b->key : (struct tc_str){ NULL, 0 };
    struct tc_node *node = tc_tree_add(b->tree, parent, kind, key, text);
    if (!node)
        return fail_mark(b, &event->start_mark,
                         "too many entries: at most 1024 in one mapping or list, 32768 in all");
    node->line = (int)event->start_mark.line + 1;
    node->col = (int)event->start_mark.column + 1;
    if (b->has_key) {
        node->key_line = (int)b->key_mark.line + 1;
        node->key_col = (int)b->key_mark.column + 1;
    }
    b->has_key = false;
    *out = node;
    return TC_OK;
}

static int on_scalar(struct build *b, const yaml_event_t *event)
{
    const struct tc_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
    struct tc_str text = { (const char *)event->data.scalar.value, event->data.scalar.length };
    if (text.len > TC_TREE_TEXT_MAX)
        return fail_mark(b, &event->start_mark, "a text longer than 4096 bytes: shorten it");
    if (memchr(text.ptr, '\0', text.len))
        return fail_mark(b, &event->start_mark, "a text with a NUL byte: remove \\0");
    if (parent && parent->kind == TC_NODE_MAP && !b->has_key)
        return take_key(b, event);
    struct tc_node *node = NULL;
    int rc = add_node(b, event, TC_NODE_TEXT, text, &node);
    if (node)
        node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return rc;
}

static int on_open(struct build *b, const yaml_event_t *event, enum tc_node_kind kind)
{
    struct tc_node *node = NULL;
    if (b->depth == TC_TREE_DEPTH_MAX)
        return fail_mark(b, &event->start_mark, "nested deeper than 16 levels");
    int rc = add_node(b, event, kind, (struct tc_str){ NULL, 0 }, &node);
    if (!rc)
        b->open[b->depth++] = node;
    return rc;
}

static int refuse(struct build *b, const yaml_event_t *event)
{
    static const char anchors[] =
        "anchors and aliases (& and *) are not supported: write the value "
        "out, or quote a text that begins so";
    static const char tags[] = "tags (!) are not supported: remove it, or quote a text that begins "
                               "so";
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        anchor = event->data.alias.anchor;
        break;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor || tag)
        return fail_mark(b, &event->start_mark, anchor ? anchors : tags);
    return TC_OK;
}

static int on_event(struct build *b, const yaml_event_t *event)
{
    int rc = refuse(b, event);
    if (rc)
        return rc;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->document_cnt++ > 0)
            return fail_mark(b, &event->start_mark, "a second document (---): one file, one");
        return TC_OK;
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, event, TC_NODE_MAP);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, event, TC_NODE_LIST);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return TC_OK;
    default:
        return TC_OK;
    }
}

/* ---- the parser ---- */

static int fail_yaml(const yaml_parser_t *p, struct tc_str yaml, struct tc_err *err)
{
    char text[TC_ERR_TEXT_BYTES];
    size_t line = p->problem_mark.line;
    size_t col = p->problem_mark.column;
    snprintf(text, sizeof(text), "not YAML: %s%s%s", p->context ? p->context : "",
             p->context ? ", " : "", p->problem ? p->problem : "cannot be read");
    if (p->error == YAML_READER_ERROR) { /* its place is an offset only */
        line = 0;
        col = 0;
        for (size_t i = 0; i < p->problem_offset && i < yaml.len; i++) {
            line += yaml.ptr[i] == '\n';
            col = yaml.ptr[i] == '\n' ? 0 : col + 1;
        }
    }
    return fail_at(err, line, col, text);
}

static int read_events(struct build *b, yaml_parser_t *p, struct tc_str yaml)
{
    for (bool is_end = false; !is_end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(p, &event))
            return fail_yaml(p, yaml, b->err);
        int rc = on_event(b, &event);
        is_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (rc)
            return rc;
    }
    return TC_OK;
}

/* An empty file, or one of comments only, is an empty mapping. */
static int mend_root(struct tc_tree *tree, struct tc_err *err)
{
    const struct tc_str none = { NULL, 0 };
    if (tree->root && tree->root->kind == TC_NODE_MAP)
        return TC_OK;
    if (tree->root && !tc_node_is_null(tree->root))
        return tc_node_fail(
            tree->root, false, NULL, err,
            "a configuration is a mapping of keys, like: listen: \"127.0.0.1:8080\"");
    struct tc_node *root = tc_tree_add(tree, NULL, TC_NODE_MAP, none, none);
    TC_ASSERT(root);
    root->line = 1;
    root->col = 1;
    return TC_OK;
}

int tc_tree_parse(struct tc_tree *tree, struct tc_str yaml, struct tc_err *err)
{
    yaml_parser_t parser;
    struct build b = { .tree = tree, .err = err };
    memset(tree, 0, sizeof(*tree));
    if (yaml.len > TC_TREE_FILE_MAX)
        return tc_err_set(err, -TC_ELIMIT, "the file has %zu bytes, at most %d are read", yaml.len,
                          TC_TREE_FILE_MAX);
    if (!yaml_parser_initialize(&parser))
        return tc_err_set(err, -TC_ENOMEM, "libyaml has no memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(yaml.len ? yaml.ptr : ""),
                                 yaml.len);
    int rc = read_events(&b, &parser, yaml);
    yaml_parser_delete(&parser);
    if (!rc)
        rc = mend_root(tree, err);
    if (rc)
        tc_tree_fini(tree);
    return rc;
}

void tc_tree_fini(struct tc_tree *tree)
{
    tc_arena_drop(&tree->arena);
    memset(tree, 0, sizeof(*tree));
}
