// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/load_conf: a configuration from a file and the environment, wholly checked. */
#ifndef TC_TOOLS_TICKCAST_LOAD_CONF_H
#define TC_TOOLS_TICKCAST_LOAD_CONF_H

#include <stdio.h>

#include "core/conf/conf.h"
#include "core/room/rule.h"
#include "io/engine/types.h"

/* file: a path, "-" for standard input, NULL for the environment alone. rules: filled with the
 * compiled room templates, which refer to texts of *conf (tc_conf_fini frees them) and to *types
 * (tc_types_free); rules and types are both NULL if all is only to be checked. On error neither
 * holds anything. */
int tc_load_conf(struct tc_conf *conf, struct tc_rules *rules, struct tc_types *types,
                 const char *file, char *const *envp, struct tc_err *err) TC_MUST_CHECK;

/* One line, "FILE:LINE:COL: error: text", as compilers write it. */
void tc_load_conf_complain(FILE *out, const char *file, const struct tc_err *err);

/* The environment sets something, so that a file may be absent. */
bool tc_load_conf_has_env(char *const *envp);

#endif
