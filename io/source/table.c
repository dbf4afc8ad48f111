// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/kafka.h"
#include "io/source/replay/replay.h"
#include "io/source/source.h"
#include "io/source/synth/synth.h"

const struct tc_source_ops *const tc_source_table[] = {
    [TC_SOURCE_KAFKA] = &tc_source_kafka,
    [TC_SOURCE_SYNTH] = &tc_source_synth,
    [TC_SOURCE_REPLAY] = &tc_source_replay,
};
