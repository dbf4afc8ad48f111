// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/conf/tree.h"

static struct tc_tree tree;
static struct tc_err err;

static int parse(const char *yaml)
{
    memset(&err, 0, sizeof(err));
    return tc_tree_parse(&tree, tc_str_from(yaml), &err);
}

Test(tree, places)
{
    /* Goal: every node knows its line and column, and keys theirs. */
    cr_assert_eq(parse("# c\na: 1\nb:\n  - x\n  - { c: \"y z\" }\n"), 0);
    const struct tc_node *a = tc_node_child(tree.root, "a");
    cr_assert_eq(a->line, 2);
    cr_assert_eq(a->col, 4);
    cr_assert_eq(a->key_col, 1);
    const struct tc_node *b = tc_node_child(tree.root, "b");
    cr_assert_eq(b->kind, TC_NODE_LIST);
    cr_assert_eq(b->child_cnt, 2);
    const struct tc_node *c = tc_tree_near(&tree, "b[1].c");
    cr_assert_str_eq(c->text, "y z");
    cr_assert_not(c->is_plain);
    cr_assert_eq(c->line, 5);
    cr_assert_eq(c->col, 10);
    cr_assert_eq(c->key_col, 7);
    cr_assert_eq(tc_tree_near(&tree, "b[2].c"), b, "the nearest one above");
    cr_assert_eq(tc_tree_near(&tree, "nothing"), tree.root);
    cr_assert_null(tc_node_item(b, 2));
    tc_tree_fini(&tree);
}

Test(tree, empty)
{
    /* Goal: an empty file, comments and an empty document are an empty mapping. */
    const char *const rows[] = { "", "# only this\n", "---\n", "---\n...\n", "~" };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_assert_eq(parse(rows[i]), 0, "row %zu: %s", i, err.text);
        cr_assert_eq(tree.root->kind, TC_NODE_MAP);
        cr_assert_eq(tree.root->child_cnt, 0);
        tc_tree_fini(&tree);
    }
}

Test(tree, refused)
{
    /* Goal: what is not YAML, or YAML that we have no use for, is refused at its place. */
    static const struct {
        const char *yaml;
        int line;
        int col;
        const char *part;
    } rows[] = {
        { "a: 1\nb: { c: 1\n", 3, 1, "not YAML" },
        { "a: \"x\n", 2, 1, "not YAML" },
        { "a:\n\t- b\n", 2, 1, "not YAML" },
        { "a: 1\nb\n", 3, 1, "not YAML" },
        { "a: 1\nb: \xff\n", 2, 4, "not YAML" },
        { "a: 1\nb: 2\na: 3\n", 3, 1, "first in line 1" },
        { "a: &x 1\nb: *x\n", 1, 4, "anchors" },
        { "b: *x\n", 1, 4, "anchors" },
        { "a: !!int 1\n", 1, 4, "tags" },
        { "a: !x {}\n", 1, 4, "tags" },
        { "? [a]\n: 1\n", 1, 3, "key must be a text" },
        { "? {a: 1}\n: 1\n", 1, 3, "key must be a text" },
        { "a: 1\n---\nb: 2\n", 2, 1, "second document" },
        { "- a\n", 1, 1, "mapping of keys" },
        { "text", 1, 1, "mapping of keys" },
        { "a: \"x\\0y\"\n", 1, 4, "NUL" },
        { "a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", 1, 19, "16 levels" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_expect_lt(parse(rows[i].yaml), 0, "row %zu", i);
        cr_expect(err.line == rows[i].line && err.col == rows[i].col, "row %zu: %d:%d %s", i,
                  err.line, err.col, err.text);
        cr_expect(strstr(err.text, rows[i].part), "row %zu: %s", i, err.text);
    }
}

/* head, then cnt times part. */
static char *repeat(const char *head, const char *part, size_t cnt)
{
    size_t len = strlen(head);
    size_t step = strlen(part);
    char *text = malloc(len + cnt * step + 1);
    memcpy(text, head, len);
    for (size_t i = 0; i < cnt; i++)
        memcpy(text + len + i * step, part, step);
    text[len + cnt * step] = '\0';
    return text;
}

Test(tree, bounds)
{
    /* Goal: size of the file, of a text, of a list and of the whole are bounded. */
    char *text = repeat("a: 1\n", "# 23456\n", TC_TREE_FILE_MAX / 8);
    cr_assert_eq(parse(text), -TC_ELIMIT);
    free(text);
    text = repeat("a: ", "x", TC_TREE_TEXT_MAX + 1);
    cr_assert_lt(parse(text), 0);
    cr_assert_eq(err.col, 4);
    text[3 + TC_TREE_TEXT_MAX] = '\0';
    cr_assert_eq(parse(text), 0);
    tc_tree_fini(&tree);
    free(text);
    text = repeat("a:\n", "- 1\n", TC_TREE_CHILDREN_MAX + 1);
    cr_assert_lt(parse(text), 0);
    cr_assert_eq(err.line, TC_TREE_CHILDREN_MAX + 2);
    free(text);
    text = repeat("", "- [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]\n",
                  TC_TREE_CHILDREN_MAX);
    cr_assert_lt(parse(text), 0);
    cr_assert(strstr(err.text, "32768"));
    free(text);
}

Test(tree, quote)
{
    /* Goal: a quoted text cannot break a terminal, and is cut between characters. */
    char out[TC_QUOTE_BYTES];
    cr_assert_str_eq(tc_quote(out, "a\033[1mb"), "a?[1mb");
    cr_assert_str_eq(tc_quote(out, "h\u00e9"), "h\u00e9");
    char *text = repeat("x", "\u00e9", 60);
    tc_quote(out, text);
    size_t len = strlen(out);
    cr_assert_lt(len, TC_QUOTE_BYTES);
    cr_assert_str_eq(out + len - 3, "...");
    cr_assert_eq((unsigned char)out[len - 4], 0xa9, "the last character is whole");
    free(text);
}

Test(tree, added)
{
    /* Goal: nodes added by hand are found, and errors at them name the variable. */
    cr_assert_eq(parse("a: ~\n"), 0);
    cr_assert(tc_node_is_null(tc_node_child(tree.root, "a")));
    struct tc_node *node = tc_tree_add(&tree, tree.root, TC_NODE_TEXT, TC_STR("b"), TC_STR("text"));
    node->env = "TICKCAST_B";
    cr_assert_eq(tc_node_child(tree.root, "b"), node);
    cr_assert_eq(tc_node_fail(node, true, "b", &err, "is %s", "bad"), -TC_EINVAL);
    cr_assert_str_eq(err.text, "TICKCAST_B: is bad");
    cr_assert_eq(err.line, 0);
    tc_tree_fini(&tree);
}
