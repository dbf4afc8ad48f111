// SPDX-License-Identifier: Apache-2.0
/* bench/loadgen_dialects/peers: how the load generator speaks to the peers of bench/peers, one file
 * each. A new one is a file, a declaration here and a row in table.c.
 *
 * They are rows of tools/bench/dialect. One request of a connection is under way at a time, as the
 * generator has it. */
#ifndef TC_BENCH_LOADGEN_DIALECTS_PEERS_H
#define TC_BENCH_LOADGEN_DIALECTS_PEERS_H

#include "tools/bench/dialect.h"

extern const struct tc_load_dialect loadgen_socketio;
extern const struct tc_load_dialect loadgen_nats;
extern const struct tc_load_dialect loadgen_centrifuge;

/* ---- what they share ---- */

enum {
    LOADGEN_ROOMS_MAX = 256, /* asked for in one message */
    LOADGEN_ASK_BYTES = LOADGEN_ROOMS_MAX * (TC_LOAD_NAME_MAX + 64),
};
_Static_assert(LOADGEN_ASK_BYTES < 64 * 1024, "more than one send takes");

static inline bool loadgen_starts_with(const char *text, size_t len, struct tc_str head)
{
    return len >= head.len && memcmp(text, head.ptr, head.len) == 0;
}

#endif
