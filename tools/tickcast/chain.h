// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/chain: proves, for one room, that nothing is missing between updates.
 *
 * The rule: nothing is missing between `last` and an update iff prev <= last < pos. Whatever the
 * server cannot deliver it must declare (conflated, gap, cannot-recover); a declared range moves
 * `last` on without a complaint, an undeclared one is a hole.
 *
 * Pure: values of messages in, verdicts out. One thread. Positions and times are those of the
 * messages; TC_CHAIN_NONE stands for null. */
#ifndef TC_TOOLS_TICKCAST_CHAIN_H
#define TC_TOOLS_TICKCAST_CHAIN_H

#include "core/base/limits.h"

enum {
    TC_CHAIN_NONE = -1,    /* null: nothing comes before */
    TC_CHAIN_UNKNOWN = -2, /* no place yet: any next update begins a chain */
};

enum tc_chain_verdict {
    TC_CHAIN_PROVED, /* an update that follows on what was there */
    TC_CHAIN_BEGUN,  /* a snapshot, or the first update of a chain: proves nothing */
    TC_CHAIN_AGAIN,  /* pos <= last: a duplicate or out of order */
    TC_CHAIN_HOLE,   /* prev > last: something is missing and nobody said so */
};

struct tc_chain {
    int64_t last;
    int64_t last_ts_ms;                 /* record time at last; -1: not known */
    bool is_asked;                      /* the subscription under way named a position */
    char log[TC_LOG_NAME_MAX + 1];      /* in which last counts; empty: not known */
    char next_log[TC_LOG_NAME_MAX + 1]; /* confirmed, but not the one asked for */
};

void tc_chain_init(struct tc_chain *chain);

/* To be called when a subscription is sent. True: it must carry `from` = log, last, last_ts_ms;
 * false: it starts anew. */
bool tc_chain_ask(struct tc_chain *chain);

/* subscription-confirmed. log may be empty (null). */
void tc_chain_confirm(struct tc_chain *chain, struct tc_str log, int64_t pos);

/* An update. */
enum tc_chain_verdict tc_chain_update(struct tc_chain *chain, int64_t pos, int64_t prev,
                                      int64_t ts_ms, bool is_snapshot);

/* conflated: (from, to] was skipped. from must not be beyond what was delivered: TC_CHAIN_HOLE. */
enum tc_chain_verdict tc_chain_conflated(struct tc_chain *chain, int64_t from, int64_t to);

/* gap: the log lost everything up to to. */
void tc_chain_gap(struct tc_chain *chain, int64_t to);

/* cannot-recover: the next update begins a chain, in the log that was confirmed. */
void tc_chain_cannot_recover(struct tc_chain *chain);

/* moved: the room goes on in another log. */
void tc_chain_moved(struct tc_chain *chain, struct tc_str log, int64_t pos);

#endif
