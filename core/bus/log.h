// SPDX-License-Identifier: Apache-2.0
/* core/bus/log: the logs of one source: append-only, written by its ingest agent, read by workers.
 *
 * An entry's fixed part is complete before `cnt` covers it; the atomics move on. */
#ifndef TC_CORE_BUS_LOG_H
#define TC_CORE_BUS_LOG_H

#include <stdatomic.h>

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/mem/mem.h"

struct tc_log {
    char name[TC_LOG_NAME_MAX];
    uint32_t name_len;
    uint32_t rule;
    uint32_t partition;
    uint32_t replaces;         /* TC_NONE: none */
    int64_t start_pos;         /* nothing below it was asked for */
    _Atomic int64_t next_pos;  /* everything below it was read */
    _Atomic int64_t end_pos;   /* the source's end, -1: unknown */
    _Atomic int64_t stale_ms;  /* wall clock since which it is stale, 0: fresh */
    _Atomic bool is_caught_up; /* its end was seen at least once */
};

struct tc_logs {
    struct tc_log *logs;
    uint32_t max;
    _Atomic uint32_t cnt;
    _Atomic bool is_known;   /* all logs that exist at start are in the table */
    _Atomic int64_t away_ms; /* wall clock since which the whole source is away, 0: it is there */
    _Atomic int64_t trouble_ms; /* the same for a part of it, whose logs may not even be known */
};

/* max: logs that it can hold, at most TC_LOGS_MAX. -TC_ENOMEM with *err. */
int tc_logs_init(struct tc_logs *logs, uint32_t max, struct tc_mem *mem, const char *holder,
                 struct tc_err *err) TC_MUST_CHECK;

/* Writer: appends; the index, or -TC_ELIMIT. name must fit TC_LOG_NAME_MAX. */
int tc_logs_add(struct tc_logs *logs, struct tc_str name, uint32_t rule, uint32_t partition,
                int64_t start_pos, uint32_t replaces) TC_MUST_CHECK;

/* Any thread: all logs known and each was read to its end once. */
bool tc_logs_is_warm(const struct tc_logs *logs);

/* Any thread: index of the log with that name, TC_NONE if there is none. */
uint32_t tc_logs_find(const struct tc_logs *logs, struct tc_str name);

#endif
