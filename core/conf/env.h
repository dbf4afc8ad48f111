// SPDX-License-Identifier: Apache-2.0
/* core/conf/env: settings from the environment, laid over the tree of the file.
 *
 * Each key has a variable (schema.h says how it is named), each list item one with its index; the
 * next free index makes a new item. TICKCAST_SOURCES_0_KAFKA_PROPERTIES_FETCH_WAIT_MAX_MS names a
 * free property: it replaces the one of the file whose name looks so in upper case with '_' for
 * '.', or else adds "fetch.wait.max.ms". A variable TICKCAST_... that names no key is an error, so
 * that a slip is not silently ignored. */
#ifndef TC_CORE_CONF_ENV_H
#define TC_CORE_CONF_ENV_H

#include "core/conf/tree.h"

enum { TC_ENV_VARS_MAX = 4096 }; /* of ours */

/* envp: "NAME=value" up to a NULL, as main() gets it; may be NULL. */
int tc_env_apply(struct tc_tree *tree, char *const *envp, struct tc_err *err) TC_MUST_CHECK;

#endif
