// SPDX-License-Identifier: Apache-2.0
/* tests/lib/proof: the chain rule of one subscription, and its share of the journal.
 *
 * Rule (docs/protocol.md): nothing is missing between `last` and an update iff prev <= last < pos.
 * Notices move `last` by what they declare: conflated, gap, cannot-recover; moved and a recreated
 * log begin anew. Anything else that does not fit is a violation, told by a text. */
#ifndef TC_TESTS_LIB_PROOF_H
#define TC_TESTS_LIB_PROOF_H

#include "tests/lib/journal.h"

struct tc_proof {
    uint32_t conn;  /* for the journal */
    uint32_t room;  /* journal index */
    uint32_t log;   /* journal index, 0 unknown */
    bool is_member; /* confirmed and not unsubscribed */
    bool is_asked;  /* a subscribe is under way */
    bool is_resume; /* it named a position */
    bool wants_snapshot;
    bool had_hole;   /* cannot-recover came: the next snapshot is the new base */
    int64_t last;    /* TC_SCAN_NULL: nothing yet */
    int64_t last_ts; /* record time of last, or TC_SCAN_NONE */
    int64_t base;    /* of the open segment */
    uint64_t cnt, hash;
    int64_t recover_to;  /* of a recovery under way */
    int64_t recover_cnt; /* updates that it still owes */
    uint64_t update_cnt;
};

struct tc_proof_sums {
    uint64_t updates, snapshots, confirmed, recovered, recovered_events, cannot_recover;
    uint64_t conflated, skipped, gaps, moved, stale, fresh, null_prev;
};

/* Begins a subscription; resume continues from last if there is one. Keeps the room. */
void tc_proof_ask(struct tc_proof *c, bool wants_snapshot, bool is_resume);

/* One message of this room. Returns NULL, or the rule that it broke. crc: of the payload. */
const char *tc_proof_feed(struct tc_proof *c, struct tc_journal *j, struct tc_proof_sums *sums,
                          const struct tc_scan *s, uint32_t crc);

/* Ends the open segment (connection lost, unsubscribed, end of the run). is_final: an E line too.
 */
void tc_proof_close(struct tc_proof *c, struct tc_journal *j, bool is_final);

#endif
