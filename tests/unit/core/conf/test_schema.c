// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/conf/schema.h"

Test(schema, rows)
{
    /* Goal: each row is whole: its own path and variable, a text, a way to be shown, a range. */
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        const struct tc_key *key = &tc_schema[i];
        char env[256];
        char other[256];
        cr_expect_eq(tc_schema_find(key->path), key, "%s stands twice", key->path);
        cr_expect(key->doc && key->doc[0], "%s has no text", key->path);
        cr_expect(key->def || key->example, "%s cannot be shown", key->path);
        cr_expect_not(key->def && key->is_required, "%s", key->path);
        cr_expect_leq(key->min, key->max, "%s", key->path);
        cr_expect((key->type == TC_KEY_ENUM || key->type == TC_KEY_WORD) == (key->names != NULL),
                  "%s", key->path);
        tc_schema_env(key, env, sizeof(env));
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(tc_schema_env(&tc_schema[j], other, sizeof(other)), env);
    }
}

Test(schema, groups)
{
    /* Goal: mappings and lists are known as such, and each mapping of the table has a text. */
    cr_assert(tc_schema_is_map("limits"));
    cr_assert(tc_schema_is_map("sources[].kafka"));
    cr_assert(tc_schema_is_list("sources"));
    cr_assert(tc_schema_is_list("sources[].kafka.topics"));
    cr_assert_not(tc_schema_is_map("limit"));
    cr_assert_not(tc_schema_is_list("listen"));
    for (size_t i = 0; i < tc_schema_cnt; i++) {
        const char *path = tc_schema[i].path;
        size_t len = (size_t)(tc_schema_leaf(path) - path);
        bool has_text = false;
        len -= len > 0;
        for (size_t j = 0; j < tc_schema_group_cnt; j++)
            has_text = has_text || (strlen(tc_schema_groups[j].path) == len &&
                                    strncmp(tc_schema_groups[j].path, path, len) == 0);
        cr_expect(has_text, "the mapping of %s has none", path);
    }
}

Test(schema, names)
{
    /* Goal: names of a mapping come once each, for suggestions. */
    struct tc_str names[64];
    size_t cnt = tc_schema_names("sources[]", names, TC_ARRAY_CNT(names));
    cr_assert_eq(cnt, 6);
    cr_assert(tc_str_eq(names[0], TC_STR("name")));
    cr_assert(tc_str_eq(names[3], TC_STR("kafka")));
    cnt = tc_schema_names("", names, TC_ARRAY_CNT(names));
    cr_assert_lt(cnt, TC_ARRAY_CNT(names));
    cr_assert(tc_str_eq(names[cnt - 1], TC_STR("sources")));
}

Test(schema, env)
{
    /* Goal: variables are spelt as the contract says. */
    static const char *const rows[][2] = {
        { "listen", "TICKCAST_LISTEN" },
        { "limits.event_bytes", "TICKCAST_LIMITS_EVENT_BYTES" },
        { "workers.cpus", "TICKCAST_WORKERS_CPUS_N" },
        { "sources[].kafka.topics[].room", "TICKCAST_SOURCES_N_KAFKA_TOPICS_N_ROOM" },
        { "sources[].kafka.properties", "TICKCAST_SOURCES_N_KAFKA_PROPERTIES_NAME" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        char env[256];
        cr_assert_str_eq(tc_schema_env(tc_schema_find(rows[i][0]), env, sizeof(env)), rows[i][1]);
    }
}
