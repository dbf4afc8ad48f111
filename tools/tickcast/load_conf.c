// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/load_conf.h"

#include <errno.h>

#include "core/conf/parse.h"
#include "core/conf/schema.h"
#include "core/conf/tree.h"
#include "core/mem/mem.h"
#include "core/topo/check_rules.h"

/* The whole file, or one byte more than is allowed. */
static int read_all(FILE *in, const char *name, char *bytes, size_t *len, struct tc_err *err)
{
    errno = 0;
    *len = fread(bytes, 1, TC_TREE_FILE_MAX + 1, in);
    if (ferror(in))
        return tc_err_set(err, -TC_EIO, "%s cannot be read: %s", name, strerror(errno));
    return TC_OK;
}

static int read_file(const char *file, char *bytes, size_t *len, struct tc_err *err)
{
    if (strcmp(file, "-") == 0)
        return read_all(stdin, "standard input", bytes, len, err);
    FILE *in = fopen(file, "rb");
    if (!in)
        return tc_err_set(err, -TC_EIO, "cannot be opened: %s", strerror(errno));
    int rc = read_all(in, "the file", bytes, len, err);
    fclose(in);
    return rc;
}

/* Rules, and the types that they name. */
static int load_rules(struct tc_conf *conf, struct tc_rules *rules, struct tc_types *types,
                      struct tc_err *err)
{
    int rc = tc_check_rules(conf, rules, err);
    return rc ? rc : tc_types_load(types, conf, rules, err);
}

int tc_load_conf(struct tc_conf *conf, struct tc_rules *rules, struct tc_types *types,
                 const char *file, char *const *envp, struct tc_err *err)
{
    struct tc_str yaml = { NULL, 0 };
    char *bytes = tc_alloc(TC_TREE_FILE_MAX + 1);
    int rc = file ? read_file(file, bytes, &yaml.len, err) : TC_OK;
    yaml.ptr = bytes;
    if (!rc)
        rc = tc_conf_parse(conf, yaml, envp, err);
    else
        memset(conf, 0, sizeof(*conf));
    tc_free(bytes);
    if (rc)
        return rc;
    if (rules) {
        rc = load_rules(conf, rules, types, err);
    } else {
        struct tc_rules *own = tc_alloc(sizeof(*own));
        struct tc_types own_types = { .mem = NULL };
        rc = load_rules(conf, own, &own_types, err);
        tc_types_free(&own_types);
        tc_free(own);
    }
    if (rc)
        tc_conf_fini(conf);
    return rc;
}

void tc_load_conf_complain(FILE *out, const char *file, const struct tc_err *err)
{
    fputs(!file ? "environment" : strcmp(file, "-") == 0 ? "<stdin>" : file, out);
    if (err->line > 0)
        fprintf(out, ":%d:%d", err->line, err->col);
    fprintf(out, ": error: %s\n", err->text);
}

bool tc_load_conf_has_env(char *const *envp)
{
    for (; envp && *envp; envp++) {
        if (strncmp(*envp, TC_ENV_PREFIX, sizeof(TC_ENV_PREFIX) - 1) == 0)
            return true;
    }
    return false;
}
