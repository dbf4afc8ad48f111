// SPDX-License-Identifier: Apache-2.0
/* io/source/replay: a recording, handed on as it was paced.
 *
 * The file is plain or gzip, one record per line: `<receive time, ns> <JSON>`. The first column
 * paces (times the speed; speed 0: as fast as it is taken) and is not handed on: the record's
 * timestamp is the wall clock at replay, since a recorder's clock may be anything. A time that goes
 * backwards does not wait. Lines without the two columns, and lines longer than 1 MiB, are counted
 * as errors and skipped; what the engine allows as a payload is judged after the sink, as for every
 * source.
 *
 * One log, partition 0, pos is the line's index from 0; no key. At the end: caught up; the log
 * stays fresh for ever. The file is streamed: poll() reads at most a chunk of 64 KiB from it, which
 * may wait for the disk for that long; the page cache reads ahead. */
#ifndef TC_IO_SOURCE_REPLAY_REPLAY_H
#define TC_IO_SOURCE_REPLAY_REPLAY_H

#include "io/source/source.h"

extern const struct tc_source_ops tc_source_replay;

#endif
