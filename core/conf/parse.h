// SPDX-License-Identifier: Apache-2.0
/* core/conf/parse: from the bytes of a configuration file and the environment to struct tc_conf.
 *
 * In this order: YAML to a tree (tree.h), the environment over it (env.h), each node to its field
 * by the schema (schema.h), then what no single key can tell (check.h). The first error ends it,
 * with line and column in *err, or the name of the variable in its text. Files are the caller's
 * matter. Threads: one; the result may then be read by all. */
#ifndef TC_CORE_CONF_PARSE_H
#define TC_CORE_CONF_PARSE_H

#include "core/base/err.h"
#include "core/conf/conf.h"

/* yaml may be empty: defaults and environment alone. envp: "NAME=value" up to a NULL, or NULL; only
 * names with TICKCAST_ are looked at. On error *conf holds nothing that must be freed. */
int tc_conf_parse(struct tc_conf *conf, struct tc_str yaml, char *const *envp,
                  struct tc_err *err) TC_MUST_CHECK;

/* Frees the texts and rules. Harmless on a zeroed struct. */
void tc_conf_fini(struct tc_conf *conf);

#endif
