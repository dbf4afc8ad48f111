// SPDX-License-Identifier: Apache-2.0
#include "bench/loadgen_dialects/table.h"

#include "bench/loadgen_dialects/peers.h"

const struct tc_load_dialect *const loadgen_dialects[] = {
    &tc_load_tickcast,
    &tc_load_grpc,
    &tc_load_raw,
    /* the peers */
    &loadgen_socketio,
    &loadgen_nats,
    &loadgen_centrifuge,
    NULL,
};
