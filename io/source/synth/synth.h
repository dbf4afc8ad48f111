// SPDX-License-Identifier: Apache-2.0
/* io/source/synth: a generator with a fixed schedule, for measurements and demos.
 *
 * Open loop: message i of the run is due at start + floor(i / burst) * burst / rate, whatever the
 * engine does meanwhile; its payload carries that intended time, so that a reader sees the delay of
 * a late engine too. Behind schedule it catches up with at most record_max messages per poll.
 *
 * One log, partition 0, pos counts from 0. key: the symbol's index as decimal text, for the
 * template place {n}. Symbols take turns. Payload, about payload_bytes long (padded by "pad"):
 *   {"symbol":"S3","price":"61737.63",...,"seq":7,"t_ns":123,"t_ms":1723075200123,"pad":"xxx"}
 * t_ns: intended time on the monotonic clock; t_ms: the same on the wall clock, also the record's
 * timestamp. Prices follow proto/feed/ticks: the same seed, the same walk. */
#ifndef TC_IO_SOURCE_SYNTH_SYNTH_H
#define TC_IO_SOURCE_SYNTH_SYNTH_H

#include "io/source/source.h"

extern const struct tc_source_ops tc_source_synth;

#endif
