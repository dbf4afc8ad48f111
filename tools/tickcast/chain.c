// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/chain.h"

/* A name that is too long is not kept: the room then starts anew instead of resuming wrongly. */
static void keep(char to[TC_LOG_NAME_MAX + 1], struct tc_str log)
{
    size_t len = log.len <= TC_LOG_NAME_MAX ? log.len : 0;
    if (len)
        memcpy(to, log.ptr, len);
    to[len] = '\0';
}

void tc_chain_init(struct tc_chain *chain)
{
    memset(chain, 0, sizeof(*chain));
    chain->last = TC_CHAIN_UNKNOWN;
    chain->last_ts_ms = -1;
}

bool tc_chain_ask(struct tc_chain *chain)
{
    chain->is_asked = chain->last >= 0 && chain->log[0] != '\0';
    chain->next_log[0] = '\0';
    if (!chain->is_asked)
        chain->last = TC_CHAIN_UNKNOWN;
    return chain->is_asked;
}

void tc_chain_confirm(struct tc_chain *chain, struct tc_str log, int64_t pos)
{
    if (chain->is_asked) {
        /* Another log than the one asked for: cannot-recover follows and needs its name. */
        keep(chain->next_log, log);
        return;
    }
    keep(chain->log, log);
    chain->last = pos;
    chain->last_ts_ms = -1;
}

enum tc_chain_verdict tc_chain_update(struct tc_chain *chain, int64_t pos, int64_t prev,
                                      int64_t ts_ms, bool is_snapshot)
{
    enum tc_chain_verdict verdict = TC_CHAIN_PROVED;
    if (is_snapshot || chain->last == TC_CHAIN_UNKNOWN)
        verdict = TC_CHAIN_BEGUN;
    else if (pos <= chain->last)
        return TC_CHAIN_AGAIN;
    else if (prev > chain->last)
        verdict = TC_CHAIN_HOLE;
    chain->last = pos;
    chain->last_ts_ms = ts_ms;
    return verdict;
}

static void move_on(struct tc_chain *chain, int64_t to)
{
    if (to <= chain->last)
        return;
    chain->last = to;
    chain->last_ts_ms = -1; /* no record of ours is at that position */
}

enum tc_chain_verdict tc_chain_conflated(struct tc_chain *chain, int64_t from, int64_t to)
{
    bool is_hole = chain->last != TC_CHAIN_UNKNOWN && from > chain->last;
    move_on(chain, to);
    return is_hole ? TC_CHAIN_HOLE : TC_CHAIN_BEGUN;
}

void tc_chain_gap(struct tc_chain *chain, int64_t to)
{
    move_on(chain, to);
}

void tc_chain_cannot_recover(struct tc_chain *chain)
{
    if (chain->next_log[0])
        memcpy(chain->log, chain->next_log, sizeof(chain->log));
    chain->next_log[0] = '\0';
    chain->is_asked = false;
    chain->last = TC_CHAIN_UNKNOWN;
    chain->last_ts_ms = -1;
}

void tc_chain_moved(struct tc_chain *chain, struct tc_str log, int64_t pos)
{
    keep(chain->log, log);
    chain->last = pos;
    chain->last_ts_ms = -1;
}
