// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen_dialects: how the load generator speaks to the peers, one file each. A new one is a
 * file, a declaration here and a row in table.c. */
#ifndef TC_BENCH_LOADGEN_DIALECTS_TABLE_H
#define TC_BENCH_LOADGEN_DIALECTS_TABLE_H

#include "tools/bench/dialect.h"

/* All of the generator's, ended by NULL; the first is the default. */
extern const struct tc_load_dialect *const loadgen_dialects[];

#endif
