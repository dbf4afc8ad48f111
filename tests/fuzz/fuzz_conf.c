// SPDX-License-Identifier: Apache-2.0
/* A configuration file and, after a line "%env", variables: one "NAME=value" a line. Whatever
 * comes, the parser ends, keeps its bounds, names a place or a variable, and leaves no memory. */
#include <stdlib.h>

#include "core/conf/parse.h"

enum { VARS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Splits text, which ends with NUL, at its line ends. */
static void split(char *text, char **vars)
{
    size_t cnt = 0;
    while (*text && cnt < VARS_MAX) {
        size_t len = strcspn(text, "\n");
        vars[cnt++] = text;
        text += len;
        if (*text)
            *text++ = '\0';
    }
    vars[cnt] = NULL;
}

static void check(const struct tc_conf *conf, int rc, const struct tc_err *err)
{
    if (rc) {
        TC_ASSERT(rc < 0 && err->code == rc && err->text[0] && !conf->arena);
        TC_ASSERT((err->line > 0) == (err->col > 0));
        return;
    }
    TC_ASSERT(conf->source_cnt > 0 && conf->source_cnt <= TC_SOURCES_MAX);
    for (uint32_t i = 0; i < conf->source_cnt; i++) {
        const struct tc_conf_source *source = &conf->sources[i];
        TC_ASSERT(source->name && source->rule_cnt > 0);
        for (uint32_t j = 0; j < source->rule_cnt; j++)
            TC_ASSERT(source->rules[j].topic && source->rules[j].room && source->rules[j].event);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "%env\n";
    static struct tc_conf conf;
    char *vars[VARS_MAX + 1] = { NULL };
    struct tc_err err = { .code = 0 };
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    struct tc_str yaml = { text, size };
    char *env = memmem(text, size, mark, sizeof(mark) - 1);
    if (env) {
        yaml.len = (size_t)(env - text);
        split(env + sizeof(mark) - 1, vars);
    }
    int rc = tc_conf_parse(&conf, yaml, vars, &err);
    check(&conf, rc, &err);
    tc_conf_fini(&conf);
    free(text);
    return 0;
}
