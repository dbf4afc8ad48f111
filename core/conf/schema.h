// SPDX-License-Identifier: Apache-2.0
/* core/conf/schema: the one table of all settings.
 *
 * A row drives everything that is known of a key: how the file and the environment are parsed, its
 * range, its default, its place in struct tc_conf, the commented default and docs/configuration.md.
 * A new setting is a field in conf.h and a row here.
 *
 * A path names mappings with '.', lists with "[]": sources[].kafka.topics[].room. The variable of a
 * key is its path in upper case with '_' between, an index for each "[]":
 * TICKCAST_SOURCES_0_KAFKA_TOPICS_1_ROOM. Constant data: any thread. */
#ifndef TC_CORE_CONF_SCHEMA_H
#define TC_CORE_CONF_SCHEMA_H

#include "core/conf/conf.h"

enum tc_key_type {
    TC_KEY_TEXT,       /* const char *; min and max: bytes */
    TC_KEY_TEMPLATE,   /* the same; its place goes to line and col of the rule */
    TC_KEY_FILE,       /* the same; its place goes to line and col of the source's replay */
    TC_KEY_U32,        /* uint32_t */
    TC_KEY_U64,        /* uint64_t */
    TC_KEY_SIZE32,     /* uint32_t bytes, k m g allowed */
    TC_KEY_SIZE64,     /* uint64_t bytes, k m g allowed */
    TC_KEY_SPAN,       /* uint32_t ms; a bare number counts ms, or s if the name ends in _s */
    TC_KEY_FLOAT,      /* double */
    TC_KEY_ENUM,       /* an enum whose values are the indices of names */
    TC_KEY_WORD,       /* const char *, one of names */
    TC_KEY_START,      /* struct tc_conf_start */
    TC_KEY_U32_LIST,   /* uint32_t[item_max]; min and max: of each item */
    TC_KEY_TEXT_LIST,  /* const char *[item_max] */
    TC_KEY_PROPERTIES, /* struct tc_conf_property[item_max]: a mapping of free names */
};

enum tc_key_scope { TC_SCOPE_CONF, TC_SCOPE_SOURCE, TC_SCOPE_RULE }; /* the struct of off */

struct tc_key {
    const char *path;
    enum tc_key_type type;
    enum tc_key_scope scope;
    uint32_t item_max; /* of a list or mapping of free names; 0: one value */
    bool is_required;
    size_t off;     /* of the field */
    size_t cnt_off; /* of its count (uint32_t): lists and properties */
    uint64_t min;
    uint64_t max;
    const char *def;          /* as text; NULL: none, or empty for a list */
    const char *example;      /* in the commented default where there is no default */
    const char *const *names; /* ended by NULL */
    const char *doc;
};

/* A mapping or list that holds keys, for the documents. */
struct tc_key_group {
    const char *path; /* "limits", "sources[].kafka" */
    const char *doc;
};

extern const struct tc_key tc_schema[];
extern const size_t tc_schema_cnt;
extern const struct tc_key_group tc_schema_groups[];
extern const size_t tc_schema_group_cnt;

/* The row of that path, NULL if it is none. */
const struct tc_key *tc_schema_find(const char *path);

/* path is a mapping of keys ("sources[].kafka"). */
bool tc_schema_is_map(const char *path);

/* path is a list of mappings ("sources"). */
bool tc_schema_is_list(const char *path);

/* Names directly below the mapping path ("" : the top), each once, in the order of the table;
 * returns how many, at most max. They are views into the table. */
size_t tc_schema_names(const char *path, struct tc_str *names, size_t max);

/* The last name of a path. */
const char *tc_schema_leaf(const char *path);

/* TICKCAST_... of a row, with N for each index. Returns out. */
const char *tc_schema_env(const struct tc_key *key, char *out, size_t out_bytes);

#define TC_ENV_PREFIX "TICKCAST_"

#endif
