// SPDX-License-Identifier: Apache-2.0
/* tests/lib/journal: what a fleet of clients saw, compact enough to be kept whole.
 *
 * Positions are not written one by one. A subscription's history is cut into segments: inside one,
 * the client claims to have seen every event of the room in (base, last]. Beside count and a hash
 * of the positions the checker needs nothing else to prove that claim against the log, and gaps,
 * notices and conflation stand between segments. Payloads are kept once per record: a client that
 * got other bytes for the same position is a fault at once.
 *
 * Lines of the file (numbers in decimal, fields separated by a tab):
 *   R room name                              L log name
 *   U room log pos crc ts                    each record that any client saw, once
 *   S conn room log base last count hash     a segment; hash is the sum of tc_journal_mix(pos) mod
 * 2^64 G conn room log kind from to extra       kind: conflated, gap:REASON, cannot-recover:REASON
 *   E conn room log last                     the last position of a subscription that is still open
 * base is -1 before the first event of a room. log 0 is a log whose name the client was not told.
 */
#ifndef TC_TESTS_LIB_JOURNAL_H
#define TC_TESTS_LIB_JOURNAL_H

#include "tests/lib/scan.h"

#include <stdio.h>

enum { TC_JOURNAL_ROOMS_MAX = 131072, TC_JOURNAL_LOGS_MAX = 4096, TC_JOURNAL_NAME_MAX = 400 };

struct tc_journal {
    FILE *file; /* NULL: nothing is written, conflicts are found all the same */
    char (*rooms)[132];
    char (*logs)[TC_JOURNAL_NAME_MAX];
    uint32_t *room_slots; /* open hash of room index + 1 */
    uint32_t room_cnt, log_cnt;
    struct tc_journal_seen *seen; /* open hash of (room, log, pos) */
    uint64_t seen_cnt, seen_max;
};

/* path NULL: no file. records_max: distinct records that can be kept; more ends the program. */
void tc_journal_init(struct tc_journal *j, const char *path, uint64_t records_max);

uint32_t tc_journal_room(struct tc_journal *j, struct tc_scan_text name);
uint32_t tc_journal_log(struct tc_journal *j, struct tc_scan_text name); /* 0 for no name */

/* Notes a record. false: the same position was seen with another payload or time. */
bool tc_journal_record(struct tc_journal *j, uint32_t room, uint32_t log, int64_t pos, uint32_t crc,
                       int64_t ts);

/* A number that spreads pos over 64 bits (splitmix64), for the hash of a segment. */
uint64_t tc_journal_mix(int64_t pos);

/* Writes the records and closes the file. */
void tc_journal_fini(struct tc_journal *j);

#endif
