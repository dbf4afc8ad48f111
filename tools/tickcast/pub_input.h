// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/pub_input: where the records of `tickcast pub` come from.
 *
 * Either a synthetic feed (proto/feed/ticks, equal for equal seeds) or a recording. One thread. */
#ifndef TC_TOOLS_TICKCAST_PUB_INPUT_H
#define TC_TOOLS_TICKCAST_PUB_INPUT_H

#include "core/base/err.h"

enum { TC_PUB_SYMBOLS_MAX = 100000 };

struct tc_pub_item {
    int64_t due_ns; /* when to send, counted from the first item */
    struct tc_str key;
    struct tc_str value; /* both valid until the next call */
};

struct tc_pub_input;

/* rate: records per second over all symbols, 1..10^7; symbol_cnt: 1..TC_PUB_SYMBOLS_MAX. */
struct tc_pub_input *tc_pub_input_synth(uint32_t rate, uint32_t symbol_cnt, uint64_t seed);

/* file: lines of tools/tickcast/recording.h, plain or gzip. speed: 1 as recorded, 10 ten times
 * faster, 0 as fast as possible. NULL with *err filled if it cannot be opened. */
struct tc_pub_input *tc_pub_input_replay(const char *file, double speed, struct tc_err *err);

/* 1: *item is filled; 0: the recording is at its end; < 0 with *err filled: it cannot be read. */
int tc_pub_input_next(struct tc_pub_input *input, struct tc_pub_item *item,
                      struct tc_err *err) TC_MUST_CHECK;

/* Lines of the recording that have no symbol or are not of its format. */
uint64_t tc_pub_input_skipped(const struct tc_pub_input *input);

/* input may be NULL. */
void tc_pub_input_close(struct tc_pub_input *input);

#endif
