// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "tools/tickcast/load_conf.h"

static struct tc_conf conf;
static struct tc_rules rules;
static struct tc_types types;
static struct tc_err err;
static char name[64];

/* Loads text from a file. */
static int load(const char *text)
{
    snprintf(name, sizeof(name), "/tmp/tickcast-test-XXXXXX");
    int fd = mkstemp(name);
    FILE *file = fdopen(fd, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    memset(&err, 0, sizeof(err));
    int rc = tc_load_conf(&conf, &rules, &types, name, NULL, &err);
    unlink(name);
    return rc;
}

static const char *complaint(const char *file)
{
    static char line[1024];
    FILE *out = fmemopen(line, sizeof(line), "w");
    tc_load_conf_complain(out, file, &err);
    fclose(out);
    return line;
}

Test(load_conf, good)
{
    /* Goal: a file becomes settings and compiled rules. */
    cr_assert_eq(
        load("sources: [ { name: s, synth: {} }, { name: t, synth: { room: \"x-{n}\" } } ]"), 0,
        "%s", err.text);
    cr_assert_eq(conf.source_cnt, 2);
    cr_assert_eq(rules.cnt, 2);
    tc_types_free(&types);
    tc_conf_fini(&conf);
}

Test(load_conf, faults)
{
    /* Goal: errors of reading, of parsing and of rules come with file and place. */
    cr_assert_lt(load("listen: [\n"), 0);
    cr_assert(strstr(complaint("f.yaml"), "f.yaml:2:1: error: not YAML"), "%s",
              complaint("f.yaml"));
    cr_assert_lt(load("sources:\n- { name: s, synth: {} }\n- { name: t, synth: {} }\n"), 0);
    cr_assert(strstr(complaint("f"), "f:3:21: error: sources[1].synth.room"), "%s", complaint("f"));
    cr_assert_null(conf.arena);
    cr_assert_lt(tc_load_conf(&conf, NULL, NULL, "/nowhere/at-all", NULL, &err), 0);
    cr_assert(strstr(complaint("x"), "x: error: cannot be opened: No such file"));
    cr_assert_lt(tc_load_conf(&conf, NULL, NULL, "/tmp", NULL, &err), 0);
}

Test(load_conf, environment)
{
    /* Goal: variables may do without a file. */
    char *const none[] = { "PATH=/bin", NULL };
    char *const some[] = { "TICKCAST_SOURCES_0_NAME=s", "TICKCAST_SOURCES_0_SYNTH_RATE=5", NULL };
    char *const bad[] = { "TICKCAST_LISTN=x", NULL };
    cr_assert_not(tc_load_conf_has_env(none));
    cr_assert(tc_load_conf_has_env(some));
    cr_assert_eq(tc_load_conf(&conf, NULL, NULL, NULL, some, &err), 0, "%s", err.text);
    cr_assert_eq(conf.sources[0].synth.rate, 5);
    tc_types_free(&types);
    tc_conf_fini(&conf);
    cr_assert_lt(tc_load_conf(&conf, NULL, NULL, NULL, bad, &err), 0);
    cr_assert(strstr(complaint(NULL), "environment: error: TICKCAST_LISTN"));
}
