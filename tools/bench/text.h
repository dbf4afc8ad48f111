// SPDX-License-Identifier: Apache-2.0
/* tools/bench/text: the numbers of an update, found in its text.
 *
 * "pos", "prev" and "t_ns" come in this order (tools/bench/dialect.h). Messages of one server look
 * alike, so the places of the last one are tried first: that makes a generator that reads every
 * message affordable. One thread. */
#ifndef TC_TOOLS_BENCH_TEXT_H
#define TC_TOOLS_BENCH_TEXT_H

#include "core/base/base.h"

enum {
    TC_LOAD_NULL = -1,  /* "prev":null */
    TC_LOAD_ABSENT = -2 /* no such member, or not a number of at most 18 digits */
};

/* Where the members were in the last text; zeroed: nowhere. */
struct tc_load_places {
    uint32_t pos, prev, time;
};

/* pos, prev and the place behind prev. False: it is not an update. */
bool tc_load_find_update(struct tc_load_places *places, const char *text, size_t len, int64_t *pos,
                         int64_t *prev, size_t *end);

/* "t_ns" in payload; TC_LOAD_ABSENT: it has none. */
int64_t tc_load_find_time(struct tc_load_places *places, const char *payload, size_t len);

/* The number behind `key` (with quotes and colon) wherever it is. */
int64_t tc_load_find_number(const char *text, size_t len, struct tc_str key);

/* The text of a member `key` (with quotes, colon and the opening quote of its value), up to the
 * next quote; ptr NULL: there is none. */
struct tc_str tc_load_find_text(const char *text, size_t len, struct tc_str key);

#endif
