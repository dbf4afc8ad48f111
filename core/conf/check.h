// SPDX-License-Identifier: Apache-2.0
/* core/conf/check: what no single key can tell: values that do not fit together, what is not built
 * yet, settings of the Kafka library that would break the engine.
 *
 * Whether two room templates can make one name is asked in core/topo/check_rules, which knows
 * templates. */
#ifndef TC_CORE_CONF_CHECK_H
#define TC_CORE_CONF_CHECK_H

#include "core/conf/conf.h"
#include "core/conf/tree.h"

/* A history that held fewer of the largest events would lap its readers at once. */
enum { TC_CONF_HISTORY_EVENTS_MIN = 16 };

/* conf was filled from tree, whose nodes give the places. */
int tc_conf_check(const struct tc_conf *conf, const struct tc_tree *tree,
                  struct tc_err *err) TC_MUST_CHECK;

#endif
