// SPDX-License-Identifier: Apache-2.0
/* core/topo/check_rules: the room templates of a configuration, compiled and held against each
 * other.
 *
 * A room lives in one log, so two topics that can make one room name are a mistake of the
 * configuration, over all sources: refused at the start, before a record shows it. Control path. */
#ifndef TC_CORE_TOPO_CHECK_RULES_H
#define TC_CORE_TOPO_CHECK_RULES_H

#include "core/conf/conf.h"
#include "core/room/rule.h"

/* Fills *rules; its texts are those of *conf, which must outlive it (a template with {topic} gets
 * its topic's name written in, in memory of *conf). -TC_EINVAL with line and column of the template
 * that is wrong, or of the second of two that can make one room. */
int tc_check_rules(struct tc_conf *conf, struct tc_rules *rules, struct tc_err *err) TC_MUST_CHECK;

#endif
