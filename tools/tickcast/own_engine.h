// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/own_engine: an engine with made-up prices in a child process, for `tickcast bench`
 * without a server to measure. It listens on a free port of 127.0.0.1 and ends with its parent.
 *
 * With two cores or more it has the first for itself, and the caller is left with the others. One
 * at a time; to be called before a thread is started. */
#ifndef TC_TOOLS_TICKCAST_OWN_ENGINE_H
#define TC_TOOLS_TICKCAST_OWN_ENGINE_H

#include "tools/bench/bench.h"

extern const struct tc_load_own tc_own_engine;

#endif
