// SPDX-License-Identifier: Apache-2.0
/* core/conf/tree: YAML text as nodes that know their line and column.
 *
 * libyaml scans; this builds the tree within bounds and refuses what a configuration has no use
 * for: anchors and aliases, tags, keys that are not texts, a key that stands twice, several
 * documents. Nodes may also be added by hand (the environment); those have no place but the
 * variable's name. Not for: meaning; core/conf/parse gives it. Memory: the tree owns all nodes and
 * texts. Threads: one. */
#ifndef TC_CORE_CONF_TREE_H
#define TC_CORE_CONF_TREE_H

#include "core/base/err.h"

enum {
    TC_TREE_FILE_MAX = 1 << 20, /* bytes */
    TC_TREE_DEPTH_MAX = 16,
    TC_TREE_NODES_MAX = 32768,
    TC_TREE_CHILDREN_MAX = 1024, /* of one mapping or list */
    TC_TREE_TEXT_MAX = 4096,     /* bytes of a scalar */
    TC_TREE_PATH_MAX = 256,      /* bytes of "sources[0].kafka.topics[1].room" */
};

enum tc_node_kind { TC_NODE_TEXT, TC_NODE_MAP, TC_NODE_LIST };

struct tc_node {
    enum tc_node_kind kind;
    bool is_plain; /* a text without quotes */
    int line;      /* of the value, from 1; 0: not from a file */
    int col;
    int key_line; /* of the key, in a mapping */
    int key_col;
    const char *key;  /* in a mapping; NULL in a list and at the root */
    const char *text; /* of a text */
    const char *env;  /* the variable that set it; NULL: the file did */
    uint32_t child_cnt;
    struct tc_node *first;
    struct tc_node *last;
    struct tc_node *next; /* child of the same parent */
};

struct tc_tree {
    struct tc_node *root; /* a mapping, empty for an empty file */
    uint32_t node_cnt;
    void *arena;
};

/* Fills *tree; tc_tree_fini is due on success only. */
int tc_tree_parse(struct tc_tree *tree, struct tc_str yaml, struct tc_err *err) TC_MUST_CHECK;
void tc_tree_fini(struct tc_tree *tree);

/* A new last child of parent (NULL: the root). key and text are copied and may be NULL. NULL if a
 * bound of the tree would be passed. */
struct tc_node *tc_tree_add(struct tc_tree *tree, struct tc_node *parent, enum tc_node_kind kind,
                            struct tc_str key, struct tc_str text) TC_MUST_CHECK;

/* The child of that key, NULL if none. */
struct tc_node *tc_node_child(const struct tc_node *map, const char *key);

/* Item idx of a list, NULL if it is shorter. */
struct tc_node *tc_node_item(const struct tc_node *list, uint32_t idx);

/* "key:" with nothing after it, "~" or "null". */
bool tc_node_is_null(const struct tc_node *node);

/* The node at a path like "sources[0].kafka.brokers", or the nearest one above it. */
const struct tc_node *tc_tree_near(const struct tc_tree *tree, const char *path);

/* Fills *err with the place of node (its key's if is_key) and "path: text"; a node of the
 * environment is named by its variable instead. Returns -TC_EINVAL. path may be NULL. */
int tc_node_fail(const struct tc_node *node, bool is_key, const char *path, struct tc_err *err,
                 const char *fmt, ...) TC_PRINTF(5, 6);

#define TC_QUOTE_BYTES 72

/* text as it may stand in a message: shortened at a character's end, control characters as '?'.
 * Returns out. */
const char *tc_quote(char out[TC_QUOTE_BYTES], const char *text);

#endif
